//! Events of others and the goods of the house.

use super::*;

on_every_store! {
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
            (came(json!({ "inputQuantityList": harvest, "outputQuantityList": class("lot:xinshi/L1") })), "outputQuantityList"),
            (observed(1, json!({ "epcList": ["stall:xinshi/3-12"] })), "epcList"),
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
        // A slip has another name, which a foreign sender may spell under any domain.
        let code = slip.rsplit('/').next().unwrap();
        let [link, own] = ["https://id.gs1.org", "https://evil.example"].map(|domain| format!("{domain}/01/06901234567892/21/{code}"));
        for event in [
            came(json!({ "inputQuantityList": harvest, "outputEPCList": [link] })),
            came(json!({ "inputQuantityList": harvest, "outputEPCList": [format!("https://id.gs1.org/01/04012345123456/21/{code}"), own] })),
            observed(1, json!({ "epcList": [link] })),
        ] {
            let refused = problem(&send(&supplier, &document(&town.now(), json!([event]))), 400, "ValidationException");
            assert_eq!(refused["rule"], "own-subject", "{event}");
        }
        assert_eq!(town.fingerprint(), before);
        let elsewhere = format!("https://id.gs1.org/01/04012345123456/21/{code}");
        send(&supplier, &document(&town.now(), json!([observed(9, json!({ "epcList": [elsewhere] }))]))).expect(202);
        // That a lot was seen or went into something else is for others to tell.
        let told = json!([observed(1, json!({ "epcList": ["lot:beiyuan/L1"] })), came(json!({ "inputQuantityList": lot, "outputQuantityList": harvest }))]);
        send(&supplier, &document(&town.now(), told)).expect(202);
        let receipt = town.program(User::Scale).post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 500, &town.now())] })).expect(200).json();
        assert_eq!(receipt["lines"][0]["outcome"], "recorded", "{receipt}");
        // Nor was it told before the book is there.
        open_book(&town, "xinshi");
        let walk = town.program(User::Inspector).get("/api/trace?subject=lot:xinshi/L1&direction=backward&book=xinshi");
        assert!(!walk.text().contains("field7"), "{}", walk.text());
        town.check();
    }

    fn the_markets_own_entries_are_events_for_those_who_read_its_records(town) {
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        let seq = town.program(User::Scale).post("/scale/v1/sales", &sold).expect(200).json()["lines"][0]["seq"].clone();
        let (inspector, leader) = (town.program(User::Inspector), town.program(User::Leader));
        for path in [format!("{EVENTS}/entry:beiyuan%2F{seq}"), format!("{EVENTS}/entry%3Abeiyuan%2F{seq}")] {
            problem(&inspector.get(&path), 403, "SecurityException");
            let found = events(&leader.get(&path));
            assert_eq!((&found[0]["bizStep"], &found[0]["eventID"]), (&json!("retail_selling"), &json!(format!("entry:beiyuan/{seq}"))));
            assert_eq!(found[0]["inputQuantityList"][0], json!({ "epcClass": "lot:beiyuan/L1", "quantity": 0.5, "uom": "KGM" }));
        }
        problem(&inspector.get(&format!("{EVENTS}/entry:beiyuan%2F0")), 404, "NoSuchResourceException");
        problem(&inspector.get(&format!("{EVENTS}/entry:beiyuan%2F999999")), 404, "NoSuchResourceException");
        problem(&inspector.get(&format!("{EVENTS}/entry:xihai%2F0")), 403, "SecurityException");
        problem(&town.program(User::Supplier).get(&format!("{EVENTS}/entry:beiyuan%2F{seq}")), 403, "SecurityException");
    }
}
