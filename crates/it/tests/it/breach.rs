//! What a third review found on duties, accounts and load, each tried again as it was found. docs/security.md lists them.

use std::net::IpAddr;
use std::path::Path;

use base::{ActorId, UnitCode};
use harness::{Answer, Client, Engine, Town, User, enter, on_every_store};
use kernel::{AppendError, DocketError, NewToken};
use matters::{Cancelled, MatterId, PostId};
use registry::{Level, UnitAdded};
use serde_json::{Value, json};

use crate::epcis::document;
use crate::proxies::behind;
use crate::trespass::planted;

const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const DEPUTY: &str = "post:beiyuan-market/deputy";
const BUREAU: &str = "post:371402/bureau";
const MAYOR: &str = "post:371402/mayor";
const FAR: &str = "post:371481/mayor";
const CITY: &str = "post:371400/leader";
const MARKET: &str = "/api/market/beiyuan/entries";
const PROJECTS: &str = "/api/projects/decheng-projects/entries";

fn record(client: &Client, address: &str, kind: &str, body: Value) -> Answer {
    client.post(address, &json!({ "kind": kind, "body": body }))
}

fn task(owner: &str, reviewer: &str) -> Value {
    json!({ "name": "task-drain", "title": "疏通排水沟", "owner": owner, "reviewer": reviewer, "due": { "by": "on", "day": "2026-03-20" } })
}

fn step(client: &Client, version: u32, step: Value) -> Answer {
    client.post("/api/matters/beiyuan/task-drain/moves", &json!({ "expected": version, "move": step }))
}

fn titles(client: &Client) -> Vec<String> {
    let page = client.get("/api/matters?mine=true").expect(200).json();
    page["items"].as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap().to_owned()).collect()
}

fn installation() -> ActorId {
    ActorId::new("system:installation").unwrap()
}

/// Gives somebody who has an account a role beside what they have.
pub fn give(town: &Town, account: &str, role: &str, unit: &str, line: Option<&str>) {
    let grantee = ActorId::new(format!("account:{account}")).unwrap();
    let unit = UnitCode::new(unit).unwrap();
    let grant = access::Grant { role: role.into(), unit, line: line.map(str::to_owned), subject: None };
    town.site.kernel.give_grant(&installation(), &grantee, grant).unwrap();
}

/// A program that the installation gave some rights.
fn program(town: &Town, grants: Value) -> Client {
    let unit = UnitCode::new("371400").unwrap();
    let grants = serde_json::from_value(grants).unwrap();
    let token = NewToken { title: "a program".into(), unit, grants, expires: None };
    let issued = town.site.kernel.issue_token(&installation(), token).unwrap();
    town.site.client().bearer(&issued.credential.unwrap())
}

fn state(client: &Client, name: &str) -> (String, Vec<String>) {
    let seen = client.get(&format!("/api/matters/beiyuan/{name}")).expect(200).json();
    let kinds = seen["history"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap().to_owned());
    (seen["matter"]["state"].as_str().unwrap().to_owned(), kinds.collect())
}

/// The files in which a text stands.
fn found_in(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = if file.is_file() { std::fs::read(&file).unwrap() } else { Vec::new() };
        if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(file.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

on_every_store! {
    fn who_answers_for_a_market_ends_nothing_in_the_name_of_who_supervises_it(town) {
        let manager = town.holder("wei", &[MANAGER]);
        town.holder("li", &[BUREAU]);
        give(&town, "wei", "operator", "beiyuan-market", Some("market"));
        give(&town, "li", "inspector", "371402", Some("market"));
        let (operator, bureau) = (town.holder_again("wei"), town.holder_again("li"));
        let paper = |until: &str| json!({ "merchant": "m1", "certificate": "health", "number": "JK1", "until": until });
        record(&operator, MARKET, "market.certificate.recorded", paper("2026-04-02")).expect(201);
        let verified = |until: &str| json!({ "scale": 1, "seal": "F2", "verified_until": until });
        record(&bureau, MARKET, "market.scale.verified", verified("2026-04-02")).expect(201);
        let duties = json!({ "answering": MANAGER, "supervising": BUREAU, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
        record(&bureau, MARKET, "market.duties.assigned", duties).expect(201);
        let complaint = json!({ "slip": null, "text": "短斤少两", "contact": null, "fair_scale_g": null });
        let seq = enter(&town.site.kernel, &town.book(), "market.complaint.filed", complaint).entry.seq.0;
        town.settle();

        let dismissed = json!({ "complaint": seq, "outcome": "dismissed", "refund_fen": 0, "text": "不属实" });
        record(&operator, MARKET, "market.complaint.settled", dismissed).expect(201);
        record(&operator, MARKET, "market.certificate.recorded", paper("2028-01-01")).expect(201);
        record(&operator, MARKET, "market.scale.verified", verified("2027-03-01")).expect(201);
        let complaint = format!("complaint-{seq}");
        for name in [complaint.as_str(), "health-m1-2026-04-02", "verification-1-2026-04-02"] {
            let (state, kinds) = state(&bureau, name);
            assert_eq!(state, "open", "{name}: {kinds:?}");
        }
        // Nor does the writer take it from anybody who does not act for the post.
        let id = MatterId::local(&town.book(), &complaint).unwrap();
        let matter = town.site.kernel.matter(&id).unwrap().unwrap();
        let approver = PostId::try_from(base::SubjectId::new(BUREAU).unwrap()).unwrap();
        for (account, may) in [("wei", false), ("li", true)] {
            let (by, sort) = (ActorId::new(format!("account:{account}")).unwrap(), matter.sort.clone());
            let event = Cancelled { matter: id.clone(), sort, reason: "不属实".into(), approver: approver.clone() };
            let version = matter.version;
            let moved = town.site.kernel.append_blocking::<_, _, DocketError>(move |desk| {
                let now = desk.now();
                desk.move_matter(version, &by, now, event.clone().into()).map(drop)
            });
            assert_eq!(moved.is_ok(), may, "{account}: {moved:?}");
            assert!(may || matches!(moved, Err(AppendError::Refused(_))), "{moved:?}");
        }
        // Whoever holds the supervising post says so in its own name.
        record(&bureau, MARKET, "market.scale.verified", verified("2027-06-01")).expect(201);
        drop(manager);
        town.check();
    }

    fn nobody_is_brought_into_a_task_from_outside_the_branch_of_who_reviews_it(town) {
        let manager = town.holder("wei", &[MANAGER]);
        let far = town.holder("zhao", &[FAR]);
        let clerk = town.holder("zhang", &[CLERK]);
        town.holder("qian", &[DEPUTY]);
        manager.post("/api/matters/beiyuan", &task(FAR, MANAGER)).expect(403);
        manager.post("/api/matters/beiyuan", &task(CLERK, MANAGER)).expect(201);
        let hand_over = |to: &str, reviewer: Value| json!({ "verb": "handed_over", "to": to, "reviewer": reviewer, "reason": "分工调整" });
        step(&manager, 0, hand_over(FAR, Value::Null)).expect(403);
        step(&manager, 0, hand_over(DEPUTY, json!(FAR))).expect(403);
        for by in [&manager, &clerk] {
            step(by, 0, json!({ "verb": "helper_added", "helper": FAR })).expect(403);
        }
        step(&manager, 0, hand_over(DEPUTY, Value::Null)).expect(201);
        step(&manager, 1, json!({ "verb": "helper_added", "helper": CLERK })).expect(201);
        assert_eq!(titles(&far), Vec::<String>::new());
        // Who leads the county of the market may name anybody.
        let (name, _) = town.account(User::Leader);
        let leader = || town.holder_again(&name);
        step(&leader(), 2, hand_over(FAR, Value::Null)).expect(201);
        assert_eq!(titles(&far), ["疏通排水沟"]);
        // What is late is nobody's elsewhere all at once.
        step(&leader(), 3, hand_over(DEPUTY, Value::Null)).expect(201);
        town.clock.set(base::Time::parse("2026-05-06T09:00:00+08:00").unwrap());
        step(&leader(), 4, hand_over(FAR, Value::Null)).expect(400);
        step(&leader(), 4, hand_over(CLERK, Value::Null)).expect(201);
        town.check();
    }

    fn records_lay_duties_on_the_posts_of_their_own_county(town) {
        for (name, post) in [("zhao", FAR), ("sun", CITY), ("li", BUREAU), ("wei", MANAGER)] {
            town.holder(name, &[post]);
        }
        let planner = town.program(User::Planner);
        let team = town.program(User::Team);
        let agent = program(&town, json!([{ "role": "agent", "unit": "decheng-office", "line": "projects" }]));
        let blocker = |name: &str, owner: &str| json!({ "project": "park", "blocker": name, "title": "道路未通", "owner": owner, "due": "2026-04-01" });
        let permit = |name: &str, bureau: &str| json!({ "project": "park", "permit": name, "title": "环评批复", "bureau": bureau, "agent": "post:decheng-office/office", "term_workdays": 3 });
        let visit = |by: &str| json!({ "to": "enterprise", "project": "park", "place": "园区", "by": by, "settled": "协调用电" });
        let assistance = |owner: &str| json!({ "plan": "b1", "project": "park", "title": "一企一策", "enterprise": "某公司", "office": "post:decheng-office/office",
            "measures": [{ "title": "对接银行", "owner": owner, "due": "2026-04-01" }] });
        let inspector = town.program(User::Inspector);
        let before = town.fingerprint();
        for (by, kind, body, field) in [
            (&team, "projects.blocker.raised", blocker("B-1", FAR), "body.owner"),
            (&team, "projects.blocker.raised", blocker("B-1", CITY), "body.owner"),
            (&agent, "projects.permit.applied", permit("P-1", CITY), "body.bureau"),
            (&team, "projects.visit.made", visit(FAR), "body.by"),
            (&planner, "projects.assistance.planned", assistance(FAR), "body.measures[0].owner"),
        ] {
            let refused = record(by, PROJECTS, kind, body).expect(400).json();
            assert_eq!((&refused["field"], &refused["rule"]), (&json!(field), &json!("unknown-post")), "{kind}");
        }
        let duties = |supervising: &str| json!({ "answering": MANAGER, "supervising": supervising, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
        record(&inspector, MARKET, "market.duties.assigned", duties(FAR)).expect(400);
        assert_eq!(town.fingerprint(), before);
        // A post of the county, a bureau of the city, and a visit of who leads the city are as they should be.
        let bureau = UnitCode::new("dz-huanjingju").unwrap();
        let unit = UnitAdded { code: bureau, parent: UnitCode::new("371400").ok(), level: Level::Bureau, title_zh: "市环境局".into(), title_en: "Environment".into() };
        town.site.kernel.add_unit(&installation(), unit).unwrap();
        town.holder("wu", &["post:dz-huanjingju/impact"]);
        record(&team, PROJECTS, "projects.blocker.raised", blocker("B-1", BUREAU)).expect(201);
        record(&agent, PROJECTS, "projects.permit.applied", permit("P-1", "post:dz-huanjingju/impact")).expect(201);
        record(&team, PROJECTS, "projects.visit.made", visit(CITY)).expect(201);
        record(&inspector, MARKET, "market.duties.assigned", duties(BUREAU)).expect(201);
        // One that runs late is taken over by a team of the county, and is nobody else's at once.
        let registered = |name: &str, team: &str, finish: &str| {
            let mut body = harness::project(harness::OFFICES[0], name);
            (body["team"], body["planned_start"], body["planned_finish"]) = (team.into(), "2025-01-01".into(), finish.into());
            record(&planner, PROJECTS, "projects.project.registered", body)
        };
        let (ours, theirs) = ("post:decheng-office/team-1", "post:dz-huanjingju/impact");
        let refused = registered("late", theirs, "2026-03-09").expect(400).json();
        assert_eq!((&refused["field"], &refused["rule"]), (&json!("body.team"), &json!("unknown-post")));
        registered("late", ours, "2026-03-09").expect(201);
        registered("shared", theirs, "2026-03-10").expect(201);
        town.check();
    }

    fn a_post_above_that_leads_nothing_neither_reads_nor_cancels_what_is_owed_below(town) {
        town.holder("wei", &[MANAGER]);
        let bureau = town.holder("li", &[BUREAU]);
        town.holder("sun", &[MAYOR]);
        give(&town, "sun", "leader", "371402", None);
        let (driver, mayor) = (town.holder("zhao", &["post:371402/driver"]), town.holder_again("sun"));
        bureau.post("/api/matters/beiyuan", &task(MANAGER, BUREAU)).expect(201);
        let cancelled = |approver: &str| json!({ "verb": "cancelled", "reason": "无须办理", "approver": approver });
        driver.get("/api/matters/beiyuan/task-drain").expect(403);
        step(&driver, 0, cancelled("post:371402/driver")).expect(403);
        assert!(mayor.get("/api/matters/beiyuan/task-drain").expect(200).json()["moves"].to_string().contains("cancelled"));
        step(&mayor, 0, cancelled(MAYOR)).expect(201);
        town.check();
    }

    fn whoever_owes_a_task_approves_nothing_for_it_under_another_post(town) {
        let both = town.holder("qian", &[CLERK, DEPUTY]);
        let manager = town.holder("wei", &[MANAGER]);
        both.post("/api/matters/beiyuan", &task(CLERK, DEPUTY)).expect(201);
        let seen = both.get("/api/matters/beiyuan/task-drain").expect(200).json();
        assert!(!seen["moves"].to_string().contains("cancelled"), "{seen}");
        step(&both, 0, json!({ "verb": "cancelled", "reason": "无须办理", "approver": DEPUTY })).expect(403);
        let later = json!({ "verb": "extended", "extension": { "by": "to", "day": "2030-12-31" }, "reason": "延期", "approver": DEPUTY });
        step(&both, 0, later).expect(403);
        // Nor once they have handed it over.
        let handed = json!({ "verb": "handed_over", "to": MANAGER, "reason": "移交" });
        assert!(!seen["moves"].to_string().contains("handed_over"), "{seen}");
        step(&both, 0, handed).expect(403);
        manager.get("/api/matters/beiyuan/task-drain").expect(403);
        town.check();
    }

    fn who_owes_a_blocker_takes_no_project_off_the_list_and_who_leads_them_does(town) {
        const OFFICE: &str = "post:decheng-office/office";
        let office = town.holder("li", &[OFFICE]);
        town.holder("sun", &[MAYOR]);
        give(&town, "sun", "leader", "371402", None);
        let mayor = town.holder_again("sun");
        let blocker = json!({ "project": "park", "blocker": "B-1", "title": "道路未通", "owner": OFFICE, "due": "2026-04-01" });
        record(&town.program(User::Team), PROJECTS, "projects.blocker.raised", blocker).expect(201);
        let project = "/api/matters/decheng-projects/project.park";
        let state = |matter: &str| mayor.get(matter).expect(200).json()["matter"]["state"].clone();
        let withdraw = |client: &Client, approver: &str| {
            let version = mayor.get(project).expect(200).json()["matter"]["version"].clone();
            let step = json!({ "verb": "cancelled", "reason": "企业调整投资", "approver": approver });
            client.post(&format!("{project}/moves"), &json!({ "expected": version, "move": step }))
        };
        town.settle();
        let before = town.fingerprint();
        let refused = withdraw(&office, OFFICE).expect(409).json();
        assert!(refused["detail_zh"].as_str().unwrap().contains("须由其承办、审核单位的共同上级审批"), "{refused}");
        assert_eq!(town.fingerprint(), before);
        withdraw(&mayor, MAYOR).expect(201);
        let blocker = "/api/matters/decheng-projects/blocker.B-1";
        assert_eq!([state(project), state(blocker)], [json!("cancelled"), json!("cancelled")]);
        town.check();
    }

    fn a_stolen_session_of_an_administrator_is_not_made_to_last(town) {
        let (name, password) = town.account(User::Admin);
        let session = town.holder_again(&name);
        let admin = json!([{ "role": "admin", "unit": "371400" }]);
        let token = json!({ "title": "backup job", "unit": "371400", "grants": admin });
        assert_eq!(session.post("/api/tokens", &token).expect(400).json()["field"], "role");
        session.post("/api/accounts", &json!({ "account": "thief", "unit": "371400", "title": "thief" })).expect(201);
        let grant = json!({ "grantee": "account:thief", "role": "admin", "unit": "371400", "line": null, "subject": null });
        assert_eq!(session.post("/api/grants", &grant).expect(400).json()["field"], "password");
        session.with("x-password", "a guess at it").post("/api/grants", &grant).expect(400);
        let fields = [("grantee", "account:thief"), ("role", "admin"), ("unit", "371400"), ("line", ""), ("subject", "")];
        session.with("accept", "text/html").post_form("/admin/grants/new", &fields).expect(422);
        // Nor by the account of another administrator.
        town.holder("second", &[]);
        give(&town, "second", "admin", "371402", None);
        assert_eq!(session.post("/api/accounts/second/reset-password", &json!({})).expect(400).json()["field"], "password");
        session.with("accept", "text/html").post_form("/admin/accounts/second/reset-password", &[]).expect(422);
        let identity = json!({ "issuer": "https://id.example.cn", "identifier": "thief" }).to_string();
        let put = |by: &Client| by.send("PUT", "/api/accounts/second/identity", Some(harness::JSON), identity.as_bytes()).unwrap();
        put(&session).expect(400);
        // Whoever knows the password is who they say they are.
        let owner = session.with("x-password", password);
        owner.post("/api/grants", &grant).expect(201);
        owner.post("/api/accounts/second/reset-password", &json!({})).expect(200);
        put(&owner).expect(200);
        let leader = json!({ "grantee": "account:thief", "role": "leader", "unit": "371402", "line": null, "subject": null });
        session.post("/api/grants", &leader).expect(201);
        // A quarter of an hour later whatever outlasts the session asks for it, of whatever account.
        town.clock.advance_ms(16 * 60_000);
        town.holder("third", &[]);
        let reset = |by: &Client| by.post("/api/accounts/third/reset-password", &json!({}));
        assert_eq!(reset(&session).expect(400).json()["field"], "password");
        reset(&session.with("x-password", "a guess at it")).expect(400);
        reset(&session.with("x-password", password)).expect(200);
    }

    fn an_address_that_tries_too_often_uses_up_the_tries_of_no_account(town) {
        let (name, password) = town.account(User::Operator);
        let town = behind(town, vec![IpAddr::from([127, 0, 0, 1])]);
        let sign_in = |from: &str, account: &str, password: &str| {
            let browser = town.site.client().with("x-forwarded-for", from);
            browser.post_form("/sign-in", &[("account", account), ("password", password)]).status
        };
        assert!((0..40).any(|n| sign_in("203.0.113.7", &format!("somebody{n}"), "x") == 429));
        for _ in 0..15 {
            sign_in("203.0.113.7", &name, "x");
        }
        assert_eq!(sign_in("203.0.113.8", &name, password), 303);
        // Nor does a site with a network for every try keep everybody busy.
        let of_site = |site: u32| (0..80).any(|n| sign_in(&format!("2001:db8:{site}:{n:x}::1"), &format!("other{n}"), "x") == 429);
        assert!(of_site(7));
        assert_eq!(sign_in("2001:db8:8::1", &name, password), 303);
    }

    fn naming_what_lies_in_another_book_tells_nothing_of_it(town) {
        const TITLE: &str = "智能健身器材产业园";
        town.holder("zhang", &[CLERK]);
        town.holder("wei", &[MANAGER]);
        give(&town, "wei", "operator", "beiyuan-market", Some("market"));
        let manager = town.holder_again("wei");
        let operator = town.program(User::Operator);
        let leader = town.browser(User::Leader).with("accept", "text/html");
        operator.get("/api/matters/decheng-projects/project.park").expect(403);
        let named = json!({ "area": "matter:decheng-projects/project.park" });
        let seq = record(&operator, MARKET, "market.cleaning.done", named).expect(201).json()["entry"]["seq"].clone();
        let page = operator.with("accept", "text/html").get(&format!("/ledger/beiyuan/{seq}")).expect(200).text();
        assert!(page.contains("matter:decheng-projects/project.park") && !page.contains(TITLE), "{page}");
        let mut input = task(CLERK, MANAGER);
        input["about"] = json!(["project:decheng-projects/park", "lot:beiyuan/L1"]);
        manager.post("/api/matters/beiyuan", &input).expect(403);
        leader.post("/api/matters/beiyuan", &input).expect(201);
        let shown = |client: &Client| client.with("accept", "text/html").get("/matters/beiyuan/task-drain").expect(200).text();
        assert!(!shown(&manager).contains(TITLE) && shown(&manager).contains("/market/beiyuan/lots/L1"));
        assert!(shown(&leader).contains(TITLE), "who may read the book is told");
    }

    fn what_was_erased_is_gone_from_the_log_beside_the_database(town) {
        const MARKER: &str = "ZZ-A-SHOPPERS-WORDS-ZZ";
        // PostgreSQL keeps its log elsewhere, for as long as its operator says.
        if town.place.engine != Engine::Sqlite {
            return;
        }
        let folder = town.place.folder.path().to_owned();
        let complaint = json!({ "slip": null, "text": MARKER, "contact": MARKER, "fair_scale_g": null });
        let seq = enter(&town.site.kernel, &town.book(), "market.complaint.filed", complaint).entry.seq;
        assert!(!found_in(&folder, MARKER).is_empty());
        let reason = json!({ "reason": "本人申请", "legal_basis": "个人信息保护法第四十七条" });
        town.program(User::Admin).post(&format!("/api/ledger/beiyuan/{seq}/erase"), &reason).expect(201);
        // A reader may have been in the way; then it is tried again.
        for _ in 0..300 {
            if found_in(&folder, MARKER).is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert_eq!(found_in(&folder, MARKER), Vec::<String>::new());
        town.check();
    }

    fn an_appointment_is_taken_back_before_or_on_its_first_day(town) {
        let admin = town.program(User::Admin);
        let wei = town.holder("wei", &[]);
        let (li, bureau) = (town.holder("li", &[]), town.holder("sun", &[BUREAU]));
        let manager = town.holder("zhao", &[MANAGER]);
        bureau.post("/api/matters/beiyuan", &task(MANAGER, BUREAU)).expect(201);
        let leave = |account: &str, until: &str| admin.post("/api/registry/leavings", &json!({ "post": MANAGER, "account": account, "until": until }));
        let hold = |account: &str, from: &str| admin.post("/api/registry/holdings", &json!({ "post": MANAGER, "account": account, "from": from }));
        leave("zhao", "2026-03-09").expect(201);
        assert_eq!(titles(&manager), Vec::<String>::new());
        hold("wei", "2026-03-10").expect(201);
        assert_eq!(titles(&wei).len(), 1);
        leave("wei", "2026-03-08").expect(409);
        leave("wei", "2026-03-09").expect(201);
        assert_eq!(titles(&wei), Vec::<String>::new());
        // One that is to begin later is taken back as well, and the post is free for somebody else.
        hold("wei", "2026-05-01").expect(201);
        hold("li", "2026-03-10").expect(409);
        leave("wei", "2026-04-30").expect(201);
        hold("li", "2026-03-10").expect(201);
        assert_eq!(titles(&li).len(), 1);
        town.check();
    }

    fn the_page_of_a_lot_walks_a_little_way_however_much_was_planted_behind_it(town) {
        let supplier = program(&town, json!([{ "role": "supplier", "unit": "beiyuan-market", "line": "market" }]));
        let class = |number: usize| format!("urn:epc:class:lgtin:4012345.012345.w{number}");
        for event in planted(&class) {
            supplier.post_bytes("/epcis/capture", "application/ld+json", document(&town.now(), json!([event])).to_string().as_bytes()).expect(202);
        }
        let merchant = town.program(User::Merchant);
        let mut lot = town.lot("L9", 20_000);
        lot["source"] = class(0).into();
        record(&merchant, MARKET, "market.lot.received", lot).expect(201);
        const CUT: &str = "larger than is walked at once";
        let page = |lot: &str| merchant.with("accept", "text/html").get(&format!("/market/beiyuan/lots/{lot}?lang=en")).expect(200).text();
        assert!(page("L9").contains(CUT));
        assert!(!page("L1").contains(CUT));
        // Many at a time are answered, and so is everybody else.
        let operator = town.program(User::Operator);
        std::thread::scope(|scope| {
            let pages: Vec<_> = (0..12).map(|_| scope.spawn(|| page("L9"))).collect();
            operator.get("/api/market/beiyuan/lots").expect(200);
            assert!(pages.into_iter().all(|page| page.join().unwrap().contains(CUT)));
        });
        let trace = "/api/trace?book=beiyuan&direction=backward&subject=lot:beiyuan/L9";
        assert_eq!(operator.get(trace).expect(200).json()["cut"], Value::Null, "who asks for all of it gets it");
    }
}

/// Every entry that a step leads to is read for itself where it names more things than its links repeat.
#[test]
fn a_step_of_a_trace_reads_so_many_wide_entries_and_says_that_it_left_some_out() {
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let supplier =
        program(&town, json!([{ "role": "supplier", "unit": "beiyuan-market", "line": "market" }]));
    let class =
        |number: usize| json!({ "epcClass": format!("urn:epc:class:lgtin:4012345.012345.w{number}") });
    let event = |number: usize| {
        json!({
            "ex:number": number, "type": "TransformationEvent", "bizStep": "commissioning", "eventTime": "2026-03-09T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
            "inputQuantityList": (1..=32).map(class).collect::<Vec<_>>(), "outputQuantityList": [class(0)],
        })
    };
    let send = |numbers: std::ops::Range<usize>| {
        let body = document(&town.now(), numbers.map(event).collect());
        supplier.post_bytes("/epcis/capture", "application/ld+json", body.to_string().as_bytes()).expect(202);
    };
    (0..4).for_each(|at| send(at * 1_000..(at + 1) * 1_000));
    let inspector = town.program(User::Inspector);
    let mut lot = town.lot("L9", 20_000);
    lot["source"] = "urn:epc:class:lgtin:4012345.012345.w0".into();
    record(&town.program(User::Merchant), MARKET, "market.lot.received", lot).expect(201);
    let trace = "/api/trace?book=beiyuan&direction=backward&subject=lot:beiyuan/L9";
    let cut = || inspector.get(trace).expect(200).json()["cut"].clone();
    assert_eq!(cut(), Value::Null);
    send(4_000..4_001);
    assert_eq!(cut(), "subjects");
}
