//! The pages of key projects: the list of a county or city, a project, its programme and chain, and what its team
//! sends from the site.

mod amounts;
mod course;
mod forms;
mod groups;
mod mine;
mod owed;
pub(crate) mod place;
mod portfolio;
mod project;
mod registers;
mod report;
mod typed;
pub(crate) mod words;

use axum::Router;
use base::{BookId, SubjectId};
use shell::{App, Lang};
use store::{StoreError, Tx};

use crate::state;
use place::in_lang;

pub fn router() -> Router<App> {
    Router::new()
        .merge(portfolio::router())
        .merge(project::router())
        .merge(groups::router())
        .merge(registers::router())
        .merge(mine::router())
        .merge(report::router())
        .merge(forms::router())
        .merge(crate::plan::pages::router())
}

/// The page of a subject of the line.
pub fn page_of(id: &SubjectId) -> Option<String> {
    let page = match id.scheme() {
        scheme @ ("project" | "programme" | "chain") => scheme,
        _ => return None,
    };
    Some(format!("/projects/{}/{page}/{}", id.home()?, shell::href::segment(id.local_part())))
}

/// What a value of an entry's field is called, where the line's own registers say.
pub fn title(
    tx: &mut dyn Tx,
    book: &BookId,
    lang: Lang,
    field: &str,
    value: &str,
) -> Result<Option<String>, StoreError> {
    let said = |zh: &str, en: Option<&str>| in_lang(lang, zh, en.unwrap_or(zh));
    Ok(match field {
        "project" => state::project(tx, book, value)?.map(|it| said(&it.title_zh, it.title_en.as_deref())),
        "chain" => state::chain(tx, book, value)?.map(|it| said(&it.title_zh, it.title_en.as_deref())),
        "programme" => {
            state::programme(tx, book, value)?.map(|it| said(&it.title_zh, it.title_en.as_deref()))
        }
        _ => None,
    })
}
