use std::fmt;

use jiff::civil;

use crate::time::days_of;
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
        let year = i16::try_from(self.0.div_euclid(12)).expect("times are limited to the year 9999");
        let month = i8::try_from(self.0.rem_euclid(12) + 1).expect("a month is below 13");
        Day(days_of(civil::date(year, month, 1)))
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
        fn a_day_is_found_again_by_its_month_and_its_number(days in -300_000..2_932_896_i32) {
            let day = Day(days);
            prop_assert_eq!(day.month().day(day.of_month()), day);
            prop_assert!(day.month().first_day() <= day && day <= day.month().last_day());
            prop_assert_eq!(day.month().last_day().plus(1), day.month().plus(1).first_day());
        }
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
