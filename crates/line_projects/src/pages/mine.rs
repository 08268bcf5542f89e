//! A team's own page, for the phone: its projects, and for each the way to a report.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::{BookId, SubjectId};
use ledger::Body;
use shell::pages::page;
use shell::view::{Badge, Frame, Link};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, T};
use store::StoreError;

use super::place::{Names, Place, flash, project_href};
use super::{amounts, forms, words};
use crate::kinds::{Phase, ProgressReported};
use crate::policy::READ;
use crate::state::{self, Listed};

pub fn router() -> Router<App> {
    Router::new().route("/my/projects", get(mine))
}

#[derive(Template)]
#[template(path = "mine.html")]
struct MinePage {
    frame: Frame,
    cards: Vec<Card>,
}

/// One project of the team.
struct Card {
    title: String,
    href: String,
    colour: Option<Badge>,
    phase: String,
    /// How far it was at the last report, and when that was.
    percent: Option<String>,
    reported: String,
    deadline: String,
    report: Option<String>,
    more: Vec<Link>,
}

/// The books in which the viewer acts for teams, and these.
fn teams(app: &App, viewer: &Viewer) -> Vec<(BookId, Vec<SubjectId>)> {
    let Some(actor) = viewer.actor() else { return Vec::new() };
    let tree = app.tree();
    let scope = access::scope(app.kernel.policy(), &tree, actor, ProgressReported::KIND);
    let books = tree.books().filter(|book| book.line == "projects");
    books
        .map(|book| (book.book.clone(), scope.owners(&tree, &book.unit, Some("projects"))))
        .filter(|(_, teams)| !teams.is_empty())
        .collect()
}

async fn mine(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
) -> Result<Response, Problem> {
    viewer.need_somewhere(&app, READ)?;
    let teams = teams(&app, &viewer);
    if teams.is_empty() {
        // Who keeps the list has the list.
        return Ok(Redirect::to("/projects").into_response());
    }
    let (names, listed) = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let books: Vec<BookId> = teams.iter().map(|(book, _)| book.clone()).collect();
                let mut listed = Vec::new();
                for (book, teams) in &teams {
                    listed.extend(state::listed(tx, std::slice::from_ref(book), Some(teams), None)?);
                }
                Ok::<_, StoreError>((Names::read(tx, &books, lang)?, listed))
            })
        })
        .await?;
    let t = app.texts.t(lang);
    let mut frame = viewer.frame(&app, lang, t.get("projects-mine"), &here);
    frame.flash = flash(&frame, &here);
    let cards =
        listed.iter().map(|it| card(&app, &viewer, lang, &t, &names, it)).collect::<Result<_, _>>()?;
    page(&MinePage { frame, cards })
}

fn card(app: &App, viewer: &Viewer, lang: Lang, t: &T, names: &Names, it: &Listed) -> Result<Card, Problem> {
    let project = &it.project;
    let place = Place::of(app, viewer, lang, it.book.as_str(), READ)?;
    let is_finished = project.phase >= Phase::Finished;
    let about = format!("?project={}", project.project);
    let more: &[&str] = match is_finished {
        true => &["pay", "phase", "visit"],
        false => &["blocker", "invest", "pay", "contract", "phase", "visit"],
    };
    let today = app.today();
    let reported = it.course.reported_at.map(|at| app.kernel.zone().day_of(at));
    Ok(Card {
        title: names.project(project),
        href: project_href(&it.book, &project.project, ""),
        colour: it.course.colour.map(|colour| words::colour(t, colour)),
        phase: words::phase(t, project.phase),
        percent: it.course.percent_bp.map(amounts::percent),
        reported: match reported {
            Some(day) if day == today => t.get("projects-reported-today"),
            Some(day) => t.with("projects-reported-on", &[("day", day.to_string())]),
            None => t.get("projects-not-reported"),
        },
        deadline: words::deadline(t, project.planned_finish, today, is_finished).text,
        report: (!is_finished).then(|| project_href(&it.book, &project.project, "report")),
        more: forms::links(app, viewer, &place, t, more, &about),
    })
}
