//! Goods that one merchant offered to another: the entries say it, and an offer that was taken has made its lot.

use base::{BookId, Seq, SubjectId, Time};
use kernel::entries::Kinds;
use ledger::Body;
use store::{StoreError, Tx};

use crate::kinds::TransferOffered;

/// How long an offer stands.
const STANDS_MS: i64 = 24 * 3_600_000;
/// Offers to a stall that are looked at.
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
    let subject = SubjectId::local("stall", book, stall);
    let subject = subject.map_err(|error| StoreError::Schema(error.to_string()))?;
    let mut found = Vec::new();
    let offers = Kinds::These(&[TransferOffered::KIND]);
    for entry in kernel::entries::about_of(tx, book, &subject, offers, None, READ)? {
        if now.since_ms(entry.recorded) >= STANDS_MS {
            continue;
        }
        let Ok(offered) = entry.body::<TransferOffered>() else { continue };
        let is_open = super::stall(tx, book, stall)?.and_then(|it| it.merchant).as_ref()
            == Some(&offered.to_merchant)
            && super::lot(tx, book, &offered.new_lot)?.is_none();
        if is_open {
            found.push(Offer { seq: entry.seq, offered });
        }
    }
    Ok(found)
}
