//! What was taken away stays so: what somebody left running, was shown or was given in passing opens nothing any more. And what
//! others send is no page of this site.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base::{ActorId, BookId, SubjectId};
use harness::{Client, PASSWORD, Town, User, on_every_store};
use kernel::NewDevice;
use serde_json::json;

use crate::breach::give;
use crate::epcis::receiver::{Receiver, Teller};
use crate::epcis::subscriptions::capture;
use crate::epcis::{observed, send};
use crate::outside::wait_until;
use crate::second_step::owner;

const QUERIES: &str = "/epcis/queries";
const DAY_MS: i64 = 24 * 3_600_000;

fn installation() -> ActorId {
    ActorId::new("system:test").unwrap()
}

/// Enrols a gate that may see all events; its credential.
fn enrol(town: &Town) -> String {
    let book: BookId = town.book();
    let subject = SubjectId::local("supplier", &book, "gate").unwrap();
    let new = NewDevice { device: "gate".into(), book, title: "门".into(), subject, role: "tracer".into() };
    town.site.kernel.issue_device(&installation(), new).unwrap().credential.unwrap()
}

/// Names a query that asks everything, and subscribes to it.
fn subscribe(client: &Client, receiver: &Receiver) {
    client.post(QUERIES, &json!({ "name": "all", "query": {} })).expect(201);
    let body = json!({ "dest": receiver.address(), "schedule": { "second": "0" }, "reportIfEmpty": true });
    client.post(&format!("{QUERIES}/all/subscriptions"), &body).expect(201);
}

fn subscriptions(town: &Town) -> i64 {
    let count = |tx: &mut dyn store::Tx| {
        tx.query_one("select count(*) from market_subscription", &[])?.unwrap().int(0)
    };
    town.site.kernel.read(count).unwrap()
}

/// A request whose body comes in two parts.
pub struct InParts {
    stream: TcpStream,
    rest: String,
}

impl InParts {
    /// Sends the beginning, and waits.
    pub fn begin(town: &Town, path: &str, headers: &str, body: &str, wait: Duration) -> Self {
        let (first, rest) = body.split_at(20);
        let mut stream = TcpStream::connect(town.site.base.trim_start_matches("http://")).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-type: application/json\r\n\
             transfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n{first}\r\n",
            first.len(),
        );
        stream.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(wait);
        Self { stream, rest: rest.to_owned() }
    }

    /// Sends the rest: the whole answer.
    pub fn end(mut self) -> String {
        let Self { stream, rest } = &mut self;
        stream.write_all(format!("{:x}\r\n{rest}\r\n0\r\n\r\n", rest.len()).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

on_every_store! {
    fn a_subscription_ends_with_what_it_was_opened_with(town) {
        let (of_device, of_person) = (Receiver::start(), Receiver::start());
        let old = enrol(&town);
        town.clock.advance_ms(1);
        subscribe(&town.site.client().bearer(&old), &of_device);
        town.holder("insp", &[]);
        give(&town, "insp", "inspector", "371402", Some("market"));
        subscribe(&town.holder_again("insp"), &of_person);
        assert_eq!(subscriptions(&town), 2);
        town.clock.advance_ms(1_000);
        // The device is enrolled again before the next moment, and the account gets another password.
        town.site.kernel.revoke_device(&installation(), &town.book(), "gate").unwrap();
        enrol(&town);
        town.site.kernel.reset_password(&installation(), &base::AccountId::new("insp").unwrap()).unwrap();
        let _teller = Teller::start(&town);
        capture(&town, &town.program(User::Supplier), [1]);
        town.clock.advance_ms(120_000);
        wait_until("the end of both", || subscriptions(&town) == 0);
        assert_eq!((of_device.ids().len(), of_person.ids().len()), (0, 0));
        town.check();
    }

    fn whoever_was_shown_a_one_time_password_gets_nothing_that_others_add_to_the_account(town) {
        town.holder("wei", &[]);
        give(&town, "wei", "admin", "371481", None);
        let (wei, admin) = (town.holder_again("wei"), town.program(User::Admin));
        let added = wei.post("/api/accounts", &json!({ "account": "late", "unit": "371481", "title": "late" })).expect(201).json();
        let shown = added["one_time_password"].as_str().unwrap().to_owned();
        let grant = |unit: &str| json!({ "grantee": "account:late", "role": "leader", "unit": unit });
        let before = town.fingerprint();
        assert_eq!(admin.post("/api/grants", &grant("371400")).expect(409).json()["field"], "account");
        let post = json!({ "post": "post:371400/deputy", "unit": "371400", "title_zh": "副职", "title_en": "Deputy" });
        admin.post("/api/registry/posts", &post).expect(201);
        let held = json!({ "post": "post:371400/deputy", "account": "late", "from": "2026-04-01" });
        assert_eq!(admin.post("/api/registry/holdings", &held).expect(409).json()["field"], "account");
        assert_ne!(before, town.fingerprint(), "a post was added");
        // What its maker may give and open, others may give as well.
        admin.post("/api/grants", &grant("371481")).expect(201);
        // Once its owner has a password of their own, or somebody who may gave another, it is anybody's.
        let once = town.site.client();
        let signed_in = once.post_form("/sign-in", &[("account", "late"), ("password", &shown)]).expect(303);
        let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
        let secret = cookie.split_once('=').unwrap().1.to_owned();
        let session = town.site.kernel.session(&secret).unwrap().unwrap();
        let late = once.with("cookie", &cookie).with("x-csrf-token", session.csrf);
        late.post_form("/account/password", &[("old_password", shown.as_str()), ("new_password", PASSWORD), ("again", PASSWORD)]).expect(303);
        admin.post("/api/grants", &grant("371400")).expect(201);
        town.check();
    }

    fn a_one_time_password_is_used_within_fourteen_days(town) {
        let admin = town.program(User::Admin);
        let add = |account: &str| {
            let added = admin.post("/api/accounts", &json!({ "account": account, "unit": "371402", "title": account })).expect(201).json();
            added["one_time_password"].as_str().unwrap().to_owned()
        };
        let enter = |account: &str, password: &str| {
            town.site.client().with("accept", "text/html").post_form("/sign-in?lang=zh-CN", &[("account", account), ("password", password)])
        };
        let (soon, late) = (add("soon"), add("late"));
        town.clock.advance_ms(14 * DAY_MS - 1);
        enter("soon", &soon).expect(303);
        town.clock.advance_ms(1);
        assert!(enter("late", &late).expect(422).text().contains("十四天"));
        assert!(!enter("late", "wrong wrong wrong").expect(422).text().contains("十四天"));
    }

    fn nobody_adds_rights_to_a_device_of_others(town) {
        let gate = enrol(&town);
        town.holder("wei", &[]);
        give(&town, "wei", "admin", "371481", None);
        let wei = town.holder_again("wei");
        let grant = json!({ "grantee": "device:beiyuan/gate", "role": "supplier", "unit": "xihai-market", "line": "market", "subject": "supplier:xihai/z" });
        let before = town.fingerprint();
        wei.post("/api/grants", &grant).expect(403);
        // Nor is anybody made to act for a post of another unit.
        let stands_in = json!({ "grantee": "account:wei", "role": "holder", "unit": "371481", "subject": "post:decheng-office/office" });
        assert_eq!(wei.post("/api/grants", &stands_in).expect(400).json()["field"], "subject");
        assert_eq!(town.fingerprint(), before);
        town.site.client().bearer(&gate).get("/epcis/events").expect(200);
        town.program(User::Admin).post("/api/grants", &grant).expect(201);
    }

    fn what_others_send_is_no_page_of_this_site(town) {
        let supplier = town.program(User::Supplier);
        let event = observed(1, json!({ "eventID": "urn:uuid:00001", "h:div": { "h:meta": "x" } }));
        let document = json!({ "@context": [{ "h": "http://www.w3.org/1999/xhtml" }, "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": town.now(), "epcisBody": { "eventList": [event] } });
        send(&supplier, &document).expect(202);
        let browser = town.browser(User::Inspector).with("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        let shown = browser.get("/epcis/events/urn:uuid:00001").expect(200);
        assert!(shown.header("content-type").starts_with("application/xml"), "{}", shown.header("content-type"));
        let policy = shown.header("content-security-policy");
        assert!(policy.split(';').any(|it| it.trim() == "sandbox") && !policy.contains("script-src"), "{policy}");
        assert_eq!(shown.header("content-disposition"), "attachment");
        let page = browser.with("accept", "text/html").get("/market/beiyuan").expect(200);
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
    }

    fn the_second_step_is_asked_for_where_a_password_is_changed_and_a_code_that_is_spent_is_recorded(town) {
        let owner = owner(&town, User::Leader);
        let new = "quite another password";
        let change = |code: &str| owner.browser.post_form("/account/password",
            &[("old_password", owner.password), ("new_password", new), ("again", new), ("code", code)]);
        assert!(owner.browser.get("/account/password").expect(200).text().contains("name=\"code\""));
        change("").expect(422);
        change("000000").expect(422);
        change(&owner.codes[0]).expect(303);
        let signed_in = town.site.client().post_form("/sign-in", &[("account", &owner.name), ("password", new)]).expect(303);
        assert!(signed_in.header("location").starts_with("/sign-in/code"), "the second step stays on");
        let registry = BookId::new("registry").unwrap();
        let spent = town.site.kernel.read(|tx| kernel::entries::latest(tx, &registry, &["kernel.account.totp.recovered"], None, 9)).unwrap();
        assert_eq!(spent.len(), 1);
        town.check();
    }

    fn who_is_let_in_no_more_gets_nothing_done_by_a_request_that_was_begun_before(town) {
        let issued = town.issue(User::Inspector);
        let credential = issued.credential.unwrap();
        let body = json!({ "kind": "market.lot.held", "body": { "lot": "L1", "reason": "order", "inspection": null, "note": null } }).to_string();
        let begin = |credential: &str| {
            let headers = format!("authorization: Bearer {credential}\r\n");
            InParts::begin(&town, "/api/market/beiyuan/entries", &headers, &body, Duration::from_millis(600))
        };
        let begun = begin(&credential);
        let token = issued.actor.as_str().trim_start_matches("token:");
        town.site.kernel.revoke_token(&installation(), token).unwrap();
        let answer = begun.end();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(town.program(User::Inspector).get("/api/market/beiyuan/lots/L1").expect(200).json()["lot"]["hold"].is_null());
        // Who is let in still may take their time.
        let answer = begin(&town.issue(User::Inspector).credential.unwrap()).end();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}
