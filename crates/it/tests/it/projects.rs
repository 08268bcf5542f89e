//! Key projects: what is recorded, what is refused, and that every figure is a sum of entries on any day.

use harness::{Answer, Client, OFFICES, Town, User, on_every_store, project};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/projects/decheng-projects/entries";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn record_at(client: &Client, occurred: &str, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "occurred": occurred, "body": body }))
}

/// A figure of the county from the beginning of the year through a day; a ratio as a pair.
fn figure(town: &Town, name: &str, to: &str) -> (i64, Option<i64>) {
    figure_of(town, name, to, "")
}

fn figure_of(town: &Town, name: &str, to: &str, dimension: &str) -> (i64, Option<i64>) {
    let leader = town.program(User::Leader);
    let dimension = if dimension.is_empty() { String::new() } else { format!("&dimension={dimension}") };
    let path = format!("/api/figures/{name}?unit=371402&from=2026-01-01&to={to}{dimension}");
    let value = leader.get(&path).expect(200).json();
    match value["amount"].as_i64() {
        Some(amount) => (amount, None),
        None => (value["numerator"].as_i64().unwrap(), value["denominator"].as_i64()),
    }
}

/// What the entries behind a figure add up to.
fn behind(town: &Town, name: &str, to: &str) -> i64 {
    let leader = town.program(User::Leader);
    let path = format!("/api/figures/{name}/entries?unit=371402&from=2026-01-01&to={to}&count=200");
    let page = leader.get(&path).expect(200).json();
    assert_eq!(page["next"], Value::Null, "{page}");
    page["entries"].as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap()).sum()
}

/// A project of the first office with some members replaced.
fn changed(name: &str, members: Value) -> Value {
    let mut body = project(OFFICES[0], name);
    for (member, value) in members.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}

on_every_store! {
    fn a_project_goes_from_its_signing_to_producing_and_every_figure_is_a_sum_of_entries_on_any_day(town) {
        let planner = town.program(User::Planner);
        town.clock.set(base::Time::parse("2026-12-20T10:00:00+08:00").unwrap());
        let at = |day: &str| format!("2026-{day}T09:00:00+08:00");
        let month = |month: &str, yuan: i64| json!({ "month": month, "amount_fen": yuan * 100 });
        for (day, kind, body) in [
            ("03-11", "projects.project.registered", changed("road", json!({
                "code": "2603-371402-04-01-123456", "chain": null, "programme": "markets", "total_fen": 20_000_000_000_i64,
                "planned_start": "2026-04-10", "planned_finish": "2026-09-30", "newly_signed": true }))),
            ("03-12", "projects.investment.planned", json!({ "project": "road", "months": [month("2026-04", 100), month("2026-05", 300)] })),
            ("03-20", "projects.contract.signed", json!({ "project": "road", "contract": "C-1", "title": "路基", "party": "某路桥公司",
                "amount_fen": 900, "instalments": [{ "day": "2026-05-31", "amount_fen": 500 }] })),
            ("04-12", "projects.phase.changed", json!({ "project": "road", "to": "started" })),
            ("05-03", "projects.payment.made", json!({ "project": "road", "contract": "C-1", "amount_fen": 400 })),
            ("06-05", "projects.progress.reported", json!({ "project": "road", "percent_bp": 4_000 })),
            ("09-28", "projects.phase.changed", json!({ "project": "road", "to": "finished" })),
            ("10-08", "projects.phase.changed", json!({ "project": "road", "to": "producing" })),
        ] {
            record_at(&planner, &at(day), kind, body).expect(201);
        }
        // Reported in December, both count for their months.
        for (month, fen) in [("2026-04", 9_000), ("2026-05", 33_000)] {
            record(&planner, "projects.investment.made", json!({ "project": "road", "month": month, "amount_fen": fen })).expect(201);
        }
        let book = base::BookId::new("decheng-projects").unwrap();
        let today = base::Day::parse("2026-12-20").unwrap();
        let fallen = town.site.kernel.append_blocking::<_, _, ()>(move |desk| line_projects::fall_due(desk, &book, today)).unwrap();
        assert_eq!(fallen.len(), 1, "the start of the park: what fell due of the road was written with what came after");

        for (name, day, amount) in [
            ("projects.projects", "2026-03-10", 1),
            ("projects.projects", "2026-03-11", 2),
            ("projects.total", "2026-12-20", 70_000_000_000),
            ("projects.signed.large", "2026-12-20", 1),
            ("projects.signed.large.sum", "2026-12-20", 20_000_000_000),
            ("projects.start.due", "2026-03-30", 0),
            ("projects.start.due", "2026-03-31", 1),
            ("projects.start.due", "2026-04-10", 2),
            ("projects.started", "2026-04-11", 0),
            ("projects.started", "2026-04-12", 1),
            ("projects.under_way", "2026-09-27", 1),
            ("projects.under_way", "2026-09-28", 0),
            ("projects.finished", "2026-09-28", 1),
            ("projects.finish.due", "2026-09-29", 0),
            ("projects.producing", "2026-12-20", 1),
            ("projects.contracts.sum", "2026-12-20", 900),
            ("projects.invested", "2026-04-29", 0),
            ("projects.invested", "2026-04-30", 9_000),
            ("projects.invested", "2026-12-20", 42_000),
            ("projects.investment.due", "2026-04-29", 0),
            ("projects.investment.due", "2026-05-31", 40_000),
            ("projects.paid", "2026-12-20", 400),
            ("projects.reports", "2026-12-20", 1),
            ("projects.programmes.planned", "2026-12-20", 7_351_000_000),
        ] {
            assert_eq!(figure(&town, name, day), (amount, None), "{name} on {day}");
            assert_eq!(behind(&town, name, day), amount, "behind {name} on {day}");
        }
        for (name, day, parts) in [
            ("projects.start.rate", "2026-03-31", (0, 1)),
            ("projects.start.rate", "2026-04-12", (1, 2)),
            ("projects.finish.rate", "2026-09-30", (1, 1)),
            ("projects.invested.rate", "2026-05-31", (42_000, 40_000)),
        ] {
            assert_eq!(figure(&town, name, day), (parts.0, Some(parts.1)), "{name} on {day}");
        }
        for (name, dimension, amount) in [
            ("projects.projects", "phase=producing", 1),
            ("projects.projects", "chain=equipment", 1),
            ("projects.finished", "programme=markets", 1),
            ("projects.invested", "programme=markets", 42_000),
            ("projects.total", "industry=C24", 70_000_000_000),
        ] {
            assert_eq!(figure_of(&town, name, "2026-12-20", dimension), (amount, None), "{name} {dimension}");
        }
        town.check();
    }

    fn what_is_corrected_or_taken_back_contributes_negatively_and_stays(town) {
        let planner = town.program(User::Planner);
        let amend = |members: Value| {
            let mut body = json!({ "project": "park", "reason": "核实后更正" });
            for (member, value) in members.as_object().unwrap() {
                body[member] = value.clone();
            }
            record(&planner, "projects.project.amended", body)
        };
        let today = "2026-03-10";
        amend(json!({ "total_fen": 60_000_000_000_i64, "chain": "", "newly_signed": true })).expect(201);
        assert_eq!(figure(&town, "projects.total", today).0, 60_000_000_000);
        assert_eq!(figure(&town, "projects.signed.large.sum", today).0, 60_000_000_000);
        assert_eq!(figure_of(&town, "projects.projects", today, "chain=equipment").0, 0);
        amend(json!({ "chain": "equipment" })).expect(201);
        assert_eq!(figure_of(&town, "projects.projects", today, "chain=equipment").0, 1);

        record(&planner, "projects.phase.changed", json!({ "project": "park", "to": "started" })).expect(201);
        let back = json!({ "project": "park", "to": "signed" });
        assert_eq!(record(&planner, "projects.phase.changed", back).expect(400).json()["field"], "body.reason");
        record(&planner, "projects.phase.changed", json!({ "project": "park", "to": "signed", "reason": "开工手续未齐" })).expect(201);
        assert_eq!(figure(&town, "projects.started", today).0, 0);
        assert_eq!(behind(&town, "projects.started", today), 0);

        let invested = json!({ "project": "park", "month": "2026-02", "amount_fen": 5_000 });
        record(&planner, "projects.investment.made", invested).expect(400);
        let invested = json!({ "project": "park", "month": "2026-03", "amount_fen": 5_000 });
        let seq = record(&planner, "projects.investment.made", invested).expect(201).json()["entry"]["seq"].clone();
        let reverse = json!({ "entry": seq, "reason": "重复登记" });
        record(&planner, "projects.entry.reversed", reverse.clone()).expect(201);
        assert_eq!(figure(&town, "projects.invested", today).0, 0);
        assert_eq!(record(&planner, "projects.entry.reversed", reverse).expect(409).json()["rule"], "already-reversed");
        let account = planner.get("/api/projects/decheng-projects/projects/park").expect(200).json();
        assert_eq!(account["months"][0]["invested_fen"], 0, "{account}");

        let withdrawn = json!({ "project": "park", "reason": "投资方撤资" });
        record(&planner, "projects.project.withdrawn", withdrawn).expect(201);
        for name in ["projects.projects", "projects.total", "projects.signed.large"] {
            assert_eq!((figure(&town, name, today).0, behind(&town, name, today)), (0, 0), "{name}");
        }
        let report = json!({ "project": "park", "percent_bp": 100 });
        assert_eq!(record(&planner, "projects.progress.reported", report).expect(409).json()["rule"], "gone");
        town.check();
    }

    fn what_breaks_a_rule_is_refused_by_its_field_and_nothing_is_recorded(town) {
        let planner = town.program(User::Planner);
        record(&planner, "projects.progress.reported", json!({ "project": "park", "percent_bp": 3_000 })).expect(201);
        record(&planner, "projects.proxy.opened", json!({ "item": "I-1", "title": "施工许可", "enterprise": "某公司",
            "agent": "post:decheng-office/office" })).expect(201);
        let before = town.fingerprint();
        let registered = |members: Value| ("projects.project.registered", changed("p2", members));
        let report = |members: Value| ("projects.progress.reported", members);
        for ((kind, body), status, field, rule) in [
            (registered(json!({ "project": "a b" })), 400, "body.project", "body"),
            (registered(json!({ "project": "park" })), 409, "body.project", "exists"),
            (registered(json!({ "code": "2613-371402-04-01-123456" })), 400, "body.code", "body"),
            (registered(json!({ "code": "371402" })), 400, "body.code", "body"),
            (registered(json!({ "industry": "U01" })), 400, "body.industry", "body"),
            (registered(json!({ "chain": "none" })), 400, "body.chain", "unknown-chain"),
            (registered(json!({ "programme": "none" })), 400, "body.programme", "unknown-programme"),
            (registered(json!({ "total_fen": -1 })), 400, "body.total_fen", "body"),
            (registered(json!({ "total_fen": "26 亿" })), 400, "body.total_fen", "body"),
            (registered(json!({ "office": "post:decheng-office/team-1" })), 400, "body.office", "body"),
            (registered(json!({ "team": "account:somebody" })), 400, "body.team", "body"),
            (registered(json!({ "planned_finish": "2026-03-30" })), 400, "body.planned_finish", "body"),
            (registered(json!({ "phase": "planned", "newly_signed": true })), 400, "body.newly_signed", "body"),
            (registered(json!({ "phase": "roofing" })), 400, "body.phase", "body"),
            (registered(json!({ "site": { "unit": "371402", "address": "x", "position": { "lat_e7": 910_000_000, "lon_e7": 0 } } })),
                400, "body.site.position.lat_e7", "body"),
            (registered(json!({ "colour": "blue" })), 400, "body.colour", "body"),
            (("projects.phase.changed", json!({ "project": "park", "to": "signed" })), 409, "body.to", "same-phase"),
            (("projects.phase.changed", json!({ "project": "none", "to": "land" })), 400, "body.project", "unknown-project"),
            (("projects.project.accepted", json!({ "project": "park", "note": null })), 409, "body.project", "not-finished"),
            (("projects.project.due", json!({ "project": "park" })), 400, "kind", "unknown-kind"),
            (("projects.investment.planned", json!({ "project": "park", "months": [{ "month": "2026-02", "amount_fen": 1 }] })),
                409, "body.months[0].month", "month-closed"),
            (("projects.investment.planned", json!({ "project": "park", "months": [] })), 400, "body.months", "body"),
            (("projects.investment.planned", json!({ "project": "park", "months":
                [{ "month": "2026-05", "amount_fen": 1 }, { "month": "2026-04", "amount_fen": 1 }] })), 400, "body.months[1].month", "body"),
            (("projects.investment.made", json!({ "project": "park", "month": "2026-04", "amount_fen": 1 })), 400, "body.month", "month-ahead"),
            (("projects.payment.made", json!({ "project": "park", "contract": "C-9", "amount_fen": 1 })), 400, "body.contract", "unknown-contract"),
            (("projects.contract.signed", json!({ "project": "park", "contract": "C-1", "title": "x", "party": "x", "amount_fen": 10,
                "instalments": [{ "day": "2026-05-01", "amount_fen": 11 }] })), 400, "body.instalments", "body"),
            (report(json!({ "project": "park", "percent_bp": 2_000 })), 400, "body.note", "fall-without-note"),
            (report(json!({ "project": "park", "percent_bp": 10_001 })), 400, "body.percent_bp", "body"),
            (report(json!({ "project": "park" })), 400, "body.percent_bp", "body"),
            (("projects.visit.made", json!({ "to": "project", "place": "x", "by": "post:decheng-office/office", "settled": "x" })),
                400, "body.project", "body"),
            (("projects.proxy.opened", json!({ "item": "I-1", "title": "x", "enterprise": "x", "agent": "post:decheng-office/office" })),
                409, "body.item", "exists"),
            (("projects.proxy.done", json!({ "item": "I-2" })), 400, "body.item", "unknown-item"),
            (("projects.entry.reversed", json!({ "entry": 999, "reason": "x" })), 400, "body.entry", "unknown-entry"),
            (("projects.entry.reversed", json!({ "entry": 2, "reason": "x" })), 400, "body.entry", "not-reversible"),
        ] {
            let answer = record(&planner, kind, body.clone());
            let said = (answer.status, answer.json()["field"].clone(), answer.json()["rule"].clone());
            assert_eq!(said, (status, json!(field), json!(rule)), "{kind} {body}: {}", answer.text());
            assert!(answer.json()["detail_zh"].as_str().unwrap().chars().any(|c| c > '\u{4e00}'), "{}", answer.text());
        }
        let early = record_at(&planner, "2026-03-01T08:00:00+08:00", "projects.phase.changed", json!({ "project": "park", "to": "land" }));
        assert_eq!((early.status, &early.json()["rule"]), (400, &json!("too-early")));
        assert_eq!(town.fingerprint(), before);
    }

    fn a_team_acts_for_its_own_projects_and_sees_no_others(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        let other = changed("other", json!({ "team": "post:decheng-office/team-2" }));
        record(&planner, "projects.project.registered", other).expect(201);
        let before = town.fingerprint();
        let report = |project: &str| json!({ "project": project, "percent_bp": 500 });
        record(&team, "projects.progress.reported", report("other")).expect(403);
        record(&team, "projects.project.amended", json!({ "project": "park", "total_fen": 1, "reason": "x" })).expect(403);
        record(&team, "projects.entry.reversed", json!({ "entry": 0, "reason": "x" })).expect(403);
        team.get("/api/projects/decheng-projects/projects/other").expect(404);
        team.get("/api/projects/decheng-projects/visits").expect(403);
        team.get("/api/projects/leling-projects/projects").expect(403);
        assert_eq!(town.fingerprint(), before);
        record(&team, "projects.progress.reported", report("park")).expect(201);
        let seen = team.get("/api/projects/decheng-projects/projects").expect(200).json();
        let seen: Vec<&str> = seen.as_array().unwrap().iter().map(|it| it["project"].as_str().unwrap()).collect();
        assert_eq!(seen, ["park"]);
        team.get("/api/projects/decheng-projects/projects/park").expect(200);
    }

    fn a_retry_under_the_same_key_gets_the_first_answer(town) {
        let planner = town.program(User::Planner).with("idempotency-key", "a-visit");
        let visit = json!({ "to": "town", "place": "郑店镇", "by": "post:decheng-office/office", "settled": "协调用电" });
        let first = record(&planner, "projects.visit.made", visit.clone()).expect(201).json();
        assert_eq!(record(&planner, "projects.visit.made", visit).expect(201).json(), first);
        assert_eq!(figure_of(&town, "projects.visits", "2026-03-10", "to=town").0, 1);
    }
}
