//! How the tables of events follow from entries.

use std::collections::{BTreeMap, BTreeSet};

use epcis::query::Held;
use ledger::{Body, Entry};
use store::{Insert, Param, StoreError, Tx, Type};

use super::capture::told::is_lot;
use super::index::{BLOCK_EVENTS, Indexed, Kept, SENDER, SPAN_EVENTS};
use super::vocabulary::Described;
use crate::kinds::{EpcisCaptured, EpcisDescribed};

const INSERT_EVENT: Insert = Insert {
    table: "market_event",
    columns: &[
        ("book", Type::Text),
        ("seq", Type::Int),
        ("event_id", Type::Text),
        ("event_time", Type::Int),
        ("recorded", Type::Int),
        ("sender", Type::Text),
        ("event_type", Type::Text),
        ("action", Type::Text),
        ("biz_step", Type::Text),
        ("disposition", Type::Text),
        ("read_point", Type::Text),
        ("biz_location", Type::Text),
    ],
    then: "",
};

const INSERT_FACT: Insert = Insert {
    table: "market_event_fact",
    columns: &[
        ("book", Type::Text),
        ("seq", Type::Int),
        ("at", Type::Int),
        ("field", Type::Text),
        ("held", Type::Text),
        ("number", Type::Int),
        ("moment", Type::Int),
    ],
    then: "",
};

const INSERT_RUN: Insert = Insert {
    table: "market_event_run",
    columns: &[
        ("book", Type::Text),
        ("field", Type::Text),
        ("held", Type::Text),
        ("sender", Type::Text),
        ("block", Type::Int),
    ],
    then: "on conflict (book, field, held, sender, block) do nothing",
};

const WIDEN_SPAN: Insert = Insert {
    table: "market_event_span",
    columns: &[
        ("book", Type::Text),
        ("span", Type::Int),
        ("first_time", Type::Int),
        ("last_time", Type::Int),
    ],
    then: "on conflict (book, span) do update set
        first_time = case when excluded.first_time < market_event_span.first_time
            then excluded.first_time else market_event_span.first_time end,
        last_time = case when excluded.last_time > market_event_span.last_time
            then excluded.last_time else market_event_span.last_time end",
};

const COUNT_TOLD: Insert = Insert {
    table: "market_lot_told",
    columns: &[("book", Type::Text), ("lot", Type::Text), ("sender", Type::Text), ("events", Type::Int)],
    then: "on conflict (book, lot, sender) do update set events = market_lot_told.events + excluded.events",
};

/// The key of a run.
type Run<'a> = (&'a str, &'a str, &'a str, &'a str, i64);

/// Writes the events among some entries.
pub fn write_captured(tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
    let captured = entries.iter().filter(|entry| entry.kind.as_str() == EpcisCaptured::KIND);
    let read = |entry| Ok((entry, Indexed::read(entry)?));
    let events = captured.map(read).collect::<Result<Vec<(&Entry, Kept<'_>)>, StoreError>>()?;
    let (mut rows, mut facts, mut runs) = (Vec::new(), Vec::new(), Vec::<Run<'_>>::new());
    let mut last = Vec::new();
    for (entry, event) in &events {
        let (book, seq, sender) = (entry.book.as_str(), entry.seq.to_i64(), event.sender.as_str());
        rows.extend([
            Param::Text(book),
            seq.into(),
            (&event.key).into(),
            entry.occurred.0.into(),
            entry.recorded.0.into(),
            Param::Text(sender),
        ]);
        rows.push(event.columns[0].as_deref().map_or(Param::Text(""), Param::Text));
        rows.extend(event.columns[1..].iter().map(|text| text.as_deref().map_or(Param::Null, Param::Text)));
        for (at, fact) in (0_i64..).zip(&event.rows) {
            facts.extend([Param::Text(book), seq.into(), at.into(), Param::Text(&fact.code)]);
            facts.extend(columns(&fact.held));
        }
        let block = seq.div_euclid(BLOCK_EVENTS);
        let own = event.runs.iter().map(|(field, held)| (book, field.as_ref(), held.as_str(), sender, block));
        let own: Vec<Run<'_>> = own.chain([(book, SENDER, event.sent_by.as_str(), sender, block)]).collect();
        // Events that come together are mostly alike: what the last one has in the same place is known.
        runs.extend(
            own.iter().enumerate().filter(|(at, run)| last.get(*at) != Some(*run)).map(|(_, run)| *run),
        );
        last = own;
    }
    // In their order, and each once: events of a block share most of theirs.
    runs.sort_unstable();
    runs.dedup();
    tx.insert_many(&INSERT_EVENT, &rows)?;
    tx.insert_many(&INSERT_FACT, &facts)?;
    let mut cells = Vec::with_capacity(runs.len() * INSERT_RUN.columns.len());
    for (book, field, held, sender, block) in &runs {
        cells.extend([
            Param::Text(book),
            Param::Text(field),
            Param::Text(held),
            Param::Text(sender),
            Param::Int(*block),
        ]);
    }
    tx.insert_many(&INSERT_RUN, &cells)?;
    let mut spans = BTreeMap::<(&str, i64), (i64, i64)>::new();
    for (entry, _) in &events {
        let time = entry.occurred.0;
        let key = (entry.book.as_str(), entry.seq.to_i64().div_euclid(SPAN_EVENTS));
        let (first, last) = spans.entry(key).or_insert((time, time));
        (*first, *last) = ((*first).min(time), (*last).max(time));
    }
    let mut cells = Vec::with_capacity(spans.len() * WIDEN_SPAN.columns.len());
    for ((book, span), (first, last)) in spans {
        cells.extend([Param::Text(book), Param::Int(span), Param::Int(first), Param::Int(last)]);
    }
    tx.insert_many(&WIDEN_SPAN, &cells)?;
    let mut told = BTreeMap::<(&str, &str, &str), i64>::new();
    for (entry, event) in &events {
        let lots = entry.subjects.iter().map(|subject| subject.id.as_str()).filter(|id| is_lot(id));
        for lot in lots.collect::<BTreeSet<&str>>() {
            *told.entry((entry.book.as_str(), lot, event.sender.as_str())).or_default() += 1;
        }
    }
    let mut cells = Vec::with_capacity(told.len() * COUNT_TOLD.columns.len());
    for ((book, lot, sender), events) in told {
        cells.extend([Param::Text(book), Param::Text(lot), Param::Text(sender), events.into()]);
    }
    tx.insert_many(&COUNT_TOLD, &cells)
}

const INSERT_ELEMENT: Insert = Insert {
    table: "market_element",
    columns: &[
        ("book", Type::Text),
        ("id", Type::Text),
        ("vocabulary", Type::Text),
        ("sender", Type::Text),
        ("seq", Type::Int),
    ],
    then: "on conflict (book, id, vocabulary, sender) do update set seq = excluded.seq",
};

const INSERT_CHILD: Insert = Insert {
    table: "market_element_child",
    columns: &[
        ("book", Type::Text),
        ("id", Type::Text),
        ("vocabulary", Type::Text),
        ("sender", Type::Text),
        ("child", Type::Text),
    ],
    then: "",
};

const INSERT_ATTRIBUTE: Insert = Insert {
    table: "market_element_attribute",
    columns: &[
        ("book", Type::Text),
        ("id", Type::Text),
        ("vocabulary", Type::Text),
        ("sender", Type::Text),
        ("at", Type::Int),
        ("name", Type::Text),
        ("held", Type::Text),
        ("number", Type::Int),
        ("moment", Type::Int),
    ],
    then: "",
};

/// Writes the master data among some entries: what a sender says last of an element is what counts for it.
pub fn write_described(tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
    const OLD: [&str; 2] = [
        "delete from market_element_child where book = $1 and id = $2 and vocabulary = $3 and sender = $4",
        "delete from market_element_attribute where book = $1 and id = $2 and vocabulary = $3 and sender = $4",
    ];
    for entry in entries.iter().filter(|entry| entry.kind.as_str() == EpcisDescribed::KIND) {
        let said = Described::read(entry)?;
        let element = [
            Param::Text(entry.book.as_str()),
            (&said.id).into(),
            (&said.vocabulary).into(),
            (&said.sender).into(),
        ];
        for old in OLD {
            tx.execute(old, &element)?;
        }
        tx.insert_many(&INSERT_ELEMENT, &[&element[..], &[entry.seq.to_i64().into()]].concat())?;
        let children: Vec<Param<'_>> =
            said.children.iter().flat_map(|child| element.into_iter().chain([Param::from(child)])).collect();
        tx.insert_many(&INSERT_CHILD, &children)?;
        let mut attributes = Vec::new();
        for (at, (name, held)) in (0_i64..).zip(&said.attributes) {
            attributes.extend(element);
            attributes.extend([Param::Int(at), name.into()]);
            attributes.extend(columns(held));
        }
        tx.insert_many(&INSERT_ATTRIBUTE, &attributes)?;
    }
    Ok(())
}

/// A value in three columns: text, number, moment.
fn columns(held: &Held) -> [Param<'_>; 3] {
    match held {
        Held::Text(text) => [Param::Text(text), Param::Null, Param::Null],
        Held::Number(key) => [Param::Null, Param::Int(*key), Param::Null],
        Held::Moment(ms) => [Param::Null, Param::Null, Param::Int(*ms)],
        Held::Nothing => [Param::Null; 3],
    }
}
