//! What of callers is in hand at a time: bodies that are being read, values that they hold, passwords that are hashed.

use base::limits::{
    BODIES_OF_ONE_BYTES_MAX, BODY_OF_NOBODY_BYTES_MAX, ENTRY_REQUEST_BYTES_MAX, ENTRY_REQUEST_VALUES_MAX,
};
use harness::{Client, JSON, User, on_every_store};
use serde_json::{Value, json};

const ENTRIES: [&str; 2] = ["/api/market/beiyuan/entries", "/api/projects/decheng-projects/entries"];
const FORM: &str = "/matters/beiyuan/task-drain/do/submitted";

fn values(kind: &str, count: usize) -> Value {
    json!({ "kind": kind, "body": vec![json!({ "": 0 }); count / 2] })
}

on_every_store! {
    fn an_entry_comes_with_so_many_bytes_and_values(town) {
        let scale = town.program(User::Scale);
        for (address, kind) in ENTRIES.into_iter().zip(["market.price.posted", "projects.visit.made"]) {
            let send = |body: &Value| scale.post(address, body);
            send(&values(kind, 1_000)).expect(403);
            let refused = send(&values(kind, ENTRY_REQUEST_VALUES_MAX + 10)).expect(400).json();
            assert_eq!((&refused["field"], &refused["rule"]), (&json!("body"), &json!("length")));
            assert_eq!(scale.status_of_promise(address, JSON, ENTRY_REQUEST_BYTES_MAX as u64 + 1), 413);
        }
        town.check();
    }

    fn what_nobody_sends_is_read_and_not_kept(town) {
        let nobody = Client::new(&town.site.base);
        let part = |bytes: usize| {
            let head = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"drain.pdf\"\r\n\r\n";
            [head.as_bytes(), &vec![b'x'; bytes], b"\r\n--b--\r\n"].concat()
        };
        for bytes in [100, BODY_OF_NOBODY_BYTES_MAX, 3 * 1024 * 1024] {
            nobody.post_bytes(FORM, "multipart/form-data; boundary=b", &part(bytes)).expect(401);
        }
    }

    fn who_gives_out_passwords_without_end_is_made_to_wait(town) {
        let (admin, other) = (town.program(User::Admin), town.browser(User::Admin));
        let reset = |by: &Client| by.post("/api/accounts/nobody-at-all/reset-password", &json!({})).status;
        let found: Vec<u16> = (0..100).map(|_| reset(&admin)).take_while(|status| *status != 429).collect();
        assert!((30..100).contains(&found.len()) && found.iter().all(|status| *status == 404), "{found:?}");
        assert_eq!(reset(&other), 404, "another administrator goes on");
    }
}

/// Bytes that are promised and do not come are in hand as well.
#[test]
fn one_caller_has_so_many_bytes_in_hand_and_keeps_nobody_else_from_sending() {
    let town = harness::Town::on(harness::Engine::Sqlite.place().unwrap());
    let (one, other) = (town.program(User::Planner), town.program(User::Operator));
    let length = BODIES_OF_ONE_BYTES_MAX.to_string();
    let plan = "/api/projects/decheng-projects/projects/park/plan?preview=true";
    let media = "application/octet-stream";
    let held = one.open("POST", plan, &[("content-type", media), ("content-length", &length)]);
    let long = json!({ "kind": "x", "body": "x".repeat(100_000) });
    // Whichever of the two comes first; what is refused is not read, so its sender may be cut off before it hears why.
    let refused = |_| {
        let answer = one.send("POST", ENTRIES[1], Some(JSON), long.to_string().as_bytes());
        answer.is_ok_and(|answer| answer.status == 429)
    };
    assert!((0..20).any(refused));
    let short = json!({ "kind": "x", "body": {} });
    assert_eq!(one.post(ENTRIES[1], &short).status, 400, "a small one is not counted");
    assert_eq!(other.post(ENTRIES[0], &long).status, 400);
    drop(held);
}
