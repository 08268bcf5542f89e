//! The wall (挂图作战): a full screen of a unit's figures, of what is owed and late in it, and of what happens right now.
//! Every number on it opens into its entries.

mod board;
mod ground;
mod kiosk;
mod late;
mod live;
mod map;
mod matrix;
mod ticker;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

pub use kiosk::COOKIE;
pub use live::streams;
pub use map::{BYTES_MAX, Fault, MapError, Shapes};

use crate::app::App;
use crate::assets;
use crate::extract::{Path, Query};
use crate::pages::{figure, page};
use crate::problem::Problem;
use crate::texts::{Lang, T};
use crate::turns;
use crate::viewer::Asked;
use ground::Ground;
use kiosk::Onlooker;

/// What a line shows on the wall.
#[derive(Debug, Clone, Copy)]
pub struct WallLine {
    pub line: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    /// Figures and ratios of the year, the most telling first.
    pub headlines: &'static [&'static str],
    /// What the ticker tells of.
    pub ticker: &'static [Told],
}

/// A kind of entry that the ticker tells of, and the fields of its body that whoever passes the screen may read.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub kind: &'static str,
    pub fields: &'static [&'static str],
}

/// What the kernel itself shows.
pub(crate) const OWN: WallLine = WallLine {
    line: "kernel",
    title_zh: "综合",
    title_en: "General",
    headlines: &["kernel.matters.open", "kernel.matters.in_time_rate"],
    ticker: &[
        Told { kind: "kernel.matter.coloured", fields: &["to"] },
        Told { kind: "kernel.matter.escalated", fields: &[] },
        Told { kind: "kernel.matter.accepted", fields: &[] },
        Told { kind: "kernel.matter.opened", fields: &[] },
    ],
};

/// The wall of an installation: what its lines show, and its map.
#[derive(Default)]
pub struct Wall {
    lines: Vec<WallLine>,
    shapes: Shapes,
    boards: board::Boards,
}

impl Wall {
    pub fn new(lines: Vec<WallLine>, shapes: Shapes) -> Self {
        Self { lines: std::iter::once(OWN).chain(lines).collect(), shapes, boards: board::Boards::default() }
    }

    /// What each line shows, the kernel's own first.
    pub fn lines(&self) -> &[WallLine] {
        &self.lines
    }
}

/// What a line is called; its name, if it shows nothing on the wall.
pub fn line_title(app: &App, lang: Lang, line: &str) -> String {
    let found = app.wall.lines.iter().find(|it| it.line == line);
    found.map_or_else(|| line.to_owned(), |it| figure::in_lang(lang, it.title_zh, it.title_en))
}

pub fn router() -> Router<App> {
    Router::new()
        .route("/wall", get(highest))
        .route("/wall/{unit}", get(wall))
        .route("/kiosk", get(kiosk::page).post(kiosk::open))
}

/// What a wall is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    /// A day that is past, for how everything stood then.
    on: Option<String>,
}

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage {
    t: T,
    lang: Lang,
    title: String,
    /// The board, set already.
    board: Arc<str>,
    /// The event stream; none for a day that is past.
    source: Option<String>,
    in_other_lang: String,
    /// Minutes east of UTC, for the clock.
    offset_minutes: i32,
    now_ms: i64,
    is_kiosk: bool,
    is_demonstration: bool,
    /// The day shown, and the last that there is.
    day: String,
    today: String,
    /// The wall of now.
    live: String,
    version: String,
}

impl WallPage {
    fn asset(&self, name: &str) -> String {
        assets::url(name)
    }
}

/// The highest unit whose wall the onlooker may see.
async fn highest(
    State(app): State<App>,
    onlooker: Onlooker,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let wall = format!("/wall/{}", onlooker.highest(&app)?);
    let wall = crate::table::with_parameter(&wall, "on", wanted.on.as_deref());
    Ok(Redirect::to(&wall).into_response())
}

async fn wall(
    State(app): State<App>,
    onlooker: Onlooker,
    Asked(lang): Asked,
    Path(unit): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let ground = Ground::of(&app, &onlooker, lang, &unit, wanted.on.as_deref())?;
    let board = turns::within(onlooker.turn, board::board(&app, &ground)).await?;
    let t = app.texts.t(lang);
    let now = app.moment(app.kernel.now());
    let title = t.with("wall-title", &[("unit", figure::unit_title(&app, lang, &ground.unit))]);
    let here = ground.wall(&ground.unit);
    page(&WallPage {
        lang,
        title,
        board,
        source: ground.is_today.then(|| format!("/wall/{unit}/live?lang={}", lang.tag())),
        in_other_lang: crate::table::with_parameter(&here, "lang", Some(lang.other().tag())),
        offset_minutes: now.offset_minutes,
        now_ms: now.epoch_ms,
        is_kiosk: onlooker.is_kiosk,
        is_demonstration: app.site.demonstration,
        day: ground.day.to_string(),
        today: app.today().to_string(),
        live: format!("/wall/{unit}"),
        version: version(),
        t,
    })
}

/// What tells an open page that it is of an older build.
fn version() -> String {
    format!("{}{}", assets::url("wall.css"), assets::url("wall.js"))
}
