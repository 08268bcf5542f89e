//! The recall of a lot: what it reaches, how much is accounted for, and the notice to the public.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::limits::TEXT_CHARS_MAX;
use base::{BookId, Grams};
use ledger::{Body, Entry};
use serde_json::json;
use shell::extract::Path;
use shell::pages::page;
use shell::table::{Direction, TableSpec};
use shell::typed::Typed;
use shell::view::{Cell, Column, Empty, Field, FieldKind, FigureTile, Frame, Link, LiveList, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, T, format};
use store::StoreError;

use super::ground::{Ground, Products};
use super::typed::refused;
use super::{blocks, rows, tables, words};
use crate::api::note_lot;
use crate::api::records::record_form;
use crate::balance::ToldLot;
use crate::kinds::{RecallEnded, RecallOpened, Sale, SlipSerial};
use crate::pages::balance::{left_cell, left_column};
use crate::policy::READ_TAKINGS;
use crate::recall::{Recall, recall};
use crate::record::Input;
use crate::state::{self, Market, Product, RecallRow};

pub fn router() -> Router<App> {
    Router::new().route("/market/{book}/lots/{lot}/recall", get(show).post(open))
}

/// Slips on a page.
const SLIPS: TableSpec = TableSpec { sortable: &[], sort: ("at", Direction::Ascending), per_page: 50 };

/// The recall and what its page reads beside it.
struct Account {
    recall: Recall,
    market: Option<Market>,
    product: Option<Product>,
    products: Products,
    /// The recall that is open.
    opened: Option<RecallRow>,
    /// The latest recall that has ended.
    ended: Option<RecallRow>,
    /// The sales of the slips on this page, in the order of the slips.
    sales: Vec<(String, Entry, Sale)>,
}

#[derive(Template)]
#[template(path = "safety/recall.html")]
struct RecallPage {
    frame: Frame,
    tiles: Vec<FigureTile>,
    cut: bool,
    blocks: Option<LiveList>,
    tables: Vec<TableView>,
    /// The notices of the recall in force, in both languages.
    notices: Option<(String, String)>,
    /// The form that ends the recall in force.
    end: Option<Link>,
    /// How the latest recall ended.
    ended: Option<String>,
    form: Option<Vec<Field>>,
    error: Option<String>,
    held: bool,
    action: String,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, lot)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let ground = Ground::readable(&app, &viewer, lang, &book)?;
    set(&app, &viewer, lang, &here, &ground, &lot, None).await
}

async fn set(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    ground: &Ground,
    code: &str,
    typed: Option<&Typed>,
) -> Result<Response, Problem> {
    let asked = rows::asked(&SLIPS, here)?;
    let (start, count) = (usize::try_from(asked.offset()).unwrap_or(usize::MAX), asked.per_page as usize);
    let (book, code) = (ground.book.clone(), code.to_owned());
    let takings = ground.may(app, viewer, READ_TAKINGS);
    let account = app
        .blocking(move |kernel| {
            let Some(recall) = recall(kernel, &book, &code, takings)? else { return Ok(None) };
            kernel.read(|tx| {
                let mut sales = Vec::new();
                for slip in recall.slips.iter().skip(start).take(count) {
                    sales.extend(sale_of(tx, &book, slip)?.map(|(entry, sale)| (slip.clone(), entry, sale)));
                }
                let product =
                    state::products(tx, &book)?.into_iter().find(|it| it.product == recall.lot.product);
                let recalls = state::recalls(tx, &book, &[&recall.lot.lot], 1)?;
                let (opened, ended): (Vec<_>, Vec<_>) = recalls.into_iter().partition(RecallRow::is_open);
                let (opened, ended) = (opened.into_iter().next(), ended.into_iter().next());
                let (market, products) = (state::market(tx, &book)?, Products::read(tx, &book)?);
                Ok::<_, StoreError>(Some(Account { market, product, products, opened, ended, sales, recall }))
            })
        })
        .await?
        .ok_or_else(Problem::not_found)?;
    let t = app.texts.t(lang);
    let it = &account.recall;
    if !takings {
        note_lot(app, viewer, &ground.resource, "recall", (&ground.book, &it.lot.lot)).await?;
    }
    let sent = blocks::latest_hold(app, ground, &it.lot.lot).await?;
    let may =
        it.lot.hold.is_some() && account.opened.is_none() && ground.may(app, viewer, RecallOpened::KIND);
    let drafted = typed.cloned().unwrap_or_else(|| draft(app, &account));
    let frame =
        ground.frame(app, viewer, lang, t.with("safety-recall-of", &[("lot", it.lot.lot.as_str())]), here);
    let mut slips = slips_table(app, ground, &t, &account);
    slips.pager = (it.slips.len() > slips.rows.len())
        .then(|| asked.pager(&t, slips.rows.len(), Some(it.slips.len() as u64), false));
    let mut all = vec![slips];
    if !it.descendants.is_empty() {
        all.push(lots_table(
            app,
            ground,
            &t,
            "descendants",
            "safety-descendants",
            &it.descendants,
            &account.products,
        ));
    }
    all.push(lots_table(
        app,
        ground,
        &t,
        "siblings",
        if it.siblings_cut { "safety-siblings-cut" } else { "safety-siblings" },
        &it.siblings,
        &account.products,
    ));
    page(&RecallPage {
        tiles: tiles(&t, it),
        cut: it.slips_total.is_some_and(|total| total > it.slips.len()),
        blocks: (!sent.is_empty()).then(|| blocks::list_of_lot(app, ground, &t, &it.lot.lot, &sent)),
        tables: all,
        notices: account.opened.as_ref().map(|opened| (opened.notice_zh.clone(), opened.notice_en.clone())),
        end: (account.opened.is_some() && ground.may(app, viewer, RecallEnded::KIND)).then(|| Link {
            title: t.get("safety-do-end-recall"),
            href: format!("{}/recall/end", ground.lot_href(&it.lot.lot)),
        }),
        ended: account.ended.as_ref().and_then(|recall| {
            let outcome = words::word(&t, "recall", recall.outcome.as_deref()?);
            let at = format::date_time_long(lang, app.moment(recall.ended_at?));
            Some(t.with("safety-recall-ended", &[("at", at), ("outcome", outcome)]))
        }),
        form: may.then(|| fields(&t, &drafted)),
        error: drafted.whole.clone(),
        held: it.lot.hold.is_some(),
        action: format!("{}/recall", ground.lot_href(&it.lot.lot)),
        frame,
    })
}

fn sale_of(tx: &mut dyn store::Tx, book: &BookId, slip: &str) -> Result<Option<(Entry, Sale)>, StoreError> {
    let Some(serial) = SlipSerial::parse(slip) else { return Ok(None) };
    state::sale_of_slip(tx, book, serial)
}

fn tiles(t: &T, it: &Recall) -> Vec<FigureTile> {
    let lang = t.lang();
    let received = it.lot.received_g.0;
    let tile = |key: &str, Grams(grams): Grams| FigureTile {
        note: Some(format::percent(grams, received)),
        ..FigureTile::new(t.get(key), &format::weight(lang, grams))
    };
    let accounted = |Grams(grams): Grams| {
        let of = [("part", format::weight(lang, grams)), ("all", format::weight(lang, received))];
        let note = Some(t.with("safety-part-of", &of));
        FigureTile { note, ..FigureTile::new(t.get("safety-accounted"), &format::percent(grams, received)) }
    };
    let number = |key: &str, n: usize| FigureTile::new(t.get(key), &format::integer(n as i64));
    let tiles = [
        it.accounted_g.map(accounted),
        it.sold_g.map(|grams| tile("safety-sold", grams)),
        Some(tile("safety-lost", it.lost_g)),
        it.left_g.map(|grams| tile("safety-left", grams)),
        it.slips_total.map(|total| number("safety-slips", total).link("#slips")),
        Some(number("safety-siblings", it.siblings.len()).link("#siblings")),
    ];
    tiles.into_iter().flatten().collect()
}

fn slips_table(app: &App, ground: &Ground, t: &T, account: &Account) -> TableView {
    let columns = vec![
        Column::text("at", t.get("safety-sold-at")),
        Column::text("slip", t.get("safety-slip")),
        Column::text("stall", t.get("safety-stall")),
        Column::text("lot", t.get("safety-lot")),
        Column::number("scale", t.get("safety-scale")),
        Column::number("kg", t.get("safety-kg")),
    ];
    let (title, hint) = match account.recall.withheld {
        None => ("safety-slips-none", "safety-slips-none-hint"),
        Some(_) => ("safety-slips-withheld", "safety-slips-withheld-hint"),
    };
    let empty = Empty { title: t.get(title), hint: t.get(hint), action: None };
    let mut table = TableView::new("slips", t.get("safety-slips"), columns, empty);
    let cells = |(slip, entry, sale): &(String, Entry, Sale)| {
        let code = Cell::text(slip);
        vec![
            Cell::date_time(app.moment(entry.occurred)).link(ground.entry_href(entry.seq)),
            match &account.market {
                Some(market) => code.link(format!("/01/{}/21/{slip}", market.slip_gtin)),
                None => code,
            },
            Cell::text(&sale.stall),
            Cell::text(&sale.lot).link(ground.lot_href(&sale.lot)),
            Cell::integer(i64::from(sale.scale)),
            Cell::kilograms(sale.grams.0).link(ground.entry_href(entry.seq)),
        ]
    };
    table.rows = account.sales.iter().map(cells).collect();
    table
}

fn lots_table(
    app: &App,
    ground: &Ground,
    t: &T,
    id: &'static str,
    title: &str,
    lots: &[ToldLot],
    products: &Products,
) -> TableView {
    let columns = vec![
        Column::text("lot", t.get("safety-lot")),
        Column::text("product", t.get("safety-product")),
        Column::text("stall", t.get("safety-stall")),
        Column::text("at", t.get("safety-received-at")),
        left_column(t, "left", lots),
        Column::text("standing", t.get("safety-standing")),
    ];
    let mut table = TableView::new(id, t.get(title), columns, tables::nothing(t));
    table.empty.hint = t.get("safety-siblings-none");
    table.rows = lots
        .iter()
        .map(|lot| {
            vec![
                Cell::text(&lot.lot).link(ground.lot_href(&lot.lot)),
                Cell::text(products.title(t.lang(), &lot.product)),
                Cell::text(&lot.stall),
                Cell::date_time(app.moment(lot.received_at)),
                left_cell(t, lot, &ground.lot_href(&lot.lot)),
                Cell::badge(words::standing(t, lot)),
            ]
        })
        .collect();
    table
}

/// The notice as the record suggests it, in both languages, for the inspector to amend.
fn draft(app: &App, account: &Account) -> Typed {
    let lot = &account.recall.lot;
    let text = |lang: Lang| {
        let t = app.texts.t(lang);
        let zh = lang == Lang::Zh;
        let pick = |both: Option<(&String, &String)>, or: &str| {
            both.map_or_else(|| or.to_owned(), |(a, b)| if zh { a.clone() } else { b.clone() })
        };
        let args = [
            (
                "market",
                pick(account.market.as_ref().map(|it| (&it.title_zh, &it.title_en)), lot.stall.as_str()),
            ),
            (
                "product",
                pick(account.product.as_ref().map(|it| (&it.title_zh, &it.title_en)), lot.product.as_str()),
            ),
            ("lot", lot.lot.clone()),
            ("stall", lot.stall.clone()),
            ("origin", lot.origin.clone()),
            ("day", format::date_long(lang, app.moment(lot.received_at))),
            ("reason", words::word(&t, "reason", lot.hold_reason.as_deref().unwrap_or_default())),
            ("sold", account.recall.sold_g.map_or_else(String::new, |sold| format::weight(lang, sold.0))),
        ];
        t.with("safety-notice-draft", &args)
    };
    Typed::default().with("notice_zh", text(Lang::Zh)).with("notice_en", text(Lang::En))
}

fn fields(t: &T, typed: &Typed) -> Vec<Field> {
    let area = || FieldKind::Area { chars_max: TEXT_CHARS_MAX };
    vec![
        typed.field(Field::new("notice_zh", t.get("safety-notice-zh"), area()).required()),
        typed.field(Field::new("notice_en", t.get("safety-notice-en"), area()).required()),
    ]
}

async fn open(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, code)): Path<(String, String)>,
    Form(given): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let ground = Ground::allowing(&app, &viewer, lang, &book, RecallOpened::KIND)?;
    let (home, asked) = (ground.book.clone(), code.clone());
    let lot = app.blocking(move |kernel| kernel.read(|tx| state::lot(tx, &home, &asked))).await?;
    let lot = lot.ok_or_else(Problem::not_found)?;
    let t = app.texts.t(lang);
    let mut typed = Typed::new(given);
    let (zh, en) = (
        typed.required(&t, "notice_zh").unwrap_or_default(),
        typed.required(&t, "notice_en").unwrap_or_default(),
    );
    match lot.hold {
        None => typed.whole = Some(t.get("safety-not-held")),
        Some(hold) if typed.is_good() => {
            let body = json!({ "lot": code, "hold": hold.0, "notice_zh": zh, "notice_en": en });
            let input = Input { kind: RecallOpened::KIND.into(), occurred: None, body, evidence: Vec::new() };
            match record_form(&app, &viewer, &ground.book, input, &format!("recall {code}"), typed.values())
                .await
            {
                Ok(done) => {
                    let next = format!("{}/recall?done={}", ground.lot_href(&code), done.entry.seq);
                    return Ok(Redirect::to(&next).into_response());
                }
                Err(problem) => refused(&mut typed, lang, problem, &["notice_zh", "notice_en"])?,
            }
        }
        Some(_) => {}
    }
    let response = set(&app, &viewer, lang, &here, &ground, &code, Some(&typed)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
}
