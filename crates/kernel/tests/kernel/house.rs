//! A small installation on a temporary database, with a clock moved by hand and seeded randomness.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ::access::{ActionDef, Grant, RoleDef};
use ::registry::{BookOpened, Level, UnitAdded};
use base::{AccountId, ActorId, BookId, CityZone, Entropy, ManualClock, SubjectId, Time, UnitCode};
use figures::{Contributions, Figure};
use kernel::{AddedAccount, AdminResult, AppendError, Derived, Kernel, Line, NewAccount, Parts};
use ledger::{Entry, Kind};
use sha2::{Digest, Sha256};
use store::{Engine, Migration, Store, StoreError, Tx, Writer};
use store_sqlite::SqliteStore;

pub const PASSWORD: &str = "correct horse battery";

/// A line that brings nothing but a role and an action.
struct Market;

impl Line for Market {
    fn name(&self) -> &'static str {
        "market"
    }
    fn kinds(&self) -> Vec<Kind> {
        Vec::new()
    }
    fn roles(&self) -> &'static [RoleDef] {
        &[RoleDef {
            name: "scale",
            title_zh: "电子秤",
            title_en: "Scale",
            line: Some("market"),
            of_programs: false,
        }]
    }
    fn actions(&self) -> &'static [ActionDef] {
        &[ActionDef {
            name: "market.sale.record",
            title_zh: "记录销售",
            title_en: "Record a sale",
            line: Some("market"),
            roles: &["scale"],
            own_only: &[],
            public: false,
        }]
    }
    fn migrations(&self) -> &'static [Migration] {
        &[]
    }
    fn derived(&self) -> &'static [Derived] {
        &[]
    }
    fn figures(&self) -> &'static [Figure] {
        &[]
    }
    fn apply(&self, _tx: &mut dyn Tx, _entries: &[Entry]) -> Result<(), StoreError> {
        Ok(())
    }
    fn contribute(&self, _entry: &Entry, _out: &mut Contributions) {}
}

struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&Sha256::digest(self.0.to_be_bytes())[..chunk.len()]);
        }
    }
}

type Hook = Box<dyn FnOnce() + Send>;

/// A store that can do something right after a snapshot was read, before the reader goes on.
struct Hooked {
    store: SqliteStore,
    hook: Mutex<Option<Hook>>,
}

impl Store for Hooked {
    fn engine(&self) -> Engine {
        self.store.engine()
    }
    fn writer(&self) -> Result<Box<dyn Writer>, StoreError> {
        self.store.writer()
    }
    fn read(&self, read: &mut dyn FnMut(&mut dyn Tx) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.store.read(read)?;
        let hook = self.hook.lock().unwrap().take();
        hook.into_iter().for_each(|hook| hook());
        Ok(())
    }
    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.store.backup(to)
    }
    fn size_bytes(&self) -> Result<u64, StoreError> {
        self.store.size_bytes()
    }
}

pub struct House {
    pub kernel: Arc<Kernel>,
    pub clock: Arc<ManualClock>,
    store: Arc<Hooked>,
    folder: tempfile::TempDir,
}

impl House {
    /// An empty database.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Time::parse("2021-12-10T00:00:00Z").unwrap()));
        let store = SqliteStore::open(&folder.path().join("city.db")).unwrap();
        let store = Arc::new(Hooked { store, hook: Mutex::new(None) });
        let kernel = Kernel::open(Parts {
            store: store.clone(),
            lines: vec![Box::new(Market)],
            clock: clock.clone(),
            entropy: Box::new(Seeded(0)),
            zone: CityZone::named("Asia/Shanghai").unwrap(),
            signer: merkle::SignerKey::from_seed("taizhang.example/dezhou", [1; 32]).unwrap(),
        })
        .unwrap();
        Self { kernel, clock, store, folder }
    }

    /// Dezhou with one county, one market and its book; `admin` administers the root.
    pub fn dezhou() -> Self {
        let house = Self::empty();
        let (kernel, system) = (&house.kernel, system());
        kernel.bootstrap(unit("371400", None, Level::City)).unwrap();
        kernel.add_unit(&system, unit("371402", Some("371400"), Level::County)).unwrap();
        kernel.add_unit(&system, unit("371481", Some("371400"), Level::County)).unwrap();
        kernel.add_unit(&system, unit("beiyuan", Some("371402"), Level::Market)).unwrap();
        kernel.open_book(&system, book("beiyuan", "beiyuan")).unwrap();
        house.add("admin", "371400", Some(PASSWORD)).unwrap();
        kernel.give_grant(&system, &actor("admin"), grant("admin", "371400", None)).unwrap();
        house
    }

    /// Does something after the next snapshot is read, before its reader goes on.
    pub fn after_next_read(&self, hook: impl FnOnce() + Send + 'static) {
        *self.store.hook.lock().unwrap() = Some(Box::new(hook));
    }

    pub fn add(&self, account: &str, unit: &str, password: Option<&str>) -> AdminResult<AddedAccount> {
        let title = format!("{account} 的账户");
        self.kernel.add_account(
            &system(),
            NewAccount { account: id(account), unit: code(unit), title },
            password,
        )
    }

    /// Derived tables are what the entries say, the record is sound, and no secret stands in it.
    pub fn close(self, secrets: &[&str]) {
        let report = self.kernel.audit().unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        let replayed = self.kernel.replay().unwrap();
        assert_eq!(replayed.changed, Vec::<String>::new());
        assert!(replayed.entries > 0);
        let rows = self.kernel.read(|tx| tx.query("select head, body from entry", &[])).unwrap();
        for row in rows {
            let text = format!("{} {}", row.text(0).unwrap(), row.text_or_null(1).unwrap().unwrap_or(""));
            for secret in secrets {
                assert!(!text.contains(secret), "{secret} stands in {text}");
            }
        }
        self.kernel.stop();
        drop(self.folder);
    }
}

pub fn system() -> ActorId {
    ActorId::new("system:test").unwrap()
}

pub fn actor(account: &str) -> ActorId {
    ActorId::new(format!("account:{account}")).unwrap()
}

pub fn id(account: &str) -> AccountId {
    AccountId::new(account).unwrap()
}

pub fn code(unit: &str) -> UnitCode {
    UnitCode::new(unit).unwrap()
}

pub fn subject(text: &str) -> SubjectId {
    SubjectId::new(text).unwrap()
}

pub fn grant(role: &str, unit: &str, line: Option<&str>) -> Grant {
    Grant { role: role.into(), unit: code(unit), line: line.map(str::to_owned), subject: None }
}

pub fn unit(name: &str, parent: Option<&str>, level: Level) -> UnitAdded {
    let (title_zh, title_en) = (format!("单位 {name}"), format!("Unit {name}"));
    UnitAdded { code: code(name), parent: parent.map(code), level, title_zh, title_en }
}

pub fn book(name: &str, unit: &str) -> BookOpened {
    BookOpened {
        book: BookId::new(name).unwrap(),
        unit: code(unit),
        line: "market".into(),
        title_zh: "账簿".into(),
        title_en: "Book".into(),
    }
}

/// Why something was refused.
pub fn refusal<T: std::fmt::Debug>(result: AdminResult<T>) -> kernel::AdminError {
    match result.unwrap_err() {
        AppendError::Refused(error) => error,
        other => panic!("not refused but failed: {other}"),
    }
}
