//! Equality of meaning: what two documents say, however they were written.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Number, Value};

use crate::context::{self, Context};
use crate::document::carried_version;
use crate::moment;
use crate::path::Path;
use crate::urn;
use crate::vocabulary::Vocabulary;

/// The first place where two documents differ in meaning.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{path}: sent {sent}, came back {returned}")]
pub struct Difference {
    /// Path in the normal form.
    pub path: String,
    pub sent: String,
    pub returned: String,
}

/// Compares what was sent with what came back: documents, query documents, or single events.
///
/// Not compared: the order of members and of unordered lists; spellings (bare words, URIs, URNs, compact IRIs,
/// EPC URNs and Digital Links of any domain, fractions of seconds, offsets of moments, `1` and `1.0`, one
/// value and a list of it, an empty list and none; in members of others, a number and its text, a list in a list
/// and its items, an empty object and an empty text, as the event hash has it; of the version of a document more than two
/// numbers, which one before 2.0, and whether 2.0 is said); `recordTime`, and an `eventID` that only `returned` has; and, where one is an
/// EPCISDocument and the other a query document or event, all but the events, in any order.
pub fn equal_in_meaning(sent: &Value, returned: &Value) -> Result<(), Difference> {
    let one_kind = sent.get("type") == returned.get("type");
    if one_kind && sent.get("epcisBody").is_some() {
        let envelope = |value: &Value| match normalize(&without_body(value)) {
            Value::Object(mut map) => {
                // A query document may leave it out, but not in XML.
                let version = map.entry("schemaVersion").or_insert_with(|| "2.0".into());
                if let Value::String(version) = version {
                    *version = carried_version(version);
                }
                Value::Object(map)
            }
            other => other,
        };
        compare(&envelope(sent), &envelope(returned), &Path::Root)?;
    }
    let (sent, mut returned) = (normal_events(sent), normal_events(returned));
    let path = Path::Root.member("eventList");
    if sent.len() != returned.len() {
        let count = |events: &[Value]| format!("{} events", events.len());
        return Err(Difference { path: path.to_string(), sent: count(&sent), returned: count(&returned) });
    }
    for (i, event) in sent.iter().enumerate() {
        let at = path.item(i);
        let fits = |other: &Value| compare_event(event, other, &at);
        let place = if one_kind { 0 } else { returned.iter().position(|o| fits(o).is_ok()).unwrap_or(0) };
        fits(&returned.remove(place))?;
    }
    Ok(())
}

/// The same of two events that were sent, each under the context of its document.
pub fn equal_events(
    (sent, context): (&Map<String, Value>, &Context),
    (other, other_context): (&Map<String, Value>, &Context),
) -> Result<(), Difference> {
    compare_event(&normalize_event(sent, context), &normalize_event(other, other_context), &Path::Root)
}

fn without_body(document: &Value) -> Value {
    let members = document.as_object().into_iter().flatten().filter(|(name, _)| *name != "epcisBody");
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A document or event in the one form in which it is compared; it is an event only in meaning, not for sending.
///
/// Members of extensions carry whole IRIs, standard vocabularies bare words, GS1 keys canonical Digital Links;
/// moments are in UTC; unordered lists are sorted; `@context` is resolved and left out.
pub fn normalize(value: &Value) -> Value {
    let context = value.get("@context").map(Context::read).unwrap_or_default();
    Normal { context: &context, depth: 0 }.value("", value)
}

/// The same, under the context of the document that holds the event.
pub fn normalize_event(event: &Map<String, Value>, context: &Context) -> Value {
    let context = context.with(event.get("@context"));
    Normal { context: &context, depth: 0 }.object("eventList", event)
}

fn events_of(value: &Value) -> Vec<&Value> {
    let body = value.get("epcisBody");
    let results = body.and_then(|body| body.get("queryResults")).and_then(|r| r.get("resultsBody"));
    let list = results.or(body).and_then(|holder| holder.get("eventList")).and_then(Value::as_array);
    match (body, list) {
        (_, Some(list)) => list.iter().collect(),
        (Some(_), None) => Vec::new(),
        (None, None) => vec![value],
    }
}

fn normal_events(value: &Value) -> Vec<Value> {
    let context = value.get("@context").map(Context::read).unwrap_or_default();
    let normal = |event: &Value| match event {
        Value::Object(map) => normalize_event(map, &context),
        other => other.clone(),
    };
    events_of(value).into_iter().map(normal).collect()
}

fn compare_event(sent: &Value, returned: &Value, path: &Path) -> Result<(), Difference> {
    let mut returned = returned.clone();
    if let (None, Some(map)) = (sent.get("eventID"), returned.as_object_mut()) {
        map.remove("eventID");
    }
    compare(sent, &returned, path)
}

fn compare(sent: &Value, returned: &Value, path: &Path) -> Result<(), Difference> {
    match (sent, returned) {
        (Value::Object(a), Value::Object(b)) => {
            for (name, value) in a {
                let other = b.get(name).unwrap_or(&Value::Null);
                if !b.contains_key(name) || value != other {
                    compare(value, other, &path.member(name))?;
                }
            }
            match b.iter().find(|(name, _)| !a.contains_key(*name)) {
                Some((name, value)) => Err(difference(&path.member(name), &"nothing", value)),
                None => Ok(()),
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().try_for_each(|(i, (a, b))| compare(a, b, &path.item(i)))
        }
        (a, b) if a == b => Ok(()),
        (a, b) => Err(difference(path, a, b)),
    }
}

fn difference(path: &Path, sent: &dyn fmt::Display, returned: &dyn fmt::Display) -> Difference {
    Difference { path: path.to_string(), sent: sent.to_string(), returned: returned.to_string() }
}

/// Depth below which nothing is normalised: parsed documents never get there.
const DEPTH_MAX: usize = 128;

/// Lists whose order says nothing (the published JSON-LD context gives them no `@list`).
const UNORDERED: &[&str] = &[
    "epcList",
    "childEPCs",
    "inputEPCList",
    "outputEPCList",
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputQuantityList",
    "bizTransactionList",
    "sourceList",
    "destinationList",
    "sensorElementList",
    "sensorReport",
    "set",
    "unset",
    "correctiveEventIDs",
    "certificationInfo",
];

/// Whether an empty list of this name says what none does.
fn may_be_left_out(holder: &str, name: &str) -> bool {
    UNORDERED.contains(&name)
        || matches!(
            (holder, name),
            ("epcisMasterData", "vocabularyList") | ("vocabularyList", "vocabularyElementList")
        )
        || holder == "vocabularyElementList" && matches!(name, "attributes" | "children")
}

const TIMES: &[&str] =
    &["eventTime", "time", "startTime", "endTime", "declarationTime", "creationDate", "recordTime"];

/// Members whose type is a standard vocabulary; the meaning of `type` depends on what holds it.
fn vocabulary(holder: &str, name: &str) -> Option<Vocabulary> {
    Some(match (holder, name) {
        (_, "bizStep") => Vocabulary::BizStep,
        (_, "disposition" | "set" | "unset") => Vocabulary::Disposition,
        ("bizTransactionList", "type") => Vocabulary::BizTransactionType,
        ("sourceList" | "destinationList", "type") => Vocabulary::SourceDestinationType,
        ("errorDeclaration", "reason") => Vocabulary::ErrorReason,
        ("sensorReport", "type") => Vocabulary::Measurement,
        ("sensorReport", "exception") => Vocabulary::SensorAlert,
        ("sensorReport", "component") => Vocabulary::SensorComponent,
        _ => return None,
    })
}

struct Normal<'a> {
    context: &'a Context,
    depth: usize,
}

impl Normal<'_> {
    fn deeper(&self) -> Self {
        Normal { context: self.context, depth: self.depth + 1 }
    }

    fn value(&self, name: &str, value: &Value) -> Value {
        match value {
            _ if self.depth > DEPTH_MAX => value.clone(),
            Value::Object(map) => self.deeper().object(name, map),
            Value::Array(items) => self.list(name, items.iter().map(|item| self.deeper().value(name, item))),
            Value::String(text) => Value::String(self.text("", name, text)),
            Value::Number(number) => Value::String(number_text(number)),
            other => other.clone(),
        }
    }

    fn object(&self, holder: &str, map: &Map<String, Value>) -> Value {
        let mut members = BTreeMap::new();
        for (written, value) in map {
            let name = self.member_name(written);
            let value = match value {
                _ if written == "@context" || name == "recordTime" => continue,
                Value::Array(items) if items.is_empty() && may_be_left_out(holder, &name) => continue,
                value
                    if self.context.is_extension(written)
                        || (holder, &*name) == ("attributes", "attribute") =>
                {
                    match self.extension(value) {
                        Some(value) => value,
                        None => continue,
                    }
                }
                Value::String(text) => Value::String(self.text(holder, &name, text)),
                other => self.value(&name, other),
            };
            // A header that says nothing is as good as none.
            let is_empty = value.as_object().is_some_and(Map::is_empty);
            if is_empty && matches!(&*name, "epcisHeader" | "epcisMasterData") {
                continue;
            }
            members.insert(name, value);
        }
        Value::Object(members.into_iter().collect())
    }

    /// A value of others; `None` where it says nothing.
    fn extension(&self, value: &Value) -> Option<Value> {
        Some(match value {
            _ if self.depth > DEPTH_MAX => value.clone(),
            Value::Null => return None,
            Value::Bool(value) => Value::String(value.to_string()),
            Value::Number(number) => Value::String(number_text(number)),
            Value::String(text) => Value::String(self.text("", "", text)),
            Value::Array(_) => {
                let mut items = Vec::new();
                self.flatten(value, &mut items);
                match items.len() {
                    0 | 1 => return items.pop(),
                    _ => Value::Array(items),
                }
            }
            Value::Object(map) => {
                let context = self.context.with(map.get("@context"));
                let inner = Normal { context: &context, depth: self.depth + 1 };
                let mut members = BTreeMap::new();
                for (written, value) in map.iter().filter(|(name, _)| *name != "@context") {
                    let name = inner.member_name(written);
                    members.extend(inner.extension(value).map(|value| (name, value)));
                }
                match members.remove("#text") {
                    text if members.is_empty() => text.unwrap_or_else(|| "".into()),
                    text => {
                        // Beside members, space around a text is how it was laid out.
                        let text = text.as_ref().and_then(Value::as_str).map(str::trim);
                        let text = text.filter(|text| !text.is_empty());
                        members.extend(text.map(|text| ("#text".to_owned(), text.into())));
                        Value::Object(members.into_iter().collect())
                    }
                }
            }
        })
    }

    fn flatten(&self, value: &Value, items: &mut Vec<Value>) {
        match value {
            Value::Array(inner) => inner.iter().for_each(|item| self.deeper().flatten(item, items)),
            other => items.extend(self.deeper().extension(other)),
        }
    }

    fn list(&self, name: &str, items: impl Iterator<Item = Value>) -> Value {
        let mut items: Vec<Value> = items.collect();
        if UNORDERED.contains(&name) {
            items.sort_by_cached_key(Value::to_string);
        }
        // In JSON-LD a value and a list of that one value are the same, except in an ordered list.
        match (name, items.len()) {
            ("eventList", _) => Value::Array(items),
            (_, 1) => items.remove(0),
            _ => Value::Array(items),
        }
    }

    fn member_name(&self, written: &str) -> String {
        match written {
            "@id" => "id".to_owned(),
            "@type" => "type".to_owned(),
            _ => {
                let iri = self.context.expand_name(written);
                iri.strip_prefix(context::EPCIS).unwrap_or(&iri).to_owned()
            }
        }
    }

    fn text(&self, holder: &str, name: &str, text: &str) -> String {
        if let Some(vocabulary) = vocabulary(holder, name) {
            return vocabulary.bare(&self.context.expand(text)).to_owned();
        }
        if TIMES.contains(&name)
            && let Some(exact) = moment::exact(text)
        {
            return format!("{}.{}", exact.seconds_utc, exact.fraction);
        }
        let iri = match name {
            "type" | "id" => self.context.expand(text),
            _ => text.into(),
        };
        // What a link says beyond the identity is kept.
        if iri.contains('?') { iri.into_owned() } else { urn::canonical(&iri).into_owned() }
    }
}

/// A number as its text in XML: without an exponent, a whole one without a fraction, and with one zero.
pub(crate) fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => (float + 0.0).to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", { "ex": "https://ex.example/" }],
            "type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning",
            "eventTime": "2021-12-10T08:31:22.100+08:00", "eventTimeZoneOffset": "+08:00",
            "epcList": ["urn:epc:id:sgtin:0614141.112345.400", "urn:epc:id:sgtin:0614141.112345.401"],
            "quantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 200, "uom": "KGM" }],
            "ex:grade": "A"
        })
    }

    #[test]
    fn spellings_do_not_count() {
        let other = json!({
            "@context": [{ "own": "https://ex.example/" }, "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "own:grade": ["A"], "recordTime": "2021-12-10T00:31:23Z", "eventID": "urn:uuid:1",
            "quantityList": [{ "uom": "KGM", "quantity": 200.0, "epcClass": "https://a.example/01/04012345123456/10/998877" }],
            "epcList": ["https://id.gs1.org/01/10614141123459/21/401", "https://id.gs1.org/01/10614141123459/21/400"],
            "eventTime": "2021-12-10T00:31:22.1Z", "eventTimeZoneOffset": "+08:00",
            "bizStep": "https://ref.gs1.org/cbv/BizStep-commissioning", "action": "ADD", "type": "ObjectEvent"
        });
        assert_eq!(equal_in_meaning(&event(), &other), Ok(()));
    }

    #[test]
    fn every_change_of_a_member_is_found() {
        for (name, value) in [
            ("type", json!("TransactionEvent")),
            ("action", json!("OBSERVE")),
            ("bizStep", json!("receiving")),
            ("eventTime", json!("2021-12-10T08:31:22.1001+08:00")),
            ("eventTimeZoneOffset", json!("+09:00")),
            ("epcList", json!(["urn:epc:id:sgtin:0614141.112345.400"])),
            ("ex:grade", json!("B")),
            ("quantityList", json!([])),
            ("disposition", json!("active")),
            ("ex:more", json!(0)),
        ] {
            let mut changed = event();
            changed[name] = value;
            let difference = equal_in_meaning(&event(), &changed).expect_err(name);
            let written = name.replace("ex:", "https://ex.example/");
            assert!(difference.path.starts_with(&format!("eventList[0].{written}")), "{difference}");
        }
    }

    #[test]
    fn an_event_id_may_be_added_but_not_lost() {
        let mut with_id = event();
        with_id["eventID"] = json!("urn:uuid:1");
        assert_eq!(equal_in_meaning(&event(), &with_id), Ok(()));
        assert!(equal_in_meaning(&with_id, &event()).is_err());
    }

    #[test]
    fn a_query_document_holds_the_captured_events_in_any_order() {
        let bare = |n: i32| json!({ "type": "ObjectEvent", "eventTime": format!("2021-12-1{n}T00:00:00Z") });
        let sent = json!({ "type": "EPCISDocument", "epcisBody": { "eventList": [bare(1), bare(2)] } });
        let answer = |list: Value| json!({ "type": "EPCISQueryDocument", "epcisBody": { "queryResults": { "resultsBody": { "eventList": list } } } });
        assert_eq!(equal_in_meaning(&sent, &answer(json!([bare(2), bare(1)]))), Ok(()));
        assert!(equal_in_meaning(&sent, &answer(json!([bare(2), bare(2)]))).is_err());
        assert!(equal_in_meaning(&sent, &answer(json!([bare(2)]))).is_err());
    }
}
