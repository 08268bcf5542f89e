//! Key projects: what is recorded, what is refused, and that every figure is a sum of entries on any day.

use base::{BookId, SubjectId};
use harness::{Answer, Client, OFFICES, Town, User, on_every_store, project};
use kernel::{AppendError, DocketError, MatterFilter};
use matters::{
    Accepted, Cancelled, Colour, Event, Extended, Extension, HandedOver, Matter, MatterId, Paused, PostId,
    Reopened, Resumed, State, Submitted, Taken,
};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/projects/decheng-projects/entries";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn record_at(client: &Client, occurred: &str, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "occurred": occurred, "body": body }))
}

/// A figure of the county from the beginning of the year through a day; a ratio as a pair.
fn figure(town: &Town, name: &str, to: &str) -> (i64, Option<i64>) {
    figure_of(town, name, to, "")
}

fn figure_of(town: &Town, name: &str, to: &str, dimension: &str) -> (i64, Option<i64>) {
    let leader = town.program(User::Leader);
    let dimension = if dimension.is_empty() { String::new() } else { format!("&dimension={dimension}") };
    let path = format!("/api/figures/{name}?unit=371402&from=2026-01-01&to={to}{dimension}");
    let value = leader.get(&path).expect(200).json();
    match value["amount"].as_i64() {
        Some(amount) => (amount, None),
        None => (value["numerator"].as_i64().unwrap(), value["denominator"].as_i64()),
    }
}

/// What the entries behind a figure add up to.
fn behind(town: &Town, name: &str, to: &str) -> i64 {
    let leader = town.program(User::Leader);
    let path = format!("/api/figures/{name}/entries?unit=371402&from=2026-01-01&to={to}&count=200");
    let page = leader.get(&path).expect(200).json();
    assert_eq!(page["next"], Value::Null, "{page}");
    page["entries"].as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap()).sum()
}

/// A project of the first office with some members replaced.
fn changed(name: &str, members: Value) -> Value {
    let mut body = project(OFFICES[0], name);
    for (member, value) in members.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}

fn post(name: &str) -> PostId {
    SubjectId::new(format!("post:decheng-office/{name}")).unwrap().try_into().unwrap()
}

fn book() -> BookId {
    BookId::new(OFFICES[0].book).unwrap()
}

fn matter(town: &Town, name: &str) -> Matter {
    town.site.kernel.matter(&MatterId::local(&book(), name).unwrap()).unwrap().expect("the matter is there")
}

fn somebody() -> base::ActorId {
    base::ActorId::new("system:somebody").unwrap()
}

/// Moves a matter as whoever may, now.
fn move_matter(
    town: &Town,
    name: &str,
    event: impl Fn(&Matter) -> Event,
) -> Result<Matter, AppendError<DocketError>> {
    let found = matter(town, name);
    let event = event(&found);
    let actor = somebody();
    town.site.kernel.append_blocking(move |desk| {
        let now = desk.now();
        desk.move_matter(found.version, &actor, now, event.clone()).map(|moved| moved.matter)
    })
}

fn accepted(matter: &Matter) -> Event {
    let (sort, by) = (matter.sort.clone(), matter.reviewer.clone());
    Accepted { matter: matter.id.clone(), sort, by, in_time: None }.into()
}

/// Lets the clock work at a moment.
fn tend(town: &Town, moment: &str) {
    town.clock.set(base::Time::parse(moment).unwrap());
    town.settle();
}

/// A file of evidence in the first office's book.
const PDF: &[u8] = b"%PDF-1.7\n%%EOF\n";

fn evidence(client: &Client) -> String {
    let kept = client.post_bytes("/api/projects/decheng-projects/evidence", "application/octet-stream", PDF);
    kept.expect(201).json()["digest"].as_str().unwrap().to_owned()
}

on_every_store! {
    fn a_project_that_follows_another_citys_rule_is_coloured_by_it(town) {
        let planner = town.program(User::Planner);
        let body = changed("lights", json!({ "rule": "yinchuan-2025", "planned_start": "2026-03-20", "planned_finish": "2026-12-31" }));
        record(&planner, "projects.project.registered", body).expect(201);
        let lit = |moment: &str, expected: Colour, why: &str| {
            tend(&town, moment);
            assert_eq!(matter(&town, "project.lights").colour, Some(expected), "{moment}: {why}");
        };
        let at = |moment: &str, kind: &str, mut body: Value| {
            tend(&town, moment);
            body["project"] = json!("lights");
            record(&planner, kind, body).expect(201);
        };
        lit("2026-03-20T09:00:00+08:00", Colour::Blue, "it starts today");
        lit("2026-03-21T09:00:00+08:00", Colour::Yellow, "due this month and not started");
        lit("2026-05-01T09:00:00+08:00", Colour::Red, "the third month running");
        at("2026-05-01T10:00:00+08:00", "projects.phase.changed", json!({ "to": "started" }));
        at("2026-05-01T10:01:00+08:00", "projects.progress.reported", json!({ "percent_bp": 3_000 }));
        lit("2026-06-01T09:00:00+08:00", Colour::Blue, "a month, and ahead of plan");
        lit("2026-06-02T09:00:00+08:00", Colour::Yellow, "more than a month, and not in the statistics");
        at("2026-06-02T10:00:00+08:00", "projects.statistics.entered", json!({}));
        lit("2026-06-02T10:01:00+08:00", Colour::Blue, "in the statistics");
        at("2026-06-03T09:00:00+08:00", "projects.contract.signed", json!({ "contract": "C-1", "title": "路基", "party": "某路桥公司",
            "amount_fen": 900, "instalments": [{ "day": "2026-06-10", "amount_fen": 500 }] }));
        lit("2026-06-11T09:00:00+08:00", Colour::Red, "less is paid than was due");
        at("2026-06-11T10:00:00+08:00", "projects.payment.made", json!({ "contract": "C-1", "amount_fen": 500 }));
        lit("2026-06-11T10:01:00+08:00", Colour::Blue, "paid");
        // By the end of September two thirds of its time are gone.
        lit("2026-09-30T09:00:00+08:00", Colour::Red, "more than thirty points behind");
        town.check();
    }
}

on_every_store! {
    fn a_project_is_coloured_by_what_is_reported_of_it_and_by_what_is_owed_for_it(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        let colour = || matter(&town, "project.park").colour;
        record(&planner, "projects.project.registered", changed("road", json!({ "title_zh": "高铁站连接线",
            "planned_start": "2026-03-10", "planned_finish": "2026-03-20" }))).expect(201);
        record(&team, "projects.phase.changed", json!({ "project": "park", "to": "started" })).expect(201);
        tend(&town, "2026-03-10T09:00:00+08:00");
        assert_eq!(colour(), Some(Colour::Blue), "it starts at the end of the month, and was heard of today");
        // A permit of five workdays that was accepted on Tuesday runs until the next one.
        record(&planner, "projects.permit.applied", json!({ "project": "park", "permit": "P-1", "title": "建筑工程施工许可证",
            "bureau": "post:decheng-office/team-2", "agent": "post:decheng-office/office", "term_workdays": 5 })).expect(201);
        let permit = || matter(&town, "permit.P-1");
        tend(&town, "2026-03-12T09:00:00+08:00");
        assert_eq!(permit().colour, Some(Colour::Blue));
        tend(&town, "2026-03-13T09:00:00+08:00");
        assert_eq!(permit().colour, Some(Colour::Yellow));
        tend(&town, "2026-03-18T09:30:00+08:00");
        assert_eq!((permit().colour, colour()), (Some(Colour::Red), Some(Colour::Yellow)));
        let listed = planner.get("/api/projects/decheng-projects/permits").expect(200).json();
        assert_eq!((&listed[0]["due"], &listed[0]["matter"]["colour"]), (&json!("2026-03-17"), &json!("red")), "{listed}");
        assert!(permit().fired.contains(&2), "it was put under supervision");

        record(&team, "projects.blocker.raised", json!({ "project": "park", "blocker": "B-1", "title": "高压线未迁改", "note": null,
            "owner": "post:decheng-office/team-2", "due": "2026-04-30" })).expect(201);
        tend(&town, "2026-03-18T10:00:00+08:00");
        let digest = evidence(&planner);
        let decided = json!({ "kind": "projects.permit.decided", "evidence": [digest],
            "body": { "permit": "P-1", "granted": true, "number": "372428202603180101" } });
        planner.post(ENTRIES, &decided).expect(201);
        assert_eq!(permit().state, State::Submitted);
        move_matter(&town, "permit.P-1", accepted).unwrap();
        assert_eq!(figure(&town, "projects.permits.rate", "2026-03-18"), (0, Some(1)), "decided, but a day late");
        tend(&town, "2026-03-18T10:10:00+08:00");
        assert_eq!(colour(), Some(Colour::Yellow), "the blocker is still there");

        let done = |matter: &Matter| -> Event {
            Submitted { matter: matter.id.clone(), by: matter.owner.clone(), note: None, evidence: vec![matters::Evidence {
                digest: digest.clone(), title: "迁改完成".into(), effective: base::Day::parse("2026-03-18").unwrap(),
                uploaded: base::Day::parse("2026-03-18").unwrap() }] }.into()
        };
        town.site.kernel.keep_evidence(&somebody(), &book(), PDF.to_vec()).unwrap();
        move_matter(&town, "blocker.B-1", |it| Taken { matter: it.id.clone(), by: it.owner.clone() }.into()).unwrap();
        move_matter(&town, "blocker.B-1", done).unwrap();
        let somebody_else = base::ActorId::new("account:reviewer").unwrap();
        let blocker = matter(&town, "blocker.B-1");
        town.site.kernel.append_blocking::<_, _, DocketError>(move |desk| {
            let now = desk.now();
            desk.move_matter(blocker.version, &somebody_else, now, accepted(&blocker)).map(drop)
        }).unwrap();
        record(&team, "projects.progress.reported", json!({ "project": "park", "percent_bp": 1_000 })).expect(201);
        tend(&town, "2026-03-18T10:20:00+08:00");
        assert_eq!(colour(), Some(Colour::Blue));
        assert_eq!(figure(&town, "projects.problems.solved", "2026-03-18").0, 1);
        assert_eq!(behind(&town, "projects.problems.solved", "2026-03-18"), 1);

        let reds = MatterFilter { books: vec![book()], colour: Some(Colour::Red), ..Default::default() };
        let reds = town.site.kernel.matters(&reds, None, 10).unwrap().items;
        let reds: Vec<&str> = reds.iter().map(|listed| listed.matter.title.as_str()).collect();
        assert_eq!(reds, ["高铁站连接线"], "four fifths of its time are gone, and it has not begun");
        tend(&town, "2026-04-17T00:00:00+08:00");
        assert_eq!(colour(), Some(Colour::Blue));
        tend(&town, "2026-04-18T00:00:00+08:00");
        assert_eq!(colour(), Some(Colour::Yellow), "nobody has heard of it for a month");

        assert_eq!(figure(&town, "projects.permits.rate", "2026-04-18"), (0, Some(1)));
        for name in ["blocker.B-1", "permit.P-1"] {
            let again = |it: &Matter| -> Event {
                let due = matters::Due::On { day: base::Day::parse("2026-05-30").unwrap() };
                Reopened { matter: it.id.clone(), sort: it.sort.clone(), reason: "复查未通过".into(),
                    approver: it.reviewer.clone(), due, undone: None }.into()
            };
            move_matter(&town, name, again).unwrap();
        }
        assert_eq!(figure(&town, "projects.problems.solved", "2026-04-17").0, 1);
        assert_eq!(figure(&town, "projects.problems.solved", "2026-04-18").0, 0, "it is not solved after all");
        assert_eq!(behind(&town, "projects.problems.solved", "2026-04-18"), 0);
        assert_eq!(figure(&town, "projects.permits.rate", "2026-04-18"), (0, Some(0)));
        assert_eq!(figure(&town, "kernel.matters.accepted", "2026-04-18").0, 0);
        town.check();
    }

    fn the_clock_of_a_permit_stands_while_it_is_paused_and_nothing_is_late_meanwhile(town) {
        let planner = town.program(User::Planner);
        record(&planner, "projects.permit.applied", json!({ "project": "park", "permit": "P-1", "title": "环评批复",
            "bureau": "post:decheng-office/team-2", "agent": "post:decheng-office/office", "term_workdays": 3 })).expect(201);
        let due = || planner.get("/api/projects/decheng-projects/permits").expect(200).json()[0]["due"].clone();
        // Accepted on Tuesday 10 March: the third workday is Friday.
        assert_eq!(due(), "2026-03-13");
        tend(&town, "2026-03-12T10:00:00+08:00");
        let pause = |it: &Matter| Paused { matter: it.id.clone(), reason: "等待专家评审".into(), approver: it.reviewer.clone() }.into();
        move_matter(&town, "permit.P-1", pause).unwrap();
        assert_eq!(due(), Value::Null, "nobody knows for how long");
        tend(&town, "2026-03-20T09:00:00+08:00");
        let (permit, park) = (matter(&town, "permit.P-1"), matter(&town, "project.park"));
        assert_eq!((permit.colour, park.colour), (Some(Colour::Yellow), Some(Colour::Blue)), "it keeps its colour, and is not late");
        move_matter(&town, "permit.P-1", |it| Resumed { matter: it.id.clone() }.into()).unwrap();
        // Thursday the 12th was paused away with the days after it: Friday the 20th and Monday the 23rd are left.
        assert_eq!(due(), "2026-03-23");
        tend(&town, "2026-03-24T09:00:00+08:00");
        assert_eq!(matter(&town, "project.park").colour, Some(Colour::Yellow), "a permit is overdue");
        town.check();
    }

    fn a_project_follows_what_is_done_to_its_matter(town) {
        let planner = town.program(User::Planner);
        record(&planner, "projects.project.registered", changed("road", json!({ "planned_finish": "2026-04-10" }))).expect(201);
        let account = || planner.get("/api/projects/decheng-projects/projects/road").expect(200).json()["project"].clone();
        let due = |day: &str| figure(&town, "projects.finish.due", day).0;
        let extend = |to: &'static str| move_matter(&town, "project.road", move |it| Extended {
            matter: it.id.clone(), extension: Extension::To { day: base::Day::parse(to).unwrap() },
            reason: "地质条件变化".into(), approver: post("office") }.into());
        extend("2026-04-20").unwrap();
        assert_eq!(account()["planned_finish"], "2026-04-20");
        tend(&town, "2026-04-20T08:00:00+08:00");
        assert_eq!((due("2026-04-19"), due("2026-04-20")), (0, 1));
        extend("2026-06-30").unwrap();
        assert_eq!(due("2026-04-20"), 0, "what is put off is due no more");
        assert!(matches!(extend("2026-06-29"), Err(AppendError::Refused(DocketError::Matter(_)))));

        move_matter(&town, "project.road", |it| Paused { matter: it.id.clone(), reason: "汛期停工".into(), approver: post("office") }.into()).unwrap();
        town.clock.set(base::Time::parse("2026-04-30T08:00:00+08:00").unwrap());
        move_matter(&town, "project.road", |it| Resumed { matter: it.id.clone() }.into()).unwrap();
        assert_eq!(account()["planned_finish"], "2026-07-10");

        move_matter(&town, "project.road", |it| HandedOver { matter: it.id.clone(), to: post("team-2"), reviewer: None, colour: None,
            reason: "专班调整".into() }.into()).unwrap();
        assert_eq!(account()["team"], "post:decheng-office/team-2");
        town.program(User::Team).get("/api/projects/decheng-projects/projects/road").expect(404);

        let digest = evidence(&planner);
        let accept = json!({ "kind": "projects.project.accepted", "evidence": [digest], "body": { "project": "road", "note": null } });
        assert_eq!(planner.post(ENTRIES, &accept).expect(409).json()["rule"], "not-finished");
        record(&planner, "projects.phase.changed", json!({ "project": "road", "to": "finished" })).expect(201);
        record(&planner, "projects.milestone.set", json!({ "project": "road", "milestone": "M-1", "title": "设备进场", "due": "2026-05-05" })).expect(201);
        town.settle();
        let before = town.fingerprint();
        record(&planner, "projects.project.accepted", json!({ "project": "road", "note": null })).expect(400);
        assert_eq!(town.fingerprint(), before, "without a report nothing is accepted");
        planner.post(ENTRIES, &accept).expect(201);
        assert_eq!(matter(&town, "project.road").state, State::Submitted);
        let refused = move_matter(&town, "project.road", accepted);
        assert!(matches!(refused, Err(AppendError::Refused(DocketError::Line { .. }))), "a milestone is still owed: {refused:?}");
        move_matter(&town, "milestone.road.M-1", |it| Cancelled { matter: it.id.clone(), sort: it.sort.clone(),
            reason: "并入验收".into(), approver: post("office") }.into()).unwrap();
        let closed = move_matter(&town, "project.road", accepted).unwrap();
        assert_eq!((closed.state, closed.in_time), (State::Accepted, Some(true)));
        town.check();
    }

    fn the_last_month_that_can_be_written_is_planned_for_and_has_not_begun(town) {
        let planner = town.program(User::Planner);
        record(&planner, "projects.project.registered", project(OFFICES[0], "road")).expect(201);
        let month = json!({ "month": "9999-12", "amount_fen": 100 });
        record(&planner, "projects.investment.planned", json!({ "project": "road", "months": [month] })).expect(201);
        let made = json!({ "project": "road", "month": "9999-12", "amount_fen": 1 });
        assert_eq!(record(&planner, "projects.investment.made", made).expect(400).json()["rule"], "month-ahead");
        town.settle();
        let leader = town.program(User::Leader);
        let path = "/api/figures/projects.investment.due?unit=371402&from=9999-12-01&to=9999-12-31";
        assert_eq!(leader.get(path).expect(200).json()["amount"], 0, "its end is yet to come");
        leader.with("accept", "text/html").get("/projects/decheng-projects").expect(200);
        town.check();
    }

    fn a_project_goes_from_its_signing_to_producing_and_every_figure_is_a_sum_of_entries_on_any_day(town) {
        let planner = town.program(User::Planner);
        town.clock.set(base::Time::parse("2026-12-20T10:00:00+08:00").unwrap());
        let at = |day: &str| format!("2026-{day}T09:00:00+08:00");
        let month = |month: &str, yuan: i64| json!({ "month": month, "amount_fen": yuan * 100 });
        let months = json!({ "project": "road", "months": [month("2026-04", 100), month("2026-05", 300)] });
        for (day, kind, body) in [
            ("03-11", "projects.project.registered", changed("road", json!({
                "code": "2603-371402-04-01-123456", "chain": null, "programme": "markets", "total_fen": 20_000_000_000_i64,
                "planned_start": "2026-04-10", "planned_finish": "2026-09-30", "newly_signed": true }))),
            ("03-20", "projects.contract.signed", json!({ "project": "road", "contract": "C-1", "title": "路基", "party": "某路桥公司",
                "amount_fen": 900, "instalments": [{ "day": "2026-05-31", "amount_fen": 500 }] })),
            ("04-12", "projects.phase.changed", json!({ "project": "road", "to": "started" })),
            ("05-03", "projects.payment.made", json!({ "project": "road", "contract": "C-1", "amount_fen": 400 })),
            ("06-05", "projects.progress.reported", json!({ "project": "road", "percent_bp": 4_000 })),
            ("09-28", "projects.phase.changed", json!({ "project": "road", "to": "finished" })),
            ("10-08", "projects.phase.changed", json!({ "project": "road", "to": "producing" })),
        ] {
            record_at(&planner, &at(day), kind, body).expect(201);
            if day == "03-11" {
                // A plan of months that are over is taken over by the installation alone.
                harness::note(&town.site.kernel, OFFICES[0].book, Some(&at("03-12")), "projects.investment.planned", months.clone());
            }
        }
        // Reported in December, both count for their months.
        for (month, fen) in [("2026-04", 9_000), ("2026-05", 33_000)] {
            record(&planner, "projects.investment.made", json!({ "project": "road", "month": month, "amount_fen": fen })).expect(201);
        }
        let book = book();
        let today = base::Day::parse("2026-12-20").unwrap();
        let fallen = town.site.kernel.append_blocking::<_, _, ()>(move |desk| line_projects::fall_due(desk, &book, today, None)).unwrap().0;
        assert_eq!(fallen.len(), 1, "the start of the park: what fell due of the road was written with what came after");

        for (name, day, amount) in [
            ("projects.projects", "2026-03-10", 1),
            ("projects.projects", "2026-03-11", 2),
            ("projects.total", "2026-12-20", 70_000_000_000),
            ("projects.signed.large", "2026-12-20", 1),
            ("projects.signed.large.sum", "2026-12-20", 20_000_000_000),
            ("projects.start.due", "2026-03-30", 0),
            ("projects.start.due", "2026-03-31", 1),
            ("projects.start.due", "2026-04-10", 2),
            ("projects.started", "2026-04-11", 0),
            ("projects.started", "2026-04-12", 1),
            ("projects.under_way", "2026-09-27", 1),
            ("projects.under_way", "2026-09-28", 0),
            ("projects.finished", "2026-09-28", 1),
            ("projects.finish.due", "2026-09-29", 0),
            ("projects.producing", "2026-12-20", 1),
            ("projects.contracts.sum", "2026-12-20", 900),
            ("projects.invested", "2026-04-29", 0),
            ("projects.invested", "2026-04-30", 9_000),
            ("projects.invested", "2026-12-20", 42_000),
            ("projects.investment.due", "2026-04-29", 0),
            ("projects.investment.due", "2026-05-31", 40_000),
            ("projects.paid", "2026-12-20", 400),
            ("projects.reports", "2026-12-20", 1),
            ("projects.programmes.planned", "2026-12-20", 7_351_000_000),
        ] {
            assert_eq!(figure(&town, name, day), (amount, None), "{name} on {day}");
            assert_eq!(behind(&town, name, day), amount, "behind {name} on {day}");
        }
        for (name, day, parts) in [
            ("projects.start.rate", "2026-03-31", (0, 1)),
            ("projects.start.rate", "2026-04-12", (1, 2)),
            ("projects.finish.rate", "2026-09-30", (1, 1)),
            ("projects.invested.rate", "2026-05-31", (42_000, 40_000)),
        ] {
            assert_eq!(figure(&town, name, day), (parts.0, Some(parts.1)), "{name} on {day}");
        }
        for (name, dimension, amount) in [
            ("projects.projects", "phase=producing", 1),
            ("projects.projects", "chain=equipment", 1),
            ("projects.finished", "programme=markets", 1),
            ("projects.invested", "programme=markets", 42_000),
            ("projects.total", "industry=C24", 70_000_000_000),
        ] {
            assert_eq!(figure_of(&town, name, "2026-12-20", dimension), (amount, None), "{name} {dimension}");
        }
        town.check();
    }

    fn what_is_corrected_or_taken_back_contributes_negatively_and_stays(town) {
        let planner = town.program(User::Planner);
        let amend = |members: Value| {
            let mut body = json!({ "project": "park", "reason": "核实后更正" });
            for (member, value) in members.as_object().unwrap() {
                body[member] = value.clone();
            }
            record(&planner, "projects.project.amended", body)
        };
        let today = "2026-03-10";
        amend(json!({ "total_fen": 60_000_000_000_i64, "chain": "", "newly_signed": true })).expect(201);
        assert_eq!(figure(&town, "projects.total", today).0, 60_000_000_000);
        assert_eq!(figure(&town, "projects.signed.large.sum", today).0, 60_000_000_000);
        assert_eq!(figure_of(&town, "projects.projects", today, "chain=equipment").0, 0);
        amend(json!({ "chain": "equipment" })).expect(201);
        assert_eq!(figure_of(&town, "projects.projects", today, "chain=equipment").0, 1);

        record(&planner, "projects.phase.changed", json!({ "project": "park", "to": "started" })).expect(201);
        let back = json!({ "project": "park", "to": "signed" });
        assert_eq!(record(&planner, "projects.phase.changed", back).expect(400).json()["field"], "body.reason");
        // Colours and figures count from the day on which a phase was reached: a team does not take it back to reach it again.
        let taken_back = json!({ "project": "park", "to": "signed", "reason": "开工手续未齐" });
        assert_eq!(record(&town.program(User::Team), "projects.phase.changed", taken_back.clone()).expect(409).json()["rule"], "back-by-office");
        record(&planner, "projects.phase.changed", taken_back).expect(201);
        let replanned = json!({ "programme": "none-yet", "planned_fen": 1, "reason": "x" });
        record(&planner, "projects.programme.replanned", replanned).expect(400);
        assert_eq!(figure(&town, "projects.started", today).0, 0);
        assert_eq!(behind(&town, "projects.started", today), 0);

        let invested = json!({ "project": "park", "month": "2026-02", "amount_fen": 5_000 });
        record(&planner, "projects.investment.made", invested).expect(400);
        let invested = json!({ "project": "park", "month": "2026-03", "amount_fen": 5_000 });
        let seq = record(&planner, "projects.investment.made", invested).expect(201).json()["entry"]["seq"].clone();
        let reverse = json!({ "entry": seq, "reason": "重复登记" });
        record(&planner, "projects.entry.reversed", reverse.clone()).expect(201);
        assert_eq!(figure(&town, "projects.invested", today).0, 0);
        assert_eq!(record(&planner, "projects.entry.reversed", reverse).expect(409).json()["rule"], "already-reversed");
        let account = planner.get("/api/projects/decheng-projects/projects/park").expect(200).json();
        assert_eq!(account["months"][0]["invested_fen"], 0, "{account}");

        let matter = move_matter(&town, "project.park", |matter| Cancelled {
            matter: matter.id.clone(), sort: matter.sort.clone(), reason: "投资方撤资".into(), approver: post("office"),
        }.into()).unwrap();
        assert_eq!(matter.state, State::Cancelled);
        for name in ["projects.projects", "projects.total", "projects.signed.large"] {
            assert_eq!((figure(&town, name, today).0, behind(&town, name, today)), (0, 0), "{name}");
        }
        let report = json!({ "project": "park", "percent_bp": 100 });
        assert_eq!(record(&planner, "projects.progress.reported", report).expect(409).json()["rule"], "gone");
        town.check();
    }

    fn what_breaks_a_rule_is_refused_by_its_field_and_nothing_is_recorded(town) {
        let planner = town.program(User::Planner);
        record(&planner, "projects.progress.reported", json!({ "project": "park", "percent_bp": 3_000 })).expect(201);
        record(&planner, "projects.proxy.opened", json!({ "item": "I-1", "title": "施工许可", "enterprise": "某公司",
            "agent": "post:decheng-office/office" })).expect(201);
        town.settle();
        let before = town.fingerprint();
        let registered = |members: Value| ("projects.project.registered", changed("p2", members));
        let report = |members: Value| ("projects.progress.reported", members);
        for ((kind, body), status, field, rule) in [
            (registered(json!({ "project": "a b" })), 400, "body.project", "body"),
            (registered(json!({ "project": "park" })), 409, "body.project", "exists"),
            (registered(json!({ "code": "2613-371402-04-01-123456" })), 400, "body.code", "body"),
            (registered(json!({ "code": "371402" })), 400, "body.code", "body"),
            (registered(json!({ "industry": "U01" })), 400, "body.industry", "body"),
            (registered(json!({ "chain": "none" })), 400, "body.chain", "unknown-chain"),
            (registered(json!({ "programme": "none" })), 400, "body.programme", "unknown-programme"),
            (registered(json!({ "total_fen": -1 })), 400, "body.total_fen", "body"),
            (registered(json!({ "total_fen": "26 亿" })), 400, "body.total_fen", "body"),
            (registered(json!({ "office": "post:decheng-office/team-1" })), 400, "body.office", "body"),
            (registered(json!({ "team": "account:somebody" })), 400, "body.team", "body"),
            (registered(json!({ "planned_finish": "2026-03-30" })), 400, "body.planned_finish", "body"),
            (registered(json!({ "phase": "planned", "newly_signed": true })), 400, "body.newly_signed", "body"),
            (registered(json!({ "phase": "roofing" })), 400, "body.phase", "body"),
            (registered(json!({ "site": { "unit": "371402", "address": "x", "position": { "lat_e7": 910_000_000, "lon_e7": 0 } } })),
                400, "body.site.position.lat_e7", "body"),
            (registered(json!({ "colour": "blue" })), 400, "body.colour", "body"),
            (("projects.phase.changed", json!({ "project": "park", "to": "signed" })), 409, "body.to", "same-phase"),
            (("projects.phase.changed", json!({ "project": "none", "to": "land" })), 400, "body.project", "unknown-project"),
            (("projects.project.accepted", json!({ "project": "park", "note": null })), 409, "body.project", "not-finished"),
            (("projects.project.due", json!({ "project": "park" })), 400, "kind", "unknown-kind"),
            (("projects.investment.planned", json!({ "project": "park", "months": [{ "month": "2026-02", "amount_fen": 1 }] })),
                409, "body.months[0].month", "month-closed"),
            (("projects.investment.planned", json!({ "project": "park", "months": [] })), 400, "body.months", "body"),
            (("projects.investment.planned", json!({ "project": "park", "months":
                [{ "month": "2026-05", "amount_fen": 1 }, { "month": "2026-04", "amount_fen": 1 }] })), 400, "body.months[1].month", "body"),
            (("projects.investment.made", json!({ "project": "park", "month": "2026-04", "amount_fen": 1 })), 400, "body.month", "month-ahead"),
            (("projects.payment.made", json!({ "project": "park", "contract": "C-9", "amount_fen": 1 })), 400, "body.contract", "unknown-contract"),
            (("projects.contract.signed", json!({ "project": "park", "contract": "C-1", "title": "x", "party": "x", "amount_fen": 10,
                "instalments": [{ "day": "2026-05-01", "amount_fen": 11 }] })), 400, "body.instalments", "body"),
            (report(json!({ "project": "park", "percent_bp": 2_000 })), 400, "body.note", "fall-without-note"),
            (report(json!({ "project": "park", "percent_bp": 10_001 })), 400, "body.percent_bp", "body"),
            (report(json!({ "project": "park" })), 400, "body.percent_bp", "body"),
            (("projects.visit.made", json!({ "to": "project", "place": "x", "by": "post:decheng-office/office", "settled": "x" })),
                400, "body.project", "body"),
            (("projects.proxy.opened", json!({ "item": "I-1", "title": "x", "enterprise": "x", "agent": "post:decheng-office/office" })),
                409, "body.item", "exists"),
            (("projects.proxy.done", json!({ "item": "I-2" })), 400, "body.item", "unknown-item"),
            (("projects.entry.reversed", json!({ "entry": 999, "reason": "x" })), 400, "body.entry", "unknown-entry"),
            (("projects.entry.reversed", json!({ "entry": 2, "reason": "x" })), 400, "body.entry", "not-reversible"),
            (registered(json!({ "team": "post:decheng-office/team-9" })), 400, "body.team", "unknown-post"),
            (registered(json!({ "rule": "none" })), 400, "body.rule", "unknown-rule"),
            (("projects.project.withdrawn", json!({ "project": "park", "reason": "x" })), 400, "kind", "unknown-kind"),
            (("projects.permit.applied", json!({ "project": "park", "permit": "P-1", "title": "施工许可", "term_workdays": 7,
                "bureau": "post:decheng-office/team-2", "agent": "post:decheng-office/team-2" })), 400, "body.agent", "body"),
            (("projects.permit.applied", json!({ "project": "park", "permit": "P-1", "title": "施工许可", "term_workdays": 0,
                "bureau": "post:decheng-office/team-2", "agent": "post:decheng-office/office" })), 400, "body.term_workdays", "body"),
            (("projects.permit.decided", json!({ "permit": "P-9", "granted": true })), 400, "body.permit", "unknown-permit"),
            (("projects.blocker.raised", json!({ "project": "park", "blocker": "B-1", "title": "x", "owner": "post:nowhere/x", "due": "2026-04-01" })),
                400, "body.owner", "unknown-post"),
        ] {
            let answer = record(&planner, kind, body.clone());
            let said = (answer.status, answer.json()["field"].clone(), answer.json()["rule"].clone());
            assert_eq!(said, (status, json!(field), json!(rule)), "{kind} {body}: {}", answer.text());
            assert!(answer.json()["detail_zh"].as_str().unwrap().chars().any(|c| c > '\u{4e00}'), "{}", answer.text());
        }
        let early = record_at(&planner, "2026-03-01T08:00:00+08:00", "projects.phase.changed", json!({ "project": "park", "to": "land" }));
        assert_eq!((early.status, &early.json()["rule"]), (400, &json!("too-early")));
        assert_eq!(town.fingerprint(), before);
    }

    fn a_team_acts_for_its_own_projects_and_sees_no_others(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        let other = changed("other", json!({ "team": "post:decheng-office/team-2" }));
        record(&planner, "projects.project.registered", other).expect(201);
        town.settle();
        let before = town.fingerprint();
        let report = |project: &str| json!({ "project": project, "percent_bp": 500 });
        record(&team, "projects.progress.reported", report("other")).expect(403);
        record(&team, "projects.project.amended", json!({ "project": "park", "total_fen": 1, "reason": "x" })).expect(403);
        record(&team, "projects.entry.reversed", json!({ "entry": 0, "reason": "x" })).expect(403);
        team.get("/api/projects/decheng-projects/projects/other").expect(404);
        team.get("/api/projects/decheng-projects/visits").expect(403);
        team.get("/api/projects/leling-projects/projects").expect(403);
        assert_eq!(town.fingerprint(), before);
        record(&team, "projects.progress.reported", report("park")).expect(201);
        let seen = team.get("/api/projects/decheng-projects/projects").expect(200).json();
        let seen: Vec<&str> = seen.as_array().unwrap().iter().map(|it| it["project"].as_str().unwrap()).collect();
        assert_eq!(seen, ["park"]);
        team.get("/api/projects/decheng-projects/projects/park").expect(200);
    }

    fn a_retry_under_the_same_key_gets_the_first_answer(town) {
        let planner = town.program(User::Planner).with("idempotency-key", "a-visit");
        let visit = json!({ "to": "town", "place": "郑店镇", "by": "post:decheng-office/office", "settled": "协调用电" });
        let first = record(&planner, "projects.visit.made", visit.clone()).expect(201).json();
        assert_eq!(record(&planner, "projects.visit.made", visit).expect(201).json(), first);
        assert_eq!(figure_of(&town, "projects.visits", "2026-03-10", "to=town").0, 1);
    }
}
