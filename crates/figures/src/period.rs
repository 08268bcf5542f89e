//! The days that a figure is asked for, and the days that they are compared with.

use base::{Day, Month};
use serde::Serialize;

/// The days that a figure is asked for, both ends included. A figure of state counts everything up to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    pub from: Day,
    pub to: Day,
}

/// What a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// As many months right before (环比): the month before, for a period within one month.
    Before,
    /// The same days a year earlier (同比).
    YearAgo,
}

impl Against {
    pub const ALL: [Self; 2] = [Self::Before, Self::YearAgo];
}

/// Whole months, and the days beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The first and the last month that lie wholly within.
    pub months: Option<(Month, Month)>,
    pub days: Vec<Day>,
}

impl Period {
    pub const fn new(from: Day, to: Day) -> Self {
        Self { from, to }
    }

    pub const fn on(day: Day) -> Self {
        Self { from: day, to: day }
    }

    /// How many days; none if it ends before it begins.
    pub fn days(self) -> i32 {
        (self.to.0 - self.from.0 + 1).max(0)
    }

    /// How many months it touches.
    pub fn months(self) -> i32 {
        self.to.month().0 - self.from.month().0 + 1
    }

    /// Whether it begins with a month and ends with one.
    pub fn is_whole_months(self) -> bool {
        self.from.of_month() == 1 && self.to == self.to.month().last_day()
    }

    /// The period that it is compared with. Whole months are compared with whole months, whatever their length; other
    /// days with the days of the same number, or with the last day where the month has no such day.
    pub fn compared(self, against: Against) -> Self {
        let months = match against {
            Against::Before => self.months(),
            Against::YearAgo => 12,
        };
        let shifted = |day: Day| day.month().plus(-months).day(day.of_month());
        let to = match self.is_whole_months() {
            true => self.to.month().plus(-months).last_day(),
            false => shifted(self.to),
        };
        Self { from: shifted(self.from), to }
    }

    /// Takes it apart, so that whole months can be read from sums of months.
    pub fn parts(self) -> Parts {
        let days = |from: Day, to: Day| (from.0..=to.0).map(Day);
        let first = if self.from.of_month() == 1 { self.from.month() } else { self.from.month().plus(1) };
        let last =
            if self.to == self.to.month().last_day() { self.to.month() } else { self.to.month().plus(-1) };
        if first > last {
            return Parts { months: None, days: days(self.from, self.to).collect() };
        }
        let (before, after) = (first.first_day().plus(-1), last.last_day().plus(1));
        let days = days(self.from, before).chain(days(after, self.to)).collect();
        Parts { months: Some((first, last)), days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: &str, to: &str) -> Period {
        Period::new(Day::parse(from).unwrap(), Day::parse(to).unwrap())
    }

    #[test]
    fn a_period_is_compared_with_the_same_days_of_other_months() {
        for (asked, before, year_ago) in [
            // From the first of the month to today.
            (["2026-03-01", "2026-03-10"], ["2026-02-01", "2026-02-10"], ["2025-03-01", "2025-03-10"]),
            // The month before has no such day.
            (["2026-03-01", "2026-03-30"], ["2026-02-01", "2026-02-28"], ["2025-03-01", "2025-03-30"]),
            // Whole months, whatever their length.
            (["2026-03-01", "2026-03-31"], ["2026-02-01", "2026-02-28"], ["2025-03-01", "2025-03-31"]),
            (["2026-02-01", "2026-02-28"], ["2026-01-01", "2026-01-31"], ["2025-02-01", "2025-02-28"]),
            (["2025-02-01", "2025-02-28"], ["2025-01-01", "2025-01-31"], ["2024-02-01", "2024-02-29"]),
            // A quarter, and a year so far.
            (["2026-01-01", "2026-03-31"], ["2025-10-01", "2025-12-31"], ["2025-01-01", "2025-03-31"]),
            (["2026-01-01", "2026-03-10"], ["2025-10-01", "2025-12-10"], ["2025-01-01", "2025-03-10"]),
            (["2025-01-01", "2025-12-31"], ["2024-01-01", "2024-12-31"], ["2024-01-01", "2024-12-31"]),
            // Single days.
            (["2026-03-31", "2026-03-31"], ["2026-02-28", "2026-02-28"], ["2025-03-31", "2025-03-31"]),
            (["2024-02-29", "2024-02-29"], ["2024-01-29", "2024-01-29"], ["2023-02-28", "2023-02-28"]),
            (["2026-01-05", "2026-01-05"], ["2025-12-05", "2025-12-05"], ["2025-01-05", "2025-01-05"]),
            // Across the end of a month.
            (["2026-02-25", "2026-03-05"], ["2025-12-25", "2026-01-05"], ["2025-02-25", "2025-03-05"]),
        ] {
            let asked = period(asked[0], asked[1]);
            assert_eq!(asked.compared(Against::Before), period(before[0], before[1]), "{asked:?}");
            assert_eq!(asked.compared(Against::YearAgo), period(year_ago[0], year_ago[1]), "{asked:?}");
        }
    }

    #[test]
    fn the_parts_of_a_period_are_its_days_each_once() {
        let start = Day::parse("2023-12-20").unwrap();
        for from in 0..75 {
            for to in from - 1..110 {
                let period = Period::new(start.plus(from), start.plus(to));
                let Parts { months, days } = period.parts();
                let of_months = months.map(|(first, last)| first.first_day().0..=last.last_day().0);
                let mut all: Vec<Day> =
                    of_months.into_iter().flatten().map(Day).chain(days.clone()).collect();
                all.sort_unstable();
                assert_eq!(all, (period.from.0..=period.to.0).map(Day).collect::<Vec<_>>(), "{period:?}");
                assert!(days.len() <= 60, "{period:?}");
            }
        }
    }
}
