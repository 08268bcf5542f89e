//! The canonical form of JSON (RFC 8785), printed without the detours of a general serializer: bodies and heads are
//! most of what the writer and those who prepare its work print.

use std::fmt::Write;

use serde_json::{Map, Number, Value};

use crate::{BodyError, jcs};

/// Integers beyond are no exact doubles, which is what the canonical form prints.
const EXACT_MAX: u64 = 1 << 53;

/// Appends the canonical form of a value.
pub fn push_value(out: &mut String, value: &Value) -> Result<(), BodyError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => push_number(out, number)?,
        Value::String(text) => push_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_value(out, item)?;
            }
            out.push(']');
        }
        Value::Object(members) => push_members(out, members)?,
    }
    Ok(())
}

/// Appends the canonical form of an object.
pub fn push_members(out: &mut String, members: &Map<String, Value>) -> Result<(), BodyError> {
    out.push('{');
    for (at, (name, value)) in in_order(members).iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_text(out, name);
        out.push(':');
        push_value(out, value)?;
    }
    out.push('}');
    Ok(())
}

/// Appends a JSON string as RFC 8785 section 3.2.2.2 has it.
pub fn push_text(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push_str(text);
    } else {
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{8}' => out.push_str("\\b"),
                '\t' => out.push_str("\\t"),
                '\n' => out.push_str("\\n"),
                '\u{c}' => out.push_str("\\f"),
                '\r' => out.push_str("\\r"),
                c if u32::from(c) < 0x20 => {
                    let _infallible = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
    }
    out.push('"');
}

fn push_number(out: &mut String, number: &Number) -> Result<(), BodyError> {
    match number.as_i64().filter(|whole| whole.unsigned_abs() <= EXACT_MAX) {
        Some(whole) => {
            let _infallible = write!(out, "{whole}");
        }
        None => out.push_str(&jcs(number)?),
    }
    Ok(())
}

/// Members in the order of their names' UTF-16 code units, which for ASCII is that of their bytes.
fn in_order(members: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut all: Vec<(&str, &Value)> = members.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let is_in_order = all.iter().all(|(name, _)| name.is_ascii()) && all.is_sorted_by_key(|(name, _)| *name);
    if !is_in_order {
        all.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn printed(value: &Value) -> String {
        let mut out = String::new();
        push_value(&mut out, value).unwrap();
        out
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1_000_i64..1_000).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,8}|[\\x00-\\x1f\"\\\\/a]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let name = "[a-z:@]{0,4}|\\PC{0,3}|[\u{e000}-\u{ffff}\u{10000}-\u{10fff}a]{1,2}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((name, inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_text_is_what_a_general_canonicalizer_prints(value in any_json()) {
            prop_assert_eq!(jcs(&value).ok(), Some(printed(&value)));
        }
    }

    #[test]
    fn names_stand_in_the_order_of_their_code_units_and_numbers_as_doubles() {
        let value =
            json!({ "\u{fb33}": 1, "\u{1f600}": 2, "a": [1.0, -0.0, 1e21, 9_007_199_254_740_993_i64, 0.1] });
        assert_eq!(
            printed(&value),
            "{\"a\":[1,0,1e+21,9007199254740992,0.1],\"\u{1f600}\":2,\"\u{fb33}\":1}"
        );
    }
}
