//! How much one answer or delivery holds, also when more comes to fit while it is under way, and of events of many values.

use super::receiver::{Receiver, Teller};
use super::standing::{QUERIES, query};
use super::subscriptions::capture;
use super::*;

const ATTRIBUTE: &str = "https://ns.example/watched";

/// Says of a place that it is watched.
fn watch(town: &Town, client: &Client, place: &str) {
    let mut said = document(&town.now(), json!([]));
    let element = json!({ "id": place, "attributes": [{ "id": ATTRIBUTE, "attribute": "yes" }] });
    said["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [
        { "type": "urn:epcglobal:epcis:vtype:ReadPoint", "vocabularyElementList": [element] }
    ] } });
    send(client, &said).expect(202);
}

fn at(town: &Town, client: &Client, place: &str, serials: std::ops::Range<usize>) -> Vec<String> {
    let id = |serial: usize| format!("urn:uuid:{serial:05}");
    let event =
        |serial: usize| observed(serial, json!({ "eventID": id(serial), "readPoint": { "id": place } }));
    let sent: Vec<Value> = serials.clone().map(event).collect();
    send(client, &document(&town.now(), sent.into())).expect(202);
    serials.map(id).collect()
}

on_every_store! {
    fn what_comes_to_fit_while_a_batch_is_under_way_makes_it_no_longer_than_one_document(town) {
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        at(&town, &supplier, "urn:x:p", 0..50);
        let mut expected = at(&town, &supplier, "urn:x:q", 50..51);
        expected.extend(at(&town, &supplier, "urn:x:p", 51..201));
        watch(&town, &supplier, "urn:x:q");
        supplier.post(QUERIES, &query("watched", json!({ "HASATTR_readPoint": [ATTRIBUTE] }))).expect(201);
        let stream = json!({ "dest": receiver.address(), "stream": true, "initialRecordTime": "2020-01-01T00:00:00Z" });
        let path = supplier.post(&format!("{QUERIES}/watched/subscriptions"), &stream).expect(201).header("location").to_owned();
        receiver.answer(503);
        let _teller = Teller::start(&town);
        let in_vain = || supplier.get(&path).json()["delivery"]["fault"] == json!({ "kind": "refused", "code": 503 });
        crate::outside::wait_until("an attempt in vain", in_vain);
        watch(&town, &supplier, "urn:x:p");
        receiver.answer(204);
        town.clock.advance_ms(1_000);
        assert_eq!(receiver.wait_for_events(expected.len()), expected, "from the first that fitted on, each once");
        let counts: Vec<usize> = receiver.hooks().iter().map(receiver::Hook::count).collect();
        assert_eq!(counts, [1, 100, 51]);
        town.check();
    }

    fn short_values_weigh_what_they_take_in_memory(town) {
        const SENT: usize = 20;
        let (receiver, supplier) = (Receiver::start(), town.program(User::Supplier));
        // Half a MiB each by their values, and 4 KB as they are written.
        let event = |serial: usize| observed(serial, json!({ "ex:sample": vec![1; 2_000] }));
        let sent: Vec<Value> = (0..SENT).map(event).collect();
        send(&supplier, &document(&town.now(), sent.into())).expect(202);
        let (mut path, mut counts) = (format!("{EVENTS}?perPage=1000"), Vec::new());
        loop {
            let page = supplier.get(&path);
            counts.push(events(&page).len());
            let link = page.header("link");
            let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else { break };
            path = next.strip_prefix(town.site.base.as_str()).unwrap().to_owned();
        }
        assert_eq!(counts, [8, 8, 4]);
        supplier.post(QUERIES, &query("all", json!({}))).expect(201);
        let stream = json!({ "dest": receiver.address(), "stream": true, "initialRecordTime": "2020-01-01T00:00:00Z" });
        supplier.post(&format!("{QUERIES}/all/subscriptions"), &stream).expect(201);
        let _teller = Teller::start(&town);
        receiver.wait_for_events(SENT);
        assert!(receiver.hooks().iter().all(|hook| hook.count() <= 2));
        let few = capture(&town, &supplier, 100..=199);
        assert_eq!(receiver.wait_for_events(SENT + few.len())[SENT..], few);
        assert_eq!(receiver.hooks().last().unwrap().count(), 100, "ordinary ones come as before");
        town.check();
    }

    fn an_answer_is_sorted_from_so_many_values(town) {
        let supplier = town.program(User::Supplier).with("gs1-extensions", "ex=https://ns.example/");
        let event = |serial: usize| observed(serial, json!({ "ex:a": serial, "ex:b": (0..980).collect::<Vec<_>>() }));
        let sent = |serials: std::ops::Range<usize>| {
            let many: Vec<Value> = serials.map(event).collect();
            send(&supplier, &document(&town.now(), many.into())).expect(202);
        };
        let ask = || supplier.get(&format!("{EVENTS}?orderBy=ex:a&orderDirection=ASC&perPage=5"));
        sent(0..150);
        let first: Vec<Value> = events(&ask()).iter().map(|event| event["ex:a"].clone()).collect();
        assert_eq!(first, [0, 1, 2, 3, 4]);
        sent(150..210);
        problem(&ask(), 413, "QueryTooComplexException");
        assert_eq!(events(&supplier.get(&format!("{EVENTS}?perPage=5"))).len(), 5);
    }
}
