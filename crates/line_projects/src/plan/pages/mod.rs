//! The pages of a plan: the plan itself with its chart and curve, and the way in for a file.

mod gantt;
mod overview;
mod scurve;
mod send;
mod upload;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use base::BookId;
use base::limits::PLAN_BYTES_MAX;
use shell::view::{Crumb, Frame};
use shell::{App, Lang, Problem, Viewer};

use crate::pages::place::{Place, in_lang, project_href};
use crate::policy::READ;
use crate::state::Project;

const PLAN: &str = "/projects/{book}/project/{project}/plan";
/// A form's other fields are short.
const FORM_BYTES_MAX: usize = PLAN_BYTES_MAX + 64 * 1024;

pub fn router() -> Router<App> {
    let limit = DefaultBodyLimit::max(FORM_BYTES_MAX);
    Router::new()
        .route(PLAN, get(overview::show))
        .route(&format!("{PLAN}/file"), get(overview::file))
        .route(&format!("{PLAN}/import"), get(upload::show).post(upload::send).layer(limit))
        .route(&format!("{PLAN}/accept"), post(upload::accept))
        .route(&format!("{PLAN}/deadline"), post(send::deadline))
        .route(&format!("{PLAN}/overlap"), post(send::overlap))
        .route(&format!("{PLAN}/baseline"), post(send::baseline))
        .route(&format!("{PLAN}/duration"), post(send::duration))
}

/// The address of a page of a plan.
fn href(book: &BookId, project: &str, page: &str) -> String {
    project_href(book, project, &if page.is_empty() { "plan".to_owned() } else { format!("plan/{page}") })
}

/// The frame of a page: the way down to the project, and what the last form did.
fn frame(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    (book, project): (&BookId, &Project),
    title: &str,
    here: &str,
) -> Result<Frame, Problem> {
    let place = Place::of(app, viewer, lang, book.as_str(), READ)?;
    let mut frame = place.frame(app, viewer, lang, app.texts.t(lang).get(title), here);
    let name = in_lang(lang, &project.title_zh, project.title_en.as_deref().unwrap_or(&project.title_zh));
    frame.crumbs.push(Crumb { title: name, href: Some(project_href(book, &project.project, "")) });
    Ok(frame)
}
