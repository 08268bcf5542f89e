//! Named queries: kept, asked, removed, and each its owner's alone.

use super::*;

pub const QUERIES: &str = "/epcis/queries";

pub fn query(name: &str, query: Value) -> Value {
    json!({ "name": name, "query": query })
}

fn delete(client: &Client, path: &str) -> Answer {
    client.send("DELETE", path, None, &[]).unwrap()
}

/// The path behind the address of the next page; none behind the last one.
fn next_path(town: &Town, answer: &Answer) -> Option<String> {
    let next = answer.header("link").strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned();
    Some(next.strip_prefix(town.site.base.as_str()).unwrap().to_owned())
}

on_every_store! {
    fn a_named_query_is_kept_asked_page_by_page_and_removed(town) {
        let supplier = town.program(User::Supplier).with("gs1-epc-format", "Never_Translates");
        let many: Vec<Value> = (0..5).map(|n| {
            let step = if n % 2 == 0 { "shipping" } else { "receiving" };
            observed(n, json!({ "bizStep": step, "eventTime": format!("2026-03-0{}T08:00:00+08:00", n + 1) }))
        }).collect();
        send(&supplier, &document(&town.now(), many.into())).expect(202);
        let asked = json!({ "EQ_bizStep": ["shipping", "accepting"], "eventType": ["ObjectEvent"], "orderBy": "eventTime", "orderDirection": "ASC" });
        let created = supplier.post(QUERIES, &query("出库 2026/1", asked.clone())).expect(201);
        let path = created.header("location").to_owned();
        assert_eq!(path, format!("{QUERIES}/%E5%87%BA%E5%BA%93%202026%2F1"));
        assert_eq!(supplier.get(&path).expect(200).json(), query("出库 2026/1", asked.clone()));
        assert_eq!(supplier.get(QUERIES).expect(200).json(), json!([query("出库 2026/1", asked)]));
        let results = format!("{path}/events");
        let answer = supplier.get(&results);
        assert_eq!(events(&answer).len(), 3);
        assert_eq!(answer.json()["epcisBody"]["queryResults"]["queryName"], "出库 2026/1");
        let first = supplier.get(&format!("{results}?perPage=2"));
        let second = supplier.get(&next_path(&town, &first).unwrap());
        let serials: Vec<Value> = [&first, &second].into_iter().flat_map(events).map(|event| event["epcList"][0].clone()).collect();
        assert_eq!(serials, [0, 2, 4].map(|n| format!("urn:epc:id:sgtin:0614141.112345.{n}")));
        assert_eq!(next_path(&town, &second), None);
        problem(&supplier.get(&format!("{results}?EQ_bizStep=shipping")), 400, "QueryParameterException");
        for (path, allow) in [(QUERIES, "GET, POST, OPTIONS"), (&path, "GET, DELETE, OPTIONS"), (&results, "GET, OPTIONS"), (&format!("{path}/subscriptions"), "GET, POST, OPTIONS")] {
            assert_eq!(supplier.send("OPTIONS", path, None, &[]).unwrap().expect(204).header("allow"), allow, "{path}");
        }
        delete(&supplier, &path).expect(204);
        // A page of a query that is gone leads nowhere, also when another one has its name.
        let stale = next_path(&town, &first).unwrap();
        problem(&supplier.get(&stale), 404, "NoSuchNameException");
        supplier.post(QUERIES, &query("出库 2026/1", json!({ "orderBy": "eventTime", "orderDirection": "ASC" }))).expect(201);
        problem(&supplier.get(&stale), 400, "QueryParameterException");
        assert_eq!(events(&supplier.get(&results)).len(), 5);
        delete(&supplier, &path).expect(204);
        for path in [&path, &results, &format!("{path}/subscriptions")] {
            problem(&supplier.get(path), 404, "NoSuchNameException");
        }
        problem(&delete(&supplier, &path), 404, "NoSuchNameException");
        assert_eq!(supplier.get(QUERIES).expect(200).json(), json!([]));
        town.check();
    }

    fn what_is_no_query_is_refused_by_its_name_and_nothing_is_recorded(town) {
        let supplier = town.program(User::Supplier);
        supplier.post(QUERIES, &query("known", json!({}))).expect(201);
        let leader = town.program(User::Leader);
        let before = town.fingerprint();
        let conflict = problem(&supplier.post(QUERIES, &query("known", json!({ "EQ_action": ["ADD"] }))), 409, "ResourceAlreadyExistsException");
        assert_eq!(conflict["field"], "name");
        problem(&supplier.post(QUERIES, &query("SimpleEventQuery", json!({}))), 409, "ResourceAlreadyExistsException");
        for (body, field) in [
            (query("a", json!({ "EQ_colour": ["red"] })), "EQ_colour"), (query("a", json!({ "EQ_bizStep": ["eating"] })), "EQ_bizStep"),
            (query("a", json!({ "perPage": 3 })), "perPage"), (query("a", json!({ "nextPageToken": "x" })), "nextPageToken"),
            (query("a", json!({ "eventCountLimit": 1, "maxEventCount": 1 })), "eventCountLimit"), (query("a", json!({ "EQ_bizStep": [] })), "EQ_bizStep"),
            (query("a", json!({ "EQ_ex:grade": ["A"] })), "EQ_ex:grade"), (query("", json!({})), "name"), (query(&"n".repeat(121), json!({})), "name"),
            (json!({ "name": "a", "query": [] }), "query"), (json!({ "name": "a" }), ""), (json!({ "name": "a", "query": {}, "owner": "somebody" }), "owner"),
        ] {
            assert_eq!(problem(&supplier.post(QUERIES, &body), 400, "QueryValidationException")["field"], field, "{body}");
        }
        let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("EQ_https://ns.example/f{n}"), json!(["1"]))).collect();
        problem(&supplier.post(QUERIES, &query("a", many.into())), 413, "QueryTooComplexException");
        problem(&supplier.post(QUERIES, &query("a", json!({ "EQ_userMemo": "x".repeat(40_000) }))), 413, "QueryTooComplexException");
        problem(&supplier.post_bytes(QUERIES, "text/plain", b"{}"), 415, "UnsupportedMediaTypeException");
        problem(&supplier.with("gs1-epcis-version", "1.2").post(QUERIES, &query("a", json!({}))), 406, "NotAcceptableException");
        problem(&leader.post(QUERIES, &query("a", json!({}))), 403, "SecurityException");
        problem(&town.program(User::Anonymous).post(QUERIES, &query("a", json!({}))), 401, "SecurityException");
        assert_eq!(town.fingerprint(), before);
        for n in 1..100 {
            supplier.post(QUERIES, &query(&format!("q{n}"), json!({}))).expect(201);
        }
        assert_eq!(supplier.post(QUERIES, &query("q100", json!({}))).expect(400).json()["rule"], "too-many");
        // What no name can be is refused before anything is asked for.
        assert_eq!(problem(&supplier.post(QUERIES, &query("a\u{1}b", json!({}))), 400, "QueryValidationException")["rule"], "body");
        town.check();
    }

    fn a_named_query_gives_its_reader_what_it_could_ask_itself_and_is_nobody_else_s(town) {
        let (ours, theirs) = (town.program(User::Supplier), town.program(User::Supplier));
        send(&ours, &document(&town.now(), json!([observed(1, json!({ "ex:grade": "A" }))]))).expect(202);
        send(&theirs, &document(&town.now(), json!([observed(2, json!({ "ex:grade": "A" }))]))).expect(202);
        let prefixed = ours.with("gs1-extensions", "ex=https://ns.example/");
        prefixed.post(QUERIES, &query("mine", json!({ "EQ_ex:grade": ["A"] }))).expect(201);
        let own = events(&ours.with("gs1-epc-format", "Never_Translates").get(&format!("{QUERIES}/mine/events")));
        assert_eq!((own.len(), &own[0]["epcList"][0]), (1, &json!("urn:epc:id:sgtin:0614141.112345.1")));
        for path in [format!("{QUERIES}/mine"), format!("{QUERIES}/mine/events"), format!("{QUERIES}/mine/subscriptions")] {
            problem(&theirs.get(&path), 404, "NoSuchNameException");
            problem(&town.program(User::Operator).get(&path), 404, "NoSuchNameException");
        }
        problem(&delete(&theirs, &format!("{QUERIES}/mine")), 404, "NoSuchNameException");
        // The same name is another query of another owner.
        theirs.post(QUERIES, &query("mine", json!({}))).expect(201);
        assert_eq!(events(&theirs.get(&format!("{QUERIES}/mine/events"))).len(), 1);
        // A renewed credential of a cooperative has its queries.
        town.program(User::Cooperative).post(QUERIES, &query("coop", json!({}))).expect(201);
        let renewed = town.program(User::Cooperative);
        assert_eq!(renewed.get(QUERIES).json().as_array().unwrap().len(), 1);
        delete(&renewed, &format!("{QUERIES}/coop")).expect(204);
        // A tracer sees all, in the book that the query names.
        let tracer = town.program(User::Tracer);
        tracer.post(&format!("{QUERIES}?book=xihai"), &query("xihai", json!({}))).expect(201);
        tracer.post(QUERIES, &query("all", json!({}))).expect(201);
        assert_eq!((events(&tracer.get(&format!("{QUERIES}/xihai/events"))).len(), events(&tracer.get(&format!("{QUERIES}/all/events"))).len()), (0, 2));
        problem(&tracer.get(&format!("{QUERIES}/xihai?book=beiyuan")), 404, "NoSuchNameException");
        problem(&ours.get(&format!("{QUERIES}/mine/events?book=xihai")), 403, "SecurityException");
        // Names are told page by page.
        let first = tracer.get(&format!("{QUERIES}?perPage=1"));
        assert_eq!(first.json()[0]["name"], "all");
        assert_eq!(tracer.get(&next_path(&town, &first).unwrap()).json()[0]["name"], "xihai");
        town.check();
    }
}
