//! What of projects, their plans, permits and codes is refused although another record hides it, and what is recorded of them in a day.

use harness::{Answer, Client, OFFICES, Town, User, on_every_store, project};
use line_projects::kinds::{
    ASSISTANCE_A_DAY_MAX, ASSISTANCE_OF_PROJECT_A_DAY_MAX, INVESTMENTS_A_DAY_BY_TEAM_MAX,
    INVESTMENTS_A_DAY_MAX, MEASURES_A_DAY_MAX, OWED_MAX,
};
use line_projects::plan::kinds::{CHANGES_A_DAY_BY_TEAM_MAX, CHANGES_A_DAY_MAX};
use serde_json::{Value, json};

use crate::mended_plans::{PROJECTS, ROAD, plant, record};
use crate::mended_projects::{hand_in, step};

const TEAM: &str = "post:decheng-office/team-1";
const BUREAU: &str = "post:decheng-office/team-2";
const OFFICE: &str = "post:decheng-office/office";
const DAY_MS: i64 = 24 * 3_600_000;

/// As if so many had been recorded today.
fn made(town: &Town, sort: &str, whose: &str, count: usize) {
    let set =
        format!("update projects_of_day set entries = {count} where sort = '{sort}' and whose = '{whose}'");
    plant(town, &set);
}

fn take(client: &Client) {
    let path = format!("{PROJECTS}/projects/park/plan?file=road.csv");
    client.post_bytes(&path, "application/octet-stream", ROAD.as_bytes()).expect(201);
}

/// That a day has so many at most is said in both languages.
fn full(answer: Answer, field: &str, most: usize) {
    let said = answer.expect(409).json();
    assert_eq!((&said["rule"], &said["field"]), (&json!("too-many-of-day"), &json!(field)), "{said}");
    assert!(said["detail_en"].as_str().unwrap().contains(&format!("of {most} at most")), "{said}");
    assert!(said["detail_zh"].as_str().unwrap().contains(&format!("上限为 {most}")), "{said}");
}

fn register(client: &Client, name: &str) {
    record(client, "projects.project.registered", project(OFFICES[0], name)).expect(201);
}

on_every_store! {
    fn a_project_that_is_handed_in_goes_back_no_phase_until_it_was_judged(town) {
        let planner = town.program(User::Planner);
        register(&planner, "road");
        let phase = |to: &str| {
            record(&planner, "projects.phase.changed", json!({ "project": "road", "to": to, "reason": "复核" }))
        };
        phase("finished").expect(201);
        let (team, path) = (town.holder("zhao", &[TEAM]), "/api/matters/decheng-projects/project.road");
        step(&team, path, json!({ "verb": "taken", "by": TEAM })).expect(201);
        hand_in(&town, &team, path, TEAM).expect(201);
        let said = phase("started").expect(409).json();
        assert_eq!((&said["rule"], &said["field"]), (&json!("handed-in"), &json!("body.to")), "{said}");
        assert!(said["detail_zh"].as_str().unwrap().contains("待审核"), "{said}");
        // Forward it goes, and not back from there.
        phase("producing").expect(201);
        phase("finished").expect(409);
        let office = town.holder("li", &[OFFICE]);
        step(&office, path, json!({ "verb": "returned", "reason": "照片不清" })).expect(201);
        phase("planned").expect(201);
        town.check();
    }

    fn what_is_added_to_a_plan_does_not_end_before_it_begins_whatever_was_reported_of_it(town) {
        let planner = town.program(User::Planner);
        take(&planner);
        let report = |activity: &str| {
            let body = json!({ "project": "park", "activity": activity, "percent_bp": 10_000 });
            record(&planner, "projects.progress.reported", body).expect(201).json()["entry"]["seq"].clone()
        };
        let reported = ["C", "D"].map(report);
        let add = |changes: Value| record(&planner, "projects.plan.edited", json!({ "project": "park", "changes": changes }));
        let name = |code: &str| json!({ "what": "name", "activity": code, "name": "路基" });
        let activity = |code: &str, with: Value| {
            let mut activity = json!({ "code": code, "name": "绿化", "minutes": 480 });
            for (member, value) in with.as_object().unwrap() {
                activity[member] = value.clone();
            }
            json!({ "what": "add", "activity": activity })
        };
        let backward = json!({ "started": "2026-05-01T08:00", "finished": "2026-04-01T17:00" });
        let bound = json!({ "bounds": [{ "must_start": "2026-05-01T08:00" }, { "must_finish": "2026-04-01T17:00" }] });
        for (code, with, field, zh) in [("C", backward, "finished", "完成早于开始"), ("D", bound, "bounds", "互相矛盾")] {
            let said = add(json!([name("A"), activity(code, with)])).expect(400).json();
            let field = format!("body.changes[1].activity.{field}");
            assert_eq!((&said["rule"], &said["field"]), (&json!("plan"), &json!(field)), "{said}");
            assert!(said["detail_zh"].as_str().unwrap().contains(zh), "{said}");
        }
        add(json!([activity("C", json!({})), activity("D", json!({}))])).expect(201);
        for seq in reported {
            record(&planner, "projects.entry.reversed", json!({ "entry": seq, "reason": "误报" })).expect(201);
        }
        planner.get(&format!("{PROJECTS}/projects/park/plan")).expect(200);
        town.check();
    }

    fn a_permit_whose_decision_was_returned_is_handed_in_with_a_new_decision_alone(town) {
        let (planner, path) = (town.program(User::Planner), "/api/matters/decheng-projects/permit.P-1");
        record(&planner, "projects.permit.applied", json!({ "project": "park", "permit": "P-1", "title": "施工许可",
            "bureau": BUREAU, "agent": OFFICE, "term_workdays": 7 })).expect(201);
        let decide = |granted: bool| {
            let path = format!("{PROJECTS}/evidence");
            let kept = planner.post_bytes(&path, "application/octet-stream", b"%PDF-1.7\n%%EOF\n").expect(201).json();
            let body = json!({ "permit": "P-1", "granted": granted, "number": "3714" });
            let entry = json!({ "kind": "projects.permit.decided", "body": body, "evidence": [kept["digest"]] });
            planner.post(&format!("{PROJECTS}/entries"), &entry)
        };
        let granted = || planner.get(&format!("{PROJECTS}/permits")).expect(200).json()[0]["granted"].clone();
        let (bureau, office) = (town.holder("sun", &[BUREAU]), town.holder("li", &[OFFICE]));
        let returned = json!({ "verb": "returned", "reason": "缺少审批文号" });
        // What nobody decided yet the bureau hands in by itself.
        step(&bureau, path, json!({ "verb": "taken", "by": BUREAU })).expect(201);
        hand_in(&town, &bureau, path, BUREAU).expect(201);
        step(&office, path, returned.clone()).expect(201);
        decide(true).expect(201);
        assert_eq!(granted(), json!(true));
        step(&office, path, returned).expect(201);
        let said = hand_in(&town, &bureau, path, BUREAU).expect(409).json();
        assert_eq!(said["rule"], "line", "{said}");
        assert!(said["detail_zh"].as_str().unwrap().contains("审批办结"), "{said}");
        assert!(said["detail_en"].as_str().unwrap().contains("record the new decision"), "{said}");
        assert_eq!(granted(), Value::Null);
        decide(false).expect(201);
        assert_eq!(granted(), json!(false));
        town.check();
    }

    fn a_project_that_left_the_list_leaves_its_code_to_the_one_that_is_registered_anew(town) {
        let planner = town.program(User::Planner);
        let enter = |name: &str| {
            let mut body = project(OFFICES[0], name);
            body["code"] = "2107-371402-04-01-123456".into();
            record(&planner, "projects.project.registered", body)
        };
        enter("road").expect(201);
        let said = enter("road-again").expect(409).json();
        assert_eq!((&said["rule"], &said["field"]), (&json!("exists"), &json!("body.code")), "{said}");
        let office = town.holder("li", &[OFFICE]);
        let cancelled = json!({ "verb": "cancelled", "reason": "企业调整投资", "approver": OFFICE });
        town.clock.advance_ms(60_000);
        step(&office, "/api/matters/decheng-projects/project.road", cancelled).expect(201);
        // Its name stays its own, and on the day before the code was.
        assert_eq!(enter("road").expect(409).json()["field"], "body.project");
        let mut before = project(OFFICES[0], "road-before");
        before["code"] = "2107-371402-04-01-123456".into();
        let early = town.site.kernel.now().plus_ms(-30_000).to_string();
        let told = json!({ "kind": "projects.project.registered", "occurred": early, "body": before });
        assert_eq!(planner.post(&format!("{PROJECTS}/entries"), &told).expect(409).json()["field"], "body.code");
        enter("road-again").expect(201);
        assert_eq!(enter("road-more").expect(409).json()["field"], "body.code");
        town.check();
    }

    fn investments_and_changes_of_a_plan_are_so_many_of_a_project_on_a_day_and_a_team_leaves_the_office_some(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        take(&planner);
        let invest = |by: &Client| {
            record(by, "projects.investment.made", json!({ "project": "park", "month": "2026-03", "amount_fen": 1 }))
        };
        let edit = |by: &Client| {
            let changes = json!([{ "what": "name", "activity": "A", "name": "路基" }]);
            record(by, "projects.plan.edited", json!({ "project": "park", "changes": changes }))
        };
        let work_back = |by: &Client| {
            record(by, "projects.plan.deadline_set", json!({ "project": "park", "deadline": null, "backward": false }))
        };
        type Act<'a> = &'a dyn Fn(&Client) -> Answer;
        let bounds: [(Act<'_>, Act<'_>, &str, usize, usize); 2] = [
            (&invest, &invest, "investments", INVESTMENTS_A_DAY_BY_TEAM_MAX, INVESTMENTS_A_DAY_MAX),
            (&edit, &work_back, "changes", CHANGES_A_DAY_BY_TEAM_MAX, CHANGES_A_DAY_MAX),
        ];
        for (by_team, by_office, sort, team_max, max) in bounds {
            by_team(&team).expect(201);
            made(&town, sort, "park", team_max - 1);
            by_team(&team).expect(201);
            full(by_team(&team), "body.project", team_max);
            by_office(&planner).expect(201);
            made(&town, sort, "park", max - 1);
            by_office(&planner).expect(201);
            full(by_office(&planner), "body.project", max);
        }
        town.clock.advance_ms(DAY_MS);
        invest(&team).expect(201);
        edit(&team).expect(201);
        town.check();
    }

    fn assistance_is_planned_so_often_on_a_day_and_a_post_reviews_so_many_measures_without_a_project(town) {
        let planner = town.program(User::Planner);
        let assist = |plan: &str, of: Value, measures: usize| {
            let measure = json!({ "title": "协调用电", "owner": TEAM, "due": "2026-06-20" });
            let body = json!({ "plan": plan, "project": of, "title": "一企一策", "enterprise": "某公司", "office": OFFICE,
                "measures": vec![measure; measures] });
            record(&planner, "projects.assistance.planned", body)
        };
        assist("p-1", json!("park"), 0).expect(201);
        made(&town, "assistance-of-project", "park", ASSISTANCE_OF_PROJECT_A_DAY_MAX);
        full(assist("p-2", json!("park"), 0), "body.plan", ASSISTANCE_OF_PROJECT_A_DAY_MAX);
        assist("e-1", Value::Null, 2).expect(201);
        made(&town, "measures", "", MEASURES_A_DAY_MAX - 1);
        full(assist("e-2", Value::Null, 2), "body.measures", MEASURES_A_DAY_MAX);
        assist("e-2", Value::Null, 1).expect(201);
        made(&town, "assistance", "", ASSISTANCE_A_DAY_MAX);
        full(assist("e-3", Value::Null, 0), "body.plan", ASSISTANCE_A_DAY_MAX);
        town.clock.advance_ms(DAY_MS);
        // Three are open: as if there were so many more.
        let open = |part: &str| format!(
            "{part} with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) ", OWED_MAX - 3
        );
        let posts = "insert into matter_post (post, due, book, matter, part)";
        let matters = "insert into projects_matter (book, matter, sort, project, name, activity, seq)";
        plant(&town, &format!("{}select '{OFFICE}', 1, 'decheng-projects', 'x' || i, 'reviewer' from n", open(posts)));
        plant(&town, &format!("{}select 'decheng-projects', 'x' || i, 'projects.measure', null, 'x', null, 1 from n", open(matters)));
        let said = assist("e-3", Value::Null, 1).expect(400).json();
        assert_eq!(said["field"], "body.measures", "{said}");
        assert!(said["detail_en"].as_str().unwrap().contains(&format!("of {OWED_MAX} at most")), "{said}");
        plant(&town, "delete from matter_post where matter like 'x%'");
        plant(&town, "delete from projects_matter where matter like 'x%'");
        assist("e-3", Value::Null, 1).expect(201);
        town.check();
    }
}
