//! What outside systems send, and what becomes of it.

use super::*;

on_every_store! {
    fn a_capture_job_tells_what_became_of_a_document_and_outlives_the_server(town) {
        let supplier = town.program(User::Supplier);
        let sent = document(&town.now(), json!([observed(1, json!({})), observed(2, json!({}))]));
        let first = send(&supplier, &sent).expect(202);
        let location = first.header("location").to_owned();
        let expected = json!({
            "captureID": location.strip_prefix("/epcis/capture/").unwrap(), "createdAt": town.now(), "finishedAt": town.now(),
            "running": false, "success": true, "captureErrorBehaviour": "rollback", "errors": [],
        });
        assert_eq!(supplier.get(&location).expect(200).json(), expected);
        for _ in 0..4 {
            town.clock.advance_ms(1_000);
            send(&supplier, &sent).expect(202);
        }
        let (mut told, mut path) = (Vec::new(), format!("{CAPTURE}?perPage=2"));
        loop {
            let page = supplier.get(&path).expect(200);
            told.extend(page.json().as_array().unwrap().clone());
            let link = page.header("link");
            let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else { break };
            path = next.strip_prefix(town.site.base.as_str()).unwrap().to_owned();
        }
        assert_eq!(told.len(), 5);
        assert_eq!(told.last(), Some(&expected), "newest first");
        problem(&supplier.get(&format!("{CAPTURE}?nextPageToken=x")), 400, "QueryParameterException");
        problem(&supplier.get(&format!("{CAPTURE}?perPage=0")), 400, "QueryParameterException");
        problem(&supplier.get(&format!("{CAPTURE}/{}", "0".repeat(32))), 404, "NoSuchResourceException");
        town.check();

        let clock = town.clock.clone();
        let place = town.close();
        let site = Site::serve(&place.config(), place.store(), clock.clone());
        let town = Town { site, clock, place };
        assert_eq!(town.program(User::Operator).get(&location).expect(200).json(), expected);
    }

    fn one_bad_event_refuses_the_document_unless_it_asks_to_proceed(town) {
        let supplier = town.program(User::Supplier);
        let taken = observed(9, json!({ "eventID": "urn:uuid:taken" }));
        send(&supplier, &document(&town.now(), json!([taken]))).expect(202);
        let all = [
            (without(observed(2, json!({})), "eventTime"), 400, "ValidationException", "body"),
            (observed(2, json!({ "type": "HarvestEvent" })), 400, "ValidationException", "body"),
            (observed(2, json!({ "eventTime": "2026-03-10T09:00:00+08:00" })), 400, "ValidationException", "future-time"),
            (observed(2, json!({ "eventID": "urn:uuid:taken" })), 409, "ResourceAlreadyExistsException", "exists"),
            (observed(2, json!({ "eventID": "entry:xihai/0" })), 409, "ResourceAlreadyExistsException", "exists"),
        ];
        for (bad, status, name, rule) in &all {
            let before = town.fingerprint();
            let jobs = supplier.get(CAPTURE).json();
            let sent = document(&town.now(), json!([observed(1, json!({})), bad, observed(3, json!({}))]));
            let refused = problem(&send(&supplier, &sent), *status, name);
            assert_eq!(refused["index"], 1, "{refused}");
            assert_eq!(problem(&send(&supplier.with("gs1-capture-error-behaviour", "rollback"), &sent), *status, name), refused);
            assert_eq!((town.fingerprint(), supplier.get(CAPTURE).json()), (before, jobs), "nothing of it is recorded: {bad}");
            let job = send(&supplier.with("gs1-capture-error-behaviour", "proceed"), &sent).expect(202);
            let job = supplier.get(job.header("location")).expect(200).json();
            assert_eq!((&job["success"], &job["captureErrorBehaviour"]), (&json!(false), &json!("proceed")));
            let errors = job["errors"].as_array().unwrap();
            assert_eq!(errors.len(), 1, "{job}");
            assert_eq!((&errors[0]["index"], &errors[0]["rule"]), (&json!(1), &json!(rule)), "{job}");
            assert_eq!(errors[0]["type"], format!("epcisException:{name}"), "{job}");
        }
        assert_eq!(events(&supplier.get(EVENTS)).len(), 3, "the good ones, once");
        town.check();
    }

    fn what_cannot_be_taken_is_refused_and_changes_no_entry(town) {
        let supplier = town.program(User::Supplier);
        let (anyone, inspector) = (town.program(User::Anonymous), town.program(User::Inspector));
        send(&supplier, &document(&town.now(), json!([observed(1, json!({}))]))).expect(202);
        let before = town.fingerprint();
        let sound = document(&town.now(), json!([observed(2, json!({}))]));
        let text = sound.to_string();
        for body in ["", "{", "[]", "null", &text[1..], &text[..text.len() - 1], &format!("{text}x"), &text.replace("EPCISDocument", "Letter")] {
            problem(&supplier.post_bytes(CAPTURE, LD, body.as_bytes()), 400, "ValidationException");
        }
        problem(&supplier.post_bytes(CAPTURE, LD, &[0xff, 0xfe]), 400, "ValidationException");
        problem(&supplier.post_bytes(CAPTURE, LD, text.replace("shipping", "ship\\u0000ping").as_bytes()), 400, "ValidationException");
        problem(&supplier.post_bytes(CAPTURE, LD, bare(observed(2, json!({}))).to_string().as_bytes()), 400, "ValidationException");
        let deep = text.replace("\"OBSERVE\"", &format!("{}1{}", "[".repeat(200), "]".repeat(200)));
        problem(&supplier.post_bytes(CAPTURE, LD, deep.as_bytes()), 400, "ValidationException");
        for media in ["text/plain", "application/vnd.api+json", ""] {
            problem(&supplier.post_bytes(CAPTURE, media, text.as_bytes()), 415, "UnsupportedMediaTypeException");
        }
        for (name, value, status, exception) in [
            ("gs1-capture-error-behaviour", "all", 400, "ValidationException"),
            ("gs1-capture-error-behaviour", "Proceed", 400, "ValidationException"),
            ("gs1-epcis-version", "1.2", 406, "NotAcceptableException"),
            ("gs1-cbv-version", "two", 406, "NotAcceptableException"),
        ] {
            problem(&send(&supplier.with(name, value), &sound), status, exception);
        }
        let many: Vec<Value> = (0..=EVENTS_PER_CAPTURE_MAX).map(|n| observed(n, json!({}))).collect();
        let answer = send(&supplier, &document(&town.now(), many.into()));
        problem(&answer, 413, "CaptureLimitExceededException");
        assert_eq!(answer.header("gs1-epcis-capture-limit"), EVENTS_PER_CAPTURE_MAX.to_string());
        assert_eq!(answer.header("gs1-epcis-capture-file-size-limit"), REQUEST_BYTES_MAX.to_string());
        assert_eq!(supplier.status_of_promise(CAPTURE, LD, REQUEST_BYTES_MAX as u64 + 1), 413);
        problem(&supplier.post(&format!("{CAPTURE}?books=beiyuan"), &sound), 400, "ValidationException");
        problem(&anyone.post(CAPTURE, &sound), 401, "SecurityException");
        for credential in ["", "tz1_00_00"] {
            anyone.bearer(credential).post(CAPTURE, &sound).expect(401);
        }
        problem(&inspector.post(CAPTURE, &sound), 403, "SecurityException");
        assert_eq!(town.fingerprint(), before);
    }

    fn an_id_is_as_long_as_every_database_indexes_it(town) {
        let supplier = town.program(User::Supplier);
        // Different signs, since databases shorten what repeats itself.
        let id = |count: u32| format!("urn:x:ab{}", (0..count).filter_map(|n| char::from_u32(0x4e00 + n * 7)).collect::<String>());
        let named = |id: String, members: Value| {
            let mut event = observed(1, members);
            event["eventID"] = id.into();
            document("2026-03-10T08:00:00+08:00", json!([observed(2, json!({})), event]))
        };
        let before = town.fingerprint();
        for count in [169, 1_900] {
            let problem = problem(&send(&supplier, &named(id(count), json!({}))), 400, "ValidationException");
            assert!(problem["field"].as_str().unwrap().ends_with("eventID"), "{problem}");
        }
        assert_eq!(town.fingerprint(), before);
        assert_eq!(id(168).len(), 512);
        send(&supplier, &named(id(168), json!({}))).expect(202);
        let error = json!({ "errorDeclaration": { "declarationTime": "2026-03-02T08:00:00+08:00" } });
        send(&supplier, &named(id(168), error)).expect(202);
        assert_eq!(events(&supplier.get(&format!("{EVENTS}/{}", encoded(&id(168))))).len(), 2);
        town.check();
    }

    fn a_single_event_is_captured_once_and_another_under_its_id_is_a_conflict(town) {
        let supplier = town.program(User::Supplier);
        let event = bare(observed(1, json!({ "eventID": "ni:///sha-256;00?ver=CBV2.0", "ex:grade": "A" })));
        let answer = supplier.post_bytes(EVENTS, LD, event.to_string().as_bytes()).expect(201);
        assert_eq!(answer.header("location"), "/epcis/events/ni%3A%2F%2F%2Fsha-256%3B00%3Fver%3DCBV2.0");
        assert_eq!(answer.json(), event);
        let before = town.fingerprint();
        let again = supplier.post(EVENTS, &event).expect(201);
        assert_eq!(again.header("location"), answer.header("location"));
        let mut other = event.clone();
        other["ex:grade"] = "B".into();
        assert_eq!(problem(&supplier.post(EVENTS, &other), 409, "ResourceAlreadyExistsException")["field"], "eventID");
        problem(&supplier.post(EVENTS, &document(&town.now(), json!([event]))), 400, "ValidationException");
        problem(&supplier.post(EVENTS, &without(event.clone(), "@context")), 400, "ValidationException");
        problem(&supplier.post(EVENTS, &without(event.clone(), "eventTime")), 400, "ValidationException");
        problem(&supplier.post_bytes(EVENTS, "text/plain", event.to_string().as_bytes()), 415, "UnsupportedMediaTypeException");
        assert_eq!(town.fingerprint(), before);
        let found = supplier.get(answer.header("location")).expect(200);
        equal_in_meaning(&event, &found.json()).unwrap();
        let unnamed = supplier.post(EVENTS, &without(event, "eventID")).expect(201);
        assert!(unnamed.json()["eventID"].as_str().unwrap().starts_with("ni:///sha-256;"));
        assert_eq!(events(&supplier.get(unnamed.header("location"))).len(), 1);
        problem(&supplier.get(&format!("{EVENTS}/urn:uuid:none")), 404, "NoSuchResourceException");
    }
}
