//! Events of every kind, made up: what one format says, the other says as well.

use epcis::xml::{CbvFormat, Style};
use epcis::{Document, Event, Limits, equal_in_meaning, event_hash, json_hashes, xml_hashes};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub const STYLE: Style<'static> = Style { cbv: CbvFormat::WebUri, created: "2026-01-01T00:00:00Z" };

type Members = Vec<(String, Value)>;

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(members.into_iter().collect())
}

/// A member that may be left out.
fn maybe(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Members> {
    prop::option::of(value)
        .prop_map(move |value| value.map(|value| (name.to_owned(), value)).into_iter().collect())
        .boxed()
}

fn must(name: &'static str, value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Members> {
    value.prop_map(move |value| vec![(name.to_owned(), value)]).boxed()
}

fn any_of(values: &[&'static str]) -> BoxedStrategy<Value> {
    select(values.to_vec()).prop_map(Value::from).boxed()
}

fn list(item: BoxedStrategy<Value>, from: usize, to: usize) -> BoxedStrategy<Value> {
    prop::collection::vec(item, from..=to).prop_map(Value::Array).boxed()
}

/// A list whose items differ.
fn set(item: BoxedStrategy<Value>, from: usize, to: usize) -> BoxedStrategy<Value> {
    let distinct = |mut items: Vec<Value>| {
        items.sort_by_key(Value::to_string);
        items.dedup();
        Value::Array(items)
    };
    prop::collection::vec(item, from..=to).prop_map(distinct).boxed()
}

fn parent() -> BoxedStrategy<Value> {
    "[0-9]{10}".prop_map(|s| Value::from(format!("urn:epc:id:sscc:0614142.{s}"))).boxed()
}

fn text() -> BoxedStrategy<Value> {
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,8}",
        "[\t\n\r <>&\"'a]{0,6}",
        select(vec![
            "",
            " ",
            "007",
            "1e5",
            "true",
            "urn:epc:id:sgtin:0614141.112345.400",
            "ex:thing",
            "]]>",
            "\u{2028}"
        ])
        .prop_map(str::to_owned),
    ]
    .prop_map(Value::from)
    .boxed()
}

fn number() -> BoxedStrategy<Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("a number of JSON", |f| f.is_finite()).prop_map(Value::from),
        select(vec![0.0, -0.0, 25.0, 0.1, 1e21, 1e300, 5e-324]).prop_map(Value::from),
    ]
    .boxed()
}

fn epc() -> BoxedStrategy<Value> {
    let serial = "[A-Za-z0-9!()*+,:;_.-]{1,12}";
    prop_oneof![
        serial.prop_map(|s| format!("urn:epc:id:sgtin:0614141.112345.{s}")),
        serial.prop_map(|s| format!(
            "https://id.gs1.org/01/09506000134352/21/{}",
            epcis::digital_link::encode(&s)
        )),
        "[0-9]{10}".prop_map(|s| format!("urn:epc:id:sscc:0614141.{s}")),
        "[a-z0-9.~&=-]{1,12}".prop_map(|s| format!("https://example.com/x?y={s}")),
        "[a-z]{1,8}".prop_map(|s| format!("urn:uuid:{s}")),
        Just("ex:a-thing".to_owned()),
    ]
    .prop_map(Value::from)
    .boxed()
}

fn class() -> BoxedStrategy<Value> {
    prop_oneof![
        "[A-Z0-9]{1,8}".prop_map(|lot| format!("urn:epc:class:lgtin:4012345.012345.{lot}")),
        "[A-Z0-9]{1,8}".prop_map(|lot| format!("https://id.gs1.org/01/09506000134352/10/{lot}")),
        Just("urn:epc:idpat:sgtin:4012345.098765.*".to_owned()),
    ]
    .prop_map(Value::from)
    .boxed()
}

fn quantity() -> BoxedStrategy<Value> {
    let measured = (class(), 0.0..1e7_f64, select(vec!["KGM", "GRM", "LTR", "MTR"]));
    let counted = (class(), any::<u32>());
    prop_oneof![
        measured
            .prop_map(|(class, amount, uom)| json!({ "epcClass": class, "quantity": amount, "uom": uom })),
        counted.prop_map(|(class, count)| json!({ "epcClass": class, "quantity": count })),
        class().prop_map(|class| json!({ "epcClass": class })),
    ]
    .boxed()
}

fn time() -> BoxedStrategy<Value> {
    let parts = (0_u32..9999, 1_u32..=12, 1_u32..=28, 0_u32..24, 0_u32..60, "(\\.[0-9]{1,9})?", offset());
    parts
        .prop_map(|(y, month, d, h, m, fraction, offset)| {
            let offset = offset.as_str().expect("a text").to_owned();
            Value::from(format!("{:04}-{month:02}-{d:02}T{h:02}:{m:02}:07{fraction}{offset}", y + 1))
        })
        .boxed()
}

fn offset() -> BoxedStrategy<Value> {
    any_of(&["+08:00", "-06:00", "+00:00", "+14:00", "-13:59", "+05:30"])
}

fn step() -> BoxedStrategy<Value> {
    any_of(&[
        "shipping",
        "https://ref.gs1.org/cbv/BizStep-receiving",
        "urn:epcglobal:cbv:bizstep:commissioning",
        "cbv:BizStep-inspecting",
        "ex:weighing",
        "https://example.com/voc/weighing",
    ])
}

fn disposition() -> BoxedStrategy<Value> {
    any_of(&[
        "in_transit",
        "urn:epcglobal:cbv:disp:active",
        "ex:unripe",
        "https://ref.gs1.org/cbv/Disp-damaged",
    ])
}

fn pairs(name: &'static str, types: &[&'static str], may_lack_type: bool) -> BoxedStrategy<Value> {
    let of_type = (any_of(types), any::<bool>())
        .prop_map(move |(t, lacks)| Some(t).filter(|_| !(may_lack_type && lacks)));
    let pair = (of_type, epc()).prop_map(move |(of_type, value)| {
        object(
            [(name.to_owned(), value)].into_iter().chain(of_type.map(|of_type| ("type".to_owned(), of_type))),
        )
    });
    list(pair.boxed(), 0, 3)
}

/// A value of others.
fn foreign() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![4 => text(), 2 => number(), 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof![
            6 => foreign_name(),
            2 => "[a-z]{1,4}",
            1 => "\\PC{0,5}",
            1 => select(vec!["#text", "@type", "xml:lang", "a_x0041_b", "1st", "xmlns", "id", "type", "extension"])
                .prop_map(str::to_owned),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name, inner), 0..4).prop_map(object),
        ]
    })
    .boxed()
}

/// Names that the contexts of these documents, or nothing at all, give a namespace.
fn foreign_name() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[a-z]{1,6}".prop_map(|name| format!("ex:{name}")),
        2 => "[a-z][a-z0-9.-]{0,5}".prop_map(|name| format!("other:{name}")),
        1 => "[a-z]{1,4}".prop_map(|name| format!("bare:{name}")),
        1 => Just("cbvmda:lotNumber".to_owned()),
        1 => Just("grade".to_owned()),
        1 => "[a-z]{1,4}".prop_map(|name| format!("https://third.example/ns#{name}")),
        1 => "[a-z]{1,4}".prop_map(|name| format!("undeclared:{name}")),
        1 => Just("ex:a/b c".to_owned()),
    ]
    .boxed()
}

fn extensions() -> BoxedStrategy<Members> {
    prop::collection::vec((foreign_name(), foreign()), 0..3).boxed()
}

fn with(parts: Vec<BoxedStrategy<Members>>) -> BoxedStrategy<Value> {
    parts.prop_map(|parts| object(parts.into_iter().flatten())).boxed()
}

fn place() -> BoxedStrategy<Value> {
    let id = any_of(&["urn:epc:id:sgln:0614141.12345.0", "https://id.gs1.org/414/9506000134376", "ex:hall"]);
    with(vec![extensions(), must("id", id)])
}

fn sensor() -> BoxedStrategy<Value> {
    let sources = || {
        ["deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"]
            .map(|name| maybe(name, epc()))
    };
    let span = (time(), time()).prop_filter_map("a span", |(start, end)| {
        let is_span =
            epcis::Moment::parse(start.as_str()?)?.ms_utc < epcis::Moment::parse(end.as_str()?)?.ms_utc;
        is_span.then(|| vec![("startTime".to_owned(), start), ("endTime".to_owned(), end)])
    });
    let when = prop_oneof![maybe("time", time()), maybe("startTime", time()), span].boxed();
    let metadata = with([sources().to_vec(), vec![when, extensions()]].concat());
    let share = (number(), 0.0..=100.0_f64).prop_map(|(value, rank)| {
        vec![("percValue".to_owned(), value), ("percRank".to_owned(), Value::from(rank))]
    });
    let bounds = (-1e9..1e9_f64, 0.0..1e9_f64).prop_map(|(min, more)| {
        vec![("minValue".to_owned(), Value::from(min)), ("maxValue".to_owned(), Value::from(min + more))]
    });
    let measured = |of: &'static str, units: &[&'static str]| {
        with(vec![must("type", any_of(&[of])), maybe("uom", any_of(units))]).prop_map(members_of).boxed()
    };
    let kinds = prop_oneof![
        measured("Temperature", &["CEL", "FAH", "KEL"]),
        measured("https://gs1.org/voc/Mass", &["KGM", "GRM"]),
        measured("gs1:Speed", &["MTS"]),
        must("type", any_of(&["ex:smell", "https://example.com/voc/smell"])),
        must("exception", any_of(&["ALARM_CONDITION", "gs1:ERROR_CONDITION"])),
    ];
    let values = vec![
        maybe("value", number()),
        maybe("meanValue", number()),
        prop_oneof![maybe("minValue", number()), maybe("maxValue", number()), bounds].boxed(),
        prop_oneof![Just(Vec::new()), share].boxed(),
        maybe("sDev", (0.0..1e9_f64).prop_map(Value::from)),
        maybe("stringValue", text()),
        maybe("booleanValue", any::<bool>().prop_map(Value::from)),
        maybe("hexBinaryValue", any_of(&["f0f0", "00", "ABcd"])),
        maybe("uriValue", epc()),
        maybe("microorganism", epc()),
        maybe("chemicalSubstance", epc()),
        maybe("coordinateReferenceSystem", epc()),
        maybe("component", any_of(&["x", "cbv:Comp-latitude", "ex:depth"])),
        maybe("time", time()),
        extensions(),
    ];
    let report = with([vec![kinds.boxed()], values, sources().to_vec()].concat());
    with(vec![maybe("sensorMetadata", metadata), must("sensorReport", list(report, 1, 3)), extensions()])
}

fn members_of(value: Value) -> Members {
    let Value::Object(members) = value else { return Vec::new() };
    members.into_iter().collect()
}

fn declaration() -> BoxedStrategy<Value> {
    with(vec![
        must("declarationTime", time()),
        maybe("reason", any_of(&["did_not_occur", "urn:epcglobal:cbv:er:incorrect_data", "ex:typo"])),
        maybe("correctiveEventIDs", list(epc(), 0, 2)),
        extensions(),
    ])
}

fn persistent() -> BoxedStrategy<Value> {
    let set_words = || set(disposition(), 1, 2);
    let unset_words = || set(any_of(&["expired", "ex:ripe", "cbv:Disp-recalled"]), 1, 2);
    prop_oneof![
        set_words().prop_map(|set| json!({ "set": set })),
        (set_words(), unset_words()).prop_map(|(set, unset)| json!({ "set": set, "unset": unset })),
    ]
    .boxed()
}

/// An event under the context of its document.
fn event() -> BoxedStrategy<Value> {
    let common = || {
        vec![
            must("eventTime", time()),
            must("eventTimeZoneOffset", offset()),
            maybe("recordTime", time()),
            maybe("eventID", epc()),
            maybe("certificationInfo", prop_oneof![epc(), list(epc(), 0, 3)]),
            maybe("errorDeclaration", declaration()),
            maybe("bizStep", step()),
            maybe("disposition", disposition()),
            maybe("persistentDisposition", persistent()),
            maybe("readPoint", place()),
            maybe("bizLocation", place()),
            maybe("sourceList", pairs("source", &["location", "urn:epcglobal:cbv:sdt:owning_party"], false)),
            maybe("destinationList", pairs("destination", &["possessing_party", "ex:heir"], false)),
            maybe("sensorElementList", list(sensor(), 0, 2)),
            extensions(),
        ]
    };
    let transactions = || pairs("bizTransaction", &["po", "urn:epcglobal:cbv:btt:inv", "ex:wager"], true);
    let epcs = |from| set(epc(), from, 4);
    let quantities = |from| list(quantity(), from, 3);
    let ilmd = || with(vec![extensions(), maybe("cbvmda:lotNumber", text())]);
    let of = |event_type: &'static str, more: Vec<BoxedStrategy<Members>>| {
        with([common(), vec![must("type", Just(Value::from(event_type)))], more].concat())
    };
    prop_oneof![
        of(
            "ObjectEvent",
            vec![
                must("action", any_of(&["ADD"])),
                must("epcList", epcs(0)),
                maybe("quantityList", quantities(0)),
                maybe("bizTransactionList", transactions()),
                maybe("ilmd", ilmd()),
            ]
        ),
        of(
            "ObjectEvent",
            vec![
                must("action", any_of(&["OBSERVE", "DELETE"])),
                must("epcList", epcs(0)),
                maybe("quantityList", quantities(0)),
                maybe("bizTransactionList", transactions()),
            ]
        ),
        of(
            "ObjectEvent",
            vec![
                must("action", any_of(&["OBSERVE"])),
                must("readPoint", place()),
                must("sensorElementList", list(sensor(), 1, 2)),
            ]
        ),
        of(
            "AggregationEvent",
            vec![
                must("action", any_of(&["ADD", "OBSERVE", "DELETE"])),
                must("parentID", parent()),
                must("childEPCs", epcs(1)),
                maybe("childQuantityList", quantities(0)),
                maybe("bizTransactionList", transactions()),
            ]
        ),
        of(
            "AggregationEvent",
            vec![must("action", any_of(&["OBSERVE"])), must("childQuantityList", quantities(1))]
        ),
        of(
            "AggregationEvent",
            vec![
                must("action", any_of(&["DELETE"])),
                must("parentID", parent()),
                maybe("childEPCs", epcs(0))
            ]
        ),
        of(
            "TransactionEvent",
            vec![
                must("action", any_of(&["ADD", "OBSERVE", "DELETE"])),
                must(
                    "bizTransactionList",
                    pairs("bizTransaction", &["po"], true).prop_filter("one", |l| l != &json!([]))
                ),
                maybe("parentID", parent()),
                must("epcList", epcs(0)),
                maybe("quantityList", quantities(0)),
            ]
        ),
        of(
            "TransformationEvent",
            vec![
                must("inputEPCList", epcs(1)),
                maybe("inputQuantityList", quantities(0)),
                must("outputQuantityList", quantities(1)),
                maybe("transformationID", epc()),
                maybe("bizTransactionList", transactions()),
                maybe("ilmd", ilmd()),
            ]
        ),
        of(
            "TransformationEvent",
            vec![
                must("transformationID", epc()),
                must("outputEPCList", epcs(1)),
                maybe("outputQuantityList", quantities(0)),
            ]
        ),
        of(
            "AssociationEvent",
            vec![
                must("action", any_of(&["ADD", "OBSERVE"])),
                must("parentID", parent()),
                maybe("childEPCs", epcs(0)),
                must("childQuantityList", quantities(1)),
                maybe("bizTransactionList", transactions()),
            ]
        ),
        of("AssociationEvent", vec![must("action", any_of(&["DELETE"])), must("parentID", parent())]),
        of("ex:SpecialEvent", vec![maybe("epcList", epcs(0)), maybe("action", any_of(&["ADD"]))]),
    ]
    .boxed()
}

/// The master data of a header.
fn vocabularies() -> BoxedStrategy<Value> {
    let kinds = &[
        "urn:epcglobal:epcis:vtype:BusinessLocation",
        "urn:epcglobal:epcis:vtype:ReadPoint",
        "urn:ex:vtype",
    ];
    let value = prop_oneof![3 => text(), 1 => with(vec![extensions()])];
    let name = any_of(&["cbvmda:latitude", "cbvmda:name", "urn:epcglobal:cbv:mda#site", "ex:colour"]);
    let attribute = with(vec![must("id", name), must("attribute", value)]);
    let element = with(vec![
        must("id", epc()),
        maybe("attributes", list(attribute, 0, 3)),
        maybe("children", list(epc(), 0, 3)),
    ]);
    let vocabulary =
        with(vec![must("type", any_of(kinds)), must("vocabularyElementList", list(element, 1, 3))]);
    list(vocabulary, 1, 2).prop_map(|list| json!({ "epcisMasterData": { "vocabularyList": list } })).boxed()
}

/// A document of events or of the results of a query, whose events speak under its context, and some under one of their
/// own.
pub fn document() -> BoxedStrategy<Value> {
    let own = json!({ "ex": "https://elsewhere.example/", "local": "https://local.example/" });
    let event = (event(), prop::bool::weighted(0.2)).prop_map(move |(mut event, has_own)| {
        if has_own {
            event["@context"] = own.clone();
        }
        event
    });
    let terms = json!({
        "ex": "https://ex.example/ns/", "other": "http://other.example/ns#", "bare": "http://bare.example/ns",
        "grade": { "@id": "ex:grade" }
    });
    let standard = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
    let envelope =
        || vec![must("schemaVersion", any_of(&["2.0"])), must("creationDate", time()), maybe("id", epc())];
    let sent = with(
        [
            envelope(),
            vec![
                must("type", any_of(&["EPCISDocument"])),
                maybe("sender", text()),
                maybe("receiver", text()),
                maybe("instanceIdentifier", text()),
                maybe("epcisHeader", vocabularies()),
                maybe("ex:more", foreign()),
            ],
        ]
        .concat(),
    );
    let answered = with([envelope(), vec![must("type", any_of(&["EPCISQueryDocument"]))]].concat());
    let subscription = prop::option::of("[a-z]{1,8}");
    (prop_oneof![4 => sent, 1 => answered], prop::collection::vec(event, 0..3), subscription)
        .prop_map(move |(mut document, events, subscription)| {
            document["@context"] = json!([standard, terms]);
            document["epcisBody"] = json!({ "eventList": events });
            if document["type"] == "EPCISQueryDocument" {
                let mut results =
                    json!({ "queryName": "SimpleEventQuery", "resultsBody": document["epcisBody"] });
                if let Some(subscription) = subscription {
                    results["subscriptionID"] = subscription.into();
                }
                document["epcisBody"] = json!({ "queryResults": results });
            }
            document
        })
        .boxed()
}

pub fn hashes(document: &Document) -> Vec<String> {
    let hash = |event: &Event| event_hash(&event.raw, document.context_value()).expect("a hash");
    document.events.iter().map(hash).collect()
}

/// So many cases as asked for by the variable that proptest reads; making up a document takes longer than most.
pub fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(64)))]

    #[test]
    fn a_document_printed_as_json_reads_back_as_itself(value in document()) {
        let read = Document::from_value(value.clone(), &Limits::default());
        let read = read.map_err(|error| TestCaseError::fail(format!("{error} in {value}")))?;
        prop_assert_eq!(read.to_value(), value.clone());
        let again = Document::parse(value.to_string().as_bytes(), &Limits::default()).expect("JSON");
        prop_assert_eq!(&again, &read);
        prop_assert_eq!(json_hashes(value.to_string().as_bytes(), &Limits::default()).expect("hashes"), hashes(&read));
    }

    #[test]
    fn a_document_comes_back_through_xml_with_its_meaning_and_its_hashes(value in document()) {
        let limits = Limits::default();
        let sent = Document::from_value(value.clone(), &limits).expect("a document");
        for cbv in [CbvFormat::WebUri, CbvFormat::Urn, CbvFormat::AsWritten] {
            let xml = sent.to_xml(&Style { cbv, ..STYLE });
            let fail = |why: &dyn std::fmt::Display| TestCaseError::fail(format!("{why}\n{value}\n{xml}"));
            let back = Document::parse_xml(xml.as_bytes(), &limits).map_err(|error| fail(&error))?;
            equal_in_meaning(&value, &back.to_value()).map_err(|error| fail(&error))?;
            prop_assert_eq!(hashes(&back), hashes(&sent), "{}\n{}", value, xml);
            prop_assert_eq!(xml_hashes(xml.as_bytes(), &limits).expect("hashes"), hashes(&sent), "{}\n{}", value, xml);
            // What came out of XML goes there again.
            let again = back.to_xml(&Style { cbv, ..STYLE });
            let twice = Document::parse_xml(again.as_bytes(), &limits).map_err(|error| fail(&error))?;
            equal_in_meaning(&value, &twice.to_value()).map_err(|error| fail(&error))?;
            prop_assert_eq!(hashes(&twice), hashes(&sent), "{}\n{}", xml, again);
        }
    }
}

/// So many documents, always the same ones.
pub fn documents(count: usize) -> Vec<Value> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = document();
    let tree = |_| strategy.new_tree(&mut runner).expect("a value").current();
    (0..count).map(tree).collect::<Vec<Value>>()
}

#[test]
fn documents_are_made_of_all_that_the_standard_has() {
    let made = documents(400);
    let mut seen = std::collections::BTreeSet::new();
    made.iter().for_each(|document| collect(document, &mut seen));
    let expected = "ObjectEvent AggregationEvent TransactionEvent TransformationEvent AssociationEvent ex:SpecialEvent \
        EPCISDocument EPCISQueryDocument action bizLocation bizStep bizTransactionList certificationInfo childEPCs \
        childQuantityList correctiveEventIDs destinationList disposition epcList epcisMasterData errorDeclaration \
        eventID ilmd inputEPCList inputQuantityList outputEPCList outputQuantityList parentID persistentDisposition \
        quantityList readPoint reason recordTime sensorMetadata sensorReport sourceList transformationID \
        vocabularyList children attributes percRank maxValue meanValue booleanValue hexBinaryValue uom component \
        exception deviceMetadata microorganism chemicalSubstance coordinateReferenceSystem endTime subscriptionID";
    let missing: Vec<&str> = expected.split_whitespace().filter(|name| !seen.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// The names of members, and the types of what has one.
fn collect(value: &Value, seen: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, seen)),
        Value::Object(members) => {
            for (name, inner) in members {
                seen.insert(name.clone());
                if let ("type", Some(of)) = (name.as_str(), inner.as_str()) {
                    seen.insert(of.to_owned());
                }
                collect(inner, seen);
            }
        }
        _ => {}
    }
}
