//! What a team reports, signs and sends of its project is reckoned with within bounds: it stops neither the clock nor a page, and
//! silences nothing that the project is judged by.

use std::time::Duration;

use base::{ActorId, BookId, SubjectId, UnitCode};
use harness::{Answer, Client, OFFICES, Town, User, freeze, on_every_store, project};
use kernel::{AppendError, Tended, VALUES_MAX, clock_actor};
use line_projects::kinds::{
    INSTALMENT_DAYS_MAX, WORK_ITEMS_BY_TEAM_MAX, WORK_ITEMS_MAX, WORKS_BY_TEAM_MAX, WORKS_MAX,
};
use matters::{Colour, DayUnit, MatterId, Term};
use serde_json::{Value, json};
use store::StoreError;

use crate::office::{at, due_on, on_each_engine};

const ENTRIES: &str = "/api/projects/decheng-projects/entries";
const PLAN: &str = "/api/projects/decheng-projects/projects/road/plan";
const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const DEPUTY: &str = "post:beiyuan-market/deputy";
const TEAM: &str = "post:decheng-office/team-1";
const OFFICE: &str = "post:decheng-office/office";
const PAGE: &str = "/projects/decheng-projects/project/road/plan";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn take(client: &Client, file: &str) -> Answer {
    client.post_bytes(PLAN, "application/octet-stream", file.as_bytes())
}

/// Registers a road that has started.
fn road(town: &Town) {
    let planner = town.program(User::Planner);
    let mut body = project(OFFICES[0], "road");
    body["title_zh"] = "高铁站连接线".into();
    (body["planned_start"], body["planned_finish"]) = ("2026-03-16".into(), "2026-12-31".into());
    record(&planner, "projects.project.registered", body).expect(201);
    record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "started" })).expect(201);
    town.settle();
}

fn colour(town: &Town, project: &str) -> Option<Colour> {
    let id = MatterId::local(&BookId::new(OFFICES[0].book).unwrap(), &format!("project.{project}")).unwrap();
    town.site.kernel.matter(&id).unwrap().expect("the matter is there").colour
}

fn report(client: &Client, activity: &str, percent_bp: u32) -> Answer {
    let body = json!({ "project": "road", "activity": activity, "percent_bp": percent_bp, "note": "复核" });
    record(client, "projects.progress.reported", body)
}

/// So many activities one after the other, worked at a minute a week: each takes 96 million minutes, of which ten are said to be
/// left since 1900.
fn weekly(activities: u32) -> String {
    let task = |uid: u32| {
        let after = match uid {
            1 => String::new(),
            _ => format!(
                "<PredecessorLink><PredecessorUID>{}</PredecessorUID><Type>1</Type></PredecessorLink>",
                uid - 1
            ),
        };
        format!(
            "<Task><UID>{uid}</UID><Name>工序{uid}</Name><Duration>PT1600000H0M0S</Duration>\
             <ActualStart>1900-01-01T08:00:00</ActualStart><RemainingDuration>PT0H10M0S</RemainingDuration>{after}</Task>"
        )
    };
    let tasks: String = (1..=activities).map(task).collect();
    format!(
        "<Project><StartDate>2026-03-16T08:00:00</StartDate><CalendarUID>1</CalendarUID><Calendars><Calendar><UID>1</UID><Name>c</Name>\
         <WeekDays><WeekDay><DayType>2</DayType><DayWorking>1</DayWorking><WorkingTimes><WorkingTime><FromTime>08:00:00</FromTime>\
         <ToTime>08:01:00</ToTime></WorkingTime></WorkingTimes></WeekDay></WeekDays></Calendar></Calendars><Tasks>{tasks}</Tasks></Project>"
    )
}

/// The plan cannot be shown, and everything that would show it says why.
fn says_why(client: &Client, browser: &Client) {
    for path in ["", "/curve", "/overlaps", "/file?format=oc4ids", "/file?format=ics"] {
        let said = client.get(&format!("{PLAN}{path}")).expect(409).json();
        assert_eq!(said["rule"], "plan", "{path}: {said}");
        let zh = said["detail_zh"].as_str().or(said["detail"].as_str()).unwrap();
        assert!(zh.contains("超出公元 1 年至 9999 年"), "{path}: {said}");
    }
    for query in ["", "?zoom=week"] {
        let page = browser.get(&format!("{PAGE}{query}")).expect(200).text();
        assert!(page.contains("工序1") || page.contains("“1”"), "{page}");
        assert!(page.contains("超出公元 1 年至 9999 年"), "{page}");
        assert!(!page.contains("gantt-plot"), "{page}");
    }
}

/// Those that cannot be reckoned with rest, whatever else is looked at.
#[test]
fn a_matter_that_cannot_be_prepared_keeps_the_clock_from_no_other() {
    on_each_engine(|office| {
        for name in ["a", "fails", "panics", "z"] {
            office.open(due_on(name, "2026-03-05")).unwrap();
        }
        office.clock.set(at("2026-03-06T12:00"));
        let tended = office.kernel.tend_matters(1_000).unwrap();
        assert_eq!((tended.looked_at, tended.failed), (2, 2));
        let red = |name: &str| office.told().contains(&format!("2026-03-06 00:00 {name} red"));
        assert_eq!(["a", "fails", "panics", "z"].map(red), [true, false, false, true]);
        assert_eq!(office.kernel.tend_matters(1_000).unwrap(), Tended::default());
        office.check();
    });
}

on_every_store! {
    fn what_reports_put_beyond_all_years_is_told_and_stops_nobody(town) {
        road(&town);
        let (planner, team, browser) = (town.program(User::Planner), town.program(User::Team), town.browser(User::Planner));
        take(&team, &weekly(4)).expect(201);
        for activity in ["1", "2", "3", "4"] {
            report(&team, activity, 1).expect(201);
        }
        town.settle();
        assert_eq!(colour(&town, "road"), Some(Colour::Red), "it will never be finished");
        says_why(&team, &browser);

        // The clock goes on with what else is due.
        let mut other = project(OFFICES[0], "other");
        (other["planned_start"], other["planned_finish"]) = ("2026-03-16".into(), "2026-03-20".into());
        record(&planner, "projects.project.registered", other).expect(201);
        town.clock.advance_ms(40 * 24 * 3_600_000);
        town.settle();
        assert_ne!(colour(&town, "other"), Some(Colour::Blue));

        let shorter = |activity: &str| json!({ "what": "duration", "activity": activity, "minutes": 10 });
        let changes: Vec<Value> = ["1", "2", "3", "4"].map(shorter).into();
        record(&team, "projects.plan.edited", json!({ "project": "road", "changes": changes })).expect(201);
        team.get(PLAN).expect(200);
        assert!(town.browser(User::Team).get(PAGE).expect(200).text().contains("gantt-plot"));
        town.check();
    }

    fn a_baseline_keeps_its_judgement_of_what_reports_put_beyond_all_years(town) {
        road(&town);
        let (planner, team, browser) = (town.program(User::Planner), town.program(User::Team), town.browser(User::Planner));
        take(&team, &weekly(1)).expect(201);
        freeze(&planner, OFFICES[0], "road").expect(201);
        report(&team, "1", 1).expect(201);
        town.settle();
        assert_eq!(colour(&town, "road"), Some(Colour::Red));
        says_why(&team, &browser);
        report(&team, "1", 10_000).expect(201);
        team.get(PLAN).expect(200);
        assert!(browser.get(&format!("{PAGE}?zoom=week")).expect(200).text().contains("gantt-plot"));
        town.check();
    }

    fn a_plan_of_all_the_years_there_are_is_drawn_with_few_marks(town) {
        road(&town);
        let (team, browser) = (town.program(User::Team), town.browser(User::Planner));
        // It ends in the year 3900, and would have to begin in the year 110 to be in time.
        let file = weekly(1).replace("PT1600000H0M0S", "PT1666H40M0S").replace("PT0H10M0S", "PT1666H40M0S");
        take(&team, &file).expect(201);
        assert!(team.get(PLAN).expect(200).json()["finish"].as_str().unwrap() > "39");
        for zoom in ["month", "week"] {
            let page = browser.get(&format!("{PAGE}?zoom={zoom}")).expect(200).text();
            assert!(page.contains("gantt-plot"));
            assert!(page.len() < 300_000, "{} bytes", page.len());
        }
        assert!(team.get(&format!("{PLAN}/curve")).expect(200).json()["points"].as_array().unwrap().len() < 400);
        town.check();
    }

    fn many_days_of_payment_silence_nothing_and_a_team_leaves_the_office_some(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        let mut body = project(OFFICES[0], "mill");
        body["rule"] = "yinchuan-2025".into();
        (body["planned_start"], body["planned_finish"]) = ("2026-06-01".into(), "2027-12-31".into());
        record(&planner, "projects.project.registered", body).expect(201);
        town.settle();
        assert_eq!(colour(&town, "mill"), Some(Colour::Blue));
        // Days that have gone by, on each of which something was to be paid.
        let sign = |by: &Client, from: usize, count: usize| {
            let day = |number: usize| base::Day::parse("2022-01-01").unwrap().plus(i32::try_from(number).unwrap());
            let parts: Vec<Value> = (from..from + count).map(|number| json!({ "day": day(number), "amount_fen": 1 })).collect();
            let contract = json!({ "project": "mill", "contract": format!("C-{from}"), "title": "施工", "party": "某公司",
                "amount_fen": count, "instalments": parts });
            record(by, "projects.contract.signed", contract)
        };
        for from in (0..780).step_by(60) {
            sign(&team, from, 60).expect(201);
            town.settle();
            assert_eq!(colour(&town, "mill"), Some(Colour::Red), "after {} days", from + 60);
        }
        sign(&team, 780, 20).expect(201);
        let said = sign(&team, 800, 1).expect(400).json();
        assert_eq!(said["field"], "body.instalments");
        for detail in ["detail", "detail_zh", "detail_en"] {
            assert!(said[detail].as_str().unwrap().contains("800"), "{said}");
        }
        for from in (800..INSTALMENT_DAYS_MAX).step_by(50) {
            sign(&planner, from, 50).expect(201);
        }
        sign(&planner, INSTALMENT_DAYS_MAX, 1).expect(400);
        town.settle();
        assert_eq!(colour(&town, "mill"), Some(Colour::Red));
        record(&planner, "projects.payment.made", json!({ "project": "mill", "amount_fen": INSTALMENT_DAYS_MAX })).expect(201);
        town.settle();
        assert_eq!(colour(&town, "mill"), Some(Colour::Blue));
        town.check();
    }

    fn who_owes_a_task_keeps_no_reviewer_from_it_by_a_helper_whom_they_ever_stood_in_for(town) {
        let manager = town.holder("wei", &[MANAGER]);
        town.holder("zhang", &[CLERK]);
        town.holder("qian", &[DEPUTY]);
        let (kernel, by, wei) = (&town.site.kernel, clock_actor(), ActorId::new("account:wei").unwrap());
        let give = |role: &str| {
            let (unit, subject) = (UnitCode::new("beiyuan-market").unwrap(), SubjectId::new(DEPUTY).ok());
            let grant = access::Grant { role: role.into(), unit, line: None, subject };
            kernel.give_grant(&by, &wei, grant).unwrap().seq.0
        };
        // What a line's role opens is no task.
        give("team");
        let task = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": CLERK, "reviewer": MANAGER, "due": { "by": "on", "day": "2026-06-20" } });
        manager.post("/api/matters/beiyuan", &task).expect(201);
        let step = |client: &Client, version: u32, step: Value| {
            client.post("/api/matters/beiyuan/task-drain/moves", &json!({ "expected": version, "move": step }))
        };
        let clerk = town.holder_again("zhang");
        let help = json!({ "verb": "helper_added", "helper": DEPUTY });
        let given = give("holder");
        let said = step(&clerk, 0, help.clone()).expect(400).json();
        assert_eq!(said["field"], "helper", "{said}");
        kernel.withdraw_grant(&by, given).unwrap();
        // What ended before the helper came is no part in it.
        town.clock.advance_ms(60_000);
        step(&clerk, 0, help).expect(201);
        step(&clerk, 1, json!({ "verb": "taken", "by": CLERK })).expect(201);
        let file = clerk.post_bytes("/api/matters/beiyuan/task-drain/evidence", "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
        let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": town.now()[..10] }]);
        step(&clerk, 2, json!({ "verb": "submitted", "by": CLERK, "evidence": evidence })).expect(201);
        step(&town.holder_again("wei"), 3, json!({ "verb": "accepted" })).expect(201);
        town.check();
    }

    fn an_activity_is_worked_by_a_calendar_that_is_there(town) {
        road(&town);
        let team = town.program(User::Team);
        take(&team, "code,name,duration\nA,某工序,3d\n").expect(201);
        report(&team, "X", 1_000).expect(201);
        let add = |calendar: usize| {
            let activity = json!({ "code": "X", "name": "新增", "minutes": 60, "calendar": calendar });
            record(&team, "projects.plan.edited", json!({ "project": "road", "changes": [{ "what": "add", "activity": activity }] }))
        };
        let said = add(99).expect(400).json();
        assert_eq!(said["field"], "body.changes[0].activity.calendar", "{said}");
        add(0).expect(201);
        town.check();
    }

    fn a_plan_names_each_activity_by_a_code_of_its_own_and_days_that_are_written(town) {
        road(&town);
        let team = town.program(User::Team);
        let xer = |second: &str, exception: &str| {
            format!(
                "ERMHDR\t20.12\n%T\tCALENDAR\n%F\tclndr_id\tclndr_name\tclndr_data\n\
                 %R\t1\tc\t(0||CalendarData()((0||DaysOfWeek()((0||2()((0||0(s|08:00|f|16:00)())))))(0||Exceptions()({exception}))))\n\
                 %T\tPROJECT\n%F\tproj_id\tproj_short_name\tclndr_id\tplan_start_date\n%R\t1\tP\t1\t2026-03-16 08:00\n\
                 %T\tTASK\n%F\ttask_id\tproj_id\tclndr_id\ttask_code\ttask_name\ttask_type\ttarget_drtn_hr_cnt\n\
                 %R\t10\t1\t1\tA\t路基\tTT_Task\t8\n%R\t11\t1\t1\t{second}\t路面\tTT_Task\t8\n"
            )
        };
        for file in [xer("A", ""), xer("B", "(0||0(d|2000000000)())"), xer("B", "(0||0(d|-9223372036854775808)())")] {
            for path in [PLAN.to_owned(), format!("{PLAN}?preview=true")] {
                let said = team.post_bytes(&path, "application/octet-stream", file.as_bytes()).expect(400).json();
                assert_eq!((&said["field"], &said["rule"]), (&json!("file"), &json!("plan-file")), "{said}");
            }
        }
        take(&team, &xer("B", "(0||0(d|46100)())")).expect(201);
        assert_eq!(team.get(PLAN).expect(200).json()["activities"].as_array().unwrap().len(), 2);
        town.check();
    }

    fn a_project_that_is_reopened_within_a_term_has_a_deadline_that_knows_the_holidays(town) {
        road(&town);
        let planner = town.program(User::Planner);
        let (team, office) = (town.holder("zhao", &[TEAM]), town.holder("li", &[OFFICE]));
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "finished" })).expect(201);
        let path = "/api/matters/decheng-projects/project.road";
        let step = |client: &Client, step: Value| {
            let version = client.get(path).expect(200).json()["matter"]["version"].clone();
            client.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step })).expect(201);
        };
        step(&team, json!({ "verb": "taken", "by": TEAM }));
        let file = team.post_bytes(&format!("{path}/evidence"), "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
        let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": town.now()[..10] }]);
        step(&team, json!({ "verb": "submitted", "by": TEAM, "evidence": evidence }));
        step(&office, json!({ "verb": "accepted" }));
        let term = json!({ "days": 10, "unit": "workdays", "first": "excluded", "last": "rolls" });
        let due = json!({ "by": "within", "term": term, "from": "2026-09-28" });
        step(&office, json!({ "verb": "reopened", "reason": "复查未通过", "due": due, "approver": OFFICE }));
        let finish = || planner.get("/api/projects/decheng-projects/projects/road").expect(200).json()["project"]["planned_finish"].clone();
        let last = |calendar: &matters::Calendar, days: u32| {
            let from = base::Day::parse("2026-09-28").unwrap();
            Term::statutory(days, DayUnit::Workdays).last_day(from, calendar, &[]).value
        };
        let known = matters::Calendar::embedded();
        assert_ne!(last(&known, 10), last(&matters::Calendar::default(), 10), "the National Day lies between");
        assert_eq!(finish(), json!(last(&known, 10)));
        town.check();
    }

    fn the_works_of_a_project_are_counted_out_and_a_team_leaves_the_office_some(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        let build = |by: &Client, item: usize| {
            let body = json!({ "project": "park", "item": format!("i{item}"), "title": "涵洞", "measured": "pieces", "quantity": 1 });
            record(by, "projects.works.done", body)
        };
        let refused = |answer: Answer, most: usize| {
            let said = answer.expect(400).json();
            assert!(said["detail_en"].as_str().unwrap().contains(&format!("of {most} at most")), "{said}");
            assert!(said["detail_zh"].as_str().unwrap().contains(&most.to_string()), "{said}");
            said["field"].clone()
        };
        for item in 0..WORK_ITEMS_BY_TEAM_MAX {
            build(&team, item).expect(201);
        }
        assert_eq!(refused(build(&team, WORK_ITEMS_BY_TEAM_MAX), WORK_ITEMS_BY_TEAM_MAX), "body.item");
        let last = build(&team, 0).expect(201).json();
        // What was taken back has been a value of its figure all the same.
        record(&planner, "projects.entry.reversed", json!({ "entry": last["entry"]["seq"], "reason": "录错" })).expect(201);
        for item in WORK_ITEMS_BY_TEAM_MAX..WORK_ITEMS_MAX {
            build(&planner, item).expect(201);
        }
        assert_eq!(refused(build(&planner, WORK_ITEMS_MAX), WORK_ITEMS_MAX), "body.item");
        // Nobody records thousands here: what is asked says so for a while.
        let add = |count: usize, sign: &str| {
            let sql = format!("update projects_item set works = works {sign} {count} where project = 'park' and item = 'i0'");
            town.site.kernel.append_blocking(move |desk| { desk.aside(sql.clone(), Vec::new()); Ok::<_, AppendError<()>>(()) }).unwrap();
        };
        let built = WORK_ITEMS_MAX + 1;
        add(WORKS_BY_TEAM_MAX - built - 1, "+");
        build(&team, 1).expect(201);
        assert_eq!(refused(build(&team, 1), WORKS_BY_TEAM_MAX), "body.project");
        add(WORKS_MAX - WORKS_BY_TEAM_MAX - 1, "+");
        build(&planner, 1).expect(201);
        assert_eq!(refused(build(&planner, 1), WORKS_MAX), "body.project");
        add(WORKS_MAX - built - 2, "-");
        town.check();
    }

    fn a_figure_is_broken_down_into_so_many_values(town) {
        let leader = town.program(User::Leader);
        const DOWN: &str = "/api/figures/projects.works.pieces/breakdown?unit=371402&from=2026-01-01&to=2026-12-31&by=item";
        leader.get(DOWN).expect(200);
        let plant = |sql: String| {
            town.site.kernel.append_blocking(move |desk| { desk.aside(sql.clone(), Vec::new()); Ok::<_, AppendError<()>>(()) }).unwrap();
        };
        plant(format!(
            "insert into cell (book, figure, day, dimension, amount) with recursive n(i) as (select 1 union all select i + 1 from n where i < {})
             select 'decheng-projects', 'projects.works.pieces', {}, 'item=x' || cast(i as text), 1 from n",
            VALUES_MAX + 1, base::Day::parse("2026-03-01").unwrap().0,
        ));
        let refused = leader.get(DOWN);
        assert_eq!(refused.status, 400);
        let said = refused.json();
        assert_eq!((&said["field"], &said["rule"]), (&json!("by"), &json!("too-many-values")), "{said}");
        town.browser(User::Leader).get("/figures/projects.works.pieces?unit=371402&from=2026-01-01&to=2026-12-31").expect(200);
        plant("delete from cell where figure = 'projects.works.pieces'".to_owned());
        town.check();
    }

    fn a_file_is_looked_for_in_time(town) {
        let kernel = &town.site.kernel;
        let book = BookId::new(OFFICES[0].book).unwrap();
        let park = [SubjectId::local("project", &book, "park").unwrap()];
        let named = |time_max: Duration| kernel.evidence_about(&book, &"0".repeat(64), &park, time_max);
        assert!(!named(Duration::from_secs(60)).unwrap());
        assert!(matches!(named(Duration::ZERO), Err(StoreError::Late(_))));
    }
}
