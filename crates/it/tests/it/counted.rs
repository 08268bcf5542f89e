//! What is counted by the day: what scales, merchants and shoppers send is kept for good.

use base::ActorId;
use harness::{Answer, Client, Site, Town, User, add_stall, enter, on_every_store, sale};
use kernel::AppendError;
use ledger::Body;
use line_market::kinds::{BlockAcknowledged, BreachReported};
use line_market::record::of_day::{
    COMPLAINTS_OF_SHOPPERS_MAX, COMPLAINTS_OF_SLIP_AND_DAY_MAX, DUTIES_OF_SHOPPERS_MAX, DUTIES_OF_STALL_MAX,
    LOSSES_OF_DAY_MAX, PRICES_OF_DAY_MAX,
};
use line_market::record::{Input, record as decide};
use line_market::refusal::{Code, Refusal};
use matters::{Coloured, Escalated, Opened, Submitted};
use serde_json::{Value, json};
use store::Param;
use taizhang::Config;

const ENTRIES: &str = "/api/market/beiyuan/entries";
const SALES: &str = "/scale/v1/sales";
const ANSWERING: &str = "post:beiyuan-market/operator";
const SUPERVISING: &str = "post:371402/bureau";
const DAY_MS: i64 = 24 * 3_600_000;
const SALES_MAX: u64 = 4;

fn record(client: &Client, kind: &str, body: &Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn rule(answer: Answer, status: u16) -> String {
    answer.expect(status).json()["rule"].as_str().unwrap().to_owned()
}

/// The town, started again with a configuration that lets a scale sell so much on a day.
fn with_few_sales(town: Town) -> Town {
    let clock = town.clock.clone();
    let place = town.close();
    let config = Config { device_entries_of_day_max: SALES_MAX, ..place.config() };
    let site = Site::serve(&config, place.store(), clock.clone());
    Town { site, clock, place }
}

fn outcomes(answer: Answer) -> Vec<String> {
    let receipt = answer.expect(200).json();
    let lines = receipt["lines"].as_array().unwrap().iter();
    lines.map(|line| line["outcome"].as_str().unwrap().to_owned()).collect()
}

/// What a shopper says of a slip, past the limits of an address.
fn complain(town: &Town, slip: &str) -> Result<(), AppendError<Refusal>> {
    let (book, actor) = (town.book(), ActorId::new("token:shopper").unwrap());
    let body = json!({ "slip": slip, "text": "缺斤少两", "contact": null, "fair_scale_g": null });
    let input = Input { kind: "market.complaint.filed".into(), occurred: None, body, evidence: Vec::new() };
    town.site.kernel.append_blocking(move |desk| decide(desk, &book, &actor, &input).map(drop))
}

/// Entries of a kind.
fn count(town: &Town, kind: &str) -> u64 {
    const SQL: &str = "select count(*) from entry where book = $1 and kind = $2";
    let book = town.book();
    let row = town.site.kernel.read(|tx| tx.query_one(SQL, &[Param::Text(book.as_str()), Param::Text(kind)]));
    row.unwrap().unwrap().int(0).unwrap().unsigned_abs()
}

on_every_store! {
    fn complaints_of_shoppers_lay_so_many_duties_on_a_day_and_are_kept_beyond(town) {
        const STALLS: u32 = 11;
        const SLIPS: u64 = 100;
        const OPENED: &str = "kernel.matter.opened";
        const FILED: &str = "market.complaint.filed";
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        let duties = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3,
            "breach_workdays": 2, "basis": "约定" });
        record(&town.program(User::Inspector), "market.duties.assigned", &duties).expect(201);
        let of_stall = |number: u32| {
            let (stall, lot) = (format!("A{number}"), format!("L{number}"));
            if number > 2 {
                add_stall(&town.site.kernel, &town.book(), number);
                let mut goods = town.lot(&lot, 100_000);
                (goods["stall"], goods["merchant"]) = (stall.as_str().into(), format!("m{number}").into());
                enter(&town.site.kernel, &town.book(), "market.lot.received", goods);
            }
            let line = |counter: u64| {
                let mut line = sale(u32::try_from(counter).unwrap(), &lot, 10, &town.now());
                line["stall"] = stall.as_str().into();
                line
            };
            let lines: Vec<Value> = (1..=SLIPS).map(line).collect();
            let receipt = town.scale(number).post(SALES, &json!({ "sales": lines })).expect(200).json();
            let sold = receipt["lines"].as_array().unwrap().iter();
            sold.map(|line| line["slip"].as_str().unwrap().to_owned()).collect()
        };
        let slips: Vec<Vec<String>> = (1..=STALLS).map(of_stall).collect();
        let before = count(&town, OPENED);
        let opened = || count(&town, OPENED) - before;
        // One stall does not use up the duties of the others, nor one slip what is kept of all.
        for slip in &slips[0][..10] {
            complain(&town, slip).unwrap();
        }
        assert_eq!(opened(), DUTIES_OF_STALL_MAX);
        (1..COMPLAINTS_OF_SLIP_AND_DAY_MAX).for_each(|_| complain(&town, &slips[0][0]).unwrap());
        let refusal = |slip: &str| match complain(&town, slip) {
            Err(AppendError::Refused(refusal)) => (refusal.code, refusal.field),
            other => panic!("{other:?}"),
        };
        assert_eq!(refusal(&slips[0][0]), (Code::TooManyComplaintsOfSlip, "body.slip".into()));
        let body = |slip: &str| json!({ "slip": slip, "text": "缺斤少两", "contact": null, "fair_scale_g": null });
        let shopper = town.program(User::Anonymous);
        assert_eq!(rule(record(&shopper, FILED, &body(&slips[0][0])), 409), "too-many-complaints-of-slip");
        // Of each slip one counts to them, and a stall of which as many came as may is owed once.
        let left = usize::try_from(COMPLAINTS_OF_SHOPPERS_MAX - 10).unwrap();
        slips[1..].iter().flatten().take(left).for_each(|slip| complain(&town, slip).unwrap());
        let of_full_stalls = left as u64 / SLIPS;
        let filed = COMPLAINTS_OF_SHOPPERS_MAX + COMPLAINTS_OF_SLIP_AND_DAY_MAX - 1;
        assert_eq!((count(&town, FILED), opened()), (filed, DUTIES_OF_SHOPPERS_MAX + of_full_stalls));
        assert_eq!(refusal(&slips[0][10]), (Code::TooManyComplaints, "body.slip".into()));
        let body = body(&slips[0][10]);
        assert_eq!(rule(record(&shopper, FILED, &body), 409), "too-many-complaints");
        // Whoever settles them takes down what is said at the desk.
        record(&town.program(User::Operator), FILED, &body).expect(201);
        town.clock.advance_ms(DAY_MS);
        complain(&town, &slips[0][0]).unwrap();
        // What laid no duty on its day is owed on the next, whoever comes first.
        let before = opened();
        town.site.kernel.tend_days().unwrap();
        assert_eq!(opened(), before + DUTIES_OF_SHOPPERS_MAX);
        town.check();
    }

    fn sales_whose_counters_lie_apart_are_known_when_they_come_again(town) {
        let scale = town.scale(1);
        let send = |counters: &[u32]| {
            let lines: Vec<Value> = counters.iter().map(|counter| sale(*counter, "L1", 10, &town.now())).collect();
            outcomes(scale.post(SALES, &json!({ "sales": lines, "on_refusal": "skip_line" })))
        };
        // More runs than are asked for at once, and some that are close.
        let apart: Vec<u32> = (0..50).flat_map(|at| [at * 64, at * 64 + 3]).collect();
        assert_eq!(send(&apart), vec!["recorded"; apart.len()]);
        assert_eq!(send(&apart), vec!["known"; apart.len()]);
        let reused = json!({ "sales": [sale(64, "L1", 20, &town.now())] });
        assert_eq!(rule(scale.post(SALES, &reused), 409), "counter-reused");
        assert_eq!(send(&[63, 64, 65]), ["recorded", "known", "recorded"]);
        town.check();
    }

    fn what_was_moved_and_lost_of_a_lot_is_withheld_with_what_was_sold(town) {
        let loss = json!({ "lot": "L1", "quantity_g": 100, "reason": "spoiled" });
        record(&town.program(User::Operator), "market.lot.lost", &loss).expect(201);
        let lots = |user: User| town.program(user).get("/api/market/beiyuan/lots").expect(200).json();
        let told = |lots: &Value| ["received_g", "sold_g", "moved_g", "lost_g"].map(|member| lots[0][member].is_i64());
        assert_eq!(told(&lots(User::Inspector)), [true, false, false, false]);
        assert_eq!(told(&lots(User::Operator)), [true, true, true, true]);
    }

    fn a_scale_has_so_many_sales_recorded_on_a_day_and_sends_the_others_again_the_next(town) {
        let town = with_few_sales(town);
        let scale = town.scale(1);
        let at = town.now();
        let batch = |lines: Vec<Value>| json!({ "sales": lines, "on_refusal": "skip_line" });
        let line = |counter: u32| {
            let mut line = sale(counter, "L1", 10, &at);
            line["offline"] = json!(true);
            line
        };
        let send = |counters: &[u32]| scale.post(SALES, &batch(counters.iter().map(|n| line(*n)).collect()));
        // What is refused for itself counts for nothing.
        let wrong = batch(vec![line(1), sale(9, "none", 10, &at), line(2)]);
        assert_eq!(outcomes(scale.post(SALES, &wrong)), ["recorded", "refused", "recorded"]);
        assert_eq!(outcomes(send(&[3])), ["recorded"]);

        let before = town.fingerprint();
        let refused = send(&[3, 4, 5]);
        assert_eq!(refused.header("retry-after"), "3600");
        assert_eq!(rule(refused, 429), "sales-of-day");
        assert_eq!(town.fingerprint(), before);
        assert_eq!(outcomes(send(&[1, 2, 3])), ["known", "known", "known"]);
        assert_eq!(outcomes(send(&[4])), ["recorded"]);
        assert_eq!(rule(send(&[5]), 429), "sales-of-day");
        assert_eq!(outcomes(send(&[4])), ["known"]);

        town.clock.advance_ms(DAY_MS);
        assert_eq!(outcomes(send(&[4, 5, 6])), ["known", "recorded", "recorded"]);
        town.check();
    }

    fn so_many_prices_of_a_stall_and_losses_of_a_merchant_are_recorded_on_a_day(town) {
        let operator = town.program(User::Operator);
        let price = json!({ "stall": "A1", "product": "tomato", "fen_per_kg": 700 });
        let loss = json!({ "lot": "L1", "quantity_g": 1, "reason": "spoiled" });
        for _ in 0..PRICES_OF_DAY_MAX {
            record(&operator, "market.price.posted", &price).expect(201);
        }
        for _ in 0..LOSSES_OF_DAY_MAX {
            record(&operator, "market.lot.lost", &loss).expect(201);
        }
        let before = town.fingerprint();
        assert_eq!(rule(record(&operator, "market.price.posted", &price), 409), "too-many-prices");
        assert_eq!(rule(record(&operator, "market.lot.lost", &loss), 409), "too-many-losses");
        assert_eq!(town.fingerprint(), before);
        let other = json!({ "stall": "A2", "product": "tomato", "fen_per_kg": 700 });
        record(&operator, "market.price.posted", &other).expect(201);

        town.clock.advance_ms(DAY_MS);
        record(&operator, "market.price.posted", &price).expect(201);
        record(&operator, "market.lot.lost", &loss).expect(201);
    }
}

#[test]
fn what_scales_and_the_clock_write_bears_no_files_and_is_not_read_for_them() {
    let bear = [
        BreachReported::BEARS_FILES,
        BlockAcknowledged::BEARS_FILES,
        Opened::BEARS_FILES,
        Coloured::BEARS_FILES,
        Escalated::BEARS_FILES,
        Submitted::BEARS_FILES,
    ];
    assert_eq!(bear, [false, false, false, false, false, true]);
}
