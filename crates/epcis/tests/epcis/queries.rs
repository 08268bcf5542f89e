use epcis::query::{Element, MasterData, Scalar};
use epcis::{Context, Document, Limits, Query};
use serde_json::{Map, Value, json};

const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// An event that has something for every parameter.
fn observed() -> Map<String, Value> {
    event(json!({
        "@context": [STANDARD, { "ex": "https://ns.example/" }],
        "type": "ObjectEvent", "action": "ADD", "eventID": "urn:uuid:1",
        "eventTime": "2021-12-10T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": ["urn:epc:id:sgtin:0614141.112345.400"],
        "quantityList": [
            { "epcClass": "urn:epc:class:lgtin:4012345.012345.L1", "quantity": 2 },
            { "epcClass": "urn:epc:class:lgtin:4012345.012345.L2", "quantity": 1500, "uom": "GRM" },
        ],
        "bizStep": "https://ref.gs1.org/cbv/BizStep-commissioning", "disposition": "in_progress",
        "persistentDisposition": { "set": ["recalled"], "unset": ["conformant"] },
        "readPoint": { "id": "urn:epc:id:sgln:0614141.12345.0", "ex:gate": { "ex:side": "north" } },
        "bizLocation": { "id": "urn:epc:id:sgln:0614141.12346.0", "ex:floor": 2 },
        "bizTransactionList": [{ "type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:0614141073467:1152" }],
        "sourceList": [{ "type": "owning_party", "source": "urn:epc:id:pgln:4012345.00225" }],
        "destinationList": [{ "type": "ex:bay", "destination": "ex:bay7" }],
        "errorDeclaration": {
            "declarationTime": "2021-12-11T00:00:00Z", "reason": "incorrect_data", "correctiveEventIDs": ["urn:uuid:2"],
            "ex:by": { "ex:desk": "7" },
        },
        "sensorElementList": [{
            "ex:probe": { "ex:depth": 3 },
            "sensorMetadata": {
                "time": "2021-12-10T00:00:00Z", "startTime": "2021-12-09T00:00:00Z", "endTime": "2021-12-10T00:00:00Z",
                "deviceID": "urn:epc:id:giai:4000001.111", "bizRules": "https://ex.example/rules", "ex:firmware": "v7",
            },
            "sensorReport": [
                { "type": "Temperature", "value": 26.0, "minValue": 20, "maxValue": 30, "meanValue": 25, "sDev": 0.5,
                  "percRank": 50, "percValue": 24, "uom": "CEL", "dataProcessingMethod": "https://ex.example/mean",
                  "ex:cell": { "ex:row": 1 } },
                { "type": "gs1:AbsoluteHumidity", "microorganism": "https://ex.example/salmonella",
                  "chemicalSubstance": "https://ex.example/nitrate", "stringValue": "wet", "booleanValue": true,
                  "hexBinaryValue": "f0f0", "uriValue": "https://ex.example/x" },
            ],
        }],
        "ilmd": { "ex:grade": "A", "ex:yield": 12.5, "ex:harvest": { "ex:crew": ["red", "blue"] } },
        "ex:lane": [3, "left"], "ex:seen": "2021-12-10T08:00:00+08:00",
        "ex:door": { "ex:lock": { "ex:state": "shut" }, "ex:since": "2021-12-10T08:00:00+08:00" },
    }))
}

fn event(event: Value) -> Map<String, Value> {
    Document::from_value(event, &Limits::default()).expect("an event").events.remove(0).raw
}

fn master() -> MasterData {
    let place = |n: u32| format!("https://id.gs1.org/414/06141411234{n}");
    MasterData(vec![
        Element { id: place(69), children: vec![place(52)], ..Element::default() },
        Element { id: "urn:x:site".into(), children: vec![place(69)], ..Element::default() },
        Element {
            id: place(52),
            attributes: vec![("urn:epcglobal:cbv:mda#country".into(), Scalar::Text("CN".into()))],
            children: vec!["urn:x:site".into()],
        },
    ])
}

const RECORDED_MS: i64 = 1_639_094_460_000;

fn prefixes() -> Context {
    Context::read(&json!({ "p": "https://ns.example/" }))
}

#[track_caller]
fn check(event: &Map<String, Value>, pair: (&str, &str), expected: bool) {
    let query = Query::parse([pair], &prefixes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(query.matches(event, &Context::default(), RECORDED_MS, &master()), expected, "{pair:?}");
}

#[test]
fn every_parameter_takes_and_leaves_events() {
    let event = observed();
    for (name, right, wrong) in [
        ("eventType", "ObjectEvent|TransactionEvent", "AggregationEvent"),
        ("GE_eventTime", "2021-12-10T00:00:00Z", "2021-12-10T00:00:00.001Z"),
        ("LT_eventTime", "2021-12-10T00:00:00.001Z", "2021-12-10T00:00:00Z"),
        ("GE_recordTime", "2021-12-10T00:01:00Z", "2021-12-10T00:01:00.001Z"),
        ("LT_recordTime", "2021-12-10T00:01:01Z", "2021-12-10T00:01:00Z"),
        ("EQ_action", "OBSERVE|ADD", "DELETE"),
        ("EQ_bizStep", "urn:epcglobal:cbv:bizstep:commissioning", "shipping"),
        ("EQ_disposition", "in_progress", "in_transit"),
        ("EQ_persistentDisposition_set", "recalled", "conformant"),
        ("EQ_persistentDisposition_unset", "conformant|active", "recalled"),
        ("EQ_readPoint", "https://city.example/414/0614141123452", "urn:epc:id:sgln:0614141.12345.1"),
        ("EQ_bizLocation", "urn:epc:id:sgln:0614141.12346.0", "urn:epc:id:sgln:0614141.12345.0"),
        ("WD_readPoint", "urn:x:site", "urn:x:elsewhere"),
        ("WD_readPoint", "urn:epc:id:sgln:0614141.12346.0", "urn:epc:id:sgln:0614141.12347.0"),
        ("WD_bizLocation", "urn:epc:id:sgln:0614141.12346.0", "urn:x:nowhere"),
        ("EQ_eventID", "urn:uuid:2|urn:uuid:1", "urn:uuid:2"),
        (
            "EQ_bizTransaction_po",
            "urn:epcglobal:cbv:bt:0614141073467:1152",
            "urn:epcglobal:cbv:bt:0614141073467:1",
        ),
        ("EQ_source_owning_party", "https://id.gs1.org/417/4012345002256", "urn:epc:id:pgln:4012345.00226"),
        ("EQ_destination_p:bay", "p:bay7", "p:bay8"),
        ("MATCH_epc", "https://a.example/01/10614141123459/21/400", "urn:epc:id:sgtin:0614141.112345.4"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:0614141.112345.*", "urn:epc:idpat:sgtin:0614141.112346.*"),
        ("MATCH_anyEPC", "urn:epc:id:sgtin:0614141.112345.400", "urn:epc:class:lgtin:4012345.012345.L1"),
        ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.L1", "urn:epc:id:sgtin:0614141.112345.400"),
        ("MATCH_anyEPCClass", "urn:epc:idpat:sgtin:4012345.012345.*", "urn:epc:class:lgtin:4012345.012345.L"),
        ("EQ_quantity", "2", "3"),
        ("GT_quantity", "1499", "1500"),
        ("EQ_quantity_KGM", "1.5|7", "2"),
        ("GE_quantity_KGM", "1.5", "1.51"),
        ("LT_quantity_LBR", "3.4", "3.3"),
        ("LE_quantity_GRM", "1500", "1499.9"),
        ("EXISTS_errorDeclaration", "true", "EXISTS"),
        ("GE_errorDeclarationTime", "2021-12-11T00:00:00Z", "2021-12-11T00:00:01Z"),
        ("LT_errorDeclaration_Time", "2021-12-11T00:00:01Z", "2021-12-11T00:00:00Z"),
        ("EQ_errorReason", "https://ref.gs1.org/cbv/ER-incorrect_data", "did_not_occur"),
        ("EQ_correctiveEventID", "urn:uuid:2", "urn:uuid:1"),
        ("EQ_INNER_ERROR_DECLARATION_p:desk", "7", "8"),
        ("GE_time", "2021-12-10T00:00:00Z", "2021-12-10T00:00:01Z"),
        ("LT_startTime", "2021-12-09T00:00:01Z", "2021-12-09T00:00:00Z"),
        ("GE_endTime", "2021-12-10T00:00:00Z", "2021-12-10T00:00:01Z"),
        ("EQ_type", "Temperature|Mass", "Mass"),
        ("EQ_type", "AbsoluteHumidity", "RelativeHumidity"),
        ("EQ_deviceID", "https://id.gs1.org/8004/4000001111", "urn:epc:id:giai:4000001.112"),
        ("EQ_dataProcessingMethod", "https://ex.example/mean", "https://ex.example/sum"),
        ("EQ_bizRules", "https://ex.example/rules", "https://ex.example/mean"),
        ("EQ_microorganism", "https://ex.example/salmonella", "https://ex.example/listeria"),
        ("EQ_chemicalSubstance", "https://ex.example/nitrate", "https://ex.example/nitrite"),
        ("EQ_stringValue", "wet", "Wet"),
        ("EQ_booleanValue", "true", "false"),
        ("EQ_hexBinaryValue", "F0F0", "F0"),
        ("EQ_uriValue", "https://ex.example/x", "https://ex.example/y"),
        ("GE_percRank", "50", "50.5"),
        ("EQ_value_FAH", "78.8", "78.9"),
        ("GT_value_KEL", "299.1", "299.15"),
        ("LE_minValue_CEL", "20", "19"),
        ("GE_maxValue_FAH", "86", "86.1"),
        ("LT_meanValue_CEL", "25.1", "25"),
        ("GE_sDev_CEL", "0.5", "0.6"),
        ("LE_percValue_CEL", "24", "23.9"),
        ("EQ_https://ns.example/lane", "3", "4"),
        ("EQ_https://ns.example#lane", "left", "right"),
        ("EQ_p:seen", "2021-12-10T00:00:00Z", "2021-12-10T00:00:01Z"),
        ("GE_p:seen", "2021-12-10T00:00:00Z", "2021-12-10T00:00:01Z"),
        ("GT_p:lane", "2.5", "3"),
        ("EQ_ILMD_p:grade", "A|B", "B"),
        ("GE_ILMD_p:yield", "12.5", "13"),
        ("EQ_INNER_ILMD_p:crew", "blue", "green"),
        ("EQ_INNER_p:state", "shut", "open"),
        ("LT_INNER_p:since", "2021-12-10T00:00:00.001Z", "2021-12-10T00:00:00Z"),
        ("EQ_INNER_readPoint_p:side", "north", "south"),
        ("EQ_bizLocation_p:floor", "2", "3"),
        ("EQ_INNER_SENSORELEMENT_p:depth", "3", "4"),
        ("EQ_SENSORMETADATA_p:firmware", "v7", "v8"),
        ("GE_INNER_SENSORREPORT_p:row", "1", "2"),
        ("HASATTR_readPoint", "cbvmda:country", "cbvmda:city"),
        ("EQATTR_readPoint_urn:epcglobal:cbv:mda#country", "CN", "DE"),
        ("EQ_ATTR_readPoint_cbvmda:country", "CN|DE", "CNN"),
    ] {
        check(&event, (name, right), true);
        if wrong != "EXISTS" {
            check(&event, (name, wrong), false);
        }
    }
    for name in ["MATCH_parentID", "MATCH_inputEPC", "MATCH_outputEPC", "EQ_transformationID"] {
        check(&event, (name, "urn:epc:id:sgtin:0614141.112345.400"), false);
    }
    for (there, absent) in [
        ("EXISTS_p:door", "EXISTS_p:lock"),
        ("EXISTS_INNER_p:lock", "EXISTS_INNER_p:door"),
        ("EXISTS_ILMD_p:harvest", "EXISTS_ILMD_p:crew"),
        ("EXISTS_INNER_ILMD_p:crew", "EXISTS_INNER_ILMD_p:harvest"),
        ("EXISTS_ERROR_DECLARATION_p:by", "EXISTS_ERROR_DECLARATION_p:desk"),
        ("EXISTS_SENSORELEMENT_p:probe", "EXISTS_SENSORELEMENT_p:depth"),
        ("EXISTS_SENSORMETADATA_p:firmware", "EXISTS_SENSORREPORT_p:firmware"),
        ("EXISTS_SENSORREPORT_p:cell", "EXISTS_p:cell"),
        ("EXISTS_sensorElementList", "EXISTS_p:sensorElementList"),
    ] {
        for value in ["", "true", "1"] {
            check(&event, (there, value), true);
            check(&event, (absent, value), false);
        }
        check(&event, (absent, "false"), true);
    }
}

#[test]
fn inputs_and_outputs_are_told_apart() {
    let event = event(json!({
        "@context": STANDARD, "type": "TransformationEvent", "transformationID": "urn:epc:id:gdti:0614141.12345.400",
        "eventTime": "2021-12-10T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "inputEPCList": ["urn:epc:id:sgtin:0614141.112345.1"], "outputEPCList": ["urn:epc:id:sgtin:0614141.112345.2"],
        "inputQuantityList": [{ "epcClass": "urn:epc:class:lgtin:4012345.012345.L1", "quantity": 1.5, "uom": "KGM" }]
    }));
    let (input, output) = ("urn:epc:id:sgtin:0614141.112345.1", "urn:epc:id:sgtin:0614141.112345.2");
    check(&event, ("MATCH_inputEPC", input), true);
    check(&event, ("MATCH_inputEPC", output), false);
    check(&event, ("MATCH_outputEPC", output), true);
    check(&event, ("MATCH_outputEPC", input), false);
    check(&event, ("MATCH_anyEPC", input), true);
    check(&event, ("MATCH_epc", input), false);
    check(&event, ("MATCH_inputEPCClass", "urn:epc:class:lgtin:4012345.012345.L1"), true);
    check(&event, ("MATCH_outputEPCClass", "urn:epc:class:lgtin:4012345.012345.L1"), false);
    check(&event, ("EQ_transformationID", "https://id.gs1.org/253/0614141123452400"), true);
    for name in ["EXISTS_errorDeclaration", "EXISTS_sensorElementList"] {
        check(&event, (name, ""), false);
    }
}

#[test]
fn all_parameters_must_hold_together() {
    let event = observed();
    let both = |step: &str| {
        let pairs = [("EQ_action", "ADD"), ("EQ_bizStep", step)];
        let query = Query::parse(pairs, &Context::default()).expect("a query");
        query.matches(&event, &Context::default(), RECORDED_MS, &MasterData::default())
    };
    assert!(both("commissioning") && !both("shipping"));
}

#[test]
fn a_named_query_asks_what_its_parameters_ask() {
    let query = json!({
        "@context": [STANDARD, { "own": "https://ns.example/" }], "eventType": ["ObjectEvent"], "EQ_value_CEL": [26],
        "GE_eventTime": "2021-12-10T00:00:00Z", "EQ_ILMD_own:grade": ["A"], "EXISTS_errorDeclaration": null,
        "EQ_booleanValue": true, "maxEventCount": 5, "orderBy": "recordTime",
    });
    let named =
        Query::from_json(query.as_object().expect("an object"), &Context::default()).expect("a query");
    let pairs = [
        ("@eventType", ""),
        ("EQ_ILMD_https://ns.example/grade", "A"),
        ("EQ_booleanValue", "true"),
        ("EQ_value_CEL", "26"),
        ("EXISTS_errorDeclaration", ""),
        ("GE_eventTime", "2021-12-10T00:00:00Z"),
        ("eventType", "ObjectEvent"),
        ("maxEventCount", "5"),
        ("orderBy", "recordTime"),
    ];
    let same = Query::parse(pairs.into_iter().skip(1), &Context::default()).expect("a query");
    assert_eq!(named, same);
    assert!(named.matches(&observed(), &Context::default(), RECORDED_MS, &MasterData::default()));
    for wrong in [
        json!({ "EQ_action": [] }),
        json!({ "EQ_action": [["ADD"]] }),
        json!({ "EQ_action": {} }),
        json!({ "GE_eventTime": null }),
    ] {
        let refused = Query::from_json(wrong.as_object().expect("an object"), &Context::default());
        assert!(refused.is_err(), "{wrong}");
    }
}

#[test]
fn wrong_parameters_are_refused_by_name() {
    let refusal = |pairs: &[(&str, &str)]| {
        Query::parse(pairs.iter().copied(), &Context::default()).expect_err("a refusal").to_string()
    };
    for name in [
        "EQ_colour",
        "NE_action",
        "MATCH_thing",
        "GT_eventTime",
        "LE_startTime",
        "WD_disposition",
        "EQ_value",
        "GE_quantity_k",
        "EQ_ILMD_grade",
        "HASATTR_colour",
        "EQATTR_readPoint",
        "x",
        "",
        "EQ_",
        "EQ_INNER_",
        "EXISTS_readPoint",
    ] {
        assert_eq!(
            refusal(&[(name, "2021-12-10T00:00:00Z")]),
            format!("{name}: is not a query parameter that is served here")
        );
    }
    assert_eq!(refusal(&[("perPage", "1"), ("perPage", "2")]), "perPage: stands twice");
    assert_eq!(refusal(&[("perPage", "0")]), "perPage: must be a whole number above zero");
    assert_eq!(refusal(&[("perPage", "1001")]), "perPage: exceeds 1000 events");
    assert_eq!(
        refusal(&[("maxEventCount", "3"), ("eventCountLimit", "3"), ("orderBy", "eventTime")]),
        "eventCountLimit: excludes maxEventCount"
    );
    assert_eq!(refusal(&[("eventCountLimit", "3")]), "eventCountLimit: needs at least one of orderBy");
    assert_eq!(
        refusal(&[("orderBy", "colour")]),
        "orderBy: \"colour\" is not one of eventTime, recordTime, an extension"
    );
    assert_eq!(refusal(&[("EQ_action", "ADD|")]), "EQ_action: \"\" is not one of ADD, OBSERVE, DELETE");
    assert_eq!(refusal(&[("orderDirection", "asc")]), "orderDirection: \"asc\" is not one of ASC, DESC");
    assert_eq!(refusal(&[("MATCH_epc", "x")]), "MATCH_epc: \"x\" is not an absolute URI");
    assert!(
        refusal(&[("GE_eventTime", "2021-12-10")])
            .starts_with("GE_eventTime: \"2021-12-10\" is not a date and time")
    );
    assert_eq!(
        refusal(&[("GE_ILMD_https://a/b", "red")]),
        "GE_ILMD_https://a/b: must be a number, or a date and time with an offset"
    );
    assert_eq!(refusal(&[("GE_quantity", "1|2")]), "GE_quantity: must be one value");
    assert!(refusal(&[("EQ_ex:grade", "A")]).contains("prefix"));
    // Each value under a prefix would be written out with all of it.
    let long = json!({ "p": format!("https://ns.example/{}", "n".repeat(240)) });
    let asked = [("EQ_readPoint", "p:a|p:b")];
    let refused = Query::parse(asked, &Context::read(&long)).expect_err("a refusal").to_string();
    assert_eq!(refused, "GS1-Extensions: exceeds 256 bytes in a term or namespace");
    let named = json!({ "@context": long, "EQ_readPoint": "p:a" });
    let refused = Query::from_json(named.as_object().expect("an object"), &Context::default());
    assert_eq!(
        refused.expect_err("a refusal").to_string(),
        "@context: exceeds 256 bytes in a term or namespace"
    );
    assert_eq!(refusal(&[("MATCH_epc", &"urn:a:b|".repeat(300))]), "MATCH_epc: exceeds 200 values");
    let many: Vec<String> = (0..51).map(|n| format!("EQ_https://ns.example/f{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(refusal(&many), "EQ_https://ns.example/f50: exceeds 50 conditions");
}
