//! Blocks on their way to the scales, as they are confirmed.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::SubjectId;
use ledger::{Body, Entry};
use shell::extract::Path;
use shell::live::{Events, follow, markup};
use shell::view::{Badge, LiveItem, LiveList, Mark};
use shell::viewer::{Asked, Viewer};
use shell::{App, Lang, Problem, T, format};
use store::StoreError;

use super::ground::Ground;
use super::{lot, words};
use crate::kinds::{BlockAcknowledged, LotHeld, LotReleased, ScaleMoved};
use crate::state::{self, Block, Blocks, LotFilter};

pub fn router() -> Router<App> {
    Router::new()
        .route("/market/{book}/lots/{lot}/live", get(of_lot))
        .route("/market/{book}/holds/live", get(in_force))
}

/// Held lots whose blocks are shown at once.
pub const HOLDS_MAX: usize = 1_000;

/// The blocks of a lot's latest hold.
pub async fn latest_hold(app: &App, ground: &Ground, lot: &str) -> Result<Vec<Block>, Problem> {
    let (book, lot) = (ground.book.clone(), lot.to_owned());
    let blocks =
        app.blocking(move |kernel| kernel.read(|tx| state::blocks(tx, &book, Blocks::OfLot(&lot)))).await?;
    let latest = blocks.iter().map(|block| block.hold).max();
    Ok(blocks.into_iter().filter(|block| Some(block.hold) == latest).collect())
}

/// The blocks of every hold in force, the latest hold first.
pub async fn of_all_holds(app: &App, ground: &Ground) -> Result<Vec<Block>, Problem> {
    let book = ground.book.clone();
    app.blocking(move |kernel| {
        kernel.read(|tx| {
            let held =
                state::list_lots(tx, &book, &LotFilter { held: true, ..Default::default() }, HOLDS_MAX, 0)?;
            let mut holds: Vec<_> = held.into_iter().filter_map(|lot| lot.hold).collect();
            holds.sort_unstable_by(|a, b| b.cmp(a));
            let mut blocks = Vec::new();
            for hold in holds {
                blocks.extend(state::blocks(tx, &book, Blocks::OfHold(hold))?);
            }
            Ok::<_, StoreError>(blocks)
        })
    })
    .await
}

/// A line for all blocks together, then one for each.
pub fn items(app: &App, ground: &Ground, t: &T, blocks: &[Block], name_lot: bool) -> Vec<LiveItem> {
    if blocks.is_empty() {
        return Vec::new();
    }
    let confirmed: Vec<i64> = blocks.iter().filter_map(|block| block.after_ms).collect();
    let count = |n: usize| format::integer(n as i64);
    let text =
        t.with("safety-blocks-sum", &[("confirmed", count(confirmed.len())), ("all", count(blocks.len()))]);
    let slowest = confirmed.iter().max().map(|&ms| format::duration(t.lang(), ms));
    let badge = match slowest {
        Some(after) if confirmed.len() == blocks.len() => {
            Badge { mark: Mark::Done, text: t.with("safety-blocks-all", &[("after", after)]) }
        }
        _ => Badge { mark: Mark::Yellow, text: t.get("safety-blocks-open") },
    };
    let sum = LiveItem { time: t.get("table-total"), text, href: None, badge: Some(badge) };
    let each = blocks.iter().map(|block| {
        let scale = t.with("safety-scale-number", &[("scale", block.scale.to_string())]);
        LiveItem {
            time: format::time(app.moment(block.held_at)),
            text: if name_lot { format!("{} · {scale}", block.lot) } else { scale },
            href: Some(if name_lot { ground.lot_href(&block.lot) } else { ground.entry_href(block.hold) }),
            badge: Some(words::block(t, block)),
        }
    });
    std::iter::once(sum).chain(each).collect()
}

/// The list of a lot's blocks.
pub fn list_of_lot(app: &App, ground: &Ground, t: &T, lot: &str, blocks: &[Block]) -> LiveList {
    LiveList {
        id: "blocks",
        title: t.get("safety-blocks"),
        source: format!("{}/live", ground.lot_href(lot)),
        items: items(app, ground, t, blocks, false),
        empty: t.get("safety-blocks-none"),
    }
}

/// The list of every hold's blocks.
pub fn list_of_all(app: &App, ground: &Ground, t: &T, blocks: &[Block]) -> LiveList {
    LiveList {
        id: "blocks",
        title: t.get("safety-blocks"),
        source: ground.href("holds/live"),
        items: items(app, ground, t, blocks, true),
        empty: t.get("safety-blocks-none"),
    }
}

/// Whether an entry may change blocks.
fn concerns_blocks(entry: &Entry) -> bool {
    matches!(
        entry.kind.as_str(),
        LotHeld::KIND | LotReleased::KIND | BlockAcknowledged::KIND | ScaleMoved::KIND
    )
}

async fn of_lot(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Path((book, code)): Path<(String, String)>,
) -> Result<Events, Problem> {
    let (ground, found) = lot::readable(&app, &viewer, lang, &book, &code).await?;
    let subject = SubjectId::local("lot", &ground.book, &found.lot).map_err(|_| Problem::not_found())?;
    let (home, code) = (ground.book.clone(), found.lot);
    let concerns = move |entry: &Entry| {
        entry.book == home
            && concerns_blocks(entry)
            && (entry.kind.as_str() == ScaleMoved::KIND || entry.subjects.iter().any(|it| it.id == subject))
    };
    Ok(stream(app, &viewer, lang, ground, concerns, Some(code)))
}

async fn in_force(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Path(book): Path<String>,
) -> Result<Events, Problem> {
    let ground = Ground::readable(&app, &viewer, lang, &book)?;
    let home = ground.book.clone();
    let concerns = move |entry: &Entry| entry.book == home && concerns_blocks(entry);
    Ok(stream(app, &viewer, lang, ground, concerns, None))
}

fn stream(
    app: App,
    viewer: &Viewer,
    lang: Lang,
    ground: Ground,
    concerns: impl Fn(&Entry) -> bool + Send + Sync + 'static,
    lot: Option<String>,
) -> Events {
    let empty = app.texts.t(lang).get("safety-blocks-none");
    let reader = app.clone();
    follow((&app, viewer), ("list", None), Duration::ZERO, concerns, move || {
        let (app, ground, lot, empty) = (reader.clone(), ground.clone(), lot.clone(), empty.clone());
        async move {
            let t = app.texts.t(lang);
            let blocks = match &lot {
                Some(lot) => latest_hold(&app, &ground, lot).await,
                None => of_all_holds(&app, &ground).await,
            };
            markup(&items(&app, &ground, &t, &blocks.ok()?, lot.is_none()), &empty)
        }
    })
}
