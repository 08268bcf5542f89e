//! The merchant's own page: stalls, today's takings, open lots, prices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::BookId;
use kernel::{Behind, FigureError, Kernel, Period};
use shell::extract::{Path, Query};
use shell::pages::page;
use shell::view::{Cell, Column, Empty, FigureTile, Frame, Link, Pager, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Problem, T, format};
use store::{StoreError, Tx};

use super::amounts;
use super::forms::links;
use super::lots::state_cell;
use super::place::{Names, Place, Reach};
use crate::figures as of;
use crate::kinds::Sale;
use crate::policy::READ_TAKINGS;
use crate::state::{self, Lot, LotFilter, Offer, Price, Stall};

pub fn router() -> Router<App> {
    Router::new().route("/market/{book}/mine", get(mine)).route("/market/{book}/mine/sales", get(sales))
}

/// Open lots of one stall that are shown.
const LOTS: usize = 200;
/// Sales of one page.
const SALES: usize = 50;
/// Sales that are added up at a time, and how long all those of the day may take.
const SALES_ADDED: usize = 2_000;
const TAKINGS_TIME_MAX: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "office/mine.html")]
struct MinePage {
    frame: Frame,
    stalls: Vec<StallView>,
    none: String,
}

/// One stall of the merchant.
struct StallView {
    title: String,
    tiles: Vec<FigureTile>,
    actions: Vec<Link>,
    lots: TableView,
    /// What others offer; none where nothing is.
    offers: Option<TableView>,
    prices: TableView,
}

struct Read {
    stall: Stall,
    /// Nothing where the sales of the day are more than are added up for a page.
    taken: Option<Taken>,
    lots: Vec<Lot>,
    offers: Vec<Offer>,
    prices: Vec<Price>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    sales: i64,
    fen: i64,
    grams: i64,
}

async fn mine(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, lang, &book)?;
    let Reach::Own(own) = place.reach(&app, &viewer, READ_TAKINGS)? else {
        // Who sees every stall has the market's own page.
        return Ok(Redirect::to(&place.href("")).into_response());
    };
    let (of_book, today) = (place.book.clone(), app.today());
    let (names, stalls) = app
        .blocking(move |kernel: &Arc<Kernel>| {
            let period = Period { from: today, to: today };
            let all = kernel.read(|tx| state::stalls(tx, &of_book))?;
            let own = all
                .into_iter()
                .filter(|stall| stall.merchant.as_ref().is_some_and(|tenant| own.contains(tenant)));
            let own: Vec<Stall> = own.collect();
            let taken = taken_of_tenants(kernel, &of_book, period, &own)?;
            let stalls = own.into_iter().enumerate().map(|(at, stall)| {
                let taken = taken.as_ref().map(|taken| taken[at]);
                let filter = LotFilter {
                    stall: Some(&stall.stall),
                    merchant: stall.merchant.as_deref(),
                    left: true,
                    ..LotFilter::default()
                };
                let (lots, offers, prices) = kernel.read(|tx| {
                    Ok((
                        state::list_lots(tx, &of_book, &filter, LOTS, 0)?,
                        state::offers_to(tx, &of_book, &stall.stall, kernel.now())?,
                        state::prices(tx, &of_book, Some(&stall.stall))?,
                    ))
                })?;
                Ok::<_, FigureError>(Read { taken, lots, offers, prices, stall })
            });
            let stalls = stalls.collect::<Result<Vec<_>, _>>()?;
            let names = kernel.read(|tx| Names::read(tx, &of_book, lang))?;
            Ok::<_, FigureError>((names, stalls))
        })
        .await?;
    let t = app.texts.t(lang);
    let frame = place.frame(&app, &viewer, lang, t.get("office-mine"), &here);
    let more = links(&app, &viewer, &place, &t, "lots");
    let stalls = stalls.iter().map(|read| stall_view(&app, &t, &place, &names, read, &more)).collect();
    page(&MinePage { none: t.get("office-no-own-stall"), frame, stalls })
}

/// The sales of a tenant's own lots: what the former tenant took is not for the next one to know, nor what a scale that was cut off
/// sells of it yet.
fn of_tenant(
    tx: &mut dyn Tx,
    book: &BookId,
    tenant: Option<&str>,
    sales: Vec<Behind>,
) -> Result<Vec<Behind>, StoreError> {
    let lot_of = |item: &Behind| item.entry.body::<Sale>().map(|sale| sale.lot).unwrap_or_default();
    let codes: BTreeSet<String> = sales.iter().map(lot_of).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let lots = state::lots(tx, book, &codes)?;
    let is_own = |lot: &Lot| Some(lot.merchant.as_str()) == tenant;
    let own: BTreeSet<&str> = lots.iter().filter(|lot| is_own(lot)).map(|lot| lot.lot.as_str()).collect();
    Ok(sales.into_iter().filter(|item| own.contains(lot_of(item).as_str())).collect())
}

/// How often, for how much and what weight a tenant's own lots sold at each of these stalls; nothing where that takes too long.
fn taken_of_tenants(
    kernel: &Kernel,
    book: &BookId,
    period: Period,
    stalls: &[Stall],
) -> Result<Option<Vec<Taken>>, FigureError> {
    let until = Instant::now() + TAKINGS_TIME_MAX;
    let (mut taken, mut cursor) = (vec![Taken::default(); stalls.len()], None::<String>);
    let books = std::slice::from_ref(book);
    loop {
        let page = kernel.behind(of::SALES_AMOUNT, books, period, "", cursor.as_deref(), SALES_ADDED)?;
        let mut at_stalls: BTreeMap<String, Vec<Behind>> = BTreeMap::new();
        for item in page.items {
            let stall = item.entry.body::<Sale>().map(|sale| sale.stall).unwrap_or_default();
            at_stalls.entry(stall).or_default().push(item);
        }
        kernel.read(|tx| {
            for (stall, taken) in stalls.iter().zip(&mut taken) {
                let sales = at_stalls.remove(&stall.stall).unwrap_or_default();
                for item in of_tenant(tx, book, stall.merchant.as_deref(), sales)? {
                    taken.sales += 1;
                    taken.fen += item.amount;
                    taken.grams += item.entry.body::<Sale>().map_or(0, |sale| sale.grams.0);
                }
            }
            Ok(())
        })?;
        match page.next {
            None => return Ok(Some(taken)),
            Some(_) if Instant::now() >= until => return Ok(None),
            Some(next) => cursor = Some(next),
        }
    }
}

fn stall_view(app: &App, t: &T, place: &Place, names: &Names, read: &Read, more: &[Link]) -> StallView {
    let lang = t.lang();
    let stall = &read.stall.stall;
    let entries = place.href(&format!("mine/sales?stall={stall}"));
    let receive =
        Link { title: t.get("office-receive"), href: place.href(&format!("lots/new?stall={stall}")) };
    let actions = std::iter::once(receive).chain(more.iter().cloned()).collect();
    let tile = |name: &str, text: &dyn Fn(Taken) -> String| {
        let text = read.taken.map_or_else(|| t.get("office-takings-many"), text);
        FigureTile::new(amounts::title(app, lang, name), &text).link(&*entries)
    };
    StallView {
        title: stall.clone(),
        tiles: vec![
            tile(of::SALES_AMOUNT, &|taken| format::money_short(lang, taken.fen)),
            tile(of::SALES, &|taken| format::count_short(lang, taken.sales)),
            tile(of::SALES_GRAMS, &|taken| format::weight_short(lang, taken.grams)),
        ],
        actions,
        lots: lots_table(t, place, names, &read.lots),
        offers: (!read.offers.is_empty()).then(|| offers_table(t, place, &read.offers)),
        prices: prices_table(t, place, names, &read.prices, stall),
    }
}

fn lots_table(t: &T, place: &Place, names: &Names, lots: &[Lot]) -> TableView {
    let columns = vec![
        Column::text("product", t.get("office-field-product")),
        Column::text("lot", t.get("office-field-lot")),
        Column::number("left", t.get("office-left-kg")),
        Column::text("state", t.get("office-state")),
        Column::text("loss", t.get("office-action")),
    ];
    let empty = Empty { title: t.get("office-no-lots"), hint: t.get("office-no-lots-hint"), action: None };
    let mut table = TableView::new("lots", t.get("office-open-lots"), columns, empty);
    table.rows = lots
        .iter()
        .map(|lot| {
            vec![
                Cell::text(names.product(&lot.product)),
                Cell::text(&lot.lot).link(place.href(&format!("lots/{}", lot.lot))),
                Cell::kilograms(lot.left_g().0).link(place.href(&format!("lots/{}", lot.lot))),
                state_cell(t, lot),
                Cell::text(t.get("office-record-loss"))
                    .link(place.href(&format!("record/loss?lot={}", lot.lot))),
            ]
        })
        .collect();
    table
}

fn offers_table(t: &T, place: &Place, offers: &[Offer]) -> TableView {
    let columns = vec![
        Column::text("lot", t.get("office-field-lot")),
        Column::text("new_lot", t.get("office-field-new_lot")),
        Column::number("weight", t.get("office-weight-kg")),
        Column::text("accept", t.get("office-action")),
    ];
    let empty = Empty { title: t.get("office-offers"), hint: String::new(), action: None };
    let mut table = TableView::new("offers", t.get("office-offers"), columns, empty);
    let cells = |Offer { seq, offered }: &Offer| {
        let form = place.href(&format!("record/accept?offer={seq}"));
        vec![
            Cell::text(&offered.lot),
            Cell::text(&offered.new_lot),
            Cell::kilograms(offered.quantity_g.0).link(&*form),
            Cell::text(t.get("office-form-accept")).link(&*form),
        ]
    };
    table.rows = offers.iter().map(cells).collect();
    table
}

fn prices_table(t: &T, place: &Place, names: &Names, prices: &[Price], stall: &str) -> TableView {
    let columns = vec![
        Column::text("product", t.get("office-field-product")),
        Column::number("price", t.get("office-price-kg")),
        Column::text("change", t.get("office-action")),
    ];
    let action =
        Link { title: t.get("office-form-price"), href: place.href(&format!("record/price?stall={stall}")) };
    let empty = Empty {
        title: t.get("office-no-prices"),
        hint: t.get("office-no-prices-hint"),
        action: Some(action),
    };
    let mut table = TableView::new("prices", t.get("office-prices"), columns, empty);
    table.rows = prices
        .iter()
        .map(|price| {
            let form = format!("record/price?stall={stall}&product={}", price.product);
            vec![
                Cell::text(names.product(&price.product)),
                Cell::money(price.fen_per_kg.0),
                Cell::text(t.get("office-change")).link(place.href(&form)),
            ]
        })
        .collect();
    table
}

#[derive(Debug, serde::Deserialize)]
struct SalesQuery {
    stall: String,
    cursor: Option<String>,
}

#[derive(Template)]
#[template(path = "list.html")]
struct SalesPage {
    frame: Frame,
    actions: Vec<Link>,
    table: TableView,
}

/// The entries behind today's takings of a stall.
async fn sales(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
    Query(query): Query<SalesQuery>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, lang, &book)?;
    let reach = place.reach(&app, &viewer, READ_TAKINGS)?;
    let (of_book, stall, today) = (place.book.clone(), query.stall.clone(), app.today());
    let tenant = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                Ok::<_, StoreError>(state::stall(tx, &of_book, &stall)?.and_then(|it| it.merchant))
            })
        })
        .await?;
    if !reach.covers(tenant.as_deref()) {
        return Err(Problem::not_found());
    }
    let is_own = matches!(reach, Reach::Own(_));
    let (of_book, stall, cursor) = (place.book.clone(), query.stall.clone(), query.cursor.clone());
    let (names, behind) = app
        .blocking(move |kernel: &Arc<Kernel>| {
            let dimension = format!("stall={stall}");
            let period = Period { from: today, to: today };
            let books = [of_book.clone()];
            let mut behind =
                kernel.behind(of::SALES_AMOUNT, &books, period, &dimension, cursor.as_deref(), SALES)?;
            let names = kernel.read(|tx| {
                if is_own {
                    behind.items =
                        of_tenant(tx, &of_book, tenant.as_deref(), std::mem::take(&mut behind.items))?;
                }
                Names::read(tx, &of_book, lang)
            })?;
            Ok::<_, FigureError>((names, behind))
        })
        .await?;
    let t = app.texts.t(lang);
    let columns = vec![
        Column::text("at", t.get("entry-occurred")),
        Column::text("product", t.get("office-field-product")),
        Column::text("lot", t.get("office-field-lot")),
        Column::number("grams", t.get("office-weight-kg")),
        Column::number("price", t.get("office-price-kg")),
        Column::number("amount", t.get("office-takings")),
    ];
    let empty = Empty { title: t.get("office-no-sales"), hint: t.get("office-no-sales-hint"), action: None };
    let mut table = TableView::new("sales", t.get("office-sales"), columns, empty);
    table.rows = behind
        .items
        .iter()
        .filter_map(|item| {
            let sale: Sale = item.entry.body().ok()?;
            Some(vec![
                Cell::date_time(app.moment(item.entry.occurred)),
                Cell::text(names.product(&sale.product)),
                Cell::text(sale.lot),
                Cell::kilograms(sale.grams.0),
                Cell::money(sale.fen_per_kg.0),
                Cell::money(item.amount),
            ])
        })
        .collect();
    table.pager = Some(Pager {
        text: t.with("figure-entries-shown", &[("count", table.rows.len())]),
        previous: query.cursor.is_some().then(|| shell::table::with_parameter(&here, "cursor", None)),
        next: behind.next.map(|cursor| shell::table::with_parameter(&here, "cursor", Some(&cursor))),
    });
    let frame =
        place.frame(&app, &viewer, lang, format!("{} · {}", query.stall, t.get("office-sales")), &here);
    page(&SalesPage { frame, actions: Vec::new(), table })
}
