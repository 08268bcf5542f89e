//! EPCIS over HTTP: what outside systems send, what comes back, and what is refused.

pub mod access;
mod batches;
mod capture;
mod contract;
mod dimensions;
mod formats;
mod hostile;
mod house;
mod lengths;
mod oracle;
mod queries;
pub mod receiver;
mod senders;
mod sockets;
mod standing;
pub mod subscriptions;

use std::path::{Path, PathBuf};

use base::limits::{EVENTS_PER_CAPTURE_MAX, REQUEST_BYTES_MAX};
use base::{BookId, UnitCode};
use epcis::equal_in_meaning;
use harness::{Answer, Client, JSON, Site, Town, User, on_every_store, sale};
use registry::BookOpened;
use serde_json::{Value, json};

const CAPTURE: &str = "/epcis/capture";
const EVENTS: &str = "/epcis/events";
const LD: &str = "application/ld+json";
const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// An EPCISDocument under the standard context and the prefix `ex`.
pub fn document(created: &str, events: Value) -> Value {
    json!({
        "@context": [STANDARD, { "ex": "https://ns.example/" }], "type": "EPCISDocument", "schemaVersion": "2.0",
        "creationDate": created, "epcisBody": { "eventList": events },
    })
}

/// An event that observes a thing; the members given come on top.
pub fn observed(serial: usize, members: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping", "eventTime": "2026-03-01T08:00:00+08:00",
        "eventTimeZoneOffset": "+08:00", "epcList": [format!("urn:epc:id:sgtin:0614141.112345.{serial}")],
    });
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn without(mut event: Value, name: &str) -> Value {
    event.as_object_mut().unwrap().remove(name);
    event
}

fn bare(mut event: Value) -> Value {
    event["@context"] = json!([STANDARD, { "ex": "https://ns.example/" }]);
    event
}

pub fn send(client: &Client, document: &Value) -> Answer {
    client.post_bytes(CAPTURE, LD, document.to_string().as_bytes())
}

/// The events of a query's answer.
pub fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let document = answer.json();
    assert_eq!(document["type"], "EPCISQueryDocument", "{document}");
    document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// A problem document in both languages, under the standard's name.
#[track_caller]
fn problem(answer: &Answer, status: u16, name: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["type"], format!("epcisException:{name}"), "{problem}");
    assert_eq!(problem["status"], status, "{problem}");
    for member in ["title_zh", "title_en", "detail_zh", "detail_en"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
    }
    problem
}

/// A folder of the published material of EPCIS 2.0; `None` where it is absent.
fn published(below: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let root = std::env::var_os("TAIZHANG_CORPORA").map_or(beside, PathBuf::from);
    let folder = root.join("epcis/gs1").join(below);
    if folder.exists() {
        return Some(folder);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is not there", folder.display());
    eprintln!("skipped: {} is not there", folder.display());
    None
}

/// The published examples in one format; none where the material is absent.
fn examples(below: &str, endings: &[&str]) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), Vec::from_iter(published(below)));
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| endings.iter().any(|ending| end == *ending)) {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

/// Only the events: an answer is a document of its own.
fn events_alone(sent: &Value) -> Value {
    let mut sent = sent.clone();
    if let Some(results) = sent["epcisBody"].get("queryResults") {
        let list = results["resultsBody"]["eventList"].clone();
        sent["epcisBody"] = json!({ "eventList": list });
        sent["type"] = "EPCISDocument".into();
    }
    sent
}

fn open_book(town: &Town, book: &str) {
    let opened = BookOpened {
        book: BookId::new(book).unwrap(),
        unit: UnitCode::new("beiyuan-market").unwrap(),
        line: "market".into(),
        title_zh: "账册".into(),
        title_en: "Book".into(),
    };
    town.site.kernel.open_book(&base::ActorId::new("system:test").unwrap(), opened).unwrap();
}
