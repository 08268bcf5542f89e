//! An office with matters and nothing else: a kernel on either engine, a toy line whose reports say how far works are, and
//! a clock moved by hand.

use std::sync::Arc;

use base::{AccountId, ActorId, BookId, CityZone, Day, KindName, ManualClock, SubjectId, Time, UnitCode};
use figures::{Contributions, Figure, Unit};
use harness::{Engine, Place, seeded};
use kernel::{
    AppendError, Derived, Desk, DocketError, Kernel, Line, Listed, MatterFilter, MatterSort, Moved,
    NewAccount, Parts,
};
use ledger::{Body, Draft, Entry, Kind};
use matters::{
    Accepted, Due, Event, Evidence, Facts, Matter, MatterId, Opened, PostId, Submitted, Taken, Version,
};
use registry::{BookOpened, Level, PostAdded, PostHeld, UnitAdded};
use serde::{Deserialize, Serialize};
use store::{Migration, Param, Store, StoreError, Tx};

pub type Refused = AppendError<DocketError>;

/// How far the works of a matter are.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reported {
    pub matter: MatterId,
    pub progress_bp: i64,
}

impl Body for Reported {
    const KIND: &'static str = "works.progress.reported";
}

const DONE: &str = "works.matters.done";

struct Works;

impl Line for Works {
    fn name(&self) -> &'static str {
        "works"
    }
    fn kinds(&self) -> Vec<Kind> {
        vec![Kind::of::<Reported>("进度填报", "Progress reported")]
    }
    fn migrations(&self) -> &'static [Migration] {
        &[Migration {
            owner: "works",
            number: 1,
            sql: "create table if not exists works_report (book text not null, matter text not null,
                day bigint not null, progress bigint not null, primary key (book, matter))",
        }]
    }
    fn derived(&self) -> &'static [Derived] {
        &[Derived { table: "works_report", columns: "book, matter, day, progress" }]
    }
    fn figures(&self) -> &'static [Figure] {
        &[Figure {
            name: DONE,
            title_zh: "办结工程",
            title_en: "Works done",
            unit: Unit::Count,
            kinds: &[Accepted::KIND],
            dimensions: &[],
            state: false,
            needs: None,
        }]
    }
    fn sorts(&self) -> &'static [MatterSort] {
        &[MatterSort { name: "works.work", title_zh: "工程", title_en: "Works" }]
    }
    fn facts(&self, tx: &mut dyn Tx, book: &BookId, matter: &Matter) -> Result<Facts, StoreError> {
        const FIND: &str = "select day, progress from works_report where book = $1 and matter = $2";
        let params = [Param::Text(book.as_str()), Param::Text(matter.id.subject().as_str())];
        let Some(row) = tx.query_one(FIND, &params)? else { return Ok(Facts::default()) };
        let reported = Some(Day(i32::try_from(row.int(0)?).unwrap()));
        Ok(Facts { reported, progress_bp: Some(row.int(1)?), ..Facts::default() })
    }
    /// Two works cannot be reckoned with, each in its own way.
    fn prepare(&self, _tx: &mut dyn Tx, _book: &BookId, matter: &Matter) -> Result<(), StoreError> {
        match matter.id.subject().local_part() {
            "panics" => panic!("as it is named"),
            "fails" => Err(StoreError::Shape { column: 0, found: "as it is named", expected: "an integer" }),
            _ => Ok(()),
        }
    }
    fn apply(&self, tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
        const PUT: &str = "insert into works_report (book, matter, day, progress) values ($1, $2, $3, $4)
            on conflict (book, matter) do update set day = excluded.day, progress = excluded.progress";
        for entry in entries {
            let reported: Reported = entry.body().unwrap();
            let params = [
                Param::Text(entry.book.as_str()),
                Param::Text(reported.matter.subject().as_str()),
                Param::Int(i64::from(zone().day_of(entry.occurred).0)),
                Param::Int(reported.progress_bp),
            ];
            tx.execute(PUT, &params)?;
        }
        Ok(())
    }
    fn contribute(&self, entry: &Entry, out: &mut Contributions) {
        if entry.kind.as_str() == Accepted::KIND {
            out.add(DONE, 1, &[]);
        }
    }
}

pub struct Office {
    pub kernel: Arc<Kernel>,
    pub clock: Arc<ManualClock>,
    pub place: Place,
}

/// Runs a test on each engine that is there.
pub fn on_each_engine(test: impl Fn(Office)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if let Some(place) = engine.place() {
            let store = place.store();
            test(Office::on(place, store));
        }
    }
}

impl Office {
    /// An office in which everything is set up. It is eight in the morning of 2 March 2026.
    pub fn on(place: Place, store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::at(at("2026-03-02T08:00")));
        let kernel = open(store, clock.clone());
        let by = system();
        let unit = |code: &str, parent: Option<&str>, level| UnitAdded {
            code: UnitCode::new(code).unwrap(),
            parent: parent.map(|parent| UnitCode::new(parent).unwrap()),
            level,
            title_zh: "某单位".into(),
            title_en: "Unit".into(),
        };
        kernel.bootstrap(unit("371400", None, Level::City)).unwrap();
        kernel.add_unit(&by, unit("371481", Some("371400"), Level::County)).unwrap();
        for name in ["works", "zworks"] {
            let opened = BookOpened {
                book: BookId::new(name).unwrap(),
                unit: UnitCode::new("371481").unwrap(),
                line: "works".into(),
                title_zh: "工程".into(),
                title_en: "Works".into(),
            };
            kernel.open_book(&by, opened).unwrap();
        }
        for name in ["owner", "helper", "reviewer", "leader", "other"] {
            let added = PostAdded {
                post: post(name).subject().clone(),
                unit: UnitCode::new("371481").unwrap(),
                title_zh: "岗位".into(),
                title_en: "Post".into(),
            };
            kernel.add_post(&by, added).unwrap();
        }
        // Who approves holds the post in whose name it is done, and leads the unit.
        let account = AccountId::new("li").unwrap();
        let unit = UnitCode::new("371481").unwrap();
        let new = NewAccount { account: account.clone(), unit: unit.clone(), title: "li".into() };
        kernel.add_account(&by, new, Some("correct horse battery")).unwrap();
        let grant = access::Grant { role: "leader".into(), unit, line: None, subject: None };
        kernel.give_grant(&by, &actor("li"), grant).unwrap();
        let post = post("leader").subject().clone();
        kernel.hold_post(&by, PostHeld { post, account, from: day("2025-01-01"), until: None }).unwrap();
        Self { kernel, clock, place }
    }

    /// The same office after its process has ended and begun anew.
    pub fn reopened(self) -> Self {
        self.kernel.stop();
        let store = self.place.store();
        Self { kernel: open(store, self.clock.clone()), ..self }
    }

    pub fn open(&self, opened: Opened) -> Result<MatterId, Refused> {
        self.open_by(actor("li"), opened, self.kernel.now())
    }

    /// Loads the opening of a matter.
    pub fn open_at(&self, opened: Opened, occurred: Time) -> Result<MatterId, Refused> {
        self.open_by(system(), opened, occurred)
    }

    fn open_by(&self, by: ActorId, opened: Opened, occurred: Time) -> Result<MatterId, Refused> {
        let id = opened.matter.clone();
        self.kernel.append_blocking(move |desk| {
            desk.open_matter(&opened.matter.book(), &by, occurred, opened.clone(), vec![])
        })?;
        Ok(id)
    }

    /// Moves a matter as it stands.
    pub fn step(&self, by: &str, event: impl Into<Event>) -> Result<Moved, Refused> {
        let event: Event = event.into();
        let version = self.matter(event.matter()).version;
        self.move_at(version, by, event, self.kernel.now())
    }

    pub fn move_at(&self, version: Version, by: &str, event: Event, at: Time) -> Result<Moved, Refused> {
        self.move_by(actor(by), version, event, at)
    }

    /// Loads what was done with a matter.
    pub fn load(&self, version: Version, event: Event, at: Time) -> Result<Moved, Refused> {
        self.move_by(system(), version, event, at)
    }

    fn move_by(&self, by: ActorId, version: Version, event: Event, at: Time) -> Result<Moved, Refused> {
        self.kernel.append_blocking(move |desk| desk.move_matter(version, &by, at, event.clone()))
    }

    /// Reports progress, which changes the facts of the matter.
    pub fn report(&self, matter: &MatterId, progress_bp: i64, at: Time) {
        let reported = Reported { matter: matter.clone(), progress_bp };
        let decide = move |desk: &mut Desk<'_>| -> Result<(), Refused> {
            desk.touch_matter(&reported.matter, at)?;
            let draft = Draft::new(&reported.matter.book(), at, &actor("wei"), &reported)?;
            desk.append(draft).map(drop)
        };
        self.kernel.append_blocking(decide).unwrap();
    }

    /// Lets the clock catch up.
    pub fn tend(&self) -> usize {
        let mut changed = 0;
        loop {
            let tended = self.kernel.tend_matters(1_000).unwrap();
            assert_eq!(tended.failed, 0);
            changed += tended.changed;
            if tended.looked_at == 0 {
                return changed;
            }
        }
    }

    pub fn go_to(&self, text: &str) {
        self.clock.set(at(text));
        self.tend();
    }

    pub fn matter(&self, id: &MatterId) -> Matter {
        self.kernel.matter(id).unwrap().expect("the matter is there")
    }

    pub fn list(&self, filter: MatterFilter) -> Vec<Listed> {
        let books = self.kernel.books().unwrap();
        let filter = MatterFilter { books, ..filter };
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.kernel.matters(&filter, cursor.as_deref(), 3).unwrap();
            all.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return all;
            }
        }
    }

    /// The names of the open matters in which a post takes part, in the order of their deadlines.
    pub fn inbox(&self, name: &str) -> Vec<String> {
        let listed = self.list(MatterFilter { posts: vec![post(name)], ..MatterFilter::default() });
        listed.iter().map(|it| it.matter.id.subject().local_part().to_owned()).collect()
    }

    /// What happened to matters, oldest first: when, and what in a word or two.
    pub fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for book in ["works", "zworks"] {
            let book = BookId::new(book).unwrap();
            let entries = self
                .kernel
                .read(|tx| kernel::entries::entries_from(tx, &book, base::Seq(0), 10_000))
                .unwrap();
            for entry in entries.iter().map(|stored| &stored.entry) {
                let Some(event) = Event::read(entry).unwrap() else { continue };
                let what = match &event {
                    Event::Coloured(it) => it.to.map_or("none".to_owned(), |to| to.as_str().to_owned()),
                    Event::Escalated(it) => format!("level {}", it.level),
                    other => other.verb().as_str().to_owned(),
                };
                let when = &zone().local_text(entry.occurred)[..16];
                told.push(format!("{when} {} {what}", event.matter().subject().local_part()));
            }
        }
        told.sort();
        told
    }

    /// Every table follows from the entries, and each entry is what was signed for.
    pub fn check(&self) {
        let report = self.kernel.audit().unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(self.kernel.replay().unwrap().changed, Vec::<String>::new());
    }
}

fn open(store: Arc<dyn Store>, clock: Arc<ManualClock>) -> Arc<Kernel> {
    let signer = merkle::SignerKey::from_seed("office.example", [3; 32]).unwrap();
    let parts =
        Parts { store, lines: vec![Box::new(Works)], clock, entropy: seeded(7), zone: zone(), signer };
    Kernel::open(parts).unwrap()
}

pub fn zone() -> CityZone {
    CityZone::named("Asia/Shanghai").unwrap()
}

/// A local moment, `2026-03-02T08:30`.
pub fn at(text: &str) -> Time {
    Time::parse(&format!("{text}:00+08:00")).unwrap()
}

pub fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

pub fn post(name: &str) -> PostId {
    SubjectId::new(format!("post:371481/{name}")).unwrap().try_into().unwrap()
}

pub fn actor(name: &str) -> ActorId {
    ActorId::new(format!("account:{name}")).unwrap()
}

pub fn system() -> ActorId {
    ActorId::new("system:test").unwrap()
}

/// A matter of the book `works` that the owner owes by a day.
pub fn due_on(name: &str, due: &str) -> Opened {
    owed(name, Due::On { day: day(due) })
}

pub fn owed(name: &str, due: Due) -> Opened {
    Opened {
        matter: MatterId::local(&BookId::new("works").unwrap(), name).unwrap(),
        sort: KindName::new("works.work").unwrap(),
        title: "修路".into(),
        owner: post("owner"),
        helpers: vec![post("helper")],
        reviewer: post("reviewer"),
        due,
        rule: "default".into(),
    }
}

pub fn taken(matter: &MatterId) -> Taken {
    Taken { matter: matter.clone(), by: post("owner") }
}

pub fn submitted(matter: &MatterId, digest: &str, effective: &str) -> Submitted {
    let evidence = Evidence {
        digest: digest.to_owned(),
        title: "竣工照片".into(),
        effective: day(effective),
        uploaded: day("2026-12-31"),
    };
    Submitted { matter: matter.clone(), by: post("owner"), evidence: vec![evidence], note: None }
}

pub fn accepted(matter: &MatterId) -> Accepted {
    let sort = KindName::new("works.work").unwrap();
    Accepted { matter: matter.clone(), sort, by: post("reviewer"), in_time: None }
}
