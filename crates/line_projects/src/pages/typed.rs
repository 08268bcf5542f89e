//! What people type into the forms of projects, read as the values that bodies hold.

use base::Day;
use serde_json::{Value, json};
use shell::format::read_decimal as decimal;

use crate::kinds::Month;

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Text,
    /// Several lines.
    Words,
    /// A code that is made up if left empty.
    NewCode,
    /// Ten thousand yuan, kept as fen.
    Wan,
    /// Degrees, kept in ten-millionths.
    Degrees,
    Integer,
    Day,
    Month,
    Tick,
    /// Yes or no, where neither is the usual answer.
    YesNo,
    /// A project of the book on its list.
    Project,
    Chain,
    Programme,
    Contract,
    /// An errand that is open.
    Item,
    /// A permit that is not decided.
    Permit,
    /// A town or county.
    Unit,
    Post,
    Phase,
    /// One of some words of a body's vocabulary.
    Word(&'static [&'static str]),
    /// A month and ten thousand yuan a line.
    Months,
    /// A day and ten thousand yuan a line.
    Instalments,
}

/// The value of a typed text that is not empty, or the key of what is wrong with it.
pub fn value(takes: Takes, text: &str) -> Result<Value, &'static str> {
    let number = |places| decimal(text, places).map(|units| json!(units)).ok_or("form-not-a-number");
    match takes {
        Takes::Wan => number(6),
        Takes::Degrees => number(7),
        Takes::Integer => number(0),
        Takes::YesNo => Ok(json!(text == "yes")),
        Takes::Day => Day::parse(text).map(|day| json!(day)).map_err(|_| "form-not-a-date"),
        Takes::Month => Month::parse(text).map(|month| json!(month)).map_err(|_| "projects-not-a-month"),
        Takes::Tick => Ok(json!(text == "on")),
        Takes::Word(words) => words.contains(&text).then(|| json!(text)).ok_or("form-unknown-choice"),
        Takes::Months => {
            let month = |text: &str| Month::parse(text).ok().map(|month| json!(month));
            lines(text, "month", month).ok_or("projects-months-wrong")
        }
        Takes::Instalments => {
            let day = |text: &str| Day::parse(text).ok().map(|day| json!(day));
            lines(text, "day", day).ok_or("projects-instalments-wrong")
        }
        _ => Ok(json!(text)),
    }
}

/// `2021-07 300` a line, the first part read by `when`.
fn lines(text: &str, name: &str, when: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    let line = |line: &str| {
        let (at, amount) = line.trim().split_once(char::is_whitespace)?;
        Some(json!({ name: when(at.trim())?, "amount_fen": decimal(amount.trim(), 6)? }))
    };
    let filled = text.lines().filter(|line| !line.trim().is_empty());
    filled.map(line).collect::<Option<Vec<_>>>().map(Value::Array)
}

/// A code from the moment that a form was shown, so that a form sent twice names one thing.
pub fn new_code(letter: &str, local: &str) -> String {
    let digits: String = local.bytes().filter(u8::is_ascii_digit).take(14).map(char::from).collect();
    match (digits.get(2..8), digits.get(8..14)) {
        (Some(day), Some(time)) => format!("{letter}{day}-{time}"),
        _ => format!("{letter}{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_typed_in_ten_thousand_yuan_and_kept_to_the_fen() {
        assert_eq!(value(Takes::Wan, "52000"), Ok(json!(52_000_000_000_i64)));
        assert_eq!(value(Takes::Wan, "0.000001"), Ok(json!(1)));
        assert_eq!(value(Takes::Wan, "1,000"), Err("form-not-a-number"));
    }

    #[test]
    fn a_plan_is_a_month_and_a_sum_a_line() {
        let read = value(Takes::Months, "2021-07 300\n\n2021-08\t250.5\n");
        assert_eq!(
            read,
            Ok(json!([
                { "month": "2021-07", "amount_fen": 300_000_000 },
                { "month": "2021-08", "amount_fen": 250_500_000 },
            ]))
        );
        assert_eq!(value(Takes::Months, "July 300"), Err("projects-months-wrong"));
        assert_eq!(
            value(Takes::Instalments, "2021-07-15 12"),
            Ok(json!([{ "day": "2021-07-15", "amount_fen": 12_000_000 }]))
        );
    }

    #[test]
    fn a_code_follows_from_its_letter_and_the_moment() {
        assert_eq!(new_code("D", "2021-12-10T08:31:22+08:00"), "D211210-083122");
    }
}
