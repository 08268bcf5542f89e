//! The market itself, and the GTIN by which its slips lead to it.

use std::collections::HashSet;

use base::{BookId, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx, placeholders};

/// The market itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Market {
    pub book: BookId,
    pub title_zh: String,
    pub title_en: String,
    pub area_m2: i64,
    pub opened: Time,
    pub slip_gtin: String,
}

const MARKET: &str = "select book, title_zh, title_en, area_m2, opened, slip_gtin from market_market";

pub fn market(tx: &mut dyn Tx, book: &BookId) -> Result<Option<Market>, StoreError> {
    let row = tx.query_one(&format!("{MARKET} where book = $1"), &[Param::Text(book.as_str())])?;
    row.as_ref().map(market_of).transpose()
}

/// The market whose slips carry a GTIN.
pub fn market_of_gtin(tx: &mut dyn Tx, gtin: &str) -> Result<Option<Market>, StoreError> {
    // An old installation may have two: the older one, on either database.
    let sql = format!("{MARKET} where slip_gtin = $1 order by opened, book limit 1");
    tx.query_one(&sql, &[Param::Text(gtin)])?.as_ref().map(market_of).transpose()
}

/// Which of some GTINs slips carry, of whatever market.
pub fn slip_gtins(tx: &mut dyn Tx, gtins: &[&str]) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for chunk in gtins.chunks(200) {
        let sql = format!(
            "select slip_gtin from market_market where slip_gtin in ({})",
            placeholders(1, chunk.len())
        );
        let params: Vec<Param<'_>> = chunk.iter().map(|gtin| Param::Text(gtin)).collect();
        for row in tx.query(&sql, &params)? {
            found.insert(row.text(0)?.to_owned());
        }
    }
    Ok(found)
}

/// Whether another market's slips carry a GTIN.
pub fn is_gtin_of_other(tx: &mut dyn Tx, book: &BookId, gtin: &str) -> Result<bool, StoreError> {
    const OTHER: &str = "select book from market_market where slip_gtin = $1 and book <> $2 limit 1";
    Ok(tx.query_one(OTHER, &[Param::Text(gtin), Param::Text(book.as_str())])?.is_some())
}

/// The jobs of a market, and when the latest change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jobs {
    pub jobs: i64,
    pub changed: Time,
}

pub fn jobs(tx: &mut dyn Tx, book: &BookId) -> Result<Jobs, StoreError> {
    const FIND: &str = "select jobs, changed from market_jobs where book = $1";
    match tx.query_one(FIND, &[Param::Text(book.as_str())])? {
        Some(row) => Ok(Jobs { jobs: row.int(0)?, changed: Time(row.int(1)?) }),
        None => Ok(Jobs { jobs: 0, changed: Time(0) }),
    }
}

pub fn count_scales(tx: &mut dyn Tx, book: &BookId) -> Result<usize, StoreError> {
    count(tx, book, "select count(*) from market_scale where book = $1")
}

pub fn count_stalls(tx: &mut dyn Tx, book: &BookId) -> Result<usize, StoreError> {
    count(tx, book, "select count(*) from market_stall where book = $1")
}

pub fn count_merchants(tx: &mut dyn Tx, book: &BookId) -> Result<usize, StoreError> {
    count(tx, book, "select count(*) from market_merchant where book = $1")
}

fn count(tx: &mut dyn Tx, book: &BookId, sql: &str) -> Result<usize, StoreError> {
    let number = tx.query_one(sql, &[Param::Text(book.as_str())])?.map_or(Ok(0), |row| row.int(0))?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

/// Whether anything was ever sold in a market.
pub fn has_sold(tx: &mut dyn Tx, book: &BookId) -> Result<bool, StoreError> {
    const SOLD: &str = "select lot from market_lot where book = $1 and sold_g > 0 limit 1";
    Ok(tx.query_one(SOLD, &[Param::Text(book.as_str())])?.is_some())
}

fn market_of(row: &Row) -> Result<Market, StoreError> {
    Ok(Market {
        book: BookId::new(row.text(0)?).map_err(|error| StoreError::Schema(error.to_string()))?,
        title_zh: row.text(1)?.to_owned(),
        title_en: row.text(2)?.to_owned(),
        area_m2: row.int(3)?,
        opened: Time(row.int(4)?),
        slip_gtin: row.text(5)?.to_owned(),
    })
}
