//! Events on their way out: an EPCISQueryDocument under one context.

use base::{BookId, Seq, Time};
use serde_json::{Map, Value, json};

/// The context of EPCIS 2.0 as published.
const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// An event that was found, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub book: BookId,
    pub seq: Seq,
    /// As it came, with `recordTime` and `eventID`.
    pub event: Map<String, Value>,
    /// The `@context` of the document that it came in.
    pub context: Value,
}

/// What an answer is to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answered<'a> {
    /// The name of the query.
    pub query: &'a str,
    /// The subscription that it is sent for.
    pub subscription: Option<&'a str>,
    /// The identity of the delivery, a UUID: what is sent again has the same.
    pub delivery: Option<&'a str>,
}

impl<'a> Answered<'a> {
    pub fn to(query: &'a str) -> Self {
        Self { query, ..Self::default() }
    }
}

/// An EPCISQueryDocument (EPCIS 2.0, section 8.2.7) with these events, which a query found.
///
/// Its context is the union of theirs. An event whose own terms contradict those of another keeps them with itself.
pub fn document(found: Vec<Found>, answered: Answered<'_>, created: Time) -> Value {
    let mut union = Union { remote: vec![Value::String(STANDARD.into())], terms: Map::new() };
    let mut events = Vec::with_capacity(found.len());
    for Found { mut event, context, .. } in found {
        let mut own = Vec::new();
        for part in parts(context) {
            own.extend(union.add(part));
        }
        if !own.is_empty() {
            own.extend(event.remove("@context").map(parts).unwrap_or_default());
            event.insert("@context".into(), Value::Array(own));
        }
        events.push(Value::Object(event));
    }
    let mut document = json!({
        "@context": union.into_value(),
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": created.to_string(),
        "epcisBody": {
            "queryResults": { "queryName": answered.query, "resultsBody": { "eventList": events } }
        },
    });
    if let Some(subscription) = answered.subscription {
        document["epcisBody"]["queryResults"]["subscriptionID"] = subscription.into();
    }
    if let Some(delivery) = answered.delivery {
        document["id"] = format!("urn:uuid:{delivery}").into();
    }
    document
}

fn parts(context: Value) -> Vec<Value> {
    match context {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

struct Union {
    /// Contexts that are only pointed to.
    remote: Vec<Value>,
    terms: Map<String, Value>,
}

impl Union {
    /// Takes a part of a context in, or gives it back if it would say something else of other events.
    fn add(&mut self, part: Value) -> Option<Value> {
        let Value::Object(terms) = part else {
            if !self.remote.contains(&part) {
                self.remote.push(part);
            }
            return None;
        };
        let fits = |(name, iri): (&String, &Value)| {
            // Keywords such as @vocab speak of every member.
            !name.starts_with('@') && self.terms.get(name).is_none_or(|known| known == iri)
        };
        if !terms.iter().all(fits) {
            return Some(Value::Object(terms));
        }
        self.terms.extend(terms);
        None
    }

    fn into_value(mut self) -> Value {
        if !self.terms.is_empty() {
            self.remote.push(Value::Object(self.terms));
        }
        Value::Array(self.remote)
    }
}

#[cfg(test)]
mod tests {
    use epcis::{Document, Limits, equal_in_meaning};

    use super::*;

    fn sent(context: Value, name: &str) -> Value {
        json!({
            "@context": context, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2021-12-10T00:00:00Z",
            "epcisBody": { "eventList": [{
                "type": "ObjectEvent", "action": "OBSERVE", "eventTime": "2021-12-10T00:00:00Z",
                "eventTimeZoneOffset": "+08:00", "epcList": [format!("urn:epc:id:gid:1.1.{name}")], "ex:grade": name,
            }] },
        })
    }

    fn found(document: &Value) -> Found {
        let event = document["epcisBody"]["eventList"][0].as_object().expect("an event").clone();
        let book = BookId::new("b").expect("a book");
        Found { book, seq: Seq(0), event, context: document["@context"].clone() }
    }

    #[test]
    fn terms_that_contradict_each_other_stay_with_their_events() {
        let one = sent(json!([STANDARD, { "ex": "https://one.example/" }]), "1");
        let two = sent(json!([{ "ex": "https://two.example/" }, STANDARD]), "2");
        let three = sent(
            json!([STANDARD, { "@vocab": "https://three.example/", "ex": "https://one.example/" }]),
            "3",
        );
        let all = [&one, &two, &three];
        let answer =
            document(all.iter().map(|sent| found(sent)).collect(), Answered::to("SimpleEventQuery"), Time(0));
        assert_eq!(answer["@context"], json!([STANDARD, { "ex": "https://one.example/" }]));
        Document::from_value(answer.clone(), &Limits::default()).expect("a valid document");
        for (at, sent) in all.into_iter().enumerate() {
            let mut alone = answer.clone();
            let list = &mut alone["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
            *list = json!([list[at]]);
            assert_eq!(equal_in_meaning(sent, &alone), Ok(()));
        }
    }
}
