//! The slips that were printed for lots, along the links of the lots.

use std::collections::HashSet;

use base::{BookId, Seq, SubjectId};
use ledger::{Entry, Role};
use store::{Param, StoreError, Tx, placeholders};

use super::subject;
use crate::kinds::{Sale, SlipSerial};

/// A sale links its lot, as input, to its slip. What others captured may not name slips; an old book may hold some that do.
const OF_SLIPS: &str = "role = 'input' and mates like '%slip:%' and not exists
    (select 1 from market_event where market_event.book = link.book and market_event.seq = link.seq)";

/// Entries read for the sale of a slip: nothing but its sale makes it, so the first is the one.
const MAKERS_READ: usize = 20;

/// The sale that a slip was printed for, however many complaints are about it.
pub fn sale_of_slip(
    tx: &mut dyn Tx,
    book: &BookId,
    slip: SlipSerial,
) -> Result<Option<(Entry, Sale)>, StoreError> {
    let makers = kernel::entries::of_role(tx, book, &slip.subject(book), Role::Output, MAKERS_READ)?;
    Ok(makers.into_iter().find_map(|entry| entry.body::<Sale>().ok().map(|sale| (entry, sale))))
}

/// Which of these entries are events of others.
pub fn captured(tx: &mut dyn Tx, book: &BookId, seqs: &[Seq]) -> Result<HashSet<Seq>, StoreError> {
    let mut found = HashSet::new();
    for chunk in seqs.chunks(256) {
        let sql = format!(
            "select seq from market_event where book = $1 and seq in ({})",
            placeholders(2, chunk.len())
        );
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(chunk.iter().map(|seq| Param::Int(seq.to_i64())));
        for row in tx.query(&sql, &params)? {
            found.insert(Seq::from_i64(row.int(0)?));
        }
    }
    Ok(found)
}

/// The serials of the first slips that were printed for some lots, lot by lot.
pub fn slips<S: AsRef<str>>(
    tx: &mut dyn Tx,
    book: &BookId,
    lots: &[S],
    count: usize,
) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for chunk in subjects(book, lots)?.chunks(200) {
        let room = count - found.len();
        if room == 0 {
            break;
        }
        let sql = format!(
            "select mates from link where book = $1 and {OF_SLIPS} and subject in ({}) order by subject, seq limit {room}",
            placeholders(2, chunk.len())
        );
        for row in tx.query(&sql, &params(book, chunk))? {
            found.extend(row.text(0)?.rsplit('/').next().map(str::to_owned));
        }
    }
    Ok(found)
}

fn subjects<S: AsRef<str>>(book: &BookId, lots: &[S]) -> Result<Vec<SubjectId>, StoreError> {
    lots.iter().map(|lot| subject(book, "lot", lot.as_ref())).collect()
}

fn params<'a>(book: &'a BookId, lots: &'a [SubjectId]) -> Vec<Param<'a>> {
    let mut params = vec![Param::Text(book.as_str())];
    params.extend(lots.iter().map(|lot| Param::Text(lot.as_str())));
    params
}
