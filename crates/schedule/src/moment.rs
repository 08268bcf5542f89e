use std::fmt;

use base::Day;
use serde::{Deserialize, Serialize};

/// Minutes of a civil day.
pub const DAY_MINUTES: i64 = 24 * 60;

/// A moment of local time: minutes since 1970-01-01T00:00 on the clock of the city. A zone with daylight saving
/// loses or repeats an hour on two days of the year; schedules are drawn up on the clock's face and ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// Moments handed in lie within about 1,900 years of 1970, so that no sum of durations overflows.
    pub const MAX: Self = Self(1_000_000_000);

    /// A time of day, in minutes after midnight; 1,440 is the midnight that ends the day.
    pub fn at(day: Day, minute: i64) -> Self {
        Self(i64::from(day.0) * DAY_MINUTES + minute)
    }

    /// The day it falls on; midnight belongs to the day that it begins.
    pub fn day(self) -> Day {
        day_of(self.0)
    }

    /// The day that work which ends now ends on: midnight belongs to the day before.
    pub fn closing_day(self) -> Day {
        day_of(self.0 - 1)
    }

    /// Minutes after midnight.
    pub fn minute_of_day(self) -> i64 {
        self.0.rem_euclid(DAY_MINUTES)
    }

    pub(crate) fn is_in_range(self) -> bool {
        (-Self::MAX.0..=Self::MAX.0).contains(&self.0)
    }
}

fn day_of(minute: i64) -> Day {
    let day = minute.div_euclid(DAY_MINUTES);
    Day(i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX }))
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minute = self.minute_of_day();
        write!(f, "{} {:02}:{:02}", self.day(), minute / 60, minute % 60)
    }
}

/// A span in minutes: of working time, unless it is said to be elapsed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minutes(pub i64);

impl Minutes {
    /// No duration or lag is longer: about 190 years.
    pub const MAX: Self = Self(100_000_000);

    /// Workdays of eight hours.
    pub fn workdays(days: i64) -> Self {
        Self(days * 480)
    }

    pub(crate) fn is_in_range(self) -> bool {
        (-Self::MAX.0..=Self::MAX.0).contains(&self.0)
    }
}

/// A start and a finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub start: Moment,
    pub finish: Moment,
}
