//! Contracts, plans, investment, payments.

use base::Fen;
use kernel::Receipt;

use super::{Failure, Recorder, need_room, refuse, refused};
use crate::kinds::{
    CONTRACTS_BY_TEAM_MAX, CONTRACTS_MAX, ContractSigned, INSTALMENT_DAYS_BY_TEAM_MAX, INSTALMENT_DAYS_MAX,
    Instalment, Invested, MONTHS_MAX, MonthPlan, PAYMENTS_BY_TEAM_MAX, PAYMENTS_MAX, Paid, Planned,
};
use crate::refusal::Code;
use crate::rules;
use crate::state::{self, Project};

impl Recorder<'_, '_> {
    pub(super) fn sign(&mut self, mut body: ContractSigned) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        if state::contract(self.desk.read()?, self.book, &body.contract)?.is_some() {
            return refuse(Code::Exists, "body.contract", format!("contract {} is recorded", body.contract));
        }
        let signed = state::contracts_count(self.desk.read()?, self.book, &project.project)?;
        let most = self.most::<ContractSigned>(CONTRACTS_MAX, CONTRACTS_BY_TEAM_MAX)?;
        need_room("body.contract", (signed, 1), most, ("该项目的合同", "contracts of the project"))?;
        let due = state::instalments(self.desk.read()?, self.book, &project.project)?;
        let is_new = |part: &&Instalment| due.iter().all(|it| it.day != part.day);
        let days = (due.len(), body.instalments.iter().filter(is_new).count());
        let what = ("该项目的付款日期", "days by which the project has to pay");
        let most = self.most::<ContractSigned>(INSTALMENT_DAYS_MAX, INSTALMENT_DAYS_BY_TEAM_MAX)?;
        need_room("body.instalments", days, most, what)?;
        let signed = state::contracts_sum(self.desk.read()?, self.book, &project.project)?;
        need_likely(signed + body.amount_fen, &project)?;
        body.heading = project.heading();
        self.of_project(&body, &project)
    }

    pub(super) fn plan(&mut self, body: Planned) -> Result<Receipt, Failure> {
        let project = self.project(&body.project)?;
        self.need_not_own(&project, "body.project")?;
        let months = state::months(self.desk.read()?, self.book, &project.project)?;
        rules::may_plan(&body, &months, self.laid_on()).map_err(refused)?;
        rules::may_cost(&body, &months, project.total_fen).map_err(refused)?;
        let is_new = |plan: &&MonthPlan| months.iter().all(|row| row.month != plan.month);
        let count = (months.len(), body.months.iter().filter(is_new).count());
        need_room("body.months", count, MONTHS_MAX, ("该项目的月份", "months of the project"))?;
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
        self.need_few_investments(&project)?;
        let months = state::months(self.desk.read()?, self.book, &project.project)?;
        let is_new = months.iter().all(|row| row.month != body.month);
        let count = (months.len(), usize::from(is_new));
        need_room("body.month", count, MONTHS_MAX, ("该项目的月份", "months of the project"))?;
        let invested: Fen = months.iter().map(|row| row.invested_fen).sum();
        need_likely(invested + body.amount_fen, &project)?;
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
        let made = state::payments_count(self.desk.read()?, self.book, &project.project)?;
        let most = self.most::<Paid>(PAYMENTS_MAX, PAYMENTS_BY_TEAM_MAX)?;
        need_room("body.project", (made, 1), most, ("该项目的付款", "payments of the project"))?;
        let paid = state::paid(self.desk.read()?, self.book, &project.project)?;
        need_likely(paid + body.amount_fen, &project)?;
        body.heading = project.heading();
        self.of_project(&body, &project)
    }
}

/// No project costs ten times what it is to cost: a sum that says so has too many zeros.
fn need_likely(sum: Fen, project: &Project) -> Result<(), Failure> {
    match sum.0 / 10 <= project.total_fen.0 {
        true => Ok(()),
        false => {
            let detail = format!("would make {sum} in all, of a project of {}", project.total_fen);
            refuse(Code::Body, "body.amount_fen", detail)
        }
    }
}
