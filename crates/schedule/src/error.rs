use crate::{ActivityId, CalendarId, LinkId, Moment};

/// Why a plan cannot be scheduled, or an edit of it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Each cycle once, its members in the order of their links; those of different cycles share no activity.
    #[error("activities wait for each other in a cycle: {}", text_of(cycles))]
    Cycle { cycles: Vec<Vec<ActivityId>> },
    #[error("link {link} names activity {activity}, which is not in the plan")]
    MissingActivity { link: LinkId, activity: ActivityId },
    #[error("activity {activity} is not in the plan")]
    UnknownActivity { activity: ActivityId },
    #[error("link {link} is not in the plan")]
    UnknownLink { link: LinkId },
    #[error("calendar {calendar} is not in the plan")]
    MissingCalendar { calendar: CalendarId },
    #[error("the duration or remaining duration of activity {activity} is negative")]
    NegativeDuration { activity: ActivityId },
    #[error("the constraints of activity {activity} contradict each other")]
    ContradictoryConstraints { activity: ActivityId },
    #[error("a calendar has no working time in its week")]
    CalendarWithoutWorkingTime,
    #[error(
        "a shift from minute {from} to minute {to} does not lie within a day, or overlaps the one before it"
    )]
    Shift { from: u16, to: u16 },
    #[error("the exceptions of a calendar span {days} days, more than {max}")]
    CalendarTooLong { days: i64, max: i64 },
    #[error("the deadline {deadline} lies before the start {start}")]
    DeadlineBeforeStart { start: Moment, deadline: Moment },
    #[error("activity {activity} is {percent} percent complete")]
    Percent { activity: ActivityId, percent: u8 },
    #[error("activity {activity} finished before it started")]
    FinishedBeforeStart { activity: ActivityId },
    #[error("a date or a duration lies beyond what a plan can span")]
    OutOfRange,
    #[error("a plan holds at most {max} {what}")]
    TooMany { what: &'static str, max: usize },
    #[error("the baseline holds {baseline} activities, the plan only {plan}")]
    BaselineOfAnotherPlan { baseline: usize, plan: usize },
}

/// A long cycle is shown by its first members.
const SHOWN_MAX: usize = 20;

fn text_of(cycles: &[Vec<ActivityId>]) -> String {
    let shown = cycles.iter().take(SHOWN_MAX).map(|members| {
        let mut text: Vec<String> = members.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
        if members.len() > SHOWN_MAX {
            text.push(format!("... {} in all", members.len()));
        }
        text.join(" -> ")
    });
    shown.collect::<Vec<_>>().join("; ")
}
