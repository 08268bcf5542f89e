//! The first page: the places that the viewer may go to.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::app::App;
use crate::problem::Problem;
use crate::viewer::{Asked, Here, Viewer};

pub fn router() -> Router<App> {
    Router::new().route("/", get(home))
}

/// Leads to the viewer's first place; somebody who may go nowhere is told whom to ask.
async fn home(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
) -> Result<Response, Problem> {
    let Some(actor) = viewer.actor() else { return Ok(Redirect::to("/sign-in").into_response()) };
    let frame = viewer.frame(&app, lang, "", &here);
    match frame.nav.first() {
        Some(first) => Ok(Redirect::to(&first.href).into_response()),
        None => {
            let detail = crate::texts::Both::new(
                format!("账户 {} 尚未授予任何角色，请联系本单位管理员。", actor.id),
                format!("{} holds no role yet; ask your unit's administrator", actor.id),
            );
            Err(Problem::forbidden(detail))
        }
    }
}
