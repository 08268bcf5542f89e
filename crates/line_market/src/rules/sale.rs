//! What a scale may sell, and what becomes of a sale that already happened.

use std::collections::HashMap;

use base::limits::FUTURE_MS_MAX;
use base::{Day, Seq, Time};

use crate::kinds::{Breach, Sale};
use crate::refusal::{Code, Refusal};
use crate::state::{Lot, Past, Scale};

/// Milliseconds by which a connected scale may report a sale late: it asks before it sells.
const LATE_MS_MAX: i64 = 60 * 60 * 1_000;
/// How long before its lot was written down a sale is believed that a scale tells which was cut off.
const EARLY_MS_MAX: i64 = 31 * 24 * 3_600_000;

/// When a sale was made, by the scale's clock, and when it is reported, by ours, with the days that these are here.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub occurred: (Time, Day),
    /// `None` where history is loaded, whose scales were connected then.
    pub reported: Option<(Time, Day)>,
}

/// What is known when a batch of one scale is judged; updated line by line.
#[derive(Debug)]
pub struct Ground {
    pub scale: Scale,
    /// Where the scale has stood since when, in the order of time; read where a sale was made at another stall than its own.
    pub places: Vec<(Time, String)>,
    /// What stood when it sold; read where the scale was cut off.
    pub past: Past,
    pub lots: HashMap<String, Lot>,
    /// Whom the stall is let to at which the scale stands.
    pub tenant: Option<String>,
}

/// A sale is recorded; it may have broken rules that it can no longer be kept from breaking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub breaches: Vec<(Breach, Option<Seq>)>,
}

impl Ground {
    /// Whether the scale stands at a stall, or ever did: who had that is asked of a sale that is told late. Whoever has it now may
    /// have given it back in between.
    pub fn has_stood_at(&self, stall: &str) -> bool {
        self.scale.stall.as_deref() == Some(stall) || self.places.iter().any(|(_, place)| place == stall)
    }

    /// Judges one sale of the scale and takes its grams out of the lot.
    ///
    /// A connected scale asks before it sells: a sale that breaks a rule is refused. A scale that was cut off reports
    /// what happened: the sale stands, and what it broke is recorded beside it, by what stood when it was made.
    pub fn judge(&mut self, sale: &Sale, told: Told) -> Result<Judged, Refusal> {
        let (occurred, day) = told.occurred;
        if sale.scale != self.scale.scale {
            return Err(Refusal::new(Code::UnknownScale, "scale", "a scale reports its own sales only"));
        }
        if self.scale.fair {
            return Err(Refusal::new(Code::UnknownScale, "scale", "a fair scale sells nothing"));
        }
        let is_verified = |day: Day| day <= self.scale.verified_until;
        if !sale.offline {
            // By its own clock alone a scale would sell on behind its verification for ever.
            if !is_verified(day) || !told.reported.is_none_or(|(_, day)| is_verified(day)) {
                let detail = format!("the scale's verification ended on {}", self.scale.verified_until);
                return Err(Refusal::new(Code::VerificationExpired, "scale", detail));
            }
            if told.reported.is_some_and(|(now, _)| now.since_ms(occurred) > LATE_MS_MAX) {
                let detail = "lies more than an hour back; a scale that was cut off says so (offline)";
                return Err(Refusal::new(Code::PastTime, "occurred", detail));
            }
        }
        let lot = self.lots.get_mut(&sale.lot);
        let lot = lot
            .ok_or_else(|| Refusal::new(Code::UnknownLot, "lot", format!("there is no lot {}", sale.lot)))?;
        let is_here = self.scale.stall.as_deref() == Some(&sale.stall);
        // That a scale was cut off is its own word: it is believed of a stall where the scale stood, and of goods that were there.
        let was_there =
            || sale.offline && lot.received_at <= occurred && stood_at(&self.places, &sale.stall, occurred);
        if lot.stall != sale.stall || !is_here && !was_there() {
            let detail = format!("lot {} belongs to stall {}", lot.lot, lot.stall);
            return Err(Refusal::new(Code::ForeignLot, "lot", detail));
        }
        if !sale.offline && self.tenant.as_ref() != Some(&lot.merchant) {
            let detail = format!("lot {} is of {}, who does not have the stall", lot.lot, lot.merchant);
            return Err(Refusal::new(Code::ForeignLot, "lot", detail));
        }
        if lot.product != sale.product {
            return Err(Refusal::new(
                Code::ProductMismatch,
                "product",
                format!("lot {} is {}", lot.lot, lot.product),
            ));
        }
        if occurred.plus_ms(EARLY_MS_MAX) < lot.received_at {
            let detail = format!("lies more than 31 days before lot {} came in", lot.lot);
            return Err(Refusal::new(Code::PastTime, "occurred", detail));
        }
        // Scales drift, and a lot is written down when it is there.
        let was_in = occurred.plus_ms(FUTURE_MS_MAX) >= lot.received_at;
        let mut breaches = Vec::new();
        if sale.offline {
            if day > self.past.verified_until(occurred).unwrap_or(self.scale.verified_until) {
                breaches.push((Breach::ExpiredVerification, None));
            }
            if let Some(hold) = self.past.hold_of(&lot.lot, occurred) {
                breaches.push((Breach::HeldSale, Some(hold)));
            }
            if self.past.is_anothers(&sale.stall, &lot.merchant, occurred) {
                breaches.push((Breach::FormerTenant, None));
            }
            if sale.grams > lot.left_g() || !was_in {
                breaches.push((Breach::MassBalance, None));
            }
        } else if !was_in {
            let detail = format!("lot {} came in later, at {}", lot.lot, lot.received_at);
            return Err(Refusal::new(Code::PastTime, "occurred", detail));
        } else {
            super::may_take(lot, sale.grams, "grams")?;
        }
        lot.sold_g += sale.grams;
        Ok(Judged { breaches })
    }
}

/// Whether a scale stood at a stall at a moment.
fn stood_at(places: &[(Time, String)], stall: &str, at: Time) -> bool {
    places.iter().rev().find(|(since, _)| *since <= at).is_some_and(|(_, place)| place == stall)
}

#[cfg(test)]
mod tests {
    use base::{Fen, Grams, Time};

    use super::*;
    use crate::state::{Held, Tenant};

    fn ground(hold: Option<u64>) -> Ground {
        let lot = Lot {
            lot: "L1".into(),
            product: "tomato".into(),
            merchant: "M1".into(),
            stall: "A1".into(),
            supplier: "s".into(),
            origin: "o".into(),
            document: None,
            source: None,
            received_at: Time(0),
            seq: Seq(0),
            received_g: Grams(1000),
            sold_g: Grams(0),
            moved_g: Grams(0),
            lost_g: Grams(0),
            hold: hold.map(Seq),
            hold_reason: None,
            held_at: None,
            verdict: None,
            inspection: None,
            arrived_at: Time(0),
            slips: 0,
        };
        let scale = Scale {
            scale: 1,
            stall: Some("A1".into()),
            serial: "s".into(),
            seal: "s".into(),
            verified_until: Day(20_000),
            fair: false,
        };
        let tenant = Some(lot.merchant.clone());
        let held = hold.map(|hold| Held { hold: Seq(hold), since: Time(0), released: None });
        let past =
            Past { held: HashMap::from([("L1".to_owned(), held.into_iter().collect())]), ..Past::default() };
        Ground { scale, places: Vec::new(), past, lots: HashMap::from([("L1".to_owned(), lot)]), tenant }
    }

    /// Told as it happened.
    fn at(occurred: i64, day: i32) -> Told {
        let occurred = (Time(occurred), Day(day));
        Told { occurred, reported: Some(occurred) }
    }

    fn sale(grams: i64, offline: bool) -> Sale {
        Sale {
            amount_fen: Fen(0),
            counter: 1,
            fen_per_kg: Fen(1),
            grams: Grams(grams),
            lot: "L1".into(),
            offline,
            product: "tomato".into(),
            scale: 1,
            stall: "A1".into(),
        }
    }

    #[test]
    fn a_batch_cannot_take_more_than_the_lot_has_even_line_by_line() {
        let mut ground = ground(None);
        assert!(ground.judge(&sale(600, false), at(5, 19_000)).is_ok());
        assert_eq!(ground.judge(&sale(600, false), at(5, 19_000)).unwrap_err().code, Code::MassBalance);
        assert!(ground.judge(&sale(400, false), at(5, 19_000)).is_ok());
    }

    #[test]
    fn a_connected_scale_is_refused_a_held_lot_and_a_cut_off_one_is_reported() {
        assert_eq!(ground(Some(7)).judge(&sale(1, false), at(5, 19_000)).unwrap_err().code, Code::HeldLot);
        let judged = ground(Some(7)).judge(&sale(2000, true), at(5, 19_000)).unwrap();
        assert_eq!(judged.breaches, [(Breach::HeldSale, Some(Seq(7))), (Breach::MassBalance, None)]);
        let judged = ground(None).judge(&sale(1, true), at(5, 20_001)).unwrap();
        assert_eq!(judged.breaches, [(Breach::ExpiredVerification, None)]);
        let mut let_again = ground(None);
        let now = Tenant { since: Time(5), merchant: Some("M2".into()) };
        let before = Tenant { since: Time(0), merchant: Some("M1".into()) };
        let_again.past.tenants = HashMap::from([("A1".to_owned(), vec![before, now])]);
        assert_eq!(let_again.judge(&sale(1, true), at(4, 19_000)).unwrap().breaches, []);
        let judged = let_again.judge(&sale(1, true), at(5, 19_000)).unwrap();
        assert_eq!(judged.breaches, [(Breach::FormerTenant, None)]);
    }

    #[test]
    fn a_foreign_lot_an_unknown_lot_and_an_expired_scale_are_refused() {
        let mut foreign = sale(1, false);
        foreign.stall = "B9".into();
        assert_eq!(ground(None).judge(&foreign, at(5, 19_000)).unwrap_err().code, Code::ForeignLot);
        let mut unknown = sale(1, false);
        unknown.lot = "L2".into();
        assert_eq!(ground(None).judge(&unknown, at(5, 19_000)).unwrap_err().code, Code::UnknownLot);
        assert_eq!(
            ground(None).judge(&sale(1, false), at(5, 20_001)).unwrap_err().code,
            Code::VerificationExpired
        );
    }

    #[test]
    fn a_scale_that_was_cut_off_sells_at_another_stall_only_while_it_stood_there() {
        let judged = |places: &[(i64, &str)], occurred: i64, offline: bool| {
            let mut ground = ground(None);
            ground.scale.stall = Some("B9".into());
            ground.places = places.iter().map(|(at, stall)| (Time(*at), (*stall).to_owned())).collect();
            ground.judge(&sale(1, offline), at(occurred, 19_000)).map_err(|refusal| refusal.code)
        };
        let moved = [(0, "A1"), (50, "B9")];
        assert!(judged(&moved, 49, true).is_ok());
        for (places, occurred, offline) in [
            (&moved[..], 50, true),
            (&moved[..], 49, false),
            (&moved[1..], 60, true),
            (&[], 49, true),
            (&moved[..], -1, true),
        ] {
            assert_eq!(
                judged(places, occurred, offline).unwrap_err(),
                Code::ForeignLot,
                "{places:?} {occurred} {offline}"
            );
        }
    }

    #[test]
    fn a_connected_scale_neither_dates_back_past_its_verification_nor_before_the_goods() {
        const HOUR: i64 = 3_600_000;
        let judged = |occurred: (i64, i32), reported: (i64, i32), offline: bool| {
            let mut ground = ground(None);
            ground.lots.get_mut("L1").unwrap().received_at = Time(100 * HOUR);
            let [occurred, reported] = [occurred, reported].map(|(hour, day)| (Time(hour * HOUR), Day(day)));
            let told = Told { occurred, reported: Some(reported) };
            let judged = ground.judge(&sale(1, offline), told).map_err(|refusal| refusal.code);
            judged.map(|judged| judged.breaches.into_iter().map(|(breach, _)| breach).collect::<Vec<_>>())
        };
        assert_eq!(judged((200, 20_000), (201, 20_000), false), Ok(vec![]));
        assert_eq!(judged((200, 20_000), (201, 20_001), false), Err(Code::VerificationExpired));
        assert_eq!(judged((200, 19_000), (202, 19_000), false), Err(Code::PastTime));
        assert_eq!(judged((99, 19_000), (100, 19_000), false), Err(Code::PastTime));
        assert_eq!(judged((99, 19_000), (300, 20_001), true), Ok(vec![Breach::MassBalance]));
        assert_eq!(judged((200, 20_001), (300, 20_001), true), Ok(vec![Breach::ExpiredVerification]));
    }
}
