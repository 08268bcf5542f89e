//! The server, its database or the connection between ends under load: what was acknowledged is there once, and nothing is
//! there twice.

mod silence;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::BookId;
use harness::{Client, Engine, Place, Town, Wire, sale};
use mqtt::{Link, QoS};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use store_postgres::testing::{Cluster, End, or_skip};

#[allow(dead_code, reason = "shared with the tests of the link")]
#[path = "../../../mqtt/tests/broker/mod.rs"]
pub mod broker;

const KILLS: usize = 20;
const CLIENTS: usize = 3;
/// How long a running server may take to go on once its database is back.
const RECOVERY_MAX: Duration = Duration::from_secs(20);
pub const LINES: u32 = 20;
/// How long a scale waits for a receipt here; the contract says ten seconds.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(1);
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
        Self::within(place, more, &[])
    }

    /// With more in its configuration, and in its environment.
    pub fn within(place: &Place, more: &str, environment: &[(&str, &Path)]) -> Self {
        Self::logging(place, more, environment, Stdio::inherit())
    }

    /// Whose log nobody can keep: each write to it fails as on a full disk.
    pub fn unheard(place: &Place) -> Self {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        Self::logging(place, "", &[], full.into())
    }

    fn logging(place: &Place, more: &str, environment: &[(&str, &Path)], log: Stdio) -> Self {
        let config = place.config();
        let file = place.folder.path().join("taizhang.toml");
        // One scale sells here what many do in weeks.
        let own = format!("name = {:?}\ndevice_entries_of_day_max = 1_000_000_000\n", config.name);
        std::fs::write(&file, own + more).unwrap();
        // A write beyond the limit of a file is an error then, and no signal.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(crate::binary::path());
        command.arg("--config").arg(&file).arg("--data").arg(&config.data).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
        ]);
        command.env_remove("DATABASE_URL").env("RUST_LOG", "error").stdout(Stdio::piped()).stderr(log);
        command.envs(environment.iter().copied());
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

    /// Lets no file grow beyond so many bytes: the write that meets the limit is done in part, those after it fail.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let mut command = Command::new("prlimit");
        // The soft limit alone, so that it can be taken back.
        command.arg(format!("--pid={}", self.child.id())).arg(format!("--fsize={limit}:"));
        assert!(command.status().unwrap().success());
    }

    /// Stops it where it stands (SIGSTOP), or lets it go on.
    pub fn freeze(&self, is_frozen: bool) {
        let mut command = Command::new("kill");
        command.arg(if is_frozen { "-STOP" } else { "-CONT" }).arg(self.child.id().to_string());
        assert!(command.status().unwrap().success());
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

/// Stops those who sell, also when something else went wrong.
pub struct Stops<'s>(pub &'s AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
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

/// A sale of the day on which the town was founded, told by a server whose clock is the machine's.
pub fn late(counter: u32, grams: i64) -> Value {
    let mut line = sale(counter, "LX", grams, OCCURRED);
    line["offline"] = true.into();
    line
}

pub fn batch(first: u32) -> Value {
    let lines: Vec<Value> = (first..first + LINES).map(|counter| late(counter, 10)).collect();
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

/// A scale on a broker, which has several batches under way and sends again what it got no receipt for.
async fn sell_by_mqtt(scale: &mqtt::Config, next: &AtomicU32, known: &Mutex<Known>, stop: &AtomicBool) {
    let topic = |leaf: &str| format!("taizhang/v1/beiyuan/1/{leaf}");
    let receipts = vec![(topic("receipt"), QoS::AtLeastOnce)];
    let (link, mut incoming) = Link::connect(scale, receipts).unwrap();
    let publisher = link.publisher();
    while !stop.load(Ordering::Relaxed) {
        let batches = [(); CLIENTS].map(|()| next.fetch_add(LINES, Ordering::Relaxed));
        let mut open: BTreeSet<u32> = batches.into_iter().collect();
        for tries in 0.. {
            known.lock().unwrap().resent += if tries > 0 { open.len() } else { 0 };
            for first in &open {
                // Where there is no broker now, there is one at the next try.
                publisher
                    .publish(&topic("sales"), batch(*first).to_string(), QoS::AtLeastOnce, false)
                    .await
                    .ok();
            }
            while !open.is_empty()
                && let Ok(Some(message)) = tokio::time::timeout(RECEIPT_PATIENCE, incoming.recv()).await
            {
                let receipt: Value = serde_json::from_slice(&message.payload.unwrap()).unwrap();
                message.ack.done();
                known.lock().unwrap().learn(&receipt);
                open.remove(&u32::try_from(receipt["lines"][0]["counter"].as_u64().unwrap()).unwrap());
            }
            if open.is_empty() {
                break;
            }
        }
    }
    link.close().await;
}

/// Founds the market with one large lot and scales 1 and 2, through the kernel, before any server runs; returns scale 1's
/// credential.
pub fn found(place: Place) -> (Place, String) {
    let town = Town::on(place);
    let mut lot = town.lot("LX", 100_000_000);
    lot["supplier"] = "大批发".into();
    harness::enter(&town.site.kernel, &town.book(), "market.lot.received", lot);
    town.credential_of_scale(2);
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

/// A running server under load, whose database is somebody's to break.
struct Siege {
    place: Place,
    credential: String,
    next: Arc<AtomicU32>,
    known: Arc<Mutex<Known>>,
    /// The process of the server, while there is one.
    process: u32,
}

impl Siege {
    fn of(database_url: String) -> Self {
        let place = Place { database_url: Some(database_url), ..Engine::Sqlite.place().unwrap() };
        let (place, credential) = found(place);
        Self { place, credential, next: Arc::new(AtomicU32::new(1)), known: Arc::default(), process: 0 }
    }

    /// Breaks it under load, and counts when all is over. The server is never told.
    fn survive(mut self, by_way_of: Option<String>, break_it: impl FnOnce(&Self, &Client)) {
        let direct = self.place.database_url.clone();
        self.place.database_url = by_way_of.or(direct.clone());
        let mut server = Server::start(&self.place);
        self.process = server.child.id();
        let (base, watcher) = (server.base.clone(), Client::new(&server.base));
        load(&base, &self.credential, &self.next, &self.known, || {
            self.goes_on();
            let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| break_it(&self, &watcher)));
            server.kill();
            broken.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        let mut server = Server::start(&self.place);
        resend(&Client::new(&server.base).bearer(&self.credential), &self.known);
        server.kill();
        inspect(&self.place, &self.known.lock().unwrap());
    }

    /// Waits until there are more acknowledged sales.
    fn goes_on(&self) {
        let acknowledged = || self.known.lock().unwrap().acknowledged.len();
        let before = acknowledged();
        eventually("the server does not go on by itself", || acknowledged() > before + 500);
    }
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + RECOVERY_MAX;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn readiness(watcher: &Client) -> u16 {
    watcher.get("/readyz").status
}

/// A server of one's own to break, or a note that there is none.
fn cluster() -> Option<Cluster> {
    let cluster = or_skip(Cluster::start())?;
    if !cluster.is_own() {
        eprintln!("skipped: the server is not ours to end");
    }
    cluster.is_own().then_some(cluster)
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_postgresql_ends_and_comes_back() {
    let Some(mut cluster) = cluster() else { return };
    let siege = Siege::of(cluster.fresh_database());
    siege.survive(None, |siege, watcher| {
        for end in [End::Killed, End::Stopped, End::Killed, End::Stopped] {
            assert_eq!(readiness(watcher), 200);
            cluster.down(end).unwrap();
            eventually("it is still said to be ready", || readiness(watcher) == 503);
            cluster.up().unwrap();
            eventually("it is not ready again", || readiness(watcher) == 200);
            siege.goes_on();
        }
    });
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_connections_end_under_load() {
    let Some(cluster) = or_skip(Cluster::start()) else { return };
    let url = cluster.fresh_database();
    Siege::of(url.clone()).survive(None, |siege, _| {
        for _ in 0..KILLS {
            cluster.end_connections(&url).unwrap();
            siege.goes_on();
        }
    });
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_the_line_to_the_database_falls_silent_or_is_cut() {
    let Some(cluster) = or_skip(Cluster::start()) else { return };
    let url = cluster.fresh_database();
    let wire = Wire::to(&url);
    Siege::of(url.clone()).survive(Some(wire.url(&url)), |siege, watcher| {
        for cut in [false, true, false, true] {
            wire.hold();
            // Long enough for what is under way to stand where it is.
            std::thread::sleep(Duration::from_millis(500));
            if cut {
                wire.cut_now();
            }
            wire.heal();
            eventually("it is not ready again", || readiness(watcher) == 200);
            siege.goes_on();
        }
    });
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_a_standby_takes_over() {
    let Some(mut cluster) = cluster() else { return };
    let url = cluster.fresh_database();
    let siege = Siege::of(url.clone());
    let standby = cluster.standby(true).unwrap();
    let both = cluster.url_with(&standby, &url);
    siege.survive(Some(both), |siege, watcher| {
        cluster.down(End::Killed).unwrap();
        eventually("it is still said to be ready", || readiness(watcher) == 503);
        standby.promote().unwrap();
        eventually("it is not ready again", || readiness(watcher) == 200);
        siege.goes_on();
    });
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_the_broker_of_the_scales_ends_under_load() {
    let Some(mut broker) = broker::Broker::start() else { return };
    let (place, _) = found(Engine::Sqlite.place().unwrap());
    let mut server = Server::configured(&place, &format!("[mqtt]\nurl = {:?}\n", broker.url()));
    let (next, known, stop) = (AtomicU32::new(1), Mutex::new(Known::default()), AtomicBool::new(false));
    let scale = mqtt::Config { publish_timeout_s: 1, ..broker.config("beiyuan.1") };
    std::thread::scope(|scope| {
        let selling = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.unwrap().block_on(sell_by_mqtt(&scale, &next, &known, &stop));
        });
        let _stops = Stops(&stop);
        let goes_on = || {
            let acknowledged = || known.lock().unwrap().acknowledged.len();
            let before = acknowledged();
            eventually("selling does not go on by itself", || acknowledged() > before + 200);
            assert!(!selling.is_finished());
        };
        for signal in ["TERM", "KILL", "TERM", "KILL", "KILL", "KILL"] {
            goes_on();
            broker.restart_by(signal, Duration::from_millis(300));
        }
        goes_on();
    });
    server.kill();
    inspect(&place, &known.lock().unwrap());
}
