//! Signing in and out, and the password.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{DefaultBodyLimit, Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base::AccountId;

use kernel::{
    AdminError, AppendError, HalfSession, Kernel, SecondStep, SecondStepError, SignInError, SignedIn,
};
use serde::Deserialize;

use super::page;
use super::provider::THERE;
use crate::app::{App, append_problem};
use crate::extract::{NOBODYS_BYTES_MAX, Query};
use crate::problem::Problem;
use crate::texts::{Both, T};
use crate::view::{Field, FieldKind, Frame, Link, Sheet};
use crate::viewer::{Asked, COOKIE, Here, Viewer, caller, cookie};

pub fn router() -> Router<App> {
    Router::new()
        .route("/sign-in", get(form).post(sign_in))
        .route("/sign-in/code", get(code_form).post(take_code))
        .route("/sign-out", post(sign_out))
        .route("/account/password", get(password_form).post(change_password))
        .layer(DefaultBodyLimit::max(NOBODYS_BYTES_MAX))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    next: String,
    error: Option<String>,
    fields: Vec<Field>,
    /// The way to the provider, where there is one.
    provider: Option<Link>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    next: Option<String>,
    /// The second step was not taken in time.
    ended: Option<String>,
}

/// Where to go after signing in: a path of this site and nothing else.
pub(super) fn local(next: Option<String>) -> String {
    // Browsers leave control characters out, and read two slashes as the beginning of another site.
    let odd = |c: char| c == '\\' || c.is_control();
    next.filter(|next| next.starts_with('/') && !next.starts_with("//") && !next.contains(odd))
        .unwrap_or_else(|| "/".to_owned())
}

fn sign_in_page(
    app: &App,
    lang: crate::Lang,
    here: &str,
    next: String,
    account: &str,
    error: Option<String>,
) -> SignInPage {
    let mut frame = Viewer::Nobody.frame(app, lang, app.texts.t(lang).get("sign-in-title"), here);
    frame.sheet = Sheet::Public;
    let t = frame.t.clone();
    let mut account_field = Field::new("account", t.get("sign-in-name"), FieldKind::Text { chars_max: 40 })
        .value(account)
        .required();
    account_field.autocomplete = Some("username");
    let mut password = Field::new("password", t.get("sign-in-password"), FieldKind::Password).required();
    password.autocomplete = Some("current-password");
    let provider = app.sign_on.as_ref().map(|sign_on| {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let title = t.with("sign-in-sso", &[("provider", sign_on.title.get(lang))]);
        Link { title, href: format!("{THERE}?next={next}") }
    });
    SignInPage { frame, next, error, fields: vec![account_field, password], provider }
}

async fn form(
    State(app): State<App>,
    Asked(lang): Asked,
    Here(here): Here,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let error = wanted.ended.map(|_| app.texts.t(lang).get("sign-in-expired"));
    page(&sign_in_page(&app, lang, &here, local(wanted.next), "", error))
}

#[derive(Deserialize)]
struct SignIn {
    account: String,
    password: String,
    next: Option<String>,
}

async fn sign_in(
    State(app): State<App>,
    Asked(lang): Asked,
    Extension(From(address)): Extension<From>,
    Form(given): Form<SignIn>,
) -> Result<Response, Problem> {
    let next = local(given.next);
    let typed: String = given.account.chars().take(40).collect();
    let again = |status: StatusCode, message: String| {
        let response = page(&sign_in_page(&app, lang, "/sign-in", next.clone(), &typed, Some(message)))?;
        Ok((status, response).into_response())
    };
    if let Some(seconds) = too_often(&app, address, ["address", "account"], &typed) {
        let message = app.texts.t(lang).with("sign-in-wait", &[("seconds", seconds)]);
        return Ok(retry_after(seconds, again(StatusCode::TOO_MANY_REQUESTS, message)?));
    }
    let refuse = || again(StatusCode::UNPROCESSABLE_ENTITY, app.texts.t(lang).get("sign-in-refused"));
    let Ok(account) = AccountId::new(&given.account) else { return refuse() };
    let (name, password) = (account.clone(), given.password);
    let signed_in =
        app.blocking(move |kernel| Ok::<_, Problem>(kernel.sign_in(name.as_str(), &password))).await?;
    match signed_in {
        Ok(SignedIn::Session(session)) => Ok(signed_in_response(&app, &session.cookie_value, &next)),
        Ok(SignedIn::Half(half)) => Ok(half_signed_in_response(&app, &half, &next)),
        Err(SignInError::Busy) => Err(Problem::unavailable(2)),
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(SignInError::RunOut) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, app.texts.t(lang).get("sign-in-run-out"))
        }
        Err(SignInError::Refused | SignInError::Disabled) => refuse(),
    }
}

/// How long to wait, if an address, its site or an account was tried too often. The address comes first: one that tries too
/// often uses up the tries of no account, and of no neighbour.
fn too_often(app: &App, address: IpAddr, [from, to]: [&str; 2], account: &str) -> Option<u64> {
    let limits = &app.limits;
    let tried = limits
        .sign_in(format!("{from} {address}"))
        .and_then(|()| limits.sign_in_site(address))
        .and_then(|()| limits.sign_in(format!("{to} {account}")));
    Some(tried.err()?.retry_after_s.unwrap_or(60))
}

fn retry_after(seconds: u64, response: Response) -> Response {
    ([(header::RETRY_AFTER, seconds.to_string())], response).into_response()
}

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct CodePage {
    frame: Frame,
    next: String,
    field: Field,
}

fn code_page(app: &App, lang: crate::Lang, here: &str, next: String, error: Option<String>) -> CodePage {
    let mut frame = Viewer::Nobody.frame(app, lang, app.texts.t(lang).get("totp-title"), here);
    frame.sheet = Sheet::Public;
    let field = code_field(&frame.t, error);
    CodePage { frame, next, field }
}

/// The field for a code of an authenticator or a recovery code.
pub(super) fn code_field(t: &T, error: Option<String>) -> Field {
    let mut field = Field::new("code", t.get("sign-in-code"), FieldKind::Text { chars_max: 30 })
        .required()
        .error(error)
        .hint(t.get("totp-code-hint"));
    field.autocomplete = Some("one-time-code");
    field
}

/// Whoever comes here without the first step, or too late, begins anew.
async fn code_form(
    State(app): State<App>,
    Asked(lang): Asked,
    Here(here): Here,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let Some(half) = cookie(&headers, HALF_COOKIE).map(str::to_owned) else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    match app.blocking(move |kernel| kernel.half_session(&half)).await? {
        Some(_) => page(&code_page(&app, lang, &here, local(wanted.next), None)),
        None => Ok(begin_anew(&app)),
    }
}

#[derive(Deserialize)]
struct Code {
    code: String,
    next: Option<String>,
}

async fn take_code(
    State(app): State<App>,
    Asked(lang): Asked,
    Extension(From(address)): Extension<From>,
    headers: HeaderMap,
    Form(given): Form<Code>,
) -> Result<Response, Problem> {
    let Some(half) = cookie(&headers, HALF_COOKIE).map(str::to_owned) else { return Ok(begin_anew(&app)) };
    let (next, of) = (local(given.next), half.clone());
    let Some(account) = app.blocking(move |kernel| kernel.half_session(&of)).await? else {
        return Ok(begin_anew(&app));
    };
    let again = |status: StatusCode, message: String| {
        let response = page(&code_page(&app, lang, "/sign-in/code", next.clone(), Some(message)))?;
        Ok::<_, Problem>((status, response).into_response())
    };
    let t = app.texts.t(lang);
    let wait = |seconds: u64| {
        let message = t.with("sign-in-wait", &[("seconds", seconds)]);
        Ok(retry_after(seconds, again(StatusCode::TOO_MANY_REQUESTS, message)?))
    };
    if let Some(seconds) = too_often(&app, address, ["code from", "code"], account.as_str()) {
        return wait(seconds);
    }
    let taken =
        app.blocking(move |kernel| Ok::<_, Problem>(kernel.take_second_step(&half, &given.code))).await?;
    match taken {
        Ok(session) => {
            let mut response = signed_in_response(&app, &session.cookie_value, &next);
            response.headers_mut().append(header::SET_COOKIE, half_cookie(&app, "", 0));
            Ok(response)
        }
        Err(SecondStepError::Wrong) => again(StatusCode::UNPROCESSABLE_ENTITY, t.get("sign-in-code-refused")),
        Err(SecondStepError::Wait(seconds)) => wait(seconds),
        Err(SecondStepError::Ended) => Ok(begin_anew(&app)),
        Err(SecondStepError::Busy) => Err(Problem::unavailable(2)),
        Err(SecondStepError::Store(error)) => Err(error.into()),
    }
}

/// The name of the cookie of who gave the password and not yet the code. It is sent with the second step alone.
pub const HALF_COOKIE: &str = "taizhang_half";

fn half_cookie(app: &App, secret: &str, seconds: i64) -> HeaderValue {
    let secure = if app.site.secure { "; Secure" } else { "" };
    let cookie = format!(
        "{HALF_COOKIE}={secret}; Path=/sign-in; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    HeaderValue::try_from(cookie).expect("a cookie of ours is visible ASCII")
}

fn half_signed_in_response(app: &App, half: &HalfSession, next: &str) -> Response {
    let seconds = half.expires.since_ms(app.kernel.now()) / 1_000;
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let cookie = half_cookie(app, &half.cookie_value, seconds);
    ([(header::SET_COOKIE, cookie)], Redirect::to(&format!("/sign-in/code?next={next}"))).into_response()
}

fn begin_anew(app: &App) -> Response {
    ([(header::SET_COOKIE, half_cookie(app, "", 0))], Redirect::to("/sign-in?ended=1")).into_response()
}

/// The address a request came from, or the network of it: what limits go by.
#[derive(Debug, Clone, Copy)]
pub struct From(pub IpAddr);

/// Notes the caller's address for handlers.
pub async fn note_address(
    State(app): State<App>,
    mut request: Request,
    next: axum::middleware::Next,
) -> Response {
    let address = caller(&app, &request);
    request.extensions_mut().insert(From(address));
    next.run(request).await
}

async fn sign_out(State(app): State<App>, viewer: Viewer, headers: HeaderMap) -> Result<Response, Problem> {
    if let (Some(_), Some(secret)) = (viewer.session(), cookie(&headers, COOKIE).map(str::to_owned)) {
        app.blocking(move |kernel| Ok::<_, Problem>(kernel.sign_out(&secret))).await?.map_err(|error| {
            tracing::error!(?error, "a session cannot be ended");
            Problem::unavailable(5)
        })?;
    }
    let gone = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/sign-in")).into_response())
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    must_change: bool,
    fields: Vec<Field>,
}

fn password_page(
    app: &App,
    viewer: &Viewer,
    lang: crate::Lang,
    asks_code: bool,
    error: Option<(&str, String)>,
) -> Result<PasswordPage, Problem> {
    let session = viewer.session().ok_or_else(Problem::unauthorized)?;
    let t = app.texts.t(lang);
    let frame = viewer.frame(app, lang, t.get("password-change"), "/account/password");
    let field = |name: &'static str, key: &str, token: &'static str| {
        let message = error.as_ref().filter(|(field, _)| *field == name).map(|(_, message)| message.clone());
        let mut field = Field::new(name, t.get(key), FieldKind::Password).required().error(message);
        field.autocomplete = Some(token);
        field
    };
    let mut ruled = field("new_password", "password-new", "new-password");
    // The message says the whole rule.
    if ruled.error.is_none() {
        ruled = ruled.hint(t.get("password-rule"));
    }
    let mut fields = vec![
        field("old_password", "password-old", "current-password"),
        ruled,
        field("again", "password-again", "new-password"),
    ];
    if asks_code {
        let message =
            error.as_ref().filter(|(field, _)| *field == "code").map(|(_, message)| message.clone());
        fields.insert(1, code_field(&frame.t, message));
    }
    Ok(PasswordPage { frame, must_change: session.must_change, fields })
}

async fn password_form(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
) -> Result<Response, Problem> {
    let asks_code = asks_code(&app, &viewer).await?;
    page(&password_page(&app, &viewer, lang, asks_code, None)?)
}

/// Whether whoever is signed in has a second step.
async fn asks_code(app: &App, viewer: &Viewer) -> Result<bool, Problem> {
    let session = viewer.session().ok_or_else(Problem::unauthorized)?.clone();
    let step = app.blocking(move |kernel| kernel.second_step_of(&session)).await?;
    Ok(matches!(step, SecondStep::On { .. }))
}

#[derive(Deserialize)]
struct NewPassword {
    old_password: String,
    new_password: String,
    again: String,
    #[serde(default)]
    code: String,
}

async fn change_password(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Form(given): Form<NewPassword>,
) -> Result<Response, Problem> {
    let session = viewer.session().ok_or_else(Problem::unauthorized)?;
    let from = session.clone();
    let t = app.texts.t(lang);
    let asks_code = asks_code(&app, &viewer).await?;
    let refuse = |field: &'static str, message: String| {
        let response = page(&password_page(&app, &viewer, lang, asks_code, Some((field, message)))?)?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
    };
    if given.new_password != given.again {
        return refuse("again", t.get("password-differs"));
    }
    app.limits.again(session)?;
    let (old, code, new) = (given.old_password, given.code, given.new_password);
    let change = move |kernel: &Kernel| kernel.change_password(&from, (&old, &code), &new);
    let changed = app.blocking(move |kernel| Ok::<_, Problem>(change(kernel))).await?;
    match changed {
        Ok(session) => Ok(signed_in_response(&app, &session.cookie_value, "/")),
        Err(error) => match &error {
            AppendError::Refused(AdminError::PasswordOften(_)) => {
                refuse("new_password", t.get("password-often"))
            }
            AppendError::Refused(refusal) if refusal.field() == "new_password" => {
                refuse("new_password", t.get("password-rule-broken"))
            }
            AppendError::Refused(AdminError::PasswordWrong) => {
                refuse("old_password", t.get("password-wrong"))
            }
            AppendError::Refused(AdminError::CodeWrong) => refuse("code", t.get("sign-in-code-refused")),
            AppendError::Refused(AdminError::CodesWrong(seconds)) => {
                refuse("code", t.with("sign-in-wait", &[("seconds", *seconds)]))
            }
            AppendError::Refused(AdminError::Busy) => Err(Problem::unavailable(2)),
            _ => Err(append_problem(error, |refusal| {
                Problem::forbidden(Both::new(refusal.to_string(), refusal.to_string()))
            })),
        },
    }
}

/// Sets the session's cookie and goes on.
pub(super) fn signed_in_response(app: &App, secret: &str, next: &str) -> Response {
    let secure = if app.site.secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}");
    ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_signs_in_stays_on_this_site() {
        let goes = |next: &str| local(Some(next.to_owned()));
        assert_eq!(goes("/market/beiyuan?lang=en"), "/market/beiyuan?lang=en");
        for next in
            ["//evil.example", "/\t/evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", ""]
        {
            assert_eq!(goes(next), "/", "{next:?}");
        }
    }
}
