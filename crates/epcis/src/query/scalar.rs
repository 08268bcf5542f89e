//! Values as queries compare them: numbers by size, moments by instant, everything else by its text.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::moment::Moment;
use crate::urn;

/// Digits up to which a text counts as a number: longer ones are identifiers, and a float would blur them.
const NUMBER_DIGITS_MAX: usize = 15;
/// Bytes of a text that is compared as it is; of a longer one its first characters and its digest are.
pub const TEXT_BYTES_MAX: usize = 512;
const DIGESTED_BEGINNING: usize = 64;

/// One value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Number(f64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Moment(i64),
    Text(String),
}

/// How a value stands to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Scalar {
    /// Reads a text: a moment with an offset, a number in the grammar of JSON, or whatever it is, identifiers of GS1
    /// in canonical form.
    pub fn read(text: &str) -> Self {
        if let Some(moment) = Moment::parse(text) {
            return Self::Moment(moment.ms_utc);
        }
        match number(text) {
            Some(number) => Self::Number(number),
            None => Self::Text(urn::canonical(text).into_owned()),
        }
    }

    /// Reads a value of an extension; `None` for what has no single value. A typed value of JSON-LD is its value.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::read(text)),
            Value::Number(number) => number.as_f64().map(Self::Number),
            Value::Bool(flag) => Some(Self::Text(flag.to_string())),
            Value::Object(members) => match (members.get("@value"), members.get("@id")) {
                (Some(value), _) if !value.is_object() => Self::of(value),
                (None, Some(Value::String(id))) => Some(Self::Text(urn::canonical(id).into_owned())),
                _ => None,
            },
            Value::Null | Value::Array(_) => None,
        }
    }

    /// Whether the value stands so to a bound; values of another sort never do, and texts have no order.
    pub fn stands(&self, comparison: Comparison, bound: &Self) -> bool {
        let order = match (self, bound) {
            (Self::Number(value), Self::Number(bound)) => number_key(*value).cmp(&number_key(*bound)),
            (Self::Moment(value), Self::Moment(bound)) => value.cmp(bound),
            _ => return false,
        };
        match comparison {
            Comparison::Above => order == Ordering::Greater,
            Comparison::AtLeast => order != Ordering::Less,
            Comparison::Below => order == Ordering::Less,
            Comparison::AtMost => order != Ordering::Greater,
        }
    }

    /// Whether two values are the same.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => number_key(*a) == number_key(*b),
            (Self::Text(a), Self::Text(b)) => stored(a) == stored(b),
            _ => self == other,
        }
    }
}

/// A text as it is kept and compared: without U+0000, which no database takes, and a long one by its digest.
pub fn stored(text: &str) -> Cow<'_, str> {
    if text.len() > TEXT_BYTES_MAX {
        let beginning: String = text.chars().take(DIGESTED_BEGINNING).collect();
        let beginning = beginning.replace('\0', "\u{fffd}");
        return Cow::Owned(format!("{beginning}…{}", hex::encode(Sha256::digest(text.as_bytes()))));
    }
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// The same, of a text that is not needed otherwise.
pub(super) fn stored_text(text: String) -> String {
    match stored(&text) {
        Cow::Owned(other) => other,
        Cow::Borrowed(_) => text,
    }
}

/// Integers in the order of the floats that they stand for; both zeros are one.
pub fn number_key(number: f64) -> i64 {
    let bits = if number == 0.0 { 0 } else { number.to_bits().cast_signed() };
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// The number that a text writes in the grammar of JSON, if a float keeps its digits.
fn number(text: &str) -> Option<f64> {
    let begins = text.bytes().next().is_some_and(|first| first == b'-' || first.is_ascii_digit());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if !begins || digits > NUMBER_DIGITS_MAX {
        return None;
    }
    serde_json::from_str::<f64>(text).ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_numbers_moments_or_texts() {
        assert_eq!(Scalar::read("10"), Scalar::Number(10.0));
        assert_eq!(Scalar::read("-1.50e2"), Scalar::Number(-150.0));
        assert_eq!(Scalar::read("1970-01-01T08:00:01+08:00"), Scalar::Moment(1_000));
        for text in ["", "007", "+1", "1.", " 1", "NaN", "4012345678901234567", "true", "２"] {
            assert_eq!(Scalar::read(text), Scalar::Text(text.into()), "{text}");
        }
        assert_eq!(
            Scalar::read("urn:epc:id:sscc:0614141.1234567890"),
            Scalar::read("https://a.example/00/106141412345678908")
        );
    }

    #[test]
    fn typed_values_of_json_ld_are_their_values() {
        assert_eq!(Scalar::of(&json!({ "@type": "xsd:int", "@value": "7" })), Some(Scalar::Number(7.0)));
        assert_eq!(Scalar::of(&json!({ "@id": "urn:x:y" })), Some(Scalar::Text("urn:x:y".into())));
        assert_eq!(Scalar::of(&json!(false)), Some(Scalar::Text("false".into())));
        for value in [json!(null), json!([1]), json!({}), json!({ "a": 1 }), json!({ "@value": {} })] {
            assert_eq!(Scalar::of(&value), None, "{value}");
        }
    }

    #[test]
    fn keys_stand_in_the_order_of_their_numbers() {
        let numbers =
            [f64::NEG_INFINITY, -1e300, -2.5, -1e-300, 0.0, 1e-300, 0.1, 0.2, 1.0, 1e15, f64::INFINITY];
        assert!(numbers.windows(2).all(|pair| number_key(pair[0]) < number_key(pair[1])));
        assert_eq!(number_key(-0.0), number_key(0.0));
    }

    #[test]
    fn sorts_are_never_compared_with_each_other() {
        let (number, moment, text) = (Scalar::Number(1.0), Scalar::Moment(1), Scalar::Text("1".into()));
        for (a, b) in [(&number, &moment), (&moment, &text), (&text, &number), (&text, &text)] {
            assert!(!a.stands(Comparison::AtLeast, b) && !a.stands(Comparison::AtMost, b));
        }
        assert!(number.stands(Comparison::AtLeast, &number) && !number.stands(Comparison::Above, &number));
    }

    #[test]
    fn long_texts_are_told_apart_by_their_digest() {
        let (a, b) = ("字".repeat(600) + "a", "字".repeat(600) + "b");
        assert_ne!(stored(&a), stored(&b));
        assert!(stored(&a).len() <= 64 * 4 + 3 + 64);
        assert_eq!(stored("a\0b"), "a\u{fffd}b");
    }
}
