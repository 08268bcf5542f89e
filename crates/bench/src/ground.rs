//! The market that is measured: laid through the kernel before the server runs.

use base::{ActorId, BookId, SubjectId, UnitCode};
use kernel::{Kernel, NewDevice, NewToken};
use serde_json::json;
use shell::seats::STREAMS_OF_ONE_MAX;
use taizhang::Config;
use tempfile::TempDir;

use crate::Plan;

pub const NAME: &str = "ledger.example";
pub const BOOK: &str = "beiyuan";
pub const GTIN: &str = "06901234567892";
/// Sales that a lot is good for, so that lots come and go as they do on a market.
pub const SALES_PER_LOT: u64 = 5_000;
/// The lot that is recalled. It is sold by scale 1 alone.
pub const RECALLED: &str = "RECALLED";
/// Events that one supplier sends: less than one may on a day.
pub const EVENTS_OF_SUPPLIER: u64 = 400_000;
const LOT_GRAMS: i64 = 90_000_000;

/// A place with a market in it.
pub struct Ground {
    pub config: Config,
    /// Of scale n at n - 1.
    pub scales: Vec<String>,
    pub leader: String,
    /// Of screens, as many as one may open streams with.
    pub screens: Vec<String>,
    /// One for each so many events of the plan, as many as one may send on a day; the first one is asked for its own.
    pub suppliers: Vec<String>,
    /// Sees the events of every sender.
    pub tracer: String,
    /// What was loaded into a folder that is kept lies there already.
    pub is_loaded: bool,
    _folder: TempDir,
}

impl Ground {
    pub fn lay(plan: &Plan, database_url: Option<String>) -> Self {
        // Not in memory: what is measured is a disk.
        let folder = tempfile::Builder::new().prefix("taizhang-bench").tempdir_in("/var/tmp").unwrap();
        let data = plan.folder.clone().unwrap_or_else(|| folder.path().to_owned());
        let config = Config { data, database_url, name: NAME.into(), ..Config::default() };
        let kernel = taizhang::open(&config).unwrap();
        let book = BookId::new(BOOK).unwrap();
        let is_loaded = kernel.books().unwrap().contains(&book);
        if !is_loaded {
            harness::found_market(&kernel, harness::MARKETS[0]);
            for scale in 3..=plan.scales {
                harness::add_stall(&kernel, &book, scale);
            }
            receive_lots(plan, &kernel, &book);
        }
        let grant = |role: &str, unit: &str| access::Grant {
            role: role.into(),
            unit: UnitCode::new(unit).unwrap(),
            line: None,
            subject: None,
        };
        let token = |grant: access::Grant| {
            let new = NewToken {
                title: grant.role.clone(),
                unit: UnitCode::new("371402").unwrap(),
                grants: vec![grant],
                expires: None,
            };
            kernel.issue_token(&system(), new).unwrap().credential.unwrap()
        };
        let supplier =
            || access::Grant { line: Some("market".into()), ..grant("supplier", "beiyuan-market") };
        let suppliers = (0..=plan.events / EVENTS_OF_SUPPLIER).map(|_| token(supplier())).collect();
        let leader = token(grant("leader", "371402"));
        let screens = plan.viewers.div_ceil(STREAMS_OF_ONE_MAX);
        let screens = (0..screens).map(|_| token(grant("wall", "371402"))).collect();
        let tracer = token(access::Grant { line: Some("market".into()), ..grant("tracer", "371402") });
        // What was loaded before is only read.
        let new_scales = if is_loaded { 0 } else { plan.scales };
        let scales = (1..=new_scales).map(|scale| credential(&kernel, &book, scale)).collect();
        kernel.stop();
        drop(kernel);
        Self { config, scales, leader, screens, suppliers, tracer, is_loaded, _folder: folder }
    }

    pub fn database_mib(&self) -> u64 {
        taizhang::open_store(&self.config).unwrap().size_bytes().unwrap() / (1024 * 1024)
    }
}

/// The lot that a scale sells its `nth` sale from.
pub fn lot_of(plan: &Plan, scale: u32, nth: u64) -> String {
    if scale == 1 && nth < plan.recalled {
        return RECALLED.to_owned();
    }
    format!("S{scale}N{}", nth / SALES_PER_LOT)
}

/// The stall of a scale.
pub fn stall_of(scale: u32) -> String {
    format!("A{scale}")
}

fn system() -> ActorId {
    ActorId::new("system:bench").unwrap()
}

/// Every lot that will be sold, each from a source that an EPCIS event brought forth.
fn receive_lots(plan: &Plan, kernel: &Kernel, book: &BookId) {
    let per_scale = plan.sales.div_ceil(u64::from(plan.scales));
    let source = |n: u64| format!("https://id.gs1.org/01/09521371001010/10/W{n}");
    let harvest = "https://id.gs1.org/01/09521371001010/10/H1";
    let mut lots = vec![(RECALLED.to_owned(), 1)];
    for scale in 1..=plan.scales {
        lots.extend((0..=per_scale / SALES_PER_LOT).map(|n| (format!("S{scale}N{n}"), scale)));
    }
    let sources: Vec<String> = (0..lots.len() as u64).map(source).collect();
    for (at, sources) in sources.chunks(100).enumerate() {
        let parted = json!({
            "type": "TransformationEvent", "eventTime": "2026-01-02T01:10:00+08:00", "eventTimeZoneOffset": "+08:00",
            "eventID": format!("urn:uuid:00000000-0000-4000-8000-{at:012}"), "bizStep": "repackaging",
            "inputQuantityList": [{ "epcClass": harvest, "quantity": 1, "uom": "KGM" }],
            "outputQuantityList": sources.iter().map(|s| json!({ "epcClass": s, "quantity": 1, "uom": "KGM" })).collect::<Vec<_>>(),
        });
        crate::capture::capture(kernel, book, &crate::capture::document(vec![parted]));
    }
    for ((lot, scale), source) in lots.iter().zip(&sources) {
        let body = json!({
            "lot": lot, "merchant": format!("m{scale}"), "stall": stall_of(*scale), "product": "tomato",
            "quantity_g": LOT_GRAMS, "supplier": "寿光蔬菜合作社", "origin": "山东寿光",
            "document": { "type": "conformity", "number": "HGZ-1" }, "source": source,
        });
        harness::enter(kernel, book, "market.lot.received", body);
    }
}

fn credential(kernel: &std::sync::Arc<Kernel>, book: &BookId, scale: u32) -> String {
    let new = NewDevice {
        device: format!("scale-{scale}"),
        subject: SubjectId::local("scale", book, &scale.to_string()).unwrap(),
        book: book.clone(),
        title: format!("{scale}号秤"),
        role: "scale".into(),
    };
    kernel.issue_device(&system(), new).unwrap().credential.unwrap()
}
