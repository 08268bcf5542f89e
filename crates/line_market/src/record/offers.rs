//! Goods that one merchant offers to another, who takes them over or leaves them.

use base::Seq;
use kernel::Receipt;
use ledger::Role;

use super::{Failure, Input, Recorder, refuse};
use crate::kinds::{LotTransferred, TransferAccepted, TransferOffered};
use crate::refusal::Code;
use crate::rules;
use crate::state;

impl Recorder<'_, '_> {
    pub(super) fn offer(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: TransferOffered = Self::body(input)?;
        self.need_transfer(&LotTransferred::from(body.clone()))?;
        self.need_room_in_family(&body.lot, 1, "body.lot")?;
        let lot = self.need_lot(&body.lot)?;
        self.need_few_offers(&lot, &body.to_stall)?;
        let stall = self.id("stall", &body.to_stall)?;
        let draft = self.draft(&body)?.at(stall.clone());
        let draft = draft.subject(Role::About, self.id("lot", &body.lot)?).subject(Role::About, stall);
        self.append(draft)
    }

    /// An offer is taken as it was made, while it is fresh, and once: then there is the new lot.
    pub(super) fn accept(&mut self, input: &Input) -> Result<Receipt, Failure> {
        const FIELD: &str = "body.offer";
        let body: TransferAccepted = Self::body(input)?;
        let now = self.desk.now();
        let Some(offered) = state::offer(self.desk.read()?, self.book, Seq(body.offer), now)? else {
            return refuse(
                Code::UnknownEntry,
                FIELD,
                format!("entry {} offers nothing that stands", body.offer),
            );
        };
        let transferred = LotTransferred::from(offered);
        self.need_no_lot(&transferred.new_lot, FIELD)?;
        // How much is left of it is the owner's to know.
        let lot = self.need_lot(&transferred.lot)?;
        if rules::enough(&lot, transferred.quantity_g, FIELD).is_err() {
            return refuse(Code::MassBalance, FIELD, format!("lot {} no longer has as much", lot.lot));
        }
        self.need_transfer(&transferred)?;
        self.need_room_in_family(&transferred.lot, 1, FIELD)?;
        self.need_few_parts(&transferred.to_merchant, 1, FIELD)?;
        let draft = self.draft(&body)?.at(self.id("stall", &transferred.to_stall)?);
        let draft = draft.subject(Role::About, self.id("lot", &transferred.lot)?);
        let receipt = self.append(draft)?;
        self.hand_over(&transferred)?;
        Ok(receipt)
    }
}
