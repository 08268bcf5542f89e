use std::fmt;

use base::limits::NAME_CHARS_MAX;
use base::{CityZone, Day, Time};
use ledger::{BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::colour::Colour;
use crate::term::{DayUnit, FirstDay, LastDay, Stop, Term};

/// Days that a step waits at most.
const WAIT_DAYS_MAX: u32 = 366;
/// Steps of a ladder at most.
const STEPS_MAX: usize = 16;

/// What follows when a matter stays in a bad colour, step by step. Steps fire at an hour of the day, not at midnight, when
/// the colour changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    pub at: TimeOfDay,
    /// The days on which steps fire: workdays, or any day.
    pub on: DayUnit,
    pub steps: Vec<Step>,
}

/// A step of the ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = LadderStep)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From 1 on, without a gap.
    pub level: u8,
    /// Fires while the matter has this colour or a worse one.
    pub colour: Colour,
    /// After so many days of it; on the day itself if 0.
    pub after: u32,
    pub unit: DayUnit,
    pub title_zh: String,
    pub title_en: String,
}

/// An hour and minute of the city's day, `09:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(value_type = String)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

/// Why a text is not an hour and minute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time of day, such as 09:00")]
pub struct NotTimeOfDay(String);

impl TimeOfDay {
    pub fn new(hour: u16, minute: u16) -> Option<Self> {
        (hour < 24 && minute < 60).then_some(Self(hour * 60 + minute))
    }

    fn on(self, day: Day, zone: &CityZone) -> Time {
        zone.start_of(day).plus_ms(i64::from(self.0) * 60_000)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = NotTimeOfDay;

    fn try_from(text: String) -> Result<Self, NotTimeOfDay> {
        let digits = |part: &str| {
            let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| plain)
        };
        let parts = text.split_once(':').and_then(|(hour, minute)| Some((digits(hour)?, digits(minute)?)));
        parts.and_then(|(hour, minute)| Self::new(hour, minute)).ok_or(NotTimeOfDay(text))
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Ladder {
    /// The first moment, not before `from`, at which a step fires whose colour has stood since `since`.
    pub fn fires(
        &self,
        step: &Step,
        since: Time,
        from: Time,
        calendar: &Calendar,
        zone: &CityZone,
        stops: &[Stop],
    ) -> Time {
        let since_day = zone.day_of(since);
        let wait =
            Term { days: step.after, unit: step.unit, first: FirstDay::Excluded, last: LastDay::Stands };
        let ready = match step.after {
            0 => since,
            _ => zone.start_of(wait.last_day(since_day, calendar, stops).value),
        };
        let earliest = ready.max(from);
        let mut day = zone.day_of(earliest);
        while self.at.on(day, zone) < earliest || !(self.on == DayUnit::CalendarDays || calendar.works(day)) {
            day = day.plus(1);
        }
        self.at.on(day, zone)
    }

    pub fn check(&self) -> Result<(), BodyError> {
        if self.steps.len() > STEPS_MAX {
            return Err(BodyError::new("ladder.steps", Rule::Range, format!("are more than {STEPS_MAX}")));
        }
        for (at, step) in self.steps.iter().enumerate() {
            let field = |name: &str| format!("ladder.steps[{at}].{name}");
            if usize::from(step.level) != at + 1 {
                return Err(BodyError::new(field("level"), Rule::Consistency, format!("must be {}", at + 1)));
            }
            if step.after > WAIT_DAYS_MAX {
                let detail = format!("must not be more than {WAIT_DAYS_MAX}");
                return Err(BodyError::new(field("after"), Rule::Range, detail));
            }
            if step.colour == Colour::Blue {
                return Err(BodyError::new(field("colour"), Rule::Consistency, "is not a bad colour"));
            }
            check_text(&field("title_zh"), &step.title_zh, NAME_CHARS_MAX)?;
            check_text(&field("title_en"), &step.title_en, NAME_CHARS_MAX)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Time {
        Time::parse(&format!("{text}:00+08:00")).unwrap()
    }

    fn fires(after: u32, unit: DayUnit, on: DayUnit, since: &str, stops: &[Stop]) -> String {
        let step =
            Step { level: 1, colour: Colour::Red, after, unit, title_zh: "x".into(), title_en: "x".into() };
        let ladder = Ladder { at: TimeOfDay::new(9, 0).unwrap(), on, steps: vec![step.clone()] };
        let zone = CityZone::named("Asia/Shanghai").unwrap();
        let since = moment(since);
        let at = ladder.fires(&step, since, since, &Calendar::embedded(), &zone, stops);
        zone.local_text(at)[..16].to_owned()
    }

    #[test]
    fn a_step_fires_at_its_hour_on_a_workday_and_never_at_midnight() {
        use DayUnit::{CalendarDays, Workdays};
        let now = |since| fires(0, Workdays, Workdays, since, &[]);
        assert_eq!(now("2026-03-11T00:00"), "2026-03-11 09:00");
        assert_eq!(now("2026-03-11T09:00"), "2026-03-11 09:00");
        assert_eq!(now("2026-03-11T09:01"), "2026-03-12 09:00");
        assert_eq!(now("2026-03-14T00:00"), "2026-03-16 09:00", "a Saturday waits for Monday");
        assert_eq!(now("2026-02-14T00:00"), "2026-02-14 09:00", "a made-up Saturday does not");
        assert_eq!(now("2026-02-15T00:00"), "2026-02-24 09:00", "the Spring Festival");
        assert_eq!(fires(0, Workdays, CalendarDays, "2026-03-14T00:00", &[]), "2026-03-14 09:00");
    }

    #[test]
    fn a_step_waits_for_the_days_that_count() {
        use DayUnit::{CalendarDays, Workdays};
        assert_eq!(fires(3, Workdays, Workdays, "2026-03-12T00:00", &[]), "2026-03-17 09:00");
        assert_eq!(fires(3, CalendarDays, Workdays, "2026-03-12T00:00", &[]), "2026-03-16 09:00");
        assert_eq!(fires(2, CalendarDays, CalendarDays, "2026-03-12T00:00", &[]), "2026-03-14 09:00");
        let day = |text: &str| Day::parse(text).unwrap();
        let stop = Stop { from: day("2026-03-13"), until: day("2026-03-16") };
        assert_eq!(fires(3, Workdays, Workdays, "2026-03-12T00:00", &[stop]), "2026-03-18 09:00");
    }

    #[test]
    fn times_of_day_have_two_digits_each() {
        for text in ["24:00", "9:00", "09:60", "0900", "+9:00", ""] {
            assert!(TimeOfDay::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        assert_eq!(TimeOfDay::try_from("09:05".to_owned()).unwrap().to_string(), "09:05");
    }
}
