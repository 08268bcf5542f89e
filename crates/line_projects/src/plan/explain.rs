use schedule::{ActivityId, Calendar, Moment, Plan, ScheduleError};
use schedule_formats::Document;

use super::change::ChangeError;
use crate::refusal::{Code, Refusal};

/// Why a plan cannot be reckoned with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("{0}")]
    Schedule(ScheduleError),
    #[error("activity {activity:?} comes after {predecessor:?}, which is not in the plan")]
    MissingPredecessor { activity: String, predecessor: String },
    #[error("{activity} would lie on {}, outside the years 1 to 9999", at.day())]
    Years { activity: String, at: Moment },
    #[error("two activities of the plan have the code {0:?}")]
    Twice(String),
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Members of a cycle that are shown.
const SHOWN_MAX: usize = 12;

/// What is wrong with a plan, in both languages, by the names that its activities have.
pub fn explain(error: &ScheduleError, document: &Document) -> (String, String) {
    let name = |id: &ActivityId| {
        let label = document.labels.get(id.0 as usize);
        label.map_or_else(
            || id.to_string(),
            |label| match label.name.as_str() {
                "" => label.code.clone(),
                name => format!("{} {name}", label.code),
            },
        )
    };
    match error {
        ScheduleError::Cycle { cycles } => {
            let ring = |members: &Vec<ActivityId>| {
                let mut names: Vec<String> = members.iter().take(SHOWN_MAX).map(name).collect();
                if members.len() > SHOWN_MAX {
                    names.push(format!("…（{}）", members.len()));
                }
                names.extend(members.first().map(name));
                names.join(" → ")
            };
            let rings: Vec<String> = cycles.iter().take(SHOWN_MAX).map(ring).collect();
            let rings = rings.join("; ");
            (format!("活动首尾相接，互相等待：{rings}"), format!("activities wait for each other: {rings}"))
        }
        ScheduleError::NegativeDuration { activity } => (
            format!("活动“{}”的工期为负", name(activity)),
            format!("the duration of {} is negative", name(activity)),
        ),
        ScheduleError::ContradictoryConstraints { activity } => (
            format!("活动“{}”的限制日期互相矛盾", name(activity)),
            format!("the constraints of {} contradict each other", name(activity)),
        ),
        ScheduleError::FinishedBeforeStart { activity } => (
            format!("活动“{}”的完成早于开始", name(activity)),
            format!("{} finished before it started", name(activity)),
        ),
        ScheduleError::CalendarWithoutWorkingTime => {
            ("日历的一周内没有工作时间".to_owned(), error.to_string())
        }
        ScheduleError::Shift { .. } => ("日历的班次重叠或越过午夜".to_owned(), error.to_string()),
        ScheduleError::CalendarTooLong { max, .. } => {
            (format!("日历的例外日跨度超过 {max} 天"), error.to_string())
        }
        ScheduleError::DeadlineBeforeStart { start, deadline } => (
            format!("期限（{}）早于计划开始（{}）", deadline.closing_day(), start.day()),
            format!("the deadline, {}, lies before the start, {}", deadline.closing_day(), start.day()),
        ),
        ScheduleError::MissingActivity { activity, .. } | ScheduleError::UnknownActivity { activity } => {
            (format!("逻辑关系所指的活动（{activity}）不存在"), error.to_string())
        }
        ScheduleError::MissingCalendar { calendar } => {
            (format!("日历（{calendar}）不存在"), error.to_string())
        }
        _ => ("计划超出可计算的范围".to_owned(), error.to_string()),
    }
}

impl PlanError {
    /// In Chinese and in English.
    pub fn told(&self, document: Option<&Document>) -> (String, String) {
        match (self, document) {
            (Self::Schedule(error), Some(document)) => explain(error, document),
            (Self::Schedule(error), None) => {
                explain(error, &Document::new("", Plan::new(Calendar::elapsed())))
            }
            (Self::MissingPredecessor { activity, predecessor }, _) => {
                (format!("活动“{activity}”的紧前活动“{predecessor}”不在计划中"), self.to_string())
            }
            (Self::Years { activity, at }, _) => {
                let zh = format!("活动“{activity}”将排到 {}，超出公元 1 年至 9999 年", at.day());
                (zh, self.to_string())
            }
            (Self::Twice(code), _) => (format!("计划中有两项活动的编号都是“{code}”"), self.to_string()),
            (Self::Change(error), _) => (error.chinese(), error.to_string()),
        }
    }

    /// As a refusal of what asked for the plan, beside a field of it.
    pub fn refusal(&self, field: &str, document: Option<&Document>) -> Refusal {
        let (zh, en) = self.told(document);
        Refusal::new(Code::Plan, field, en).in_chinese(zh)
    }
}
