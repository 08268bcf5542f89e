use std::borrow::Cow;

use serde_json::Value;

use crate::meaning::number_text;

/// A number of `xsd:decimal`, which has no exponent.
pub(super) fn decimal(value: &Value) -> String {
    match value {
        Value::Number(number) => number_text(number),
        other => other.to_string(),
    }
}

pub(in crate::xml) fn scalar(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

pub(in crate::xml) fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(out, value, true);
    out.push('"');
}

pub(in crate::xml) fn text(out: &mut String, value: &str) {
    escape(out, value, false);
}

/// Escapes what would not come back as it is, line ends included.
fn escape(out: &mut String, value: &str, is_attribute: bool) {
    let mut from = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escaped = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' if is_attribute => "&quot;",
            b'\t' if is_attribute => "&#9;",
            b'\n' if is_attribute => "&#10;",
            b'\r' => "&#13;",
            _ => continue,
        };
        out.push_str(&value[from..at]);
        out.push_str(escaped);
        from = at + 1;
    }
    out.push_str(&value[from..]);
}
