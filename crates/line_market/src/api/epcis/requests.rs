//! What requests have in common: which book they mean, which formats they speak, and their parameters.

use std::borrow::Cow;
use std::sync::Arc;

use access::{Actor, Decision, Grant, Permission, Policy, Resource};
use axum::http::{HeaderMap, HeaderName, Uri};
use base::{ActorId, BookId, Seq, SubjectId, UnitCode};
use epcis::{Context, EpcisError, Rule};
use shell::viewer::Viewer;
use shell::{App, Both, Problem};
use store::StoreError;

use super::answers::{self, not_acceptable};
use super::formats::Media;
use crate::api::market;
use crate::epcis_events::{Sender, Sight, standing};
use crate::policy::{CAPTURE, OVERSEE, QUERY};

/// The parameters of an address, decoded. `+` stands for itself, as in an offset; no value holds a space.
#[derive(Clone)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let query = if query.contains('+') { Cow::Owned(query.replace('+', "%2B")) } else { query.into() };
        // The language of problems is for the shell to read.
        let pairs = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "lang");
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// Takes a parameter out; the last one, if there are several.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let mut taken = None;
        self.0.retain_mut(|(known, value)| {
            let is_it = known == name;
            if is_it {
                taken = Some(std::mem::take(value));
            }
            !is_it
        });
        taken
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The `Link` to the next page of the same list.
    pub fn next_page(mut self, app: &App, path: &str, token: &str) -> String {
        const TOKEN: &str = "nextPageToken";
        self.take(TOKEN);
        let pairs = self.pairs().chain([(TOKEN, token)]);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("<{}{path}?{query}>; rel=\"next\"", app.site.base_url)
    }

    /// The parameters in one order, whatever the one that they came in.
    pub fn sorted(mut self) -> String {
        self.0.sort();
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish()
    }

    /// Refuses a parameter that has no place here.
    pub fn refuse(&self, name: &str) -> Result<(), Problem> {
        match self.0.iter().any(|(known, _)| known == name) {
            true => Err(unknown(name)),
            false => Ok(()),
        }
    }

    /// Refuses what was not taken out.
    pub fn end(self) -> Result<(), Problem> {
        self.0.first().map_or(Ok(()), |(name, _)| Err(unknown(name)))
    }
}

fn unknown(name: &str) -> Problem {
    answers::rule_problem(EpcisError { path: name.to_owned(), rule: Rule::UnknownParameter })
}

/// The one book that a document goes to: the one that is named, or the only one that may be captured into.
pub fn book_to_capture(app: &App, viewer: &Viewer, named: Option<&str>) -> Result<BookId, Problem> {
    let mut books = books(app, viewer, CAPTURE, named)?;
    if books.len() > 1 {
        let detail = Both::new(
            "此凭证可写入多个市场，请以参数 book 指明账册。",
            "this credential may capture into several books; name one with the parameter book",
        );
        let names: Vec<&str> = books.iter().map(BookId::as_str).collect();
        return Err(Problem::bad_request("book", "ambiguous", detail).member("books", names));
    }
    Ok(books.remove(0))
}

/// The market books in which an action is allowed, at least one; or the named one alone.
pub fn books(app: &App, viewer: &Viewer, action: &str, named: Option<&str>) -> Result<Vec<BookId>, Problem> {
    if let Some(named) = named {
        let (book, resource) = market(app, named)?;
        viewer.need(app, action, &resource)?;
        return Ok(vec![book]);
    }
    let books = viewer.books(app, action, "market")?;
    if books.is_empty() {
        let root = app.tree().root().cloned().ok_or_else(Problem::not_found)?;
        viewer.need(app, action, &Resource::of(&root))?;
        return Err(Problem::forbidden(Both::new(
            "您的权限范围内没有市场账册。",
            "there is no market in the part of the city that you may act for",
        )));
    }
    Ok(books)
}

/// The named book, if the action is allowed there; without a name the action must be allowed in some book.
pub fn book_of(
    app: &App,
    viewer: &Viewer,
    action: &str,
    named: Option<&str>,
) -> Result<Option<BookId>, Problem> {
    let mut books = books(app, viewer, action, named)?;
    Ok(named.map(|_| books.remove(0)))
}

/// Who sends to a book: the viewer, on behalf of the subject of the grant that allows it.
pub fn sender(app: &App, viewer: &Viewer, book: &BookId) -> Result<Sender, Problem> {
    Ok(Sender { actor: viewer.id(), behalf: behalf(app, viewer, CAPTURE, book)? })
}

fn behalf(app: &App, viewer: &Viewer, action: &str, book: &BookId) -> Result<Option<SubjectId>, Problem> {
    let (_, resource) = market(app, book.as_str())?;
    let Some(actor) = viewer.actor() else { return Ok(None) };
    Ok(match access::decide(app.kernel.policy(), &app.tree(), actor, action, &resource) {
        Decision::Allow { by } => by.and_then(|grant| on_behalf(app.kernel.policy(), &grant).cloned()),
        Decision::Deny { .. } => None,
    })
}

/// Whose the queries, subscriptions and page tokens of a viewer are: those of the subject on whose behalf it asks, so that
/// they outlive a credential, or its own. Whom a subject names is for the unit to say where that was granted; elsewhere
/// the same name is somebody else.
pub fn owner(app: &App, viewer: &Viewer) -> String {
    let policy = app.kernel.policy();
    let grants = viewer.actor().into_iter().flat_map(|actor| &actor.grants);
    let mut asking = grants.filter(|grant| policy.permission(&grant.role, QUERY) != Permission::None);
    // A space stands in no subject, no unit and no actor.
    let of_grant = |grant: &Grant| Some(format!("{} {}", grant.unit, on_behalf(policy, grant)?));
    asking.find_map(of_grant).unwrap_or_else(|| viewer.id().to_string())
}

/// The unit on which somebody was granted to ask, by the first grant that says so.
pub fn asking_unit(app: &App, viewer: &Viewer) -> Option<UnitCode> {
    let policy = app.kernel.policy();
    let mut grants = viewer.actor()?.grants.iter();
    grants.find(|grant| policy.permission(&grant.role, QUERY) != Permission::None).map(|it| it.unit.clone())
}

/// On whose behalf a grant is; one that names an actor, from before that was refused, is on nobody's.
fn on_behalf<'g>(policy: &Policy, grant: &'g Grant) -> Option<&'g SubjectId> {
    grant.subject.as_ref().filter(|subject| policy.may_act_for(&grant.role, subject))
}

/// Somebody as they are now; `None` if they are no longer.
pub fn as_of_now(app: &App, actor: &ActorId) -> Result<Option<Viewer>, StoreError> {
    app.kernel.tree()?;
    Ok(app.kernel.actor(actor)?.map(|actor| Viewer::Program(Arc::new(actor))))
}

/// Whether somebody has been able to do something ever since a number of the root book: neither was what opens their account or
/// device changed, nor the right taken away, though it may be there again.
pub fn has_been_able(
    app: &App,
    actor: &ActorId,
    since: Seq,
    may: impl Fn(&Viewer) -> bool,
) -> Result<bool, StoreError> {
    if app.kernel.credential_since(actor)?.is_some_and(|(changed, _)| changed >= since) {
        return Ok(false);
    }
    let left = app.kernel.grants_left_since(actor, since)?;
    let with = |grants| Viewer::Program(Arc::new(Actor { id: actor.clone(), grants }));
    Ok(left.into_iter().all(|grants| may(&with(grants))))
}

/// The market books in which an action is allowed, at least one, or the named one alone; and whose events in each may be
/// seen.
pub fn sights(app: &App, viewer: &Viewer, action: &str, named: Option<&str>) -> Result<Vec<Sight>, Problem> {
    let sight = |book: BookId| {
        let (book, resource) = market(app, book.as_str())?;
        if viewer.allows(app, OVERSEE, &resource) {
            return Ok(Sight { book, senders: None });
        }
        let behalf = behalf(app, viewer, action, &book)?.map(|subject| subject.to_string());
        let senders = behalf.into_iter().chain([viewer.id().to_string()]).collect();
        Ok(Sight { book, senders: Some(senders) })
    };
    books(app, viewer, action, named)?.into_iter().map(sight).collect()
}

/// The prefixes that a request defines, `GS1-Extensions: ex=https://ns.example/, other=...`, for the names of parameters.
pub fn prefixes(headers: &HeaderMap) -> Context {
    standing::context(headers.get_all(answers::EXTENSIONS).iter().filter_map(|value| value.to_str().ok()))
}

/// The media type of an answer that has no form in XML, and that the versions asked for are the ones spoken here.
pub fn answer_type(headers: &HeaderMap) -> Result<Media, Problem> {
    need_version(headers)?;
    Media::of_answer(headers, Media::JSON_ALONE)
}

/// The same for an answer that has one, or no body.
pub fn any_type(headers: &HeaderMap) -> Result<Media, Problem> {
    need_version(headers)?;
    Media::of_answer(headers, Media::ALL)
}

/// Refuses versions other than 2.0.
pub fn need_version(headers: &HeaderMap) -> Result<(), Problem> {
    need_versions(headers, VERSION_SPOKEN)
}

/// Refuses versions of a document from before the oldest that is read.
pub fn need_version_of_body(headers: &HeaderMap, media: Media) -> Result<(), Problem> {
    need_versions(headers, if media.is_xml() { VERSION_READ_IN_XML } else { VERSION_SPOKEN })
}

const VERSION_SPOKEN: [u32; 3] = [2, 0, 0];
/// JSON came with 2.0.
const VERSION_READ_IN_XML: [u32; 3] = [1, 0, 0];

fn need_versions(headers: &HeaderMap, oldest: [u32; 3]) -> Result<(), Problem> {
    let is_between = |asked: [u32; 3]| (oldest..=VERSION_SPOKEN).contains(&asked);
    for name in [answers::EPCIS_VERSION, answers::CBV_VERSION] {
        need(headers, &name, is_between)?;
    }
    for name in [answers::EPCIS_MIN, answers::CBV_MIN] {
        need(headers, &name, |asked| asked <= VERSION_SPOKEN)?;
    }
    for name in [answers::EPCIS_MAX, answers::CBV_MAX] {
        need(headers, &name, |asked| asked >= oldest)?;
    }
    Ok(())
}

fn need(headers: &HeaderMap, name: &HeaderName, fits: impl Fn([u32; 3]) -> bool) -> Result<(), Problem> {
    let Some(asked) = text(headers, name) else { return Ok(()) };
    if version(asked).is_some_and(fits) {
        return Ok(());
    }
    let zh = format!("此处只提供 EPCIS 2.0 与 CBV 2.0（请求头 {name}: {asked}）。");
    let en = format!("EPCIS 2.0 and CBV 2.0 are spoken here, which {name}: {asked} excludes");
    Err(Problem { field: Some(name.to_string()), ..not_acceptable(Both::new(zh, en)) })
}

/// `2`, `2.0` and `2.0.0` are one version.
fn version(text: &str) -> Option<[u32; 3]> {
    let mut numbers = [0; 3];
    let parts: Vec<&str> = text.trim().split('.').collect();
    for (at, part) in parts.iter().enumerate() {
        *numbers.get_mut(at)? = part.parse().ok()?;
    }
    Some(numbers)
}

/// The text of a header.
pub fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    // What is no text is nothing that is known here.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}
