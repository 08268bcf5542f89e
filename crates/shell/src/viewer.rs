//! Who is looking, what they may do, and that a form came from our own page.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use access::{Actor, Decision, Resource, Scope, decide};
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base::limits::{BODY_OF_NOBODY_BYTES_MAX, EVIDENCE_BYTES_MAX};
use base::{ActorId, BookId, UnitCode};
use http_body_util::Limited;
use kernel::{By, Session};

use crate::app::{App, append_problem};
use crate::csrf;
use crate::once::Sent;
use crate::pages::{From, provider};
use crate::problem::{Form, Problem};
use crate::still::{STILL, Still};
pub use crate::still::{let_in_now, still_let_in};
use crate::texts::{Both, Lang};
use crate::view::{Frame, NavItem};

/// The name of the session's cookie.
pub const COOKIE: &str = "taizhang_session";

/// Bytes of an address that somebody asks for who has not signed in.
const ADDRESS_OF_NOBODY_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a form that are read: a file that is somewhat too large is refused beside its field, with what was typed.
pub const FORM_BYTES_MAX: usize = 4 * EVIDENCE_BYTES_MAX + 64 * 1024;

/// Who is looking at a page or calling the API.
#[derive(Debug, Clone)]
pub enum Viewer {
    Nobody,
    /// Somebody who signed in with a browser.
    Person(Arc<Session>),
    /// A program or device with a credential.
    Program(Arc<Actor>),
}

impl Viewer {
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Nobody => None,
            Self::Person(session) => Some(&session.actor),
            Self::Program(actor) => Some(actor),
        }
    }

    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::Person(session) => Some(session),
            _ => None,
        }
    }

    /// Who an entry will name; a shopper who is not signed in is `public:web`.
    pub fn id(&self) -> ActorId {
        match self.actor() {
            Some(actor) => actor.id.clone(),
            None => ActorId::new("public:web").expect("a valid identifier"),
        }
    }

    /// Who administers, from which session, and under which key if the same request may come again.
    pub fn by(&self, sent: Option<&Sent>) -> By {
        let by = match sent {
            Some(Sent { key, digest }) => By::once(self.id(), key.clone(), digest.clone()),
            None => By::from(&self.id()),
        };
        match self.session() {
            Some(session) => by.from_session(session),
            None => by,
        }
    }

    /// Whether the action is allowed on the resource. Every decision of the web goes through here.
    pub fn allows(&self, app: &App, action: &str, resource: &Resource) -> bool {
        let tree = app.tree();
        let nobody = Actor { id: self.id(), grants: Vec::new() };
        let actor = self.actor().unwrap_or(&nobody);
        let decision = decide(app.kernel.policy(), &tree, actor, action, resource);
        matches!(decision, Decision::Allow { .. })
    }

    /// Whether it is the same one, let in by the same and with the same rights.
    pub fn is(&self, other: &Self) -> bool {
        let same = |a: &Actor, b: &Actor| a.id == b.id && a.grants == b.grants;
        match (self, other) {
            (Self::Nobody, Self::Nobody) => true,
            (Self::Person(a), Self::Person(b)) => {
                a.hash == b.hash && a.must_change == b.must_change && same(&a.actor, &b.actor)
            }
            (Self::Program(a), Self::Program(b)) => same(a, b),
            _ => false,
        }
    }

    /// Refuses what is not allowed: 401 for somebody unknown, 403 for somebody known.
    pub fn need(&self, app: &App, action: &str, resource: &Resource) -> Result<(), Problem> {
        if self.allows(app, action, resource) {
            return Ok(());
        }
        let title =
            app.kernel.policy().action(action).map_or((action, action), |it| (it.title_zh, it.title_en));
        Err(match self {
            Self::Nobody => Problem::unauthorized(),
            _ => Problem::forbidden(Both::new(
                format!("您没有“{}”的权限。如确需办理，请联系本单位管理员。", title.0),
                format!("you may not: {}; ask your unit's administrator for the role", title.1),
            ))
            .member("action", action),
        })
    }

    /// Refuses unless one of the actions is allowed.
    pub fn need_any(&self, app: &App, actions: &[&str], resource: &Resource) -> Result<(), Problem> {
        if actions.iter().any(|action| self.allows(app, action, resource)) {
            return Ok(());
        }
        self.need(app, actions.first().copied().unwrap_or_default(), resource)
    }

    /// Where an action is allowed to the viewer without being an owner. Refuses who may do it nowhere.
    pub fn need_somewhere(&self, app: &App, action: &str) -> Result<Scope, Problem> {
        let tree = app.tree();
        let nobody = Actor { id: self.id(), grants: Vec::new() };
        let scope = access::scope(app.kernel.policy(), &tree, self.actor().unwrap_or(&nobody), action);
        if scope.is_empty() {
            self.need_at_root(app, action)?;
        }
        Ok(scope)
    }

    /// Refuses who may not do an action with the whole installation.
    pub fn need_at_root(&self, app: &App, action: &str) -> Result<(), Problem> {
        let tree = app.tree();
        self.need(app, action, &Resource::of(tree.root().ok_or_else(Problem::not_found)?))
    }

    /// Notes who reads what is restricted, for each part of the org tree that is shown; what lies within another is noted with
    /// that one. What cannot be noted is not shown.
    pub async fn note_read(&self, app: &App, scope: &Scope, what: &str) -> Result<(), Problem> {
        let (tree, all) = (app.tree(), scope.sights());
        let roots: BTreeSet<&UnitCode> = all.iter().map(|sight| &sight.root).collect();
        let is_within = |unit: &UnitCode| tree.ancestors(unit).iter().any(|above| roots.contains(above));
        let units = roots.iter().filter(|unit| !is_within(unit)).map(|unit| (*unit).clone()).collect();
        self.note(app, units, what.to_owned()).await
    }

    /// Notes who reads what is restricted of one unit.
    pub async fn note_read_of(&self, app: &App, unit: &UnitCode, what: &str) -> Result<(), Problem> {
        self.note(app, vec![unit.clone()], what.to_owned()).await
    }

    async fn note(&self, app: &App, units: Vec<UnitCode>, what: String) -> Result<(), Problem> {
        let who = self.id();
        app.limits.read(&who, units.len())?;
        let noted = app.blocking(move |kernel| Ok::<_, Problem>(kernel.log_read(&who, &units, &what)));
        noted.await?.map_err(|error| append_problem(error, |()| Problem::internal()))
    }

    /// The books of a line in which an action is allowed to the viewer without being an owner.
    pub fn books(&self, app: &App, action: &str, line: &str) -> Result<Vec<BookId>, Problem> {
        let tree = app.tree();
        let Some(actor) = self.actor() else { return Ok(Vec::new()) };
        Ok(access::scope(app.kernel.policy(), &tree, actor, action).books(&tree, Some(line)))
    }

    /// The frame of a page for this viewer.
    pub fn frame(&self, app: &App, lang: Lang, title: impl Into<String>, path_and_query: &str) -> Frame {
        let t = app.texts.t(lang);
        let mut frame = Frame::new(t.clone(), title, path_and_query);
        frame.key = crate::once::key(app.kernel.now());
        frame.is_demonstration = app.site.demonstration;
        if let Some(session) = self.session() {
            frame.csrf = csrf::masked(&session.csrf);
            frame.viewer_name = Some(session.title.clone());
            let path = path_and_query.split('?').next().unwrap_or_default();
            let tree = app.tree();
            // A line has a place in the navigation of those who may do something in it, and where it keeps a book.
            let open = |action: &str| {
                let scope = access::scope(app.kernel.policy(), &tree, &session.actor, action);
                let line = Some(crate::said::line(action)).filter(|line| *line != "kernel");
                let is_own = scope.sights().iter().any(|sight| sight.owner.is_some());
                let kept = |line| is_own || !scope.books(&tree, Some(line)).is_empty();
                !scope.is_empty() && line.is_none_or(kept)
            };
            // What somebody answers for in a line stands below it.
            let path = path.strip_prefix("/my").unwrap_or(path);
            frame.nav = app
                .nav
                .iter()
                .filter(|entry| open(entry.action))
                .map(|entry| NavItem {
                    title: t.get(entry.title),
                    href: entry.href.to_owned(),
                    current: path == entry.href || path.starts_with(&format!("{}/", entry.href)),
                })
                .collect();
        }
        frame
    }
}

/// The unit that keeps a book, as a resource of the book's line.
pub fn resource_of(app: &App, book: &BookId) -> Result<Resource, Problem> {
    let tree = app.tree();
    let unit = tree.unit_of_book(book).ok_or_else(Problem::not_found)?;
    let resource = Resource::of(unit);
    Ok(match tree.book(book).map(|book| book.line.clone()) {
        Some(line) => resource.in_line(line),
        None => resource,
    })
}

/// A unit that exists, as a resource.
pub fn resource_of_unit(app: &App, unit: &str) -> Result<Resource, Problem> {
    let unit = UnitCode::new(unit).map_err(|_| Problem::not_found())?;
    app.tree().unit(&unit).ok_or_else(Problem::not_found)?;
    Ok(Resource::of(&unit))
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self::Nobody))
    }
}

/// The language of the page or answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked(pub Lang);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(crate::problem::asked_lang(&parts.uri, &parts.headers)))
    }
}

/// The address of a page, for links that come back to it.
#[derive(Debug, Clone)]
pub struct Here(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parts.uri.path_and_query().map_or("/", |address| address.as_str()).to_owned()))
    }
}

/// One of the public requests that an address has a minute: what anybody may ask for takes it before all else.
#[derive(Debug, Clone, Copy)]
pub struct Public;

impl FromRequestParts<App> for Public {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let From(address) = *parts.extensions.get::<From>().ok_or_else(Problem::internal)?;
        app.limits.public(address).map(|()| Self)
    }
}

/// Where a request came from, as far as limits tell callers apart.
pub fn caller(app: &App, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<std::net::SocketAddr>>();
    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip());
    crate::caller::caller(peer, request.headers(), &app.site.trusted_proxies)
}

/// The layer that finds out who is looking, once a request, and refuses forms that another site sent.
pub async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = crate::extract::check_address(request.uri()) {
        return problem.into_response();
    }
    let since = Instant::now();
    let unattended = by_itself(request.uri().path(), request.headers());
    let (viewer, root) = match find(&app, request.headers(), unattended).await {
        Ok(found) => found,
        Err(problem) => return problem.into_response(),
    };
    // Whoever is not known has no reason to ask for much, and what is wrong with an address is said with it.
    if viewer.actor().is_none() && request.uri().to_string().len() > ADDRESS_OF_NOBODY_BYTES_MAX {
        return Problem::uri_too_long(ADDRESS_OF_NOBODY_BYTES_MAX).into_response();
    }
    let still = viewer.actor().map(|_| Still::of(&app, request.headers(), (&viewer, root), since));
    let is_program = matches!(viewer, Viewer::Program(_));
    if !is_program
        && let Err(problem) = crate::origin::check(&app.site.base_url, request.method(), request.headers())
    {
        return problem.into_response();
    }
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // As long as the body is in hand.
    let length = crate::extract::length(&request);
    let is_long = length > BODY_OF_NOBODY_BYTES_MAX;
    if is_long && crate::turns::own_session(&viewer, request.uri().path()).is_some() {
        return Problem::too_large(BODY_OF_NOBODY_BYTES_MAX as u64).into_response();
    }
    let turn = match viewer.actor() {
        Some(actor) if is_long => app.limits.turns.to_bring(actor.id.as_str(), length).await.map(Some),
        Some(_) => Ok(None),
        // Little of it is kept, but it may come slowly.
        None if !safe => {
            app.limits.turns.to_bring(&format!("address {}", caller(&app, &request)), 1).await.map(Some)
        }
        None => Ok(None),
    };
    let _turn = match turn {
        Ok(turn) => turn,
        Err(problem) => return problem.into_response(),
    };
    // No more is read than was reckoned with, whatever the handler would take and whatever was said of its length.
    request = request.map(|body| Body::new(Limited::new(body, length)));
    if !safe && matches!(viewer, Viewer::Nobody) {
        request = match crate::extract::of_nobody(request).await {
            Ok(request) => request,
            Err(problem) => return problem.into_response(),
        };
    }
    // Who signs in need not have signed out; that no other site sent the form is asked above.
    let is_sign_in = matches!(request.uri().path(), "/sign-in" | "/sign-in/code");
    let token = viewer.session().filter(|_| !is_sign_in).map(|session| session.csrf.clone());
    if let Some(still) = still.as_ref().filter(|_| !safe) {
        let read = match csrf::checked(request, token.as_deref()).await {
            Ok(request) => crate::extract::of_somebody(request).await,
            refused => refused,
        };
        request = match still.check().await.and(read) {
            Ok(request) => request,
            Err(problem) => return problem.into_response(),
        };
    }
    if let Viewer::Person(session) = &viewer {
        let path = request.uri().path();
        let free = path.starts_with("/assets/")
            || matches!(path, "/account/password" | "/sign-out" | provider::THERE | provider::BACK);
        if session.must_change && !free {
            if Form::negotiate(request.headers()) == Form::Json {
                return must_change_first().into_response();
            }
            return Redirect::to("/account/password").into_response();
        }
    }
    let lang = crate::problem::asked_lang(request.uri(), request.headers());
    let chosen =
        request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("lang=")));
    request.extensions_mut().insert(viewer);
    let mut response = match still {
        Some(still) => STILL.scope(still, next.run(request)).await,
        None => next.run(request).await,
    };
    if chosen
        && let Ok(cookie) = format!("lang={}; Path=/; Max-Age=31536000; SameSite=Lax", lang.tag()).parse()
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Nothing is done with a one-time password but to change it.
fn must_change_first() -> Problem {
    Problem::forbidden(Both::new(
        "首次登录须先修改一次性密码，修改后方可使用。",
        "the one-time password must be changed first, at /account/password",
    ))
}

/// Finds out who asks, and looks at the registry once, so that everything after may rely on what is in memory; tells how far the
/// root book was.
pub async fn find(app: &App, headers: &HeaderMap, unattended: bool) -> Result<(Viewer, i64), Problem> {
    let credential = bearer(headers)?;
    let secret = cookie(headers, COOKIE).map(str::to_owned);
    let viewer = app.blocking(move |kernel| {
        let root = kernel.root_known()?;
        let session = |secret: &str| match unattended {
            true => kernel.unattended_session(secret),
            false => kernel.session(secret),
        };
        let viewer = match (&credential, &secret) {
            (Some(credential), _) => {
                kernel.authenticate_bearer(credential)?.map(|actor| Viewer::Program(Arc::new(actor)))
            }
            (None, Some(secret)) => {
                Some(session(secret)?.map_or(Viewer::Nobody, |session| Viewer::Person(Arc::new(session))))
            }
            (None, None) => Some(Viewer::Nobody),
        };
        Ok::<_, store::StoreError>(viewer.map(|viewer| (viewer, root)))
    });
    viewer.await?.ok_or_else(Problem::unauthorized)
}

/// The credential that a program or device shows.
pub fn bearer(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let bearer = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).map(str::to_owned);
    bearer.map(Some).ok_or_else(Problem::unauthorized)
}

/// Whether an open page asks by itself: for a stream, for what has changed, or for all of itself as a wall does without its script.
fn by_itself(path: &str, headers: &HeaderMap) -> bool {
    if path.starts_with("/wall/") {
        return true;
    }
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.contains("text/event-stream") || Form::negotiate(headers) == Form::Notice
}

/// A cookie's value.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|all| all.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name).then_some(value))
}

/// The layer that sends a browser which is not signed in to the sign-in page instead of an error.
pub async fn ask_to_sign_in(request: Request, next: Next) -> Response {
    let wanted = request.uri().path_and_query().map_or("/", |address| address.as_str()).to_owned();
    let page = request.method() == Method::GET && Form::negotiate(request.headers()) == Form::Page;
    let known = request.extensions().get::<Viewer>().is_some_and(|viewer| viewer.actor().is_some());
    let response = next.run(request).await;
    if page && !known && response.status() == axum::http::StatusCode::UNAUTHORIZED {
        let next: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        return Redirect::to(&format!("/sign-in?next={next}")).into_response();
    }
    response
}
