//! All holds in force, with the blocks on their way to the scales.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use shell::extract::Path;
use shell::pages::page;
use shell::table::{Direction, TableSpec};
use shell::view::{Badge, Cell, Column, Empty, Frame, LiveList, Mark, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Problem, format};
use store::StoreError;

use super::blocks::{HOLDS_MAX, list_of_all, of_all_holds};
use super::ground::{Ground, Products};
use super::{rows, words};
use crate::state::{self, Block, Lot, LotFilter};

pub fn router() -> Router<App> {
    Router::new().route("/market/{book}/holds", get(holds))
}

const HOLDS: TableSpec = TableSpec {
    sortable: &["at", "lot", "product", "stall", "left"],
    sort: ("at", Direction::Descending),
    per_page: 25,
};

#[derive(Template)]
#[template(path = "safety/holds.html")]
struct HoldsPage {
    frame: Frame,
    table: TableView,
    live: LiveList,
}

async fn holds(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let ground = Ground::readable(&app, &viewer, lang, &book)?;
    let asked = rows::asked(&HOLDS, &here)?;
    let home = ground.book.clone();
    let (mut lots, products) = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let filter = LotFilter { held: true, ..Default::default() };
                Ok::<_, StoreError>((
                    state::list_lots(tx, &home, &filter, HOLDS_MAX + 1, 0)?,
                    Products::read(tx, &home)?,
                ))
            })
        })
        .await?;
    let blocks = of_all_holds(&app, &ground).await?;
    let t = app.texts.t(lang);
    let columns = vec![
        Column::text("at", t.get("safety-held-at")).sorted(&asked),
        Column::text("lot", t.get("safety-lot")).sorted(&asked),
        Column::text("product", t.get("safety-product")).sorted(&asked),
        Column::text("stall", t.get("safety-stall")).sorted(&asked),
        Column::text("why", t.get("safety-why")),
        Column::text("blocks", t.get("safety-blocks")),
        Column::number("left", t.get("safety-left-kg")).sorted(&asked),
    ];
    let empty =
        Empty { title: t.get("safety-holds-none"), hint: t.get("safety-holds-none-hint"), action: None };
    let title = match lots.len() > HOLDS_MAX {
        true => t.with("safety-holds-cut", &[("count", format::integer(HOLDS_MAX as i64))]),
        false => t.get("safety-holds"),
    };
    lots.truncate(HOLDS_MAX);
    let mut table = TableView::new("holds", title, columns, empty);
    let cells = |lot: &Lot| {
        let hold = lot.hold.unwrap_or(lot.seq);
        let mine: Vec<&Block> = blocks.iter().filter(|block| block.hold == hold).collect();
        vec![
            lot.held_at
                .map_or_else(Cell::none, |at| Cell::date_time(app.moment(at)))
                .link(ground.entry_href(hold)),
            Cell::text(&lot.lot).link(ground.lot_href(&lot.lot)),
            Cell::text(products.title(lang, &lot.product)),
            Cell::text(&lot.stall),
            Cell::text(words::word(&t, "reason", lot.hold_reason.as_deref().unwrap_or_default())),
            Cell::badge(confirmed(&mine)),
            Cell::kilograms(lot.left_g().0).link(format!("{}/recall", ground.lot_href(&lot.lot))),
        ]
    };
    rows::fill(&mut table, &asked, &t, lots.iter().map(cells).collect());
    if asked.export.is_some() {
        let what = format!("lots on hold {} as a file", ground.book);
        viewer.note_read_of(&app, &ground.resource.unit, &what).await?;
    }
    if let Some(file) = rows::file(&app, &mut table, &asked).await? {
        return Ok(file);
    }
    let frame = ground.frame(&app, &viewer, lang, t.get("safety-holds"), &here);
    page(&HoldsPage { frame, table, live: list_of_all(&app, &ground, &t, &blocks) })
}

/// `2 / 3` scales confirmed.
fn confirmed(blocks: &[&Block]) -> Badge {
    let done = blocks.iter().filter(|block| block.acked_at.is_some()).count();
    let mark = if done == blocks.len() { Mark::Done } else { Mark::Yellow };
    let count = |n: usize| format::integer(i64::try_from(n).unwrap_or(i64::MAX));
    Badge { mark, text: format!("{} / {}", count(done), count(blocks.len())) }
}
