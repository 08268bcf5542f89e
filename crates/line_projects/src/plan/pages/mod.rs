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
use shell::view::{Crumb, Flash, Frame, Mark};
use shell::{App, Lang, Viewer};

use crate::state::Project;

const PLAN: &str = "/projects/{book}/projects/{project}/plan";
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

fn href(book: &BookId, project: &str, page: &str) -> String {
    let plan = format!("/projects/{book}/projects/{project}/plan");
    if page.is_empty() { plan } else { format!("{plan}/{page}") }
}

fn title_of(lang: Lang, project: &Project) -> String {
    match (lang, &project.title_en) {
        (Lang::En, Some(title)) => title.clone(),
        _ => project.title_zh.clone(),
    }
}

/// The frame of a page: the way down to the project, and what the last form did.
fn frame(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    (book, project): (&BookId, &Project),
    title: impl Into<String>,
    here: &str,
) -> Frame {
    let mut frame = viewer.frame(app, lang, title, here);
    let tree = app.tree();
    let unit = shell::viewer::resource_of(app, book).map(|resource| resource.unit).ok();
    frame.crumbs = unit
        .and_then(|unit| tree.unit(&unit))
        .map(|unit| Crumb {
            title: if lang == Lang::Zh { unit.title_zh.clone() } else { unit.title_en.clone() },
            href: None,
        })
        .into_iter()
        .collect();
    frame.crumbs.push(Crumb { title: title_of(lang, project), href: Some(href(book, &project.project, "")) });
    let done = here.split_once("done=").map(|(_, rest)| rest.split('&').next().unwrap_or_default());
    frame.flash = done
        .filter(|seq| !seq.is_empty() && seq.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|seq| Flash { mark: Mark::Done, text: frame.t.with("plan-recorded", &[("seq", seq)]) });
    frame
}
