//! The key projects of the demonstration year: Leling's list, Yucheng's road and chains, the renovation of the markets;
//! and the development zone's projects around the day of loading.

mod course;
mod leling;
mod office;
mod owed;
mod registry;
mod renovation;
mod step;
mod today;
mod yucheng;

use std::collections::{BTreeSet, HashMap};

use base::Time;

use crate::dice::Dice;
use crate::loader::Loader;
use crate::{Error, book, org};
use step::{Pen, Step};

const REGISTRY: &str = include_str!("../../../../demo/projects/registry.json");
/// Stands for every report that an office would keep.
const REPORT: &[u8] = include_bytes!("../../../../demo/projects/report.pdf");
/// Steps of one transaction at most.
const AT_ONCE: usize = 64;

/// The text of `demo/projects/registry.json`.
pub(crate) fn registry() -> String {
    registry::print()
}

/// What lies after `now` has not happened yet.
pub(crate) fn load(loader: &Loader<'_>, now: Time) -> Result<(), Error> {
    org::load(loader.kernel, &loader.actor, "projects/registry.json", REGISTRY)?;
    let projects = leling::projects();
    write(loader, now, "leling-projects", |pen| {
        registry::found_chains(pen, "371481");
        for (at, project) in projects.iter().enumerate() {
            course::write(pen, project, at + 1);
        }
        office::write(pen, &projects);
        owed::write(pen, &projects);
    })?;
    write(loader, now, "yucheng-projects", yucheng::write)?;
    write(loader, now, "market-renovation", renovation::write)?;
    let day = loader.kernel.zone().day_of(now);
    write(loader, now, "jingkai-projects", |pen| today::write(pen, day))
}

/// Records what a pen writes in the order of time.
fn write(loader: &Loader<'_>, now: Time, name: &str, tell: impl FnOnce(&mut Pen<'_>)) -> Result<(), Error> {
    let book = book(name);
    let kept = loader.kernel.keep_evidence(&loader.actor, &book, REPORT.to_vec());
    let report = kept.map_err(|error| Error::Append(error.to_string()))?;
    let mut pen = Pen { zone: loader.kernel.zone(), book: &book, report: report.clone(), steps: Vec::new() };
    tell(&mut pen);
    let mut steps = pen.steps;
    steps.retain(|step| step.at() <= now);
    steps.sort_by_key(Step::at);
    for (at, group) in groups(steps).into_iter().enumerate() {
        let report = report.clone();
        loader.once(&book, &format!("projects/{at}"), move |desk, book, actor| {
            group.iter().try_for_each(|step| step.take(desk, book, actor, &report))
        })?;
    }
    Ok(())
}

/// Cuts steps into groups in which none rests on another: a decision does not see what was drafted with it.
fn groups(steps: Vec<Step>) -> Vec<Vec<Step>> {
    let mut groups: Vec<Vec<Step>> = vec![Vec::new()];
    let mut touched: BTreeSet<String> = BTreeSet::new();
    // The end of an errand, and the decision on a permit, do not name the project that it was for.
    let mut projects: HashMap<String, String> = HashMap::new();
    for step in steps {
        let part = step.noun("item").or_else(|| step.noun("permit"));
        let project = step.noun("project").or_else(|| projects.get(part.as_ref()?).cloned());
        projects.extend(part.zip(project.clone()));
        let nouns = [project, step.noun("chain"), step.noun("programme")];
        let nouns: Vec<String> = nouns.into_iter().flatten().collect();
        let group = groups.last_mut().expect("there is one from the beginning");
        if group.len() >= AT_ONCE || nouns.iter().any(|noun| touched.contains(noun)) {
            touched.clear();
            groups.push(vec![step]);
        } else {
            group.push(step);
        }
        touched.extend(nouns);
    }
    groups
}

fn dice_days(dice: &mut Dice, low: i64, high: i64) -> i32 {
    i32::try_from(dice.between(low, high)).expect("a few hundred days")
}
