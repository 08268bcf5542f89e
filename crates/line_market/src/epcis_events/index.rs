//! What queries find an event by: the columns of its row, its facts, and the runs that lead to them.
//!
//! A row of `market_event_run` says that within a block of [`BLOCK_EVENTS`] numbers of a book some event has a value: a
//! value that comes with every event costs a row for many, a rare one is found as by an index. A row of
//! `market_event_span` says between which times the events of [`SPAN_EVENTS`] numbers lie. The facts of an event
//! stand behind its number, so that they are written where the last ones were. The things that an event names are found
//! by the links that traces go along.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use base::SubjectId;
use epcis::Context;
use epcis::query::{Fact, Field, Held, What, facts};
use ledger::{Entry, Typed};
use serde_json::{Map, Value};
use store::StoreError;

use crate::kinds::EpcisCaptured;

/// Numbers of a book that share a run.
pub const BLOCK_EVENTS: i64 = 64;
/// Numbers of a book that share a row of `market_event_span`.
pub const SPAN_EVENTS: i64 = 8_192;
/// Facts of an event at most. What has more is refused when it is captured.
pub const FACTS_MAX: usize = 1_000;

/// The field under which runs have who sent an event; no code of a field is called so.
pub const SENDER: &str = "sender";

/// What is indexed of an event; all that follows from the event alone is done before the writer's turn.
#[derive(Debug, PartialEq)]
pub struct Indexed {
    /// The event's key within its book.
    pub key: String,
    /// Who sent it: the subject on whose behalf, or the actor.
    pub sender: String,
    /// The same as runs have it.
    pub sent_by: String,
    /// The texts of [`COLUMNS`].
    pub columns: [Option<String>; COLUMNS.len()],
    /// The facts that have rows of their own, in order, without the event's ID.
    pub rows: Vec<Fact>,
    /// The field and value of each run that the event is part of.
    pub runs: Vec<(Cow<'static, str>, String)>,
}

/// The fields that are columns of an event's row, in their order.
pub const COLUMNS: [Field; 6] = [
    Field::EventType,
    Field::Action,
    Field::BizStep,
    Field::Disposition,
    Field::ReadPoint,
    Field::BizLocation,
];

/// What facts call the fields of columns, and the event's ID.
static COLUMN_CODES: LazyLock<[Cow<'static, str>; COLUMNS.len()]> =
    LazyLock::new(|| COLUMNS.map(|field| field.codes().remove(0)));
static ID_CODE: LazyLock<Cow<'static, str>> = LazyLock::new(|| Field::EventId.codes().remove(0));

impl Indexed {
    pub fn of(key: String, sender: String, event: &Map<String, Value>, context: &Context) -> Self {
        let mut found = facts(event, context);
        found.retain(|fact| fact.code != *ID_CODE);
        let run = |fact: &Fact| (fact.code.clone(), run_of(&fact.held));
        let runs = found.iter().filter(|fact| has_run(&fact.code)).map(run).collect();
        let mut columns = [const { None }; COLUMNS.len()];
        let mut rows = Vec::with_capacity(found.len());
        for fact in found {
            match (column_of(&fact.code), fact) {
                (Some(at), Fact { held: Held::Text(text), .. }) => {
                    columns[at] = columns[at].take().or(Some(text))
                }
                (Some(_), _) => {}
                (None, fact) => rows.push(fact),
            }
        }
        Self { key, sent_by: text_run(&sender), sender, columns, rows, runs }
    }

    /// How many facts there are.
    pub fn count(&self) -> usize {
        self.rows.len() + self.columns.iter().flatten().count()
    }

    /// Bytes that the facts take, with the runs that follow from them.
    pub fn bytes(&self) -> usize {
        let of = |fact: &Fact| {
            let text = if let Held::Text(text) = &fact.held { text.len() } else { 0 };
            2 * (fact.code.len() + text + size_of::<Fact>())
        };
        self.rows.iter().map(of).sum()
    }

    /// What was indexed when the entry was drafted, or follows from its body.
    pub fn read(entry: &Entry) -> Result<Kept<'_>, StoreError> {
        if let Some(indexed) = entry.typed.get() {
            return Ok(Kept::Fresh(indexed));
        }
        let shape =
            |detail: String| StoreError::Schema(format!("entry {} of {}: {detail}", entry.seq, entry.book));
        let captured: EpcisCaptured = entry.body().map_err(|error| shape(error.to_string()))?;
        let event = captured.event.as_object().ok_or_else(|| shape("is no event".into()))?;
        let sender = captured.sender.as_ref().map_or(entry.actor.as_str(), SubjectId::as_str);
        let context = Context::read(&captured.context);
        Ok(Kept::Read(Box::new(Self::of(captured.event_id, sender.to_owned(), event, &context))))
    }

    pub fn into_typed(self) -> Typed {
        Typed::of(Arc::new(self))
    }
}

/// [`Indexed`], as it is at hand.
pub enum Kept<'e> {
    Fresh(&'e Indexed),
    Read(Box<Indexed>),
}

impl std::ops::Deref for Kept<'_> {
    type Target = Indexed;

    fn deref(&self) -> &Indexed {
        match self {
            Self::Fresh(indexed) => indexed,
            Self::Read(indexed) => indexed,
        }
    }
}

/// The column of a field's code, if it is one.
fn column_of(code: &str) -> Option<usize> {
    COLUMN_CODES.iter().position(|known| known == code)
}

/// Whether events are found by runs of a field: things are found by links.
fn has_run(code: &str) -> bool {
    !What::AnyEpc.members().contains(&code) && !What::AnyClass.members().contains(&code)
}

/// A value as runs have it. Numbers and moments are rounded down, and stand in their order: a number keeps its sign, its
/// exponent and eight binary digits, a moment its day.
pub fn run_of(held: &Held) -> String {
    match held {
        Held::Text(text) => text_run(text),
        Held::Number(key) => number_run(*key),
        Held::Moment(ms) => moment_run(*ms),
        Held::Nothing => String::new(),
    }
}

pub fn text_run(text: &str) -> String {
    format!("s{text}")
}

pub fn number_run(key: i64) -> String {
    format!("n{:05x}", (key ^ i64::MIN).cast_unsigned() >> 44)
}

pub fn moment_run(ms: i64) -> String {
    const DAY_MS: i64 = 86_400_000;
    format!("t{:016x}", (ms.div_euclid(DAY_MS) ^ i64::MIN).cast_unsigned())
}
