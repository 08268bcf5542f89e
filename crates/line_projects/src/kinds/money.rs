//! Money: contracts, the investment planned and made month by month, payments.

use base::{Day, Fen};
use ledger::{BodyError, Rule};
use serde::{Deserialize, Serialize};

use super::{Month, body, check_code, check_each, check_fen, check_name, check_range};

/// Months of one project for which anything is planned or invested: each entry about it looks at them all.
pub const MONTHS_MAX: usize = 600;
/// Days of one project by which anything has to be paid: a plan has a point for each. Its team leaves the office a fifth.
pub const INSTALMENT_DAYS_MAX: usize = matters::POINTS_MAX;
pub const INSTALMENT_DAYS_BY_TEAM_MAX: usize = 800;
/// Payments of one project, and contracts: its account, page and files show them all. Its team leaves the office a fifth.
pub const PAYMENTS_MAX: usize = 5_000;
pub const PAYMENTS_BY_TEAM_MAX: usize = 4_000;
pub const CONTRACTS_MAX: usize = 500;
pub const CONTRACTS_BY_TEAM_MAX: usize = 400;

/// Investments of one project that are recorded on a day of the city: ten years, month by month. Its team leaves the office a fifth.
pub const INVESTMENTS_A_DAY_MAX: usize = 150;
pub const INVESTMENTS_A_DAY_BY_TEAM_MAX: usize = 120;

/// Under what the money of a project is broken down. Written by the recorder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Heading {
    pub industry: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
}

/// A part of a contract's sum that has to be paid by a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Instalment {
    #[schema(value_type = String, format = Date)]
    pub day: Day,
    pub amount_fen: Fen,
}

body! {
    /// A contract was signed.
    ContractSigned = "projects.contract.signed" {
        pub project: String,
        /// Its number.
        pub contract: String,
        pub title: String,
        pub party: String,
        pub amount_fen: Fen,
        /// What has to be paid by which day, in order; together no more than the sum.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub instalments: Vec<Instalment>,
        #[serde(default)]
        pub heading: Heading,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_code("contract", &this.contract)?;
        check_name("title", &this.title)?;
        check_name("party", &this.party)?;
        check_fen("amount_fen", this.amount_fen)?;
        check_range("instalments", this.instalments.len().try_into().unwrap_or(i64::MAX), 0, 60, "instalments")?;
        for (at, instalment) in this.instalments.iter().enumerate() {
            check_fen(&format!("instalments[{at}].amount_fen"), instalment.amount_fen)?;
            if at > 0 && instalment.day <= this.instalments[at - 1].day {
                return Err(BodyError::new(format!("instalments[{at}].day"), Rule::Consistency, "does not follow the one before"));
            }
        }
        let together: Fen = this.instalments.iter().map(|instalment| instalment.amount_fen).sum();
        if together > this.amount_fen {
            return Err(BodyError::new("instalments", Rule::Consistency, "are more than the sum of the contract"));
        }
        Ok(())
    }
}

/// What is to be invested in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonthPlan {
    pub month: Month,
    pub amount_fen: Fen,
}

body! {
    /// What is to be invested in a project, month by month. It replaces what was planned for the same months.
    Planned = "projects.investment.planned" {
        pub project: String,
        /// In order.
        pub months: Vec<MonthPlan>,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_range("months", this.months.len().try_into().unwrap_or(i64::MAX), 1, 120, "months")?;
        for (at, plan) in this.months.iter().enumerate() {
            check_range(&format!("months[{at}].amount_fen"), plan.amount_fen.0, 0, super::FEN_MAX, "fen")?;
            if at > 0 && plan.month <= this.months[at - 1].month {
                return Err(BodyError::new(format!("months[{at}].month"), Rule::Consistency, "does not follow the one before"));
            }
        }
        Ok(())
    }
}

body! {
    /// A month whose plan was made ended. Written by the clock: from then on what was planned for it was due.
    MonthFellDue = "projects.investment.due" {
        pub project: String,
        pub month: Month,
        pub amount_fen: Fen,
        pub heading: Heading,
    }
    check(this) {
        check_code("project", &this.project)
    }
}

body! {
    /// Investment was completed in a month (完成投资).
    Invested = "projects.investment.made" {
        pub project: String,
        pub month: Month,
        pub amount_fen: Fen,
        #[serde(default)]
        pub heading: Heading,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_fen("amount_fen", this.amount_fen)
    }
}

body! {
    /// Money was paid (资金支付).
    Paid = "projects.payment.made" {
        pub project: String,
        /// The contract that it was paid under.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub contract: Option<String>,
        pub amount_fen: Fen,
        #[serde(default)]
        pub heading: Heading,
    }
    check(this) {
        check_code("project", &this.project)?;
        check_each(&this.contract, |contract| check_code("contract", contract))?;
        check_fen("amount_fen", this.amount_fen)
    }
}
