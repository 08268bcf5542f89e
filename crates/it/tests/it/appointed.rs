//! What administrators of a unit do with posts and grants, and what sums, texts and files anybody puts into the record.

use harness::{Answer, Client, Town, User, on_every_store, project};
use kernel::UNNAMED_FILES_MAX;
use line_projects::kinds::Paid;
use serde_json::{Value, json};

use crate::breach::give;

const MANAGER: &str = "post:beiyuan-market/manager";
const BUREAU: &str = "post:371402/bureau";
const MAYOR: &str = "post:371402/mayor";
const OFFICE: &str = "post:decheng-office/office";
const TEAM: &str = "post:decheng-office/team-1";
const PROJECTS: &str = "/api/projects/decheng-projects/entries";
const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(PROJECTS, &json!({ "kind": kind, "body": body }))
}

fn open(town: &Town, owner: &str, reviewer: &str) {
    let task = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": owner, "reviewer": reviewer,
        "due": { "by": "on", "day": "2026-04-20" } });
    town.browser(User::Leader).post("/api/matters/beiyuan", &task).expect(201);
}

fn step(client: &Client, version: u32, step: Value) -> Answer {
    client.post("/api/matters/beiyuan/task-drain/moves", &json!({ "expected": version, "move": step }))
}

fn cancelled(approver: &str) -> Value {
    json!({ "verb": "cancelled", "reason": "无须办理", "approver": approver })
}

fn leave(client: &Client, post: &str, account: &str, until: &str) -> Answer {
    client.post("/api/registry/leavings", &json!({ "post": post, "account": account, "until": until }))
}

/// Somebody who administers and leads the county, and holds posts.
fn boss(town: &Town, posts: &[&str]) -> Client {
    town.holder("wei", posts);
    give(town, "wei", "admin", "371402", None);
    give(town, "wei", "leader", "371402", None);
    town.holder_again("wei")
}

fn tomorrow(town: &Town) -> Client {
    town.clock.set(base::Time::parse("2026-03-11T09:00:00+08:00").unwrap());
    town.holder_again("wei")
}

on_every_store! {
    fn who_owed_a_task_does_not_leave_its_post_to_approve_for_it(town) {
        town.holder("li", &[BUREAU]);
        let wei = boss(&town, &[MANAGER, MAYOR]);
        open(&town, MANAGER, BUREAU);
        step(&wei, 0, cancelled(MAYOR)).expect(403);
        assert_eq!(leave(&wei, MANAGER, "wei", "2026-03-09").expect(400).json()["field"], "until");
        step(&wei, 0, cancelled(MAYOR)).expect(403);
        leave(&wei, MANAGER, "wei", "2026-03-10").expect(201);
        step(&wei, 0, cancelled(MAYOR)).expect(403);
        step(&tomorrow(&town), 0, cancelled(MAYOR)).expect(403);
        town.check();
    }

    fn who_owed_a_task_does_not_review_it_after_leaving_its_post(town) {
        let wei = boss(&town, &[MANAGER, BUREAU]);
        open(&town, MANAGER, BUREAU);
        leave(&wei, MANAGER, "wei", "2026-03-10").expect(201);
        town.holder("li", &[]);
        let held = json!({ "post": MANAGER, "account": "li", "from": "2026-03-11" });
        town.program(User::Admin).post("/api/registry/holdings", &held).expect(201);
        let (wei, other) = (tomorrow(&town), town.holder_again("li"));
        step(&other, 0, json!({ "verb": "taken", "by": MANAGER })).expect(201);
        let digest = other.post_bytes("/api/matters/beiyuan/task-drain/evidence", "application/pdf", PDF).expect(201).json()["digest"].clone();
        step(&other, 1, json!({ "verb": "submitted", "by": MANAGER, "evidence": [{ "digest": digest, "title": "清淤照片", "effective": "2026-03-11" }], "note": null })).expect(201);
        // That somebody was faster is told before it is asked who took part, for which the whole story is read.
        step(&wei, 1, cancelled(BUREAU)).expect(409);
        step(&wei, 2, json!({ "verb": "accepted" })).expect(403);
        step(&wei, 2, cancelled(BUREAU)).expect(403);
        town.check();
    }

    fn nobody_is_given_posts_or_rights_by_who_does_not_administer_them(town) {
        town.holder("zhou", &["post:371400/leader"]);
        let wei = boss(&town, &[MANAGER]);
        let held = json!({ "post": BUREAU, "account": "zhou", "from": "2026-03-10" });
        let grant = |role: &str, subject: Value| json!({ "grantee": "account:zhou", "role": role, "unit": "371402", "subject": subject });
        let grants = [grant("holder", BUREAU.into()), grant("inspector", Value::Null)];
        let admin = town.program(User::Admin);
        town.holder("li", &[BUREAU]);
        leave(&admin, BUREAU, "li", "2026-03-09").expect(201);
        let before = town.fingerprint();
        wei.post("/api/registry/holdings", &held).expect(403);
        for grant in &grants {
            wei.post("/api/grants", grant).expect(403);
        }
        assert_eq!(town.fingerprint(), before);
        admin.post("/api/registry/holdings", &held).expect(201);
        admin.post("/api/grants", &grants[1]).expect(201);
        // Nor does anybody learn from a refusal what was granted elsewhere.
        wei.post("/api/grants", &grants[1]).expect(403);
        let city = json!({ "code": "371300", "parent": "371402", "level": "city", "title_zh": "某市", "title_en": "A city" });
        assert_eq!(admin.post("/api/registry/units", &city).expect(400).json()["field"], "code");
    }

    fn a_project_leaves_the_list_with_what_others_review_by_who_leads_them_alone(town) {
        let office = town.holder("li", &[OFFICE]);
        let permit = json!({ "project": "park", "permit": "P-1", "title": "施工许可", "bureau": "post:decheng-office/permits", "agent": TEAM, "term_workdays": 3 });
        town.holder("zhao", &["post:decheng-office/permits"]);
        record(&town.program(User::Planner), "projects.permit.applied", permit).expect(201);
        let path = "/api/matters/decheng-projects/project.park";
        let version = office.get(path).expect(200).json()["matter"]["version"].clone();
        let step = json!({ "verb": "cancelled", "reason": "企业调整投资", "approver": OFFICE });
        office.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step })).expect(409);
        town.check();
    }

    fn no_sum_of_a_figure_grows_beyond_what_is_kept(town) {
        const MOST: i64 = 100_000_000_000_000;
        let planner = town.program(User::Planner);
        for name in ["east", "west"] {
            let mut body = project(harness::OFFICES[0], name);
            body["total_fen"] = MOST.into();
            record(&planner, "projects.project.registered", body).expect(201);
        }
        let pay = |name: &str, amount: i64| {
            record(&planner, "projects.payment.made", json!({ "project": name, "contract": null, "amount_fen": amount }))
        };
        let pay_all = |count: usize| -> Vec<Value> {
            (0..count).map(|_| pay("east", MOST).expect(201).json()["entry"]["seq"].clone()).collect()
        };
        let mut paid = pay_all(9);
        // What comes to too much together is refused in one go too.
        let two = town.site.kernel.append_blocking(|desk| {
            let (book, actor) = (base::BookId::new("decheng-projects").unwrap(), base::ActorId::new("account:wei").unwrap());
            let body = Paid { project: "west".into(), contract: None, amount_fen: base::Fen(MOST), heading: Default::default() };
            for _ in 0..2 {
                desk.append(ledger::Draft::new(&book, desk.now(), &actor, &body)?)?;
            }
            Ok::<_, kernel::AppendError<()>>(())
        });
        let refused = two.unwrap_err();
        assert!(matches!(&refused, kernel::AppendError::Body(error) if error.rule == ledger::Rule::Range), "{refused}");
        paid.extend(pay_all(1));
        let before = town.fingerprint();
        for (name, amount, field, rule) in [("west", MOST, "body", "range"), ("east", 10, "body.amount_fen", "body")] {
            let refused = pay(name, amount).expect(400).json();
            assert_eq!((&refused["field"], &refused["rule"]), (&json!(field), &json!(rule)));
        }
        assert_eq!(town.fingerprint(), before);
        pay("west", 100).expect(201);
        record(&planner, "projects.entry.reversed", json!({ "entry": paid[0], "reason": "误录" })).expect(201);
        pay("west", MOST - 100).expect(201);
        town.check();
    }

    fn a_text_with_a_zero_character_is_refused_before_anything_is_asked(town) {
        let planner = town.program(User::Planner);
        let mut body = project(harness::OFFICES[0], "other");
        body["project"] = "a\0b".into();
        let refused = record(&planner, "projects.project.registered", body).expect(400).json();
        assert_eq!(refused["field"], "body.project", "{refused}");
        let named = json!({ "name": "a\0b", "query": {} });
        assert_eq!(town.program(User::Tracer).post("/epcis/queries?book=beiyuan", &named).status, 400);
        let form = [("name", "a\0b"), ("address", "/projects?phase=started")];
        town.browser(User::Planner).post_form("/my/projects/views", &form).expect(400);
        // A backslash before it makes it a word.
        let mut body = project(harness::OFFICES[0], "other");
        body["title_zh"] = "路径 \\u0000".into();
        record(&planner, "projects.project.registered", body).expect(201);
    }

    fn so_many_files_of_one_sender_wait_for_their_entries(town) {
        let kernel = &town.site.kernel;
        let by = base::ActorId::new("account:wei").unwrap();
        let keep = |number: i64| kernel.keep_evidence(&by, &town.book(), [PDF, number.to_string().as_bytes(), b"%%EOF"].concat());
        for number in 0..UNNAMED_FILES_MAX {
            keep(number).unwrap();
        }
        let refused = keep(-1).unwrap_err().to_string();
        assert!(refused.contains("TooMany"), "{refused}");
        let other = base::ActorId::new("account:li").unwrap();
        kernel.keep_evidence(&other, &town.book(), PDF.to_vec()).unwrap();
        town.clock.set(kernel.now().plus_ms(kernel::UNNAMED_MS_MAX + 1));
        kernel.sweep_files().unwrap();
        keep(-1).unwrap();
    }

    fn who_handed_in_by_a_grant_reviews_nothing_under_another(town) {
        town.holder("zhao", &[MANAGER]);
        town.holder("zhou", &[BUREAU]);
        town.holder("li", &[]);
        open(&town, MANAGER, BUREAU);
        let grant = |unit: &str, post: &str| json!({ "grantee": "account:li", "role": "holder", "unit": unit, "subject": post });
        let admin = town.program(User::Admin);
        let first = admin.post("/api/grants", &grant("beiyuan-market", MANAGER)).expect(201).json()["seq"].clone();
        let li = town.holder_again("li");
        step(&li, 0, json!({ "verb": "taken", "by": MANAGER })).expect(201);
        let path = "/api/matters/beiyuan/task-drain";
        let hand_in = |by: &Client, version: u32| {
            let digest = by.post_bytes(&format!("{path}/evidence"), "application/pdf", PDF).expect(201).json()["digest"].clone();
            let file = json!([{ "digest": digest, "title": "清淤照片", "effective": "2026-03-10" }]);
            step(by, version, json!({ "verb": "submitted", "by": MANAGER, "evidence": file, "note": null })).expect(201);
        };
        hand_in(&li, 1);
        step(&town.holder_again("zhou"), 2, json!({ "verb": "returned", "reason": "不清" })).expect(201);
        hand_in(&town.holder_again("zhao"), 3);
        admin.send("DELETE", &format!("/api/grants/{first}"), None, &[]).unwrap().expect(200);
        admin.post("/api/grants", &grant("371402", BUREAU)).expect(201);
        let li = town.holder_again("li");
        step(&li, 4, json!({ "verb": "accepted" })).expect(403);
        step(&li, 4, cancelled(BUREAU)).expect(403);
        step(&town.holder_again("zhou"), 4, json!({ "verb": "accepted" })).expect(201);
        town.check();
    }

    fn who_reviews_a_project_does_not_hand_it_in(town) {
        town.holder("li", &[OFFICE]);
        give(&town, "li", "planner", "decheng-office", Some("projects"));
        let (office, planner) = (town.holder_again("li"), town.program(User::Planner));
        record(&office, "projects.phase.changed", json!({ "project": "park", "to": "finished", "reason": null })).expect(201);
        let hand_in = |by: &Client| {
            let kept = by.post_bytes("/api/projects/decheng-projects/evidence", "application/octet-stream", PDF).expect(201);
            let digest = kept.json()["digest"].clone();
            by.post(PROJECTS, &json!({ "kind": "projects.project.accepted", "body": { "project": "park" }, "evidence": [digest] }))
        };
        let before = town.fingerprint();
        let refused = hand_in(&office).expect(409).json();
        assert_eq!((&refused["field"], &refused["rule"]), (&json!("body"), &json!("own-review")));
        assert_eq!(town.fingerprint(), before);
        hand_in(&planner).expect(201);
        let path = "/api/matters/decheng-projects/project.park";
        let version = office.get(path).expect(200).json()["matter"]["version"].clone();
        office.post(&format!("{path}/moves"), &json!({ "expected": version, "move": { "verb": "accepted" } })).expect(201);
        town.check();
    }
}
