//! What stands counts, once and at its time: sales that are told late, markets that are amended, papers after an erasure.

use std::sync::Arc;

use harness::{Answer, Client, Ear, Engine, Recorder, Town, User, on_every_store, sale};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/market/beiyuan/entries";
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn dated(client: &Client, kind: &str, occurred: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "occurred": occurred, "body": body }))
}

/// The moment, of which a sale may be told later; another minute has begun then.
fn moment(town: &Town) -> String {
    let now = town.now();
    town.clock.advance_ms(MINUTE_MS);
    now
}

/// A scale that was cut off tells what it sold: what it broke.
fn broke(town: &Town, counter: u32, occurred: &str) -> Vec<(String, Value)> {
    let mut line = sale(counter, "L1", 100, occurred);
    line["offline"] = true.into();
    let receipt = town.scale(1).post("/scale/v1/sales", &json!({ "sales": [line] })).expect(200).json();
    assert_eq!(receipt["lines"][0]["outcome"], "recorded", "{receipt}");
    let all = town.program(User::Inspector).get("/api/market/beiyuan/breaches").expect(200).json();
    let of_sale = all.as_array().unwrap().iter().filter(|it| it["counter"] == counter);
    of_sale.map(|it| (it["breach"].as_str().unwrap().to_owned(), it["hold"].clone())).collect()
}

fn order() -> Value {
    json!({ "lot": "L1", "reason": "order", "inspection": null, "note": null })
}

fn figures(town: &Town) -> [i64; 4] {
    let leader = town.program(User::Leader);
    ["markets", "area", "stalls", "jobs"].map(|name| {
        let path = format!("/api/figures/market.{name}?unit=371402&from=2026-01-01&to=2026-12-31");
        leader.get(&path).expect(200).json()["amount"].as_i64().unwrap()
    })
}

fn market(title: &str, area_m2: i64) -> Value {
    json!({ "title_zh": title, "title_en": "Beiyuan", "area_m2": area_m2, "built": 1998, "slip_gtin": "06901234567892" })
}

fn stall(stall: &str, area_dm2: i64) -> Value {
    json!({ "stall": stall, "zone": "dry", "food": "cooked", "area_dm2": area_dm2 })
}

on_every_store! {
    fn a_sale_that_is_told_late_broke_the_hold_that_stood_when_it_was_made(town) {
        let inspector = town.program(User::Inspector);
        let before = moment(&town);
        let hold = record(&inspector, "market.lot.held", order()).expect(201).json()["entry"]["seq"].clone();
        let first = town.now();
        let during = moment(&town);
        let held = |seq: &Value| vec![("held_sale".to_owned(), seq.clone())];
        assert_eq!(broke(&town, 1, &before), [], "an honest sale before the hold, told while it stands");
        assert_eq!(broke(&town, 2, &first), held(&hold));
        let release = json!({ "lot": "L1", "hold": hold, "inspection": null, "reason": "解除" });
        // Dated back, it takes nothing back.
        dated(&inspector, "market.lot.released", &before, release).expect(201);
        let released = moment(&town);
        assert_eq!(broke(&town, 3, &during), held(&hold), "told after the release");
        assert_eq!(broke(&town, 4, &released), []);
        let between = moment(&town);
        let later = dated(&inspector, "market.lot.held", &before, order()).expect(201).json()["entry"]["seq"].clone();
        let again = moment(&town);
        assert_eq!(broke(&town, 5, &between), [], "nobody could go by a hold that is dated back");
        assert_eq!(broke(&town, 6, &again), held(&later));
        town.check();
    }

    fn a_sale_that_is_told_late_broke_the_verification_that_stood_when_it_was_made(town) {
        let operator = town.program(User::Operator);
        let verified = |until: &str| json!({ "scale": 1, "seal": "F2", "verified_until": until });
        record(&operator, "market.scale.verified", verified("2026-03-10")).expect(201);
        let in_time = moment(&town);
        town.clock.advance_ms(DAY_MS);
        let expired = moment(&town);
        // Dated back, it heals nothing.
        dated(&operator, "market.scale.verified", &in_time, verified("2027-03-10")).expect(201);
        let renewed = moment(&town);
        let broken = || vec![("expired_verification".to_owned(), Value::Null)];
        assert_eq!(broke(&town, 1, &in_time), []);
        assert_eq!(broke(&town, 2, &expired), broken(), "told after the renewal");
        assert_eq!(broke(&town, 3, &renewed), []);
        // Its seal is found broken: what it sold until then was lawful.
        record(&operator, "market.scale.verified", verified("2026-03-10")).expect(201);
        let ended = moment(&town);
        assert_eq!(broke(&town, 4, &renewed), []);
        assert_eq!(broke(&town, 5, &ended), broken());
        town.check();
    }

    fn a_sale_that_is_told_late_was_of_whoever_had_the_stall_when_it_was_made(town) {
        let operator = town.program(User::Operator);
        let let_to = |merchant: &str| {
            let body = json!({ "stall": "A1", "merchant": merchant, "from": "2026-03-10", "until": "2027-03-09", "fee_fen": 1 });
            record(&operator, "market.stall.leased", body).expect(201);
        };
        let ended = |merchant: &str| {
            let body = json!({ "stall": "A1", "merchant": merchant, "reason": "退租" });
            record(&operator, "market.lease.ended", body).expect(201);
        };
        let first = moment(&town);
        ended("m1");
        let idle = moment(&town);
        // What lies there is seen by whoever inspects, of the market and of the stall, also when the stall is another's.
        let inspector = town.program(User::Inspector).with("accept", "text/html");
        let seen = |query: &str| inspector.get(&format!("/market/beiyuan/inspect{query}")).expect(200).text().contains("?lot=L1\"");
        assert!(seen("") && seen("?stall=A1") && !seen("?stall=A2"));
        let_to("m2");
        assert!(seen(""));
        let second = moment(&town);
        let broken = || vec![("former_tenant".to_owned(), Value::Null)];
        assert_eq!(broke(&town, 1, &first), []);
        assert_eq!(broke(&town, 2, &idle), broken());
        assert_eq!(broke(&town, 3, &second), broken());
        ended("m2");
        let_to("m1");
        assert_eq!(broke(&town, 4, &moment(&town)), []);
        town.check();
    }

    fn a_market_or_a_stall_that_is_recorded_again_is_amended_and_counts_once(town) {
        let operator = town.program(User::Operator);
        assert_eq!(figures(&town), [1, 8_000, 2, 0]);
        record(&operator, "market.market.opened", market("北园市场", 8_000)).expect(201);
        record(&operator, "market.stall.opened", stall("A1", 600)).expect(201);
        assert_eq!(figures(&town), [1, 8_000, 2, 0]);
        // What was there before is not for the sender to say.
        let mut amended = market("北园农贸市场", 6_700);
        amended["before"] = json!({ "area_m2": 1 });
        let seq = record(&operator, "market.market.opened", amended).expect(201).json()["entry"]["seq"].clone();
        let mut new = stall("A9", 450);
        new["before"] = json!({ "area_dm2": 1 });
        record(&operator, "market.stall.opened", new).expect(201);
        assert_eq!(figures(&town), [1, 6_700, 3, 0]);
        let shown = operator.with("accept", "text/html").get(&format!("/ledger/beiyuan/{seq}")).expect(200).text();
        assert!(["更正前", "8,000 m²", "6,700 m²"].iter().all(|text| shown.contains(text)), "{shown}");
        let refused = dated(&operator, "market.market.opened", "2026-03-09T08:00:00+08:00", market("北园", 1));
        assert_eq!(refused.expect(400).json()["rule"], "past-time", "there was nothing to take from on that day");
        assert_eq!(figures(&town), [1, 6_700, 3, 0]);
        town.check();
    }

    fn a_stall_is_let_and_amended_from_its_opening_on(town) {
        let operator = town.program(User::Operator);
        record(&operator, "market.stall.opened", stall("A9", 450)).expect(201);
        let last_year = "2025-03-10T08:00:00+08:00";
        let lease = json!({ "stall": "A9", "merchant": "m1", "from": "2025-03-10", "until": "2027-03-09", "fee_fen": 1 });
        for (kind, body) in [("market.stall.leased", lease.clone()), ("market.stall.opened", stall("A9", 500))] {
            assert_eq!(dated(&operator, kind, last_year, body).expect(400).json()["rule"], "past-time", "{kind}");
        }
        record(&operator, "market.stall.leased", lease).expect(201);
        town.check();
    }

    fn no_day_has_fewer_jobs_than_none(town) {
        let operator = town.program(User::Operator);
        let change = |change: i64| json!({ "change": change, "reason": "招聘" });
        let refused = |answer: Answer, status: u16| answer.expect(status).json()["rule"].clone();
        assert_eq!(refused(record(&operator, "market.jobs.changed", change(-1)), 409), "too-few-jobs");
        record(&operator, "market.jobs.changed", change(12)).expect(201);
        let last_year = "2025-03-10T08:00:00+08:00";
        assert_eq!(refused(dated(&operator, "market.jobs.changed", last_year, change(-1)), 400), "past-time");
        dated(&operator, "market.jobs.changed", last_year, change(3)).expect(201);
        assert_eq!(refused(record(&operator, "market.jobs.changed", change(-16)), 409), "too-few-jobs");
        record(&operator, "market.jobs.changed", change(-15)).expect(201);
        assert_eq!(figures(&town)[3], 0);
        town.check();
    }

    fn a_paper_that_is_erased_takes_no_days_of_the_others_along(town) {
        let (operator, admin) = (town.program(User::Operator), town.program(User::Admin));
        let paper = |certificate: &str, until: &str| {
            let body = json!({ "merchant": "m1", "certificate": certificate, "number": "JY1", "until": until });
            record(&operator, "market.certificate.recorded", body).expect(201).json()["entry"]["seq"].clone()
        };
        let days = || {
            let merchant = town.site.kernel.read(|tx| line_market::state::merchant(tx, &town.book(), "m1")).unwrap().unwrap();
            [merchant.licence_until, merchant.food_until, merchant.health_until].map(|day| day.map(|day| day.to_string()))
        };
        let of = |days: [&str; 3]| days.map(|day| (!day.is_empty()).then(|| day.to_owned()));
        let erase = |seq: &Value| {
            let reason = json!({ "reason": "本人申请", "legal_basis": "个人信息保护法第四十七条" });
            admin.post(&format!("/api/ledger/beiyuan/{seq}/erase"), &reason).expect(201);
        };
        let licence = paper("licence", "2030-01-01");
        let old = paper("food_permit", "2026-02-01");
        let newer = paper("food_permit", "2029-02-13");
        paper("health", "2027-09-25");
        erase(&old);
        assert_eq!(days(), of(["2030-01-01", "2029-02-13", "2027-09-25"]));
        town.check();
        erase(&licence);
        erase(&newer);
        assert_eq!(days(), of(["", "", "2027-09-25"]), "of these no paper is left");
        town.check();
        let first = paper("food_permit", "2028-01-01");
        let second = paper("food_permit", "2031-01-01");
        erase(&second);
        assert_eq!(days(), of(["", "2028-01-01", "2027-09-25"]), "the paper before is on record");
        erase(&first);
        assert_eq!(days(), of(["", "", "2027-09-25"]));
        town.check();
    }
}

#[test]
fn a_connected_scale_sells_without_a_look_at_what_stood_before() {
    let place = Engine::Sqlite.place().unwrap();
    let ear = Ear::default();
    let store = Arc::new(Recorder::new(place.store(), ear.clone()));
    let town = Town::on_store(place, store);
    let scale = town.scale(1);
    let looks_back = |counter: u32, offline: bool| {
        let mut line = sale(counter, "L1", 100, &town.now());
        line["offline"] = offline.into();
        ear.take();
        scale.post("/scale/v1/sales", &json!({ "sales": [line] })).expect(200);
        ear.take().0.iter().any(|(sql, _)| sql.contains("released_seq from market_hold"))
    };
    assert!(!looks_back(1, false));
    assert!(looks_back(2, true));
}
