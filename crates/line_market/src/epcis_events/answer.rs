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
/// A context that all of them have stands once, around them. Where theirs differ each keeps its own with itself: what one
/// sender declares says nothing of the events of another.
pub fn document(mut found: Vec<Found>, answered: Answered<'_>, created: Time) -> Value {
    let own: Vec<Vec<Value>> =
        found.iter_mut().map(|found| parts(std::mem::take(&mut found.context))).collect();
    let is_one = own.windows(2).all(|pair| pair[0] == pair[1]);
    // What is captured no longer stays where it was, for the document names things of its own.
    let around = own.first().filter(|parts| is_one && parts.iter().all(epcis::context::is_taken));
    let around = around.cloned().unwrap_or_default();
    let mut events = Vec::with_capacity(found.len());
    for (Found { mut event, .. }, mut own) in found.into_iter().zip(own) {
        if around.is_empty() && !own.is_empty() {
            own.extend(event.remove("@context").map(parts).unwrap_or_default());
            event.insert("@context".into(), Value::Array(own));
        }
        events.push(Value::Object(event));
    }
    let context: Vec<Value> = std::iter::once(Value::from(STANDARD)).chain(around).collect();
    let mut document = json!({
        "@context": context,
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

/// What a context has beside that of the standard, which stands around all events.
fn parts(context: Value) -> Vec<Value> {
    let mut parts = match context {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    parts.retain(|part| part.as_str() != Some(STANDARD));
    parts
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

    fn answer(all: &[&Value]) -> Value {
        document(all.iter().map(|sent| found(sent)).collect(), Answered::to("SimpleEventQuery"), Time(0))
    }

    #[test]
    fn contexts_that_differ_stay_with_their_events() {
        let one = sent(json!([STANDARD, { "ex": "https://one.example/" }]), "1");
        let two = sent(json!([{ "ex": "https://two.example/" }, STANDARD]), "2");
        let three = sent(
            json!([STANDARD, { "@vocab": "https://three.example/", "ex": "https://one.example/" }]),
            "3",
        );
        let all = [&one, &two, &three];
        let answer = answer(&all);
        assert_eq!(answer["@context"], json!([STANDARD]));
        Document::from_value(answer.clone(), &Limits::default()).expect("a valid document");
        for (at, sent) in all.into_iter().enumerate() {
            let mut alone = answer.clone();
            let list = &mut alone["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
            *list = json!([list[at]]);
            assert_eq!(equal_in_meaning(sent, &alone), Ok(()));
        }
    }

    #[test]
    fn one_context_of_all_stands_around_them_unless_it_says_how_identifiers_begin() {
        for (term, around) in
            [("ex", json!([STANDARD, { "ex": "https://one.example/" }])), ("urn", json!([STANDARD]))]
        {
            let terms = json!({ (term): "https://one.example/" });
            let (one, two) = (sent(json!([STANDARD, terms]), "1"), sent(json!([terms, STANDARD]), "2"));
            let answer = answer(&[&one, &two]);
            assert_eq!(answer["@context"], around);
            let events = &answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
            assert_eq!(events[1]["@context"], if term == "ex" { Value::Null } else { json!([terms]) });
        }
    }
}
