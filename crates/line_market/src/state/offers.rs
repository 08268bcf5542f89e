//! Goods that one merchant offered to another: the entries say it, and an offer that was taken has made its lot.

use base::{BookId, Seq, SubjectId, Time};
use kernel::entries::Kinds;
use ledger::{Body, Sought};
use store::{StoreError, Tx};

use crate::kinds::TransferOffered;

/// How long an offer stands.
const STANDS_MS: i64 = 24 * 3_600_000;
const OFFERS: Kinds<'_> = Kinds::These(&[Sought::of::<TransferOffered>()]);
/// Offers that are read at a time.
const READ: usize = 200;

/// An offer that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub seq: Seq,
    pub offered: TransferOffered,
}

/// What an entry offers, while it stands; whether it was taken, the new lot says.
pub fn offer(
    tx: &mut dyn Tx,
    book: &BookId,
    seq: Seq,
    now: Time,
) -> Result<Option<TransferOffered>, StoreError> {
    let entry = kernel::entries::entry(tx, book, seq)?;
    let entry = entry.filter(|entry| entry.kind.as_str() == TransferOffered::KIND);
    let fresh = entry.filter(|entry| now.since_ms(entry.recorded) < STANDS_MS);
    Ok(fresh.and_then(|entry| entry.body().ok()))
}

/// The offers to a stall that stand and were not taken, the latest first.
pub fn offers_to(tx: &mut dyn Tx, book: &BookId, stall: &str, now: Time) -> Result<Vec<Offer>, StoreError> {
    let mut standing = Vec::new();
    for offer in offers_of_a_day(tx, book, stall, now)? {
        if is_open(tx, book, &offer.offered)? {
            standing.push(offer);
        }
    }
    Ok(standing)
}

/// The offers to a stall that are as young as those that stand, taken or not, the latest first.
pub fn offers_of_a_day(
    tx: &mut dyn Tx,
    book: &BookId,
    stall: &str,
    now: Time,
) -> Result<Vec<Offer>, StoreError> {
    let subject = SubjectId::local("stall", book, stall);
    let subject = subject.map_err(|error| StoreError::Schema(error.to_string()))?;
    let (mut found, mut below) = (Vec::new(), None);
    loop {
        let page = kernel::entries::about_of(tx, book, &subject, OFFERS, below, READ)?;
        for entry in &page {
            if now.since_ms(entry.recorded) >= STANDS_MS {
                return Ok(found);
            }
            if let Ok(offered) = entry.body::<TransferOffered>() {
                found.push(Offer { seq: entry.seq, offered });
            }
        }
        below = page.last().map(|entry| entry.seq);
        if page.len() < READ {
            return Ok(found);
        }
    }
}

/// Whether the stall is still let to whom it was offered, and nobody took it.
fn is_open(tx: &mut dyn Tx, book: &BookId, offered: &TransferOffered) -> Result<bool, StoreError> {
    let tenant = super::stall(tx, book, &offered.to_stall)?.and_then(|it| it.merchant);
    Ok(tenant.as_ref() == Some(&offered.to_merchant) && super::lot(tx, book, &offered.new_lot)?.is_none())
}
