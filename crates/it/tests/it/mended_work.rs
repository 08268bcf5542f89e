//! What stays in a frozen plan, who is left out of no count, what is owed again or no more, and whom a handover tells.

use base::{ActorId, Day, SubjectId};
use harness::{Answer, Client, OFFICES, User, freeze, on_every_store, project};
use kernel::ACTING_ASKED_MAX;
use kernel::notices::{Channel, ContactSet};
use matters::{MatterId, REVIEW_OVERDUE};
use serde_json::{Value, json};
use store::{Param, Value as Cell};

use crate::mended_plans::{PROJECTS, ROAD, record};
use crate::mended_projects::{hand_in, plant, step};

const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const DEPUTY: &str = "post:beiyuan-market/deputy";
const TEAM: &str = "post:decheng-office/team-1";
const OFFICE: &str = "post:decheng-office/office";
const DAY_MS: i64 = 24 * 3_600_000;

fn matter(name: &str) -> String {
    format!("/api/matters/decheng-projects/{name}")
}

fn register(planner: &Client, name: &str, phase: &str) {
    let mut body = project(OFFICES[0], name);
    body["phase"] = phase.into();
    record(planner, "projects.project.registered", body).expect(201);
}

/// What may be wrong about an answer that refuses: its field, its rule, and what it says in both languages.
fn refused(answer: Answer, status: u16) -> (Value, Value, String) {
    let said = answer.expect(status).json();
    (said["field"].clone(), said["rule"].clone(), format!("{} {}", said["detail_zh"], said["detail_en"]))
}

on_every_store! {
    fn what_a_baseline_froze_and_is_not_finished_is_taken_out_of_its_plan_by_the_office_alone(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        register(&planner, "road", "started");
        let plan = format!("{PROJECTS}/projects/road/plan");
        let take = |by: &Client, table: &str| by.post_bytes(&format!("{plan}?file=road.csv"), "application/octet-stream", table.as_bytes());
        let edit = |by: &Client, changes: Value| record(by, "projects.plan.edited", json!({ "project": "road", "changes": changes }));
        let remove = |code: &str| json!({ "what": "remove", "activity": code });
        let add = |code: &str| json!({ "what": "add", "activity": { "code": code, "name": "新增", "minutes": 480 } });
        take(&team, ROAD).expect(201);
        // Nothing is frozen yet.
        edit(&team, json!([add("C"), remove("B")])).expect(201);
        take(&team, ROAD).expect(201);
        freeze(&planner, OFFICES[0], "road").expect(201);
        let finish = || team.get(&plan).expect(200).json()["finish"].clone();
        let before = finish();
        let said = refused(edit(&team, json!([add("C"), remove("B")])), 409);
        assert_eq!((&said.0, &said.1), (&json!("body.changes[1].activity"), &json!("taken-out-by-office")));
        assert!(said.2.matches('B').count() >= 2, "{}", said.2);
        let said = refused(take(&team, "编号,名称,工期,紧前工作\nA,路基,20d,\n"), 409);
        assert_eq!((&said.0, &said.1), (&json!("file"), &json!("taken-out-by-office")));
        assert_eq!(finish(), before);
        // How long it takes, and what it waits for, is the team's own forecast; what was never frozen comes and goes.
        edit(&team, json!([{ "what": "duration", "activity": "B", "minutes": 4_800 }])).expect(201);
        edit(&team, json!([{ "what": "unlink", "from": "A", "to": "B", "kind": "FS" }])).expect(201);
        edit(&team, json!([remove("B"), add("B"), add("C")])).expect(201);
        edit(&team, json!([remove("C")])).expect(201);
        // What is done is looked forward to no more.
        record(&team, "projects.progress.reported", json!({ "project": "road", "activity": "A", "percent_bp": 10_000 })).expect(201);
        edit(&team, json!([remove("A")])).expect(201);
        edit(&planner, json!([add("C"), remove("B")])).expect(201);
        town.check();
    }

    fn a_post_whose_grants_are_not_all_read_comes_to_help_by_its_reviewer_alone(town) {
        let (clerk, manager) = (town.holder("zhao", &[CLERK]), town.holder("wei", &[MANAGER]));
        town.holder("qian", &[DEPUTY]);
        let task = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": CLERK, "reviewer": MANAGER,
            "due": { "by": "on", "day": "2026-06-20" } });
        manager.post("/api/matters/beiyuan", &task).expect(201);
        let help = json!({ "verb": "helper_added", "helper": DEPUTY });
        // Of another line: none of them counts, and those that do may stand behind them.
        for at in 0..ACTING_ASKED_MAX {
            let cells = [Cell::Text(format!("account:a{at}")), Cell::Int(1_000_000), Cell::Text(DEPUTY.into())];
            plant(&town, "insert into access_grant (grantee, seq, role, unit, line, subject) values ($1, $2, 'team', 'beiyuan-market', 'projects', $3)", &cells);
        }
        let said = refused(step(&clerk, "/api/matters/beiyuan/task-drain", help.clone()), 400);
        assert_eq!(said.0, "helper", "{}", said.2);
        assert!(said.2.matches("200").count() == 2, "{}", said.2);
        step(&manager, "/api/matters/beiyuan/task-drain", help).expect(201);
        plant(&town, "delete from access_grant where seq = 1000000", &[]);
        town.check();
    }

    fn a_project_registered_as_finished_that_is_returned_was_started_by_then(town) {
        let planner = town.program(User::Planner);
        register(&planner, "road", "finished");
        let phases = || planner.get(&format!("{PROJECTS}/projects/road")).expect(200).json()["phases"].clone();
        let at = phases()[0]["at"].clone();
        let (team, office) = (town.holder("zhao", &[TEAM]), town.holder("li", &[OFFICE]));
        town.clock.advance_ms(3_600_000);
        step(&team, &matter("project.road"), json!({ "verb": "taken", "by": TEAM })).expect(201);
        hand_in(&town, &team, &matter("project.road"), TEAM).expect(201);
        step(&office, &matter("project.road"), json!({ "verb": "returned", "reason": "尚未完工" })).expect(201);
        let now = phases();
        let reached: Vec<_> = now.as_array().unwrap().iter().map(|it| (&it["phase"], &it["at"])).collect();
        assert_eq!(reached, [(&json!("started"), &at)], "{now}");
        // The office takes another back to where it never was said to be.
        record(&planner, "projects.phase.changed", json!({ "project": "park", "to": "finished" })).expect(201);
        record(&planner, "projects.phase.changed", json!({ "project": "park", "to": "started", "reason": "误报" })).expect(201);
        let park = planner.get(&format!("{PROJECTS}/projects/park")).expect(200).json();
        assert!(park["phases"].as_array().unwrap().iter().any(|it| it["phase"] == "started"), "{park}");
        town.check();
    }

    fn nothing_is_owed_again_for_a_project_that_ended(town) {
        let planner = town.program(User::Planner);
        let (team, office) = (town.holder("zhao", &[TEAM]), town.holder("li", &[OFFICE]));
        let cancel = |name: &str| {
            step(&office, &matter(name), json!({ "verb": "cancelled", "reason": "不再需要", "approver": OFFICE })).expect(201);
        };
        let reopen = |name: &str| {
            let due = json!({ "by": "on", "day": "2026-06-30" });
            step(&office, &matter(name), json!({ "verb": "reopened", "reason": "重办", "approver": OFFICE, "due": due }))
        };
        for name in ["road", "gate"] {
            register(&planner, name, "finished");
            let set = json!({ "project": name, "milestone": "M-1", "title": "设备进场", "due": "2026-05-05" });
            record(&planner, "projects.milestone.set", set).expect(201);
            cancel(&format!("milestone.{name}.M-1"));
        }
        reopen("milestone.road.M-1").expect(201);
        cancel("milestone.road.M-1");
        cancel("project.road");
        let said = refused(reopen("milestone.road.M-1"), 409);
        assert!(said.1 == "line" && said.2.contains("已退出清单") && said.2.contains("left the list"), "{}", said.2);
        step(&team, &matter("project.gate"), json!({ "verb": "taken", "by": TEAM })).expect(201);
        hand_in(&town, &team, &matter("project.gate"), TEAM).expect(201);
        step(&office, &matter("project.gate"), json!({ "verb": "accepted" })).expect(201);
        let said = refused(reopen("milestone.gate.M-1"), 409);
        assert!(said.1 == "line" && said.2.contains("已办结") && said.2.contains("was accepted"), "{}", said.2);
        reopen("project.gate").expect(201);
        reopen("milestone.gate.M-1").expect(201);
        town.check();
    }

    fn whoever_reviews_from_a_handover_on_is_told_and_has_as_long_as_another(town) {
        const DIRECTOR: &str = "post:beiyuan-market/director";
        let path = "/api/matters/beiyuan/task-drain";
        let (clerk, manager) = (town.holder("zhao", &[CLERK]), town.holder("wei", &[MANAGER]));
        town.holder("qian", &[DEPUTY]);
        town.holder("sun", &[DIRECTOR]);
        let (by, director) = (ActorId::new("system:test").unwrap(), SubjectId::new(DIRECTOR).unwrap());
        let contact = ContactSet { post: director, channel: Channel::Email, address: "chief@example.cn".into() };
        town.site.kernel.set_contact(&by, contact).unwrap();
        let told = || {
            let sql = "select what from outbox where post = $1 order by enqueued";
            let rows = town.site.kernel.read(|tx| tx.query(sql, &[Param::Text(DIRECTOR)])).unwrap();
            rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect::<Vec<_>>()
        };
        let stands = || {
            town.settle();
            let id = MatterId::local(&town.book(), "task-drain").unwrap();
            town.site.kernel.matter(&id).unwrap().expect("the matter is there")
        };
        let task = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": CLERK, "reviewer": MANAGER,
            "due": { "by": "on", "day": "2026-06-20" } });
        manager.post("/api/matters/beiyuan", &task).expect(201);
        step(&clerk, path, json!({ "verb": "taken", "by": CLERK })).expect(201);
        hand_in(&town, &clerk, path, CLERK).expect(201);
        town.clock.advance_ms(8 * DAY_MS);
        assert!(stands().fired.contains(&REVIEW_OVERDUE) && told().is_empty());
        let over = json!({ "verb": "handed_over", "to": DEPUTY, "reviewer": DIRECTOR, "reason": "分工调整" });
        step(&town.holder_again("wei"), path, over).expect(201);
        assert_eq!(told(), ["submitted"]);
        assert!(!stands().fired.contains(&REVIEW_OVERDUE));
        town.clock.advance_ms(4 * DAY_MS);
        assert!(!stands().fired.contains(&REVIEW_OVERDUE), "not five workdays yet");
        town.clock.advance_ms(4 * DAY_MS);
        assert!(stands().fired.contains(&REVIEW_OVERDUE));
        assert_eq!(told(), ["submitted", "escalated"]);
        assert_eq!(stands().submission.map(|it| town.site.kernel.zone().day_of(it.at)), Day::parse("2026-03-10").ok());
        town.check();
    }

    fn assistance_is_taken_back_once_nobody_owes_a_measure_of_it(town) {
        let planner = town.program(User::Planner);
        let office = town.holder("li", &[OFFICE]);
        let assist = |plan: &str| {
            let body = json!({ "plan": plan, "project": "park", "title": "一企一策", "enterprise": "某公司", "office": OFFICE,
                "measures": [{ "title": "协调用电", "owner": TEAM, "due": "2026-06-20" }] });
            record(&planner, "projects.assistance.planned", body)
        };
        let seq = assist("p-1").expect(201).json()["entry"]["seq"].clone();
        let take_back = || record(&planner, "projects.entry.reversed", json!({ "entry": seq, "reason": "误登" }));
        let said = refused(take_back(), 409);
        assert_eq!((&said.0, &said.1), (&json!("body.entry"), &json!("measures-owed")));
        assert!(said.2.matches("measure.p-1.1").count() == 2, "{}", said.2);
        let end = json!({ "verb": "cancelled", "reason": "误登", "approver": OFFICE });
        step(&office, &matter("measure.p-1.1"), end).expect(201);
        take_back().expect(201);
        let said = refused(assist("p-1"), 409);
        assert_eq!((&said.0, &said.1), (&json!("body.plan"), &json!("exists")));
        assert!(said.2.contains("另用编号") && said.2.contains("another code"), "{}", said.2);
        assist("p-2").expect(201);
        town.check();
    }
}
