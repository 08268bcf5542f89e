//! What one rule let slip that another held: contacts without a note, recalls that stand, complaints that were left, days of the past.

use base::SubjectId;
use harness::{Client, Town, User, on_every_store, sale};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/market/beiyuan/entries";
const DAY_MS: i64 = 24 * 3_600_000;

fn record(client: &Client, kind: &str, body: Value) -> Value {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body })).expect(201).json()
}

/// Sells a gram of the lot, and returns the slip's code.
fn slip(town: &Town, counter: u32) -> String {
    let sales = json!({ "sales": [sale(counter, "L1", 100, &town.now())] });
    let sold = town.scale(1).post("/scale/v1/sales", &sales).expect(200).json();
    sold["lines"][0]["slip"].as_str().unwrap().to_owned()
}

fn noted(town: &Town) -> i64 {
    let count = |tx: &mut dyn store::Tx| tx.query_one("select count(*) from read_log", &[])?.unwrap().int(0);
    town.site.kernel.read(count).unwrap()
}

on_every_store! {
    fn the_contact_of_a_complaint_is_noted_before_any_page_shows_it(town) {
        let operator = town.browser(User::Operator).with("accept", "text/html");
        let body = json!({ "slip": slip(&town, 1), "text": "短斤少两", "contact": "13800000000" });
        let filed = record(&town.program(User::Operator), "market.complaint.filed", body);
        let page = format!("/market/beiyuan/complaints/{}", filed["entry"]["seq"]);
        assert!(operator.get(&page).expect(200).text().contains("13800000000"));
        let before = noted(&town);
        assert!(operator.post_form(&page, &[("outcome", "")]).expect(422).text().contains("13800000000"));
        assert_eq!(noted(&town), before + 1);
    }

    fn a_recall_that_stands_is_hidden_by_none_that_was_withdrawn(town) {
        const NOTICE: &str = "请勿食用";
        let code = slip(&town, 1);
        let shopper = town.program(User::Anonymous).with("accept", "text/html");
        let shown = || shopper.get(&format!("/01/06901234567892/21/{code}?lang=zh-CN")).expect(200).text();
        let inspector = town.program(User::Inspector);
        let act = |kind: &str, body: Value| record(&inspector, kind, body);
        let test = json!({ "lot": "L1", "method": "rapid", "item": "chlorpyrifos", "reading": "0.9", "limit": "0.1", "verdict": "fail", "retest_of": null });
        let hold = act("market.inspection.recorded", test)["holds"][0]["seq"].clone();
        let recall = |notice: &str| json!({ "lot": "L1", "hold": hold, "notice_zh": notice, "notice_en": "Do not eat it." });
        let end = |opened: &Value, outcome: &str| json!({ "lot": "L1", "recall": opened["entry"]["seq"], "outcome": outcome, "reason": "x" });
        let opened = act("market.recall.opened", recall(NOTICE));
        act("market.recall.ended", end(&opened, "completed"));
        for _ in 1..20 {
            let opened = act("market.recall.opened", recall("另一则"));
            act("market.recall.ended", end(&opened, "withdrawn"));
        }
        let refused = inspector.post(ENTRIES, &json!({ "kind": "market.recall.opened", "body": recall("另一则") })).expect(409).json();
        assert_eq!(refused["rule"], "too-many-recalls", "{refused}");
        town.clock.advance_ms(DAY_MS);
        for _ in 0..5 {
            let opened = act("market.recall.opened", recall("另一则"));
            act("market.recall.ended", end(&opened, "withdrawn"));
        }
        assert!(shown().contains(NOTICE), "what was completed stands");
        town.check();
    }

    fn what_is_taken_out_of_the_past_takes_the_password_again(town) {
        const POST: &str = "post:beiyuan-market/manager";
        town.holder("wei", &[POST]);
        let admin = town.browser(User::Admin);
        let leave = |until: &str| admin.post("/api/registry/leavings", &json!({ "post": POST, "account": "wei", "until": until }));
        town.clock.advance_ms(20 * 60_000);
        assert_eq!(leave("2026-03-05").expect(400).json()["field"], "password");
        leave("2026-03-31").expect(201);
        assert!(town.site.kernel.tree().unwrap().post(&SubjectId::new(POST).unwrap()).is_some());
    }
}
