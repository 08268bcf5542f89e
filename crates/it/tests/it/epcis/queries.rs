//! What queries find, and how addresses describe themselves.

use super::*;

on_every_store! {
    fn a_query_narrows_pages_and_refuses_what_it_does_not_know(town) {
        let supplier = town.program(User::Supplier);
        let many: Vec<Value> = (0..7).map(|n| observed(n, json!({ "eventTime": format!("2026-03-0{}T08:00:00+08:00", n + 1) }))).collect();
        send(&supplier, &document(&town.now(), many.into())).expect(202);
        let narrowed = [
            ("GE_eventTime=2026-03-03T08:00:00%2B08:00", 5), ("GE_eventTime=2026-03-03T08:00:00+08:00&LT_eventTime=2026-03-05T00:00:00Z", 2),
            ("EQ_bizStep=shipping", 7), ("EQ_bizStep=receiving", 0), ("eventType=ObjectEvent&EQ_action=OBSERVE", 7), ("book=beiyuan", 7),
            ("MATCH_anyEPC=urn:epc:id:sgtin:0614141.112345.3", 1), ("MATCH_epc=https://shop.example/01/10614141123459/21/3%7Curn:epc:id:sgtin:0614141.112345.4", 2),
            ("eventCountLimit=3&orderBy=eventTime", 3), ("maxEventCount=7", 7),
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
        let expected: Vec<String> = (1..7).map(|n| format!("https://id.gs1.org/01/10614141123459/21/{n}")).collect();
        assert_eq!(found, expected);
        for (query, field) in [
            ("EQ_colour=red", "EQ_colour"), ("EQ_bizStep=eating", "EQ_bizStep"), ("GE_eventTime=yesterday", "GE_eventTime"), ("perPage=0", "perPage"),
            ("perPage=1001", "perPage"), ("nextPageToken=x", "nextPageToken"), ("EQ_action=ADD&EQ_action=ADD", "EQ_action"),
            ("eventCountLimit=1&maxEventCount=1", "eventCountLimit"), ("eventCountLimit=1", "eventCountLimit"),
        ] {
            assert_eq!(problem(&supplier.get(&format!("{EVENTS}?{query}")), 400, "QueryParameterException")["field"], field, "{query}");
        }
        problem(&supplier.get(&format!("{EVENTS}?maxEventCount=6")), 413, "QueryTooLargeException");
        problem(&supplier.with("accept", "text/plain").get(EVENTS), 406, "NotAcceptableException");
        problem(&supplier.with("gs1-epcis-min", "2.1").get(EVENTS), 406, "NotAcceptableException");
        assert_eq!(supplier.with("accept", LD).get(EVENTS).header("content-type"), LD);
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
            for name in ["gs1-epc-format", "gs1-cbv-xml-format"] {
                assert_eq!(answer.header(name), "No_Preference");
            }
        }
        let capture = described(CAPTURE);
        assert_eq!(capture.header("gs1-epcis-capture-limit"), EVENTS_PER_CAPTURE_MAX.to_string());
        assert_eq!(capture.header("gs1-epcis-capture-file-size-limit"), REQUEST_BYTES_MAX.to_string());
        assert_eq!(capture.header("gs1-capture-error-behaviour"), "all");
    }

    fn master_data_in_the_header_tell_which_places_stand_below_others(town) {
        let supplier = town.program(User::Supplier);
        let (site, yard, gate) = ("urn:epc:id:sgln:0614141.00001.0", "https://yard.example/414/0614141000029", "urn:epc:id:sgln:0614141.00003.0");
        let place = |id: &str, children: Value, country: &str| {
            json!({ "id": id, "attributes": [{ "id": "cbvmda:countryCode", "attribute": country }], "children": children })
        };
        let described = |elements: Value| {
            let mut sent = document(&town.now(), json!([observed(1, json!({ "eventID": "urn:uuid:1", "readPoint": { "id": gate } }))]));
            sent["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [
                { "type": "urn:epcglobal:epcis:vtype:ReadPoint", "vocabularyElementList": elements }
            ] } });
            sent
        };
        let count = |client: &Client, query: &str| events(&client.get(&format!("{EVENTS}?{query}"))).len();
        send(&supplier, &described(json!([place(site, json!([yard]), "CN"), place(yard, json!([gate]), "CN"), place(gate, json!([]), "CN")]))).expect(202);
        let before = town.fingerprint();
        send(&supplier, &described(json!([place(site, json!([yard]), "CN"), place(gate, json!([]), "CN")]))).expect(202);
        assert_eq!(town.fingerprint(), before, "said again, nothing is new");
        for (query, found) in [
            (format!("WD_readPoint={site}"), 1), (format!("WD_readPoint={gate}"), 1), (format!("EQ_readPoint={site}"), 0), (format!("WD_bizLocation={site}"), 0),
            ("HASATTR_readPoint=cbvmda:countryCode".into(), 1), ("EQATTR_readPoint_cbvmda:countryCode=CN%7CDE".into(), 1), ("EQATTR_readPoint_cbvmda:countryCode=DE".into(), 0),
        ] {
            assert_eq!(count(&supplier, &query), found, "{query}");
            assert_eq!(count(&town.program(User::Tracer), &query), found, "{query}");
        }
        // What another says of the yard is no hierarchy of ours, and what we say last is. Its event is its own, under the same ID.
        let other = town.program(User::Supplier);
        send(&other, &described(json!([place("urn:x:elsewhere", json!([gate]), "DE")]))).expect(202);
        assert_eq!((count(&supplier, "WD_readPoint=urn:x:elsewhere"), count(&town.program(User::Tracer), "WD_readPoint=urn:x:elsewhere")), (0, 2));
        send(&supplier, &described(json!([place(site, json!([]), "CN"), place(gate, json!([]), "DE")]))).expect(202);
        assert_eq!((count(&supplier, &format!("WD_readPoint={site}")), count(&supplier, "EQATTR_readPoint_cbvmda:countryCode=DE")), (0, 1));
        let before = town.fingerprint();
        let refused = problem(&send(&supplier, &described(json!([place(&format!("urn:x:{}", "a".repeat(300)), json!([]), "CN")]))), 400, "ValidationException");
        assert!(refused["field"].as_str().unwrap().ends_with("vocabularyElementList[0]"), "{refused}");
        assert_eq!(town.fingerprint(), before);
        town.check();
    }

    fn places_by_the_thousand_are_asked_for_at_once(town) {
        let (supplier, tracer) = (town.program(User::Supplier), town.program(User::Tracer));
        let place = |n: usize| format!("https://yard.example/414/0614141000029/254/{n}");
        let below = |from: usize| (from..from + 900).map(place).collect::<Vec<_>>();
        let mut sent = document(&town.now(), json!([observed(1, json!({ "readPoint": { "id": place(1_700) } }))]));
        sent["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [
            { "type": "urn:epcglobal:epcis:vtype:ReadPoint", "vocabularyElementList": [
                { "id": place(0), "children": below(1) }, { "id": place(900), "children": below(901) }] }
        ] } });
        send(&supplier, &sent).expect(202);
        for reader in [&supplier, &tracer] {
            assert_eq!(events(&reader.get(&format!("{EVENTS}?WD_readPoint={}", place(0)))).len(), 1);
            assert_eq!(events(&reader.get(&format!("{EVENTS}?WD_bizLocation={}", place(0)))).len(), 0);
        }
    }

    fn a_query_that_asks_for_too_much_is_refused_by_its_name(town) {
        let supplier = town.program(User::Supplier);
        let many: Vec<String> = (0..51).map(|n| format!("EQ_https://ns.example/f{n}=1")).collect();
        problem(&supplier.get(&format!("{EVENTS}?{}", many.join("&"))), 413, "QueryTooComplexException");
        let values = vec!["urn:x:1"; 201].join("%7C");
        let refused = problem(&supplier.get(&format!("{EVENTS}?EQ_eventID={values}")), 413, "QueryTooComplexException");
        assert_eq!(refused["field"], "EQ_eventID");
        let numbers: Vec<usize> = (0..1_001).collect();
        let event = observed(1, json!({ "ex:series": numbers }));
        problem(&send(&supplier, &document(&town.now(), json!([event]))), 400, "ValidationException");
        problem(&supplier.get(&format!("{EVENTS}?EQ_unknown:grade=A")), 400, "QueryParameterException");
        assert_eq!(events(&supplier.with("gs1-extensions", "ex=https://ns.example/").get(&format!("{EVENTS}?EQ_ex:grade=A"))).len(), 0);
    }
}
