//! Histories of a market that would grow without a bound, what is judged of them, and what they hide from nobody.

use base::{ActorId, SubjectId};
use harness::{Answer, Client, Town, User, add_stall, enter, on_every_store, sale};
use ledger::{Draft, Role};
use line_market::kinds::{InspectionRecorded, Verdict};
use line_market::record::of_day::{
    LEASES_OF_DAY_MAX, MOVES_OF_DAY_MAX, OFFERS_OF_MERCHANT_MAX, OFFERS_TO_STALL_MAX, RELEASES_OF_DAY_MAX,
    TESTS_OF_DAY_MAX, VERIFICATIONS_OF_DAY_MAX,
};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/market/beiyuan/entries";
const ANSWERING: &str = "post:beiyuan-market/operator";
const SUPERVISING: &str = "post:371402/bureau";
const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";
const DAY_MS: i64 = 24 * 3_600_000;

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

/// What a refusal is called, and the field that it names.
fn refused(answer: Answer) -> (String, String) {
    let problem = answer.expect(409).json();
    let text = |member: &str| problem[member].as_str().unwrap().to_owned();
    (text("rule"), text("field"))
}

fn of(rule: &str, field: &str) -> (String, String) {
    (rule.to_owned(), field.to_owned())
}

fn test(lot: &str, item: &str, verdict: &str) -> Value {
    json!({ "lot": lot, "method": "rapid", "item": item, "reading": "62 %", "limit": null, "verdict": verdict,
        "retest_of": null })
}

fn lot(lot: &str, product: &str) -> Value {
    json!({ "lot": lot, "merchant": "m1", "stall": "A1", "product": product, "quantity_g": 50_000,
        "supplier": "合作社", "origin": "山东", "document": null, "source": null })
}

/// Records so many failed tests of a lot in one job, as the rules of a day would not take.
fn fail(town: &Town, lot: &str, count: usize) {
    let (book, actor) = (town.book(), ActorId::new("system:test").unwrap());
    let [about, of] = [SubjectId::local("lot", &book, lot).unwrap().to_string(), lot.to_owned()];
    let failed = town.site.kernel.append_blocking::<_, _, ()>(move |desk| {
        for _ in 0..count {
            let body = InspectionRecorded {
                lot: of.clone(),
                method: "rapid".into(),
                item: "ractopamine".into(),
                reading: "62 %".into(),
                limit: None,
                verdict: Verdict::Fail,
                retest_of: None,
            };
            let draft = Draft::new(&book, desk.now(), &actor, &body).unwrap();
            desk.append(draft.subject(Role::About, SubjectId::new(&about).unwrap()))?;
        }
        Ok(())
    });
    failed.unwrap();
}

on_every_store! {
    fn a_lot_is_tested_and_released_so_often_on_a_day_and_held_whenever_it_must_be(town) {
        let inspector = town.program(User::Inspector);
        let tested = |verdict: &str| record(&inspector, "market.inspection.recorded", test("L1", "nitrite", verdict));
        for _ in 0..TESTS_OF_DAY_MAX {
            tested("pass").expect(201);
        }
        assert_eq!(refused(tested("pass")), of("too-many-tests", "body.lot"));
        // Who finds it good as often as may be keeps nobody from finding it bad.
        for _ in 0..TESTS_OF_DAY_MAX {
            tested("fail").expect(201);
        }
        assert_eq!(refused(tested("fail")), of("too-many-tests", "body.lot"));
        record(&inspector, "market.inspection.recorded", test("L2", "nitrite", "pass")).expect(201);

        let hold = || {
            let order = json!({ "lot": "L2", "reason": "order", "inspection": null, "note": null });
            record(&inspector, "market.lot.held", order).expect(201).json()["entry"]["seq"].as_u64().unwrap()
        };
        let release = |hold: u64| {
            record(&inspector, "market.lot.released", json!({ "lot": "L2", "hold": hold, "inspection": null, "reason": "查无问题" }))
        };
        for _ in 0..RELEASES_OF_DAY_MAX {
            release(hold()).expect(201);
        }
        let last = hold();
        assert_eq!(refused(release(last)), of("too-many-releases", "body.lot"));

        town.clock.advance_ms(DAY_MS);
        release(last).expect(201);
        // One test that passed takes all of them back.
        tested("pass").expect(201);
        let held = inspector.get("/api/market/beiyuan/lots/L1").expect(200).json()["lot"]["hold"].as_u64().unwrap();
        let page = inspector.with("accept", "text/html");
        page.get("/market/beiyuan/lots/L1/release").expect(200);
        let passed = inspector.get("/api/market/beiyuan/inspections").expect(200).json()[0]["seq"].as_u64().unwrap();
        let body = |on: Option<u64>| json!({ "lot": "L1", "hold": held, "inspection": on, "reason": "复检合格" });
        assert_eq!(record(&inspector, "market.lot.released", body(None)).expect(400).json()["rule"], "retest-missing");
        record(&inspector, "market.lot.released", body(Some(passed))).expect(201);
        town.check();
    }

    fn a_lot_is_released_with_the_one_it_came_out_of_no_more_often_than_by_itself(town) {
        let inspector = town.program(User::Inspector);
        let parts = json!({ "lot": "L1", "parts": [{ "lot": "L1a", "quantity_g": 1 }] });
        record(&town.program(User::Merchant), "market.lot.split", parts).expect(201);
        let hold = |lot: &str| {
            let order = json!({ "lot": lot, "reason": "order", "inspection": null, "note": null });
            record(&inspector, "market.lot.held", order).expect(201).json()["entry"]["seq"].as_u64().unwrap()
        };
        let release = |lot: &str, hold: u64| {
            record(&inspector, "market.lot.released", json!({ "lot": lot, "hold": hold, "inspection": null, "reason": "查无问题" }))
        };
        release("L1a", hold("L1a")).expect(201);
        for _ in 1..RELEASES_OF_DAY_MAX {
            let released = release("L1", hold("L1")).expect(201).json();
            assert_eq!(released["releases"].as_array().unwrap().len(), 1, "{released}");
        }
        let last = hold("L1");
        let before = town.fingerprint();
        assert_eq!(refused(release("L1", last)), of("too-many-releases", "body.lot"));
        assert_eq!(town.fingerprint(), before);
        town.clock.advance_ms(DAY_MS);
        release("L1", last).expect(201);
        town.check();
    }

    fn a_scale_is_moved_and_verified_and_a_stall_let_so_often_on_a_day(town) {
        let operator = town.program(User::Operator);
        let moved = |stall: &str| record(&operator, "market.scale.moved", json!({ "scale": 1, "stall": stall }));
        let verified = || record(&operator, "market.scale.verified", json!({ "scale": 1, "seal": "F2", "verified_until": "2027-03-09" }));
        let lease = || {
            record(&operator, "market.lease.ended", json!({ "stall": "A1", "merchant": "m1", "reason": "退租" })).expect(201);
            record(&operator, "market.stall.leased", json!({ "stall": "A1", "merchant": "m1", "from": "2026-03-10", "until": "2027-03-09", "fee_fen": 1 }))
        };
        for at in 0..MOVES_OF_DAY_MAX {
            moved(if at % 2 == 0 { "A2" } else { "A1" }).expect(201);
        }
        assert_eq!(refused(moved("A2")), of("too-many-of-scale", "body.scale"));
        record(&operator, "market.scale.moved", json!({ "scale": 2, "stall": "A1" })).expect(201);
        for _ in 0..VERIFICATIONS_OF_DAY_MAX {
            verified().expect(201);
        }
        assert_eq!(refused(verified()), of("too-many-of-scale", "body.scale"));
        for _ in 0..LEASES_OF_DAY_MAX {
            lease().expect(201);
        }
        assert_eq!(refused(lease()), of("too-many-leases", "body.stall"));
        town.clock.advance_ms(DAY_MS);
        moved("A2").expect(201);
        verified().expect(201);
    }

    fn no_merchant_fills_with_all_its_stalls_what_a_stall_is_offered(town) {
        const STALLS: u64 = OFFERS_OF_MERCHANT_MAX / OFFERS_TO_STALL_MAX;
        add_stall(&town.site.kernel, &town.book(), 3);
        let operator = town.program(User::Operator);
        let offer = |lot: &str, new_lot: &str| {
            let goods = json!({ "lot": lot, "new_lot": new_lot, "to_stall": "A3", "to_merchant": "m3", "quantity_g": 1 });
            record(&operator, "market.transfer.offered", goods)
        };
        for at in 0..=STALLS {
            let stall = format!("B{at}");
            record(&operator, "market.stall.opened", json!({ "stall": stall, "zone": "wet", "food": "raw", "area_dm2": 600 })).expect(201);
            record(&operator, "market.stall.leased", json!({ "stall": stall, "merchant": "m1", "from": "2026-03-10", "until": "2027-03-09", "fee_fen": 1 })).expect(201);
            let mut goods = lot(&format!("G{at}"), "tomato");
            goods["stall"] = stall.into();
            record(&operator, "market.lot.received", goods).expect(201);
        }
        for at in 0..STALLS {
            (0..OFFERS_TO_STALL_MAX).for_each(|n| drop(offer(&format!("G{at}"), &format!("N{at}-{n}")).expect(201)));
        }
        assert_eq!(refused(offer(&format!("G{STALLS}"), "N")), of("too-many-offers", "body.to_stall"));
        offer("L2", "H").expect(201);
        town.check();
    }

    fn a_paper_or_verification_is_accepted_once_its_next_day_is_recorded(town) {
        let manager = town.holder("wei", &[ANSWERING]);
        let bureau = town.holder("li", &[SUPERVISING]);
        let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
        let paper = |until: &str| json!({ "merchant": "m1", "certificate": "food_permit", "number": "JY1", "until": until });
        let verified = |until: &str| json!({ "scale": 1, "seal": "F2", "verified_until": until });
        record(&operator, "market.certificate.recorded", paper("2026-04-02")).expect(201);
        enter(&town.site.kernel, &town.book(), "market.scale.verified", verified("2026-04-03"));
        let duties = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
        record(&inspector, "market.duties.assigned", duties).expect(201);
        for (name, kind, body) in [
            ("food-permit-m1-2026-04-02", "market.certificate.recorded", paper("2028-01-01")),
            ("verification-1-2026-04-03", "market.scale.verified", verified("2027-03-01")),
        ] {
            let path = format!("/api/matters/beiyuan/{name}");
            let step = |by: &Client, version: u32, step: Value| by.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step }));
            step(&manager, 0, json!({ "verb": "taken", "by": ANSWERING })).expect(201);
            let kept = manager.post_bytes(&format!("{path}/evidence"), "application/octet-stream", PDF).expect(201).json();
            let file = json!([{ "digest": kept["digest"], "title": "新证", "effective": "2026-03-10" }]);
            step(&manager, 1, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file })).expect(201);
            let refused = step(&bureau, 2, json!({ "verb": "accepted" })).expect(409).json();
            assert_eq!(refused["detail_zh"], "尚未登记新的有效期，请先登记换发的证照或重新检定的结果。");
            record(&operator, kind, body).expect(201);
            step(&bureau, 2, json!({ "verb": "accepted" })).expect(201);
        }
        town.check();
    }

    fn the_file_of_a_lot_says_where_the_rest_went_however_many_bought_of_it(town) {
        let lines: Vec<Value> = (1..=1_010).map(|counter| sale(counter, "L1", 1, &town.now())).collect();
        town.scale(1).post("/scale/v1/sales", &json!({ "sales": lines })).expect(200);
        let operator = town.program(User::Operator);
        let loss = json!({ "lot": "L1", "quantity_g": 100, "reason": "spoiled" });
        let split = json!({ "lot": "L1", "parts": [{ "lot": "L1a", "quantity_g": 10 }] });
        for (kind, body) in [("market.lot.lost", loss), ("market.lot.split", split)] {
            record(&operator, kind, body).expect(201);
            let file = operator.get("/market/beiyuan/lots/L1/file.json").expect(200).json();
            let told = file["entries"].as_array().unwrap();
            assert_eq!(told.len(), 1_000);
            assert!(told.iter().any(|it| it["head"]["kind"] == kind), "{kind}");
        }
    }

    fn a_lot_that_failed_many_tests_hides_no_other_that_failed(town) {
        let operator = town.program(User::Operator);
        for (code, product) in [("Y1", "tomato"), ("Y2", "tomato"), ("X", "pork")] {
            record(&operator, "market.lot.received", lot(code, product)).expect(201);
            town.clock.advance_ms(1_000);
        }
        fail(&town, "Y1", 1);
        fail(&town, "X", 600);
        let told = town.program(User::Inspector).get("/api/market/beiyuan/lots/Y2").expect(200).json();
        assert_eq!(told["flag"]["lot"], "Y1");
        town.check();
    }
}
