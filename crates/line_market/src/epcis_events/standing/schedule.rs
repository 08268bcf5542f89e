//! When a scheduled subscription is told (EPCIS 2.0, QuerySchedule): every second that fits all its fields.

use base::{CityZone, Day, Time};
use ledger::{BodyError, Rule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const DAY_MS: i64 = 86_400_000;
/// Days looked ahead for the next moment: a leap day may be eight years away.
const DAYS_MAX: i32 = 9 * 366;
/// Characters of a field.
const CHARS_MAX: usize = 200;

/// A schedule as it was asked for. A field is a list of numbers and of ranges in brackets, such as `5,[10-12]`; `0/30` is
/// every thirtieth from 0 on.
///
/// A field that is left out fits always; but one that is finer than those that are given is its first value, so that hour 1
/// and minute 5 mean once a day. Times are those of the city.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Schedule {
    /// 0 to 59
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// 0 to 59
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<String>,
    /// 0 to 23
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<String>,
    /// 1 to 31
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<String>,
    /// 1 to 12
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
    /// 1 (Monday) to 7
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_week: Option<String>,
}

/// A schedule that was understood: which values of each field fit, a bit a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    second: u64,
    minute: u64,
    hour: u64,
    day_of_month: u64,
    month: u64,
    day_of_week: u64,
}

impl Schedule {
    pub fn read(&self) -> Result<Moments, BodyError> {
        let fields = [
            ("month", &self.month, 1, 12),
            ("dayOfMonth", &self.day_of_month, 1, 31),
            ("dayOfWeek", &self.day_of_week, 1, 7),
            ("hour", &self.hour, 0, 23),
            ("minute", &self.minute, 0, 59),
            ("second", &self.second, 0, 59),
        ];
        let Some(finest) = fields.iter().rposition(|(_, text, ..)| text.is_some()) else {
            return Err(refuse("", "must have a field at least"));
        };
        let mut bits = [0; 6];
        for (at, (name, text, min, max)) in fields.into_iter().enumerate() {
            bits[at] = match text {
                Some(text) => values(text, min, max).map_err(|detail| refuse(name, &detail))?,
                // Of a year that is scheduled by months, the first day; days of the week stand beside those of the month.
                None if at > finest && name != "dayOfWeek" => 1 << min,
                None => range(min, max),
            };
        }
        let [month, day_of_month, day_of_week, hour, minute, second] = bits;
        let moments = Moments { second, minute, hour, day_of_month, month, day_of_week };
        if !moments.has_a_day() {
            return Err(refuse("dayOfMonth", "is a day that its months do not have"));
        }
        Ok(moments)
    }
}

fn refuse(field: &str, detail: &str) -> BodyError {
    let field = if field.is_empty() { "schedule".to_owned() } else { format!("schedule.{field}") };
    BodyError::new(field, Rule::Format, detail)
}

fn range(from: u32, to: u32) -> u64 {
    (from..=to).fold(0, |bits, value| bits | 1 << value)
}

fn values(text: &str, min: u32, max: u32) -> Result<u64, String> {
    let form = || format!("must be a list of numbers from {min} to {max} and ranges such as [{min}-{max}]");
    if text.len() > CHARS_MAX {
        return Err(form());
    }
    let number = |text: &str| {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
        text.parse().ok().filter(|value| is_number && (min..=max).contains(value)).ok_or_else(form)
    };
    let mut bits = 0;
    for element in text.split(',').map(str::trim) {
        if let Some(inner) = element.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (from, to) = inner.split_once('-').ok_or_else(form)?;
            let (from, to) = (number(from)?, number(to)?);
            if from > to {
                return Err(form());
            }
            bits |= range(from, to);
        } else if let Some((from, step)) = element.split_once('/') {
            let (from, step) = (number(from)?, step.parse::<u32>().map_err(|_| form())?);
            if step == 0 || step > max {
                return Err(form());
            }
            for value in (from..=max).step_by(usize::try_from(step).map_err(|_| form())?) {
                bits |= 1 << value;
            }
        } else {
            bits |= 1 << number(element)?;
        }
    }
    Ok(bits)
}

fn has(bits: u64, value: i64) -> bool {
    (0..64).contains(&value) && bits >> value & 1 == 1
}

impl Moments {
    fn has_a_day(&self) -> bool {
        const LENGTHS: [i64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        (1..).zip(LENGTHS).any(|(month, length)| {
            has(self.month, month) && (1..=length).any(|day| has(self.day_of_month, day))
        })
    }

    fn fits_day(&self, day: Day) -> bool {
        let (_, month, date) = day.civil();
        // The first of January 1970 was a Thursday.
        let weekday = i64::from(day.0 + 3).rem_euclid(7) + 1;
        has(self.month, month) && has(self.day_of_month, date) && has(self.day_of_week, weekday)
    }

    /// The first moment behind another one that fits; none if it is years away.
    pub fn next(&self, zone: &CityZone, after: Time) -> Option<Time> {
        let first = zone.day_of(after);
        (0..DAYS_MAX).map(|days| first.plus(days)).filter(|day| self.fits_day(*day)).find_map(|day| {
            let seconds = (0..24).filter(|hour| has(self.hour, *hour)).flat_map(|hour| {
                let minutes = (0..60).filter(|minute| has(self.minute, *minute));
                minutes.flat_map(move |minute| {
                    let seconds = (0..60).filter(|second| has(self.second, *second));
                    seconds.map(move |second| (hour * 60 + minute) * 60 + second)
                })
            });
            seconds.map(|second| moment(zone, day, second)).find(|moment| *moment > after)
        })
    }
}

/// A second of a day here, as a moment.
fn moment(zone: &CityZone, day: Day, second: i64) -> Time {
    let naive = Time(i64::from(day.0) * DAY_MS + second * 1_000);
    let guess = naive.plus_ms(-zone.offset_ms(naive));
    naive.plus_ms(-zone.offset_ms(guess))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn next(schedule: Value, after: &str) -> String {
        let schedule: Schedule = serde_json::from_value(schedule).expect("a schedule");
        let zone = CityZone::named("Asia/Shanghai").expect("a zone");
        let next = schedule.read().expect("moments").next(&zone, Time::parse(after).expect("a time"));
        next.map_or_else(|| "never".to_owned(), |next| zone.local_text(next))
    }

    #[test]
    fn the_examples_of_the_standard_mean_what_it_says() {
        let after = "2026-03-10T08:00:00+08:00";
        for (schedule, expected) in [
            (json!({ "second": "0", "minute": "0" }), "2026-03-10 09:00:00"),
            (json!({ "second": "0", "minute": "30" }), "2026-03-10 08:30:00"),
            (json!({ "hour": "1", "minute": "5" }), "2026-03-11 01:05:00"),
            (json!({ "second": "0", "minute": "0", "hour": "3", "dayOfMonth": "1" }), "2026-04-01 03:00:00"),
            (json!({ "second": "0", "minute": "0", "hour": "3", "dayOfWeek": "1" }), "2026-03-16 03:00:00"),
            (json!({ "second": "0/30" }), "2026-03-10 08:00:30"),
            (json!({ "minute": "5,[10-12],50" }), "2026-03-10 08:05:00"),
            (json!({ "month": "6" }), "2026-06-01 00:00:00"),
            (json!({ "dayOfWeek": "7" }), "2026-03-15 00:00:00"),
            (json!({ "dayOfMonth": "29", "month": "2" }), "2028-02-29 00:00:00"),
        ] {
            assert_eq!(next(schedule.clone(), after), expected, "{schedule}");
        }
        assert_eq!(
            next(json!({ "minute": "5,[10-12],50" }), "2026-03-10T08:12:00+08:00"),
            "2026-03-10 08:50:00"
        );
        assert_eq!(next(json!({ "minute": "5" }), "2026-12-31T23:05:00+08:00"), "2027-01-01 00:05:00");
    }

    #[test]
    fn what_no_moment_fits_is_refused() {
        for (schedule, field) in [
            (json!({}), "schedule"),
            (json!({ "second": "60" }), "schedule.second"),
            (json!({ "minute": "" }), "schedule.minute"),
            (json!({ "hour": "[5-3]" }), "schedule.hour"),
            (json!({ "hour": "*" }), "schedule.hour"),
            (json!({ "hour": "+1" }), "schedule.hour"),
            (json!({ "second": "0/0" }), "schedule.second"),
            (json!({ "dayOfWeek": "0" }), "schedule.dayOfWeek"),
            (json!({ "dayOfMonth": "30", "month": "2" }), "schedule.dayOfMonth"),
        ] {
            let schedule: Schedule = serde_json::from_value(schedule).expect("a schedule");
            assert_eq!(schedule.read().expect_err("is refused").field, field, "{schedule:?}");
        }
    }

    #[test]
    fn the_next_moment_is_later_and_none_is_left_out() {
        let every =
            Schedule { second: Some("[0-59]".into()), ..Schedule::default() }.read().expect("moments");
        let zone = CityZone::named("Asia/Shanghai").expect("a zone");
        let mut at = Time::parse("2026-12-31T23:59:50+08:00").expect("a time");
        for _ in 0..30 {
            let next = every.next(&zone, at).expect("a moment");
            assert_eq!(next.since_ms(at), 1_000);
            at = next;
        }
        assert_eq!(every.next(&zone, at.plus_ms(500)), Some(at.plus_ms(1_000)));
    }
}
