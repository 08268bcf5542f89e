use epcis::{Document, Event, Limits, Query};
use serde_json::{Value, json};

fn event(changes: Value) -> Event {
    let mut event = json!({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "ObjectEvent", "action": "ADD", "eventID": "urn:uuid:1",
        "eventTime": "2021-12-10T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": ["urn:epc:id:sgtin:0614141.112345.400"],
        "quantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.L1", "quantity": 2 }],
        "bizStep": "https://ref.gs1.org/cbv/BizStep-receiving", "disposition": "in_progress",
        "readPoint": { "id": "urn:epc:id:sgln:0614141.12345.0" }
    });
    event.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    event.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    Document::from_value(event, &Limits::default()).expect("an event").events.remove(0)
}

fn transformation() -> Event {
    event(json!({
        "type": "TransformationEvent", "action": null, "epcList": null, "quantityList": null, "bizStep": "commissioning",
        "inputEPCList": ["urn:epc:id:sgtin:0614141.112345.1"], "outputEPCList": ["urn:epc:id:sgtin:0614141.112345.2"],
        "inputQuantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.L1", "quantity": 1.5, "uom": "KGM" }]
    }))
}

const RECORDED_MS: i64 = 1_639_094_460_000;

fn check(event: &Event, pair: (&str, &str), expected: bool) {
    let query = Query::parse([pair]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(query.matches(event, RECORDED_MS), expected, "{pair:?}");
}

#[test]
fn every_parameter_takes_and_leaves_events() {
    let event = event(json!({}));
    for (name, right, wrong) in [
        ("eventType", "ObjectEvent|TransactionEvent", "AggregationEvent"),
        ("GE_eventTime", "2021-12-10T00:00:00Z", "2021-12-10T00:00:00.001Z"),
        ("LT_eventTime", "2021-12-10T00:00:00.001Z", "2021-12-10T00:00:00Z"),
        ("GE_recordTime", "2021-12-10T00:01:00Z", "2021-12-10T00:01:00.001Z"),
        ("LT_recordTime", "2021-12-10T00:01:01Z", "2021-12-10T00:01:00Z"),
        ("EQ_action", "OBSERVE|ADD", "DELETE"),
        ("EQ_bizStep", "urn:epcglobal:cbv:bizstep:receiving", "shipping"),
        ("EQ_disposition", "in_progress", "in_transit"),
        ("EQ_readPoint", "https://city.example/414/0614141123452", "urn:epc:id:sgln:0614141.12345.1"),
        ("EQ_eventID", "urn:uuid:2|urn:uuid:1", "urn:uuid:2"),
        ("MATCH_epc", "https://a.example/01/10614141123459/21/400", "urn:epc:id:sgtin:0614141.112345.4"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:0614141.112345.*", "urn:epc:idpat:sgtin:0614141.112346.*"),
        ("MATCH_anyEPC", "urn:epc:id:sgtin:0614141.112345.400", "urn:epc:class:lgtin:4012345.012345.L1"),
        ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.L1", "urn:epc:id:sgtin:0614141.112345.400"),
        ("MATCH_anyEPCClass", "urn:epc:idpat:sgtin:4012345.012345.*", "urn:epc:class:lgtin:4012345.012345.L"),
    ] {
        check(&event, (name, right), true);
        check(&event, (name, wrong), false);
    }
    for name in ["EQ_bizLocation", "MATCH_parentID", "MATCH_inputEPC", "MATCH_outputEPC"] {
        check(&event, (name, "urn:epc:id:sgtin:0614141.112345.400"), false);
    }
}

#[test]
fn inputs_and_outputs_are_told_apart() {
    let event = transformation();
    let (input, output) = ("urn:epc:id:sgtin:0614141.112345.1", "urn:epc:id:sgtin:0614141.112345.2");
    check(&event, ("MATCH_inputEPC", input), true);
    check(&event, ("MATCH_inputEPC", output), false);
    check(&event, ("MATCH_outputEPC", output), true);
    check(&event, ("MATCH_outputEPC", input), false);
    check(&event, ("MATCH_anyEPC", input), true);
    check(&event, ("MATCH_epc", input), false);
    check(&event, ("MATCH_inputEPCClass", "urn:epc:class:lgtin:4012345.012345.L1"), true);
    check(&event, ("MATCH_outputEPCClass", "urn:epc:class:lgtin:4012345.012345.L1"), false);
}

#[test]
fn all_parameters_must_hold_together() {
    let event = event(json!({}));
    let both = |step: &str| Query::parse([("EQ_action", "ADD"), ("EQ_bizStep", step)]).expect("a query");
    assert!(both("receiving").matches(&event, RECORDED_MS));
    assert!(!both("shipping").matches(&event, RECORDED_MS));
}

#[test]
fn wrong_parameters_are_refused_by_name() {
    let refusal =
        |pairs: &[(&str, &str)]| Query::parse(pairs.iter().copied()).expect_err("a refusal").to_string();
    assert_eq!(refusal(&[("EQ_colour", "red")]), "EQ_colour: is not a query parameter that is served here");
    assert_eq!(refusal(&[("perPage", "1"), ("perPage", "2")]), "perPage: stands twice");
    assert_eq!(refusal(&[("perPage", "0")]), "perPage: must be a whole number above zero");
    assert_eq!(refusal(&[("perPage", "1001")]), "perPage: exceeds 1000 events");
    assert_eq!(
        refusal(&[("maxEventCount", "3"), ("eventCountLimit", "3")]),
        "eventCountLimit: excludes maxEventCount"
    );
    assert_eq!(refusal(&[("EQ_action", "ADD|")]), "EQ_action: \"\" is not one of ADD, OBSERVE, DELETE");
    assert_eq!(refusal(&[("orderDirection", "asc")]), "orderDirection: \"asc\" is not one of ASC, DESC");
    assert_eq!(refusal(&[("MATCH_epc", "x")]), "MATCH_epc: \"x\" is not an absolute URI");
    assert!(
        refusal(&[("GE_eventTime", "2021-12-10")])
            .starts_with("GE_eventTime: \"2021-12-10\" is not a date and time")
    );
    assert_eq!(refusal(&[("MATCH_epc", &"urn:a:b|".repeat(300))]), "MATCH_epc: exceeds 200 values");
}
