//! Who puts right what goes wrong, and which papers run out.

use base::{BookId, Day, SubjectId, Time};
use kernel::BodyErased;
use kernel::entries::{self, Kinds};
use ledger::{Body, Sought};
use matters::PostId;
use store::{Param, StoreError, Tx};

use crate::kinds::{CertificateRecorded, CertificateType, DutiesAssigned, EpcisCaptured, EpcisDescribed};

use super::scales::scale_of;
use super::{Merchant, Scale, merchant_of, number, subject};

/// Whose duty it is to put right what goes wrong in a market, and how long that may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duties {
    pub answering: PostId,
    pub supervising: PostId,
    pub failed_test_workdays: u32,
    pub breach_workdays: u32,
}

impl From<DutiesAssigned> for Duties {
    fn from(assigned: DutiesAssigned) -> Self {
        let DutiesAssigned { answering, supervising, failed_test_workdays, breach_workdays, .. } = assigned;
        Self { answering, supervising, failed_test_workdays, breach_workdays }
    }
}

/// The duties of a market, if they were assigned.
pub fn duties(tx: &mut dyn Tx, book: &BookId) -> Result<Option<Duties>, StoreError> {
    const FIND: &str =
        "select answering, supervising, failed_test_workdays, breach_workdays from market_duties
        where book = $1";
    let Some(row) = tx.query_one(FIND, &[Param::Text(book.as_str())])? else { return Ok(None) };
    Ok(Some(Duties {
        answering: post(row.text(0)?)?,
        supervising: post(row.text(1)?)?,
        failed_test_workdays: number(&row, 2)?,
        breach_workdays: number(&row, 3)?,
    }))
}

fn post(text: &str) -> Result<PostId, StoreError> {
    let schema = |error: String| StoreError::Schema(error);
    let id = SubjectId::new(text).map_err(|error| schema(error.to_string()))?;
    PostId::try_from(id).map_err(|error| schema(error.to_string()))
}

/// Merchants with a stall of whose papers one runs out by a day, or has no day on record: so many behind one of them.
pub fn merchants_until(
    tx: &mut dyn Tx,
    book: &BookId,
    day: Day,
    (behind, count): (&str, usize),
) -> Result<Vec<Merchant>, StoreError> {
    let sql = format!(
        "select merchant, title, licence, licence_until, food_until, health_until from market_merchant
         where book = $1 and merchant > $3 and (licence_until <= $2 or food_until <= $2 or health_until <= $2
            or licence_until is null or food_until is null or health_until is null)
         and merchant in (select s.merchant from market_stall as s where s.book = $1)
         order by merchant limit {count}"
    );
    let params = [Param::Text(book.as_str()), Param::Int(day.0.into()), Param::Text(behind)];
    tx.query(&sql, &params)?.iter().map(merchant_of).collect()
}

/// When the last record of a paper was erased of which no day is left. An old book does not say which papers those were.
pub fn paper_erased(
    tx: &mut dyn Tx,
    book: &BookId,
    merchant: &str,
    certificate: CertificateType,
) -> Result<Option<Time>, StoreError> {
    const RECORDS: Kinds<'_> = Kinds::These(&[Sought::of::<CertificateRecorded>()]);
    const OF_HOUSE: Kinds<'_> = Kinds::AllBut(&[EpcisCaptured::KIND, EpcisDescribed::KIND]);
    /// Entries about one that was erased: files of it that stayed are erased by further ones.
    const ERASURES: usize = 100;
    let paper = subject(book, "paper", &certificate.name(merchant))?;
    let last = entries::about_of(tx, book, &paper, RECORDS, None, 1)?.pop();
    let Some(last) = last.filter(|last| last.body.is_none()) else { return Ok(None) };
    let entry = subject(book, "entry", &last.seq.to_string())?;
    let told = entries::about_of(tx, book, &entry, OF_HOUSE, None, ERASURES)?;
    let erased = told.iter().rfind(|entry| entry.kind.as_str() == BodyErased::KIND);
    Ok(Some(erased.unwrap_or(&last).recorded))
}

/// Scales whose verification runs out by a day: so many behind one of them.
pub fn scales_until(
    tx: &mut dyn Tx,
    book: &BookId,
    day: Day,
    (behind, count): (u32, usize),
) -> Result<Vec<Scale>, StoreError> {
    let sql = format!(
        "select scale, stall, serial, seal, verified_until, fair from market_scale
         where book = $1 and scale > $3 and verified_until <= $2 order by scale limit {count}"
    );
    let params = [Param::Text(book.as_str()), Param::Int(day.0.into()), Param::Int(behind.into())];
    tx.query(&sql, &params)?.iter().map(scale_of).collect()
}
