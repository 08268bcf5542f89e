//! The key projects of the demonstration year: Leling's list, Yucheng's road and chains, the renovation of the markets.

mod course;
mod leling;
mod office;
mod registry;
mod renovation;
mod yucheng;

use std::collections::{BTreeSet, HashMap};

use base::{BookId, Time};
use kernel::AppendError;
use line_projects::record::{Input, record};

use crate::loader::Loader;
use crate::{Error, book, org};
use course::Pen;

const REGISTRY: &str = include_str!("../../../../demo/projects/registry.json");
/// Stands for every report that an office would keep.
const REPORT: &[u8] = include_bytes!("../../../../demo/projects/report.pdf");
/// Inputs of one transaction at most.
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
    })?;
    write(loader, now, "yucheng-projects", yucheng::write)?;
    write(loader, now, "market-renovation", renovation::write)
}

/// Records what a pen writes in the order of time.
fn write(loader: &Loader<'_>, now: Time, name: &str, tell: impl FnOnce(&mut Pen<'_>)) -> Result<(), Error> {
    let book = book(name);
    let kept = loader.kernel.keep_evidence(&book, REPORT.to_vec());
    let report = kept.map_err(|error| Error::Append(error.to_string()))?;
    let mut pen = Pen { zone: loader.kernel.zone(), report, inputs: Vec::new() };
    tell(&mut pen);
    let mut inputs = pen.inputs;
    inputs.retain(|input| input.occurred.is_none_or(|occurred| occurred <= now));
    inputs.sort_by_key(|input| input.occurred);
    for (at, group) in groups(inputs).into_iter().enumerate() {
        record_group(loader, &book, at, group)?;
    }
    Ok(())
}

/// Cuts inputs into groups in which none rests on another: a decision does not see what was drafted with it.
fn groups(inputs: Vec<Input>) -> Vec<Vec<Input>> {
    let mut groups: Vec<Vec<Input>> = vec![Vec::new()];
    let mut touched: BTreeSet<String> = BTreeSet::new();
    // The end of an errand does not name the project that it was done for.
    let mut projects: HashMap<String, String> = HashMap::new();
    for input in inputs {
        let text = |noun: &str| input.body[noun].as_str().map(str::to_owned);
        let project = text("project").or_else(|| projects.get(&text("item")?).cloned());
        projects.extend(text("item").zip(project.clone()));
        let nouns = [project, text("chain"), text("programme")];
        let nouns: Vec<String> = nouns.into_iter().flatten().collect();
        let group = groups.last_mut().expect("there is one from the beginning");
        if group.len() >= AT_ONCE || nouns.iter().any(|noun| touched.contains(noun)) {
            touched.clear();
            groups.push(vec![input]);
        } else {
            group.push(input);
        }
        touched.extend(nouns);
    }
    groups
}

fn record_group(loader: &Loader<'_>, book: &BookId, at: usize, group: Vec<Input>) -> Result<(), Error> {
    loader.once(book, &format!("projects/{at}"), move |desk, book, actor| {
        group.iter().try_for_each(|input| {
            record(desk, book, actor, input).map(drop).map_err(|error| match error {
                AppendError::Refused(mut refusal) => {
                    refusal.detail = format!("{} of {:?}: {}", input.kind, input.body, refusal.detail);
                    AppendError::Refused(refusal)
                }
                other => other,
            })
        })
    })
}
