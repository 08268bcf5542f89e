use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use base::Day;
use serde::{Deserialize, Serialize};

use crate::MatterError;
use crate::notice::{YEAR_FILES, YearNotice};

/// A number of workdays (工作日).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct WorkDays(pub u32);

/// An answer, and whether it rests on days of which no notice has spoken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Answer<T> {
    pub value: T,
    /// The week's rule stood in for a notice that is not out: the answer may change.
    pub provisional: bool,
}

/// What sort of day a day is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "sort")]
pub enum DayKind {
    Workday,
    Weekend,
    /// Off by a notice, under the festival's name.
    Holiday {
        name: String,
    },
    /// Worked by a notice although the week says otherwise.
    MakeUp {
        name: String,
    },
}

/// The workdays of China: the week, and what the yearly notices make of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    notices: BTreeMap<i32, YearNotice>,
    days: BTreeMap<Day, NamedDay>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedDay {
    name: String,
    is_off: bool,
}

/// Days at the end of a year that the next year's notice may still change. None has reached further back than
/// 29 December; ten days are the margin.
const OPEN_DAYS: i32 = 10;

impl Calendar {
    /// With all years that the product carries.
    pub fn embedded() -> Self {
        let mut calendar = Self::default();
        for file in YEAR_FILES {
            let notice = YearNotice::parse(file).expect("a test reads every embedded file");
            calendar.put(notice);
        }
        calendar
    }

    /// Takes a further year, or a year's amended notice in the place of the former.
    pub fn load(&mut self, notice: YearNotice) -> Result<(), MatterError> {
        notice.check().map_err(|error| MatterError::Notice { field: error.field, detail: error.detail })?;
        self.put(notice);
        Ok(())
    }

    fn put(&mut self, notice: YearNotice) {
        self.notices.insert(notice.year, notice);
        // Ascending, so that of two notices on one December day the later one stands.
        self.days = self
            .notices
            .values()
            .flat_map(|notice| &notice.days)
            .map(|day| (day.date, NamedDay { name: day.name.clone(), is_off: day.is_off_day }))
            .collect();
    }

    /// The first day that works in one of two calendars and not in the other.
    pub fn first_difference(&self, other: &Self) -> Option<Day> {
        let named = self.days.keys().chain(other.days.keys());
        named.filter(|day| self.works(**day) != other.works(**day)).min().copied()
    }

    /// The years whose notices are known.
    pub fn years(&self) -> impl Iterator<Item = i32> {
        self.notices.keys().copied()
    }

    pub fn kind_of(&self, day: Day) -> Answer<DayKind> {
        let value = match self.days.get(&day) {
            Some(NamedDay { name, is_off: true }) => DayKind::Holiday { name: name.clone() },
            Some(NamedDay { name, is_off: false }) => DayKind::MakeUp { name: name.clone() },
            None if is_weekend(day) => DayKind::Weekend,
            None => DayKind::Workday,
        };
        Answer { value, provisional: self.is_open(day, day) }
    }

    pub fn is_workday(&self, day: Day) -> Answer<bool> {
        Answer { value: self.works(day), provisional: self.is_open(day, day) }
    }

    /// The day itself if it is a workday, or else the next one.
    pub fn workday_from(&self, day: Day) -> Answer<Day> {
        let mut last = day;
        while !self.works(last) {
            last = last.plus(1);
        }
        Answer { value: last, provisional: self.is_open(day, last) }
    }

    /// The last of so many workdays that follow `after`, which is not counted itself. No workdays are over on `after`.
    pub fn add_workdays(&self, after: Day, count: WorkDays) -> Answer<Day> {
        let mut day = after;
        for _ in 0..count.0 {
            day = self.workday_from(day.plus(1)).value;
        }
        Answer { value: day, provisional: count.0 > 0 && self.is_open(after.plus(1), day) }
    }

    /// The last of so many workdays of which `start`, if it is one, is the first: what takes one workday ends on the
    /// day that it starts.
    pub fn finish(&self, start: Day, count: WorkDays) -> Answer<Day> {
        self.add_workdays(start.plus(-1), count)
    }

    /// Workdays after one day up to and including another; negative if the other lies before.
    pub fn workdays_between(&self, after: Day, until: Day) -> Answer<i64> {
        if until < after {
            let back = self.workdays_between(until, after);
            return Answer { value: -back.value, provisional: back.provisional };
        }
        let mut value = weekdays_through(until) - weekdays_through(after);
        for (&day, named) in self.days.range((Excluded(after), Included(until))) {
            match (is_weekend(day), named.is_off) {
                (false, true) => value -= 1,
                (true, false) => value += 1,
                _ => {}
            }
        }
        Answer { value, provisional: until > after && self.is_open(after.plus(1), until) }
    }

    /// As [`Calendar::is_workday`], where the caller asks for certainty once for a whole range.
    pub(crate) fn works(&self, day: Day) -> bool {
        self.days.get(&day).map_or_else(|| !is_weekend(day), |named| !named.is_off)
    }

    /// Whether a notice that is not known may still say something of the days from `first` through `last`.
    pub(crate) fn is_open(&self, first: Day, last: Day) -> bool {
        let (from, to) = (first.civil().0, last.civil().0);
        (from..=to).any(|year| {
            let settled_until = new_year(year + 1).plus(-OPEN_DAYS);
            let touches_body = first < settled_until && last >= new_year(year);
            let touches_end = last >= settled_until && first < new_year(year + 1);
            (touches_body && !self.knows(year))
                || (touches_end && !(self.knows(year) && self.knows(year + 1)))
        })
    }

    fn knows(&self, year: i64) -> bool {
        i32::try_from(year).is_ok_and(|year| self.notices.contains_key(&year))
    }
}

/// Saturday and Sunday; 1970-01-01 was a Thursday.
fn is_weekend(day: Day) -> bool {
    (day.0 + 3).rem_euclid(7) >= 5
}

/// Mondays to Fridays from a fixed Monday through a day.
fn weekdays_through(day: Day) -> i64 {
    let since_monday = i64::from(day.0) + 3;
    since_monday.div_euclid(7) * 5 + (since_monday.rem_euclid(7) + 1).min(5)
}

/// The first of January.
fn new_year(year: i64) -> Day {
    let leaps = (year - 1969).div_euclid(4) - (year - 1901).div_euclid(100) + (year - 1601).div_euclid(400);
    Day(i32::try_from(365 * (year - 1970) + leaps).expect("years of days fit"))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn ten_workdays_over_the_spring_festival_of_2026_end_on_27_february() {
        let calendar = Calendar::embedded();
        let sure = |text| Answer { value: day(text), provisional: false };
        assert_eq!(calendar.finish(day("2026-02-09"), WorkDays(10)), sure("2026-02-27"));
        assert_eq!(calendar.add_workdays(day("2026-02-08"), WorkDays(10)), sure("2026-02-27"));
        assert_eq!(calendar.add_workdays(day("2026-02-09"), WorkDays(10)), sure("2026-02-28"));
        for (text, works) in
            [("2026-02-14", true), ("2026-02-15", false), ("2026-02-23", false), ("2026-02-28", true)]
        {
            assert_eq!(calendar.is_workday(day(text)).value, works, "{text}");
        }
        let name = "春节".to_owned();
        assert_eq!(calendar.kind_of(day("2026-02-14")).value, DayKind::MakeUp { name: name.clone() });
        assert_eq!(calendar.kind_of(day("2026-02-17")).value, DayKind::Holiday { name });
        assert_eq!(calendar.kind_of(day("2026-02-07")).value, DayKind::Weekend);
    }

    #[test]
    fn a_december_is_ruled_by_the_notices_of_two_years() {
        let calendar = Calendar::embedded();
        for (text, works) in [
            ("2006-12-30", true),  // A Saturday, named by the notice for 2007.
            ("2007-12-29", true),  // A Saturday, named by the notice for 2008.
            ("2007-12-31", false), // A Monday.
            ("2011-12-31", true),  // A Saturday, named by the notice for 2012.
            ("2018-12-31", false), // A Monday, named by the notice for 2019.
            ("2022-12-31", false),
        ] {
            assert_eq!(calendar.is_workday(day(text)).value, works, "{text}");
        }
        assert!(!calendar.is_workday(day("2025-12-31")).provisional);
        assert!(!calendar.is_workday(day("2026-12-21")).provisional);
        assert!(calendar.is_workday(day("2026-12-22")).provisional, "the notice for 2027 is not out");
    }

    #[test]
    fn beyond_the_published_years_answers_are_provisional_until_the_year_is_loaded() {
        let mut calendar = Calendar::embedded();
        let ask = |calendar: &Calendar| calendar.add_workdays(day("2026-12-25"), WorkDays(6));
        assert_eq!(ask(&calendar), Answer { value: day("2027-01-04"), provisional: true });
        let notice = r#"{"year":2027,"papers":["x"],"days":[
            {"name":"元旦","date":"2027-01-01","isOffDay":true},
            {"name":"元旦","date":"2026-12-26","isOffDay":false}]}"#;
        calendar.load(YearNotice::parse(notice).unwrap()).unwrap();
        assert_eq!(ask(&calendar), Answer { value: day("2027-01-04"), provisional: false });
        assert!(calendar.workdays_between(day("2027-06-01"), day("2028-01-05")).provisional);
        assert!(calendar.workdays_between(day("2006-06-01"), day("2007-01-05")).provisional);
    }

    #[test]
    fn an_amended_notice_takes_the_place_of_the_former() {
        let mut calendar = Calendar::embedded();
        let mut notice = YearNotice::parse(YEAR_FILES[19]).unwrap();
        notice.days.retain(|named| named.date != day("2026-02-14"));
        calendar.load(notice).unwrap();
        assert!(!calendar.is_workday(day("2026-02-14")).value);
        assert_eq!(calendar.years().last(), Some(2026));
    }

    static CALENDAR: LazyLock<Calendar> = LazyLock::new(Calendar::embedded);

    proptest! {
        #[test]
        fn adding_then_counting_workdays_gives_the_number_back(start in 13_000..22_000_i32, count in 0..400_u32) {
            let calendar = &*CALENDAR;
            let end = calendar.add_workdays(Day(start), WorkDays(count)).value;
            prop_assert_eq!(calendar.workdays_between(Day(start), end).value, i64::from(count));
            prop_assert_eq!(calendar.workdays_between(end, Day(start)).value, -i64::from(count));
        }

        #[test]
        fn counting_in_one_step_equals_counting_day_by_day(start in 13_000..22_000_i32, length in 0..800_i32) {
            let calendar = &*CALENDAR;
            let one_by_one = (1..=length).filter(|&n| calendar.is_workday(Day(start + n)).value).count();
            let at_once = calendar.workdays_between(Day(start), Day(start + length));
            prop_assert_eq!(at_once.value, i64::try_from(one_by_one).unwrap());
            let open = (1..=length).any(|n| calendar.is_workday(Day(start + n)).provisional);
            prop_assert_eq!(at_once.provisional, open);
        }

        #[test]
        fn new_year_is_the_first_of_january(year in 1970..9999_i64) {
            prop_assert_eq!(new_year(year), day(&format!("{year:04}-01-01")));
        }
    }
}
