//! Things of the house in events and master data of others: what may be said of them, whatever spelling names them.

use base::{BookId, SubjectId};
use epcis::context::{MEANINGS_MAX, is_member};
use epcis::digital_link::CANONICAL_BASE;
use epcis::{Context, Event, urn};
use serde_json::Value;

use super::Element;
use crate::epcis_events::{DECLARATION, own_id};
use crate::kinds::SlipSerial;
use crate::refusal::{Code, Refusal};

/// What things of the house are, before the name of their book.
const OWN_SCHEMES: &[&str] = &[
    "account",
    "assistance",
    "complaint",
    "entry",
    "lot",
    "matter",
    "merchant",
    "place",
    "post",
    "product",
    "programme",
    "project",
    "proxy",
    "scale",
    "slip",
    "stall",
];

/// What an event names: where, by which identifier, and what it makes of it; none for what is no thing of the event.
struct Named<'e> {
    member: &'e str,
    id: &'e str,
    role: Option<epcis::Role>,
}

/// All that an event names, but by its own ID and in members of others.
fn named(event: &Event) -> Vec<Named<'_>> {
    const NO_IDENTIFIERS: &[&str] = &["eventID", "stringValue", "type"];
    fn walk<'e>(member: &'e str, value: &'e Value, found: &mut Vec<Named<'e>>) {
        match value {
            Value::String(id) if id.contains(':') => found.push(Named { member, id, role: None }),
            Value::Array(items) => items.iter().for_each(|item| walk(member, item, found)),
            Value::Object(members) => {
                let known = |name: &str| is_member(name) && !NO_IDENTIFIERS.contains(&name);
                members
                    .iter()
                    .filter(|(name, _)| known(name))
                    .for_each(|(_, value)| walk(member, value, found));
            }
            _ => {}
        }
    }
    let things = event.what.iter();
    let mut found: Vec<Named<'_>> =
        things.map(|what| Named { member: what.member, id: &what.id, role: Some(what.role) }).collect();
    let is_thing = |name: &str| event.what.iter().any(|what| what.member == name);
    for (name, value) in &event.raw {
        if is_member(name) && !NO_IDENTIFIERS.contains(&name.as_str()) && !is_thing(name) {
            walk(name, value, &mut found);
        }
    }
    found
}

/// What an event of others claims of the things of the house. Of its lots others may tell that they were seen, or went into
/// something else; where those come from, what they are packed in and what is sold of them is for our own entries to say,
/// or a forged event would turn traces, recalls and the counters of scales. Whatever else is kept here (matters, stalls,
/// posts) others do not name at all: what is told of it is its history.
pub fn claimed(event: &Event, terms: &Context, is_kept: &dyn Fn(&BookId) -> bool) -> Option<Refusal> {
    let terms = terms.with(event.raw.get("@context"));
    let of_id = event.event_id.as_deref().and_then(|id| {
        let (book, seq) = terms.meanings(id).find_map(|id| own_id(&with_plain_scheme(&id)))?;
        let detail = format!("names entry {seq} of the book {book}, which only that book tells");
        let code = if is_kept(&book) { Code::Exists } else { Code::OwnSubject };
        Some(Refusal::new(code, "eventID", detail))
    });
    let of_id = of_id.or_else(|| {
        let id = event.event_id.as_deref().filter(|id| id.ends_with(DECLARATION))?;
        let detail = format!("{id} ends as the names of error declarations do here");
        Some(Refusal::new(Code::Body, "eventID", detail))
    });
    let of_id = of_id.or_else(|| {
        event.event_id.as_deref().and_then(|id| refused("eventID", id, &terms, is_kept, &|_| false))
    });
    of_id.or_else(|| {
        named(event).iter().find_map(|Named { member, id, role }| {
            let may = |id: &SubjectId| {
                matches!(role, Some(epcis::Role::Input | epcis::Role::About)) && id.scheme() == "lot"
            };
            refused(member, id, &terms, is_kept, &may)
        })
    })
}

/// What an element of master data claims to describe, or to hold, of the house.
pub fn described(element: &Element, terms: &Context, is_kept: &dyn Fn(&BookId) -> bool) -> Option<Refusal> {
    element.named().find_map(|id| refused(&element.path, id, terms, is_kept, &|_| false))
}

/// The refusal of an identifier that is one of the house under some spelling, unless it may stand there.
fn refused(
    member: &str,
    written: &str,
    terms: &Context,
    is_kept: &dyn Fn(&BookId) -> bool,
    may: &dyn Fn(&SubjectId) -> bool,
) -> Option<Refusal> {
    for (at, id) in terms.meanings(written).enumerate() {
        if at == MEANINGS_MAX {
            let detail = "its prefix stands for another one, and so on without an end";
            return Some(Refusal::new(Code::Body, member, detail));
        }
        // What may stand there stands under its own name, by which it is counted.
        if let Some(id) = own(&id, is_kept).filter(|id| !may(id) || id.as_str() != written) {
            let detail =
                format!("{id} is named as what is kept here: only the entries of its book tell this of it");
            return Some(Refusal::new(Code::OwnSubject, member, detail));
        }
    }
    None
}

/// A thing of the house, by its name, whether or not its book is there yet: what is told of it before would be found in it
/// then. What has a canonical form besides itself, a URN or link, is none.
fn own(id: &str, is_kept: &dyn Fn(&BookId) -> bool) -> Option<SubjectId> {
    // Nearly all are links and URNs.
    if id.starts_with("https:") || id.starts_with("urn:") || !id.contains('/') {
        return None;
    }
    let id = SubjectId::new(with_plain_scheme(id)).ok()?;
    let home = BookId::new(id.home()?).ok()?;
    (OWN_SCHEMES.contains(&id.scheme()) || is_kept(&home)).then_some(id)
}

/// A URI with its scheme, and the kind of a URN, in small letters, since their case means nothing (RFC 3986, section 6.2.2.1).
fn with_plain_scheme(uri: &str) -> String {
    let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
    let scheme = scheme.to_ascii_lowercase();
    match rest.split_once(':').filter(|_| scheme == "urn") {
        Some((kind, rest)) => format!("urn:{}:{rest}", kind.to_ascii_lowercase()),
        None => format!("{scheme}:{rest}"),
    }
}

/// What may be slips in an event: their GTINs, and where they stand.
pub fn slips(event: &Event, terms: &Context) -> Vec<(String, String)> {
    let terms = terms.with(event.raw.get("@context"));
    let of = |named: &Named<'_>| {
        let gtin = terms.meanings(named.id).find_map(|id| slip_gtin(&id))?;
        Some((gtin, named.member.to_owned()))
    };
    let own = event.event_id.as_deref().map(|id| Named { member: "eventID", id, role: None });
    named(event).iter().chain(&own).filter_map(of).collect()
}

/// The same in an element of master data.
pub fn slips_of_element(element: &Element, terms: &Context) -> Vec<(String, String)> {
    let gtin = |id| terms.meanings(id).find_map(|id| slip_gtin(&id));
    element.named().filter_map(gtin).map(|gtin| (gtin, element.path.clone())).collect()
}

/// The GTIN of what looks like a slip, a link or URN with a serial: judged as it would be kept, since links have the same in
/// several words.
fn slip_gtin(id: &str) -> Option<String> {
    let plain = with_plain_scheme(id);
    let canonical = urn::canonical(&plain);
    let (gtin, serial) = canonical.strip_prefix(CANONICAL_BASE)?.strip_prefix("/01/")?.split_once("/21/")?;
    SlipSerial::parse(serial)?;
    Some(gtin.to_owned())
}
