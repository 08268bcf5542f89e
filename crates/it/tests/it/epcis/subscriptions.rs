//! Subscriptions by webhook: what is told to whom, when, and what happens when nobody takes it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::access::Grant;
use harness::{Engine, MARKETS, Place};
use kernel::{Kernel, NewToken, entries};
use line_market::kinds::{EndReason, SubscriptionEnded, SubscriptionStopped};

use super::receiver::{Receiver, Teller};
use super::standing::{QUERIES, query};
use super::*;
use crate::crash::Server;
use crate::outside::wait_until;

const SECRET: &str = "13df38d8275b13f05704629e5f1cf3d45d6132d5";

pub fn capture(town: &Town, client: &Client, serials: impl IntoIterator<Item = usize>) -> Vec<String> {
    let serials: Vec<usize> = serials.into_iter().collect();
    let id = |serial: &usize| format!("urn:uuid:{serial:05}");
    let sent: Vec<Value> =
        serials.iter().map(|serial| observed(*serial, json!({ "eventID": id(serial) }))).collect();
    send(client, &document(&town.now(), sent.into())).expect(202);
    serials.iter().map(id).collect()
}

/// Names a query that asks everything, and subscribes to it; the path of the subscription.
fn subscribe(client: &Client, name: &str, body: Value) -> String {
    client.post(QUERIES, &query(name, json!({}))).expect(201);
    let answer = client.post(&format!("{QUERIES}/{name}/subscriptions"), &body).expect(201);
    answer.header("location").to_owned()
}

/// Why subscriptions ended, in order.
fn ends(town: &Town) -> Vec<EndReason> {
    let kinds = ["market.subscription.ended"];
    let read = town.site.kernel.read(|tx| entries::latest(tx, &town.book(), &kinds, None, 1000)).unwrap();
    read.iter().rev().map(|entry| entry.body::<SubscriptionEnded>().unwrap().reason).collect()
}

on_every_store! {
    fn a_stream_tells_every_new_event_in_order_signed_and_under_its_names(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        capture(&town, &supplier, [1]);
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "signatureToken": SECRET, "stream": true }));
        let _teller = Teller::start(&town);
        let sent = [capture(&town, &supplier, 2..=3), capture(&town, &supplier, 4..=4)].concat();
        assert_eq!(receiver.wait_for_events(3), sent);
        let first = receiver.taken().remove(0);
        assert!(first.is_signed_with(SECRET) && !first.is_signed_with("another secret of 24"), "{}", first.header("gs1-signature"));
        let told = first.json();
        let results = &told["epcisBody"]["queryResults"];
        assert_eq!((&results["queryName"], results["subscriptionID"].as_str()), (&json!("all"), path.rsplit('/').next()));
        assert_eq!(told["id"], format!("urn:uuid:{}", first.header("webhook-id")));
        assert_eq!((first.header("content-type"), first.header("gs1-epcis-version")), ("application/json", "2.0.0"));
        epcis::Document::from_value(told.clone(), &epcis::Limits::default()).expect("a valid document");
        assert!(first.events()[0]["recordTime"].is_string());
        let view = supplier.get(&path).expect(200).json();
        assert_eq!((&view["dest"], &view["stream"], &view["schedule"], &view["delivery"]), (&json!(receiver.address()), &json!(true), &Value::Null, &Value::Null));
        assert_eq!(view["lastNotifiedAt"], town.now());
        assert!(!view.to_string().contains(SECRET));
        town.check();
    }

    fn what_cannot_be_subscribed_is_refused_by_its_name_and_no_secret_is_told(town) {
        let supplier = town.program(User::Supplier);
        supplier.post(QUERIES, &query("all", json!({}))).expect(201);
        supplier.post(QUERIES, &query("few", json!({ "maxEventCount": 5 }))).expect(201);
        let tracer = town.program(User::Tracer);
        let before = town.fingerprint();
        let dest = "https://client.example/hooks";
        for (name, body, exception, field) in [
            ("all", json!({ "dest": dest }), "SubscriptionControlsException", "stream"),
            ("all", json!({ "dest": dest, "stream": false }), "SubscriptionControlsException", "stream"),
            ("all", json!({ "dest": dest, "stream": true, "schedule": { "hour": "1" } }), "SubscriptionControlsException", "stream"),
            ("all", json!({ "dest": dest, "schedule": {} }), "SubscriptionControlsException", "schedule"),
            ("all", json!({ "dest": dest, "schedule": { "hour": "24" } }), "SubscriptionControlsException", "schedule.hour"),
            ("all", json!({ "dest": dest, "schedule": { "dayOfMonth": "31", "month": "2" } }), "SubscriptionControlsException", "schedule.dayOfMonth"),
            ("all", json!({ "dest": dest, "stream": true, "reportIfEmpty": true }), "SubscriptionControlsException", "reportIfEmpty"),
            ("few", json!({ "dest": dest, "stream": true }), "SubscriptionControlsException", "query"),
            ("all", json!({ "dest": "ftp://client.example/", "stream": true }), "ValidationException", "dest"),
            ("all", json!({ "dest": "https://client.example/?token=1", "stream": true }), "ValidationException", "dest"),
            ("all", json!({ "dest": "https://u:p@client.example/", "stream": true }), "ValidationException", "dest"),
            ("all", json!({ "dest": dest, "stream": true, "signatureToken": "short-secret" }), "ValidationException", "signatureToken"),
            ("all", json!({ "dest": dest, "stream": true, "signatureToken": 987_654_321_u64 }), "ValidationException", "signatureToken"),
            ("all", json!({ "dest": dest, "stream": true, "initialRecordTime": "yesterday" }), "ValidationException", "initialRecordTime"),
            ("all", json!({ "dest": dest, "stream": true, "schedule": { "weekday": "1" } }), "ValidationException", "schedule.weekday"),
            ("all", json!({ "stream": true }), "ValidationException", ""),
            ("all", json!({ "dest": dest, "stream": true, "minRecordTime": town.now() }), "ValidationException", "minRecordTime"),
        ] {
            let answer = supplier.post(&format!("{QUERIES}/{name}/subscriptions"), &body);
            assert_eq!(problem(&answer, 400, exception)["field"], field, "{body}");
            assert!(!answer.text().contains("short-secret") && !answer.text().contains("987654321"), "{}", answer.text());
        }
        let stream = json!({ "dest": dest, "stream": true });
        problem(&supplier.post(&format!("{QUERIES}/none/subscriptions"), &stream), 404, "NoSuchNameException");
        problem(&tracer.post(&format!("{QUERIES}/all/subscriptions"), &stream), 404, "NoSuchNameException");
        problem(&supplier.get(&format!("{QUERIES}/all/subscriptions/none")), 404, "NoSuchResourceException");
        assert_eq!(town.fingerprint(), before);
        for _ in 0..20 {
            supplier.post(&format!("{QUERIES}/all/subscriptions"), &stream).expect(201);
        }
        assert_eq!(supplier.post(&format!("{QUERIES}/all/subscriptions"), &stream).expect(400).json()["rule"], "too-many");
        town.check();
    }

    fn a_dead_receiver_that_comes_back_gets_everything_in_order_and_once(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "signatureToken": SECRET, "stream": true }));
        let _teller = Teller::start(&town);
        receiver.answer(0);
        let mut sent = capture(&town, &supplier, 1..=150);
        // Its wait tells an attempt that has ended in vain from one that is under way.
        let waits = |seconds: i64| {
            let view = supplier.get(&path).expect(200).json();
            view["delivery"]["nextAttemptAt"] == town.site.kernel.now().plus_ms(seconds * 1_000).to_string()
        };
        // Waits grow; nothing is tried before they are over.
        for (attempt, status) in [0, 0, 503, 302, 500].into_iter().enumerate() {
            wait_until("an attempt in vain", || waits(1 << attempt));
            assert_eq!(receiver.hooks().len(), attempt + 1);
            receiver.answer(status);
            sent.extend(capture(&town, &supplier, [200 + attempt]));
            town.clock.advance_ms(1_000 << attempt);
        }
        wait_until("an attempt in vain", || waits(32));
        let view = supplier.get(&path).json();
        assert_eq!((&view["delivery"]["attempts"], &view["delivery"]["fault"]), (&json!(6), &json!({ "kind": "refused", "code": 500 })));
        assert_eq!(view.get("lastNotifiedAt"), None);
        receiver.answer(204);
        town.clock.advance_ms(32_000);
        assert_eq!(receiver.wait_for_events(sent.len()), sent);
        // What was tried again came under the same identity, with the same events.
        let hooks = receiver.hooks();
        assert!(hooks[..7].iter().all(|hook| hook.header("webhook-id") == hooks[0].header("webhook-id") && hook.ids() == hooks[0].ids()));
        assert_ne!(hooks[7].header("webhook-id"), hooks[0].header("webhook-id"));
        assert!(hooks.iter().all(|hook| hook.events().len() <= 100 && hook.is_signed_with(SECRET)));
        wait_until("the trouble to be over", || supplier.get(&path).json().get("delivery").is_none());
        town.check();
    }

    fn a_receiver_that_asks_for_less_gets_less_and_one_that_is_gone_nothing_more(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "stream": true }));
        receiver.take_at_most(10);
        let _teller = Teller::start(&town);
        let sent = capture(&town, &supplier, 1..=60);
        assert_eq!(receiver.wait_for_events(60), sent);
        assert!(receiver.taken().iter().all(|hook| hook.header("gs1-signature").is_empty()), "nothing is signed without a secret");
        receiver.answer(410);
        capture(&town, &supplier, [70]);
        wait_until("its end", || supplier.get(&path).status == 404);
        assert_eq!(ends(&town), [EndReason::ReceiverGone]);
        let count = receiver.hooks().len();
        capture(&town, &supplier, [71]);
        subscribe(&supplier, "another", json!({ "dest": receiver.address(), "stream": true }));
        assert_eq!(receiver.hooks().len(), count);
        town.check();
    }

    fn a_subscription_begins_where_its_subscriber_says(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        capture(&town, &supplier, [1]);
        town.clock.advance_ms(60_000);
        let from = town.now();
        let mut sent = capture(&town, &supplier, 2..=3);
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "stream": true, "initialRecordTime": from }));
        let _teller = Teller::start(&town);
        sent.extend(capture(&town, &supplier, [4]));
        assert_eq!(receiver.wait_for_events(3), sent);
        assert_eq!(supplier.get(&path).json()["initialRecordTime"], from);
        town.check();
    }

    fn a_schedule_tells_at_its_moments_what_came_since_the_last_one(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        let (quiet, all) = (json!({ "minute": "[0-59]" }), json!({ "minute": "30", "second": "0" }));
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "schedule": all, "reportIfEmpty": true }));
        let silent = Receiver::start();
        let other = subscribe(&supplier, "quiet", json!({ "dest": silent.address(), "schedule": quiet }));
        let _teller = Teller::start(&town);
        let first = capture(&town, &supplier, 1..=120);
        let moved = |ms: i64, next: &str| {
            town.clock.advance_ms(ms);
            wait_until("the moment to be told", || {
                let kept = town.site.kernel.read(|tx| tx.query("select next_at from market_delivery", &[])?.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()).unwrap();
                kept.contains(&base::Time::parse(next).unwrap().0)
            });
        };
        moved(60_000, "2026-03-10T08:02:00+08:00");
        assert_eq!((receiver.hooks().len(), silent.ids()), (0, first.clone()));
        moved(29 * 60_000, "2026-03-10T09:30:00+08:00");
        assert_eq!(receiver.ids(), first);
        assert_eq!(supplier.get(&path).json()["minRecordTime"], town.now());
        let told = receiver.hooks().len();
        // Nothing new: one says so, the other is silent; a moment that was slept through is told once.
        moved(3 * 60 * 60_000, "2026-03-10T12:30:00+08:00");
        let hooks = receiver.hooks();
        assert_eq!((hooks.len(), hooks.last().unwrap().events().len()), (told + 1, 0));
        assert_eq!(silent.ids(), first);
        let second = capture(&town, &supplier, 200..=201);
        moved(60 * 60_000, "2026-03-10T13:30:00+08:00");
        assert_eq!(receiver.ids(), [first, second].concat());
        assert_eq!(supplier.get(&other).json()["schedule"], json!({ "minute": "[0-59]" }));
        town.check();
    }

    fn one_is_told_of_the_books_where_it_may_subscribe_not_of_all_that_it_may_query(town) {
        let grant = |role: &str, unit: &str| Grant { role: role.into(), unit: UnitCode::new(unit).unwrap(), line: Some("market".into()), subject: None };
        let token = NewToken {
            title: "two".into(),
            unit: UnitCode::new("371400").unwrap(),
            grants: vec![grant("tracer", MARKETS[0].1), grant("auditor", MARKETS[1].1)],
            expires: None,
        };
        let issued = town.site.kernel.issue_token(&base::ActorId::new("system:test").unwrap(), token).unwrap();
        let two = town.site.client().bearer(&issued.credential.unwrap());
        let (supplier, city, receiver) = (town.program(User::Supplier), town.program(User::CitySupplier), Receiver::start());
        subscribe(&two, "all", json!({ "dest": receiver.address(), "stream": true }));
        let elsewhere = document(&town.now(), vec![observed(2, json!({ "eventID": "urn:uuid:00002" }))].into());
        city.post_bytes(&format!("{CAPTURE}?book={}", MARKETS[1].0), LD, elsewhere.to_string().as_bytes()).expect(202);
        assert_eq!(events(&two.get("/epcis/events")).len(), 1);
        let _teller = Teller::start(&town);
        let here = capture(&town, &supplier, [1, 3]);
        assert_eq!(receiver.wait_for_events(2), here);
        capture(&town, &supplier, [4]);
        assert_eq!(receiver.wait_for_events(3)[2], "urn:uuid:00004");
        town.check();
    }

    fn each_is_told_what_it_may_see_and_nothing_once_its_right_is_gone(town) {
        let (ours, theirs) = (town.program(User::Supplier), town.program(User::Supplier));
        let (our_hook, their_hook, all_hook) = (Receiver::start(), Receiver::start(), Receiver::start());
        let issued = issue(&town, User::Tracer);
        let tracer = town.site.client().bearer(&issued.1);
        let stream = |receiver: &Receiver| json!({ "dest": receiver.address(), "stream": true });
        let our_path = subscribe(&ours, "all", stream(&our_hook));
        subscribe(&theirs, "all", stream(&their_hook));
        subscribe(&tracer, "all", stream(&all_hook));
        let _teller = Teller::start(&town);
        let (our_ids, their_ids) = (capture(&town, &ours, 1..=2), capture(&town, &theirs, 3..=4));
        assert_eq!(our_hook.wait_for_events(2), our_ids);
        assert_eq!(their_hook.wait_for_events(2), their_ids);
        assert_eq!(all_hook.wait_for_events(4), [our_ids, their_ids].concat());
        problem(&theirs.get(&our_path), 404, "NoSuchResourceException");
        problem(&theirs.send("DELETE", &our_path, None, &[]).unwrap(), 404, "NoSuchResourceException");
        // A credential that is revoked is told nothing more.
        town.site.kernel.revoke_token(&base::ActorId::new("system:test").unwrap(), &issued.0).unwrap();
        let later = capture(&town, &ours, [5]);
        wait_until("the end of the tracer's subscription", || ends(&town) == [EndReason::RightLost]);
        assert_eq!(our_hook.wait_for_events(3)[2..], later);
        assert_eq!(all_hook.ids().len(), 4);
        // Nor does a subscription outlive its query.
        ours.send("DELETE", &our_path, None, &[]).unwrap().expect(204);
        theirs.send("DELETE", &format!("{QUERIES}/all"), None, &[]).unwrap().expect(204);
        assert_eq!(ends(&town), [EndReason::RightLost, EndReason::Unsubscribed, EndReason::QueryDropped]);
        capture(&town, &theirs, [6]);
        capture(&town, &ours, [7]);
        town.clock.advance_ms(60_000);
        assert_eq!((our_hook.ids().len(), their_hook.ids().len()), (3, 2));
        let kept = |table: &str| town.site.kernel.read(|tx| tx.query_one(&format!("select count(*) from {table}"), &[])?.unwrap().int(0)).unwrap();
        for table in ["market_subscription", "market_delivery", "market_delivery_cursor", "market_signature"] {
            assert_eq!(kept(table), 0, "{table}");
        }
        town.check();
    }

    fn what_webhooks_of_administrators_may_reach_subscriptions_may_not(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "stream": true }));
        let network = |text: &str| notices::Network::try_from(text.to_owned()).unwrap();
        let port = receiver.address().rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
        let tell = |subscriptions: &[&str]| {
            let mut config = town.place.config();
            config.notices.webhook_networks = vec![network("127.0.0.0/8")];
            config.notices.subscription_networks = subscriptions.iter().copied().map(network).collect();
            Teller::configured(&town, &config)
        };
        let sent = capture(&town, &supplier, [1]);
        for others in [&[][..], &["127.0.0.1:1"]] {
            let _teller = tell(others);
            wait_until("the attempt in vain", || supplier.get(&path).json()["delivery"]["fault"]["kind"] == "address_forbidden");
        }
        assert_eq!(receiver.hooks().len(), 0);
        let _teller = tell(&[&format!("127.0.0.1:{port}")]);
        town.clock.advance_ms(3_600_000);
        assert_eq!(receiver.wait_for_events(1), sent);
    }

    fn a_webhook_never_reaches_inside_and_its_secret_stands_in_no_entry(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "signatureToken": SECRET, "stream": true }));
        let _teller = Teller::reaching(&town, Vec::new());
        capture(&town, &supplier, [1]);
        wait_until("the attempt in vain", || supplier.get(&path).json()["delivery"]["fault"]["kind"] == "address_forbidden");
        assert_eq!(receiver.hooks().len(), 0);
        let entries = town.site.kernel.read(|tx| entries::entries_from(tx, &town.book(), base::Seq(0), 5_000)).unwrap();
        assert!(entries.iter().any(|stored| stored.entry.body.as_deref().is_some_and(|body| body.contains(&receiver.address()))));
        assert!(entries.iter().all(|stored| stored.entry.body.as_deref().is_none_or(|body| !body.contains(SECRET))));
        // Where somebody is told is not for every reader of the book.
        let opened = entries.iter().find(|stored| stored.entry.kind.as_str() == "market.subscription.opened").unwrap();
        let entry = format!("/api/ledger/beiyuan/{}", opened.entry.seq);
        assert_eq!(town.program(User::Leader).get(&entry).expect(200).json()["withheld"], "market.epcis.subscribe");
        // An entry that is erased is no subscription any more.
        let erased = json!({ "reason": "x", "legal_basis": "x" });
        town.program(User::Admin).post(&format!("{entry}/erase"), &erased).expect(201);
        problem(&supplier.get(&path), 404, "NoSuchResourceException");
        town.check();
    }

    fn identifiers_are_spelled_as_the_subscriber_asked(town) {
        let supplier = town.program(User::Supplier);
        supplier.post(QUERIES, &query("all", json!({}))).expect(201);
        let path = format!("{QUERIES}/all/subscriptions");
        let (urn, link) = ("urn:epc:id:sgtin:0614141.112345.1", "https://id.gs1.org/01/06901234567892/21/7");
        let (as_link, as_urn) = ("https://id.gs1.org/01/10614141123459/21/1", "urn:epc:id:sgtin:6901234.056789.7");
        let cases = [
            (None, "Always_GS1_Digital_Link", [as_link, link]),
            (Some("Always_GS1_Digital_Link"), "Always_GS1_Digital_Link", [as_link, link]),
            (Some("Always_EPC_URN"), "Always_EPC_URN", [urn, as_urn]),
            (Some("Never_Translates"), "Never_Translates", [urn, link]),
            (Some("No_Preference"), "Never_Translates", [urn, link]),
        ];
        let _teller = Teller::start(&town);
        let receivers = cases.map(|(asked, told, _)| {
            let receiver = Receiver::start();
            let asking = asked.map_or(supplier.clone(), |asked| supplier.with("gs1-epc-format", asked));
            let view = asking.post(&path, &json!({ "dest": receiver.address(), "stream": true })).expect(201).json();
            assert_eq!(view["epcFormat"], told);
            assert_eq!(supplier.get(&format!("{path}/{}", view["subscriptionID"].as_str().unwrap())).expect(200).json()["epcFormat"], told);
            receiver
        });
        let event = observed(1, json!({ "eventID": "urn:uuid:1", "epcList": [urn, link] }));
        send(&supplier, &document(&town.now(), json!([event]))).expect(202);
        for (receiver, (_, told, epcs)) in receivers.iter().zip(cases) {
            receiver.wait_for_events(1);
            let hook = receiver.taken().remove(0);
            assert_eq!((hook.events()[0]["epcList"].clone(), hook.header("gs1-epc-format")), (json!(epcs), told));
            epcis::Document::from_value(hook.json(), &epcis::Limits::default()).expect("a valid document");
        }
        for (name, value) in [("gs1-epc-format", "Sometimes"), ("gs1-cbv-xml-format", "Sometimes"), ("gs1-cbv-min", "2.1"), ("gs1-epcis-max", "1.2")] {
            let answer = supplier.with(name, value).post(&path, &json!({ "dest": "https://client.example/hooks", "stream": true }));
            assert_eq!(problem(&answer, 406, "NotAcceptableException")["field"], name);
        }
        town.check();
    }

    fn two_servers_on_one_database_tell_each_batch_once_at_a_time_and_in_order(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        subscribe(&supplier, "all", json!({ "dest": receiver.address(), "signatureToken": SECRET, "stream": true }));
        let other = another_kernel(&town);
        receiver.pause(Duration::from_millis(5));
        let _tellers = [Teller::start(&town), Teller::of(&town, &other)];
        let sent: Vec<String> = (0..60).flat_map(|round| capture(&town, &supplier, round * 3..round * 3 + 3)).collect();
        assert_eq!(receiver.wait_for_events(sent.len()), sent);
        assert_eq!((receiver.waiting_max(), receiver.hooks().len()), (1, receiver.taken().len()));
        town.check();
    }

    fn a_server_that_comes_back_too_late_settles_nothing(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        subscribe(&supplier, "all", json!({ "dest": receiver.address(), "stream": true }));
        let other = another_kernel(&town);
        let pause = Duration::from_secs(2);
        receiver.pause(pause);
        let _tellers = [Teller::start(&town), Teller::of(&town, &other)];
        let first = capture(&town, &supplier, [1]);
        wait_until("the first attempt", || receiver.hooks().len() == 1);
        // Its lease is over before it is answered: the other one takes the batch, under the same identity.
        town.clock.advance_ms(60_000);
        wait_until("the second attempt", || receiver.hooks().len() == 2);
        let second = capture(&town, &supplier, [2]);
        receiver.wait_for_events(3);
        let hooks = receiver.hooks();
        assert_eq!(hooks[0].header("webhook-id"), hooks[1].header("webhook-id"));
        assert_eq!([hooks[0].ids(), hooks[1].ids(), hooks[2].ids()], [first.clone(), first, second]);
        assert!(hooks[2].at >= hooks[1].at + pause, "what comes next waits for the claim that counts");
        town.check();
    }

    fn a_receiver_that_takes_nothing_for_a_month_is_told_no_more_until_its_owner_resumes(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "stream": true }));
        let _teller = Teller::start(&town);
        receiver.answer(503);
        let mut sent = capture(&town, &supplier, [1]);
        let began = town.now();
        let day = 24 * 60 * 60_000;
        wait_for_vain(&town, &supplier, &path, 1, "refused");
        town.clock.advance_ms(30 * day - 1);
        wait_for_vain(&town, &supplier, &path, 2, "refused");
        assert_eq!(supplier.get(&path).json().get("stoppedAt"), None);
        town.clock.advance_ms(day);
        wait_until("the stop", || supplier.get(&path).json()["stoppedAt"] == town.now());
        let view = supplier.get(&path).expect(200).json();
        assert_eq!(view["delivery"], json!({ "attempts": 3, "fault": { "kind": "refused", "code": 503 } }));
        let stopped = town.site.kernel.read(|tx| entries::latest(tx, &town.book(), &["market.subscription.stopped"], None, 9)).unwrap();
        let stopped: Vec<SubscriptionStopped> = stopped.iter().map(|entry| entry.body().unwrap()).collect();
        assert_eq!((stopped.len(), stopped[0].since.to_string()), (1, began));
        // Nothing is tried any more, also by a server that starts anew.
        let attempts = receiver.hooks().len();
        receiver.answer(204);
        sent.extend(capture(&town, &supplier, [2]));
        town.clock.advance_ms(100 * day);
        let _another = Teller::start(&town);
        sent.extend(capture(&town, &supplier, [3]));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(receiver.hooks().len(), attempts);
        let resume = format!("{path}/resume");
        problem(&town.program(User::Supplier).send("POST", &resume, None, &[]).unwrap(), 404, "NoSuchNameException");
        for _ in 0..2 {
            supplier.send("POST", &resume, None, &[]).unwrap().expect(204);
        }
        assert_eq!(receiver.wait_for_events(3), sent);
        assert_eq!(receiver.hooks()[attempts].header("webhook-id"), receiver.hooks()[0].header("webhook-id"));
        wait_until("the trouble to be over", || supplier.get(&path).json().get("delivery").is_none());
        assert_eq!(supplier.get(&path).json().get("stoppedAt"), None);
        problem(&supplier.send("POST", &format!("{QUERIES}/all/subscriptions/none/resume"), None, &[]).unwrap(), 404, "NoSuchResourceException");
        town.check();
    }

    fn a_query_that_cannot_be_answered_is_told_once_and_goes_on_when_it_can(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        let path = subscribe(&supplier, "all", json!({ "dest": receiver.address(), "signatureToken": SECRET, "stream": true }));
        let define = |definition: &str| {
            let definition = definition.to_owned();
            let changed = town.site.kernel.append_blocking(move |desk| {
                desk.aside("update market_query set definition = $1", vec![store::Value::Text(definition.clone())]);
                Ok::<_, kernel::AppendError<()>>(())
            });
            changed.unwrap();
        };
        define("{\"EQ_nothing_known\":1}");
        // Whoever was not there is told again, and whoever was told is not.
        receiver.answer(503);
        let _teller = Teller::start(&town);
        let sent = capture(&town, &supplier, [1]);
        wait_for_vain(&town, &supplier, &path, 1, "refused");
        receiver.answer(204);
        town.clock.advance_ms(1_000);
        wait_for_vain(&town, &supplier, &path, 2, "internal");
        town.clock.advance_ms(2_000);
        wait_for_vain(&town, &supplier, &path, 3, "internal");
        let hooks = receiver.hooks();
        assert_eq!(hooks.len(), 2);
        let told = hooks[1].json();
        assert_eq!((&told["type"], &told["status"]), (&json!("epcisException:ImplementationException"), &json!(500)));
        assert_eq!((&told["queryName"], told["subscriptionID"].as_str()), (&json!("all"), path.rsplit('/').next()));
        assert!(hooks[1].is_problem() && hooks[1].is_signed_with(SECRET));
        define("{}");
        town.clock.advance_ms(4_000);
        assert_eq!(receiver.wait_for_events(1), sent);
        wait_until("the trouble to be over", || supplier.get(&path).json().get("delivery").is_none());
    }
}

/// Waits until the last of so many attempts has ended in vain: its wait tells it from one that is under way.
fn wait_for_vain(town: &Town, client: &Client, path: &str, attempts: u32, kind: &str) {
    wait_until("an attempt in vain", || {
        let delivery = client.get(path).json()["delivery"].clone();
        let next = town.site.kernel.now().plus_ms(1_000 << (attempts - 1)).to_string();
        delivery["attempts"] == attempts
            && delivery["fault"]["kind"] == kind
            && delivery["nextAttemptAt"] == next
    });
}

/// Another server's kernel on the town's database; the same one where a database has one server.
fn another_kernel(town: &Town) -> Arc<Kernel> {
    if town.place.engine == Engine::Sqlite {
        return town.site.kernel.clone();
    }
    let around = taizhang::Surroundings {
        clock: town.clock.clone(),
        entropy: harness::seeded(7),
        signer: harness::signer(&town.place.config().name),
    };
    taizhang::open_kernel(&town.place.config(), town.place.store(), around).unwrap()
}

/// A credential of such a user, with its token's name.
fn issue(town: &Town, user: User) -> (String, String) {
    let issued = town.issue(user);
    let token = issued.actor.as_str().strip_prefix("token:").unwrap().to_owned();
    (token, issued.credential.unwrap())
}

/// The server is killed in the middle of telling, twice.
fn survive(place: Place) {
    let town = Town::on(place);
    let credential = issue(&town, User::Supplier).1;
    let place = town.close();
    let receiver = Receiver::start();
    let reach = "[notices]\nsubscription_networks = [\"127.0.0.1\"]\ntimeout_seconds = 1\n";
    let mut server = Server::configured(&place, reach);
    let client = Client::new(&server.base).bearer(&credential);
    subscribe(
        &client,
        "all",
        json!({ "dest": receiver.address(), "signatureToken": SECRET, "stream": true }),
    );
    let mut sent = Vec::new();
    for round in 0..60 {
        let client = Client::new(&server.base).bearer(&credential);
        let serials = round * 7..round * 7 + 7;
        let ids: Vec<String> = serials.clone().map(|serial| format!("urn:uuid:{serial:05}")).collect();
        let events: Vec<Value> =
            serials.zip(&ids).map(|(serial, id)| observed(serial, json!({ "eventID": id }))).collect();
        send(&client, &document("2026-03-10T08:00:00+08:00", events.into())).expect(202);
        sent.extend(ids);
        if round % 25 == 20 {
            server.kill();
            server = Server::configured(&place, reach);
        }
    }
    // What a kill cut off comes again, so that each counts once.
    let distinct = || receiver.ids().into_iter().collect::<std::collections::HashSet<_>>().len();
    wait_until("every event", || distinct() >= sent.len());
    let hooks = receiver.taken();
    let mut told = std::collections::HashSet::new();
    let first: Vec<_> =
        hooks.iter().filter(|hook| told.insert(hook.header("webhook-id").to_owned())).collect();
    let ids: Vec<String> = first.iter().flat_map(|hook| hook.ids()).collect();
    assert_eq!(ids, sent, "every event once, in order, but for deliveries that came again");
    assert!(hooks.iter().all(|hook| hook.is_signed_with(SECRET)));
    eprintln!(
        "{} events in {} deliveries, {} of them again",
        sent.len(),
        hooks.len(),
        hooks.len() - first.len()
    );
}

#[test]
fn a_server_that_is_killed_goes_on_where_its_receiver_was_told_on_sqlite() {
    survive(Engine::Sqlite.place().unwrap());
}

#[test]
fn a_server_that_is_killed_goes_on_where_its_receiver_was_told_on_postgresql() {
    if let Some(place) = Engine::Postgres.place() {
        survive(place);
    }
}

/// Prints how long it takes from the answer to a capture to the arrival at a receiver: `cargo test -p it --test it lag_from
/// -- --ignored --nocapture`.
#[test]
#[ignore = "it measures"]
fn lag_from_capture_to_webhook() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = engine.place() else { return };
        let town = Town::on(place);
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        subscribe(
            &supplier,
            "all",
            json!({ "dest": receiver.address(), "signatureToken": SECRET, "stream": true }),
        );
        let _teller = Teller::start(&town);
        let mut sent = Vec::new();
        for serial in 0..1_200 {
            let ids = capture(&town, &supplier, [serial]);
            sent.push((ids[0].clone(), Instant::now()));
            std::thread::sleep(Duration::from_millis(5));
        }
        receiver.wait_for_events(sent.len());
        let arrived: std::collections::HashMap<String, Instant> =
            receiver.taken().iter().flat_map(|hook| hook.ids().into_iter().map(|id| (id, hook.at))).collect();
        // The first ones warm it up.
        let mut lags: Vec<f64> = sent[100..]
            .iter()
            .map(|(id, at)| arrived[id].saturating_duration_since(*at).as_secs_f64() * 1_000.0)
            .collect();
        lags.sort_by(f64::total_cmp);
        let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize];
        println!(
            "{engine:?}: {} events one by one, {} deliveries, lag p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
            lags.len(),
            receiver.taken().len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}
