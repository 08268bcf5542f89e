//! Reading a book span by span: in the order of their numbers events are read many times as fast as in that of their
//! times, which takes a look into another tree for each.

use epcis::query::{Condition, Field};
use store::{Row, StoreError, Tx};

use super::{Hit, Lane};
use crate::epcis_events::filter::Sql;
use crate::epcis_events::index::{COLUMNS, SPAN_EVENTS};

/// Spans read at a time.
const SPANS: usize = 8;
/// What a span counts for where columns decide: it is read as fast as so many events one by one.
const SPAN_WEIGHT: usize = 1_000;

/// Some of the numbers of a book, and the time at which it begins in the order of the answer.
pub(super) struct Span {
    number: i64,
    edge: i64,
}

impl Lane<'_> {
    /// The next spans in order of time, and one more if there is one; none where walking is quicker, or as quick.
    pub(super) fn spans(&self, tx: &mut dyn Tx) -> Result<Option<Vec<Span>>, StoreError> {
        if !self.by_time() || self.all_fit() || self.place.is_some() {
            return Ok(None);
        }
        let mut sql = Sql::new(&self.sight.book);
        sql.push("select span, first_time, last_time from market_event_span where book = $1 and span >= ")
            .int(self.seqs.0.div_euclid(SPAN_EVENTS))
            .push(" and span <= ")
            .int((self.seqs.1.saturating_sub(1)).div_euclid(SPAN_EVENTS))
            .push(" and last_time >= ")
            .int(self.times.0)
            .push(" and first_time < ")
            .int(self.times.1);
        if let Some(reached) = self.reached {
            let bound = if self.is_asc() { " and last_time >= " } else { " and first_time <= " };
            sql.push(bound).int(reached.value);
        }
        let order = if self.is_asc() { "first_time, span" } else { "last_time desc, span desc" };
        sql.push(" order by ").push(order);
        let rows = self.run(tx, sql, SPANS + 1)?;
        let edge = if self.is_asc() { 1 } else { 2 };
        let span = |row: &Row| Ok(Span { number: row.int(0)?, edge: row.int(edge)? });
        let spans = rows.iter().map(span).collect::<Result<Vec<_>, StoreError>>()?;
        if let Some(next) = spans.get(SPANS) {
            // Events that came in another order lie in many spans at once, and reading them all would not come far.
            let mut sql = Sql::new(&self.sight.book);
            let sign = if self.is_asc() { "<" } else { ">" };
            sql.push("select 1 as one from market_event as e where e.book = $1")
                .push(&format!(" and e.event_time {sign} "))
                .int(next.edge);
            self.restrict(&mut sql, "e.");
            if sql.count(tx, SPAN_EVENTS as usize)? < SPAN_EVENTS as usize {
                return Ok(None);
            }
        }
        Ok(Some(spans))
    }

    pub(super) fn sweep(
        &mut self,
        tx: &mut dyn Tx,
        spans: &[Span],
        count: usize,
    ) -> Result<usize, StoreError> {
        let is_asc = self.is_asc();
        let by_columns = self.query.conditions.iter().all(is_column);
        let weight = if by_columns { SPAN_WEIGHT } else { SPAN_EVENTS as usize };
        let (mut found, mut looked) = (Vec::<Hit>::new(), 0);
        self.is_done = spans.is_empty();
        for (at, span) in spans.iter().take(SPANS).enumerate() {
            for row in &self.run(tx, self.within_span(span), count)? {
                found.push(self.hit(row)?);
            }
            found.sort_unstable();
            if !is_asc {
                found.reverse();
            }
            found.truncate(count);
            looked += weight;
            let Some(next) = spans.get(at + 1) else {
                self.is_done = found.len() < count;
                break;
            };
            let comes_before = |hit: &Hit| if is_asc { hit.value < next.edge } else { hit.value > next.edge };
            if found.len() == count && found.iter().all(comes_before) {
                break;
            }
            if at + 1 == SPANS {
                found.retain(comes_before);
                self.step(Hit { value: next.edge, seq: if is_asc { i64::MIN } else { i64::MAX } });
                self.waiting.extend(found);
                return Ok(looked);
            }
        }
        if let Some(last) = found.last() {
            self.step(*last);
        }
        self.waiting.extend(found);
        Ok(looked)
    }

    /// What of a span fits. A sign keeps the database from walking an index of times instead.
    fn within_span(&self, span: &Span) -> Sql {
        let mut sql = Sql::new(&self.sight.book);
        let first = span.number * SPAN_EVENTS;
        sql.push(
            "select e.event_time, e.recorded, e.seq from market_event as e where e.book = $1 and e.seq >= ",
        )
        .int(first)
        .push(" and e.seq < ")
        .int(first + SPAN_EVENTS);
        self.restrict(&mut sql, "+e.");
        self.ask(&mut sql, " and ");
        self.order(&mut sql, "+e.");
        sql
    }
}

/// Whether the row of an event decides on a condition.
fn is_column(condition: &Condition) -> bool {
    matches!(condition, Condition::Among(among) if among.field == Field::EventId || COLUMNS.contains(&among.field))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that meets an error should panic")]

    use base::BookId;
    use epcis::Query;
    use epcis::query::{Among, OrderDirection, Scalar};
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    use store::{Insert, Param, Store, Type};
    use store_sqlite::SqliteStore;

    use super::*;
    use crate::epcis_events::lane::{Plan, Sight};

    const EVENTS: i64 = 14 * SPAN_EVENTS;
    const PLACES: i64 = 150;
    const INSERT: Insert = Insert {
        table: "market_event",
        columns: &[
            ("book", Type::Text),
            ("seq", Type::Int),
            ("event_id", Type::Text),
            ("event_type", Type::Text),
            ("event_time", Type::Int),
            ("recorded", Type::Int),
            ("sender", Type::Text),
            ("read_point", Type::Text),
        ],
        then: "",
    };
    const FILL: &str = "insert into market_event_span (book, span, first_time, last_time)
        select book, seq / 8192, min(event_time), max(event_time) from market_event group by book, seq / 8192";

    struct Event {
        time: i64,
        seq: i64,
        place: i64,
    }

    /// A book whose events came at some times, by their numbers.
    fn store_of(
        folder: &std::path::Path,
        time: impl Fn(i64, &mut StdRng) -> i64,
    ) -> (SqliteStore, Vec<Event>) {
        let mut random = StdRng::seed_from_u64(1);
        let event = |seq| Event { time: time(seq, &mut random), seq, place: random.random_range(0..PLACES) };
        let events: Vec<Event> = (0..EVENTS).map(event).collect();
        let store = SqliteStore::open(&folder.join("events.db")).unwrap();
        let mut writer = store.writer().unwrap();
        let mut tx = writer.begin().unwrap();
        // One of the line's steps asks the kernel's links.
        tx.execute("create table link (book text, subject text, role text, seq bigint, mates text)", &[])
            .unwrap();
        store::migrate(tx.as_tx(), crate::schema::MIGRATIONS).unwrap();
        let texts: Vec<(String, String)> =
            events.iter().map(|event| (event.seq.to_string(), place(event.place))).collect();
        for (events, texts) in events.chunks(10_000).zip(texts.chunks(10_000)) {
            let mut cells = Vec::new();
            for (event, (id, place)) in events.iter().zip(texts) {
                let (time, kind) = (Param::Int(event.time), Param::Text(""));
                cells.extend([Param::Text("b"), Param::Int(event.seq), id.into(), kind, time, time]);
                cells.extend([Param::Text("a"), place.into()]);
            }
            tx.as_tx().insert_many(&INSERT, &cells).unwrap();
        }
        tx.as_tx().execute(FILL, &[]).unwrap();
        tx.commit().unwrap();
        drop(writer);
        (store, events)
    }

    fn place(number: i64) -> String {
        format!("urn:place:{number}")
    }

    /// Asks for events of a place in some time, page by page, and compares with looking at each.
    fn hold(name: &str, time: impl Fn(i64, &mut StdRng) -> i64) {
        let folder = tempfile::tempdir().unwrap();
        let (store, events) = store_of(folder.path(), time);
        let mut random = StdRng::seed_from_u64(2);
        let sight = Sight { book: BookId::new("b").unwrap(), senders: None };
        for at in 0..24 {
            let bound = |random: &mut StdRng| events[random.random_range(0..events.len())].time;
            let (from, before) = (bound(&mut random), bound(&mut random));
            let is_asc = at % 2 == 0;
            let wanted = random.random_range(0..PLACES);
            let mut query = Query {
                order_direction: if is_asc { OrderDirection::Asc } else { OrderDirection::Desc },
                ..Query::default()
            };
            query.conditions = vec![Condition::Among(Among {
                field: Field::ReadPoint,
                values: vec![Scalar::Text(place(wanted))],
            })];
            let mut expected: Vec<Hit> = events
                .iter()
                .filter(|event| event.place == wanted)
                .map(|event| Hit { value: event.time, seq: event.seq })
                .collect();
            expected.sort_unstable();
            if !is_asc {
                expected.reverse();
            }
            let mut found = Vec::new();
            let mut read = |tx: &mut dyn Tx| {
                let mut lane = Lane::open(tx, &sight, &query, None)?.unwrap();
                lane.plan = Plan::Walk;
                if at % 3 != 0 {
                    lane.times = (from.min(before), from.max(before));
                }
                expected.retain(|hit| (lane.times.0..lane.times.1).contains(&hit.value));
                while !lane.is_done() {
                    lane.fill(tx, 1 + at * 7)?;
                    found.extend(std::iter::from_fn(|| lane.take()));
                }
                Ok(())
            };
            store.read(&mut read).unwrap();
            assert_eq!(found, expected, "{name}, {at}");
        }
    }

    const SECOND: i64 = 1_000;

    #[test]
    fn what_came_as_it_happened_is_found_in_order() {
        hold("in order", |seq, _| seq * SECOND);
        hold("at the same moments", |seq, _| seq / 500 * SECOND);
        hold("nearly in order", |seq, random| {
            seq * SECOND + random.random_range(-600 * SECOND..600 * SECOND)
        });
    }

    #[test]
    fn what_came_late_or_in_any_order_is_found_in_order() {
        hold("in any order", |_, random| random.random_range(0..EVENTS * SECOND));
        hold("backwards", |seq, _| -seq * SECOND);
        hold("some of it late", |seq, random| match random.random_range(0..5_000) {
            0 => EVENTS * 2 * SECOND,
            1 => 0,
            _ => seq * SECOND,
        });
    }
}
