//! The fixture of a release: a small town with entries of most kinds, as this version writes them, on both databases.
//!
//! `cargo xtask fixture NAME` runs it. Every later version has to open what it leaves (`it/upgrade.rs`).

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use harness::{Client, Engine, Town, User, sale};
use serde_json::{Map, Value, json};

fn main() {
    let to = std::env::args().nth(1).expect("the folder of the fixture");
    let to = Path::new(&to);
    std::fs::create_dir_all(to).unwrap();
    let mut said = Vec::new();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let town = Town::on(engine.place().expect("both databases are here"));
        a_day_on_the_market(&town);
        a_spring_of_a_project(&town);
        town.check();
        let figures = figures(&town);
        let book = |(book, size, root)| json!({ "book": book, "size": size, "root": root });
        let books: Vec<Value> = town.fingerprint().into_iter().map(book).collect();
        said.push(json!({ "now": town.now(), "books": books, "figures": figures }));
        keep(town, to);
    }
    assert_eq!(said[0]["figures"], said[1]["figures"], "both databases say the same");
    std::fs::write(to.join("recorded.json"), format!("{:#}\n", said[0])).unwrap();
}

/// Leaves the database as one compressed file.
fn keep(town: Town, to: &Path) {
    let place = town.close();
    let file = match place.engine {
        Engine::Sqlite => {
            let file = to.join("taizhang.db");
            place.store().backup(&file).unwrap();
            file
        }
        Engine::Postgres => {
            let file = to.join("taizhang.sql");
            let mut dump = Command::new("pg_dump");
            dump.args(["--no-owner", "--no-privileges", "--file"]).arg(&file);
            dump.arg(place.database_url.as_ref().unwrap());
            assert!(dump.status().unwrap().success());
            file
        }
    };
    assert!(Command::new("gzip").args(["-9nf"]).arg(file).status().unwrap().success());
}

/// Every figure of the county in the year that is not nothing, as the API tells it.
fn figures(town: &Town) -> Value {
    let leader = town.program(User::Leader);
    let mut all = Map::new();
    for figure in leader.get("/api/figures").expect(200).json().as_array().unwrap() {
        let name = figure["name"].as_str().unwrap();
        let answer = leader.get(&format!("/api/figures/{name}?unit=371402&from=2026-01-01&to=2026-12-31"));
        if answer.status != 200 {
            continue;
        }
        let value = answer.json();
        let members = ["amount", "numerator", "denominator"].into_iter();
        let kept: Map<String, Value> = members
            .filter(|member| value[*member].is_i64())
            .map(|member| (member.to_owned(), value[member].clone()))
            .collect();
        if kept.values().any(|amount| *amount != json!(0)) {
            all.insert(name.to_owned(), Value::Object(kept));
        }
    }
    Value::Object(all)
}

/// A lot is sold, split, carried over and lost, fails its test, is recalled, passes it and is released; money, visitors,
/// papers, a complaint that is erased, an event of a wholesaler.
fn a_day_on_the_market(town: &Town) {
    let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
    let record = |client: &Client, kind: &str, body: Value| {
        let input = json!({ "kind": kind, "body": body });
        client.post("/api/market/beiyuan/entries", &input).expect(201).json()
    };
    let seq = |recorded: &Value| recorded["entry"]["seq"].as_u64().unwrap();
    for (kind, body) in [
        (
            "market.certificate.recorded",
            json!({ "merchant": "m1", "certificate": "health", "number": "JK-1", "until": "2026-12-20" }),
        ),
        ("market.jobs.changed", json!({ "change": 12, "reason": "开业" })),
        (
            "market.fee.charged",
            json!({ "stall": "A1", "month": "2026-03", "amount_fen": 60_000, "note": null }),
        ),
        ("market.fee.paid", json!({ "stall": "A1", "month": "2026-03", "amount_fen": 50_000 })),
        ("market.cleaning.done", json!({ "area": "蔬菜区", "note": null })),
        ("market.footfall.counted", json!({ "gate": "south", "visitors": 2_400 })),
        ("market.lot.received", town.lot("L9", 20_000)),
        (
            "market.lot.split",
            json!({ "lot": "L9", "parts": [{ "lot": "L9a", "quantity_g": 4_000 }, { "lot": "L9b", "quantity_g": 3_000 }] }),
        ),
        (
            "market.lot.transferred",
            json!({ "lot": "L9a", "new_lot": "L9c", "to_stall": "A2", "to_merchant": "m2", "quantity_g": 1_000 }),
        ),
        ("market.lot.lost", json!({ "lot": "L9b", "quantity_g": 500, "reason": "spoiled", "note": null })),
    ] {
        record(&operator, kind, body);
    }

    let scale = town.program(User::Scale);
    let lot = |counter: u32| if counter.is_multiple_of(2) { "L9" } else { "L1" };
    let lines: Vec<Value> = (1..=20).map(|n| sale(n, lot(n), 100 * i64::from(n), &town.now())).collect();
    let sold = scale.post("/scale/v1/sales", &json!({ "sales": lines })).expect(200).json();
    let complaint =
        json!({ "slip": sold["lines"][1]["slip"], "text": "缺斤少两", "contact": null, "fair_scale_g": 180 });
    let complaint = seq(&record(&inspector, "market.complaint.filed", complaint));
    let settled =
        json!({ "complaint": complaint, "outcome": "dismissed", "refund_fen": 0, "text": "复秤相符" });
    record(&operator, "market.complaint.settled", settled);

    let test = |verdict: &str| {
        json!({ "lot": "L9", "method": "enzyme-inhibition", "item": "organophosphate", "reading": "71 %", "limit": "50 %",
            "verdict": verdict, "retest_of": null })
    };
    let failed = record(&inspector, "market.inspection.recorded", test("fail"));
    let hold = failed["holds"][0]["seq"].clone();
    town.clock.advance_ms(2_300);
    scale.post("/scale/v1/acks", &json!({ "holds": [hold] })).expect(200);
    let mut offline = sale(21, "L9", 100, &town.now());
    offline["offline"] = true.into();
    scale.post("/scale/v1/sales", &json!({ "sales": [offline] })).expect(200);
    let notice = json!({ "lot": "L9", "hold": hold, "notice_zh": "请勿食用", "notice_en": "Do not eat it." });
    record(&inspector, "market.recall.opened", notice);
    town.clock.advance_ms(3_600_000);
    let passed = seq(&record(&inspector, "market.inspection.recorded", test("pass")));
    let release = json!({ "lot": "L9", "hold": hold, "inspection": passed, "reason": "复检合格" });
    record(&inspector, "market.lot.released", release);

    let document = json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "EPCISDocument",
        "schemaVersion": "2.0", "creationDate": town.now(), "epcisBody": { "eventList": [{
            "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "shipping", "eventTime": "2026-03-01T08:00:00+08:00",
            "eventTimeZoneOffset": "+08:00", "epcList": ["urn:epc:id:sgtin:0614141.112345.1"] }] },
    });
    let supplier = town.program(User::Supplier);
    supplier.post_bytes("/epcis/capture", "application/ld+json", document.to_string().as_bytes()).expect(202);

    let erasure = json!({ "reason": "当事人申请", "legal_basis": "个人信息保护法第四十七条" });
    town.program(User::Admin).post(&format!("/api/ledger/beiyuan/{complaint}/erase"), &erasure);
    // Somebody who can sign in where the fixture is opened.
    town.account(User::Admin);
}

/// A project starts, is invested in and reported of; a permit runs late and turns red, what hinders it is put away; a target,
/// and a query that is kept.
fn a_spring_of_a_project(town: &Town) {
    let (planner, team) = (town.program(User::Planner), town.program(User::Team));
    let record = |client: &Client, kind: &str, mut body: Value| {
        body["project"] = json!("park");
        let input = json!({ "kind": kind, "body": body });
        client.post("/api/projects/decheng-projects/entries", &input).expect(201).json()
    };
    let invested = json!({ "month": "2026-03", "amount_fen": 5_000 });
    let twice = record(&planner, "projects.investment.made", invested.clone());
    record(&planner, "projects.investment.made", invested);
    let reversed = json!({ "kind": "projects.entry.reversed",
        "body": { "entry": twice["entry"]["seq"], "reason": "重复登记" } });
    planner.post("/api/projects/decheng-projects/entries", &reversed).expect(201);
    record(&team, "projects.phase.changed", json!({ "to": "started" }));
    record(&team, "projects.progress.reported", json!({ "percent_bp": 1_000 }));
    record(
        &planner,
        "projects.contract.signed",
        json!({ "contract": "C-1", "title": "路基", "party": "某路桥公司", "amount_fen": 900,
            "instalments": [{ "day": "2026-06-10", "amount_fen": 500 }] }),
    );
    record(&planner, "projects.payment.made", json!({ "contract": "C-1", "amount_fen": 500 }));
    record(
        &planner,
        "projects.milestone.set",
        json!({ "milestone": "M-1", "title": "设备进场", "due": "2026-05-05" }),
    );
    record(
        &planner,
        "projects.permit.applied",
        json!({ "permit": "P-1", "title": "建筑工程施工许可证", "bureau": "post:decheng-office/team-2",
            "agent": "post:decheng-office/office", "term_workdays": 5 }),
    );
    record(
        &team,
        "projects.blocker.raised",
        json!({ "blocker": "B-1", "title": "高压线未迁改", "note": null, "owner": "post:decheng-office/team-2",
            "due": "2026-04-30" }),
    );
    town.settle();
    // Past the permit's term: yellow, red, and the first levels of the ladder.
    town.clock.advance_ms(9 * 24 * 3_600_000);
    town.settle();
    let target = json!({ "figure": "market.visitors", "unit": "371402", "from": "2026-01-01", "to": "2026-12-31",
        "amount": 80_000, "basis": "德政办〔2026〕1号" });
    town.program(User::Leader).post("/api/targets", &target).expect(201);
    let query = json!({ "name": "出库", "query": { "EQ_bizStep": ["shipping"] } });
    town.program(User::Supplier).post("/epcis/queries", &query).expect(201);
}
