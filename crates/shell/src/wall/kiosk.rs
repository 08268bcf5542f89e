//! Screens without anybody signed in: who looks at a wall, and the link that lets a screen in.
//!
//! The link carries a token behind its `#`, which browsers send to no server and put into no log. The page's script takes
//! it out of the address and posts it once, for a session in a cookie that is sent with requests for walls alone.

use std::sync::Arc;

use access::{Actor, scope};
use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base::UnitCode;
use serde::Deserialize;

use super::ground::READ;
use crate::app::{App, append_problem};
use crate::extract::{body, need_json, read_json};
use crate::problem::Problem;
use crate::texts::Both;
use crate::turns::Turn;
use crate::view::{Frame, Sheet};
use crate::viewer::{Asked, Here, Viewer, caller, cookie};

/// The name of a screen's cookie.
pub const COOKIE: &str = "taizhang_kiosk";

/// Bytes of what a screen posts.
const BYTES_MAX: usize = 1_024;

/// Who looks at a wall: somebody signed in, a program, or a screen.
#[derive(Debug, Clone)]
pub struct Onlooker {
    pub viewer: Viewer,
    /// A screen opens nothing but walls.
    pub is_kiosk: bool,
    /// A screen's turn to read: whoever signed in has one already.
    pub turn: Option<Turn>,
}

impl FromRequestParts<App> for Onlooker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        let secret = match &viewer {
            Viewer::Nobody => cookie(&parts.headers, COOKIE).map(str::to_owned),
            _ => None,
        };
        let Some(secret) = secret else { return Ok(Self { viewer, is_kiosk: false, turn: None }) };
        let turn = app.limits.turns.of_screen(&screen(app, &secret).await?.id).await?;
        // While it waited its link may have been revoked.
        let viewer = Viewer::Program(Arc::new(screen(app, &secret).await?));
        Ok(Self { viewer, is_kiosk: true, turn: Some(turn) })
    }
}

async fn screen(app: &App, secret: &str) -> Result<Actor, Problem> {
    let secret = secret.to_owned();
    app.blocking(move |kernel| kernel.kiosk(&secret)).await?.ok_or_else(ended)
}

impl Onlooker {
    /// The highest unit whose wall may be seen.
    pub fn highest(&self, app: &App) -> Result<UnitCode, Problem> {
        highest(app, &self.viewer)
    }
}

fn highest(app: &App, viewer: &Viewer) -> Result<UnitCode, Problem> {
    viewer.need_somewhere(app, READ)?;
    let tree = app.tree();
    let actor = viewer.actor().ok_or_else(Problem::unauthorized)?;
    let seen = scope(app.kernel.policy(), &tree, actor, READ);
    let units = seen.sights().iter().map(|sight| &sight.root);
    units.min_by_key(|unit| tree.ancestors(unit).len()).cloned().ok_or_else(Problem::not_found)
}

/// 403: the link is no good, or not any more.
fn ended() -> Problem {
    Problem::forbidden(Both::new(
        "大屏链接无效、已到期或已被撤销，请联系管理员重新签发。",
        "the link of this screen is no good, has expired or was revoked; ask the administrator for a new one",
    ))
}

#[derive(Template)]
#[template(path = "kiosk.html")]
struct KioskPage {
    frame: Frame,
}

/// The page that the link leads to.
pub async fn page(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
) -> Result<Response, Problem> {
    let title = app.texts.t(lang).get("kiosk-title");
    let mut frame = viewer.frame(&app, lang, title, &here);
    frame.sheet = Sheet::Public;
    frame.nav.clear();
    crate::pages::page(&KioskPage { frame })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    token: String,
}

/// Exchanges the token for a screen's session.
pub async fn open(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    need_json(&request)?;
    let address = caller(&app, &request);
    app.limits.sign_in(format!("kiosk {address}"))?;
    app.limits.sign_in_site(address)?;
    let Posted { token } = read_json(&body(request, BYTES_MAX).await?)?;
    let opened = app.blocking(move |kernel| {
        kernel.open_kiosk(&token).map_err(|error| append_problem(error, |()| Problem::internal()))
    });
    let kiosk = opened.await?.ok_or_else(ended)?;
    let unit = highest(&app, &Viewer::Program(Arc::new(kiosk.actor)))?;
    let seconds = kiosk.expires.since_ms(app.kernel.now()) / 1_000;
    let secure = if app.site.secure { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={}; Path=/wall; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
        kiosk.cookie_value
    );
    let answer = serde_json::json!({ "href": format!("/wall/{unit}") });
    Ok(([(header::SET_COOKIE, cookie)], axum::Json(answer)).into_response())
}
