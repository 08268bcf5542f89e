//! Microsoft Project XML (MSPDI, namespace `http://schemas.microsoft.com/project`), in and out.
//!
//! What Project holds and a plan does not is left out and noted: summary tasks and their links, inactive and manually
//! scheduled tasks' dates, resources and assignments.

mod calendars;
mod read;
mod tree;
mod write;

pub use read::read;
pub use write::write;

/// Project numbers the days of the week from Sunday, 1; a plan's week begins on Monday.
const SUNDAY: usize = 1;
const TENTHS: i64 = 10;
