//! How much a sender has recorded in a book on a day: what outside systems send is kept for good.

use base::BookId;
use kernel::{AppendError, Desk};
use store::{Param, Value};

use super::Sender;
use crate::record::Failure;
use crate::refusal::{Code, Refusal};

/// Events, with elements of master data, that one sender records in a book on a day of the city; and bytes that are kept of
/// them, with what queries find them by. Five a second the whole day are more than any market sees.
pub const EVENTS_OF_DAY_MAX: u64 = 500_000;
pub const BYTES_OF_DAY_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// What is recorded at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Amount {
    pub events: u64,
    bytes: u64,
}

impl Amount {
    pub fn add(&mut self, bytes: usize) {
        self.events += 1;
        self.beside(bytes);
    }

    /// Bytes that are kept beside entries.
    pub fn beside(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }
}

/// Takes what is recorded from what the sender has left of the day, or refuses all of it. What is recorded beside it in the
/// same moment counts from the next one on: of one sender that is a few documents.
pub fn take(desk: &mut Desk<'_>, book: &BookId, sender: &Sender, made: Amount) -> Result<(), Failure> {
    const TAKEN: &str =
        "select events, bytes from market_captured where book = $1 and sender = $2 and day = $3";
    const TAKE: &str = "insert into market_captured (book, sender, day, events, bytes) values ($1, $2, $3, $4, $5)
        on conflict (book, sender) do update set day = excluded.day,
        events = excluded.events + case when market_captured.day = excluded.day then market_captured.events else 0 end,
        bytes = excluded.bytes + case when market_captured.day = excluded.day then market_captured.bytes else 0 end";
    if made.events == 0 || sender.actor.is_system() {
        return Ok(());
    }
    let day = i64::from(desk.zone().day_of(desk.now()).0);
    let asked = [Param::Text(book.as_str()), Param::Text(sender.name()), Param::Int(day)];
    let taken = desk.written().query_one(TAKEN, &asked)?;
    let taken = |column| taken.as_ref().map_or(Ok(0), |row| row.int(column)).map(i64::unsigned_abs);
    if taken(0)? + made.events > EVENTS_OF_DAY_MAX || taken(1)? + made.bytes > BYTES_OF_DAY_MAX {
        let detail = format!(
            "a sender records {EVENTS_OF_DAY_MAX} events and elements or {BYTES_OF_DAY_MAX} bytes, with what queries find them \
             by, in a book on a day at most; send the document again tomorrow"
        );
        return Err(AppendError::Refused(Refusal::new(Code::CapturedOfDay, "", detail)));
    }
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let key = [Value::Text(book.to_string()), Value::Text(sender.name().to_owned()), Value::Int(day)];
    desk.aside(TAKE, [&key[..], &[number(made.events), number(made.bytes)]].concat());
    Ok(())
}
