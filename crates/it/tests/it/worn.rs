//! Nobody wears out what others need: the writer's time, the room of a project, the tries of an account, the pages of a city.

use harness::{Answer, Client, OFFICES, PASSWORD, User, on_every_store, project};
use line_projects::kinds::OPEN_ON_POST_MAX;
use line_projects::plan::kinds::PLANS_A_DAY_MAX;
use serde_json::{Value, json};

use crate::breach::give;
use crate::trespass::granted;

const ENTRIES: &str = "/api/projects/decheng-projects/entries";
const PLAN: &str = "/api/projects/decheng-projects/projects/park/plan";
const OFFICE: &str = "post:decheng-office/office";
const OTHER: &str = "post:decheng-office/team-2";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn blocker(name: &str, owner: &str) -> Value {
    json!({ "project": "park", "blocker": name, "title": "道路未通", "owner": owner, "due": "2026-04-01" })
}

on_every_store! {
    fn a_team_lays_no_end_of_duties_and_leaves_the_office_room_to_tell(town) {
        let (team, planner) = (town.program(User::Team), town.program(User::Planner));
        let raise = |by: &Client, name: &str, owner: &str| record(by, "projects.blocker.raised", blocker(name, owner));
        for at in 0..OPEN_ON_POST_MAX {
            raise(&team, &format!("B-{at}"), OFFICE).expect(201);
        }
        // The clock colours them, as soon as it looks.
        town.settle();
        let before = town.fingerprint();
        assert_eq!(raise(&team, "B-X", OFFICE).expect(400).json()["field"], "body.blocker");
        assert_eq!(town.fingerprint(), before);
        raise(&team, "B-Y", OTHER).expect(201);
        raise(&planner, "B-Z", OFFICE).expect(201);
        // Nor does who does errands for many projects.
        let (agent, _) = granted(&town, json!([{ "role": "agent", "unit": "decheng-office", "line": "projects" }]));
        let permit = |by: &Client, name: &str| {
            let body = json!({ "project": "park", "permit": name, "title": "施工许可", "bureau": OTHER, "agent": OFFICE, "term_workdays": 7 });
            record(by, "projects.permit.applied", body)
        };
        for at in 0..OPEN_ON_POST_MAX {
            permit(&agent, &format!("P-{at}")).expect(201);
        }
        assert_eq!(permit(&agent, "P-X").expect(400).json()["field"], "body.permit");
        permit(&planner, "P-X").expect(201);
        town.check();
    }

    fn a_project_of_long_ago_leaves_the_figures_of_all_open(town) {
        let planner = town.program(User::Planner);
        let mut body = project(OFFICES[0], "old");
        body["planned_finish"] = "2027-01-01".into();
        let entry = json!({ "kind": "projects.project.registered", "occurred": "1999-01-01T00:00:00Z", "body": body });
        planner.post(ENTRIES, &entry).expect(201);
        let leader = town.browser(User::Leader).with("accept", "text/html");
        for page in ["/projects", "/projects/decheng-projects", "/projects/decheng-projects/permits"] {
            let shown = leader.get(page).expect(200).text();
            let links: Vec<String> = shown
                .split("href=\"")
                .filter_map(|part| part.split('"').next())
                .filter(|link| link.starts_with("/figures/"))
                .map(|link| link.replace("&amp;", "&").replace("&#38;", "&"))
                .collect();
            for link in &links {
                leader.get(link).expect(200);
            }
            assert!(page != "/projects" || !links.is_empty(), "{shown}");
        }
    }

    fn so_many_plans_of_a_project_are_taken_over_in_a_day_and_none_comes_to_more_than_it_may(town) {
        let planner = town.program(User::Planner);
        let take = |text: &str| planner.post_bytes(PLAN, "application/octet-stream", text.as_bytes());
        let long = "长".repeat(250);
        let rows: String = (0..10_000).map(|at| format!("A{at},{long},1d,,{long}\n")).collect();
        let before = town.fingerprint();
        let refused = take(&format!("编号,名称,工期,紧前工作,分部\n{rows}")).expect(400).json();
        assert_eq!((&refused["field"], &refused["rule"]), (&json!("file"), &json!("plan")), "{refused}");
        assert_eq!(town.fingerprint(), before);
        let plan = "编号,名称,工期,紧前工作\nA,路基,20d,\nB,路面,20d,A\n";
        let team = town.program(User::Team);
        let take_as_team = || team.post_bytes(PLAN, "application/octet-stream", plan.as_bytes());
        for _ in 0..PLANS_A_DAY_MAX / 2 {
            take_as_team().expect(201);
        }
        assert_eq!(take_as_team().expect(409).json()["rule"], "too-many-plans");
        for _ in 0..PLANS_A_DAY_MAX / 2 {
            take(plan).expect(201);
        }
        assert_eq!(take(plan).expect(409).json()["rule"], "too-many-plans");
        let freeze = || harness::freeze(&planner, OFFICES[0], "park");
        for _ in 0..PLANS_A_DAY_MAX {
            freeze().expect(201);
        }
        assert_eq!(freeze().expect(409).json()["rule"], "too-many-plans");
        town.clock.advance_ms(24 * 3_600_000);
        take(plan).expect(201);
        town.check();
    }

    fn the_documentation_is_read_so_often_by_an_address(town) {
        let anyone = town.program(User::Anonymous);
        for path in ["/help/api", "/api/openapi.json", "/api/kinds", "/api/figures", "/api/rules", "/api/calendar"] {
            anyone.get(path).expect(200);
        }
        let refused = (0..200).map(|_| anyone.get("/api/kinds/market.sale.made")).find(|answer| answer.status == 429);
        assert!(refused.is_some(), "read 200 times");
    }

    fn strangers_who_try_a_name_keep_its_owner_from_nothing_once_signed_in(town) {
        let owner = town.holder("wei", &[]);
        let anyone = town.program(User::Anonymous);
        let fields = [("account", "wei"), ("password", "wrong wrong wrong")];
        let tried: Vec<u16> = (0..12).map(|_| anyone.post_form("/sign-in", &fields).status).collect();
        assert_eq!(tried.last(), Some(&429));
        let wrong = owner.post_form("/account/totp/begin", &[("password", "wrong wrong wrong")]);
        assert_ne!(wrong.status, 429, "{}", wrong.text());
        let new = "quite another password";
        let changed = owner.post_form("/account/password", &[("old_password", PASSWORD), ("new_password", new), ("again", new)]);
        assert_eq!(changed.status, 303, "{}", changed.text());
    }

    fn only_who_may_fill_a_post_learns_who_holds_it(town) {
        town.holder("zhou", &["post:371400/leader"]);
        town.holder("wei", &[]);
        give(&town, "wei", "admin", "371402", None);
        let wei = town.holder_again("wei");
        let held = |account: &str| json!({ "post": "post:371400/leader", "account": account, "from": "2026-03-10" });
        wei.post("/api/registry/holdings", &held("wei")).expect(403);
        for (account, until) in [("zhou", "2026-03-10"), ("wei", "2026-03-10"), ("zhou", "2026-02-01")] {
            let left = json!({ "post": "post:371400/leader", "account": account, "until": until });
            wei.post("/api/registry/leavings", &left).expect(403);
        }
        // Nor whether an account elsewhere administers anything.
        town.holder("chief", &[]);
        give(&town, "chief", "admin", "371400", None);
        for account in ["chief", "zhou"] {
            wei.post(&format!("/api/accounts/{account}/reset-password"), &json!({})).expect(403);
        }
    }

    fn a_project_with_very_many_matters_is_not_withdrawn_at_once(town) {
        let office = town.holder("li", &[OFFICE]);
        let planner = town.program(User::Planner);
        for at in 0..=100 {
            record(&planner, "projects.blocker.raised", blocker(&format!("B-{at}"), OTHER)).expect(201);
        }
        let path = "/api/matters/decheng-projects/project.park";
        let withdraw = || {
            let version = office.get(path).expect(200).json()["matter"]["version"].clone();
            let step = json!({ "verb": "cancelled", "reason": "企业调整投资", "approver": OFFICE });
            office.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step }))
        };
        assert!(withdraw().expect(409).text().contains("end some first"));
        let step = json!({ "verb": "cancelled", "reason": "误报", "approver": OFFICE });
        office.post("/api/matters/decheng-projects/blocker.B-0/moves", &json!({ "expected": 0, "move": step })).expect(201);
        withdraw().expect(201);
        town.check();
    }
}
