//! The mixed day of a city, offered whether or not the server keeps up: scales, pages, walls, traces, events and reports come at
//! drawn moments, and each time counts from its moment, not from when a connection was free (open loop, no coordinated
//! omission).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::{ActorId, UnitCode};
use harness::OFFICES;
use kernel::NewToken;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;
use shell::seats::STREAMS_OF_ONE_MAX;
use store_postgres::testing::Cluster;

use crate::Plan;
use crate::client::Client;
use crate::ground::{BOOK, Ground};
use crate::sales::{batch, random_of};
use crate::server::{Server, used_by};
use crate::stats::{Times, rate};

/// Connections that requests are sent over; whoever finds none free waits, and the wait counts.
const CONNECTIONS: usize = 192;
/// Requests a second that are offered, one after another.
const OFFERED: [u64; 8] = [50, 100, 200, 400, 800, 1_600, 3_200, 6_400];
const STEP: Duration = Duration::from_secs(10);
/// Where less than this share is answered within the time, the server is saturated.
const KEPT_UP: f64 = 0.9;
const IN_TIME: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(30);
/// Projects that are reported on: of each so often a day.
const PROJECTS: u64 = 900;

/// What is asked, and how often of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Sales,
    Page,
    Wall,
    Figure,
    Events,
    Capture,
    Report,
}

const MIX: [(Sort, u32); 7] = [
    (Sort::Sales, 60),
    (Sort::Page, 12),
    (Sort::Wall, 5),
    (Sort::Figure, 8),
    (Sort::Events, 8),
    (Sort::Capture, 2),
    (Sort::Report, 5),
];

fn sort(random: &mut StdRng) -> Sort {
    let mut left = random.random_range(0..MIX.iter().map(|(_, of)| of).sum());
    let found = MIX.iter().find(|(_, of)| {
        let is_it = left < *of;
        left = left.saturating_sub(*of);
        is_it
    });
    found.expect("the mix adds up").0
}

/// The city, and what is counted on over all steps.
struct Town<'a> {
    plan: Plan,
    ground: &'a Ground,
    databases: &'a [Cluster],
    planner: String,
    /// Batches of each scale so far.
    sold: Vec<AtomicU64>,
    captured: AtomicU64,
    reported: AtomicU64,
}

/// What became of the requests of a stretch.
#[derive(Default)]
struct Told {
    times: BTreeMap<Sort, Times>,
    answered: u64,
    /// Of these, within a second.
    in_time: u64,
    /// Refused by 429 or 503.
    shed: u64,
    failed: u64,
}

/// Measures on a PostgreSQL server, with a standby of it if there is one; without any on SQLite.
pub fn measure(plan: &Plan, databases: &[Cluster]) {
    // Small batches, as scales send them through a day.
    let plan = Plan { batch: 20, ..plan.clone() };
    let url = databases.first().map(Cluster::fresh_database);
    let mut ground = Ground::lay(&plan, url.clone());
    ground.config.replica_url = url.and_then(|url| Some(databases.get(1)?.url_of(&url)));
    let planner = found_office(&ground);
    let server = Server::start(&ground.config);
    let sold = (0..plan.scales).map(|_| AtomicU64::new(0)).collect();
    let town = Town {
        ground: &ground,
        databases,
        planner,
        sold,
        captured: AtomicU64::new(0),
        reported: AtomicU64::new(0),
        plan,
    };
    let most = saturate(&town, &server);
    overload(&town, &server, most);
    if town.plan.viewers > 0 {
        viewers(&town, &server);
    }
    if town.plan.soak > 0 {
        soak(&town, &server, most / 2);
    }
    println!("memory of the server, at most: {} MiB", server.memory_peak_mib());
    println!("database: {} MiB", ground.database_mib());
}

/// Founds a key-project office beside the market; returns the credential of its planner.
fn found_office(ground: &Ground) -> String {
    let kernel = taizhang::open(&ground.config).unwrap();
    harness::found_office(&kernel, OFFICES[0]);
    for number in 0..PROJECTS {
        harness::add_project(&kernel, OFFICES[0], &format!("park-{number}"), json!({}));
    }
    let unit = UnitCode::new(OFFICES[0].unit).unwrap();
    let grant = access::Grant {
        role: "planner".into(),
        unit: unit.clone(),
        line: Some("projects".into()),
        subject: None,
    };
    let new = NewToken { title: "planner".into(), unit, grants: vec![grant], expires: None };
    let token = kernel.issue_token(&ActorId::new("system:bench").unwrap(), new).unwrap().credential.unwrap();
    kernel.stop();
    token
}

/// Offers more and more; returns the most that was kept up with.
fn saturate(town: &Town<'_>, server: &Server) -> u64 {
    let mut most = OFFERED[0];
    for offered in OFFERED {
        let before = used(town, server);
        let told = offer(town, server, offered, STEP);
        let kept_up = told.in_time as f64 >= KEPT_UP * (offered * STEP.as_secs()) as f64;
        print(&format!("{offered} a second"), told, STEP);
        let used = used(town, server).into_iter().zip(before);
        let used: Vec<f64> = used.map(|(now, before)| (now - before).as_secs_f64()).collect();
        println!("  processor seconds of the server, its database and the standby: {used:.1?}");
        if !kept_up {
            return most;
        }
        most = offered;
    }
    most
}

/// Processor time of the server and of each of its databases.
fn used(town: &Town<'_>, server: &Server) -> Vec<Duration> {
    std::iter::once(server.used().1).chain(town.databases.iter().map(used_by)).collect()
}

/// Twice what it keeps up with, then little again: what does not fit is shed, and then all is as before.
fn overload(town: &Town<'_>, server: &Server, most: u64) {
    print(&format!("{} a second, beyond saturation", most * 4), offer(town, server, most * 4, STEP), STEP);
    print(&format!("{} a second, right after", OFFERED[0]), offer(town, server, OFFERED[0], STEP), STEP);
}

/// A long stretch at a constant rate: memory and files stay flat.
fn soak(town: &Town<'_>, server: &Server, offered: u64) {
    println!("soak at {offered} a second for {} s", town.plan.soak);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(town.plan.soak) {
        let told = offer(town, server, offered, WINDOW);
        let (resident, files) = server.resident();
        let sold: u64 = town.sold.iter().map(|it| it.load(Ordering::Relaxed)).sum();
        print(
            &format!(
                "  after {} s, {} sales: {resident} MiB resident, {files} files open",
                began.elapsed().as_secs(),
                sold * u64::from(town.plan.batch)
            ),
            told,
            WINDOW,
        );
    }
}

/// Offers requests at drawn moments, a rate over a stretch; whatever is late is late from its moment on.
fn offer(town: &Town<'_>, server: &Server, a_second: u64, stretch: Duration) -> Told {
    let mut random = random_of(u32::try_from(a_second).unwrap());
    let mut moment = Duration::ZERO;
    let mut arrivals = Vec::new();
    while moment < stretch {
        let gap = -(1.0 - random.random::<f64>()).ln() / a_second as f64;
        moment += Duration::from_secs_f64(gap);
        arrivals.push((moment, sort(&mut random), random.random::<u64>()));
    }
    let (next, told) = (AtomicUsize::new(0), Mutex::new(Told::default()));
    // What is not begun when twice the time is over is given up.
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut clients: BTreeMap<String, Client> = BTreeMap::new();
                while let Some((moment, sort, draw)) = arrivals.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let due = began + *moment;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    if began.elapsed() > stretch * 2 {
                        break;
                    }
                    let status = ask(town, server, &mut clients, *sort, *draw);
                    let took = due.elapsed();
                    let mut told = told.lock().unwrap();
                    match status {
                        200..400 => {
                            told.answered += 1;
                            told.in_time += u64::from(took <= IN_TIME);
                            told.times.entry(*sort).or_default().add(took);
                        }
                        429 | 503 => told.shed += 1,
                        _ => told.failed += 1,
                    }
                }
            });
        }
    });
    told.into_inner().unwrap()
}

fn ask(
    town: &Town<'_>,
    server: &Server,
    clients: &mut BTreeMap<String, Client>,
    sort: Sort,
    draw: u64,
) -> u16 {
    let (ground, json_ld) = (town.ground, "application/ld+json");
    let (credential, path, body): (&str, String, Option<(&str, String)>) = match sort {
        Sort::Sales => {
            let scale = u32::try_from(draw % u64::from(town.plan.scales)).unwrap() + 1;
            let at = town.sold[scale as usize - 1].fetch_add(1, Ordering::Relaxed);
            let sales = batch(&town.plan, scale, at * u64::from(town.plan.batch), &mut random_of(scale));
            let body = serde_json::to_string(&sales).unwrap();
            (&ground.scales[scale as usize - 1], "/scale/v1/sales".into(), Some(("application/json", body)))
        }
        Sort::Page => {
            let page = ["", "/lots", "/holds", "/complaints"][(draw % 4) as usize];
            (&ground.leader, format!("/market/{BOOK}{page}"), None)
        }
        Sort::Wall => (&ground.leader, "/wall/371402".into(), None),
        Sort::Figure => {
            (&ground.leader, "/figures/market.sales?unit=371402&from=2026-01-01&to=2026-12-31".into(), None)
        }
        Sort::Events => (&ground.tracer, "/epcis/events?perPage=30&EQ_bizStep=shipping".into(), None),
        Sort::Capture => {
            let first = town.captured.fetch_add(10, Ordering::Relaxed);
            let events = (first..first + 10).map(crate::capture::event).collect();
            let document = crate::capture::document(events).to_string();
            (&ground.suppliers[0], "/epcis/capture".into(), Some((json_ld, document)))
        }
        Sort::Report => {
            let project = format!("park-{}", town.reported.fetch_add(1, Ordering::Relaxed) % PROJECTS);
            let body = json!({ "kind": "projects.progress.reported",
                "body": { "project": project, "percent_bp": draw % 10_000, "note": "按实测进度" } });
            let path = format!("/api/projects/{}/entries", OFFICES[0].book);
            (&town.planner, path, Some(("application/json", body.to_string())))
        }
    };
    let client =
        clients.entry(credential.to_owned()).or_insert_with(|| Client::connect(&server.host, credential));
    match body {
        Some((media, body)) => client.post(&path, media, body.as_bytes()).0,
        None => client.get(&path).0,
    }
}

fn print(what: &str, told: Told, stretch: Duration) {
    let Told { times, answered, in_time, shed, failed } = told;
    let (all, soon) = (rate(answered, stretch), rate(in_time, stretch));
    println!("{what}: {all} a second answered, {soon} within a second, {shed} shed, {failed} failed");
    for (sort, times) in times {
        println!("  {sort:?}: {}", times.print());
    }
}

/// Screens that follow a wall: all of them get the board, and soon after a sale the next one.
fn viewers(town: &Town<'_>, server: &Server) {
    let (shown, changed, stop) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
    let lags: Arc<Mutex<Times>> = Arc::default();
    let began = Instant::now();
    let mut screens = Vec::new();
    for number in 0..town.plan.viewers {
        let (shown, changed, stop, lags) = (shown.clone(), changed.clone(), stop.clone(), lags.clone());
        let (host, token) = (server.host.clone(), town.ground.screens[number / STREAMS_OF_ONE_MAX].clone());
        let screen = std::thread::Builder::new().stack_size(96 * 1024).spawn(move || {
            let mut stream = TcpStream::connect(&host).unwrap();
            let request = format!(
                "GET /wall/371402/live HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let mut boards = 0;
            for line in BufReader::with_capacity(4 * 1024, stream).lines() {
                let Ok(line) = line else { break };
                if line == "event: board" || line == "event:board" {
                    boards += 1;
                    if boards == 1 {
                        shown.fetch_add(1, Ordering::Relaxed);
                    } else if let Some(at) = *changed.lock().unwrap() {
                        let lag: Duration = Instant::elapsed(&at);
                        lags.lock().unwrap().add(lag);
                        break;
                    }
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        screens.push(screen.unwrap());
    }
    let wait = Duration::from_secs(60);
    while shown.load(Ordering::Relaxed) < screens.len() && began.elapsed() < wait {
        std::thread::sleep(Duration::from_millis(20));
    }
    println!(
        "{} of {} screens show the wall after {:.1} s",
        shown.load(Ordering::Relaxed),
        screens.len(),
        began.elapsed().as_secs_f64()
    );
    std::thread::sleep(Duration::from_secs(3));
    *changed.lock().unwrap() = Some(Instant::now());
    let status = ask(town, server, &mut BTreeMap::new(), Sort::Sales, 0);
    assert_eq!(status, 200);
    std::thread::sleep(Duration::from_secs(15));
    stop.store(true, Ordering::Relaxed);
    let (resident, files) = server.resident();
    println!("  {resident} MiB resident, {files} files open");
    screens.into_iter().for_each(|screen| screen.join().unwrap());
    let lags = std::mem::take(&mut *lags.lock().unwrap());
    println!("  from a sale to its board, {} screens: {}", lags.count(), lags.print());
}
