//! What stood at a moment that is past: by this a sale is judged that a scale tells when it was cut off, and a slip read
//! that was printed then.
//!
//! Holds, releases and verifications count from when they were recorded, whatever day they are dated back to: nobody could
//! go by them earlier, and what was lawful when it was sold stays so. What the installation loads counts from when it
//! happened.

use std::collections::HashMap;

use base::{BookId, Day, Seq, Time};
use kernel::entries::{self, Kinds};
use ledger::{Body, Entry, EntryError, Sought};
use store::{Param, Row, StoreError, Tx, placeholders};

use super::subject;
use crate::kinds::{LeaseEnded, ScaleEnrolled, ScaleVerified, StallLeased};

/// Verifications and leases read at a time.
const READ: usize = 100;

/// What stood while a scale was cut off.
#[derive(Debug, Default)]
pub struct Past {
    /// In the order of time.
    pub verified: Vec<Verified>,
    /// Of each lot, in the order of time.
    pub held: HashMap<String, Vec<Held>>,
    /// Of each stall that was asked about, in the order of time.
    pub tenants: HashMap<String, Vec<Tenant>>,
}

/// Whom a stall was let to from a moment on, if to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    pub since: Time,
    pub merchant: Option<String>,
}

/// The last day of a scale's verification, as it was known from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub since: Time,
    pub until: Day,
}

/// A hold, and from when to when it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub hold: Seq,
    pub since: Time,
    pub released: Option<Time>,
}

impl Past {
    /// The last day of the verification at a moment; of its first one, before that was recorded.
    pub fn verified_until(&self, at: Time) -> Option<Day> {
        let known = last_by(&self.verified, at, |it| it.since);
        known.or(self.verified.first()).map(|it| it.until)
    }

    /// The hold that a lot was under at a moment.
    pub fn hold_of(&self, lot: &str, at: Time) -> Option<Seq> {
        // A lot is held once at a time.
        let last = last_by(self.held.get(lot)?, at, |it| it.since)?;
        last.released.is_none_or(|released| at < released).then_some(last.hold)
    }

    /// Whether somebody else than a merchant, or nobody, had a stall at a moment; not of a stall that was not asked about.
    pub fn is_anothers(&self, stall: &str, merchant: &str, at: Time) -> bool {
        let Some(tenants) = self.tenants.get(stall) else { return false };
        let then = last_by(tenants, at, |it| it.since).or(tenants.first());
        then.is_none_or(|it| it.merchant.as_deref() != Some(merchant))
    }
}

/// The last of some, in the order of time, that counted at a moment.
fn last_by<T>(all: &[T], at: Time, since: impl Fn(&T) -> Time) -> Option<&T> {
    all[..all.partition_point(|it| since(it) <= at)].last()
}

/// What is asked about the past: a scale, the lots that it sold, and the stalls at which it did.
#[derive(Debug, Clone, Copy)]
pub struct Sold<'a> {
    pub scale: u32,
    pub lots: &'a [&'a str],
    pub stalls: &'a [&'a str],
}

/// What stood between two moments.
pub fn past(
    tx: &mut dyn Tx,
    book: &BookId,
    sold: Sold<'_>,
    (first, last): (Time, Time),
) -> Result<Past, StoreError> {
    let mut tenants = HashMap::new();
    for stall in sold.stalls {
        tenants.insert((*stall).to_owned(), self::tenants(tx, book, stall, first)?);
    }
    let verified = verified(tx, book, sold.scale, first)?;
    let held = held(tx, book, sold.lots, (first, last))?;
    Ok(Past { verified, held, tenants })
}

/// What entries of some kinds about a subject say, back to what counted at a moment, in the order of time.
fn since<T>(
    tx: &mut dyn Tx,
    book: &BookId,
    (scheme, local): (&str, &str),
    kinds: Kinds<'_>,
    first: Time,
    read: fn(&Entry) -> Result<T, EntryError>,
) -> Result<Vec<(Time, T)>, StoreError> {
    let schema = |error: String| StoreError::Schema(error);
    let subject = subject(book, scheme, local)?;
    let mut found: Vec<(Time, T)> = Vec::new();
    let mut below = None;
    while found.iter().all(|(since, _)| *since > first) {
        let page = entries::about_of(tx, book, &subject, kinds, below, READ)?;
        let Some(oldest) = page.last() else { break };
        below = Some(oldest.seq);
        for entry in &page {
            found.push((counts_from(entry), read(entry).map_err(|error| schema(error.to_string()))?));
        }
    }
    // Of those that count from one moment, the last to be recorded stands.
    found.reverse();
    found.sort_by_key(|(since, _)| *since);
    Ok(found)
}

fn tenants(tx: &mut dyn Tx, book: &BookId, stall: &str, first: Time) -> Result<Vec<Tenant>, StoreError> {
    const KINDS: Kinds<'_> = Kinds::These(&[Sought::of::<StallLeased>(), Sought::of::<LeaseEnded>()]);
    let found = since(tx, book, ("stall", stall), KINDS, first, tenant)?;
    Ok(found.into_iter().map(|(since, merchant)| Tenant { since, merchant }).collect())
}

fn tenant(entry: &Entry) -> Result<Option<String>, EntryError> {
    match entry.kind.as_str() {
        StallLeased::KIND => Ok(Some(entry.body::<StallLeased>()?.merchant)),
        _ => Ok(None),
    }
}

/// The verifications of a scale, back to the one that counted at a moment.
fn verified(tx: &mut dyn Tx, book: &BookId, scale: u32, first: Time) -> Result<Vec<Verified>, StoreError> {
    const KINDS: Kinds<'_> = Kinds::These(&[Sought::of::<ScaleEnrolled>(), Sought::of::<ScaleVerified>()]);
    let found = since(tx, book, ("scale", &scale.to_string()), KINDS, first, until)?;
    Ok(found.into_iter().map(|(since, until)| Verified { since, until }).collect())
}

fn until(entry: &Entry) -> Result<Day, EntryError> {
    match entry.kind.as_str() {
        ScaleEnrolled::KIND => Ok(entry.body::<ScaleEnrolled>()?.verified_until),
        _ => Ok(entry.body::<ScaleVerified>()?.verified_until),
    }
}

/// The holds of some lots that stood between two moments.
fn held(
    tx: &mut dyn Tx,
    book: &BookId,
    lots: &[&str],
    (first, last): (Time, Time),
) -> Result<HashMap<String, Vec<Held>>, StoreError> {
    let mut found: Vec<(String, Seq, Option<Seq>)> = Vec::new();
    for chunk in lots.chunks(200) {
        let sql = format!(
            "select lot, hold, released_seq from market_hold where book = $1 and occurred <= $2
             and (released_at is null or released_at > $3) and lot in ({}) order by hold",
            placeholders(4, chunk.len())
        );
        let mut params = vec![Param::Text(book.as_str()), Param::Int(last.0), Param::Int(first.0)];
        params.extend(chunk.iter().map(|lot| Param::Text(lot)));
        for row in tx.query(&sql, &params)? {
            let released = row.int_or_null(2)?.map(Seq::from_i64);
            found.push((row.text(0)?.to_owned(), Seq::from_i64(row.int(1)?), released));
        }
    }
    let seqs: Vec<Seq> =
        found.iter().flat_map(|(_, hold, released)| [Some(*hold), *released]).flatten().collect();
    let entries = entries::entries(tx, book, &seqs)?;
    let times: HashMap<Seq, Time> = entries.iter().map(|entry| (entry.seq, counts_from(entry))).collect();
    let mut held: HashMap<String, Vec<Held>> = HashMap::new();
    for (lot, hold, released) in found {
        let released = released.and_then(|seq| times.get(&seq).copied());
        if let Some(&since) = times.get(&hold) {
            held.entry(lot).or_default().push(Held { hold, since, released });
        }
    }
    held.values_mut().for_each(|of_lot| of_lot.sort_by_key(|it| (it.since, it.hold)));
    Ok(held)
}

/// From when on an entry counts.
pub fn counts_from(entry: &Entry) -> Time {
    match entry.actor.is_system() {
        true => entry.occurred,
        false => entry.occurred.max(entry.recorded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_judged_by_what_counted_then() {
        let verified = [(10, 100), (20, 50), (30, 200)];
        let verified = verified.map(|(since, until)| Verified { since: Time(since), until: Day(until) });
        let held = |hold: u64, since: i64, released: Option<i64>| Held {
            hold: Seq(hold),
            since: Time(since),
            released: released.map(Time),
        };
        let held = HashMap::from([("L1".to_owned(), vec![held(1, 10, Some(20)), held(2, 30, None)])]);
        let tenants = [(10, Some("M1")), (20, None), (30, Some("M2"))]
            .map(|(since, merchant)| Tenant { since: Time(since), merchant: merchant.map(str::to_owned) });
        let tenants = HashMap::from([("A1".to_owned(), tenants.to_vec()), ("A2".to_owned(), Vec::new())]);
        let past = Past { verified: verified.to_vec(), held, tenants };
        for (at, had) in [(9, "M1"), (19, "M1"), (20, "nobody"), (29, "nobody"), (30, "M2")] {
            for merchant in ["M1", "M2"] {
                assert_eq!(past.is_anothers("A1", merchant, Time(at)), merchant != had, "{merchant} at {at}");
            }
        }
        assert!(past.is_anothers("A2", "M1", Time(0)), "it was never let");
        assert!(!past.is_anothers("A3", "M1", Time(0)), "it was not asked about");
        for (at, until, hold) in [
            (9, 100, None),
            (10, 100, Some(1)),
            (19, 100, Some(1)),
            (20, 50, None),
            (29, 50, None),
            (30, 200, Some(2)),
        ] {
            assert_eq!(past.verified_until(Time(at)), Some(Day(until)), "{at}");
            assert_eq!(past.hold_of("L1", Time(at)), hold.map(Seq), "{at}");
            assert_eq!(past.hold_of("L2", Time(at)), None, "{at}");
        }
        assert_eq!(Past::default().verified_until(Time(0)), None);
    }
}

/// What something is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub zh: String,
    pub en: String,
}

/// What a product was called when an entry was recorded: a slip keeps the name under which the goods were sold.
pub fn product_name(
    tx: &mut dyn Tx,
    book: &BookId,
    product: &str,
    entry: Seq,
) -> Result<Option<Names>, StoreError> {
    const LAST: &str = "select title_zh, title_en from market_product_name
        where book = $1 and product = $2 and seq < $3 order by seq desc limit 1";
    let params = [Param::Text(book.as_str()), Param::Text(product), Param::Int(entry.to_i64())];
    let rows = tx.query(LAST, &params)?;
    let name = |row: &Row| Ok(Names { zh: row.text(0)?.to_owned(), en: row.text(1)?.to_owned() });
    rows.first().map(name).transpose()
}
