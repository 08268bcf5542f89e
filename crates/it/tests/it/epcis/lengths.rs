//! Little that comes to much: what repeats names, what fills a page, and what one sender has in hand.

use std::collections::BTreeSet;
use std::io::Write;

use base::limits::EPCIS_PAGE_BYTES_MAX;

use super::*;
use crate::crash::Server;

const XML: &str = "application/xml";

/// A document of one event with some members, under a context with a prefix `p`.
fn under(prefix: &str, namespace: &str, members: Value) -> Vec<u8> {
    let mut document = document("2026-03-10T08:00:00+08:00", json!([observed(1, members)]));
    document["@context"] = json!([STANDARD, { (prefix): namespace }]);
    document.to_string().into_bytes()
}

/// Documents of some tens of KiB whose events would come to hundreds of MiB, written out; and what the refusal says.
fn inflated() -> Vec<(&'static str, &'static str, Vec<u8>, &'static str)> {
    let long = format!("https://ns.example/{}#", "n".repeat(7_000));
    let ones = |name: &str, count: usize| json!({ (name): vec![1; count] });
    let lists = |count: usize| json!({ "p:x": { "p:y": { "p:a": vec![1; count], "p:b": vec![1; count] } } });
    let with_id = |mut members: Value| {
        members["eventID"] = "urn:uuid:2b2f8a0e-3f0f-4f0c-8a5a-4a1d5b7c9e11".into();
        members
    };
    let distinct = json!({ "p:a": (0..8_000).collect::<Vec<_>>() });
    let mut nested = lists(9_000);
    nested["p:x"]["@context"] = json!({ "p": long });
    let many = |of: &str| (0..19_000).map(|n| format!("{of}:{n:x}")).collect::<Vec<_>>();
    let words = json!({ "persistentDisposition": { "set": many("a"), "unset": many("b") } });
    let numbers = json!({ "p:a": vec![1e308; 19_000], "p:b": vec![1e308; 19_000] });
    let in_xml = format!(
        "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\" xmlns:q=\"{long}\" schemaVersion=\"2.0\" \
         creationDate=\"2026-03-10T08:00:00+08:00\"><EPCISBody><EventList><ObjectEvent><eventTime>2026-03-01T08:00:00+08:00\
         </eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset><epcList><epc>urn:epc:id:sgtin:0614141.112345.1</epc>\
         </epcList><action>OBSERVE</action>{}</ObjectEvent></EventList></EPCISBody></epcis:EPCISDocument>",
        "<q:a>1</q:a>".repeat(19_000)
    );
    let short = "https://ns.example/";
    let term = "256 bytes in a term or namespace";
    vec![
        ("a long namespace", LD, under("p", &long, lists(10_000)), term),
        ("a long namespace in XML", XML, in_xml.into_bytes(), term),
        ("a long namespace, and an ID", LD, under("p", &long, with_id(distinct)), term),
        (
            "a long prefix",
            LD,
            under(&"p".repeat(7_000), short, with_id(ones(&format!("{}:a", "p".repeat(7_000)), 8_000))),
            "256 bytes in a member name",
        ),
        (
            "a long name",
            LD,
            under("p", short, ones(&format!("p:{}", "a".repeat(7_000)), 15_000)),
            "in a member name",
        ),
        ("a long namespace within", LD, under("p", short, nested), term),
        ("words by the ten thousand", LD, under("p", short, words), "49152 bytes"),
        (
            "a name of signs",
            LD,
            under("p", short, with_id(ones(&format!("p:{}", " ".repeat(250)), 15_000))),
            "1048576 bytes",
        ),
        ("long numbers", LD, under("p", short, numbers), "49152 bytes"),
        (
            "more than an entry takes",
            LD,
            under("p", short, json!({ "p:a": vec![1; 19_000], "p:b": vec![1; 19_000] })),
            "49152 bytes",
        ),
    ]
}

/// What the program may grow by.
const GROWTH_MIB_MAX: u64 = 64;

#[test]
fn what_would_come_to_much_is_refused_before_it_does() {
    let town = Town::on(harness::Engine::Sqlite.place().unwrap());
    let supplier = town.program(User::Supplier);
    let place = town.close();
    let server = Server::start(&place);
    let supplier = supplier.at(&server.base);
    send(&supplier, &document("2026-03-10T08:00:00+08:00", json!([observed(1, json!({}))]))).expect(202);
    for (what, media, text, reason) in inflated() {
        assert!(text.len() < 400_000, "{what}: {}", text.len());
        let before = server.memory_mib("VmHWM");
        let answer = supplier.post_bytes(CAPTURE, media, &text);
        let grown = server.memory_mib("VmHWM") - before;
        eprintln!("{what}: {} KiB, {grown} MiB", text.len() / 1_024);
        assert!(grown <= GROWTH_MIB_MAX, "{what}: {grown} MiB");
        let problem = problem(&answer, 400, "ValidationException");
        assert!(problem["detail_en"].as_str().unwrap().contains(reason), "{what}: {problem}");
    }
    assert_eq!(events(&supplier.get(EVENTS)).len(), 1, "nothing of it was kept");
}

on_every_store! {
    fn a_page_takes_so_many_bytes_and_the_next_goes_on_behind_it(town) {
        const EVENTS_SENT: usize = 130;
        let supplier = town.program(User::Supplier);
        let long = |n: usize| {
            let texts = vec![format!("{n:0>8000}"); 4];
            observed(n, json!({ "ex:text": texts, "ex:sample": vec![1; 2_000], "ex:number": n }))
        };
        for half in [0..EVENTS_SENT / 2, EVENTS_SENT / 2..EVENTS_SENT] {
            let many: Vec<Value> = half.map(long).collect();
            send(&supplier, &document(&town.now(), many.into())).expect(202);
        }
        for (media, order, pages) in [(JSON, "eventTime", 2), (XML, "eventTime", 3), (XML, "ex:number", 3)] {
            let asking = supplier.with("accept", media).with("gs1-extensions", "ex=https://ns.example/");
            let (mut found, mut path, mut count) = (BTreeSet::new(), format!("{EVENTS}?perPage=1000&orderBy={order}"), 0);
            loop {
                let page = asking.get(&path).expect(200);
                assert!(page.bytes.len() < EPCIS_PAGE_BYTES_MAX + 64 * 1024, "{media}: {}", page.bytes.len());
                let text = page.text();
                let (begins, ends) = if media == XML { ("/21/", "<") } else { ("/21/", "\"") };
                for serial in text.split(begins).skip(1) {
                    let serial = serial.split_once(ends).unwrap().0.to_owned();
                    assert!(found.insert(serial.clone()), "{media}, {order}: {serial} came twice");
                }
                count += 1;
                let link = page.header("link");
                let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else { break };
                path = next.strip_prefix(town.site.base.as_str()).unwrap().to_owned();
            }
            assert_eq!(found.len(), EVENTS_SENT, "{media}, {order}");
            assert!(count >= pages, "{media}, {order}: {count} pages");
        }
    }
}

on_every_store! {
    fn many_patterns_are_asked_for_at_once(town) {
        let client = town.program(User::Supplier);
        let others = |n: usize| observed(n, json!({ "epcList": [format!("urn:epc:id:sgtin:7614141.112345.{n}")] }));
        send(&client, &document(&town.now(), json!([observed(1, json!({}))]))).expect(202);
        // More than are looked at one by one whatever is asked.
        for thousand in 0..3 {
            let many: Vec<Value> = (thousand * 700..(thousand + 1) * 700).map(others).collect();
            send(&client, &document(&town.now(), many.into())).expect(202);
        }
        let patterns: Vec<String> = (0..199).map(|n| format!("urn:epc:idpat:sgtin:{n:07}.*.*")).collect();
        let all = format!("{},urn:epc:idpat:sgtin:0614141.*.*", patterns.join(","));
        let query = json!({ "query": { "MATCH_epc": all.split(',').collect::<Vec<_>>() }, "name": "patterns" });
        client.post("/epcis/queries", &query).expect(201);
        assert_eq!(events(&client.get("/epcis/queries/patterns/events")).len(), 1);
    }
}

/// A document of events with an ID, under a context of 45,000 bytes; `second` is how their time spells it.
fn with_long_context(serials: std::ops::Range<usize>, second: &str) -> Value {
    let mut document = document("2026-03-10T08:00:00+08:00", json!([]));
    let term = |n: usize| (format!("p{n}"), json!(format!("https://ns.example/{n}/{}#", "n".repeat(140))));
    let terms: serde_json::Map<String, Value> = (0..250).map(term).collect();
    document["@context"] = json!([STANDARD, terms]);
    let event = |serial: usize| {
        observed(
            serial,
            json!({ "eventID": format!("urn:uuid:2b2f8a0e-3f0f-4f0c-8a5a-{serial:012x}"),
            "eventTime": format!("2026-03-01T08:00:{second}+08:00") }),
        )
    };
    document["epcisBody"]["eventList"] = serials.map(event).collect();
    document
}

#[test]
fn a_context_stands_with_so_many_events_and_so_much_is_compared_at_once() {
    let town = Town::on(harness::Engine::Sqlite.place().unwrap());
    let client = town.program(User::Supplier).with("gs1-capture-error-behaviour", "proceed");
    let job = |document: &Value| {
        let address = send(&client, document).expect(202).header("location").to_owned();
        client.get(&address).expect(200).json()
    };
    let refused = |job: &Value| job["errors"].as_array().map_or(0, Vec::len);
    // What would be copied into a thousand entries is recorded in none, and a job tells the first hundred reasons.
    let many = job(&with_long_context(0..1_000, "00"));
    assert_eq!(refused(&many), 100, "{}", &many.to_string()[..400]);
    assert!(many.to_string().contains("too long to stand with each"));
    assert_eq!(events(&client.get(EVENTS)).len(), 0);
    for half in [0..45, 45..90] {
        assert_eq!(refused(&job(&with_long_context(half, "00"))), 0);
    }
    // The same byte for byte is known; otherwise spelt it is compared, so much at once.
    assert_eq!(refused(&job(&with_long_context(0..90, "00"))), 0);
    assert_eq!(refused(&job(&with_long_context(0..40, "00.000"))), 0, "as much as is compared");
    let much = job(&with_long_context(0..90, "00.000"));
    assert!(
        refused(&much) > 20 && much.to_string().contains("so much is not compared at once"),
        "{}",
        refused(&much)
    );
    // Terms count over all parts of a context.
    let mut split = with_long_context(0..1, "00");
    let more: serde_json::Map<String, Value> =
        (0..10).map(|n| (format!("q{n}"), json!("https://ns.example/"))).collect();
    split["@context"].as_array_mut().unwrap().push(json!(more));
    let told = client.post_bytes(CAPTURE, LD, split.to_string().as_bytes()).expect(400).text();
    assert!(told.contains("256 terms in a context"), "{told}");
}

on_every_store! {
    fn so_much_of_what_was_said_before_is_read_for_one_document(town) {
        const READ_MAX: i64 = 16 * 1024 * 1024;
        /// Refusals that are looked at: as many can be compared, whatever is read.
        const FIRST: usize = 60;
        let client = town.program(User::Supplier).with("gs1-capture-error-behaviour", "proceed");
        let job = |document: &Value| {
            let address = send(&client, document).expect(202).header("location").to_owned();
            client.get(&address).expect(200).json()
        };
        let tell = |parts: std::ops::Range<usize>| {
            for part in parts {
                let told = job(&with_long_context(part * 90..(part + 1) * 90, "00"));
                assert_eq!(told["errors"].as_array().map_or(0, Vec::len), 0, "{told}");
            }
            let sql = "select cast(sum(length(body) + length(head)) as bigint) from entry where kind = 'market.epcis.captured'";
            town.site.kernel.read(|tx| tx.query_one(sql, &[])?.unwrap().int(0)).unwrap()
        };
        // The same events with another content, of which little has to be sent.
        let unread = |count: usize| {
            let mut sent = with_long_context(0..count, "30");
            sent["@context"] = json!([STANDARD]);
            let told = job(&sent);
            let first = told["errors"].as_array().unwrap()[..FIRST].iter();
            let reason = |error: &Value| match error.to_string() {
                text if text.contains("captured with another content") => false,
                text if text.contains("so much is not compared at once") => true,
                text => panic!("{text}"),
            };
            first.filter(|error| reason(error)).count()
        };
        assert!(tell(0..4) < READ_MAX);
        assert_eq!(unread(360), 0);
        assert!(tell(4..7) > READ_MAX * 3 / 2);
        assert!(unread(630) > 0, "whatever of it is read, much is not");
        assert_eq!(unread(FIRST), 0, "and fewer are");
    }
}

/// Events with an ID of some kilobytes each, whose items stand under a long name.
fn with_long_names(serials: std::ops::Range<usize>, items: usize, second: &str) -> Value {
    let mut document = document("2026-03-10T08:00:00+08:00", json!([]));
    document["@context"] = json!([STANDARD, { "p": format!("https://ns.example/{}#", "n".repeat(230)) }]);
    let event = |serial: usize| {
        observed(
            serial,
            json!({ "eventID": format!("urn:uuid:5b0f8a0e-3f0f-4f0c-8a5a-{serial:012x}"), "p:a": vec![1; items],
            "eventTime": format!("2026-03-01T08:00:{second}+08:00") }),
        )
    };
    document["epcisBody"]["eventList"] = serials.map(event).collect();
    document
}

#[test]
fn names_count_as_often_as_they_are_written_in_a_document_and_in_what_is_compared() {
    let town = Town::on(harness::Engine::Sqlite.place().unwrap());
    let client = town.program(User::Supplier).with("gs1-capture-error-behaviour", "proceed");
    let refused = |document: &Value, reason: &str| {
        let address = send(&client, document).expect(202).header("location").to_owned();
        let errors = client.get(&address).expect(200).json()["errors"].clone();
        let told = errors.as_array().unwrap();
        assert!(told.iter().all(|error| error.to_string().contains(reason)), "{errors}");
        told.len()
    };
    // Each comes to some 500,000 bytes, of 4 KB.
    let known = with_long_names(0..20, 1_900, "00");
    assert_eq!(refused(&known, ""), 0);
    assert_eq!(refused(&known, ""), 0, "byte for byte it is known");
    assert_eq!(refused(&with_long_names(0..3, 1_900, "00.000"), ""), 0, "as much as is compared");
    assert_eq!(refused(&with_long_names(0..20, 1_900, "00.000"), "so much is not compared at once"), 17);
    // 140 of them are more than a document may come to.
    let many = with_long_names(100..240, 1_900, "00");
    assert!((1..20).contains(&refused(&many, "67108864")));
}

#[test]
fn what_is_indexed_of_master_data_is_bounded_and_a_query_is_applied_as_it_is_kept() {
    let town = Town::on(harness::Engine::Sqlite.place().unwrap());
    let client = town.program(User::Supplier);
    let element = |n: usize, values: usize| {
        json!({ "id": format!("https://ns.example/{n}/{}", "n".repeat(220)),
        "attributes": [{ "id": format!("https://ns.example/{}", "a".repeat(480)), "attribute": vec![0; values] }] })
    };
    let described = |count: usize, values: usize| {
        let elements: Vec<Value> = (0..count).map(|n| element(n, values)).collect();
        let mut document = document(&town.now(), json!([]));
        document["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [{
            "type": format!("https://ns.example/{}", "v".repeat(200)), "vocabularyElementList": elements }] } });
        document
    };
    let before = town.fingerprint();
    let refused = send(&client, &described(315, 990)).expect(400);
    assert!(refused.text().contains("67108864 bytes"), "{}", refused.text());
    assert_eq!(town.fingerprint(), before);
    send(&client, &described(20, 900)).expect(202);
    // What is beyond the numbers of JSON counts as it is written.
    for (name, value) in [("a", json!(20.0)), ("b", json!(9_007_199_254_740_993_i64))] {
        let query = json!({ "query": { "EQ_https://ns.example/n": value }, "name": name });
        client.post("/epcis/queries", &query).expect(201);
    }
    town.check();
}

#[test]
fn one_sender_waits_for_its_own_documents_and_another_does_not() {
    let town = Town::on(harness::Engine::Sqlite.place().unwrap());
    let (one, other) = (town.program(User::Supplier), town.program(User::Supplier));
    let length = REQUEST_BYTES_MAX.to_string();
    let mut promised = one.open("POST", CAPTURE, &[("content-type", LD), ("content-length", &length)]);
    promised.write_all(b"{").unwrap();
    let sent = |serial: usize| document(&town.now(), json!([observed(serial, json!({}))]));
    // The head is read sooner or later, over a connection of its own.
    let refused = (100..120).map(|serial| send(&one, &sent(serial))).find(|answer| answer.status != 202);
    let refused = refused.expect("its turn is taken").expect(429);
    assert_eq!(
        (refused.json()["type"].as_str(), refused.header("retry-after")),
        (Some("/problems/too-many-requests"), "5")
    );
    send(&other, &sent(2)).expect(202);
    one.get(EVENTS).expect(200);
    drop(promised);
    send(&one, &sent(3)).expect(202);
    let texts = document(&town.now(), json!([observed(4, json!({ "ex:a": vec!["[{".repeat(2_000); 9] }))]));
    send(&one, &texts).expect(202);
}
