//! A town whose database breaks at any step, whose process dies and whose clock leaps, as a seed says. Whatever was
//! acknowledged is there once, at its place; whatever was not is there once or not at all, and is told so when it is asked
//! again; every book fits, every figure is the sum of what was acknowledged. On PostgreSQL it is the connection that breaks:
//! at any byte, either way, with or without a silence before.
//!
//! `TAIZHANG_SEEDS=5000` plays so many seeds, `TAIZHANG_SEED=17` one, with all that happened in it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base::{ActorId, BookId, Day, ManualClock, Time};
use harness::{Cut, Engine, Gate, OFFICES, Place, Town, Way, Wire, project, sale, seeded};
use kernel::{AppendError, Desk, Kernel, Period, Receipt};
use line_market::intake::{LineOutcome, SaleBatch, record_sales};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use store::fault::{FaultStore, Faults};
use taizhang::Surroundings;

/// Played by every run of the tests.
const SEEDS: u64 = 500;
/// The same with a connection that breaks.
const WIRE_SEEDS: u64 = 40;
const TURNS: usize = 24;
/// Steps of the database among which one is broken.
const REACH: u64 = 40;
/// Bytes among which the connection breaks at one. What a group sends has a few thousand, and so has what it is told.
const WIRE_REACH: u64 = 8_000;
const OCCURRED: &str = "2026-03-10T00:00:00.000Z";

/// A founded town, made once for each engine; none where there is no PostgreSQL.
fn founded(engine: Engine) -> Option<&'static (PathBuf, Option<String>)> {
    static SQLITE: OnceLock<Option<(PathBuf, Option<String>)>> = OnceLock::new();
    static POSTGRES: OnceLock<Option<(PathBuf, Option<String>)>> = OnceLock::new();
    let found = || {
        let place = Town::on(engine.place()?).close();
        Some((place.folder.keep(), place.database_url))
    };
    match engine {
        Engine::Sqlite => SQLITE.get_or_init(found).as_ref(),
        Engine::Postgres => POSTGRES.get_or_init(found).as_ref(),
    }
}

/// A copy of the founded town.
fn copy(engine: Engine) -> Place {
    let (files, url) = founded(engine).expect("a database");
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(files).unwrap().map(|file| file.unwrap().path()) {
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    let copy = |url| store_postgres::testing::shared().unwrap().copy_of(url);
    Place { engine, folder, database_url: url.as_deref().map(copy) }
}

/// What breaks in a story.
enum Trouble {
    /// Steps of the database.
    Steps(Faults),
    /// The connection to it.
    Line(Wire),
}

impl Trouble {
    fn brew(&self, random: &mut StdRng) -> String {
        match self {
            Self::Steps(faults) => {
                let (step, persist) = (random.random_range(0..REACH), random.random());
                faults.break_at(faults.steps() + step, persist);
                format!("step {step} from here breaks (done all the same: {persist})")
            }
            Self::Line(wire) => {
                let way = if random.random() { Way::ToServer } else { Way::ToClient };
                let silence = Duration::from_millis(random.random_range(0..3) * 20);
                let (after, stays) = (random.random_range(0..WIRE_REACH), random.random());
                // The worst moment is drawn too seldom: a commit is sent, and its answer is lost.
                let cut = match random.random_range(0..3) {
                    // The first is that of the gate.
                    0 => Cut { said: ("commit\0", 2), way: Way::ToClient, after: after % 20, silence, stays },
                    _ => Cut { said: ("", 0), way, after, silence, stays },
                };
                wire.cut(cut);
                format!("{cut:?}")
            }
        }
    }

    fn heal(&self) {
        match self {
            Self::Steps(faults) => faults.heal(),
            Self::Line(wire) => wire.heal(),
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::Steps(faults) => faults.breaks(),
            Self::Line(wire) => wire.cuts(),
        }
    }
}

/// Something that is asked of the ledger under a key of its own.
#[derive(Clone)]
struct Request {
    number: usize,
    book: BookId,
    kind: &'static str,
    body: Value,
}

/// Where it stands, and whether it stood before it was asked this time.
type Answer = Result<(Receipt, bool), AppendError<String>>;

impl Request {
    fn decide(&self, desk: &mut Desk<'_>) -> Answer {
        let (key, digest) = (self.number.to_string(), self.body.to_string());
        let actor = ActorId::new("system:test").unwrap();
        desk.take(&self.book)?;
        if let Some(first) = desk.answered(&self.book, actor.as_str(), &key, &digest)? {
            return Ok((first, true));
        }
        let receipt = self.record(desk, &actor)?;
        desk.remember(&self.book, actor.as_str(), &key, &digest, &receipt);
        Ok((receipt, false))
    }

    fn record(&self, desk: &mut Desk<'_>, actor: &ActorId) -> Result<Receipt, AppendError<String>> {
        let (kind, body, book) = (self.kind.to_owned(), self.body.clone(), &self.book);
        if kind == "market.sale.made" {
            let batch: SaleBatch = serde_json::from_value(json!({ "sales": [body] })).unwrap();
            let told = record_sales(desk, book, 1, actor, &batch).map_err(said)?;
            return match told.lines.first() {
                Some(LineOutcome::Recorded { seq, .. }) => Ok(Receipt { book: book.clone(), seq: *seq }),
                other => Err(AppendError::Refused(format!("{other:?}"))),
            };
        }
        let (occurred, evidence) = (None, Vec::new());
        if kind.starts_with("market.") {
            let input = line_market::record::Input { kind, occurred, body, evidence };
            return line_market::record::record(desk, book, actor, &input).map(|it| it.entry).map_err(said);
        }
        let input = line_projects::record::Input { kind, occurred, body, evidence };
        line_projects::record::record(desk, book, actor, &input).map(|it| it.entry).map_err(said)
    }
}

fn said<E: std::fmt::Debug>(error: AppendError<E>) -> AppendError<String> {
    error.map(|refusal| format!("{refusal:?}"))
}

/// What became of a request as far as the asker knows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Acknowledged(Receipt),
    Refused,
    /// It failed: it may stand, or not.
    Open,
}

struct World {
    place: Place,
    clock: Arc<ManualClock>,
    trouble: Trouble,
    kernel: Arc<Kernel>,
    random: StdRng,
    requests: Vec<(Request, Known)>,
    /// Of requests that had no answer, those that stood all the same.
    stood: u64,
    deaths: u64,
    diary: String,
}

/// What is left of a story.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    diary: String,
    sizes: Vec<(String, u64)>,
    troubles: u64,
    stood: u64,
}

impl World {
    fn new(engine: Engine, seed: u64) -> Self {
        let mut place = copy(engine);
        let trouble = match &mut place.database_url {
            None => Trouble::Steps(Faults::none()),
            Some(url) => {
                let wire = Wire::to(url);
                *url = wire.url(url);
                Trouble::Line(wire)
            }
        };
        let clock = Arc::new(ManualClock::at(Time::parse("2026-03-10T08:00:00+08:00").unwrap()));
        let kernel = open(&place, &clock, &trouble, seed);
        let (random, requests) = (StdRng::seed_from_u64(seed), Vec::new());
        Self { place, clock, trouble, kernel, random, requests, stood: 0, deaths: 0, diary: String::new() }
    }

    fn note(&mut self, what: std::fmt::Arguments<'_>) {
        writeln!(self.diary, "{} {what}", self.kernel.now()).unwrap();
    }

    /// The process ends at once, and another goes on with what is on the disk.
    fn die(&mut self) {
        self.kernel.stop();
        self.trouble.heal();
        self.deaths += 1;
        let seed = self.random.random();
        self.note(format_args!("the process dies"));
        self.kernel = open(&self.place, &self.clock, &self.trouble, seed);
    }

    fn draw(&mut self) -> Request {
        let number = self.requests.len();
        let market = || BookId::new(["beiyuan", "xihai"][number % 2]).unwrap();
        let office = || BookId::new(OFFICES[0].book).unwrap();
        let known: Vec<String> = self
            .requests
            .iter()
            .filter(|(it, _)| it.kind == "projects.project.registered")
            .map(|(it, _)| it.body["project"].as_str().unwrap().to_owned())
            .collect();
        let any = match known.is_empty() {
            true => "park".to_owned(),
            false => known[self.random.random_range(0..known.len())].clone(),
        };
        let (book, kind, body) = match self.random.random_range(0..10) {
            0..4 => {
                let grams = self.random.random_range(1..50) * 10;
                (market(), "market.sale.made", sale(u32::try_from(number).unwrap(), "L1", grams, OCCURRED))
            }
            4 => {
                let body = json!({ "lot": format!("S{number}"), "merchant": "m1", "stall": "A1", "product": "tomato",
                    "quantity_g": 5_000, "supplier": "寿光蔬菜合作社", "origin": "山东寿光",
                    "document": { "type": "conformity", "number": "HGZ-1" }, "source": null });
                (market(), "market.lot.received", body)
            }
            5 => (office(), "projects.project.registered", project(OFFICES[0], &format!("p{number}"))),
            6 => {
                let to = ["started", "roofed", "finished"][number % 3];
                (office(), "projects.phase.changed", json!({ "project": any, "to": to, "reason": "核实" }))
            }
            7 => {
                let body = json!({ "project": any, "amount_fen": 1_000_000 * (1 + number), "note": null });
                (office(), "projects.invested", body)
            }
            _ => {
                let body = json!({ "project": any, "blocker": format!("B-{number}"), "title": "高压线未迁改", "note": null,
                    "owner": format!("post:{}/team-2", OFFICES[0].unit), "due": "2026-03-20" });
                (office(), "projects.blocker.raised", body)
            }
        };
        Request { number, book, kind, body }
    }

    /// Asks for several things at once, which are decided in one group.
    fn ask(&mut self, requests: Vec<Request>) {
        let gate = Gate::shut(&self.kernel);
        let ask = |request: &Request| {
            let (kernel, request) = (self.kernel.clone(), request.clone());
            let asked: Pin<Box<dyn Future<Output = Answer>>> =
                Box::pin(async move { kernel.append(move |desk| request.decide(desk)).await });
            asked
        };
        let mut asked: Vec<_> = requests.iter().map(ask).collect();
        let mut context = Context::from_waker(Waker::noop());
        let mut early: BTreeMap<usize, Answer> = BTreeMap::new();
        for (at, future) in asked.iter_mut().enumerate() {
            if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
                early.insert(at, answer);
            }
        }
        gate.open();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (at, (request, future)) in requests.into_iter().zip(asked).enumerate() {
            let answer = early.remove(&at).unwrap_or_else(|| runtime.block_on(future));
            self.learn(request, answer);
        }
    }

    fn learn(&mut self, request: Request, answer: Answer) {
        let known = match answer {
            Ok((receipt, stood)) => {
                let before = self.requests.get(request.number).map(|(_, known)| known);
                self.stood += u64::from(stood && before == Some(&Known::Open));
                Known::Acknowledged(receipt)
            }
            Err(AppendError::Store(_)) => Known::Open,
            Err(AppendError::Refused(_) | AppendError::Body(_)) => Known::Refused,
            Err(error) => panic!("{}: {error:?}", request.kind),
        };
        self.note(format_args!("{} {} {}: {known:?}", request.number, request.kind, request.body));
        match self.requests.get_mut(request.number) {
            None => self.requests.push((request, known)),
            Some((_, before)) => {
                // What was refused may be in order by now.
                if matches!(before, Known::Acknowledged(_)) {
                    assert_eq!(*before, known, "the answer to request {} is another", request.number);
                }
                *before = known;
            }
        }
    }

    fn turn(&mut self) {
        if self.random.random_range(0..5) < 2 {
            let brewing = self.trouble.brew(&mut self.random);
            self.note(format_args!("{brewing}"));
        }
        let troubles = self.trouble.count();
        match self.random.random_range(0..10) {
            0 => {
                self.clock.advance_ms(self.random.random_range(1..60) * 3_600_000);
                let tended = self.kernel.tend_days().and_then(|()| self.kernel.tend_matters(1_000));
                self.note(format_args!("the clock: {tended:?}"));
            }
            1 => self.die(),
            2 => {
                let open = self.requests.iter().filter(|(_, known)| *known == Known::Open);
                let again: Vec<Request> = open.map(|(request, _)| request.clone()).collect();
                again.into_iter().for_each(|request| self.ask(vec![request]));
            }
            several => {
                let first = self.requests.len();
                let count = if several < 6 { 1 } else { self.random.random_range(2..6) };
                let mut drawn = Vec::new();
                for number in first..first + count {
                    drawn.push(Request { number, ..self.draw() });
                }
                self.ask(drawn);
            }
        }
        // Whoever dies of a fault dies at that step: nothing is written after it.
        if self.trouble.count() > troubles && self.random.random() {
            self.die();
        }
        self.trouble.heal();
    }

    fn sum(&self, figure: &str) -> i64 {
        let books: Vec<BookId> = self.kernel.books().unwrap();
        let ever = Period { from: Day(0), to: Day(i32::MAX / 2) };
        self.kernel
            .sum(figure, &books, Period { to: self.kernel.zone().day_of(self.kernel.now()), ..ever }, "")
            .unwrap()
    }

    /// Everything that was asked is asked once more of a new process, and then all of it is counted.
    fn settle(mut self, replay: bool) -> Told {
        self.die();
        for (request, _) in self.requests.clone() {
            self.ask(vec![request]);
        }
        let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut sold, mut invested) = (0, 0);
        for (request, known) in &self.requests {
            let receipt = match known {
                Known::Acknowledged(receipt) => receipt,
                Known::Refused => continue,
                Known::Open => panic!("request {} has no answer though nothing breaks", request.number),
            };
            let entry =
                self.kernel.entry(&receipt.book, receipt.seq).unwrap().expect("what was acknowledged");
            assert_eq!(entry.kind.as_str(), request.kind, "request {}", request.number);
            *asked.entry(request.kind).or_default() += 1;
            sold += request.body["grams"].as_i64().unwrap_or(0);
            invested += request.body["amount_fen"]
                .as_i64()
                .filter(|_| request.kind == "projects.invested")
                .unwrap_or(0);
        }
        let mut sizes = Vec::new();
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for book in self.kernel.books().unwrap() {
            let stored = self
                .kernel
                .read(|tx| kernel::entries::entries_from(tx, &book, base::Seq(0), 10_000))
                .unwrap();
            for it in &stored {
                let by_us = it.entry.actor.as_str() == "system:test" && it.entry.recorded.0 > 0;
                *found.entry(it.entry.kind.as_str().to_owned()).or_default() += usize::from(by_us);
            }
            sizes.push((book.to_string(), stored.len() as u64));
        }
        for (kind, count) in asked {
            let before = FOUNDED.iter().find(|(it, _)| *it == kind).map_or(0, |(_, count)| *count);
            assert_eq!(found[kind], count + before, "{kind} stands once for each that was acknowledged");
        }
        assert_eq!(self.sum("market.sales.grams"), sold);
        assert_eq!(self.sum("projects.invested"), invested);
        let report = self.kernel.audit().unwrap();
        assert!(report.is_clean(), "{report:?}");
        if replay {
            assert_eq!(self.kernel.replay().unwrap().changed, Vec::<String>::new());
        }
        self.kernel.stop();
        Told { diary: self.diary, sizes, troubles: self.trouble.count(), stood: self.stood }
    }
}

/// Entries of the kinds that are asked for which the founded town has by the same hand.
const FOUNDED: [(&str, usize); 2] = [("market.lot.received", 4), ("projects.project.registered", 2)];

fn open(place: &Place, clock: &Arc<ManualClock>, trouble: &Trouble, seed: u64) -> Arc<Kernel> {
    let config = place.config();
    let store = match trouble {
        Trouble::Steps(faults) => Arc::new(FaultStore::new(place.store(), faults.clone())),
        Trouble::Line(_) => place.store(),
    };
    let signer = Surroundings::of_system(&config).unwrap().signer;
    let around = Surroundings { clock: clock.clone(), entropy: seeded(seed), signer };
    taizhang::open_kernel(&config, store, around).unwrap()
}

fn play(engine: Engine, seed: u64) -> Told {
    let mut world = World::new(engine, seed);
    (0..TURNS).for_each(|_| world.turn());
    world.settle(seed.is_multiple_of(16))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

fn play_all(engine: Engine, seeds: u64) {
    if let Some(seed) = number("TAIZHANG_SEED") {
        eprintln!("{}", play(engine, seed).diary);
        return;
    }
    let began = std::time::Instant::now();
    let seeds = number("TAIZHANG_SEEDS").unwrap_or(seeds);
    let [next, troubles, stood] = [const { AtomicU64::new(0) }; 3];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    let played = std::panic::catch_unwind(|| play(engine, seed));
                    let told = played.unwrap_or_else(|_| panic!("play it again by TAIZHANG_SEED={seed}"));
                    troubles.fetch_add(told.troubles, Ordering::Relaxed);
                    stood.fetch_add(told.stood, Ordering::Relaxed);
                }
            });
        }
    });
    let (troubles, stood) = (troubles.into_inner(), stood.into_inner());
    eprintln!("{seeds} seeds, {troubles} breaks, {stood} stood unanswered, in {:?}", began.elapsed());
    assert!(troubles > 0 && stood > 0, "a commit is done of which the answer is lost");
}

#[test]
fn whatever_breaks_nothing_acknowledged_is_lost_or_doubled() {
    play_all(Engine::Sqlite, SEEDS);
}

#[test]
fn wherever_the_connection_breaks_nothing_acknowledged_is_lost_or_doubled() {
    if founded(Engine::Postgres).is_some() {
        play_all(Engine::Postgres, WIRE_SEEDS);
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [3, 7, 1_000_003] {
        assert_eq!(play(Engine::Sqlite, seed), play(Engine::Sqlite, seed));
    }
}
