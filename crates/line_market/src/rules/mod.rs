//! The market's rules as pure functions: no database, no clock.

pub mod sale;

use base::{Grams, Seq};

use crate::refusal::{Code, Refusal};
use crate::state::Lot;

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

/// Whether the lot's latest test failed.
pub fn failed(lot: &Lot) -> bool {
    lot.verdict.as_deref() == Some("fail")
}

/// A lot is released when none that it came out of is held, and, after a failed test, on a later one that passed.
pub fn may_release(lot: &Lot, ancestors: &[Lot], inspection: Option<u64>) -> Result<(), Refusal> {
    if let Some(held) = ancestors.iter().find(|ancestor| ancestor.hold.is_some()) {
        let detail = format!("lot {} came out of lot {}, which is held", lot.lot, held.lot);
        return Err(Refusal::new(Code::AncestorHeld, "body.lot", detail));
    }
    if lot.hold_reason.as_deref() == Some("failed_inspection") || failed(lot) {
        let rests = inspection.is_some() && inspection.map(Seq) == lot.inspection;
        if !rests || lot.verdict.as_deref() != Some("pass") {
            let detail = "must be the lot's latest test, and a pass";
            return Err(Refusal::new(Code::RetestMissing, "body.inspection", detail));
        }
    }
    Ok(())
}
