//! The simple event query over the captured events of some books: pages, counts, and single events.
//!
//! Each book is a [`Lane`]; SQL decides on every condition, so that only the events of the page are read.

use std::collections::HashMap;
use std::time::Duration;

use base::limits::{EPCIS_PAGE_BYTES_MAX, SEARCH_MS_MAX};
use base::{BookId, Seq};
use epcis::Query;
use epcis::query::{Among, Condition, Field, OrderBy, OrderDirection, Scalar};
use kernel::{Kernel, Page};
use ledger::Entry;
use serde_json::Value;
use store::{Param, StoreError, Tx};

use super::lane::{Hit, Lane, Sight};
use super::resolve::{PLACES_MAX, PLACES_OF_SENDER_MAX};
use super::{Found, id_of, sorted};
use crate::kinds::EpcisCaptured;

/// Events of a page where the query names no number.
pub const PER_PAGE: usize = 30;
/// Events looked at one by one for a page at most; a page that meets it is shorter than asked for.
pub const LOOKED_MAX: usize = 50_000;
/// Events that an answer is sorted from at most, where it is ordered by an extension; and values of theirs that are looked at.
pub const SORTED_MAX: usize = 20_000;
pub const SORTED_FACTS_MAX: usize = 200_000;
/// Hits asked of a lane at a time.
const CHUNK: usize = 256;
/// Events read at a time for a page.
const READ_CHUNK: usize = 64;
/// What a value weighs at least, however short it is written: it takes as much in memory.
const BYTES_PER_VALUE: usize = 256;

/// Bytes that an event takes in an answer, where that may be more than it has as it is kept.
pub type Weigh<'a> = &'a dyn Fn(&Found) -> usize;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryRefusal {
    #[error("nextPageToken was not given out for this query, or has expired")]
    Token,
    /// `QueryTooLargeException`, as the query itself asks for.
    #[error("more than {0} events match, which is what maxEventCount allows")]
    TooMany(usize),
    /// `QueryTooComplexException`: a limit of ours.
    #[error(
        "more than {LOOKED_MAX} events would have to be looked at to count them; name a time or whole identifiers"
    )]
    TooManyToCount,
    /// `QueryTooComplexException`: a limit of ours.
    #[error(
        "more than {SORTED_MAX} events, or {SORTED_FACTS_MAX} values of theirs, would have to be sorted; name a time or whole identifiers"
    )]
    TooManyToSort,
    /// `QueryTooComplexException`: a limit of ours.
    #[error("the answer takes too long; name a time or whole identifiers")]
    TooSlow,
    /// `QueryTooComplexException`: a limit of ours.
    #[error(
        "master data tell of too many places below those asked for; one sender may tell of {PLACES_OF_SENDER_MAX}, all together of {PLACES_MAX}"
    )]
    TooManyPlaces,
    /// `QueryTooLargeException`: a limit of ours. Nothing so long has been captured since events are bounded.
    #[error("the event {0} takes more than {EPCIS_PAGE_BYTES_MAX} bytes in XML; ask for JSON")]
    TooLong(String),
}

/// What is read for somebody who asks as they like, if it is read in time.
pub fn search<T>(
    kernel: &Kernel,
    read: impl FnOnce(&mut dyn Tx) -> Result<Result<T, QueryRefusal>, StoreError>,
) -> Result<Result<T, QueryRefusal>, StoreError> {
    match kernel.read_within(Duration::from_millis(SEARCH_MS_MAX), read) {
        Err(StoreError::Late(at)) => {
            tracing::warn!(at, "a query took too long");
            Ok(Err(QueryRefusal::TooSlow))
        }
        read => read,
    }
}

/// A page of the events that match, each with its `eventID` and `recordTime`.
///
/// Goes on behind `query.next_page_token`, the text that came as `next` of the page before.
pub fn query(
    tx: &mut dyn Tx,
    sights: &[Sight],
    query: &Query,
    weigh: Weigh<'_>,
) -> Result<Result<Page<Found>, QueryRefusal>, StoreError> {
    if let OrderBy::Extension(field) = &query.order_by {
        return sorted::query(tx, sights, query, field, weigh);
    }
    let start = match query.next_page_token.as_deref().map(|token| Cursor::read(token, query)) {
        Some(None) => return Ok(Err(QueryRefusal::Token)),
        cursor => cursor.flatten(),
    };
    if let (Some(max), None) = (query.max_event_count, &start)
        && let Err(refusal) = check_count(tx, sights, query, max)?
    {
        return Ok(Err(refusal));
    }
    let given = start.as_ref().map_or(0, |cursor| cursor.given);
    let left = query.event_count_limit.map_or(usize::MAX, |limit| limit.saturating_sub(given));
    let wanted = query.per_page.unwrap_or(PER_PAGE).min(left);
    // One more tells whether there is a next page.
    let mut hits = match collect(tx, sights, query, start.as_ref(), wanted + usize::from(wanted < left))? {
        Ok(hits) => hits,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut next = hits.stopped;
    if hits.found.len() > wanted {
        hits.found.truncate(wanted);
        next = hits.found.last().copied();
    }
    let (items, taken) = match read_page(tx, sights, &hits.found, weigh)? {
        Ok(page) => page,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if taken < hits.found.len() {
        hits.found.truncate(taken);
        next = hits.found.last().copied();
    }
    let given = given + hits.found.len();
    let next = next.map(|(at, hit)| Cursor { hit, given, book: sights[at].book.clone() }.print(query));
    Ok(Ok(Page { items, next }))
}

/// The event with an ID and the declarations of its error; none if it was not captured in these books.
pub fn with_id(
    tx: &mut dyn Tx,
    sights: &[Sight],
    event_id: &str,
    weigh: Weigh<'_>,
) -> Result<Result<Vec<Found>, QueryRefusal>, StoreError> {
    let ask = Query::default().and(Condition::Among(Among {
        field: Field::EventId,
        values: vec![Scalar::Text(event_id.to_owned())],
    }));
    // Of one sender there are two a book at most; of senders who share an ID, as many as a page takes.
    Ok(query(tx, sights, &ask, weigh)?.map(|page| page.items))
}

/// So many events at most as are read in the order of recording, and so many bytes of them, unless it is one.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    pub count: usize,
    pub bytes: usize,
    pub weigh: Weigh<'a>,
}

/// What was found of one book.
pub struct Recorded {
    pub found: Vec<Found>,
    /// How far was looked.
    pub next: Seq,
    /// Whether that is as far as was asked for.
    pub is_whole: bool,
}

/// The first events of one book that fit, in the order of recording, from a number on and before another, or all there are.
/// Order and number of the query itself do not count.
pub fn recorded(
    tx: &mut dyn Tx,
    sight: &Sight,
    query: &Query,
    from: Seq,
    before: Option<Seq>,
    bounds: Bounds<'_>,
) -> Result<Result<Recorded, QueryRefusal>, StoreError> {
    const LAST: &str = "select max(seq) from market_event where book = $1";
    let last = tx.query_one(LAST, &[Param::Text(sight.book.as_str())])?;
    let last = last.map(|row| row.int_or_null(0)).transpose()?.flatten();
    let end = last.map_or(0, |last| last.saturating_add(1));
    let end = before.map_or(end, |before| end.min(before.to_i64()));
    if end <= from.to_i64() {
        return Ok(Ok(Recorded { found: Vec::new(), next: from, is_whole: true }));
    }
    let query = Query {
        order_by: OrderBy::RecordTime,
        order_direction: OrderDirection::Asc,
        event_count_limit: None,
        max_event_count: None,
        ..query.clone()
    };
    let mut lane = match Lane::within(tx, sight, &query, (from.to_i64(), end), None)? {
        Ok(lane) => lane,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let count = bounds.count;
    let (mut spots, mut looked): (Vec<Spot>, usize) = (Vec::new(), 0);
    while spots.len() < count && !lane.is_done() && looked < LOOKED_MAX {
        if lane.first().is_none() {
            looked += lane.fill(tx, (count - spots.len()).min(CHUNK))?;
        }
        while spots.len() < count
            && let Some(hit) = lane.take()
        {
            spots.push((0, hit));
        }
    }
    let next = match spots.last() {
        _ if lane.is_done() => end,
        Some((_, hit)) if spots.len() == count => hit.seq.saturating_add(1),
        _ => lane.reached.map_or(from.to_i64(), |reached| reached.seq.saturating_add(1)),
    };
    let (found, taken) = read(tx, std::slice::from_ref(sight), &spots, bounds.weigh, bounds.bytes)?;
    let next = spots.get(taken).map_or(next, |(_, left)| left.seq);
    Ok(Ok(Recorded { found, next: Seq::from_i64(next), is_whole: next >= end }))
}

/// Refuses a query that has more events than it allows itself.
fn check_count(
    tx: &mut dyn Tx,
    sights: &[Sight],
    query: &Query,
    max: usize,
) -> Result<Result<(), QueryRefusal>, StoreError> {
    let (mut found, mut looked) = (0, 0);
    for sight in sights {
        let mut lane = match Lane::open(tx, sight, query, None)? {
            Ok(lane) => lane,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // What a statement may be limited to.
        let left = max.saturating_sub(found).saturating_add(1).min(u32::MAX as usize);
        match lane.count(tx, left, LOOKED_MAX.saturating_sub(looked))? {
            None => return Ok(Err(QueryRefusal::TooManyToCount)),
            Some((count, of)) => {
                found += count;
                looked += of;
            }
        }
        if found > max {
            return Ok(Err(QueryRefusal::TooMany(max)));
        }
    }
    Ok(Ok(()))
}

/// Where the next page starts: behind this event. Its text is opaque to clients.
struct Cursor {
    hit: Hit,
    /// Events given out so far.
    given: usize,
    book: BookId,
}

impl Cursor {
    fn print(&self, query: &Query) -> String {
        let Hit { value, seq } = self.hit;
        format!("{}.{value}.{seq}.{}.{}", order_letters(query), self.given, self.book)
    }

    fn read(token: &str, query: &Query) -> Option<Self> {
        let mut fields = token.split('.');
        let letters = fields.next()?;
        let mut number = || fields.next()?.parse().ok();
        let (value, seq, given) = (number()?, number()?, usize::try_from(number()?).ok()?);
        let book = BookId::new(fields.next()?).ok()?;
        let cursor = Self { hit: Hit { value, seq }, given, book };
        (letters == order_letters(query) && fields.next().is_none()).then_some(cursor)
    }
}

fn order_letters(query: &Query) -> &'static str {
    match (&query.order_by, query.order_direction) {
        (OrderBy::RecordTime, OrderDirection::Asc) => "ra",
        (OrderBy::RecordTime, OrderDirection::Desc) => "rd",
        (_, OrderDirection::Asc) => "ea",
        (_, OrderDirection::Desc) => "ed",
    }
}

/// A place of a book among those that are seen, and an event in it.
pub(super) type Spot = (usize, Hit);

/// What a page is made of.
pub(super) struct Hits {
    /// In the order of the answer.
    pub found: Vec<Spot>,
    /// How far the search came, if it stopped before its end.
    pub stopped: Option<Spot>,
}

/// The first events that fit, behind a cursor.
fn collect(
    tx: &mut dyn Tx,
    sights: &[Sight],
    query: &Query,
    start: Option<&Cursor>,
    wanted: usize,
) -> Result<Result<Hits, QueryRefusal>, StoreError> {
    let behind = start.map(|cursor| (&cursor.book, cursor.hit));
    let mut lanes = Vec::with_capacity(sights.len());
    for sight in sights {
        match Lane::open(tx, sight, query, behind)? {
            Ok(lane) => lanes.push(lane),
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    let is_asc = query.order_direction == OrderDirection::Asc;
    let before = |a: Spot, b: Spot| {
        let key = |(at, hit): Spot| (hit.value, &sights[at].book, hit.seq);
        if is_asc { key(a) < key(b) } else { key(a) > key(b) }
    };
    let (mut found, mut looked) = (Vec::new(), 0);
    loop {
        let count = (wanted - found.len()).min(CHUNK);
        if count == 0 {
            return Ok(Ok(Hits { found, stopped: None }));
        }
        let mut stopped: Option<Spot> = None;
        for (at, lane) in lanes.iter_mut().enumerate() {
            // Each lane goes a step at least, so that every page comes further.
            while lane.first().is_none() && !lane.is_done() && (looked < LOOKED_MAX || lane.reached.is_none())
            {
                looked += lane.fill(tx, count)?;
            }
            if let (None, false, Some(reached)) = (lane.first(), lane.is_done(), lane.reached) {
                let spot = (at, reached);
                stopped = Some(stopped.filter(|other| before(*other, spot)).unwrap_or(spot));
            }
        }
        let mut first: Option<Spot> = None;
        for (at, lane) in lanes.iter().enumerate() {
            if let Some(hit) = lane.first() {
                first = Some(first.filter(|other| before(*other, (at, hit))).unwrap_or((at, hit)));
            }
        }
        match (first, stopped) {
            (Some(spot), stop) if stop.is_none_or(|stop| before(spot, stop)) => {
                found.extend(lanes[spot.0].take().map(|hit| (spot.0, hit)));
            }
            (_, stopped) => return Ok(Ok(Hits { found, stopped })),
        }
    }
}

/// As many of the events at some places as one page takes, one at least, and how many places that are.
pub(super) fn read_page(
    tx: &mut dyn Tx,
    sights: &[Sight],
    spots: &[Spot],
    weigh: Weigh<'_>,
) -> Result<Result<(Vec<Found>, usize), QueryRefusal>, StoreError> {
    let (page, taken) = read(tx, sights, spots, weigh, EPCIS_PAGE_BYTES_MAX)?;
    Ok(match page.as_slice() {
        [only] if weigh(only) > EPCIS_PAGE_BYTES_MAX => {
            let id = only.event.get("eventID").and_then(Value::as_str).unwrap_or_default();
            Err(QueryRefusal::TooLong(id.to_owned()))
        }
        _ => Ok((page, taken)),
    })
}

/// As many of the events at some places as some bytes take, one at least, and how many places that are.
fn read(
    tx: &mut dyn Tx,
    sights: &[Sight],
    spots: &[Spot],
    weigh: Weigh<'_>,
    bytes_max: usize,
) -> Result<(Vec<Found>, usize), StoreError> {
    let (mut read, mut bytes, mut taken) = (Vec::new(), 0_usize, 0);
    for chunk in spots.chunks(READ_CHUNK) {
        let mut entries = entries(tx, sights, chunk)?;
        for spot in chunk {
            if let Some(entry) = entries.remove(&(spot.0, spot.1.seq)) {
                let event = found(&entry)?;
                let values = count(&event.context) + event.event.values().map(count).sum::<usize>();
                let text = entry.body.as_deref().map_or(0, str::len);
                bytes = bytes.saturating_add(weigh(&event).max(text).max(values * BYTES_PER_VALUE));
                if bytes > bytes_max && !read.is_empty() {
                    return Ok((read, taken));
                }
                read.push(event);
            }
            taken += 1;
        }
    }
    Ok((read, taken))
}

/// How many values there are, with lists and objects.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// The entries at some places.
fn entries(
    tx: &mut dyn Tx,
    sights: &[Sight],
    spots: &[Spot],
) -> Result<HashMap<(usize, i64), Entry>, StoreError> {
    let mut by_book: HashMap<usize, Vec<Seq>> = HashMap::new();
    for (at, hit) in spots {
        by_book.entry(*at).or_default().push(Seq::from_i64(hit.seq));
    }
    let mut entries: HashMap<(usize, i64), Entry> = HashMap::with_capacity(spots.len());
    for (at, seqs) in by_book {
        let read = kernel::entries::entries(tx, &sights[at].book, &seqs)?;
        entries.extend(read.into_iter().map(|entry| ((at, entry.seq.to_i64()), entry)));
    }
    Ok(entries)
}

/// An event on its way out.
pub(super) fn found(entry: &Entry) -> Result<Found, StoreError> {
    let shape =
        |detail: String| StoreError::Schema(format!("entry {} of {}: {detail}", entry.seq, entry.book));
    let EpcisCaptured { event, event_id, context, .. } =
        entry.body().map_err(|error| shape(error.to_string()))?;
    let Value::Object(mut event) = event else { return Err(shape("is no event".into())) };
    event.insert("recordTime".into(), Value::String(entry.recorded.to_string()));
    if !event.contains_key("eventID") {
        event.insert("eventID".into(), Value::String(id_of(&event_id).to_owned()));
    }
    Ok(Found { book: entry.book.clone(), seq: entry.seq, event, context })
}
