//! What a fifth review found on rights and duties, each tried again as it was found. docs/security.md lists them.

use base::AccountId;
use harness::{Answer, Client, Town, User, on_every_store, sale};
use serde_json::{Value, json};

use crate::breach::give;

const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const BUREAU: &str = "post:371402/bureau";
const MAYOR: &str = "post:371402/mayor";
const CITY: &str = "post:371400/leader";
const TEAM: &str = "post:decheng-office/team-1";
const OFFICE: &str = "post:decheng-office/office";
const MARKET: &str = "/api/market/beiyuan/entries";
const PROJECTS: &str = "/api/projects/decheng-projects/entries";
const SALES: &str = "/scale/v1/sales";
const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";

fn record(client: &Client, address: &str, kind: &str, body: Value) -> Answer {
    client.post(address, &json!({ "kind": kind, "body": body }))
}

fn shown(client: &Client, path: &str) -> String {
    client.with("accept", "text/html").with("accept-language", "en").get(path).expect(200).text()
}

/// A task of the market's, due in April.
fn task(owner: &str, reviewer: &str) -> Value {
    json!({ "name": "task-drain", "title": "疏通排水沟", "owner": owner, "reviewer": reviewer, "due": { "by": "on", "day": "2026-04-20" } })
}

fn step(client: &Client, version: u32, step: Value) -> Answer {
    client.post("/api/matters/beiyuan/task-drain/moves", &json!({ "expected": version, "move": step }))
}

fn cancelled(approver: &str) -> Value {
    json!({ "verb": "cancelled", "reason": "无须办理", "approver": approver })
}

fn later(approver: &str) -> Value {
    json!({ "verb": "extended", "extension": { "by": "to", "day": "2027-12-31" }, "reason": "延期", "approver": approver })
}

fn matter(client: &Client, path: &str) -> Value {
    client.get(path).expect(200).json()["matter"].clone()
}

/// A second project of the county, with a team of its own, a contract, a permit and a blocker.
fn other_project(town: &Town) {
    let planner = town.program(User::Planner);
    let mut project = harness::project(harness::OFFICES[0], "other");
    project["team"] = "post:decheng-office/team-2".into();
    project["title_en"] = "The park next door".into();
    record(&planner, PROJECTS, "projects.project.registered", project).expect(201);
    let contract = json!({ "project": "other", "contract": "C-77", "title": "邻队合同", "party": "某公司", "amount_fen": 100 });
    record(&planner, PROJECTS, "projects.contract.signed", contract).expect(201);
    let permit = json!({ "project": "other", "permit": "P-77", "title": "邻队许可", "bureau": BUREAU, "agent": OFFICE, "term_workdays": 3 });
    record(&planner, PROJECTS, "projects.permit.applied", permit).expect(201);
    let blocker = json!({ "project": "other", "blocker": "B-77", "title": "邻队堵点", "owner": BUREAU, "due": "2026-05-01" });
    record(&planner, PROJECTS, "projects.blocker.raised", blocker).expect(201);
}

on_every_store! {
    fn what_a_single_sale_weighed_is_told_live_to_who_reads_takings_alone(town) {
        town.program(User::Merchant).post(MARKET, &json!({ "kind": "market.lot.received", "body": town.lot("L9", 20_000) })).expect(201);
        let sold = json!({ "sales": [sale(1, "L9", 1_234, &town.now())] });
        town.scale(1).post(SALES, &sold).expect(200);
        let (inspector, operator) = (town.browser(User::Inspector), town.browser(User::Operator));
        assert!(shown(&operator, "/market/beiyuan").contains("1.234"), "the test sees what it looks for");
        let page = shown(&inspector, "/market/beiyuan");
        assert!(page.contains("A1 ·") && !page.contains("1.234"), "{page}");
    }

    fn a_team_is_shown_nothing_of_another_teams_project_by_forms_tasks_or_notes(town) {
        town.holder("sun", &[BUREAU]);
        other_project(&town);
        let team = town.browser(User::Team);
        let planner = town.browser(User::Planner);
        assert!(shown(&planner, "/projects/decheng-projects/record/pay?project=other").contains("邻队合同"));
        assert!(!shown(&team, "/projects/decheng-projects/record/pay?project=other").contains("邻队合同"));
        assert!(shown(&planner, "/projects/decheng-projects/record/permit-decided").contains("邻队许可"));
        team.with("accept", "text/html").get("/projects/decheng-projects/record/permit-decided").expect(403);
        // A note is what somebody wrote, whatever it is the name of.
        let noted = json!({ "project": "park", "note": "matter:decheng-projects/blocker.B-77", "percent_bp": 100 });
        record(&town.program(User::Team), PROJECTS, "projects.progress.reported", noted).expect(201);
        let page = shown(&team, "/projects/decheng-projects/project/park");
        assert!(page.contains("matter:decheng-projects/blocker.B-77") && !page.contains("邻队堵点"), "{page}");
        // Nor does a task tell what it is about to whoever may not read that.
        let holder = town.holder("wei", &[TEAM]);
        let about = json!({ "name": "task-look", "title": "看一看", "owner": "post:decheng-office/team-2", "reviewer": TEAM,
            "due": { "by": "on", "day": "2026-04-20" }, "about": ["project:decheng-projects/other"] });
        holder.post("/api/matters/decheng-projects", &about).expect(403);
        let leader = town.browser(User::Leader);
        let mut given = about.clone();
        given["owner"] = TEAM.into();
        given["reviewer"] = MAYOR.into();
        town.holder("zhou", &[MAYOR]);
        leader.post("/api/matters/decheng-projects", &given).expect(201);
        // Nor does the page of its own project tell a team what somebody else is to do about it.
        let secret = json!({ "name": "task-check", "title": "核查虚报进度", "owner": BUREAU, "reviewer": MAYOR,
            "due": { "by": "on", "day": "2026-04-20" }, "about": ["project:decheng-projects/park"] });
        leader.post("/api/matters/decheng-projects", &secret).expect(201);
        assert!(shown(&planner, "/projects/decheng-projects/project/park").contains("核查虚报进度"));
        assert!(!shown(&team, "/projects/decheng-projects/project/park").contains("核查虚报进度"));
        assert!(shown(&leader, "/matters/decheng-projects/task-look").contains("The park next door"));
        assert!(!shown(&holder, "/matters/decheng-projects/task-look").contains("The park next door"));
        town.check();
    }

    fn who_owes_a_task_does_not_get_rid_of_who_reviews_it_by_handing_it_down(town) {
        town.holder("wei", &[MANAGER]);
        town.holder("li", &[BUREAU]);
        town.holder("zhou", &[CITY]);
        give(&town, "zhou", "leader", "371400", None);
        town.holder("sun", &[MAYOR]);
        give(&town, "sun", "leader", "371402", None);
        let (city, mayor) = (town.holder_again("zhou"), town.holder_again("sun"));
        city.post("/api/matters/beiyuan", &task(MAYOR, CITY)).expect(201);
        let down = json!({ "verb": "handed_over", "to": MANAGER, "reason": "移交" });
        let mut out = down.clone();
        out["reviewer"] = BUREAU.into();
        step(&mayor, 0, out.clone()).expect(403);
        step(&mayor, 0, down).expect(201);
        for way in [later(MAYOR), cancelled(MAYOR)] {
            let refused = step(&mayor, 1, way).expect(400).json();
            assert_eq!(refused["field"], "approver", "{refused}");
        }
        let seen = mayor.get("/api/matters/beiyuan/task-drain").expect(200).json();
        assert!(!seen["moves"].to_string().contains("cancelled"), "{seen}");
        out["to"] = CLERK.into();
        town.holder("zhao", &[CLERK]);
        step(&mayor, 1, out.clone()).expect(403);
        // Who gave it says who reviews it from now on.
        step(&city, 1, out).expect(201);
        // Nor does who leads the market alone end what a bureau supervises.
        give(&town, "wei", "leader", "beiyuan-market", None);
        let manager = town.holder_again("wei");
        step(&manager, 2, cancelled(MANAGER)).expect(400);
        town.check();
    }

    fn who_owed_a_task_does_not_approve_for_it_from_above_once_it_is_handed_down(town) {
        let (manager, bureau) = (town.holder("wei", &[MANAGER]), town.holder("li", &[BUREAU, "post:371402/aide"]));
        town.holder("sun", &[MAYOR]);
        give(&town, "sun", "leader", "371402", None);
        let mayor = town.holder_again("sun");
        town.browser(User::Leader).post("/api/matters/beiyuan", &task(MAYOR, BUREAU)).expect(201);
        let mut down = json!({ "verb": "handed_over", "to": MANAGER, "reason": "移交", "reviewer": "post:371402/deputy" });
        town.holder("zhao", &["post:371402/deputy"]);
        step(&mayor, 0, down.clone()).expect(403);
        let help = |post: &str| json!({ "verb": "helper_added", "helper": post });
        assert_eq!(step(&mayor, 0, help("post:371402/aide")).expect(400).json()["field"], "helper");
        down["reviewer"] = Value::Null;
        step(&mayor, 0, down.clone()).expect(201);
        for way in [later(MAYOR), cancelled(MAYOR)] {
            step(&mayor, 1, way).expect(403);
        }
        (down["to"], down["reviewer"]) = (CLERK.into(), MAYOR.into());
        town.holder("tian", &[CLERK]);
        step(&mayor, 1, down).expect(403);
        // Nor does who owes it keep the reviewer from reviewing, by letting them help.
        let unit = base::UnitCode::new("371402").unwrap();
        let subject = base::SubjectId::new("post:371402/deputy").ok();
        let stands_in = access::Grant { role: access::HOLDER.into(), unit, line: None, subject };
        let by = base::ActorId::new("system:installation").unwrap();
        town.site.kernel.give_grant(&by, &base::ActorId::new("account:li").unwrap(), stands_in).unwrap();
        for post in ["post:371402/aide", "post:371402/deputy"] {
            let refused = step(&manager, 1, help(post)).expect(400).json();
            assert_eq!(refused["field"], "helper", "{refused}");
        }
        let help = help("post:371402/aide");
        step(&bureau, 1, help).expect(201);
        // A deadline that is set anew lies ahead.
        town.holder("zhou", &[CITY]);
        give(&town, "zhou", "leader", "371400", None);
        let city = town.holder_again("zhou");
        step(&city, 2, cancelled(CITY)).expect(201);
        let again = |day: &str| json!({ "verb": "reopened", "reason": "重办", "due": { "by": "on", "day": day }, "approver": CITY });
        assert_eq!(step(&city, 3, again("2026-03-09")).expect(400).json()["field"], "due");
        step(&city, 3, again("2026-03-10")).expect(201);
        town.check();
    }

    fn no_deadline_is_put_off_beyond_the_years_that_are_written(town) {
        let (manager, clerk) = (town.holder("wei", &[MANAGER]), town.holder("zhao", &[CLERK]));
        let mut given = task(CLERK, MANAGER);
        given["due"]["day"] = "9999-12-31".into();
        manager.post("/api/matters/beiyuan", &given).expect(201);
        for days in [1, u32::MAX] {
            let more = json!({ "verb": "extended", "extension": { "by": "days", "days": days }, "reason": "延期", "approver": MANAGER });
            step(&manager, 0, more).expect(400);
        }
        clerk.get("/api/matters/beiyuan/task-drain").expect(200);
        assert_eq!(town.site.kernel.tend_matters(100).unwrap().failed, 0);
        town.check();
    }

    fn what_the_supervising_post_finds_put_right_is_ended_with_a_file_too(town) {
        town.holder("wei", &[MANAGER]);
        town.holder("li", &[BUREAU]);
        give(&town, "li", "inspector", "371402", Some("market"));
        let bureau = town.holder_again("li");
        let duties = json!({ "answering": MANAGER, "supervising": BUREAU, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
        record(&bureau, MARKET, "market.duties.assigned", duties).expect(201);
        let test = |verdict: &str, retest_of: Value| json!({ "lot": "L1", "method": "rapid", "item": "organophosphate", "reading": "62 %", "limit": "50 %",
            "verdict": verdict, "retest_of": retest_of });
        let failed = record(&bureau, MARKET, "market.inspection.recorded", test("fail", Value::Null)).expect(201).json();
        let hold = failed["holds"][0]["seq"].clone();
        let passed = record(&bureau, MARKET, "market.inspection.recorded", test("pass", failed["entry"]["seq"].clone())).expect(201).json();
        let kept = bureau.post_bytes("/api/market/beiyuan/evidence", "application/pdf", PDF).expect(201).json();
        let release = json!({ "kind": "market.lot.released", "evidence": [kept["digest"]],
            "body": { "lot": "L1", "hold": hold, "inspection": passed["entry"]["seq"], "reason": "复检合格" } });
        bureau.post(MARKET, &release).expect(201);
        assert_eq!(matter(&bureau, &format!("/api/matters/beiyuan/failed-test-{hold}"))["state"], "cancelled");
        town.check();
    }

    fn a_scale_hears_that_its_stall_is_let_to_somebody_else(town) {
        let scale = town.scale(1);
        let mut stream = harness::StateStream::open(&scale);
        let lots = |state: &Value| state["lots"].as_array().unwrap().len();
        assert_eq!(lots(&stream.next_state()), 1);
        let operator = town.program(User::Operator);
        record(&operator, MARKET, "market.lease.ended", json!({ "stall": "A1", "merchant": "m1", "reason": "续租" })).expect(201);
        assert_eq!(lots(&stream.next_state()), 0);
        let lease = json!({ "stall": "A1", "merchant": "m1", "from": "2026-03-10", "until": "2027-03-09", "fee_fen": 100_000 });
        record(&operator, MARKET, "market.stall.leased", lease).expect(201);
        assert_eq!(lots(&stream.next_state()), 1);
    }

    fn who_takes_part_in_a_task_accepts_and_approves_nothing_for_it(town) {
        let (clerk, helper) = (town.holder("zhao", &[CLERK]), town.holder("qian", &["post:beiyuan-market/helper"]));
        let both = town.holder("wei", &[MANAGER, "post:beiyuan-market/deputy"]);
        let helping = town.holder("sun", &[BUREAU, "post:beiyuan-market/aide"]);
        let mut given = task(MANAGER, "post:beiyuan-market/deputy");
        given["helpers"] = json!(["post:beiyuan-market/helper"]);
        both.post("/api/matters/beiyuan", &given).expect(201);
        step(&both, 0, json!({ "verb": "taken", "by": MANAGER })).expect(201);
        let kept = helper.post_bytes("/api/matters/beiyuan/task-drain/evidence", "application/octet-stream", PDF).expect(201).json();
        let file = json!([{ "digest": kept["digest"], "title": "照片", "effective": "2026-03-09" }]);
        step(&helper, 1, json!({ "verb": "submitted", "by": "post:beiyuan-market/helper", "evidence": file })).expect(201);
        for way in [json!({ "verb": "accepted" }), json!({ "verb": "returned", "reason": "照片不清" })] {
            step(&both, 2, way).expect(403);
        }
        let seen = both.get("/api/matters/beiyuan/task-drain").expect(200).json();
        assert_eq!(seen["moves"], json!(["helper_added"]), "{seen}");
        // Who helps approves nothing either, under whatever post.
        let mut given = task(CLERK, BUREAU);
        (given["name"], given["helpers"]) = ("task-sweep".into(), json!(["post:beiyuan-market/aide"]));
        helping.post("/api/matters/beiyuan", &given).expect(201);
        for way in [later(BUREAU), cancelled(BUREAU)] {
            helping.post("/api/matters/beiyuan/task-sweep/moves", &json!({ "expected": 0, "move": way })).expect(403);
        }
        clerk.get("/api/matters/beiyuan/task-sweep").expect(200);
        town.check();
    }

    fn duties_are_laid_and_answered_when_they_are_recorded(town) {
        town.holder("li", &[BUREAU]);
        town.holder("wei", &[MANAGER]);
        let team = town.program(User::Team);
        town.clock.advance_ms(30 * 86_400_000);
        let raised = |due: &str| json!({ "kind": "projects.blocker.raised", "occurred": "2026-03-11T08:00:00+08:00",
            "body": { "project": "park", "blocker": "B-1", "title": "道路未通", "owner": BUREAU, "due": due } });
        let refused = team.post(PROJECTS, &raised("2026-04-08")).expect(400).json();
        assert_eq!(refused["field"], "body.due", "{refused}");
        team.post(PROJECTS, &raised("2026-04-09")).expect(201);
        let leader = town.browser(User::Leader);
        let blocker = "/api/matters/decheng-projects/blocker.B-1";
        assert!(matter(&leader, blocker)["begun"].as_str().unwrap().starts_with("2026-04-09"), "{}", matter(&leader, blocker));
        let term = matters::Term::statutory(90, matters::DayUnit::Workdays);
        for due in [json!({ "by": "on", "day": "2026-04-08" }), json!({ "by": "within", "term": term, "from": "2026-03-11" })] {
            let mut late = task(MANAGER, BUREAU);
            late["due"] = due;
            assert_eq!(town.holder_again("li").post("/api/matters/beiyuan", &late).expect(400).json()["field"], "due");
        }
        let late = json!({ "project": "park", "milestone": "M-1", "title": "封顶", "due": "2026-04-08" });
        assert_eq!(record(&town.program(User::Planner), PROJECTS, "projects.milestone.set", late).expect(400).json()["field"], "body.due");
        // Nor by the duties of a market that are assigned for a day that has passed.
        let duties = json!({ "answering": MANAGER, "supervising": BUREAU, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
        let dated = json!({ "kind": "market.duties.assigned", "occurred": "2022-06-01T08:00:00+08:00", "body": duties });
        town.program(User::Inspector).post(MARKET, &dated).expect(201);
        let opened = leader.get("/api/matters?book=beiyuan").expect(200).json();
        for item in opened["items"].as_array().unwrap() {
            assert!(item["matter"]["begun"].as_str().unwrap().starts_with("2026-04-09"), "{item}");
        }
        // A decision that is dated back is handed in today.
        let planner = town.program(User::Planner);
        let permit = json!({ "project": "park", "permit": "P-1", "title": "环评批复", "bureau": BUREAU, "agent": OFFICE, "term_workdays": 3 });
        let applied = json!({ "kind": "projects.permit.applied", "occurred": "2026-03-11T08:00:00+08:00", "body": permit });
        planner.post(PROJECTS, &applied).expect(201);
        let kept = planner.post_bytes("/api/projects/decheng-projects/evidence", "application/pdf", PDF).expect(201).json();
        let decided = json!({ "kind": "projects.permit.decided", "occurred": "2026-03-12T08:00:00+08:00", "evidence": [kept["digest"]],
            "body": { "permit": "P-1", "granted": true, "number": "1" } });
        planner.post(PROJECTS, &decided).expect(201);
        let submission = matter(&leader, "/api/matters/decheng-projects/permit.P-1")["submission"].clone();
        assert_eq!(submission["evidence"][0]["uploaded"], "2026-04-09", "{submission}");
        town.check();
    }

    fn a_new_tenant_learns_nothing_of_the_one_before(town) {
        let operator = town.program(User::Operator);
        harness::add_stall(&town.site.kernel, &town.book(), 3);
        town.program(User::Merchant).post(MARKET, &json!({ "kind": "market.lot.received", "body": town.lot("L9", 20_000) })).expect(201);
        let sold = json!({ "sales": [sale(1, "L9", 1_234, &town.now())] });
        town.scale(1).post(SALES, &sold).expect(200);
        record(&operator, MARKET, "market.lease.ended", json!({ "stall": "A1", "merchant": "m1", "reason": "退租" })).expect(201);
        let lease = json!({ "stall": "A1", "merchant": "m2", "from": "2026-03-10", "until": "2027-03-09", "fee_fen": 100_000 });
        record(&operator, MARKET, "market.stall.leased", lease).expect(201);
        town.holder("wei", &[]);
        let grantee = base::ActorId::new("account:wei").unwrap();
        let subject = base::SubjectId::new("merchant:beiyuan/m2").ok();
        let unit = base::UnitCode::new("beiyuan-market").unwrap();
        let grant = access::Grant { role: "merchant".into(), unit, line: Some("market".into()), subject };
        town.site.kernel.give_grant(&base::ActorId::new("system:installation").unwrap(), &grantee, grant).unwrap();
        let new = town.holder_again("wei");
        // The scale sells nothing of the former tenant's any more; what it sold while it was cut off is still theirs.
        let refused = town.scale(1).post(SALES, &json!({ "sales": [sale(2, "L9", 2_345, &town.now())] })).expect(400).json();
        assert_eq!(refused["rule"], "foreign-lot", "{refused}");
        assert_eq!(town.scale(1).get("/scale/v1/state").expect(200).json()["lots"], json!([]));
        let mut held_back = sale(3, "L9", 3_456, &town.now());
        held_back["offline"] = true.into();
        town.scale(1).post(SALES, &json!({ "sales": [held_back] })).expect(200);
        let broken = town.program(User::Inspector).get("/api/market/beiyuan/breaches").expect(200).json();
        assert_eq!((&broken[0]["breach"], &broken[0]["counter"], &broken[1]), (&json!("former_tenant"), &json!(3), &Value::Null), "{broken}");
        let sales = shown(&new, "/market/beiyuan/mine/sales?stall=A1");
        assert!(!sales.contains("1.234") && !sales.contains("3.456"), "{sales}");
        assert!(!shown(&new, "/market/beiyuan/mine").contains("8.63"), "what was taken");
        let form = shown(&new, "/market/beiyuan/lots/new?stall=A1");
        assert!(form.contains("A1") && !form.contains(town.lot("L9", 1)["supplier"].as_str().unwrap()), "{form}");
        // Nor who else has a stall.
        let offer = shown(&new, "/market/beiyuan/record/offer");
        let names = shown(&town.browser(User::Operator), "/market/beiyuan/record/offer");
        assert!(names.contains("A3 · 王记") && offer.contains("A2 · 王记") && !offer.contains("A3 · 王记"), "{offer}");
    }

    fn who_takes_a_stall_anew_keeps_the_day(town) {
        let operator = town.program(User::Operator);
        let sold = json!({ "sales": [sale(1, "L1", 1_234, &town.now())] });
        town.scale(1).post(SALES, &sold).expect(200);
        record(&operator, MARKET, "market.lease.ended", json!({ "stall": "A1", "merchant": "m1", "reason": "续租" })).expect(201);
        let lease = json!({ "stall": "A1", "merchant": "m1", "from": "2026-03-10", "until": "2027-03-09", "fee_fen": 100_000 });
        record(&operator, MARKET, "market.stall.leased", lease).expect(201);
        let merchant = town.browser(User::Merchant);
        assert!(shown(&merchant, "/market/beiyuan/mine/sales?stall=A1").contains("1.234"));
        assert!(shown(&merchant, "/market/beiyuan/mine").contains("8.63"));
    }

    fn the_years_in_which_a_post_was_held_are_not_undone(town) {
        town.holder("wei", &[MANAGER]);
        let tree = town.site.kernel.tree().unwrap();
        let post: base::SubjectId = MANAGER.parse().unwrap();
        let first = tree.holdings(&post)[0].from;
        let left = json!({ "post": MANAGER, "account": "wei", "until": first.plus(-1).to_string() });
        town.program(User::Admin).post("/api/registry/leavings", &left).expect(409);
        let today = town.site.kernel.zone().day_of(town.site.kernel.now());
        assert_eq!(town.site.kernel.tree().unwrap().holder(&post, today), Some(&AccountId::new("wei").unwrap()));
    }

    fn nobody_takes_a_key_from_everybody_else(town) {
        let anyone = town.site.client().with("idempotency-key", "1");
        let sold = json!({ "sales": [sale(1, "L1", 500, &town.now())] });
        let slip = town.scale(1).post(SALES, &sold).expect(200).json()["lines"][0]["slip"].clone();
        let complaint = |text: &str| json!({ "kind": "market.complaint.filed", "body": { "slip": slip, "text": text, "contact": null, "fair_scale_g": null } });
        let first = anyone.post(MARKET, &complaint("缺斤少两")).expect(201).json();
        assert_eq!(anyone.post(MARKET, &complaint("缺斤少两")).expect(201).json(), first, "a retry");
        assert_ne!(anyone.post(MARKET, &complaint("不新鲜")).expect(201).json(), first);
    }
}
