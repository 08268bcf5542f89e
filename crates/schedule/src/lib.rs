//! Schedules (进度计划): what starts and finishes when, by the critical path method on precedence networks.
//!
//! A [`Plan`] holds activities, links and calendars; a [`Schedule`] is a plan with its dates, forward from a start or
//! backward from a deadline (倒排工期), and stays current while it is edited. No I/O and no clock: the data date is given.

mod baseline;
mod calendar;
mod earned;
mod edit;
mod error;
mod links;
mod moment;
mod network;
mod order;
mod overlap;
mod pass;
mod plan;
mod schedule;
mod sweep;

pub use baseline::{Baseline, Variance};
pub use calendar::{Calendar, Shift, WorkingTime};
pub use earned::{EarnedValue, Ratio, Work};
pub use edit::Edit;
pub use error::ScheduleError;
pub use moment::{Minutes, Moment, Span};
pub use overlap::{Overlap, OverlapTerms, Overlaps};
pub use plan::{
    Activity, ActivityId, Anchor, CalendarId, Constraint, LagCalendar, Link, LinkId, LinkKind, OutOfSequence,
    Plan, Progress, Remaining, Terms, Wish,
};
pub use schedule::{Critical, Dates, Schedule};
pub use sweep::Reach;
