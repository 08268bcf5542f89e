//! Stalls are let, and given back.

use kernel::Receipt;

use super::{Failure, Input, Recorder, refuse};
use crate::kinds::{LeaseEnded, StallLeased};
use crate::refusal::Code;
use crate::state;

impl Recorder<'_, '_> {
    pub(super) fn lease(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: StallLeased = Self::body(input)?;
        self.need_merchant(&body.merchant)?;
        if let Some(tenant) = self.need_stall(&body.stall, "body.stall")?.merchant {
            return refuse(
                Code::AlreadyLeased,
                "body.stall",
                format!("stall {} is let to {tenant}", body.stall),
            );
        }
        self.need_let_before(&body.stall)?;
        self.need_no_other_tenant(&body)?;
        self.need_few_leases(&body.stall)?;
        self.plain::<StallLeased>(input, |it| {
            vec![("stall", it.stall.clone()), ("merchant", it.merchant.clone())]
        })
    }

    /// Goods arrive at a stall from the first day of its lease on: none begins in the days of another tenant, who had the stall until
    /// its end was recorded.
    fn need_no_other_tenant(&mut self, body: &StallLeased) -> Result<(), Failure> {
        let of_stall = (body.stall.as_str(), body.merchant.as_str());
        let last = state::last_other_tenant(self.desk.read()?, self.book, of_stall)?;
        let Some((ended, tenant)) = last else { return Ok(()) };
        let day = self.desk.zone().day_of(ended);
        // Goods of who has the stall next arrive from when that was said to be, where its lease begins later.
        let field = match (body.from < day, self.desk.zone().day_of(self.occurred) < day) {
            (true, _) => "body.from",
            (false, true) => "occurred",
            (false, false) => return Ok(()),
        };
        let detail = format!("stall {} was let to {tenant} until {day}", body.stall);
        refuse(Code::AlreadyLeased, field, detail)
    }

    /// A stall is let and given back in the order of time, from its opening on, so that it counts as let once at most on every
    /// day.
    pub(super) fn need_let_before(&mut self, stall: &str) -> Result<(), Failure> {
        /// Behind so many amendments the oldest of them is taken for the opening.
        const AMENDED_MAX: usize = 100;
        if let Some(changed) = state::let_changed(self.desk.read()?, self.book, stall)? {
            return self.need_no_earlier(changed);
        }
        match self.openings(stall, AMENDED_MAX)?.last() {
            Some(opened) => self.need_no_earlier(opened.occurred),
            None => Ok(()),
        }
    }

    pub(super) fn end_lease(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: LeaseEnded = Self::body(input)?;
        self.need_stall_of(&body.merchant, &body.stall, "body.stall")?;
        self.need_let_before(&body.stall)?;
        self.plain::<LeaseEnded>(input, |it| {
            vec![("stall", it.stall.clone()), ("merchant", it.merchant.clone())]
        })
    }
}
