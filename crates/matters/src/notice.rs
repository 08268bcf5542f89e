use std::collections::BTreeSet;

use base::Day;
use base::limits::NAME_CHARS_MAX;
use ledger::{BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

use crate::MatterError;

/// Years of which a notice can speak: the first of the present kind was for 2007.
const YEARS: std::ops::RangeInclusive<i32> = 2007..=2200;
/// Days that the notices of one year name at most; the longest yet named 41.
const DAYS_MAX: usize = 120;

/// The holidays and make-up workdays (调休) that the State Council's notices for one year announce, in the form of
/// holiday-cn. Its days may lie in the December before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct YearNotice {
    pub year: i32,
    /// Where the notices stand. A year without any is not published yet.
    pub papers: Vec<String>,
    pub days: Vec<NoticeDay>,
}

/// A day that a notice takes out of the ordinary week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NoticeDay {
    /// The festival, in Chinese.
    pub name: String,
    #[schema(value_type = String, format = Date)]
    pub date: Day,
    /// Off, or else worked to make up for a day off.
    #[serde(rename = "isOffDay")]
    pub is_off_day: bool,
}

impl YearNotice {
    /// Reads a year file of holiday-cn.
    pub fn parse(json: &str) -> Result<Self, MatterError> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let notice: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            MatterError::Notice { field: error.path().to_string(), detail: error.inner().to_string() }
        })?;
        notice.check().map_err(|error| MatterError::Notice { field: error.field, detail: error.detail })?;
        Ok(notice)
    }

    pub fn check(&self) -> Result<(), BodyError> {
        let refuse = |field: String, rule, detail: String| Err(BodyError::new(field, rule, detail));
        if !YEARS.contains(&self.year) {
            let detail = format!("must lie in {} to {}", YEARS.start(), YEARS.end());
            return refuse("year".into(), Rule::Range, detail);
        }
        if self.papers.is_empty() || self.days.is_empty() {
            let detail = "names no notice: the holidays of the year are not published".into();
            return refuse("papers".into(), Rule::Consistency, detail);
        }
        if self.days.len() > DAYS_MAX {
            return refuse("days".into(), Rule::Range, format!("are more than {DAYS_MAX}"));
        }
        for (at, paper) in self.papers.iter().enumerate() {
            check_text(&format!("papers[{at}]"), paper, NAME_CHARS_MAX)?;
        }
        let mut seen = BTreeSet::new();
        for (at, day) in self.days.iter().enumerate() {
            check_text(&format!("days[{at}].name"), &day.name, NAME_CHARS_MAX)?;
            let (year, month, _) = day.date.civil();
            let is_december_before = year == i64::from(self.year) - 1 && month == 12;
            if year != i64::from(self.year) && !is_december_before {
                let detail = format!("{} lies outside {} and the December before", day.date, self.year);
                return refuse(format!("days[{at}].date"), Rule::Range, detail);
            }
            if !seen.insert(day.date) {
                let detail = format!("{} is named twice", day.date);
                return refuse(format!("days[{at}].date"), Rule::Consistency, detail);
            }
        }
        Ok(())
    }
}

macro_rules! year_files {
    ($($year:literal)*) => { [$(include_str!(concat!("../data/holiday-cn/", $year, ".json"))),*] };
}

/// The year files that the product carries.
pub(crate) const YEAR_FILES: [&str; 20] = year_files!(
    2007 2008 2009 2010 2011 2012 2013 2014 2015 2016 2017 2018 2019 2020 2021 2022 2023 2024 2025 2026
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_year_file_is_accepted() {
        for (at, file) in YEAR_FILES.iter().enumerate() {
            assert_eq!(YearNotice::parse(file).unwrap().year, 2007 + i32::try_from(at).unwrap());
        }
    }

    #[test]
    fn a_year_that_is_not_published_or_not_consistent_is_refused() {
        let field = |json: &str| match YearNotice::parse(json) {
            Err(MatterError::Notice { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let with = |days: &str| format!(r#"{{"year":2027,"papers":["x"],"days":[{days}]}}"#);
        let day = |date: &str| format!(r#"{{"name":"元旦","date":"{date}","isOffDay":true}}"#);
        assert_eq!(field(r#"{"year":2027,"papers":[],"days":[]}"#), "papers");
        assert_eq!(field(r#"{"year":1999,"papers":["x"],"days":[]}"#), "year");
        assert_eq!(field(&with(&day("2026-11-30"))), "days[0].date");
        assert_eq!(field(&with(&[day("2027-01-01"), day("2027-01-01")].join(","))), "days[1].date");
        assert_eq!(field(&with(&day("2027-1-1"))), "days[0].date");
        assert!(YearNotice::parse(&with(&day("2026-12-31"))).is_ok());
    }
}
