//! EPCIS in XML, both ways: documents of EPCIS 2.0 and of EPCIS 1.0 to 1.2 are read; EPCIS 2.0 is printed.
//!
//! An XML document is read into the JSON form, which is the one that is checked, hashed and kept. Elements and
//! attributes of others become members under the prefix of their namespace: a text where there is only a text, an
//! object where there is more, whose own text beside attributes is `#text`. `xsi:type` gives numbers and truth
//! values where JSON writes them alike. What JSON has and XML has not (names, values in attributes) is escaped so
//! that it comes back.

mod bindings;
mod job;
pub(crate) mod names;
mod prefixes;
mod print;
mod read;
mod shape;
pub(crate) mod source;

use serde_json::{Map, Value};

use crate::context::Context;
use crate::document::DocumentKind;
pub(crate) use bindings::SHORT_PREFIX_BYTES_MAX;
pub use job::{capture_job, problem, top_level};
pub(crate) use print::document as print;
pub(crate) use read::document as read;

/// The namespace of the note that names attributes whose values are JSON.
pub(crate) const STRUCTURED: &str = "urn:taizhang:json";

/// How words of the Core Business Vocabulary are spelled in XML (header `GS1-CBV-XML-Format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CbvFormat {
    /// `https://ref.gs1.org/cbv/BizStep-shipping`
    #[default]
    WebUri,
    /// `urn:epcglobal:cbv:bizstep:shipping`, where the vocabulary has URNs.
    Urn,
    /// As it came; a bare word of JSON, which XML has not, as its web URI.
    AsWritten,
}

/// How a document is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style<'a> {
    pub cbv: CbvFormat,
    /// The date of creation of a document that has none, which XML requires.
    pub created: &'a str,
}

/// An EPCISQueryDocument from its JSON form, whose parts were checked when they were read.
pub fn query_document(document: &Value, style: &Style) -> String {
    let nothing = Map::new();
    let envelope = document.as_object().unwrap_or(&nothing);
    let context = envelope.get("@context").map(Context::read).unwrap_or_default();
    let list = document.pointer("/epcisBody/queryResults/resultsBody/eventList").and_then(Value::as_array);
    let events = list.into_iter().flatten().filter_map(Value::as_object);
    print(DocumentKind::QueryResults, envelope, &context, events, style)
}
