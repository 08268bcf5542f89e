//! Queries over many captured events, over HTTP; and the naive way, which keeps one JSON document a row and is asked
//! without a server between, which favours it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base::{Clock, Time};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use store::{Insert, Param, Store, Type};
use store_sqlite::SqliteStore;

use crate::Plan;
use crate::capture::document;
use crate::client::Client;
use crate::ground::{EVENTS_OF_SUPPLIER, Ground};
use crate::sales::random_of;
use crate::server::{Server, used_here};
use crate::stats::{Times, rate};

const EVENTS_PER_DOCUMENT: u64 = 100;
const SENDERS: u64 = 8;
/// Parts of the load whose rates are told one by one.
const PARTS: u64 = 10;
const PAGE: usize = 30;
/// Events that are captured after all, with IDs that follow one another.
const MORE: u64 = 100_000;
/// The first event, and how far apart they are.
const FIRST: &str = "2025-01-01T00:00:00.000Z";
const STEP_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600_000;
/// How often a thing is seen, spread over the whole time.
const SIGHTINGS: u64 = 4;
const PLACES: u64 = 200;
const STEPS: [&str; 6] = ["shipping", "receiving", "storing", "inspecting", "picking", "packing"];

fn at(n: u64) -> Time {
    let first = Time::parse(FIRST).unwrap();
    first.plus_ms(i64::try_from(n).unwrap() * STEP_MS)
}

fn thing(plan: &Plan, n: u64) -> String {
    format!("https://id.gs1.org/01/09521371001010/21/{}", n % plan.events.div_ceil(SIGHTINGS))
}

fn place(n: u64) -> String {
    format!("https://id.gs1.org/414/9521371000020/254/{}", n % PLACES)
}

/// The nth event, the same in every run.
fn event(plan: &Plan, n: u64, random: &mut StdRng) -> Value {
    let step = STEPS[random.random_range(0..STEPS.len())];
    let (id, site) = (random.random::<u128>(), random.random_range(0..PLACES));
    json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": step, "disposition": "in_transit",
        "eventID": format!("urn:uuid:{:08x}-{:04x}-4000-9000-{:012x}", id >> 96, (id >> 80) & 0xffff, id & 0xffff_ffff_ffff),
        "eventTime": at(n).to_string(), "eventTimeZoneOffset": "+08:00", "epcList": [thing(plan, n)],
        "readPoint": { "id": format!("{}.{}", place(site), n % 4) }, "bizLocation": { "id": place(site) },
        "bizTransactionList": [{ "type": "po", "bizTransaction": format!("urn:epcglobal:cbv:bt:9521371000037:{}", n / 10) }],
    })
}

/// The events of the nth document.
fn events(plan: &Plan, nth: u64) -> Vec<Value> {
    let mut random = random_of(u32::try_from(nth).unwrap());
    let first = nth * EVENTS_PER_DOCUMENT;
    (first..first + EVENTS_PER_DOCUMENT).map(|n| event(plan, n, &mut random)).collect()
}

pub fn measure(plan: &Plan, database_url: Option<String>) {
    let ground = Ground::lay(&Plan { sales: 0, ..plan.clone() }, database_url);
    let server = Server::start(&ground.config);
    if !ground.is_loaded {
        load(plan, &ground, &server);
    }
    println!("memory of the server after the load, at most: {} MiB", server.memory_peak_mib());
    let size = ground.database_mib();
    println!("database: {size} MiB, {} bytes an event", size * 1024 * 1024 / plan.events);
    drop(server);

    let server = Server::start(&ground.config);
    let mut random = random_of(1);
    for (sort, asked) in sorts() {
        for (who, credential) in [("tracer", &ground.tracer), ("supplier", &ground.suppliers[0])] {
            let mut client = Client::connect(&server.host, credential);
            let (mut times, mut found) = (Times::default(), 0);
            for _ in 0..plan.reads {
                let path = format!("/epcis/events?perPage={PAGE}&{}", asked(plan, &mut random));
                let sent = Instant::now();
                let (status, answer) = client.get(&path);
                times.add(sent.elapsed());
                assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(answer));
                let answer: Value = serde_json::from_slice(answer).unwrap();
                let results = &answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
                found += results.as_array().unwrap().len();
            }
            println!("{sort}, by a {who}: {}; {} events a page", times.print(), found / plan.reads.max(1));
        }
    }
    println!("memory of the server after the queries, at most: {} MiB", server.memory_peak_mib());
    // Other ones in each run over a database that is kept.
    let from = u64::try_from(taizhang::SystemClock.now().0).unwrap();
    crate::capture::measure(&Plan { events: MORE.min(plan.events), ..plan.clone() }, from, &ground, &server);
}

type Asked = fn(&Plan, &mut StdRng) -> String;

fn sorts() -> [(&'static str, Asked); 6] {
    fn window(plan: &Plan, random: &mut StdRng, ms: i64) -> String {
        let from = at(random.random_range(0..plan.events));
        format!("GE_eventTime={from}&LT_eventTime={}", from.plus_ms(ms))
    }
    let thing: Asked =
        |plan, random| format!("MATCH_epc={}", encoded(&thing(plan, random.random_range(0..plan.events))));
    [
        ("MATCH_epc", thing),
        ("ten minutes", |plan, random| window(plan, random, HOUR_MS / 6)),
        ("a day", |plan, random| window(plan, random, 24 * HOUR_MS)),
        ("a day at one place", |plan, random| {
            let place = encoded(&place(random.random_range(0..PLACES)));
            format!("{}&EQ_bizLocation={place}", window(plan, random, 24 * HOUR_MS))
        }),
        ("a day at one read point", |plan, random| {
            let (place, at) = (encoded(&place(random.random_range(0..PLACES))), random.random_range(0..4));
            format!("{}&EQ_readPoint={place}.{at}", window(plan, random, 24 * HOUR_MS))
        }),
        ("the newest of a step", |_, random| {
            format!("EQ_bizStep={}", STEPS[random.random_range(0..STEPS.len())])
        }),
    ]
}

fn encoded(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F")
}

/// Captures all events, from several senders in turn.
fn load(plan: &Plan, ground: &Ground, server: &Server) {
    let documents = plan.events / EVENTS_PER_DOCUMENT;
    let started = Instant::now();
    let used_before = (server.used(), used_here());
    let next = AtomicU64::new(0);
    let send = || {
        let mut client = Client::connect(&server.host, &ground.suppliers[0]);
        let mut times = Times::default();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= documents {
                return times;
            }
            if nth > 0 && nth.is_multiple_of((documents / PARTS).max(1)) {
                let so_far = nth * EVENTS_PER_DOCUMENT;
                println!("  {so_far} events after {:.1} s", started.elapsed().as_secs_f64());
            }
            let body = document(events(plan, nth)).to_string();
            let supplier = usize::try_from(nth * EVENTS_PER_DOCUMENT / EVENTS_OF_SUPPLIER).unwrap();
            client.speak_for(&ground.suppliers[supplier]);
            let sent = Instant::now();
            let (status, answer) = client.post("/epcis/capture", "application/ld+json", body.as_bytes());
            times.add(sent.elapsed());
            assert!(status < 300, "{status} {}", String::from_utf8_lossy(answer));
        }
    };
    let mut times = Times::default();
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        senders.into_iter().for_each(|sender| times.merge(sender.join().unwrap()));
    });
    let (took, (writer, all), clients) = (started.elapsed(), server.used(), used_here());
    let ((writer_before, all_before), clients_before) = used_before;
    let each = |after: Duration, before: Duration| (after - before).as_secs_f64() * 1e6 / plan.events as f64;
    println!(
        "captured {} events in {:.1} s, {} a second; a document of {EVENTS_PER_DOCUMENT}: {}",
        plan.events,
        took.as_secs_f64(),
        rate(plan.events, took),
        times.print()
    );
    println!(
        "processor time an event: writer {:.1} us, whole server {:.1} us, clients {:.1} us",
        each(writer, writer_before),
        each(all, all_before),
        each(clients, clients_before)
    );
}

const NAIVE_SCHEMA: &str = "
create table event (id integer primary key, doc text not null);
create index event_by_epc on event (json_extract(doc, '$.epcList[0]'));
create index event_by_time on event (json_extract(doc, '$.eventTime'));
create index event_by_place on event (json_extract(doc, '$.bizLocation.id'));
";
const NAIVE_INSERT: Insert = Insert { table: "event", columns: &[("doc", Type::Text)], then: "" };

/// The same events in a table of documents on SQLite, with the same durability and a document a transaction.
pub fn baseline(plan: &Plan) {
    let folder = tempfile::Builder::new().prefix("taizhang-bench").tempdir_in("/var/tmp").unwrap();
    let store = SqliteStore::open(&folder.path().join("naive.db")).unwrap();
    let mut writer = store.writer().unwrap();
    let mut tx = writer.begin().unwrap();
    tx.as_tx().run_script(NAIVE_SCHEMA).unwrap();
    tx.commit().unwrap();
    let (mut taken, started) = (Duration::ZERO, Instant::now());
    for nth in 0..plan.events / EVENTS_PER_DOCUMENT {
        let documents: Vec<String> = events(plan, nth).iter().map(Value::to_string).collect();
        let cells: Vec<Param<'_>> = documents.iter().map(Param::from).collect();
        let began = Instant::now();
        let mut tx = writer.begin().unwrap();
        tx.as_tx().insert_many(&NAIVE_INSERT, &cells).unwrap();
        tx.commit().unwrap();
        taken += began.elapsed();
    }
    let whole = started.elapsed().as_secs_f64();
    println!(
        "inserted {} events, {} a second ({whole:.0} s with making them)",
        plan.events,
        rate(plan.events, taken)
    );
    let size = store.size_bytes().unwrap();
    println!("database: {} MiB, {} bytes an event", size / (1024 * 1024), size / plan.events);
    let mut random = random_of(1);
    let mut ask = |sort: &str, condition: &str, asked: &dyn Fn(&mut StdRng) -> Vec<String>| {
        let sql = format!(
            "select doc from event where {condition} order by json_extract(doc, '$.eventTime') desc limit {PAGE}"
        );
        let (mut times, mut found) = (Times::default(), 0);
        for _ in 0..plan.reads {
            let values = asked(&mut random);
            let params: Vec<Param<'_>> = values.iter().map(Param::from).collect();
            let sent = Instant::now();
            let mut rows = 0;
            let mut read = |tx: &mut dyn store::Tx| {
                rows = tx.query(&sql, &params)?.len();
                Ok(())
            };
            store.read(&mut read).unwrap();
            times.add(sent.elapsed());
            found += rows;
        }
        println!(
            "{sort}, as one indexed query: {}; {} events a page",
            times.print(),
            found / plan.reads.max(1)
        );
    };
    const TIME: &str = "json_extract(doc, '$.eventTime') >= $1 and json_extract(doc, '$.eventTime') < $2";
    let window = |random: &mut StdRng, ms: i64| {
        let from = at(random.random_range(0..plan.events));
        vec![from.to_string(), from.plus_ms(ms).to_string()]
    };
    ask("MATCH_epc", "json_extract(doc, '$.epcList[0]') = $1", &|random| {
        vec![thing(plan, random.random_range(0..plan.events))]
    });
    ask("ten minutes", TIME, &|random| window(random, HOUR_MS / 6));
    ask("a day", TIME, &|random| window(random, 24 * HOUR_MS));
    ask("a day at one place", &format!("{TIME} and json_extract(doc, '$.bizLocation.id') = $3"), &|random| {
        let mut values = window(random, 24 * HOUR_MS);
        values.push(place(random.random_range(0..PLACES)));
        values
    });
}
