use base::SubjectId;
use base::limits::SUBJECTS_MAX;
use epcis::{Document, Limits, equal_in_meaning};
use kernel::AppendError;
use line_market::epcis_events::{self, EventOutcome, Mode};
use line_market::refusal::{Code, Refusal};
use serde_json::{Value, json};
use trace::Direction;

use crate::bench::{Bench, document, examples, observed, sights, time};

const EPC: &str = "urn:epc:id:sgtin:0614141.112345.400";
const LINK: &str = "https://shop.example/01/10614141123459/21/400";

fn refused(bench: &Bench, book: &base::BookId, document: &Value) -> Refusal {
    match bench.capture(book, document, Mode::Rollback) {
        Err(AppendError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_published_documents_come_back_with_the_same_meaning_and_are_captured_once() {
    let examples = examples();
    let bench = Bench::new();
    let mut books = Vec::new();
    for (at, (path, sent)) in examples.iter().enumerate() {
        // Some examples give one ID to different events, so each has a book of its own.
        let book = bench.open(&format!("b{at}"));
        let path = path.display();
        let count = Document::from_value(sent.clone(), &Limits::default()).unwrap().events.len();
        let outcome = bench.capture(&book, sent, Mode::Rollback).unwrap_or_else(|e| panic!("{path}: {e:?}"));
        assert_eq!(outcome.events.len(), count, "{path}");
        let again = bench.capture(&book, sent, Mode::Rollback).unwrap();
        let known = |event: &EventOutcome| matches!(event, EventOutcome::Known { .. });
        assert!(again.events.iter().all(known), "{path}: {again:?}");

        let page = bench.query(std::slice::from_ref(&book), &[("perPage", "1000")]);
        assert_eq!((page.items.len(), &page.next), (count, &None), "{path}");
        let answer = epcis_events::document(
            page.items,
            epcis_events::Answered::to("SimpleEventQuery"),
            bench.kernel.now(),
        );
        Document::from_value(answer.clone(), &Limits::default()).unwrap_or_else(|e| panic!("{path}: {e}"));
        let sent_events = document_of_events(sent);
        equal_in_meaning(&sent_events, &answer).unwrap_or_else(|difference| panic!("{path}: {difference}"));

        let mut single = Vec::new();
        for outcome in &outcome.events {
            let EventOutcome::Recorded { event_id, .. } = outcome else { panic!("{path}: {outcome:?}") };
            let found = bench
                .kernel
                .read(|tx| epcis_events::with_id(tx, &sights(std::slice::from_ref(&book)), event_id, &|_| 0))
                .unwrap()
                .unwrap();
            assert_eq!(found.len(), 1, "{path}: {event_id}");
            single.extend(found);
        }
        let answer = epcis_events::document(
            single,
            epcis_events::Answered::to("SimpleEventQuery"),
            bench.kernel.now(),
        );
        equal_in_meaning(&sent_events, &answer).unwrap_or_else(|difference| panic!("{path}: {difference}"));
        books.push(book);
    }
    assert!(examples.is_empty() || examples.len() == 47, "{} examples", examples.len());
    let all = bench.ids(&books, &[("perPage", "7"), ("orderDirection", "ASC")]).len();
    assert_eq!(all, bench.query(&books, &[("perPage", "1000")]).items.len());
    bench.check();
}

/// Query documents are compared with their envelopes; what is captured is the events.
fn document_of_events(sent: &Value) -> Value {
    let mut sent = sent.clone();
    if let Some(results) = sent["epcisBody"].get("queryResults") {
        let list = results["resultsBody"]["eventList"].clone();
        sent["epcisBody"] = json!({ "eventList": list });
        sent["type"] = "EPCISDocument".into();
    }
    sent
}

#[test]
fn an_event_without_an_id_is_given_its_hash_and_is_the_same_event_under_it() {
    let (bench, book) = Bench::with_book("b");
    let bare = document(vec![observed(EPC, json!({ "ex:grade": "A" }))]);
    assert_eq!(bench.capture_new(&book, &bare), 1);
    let answer = epcis_events::document(
        bench.query(std::slice::from_ref(&book), &[]).items,
        epcis_events::Answered::to("SimpleEventQuery"),
        bench.kernel.now(),
    );
    let event = &answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0];
    assert!(event["eventID"].as_str().unwrap().starts_with("ni:///sha-256;"), "{event}");
    assert_eq!(event["recordTime"], "2026-03-01T00:00:00.000Z");
    // Once more as it was sent, as it came back, and in other spellings.
    let spelled = json!({ "ex:grade": "A", "eventTime": "2026-02-01T00:00:00.000Z", "bizStep": "https://ref.gs1.org/cbv/BizStep-shipping" });
    for again in [&bare, &answer, &document(vec![observed(LINK, spelled)])] {
        assert_eq!(bench.capture_new(&book, again), 0);
    }
    assert_eq!(bench.capture_new(&book, &document(vec![observed(EPC, json!({ "ex:grade": "B" }))])), 1);
}

#[test]
fn the_id_of_another_event_is_a_conflict_in_the_book_and_in_the_document() {
    let (bench, book) = Bench::with_book("b");
    let event = |grade: &str| observed(EPC, json!({ "eventID": "urn:uuid:1", "ex:grade": grade }));
    let other = observed(EPC, json!({ "eventID": "urn:uuid:2" }));
    let refusal = refused(&bench, &book, &document(vec![other.clone(), event("A"), event("B")]));
    assert_eq!((refusal.code, refusal.index, refusal.field.as_str()), (Code::Exists, Some(2), "eventID"));
    assert_eq!(
        bench.query(std::slice::from_ref(&book), &[]).items.len(),
        0,
        "nothing of the document is recorded"
    );
    assert_eq!(bench.capture_new(&book, &document(vec![event("A"), event("A")])), 1);
    let refusal = refused(&bench, &book, &document(vec![other.clone(), event("B")]));
    assert_eq!((refusal.code, refusal.index), (Code::Exists, Some(1)));
    let outcome =
        bench.capture(&book, &document(vec![event("A"), event("B"), other]), Mode::Proceed).unwrap();
    assert!(
        matches!(
            outcome.events.as_slice(),
            [
                EventOutcome::Known { index: 0, .. },
                EventOutcome::Refused(Refusal { index: Some(1), .. }),
                EventOutcome::Recorded { index: 2, .. }
            ]
        ),
        "{outcome:?}"
    );
    bench.check();
}

#[test]
fn a_declaration_of_an_error_stands_beside_the_event_with_its_id() {
    let (bench, book) = Bench::with_book("b");
    let event = observed(EPC, json!({ "eventID": "urn:uuid:1" }));
    let mut declared = event.clone();
    declared["errorDeclaration"] =
        json!({ "declarationTime": "2026-02-02T00:00:00Z", "reason": "incorrect_data" });
    assert_eq!(bench.capture_new(&book, &document(vec![event.clone()])), 1);
    assert_eq!(bench.capture_new(&book, &document(vec![declared.clone()])), 1);
    assert_eq!(bench.capture_new(&book, &document(vec![declared, event])), 0);
    assert_eq!(bench.ids(&[book], &[("EQ_eventID", "urn:uuid:1")]), ["urn:uuid:1"; 2]);
}

#[test]
fn what_cannot_be_kept_is_refused_by_name_and_does_not_hold_up_the_others() {
    let (bench, book) = Bench::with_book("b");
    let things: Vec<String> =
        (0..=SUBJECTS_MAX).map(|n| format!("urn:epc:id:sgtin:0614141.112345.{n}")).collect();
    // One thing in two spellings is one thing.
    let twice: Vec<String> =
        things[1..].iter().cloned().chain(["https://id.gs1.org/01/10614141123459/21/1".into()]).collect();
    let events = vec![
        observed(EPC, json!({ "epcList": things })),
        observed(EPC, json!({ "eventTime": "2026-03-01T00:05:01Z" })),
        observed(EPC, json!({ "eventTime": "1969-12-31T00:00:00Z" })),
        observed(EPC, json!({ "ex:count": { "ex:of": [9_007_199_254_740_993_u64] } })),
        observed(EPC, json!({ "epcList": [format!("urn:ex:{}", "x".repeat(300))] })),
        observed(EPC, json!({ "epcList": twice })),
        observed(EPC, json!({ "eventTime": "2026-03-01T00:04:59Z" })),
    ];
    let outcome = bench.capture(&book, &document(events), Mode::Proceed).unwrap();
    let told: Vec<(Option<Code>, &str)> = outcome
        .events
        .iter()
        .map(|event| match event {
            EventOutcome::Refused(refusal) => (Some(refusal.code), refusal.field.as_str()),
            _ => (None, ""),
        })
        .collect();
    let expected = [
        (Some(Code::Body), "epcList"),
        (Some(Code::FutureTime), "eventTime"),
        (Some(Code::Body), "eventTime"),
        (Some(Code::Body), "ex:count"),
        (Some(Code::Body), "epcList"),
        (None, ""),
        (None, ""),
    ];
    assert_eq!(told, expected);
    let EventOutcome::Refused(Refusal { detail, .. }) = &outcome.events[0] else { panic!() };
    assert!(detail.contains("256"), "{detail}");
    bench.check();
}

#[test]
fn a_transformation_joins_traces_through_a_lot_that_was_received_under_another_spelling() {
    let (bench, book) = Bench::with_book("beiyuan");
    let farm = bench.open("farm");
    bench.furnish(&book);
    let made = json!({
        "type": "TransformationEvent", "bizStep": "commissioning", "eventTime": "2026-02-01T08:00:00+08:00",
        "eventTimeZoneOffset": "+08:00",
        "inputQuantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.field7" }],
        "outputQuantityList": [{ "epcClass": "https://farm.example/01/04012345123456/10/crate9?17=260301", "quantity": 100, "uom": "KGM" }],
    });
    assert_eq!(bench.capture_new(&farm, &document(vec![made])), 1);
    bench.receive(&book, "L1", Some("urn:epc:class:lgtin:4012345.012345.crate9"));
    let walk = |from: &str, direction| {
        let walk = bench.kernel.walk(&SubjectId::new(from).unwrap(), direction).unwrap();
        walk.steps.into_iter().map(|step| step.subject.as_str().to_owned()).collect::<Vec<_>>()
    };
    let [field, crate_, lot] = [
        "https://id.gs1.org/01/04012345123456/10/field7",
        "https://id.gs1.org/01/04012345123456/10/crate9",
        "lot:beiyuan/L1",
    ];
    assert_eq!(walk(field, Direction::Forward), [field, crate_, lot]);
    assert_eq!(walk(lot, Direction::Backward), [lot, crate_, field]);
    bench.check();
}

#[test]
fn parts_of_one_transformation_join_by_its_id() {
    let (bench, book) = Bench::with_book("plant");
    let part = |members: Value| {
        let mut event = json!({
            "type": "TransformationEvent", "eventTime": "2026-02-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
            "transformationID": "urn:epc:id:gdti:0614141.12345.400",
        });
        members.as_object().unwrap().iter().for_each(|(name, value)| event[name] = value.clone());
        event
    };
    let events = vec![
        part(json!({ "inputEPCList": ["urn:epc:id:gid:1.1.1"] })),
        part(json!({ "outputEPCList": ["urn:epc:id:gid:1.1.2"] })),
    ];
    assert_eq!(bench.capture_new(&book, &document(events)), 2);
    let walk =
        bench.kernel.walk(&SubjectId::new("urn:epc:id:gid:1.1.1").unwrap(), Direction::Forward).unwrap();
    assert_eq!(walk.steps.last().unwrap().subject.as_str(), "urn:epc:id:gid:1.1.2");
    let by_id = [("EQ_transformationID", "https://id.gs1.org/253/0614141123452400")];
    assert_eq!(bench.ids(&[book], &by_id).len(), 2);
    assert!(time("2026-02-01T00:00:00Z") < bench.kernel.now());
}
