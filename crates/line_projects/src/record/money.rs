//! Contracts, plans, investment, payments.

use kernel::Receipt;

use super::{Failure, Recorder, refuse, refused};
use crate::kinds::{ContractSigned, Invested, Paid, Planned};
use crate::refusal::Code;
use crate::rules;
use crate::state;

impl Recorder<'_, '_> {
    pub(super) fn sign(&mut self, mut body: ContractSigned) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        if state::contract(self.desk.read()?, self.book, &body.contract)?.is_some() {
            return refuse(Code::Exists, "body.contract", format!("contract {} is recorded", body.contract));
        }
        body.heading = project.heading();
        self.of_project(&body, &project)
    }

    pub(super) fn plan(&mut self, body: Planned) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        rules::may_plan(&body, self.desk.zone().day_of(self.occurred)).map_err(refused)?;
        self.of_project(&body, &project)
    }

    /// Investment happens in its month: reported later, it counts for the last moment of it.
    pub(super) fn invest(&mut self, mut body: Invested) -> Result<Receipt, Failure> {
        let zone = self.desk.zone();
        let begin = zone.start_of(body.month.first_day());
        let end = zone.start_of(body.month.next().first_day()).plus_ms(-1);
        if self.occurred < begin {
            return refuse(Code::MonthAhead, "body.month", format!("{} has not begun", body.month));
        }
        if self.told.is_some_and(|told| told > end) {
            return refuse(Code::Body, "occurred", format!("lies after {}", body.month));
        }
        self.occurred = self.occurred.min(end);
        let project = self.project(&body.project)?;
        body.heading = project.heading();
        self.of_project(&body, &project)
    }

    pub(super) fn pay(&mut self, mut body: Paid) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        if let Some(name) = &body.contract {
            let contract = state::contract(self.desk.read()?, self.book, name)?;
            if contract.is_none_or(|contract| contract.project != project.project) {
                let detail = format!("project {} has no contract {name}", project.project);
                return refuse(Code::UnknownContract, "body.contract", detail);
            }
        }
        body.heading = project.heading();
        self.of_project(&body, &project)
    }
}
