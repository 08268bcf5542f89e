//! Orders about a lot: take it off sale, let it be sold again, end its recall.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::limits::TEXT_CHARS_MAX;
use ledger::Body;
use serde_json::json;
use shell::extract::Path;
use shell::pages::page;
use shell::typed::Typed;
use shell::view::{Choice, Field, FieldKind, Frame, Link};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, T};
use store::StoreError;

use super::ground::Ground;
use super::typed::refused;
use super::{lot, words};
use crate::api::records::record_form;
use crate::kinds::{LotHeld, LotReleased, RecallEnded};
use crate::record::Input;
use crate::rules;
use crate::state::{self, Lot};

pub fn router() -> Router<App> {
    Router::new()
        .route("/market/{book}/lots/{lot}/hold", get(hold_form).post(hold))
        .route("/market/{book}/lots/{lot}/release", get(release_form).post(release))
        .route("/market/{book}/lots/{lot}/recall/end", get(end_form).post(end))
}

/// A form about one thing, with what is known of it above.
#[derive(Template)]
#[template(path = "safety/order.html")]
pub struct OrderPage {
    pub frame: Frame,
    pub facts: Vec<(String, String)>,
    pub advice: Option<String>,
    pub error: Option<String>,
    pub fields: Vec<Field>,
    pub action: String,
    pub submit: String,
    pub back: Link,
}

/// Who asks for a page about which lot.
struct Order {
    app: App,
    viewer: Viewer,
    lang: Lang,
    ground: Ground,
    lot: Lot,
    /// The retest that the lot may be released on, if there is one.
    retest: Option<u64>,
    /// Whether a failed test stands that no passed one followed.
    retest_missing: bool,
}

impl Order {
    async fn of(
        app: App,
        viewer: Viewer,
        lang: Lang,
        book: &str,
        code: &str,
        action: &str,
    ) -> Result<Self, Problem> {
        let (ground, lot) = lot::readable(&app, &viewer, lang, book, code).await?;
        viewer.need(&app, action, &ground.resource)?;
        let home = ground.book.clone();
        let (lot, failure, retest) = app
            .blocking(move |kernel| {
                let (failure, tests) = kernel.read(|tx| {
                    Ok((state::failure(tx, &home, &lot.lot)?, state::tests(tx, &home, &lot.lot)?))
                })?;
                let retest = rules::retest(&lot, &tests).map(|test| test.seq.0);
                Ok::<_, StoreError>((lot, failure, retest))
            })
            .await?;
        let retest_missing = rules::may_release(&lot, &[], failure.as_ref(), retest.is_some()).is_err();
        Ok(Self { app, viewer, lang, ground, lot, retest, retest_missing })
    }

    fn t(&self) -> T {
        self.app.texts.t(self.lang)
    }

    fn page(
        &self,
        here: &str,
        title: &str,
        advice: Option<&str>,
        typed: &Typed,
        fields: Vec<Field>,
    ) -> Result<Response, Problem> {
        let t = self.t();
        let href = self.ground.lot_href(&self.lot.lot);
        let step = match title {
            "safety-do-hold" => "hold",
            "safety-do-end-recall" => "recall/end",
            _ => "release",
        };
        page(&OrderPage {
            frame: self.ground.frame(&self.app, &self.viewer, self.lang, t.get(title), here),
            facts: vec![
                (t.get("safety-lot"), self.lot.lot.clone()),
                (t.get("safety-stall"), self.lot.stall.clone()),
                (t.get("safety-standing"), words::standing(&t, &self.lot).text),
            ],
            advice: advice.map(|key| t.get(key)),
            error: typed.whole.clone(),
            fields: fields.into_iter().map(|field| typed.field(field)).collect(),
            action: format!("{href}/{step}"),
            submit: t.get(title),
            back: Link { title: t.get("form-cancel"), href },
        })
    }

    /// Records, and goes to the lot; a refusal of the market goes into the form.
    async fn record(
        &self,
        kind: &str,
        body: serde_json::Value,
        typed: &mut Typed,
        shown: &[&str],
    ) -> Result<Option<Response>, Problem> {
        let input = Input { kind: kind.into(), occurred: None, body, evidence: Vec::new() };
        let form = format!("{kind} {}", self.lot.lot);
        match record_form(&self.app, &self.viewer, &self.ground.book, input, &form, typed.values()).await {
            Ok(done) => {
                let next = format!("{}?done={}", self.ground.lot_href(&self.lot.lot), done.entry.seq);
                Ok(Some(Redirect::to(&next).into_response()))
            }
            Err(problem) => refused(typed, self.lang, problem, shown).map(|()| None),
        }
    }

    fn hold_page(&self, here: &str, typed: &Typed) -> Result<Response, Problem> {
        let t = self.t();
        let choice = |code: &str| Choice { value: code.to_owned(), title: words::word(&t, "reason", code) };
        let reasons = ["order", "same_supplier", "recall"].map(choice).to_vec();
        let fields = vec![
            Field::new("reason", t.get("safety-why"), FieldKind::Choice(reasons)).required(),
            Field::new("note", t.get("safety-note"), FieldKind::Area { chars_max: TEXT_CHARS_MAX }),
        ];
        self.page(here, "safety-do-hold", Some("safety-hold-advice"), typed, fields)
    }

    fn release_page(&self, here: &str, typed: &Typed) -> Result<Response, Problem> {
        let advice = match self.retest_missing {
            true => "safety-release-retest",
            false => "safety-release-advice",
        };
        let reason = FieldKind::Area { chars_max: TEXT_CHARS_MAX };
        let fields = vec![Field::new("reason", self.t().get("safety-why"), reason).required()];
        self.page(here, "safety-do-release", Some(advice), typed, fields)
    }

    fn end_page(&self, here: &str, typed: &Typed) -> Result<Response, Problem> {
        let t = self.t();
        let choice = |code: &str| Choice { value: code.to_owned(), title: words::word(&t, "recall", code) };
        let outcomes = FieldKind::Choice(["completed", "withdrawn"].map(choice).to_vec());
        let reason = FieldKind::Area { chars_max: TEXT_CHARS_MAX };
        let fields = vec![
            Field::new("outcome", t.get("safety-recall-outcome"), outcomes).required(),
            Field::new("reason", t.get("safety-why"), reason).required(),
        ];
        self.page(here, "safety-do-end-recall", Some("safety-recall-end-advice"), typed, fields)
    }
}

fn unprocessable(response: Response) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, response).into_response()
}

async fn hold_form(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, lot)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Order::of(app, viewer, lang, &book, &lot, LotHeld::KIND).await?.hold_page(&here, &Typed::default())
}

async fn hold(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, lot)): Path<(String, String)>,
    Form(given): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let order = Order::of(app, viewer, lang, &book, &lot, LotHeld::KIND).await?;
    let mut typed = Typed::new(given);
    let reason = typed.required(&order.t(), "reason").unwrap_or_default();
    if typed.is_good() {
        let body = json!({ "lot": lot, "reason": reason, "inspection": null, "note": typed.optional("note"), "scales": [] });
        if let Some(done) = order.record(LotHeld::KIND, body, &mut typed, &["reason", "note"]).await? {
            return Ok(done);
        }
    }
    order.hold_page(&here, &typed).map(unprocessable)
}

async fn release_form(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, lot)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Order::of(app, viewer, lang, &book, &lot, LotReleased::KIND).await?.release_page(&here, &Typed::default())
}

async fn release(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, lot)): Path<(String, String)>,
    Form(given): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let order = Order::of(app, viewer, lang, &book, &lot, LotReleased::KIND).await?;
    let mut typed = Typed::new(given);
    let t = order.t();
    let reason = typed.required(&t, "reason").unwrap_or_default();
    if order.retest_missing {
        typed.whole = Some(t.get("safety-release-retest"));
    }
    if typed.is_good() {
        // A lot that this very form released is not held any more, so whether it is held is for the rules to say.
        let hold = order.lot.hold.map_or(0, |seq| seq.0);
        let body = json!({ "lot": lot, "hold": hold, "inspection": order.retest, "reason": reason });
        if let Some(done) = order.record(LotReleased::KIND, body, &mut typed, &["reason"]).await? {
            return Ok(done);
        }
        if order.lot.hold.is_none() {
            typed.whole = Some(t.get("safety-not-held"));
        }
    }
    order.release_page(&here, &typed).map(unprocessable)
}

async fn end_form(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, lot)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Order::of(app, viewer, lang, &book, &lot, RecallEnded::KIND).await?.end_page(&here, &Typed::default())
}

async fn end(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, lot)): Path<(String, String)>,
    Form(given): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let order = Order::of(app, viewer, lang, &book, &lot, RecallEnded::KIND).await?;
    let (home, code) = (order.ground.book.clone(), lot.clone());
    let open =
        order.app.blocking(move |kernel| kernel.read(|tx| state::open_recall(tx, &home, &code))).await?;
    let mut typed = Typed::new(given);
    let t = order.t();
    let (outcome, reason) =
        (typed.required(&t, "outcome").unwrap_or_default(), typed.required(&t, "reason").unwrap_or_default());
    match open {
        None => typed.whole = Some(t.get("safety-recall-none")),
        Some(recall) if typed.is_good() => {
            let body = json!({ "lot": lot, "recall": recall.seq.0, "outcome": outcome, "reason": reason });
            if let Some(done) =
                order.record(RecallEnded::KIND, body, &mut typed, &["outcome", "reason"]).await?
            {
                return Ok(done);
            }
        }
        Some(_) => {}
    }
    order.end_page(&here, &typed).map(unprocessable)
}
