//! Breaches and complaints, and how a complaint is settled.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::Seq;
use base::limits::TEXT_CHARS_MAX;
use ledger::{Body, Entry};
use matters::Matter;
use serde_json::json;
use shell::extract::Path;
use shell::pages::page;
use shell::table::{Direction, TableSpec};
use shell::typed::Typed;
use shell::view::{Cell, Choice, Column, Empty, Field, FieldKind, Frame, Link, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Problem, T, docket, format};
use store::StoreError;

use super::ground::Ground;
use super::orders::OrderPage;
use super::typed::{refused, yuan};
use super::{complaint, rows, tables, words};
use crate::api::records::record_form;
use crate::duties;
use crate::kinds::{ComplaintFiled, ComplaintSettled, Sale, SlipSerial};
use crate::record::Input;
use crate::state::{self, ComplaintRow};

pub fn router() -> Router<App> {
    Router::new()
        .route("/market/{book}/breaches", get(breaches))
        .route("/market/{book}/complaints", get(complaints))
        .route("/market/{book}/complaints/{seq}", get(settle_form).post(settle))
}

/// Rows that a list reads: the latest.
const ROWS_MAX: usize = 2_000;

#[derive(Template)]
#[template(path = "safety/list.html")]
struct ListPage {
    frame: Frame,
    table: TableView,
}

const BREACHES: TableSpec =
    TableSpec { sortable: &["at", "lot", "scale", "kg"], sort: ("at", Direction::Descending), per_page: 50 };

async fn breaches(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let ground = Ground::readable(&app, &viewer, lang, &book)?;
    let asked = rows::asked(&BREACHES, &here)?;
    let home = ground.book.clone();
    let found =
        app.blocking(move |kernel| kernel.read(|tx| state::breaches(tx, &home, None, ROWS_MAX))).await?;
    let t = app.texts.t(lang);
    let columns = tables::breach_columns(&t).into_iter().map(|column| column.sorted(&asked)).collect();
    let empty = Empty {
        title: t.get("safety-breaches-none"),
        hint: t.get("safety-breaches-none-hint"),
        action: None,
    };
    let mut table = TableView::new("breaches", t.get("safety-breaches"), columns, empty);
    let all = found.iter().map(|row| tables::breach_cells(&app, &ground, &t, row)).collect();
    rows::fill(&mut table, &asked, &t, all);
    match rows::file(&app, &mut table, &asked).await? {
        Some(file) => Ok(file),
        None => page(&ListPage {
            frame: ground.frame(&app, &viewer, lang, t.get("safety-breaches"), &here),
            table,
        }),
    }
}

const COMPLAINTS: TableSpec = TableSpec {
    sortable: &["at", "number", "standing", "settled"],
    sort: ("at", Direction::Descending),
    per_page: 50,
};

async fn complaints(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let ground = Ground::readable(&app, &viewer, lang, &book)?;
    let asked = rows::asked(&COMPLAINTS, &here)?;
    let home = ground.book.clone();
    let found = app.blocking(move |kernel| kernel.read(|tx| state::complaints(tx, &home, ROWS_MAX))).await?;
    let t = app.texts.t(lang);
    let columns = vec![
        Column::text("at", t.get("safety-complaint-at")).sorted(&asked),
        Column::number("number", t.get("safety-complaint-number")).sorted(&asked),
        Column::text("slip", t.get("safety-slip")),
        Column::text("standing", t.get("safety-standing")).sorted(&asked),
        Column::text("settled", t.get("safety-settled-at")).sorted(&asked),
    ];
    let empty = Empty {
        title: t.get("safety-complaints-none"),
        hint: t.get("safety-complaints-none-hint"),
        action: None,
    };
    let mut table = TableView::new("complaints", t.get("safety-complaints"), columns, empty);
    let cells = |row: &ComplaintRow| {
        let settled = row.settled_at.map(|at| Cell::date_time(app.moment(at)));
        vec![
            Cell::date_time(app.moment(row.at)),
            Cell::integer(row.seq.to_i64()).link(ground.href(&format!("complaints/{}", row.seq))),
            Cell::text(row.slip.as_deref().unwrap_or_default()),
            Cell::badge(complaint::standing(&t, row)),
            settled
                .zip(row.settled_seq)
                .map_or_else(Cell::none, |(cell, seq)| cell.link(ground.entry_href(seq))),
        ]
    };
    rows::fill(&mut table, &asked, &t, found.iter().map(cells).collect());
    match rows::file(&app, &mut table, &asked).await? {
        Some(file) => Ok(file),
        None => page(&ListPage {
            frame: ground.frame(&app, &viewer, lang, t.get("safety-complaints"), &here),
            table,
        }),
    }
}

/// A complaint with what it is about.
struct Case {
    row: ComplaintRow,
    matter: Option<Matter>,
    /// Nothing once it was erased.
    filed: Option<ComplaintFiled>,
    settled: Option<ComplaintSettled>,
    sale: Option<(Entry, Sale)>,
}

async fn case(app: &App, ground: &Ground, seq: u64) -> Result<Case, Problem> {
    let book = ground.book.clone();
    let seq = Seq(seq.min(i64::MAX as u64));
    let found = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let Some(row) = state::complaint(tx, &book, seq)? else { return Ok(None) };
                let matter = kernel::matter(tx, &duties::of_complaint(&book, seq))?;
                let filed = kernel::entries::entry(tx, &book, seq)?.and_then(|entry| entry.body().ok());
                let settled = match row.settled_seq {
                    Some(seq) => kernel::entries::entry(tx, &book, seq)?.and_then(|entry| entry.body().ok()),
                    None => None,
                };
                let sale = match row.slip.as_deref().and_then(SlipSerial::parse) {
                    Some(slip) => state::sale_of_slip(tx, &book, slip)?,
                    None => None,
                };
                Ok::<_, StoreError>(Some(Case { row, matter, filed, settled, sale }))
            })
        })
        .await?;
    found.ok_or_else(Problem::not_found)
}

/// Notes that a complaint is shown that says how whoever filed it is reached.
async fn note_contact(app: &App, viewer: &Viewer, ground: &Ground, case: &Case) -> Result<(), Problem> {
    if case.filed.as_ref().is_none_or(|filed| filed.contact.is_none()) {
        return Ok(());
    }
    let what = format!("complaint {}/{}", ground.book, case.row.seq);
    viewer.note_read_of(app, &ground.resource.unit, &what).await
}

async fn settle_form(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, seq)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let ground = Ground::readable(&app, &viewer, lang, &book)?;
    let case = case(&app, &ground, seq).await?;
    note_contact(&app, &viewer, &ground, &case).await?;
    let frame = ground.frame(&app, &viewer, lang, app.texts.t(lang).get("safety-complaint"), &here);
    let may = ground.may(&app, &viewer, ComplaintSettled::KIND) && may_settle(&app, &viewer, &case);
    case_page(&app, frame, &ground, &case, may, &Typed::default())
}

/// A complaint that is settled may be settled anew while its matter is open, as the rules say.
fn may_settle(app: &App, viewer: &Viewer, case: &Case) -> bool {
    let anew = |matter: &Matter| {
        let approvers = docket::approvers(app, viewer, matter);
        !matter.state.is_closed()
            && (matter.state == matters::State::Returned || approvers.contains(&matter.reviewer))
    };
    case.row.settled_seq.is_none() || case.matter.as_ref().is_some_and(anew)
}

fn case_page(
    app: &App,
    frame: Frame,
    ground: &Ground,
    case: &Case,
    may: bool,
    typed: &Typed,
) -> Result<Response, Problem> {
    let t = frame.t.clone();
    let fields = if may { settle_fields(&t) } else { Vec::new() };
    page(&OrderPage {
        facts: case_facts(app, &t, case),
        advice: None,
        error: typed.whole.clone(),
        fields: fields.into_iter().map(|field| typed.field(field)).collect(),
        action: ground.href(&format!("complaints/{}", case.row.seq)),
        submit: t.get("safety-settle"),
        back: Link { title: t.get("safety-complaints-all"), href: ground.href("complaints") },
        frame,
    })
}

fn settle_fields(t: &T) -> Vec<Field> {
    let choice = |code: &str| Choice { value: code.to_owned(), title: words::word(t, "outcome", code) };
    let outcomes = ["upheld", "dismissed", "withdrawn"].map(choice).to_vec();
    let mut refund = Field::new("refund_fen", t.get("safety-refund"), FieldKind::Number);
    refund.unit = Some(t.get("safety-yuan"));
    vec![
        Field::new("outcome", t.get("safety-outcome"), FieldKind::Choice(outcomes)).required(),
        refund,
        Field::new("text", t.get("safety-settle-text"), FieldKind::Area { chars_max: TEXT_CHARS_MAX })
            .required(),
    ]
}

/// What a complaint says, and what the record says about the sale.
fn case_facts(app: &App, t: &T, case: &Case) -> Vec<(String, String)> {
    let lang = t.lang();
    let mut facts = vec![
        (t.get("safety-complaint-number"), case.row.seq.to_string()),
        (t.get("safety-complaint-at"), format::date_time_long(lang, app.moment(case.row.at))),
        (t.get("safety-standing"), complaint::standing(t, &case.row).text),
    ];
    match &case.filed {
        None => facts.push((t.get("safety-complaint-text"), t.get("entry-erased"))),
        Some(filed) => {
            facts.push((t.get("safety-complaint-text"), filed.text.clone()));
            facts.extend(filed.contact.clone().map(|contact| (t.get("safety-complaint-contact"), contact)));
            facts.extend(
                filed.fair_scale_g.map(|g| (t.get("safety-complaint-weight"), format::weight(lang, g.0))),
            );
        }
    }
    if let Some((entry, sale)) = &case.sale {
        let sold =
            format!("{} · {} · {}", sale.stall, sale.lot, format::date_time(app.moment(entry.occurred)));
        facts.push((t.get("safety-slip-sale"), sold));
        facts.push((t.get("safety-weight"), format::weight(lang, sale.grams.0)));
        if let Some(fair) = case.filed.as_ref().and_then(|filed| filed.fair_scale_g) {
            facts.push((t.get("safety-short"), format::weight(lang, sale.grams.0 - fair.0)));
        }
        facts.push((t.get("safety-amount"), format::money(sale.amount_fen.0)));
    }
    if let Some(settled) = &case.settled {
        facts.push((t.get("safety-settle-text"), settled.text.clone()));
        facts.push((t.get("safety-refund"), format::money(settled.refund_fen.0)));
    }
    facts
}

async fn settle(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, seq)): Path<(String, u64)>,
    Form(given): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let ground = Ground::allowing(&app, &viewer, lang, &book, ComplaintSettled::KIND)?;
    let case = case(&app, &ground, seq).await?;
    let t = app.texts.t(lang);
    let mut typed = Typed::new(given);
    let (outcome, text) =
        (typed.required(&t, "outcome").unwrap_or_default(), typed.required(&t, "text").unwrap_or_default());
    let refund = yuan(&mut typed, &t, "refund_fen");
    if typed.is_good() {
        let body =
            json!({ "complaint": case.row.seq.0, "outcome": outcome, "refund_fen": refund, "text": text });
        let input = Input { kind: ComplaintSettled::KIND.into(), occurred: None, body, evidence: Vec::new() };
        match record_form(&app, &viewer, &ground.book, input, &format!("settle {seq}"), typed.values()).await
        {
            Ok(done) => {
                let next = format!("{}?done={}", ground.href("complaints"), done.entry.seq);
                return Ok(Redirect::to(&next).into_response());
            }
            Err(problem) => refused(&mut typed, lang, problem, &["outcome", "refund_fen", "text"])?,
        }
    }
    note_contact(&app, &viewer, &ground, &case).await?;
    let frame = ground.frame(&app, &viewer, lang, t.get("safety-complaint"), &here);
    let may = may_settle(&app, &viewer, &case);
    let response = case_page(&app, frame, &ground, &case, may, &typed)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
}
