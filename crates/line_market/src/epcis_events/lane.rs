//! One book's part of an answer: the events that fit, bit by bit, in the order of the answer.
//!
//! Where a condition leads to few events, these are looked at and sorted. Otherwise the book is read in order: span by span
//! (see [`super::index`]) where its events came about as they happened, and event by event where they did not or only those
//! at one place are asked for.

mod spans;

use std::collections::VecDeque;

use base::BookId;
use epcis::Query;
use epcis::query::{Among, Condition, Field, Held, OrderBy, OrderDirection};
use store::{Param, Row, StoreError, Tx, Value};

use super::filter::{Leads, Sql, Way};
use super::index::BLOCK_EVENTS;
use super::query::QueryRefusal;
use super::resolve::resolve;

/// Events that a way may lead to before walking in order is thought to be quicker.
const NARROW_SEQS_MAX: usize = 4_096;
const NARROW_BLOCKS_MAX: usize = 256;
/// The same, where only one place is asked for.
const AT_PLACE_MAX: usize = 512;
/// Events looked at in one statement of a walk.
const STEP: usize = 2_000;
/// A book, and whose events in it may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    pub book: BookId,
    /// Only what these sent; `None` for everything.
    pub senders: Option<Vec<String>>,
}

/// An event that fits: what it is ordered by, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Its event time or its time of recording.
    pub value: i64,
    pub seq: i64,
}

enum Plan {
    Nothing,
    Narrow(Way),
    /// In order, looking at each event.
    Walk,
}

/// The part of one book.
pub struct Lane<'b> {
    pub sight: &'b Sight,
    query: Query,
    /// The one place that is asked for: its events lie in the order of their times.
    place: Option<String>,
    plan: Plan,
    /// Found, and not yet taken.
    waiting: VecDeque<Hit>,
    /// Everything before this was looked at; also a walk that found nothing comes so far.
    pub reached: Option<Hit>,
    is_done: bool,
    /// Bounds of the numbers; the upper one is exclusive. In a book they follow the time of recording.
    seqs: (i64, i64),
    /// Bounds of the event time; the upper one is exclusive.
    times: (i64, i64),
}

impl<'b> Lane<'b> {
    /// Opens a lane behind a position of the answer, in this or another book.
    pub fn open(
        tx: &mut dyn Tx,
        sight: &'b Sight,
        query: &Query,
        behind: Option<(&BookId, Hit)>,
    ) -> Result<Result<Self, QueryRefusal>, StoreError> {
        Self::within(tx, sight, query, (i64::MIN, i64::MAX), behind)
    }

    /// Opens a lane over some of the numbers of the book; the upper bound is exclusive.
    pub fn within(
        tx: &mut dyn Tx,
        sight: &'b Sight,
        query: &Query,
        seqs: (i64, i64),
        behind: Option<(&BookId, Hit)>,
    ) -> Result<Result<Self, QueryRefusal>, StoreError> {
        let query = match resolve(tx, sight, query)? {
            Ok(query) => query,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let book = &sight.book;
        let mut lane = Self {
            sight,
            plan: Plan::Walk,
            waiting: VecDeque::new(),
            reached: None,
            is_done: false,
            place: place_of(&query).filter(|_| query.order_by != OrderBy::RecordTime),
            seqs,
            times: (
                query.event_time.from.map_or(i64::MIN, |from| from.ms_utc),
                query.event_time.before.map_or(i64::MAX, |before| before.ms_utc),
            ),
            query,
        };
        if let Some(from) = lane.query.record_time.from {
            lane.seqs.0 = lane.seqs.0.max(first_recorded(tx, book, from.ms_utc)?);
        }
        if let Some(before) = lane.query.record_time.before {
            lane.seqs.1 = lane.seqs.1.min(first_recorded(tx, book, before.ms_utc)?);
        }
        if let Some((of, hit)) = behind {
            lane.go_behind(tx, of, hit)?;
        }
        lane.plan = lane.choose(tx)?;
        Ok(Ok(lane))
    }

    fn is_asc(&self) -> bool {
        self.query.order_direction == OrderDirection::Asc
    }

    fn by_time(&self) -> bool {
        self.query.order_by != OrderBy::RecordTime
    }

    /// Events of the same moment stand in the order of their books.
    fn go_behind(&mut self, tx: &mut dyn Tx, of: &BookId, hit: Hit) -> Result<(), StoreError> {
        let book = &self.sight.book;
        if book == of {
            self.step(hit);
            return Ok(());
        }
        // Books behind that one still have their events of that very moment before them.
        let is_behind = (book > of) == self.is_asc();
        let moment = hit.value.saturating_add(i64::from(is_behind != self.is_asc()));
        let bound = if self.by_time() { moment } else { first_recorded(tx, book, moment)? };
        let is_asc = self.is_asc();
        let range = if self.by_time() { &mut self.times } else { &mut self.seqs };
        if is_asc {
            range.0 = range.0.max(bound);
        } else {
            range.1 = range.1.min(bound);
        }
        Ok(())
    }

    fn step(&mut self, hit: Hit) {
        self.reached = Some(hit);
        match (self.by_time(), self.is_asc()) {
            (true, _) => {}
            (false, true) => self.seqs.0 = self.seqs.0.max(hit.seq.saturating_add(1)),
            (false, false) => self.seqs.1 = self.seqs.1.min(hit.seq),
        }
    }

    /// The shortest way to all that fits.
    fn choose(&self, tx: &mut dyn Tx) -> Result<Plan, StoreError> {
        // So few that they are looked at one by one, whatever is asked.
        if self.seqs.1.saturating_sub(self.seqs.0) <= STEP as i64 {
            return Ok(Plan::Walk);
        }
        let senders = self.sight.senders.as_deref();
        let conditions = self.query.conditions.iter();
        let along = conditions.filter_map(|condition| Way::along(&self.sight.book, senders, condition));
        let of = senders.map(|senders| Way::of(&self.sight.book, senders));
        let mut best: Option<(usize, Way)> = None;
        for way in along.chain(of) {
            let (max, weight) = match way.leads {
                Leads::Seqs => (NARROW_SEQS_MAX, 1),
                Leads::Blocks => (NARROW_BLOCKS_MAX, 16),
            };
            let max = if self.place.is_some() { max.min(AT_PLACE_MAX / weight) } else { max };
            let count = way.sql.count(tx, max + 1)?;
            if count == 0 {
                return Ok(Plan::Nothing);
            }
            if count <= max && best.as_ref().is_none_or(|(least, _)| count * weight < *least) {
                best = Some((count * weight, way));
            }
        }
        Ok(best.map_or(Plan::Walk, |(_, way)| Plan::Narrow(way)))
    }

    /// The next event that fits, if it was found already.
    pub fn first(&self) -> Option<Hit> {
        self.waiting.front().copied()
    }

    pub fn take(&mut self) -> Option<Hit> {
        self.waiting.pop_front()
    }

    /// Whether there is nothing more to look at.
    pub fn is_done(&self) -> bool {
        self.is_done && self.waiting.is_empty()
    }

    /// Looks for so many more; returns how many events were looked at one by one.
    pub fn fill(&mut self, tx: &mut dyn Tx, count: usize) -> Result<usize, StoreError> {
        match &self.plan {
            Plan::Nothing => {
                self.is_done = true;
                Ok(0)
            }
            Plan::Narrow(way) => {
                let sql = self.narrow(way, "e.event_time, e.recorded, e.seq");
                let rows = self.run(tx, sql, count)?;
                self.is_done = rows.len() < count;
                for row in &rows {
                    let hit = self.hit(row)?;
                    self.waiting.push_back(hit);
                    self.step(hit);
                }
                Ok(0)
            }
            Plan::Walk => match self.spans(tx)? {
                Some(spans) => self.sweep(tx, &spans, count),
                None => self.walk(tx, count),
            },
        }
    }

    /// Whether nothing is asked but times and a place.
    fn all_fit(&self) -> bool {
        self.query.conditions.len() == usize::from(self.place.is_some()) && self.sight.senders.is_none()
    }

    fn at_place(&self, sql: &mut Sql) {
        if let Some(place) = &self.place {
            sql.push(" and e.biz_location = ").text(place);
        }
    }

    fn walk(&mut self, tx: &mut dyn Tx, count: usize) -> Result<usize, StoreError> {
        let all_fit = self.all_fit();
        let step = if all_fit { count } else { STEP };
        let rows = self.run(tx, self.stretch(step), step)?;
        self.is_done = rows.len() < step;
        for row in &rows {
            let hit = self.hit(row)?;
            if row.int(3)? == 1 {
                self.waiting.push_back(hit);
            }
            self.step(hit);
        }
        Ok(if all_fit { 0 } else { rows.len() })
    }

    /// How many events fit, up to a number; and how many were looked at one by one. `None` if more than `looked_max`
    /// would have to be.
    pub fn count(
        &mut self,
        tx: &mut dyn Tx,
        max: usize,
        looked_max: usize,
    ) -> Result<Option<(usize, usize)>, StoreError> {
        let limited = match &self.plan {
            Plan::Nothing => return Ok(Some((0, 0))),
            Plan::Narrow(way) => Some(self.narrow(way, "1 as one")),
            Plan::Walk if self.all_fit() => {
                let mut sql = Sql::new(&self.sight.book);
                sql.push("select 1 as one from market_event as e where e.book = $1");
                self.at_place(&mut sql);
                self.restrict(&mut sql, "e.");
                Some(sql)
            }
            Plan::Walk => None,
        };
        if let Some(sql) = limited {
            return Ok(Some((sql.count(tx, max)?, 0)));
        }
        let (mut found, mut looked) = (0, 0);
        while found < max && !self.is_done {
            if looked >= looked_max {
                return Ok(None);
            }
            looked += self.walk(tx, max)?;
            found += self.waiting.drain(..).count();
        }
        Ok(Some((found.min(max), looked)))
    }

    fn hit(&self, row: &Row) -> Result<Hit, StoreError> {
        Ok(Hit { value: row.int(usize::from(!self.by_time()))?, seq: row.int(2)? })
    }

    fn run(&self, tx: &mut dyn Tx, mut sql: Sql, count: usize) -> Result<Vec<Row>, StoreError> {
        sql.push(&format!(" limit {count}"));
        let params: Vec<Param<'_>> = sql.params.iter().map(Param::from).collect();
        tx.query(&sql.text, &params)
    }

    /// What a way leads to and fits. A sign keeps the database from walking an index of times instead.
    fn narrow(&self, way: &Way, columns: &str) -> Sql {
        let mut sql = way.sql.clone();
        let (name, on) = match way.leads {
            Leads::Seqs => ("seq", "e.seq = way.seq".to_owned()),
            Leads::Blocks => {
                let on = format!(
                    "e.seq >= way.block * {BLOCK_EVENTS} and e.seq < way.block * {BLOCK_EVENTS} + {BLOCK_EVENTS}"
                );
                ("block", on)
            }
        };
        sql.text = format!(
            "select {columns} from (select distinct {name} from ({}) as every) as way cross join market_event as e
            where e.book = $1 and {on}",
            sql.text
        );
        self.restrict(&mut sql, "e.");
        self.ask(&mut sql, " and ");
        if columns != "1 as one" {
            self.order(&mut sql, "+e.");
        }
        sql
    }

    /// The next events in order, each with whether it fits.
    fn stretch(&self, step: usize) -> Sql {
        let mut sql = Sql::new(&self.sight.book);
        if self.all_fit() {
            sql.push("select e.event_time, e.recorded, e.seq, cast(1 as bigint) as fits from market_event as e where e.book = $1");
            self.at_place(&mut sql);
            self.restrict(&mut sql, "e.");
            self.order(&mut sql, "e.");
            return sql;
        }
        sql.push("select e.event_time, e.recorded, e.seq, case when ");
        self.ask(&mut sql, "");
        sql.push(" then cast(1 as bigint) else 0 end as fits from (select * from market_event as e where e.book = $1");
        self.at_place(&mut sql);
        self.restrict(&mut sql, "e.");
        self.order(&mut sql, "e.");
        sql.push(&format!(" limit {step}) as e"));
        self.order(&mut sql, "e.");
        sql
    }

    fn ask(&self, sql: &mut Sql, first: &str) {
        let mut and = first;
        for condition in &self.query.conditions {
            sql.push(and).condition(condition, self.sight.senders.as_deref());
            and = " and ";
        }
        if and.is_empty() {
            sql.push("1 = 1");
        }
        sql.sender(self.sight.senders.as_deref());
    }

    fn restrict(&self, sql: &mut Sql, prefix: &str) {
        for (column, (from, before)) in [("seq", self.seqs), ("event_time", self.times)] {
            if from != i64::MIN {
                sql.push(&format!(" and {prefix}{column} >= ")).int(from);
            }
            if before != i64::MAX {
                sql.push(&format!(" and {prefix}{column} < ")).int(before);
            }
        }
        if let (Some(hit), true) = (self.reached, self.by_time()) {
            let sign = if self.is_asc() { ">" } else { "<" };
            sql.push(&format!(" and ({prefix}event_time, {prefix}seq) {sign} ("));
            sql.bind(Value::Int(hit.value)).push(", ").int(hit.seq).push(")");
        }
    }

    fn order(&self, sql: &mut Sql, prefix: &str) {
        let direction = if self.is_asc() { "asc" } else { "desc" };
        let columns: &[&str] = if self.by_time() { &["event_time", "seq"] } else { &["seq"] };
        let by: Vec<String> = columns.iter().map(|column| format!("{prefix}{column} {direction}")).collect();
        sql.push(" order by ").push(&by.join(", "));
    }
}

fn place_of(query: &Query) -> Option<String> {
    query.conditions.iter().find_map(|condition| match condition {
        Condition::Among(Among { field: Field::BizLocation, values }) => match &values[..] {
            [value] => match Held::from(value.clone()) {
                Held::Text(place) => Some(place),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

/// The least number among the events of a book that were recorded at a moment or later.
pub fn first_recorded(tx: &mut dyn Tx, book: &BookId, moment: i64) -> Result<i64, StoreError> {
    const ENDS: &str = "select min(seq), max(seq) from market_event where book = $1";
    const NEXT: &str =
        "select seq, recorded from market_event where book = $1 and seq >= $2 order by seq limit 1";
    let Some(ends) = tx.query_one(ENDS, &[Param::Text(book.as_str())])? else { return Ok(i64::MAX) };
    let (Some(mut low), Some(last)) = (ends.int_or_null(0)?, ends.int_or_null(1)?) else {
        return Ok(i64::MAX);
    };
    let mut high = last + 1;
    while low < high {
        let middle = low + (high - low) / 2;
        match tx.query_one(NEXT, &[Param::Text(book.as_str()), Param::Int(middle)])? {
            Some(row) if row.int(1)? < moment => low = row.int(0)? + 1,
            _ => high = middle,
        }
    }
    Ok(if low > last { i64::MAX } else { low })
}
