//! Nothing is dated before what it rests on, and what is decided counts from when it is recorded: no figure is less than
//! nothing on any day, and what was printed keeps the names under which it was sold.

use harness::{Answer, Client, Town, User, on_every_store, sale};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/market/beiyuan/entries";
/// Long before the town was furnished.
const EARLIER: &str = "2026-01-02T00:00:00+08:00";

fn dated(client: &Client, kind: &str, occurred: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "occurred": occurred, "body": body }))
}

/// When an entry is said to have happened, and when it was recorded.
fn times(town: &Town, answer: Answer) -> (base::Seq, base::Time, base::Time) {
    let seq = base::Seq(answer.expect(201).json()["entry"]["seq"].as_u64().unwrap());
    let entry = town.site.kernel.entry(&town.book(), seq).unwrap().unwrap();
    (seq, entry.occurred, entry.recorded)
}

#[track_caller]
fn too_early(answer: Answer) {
    let refused = answer.expect(400).json();
    assert_eq!((&refused["rule"], &refused["field"]), (&json!("past-time"), &json!("occurred")));
}

on_every_store! {
    fn what_is_decided_about_goods_and_complaints_counts_from_when_it_is_recorded(town) {
        let (inspector, operator) = (town.program(User::Inspector), town.program(User::Operator));
        let at_once = |client: &Client, kind: &str, body: Value| {
            town.clock.advance_ms(60_000);
            let (seq, occurred, recorded) = times(&town, dated(client, kind, EARLIER, body));
            assert_eq!(occurred, recorded, "{kind}");
            seq.0
        };
        let hold = at_once(&inspector, "market.lot.held", json!({ "lot": "L1", "reason": "order", "inspection": null, "note": "抽检" }));
        let recall = json!({ "lot": "L1", "hold": hold, "notice_zh": "停止销售", "notice_en": "Do not eat it" });
        let recall = at_once(&inspector, "market.recall.opened", recall);
        at_once(&inspector, "market.recall.ended", json!({ "lot": "L1", "recall": recall, "outcome": "completed", "reason": "已追回" }));
        at_once(&inspector, "market.lot.released", json!({ "lot": "L1", "hold": hold, "inspection": null, "reason": "复检合格" }));
        at_once(&operator, "market.lot.split", json!({ "lot": "L1", "parts": [{ "lot": "L1a", "quantity_g": 100 }] }));
        let moved = json!({ "lot": "L1", "new_lot": "L1b", "to_stall": "A2", "to_merchant": "m2", "quantity_g": 100 });
        at_once(&operator, "market.lot.transferred", moved);
        at_once(&operator, "market.price.posted", json!({ "stall": "A1", "product": "tomato", "fen_per_kg": 700 }));
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        let slip = town.scale(1).post("/scale/v1/sales", &sold).expect(200).json()["lines"][0]["slip"].clone();
        let filed = json!({ "slip": slip, "text": "缺斤少两", "contact": null, "fair_scale_g": null });
        let filed = times(&town, dated(&operator, "market.complaint.filed", &town.now(), filed)).0;
        at_once(&operator, "market.complaint.settled", json!({ "complaint": filed.0, "outcome": "upheld", "refund_fen": 0, "text": "属实" }));
        town.check();
    }

    fn nothing_happens_to_goods_before_they_arrived_nor_to_a_stall_before_it_was_let(town) {
        let (inspector, operator) = (town.program(User::Inspector), town.program(User::Operator));
        let before = town.fingerprint();
        let test = |retest_of: Option<u64>| json!({ "lot": "L1", "method": "rapid-colloidal-gold", "item": "ractopamine", "reading": "1", "limit": null,
            "verdict": "fail", "retest_of": retest_of });
        too_early(dated(&inspector, "market.inspection.recorded", EARLIER, test(None)));
        too_early(dated(&operator, "market.lot.lost", EARLIER, json!({ "lot": "L1", "quantity_g": 100, "reason": "spoiled" })));
        let ended = json!({ "stall": "A1", "merchant": "m1", "reason": "到期" });
        too_early(dated(&operator, "market.lease.ended", EARLIER, ended.clone()));
        assert_eq!(town.fingerprint(), before);
        let leased = json!({ "stall": "A1", "merchant": "m1", "from": "2026-01-01", "until": "2026-12-31", "fee_fen": 60_000 });
        town.clock.advance_ms(24 * 3_600_000);
        let tested = times(&town, dated(&inspector, "market.inspection.recorded", &town.now(), test(None))).0;
        // A failed test is of the day on which it was made, and its hold counts from when it is recorded.
        let late = dated(&inspector, "market.inspection.recorded", "2026-03-10T08:30:00+08:00", json!({ "lot": "L2",
            "method": "rapid-colloidal-gold", "item": "ractopamine", "reading": "1", "limit": null, "verdict": "fail", "retest_of": null }));
        let hold = base::Seq(late.expect(201).json()["holds"][0]["seq"].as_u64().unwrap());
        let hold = town.site.kernel.entry(&town.book(), hold).unwrap().unwrap();
        assert_eq!(hold.occurred, hold.recorded);
        dated(&operator, "market.lease.ended", &town.now(), ended).expect(201);
        let yesterday = base::Time(town.site.kernel.now().0 - 24 * 3_600_000).to_string();
        too_early(dated(&operator, "market.stall.leased", &yesterday, leased.clone()));
        too_early(dated(&inspector, "market.inspection.recorded", &yesterday, test(Some(tested.0))));
        dated(&operator, "market.stall.leased", &town.now(), leased).expect(201);
        // Whoever has the stall by a lease that begins earlier had yesterday's goods there.
        dated(&operator, "market.lot.received", &yesterday, town.lot("L8", 1_000)).expect(201);
        town.check();
    }

    fn a_slip_keeps_the_name_under_which_the_goods_were_sold(town) {
        let sell = |counter: u32| {
            let sold = json!({ "sales": [sale(counter, "L1", 500, &town.now())] });
            let receipt = town.scale(1).post("/scale/v1/sales", &sold).expect(200).json();
            format!("/01/06901234567892/21/{}?lang=zh-CN", receipt["lines"][0]["slip"].as_str().unwrap())
        };
        let (operator, anyone) = (town.program(User::Operator), town.program(User::Anonymous));
        let renamed = |zh: &str| json!({ "product": "tomato", "title_zh": zh, "title_en": "Tomato", "category": "fruit-vegetable" });
        let names = |slip: &str| {
            let page = anyone.get(slip).expect(200).text();
            ["番茄", "有机番茄", "圣女果"].map(|name| page.contains(&format!(">{name} ")))
        };
        let first = sell(1);
        dated(&operator, "market.product.registered", &town.now(), renamed("有机番茄")).expect(201);
        let second = sell(2);
        dated(&operator, "market.product.registered", EARLIER, renamed("圣女果")).expect(201);
        assert_eq!((names(&first), names(&second)), ([true, false, false], [false, true, false]));
        assert_eq!(names(&sell(3)), [false, false, true]);
        town.check();
    }

    fn what_is_long_past_is_neither_written_down_nor_told_by_a_scale(town) {
        const DAY_MS: i64 = 24 * 3_600_000;
        let ago = |days: i64| base::Time(town.site.kernel.now().0 - days * DAY_MS).to_string();
        let operator = town.program(User::Operator);
        let received = |lot: &str, occurred: &str| dated(&operator, "market.lot.received", occurred, town.lot(lot, 1_000));
        town.clock.advance_ms(40 * DAY_MS);
        let before = town.fingerprint();
        for days in [32, 41, 36 * 365] {
            too_early(received("L7", &ago(days)));
        }
        assert_eq!(town.fingerprint(), before);
        received("L7", &ago(31)).expect(201);
        let offline = |counter: u32, occurred: &str| {
            let mut line = sale(counter, "L1", 500, occurred);
            line["offline"] = json!(true);
            town.scale(1).post("/scale/v1/sales", &json!({ "sales": [line] }))
        };
        // L1 came forty days ago.
        too_early(offline(1, &ago(72)));
        offline(2, &ago(71)).expect(200);
        town.check();
    }
}
