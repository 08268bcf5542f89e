//! The forms of the market office: one description a kind, one page for all.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::BookId;
use ledger::Body;
use serde_json::{Map, Value};
use shell::extract::{Path, Query};
use shell::pages::page;
use shell::view::{Choice, Field, FieldKind, Frame, Link};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, T};
use store::StoreError;

use super::place::{Names, Place, Reach};
use super::typed::{self, Takes};
use crate::api::records::record_form;
use crate::kinds as of;
use crate::record::Input;
use crate::state;

pub fn router() -> Router<App> {
    Router::new().route("/market/{book}/record/{form}", get(show).post(send))
}

/// A form: its name in the address, the kind that it records, and the page that it returns to.
pub struct Spec {
    pub name: &'static str,
    pub kind: &'static str,
    pub back: &'static str,
    fields: &'static [(&'static str, Takes, bool)],
}

const fn form(
    name: &'static str,
    kind: &'static str,
    back: &'static str,
    fields: &'static [(&'static str, Takes, bool)],
) -> Spec {
    Spec { name, kind, back, fields }
}

/// Name, what it takes, whether it must be filled in.
pub const FORMS: &[Spec] = &[
    form(
        "merchant",
        of::MerchantRegistered::KIND,
        "merchants",
        &[("merchant", Takes::Code, true), ("title", Takes::Text, true), ("licence", Takes::Text, false)],
    ),
    form(
        "certificate",
        of::CertificateRecorded::KIND,
        "merchants",
        &[
            ("merchant", Takes::Merchant, true),
            ("certificate", Takes::Word(&["licence", "food_permit", "health"]), true),
            ("number", Takes::Text, true),
            ("until", Takes::Day, true),
        ],
    ),
    form(
        "stall",
        of::StallOpened::KIND,
        "stalls",
        &[
            ("stall", Takes::Code, true),
            ("zone", Takes::Word(&["wet", "dry"]), true),
            ("food", Takes::Word(&["raw", "cooked", "other"]), true),
            ("area_dm2", Takes::SquareMetres, true),
        ],
    ),
    form(
        "lease",
        of::StallLeased::KIND,
        "stalls",
        &[
            ("stall", Takes::Stall, true),
            ("merchant", Takes::Merchant, true),
            ("from", Takes::Day, true),
            ("until", Takes::Day, true),
            ("fee_fen", Takes::Yuan, true),
        ],
    ),
    form(
        "lease-end",
        of::LeaseEnded::KIND,
        "stalls",
        &[("stall", Takes::Stall, true), ("reason", Takes::Text, true)],
    ),
    form(
        "charge",
        of::FeeCharged::KIND,
        "fees",
        &[
            ("stall", Takes::Stall, true),
            ("month", Takes::Month, true),
            ("amount_fen", Takes::Yuan, true),
            ("note", Takes::Text, false),
        ],
    ),
    form(
        "payment",
        of::FeePaid::KIND,
        "fees",
        &[("stall", Takes::Stall, true), ("month", Takes::Month, true), ("amount_fen", Takes::Yuan, true)],
    ),
    form(
        "scale",
        of::ScaleEnrolled::KIND,
        "scales",
        &[
            ("scale", Takes::Integer, true),
            ("stall", Takes::Stall, false),
            ("serial", Takes::Text, true),
            ("seal", Takes::Text, true),
            ("verified", Takes::Day, true),
            ("verified_until", Takes::Day, true),
            ("fair", Takes::Tick, false),
        ],
    ),
    form(
        "verification",
        of::ScaleVerified::KIND,
        "scales",
        &[("scale", Takes::Scale, true), ("seal", Takes::Text, true), ("verified_until", Takes::Day, true)],
    ),
    form(
        "move",
        of::ScaleMoved::KIND,
        "scales",
        &[("scale", Takes::Scale, true), ("stall", Takes::Stall, true)],
    ),
    form(
        "product",
        of::ProductRegistered::KIND,
        "products",
        &[
            ("product", Takes::Code, true),
            ("title_zh", Takes::Text, true),
            ("title_en", Takes::Text, true),
            ("category", Takes::Code, true),
        ],
    ),
    form(
        "price",
        of::PricePosted::KIND,
        "prices",
        &[
            ("stall", Takes::Stall, true),
            ("product", Takes::Product, true),
            ("fen_per_kg", Takes::Yuan, true),
        ],
    ),
    form(
        "transfer",
        of::LotTransferred::KIND,
        "lots",
        &[
            ("lot", Takes::Lot, true),
            ("to_stall", Takes::Stall, true),
            ("quantity_g", Takes::Kilograms, true),
            ("new_lot", Takes::NewLot, false),
        ],
    ),
    form(
        "offer",
        of::TransferOffered::KIND,
        "lots",
        &[
            ("lot", Takes::Lot, true),
            ("to_stall", Takes::Stall, true),
            ("quantity_g", Takes::Kilograms, true),
            ("new_lot", Takes::NewLot, false),
        ],
    ),
    form("accept", of::TransferAccepted::KIND, "lots", &[("offer", Takes::Integer, true)]),
    form("split", of::LotSplit::KIND, "lots", &[("lot", Takes::Lot, true), ("parts", Takes::Parts, true)]),
    form(
        "loss",
        of::LotLost::KIND,
        "lots",
        &[
            ("lot", Takes::Lot, true),
            ("quantity_g", Takes::Kilograms, true),
            ("reason", Takes::Word(&["spoiled", "trimmed", "destroyed", "returned"]), true),
            ("note", Takes::Text, false),
        ],
    ),
    form(
        "footfall",
        of::FootfallCounted::KIND,
        "",
        &[("gate", Takes::Code, true), ("visitors", Takes::Integer, true)],
    ),
    form(
        "cleaning",
        of::CleaningDone::KIND,
        "",
        &[("area", Takes::Text, true), ("note", Takes::Text, false)],
    ),
    form(
        "jobs",
        of::JobsChanged::KIND,
        "",
        &[("change", Takes::Integer, true), ("reason", Takes::Text, true)],
    ),
];

#[derive(Template)]
#[template(path = "office/form.html")]
struct FormPage {
    frame: Frame,
    error: Option<String>,
    fields: Vec<Field>,
    back: String,
}

/// The forms that return to a page, as far as the viewer may send them.
pub fn links(app: &App, viewer: &Viewer, place: &Place, t: &T, back: &str) -> Vec<Link> {
    FORMS
        .iter()
        .filter(|form| form.back == back && place.reach(app, viewer, form.kind).is_ok())
        .map(|form| Link {
            title: t.get(&format!("office-form-{}", form.name)),
            href: place.href(&format!("record/{}", form.name)),
        })
        .collect()
}

type Typed = BTreeMap<String, String>;
type Wrong = BTreeMap<String, String>;

fn spec(name: &str) -> Result<&'static Spec, Problem> {
    FORMS.iter().find(|spec| spec.name == name).ok_or_else(Problem::not_found)
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, name)): Path<(String, String)>,
    Query(typed): Query<Typed>,
) -> Result<Response, Problem> {
    let spec = spec(&name)?;
    let place = Place::of(&app, lang, &book)?;
    let reach = place.reach(&app, &viewer, spec.kind)?;
    set(&app, &viewer, lang, &here, spec, &place, &reach, &typed, &Wrong::new()).await
}

async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, name)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let spec = spec(&name)?;
    let place = Place::of(&app, lang, &book)?;
    let reach = place.reach(&app, &viewer, spec.kind)?;
    let t = app.texts.t(lang);
    let outcome = match body(spec, &typed, &t) {
        Err(wrong) => Err(wrong),
        Ok(mut body) => {
            complete(&app, &place, &mut body, &typed).await?;
            let input = Input {
                kind: spec.kind.into(),
                occurred: None,
                body: Value::Object(body),
                evidence: Vec::new(),
            };
            match record_form(&app, &viewer, &place.book, input, spec.name, &typed).await {
                Ok(recorded) => Ok(recorded),
                Err(problem) => Refused(problem).wrong(lang)?,
            }
        }
    };
    match outcome {
        Ok(recorded) => {
            let back = if reach == Reach::All { spec.back } else { "mine" };
            Ok(Redirect::to(&format!("{}?done={}", place.href(back), recorded.entry.seq)).into_response())
        }
        Err(wrong) => {
            let refused = set(&app, &viewer, lang, &here, spec, &place, &reach, &typed, &wrong).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, refused).into_response())
        }
    }
}

/// A problem that may belong beside a field.
pub struct Refused(pub Problem);

impl Refused {
    /// The message by its field; whatever is no fault of the form stays a problem.
    pub fn wrong<R>(self, lang: Lang) -> Result<Result<R, Wrong>, Problem> {
        let problem = self.0;
        if !matches!(problem.status.as_u16(), 400 | 409) {
            return Err(problem);
        }
        let field = problem.field.clone().unwrap_or_default();
        let field = field.strip_prefix("body.").unwrap_or(&field);
        let field = field.split(['.', '[']).next().unwrap_or_default();
        Ok(Err(Wrong::from([(field.to_owned(), message(lang, problem.detail.get(lang)))])))
    }
}

/// A refusal's text without the field's name, which stands beside it anyway.
fn message(lang: Lang, detail: &str) -> String {
    match lang {
        Lang::Zh => match detail.split_once("（字段 ") {
            Some((rule, _)) => format!("{rule}。"),
            None => detail.to_owned(),
        },
        Lang::En => detail.split_once(": ").map_or(detail, |(_, rule)| rule).to_owned(),
    }
}

/// The body, or what is wrong field by field.
fn body(spec: &Spec, typed: &Typed, t: &T) -> Result<Map<String, Value>, Wrong> {
    let (mut body, mut wrong) = (Map::new(), Wrong::new());
    for (name, takes, required) in spec.fields {
        let text = typed.get(*name).map_or("", |text| text.trim());
        if text.is_empty() && *takes != Takes::Tick {
            if *required {
                wrong.insert((*name).into(), t.get("form-required"));
            }
            continue;
        }
        match typed::value(*takes, text) {
            Ok(value) => {
                body.insert((*name).into(), value);
            }
            Err(key) => {
                wrong.insert((*name).into(), t.get(key));
            }
        }
    }
    if wrong.is_empty() { Ok(body) } else { Err(wrong) }
}

/// Adds what follows from what was typed: the tenant of a stall, the code of a new lot.
async fn complete(
    app: &App,
    place: &Place,
    body: &mut Map<String, Value>,
    typed: &Typed,
) -> Result<(), Problem> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let to_stall = text("to_stall");
    let ending = body.contains_key("reason") && !body.contains_key("lot");
    let stall = to_stall.clone().or_else(|| text("stall").filter(|_| ending));
    let Some(stall) = stall else { return Ok(()) };
    let (tenant, lot) = typed::tenant_and_new_lot(app, &place.book, &stall, typed).await?;
    // Nobody's code is "-": the rules then say that the stall is not let.
    let tenant = tenant.unwrap_or_else(|| "-".into());
    if to_stall.is_some() {
        body.insert("to_merchant".into(), tenant.into());
        if !body.contains_key("new_lot") {
            body.insert("new_lot".into(), lot.into());
        }
    } else {
        body.insert("merchant".into(), tenant.into());
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "what a request brings and what the form is about")]
async fn set(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    spec: &'static Spec,
    place: &Place,
    reach: &Reach,
    typed: &Typed,
    wrong: &Wrong,
) -> Result<Response, Problem> {
    if spec.fields.iter().any(|(_, takes, _)| matches!(takes, Takes::Merchant | Takes::Stall)) {
        place.note_choices(app, viewer, reach).await?;
    }
    let choices = choices(app, lang, place, reach).await?;
    let t = app.texts.t(lang);
    let title = format!("{} · {}", place.title, t.get(&format!("office-form-{}", spec.name)));
    let frame = place.frame(app, viewer, lang, title, here);
    let fields = spec
        .fields
        .iter()
        .map(|(name, takes, required)| {
            let mut field =
                Field::new(name, t.get(&format!("office-field-{name}")), kind(&t, name, *takes, &choices));
            field.required = *required;
            field.unit = unit(&t, name, *takes);
            field.hint = hint(&t, *takes);
            field.value = typed.get(*name).cloned().unwrap_or_else(|| match takes {
                Takes::Month => app.today().to_string()[..7].to_owned(),
                _ => String::new(),
            });
            field.error(wrong.get(*name).cloned())
        })
        .collect::<Vec<_>>();
    let elsewhere = wrong.iter().find(|(name, _)| spec.fields.iter().all(|(field, ..)| field != name));
    let error = match elsewhere {
        Some((_, message)) => Some(message.clone()),
        None => (!wrong.is_empty()).then(|| t.get("form-refused")),
    };
    let back = place.href(if *reach == Reach::All { spec.back } else { "mine" });
    page(&FormPage { frame, error, fields, back })
}

/// What can be chosen in a market.
struct Choices {
    stalls: Vec<Choice>,
    merchants: Vec<Choice>,
    products: Vec<Choice>,
    lots: Vec<Choice>,
    scales: Vec<Choice>,
}

/// Open lots to choose from, the latest first.
const LOTS: usize = 300;

/// The latest lots of each merchant who has a stall, as far as the viewer reaches, and then of the market: nobody's lots
/// keep those of others from being chosen.
fn lots_to_choose(
    tx: &mut dyn store::Tx,
    book: &BookId,
    reach: &Reach,
    stalls: &[state::Stall],
) -> Result<Vec<state::Lot>, StoreError> {
    let mut merchants: BTreeSet<&str> = match reach {
        Reach::All => BTreeSet::new(),
        Reach::Own(own) => own.iter().map(String::as_str).collect(),
    };
    let tenants = stalls.iter().filter_map(|stall| stall.merchant.as_deref());
    merchants.extend(tenants.filter(|tenant| reach.covers(Some(tenant))));
    match reach {
        Reach::All => state::latest_shared(tx, book, merchants.into_iter(), LOTS),
        Reach::Own(_) => state::latest_of_each(tx, book, merchants.into_iter(), LOTS),
    }
}

async fn choices(app: &App, lang: Lang, place: &Place, reach: &Reach) -> Result<Choices, Problem> {
    let (book, reach) = (place.book.clone(), reach.clone());
    app.blocking(move |kernel| {
        kernel.read(|tx| {
            let names = Names::read(tx, &book, lang)?;
            let choice = |value: &str, title: String| Choice { value: value.to_owned(), title };
            let stalls = state::stalls(tx, &book)?;
            let lots = lots_to_choose(tx, &book, &reach, &stalls)?;
            let scales = state::scales(tx, &book)?;
            // Lists of merchants are not read by way of a form.
            let title = |stall: &state::Stall| match &stall.merchant {
                Some(tenant) if reach.covers(Some(tenant)) => {
                    format!("{} · {}", stall.stall, names.merchant(tenant))
                }
                _ => stall.stall.clone(),
            };
            Ok::<_, StoreError>(Choices {
                stalls: stalls.iter().map(|it| choice(&it.stall, title(it))).collect(),
                merchants: state::merchants(tx, &book)?
                    .iter()
                    .filter(|it| reach.covers(Some(&it.merchant)))
                    .map(|it| {
                        choice(&it.merchant, format!("{} · {}", it.merchant, names.merchant(&it.merchant)))
                    })
                    .collect(),
                products: state::products(tx, &book)?
                    .iter()
                    .map(|it| choice(&it.product, names.product(&it.product)))
                    .collect(),
                lots: lots
                    .iter()
                    .filter(|lot| lot.left_g().0 > 0 && reach.covers(Some(&lot.merchant)))
                    .map(|lot| {
                        let left = shell::format::weight(lang, lot.left_g().0);
                        choice(&lot.lot, format!("{} · {} · {left}", lot.lot, names.product(&lot.product)))
                    })
                    .collect(),
                scales: scales
                    .iter()
                    .map(|it| {
                        choice(
                            &it.scale.to_string(),
                            format!("{} · {}", it.scale, it.stall.as_deref().unwrap_or(&it.serial)),
                        )
                    })
                    .collect(),
            })
        })
    })
    .await
}

fn kind(t: &T, name: &str, takes: Takes, choices: &Choices) -> FieldKind {
    match takes {
        Takes::Text => FieldKind::Text { chars_max: 120 },
        Takes::Code | Takes::NewLot => FieldKind::Text { chars_max: 40 },
        Takes::Month => FieldKind::Text { chars_max: 7 },
        Takes::Kilograms | Takes::Yuan | Takes::SquareMetres | Takes::Integer => FieldKind::Number,
        Takes::Day => FieldKind::Date,
        Takes::Tick => FieldKind::Tick,
        Takes::Parts => FieldKind::Area { chars_max: 2_000 },
        Takes::Stall => FieldKind::Choice(choices.stalls.clone()),
        Takes::Merchant => FieldKind::Choice(choices.merchants.clone()),
        Takes::Product => FieldKind::Choice(choices.products.clone()),
        Takes::Lot => FieldKind::Choice(choices.lots.clone()),
        Takes::Scale => FieldKind::Choice(choices.scales.clone()),
        Takes::Word(words) => {
            let title = |word: &&str| Choice {
                value: (*word).to_owned(),
                title: t.get(&format!("office-word-{name}-{word}")),
            };
            FieldKind::Choice(words.iter().map(title).collect())
        }
    }
}

fn unit(t: &T, name: &str, takes: Takes) -> Option<String> {
    match takes {
        Takes::Kilograms => Some(t.get("office-unit-kg")),
        Takes::Yuan if name == "fen_per_kg" => Some(t.get("office-unit-yuan-kg")),
        Takes::Yuan => Some(t.get("office-unit-yuan")),
        Takes::SquareMetres => Some("m²".to_owned()),
        _ => None,
    }
}

fn hint(t: &T, takes: Takes) -> Option<String> {
    match takes {
        Takes::Code => Some(t.get("office-hint-code")),
        Takes::NewLot => Some(t.get("office-hint-new-lot")),
        Takes::Parts => Some(t.get("office-hint-parts")),
        Takes::Month => Some(t.get("office-hint-month")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_drops_the_name_of_its_field() {
        assert_eq!(message(Lang::Zh, "编号已被使用（字段 body.lot）。"), "编号已被使用。");
        assert_eq!(message(Lang::En, "body.lot: lot L1 exists"), "lot L1 exists");
    }

    #[test]
    fn every_form_has_its_texts_in_both_languages() {
        let texts = std::sync::Arc::new(
            shell::Texts::new(shell::Texts::SHELL.into_iter().chain(crate::TEXTS)).unwrap(),
        );
        for spec in FORMS {
            let mut keys = vec![format!("office-form-{}", spec.name)];
            for (name, takes, _) in spec.fields {
                keys.push(format!("office-field-{name}"));
                if let Takes::Word(words) = takes {
                    keys.extend(words.iter().map(|word| format!("office-word-{name}-{word}")));
                }
            }
            for key in keys {
                assert!(texts.has(Lang::Zh, &key) && texts.has(Lang::En, &key), "{key}");
            }
        }
    }
}
