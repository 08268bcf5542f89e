//! What a further review found: of handovers, grants, accounts, what was returned, and the edges.

use access::Grant;
use base::{AccountId, ActorId, BookId, Day, SubjectId, UnitCode};
use harness::{Answer, Client, Engine, OFFICES, PASSWORD, Site, Town, User, on_every_store, project};
use kernel::{MatterFilter, NewAccount};
use matters::Colour;
use serde_json::{Value, json};
use taizhang::Config;

use crate::mended_projects::{hand_in, step};
use crate::upkeep;

const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const BUREAU: &str = "post:371402/bureau";
const MAYOR: &str = "post:371400/mayor";
const TEAM: &str = "post:decheng-office/team-1";
const OFFICE: &str = "post:decheng-office/office";
const DAY_MS: i64 = 24 * 3_600_000;

fn installation() -> ActorId {
    ActorId::new("system:test").unwrap()
}

fn give(
    town: &Town,
    grantee: &str,
    role: &str,
    unit: &str,
    line: Option<&str>,
    subject: Option<&str>,
) -> u64 {
    let grant = Grant {
        role: role.into(),
        unit: UnitCode::new(unit).unwrap(),
        line: line.map(str::to_owned),
        subject: subject.map(|it| SubjectId::new(it).unwrap()),
    };
    let grantee = ActorId::new(grantee).unwrap();
    town.site.kernel.give_grant(&installation(), &grantee, grant).unwrap().seq.0
}

fn task(client: &Client, owner: &str, reviewer: &str) -> Answer {
    let due = json!({ "by": "on", "day": "2026-06-20" });
    let body = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": owner, "reviewer": reviewer, "due": due });
    client.post("/api/matters/beiyuan", &body)
}

const TASK: &str = "/api/matters/beiyuan/task-drain";

on_every_store! {
    fn a_handover_keeps_no_reviewer_from_what_they_judge_unless_they_make_it(town) {
        let reviewer = town.holder("wei", &[MAYOR, BUREAU]);
        let clerk = town.holder("zhang", &[CLERK]);
        town.holder("li", &[]);
        give(&town, "account:li", "leader", "371402", None, None);
        let leader = town.holder_again("li");
        task(&reviewer, CLERK, MAYOR).expect(201);
        let to = |post: &str| json!({ "verb": "handed_over", "to": post, "reason": "分工调整" });
        let said = step(&leader, TASK, to(BUREAU)).expect(400).json();
        assert_eq!(said["field"], "to", "{said}");
        step(&clerk, TASK, json!({ "verb": "taken", "by": CLERK })).expect(201);
        hand_in(&town, &clerk, TASK, CLERK).expect(201);
        step(&reviewer, TASK, json!({ "verb": "accepted" })).expect(201);
        town.check();
    }

    fn what_is_granted_for_one_line_keeps_nobody_from_the_matters_of_others(town) {
        town.holder("wei", &[MANAGER]);
        let clerk = town.holder("zhang", &[CLERK]);
        let given = give(&town, "account:wei", "holder", "beiyuan-market", Some("projects"), Some(CLERK));
        let manager = town.holder_again("wei");
        task(&manager, CLERK, MANAGER).expect(201);
        step(&clerk, TASK, json!({ "verb": "taken", "by": CLERK })).expect(201);
        hand_in(&town, &clerk, TASK, CLERK).expect(201);
        town.site.kernel.withdraw_grant(&installation(), given).unwrap();
        step(&town.holder_again("wei"), TASK, json!({ "verb": "accepted" })).expect(201);
        town.check();
    }

    fn an_account_that_acts_for_a_post_is_opened_by_those_who_administer_the_post(town) {
        town.holder("mayor", &[MAYOR]);
        let temp = |name: &str| {
            let (account, unit) = (AccountId::new(name).unwrap(), UnitCode::new("371402").unwrap());
            let new = NewAccount { account, unit, title: name.into() };
            town.site.kernel.add_account(&installation(), new, Some(PASSWORD)).unwrap();
        };
        temp("plain");
        temp("standing-in");
        give(&town, "account:plain", "team", "371402", Some("projects"), Some(TEAM));
        give(&town, "account:standing-in", "team", "371402", Some("projects"), Some(MAYOR));
        town.holder("boss", &[]);
        give(&town, "account:boss", "admin", "371402", None, None);
        let boss = town.holder_again("boss").with("x-password", PASSWORD);
        let reset = |name: &str| boss.post(&format!("/api/accounts/{name}/reset-password"), &json!({}));
        reset("plain").expect(200);
        reset("standing-in").expect(403);
        town.check();
    }

    fn what_was_said_to_be_finished_and_was_returned_counts_for_no_day(town) {
        const ENTRIES: &str = "/api/projects/decheng-projects/entries";
        let planner = town.program(User::Planner);
        let record = |client: &Client, kind: &str, body: Value, occurred: Option<&str>| {
            let mut entry = json!({ "kind": kind, "body": body });
            if let Some(occurred) = occurred {
                entry["occurred"] = occurred.into();
            }
            client.post(ENTRIES, &entry)
        };
        let mut body = project(OFFICES[0], "road");
        (body["planned_start"], body["planned_finish"]) = ("2026-03-11".into(), "2026-03-14".into());
        record(&planner, "projects.project.registered", body, None).expect(201);
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "started" }), None).expect(201);
        town.clock.advance_ms(10 * DAY_MS);
        town.settle();
        let rate = |day: &str| {
            let path = format!("/api/figures/projects.finish.rate?unit=371402&from=2026-01-01&to={day}");
            let value = town.program(User::Leader).get(&path).expect(200).json();
            (value["numerator"].clone(), value["denominator"].clone())
        };
        assert_eq!(rate("2026-03-16"), (json!(0), json!(1)));
        let team = town.holder("zhao", &[TEAM]);
        let finished = json!({ "project": "road", "to": "finished" });
        record(&town.program(User::Team), "projects.phase.changed", finished.clone(), Some("2026-03-13T10:00:00+08:00")).expect(201);
        assert_eq!(rate("2026-03-16"), (json!(1), json!(1)));
        let matter = "/api/matters/decheng-projects/project.road";
        step(&team, matter, json!({ "verb": "taken", "by": TEAM })).expect(201);
        hand_in(&town, &team, matter, TEAM).expect(201);
        let office = town.holder("li", &[OFFICE]);
        step(&office, matter, json!({ "verb": "returned", "reason": "并未竣工" })).expect(201);
        for day in ["2026-03-14", "2026-03-16", "2026-03-20"] {
            assert_eq!(rate(day), (json!(0), json!(1)), "{day}");
        }
        town.check();
        town.clock.advance_ms(DAY_MS);
        record(&town.program(User::Team), "projects.phase.changed", finished, None).expect(201);
        assert_eq!(rate("2026-03-20"), (json!(0), json!(1)));
        town.check();
    }

    fn what_is_red_of_a_line_is_found_whatever_else_is_red_in_its_books(town) {
        let planner = town.program(User::Planner);
        let mut body = project(OFFICES[0], "road");
        (body["planned_start"], body["planned_finish"]) = ("2026-03-11".into(), "2026-03-13".into());
        planner.post("/api/projects/decheng-projects/entries", &json!({ "kind": "projects.project.registered", "body": body })).expect(201);
        let office = town.holder("li", &[OFFICE, "post:decheng-office/clerk"]);
        for number in 0..3 {
            let due = json!({ "by": "on", "day": "2026-03-10" });
            let task = json!({ "name": format!("task-{number}"), "title": "某事", "owner": "post:decheng-office/clerk", "reviewer": OFFICE, "due": due });
            office.post("/api/matters/decheng-projects", &task).expect(201);
        }
        town.clock.advance_ms(20 * DAY_MS);
        town.settle();
        let books = vec![BookId::new("decheng-projects").unwrap()];
        let kernel = &town.site.kernel;
        let reds = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            let filter = MatterFilter { books: books.clone(), lines, colour: Some(Colour::Red), ..MatterFilter::default() };
            let found = kernel.matters(&filter, None, 1).unwrap().items;
            found.into_iter().map(|it| it.matter.sort.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(reds(&[]), ["kernel.task"]);
        assert_eq!((reds(&["projects"]), reds(&["market", "projects"])), (vec!["projects.project".to_owned()], vec!["projects.project".to_owned()]));
        let day = Day::parse("2026-03-29").unwrap();
        let past = |lines: &[&str]| {
            let found = kernel.coloured_on(&books, lines, day, Colour::Red, 1).unwrap();
            found.into_iter().map(|it| it.matter.sort.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(past(&["projects"]), ["projects.project"]);
        assert_eq!(past(&["kernel", "projects"]), ["kernel.task"]);
        town.check();
    }

    fn the_metrics_are_open_to_no_proxy_of_the_same_machine(town) {
        let place = town.close();
        let here = "127.0.0.1".parse().unwrap();
        let serve = |config: Config| {
            let monitoring = taizhang::config::Monitoring { addresses: vec![here], backup: None };
            Site::serve(&Config { monitoring, ..config }, place.store(), std::sync::Arc::new(taizhang::SystemClock))
        };
        serve(place.config()).client().get("/metrics").expect(200);
        serve(Config { trusted_proxies: vec![here], ..place.config() }).client().get("/metrics").expect(401);
        let public_url = Some("https://ledger.example.gov.cn".to_owned());
        serve(Config { public_url, ..place.config() }).client().get("/metrics").expect(401);
    }

    fn pages_say_that_they_show_a_demonstration(town) {
        let place = town.close();
        for demonstration in [false, true] {
            let config = Config { demonstration, ..place.config() };
            let site = Site::serve(&config, place.store(), std::sync::Arc::new(taizhang::SystemClock));
            let said = |lang: &str| site.client().get(&format!("/sign-in?lang={lang}")).expect(200).text();
            assert_eq!(said("zh-CN").contains("演示数据"), demonstration);
            assert_eq!(said("en").contains("Demonstration data"), demonstration);
        }
    }
}

#[test]
fn the_demonstration_is_loaded_into_no_ledger_of_others() {
    let place = Engine::Sqlite.place().unwrap();
    upkeep::done(&place, &["password", "admin"]);
    let said = upkeep::refused(&place, &["demo", "--quiet", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("records of its own"), "{said}");
}
