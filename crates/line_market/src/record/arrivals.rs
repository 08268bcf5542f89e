//! Goods as they come to a merchant.

use base::SubjectId;
use epcis::digital_link::{CANONICAL_BASE, DigitalLink};
use epcis::urn::to_digital_link;
use kernel::Receipt;
use ledger::Role;

use super::{Failure, Input, Recorder, refuse, refused};
use crate::kinds::LotReceived;
use crate::refusal::{Code, Refusal};
use crate::rules::PARTS_OF_DAY_MAX;
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
            need_identifier(source)?;
            // Under this form an event that names it otherwise is met.
            let source = SubjectId::new(epcis::urn::canonical(source.as_str()))
                .map_err(|error| refused(Refusal::new(Code::Body, "body.source", error.to_string())))?;
            draft = draft.subject(Role::Input, source);
        }
        draft = draft.subject(Role::Output, self.id("lot", &body.lot)?);
        self.append(draft)
    }

    /// Lots of a merchant that come out of others on a day leave room on the lists of the market for those of others.
    pub(super) fn need_few_parts(&mut self, merchant: &str, more: usize, field: &str) -> Result<(), Failure> {
        if self.actor.is_system() {
            return Ok(());
        }
        // They count from when they are recorded, as lots that come are counted.
        let zone = self.desk.zone();
        let day = zone.day_of(self.occurred);
        let day = (zone.start_of(day), zone.start_of(day.plus(1)));
        let parts = state::parts_of_day(self.desk.read()?, self.book, merchant, day)?;
        if parts + more > PARTS_OF_DAY_MAX {
            let detail = format!("{PARTS_OF_DAY_MAX} lots of {merchant} come out of others on a day at most");
            return refuse(Code::TooManyArrivals, field, detail);
        }
        Ok(())
    }
}

/// Refuses what is no EPC URN of a GS1 key and no Digital Link. An older book may hold others.
fn need_identifier(source: &SubjectId) -> Result<(), Failure> {
    let text = source.as_str();
    let link = match text.starts_with("urn:") {
        true => to_digital_link(text, CANONICAL_BASE),
        false => DigitalLink::parse(text),
    };
    match link {
        Ok(_) => Ok(()),
        Err(rule) => {
            let detail = format!("must be an EPC URN or a GS1 Digital Link: {rule}");
            refuse(Code::Body, "body.source", detail)
        }
    }
}
