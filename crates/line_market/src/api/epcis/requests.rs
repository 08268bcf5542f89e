//! What requests have in common: which book they mean, which formats they speak, and their parameters.

use std::borrow::Cow;
use std::sync::Arc;

use access::{Decision, Permission, Resource};
use axum::http::{HeaderMap, HeaderName, Uri, header};
use base::{ActorId, BookId, SubjectId};
use epcis::{Context, EpcisError, Rule};
use shell::viewer::Viewer;
use shell::{App, Both, Problem};
use store::StoreError;

use super::answers::{self, not_acceptable};
use crate::api::market;
use crate::epcis_events::{Sender, Sight, standing};
use crate::policy::{CAPTURE, OVERSEE, QUERY};

/// Media types of documents and events, both ways.
const JSON: [&str; 2] = ["application/json", "application/ld+json"];

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
        Decision::Allow { by } => by.and_then(|grant| grant.subject),
        Decision::Deny { .. } => None,
    })
}

/// Whose the queries, subscriptions and page tokens of a viewer are: those of the subject on whose behalf it asks, so that
/// they outlive a credential, or its own.
pub fn owner(app: &App, viewer: &Viewer) -> String {
    let policy = app.kernel.policy();
    let grants = viewer.actor().into_iter().flat_map(|actor| &actor.grants);
    let subjects = grants.filter(|grant| policy.permission(&grant.role, QUERY) != Permission::None);
    let subject = subjects.filter_map(|grant| grant.subject.as_ref()).next();
    subject.map_or_else(|| viewer.id().to_string(), ToString::to_string)
}

/// Somebody as they are now; `None` if they are no longer.
pub fn as_of_now(app: &App, actor: &ActorId) -> Result<Option<Viewer>, StoreError> {
    app.kernel.tree()?;
    Ok(app.kernel.actor(actor)?.map(|actor| Viewer::Program(Arc::new(actor))))
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

/// Refuses a body that is neither JSON nor JSON-LD.
pub fn need_json(headers: &HeaderMap) -> Result<(), Problem> {
    let media = essence(text(headers, &header::CONTENT_TYPE).unwrap_or_default());
    if JSON.contains(&media.as_str()) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type("application/json, application/ld+json"))
}

/// The prefixes that a request defines, `GS1-Extensions: ex=https://ns.example/, other=...`, for the names of parameters.
pub fn prefixes(headers: &HeaderMap) -> Context {
    standing::context(headers.get_all(answers::EXTENSIONS).iter().filter_map(|value| value.to_str().ok()))
}

/// The media type to answer in, and that the versions and formats asked for are the ones spoken here.
pub fn answer_type(headers: &HeaderMap) -> Result<&'static str, Problem> {
    need_version(headers)?;
    let Some(accept) = text(headers, &header::ACCEPT) else { return Ok(JSON[0]) };
    for range in accept.split(',').map(essence) {
        match range.as_str() {
            "application/ld+json" => return Ok(JSON[1]),
            "application/json" | "application/*" | "*/*" | "" => return Ok(JSON[0]),
            _ => {}
        }
    }
    Err(not_acceptable(Both::new(
        "此处只以 application/json 或 application/ld+json 答复。",
        "answers are application/json or application/ld+json",
    )))
}

/// Refuses versions other than 2.0, and translations of identifiers, which are given back as they came.
pub fn need_version(headers: &HeaderMap) -> Result<(), Problem> {
    let spoken = [2, 0, 0];
    for (name, fits) in [
        (answers::EPCIS_VERSION, (|asked, spoken| asked == spoken) as fn([u32; 3], [u32; 3]) -> bool),
        (answers::CBV_VERSION, |asked, spoken| asked == spoken),
        (answers::EPCIS_MIN, |asked, spoken| asked <= spoken),
        (answers::CBV_MIN, |asked, spoken| asked <= spoken),
        (answers::EPCIS_MAX, |asked, spoken| asked >= spoken),
        (answers::CBV_MAX, |asked, spoken| asked >= spoken),
    ] {
        let Some(asked) = text(headers, &name) else { continue };
        if !version(asked).is_some_and(|asked| fits(asked, spoken)) {
            let zh = format!("此处只提供 EPCIS 2.0 与 CBV 2.0（请求头 {name}: {asked}）。");
            let en = format!("EPCIS 2.0 and CBV 2.0 are spoken here, which {name}: {asked} excludes");
            return Err(Problem { field: Some(name.to_string()), ..not_acceptable(Both::new(zh, en)) });
        }
    }
    match text(headers, &answers::EPC_FORMAT) {
        None | Some("No_Preference" | "Never_Translates") => Ok(()),
        Some(asked) => {
            let zh = format!("标识按收到的写法返回，不作转换（请求头 GS1-EPC-Format: {asked}）。");
            let en = format!("identifiers are given back as they came; {asked} is not served");
            let field = answers::EPC_FORMAT.to_string();
            Err(Problem { field: Some(field), ..not_acceptable(Both::new(zh, en)) })
        }
    }
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

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    // What is no text is nothing that is known here.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
