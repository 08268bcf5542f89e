//! The simple event query over the captured events of some books.
//!
//! SQL finds candidates in the order of the answer, book by book; [`Query::matches`] decides on each.

use std::collections::{BTreeMap, HashMap, VecDeque};

use base::limits::BODY_BYTES_MAX;
use base::{BookId, Seq};
use epcis::query::{OrderBy, OrderDirection};
use epcis::{Context, Event, Limits, Query};
use kernel::Page;
use ledger::Entry;
use serde_json::Value;
use store::{Param, StoreError, Tx, Value as SqlValue};

use super::filter::Sql;
use super::{Found, id_of};
use crate::kinds::EpcisCaptured;

/// Events of a page where the query names no number.
pub const PER_PAGE: usize = 30;
/// Events read for one page at most.
pub const SCANNED_MAX: usize = 20_000;
/// Events read at a time.
const CHUNK: usize = 256;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryRefusal {
    #[error("nextPageToken was not given out for a query in this order")]
    Token,
    /// `QueryTooLargeException`, as the query itself asks for.
    #[error("more than {0} events match, which is what maxEventCount allows")]
    TooMany(usize),
    /// `QueryTooComplexException`: a limit of ours.
    #[error("more than {SCANNED_MAX} events would have to be read; name a time or whole identifiers")]
    TooComplex,
}

/// A page of the events that match, each with its `eventID` and `recordTime`.
///
/// Goes on behind `query.next_page_token`, if it has one.
pub fn query(
    tx: &mut dyn Tx,
    books: &[BookId],
    query: &Query,
) -> Result<Result<Page<Found>, QueryRefusal>, StoreError> {
    let start = match query.next_page_token.as_deref().map(|token| Cursor::read(token, query)) {
        Some(None) => return Ok(Err(QueryRefusal::Token)),
        cursor => cursor.flatten(),
    };
    if let (Some(max), None) = (query.max_event_count, &start) {
        match collect(tx, books, query, None, max.saturating_add(1))? {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(found) if found.len() > max => return Ok(Err(QueryRefusal::TooMany(max))),
            Ok(_) => {}
        }
    }
    let given = start.as_ref().map_or(0, |cursor| cursor.given);
    let left = query.event_count_limit.map_or(usize::MAX, |limit| limit.saturating_sub(given));
    let wanted = query.per_page.unwrap_or(PER_PAGE).min(left);
    // One more tells whether there is a next page.
    let mut found = match collect(tx, books, query, start, wanted + usize::from(wanted < left))? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let next = (found.len() > wanted).then(|| {
        found.truncate(wanted);
        let last = found.last()?;
        Some(
            Cursor { value: last.0, seq: last.1.seq, given: given + wanted, book: last.1.book.clone() }
                .print(query),
        )
    });
    Ok(Ok(Page { items: found.into_iter().map(|(_, found)| found).collect(), next: next.flatten() }))
}

/// The event with an ID and the declarations of its error; none if it was not captured in these books.
pub fn with_id(tx: &mut dyn Tx, books: &[BookId], event_id: &str) -> Result<Vec<Found>, StoreError> {
    let ask = Query { event_ids: vec![event_id.to_owned()], ..Query::default() };
    // There are two a book at most, so no limit is met.
    Ok(query(tx, books, &ask)?.map(|page| page.items).unwrap_or_default())
}

/// Where the next page starts: behind this event. Its text is opaque to clients.
struct Cursor {
    /// Event time or time of recording, whichever the order goes by.
    value: i64,
    seq: Seq,
    /// Events given out so far.
    given: usize,
    book: BookId,
}

impl Cursor {
    fn print(&self, query: &Query) -> String {
        format!("{}.{}.{}.{}.{}", order_letters(query), self.value, self.seq, self.given, self.book)
    }

    fn read(token: &str, query: &Query) -> Option<Self> {
        let mut fields = token.split('.');
        let letters = fields.next()?;
        let cursor = Self {
            value: fields.next()?.parse().ok()?,
            seq: Seq(fields.next()?.parse().ok().filter(|seq| i64::try_from(*seq).is_ok())?),
            given: fields.next()?.parse().ok()?,
            book: BookId::new(fields.next()?).ok()?,
        };
        (letters == order_letters(query) && fields.next().is_none()).then_some(cursor)
    }
}

fn order_letters(query: &Query) -> &'static str {
    match (query.order_by, query.order_direction) {
        (OrderBy::EventTime, OrderDirection::Asc) => "ea",
        (OrderBy::EventTime, OrderDirection::Desc) => "ed",
        (OrderBy::RecordTime, OrderDirection::Asc) => "ra",
        (OrderBy::RecordTime, OrderDirection::Desc) => "rd",
    }
}

type Collected = Result<Vec<(i64, Found)>, QueryRefusal>;

/// The first events that match, with what they are ordered by.
fn collect(
    tx: &mut dyn Tx,
    books: &[BookId],
    query: &Query,
    start: Option<Cursor>,
    wanted: usize,
) -> Result<Collected, StoreError> {
    let mut lanes = books
        .iter()
        .map(|book| Lane::open(tx, book, query, start.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let (mut found, mut scanned) = (Vec::new(), 0);
    while found.len() < wanted {
        let count = (wanted - found.len()).min(CHUNK);
        let candidates = merge(tx, &mut lanes, query, count)?;
        if candidates.is_empty() {
            break;
        }
        scanned += candidates.len();
        if scanned > SCANNED_MAX {
            return Ok(Err(QueryRefusal::TooComplex));
        }
        let mut entries = read(tx, books, &candidates)?;
        for (value, lane, seq) in candidates {
            let Some(entry) = entries.remove(&(lane, seq)) else { continue };
            found.extend(matching(&entry, query)?.map(|event| (value, event)));
        }
    }
    Ok(Ok(found))
}

/// The entries of candidates, by the place of their book and their number.
fn read(
    tx: &mut dyn Tx,
    books: &[BookId],
    candidates: &[(i64, usize, Seq)],
) -> Result<HashMap<(usize, Seq), Entry>, StoreError> {
    let mut by_book: BTreeMap<usize, Vec<Seq>> = BTreeMap::new();
    for (_, lane, seq) in candidates {
        by_book.entry(*lane).or_default().push(*seq);
    }
    let mut found = HashMap::with_capacity(candidates.len());
    for (lane, seqs) in by_book {
        let entries = kernel::entries::entries(tx, &books[lane], &seqs)?;
        found.extend(entries.into_iter().map(|entry| ((lane, entry.seq), entry)));
    }
    Ok(found)
}

fn matching(entry: &Entry, query: &Query) -> Result<Option<Found>, StoreError> {
    let shape =
        |detail: String| StoreError::Schema(format!("entry {} of {}: {detail}", entry.seq, entry.book));
    let captured: EpcisCaptured = entry.body().map_err(|error| shape(error.to_string()))?;
    let mut event = captured.event;
    event["recordTime"] = Value::String(entry.recorded.to_string());
    if event.get("eventID").is_none() {
        event["eventID"] = Value::String(id_of(&captured.event_id).to_owned());
    }
    // It was captured under limits that may have been others.
    let limits = Limits { text_bytes_max: BODY_BYTES_MAX, items_max: BODY_BYTES_MAX, ..Limits::default() };
    let event = Event::from_value(event, &Context::read(&captured.context), &limits)
        .map_err(|error| shape(error.to_string()))?;
    let found = |event: Event| Found {
        book: entry.book.clone(),
        seq: entry.seq,
        event: event.raw,
        context: captured.context,
    };
    Ok(query.matches(&event, entry.recorded.0).then(|| found(event)))
}

/// The next candidates of all books, in order.
fn merge(
    tx: &mut dyn Tx,
    lanes: &mut [Lane<'_>],
    query: &Query,
    count: usize,
) -> Result<Vec<(i64, usize, Seq)>, StoreError> {
    let mut merged = Vec::with_capacity(count);
    while merged.len() < count {
        let mut first: Option<(i64, &BookId, usize)> = None;
        for (at, lane) in lanes.iter_mut().enumerate() {
            if lane.waiting.is_empty() && !lane.is_done {
                lane.fill(tx, query, count)?;
            }
            let Some((value, _)) = lane.waiting.front() else { continue };
            let is_before = match (first, query.order_direction) {
                (None, _) => true,
                (Some((value_first, book, _)), OrderDirection::Asc) => {
                    (*value, lane.book) < (value_first, book)
                }
                (Some((value_first, book, _)), OrderDirection::Desc) => {
                    (*value, lane.book) > (value_first, book)
                }
            };
            if is_before {
                first = Some((*value, lane.book, at));
            }
        }
        let Some((_, _, at)) = first else { break };
        if let Some((value, seq)) = lanes[at].waiting.pop_front() {
            merged.push((value, at, seq));
        }
    }
    Ok(merged)
}

/// The candidates of one book, read bit by bit.
struct Lane<'b> {
    book: &'b BookId,
    waiting: VecDeque<(i64, Seq)>,
    is_done: bool,
    /// Bounds of the numbers; the upper one is exclusive. In a book they follow the time of recording.
    seqs: (i64, i64),
    /// Bounds of the event time; the upper one is exclusive.
    times: (i64, i64),
    /// The event time and number that the next candidate stands behind.
    after: Option<(i64, i64)>,
}

impl<'b> Lane<'b> {
    fn open(
        tx: &mut dyn Tx,
        book: &'b BookId,
        query: &Query,
        start: Option<&Cursor>,
    ) -> Result<Self, StoreError> {
        let mut lane = Self {
            book,
            waiting: VecDeque::new(),
            is_done: false,
            seqs: (i64::MIN, i64::MAX),
            times: (
                query.event_time_from.map_or(i64::MIN, |from| from.ms_utc),
                query.event_time_before.map_or(i64::MAX, |before| before.ms_utc),
            ),
            after: None,
        };
        if let Some(from) = query.record_time_from {
            lane.seqs.0 = first_recorded(tx, book, from.ms_utc)?;
        }
        if let Some(before) = query.record_time_before {
            lane.seqs.1 = first_recorded(tx, book, before.ms_utc)?;
        }
        if let Some(cursor) = start {
            lane.go_behind(tx, query, cursor)?;
        }
        Ok(lane)
    }

    /// Events of the same moment stand in the order of their books.
    fn go_behind(&mut self, tx: &mut dyn Tx, query: &Query, cursor: &Cursor) -> Result<(), StoreError> {
        let is_asc = query.order_direction == OrderDirection::Asc;
        if *self.book == cursor.book {
            self.step(query, cursor.value, cursor.seq.to_i64());
            return Ok(());
        }
        // Books behind the cursor's still have their events of that very moment before them.
        let is_behind = (*self.book > cursor.book) == is_asc;
        let moment = cursor.value.saturating_add(i64::from(is_behind != is_asc));
        let bound = match query.order_by {
            OrderBy::EventTime => moment,
            OrderBy::RecordTime => first_recorded(tx, self.book, moment)?,
        };
        let range = match query.order_by {
            OrderBy::EventTime => &mut self.times,
            OrderBy::RecordTime => &mut self.seqs,
        };
        if is_asc {
            range.0 = range.0.max(bound);
        } else {
            range.1 = range.1.min(bound);
        }
        Ok(())
    }

    fn step(&mut self, query: &Query, value: i64, seq: i64) {
        match (query.order_by, query.order_direction) {
            (OrderBy::EventTime, _) => self.after = Some((value, seq)),
            (OrderBy::RecordTime, OrderDirection::Asc) => {
                self.seqs.0 = self.seqs.0.max(seq.saturating_add(1))
            }
            (OrderBy::RecordTime, OrderDirection::Desc) => self.seqs.1 = self.seqs.1.min(seq),
        }
    }

    fn fill(&mut self, tx: &mut dyn Tx, query: &Query, count: usize) -> Result<(), StoreError> {
        let mut sql = Sql::new(self.book);
        self.restrict(&mut sql, query);
        sql.what(query);
        let by = match query.order_by {
            OrderBy::EventTime => ["event_time", "seq"].as_slice(),
            OrderBy::RecordTime => &["seq"],
        };
        let direction = if query.order_direction == OrderDirection::Asc { "asc" } else { "desc" };
        // A sign keeps the database from walking the index of times where a few events are named.
        let sign = if sql.is_narrow { "+" } else { "" };
        let by: Vec<String> = by.iter().map(|column| format!("{sign}{column} {direction}")).collect();
        let text = format!(
            "select event_time, recorded, seq from market_epcis where {} order by {} limit {count}",
            sql.text,
            by.join(", ")
        );
        let params: Vec<Param<'_>> = sql.params.iter().map(Param::from).collect();
        let rows = tx.query(&text, &params)?;
        self.is_done = rows.len() < count;
        for row in rows {
            let value = row.int(if query.order_by == OrderBy::EventTime { 0 } else { 1 })?;
            self.waiting.push_back((value, Seq::from_i64(row.int(2)?)));
        }
        if let Some((value, seq)) = self.waiting.back().copied() {
            self.step(query, value, seq.to_i64());
        }
        Ok(())
    }

    fn restrict(&self, sql: &mut Sql, query: &Query) {
        for (column, (from, before)) in [("seq", self.seqs), ("event_time", self.times)] {
            if from != i64::MIN {
                sql.and(&[column, " >= "], SqlValue::Int(from));
            }
            if before != i64::MAX {
                sql.and(&[column, " < "], SqlValue::Int(before));
            }
        }
        if let Some((value, seq)) = self.after {
            let sign = if query.order_direction == OrderDirection::Asc { ">" } else { "<" };
            let (value, seq) = (sql.param(SqlValue::Int(value)), sql.param(SqlValue::Int(seq)));
            sql.text.push_str(&format!(" and (event_time, seq) {sign} ({value}, {seq})"));
        }
    }
}

/// The least number among the events of a book that were recorded at a moment or later.
fn first_recorded(tx: &mut dyn Tx, book: &BookId, moment: i64) -> Result<i64, StoreError> {
    const ENDS: &str = "select min(seq), max(seq) from market_epcis where book = $1";
    const NEXT: &str =
        "select seq, recorded from market_epcis where book = $1 and seq >= $2 order by seq limit 1";
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
