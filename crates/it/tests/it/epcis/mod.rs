//! EPCIS over HTTP: what outside systems send, what comes back, and what is refused.

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
fn observed(serial: usize, members: Value) -> Value {
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

fn send(client: &Client, document: &Value) -> Answer {
    client.post_bytes(CAPTURE, LD, document.to_string().as_bytes())
}

/// The events of a query's answer.
fn events(answer: &Answer) -> Vec<Value> {
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

/// The published JSON examples of EPCIS 2.0; none where the material is absent.
fn examples() -> Vec<(PathBuf, Value)> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let folder = std::env::var_os("TAIZHANG_CORPORA").map_or(beside, PathBuf::from).join("epcis/gs1/JSON");
    if !folder.exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is not there", folder.display());
        eprintln!("skipped: {} is not there", folder.display());
        return Vec::new();
    }
    let (mut found, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "jsonld" || end == "json") {
                let value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                found.push((path, value));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found.len(), 47);
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

on_every_store! {
    fn the_published_documents_come_back_with_the_same_meaning_and_are_captured_once(town) {
        let examples = examples();
        // Some examples give one ID to different events, so each has a book of its own.
        for at in 0..examples.len() {
            open_book(&town, &format!("b{at}"));
        }
        let supplier = town.program(User::Supplier);
        let capture = |at: usize, sent: &Value| supplier.post_bytes(&format!("{CAPTURE}?book=b{at}"), LD, sent.to_string().as_bytes());
        for (at, (path, sent)) in examples.iter().enumerate() {
            let (path, alone) = (path.display(), events_alone(sent));
            let answer = capture(at, sent);
            assert_eq!(answer.status, 202, "{path}: {}", answer.text());
            let job = supplier.get(answer.header("location")).expect(200).json();
            assert_eq!((&job["running"], &job["success"], &job["errors"]), (&json!(false), &json!(true), &json!([])), "{path}");

            let answer = supplier.get(&format!("{EVENTS}?book=b{at}&perPage=1000"));
            let found = events(&answer);
            equal_in_meaning(&alone, &answer.json()).unwrap_or_else(|difference| panic!("{path}: {difference}"));
            let mut single = answer.json();
            let list = &mut single["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
            *list = found.iter().flat_map(|event| {
                let id = encoded(event["eventID"].as_str().unwrap());
                events(&supplier.get(&format!("{EVENTS}/{id}?book=b{at}")))
            }).collect();
            // An ID stands for an event and the declarations of its error, so these come once for each.
            if list.as_array().unwrap().len() == found.len() {
                equal_in_meaning(&alone, &single).unwrap_or_else(|difference| panic!("{path}: {difference}"));
            }
        }
        let before = (!examples.is_empty()).then(|| town.fingerprint());
        for (at, (_, sent)) in examples.iter().enumerate() {
            capture(at, sent).expect(202);
        }
        assert_eq!(before, (!examples.is_empty()).then(|| town.fingerprint()), "captured again, nothing is new");
        town.check();
    }

    fn a_capture_job_tells_what_became_of_a_document_and_outlives_the_server(town) {
        let supplier = town.program(User::Supplier);
        let sent = document(&town.now(), json!([observed(1, json!({})), observed(2, json!({}))]));
        let first = send(&supplier, &sent).expect(202);
        let location = first.header("location").to_owned();
        let expected = json!({
            "captureID": location.strip_prefix("/epcis/capture/").unwrap(), "createdAt": town.now(), "finishedAt": town.now(),
            "running": false, "success": true, "captureErrorBehaviour": "rollback", "errors": [],
        });
        assert_eq!(supplier.get(&location).expect(200).json(), expected);
        for _ in 0..4 {
            town.clock.advance_ms(1_000);
            send(&supplier, &sent).expect(202);
        }
        let (mut told, mut path) = (Vec::new(), format!("{CAPTURE}?perPage=2"));
        loop {
            let page = supplier.get(&path).expect(200);
            told.extend(page.json().as_array().unwrap().clone());
            let link = page.header("link");
            let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else { break };
            path = next.strip_prefix(town.site.base.as_str()).unwrap().to_owned();
        }
        assert_eq!(told.len(), 5);
        assert_eq!(told.last(), Some(&expected), "newest first");
        problem(&supplier.get(&format!("{CAPTURE}?nextPageToken=x")), 400, "QueryParameterException");
        problem(&supplier.get(&format!("{CAPTURE}?perPage=0")), 400, "QueryParameterException");
        problem(&supplier.get(&format!("{CAPTURE}/{}", "0".repeat(32))), 404, "NoSuchResourceException");
        town.check();

        let clock = town.clock.clone();
        let place = town.close();
        let site = Site::serve(&place.config(), place.store(), clock.clone());
        let town = Town { site, clock, place };
        assert_eq!(town.program(User::Supplier).get(&location).expect(200).json(), expected);
    }

    fn foreign_events_join_the_trace_from_a_slip_back_to_the_harvest(town) {
        let harvest = json!([
            { "type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning", "eventTime": "2026-03-08T06:00:00+08:00",
              "eventTimeZoneOffset": "+08:00", "quantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.field7" }] },
            { "type": "TransformationEvent", "bizStep": "commissioning", "eventTime": "2026-03-09T08:00:00+08:00",
              "eventTimeZoneOffset": "+08:00",
              "inputQuantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.field7" }],
              "outputQuantityList": [{ "epcClass": "https://farm.example/01/04012345123456/10/crate9", "quantity": 100, "uom": "KGM" }] },
        ]);
        send(&town.program(User::Supplier), &document(&town.now(), harvest)).expect(202);
        let mut lot = town.lot("L9", 20_000);
        lot["source"] = "urn:epc:class:lgtin:4012345.012345.crate9".into();
        let operator = town.program(User::Operator);
        operator.post("/api/market/beiyuan/entries", &json!({ "kind": "market.lot.received", "body": lot })).expect(201);
        let sold = json!({ "sales": [sale(1, "L9", 500, &town.now())] });
        let receipt = town.program(User::Scale).post("/scale/v1/sales", &sold).expect(200).json();
        let slip = receipt["lines"][0]["slip"].as_str().unwrap();
        let path = format!("/api/trace?subject=slip:beiyuan/{slip}&direction=backward&book=beiyuan");
        let walk = operator.get(&path).expect(200).json();
        let subjects: Vec<&str> = walk["steps"].as_array().unwrap().iter().map(|step| step["subject"].as_str().unwrap()).collect();
        for subject in ["lot:beiyuan/L9", "https://id.gs1.org/01/04012345123456/10/crate9", "https://id.gs1.org/01/04012345123456/10/field7"] {
            assert!(subjects.contains(&subject), "{subject}: {walk}");
        }
        town.check();
    }

    fn one_bad_event_refuses_the_document_unless_it_asks_to_proceed(town) {
        let supplier = town.program(User::Supplier);
        let taken = observed(9, json!({ "eventID": "urn:uuid:taken" }));
        send(&supplier, &document(&town.now(), json!([taken]))).expect(202);
        let all = [
            (without(observed(2, json!({})), "eventTime"), 400, "ValidationException", "body"),
            (observed(2, json!({ "type": "HarvestEvent" })), 400, "ValidationException", "body"),
            (observed(2, json!({ "eventTime": "2026-03-10T09:00:00+08:00" })), 400, "ValidationException", "future-time"),
            (observed(2, json!({ "eventID": "urn:uuid:taken" })), 409, "ResourceAlreadyExistsException", "exists"),
            (observed(2, json!({ "eventID": "entry:xihai/0" })), 409, "ResourceAlreadyExistsException", "exists"),
        ];
        for (bad, status, name, rule) in &all {
            let before = town.fingerprint();
            let jobs = supplier.get(CAPTURE).json();
            let sent = document(&town.now(), json!([observed(1, json!({})), bad, observed(3, json!({}))]));
            let refused = problem(&send(&supplier, &sent), *status, name);
            assert_eq!(refused["index"], 1, "{refused}");
            assert_eq!(problem(&send(&supplier.with("gs1-capture-error-behaviour", "rollback"), &sent), *status, name), refused);
            assert_eq!((town.fingerprint(), supplier.get(CAPTURE).json()), (before, jobs), "nothing of it is recorded: {bad}");
            let job = send(&supplier.with("gs1-capture-error-behaviour", "proceed"), &sent).expect(202);
            let job = supplier.get(job.header("location")).expect(200).json();
            assert_eq!((&job["success"], &job["captureErrorBehaviour"]), (&json!(false), &json!("proceed")));
            let errors = job["errors"].as_array().unwrap();
            assert_eq!(errors.len(), 1, "{job}");
            assert_eq!((&errors[0]["index"], &errors[0]["rule"]), (&json!(1), &json!(rule)), "{job}");
            assert_eq!(errors[0]["type"], format!("epcisException:{name}"), "{job}");
        }
        assert_eq!(events(&supplier.get(EVENTS)).len(), 3, "the good ones, once");
        town.check();
    }

    fn what_the_goods_of_the_house_came_from_and_became_is_for_its_own_entries_to_tell(town) {
        let supplier = town.program(User::Supplier);
        let slip = line_market::kinds::SlipSerial { scale: 1, counter: 1, nonce: 7_919 }.subject(&town.book()).to_string();
        let class = |id: &str| json!([{ "epcClass": id }]);
        let (harvest, lot) = (class("urn:epc:class:lgtin:4012345.012345.field7"), class("lot:beiyuan/L1"));
        let came = |members: Value| {
            let mut event = json!({ "type": "TransformationEvent", "eventTime": "2026-03-09T08:00:00+08:00", "eventTimeZoneOffset": "+08:00" });
            event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            event
        };
        let packed = |members: Value| {
            let mut event = came(members);
            event["type"] = "AggregationEvent".into();
            event["action"] = "ADD".into();
            event
        };
        let before = town.fingerprint();
        for (event, field) in [
            (came(json!({ "inputQuantityList": harvest, "outputQuantityList": lot })), "outputQuantityList"),
            (came(json!({ "inputQuantityList": lot, "outputEPCList": [slip] })), "outputEPCList"),
            (came(json!({ "inputEPCList": [slip], "outputQuantityList": harvest })), "inputEPCList"),
            (came(json!({ "inputQuantityList": harvest, "outputQuantityList": class("lot:xihai/L1") })), "outputQuantityList"),
            (came(json!({ "transformationID": "lot:beiyuan/L1", "outputQuantityList": harvest })), "transformationID"),
            (packed(json!({ "parentID": "lot:beiyuan/L1", "childQuantityList": harvest })), "parentID"),
            (packed(json!({ "parentID": "urn:epc:id:sscc:0614141.1234567890", "childQuantityList": lot })), "childQuantityList"),
            (observed(1, json!({ "action": "ADD", "epcList": ["lot:beiyuan/L1"] })), "epcList"),
            (observed(1, json!({ "epcList": [slip] })), "epcList"),
        ] {
            let refused = problem(&send(&supplier, &document(&town.now(), json!([event]))), 400, "ValidationException");
            assert_eq!((&refused["rule"], &refused["index"]), (&json!("own-subject"), &json!(0)), "{event}");
            assert!(refused["field"].as_str().unwrap().starts_with(field), "{field}: {refused}");
            problem(&supplier.post_bytes(EVENTS, LD, bare(event).to_string().as_bytes()), 400, "ValidationException");
        }
        assert_eq!(town.fingerprint(), before);
        // That a lot was seen or went into something else is for others to tell.
        let told = json!([observed(1, json!({ "epcList": ["lot:beiyuan/L1"] })), came(json!({ "inputQuantityList": lot, "outputQuantityList": harvest }))]);
        send(&supplier, &document(&town.now(), told)).expect(202);
        let receipt = town.program(User::Scale).post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 500, &town.now())] })).expect(200).json();
        assert_eq!(receipt["lines"][0]["outcome"], "recorded", "{receipt}");
        town.check();
    }

    fn what_cannot_be_taken_is_refused_and_changes_no_entry(town) {
        let supplier = town.program(User::Supplier);
        let (anyone, inspector) = (town.program(User::Anonymous), town.program(User::Inspector));
        send(&supplier, &document(&town.now(), json!([observed(1, json!({}))]))).expect(202);
        let before = town.fingerprint();
        let sound = document(&town.now(), json!([observed(2, json!({}))]));
        let text = sound.to_string();
        for body in ["", "{", "[]", "null", &text[1..], &text[..text.len() - 1], &format!("{text}x"), &text.replace("EPCISDocument", "Letter")] {
            problem(&supplier.post_bytes(CAPTURE, LD, body.as_bytes()), 400, "ValidationException");
        }
        problem(&supplier.post_bytes(CAPTURE, LD, &[0xff, 0xfe]), 400, "ValidationException");
        problem(&supplier.post_bytes(CAPTURE, LD, text.replace("shipping", "ship\\u0000ping").as_bytes()), 400, "ValidationException");
        problem(&supplier.post_bytes(CAPTURE, LD, bare(observed(2, json!({}))).to_string().as_bytes()), 400, "ValidationException");
        let deep = text.replace("\"OBSERVE\"", &format!("{}1{}", "[".repeat(200), "]".repeat(200)));
        problem(&supplier.post_bytes(CAPTURE, LD, deep.as_bytes()), 400, "ValidationException");
        for media in ["text/plain", "application/xml", "application/vnd.api+json", ""] {
            problem(&supplier.post_bytes(CAPTURE, media, text.as_bytes()), 415, "UnsupportedMediaTypeException");
        }
        for (name, value, status, exception) in [
            ("gs1-capture-error-behaviour", "all", 400, "ValidationException"),
            ("gs1-capture-error-behaviour", "Proceed", 400, "ValidationException"),
            ("gs1-epcis-version", "1.2", 406, "NotAcceptableException"),
            ("gs1-cbv-version", "two", 406, "NotAcceptableException"),
        ] {
            problem(&send(&supplier.with(name, value), &sound), status, exception);
        }
        let many: Vec<Value> = (0..=EVENTS_PER_CAPTURE_MAX).map(|n| observed(n, json!({}))).collect();
        let answer = send(&supplier, &document(&town.now(), many.into()));
        problem(&answer, 413, "CaptureLimitExceededException");
        assert_eq!(answer.header("gs1-epcis-capture-limit"), EVENTS_PER_CAPTURE_MAX.to_string());
        assert_eq!(answer.header("gs1-epcis-capture-file-size-limit"), REQUEST_BYTES_MAX.to_string());
        assert_eq!(supplier.status_of_promise(CAPTURE, LD, REQUEST_BYTES_MAX as u64 + 1), 413);
        problem(&supplier.post(&format!("{CAPTURE}?books=beiyuan"), &sound), 400, "ValidationException");
        problem(&anyone.post(CAPTURE, &sound), 401, "SecurityException");
        for credential in ["", "tz1_00_00"] {
            anyone.bearer(credential).post(CAPTURE, &sound).expect(401);
        }
        problem(&inspector.post(CAPTURE, &sound), 403, "SecurityException");
        assert_eq!(town.fingerprint(), before);
    }

    fn a_single_event_is_captured_once_and_another_under_its_id_is_a_conflict(town) {
        let supplier = town.program(User::Supplier);
        let event = bare(observed(1, json!({ "eventID": "ni:///sha-256;00?ver=CBV2.0", "ex:grade": "A" })));
        let answer = supplier.post_bytes(EVENTS, LD, event.to_string().as_bytes()).expect(201);
        assert_eq!(answer.header("location"), "/epcis/events/ni%3A%2F%2F%2Fsha-256%3B00%3Fver%3DCBV2.0");
        assert_eq!(answer.json(), event);
        let before = town.fingerprint();
        let again = supplier.post(EVENTS, &event).expect(201);
        assert_eq!(again.header("location"), answer.header("location"));
        let mut other = event.clone();
        other["ex:grade"] = "B".into();
        assert_eq!(problem(&supplier.post(EVENTS, &other), 409, "ResourceAlreadyExistsException")["field"], "eventID");
        problem(&supplier.post(EVENTS, &document(&town.now(), json!([event]))), 400, "ValidationException");
        problem(&supplier.post(EVENTS, &without(event.clone(), "@context")), 400, "ValidationException");
        problem(&supplier.post(EVENTS, &without(event.clone(), "eventTime")), 400, "ValidationException");
        problem(&supplier.post_bytes(EVENTS, "text/plain", event.to_string().as_bytes()), 415, "UnsupportedMediaTypeException");
        assert_eq!(town.fingerprint(), before);
        let found = supplier.get(answer.header("location")).expect(200);
        equal_in_meaning(&event, &found.json()).unwrap();
        let unnamed = supplier.post(EVENTS, &without(event, "eventID")).expect(201);
        assert!(unnamed.json()["eventID"].as_str().unwrap().starts_with("ni:///sha-256;"));
        assert_eq!(events(&supplier.get(unnamed.header("location"))).len(), 1);
        problem(&supplier.get(&format!("{EVENTS}/urn:uuid:none")), 404, "NoSuchResourceException");
    }

    fn a_query_narrows_pages_and_refuses_what_it_does_not_know(town) {
        let supplier = town.program(User::Supplier);
        let many: Vec<Value> = (0..7).map(|n| observed(n, json!({ "eventTime": format!("2026-03-0{}T08:00:00+08:00", n + 1) }))).collect();
        send(&supplier, &document(&town.now(), many.into())).expect(202);
        let narrowed = [
            ("GE_eventTime=2026-03-03T08:00:00%2B08:00", 5), ("GE_eventTime=2026-03-03T08:00:00+08:00&LT_eventTime=2026-03-05T00:00:00Z", 2),
            ("EQ_bizStep=shipping", 7), ("EQ_bizStep=receiving", 0), ("eventType=ObjectEvent&EQ_action=OBSERVE", 7), ("book=beiyuan", 7),
            ("MATCH_anyEPC=urn:epc:id:sgtin:0614141.112345.3", 1), ("MATCH_epc=https://shop.example/01/10614141123459/21/3%7Curn:epc:id:sgtin:0614141.112345.4", 2),
            ("eventCountLimit=3", 3), ("maxEventCount=7", 7),
        ];
        for (query, count) in narrowed {
            assert_eq!(events(&supplier.get(&format!("{EVENTS}?{query}"))).len(), count, "{query}");
        }
        let (mut found, mut path) = (Vec::new(), format!("{EVENTS}?perPage=3&orderDirection=ASC&GE_eventTime=2026-03-02T08:00:00+08:00"));
        loop {
            let page = supplier.get(&path);
            found.extend(events(&page).into_iter().map(|event| event["epcList"][0].clone()));
            let link = page.header("link");
            let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else { break };
            path = next.strip_prefix(town.site.base.as_str()).unwrap().to_owned();
        }
        let expected: Vec<String> = (1..7).map(|n| format!("urn:epc:id:sgtin:0614141.112345.{n}")).collect();
        assert_eq!(found, expected);
        for (query, field) in [
            ("EQ_colour=red", "EQ_colour"), ("EQ_bizStep=eating", "EQ_bizStep"), ("GE_eventTime=yesterday", "GE_eventTime"), ("perPage=0", "perPage"),
            ("perPage=1001", "perPage"), ("nextPageToken=x", "nextPageToken"), ("EQ_action=ADD&EQ_action=ADD", "EQ_action"),
            ("eventCountLimit=1&maxEventCount=1", "eventCountLimit"),
        ] {
            assert_eq!(problem(&supplier.get(&format!("{EVENTS}?{query}")), 400, "QueryParameterException")["field"], field, "{query}");
        }
        problem(&supplier.get(&format!("{EVENTS}?maxEventCount=6")), 413, "QueryTooLargeException");
        problem(&supplier.with("accept", "application/xml").get(EVENTS), 406, "NotAcceptableException");
        problem(&supplier.with("gs1-epc-format", "Always_EPC_URN").get(EVENTS), 406, "NotAcceptableException");
        problem(&supplier.with("gs1-epcis-min", "2.1").get(EVENTS), 406, "NotAcceptableException");
        assert_eq!(supplier.with("accept", LD).get(EVENTS).header("content-type"), LD);
    }

    fn a_document_goes_to_the_only_book_or_the_one_that_is_named(town) {
        let (city, supplier) = (town.program(User::CitySupplier), town.program(User::Supplier));
        let sent = document(&town.now(), json!([observed(1, json!({}))]));
        let before = town.fingerprint();
        let refused = problem(&send(&city, &sent), 400, "ValidationException");
        assert_eq!((&refused["field"], &refused["books"]), (&json!("book"), &json!(["beiyuan", "xihai"])));
        problem(&supplier.post(&format!("{CAPTURE}?book=xihai"), &sent), 403, "SecurityException");
        problem(&city.post(&format!("{CAPTURE}?book=nowhere"), &sent), 404, "NoSuchResourceException");
        assert_eq!(town.fingerprint(), before);
        let location = city.post(&format!("{CAPTURE}?book=xihai"), &sent).expect(202).header("location").to_owned();
        send(&supplier, &document(&town.now(), json!([observed(2, json!({}))]))).expect(202);
        assert_eq!(events(&city.get(EVENTS)).len(), 2);
        assert_eq!(events(&city.get(&format!("{EVENTS}?book=xihai"))).len(), 1);
        assert_eq!(events(&supplier.get(EVENTS)).len(), 1);
        city.get(&location).expect(200);
        problem(&supplier.get(&location), 404, "NoSuchResourceException");
        assert_eq!(city.get(CAPTURE).json().as_array().unwrap().len(), 2);
        // An outside system sees and does nothing else.
        for path in ["/api/market/beiyuan/lots", "/api/ledger/beiyuan/0", "/scale/v1/state", "/api/trace?subject=lot:beiyuan/L1&direction=forward&book=beiyuan"] {
            supplier.get(path).expect(403);
        }
    }

    fn the_markets_own_entries_are_events_for_those_who_read_its_records(town) {
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        let seq = town.program(User::Scale).post("/scale/v1/sales", &sold).expect(200).json()["lines"][0]["seq"].clone();
        let inspector = town.program(User::Inspector);
        for path in [format!("{EVENTS}/entry:beiyuan%2F{seq}"), format!("{EVENTS}/entry%3Abeiyuan%2F{seq}")] {
            let found = events(&inspector.get(&path));
            assert_eq!((&found[0]["bizStep"], &found[0]["eventID"]), (&json!("retail_selling"), &json!(format!("entry:beiyuan/{seq}"))));
            assert_eq!(found[0]["inputQuantityList"][0], json!({ "epcClass": "lot:beiyuan/L1", "quantity": 0.5, "uom": "KGM" }));
        }
        problem(&inspector.get(&format!("{EVENTS}/entry:beiyuan%2F0")), 404, "NoSuchResourceException");
        problem(&inspector.get(&format!("{EVENTS}/entry:beiyuan%2F999999")), 404, "NoSuchResourceException");
        problem(&inspector.get(&format!("{EVENTS}/entry:xihai%2F0")), 403, "SecurityException");
        problem(&town.program(User::Supplier).get(&format!("{EVENTS}/entry:beiyuan%2F{seq}")), 403, "SecurityException");
    }

    fn every_answer_names_the_versions_and_every_address_describes_itself(town) {
        let supplier = town.program(User::Supplier);
        let sent = document(&town.now(), json!([observed(1, json!({}))]));
        let job = send(&supplier, &sent).expect(202);
        let single = supplier.post_bytes(EVENTS, JSON, bare(observed(1, json!({}))).to_string().as_bytes()).expect(201);
        let (job_path, event_path) = (job.header("location").to_owned(), single.header("location").to_owned());
        let described = |path: &str| supplier.send("OPTIONS", path, None, &[]).unwrap().expect(204);
        let answers = [
            supplier.get(CAPTURE), supplier.get(&job_path), supplier.get(EVENTS), supplier.get(&event_path), described(CAPTURE),
            described(&job_path), described(EVENTS), described(&event_path), supplier.get(&format!("{EVENTS}?x=y")), job, single,
        ];
        for answer in &answers {
            for (name, value) in [("gs1-epcis-version", "2.0.0"), ("gs1-cbv-version", "2.0.0")] {
                assert_eq!(answer.header(name), value, "{} {}", answer.status, answer.text());
            }
            assert!(answer.headers.contains_key("gs1-extensions"));
        }
        for (path, allow) in [(CAPTURE, "GET, POST, OPTIONS"), (&job_path, "GET, OPTIONS"), (EVENTS, "GET, POST, OPTIONS"), (&event_path, "GET, OPTIONS")] {
            let answer = described(path);
            assert_eq!(answer.header("allow"), allow);
            for name in ["gs1-epcis-min", "gs1-epcis-max", "gs1-cbv-min", "gs1-cbv-max"] {
                assert_eq!(answer.header(name), "2.0.0", "{path}");
            }
            assert_eq!(answer.header("gs1-epc-format"), "Never_Translates");
        }
        let capture = described(CAPTURE);
        assert_eq!(capture.header("gs1-epcis-capture-limit"), EVENTS_PER_CAPTURE_MAX.to_string());
        assert_eq!(capture.header("gs1-epcis-capture-file-size-limit"), REQUEST_BYTES_MAX.to_string());
        assert_eq!(capture.header("gs1-capture-error-behaviour"), "all");
    }
}
