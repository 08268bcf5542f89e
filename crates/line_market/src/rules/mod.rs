//! The market's rules as pure functions: no database, no clock.

pub mod sale;

use base::Grams;

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
