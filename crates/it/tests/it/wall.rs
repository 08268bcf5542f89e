//! The wall: every number on it opens into entries whose sum is that number, today and on any day that is past.

mod numbers;

use std::collections::HashMap;
use std::sync::Arc;

use base::{ActorId, BookId, Day, ManualClock, Seq, Time, UnitCode};
use harness::{Client, Engine, OFFICES, Site, Town, User, enter, note, on_every_store, sale, team};
use kernel::{AppendError, DocketError, Kernel};
use matters::{Cancelled, MatterId};
use numbers::{Number, Shown, board, numbers};
use registry::{Level, UnitAdded};
use serde_json::{Value, json};
use taizhang::Config;

const CITY: &str = "371400";
const MANAGER: &str = "post:beiyuan-market/manager";
const BUREAU: &str = "post:371402/bureau";

/// Somebody who may do something to the whole city.
fn of_the_city(town: &Town, role: &str) -> Client {
    let grant = json!({ "role": role, "unit": CITY });
    let token = json!({ "title": role, "unit": CITY, "grants": [grant] });
    let issued = town.program(User::Admin).post("/api/tokens", &token).expect(201).json();
    town.site.client().bearer(issued["credential"].as_str().unwrap()).with("accept", "text/html")
}

fn go_to(town: &Town, moment: &str) {
    town.clock.set(Time::parse(&format!("{moment}:00+08:00")).unwrap());
    town.settle();
}

/// Two years of both markets and offices, day by day: after each day `look` is called with it.
fn live(town: &Town, mut look: impl FnMut(&str)) {
    let kernel = &town.site.kernel;
    let market = |at: usize, kind: &str, body: Value| {
        enter(kernel, &BookId::new(harness::MARKETS[at].0).unwrap(), kind, body)
    };
    let project = |at: usize, kind: &str, body: Value| note(kernel, OFFICES[at].book, None, kind, body);
    let visitors = |at: usize, visitors: i64| {
        market(at, "market.footfall.counted", json!({ "gate": "south", "visitors": visitors }));
    };
    let sell = |counters: std::ops::Range<u32>| {
        let lines: Vec<Value> = counters.map(|counter| sale(counter, "L1", 500, &town.now())).collect();
        town.scale(1).post("/scale/v1/sales", &json!({ "sales": lines })).expect(200);
    };
    let test = |at: usize, verdict: &str| {
        market(
            at,
            "market.inspection.recorded",
            json!({ "lot": "L2", "method": "rapid", "item": "organophosphate",
            "reading": "62 %", "limit": "50 %", "verdict": verdict, "retest_of": null }),
        );
    };
    let mut end = |day: &str| {
        go_to(town, &format!("{day}T23:59"));
        look(day);
    };
    town.holder("wei", &[MANAGER]);
    town.holder("li", &[BUREAU]);

    visitors(0, 40);
    visitors(1, 31);
    sell(1..4);
    test(1, "pass");
    end("2026-03-10");

    go_to(town, "2027-03-08T09:00");
    market(0, "market.scale.verified", json!({ "scale": 1, "seal": "F2", "verified_until": "2027-12-31" }));
    visitors(0, 52);
    visitors(1, 30);
    test(0, "pass");
    project(0, "projects.phase.changed", json!({ "project": "park", "to": "started" }));
    project(
        1,
        "projects.investment.planned",
        json!({ "project": "park", "months": [{ "month": "2027-03", "amount_fen": 900_000_000 }] }),
    );
    let admin = town.program(User::Admin);
    for (figure, unit, amount) in
        [("market.visitors", "371402", 400), ("projects.invested", CITY, 90_000_000)]
    {
        admin
            .post(
                "/api/targets",
                &json!({ "figure": figure, "unit": unit, "from": "2027-01-01", "to": "2027-12-31",
            "amount": amount, "basis": "德政办〔2027〕1号" }),
            )
            .expect(201);
    }
    let bureau = of_the_city(town, "leader").with("accept", harness::JSON);
    for (name, due) in
        [("task-drain", "2027-03-09"), ("task-roof", "2027-03-31"), ("task-gate", "2027-03-08")]
    {
        bureau
            .post(
                "/api/matters/beiyuan",
                &json!({ "name": name, "title": format!("整改 3 号棚 {name}"),
            "owner": MANAGER, "helpers": [], "reviewer": BUREAU, "due": { "by": "on", "day": due } }),
            )
            .expect(201);
    }
    end("2027-03-08");

    go_to(town, "2027-03-09T08:00");
    project(
        0,
        "projects.blocker.raised",
        json!({ "project": "park", "blocker": "B-1", "title": "高压线未迁改", "note": null,
        "owner": team(OFFICES[0], 2), "due": "2027-03-10" }),
    );
    project(
        1,
        "projects.investment.made",
        json!({ "project": "park", "month": "2027-03", "amount_fen": 700_000_000 }),
    );
    project(
        1,
        "projects.permit.applied",
        json!({ "project": "park", "permit": "P-1", "title": "施工许可证",
        "bureau": team(OFFICES[1], 2), "agent": format!("post:{}/office", OFFICES[1].unit), "term_workdays": 2 }),
    );
    test(0, "fail");
    end("2027-03-09");

    go_to(town, "2027-03-12T10:00");
    sell(10..73);
    cancel(town, "task-gate");
    end("2027-03-12");
    end("2027-03-22");
}

/// Cancels a task of the first market.
fn cancel(town: &Town, name: &str) {
    let id = MatterId::local(&town.book(), name).unwrap();
    let found = town.site.kernel.matter(&id).unwrap().unwrap();
    let (sort, approver) = (found.sort.clone(), found.reviewer.clone());
    let cancelled = Cancelled { matter: id, sort, reason: "与另一事项合并".into(), approver };
    let actor = ActorId::new("system:test").unwrap();
    let moved: Result<(), AppendError<DocketError>> = town.site.kernel.append_blocking(move |desk| {
        let now = desk.now();
        desk.move_matter(found.version, &actor, now, cancelled.clone().into()).map(drop)
    });
    moved.unwrap();
}

/// The units whose walls are looked at: the city, both counties, a market and an office.
const UNITS: [&str; 5] = [CITY, "371402", "371481", "beiyuan-market", OFFICES[0].unit];

/// What a wall shows, but for when it was set and the day in the addresses of walls.
fn told(leader: &Client, unit: &str, on: Option<&str>) -> String {
    let on = on.map_or_else(String::new, |day| format!("?on={day}"));
    let page = leader.get(&format!("/wall/{unit}{on}")).expect(200).text();
    let board = board(&page).replace(&on, "");
    let (before, rest) = board.split_once("<p class=\"as-of\"").unwrap();
    let (_, after) = rest.split_once("</p>").unwrap();
    format!("{before}{after}").replace("><", ">\n<")
}

/// Follows numbers down to their entries, each address once.
struct Walk<'a> {
    kernel: &'a Kernel,
    client: &'a Client,
    /// What the entries behind an address add up to.
    known: HashMap<String, i64>,
    entries: usize,
}

impl Walk<'_> {
    fn check(&mut self, wall: &str, number: &Number) {
        let Number { href, text, shown } = number;
        let fails = || format!("{wall}: {text:?} at {href}");
        match shown {
            Shown::Sum(amount) => {
                assert_eq!(self.sum(href), *amount, "{}", fails());
                let digits = text.trim_start_matches(['■', '▲', ' ']).replace(',', "");
                if let Ok(said) = digits.parse::<i64>() {
                    assert_eq!(said, *amount, "{}", fails());
                }
            }
            Shown::Ratio(numerator, denominator) => {
                let page = self.get(href);
                let (path, query) = href.split_once('?').unwrap();
                let ratio = self.kernel.lines().ratio(path.strip_prefix("/figures/").unwrap()).unwrap();
                for (part, amount) in [(ratio.numerator, numerator), (ratio.denominator, denominator)] {
                    let down = format!("/figures/{part}?{query}");
                    assert!(numbers(&page).iter().any(|it| it.href == down), "{}: no way to {down}", fails());
                    assert_eq!(self.sum(&down), *amount, "{}: {part}", fails());
                }
            }
            Shown::Before(amount) => assert_eq!(self.sum(href), *amount, "{}", fails()),
            Shown::Target(amount) => {
                let page = self.get(href);
                let set = numbers(&page).into_iter().find(|it| it.href.starts_with("/ledger/registry/"));
                let seq = set.unwrap_or_else(|| panic!("{}: no target", fails())).href;
                let seq = seq.rsplit('/').next().unwrap().parse().unwrap();
                let entry = self.kernel.entry(&BookId::new("registry").unwrap(), Seq(seq)).unwrap().unwrap();
                let set: Value = serde_json::from_str(entry.body.as_deref().unwrap()).unwrap();
                assert_eq!(set["amount"], *amount, "{}", fails());
            }
            Shown::Days(days) => {
                let (book, name) = matter_of(href);
                let asked = self.client.with("accept", harness::JSON);
                let found = asked.get(&format!("/api/matters/{book}/{name}")).expect(200).json();
                let due = Day::parse(found["due"].as_str().unwrap()).unwrap();
                assert_eq!(self.today().0 - due.0, *days, "{}", fails());
                assert!(self.get(href).contains(&format!("/ledger/{book}/")), "{}: no entries", fails());
            }
            Shown::Said => {
                assert!(href.starts_with("/ledger/") || href.starts_with("/matters/"), "{}", fails());
                self.get(href);
            }
        }
    }

    fn today(&self) -> Day {
        self.kernel.zone().day_of(self.kernel.now())
    }

    fn get(&self, href: &str) -> String {
        self.client.get(href).expect(200).text()
    }

    /// The sum of what the entries contribute that a figure's page lists, to its last page.
    fn sum(&mut self, href: &str) -> i64 {
        if let Some(sum) = self.known.get(href) {
            return *sum;
        }
        let (path, query) = href.split_once('?').unwrap();
        let figure = path.strip_prefix("/figures/").unwrap_or_else(|| panic!("{href} is no figure's page"));
        let mut dimension =
            query.split('&').find_map(|it| it.strip_prefix("dimension=")).unwrap_or_default().to_owned();
        dimension = dimension.replace("%3D", "=");
        let (mut sum, mut at) = (0, Some(href.to_owned()));
        while let Some(page) = at {
            let page = self.get(&page);
            for (book, seq) in numbers::entries(&page) {
                let entry = self.kernel.entry(&book, seq).unwrap().unwrap();
                let mut contributions = figures::Contributions::default();
                self.kernel.lines().contribute(&entry, self.kernel.zone(), &mut contributions);
                sum += contributions.amount(figure, &dimension);
                self.entries += 1;
            }
            at = numbers::next(&page);
        }
        self.known.insert(href.to_owned(), sum);
        sum
    }
}

/// Book and name of the matter that an address is about.
fn matter_of(href: &str) -> (&str, &str) {
    let id = href.strip_prefix("/matters/").and_then(|id| id.split_once('/'));
    id.unwrap_or_else(|| panic!("{href} is about no matter"))
}

#[test]
fn a_map_that_the_installation_supplied_draws_the_units_that_are_on_it() {
    let place = Engine::Sqlite.place().unwrap();
    let ring = |lon: f64| {
        json!([
            [lon, 37.4],
            [lon + 0.3, 37.4],
            [lon + 0.4, 37.6],
            [lon + 0.2, 37.8],
            [lon, 37.7],
            [lon, 37.4]
        ])
    };
    let feature = |code: &str, lon: f64| {
        json!({ "type": "Feature", "properties": { "adcode": code },
        "geometry": { "type": "Polygon", "coordinates": [ring(lon)] } })
    };
    let sketch = json!({ "type": "FeatureCollection", "features": [feature("371402", 116.2), feature("371481", 117.1)] });
    let map = place.folder.path().join("map.geojson");
    std::fs::write(&map, sketch.to_string()).unwrap();
    let clock = Arc::new(ManualClock::at(Time::parse("2026-03-10T08:00:00+08:00").unwrap()));
    let site = Site::serve(&Config { map: Some(map), ..place.config() }, place.store(), clock.clone());
    let town = Town { site, clock, place };
    for market in harness::MARKETS {
        harness::found_market(&town.site.kernel, market);
    }
    let zone = UnitAdded {
        code: UnitCode::new("jingkai").unwrap(),
        parent: Some(UnitCode::new(CITY).unwrap()),
        level: Level::Zone,
        title_zh: "经开区".into(),
        title_en: "Development zone".into(),
    };
    town.site.kernel.add_unit(&ActorId::new("system:test").unwrap(), zone).unwrap();
    let leader = of_the_city(&town, "leader");
    let page = leader.get("/wall/371400").expect(200).text();
    let (_, map) = page.split_once("<svg class=\"shapes\"").expect("a map");
    let (map, table) = map.split_once("</svg>").unwrap();
    assert_eq!(map.matches("<path ").count(), 2);
    for unit in ["371402", "371481"] {
        assert!(
            map.contains(&format!("href=\"/wall/{unit}\"")) && map.contains(&format!("unit={unit}")),
            "{map}"
        );
    }
    assert!(
        !map.contains("jingkai") && table.contains("/wall/jingkai"),
        "what has no shape is in the table alone"
    );
    assert_eq!(numbers(map).len(), 6, "{map}");
    // Below the county nothing was drawn by hand.
    assert!(!leader.get("/wall/371402").expect(200).text().contains("class=\"shapes\""));
}

on_every_store! {
    fn every_number_on_a_wall_opens_into_entries_whose_sum_it_is(town) {
        live(&town, |_| ());
        let client = of_the_city(&town, "leader");
        for (lang, units) in [("zh-CN", &UNITS[..]), ("en", &UNITS[1..4])] {
            let client = client.with("accept-language", lang);
            let kernel = &town.site.kernel;
            let mut walk = Walk { kernel, client: &client, known: HashMap::new(), entries: 0 };
            let mut seen: HashMap<&'static str, usize> = HashMap::new();
            for unit in units {
                let page = client.get(&format!("/wall/{unit}")).expect(200).text();
                assert!(page.contains(&format!("<html lang=\"{lang}\"")), "{page}");
                let found = numbers(board(&page));
                for number in &found {
                    walk.check(unit, number);
                    *seen.entry(number.shown.sort()).or_default() += 1;
                }
            }
            let least = [("sum", 90), ("ratio", 3), ("before", 8), ("target", 1), ("days", 6), ("said", 20)];
            for (sort, least) in least {
                assert!(seen.get(sort).is_some_and(|count| *count >= least), "{sort}: {seen:?}");
            }
            assert!(walk.entries > 150, "{} entries", walk.entries);
        }
    }

    fn a_wall_of_a_day_that_is_past_is_what_it_was_live(town) {
        let leader = of_the_city(&town, "leader").with("accept-language", "zh-CN");
        let mut stood: Vec<(String, &str, String)> = Vec::new();
        live(&town, |day| {
            stood.extend(UNITS.map(|unit| (day.to_owned(), unit, told(&leader, unit, None))));
        });
        let (_, _, last) = stood.last().unwrap();
        assert!(stood.iter().any(|(_, _, then)| then != last));
        go_to(&town, "2027-03-23T08:00");
        for (day, unit, then) in &stood {
            let now = told(&leader, unit, Some(day));
            let differs = now.lines().zip(then.lines()).find(|(now, then)| now != then);
            assert!(now == *then, "{unit} on {day}: now and then {differs:?}");
        }
        let page = leader.get("/wall/371402?on=2027-03-09").expect(200).text();
        assert!(page.contains("2027-03-09 当日情况") && !page.contains("data-source"), "{page}");
        // Every number is followed as of that day as well, and every wall from there is of the same day.
        let kernel = &town.site.kernel;
        let mut walk = Walk { kernel, client: &leader, known: HashMap::new(), entries: 0 };
        for number in numbers(board(&page)) {
            if !matches!(number.shown, Shown::Days(_)) {
                walk.check("371402 on 2027-03-09", &number);
            }
        }
        assert!(page.contains("/wall/beiyuan-market?on=2027-03-09"), "{page}");
        assert!(!leader.get("/wall/371402").expect(200).text().contains("?on="));
        assert_eq!(leader.get("/wall?on=2027-03-09").expect(303).header("location"), "/wall/371400?on=2027-03-09");
        for wrong in ["2027-03-24", "tomorrow", ""] {
            leader.get(&format!("/wall/371402?on={wrong}")).expect(400);
        }
    }
}
