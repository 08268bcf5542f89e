use std::collections::BTreeMap;

use base::{Day, Fen};
use ledger::{BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

use super::clock::{Clock, ShiftText};
use super::kinds::{
    After, Bound, Kind, LagIn, Overlapped, Placed, PlanActivity, check_activity, check_bounds, check_minutes,
    check_shifts,
};
use super::model::Model;
use crate::kinds::{FEN_MAX, check_each, check_range};

/// One change of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = PlanChange)]
pub enum Change {
    Duration {
        activity: String,
        minutes: i64,
    },
    Name {
        activity: String,
        name: String,
    },
    Bounds {
        activity: String,
        bounds: Vec<Bound>,
    },
    Deadline {
        activity: String,
        deadline: Option<Clock>,
    },
    Placed {
        activity: String,
        placed: Option<Placed>,
    },
    Budget {
        activity: String,
        #[schema(value_type = Option<i64>)]
        budget_fen: Option<Fen>,
    },
    /// A link that is new, or takes the place of the one of its kind between the two.
    Link {
        to: String,
        after: After,
    },
    Unlink {
        from: String,
        to: String,
        kind: Kind,
    },
    Add {
        activity: PlanActivity,
    },
    /// An activity goes, and its links with it.
    Remove {
        activity: String,
    },
    /// Other hours on a day, such as a holiday that was announced.
    Day {
        calendar: usize,
        #[schema(value_type = String, format = Date)]
        day: Day,
        shifts: Vec<ShiftText>,
    },
    /// Nothing starts earlier.
    Start {
        start: Clock,
    },
}

/// Why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no activity {0:?} in the plan")]
    UnknownActivity(String),
    #[error("there is an activity {0:?} in the plan already")]
    Exists(String),
    #[error("there is no link of that kind from {0:?} to {1:?}")]
    UnknownLink(String, String),
    #[error("there is no calendar {0} in the plan")]
    UnknownCalendar(usize),
}

impl Overlapped {
    /// The successor starts so long after its predecessor has.
    pub(crate) fn make(&self, model: &mut Model) -> Result<(), ChangeError> {
        model.activity(&self.from)?;
        let mut links = model.activity(&self.to)?.after.iter_mut();
        let link = links.find(|after| after.code == self.from && after.kind == Kind::FinishToStart);
        let Some(link) = link else {
            return Err(ChangeError::UnknownLink(self.from.clone(), self.to.clone()));
        };
        (link.kind, link.lag_minutes, link.lag_in) =
            (Kind::StartToStart, self.lag_minutes, LagIn::Predecessor);
        Ok(())
    }
}

impl ChangeError {
    pub(super) fn chinese(&self) -> String {
        match self {
            Self::UnknownActivity(code) => format!("计划中没有活动“{code}”"),
            Self::Exists(code) => format!("计划中已有活动“{code}”"),
            Self::UnknownLink(from, to) => format!("活动“{from}”与“{to}”之间没有这种逻辑关系"),
            Self::UnknownCalendar(number) => format!("计划中没有日历 {number}"),
        }
    }
}

impl Change {
    pub(super) fn check(&self, field: &str) -> Result<(), BodyError> {
        let at = |name: &str| format!("{field}.{name}");
        match self {
            Self::Duration { activity, minutes } => {
                check_activity(&at("activity"), activity)?;
                check_minutes(&at("minutes"), *minutes)
            }
            Self::Name { activity, name } => {
                check_activity(&at("activity"), activity)?;
                check_text(&at("name"), name, 255)
            }
            Self::Budget { activity, budget_fen } => {
                check_activity(&at("activity"), activity)?;
                check_each(budget_fen, |fen| check_range(&at("budget_fen"), fen.0, 0, FEN_MAX, "fen"))
            }
            Self::Bounds { activity, bounds } => {
                check_activity(&at("activity"), activity)?;
                check_bounds(&at("bounds"), bounds)
            }
            Self::Deadline { activity, .. } | Self::Placed { activity, .. } | Self::Remove { activity } => {
                check_activity(&at("activity"), activity)
            }
            Self::Link { to, after } => {
                check_activity(&at("to"), to)?;
                after.check(&at("after"))
            }
            Self::Unlink { from, to, .. } => {
                check_activity(&at("from"), from)?;
                check_activity(&at("to"), to)
            }
            Self::Add { activity } => activity.check(&at("activity")),
            Self::Day { shifts, .. } => check_shifts(&at("shifts"), shifts.len()),
            Self::Start { .. } => Ok(()),
        }
    }

    /// Makes changes in their order; refused with the number of the one that cannot be made. Whether the plan can still be
    /// scheduled is asked afterwards. Each calendar is changed once, for all its days.
    pub(crate) fn make_all(changes: &[Self], model: &mut Model) -> Result<(), (usize, ChangeError)> {
        let mut days: BTreeMap<usize, BTreeMap<Day, Vec<ShiftText>>> = BTreeMap::new();
        for (at, change) in changes.iter().enumerate() {
            match change {
                Self::Day { calendar, .. } if *calendar >= model.calendars.len() => {
                    return Err((at, ChangeError::UnknownCalendar(*calendar)));
                }
                Self::Day { calendar, day, shifts } => {
                    days.entry(*calendar).or_default().insert(*day, shifts.clone());
                }
                other => other.make(model).map_err(|error| (at, error))?,
            }
        }
        for (calendar, days) in days {
            model.calendars[calendar].except(days);
        }
        Ok(())
    }

    /// Refuses what the change, beside `field`, has made of a plan that no file may hold.
    pub(crate) fn check_made(&self, field: &str, model: &Model) -> Result<(), BodyError> {
        let code = match self {
            Self::Day { calendar, .. } => return model.calendars[*calendar].check(field),
            Self::Start { .. } | Self::Remove { .. } => return Ok(()),
            Self::Link { to, .. } | Self::Unlink { to, .. } => to,
            Self::Add { activity } if activity.calendar >= model.calendars.len() => {
                let detail =
                    format!("names calendar {} of a plan of {}", activity.calendar, model.calendars.len());
                return Err(BodyError::new(format!("{field}.activity.calendar"), Rule::Consistency, detail));
            }
            Self::Add { activity } => &activity.code,
            Self::Duration { activity, .. }
            | Self::Name { activity, .. }
            | Self::Bounds { activity, .. }
            | Self::Deadline { activity, .. }
            | Self::Placed { activity, .. }
            | Self::Budget { activity, .. } => activity,
        };
        model.find(code).map_or(Ok(()), |activity| activity.check(field))
    }

    /// The code of an activity that is new.
    pub(crate) fn added(&self) -> Option<&str> {
        match self {
            Self::Add { activity } => Some(&activity.code),
            _ => None,
        }
    }

    /// The code of an activity that goes.
    pub(crate) fn removed(&self) -> Option<&str> {
        match self {
            Self::Remove { activity } => Some(activity),
            _ => None,
        }
    }

    fn make(&self, model: &mut Model) -> Result<(), ChangeError> {
        match self.clone() {
            Self::Duration { activity, minutes } => model.activity(&activity)?.minutes = minutes,
            Self::Name { activity, name } => model.activity(&activity)?.name = name,
            Self::Bounds { activity, bounds } => model.activity(&activity)?.bounds = bounds,
            Self::Deadline { activity, deadline } => model.activity(&activity)?.deadline = deadline,
            Self::Placed { activity, placed } => model.activity(&activity)?.placed = placed,
            Self::Budget { activity, budget_fen } => model.activity(&activity)?.budget_fen = budget_fen,
            Self::Link { to, after } => {
                model.activity(&after.code)?;
                let before = &mut model.activity(&to)?.after;
                before.retain(|other| (&other.code, other.kind) != (&after.code, after.kind));
                before.push(after);
            }
            Self::Unlink { from, to, kind } => {
                let before = &mut model.activity(&to)?.after;
                let count = before.len();
                before.retain(|other| (&other.code, other.kind) != (&from, kind));
                if before.len() == count {
                    return Err(ChangeError::UnknownLink(from, to));
                }
            }
            Self::Add { activity } => {
                if model.activity(&activity.code).is_ok() {
                    return Err(ChangeError::Exists(activity.code));
                }
                model.add(activity);
            }
            Self::Remove { activity } => {
                model.activity(&activity)?;
                model.remove(&activity);
            }
            // Gathered by who makes them.
            Self::Day { .. } => {}
            Self::Start { start } => model.start = start,
        }
        Ok(())
    }
}
