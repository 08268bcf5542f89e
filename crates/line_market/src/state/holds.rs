//! Which lots came out of which, and the holds that a lot was under.

use std::collections::BTreeSet;

use base::{BookId, Seq, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx, placeholders};

use super::Lot;

/// One step from a lot to a lot that came out of it, by transfer or split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descent {
    pub parent: String,
    pub lot: String,
}

/// Every lot that came out of a lot, in however many steps; a parent stands before its children.
pub fn descendants(tx: &mut dyn Tx, book: &BookId, lot: &str) -> Result<Vec<Descent>, StoreError> {
    let mut family = Vec::new();
    let mut known = BTreeSet::from([lot.to_owned()]);
    let mut hop = vec![lot.to_owned()];
    while !hop.is_empty() {
        let mut next = Vec::new();
        for (parent, lot) in steps(tx, book, "parent", &hop)? {
            if known.insert(lot.clone()) {
                next.push(lot.clone());
                family.push(Descent { parent, lot });
            }
        }
        hop = next;
    }
    Ok(family)
}

/// Every lot that a lot came out of, the nearest first.
pub fn ancestors(tx: &mut dyn Tx, book: &BookId, lot: &str) -> Result<Vec<String>, StoreError> {
    // A lot comes out of one lot at most, and that one came out of another before.
    const UP: &str = "with recursive up(lot, seq) as (
            select parent, seq from market_descent where book = $1 and lot = $2
            union all
            select it.parent, it.seq from up cross join market_descent as it where it.book = $1 and it.lot = up.lot
        )
        select lot from up order by seq desc";
    let rows = tx.query(UP, &[Param::Text(book.as_str()), Param::Text(lot)])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// The lot that a lot came out of at first, which may be itself, and those in between that one merchant took over from another,
/// in this order. Whatever comes out of the lot comes out of them all.
pub fn origins(tx: &mut dyn Tx, book: &BookId, lot: &Lot) -> Result<Vec<String>, StoreError> {
    // A lot comes out of one lot at most, and that one came out of another before.
    const CHAIN: &str = "with recursive up(lot, seq) as (
            select parent, seq from market_descent where book = $1 and lot = $2
            union all
            select it.parent, it.seq from up cross join market_descent as it where it.book = $1 and it.lot = up.lot
        )
        select up.lot, its.merchant from up join market_lot as its on its.book = $1 and its.lot = up.lot
        order by up.seq desc";
    let (mut last, mut merchant, mut found) = (lot.lot.clone(), lot.merchant.clone(), Vec::new());
    for row in tx.query(CHAIN, &[Param::Text(book.as_str()), Param::Text(&lot.lot)])? {
        if row.text(1)? != merchant {
            merchant = row.text(1)?.to_owned();
            found.push(last);
        }
        last = row.text(0)?.to_owned();
    }
    found.push(last);
    found.reverse();
    Ok(found)
}

/// How many lots came out of one, counted up to a number.
pub fn count_out_of(tx: &mut dyn Tx, book: &BookId, lot: &str, most: usize) -> Result<usize, StoreError> {
    const COUNT: &str = "with recursive down(lot) as (
            select lot from (select lot from market_descent where book = $1 and parent = $2 limit $3) as children
            union all
            select it.lot from down cross join market_descent as it where it.book = $1 and it.parent = down.lot
        )
        select count(*) from (select lot from down limit $3) as counted";
    let most = Param::Int(i64::try_from(most).unwrap_or(i64::MAX));
    let count = tx.query_one(COUNT, &[Param::Text(book.as_str()), Param::Text(lot), most])?;
    Ok(usize::try_from(count.map_or(Ok(0), |row| row.int(0))?).unwrap_or_default())
}

/// Parents and children of which one side is among the given lots.
fn steps(
    tx: &mut dyn Tx,
    book: &BookId,
    side: &str,
    lots: &[String],
) -> Result<Vec<(String, String)>, StoreError> {
    let mut found = Vec::new();
    for chunk in lots.chunks(200) {
        let sql = format!(
            "select parent, lot from market_descent where book = $1 and {side} in ({}) order by seq, lot",
            placeholders(2, chunk.len())
        );
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(chunk.iter().map(|lot| Param::Text(lot)));
        for row in tx.query(&sql, &params)? {
            found.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        }
    }
    Ok(found)
}

/// A hold that a lot is or was under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Hold {
    /// The entry that held it.
    pub hold: Seq,
    pub lot: String,
    pub reason: String,
    /// The held lot that this one came out of, if both were held by one act.
    pub ancestor: Option<String>,
    pub at: Time,
    pub released_at: Option<Time>,
    /// The passed retest that its release rests on.
    pub retest: Option<Seq>,
}

const HOLD: &str =
    "select hold, lot, reason, ancestor, occurred, released_at, retest from market_hold where book = $1";

/// The holds of some lots, the latest first.
pub fn holds<S: AsRef<str>>(
    tx: &mut dyn Tx,
    book: &BookId,
    lots: &[S],
    count: usize,
) -> Result<Vec<Hold>, StoreError> {
    let mut found = Vec::new();
    for chunk in lots.chunks(200) {
        let sql =
            format!("{HOLD} and lot in ({}) order by hold desc limit {count}", placeholders(2, chunk.len()));
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(chunk.iter().map(|lot| Param::Text(lot.as_ref())));
        for row in tx.query(&sql, &params)? {
            found.push(hold_of(&row)?);
        }
    }
    found.sort_by_key(|hold| std::cmp::Reverse(hold.hold));
    found.truncate(count);
    Ok(found)
}

fn hold_of(row: &Row) -> Result<Hold, StoreError> {
    Ok(Hold {
        hold: Seq::from_i64(row.int(0)?),
        lot: row.text(1)?.to_owned(),
        reason: row.text(2)?.to_owned(),
        ancestor: row.text_or_null(3)?.map(str::to_owned),
        at: Time(row.int(4)?),
        released_at: row.int_or_null(5)?.map(Time),
        retest: row.int_or_null(6)?.map(Seq::from_i64),
    })
}
