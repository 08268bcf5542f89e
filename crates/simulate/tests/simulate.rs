//! The scales and the operator against a small market in memory, which keeps the contract and checks what arrives.

#![allow(clippy::unwrap_used, reason = "tests")]

mod broker;
mod market;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use base::BookId;
use market::{Market, OPERATOR, SECRET};
use simulate::{
    Batches, Counters, Faults, Operator, Outcome, Plan, ScaleCredential, Speed, Stop, Transport, run,
};
use tokio::time::{Instant, sleep, timeout};

const SOON: Duration = Duration::from_secs(60);

fn plan(base_url: &str, scales: u32) -> Plan {
    let credential = |scale| ScaleCredential {
        book: BookId::new("beiyuan").unwrap(),
        scale,
        credential: format!("{SECRET}{scale}"),
    };
    let transport = Transport::Http { base_url: base_url.to_owned() };
    let mut plan = Plan::new(7, 1, transport, (1..=scales).map(credential).collect());
    plan.counters = Counters::From(1);
    plan.speed = Speed::Every { mean_ms: 5 };
    plan.batches = Batches { lines_max: 20, every_ms: 50 };
    plan.sales_per_stall = Some(200);
    plan.operator = Some(Operator { base_url: base_url.to_owned(), token: OPERATOR.to_owned() });
    plan
}

async fn play(plan: Plan) -> Outcome {
    timeout(SOON, run(plan, Stop::new(), |_| {})).await.expect("the day ends").expect("the plan is good")
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordinary_day_records_every_sale_once() {
    let market = Market::open(4).await;
    let outcome = play(plan(&market.url, 4)).await;
    assert_eq!((outcome.sold, outcome.recorded, outcome.sent), (800, 800, 800));
    assert_eq!(
        (outcome.known, outcome.refused_total(), outcome.unanswered, outcome.contradictions),
        (0, 0, 0, 0)
    );
    assert_eq!(outcome.counter_next, 201);
    assert_eq!(market.sales(), 800);
    assert!(outcome.lots_received >= 4, "goods came as nothing was there");
    market.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_fault_nothing_is_lost_or_doubled() {
    let market = Market::open(4).await;
    market.fault_per_mille.store(150, SeqCst);
    let mut plan = plan(&market.url, 4);
    plan.faults = Faults { late: 300, doubled: 500, shuffled: 500, drift_ms_max: 900_000 };
    let outcome = play(plan).await;
    assert_eq!(outcome.sold, 800);
    assert_eq!((outcome.unanswered, outcome.contradictions), (0, 0), "{outcome:?}");
    // A sale dated into the future is refused, and then recorded with the right date.
    let lost = outcome
        .refused
        .iter()
        .filter(|(rule, _)| *rule != "future-time")
        .map(|(_, lines)| lines)
        .sum::<u64>();
    assert_eq!(market.sales() as u64 + lost, 800, "{outcome:?}");
    assert!(
        outcome.known > 0 && outcome.backlog > 0 && outcome.busy > 0 && outcome.unreachable > 0,
        "{outcome:?}"
    );
    assert!(market.offline_sales() > 0);
    market.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_acknowledged_at_once_and_the_lot_is_sold_no_more() {
    let market = Market::open(2).await;
    market.receive("1", "L-held", 90_000_000);
    let mut plan = plan(&market.url, 2);
    plan.sales_per_stall = None;
    let stop = Stop::new();
    let day = tokio::spawn(run(plan, stop.clone(), |_| {}));
    until("the lot is sold from", || market.sold_of("L-held") > 0).await;
    let held = Instant::now();
    market.hold("L-held", 42);
    until("the block is acknowledged", || market.acked(1, 42)).await;
    assert!(held.elapsed() < Duration::from_secs(5));
    // What was sold before the block arrived may still be on its way.
    sleep(Duration::from_millis(300)).await;
    let attempts = market.attempts_of("L-held");
    sleep(Duration::from_millis(500)).await;
    assert_eq!(market.attempts_of("L-held"), attempts);
    assert!(market.sales_of_scale(2) > 0);
    stop.stop();
    let outcome = timeout(SOON, day).await.expect("the day ends").unwrap().unwrap();
    assert_eq!((outcome.blocks_acknowledged, outcome.unanswered, outcome.contradictions), (1, 0, 0));
    market.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_generator_sells_as_fast_as_it_is_answered() {
    let market = Market::open(2).await;
    let mut plan = plan(&market.url, 2);
    plan.speed = Speed::Fastest;
    plan.batches.lines_max = 500;
    plan.sales_per_stall = Some(10_000);
    let begun = Instant::now();
    let outcome = play(plan).await;
    eprintln!("{} sales in {:?}", outcome.recorded, begun.elapsed());
    assert_eq!(
        (outcome.recorded, outcome.contradictions, market.sales()),
        (20_000, 0, 20_000),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scale_with_a_wrong_credential_is_shut_out_and_the_others_go_on() {
    let market = Market::open(2).await;
    let mut plan = plan(&market.url, 2);
    plan.credentials[1].credential = "wrong".into();
    let outcome = play(plan).await;
    assert_eq!((outcome.shut_out, outcome.recorded, outcome.scales), (1, 200, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_scales_than_streams_ask_for_their_state() {
    let market = Market::open(201).await;
    let mut plan = plan(&market.url, 201);
    plan.sales_per_stall = Some(3);
    let outcome = play(plan).await;
    assert_eq!((outcome.recorded, market.streams.load(SeqCst)), (603, 0));
    market.assert_clean();
}

#[tokio::test]
async fn a_plan_that_makes_no_sense_is_refused() {
    let refused = async |change: fn(&mut Plan), setting: &str| {
        let mut plan = plan("http://localhost:1", 2);
        change(&mut plan);
        let error = run(plan, Stop::new(), |_| {}).await.expect_err(setting).to_string();
        assert!(error.starts_with(setting), "{error}");
    };
    refused(|plan| plan.credentials.clear(), "credentials").await;
    refused(|plan| plan.credentials[1].scale = 1, "credentials").await;
    refused(|plan| plan.batches.lines_max = 0, "batches.lines_max").await;
    refused(|plan| plan.faults.late = 1001, "faults").await;
    refused(|plan| plan.speed = Speed::Every { mean_ms: 0 }, "speed").await;
    refused(|plan| plan.transport = Transport::Http { base_url: "https://x".into() }, "transport.base_url")
        .await;
}

#[test]
fn secrets_are_never_printed() {
    let printed = format!("{:?}", plan("http://localhost:1", 2));
    assert!(!printed.contains(SECRET) && !printed.contains(OPERATOR), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_over_mqtt_records_every_sale_once_and_obeys_a_hold() {
    let Some(broker) = broker::Broker::start() else { return };
    let market = Market::open(3).await;
    market.receive("1", "L-held", 90_000_000);
    market.hold("L-held", 42);
    market.fault_per_mille.store(100, SeqCst);
    tokio::spawn(market::serve_mqtt(market.clone(), broker.url()));
    let mut plan = plan(&market.url, 3);
    plan.transport = Transport::Mqtt { url: broker.url(), username_prefix: String::new() };
    plan.faults = Faults { late: 100, doubled: 300, shuffled: 500, drift_ms_max: 60_000 };
    let outcome = play(plan).await;
    assert_eq!(
        (outcome.sold, outcome.recorded, outcome.unanswered, outcome.contradictions),
        (600, 600, 0, 0),
        "{outcome:?}"
    );
    assert!(outcome.known > 0 && outcome.busy > 0, "{outcome:?}");
    assert!(market.acked(1, 42) && market.attempts_of("L-held") == 0);
    assert_eq!(market.sales(), 600);
    market.assert_clean();
}
