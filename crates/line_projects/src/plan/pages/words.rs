//! How a plan's moments and spans are put into words.

use schedule::{Minutes, Moment};
use shell::T;

/// The day that work starts on.
pub fn day(at: Moment) -> String {
    at.day().to_string()
}

/// The day that work is done on: midnight belongs to the day before.
pub fn last_day(at: Moment) -> String {
    at.closing_day().to_string()
}

const DAY_MINUTES: i64 = 480;

/// Working time in days of eight hours, with a tenth where it is not whole: `3.5 天`.
pub fn working(t: &T, span: Minutes) -> String {
    let tenths = (span.0 * 10 + span.0.signum() * DAY_MINUTES / 2) / DAY_MINUTES;
    let sign = if tenths < 0 { "−" } else { "" };
    let (whole, part) = (tenths.abs() / 10, tenths.abs() % 10);
    let number = if part == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") };
    t.with("plan-days", &[("number", number.as_str())])
}
