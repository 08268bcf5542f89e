//! What somebody who is not signed in may do, and how often.

use harness::{Answer, Client, Town, User, on_every_store, sale};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/market/beiyuan/entries";

/// Sells from L1 on scale 1, and returns the serial of the slip.
fn sell(town: &Town, counter: u32) -> String {
    let sold = json!({ "sales": [sale(counter, "L1", 500, &town.now())] });
    let receipt = town.program(User::Scale).post("/scale/v1/sales", &sold).expect(200).json();
    receipt["lines"][0]["slip"].as_str().unwrap().to_owned()
}

fn complaint(slip: Value) -> Value {
    let body = json!({ "slip": slip, "text": "缺斤少两", "contact": null, "fair_scale_g": null });
    json!({ "kind": "market.complaint.filed", "body": body })
}

/// Sends a request until it is refused for coming too often, at most so many times.
#[track_caller]
fn until_refused(times_max: usize, send: impl Fn() -> Answer) -> Answer {
    let refused = (0..times_max).map(|_| send()).find(|answer| answer.status == 429);
    let refused = refused.unwrap_or_else(|| panic!("not refused after {times_max} times"));
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    refused
}

on_every_store! {
    fn a_complaint_of_nobody_names_a_slip_is_dated_by_the_server_and_brings_no_evidence(town) {
        let slip = sell(&town, 1);
        let anyone = town.program(User::Anonymous);
        let before = town.fingerprint();
        for unknown in [json!(null), json!(7), json!(format!("{}0", &slip[..slip.len() - 1])), json!("x")] {
            let answer = anyone.post(ENTRIES, &complaint(unknown)).expect(400);
            assert_eq!(answer.json()["field"], "body.slip", "{}", answer.text());
        }
        assert_eq!(town.fingerprint(), before);
        let mut input = complaint(json!(slip));
        input["occurred"] = "2020-01-01T00:00:00+08:00".into();
        input["evidence"] = json!(["0".repeat(64)]);
        let seq = anyone.post(ENTRIES, &input).expect(201).json()["entry"]["seq"].clone();
        let seq = base::Seq(seq.as_u64().unwrap());
        let filed = town.site.kernel.entry(&town.book(), seq).unwrap().unwrap();
        assert_eq!((filed.occurred, filed.evidence), (town.site.kernel.now(), Vec::new()));
    }

    fn complaints_by_the_api_count_against_the_same_limit_as_those_by_the_form(town) {
        let (slip, other) = (sell(&town, 1), sell(&town, 2));
        let anyone: Client = town.program(User::Anonymous);
        until_refused(30, || anyone.post(ENTRIES, &complaint(json!(slip))));
        let form = format!("/01/06901234567892/21/{slip}/complaint");
        anyone.post_form(&form, &[("text", "缺斤少两")]).expect(429);
        town.program(User::Operator).post(ENTRIES, &complaint(json!(other))).expect(201);
    }

    fn a_slip_shows_its_sale_however_many_complaints_are_about_it(town) {
        let slip = sell(&town, 1);
        let inspector = town.program(User::Inspector);
        let file = || {
            let seq = inspector.post(ENTRIES, &complaint(json!(slip))).expect(201).json()["entry"]["seq"].clone();
            let settled = json!({ "complaint": seq, "outcome": "upheld", "refund_fen": 0, "text": "属实" });
            let settled = json!({ "kind": "market.complaint.settled", "body": settled });
            inspector.post(ENTRIES, &settled).expect(201);
            seq
        };
        let filed: Vec<Value> = (0..60).map(|_| file()).collect();
        let page = town.program(User::Anonymous).get(&format!("/01/06901234567892/21/{slip}")).expect(200).text();
        assert!(page.contains(&slip), "{page}");
        let page = inspector.get(&format!("/market/beiyuan/complaints/{}", filed[0])).expect(200).text();
        assert!(page.contains("A1"), "the stall of the sale: {page}");
    }
}
