//! Figures over time: as of any day, compared, broken down, against targets, and with where they come from.

use base::Time;
use harness::{Answer, Client, MARKETS, Town, User, enter, on_every_store};
use kernel::AppendError;
use serde_json::{Value, json};

fn visitors(town: &Town, at: &str, market: usize, visitors: i64) {
    town.clock.set(Time::parse(&format!("{at}T10:00:00+08:00")).unwrap());
    let book = base::BookId::new(MARKETS[market].0).unwrap();
    let body = json!({ "gate": "south", "visitors": visitors });
    enter(&town.site.kernel, &book, "market.footfall.counted", body);
}

fn jobs(town: &Town, at: &str, change: i64) {
    town.clock.set(Time::parse(&format!("{at}T11:00:00+08:00")).unwrap());
    enter(
        &town.site.kernel,
        &town.book(),
        "market.jobs.changed",
        json!({ "change": change, "reason": "hired" }),
    );
}

/// A leader of the whole city.
fn city_leader(town: &Town) -> Client {
    let grant = json!({ "role": "leader", "unit": "371400" });
    let token = json!({ "title": "city", "unit": "371400", "grants": [grant] });
    let issued = town.program(User::Admin).post("/api/tokens", &token).expect(201).json();
    town.site.client().bearer(issued["credential"].as_str().unwrap())
}

fn compared(answer: &Answer) -> Vec<(String, String, i64)> {
    let of = |it: &Value| {
        let text = |name: &str| it[name].as_str().unwrap().to_owned();
        (text("from"), text("to"), it["amount"].as_i64().unwrap())
    };
    answer.json().as_array().unwrap().iter().map(of).collect()
}

fn rows(of: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
    of.iter().map(|(from, to, amount)| ((*from).to_owned(), (*to).to_owned(), *amount)).collect()
}

on_every_store! {
    fn a_figure_is_read_as_of_any_day_and_compared_with_the_month_and_the_year_before(town) {
        for (day, count) in [("2026-03-10", 10), ("2026-03-31", 31), ("2026-04-05", 5), ("2027-02-28", 28), ("2027-03-10", 100), ("2027-03-30", 30)] {
            visitors(&town, day, 0, count);
        }
        let leader = town.program(User::Leader);
        let ask = |part: &str, days: &str| leader.get(&format!("/api/figures/market.visitors{part}?unit=371402&{days}")).expect(200);
        let value = |days: &str| ask("", days).json()["amount"].as_i64().unwrap();
        assert_eq!(value("from=2026-03-01&to=2026-03-31"), 41);
        assert_eq!(value("from=2026-03-11&to=2027-03-09"), 64);
        assert_eq!(value("from=2026-01-01&to=2027-12-31"), 204);

        // The days of the same number; whole months with whole months.
        let march = compared(&ask("/comparison", "from=2027-03-01&to=2027-03-30"));
        assert_eq!(march, rows(&[("2027-02-01", "2027-02-28", 28), ("2026-03-01", "2026-03-30", 10)]));
        let march = compared(&ask("/comparison", "from=2027-03-01&to=2027-03-31"));
        assert_eq!(march, rows(&[("2027-02-01", "2027-02-28", 28), ("2026-03-01", "2026-03-31", 41)]));
        let year = compared(&ask("/comparison", "from=2027-01-01&to=2027-03-31"));
        assert_eq!(year, rows(&[("2026-10-01", "2026-12-31", 0), ("2026-01-01", "2026-03-31", 41)]));

        let months = ask("/series", "from=2026-03-10&to=2026-04-30&step=month").json();
        assert_eq!(months, json!([{ "day": "2026-03-10", "amount": 41 }, { "day": "2026-04-01", "amount": 5 }]));
        leader.get("/api/figures/market.visitors/series?unit=371402&step=week").expect(400);

        // The last days that can be written.
        for days in ["from=9999-12-31&to=9999-12-31", "from=9999-12-01&to=9999-12-31", "from=9999-11-05&to=9999-12-30"] {
            assert_eq!(value(days), 0, "{days}");
            for part in ["/comparison", "/series", "/breakdown", "/entries"] {
                ask(part, days);
            }
            leader.with("accept", "text/html").get(&format!("/figures/market.visitors?unit=371402&{days}")).expect(200);
        }

        // What stood on a day, whatever came later.
        for (day, change) in [("2027-04-01", 120), ("2027-04-10", -20), ("2027-05-02", 7)] {
            jobs(&town, day, change);
        }
        for (day, stood) in [("2027-03-31", 0), ("2027-04-01", 120), ("2027-04-09", 120), ("2027-04-10", 100), ("2027-06-30", 107)] {
            let path = format!("/api/figures/market.jobs?unit=371402&from={day}&to={day}");
            assert_eq!(leader.get(&path).expect(200).json()["amount"], stood, "{day}");
        }
        let page = leader.with("accept", "text/html");
        let page = page.get("/figures/market.visitors?unit=371402&from=2027-03-01&to=2027-03-30&lang=en").expect(200).text();
        for said in ["The same days of the month before", "28 days, now 30", "now +102 (+364.3%) against it", "A year earlier", "now +120 (+1,200.0%) against it"] {
            assert!(page.contains(said), "{said}: {page}");
        }
        town.check();
    }

    fn a_figure_opens_down_the_org_tree_to_the_book_and_its_entries(town) {
        visitors(&town, "2026-03-10", 0, 10);
        visitors(&town, "2026-03-11", 1, 4);
        let leader = city_leader(&town);
        let days = "from=2026-03-01&to=2026-03-31";
        let parts = |at: &str| leader.get(&format!("/api/figures/market.visitors/breakdown?{at}&{days}")).expect(200).json();
        let part = |of: &str, key: &str, amount: i64| json!({ "of": of, "key": key, "amount": amount, "numerator": null, "denominator": null });
        assert_eq!(parts("unit=371400"), json!([part("unit", "371402", 10), part("unit", "371481", 4)]));
        assert_eq!(parts("unit=371402"), json!([part("unit", "beiyuan-market", 10)]));
        assert_eq!(parts("unit=beiyuan-market"), json!([part("book", "beiyuan", 10)]));
        assert_eq!(parts("book=beiyuan"), json!([part("book", "beiyuan", 10)]));
        let rates = leader.get(&format!("/api/figures/market.stalls.occupancy/breakdown?{days}")).expect(200).json();
        assert_eq!(rates[0]["numerator"], 2);
        leader.get(&format!("/api/figures/market.visitors?unit=371402&book=xihai&{days}")).expect(404);

        let leader = leader.with("accept", "text/html");
        let page = leader.get(&format!("/figures/market.visitors?{days}")).expect(200).text();
        assert!(page.contains("unit=371402") && page.contains("unit=371481"), "{page}");
        let page = leader.get(&format!("/figures/market.visitors?book=xihai&{days}")).expect(200).text();
        assert!(page.contains("/ledger/xihai/") && page.contains("#proof") && !page.contains("/ledger/beiyuan/"), "{page}");
        for table in ["course", "branches", "entries"] {
            let csv = leader.get(&format!("/figures/market.visitors?{days}&export=csv&table={table}")).expect(200);
            assert!(csv.header("content-type").starts_with("text/csv") && csv.text().contains("10"), "{table}: {}", csv.text());
            let xlsx = leader.get(&format!("/figures/market.visitors?{days}&export=xlsx&table={table}")).expect(200);
            assert!(xlsx.bytes.starts_with(b"PK"), "{table}");
        }
        let sales = leader.get(&format!("/figures/market.sales?{days}&export=csv&table=stall"));
        assert!(sales.expect(200).text().contains(','));
        leader.get(&format!("/figures/market.visitors?{days}&export=csv&table=nothing")).expect(404);
        leader.get(&format!("/figures/market.visitors?{days}&export=pdf&table=entries")).expect(400);
    }

    fn a_target_is_an_entry_and_shows_how_far_it_is_reached(town) {
        visitors(&town, "2026-03-10", 0, 40);
        visitors(&town, "2026-04-10", 0, 41);
        let (admin, leader, operator) = (town.program(User::Admin), town.program(User::Leader), town.program(User::Operator));
        let target = |unit: &str, amount: Value| json!({
            "figure": "market.visitors", "unit": unit, "from": "2026-01-01", "to": "2026-12-31", "amount": amount, "basis": "德政办〔2026〕1号" });
        let standing = |day: &str| {
            let path = format!("/api/figures/market.visitors/targets?unit=371402&from={day}&to={day}");
            leader.get(&path).expect(200).json()
        };
        assert_eq!(standing("2026-03-31"), json!([]));
        admin.post("/api/targets", &target("371402", json!(100))).expect(201);
        leader.post("/api/targets", &target("371402", json!(80))).expect(201);
        let found = standing("2026-03-31");
        assert_eq!((&found[0]["target"], &found[0]["amount"], &found[0]["until"]), (&json!(80), &json!(40), &json!("2026-03-31")));
        assert_eq!(found.as_array().unwrap().len(), 1, "a target of the same period takes the place of the one before");
        assert_eq!(standing("2026-04-30")[0]["amount"], 81);
        assert_eq!(standing("2027-01-01"), json!([]));
        let page = leader.with("accept", "text/html").get("/figures/market.visitors?unit=371402&from=2026-03-01&to=2026-03-31&lang=en");
        assert!(page.expect(200).text().contains("40 by 2026-03-31, 50.0% of the target"));

        let before = town.fingerprint();
        operator.post("/api/targets", &target("371402", json!(1))).expect(403);
        leader.post("/api/targets", &target("371400", json!(1))).expect(403);
        leader.post("/api/targets", &target("371481", json!(1))).expect(403);
        leader.post("/api/targets", &target("nowhere", json!(1))).expect(400);
        leader.post("/api/targets", &target("371402", json!(-1))).expect(400);
        let changed = |name: &str, value: Value| {
            let mut target = target("371402", json!(1));
            target[name] = value;
            target
        };
        for (name, value) in [("figure", json!("market.nothing")), ("basis", json!(" ")), ("to", json!("2025-12-31")), ("from", json!("1960-01-01"))] {
            leader.post("/api/targets", &changed(name, value)).expect(400);
        }
        leader.post("/api/targets", &json!({ "figure": "market.visitors", "unit": "371402", "from": "2026-02-01", "to": "2026-12-31", "amount": null, "basis": "x" })).expect(404);
        assert_eq!(town.fingerprint(), before, "a refusal changes nothing");

        // In the browser: with an error beside its field, then set, then lifted by leaving the amount empty.
        let browser = town.browser(User::Leader).with("accept", "text/html");
        let form = "/figures/market.stalls.occupancy/target?unit=371402";
        browser.get(form).expect(200);
        let fields = |amount| [("from", "2026-01-01"), ("to", "2026-12-31"), ("amount", amount), ("basis", "方案")];
        assert!(browser.post_form(form, &fields("九成")).expect(422).text().contains("九成"));
        browser.post_form(form, &fields("97.5")).expect(303);
        assert!(browser.get(form).expect(200).text().contains("97.50%"));
        browser.post_form(form, &fields("")).expect(303);
        assert!(!browser.get(form).expect(200).text().contains("97.50%"));
        browser.get("/figures/market.visitors/target?unit=371481").expect(403);
        town.check();
    }

    fn a_figure_says_where_it_comes_from_and_is_added_up_anew(town) {
        visitors(&town, "2026-03-10", 0, 10);
        visitors(&town, "2026-03-12", 0, 32);
        let leader = town.program(User::Leader);
        let days = "unit=371402&from=2026-03-01&to=2026-03-31";
        let told = leader.get(&format!("/api/figures/market.visitors/provenance?{days}")).expect(200).json();
        assert_eq!(told["definition"]["kinds"], json!(["market.footfall.counted"]));
        assert_eq!(told["any_of"], json!(["market.records.read", "kernel.figure.read"]));
        let anew = &told["recomputed"][0];
        assert_eq!((&anew["entries"], &anew["sum"], &anew["kept"], &anew["agrees"]), (&json!(2), &json!(42), &json!(42), &json!(true)));
        assert_eq!(told["books"][0]["book"], "beiyuan");
        let rate = leader.get(&format!("/api/figures/market.stalls.occupancy/provenance?{days}")).expect(200).json();
        assert_eq!(rate["recomputed"].as_array().unwrap().len(), 2);
        assert_eq!((&rate["recomputed"][0]["name"], &rate["recomputed"][0]["agrees"]), (&json!("market.stalls.leased"), &json!(true)));

        let page = leader.with("accept", "text/html");
        for figure in ["market.visitors", "market.stalls.occupancy", "market.sales.amount"] {
            let shown = page.get(&format!("/figures/{figure}/provenance?{days}&lang=en")).expect(200).text();
            assert!(shown.contains("Agrees: the entries add up") && shown.contains("/log/beiyuan/checkpoint"), "{figure}: {shown}");
        }
        town.program(User::Operator).get(&format!("/api/figures/market.visitors/provenance?{days}")).expect(403);
        town.program(User::Inspector).get(&format!("/api/figures/market.sales.amount/provenance?{days}")).expect(403);

        // A sum that somebody changed behind the ledger's back is told apart from what the entries say.
        let spoil = "update cell set amount = amount + 1 where figure = 'market.visitors' and dimension = ''";
        town.site.kernel.append_blocking(move |desk| { desk.aside(spoil, Vec::new()); Ok::<_, AppendError<()>>(()) }).unwrap();
        let told = leader.get("/api/figures/market.visitors/provenance?unit=371402&from=2026-03-10&to=2026-03-12").expect(200).json();
        let anew = &told["recomputed"][0];
        assert_eq!((&anew["sum"], &anew["kept"], &anew["agrees"]), (&json!(42), &json!(44), &json!(false)));
    }
}
