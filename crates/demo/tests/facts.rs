//! The market facts of the demonstration year come out as sums of entries.

#![allow(clippy::unwrap_used, reason = "a test that meets an error should panic")]

use std::sync::Arc;

use base::{BookId, CityZone, Day, Entropy, ManualClock, SubjectId, Time};
use kernel::{Kernel, Parts, Period, Value};
use line_market::figures;
use line_market::state::{self, Blocks, LotFilter};
use trace::Direction;

/// SplitMix64: secrets of a test need no secrecy.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed >> 56) as u8;
        }
    }
}

struct Bench {
    kernel: Arc<Kernel>,
    _folder: tempfile::TempDir,
}

const NOW: &str = "2026-03-02T09:00:00+08:00";

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = store_sqlite::SqliteStore::open(&folder.path().join("demo.db")).unwrap();
    let kernel = Kernel::open(Parts {
        store: Arc::new(store),
        lines: vec![Box::new(line_market::Market), Box::new(line_projects::Projects::new(zone()))],
        clock: Arc::new(ManualClock::at(now())),
        entropy: Box::new(Seeded(7)),
        zone: zone(),
        signer: merkle::SignerKey::from_seed("bench.example", [1; 32]).unwrap(),
    });
    Bench { kernel: kernel.unwrap(), _folder: folder }
}

fn zone() -> CityZone {
    CityZone::named("Asia/Shanghai").unwrap()
}

fn now() -> Time {
    Time::parse(NOW).unwrap()
}

fn book(name: &str) -> BookId {
    BookId::new(name).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn up_to(text: &str) -> Period {
    Period { from: Day(0), to: day(text) }
}

fn on(day: Day) -> Period {
    Period { from: day, to: day }
}

#[test]
fn the_committed_files_are_what_the_generator_prints() {
    for (name, text) in demo::generated() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo").join(name);
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(committed == text, "{name} differs: run cargo run -p demo --bin generate");
    }
}

#[test]
fn every_market_fact_is_a_sum_of_entries() {
    let bench = bench();
    let kernel = &bench.kernel;
    let began = std::time::Instant::now();
    let loaded = demo::load(kernel, now()).unwrap();
    eprintln!("{} entries in {} ms", loaded.entries, began.elapsed().as_millis());

    the_facts_hold(kernel);
    the_facts_of_projects_hold(kernel);
    every_figure_opens_into_entries_that_add_up_to_it(kernel);
    what_left_a_lot_was_in_it(kernel);
    the_incident_is_told_in_full(kernel);
    a_failed_lot_leads_back_to_its_field(kernel);

    assert_eq!(
        demo::load(kernel, now().plus_ms(3 * 86_400_000)).unwrap().entries,
        0,
        "a second load adds nothing"
    );
    assert!(kernel.audit().unwrap().is_clean());
    assert_eq!(kernel.replay().unwrap().changed, Vec::<String>::new());
}

fn the_facts_hold(kernel: &Kernel) {
    let beiyuan = [book("beiyuan")];
    let sum = |name: &str, period| kernel.sum(name, &beiyuan, period, "").unwrap();
    let opened = up_to("2021-12-10");
    assert_eq!(sum(figures::MERCHANTS, opened), 100);
    assert_eq!(sum(figures::AREA, opened), 6_700);
    let (before, after) = (sum(figures::JOBS, up_to("2021-12-09")), sum(figures::JOBS, opened));
    assert!(after >= 300);
    assert_eq!(after * 3, before * 4, "one third more");
    let Value::Ratio { numerator, denominator } =
        kernel.figure(figures::OCCUPANCY, &beiyuan, opened, "").unwrap()
    else {
        panic!("occupancy is a ratio");
    };
    assert_eq!((numerator, denominator), (108, 108), "all stalls are let");
    assert_eq!(sum(figures::FEES_CHARGED, opened), 0);
    let december = up_to("2021-12-31");
    assert_eq!(sum(figures::FEES_CHARGED, december), sum(figures::FEES_PAID, december));

    let xiaoshen = [book("xiaoshen")];
    for after in 0..14 {
        let day = day("2022-01-01").plus(after);
        assert!(kernel.sum(figures::VISITORS, &xiaoshen, on(day), "").unwrap() >= 4_000, "{day}");
    }
    let before = kernel.sum(figures::VISITORS, &xiaoshen, up_to("2021-12-31"), "").unwrap();
    assert_eq!(before, 0, "closed before");
    let year = up_to("2022-01-14");
    let lots = kernel.sum(figures::LOTS, &xiaoshen, year, "").unwrap();
    assert!(lots > 30 && lots == kernel.sum(figures::LOTS_DOCUMENTED, &xiaoshen, year, "").unwrap());
    assert!(kernel.sum(figures::INSPECTIONS, &xiaoshen, year, "").unwrap() * 3 > lots, "goods are sampled");
    assert!(kernel.sum(figures::SALES, &[book("beiyuan"), book("xiaoshen")], year, "").unwrap() > 3_000);
}

/// Leling's list, the road and the renovation, as of the end of the year.
fn the_facts_of_projects_hold(kernel: &Kernel) {
    use line_projects::figures::*;
    const YUAN: i64 = 100;
    let end = up_to("2021-12-31");
    let sum = |book: &str, name: &str, dimension: &str| {
        kernel.sum(name, &[self::book(book)], end, dimension).unwrap()
    };
    let leling = |name: &str| sum("leling-projects", name, "");
    assert_eq!((leling(PROJECTS), leling(TOTAL)), (106, 26_000_000_000 * YUAN));
    assert_eq!((leling(SIGNED_LARGE), leling(SIGNED_LARGE_SUM)), (13, 11_150_000_000 * YUAN));
    assert_eq!((leling(START_DUE), leling(START_MET)), (106, 106), "the start rate is 100 %");
    assert!(leling(FINISH_DUE) > 20 && leling(FINISH_MET) > 20);
    assert_eq!((leling(PROXIES), leling(PROXIES_DONE)), (1_480, 1_480));
    assert_eq!(leling(ASSISTANCE), 75);
    assert_eq!(leling(SOLVED), 195);
    assert_eq!(leling(PERMITS_DECIDED), leling(PERMITS_IN_TIME), "approvals are on time");
    assert_eq!(leling(PERMITS_DECIDED), 3 * 106);
    let owed = |name: &str, sort: &str| sum("leling-projects", name, &format!("sort={sort}"));
    assert_eq!(owed("kernel.matters.open", "projects.blocker"), 8);
    let colours =
        ["blue", "yellow", "red"].map(|colour| owed(&format!("kernel.matters.{colour}"), "projects.project"));
    eprintln!("blue, yellow, red at the end of the year: {colours:?}");
    assert_eq!(colours.iter().sum::<i64>(), owed("kernel.matters.open", "projects.project"));
    assert!(colours.iter().all(|count| *count > 0), "every colour is shown: {colours:?}");
    assert_eq!(sum("leling-projects", VISITS, "to=town"), 17);
    assert!(sum("leling-projects", VISITS, "to=enterprise") > 20);

    let renovation = |name: &str| sum("market-renovation", name, "programme=market-renovation");
    assert_eq!(renovation(PROGRAMME_PLANNED), 73_510_000 * YUAN);
    assert_eq!(renovation(INVESTED), 45_780_000 * YUAN);
    assert_eq!((renovation(FINISHED), renovation(UNDER_WAY)), (6, 4));

    let today = Period { from: Day(0), to: kernel.zone().day_of(now()) };
    while kernel.tend_matters(1_000).unwrap().looked_at > 0 {}
    let colours = ["blue", "yellow", "red"].map(|colour| {
        let name = format!("kernel.matters.{colour}");
        kernel.sum(&name, &[book("jingkai-projects")], today, "sort=projects.project").unwrap()
    });
    assert_eq!(colours, [2, 4, 2], "on course, behind, overdue or far behind");

    let works = |name: &str, item: &str| sum("yucheng-projects", name, &format!("item={item}"));
    assert_eq!(works(WORKS_METRES, "road"), 11_800);
    let pieces = ["large-bridge", "bridge", "culvert"].map(|item| works(WORKS_PIECES, item));
    assert_eq!(pieces, [1, 9, 37]);
    assert_eq!(sum("leling-projects", WORKS_PIECES, "item=pit"), 430);

    let road = kernel.read(|tx| line_projects::state::project(tx, &book("yucheng-projects"), "road"));
    let road = road.unwrap().unwrap();
    let zone = kernel.zone();
    let accepted = zone.day_of(road.accepted_at.unwrap());
    assert_eq!((accepted.0 - road.planned_start.0, road.planned_finish.0 - accepted.0), (85, 31));
}

fn every_figure_opens_into_entries_that_add_up_to_it(kernel: &Kernel) {
    let period = Period { from: Day(0), to: kernel.zone().day_of(now()) };
    for figure in figures::FIGURES {
        for book in demo::MARKETS.map(book) {
            let books = [book];
            let (mut total, mut cursor) = (0, None);
            loop {
                let page = kernel.behind(figure.name, &books, period, "", cursor.as_deref(), 500).unwrap();
                total += page.items.iter().map(|it| it.amount).sum::<i64>();
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let sum = kernel.sum(figure.name, &books, period, "").unwrap();
            assert_eq!(total, sum, "{} of {}", figure.name, books[0]);
        }
    }
}

/// Lots of the past are gone to the gram, and every stall has something to sell today.
fn what_left_a_lot_was_in_it(kernel: &Kernel) {
    let midnight = kernel.zone().start_of(kernel.zone().day_of(now()));
    for book in demo::MARKETS.map(book) {
        let lots = kernel.read(|tx| state::list_lots(tx, &book, &LotFilter::default(), 5_000, 0)).unwrap();
        let (fresh, past): (Vec<_>, Vec<_>) = lots.iter().partition(|lot| lot.received_at >= midnight);
        assert!(past.len() > 30 && past.iter().all(|lot| lot.left_g().0 == 0));
        for stall in kernel.read(|tx| state::stalls(tx, &book)).unwrap() {
            let sells = |lot: &&&state::Lot| {
                lot.stall == stall.stall && lot.left_g().0 > 10_000 && lot.hold.is_none()
            };
            assert!(fresh.iter().any(|lot| sells(&lot)), "stall {} of {book}", stall.stall);
        }
        let today = kernel.zone().day_of(now());
        let scales = kernel.read(|tx| state::scales(tx, &book)).unwrap();
        assert!(scales.iter().all(|scale| scale.verified_until > today));
    }
}

fn the_incident_is_told_in_full(kernel: &Kernel) {
    let book = book("beiyuan");
    let breaches = kernel.read(|tx| state::breaches(tx, &book, None, 10)).unwrap();
    assert_eq!(breaches.len(), 1, "{breaches:?}");
    assert_eq!((breaches[0].breach.as_str(), breaches[0].lot.as_str()), ("held_sale", "211218-A011-1"));
    // Loaded long after it happened, and shown as of the days on which it did.
    let blocks = kernel.read(|tx| state::blocks(tx, &book, Blocks::OfLot("211218-A011-1"))).unwrap();
    let day = |time: Time| kernel.zone().day_of(time).to_string();
    let days: Vec<_> =
        blocks.iter().map(|it| (day(it.held_at), it.acked_at.map(day), it.released_at.map(day))).collect();
    assert_eq!(days, [("2021-12-18".into(), Some("2021-12-18".into()), Some("2021-12-19".into()))]);
    assert_eq!(blocks[0].after_ms, blocks[0].acked_at.map(|acked| acked.since_ms(blocks[0].held_at)));
    let year = up_to("2022-01-14");
    let sum = |name: &str| kernel.sum(name, std::slice::from_ref(&book), year, "").unwrap();
    assert_eq!((sum(figures::BLOCKS), sum(figures::HELD)), (3, 0));
    assert_eq!(sum(figures::INSPECTIONS) - sum(figures::INSPECTIONS_PASSED), 1);
    assert_eq!((sum(figures::COMPLAINTS), sum(figures::COMPLAINTS_OPEN)), (1, 0));
    let xiaoshen = kernel.sum(figures::BREACHES, &[self::book("xiaoshen")], year, "").unwrap();
    assert_eq!(xiaoshen, 0);
}

fn a_failed_lot_leads_back_to_its_field(kernel: &Kernel) {
    let lot = SubjectId::new("lot:beiyuan/211218-A001-1").unwrap();
    let trace = kernel.walk(&lot, Direction::Backward).unwrap();
    let field = epcis::urn::canonical("urn:epc:class:lgtin:9521371.000101.F2021P7").into_owned();
    assert!(trace.steps.iter().any(|step| step.subject.as_str() == field), "{field} is not in {trace:?}");
}

#[test]
fn accounts_and_credentials_are_given_once_and_open_what_their_roles_may() {
    let bench = bench();
    let kernel = &bench.kernel;
    demo::load(kernel, now()).unwrap();
    let accounts = demo::accounts(kernel).unwrap();
    assert_eq!(accounts.len(), 11);
    for (account, password, _) in &accounts {
        let session = kernel.sign_in(account.as_str(), password).unwrap().session().unwrap();
        assert!(!session.session.must_change, "{account}");
    }
    assert_eq!(demo::accounts(kernel).unwrap(), [], "a second call adds nobody");

    let book = book("xiaoshen");
    let first = demo::scale_credentials(kernel, &book).unwrap();
    assert_eq!(first.len(), 63);
    let began = std::time::Instant::now();
    let second = demo::scale_credentials(kernel, &book).unwrap();
    eprintln!("63 scales enrolled anew in {} ms", began.elapsed().as_millis());
    assert_eq!(kernel.authenticate_bearer(&first[0].1).unwrap(), None, "the old credential is dead");
    let scale = kernel.authenticate_bearer(&second[0].1).unwrap().unwrap();
    assert_eq!(scale.id.as_str(), "device:xiaoshen/scale-1");
    assert_eq!(scale.grants[0].subject, SubjectId::new("scale:xiaoshen/1").ok());
    let token = demo::operator_token(kernel, &book).unwrap();
    assert_eq!(kernel.authenticate_bearer(&token).unwrap().unwrap().grants[0].role, "operator");
}
