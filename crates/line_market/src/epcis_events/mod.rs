//! EPCIS events in the market's book: those of others as they are captured and queried, and our own entries as events.

mod answer;
pub mod apply;
mod capture;
mod filter;
mod index;
mod jobs;
mod lane;
mod own;
mod query;
mod resolve;
mod sorted;
pub mod standing;
pub mod tokens;
pub mod values;
mod vocabulary;

use std::borrow::Cow;

pub use answer::{Answered, Found, document};
pub use capture::amount::{BYTES_OF_DAY_MAX, EVENTS_OF_DAY_MAX};
pub use capture::{CaptureOutcome, EventOutcome, Mode, Prepared, Sender, capture, prepare, prepare_sifted};
pub use jobs::{CaptureJob, capture_as_job, job, jobs};
pub use lane::Sight;
pub use own::{as_event, own, own_id};
pub use query::{
    LOOKED_MAX, PER_PAGE, QueryRefusal, SORTED_FACTS_MAX, SORTED_MAX, Weigh, query, search, with_id,
};
pub use resolve::{PLACES_MAX, PLACES_OF_SENDER_MAX};
pub use vocabulary::{ELEMENTS_MAX, count_elements};

/// Ends the key of an error declaration, which has the ID of the event that it takes back (EPCIS 2.0, section 7.4.1.2).
const DECLARATION: &str = "#errorDeclaration";

/// The key of an event within its book and sender: its ID; a declaration of its error stands beside it.
fn key(event_id: &str, is_declaration: bool) -> Cow<'_, str> {
    if is_declaration { Cow::Owned(format!("{event_id}{DECLARATION}")) } else { Cow::Borrowed(event_id) }
}

/// The ID behind a key.
fn id_of(key: &str) -> &str {
    key.strip_suffix(DECLARATION).unwrap_or(key)
}
