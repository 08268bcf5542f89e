//! What a merchant or an operator might have hidden or held up by numbers, by an erasure or by a day of the past, tested as it was
//! found.

use base::{ActorId, Day, SubjectId};
use harness::{Answer, Client, Engine, Town, User, enter, on_every_store};
use kernel::{AppendError, BodyErased};
use ledger::{Draft, Role};
use line_market::kinds::{CertificateRecorded, CertificateType, CleaningDone};
use line_market::record::of_day::{COMPLAINTS_OF_SLIP_AND_DAY_MAX, COMPLAINTS_OF_STALL_MAX};
use line_market::refusal::Code;
use line_market::rules::COMPLAINTS_OF_SLIP_MAX;
use serde_json::{Value, json};
use trace::{Cut, Direction};

use crate::held::seq;
use crate::let_again::{dated, of, record, refused};
use crate::mended_sales::{self, sell};
use crate::proxies::behind;

const ANSWERING: &str = "post:beiyuan-market/operator";
const SUPERVISING: &str = "post:371402/bureau";
const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";
const DAY_MS: i64 = 24 * 3_600_000;

fn assign(town: &Town) {
    let duties = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3,
        "breach_workdays": 2, "basis": "约定" });
    record(&town.program(User::Inspector), "market.duties.assigned", duties).expect(201);
}

/// What a shopper says of a slip.
fn said(slip: &str) -> Value {
    json!({ "slip": slip, "text": "缺斤少两", "contact": null, "fair_scale_g": null })
}

/// The same, past the limits of an address.
fn complain(town: &Town, slip: &str) -> Result<(), Code> {
    mended_sales::complain(town, slip).map(drop)
}

fn paper(client: &Client, certificate: &str, until: &str) -> u64 {
    let body = json!({ "merchant": "m1", "certificate": certificate, "number": "JK1", "until": until });
    seq(record(client, "market.certificate.recorded", body))
}

fn erase(town: &Town, seq: u64) {
    let erasure =
        BodyErased {
            seq, reason: "本人申请".into(), legal_basis: "个人信息保护法第四十七条".into()
        };
    town.site.kernel.erase(&town.book(), &ActorId::new("system:test").unwrap(), erasure).unwrap();
}

/// Somebody moves a matter of the market.
fn step(client: &Client, matter: &str, expected: u32, step: Value) -> Answer {
    client
        .post(&format!("/api/matters/beiyuan/{matter}/moves"), &json!({ "expected": expected, "move": step }))
}

fn is_owed(town: &Town, matter: &str) -> bool {
    town.program(User::Inspector).get(&format!("/api/matters/beiyuan/{matter}")).status == 200
}

on_every_store! {
    fn however_much_is_said_of_one_slip_it_counts_once_to_its_stall(town) {
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        assign(&town);
        let slips = sell(&town, u32::try_from(COMPLAINTS_OF_STALL_MAX).unwrap() + 1);
        let (last, slips) = slips.split_last().unwrap();
        let junk = &slips[..40];
        for slip in junk {
            (0..COMPLAINTS_OF_SLIP_AND_DAY_MAX).for_each(|_| complain(&town, slip).unwrap());
            assert_eq!(complain(&town, slip), Err(Code::TooManyComplaintsOfSlip));
        }
        let day = "2026-03-10";
        let many = |day: &str| is_owed(&town, &format!("complaints-A1-{day}"));
        slips[40..].iter().for_each(|slip| {
            assert!(!many(day));
            complain(&town, slip).unwrap();
        });
        // Who supervises the stall hears of it, once, and what more is said is taken down by the staff.
        assert!(many(day));
        assert_eq!(complain(&town, last), Err(Code::TooManyComplaintsOfSlip));
        complain(&town, &slips[40]).unwrap();
        record(&town.program(User::Operator), "market.complaint.filed", said(last)).expect(201);
        town.clock.advance_ms(DAY_MS);
        complain(&town, last).unwrap();
        assert!(!many("2026-03-11"));
        // It is no complaint that is settled, and is accepted as it is.
        let (manager, bureau) = (town.holder_again("wei"), town.holder_again("li"));
        let matter = format!("complaints-A1-{day}");
        step(&manager, &matter, 0, json!({ "verb": "taken", "by": ANSWERING })).expect(201);
        let file = manager.post_bytes(&format!("/api/matters/beiyuan/{matter}/evidence"), "application/octet-stream", PDF);
        let file = json!([{ "digest": file.expect(201).json()["digest"], "title": "核查情况", "effective": day }]);
        step(&manager, &matter, 1, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file })).expect(201);
        step(&bureau, &matter, 2, json!({ "verb": "accepted" })).expect(201);
        town.check();
    }

    fn one_site_does_not_use_up_what_is_said_of_a_stall(town) {
        const AT_ONCE: usize = 10;
        let slips = sell(&town, 20);
        let town = behind(town, vec!["127.0.0.1".parse().unwrap()]);
        let from = |address: String| town.site.client().with("x-forwarded-for", address);
        let file = |address: String, slip: &str| {
            from(address).post("/api/market/beiyuan/entries", &json!({ "kind": "market.complaint.filed", "body": said(slip) }))
        };
        let of_site = |network: usize| format!("2001:db8:1:{network}::1");
        for (at, slip) in slips.iter().enumerate().take(AT_ONCE) {
            file(of_site(at), slip).expect(201);
        }
        let before = town.fingerprint();
        let refused = file(of_site(AT_ONCE), &slips[AT_ONCE]).expect(429);
        assert_eq!(refused.header("retry-after"), "8640");
        let form = [("text", "缺斤少两"), ("contact", ""), ("fair_scale_g", "")];
        let page = format!("/01/06901234567892/21/{}/complaint", slips[AT_ONCE]);
        from(of_site(AT_ONCE + 1)).post_form(&page, &form).expect(429);
        assert_eq!(town.fingerprint(), before);
        file("2001:db8:2::1".into(), &slips[AT_ONCE]).expect(201);
        town.check();
    }

    fn a_paper_whose_day_was_erased_is_to_be_renewed_from_that_day(town) {
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        let operator = town.program(User::Operator);
        assign(&town);
        let licence = paper(&operator, "licence", "2036-01-01");
        let health = paper(&operator, "health", "2027-09-01");
        town.clock.advance_ms(DAY_MS);
        erase(&town, health);
        town.clock.advance_ms(DAY_MS);
        town.site.kernel.tend_days().unwrap();
        assert!(is_owed(&town, "health-m1-2026-03-11"));
        assert!(!is_owed(&town, "food-permit-m1-2026-03-11"), "there was none");
        assert!(!is_owed(&town, "licence-m1-2026-03-11"), "of this the day is on record");
        // The next day ends it as it ends any.
        let bureau = town.holder_again("li");
        let accepted = || step(&bureau, "health-m1-2026-03-11", 2, json!({ "verb": "accepted" }));
        let kept = operator.post_bytes("/api/market/beiyuan/evidence", "application/octet-stream", PDF).expect(201).json();
        let next = json!({ "kind": "market.certificate.recorded", "evidence": [kept["digest"]],
            "body": { "merchant": "m1", "certificate": "health", "number": "JK2", "until": "2027-03-01" } });
        operator.post("/api/market/beiyuan/entries", &next).expect(201);
        accepted().expect(201);
        // What is erased before it ever fell due is owed when it is renewed, too.
        erase(&town, licence);
        paper(&operator, "licence", "2036-01-01");
        assert!(is_owed(&town, "licence-m1-2026-03-12"));
        town.check();
    }

    fn three_complaints_of_a_slip_are_owed_at_a_time_however_many_came_after_them(town) {
        const MORE: usize = 101;
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        assign(&town);
        let slip = sell(&town, 1).pop().unwrap();
        // Staff take down as many as there are.
        let operator = town.program(User::Operator);
        let filed: Vec<u64> = (0..COMPLAINTS_OF_SLIP_MAX + MORE)
            .map(|_| seq(record(&operator, "market.complaint.filed", said(&slip))))
            .collect();
        let owed: Vec<u64> = filed.iter().copied().filter(|seq| is_owed(&town, &format!("complaint-{seq}"))).collect();
        assert_eq!(owed, filed[..COMPLAINTS_OF_SLIP_MAX]);
        town.check();
    }

    fn a_paper_is_not_forgotten_when_one_of_another_kind_is_erased(town) {
        const OTHERS: usize = 2_001;
        let operator = town.program(User::Operator);
        let licence = paper(&operator, "licence", "2036-01-01");
        let food = paper(&operator, "food_permit", "2028-01-01");
        let (kernel, book) = (&town.site.kernel, town.book());
        // As of a hundred days on which as many were recorded as may be.
        let recorded = kernel.append_blocking::<_, _, ()>(move |desk| {
            for at in 0..OTHERS {
                let body = CertificateRecorded {
                    merchant: "m1".into(),
                    certificate: CertificateType::Licence,
                    number: format!("YY{at}"),
                    until: Day::parse("2036-01-01").unwrap(),
                };
                let actor = ActorId::new("system:test").unwrap();
                let mut draft = Draft::new(&book, desk.now(), &actor, &body)?;
                for (scheme, name) in [("merchant", "m1"), ("paper", "licence-m1")] {
                    draft = draft.subject(Role::About, SubjectId::local(scheme, &book, name).unwrap());
                }
                desk.append(draft)?;
            }
            Ok(())
        });
        recorded.unwrap();
        let days = || {
            let all = operator.get("/api/market/beiyuan/merchants").expect(200).json();
            let merchant = all.as_array().unwrap().iter().find(|it| it["merchant"] == "m1").unwrap().clone();
            (merchant["licence_until"].clone(), merchant["food_until"].clone(), merchant["health_until"].clone())
        };
        let before = (json!("2036-01-01"), json!("2028-01-01"), Value::Null);
        assert_eq!(days(), before);
        erase(&town, licence);
        assert_eq!(days(), before);
        erase(&town, food);
        assert_eq!(days(), (before.0, Value::Null, Value::Null));
        town.check();
    }

    fn a_paper_that_runs_out_is_not_done_with_when_its_day_is_erased(town) {
        const MATTER: &str = "food-permit-m1-2026-04-02";
        let manager = town.holder("wei", &[ANSWERING]);
        let bureau = town.holder("li", &[SUPERVISING]);
        let operator = town.program(User::Operator);
        let permit = paper(&operator, "food_permit", "2026-04-02");
        assign(&town);
        step(&manager, MATTER, 0, json!({ "verb": "taken", "by": ANSWERING })).expect(201);
        let file = manager.post_bytes(&format!("/api/matters/beiyuan/{MATTER}/evidence"), "application/octet-stream", PDF);
        let file = json!([{ "digest": file.expect(201).json()["digest"], "title": "新证", "effective": "2026-03-10" }]);
        step(&manager, MATTER, 1, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file })).expect(201);
        erase(&town, permit);
        let accepted = || step(&bureau, MATTER, 2, json!({ "verb": "accepted" }));
        let refused = accepted().expect(409).json();
        assert_eq!(refused["detail_zh"], "尚未登记新的有效期，请先登记换发的证照或重新检定的结果。");
        paper(&operator, "food_permit", "2028-01-01");
        accepted().expect(201);
        town.check();
    }

    fn a_day_that_was_put_right_is_owed_again_when_it_is_on_record_again(town) {
        const MATTER: &str = "health-m1-2026-04-02";
        let manager = town.holder("wei", &[ANSWERING]);
        let bureau = town.holder("li", &[SUPERVISING]);
        let operator = town.program(User::Operator);
        paper(&operator, "health", "2026-04-02");
        assign(&town);
        let state = || {
            let seen = town.program(User::Inspector).get(&format!("/api/matters/beiyuan/{MATTER}")).expect(200).json();
            seen["matter"]["state"].as_str().unwrap().to_owned()
        };
        step(&manager, MATTER, 0, json!({ "verb": "taken", "by": ANSWERING })).expect(201);
        let file = manager.post_bytes(&format!("/api/matters/beiyuan/{MATTER}/evidence"), "application/octet-stream", PDF);
        let file = json!([{ "digest": file.expect(201).json()["digest"], "title": "新证", "effective": "2026-03-10" }]);
        step(&manager, MATTER, 1, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file })).expect(201);
        let next = paper(&operator, "health", "2028-01-01");
        step(&bureau, MATTER, 2, json!({ "verb": "accepted" })).expect(201);
        assert_eq!(state(), "accepted");
        town.clock.advance_ms(DAY_MS);
        town.site.kernel.tend_days().unwrap();
        assert_eq!(state(), "accepted");
        erase(&town, next);
        town.clock.advance_ms(DAY_MS);
        town.site.kernel.tend_days().unwrap();
        assert_eq!(state(), "reopened");
        // A day before it puts nothing right.
        let bureau = town.holder_again("li");
        let manager = town.holder_again("wei");
        step(&manager, MATTER, 4, json!({ "verb": "taken", "by": ANSWERING })).expect(201);
        let file = manager.post_bytes(&format!("/api/matters/beiyuan/{MATTER}/evidence"), "application/octet-stream", PDF);
        let file = json!([{ "digest": file.expect(201).json()["digest"], "title": "新证", "effective": "2026-03-12" }]);
        step(&manager, MATTER, 5, json!({ "verb": "submitted", "by": ANSWERING, "evidence": file })).expect(201);
        let shorter = json!({ "kind": "market.certificate.recorded",
            "body": { "merchant": "m1", "certificate": "health", "number": "JK1", "until": "2026-04-01" } });
        bureau.post("/api/market/beiyuan/entries", &shorter);
        step(&bureau, MATTER, 6, json!({ "verb": "accepted" })).expect(409);
        town.check();
    }

    fn no_lease_begins_before_the_end_of_another_was_recorded(town) {
        const OWN: usize = 101;
        let operator = town.program(User::Operator);
        let lease = |merchant: &str, from: &str| {
            json!({ "stall": "A1", "merchant": merchant, "from": from, "until": "2027-03-09", "fee_fen": 1 })
        };
        let end = |merchant: &str| json!({ "stall": "A1", "merchant": merchant, "reason": "退租" });
        town.clock.advance_ms(5 * DAY_MS);
        // Said to have ended four days ago, in which the goods that came were still its own.
        dated(&operator, "market.lease.ended", "2026-03-11T08:00:00+08:00", end("m1")).expect(201);
        let before = town.fingerprint();
        for from in ["2026-03-11", "2026-03-14"] {
            assert_eq!(refused(record(&operator, "market.stall.leased", lease("m2", from)), 409), of("already-leased", "body.from"));
        }
        // Nor is it said to have been let then, from a later day on: goods of the next one would come from then.
        let dated_back = dated(&operator, "market.stall.leased", "2026-03-11T09:00:00+08:00", lease("m2", "2026-03-20"));
        assert_eq!(refused(dated_back, 409), of("already-leased", "occurred"));
        assert_eq!(town.fingerprint(), before);
        record(&operator, "market.stall.leased", lease("m2", "2026-03-15")).expect(201);
        // However often the next one gives it back and has it again.
        let (kernel, book) = (&town.site.kernel, town.book());
        for _ in 0..OWN {
            enter(kernel, &book, "market.lease.ended", end("m2"));
            enter(kernel, &book, "market.stall.leased", lease("m2", "2026-03-15"));
        }
        enter(kernel, &book, "market.lease.ended", end("m2"));
        assert_eq!(refused(record(&operator, "market.stall.leased", lease("m2", "2026-03-14")), 409), of("already-leased", "body.from"));
        record(&operator, "market.stall.leased", lease("m2", "2026-03-15")).expect(201);
        town.check();
    }

    fn an_open_lot_is_hidden_by_none_that_came_later_and_is_sold_out_or_held(town) {
        const LATER: usize = 201;
        let (kernel, book) = (&town.site.kernel, town.book());
        town.clock.advance_ms(60_000);
        for number in 0..LATER {
            let lot = format!("N{number}");
            enter(kernel, &book, "market.lot.received", town.lot(&lot, 1_000));
            if number % 2 == 0 {
                enter(kernel, &book, "market.lot.lost", json!({ "lot": lot, "quantity_g": 1_000, "reason": "spoiled" }));
            } else {
                enter(kernel, &book, "market.lot.held", json!({ "lot": lot, "reason": "order", "inspection": null, "note": null }));
            }
        }
        let state = town.scale(1).get("/scale/v1/state").expect(200).json();
        let open: Vec<&str> = state["lots"].as_array().unwrap().iter().map(|it| it["lot"].as_str().unwrap()).collect();
        assert_eq!(open, ["L1"]);
        let shown = town.browser(User::Merchant).with("accept", "text/html").get("/market/beiyuan/mine").expect(200).text();
        assert!(shown.contains("/lots/L1\"") && shown.contains("/lots/N1\"") && !shown.contains("/lots/N0\""));
        town.check();
    }

    fn a_fair_scale_stays_where_shoppers_look_for_it(town) {
        let operator = town.program(User::Operator);
        let fair = json!({ "scale": 9, "stall": null, "serial": "S9", "seal": "F1", "verified": "2026-01-01", "verified_until": "2026-12-31", "fair": true });
        enter(&town.site.kernel, &town.book(), "market.scale.enrolled", fair);
        let moved = |scale: u32| record(&operator, "market.scale.moved", json!({ "scale": scale, "stall": "A2" }));
        let before = town.fingerprint();
        assert_eq!(refused(moved(9), 400), of("body", "body.scale"));
        assert_eq!(town.fingerprint(), before);
        moved(1).expect(201);
        town.check();
    }
}

/// On one engine: what is read is counted in the same way on both, and there is much of it.
#[test]
fn a_walk_is_cut_where_what_it_would_read_of_long_entries_is_too_much() {
    const ENTRIES: usize = 640;
    const INPUTS: usize = 60;
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let kernel = &town.site.kernel;
    // Of four bytes each, so that few names fill a head.
    let name = |at: usize| SubjectId::new(format!("x:{}{at}", "𠀀".repeat(235))).unwrap();
    let (made, inputs) = (SubjectId::new("x:s").unwrap(), (0..INPUTS).map(name).collect::<Vec<_>>());
    let walk = || kernel.walk(&made, Direction::Backward).unwrap();
    let (book, of, actor) = (town.book(), made.clone(), ActorId::new("system:test").unwrap());
    let write = move |desk: &mut kernel::Desk<'_>, count: usize| {
        for _ in 0..count {
            let cleaned = CleaningDone { area: "hall".into(), note: None };
            let draft = Draft::new(&book, desk.now(), &actor, &cleaned)?.subject(Role::Output, of.clone());
            let draft = inputs.iter().fold(draft, |draft, input| draft.subject(Role::Input, input.clone()));
            desk.append::<()>(draft)?;
        }
        Ok::<_, AppendError<()>>(())
    };
    let again = write.clone();
    kernel.append_blocking(move |desk| write(desk, 40)).unwrap();
    assert_eq!((walk().steps.len(), walk().cut), (1 + INPUTS, None));
    kernel.append_blocking(move |desk| again(desk, ENTRIES)).unwrap();
    assert_eq!((walk().steps.len(), walk().cut), (1 + INPUTS, Some(Cut::Subjects)));
}
