//! What a monitoring system and administrators see of how the installation fares, and who may see it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use access::Grant;
use base::{ActorId, UnitCode};
use harness::{Client, Engine, Site, StateStream, Town, User, on_every_store, sale};
use kernel::NewToken;
use serde_json::json;
use taizhang::Config;
use taizhang::config::Monitoring;

/// A sample by its name and labels.
type Samples = BTreeMap<String, String>;

/// Reads an exposition as a scraper does: every sample is of a family that was announced, each series stands once.
fn read(text: &str) -> Samples {
    let (mut families, mut samples) = (BTreeMap::new(), Samples::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(families.insert(name.to_owned(), kind.to_owned()), None, "{name} stands twice");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let of = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let of =
                of.filter(|of| families.get(*of).is_some_and(|kind| kind == "histogram")).unwrap_or(name);
            let kind = families.get(of).unwrap_or_else(|| panic!("{name} was not announced"));
            assert_eq!(kind == "counter", of.ends_with("_total"), "{of}");
            assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
            assert_eq!(samples.insert(series.to_owned(), value.to_owned()), None, "{series} stands twice");
        }
    }
    samples
}

fn scrape(client: &Client) -> Samples {
    let answer = client.get("/metrics").expect(200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    read(&answer.text())
}

fn number(samples: &Samples, series: &str) -> i64 {
    let value = samples.get(series).unwrap_or_else(|| panic!("{series} is not there: {samples:#?}"));
    value.parse().unwrap()
}

/// A client with a token of the role of monitoring systems.
fn monitor(town: &Town) -> Client {
    let unit = UnitCode::new("371400").unwrap();
    let grant = Grant { role: access::MONITOR.into(), unit: unit.clone(), line: None, subject: None };
    let token = NewToken { title: "监控".into(), unit, grants: vec![grant], expires: None };
    let issued = town.site.kernel.issue_token(&ActorId::new("system:test").unwrap(), token).unwrap();
    town.site.client().bearer(&issued.credential.unwrap())
}

/// Waits for what another thread does.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "it does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

on_every_store! {
    fn the_measures_tell_what_happened(town) {
        let monitor = monitor(&town);
        let before = scrape(&monitor);
        let scale = town.scale(1);
        let batch = |count: u32| {
            json!({ "sales": (1..=count).map(|n| sale(n, "L1", 500, &town.now())).collect::<Vec<_>>() })
        };
        let enrolled = scrape(&monitor);
        scale.post("/scale/v1/sales", &batch(7)).expect(200);
        scale.get("/scale/v1/nothing").expect(404);
        let after = scrape(&monitor);
        let grew = |series: &str| number(&after, series) - number(&enrolled, series);
        assert_eq!(grew("taizhang_entries_appended_total"), 7);
        assert!(grew("taizhang_commit_duration_seconds_count") >= 1 && grew("taizhang_group_duration_seconds_count") >= 1);
        assert_eq!(number(&after, "taizhang_http_requests_total{class=\"scale\",code=\"200\"}"), 1);
        assert_eq!(number(&after, "taizhang_http_requests_total{class=\"scale\",code=\"404\"}"), 1);
        assert_eq!(grew("taizhang_http_request_duration_seconds_count{class=\"scale\"}"), 2);
        assert_eq!(grew("taizhang_http_request_duration_seconds_bucket{class=\"scale\",le=\"+Inf\"}"), 2);
        assert!(number(&before, "taizhang_database_size_bytes") > 0 && number(&before, "taizhang_disk_free_bytes") > 0);
        assert!(number(&before, "process_resident_memory_bytes") > 1_000_000 && number(&before, "process_open_fds") > 2);
        assert_eq!((number(&after, "taizhang_writer_refused_total"), number(&after, "taizhang_writer_failed_total")), (0, 0));
        wait_until(|| scrape(&monitor).get("taizhang_duty_held{duty=\"clock\"}").is_some_and(|held| held == "1"));

        // A stream is open for as long as somebody listens.
        let open = |class: &str| number(&scrape(&monitor), &format!("taizhang_streams_open{{class=\"{class}\"}}"));
        assert_eq!(open("scale"), 0);
        let mut stream = StateStream::open(&scale);
        stream.next_state();
        assert_eq!(open("scale"), 1);
        drop(stream);
        // The server sees that nobody listens when it has something to say.
        wait_until(|| {
            town.program(User::Operator).post("/api/market/beiyuan/entries", &json!({ "kind": "market.price.posted",
                "body": { "stall": "A1", "product": "tomato", "fen_per_kg": 701 } })).expect(201);
            open("scale") == 0
        });
        assert_eq!(scrape(&monitor).get("taizhang_backup_timestamp_seconds"), None, "no place of a backup is configured");
    }

    fn what_waits_is_told_with_how_long_it_waits(town) {
        let monitor = monitor(&town);
        let of = |measure: &str, queue: &str| number(&scrape(&monitor), &format!("taizhang_backlog_{measure}{{queue=\"{queue}\"}}"));
        for queue in ["notices", "matters", "epcis-subscriptions"] {
            assert_eq!((of("jobs", queue), of("failing_jobs", queue), of("lag_seconds", queue)), (0, 0, 0), "{queue}");
        }
        let admin = town.program(User::Admin);
        let contact = json!({ "post": "post:decheng-office/office", "channel": "email", "address": "office@example.gov.cn" });
        let contact = admin.post("/api/contacts", &contact).expect(201).json();
        let seq = contact["contact"].as_u64().or_else(|| contact["seq"].as_u64()).unwrap();
        admin.post(&format!("/api/contacts/{seq}/try"), &json!({}));
        town.clock.advance_ms(3_600_000);
        // Nobody delivers here, so it goes on waiting.
        assert_eq!((of("jobs", "notices"), of("lag_seconds", "notices")), (1, 3_600));

        // A quarter of an hour is too long.
        let admin = town.browser(User::Admin).with("accept", "text/html");
        let page = admin.get("/admin/health?lang=zh-CN").expect(200).text();
        assert!(page.contains("需关注") && page.contains("待办 1 件") && page.contains("1小时"), "{page}");
        let page = admin.get("/admin/health?lang=en").expect(200).text();
        assert!(page.contains("Mind it") && page.contains("the oldest for 1 h"), "{page}");
        assert!(!page.contains(">health-"), "a text is missing");
    }

    fn only_administrators_and_monitoring_systems_see_how_it_fares(town) {
        for user in User::ALL {
            let expected = match user {
                User::Anonymous => 401,
                User::Admin => 200,
                _ => 403,
            };
            town.program(user).get("/metrics").expect(expected);
            town.program(user).get("/admin/health").expect(expected);
        }
        // It is the whole installation's, not a unit's.
        town.holder("qian", &[]);
        crate::breach::give(&town, "qian", "admin", "beiyuan-market", None);
        let local = town.holder_again("qian");
        local.get("/metrics").expect(403);
        local.get("/admin/health").expect(403);
        assert!(!local.with("accept", "text/html").get("/admin/accounts").expect(200).text().contains("/admin/health"));
        let monitor = monitor(&town);
        monitor.get("/metrics").expect(200);
        for path in ["/api/accounts", "/api/registry/tree", "/api/figures/market.sales", "/api/reads", "/wall"] {
            monitor.get(path).expect(403);
        }
        // Whoever is known by no token is known by an address that is configured, unless a proxy stands between.
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let place = town.close();
        let serve = |addresses: Vec<IpAddr>| {
            let monitoring = Monitoring { addresses, backup: Some("/nowhere/taizhang.db".into()) };
            let config = Config { monitoring, ..place.config() };
            Site::serve(&config, place.store(), std::sync::Arc::new(taizhang::SystemClock))
        };
        let site = serve(vec![here]);
        let samples = scrape(&site.client());
        assert_eq!(number(&samples, "taizhang_backup_timestamp_seconds"), 0, "there is no copy");
        site.client().with("x-forwarded-for", "127.0.0.1").get("/metrics").expect(401);
        site.client().get("/admin/health").expect(401);
        drop(site);
        serve(vec!["192.0.2.1".parse().unwrap()]).client().get("/metrics").expect(401);
    }
}

/// Names in the expressions of the rules that are no functions and no labels.
fn measures(rules: &str) -> BTreeSet<&str> {
    let expressions = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let words = expressions.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    words.filter(|word| word.starts_with("taizhang_") || word.starts_with("process_")).collect()
}

#[test]
fn every_measure_of_the_alert_rules_is_one_that_is_told() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/alerts.yml");
    let rules = std::fs::read_to_string(path).unwrap();
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let text = monitor(&town).get("/metrics").expect(200).text();
    let told: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .flat_map(|line| match line.split_once(' ').unwrap() {
            (name, "histogram") => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
            (name, _) => vec![name.to_owned()],
        })
        .collect();
    let wanted = measures(&rules);
    assert!(wanted.len() > 15, "{wanted:?}");
    let unknown: Vec<_> = wanted.into_iter().filter(|name| !told.contains(*name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for queue in rules.split("queue=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(text.contains(&format!("{{queue=\"{queue}\"}}")), "{queue}");
    }
    match Command::new("promtool").args(["check", "rules", path]).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("skipped: there is no promtool"),
    }
    let mut metrics = match Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(_) => return,
    };
    std::io::Write::write_all(&mut metrics.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = metrics.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
