//! What a review found on key projects: months that were due, what was handed in and returned, extensions, plans without
//! limits, and what an entry costs. docs/security.md lists them.

use base::{ActorId, BookId, CityZone, Fen, Time};
use harness::{Answer, Client, OFFICES, Town, User, on_every_store, project};
use kernel::{AppendError, Line};
use ledger::{Body, Draft};
use line_projects::kinds::{
    CONTRACTS_BY_TEAM_MAX, CONTRACTS_MAX, ContractSigned, INSTALMENT_DAYS_MAX, MONTHS_MAX,
    PAYMENTS_BY_TEAM_MAX, PAYMENTS_MAX, Paid, ProgressReported, REPORTS_A_DAY_BY_TEAM_MAX, REPORTS_A_DAY_MAX,
    REPORTS_BY_TEAM_MAX, REPORTS_MAX,
};
use line_projects::plan::kinds::{ACTIVITIES_MAX, PARTS_MAX};
use line_projects::plan::state::{each_activity_report, plan, reports_that_count};
use line_projects::plan::{Known, Outlook};
use line_projects::record::{Input, record as record_as};
use matters::{Matter, MatterId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use store::{Engine, Insert, Param, Row, StoreError, Tx};

const ENTRIES: &str = "/api/projects/decheng-projects/entries";
const PLAN: &str = "/api/projects/decheng-projects/projects/park/plan";
const OFFICE: &str = "post:decheng-office/office";
const PDF: &[u8] = b"%PDF-1.7\n%%EOF\n";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn record_at(client: &Client, occurred: &str, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "occurred": occurred, "body": body }))
}

/// Records with a file that says that something is done.
fn prove(client: &Client, kind: &str, body: Value) -> Answer {
    let kept = client.post_bytes("/api/projects/decheng-projects/evidence", "application/octet-stream", PDF);
    let digest = kept.expect(201).json()["digest"].clone();
    client.post(ENTRIES, &json!({ "kind": kind, "body": body, "evidence": [digest] }))
}

fn refused(answer: Answer, status: u16) -> (String, String) {
    let said = answer.expect(status).json();
    let text = |name: &str| said[name].as_str().unwrap().to_owned();
    (text("field"), text("rule"))
}

fn book() -> BookId {
    BookId::new(OFFICES[0].book).unwrap()
}

fn matter(town: &Town, name: &str) -> Matter {
    town.site.kernel.matter(&MatterId::local(&book(), name).unwrap()).unwrap().expect("the matter is there")
}

/// Moves a matter at the version that it is at.
fn step(town: &Town, client: &Client, name: &str, step: Value) -> Answer {
    let expected = matter(town, name).version;
    let path = format!("/api/matters/decheng-projects/{name}/moves");
    client.post(&path, &json!({ "expected": expected, "move": step }))
}

fn returned(town: &Town, client: &Client, name: &str) {
    step(town, client, name, json!({ "verb": "returned", "reason": "现场未建成" })).expect(201);
}

fn accepted(town: &Town, client: &Client, name: &str) {
    step(town, client, name, json!({ "verb": "accepted" })).expect(201);
}

fn reopened(town: &Town, client: &Client, name: &str, day: &str) {
    let due = json!({ "by": "on", "day": day });
    let again = json!({ "verb": "reopened", "reason": "复查未通过", "due": due, "approver": OFFICE });
    step(town, client, name, again).expect(201);
}

fn figure(town: &Town, name: &str) -> i64 {
    let path = format!("/api/figures/{name}?unit=371402&from=2026-01-01&to=2026-12-31");
    town.program(User::Leader).get(&path).expect(200).json()["amount"].as_i64().unwrap()
}

fn park(client: &Client) -> Value {
    client.get("/api/projects/decheng-projects/projects/park").expect(200).json()["project"].clone()
}

fn tend(town: &Town, moment: &str) {
    town.clock.set(Time::parse(moment).unwrap());
    town.settle();
}

on_every_store! {
    fn the_plan_of_a_month_that_was_due_stays_whatever_day_its_change_is_said_to_be_of(town) {
        let planner = town.program(User::Planner);
        let plan = |fen: i64| json!({ "project": "park", "months": [{ "month": "2026-03", "amount_fen": fen }] });
        tend(&town, "2026-03-12T10:00:00+08:00");
        record(&planner, "projects.investment.planned", plan(1_000)).expect(201);
        tend(&town, "2026-04-02T10:00:00+08:00");
        assert_eq!(figure(&town, "projects.investment.due"), 1_000);
        let closed = ("body.months[0].month".to_owned(), "month-closed".to_owned());
        let then = "2026-03-13T10:00:00+08:00";
        assert_eq!(refused(record_at(&planner, then, "projects.investment.planned", plan(1)), 409), closed);
        assert_eq!(refused(record_at(&planner, then, "projects.investment.planned", plan(0)), 409), closed);
        // History that is loaded happened when it is said to have, up to what fell due.
        let load = |body: Value| {
            let input = Input { kind: "projects.investment.planned".into(), occurred: Some(Time::parse(then).unwrap()), body, evidence: Vec::new() };
            let actor = ActorId::new("system:history").unwrap();
            town.site.kernel.append_blocking(move |desk| record_as(desk, &book(), &actor, &input))
        };
        assert!(load(plan(1)).is_err());
        record_at(&planner, then, "projects.project.registered", project(OFFICES[0], "road")).expect(201);
        let past = json!({ "project": "road", "months": [{ "month": "2026-03", "amount_fen": 5 }] });
        assert_eq!(refused(record_at(&planner, then, "projects.investment.planned", past.clone()), 409), closed);
        load(past).unwrap();
        town.check();
    }

    fn a_project_that_was_handed_in_and_returned_is_not_finished_and_can_be_handed_in_again(town) {
        let (team, planner) = (town.program(User::Team), town.program(User::Planner));
        town.holder("li", &[OFFICE]);
        let office = || town.holder_again("li");
        tend(&town, "2026-04-10T09:00:00+08:00");
        let phase = |client: &Client, to: &str, reason: Value| {
            record(client, "projects.phase.changed", json!({ "project": "park", "to": to, "reason": reason }))
        };
        let accept = || prove(&team, "projects.project.accepted", json!({ "project": "park", "note": null }));
        let counted = || (figure(&town, "projects.finished"), figure(&town, "projects.producing"), figure(&town, "projects.under_way"));
        phase(&team, "roofed", Value::Null).expect(201);
        phase(&team, "producing", Value::Null).expect(201);
        accept().expect(201);
        assert_eq!((counted(), park(&planner)["accepted_at"].is_null()), ((1, 1, 0), false));
        assert_eq!(refused(phase(&planner, "started", json!("未建成")), 409).1, "already-done", "it is being looked at");

        returned(&town, &office(), "project.park");
        let said = park(&planner);
        assert_eq!((&said["phase"], &said["accepted_at"], counted()), (&json!("roofed"), &Value::Null, (0, 0, 1)));
        phase(&planner, "started", json!("主体结构未完成")).expect(201);
        assert_eq!(refused(accept(), 409).1, "not-finished");
        phase(&team, "finished", Value::Null).expect(201);
        accept().expect(201);
        accepted(&town, &office(), "project.park");
        assert_eq!(counted(), (1, 0, 0));

        // What falls due of the project meanwhile is written once.
        record(&planner, "projects.investment.planned", json!({ "project": "park", "months": [{ "month": "2026-04", "amount_fen": 7 }] })).expect(201);
        town.clock.set(Time::parse("2026-05-02T09:00:00+08:00").unwrap());
        reopened(&town, &office(), "project.park", "2026-10-31");
        let said = park(&planner);
        assert_eq!((&said["phase"], &said["accepted_at"], &said["planned_finish"]), (&json!("started"), &Value::Null, &json!("2026-10-31")));
        assert_eq!((counted(), figure(&town, "projects.investment.due")), ((0, 0, 1), 7));
        phase(&team, "finished", Value::Null).expect(201);
        accept().expect(201);
        town.check();
    }

    fn a_permit_that_was_decided_and_returned_is_decided_again(town) {
        let planner = town.program(User::Planner);
        let office = town.holder("li", &[OFFICE]);
        record(&planner, "projects.permit.applied", json!({ "project": "park", "permit": "P-1", "title": "施工许可",
            "bureau": "post:decheng-office/team-2", "agent": OFFICE, "term_workdays": 7 })).expect(201);
        let decide = |granted: bool| prove(&planner, "projects.permit.decided", json!({ "permit": "P-1", "granted": granted, "number": "3714" }));
        let decided = || {
            let listed = planner.get("/api/projects/decheng-projects/permits").expect(200).json();
            (listed[0]["granted"].clone(), listed[0]["decided_at"].is_null(), listed[0]["number"].clone())
        };
        let (open, granted) = ((Value::Null, true, Value::Null), (json!(true), false, json!("3714")));
        decide(true).expect(201);
        assert_eq!((decided(), refused(decide(true), 409).1.as_str()), (granted.clone(), "already-done"));
        returned(&town, &office, "permit.P-1");
        assert_eq!(decided(), open);
        decide(false).expect(201);
        assert_eq!(decided().0, false);
        accepted(&town, &office, "permit.P-1");
        reopened(&town, &office, "permit.P-1", "2026-05-30");
        assert_eq!(decided(), open);
        decide(true).expect(201);
        assert_eq!(decided(), granted);
        town.check();
    }

    fn an_extension_lies_after_the_deadline_with_its_pauses_and_ahead_of_today(town) {
        town.holder("li", &[OFFICE]);
        let office = || town.holder_again("li");
        let extend = |extension: Value| {
            let later = json!({ "verb": "extended", "extension": extension, "reason": "地质条件变化", "approver": OFFICE });
            step(&town, &office(), "project.park", later)
        };
        let to = |day: &str| json!({ "by": "to", "day": day });
        let finish = || park(&town.program(User::Planner))["planned_finish"].clone();
        tend(&town, "2026-12-01T09:00:00+08:00");
        step(&town, &office(), "project.park", json!({ "verb": "paused", "reason": "汛期停工", "approver": OFFICE })).expect(201);
        tend(&town, "2027-01-30T09:00:00+08:00");
        step(&town, &office(), "project.park", json!({ "verb": "resumed" })).expect(201);
        assert_eq!(finish(), "2027-03-01", "sixty days were paused");
        let said = refused(extend(to("2027-01-05")), 400);
        assert_eq!(said, ("extension".into(), "consistency".into()), "after the day without its pauses, and before today");
        assert_eq!(refused(extend(to("2027-03-01")), 400), said);
        tend(&town, "2027-03-20T09:00:00+08:00");
        for past in [to("2027-03-10"), json!({ "by": "days", "days": 10 })] {
            assert_eq!(refused(extend(past), 400), ("due".into(), "range".into()), "it would be overdue at once");
        }
        extend(json!({ "by": "days", "days": 30 })).expect(201);
        assert_eq!(finish(), "2027-03-31");
        extend(to("2027-04-15")).expect(201);
        assert_eq!(finish(), "2027-04-15");
        town.check();
    }

    fn a_plan_is_changed_within_the_limits_of_a_file(town) {
        let planner = town.program(User::Planner);
        let table: String = (0..ACTIVITIES_MAX).map(|number| format!("{number},工作,1d,\n")).collect();
        let table = format!("编号,名称,工期,紧前工作\n{table}");
        planner.post_bytes(PLAN, "application/octet-stream", table.as_bytes()).expect(201);
        let edit = |changes: Value| record(&planner, "projects.plan.edited", json!({ "project": "park", "changes": changes }));
        let field = |changes: Value| refused(edit(changes), 400).0;
        let add = |code: &str| json!({ "what": "add", "activity": { "code": code, "name": "新增", "minutes": 60 } });
        assert_eq!(field(json!([add("N1")])), "body.changes");
        edit(json!([{ "what": "remove", "activity": "9999" }, add("N1")])).expect(201);

        let bound = json!({ "start_no_earlier": "2026-04-01T08:00" });
        let bounds = |count: usize| json!([{ "what": "bounds", "activity": "1", "bounds": vec![bound.clone(); count] }]);
        assert_eq!(field(bounds(7)), "body.changes[0].bounds");
        let day = |day: i32, shifts: Value| json!({ "what": "day", "calendar": 0, "day": base::Day::FIRST.plus(day), "shifts": shifts });
        let minutes: Vec<String> = (0..9).map(|hour| format!("0{hour}:00-0{hour}:30")).collect();
        assert_eq!(field(json!([day(9, json!([])), day(1, json!(minutes))])), "body.changes[1].shifts");
        let link = |from: usize| json!({ "what": "link", "to": "1", "after": { "code": from.to_string(), "kind": "FS" } });
        let links = |from: usize| Value::Array((from..from + 200).map(link).collect());
        edit(links(1_000)).expect(201);
        edit(links(2_000)).expect(201);
        assert_eq!(field(json!([add("N2"), link(3_000)])), "body.changes[1].after");
        // Every second day is a run of its own.
        let days = |from: i32| Value::Array((from..from + 200).map(|number| day(738_000 + 2 * number, json!([]))).collect());
        for from in [0, 200] {
            edit(days(from)).expect(201);
        }
        assert_eq!(field(days(400)), "body.changes[0].exceptions");
        town.check();
    }

    fn what_an_entry_on_a_project_reads_does_not_grow_with_what_was_recorded_of_it(town) {
        let planner = town.program(User::Planner);
        let road = "编号,名称,工期,紧前工作\nA,路基,20d,\nB,桥涵,30d,A\n";
        planner.post_bytes(PLAN, "application/octet-stream", road.as_bytes()).expect(201);
        record(&planner, "projects.phase.changed", json!({ "project": "park", "to": "started" })).expect(201);
        let month = &town.now()[..7];
        let once = |number: u32| {
            let contract = json!({ "project": "park", "contract": format!("C-{number}"), "title": "施工", "party": "某公司", "amount_fen": 100,
                "instalments": [{ "day": "2026-05-31", "amount_fen": 10 }, { "day": "2026-06-30", "amount_fen": 10 }] });
            let signed = record(&planner, "projects.contract.signed", contract).expect(201);
            let report = |activity: Value| json!({ "project": "park", "activity": activity, "percent_bp": 100 + number });
            let mut answers = vec![signed];
            for (kind, body) in [
                ("projects.payment.made", json!({ "project": "park", "amount_fen": 3 })),
                ("projects.investment.made", json!({ "project": "park", "month": month, "amount_fen": 2 })),
                ("projects.progress.reported", report(json!("A"))),
                ("projects.progress.reported", report(Value::Null)),
            ] {
                answers.push(record(&planner, kind, body).expect(201));
            }
            answers.into_iter().map(|answer| answer.json()["entry"]["seq"].clone()).collect::<Vec<Value>>()
        };
        once(0);
        let before = read(&town);
        let last = (1..20).fold(Vec::new(), |_, again| once(again));
        let after = read(&town);
        assert_eq!(after.1, before.1, "rows");
        let facts = after.0;
        assert_eq!((facts.paid, facts.invested), (Some(Fen(60)), Some(Fen(40))));
        let required = facts.required_fen.unwrap();
        assert_eq!(required.at(base::Day::parse("2026-06-15").unwrap()), 200);
        // What is taken back is read no more.
        for seq in last {
            record(&planner, "projects.entry.reversed", json!({ "entry": seq, "reason": "录错" })).expect(201);
        }
        let facts = read(&town).0;
        assert_eq!((facts.paid, facts.invested), (Some(Fen(57)), Some(Fen(38))));
        assert_eq!(facts.required_fen.unwrap().at(base::Day::LAST), 380);
        town.check();
    }

    fn a_project_has_so_many_months_and_days_of_payment(town) {
        let planner = town.program(User::Planner);
        let month = |number: usize| base::Day::FIRST.plus(740_000 + 31 * i32::try_from(number).unwrap()).to_string()[..7].to_owned();
        let plan = |from: usize, count: usize| {
            let months: Vec<Value> = (from..from + count).map(|number| json!({ "month": month(number), "amount_fen": 1 })).collect();
            record(&planner, "projects.investment.planned", json!({ "project": "park", "months": months }))
        };
        for from in (0..MONTHS_MAX).step_by(100) {
            plan(from, 100).expect(201);
        }
        assert_eq!(refused(plan(MONTHS_MAX, 1), 400).0, "body.months");
        plan(0, 100).expect(201);
        let sign = |from: usize, count: usize| {
            let day = |number: usize| base::Day::FIRST.plus(740_000 + i32::try_from(number).unwrap());
            let parts: Vec<Value> = (from..from + count).map(|number| json!({ "day": day(number), "amount_fen": 1 })).collect();
            let contract = json!({ "project": "park", "contract": format!("C-{from}-{count}"), "title": "施工", "party": "某公司",
                "amount_fen": 100, "instalments": parts });
            record(&planner, "projects.contract.signed", contract)
        };
        for from in (0..INSTALMENT_DAYS_MAX).step_by(50) {
            sign(from, 50).expect(201);
        }
        assert_eq!(refused(sign(INSTALMENT_DAYS_MAX - 1, 2), 400).0, "body.instalments");
        sign(0, 60).expect(201);
        town.check();
    }

    fn a_project_has_so_many_payments_and_contracts_of_which_its_team_leaves_some_to_the_office(town) {
        let (team, planner) = (town.program(User::Team), town.program(User::Planner));
        let pay = |by: &Client| record(by, "projects.payment.made", json!({ "project": "park", "amount_fen": 1 }));
        let paid = || Paid { project: "park".into(), contract: None, amount_fen: Fen(1), heading: Default::default() };
        plant(&town, (1..PAYMENTS_BY_TEAM_MAX).map(|_| paid()));
        pay(&team).expect(201);
        let said = pay(&team).expect(400).json();
        assert_eq!(said["field"], "body.project");
        for detail in ["detail", "detail_zh"] {
            assert!(said[detail].as_str().unwrap().contains(&PAYMENTS_BY_TEAM_MAX.to_string()), "{said}");
        }
        plant(&town, (PAYMENTS_BY_TEAM_MAX..PAYMENTS_MAX - 1).map(|_| paid()));
        let last = pay(&planner).expect(201).json();
        assert_eq!(refused(pay(&planner), 400).0, "body.project");
        record(&planner, "projects.entry.reversed", json!({ "entry": last["entry"]["seq"], "reason": "录错" })).expect(201);
        pay(&planner).expect(201);

        let sign = |by: &Client, name: &str| {
            let body = json!({ "project": "park", "contract": name, "title": "施工", "party": "某公司", "amount_fen": 1 });
            record(by, "projects.contract.signed", body)
        };
        let signed = |number: usize| ContractSigned { project: "park".into(), contract: format!("C-{number}"), title: "施工".into(),
            party: "某公司".into(), amount_fen: Fen(1), instalments: Vec::new(), heading: Default::default() };
        plant(&town, (1..CONTRACTS_BY_TEAM_MAX).map(signed));
        sign(&team, "T-1").expect(201);
        assert_eq!(refused(sign(&team, "T-2"), 400).0, "body.contract");
        plant(&town, (CONTRACTS_BY_TEAM_MAX..CONTRACTS_MAX - 1).map(signed));
        sign(&planner, "T-2").expect(201);
        assert_eq!(refused(sign(&planner, "T-3"), 400).0, "body.contract");
        town.check();
    }

    fn a_project_has_so_many_reports_of_which_its_team_leaves_some_to_the_office(town) {
        let (team, planner) = (town.program(User::Team), town.program(User::Planner));
        let report = |by: &Client, activity: Option<&str>| {
            record(by, "projects.progress.reported", json!({ "project": "park", "activity": activity, "percent_bp": 100 }))
        };
        for (activity, field) in [(Some("A"), "body.activity"), (None, "body.project")] {
            for _ in 0..REPORTS_A_DAY_BY_TEAM_MAX {
                report(&team, activity).expect(201);
            }
            assert_eq!(refused(report(&team, activity), 400).0, field);
            for _ in REPORTS_A_DAY_BY_TEAM_MAX..REPORTS_A_DAY_MAX {
                report(&planner, activity).expect(201);
            }
            assert_eq!(refused(report(&planner, activity), 400).0, field);
        }
        report(&team, Some("B")).expect(201);
        town.clock.advance_ms(24 * 3_600_000);
        report(&team, Some("A")).expect(201);
        report(&team, None).expect(201);
        // Nobody records hundreds of thousands here: the tally that is asked says so for a while.
        let add = |count: usize, sign: &str| {
            let sql = format!("update projects_tally set reports = reports {sign} {count} where project = 'park'");
            town.site.kernel.append_blocking(move |desk| { desk.aside(sql.clone(), Vec::new()); Ok::<_, AppendError<()>>(()) }).unwrap();
        };
        let told = REPORTS_A_DAY_MAX + 2;
        add(REPORTS_BY_TEAM_MAX - told - 1, "+");
        report(&team, Some("B")).expect(201);
        assert_eq!(refused(report(&team, Some("B")), 400).0, "body.activity");
        report(&team, None).expect(201);
        add(REPORTS_MAX - REPORTS_BY_TEAM_MAX - 1, "+");
        report(&planner, Some("B")).expect(201);
        assert_eq!(refused(report(&planner, Some("B")), 400).0, "body.activity");
        add(REPORTS_MAX - told - 2, "-");
        town.check();
    }

    fn an_outlook_follows_from_a_few_reports_on_each_activity(town) {
        let planner = town.program(User::Planner);
        let road = "编号,名称,工期,紧前工作\nA,路基,20d,\nB,桥涵,30d,A\nC,路面,9d,B\nD,绿化,5d,\n";
        planner.post_bytes(PLAN, "application/octet-stream", road.as_bytes()).expect(201);
        let mut random = StdRng::seed_from_u64(7);
        let now = town.site.kernel.now();
        for _ in 0..12 {
            // Many at one moment, and told late; X is in no plan.
            let reports: Vec<(Time, ProgressReported)> = (0..25)
                .map(|_| {
                    let at = now.plus_ms(-random.random_range(0..40) * 7_200_000);
                    let percent = [None, Some(0), Some(0), Some(3_300), Some(10_000)][random.random_range(0..5)];
                    let days = (percent.is_none() || random.random_range(0..4) == 0).then(|| random.random_range(0..40));
                    let activity = ["A", "B", "C", "X"][random.random_range(0..4)];
                    (at, ProgressReported { project: "park".into(), activity: Some(activity.into()), percent_bp: percent,
                        remaining_days: days, note: None })
                })
                .collect();
            plant_at(&town, reports);
            let zone = town.site.kernel.zone().clone();
            town.site.kernel.read(|tx| {
                let project = line_projects::state::project(tx, &book(), "park")?.unwrap();
                let (_, model) = plan(tx, &book(), "park")?.unwrap();
                let mut all = Vec::new();
                each_activity_report(tx, &book(), "park", |report| all.push(report.clone()))?;
                assert!(all.is_sorted_by_key(|report| report.at));
                let mut rows = 0;
                let few = reports_that_count(&mut Counted { inner: tx, rows: &mut rows }, &book(), "park", model.codes())?;
                assert!(few.len() <= 9 && rows <= 10 && few.len() <= all.len(), "{rows} rows");
                let outlook = |reports| {
                    let known = Known { model: &model, reports, frozen: None, finish: project.planned_finish,
                        total: project.total_fen, zone: &zone };
                    let outlook = Outlook::standing(known).unwrap();
                    (outlook.document.plan.activities.clone(), outlook.planned.clone(), outlook.done.clone(), *outlook.schedule.terms())
                };
                let (few, all) = (outlook(few.as_slice()), outlook(all.as_slice()));
                assert_eq!(format!("{few:?}"), format!("{all:?}"));
                Ok(())
            }).unwrap();
        }
        // One that comes into the plan by a change is reckoned with as it was reported on before.
        let late = ProgressReported { project: "park".into(), activity: Some("X".into()), percent_bp: None, remaining_days: Some(300), note: None };
        plant(&town, [late]);
        let add = json!([{ "what": "add", "activity": { "code": "X", "name": "验收", "minutes": 480 } }]);
        let edited = record(&planner, "projects.plan.edited", json!({ "project": "park", "changes": add })).expect(201).json();
        let seq = base::Seq(edited["entry"]["seq"].as_u64().unwrap());
        let entry = town.site.kernel.read(|tx| kernel::entries::entry(tx, &book(), seq)).unwrap().unwrap();
        let body: Value = serde_json::from_str(entry.body.as_deref().unwrap()).unwrap();
        let finish = planner.get(PLAN).expect(200).json()["finish"].clone();
        assert!(body["after"] == finish && finish.as_str().unwrap() > "2026-12", "{body}, {finish}");
        town.check();
    }

    fn a_plan_comes_to_no_more_by_changes_than_by_a_file(town) {
        let planner = town.program(User::Planner);
        let long = "长".repeat(250);
        let take = |rows: String| {
            let table = format!("编号,名称,工期,紧前工作,分部\n{rows}");
            planner.post_bytes(PLAN, "application/octet-stream", table.as_bytes()).expect(201).json()
        };
        let edit = |changes: Value| record(&planner, "projects.plan.edited", json!({ "project": "park", "changes": changes }));
        let wrong = |answer: Answer| assert_eq!(refused(answer, 400), ("body.changes".into(), "plan".into()));
        take((0..PARTS_MAX * 23).map(|at| format!("A{at:04},{long},1d,,{long}\n")).collect());
        let add = |code: &str| json!({ "what": "add", "activity": { "code": code, "name": long, "group": long, "minutes": 480 } });
        wrong(edit(json!([add("N0001")])));
        edit(json!([{ "what": "name", "activity": "A0001", "name": "短" }])).expect(201);

        let code = |at: usize| format!("{at:03}{}", "长".repeat(57));
        take((0..400).map(|at| format!("{},工作,1d,,\n", code(at))).collect());
        let links = |from: usize| -> Value {
            (from..from + 100).map(|at| json!({ "what": "link", "to": code(0), "after": { "code": code(at), "kind": "FS" } })).collect()
        };
        edit(links(1)).expect(201);
        edit(links(101)).expect(201);
        wrong(edit(links(201)));

        let shifts: Vec<String> = (0..8).map(|hour| format!("0{hour}:00-0{hour}:30")).collect();
        let days = |from: i32| -> Value {
            let day = |number: i32| base::Day::FIRST.plus(738_000 + 2 * number);
            (from..from + 150).map(|number| json!({ "what": "day", "calendar": 0, "day": day(number), "shifts": shifts })).collect()
        };
        edit(days(0)).expect(201);
        wrong(edit(days(150)));
        town.check();
    }
}

/// Records without asking whether it may be, as it was before there were limits.
fn plant<B: Body>(town: &Town, bodies: impl IntoIterator<Item = B>) {
    let now = town.site.kernel.now();
    plant_at(town, bodies.into_iter().map(|body| (now, body)).collect());
}

fn plant_at<B: Body>(town: &Town, bodies: Vec<(Time, B)>) {
    let actor = ActorId::new("system:test").unwrap();
    let drafts: Vec<Draft> =
        bodies.iter().map(|(at, body)| Draft::new(&book(), *at, &actor, body).unwrap()).collect();
    let planted = town.site.kernel.append_blocking(move |desk| {
        drafts.iter().try_for_each(|draft| desk.append(draft.clone()).map(drop))?;
        Ok::<_, AppendError<()>>(())
    });
    planted.unwrap();
}

/// What the line knows of the park, and how many rows it reads for it once its plan was reckoned with.
fn read(town: &Town) -> (matters::Facts, usize) {
    let line = line_projects::Projects::new(CityZone::named("Asia/Shanghai").unwrap());
    let park = matter(town, "project.park");
    let facts = || {
        let mut rows = 0;
        let facts = town
            .site
            .kernel
            .read(|tx| line.facts(&mut Counted { inner: tx, rows: &mut rows }, &book(), &park));
        (facts.unwrap(), rows)
    };
    facts();
    facts()
}

/// A transaction whose rows are counted.
struct Counted<'c> {
    inner: &'c mut dyn Tx,
    rows: &'c mut usize,
}

impl Tx for Counted<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let rows = self.inner.query(sql, params)?;
        *self.rows += rows.len();
        Ok(rows)
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.inner.execute(sql, params)
    }

    fn insert_many(&mut self, insert: &Insert, cells: &[Param<'_>]) -> Result<(), StoreError> {
        self.inner.insert_many(insert, cells)
    }

    fn run_script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.inner.run_script(sql)
    }

    fn engine(&self) -> Engine {
        self.inner.engine()
    }
}
