//! What people type into forms.

/// Reads a decimal of at most so many places, exactly: `decimal("12.5", 3)` is 12500.
pub fn decimal(text: &str, places: u32) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_read_exactly_or_not_at_all() {
        assert_eq!(decimal("12.5", 3), Some(12_500));
        assert_eq!(decimal("-0.01", 2), Some(-1));
        assert_eq!(decimal("3000", 6), Some(3_000_000_000));
        for text in ["", ".5", "1.2345", "1,000", "1e3", "１２", "1.-5", "9999999999999"] {
            assert_eq!(decimal(text, 3), None, "{text:?}");
        }
    }
}
