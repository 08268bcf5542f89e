//! What is left behind: pages that stay open, sessions that ended, matters whose clock stands, helpers who were named by others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use harness::{Client, PASSWORD, Town, User, on_every_store};
use serde_json::{Value, json};

use crate::breach::give;
use crate::given::InParts;

const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const DEPUTY: &str = "post:beiyuan-market/deputy";
const AIDE: &str = "post:beiyuan-market/aide";
const FAR: &str = "post:371481/mayor";
const HOUR_MS: i64 = 3_600_000;

/// Signs in: the cookie, and a client that has it.
fn enter(town: &Town, account: &str) -> (String, Client) {
    let signed_in =
        town.site.client().post_form("/sign-in", &[("account", account), ("password", PASSWORD)]).expect(303);
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    (cookie.clone(), town.site.client().with("cookie", cookie))
}

fn secret(cookie: &str) -> &str {
    cookie.split_once('=').unwrap().1
}

fn open(client: &Client, owner: &str, reviewer: &str) {
    let task = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": owner, "reviewer": reviewer,
        "due": { "by": "on", "day": "2026-06-20" } });
    client.post("/api/matters/beiyuan", &task).expect(201);
}

fn step(client: &Client, version: u32, step: Value) -> harness::Answer {
    client.post("/api/matters/beiyuan/task-drain/moves", &json!({ "expected": version, "move": step }))
}

on_every_store! {
    fn a_page_that_is_left_open_keeps_no_session_alive(town) {
        let (name, _) = town.account(User::Leader);
        let ((_, open), (_, used)) = (enter(&town, &name), enter(&town, &name));
        for _ in 0..3 {
            town.clock.advance_ms(HOUR_MS - 60_000);
            used.with("accept", "text/html").get("/matters").expect(200);
            // A stream that is opened again, and what the page asks for when it hears of something.
            open.with("accept", "text/event-stream").open("GET", "/matters/live", &[]);
            open.with("hx-request", "true").get("/matters");
            // The moment of a request is noted behind it.
            town.program(User::Leader);
        }
        used.get("/api/matters").expect(200);
        open.get("/api/matters").expect(401);
    }

    fn a_session_that_has_ended_opens_no_subscription_by_a_request_that_was_begun_before(town) {
        let (name, _) = town.account(User::Inspector);
        let (cookie, client) = enter(&town, &name);
        let kernel = &town.site.kernel;
        let csrf = kernel.session(secret(&cookie)).unwrap().unwrap().csrf;
        let client = client.with("x-csrf-token", &csrf);
        client.post("/epcis/queries", &json!({ "name": "all", "query": {} })).expect(201);
        let body = json!({ "dest": "https://client.example/hooks", "stream": true }).to_string();
        let headers = format!("cookie: {cookie}\r\nx-csrf-token: {csrf}\r\n");
        // Let in, and not so long ago that it is looked up again.
        let begin = || InParts::begin(&town, "/epcis/queries/all/subscriptions", &headers, &body, Duration::from_millis(100));
        let answer = begin().end();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let begun = begin();
        kernel.sign_out(secret(&cookie)).unwrap();
        let answer = begun.end();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let count = |tx: &mut dyn store::Tx| tx.query_one("select count(*) from market_subscription", &[])?.unwrap().int(0);
        assert_eq!(kernel.read(count).unwrap(), 1);
    }

    fn a_matter_whose_clock_stands_goes_to_nobody_far_away(town) {
        let manager = town.holder("wei", &[MANAGER]);
        for (name, post) in [("zhang", CLERK), ("qian", DEPUTY), ("zhao", FAR)] {
            town.holder(name, &[post]);
        }
        open(&manager, CLERK, MANAGER);
        step(&manager, 0, json!({ "verb": "paused", "reason": "汛期停工", "approver": MANAGER })).expect(201);
        let (name, _) = town.account(User::Leader);
        let leader = town.holder_again(&name);
        let hand_over = |to: &str| json!({ "verb": "handed_over", "to": to, "reason": "分工调整" });
        step(&leader, 1, hand_over(FAR)).expect(400);
        step(&leader, 1, hand_over(DEPUTY)).expect(201);
        step(&manager, 2, json!({ "verb": "resumed" })).expect(201);
        step(&leader, 3, hand_over(FAR)).expect(201);
        town.check();
    }

    fn who_owes_a_task_keeps_nobody_who_leads_from_approving(town) {
        let (manager, clerk) = (town.holder("wei", &[MANAGER]), town.holder("zhang", &[CLERK]));
        town.holder("sun", &[DEPUTY]);
        give(&town, "sun", "leader", "371402", None);
        open(&manager, CLERK, MANAGER);
        let help = json!({ "verb": "helper_added", "helper": DEPUTY });
        assert_eq!(step(&clerk, 0, help.clone()).expect(400).json()["field"], "helper");
        step(&manager, 0, help).expect(201);
        town.check();
    }

    fn who_stood_in_for_the_owner_reviews_nothing_once_that_was_withdrawn(town) {
        let manager = town.holder("wei", &[MANAGER]);
        for (name, post) in [("zhang", CLERK), ("qian", DEPUTY), ("li", AIDE)] {
            town.holder(name, &[post]);
        }
        let by = base::ActorId::new("system:installation").unwrap();
        let (unit, subject) = (base::UnitCode::new("beiyuan-market").unwrap(), base::SubjectId::new(CLERK).ok());
        let stands_in = access::Grant { role: access::HOLDER.into(), unit, line: None, subject };
        let given = town.site.kernel.give_grant(&by, &base::ActorId::new("account:qian").unwrap(), stands_in).unwrap();
        open(&manager, CLERK, MANAGER);
        // Somebody else hands it in, and the one who stood in is to review it.
        let clerk = town.holder_again("zhang");
        step(&clerk, 0, json!({ "verb": "taken", "by": CLERK })).expect(201);
        town.site.kernel.withdraw_grant(&by, given.seq.0).unwrap();
        let hand_over = json!({ "verb": "handed_over", "to": AIDE, "reviewer": DEPUTY, "reason": "分工调整" });
        step(&manager, 1, hand_over).expect(201);
        let aide = town.holder_again("li");
        let file = aide.post_bytes("/api/matters/beiyuan/task-drain/evidence", "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
        let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": town.now()[..10] }]);
        step(&aide, 2, json!({ "verb": "submitted", "by": AIDE, "evidence": evidence })).expect(201);
        let qian = town.holder_again("qian");
        step(&qian, 3, json!({ "verb": "accepted" })).expect(403);
        town.check();
    }

    fn who_reviews_a_matter_hands_nothing_in_for_the_post_that_owes_it(town) {
        let manager = town.holder("wei", &[MANAGER, CLERK]);
        town.holder("zhang", &[DEPUTY]);
        open(&manager, CLERK, MANAGER);
        step(&manager, 0, json!({ "verb": "taken", "by": CLERK })).expect(201);
        let seen = manager.get("/api/matters/beiyuan/task-drain").expect(200).json();
        assert!(!seen["moves"].to_string().contains("submitted"), "{seen}");
        let file = manager.post_bytes("/api/matters/beiyuan/task-drain/evidence", "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
        let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": town.now()[..10] }]);
        step(&manager, 1, json!({ "verb": "submitted", "by": CLERK, "evidence": evidence })).expect(403);
    }

    fn a_merchant_writes_down_so_many_arrivals_a_day_and_hides_no_lot_of_others(town) {
        let operator = town.program(User::Operator);
        let arrive = |lot: String, stall: &str, merchant: &str| {
            let mut body = town.lot(&lot, 1_000);
            (body["stall"], body["merchant"]) = (stall.into(), merchant.into());
            operator.post("/api/market/beiyuan/entries", &json!({ "kind": "market.lot.received", "body": body }))
        };
        arrive("OLD".to_owned(), "A1", "m1").expect(201);
        town.clock.advance_ms(60_000);
        // What the installation loaded does not count, nor what came out of another.
        let parts = json!([{ "lot": "L2a", "quantity_g": 10 }, { "lot": "L2b", "quantity_g": 10 }]);
        let split = json!({ "kind": "market.lot.split", "body": { "lot": "L2", "parts": parts } });
        operator.post("/api/market/beiyuan/entries", &split).expect(201);
        for number in 0..300 {
            arrive(format!("M{number}"), "A2", "m2").expect(201);
        }
        let refused = arrive("M300".to_owned(), "A2", "m2").expect(409).json();
        assert_eq!((&refused["rule"], &refused["field"]), (&json!("too-many-arrivals"), &json!("body.merchant")));
        for user in [User::Merchant, User::Operator] {
            let form = town.browser(user).get("/market/beiyuan/record/loss").expect(200).text();
            assert!(form.contains("value=\"OLD\""), "{user:?}");
        }
        arrive("NEW".to_owned(), "A1", "m1").expect(201);
        town.clock.advance_ms(24 * HOUR_MS);
        arrive("M300".to_owned(), "A2", "m2").expect(201);
        town.check();
    }

    fn a_screen_has_so_many_streams_and_one_that_has_no_place_reads_nothing(town) {
        let kernel = &town.site.kernel;
        let by = base::ActorId::new("system:installation").unwrap();
        let unit = base::UnitCode::new("371400").unwrap();
        let grants = serde_json::from_value(json!([{ "role": "wall", "unit": "371400" }])).unwrap();
        let token = kernel::NewToken { title: "大屏".into(), unit, grants, expires: None };
        let credential = kernel.issue_token(&by, token).unwrap().credential.unwrap();
        let screen = kernel.open_kiosk(&credential).unwrap().unwrap().cookie_value;
        let screen = town.site.client().with("cookie", format!("taizhang_kiosk={screen}")).with("accept", "text/event-stream");
        let status = |stream: &mut TcpStream| {
            let mut status = [0; 12];
            stream.read_exact(&mut status).unwrap();
            String::from_utf8_lossy(&status[9..]).into_owned()
        };
        let mut streams: Vec<_> = (0..4).map(|_| screen.open("GET", "/wall/371400/live", &[])).collect();
        assert!(streams.iter_mut().all(|stream| status(stream) == "200"));
        assert_eq!(status(&mut screen.open("GET", "/wall/371400/live", &[])), "429");
    }

    fn a_project_that_was_accepted_as_any_other_matter_is_set_back_by_nobody(town) {
        const TEAM: &str = "post:decheng-office/team-1";
        let (team, office) = (town.holder("zhao", &[TEAM]), town.holder("li", &["post:decheng-office/office"]));
        let (program, path) = (town.program(User::Team), "/api/matters/decheng-projects/project.park");
        let phase = |to: &str| {
            let body = json!({ "project": "park", "to": to, "reason": "复工" });
            program.post("/api/projects/decheng-projects/entries", &json!({ "kind": "projects.phase.changed", "body": body }))
        };
        phase("finished").expect(201);
        let step = |client: &Client, step: Value| {
            let version = client.get(path).expect(200).json()["matter"]["version"].clone();
            client.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step })).expect(201);
        };
        step(&team, json!({ "verb": "taken", "by": TEAM }));
        let file = team.post_bytes(&format!("{path}/evidence"), "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
        let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": town.now()[..10] }]);
        step(&team, json!({ "verb": "submitted", "by": TEAM, "evidence": evidence }));
        step(&office, json!({ "verb": "accepted" }));
        assert_eq!(phase("started").expect(409).json()["rule"], "already-done");
        town.check();
    }

    fn so_many_tasks_of_one_who_gives_them_are_open_on_a_post(town) {
        let manager = town.holder("wei", &[MANAGER]);
        for (name, post) in [("zhang", CLERK), ("qian", DEPUTY)] {
            town.holder(name, &[post]);
        }
        let give = |number: usize, owner: &str| {
            let task = json!({ "name": format!("task-{number}"), "title": "清扫", "owner": owner, "reviewer": MANAGER, "due": { "by": "on", "day": "2026-06-20" } });
            manager.post("/api/matters/beiyuan", &task)
        };
        for number in 0..100 {
            give(number, CLERK).expect(201);
        }
        let refused = give(100, CLERK).expect(409).json();
        assert_eq!(refused["rule"], "too-many-tasks", "{refused}");
        give(100, DEPUTY).expect(201);
        // Nor does it come to more by handing over.
        let over = json!({ "verb": "handed_over", "to": CLERK, "reason": "分工调整" });
        let refused = manager.post("/api/matters/beiyuan/task-100/moves", &json!({ "expected": 0, "move": over })).expect(409).json();
        assert_eq!(refused["rule"], "too-many-tasks", "{refused}");
        let cancelled = json!({ "verb": "cancelled", "reason": "重复", "approver": MANAGER });
        manager.post("/api/matters/beiyuan/task-0/moves", &json!({ "expected": 0, "move": cancelled })).expect(201);
        give(101, CLERK).expect(201);
        town.check();
    }

    fn a_session_of_a_one_time_password_makes_it_last_no_longer(town) {
        let admin = town.program(User::Admin);
        let added = admin.post("/api/accounts", &json!({ "account": "late", "unit": "371402", "title": "late" })).expect(201).json();
        let once = added["one_time_password"].as_str().unwrap();
        town.clock.advance_ms(14 * 24 * HOUR_MS - 60_000);
        let signed_in = town.site.client().post_form("/sign-in", &[("account", "late"), ("password", once)]).expect(303);
        let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
        let csrf = town.site.kernel.session(secret(&cookie)).unwrap().unwrap().csrf;
        let late = town.site.client().with("cookie", &cookie).with("x-csrf-token", &csrf);
        let change = || late.post_form("/account/password", &[("old_password", once), ("new_password", PASSWORD), ("again", PASSWORD)]);
        town.clock.advance_ms(120_000);
        change().expect(422);
        assert!(town.site.client().post_form("/sign-in", &[("account", "late"), ("password", PASSWORD)]).status != 303);
    }

    fn what_has_run_out_is_owed_today(town) {
        for (name, post) in [("wei", MANAGER), ("li", "post:371402/bureau")] {
            town.holder(name, &[post]);
        }
        let operator = town.program(User::Operator);
        let scale = json!({ "scale": 9, "stall": "A1", "serial": "S9", "seal": "F9", "verified": "2024-03-10", "verified_until": "2025-03-09", "fair": false });
        operator.post("/api/market/beiyuan/entries", &json!({ "kind": "market.scale.enrolled", "body": scale })).expect(201);
        let assigned = json!({ "answering": MANAGER, "supervising": "post:371402/bureau", "failed_test_workdays": 3, "breach_workdays": 3, "basis": "市场监管制度" });
        town.program(User::Inspector).post("/api/market/beiyuan/entries", &json!({ "kind": "market.duties.assigned", "body": assigned })).expect(201);
        let owed = town.program(User::Leader).get("/api/matters?book=beiyuan").expect(200).json();
        let owed = owed["items"].as_array().unwrap().iter().find(|it| it["title"].as_str().unwrap().contains("9 号秤")).expect("it is owed");
        assert_eq!(owed["due"], town.now()[..10], "{owed}");
        town.check();
    }

    fn what_somebody_records_who_answers_and_supervises_is_recorded_and_stays_owed(town) {
        town.holder("wei", &[MANAGER, "post:371402/bureau"]);
        give(&town, "wei", "operator", "beiyuan-market", Some("market"));
        let wei = town.holder_again("wei");
        let paper = |client: &Client, until: &str, files: &[&str]| {
            let body = json!({ "merchant": "m1", "certificate": "food_permit", "number": "JY1", "until": until });
            client.post("/api/market/beiyuan/entries", &json!({ "kind": "market.certificate.recorded", "body": body, "evidence": files })).expect(201)
        };
        paper(&town.program(User::Operator), "2026-04-01", &[]);
        let assigned = json!({ "answering": MANAGER, "supervising": "post:371402/bureau", "failed_test_workdays": 3, "breach_workdays": 3, "basis": "市场监管制度" });
        town.program(User::Inspector).post("/api/market/beiyuan/entries", &json!({ "kind": "market.duties.assigned", "body": assigned })).expect(201);
        let owed = || {
            let owed = town.program(User::Leader).get("/api/matters?book=beiyuan").expect(200).json();
            owed["items"].as_array().unwrap().iter().any(|it| it["title"].as_str().unwrap().contains("食品经营许可证 2026-04-01"))
        };
        assert!(owed());
        let file = wei.post_bytes("/api/market/beiyuan/evidence", "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
        paper(&wei, "2027-04-01", &[file["digest"].as_str().unwrap()]);
        assert!(owed(), "nobody else has looked at it");
        town.check();
    }

    fn whoever_has_another_session_keeps_nobody_from_changing_the_password(town) {
        let (name, _) = town.account(User::Leader);
        let ((stolen, _), (own, _)) = (enter(&town, &name), enter(&town, &name));
        let csrf = |cookie: &str| town.site.kernel.session(secret(cookie)).unwrap().unwrap().csrf;
        // Requests whose bodies do not come, longer than what is read before anybody is asked who they are.
        let slow = || {
            let mut stream = TcpStream::connect(town.site.base.trim_start_matches("http://")).unwrap();
            let head = format!(
                "POST /api/tokens HTTP/1.1\r\nhost: x\r\ncookie: {stolen}\r\nx-csrf-token: {}\r\n\
                 content-type: application/json\r\ncontent-length: 66000\r\n\r\n{{",
                csrf(&stolen),
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        };
        let _held: Vec<TcpStream> = (0..80).map(|_| slow()).collect();
        std::thread::sleep(Duration::from_millis(500));
        let new = "quite another password";
        let form = [("old_password", PASSWORD), ("new_password", new), ("again", new)];
        let owner = town.site.client().with("cookie", &own).with("x-csrf-token", csrf(&own));
        owner.post_form("/account/password", &form).expect(303);
        assert!(town.site.kernel.session(secret(&stolen)).unwrap().is_none());
    }

    fn a_walk_of_the_public_ends_in_time_however_long_the_entries_are_that_it_meets(town) {
        let before = std::time::Instant::now();
        let walk = |time_max: Duration| {
            let bounds = trace::Bounds { depth: 20, subjects: 500, fan: trace::Fan::WHOLE };
            let start = base::SubjectId::local("lot", &town.book(), "L1").unwrap();
            let along = kernel::Along::Every;
            town.site.kernel.walk_within(&start, trace::Direction::Backward, bounds, time_max, along).unwrap()
        };
        assert_eq!(walk(Duration::from_secs(60)).cut, None);
        assert_eq!(walk(Duration::ZERO).cut, Some(trace::Cut::Time));
        assert!(before.elapsed() < Duration::from_secs(60));
    }
}
