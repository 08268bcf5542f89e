//! What the side that is complained of, a merchant or a scale might have done to what is kept of sales, tested as it was found.

use base::{ActorId, Seq, SubjectId};
use harness::{Client, Town, User, on_every_store, sale};
use kernel::{AppendError, NewDevice};
use line_market::record::of_day::COMPLAINTS_OF_SLIP_AND_DAY_MAX;
use line_market::record::{Input, record as decide};
use line_market::refusal::{Code, Refusal};
use serde_json::{Value, json};

use crate::held::seq;
use crate::let_again::{dated, of, record, refused};

const ANSWERING: &str = "post:beiyuan-market/operator";
const SUPERVISING: &str = "post:371402/bureau";
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// What a shopper says of a slip, past the limits of an address; the number of the complaint.
pub fn complain(town: &Town, slip: &str) -> Result<u64, Code> {
    let (book, actor) = (town.book(), ActorId::new("token:shopper").unwrap());
    let body = json!({ "slip": slip, "text": "缺斤少两", "contact": null, "fair_scale_g": null });
    let input = Input { kind: "market.complaint.filed".into(), occurred: None, body, evidence: Vec::new() };
    let said = town.site.kernel.append_blocking(move |desk| decide(desk, &book, &actor, &input));
    match said {
        Ok(recorded) => Ok(recorded.entry.seq.0),
        Err(AppendError::<Refusal>::Refused(refusal)) => Err(refusal.code),
        Err(error) => panic!("{error:?}"),
    }
}

/// Sells so often from L1 on scale 1, and returns the serials of the slips.
pub fn sell(town: &Town, count: u32) -> Vec<String> {
    let lines: Vec<Value> = (1..=count).map(|counter| sale(counter, "L1", 10, &town.now())).collect();
    let receipt = town.scale(1).post("/scale/v1/sales", &json!({ "sales": lines })).expect(200).json();
    let lines = receipt["lines"].as_array().unwrap().iter();
    lines.map(|line| line["slip"].as_str().unwrap().to_owned()).collect()
}

fn tested(client: &Client) -> u64 {
    let passed = json!({ "lot": "L1", "method": "rapid", "item": "nitrite", "reading": "1", "limit": null,
        "verdict": "pass", "retest_of": null });
    seq(record(client, "market.inspection.recorded", passed))
}

fn held(client: &Client) -> u64 {
    let order = json!({ "lot": "L1", "reason": "order", "inspection": null, "note": null });
    seq(record(client, "market.lot.held", order))
}

on_every_store! {
    fn what_is_said_of_ten_slips_of_a_stall_keeps_what_is_said_of_another_neither_out_nor_waiting(town) {
        const JUNK: u64 = 10;
        const EACH: u64 = 12;
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        let duties = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3,
            "breach_workdays": 2, "basis": "约定" });
        let inspector = town.program(User::Inspector);
        record(&inspector, "market.duties.assigned", duties).expect(201);
        let slips = sell(&town, u32::try_from(JUNK).unwrap() + 1);
        let (genuine, junk) = slips.split_last().unwrap();
        let flood = || junk.iter().map(|slip| (0..EACH).filter(|_| complain(&town, slip).is_ok()).count() as u64).sum::<u64>();
        let is_owed = |complaint: u64| {
            let matter = inspector.get(&format!("/api/matters/beiyuan/complaint-{complaint}"));
            matter.status == 200
        };
        assert_eq!(flood(), JUNK * COMPLAINTS_OF_SLIP_AND_DAY_MAX);
        town.clock.advance_ms(DAY_MS);
        town.site.kernel.tend_days().unwrap();
        flood();
        let said = complain(&town, genuine).unwrap();
        // What the stall may lay on a day is used up.
        assert!(!is_owed(said));
        town.clock.advance_ms(DAY_MS);
        flood();
        town.site.kernel.tend_days().unwrap();
        assert!(is_owed(said));
        town.check();
    }

    fn arrivals_count_on_the_day_on_which_they_are_written_down(town) {
        town.clock.advance_ms(10 * DAY_MS);
        let operator = town.program(User::Operator);
        let ago = |days: i64| base::Time(town.site.kernel.now().0 - days * DAY_MS).to_string();
        let arrive = |number: i64| dated(&operator, "market.lot.received", &ago(number % 10), town.lot(&format!("N{number}"), 1_000));
        for number in 0..300 {
            arrive(number).expect(201);
        }
        assert_eq!(refused(arrive(305), 409), of("too-many-arrivals", "body.merchant"));
        town.clock.advance_ms(DAY_MS);
        arrive(305).expect(201);
        town.check();
    }

    fn a_slip_tells_of_a_retest_only_where_the_lot_passed_it_since_the_hold(town) {
        let inspector = town.program(User::Inspector);
        let address = format!("/01/06901234567892/21/{}?lang=zh-CN", sell(&town, 1)[0]);
        let release = |hold: u64, on: u64| {
            let body = json!({ "lot": "L1", "hold": hold, "inspection": on, "reason": "查无问题" });
            record(&inspector, "market.lot.released", body).expect(201);
            let shown = town.program(User::Anonymous).get(&address).expect(200).text();
            (shown.contains("停售"), shown.contains("经复检合格"))
        };
        let before = tested(&inspector);
        assert_eq!(release(held(&inspector), before), (true, false));
        let hold = held(&inspector);
        assert_eq!(release(hold, tested(&inspector)), (true, true));
        town.check();
    }

    fn what_is_lost_of_a_held_lot_was_there_until_it_is_written_down(town) {
        let (inspector, operator) = (town.program(User::Inspector), town.program(User::Operator));
        town.clock.advance_ms(MINUTE_MS);
        let before = town.now();
        town.clock.advance_ms(MINUTE_MS);
        let lose = || {
            let loss = json!({ "lot": "L1", "quantity_g": 100, "reason": "spoiled" });
            let seq = Seq(seq(dated(&operator, "market.lot.lost", &before, loss)));
            town.site.kernel.entry(&town.book(), seq).unwrap().unwrap()
        };
        assert_eq!(lose().occurred.to_string(), before);
        held(&inspector);
        town.clock.advance_ms(MINUTE_MS);
        let entry = lose();
        assert_eq!(entry.occurred, entry.recorded);
        town.check();
    }

    fn no_lease_begins_in_the_days_of_another_tenant(town) {
        let operator = town.program(User::Operator);
        let lease = |merchant: &str, from: &str| {
            let body = json!({ "stall": "A1", "merchant": merchant, "from": from, "until": "2027-03-09", "fee_fen": 1 });
            record(&operator, "market.stall.leased", body)
        };
        let end = |merchant: &str| {
            record(&operator, "market.lease.ended", json!({ "stall": "A1", "merchant": merchant, "reason": "退租" })).expect(201);
        };
        let today = town.now()[..10].to_owned();
        end("m1");
        // Whoever had the stall may have it again, as if it had never been given back.
        lease("m1", "2026-01-01").expect(201);
        end("m1");
        let before = town.fingerprint();
        assert_eq!(refused(lease("m2", "2026-02-01"), 409), of("already-leased", "body.from"));
        assert_eq!(town.fingerprint(), before);
        lease("m2", &today).expect(201);
        town.clock.advance_ms(DAY_MS);
        end("m2");
        assert_eq!(refused(lease("m1", "2026-01-01"), 409), of("already-leased", "body.from"));
        town.check();
    }

    fn a_credential_stands_for_a_scale_in_one_spelling(town) {
        let scale = |spelling: &str| {
            let (book, device) = (town.book(), format!("scale-{spelling}"));
            let subject = SubjectId::local("scale", &book, spelling).unwrap();
            let new = NewDevice { device, subject, book, title: "1号秤".into(), role: "scale".into() };
            let issued = town.site.kernel.issue_device(&ActorId::new("system:installation").unwrap(), new).unwrap();
            town.site.client().bearer(&issued.credential.unwrap())
        };
        scale("1").get("/scale/v1/state").expect(200);
        for spelling in ["01", "001"] {
            scale(spelling).get("/scale/v1/state").expect(403);
        }
        town.check();
    }
}
