//! Dates and times as files write them: local, without an offset.

use base::Day;
use schedule::Moment;

/// `2026-02-09T08:00:00`, `2026-02-09 08:00` or `2026-02-09`; seconds are cut.
pub(crate) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let day = Day::parse(text.get(..10)?).ok()?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(Moment::at(day, 0));
    }
    Some(Moment::at(day, time(rest.strip_prefix(['T', ' '])?)?))
}

/// Minutes after midnight of `08:00` or `08:00:00`; seconds are cut.
pub(crate) fn time(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':');
    let hour = number(parts.next()?, 24)?;
    let minute = number(parts.next()?, 59)?;
    let second = parts.next().map_or(Some(0), |second| number(second, 59))?;
    let is_whole = parts.next().is_none() && (hour < 24 || minute + second == 0);
    is_whole.then_some(hour * 60 + minute)
}

fn number(text: &str, max: i64) -> Option<i64> {
    let is_plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&number| is_plain && number <= max)
}

/// `2026-02-09T08:00:00`.
pub(crate) fn iso(moment: Moment) -> String {
    let minute = moment.minute_of_day();
    format!("{}T{:02}:{:02}:00", moment.day(), minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_read_and_others_refused() {
        let noon = Moment::at(Day::parse("2026-02-09").unwrap(), 720);
        for text in ["2026-02-09T12:00:00", "2026-02-09 12:00", "2026-02-09T12:00:59"] {
            assert_eq!(moment(text), Some(noon), "{text}");
        }
        assert_eq!(iso(noon), "2026-02-09T12:00:00");
        for text in
            ["", "2026-02-09T", "2026-02-09T12", "2026-02-09T12:60", "2026-02-09T24:01", "年2026-02-09"]
        {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
