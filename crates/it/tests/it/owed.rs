//! Matters over HTTP: who may see and move them, in whose name, and what is said when something is refused.

use harness::{Answer, Client, Town, User, on_every_store};
use serde_json::{Value, json};

const OWNER: &str = "post:beiyuan-market/manager";
const REVIEWER: &str = "post:371402/bureau";
const HELPER: &str = "post:beiyuan-market/clerk";
const FILE: &[u8] = b"%PDF-1.4\n%%EOF\n";

fn task(name: &str, due: &str) -> Value {
    json!({
        "name": name, "title": "整改下水道", "owner": OWNER, "helpers": [HELPER], "reviewer": REVIEWER,
        "due": { "by": "on", "day": due },
    })
}

fn step(client: &Client, name: &str, expected: u32, step: Value) -> Answer {
    client.post(&format!("/api/matters/beiyuan/{name}/moves"), &json!({ "expected": expected, "move": step }))
}

fn names(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/api/matters{query}")).expect(200).json();
    let name = |item: &Value| item["matter"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    page["items"].as_array().unwrap().iter().map(name).collect()
}

fn look(town: &Town) {
    while town.site.kernel.tend_matters(1_000).unwrap().looked_at > 0 {}
}

on_every_store! {
    fn a_task_goes_from_its_assignment_to_its_acceptance_in_the_hands_of_those_who_hold_the_posts(town) {
        let manager = town.holder("wei", &[OWNER]);
        let clerk = town.holder("zhang", &[HELPER]);
        let bureau = town.holder("li", &[REVIEWER]);
        let stranger = town.holder("zhao", &["post:371481/bureau"]);
        let leader = town.browser(User::Leader);

        let once = leader.with("idempotency-key", "a1");
        let opened = once.post("/api/matters/beiyuan", &task("task-drain", "2026-03-20")).expect(201).json();
        assert_eq!(once.post("/api/matters/beiyuan", &task("task-drain", "2026-03-20")).expect(201).json(), opened);
        assert_eq!(opened["matter"], "matter:beiyuan/task-drain");
        // Whoever reviews may assign as well; a name is made where none is given.
        let mut unnamed = task("", "2026-04-20");
        unnamed.as_object_mut().unwrap().remove("name");
        bureau.post("/api/matters/beiyuan", &unnamed).expect(201);
        manager.post("/api/matters/beiyuan", &task("task-other", "2026-03-20")).expect(403);
        look(&town);

        // Each sees what their post takes part in, and no book besides.
        for client in [&manager, &clerk, &bureau] {
            let mine = names(client, "?mine=true");
            assert_eq!((mine.len(), mine[0].as_str()), (2, "task-drain"));
            client.get("/api/matters?book=beiyuan").expect(403);
            client.get("/api/matters/beiyuan/task-drain").expect(200);
        }
        assert_eq!(names(&stranger, "?mine=true"), Vec::<String>::new());
        town.program(User::Anonymous).get("/api/matters?mine=true").expect(401);
        stranger.get("/api/matters/beiyuan/task-drain").expect(403);
        assert_eq!(names(&leader, "?book=beiyuan&colour=blue&count=1"), ["task-drain"]);

        let seen = manager.get("/api/matters/beiyuan/task-drain").expect(200).json();
        assert_eq!(seen["moves"], json!(["taken", "helper_added"]));
        assert_eq!(seen["due"], "2026-03-20");
        assert_eq!(seen["matter"]["colour"], "blue");
        assert!(seen["explanation_zh"].as_str().unwrap().contains("逾期"), "{seen}");
        assert!(seen["explanation_en"].as_str().unwrap().contains("days overdue"), "{seen}");
        assert_eq!(seen["history"].as_array().unwrap().len(), 2);

        step(&clerk, "task-drain", 0, json!({ "verb": "taken", "by": OWNER })).expect(403);
        step(&manager, "task-drain", 0, json!({ "verb": "taken", "by": OWNER })).expect(201);
        let conflict = step(&leader, "task-drain", 0, json!({
            "verb": "handed_over", "to": HELPER, "reason": "分工调整" })).expect(409).json();
        assert_eq!((&conflict["rule"], &conflict["found"]), (&json!("version"), &json!(1)));
        assert!(conflict["detail_zh"].as_str().unwrap().contains("第 1 版"), "{conflict}");

        let upload = "/api/matters/beiyuan/task-drain/evidence";
        stranger.post_bytes(upload, "application/octet-stream", FILE).expect(403);
        bureau.post_bytes(upload, "application/octet-stream", FILE).expect(403);
        let kept = clerk.post_bytes(upload, "application/octet-stream", FILE).expect(201).json();
        let digest = kept["digest"].as_str().unwrap();
        let file = json!([{ "digest": digest, "title": "整改照片", "effective": "2026-03-09" }]);
        let empty = json!({ "verb": "submitted", "by": HELPER, "evidence": [] });
        let refused = step(&clerk, "task-drain", 1, empty).expect(400).json();
        assert_eq!(refused["field"], "evidence");
        let unsent = json!({ "verb": "submitted", "by": OWNER, "evidence": file });
        let refused = step(&manager, "task-drain", 1, unsent).expect(400).json();
        assert_eq!((&refused["field"], &refused["rule"]), (&json!("evidence"), &json!("reference")), "who names a file has sent it");
        let submitted = json!({ "verb": "submitted", "by": HELPER, "evidence": file });
        step(&clerk, "task-drain", 1, submitted).expect(201);
        bureau.get(&format!("{upload}/{digest}")).expect(200);
        bureau.get(&format!("{upload}/{}", "0".repeat(64))).expect(404);
        step(&manager, "task-drain", 2, json!({ "verb": "accepted" })).expect(403);
        let done = step(&bureau, "task-drain", 2, json!({ "verb": "accepted" })).expect(201).json();
        assert_eq!((&done["state"], &done["version"]), (&json!("accepted"), &json!(3)));

        let closed = leader.get("/api/matters?book=beiyuan&standing=closed").expect(200).json();
        assert_eq!(closed["items"][0]["in_time"], true);
        let state = step(&manager, "task-drain", 3, json!({ "verb": "taken", "by": OWNER })).expect(409).json();
        assert_eq!(state["rule"], "state");
        let rate = "/api/figures/kernel.matters.in_time_rate?unit=371402&from=2026-03-01&to=2026-03-31";
        let rate = leader.get(rate).expect(200).json();
        assert_eq!((&rate["numerator"], &rate["denominator"]), (&json!(1), &json!(1)));
        town.check();
    }

    fn approvals_are_given_by_the_reviewer_or_a_post_above_and_by_whoever_holds_it(town) {
        let manager = town.holder("wei", &[OWNER, "post:beiyuan-market/deputy"]);
        let bureau = town.holder("li", &[REVIEWER]);
        town.holder("sun", &["post:371402/mayor"]);
        let sun = base::ActorId::new("account:sun").unwrap();
        let unit = base::UnitCode::new("371402").unwrap();
        let leads = access::Grant { role: "leader".into(), unit, line: None, subject: None };
        town.site.kernel.give_grant(&base::ActorId::new("system:test").unwrap(), &sun, leads).unwrap();
        let county = town.holder_again("sun");
        let elsewhere = town.holder("zhao", &["post:371481/bureau"]);
        town.holder("zhang", &[HELPER]);
        bureau.post("/api/matters/beiyuan", &task("task-drain", "2026-03-20")).expect(201);
        let pause = |by: &Client, approver: &str, version| {
            let paused = json!({ "verb": "paused", "reason": "汛期停工", "approver": approver });
            step(by, "task-drain", version, paused)
        };
        assert_eq!(pause(&manager, OWNER, 0).expect(400).json()["field"], "approver");
        pause(&manager, REVIEWER, 0).expect(403);
        pause(&elsewhere, "post:371481/bureau", 0).expect(403);
        let seen = county.get("/api/matters/beiyuan/task-drain").expect(200).json();
        assert_eq!(seen["moves"], json!(["cancelled", "handed_over", "helper_added", "paused", "extended", "excused"]));
        pause(&county, REVIEWER, 0).expect(403);
        let paused = pause(&county, "post:371402/mayor", 0).expect(201).json();
        assert_eq!(paused["version"], 1);
        let seen = bureau.get("/api/matters/beiyuan/task-drain").expect(200).json();
        assert_eq!((&seen["due"], &seen["assessment"]), (&Value::Null, &Value::Null));
        assert_eq!(seen["moves"], json!(["cancelled", "handed_over", "helper_added", "resumed"]));
        step(&manager, "task-drain", 1, json!({ "verb": "resumed" })).expect(201);
        let own = json!({ "verb": "handed_over", "to": REVIEWER, "reason": "分工调整" });
        step(&manager, "task-drain", 2, own.clone()).expect(403);
        assert_eq!(step(&bureau, "task-drain", 2, own).expect(400).json()["field"], "reviewer");
        town.check();
    }

    fn rules_and_holidays_are_adopted_by_the_city_and_refused_by_the_field_at_fault(town) {
        let admin = town.program(User::Admin);
        let rules = admin.get("/api/rules").expect(200).json();
        let named: Vec<&str> = rules.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(named, ["deadline", "default", "leling-suqian", "sanya-2022", "wuhan", "yinchuan-2025"]);
        let mut rule = rules[0].clone();
        let refused = admin.post("/api/rules", &json!({ "rule": rule })).expect(400).json();
        assert_eq!(refused["field"], "rule.version");
        rule["version"] = json!(2);
        rule["dimensions"][0]["input"] = json!("phase_of_the_moon");
        let refused = admin.post("/api/rules", &json!({ "rule": rule })).expect(400).json();
        assert_eq!(refused["field"], "rule.dimensions[0].input");
        assert!(refused["detail_en"].as_str().unwrap().contains("phase_of_the_moon"), "{refused}");
        rule["dimensions"][0]["input"] = json!("days_overdue");
        let once = admin.with("idempotency-key", "r2");
        let receipt = once.post("/api/rules", &json!({ "rule": rule })).expect(201).json();
        assert_eq!(once.post("/api/rules", &json!({ "rule": rule })).expect(201).json(), receipt);
        assert_eq!(admin.get("/api/rules").expect(200).json()[0]["version"], 2);

        let before = admin.get("/api/calendar?year=2027").expect(200).json();
        assert_eq!((&before["days"], before["years"].as_array().unwrap().last().unwrap()), (&json!([]), &json!(2026)));
        let notice = |date: &str| json!({ "notice": { "year": 2027, "papers": ["国办发明电〔2026〕7号"],
            "days": [{ "name": "元旦", "date": date, "isOffDay": true }] } });
        let refused = admin.post("/api/calendar", &notice("2026-11-30")).expect(400).json();
        assert_eq!(refused["field"], "notice.days[0].date");
        admin.post("/api/calendar", &notice("2027-01-01")).expect(201);
        let after = admin.get("/api/calendar?year=2027").expect(200).json();
        assert_eq!(after["days"], json!([{ "date": "2027-01-01", "kind": { "sort": "holiday", "name": "元旦" } }]));
        town.check();
    }
}
