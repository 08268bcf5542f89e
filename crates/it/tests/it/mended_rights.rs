//! What a further review found of rights, appointments, codes and what outside systems send, tested as it was found.

use base::{AccountId, SubjectId};
use harness::{Answer, Client, Town, User, on_every_store};
use kernel::{AdminError, AppendError};
use serde_json::{Value, json};

use crate::epcis::{document, observed};
use crate::mended_projects::{hand_in, step};
use crate::second_step::owner;

const MANAGER: &str = "post:beiyuan-market/manager";
const CLERK: &str = "post:beiyuan-market/clerk";
const BUREAU: &str = "post:371402/bureau";
const TASK: &str = "/api/matters/beiyuan/task-drain";
/// What an entry's body may have, in bytes.
const BODY_BYTES_MAX: usize = 48 * 1024;

fn task(client: &Client, owner: &str, reviewer: &str) -> Answer {
    let due = json!({ "by": "on", "day": "2026-06-20" });
    let body = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": owner, "reviewer": reviewer, "due": due });
    client.post("/api/matters/beiyuan", &body)
}

fn captured(town: &Town) -> i64 {
    const COUNT: &str = "select count(*) from entry where kind = 'market.epcis.captured'";
    town.site.kernel.read(|tx| tx.query_one(COUNT, &[])?.unwrap().int(0)).unwrap()
}

on_every_store! {
    fn a_document_of_which_one_event_is_too_long_records_none_of_the_others_unlooked_at(town) {
        let supplier = town.program(User::Supplier);
        let send = |events: Vec<Value>| {
            let document = document("2026-03-01T08:00:00Z", Value::Array(events));
            supplier.with("gs1-capture-error-behaviour", "rollback").post("/epcis/capture?book=beiyuan", &document)
        };
        let padded = |serial: usize, time: &str, bytes: usize| {
            let words: Vec<String> = (0..bytes / 1_000).map(|_| "x".repeat(1_000)).chain(["x".repeat(bytes % 1_000)]).collect();
            let id = format!("urn:uuid:00000000-0000-4000-8000-{serial:012}");
            observed(serial, json!({ "eventID": id, "eventTime": time, "ex:words": words }))
        };
        const SHORT: &str = "2026-03-01T00:00:00Z";
        const LONG: &str = "2026-03-01T00:00:00+00:00";
        // The longest that fits: what says its time in more characters does not.
        let (mut most, mut beyond) = (40_000, BODY_BYTES_MAX);
        for serial in 100..200 {
            if beyond - most == 1 {
                break;
            }
            let middle = most.midpoint(beyond);
            match send(vec![padded(serial, SHORT, middle)]).status {
                202 => most = middle,
                400 => beyond = middle,
                other => panic!("{other}"),
            }
        }
        let before = captured(&town);
        let of_lot = |serial: usize| observed(300 + serial, json!({ "epcList": ["lot:beiyuan/L1"] }));
        let events = [padded(200, SHORT, most), padded(200, LONG, most)].into_iter().chain((0..150).map(of_lot));
        let refused = send(events.collect()).expect(400).json();
        assert!(refused["detail_en"].as_str().unwrap().contains("longer than"), "{refused}");
        assert_eq!(captured(&town), before);
        town.check();
    }

    fn who_held_the_owing_post_judges_nothing_also_when_the_appointment_was_taken_back(town) {
        let admin = town.program(User::Admin);
        town.holder("wei", &[BUREAU]);
        let clerk = town.holder("zhang", &[CLERK]);
        let manager = town.holder("before", &[MANAGER]);
        task(&town.browser(User::Leader), MANAGER, BUREAU).expect(201);
        step(&manager, TASK, json!({ "verb": "taken", "by": MANAGER })).expect(201);
        let before = json!({ "post": MANAGER, "account": "before", "until": "2026-03-09" });
        admin.post("/api/registry/leavings", &before).expect(201);
        let held = |from: &str| json!({ "post": MANAGER, "account": "wei", "from": from });
        let left = |until: &str| json!({ "post": MANAGER, "account": "wei", "until": until });
        // What was taken back before its first day never was.
        admin.post("/api/registry/holdings", &held("2026-03-20")).expect(201);
        admin.post("/api/registry/leavings", &left("2026-03-19")).expect(201);
        admin.post("/api/registry/holdings", &held("2026-03-10")).expect(201);
        step(&town.holder_again("wei"), TASK, json!({ "verb": "helper_added", "helper": CLERK })).expect(201);
        hand_in(&town, &clerk, TASK, CLERK).expect(201);
        admin.post("/api/registry/leavings", &left("2026-03-09")).expect(201);
        step(&town.holder_again("wei"), TASK, json!({ "verb": "accepted" })).expect(403);
        // Nobody else is kept from it.
        admin.post("/api/registry/leavings", &json!({ "post": BUREAU, "account": "wei", "until": "2026-03-10" })).expect(201);
        town.holder("zhou", &[]);
        admin.post("/api/registry/holdings", &json!({ "post": BUREAU, "account": "zhou", "from": "2026-03-11" })).expect(201);
        town.clock.advance_ms(24 * 3_600_000);
        step(&town.holder_again("zhou"), TASK, json!({ "verb": "accepted" })).expect(201);
        town.check();
    }

    fn what_was_never_held_keeps_nobody_from_judging(town) {
        let admin = town.program(User::Admin);
        town.holder("wei", &[BUREAU]);
        let clerk = town.holder("zhang", &[CLERK]);
        task(&town.browser(User::Leader), CLERK, BUREAU).expect(201);
        let leave = |who: &str| {
            let left = json!({ "post": CLERK, "account": who, "until": "2026-03-19" });
            admin.post("/api/registry/leavings", &left).expect(201);
        };
        leave("zhang");
        admin.post("/api/registry/holdings", &json!({ "post": CLERK, "account": "wei", "from": "2026-03-20" })).expect(201);
        leave("wei");
        step(&clerk, TASK, json!({ "verb": "taken", "by": CLERK })).expect(201);
        hand_in(&town, &clerk, TASK, CLERK).expect(201);
        step(&town.holder_again("wei"), TASK, json!({ "verb": "accepted" })).expect(201);
        town.check();
    }

    fn a_code_is_used_up_by_what_was_done_with_it_alone(town) {
        let owner = owner(&town, User::Leader);
        let (kernel, account) = (&town.site.kernel, AccountId::new(&owner.name).unwrap());
        for _ in 0..9 {
            let code = owner.code(&town);
            kernel.renew_recovery_codes(&account, owner.password, &code).unwrap();
            town.clock.advance_ms(60_000);
        }
        // Refused as done too often, before the code is looked at: a wrong one is not counted either.
        for code in ["000000".to_owned(), owner.code(&town)] {
            let refused = kernel.renew_recovery_codes(&account, owner.password, &code).map(drop);
            assert!(matches!(refused, Err(AppendError::Refused(AdminError::CodesOften(_)))), "{refused:?}");
        }
        town.check();
    }

    fn the_org_tree_is_the_same_step_by_step_as_of_all_rows(town) {
        let admin = town.program(User::Admin);
        let post = |path: &str, body: Value| admin.post(&format!("/api/registry/{path}"), &body).expect(201);
        post("units", json!({ "code": "kaifa", "parent": "371402", "level": "other", "title_zh": "开发区", "title_en": "Zone" }));
        post("units", json!({ "code": "kaifa-market", "parent": "kaifa", "level": "market", "title_zh": "市场", "title_en": "Market" }));
        post("posts", json!({ "post": "post:kaifa-market/manager", "unit": "kaifa-market", "title_zh": "经理", "title_en": "Manager" }));
        town.holder("wei", &["post:kaifa-market/manager"]);
        post("leavings", json!({ "post": "post:kaifa-market/manager", "account": "wei", "until": "2026-03-09" }));
        post("holdings", json!({ "post": "post:kaifa-market/manager", "account": "wei", "from": "2026-03-12" }));
        let post = SubjectId::new("post:kaifa-market/manager").unwrap();
        assert_eq!(town.site.kernel.tree().unwrap().holdings(&post).len(), 2);
        // The check compares what was followed with all rows.
        town.check();
    }
}
