//! What is left behind: pages that stay open, sessions that ended, matters whose clock stands, helpers who were named by others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use harness::{Client, PASSWORD, Town, User, on_every_store};
use serde_json::{Value, json};

use crate::breach::give;

const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const DEPUTY: &str = "post:beiyuan-market/deputy";
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
        let (first, rest) = body.split_at(20);
        let begin = || {
            let mut stream = TcpStream::connect(town.site.base.trim_start_matches("http://")).unwrap();
            let head = format!(
                "POST /epcis/queries/all/subscriptions HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\nx-csrf-token: {csrf}\r\n\
                 content-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n{first}\r\n",
                first.len(),
            );
            stream.write_all(head.as_bytes()).unwrap();
            // Let in, and not so long ago that it is looked up again.
            std::thread::sleep(Duration::from_millis(100));
            stream
        };
        let end = |mut stream: TcpStream| {
            stream.write_all(format!("{:x}\r\n{rest}\r\n0\r\n\r\n", rest.len()).as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let answer = end(begin());
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let begun = begin();
        kernel.sign_out(secret(&cookie)).unwrap();
        let answer = end(begun);
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
}
