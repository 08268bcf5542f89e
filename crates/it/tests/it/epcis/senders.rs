//! Which book a document goes to, and who sees what came from whom.

use super::*;

on_every_store! {
    fn a_document_goes_to_the_only_book_or_the_one_that_is_named(town) {
        let (city, supplier) = (town.program(User::CitySupplier), town.program(User::Supplier));
        let sent = document(&town.now(), json!([observed(1, json!({}))]));
        let before = town.fingerprint();
        let refused = problem(&send(&city, &sent), 400, "ValidationException");
        assert_eq!((&refused["field"], &refused["books"]), (&json!("book"), &json!(["beiyuan", "xihai"])));
        problem(&supplier.post(&format!("{CAPTURE}?book=xihai"), &sent), 403, "SecurityException");
        problem(&city.post(&format!("{CAPTURE}?book=nowhere"), &sent), 404, "NoSuchResourceException");
        assert_eq!(town.fingerprint(), before);
        let location = city.post(&format!("{CAPTURE}?book=xihai"), &sent).expect(202).header("location").to_owned();
        send(&supplier, &document(&town.now(), json!([observed(2, json!({}))]))).expect(202);
        let tracer = town.program(User::Tracer);
        assert_eq!(events(&tracer.get(EVENTS)).len(), 2);
        assert_eq!(events(&tracer.get(&format!("{EVENTS}?book=xihai"))).len(), 1);
        assert_eq!(events(&city.get(EVENTS)).len(), 1);
        assert_eq!(events(&supplier.get(EVENTS)).len(), 1);
        city.get(&location).expect(200);
        problem(&supplier.get(&location), 404, "NoSuchResourceException");
        assert_eq!(city.get(CAPTURE).json().as_array().unwrap().len(), 1);
        // An outside system sees and does nothing else.
        for path in ["/api/market/beiyuan/lots", "/api/ledger/beiyuan/0", "/scale/v1/state", "/api/trace?subject=lot:beiyuan/L1&direction=forward&book=beiyuan"] {
            supplier.get(path).expect(403);
        }
    }

    fn a_sender_sees_what_it_sent_and_nothing_of_another(town) {
        let (ours, theirs) = (town.program(User::Supplier), town.program(User::Supplier));
        let sent = |client: &Client, serial: usize, id: &str| {
            let event = observed(serial, json!({ "eventID": id, "readPoint": { "id": format!("urn:x:{id}") } }));
            send(client, &document(&town.now(), json!([event]))).expect(202).header("location").to_owned()
        };
        let (our_job, their_job) = (sent(&ours, 1, "urn:uuid:ours"), sent(&theirs, 2, "urn:uuid:theirs"));
        for (client, own, job, other, other_job) in [
            (&ours, "urn:uuid:ours", &our_job, "urn:uuid:theirs", &their_job),
            (&theirs, "urn:uuid:theirs", &their_job, "urn:uuid:ours", &our_job),
        ] {
            let ids = |query: &str| -> Vec<String> {
                let found = events(&client.get(&format!("{EVENTS}?{query}")));
                found.iter().map(|event| event["eventID"].as_str().unwrap().to_owned()).collect()
            };
            for query in ["", "EQ_bizStep=shipping", "MATCH_epc=urn:epc:idpat:sgtin:0614141.112345.*", "orderBy=recordTime", "maxEventCount=1"] {
                assert_eq!(ids(query), [own], "{query}");
            }
            for query in [format!("EQ_eventID={other}"), format!("EQ_readPoint=urn:x:{other}")] {
                assert_eq!(ids(&query), Vec::<String>::new(), "{query}");
            }
            client.get(&format!("{EVENTS}/{}", encoded(own))).expect(200);
            problem(&client.get(&format!("{EVENTS}/{}", encoded(other))), 404, "NoSuchResourceException");
            client.get(job).expect(200);
            problem(&client.get(other_job), 404, "NoSuchResourceException");
            assert_eq!(client.get(CAPTURE).json().as_array().unwrap().len(), 1);
        }
        for overseer in [User::Operator, User::Inspector, User::Leader, User::Auditor, User::Tracer] {
            assert_eq!(events(&town.program(overseer).get(EVENTS)).len(), 2, "{overseer:?}");
        }
        assert_eq!(town.program(User::Operator).get(CAPTURE).json().as_array().unwrap().len(), 2);
        problem(&town.program(User::Tracer).get(CAPTURE), 403, "SecurityException");
        town.check();
    }

    fn who_sends_on_behalf_of_a_cooperative_goes_on_seeing_it_with_another_credential(town) {
        let sent = document(&town.now(), json!([observed(1, json!({}))]));
        let job = send(&town.program(User::Cooperative), &sent).expect(202).header("location").to_owned();
        let renewed = town.program(User::Cooperative);
        assert_eq!(events(&renewed.get(EVENTS)).len(), 1);
        renewed.get(&job).expect(200);
        assert_eq!(events(&town.program(User::Supplier).get(EVENTS)).len(), 0);
        town.check();
    }
}
