//! A market on a bench: a kernel over a fresh SQLite file, with a clock that is moved by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{ActorId, BookId, CityZone, Entropy, ManualClock, Time};
use epcis::{Context, Document, Limits, Query};
use kernel::{Kernel, Page, Parts};
use line_market::epcis_events::{self, CaptureOutcome, EventOutcome, Found, Mode, QueryRefusal, Sight};
use line_market::record::{Failure, Input, Recorded};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

struct Seeded(rand::rngs::StdRng);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

pub struct Bench {
    pub kernel: Arc<Kernel>,
    pub clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

pub fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

pub fn book(name: &str) -> BookId {
    BookId::new(name).unwrap()
}

pub fn actor() -> ActorId {
    ActorId::new("token:supplier").unwrap()
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = store_sqlite::SqliteStore::open(&folder.path().join("market.db")).unwrap();
        let clock = Arc::new(ManualClock::at(time("2026-03-01T00:00:00Z")));
        let kernel = Kernel::open(Parts {
            store: Arc::new(store),
            lines: vec![Box::new(line_market::Market)],
            clock: clock.clone(),
            entropy: Box::new(Seeded(rand::rngs::StdRng::seed_from_u64(7))),
            zone: CityZone::named("Asia/Shanghai").unwrap(),
            signer: merkle::SignerKey::from_seed("bench.example", [1; 32]).unwrap(),
        });
        Self { kernel: kernel.unwrap(), clock, _folder: folder }
    }

    /// A bench with one open book.
    pub fn with_book(name: &str) -> (Self, BookId) {
        let bench = Self::new();
        let book = bench.open(name);
        (bench, book)
    }

    pub fn open(&self, name: &str) -> BookId {
        let book = book(name);
        let opened = book.clone();
        self.kernel.append_blocking::<_, _, ()>(move |desk| Ok(desk.open_book(&opened)?)).unwrap();
        book
    }

    pub fn capture(&self, book: &BookId, document: &Value, mode: Mode) -> Result<CaptureOutcome, Failure> {
        let document = Document::from_value(document.clone(), &Limits::default()).unwrap();
        let book = book.clone();
        self.kernel.append_blocking(move |desk| epcis_events::capture(desk, &book, &actor(), &document, mode))
    }

    /// Captures what must be accepted, and returns the number of events that are new.
    pub fn capture_new(&self, book: &BookId, document: &Value) -> usize {
        let outcome = self.capture(book, document, Mode::Rollback).unwrap();
        outcome.events.iter().filter(|event| matches!(event, EventOutcome::Recorded { .. })).count()
    }

    pub fn try_query(&self, books: &[BookId], query: &Query) -> Result<Page<Found>, QueryRefusal> {
        self.kernel.read(|tx| epcis_events::query(tx, &sights(books), query, &|_| 0)).unwrap()
    }

    pub fn query(&self, books: &[BookId], pairs: &[(&str, &str)]) -> Page<Found> {
        let query = Query::parse(pairs.iter().copied(), &Context::default()).unwrap();
        self.try_query(books, &query).unwrap()
    }

    /// The IDs that a query finds, a page after another.
    pub fn ids(&self, books: &[BookId], pairs: &[(&str, &str)]) -> Vec<String> {
        let mut query = Query::parse(pairs.iter().copied(), &Context::default()).unwrap();
        let mut ids = Vec::new();
        loop {
            let page = self.try_query(books, &query).unwrap();
            ids.extend(page.items.iter().map(|found| found.event["eventID"].as_str().unwrap().to_owned()));
            match page.next {
                Some(next) => query.next_page_token = Some(next),
                None => return ids,
            }
        }
    }

    pub fn record(&self, book: &BookId, kind: &str, body: Value) -> Result<Recorded, Failure> {
        let input = Input { kind: kind.into(), occurred: None, body, evidence: Vec::new() };
        let book = book.clone();
        self.kernel.append_blocking(move |desk| line_market::record::record(desk, &book, &actor(), &input))
    }

    /// A market with stalls A1 and A2, let to merchants m1 and m2, scale 1 at A1, and tomatoes.
    pub fn furnish(&self, book: &BookId) {
        let scale = json!({ "scale": 1, "stall": "A1", "serial": "S1", "seal": "F1", "verified": "2026-01-01", "verified_until": "2026-12-31", "fair": false });
        let market = json!({
            "title_zh": "北园市场", "title_en": "Beiyuan market", "area_m2": 800, "built": null,
            "slip_gtin": "06901234567892",
        });
        let product = json!({ "product": "tomato", "title_zh": "番茄", "title_en": "Tomato", "category": "fruit-vegetable" });
        // Over all markets' GTINs is decided under the book of the installation.
        self.open(kernel::ROOT_BOOK);
        self.record(book, "market.market.opened", market).unwrap();
        for (stall, merchant) in [("A1", "m1"), ("A2", "m2")] {
            let food = json!({ "stall": stall, "zone": "wet", "food": "raw", "area_dm2": 600 });
            let lease = json!({
                "stall": stall, "merchant": merchant, "from": "2026-01-01", "until": "2026-12-31", "fee_fen": 60_000,
            });
            self.record(
                book,
                "market.merchant.registered",
                json!({ "merchant": merchant, "title": merchant, "licence": null }),
            )
            .unwrap();
            self.record(book, "market.stall.opened", food).unwrap();
            self.record(book, "market.stall.leased", lease).unwrap();
        }
        self.record(book, "market.product.registered", product).unwrap();
        self.record(book, "market.scale.enrolled", scale).unwrap();
    }

    pub fn receive(&self, book: &BookId, lot: &str, source: Option<&str>) -> Recorded {
        let body = json!({
            "lot": lot, "merchant": "m1", "stall": "A1", "product": "tomato", "quantity_g": 100_000,
            "supplier": "Shouguang", "origin": "Shouguang", "document": null, "source": source,
        });
        self.record(book, "market.lot.received", body).unwrap()
    }

    /// What is derived can be derived again, and every entry is what was signed for.
    pub fn check(&self) {
        assert_eq!(self.kernel.replay().unwrap().changed, Vec::<String>::new());
        let mut report = self.kernel.audit().unwrap();
        // A bench has no registry.
        report.findings.retain(|finding| finding.book != kernel::ROOT_BOOK);
        assert!(report.is_clean(), "{report:?}");
    }
}

/// Everything in some books.
pub fn sights(books: &[BookId]) -> Vec<Sight> {
    books.iter().map(|book| Sight { book: book.clone(), senders: None }).collect()
}

/// An EPCISDocument under the standard context and the prefix `ex`.
pub fn document(events: Vec<Value>) -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", { "ex": "https://ns.example/" }],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T00:00:00Z",
        "epcisBody": { "eventList": events },
    })
}

/// An event that observes one thing; the members given come on top.
pub fn observed(epc: &str, members: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping", "eventTime": "2026-02-01T08:00:00+08:00",
        "eventTimeZoneOffset": "+08:00", "epcList": [epc],
    });
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// The published JSON examples of EPCIS 2.0; none where the material is absent.
pub fn examples() -> Vec<(PathBuf, Value)> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let folder = std::env::var_os("TAIZHANG_CORPORA").map_or(beside, PathBuf::from).join("epcis/gs1/JSON");
    if !folder.exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is not there", folder.display());
        eprintln!("skipped: {} is not there", folder.display());
        return Vec::new();
    }
    let (mut found, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "jsonld" || e == "json") {
                let value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                found.push((path, value));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
