//! The inspector's page: choose a lot, record a test. A failed test holds the lot at once.

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use ledger::Body;
use serde::Deserialize;
use serde_json::json;
use shell::extract::{Path, Query};
use shell::pages::page;
use shell::table::{Direction, TableSpec};
use shell::typed::Typed;
use shell::view::{Cell, Choice, Column, Empty, Field, FieldKind, Frame, Link, TableView};
use shell::viewer::{Asked, FORM_BYTES_MAX, Here, Viewer};
use shell::{App, Lang, Problem, T};
use store::StoreError;

use super::ground::{Ground, Products};
use super::typed::refused;
use super::{rows, tables, words};
use crate::api::records::record_form;
use crate::balance::ToldLot;
use crate::kinds::InspectionRecorded;
use crate::pages::balance::{left_cell, left_column};
use crate::pages::photo;
use crate::policy::{READ, READ_TAKINGS};
use crate::record::Input;
use crate::state::{self, Inspection, LotFilter};

pub fn router() -> Router<App> {
    let limit = DefaultBodyLimit::max(FORM_BYTES_MAX);
    Router::new().route("/market/{book}/inspect", get(form).post(record)).layer(limit)
}

/// Lots to choose from: the latest, of each merchant who has a stall a share.
const LOTS_MAX: usize = 1_000;
const TESTS_MAX: usize = 20;

/// Methods and items that forms offer; the ledger takes any code.
const METHODS: [&str; 4] = ["rapid-colloidal-gold", "enzyme-inhibition", "rapid-reagent", "laboratory"];
const ITEMS: [&str; 13] = [
    "organophosphate",
    "carbofuran",
    "ractopamine",
    "clenbuterol",
    "salbutamol",
    "malachite-green",
    "nitrofuran",
    "chloramphenicol",
    "enrofloxacin",
    "aflatoxin-b1",
    "formaldehyde",
    "sulfur-dioxide",
    "nitrite",
];

#[derive(Debug, Deserialize)]
struct Wanted {
    lot: Option<String>,
    stall: Option<String>,
}

#[derive(Template)]
#[template(path = "safety/choose_lot.html")]
struct ChooseLot {
    frame: Frame,
    table: TableView,
}

#[derive(Template)]
#[template(path = "safety/inspect.html")]
struct InspectPage {
    frame: Frame,
    lot: Link,
    facts: Vec<(String, String)>,
    action: String,
    error: Option<String>,
    fields: Vec<Field>,
    tests: TableView,
    another: Link,
}

async fn form(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let ground = Ground::allowing(&app, &viewer, lang, &book, InspectionRecorded::KIND)?;
    match wanted.lot {
        Some(lot) => show(&app, &viewer, lang, &here, &ground, &lot, &Typed::default()).await,
        None => choose(&app, &viewer, lang, &here, &ground, wanted.stall).await,
    }
}

const LOTS: TableSpec = TableSpec {
    sortable: &["lot", "product", "stall", "left", "at"],
    sort: ("at", Direction::Descending),
    per_page: 25,
};

async fn choose(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    ground: &Ground,
    stall: Option<String>,
) -> Result<Response, Problem> {
    let asked = rows::asked(&LOTS, here)?;
    let (book, books) = (ground.book.clone(), viewer.books(app, READ, "market")?);
    let is_of_stall = stall.is_some();
    let takings = ground.may(app, viewer, READ_TAKINGS);
    let (lots, flags, products) = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let lots = match &stall {
                    Some(stall) => {
                        let filter = LotFilter { stall: Some(stall), ..Default::default() };
                        state::list_lots(tx, &book, &filter, LOTS_MAX, 0)?
                    }
                    None => {
                        // Those who gave their stall back too: what they left may still be sold.
                        let merchants = state::merchants(tx, &book)?;
                        let merchants = merchants.iter().map(|it| it.merchant.as_str());
                        state::latest_shared(tx, &book, merchants, LOTS_MAX)?
                    }
                };
                let lots: Vec<ToldLot> = lots.into_iter().map(|lot| ToldLot::of(lot, takings)).collect();
                let flags = state::flags(tx, &books, &book, &lots)?;
                Ok::<_, StoreError>((lots, flags, Products::read(tx, &book)?))
            })
        })
        .await?;
    let t = app.texts.t(lang);
    let frame = ground.frame(app, viewer, lang, t.get("safety-inspect"), here);
    let columns = vec![
        Column::text("lot", t.get("safety-lot")).sorted(&asked),
        Column::text("product", t.get("safety-product")).sorted(&asked),
        Column::text("stall", t.get("safety-stall")).sorted(&asked),
        Column::text("supplier", t.get("safety-supplier")),
        left_column(&t, "left", &lots).sorted(&asked),
        Column::text("standing", t.get("safety-standing")),
        Column::text("at", t.get("safety-received-at")).sorted(&asked),
    ];
    let empty = Empty { title: t.get("safety-no-lots"), hint: t.get("safety-no-lots-hint"), action: None };
    let title = match lots.first().filter(|_| is_of_stall) {
        Some(lot) => format!("{} · {}", t.get("safety-choose-lot"), lot.stall),
        None => t.get("safety-choose-lot"),
    };
    let mut table = TableView::new("lots", title, columns, empty);
    let cells = |lot: &ToldLot| {
        vec![
            Cell::text(&lot.lot).link(format!("{}?lot={}", ground.href("inspect"), lot.lot)),
            Cell::text(products.title(lang, &lot.product)),
            Cell::text(&lot.stall).link(format!("{}?stall={}", ground.href("inspect"), lot.stall)),
            Cell::text(&lot.supplier),
            left_cell(&t, lot, &ground.lot_href(&lot.lot)),
            Cell::badge(words::standing_beside(&t, lot, flags.get(&lot.lot))),
            Cell::date_time(app.moment(lot.received_at)),
        ]
    };
    rows::fill(&mut table, &asked, &t, lots.iter().map(cells).collect());
    if asked.export.is_some() {
        viewer.note_read_of(app, &ground.resource.unit, &format!("lots {} as a file", ground.book)).await?;
    }
    match rows::file(app, &mut table, &asked).await? {
        Some(file) => Ok(file),
        None => page(&ChooseLot { frame, table }),
    }
}

async fn show(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    ground: &Ground,
    code: &str,
    typed: &Typed,
) -> Result<Response, Problem> {
    let (book, code) = (ground.book.clone(), code.to_owned());
    let found = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let Some(lot) = state::lot(tx, &book, &code)? else { return Ok(None) };
                let tests = state::inspections(tx, &book, Some(&lot.lot), TESTS_MAX)?;
                Ok::<_, StoreError>(Some((Products::read(tx, &book)?.title(lang, &lot.product), lot, tests)))
            })
        })
        .await?;
    let (product, lot, tests) = found.ok_or_else(Problem::not_found)?;
    let t = app.texts.t(lang);
    page(&InspectPage {
        frame: ground.frame(app, viewer, lang, t.get("safety-do-test"), here),
        facts: vec![
            (t.get("safety-product"), product),
            (t.get("safety-stall"), lot.stall.clone()),
            (t.get("safety-supplier"), lot.supplier.clone()),
            (t.get("safety-standing"), words::standing(&t, &lot).text),
        ],
        action: format!("{}?lot={}", ground.href("inspect"), lot.lot),
        error: typed.whole.clone(),
        fields: fields(&t, typed, &tests),
        tests: tables::tests(app, ground, &t, &tests),
        another: Link { title: t.get("safety-another-lot"), href: ground.href("inspect") },
        lot: Link { title: lot.lot.clone(), href: ground.lot_href(&lot.lot) },
    })
}

fn choices(t: &T, family: &str, codes: &[&str]) -> FieldKind {
    let choice = |code: &&str| Choice { value: (*code).to_owned(), title: words::word(t, family, code) };
    FieldKind::Choice(codes.iter().map(choice).collect())
}

/// The form's fields. What the last test of the lot looked for is offered first; a retest names what it repeats.
fn fields(t: &T, typed: &Typed, tests: &[Inspection]) -> Vec<Field> {
    let mut typed = typed.clone();
    if let (Some(last), true) =
        (tests.first(), typed.get("item").is_empty() && typed.get("method").is_empty())
    {
        typed = typed.with("item", &last.item).with("method", &last.method);
    }
    let text = FieldKind::Text { chars_max: 100 };
    let failed: Vec<&Inspection> = tests.iter().filter(|test| test.verdict == "fail").collect();
    let mut fields = vec![
        Field::new("item", t.get("safety-item"), choices(t, "item", &ITEMS)).required(),
        Field::new("method", t.get("safety-method"), choices(t, "method", &METHODS)).required(),
        Field::new("reading", t.get("safety-reading"), text.clone())
            .required()
            .hint(t.get("safety-reading-hint")),
        Field::new("limit", t.get("safety-limit"), text),
        Field::new("verdict", t.get("safety-verdict"), choices(t, "verdict", &["pass", "fail"]))
            .required()
            .hint(t.get("safety-verdict-hint")),
    ];
    if !failed.is_empty() {
        let title = |test: &Inspection| {
            format!("{} · {} {}", test.seq, words::word(t, "item", &test.item), test.reading)
        };
        let known = failed.iter().map(|test| Choice { value: test.seq.to_string(), title: title(test) });
        let none = Choice { value: String::new(), title: t.get("safety-retest-none") };
        let kind = FieldKind::Choice(std::iter::once(none).chain(known).collect());
        fields.push(Field::new("retest_of", t.get("safety-retest-of"), kind));
    }
    fields.push(photo::field(t, "safety-photo", typed.values().contains_key(photo::FIELD)));
    fields.into_iter().map(|field| typed.field(field)).collect()
}

async fn record(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
    Query(wanted): Query<Wanted>,
    form: Multipart,
) -> Result<Response, Problem> {
    let ground = Ground::allowing(&app, &viewer, lang, &book, InspectionRecorded::KIND)?;
    let lot = wanted.lot.ok_or_else(Problem::not_found)?;
    let (values, photo) = photo::read(form).await?;
    let t = app.texts.t(lang);
    let mut typed = Typed::new(values);
    if photo.is_some() {
        typed = typed.with(photo::FIELD, "");
    }
    let (item, method) =
        (typed.required(&t, "item").unwrap_or_default(), typed.required(&t, "method").unwrap_or_default());
    let (reading, verdict) = (
        typed.required(&t, "reading").unwrap_or_default(),
        typed.required(&t, "verdict").unwrap_or_default(),
    );
    let retest_of = typed.optional("retest_of").and_then(|seq| seq.parse::<u64>().ok());
    if typed.is_good() {
        let mut evidence = Vec::new();
        if let Some(bytes) = photo {
            match photo::kept(&app, &viewer, (&ground.book, &ground.resource), &t, bytes).await? {
                Ok(digest) => {
                    typed = typed.with(photo::FIELD, &digest);
                    evidence.push(digest);
                }
                Err(message) => typed.error(photo::FIELD, message),
            }
        }
        if typed.is_good() {
            let body = json!({
                "lot": lot, "method": method, "item": item, "reading": reading, "limit": typed.optional("limit"),
                "verdict": verdict, "retest_of": retest_of,
            });
            let input = Input { kind: InspectionRecorded::KIND.into(), occurred: None, body, evidence };
            match record_form(&app, &viewer, &ground.book, input, &format!("inspect {lot}"), typed.values())
                .await
            {
                Ok(done) => {
                    let next = format!("{}?done={}", ground.lot_href(&lot), done.entry.seq);
                    return Ok(Redirect::to(&next).into_response());
                }
                Err(problem) => refused(
                    &mut typed,
                    lang,
                    problem,
                    &["item", "method", "reading", "limit", "verdict", "retest_of"],
                )?,
            }
        }
    }
    let response = show(&app, &viewer, lang, &here, &ground, &lot, &typed).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
}
