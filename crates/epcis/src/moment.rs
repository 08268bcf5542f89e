/// A point in time as EPCIS writes it (xsd:dateTime with an offset), and the offset that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Milliseconds since 1970-01-01T00:00:00Z; finer digits are cut.
    pub ms_utc: i64,
    /// Minutes east of UTC.
    pub offset_minutes: i32,
}

/// A moment with every digit of its fraction: what equality of meaning needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exact {
    pub seconds_utc: i64,
    /// Digits after the point without zeros at the end.
    pub fraction: String,
    offset_minutes: i32,
}

impl Exact {
    pub fn is_after(&self, other: &Self) -> bool {
        // Fractions without zeros at the end compare as texts.
        (self.seconds_utc, &self.fraction) > (other.seconds_utc, &other.fraction)
    }
}

impl Moment {
    /// Reads `2021-12-10T08:31:22.000+08:00` or `...Z`, years 0001 to 9999; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let exact = exact(text)?;
        let mut ms = exact.fraction.bytes().chain(std::iter::repeat(b'0')).map(|c| i64::from(c - b'0'));
        let mut next = || ms.next().unwrap_or(0);
        let ms = next() * 100 + next() * 10 + next();
        Some(Self { ms_utc: exact.seconds_utc * 1000 + ms, offset_minutes: exact.offset_minutes })
    }
}

/// Reads an offset such as `+08:00`, from -14:00 to +14:00, as minutes.
pub fn parse_offset(text: &str) -> Option<i32> {
    let [sign, h1, h2, b':', m1, m2] = *text.as_bytes() else { return None };
    let hours = number(&[h1, h2])?;
    let minutes = number(&[m1, m2])?;
    if minutes > 59 || hours * 60 + minutes > 14 * 60 {
        return None;
    }
    let total = i32::try_from(hours * 60 + minutes).ok()?;
    match sign {
        b'+' => Some(total),
        b'-' => Some(-total),
        _ => None,
    }
}

pub(crate) fn exact(text: &str) -> Option<Exact> {
    let bytes = text.as_bytes();
    let at = |i: usize, c: u8| bytes.get(i) == Some(&c);
    if !(at(4, b'-') && at(7, b'-') && at(10, b'T') && at(13, b':') && at(16, b':')) {
        return None;
    }
    let field = |from: usize, to: usize| number(bytes.get(from..to)?);
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    if year == 0 || !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(after) => {
            let end = after.find(|c: char| !c.is_ascii_digit())?;
            if end == 0 {
                return None;
            }
            after.split_at(end)
        }
        None => ("", rest),
    };
    let offset_minutes = if zone == "Z" { 0 } else { parse_offset(zone)? };
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Exact {
        seconds_utc: seconds - i64::from(offset_minutes) * 60,
        fraction: fraction.trim_end_matches('0').to_owned(),
        offset_minutes,
    })
}

/// `2021-12-10T00:31:22.000Z` for a number of milliseconds in the years 0001 to 9999 (a day over at either end).
pub(crate) fn utc_text(ms_utc: i64) -> String {
    let (days, ms) = (ms_utc.div_euclid(86_400_000), ms_utc.rem_euclid(86_400_000));
    // The mean year gives the year or the one after it.
    let mut year = 1970 + days * 400 / 146_097;
    while days_since_epoch(year, 1, 1) > days {
        year -= 1;
    }
    while days_since_epoch(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 12;
    while days_since_epoch(year, month, 1) > days {
        month -= 1;
    }
    let day = days - days_since_epoch(year, month, 1) + 1;
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, c| c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0')))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let leaps = |y: i64| y / 4 - y / 100 + y / 400;
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    years + (1..month).map(|m| days_of_month(year, m)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_their_offset() {
        let read = |text| Moment::parse(text).map(|m| (m.ms_utc, m.offset_minutes));
        assert_eq!(read("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(read("2005-04-03T20:33:31.116000-06:00"), Some((1_112_582_011_116, -360)));
        assert_eq!(read("2000-02-29T23:59:59.9999+14:00"), Some((951_818_399_999, 840)));
        assert_eq!(read("1969-12-31T23:59:59.5Z"), Some((-500, 0)));
    }

    #[test]
    fn every_day_is_written_as_it_was_read() {
        for days in (-719_162..2_932_896).step_by(17) {
            let text = utc_text(days * 86_400_000 + 1);
            assert_eq!(Moment::parse(&text).map(|m| m.ms_utc), Some(days * 86_400_000 + 1), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_moment_with_an_offset_is_refused() {
        for text in [
            "",
            "2021-12-10",
            "2021-12-10T08:31:22",
            "2021-02-29T00:00:00Z",
            "2021-13-01T00:00:00Z",
            "2021-12-10T24:00:00Z",
            "2021-12-10T08:31:60Z",
            "2021-12-10T08:31:22.Z",
            "2021-12-10T08:31:22+14:01",
            "2021-12-10 08:31:22Z",
            "0000-01-01T00:00:00Z",
            "2021-12-10T08:31:22+0800",
            "２021-12-10T08:31:22Z",
            "2021-12-10T08:31:22Zé",
            "99999-12-10T08:31:22Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
