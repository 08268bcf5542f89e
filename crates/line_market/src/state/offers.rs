//! Goods that one merchant offered to another: the entries say it, and an offer that was taken has made its lot.

use std::collections::HashSet;

use base::{BookId, Seq, Time};
use kernel::entries::Kinds;
use ledger::{Body, Sought};
use store::{StoreError, Tx};

use super::subject;
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

/// The offers to a stall that stand and were not taken, to whom it is let, the latest first.
pub fn offers_to(tx: &mut dyn Tx, book: &BookId, stall: &str, now: Time) -> Result<Vec<Offer>, StoreError> {
    let Some(tenant) = super::stall(tx, book, stall)?.and_then(|it| it.merchant) else {
        return Ok(Vec::new());
    };
    let mut offers = offers_of_a_day(tx, book, stall, now)?;
    offers.retain(|offer| offer.offered.to_merchant == tenant);
    let made: Vec<&str> = offers.iter().map(|offer| offer.offered.new_lot.as_str()).collect();
    let taken: HashSet<String> = super::lots(tx, book, &made)?.into_iter().map(|lot| lot.lot).collect();
    offers.retain(|offer| !taken.contains(&offer.offered.new_lot));
    Ok(offers)
}

/// The offers to a stall that are as young as those that stand, taken or not, the latest first.
fn offers_of_a_day(tx: &mut dyn Tx, book: &BookId, stall: &str, now: Time) -> Result<Vec<Offer>, StoreError> {
    let subject = subject(book, "stall", stall)?;
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
