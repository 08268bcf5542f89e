//! What people type into forms, read as the values that bodies hold.

use std::collections::BTreeMap;

use base::{BookId, Day};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
pub use shell::format::read_decimal as decimal;
use shell::{App, Problem, once};
use store::{StoreError, Tx};

use crate::state;

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Text,
    /// A short code.
    Code,
    /// A code that is made up if left empty.
    NewLot,
    /// Kilograms, kept as grams.
    Kilograms,
    /// Yuan, kept as fen.
    Yuan,
    /// Square metres, kept as square decimetres.
    SquareMetres,
    Integer,
    Day,
    Month,
    Tick,
    Stall,
    Merchant,
    Product,
    Lot,
    Scale,
    /// One of some words of a body's vocabulary.
    Word(&'static [&'static str]),
    /// A part a line: a code, a space, kilograms.
    Parts,
}

/// The value of a typed text that is not empty, or the key of what is wrong with it.
pub fn value(takes: Takes, text: &str) -> Result<Value, &'static str> {
    let number = |places| decimal(text, places).map(|units| json!(units)).ok_or("form-not-a-number");
    match takes {
        Takes::Kilograms => number(3),
        Takes::Yuan | Takes::SquareMetres => number(2),
        Takes::Integer | Takes::Scale => number(0),
        Takes::Day => Day::parse(text).map(|day| json!(day)).map_err(|_| "form-not-a-date"),
        Takes::Tick => Ok(json!(text == "on")),
        Takes::Word(words) => words.contains(&text).then(|| json!(text)).ok_or("form-unknown-choice"),
        Takes::Parts => parts(text).ok_or("office-parts-wrong"),
        _ => Ok(json!(text)),
    }
}

fn parts(text: &str) -> Option<Value> {
    let part = |line: &str| {
        let (lot, weight) = line.trim().rsplit_once(char::is_whitespace)?;
        Some(json!({"lot": lot.trim(), "quantity_g": decimal(weight, 3)?}))
    };
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(part)
        .collect::<Option<Vec<_>>>()
        .map(Value::Array)
}

/// A lot's code from its stall and the moment of the form, so that a form sent twice names one lot.
fn lot_code(stall: &str, local: &str) -> String {
    let stall: String = stall.chars().take(25).collect();
    let digits: String = local.bytes().filter(u8::is_ascii_digit).take(14).map(char::from).collect();
    match (digits.get(2..8), digits.get(8..14)) {
        (Some(day), Some(time)) => format!("{stall}-{day}-{time}"),
        _ => stall,
    }
}

/// Who has a stall, and the code that a form makes for a lot that comes there.
pub async fn tenant_and_new_lot(
    app: &App,
    book: &BookId,
    stall: &str,
    typed: &BTreeMap<String, String>,
) -> Result<(Option<String>, String), Problem> {
    let (book, stall) = (book.clone(), stall.to_owned());
    let key = typed.get(once::FIELD).cloned().unwrap_or_default();
    let made = app.kernel.zone().local_text(once::made(&key, app.kernel.now()));
    let read = move |tx: &mut dyn Tx| {
        let tenant = state::stall(tx, &book, &stall)?.and_then(|stall| stall.merchant);
        Ok((tenant, free_lot_code(tx, &book, (&stall, &made), &key)?))
    };
    app.blocking(move |kernel| kernel.read(read)).await
}

/// The code of a lot that a form makes. One that somebody has taken already is told apart by what the form's key alone tells,
/// which nobody knew before.
fn free_lot_code(
    tx: &mut dyn Tx,
    book: &BookId,
    (stall, local): (&str, &str),
    key: &str,
) -> Result<String, StoreError> {
    let code = lot_code(stall, local);
    if state::lot(tx, book, &code)?.is_none() {
        return Ok(code);
    }
    // In place of the time of day, as long as a code may be.
    let start: String =
        code.rsplit_once('-').map_or(code.as_str(), |(start, _)| start).chars().take(31).collect();
    let digest = hex::encode(Sha256::digest(key));
    Ok(format!("{start}-{}", &digest[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_code_and_kilograms() {
        assert_eq!(
            value(Takes::Parts, "A-1 2.5\n\nA-2\t3"),
            Ok(json!([
                {"lot": "A-1", "quantity_g": 2500}, {"lot": "A-2", "quantity_g": 3000}
            ]))
        );
        assert!(value(Takes::Parts, "A-1").is_err());
    }

    #[test]
    fn a_lot_code_follows_from_stall_and_moment() {
        assert_eq!(lot_code("A12", "2021-12-10T08:31:22+08:00"), "A12-211210-083122");
    }
}
