//! A market today: its figures, what just happened, what is held, and what runs out soon.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::Day;
use kernel::{FigureError, Period, Value};
use shell::extract::Path;
use shell::pages::page;
use shell::view::{Badge, Cell, Column, Empty, FigureTile, Frame, Link, LiveList, Mark, Pager, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Problem, T};

use super::amounts;
use super::forms::links;
use super::live;
use super::overview::{TILES, tiles};
use super::place::{Names, Place, Reach};
use super::rows::until_cell;
use crate::policy::{READ, READ_TAKINGS};
use crate::state::{self, Lot, LotFilter, Merchant, Scale};

pub fn router() -> Router<App> {
    Router::new().route("/market/{book}", get(market))
}

/// Days before its end in which a certificate or verification is listed.
const NOTICE_DAYS: i32 = 30;
/// Lots on hold that are listed; the page of holds has all.
const ROWS: usize = 50;
/// Rows of what ends soon, the soonest first.
const DUE_ROWS: usize = 12;

#[derive(Template)]
#[template(path = "office/market.html")]
struct MarketPage {
    frame: Frame,
    actions: Vec<Link>,
    tiles: Vec<FigureTile>,
    list: LiveList,
    held: TableView,
    expiring: TableView,
}

struct Read {
    values: Vec<Value>,
    names: Names,
    held: Vec<Lot>,
    scales: Vec<Scale>,
    merchants: Vec<Merchant>,
}

async fn market(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, lang, &book)?;
    if let Reach::Own(_) = place.reach(&app, &viewer, READ)? {
        return Ok(Redirect::to(&place.href("mine")).into_response());
    }
    let books = app.tree().books_of_subtree(&place.resource.unit, Some("market"));
    let today = app.today();
    let of = place.book.clone();
    let shown = amounts::readable(&app, &viewer, &place.resource, &TILES);
    let asked = shown.clone();
    let read = app
        .blocking(move |kernel| {
            let period = Period { from: today, to: today };
            let values =
                asked.iter().map(|name| kernel.figure(name, &books, period, "")).collect::<Result<_, _>>()?;
            let filter = LotFilter { held: true, ..LotFilter::default() };
            Ok::<_, FigureError>(kernel.read(|tx| {
                Ok(Read {
                    values,
                    names: Names::read(tx, &of, lang)?,
                    held: state::list_lots(tx, &of, &filter, ROWS, 0)?,
                    scales: state::scales(tx, &of)?,
                    merchants: state::merchants(tx, &of)?,
                })
            })?)
        })
        .await?;
    let t = app.texts.t(lang);
    let takings = viewer.allows(&app, READ_TAKINGS, &place.resource);
    let list = LiveList {
        id: "live",
        title: t.get("office-live"),
        source: place.href("live"),
        items: live::items(&app, &t, &place.book, takings).await?,
        empty: t.get("office-live-empty"),
    };
    let mut frame = place.frame(&app, &viewer, lang, place.title.clone(), &here);
    frame.as_of = Some(shell::format::date_time(app.moment(app.kernel.now())));
    let day = today.to_string();
    let tiles = tiles(&app, lang, place.resource.unit.as_str(), (&day, &day), &shown, &read.values);
    let held = held_table(&app, &t, &place, &read);
    let expiring = expiring_table(&app, &t, &place, &read, today);
    if !expiring.rows.is_empty() {
        viewer
            .note_read_of(&app, &place.resource.unit, &format!("papers that end soon {}", place.book))
            .await?;
    }
    let actions = [
        ("office-receive", "market.lot.received", "lots/new"),
        ("office-inspect", "market.inspection.recorded", "inspect"),
    ]
    .into_iter()
    .filter(|(_, action, _)| viewer.allows(&app, action, &place.resource))
    .map(|(key, _, to)| Link { title: t.get(key), href: place.href(to) })
    .chain(links(&app, &viewer, &place, &t, ""))
    .collect();
    page(&MarketPage { frame, actions, tiles, list, held, expiring })
}

fn held_table(app: &App, t: &T, place: &Place, read: &Read) -> TableView {
    let columns = vec![
        Column::text("lot", t.get("office-field-lot")),
        Column::text("product", t.get("office-field-product")),
        Column::text("stall", t.get("office-field-stall")),
        Column::number("left", t.get("office-left-kg")),
        Column::text("reason", t.get("office-field-reason")),
        Column::text("held_at", t.get("office-held-at")),
    ];
    let empty =
        Empty { title: t.get("office-none-held"), hint: t.get("office-none-held-hint"), action: None };
    let mut table = TableView::new("held", t.get("office-held"), columns, empty);
    table.rows = read
        .held
        .iter()
        .map(|lot| {
            let reason = lot
                .hold_reason
                .as_deref()
                .map_or_else(String::new, |reason| t.get(&format!("office-hold-{reason}")));
            let entry = lot.hold.map_or_else(String::new, |seq| format!("/ledger/{}/{seq}", place.book));
            vec![
                Cell::text(&lot.lot).link(place.href(&format!("lots/{}", lot.lot))),
                Cell::text(read.names.product(&lot.product)),
                Cell::text(&lot.stall),
                Cell::kilograms(lot.left_g().0).link(place.href(&format!("lots/{}/recall", lot.lot))),
                Cell::badge(Badge { mark: Mark::Red, text: reason }).link(entry),
                lot.held_at.map_or_else(Cell::none, |at| Cell::date_time(app.moment(at))),
            ]
        })
        .collect();
    table
}

fn expiring_table(app: &App, t: &T, place: &Place, read: &Read, today: Day) -> TableView {
    let columns = vec![
        Column::text("what", t.get("office-what")),
        Column::text("whose", t.get("office-whose")),
        Column::text("until", t.get("office-field-until")),
    ];
    let empty = Empty {
        title: t.get("office-none-expiring"),
        hint: t.get("office-none-expiring-hint"),
        action: None,
    };
    let mut table = TableView::new("expiring", t.get("office-expiring-soon"), columns, empty);
    let papers = read.merchants.iter().flat_map(|it| {
        [("licence", it.licence_until), ("food_permit", it.food_until), ("health", it.health_until)].map(
            |(paper, until)| {
                let form = format!("record/certificate?merchant={}&certificate={paper}", it.merchant);
                (until, format!("office-word-certificate-{paper}"), read.names.merchant(&it.merchant), form)
            },
        )
    });
    let scales = read.scales.iter().map(|it| {
        let stall = it.stall.clone().unwrap_or_else(|| t.get("office-fair-scale"));
        let form = format!("record/verification?scale={}", it.scale);
        (
            Some(it.verified_until),
            "office-verification".to_owned(),
            format!("{} {} · {stall}", t.get("office-scale"), it.scale),
            form,
        )
    });
    let soon = |until: Option<Day>| until.filter(|until| until.0 - today.0 <= NOTICE_DAYS);
    let mut due: Vec<_> = papers
        .chain(scales)
        .filter_map(|(until, key, whose, form)| soon(until).map(|until| (until, key, whose, form)))
        .collect();
    due.sort_by_key(|(until, ..)| *until);
    let total = due.len();
    table.rows = due
        .into_iter()
        .take(DUE_ROWS)
        .map(|(until, key, whose, form)| {
            vec![
                Cell::text(t.get(&key)).link(place.href(&form)),
                Cell::text(whose),
                until_cell(app, t, Some(until)),
            ]
        })
        .collect();
    if total > DUE_ROWS {
        let text = t.with("office-due-shown", &[("shown", DUE_ROWS), ("total", total)]);
        table.pager = Some(Pager { text, previous: None, next: None });
    }
    table
}
