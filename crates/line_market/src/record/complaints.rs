//! Complaints: what shoppers say of a slip, and what is answered.

use base::Seq;
use kernel::Receipt;
use ledger::{Body, Role};

use super::{Failure, Input, Recorder, refuse};
use crate::duties::{self, Cause};
use crate::kinds::{ComplaintFiled, ComplaintSettled, SlipSerial};
use crate::refusal::Code;
use crate::rules::COMPLAINTS_OF_SLIP_MAX;
use crate::state;

impl Recorder<'_, '_> {
    pub(super) fn complain(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: ComplaintFiled = Self::body(input)?;
        let mut draft = self.draft(&body)?;
        let (mut owes, mut full) = (true, None);
        if let Some(serial) = body.slip.as_deref().and_then(SlipSerial::parse) {
            let Some((_, sale)) = state::sale_of_slip(self.desk.read()?, self.book, serial)? else {
                return refuse(Code::UnknownSlip, "body.slip", "there is no such slip");
            };
            let slip = serial.print();
            // Whoever settles them takes a shopper's down whatever others say of the slip.
            let takes_down = self.desk.may_with(self.actor, ComplaintSettled::KIND, self.book)?;
            // What more is said of one slip, or on one day, is kept and answered, but lays no further duty on anybody yet.
            owes = duties::count_owed(self.desk, self.book, &slip)? < COMPLAINTS_OF_SLIP_MAX;
            if !takes_down {
                let is_full = self.need_few_of_shoppers(&slip, &sale.stall)?;
                owes = owes && self.may_lay_duty(&sale.stall)?;
                full = is_full.then_some(sale.stall);
            }
            draft = draft.subject(Role::About, serial.subject(self.book));
        } else {
            self.need_few_without_slip()?;
        }
        let receipt = self.append(draft)?;
        if owes {
            self.owe(&Cause::Complaint { seq: receipt.seq.0 })?;
        }
        // What more is said of the stall on this day is refused: somebody has to know.
        if let Some(stall) = full {
            self.owe(&Cause::ManyComplaints { stall: &stall })?;
        }
        Ok(receipt)
    }

    /// What the answering side says of a complaint stands once its matter is closed; until then the supervising side may say
    /// otherwise, and whoever is asked to think again may.
    pub(super) fn settle(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let mut body: ComplaintSettled = Self::body(input)?;
        let seq = Seq(body.complaint);
        let Some(row) = state::complaint(self.desk.read()?, self.book, seq)? else {
            return refuse(Code::UnknownEntry, "body.complaint", format!("there is no complaint {seq}"));
        };
        if row.settled_seq.is_some() && !duties::may_settle_anew(self.desk, self.book, self.actor, seq)? {
            return refuse(Code::AlreadySettled, "body.complaint", format!("complaint {seq} is settled"));
        }
        body.instead_of = row.settled_seq.map(|settled| settled.0);
        self.renew_duty(&Cause::Complaint { seq: body.complaint }, &body.text)?;
        let draft = self.draft(&body)?.subject(Role::About, self.id("complaint", &seq.to_string())?);
        self.append(draft)
    }
}
