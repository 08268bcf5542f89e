//! What ends with an acceptance, a day or a right, and what is told of none of them, tested as it was found.

use base::{AccountId, ActorId, UnitCode};
use harness::{Answer, Client, OFFICES, Town, User, freeze, on_every_store, project};
use kernel::{LetIn, NewAccount};
use matters::MatterId;
use serde_json::{Value, json};

use crate::breach::give;
use crate::mended_plans::{PROJECTS, ROAD, record};
use crate::mended_projects::{hand_in, step};

const BUREAU: &str = "post:371402/bureau";
const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const FAR: &str = "post:371481/mayor";
const TEAM: &str = "post:decheng-office/team-1";
const OFFICE: &str = "post:decheng-office/office";
const TASK: &str = "/api/matters/beiyuan/task-drain";
const DAY_MS: i64 = 24 * 3_600_000;

fn task(town: &Town, owner: &str, reviewer: &str, due: &str) {
    let due = json!({ "by": "on", "day": due });
    let body = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": owner, "reviewer": reviewer, "due": due });
    town.browser(User::Leader).post("/api/matters/beiyuan", &body).expect(201);
}

fn said(answer: Answer, status: u16) -> (Value, Value) {
    let said = answer.expect(status).json();
    (said["field"].clone(), said["rule"].clone())
}

on_every_store! {
    fn nothing_more_is_owed_for_a_project_that_was_accepted_until_it_is_reopened(town) {
        let planner = town.program(User::Planner);
        let (team, office) = (town.holder("zhao", &[TEAM]), town.holder("li", &[OFFICE]));
        let mut body = project(OFFICES[0], "road");
        body["phase"] = "finished".into();
        record(&planner, "projects.project.registered", body).expect(201);
        let matter = "/api/matters/decheng-projects/project.road";
        step(&team, matter, json!({ "verb": "taken", "by": TEAM })).expect(201);
        hand_in(&town, &team, matter, TEAM).expect(201);
        step(&office, matter, json!({ "verb": "accepted" })).expect(201);
        let before = town.fingerprint();
        let raise = |blocker: &str| {
            let body = json!({ "project": "road", "blocker": blocker, "title": "管线迁改", "owner": TEAM, "due": "2026-06-20" });
            record(&planner, "projects.blocker.raised", body)
        };
        let ended = (json!("body.project"), json!("accepted"));
        assert_eq!(said(raise("b-1"), 409), ended);
        let set = json!({ "project": "road", "milestone": "M-1", "title": "设备进场", "due": "2026-05-05" });
        assert_eq!(said(record(&planner, "projects.milestone.set", set), 409), ended);
        let permit = json!({ "project": "road", "permit": "P-1", "title": "施工许可", "bureau": TEAM, "agent": OFFICE, "term_workdays": 3 });
        assert_eq!(said(record(&planner, "projects.permit.applied", permit), 409), ended);
        let assist = json!({ "plan": "p-1", "project": "road", "title": "一企一策", "enterprise": "某公司", "office": OFFICE,
            "measures": [{ "title": "协调用电", "owner": TEAM, "due": "2026-06-20" }] });
        assert_eq!(said(record(&planner, "projects.assistance.planned", assist), 409), ended);
        assert_eq!(town.fingerprint(), before);
        let due = json!({ "by": "on", "day": "2026-06-30" });
        step(&office, matter, json!({ "verb": "reopened", "reason": "重办", "approver": OFFICE, "due": due })).expect(201);
        raise("b-1").expect(201);
        town.check();
    }

    fn that_no_days_remain_takes_no_activity_out_of_a_frozen_plan(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        let mut body = project(OFFICES[0], "road");
        body["phase"] = "started".into();
        record(&planner, "projects.project.registered", body).expect(201);
        let plan = format!("{PROJECTS}/projects/road/plan?file=road.csv");
        team.post_bytes(&plan, "application/octet-stream", ROAD.as_bytes()).expect(201);
        freeze(&planner, OFFICES[0], "road").expect(201);
        let report = |body: Value| {
            let mut report = json!({ "project": "road", "activity": "A" });
            report.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            record(&team, "projects.progress.reported", report)
        };
        let remove = || {
            let changes = json!([{ "what": "remove", "activity": "A" }]);
            record(&team, "projects.plan.edited", json!({ "project": "road", "changes": changes }))
        };
        assert_eq!(said(report(json!({ "percent_bp": 3_000, "remaining_days": 0 })), 400).0, "body.remaining_days");
        report(json!({ "remaining_days": 0 })).expect(201);
        assert_eq!(said(remove(), 409).1, "taken-out-by-office");
        report(json!({ "percent_bp": 10_000, "remaining_days": 0 })).expect(201);
        remove().expect(201);
        town.check();
    }

    fn a_review_is_put_off_once_however_often_its_matter_changes_hands(town) {
        let (manager, clerk) = (town.holder("wei", &[MANAGER]), town.holder("zhang", &[CLERK]));
        town.holder("li", &[BUREAU]);
        town.holder("sun", &["post:beiyuan-market/director"]);
        town.holder("qian", &["post:beiyuan-market/deputy"]);
        task(&town, CLERK, MANAGER, "2026-06-20");
        step(&clerk, TASK, json!({ "verb": "taken", "by": CLERK })).expect(201);
        hand_in(&town, &clerk, TASK, CLERK).expect(201);
        let passed_on = |by: &Client, to: &str, reviewer: &str| {
            let over = json!({ "verb": "handed_over", "to": to, "reviewer": reviewer, "reason": "分工调整" });
            step(by, TASK, over).expect(201);
            let id = MatterId::local(&town.book(), "task-drain").unwrap();
            town.site.kernel.matter(&id).unwrap().unwrap().submission.unwrap().passed_on
        };
        town.clock.advance_ms(DAY_MS);
        let first = passed_on(&town.holder_again("wei"), "post:beiyuan-market/deputy", "post:beiyuan-market/director");
        assert!(first.is_some());
        town.clock.advance_ms(DAY_MS);
        assert_eq!(passed_on(&town.holder_again("sun"), CLERK, MANAGER), first);
        drop(manager);
        town.check();
    }

    fn who_leaves_a_post_is_said_once_and_bars_nobody_from_judging(town) {
        let admin = town.program(User::Admin);
        // Somebody whose account lies in the county.
        let (account, unit) = (AccountId::new("wei").unwrap(), UnitCode::new("371402").unwrap());
        let new = NewAccount { account, unit, title: "某人".into() };
        town.site.kernel.add_account(&ActorId::new("system:test").unwrap(), new, Some(harness::PASSWORD)).unwrap();
        town.holder("before", &[BUREAU]);
        let clerk = town.holder("zhang", &[CLERK]);
        task(&town, CLERK, BUREAU, "2026-06-20");
        admin.post("/api/registry/leavings", &json!({ "post": BUREAU, "account": "before", "until": "2026-03-09" })).expect(201);
        admin.post("/api/registry/holdings", &json!({ "post": BUREAU, "account": "wei", "from": "2026-03-10" })).expect(201);
        let leave = |until: &str| {
            admin.post("/api/registry/leavings", &json!({ "post": BUREAU, "account": "wei", "until": until }))
        };
        leave("2027-12-31").expect(201);
        assert_eq!(said(leave("2027-12-31"), 409).0, "until");
        leave("2027-12-30").expect(201);
        // Days that are taken back by who administers a part are so a hundred times; to leave as of today never ends.
        town.holder("qian", &[]);
        give(&town, "qian", "admin", "371402", None);
        let local = town.holder_again("qian");
        town.holder("sun", &["post:371402/deputy"]);
        let deputy = |from: &str| json!({ "post": "post:371402/deputy", "account": "wei", "from": from });
        let left = |who: &str, until: &str| json!({ "post": "post:371402/deputy", "account": who, "until": until });
        admin.post("/api/registry/leavings", &left("sun", "2026-03-09")).expect(201);
        for _ in 0..100 {
            local.post("/api/registry/holdings", &deputy("2026-03-10")).expect(201);
            local.post("/api/registry/leavings", &left("wei", "2026-03-09")).expect(201);
        }
        local.post("/api/registry/holdings", &deputy("2026-03-10")).expect(201);
        assert_eq!(said(local.post("/api/registry/leavings", &left("wei", "2026-03-09")), 400).0, "until");
        local.post("/api/registry/leavings", &left("wei", "2026-03-10")).expect(201);
        step(&clerk, TASK, json!({ "verb": "taken", "by": CLERK })).expect(201);
        hand_in(&town, &clerk, TASK, CLERK).expect(201);
        step(&town.holder_again("wei"), TASK, json!({ "verb": "accepted" })).expect(201);
        town.check();
    }

    fn days_of_a_post_that_are_taken_back_in_part_were_held(town) {
        town.holder("wei", &[BUREAU]);
        let clerk = town.holder("zhang", &[CLERK]);
        town.holder("li", &[MANAGER]);
        task(&town, MANAGER, BUREAU, "2026-06-20");
        town.clock.advance_ms(5 * DAY_MS);
        // Of the days on which it was owed none is left of who owed it; it is the root's administrator who says so.
        let admin = town.program(User::Admin);
        let left = json!({ "post": MANAGER, "account": "li", "until": "2026-03-09" });
        admin.post("/api/registry/leavings", &left).expect(201);
        let manager = json!({ "post": MANAGER, "account": "zhang", "from": "2026-03-15" });
        admin.post("/api/registry/holdings", &manager).expect(201);
        let manager = town.holder_again("zhang");
        step(&manager, TASK, json!({ "verb": "taken", "by": MANAGER })).expect(201);
        hand_in(&town, &manager, TASK, MANAGER).expect(201);
        let bureau = json!({ "post": BUREAU, "account": "wei", "until": "2026-03-15" });
        admin.post("/api/registry/leavings", &bureau).expect(201);
        admin.post("/api/registry/holdings", &json!({ "post": BUREAU, "account": "li", "from": "2026-03-16" })).expect(201);
        town.clock.advance_ms(DAY_MS);
        step(&town.holder_again("li"), TASK, json!({ "verb": "accepted" })).expect(403);
        drop(clerk);
        town.check();
    }

    fn nobody_from_afar_is_brought_to_help_with_what_is_late(town) {
        town.holder("far", &[FAR]);
        town.holder("li", &[BUREAU]);
        let manager = town.holder("wei", &[MANAGER]);
        give(&town, "wei", "leader", "beiyuan-market", None);
        let leader = town.holder_again("wei");
        task(&town, MANAGER, BUREAU, "2026-03-12");
        town.clock.advance_ms(8 * DAY_MS);
        town.settle();
        let leader = { drop((manager, leader)); town.holder_again("wei") };
        let help = |post: &str| step(&leader, TASK, json!({ "verb": "helper_added", "helper": post }));
        help(FAR).expect(400);
        town.holder("zhang", &[CLERK]);
        help(CLERK).expect(201);
        town.check();
    }

    fn whoever_administers_a_part_learns_nothing_of_the_rest_by_trying(town) {
        town.holder("qian", &[]);
        give(&town, "qian", "admin", "beiyuan-market", None);
        let local = town.holder_again("qian");
        let forbidden = |path: &str, body: Value| local.post(path, &body).expect(403);
        for code in ["xihai-market", "nowhere"] {
            let unit = json!({ "code": code, "parent": "371402", "level": "market", "title_zh": "市场", "title_en": "Market" });
            forbidden("/api/registry/units", unit);
        }
        for unit in ["371402", "nowhere"] {
            for post in ["bureau", "nobody"] {
                let body = json!({ "post": format!("post:{unit}/{post}"), "unit": unit, "title_zh": "岗位", "title_en": "Post" });
                forbidden("/api/registry/posts", body);
            }
        }
        let (there, _) = town.account(User::Planner);
        for name in [there.as_str(), "nobody-at-all"] {
            forbidden(&format!("/api/accounts/{name}/disable"), json!({}));
            let grant = json!({ "grantee": format!("account:{name}"), "role": "auditor", "unit": "371402", "subject": null });
            forbidden("/api/grants", grant);
        }
        // Whoever may do it everywhere is told.
        let admin = town.program(User::Admin);
        admin.post("/api/accounts/nobody-at-all/disable", &json!({})).expect(404);
        for name in ["..", ".", "new"] {
            let account = json!({ "account": name, "unit": "beiyuan-market", "title": "某人" });
            assert_eq!(local.post("/api/accounts", &account).expect(400).json()["field"], "account");
        }
        town.check();
    }

    fn a_post_that_ended_at_midnight_decides_nothing_behind_it(town) {
        let kernel = &town.site.kernel;
        town.holder("wei", &[BUREAU]);
        let left = json!({ "post": BUREAU, "account": "wei", "until": "2026-03-10" });
        town.program(User::Admin).post("/api/registry/leavings", &left).expect(201);
        town.clock.set(base::Time::parse("2026-03-10T23:59:59+08:00").unwrap());
        let opened = kernel.sign_in("wei", harness::PASSWORD).unwrap().session().unwrap();
        let session = kernel.session(&opened.cookie_value).unwrap().unwrap();
        let (root, day) = (kernel.root_known().unwrap(), kernel.zone().day_of(kernel.now()));
        let by = LetIn { actor: session.actor, session: Some(session.hash), credential: None, root, day };
        let holds = || {
            let by = by.clone();
            kernel.append_blocking::<_, _, ()>(move |desk| Ok(desk.still_lets_in(&by)?)).unwrap()
        };
        assert!(holds());
        town.clock.advance_ms(2_000);
        assert!(!holds());
    }
}
