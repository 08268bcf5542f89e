//! What a third reviewer did on 28 November 2026, mostly as a supplier and from a scale: what others report stands beside what
//! the house says, and never in front of it. docs/security.md lists them.

use std::time::Duration;

use base::{ActorId, SubjectId, UnitCode};
use harness::{Client, OFFICES, Town, User, on_every_store, project, sale};
use kernel::notices::{Channel, ContactSet, Notice, What, enqueue};
use line_market::epcis_events::{Mode, capture};
use line_market::record::Failure;
use registry::PostAdded;
use serde_json::{Value, json};

use crate::epcis::document;
use crate::epcis::receiver::{Receiver, Teller};
use crate::outside::wait_until;
use crate::trespass::{granted, input};

const ENTRIES: &str = "/api/market/beiyuan/entries";
const SALES: &str = "/scale/v1/sales";
const QUERIES: &str = "/epcis/queries";
const CAPTURE: &str = "/epcis/capture";
const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";
const MANAGER: &str = "post:beiyuan-market/manager";
const BUREAU: &str = "post:371402/bureau";
const HOUR_MS: i64 = 3_600_000;

/// Somebody with a role of a supplier.
fn supplier(town: &Town, unit: &str, subject: Option<&str>) -> Client {
    granted(town, json!([{ "role": "supplier", "unit": unit, "line": "market", "subject": subject }])).0
}

fn merchant(town: &Town, merchant: &str) -> Client {
    let subject = format!("merchant:beiyuan/{merchant}");
    granted(
        town,
        json!([{ "role": "merchant", "unit": "beiyuan-market", "line": "market", "subject": subject }]),
    )
    .0
}

fn seen(number: usize, subject: &str) -> Value {
    json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "inspecting", "disposition": "conformant",
        "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "eventID": format!("urn:uuid:{number:05}"), "epcList": [subject],
    })
}

fn turned(number: usize, at: &str, step: &str, into: &str) -> Value {
    json!({
        "type": "TransformationEvent", "bizStep": step, "eventTime": at, "eventTimeZoneOffset": "+08:00",
        "eventID": format!("urn:uuid:turned-{number:05}"),
        "inputEPCList": [format!("urn:epc:id:sgtin:0614141.107346.{number}")], "outputQuantityList": [{ "epcClass": into }],
    })
}

fn send(town: &Town, client: &Client, events: Vec<Value>) -> harness::Answer {
    client.post(CAPTURE, &document(&town.now(), events.into()))
}

/// Events that a database has from a time when they were taken.
fn planted(town: &Town, subject: &str) {
    let events: Vec<Value> = (0..300).map(|number| seen(number, subject)).collect();
    let document = document(&town.now(), events.into());
    let document = epcis::Document::from_value(document, &epcis::Limits::default()).unwrap();
    let (book, sender) = (town.book(), ActorId::new("token:earlier").unwrap());
    let captured: Result<_, Failure> = town
        .site
        .kernel
        .append_blocking(move |desk| capture(desk, &book, &sender, &document, Mode::Rollback));
    assert_eq!(captured.unwrap().events.len(), 300);
}

fn shown(client: &Client, path: &str) -> String {
    client.with("accept", "text/html").get(path).expect(200).text()
}

fn reported(client: &Client, line: &Value) -> Value {
    let answer = client.post(SALES, &json!({ "sales": [line] })).json();
    answer.get("rule").cloned().unwrap_or_else(|| answer["lines"][0]["outcome"].clone())
}

on_every_store! {
    fn nobody_writes_its_own_words_on_a_slip_nor_hides_the_way_that_the_house_tells(town) {
        const SOURCE: &str = "urn:epc:class:lgtin:4012345.012345.crate9";
        let mut lot = town.lot("L9", 20_000);
        lot["source"] = SOURCE.into();
        town.program(User::Operator).post(ENTRIES, &input("market.lot.received", lot)).expect(201);
        let sold = json!({ "sales": [sale(1, "L9", 500, &town.now())] });
        let receipt = town.scale(1).post(SALES, &sold).expect(200).json();
        let slip = format!("/01/06901234567892/21/{}?lang=en", receipt["lines"][0]["slip"].as_str().unwrap());
        let grower = supplier(&town, "beiyuan-market", Some("supplier:shouguang"));
        send(&town, &grower, vec![turned(1, "2026-03-09T06:00:00+08:00", "commissioning", SOURCE)]).expect(202);
        town.clock.advance_ms(HOUR_MS);
        let (rival, neighbour) = (supplier(&town, "xihai-market", None), supplier(&town, "beiyuan-market", None));
        let words = ["https://x.example/已召回请致电".to_owned(), format!("https://x.example/{}", "A".repeat(400))];
        for client in [&rival, &neighbour] {
            let events = words.iter().cycle().take(14).enumerate();
            let events = events.map(|(at, step)| turned(10 + at, &town.now(), step, SOURCE));
            send(&town, client, events.collect()).expect(202);
        }
        let page = shown(&town.program(User::Anonymous), &slip);
        assert!(!page.contains("已召回") && !page.contains("AAAA"), "{page}");
        assert!(page.contains("Lot received (stall A1)"), "{page}");
        assert!(page.contains("Labelled (reported by shouguang)"), "{page}");
        // Three entries of one thing are followed, the first recorded first.
        assert_eq!(page.matches("reported by an outside system").count(), 2, "{page}");
    }

    fn others_name_nothing_of_the_house_but_its_lots(town) {
        let client = supplier(&town, "beiyuan-market", None);
        let before = town.fingerprint();
        for subject in [
            "matter:beiyuan/task-1", "stall:beiyuan/A1", "merchant:beiyuan/m1", "project:decheng-projects/road", "entry:beiyuan/1",
            "account:registry/admin", "post:371402/mayor", "post:beiyuan-market/manager", "complaint:xihai/1", "slip:beiyuan/x",
        ] {
            let refused = send(&town, &client, vec![seen(1, subject)]).expect(400).json();
            assert_eq!(refused["rule"], "own-subject", "{subject}: {refused}");
            let mut described = document(&town.now(), json!([]));
            described["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [{
                "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
                "vocabularyElementList": [{ "id": subject, "attributes": [] }],
            }] } });
            let refused = client.post(CAPTURE, &described).expect(400).json();
            assert_eq!(refused["rule"], "own-subject", "{subject}: {refused}");
        }
        assert_eq!(town.fingerprint(), before);
        send(&town, &client, vec![seen(1, "lot:beiyuan/L1"), seen(2, "urn:epc:id:sgtin:0614141.107346.1")]).expect(202);
    }

    fn however_much_others_report_of_a_lot_its_tests_and_orders_are_on_file(town) {
        // All that others may tell of one lot, each a hundred times.
        let crowd = |from: usize| {
            for at in (from..from + 500).step_by(100) {
                let client = supplier(&town, "beiyuan-market", None);
                send(&town, &client, (at..at + 100).map(|number| seen(number, "lot:beiyuan/L1")).collect()).expect(202);
            }
        };
        crowd(0);
        let inspector = town.program(User::Inspector);
        let failed = json!({ "lot": "L1", "method": "rapid", "item": "chlorpyrifos", "reading": "0.9", "limit": "0.1", "verdict": "fail", "retest_of": null });
        inspector.post(ENTRIES, &input("market.inspection.recorded", failed)).expect(201);
        crowd(500);
        let file = inspector.get("/market/beiyuan/lots/L1/file.json").expect(200).json();
        let kinds: Vec<&str> = file["entries"].as_array().unwrap().iter().map(|it| it["head"]["kind"].as_str().unwrap()).collect();
        assert_eq!((kinds.len(), &file["entries_total"]), (1_000, &json!(1_003)));
        for kind in ["market.lot.received", "market.inspection.recorded", "market.lot.held"] {
            assert!(kinds.contains(&kind), "{kind}");
        }
        let page = shown(&inspector, "/market/beiyuan/lots/L1?lang=en");
        assert!(page.contains("Holds, releases and recalls") && page.contains("Lot held"), "{page}");
        let book = shown(&inspector, "/ledger/beiyuan?about=lot:beiyuan/L1&lang=en");
        assert!(["Inspection recorded", "Lot held"].iter().all(|kind| book.contains(kind)));
    }

    fn nothing_but_what_was_done_with_a_matter_stands_in_its_history(town) {
        let manager = town.holder("wei", &[MANAGER]);
        town.holder("li", &[BUREAU]);
        crate::breach::give(&town, "li", "inspector", "371402", Some("market"));
        let bureau = town.holder_again("li");
        let task = |name: &str, about: &[&str]| json!({
            "name": name, "title": "疏通排水沟", "owner": MANAGER, "reviewer": BUREAU, "about": about,
            "due": { "by": "on", "day": "2026-03-20" },
        });
        bureau.post("/api/matters/beiyuan", &task("task-drain", &["lot:beiyuan/L1"])).expect(201);
        let path = "/api/matters/beiyuan/task-drain";
        let step = |expected: u32, step: Value| {
            manager.post(&format!("{path}/moves"), &json!({ "expected": expected, "move": step })).expect(201);
        };
        step(0, json!({ "verb": "taken", "by": MANAGER }));
        let kept = manager.post_bytes(&format!("{path}/evidence"), "application/octet-stream", PDF).expect(201).json();
        let digest = kept["digest"].as_str().unwrap();
        step(1, json!({ "verb": "submitted", "by": MANAGER, "evidence": [{ "digest": digest, "title": "照片", "effective": "2026-03-09" }] }));
        let history = || bureau.get(path).expect(200).json()["history"].clone();
        let before = history();
        planted(&town, "matter:beiyuan/task-drain");
        assert_eq!(history(), before);
        bureau.get(&format!("{path}/evidence/{digest}")).expect(200);
        bureau.get(&format!("{path}/evidence/{}", "0".repeat(64))).expect(404);
        assert!(shown(&bureau, "/matters/beiyuan/task-drain").contains(digest));
        // A task is no way into the history of another.
        let refused = bureau.post("/api/matters/beiyuan", &task("task-junk", &["matter:beiyuan/task-drain"])).expect(400).json();
        assert_eq!(refused["field"], "about");
        assert_eq!(history(), before);
    }

    fn an_offer_is_found_however_much_is_reported_of_its_stall(town) {
        let offered = json!({ "lot": "L2", "new_lot": "L5", "to_stall": "A1", "to_merchant": "m1", "quantity_g": 1_000 });
        town.program(User::Operator).post(ENTRIES, &input("market.transfer.offered", offered)).expect(201);
        planted(&town, "stall:beiyuan/A1");
        assert!(shown(&merchant(&town, "m1"), "/market/beiyuan/mine").contains("/market/beiyuan/record/accept?offer="));
    }

    fn receivers_that_are_slow_hold_up_their_owner_alone(town) {
        let (slow, quick) = (Receiver::start(), Receiver::start());
        slow.pause(Duration::from_secs(2));
        let (ours, theirs) = (supplier(&town, "beiyuan-market", None), supplier(&town, "beiyuan-market", None));
        let subscribe = |client: &Client, query: &str, receiver: &Receiver| {
            client.post(&format!("{QUERIES}/{query}/subscriptions"), &json!({ "dest": receiver.address(), "stream": true }))
        };
        for query in ["q1", "q2", "q3"] {
            theirs.post(QUERIES, &json!({ "name": query, "query": {} })).expect(201);
            for at in 0..if query == "q3" { 10 } else { 20 } {
                assert_eq!(subscribe(&theirs, query, &slow).status, 201, "{query} {at}");
            }
        }
        ours.post(QUERIES, &json!({ "name": "q1", "query": {} })).expect(201);
        subscribe(&ours, "q1", &quick).expect(201);
        let _teller = Teller::start(&town);
        send(&town, &theirs, vec![seen(1, "urn:epc:id:sgtin:0614141.107346.1")]).expect(202);
        wait_until("slow ones", || slow.waiting_max() >= 4);
        send(&town, &ours, vec![seen(2, "urn:epc:id:sgtin:0614141.107346.2")]).expect(202);
        assert_eq!(quick.wait_for_events(1), ["urn:uuid:00002"]);
        assert_eq!(slow.waiting_max(), 4);
        assert_eq!(subscribe(&theirs, "q3", &slow).expect(400).json()["rule"], "too-many");
    }

    fn a_subscriber_does_not_learn_which_names_the_house_knows(town) {
        let client = supplier(&town, "beiyuan-market", None);
        client.post(QUERIES, &json!({ "name": "q1", "query": {} })).expect(201);
        let _teller = Teller::reaching(&town, Vec::new());
        let paths = ["https://localhost/", "https://no-such-host.invalid/"].map(|dest| {
            let body = json!({ "dest": dest, "stream": true });
            client.post(&format!("{QUERIES}/q1/subscriptions"), &body).expect(201).header("location").to_owned()
        });
        send(&town, &client, vec![seen(1, "urn:epc:id:sgtin:0614141.107346.1")]).expect(202);
        let faults = paths.map(|path| {
            let fault = || client.get(&path).expect(200).json()["delivery"]["fault"].clone();
            wait_until("an attempt in vain", || !fault().is_null());
            fault()
        });
        assert_eq!(faults[0], faults[1]);
    }

    fn notices_to_one_unit_are_a_few_at_a_time(town) {
        let kernel = &town.site.kernel;
        let system = ActorId::new("system:test").unwrap();
        for (post, contacts) in [(MANAGER, 8), (BUREAU, 1)] {
            let post = SubjectId::new(post).unwrap();
            let unit = UnitCode::new(post.home().unwrap()).unwrap();
            let added = PostAdded { post: post.clone(), unit, title_zh: "岗位".into(), title_en: "Post".into() };
            kernel.add_post(&system, added).unwrap();
            for at in 0..contacts {
                let address = format!("https://hooks.example/{at}");
                let set = ContactSet { post: post.clone(), channel: Channel::Webhook, address };
                kernel.set_contact(&system, set).unwrap();
            }
            let notice = Notice {
                book: town.book(),
                about: SubjectId::new("matter:beiyuan/task-1").unwrap(),
                what: What::Opened,
                to: post,
                text_zh: "立项".into(),
                text_en: "Opened".into(),
            };
            kernel.append_blocking::<_, _, ()>(move |desk| Ok(enqueue(desk, &notice)?)).unwrap();
        }
        let claimed = kernel.claim_notices(&[], 16, 60_000).unwrap();
        let units: Vec<&str> = claimed.iter().map(|claim| claim.contact.post.home().unwrap()).collect();
        assert_eq!(units.iter().filter(|unit| **unit == "beiyuan-market").count(), 4);
        assert_eq!(units.iter().filter(|unit| **unit == "371402").count(), 1);
    }

    fn a_connected_scale_dates_no_sale_back(town) {
        let (operator, scale) = (town.program(User::Operator), town.scale(1));
        let ago = |ms: i64| town.site.kernel.now().plus_ms(-ms).to_string();
        town.clock.advance_ms(2 * HOUR_MS);
        operator.post(ENTRIES, &input("market.lot.received", town.lot("L9", 10_000))).expect(201);
        let sold = |counter: u32, lot: &str, occurred: &str, offline: bool| {
            let mut line = sale(counter, lot, 500, occurred);
            line["offline"] = offline.into();
            reported(&scale, &line)
        };
        assert_eq!(sold(1, "L1", "2021-12-20T01:00:00Z", false), "past-time");
        assert_eq!(sold(1, "L1", &ago(HOUR_MS + 1), false), "past-time");
        assert_eq!(sold(1, "L1", &ago(HOUR_MS), false), "recorded");
        // Goods that were not there yet are not sold; what was sold all the same is a breach.
        assert_eq!(sold(2, "L9", &ago(HOUR_MS / 2), false), "past-time");
        assert_eq!(sold(2, "L9", &ago(HOUR_MS / 2), true), "recorded");
        let lot = town.program(User::Inspector).get("/api/market/beiyuan/lots/L9").expect(200).json();
        assert_eq!(lot["breaches"][0]["breach"], "mass_balance", "{lot}");
        // Its verification ended at midnight: no clock of its own helps it over that.
        let verified = json!({ "scale": 1, "seal": "F2", "verified_until": "2026-03-10" });
        operator.post(ENTRIES, &input("market.scale.verified", verified)).expect(201);
        town.clock.advance_ms(14 * HOUR_MS - 1);
        let before_midnight = town.now();
        assert_eq!(sold(3, "L1", &before_midnight, false), "recorded");
        town.clock.advance_ms(HOUR_MS / 2);
        assert_eq!(sold(4, "L1", &before_midnight, false), "verification-expired");
        town.check();
    }

    fn entries_name_the_evidence_that_is_there(town) {
        let operator = town.program(User::Operator);
        let planner = town.program(User::Planner);
        let before = town.fingerprint();
        let cleaned = |digest: &str| json!({ "kind": "market.cleaning.done", "body": { "area": "hall" }, "evidence": [digest] });
        let listed = |digest: &str| json!({ "kind": "projects.project.registered", "evidence": [digest], "body": project(OFFICES[0], "road") });
        let none = "ab".repeat(32);
        for refused in [
            operator.post(ENTRIES, &cleaned(&none)),
            planner.post("/api/projects/decheng-projects/entries", &listed(&none)),
        ] {
            assert_eq!(refused.expect(400).json()["field"], "evidence[0]");
        }
        assert_eq!(town.fingerprint(), before);
        let kept = operator.post_bytes("/api/market/beiyuan/evidence", "application/pdf", PDF).expect(201).json();
        let digest = kept["digest"].as_str().unwrap();
        operator.post(ENTRIES, &cleaned(digest)).expect(201);
        // A file of one book is none of another.
        planner.post("/api/projects/decheng-projects/entries", &listed(digest)).expect(400);
        town.check();
    }

    fn an_id_of_an_event_is_its_senders_own(town) {
        let (first, second) = (supplier(&town, "beiyuan-market", None), supplier(&town, "beiyuan-market", None));
        let things = ["urn:epc:id:sgtin:0614141.107346.1", "urn:epc:id:sgtin:0614141.107346.2"];
        send(&town, &first, vec![seen(1, things[0])]).expect(202);
        send(&town, &second, vec![seen(1, things[1])]).expect(202);
        // What somebody else declares an error is none of the sender's.
        let declared = |thing: &str, reason: &str| {
            let mut event = seen(1, thing);
            event["errorDeclaration"] = json!({ "declarationTime": "2026-03-02T08:00:00+08:00", "reason": reason });
            vec![event]
        };
        send(&town, &first, declared(things[1], "incorrect_data")).expect(202);
        send(&town, &second, declared(things[1], "did_not_occur")).expect(202);
        let before = town.fingerprint();
        send(&town, &first, vec![seen(1, things[0])]).expect(202);
        send(&town, &second, declared(things[1], "did_not_occur")).expect(202);
        send(&town, &first, vec![seen(1, things[1])]).expect(409);
        assert_eq!(town.fingerprint(), before);
        for (client, count) in [(&first, 2), (&second, 2), (&town.program(User::Tracer), 4)] {
            for path in ["/epcis/events/urn%3Auuid%3A00001", "/epcis/events?EQ_eventID=urn:uuid:00001"] {
                let found = client.get(path).expect(200).json();
                let found = &found["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
                assert_eq!(found.as_array().unwrap().len(), count, "{path}");
            }
        }
        town.check();
    }
}
