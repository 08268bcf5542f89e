//! What is known of a dimension of events: event types, steps, dispositions, places and things.

use base::Seq;
use epcis::query::{Condition, Field, Held, What};
use store::{Param, StoreError, Tx};

use super::filter::{Sql, Way};
use super::index::{BLOCK_EVENTS, run_of, text_run};
use super::lane::Sight;

/// Stretches of events looked at for a page of things; a page that meets it is shorter than asked for.
const STRETCHES_MAX: usize = 20;
/// Events of a stretch; and blocks, where only those of some senders are looked at.
const STRETCH_EVENTS: usize = 1_000;
const STRETCH_BLOCKS: usize = 32;

/// The fields whose values of one sender are found without those of others, as step 28 indexes them.
const OF_SENDERS: &str = "field in ('type', 'bizStep', 'disposition', 'readPoint', 'bizLocation')";

/// The texts that a field has in some events, behind one of them, in order of their bytes.
pub fn values(
    tx: &mut dyn Tx,
    sights: &[Sight],
    field: &Field,
    behind: &str,
    count: usize,
) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for sight in sights {
        let Some(senders) = &sight.senders else {
            found.extend(values_of(tx, sight, field, None, behind, count)?);
            continue;
        };
        for sender in senders {
            found.extend(values_of(tx, sight, field, Some(sender), behind, count)?);
        }
    }
    found.sort();
    found.dedup();
    found.truncate(count);
    Ok(found)
}

/// The same of one book, and of one sender or of all: from each value straight to the next one, however many events have it.
fn values_of(
    tx: &mut dyn Tx,
    sight: &Sight,
    field: &Field,
    sender: Option<&str>,
    behind: &str,
    count: usize,
) -> Result<Vec<String>, StoreError> {
    let mut sql = Sql::new(&sight.book);
    let code = &field.codes()[0];
    let from = |sql: &mut Sql| {
        sql.push("select min(r.held) from market_event_run as r where r.book = $1 and r.field = ").text(code);
        if let Some(sender) = sender {
            sql.push(&format!(" and r.{OF_SENDERS} and r.sender = ")).text(sender);
        }
        sql.push(" and r.held < 't' and r.held > ");
    };
    sql.push("with recursive v(held) as (");
    from(&mut sql);
    sql.text(&text_run(behind)).push(" union all select (");
    from(&mut sql);
    sql.push("v.held) from v where v.held is not null) select v.held from v where v.held is not null");
    sql.push(&format!(" limit {count}"));
    let params: Vec<Param<'_>> = sql.params.iter().map(Param::from).collect();
    let rows = tx.query(&sql.text, &params)?;
    rows.iter().map(|row| Ok(row.text(0)?.strip_prefix('s').unwrap_or_default().to_owned())).collect()
}

/// Whether some event has a text in a field.
pub fn has_value(tx: &mut dyn Tx, sights: &[Sight], field: &Field, text: &str) -> Result<bool, StoreError> {
    for sight in sights {
        let mut sql = Sql::new(&sight.book);
        sql.push("select 1 as one from market_event_run where book = $1 and ");
        sql.among("field", [&*field.codes()[0]]).push(" and held = ");
        sql.text(&run_of(&Held::Text(epcis::query::stored(text).into_owned())));
        if let Some(senders) = &sight.senders {
            sql.push(" and ").among("sender", senders.iter().map(String::as_str));
        }
        if sql.count(tx, 1)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether some event names a thing.
pub fn has_thing(tx: &mut dyn Tx, sights: &[Sight], condition: &Condition) -> Result<bool, StoreError> {
    for sight in sights {
        let Some(way) = Way::along(&sight.book, None, condition) else { continue };
        let mut sql = way.sql;
        sql.text = format!(
            "select 1 as one from ({}) as way cross join market_event as e where e.book = $1 and e.seq = way.seq and ",
            sql.text
        );
        let senders = sight.senders.as_deref();
        sql.condition(condition, senders).sender(senders);
        if sql.count(tx, 1)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The things that some events name, in the order in which they were first named: book by book, event by event.
pub struct Things {
    pub ids: Vec<String>,
    /// Where the rest begins: a place among the books, the number of an event, and how many of its things were given out.
    pub next: Option<(usize, Seq, usize)>,
}

/// So many things from a place on.
pub fn things(
    tx: &mut dyn Tx,
    sights: &[Sight],
    from: (usize, Seq, usize),
    count: usize,
) -> Result<Things, StoreError> {
    let (mut ids, mut stretches) = (Vec::new(), 0);
    let (mut at, mut seq, mut given) = (from.0, from.1.to_i64(), from.2);
    while at < sights.len() {
        if stretches == STRETCHES_MAX {
            return Ok(Things { ids, next: Some((at, Seq::from_i64(seq), given)) });
        }
        stretches += 1;
        let Named { named, last } = named_first(tx, sights, at, seq)?;
        for of_event in named.chunk_by(|a, b| a.0 == b.0) {
            // Of the first event some may have been given out on the page before.
            let before = if of_event[0].0 == seq { given } else { 0 };
            for (n, (of, id)) in of_event.iter().enumerate().skip(before) {
                if ids.len() == count {
                    return Ok(Things { ids, next: Some((at, Seq::from_i64(*of), n)) });
                }
                ids.push(id.clone());
            }
        }
        (at, seq, given) = last.map_or((at + 1, 0, 0), |last| (at, last + 1, 0));
    }
    Ok(Things { ids, next: None })
}

struct Named {
    /// Events and things that no earlier one named.
    named: Vec<(i64, String)>,
    /// The last event that was looked at.
    last: Option<i64>,
}

/// The things that were first named by the next events of a book, from a number on.
fn named_first(tx: &mut dyn Tx, sights: &[Sight], at: usize, from: i64) -> Result<Named, StoreError> {
    let sight = &sights[at];
    let mut sql = Sql::new(&sight.book);
    sql.push("select max(w.seq) from (");
    stretch(&mut sql, sight, from);
    sql.push(") as w");
    let params: Vec<Param<'_>> = sql.params.iter().map(Param::from).collect();
    let last = tx.query_one(&sql.text, &params)?.map_or(Ok(None), |row| row.int_or_null(0))?;
    if last.is_none() {
        return Ok(Named { named: Vec::new(), last });
    }
    let mut sql = Sql::new(&sight.book);
    sql.push("select distinct w.seq, f.held from (");
    stretch(&mut sql, sight, from);
    sql.push(") as w cross join market_event_fact as f where f.book = w.book and f.seq = w.seq and ");
    sql.among("f.field", What::AnyEpc.members().iter().copied());
    for (other, sight) in sights.iter().enumerate().take(at + 1) {
        sql.push(
            " and not exists (select 1 from link as l cross join market_event as e cross join market_event_fact as g
            where g.book = e.book and g.seq = e.seq and g.held = l.subject and ",
        );
        sql.among("g.field", What::AnyEpc.members().iter().copied()).push(" and l.book = ");
        sql.text(sight.book.as_str()).push(" and l.subject = f.held and e.book = l.book and e.seq = l.seq");
        if other == at {
            sql.push(" and l.seq < w.seq");
        }
        sql.sender(sight.senders.as_deref()).push(")");
    }
    sql.push(" order by w.seq, f.held");
    let params: Vec<Param<'_>> = sql.params.iter().map(Param::from).collect();
    let rows = tx.query(&sql.text, &params)?;
    let named = rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?.to_owned())));
    Ok(Named { named: named.collect::<Result<_, StoreError>>()?, last })
}

/// The next events that are seen, from a number on.
fn stretch(sql: &mut Sql, sight: &Sight, from: i64) {
    match &sight.senders {
        None => {
            sql.push("select e.book, e.seq from market_event as e where e.book = $1 and e.seq >= ").int(from);
            sql.push(&format!(" order by e.seq limit {STRETCH_EVENTS}"));
        }
        Some(senders) => {
            sql.push("select e.book, e.seq from (select distinct block from (").sent_by(senders);
            sql.push(") as every where block >= ").int(from.div_euclid(BLOCK_EVENTS));
            sql.push(&format!(" order by block limit {STRETCH_BLOCKS}) as b cross join market_event as e"));
            sql.push(&format!(" where e.book = $1 and e.seq >= b.block * {BLOCK_EVENTS} and "));
            sql.push(&format!("e.seq < b.block * {BLOCK_EVENTS} + {BLOCK_EVENTS} and e.seq >= ")).int(from);
            sql.sender(Some(senders));
        }
    }
}
