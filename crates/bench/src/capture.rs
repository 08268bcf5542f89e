//! EPCIS documents over HTTP, each acknowledged after fsync.

use std::time::Instant;

use base::{ActorId, BookId};
use epcis::{Document, Limits};
use kernel::Kernel;
use line_market::epcis_events::{self, Mode};
use serde_json::{Value, json};

use crate::Plan;
use crate::client::Client;
use crate::ground::Ground;
use crate::server::Server;
use crate::stats::{Times, rate};

const EVENTS_PER_DOCUMENT: u64 = 100;
const SENDERS: u64 = 8;

pub fn document(events: Vec<Value>) -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T00:00:00Z",
        "epcisBody": { "eventList": events },
    })
}

/// Captures a document past HTTP.
pub fn capture(kernel: &Kernel, book: &BookId, document: &Value) {
    let document = Document::from_value(document.clone(), &Limits::default()).unwrap();
    let (book, actor) = (book.clone(), ActorId::new("system:bench").unwrap());
    kernel
        .append_blocking(move |desk| epcis_events::capture(desk, &book, &actor, &document, Mode::Rollback))
        .unwrap();
}

pub fn event(n: u64) -> Value {
    json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit",
        "eventID": format!("urn:uuid:{:08x}-0000-4000-9000-{n:012x}", n >> 16),
        "eventTime": "2026-03-10T08:00:00.000+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": [format!("https://id.gs1.org/01/09521371001010/21/{n}")],
        "readPoint": { "id": "https://id.gs1.org/414/9521371000037" },
        "bizLocation": { "id": "https://id.gs1.org/414/9521371000020" },
        "bizTransactionList": [{ "type": "po", "bizTransaction": format!("urn:epcglobal:cbv:bt:9521371000037:{}", n / 10) }],
    })
}

/// Captures events from a number on.
pub fn measure(plan: &Plan, from: u64, ground: &Ground, server: &Server) {
    let documents = (plan.events / EVENTS_PER_DOCUMENT / SENDERS).max(1);
    let started = Instant::now();
    let times = std::thread::scope(|scope| {
        let send = |sender: u64| {
            let mut client = Client::connect(&server.host, ground.suppliers.last().unwrap());
            let mut times = Times::default();
            for at in 0..documents {
                let first = from + (sender * documents + at) * EVENTS_PER_DOCUMENT;
                let body = document((first..first + EVENTS_PER_DOCUMENT).map(event).collect()).to_string();
                let sent = Instant::now();
                let (status, answer) = client.post("/epcis/capture", "application/ld+json", body.as_bytes());
                times.add(sent.elapsed());
                assert!(status < 300, "{status} {}", String::from_utf8_lossy(answer));
            }
            times
        };
        let senders: Vec<_> = (0..SENDERS).map(|sender| scope.spawn(move || send(sender))).collect();
        let mut times = Times::default();
        senders.into_iter().for_each(|sender| times.merge(sender.join().unwrap()));
        times
    });
    let (events, took) = (documents * SENDERS * EVENTS_PER_DOCUMENT, started.elapsed());
    println!(
        "EPCIS: {events} events in {:.1} s, {} a second; a document of {EVENTS_PER_DOCUMENT}: {}",
        took.as_secs_f64(),
        rate(events, took),
        times.print()
    );
}
