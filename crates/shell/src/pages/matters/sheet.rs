//! The sheet of a matter: what is owed, by whom and until when, its colour and why, and what happened.

use std::collections::BTreeSet;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use base::BookId;
use base::limits::PAGE_ROWS_MAX;
use kernel::{TASK_SORT, Verdict};
use ledger::Entry;
use matters::{ColourRule, Matter, MatterId, Opened, Rulebook, Verb};
use serde::Deserialize;
use store::{StoreError, Tx};

use super::Visit;
use super::history::{FileLink, Told};
use super::judged::{Ground, Rung};
use crate::api::ledger::may_read;
use crate::app::App;
use crate::docket;
use crate::extract::{Path, Query};
use crate::live::{Events, PAUSE, follow};
use crate::pages::page;
use crate::problem::Problem;
use crate::said;
use crate::texts::Lang;
use crate::view::{Badge, Cell, Frame};
use crate::viewer::Viewer;

pub fn router() -> Router<App> {
    Router::new().route("/matters/{book}/{name}", get(sheet))
}

pub fn streams() -> Router<App> {
    Router::new().route("/matters/{book}/{name}/live", get(live))
}

/// A move that the viewer may make.
pub struct Way {
    pub title: String,
    pub href: String,
    /// Whether nothing has to be said with it.
    pub plain: bool,
    pub primary: bool,
}

#[derive(Template)]
#[template(path = "matters/sheet.html")]
struct SheetPage {
    frame: Frame,
    standing: Badge,
    facts: Vec<(String, Cell)>,
    ruled: Option<String>,
    grounds: Vec<Ground>,
    rungs: Vec<Rung>,
    /// Pauses and approved reasons.
    stops: Vec<String>,
    files: Vec<FileLink>,
    ways: Vec<Way>,
    version: u32,
    history: Vec<Told>,
    source: String,
}

/// A matter with all that its page tells.
pub struct Read {
    pub matter: Matter,
    pub verdict: Verdict,
    /// The entries about it, newest first.
    pub history: Vec<Entry>,
    /// Digests of files that were handed in and erased.
    pub gone: BTreeSet<String>,
    pub rulebook: std::sync::Arc<Rulebook>,
    /// What the matter is about, and the page that shows it.
    pub about: Vec<(String, String)>,
}

impl Read {
    pub fn rule(&self) -> Option<&ColourRule> {
        self.rulebook.newest(&self.matter.rule)
    }
}

/// A matter that the viewer may read.
pub async fn read(visit: &Visit, id: &MatterId) -> Result<Read, Problem> {
    let matter = docket::readable(&visit.app, &visit.viewer, id).await?;
    let (asked, app, viewer, lang) =
        (matter.clone(), visit.app.clone(), visit.viewer.clone(), visit.t.lang());
    let (verdict, history, gone, rulebook, about) = visit
        .app
        .blocking(move |kernel| {
            let history = kernel.matter_history(&asked.id, PAGE_ROWS_MAX)?;
            let about = kernel.read(|tx| about(&app, &viewer, tx, lang, &asked, &history))?;
            let named = history.iter().flat_map(|entry| &entry.evidence);
            let gone = kernel.files_gone(&asked.id.book(), named)?;
            Ok::<_, StoreError>((kernel.judge(&asked)?, history, gone, kernel.rulebook()?, about))
        })
        .await?;
    Ok(Read { matter, verdict, history, gone, rulebook, about })
}

/// What a matter was opened about. What no line shows is shown by its entries, and so is what lies in a book that the viewer
/// may not read.
fn about(
    app: &App,
    viewer: &Viewer,
    tx: &mut dyn Tx,
    lang: Lang,
    matter: &Matter,
    history: &[Entry],
) -> Result<Vec<(String, String)>, StoreError> {
    let opened = history.iter().find(|entry| entry.body::<Opened>().is_ok());
    let subjects = opened.iter().flat_map(|entry| &entry.subjects);
    subjects
        .filter(|it| it.id != *matter.id.subject())
        .map(|it| {
            let entries = || (it.id.local_part().to_owned(), crate::href::about(&matter.id.book(), &it.id));
            let home = it.id.home().and_then(|home| BookId::new(home).ok());
            // What a matter of a line is about, the line says; what somebody's task is about, whoever gave it.
            let is_told = matter.sort.as_str() != TASK_SORT;
            let may_read = |home| is_told && home == matter.id.book() || may_read(app, viewer, &home).is_ok();
            if !home.is_some_and(may_read) {
                return Ok(entries());
            }
            Ok(said::shown(app, tx, lang, &it.id)?.unwrap_or_else(entries))
        })
        .collect()
}

/// The page of a matter.
pub fn href(matter: &Matter) -> String {
    crate::href::matter(matter.id.subject()).unwrap_or_default()
}

async fn sheet(Path((book, name)): Path<(String, String)>, visit: Visit) -> Result<Response, Problem> {
    let read = read(&visit, &docket::id_of(&book, &name)?).await?;
    let matter = &read.matter;
    let best = visit.best(read.rule());
    let told: Result<Vec<Told>, Problem> =
        read.history.iter().map(|entry| visit.told(entry, &read.gone)).collect();
    let assessment = read.verdict.assessment.as_ref();
    let submitted = matter.submission.iter().flat_map(|it| &it.evidence);
    let view = SheetPage {
        frame: visit.frame(matter.title.clone()),
        standing: visit.standing(matter, best),
        facts: facts(&visit, &read),
        ruled: read.rule().map(|rule| visit.ruled(rule, &read.verdict)),
        grounds: assessment.map(|it| visit.grounds(it, best)).unwrap_or_default(),
        rungs: read.rule().map(|rule| visit.rungs(rule, matter, &read.history)).unwrap_or_default(),
        stops: stops(&visit, matter),
        files: submitted.map(|file| visit.file(&matter.id, file, &read.gone)).collect(),
        ways: ways(&visit, matter),
        version: matter.version.0,
        history: told?,
        source: format!("{}/live?shown={}", href(matter), stamp(&read.history)),
    };
    page(&view)
}

/// What is owed, by whom, and until when.
fn facts(visit: &Visit, read: &Read) -> Vec<(String, Cell)> {
    let matter = &read.matter;
    let state = if matter.is_paused() { visit.get("matter-paused") } else { visit.state(matter.state) };
    let mut facts = vec![
        (visit.get("matter-sort"), Cell::text(visit.sort(matter.sort.as_str()))),
        (visit.get("matter-state"), Cell::text(state)),
        (visit.get("matter-owner"), Cell::text(visit.post(&matter.owner))),
    ];
    if !matter.helpers.is_empty() {
        facts.push((visit.get("matter-helpers"), Cell::text(visit.posts(&matter.helpers))));
    }
    facts.push((visit.get("matter-reviewer"), Cell::text(visit.post(&matter.reviewer))));
    if let Some(deadline) = read.verdict.deadline {
        let day = visit.deadline(deadline);
        let left = visit.left(matter, Some(deadline.value)).text;
        let text = if left.is_empty() { day } else { format!("{day} · {left}") };
        facts.push((visit.get("matter-due"), Cell::text(text)));
    } else {
        facts.push((visit.get("matter-due"), Cell::text(visit.get("matter-stands"))));
    }
    facts.push((visit.get("matter-counted"), Cell::text(visit.counted(&matter.due))));
    let moment = |at| Cell::date_time(visit.app.moment(at));
    facts.push((visit.get("matter-begun"), moment(matter.begun)));
    facts.extend(matter.closed.map(|at| (visit.get("matter-closed"), moment(at))));
    let about = read.about.iter();
    facts.extend(about.map(|(title, href)| (visit.get("matter-about"), Cell::text(title).link(href))));
    facts
}

/// The days that were left out of the count, and the reasons that were approved.
fn stops(visit: &Visit, matter: &Matter) -> Vec<String> {
    let zone = visit.app.kernel.zone();
    let day = |at| zone.day_of(at).to_string();
    let pauses = matter.pauses.iter().map(|pause| {
        let until = pause.until.map_or_else(|| visit.get("matter-pause-open"), day);
        visit.t.with("matter-pause", &[("from", day(pause.from)), ("until", until)])
    });
    let excuses = matter.excuses.iter().map(|excuse| {
        let args = [
            ("inputs", visit.inputs(&excuse.inputs)),
            ("from", excuse.from.to_string()),
            ("until", excuse.until.to_string()),
        ];
        visit.t.with("matter-told-excused", &args)
    });
    pauses.chain(excuses).collect()
}

/// What the viewer may do, first what comes next.
fn ways(visit: &Visit, matter: &Matter) -> Vec<Way> {
    let way = |verb: Verb| Way {
        title: visit.verb(verb),
        href: format!("{}/do/{}", href(matter), verb.as_str()),
        plain: is_plain(verb),
        primary: matches!(verb, Verb::Taken | Verb::Submitted | Verb::Accepted | Verb::Resumed),
    };
    let mut ways: Vec<Way> =
        docket::moves_of(&visit.app, &visit.viewer, matter).into_iter().map(way).collect();
    ways.sort_by_key(|way| !way.primary);
    ways
}

/// Whether nothing has to be said with a move.
pub fn is_plain(verb: Verb) -> bool {
    matches!(verb, Verb::Taken | Verb::Accepted | Verb::Resumed)
}

#[derive(Debug, Deserialize)]
struct Shown {
    shown: Option<String>,
}

/// Says that something happened to a matter; the page then asks for what it shows anew.
async fn live(
    Path((book, name)): Path<(String, String)>,
    visit: Visit,
    Query(Shown { shown }): Query<Shown>,
) -> Result<Events, Problem> {
    let matter = docket::readable(&visit.app, &visit.viewer, &docket::id_of(&book, &name)?).await?;
    let (id, subject) = (matter.id.clone(), matter.id.subject().clone());
    let home = id.book();
    let concerns =
        move |entry: &Entry| entry.book == home && entry.subjects.iter().any(|it| it.id == subject);
    let (app, viewer) = (visit.app.clone(), visit.viewer.clone());
    Ok(follow((&app, &viewer), ("changed", shown), PAUSE, concerns, move || {
        let (visit, id) = (visit.clone(), id.clone());
        async move {
            let latest = visit.app.blocking(move |kernel| kernel.matter_history(&id, 1)).await;
            latest.ok().map(|history| stamp(&history))
        }
    }))
}

/// Tells how far a history has come.
fn stamp(history: &[Entry]) -> String {
    history.first().map_or_else(String::new, |entry| entry.seq.to_string())
}
