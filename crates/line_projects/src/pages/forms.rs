//! The forms of the key-project office: one description a kind, one page for all.

mod choices;

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
use shell::view::{Field, Frame, Link};
use shell::viewer::{Asked, FORM_BYTES_MAX, Here, Viewer};
use shell::{App, Lang, Problem, T, evidence, once, photo};

use super::place::{Place, project_href};
use super::typed::{self, Takes};
use crate::api::records::record_form;
use crate::api::{Sight, sight};
use crate::kinds as of;
use crate::policy::KEEP_EVIDENCE;
use crate::record::Input;
use choices::Choices;

pub fn router() -> Router<App> {
    let limit = DefaultBodyLimit::max(FORM_BYTES_MAX);
    Router::new().route("/projects/{book}/record/{form}", get(show).post(send).layer(limit))
}

/// A form: its name in the address, the kind that it records, and the page of the book that it returns to where it is
/// about no project.
pub struct Spec {
    pub name: &'static str,
    pub kind: &'static str,
    back: &'static str,
    /// Name, what it takes, whether it must be filled in.
    fields: &'static [(&'static str, Takes, bool)],
    /// Whether a photo or paper comes with it.
    file: File,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    None,
    Optional,
    Required,
}

const fn form(
    name: &'static str,
    kind: &'static str,
    back: &'static str,
    fields: &'static [(&'static str, Takes, bool)],
) -> Spec {
    Spec { name, kind, back, fields, file: File::None }
}

const fn with_file(spec: Spec) -> Spec {
    Spec { file: File::Optional, ..spec }
}

/// What ends something that is owed, and is nothing without its paper.
const fn with_proof(spec: Spec) -> Spec {
    Spec { file: File::Required, ..spec }
}

pub const FORMS: &[Spec] = &[
    form(
        "project",
        of::Registered::KIND,
        "",
        &[
            ("title_zh", Takes::Text, true),
            ("title_en", Takes::Text, false),
            ("project", Takes::NewCode, false),
            ("code", Takes::Text, false),
            ("industry", Takes::Text, true),
            ("chain", Takes::Chain, false),
            ("programme", Takes::Programme, false),
            ("unit", Takes::Unit, true),
            ("address", Takes::Text, true),
            ("lat_e7", Takes::Degrees, false),
            ("lon_e7", Takes::Degrees, false),
            ("total_fen", Takes::Wan, true),
            ("builder", Takes::Text, true),
            ("team", Takes::Post, true),
            ("office", Takes::Post, true),
            ("planned_start", Takes::Day, true),
            ("planned_finish", Takes::Day, true),
            ("phase", Takes::Phase, true),
            ("newly_signed", Takes::Tick, false),
        ],
    ),
    form(
        "amend",
        of::Amended::KIND,
        "",
        &[
            ("project", Takes::Project, true),
            ("title_zh", Takes::Text, false),
            ("title_en", Takes::Text, false),
            ("code", Takes::Text, false),
            ("industry", Takes::Text, false),
            ("chain", Takes::Chain, false),
            ("programme", Takes::Programme, false),
            ("total_fen", Takes::Wan, false),
            ("builder", Takes::Text, false),
            ("planned_start", Takes::Day, false),
            ("newly_signed", Takes::YesNo, false),
            ("reason", Takes::Words, true),
        ],
    ),
    form(
        "reverse",
        of::EntryReversed::KIND,
        "",
        &[("entry", Takes::Integer, true), ("reason", Takes::Words, true)],
    ),
    with_file(form(
        "phase",
        of::PhaseChanged::KIND,
        "",
        &[("project", Takes::Project, true), ("to", Takes::Phase, true), ("reason", Takes::Words, false)],
    )),
    form(
        "plan",
        of::Planned::KIND,
        "",
        &[("project", Takes::Project, true), ("months", Takes::Months, true)],
    ),
    with_file(form(
        "invest",
        of::Invested::KIND,
        "",
        &[("project", Takes::Project, true), ("month", Takes::Month, true), ("amount_fen", Takes::Wan, true)],
    )),
    with_file(form(
        "contract",
        of::ContractSigned::KIND,
        "",
        &[
            ("project", Takes::Project, true),
            ("title", Takes::Text, true),
            ("contract", Takes::NewCode, false),
            ("party", Takes::Text, true),
            ("amount_fen", Takes::Wan, true),
            ("instalments", Takes::Instalments, false),
        ],
    )),
    with_file(form(
        "pay",
        of::Paid::KIND,
        "",
        &[
            ("project", Takes::Project, true),
            ("contract", Takes::Contract, false),
            ("amount_fen", Takes::Wan, true),
        ],
    )),
    with_file(form(
        "blocker",
        of::BlockerRaised::KIND,
        "",
        &[
            ("project", Takes::Project, true),
            ("title", Takes::Text, true),
            ("owner", Takes::Post, true),
            ("due", Takes::Day, true),
            ("note", Takes::Words, false),
            ("blocker", Takes::NewCode, false),
        ],
    )),
    with_file(form(
        "permit",
        of::PermitApplied::KIND,
        "permits",
        &[
            ("project", Takes::Project, true),
            ("title", Takes::Text, true),
            ("bureau", Takes::Post, true),
            ("agent", Takes::Post, true),
            ("term_workdays", Takes::Integer, true),
            ("permit", Takes::NewCode, false),
        ],
    )),
    with_proof(form(
        "permit-decided",
        of::PermitDecided::KIND,
        "permits",
        &[
            ("permit", Takes::Permit, true),
            ("granted", Takes::YesNo, true),
            ("number", Takes::Text, false),
            ("dated", Takes::Day, false),
        ],
    )),
    form(
        "milestone",
        of::MilestoneSet::KIND,
        "",
        &[
            ("project", Takes::Project, true),
            ("title", Takes::Text, true),
            ("due", Takes::Day, true),
            ("milestone", Takes::NewCode, false),
        ],
    ),
    with_file(form(
        "visit",
        of::VisitMade::KIND,
        "visits",
        &[
            ("to", Takes::Word(&["project", "town", "enterprise"]), true),
            ("project", Takes::Project, false),
            ("place", Takes::Text, true),
            ("by", Takes::Post, true),
            ("settled", Takes::Words, true),
        ],
    )),
    form(
        "assistance",
        of::AssistancePlanned::KIND,
        "assistance",
        &[
            ("title", Takes::Text, true),
            ("enterprise", Takes::Text, true),
            ("project", Takes::Project, false),
            ("plan", Takes::NewCode, false),
            ("office", Takes::Post, true),
        ],
    ),
    form(
        "proxy",
        of::ProxyOpened::KIND,
        "proxies",
        &[
            ("title", Takes::Text, true),
            ("enterprise", Takes::Text, true),
            ("project", Takes::Project, false),
            ("item", Takes::NewCode, false),
            ("agent", Takes::Post, true),
        ],
    ),
    with_file(form(
        "proxy-done",
        of::ProxyDone::KIND,
        "proxies",
        &[("item", Takes::Item, true), ("note", Takes::Words, false)],
    )),
    form("statistics", of::EnteredStatistics::KIND, "", &[("project", Takes::Project, true)]),
    with_proof(form(
        "accepted",
        of::Accepted::KIND,
        "",
        &[("project", Takes::Project, true), ("note", Takes::Words, false)],
    )),
    form(
        "programme",
        of::ProgrammeFounded::KIND,
        "programmes",
        &[
            ("title_zh", Takes::Text, true),
            ("title_en", Takes::Text, false),
            ("programme", Takes::NewCode, false),
            ("planned_fen", Takes::Wan, true),
        ],
    ),
    form(
        "replan",
        of::ProgrammeReplanned::KIND,
        "programmes",
        &[
            ("programme", Takes::Programme, true),
            ("planned_fen", Takes::Wan, true),
            ("reason", Takes::Text, true),
        ],
    ),
    form(
        "chain",
        of::ChainFounded::KIND,
        "chains",
        &[
            ("title_zh", Takes::Text, true),
            ("title_en", Takes::Text, false),
            ("chain", Takes::NewCode, false),
            ("leader", Takes::Post, true),
        ],
    ),
    form(
        "hand-over",
        of::ChainHandedOver::KIND,
        "chains",
        &[("chain", Takes::Chain, true), ("leader", Takes::Post, true)],
    ),
];

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage {
    frame: Frame,
    error: Option<String>,
    fields: Vec<Field>,
    back: String,
}

pub type Typed = BTreeMap<String, String>;
pub type Wrong = BTreeMap<String, String>;

/// Links to some forms, as far as the viewer may send them; `query` is kept in the address.
pub fn links(app: &App, viewer: &Viewer, place: &Place, t: &T, names: &[&str], query: &str) -> Vec<Link> {
    let may = |spec: &&Spec| may(app, viewer, place, spec.name);
    let found = names.iter().filter_map(|name| FORMS.iter().find(|spec| spec.name == *name));
    found
        .filter(may)
        .map(|spec| Link {
            title: t.get(&format!("projects-form-{}", spec.name)),
            href: place.href(&format!("record/{}{query}", spec.name)),
        })
        .collect()
}

/// Whether the viewer may send a form; that of progress has a page of its own.
pub fn may(app: &App, viewer: &Viewer, place: &Place, form: &str) -> bool {
    let kind = match form {
        "report" => Some(of::ProgressReported::KIND),
        _ => FORMS.iter().find(|spec| spec.name == form).map(|spec| spec.kind),
    };
    kind.is_some_and(|kind| sight(app, viewer, place.book.as_str(), kind).is_ok())
}

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
    let place = Place::of(&app, &viewer, lang, &book, spec.kind)?;
    set(&app, &viewer, lang, &here, spec, &place, &typed, &Wrong::new()).await
}

async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, name)): Path<(String, String)>,
    form: Multipart,
) -> Result<Response, Problem> {
    let spec = spec(&name)?;
    let place = Place::of(&app, &viewer, lang, &book, spec.kind)?;
    let (mut typed, file) = photo::read(form).await?;
    let t = app.texts.t(lang);
    let chosen = file.is_some();
    let outcome = match body(&app, spec, &typed, &t) {
        Err(wrong) => Err(wrong),
        Ok(body) => {
            let sent = Sending { kind: spec.kind, form: spec.name, body };
            submit(&app, &viewer, lang, &place, &typed, file, sent).await?
        }
    };
    match outcome {
        Ok(seq) => {
            let back = match typed.get("project").filter(|project| !project.is_empty()) {
                Some(project) if spec.name != "project" => project_href(&place.book, project, ""),
                _ => place.href(spec.back),
            };
            Ok(Redirect::to(&format!("{back}?done={seq}")).into_response())
        }
        Err(wrong) => {
            if chosen {
                typed.insert(photo::FIELD.into(), String::new());
            }
            let refused = set(&app, &viewer, lang, &here, spec, &place, &typed, &wrong).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, refused).into_response())
        }
    }
}

/// What a form asks to record.
pub struct Sending {
    pub kind: &'static str,
    pub form: &'static str,
    pub body: Map<String, Value>,
}

/// Keeps the file that came along and records; `Ok(Err)` is what the form did wrong.
pub async fn submit(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    place: &Place,
    typed: &Typed,
    file: Option<Vec<u8>>,
    sending: Sending,
) -> Result<Result<u64, Wrong>, Problem> {
    let mut typed = typed.clone();
    let mut rests_on = Vec::new();
    if let Some(bytes) = file {
        sight(app, viewer, place.book.as_str(), KEEP_EVIDENCE)?;
        match photo::kept(&app.texts.t(lang), evidence::keep(app, viewer, &place.book, bytes).await)? {
            Ok(digest) => {
                typed.insert(photo::FIELD.to_owned(), digest.clone());
                rests_on.push(digest);
            }
            Err(message) => return Ok(Err(Wrong::from([(photo::FIELD.into(), message)]))),
        }
    }
    let input = Input {
        kind: sending.kind.into(),
        occurred: None,
        body: Value::Object(sending.body),
        evidence: rests_on,
    };
    match record_form(app, viewer, &place.book, input, sending.form, &typed).await {
        Ok(recorded) => Ok(Ok(recorded.entry.seq.0)),
        Err(problem) => wrong(problem, lang).map(Err),
    }
}

/// The message of a problem by its field; whatever is no fault of the form stays a problem.
fn wrong(problem: Problem, lang: Lang) -> Result<Wrong, Problem> {
    if !matches!(problem.status.as_u16(), 400 | 409) {
        return Err(problem);
    }
    let field = problem.field.clone().unwrap_or_default();
    let field = field.strip_prefix("body.").unwrap_or(&field);
    let field = match field.split_once("position.") {
        Some((_, inner)) => inner,
        None => field.strip_prefix("site.").unwrap_or(field),
    };
    let field = field.split(['.', '[']).next().unwrap_or_default();
    let field = if field == "evidence" { photo::FIELD } else { field };
    Ok(Wrong::from([(field.to_owned(), message(lang, problem.detail.get(lang)))]))
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
fn body(app: &App, spec: &Spec, typed: &Typed, t: &T) -> Result<Map<String, Value>, Wrong> {
    let (mut body, mut wrong) = (Map::new(), Wrong::new());
    for (name, takes, required) in spec.fields {
        let text = typed.get(*name).map_or("", |text| text.trim());
        if text.is_empty() && !matches!(takes, Takes::Tick | Takes::NewCode) {
            if *required {
                wrong.insert((*name).into(), t.get("form-required"));
            }
            continue;
        }
        if text.is_empty() && *takes == Takes::NewCode {
            body.insert((*name).into(), new_code(app, name, typed).into());
            continue;
        }
        match typed::value(*takes, text) {
            Ok(value) => drop(body.insert((*name).into(), value)),
            Err(key) => drop(wrong.insert((*name).into(), t.get(key))),
        }
    }
    match wrong.is_empty() {
        true => Ok(if spec.name == "project" { sited(body) } else { body }),
        false => Err(wrong),
    }
}

/// A code for what the form names, from the moment that it was shown.
pub fn new_code(app: &App, name: &str, typed: &Typed) -> String {
    let letter = match name {
        "project" => "P",
        "contract" => "C",
        "item" => "D",
        "plan" => "F",
        "blocker" => "B",
        "permit" => "S",
        "milestone" => "J",
        _ => "N",
    };
    let made = once::made(typed.get(once::FIELD).map_or("", String::as_str), app.kernel.now());
    typed::new_code(letter, &app.kernel.zone().local_text(made))
}

/// A registration with its place put together.
fn sited(mut body: Map<String, Value>) -> Map<String, Value> {
    let mut site = Map::new();
    for name in ["unit", "address"] {
        site.extend(body.remove(name).map(|value| (name.to_owned(), value)));
    }
    if let (Some(lat), Some(lon)) = (body.remove("lat_e7"), body.remove("lon_e7")) {
        site.insert("position".into(), json!({ "lat_e7": lat, "lon_e7": lon }));
    }
    body.insert("site".into(), Value::Object(site));
    body
}

#[expect(clippy::too_many_arguments, reason = "what a request brings and what the form is about")]
async fn set(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    spec: &'static Spec,
    place: &Place,
    typed: &Typed,
    wrong: &Wrong,
) -> Result<Response, Problem> {
    let chosen = typed.get("project").map_or("", String::as_str);
    let choices = Choices::read(app, viewer, lang, place, chosen).await?;
    let t = app.texts.t(lang);
    let frame = place.frame(app, viewer, lang, t.get(&format!("projects-form-{}", spec.name)), here);
    let mut fields: Vec<Field> = spec
        .fields
        .iter()
        .map(|(name, takes, required)| {
            let key = format!("projects-form-{}-{name}", spec.name);
            let label = shell::said::known(&t, key, &t.get(&format!("projects-field-{name}")));
            let mut field = Field::new(name, label, choices.control(&t, *takes, name));
            field.required = *required;
            field.unit = unit(&t, *takes);
            field.hint = hint(&t, *takes, name);
            field.value = typed.get(*name).cloned().unwrap_or_else(|| choices.usual(app, *takes, name));
            field.error(wrong.get(*name).cloned())
        })
        .collect();
    if spec.file != File::None {
        let again = typed.contains_key(photo::FIELD);
        let field = photo::field(&t, "projects-field-file", again).error(wrong.get(photo::FIELD).cloned());
        fields.push(if spec.file == File::Required { field.required() } else { field });
    }
    let elsewhere = wrong.iter().find(|(name, _)| fields.iter().all(|field| field.name != name.as_str()));
    let error = match elsewhere {
        Some((_, message)) => Some(message.clone()),
        None => (!wrong.is_empty()).then(|| t.get("form-refused")),
    };
    let back = match chosen.is_empty() {
        _ if place.sight != Sight::All => "/my/projects".to_owned(),
        false => project_href(&place.book, chosen, ""),
        true => place.href(spec.back),
    };
    page(&FormPage { frame, error, fields, back })
}

fn unit(t: &T, takes: Takes) -> Option<String> {
    match takes {
        Takes::Wan => Some(t.get("projects-unit-wan")),
        Takes::Degrees => Some("°".to_owned()),
        _ => None,
    }
}

fn hint(t: &T, takes: Takes, name: &str) -> Option<String> {
    let key = match (takes, name) {
        (Takes::NewCode, _) => "projects-hint-new-code",
        (Takes::Months, _) => "projects-hint-months",
        (Takes::Instalments, _) => "projects-hint-instalments",
        (Takes::Month, _) => "projects-hint-month",
        (_, "industry") => "projects-hint-industry",
        (_, "code") => "projects-hint-code",
        _ => return None,
    };
    Some(t.get(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stands_beside_the_field_that_was_typed() {
        let beside = |field: &str| {
            let problem = Problem::bad_request(field, "range", shell::Both::new("不对。", "no"));
            wrong(problem, Lang::Zh).unwrap().into_keys().next().unwrap()
        };
        assert_eq!(beside("body.site.address"), "address");
        assert_eq!(beside("body.site.position.lat_e7"), "lat_e7");
        assert_eq!(beside("body.months[2].month"), "months");
        assert_eq!(beside("evidence"), "photo");
    }

    #[test]
    fn every_form_has_its_texts_in_both_languages() {
        let texts = shell::Texts::new(shell::Texts::SHELL.into_iter().chain(crate::TEXTS)).unwrap();
        for spec in FORMS {
            let mut keys = vec![format!("projects-form-{}", spec.name)];
            keys.extend(spec.fields.iter().map(|(name, ..)| format!("projects-field-{name}")));
            for key in keys {
                assert!(texts.has(Lang::Zh, &key) && texts.has(Lang::En, &key), "{key}");
            }
        }
    }
}
