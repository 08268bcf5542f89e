use serde_json::{Map, Number, Value};

/// Adds a member; one that is there already becomes a list. A list that stands again becomes an item of it, which no rule takes:
/// as a list of both, each more would lie one level deeper.
pub(super) fn put(members: &mut Map<String, Value>, name: &str, value: Value) {
    match members.get_mut(name) {
        None => {
            members.insert(name.to_owned(), value);
        }
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

/// Adds an item to a member that is a list.
pub(super) fn push(members: &mut Map<String, Value>, name: &str, value: Value) {
    match members.get_mut(name) {
        Some(Value::Array(items)) => items.push(value),
        _ => drop(members.insert(name.to_owned(), Value::Array(vec![value]))),
    }
}

/// A number of XML Schema; the text itself, which no rule takes, if it is none.
pub(super) fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    if let Ok(whole) = text.parse::<u64>() {
        return whole.into();
    }
    let numeric = |c: u8| c.is_ascii_digit() || b"+-.eE".contains(&c);
    let float = text.parse::<f64>().ok().filter(|_| text.bytes().all(numeric));
    float.and_then(Number::from_f64).map_or_else(|| text.into(), Value::Number)
}

/// The content of an element, as what JSON has for its type if that is written just so.
pub(super) fn typed(content: String, written_type: Option<&str>) -> Value {
    let value = match written_type {
        Some("boolean") => match content.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Null,
        },
        Some(
            "integer" | "int" | "long" | "short" | "byte" | "decimal" | "double" | "float"
            | "nonNegativeInteger" | "positiveInteger" | "unsignedInt" | "unsignedLong" | "unsignedShort"
            | "unsignedByte",
        ) => number(&content),
        _ => Value::Null,
    };
    match value {
        Value::Bool(_) => value,
        Value::Number(ref number) if number.to_string() == content => value,
        _ => Value::String(content),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn typed_content_keeps_how_it_was_written() {
        for (written_type, content, value) in [
            ("integer", "10", json!(10)),
            ("integer", "010", json!("010")),
            ("integer", "111100001111000011110000", json!("111100001111000011110000")),
            ("decimal", "12.50", json!("12.50")),
            ("double", "23.0", json!(23.0)),
            ("double", "NaN", json!("NaN")),
            ("boolean", "true", json!(true)),
            ("boolean", "1", json!("1")),
            ("dateTime", "2013-06-08T14:58:56.591Z", json!("2013-06-08T14:58:56.591Z")),
        ] {
            assert_eq!(typed(content.to_owned(), Some(written_type)), value);
        }
        assert_eq!(typed("10".to_owned(), None), json!("10"));
    }
}
