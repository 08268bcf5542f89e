use std::fmt;

use base::Day;
use serde::{Deserialize, Serialize};

/// A month of a year, `2021-07`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "2021-07")]
pub struct Month(Day);

/// Why a text is no month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a month such as 2021-07")]
pub struct NotMonth(String);

impl Month {
    pub fn of(day: Day) -> Self {
        Self(day.first_of_month())
    }

    pub fn first_day(self) -> Day {
        self.0
    }

    pub fn last_day(self) -> Day {
        self.next().0.plus(-1)
    }

    pub fn next(self) -> Self {
        Self::of(self.0.plus(31))
    }

    pub fn year(self) -> i64 {
        self.0.civil().0
    }

    pub fn parse(text: &str) -> Result<Self, NotMonth> {
        let refuse = || NotMonth(text.to_owned());
        Day::parse(&format!("{text}-01")).map(Self).map_err(|_| refuse())
    }
}

impl TryFrom<String> for Month {
    type Error = NotMonth;

    fn try_from(text: String) -> Result<Self, NotMonth> {
        Self::parse(&text)
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, _) = self.0.civil();
        write!(f, "{year:04}-{month:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_knows_its_days_and_its_successor() {
        let month = Month::parse("2020-02").unwrap();
        assert_eq!(
            (month.first_day().to_string(), month.last_day().to_string()),
            ("2020-02-01".into(), "2020-02-29".into())
        );
        assert_eq!(Month::parse("2021-12").unwrap().next().to_string(), "2022-01");
        for text in ["2021-13", "2021-1", "2021", "2021-07-01", ""] {
            assert!(Month::parse(text).is_err(), "{text}");
        }
    }
}
