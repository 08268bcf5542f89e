use std::fmt;

use base::{CityZone, Day, Time};
use schedule::{Moment, Shift};
use serde::{Deserialize, Serialize};

/// A moment on the city's clock, to the minute: `2026-02-09T08:00`. Plans are drawn up in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "2026-02-09T08:00")]
pub struct Clock(pub Moment);

/// Why a text is no moment of a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a local moment such as 2026-02-09T08:00")]
pub struct NotClock(String);

impl Clock {
    /// The moment of an event in the city.
    pub fn of(time: Time, zone: &CityZone) -> Moment {
        let day = zone.day_of(time);
        Moment::at(day, time.since_ms(zone.start_of(day)).div_euclid(60_000))
    }

    /// Whether its text is one that is read: it lies in years 1 to 9999.
    pub fn is_written(self) -> bool {
        (Day::FIRST..=Day::LAST).contains(&self.0.day())
    }

    /// The end of a day: its last minute is done.
    pub fn end_of(day: Day) -> Moment {
        Moment::at(day, 1440)
    }

    /// A moment as the world has it.
    pub fn time(moment: Moment, zone: &CityZone) -> Time {
        zone.start_of(moment.day()).plus_ms(moment.minute_of_day() * 60_000)
    }
}

impl TryFrom<String> for Clock {
    type Error = NotClock;

    fn try_from(text: String) -> Result<Self, NotClock> {
        let read = || {
            let (day, time) = text.split_once('T')?;
            Some(Self(Moment::at(Day::parse(day).ok()?, minute(time, 23)?)))
        };
        read().ok_or(NotClock(text.clone()))
    }
}

impl From<Clock> for String {
    fn from(clock: Clock) -> Self {
        clock.to_string()
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minute = self.0.minute_of_day();
        write!(f, "{}T{:02}:{:02}", self.0.day(), minute / 60, minute % 60)
    }
}

/// A shift, `08:00-12:00`; midnight at its end is `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "08:00-12:00")]
pub struct ShiftText(pub Shift);

/// Why a text is no shift.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a shift such as 08:00-12:00")]
pub struct NotShift(String);

impl TryFrom<String> for ShiftText {
    type Error = NotShift;

    fn try_from(text: String) -> Result<Self, NotShift> {
        let read = || {
            let (from, to) = text.split_once('-')?;
            let minute = |text, last| u16::try_from(minute(text, last)?).ok();
            Some(Self(Shift { from: minute(from, 23)?, to: minute(to, 24)? }))
        };
        read().ok_or(NotShift(text.clone()))
    }
}

impl From<ShiftText> for String {
    fn from(ShiftText(Shift { from, to }): ShiftText) -> Self {
        format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// Minutes after midnight of `08:00`.
fn minute(text: &str, hour_max: i64) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, max: i64| {
        let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|&number: &i64| is_plain && number <= max)
    };
    let (hour, minute) = (number(hour, hour_max)?, number(minute, 59)?);
    (hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_shifts_are_written_as_they_are_read() {
        for text in ["2026-02-09T08:00", "2026-02-09T00:00", "1999-12-31T23:59"] {
            assert_eq!(Clock::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for text in
            ["", "2026-02-09", "2026-02-09T24:00", "2026-02-09T8:00", "2026-02-30T08:00", "2026-02-09T08:00Z"]
        {
            assert!(Clock::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["08:00-12:00", "00:00-24:00"] {
            assert_eq!(String::from(ShiftText::try_from(text.to_owned()).unwrap()), text);
        }
        for text in ["", "08:00", "08:00-24:01", "24:00-24:00", "8:00-9:00"] {
            assert!(ShiftText::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let (first, last) = (Moment::at(Day::FIRST, 0), Moment::at(Day::LAST, 1439));
        for (moment, is_written) in [
            (first.0, true),
            (last.0, true),
            (last.0 + 1, false),
            (i64::MIN / 4, false),
            (i64::MAX / 4, false),
        ] {
            let clock = Clock(Moment(moment));
            assert_eq!(clock.is_written(), is_written, "{clock}");
            assert_eq!(Clock::try_from(clock.to_string()) == Ok(clock), is_written, "{clock}");
        }
        assert!(!Clock(Moment(first.0 - 1)).is_written());
    }
}
