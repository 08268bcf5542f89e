//! What bounds the work that moves of matters ask of the writer, and what neither a team nor its reviewer puts off by itself.

use base::{ActorId, BookId, Day, KindName};
use harness::{Answer, Client, OFFICES, Town, User, on_every_store, project};
use kernel::{ACTING_ASKED_MAX, AppendError, DocketError, TASK_SORT};
use ledger::{Draft, Role};
use line_market::kinds::CleaningDone;
use line_projects::kinds::{VISITS_A_DAY_BY_TEAM_MAX, VISITS_A_DAY_MAX};
use matters::{Colour, Due, Matter, MatterId, Opened, PostId, REVIEW_OVERDUE};
use serde_json::{Value, json};
use store::Value as Cell;

const ENTRIES: &str = "/api/projects/decheng-projects/entries";
const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const TEAM: &str = "post:decheng-office/team-1";
const OFFICE: &str = "post:decheng-office/office";
const DAY_MS: i64 = 24 * 3_600_000;

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

/// Writes past the entries, as nobody can: what a test does so it takes back.
pub fn plant(town: &Town, sql: &str, values: &[Cell]) {
    let (sql, values) = (sql.to_owned(), values.to_vec());
    let planted = town.site.kernel.append_blocking(move |desk| {
        desk.aside(sql.clone(), values.clone());
        Ok::<_, AppendError<()>>(())
    });
    planted.unwrap();
}

pub fn step(client: &Client, matter: &str, step: Value) -> Answer {
    let version = client.get(matter).expect(200).json()["matter"]["version"].clone();
    client.post(&format!("{matter}/moves"), &json!({ "expected": version, "move": step }))
}

pub fn hand_in(town: &Town, client: &Client, matter: &str, by: &str) -> Answer {
    let path = format!("{matter}/evidence");
    let file = client.post_bytes(&path, "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
    let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": town.now()[..10] }]);
    step(client, matter, json!({ "verb": "submitted", "by": by, "evidence": evidence }))
}

fn stands(town: &Town, book: &str, name: &str) -> Matter {
    let id = MatterId::local(&BookId::new(book).unwrap(), name).unwrap();
    town.site.kernel.matter(&id).unwrap().expect("the matter is there")
}

on_every_store! {
    fn a_post_that_very_many_are_to_hold_comes_to_help_by_its_reviewer_alone(town) {
        let (clerk, manager) = (town.holder("zhao", &[CLERK]), town.holder("wei", &[MANAGER]));
        let deputy = "post:beiyuan-market/deputy";
        town.holder("qian", &[deputy]);
        let task = |name: &str| {
            let task = json!({ "name": name, "title": "疏通排水沟", "owner": CLERK, "reviewer": MANAGER,
                "due": { "by": "on", "day": "2026-06-20" } });
            manager.post("/api/matters/beiyuan", &task).expect(201);
            format!("/api/matters/beiyuan/{name}")
        };
        let (first, second) = (task("task-drain"), task("task-sweep"));
        let help = json!({ "verb": "helper_added", "helper": deputy });
        // Nobody enters hundreds here: the holders of days to come that are asked about stand there for a while.
        let from = Day::parse("2030-01-01").unwrap().0;
        let hold = |at: usize| {
            let day = i64::from(from) + i64::try_from(at).unwrap();
            let cells = [Cell::Text(deputy.into()), Cell::Int(day), Cell::Text(format!("a{at}")), Cell::Int(day)];
            plant(&town, "insert into org_holder (post, from_day, account, until_day) values ($1, $2, $3, $4)", &cells);
        };
        (1..ACTING_ASKED_MAX).for_each(hold);
        step(&clerk, &first, help.clone()).expect(201);
        hold(ACTING_ASKED_MAX);
        let said = step(&clerk, &second, help.clone()).expect(400).json();
        assert_eq!(said["field"], "helper", "{said}");
        for detail in ["detail_zh", "detail_en"] {
            assert!(said[detail].as_str().unwrap().contains("200"), "{said}");
        }
        step(&manager, &second, help).expect(201);
        plant(&town, "delete from org_holder where from_day >= $1", &[Cell::Int(from.into())]);
        town.check();
    }

    fn a_project_is_handed_in_once_it_is_finished_and_its_reviewer_is_told_what_waits(town) {
        let planner = town.program(User::Planner);
        record(&planner, "projects.project.registered", project(OFFICES[0], "road")).expect(201);
        let (team, path) = (town.holder("zhao", &[TEAM]), "/api/matters/decheng-projects/project.road");
        step(&team, path, json!({ "verb": "taken", "by": TEAM })).expect(201);
        let said = hand_in(&town, &team, path, TEAM).expect(409).json();
        assert_eq!((&said["rule"], said["detail_zh"].as_str().unwrap()), (&json!("line"), "项目尚未竣工，不能报结"));
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "finished" })).expect(201);
        hand_in(&town, &team, path, TEAM).expect(201);
        // The reviewer has five workdays, and is told on the morning of the last.
        let fired = || {
            town.settle();
            stands(&town, "decheng-projects", "project.road").fired.contains(&REVIEW_OVERDUE)
        };
        town.clock.advance_ms(7 * DAY_MS);
        assert!(!fired(), "at eight o'clock");
        town.clock.advance_ms(DAY_MS / 24);
        assert!(fired());
        let office = town.holder("li", &[OFFICE]);
        step(&office, path, json!({ "verb": "returned", "reason": "照片不清" })).expect(201);
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "finished" })).expect(201);
        hand_in(&town, &town.holder_again("zhao"), path, TEAM).expect(201);
        assert!(!fired(), "it waits anew");
        town.check();
    }

    fn a_project_takes_so_many_matters_off_the_list_with_it(town) {
        const ENDED_MAX: usize = 100;
        let planner = town.program(User::Planner);
        record(&planner, "projects.project.registered", project(OFFICES[0], "road")).expect(201);
        for at in 0..=ENDED_MAX {
            let body = json!({ "project": "road", "milestone": format!("M-{at}"), "title": "设备进场", "due": "2026-05-05" });
            record(&planner, "projects.milestone.set", body).expect(201);
        }
        let office = town.holder("li", &[OFFICE]);
        let end = |name: &str| {
            let cancelled = json!({ "verb": "cancelled", "reason": "退出清单", "approver": OFFICE });
            step(&office, &format!("/api/matters/decheng-projects/{name}"), cancelled)
        };
        let said = end("project.road").expect(409).json();
        assert!(said["detail_en"].as_str().unwrap().contains(&format!("of which {ENDED_MAX} end")), "{said}");
        end("milestone.road.M-0").expect(201);
        end("project.road").expect(201);
        assert!(stands(&town, "decheng-projects", "milestone.road.M-100").state.is_closed());
        town.check();
    }

    fn visits_of_a_day_to_a_project_are_so_many_and_a_team_leaves_the_office_some(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        let visit = |by: &Client| {
            let body = json!({ "to": "enterprise", "project": "park", "place": "园区", "by": OFFICE, "settled": "协调用电" });
            record(by, "projects.visit.made", body)
        };
        let refused = |answer: Answer, most: usize| {
            let said = answer.expect(400).json();
            assert_eq!(said["field"], "body.project", "{said}");
            assert!(said["detail_en"].as_str().unwrap().contains(&format!("of {most} at most")), "{said}");
        };
        for _ in 0..VISITS_A_DAY_BY_TEAM_MAX {
            visit(&team).expect(201);
        }
        refused(visit(&team), VISITS_A_DAY_BY_TEAM_MAX);
        for _ in VISITS_A_DAY_BY_TEAM_MAX..VISITS_A_DAY_MAX {
            visit(&planner).expect(201);
        }
        refused(visit(&planner), VISITS_A_DAY_MAX);
        town.clock.advance_ms(DAY_MS);
        visit(&team).expect(201);
        town.check();
    }

    fn however_much_is_told_of_a_matter_it_is_red_on_the_walls_of_past_days(town) {
        let (kernel, by, book) = (&town.site.kernel, ActorId::new("system:test").unwrap(), town.book());
        let id = MatterId::local(&book, "task-drain").unwrap();
        let post = |name: &str| PostId::try_from(base::SubjectId::new(name).unwrap()).unwrap();
        town.holder("zhao", &[CLERK, MANAGER]);
        let opened = Opened {
            matter: id.clone(),
            sort: KindName::new(TASK_SORT).unwrap(),
            title: "疏通排水沟".into(),
            owner: post(CLERK),
            helpers: Vec::new(),
            reviewer: post(MANAGER),
            due: Due::On { day: Day::parse("2026-03-12").unwrap() },
            rule: "default".into(),
        };
        let (of, actor) = (book.clone(), by.clone());
        kernel.append_blocking::<_, _, DocketError>(move |desk| {
            let now = desk.now();
            desk.open_matter(&of, &actor, now, opened.clone(), Vec::new())
        }).unwrap();
        town.clock.advance_ms(6 * DAY_MS);
        town.settle();
        let day = Day::parse("2026-03-14").unwrap();
        let red = || {
            let red = kernel.coloured_on(std::slice::from_ref(&book), &["kernel"], day, Colour::Red, 10).unwrap();
            red.into_iter().map(|it| (it.matter.id, it.matter.colour, it.due.unwrap().to_string())).collect::<Vec<_>>()
        };
        let shown = vec![(id.clone(), Some(Colour::Red), "2026-03-12".to_owned())];
        assert_eq!(red(), shown);
        let (of, about) = (book.clone(), id.subject().clone());
        kernel.append_blocking::<_, _, ()>(move |desk| {
            for _ in 0..2_000 {
                let cleaned = CleaningDone { area: "hall".into(), note: None };
                desk.append::<()>(Draft::new(&of, desk.now(), &by, &cleaned)?.subject(Role::About, about.clone()))?;
            }
            Ok(())
        }).unwrap();
        assert_eq!(red(), shown);
        town.check();
    }

    fn a_book_that_cannot_begin_a_day_keeps_no_other_from_it(town) {
        let begun = |book: &str| {
            let book = book.to_owned();
            let sql = "select day from line_day where book = $1";
            let row = town.site.kernel.read(|tx| tx.query_one(sql, &[store::Param::Text(&book)])).unwrap();
            row.unwrap().int(0).unwrap()
        };
        let spoil = |of: &str| {
            let sql = "update projects_project set team = $1 where book = 'decheng-projects' and project = 'park'";
            plant(&town, sql, &[Cell::Text(of.into())]);
        };
        spoil("nobody");
        // On the last of March its start is due.
        town.clock.advance_ms(21 * DAY_MS);
        let today = i64::from(Day::parse("2026-03-31").unwrap().0);
        town.site.kernel.tend_days().unwrap();
        assert_eq!((begun("decheng-projects"), begun("leling-projects")), (today, today));
        spoil(TEAM);
        town.clock.advance_ms(DAY_MS);
        town.settle();
        town.check();
    }
}
