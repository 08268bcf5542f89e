//! Matters (事项): what somebody still owes. Workdays and deadlines. Pure: the time is an argument.

mod calendar;
mod error;
mod notice;
mod term;

pub use calendar::{Answer, Calendar, DayKind, WorkDays};
pub use error::MatterError;
pub use notice::{NoticeDay, YearNotice};
pub use term::{DayUnit, Due, FirstDay, LastDay, Stop, TERM_DAYS_MAX, Term};
