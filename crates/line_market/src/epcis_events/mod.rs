//! EPCIS events in the market's book: those of others as they are captured and queried, and our own entries as events.

mod answer;
mod capture;
mod filter;
mod own;
mod query;

use std::borrow::Cow;

use epcis::urn;
use epcis::vocabulary::Vocabulary;
use serde_json::Value;

use crate::kinds::EpcisCaptured;

pub use answer::{Found, document};
pub use capture::{CaptureOutcome, EventOutcome, Mode, Prepared, capture, prepare};
pub use own::as_event;
pub use query::{PER_PAGE, QueryRefusal, SCANNED_MAX, query, with_id};

/// Ends the key of an error declaration, which has the ID of the event that it takes back (EPCIS 2.0, section 7.4.1.2).
const DECLARATION: &str = "#errorDeclaration";

/// The key of an event within its book: its ID; a declaration of its error stands beside it.
fn key(event_id: &str, is_declaration: bool) -> Cow<'_, str> {
    if is_declaration { Cow::Owned(format!("{event_id}{DECLARATION}")) } else { Cow::Borrowed(event_id) }
}

/// The ID behind a key.
fn id_of(key: &str) -> &str {
    key.strip_suffix(DECLARATION).unwrap_or(key)
}

/// What queries filter by.
#[derive(Debug, Default)]
pub struct Columns {
    pub event_type: String,
    pub action: Option<String>,
    /// A bare word of CBV 2.0, or the URI of another vocabulary.
    pub biz_step: Option<String>,
    /// As `biz_step`.
    pub disposition: Option<String>,
    /// In canonical form.
    pub read_point: Option<String>,
    /// As `read_point`.
    pub biz_location: Option<String>,
}

/// Reads the columns out of an event that was checked when it was captured.
pub fn columns(captured: &EpcisCaptured) -> Columns {
    let text = |name: &str| captured.event.get(name).and_then(Value::as_str);
    let word = |name: &str, words: Vocabulary| text(name).map(|value| words.bare(value).to_owned());
    let place = |name: &str| {
        let id = captured.event.get(name)?.get("id")?.as_str()?;
        Some(urn::canonical(id).into_owned())
    };
    Columns {
        event_type: text("type").unwrap_or_default().to_owned(),
        action: text("action").map(str::to_owned),
        biz_step: word("bizStep", Vocabulary::BizStep),
        disposition: word("disposition", Vocabulary::Disposition),
        read_point: place("readPoint"),
        biz_location: place("bizLocation"),
    }
}
