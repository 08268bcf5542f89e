use base::Day;
use ledger::{BodyError, Rule};
use serde::{Deserialize, Serialize};

use crate::calendar::{Answer, Calendar};

/// Days of a term at most: ten years.
pub const TERM_DAYS_MAX: u32 = 3_660;

/// When something is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "by", deny_unknown_fields)]
pub enum Due {
    /// By the end of a fixed day.
    On {
        #[schema(value_type = String, format = Date)]
        day: Day,
    },
    /// Within a term that runs from a day, such as that of acceptance (受理).
    Within {
        term: Term,
        #[schema(value_type = String, format = Date)]
        from: Day,
    },
}

/// A term (期限) of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    pub days: u32,
    pub unit: DayUnit,
    pub first: FirstDay,
    pub last: LastDay,
}

/// Which days a term counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayUnit {
    CalendarDays,
    Workdays,
}

/// Whether the day that a term runs from is its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstDay {
    /// The day itself is not counted (Civil Code, article 201).
    Excluded,
    Counted,
}

/// What becomes of a last day that is no workday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastDay {
    /// The term ends on the next workday (Civil Code, article 203).
    Rolls,
    Stands,
}

/// A pause (中止) as days: from the first that does not count up to the one that counts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    pub from: Day,
    pub until: Day,
}

impl Term {
    /// As statutes count: the day of acceptance is left out, and the last day rolls.
    pub fn statutory(days: u32, unit: DayUnit) -> Self {
        Self { days, unit, first: FirstDay::Excluded, last: LastDay::Rolls }
    }

    /// The last day, with days within `stops` not counted. The stops are in order and do not overlap.
    pub fn last_day(self, from: Day, calendar: &Calendar, stops: &[Stop]) -> Answer<Day> {
        let counts = |day: Day| self.unit == DayUnit::CalendarDays || calendar.works(day);
        let first = match self.first {
            FirstDay::Excluded => from.plus(1),
            FirstDay::Counted => from,
        };
        let mut day = first.plus(-1);
        for _ in 0..self.days {
            day = find(day.plus(1), stops, counts);
        }
        let nominal = day;
        if self.last == LastDay::Rolls {
            day = find(day, stops, |day| calendar.works(day));
        }
        let provisional = match (self.unit, self.last) {
            (DayUnit::Workdays, _) => calendar.is_open(first, day),
            (DayUnit::CalendarDays, LastDay::Rolls) => calendar.is_open(nominal, day),
            (DayUnit::CalendarDays, LastDay::Stands) => false,
        };
        Answer { value: day, provisional }
    }

    pub fn check(&self, field: &str) -> Result<(), BodyError> {
        if (1..=TERM_DAYS_MAX).contains(&self.days) {
            return Ok(());
        }
        let detail = format!("must lie in 1 to {TERM_DAYS_MAX}");
        Err(BodyError::new(format!("{field}.days"), Rule::Range, detail))
    }
}

/// The first day from `day` on that lies in no stop and is wanted.
fn find(mut day: Day, stops: &[Stop], wanted: impl Fn(Day) -> bool) -> Day {
    loop {
        if let Some(stop) = stops.iter().find(|stop| stop.from <= day && day < stop.until) {
            day = stop.until;
        } else if wanted(day) {
            return day;
        } else {
            day = day.plus(1);
        }
    }
}

impl Due {
    /// The deadline: the last day on which the matter is in time.
    pub fn deadline(&self, calendar: &Calendar, stops: &[Stop]) -> Answer<Day> {
        let Answer { value, provisional } = match *self {
            Self::On { day } => Answer { value: moved(day, stops), provisional: false },
            Self::Within { term, from } => term.last_day(from, calendar, stops),
        };
        // A later day could be written nowhere.
        Answer { value: value.min(Day::LAST), provisional }
    }

    pub fn check(&self, field: &str) -> Result<(), BodyError> {
        match self {
            Self::On { .. } => Ok(()),
            Self::Within { term, .. } => term.check(&format!("{field}.term")),
        }
    }
}

/// A fixed day moves by as many days as were paused before it.
fn moved(day: Day, stops: &[Stop]) -> Day {
    stops.iter().fold(
        day,
        |day, stop| {
            if stop.from <= day { day.plus(stop.until.0 - stop.from.0) } else { day }
        },
    )
}

/// Days after one day through another that lie in no stop.
pub(crate) fn running_days(after: Day, until: Day, stops: &[Stop]) -> i64 {
    let paused: i32 =
        stops.iter().filter_map(|stop| within(stop, after, until)).map(|(a, b)| b.0 - a.0).sum();
    i64::from(until.0 - after.0 - paused)
}

/// Workdays after one day through another that lie in no stop.
pub(crate) fn running_workdays(after: Day, until: Day, calendar: &Calendar, stops: &[Stop]) -> i64 {
    let paused = stops.iter().filter_map(|stop| within(stop, after, until));
    let paused: i64 = paused.map(|(a, b)| calendar.workdays_between(a, b).value).sum();
    calendar.workdays_between(after, until).value - paused
}

/// The part of a stop that lies after one day through another, as such a pair again.
fn within(stop: &Stop, after: Day, until: Day) -> Option<(Day, Day)> {
    let (from, to) = (stop.from.plus(-1).max(after), stop.until.plus(-1).min(until));
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn within(days: u32, unit: DayUnit, from: &str) -> Due {
        Due::Within { term: Term::statutory(days, unit), from: day(from) }
    }

    fn stop(from: &str, until: &str) -> Stop {
        Stop { from: day(from), until: day(until) }
    }

    #[test]
    fn a_term_leaves_out_the_day_of_acceptance_and_its_last_day_rolls() {
        let calendar = Calendar::embedded();
        let last = |due: Due| due.deadline(&calendar, &[]).value.to_string();
        assert_eq!(last(within(10, DayUnit::Workdays, "2026-02-06")), "2026-02-27");
        // The twentieth day is a Sunday within the Spring Festival.
        assert_eq!(last(within(20, DayUnit::CalendarDays, "2026-01-26")), "2026-02-24");
        // A made-up Saturday is a workday like another.
        assert_eq!(last(within(19, DayUnit::CalendarDays, "2026-01-26")), "2026-02-14");
        let stands = Term { last: LastDay::Stands, ..Term::statutory(20, DayUnit::CalendarDays) };
        assert_eq!(last(Due::Within { term: stands, from: day("2026-01-26") }), "2026-02-15");
        let counted = Term { first: FirstDay::Counted, ..Term::statutory(10, DayUnit::Workdays) };
        assert_eq!(last(Due::Within { term: counted, from: day("2026-02-09") }), "2026-02-27");
    }

    #[test]
    fn paused_days_do_not_count_and_a_weekend_within_a_pause_counts_once() {
        let calendar = Calendar::embedded();
        let last = |due: Due, stops: &[Stop]| due.deadline(&calendar, stops).value.to_string();
        let five = within(5, DayUnit::Workdays, "2026-03-02");
        assert_eq!(last(five, &[]), "2026-03-09");
        // Friday, Saturday, Sunday: one workday is lost, not three.
        assert_eq!(last(five, &[stop("2026-03-06", "2026-03-09")]), "2026-03-10");
        assert_eq!(last(five, &[stop("2026-03-07", "2026-03-09")]), "2026-03-09");
        assert_eq!(last(five, &[stop("2026-03-10", "2026-03-20")]), "2026-03-09", "the term was over");
        assert_eq!(
            last(Due::On { day: day("2026-03-31") }, &[stop("2026-03-06", "2026-03-09")]),
            "2026-04-03"
        );
    }

    #[test]
    fn only_what_rests_on_an_unpublished_year_is_provisional() {
        let calendar = Calendar::embedded();
        let open = |due: Due| due.deadline(&calendar, &[]).provisional;
        assert!(open(within(10, DayUnit::Workdays, "2026-12-18")));
        assert!(!open(within(10, DayUnit::Workdays, "2026-12-01")));
        assert!(open(within(40, DayUnit::CalendarDays, "2026-12-01")));
        assert!(!open(Due::On { day: day("2031-01-01") }));
    }

    static CALENDAR: LazyLock<Calendar> = LazyLock::new(Calendar::embedded);

    proptest! {
        #[test]
        fn a_term_holds_exactly_its_number_of_running_days(
            from in 17_000..20_000_i32, days in 1..200_u32, lengths in prop::collection::vec((1..30_i32, 0..20_i32), 0..4),
            unit in prop_oneof![Just(DayUnit::Workdays), Just(DayUnit::CalendarDays)],
        ) {
            let calendar = &*CALENDAR;
            let mut stops: Vec<Stop> = Vec::new();
            for (gap, length) in lengths {
                let start = stops.last().map_or(Day(from), |stop| stop.until).plus(gap);
                stops.push(Stop { from: start, until: start.plus(length) });
            }
            let term = Term { last: LastDay::Stands, ..Term::statutory(days, unit) };
            let last = term.last_day(Day(from), calendar, &stops).value;
            let counted = match unit {
                DayUnit::Workdays => running_workdays(Day(from), last, calendar, &stops),
                DayUnit::CalendarDays => running_days(Day(from), last, &stops),
            };
            prop_assert_eq!(counted, i64::from(days));
        }
    }
}
