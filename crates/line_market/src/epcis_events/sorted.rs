//! Answers in the order of an extension: what fits is sorted as a whole, so it must not be too much.

use std::collections::HashMap;

use base::Time;
use epcis::Query;
use epcis::query::{Field, Held, OrderBy, OrderDirection};
use kernel::Page;
use store::{Param, Row, StoreError, Tx, placeholders};

use super::Found;
use super::lane::{Hit, Lane, Sight};
use super::query::{
    LOOKED_MAX, PER_PAGE, QueryRefusal, SORTED_FACTS_MAX, SORTED_MAX, Spot, Weigh, read_page,
};

/// Hits asked of a lane at a time.
const CHUNK: usize = 256;
/// Events whose values are looked at in one statement: few of many values are too many.
const KEYED_CHUNK: usize = 64;

/// Where the next page starts: so many events in, of those that were recorded until then.
struct Cursor {
    given: usize,
    recorded: Time,
}

impl Cursor {
    fn print(&self) -> String {
        format!("x.{}.{}", self.given, self.recorded.0)
    }

    fn read(token: &str) -> Option<Self> {
        let (given, recorded) = token.strip_prefix("x.")?.split_once('.')?;
        Some(Self { given: given.parse().ok()?, recorded: Time(recorded.parse().ok()?) })
    }
}

pub(super) fn query(
    tx: &mut dyn Tx,
    sights: &[Sight],
    query: &Query,
    field: &Field,
    weigh: Weigh<'_>,
) -> Result<Result<Page<Found>, QueryRefusal>, StoreError> {
    let start = match query.next_page_token.as_deref().map(Cursor::read) {
        Some(None) => return Ok(Err(QueryRefusal::Token)),
        cursor => cursor.flatten(),
    };
    let mut spots = match matching(tx, sights, query)? {
        Ok(spots) => spots,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // What was recorded since the first page would shift the others.
    let recorded = spots.iter().map(|(_, hit)| hit.value).max().unwrap_or(i64::MIN);
    let recorded = start.as_ref().map_or(recorded, |cursor| cursor.recorded.0);
    spots.retain(|(_, hit)| hit.value <= recorded);
    if let (Some(max), None) = (query.max_event_count, &start)
        && spots.len() > max
    {
        return Ok(Err(QueryRefusal::TooMany(max)));
    }
    let mut keyed = match keyed(tx, sights, field, &spots)? {
        Ok(keyed) => keyed,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let is_asc = query.order_direction == OrderDirection::Asc;
    let place = |spot: &Spot| (spot.0, spot.1.seq);
    keyed.sort_by(|(a, at), (b, bt)| {
        let order = match (a, b) {
            (Some(a), Some(b)) if is_asc => a.cmp(b),
            (Some(a), Some(b)) => b.cmp(a),
            // What has no such field comes last.
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        order.then(place(at).cmp(&place(bt)))
    });
    keyed.truncate(query.event_count_limit.unwrap_or(usize::MAX));
    let given = start.map_or(0, |cursor| cursor.given);
    let count = query.per_page.unwrap_or(PER_PAGE);
    let page: Vec<Spot> = keyed.iter().skip(given).take(count).map(|(_, spot)| *spot).collect();
    let (items, taken) = match read_page(tx, sights, &page, weigh)? {
        Ok(page) => page,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let given = given + taken;
    let next = (given < keyed.len()).then(|| Cursor { given, recorded: Time(recorded) }.print());
    Ok(Ok(Page { items, next }))
}

/// All that fits, with the time of recording.
fn matching(
    tx: &mut dyn Tx,
    sights: &[Sight],
    query: &Query,
) -> Result<Result<Vec<Spot>, QueryRefusal>, StoreError> {
    let by_record =
        Query { order_by: OrderBy::RecordTime, order_direction: OrderDirection::Asc, ..query.clone() };
    let (mut spots, mut looked) = (Vec::<Spot>::new(), 0);
    for (at, sight) in sights.iter().enumerate() {
        let mut lane = match Lane::open(tx, sight, &by_record, None)? {
            Ok(lane) => lane,
            Err(refusal) => return Ok(Err(refusal)),
        };
        while !lane.is_done() {
            looked += lane.fill(tx, CHUNK)?;
            spots.extend(std::iter::from_fn(|| lane.take()).map(|hit: Hit| (at, hit)));
            if spots.len() > SORTED_MAX || looked > LOOKED_MAX {
                return Ok(Err(QueryRefusal::TooManyToSort));
            }
        }
    }
    Ok(Ok(spots))
}

/// An event, and what it is sorted by.
type Keyed = (Option<Held>, Spot);

/// The least value of the field in each event.
fn keyed(
    tx: &mut dyn Tx,
    sights: &[Sight],
    field: &Field,
    spots: &[Spot],
) -> Result<Result<Vec<Keyed>, QueryRefusal>, StoreError> {
    let (code, mut facts) = (&field.codes()[0], 0);
    let mut keyed: Vec<Keyed> = spots.iter().map(|spot| (None, *spot)).collect();
    for (at, sight) in sights.iter().enumerate() {
        let mut of_book: Vec<&mut Keyed> = keyed.iter_mut().filter(|(_, spot)| spot.0 == at).collect();
        for chunk in of_book.chunks_mut(KEYED_CHUNK) {
            // Every fact of an event is looked at, and counts.
            let sql = format!(
                "select seq, min(case when field = $2 then held end), min(case when field = $2 then number end),
                min(case when field = $2 then moment end), count(*) from market_event_fact
                where book = $1 and seq in ({}) group by seq",
                placeholders(3, chunk.len())
            );
            let mut params = vec![Param::Text(sight.book.as_str()), Param::Text(code)];
            params.extend(chunk.iter().map(|(_, (_, hit))| Param::Int(hit.seq)));
            let rows = tx.query(&sql, &params)?;
            for row in &rows {
                facts += row.int(4)?;
            }
            if facts > SORTED_FACTS_MAX as i64 {
                return Ok(Err(QueryRefusal::TooManyToSort));
            }
            let mut least = rows.iter().map(least).collect::<Result<HashMap<_, _>, _>>()?;
            for (held, (_, hit)) in chunk {
                *held = least.remove(&hit.seq).flatten();
            }
        }
    }
    Ok(Ok(keyed))
}

/// An event by its number, and the least of its values; in their order numbers stand before moments, and those before texts.
fn least(row: &Row) -> Result<(i64, Option<Held>), StoreError> {
    let (number, moment) = (row.int_or_null(2)?.map(Held::Number), row.int_or_null(3)?.map(Held::Moment));
    let text = row.text_or_null(1)?.map(|text| Held::Text(text.to_owned()));
    Ok((row.int(0)?, number.or(moment).or(text)))
}
