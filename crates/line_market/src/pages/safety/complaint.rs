//! A shopper's complaint about a slip, and what became of it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{DefaultBodyLimit, Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base::Seq;
use ledger::Body;
use serde_json::json;
use shell::extract::{NOBODYS_BYTES_MAX, Path};
use shell::pages::{From, page};
use shell::typed::Typed;
use shell::view::{Badge, Frame, Mark, Sheet};
use shell::viewer::{Asked, Here, Public, Viewer};
use shell::{App, Problem, format};

use super::slip::{address_of, find, show};
use super::typed::{kilograms, refused};
use super::words;
use crate::api::records::{limit_complaints, limit_complaints_of_stall, record_form, takes_complaints};
use crate::duties;
use crate::kinds::ComplaintFiled;
use crate::record::Input;
use crate::state::{self, ComplaintRow};

pub fn router() -> Router<App> {
    Router::new()
        .route("/01/{gtin}/21/{serial}/complaint", post(file).layer(DefaultBodyLimit::max(NOBODYS_BYTES_MAX)))
        .route("/01/{gtin}/21/{serial}/complaint/{seq}", get(receipt))
}

/// Characters of a complaint.
pub const TEXT_CHARS_MAX: usize = 1_000;

/// A field that people do not see; only programs fill it in.
const TRAP: &str = "website";

async fn file(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Extension(From(address)): Extension<From>,
    Path((gtin, serial)): Path<(String, String)>,
    Form(given): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    limit_complaints(&app, address)?;
    let found = find(&app, &gtin, &serial).await?;
    let t = app.texts.t(lang);
    let here = address_of(&found.market, found.serial);
    let mut typed = Typed::new(given);
    if !typed.get(TRAP).is_empty() {
        typed.whole = Some(t.get("safety-complaint-trapped"));
    }
    let text = typed.required(&t, "text").unwrap_or_default();
    if text.chars().count() > TEXT_CHARS_MAX {
        typed.error("text", t.with("form-too-long", &[("max", TEXT_CHARS_MAX)]));
    }
    let weight = kilograms(&mut typed, &t, "fair_scale_g");
    if typed.is_good() {
        let (book, stall) = (&found.market.book, &found.sale.stall);
        if !takes_complaints(&app, &viewer, book.as_str())? {
            limit_complaints_of_stall(&app, address, (book.as_str(), stall))?;
        }
        let body = json!({
            "slip": found.serial.print(), "text": text, "contact": typed.optional("contact"), "fair_scale_g": weight,
        });
        let input = Input { kind: ComplaintFiled::KIND.into(), occurred: None, body, evidence: Vec::new() };
        let form = format!("complaint {}", found.serial.print());
        match record_form(&app, &viewer, &found.market.book, input, &form, typed.values()).await {
            Ok(recorded) => {
                return Ok(Redirect::to(&format!("{here}/complaint/{}", recorded.entry.seq)).into_response());
            }
            Err(problem) => refused(&mut typed, lang, problem, &["text", "contact", "fair_scale_g"])?,
        }
    }
    let response = show(&app, &viewer, lang, &here, found, &typed).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
}

#[derive(Template)]
#[template(path = "safety/complaint_receipt.html")]
struct ReceiptPage {
    frame: Frame,
    facts: Vec<(String, String)>,
    standing: Badge,
    slip: String,
}

/// What became of a complaint, for whoever has the slip: nothing is told as its outcome that is still reviewed. Its text and contact are not shown again.
async fn receipt(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    _: Public,
    Path((gtin, serial, seq)): Path<(String, String, u64)>,
) -> Result<Response, Problem> {
    let found = find(&app, &gtin, &serial).await?;
    let (book, seq) = (found.market.book.clone(), Seq(seq.min(i64::MAX as u64)));
    let matter = duties::of_complaint(&book, seq);
    let (row, matter) = app
        .blocking(move |kernel| {
            kernel.read(|tx| Ok((state::complaint(tx, &book, seq)?, kernel::matter(tx, &matter)?)))
        })
        .await?;
    let mut row = row
        .filter(|row| row.slip.as_deref() == Some(&found.serial.print()))
        .ok_or_else(Problem::not_found)?;
    let t = app.texts.t(lang);
    let standing = match matter.filter(|matter| row.outcome.is_some() && !matter.state.is_closed()) {
        Some(_) => {
            row.settled_at = None;
            Badge { mark: Mark::Blue, text: t.get("safety-complaint-reviewed") }
        }
        None => standing(&t, &row),
    };
    let mut frame = viewer.frame(&app, lang, t.get("safety-complaint-filed"), &here);
    frame.sheet = Sheet::Public;
    frame.nav.clear();
    let mut facts = vec![
        (t.get("safety-complaint-number"), row.seq.to_string()),
        (t.get("safety-complaint-at"), format::date_time_long(lang, app.moment(row.at))),
    ];
    facts.extend(
        row.settled_at.map(|at| (t.get("safety-settled-at"), format::date_time_long(lang, app.moment(at)))),
    );
    page(&ReceiptPage { frame, facts, standing, slip: address_of(&found.market, found.serial) })
}

/// How far a complaint is.
pub fn standing(t: &shell::T, row: &ComplaintRow) -> Badge {
    match &row.outcome {
        None => Badge { mark: Mark::Blue, text: t.get("safety-complaint-open") },
        Some(outcome) => Badge { mark: Mark::Done, text: words::word(t, "outcome", outcome) },
    }
}
