//! kill -9 under load: what was acknowledged is there once, and nothing is there twice.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::BookId;
use harness::{Client, Engine, Place, Town, sale};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use store_postgres::testing::{Cluster, or_skip};

const KILLS: usize = 20;
const CLIENTS: usize = 3;
/// How long a running server may take to go on once its database is back.
const RECOVERY_MAX: Duration = Duration::from_secs(20);
const LINES: u32 = 20;
pub const SALES: &str = "/scale/v1/sales";
pub const OCCURRED: &str = "2026-03-10T00:00:00.000Z";

/// The server as a process of its own.
pub struct Server {
    child: Child,
    pub base: String,
}

impl Server {
    pub fn start(place: &Place) -> Self {
        Self::configured(place, "")
    }

    /// With more in its configuration.
    pub fn configured(place: &Place, more: &str) -> Self {
        let config = place.config();
        let file = place.folder.path().join("taizhang.toml");
        std::fs::write(&file, format!("name = {:?}\n{more}", config.name)).unwrap();
        let mut command = Command::new(crate::binary::path());
        command.arg("--config").arg(&file).arg("--data").arg(&config.data).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
        ]);
        command.env_remove("DATABASE_URL").env("RUST_LOG", "error").stdout(Stdio::piped());
        if let Some(url) = &place.database_url {
            command.env("DATABASE_URL", url);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base = lines.find_map(|line| line.unwrap().strip_prefix("listening on ").map(str::to_owned));
        Self { base: base.expect("the server starts"), child }
    }

    /// Memory as the system counts it: `VmRSS`, what is resident now, or `VmHWM`, the most that ever was.
    pub fn memory_mib(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// SIGKILL: no destructor, no flush.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What clients know: batches that they sent and had no answer to, and the place of each acknowledged counter.
#[derive(Default)]
pub struct Known {
    pub acknowledged: BTreeMap<u32, u64>,
    pub unanswered: Vec<Value>,
    resent: usize,
}

impl Known {
    fn learn(&mut self, receipt: &Value) {
        for line in receipt["lines"].as_array().unwrap() {
            let (counter, seq) = (line["counter"].as_u64().unwrap(), line["seq"].as_u64().unwrap());
            let before = self.acknowledged.insert(u32::try_from(counter).unwrap(), seq);
            assert!(
                before.is_none_or(|before| before == seq),
                "counter {counter} was at {before:?}, and is at {seq}"
            );
        }
    }
}

/// Sells until the connection breaks, or until it is told to stop.
pub fn sell(client: &Client, next: &AtomicU32, known: &Mutex<Known>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let first = next.fetch_add(LINES, Ordering::Relaxed);
        let batch = batch(first);
        match client.send("POST", SALES, Some(harness::JSON), batch.to_string().as_bytes()) {
            Ok(answer) if answer.status == 200 => known.lock().unwrap().learn(&answer.json()),
            Ok(answer) if answer.status >= 500 => {
                known.lock().unwrap().unanswered.push(batch);
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(answer) => panic!("{} {}", answer.status, answer.text()),
            Err(_) => return known.lock().unwrap().unanswered.push(batch),
        }
    }
}

pub fn batch(first: u32) -> Value {
    let lines: Vec<Value> = (first..first + LINES).map(|counter| sale(counter, "LX", 10, OCCURRED)).collect();
    json!({ "sales": lines })
}

/// Sells from several clients while `break_it` happens after a drawn moment of load; returns when all have stopped.
fn load(
    base: &str,
    credential: &str,
    next: &Arc<AtomicU32>,
    known: &Arc<Mutex<Known>>,
    break_it: impl FnOnce(),
) {
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let client = Client::new(base).bearer(credential);
            scope.spawn(move || sell(&client, next, known, &AtomicBool::new(false)));
        }
        break_it();
    });
}

/// Sends again what had no answer: each line is new or known, and afterwards acknowledged.
pub fn resend(client: &Client, known: &Mutex<Known>) {
    let unanswered = std::mem::take(&mut known.lock().unwrap().unanswered);
    known.lock().unwrap().resent += unanswered.len();
    for batch in unanswered {
        let receipt = client.post(SALES, &batch).expect(200).json();
        known.lock().unwrap().learn(&receipt);
    }
}

/// Founds the market with one large lot, through the kernel, before any server runs; returns scale 1's credential.
pub fn found(place: Place) -> (Place, String) {
    let town = Town::on(place);
    let mut lot = town.lot("LX", 100_000_000);
    lot["supplier"] = "大批发".into();
    harness::enter(&town.site.kernel, &town.book(), "market.lot.received", lot);
    let credential = town.credential_of_scale(1);
    (town.close(), credential)
}

/// Every acknowledged counter is there once, where it was said to be; every book fits; what is derived follows.
pub fn inspect(place: &Place, known: &Known) {
    let config = place.config();
    let around = taizhang::Surroundings::of_system(&config).unwrap();
    let kernel = taizhang::open_kernel(&config, place.store(), around).unwrap();
    let book = BookId::new("beiyuan").unwrap();
    let mut found: BTreeMap<u32, u64> = BTreeMap::new();
    let mut from = base::Seq(0);
    loop {
        let page = kernel.read(|tx| kernel::entries::entries_from(tx, &book, from, 5_000)).unwrap();
        let Some(last) = page.last() else { break };
        from = last.entry.seq.next();
        for stored in &page {
            if stored.entry.kind.as_str() == "market.sale.made" {
                let sale: line_market::kinds::Sale = stored.entry.body().unwrap();
                let twice = found.insert(sale.counter, stored.entry.seq.0);
                assert_eq!(twice, None, "counter {} is there twice", sale.counter);
            }
        }
    }
    assert_eq!(found, known.acknowledged, "acknowledged sales and recorded ones are the same");
    assert!(found.len() > 1_000, "the load was too light to tell: {} sales", found.len());
    assert!(known.resent > 0, "no request was under way when the power went");
    eprintln!("{} sales in place, {} batches had no answer and were sent again", found.len(), known.resent);
    let report = kernel.audit().unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(kernel.replay().unwrap().changed, Vec::<String>::new());
}

fn survive(place: Place, seed: u64) {
    let (place, credential) = found(place);
    let mut random = StdRng::seed_from_u64(seed);
    let (next, known) = (Arc::new(AtomicU32::new(1)), Arc::new(Mutex::new(Known::default())));
    for _ in 0..KILLS {
        let mut server = Server::start(&place);
        resend(&Client::new(&server.base).bearer(&credential), &known);
        let (base, moment) = (server.base.clone(), random.random_range(100..600));
        load(&base, &credential, &next, &known, || {
            std::thread::sleep(Duration::from_millis(moment));
            server.kill();
        });
    }
    let mut server = Server::start(&place);
    resend(&Client::new(&server.base).bearer(&credential), &known);
    server.kill();
    inspect(&place, &known.lock().unwrap());
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_the_server_is_killed_on_sqlite() {
    survive(Engine::Sqlite.place().unwrap(), 1);
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_the_server_is_killed_on_postgresql() {
    let Some(cluster) = or_skip(Cluster::start()) else { return };
    survive(Place { database_url: Some(cluster.fresh_database()), ..Engine::Sqlite.place().unwrap() }, 2);
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_postgresql_itself_is_killed() {
    let Some(mut cluster) = or_skip(Cluster::start()) else { return };
    if !cluster.is_own() {
        eprintln!("skipped: the server is not ours to kill");
        return;
    }
    let place = Place { database_url: Some(cluster.fresh_database()), ..Engine::Sqlite.place().unwrap() };
    let (place, credential) = found(place);
    let (next, known) = (Arc::new(AtomicU32::new(1)), Arc::new(Mutex::new(Known::default())));
    let mut server = Server::start(&place);
    let base = server.base.clone();
    load(&base, &credential, &next, &known, || {
        std::thread::sleep(Duration::from_millis(700));
        cluster.crash_and_restart().unwrap();
        let before = known.lock().unwrap().acknowledged.len();
        let until = Instant::now() + RECOVERY_MAX;
        while known.lock().unwrap().acknowledged.len() < before + 1_000 {
            assert!(Instant::now() < until, "the server does not go on by itself");
            std::thread::sleep(Duration::from_millis(10));
        }
        server.kill();
    });
    let mut server = Server::start(&place);
    resend(&Client::new(&server.base).bearer(&credential), &known);
    server.kill();
    inspect(&place, &known.lock().unwrap());
}
