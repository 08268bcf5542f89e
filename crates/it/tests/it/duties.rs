//! What goes wrong in a market becomes a matter of the posts that answer for it, and ends with what puts it right.

use harness::{Answer, Client, Town, User, enter, on_every_store, sale};
use serde_json::{Value, json};

use crate::breach::give;

const ANSWERING: &str = "post:beiyuan-market/operator";
const SUPERVISING: &str = "post:371402/bureau";
const PNG: &[u8] = b"%PDF-1.4\n%%EOF\n";

fn record(client: &Client, kind: &str, body: Value, evidence: &[&str]) -> Answer {
    client.post("/api/market/beiyuan/entries", &json!({ "kind": kind, "body": body, "evidence": evidence }))
}

fn test(verdict: &str, retest_of: Value) -> Value {
    json!({ "lot": "L1", "method": "rapid", "item": "organophosphate", "reading": "62 %", "limit": "50 %",
        "verdict": verdict, "retest_of": retest_of })
}

/// Assigns the duties of the first market.
fn assign(client: &Client) -> Answer {
    let duties = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3,
        "breach_workdays": 2, "basis": "区市场监管局约定" });
    record(client, "market.duties.assigned", duties, &[])
}

/// The supervising post says that a matter is owed no more.
fn cancel(bureau: &Client, name: &str) {
    cancel_at(bureau, name, 0);
}

fn cancel_at(bureau: &Client, name: &str, version: u32) {
    let step = json!({ "verb": "cancelled", "reason": "已整改", "approver": SUPERVISING });
    let address = format!("/api/matters/beiyuan/{name}/moves");
    bureau.post(&address, &json!({ "expected": version, "move": step })).expect(201);
}

fn tend(town: &Town) {
    while town.site.kernel.tend_matters(1_000).unwrap().looked_at > 0 {}
}

/// The matters of the market, each with its state, colour and deadline.
fn matters(client: &Client) -> Vec<String> {
    let mut told = Vec::new();
    for standing in ["open", "closed"] {
        let page = client.get(&format!("/api/matters?book=beiyuan&standing={standing}")).expect(200).json();
        for it in page["items"].as_array().unwrap() {
            let text = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
            let name = text("matter").rsplit('/').next().unwrap().to_owned();
            told.push(format!("{name} {} {} {}", text("state"), text("colour"), text("due")));
        }
    }
    told
}

on_every_store! {
    fn where_nobody_answers_nothing_is_opened(town) {
        let inspector = town.program(User::Inspector);
        record(&inspector, "market.inspection.recorded", test("fail", Value::Null), &[]).expect(201);
        town.site.kernel.tend_days().unwrap();
        assert_eq!(matters(&inspector), Vec::<String>::new());
        // Posts that are not there answer for nothing.
        let refused = assign(&inspector).expect(400).json();
        assert_eq!(refused["rule"], "duty");
        assign(&town.program(User::Operator)).expect(403);
    }

    fn a_failed_test_is_owed_until_the_lot_is_released_or_the_bureau_accepts_what_was_done(town) {
        let manager = town.holder("wei", &[ANSWERING]);
        let bureau = town.holder("li", &[SUPERVISING]);
        let inspector = town.program(User::Inspector);
        assign(&inspector).expect(201);
        let failed = record(&inspector, "market.inspection.recorded", test("fail", Value::Null), &[]);
        let failed = failed.expect(201).json();
        let hold = failed["holds"][0]["seq"].as_u64().unwrap();
        tend(&town);
        // The tenth of March is a Tuesday: three workdays end on Friday.
        let name = format!("failed-test-{hold}");
        assert_eq!(matters(&inspector), [format!("{name} open blue 2026-03-13")]);
        // A second failure of the held lot is the same matter.
        let again = test("fail", failed["entry"]["seq"].clone());
        record(&inspector, "market.inspection.recorded", again, &[]).expect(201);
        assert_eq!(matters(&inspector).len(), 1);
        let mine = manager.get("/api/matters?mine=true").expect(200).json();
        assert_eq!(mine["items"][0]["title"], "批次 L1 检测不合格，核查处置");

        let path = format!("/api/matters/beiyuan/{name}");
        let step = |by: &Client, version: u32, step: Value| {
            by.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step }))
        };
        step(&manager, 0, json!({ "verb": "taken", "by": ANSWERING })).expect(201);
        let kept = manager.post_bytes(&format!("{path}/evidence"), "application/octet-stream", PNG).expect(201).json();
        let file = json!([{ "digest": kept["digest"], "title": "销毁记录", "effective": "2026-03-10" }]);
        step(&manager, 1, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file })).expect(201);
        step(&bureau, 2, json!({ "verb": "accepted" })).expect(201);
        tend(&town);
        assert_eq!(matters(&inspector), [format!("{name} accepted - -")]);
        // What fails once more is owed once more, from then on.
        town.clock.advance_ms(24 * 3_600_000);
        record(&inspector, "market.inspection.recorded", test("fail", failed["entry"]["seq"].clone()), &[]).expect(201);
        tend(&town);
        assert_eq!(matters(&inspector), [format!("{name} reopened blue 2026-03-16")]);
        let bureau = town.holder_again("li");
        cancel_at(&bureau, &name, 4);
        // Its release later on has nothing left to end.
        let passed = record(&inspector, "market.inspection.recorded", test("pass", failed["entry"]["seq"].clone()), &[]);
        let passed = passed.expect(201).json()["entry"]["seq"].clone();
        let release = json!({ "lot": "L1", "hold": hold, "inspection": passed, "reason": "复检合格" });
        record(&inspector, "market.lot.released", release, &[]).expect(201);
        assert_eq!(matters(&inspector), [format!("{name} cancelled - -")]);

        // Of a further hold the release comes first.
        let failed = record(&inspector, "market.inspection.recorded", test("fail", Value::Null), &[]).expect(201).json();
        let hold = failed["holds"][0]["seq"].as_u64().unwrap();
        let passed = record(&inspector, "market.inspection.recorded", test("pass", failed["entry"]["seq"].clone()), &[]);
        let passed = passed.expect(201).json()["entry"]["seq"].clone();
        let release = json!({ "lot": "L1", "hold": hold, "inspection": passed, "reason": "复检合格" });
        record(&inspector, "market.lot.released", release, &[]).expect(201);
        tend(&town);
        assert!(matters(&inspector).contains(&format!("failed-test-{hold} open blue 2026-03-16")));
        cancel(&bureau, &format!("failed-test-{hold}"));
        assert!(matters(&inspector).contains(&format!("failed-test-{hold} cancelled - -")));
        town.check();
    }

    fn sales_of_held_lots_are_one_matter_for_a_scale_and_day(town) {
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        let inspector = town.program(User::Inspector);
        assign(&inspector).expect(201);
        let hold = json!({ "lot": "L1", "reason": "order", "inspection": null, "note": "停售", "scales": [] });
        record(&inspector, "market.lot.held", hold, &[]).expect(201);
        town.clock.advance_ms(2 * 24 * 3_600_000);
        // Whatever day a scale that was cut off says, and however many lots.
        let earlier = base::Time(town.site.kernel.now().0 - 24 * 3_600_000).to_string();
        let offline = |counter: u32, occurred: &str| {
            let mut line = sale(counter, "L1", 500, occurred);
            line["offline"] = json!(true);
            line
        };
        let batch = json!({ "sales": [offline(1, &earlier), offline(2, &town.now()), offline(3, &town.now())] });
        town.program(User::Scale).post("/scale/v1/sales", &batch).expect(200);
        tend(&town);
        assert_eq!(matters(&inspector), ["held-sale-scale-1-2026-03-12 open yellow 2026-03-16"]);
        let seen = inspector.get("/api/matters/beiyuan/held-sale-scale-1-2026-03-12").expect(200).json();
        assert!(seen["explanation_zh"].as_str().unwrap().contains("距期限工作日 2"), "{seen}");
        // What it breaks once this was handed in is not among it.
        let manager = town.holder_again("wei");
        let path = "/api/matters/beiyuan/held-sale-scale-1-2026-03-12";
        let step = |version: u32, step: Value| {
            manager.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step })).expect(201)
        };
        step(0, json!({ "verb": "taken", "by": ANSWERING }));
        let kept = manager.post_bytes(&format!("{path}/evidence"), "application/octet-stream", PNG).expect(201).json();
        let file = json!([{ "digest": kept["digest"], "title": "整改照片", "effective": "2026-03-12" }]);
        step(1, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file }));
        town.program(User::Scale).post("/scale/v1/sales", &json!({ "sales": [offline(4, &town.now())] })).expect(200);
        assert!(matters(&inspector)[0].starts_with("held-sale-scale-1-2026-03-12 returned"), "{:?}", matters(&inspector));
        town.check();
    }

    fn a_complaint_is_owed_within_seven_workdays_and_its_outcome_ends_it(town) {
        town.holder("wei", &[ANSWERING]);
        let bureau = town.holder("li", &[SUPERVISING]);
        let inspector = town.program(User::Inspector);
        let operator = town.program(User::Operator);
        assign(&inspector).expect(201);
        let file = || {
            let complaint = json!({ "slip": null, "text": "短斤少两", "contact": null, "fair_scale_g": null });
            let filed = enter(&town.site.kernel, &town.book(), "market.complaint.filed", complaint);
            filed.entry.seq.0
        };
        let settled = |complaint: u64| {
            json!({ "complaint": complaint, "outcome": "upheld", "refund_fen": 0, "text": "经复核属实，已退还差价" })
        };
        let (first, second) = (file(), file());
        tend(&town);
        assert_eq!(matters(&inspector), [
            format!("complaint-{first} open blue 2026-03-19"), format!("complaint-{second} open blue 2026-03-19")]);
        // Without files it stays owed; with files the bureau has the last word.
        record(&operator, "market.complaint.settled", settled(first), &[]).expect(201);
        let kept = operator.post_bytes("/api/market/beiyuan/evidence", "application/octet-stream", PNG).expect(201).json();
        let digest = kept["digest"].as_str().unwrap();
        record(&operator, "market.complaint.settled", settled(second), &["0".repeat(64).as_str()]).expect(400);
        record(&operator, "market.complaint.settled", settled(second), &[digest]).expect(201);
        tend(&town);
        let states = matters(&inspector);
        assert!(states.contains(&format!("complaint-{second} submitted blue 2026-03-19")), "{states:?}");
        assert!(states.contains(&format!("complaint-{first} open blue 2026-03-19")), "{states:?}");
        let accept = |name: &str, version: u32| {
            let step = json!({ "expected": version, "move": { "verb": "accepted" } });
            bureau.post(&format!("/api/matters/beiyuan/{name}/moves"), &step)
        };
        accept(&format!("complaint-{second}"), 2).expect(201);
        assert!(matters(&inspector).contains(&format!("complaint-{second} accepted - -")));
        town.check();
    }

    fn a_complaint_is_not_accepted_before_its_outcome_is_recorded(town) {
        let manager = town.holder("wei", &[ANSWERING]);
        let bureau = town.holder("li", &[SUPERVISING]);
        assign(&town.program(User::Inspector)).expect(201);
        let complaint = json!({ "slip": null, "text": "短斤少两", "contact": null, "fair_scale_g": null });
        let seq = enter(&town.site.kernel, &town.book(), "market.complaint.filed", complaint).entry.seq;
        let path = format!("/api/matters/beiyuan/complaint-{seq}");
        let step = |by: &Client, version: u32, step: Value| {
            by.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step }))
        };
        step(&manager, 0, json!({ "verb": "taken", "by": ANSWERING })).expect(201);
        let kept = manager.post_bytes(&format!("{path}/evidence"), "application/octet-stream", PNG).expect(201).json();
        let file = json!([{ "digest": kept["digest"], "title": "处理记录", "effective": "2026-03-10" }]);
        step(&manager, 1, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file })).expect(201);
        let refused = step(&bureau, 2, json!({ "verb": "accepted" })).expect(409).json();
        assert_eq!(refused["detail_zh"], "投诉尚未办结，请先登记办理结果。");
        let seen = bureau.get(&path).expect(200).json();
        assert_eq!(seen["matter"]["state"], "submitted");
        town.check();
    }

    fn papers_and_verifications_that_run_out_are_owed_a_month_before_and_end_with_their_renewal(town) {
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        let inspector = town.program(User::Inspector);
        let operator = town.program(User::Operator);
        let paper = |until: &str| json!({ "merchant": "m1", "certificate": "health", "number": "JK1", "until": until });
        record(&operator, "market.certificate.recorded", paper("2026-04-20"), &[]).expect(201);
        let verified = |until: &str| json!({ "scale": 1, "seal": "F2", "verified_until": until });
        record(&inspector, "market.scale.verified", verified("2026-03-12"), &[]).expect(201);
        assign(&inspector).expect(201);
        let look = || {
            town.site.kernel.tend_days().unwrap();
            tend(&town);
        };
        look();
        // What runs out soon is owed from the assignment on.
        assert_eq!(matters(&inspector), ["verification-1-2026-03-12 open yellow 2026-03-12"]);
        town.clock.set(base::Time::parse("2026-03-24T09:30:00+08:00").unwrap());
        look();
        assert_eq!(matters(&inspector), [
            "verification-1-2026-03-12 open red 2026-03-12", "health-m1-2026-04-20 open blue 2026-04-20"]);
        let opened = inspector.get("/api/matters/beiyuan/health-m1-2026-04-20").expect(200).json();
        let first = opened["history"].as_array().unwrap().last().unwrap();
        assert_eq!(first["occurred"], "2026-03-20T16:00:00.000Z", "a month before, at midnight");
        record(&inspector, "market.scale.verified", verified("2027-03-12"), &[]).expect(201);
        record(&operator, "market.certificate.recorded", paper("2027-04-20"), &[]).expect(201);
        look();
        let states = matters(&inspector);
        assert!(states.iter().all(|state| state.contains(" open ")), "nothing was shown: {states:?}");
        let bureau = town.holder_again("li");
        for name in ["verification-1-2026-03-12", "health-m1-2026-04-20"] {
            cancel(&bureau, name);
        }
        let states = matters(&inspector);
        assert!(states.iter().all(|state| state.contains(" cancelled ")), "{states:?}");
        // What was settled is not opened again, and nothing else is due.
        town.clock.set(base::Time::parse("2026-03-26T09:30:00+08:00").unwrap());
        look();
        assert_eq!(matters(&inspector).len(), 2);
        town.check();
    }

    fn what_runs_on_by_the_markets_word_alone_is_looked_at_by_who_supervises_it(town) {
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        let (inspector, operator) = (town.program(User::Inspector), town.program(User::Operator));
        assign(&inspector).expect(201);
        let verified = |scale: u32| json!({ "scale": scale, "seal": "F2", "verified_until": "2027-03-09" });
        let paper = |until: &str| json!({ "merchant": "m1", "certificate": "food_permit", "number": "JY1", "until": until });
        // Long before anybody was asked for it.
        record(&operator, "market.certificate.recorded", paper("2027-12-31"), &[]).expect(201);
        assert_eq!(matters(&inspector), Vec::<String>::new(), "the first paper is taken as it is");
        record(&operator, "market.certificate.recorded", paper("2029-12-31"), &[]).expect(201);
        record(&operator, "market.scale.verified", verified(1), &[]).expect(201);
        let kept = operator.post_bytes("/api/market/beiyuan/evidence", "application/octet-stream", PNG).expect(201).json();
        record(&operator, "market.scale.verified", verified(2), &[kept["digest"].as_str().unwrap()]).expect(201);
        tend(&town);
        let mut states = matters(&inspector);
        states.sort();
        assert_eq!(states, [
            "food-permit-m1-2027-12-31 open blue 2027-12-31", "verification-1-2026-12-31 open blue 2026-12-31",
            "verification-2-2026-12-31 submitted blue 2026-12-31"]);
        // Nor by going back to a day that was settled: that is set right by who supervises.
        let back = record(&operator, "market.certificate.recorded", paper("2027-12-31"), &[]).expect(400).json();
        assert_eq!((&back["rule"], &back["field"]), (&json!("ends-earlier"), &json!("body.until")));
        give(&town, "li", "operator", "beiyuan-market", Some("market"));
        let bureau = town.holder_again("li");
        record(&bureau, "market.certificate.recorded", paper("2027-12-31"), &[]).expect(201);
        // What was struck off before its day is owed again, also behind its last day.
        cancel(&bureau, "food-permit-m1-2027-12-31");
        town.clock.set(base::Time::parse("2028-01-04T09:00:00+08:00").unwrap());
        record(&operator, "market.certificate.recorded", paper("2030-12-31"), &[]).expect(201);
        assert!(matters(&inspector).iter().any(|it| it.starts_with("food-permit-m1-2027-12-31 reopened")), "{:?}", matters(&inspector));
        town.check();
    }
}
