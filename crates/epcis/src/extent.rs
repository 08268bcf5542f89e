//! How long an event is where every name stands written out: the text that is hashed and XML repeat the name of a list, with
//! its namespace, for each of its items, so that a few bytes of JSON come to very many.

use serde_json::{Map, Number, Value};

use crate::context::Context;
use crate::xml::{SHORT_PREFIX_BYTES_MAX, names};

/// Bytes around a name in XML, and of a prefix that is made up.
const AROUND: usize = 5;
const PREFIX: usize = 8;
/// Bytes of a number in any form: a float beyond 64 bits has hundreds of digits where no exponent is written.
const NUMBER: usize = 24;
const LONG_NUMBER: usize = 344;
/// What one more context inside an event counts for each of its terms: they are taken over one by one.
const TERM: usize = 64;

/// Bytes that an event comes to, nearly, under the context of its document. Beyond `max` it is not reckoned to the end: what
/// comes then is more than that.
pub fn extent(event: &Map<String, Value>, context: &Context, max: usize) -> usize {
    let mut extent = Extent { bytes: 0, max };
    extent.object(event, context);
    extent.bytes
}

struct Extent {
    bytes: usize,
    max: usize,
}

impl Extent {
    fn object(&mut self, members: &Map<String, Value>, outer: &Context) {
        let own = members.get("@context");
        if own.is_some() {
            self.bytes += outer.terms_count() * TERM;
        }
        if self.bytes > self.max {
            return;
        }
        let context = outer.with(own);
        for (name, value) in members {
            match name.as_str() {
                "@context" => self.value(0, value, &context),
                _ => self.value(length(name, &context), value, &context),
            }
        }
    }

    /// A value under a name of some length.
    fn value(&mut self, name: usize, value: &Value, context: &Context) {
        if self.bytes > self.max {
            return;
        }
        match value {
            Value::Array(items) => return items.iter().for_each(|item| self.value(name, item, context)),
            Value::Object(members) => self.object(members, context),
            Value::String(text) => self.bytes += escaped(text),
            Value::Number(number) => self.bytes += digits(number),
            Value::Bool(_) | Value::Null => self.bytes += AROUND,
        }
        self.bytes += name;
    }
}

/// Bytes that a name takes with what it names.
fn length(name: &str, context: &Context) -> usize {
    let Some(split) = context.split(name) else { return 2 * names::encode(name).len() + AROUND };
    let prefix = split.prefix.map_or(PREFIX, str::len);
    let prefix = if prefix > SHORT_PREFIX_BYTES_MAX { PREFIX } else { prefix + 1 };
    split.namespace.len() + 2 * (prefix + names::encode(split.local).len()) + AROUND
}

/// Bytes of a text in XML.
fn escaped(text: &str) -> usize {
    text.len() + 5 * text.bytes().filter(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\r')).count()
}

fn digits(number: &Number) -> usize {
    let size = number.as_f64().map_or(0.0, f64::abs);
    if size == 0.0 || (1e-7..1e21).contains(&size) { NUMBER } else { LONG_NUMBER }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::xml::{CbvFormat, Style};
    use crate::{Document, Limits};

    fn event(members: Value) -> Map<String, Value> {
        let mut event = json!({
            "type": "ObjectEvent", "action": "OBSERVE", "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
            "epcList": ["urn:epc:id:sgtin:0614141.112345.1"],
        });
        event.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        event.as_object().expect("an object").clone()
    }

    #[test]
    fn what_is_reckoned_is_what_xml_takes_at_least_and_little_more() {
        let context =
            json!([crate::context::STANDARD, { "p": format!("https://ns.example/{}#", "n".repeat(100)) }]);
        for members in [
            json!({}),
            json!({ "p:a": vec![1; 2_000] }),
            json!({ "p:a b": vec![json!("&\""); 2_000] }),
            json!({ "p:a": vec![json!({ "p:b": [true, false], "p:c": [[1e300, 7.5], "x"] }); 500] }),
            json!({ "epcList": (0..1_000).map(|n| format!("urn:epc:id:sgtin:0614141.112345.{n}")).collect::<Vec<_>>() }),
        ] {
            let event = event(members);
            let reckoned = extent(&event, &Context::read(&context), usize::MAX);
            let document = json!({
                "@context": context, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-10T08:00:00Z",
                "epcisBody": { "eventList": [event] },
            });
            let document = Document::from_value(document, &Limits::default()).expect("a document");
            let printed =
                document.to_xml(&Style { cbv: CbvFormat::WebUri, created: "2026-01-01T00:00:00Z" }).len();
            assert!(reckoned + 1_024 >= printed && reckoned <= 8 * printed, "{reckoned} for {printed}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_reckoned_to_its_end() {
        let context = Context::read(&json!({ "p": "https://ns.example/" }));
        let nested = |n: usize| json!({ "p:x": vec![json!({ "@context": {}, "p:y": 1 }); n] });
        assert!(extent(&event(nested(20_000)), &context, 10_000) < 11_000);
    }
}
