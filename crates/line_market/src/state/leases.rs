use base::{BookId, Seq, Time};
use kernel::entries;
use ledger::Body;
use store::{Param, StoreError, Tx};

use super::{counts_from, subject};
use crate::kinds::LeaseEnded;

/// Who had a stall last of all but one merchant, however often that one had it since, and until when.
pub fn last_other_tenant(
    tx: &mut dyn Tx,
    book: &BookId,
    (stall, merchant): (&str, &str),
) -> Result<Option<(Time, String)>, StoreError> {
    const OF_OTHERS: &str =
        "select s.seq from sought as s where s.book = $1 and s.subject = $2 and s.kind = $3
        and not exists (select 1 from sought as own
            where own.book = $1 and own.subject = $4 and own.kind = $3 and own.seq = s.seq)
        order by s.seq desc limit 1";
    let (stall, own) = (subject(book, "stall", stall)?, subject(book, "merchant", merchant)?);
    let params = [book.as_str(), stall.as_str(), LeaseEnded::KIND, own.as_str()].map(Param::Text);
    let Some(row) = tx.query_one(OF_OTHERS, &params)? else { return Ok(None) };
    let Some(ended) = entries::entry(tx, book, Seq::from_i64(row.int(0)?))? else { return Ok(None) };
    let body: LeaseEnded = ended.body().map_err(|error| StoreError::Schema(error.to_string()))?;
    Ok(Some((counts_from(&ended), body.merchant)))
}
