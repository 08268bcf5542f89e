//! What an ordinary team would build: a table with a JSONB column on the same PostgreSQL with the same durability, a
//! batch of sales a transaction, a unique key against doubles, and no proofs, figures, mass balance or links.
//!
//! Its clients talk to the database directly, without a server between, which favours it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use postgres::{Client, NoTls};

use crate::Plan;
use crate::ground::RECALLED;
use crate::sales::{batch, random_of};
use crate::stats::{Times, rate};

const SCHEMA: &str = "
create table sale (id bigserial primary key, scale bigint not null, counter bigint not null, body jsonb not null,
    unique (scale, counter));
create index sale_by_lot on sale ((body->>'lot'));
";
const ONE: &str = "insert into sale (scale, counter, body) values ($1, $2, $3::text::jsonb)";
const MANY: &str =
    "insert into sale (scale, counter, body) select $1, * from unnest($2::bigint[], $3::text[]::jsonb[])";
/// Sales that are inserted a statement each: the slow way ends sooner.
const ONE_BY_ONE: u64 = 100_000;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// A statement a sale, a transaction a batch.
    Rows,
    /// One statement a batch.
    Unnest,
}

pub fn measure(plan: &Plan, url: &str) {
    let mut client = Client::connect(url, NoTls).unwrap();
    client.batch_execute(SCHEMA).unwrap();
    insert(plan, url, Way::Rows, plan.sales.min(ONE_BY_ONE));
    client.batch_execute("truncate sale").unwrap();
    insert(plan, url, Way::Unnest, plan.sales);
    let mut times = Times::default();
    for _ in 0..20 {
        let asked = Instant::now();
        let rows =
            client.query("select id, body::text from sale where body->>'lot' = $1", &[&RECALLED]).unwrap();
        times.add(asked.elapsed());
        assert!(!rows.is_empty());
    }
    println!("recall, as one indexed query: {}", times.print());
    let size: i64 = client.query_one("select pg_database_size(current_database())", &[]).unwrap().get(0);
    println!("database: {} MiB", size / (1024 * 1024));
}

fn insert(plan: &Plan, url: &str, way: Way, sales: u64) {
    let batches = plan.batches(sales);
    let sold = AtomicU64::new(0);
    let started = Instant::now();
    let times = std::thread::scope(|scope| {
        let sell = |scale: u32| {
            let mut client = Client::connect(url, NoTls).unwrap();
            let (mut random, mut times) = (random_of(scale), Times::default());
            let (one, many) = (client.prepare(ONE).unwrap(), client.prepare(MANY).unwrap());
            for at in 0..batches {
                let batch = batch(plan, scale, at * u64::from(plan.batch), &mut random);
                let counters: Vec<i64> = batch.sales.iter().map(|line| i64::from(line.counter)).collect();
                let bodies: Vec<String> =
                    batch.sales.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
                let sent = Instant::now();
                let mut tx = client.transaction().unwrap();
                match way {
                    Way::Rows => counters.iter().zip(&bodies).for_each(|(counter, body)| {
                        tx.execute(&one, &[&i64::from(scale), counter, body]).unwrap();
                    }),
                    Way::Unnest => {
                        tx.execute(&many, &[&i64::from(scale), &counters, &bodies]).unwrap();
                    }
                }
                tx.commit().unwrap();
                times.add(sent.elapsed());
                sold.fetch_add(counters.len() as u64, Ordering::Relaxed);
            }
            times
        };
        let sellers: Vec<_> = (1..=plan.scales).map(|scale| scope.spawn(move || sell(scale))).collect();
        let mut times = Times::default();
        sellers.into_iter().for_each(|seller| times.merge(seller.join().unwrap()));
        times
    });
    let (sold, took) = (sold.into_inner(), started.elapsed());
    let way = if way == Way::Rows { "a statement a sale" } else { "a statement a batch" };
    println!(
        "sales, {way}: {sold} in {:.1} s, {} a second; {}",
        took.as_secs_f64(),
        rate(sold, took),
        times.print()
    );
}
