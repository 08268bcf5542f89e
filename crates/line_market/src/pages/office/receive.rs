//! Receiving a lot, on a phone at the stall: two taps where it is what came last time.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use ledger::Body;
use serde_json::{Map, Value, json};
use shell::extract::{Path, Query};
use shell::pages::page;
use shell::view::{Choice, Field, FieldKind, Frame};
use shell::viewer::{Asked, FORM_BYTES_MAX, Here, Viewer};
use shell::{App, Lang, Problem, T, format};
use store::StoreError;

use super::forms::Refused;
use super::place::{Names, Place, Reach};
use super::typed;
use crate::api::records::record_form;
use crate::kinds::LotReceived;
use crate::pages::photo;
use crate::record::Input;
use crate::state::{self, Lot, LotFilter, Product, Stall};

pub fn router() -> Router<App> {
    let limit = DefaultBodyLimit::max(FORM_BYTES_MAX);
    Router::new().route("/market/{book}/lots/new", get(show).post(send).layer(limit))
}

/// Deliveries that are offered again.
const REPEATS: usize = 6;
/// The stall's last lots, among which they are found.
const LOOKED_AT: usize = 60;
const DOCUMENTS: [&str; 3] = ["conformity", "purchase_slip", "quarantine"];

type Typed = BTreeMap<String, String>;
type Wrong = BTreeMap<String, String>;

#[derive(Template)]
#[template(path = "office/receive.html")]
struct ReceivePage {
    frame: Frame,
    /// Absent until the stall is chosen.
    stall: Option<String>,
    /// Who has it.
    merchant: String,
    choose: Field,
    repeats: Vec<Repeat>,
    error: Option<String>,
    fields: Vec<Field>,
}

/// A delivery that came before.
struct Repeat {
    href: String,
    product: String,
    from: String,
    weight: String,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
    Query(typed): Query<Typed>,
) -> Result<Response, Problem> {
    let place = Place::of(&app, lang, &book)?;
    let reach = place.reach(&app, &viewer, LotReceived::KIND)?;
    set(&app, &viewer, lang, &here, &place, &reach, &typed, &Wrong::new()).await
}

async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(book): Path<String>,
    form: Multipart,
) -> Result<Response, Problem> {
    let place = Place::of(&app, lang, &book)?;
    let reach = place.reach(&app, &viewer, LotReceived::KIND)?;
    let (typed, photo) = photo::read(form).await?;
    let (t, chosen) = (app.texts.t(lang), photo.is_some());
    let outcome = match body(&t, &typed) {
        Err(wrong) => Err(wrong),
        Ok(body) => submit(&app, &viewer, lang, &place, &reach, &typed, body, photo).await?,
    };
    match outcome {
        Ok((stall, seq)) => {
            let back = match reach {
                Reach::All => format!("{}?stall={stall}&done={seq}", place.href("lots/new")),
                Reach::Own(_) => format!("{}?done={seq}", place.href("mine")),
            };
            Ok(Redirect::to(&back).into_response())
        }
        Err(wrong) => {
            let typed = if chosen { with_photo(typed) } else { typed };
            let refused = set(&app, &viewer, lang, &here, &place, &reach, &typed, &wrong).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, refused).into_response())
        }
    }
}

/// What was typed, with a mark that a photo had been chosen.
fn with_photo(mut typed: Typed) -> Typed {
    typed.insert(photo::FIELD.into(), String::new());
    typed
}

/// Keeps the photo and records the lot; `Ok(Err)` is what the form did wrong.
#[expect(clippy::too_many_arguments, reason = "what a request brings and what the form is about")]
async fn submit(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    place: &Place,
    reach: &Reach,
    typed: &Typed,
    mut body: Map<String, Value>,
    photo: Option<Vec<u8>>,
) -> Result<Result<(String, u64), Wrong>, Problem> {
    let stall = typed.get("stall").cloned().unwrap_or_default();
    let (tenant, lot) = typed::tenant_and_new_lot(app, &place.book, &stall, typed).await?;
    if !reach.covers(tenant.as_deref()) {
        return Err(Problem::not_found());
    }
    body.insert("lot".into(), lot.into());
    body.insert("stall".into(), stall.clone().into());
    // Nobody's code is "-": the rules then say that the stall is not let.
    body.insert("merchant".into(), tenant.unwrap_or_else(|| "-".into()).into());
    let evidence = match photo {
        None => Vec::new(),
        Some(bytes) => {
            let ground = (&place.book, &place.resource);
            match photo::kept(app, viewer, ground, &app.texts.t(lang), bytes).await? {
                Ok(digest) => vec![digest],
                Err(message) => return Ok(Err(Wrong::from([(photo::FIELD.into(), message)]))),
            }
        }
    };
    let mut typed = typed.clone();
    typed.extend(evidence.first().map(|digest| (photo::FIELD.to_owned(), digest.clone())));
    let input = Input { kind: LotReceived::KIND.into(), occurred: None, body: Value::Object(body), evidence };
    match record_form(app, viewer, &place.book, input, "receive", &typed).await {
        Ok(recorded) => Ok(Ok((stall, recorded.entry.seq.0))),
        Err(problem) => Refused(problem).wrong(lang),
    }
}

/// What was typed as a body without lot, stall and merchant, or what is wrong field by field.
fn body(t: &T, typed: &Typed) -> Result<Map<String, Value>, Wrong> {
    let (mut body, mut wrong) = (Map::new(), Wrong::new());
    let text = |name: &str| typed.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    for name in ["product", "supplier", "origin"] {
        match text(name) {
            Some(text) => drop(body.insert(name.into(), text.into())),
            None => drop(wrong.insert(name.into(), t.get("form-required"))),
        }
    }
    match text("quantity_g").map(|text| typed::decimal(text, 3)) {
        Some(Some(grams)) => drop(body.insert("quantity_g".into(), grams.into())),
        Some(None) => drop(wrong.insert("quantity_g".into(), t.get("form-not-a-number"))),
        None => drop(wrong.insert("quantity_g".into(), t.get("form-required"))),
    }
    match (text("document"), text("number")) {
        (Some(kind), Some(number)) => {
            drop(body.insert("document".into(), json!({"type": kind, "number": number})))
        }
        (None, None) => {}
        (Some(_), None) => drop(wrong.insert("number".into(), t.get("form-required"))),
        (None, Some(_)) => drop(wrong.insert("document".into(), t.get("form-required"))),
    }
    if wrong.is_empty() { Ok(body) } else { Err(wrong) }
}

struct Read {
    stalls: Vec<Stall>,
    products: Vec<Product>,
    names: Names,
    last: Vec<Lot>,
}

#[expect(clippy::too_many_arguments, reason = "what a request brings and what the form is about")]
async fn set(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    place: &Place,
    reach: &Reach,
    typed: &Typed,
    wrong: &Wrong,
) -> Result<Response, Problem> {
    place.note_choices(app, viewer, reach).await?;
    let (book, reach, wanted) =
        (place.book.clone(), reach.clone(), typed.get("stall").cloned().unwrap_or_default());
    let (read, stall) = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let mut stalls = state::stalls(tx, &book)?;
                stalls.retain(|stall| stall.merchant.is_some() && reach.covers(stall.merchant.as_deref()));
                let only = if stalls.len() == 1 { stalls.first() } else { None };
                let stall = stalls.iter().find(|it| it.stall == wanted).or(only).cloned();
                let last = match &stall {
                    Some(stall) => {
                        // What its former tenant received is not for the next one to know.
                        let (stall, merchant) = (Some(stall.stall.as_str()), stall.merchant.as_deref());
                        let filter = LotFilter { stall, merchant, ..LotFilter::default() };
                        state::list_lots(tx, &book, &filter, LOOKED_AT, 0)?
                    }
                    None => Vec::new(),
                };
                let products = state::products(tx, &book)?;
                Ok::<_, StoreError>((
                    Read { stalls, products, names: Names::read(tx, &book, lang)?, last },
                    stall,
                ))
            })
        })
        .await?;
    let t = app.texts.t(lang);
    let frame = place.frame(app, viewer, lang, t.get("office-receive"), here);
    let choices = read.stalls.iter().map(|it| {
        let tenant = it.merchant.as_deref().map_or_else(String::new, |tenant| read.names.merchant(tenant));
        Choice { value: it.stall.clone(), title: format!("{} · {tenant}", it.stall) }
    });
    let mut choose =
        Field::new("stall", t.get("office-field-stall"), FieldKind::Choice(choices.collect())).required();
    choose.value = stall.as_ref().map_or_else(String::new, |stall| stall.stall.clone());
    let repeats = repeats(lang, place, &read);
    let merchant = stall
        .as_ref()
        .and_then(|stall| stall.merchant.as_deref())
        .map_or_else(String::new, |it| read.names.merchant(it));
    let fields = fields(&t, &read, typed, wrong);
    let elsewhere = wrong.iter().find(|(name, _)| fields.iter().all(|field| field.name != name.as_str()));
    let error = match elsewhere {
        Some((_, message)) => Some(message.clone()),
        None => (!wrong.is_empty()).then(|| t.get("form-refused")),
    };
    let stall = stall.map(|stall| stall.stall);
    page(&ReceivePage { frame, stall, merchant, choose, repeats, error, fields })
}

/// The stall's last deliveries, each once.
fn repeats(lang: Lang, place: &Place, read: &Read) -> Vec<Repeat> {
    let mut seen = std::collections::BTreeSet::new();
    read.last
        .iter()
        .filter(|lot| seen.insert((&lot.product, &lot.supplier, &lot.origin)))
        .take(REPEATS)
        .map(|lot| {
            let mut href = place.href("lots/new");
            for (name, value) in [
                ("stall", lot.stall.clone()),
                ("product", lot.product.clone()),
                ("supplier", lot.supplier.clone()),
                ("origin", lot.origin.clone()),
                ("quantity_g", kilograms(lot.received_g.0)),
            ] {
                href = shell::table::with_parameter(&href, name, Some(&value));
            }
            Repeat {
                href,
                product: read.names.product(&lot.product),
                from: format!("{} · {}", lot.supplier, lot.origin),
                weight: format::weight(lang, lot.received_g.0),
            }
        })
        .collect()
}

/// Grams as somebody would type them: no more places than are needed.
fn kilograms(grams: i64) -> String {
    let text = format::decimal_plain(grams, 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn fields(t: &T, read: &Read, typed: &Typed, wrong: &Wrong) -> Vec<Field> {
    // Where only the product is known, supplier and origin are those of its last delivery.
    let product = typed.get("product").map_or("", String::as_str);
    let before = read.last.iter().find(|lot| lot.product == product).or(read.last.first());
    let value = |name: &str| match typed.get(name) {
        Some(text) => text.clone(),
        None => match (name, before) {
            ("supplier", Some(lot)) => lot.supplier.clone(),
            ("origin", Some(lot)) => lot.origin.clone(),
            _ => String::new(),
        },
    };
    let products = read
        .products
        .iter()
        .map(|it| Choice { value: it.product.clone(), title: read.names.product(&it.product) });
    let documents = DOCUMENTS
        .map(|it| Choice { value: it.to_owned(), title: t.get(&format!("office-word-document-{it}")) });
    let field = |name: &'static str, kind: FieldKind, required: bool| {
        let mut field =
            Field::new(name, t.get(&format!("office-field-{name}")), kind).error(wrong.get(name).cloned());
        field.value = value(name);
        field.required = required;
        field
    };
    let mut weight = field("quantity_g", FieldKind::Number, true);
    weight.unit = Some(t.get("office-unit-kg"));
    vec![
        field("product", FieldKind::Choice(products.collect()), true),
        weight,
        field("supplier", FieldKind::Text { chars_max: 120 }, true),
        field("origin", FieldKind::Text { chars_max: 120 }, true),
        field("document", FieldKind::Choice(documents.to_vec()), false),
        Field {
            label: t.get("office-field-paper"),
            ..field("number", FieldKind::Text { chars_max: 120 }, false)
        },
        photo::field(t, "office-field-photo", typed.contains_key(photo::FIELD))
            .error(wrong.get(photo::FIELD).cloned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilograms_are_offered_as_they_would_be_typed() {
        assert_eq!(kilograms(12_500), "12.5");
        assert_eq!(kilograms(20_000), "20");
        assert_eq!(kilograms(5), "0.005");
    }
}
