//! No merchant and no operator keeps an inspector from holding goods, nor a scale from hearing of it; and what an order rests
//! on is a test.

use base::limits::{BLOCKS_MAX, LOT_BRANCH_PART, LOT_FAMILY_MAX, PRODUCTS_MAX, SCALES_AT_STALL_MAX};
use base::{ActorId, Day, SubjectId};
use harness::{Answer, Client, Site, Town, User, on_every_store, sale};
use ledger::{Body, Draft, Role};
use line_market::kinds::{HoldReason, LotHeld, LotReleased, ProductRegistered, ScaleEnrolled};
use serde_json::{Value, json};

use crate::let_again::refused;

const ENTRIES: &str = "/api/market/beiyuan/entries";
/// No book has an entry of that number; as a signed one it is negative.
const NO_ENTRY: u64 = 9_223_372_036_854_776_832;

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn test(lot: &str, verdict: &str) -> Value {
    json!({
        "lot": lot, "method": "enzyme-inhibition", "item": "organophosphate", "reading": "71 %", "limit": null,
        "verdict": verdict, "retest_of": null,
    })
}

fn hold(lot: &str, reason: &str, inspection: Option<u64>) -> Value {
    json!({ "lot": lot, "reason": reason, "inspection": inspection, "note": null })
}

fn release(lot: &str, hold: u64, inspection: Option<u64>) -> Value {
    json!({ "lot": lot, "hold": hold, "inspection": inspection, "reason": "复检合格" })
}

fn split(lot: &str, parts: impl IntoIterator<Item = String>) -> Value {
    let parts: Vec<Value> = parts.into_iter().map(|lot| json!({ "lot": lot, "quantity_g": 1 })).collect();
    json!({ "lot": lot, "parts": parts })
}

fn transfer(lot: &str, new_lot: &str) -> Value {
    json!({ "lot": lot, "new_lot": new_lot, "to_stall": "A2", "to_merchant": "m2", "quantity_g": 1 })
}

fn scale(scale: u32, stall: &str) -> ScaleEnrolled {
    let [verified, verified_until] = ["2026-01-01", "2026-12-31"].map(|day| Day::parse(day).unwrap());
    let (serial, seal) = (format!("S{scale}"), "F1".to_owned());
    ScaleEnrolled {
        scale,
        stall: Some(stall.to_owned()),
        serial,
        seal,
        verified,
        verified_until,
        fair: false,
    }
}

pub fn seq(answer: Answer) -> u64 {
    answer.expect(201).json()["entry"]["seq"].as_u64().unwrap()
}

/// Records what the rules of today would not take, as an earlier version did.
pub fn put<B: Body>(town: &Town, lot: &str, bodies: Vec<B>) {
    let (book, actor) = (town.book(), ActorId::new("system:test").unwrap());
    let lot = SubjectId::local("lot", &book, lot).unwrap();
    let put = town.site.kernel.append_blocking::<_, _, ()>(move |desk| {
        for body in &bodies {
            let draft = Draft::new(&book, desk.now(), &actor, body).unwrap();
            desk.append(draft.subject(Role::About, lot.clone()))?;
        }
        Ok(())
    });
    put.unwrap();
}

fn of(rule: &str, field: &str) -> (String, String) {
    (rule.to_owned(), field.to_owned())
}

fn holds_told(scale: &Client) -> Vec<u64> {
    let state = scale.get("/scale/v1/state").expect(200).json();
    state["blocks"].as_array().unwrap().iter().map(|block| block["hold"].as_u64().unwrap()).collect()
}

on_every_store! {
    fn an_order_rests_on_a_test_of_the_lot_or_on_none(town) {
        let (merchant, inspector) = (town.program(User::Merchant), town.program(User::Inspector));
        let tested = |lot: &str, verdict: &str| seq(record(&inspector, "market.inspection.recorded", test(lot, verdict)));
        record(&merchant, "market.lot.split", split("L1", ["L1a".to_owned()])).expect(201);
        let (own, other) = (tested("L1", "pass"), tested("L2", "pass"));
        let no_test = of("unknown-entry", "body.inspection");
        let before = town.fingerprint();
        for (reason, inspection) in [("order", NO_ENTRY), ("order", u64::MAX), ("order", 0), ("order", other), ("same_supplier", 0)] {
            assert_eq!(refused(record(&inspector, "market.lot.held", hold("L1", reason, Some(inspection))), 400), no_test);
        }
        assert_eq!(town.fingerprint(), before);
        let by_supplier = seq(record(&inspector, "market.lot.held", hold("L1", "same_supplier", Some(other))));
        let before = town.fingerprint();
        for inspection in [NO_ENTRY, u64::MAX, by_supplier, other] {
            assert_eq!(refused(record(&inspector, "market.lot.released", release("L1", by_supplier, Some(inspection))), 400), no_test);
        }
        assert_eq!(town.fingerprint(), before);
        record(&inspector, "market.lot.released", release("L1", by_supplier, Some(own))).expect(201);

        let part = seq(record(&inspector, "market.lot.held", hold("L1a", "order", Some(own))));
        record(&inspector, "market.lot.released", release("L1a", part, Some(own))).expect(201);
        town.check();
    }

    fn a_release_that_names_no_entry_of_any_book_is_read_as_one_that_rests_on_none(town) {
        let sold = town.scale(1).post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 500, &town.now())] })).expect(200).json();
        let slip = format!("/01/06901234567892/21/{}?lang=zh-CN", sold["lines"][0]["slip"].as_str().unwrap());
        let ordered = seq(record(&town.program(User::Inspector), "market.lot.held", hold("L1", "order", None)));
        put(&town, "L1", vec![LotReleased { lot: "L1".into(), hold: ordered, inspection: Some(NO_ENTRY), reason: "x".into() }]);
        let browser = town.browser(User::Inspector).with("accept", "text/html");
        let read = |town: &Town| {
            let shopper = town.program(User::Anonymous).with("accept", "text/html");
            let shown = shopper.get(&slip).expect(200).text();
            assert!(shown.contains("停售") && !shown.contains("经复检合格"), "{shown}");
            for page in ["", "/file", "/recall"] {
                browser.at(&town.site.base).get(&format!("/market/beiyuan/lots/L1{page}")).expect(200);
            }
            town.check();
        };
        read(&town);

        // A database in which the number stands as an earlier version wrote it.
        let clock = town.clock.clone();
        let place = town.close();
        let store = place.store();
        {
            let mut writer = store.writer().unwrap();
            let mut tx = writer.begin().unwrap();
            let spoilt = format!("update market_hold set retest = {} where hold = {ordered}", NO_ENTRY.cast_signed());
            assert_eq!(tx.as_tx().execute(&spoilt, &[]).unwrap(), 1);
            tx.as_tx().execute("delete from schema_step where owner = 'market' and number = 17", &[]).unwrap();
            tx.commit().unwrap();
        }
        let site = Site::serve(&place.config(), store, clock.clone());
        read(&Town { site, clock, place });
    }

    fn however_a_lot_is_cut_all_that_came_out_of_it_is_held_and_released_with_it(town) {
        let (operator, merchant, inspector) = (town.program(User::Operator), town.program(User::Merchant), town.program(User::Inspector));
        let cut = |lot: &str, at: usize, parts: usize| record(&merchant, "market.lot.split", split(lot, (at..at + parts).map(|at| format!("P{at}"))));
        let large = json!({ "lot": "L1", "parts": [{ "lot": "P0", "quantity_g": 50_000 }] });
        record(&merchant, "market.lot.split", large).expect(201);
        for at in (1..LOT_FAMILY_MAX - 49).step_by(50) {
            cut("P0", at, 50).expect(201);
        }
        let known = LOT_FAMILY_MAX - 49;
        let offer = seq(record(&operator, "market.transfer.offered", transfer("P0", "O1")));
        cut("L1", known, 49).expect(201);
        let before = town.fingerprint();
        let full = |answer: Answer, field: &str| assert_eq!(refused(answer, 409), of("too-many-lots", field));
        for lot in ["L1", "P0", "P1"] {
            full(cut(lot, 1_000, 1), "body.parts");
            full(record(&operator, "market.lot.transferred", transfer(lot, "T1")), "body.lot");
            full(record(&operator, "market.transfer.offered", transfer(lot, "T1")), "body.lot");
        }
        full(record(&operator, "market.transfer.accepted", json!({ "offer": offer })), "body.offer");
        assert_eq!(town.fingerprint(), before);
        let told = cut("P0", 1_000, 1).json();
        assert!(told["detail_zh"].as_str().unwrap().contains("上限") && told["detail_en"].as_str().unwrap().contains("at most 500"), "{told}");
        let counted = |most: usize| town.site.kernel.read(|tx| line_market::state::count_out_of(tx, &town.book(), "L1", most)).unwrap();
        assert_eq!((counted(7), counted(10_000)), (7, LOT_FAMILY_MAX), "no more is counted than is asked");
        record(&operator, "market.lot.split", split("L2", ["Q1".to_owned()])).expect(201);

        let failed = record(&inspector, "market.inspection.recorded", test("L1", "fail")).expect(201).json();
        assert_eq!(failed["holds"].as_array().unwrap().len(), 1 + LOT_FAMILY_MAX);
        assert_eq!(holds_told(&town.scale(1)).len(), 1 + LOT_FAMILY_MAX);
        let passed = seq(record(&inspector, "market.inspection.recorded", test("L1", "pass")));
        let first = failed["holds"][0]["seq"].as_u64().unwrap();
        let released = record(&inspector, "market.lot.released", release("L1", first, Some(passed))).expect(201).json();
        assert_eq!(released["releases"].as_array().unwrap().len(), LOT_FAMILY_MAX);
        town.check();
    }

    fn who_takes_a_part_over_does_not_use_up_what_may_become_of_the_rest(town) {
        let operator = town.program(User::Operator);
        let mut taken = transfer("L1", "T0");
        taken["quantity_g"] = 10_000.into();
        record(&operator, "market.lot.transferred", taken.clone()).expect(201);
        let cut = |lot: &str, at: usize, parts: usize| record(&operator, "market.lot.split", split(lot, (at..at + parts).map(|at| format!("P{at}"))));
        for at in (0..LOT_FAMILY_MAX / LOT_BRANCH_PART).step_by(50) {
            cut("T0", at, 50).expect(201);
        }
        for lot in ["T0", "P0"] {
            assert_eq!(refused(cut(lot, 900, 1), 409), of("too-many-lots", "body.parts"));
        }
        cut("L1", 1_000, 50).expect(201);
        cut("P1000", 2_000, 1).expect(201);
        // Nor does who takes a part of that over in turn.
        taken = transfer("L1", "T1");
        taken["quantity_g"] = 1_000.into();
        record(&operator, "market.lot.transferred", taken.clone()).expect(201);
        (taken["lot"], taken["new_lot"]) = ("T1".into(), "T2".into());
        (taken["to_stall"], taken["to_merchant"], taken["quantity_g"]) = ("A1".into(), "m1".into(), 100.into());
        record(&operator, "market.lot.transferred", taken).expect(201);
        cut("T2", 3_000, LOT_FAMILY_MAX / LOT_BRANCH_PART / LOT_BRANCH_PART).expect(201);
        assert_eq!(refused(cut("T2", 900, 1), 409), of("too-many-lots", "body.parts"));
        cut("T1", 4_000, 50).expect(201);
        town.check();
    }

    fn however_many_scales_stand_at_a_stall_its_goods_are_held(town) {
        let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
        let enrol = |number: u32| record(&operator, "market.scale.enrolled", json!(scale(number, "A1")));
        let carry = |scale: u32, stall: &str| record(&operator, "market.scale.moved", json!({ "scale": scale, "stall": stall }));
        let last = 98 + u32::try_from(SCALES_AT_STALL_MAX).unwrap();
        (100..=last).for_each(|number| drop(enrol(number).expect(201)));
        let full = of("too-many-scales", "body.stall");
        assert_eq!((refused(enrol(900), 409), refused(carry(2, "A1"), 409)), (full.clone(), full));
        carry(100, "A1").expect(201);
        carry(100, "A2").expect(201);
        carry(2, "A1").expect(201);

        // A market of an earlier version, where any number stood there.
        put(&town, "L2", (1_000..3_001).map(|number| scale(number, "A2")).collect());
        record(&operator, "market.lot.transferred", transfer("L1", "L3")).expect(201);
        let failed = record(&inspector, "market.inspection.recorded", test("L1", "fail")).expect(201).json();
        for held in failed["holds"].as_array().unwrap() {
            let entry = inspector.get(&format!("/api/ledger/beiyuan/{}", held["seq"])).expect(200).json();
            assert_eq!(entry["body"]["scales"].as_array().unwrap().len(), SCALES_AT_STALL_MAX);
        }
        assert_eq!(failed["holds"].as_array().unwrap().len(), 2);
        record(&inspector, "market.lot.held", hold("L2", "order", None)).expect(201);
        town.check();
    }

    fn a_scale_is_told_of_as_many_holds_as_its_state_has_room_for_and_of_the_others_when_it_confirmed_them(town) {
        let scale = town.scale(1);
        let held = |at: usize| LotHeld {
            lot: format!("X{at}"), reason: HoldReason::Order, inspection: None, note: None, ancestor: None, scales: vec![1],
        };
        put(&town, "L1", (0..BLOCKS_MAX + 5).map(held).collect());
        let told = holds_told(&scale);
        let latest = told[BLOCKS_MAX - 1];
        assert_eq!((told.len(), latest - told[0]), (BLOCKS_MAX, BLOCKS_MAX as u64 - 1), "the latest");
        let confirm = |holds: &[u64]| scale.post("/scale/v1/acks", &json!({ "holds": holds }));
        assert_eq!(refused(confirm(&vec![latest; BLOCKS_MAX + 1]), 400), of("body", "holds"));
        let recorded = confirm(&[latest, latest, latest - 1]).expect(200).json();
        assert_eq!(recorded["recorded"].as_array().unwrap().len(), 2);
        let then = holds_told(&scale);
        assert_eq!((then.len(), then[0], then.contains(&latest)), (BLOCKS_MAX, told[0] - 2, false));
        confirm(&then).expect(200);
        let last = holds_told(&scale);
        assert!((1..=3).all(|before| last.contains(&(then[0] - before))));
    }

    fn a_market_has_so_many_products_that_the_state_of_a_scale_may_be_sent(town) {
        let product = |at: usize| ProductRegistered {
            product: format!("p{at}"), title_zh: "菜".into(), title_en: "Greens".into(), category: "leaf-vegetable".into(),
        };
        put(&town, "L1", (0..PRODUCTS_MAX - 3).map(product).collect());
        let operator = town.program(User::Operator);
        let register = |at: usize| record(&operator, "market.product.registered", json!(product(at)));
        register(9_000).expect(201);
        assert_eq!(refused(register(9_001), 409), of("too-many-products", "body.product"));
        register(9_000).expect(201);
    }
}
