//! Goods as they come to a merchant.

use base::SubjectId;
use kernel::Receipt;
use ledger::Role;

use super::{Failure, Input, Recorder, refuse, refused};
use crate::kinds::LotReceived;
use crate::refusal::{Code, Refusal};
use crate::rules::ARRIVALS_OF_DAY_MAX;
use crate::state;

impl Recorder<'_, '_> {
    pub(super) fn receive(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: LotReceived = Self::body(input)?;
        self.need_no_lot(&body.lot, "body.lot")?;
        self.need_product(&body.product)?;
        let stall = self.need_stall_of(&body.merchant, &body.stall, "body.stall")?;
        if !self.actor.is_system() {
            self.need_let_by_then(&stall)?;
        }
        self.need_recent()?;
        self.need_few_arrivals(&body.merchant)?;
        let mut draft = self.draft(&body)?.at(self.id("stall", &body.stall)?);
        if let Some(source) = &body.source {
            // Under this form an event that names it otherwise is met.
            let source = SubjectId::new(epcis::urn::canonical(source.as_str()))
                .map_err(|error| refused(Refusal::new(Code::Body, "body.source", error.to_string())))?;
            draft = draft.subject(Role::Input, source);
        }
        draft = draft.subject(Role::Output, self.id("lot", &body.lot)?);
        self.append(draft)
    }

    /// A merchant's lots of a day leave room on the lists of the market for those of others.
    fn need_few_arrivals(&mut self, merchant: &str) -> Result<(), Failure> {
        if self.actor.is_system() {
            return Ok(());
        }
        let zone = self.desk.zone();
        let day = zone.day_of(self.occurred);
        let (from, until) = (zone.start_of(day), zone.start_of(day.plus(1)));
        let count = state::arrivals(self.desk.read()?, self.book, merchant, from, until)?;
        match count >= ARRIVALS_OF_DAY_MAX as i64 {
            true => {
                let detail =
                    format!("{ARRIVALS_OF_DAY_MAX} lots came to {merchant} on {day}, as many as may");
                refuse(Code::TooManyArrivals, "body.merchant", detail)
            }
            false => Ok(()),
        }
    }
}
