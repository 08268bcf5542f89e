//! What a failed test leaves behind: on the slips that were printed, on lots of the same supplier, and in the times shown.

use base::UnitCode;
use harness::{Client, Town, User, enter_at, on_every_store, sale};
use kernel::NewToken;
use serde_json::{Value, json};

fn record(client: &Client, book: &str, kind: &str, body: Value) -> Value {
    record_at(client, book, kind, body, None)
}

fn record_at(client: &Client, book: &str, kind: &str, body: Value, occurred: Option<&str>) -> Value {
    let input = json!({ "kind": kind, "body": body, "occurred": occurred });
    client.post(&format!("/api/market/{book}/entries"), &input).expect(201).json()
}

fn test(lot: &str, verdict: &str) -> Value {
    json!({
        "lot": lot, "method": "enzyme-inhibition", "item": "organophosphate", "reading": "71 %", "limit": "50 %",
        "verdict": verdict, "retest_of": null,
    })
}

/// An inspector of the whole city.
fn city_inspector(town: &Town) -> Client {
    let grant = json!({ "role": "inspector", "unit": "371400", "line": "market" });
    let token = NewToken {
        title: "city".into(),
        unit: UnitCode::new("371400").unwrap(),
        grants: vec![serde_json::from_value(grant).unwrap()],
        expires: None,
    };
    let issued = town.site.kernel.issue_token(&base::ActorId::new("system:test").unwrap(), token).unwrap();
    town.site.client().bearer(&issued.credential.unwrap())
}

const HELD: &str = "已停售";
const NOTICE: &str = "请勿食用";
const RETESTED: &str = "经复检合格后解除停售";

on_every_store! {
    fn a_slip_tells_of_a_hold_that_ended_and_keeps_a_notice_that_was_not_withdrawn(town) {
        let sold = town.scale(1).post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 500, &town.now())] })).expect(200).json();
        let path = format!("/01/06901234567892/21/{}?lang=zh-CN", sold["lines"][0]["slip"].as_str().unwrap());
        let shopper = town.program(User::Anonymous).with("accept", "text/html");
        let slip = || shopper.get(&path).expect(200).text();
        let inspector = town.program(User::Inspector);
        let act = |kind: &str, body: Value| record(&inspector, "beiyuan", kind, body);
        assert!(!slip().contains("停售"));

        let failed = act("market.inspection.recorded", test("L1", "fail"));
        let hold = failed["holds"][0]["seq"].clone();
        assert!(slip().contains("role=\"alert\"") && !slip().contains(NOTICE));
        let notice = json!({ "lot": "L1", "hold": hold, "notice_zh": NOTICE, "notice_en": "Do not eat it." });
        let opened = act("market.recall.opened", notice.clone());
        assert!(slip().contains(NOTICE));
        let twice = json!({ "kind": "market.recall.opened", "body": notice });
        assert_eq!(inspector.post("/api/market/beiyuan/entries", &twice).expect(409).json()["rule"], "recall-open");

        town.clock.advance_ms(3_600_000);
        let passed = act("market.inspection.recorded", test("L1", "pass"));
        act("market.lot.released", json!({ "lot": "L1", "hold": hold, "inspection": passed["entry"]["seq"], "reason": "复检合格" }));
        let shown = slip();
        assert!(shown.contains(RETESTED) && shown.contains(NOTICE), "released, and not withdrawn: {shown}");
        assert!(shown.contains("08:00") && shown.contains("09:00"), "{shown}");

        let end = |outcome: &str| json!({ "lot": "L1", "recall": opened["entry"]["seq"], "outcome": outcome, "reason": "复检合格" });
        act("market.recall.ended", end("withdrawn"));
        let shown = slip();
        assert!(shown.contains(RETESTED) && !shown.contains(NOTICE) && !shown.contains("role=\"alert\"") && !shown.contains(HELD), "{shown}");
        let again = json!({ "kind": "market.recall.ended", "body": end("completed") });
        assert_eq!(inspector.post("/api/market/beiyuan/entries", &again).expect(409).json()["rule"], "recall-ended");

        // A second hold and recall, which is completed: its notice stands.
        let hold = act("market.inspection.recorded", test("L1", "fail"))["holds"][0]["seq"].clone();
        let notice = json!({ "lot": "L1", "hold": hold, "notice_zh": NOTICE, "notice_en": "Do not eat it." });
        let opened = act("market.recall.opened", notice);
        let browser = town.browser(User::Inspector).with("accept", "text/html");
        assert!(browser.get("/market/beiyuan/lots/L1/recall").expect(200).text().contains("/lots/L1/recall/end"));
        browser.get("/market/beiyuan/lots/L1/recall/end").expect(200);
        browser.post_form("/market/beiyuan/lots/L1/recall/end", &[("outcome", ""), ("reason", "")]).expect(422);
        browser.post_form("/market/beiyuan/lots/L1/recall/end", &[("outcome", "completed"), ("reason", "已完成")]).expect(303);
        assert!(slip().contains(NOTICE) && opened["entry"]["seq"].is_u64());
        town.check();
    }

    fn lots_of_a_supplier_whose_other_lot_failed_are_flagged_in_every_market_that_the_viewer_sees(town) {
        let (city, own) = (city_inspector(&town), town.program(User::Inspector));
        let flag = |viewer: &Client, lot: &str| viewer.get(&format!("/api/market/beiyuan/lots/{lot}")).expect(200).json()["flag"].clone();
        let failed = record(&city, "xihai", "market.inspection.recorded", test("L1", "fail"));
        assert_eq!(flag(&city, "L1"), json!({ "book": "xihai", "lot": "L1" }));
        assert_eq!(flag(&own, "L1"), Value::Null, "another county's market is not told of");
        let page = |path: &str| city.with("accept", "text/html").get(&format!("/market/beiyuan{path}lang=zh-CN")).expect(200).text();
        for path in ["/lots?", "/inspect?", "/lots/L1?"] {
            let shown = page(path);
            assert!(shown.contains("同供货方有批次不合格") || shown.contains("同一供货方的同种商品有批次"), "{path}");
            assert!(path == "/inspect?" || shown.contains("/market/xihai/lots/L1"), "{path}");
        }
        // Another product, another supplier and a delivery of long ago are not flagged.
        let operator = town.program(User::Operator);
        let mut other = town.lot("L7", 1_000);
        other["supplier"] = "德州合作社".into();
        record(&operator, "beiyuan", "market.lot.received", other);
        enter_at(&town.site.kernel, &town.book(), Some("2026-01-10T08:00:00+08:00"), "market.lot.received", town.lot("L8", 1_000));
        assert_eq!((flag(&city, "L7"), flag(&city, "L8")), (Value::Null, Value::Null));

        // What passed for something else, or before it failed, says nothing of the failure.
        let mut nitrite = test("L1", "pass");
        nitrite["item"] = "nitrite".into();
        record(&city, "xihai", "market.inspection.recorded", nitrite);
        assert_eq!(flag(&city, "L1"), json!({ "book": "xihai", "lot": "L1" }));
        let passed = record(&city, "xihai", "market.inspection.recorded", test("L1", "pass"));
        let release = json!({ "lot": "L1", "hold": failed["holds"][0]["seq"], "inspection": passed["entry"]["seq"], "reason": "x" });
        record(&city, "xihai", "market.lot.released", release);
        assert_eq!(flag(&city, "L1"), Value::Null);
        record(&own, "beiyuan", "market.inspection.recorded", test("L1", "fail"));
        assert_eq!(flag(&own, "L2"), json!({ "book": "beiyuan", "lot": "L1" }));
        assert_eq!(flag(&own, "L1"), Value::Null, "what failed is held, not flagged");

        // Goods came when they came, whenever a part of them got a code of its own.
        town.clock.advance_ms(40 * 24 * 3_600_000);
        let parts = json!([{ "lot": "L2A", "quantity_g": 100 }]);
        record(&operator, "beiyuan", "market.lot.split", json!({ "lot": "L2", "parts": parts }));
        assert_eq!(flag(&own, "L2A"), json!({ "book": "beiyuan", "lot": "L1" }));
        town.check();
    }

    fn a_hold_shows_when_it_happened_and_its_confirmation_is_measured_from_its_recording(town) {
        let (inspector, scale) = (town.program(User::Inspector), town.scale(1));
        let lot = |lot: &str| inspector.get(&format!("/api/market/beiyuan/lots/{lot}")).expect(200).json();
        // A test typed in two hours late holds the lot from now on: until now it could be sold.
        let late = record_at(&inspector, "beiyuan", "market.inspection.recorded", test("L1", "fail"), Some("2026-03-10T06:00:00+08:00"));
        assert_eq!(lot("L1")["lot"]["held_at"], town.now());
        let recorded = town.now();
        town.clock.advance_ms(2_300);
        scale.post("/scale/v1/acks", &json!({ "holds": [late["holds"][0]["seq"]] })).expect(200);
        let block = lot("L1")["blocks"][0].clone();
        assert_eq!((&block["held_at"], &block["recorded_at"], &block["after_ms"]), (&json!(recorded), &json!(recorded), &json!(2_300)));
        assert_eq!(block["acked_at"], town.now());

        // History that is loaded keeps its own time.
        let then = "2021-12-10T10:30:00+08:00";
        let load = |occurred: &str, kind: &str, body: Value| enter_at(&town.site.kernel, &town.book(), Some(occurred), kind, body);
        load("2021-12-10T06:00:00+08:00", "market.lot.received", town.lot("L7", 1_000));
        let recorded = town.now();
        let old = load(then, "market.inspection.recorded", test("L7", "fail")).holds[0].seq;
        let held_at = lot("L7")["lot"]["held_at"].clone();
        assert_eq!(base::Time::parse(held_at.as_str().unwrap()).unwrap(), base::Time::parse(then).unwrap());
        town.clock.advance_ms(1_200);
        scale.post("/scale/v1/acks", &json!({ "holds": [old.0] })).expect(200);
        let block = lot("L7")["blocks"][0].clone();
        assert_eq!((&block["held_at"], &block["recorded_at"], &block["after_ms"]), (&held_at, &json!(recorded), &json!(1_200)));
        town.check();
    }
}
