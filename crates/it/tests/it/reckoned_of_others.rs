//! What is reckoned of outside systems: all that is kept of what they send, in whichever words, and for how long.

use harness::{Client, User, on_every_store};
use serde_json::{Value, json};

use crate::epcis::{document, observed, send};

const QUERIES: &str = "/epcis/queries";

on_every_store! {
    fn links_repeat_little_of_the_names_beside_theirs_and_count_for_the_day(town) {
        let supplier = town.program(User::Supplier);
        let names = |side: &str| -> Vec<String> {
            let long = (1..16).map(|n| format!("urn:x:{side}:{n}:{}", "𠀀".repeat(200)));
            std::iter::once(format!("urn:x:{side}")).chain(long).collect()
        };
        let made = json!({ "type": "TransformationEvent", "eventTime": "2026-03-09T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
            "inputEPCList": names("in"), "outputEPCList": names("out") });
        send(&supplier, &document(&town.now(), json!([made]))).expect(202);
        let number = |sql: &str| {
            town.site.kernel.read(|tx| tx.query_one(sql, &[])?.unwrap().int(0)).unwrap()
        };
        assert_eq!(number("select count(*) from link where subject like 'urn:x:%'"), 32);
        assert_eq!(number("select count(*) from link where subject like 'urn:x:%' and mates is not null"), 0);
        let counted = number("select bytes from market_captured");
        assert!(counted > 4 * 32 * 800, "{counted} bytes");
        let path = "/api/trace?subject=urn:x:out&direction=backward&book=beiyuan";
        let walk = town.program(User::Inspector).get(path).expect(200).json();
        let steps = walk["steps"].as_array().unwrap();
        assert!(steps.iter().any(|step| step["subject"] == "urn:x:in"), "{walk}");
        town.check();
    }

    fn an_owner_names_so_many_queries_and_opens_so_many_subscriptions_on_a_day(town) {
        const SUBSCRIPTION: &str = "/epcis/queries/q0/subscriptions";
        let (supplier, other) = (town.program(User::Supplier), town.program(User::Inspector));
        let named = |name: &str| json!({ "name": name, "query": { "EQ_bizStep": ["shipping"] } });
        let subscribe = json!({ "dest": "https://receiver.example/events", "stream": true });
        let remove = |path: String| drop(supplier.send("DELETE", &path, None, &[]).unwrap().expect(204));
        supplier.post(QUERIES, &named("q0")).expect(201);
        let opened = supplier.post(SUBSCRIPTION, &subscribe).expect(201).json();
        remove(format!("{SUBSCRIPTION}/{}", opened["subscriptionID"].as_str().unwrap()));
        for n in 2..200 {
            supplier.post(QUERIES, &named(&format!("q{n}"))).expect(201);
            remove(format!("{QUERIES}/q{n}"));
        }
        let before = town.fingerprint();
        for (path, body, field) in [(QUERIES, named("more"), "name"), (SUBSCRIPTION, subscribe.clone(), "dest")] {
            let refused = supplier.post(path, &body).expect(400).json();
            assert_eq!((&refused["rule"], &refused["field"]), (&json!("opened-of-day"), &json!(field)), "{refused}");
            assert!(refused["detail_zh"].as_str().unwrap().contains("次日") && refused["detail_en"].as_str().unwrap().contains("200"), "{refused}");
        }
        assert_eq!(town.fingerprint(), before);
        other.post(QUERIES, &named("theirs")).expect(201);
        town.clock.advance_ms(24 * 3_600_000);
        supplier.post(QUERIES, &named("more")).expect(201);
        supplier.post(SUBSCRIPTION, &subscribe).expect(201);
        town.check();
    }

    fn no_older_word_of_digital_link_names_a_slip(town) {
        let supplier = town.program(User::Supplier);
        let slip = line_market::kinds::SlipSerial { scale: 1, counter: 1, nonce: 7_919 }.subject(&town.book()).to_string();
        let code = slip.rsplit('/').next().unwrap();
        let before = town.fingerprint();
        let refuse = |event: Value, field: &str| {
            let refused = send(&supplier, &document(&town.now(), json!([event]))).expect(400).json();
            assert_eq!(refused["rule"], "own-subject", "{event}: {refused}");
            assert!(refused["field"].as_str().unwrap().ends_with(field), "{refused}");
        };
        for link in [
            format!("https://id.gs1.org/01/06901234567892/ser/{code}"),
            format!("https://id.gs1.org/gtin/06901234567892/ser/{code}"),
            format!("https://id.gs1.org/gtin/06901234567892/21/{code}"),
            format!("https://shop.example/some/gtin/6901234567892/ser/{code}?exp=260301"),
            format!("https://id.gs1.org/01/06901234567892/21/{code}"),
        ] {
            refuse(observed(1, json!({ "epcList": [link] })), "epcList");
            refuse(observed(1, json!({ "eventID": link })), "eventID");
        }
        for id in ["lot:beiyuan/L1", "matter:beiyuan/task-1", slip.as_str(), "Lot:beiyuan/L1"] {
            refuse(observed(1, json!({ "eventID": id })), "eventID");
        }
        assert_eq!(town.fingerprint(), before);
        town.check();
    }

    fn what_a_job_tells_of_refusals_counts_for_the_day(town) {
        let supplier = town.program(User::Supplier).with("gs1-capture-error-behaviour", "proceed");
        let counted = || {
            let sum = |tx: &mut dyn store::Tx| tx.query_one("select max(bytes) from market_captured", &[])?.unwrap().int(0);
            town.site.kernel.read(sum).unwrap()
        };
        send(&supplier, &document(&town.now(), json!([observed(1, json!({}))]))).expect(202);
        let one = counted();
        let name = format!("ex:{}", "n".repeat(200));
        let wrong = |n: usize| observed(n, json!({ (name.as_str()): { "@context": 7 } }));
        let events: Vec<Value> = (2..150).map(wrong).chain([observed(200, json!({}))]).collect();
        send(&supplier, &document(&town.now(), events.into())).expect(202);
        let more = counted() - 2 * one;
        assert!((100 * 300..200_000).contains(&more), "{more} bytes");
        town.check();
    }

    fn no_term_of_one_sender_is_put_around_the_events_of_others_in_xml(town) {
        let (ours, theirs) = (town.program(User::Supplier), town.program(User::Supplier));
        let victim = observed(1, json!({ "eventID": "urn:uuid:victim", "epcList": ["tag:acme,2026:crate-7"] }));
        send(&ours, &document(&town.now(), json!([victim]))).expect(202);
        let mut hostile = document(&town.now(), json!([observed(2, json!({ "eventID": "urn:uuid:2", "tag:x": 1 }))]));
        hostile["@context"][1]["tag"] = "https://evil.example/no-end".into();
        send(&theirs, &hostile).expect(202);
        let xml = town.program(User::Tracer).with("accept", "application/xml").get("/epcis/events").expect(200).text();
        assert!(xml.contains("evil"), "{xml}");
        for apart in xml.split("<ObjectEvent").filter(|apart| !apart.contains("urn:uuid:2")) {
            assert!(!apart.contains("evil"), "{apart}");
        }
    }

    fn outside_systems_tell_so_much_of_one_lot_of_the_house(town) {
        let senders: Vec<Client> = (0..11).map(|_| town.program(User::Supplier)).collect();
        let (one, last) = (&senders[0], &senders[10]);
        let seen = |n: usize, lot: &str| observed(n, json!({ "epcList": [lot], "ex:n": n }));
        let of = |serials: std::ops::Range<usize>| document(&town.now(), serials.map(|n| seen(n, "lot:beiyuan/L1")).collect::<Vec<_>>().into());
        let refuse = |sender: &Client, told: &Value, index: usize, count: &str| {
            let before = town.fingerprint();
            let refused = send(sender, told).expect(400).json();
            assert_eq!((&refused["rule"], &refused["index"]), (&json!("told-of-lot"), &json!(index)), "{refused}");
            assert!(refused["field"].as_str().unwrap().ends_with("epcList"), "{refused}");
            assert!(refused["detail_zh"].as_str().unwrap().contains("批次") && refused["detail_en"].as_str().unwrap().contains(count), "{refused}");
            assert_eq!(town.fingerprint(), before);
        };
        refuse(one, &of(0..101), 100, " 100 ");
        send(one, &of(0..60)).expect(202);
        refuse(one, &of(60..101), 40, " 100 ");
        // One sender leaves the others room, and all together leave an end.
        send(one, &of(60..100)).expect(202);
        for sender in &senders[1..10] {
            send(sender, &of(0..100)).expect(202);
        }
        refuse(last, &of(0..1), 0, " 1000 ");
        // What is known, and what is told of others, is nothing more of it.
        send(one, &of(0..100)).expect(202);
        send(one, &document(&town.now(), json!([seen(1, "lot:beiyuan/L2")]))).expect(202);
        let told = |tx: &mut dyn store::Tx| tx.query_one("select cast(sum(events) as bigint) from market_lot_told where lot = 'lot:beiyuan/L1'", &[])?.unwrap().int(0);
        assert_eq!(town.site.kernel.read(told).unwrap(), 1_000);
        town.check();
    }

    fn master_data_name_no_thing_of_the_house_by_whatever_terms(town) {
        let supplier = town.program(User::Supplier);
        let slip = line_market::kinds::SlipSerial { scale: 1, counter: 1, nonce: 7_919 }.subject(&town.book()).to_string();
        let code = slip.rsplit('/').next().unwrap();
        let described = |terms: Value, element: Value| {
            let mut told = document(&town.now(), json!([]));
            told["@context"] = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", terms]);
            let vocabulary = json!({ "type": "urn:epcglobal:epcis:vtype:EPCClass", "vocabularyElementList": [element] });
            told["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [vocabulary] } });
            told
        };
        let before = town.fingerprint();
        // A term that stands for a compact IRI which is a term itself: whoever expands it goes by its prefix.
        let hidden = |scheme: &str| json!({ "x:y": "p:L1", "p:L1": "https://h.example/", "p": format!("{scheme}:beiyuan/") });
        let link = format!("https://id.gs1.org/01/06901234567892/21/{code}");
        let told = [
            (hidden("lot"), json!({ "id": "x:y" })),
            (hidden("matter"), json!({ "id": "urn:x:1", "children": ["x:y"] })),
            (hidden("post"), json!({ "id": "p:L1" })),
            (json!({ "a": "https://a.example/" }), json!({ "id": link.clone() })),
            (json!({ "a": "https://a.example/" }), json!({ "id": "urn:x:1", "children": [link.clone()] })),
        ];
        for (terms, element) in told {
            let refused = send(&supplier, &described(terms, element.clone())).expect(400).json();
            assert_eq!(refused["rule"], "own-subject", "{element}: {refused}");
        }
        assert_eq!(town.fingerprint(), before);
        // The same terms in an event, in a member that names a place.
        let mut event = observed(1, json!({ "bizLocation": { "id": "x:y" } }));
        event["@context"] = hidden("stall");
        let refused = send(&supplier, &document(&town.now(), json!([event]))).expect(400).json();
        assert_eq!(refused["rule"], "own-subject", "{refused}");
        send(&supplier, &described(hidden("ware"), json!({ "id": "urn:x:1" }))).expect(202);
        town.check();
    }
}
