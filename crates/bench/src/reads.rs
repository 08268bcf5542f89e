//! Traces and recalls in the loaded database.

use std::time::Instant;

use line_market::kinds::SlipSerial;
use rand::RngExt;

use crate::Plan;
use crate::client::Client;
use crate::ground::{BOOK, GTIN, Ground, RECALLED};
use crate::sales::{batch, random_of};
use crate::server::Server;
use crate::stats::Times;

/// Slips that are traced.
const TRACED: usize = 2_000;
const RECALLS: usize = 20;

pub fn measure(plan: &Plan, ground: &Ground, server: &Server) {
    let slips = slips(plan);
    let mut client = Client::connect(&server.host, &ground.leader);
    let mut traces = Times::default();
    for slip in &slips {
        let sent = Instant::now();
        let (status, answer) =
            client.get(&format!("/api/trace?subject=slip:{BOOK}/{slip}&direction=backward&book={BOOK}"));
        traces.add(sent.elapsed());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(answer));
        assert!(String::from_utf8_lossy(answer).contains("/10/H1"), "a trace ends at the harvest");
    }
    println!("backward trace of a slip to its harvest: {}", traces.print());
    let mut pages = Times::default();
    let mut shopper = Client::connect(&server.host, &ground.leader);
    for slip in slips.iter().take(TRACED / 10) {
        let sent = Instant::now();
        let (status, _) = shopper.get(&format!("/01/{GTIN}/21/{slip}"));
        // Public pages are limited by address; what was let through is what counts.
        if status == 200 {
            pages.add(sent.elapsed());
        }
    }
    println!("a shopper's page: {}", pages.print());
    let mut recalls = Times::default();
    for _ in 0..RECALLS {
        let sent = Instant::now();
        let (status, answer) = client.get(&format!("/api/market/{BOOK}/lots/{RECALLED}/recall"));
        recalls.add(sent.elapsed());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(answer));
        let reached: serde_json::Value = serde_json::from_slice(answer).unwrap();
        let sold = plan.recalled.min(plan.batches(plan.sales) * u64::from(plan.batch));
        assert_eq!(reached["slips_total"], sold);
    }
    println!("recall of a lot on {} slips: {}", plan.recalled, recalls.print());
}

/// Slips that were printed, drawn from all scales.
fn slips(plan: &Plan) -> Vec<String> {
    let batches = plan.batches(plan.sales);
    let mut random = random_of(0);
    let mut slips = Vec::new();
    for scale in 1..=plan.scales {
        let mut of_scale = random_of(scale);
        for at in 0..batches {
            let sold = batch(plan, scale, at * u64::from(plan.batch), &mut of_scale);
            let wanted = TRACED as f64 / (batches * u64::from(plan.scales)) as f64;
            let mut take = wanted.floor() as usize + usize::from(random.random_bool(wanted.fract()));
            while take > 0 {
                let line = &sold.sales[random.random_range(0..sold.sales.len())];
                let nonce = u64::from_str_radix(&line.nonce, 16).unwrap();
                slips.push(SlipSerial { scale, counter: line.counter, nonce }.print());
                take -= 1;
            }
        }
    }
    slips
}
