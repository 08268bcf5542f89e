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
    /// Where the scale stood since when, in the order of time; read of the time in which it was cut off and sold at another stall
    /// than its own.
    pub places: Vec<(Time, String)>,
    pub lots: HashMap<String, Lot>,
    /// Whom the stall is let to at which the scale stands.
    pub tenant: Option<String>,
}

impl Ground {
    /// Judges one sale of the scale and takes its grams out of the lot. Says whether more was sold than there was, or before it was
    /// there.
    ///
    /// A connected scale asks before it sells: a sale that breaks a rule is refused. A scale that was cut off reports
    /// what happened: the sale stands, and what it broke is recorded beside it.
    pub fn judge(&mut self, sale: &Sale, told: Told) -> Result<bool, Refusal> {
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
        if !sale.offline {
            if !was_in {
                let detail = format!("lot {} came in later, at {}", lot.lot, lot.received_at);
                return Err(Refusal::new(Code::PastTime, "occurred", detail));
            }
            super::may_take(lot, sale.grams, "grams")?;
        }
        let is_beyond = sale.grams > lot.left_g() || !was_in;
        lot.sold_g += sale.grams;
        Ok(is_beyond)
    }

    /// What a sale broke that stands because the scale was cut off, by what stood when it was made.
    pub fn breaches(
        &self,
        sale: &Sale,
        (occurred, day): (Time, Day),
        past: &Past,
        is_beyond: bool,
    ) -> Vec<(Breach, Option<Seq>)> {
        let mut breaches = Vec::new();
        if !sale.offline {
            return breaches;
        }
        if day > past.verified_until(occurred).unwrap_or(self.scale.verified_until) {
            breaches.push((Breach::ExpiredVerification, None));
        }
        if let Some(hold) = past.hold_of(&sale.lot, occurred) {
            breaches.push((Breach::HeldSale, Some(hold)));
        }
        let merchant = self.lots.get(&sale.lot).map(|lot| lot.merchant.as_str());
        if merchant.is_some_and(|merchant| past.is_anothers(&sale.stall, merchant, occurred)) {
            breaches.push((Breach::FormerTenant, None));
        }
        if is_beyond {
            breaches.push((Breach::MassBalance, None));
        }
        breaches
    }
}

/// Whether a scale stood at a stall at a moment.
fn stood_at(places: &[(Time, String)], stall: &str, at: Time) -> bool {
    let then = places.partition_point(|(since, _)| *since <= at);
    then.checked_sub(1).is_some_and(|then| places[then].1 == stall)
}

#[cfg(test)]
pub(super) mod tests {
    use base::{Fen, Grams, Time};

    use super::*;
    use crate::state::{Held, Tenant};

    pub(in crate::rules) fn lot() -> Lot {
        Lot {
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
            hold: None,
            hold_reason: None,
            held_at: None,
            verdict: None,
            inspection: None,
            arrived_at: Time(0),
            slips: 0,
        }
    }

    fn ground(hold: Option<u64>) -> Ground {
        let lot = Lot { hold: hold.map(Seq), ..lot() };
        let scale = Scale {
            scale: 1,
            stall: Some("A1".into()),
            serial: "s".into(),
            seal: "s".into(),
            verified_until: Day(20_000),
            fair: false,
        };
        let tenant = Some(lot.merchant.clone());
        Ground { scale, places: Vec::new(), lots: HashMap::from([("L1".to_owned(), lot)]), tenant }
    }

    fn past(hold: Option<u64>) -> Past {
        let held = hold.map(|hold| Held { hold: Seq(hold), since: Time(0), released: None });
        Past { held: HashMap::from([("L1".to_owned(), held.into_iter().collect())]), ..Past::default() }
    }

    fn broke(past: &Past, sale: &Sale, told: Told) -> Vec<(Breach, Option<Seq>)> {
        let mut ground = ground(None);
        let is_beyond = ground.judge(sale, told).unwrap();
        ground.breaches(sale, told.occurred, past, is_beyond)
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
        let broken = broke(&past(Some(7)), &sale(2000, true), at(5, 19_000));
        assert_eq!(broken, [(Breach::HeldSale, Some(Seq(7))), (Breach::MassBalance, None)]);
        let broken = broke(&past(None), &sale(1, true), at(5, 20_001));
        assert_eq!(broken, [(Breach::ExpiredVerification, None)]);
        let now = Tenant { since: Time(5), merchant: Some("M2".into()) };
        let before = Tenant { since: Time(0), merchant: Some("M1".into()) };
        let tenants = HashMap::from([("A1".to_owned(), vec![before, now])]);
        let let_again = Past { tenants, ..past(None) };
        assert_eq!(broke(&let_again, &sale(1, true), at(4, 19_000)), []);
        assert_eq!(broke(&let_again, &sale(1, true), at(5, 19_000)), [(Breach::FormerTenant, None)]);
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
            let sale = sale(1, offline);
            let is_beyond = ground.judge(&sale, told).map_err(|refusal| refusal.code)?;
            let broken = ground.breaches(&sale, told.occurred, &past(None), is_beyond);
            Ok(broken.into_iter().map(|(breach, _)| breach).collect::<Vec<_>>())
        };
        assert_eq!(judged((200, 20_000), (201, 20_000), false), Ok(vec![]));
        assert_eq!(judged((200, 20_000), (201, 20_001), false), Err(Code::VerificationExpired));
        assert_eq!(judged((200, 19_000), (202, 19_000), false), Err(Code::PastTime));
        assert_eq!(judged((99, 19_000), (100, 19_000), false), Err(Code::PastTime));
        assert_eq!(judged((99, 19_000), (300, 20_001), true), Ok(vec![Breach::MassBalance]));
        assert_eq!(judged((200, 20_001), (300, 20_001), true), Ok(vec![Breach::ExpiredVerification]));
    }
}
