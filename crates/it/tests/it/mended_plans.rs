//! What a team leaves out takes no lag away, what is frozen was seen, and what there may be of projects and tasks.

use base::{BookId, Day, KindName, SubjectId};
use harness::{Answer, Client, Engine, OFFICES, Place, Town, User, freeze, on_every_store, project};
use kernel::{DocketError, TASK_SORT, TASKS_OWED_MAX};
use line_projects::kinds::{GROUPS_MAX, PROJECTS_MAX};
use matters::{Colour, Due, MatterId, Opened, PostId};
use serde_json::{Value, json};

pub const PROJECTS: &str = "/api/projects/decheng-projects";
const CLERK: &str = "post:beiyuan-market/clerk";
const MANAGER: &str = "post:beiyuan-market/manager";
const DEPUTY: &str = "post:beiyuan-market/deputy";
const DAY_MS: i64 = 24 * 3_600_000;
pub const ROAD: &str = "编号,名称,工期,紧前工作\nA,路基,20d,\nB,路面,20d,A\n";

pub fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(&format!("{PROJECTS}/entries"), &json!({ "kind": kind, "body": body }))
}

/// Writes past the entries, as nobody can: what a test does so it takes back.
pub fn plant(town: &Town, sql: &str) {
    crate::mended_projects::plant(town, sql, &[]);
}

fn register(client: &Client, name: &str) {
    let mut body = project(OFFICES[0], name);
    (body["planned_start"], body["planned_finish"]) = ("2026-03-11".into(), "2026-06-30".into());
    record(client, "projects.project.registered", body).expect(201);
}

fn colour(town: &Town, name: &str) -> Option<Colour> {
    town.settle();
    let id = MatterId::local(&BookId::new(OFFICES[0].book).unwrap(), &format!("project.{name}")).unwrap();
    town.site.kernel.matter(&id).unwrap().expect("the matter is there").colour
}

fn take(client: &Client, name: &str) {
    let path = format!("{PROJECTS}/projects/{name}/plan?file=road.csv");
    client.post_bytes(&path, "application/octet-stream", ROAD.as_bytes()).expect(201);
}

fn post(name: &str) -> PostId {
    PostId::try_from(SubjectId::new(name).unwrap()).unwrap()
}

on_every_store! {
    fn a_team_that_tells_less_is_judged_by_what_was_known_last(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        for name in ["told", "silent", "frozen"] {
            register(&planner, name);
        }
        take(&team, "frozen");
        freeze(&planner, OFFICES[0], "frozen").expect(201);
        record(&team, "projects.phase.changed", json!({ "project": "told", "to": "started" })).expect(201);
        record(&team, "projects.progress.reported", json!({ "project": "told", "percent_bp": 1_000 })).expect(201);
        town.clock.advance_ms(70 * DAY_MS);
        town.settle();
        for name in ["told", "silent", "frozen"] {
            assert_eq!(colour(&town, name), Some(Colour::Red), "{name}");
        }
        record(&team, "projects.progress.reported", json!({ "project": "told", "remaining_days": 20 })).expect(201);
        for name in ["silent", "frozen"] {
            record(&team, "projects.phase.changed", json!({ "project": name, "to": "started" })).expect(201);
        }
        town.clock.advance_ms(60_000);
        for name in ["told", "silent", "frozen"] {
            assert_eq!(colour(&town, name), Some(Colour::Red), "{name}");
        }
        town.check();
    }

    fn a_body_that_is_a_list_of_its_fields_is_refused(town) {
        let planner = town.program(User::Planner);
        let said = record(&planner, "projects.progress.reported", json!(["park", null, 5_000])).expect(400).json();
        assert_eq!(said["field"], "body", "{said}");
        assert!(said["detail_zh"].as_str().unwrap().contains("JSON 对象"), "{said}");
        town.check();
    }

    fn what_is_frozen_is_the_plan_that_was_seen(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        take(&planner, "park");
        let version = || planner.get(&format!("{PROJECTS}/projects/park/plan")).expect(200).json()["source"]["version"].clone();
        let freeze = |version: Value| {
            record(&planner, "projects.plan.baselined", json!({ "project": "park", "title": "开工前", "version": version }))
        };
        let seen = version();
        let page = "/projects/decheng-projects/project/park/plan";
        let browser = town.browser(User::Planner);
        let shown = browser.get(page).expect(200).text();
        assert!(shown.contains(&format!("name=\"version\" value=\"{}\"", seen.as_str().unwrap())));
        let edit = json!({ "project": "park", "changes": [{ "what": "duration", "activity": "B", "minutes": 4_800 }] });
        record(&team, "projects.plan.edited", edit).expect(201);
        assert_eq!(freeze(Value::Null).expect(400).json()["field"], "body.version");
        let said = freeze(seen.clone()).expect(409).json();
        assert_eq!((&said["field"], &said["rule"]), (&json!("body.version"), &json!("plan-changed")), "{said}");
        // A report changes nothing of what is frozen.
        let now = version();
        record(&team, "projects.progress.reported", json!({ "project": "park", "activity": "A", "percent_bp": 1_000 })).expect(201);
        assert_eq!(version(), now);
        freeze(now).expect(201);
        town.check();
    }

    fn a_report_on_an_activity_of_a_plan_is_taken_back(town) {
        let planner = town.program(User::Planner);
        take(&planner, "park");
        let body = json!({ "project": "park", "activity": "A", "percent_bp": 1_000 });
        let seq = record(&planner, "projects.progress.reported", body).expect(201).json()["entry"]["seq"].clone();
        record(&planner, "projects.entry.reversed", json!({ "entry": seq, "reason": "误报" })).expect(201);
        town.check();
    }

    fn a_book_has_so_many_projects_chains_and_programmes(town) {
        let planner = town.program(User::Planner);
        let leader = "post:decheng-office/office";
        let many = |count: usize, insert: &str, what: &str| {
            plant(&town, &format!("{insert} with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) {what} from n"));
        };
        many(GROUPS_MAX, "insert into projects_chain (book, chain, title_zh, leader)", "select 'decheng-projects', 'x' || i, 'x', 'post:x/x'");
        many(GROUPS_MAX, "insert into projects_programme (book, programme, title_zh, planned_fen)", "select 'decheng-projects', 'x' || i, 'x', 1");
        many(
            PROJECTS_MAX,
            "insert into projects_project (book, project, title_zh, industry, unit, address, total_fen, builder, office, team,
             planned_start, planned_finish, phase, newly_signed, start_due, finish_due, registered_at, changed_at, withdrawn_at)",
            "select 'decheng-projects', 'x' || i, 'x', 'C24', '371402', 'x', 1, 'x', 'post:x/x', 'post:x/x', 1, 2, 'signed', 0, 0, 0, 1, 1, 1",
        );
        let refused = |kind: &str, body: Value, field: &str, most: usize| {
            let said = record(&planner, kind, body).expect(400).json();
            assert_eq!(said["field"], field, "{said}");
            assert!(said["detail_en"].as_str().unwrap().contains(&format!("of {most} at most")), "{said}");
        };
        let chain = json!({ "chain": "new", "title_zh": "新材料", "title_en": null, "leader": leader });
        refused("projects.chain.founded", chain, "body.chain", GROUPS_MAX);
        let programme = json!({ "programme": "new", "title_zh": "更新", "title_en": null, "planned_fen": 1 });
        refused("projects.programme.founded", programme, "body.programme", GROUPS_MAX);
        refused("projects.project.registered", project(OFFICES[0], "new"), "body.project", PROJECTS_MAX);
        for (table, name) in [("chain", "chain"), ("programme", "programme"), ("project", "project")] {
            plant(&town, &format!("delete from projects_{table} where {name} like 'x%'"));
        }
        town.check();
    }

    fn what_falls_due_is_written_in_parts(town) {
        let book = BookId::new(OFFICES[0].book).unwrap();
        let (of, actor) = (book.clone(), base::ActorId::new("system:test").unwrap());
        let registered = town.site.kernel.append_blocking(move |desk| {
            for at in 0..201 {
                let mut body = project(OFFICES[0], &format!("p{at:03}"));
                body["planned_start"] = "2026-03-10".into();
                let input = line_projects::record::Input {
                    kind: "projects.project.registered".into(), occurred: None, body, evidence: Vec::new(),
                };
                line_projects::record::record(desk, &of, &actor, &input)?;
            }
            Ok(())
        });
        registered.unwrap();
        let due = |behind: Option<String>| {
            let book = book.clone();
            let day = Day::parse("2026-03-10").unwrap();
            let fall = move |desk: &mut kernel::Desk<'_>| line_projects::fall_due(desk, &book, day, behind.as_deref());
            let (receipts, stopped) = town.site.kernel.append_blocking::<_, _, ()>(fall).unwrap();
            (receipts.len(), stopped)
        };
        let first = due(None);
        assert_eq!(first, (200, Some("p199".into())));
        assert_eq!(due(first.1), (1, None));
        assert_eq!(due(None), (0, None));
        town.check();
    }

    fn so_many_tasks_of_a_book_are_owed_by_a_post_whoever_reviews_them(town) {
        town.holder("zhang", &[CLERK]);
        town.holder("qian", &[DEPUTY]);
        town.holder("wei", &[MANAGER]);
        let leader = town.program(User::Leader);
        let (book, actor) = (town.book(), base::ActorId::new("system:test").unwrap());
        let opened = town.site.kernel.append_blocking::<_, _, DocketError>(move |desk| {
            for at in 0..TASKS_OWED_MAX {
                let task = Opened {
                    matter: MatterId::local(&book, &format!("task-{at}")).unwrap(),
                    sort: KindName::new(TASK_SORT).unwrap(),
                    title: "清扫".into(),
                    owner: post(CLERK),
                    helpers: Vec::new(),
                    reviewer: post(MANAGER),
                    due: Due::On { day: Day::parse("2026-06-20").unwrap() },
                    rule: "default".into(),
                };
                let now = desk.now();
                desk.open_matter(&book, &actor, now, task, Vec::new())?;
            }
            Ok(())
        });
        opened.unwrap();
        let give = |name: &str, owner: &str, helpers: Value, reviewer: &str| {
            let task = json!({ "name": name, "title": "清扫", "owner": owner, "helpers": helpers, "reviewer": reviewer,
                "due": { "by": "on", "day": "2026-06-20" } });
            leader.post("/api/matters/beiyuan", &task)
        };
        for (owner, helpers) in [(CLERK, json!([])), (MANAGER, json!([CLERK]))] {
            let said = give("task-more", owner, helpers, DEPUTY).expect(409).json();
            assert_eq!(said["rule"], "too-many-tasks", "{said}");
        }
        give("task-more", MANAGER, json!([]), DEPUTY).expect(201);
        town.check();
    }

    fn a_book_that_loses_the_database_keeps_no_other_from_its_day(town) {
        if let Place { engine: Engine::Postgres, .. } = &town.place {
            plant(&town, "create function lose() returns trigger language plpgsql as $$ begin
                if new.book = 'decheng-projects' then perform pg_terminate_backend(pg_backend_pid()); end if;
                return new; end $$");
            plant(&town, "create trigger lose before insert or update on line_day for each row execute function lose()");
            let begun = |book: &str| {
                let params = [store::Param::Text(book)];
                let row = town.site.kernel.read(|tx| tx.query_one("select day from line_day where book = $1", &params)).unwrap();
                row.map_or(0, |row| row.int(0).unwrap())
            };
            let before = begun("decheng-projects");
            town.clock.advance_ms(DAY_MS);
            let today = i64::from(Day::parse("2026-03-11").unwrap().0);
            // The clock of the town tends them as well, and loses the database to both.
            let is_begun = |_| town.site.kernel.tend_days().is_ok() && begun("leling-projects") == today;
            assert!((0..50).any(is_begun));
            assert_eq!(begun("decheng-projects"), before);
            let spared = || plant(&town, "drop trigger lose on line_day");
            let is_spared = |_| std::panic::catch_unwind(std::panic::AssertUnwindSafe(spared)).is_ok();
            assert!((0..50).any(is_spared));
            plant(&town, "drop function lose()");
            town.site.kernel.tend_days().unwrap();
            assert_eq!(begun("decheng-projects"), today);
        }
        town.check();
    }
}
