//! Events that their sender told before: the same in other words is known, anything else is refused.

use base::Seq;
use epcis::{Context, equal_events, extent};
use serde_json::{Map, Value};
use store::StoreError;

use super::{Ready, taken};
use crate::kinds::EpcisCaptured;
use crate::refusal::{Code, Refusal};

/// What is compared, in the writer's turn, with what was said before in other words: as it stands, and where each item has its
/// whole name, for that is what comparing takes.
pub const COMPARED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters that are read of what was said before, for one document.
pub const KNOWN_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const COMPARED_TOO_LONG: &str = "so much is not compared at once, send fewer at a time";

impl Ready {
    /// The number of the entry that says the same under this event's key.
    pub fn repeats(
        &self,
        before: Option<&str>,
        seq: Seq,
        left: &mut usize,
    ) -> Result<Result<(Seq, bool), Refusal>, StoreError> {
        // Nearly always a retry, byte for byte.
        if before == Some(&self.draft.body) {
            return Ok(Ok((seq, false)));
        }
        let means = before.map(|before| self.means(before, left)).transpose()?.flatten();
        let detail = match means {
            Some(true) => return Ok(Ok((seq, false))),
            Some(false) => format!("{} was captured with another content by entry {seq}", self.event_id),
            None => format!("is in the book with entry {seq}, spelt otherwise: {COMPARED_TOO_LONG}"),
        };
        Ok(Err(Refusal::new(Code::Exists, "eventID", detail)))
    }

    /// Whether it says what a body said before; `None` if more would have to be compared than is left.
    fn means(&self, before: &str, left: &mut usize) -> Result<Option<bool>, StoreError> {
        if !taken(left, before.len() + self.draft.body.len() + self.extent) {
            return Ok(None);
        }
        let (known, known_context) = self.told(before)?;
        if !taken(left, extent(&known, &known_context, *left)) {
            return Ok(None);
        }
        let (sent, context) = self.told(&self.draft.body)?;
        Ok(Some(equal_events((&known, &known_context), (&sent, &context)).is_ok()))
    }

    /// The event of a body, under this one's ID, and the context of its document.
    fn told(&self, body: &str) -> Result<(Map<String, Value>, Context), StoreError> {
        let captured: EpcisCaptured =
            serde_json::from_str(body).map_err(|error| StoreError::Schema(error.to_string()))?;
        let Value::Object(mut event) = captured.event else {
            return Err(StoreError::Schema(format!("{} is no event", captured.event_id)));
        };
        event.insert("eventID".to_owned(), Value::String(self.event_id.clone()));
        Ok((event, Context::read(&captured.context)))
    }
}
