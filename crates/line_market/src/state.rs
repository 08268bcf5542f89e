//! The market as its tables have it now: what decisions and pages read.

mod complaints;
mod duties;
mod flags;
mod holds;
mod inspections;
mod leases;
mod markets;
mod offers;
mod past;
mod recalls;
mod scales;
mod slips;

use std::collections::BTreeSet;

use base::limits::BLOCKS_MAX;
use base::{BookId, Day, Fen, Grams, Seq, SubjectId, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx, placeholders};

use crate::kinds::CertificateType;

pub use complaints::{ComplaintRow, complaint, complaints, complaints_left, open_complaints, owed_of_slip};
pub use duties::{Duties, duties, merchants_until, paper_erased, scales_until};
pub use flags::{Flag, flags};
pub use holds::{Descent, Hold, ancestors, count_out_of, descendants, holds, origins};
pub use inspections::{
    Inspection, failed_before, failed_lots, failure, inspection, inspections, inspections_of,
    once_failed_lots, tests,
};
pub use leases::last_other_tenant;
pub use markets::{
    Jobs, Market, count_merchants, count_scales, count_stalls, has_sold, is_gtin_of_other, jobs, market,
    market_of_gtin, slip_gtins,
};
pub use offers::{Offer, offer, offers_to};
pub use past::{Held, Names, Past, Sold, Tenant, Verified, counts_from, past, product_name};
pub use recalls::{RecallRow, open_recall, recall_that_stands, recalls};
pub use scales::{Scale, places_of_scale, scale, scales, scales_at};
pub use slips::{captured, sale_of_slip, slips};

/// Something of a book, as its entries name it.
pub fn subject(book: &BookId, scheme: &str, local: &str) -> Result<SubjectId, StoreError> {
    SubjectId::local(scheme, book, local).map_err(|error| StoreError::Schema(error.to_string()))
}

/// A lot (批次) and where its grams went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Lot {
    pub lot: String,
    pub product: String,
    pub merchant: String,
    pub stall: String,
    pub supplier: String,
    pub origin: String,
    /// `type:number` of the paper that came with it.
    pub document: Option<String>,
    pub source: Option<String>,
    pub received_at: Time,
    /// When the goods came to the market: of a lot that came out of others, when the first of them did.
    #[serde(skip)]
    pub arrived_at: Time,
    /// Slips that were printed for it, which are takings.
    #[serde(skip)]
    pub slips: i64,
    /// The entry that received it.
    pub seq: Seq,
    pub received_g: Grams,
    /// Told by [`crate::balance::ToldLot`] alone.
    #[serde(skip)]
    pub sold_g: Grams,
    /// Like `sold_g`: of a lot that is sold out they tell it.
    #[serde(skip)]
    pub moved_g: Grams,
    #[serde(skip)]
    pub lost_g: Grams,
    /// The entry that holds it.
    pub hold: Option<Seq>,
    pub hold_reason: Option<String>,
    pub held_at: Option<Time>,
    /// The verdict of the latest test.
    pub verdict: Option<String>,
    /// The entry of the latest test.
    pub inspection: Option<Seq>,
}

impl Lot {
    /// What should still be at the stall; negative after a breach of the mass balance.
    pub fn left_g(&self) -> Grams {
        self.received_g - self.sold_g - self.moved_g - self.lost_g
    }
}

pub(crate) const LOT: &str = "lot, product, merchant, stall, supplier, origin, document, source, received_at, seq, received_g, \
                   sold_g, moved_g, lost_g, hold, hold_reason, held_at, verdict, inspection, arrived_at, slips";

pub(crate) fn lot_of(row: &Row) -> Result<Lot, StoreError> {
    let owned = |column| row.text_or_null(column).map(|text| text.map(str::to_owned));
    Ok(Lot {
        lot: row.text(0)?.to_owned(),
        product: row.text(1)?.to_owned(),
        merchant: row.text(2)?.to_owned(),
        stall: row.text(3)?.to_owned(),
        supplier: row.text(4)?.to_owned(),
        origin: row.text(5)?.to_owned(),
        document: owned(6)?,
        source: owned(7)?,
        received_at: Time(row.int(8)?),
        seq: Seq::from_i64(row.int(9)?),
        received_g: Grams(row.int(10)?),
        sold_g: Grams(row.int(11)?),
        moved_g: Grams(row.int(12)?),
        lost_g: Grams(row.int(13)?),
        hold: row.int_or_null(14)?.map(Seq::from_i64),
        hold_reason: owned(15)?,
        held_at: row.int_or_null(16)?.map(Time),
        verdict: owned(17)?,
        inspection: row.int_or_null(18)?.map(Seq::from_i64),
        arrived_at: Time(row.int(19)?),
        slips: row.int(20)?,
    })
}

/// Some lots by their codes, in any order; unknown ones are left out.
pub fn lots<S: AsRef<str>>(tx: &mut dyn Tx, book: &BookId, codes: &[S]) -> Result<Vec<Lot>, StoreError> {
    let mut found = Vec::with_capacity(codes.len());
    for chunk in codes.chunks(200) {
        let sql = format!(
            "select {LOT} from market_lot where book = $1 and lot in ({})",
            placeholders(2, chunk.len())
        );
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(chunk.iter().map(|code| Param::Text(code.as_ref())));
        for row in tx.query(&sql, &params)? {
            found.push(lot_of(&row)?);
        }
    }
    Ok(found)
}

pub fn lot(tx: &mut dyn Tx, book: &BookId, code: &str) -> Result<Option<Lot>, StoreError> {
    Ok(lots(tx, book, &[code])?.pop())
}

/// Lots that are looked at for open ones, the latest: of a stall at which thirty arrive on a day, those of two months.
pub const LOTS_LOOKED_AT_MAX: usize = 2_000;

/// What a list of lots is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct LotFilter<'a> {
    pub stall: Option<&'a str>,
    pub merchant: Option<&'a str>,
    pub supplier: Option<&'a str>,
    pub product: Option<&'a str>,
    pub held: bool,
    /// Those of which something is left, among the latest [`LOTS_LOOKED_AT_MAX`].
    pub left: bool,
    /// Of these, those that are not held.
    pub free: bool,
    /// Received at or after.
    pub since: Option<Time>,
}

/// Lots, the latest first; of those that are held, those that were held last.
pub fn list_lots(
    tx: &mut dyn Tx,
    book: &BookId,
    filter: &LotFilter<'_>,
    count: usize,
    offset: usize,
) -> Result<Vec<Lot>, StoreError> {
    let mut sql = format!("select {LOT} from market_lot where book = $1");
    let mut params = vec![Param::Text(book.as_str())];
    for (column, value) in [
        ("stall", filter.stall),
        ("merchant", filter.merchant),
        ("supplier", filter.supplier),
        ("product", filter.product),
    ] {
        if let Some(value) = value {
            params.push(Param::Text(value));
            sql.push_str(&format!(" and {column} = ${}", params.len()));
        }
    }
    if filter.held {
        sql.push_str(" and hold is not null");
    }
    if let Some(since) = filter.since {
        params.push(Param::Int(since.0));
        sql.push_str(&format!(" and received_at >= ${}", params.len()));
    }
    let order = if filter.held { "hold desc, lot" } else { "received_at desc, lot" };
    if filter.left {
        let free = if filter.free { " and hold is null" } else { "" };
        sql = format!(
            "select {LOT} from ({sql} order by {order} limit {LOTS_LOOKED_AT_MAX}) as latest
             where received_g - sold_g - moved_g - lost_g > 0{free}"
        );
    }
    sql.push_str(&format!(" order by {order} limit {count} offset {offset}"));
    tx.query(&sql, &params)?.iter().map(lot_of).collect()
}

/// How many lots a merchant has, from a moment on and before another, that came out of others.
pub fn parts_of_day(
    tx: &mut dyn Tx,
    book: &BookId,
    merchant: &str,
    (from, until): (Time, Time),
) -> Result<usize, StoreError> {
    const COUNT: &str = "select count(*) from market_lot as l
        join market_descent as d on d.book = l.book and d.lot = l.lot
        where l.book = $1 and l.merchant = $2 and l.received_at >= $3 and l.received_at < $4";
    let params = [Param::Text(book.as_str()), Param::Text(merchant), Param::Int(from.0), Param::Int(until.0)];
    let parts = tx.query_one(COUNT, &params)?.map_or(Ok(0), |row| row.int(0))?;
    Ok(usize::try_from(parts).unwrap_or(usize::MAX))
}

/// The latest lots, of each merchant a share, so that nobody's crowd out those of others, and as many of all as there is
/// room for beside.
pub fn latest_shared<'m>(
    tx: &mut dyn Tx,
    book: &BookId,
    merchants: impl ExactSizeIterator<Item = &'m str>,
    most: usize,
) -> Result<Vec<Lot>, StoreError> {
    let mut lots = latest_of_each(tx, book, merchants, most)?;
    if lots.len() < most {
        let known: BTreeSet<String> = lots.iter().map(|lot| lot.lot.clone()).collect();
        let latest = list_lots(tx, book, &LotFilter::default(), most, 0)?;
        let room = most - lots.len();
        lots.extend(latest.into_iter().filter(|lot| !known.contains(&lot.lot)).take(room));
        latest_first(&mut lots);
    }
    Ok(lots)
}

/// The latest lots, of each merchant a share, so that nobody's crowd out those of others.
pub fn latest_of_each<'m>(
    tx: &mut dyn Tx,
    book: &BookId,
    merchants: impl ExactSizeIterator<Item = &'m str>,
    most: usize,
) -> Result<Vec<Lot>, StoreError> {
    let of_each = most.div_ceil(merchants.len().max(1)).max(3);
    let mut lots = Vec::new();
    for merchant in merchants {
        let filter = LotFilter { merchant: Some(merchant), ..LotFilter::default() };
        lots.extend(list_lots(tx, book, &filter, of_each, 0)?);
    }
    latest_first(&mut lots);
    Ok(lots)
}

/// As [`list_lots`] has them.
fn latest_first(lots: &mut [Lot]) {
    lots.sort_by(|a, b| (b.received_at, &a.lot).cmp(&(a.received_at, &b.lot)));
}

pub(crate) fn number(row: &Row, column: usize) -> Result<u32, StoreError> {
    u32::try_from(row.int(column)?).map_err(|_| StoreError::Schema("a number is out of range".into()))
}

pub(crate) fn day(row: &Row, column: usize) -> Result<Day, StoreError> {
    i32::try_from(row.int(column)?).map(Day).map_err(|_| StoreError::Schema("a day is out of range".into()))
}

fn day_or_null(row: &Row, column: usize) -> Result<Option<Day>, StoreError> {
    row.int_or_null(column)?.map(|_| day(row, column)).transpose()
}

/// A stall, and who has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Stall {
    pub stall: String,
    pub zone: String,
    pub food: String,
    pub area_dm2: i64,
    pub merchant: Option<String>,
    pub lease_from: Option<Day>,
    pub lease_until: Option<Day>,
    pub fee_fen: Option<i64>,
}

const STALL: &str = "select stall, zone, food, area_dm2, merchant, lease_from, lease_until, fee_fen from market_stall \
                     where book = $1";

pub fn stalls(tx: &mut dyn Tx, book: &BookId) -> Result<Vec<Stall>, StoreError> {
    tx.query(&format!("{STALL} order by stall"), &[Param::Text(book.as_str())])?
        .iter()
        .map(stall_of)
        .collect()
}

pub fn stall(tx: &mut dyn Tx, book: &BookId, stall: &str) -> Result<Option<Stall>, StoreError> {
    let row =
        tx.query_one(&format!("{STALL} and stall = $2"), &[Param::Text(book.as_str()), Param::Text(stall)])?;
    row.as_ref().map(stall_of).transpose()
}

/// When a stall was let or given back last.
pub fn let_changed(tx: &mut dyn Tx, book: &BookId, stall: &str) -> Result<Option<Time>, StoreError> {
    const CHANGED: &str = "select let_changed from market_stall where book = $1 and stall = $2";
    let row = tx.query_one(CHANGED, &[Param::Text(book.as_str()), Param::Text(stall)])?;
    Ok(row.map(|row| row.int_or_null(0)).transpose()?.flatten().map(Time))
}

fn stall_of(row: &Row) -> Result<Stall, StoreError> {
    Ok(Stall {
        stall: row.text(0)?.to_owned(),
        zone: row.text(1)?.to_owned(),
        food: row.text(2)?.to_owned(),
        area_dm2: row.int(3)?,
        merchant: row.text_or_null(4)?.map(str::to_owned),
        lease_from: day_or_null(row, 5)?,
        lease_until: day_or_null(row, 6)?,
        fee_fen: row.int_or_null(7)?,
    })
}

/// A merchant; without a title once that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Merchant {
    pub merchant: String,
    pub title: Option<String>,
    pub licence: Option<String>,
    pub licence_until: Option<Day>,
    pub food_until: Option<Day>,
    pub health_until: Option<Day>,
}

impl Merchant {
    /// The last day of a paper, if it is on record.
    pub fn until(&self, certificate: CertificateType) -> Option<Day> {
        match certificate {
            CertificateType::Licence => self.licence_until,
            CertificateType::FoodPermit => self.food_until,
            CertificateType::Health => self.health_until,
        }
    }
}

const MERCHANT: &str = "select merchant, title, licence, licence_until, food_until, health_until from market_merchant \
                        where book = $1";

pub fn merchants(tx: &mut dyn Tx, book: &BookId) -> Result<Vec<Merchant>, StoreError> {
    tx.query(&format!("{MERCHANT} order by merchant"), &[Param::Text(book.as_str())])?
        .iter()
        .map(merchant_of)
        .collect()
}

pub fn merchant(tx: &mut dyn Tx, book: &BookId, merchant: &str) -> Result<Option<Merchant>, StoreError> {
    let sql = format!("{MERCHANT} and merchant = $2");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Text(merchant)])?;
    row.as_ref().map(merchant_of).transpose()
}

fn merchant_of(row: &Row) -> Result<Merchant, StoreError> {
    Ok(Merchant {
        merchant: row.text(0)?.to_owned(),
        title: row.text_or_null(1)?.map(str::to_owned),
        licence: row.text_or_null(2)?.map(str::to_owned),
        licence_until: day_or_null(row, 3)?,
        food_until: day_or_null(row, 4)?,
        health_until: day_or_null(row, 5)?,
    })
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Product {
    pub product: String,
    pub title_zh: String,
    pub title_en: String,
    pub category: String,
}

pub fn products(tx: &mut dyn Tx, book: &BookId) -> Result<Vec<Product>, StoreError> {
    const ALL: &str =
        "select product, title_zh, title_en, category from market_product where book = $1 order by product";
    let rows = tx.query(ALL, &[Param::Text(book.as_str())])?;
    rows.iter()
        .map(|row| {
            Ok(Product {
                product: row.text(0)?.to_owned(),
                title_zh: row.text(1)?.to_owned(),
                title_en: row.text(2)?.to_owned(),
                category: row.text(3)?.to_owned(),
            })
        })
        .collect()
}

/// A posted price of a stall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Price {
    pub stall: String,
    pub product: String,
    pub fen_per_kg: Fen,
}

/// Posted prices, of one stall or of all.
pub fn prices(tx: &mut dyn Tx, book: &BookId, stall: Option<&str>) -> Result<Vec<Price>, StoreError> {
    const ALL: &str = "select stall, product, fen_per_kg from market_price
        where book = $1 and ($2 = '' or stall = $2) order by product, stall";
    let rows = tx.query(ALL, &[Param::Text(book.as_str()), Param::Text(stall.unwrap_or(""))])?;
    rows.iter()
        .map(|row| {
            let (stall, product) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
            Ok(Price { stall, product, fen_per_kg: Fen(row.int(2)?) })
        })
        .collect()
}

/// A block: a hold on its way to one scale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Block {
    pub hold: Seq,
    pub scale: u32,
    pub lot: String,
    /// When it was held, and when the scale's confirmation arrived, as the entries say.
    pub held_at: Time,
    pub acked_at: Option<Time>,
    /// From the recording of the hold to the arrival of the scale's confirmation.
    pub after_ms: Option<i64>,
    pub released_at: Option<Time>,
    /// When the hold was recorded, by the server's clock: what the delay of a confirmation is measured from.
    pub recorded_at: Time,
}

/// Which blocks to read.
#[derive(Debug, Clone, Copy)]
pub enum Blocks<'a> {
    OfLot(&'a str),
    /// In force at a scale.
    AtScale(u32),
    /// Of these, what its state has room for: first those that it did not confirm, the latest before the others.
    ToldScale(u32),
    OfHold(Seq),
}

pub fn blocks(tx: &mut dyn Tx, book: &BookId, which: Blocks<'_>) -> Result<Vec<Block>, StoreError> {
    const COLUMNS: &str = "select it.hold, it.scale, it.lot, it.held_at, it.acked_at, it.after_ms, it.released_at, coalesce(h.recorded, it.held_at)
        from market_block as it left join market_hold as h on h.book = it.book and h.hold = it.hold where it.book = $1";
    const AT_SCALE: &str = "it.scale = $2 and it.released_at is null";
    let (filter, param) = match which {
        Blocks::OfLot(lot) => ("it.lot = $2", Param::Text(lot)),
        Blocks::AtScale(scale) | Blocks::ToldScale(scale) => (AT_SCALE, Param::Int(i64::from(scale))),
        Blocks::OfHold(hold) => ("it.hold = $2", Param::Int(hold.to_i64())),
    };
    let order = match which {
        Blocks::ToldScale(_) => format!("it.acked_at is not null, it.hold desc limit {BLOCKS_MAX}"),
        _ => "it.hold, it.scale".to_owned(),
    };
    let rows =
        tx.query(&format!("{COLUMNS} and {filter} order by {order}"), &[Param::Text(book.as_str()), param])?;
    let mut blocks = rows.iter().map(block_of).collect::<Result<Vec<_>, _>>()?;
    blocks.sort_by_key(|block| (block.hold, block.scale));
    Ok(blocks)
}

fn block_of(row: &Row) -> Result<Block, StoreError> {
    Ok(Block {
        hold: Seq::from_i64(row.int(0)?),
        scale: number(row, 1)?,
        lot: row.text(2)?.to_owned(),
        held_at: Time(row.int(3)?),
        acked_at: row.int_or_null(4)?.map(Time),
        after_ms: row.int_or_null(5)?,
        released_at: row.int_or_null(6)?.map(Time),
        recorded_at: Time(row.int(7)?),
    })
}

/// A sale that broke a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BreachRow {
    pub seq: Seq,
    pub breach: String,
    pub lot: String,
    pub scale: u32,
    pub counter: u32,
    pub grams: Grams,
    pub hold: Option<Seq>,
    pub at: Time,
}

/// Breaches, the latest first; of one lot or of all.
pub fn breaches(
    tx: &mut dyn Tx,
    book: &BookId,
    lot: Option<&str>,
    count: usize,
) -> Result<Vec<BreachRow>, StoreError> {
    let sql = format!(
        "select seq, breach, lot, scale, counter, grams, hold, at from market_breach
         where book = $1 {} order by seq desc limit {count}",
        if lot.is_some() { "and lot = $2" } else { "" }
    );
    let mut params = vec![Param::Text(book.as_str())];
    params.extend(lot.map(Param::Text));
    let rows = tx.query(&sql, &params)?;
    rows.iter()
        .map(|row| {
            Ok(BreachRow {
                seq: Seq::from_i64(row.int(0)?),
                breach: row.text(1)?.to_owned(),
                lot: row.text(2)?.to_owned(),
                scale: number(row, 3)?,
                counter: number(row, 4)?,
                grams: Grams(row.int(5)?),
                hold: row.int_or_null(6)?.map(Seq::from_i64),
                at: Time(row.int(7)?),
            })
        })
        .collect()
}

/// Fees of a stall for a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FeeRow {
    pub stall: String,
    pub month: String,
    pub charged_fen: Fen,
    pub paid_fen: Fen,
}

/// Fees, the latest month first.
pub fn fees(
    tx: &mut dyn Tx,
    book: &BookId,
    month: Option<&str>,
    count: usize,
) -> Result<Vec<FeeRow>, StoreError> {
    let sql = format!(
        "select stall, month, charged_fen, paid_fen from market_fee
         where book = $1 and ($2 = '' or month = $2) order by month desc, stall limit {count}"
    );
    let rows = tx.query(&sql, &[Param::Text(book.as_str()), Param::Text(month.unwrap_or(""))])?;
    rows.iter()
        .map(|row| {
            let (stall, month) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
            Ok(FeeRow { stall, month, charged_fen: Fen(row.int(2)?), paid_fen: Fen(row.int(3)?) })
        })
        .collect()
}
