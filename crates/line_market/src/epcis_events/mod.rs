//! EPCIS events in the market's book: those of others as they are captured and queried, and our own entries as events.

mod answer;
mod capture;
mod filter;
mod jobs;
mod own;
mod query;

use std::borrow::Cow;

use epcis::urn;
use epcis::vocabulary::Vocabulary;
use ledger::Entry;
use serde::Deserialize;
use serde_json::Value;
use store::StoreError;

pub use answer::{Found, document};
pub use capture::{CaptureOutcome, EventOutcome, Mode, Prepared, capture, prepare, prepare_sifted};
pub use jobs::{CaptureJob, capture_as_job, job, jobs};
pub use own::{as_event, own, own_id};
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
#[derive(Debug)]
pub struct Columns {
    /// The event's key within its book.
    pub event_id: String,
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

/// The members of [`crate::kinds::EpcisCaptured`] that queries filter by; the others are passed over unread.
#[derive(Deserialize)]
struct Told {
    event_id: String,
    event: ToldEvent,
}

/// Of any shape: an event of an extension type may use these names as it likes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ToldEvent {
    r#type: Value,
    action: Value,
    biz_step: Value,
    disposition: Value,
    read_point: Value,
    biz_location: Value,
}

impl Columns {
    /// Reads the columns out of an event that was checked when it was captured.
    pub fn read(entry: &Entry) -> Result<Self, StoreError> {
        let body = entry.body.as_deref().unwrap_or_default();
        let Told { event_id, event } = serde_json::from_str(body)
            .map_err(|error| StoreError::Schema(format!("entry {} of {}: {error}", entry.seq, entry.book)))?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let word =
            |value: &Value, words: Vocabulary| value.as_str().map(|value| words.bare(value).to_owned());
        let place = |value: &Value| Some(urn::canonical(value.get("id")?.as_str()?).into_owned());
        Ok(Self {
            event_id,
            event_type: text(&event.r#type).unwrap_or_default(),
            action: text(&event.action),
            biz_step: word(&event.biz_step, Vocabulary::BizStep),
            disposition: word(&event.disposition, Vocabulary::Disposition),
            read_point: place(&event.read_point),
            biz_location: place(&event.biz_location),
        })
    }
}
