//! Goods that one merchant offers to another, who takes them over or leaves them.

use base::{Grams, Seq};
use kernel::Receipt;
use ledger::Role;

use super::{Failure, Input, Recorder, refuse, refused};
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

    /// Who offers goods does not crowd out what others offer the same stall, and does not offer them twice.
    fn need_room_for_offer(&mut self, body: &TransferOffered) -> Result<(), Failure> {
        let (book, now) = (self.book, self.desk.now());
        let lot = self.need_lot(&body.lot)?;
        let tx = self.desk.read()?;
        let offered: Grams =
            state::offers_of(tx, book, &body.lot, now)?.iter().map(|it| it.offered.quantity_g).sum();
        rules::enough(&lot, Grams(offered.0 + body.quantity_g.0), "body.quantity_g").map_err(refused)?;
        let standing = state::offers_to(tx, book, &body.to_stall, now)?;
        let lots: Vec<&str> = standing.iter().map(|it| it.offered.lot.as_str()).collect();
        let lots = state::lots(tx, book, &lots)?;
        let from_here = |offer: &&Offer| {
            lots.iter().any(|other| other.lot == offer.offered.lot && other.stall == lot.stall)
        };
        if standing.iter().filter(from_here).count() < OFFERS_TO_STALL_MAX {
            return Ok(());
        }
        let detail = format!(
            "{OFFERS_TO_STALL_MAX} offers from stall {} to stall {} stand, and no more may",
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
        self.need_transfer(&transferred)?;
        self.need_room_in_family(&transferred.lot, 1, FIELD)?;
        let draft = self.draft(&body)?.at(self.id("stall", &transferred.to_stall)?);
        let draft = draft.subject(Role::About, self.id("lot", &transferred.lot)?);
        let receipt = self.append(draft)?;
        self.hand_over(&transferred)?;
        Ok(receipt)
    }
}
