//! Nobody answers to themselves alone: what failed is released on a test for what it failed.

use harness::{Answer, Client, User, on_every_store};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/market/beiyuan/entries";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn seq(answer: Answer) -> u64 {
    answer.expect(201).json()["entry"]["seq"].as_u64().unwrap()
}

fn rule(answer: Answer, status: u16) -> Value {
    answer.expect(status).json()["rule"].clone()
}

fn test(item: &str, verdict: &str, retest_of: Option<u64>) -> Value {
    json!({ "lot": "L1", "method": "rapid-colloidal-gold", "item": item, "reading": "1", "limit": null,
        "verdict": verdict, "retest_of": retest_of })
}

fn release(hold: u64, inspection: Option<u64>) -> Value {
    json!({ "lot": "L1", "hold": hold, "inspection": inspection, "reason": "复检合格" })
}

on_every_store! {
    fn a_lot_that_failed_is_released_on_a_later_test_for_what_it_failed(town) {
        let inspector = town.program(User::Inspector);
        let tested = |item: &str, verdict: &str| seq(record(&inspector, "market.inspection.recorded", test(item, verdict, None)));
        let released = |hold: u64, on: Option<u64>| record(&inspector, "market.lot.released", release(hold, on));
        let failed = record(&inspector, "market.inspection.recorded", test("ractopamine", "fail", None)).expect(201).json();
        let hold = failed["holds"][0]["seq"].as_u64().unwrap();
        let backdated = |item: &str| {
            let body = test(item, "pass", None);
            seq(inspector.post(ENTRIES, &json!({ "kind": "market.inspection.recorded", "occurred": "2026-03-01T00:00:00Z", "body": body })))
        };
        for on in [backdated("organophosphate"), backdated("ractopamine"), tested("organophosphate", "pass")] {
            assert_eq!(rule(released(hold, Some(on)), 400), "retest-missing");
        }
        assert_eq!(rule(released(hold, None), 400), "retest-missing");
        let page = inspector.with("accept", "text/html").get("/market/beiyuan/lots/L1/release").expect(200).text();
        assert!(page.contains("同一项目的复检合格") || page.contains("for the same item"), "{page}");
        let passed = tested("ractopamine", "pass");
        tested("organophosphate", "pass");
        released(hold, Some(passed)).expect(201);

        // An order that is lifted takes no failed test back either; who names what they repeat may call the item otherwise.
        let order = json!({ "lot": "L1", "reason": "order", "inspection": null, "note": null });
        let hold = seq(record(&inspector, "market.lot.held", order));
        let failed = tested("clenbuterol", "fail");
        tested("organophosphate", "pass");
        assert_eq!(rule(released(hold, None), 400), "retest-missing");
        record(&inspector, "market.inspection.recorded", test("clenbuterol-gc-ms", "pass", Some(failed))).expect(201);
        released(hold, None).expect(201);
        town.check();
    }
}
