//! Numbers, money, weight, shares, spans and moments as people read them, in either language.
//!
//! Everything is integer arithmetic; rounding is half away from zero. A minus sign is the plain `-`, so that
//! a copied number stays a number. What cannot be computed reads as [`NONE`].

use jiff::civil;
use jiff::tz::Offset;

use crate::texts::Lang;

/// Stands where there is no value.
pub const NONE: &str = "—";

/// An integer with separators: `1,234,567`.
pub fn integer(n: impl Into<i128>) -> String {
    let n: i128 = n.into();
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A decimal of `units` in steps of `10^-places`, with separators: `decimal(123450, 2)` is `1,234.50`.
pub fn decimal(units: impl Into<i128>, places: u32) -> String {
    let units: i128 = units.into();
    let step = 10u128.pow(places);
    let (whole, rest) = (units.unsigned_abs() / step, units.unsigned_abs() % step);
    let sign = if units < 0 { "-" } else { "" };
    let whole = integer(i128::try_from(whole).unwrap_or(i128::MAX));
    if places == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{rest:0width$}", width = places as usize)
    }
}

/// A decimal as a machine reads it: no separators, `decimal_plain(-123450, 2)` is `-1234.50`.
pub fn decimal_plain(units: impl Into<i128>, places: u32) -> String {
    decimal(units, places).replace(',', "")
}

/// Reads a decimal of at most so many places, exactly: `read_decimal("12.5", 3)` is 12500.
pub fn read_decimal(text: &str, places: u32) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let places = usize::try_from(places).ok()?;
    if whole.is_empty() || whole.len() > 12 || fraction.len() > places || !plain(whole) || !plain(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse::<i64>().ok().map(|units| sign * units)
}

/// Money to the fen: `¥1,234.50`.
pub fn money(fen: i64) -> String {
    let text = decimal(fen, 2);
    match text.strip_prefix('-') {
        Some(text) => format!("-¥{text}"),
        None => format!("¥{text}"),
    }
}

/// Money for a heading: `9,999.99元`, `123.46万元`, `1.23亿元`; `¥9,999.99`, `¥1.23 million`.
pub fn money_short(lang: Lang, fen: i64) -> String {
    const ZH: &[Step] = &[(10_000_000_000, 10_000_000_000, "亿元"), (1_000_000, 1_000_000, "万元")];
    const EN: &[Step] = &[
        (100_000_000_000, 100_000_000_000, " billion"),
        (100_000_000, 100_000_000, " million"),
        (1_000_000, 100_000, " thousand"),
    ];
    match (lang, scaled(fen, if lang == Lang::Zh { ZH } else { EN })) {
        (Lang::Zh, Some(text)) => text,
        (Lang::Zh, None) => format!("{}元", decimal(fen, 2)),
        (Lang::En, None) => money(fen),
        (Lang::En, Some(text)) => match text.strip_prefix('-') {
            Some(text) => format!("-¥{text}"),
            None => format!("¥{text}"),
        },
    }
}

/// A count for a heading: `9,999`, `12.35万`, `1.23亿`; `99,999`, `123.46 thousand`, `1.23 million`.
pub fn count_short(lang: Lang, n: i64) -> String {
    const ZH: &[Step] = &[(100_000_000, 100_000_000, "亿"), (10_000, 10_000, "万")];
    const EN: &[Step] = &[
        (1_000_000_000, 1_000_000_000, " billion"),
        (1_000_000, 1_000_000, " million"),
        (100_000, 1_000, " thousand"),
    ];
    scaled(n, if lang == Lang::Zh { ZH } else { EN }).unwrap_or_else(|| integer(n))
}

/// From which amount on a larger unit is used, its size, its name. Lists run from the largest down.
type Step = (i64, i64, &'static str);

/// Two decimals of the largest unit that fits, or `None` below the smallest. When rounding fills the next
/// larger unit that one is used: 9,999.999万 is 1.00亿.
fn scaled(n: i64, steps: &[Step]) -> Option<String> {
    let hundredths = |size: i64| divide(i128::from(n) * 100, i128::from(size));
    let at = steps.iter().position(|(from, ..)| n.unsigned_abs() >= from.unsigned_abs())?;
    let (_, size, unit) = match at.checked_sub(1).map(|larger| steps[larger]) {
        Some(larger)
            if hundredths(steps[at].1).abs() * i128::from(steps[at].1) >= i128::from(larger.0) * 100 =>
        {
            larger
        }
        _ => steps[at],
    };
    Some(format!("{}{unit}", decimal(hundredths(size), 2)))
}

/// Integer division, half away from zero. The divisor is positive.
fn divide(n: i128, by: i128) -> i128 {
    (n.abs() + by / 2) / by * n.signum()
}

/// A weight in kilograms to the gram: `1.250 kg`, `1.250千克`.
pub fn weight(lang: Lang, grams: i64) -> String {
    match lang {
        Lang::Zh => format!("{}千克", decimal(grams, 3)),
        Lang::En => format!("{} kg", decimal(grams, 3)),
    }
}

/// A weight for a heading: below a tonne as [`weight`], from there `12.35吨`, `1.23万吨`; `12.35 t`.
pub fn weight_short(lang: Lang, grams: i64) -> String {
    const ZH: &[Step] = &[(10_000_000_000, 10_000_000_000, "万吨"), (1_000_000, 1_000_000, "吨")];
    const EN: &[Step] = &[(1_000_000, 1_000_000, " t")];
    scaled(grams, if lang == Lang::Zh { ZH } else { EN }).unwrap_or_else(|| weight(lang, grams))
}

/// A share to a tenth of a percent: `98.7%`. `0.0%` and `100.0%` are kept for exactly none and exactly
/// all; what would round to them reads `<0.1%` and `>99.9%`. Nothing out of nothing is [`NONE`].
pub fn percent(numerator: i64, denominator: i64) -> String {
    if denominator == 0 {
        return NONE.to_owned();
    }
    let n = i128::from(numerator) * i128::from(denominator.signum());
    let d = i128::from(denominator).abs();
    let tenths = divide(n * 1000, d);
    if tenths == 0 && n > 0 {
        "<0.1%".to_owned()
    } else if tenths == 1000 && n < d {
        ">99.9%".to_owned()
    } else {
        format!("{}%", decimal(tenths, 1))
    }
}

/// How an amount differs from an earlier one, as a share of it: `+12.3%`, `-4.0%`. From nothing there is no share.
pub fn change(now: i64, before: i64) -> String {
    if before == 0 {
        return NONE.to_owned();
    }
    let change = i128::from(now) - i128::from(before);
    let tenths = divide(change * 1000, i128::from(before).abs());
    let sign = if tenths > 0 { "+" } else { "" };
    format!("{sign}{}%", decimal(tenths, 1))
}

/// A size on a disk or in memory by its largest unit, powers of 1,000: `512 B`, `1.2 GB`.
pub fn bytes(n: u64) -> String {
    let units: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    match units.into_iter().find(|(size, _)| n >= *size) {
        Some((size, unit)) => format!("{} {unit}", decimal(n / (size / 10), 1)),
        None => format!("{n} B"),
    }
}

/// A span of milliseconds by its two largest units: `3天4小时`, `12分5秒`, `850毫秒`; `3 d 4 h`, `850 ms`.
pub fn duration(lang: Lang, ms: i64) -> String {
    let units: [(u64, &str, &str); 5] = [
        (86_400_000, "天", " d"),
        (3_600_000, "小时", " h"),
        (60_000, "分", " min"),
        (1_000, "秒", " s"),
        (1, "毫秒", " ms"),
    ];
    let sign = if ms < 0 { "-" } else { "" };
    let name = |(_, zh, en): (u64, &'static str, &'static str)| if lang == Lang::Zh { zh } else { en };
    let total = ms.unsigned_abs();
    let first = units.iter().position(|(size, ..)| total >= *size).unwrap_or(units.len() - 1);
    let mut out = format!("{sign}{}{}", total / units[first].0, name(units[first]));
    // Below a second the rest no longer matters, and a second's milliseconds are noise.
    if first < 3 {
        let rest = total % units[first].0 / units[first + 1].0;
        if rest > 0 {
            if lang == Lang::En {
                out.push(' ');
            }
            out.push_str(&format!("{rest}{}", name(units[first + 1])));
        }
    }
    out
}

/// A moment on the clock of one place: milliseconds since 1970-01-01 UTC, and that place's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub epoch_ms: i64,
    /// Minutes east of UTC; 480 for Asia/Shanghai.
    pub offset_minutes: i32,
}

impl Moment {
    /// The wall clock there; `None` outside the years -9999 to 9999 or a day's offset.
    fn civil(self) -> Option<civil::DateTime> {
        let offset = Offset::from_seconds(self.offset_minutes.checked_mul(60)?).ok()?;
        Some(offset.to_datetime(jiff::Timestamp::from_millisecond(self.epoch_ms).ok()?))
    }

    fn or_none(self, text: impl FnOnce(civil::DateTime) -> String) -> String {
        self.civil().map_or_else(|| NONE.to_owned(), text)
    }
}

/// `2026-03-05`, in tables, in both languages (GB/T 7408).
pub fn date(moment: Moment) -> String {
    moment.or_none(|at| at.strftime("%Y-%m-%d").to_string())
}

/// `2026-03-05 14:07`.
pub fn date_time(moment: Moment) -> String {
    moment.or_none(|at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// `14:07:09`.
pub fn time(moment: Moment) -> String {
    moment.or_none(|at| at.strftime("%H:%M:%S").to_string())
}

/// `03-05 14:07`, where the year goes without saying.
pub fn month_day_time(moment: Moment) -> String {
    moment.or_none(|at| at.strftime("%m-%d %H:%M").to_string())
}

/// `2026年3月5日`, `5 March 2026`: in running text.
pub fn date_long(lang: Lang, moment: Moment) -> String {
    moment.or_none(|at| long(lang, at.date()))
}

/// `2026年3月5日 14:07`, `5 March 2026, 14:07`.
pub fn date_time_long(lang: Lang, moment: Moment) -> String {
    let comma = if lang == Lang::En { "," } else { "" };
    moment.or_none(|at| format!("{}{comma} {}", long(lang, at.date()), at.strftime("%H:%M")))
}

/// RFC 3339 with the offset, for the `datetime` attribute and exports: `2026-03-05T14:07:09+08:00`.
pub fn rfc3339(moment: Moment) -> String {
    let minutes = moment.offset_minutes.unsigned_abs();
    let sign = if moment.offset_minutes < 0 { '-' } else { '+' };
    moment.or_none(|at| {
        format!("{}{sign}{:02}:{:02}", at.strftime("%Y-%m-%dT%H:%M:%S"), minutes / 60, minutes % 60)
    })
}

fn long(lang: Lang, date: civil::Date) -> String {
    match lang {
        Lang::Zh => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        Lang::En => date.strftime("%-d %B %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Lang::{En, Zh};

    #[test]
    fn integers_and_decimals_carry_separators() {
        assert_eq!([0, 999, 1000, -1234567].map(integer), ["0", "999", "1,000", "-1,234,567"]);
        assert_eq!(integer(i64::MIN), "-9,223,372,036,854,775,808");
        assert_eq!(decimal(5, 2), "0.05");
        assert_eq!(decimal(-123_456_789, 3), "-123,456.789");
        assert_eq!(decimal_plain(-123_450, 2), "-1234.50");
    }

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        assert_eq!(read_decimal("12.5", 3), Some(12_500));
        assert_eq!(read_decimal("-0.07", 2), Some(-7));
        assert_eq!(read_decimal("3", 0), Some(3));
        for wrong in ["", ".5", "1.2345", "1e3", "1,5", "９", "--1", "9999999999999"] {
            assert_eq!(read_decimal(wrong, 3), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_change_is_a_share_of_what_was_before() {
        assert_eq!(change(1_123, 1_000), "+12.3%");
        assert_eq!(change(960, 1_000), "-4.0%");
        assert_eq!(change(1_000, 1_000), "0.0%");
        assert_eq!(change(-5, -10), "+50.0%");
        assert_eq!(change(7, 0), "—");
        assert_eq!(change(i64::MAX, i64::MIN), "+200.0%");
    }

    #[test]
    fn money_is_exact_to_the_fen() {
        assert_eq!([0, 5, 123_450, -123_450].map(money), ["¥0.00", "¥0.05", "¥1,234.50", "-¥1,234.50"]);
        assert_eq!(money(i64::MAX), "¥92,233,720,368,547,758.07");
    }

    #[test]
    fn large_money_reads_in_wan_and_yi_or_in_thousands_and_millions() {
        let zh = |fen| money_short(Zh, fen);
        assert_eq!(zh(999_999), "9,999.99元");
        assert_eq!(zh(1_000_000), "1.00万元");
        assert_eq!(zh(123_456_789), "123.46万元");
        assert_eq!(zh(9_999_999_999), "1.00亿元");
        assert_eq!(zh(-12_345_678_901_234), "-1,234.57亿元");
        let en = |fen| money_short(En, fen);
        assert_eq!(en(999_999), "¥9,999.99");
        assert_eq!(en(1_000_000), "¥10.00 thousand");
        assert_eq!(en(123_456_789), "¥1.23 million");
        assert_eq!(en(99_999_999), "¥1.00 million");
        assert_eq!(en(12_345_678), "¥123.46 thousand");
        assert_eq!(en(-123_456_789_012), "-¥1.23 billion");
    }

    #[test]
    fn large_counts_are_scaled_and_small_ones_exact() {
        assert_eq!(count_short(Zh, 9_999), "9,999");
        assert_eq!(count_short(Zh, 123_456), "12.35万");
        assert_eq!(count_short(Zh, 99_999_999), "1.00亿");
        assert_eq!(count_short(En, 99_999), "99,999");
        assert_eq!(count_short(En, 123_456), "123.46 thousand");
        assert_eq!(count_short(En, 999_999), "1.00 million");
        assert_eq!(count_short(En, -2_500_000), "-2.50 million");
    }

    #[test]
    fn weights_are_kilograms_to_the_gram_and_tonnes_in_headings() {
        assert_eq!(weight(Zh, 1_250), "1.250千克");
        assert_eq!(weight(En, -5), "-0.005 kg");
        assert_eq!(weight_short(Zh, 999_999), "999.999千克");
        assert_eq!(weight_short(Zh, 12_345_678), "12.35吨");
        assert_eq!(weight_short(Zh, 12_345_678_901), "1.23万吨");
        assert_eq!(weight_short(En, 12_345_678_901), "12,345.68 t");
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        assert_eq!(percent(987, 1000), "98.7%");
        assert_eq!(percent(1, 3), "33.3%");
        assert_eq!(percent(2, 3), "66.7%");
        assert_eq!(percent(0, 7), "0.0%");
        assert_eq!(percent(7, 7), "100.0%");
        assert_eq!(percent(1, 1_000_000), "<0.1%");
        assert_eq!(percent(999_999, 1_000_000), ">99.9%");
        assert_eq!(percent(3, 2), "150.0%");
        assert_eq!(percent(-1, 8), "-12.5%");
        assert_eq!(percent(0, 0), "—");
        assert_eq!(percent(i64::MAX, i64::MAX), "100.0%");
    }

    #[test]
    fn spans_show_their_two_largest_units() {
        assert_eq!(duration(Zh, 0), "0毫秒");
        assert_eq!(duration(Zh, 850), "850毫秒");
        assert_eq!(duration(Zh, 4_900), "4秒");
        assert_eq!(duration(Zh, 725_000), "12分5秒");
        assert_eq!(duration(Zh, 273_600_000), "3天4小时");
        assert_eq!(duration(En, 273_600_000), "3 d 4 h");
        assert_eq!(duration(En, 3_600_000), "1 h");
        assert_eq!(duration(En, -61_000), "-1 min 1 s");
    }

    #[test]
    fn moments_are_shown_on_the_clock_of_the_place() {
        let at = |epoch_ms, offset_minutes| Moment { epoch_ms, offset_minutes };
        let shanghai = at(1_772_690_829_000, 480);
        assert_eq!(date(shanghai), "2026-03-05");
        assert_eq!(date_time(shanghai), "2026-03-05 14:07");
        assert_eq!(time(shanghai), "14:07:09");
        assert_eq!(date_long(Zh, shanghai), "2026年3月5日");
        assert_eq!(date_time_long(Zh, shanghai), "2026年3月5日 14:07");
        assert_eq!(date_time_long(En, shanghai), "5 March 2026, 14:07");
        assert_eq!(rfc3339(shanghai), "2026-03-05T14:07:09+08:00");
        assert_eq!(rfc3339(at(0, -210)), "1969-12-31T20:30:00-03:30");
        assert_eq!(date(at(i64::MAX, 480)), "—");
    }
}
