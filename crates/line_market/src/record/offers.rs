//! Goods that one merchant offers to another, who takes them over or leaves them.

use std::collections::HashSet;

use base::Seq;
use kernel::Receipt;
use ledger::Role;

use super::{Failure, Input, Recorder, refuse};
use crate::kinds::{LotTransferred, TransferAccepted, TransferOffered};
use crate::refusal::Code;
use crate::rules::{self, OFFERS_TO_STALL_MAX};
use crate::state::{self, Offer};

impl Recorder<'_, '_> {
    pub(super) fn offer(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: TransferOffered = Self::body(input)?;
        self.need_transfer(&LotTransferred::from(body.clone()))?;
        self.need_room_in_family(&body.lot, 1, "body.lot")?;
        self.need_room_for_offer(&body)?;
        let stall = self.id("stall", &body.to_stall)?;
        let draft = self.draft(&body)?.at(stall.clone());
        let draft = draft.subject(Role::About, self.id("lot", &body.lot)?).subject(Role::About, stall);
        self.append(draft)
    }

    /// Who offers goods does not crowd out what others offer the same stall.
    fn need_room_for_offer(&mut self, body: &TransferOffered) -> Result<(), Failure> {
        let (book, now) = (self.book, self.desk.now());
        let lot = self.need_lot(&body.lot)?;
        let tx = self.desk.read()?;
        let offers = state::offers_of_a_day(tx, book, &body.to_stall, now)?;
        let lots: Vec<&str> = offers.iter().map(|it| it.offered.lot.as_str()).collect();
        let lots = state::lots(tx, book, &lots)?;
        let here: HashSet<&str> =
            lots.iter().filter(|it| it.stall == lot.stall).map(|it| it.lot.as_str()).collect();
        let from_here = |offer: &&Offer| here.contains(offer.offered.lot.as_str());
        if offers.iter().filter(from_here).count() < OFFERS_TO_STALL_MAX {
            return Ok(());
        }
        let detail = format!(
            "stall {} made {OFFERS_TO_STALL_MAX} offers to stall {} within a day, and no more may be made",
            lot.stall, body.to_stall
        );
        refuse(Code::TooManyOffers, "body.to_stall", detail)
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
