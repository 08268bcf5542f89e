//! Master data in the header of a document: each element of a vocabulary becomes one entry, unless its sender said the
//! same of it before.

use std::collections::HashMap;
use std::sync::Arc;

use base::limits::INDEX_BYTES_MAX;
use base::{BookId, Seq, SubjectId, Time};
use epcis::query::{Held, Scalar, extension_name, stored};
use epcis::{Context, Document, urn};
use kernel::{AppendError, Desk};
use ledger::{Draft, Entry, Role, Typed, jcs};
use serde_json::Value;
use store::{Param, StoreError};

use super::Sender;
use super::capture::amount::Amount;
use super::capture::repeats::COMPARED_TOO_LONG;
use super::capture::taken;
use crate::kinds::EpcisDescribed;
use crate::record::Failure;
use crate::refusal::{Code, Refusal};

/// Elements of the master data of one document.
pub const ELEMENTS_MAX: usize = 1_000;
/// Attributes and children of one element.
const PARTS_MAX: usize = 1_000;
/// Where elements stand in a document, for refusals.
const PATH: &str = "epcisHeader.epcisMasterData.vocabularyList";

/// What is said of an element, as queries want it.
#[derive(Debug, PartialEq)]
pub struct Described {
    pub id: String,
    pub vocabulary: String,
    pub sender: String,
    /// Names as [`extension_name`] gives them; a value that has no single one counts as none.
    pub attributes: Vec<(String, Held)>,
    pub children: Vec<String>,
}

impl Described {
    fn of(body: &EpcisDescribed, sender: &str) -> Self {
        let context = Context::read(&body.context);
        let id = |value: &Value| Some(stored(&urn::canonical(&context.expand(value.as_str()?))).into_owned());
        let list = |name: &str| body.element.get(name).and_then(Value::as_array).into_iter().flatten();
        let mut attributes = Vec::new();
        for attribute in list("attributes") {
            let Some(name) = attribute.get("id").and_then(Value::as_str) else { continue };
            let name = stored(&extension_name(name, &context)).into_owned();
            let held: Vec<Held> =
                values_of(attribute).iter().filter_map(Scalar::of).map(Held::from).collect();
            match held.is_empty() {
                true => attributes.push((name, Held::Nothing)),
                false => attributes.extend(held.into_iter().map(|held| (name.clone(), held))),
            }
        }
        let mut children: Vec<String> = list("children").filter_map(id).collect();
        children.sort();
        children.dedup();
        Self {
            id: body.element.get("id").and_then(id).unwrap_or_default(),
            vocabulary: stored(&context.expand(&body.vocabulary)).into_owned(),
            sender: sender.to_owned(),
            attributes,
            children,
        }
    }

    /// What an entry says.
    pub fn read(entry: &Entry) -> Result<Self, StoreError> {
        let body: EpcisDescribed = entry
            .body()
            .map_err(|error| StoreError::Schema(format!("entry {} of {}: {error}", entry.seq, entry.book)))?;
        let sender = body.sender.as_ref().map_or(entry.actor.as_str(), SubjectId::as_str);
        Ok(Self::of(&body, sender))
    }
}

/// An element that is ready to be recorded.
#[derive(Debug, Clone)]
pub struct Element {
    /// Where it stands in its document.
    pub path: String,
    said: Arc<Described>,
    element: Arc<Value>,
    /// Without its body as a type: that has the document's context, of which each element would keep a copy.
    draft: Draft,
    /// Bytes that are kept of it, with what queries find it by.
    bytes: usize,
    /// What may be slips among what it names: their GTINs, and where it stands.
    pub slips: Vec<(String, String)>,
}

/// How many elements a document describes.
pub fn count_elements(document: &Document) -> usize {
    let list = |vocabulary: &Value| {
        vocabulary.get("vocabularyElementList").and_then(Value::as_array).map_or(0, Vec::len)
    };
    document.master_data.iter().map(list).sum()
}

/// Drafts the entries of a document's master data, each with the context of the document, if that may be; so many bytes are
/// left for what is indexed of the document.
pub fn prepare(
    book: &BookId,
    sender: &Sender,
    document: &Document,
    context: &Result<(), Refusal>,
    left: &mut usize,
) -> Vec<Result<Element, Refusal>> {
    let each = |(at, vocabulary): (usize, &Value)| -> Vec<Result<Element, Refusal>> {
        let name = vocabulary.get("type").and_then(Value::as_str).unwrap_or_default();
        let elements = vocabulary.get("vocabularyElementList").and_then(Value::as_array);
        let elements = elements.into_iter().flatten().enumerate();
        elements
            .map(|(n, element)| {
                let path = format!("{PATH}[{at}].vocabularyElementList[{n}]");
                context.clone()?;
                let (parts, bytes) = indexed(element, name.len() + sender.name().len());
                if parts > PARTS_MAX {
                    let detail = format!("an element may have {PARTS_MAX} attributes and children at most");
                    return Err(Refusal::new(Code::Body, path, detail));
                }
                if !taken(left, bytes) {
                    let detail = format!("what is indexed of a document may come to {INDEX_BYTES_MAX} bytes");
                    return Err(Refusal::new(Code::Body, path, detail));
                }
                one(book, sender, document, name, element, (path, bytes))
            })
            .collect()
    };
    document.master_data.iter().enumerate().flat_map(each).collect()
}

/// The values of an attribute: those of a list, or the one that there is.
fn values_of(attribute: &Value) -> &[Value] {
    match attribute.get("attribute") {
        Some(Value::Array(items)) => items.as_slice(),
        one => one.map(std::slice::from_ref).unwrap_or_default(),
    }
}

/// How many parts an element has, and what they come to in the index: each stands there twice, with the names of the element,
/// of its vocabulary and of who tells it.
fn indexed(element: &Value, names: usize) -> (usize, usize) {
    // A prefix is written out.
    const EXPANDED: usize = 256;
    let text = |value: &Value| value.as_str().map_or(32, str::len);
    let each = names + element.get("id").map_or(0, text) + EXPANDED;
    let list = |name: &str| element.get(name).and_then(Value::as_array).into_iter().flatten();
    let (mut parts, mut bytes) = (0, 0);
    for attribute in list("attributes") {
        let name = attribute.get("id").map_or(0, text) + EXPANDED;
        let values = values_of(attribute);
        parts += values.len().max(1);
        bytes += values.len().max(1) * (each + name) + values.iter().map(text).sum::<usize>();
    }
    for child in list("children") {
        parts += 1;
        bytes += each + text(child);
    }
    (parts, 2 * bytes)
}

fn one(
    book: &BookId,
    sender: &Sender,
    document: &Document,
    vocabulary: &str,
    element: &Value,
    (path, indexed): (String, usize),
) -> Result<Element, Refusal> {
    let refuse = |detail: String| Refusal::new(Code::Body, path.clone(), detail);
    let body = EpcisDescribed {
        vocabulary: vocabulary.to_owned(),
        element: element.clone(),
        context: document.context_value().clone(),
        sender: sender.behalf.clone(),
    };
    let said = Described::of(&body, sender.name());
    let subject = SubjectId::new(&*said.id).map_err(|error| refuse(error.to_string()))?;
    // Checked with the header; a document that queries answer with has none.
    let occurred = document.creation_date.map_or(Time(0), |moment| Time(moment.ms_utc));
    let mut draft = Draft::of(book, occurred, &sender.actor, Arc::new(body))
        .map_err(|error| Refusal { field: path.clone(), ..error.into() })?
        .subject(Role::About, subject);
    draft.typed = Typed::default();
    let bytes = draft.body.len() + indexed;
    let (said, element) = (Arc::new(said), Arc::new(element.clone()));
    Ok(Element { path, said, element, draft, bytes, slips: Vec::new() })
}

impl Element {
    /// What is described and what stands below it, by their names as they are written and as they are kept.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        let children = self.element.get("children").and_then(Value::as_array);
        let id = self.element.get("id").into_iter();
        let written = id.chain(children.into_iter().flatten()).filter_map(Value::as_str);
        let kept = [&self.said.id].into_iter().chain(&self.said.children);
        written.chain(kept.map(String::as_str))
    }

    /// Refuses what a document tells of days to come.
    pub fn check(&self, now: Time) -> Result<&Self, Refusal> {
        match self.draft.check(now) {
            Ok(()) => Ok(self),
            Err(error) if error.field == "occurred" => {
                Err(Refusal { field: "creationDate".into(), ..error.into() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it says what was said before.
    fn repeats(&self, said: &Described, element: &Value) -> bool {
        // Kept in canonical form, 20.0 has become 20.
        let text = |element: &Value| jcs(element).ok();
        *self.said == *said && (*self.element == *element || text(&self.element) == text(element))
    }
}

/// Records what is new of some elements.
pub fn record(
    desk: &mut Desk<'_>,
    book: &BookId,
    elements: &[&Element],
    left: &mut usize,
    made: &mut Amount,
) -> Result<(), Failure> {
    let mut in_document: HashMap<(&str, &str), &Element> = HashMap::new();
    for element in elements {
        let before = in_document.insert((&element.said.id, &element.said.vocabulary), element);
        let is_known = match before {
            Some(before) => element.repeats(&before.said, &before.element),
            None => is_known(desk, book, element, left)?,
        };
        if !is_known {
            made.add(element.bytes);
            desk.append(element.draft.clone())?;
        }
    }
    Ok(())
}

/// Whether its sender said the same of the element last.
fn is_known(
    desk: &mut Desk<'_>,
    book: &BookId,
    element: &Element,
    left: &mut usize,
) -> Result<bool, Failure> {
    const LAST: &str =
        "select seq from market_element where book = $1 and id = $2 and vocabulary = $3 and sender = $4";
    let Described { id, vocabulary, sender, .. } = &*element.said;
    let tx = desk.read()?;
    let params = [Param::Text(book.as_str()), id.into(), vocabulary.into(), sender.into()];
    let Some(row) = tx.query_one(LAST, &params)? else { return Ok(false) };
    let Some(entry) = kernel::entries::entry(tx, book, Seq::from_i64(row.int(0)?))? else { return Ok(false) };
    let before = entry.body.as_deref().unwrap_or_default();
    if before == element.draft.body {
        return Ok(true);
    }
    if !taken(left, before.len() + element.draft.body.len()) {
        return Err(AppendError::Refused(Refusal::new(Code::Body, element.path.clone(), COMPARED_TOO_LONG)));
    }
    let body: EpcisDescribed = entry.body().map_err(|error| StoreError::Schema(error.to_string()))?;
    Ok(element.repeats(&Described::read(&entry)?, &body.element))
}
