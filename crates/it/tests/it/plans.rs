//! Plans of projects: taken over from files, worked back from a deadline, overlapped, frozen, refused.

use base::BookId;
use harness::{Answer, Client, OFFICES, Town, User, freeze, on_every_store, project};
use matters::{Colour, MatterId};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/projects/decheng-projects/entries";
const PLAN: &str = "/api/projects/decheng-projects/projects/road/plan";

/// Seventy workdays one after the other, from 16 March 2026, a Monday.
const ROAD: &str = "编号,名称,工期,紧前工作,分部,预算（元）\n\
    A,路基,20d,,土建,400\nB,桥涵,30d,A,土建,600\nC,路面,20d,B,路面,1000\nD,通车,0d,C,,\n";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn take(client: &Client, bytes: &[u8]) -> Answer {
    client.post_bytes(PLAN, "application/octet-stream", bytes)
}

/// Registers a road that is to be finished by a day, and has started.
fn road(town: &Town, planner: &Client, finish: &str) {
    let mut body = project(OFFICES[0], "road");
    body["title_zh"] = "高铁站连接线".into();
    (body["planned_start"], body["planned_finish"]) = ("2026-03-16".into(), finish.into());
    record(planner, "projects.project.registered", body).expect(201);
    town.settle();
}

fn colour(town: &Town) -> Option<Colour> {
    let id = MatterId::local(&BookId::new(OFFICES[0].book).unwrap(), "project.road").unwrap();
    town.settle();
    town.site.kernel.matter(&id).unwrap().expect("the matter is there").colour
}

fn plan(client: &Client) -> Value {
    client.get(PLAN).expect(200).json()
}

fn activity<'p>(plan: &'p Value, code: &str) -> &'p Value {
    plan["activities"].as_array().unwrap().iter().find(|it| it["code"] == code).unwrap()
}

on_every_store! {
    fn a_plan_that_misses_its_deadline_turns_its_project_yellow_and_an_overlap_turns_it_blue(town) {
        let planner = town.program(User::Planner);
        road(&town, &planner, "2026-06-10");
        assert_eq!(colour(&town), Some(Colour::Blue));
        let shown = planner.post_bytes(&format!("{PLAN}?preview=true&file=road.csv"), "application/octet-stream", ROAD.as_bytes());
        let shown = shown.expect(200).json();
        assert_eq!((&shown["format"], &shown["activities"], &shown["links"]), (&json!("csv"), &json!(4), &json!(3)));
        assert_eq!(shown["finish"], "2026-06-25T17:00", "with Qingming, May Day and Dragon Boat, and the day made up for");
        planner.get(PLAN).expect(404);

        take(&planner, ROAD.as_bytes()).expect(201);
        let account = plan(&planner);
        assert_eq!(account["finish"], "2026-06-25T17:00");
        assert_eq!(activity(&account, "D")["critical"], true);
        assert!(account["margin_minutes"].as_i64().unwrap() < 0);
        assert_eq!(colour(&town), Some(Colour::Yellow));

        record(&planner, "projects.plan.deadline_set", json!({ "project": "road", "backward": true })).expect(201);
        let account = plan(&planner);
        assert_eq!(account["backward"], true);
        let late = account["latest_start"].as_str().unwrap();
        assert!(late < "2026-03-16", "the latest start, {late}, is before the plan's");

        let found = planner.get(&format!("{PLAN}/overlaps")).expect(200).json();
        assert_eq!(found["meets_deadline"], true);
        let one = found["alone"][0].clone();
        let accept = json!({ "project": "road", "from": one["from"], "to": one["to"], "lag_minutes": one["lag_minutes"] });
        record(&planner, "projects.plan.overlapped", accept.clone()).expect(201);
        let account = plan(&planner);
        assert_eq!(account["finish"], one["finish"]);
        assert!(account["margin_minutes"].as_i64().unwrap() >= 0);
        assert_eq!(colour(&town), Some(Colour::Blue));
        let again = record(&planner, "projects.plan.overlapped", accept).expect(400).json();
        assert_eq!((&again["field"], &again["rule"]), (&json!("body.from"), &json!("plan")));
        let none = planner.get(&format!("{PLAN}/overlaps")).expect(200).json();
        assert_eq!((&none["alone"], &none["together"]), (&json!([]), &json!([])));
        town.check();
    }

    fn what_is_reported_moves_the_forecast_and_is_judged_by_the_baseline(town) {
        let planner = town.program(User::Planner);
        road(&town, &planner, "2026-12-31");
        take(&planner, ROAD.as_bytes()).expect(201);
        freeze(&planner, OFFICES[0], "road").expect(201);
        record(&planner, "projects.contract.signed", json!({ "project": "road", "contract": "C-1", "title": "施工", "party": "某公司", "amount_fen": 200_000 })).expect(201);
        // Two weeks in, a fifth of the first activity is done, and as much again is paid as it was to cost.
        town.clock.set(base::Time::parse("2026-03-27T17:00:00+08:00").unwrap());
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "started" })).expect(201);
        record(&planner, "projects.progress.reported", json!({ "project": "road", "activity": "A", "percent_bp": 2_000 })).expect(201);
        record(&planner, "projects.payment.made", json!({ "project": "road", "contract": "C-1", "amount_fen": 16_000 })).expect(201);
        let account = plan(&planner);
        let first = activity(&account, "A");
        assert_eq!((&first["baseline_finish"], &first["done_bp"]), (&json!("2026-04-13T17:00"), &json!(2_000)));
        assert_eq!(first["finish"], "2026-04-21T17:00", "sixteen of its twenty days are left");
        assert_eq!(account["progress_bp"], 400, "a fifth of a fifth of the budget");
        let value = planner.get(&format!("{PLAN}/curve")).expect(200).json();
        assert_eq!(value["budget_fen"], 200_000);
        assert_eq!(value["schedule_index"], 4_000, "8,000 earned of 20,000 planned: ten of twenty days");
        assert_eq!((&value["cost_index"], &value["estimate_fen"]), (&json!(5_000), &json!(400_000)));
        let today = value["points"].as_array().unwrap().iter().find(|point| point["day"] == "2026-03-27").unwrap();
        assert_eq!(today, &json!({ "day": "2026-03-27", "planned_fen": 20_000, "earned_fen": 8_000, "actual_fen": 16_000 }));

        let edit = json!({ "project": "road", "reason": "设计变更", "changes": [
            { "what": "duration", "activity": "B", "minutes": 480 },
            { "what": "add", "activity": { "code": "B2", "name": "涵洞", "minutes": 960, "after": [{ "code": "A", "kind": "FS" }] } },
            { "what": "link", "to": "C", "after": { "code": "B2", "kind": "FS", "lag_minutes": 480 } },
            { "what": "day", "calendar": 0, "day": "2026-04-21", "shifts": [] },
        ] });
        record(&planner, "projects.plan.edited", edit).expect(201);
        let account = plan(&planner);
        assert_eq!(activity(&account, "B2")["start"], "2026-04-23T08:00", "A is done a day later, since the 21st is off");
        assert_eq!(activity(&account, "B2")["baseline_start"], Value::Null);

        record(&planner, "projects.blocker.raised", json!({ "project": "road", "blocker": "B-1", "title": "高压线未迁改", "note": null,
            "owner": "post:decheng-office/team-2", "due": "2026-04-30", "activity": "B" })).expect(201);
        let held = plan(&planner)["blocked"][0].clone();
        assert_eq!((&held["activity"], held["float_minutes"].as_i64().unwrap() > 0), (&json!("B"), true));
        assert!(held["consumed_minutes"].as_i64() > Some(0), "{held}");

        for (format, media) in [("mspdi", "application/xml"), ("csv", "text/csv"), ("ics", "text/calendar"), ("oc4ids", "application/json")] {
            let file = planner.get(&format!("{PLAN}/file?format={format}")).expect(200);
            assert!(file.header("content-type").starts_with(media), "{format}");
        }
        let finish = plan(&planner)["finish"].clone();
        for format in ["mspdi", "xlsx", "csv"] {
            let file = planner.get(&format!("{PLAN}/file?format={format}")).expect(200).bytes;
            let shown = planner.post_bytes(&format!("{PLAN}?preview=true"), "application/octet-stream", &file).expect(200).json();
            assert_eq!(shown["activities"], 5, "{format}");
            if format == "mspdi" {
                assert_eq!(shown["finish"], finish, "what is written is read back with its calendar");
            }
        }
        town.check();
    }

    fn a_file_that_is_no_plan_says_why_and_changes_nothing(town) {
        let planner = town.program(User::Planner);
        road(&town, &planner, "2026-12-31");
        take(&planner, ROAD.as_bytes()).expect(201);
        town.settle();
        let before = town.fingerprint();
        let task = |uid: u32, more: &str| format!("<Task><UID>{uid}</UID><Name>任务{uid}</Name><Duration>PT8H0M0S</Duration>{more}</Task>");
        let mspdi = |tasks: &str| format!("<Project xmlns='http://schemas.microsoft.com/project'><StartDate>2026-03-16T08:00:00</StartDate><Tasks>{tasks}</Tasks></Project>");
        let after = |uid: u32| format!("<PredecessorLink><PredecessorUID>{uid}</PredecessorUID><Type>1</Type></PredecessorLink>");
        let idle = mspdi(&task(1, "")).replace("<Tasks>", "<CalendarUID>1</CalendarUID><Calendars><Calendar><UID>1</UID></Calendar></Calendars><Tasks>");
        for (file, why) in [
            ("code,duration,predecessors\nA,1d,B\nB,1d,A\n".to_owned(), "互相等待：B → A → B"),
            (mspdi(&(task(1, &after(2)) + &task(2, &after(1)))), "互相等待：2 任务2 → 1 任务1 → 2 任务2"),
            ("code,duration,predecessors\nA,1d,Z\n".to_owned(), "第 2 行“紧前工作”引用的“Z”不在文件中"),
            (mspdi(&task(1, &after(9))), "任务 1引用的“9”不在文件中"),
            ("code,duration\nA,-1d\n".to_owned(), "第 2 行“工期”"),
            ("code,duration\nA,soon\nB,later\n".to_owned(), "第 3 行“工期”：“later”"),
            (idle, "没有工作时间"),
            ("<!DOCTYPE p [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><Project>&b;</Project>".to_owned(), "文档类型"),
            (mspdi(""), "没有活动"),
            ("nothing at all".to_owned(), "文件不是"),
        ] {
            let answer = take(&planner, file.as_bytes()).expect(400).json();
            assert_eq!((&answer["field"], &answer["rule"]), (&json!("file"), &json!("plan-file")), "{file}");
            let said = answer["detail_zh"].as_str().or(answer["detail"].as_str()).unwrap();
            assert!(said.contains(why), "{file}: {said}");
        }
        assert_eq!(planner.status_of_promise(PLAN, "application/octet-stream", 100_000_000), 413);

        let edit = |change: Value| record(&planner, "projects.plan.edited", json!({ "project": "road", "changes": [change] }));
        let clock = |at: &str| json!(at);
        for (change, why) in [
            (json!({ "what": "link", "to": "A", "after": { "code": "C", "kind": "FS" } }), "C 路面 → A 路基"),
            (json!({ "what": "duration", "activity": "Z", "minutes": 1 }), "没有活动“Z”"),
            (json!({ "what": "bounds", "activity": "A", "bounds": [{ "must_start": clock("2026-03-20T08:00") }, { "must_start": clock("2026-03-23T08:00") }] }), "互相矛盾"),
            (json!({ "what": "start", "start": "2027-03-16T08:00" }), "早于计划开始"),
            (json!({ "what": "unlink", "from": "A", "to": "C", "kind": "FS" }), "没有这种逻辑关系"),
        ] {
            let answer = edit(change.clone()).expect(400).json();
            assert_eq!(answer["rule"], "plan", "{change}: {answer}");
            let said = answer["detail_zh"].as_str().or(answer["detail"].as_str()).unwrap();
            assert!(said.contains(why), "{change}: {said}");
        }
        let deadline = json!({ "project": "road", "deadline": "2026-03-01", "backward": true });
        assert_eq!(record(&planner, "projects.plan.deadline_set", deadline).expect(400).json()["field"], "body.deadline");
        assert_eq!(record(&planner, "projects.plan.baselined", json!({ "project": "park", "title": "x" })).expect(409).json()["rule"], "no-plan");
        record(&planner, "projects.plan.imported", json!({ "project": "road" })).expect(400);
        assert_eq!(town.fingerprint(), before);
    }

    fn what_was_reported_of_a_frozen_activity_counts_when_the_plan_has_it_no_longer(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        road(&town, &planner, "2026-12-31");
        take(&planner, ROAD.as_bytes()).expect(201);
        freeze(&planner, OFFICES[0], "road").expect(201);
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "started" })).expect(201);
        record(&planner, "projects.progress.reported", json!({ "project": "road", "activity": "A", "percent_bp": 2_000 })).expect(201);
        assert_eq!(plan(&team)["progress_bp"], 400);
        let removed = json!({ "project": "road", "reason": "并入", "changes": [{ "what": "remove", "activity": "A" }] });
        record(&planner, "projects.plan.edited", removed).expect(201);
        let account = plan(&team);
        assert_eq!((account["activities"].as_array().unwrap().len(), &account["progress_bp"]), (3, &json!(400)));
        town.check();
    }

    fn a_team_takes_over_the_plans_of_its_own_projects_alone(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        road(&town, &planner, "2026-12-31");
        take(&team, ROAD.as_bytes()).expect(201);
        assert_eq!(plan(&team)["activities"].as_array().unwrap().len(), 4);
        record(&team, "projects.plan.baselined", json!({ "project": "road", "title": "x" })).expect(403);
        record(&team, "projects.plan.deadline_set", json!({ "project": "road", "backward": true })).expect(403);
        let mut other = project(OFFICES[0], "other");
        other["team"] = "post:decheng-office/team-2".into();
        record(&planner, "projects.project.registered", other).expect(201);
        let elsewhere = PLAN.replace("road", "other");
        team.post_bytes(&elsewhere, "application/octet-stream", ROAD.as_bytes()).expect(404);
        team.get(&elsewhere).expect(404);
        let leader = town.program(User::Leader);
        leader.get(PLAN).expect(200);
        take(&leader, ROAD.as_bytes()).expect(403);
    }

    fn a_plan_stays_within_the_years_that_entries_write(town) {
        let planner = town.program(User::Planner);
        let team = town.program(User::Team);
        road(&town, &planner, "2026-12-31");
        let refused = |answer: Answer, field: &str, rule: &str| {
            let answer = answer.expect(400).json();
            assert_eq!((&answer["field"], &answer["rule"]), (&json!(field), &json!(rule)), "{answer}");
            let said = answer["detail_zh"].as_str().or(answer["detail"].as_str()).unwrap();
            assert!(said.contains("超出公元 1 年至 9999 年"), "{said}");
        };
        // Whoever works a minute a week is done in the year 1841899.
        let weekly = |duration: &str| format!("<Project><StartDate>2026-03-16T08:00:00</StartDate><CalendarUID>1</CalendarUID><Calendars><Calendar><UID>1</UID><Name>c</Name>\
            <WeekDays><WeekDay><DayType>2</DayType><DayWorking>1</DayWorking><WorkingTimes><WorkingTime><FromTime>08:00:00</FromTime><ToTime>08:01:00</ToTime></WorkingTime></WorkingTimes></WeekDay></WeekDays>\
            </Calendar></Calendars><Tasks><Task><UID>1</UID><Name>x</Name><Duration>{duration}</Duration></Task></Tasks></Project>");
        let far = weekly("PT1600000H0M0S");
        town.settle();
        let before = town.fingerprint();
        refused(team.post_bytes(&format!("{PLAN}?preview=true"), "application/octet-stream", far.as_bytes()), "file", "plan-file");
        refused(take(&team, far.as_bytes()), "file", "plan-file");
        assert_eq!(town.fingerprint(), before);

        let edit = |changes: Value| record(&team, "projects.plan.edited", json!({ "project": "road", "changes": changes }));
        let duration = |activity: &str, minutes: u32| json!({ "what": "duration", "activity": activity, "minutes": minutes });
        take(&team, ROAD.as_bytes()).expect(201);
        edit(json!([duration("A", 100_000_000)])).expect(201);
        let mut chain: Vec<Value> = ["B", "C"].map(|code| duration(code, 100_000_000)).into();
        for number in 0..8 {
            let before = if number == 0 { "C".to_owned() } else { format!("C{}", number - 1) };
            chain.push(json!({ "what": "add", "activity": { "code": format!("C{number}"), "name": "x", "minutes": 100_000_000, "after": [{ "code": before, "kind": "FS" }] } }));
        }
        refused(edit(chain.into()), "body.changes", "plan");
        edit(json!([{ "what": "start", "start": "0100-01-01T00:00" }])).expect(201);
        let deadline = json!({ "project": "road", "deadline": "0150-01-01", "backward": true });
        refused(record(&planner, "projects.plan.deadline_set", deadline), "body.deadline", "plan");

        // What is done takes no time any more, until it is reported not to be done.
        take(&team, weekly("PT0H10M0S").as_bytes()).expect(201);
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "started" })).expect(201);
        let report = |bp: u32| record(&team, "projects.progress.reported", json!({ "project": "road", "activity": "1", "percent_bp": bp, "note": "复核" }));
        report(10_000).expect(201);
        edit(json!([duration("1", 96_000_000)])).expect(201);
        refused(freeze(&planner, OFFICES[0], "road"), "body.project", "plan");
        town.clock.advance_ms(60_000);
        report(0).expect(201);
        let told = team.get(PLAN).expect(409).json();
        assert!(told["detail_zh"].as_str().unwrap().contains("1841899-"), "{told}");
        refused(edit(json!([{ "what": "name", "activity": "1", "name": "y" }])), "body.changes", "plan");
        edit(json!([duration("1", 10)])).expect(201);
        assert!(plan(&team)["finish"].as_str().unwrap().starts_with("2026"));
        town.check();
    }

    fn whatever_is_reported_a_plan_is_reckoned_with_and_its_project_goes_on(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        road(&town, &planner, "2026-12-31");
        take(&team, ROAD.as_bytes()).expect(201);
        // Finished neither before nor after a Saturday noon: with work left that is Friday evening, without it is no time at all.
        let bounds = json!([{ "finish_no_earlier": "2026-04-18T12:00" }, { "finish_no_later": "2026-04-18T12:00" }]);
        let edited = |client: &Client, bounds: &Value| record(client, "projects.plan.edited", json!({ "project": "road",
            "changes": [{ "what": "bounds", "activity": "A", "bounds": bounds }] }));
        edited(&team, &bounds).expect(201);
        assert_eq!(activity(&plan(&team), "A")["finish"], "2026-04-17T17:00");
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "started" })).expect(201);
        let report = json!({ "project": "road", "activity": "A", "remaining_days": 0 });
        let reported = record(&team, "projects.progress.reported", report).expect(201).json();
        let account = plan(&team);
        assert_eq!((&account["unbound"], &activity(&account, "A")["finish"]), (&json!(["A"]), &json!("2026-03-16T08:00")));
        assert!(colour(&town).is_some());
        let refused = edited(&team, &bounds).expect(400).json();
        assert!(refused["detail_zh"].as_str().unwrap().contains("路基"), "{refused}");
        record(&planner, "projects.blocker.raised", json!({ "project": "road", "blocker": "B-1", "title": "高压线未迁改", "note": null,
            "owner": "post:decheng-office/team-2", "due": "2026-04-30", "activity": "A" })).expect(201);
        edited(&team, &json!([])).expect(201);
        assert_eq!(plan(&team)["unbound"], json!([]));
        edited(&team, &bounds).expect(400);
        record(&planner, "projects.entry.reversed", json!({ "entry": reported["entry"]["seq"], "reason": "误报" })).expect(201);
        edited(&team, &bounds).expect(201);
        town.check();
    }

    fn a_plan_file_cannot_make_one_long_text_into_many(town) {
        let planner = town.program(User::Planner);
        road(&town, &planner, "2030-12-31");
        let long = "基".repeat(100_000);
        let task = |uid: u32| format!("<Task><UID>{uid}</UID><OutlineLevel>2</OutlineLevel><Name>x</Name><Duration>PT8H0M0S</Duration></Task>");
        let tasks: String = (2..600).map(task).collect();
        let file = |name: &str| format!("<Project><Tasks><Task><UID>1</UID><Summary>1</Summary><Name>{name}</Name></Task>{tasks}</Tasks></Project>");
        let preview = |file: &str| planner.post_bytes(&format!("{PLAN}?preview=true"), "application/octet-stream", file.as_bytes());
        assert_eq!(preview(&file("基础")).expect(200).json()["activities"], 598);
        let refused = preview(&file(&long)).expect(400).text();
        assert!(refused.contains("任务 1：以“基基基基基基基基基基基基基基基基基基基基”开头的文本超过 255 个字符"), "{refused}");
        assert!(refused.len() < 2_000, "{} bytes", refused.len());
    }

    fn a_plan_of_thousands_of_activities_fits_into_entries_and_comes_back_whole(town) {
        let planner = town.program(User::Planner);
        road(&town, &planner, "2030-12-31");
        let mut table = String::from("code,name,duration,predecessors\n");
        for number in 0..3_000 {
            let before = if number % 10 == 0 { String::new() } else { format!("{} SS+1d", number - 1) };
            table.push_str(&format!("{number},第 {number} 道工序（主体结构及附属工程）,3d,{before}\n"));
        }
        take(&planner, table.as_bytes()).expect(201);
        let account = plan(&planner);
        assert_eq!(account["activities"].as_array().unwrap().len(), 3_000);
        assert_eq!(activity(&account, "2999")["start"], "2026-03-27T08:00", "nine days after its chain began");
        town.check();
    }
}
