//! Narrowing the list of projects, and its rows.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use base::Day;
use matters::Colour;
use serde::Deserialize;
use shell::table::{Direction, TableQuery, with_parameter};
use shell::view::{Cell, Choice, Field, FieldKind, Mark};
use shell::{App, T};

use crate::kinds::Phase;
use crate::pages::place::{Names, href, project_href, unit_title};
use crate::pages::{amounts, words};
use crate::state::Listed;

/// What the address asks for.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Wanted {
    pub unit: Option<String>,
    /// The figures' day.
    pub on: Option<String>,
    /// `year` for sums of this year alone.
    pub span: Option<String>,
    pub q: Option<String>,
    colour: Option<String>,
    phase: Option<String>,
    chain: Option<String>,
    programme: Option<String>,
    site: Option<String>,
}

/// The members that narrow the list.
const NARROWING: [&str; 6] = ["q", "colour", "phase", "chain", "programme", "site"];

impl Wanted {
    fn member(&self, name: &str) -> &str {
        let member = match name {
            "q" => &self.q,
            "colour" => &self.colour,
            "phase" => &self.phase,
            "chain" => &self.chain,
            "programme" => &self.programme,
            _ => &self.site,
        };
        member.as_deref().map_or("", str::trim)
    }

    pub fn is_narrowed(&self) -> bool {
        NARROWING.iter().any(|name| !self.member(name).is_empty())
    }

    /// The address without what narrows it.
    pub fn cleared(&self, here: &str) -> String {
        NARROWING
            .iter()
            .chain(&["page", "done"])
            .fold(here.to_owned(), |address, name| with_parameter(&address, name, None))
    }

    /// What the form of the filter keeps.
    pub fn kept(&self) -> Vec<(String, String)> {
        [("unit", &self.unit), ("on", &self.on), ("span", &self.span)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone().filter(|it| !it.is_empty())?)))
            .collect()
    }

    pub fn takes(&self, t: &T, names: &Names, listed: &Listed) -> bool {
        let project = &listed.project;
        let is = |name: &str, value: &str| {
            let wanted = self.member(name);
            wanted.is_empty() || wanted == value
        };
        is("colour", listed.course.colour.map_or("", Colour::as_str))
            && is("phase", project.phase.as_str())
            && is("chain", project.chain.as_deref().unwrap_or_default())
            && is("programme", project.programme.as_deref().unwrap_or_default())
            && is("site", &project.unit)
            && self.has_text(t, names, listed)
    }

    fn has_text(&self, t: &T, names: &Names, listed: &Listed) -> bool {
        let text = self.member("q").to_lowercase();
        let project = &listed.project;
        let chain = project.chain.as_deref().map_or_else(String::new, |it| names.chain(&listed.book, it));
        text.is_empty()
            || [
                project.project.as_str(),
                project.code.as_deref().unwrap_or_default(),
                &project.title_zh,
                project.title_en.as_deref().unwrap_or_default(),
                &project.builder,
                &project.address,
                &chain,
                &words::phase(t, project.phase),
            ]
            .iter()
            .any(|it| it.to_lowercase().contains(&text))
    }
}

/// How many projects have a colour, and the list of them.
pub struct ColourLink {
    pub mark: Mark,
    pub title: String,
    pub count: usize,
    pub href: String,
    pub current: bool,
}

/// What the list may be narrowed to, with how many projects each has.
pub struct Choices {
    colours: Vec<(Colour, usize)>,
    phases: Vec<Choice>,
    chains: Vec<Choice>,
    programmes: Vec<Choice>,
    sites: Vec<Choice>,
}

impl Choices {
    pub fn of(app: &App, t: &T, names: &Names, listed: &[Listed]) -> Self {
        let choices = |counts: BTreeMap<String, usize>, title: &dyn Fn(&str) -> String| {
            let choice = |(value, count): (String, usize)| Choice {
                title: format!("{} ({count})", title(&value)),
                value,
            };
            counts.into_iter().map(choice).collect()
        };
        let counted = |of: &dyn Fn(&Listed) -> Option<String>| {
            let mut counts = BTreeMap::new();
            for value in listed.iter().filter_map(of) {
                *counts.entry(value).or_insert(0) += 1;
            }
            counts
        };
        let phases = Phase::ALL.iter().filter_map(|phase| {
            let count = listed.iter().filter(|it| it.project.phase == *phase).count();
            let title = format!("{} ({count})", words::phase(t, *phase));
            (count > 0).then(|| Choice { value: phase.as_str().to_owned(), title })
        });
        let count = |colour| listed.iter().filter(|it| it.course.colour == Some(colour)).count();
        let (chains, programmes) = (names.all_chains(), names.all_programmes());
        let titled =
            |titles: &BTreeMap<&str, &str>, code: &str| (*titles.get(code).unwrap_or(&code)).to_owned();
        Self {
            colours: [Colour::Red, Colour::Yellow, Colour::Blue].map(|it| (it, count(it))).to_vec(),
            phases: phases.collect(),
            chains: choices(counted(&|it| it.project.chain.clone()), &|code| titled(&chains, code)),
            programmes: choices(counted(&|it| it.project.programme.clone()), &|code| {
                titled(&programmes, code)
            }),
            sites: choices(counted(&|it| Some(it.project.unit.clone())), &|code| {
                unit_title(app, t.lang(), code)
            }),
        }
    }

    /// The colours as links; nothing where no project has one yet.
    pub fn colours(&self, t: &T, wanted: &Wanted, here: &str) -> Vec<ColourLink> {
        if self.colours.iter().all(|(_, count)| *count == 0) {
            return Vec::new();
        }
        let plain = with_parameter(&with_parameter(here, "page", None), "done", None);
        let link = |(colour, count): &(Colour, usize)| {
            let current = wanted.member("colour") == colour.as_str();
            let to = (!current).then(|| colour.as_str());
            ColourLink {
                mark: words::mark(*colour),
                title: t.get(&format!("state-{}", colour.as_str())),
                count: *count,
                href: with_parameter(&plain, "colour", to),
                current,
            }
        };
        self.colours.iter().map(link).collect()
    }

    /// The fields of the filter; one with nothing to choose is left out.
    pub fn fields(&self, t: &T, wanted: &Wanted) -> Vec<Field> {
        let colours = self.colours.iter().filter(|(_, count)| *count > 0).map(|(colour, count)| Choice {
            value: colour.as_str().to_owned(),
            title: format!("{} ({count})", t.get(&format!("state-{}", colour.as_str()))),
        });
        [
            ("colour", "projects-colour", colours.collect()),
            ("phase", "projects-field-phase", self.phases.clone()),
            ("chain", "projects-field-chain", self.chains.clone()),
            ("programme", "projects-field-programme", self.programmes.clone()),
            ("site", "projects-place", self.sites.clone()),
        ]
        .into_iter()
        .filter(|(_, _, choices)| !choices.is_empty())
        .map(|(name, label, choices)| {
            let all = Choice { value: String::new(), title: t.get("projects-any") };
            let choices = std::iter::once(all).chain(choices).collect();
            Field::new(name, t.get(label), FieldKind::Choice(choices)).value(wanted.member(name))
        })
        .collect()
    }
}

/// Puts projects in order of what their words stand for, and says whether that was asked for: red before yellow, the
/// first phase before the last.
pub fn order(found: &mut [&Listed], asked: &TableQuery) -> bool {
    match asked.sort.0 {
        "colour" => found.sort_by_key(|it| (it.course.colour, Reverse(it.project.planned_finish))),
        "phase" => found.sort_by_key(|it| it.project.phase),
        _ => return false,
    }
    if asked.sort.1 == Direction::Descending {
        found.reverse();
    }
    true
}

/// The cells of a project as of a day.
pub fn row(app: &App, t: &T, names: &Names, listed: &Listed, on: Day) -> Vec<Cell> {
    let (lang, project, course) = (t.lang(), &listed.project, &listed.course);
    let page = project_href(&listed.book, &project.project, "");
    let finished = project.phase >= Phase::Finished;
    let percent = if finished { Some(10_000) } else { course.percent_bp };
    vec![
        Cell::text(names.project(project)).link(&page),
        linked(words::colour_cell(t, listed), &format!("{page}#colour")),
        Cell::text(words::phase(t, project.phase)),
        project.chain.as_deref().map_or_else(Cell::none, |chain| {
            Cell::text(names.chain(&listed.book, chain)).link(href(&listed.book, &format!("chain/{chain}")))
        }),
        Cell::text(unit_title(app, lang, &project.unit)),
        amounts::round_sum(lang, project.total_fen).link(format!("{page}#facts")),
        amounts::round_sum(lang, course.invested).link(format!("{page}#money")),
        linked(amounts::share(course.invested, course.due), &format!("{page}#money")),
        percent.map_or_else(Cell::none, |bp| amounts::percent_cell(bp).link(format!("{page}#reports"))),
        words::deadline(t, project.planned_finish, on, finished),
        course.reported_at.map_or_else(Cell::none, |at| {
            Cell::text(app.kernel.zone().day_of(at).to_string()).link(format!("{page}#reports"))
        }),
    ]
}

/// Nothing leads nowhere.
fn linked(cell: Cell, href: &str) -> Cell {
    if cell.text.is_empty() { cell } else { cell.link(href) }
}
