//! Signing in with the provider of OpenID Connect that the configuration names: the way there and back.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form as Fields, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base::AccountId;
use kernel::{Identity, IdentityError, NewSession};
use oidc::{Error, Trip};
use serde::Deserialize;

use super::page;
use super::sign_in::{From, local, signed_in_response};
use crate::app::{App, SignOn};
use crate::extract::Query;
use crate::origin;
use crate::problem::{Form, Problem};
use crate::texts::{Both, Lang};
use crate::view::{Frame, Sheet};
use crate::viewer::{Asked, Viewer, cookie};

/// Where a browser is sent off, and what it comes back to. Also who must change a one-time password may go here.
pub const THERE: &str = "/sign-in/provider";
pub const BACK: &str = "/sign-in/provider/back";

/// The name of the cookie of who is at the provider. It has to come back from another site, so it is not `Strict`.
pub const AWAY_COOKIE: &str = "taizhang_away";

/// Longer codes are not shown to the provider.
const CODE_BYTES_MAX: usize = 4_096;

pub fn router() -> Router<App> {
    Router::new()
        .route("/sign-in/provider", get(send))
        .route("/sign-in/provider/back", get(come_back))
        .route("/sign-in/provider/link", post(confirm))
}

fn sign_on(app: &App) -> Result<Arc<SignOn>, Problem> {
    app.sign_on.clone().ok_or_else(Problem::not_found)
}

fn back(app: &App) -> String {
    format!("{}{BACK}", app.site.base_url)
}

#[derive(Deserialize)]
struct Wanted {
    next: Option<String>,
}

async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Extension(From(address)): Extension<From>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let sign_on = sign_on(&app)?;
    app.limits.public(address)?;
    let (next, back) = (local(wanted.next), back(&app));
    // Nobody is signed in by a link on another site, where the provider does not ask either.
    if origin::is_foreign(&headers) {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        return Ok(Redirect::to(&format!("/sign-in?next={next}")).into_response());
    }
    let session = viewer.session().map(|session| session.hash.clone());
    let sent = app.blocking(move |kernel| {
        let away = kernel.send_away(&next, session.as_deref());
        let trip = Trip::of(&away.cookie_value);
        Ok::<_, Problem>(
            sign_on.provider.address(&trip, &back, lang.tag(), kernel.now()).map(|to| (away, to)),
        )
    });
    let (away, to) = match sent.await? {
        Ok(sent) => sent,
        Err(error) => return Ok(refused(&app, lang, &headers, &failed(&error))),
    };
    let seconds = away.expires.since_ms(app.kernel.now()) / 1_000;
    let cookie = away_cookie(&app, &away.cookie_value, seconds);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
}

/// What the provider lets a browser say (RFC 6749, section 4.1.2; RFC 9207).
#[derive(Deserialize)]
struct Said {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// What became of somebody who came back.
enum Came {
    In(NewSession, String),
    /// No account is linked with the identity.
    Unknown(String),
    /// Some are, and no owner of theirs has said so.
    Unconfirmed(Vec<AccountId>, String),
    /// One is whose owner is signed in: what they are to see, and give back.
    Unseen {
        account: AccountId,
        identifier: String,
        offer: String,
    },
}

async fn come_back(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Extension(From(address)): Extension<From>,
    headers: HeaderMap,
    Query(said): Query<Said>,
) -> Result<Response, Problem> {
    let sign_on = sign_on(&app)?;
    app.limits.public(address)?;
    let secret = cookie(&headers, AWAY_COOKIE).map(str::to_owned);
    // Whoever was not sent from this browser changes nothing in it.
    let Some(secret) =
        secret.filter(|secret| Trip::of(secret).is_of(said.state.as_deref().unwrap_or_default()))
    else {
        return Ok(refused(&app, lang, &headers, &ended()));
    };
    let (on, back) = (sign_on.clone(), back(&app));
    let session = viewer.session().map(|session| session.hash.clone());
    let came = app.blocking(move |kernel| {
        let away = kernel.take_back(&secret)?.ok_or_else(ended)?;
        if let Some(error) = said.error {
            return Err(turned_away(&error));
        }
        let code =
            said.code.filter(|code| !code.is_empty() && code.len() <= CODE_BYTES_MAX).ok_or_else(ended)?;
        let trip = Trip::of(&secret);
        let named = on.provider.recognise(&trip, &code, said.iss.as_deref(), &back, kernel.now());
        let identifier = named.map_err(|error| failed(&error))?;
        let identity = Identity { issuer: on.provider.issuer().to_owned(), identifier };
        let session = session.as_deref();
        match kernel.sign_in_as(&identity, &away, session) {
            Ok(session) => Ok(Came::In(session, away.next)),
            Err(IdentityError::Unknown) => Ok(Came::Unknown(identity.identifier)),
            Err(IdentityError::Unconfirmed(accounts)) => Ok(Came::Unconfirmed(accounts, away.next)),
            Err(IdentityError::Unseen(account)) => {
                let offer = kernel.offer_link(&identity, &away, session.unwrap_or_default());
                Ok(Came::Unseen { account, identifier: identity.identifier, offer })
            }
            Err(error) => Err(not_in(error)),
        }
    });
    let mut response = match came.await {
        Ok(Came::In(session, next)) => signed_in_response(&app, &session.cookie_value, &next),
        Ok(Came::Unknown(identifier)) => unknown(&app, &sign_on, lang, identifier)?,
        Ok(Came::Unconfirmed(accounts, next)) => unconfirmed(&app, &sign_on, lang, &accounts, &next)?,
        Ok(Came::Unseen { account, identifier, offer }) => {
            unseen(&app, &sign_on, &viewer, lang, account, identifier, offer)?
        }
        Err(problem) => refused(&app, lang, &headers, &problem),
    };
    response.headers_mut().append(header::SET_COOKIE, away_cookie(&app, "", 0));
    Ok(response)
}

#[derive(Deserialize)]
struct Confirmed {
    offer: String,
}

/// The account's owner has seen which identity it is linked with, and says so.
async fn confirm(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    headers: HeaderMap,
    Fields(confirmed): Fields<Confirmed>,
) -> Result<Response, Problem> {
    sign_on(&app)?;
    let session = viewer.session().map(|session| session.hash.clone()).ok_or_else(ended)?;
    let opened = app.blocking(move |kernel| kernel.confirm_link(&confirmed.offer, &session).map_err(not_in));
    Ok(match opened.await {
        Ok((session, next)) => signed_in_response(&app, &session.cookie_value, &next),
        Err(problem) => refused(&app, lang, &headers, &problem),
    })
}

/// Why nobody came in who is told no more about it.
fn not_in(error: IdentityError) -> Problem {
    match error {
        IdentityError::Disabled => disabled(),
        IdentityError::Busy => Problem::unavailable(2),
        IdentityError::Store(error) => error.into(),
        IdentityError::Ended
        | IdentityError::Unknown
        | IdentityError::Unconfirmed(_)
        | IdentityError::Unseen(_) => ended(),
    }
}

fn away_cookie(app: &App, secret: &str, seconds: i64) -> HeaderValue {
    let secure = if app.site.secure { "; Secure" } else { "" };
    let cookie =
        format!("{AWAY_COOKIE}={secret}; Path={THERE}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(cookie).expect("a cookie of ours is visible ASCII")
}

#[derive(Template)]
#[template(path = "sign_in_unknown.html")]
struct UnknownPage {
    frame: Frame,
    lead: String,
    identifier: String,
}

/// Says whom to ask, and what to tell them.
fn unknown(app: &App, sign_on: &SignOn, lang: Lang, identifier: String) -> Result<Response, Problem> {
    let mut frame = Viewer::Nobody.frame(app, lang, app.texts.t(lang).get("sign-in-unknown"), "/sign-in");
    frame.sheet = Sheet::Public;
    let lead = frame.t.with("sign-in-unknown-lead", &[("provider", sign_on.title.get(lang))]);
    Ok((StatusCode::FORBIDDEN, page(&UnknownPage { frame, lead, identifier })?).into_response())
}

#[derive(Template)]
#[template(path = "sign_in_unconfirmed.html")]
struct UnconfirmedPage {
    frame: Frame,
    lead: String,
    /// To the password, from there to the provider again, and then to where they wanted to go.
    confirm: String,
}

fn unconfirmed(
    app: &App,
    sign_on: &SignOn,
    lang: Lang,
    accounts: &[AccountId],
    next: &str,
) -> Result<Response, Problem> {
    let title = app.texts.t(lang).get("sign-in-unconfirmed");
    let mut frame = Viewer::Nobody.frame(app, lang, title, "/sign-in");
    frame.sheet = Sheet::Public;
    let waiting: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
    let waiting = waiting.join(" / ");
    let said = [("provider", sign_on.title.get(lang)), ("account", waiting.as_str())];
    let lead = frame.t.with("sign-in-unconfirmed-lead", &said);
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let confirm = format!("/sign-in?next={}", escaped(&format!("{THERE}?next={}", escaped(next))));
    Ok((StatusCode::FORBIDDEN, page(&UnconfirmedPage { frame, lead, confirm })?).into_response())
}

#[derive(Template)]
#[template(path = "sign_in_unseen.html")]
struct UnseenPage {
    frame: Frame,
    lead: String,
    account: String,
    identifier: String,
    offer: String,
}

/// Shows an account's owner, who is signed in, with which identity it is to be linked: whoever has that will enter as the account.
fn unseen(
    app: &App,
    sign_on: &SignOn,
    viewer: &Viewer,
    lang: Lang,
    account: AccountId,
    identifier: String,
    offer: String,
) -> Result<Response, Problem> {
    let mut frame = viewer.frame(app, lang, app.texts.t(lang).get("sign-in-unseen"), "/account");
    frame.sheet = Sheet::Public;
    let lead = frame.t.with("sign-in-unseen-lead", &[("provider", sign_on.title.get(lang))]);
    page(&UnseenPage { frame, lead, account: account.to_string(), identifier, offer })
}

/// A problem as a page whose links do not repeat what the provider said.
fn refused(app: &App, lang: Lang, headers: &HeaderMap, problem: &Problem) -> Response {
    if Form::negotiate(headers) != Form::Page {
        return problem.clone().into_response();
    }
    problem.to_page(Frame { sheet: Sheet::Public, ..Frame::new(app.texts.t(lang), "", "/sign-in") })
}

fn ended() -> Problem {
    Problem::new(
        "/problems/sign-in-ended",
        StatusCode::BAD_REQUEST,
        Both::new("登录未完成", "The sign-in was not finished"),
        Both::new(
            "本次登录已经超时或已经办理，或者不是在这个浏览器中开始的。请返回首页重新登录。",
            "It took too long, was done already, or did not begin in this browser. Go back to the start page and sign in again.",
        ),
    )
}

fn disabled() -> Problem {
    Problem::forbidden(Both::new(
        "与您的统一身份绑定的账户已停用。如有疑问，请联系本单位管理员。",
        "The account that is linked with your identity is disabled. Ask your unit's administrator.",
    ))
}

/// The provider sent somebody back without a code. Of what it says only whether they were refused is repeated.
fn turned_away(error: &str) -> Problem {
    let detail = if error == "access_denied" {
        Both::new(
            "您取消了登录，或者统一身份认证系统未予准许。请返回首页重新登录。",
            "You broke off, or the identity provider refused you. Go back to the start page and sign in again.",
        )
    } else {
        tracing::warn!("the identity provider sent somebody back with an error");
        Both::new(
            "统一身份认证系统未能完成登录。请稍后重试；如仍不成功，请联系管理员。",
            "The identity provider could not sign you in. Try again later, or tell your administrator.",
        )
    };
    let title = Both::new("未能登录", "Not signed in");
    Problem::new("/problems/provider-refused", StatusCode::FORBIDDEN, title, detail)
}

/// The problem of a provider that does not answer, or whose answer is not believed. What it was goes to the log.
fn failed(error: &Error) -> Problem {
    if matches!(error, Error::Busy) {
        return Problem::unavailable(2);
    }
    tracing::warn!(%error, "nobody could be signed in by the identity provider");
    let (type_, title, detail) = match error {
        Error::Unreachable(_) | Error::Unusable(_) | Error::Busy => (
            "/problems/provider-unavailable",
            Both::new("统一身份认证暂时不可用", "The identity provider is not available"),
            Both::new(
                "统一身份认证系统没有应答或应答有误。请稍后重试，或用账户名和密码登录。",
                "It does not answer, or not as it should. Try again later, or sign in with account and password.",
            ),
        ),
        Error::Refused { .. } | Error::Jws(_) | Error::Claim(_) => (
            "/problems/provider-not-believed",
            Both::new("身份未能确认", "Your identity could not be confirmed"),
            Both::new(
                "统一身份认证系统返回的凭据未通过核验，本次未予登录。请重新登录；如仍不成功，请联系管理员。",
                "What the identity provider answered did not pass the checks, so you were not signed in. Sign in again, or \
                 tell your administrator.",
            ),
        ),
    };
    Problem::new(type_, StatusCode::BAD_GATEWAY, title, detail)
}
