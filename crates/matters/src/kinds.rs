mod checks;

use base::{Day, KindName, Time};
use ledger::Kind;
use serde::{Deserialize, Serialize};

use crate::colour::{Assessment, Colour};
use crate::id::{MatterId, PostId};
use crate::input::Input;
use crate::notice::YearNotice;
use crate::rule::ColourRule;
use crate::term::Due;

/// The level that says that the reviewer keeps what was handed in; those of the ladder begin with 1.
pub const REVIEW_OVERDUE: u8 = 0;
/// Workdays that a reviewer has to judge what was handed in.
pub const REVIEW_WORKDAYS: u32 = 5;

/// Helpers of one matter at most.
pub const HELPERS_MAX: usize = 32;

/// A matter was opened: somebody owes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    pub matter: MatterId,
    /// What sort of matter, a word of its line's, such as `projects.blocker`.
    #[schema(value_type = String)]
    pub sort: KindName,
    pub title: String,
    /// The post that owes it.
    pub owner: PostId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub helpers: Vec<PostId>,
    /// The post that says whether it is done: neither the owner nor a helper.
    pub reviewer: PostId,
    pub due: Due,
    /// The name of the colour rule that it follows, in whatever version is in force.
    pub rule: String,
}

/// The owner took the matter in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    pub matter: MatterId,
    pub by: PostId,
}

/// The owner or a helper says that it is done, and shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Submitted {
    pub matter: MatterId,
    pub by: PostId,
    pub evidence: Vec<Evidence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A file that proves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// SHA-256 of the file, lower-case hex; stands in the entry's evidence too.
    pub digest: String,
    pub title: String,
    /// When what it proves took effect: this says whether the matter was done in time.
    #[schema(value_type = String, format = Date)]
    pub effective: Day,
    /// When it was handed in.
    #[schema(value_type = String, format = Date)]
    pub uploaded: Day,
}

/// The reviewer found it not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    pub matter: MatterId,
    pub by: PostId,
    pub reason: String,
}

/// The reviewer found it done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    pub matter: MatterId,
    /// The sort of the matter, so that figures are sums of entries by themselves.
    #[schema(value_type = String)]
    pub sort: KindName,
    pub by: PostId,
    /// Whether what was handed in took effect by the deadline, as the calendar stood then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_time: Option<bool>,
}

/// It is no longer owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancelled {
    pub matter: MatterId,
    /// The sort of the matter, so that figures are sums of entries by themselves.
    #[schema(value_type = String)]
    pub sort: KindName,
    pub reason: String,
    pub approver: PostId,
}

/// It is owed again: a new round begins, with a deadline and a ladder of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reopened {
    pub matter: MatterId,
    /// The sort of the matter, so that figures are sums of entries by themselves.
    #[schema(value_type = String)]
    pub sort: KindName,
    pub reason: String,
    pub approver: PostId,
    pub due: Due,
    /// The acceptance that no longer holds, so that figures take it back; none for a matter that was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<Acceptance>,
}

/// What an acceptance counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_time: Option<bool>,
}

/// Another post owes it from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandedOver {
    pub matter: MatterId,
    pub to: PostId,
    /// The reviewer from now on, where that changes too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<PostId>,
    /// The colour in which it changes hands; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    pub reason: String,
}

/// Another post helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HelperAdded {
    pub matter: MatterId,
    pub helper: PostId,
}

/// Its clock was stopped: this day does not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Paused {
    pub matter: MatterId,
    pub reason: String,
    pub approver: PostId,
}

/// Its clock goes on: this day counts again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resumed {
    pub matter: MatterId,
}

/// Its deadline was put off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extended {
    pub matter: MatterId,
    pub extension: Extension,
    pub reason: String,
    pub approver: PostId,
}

/// How a deadline is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "by", deny_unknown_fields)]
pub enum Extension {
    /// A fixed day moves to a later one.
    To {
        #[schema(value_type = String, format = Date)]
        day: Day,
    },
    /// A term grows by so many of the days that it counts, a fixed day by calendar days.
    Days { days: u32 },
}

/// Its colour changed. Written by the clock, at the time of the change if the server was up, later if it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Coloured {
    pub matter: MatterId,
    /// The sort of the matter, so that figures are sums of entries by themselves.
    #[schema(value_type = String)]
    pub sort: KindName,
    /// None before the first colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Colour>,
    /// None once the matter is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Colour>,
    /// The moment since which the matter has, or should have had, this colour.
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    /// Under which version of which rule, from which inputs; nothing once the matter is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
}

/// A level of the ladder was reached, for which the owner answers; or, as level 0, what was handed in waits for its reviewer, who
/// answers. Written by the clock; each level fires once a round, and 0 each time that it was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalated {
    pub matter: MatterId,
    /// The sort of the matter, so that figures are sums of entries by themselves.
    #[schema(value_type = String)]
    pub sort: KindName,
    pub level: u8,
    /// The moment at which it fired, or should have.
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    /// The post that answers.
    pub post: PostId,
    pub title_zh: String,
    pub title_en: String,
    pub rule: String,
    pub rule_version: u32,
}

/// A proper reason (正当理由) was approved: until it expires the named inputs do not colour the matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Excused {
    pub matter: MatterId,
    pub inputs: Vec<Input>,
    pub reason: String,
    pub approver: PostId,
    /// The first and the last day of it.
    #[schema(value_type = String, format = Date)]
    pub from: Day,
    #[schema(value_type = String, format = Date)]
    pub until: Day,
}

/// The holidays of a year were loaded, or amended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarLoaded {
    pub notice: YearNotice,
}

/// A version of a colour rule came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleAdopted {
    pub rule: ColourRule,
}

/// The kinds of this crate, for the catalogue.
pub fn kinds() -> Vec<Kind> {
    vec![
        Kind::of::<Opened>("事项立项", "Matter opened"),
        Kind::of::<Taken>("事项受领", "Matter taken in hand"),
        Kind::of::<Submitted>("事项报结", "Matter submitted"),
        Kind::of::<Returned>("事项退回", "Matter returned"),
        Kind::of::<Accepted>("事项办结", "Matter accepted"),
        Kind::of::<Cancelled>("事项撤销", "Matter cancelled"),
        Kind::of::<Reopened>("事项重启", "Matter reopened"),
        Kind::of::<HandedOver>("事项移交", "Matter handed over"),
        Kind::of::<HelperAdded>("增加协办", "Helper added"),
        Kind::of::<Paused>("事项中止计时", "Matter paused"),
        Kind::of::<Resumed>("事项恢复计时", "Matter resumed"),
        Kind::of::<Extended>("事项延期", "Matter extended"),
        Kind::of::<Coloured>("事项变色", "Matter coloured"),
        Kind::of::<Escalated>("事项升级", "Matter escalated"),
        Kind::of::<Excused>("正当理由认定", "Proper reason approved"),
        Kind::of::<CalendarLoaded>("节假日安排载入", "Holidays of a year loaded"),
        Kind::of::<RuleAdopted>("亮色规则启用", "Colour rule adopted"),
    ]
}
