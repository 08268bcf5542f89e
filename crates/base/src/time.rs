use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a time, a day or a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    #[error("{0:?} is not a time of RFC 3339 with an offset")]
    Time(String),
    #[error("{0:?} is not a date of ISO 8601, such as 2021-12-10")]
    Day(String),
    #[error("{0:?} is not a time zone of the IANA database")]
    Zone(String),
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Time(pub i64);

impl Time {
    /// Years 1970 to 9999, the range whose canonical text has a fixed width.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Reads RFC 3339 with any offset; digits beyond the millisecond are cut.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let refuse = || TimeError::Time(text.to_owned());
        let stamp: Timestamp = text.parse().map_err(|_| refuse())?;
        let time = Self(stamp.as_millisecond());
        (Self(0)..=Self::MAX).contains(&time).then_some(time).ok_or_else(refuse)
    }

    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0 + ms)
    }

    /// Milliseconds since an earlier moment; negative if it is later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Appends the canonical text, `2021-12-10T00:31:22.000Z`.
    pub fn write_to(self, out: &mut String) {
        let (days, ms) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        push_digits(out, year, 4);
        out.push('-');
        push_digits(out, month, 2);
        out.push('-');
        push_digits(out, day, 2);
        out.push('T');
        push_digits(out, ms / 3_600_000, 2);
        out.push(':');
        push_digits(out, ms / 60_000 % 60, 2);
        out.push(':');
        push_digits(out, ms / 1000 % 60, 2);
        out.push('.');
        push_digits(out, ms % 1000, 3);
        out.push('Z');
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(24);
        self.write_to(&mut text);
        f.write_str(&text)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A calendar day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, format = Date)]
pub struct Day(pub i32);

impl Day {
    /// Years 1 to 9999, whose days are written in the ten characters that are read.
    pub const FIRST: Self = Self(-719_162);
    pub const LAST: Self = Self(2_932_896);

    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let refuse = || TimeError::Day(text.to_owned());
        if text.len() != 10 {
            return Err(refuse());
        }
        let date: civil::Date = text.parse().map_err(|_| refuse())?;
        Ok(Self(days_of(date)))
    }

    pub fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    /// Year, month 1 to 12, day of month 1 to 31.
    pub fn civil(self) -> (i64, i64, i64) {
        civil_from_days(i64::from(self.0))
    }

    pub fn first_of_month(self) -> Self {
        let (_, _, day) = self.civil();
        Self(self.0 - i32::try_from(day - 1).expect("a day of month is below 32"))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

fn days_of(date: civil::Date) -> i32 {
    date.since(civil::date(1970, 1, 1))
        .map(|span| span.get_days())
        .expect("the distance of two civil dates in days fits")
}

/// The city's time zone, which decides what day a moment belongs to.
#[derive(Debug, Clone)]
pub struct CityZone {
    name: String,
    zone: TimeZone,
    /// Set where the zone has had one offset since 1992, as Asia/Shanghai has: the hot path then needs no lookup.
    fixed_ms: Option<i64>,
}

impl CityZone {
    /// A zone of the IANA database, such as `Asia/Shanghai`.
    pub fn named(name: &str) -> Result<Self, TimeError> {
        let zone = TimeZone::get(name).map_err(|_| TimeError::Zone(name.to_owned()))?;
        let fixed_ms = (name == "Asia/Shanghai").then_some(8 * 3_600_000);
        Ok(Self { name: name.to_owned(), zone, fixed_ms })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Milliseconds to add to UTC at that moment.
    pub fn offset_ms(&self, time: Time) -> i64 {
        const SETTLED: Time = Time(694_224_000_000); // 1992-01-01: China's last daylight saving ended in 1991.
        match self.fixed_ms {
            Some(ms) if time >= SETTLED => ms,
            _ => {
                let stamp = Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH);
                i64::from(self.zone.to_offset(stamp).seconds()) * 1000
            }
        }
    }

    /// The day a moment belongs to here.
    pub fn day_of(&self, time: Time) -> Day {
        let days = (time.0 + self.offset_ms(time)).div_euclid(86_400_000);
        Day(i32::try_from(days).expect("times are limited to the year 9999"))
    }

    /// The first moment of a day here.
    pub fn start_of(&self, day: Day) -> Time {
        let midnight_utc = Time(i64::from(day.0) * 86_400_000);
        let guess = midnight_utc.plus_ms(-self.offset_ms(midnight_utc));
        midnight_utc.plus_ms(-self.offset_ms(guess))
    }

    /// Local date and time of day, `2021-12-10 08:31:22`.
    pub fn local_text(&self, time: Time) -> String {
        let mut text = String::with_capacity(24);
        Time(time.0 + self.offset_ms(time)).write_to(&mut text);
        text.truncate(19);
        text.replace('T', " ")
    }
}

/// What time it is. Handed in, never taken from the system by a rule.
pub trait Clock: Send + Sync {
    fn now(&self) -> Time;
}

/// A clock that tests and simulations move by hand.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(time: Time) -> Self {
        Self(AtomicI64::new(time.0))
    }

    pub fn set(&self, time: Time) {
        self.0.store(time.0, Ordering::SeqCst);
    }

    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

fn push_digits(out: &mut String, mut value: i64, width: usize) {
    let mut text = [b'0'; 4];
    for place in text[..width].iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).expect("one decimal digit");
        value /= 10;
    }
    out.extend(text[..width].iter().copied().map(char::from));
}

/// The proleptic Gregorian date of a day number (Hinnant, "chrono-compatible low-level date algorithms").
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Its inverse.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_index = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_index + 2) / 5 + day - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn printing_then_parsing_a_time_gives_it_back(ms in 0..=Time::MAX.0) {
            let time = Time(ms);
            prop_assert_eq!(Time::parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn printing_then_parsing_a_day_gives_it_back(days in Day::FIRST.0..=Day::LAST.0) {
            let day = Day(days);
            prop_assert_eq!(Day::parse(&day.to_string()), Ok(day));
        }

        #[test]
        fn a_day_starts_with_a_moment_that_belongs_to_it(days in 8_100..60_000_i32) {
            let zone = CityZone::named("Asia/Shanghai").unwrap();
            let start = zone.start_of(Day(days));
            prop_assert_eq!(zone.day_of(start), Day(days));
            prop_assert_eq!(zone.day_of(start.plus_ms(-1)), Day(days - 1));
        }
    }

    #[test]
    fn days_are_written_and_read_in_years_1_to_9999() {
        for (day, text) in [(Day::FIRST, "0001-01-01"), (Day::LAST, "9999-12-31")] {
            assert_eq!((day.to_string().as_str(), Day::parse(text)), (text, Ok(day)));
        }
        assert!(Day::parse(&Day::LAST.plus(1).to_string()).is_err());
    }

    #[test]
    fn the_fixed_offset_of_shanghai_agrees_with_the_time_zone_database() {
        let zone = CityZone::named("Asia/Shanghai").unwrap();
        for text in ["1992-01-01T00:00:00Z", "2021-12-10T00:31:22Z", "2026-07-01T12:00:00Z"] {
            let time = Time::parse(text).unwrap();
            let stamp = Timestamp::from_millisecond(time.0).unwrap();
            assert_eq!(zone.offset_ms(time), i64::from(zone.zone.to_offset(stamp).seconds()) * 1000);
        }
    }

    #[test]
    fn times_without_an_offset_and_impossible_dates_are_refused() {
        for text in ["2021-12-10T08:00:00", "2021-02-30T00:00:00Z", "1969-12-31T23:59:59Z", "now", ""] {
            assert!(Time::parse(text).is_err(), "{text:?} must be refused");
        }
        for text in ["2021-2-1", "2021-02-30", "20211210", "2021-12-10T00:00"] {
            assert!(Day::parse(text).is_err(), "{text:?} must be refused");
        }
    }
}
