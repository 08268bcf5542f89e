//! What is known of requests, sessions and tasks, and by what a team is judged, tested as it was found.

use base::AccountId;
use harness::{Answer, Client, OFFICES, Town, User, freeze, on_every_store, project};
use kernel::{AdminError, AppendError, Session};
use serde_json::{Value, json};
use store::Param;

use crate::breach::give;
use crate::mended_plans::{PROJECTS, ROAD, record};
use crate::mended_projects::step;

const CLERK: &str = "post:beiyuan-market/clerk";
const MANAGER: &str = "post:beiyuan-market/manager";
const DEPUTY: &str = "post:beiyuan-market/deputy";
const DIRECTOR: &str = "post:beiyuan-market/director";
const TEAM: &str = "post:decheng-office/team-1";
const OFFICE: &str = "post:decheng-office/office";
const MINUTE_MS: i64 = 60_000;

fn said(answer: Answer, status: u16) -> (Value, Value) {
    let said = answer.expect(status).json();
    (said["field"].clone(), said["rule"].clone())
}

fn of(field: &str, rule: &str) -> (Value, Value) {
    (json!(field), json!(rule))
}

/// A project under way with a plan that is frozen.
fn frozen(planner: &Client, team: &Client, name: &str) {
    let mut body = project(OFFICES[0], name);
    body["phase"] = "started".into();
    record(planner, "projects.project.registered", body).expect(201);
    let plan = format!("{PROJECTS}/projects/{name}/plan?file=road.csv");
    team.post_bytes(&plan, "application/octet-stream", ROAD.as_bytes()).expect(201);
    freeze(planner, OFFICES[0], name).expect(201);
}

fn session_of(town: &Town, name: &str) -> (Session, String) {
    let opened = town.site.kernel.sign_in(name, harness::PASSWORD).unwrap().session().unwrap();
    (opened.session, opened.cookie_value)
}

on_every_store! {
    fn whoever_keeps_the_list_sets_nothing_by_which_their_own_team_is_judged(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        frozen(&planner, &team, "road");
        let contract = json!({ "project": "road", "contract": "C-1", "title": "施工", "party": "某公司", "amount_fen": 200_000 });
        let signed = record(&planner, "projects.contract.signed", contract).expect(201).json()["entry"]["seq"].clone();
        // One holds the team's post, the other was let in on its behalf.
        town.holder("zhao", &[TEAM]);
        give(&town, "zhao", "planner", "decheng-office", Some("projects"));
        let own = town.holder_again("zhao");
        let version = own.get(&format!("{PROJECTS}/projects/road/plan")).expect(200).json()["source"]["version"].clone();
        let asked = [
            ("projects.plan.edited", json!({ "changes": [{ "what": "remove", "activity": "B" }] }), "body.changes[0].activity"),
            ("projects.plan.baselined", json!({ "title": "调整", "version": version }), "body.project"),
            ("projects.plan.deadline_set", json!({ "deadline": "2027-12-31", "backward": false }), "body.project"),
            ("projects.project.amended", json!({ "planned_start": "2026-03-20", "reason": "核实后更正" }), "body.planned_start"),
            ("projects.phase.changed", json!({ "to": "signed", "reason": "误报" }), "body.to"),
            ("projects.investment.planned", json!({ "months": [{ "month": "2026-04", "amount_fen": 1 }] }), "body.project"),
        ];
        let ask = |by: &Client, kind: &str, body: &Value| {
            let mut body = body.clone();
            body["project"] = "road".into();
            record(by, kind, body)
        };
        let before = town.fingerprint();
        for (kind, body, field) in &asked {
            assert_eq!(said(ask(&own, kind, body), 409), of(field, "own-project"), "{kind}");
        }
        let reversal = json!({ "entry": signed, "reason": "误登" });
        assert_eq!(said(record(&own, "projects.entry.reversed", reversal.clone()), 409), of("body.entry", "own-project"));
        assert_eq!(town.fingerprint(), before);
        // Of other projects it is the office, and of its own the team.
        frozen(&planner, &team, "gate");
        record(&own, "projects.progress.reported", json!({ "project": "road", "activity": "A", "percent_bp": 100 })).expect(201);
        record(&own, "projects.project.amended", json!({ "project": "road", "total_fen": 10_000_000, "reason": "核实后更正" })).expect(201);
        for (kind, body, _) in asked.iter().filter(|(kind, ..)| *kind != "projects.plan.baselined") {
            ask(&planner, kind, body).expect(201);
        }
        record(&planner, "projects.entry.reversed", reversal).expect(201);
        town.check();
    }

    fn what_left_a_frozen_plan_as_done_is_not_told_to_be_undone(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        frozen(&planner, &team, "road");
        let report = |by: &Client, percent: i64| {
            let body = json!({ "project": "road", "activity": "A", "percent_bp": percent, "note": "误报" });
            record(by, "projects.progress.reported", body)
        };
        let edit = |change: Value| record(&team, "projects.plan.edited", json!({ "project": "road", "changes": [change] }));
        report(&team, 10_000).expect(201);
        edit(json!({ "what": "remove", "activity": "A" })).expect(201);
        let before = town.fingerprint();
        for by in [&team, &planner] {
            assert_eq!(said(report(by, 0), 409), of("body.activity", "taken-out-by-office"));
        }
        assert_eq!(town.fingerprint(), before);
        report(&team, 10_000).expect(201);
        // Back in the plan, it counts in the forecast as well.
        edit(json!({ "what": "add", "activity": { "code": "A", "name": "路基", "minutes": 9_600 } })).expect(201);
        report(&team, 0).expect(201);
        let once_more = edit(json!({ "what": "remove", "activity": "A" }));
        assert_eq!(said(once_more, 409).1, "taken-out-by-office");
        town.check();
    }

    fn no_measure_is_owed_again_under_a_plan_that_was_taken_back(town) {
        let planner = town.program(User::Planner);
        let office = town.holder("li", &[OFFICE]);
        let assist = |plan: &str| {
            let body = json!({ "plan": plan, "title": "一企一策", "enterprise": "某公司", "office": OFFICE,
                "measures": [{ "title": "协调用电", "owner": TEAM, "due": "2026-06-20" }] });
            let seq = record(&planner, "projects.assistance.planned", body).expect(201).json()["entry"]["seq"].clone();
            let end = json!({ "verb": "cancelled", "reason": "误登", "approver": OFFICE });
            step(&office, &format!("/api/matters/decheng-projects/measure.{plan}.1"), end).expect(201);
            seq
        };
        let reopen = |plan: &str| {
            let due = json!({ "by": "on", "day": "2026-06-30" });
            let move_ = json!({ "verb": "reopened", "reason": "重办", "approver": OFFICE, "due": due });
            step(&office, &format!("/api/matters/decheng-projects/measure.{plan}.1"), move_)
        };
        let taken_back = assist("p-1");
        assist("p-2");
        record(&planner, "projects.entry.reversed", json!({ "entry": taken_back, "reason": "误登" })).expect(201);
        let refused = reopen("p-1").expect(409).json();
        assert!(refused["detail_zh"].as_str().unwrap().contains("已冲正"), "{refused}");
        reopen("p-2").expect(201);
        town.check();
    }

    fn one_reviewer_fills_no_posts_room_for_tasks_by_naming_it_as_a_helper(town) {
        let manager = town.holder("wei", &[MANAGER]);
        let other = town.holder("li", &[DEPUTY]);
        town.holder("zhang", &[CLERK]);
        town.holder("qian", &[DIRECTOR]);
        let give = |by: &Client, number: usize, (owner, helpers): (&str, Value), reviewer: &str| {
            let task = json!({ "name": format!("task-{number}"), "title": "清扫", "owner": owner, "helpers": helpers,
                "reviewer": reviewer, "due": { "by": "on", "day": "2026-06-20" } });
            by.post("/api/matters/beiyuan", &task)
        };
        for number in 0..100 {
            give(&manager, number, (CLERK, json!([DIRECTOR])), MANAGER).expect(201);
        }
        assert_eq!(said(give(&manager, 100, (DEPUTY, json!([DIRECTOR])), MANAGER), 409).1, "too-many-tasks");
        assert_eq!(said(give(&manager, 100, (DIRECTOR, json!([])), MANAGER), 409).1, "too-many-tasks");
        give(&manager, 100, (DEPUTY, json!([])), MANAGER).expect(201);
        let help = json!({ "verb": "helper_added", "helper": DIRECTOR });
        assert_eq!(said(step(&manager, "/api/matters/beiyuan/task-100", help), 409).1, "too-many-tasks");
        // There is room for what others give it.
        give(&other, 101, (CLERK, json!([DIRECTOR])), DEPUTY).expect(201);
        town.check();
    }

    fn what_was_asked_is_not_found_by_trying_at_what_is_kept_of_it(town) {
        let operator = town.program(User::Operator);
        let file = |key: &str, text: &str| {
            let body = json!({ "slip": null, "text": text, "contact": null, "fair_scale_g": null });
            let entry = json!({ "kind": "market.complaint.filed", "body": body });
            operator.with("idempotency-key", key).post("/api/market/beiyuan/entries", &entry)
        };
        let first = file("k1", "缺斤少两").expect(201).json();
        file("k2", "缺斤少两").expect(201);
        assert_eq!(file("k1", "缺斤少两").expect(201).json(), first);
        let before = town.fingerprint();
        assert_eq!(said(file("k1", "态度恶劣"), 409).1, "idempotency-key");
        assert_eq!(town.fingerprint(), before);
        let sql = "select key, digest from answered where book = $1 and actor like 'token:%'";
        let rows = town.site.kernel.read(|tx| tx.query(sql, &[Param::Text("beiyuan")])).unwrap();
        let kept: Vec<(&str, &str)> = rows.iter().map(|row| (row.text(0).unwrap(), row.text(1).unwrap())).collect();
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert!(kept.iter().all(|(key, _)| key.len() == 64), "a key may be made of what was asked: {kept:?}");
        assert_ne!(kept[0].1, kept[1].1, "the same text leaves another trace each time");
        town.check();
    }

    fn a_wall_that_is_looked_at_keeps_no_session_alive(town) {
        let browser = town.browser(User::Leader).with("accept", "text/html");
        for _ in 0..3 {
            town.clock.advance_ms(39 * MINUTE_MS);
            // As a browser without a script asks each minute.
            browser.get("/wall/371402").expect(200);
        }
        town.clock.advance_ms(4 * MINUTE_MS);
        let address = browser.get("/wall/371402").expect(303);
        assert!(address.header("location").starts_with("/sign-in?next="), "{}", address.header("location"));
    }

    fn a_session_that_ended_while_the_password_was_looked_at_changes_nothing(town) {
        town.holder("wei", &[MANAGER]);
        let kernel = &town.site.kernel;
        let account = AccountId::new("wei").unwrap();
        let (session, cookie) = session_of(&town, "wei");
        kernel.sign_out(&cookie).unwrap();
        let before = town.fingerprint();
        let ended = |refused: AppendError<AdminError>| matches!(refused, AppendError::Refused(AdminError::SessionEnded));
        assert!(ended(kernel.change_password(&session, (harness::PASSWORD, ""), "quite another password").unwrap_err()));
        assert!(ended(kernel.begin_totp(&session, harness::PASSWORD).unwrap_err()));
        assert!(ended(kernel.end_totp(&session, harness::PASSWORD, "000000").unwrap_err()));
        assert!(ended(kernel.renew_recovery_codes(&session, harness::PASSWORD, "000000").map(drop).unwrap_err()));
        assert!(ended(kernel.confirm_session(&session, harness::PASSWORD, "").unwrap_err()));
        assert_eq!(town.fingerprint(), before);
        let (session, _) = session_of(&town, "wei");
        let opened = kernel.change_password(&session, (harness::PASSWORD, ""), "quite another password").unwrap();
        assert_eq!(opened.session.account, account);
    }
}
