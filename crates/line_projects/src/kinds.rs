//! What the line records: the kinds of its entries and their bodies.

mod code;
mod frame;
mod money;
mod month;
mod owed;
mod project;
mod reversal;
mod standing;
mod work;

use base::limits::NAME_CHARS_MAX;
use ledger::{BodyError, Kind, Rule, check_text};

pub use code::{CodeError, ProjectCode};
pub use frame::{ChainFounded, ChainHandedOver, GROUPS_MAX, ProgrammeFounded, ProgrammeReplanned};
pub use money::{
    CONTRACTS_BY_TEAM_MAX, CONTRACTS_MAX, ContractSigned, Heading, INSTALMENT_DAYS_BY_TEAM_MAX,
    INSTALMENT_DAYS_MAX, INVESTMENTS_A_DAY_BY_TEAM_MAX, INVESTMENTS_A_DAY_MAX, Instalment, Invested,
    MONTHS_MAX, MonthFellDue, MonthPlan, PAYMENTS_BY_TEAM_MAX, PAYMENTS_MAX, Paid, Planned,
};
pub use month::{Month, NotMonth};
pub use owed::{
    BlockerRaised, MilestoneSet, OPEN_ON_POST_MAX, OWED_BY_TEAM_MAX, OWED_MAX, PermitApplied, PermitDecided,
};
pub use project::{
    Accepted, Amended, DeadlineMoved, DueRestated, EnteredStatistics, FellDue, HandedOver, PROJECTS_MAX,
    PhaseChanged, Registered, Site, Withdrawn,
};
pub use reversal::EntryReversed;
pub use standing::{Change, Phase, Standing};
pub use work::{
    ASSISTANCE_A_DAY_MAX, ASSISTANCE_OF_PROJECT_A_DAY_MAX, AssistancePlanned, MEASURES_A_DAY_MAX, Measure,
    Measured, ProgressReported, ProxyDone, ProxyOpened, REPORTS_A_DAY_BY_TEAM_MAX, REPORTS_A_DAY_MAX,
    REPORTS_BY_TEAM_MAX, REPORTS_MAX, VISITS_A_DAY_BY_TEAM_MAX, VISITS_A_DAY_MAX, VisitMade, Visited,
    WORK_ITEMS_BY_TEAM_MAX, WORK_ITEMS_MAX, WORKS_BY_TEAM_MAX, WORKS_MAX, WorksDone,
};

use crate::plan::kinds::{Baselined, DeadlineSet, Edited, Imported, Overlapped, PartImported};

/// The line's part of the catalogue.
pub fn kinds() -> Vec<Kind> {
    vec![
        Kind::of::<ProgrammeFounded>("专项设立", "Programme founded"),
        Kind::of::<ProgrammeReplanned>("专项计划调整", "Programme replanned"),
        Kind::of::<ChainFounded>("产业链设立", "Industry chain founded"),
        Kind::of::<ChainHandedOver>("链长调整", "Industry chain handed over"),
        Kind::of::<Registered>("项目登记", "Project registered"),
        Kind::of::<Amended>("项目信息更正", "Project amended"),
        Kind::of::<PhaseChanged>("项目阶段变更", "Phase changed"),
        Kind::of::<FellDue>("项目节点到期", "Project fell due"),
        Kind::of::<DueRestated>("项目节点到期重计", "Project fell due, restated"),
        Kind::of::<EnteredStatistics>("项目入库", "Entered the statistics"),
        Kind::of::<Accepted>("项目验收", "Project accepted"),
        Kind::of::<Withdrawn>("项目退出", "Project withdrawn"),
        Kind::of::<DeadlineMoved>("项目期限变更", "Deadline moved"),
        Kind::of::<HandedOver>("项目责任移交", "Project handed over"),
        Kind::of::<PermitApplied>("审批受理", "Permit applied for"),
        Kind::of::<PermitDecided>("审批办结", "Permit decided"),
        Kind::of::<BlockerRaised>("堵点上报", "Blocker raised"),
        Kind::of::<MilestoneSet>("节点设定", "Milestone set"),
        Kind::of::<ContractSigned>("合同签订", "Contract signed"),
        Kind::of::<Planned>("投资计划下达", "Investment planned"),
        Kind::of::<MonthFellDue>("月度投资计划到期", "Plan of a month fell due"),
        Kind::of::<Invested>("投资完成", "Invested"),
        Kind::of::<Paid>("资金支付", "Paid"),
        Kind::of::<ProgressReported>("进度上报", "Progress reported"),
        Kind::of::<WorksDone>("实物工程量完成", "Works done"),
        Kind::of::<VisitMade>("现场调研协调", "Visit made"),
        Kind::of::<AssistancePlanned>("一企一策帮扶方案", "Assistance planned"),
        Kind::of::<ProxyOpened>("代办事项受理", "Proxy item opened"),
        Kind::of::<ProxyDone>("代办事项办结", "Proxy item done"),
        Kind::of::<Imported>("进度计划导入", "Plan taken over"),
        Kind::of::<PartImported>("进度计划活动", "Activities of a plan"),
        Kind::of::<Edited>("进度计划调整", "Plan changed"),
        Kind::of::<Overlapped>("压茬推进", "Overlap accepted"),
        Kind::of::<Baselined>("基准计划确定", "Baseline frozen"),
        Kind::of::<DeadlineSet>("计划期限确定", "Plan's deadline set"),
        Kind::of::<EntryReversed>("记录冲正", "Entry reversed"),
    ]
}

/// A short code of something in a book: a project, a chain, a contract, an item.
pub(crate) fn check_code(field: &str, code: &str) -> Result<(), BodyError> {
    let fits = (1..=40).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if fits {
        return Ok(());
    }
    Err(BodyError::new(field, Rule::Format, "must be 1 to 40 letters, digits, \"-\" or \"_\""))
}

pub(crate) fn check_name(field: &str, text: &str) -> Result<(), BodyError> {
    check_text(field, text, NAME_CHARS_MAX)
}

pub(crate) fn check_range(field: &str, value: i64, min: i64, max: i64, unit: &str) -> Result<(), BodyError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(BodyError::new(field, Rule::Range, format!("must be from {min} to {max} {unit}")))
}

/// Money from one fen to a trillion yuan: beyond every project.
pub(crate) fn check_fen(field: &str, fen: base::Fen) -> Result<(), BodyError> {
    check_range(field, fen.0, 1, FEN_MAX, "fen")
}

pub(crate) const FEN_MAX: i64 = 100_000_000_000_000;

/// The optional text of a field.
pub(crate) fn check_each<T>(
    value: &Option<T>,
    check: impl FnOnce(&T) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    value.as_ref().map_or(Ok(()), check)
}

/// Declares a body: derives, its kind, and its rules.
macro_rules! body {
    (
        $(#[$doc:meta])*
        $name:ident = $kind:literal $(, $trait:ident)* { $($fields:tt)* }
        $(check($this:ident) $check:block)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($fields)* }

        impl ledger::Body for $name {
            const KIND: &'static str = $kind;
            const SOUGHT: bool = ledger::is_among(&[$(stringify!($trait)),*], "sought");
            $(fn check(&self) -> Result<(), ledger::BodyError> {
                let $this = self;
                $check
            })?
        }
    };
}
pub(crate) use body;
