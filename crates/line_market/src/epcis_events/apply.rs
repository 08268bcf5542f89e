//! How the tables of events follow from entries.

use std::collections::BTreeSet;

use base::{BookId, Seq};
use epcis::query::{Fact, Field, Held};
use ledger::{Body, Entry};
use store::{Insert, Param, StoreError, Tx, Type};

use super::index::{BLOCK_EVENTS, COLUMNS, Indexed, Kept, SENDER, has_run, held, run_of, text_run};
use crate::kinds::EpcisCaptured;

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

/// The key of a run.
type Run<'a> = (&'a str, &'a str, String, &'a str, i64);

/// Writes the events among some entries.
pub fn write_captured(tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
    let captured = entries.iter().filter(|entry| entry.kind.as_str() == EpcisCaptured::KIND);
    let read = |entry| Ok(Indexed::read(entry)?.map(|indexed| (entry, indexed)));
    let events: Vec<(&Entry, Kept<'_>)> =
        captured.filter_map(|entry| read(entry).transpose()).collect::<Result<_, StoreError>>()?;
    let (mut rows, mut facts, mut runs) = (Vec::new(), Vec::new(), BTreeSet::<Run<'_>>::new());
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
        rows.extend(COLUMNS.iter().map(|field| match (event.column(field), field) {
            (Some(text), _) => Param::Text(text),
            (None, Field::EventType) => Param::Text(""),
            (None, _) => Param::Null,
        }));
        for (at, fact) in (0_i64..).zip(event.rows()) {
            facts.extend([Param::Text(book), seq.into(), at.into(), (&fact.code).into()]);
            facts.extend(match &fact.held {
                Held::Text(text) => [Param::Text(text), Param::Null, Param::Null],
                Held::Number(key) => [Param::Null, Param::Int(*key), Param::Null],
                Held::Moment(ms) => [Param::Null, Param::Null, Param::Int(*ms)],
                Held::Nothing => [Param::Null; 3],
            });
        }
        let block = seq.div_euclid(BLOCK_EVENTS);
        runs.extend(event.runs().map(|(field, held)| (book, field, held, sender, block)));
        runs.insert((book, SENDER, text_run(sender), sender, block));
    }
    tx.insert_many(&INSERT_EVENT, &rows)?;
    tx.insert_many(&INSERT_FACT, &facts)?;
    write_runs(tx, &runs)
}

fn write_runs(tx: &mut dyn Tx, runs: &BTreeSet<Run<'_>>) -> Result<(), StoreError> {
    let mut cells = Vec::with_capacity(runs.len() * INSERT_RUN.columns.len());
    for (book, field, held, sender, block) in runs {
        cells.extend([
            Param::Text(book),
            Param::Text(field),
            Param::Text(held),
            Param::Text(sender),
            Param::Int(*block),
        ]);
    }
    tx.insert_many(&INSERT_RUN, &cells)
}

/// Takes out what an erased body had put in; the runs of its block are made anew from the events that stay.
pub fn erase_captured(tx: &mut dyn Tx, book: &BookId, seq: Seq) -> Result<(), StoreError> {
    const EVENT: &str = "delete from market_event where book = $1 and seq = $2";
    const FACTS: &str = "delete from market_event_fact where book = $1 and seq = $2";
    const RUNS: &str = "delete from market_event_run where book = $1 and block = $2";
    const EVENTS_LEFT: &str =
        "select seq, sender, event_type, action, biz_step, disposition, read_point, biz_location
        from market_event where book = $1 and seq >= $2 and seq < $3";
    const FACTS_LEFT: &str = "select event.sender, fact.field, fact.held, fact.number, fact.moment
        from market_event as event join market_event_fact as fact on fact.book = event.book and fact.seq = event.seq
        where event.book = $1 and event.seq >= $2 and event.seq < $3";
    let block = seq.to_i64().div_euclid(BLOCK_EVENTS);
    let book = Param::Text(book.as_str());
    for sql in [EVENT, FACTS] {
        tx.execute(sql, &[book, Param::Int(seq.to_i64())])?;
    }
    tx.execute(RUNS, &[book, Param::Int(block)])?;
    let block_of = [book, Param::Int(block * BLOCK_EVENTS), Param::Int((block + 1) * BLOCK_EVENTS)];
    let (events, facts) = (tx.query(EVENTS_LEFT, &block_of)?, tx.query(FACTS_LEFT, &block_of)?);
    let mut cells = Vec::new();
    let mut add = |sender: &str, fact: &Fact| {
        cells.push((sender.to_owned(), fact.code.clone(), run_of(&fact.held)));
    };
    for row in &events {
        add(row.text(1)?, &Fact { code: SENDER.to_owned(), held: Held::Text(row.text(1)?.to_owned()) });
        for (at, field) in COLUMNS.iter().enumerate() {
            let Some(text) = row.text_or_null(at + 2)?.filter(|text| !text.is_empty()) else { continue };
            add(row.text(1)?, &Fact { code: field.codes()[0].to_string(), held: Held::Text(text.into()) });
        }
    }
    for row in facts.iter() {
        let fact = Fact { code: row.text(1)?.to_owned(), held: held(row, 2)? };
        if has_run(&fact.code) {
            add(row.text(0)?, &fact);
        }
    }
    let Param::Text(book) = book else { return Ok(()) };
    let runs =
        cells.iter().map(|(sender, code, held)| (book, code.as_str(), held.clone(), sender.as_str(), block));
    write_runs(tx, &runs.collect())
}
