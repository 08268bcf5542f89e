use epcis::{Document, Limits, event_hash};
use serde_json::{Value, json};

fn object_event() -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", { "ex": "https://ex.example/" }],
        "type": "ObjectEvent", "action": "ADD",
        "eventTime": "2021-12-10T08:31:22.000+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": ["urn:epc:id:sgtin:0614141.112345.400"], "bizStep": "commissioning",
        "readPoint": { "id": "urn:epc:id:sgln:0614141.12345.0" }
    })
}

fn refusal(value: Value) -> String {
    Document::from_value(value, &Limits::default()).expect_err("a refusal").to_string()
}

/// Sets one member of a good event, or removes it with null, and compares the refusal.
fn check(name: &str, value: Value, expected: &str) {
    let mut event = object_event();
    let members = event.as_object_mut().expect("an object");
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    assert_eq!(refusal(event), expected);
}

#[test]
fn a_good_event_is_accepted() {
    Document::from_value(object_event(), &Limits::default()).expect("a good event");
}

#[test]
fn every_broken_rule_names_the_path_and_the_rule() {
    check("@context", Value::Null, "@context: is required");
    check("type", Value::Null, "type: is required");
    check("type", json!(7), "type: must be a text");
    check("eventTime", Value::Null, "eventTime: is required");
    check("action", Value::Null, "action: is required");
    check("action", json!("add"), "action: \"add\" is not one of ADD, OBSERVE, DELETE");
    check(
        "eventTime",
        json!("2021-12-10T08:31:22"),
        "eventTime: \"2021-12-10T08:31:22\" is not a date and time with an offset, such as 2021-12-10T08:31:22.000+08:00",
    );
    check("eventTime", json!(1), "eventTime: must be a text");
    check(
        "eventTimeZoneOffset",
        json!("Z"),
        "eventTimeZoneOffset: \"Z\" is not an offset from -14:00 to +14:00, such as +08:00",
    );
    check(
        "bizStep",
        json!("weighing"),
        "bizStep: \"weighing\" is neither a word of the CBV 2.0 business steps nor a URI of another vocabulary",
    );
    check(
        "disposition",
        json!(""),
        "disposition: \"\" is neither a word of the CBV 2.0 dispositions nor a URI of another vocabulary",
    );
    check("epcList", json!("x"), "epcList: must be a list");
    check("epcList", json!(["x"]), "epcList[0]: \"x\" is not an absolute URI");
    check(
        "epcList",
        json!(["urn:a:b", "urn:epc:id:sgtin:1.2.3"]),
        "epcList[1]: \"urn:epc:id:sgtin:1.2.3\" is not an EPC URN of a GS1 key",
    );
    check(
        "epcList",
        Value::Null,
        ": needs at least one of epcList, quantityList, sensorElementList with readPoint",
    );
    check("readPoint", json!("urn:a:b"), "readPoint: must be an object");
    check("readPoint", json!({}), "readPoint.id: is required");
    check("grade", json!("A"), "grade: \"grade\" is neither a member of this object nor has it a namespace");
    check(
        "childEPCs",
        json!([]),
        "childEPCs: \"childEPCs\" is neither a member of this object nor has it a namespace",
    );
    check(
        "ilmd",
        json!({ "lot": 1 }),
        "ilmd.lot: \"lot\" is neither a member of this object nor has it a namespace",
    );
    check("errorDeclaration", json!({}), "errorDeclaration.declarationTime: is required");
    check("sourceList", json!([{ "source": "urn:a:b" }]), "sourceList[0].type: is required");
    check("persistentDisposition", json!({}), "persistentDisposition: needs at least one of set, unset");
    check(
        "sensorElementList",
        json!([{ "sensorReport": [{ "type": "Temperature", "value": "26" }] }]),
        "sensorElementList[0].sensorReport[0].value: must be a number",
    );
}

#[test]
fn rules_beyond_the_schema_name_the_path_and_the_rule() {
    let sensor = |report: Value, expected: &str| {
        check(
            "sensorElementList",
            json!([{ "sensorReport": [report] }]),
            &format!("sensorElementList[0].{expected}"),
        );
    };
    sensor(json!({ "value": 1 }), "sensorReport[0].type: is required");
    sensor(
        json!({ "type": "Temperature", "value": 1, "uom": "KGM" }),
        "sensorReport[0].uom: KGM is no unit of Temperature",
    );
    sensor(
        json!({ "type": "gs1:Speed", "value": 1, "uom": "CEL" }),
        "sensorReport[0].uom: CEL is no unit of Speed",
    );
    sensor(json!({ "type": "Mass", "percRank": 5 }), "sensorReport[0].percRank: needs percValue beside it");
    sensor(json!({ "type": "Mass", "percValue": 5 }), "sensorReport[0].percValue: needs percRank beside it");
    sensor(
        json!({ "type": "Mass", "percValue": 5, "percRank": 101 }),
        "sensorReport[0].percRank: must be from 0 to 100",
    );
    sensor(json!({ "type": "Mass", "sDev": -1 }), "sensorReport[0].sDev: must not be negative");
    sensor(
        json!({ "type": "Mass", "minValue": 2, "maxValue": 1 }),
        "sensorReport[0].minValue: exceeds maxValue",
    );
    sensor(
        json!({ "type": "Mass", "hexBinaryValue": "f0f" }),
        "sensorReport[0].hexBinaryValue: must be pairs of hexadecimal digits",
    );
    let metadata =
        json!({ "startTime": "2021-12-10T08:00:00.5Z", "endTime": "2021-12-10T16:00:00.49+08:00" });
    check(
        "sensorElementList",
        json!([{ "sensorMetadata": metadata, "sensorReport": [{ "type": "Mass" }] }]),
        "sensorElementList[0].sensorMetadata.startTime: comes after endTime",
    );
    check(
        "persistentDisposition",
        json!({ "set": ["active", "damaged"], "unset": ["urn:epcglobal:cbv:disp:damaged"] }),
        "persistentDisposition.set[1]: stands in set and in unset",
    );
    check(
        "persistentDisposition",
        json!({ "set": ["active", "active"] }),
        "persistentDisposition.set[1]: stands twice",
    );
    check("epcList", json!(["urn:a:b", "urn:a:c", "urn:a:b"]), "epcList[2]: stands twice");
    check(
        "epcList",
        json!(["urn:epc:class:lgtin:4012345.012345.998877"]),
        "epcList[0]: \"urn:epc:class:lgtin:4012345.012345.998877\" names a class, where single things are named",
    );
    check(
        "quantityList",
        json!([{ "epcClass": "urn:epc:id:sgtin:0614141.112345.400" }]),
        "quantityList[0].epcClass: \"urn:epc:id:sgtin:0614141.112345.400\" names a single thing, where classes are named",
    );
    check("ex:note", json!("\u{1}"), "ex:note: holds a control character, which no XML document can");
    check(
        "ilmd",
        json!({ "epcis:lot": 1 }),
        "ilmd.epcis:lot: \"epcis:lot\" is neither a member of this object nor has it a namespace",
    );
}

#[test]
fn contexts_that_have_to_be_fetched_or_turn_the_standard_around_are_refused() {
    let standard = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
    check(
        "@context",
        json!([standard, "https://evil.example/c.jsonld"]),
        "@context: \"https://evil.example/c.jsonld\" lies elsewhere and is not fetched; declare its terms in the document",
    );
    check(
        "@context",
        json!([standard, { "bizStep": "https://evil.example/" }]),
        "@context: \"bizStep\" is a term of the standard or of URIs, which no context may define anew",
    );
    for prefix in ["cbv", "dcterms", "epcis", "gs1", "owl", "rdfs", "xsd"] {
        for other in [json!("https://evil.example/"), json!({ "@id": "https://evil.example/" }), Value::Null]
        {
            check(
                "@context",
                json!([standard, { prefix: other }]),
                &format!(
                    "@context: {prefix:?} is a term of the standard or of URIs, which no context may define anew"
                ),
            );
        }
    }
    let inside = |context: Value| json!([1, { "ex:b": [{ "@context": context, "ex:c": 1 }] }]);
    for (context, expected) in [
        (json!(["00", "01"]), "\"00\" lies elsewhere and is not fetched; declare its terms in the document"),
        (
            json!({ "bizStep": "urn:a:b" }),
            "\"bizStep\" is a term of the standard or of URIs, which no context may define anew",
        ),
        (json!({ "p": "n".repeat(257) }), "exceeds 256 bytes in a term or namespace"),
    ] {
        check("ex:a", inside(context), &format!("ex:a[1].ex:b[0].@context: {expected}"));
    }
    let mut event = object_event();
    event["ex:a"] = inside(json!([standard, { "p": "https://ns.example/" }]));
    Document::from_value(event, &Limits::default()).expect("terms of an extension's own");
    check("@context", json!([[standard]]), "@context: must be a URI, an object of terms, or a list of both");
    let own = json!([standard, {
        "@vocab": "https://vocab.example/", "grade": { "@id": "https://g.example/#g" },
        "cbv": "https://ref.gs1.org/cbv/", "gs1": { "@id": "https://gs1.org/voc/" }, "cbvmda": "https://mda.example/"
    }]);
    let mut event = object_event();
    event["@context"] = own;
    event["grade"] = json!("A");
    event["anything"] = json!(1);
    let document =
        Document::from_value(event.clone(), &Limits::default()).expect("terms that the document defines");
    let xml = document.to_xml(&crate::generated::STYLE);
    let back = Document::parse_xml(xml.as_bytes(), &Limits::default()).expect("a document");
    assert_eq!(epcis::equal_in_meaning(&event, &back.to_value()), Ok(()));
}

#[test]
fn quantities_follow_their_units() {
    let quantity = |q: Value, expected: &str| {
        let mut element = json!({ "epcClass": "urn:epc:class:lgtin:4012345.012345.998877" });
        element.as_object_mut().expect("an object").extend(q.as_object().expect("an object").clone());
        check("quantityList", json!([element]), expected);
    };
    quantity(json!({ "quantity": "3", "uom": "KGM" }), "quantityList[0].quantity: must be a number");
    quantity(json!({ "quantity": -1 }), "quantityList[0].quantity: must not be negative");
    quantity(
        json!({ "quantity": 1.5 }),
        "quantityList[0].quantity: a quantity without uom counts instances and must be a whole number",
    );
    quantity(json!({ "uom": "KGM" }), "quantityList[0].quantity: is required");
    quantity(
        json!({ "quantity": 1, "uom": "kilo" }),
        "quantityList[0].uom: \"kilo\" is not a unit code of two or three letters and digits",
    );
}

#[test]
fn parents_and_children_follow_the_action() {
    let event = |changes: Value| {
        let mut event = json!({
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            "type": "AggregationEvent", "eventTime": "2021-12-10T08:31:22Z", "eventTimeZoneOffset": "+08:00"
        });
        event.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        Document::from_value(event, &Limits::default()).err().map(|error| error.to_string())
    };
    let child = json!(["urn:epc:id:sscc:0614141.1234567890"]);
    assert_eq!(event(json!({ "action": "OBSERVE", "childEPCs": child })), None);
    assert_eq!(event(json!({ "action": "DELETE", "parentID": "urn:a:b" })), None);
    assert_eq!(
        event(json!({ "action": "ADD", "childEPCs": child })).as_deref(),
        Some("parentID: is required")
    );
    let childless = Some(": needs at least one of childEPCs, childQuantityList");
    assert_eq!(event(json!({ "action": "ADD", "parentID": "urn:a:b" })).as_deref(), childless);
    let own = json!(["urn:a:c", "urn:a:b"]);
    assert_eq!(
        event(json!({ "action": "ADD", "parentID": "urn:a:b", "childEPCs": own })).as_deref(),
        Some("childEPCs[1]: is its own parent")
    );
    let other = json!({ "type": "AssociationEvent", "action": "OBSERVE", "childEPCs": child });
    assert_eq!(event(other).as_deref(), Some("parentID: is required"));
}

#[test]
fn malformed_text_is_refused_with_a_reason() {
    let parse = |text: &[u8]| Document::parse(text, &Limits::default()).expect_err("a refusal").to_string();
    assert!(parse(b"").starts_with(": is not JSON"));
    assert!(parse(b"{\"a\":\xff}").starts_with(": is not JSON"));
    assert!(parse(b"{\"type\":1e999}").starts_with(": is not JSON: number out of range"));
    assert_eq!(parse(b"[]"), ": must be an object");
    assert_eq!(parse(b"null"), ": must be an object");
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    assert!(parse(&deep).ends_with("[0]: exceeds 32 levels of nesting"));
}

#[test]
fn limits_are_enforced_at_their_path() {
    let mut deep = json!(1);
    for _ in 0..32 {
        deep = json!([deep]);
    }
    let mut event = object_event();
    event["ex:deep"] = deep;
    assert!(refusal(event).ends_with("exceeds 32 levels of nesting"));
    check("ex:long", json!("x".repeat(8 * 1024 + 1)), "ex:long: exceeds 8192 bytes in a text");
    check("epcList", Value::Array(vec![json!("urn:a:b"); 20_001]), "epcList: exceeds 20000 items in a list");
    // How long an event is counts before anything else of it: here a word stands in both lists as well.
    let words =
        |of: &str| (0..3_000).map(|n| format!("{of}:{n}")).chain(["urn:a:b".into()]).collect::<Vec<_>>();
    let dispositions = json!({ "set": words("a"), "unset": words("b") });
    check("persistentDisposition", dispositions, ": exceeds 49152 bytes in an event");
    let document = json!({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2021-12-10T08:31:22Z",
        "epcisBody": { "eventList": vec![object_event(); 1_001] }
    });
    assert_eq!(refusal(document), "epcisBody.eventList: exceeds 1000 events in a document");
}

#[test]
fn wrong_types_in_every_place_are_refused_and_never_panic() {
    let wrong = [json!(null), json!(true), json!(1e300), json!(""), json!([[[]]]), json!({ "": {} })];
    let base = json!({
        "@context": [], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2021-12-10T08:31:22Z",
        "epcisHeader": { "epcisMasterData": { "vocabularyList": [{ "type": "urn:a:b", "vocabularyElementList": [
            { "id": "urn:a:b", "attributes": [{ "id": "urn:a:c", "attribute": 1 }], "children": ["urn:a:d"] }] }] } },
        "epcisBody": { "eventList": [object_event()] }
    });
    Document::from_value(base.clone(), &Limits::default()).expect("a good document");
    let mut pointers = Vec::new();
    collect(&base, String::new(), &mut pointers);
    let mut refused = 0;
    for pointer in &pointers {
        for value in &wrong {
            let mut changed = base.clone();
            *changed.pointer_mut(pointer).expect("a place") = value.clone();
            refused += usize::from(Document::from_value(changed, &Limits::default()).is_err());
        }
    }
    // A few wrong values are right somewhere: any list is a list of EPCs when empty, any value an attribute.
    assert!(refused > pointers.len() * wrong.len() * 3 / 4, "{refused} of {}", pointers.len() * wrong.len());
}

fn collect(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                collect(inner, format!("{at}/{}", name.replace('/', "~1")), out);
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                collect(inner, format!("{at}/{i}"), out);
            }
        }
        _ => {}
    }
    if !at.is_empty() {
        out.push(at);
    }
}

#[test]
fn hostile_events_are_refused_or_hashed_and_do_not_panic() {
    let hash = |value: Value| event_hash(value.as_object().expect("an object"), &Value::Null);
    assert!(hash(object_event()).is_ok());
    assert!(hash(json!({})).is_err());
    for text in [
        "urn:epc:id:sgtin:1.\u{663}4.5",
        "urn:epc:id:sgtin:..",
        "https://a/01/\u{663}",
        "urn:epc:",
        "1e999",
        "\n",
    ] {
        hash(json!({ "type": "ObjectEvent", "ex:a": text, "epcList": [text], "eventTime": text }))
            .expect("a hash");
    }
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!({ "ex:a": deep });
    }
    assert!(hash(json!({ "type": "ObjectEvent", "ex:a": deep })).is_err());
}
