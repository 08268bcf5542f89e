//! What is decided about a lot is decided about every lot that came out of it.

use harness::{Answer, Client, Town, User, on_every_store};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/market/beiyuan/entries";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn split(lot: &str, parts: &[(&str, i64)]) -> Value {
    let part = |(lot, grams): &(&str, i64)| json!({ "lot": lot, "quantity_g": grams });
    json!({ "lot": lot, "parts": parts.iter().map(part).collect::<Vec<_>>() })
}

fn transfer(lot: &str, new_lot: &str, grams: i64) -> Value {
    json!({ "lot": lot, "new_lot": new_lot, "to_stall": "A2", "to_merchant": "m2", "quantity_g": grams })
}

fn test(lot: &str, verdict: &str, retest_of: Option<u64>) -> Value {
    json!({
        "lot": lot, "method": "enzyme-inhibition", "item": "organophosphate", "reading": "71 %", "limit": "50 %",
        "verdict": verdict, "retest_of": retest_of,
    })
}

fn order(lot: &str) -> Value {
    json!({ "lot": lot, "reason": "order", "inspection": null, "note": null })
}

fn release(lot: &str, hold: u64, inspection: Option<u64>) -> Value {
    json!({ "lot": lot, "hold": hold, "inspection": inspection, "reason": "复检合格" })
}

fn seq(recorded: &Value) -> u64 {
    recorded["entry"]["seq"].as_u64().unwrap()
}

/// The bodies of the entries that an answer lists under a name.
fn bodies(client: &Client, recorded: &Value, name: &str) -> Vec<Value> {
    let body = |receipt: &Value| {
        let path = format!("/api/ledger/beiyuan/{}", receipt["seq"]);
        client.get(&path).expect(200).json()["body"].clone()
    };
    recorded[name].as_array().unwrap().iter().map(body).collect()
}

fn lots(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["lot"].as_str().unwrap()).collect()
}

fn hold_of(client: &Client, lot: &str) -> Option<u64> {
    let account = client.get(&format!("/api/market/beiyuan/lots/{lot}")).expect(200).json();
    account["lot"]["hold"].as_u64()
}

fn blocked(scale: &Client) -> Vec<String> {
    let state = scale.get("/scale/v1/state").expect(200).json();
    let mut lots: Vec<String> = state["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["lot"].as_str().unwrap().to_owned())
        .collect();
    lots.sort_unstable();
    lots
}

fn held_figure(town: &Town) -> Value {
    let path = "/api/figures/market.lots.held?unit=371402&from=2026-03-10&to=2026-03-10";
    town.program(User::Leader).get(path).expect(200).json()["amount"].clone()
}

on_every_store! {
    fn a_failed_lot_takes_every_open_lot_that_came_out_of_it_off_sale_until_it_is_released(town) {
        let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
        let done = |kind: &str, body: Value| record(&operator, kind, body).expect(201).json();
        done("market.lot.split", split("L1", &[("L1a", 10_000), ("L1b", 5_000)]));
        done("market.lot.transferred", transfer("L1a", "L5", 4_000));
        done("market.lot.split", split("L5", &[("L5x", 1_000)]));
        done("market.lot.lost", json!({ "lot": "L1b", "quantity_g": 5_000, "reason": "spoiled", "note": null }));
        let (first, second) = (town.scale(1), town.scale(2));

        let failed = record(&inspector, "market.inspection.recorded", test("L1", "fail", None)).expect(201).json();
        let holds = bodies(&inspector, &failed, "holds");
        assert_eq!(lots(&holds), ["L1", "L1a", "L5", "L5x"], "what is empty needs no hold");
        let hold = failed["holds"][0]["seq"].as_u64().unwrap();
        for (at, scales) in [(1, [1]), (2, [2]), (3, [2])] {
            assert_eq!(holds[at]["reason"], "descent");
            assert_eq!(holds[at]["ancestor"], json!({ "lot": "L1", "hold": hold }));
            assert_eq!(holds[at]["scales"], json!(scales));
        }
        assert_eq!((blocked(&first), blocked(&second)), (vec!["L1".into(), "L1a".into()], vec!["L5".into(), "L5x".into()]));
        assert_eq!(held_figure(&town), 4);

        let before = town.fingerprint();
        for (kind, body) in [
            ("market.lot.transferred", transfer("L1a", "L6", 1_000)),
            ("market.lot.split", split("L5", &[("L6", 1_000)])),
        ] {
            assert_eq!(record(&operator, kind, body).expect(409).json()["rule"], "held-lot");
        }
        let early = record(&inspector, "market.lot.released", release("L5", hold_of(&inspector, "L5").unwrap(), None));
        assert_eq!(early.expect(409).json()["rule"], "ancestor-held");
        assert_eq!(town.fingerprint(), before);

        // A part that fails by itself stays held, and so does what came out of it.
        let own = record(&inspector, "market.inspection.recorded", test("L5", "fail", None)).expect(201).json();
        assert_eq!(own["holds"], json!([]));
        let passed = record(&inspector, "market.inspection.recorded", test("L1", "pass", Some(seq(&failed)))).expect(201).json();
        let released = record(&inspector, "market.lot.released", release("L1", hold, Some(seq(&passed)))).expect(201).json();
        let along = bodies(&inspector, &released, "releases");
        assert_eq!(lots(&along), ["L1a"]);
        assert_eq!(along[0]["inspection"], seq(&passed));
        assert_eq!((blocked(&first), blocked(&second)), (vec![], vec!["L5".into(), "L5x".into()]));

        let hold = hold_of(&inspector, "L5").unwrap();
        let untested = record(&inspector, "market.lot.released", release("L5", hold, None));
        assert_eq!(untested.expect(400).json()["rule"], "retest-missing");
        let passed = record(&inspector, "market.inspection.recorded", test("L5", "pass", Some(seq(&own)))).expect(201).json();
        let released = record(&inspector, "market.lot.released", release("L5", hold, Some(seq(&passed)))).expect(201).json();
        assert_eq!(lots(&bodies(&inspector, &released, "releases")), ["L5x"]);
        assert_eq!(blocked(&second), Vec::<String>::new());
        assert_eq!(held_figure(&town), 0);
        town.check();
    }

    fn a_part_that_an_order_holds_is_released_by_its_own_order_and_not_before_the_whole(town) {
        let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
        record(&operator, "market.lot.split", split("L1", &[("L1a", 10_000), ("L1b", 10_000)])).expect(201);
        let order_of = |lot: &str| record(&inspector, "market.lot.held", order(lot)).expect(201).json();
        let part = order_of("L1a");
        assert_eq!(part["holds"], json!([]));
        let whole = order_of("L1");
        assert_eq!(lots(&bodies(&inspector, &whole, "holds")), ["L1b"]);
        let early = record(&inspector, "market.lot.released", release("L1a", seq(&part), None));
        assert_eq!(early.expect(409).json()["rule"], "ancestor-held");
        let released = record(&inspector, "market.lot.released", release("L1", seq(&whole), None)).expect(201).json();
        assert_eq!(lots(&bodies(&inspector, &released, "releases")), ["L1b"]);
        assert_eq!(hold_of(&inspector, "L1a"), Some(seq(&part)));
        record(&inspector, "market.lot.released", release("L1a", seq(&part), None)).expect(201);
        let pretended = json!({ "lot": "L1", "reason": "descent", "inspection": null, "note": null });
        assert_eq!(record(&inspector, "market.lot.held", pretended).expect(400).json()["field"], "body.reason");
        town.check();
    }

    fn an_order_that_is_lifted_does_not_put_a_lot_on_sale_that_failed_its_test_meanwhile(town) {
        let inspector = town.program(User::Inspector);
        let hold = seq(&record(&inspector, "market.lot.held", order("L1")).expect(201).json());
        record(&inspector, "market.inspection.recorded", test("L1", "fail", None)).expect(201);
        let lifted = record(&inspector, "market.lot.released", release("L1", hold, None));
        assert_eq!(lifted.expect(400).json()["rule"], "retest-missing");
        assert_eq!(hold_of(&inspector, "L1"), Some(hold));
    }
}
