use std::fmt;

use crate::time::days_from_civil;
use crate::{Day, TimeError};

/// A calendar month: twelve times the year, and the month from 0 to 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub i32);

impl Month {
    /// Reads `2021-12`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        Day::parse(&format!("{text}-01")).map(Day::month).map_err(|_| TimeError::Day(text.to_owned()))
    }

    pub fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    pub fn first_day(self) -> Day {
        let (year, month) = (i64::from(self.0.div_euclid(12)), i64::from(self.0.rem_euclid(12) + 1));
        // The month after the last one that can be written has a first day as well: periods end before it.
        let days = days_from_civil(year, month, 1);
        Day(i32::try_from(days).expect("times are limited to the year 9999"))
    }

    pub fn last_day(self) -> Day {
        self.plus(1).first_day().plus(-1)
    }

    /// The day of this month with a number from 1 on, or its last day if the month is shorter.
    pub fn day(self, number: i32) -> Day {
        self.first_day().plus(number - 1).min(self.last_day())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

impl Day {
    /// The month that it lies in.
    pub fn month(self) -> Month {
        let (year, month, _) = self.civil();
        Month(i32::try_from(year * 12 + month - 1).expect("times are limited to the year 9999"))
    }

    /// Its number in the month, from 1 on.
    pub fn of_month(self) -> i32 {
        self.0 - self.month().first_day().0 + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_day_is_found_again_by_its_month_and_its_number(days in -300_000..2_932_897_i32) {
            let day = Day(days);
            prop_assert_eq!(day.month().day(day.of_month()), day);
            prop_assert!(day.month().first_day() <= day && day <= day.month().last_day());
            prop_assert_eq!(day.month().last_day().plus(1), day.month().plus(1).first_day());
        }
    }

    #[test]
    fn the_last_month_that_can_be_written_has_a_last_day() {
        let last = Month::parse("9999-12").unwrap();
        assert_eq!((last.last_day(), last.last_day().to_string()), (last.day(31), "9999-12-31".into()));
        assert_eq!(last.plus(1).first_day(), last.last_day().plus(1));
        assert_eq!(Month::parse("0000-01").unwrap().plus(-1).last_day().plus(1).to_string(), "0000-01-01");
    }

    #[test]
    fn a_month_that_is_shorter_ends_earlier() {
        let february = Month::parse("2024-02").unwrap();
        assert_eq!(february.day(31).to_string(), "2024-02-29");
        assert_eq!(february.plus(-12).day(29).to_string(), "2023-02-28");
        assert_eq!(february.plus(-2).to_string(), "2023-12");
        assert!(Month::parse("2024-13").is_err() && Month::parse("2024").is_err());
    }
}
