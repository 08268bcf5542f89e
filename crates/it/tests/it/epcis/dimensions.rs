//! What is known of each dimension, and page tokens.

use super::*;

fn members(client: &Client, path: &str) -> Vec<String> {
    let answer = client.get(path).expect(200).json();
    assert_eq!((&answer["type"], &answer["@context"]), (&json!("Collection"), &json!(STANDARD)));
    answer["member"].as_array().unwrap().iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

/// All pages of a list.
fn all(town: &Town, client: &Client, path: &str, per_page: usize) -> Vec<String> {
    let mut path = format!("{path}?perPage={per_page}");
    let mut found = Vec::new();
    loop {
        let page = members(client, &path);
        assert!(page.len() <= per_page);
        found.extend(page);
        match next(town, &client.get(&path)) {
            Some(following) => path = following,
            None => return found,
        }
    }
}

/// The path of the next page.
fn next(town: &Town, answer: &Answer) -> Option<String> {
    let link = answer.header("link").strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned();
    Some(link.strip_prefix(town.site.base.as_str()).unwrap().to_owned())
}

on_every_store! {
    fn each_dimension_lists_what_is_known_and_leads_to_its_events(town) {
        let (supplier, other) = (town.program(User::Supplier), town.program(User::Supplier));
        let (tracer, operator) = (town.program(User::Tracer), town.program(User::Operator));
        let events_of_ours: Vec<Value> = (0..5).map(|n| observed(n, json!({
            "bizStep": (["shipping", "https://ns.example/weighing"][n % 2]), "disposition": (["in_transit", "ex:muddy"][n % 2]),
            "readPoint": { "id": format!("urn:epc:id:sgln:0614141.1234{n}.0") }, "bizLocation": { "id": "https://yard.example/414/0614141123452" },
        }))).collect();
        send(&supplier, &document(&town.now(), events_of_ours.into())).expect(202);
        let theirs = observed(9, json!({ "type": "https://ns.example/Harvest", "bizStep": "urn:x:secret", "readPoint": { "id": "urn:x:theirs" } }));
        send(&other, &document(&town.now(), json!([theirs]))).expect(202);
        send(&supplier, &document(&town.now(), json!([observed(0, json!({ "action": "DELETE" }))]))).expect(202);

        for per_page in [1, 3, 100] {
            let steps = all(&town, &supplier, "/epcis/bizSteps", per_page);
            assert_eq!((steps.len(), steps.last().unwrap().as_str()), (42, "https://ns.example/weighing"), "{steps:?}");
            assert_eq!(all(&town, &tracer, "/epcis/bizSteps", per_page).len(), 43);
            assert_eq!(all(&town, &supplier, "/epcis/eventTypes", per_page).len(), 5);
            assert_eq!(all(&town, &tracer, "/epcis/eventTypes", per_page).last().unwrap(), "https://ns.example/Harvest");
            assert_eq!(all(&town, &supplier, "/epcis/dispositions", per_page).last().unwrap(), "https://ns.example/muddy");
            assert_eq!(all(&town, &supplier, "/epcis/readPoints", per_page).len(), 5);
            assert_eq!(all(&town, &operator, "/epcis/readPoints", per_page).len(), 6);
            assert_eq!(all(&town, &supplier, "/epcis/bizLocations", per_page), ["https://id.gs1.org/414/0614141123452"]);
            let things = |serials: &[usize]| serials.iter().map(|n| format!("https://id.gs1.org/01/10614141123459/21/{n}")).collect::<Vec<_>>();
            assert_eq!(all(&town, &supplier, "/epcis/epcs", per_page), things(&[0, 1, 2, 3, 4]));
            assert_eq!(all(&town, &tracer, "/epcis/epcs", per_page), things(&[0, 1, 2, 3, 4, 9]));
        }
        assert_eq!(members(&supplier, "/epcis"), members(&supplier, "/epcis/"));
        assert_eq!(members(&supplier, "/epcis").len(), 9);

        for (path, found) in [
            ("eventTypes/ObjectEvent", 6), ("bizSteps/shipping", 4), ("bizSteps/urn:epcglobal:cbv:bizstep:shipping", 4), ("bizSteps/receiving", 0),
            ("bizSteps/https%3A%2F%2Fns.example%2Fweighing", 2), ("dispositions/in_transit", 3), ("readPoints/urn:epc:id:sgln:0614141.12343.0", 1),
            ("bizLocations/https%3A%2F%2Fid.gs1.org%2F414%2F0614141123452", 5), ("epcs/urn:epc:id:sgtin:0614141.112345.0", 2),
            ("epcs/https%3A%2F%2Fshop.example%2F01%2F10614141123459%2F21%2F3", 1),
        ] {
            assert_eq!(members(&supplier, &format!("/epcis/{path}")), ["events"], "{path}");
            assert_eq!(events(&supplier.get(&format!("/epcis/{path}/events"))).len(), found, "{path}");
            supplier.send("OPTIONS", &format!("/epcis/{path}"), None, &[]).unwrap().expect(204);
        }
        assert_eq!(events(&supplier.get("/epcis/bizSteps/shipping/events?EQ_action=DELETE")).len(), 1);
        for path in ["eventTypes/Harvest", "bizSteps/eating", "bizSteps/urn:x:secret", "dispositions/urn:x:none", "readPoints/urn:x:theirs", "bizLocations/x", "epcs/urn:epc:id:sgtin:0614141.112345.9", "epcs/urn:x:none"] {
            for end in ["", "/events"] {
                problem(&supplier.get(&format!("/epcis/{path}{end}")), 404, "NoSuchResourceException");
            }
        }
        problem(&supplier.get("/epcis/bizSteps/shipping/events?EQ_bizStep=packing"), 400, "QueryParameterException");
        problem(&supplier.get("/epcis/bizSteps?perPage=0"), 400, "QueryParameterException");
        problem(&supplier.get(&format!("/epcis/events?EQ_stringValue={}", "x".repeat(9_000))), 414, "URITooLongException");
    }

    fn a_page_token_holds_an_hour_for_its_list_and_its_reader_unless_it_is_ended(town) {
        let (supplier, tracer) = (town.program(User::Supplier), town.program(User::Tracer));
        let many: Vec<Value> = (0..5).map(|n| observed(n, json!({}))).collect();
        send(&supplier, &document(&town.now(), many.into())).expect(202);
        let first = supplier.get(&format!("{EVENTS}?perPage=2&EQ_bizStep=shipping"));
        assert_eq!(first.header("gs1-next-page-token-expires"), "2026-03-10T01:00:00.000Z");
        let path = next(&town, &first).unwrap();
        assert_eq!(events(&supplier.get(&path)).len(), 2);
        assert_eq!(events(&supplier.get(&path.replace("perPage=2", "perPage=3"))).len(), 3, "a page may have another size");
        for wrong in [path.replace("shipping", "receiving"), path.replace("&EQ_bizStep=shipping", ""), path.replace("/events", "/eventTypes/ObjectEvent/events")] {
            assert_eq!(problem(&supplier.get(&wrong), 400, "QueryParameterException")["field"], "nextPageToken", "{wrong}");
        }
        problem(&tracer.get(&path), 400, "QueryParameterException");
        let token = path.split("nextPageToken=").nth(1).unwrap().split('&').next().unwrap();
        let end = |client: &Client, token: &str| client.send("DELETE", &format!("/epcis/nextPageToken/{token}"), None, &[]).unwrap();
        end(&tracer, token).expect(204);
        assert_eq!(events(&supplier.get(&path)).len(), 2, "another's token is not ended");
        for token in [token, token, "x", "0.0.0"] {
            end(&supplier, token).expect(204);
        }
        problem(&supplier.get(&path), 400, "QueryParameterException");
        end(&town.program(User::Anonymous), token).expect(401);
        let path = next(&town, &first).unwrap();
        let other = next(&town, &supplier.get(&format!("{EVENTS}?perPage=1"))).unwrap();
        town.clock.advance_ms(60 * 60 * 1_000 - 1);
        assert_eq!(events(&supplier.get(&other)).len(), 1);
        town.clock.advance_ms(1);
        problem(&supplier.get(&other), 400, "QueryParameterException");
        problem(&supplier.get(&path), 400, "QueryParameterException");
        town.check();
    }
}
