//! GS1 EPCIS 2.0, CBV 2.0 and GS1 Digital Link, as far as they are pure: documents, identifiers, vocabularies,
//! equality of meaning, event hashes and queries. No I/O, no clock.

pub mod context;
pub mod digital_link;
pub mod document;
mod error;
mod extent;
pub mod format;
pub mod hash;
mod json;
pub mod meaning;
mod moment;
mod path;
pub mod query;
pub mod units;
mod uri;
pub mod urn;
pub mod vocabulary;
pub mod xml;

pub use context::Context;
pub use document::{Action, Document, DocumentKind, Event, EventType, Limits, Quantity, Role, Sifted, What};
pub use error::{EpcisError, Rule};
pub use extent::extent;
pub use hash::{event_hash, json_hashes, xml_hashes};
pub use meaning::{Difference, equal_events, equal_in_meaning, normalize};
pub use moment::{Moment, parse_offset};
pub use query::Query;
