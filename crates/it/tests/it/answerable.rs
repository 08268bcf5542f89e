//! Nobody answers to themselves alone: what failed is released on a test for what it failed, and whoever is complained of does
//! not have the last word. One slip opens so many duties and no more, and one stall
//! makes so many offers to another. What is to be proved again is not put off for ever.

use harness::{Answer, Client, Town, User, add_stall, enter, on_every_store, sale};
use line_market::record::of_day::OFFERS_TO_STALL_MAX;
use line_market::rules::COMPLAINTS_OF_SLIP_MAX;
use serde_json::{Value, json};

use crate::breach::give;
use crate::trespass::granted;

const ENTRIES: &str = "/api/market/beiyuan/entries";
const MANAGER: &str = "post:beiyuan-market/manager";
const BUREAU: &str = "post:371402/bureau";

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

/// Sells from L1 on scale 1, and returns the serial of the slip.
fn sell(town: &Town, counter: u32) -> String {
    let sold = json!({ "sales": [sale(counter, "L1", 500, &town.now())] });
    let receipt = town.scale(1).post("/scale/v1/sales", &sold).expect(200).json();
    receipt["lines"][0]["slip"].as_str().unwrap().to_owned()
}

fn complaint(slip: &str) -> Value {
    json!({ "slip": slip, "text": "缺斤少两", "contact": null, "fair_scale_g": null })
}

on_every_store! {
    fn a_lot_that_failed_is_released_on_a_later_test_for_what_it_failed(town) {
        let inspector = town.program(User::Inspector);
        let tested = |item: &str, verdict: &str| seq(record(&inspector, "market.inspection.recorded", test(item, verdict, None)));
        let released = |hold: u64, on: Option<u64>| record(&inspector, "market.lot.released", release(hold, on));
        let failed = record(&inspector, "market.inspection.recorded", test("ractopamine", "fail", None)).expect(201).json();
        let hold = failed["holds"][0]["seq"].as_u64().unwrap();
        // Of the day on which the lot arrived, and before it failed.
        let backdated = |item: &str| {
            let body = test(item, "pass", None);
            seq(inspector.post(ENTRIES, &json!({ "kind": "market.inspection.recorded", "occurred": "2026-03-10T00:30:00+08:00", "body": body })))
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

    fn the_answering_side_settles_no_complaint_about_itself_for_good(town) {
        town.holder("wei", &[MANAGER]);
        town.holder("li", &[BUREAU]);
        give(&town, "wei", "operator", "beiyuan-market", Some("market"));
        give(&town, "li", "inspector", "371402", Some("market"));
        let (operator, bureau) = (town.holder_again("wei"), town.holder_again("li"));
        let duties = json!({ "answering": MANAGER, "supervising": BUREAU, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
        record(&bureau, "market.duties.assigned", duties).expect(201);
        let slip = sell(&town, 1);
        let file = || seq(record(&town.program(User::Anonymous), "market.complaint.filed", complaint(&slip)));
        let told = |seq: u64| {
            let shopper = town.program(User::Anonymous).with("accept", "text/html");
            shopper.get(&format!("/01/06901234567892/21/{slip}/complaint/{seq}?lang=zh-CN")).expect(200).text()
        };
        let settled = |by: &Client, seq: u64, outcome: &str| {
            record(by, "market.complaint.settled", json!({ "complaint": seq, "outcome": outcome, "refund_fen": 0, "text": "经复核" }))
        };
        let open = || {
            let path = "/api/figures/market.complaints.open?unit=371402&from=2026-03-10&to=2026-03-10";
            town.program(User::Leader).get(path).expect(200).json()["amount"].clone()
        };
        let form = |by: &Client, seq: u64| by.with("accept", "text/html").get(&format!("/market/beiyuan/complaints/{seq}")).expect(200).text().contains("name=\"outcome\"");

        let (first, second) = (file(), file());
        settled(&operator, first, "dismissed").expect(201);
        assert!(told(first).contains("审核中") && !told(first).contains("不成立"), "{}", told(first));
        assert_eq!((form(&operator, first), form(&bureau, first)), (false, true));
        assert_eq!(rule(settled(&operator, first, "upheld"), 409), "already-settled");
        // Who looks into it says otherwise, and that is what the shopper is told; it is settled once in the figures.
        assert_eq!(open(), 1);
        let anew = seq(settled(&bureau, first, "upheld"));
        assert_eq!(open(), 1);
        let entry = bureau.get(&format!("/api/ledger/beiyuan/{anew}")).expect(200).json();
        assert!(entry["body"]["instead_of"].is_u64(), "{entry}");
        assert!(!told(first).contains("审核中") && told(first).contains("投诉成立"), "{}", told(first));
        for by in [&operator, &bureau] {
            assert_eq!(rule(settled(by, first, "withdrawn"), 409), "already-settled");
        }
        // What is settled at first is nobody's to call a second time.
        let pretended = json!({ "complaint": second, "outcome": "upheld", "refund_fen": 0, "text": "属实", "instead_of": first });
        record(&bureau, "market.complaint.settled", pretended).expect(201);
        assert_eq!(open(), 0);
        town.check();
    }

    fn one_slip_lays_three_duties_at_a_time_and_takes_every_complaint(town) {
        town.holder("wei", &[MANAGER]);
        town.holder("li", &[BUREAU]);
        let (anyone, operator, inspector) = (town.program(User::Anonymous), town.program(User::Operator), town.program(User::Inspector));
        let duties = json!({ "answering": MANAGER, "supervising": BUREAU, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
        record(&inspector, "market.duties.assigned", duties).expect(201);
        let (slip, other) = (sell(&town, 1), sell(&town, 2));
        let file = |slip: &str| seq(record(&anyone, "market.complaint.filed", complaint(slip)));
        let owed = || {
            let open = inspector.get("/api/matters?book=beiyuan&standing=open").expect(200).json();
            open["items"].as_array().unwrap().len()
        };
        let mut filed: Vec<u64> = (0..COMPLAINTS_OF_SLIP_MAX).map(|_| file(&slip)).collect();
        assert_eq!(owed(), COMPLAINTS_OF_SLIP_MAX);
        // As many of one slip are kept on a day.
        town.clock.advance_ms(24 * 3_600_000);
        filed.push(file(&slip));
        let form = format!("/01/06901234567892/21/{slip}/complaint");
        anyone.with("accept", "text/html").post_form(&form, &[("text", "缺斤少两")]).expect(303);
        assert_eq!(owed(), COMPLAINTS_OF_SLIP_MAX);
        file(&other);
        assert_eq!(owed(), COMPLAINTS_OF_SLIP_MAX + 1);
        // One that laid no duty is not settled by the answering side alone either: the duty comes with its answer.
        let settle = |by: &Client, seq: u64, outcome: &str| {
            record(by, "market.complaint.settled", json!({ "complaint": seq, "outcome": outcome, "refund_fen": 0, "text": "经查" }))
        };
        let fourth = filed[COMPLAINTS_OF_SLIP_MAX];
        settle(&operator, fourth, "dismissed").expect(201);
        assert_eq!(owed(), COMPLAINTS_OF_SLIP_MAX + 2);
        give(&town, "li", "inspector", "371402", Some("market"));
        let bureau = town.holder_again("li");
        settle(&bureau, fourth, "upheld").expect(201);
        assert_eq!(owed(), COMPLAINTS_OF_SLIP_MAX + 2, "who supervises ends it, and that of the form is owed, which waited");
        settle(&bureau, filed[0], "upheld").expect(201);
        assert_eq!(owed(), COMPLAINTS_OF_SLIP_MAX + 1);
        file(&slip);
        assert_eq!(owed(), COMPLAINTS_OF_SLIP_MAX + 1);
        town.check();
    }

    fn one_stall_does_not_hide_what_another_offers(town) {
        add_stall(&town.site.kernel, &town.book(), 3);
        let operator = town.program(User::Operator);
        let offer = |lot: &str, new_lot: &str, to: &str, grams: i64| {
            let goods = json!({ "lot": lot, "new_lot": new_lot, "to_stall": format!("A{to}"), "to_merchant": format!("m{to}"), "quantity_g": grams });
            record(&operator, "market.transfer.offered", goods)
        };
        let honest = seq(offer("L2", "H1", "3", 1_000));
        let offers: Vec<u64> = (0..OFFERS_TO_STALL_MAX).map(|n| seq(offer("L1", &format!("N{n}"), "3", 1))).collect();
        let refused = offer("L1", "N99", "3", 1).expect(409).json();
        assert_eq!((&refused["rule"], &refused["field"]), (&json!("too-many-offers"), &json!("body.to_stall")));
        offer("L1", "N99", "2", 1).expect(201);
        // What was taken makes no room, and each is on the page of who may take it.
        record(&operator, "market.transfer.accepted", json!({ "offer": offers[0] })).expect(201);
        assert_eq!(rule(offer("L1", "N98", "3", 1), 409), "too-many-offers");
        offer("L2", "H2", "3", 1).expect(201);
        let (m3, _) = granted(&town, json!([{ "role": "merchant", "unit": "beiyuan-market", "line": "market", "subject": "merchant:beiyuan/m3" }]));
        let shown = m3.with("accept", "text/html").get("/market/beiyuan/mine").expect(200).text();
        for seq in [honest, offers[1], offers[offers.len() - 1]] {
            assert!(shown.contains(&format!("/market/beiyuan/record/accept?offer={seq}")), "{seq}: {shown}");
        }
        town.clock.advance_ms(24 * 3_600_000);
        offer("L1", "N97", "3", 1).expect(201);
        town.check();
    }

    fn no_paper_and_no_verification_is_recorded_for_longer_than_any_runs(town) {
        let operator = town.program(User::Operator);
        let paper = |until: &str| record(&operator, "market.certificate.recorded", json!({ "merchant": "m1", "certificate": "food_permit", "number": "?", "until": until }));
        let verified = |until: &str| record(&operator, "market.scale.verified", json!({ "scale": 1, "seal": "?", "verified_until": until }));
        let enrolled = |until: &str| {
            let scale = json!({ "scale": 9, "stall": "A1", "serial": "S9", "seal": "?", "verified": "2026-03-10", "verified_until": until, "fair": false });
            record(&operator, "market.scale.enrolled", scale)
        };
        let before = town.fingerprint();
        for (answer, field) in [
            (paper("9999-12-31"), "body.until"),
            (paper("2031-04-01"), "body.until"),
            (verified("9999-12-31"), "body.verified_until"),
            (verified("2028-04-01"), "body.verified_until"),
            (enrolled("2028-04-01"), "body.verified_until"),
        ] {
            let refused = answer.expect(400).json();
            assert_eq!((&refused["rule"], &refused["field"]), (&json!("runs-too-long"), &json!(field)));
        }
        assert_eq!(town.fingerprint(), before);
        paper("2031-03-10").expect(201);
        verified("2028-03-10").expect(201);
        enrolled("2028-03-10").expect(201);
        // A licence without end is among what the installation loads.
        let licence = json!({ "merchant": "m1", "certificate": "licence", "number": "L", "until": "2066-01-01" });
        enter(&town.site.kernel, &town.book(), "market.certificate.recorded", licence);
        town.check();
    }
}
