//! What is counted by the day: what scales, merchants and shoppers send is kept for good.

use harness::{Answer, Client, Site, Town, User, on_every_store, sale};
use ledger::Body;
use line_market::kinds::{BlockAcknowledged, BreachReported};
use line_market::record::of_day::{LOSSES_OF_DAY_MAX, PRICES_OF_DAY_MAX};
use matters::{Coloured, Escalated, Opened, Submitted};
use serde_json::{Value, json};
use taizhang::Config;

const ENTRIES: &str = "/api/market/beiyuan/entries";
const SALES: &str = "/scale/v1/sales";
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

on_every_store! {
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
