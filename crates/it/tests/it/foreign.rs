//! What outside systems say of others, of the house, and how much: no sender has the events, queries or memory of another.

use harness::{Answer, Client, User, on_every_store};
use serde_json::{Value, json};

use crate::epcis::{document, observed, send};

const CAPTURE: &str = "/epcis/capture";
const EVENTS: &str = "/epcis/events";
const LD: &str = "application/ld+json";
const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// Characters of what a refusal repeats, with the sign that something was left out.
const TOLD_CHARS: usize = 301;

fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone()
}

/// A document whose context has more terms.
fn under(terms: Value, events: Value) -> Value {
    let mut document = document("2026-03-10T08:00:00+08:00", events);
    document["@context"] = json!([STANDARD, terms]);
    document
}

/// The pages of a list.
fn pages(client: &Client, path: &str) -> Vec<Answer> {
    let (mut path, mut pages) = (path.to_owned(), Vec::new());
    loop {
        pages.push(client.get(&path).expect(200));
        let link = pages.last().unwrap().header("link").to_owned();
        let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else {
            return pages;
        };
        path = next[next.find("/epcis/").unwrap()..].to_owned();
    }
}

on_every_store! {
    fn refusals_repeat_little_of_a_document_and_jobs_come_in_pages_of_so_many_bytes(town) {
        const DOCUMENTS: usize = 12;
        const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
        let supplier = town.program(User::Supplier);
        let name = format!("ex:{}", "n".repeat(253));
        let nested = (0..27).fold(json!({ "@context": 7 }), |inner, _| json!({ (name.as_str()): inner }));
        let event = |n: usize| observed(n, json!({ (name.as_str()): nested }));
        let sent = document(&town.now(), (0..100).map(event).collect::<Vec<_>>().into());
        let is_short = |problem: &Value| {
            ["field", "detail_zh", "detail_en"].iter().all(|name| {
                let text = problem[name].as_str().unwrap();
                text.chars().count() <= 2 * TOLD_CHARS && !text.is_empty()
            })
        };
        let refused = send(&supplier, &sent).expect(400);
        assert!(refused.bytes.len() < 6_000 && is_short(&refused.json()), "{} bytes", refused.bytes.len());
        assert!(refused.json()["field"].as_str().unwrap().starts_with("epcisBody.eventList[0].ex:nnn"));
        let proceed = supplier.with("gs1-capture-error-behaviour", "proceed");
        let jobs: Vec<String> =
            (0..DOCUMENTS).map(|_| send(&proceed, &sent).expect(202).header("location").to_owned()).collect();
        let job = supplier.get(&jobs[0]).expect(200).json();
        let errors = job["errors"].as_array().unwrap();
        assert!(errors.len() == 100 && errors.iter().all(is_short), "{}", errors[0]);
        let mut listed = Vec::new();
        for page in pages(&supplier, &format!("{CAPTURE}?perPage=1000")) {
            assert!(page.bytes.len() <= PAGE_BYTES_MAX, "a page of {} bytes", page.bytes.len());
            let names = page.json().as_array().unwrap().iter().map(|job| job["captureID"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
            listed.extend(names);
        }
        let mut sent: Vec<String> = jobs.iter().map(|job| job.rsplit('/').next().unwrap().to_owned()).collect();
        sent.sort();
        sent.reverse();
        assert_eq!(listed, sent);
        // What has a few refusals is listed at once.
        let few = document(&town.now(), json!([observed(1, json!({})), event(2)]));
        (0..20).for_each(|_| { send(&proceed, &few).expect(202); });
        assert_eq!(supplier.get(&format!("{CAPTURE}?perPage=20")).expect(200).json().as_array().unwrap().len(), 20);
    }

    fn what_one_sender_declares_says_nothing_of_the_events_of_others(town) {
        let (ours, theirs, tracer) = (town.program(User::Supplier), town.program(User::Supplier), town.program(User::Tracer));
        let id = "urn:uuid:6b8c0a3e-3f0f-4f0c-8a5a-4a1d5b7c9e11";
        let victim = observed(1, json!({ "eventID": id, "epcList": ["tag:acme,2026:crate-7"], "tag:acme,2026:weight": 12, "ex:grade": "A" }));
        send(&ours, &document(&town.now(), json!([victim]))).expect(202);
        let evil = "https://evil.example/";
        let hostile = under(json!({ "tag": evil, "ex": evil }), json!([observed(2, json!({ "eventID": "urn:uuid:2", "tag:x": 1 }))]));
        send(&theirs, &hostile).expect(202);
        let page = tracer.get(EVENTS);
        let found = events(&page);
        assert!(!page.json()["@context"].to_string().contains("evil"), "{}", page.json()["@context"]);
        let of = |id: &str| found.iter().find(|event| event["eventID"] == id).unwrap();
        assert!(of("urn:uuid:2").to_string().contains("evil") && !of(id).to_string().contains("evil"), "{found:?}");
        assert!(of(id)["@context"].to_string().contains("https://ns.example/"), "{}", of(id));
        let in_xml = tracer.with("accept", "application/xml").get(EVENTS).expect(200).text();
        let of_victim = in_xml.split("<ObjectEvent").find(|event| event.contains(id)).unwrap();
        assert!(!of_victim.contains("evil"), "{of_victim}");
        let head = in_xml.split("<ObjectEvent").next().unwrap();
        assert!(!head.contains("evil"), "{head}");
        // Of one context for all it says so once.
        let alone = ours.get(EVENTS);
        assert_eq!(alone.json()["@context"], json!([STANDARD, { "ex": "https://ns.example/" }]));
        assert_eq!(events(&alone)[0]["@context"], Value::Null);
        // How identifiers begin, and what events are called, is for nobody to say.
        let before = town.fingerprint();
        for term in ["urn", "http", "https", "ni", "ObjectEvent", "EPCISDocument"] {
            let event = observed(3, json!({}));
            let refused = send(&theirs, &under(json!({ (term): evil }), json!([event]))).expect(400).json();
            assert_eq!(refused["type"], "epcisException:ValidationException", "{term}: {refused}");
            let within = observed(3, json!({ "@context": { (term): { "@id": evil } } }));
            send(&theirs, &under(json!({}), json!([within]))).expect(400);
        }
        assert_eq!(town.fingerprint(), before);
        town.check();
    }
}
