//! Complaints, and what became of them.

use base::{BookId, Seq, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx};

/// A complaint and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ComplaintRow {
    pub seq: Seq,
    pub slip: Option<String>,
    pub at: Time,
    pub settled_seq: Option<Seq>,
    pub outcome: Option<String>,
    pub settled_at: Option<Time>,
}

/// Complaints, the latest first.
pub fn complaints(tx: &mut dyn Tx, book: &BookId, count: usize) -> Result<Vec<ComplaintRow>, StoreError> {
    let sql = format!("{COMPLAINT} order by seq desc limit {count}");
    tx.query(&sql, &[Param::Text(book.as_str())])?.iter().map(complaint_of).collect()
}

pub fn complaint(tx: &mut dyn Tx, book: &BookId, seq: Seq) -> Result<Option<ComplaintRow>, StoreError> {
    let sql = format!("{COMPLAINT} and seq = $2");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Int(seq.to_i64())])?;
    row.as_ref().map(complaint_of).transpose()
}

const COMPLAINT: &str =
    "select seq, slip, at, settled_seq, outcome, settled_at from market_complaint where book = $1";

fn complaint_of(row: &Row) -> Result<ComplaintRow, StoreError> {
    Ok(ComplaintRow {
        seq: Seq::from_i64(row.int(0)?),
        slip: row.text_or_null(1)?.map(str::to_owned),
        at: Time(row.int(2)?),
        settled_seq: row.int_or_null(3)?.map(Seq::from_i64),
        outcome: row.text_or_null(4)?.map(str::to_owned),
        settled_at: row.int_or_null(5)?.map(Time),
    })
}

/// Complaints about a slip that are not settled, the first of them.
pub fn open_complaints(tx: &mut dyn Tx, book: &BookId, slip: &str) -> Result<Vec<Seq>, StoreError> {
    const SQL: &str = "select seq from market_complaint where book = $1 and slip = $2 and settled_seq is null
        order by seq limit 50";
    let rows = tx.query(SQL, &[Param::Text(book.as_str()), Param::Text(slip)])?;
    rows.iter().map(|row| row.int(0).map(Seq::from_i64)).collect()
}

/// How many complaints about a slip are owed, whose matters are called as this and their number.
pub fn owed_of_slip(tx: &mut dyn Tx, book: &BookId, slip: &str, matter: &str) -> Result<usize, StoreError> {
    const SQL: &str = "select count(*) from market_complaint as c join matter as m on m.book = c.book
        and m.matter = $3 || cast(c.seq as text) where c.book = $1 and c.slip = $2 and m.closed is null";
    let row = tx.query_one(SQL, &[Param::Text(book.as_str()), Param::Text(slip), Param::Text(matter)])?;
    let owed = row.map_or(Ok(0), |row| row.int(0))?;
    Ok(usize::try_from(owed).unwrap_or(usize::MAX))
}

/// Complaints that are not settled, with their slips: the first about each slip before the second about any, and of these the latest
/// first. However many there are about some slips, those about others are seen.
pub fn complaints_left(
    tx: &mut dyn Tx,
    book: &BookId,
    count: usize,
) -> Result<Vec<(Seq, String)>, StoreError> {
    let sql = format!(
        "select seq, slip from (
            select seq, slip, row_number() over (partition by slip order by seq) as place
            from market_complaint where book = $1 and settled_seq is null and slip is not null
        ) as waiting order by place, seq desc limit {count}"
    );
    let rows = tx.query(&sql, &[Param::Text(book.as_str())])?;
    rows.iter().map(|row| Ok((Seq::from_i64(row.int(0)?), row.text(1)?.to_owned()))).collect()
}
