use serde::{Deserialize, Serialize};

use crate::{ActivityId, Minutes, Moment, Schedule, ScheduleError, Span};

/// The planned dates as they stood once (基准计划). It is read, never changed: a new plan gets a new baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    spans: Vec<Span>,
    finish: Option<Moment>,
}

/// How far an activity lies from its baseline, in its working time; positive is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variance {
    pub activity: ActivityId,
    pub start: Minutes,
    pub finish: Minutes,
}

impl Baseline {
    /// Where an activity was planned; nothing for one that was added later.
    pub fn span(&self, activity: ActivityId) -> Option<Span> {
        self.spans.get(activity.at()).copied()
    }

    /// When everything was planned to be finished; nothing for a plan without activities.
    pub fn finish(&self) -> Option<Moment> {
        self.finish
    }
}

impl Schedule {
    /// Freezes the planned dates.
    pub fn freeze(&self) -> Baseline {
        let spans = self.planned();
        let finish = spans.iter().map(|span| span.finish).max();
        Baseline { spans, finish }
    }

    /// Where the planned dates differ from a baseline, for the activities that the baseline holds.
    pub fn variances(&self, baseline: &Baseline) -> Result<Vec<Variance>, ScheduleError> {
        let planned = self.planned();
        if baseline.spans.len() > planned.len() {
            let (baseline, plan) = (baseline.spans.len(), planned.len());
            return Err(ScheduleError::BaselineOfAnotherPlan { baseline, plan });
        }
        let both = (0..).map(ActivityId).zip(baseline.spans.iter().zip(&planned));
        let differing = both.filter(|(_, (then, now))| then != now);
        Ok(differing
            .map(|(activity, (then, now))| {
                let calendar = self.network.calendar(&self.network.nodes[activity.at()]);
                Variance {
                    activity,
                    start: calendar.between(then.start, now.start),
                    finish: calendar.between(then.finish, now.finish),
                }
            })
            .collect())
    }
}
