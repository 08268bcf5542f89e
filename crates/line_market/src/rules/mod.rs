//! The market's rules as pure functions: no database, no clock.

mod retest;
pub mod sale;

use base::Grams;

use crate::refusal::{Code, Refusal};
use crate::state::{Inspection, Lot};
pub use retest::{is_retest, retest};

/// Complaints about one slip that are owed at a time, each by itself.
pub const COMPLAINTS_OF_SLIP_MAX: usize = 3;

/// Days after which an arrival of goods, and what became of them, is not written down any more.
pub const WRITTEN_DAYS_MAX: i32 = 31;

/// Lots of a merchant that come out of others on a day, by split or transfer.
pub const PARTS_OF_DAY_MAX: usize = 600;

/// Days that a food trading permit (食品经营许可证) runs from the day on which it is recorded: five years.
pub const FOOD_PERMIT_DAYS_MAX: i32 = 5 * 366;
/// Days that a health certificate (健康证) runs: two years, though most run one.
pub const HEALTH_DAYS_MAX: i32 = 2 * 366;
/// Days that a verification of a scale runs: two years, though most run one.
pub const VERIFICATION_DAYS_MAX: i32 = 2 * 366;

/// Goods can leave a lot only while it is not held, and no more than is left.
pub fn may_take(lot: &Lot, grams: Grams, field: &str) -> Result<(), Refusal> {
    if lot.hold.is_some() {
        return Err(Refusal::new(Code::HeldLot, "lot", format!("lot {} is held", lot.lot)));
    }
    enough(lot, grams, field)
}

/// What leaves a lot was in it.
pub fn enough(lot: &Lot, grams: Grams, field: &str) -> Result<(), Refusal> {
    if grams > lot.left_g() {
        let detail = format!("lot {} has {} left", lot.lot, lot.left_g());
        return Err(Refusal::new(Code::MassBalance, field, detail));
    }
    Ok(())
}

/// Whether anything of a lot could still be sold.
pub fn open(lot: &Lot) -> bool {
    lot.left_g() > Grams(0)
}

/// A lot is released when none that it came out of is held, when each test of it that failed was repeated, and, if it was held
/// for a failed one, on such a retest. `failure` is a test of it that failed and that none took back.
pub fn may_release(
    lot: &Lot,
    ancestors: &[Lot],
    failure: Option<&Inspection>,
    is_on_retest: bool,
) -> Result<(), Refusal> {
    if let Some(held) = ancestors.iter().find(|ancestor| ancestor.hold.is_some()) {
        let detail = format!("lot {} came out of lot {}, which is held", lot.lot, held.lot);
        return Err(Refusal::new(Code::AncestorHeld, "body.lot", detail));
    }
    let missing = |detail: String| Err(Refusal::new(Code::RetestMissing, "body.inspection", detail));
    if let Some(Inspection { seq, item, at, .. }) = failure {
        return missing(format!(
            "test {seq} failed for {item} at {at}, and none passed since for the same or as its retest"
        ));
    }
    let for_test = lot.hold_reason.as_deref() == Some("failed_inspection");
    if for_test && !is_on_retest {
        return missing("must be a test of the lot since it was held, a pass, and for what it failed".into());
    }
    Ok(())
}
