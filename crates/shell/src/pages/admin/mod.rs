//! The administrators' pages: units, accounts, grants, tokens, devices, targets, the table of rights, the log of reads, how
//! the installation fares.
//!
//! A list and a noun's own page are read with GET; every change is a form of its own page, so that a refused form
//! comes back with what was typed. The kernel decides; links only show what somebody is allowed somewhere.

mod accounts;
mod calendars;
mod choices;
mod contacts;
mod devices;
mod grants;
mod health;
mod kiosks;
pub(super) mod listing;
mod oversight;
mod places;
mod rules;
mod targets;
mod tokens;
mod units;
mod witness;

use std::collections::BTreeMap;
use std::sync::PoisonError;

use askama::Template;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form as Sheet, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kernel::{AdminResult, By, Kernel};
use serde::de::DeserializeOwned;

use super::page;
use crate::api::accounts::{Again, confirm};
use crate::api::refusal::admin_problem;
use crate::app::App;
use crate::once::{self, Sent};
use crate::problem::Problem;
use crate::texts::{Both, Lang, T};
use crate::typed::sentence;
use crate::view::{Crumb, Field, FieldKind, Frame, Link, TableView};
use crate::viewer::{Asked, Here, Viewer};

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin", get(index))
        .merge(units::router())
        .merge(places::router())
        .merge(accounts::router())
        .merge(grants::router())
        .merge(health::router())
        .merge(tokens::router())
        .merge(kiosks::router())
        .merge(devices::router())
        .merge(contacts::router())
        .merge(rules::router())
        .merge(calendars::router())
        .merge(oversight::router())
        .merge(targets::router())
        .merge(witness::router())
}

/// The parts of administration: the key of the title, the address, and the action that opens it.
const PARTS: [(&str, &str, &str); 12] = [
    ("admin-units", "/admin/units", "kernel.registry.read"),
    ("admin-accounts", "/admin/accounts", "kernel.account.list"),
    ("admin-grants", "/admin/grants", "kernel.grant.list"),
    ("admin-tokens", "/admin/tokens", "kernel.token.list"),
    ("admin-devices", "/admin/devices", "kernel.device.list"),
    ("admin-contacts", "/admin/contacts", "kernel.contact.list"),
    ("admin-witness", "/admin/witness", witness::READ),
    ("admin-rules", "/admin/rules", "kernel.policy.read"),
    ("admin-calendar", "/admin/calendar", "kernel.policy.read"),
    ("admin-policy", "/admin/policy", "kernel.policy.read"),
    ("admin-reads", "/admin/reads", "kernel.read_log.read"),
    ("admin-health", "/admin/health", crate::health::READ),
];

/// A credential or password on the one page that ever shows it.
struct Secret {
    title: String,
    value: String,
    hint: String,
}

/// A form with one button.
struct Form {
    action: String,
    /// What the button does.
    button: String,
    /// What cannot be undone, or what is wrong with the whole.
    warning: Option<String>,
    error: Option<String>,
    fields: Vec<Field>,
}

impl Form {
    /// Whether a file goes with it.
    fn takes_file(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.kind, FieldKind::File { .. }))
    }
}

/// Any page of administration: facts, tables, links to forms, or a form.
#[derive(Template)]
#[template(path = "admin.html")]
struct AdminPage {
    frame: Frame,
    lead: Option<String>,
    /// What somebody must see to.
    alert: Option<String>,
    secret: Option<Secret>,
    facts: Vec<(String, String)>,
    actions: Vec<Link>,
    forms: Vec<Form>,
    tables: Vec<TableView>,
    /// Texts that are shown word by word, with their titles.
    quotes: Vec<(String, String)>,
}

/// A part of the index: its title, what it is for, its address.
struct Part {
    title: String,
    hint: String,
    href: &'static str,
}

#[derive(Template)]
#[template(path = "admin_index.html")]
struct IndexPage {
    frame: Frame,
    parts: Vec<Part>,
}

async fn index(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
) -> Result<Response, Problem> {
    let t = app.texts.t(lang);
    let parts: Vec<Part> = PARTS
        .iter()
        .filter(|(.., action)| match *action {
            witness::READ | crate::health::READ => viewer.need_at_root(&app, action).is_ok(),
            _ => viewer.need_somewhere(&app, action).is_ok(),
        })
        .map(|(key, href, _)| Part { title: t.get(key), hint: t.get(&format!("{key}-hint")), href })
        .collect();
    if parts.is_empty() {
        viewer.need_somewhere(&app, "kernel.account.list")?;
    }
    page(&IndexPage { frame: viewer.frame(&app, lang, t.get("nav-admin"), &here), parts })
}

/// What every handler of these pages knows.
struct Desk {
    app: App,
    viewer: Viewer,
    lang: Lang,
    t: T,
    here: String,
}

impl Desk {
    fn new(app: App, viewer: Viewer, lang: Lang, here: String) -> Self {
        let t = app.texts.t(lang);
        Self { app, viewer, lang, t, here }
    }

    fn get(&self, key: &str) -> String {
        self.t.get(key)
    }

    fn may(&self, action: &str) -> bool {
        self.viewer.need_somewhere(&self.app, action).is_ok()
    }

    /// A page below one of the parts.
    fn page(&self, title: impl Into<String>, part: &str) -> AdminPage {
        let mut frame = self.viewer.frame(&self.app, self.lang, title, &self.here);
        frame.crumbs.push(Crumb { title: self.get("nav-admin"), href: Some("/admin".into()) });
        if let Some((key, href, _)) = PARTS.iter().find(|(key, ..)| *key == part) {
            frame.crumbs.push(Crumb { title: self.get(key), href: Some((*href).to_owned()) });
        }
        AdminPage {
            frame,
            lead: None,
            alert: None,
            secret: None,
            facts: Vec::new(),
            actions: Vec::new(),
            forms: Vec::new(),
            tables: Vec::new(),
            quotes: Vec::new(),
        }
    }

    /// The page of one form.
    fn form(&self, title: String, part: &str, form: Form) -> AdminPage {
        AdminPage { forms: vec![form], ..self.page(title, part) }
    }

    /// A link to a form, where its action is allowed somewhere.
    fn action(&self, action: &str, key: &str, href: impl Into<String>) -> Option<Link> {
        self.may(action).then(|| Link { title: self.get(key), href: href.into() })
    }

    /// The fields of who is asked again, where an administrator is concerned.
    fn again(&self) -> [Field; 2] {
        let field = |name, key: &str, kind| {
            let mut field = Field::new(name, self.get(key), kind);
            field.autocomplete = Some(if name == "code" { "one-time-code" } else { "current-password" });
            field
        };
        [
            field("password", "admin-again-password", FieldKind::Password).hint(self.get("admin-again-hint")),
            field("code", "sign-in-code", FieldKind::Text { chars_max: 30 }),
        ]
    }

    /// A title in the page's language.
    fn title<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }
}

impl Desk {
    /// Does an act of administration, once for each time that its form was shown.
    async fn act<T: Send + 'static>(
        &self,
        action: &str,
        once: impl Into<Once>,
        work: impl FnOnce(&Kernel, &By) -> AdminResult<T> + Send + 'static,
    ) -> Result<T, Problem> {
        self.viewer.need_somewhere(&self.app, action)?;
        self.app.limits.act(&self.viewer.id())?;
        let Once { sent, again } = once.into();
        if !again.password.is_empty() {
            confirm(&self.app, &self.viewer, action, again).await?;
        }
        let by = self.viewer.by(sent.as_ref());
        let done = self.app.blocking(move |kernel| Ok::<_, Problem>(work(kernel, &by))).await?;
        done.map_err(|error| once::told(admin_problem(&self.app, error)))
    }

    /// The same for an act that answers with a secret: whoever clicked twice sees it on the second answer.
    async fn act_secretly<T: Send + 'static>(
        &self,
        action: &str,
        once: Once,
        secret: fn(&mut T) -> &mut Option<String>,
        work: impl FnOnce(&Kernel, &By) -> AdminResult<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let slot =
            once.sent.as_ref().map(|sent| self.app.shown.slot(&self.viewer.id(), sent)).unwrap_or_default();
        let work = move |kernel: &Kernel, by: &By| {
            // The browser may have gone away, so what was shown is kept here and not after the wait.
            let mut kept = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let mut done = work(kernel, by)?;
            let secret = secret(&mut done);
            match secret {
                Some(fresh) => *kept = Some(fresh.clone()),
                None => secret.clone_from(&kept),
            }
            Ok(done)
        };
        self.act(action, once, work).await
    }
}

/// What a form is known by if it comes again, and what its sender was asked for once more.
struct Once {
    sent: Option<Sent>,
    again: Again,
}

impl From<Option<Sent>> for Once {
    fn from(sent: Option<Sent>) -> Self {
        Self { sent, again: Again::default() }
    }
}

/// A form that was sent.
struct Posted<T> {
    typed: T,
    sent: Once,
}

impl<T: DeserializeOwned> FromRequest<App> for Posted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let form = request.uri().path().to_owned();
        let unread = |_: FormRejection| {
            let detail =
                Both::new("表单无法读取，请刷新页面后重新提交。", "the form cannot be read; reload the page");
            Problem::bad_request("form", "format", detail)
        };
        let Sheet(mut values) =
            Sheet::<BTreeMap<String, String>>::from_request(request, app).await.map_err(unread)?;
        // What somebody is asked for again is no part of the act, and no digest of it is kept.
        let again = match values.remove("password") {
            Some(password) => Again { password, code: values.remove("code").unwrap_or_default() },
            None => Again::default(),
        };
        let sent = Once { sent: Sent::of(&form, &values), again };
        let members = values.into_iter().map(|(name, value)| (name, serde_json::Value::String(value)));
        let typed = serde_json::from_value(serde_json::Value::Object(members.collect()));
        typed.map(|typed| Self { typed, sent }).map_err(|error| {
            Problem::bad_request(
                "form",
                "format",
                Both::new("表单内容不完整，请重新填写。", error.to_string()),
            )
        })
    }
}

/// A form with nothing to type.
#[derive(serde::Deserialize)]
struct Nothing {}

/// The handlers' way to the desk, in one extractor.
impl axum::extract::FromRequestParts<App> for Desk {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, app: &App) -> Result<Self, Problem> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        let Asked(lang) = Asked::from_request_parts(parts, app).await?;
        let Here(here) = Here::from_request_parts(parts, app).await?;
        Ok(Self::new(app.clone(), viewer, lang, here))
    }
}

/// What is wrong with a form that was refused: beside its field, or above the form.
struct Wrong {
    status: StatusCode,
    field: Option<String>,
    message: String,
}

impl Wrong {
    /// A refusal that the form shows; what is no fault of the form (401, 5xx) stays a problem.
    fn of(lang: Lang, problem: Problem) -> Result<Self, Problem> {
        let shown =
            [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::CONFLICT];
        if !shown.contains(&problem.status) {
            return Err(problem);
        }
        let field = problem.field.clone().filter(|field| !field.is_empty());
        Ok(Self { status: problem.status, field, message: sentence(lang, problem.detail.get(lang)) })
    }

    /// Puts the message beside its field, or above a form that does not have the field.
    fn onto(self, form: &mut Form) {
        match form.fields.iter_mut().find(|field| self.field.as_deref() == Some(field.name)) {
            Some(field) => field.error = Some(self.message),
            None => form.error = Some(self.message),
        }
    }
}

/// A form that was refused, with everything that was typed.
fn refused(desk: &Desk, problem: Problem, mut shown: AdminPage) -> Result<Response, Problem> {
    let wrong = Wrong::of(desk.lang, problem)?;
    let status =
        if wrong.status == StatusCode::FORBIDDEN { wrong.status } else { StatusCode::UNPROCESSABLE_ENTITY };
    if let Some(form) = shown.forms.first_mut() {
        let has = |name: &str| form.fields.iter().any(|field| field.name == name);
        if wrong.field.as_deref().is_some_and(|name| matches!(name, "password" | "code") && !has(name)) {
            form.fields.extend(desk.again());
        }
        wrong.onto(form);
    }
    Ok((status, page(&shown)?).into_response())
}
