//! Several nodes on one PostgreSQL: whichever dies, nothing acknowledged is lost or doubled, and the others go on with its
//! duties.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::{ActorId, BookId, Clock, KindName, SubjectId};
use harness::{Client, Engine, OFFICES, Place, Town, User, seeded};
use kernel::{AppendError, DocketError, Kernel, LetIn};
use matters::{Due, MatterId, Opened, PostId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::StoreError;
use store_postgres::testing::{Cluster, or_skip};
use taizhang::{Surroundings, SystemClock};

use crate::crash::{Known, Server, found, inspect, resend, sell};

const KILLS: usize = 6;
/// Clients of each node.
const CLIENTS: usize = 2;
/// How soon another node goes on with the duties of one that died.
const RELIEF_MAX: Duration = Duration::from_secs(10);
/// The first node to start has to catch up with the days since the town was founded.
const CATCHING_UP_MAX: Duration = Duration::from_secs(120);

/// A place on a server of its own, which keeps what it acknowledged.
fn place(cluster: &Cluster) -> Place {
    Place { database_url: Some(cluster.fresh_database()), ..Engine::Sqlite.place().unwrap() }
}

/// One more node, in this process and without duties.
pub fn node(place: &Place, clock: Arc<dyn Clock>) -> Arc<Kernel> {
    let config = place.config();
    let around =
        Surroundings { clock, entropy: seeded(2), signer: Surroundings::of_system(&config).unwrap().signer };
    taizhang::open_kernel(&config, place.store(), around).unwrap()
}

#[test]
fn no_acknowledged_sale_is_lost_or_doubled_when_either_of_two_nodes_is_killed() {
    let Some(cluster) = or_skip(Cluster::start()) else { return };
    let (place, credential) = found(place(&cluster));
    let mut random = StdRng::seed_from_u64(4);
    let (next, known) = (AtomicU32::new(1), Mutex::new(Known::default()));
    let mut nodes = [Server::start(&place), Server::start(&place)];
    for round in 0..KILLS {
        let (dies, goes_on) = (round % 2, (round + 1) % 2);
        let stop = AtomicBool::new(false);
        let bases = [nodes[0].base.clone(), nodes[1].base.clone()];
        std::thread::scope(|scope| {
            for base in bases.iter().cycle().take(2 * CLIENTS) {
                let client = Client::new(base).bearer(&credential);
                let (next, known, stop) = (&next, &known, &stop);
                scope.spawn(move || sell(&client, next, known, stop));
            }
            std::thread::sleep(Duration::from_millis(random.random_range(100..500)));
            nodes[dies].kill();
            std::thread::sleep(Duration::from_millis(random.random_range(50..200)));
            stop.store(true, Ordering::Relaxed);
        });
        // What the dead node did not answer is asked of the other one.
        resend(&Client::new(&nodes[goes_on].base).bearer(&credential), &known);
        nodes[dies] = Server::start(&place);
    }
    nodes.iter_mut().for_each(Server::kill);
    inspect(&place, &known.lock().unwrap());
}

/// Opens a matter that fell due long ago.
fn open_overdue(kernel: &Kernel, name: &str) -> MatterId {
    let book = BookId::new(OFFICES[0].book).unwrap();
    let post = |name: &str| -> PostId {
        SubjectId::new(format!("post:{}/{name}", OFFICES[0].unit)).unwrap().try_into().unwrap()
    };
    let id = MatterId::local(&book, name).unwrap();
    let due = Due::On { day: kernel.zone().day_of(kernel.now()).plus(-3) };
    let (sort, title) = (KindName::new("kernel.task").unwrap(), "交办事项".to_owned());
    let (owner, reviewer) = (post("team-1"), post("office"));
    let opened = Opened {
        matter: id.clone(),
        sort,
        title,
        owner,
        helpers: Vec::new(),
        reviewer,
        due,
        rule: "deadline".into(),
    };
    let open = kernel.append_blocking::<_, _, DocketError>(move |desk| {
        let (now, actor) = (desk.now(), ActorId::new("system:test").unwrap());
        desk.open_matter::<DocketError>(&opened.matter.book(), &actor, now, opened.clone(), Vec::new())
            .map(drop)
    });
    assert!(matches!(open, Ok(())), "{open:?}");
    id
}

/// Waits until the clock of some node has coloured a matter that fell due long ago.
fn is_looked_after(kernel: &Kernel, name: &str, max: Duration) -> Duration {
    let began = Instant::now();
    let id = open_overdue(kernel, name);
    while kernel.matter(&id).unwrap().unwrap().colour.is_none() {
        assert!(began.elapsed() < max, "nobody looks after {name}");
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}

#[test]
fn the_clock_goes_on_when_the_node_that_has_it_is_killed() {
    let Some(cluster) = or_skip(Cluster::start_without_fsync()) else { return };
    let (place, _) = found(place(&cluster));
    let kernel = node(&place, Arc::new(SystemClock));
    let mut first = Server::start(&place);
    is_looked_after(&kernel, "with-one", CATCHING_UP_MAX);
    let mut second = Server::start(&place);
    first.kill();
    let relieved = is_looked_after(&kernel, "after-the-first", RELIEF_MAX);
    first = Server::start(&place);
    second.kill();
    let again = is_looked_after(&kernel, "after-the-second", RELIEF_MAX);
    eprintln!("the clock went on after {relieved:?} and {again:?}");
    first.kill();
    let mut watched = kernel.store().duty("clock");
    assert!(watched.is_ours(), "a duty is free when nobody is left");
    assert!(!kernel.store().duty("clock").is_ours(), "and not twice");
    drop(watched);
    kernel.stop();
}

/// Wants that the clock wrote one colour of each of these matters.
fn is_coloured_once(kernel: &Kernel, names: &[String]) {
    let book = BookId::new(OFFICES[0].book).unwrap();
    let entries = kernel.read(|tx| kernel::entries::entries_from(tx, &book, base::Seq(0), 10_000)).unwrap();
    let coloured = |name: &String| {
        let matter = MatterId::local(&book, name).unwrap().subject().to_string();
        let of = |stored: &&kernel::entries::Stored| {
            stored.entry.subjects.iter().any(|it| it.id.to_string() == matter)
        };
        entries.iter().filter(|it| it.entry.kind.as_str() == "kernel.matter.coloured").filter(of).count()
    };
    for name in names {
        assert_eq!(coloured(name), 1, "{name}");
    }
}

#[test]
fn the_clock_goes_on_when_the_node_that_has_it_stands_still_and_is_not_done_twice_when_it_moves_again() {
    let Some(cluster) = or_skip(Cluster::start_without_fsync()) else { return };
    let (place, _) = found(place(&cluster));
    let kernel = node(&place, Arc::new(SystemClock));
    let mut nodes = [Server::start(&place), Server::start(&place)];
    is_looked_after(&kernel, "with-both", CATCHING_UP_MAX);
    let mut names = vec!["with-both".to_owned()];
    for round in 0..4 {
        // Whichever has the clock stands still once in two rounds.
        let node = &nodes[round % 2];
        node.freeze(true);
        names.extend([format!("round-{round}"), format!("after-round-{round}")]);
        let relieved = is_looked_after(&kernel, &format!("round-{round}"), RELIEF_MAX);
        eprintln!("the clock went on after {relieved:?}");
        node.freeze(false);
        is_looked_after(&kernel, &format!("after-round-{round}"), RELIEF_MAX);
    }
    nodes.iter_mut().for_each(Server::kill);
    is_coloured_once(&kernel, &names);
    assert!(kernel.audit().unwrap().is_clean());
    kernel.stop();
}

#[test]
fn what_two_clocks_do_at_once_is_written_once() {
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let other = node(&town.place, town.clock.clone());
    let kernels = [&town.site.kernel, &other];
    let mut names = Vec::new();
    for round in 0..5 {
        let more: Vec<String> = (0..20).map(|number| format!("m-{round}-{number}")).collect();
        for name in &more {
            open_overdue(kernels[0], name);
        }
        names.extend(more);
        std::thread::scope(|scope| {
            for kernel in kernels {
                scope.spawn(|| kernel.tend_matters(1_000).unwrap());
            }
        });
    }
    is_coloured_once(&other, &names);
    other.stop();
}

#[test]
fn a_node_that_stands_still_in_a_transaction_lets_go_of_its_books() {
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let other = node(&town.place, town.clock.clone());
    let (taken, is_taken) = std::sync::mpsc::channel();
    let stands_still = town.book();
    std::thread::scope(|scope| {
        let still = scope.spawn(|| {
            other.append_blocking::<_, _, ()>(move |desk| {
                desk.take::<()>(&stands_still)?;
                taken.send(()).unwrap();
                std::thread::sleep(Duration::from_secs(13));
                desk.take::<()>(&BookId::new("xihai").unwrap())
            })
        });
        is_taken.recv().unwrap();
        harness::enter(&town.site.kernel, &town.book(), "market.lot.received", town.lot("N", 1_000));
        assert!(!still.is_finished(), "the book was waited for until it was given back");
        let ended = still.join().unwrap();
        assert!(matches!(ended, Err(AppendError::Store(StoreError::Connection { .. }))), "{ended:?}");
    });
    harness::enter(&other, &town.book(), "market.lot.received", town.lot("N1", 1_000));
    other.stop();
}

#[test]
fn what_another_node_takes_away_while_a_book_is_waited_for_is_recorded_by_nobody() {
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let (kernel, book) = (town.site.kernel.clone(), town.book());
    let other = node(&town.place, town.clock.clone());
    let (name, _) = town.account(User::Operator);
    let actor = kernel.actor(&ActorId::new(format!("account:{name}")).unwrap()).unwrap().unwrap();
    let grant = kernel.grants().unwrap().into_iter().find(|row| row.grantee == actor.id).unwrap();
    let by = LetIn {
        actor,
        session: None,
        credential: None,
        root: kernel.root_known().unwrap(),
        day: kernel.zone().day_of(kernel.now()),
    };
    let record = |by: LetIn| {
        let (kernel, book) = (kernel.clone(), book.clone());
        move || {
            kernel.append_blocking::<_, _, ()>(move |desk| desk.for_one_let_in(&by, |desk| desk.take(&book)))
        }
    };
    assert!(record(by.clone())().is_ok());
    let (taken, is_taken) = std::sync::mpsc::channel();
    let (give_back, is_given_back) = std::sync::mpsc::channel();
    let holds = town.book();
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| {
            other.append_blocking::<_, _, ()>(move |desk| {
                desk.take::<()>(&holds)?;
                taken.send(()).unwrap();
                is_given_back.recv().unwrap();
                Ok(())
            })
        });
        is_taken.recv().unwrap();
        let waits = scope.spawn(record(by));
        // Until it has been let in and waits for the book.
        std::thread::sleep(Duration::from_millis(500));
        let third = node(&town.place, town.clock.clone());
        third.withdraw_grant(&ActorId::new("system:installation").unwrap(), grant.seq.0).unwrap();
        third.stop();
        assert!(!waits.is_finished());
        give_back.send(()).unwrap();
        holder.join().unwrap().unwrap();
        let ended = waits.join().unwrap();
        assert!(matches!(ended, Err(AppendError::LetOut)), "{ended:?}");
    });
    other.stop();
}

#[test]
fn a_node_hears_of_all_that_another_appends() {
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let other = node(&town.place, town.clock.clone());
    // What it writes before it first looks must not make it tell all that there is.
    let mut heard = other.live();
    harness::enter(&other, &BookId::new("xihai").unwrap(), "market.lot.received", town.lot("N", 1_000));
    other.follow().unwrap();
    let own = heard.try_recv().unwrap();
    assert!(own.iter().all(|entry| entry.book.as_str() == "xihai"), "its own entry");
    assert!(heard.try_recv().is_err(), "what was there before is not told");
    let mut heard = other.live();
    let size = |kernel: &Kernel| {
        kernel.read(|tx| kernel::entries::entries_from(tx, &town.book(), base::Seq(0), 1_000))
    };
    let before = size(&other).unwrap().len();
    for code in 0..3 {
        harness::enter(
            &town.site.kernel,
            &town.book(),
            "market.lot.received",
            town.lot(&format!("N{code}"), 1_000),
        );
        other.follow().unwrap();
    }
    let mut told = Vec::new();
    while let Ok(entries) = heard.try_recv() {
        told.extend(entries.iter().filter(|entry| entry.book == town.book()).map(|entry| entry.seq.0));
    }
    let appended: Vec<u64> =
        size(&other).unwrap()[before..].iter().map(|stored| stored.entry.seq.0).collect();
    assert_eq!(told, appended);
    assert!(told.len() >= 3);
    other.follow().unwrap();
    assert!(heard.try_recv().is_err(), "nothing is told again");
    other.stop();
}

#[test]
fn decisions_that_take_books_crosswise_both_stand() {
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let other = node(&town.place, town.clock.clone());
    let books = ["beiyuan", "xihai"].map(|book| BookId::new(book).unwrap());
    let crosswise = |kernel: &Kernel, [first, second]: [BookId; 2]| {
        let tries = Arc::new(AtomicU32::new(0));
        let counted = tries.clone();
        let taken = kernel.append_blocking::<_, _, ()>(move |desk| {
            counted.fetch_add(1, Ordering::Relaxed);
            desk.take::<()>(&first)?;
            std::thread::sleep(Duration::from_millis(300));
            desk.take::<()>(&second)
        });
        assert!(matches!(taken, Ok(()) | Err(AppendError::Refused(()))), "{taken:?}");
        tries.load(Ordering::Relaxed)
    };
    let [a, b] = books;
    let tries = std::thread::scope(|scope| {
        let here = scope.spawn(|| crosswise(&town.site.kernel, [a.clone(), b.clone()]));
        let there = scope.spawn(|| crosswise(&other, [b.clone(), a.clone()]));
        here.join().unwrap() + there.join().unwrap()
    });
    assert!(tries > 2, "neither was in the other's way, and nothing was shown");
    other.stop();
}

#[test]
fn what_a_node_writes_itself_hides_nothing_that_another_wrote_before() {
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let other = node(&town.place, town.clock.clone());
    let lot = |kernel: &Arc<Kernel>, code: &str| {
        harness::enter(kernel, &town.book(), "market.lot.received", town.lot(code, 1_000)).entry.seq
    };
    let mut heard = other.live();
    // Nobody has looked yet, nor does between these.
    let written =
        [lot(&town.site.kernel, "N1"), lot(&other, "N2"), lot(&town.site.kernel, "N3"), lot(&other, "N4")];
    let mut told = HashSet::new();
    let mut hear = || {
        while let Ok(entries) = heard.try_recv() {
            told.extend(entries.iter().filter(|entry| entry.book == town.book()).map(|entry| entry.seq));
        }
        told.clone()
    };
    hear();
    other.follow().unwrap();
    let told = hear();
    assert!(written.iter().all(|seq| told.contains(seq)), "{written:?} of which were told {told:?}");
    other.stop();
}
