use base::limits::SCALES_AT_STALL_MAX;
use base::{BookId, Day, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx};

use super::{day, number};

/// A scale of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Scale {
    pub scale: u32,
    pub stall: Option<String>,
    pub serial: String,
    pub seal: String,
    pub verified_until: Day,
    pub fair: bool,
}

pub fn scales(tx: &mut dyn Tx, book: &BookId) -> Result<Vec<Scale>, StoreError> {
    const ALL: &str = "select scale, stall, serial, seal, verified_until, fair from market_scale where book = $1 order by scale";
    tx.query(ALL, &[Param::Text(book.as_str())])?.iter().map(scale_of).collect()
}

pub fn scale(tx: &mut dyn Tx, book: &BookId, scale: u32) -> Result<Option<Scale>, StoreError> {
    const ONE: &str = "select scale, stall, serial, seal, verified_until, fair from market_scale where book = $1 and scale = $2";
    let row = tx.query_one(ONE, &[Param::Text(book.as_str()), Param::Int(i64::from(scale))])?;
    row.as_ref().map(scale_of).transpose()
}

/// Where a scale stood since when, from one moment to another, in the order of time.
pub fn places_of_scale(
    tx: &mut dyn Tx,
    book: &BookId,
    scale: u32,
    (first, last): (Time, Time),
) -> Result<Vec<(Time, String)>, StoreError> {
    const BETWEEN: &str =
        "select at, stall from market_scale_place where book = $1 and scale = $2 and at <= $4
        and at >= coalesce((select max(before.at) from market_scale_place as before
            where before.book = $1 and before.scale = $2 and before.at <= $3), $3)
        order by at, seq";
    let asked =
        [Param::Text(book.as_str()), Param::Int(i64::from(scale)), Param::Int(first.0), Param::Int(last.0)];
    let rows = tx.query(BETWEEN, &asked)?;
    rows.iter().map(|row| Ok((Time(row.int(0)?), row.text(1)?.to_owned()))).collect()
}

/// The scales at a stall: those that could sell its lots. There are no more than may be; in an old book the list ends there.
pub fn scales_at(tx: &mut dyn Tx, book: &BookId, stall: &str) -> Result<Vec<u32>, StoreError> {
    let sql = format!(
        "select scale from market_scale where book = $1 and stall = $2 order by scale limit {SCALES_AT_STALL_MAX}"
    );
    let rows = tx.query(&sql, &[Param::Text(book.as_str()), Param::Text(stall)])?;
    rows.iter().map(|row| number(row, 0)).collect()
}

pub(super) fn scale_of(row: &Row) -> Result<Scale, StoreError> {
    Ok(Scale {
        scale: number(row, 0)?,
        stall: row.text_or_null(1)?.map(str::to_owned),
        serial: row.text(2)?.to_owned(),
        seal: row.text(3)?.to_owned(),
        verified_until: day(row, 4)?,
        fair: row.int(5)? != 0,
    })
}
