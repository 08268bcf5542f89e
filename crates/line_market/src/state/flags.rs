//! Flags: lots whose supplier brought the same product in another lot that failed its test, in this market or another.
//! A flag is a view of what the tests say, and ends with the test that says otherwise: for the same item, or as a repetition.

use std::collections::{BTreeMap, BTreeSet};

use base::{BookId, Time};
use serde::Serialize;
use store::{Param, StoreError, Tx, placeholders};

use crate::balance::ToldLot;
use crate::rules;

/// The lot that failed, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Flag {
    #[schema(value_type = String)]
    pub book: BookId,
    pub lot: String,
}

/// Deliveries further apart than this say nothing about each other. An arrival may be written down so many days late.
const APART_MS_MAX: i64 = (rules::WRITTEN_DAYS_MAX as i64 + 1) * 24 * 3_600_000;
/// Failed lots that are read for some suppliers, the latest first.
const FAILED_MAX: usize = 500;
const BOOKS: usize = 100;
const SUPPLIERS: usize = 100;

struct Failed {
    flag: Flag,
    supplier: String,
    product: String,
    arrived_at: Time,
}

/// The flags of some lots of a book, as far as these books tell: of those that may still be at a stall, by what the reader is told
/// of them.
pub fn flags(
    tx: &mut dyn Tx,
    books: &[BookId],
    home: &BookId,
    lots: &[ToldLot],
) -> Result<BTreeMap<String, Flag>, StoreError> {
    let asked = || lots.iter().filter(|lot| lot.hold.is_none() && lot.may_be_left());
    let suppliers: BTreeSet<&str> = asked().map(|lot| lot.supplier.as_str()).collect();
    let suppliers: Vec<&str> = suppliers.into_iter().collect();
    let times = || asked().map(|lot| lot.arrived_at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(BTreeMap::new()) };
    let arrived = (first.plus_ms(-APART_MS_MAX), last.plus_ms(APART_MS_MAX));
    let mut failed = Vec::new();
    for books in books.chunks(BOOKS) {
        for suppliers in suppliers.chunks(SUPPLIERS) {
            failed.extend(read(tx, books, suppliers, arrived)?);
        }
    }
    let flag = |lot: &ToldLot| {
        let found = failed.iter().find(|it| {
            it.supplier == lot.supplier
                && it.product == lot.product
                && (it.flag.book != *home || it.flag.lot != lot.lot)
                && it.arrived_at.since_ms(lot.arrived_at).abs() <= APART_MS_MAX
        });
        found.map(|it| (lot.lot.clone(), it.flag.clone()))
    };
    Ok(asked().filter_map(flag).collect())
}

/// A lot counts once, however many of its tests failed.
fn read(
    tx: &mut dyn Tx,
    books: &[BookId],
    suppliers: &[&str],
    (first, last): (Time, Time),
) -> Result<Vec<Failed>, StoreError> {
    let sql = format!(
        "select distinct book, lot, supplier, product, received_at from market_failure
         where received_at between {} and {} and book in ({}) and supplier in ({})
         order by received_at desc, book, lot limit {FAILED_MAX}",
        first.0,
        last.0,
        placeholders(1, books.len()),
        placeholders(1 + books.len(), suppliers.len())
    );
    let mut params: Vec<Param<'_>> = books.iter().map(|book| Param::Text(book.as_str())).collect();
    params.extend(suppliers.iter().map(|supplier| Param::Text(supplier)));
    let failed = |row: &store::Row| {
        let book = BookId::new(row.text(0)?).map_err(|error| StoreError::Schema(error.to_string()))?;
        Ok(Failed {
            flag: Flag { book, lot: row.text(1)?.to_owned() },
            supplier: row.text(2)?.to_owned(),
            product: row.text(3)?.to_owned(),
            arrived_at: Time(row.int(4)?),
        })
    };
    tx.query(&sql, &params)?.iter().map(failed).collect()
}
