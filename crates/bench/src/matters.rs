//! Matters: a city's million of them, a fifth still open; what the clock does on a day, and what people read.

use std::sync::Arc;
use std::time::Instant;

use access::{Grant, HOLDER};
use base::{ActorId, BookId, Clock, Day, KindName, ManualClock, SubjectId, Time, UnitCode};
use kernel::{AppendError, Desk, DocketError, Kernel, NewToken};
use matters::{Cancelled, Due, MatterId, Opened, PostId, Version};
use rand::RngExt;
use rand::rngs::StdRng;
use registry::{BookOpened, Level, PostAdded, UnitAdded};
use taizhang::{Config, Surroundings, SystemClock};

use crate::Plan;
use crate::ground::NAME;
use crate::pages::{self, read};
use crate::sales::random_of;
use crate::server::Server;
use crate::stats::{Times, rate};

const BOOKS: u64 = 20;
/// Posts of each book's unit that owe and review.
const POSTS: u64 = 100;
/// Matters of one decision.
const BATCH: u64 = 100;
/// Of so many matters one is still open.
const OPEN_OF: u64 = 5;
const DAY_MS: i64 = 86_400_000;

pub fn measure(plan: &Plan, database_url: Option<String>) {
    // Not in memory: what is measured is a disk.
    let own = tempfile::Builder::new().prefix("taizhang-bench").tempdir_in("/var/tmp").unwrap();
    let data = plan.folder.clone().unwrap_or_else(|| own.path().to_owned());
    let config = Config { data, database_url, name: NAME.into(), ..Config::default() };
    // The clock goes its last two days by hand, so that the server finds nothing left to do.
    let today = SystemClock.now();
    let clock = Arc::new(ManualClock::at(today.plus_ms(-2 * DAY_MS)));
    let around = Surroundings { clock: clock.clone(), ..Surroundings::of_system(&config).unwrap() };
    let kernel = taizhang::open_kernel(&config, taizhang::open_store(&config).unwrap(), around).unwrap();
    let is_loaded = kernel.books().unwrap().contains(&book_of(0));
    if !is_loaded {
        found(&kernel);
        load(plan, &kernel);
        tend(&kernel, "the first look at what was loaded");
        for day in [1, 2] {
            clock.set(today.plus_ms((day - 2) * DAY_MS));
            tend(&kernel, "a day's change");
        }
    }
    let readers = [1, 2, 3, 4].map(|post| token(&kernel, HOLDER, Some(post_of(0, post))));
    let leader = token(&kernel, "leader", None);
    let zone = kernel.zone().clone();
    kernel.stop();
    drop(kernel);

    let server = Server::start(&config);
    let readers: Vec<&str> = readers.iter().map(String::as_str).collect();
    read(&server, "an inbox", &readers, |_| "/api/matters?mine=true".into());
    read(&server, "the reds of the city", &[&leader], |_| "/api/matters?colour=red".into());
    read(&server, "the open ones of a book", &[&leader], |random| {
        format!("/api/matters?book={}", book_of(random.random_range(0..BOOKS)))
    });
    read(&server, "one with its explanation and history", &[&leader], |random| {
        let number = random.random_range(0..plan.matters);
        format!("/api/matters/{}/{}", book_of(number % BOOKS), name_of(number))
    });
    pages::walls(&server, &leader, zone.day_of(today), &["371400", "unit-7"]);
    pages::inboxes(&server, &readers);
    println!("memory of the server, at most: {} MiB", server.memory_peak_mib());
    let size = taizhang::open_store(&config).unwrap().size_bytes().unwrap();
    println!("database: {} MiB, {} bytes a matter", size / (1024 * 1024), size / plan.matters);
}

fn found(kernel: &Kernel) {
    for at in 0..BOOKS {
        let unit = UnitCode::new(format!("unit-{at}")).unwrap();
        let (title_zh, title_en) = ("单位".to_owned(), "Unit".to_owned());
        let added = UnitAdded {
            code: unit.clone(),
            parent: Some(UnitCode::new("371400").unwrap()),
            level: Level::Bureau,
            title_zh: title_zh.clone(),
            title_en: title_en.clone(),
        };
        kernel.add_unit(&system(), added).unwrap();
        let line = "market".to_owned();
        let book = BookOpened {
            book: book_of(at),
            unit: unit.clone(),
            line,
            title_zh: title_zh.clone(),
            title_en: title_en.clone(),
        };
        kernel.open_book(&system(), book).unwrap();
        for number in 0..POSTS {
            let post = PostAdded {
                post: post_of(at, number).into(),
                unit: unit.clone(),
                title_zh: title_zh.clone(),
                title_en: title_en.clone(),
            };
            kernel.add_post(&system(), post).unwrap();
        }
    }
}

/// Opens every matter at its time, and ends most of them a few days later.
fn load(plan: &Plan, kernel: &Kernel) {
    let started = Instant::now();
    let mut random = random_of(1);
    for first in (0..plan.matters).step_by(usize::try_from(BATCH).unwrap()) {
        let last = (first + BATCH).min(plan.matters);
        let lives: Vec<Life> =
            (first..last).map(|number| Life::draw(number, kernel.now(), &mut random)).collect();
        kernel.append_blocking(move |desk| lives.iter().try_for_each(|life| life.enter(desk))).unwrap();
    }
    let took = started.elapsed();
    println!("loaded {} in {:.0} s, {} a second", plan.matters, took.as_secs_f64(), rate(plan.matters, took));
}

/// A matter and when it was opened; when it was ended, if it was.
struct Life {
    opened: Opened,
    at: Time,
    ended: Option<Time>,
}

impl Life {
    fn draw(number: u64, now: Time, random: &mut StdRng) -> Self {
        let is_open = (number / BOOKS).is_multiple_of(OPEN_OF);
        let days_ago = if is_open { random.random_range(1..60) } else { random.random_range(60..400) };
        let at = now.plus_ms(-days_ago * DAY_MS);
        let today = i32::try_from(at.0 / DAY_MS).unwrap();
        // Of the open ones about one in a hundred falls due on a day.
        let due = Day(today + random.random_range(20..120));
        let book = number % BOOKS;
        let owner = random.random_range(0..POSTS);
        let opened = Opened {
            matter: matter_of(number),
            sort: KindName::new("kernel.task").unwrap(),
            title: format!("第 {number} 件交办事项"),
            owner: post_of(book, owner),
            helpers: Vec::new(),
            reviewer: post_of(book, (owner + 1) % POSTS),
            due: Due::On { day: due },
            rule: "deadline".into(),
        };
        Self { opened, at, ended: (!is_open).then(|| at.plus_ms(5 * DAY_MS)) }
    }

    fn enter(&self, desk: &mut Desk<'_>) -> Result<(), AppendError<DocketError>> {
        let Opened { matter, sort, reviewer, .. } = &self.opened;
        desk.open_matter::<DocketError>(&matter.book(), &system(), self.at, self.opened.clone(), Vec::new())?;
        let Some(ended) = self.ended else { return Ok(()) };
        let (matter, sort, approver) = (matter.clone(), sort.clone(), reviewer.clone());
        let cancelled = Cancelled { matter, sort, reason: "不再需要".into(), approver };
        desk.move_matter(Version(0), &system(), ended, cancelled.into()).map(drop)
    }
}

/// Lets the clock look until nothing waits.
fn tend(kernel: &Kernel, what: &str) {
    let started = Instant::now();
    let (mut looked_at, mut changed, mut batches) = (0, 0, Times::default());
    loop {
        let asked = Instant::now();
        let tended = kernel.tend_matters(200).unwrap();
        if tended.looked_at == 0 {
            break;
        }
        batches.add(asked.elapsed());
        (looked_at, changed) = (looked_at + tended.looked_at, changed + tended.changed);
    }
    let took = started.elapsed();
    println!(
        "{what}: {looked_at} looked at, {changed} changed, in {:.2} s; of 200 {}",
        took.as_secs_f64(),
        batches.print()
    );
}

pub fn token(kernel: &Kernel, role: &str, post: Option<PostId>) -> String {
    let grant = Grant {
        role: role.into(),
        unit: UnitCode::new("371400").unwrap(),
        line: None,
        subject: post.map(SubjectId::from),
    };
    let unit = UnitCode::new("371400").unwrap();
    let new = NewToken { title: role.into(), unit, grants: vec![grant], expires: None };
    kernel.issue_token(&system(), new).unwrap().credential.unwrap()
}

fn book_of(number: u64) -> BookId {
    BookId::new(format!("book-{number}")).unwrap()
}

fn name_of(number: u64) -> String {
    format!("task-{number}")
}

fn matter_of(number: u64) -> MatterId {
    MatterId::local(&book_of(number % BOOKS), &name_of(number)).unwrap()
}

fn post_of(book: u64, number: u64) -> PostId {
    SubjectId::new(format!("post:unit-{book}/p{number}")).unwrap().try_into().unwrap()
}

fn system() -> ActorId {
    ActorId::new("system:bench").unwrap()
}
