//! One project: how far it is, its colour and why, its money, and everything that was recorded of it.

mod blocks;
mod tables;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::{BookId, SubjectId};
use kernel::{Kernel, TASK_SORT, Verdict};
use ledger::Entry;
use matters::{Matter, Opened};
use shell::curves::Curves;
use shell::extract::Path;
use shell::pages::page;
use shell::view::{Badge, FigureTile, Frame, Link, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem};
use store::StoreError;

use super::place::{Names, Place};
use super::{course, forms};
use crate::kinds::Phase;
use crate::policy::READ;
use crate::sorts::{self, Name};
use crate::state::{
    self, Assistance, Contract, MonthRow, Owed, Part, Payment, Permit, Project, Proxy, Reached, Report, Visit,
};
use blocks::{File, Missing, Step};

pub fn router() -> Router<App> {
    Router::new().route("/projects/{book}/project/{project}", get(project))
}

/// Rows of what happened that are shown; the page of the project's entries has all.
const ROWS: usize = 10;
/// Permits of one project at most.
const PERMITS: usize = 100;
/// Entries among which photos and papers are looked for, and how many of them are shown.
const ENTRIES: usize = 200;
const FILES: usize = 12;

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    frame: Frame,
    actions: Vec<Link>,
    steps: Vec<Step>,
    colour: Option<Badge>,
    /// Why it has its colour, one reason a line.
    reasons: Vec<Badge>,
    /// Which rule says so, and of which day.
    rule: Option<String>,
    tiles: Vec<FigureTile>,
    facts: Vec<(String, String, Option<String>)>,
    curve: Option<Curves>,
    no_curve: shell::view::Empty,
    tables: Vec<TableView>,
    /// What nothing was recorded of yet.
    missing: Vec<Missing>,
    files: Vec<File>,
    history: TableView,
}

/// All that the page shows.
struct Read {
    names: Names,
    phases: Vec<Reached>,
    months: Vec<MonthRow>,
    contracts: Vec<Contract>,
    parts: Vec<Part>,
    payments: Vec<Payment>,
    reports: Vec<Report>,
    visits: Vec<Visit>,
    assistance: Vec<Assistance>,
    proxies: Vec<Proxy>,
    owed: Vec<Owed>,
    permits: Vec<Permit>,
    entries: Vec<Entry>,
    /// What each entry says, in words.
    said: Vec<String>,
    files: Vec<(usize, String, bool)>,
    matter: Option<(Matter, Verdict)>,
}

async fn project(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, &viewer, lang, &book, READ)?;
    let project = place.project(&app, &name).await?;
    let read = read(&app, lang, &place, &project).await?;
    let t = app.texts.t(lang);
    let mut frame = place.frame(&app, &viewer, lang, read.names.project(&project), &here);
    frame.as_of = Some(shell::format::date_time(app.moment(app.kernel.now())));
    let verdict = read.matter.as_ref().and_then(|(_, verdict)| verdict.assessment.as_ref());
    let may = |form: &str| forms::may(&app, &viewer, &place, form);
    let with = tables::With { app: &app, t: &t, place: &place, project: &project, read: &read, may: &may };
    let (tables, missing) = blocks::part(vec![
        tables::owed(&with, "blockers", sorts::BLOCKER, Some("blocker")),
        tables::permits(&with),
        tables::owed(&with, "milestones", sorts::MILESTONE, Some("milestone")),
        tables::contracts(&with),
        tables::parts(&with),
        tables::reports(&with),
        tables::visits(&with),
        tables::proxies(&with),
        tables::assistance(&with),
        tables::owed(&with, "measures", sorts::MEASURE, None),
    ]);
    page(&ProjectPage {
        actions: actions(&app, &viewer, &with),
        steps: blocks::steps(&with),
        colour: read.matter.as_ref().map(|(matter, verdict)| blocks::colour(&t, matter, verdict)),
        reasons: verdict.map_or_else(Vec::new, |it| blocks::reasons(lang, it)),
        rule: verdict.map(|it| blocks::rule(&t, it)),
        tiles: blocks::tiles(&with),
        facts: blocks::facts(&with),
        curve: course::money(&t, app.kernel.zone(), app.today(), &read.months, &read.payments),
        no_curve: blocks::no_curve(&with),
        tables,
        missing,
        files: blocks::files(&with),
        history: tables::history(&with),
        frame,
    })
}

/// The forms that are reached from a project.
const ACTIONS: [&str; 14] = [
    "blocker",
    "invest",
    "pay",
    "phase",
    "contract",
    "permit",
    "milestone",
    "visit",
    "proxy",
    "assistance",
    "plan",
    "statistics",
    "accepted",
    "amend",
];

fn actions(app: &App, viewer: &Viewer, with: &tables::With<'_>) -> Vec<Link> {
    let project = with.project;
    let may_report = !with.is_finished() && (with.may)("report");
    let report = Link {
        title: with.t.get("projects-form-report"),
        href: with.place.of_project(&project.project, "report"),
    };
    let applies = |name: &&str| match *name {
        "statistics" => project.statistics_at.is_none(),
        "accepted" => with.is_finished() && project.accepted_at.is_none(),
        "blocker" | "permit" | "milestone" => !with.is_finished(),
        "phase" => project.phase < Phase::Producing,
        _ => true,
    };
    let names: Vec<&str> = ACTIONS.into_iter().filter(|name| applies(name)).collect();
    let about = format!("?project={}", project.project);
    let forms = forms::links(app, viewer, with.place, with.t, &names, &about);
    let plan =
        Link { title: with.t.get("plan-title"), href: with.place.of_project(&project.project, "plan") };
    std::iter::once(plan).chain(may_report.then_some(report)).chain(forms).collect()
}

/// Whether an entry opens a task, which people give by hand.
fn is_task(entry: &Entry) -> bool {
    entry.body::<Opened>().is_ok_and(|opened| opened.sort.as_str() == TASK_SORT)
}

async fn read(app: &App, lang: Lang, place: &Place, project: &Project) -> Result<Read, Problem> {
    let is_team = place.sight.teams().is_some();
    let (of, t, book, name) = (app.clone(), app.texts.t(lang), place.book.clone(), project.project.clone());
    app.blocking(move |kernel| {
        let (entries, said) = kernel.read(|tx| {
            let mut entries = kernel::entries::about(tx, &book, &id("project", &book, &name)?, ENTRIES)?;
            // What somebody is to do about a project is not for its team to know: only what the project itself brings is.
            entries.retain(|entry| !is_team || !is_task(entry));
            let said = entries.iter().take(ROWS).map(|entry| blocks::said(&of, tx, &t, entry));
            let said = said.collect::<Result<Vec<_>, StoreError>>()?;
            Ok::<_, StoreError>((entries, said))
        })?;
        let files = files(kernel, &book, &entries)?;
        let matter = match kernel.matter(&Name::Project(&name).matter(&book)?)? {
            Some(matter) => {
                let verdict = kernel.judge(&matter)?;
                Some((matter, verdict))
            }
            None => None,
        };
        kernel.read(|tx| {
            Ok::<_, StoreError>(Read {
                names: Names::read(tx, std::slice::from_ref(&book), lang)?,
                phases: state::phases(tx, &book, &name)?,
                months: state::months(tx, &book, &name)?,
                contracts: state::contracts(tx, &book, &name)?,
                parts: state::parts(tx, &book, &name)?,
                payments: state::payments(tx, &book, &name)?,
                reports: state::reports(tx, &book, &name, ROWS)?,
                visits: state::visits(tx, &book, Some(&name), ROWS)?,
                assistance: state::assistance(tx, &book, Some(&name), ROWS)?,
                proxies: state::proxies(tx, &book, Some(&name), ROWS)?,
                owed: state::owed(tx, &book, &name, None)?,
                permits: state::permits(tx, &book, Some(&name), PERMITS)?,
                entries,
                said,
                files,
                matter,
            })
        })
    })
    .await
}

fn id(scheme: &str, book: &BookId, local: &str) -> Result<SubjectId, StoreError> {
    SubjectId::local(scheme, book, local).map_err(|error| StoreError::Schema(error.to_string()))
}

/// The photos and papers of entries, the latest first: the place of the entry, the file, and whether it is a picture.
fn files(
    kernel: &Kernel,
    book: &BookId,
    entries: &[Entry],
) -> Result<Vec<(usize, String, bool)>, StoreError> {
    let all =
        entries.iter().enumerate().flat_map(|(at, entry)| entry.evidence.iter().map(move |it| (at, it)));
    all.take(FILES)
        .map(|(at, digest)| {
            let kind = kernel.evidence_type(book, digest)?;
            Ok((at, digest.clone(), kind.is_some_and(|kind| kind.starts_with("image/"))))
        })
        .collect()
}
