//! Compact sales over the scale contract, each batch acknowledged after fsync.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base::Time;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::Plan;
use crate::client::Client;
use crate::ground::{Ground, lot_of, stall_of};
use crate::server::{Server, used_here};
use crate::stats::{Times, rate};

const FEN_PER_KG: i64 = 700;
/// Sales after which a rate is printed: flat cost is part of the result.
const WINDOW: u64 = 1_000_000;

#[derive(Serialize)]
pub struct Line {
    pub counter: u32,
    pub occurred: Time,
    pub lot: String,
    pub product: &'static str,
    pub stall: String,
    pub grams: i64,
    pub fen_per_kg: i64,
    pub amount_fen: i64,
    pub nonce: String,
}

#[derive(Serialize)]
pub struct Batch {
    pub sales: Vec<Line>,
}

#[derive(Deserialize)]
struct Receipt<'a> {
    #[serde(borrow)]
    lines: Vec<Outcome<'a>>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    outcome: &'a str,
}

/// The batch of a scale that begins with its `nth` sale, from 0.
pub fn batch(plan: &Plan, scale: u32, nth: u64, random: &mut StdRng) -> Batch {
    let stall = stall_of(scale);
    // A connected scale tells what it sells within the hour.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set").as_millis();
    let now = Time(i64::try_from(now).expect("the clock is set"));
    let line = |nth: u64| {
        let grams = random.random_range(100..1_500);
        Line {
            counter: u32::try_from(nth + 1).unwrap(),
            occurred: now,
            lot: lot_of(plan, scale, nth),
            product: "tomato",
            stall: stall.clone(),
            grams,
            fen_per_kg: FEN_PER_KG,
            amount_fen: (grams * FEN_PER_KG + 500) / 1_000,
            nonce: format!("{:016x}", random.next_u64()),
        }
    };
    Batch { sales: (nth..nth + u64::from(plan.batch)).map(line).collect() }
}

/// Seeds of the scales, so that the readers can print a slip again.
pub fn random_of(scale: u32) -> StdRng {
    StdRng::seed_from_u64(20_211_210 + u64::from(scale))
}

pub fn measure(plan: &Plan, ground: &Ground, server: &Server) {
    let batches = plan.batches(plan.sales);
    let sold = AtomicU64::new(0);
    let started = Instant::now();
    let clients_before = used_here();
    let times = std::thread::scope(|scope| {
        let sellers: Vec<_> = (1..=plan.scales)
            .map(|scale| {
                let (sold, credential) = (&sold, &ground.scales[scale as usize - 1]);
                scope.spawn(move || sell(plan, server, scale, credential, batches, sold))
            })
            .collect();
        watch(&sold, batches * u64::from(plan.scales) * u64::from(plan.batch), started);
        let mut times = Times::default();
        sellers.into_iter().for_each(|seller| times.merge(seller.join().unwrap()));
        times
    });
    let (sold, took) = (sold.into_inner(), started.elapsed());
    println!(
        "sales: {sold} in {:.1} s, {} a second; a batch of {}: {}",
        took.as_secs_f64(),
        rate(sold, took),
        plan.batch,
        times.print()
    );
    let (writer, whole) = server.used();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / sold as f64;
    println!(
        "  processor time a sale: writer {:.1} us, rest of the server {:.1} us, clients {:.1} us",
        each(writer),
        each(whole - writer),
        each(used_here() - clients_before)
    );
}

fn sell(plan: &Plan, server: &Server, scale: u32, credential: &str, batches: u64, sold: &AtomicU64) -> Times {
    let mut client = Client::connect(&server.host, credential);
    let (mut random, mut times) = (random_of(scale), Times::default());
    let mut body = Vec::new();
    for at in 0..batches {
        body.clear();
        serde_json::to_writer(&mut body, &batch(plan, scale, at * u64::from(plan.batch), &mut random))
            .unwrap();
        let sent = Instant::now();
        let (status, answer) = client.post("/scale/v1/sales", "application/json", &body);
        times.add(sent.elapsed());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(answer));
        let receipt: Receipt<'_> = serde_json::from_slice(answer).unwrap();
        assert!(receipt.lines.iter().all(|line| line.outcome == "recorded"));
        sold.fetch_add(receipt.lines.len() as u64, Ordering::Relaxed);
    }
    times
}

/// Prints the rate of each window.
fn watch(sold: &AtomicU64, all: u64, started: Instant) {
    let (mut printed, mut since) = (0, started);
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let now = sold.load(Ordering::Relaxed);
        if now >= printed + WINDOW {
            println!("  to {now}: {} a second", rate(now - printed, since.elapsed()));
            (printed, since) = (now, Instant::now());
        }
        if now >= all {
            return;
        }
    }
}
