//! Tests of lots, and which of those that failed stand.

use std::collections::HashSet;

use base::{BookId, Seq, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx, placeholders};

/// A test of a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Inspection {
    pub seq: Seq,
    pub lot: String,
    pub method: String,
    pub item: String,
    pub reading: String,
    pub verdict: String,
    pub retest_of: Option<Seq>,
    pub at: Time,
}

const INSPECTION: &str =
    "select seq, lot, method, item, reading, verdict, retest_of, at from market_inspection where book = $1";

/// Tests, the latest first; of one lot or of all.
pub fn inspections(
    tx: &mut dyn Tx,
    book: &BookId,
    lot: Option<&str>,
    count: usize,
) -> Result<Vec<Inspection>, StoreError> {
    let of_lot = if lot.is_some() { "and lot = $2" } else { "" };
    let sql = format!("{INSPECTION} {of_lot} order by seq desc limit {count}");
    let mut params = vec![Param::Text(book.as_str())];
    params.extend(lot.map(Param::Text));
    tx.query(&sql, &params)?.iter().map(inspection_of).collect()
}

/// The latest tests of some lots.
pub fn inspections_of<S: AsRef<str>>(
    tx: &mut dyn Tx,
    book: &BookId,
    lots: &[S],
    count: usize,
) -> Result<Vec<Inspection>, StoreError> {
    let mut found = Vec::new();
    for chunk in lots.chunks(200) {
        let among = placeholders(2, chunk.len());
        let sql = format!("{INSPECTION} and lot in ({among}) order by seq desc limit {count}");
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(chunk.iter().map(|lot| Param::Text(lot.as_ref())));
        for row in tx.query(&sql, &params)? {
            found.push(inspection_of(&row)?);
        }
    }
    found.sort_by_key(|test| std::cmp::Reverse(test.seq));
    found.truncate(count);
    Ok(found)
}

/// All tests of a lot, in the order in which they were recorded.
pub fn tests(tx: &mut dyn Tx, book: &BookId, lot: &str) -> Result<Vec<Inspection>, StoreError> {
    let sql = format!("{INSPECTION} and lot = $2 order by seq");
    tx.query(&sql, &[Param::Text(book.as_str()), Param::Text(lot)])?.iter().map(inspection_of).collect()
}

/// The first test of a lot that failed and that no later one took back.
pub fn failure(tx: &mut dyn Tx, book: &BookId, lot: &str) -> Result<Option<Inspection>, StoreError> {
    const FIRST: &str = "select min(test) from market_failure where book = $1 and lot = $2";
    let first = tx.query_one(FIRST, &[Param::Text(book.as_str()), Param::Text(lot)])?;
    match first.map_or(Ok(None), |row| row.int_or_null(0))? {
        Some(seq) => inspection(tx, book, Seq::from_i64(seq)),
        None => Ok(None),
    }
}

/// Which of some lots failed a test that no later one took back.
pub fn failed_lots(tx: &mut dyn Tx, book: &BookId, lots: &[&str]) -> Result<HashSet<String>, StoreError> {
    lots_among(tx, "select distinct lot from market_failure where book = $1", book, lots)
}

/// Which of some lots failed a test of their own, taken back or not.
pub fn once_failed_lots(
    tx: &mut dyn Tx,
    book: &BookId,
    lots: &[&str],
) -> Result<HashSet<String>, StoreError> {
    const FAILED: &str = "select distinct lot from market_inspection where book = $1 and verdict <> 'pass'";
    lots_among(tx, FAILED, book, lots)
}

fn lots_among(
    tx: &mut dyn Tx,
    found_by: &str,
    book: &BookId,
    lots: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for chunk in lots.chunks(200) {
        let sql = format!("{found_by} and lot in ({})", placeholders(2, chunk.len()));
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(chunk.iter().map(|lot| Param::Text(lot)));
        for row in tx.query(&sql, &params)? {
            found.insert(row.text(0)?.to_owned());
        }
    }
    Ok(found)
}

/// A failed test of the lot that a test is of: one that it repeats, if there is such a one.
pub fn failed_before(
    tx: &mut dyn Tx,
    book: &BookId,
    test: &Inspection,
) -> Result<Option<Inspection>, StoreError> {
    let sql = format!(
        "{INSPECTION} and lot = $2 and verdict <> 'pass'
         order by case when (item = $3 or seq = $4) and seq < $5 and at <= $6 then 0 else 1 end, seq limit 1"
    );
    let params = [
        Param::Text(book.as_str()),
        Param::Text(&test.lot),
        Param::Text(&test.item),
        test.retest_of.map_or(Param::Null, |seq| Param::Int(seq.to_i64())),
        Param::Int(test.seq.to_i64()),
        Param::Int(test.at.0),
    ];
    tx.query_one(&sql, &params)?.as_ref().map(inspection_of).transpose()
}

/// The test that an entry tells of.
pub fn inspection(tx: &mut dyn Tx, book: &BookId, seq: Seq) -> Result<Option<Inspection>, StoreError> {
    let sql = format!("{INSPECTION} and seq = $2");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Int(seq.to_i64())])?;
    row.as_ref().map(inspection_of).transpose()
}

fn inspection_of(row: &Row) -> Result<Inspection, StoreError> {
    Ok(Inspection {
        seq: Seq::from_i64(row.int(0)?),
        lot: row.text(1)?.to_owned(),
        method: row.text(2)?.to_owned(),
        item: row.text(3)?.to_owned(),
        reading: row.text(4)?.to_owned(),
        verdict: row.text(5)?.to_owned(),
        retest_of: row.int_or_null(6)?.map(Seq::from_i64),
        at: Time(row.int(7)?),
    })
}
