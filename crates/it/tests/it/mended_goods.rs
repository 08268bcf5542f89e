//! Goods, complaints and recalls: what ends with what, what is counted of what was erased, and who leaves whom room.

use std::sync::Arc;

use base::{ActorId, UnitCode};
use harness::{Answer, Client, Ear, Engine, Recorder, Town, User, on_every_store, sale};
use kernel::NewToken;
use serde_json::{Value, json};

use crate::breach::give;
use crate::epcis::{document, observed};

const ENTRIES: &str = "/api/market/beiyuan/entries";
const ANSWERING: &str = "post:beiyuan-market/operator";
const SUPERVISING: &str = "post:371402/bureau";
const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn seq(answer: Answer) -> u64 {
    answer.expect(201).json()["entry"]["seq"].as_u64().unwrap()
}

fn test(lot: &str, verdict: &str) -> Value {
    json!({ "lot": lot, "method": "rapid", "item": "nitrite", "reading": "62 %", "limit": null, "verdict": verdict,
        "retest_of": null })
}

/// A new inspector whose right was granted on a unit.
fn inspector_of(town: &Town, unit: &str) -> Client {
    let unit = UnitCode::new(unit).unwrap();
    let line = Some("market".to_owned());
    let grant = access::Grant { role: "inspector".into(), unit: unit.clone(), line, subject: None };
    let token = NewToken { title: "an inspector".into(), unit, grants: vec![grant], expires: None };
    let by = ActorId::new("system:installation").unwrap();
    let issued = town.site.kernel.issue_token(&by, token).unwrap();
    town.site.client().bearer(&issued.credential.unwrap())
}

/// The states of matters of the market, by their names.
fn states(client: &Client, names: &[String]) -> Vec<String> {
    let state = |name: &String| {
        let seen = client.get(&format!("/api/matters/beiyuan/{name}")).expect(200).json();
        seen["matter"]["state"].as_str().unwrap().to_owned()
    };
    names.iter().map(state).collect()
}

/// Lets a lot and one that comes out of it fail a test each and pass another; returns the release that follows, and what both
/// are called that is owed for.
fn fail_and_pass(town: &Town, lot: &str) -> (Value, [String; 2]) {
    let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
    let part = format!("{lot}a");
    let split = json!({ "lot": lot, "parts": [{ "lot": part, "quantity_g": 1_000 }] });
    record(&operator, "market.lot.split", split).expect(201);
    let held = record(&inspector, "market.inspection.recorded", test(lot, "fail")).expect(201).json();
    let holds: Vec<u64> =
        held["holds"].as_array().unwrap().iter().map(|hold| hold["seq"].as_u64().unwrap()).collect();
    record(&inspector, "market.inspection.recorded", test(&part, "fail")).expect(201);
    record(&inspector, "market.inspection.recorded", test(&part, "pass")).expect(201);
    let passed = seq(record(&inspector, "market.inspection.recorded", test(lot, "pass")));
    let release = json!({ "lot": lot, "hold": holds[0], "inspection": passed, "reason": "复检合格" });
    (release, [format!("failed-test-{}", holds[0]), format!("failed-test-{}", holds[1])])
}

on_every_store! {
    fn what_a_lot_failed_by_itself_ends_when_it_is_released_with_the_one_it_came_out_of(town) {
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        give(&town, "li", "inspector", "371402", Some("market"));
        let (bureau, inspector) = (town.holder_again("li"), town.program(User::Inspector));
        let duties = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3,
            "breach_workdays": 2, "basis": "约定" });
        record(&inspector, "market.duties.assigned", duties).expect(201);

        let (release, owed) = fail_and_pass(&town, "L1");
        assert_eq!(states(&inspector, &owed), ["open", "open"]);
        let released = record(&bureau, "market.lot.released", release).expect(201).json();
        assert_eq!(released["releases"].as_array().unwrap().len(), 1);
        assert_eq!(states(&inspector, &owed), ["cancelled", "cancelled"]);

        // From whoever does not supervise it, both are handed in with the file that shows it.
        let (release, owed) = fail_and_pass(&town, "L2");
        let kept = inspector.post_bytes("/api/market/beiyuan/evidence", "application/octet-stream", PDF).expect(201).json();
        let sent = json!({ "kind": "market.lot.released", "body": release, "evidence": [kept["digest"]] });
        inspector.post(ENTRIES, &sent).expect(201);
        assert_eq!(states(&inspector, &owed), ["submitted", "submitted"]);
        town.check();
    }

    fn what_was_erased_of_complaints_about_slips_counts_among_none_without_a_slip(town) {
        const OF_DAY_MAX: u32 = 100;
        const SLIPS: u32 = 5;
        let (operator, admin) = (town.program(User::Operator), town.program(User::Admin));
        let lines: Vec<Value> = (1..=SLIPS).map(|counter| sale(counter, "L1", 100, &town.now())).collect();
        let sold = town.scale(1).post("/scale/v1/sales", &json!({ "sales": lines })).expect(200).json();
        let file = |slip: &Value| {
            let body = json!({ "slip": slip, "text": "短斤少两", "contact": "13800000000", "fair_scale_g": null });
            record(&operator, "market.complaint.filed", body)
        };
        let erase = |seq: u64| {
            let reason = json!({ "reason": "本人申请", "legal_basis": "个人信息保护法第四十七条" });
            admin.post(&format!("/api/ledger/beiyuan/{seq}/erase"), &reason).expect(201)
        };
        for line in sold["lines"].as_array().unwrap() {
            erase(seq(file(&line["slip"])));
        }
        for _ in 1..OF_DAY_MAX {
            file(&Value::Null).expect(201);
        }
        // What named no slip is one of them still when it was erased.
        erase(seq(file(&Value::Null)));
        assert_eq!(file(&Value::Null).expect(409).json()["rule"], "too-many-complaints-of-day");
        town.check();
    }

    fn who_recalls_a_lot_as_often_as_may_be_leaves_others_and_the_unit_above_theirs(town) {
        const OF_ONE_MAX: u64 = 20;
        const OF_UNIT_MAX: u64 = 60;
        const COUNTY: &str = "371402";
        let first = inspector_of(&town, COUNTY);
        let failed = record(&first, "market.inspection.recorded", test("L1", "fail")).expect(201).json();
        let recall = |by: &Client| {
            let notice = json!({ "lot": "L1", "hold": failed["holds"][0]["seq"], "notice_zh": "请勿食用", "notice_en": "Do not eat it." });
            record(by, "market.recall.opened", notice)
        };
        let recall_and_withdraw = |by: &Client| {
            let end = json!({ "lot": "L1", "recall": seq(recall(by)), "outcome": "withdrawn", "reason": "x" });
            record(by, "market.recall.ended", end).expect(201);
        };
        (0..OF_ONE_MAX).for_each(|_| recall_and_withdraw(&first));
        assert_eq!(recall(&first).expect(409).json()["rule"], "too-many-recalls");
        for _ in 1..OF_UNIT_MAX / OF_ONE_MAX {
            let other = inspector_of(&town, COUNTY);
            (0..OF_ONE_MAX).for_each(|_| recall_and_withdraw(&other));
        }
        let refused = recall(&inspector_of(&town, COUNTY)).expect(409).json();
        assert_eq!((&refused["rule"], &refused["field"]), (&json!("too-many-recalls"), &json!("body.lot")));
        recall(&inspector_of(&town, "371400")).expect(201);
        town.check();
    }
}

#[test]
fn a_document_that_is_refused_for_itself_has_nothing_asked_of_the_lots_that_it_names() {
    let Some(place) = Engine::Sqlite.place() else { return };
    let (ear, store) = (Ear::default(), place.store());
    let town = Town::on_store(place, Arc::new(Recorder::new(store, ear.clone())));
    let supplier = town.program(User::Supplier);
    let event = |serial: usize, time: &str, lot: &str| {
        observed(serial, json!({ "eventTime": time, "epcList": [format!("lot:beiyuan/{lot}")] }))
    };
    let (past, ahead) = ("2026-03-01T08:00:00+08:00", "2026-03-11T08:00:00+08:00");
    let send = |mode: &str, events: Vec<Value>| {
        let by = supplier.with("gs1-capture-error-behaviour", mode);
        by.post("/epcis/capture?book=beiyuan", &document("2026-03-01T08:00:00Z", Value::Array(events)))
    };
    // The lots that were asked for since the last time.
    let asked = || {
        let (heard, _) = ear.take();
        let of_lots = heard.into_iter().filter(|(sql, _)| sql.contains("from market_lot_told where lot in"));
        let values = of_lots.flat_map(|(_, sets)| sets).flatten();
        let mut lots: Vec<String> = values.map(|value| format!("{value:?}")).collect();
        lots.sort();
        lots
    };
    asked();
    send("rollback", vec![event(1, past, "A"), event(2, ahead, "B")]).expect(400);
    assert_eq!(asked(), Vec::<String>::new());
    send("proceed", vec![event(1, past, "A"), event(2, ahead, "B")]).expect(202);
    let [of_new] = &asked()[..] else { panic!("one lot of one event that is new") };
    assert!(of_new.contains("lot:beiyuan/A"), "{of_new}");
    // What is known already is not asked for again.
    send("rollback", vec![event(1, past, "A")]).expect(202);
    assert_eq!(asked(), Vec::<String>::new());

    let many = |serial: usize| {
        let lots: Vec<String> = (0..250).map(|lot| format!("lot:beiyuan/N{serial}-{lot}")).collect();
        observed(serial, json!({ "epcList": lots }))
    };
    let refused = send("rollback", (0..41).map(many).collect()).expect(400).json();
    assert!(refused["detail_en"].as_str().unwrap().contains("10000 lots"), "{refused}");
    assert_eq!(asked(), Vec::<String>::new());
    send("rollback", (0..40).map(many).collect()).expect(202);
    assert!(!asked().is_empty());
    town.check();
}
