//! The page of one's own account: who one is here, the password, and the second step of signing in.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use askama::Template;
use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base::AccountId;
use kernel::{AdminError, AdminResult, AppendError, Kernel, RecoveryCodes, SecondStep, Session, TotpSecret};

use super::page;
use super::sign_in::code_field;
use crate::api::refusal::admin_problem;
use crate::app::App;
use crate::once::Sent;
use crate::problem::Problem;
use crate::qr;
use crate::texts::{Lang, T};
use crate::view::{Field, FieldKind, Flash, Frame, Mark};
use crate::viewer::{Asked, Here, Viewer};

pub fn router() -> Router<App> {
    Router::new()
        .route("/account", get(show))
        .route("/account/totp/begin", post(begin))
        .route("/account/totp/confirm", post(confirm))
        .route("/account/totp/codes", post(renew))
        .route("/account/totp/end", post(end))
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    facts: Vec<(String, String)>,
    /// Recovery codes, on the one page that ever shows them.
    codes: Vec<String>,
    setup: Option<Setup>,
    lead: String,
    form: Option<StepForm>,
}

/// A secret to bring into an authenticator.
struct Setup {
    qr: String,
    base32: String,
}

struct StepForm {
    fields: Vec<Field>,
    buttons: Vec<Button>,
}

/// Where a button sends its form.
struct Button {
    path: &'static str,
    title: String,
    primary: bool,
}

/// What is wrong with a form that was refused.
#[derive(Default)]
struct Wrong {
    field: &'static str,
    message: String,
}

/// Whose page it is.
struct Own {
    app: App,
    viewer: Viewer,
    session: Session,
    account: AccountId,
    title: String,
    lang: Lang,
    t: T,
}

impl Own {
    fn new(app: App, viewer: Viewer, lang: Lang) -> Result<Self, Problem> {
        let session = viewer.session().ok_or_else(Problem::unauthorized)?.clone();
        let (account, title) = (session.account.clone(), session.title.clone());
        let t = app.texts.t(lang);
        Ok(Self { app, viewer, session, account, title, lang, t })
    }

    async fn page(&self, here: &str, wrong: &Wrong) -> Result<AccountPage, Problem> {
        let session = self.session.clone();
        let step = self.app.blocking(move |kernel| kernel.second_step_of(&session)).await?;
        let t = &self.t;
        let mut facts = vec![(t.get("admin-account"), self.account.to_string())];
        if !self.title.is_empty() {
            facts.push((t.get("admin-account-person"), self.title.clone()));
        }
        for post in self.app.tree().posts_of(&self.account, self.app.today()) {
            let title = if self.lang == Lang::Zh { &post.title_zh } else { &post.title_en };
            facts.push((t.get("admin-post"), title.clone()));
        }
        facts.push((t.get("totp"), self.state(&step)));
        let frame = self.viewer.frame(&self.app, self.lang, t.get("account-own"), here);
        let (lead, setup) = match &step {
            SecondStep::Off => (t.get("totp-off-lead"), None),
            SecondStep::Pending(secret) => (t.get("totp-pending-lead"), Some(self.setup(secret)?)),
            SecondStep::On { .. } => (t.get("totp-on-lead"), None),
        };
        let form = Some(self.form(&step, wrong));
        Ok(AccountPage { frame, facts, codes: Vec::new(), setup, lead, form })
    }

    fn state(&self, step: &SecondStep) -> String {
        match step {
            SecondStep::Off | SecondStep::Pending(_) => self.t.get("totp-off"),
            SecondStep::On { since, recovery_codes_left } => {
                let since = crate::format::date(self.app.moment(*since));
                let left = recovery_codes_left.to_string();
                self.t.with("totp-on", &[("since", since.as_str()), ("left", left.as_str())])
            }
        }
    }

    /// What an authenticator reads, and what is typed where it cannot.
    fn setup(&self, secret: &TotpSecret) -> Result<Setup, Problem> {
        let base32 = secret.to_base32();
        let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let issuer = escaped(self.app.kernel.verifier().name());
        let account = escaped(self.account.as_str());
        let address = format!("otpauth://totp/{issuer}:{account}?secret={base32}&issuer={issuer}");
        let qr = qr::svg(&address, &self.t.get("totp-qr")).map_err(|error| {
            tracing::error!(%error, "a second step cannot be drawn");
            Problem::internal()
        })?;
        let groups: Vec<&str> =
            base32.as_bytes().chunks(4).filter_map(|it| std::str::from_utf8(it).ok()).collect();
        Ok(Setup { qr, base32: groups.join(" ") })
    }

    /// The one form of each state.
    fn form(&self, step: &SecondStep, wrong: &Wrong) -> StepForm {
        let t = &self.t;
        let said = |field: &str| (wrong.field == field).then(|| wrong.message.clone());
        let mut password = Field::new("password", t.get("sign-in-password"), FieldKind::Password)
            .required()
            .error(said("password"));
        password.autocomplete = Some("current-password");
        let code = code_field(t, said("code"));
        let button = |path: &'static str, primary: bool| Button {
            path,
            title: t.get(&format!("totp-{path}")),
            primary,
        };
        match step {
            SecondStep::Off => StepForm { fields: vec![password], buttons: vec![button("begin", true)] },
            SecondStep::Pending(_) => {
                let code = Field { hint: Some(t.get("totp-confirm-hint")), ..code };
                StepForm { fields: vec![code], buttons: vec![button("confirm", true)] }
            }
            SecondStep::On { .. } => StepForm {
                fields: vec![password, code],
                buttons: vec![button("codes", false), button("end", false)],
            },
        }
    }

    /// The page with what was wrong.
    async fn refused(&self, error: AppendError<AdminError>) -> Result<Response, Problem> {
        let t = &self.t;
        let (field, message) = match &error {
            AppendError::Refused(AdminError::PasswordWrong) => ("password", t.get("totp-password-wrong")),
            AppendError::Refused(AdminError::CodeWrong) => ("code", t.get("sign-in-code-refused")),
            AppendError::Refused(AdminError::CodesWrong(seconds)) => {
                ("code", t.with("sign-in-wait", &[("seconds", *seconds)]))
            }
            AppendError::Refused(AdminError::TotpOn | AdminError::TotpOff) => ("", t.get("totp-changed")),
            _ => return Err(admin_problem(&self.app, error)),
        };
        // What the page shows now may have other forms than the one that was sent.
        let mut shown = self.page("/account", &Wrong { field, message: message.clone() }).await?;
        if field.is_empty() {
            shown.frame.flash = Some(Flash { mark: Mark::Plain, text: message });
        }
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&shown)?).into_response())
    }

    /// Does what a form asks for, and shows the page anew.
    async fn change(
        &self,
        work: impl FnOnce(&Kernel) -> AdminResult<()> + Send + 'static,
    ) -> Result<Response, Problem> {
        match self.app.blocking(move |kernel| Ok::<_, Problem>(work(kernel))).await? {
            Ok(()) => Ok(Redirect::to("/account").into_response()),
            Err(error) => self.refused(error).await,
        }
    }

    /// Makes recovery codes once for each time that the form was shown, and shows them.
    async fn codes(
        &self,
        form: &'static str,
        typed: &BTreeMap<String, String>,
        work: impl FnOnce(&Kernel) -> AdminResult<RecoveryCodes> + Send + 'static,
    ) -> Result<Response, Problem> {
        let sent = Sent::of(form, typed);
        let slot = sent.map(|sent| self.app.shown.slot(&self.viewer.id(), &sent)).unwrap_or_default();
        let made = self.app.blocking(move |kernel| {
            let mut kept = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(codes) = &*kept {
                return Ok::<_, Problem>(Ok(codes.lines().map(str::to_owned).collect()));
            }
            Ok(work(kernel).map(|made| {
                *kept = Some(made.codes.join("\n"));
                made.codes
            }))
        });
        match made.await? {
            Ok(codes) => {
                let mut shown = self.page("/account", &Wrong::default()).await?;
                shown.codes = codes;
                // One thing at a time.
                shown.form = None;
                page(&shown)
            }
            Err(error) => self.refused(error).await,
        }
    }
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
) -> Result<Response, Problem> {
    page(&Own::new(app, viewer, lang)?.page(&here, &Wrong::default()).await?)
}

type Typed = Form<BTreeMap<String, String>>;

fn value(typed: &BTreeMap<String, String>, name: &str) -> String {
    typed.get(name).cloned().unwrap_or_default()
}

/// Draws a secret.
async fn begin(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Form(typed): Typed,
) -> Result<Response, Problem> {
    let own = Own::new(app, viewer, lang)?;
    own.app.limits.again(&own.session)?;
    let (session, password) = (own.session.clone(), value(&typed, "password"));
    own.change(move |kernel| kernel.begin_totp(&session, &password).map(drop)).await
}

async fn confirm(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Form(typed): Typed,
) -> Result<Response, Problem> {
    let own = Own::new(app, viewer, lang)?;
    own.app.limits.confirms(&own.session)?;
    let (session, code) = (own.session.clone(), value(&typed, "code"));
    own.codes("confirm", &typed, move |kernel| kernel.confirm_totp(&session, &code)).await
}

/// New recovery codes.
async fn renew(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Form(typed): Typed,
) -> Result<Response, Problem> {
    let own = Own::new(app, viewer, lang)?;
    own.app.limits.again(&own.session)?;
    let (session, password, code) = (own.session.clone(), value(&typed, "password"), value(&typed, "code"));
    own.codes("codes", &typed, move |kernel| kernel.renew_recovery_codes(&session, &password, &code)).await
}

async fn end(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Form(typed): Typed,
) -> Result<Response, Problem> {
    let own = Own::new(app, viewer, lang)?;
    own.app.limits.again(&own.session)?;
    let (session, password, code) = (own.session.clone(), value(&typed, "password"), value(&typed, "code"));
    own.change(move |kernel| kernel.end_totp(&session, &password, &code).map(drop)).await
}
