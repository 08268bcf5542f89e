//! Random events and queries. Values come from small pools, so that queries find something and not everything.

use epcis::{Document, Limits};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

/// The prefix of extensions in events, and in queries.
pub const EVENT_PREFIX: &str = "ex";
pub const QUERY_PREFIX: &str = "q";

const STEPS: [&str; 4] = [
    "shipping",
    "urn:epcglobal:cbv:bizstep:receiving",
    "https://ref.gs1.org/cbv/BizStep-packing",
    "ex:weighing",
];
const ASKED_STEPS: [&str; 4] =
    ["https://ref.gs1.org/cbv/BizStep-shipping", "receiving", "packing", "q:weighing"];
const DISPOSITIONS: [&str; 3] = ["in_transit", "urn:epcglobal:cbv:disp:recalled", "active"];
const ASKED_DISPOSITIONS: [&str; 3] = ["in_transit", "recalled", "https://ref.gs1.org/cbv/Disp-active"];
const NAMES: [&str; 2] = ["grade", "lane"];
const UNITS: [[&str; 3]; 3] = [["KGM", "GRM", "LBR"], ["CEL", "FAH", "KEL"], ["XYZ", "XYZ", "XYZ"]];

fn pick<'a>(random: &mut StdRng, from: &[&'a str]) -> &'a str {
    from[random.random_range(0..from.len())]
}

fn some(random: &mut StdRng, chance: f64) -> bool {
    random.random_bool(chance)
}

fn moment(random: &mut StdRng) -> String {
    let (day, zone) = (random.random_range(1..5), pick(random, &["+08:00", "Z", "-05:30"]));
    format!("2026-02-0{day}T0{}:00:00{}{zone}", random.random_range(0..3), pick(random, &["", ".000", ".5"]))
}

/// A thing, in one of the spellings of its kind.
fn thing(random: &mut StdRng) -> String {
    let n = random.random_range(0..4);
    match random.random_range(0..5) {
        0 => format!("urn:epc:id:sgtin:0614141.112345.{n}"),
        1 => format!("https://shop.example/01/10614141123459/21/{n}"),
        2 => format!("urn:epc:id:sgtin:0614141.112346.{n}"),
        3 => format!("urn:epc:id:sscc:0614141.123456789{n}"),
        _ => format!("urn:epc:id:gid:1.1.{n}"),
    }
}

fn class(random: &mut StdRng) -> String {
    let n = random.random_range(0..3);
    match random.random_range(0..4) {
        0 => format!("urn:epc:class:lgtin:4012345.012345.L{n}"),
        1 => format!("https://id.gs1.org/01/04012345123456/10/L{n}"),
        2 => "https://id.gs1.org/01/04012345123456".to_owned(),
        _ => format!("urn:x:class{n}"),
    }
}

fn pattern(random: &mut StdRng) -> String {
    match random.random_range(0..10) {
        0 => "urn:epc:idpat:sgtin:0614141.112345.*".to_owned(),
        1 => "urn:epc:idpat:sgtin:4012345.012345.*".to_owned(),
        2 => "urn:epc:idpat:sgtin:0614141.*.*".to_owned(),
        3 => "urn:epc:idpat:sscc:0614141.*".to_owned(),
        4..7 => class(random),
        _ => thing(random),
    }
}

fn place(random: &mut StdRng) -> String {
    match random.random_range(0..3) {
        0 => format!("urn:epc:id:sgln:0614141.1234{}.0", random.random_range(0..3)),
        1 => format!("urn:epc:id:sgln:0614141.12340.{}", random.random_range(1..3)),
        _ => format!("ex:place{}", random.random_range(0..2)),
    }
}

fn asked_place(random: &mut StdRng) -> String {
    place(random).replace("ex:", "q:")
}

fn uri(random: &mut StdRng) -> String {
    pick(random, &["https://x.example/a", "https://x.example/b", "ex:c", "urn:epc:id:giai:4000001.111"])
        .to_owned()
}

fn asked_uri(random: &mut StdRng) -> String {
    uri(random)
        .replace("ex:", "q:")
        .replace("urn:epc:id:giai:4000001.111", "https://id.gs1.org/8004/4000001111")
}

fn number(random: &mut StdRng) -> f64 {
    [-3.0, 0.0, 1.5, 2.0, 100.0][random.random_range(0..5)]
}

fn things(random: &mut StdRng) -> Value {
    (0..random.random_range(0..3)).map(|_| thing(random)).collect()
}

fn classes(random: &mut StdRng) -> Value {
    let one = |random: &mut StdRng| {
        let mut element = json!({ "epcClass": class(random) });
        match random.random_range(0..3) {
            0 => element["quantity"] = json!(random.random_range(0..3)),
            1 => {
                element["quantity"] = json!(number(random).abs());
                element["uom"] = json!(pick(random, &["KGM", "GRM", "LBR", "XYZ"]));
            }
            _ => {}
        }
        element
    };
    (0..random.random_range(1..3)).map(|_| one(random)).collect()
}

/// The value of an extension: one, several, or others inside.
fn extension(random: &mut StdRng, depth: usize) -> Value {
    match random.random_range(0..10) {
        0 => json!(number(random)),
        1 => json!(number(random).to_string()),
        2 => json!(moment(random)),
        3 => json!(true),
        4 => (0..random.random_range(1..4)).map(|_| extension(random, depth + 1)).collect(),
        5 => json!({ "@type": "xsd:decimal", "@value": number(random).to_string() }),
        6..9 if depth < 3 => Value::Object(extensions(random, depth + 1)),
        _ => json!(pick(random, &["A", "B", "red", "字", "urn:epc:id:sgtin:0614141.112345.1"])),
    }
}

fn extensions(random: &mut StdRng, depth: usize) -> Map<String, Value> {
    let count = random.random_range(1..3);
    (0..count).map(|_| (format!("ex:{}", pick(random, &NAMES)), extension(random, depth))).collect()
}

fn extend(random: &mut StdRng, chance: f64, into: &mut Value) {
    if some(random, chance) {
        into.as_object_mut().unwrap().extend(extensions(random, 0));
    }
}

/// An event of a random type; some break a rule.
fn any_event(number: usize, random: &mut StdRng) -> Value {
    let kind = pick(
        random,
        &[
            "ObjectEvent",
            "AggregationEvent",
            "AssociationEvent",
            "TransactionEvent",
            "TransformationEvent",
            "ex:HarvestEvent",
        ],
    );
    let mut event = json!({
        "type": kind, "eventID": format!("urn:uuid:{number}"), "eventTime": moment(random), "eventTimeZoneOffset": "+08:00",
    });
    if !matches!(kind, "TransformationEvent") {
        event["action"] = json!(pick(random, &["ADD", "OBSERVE", "DELETE"]));
    }
    match kind {
        "ObjectEvent" => {
            event["epcList"] = things(random);
            if some(random, 0.5) {
                event["quantityList"] = classes(random);
            }
            if event["action"] == "ADD" && some(random, 0.7) {
                event["ilmd"] = Value::Object(extensions(random, 0));
            }
        }
        "AggregationEvent" | "AssociationEvent" => {
            event["parentID"] = json!(thing(random));
            event["childEPCs"] = json!([thing(random), thing(random)]);
            if some(random, 0.5) {
                event["childQuantityList"] = classes(random);
            }
        }
        "TransactionEvent" => {
            event["epcList"] = things(random);
            event["parentID"] = json!(thing(random));
        }
        "TransformationEvent" => {
            event["transformationID"] =
                json!(pick(random, &["urn:x:t1", "urn:epc:id:gdti:0614141.12345.400"]));
            event["inputEPCList"] = json!([thing(random)]);
            event["outputEPCList"] = things(random);
            event["inputQuantityList"] = classes(random);
            event["outputQuantityList"] = classes(random);
            if some(random, 0.5) {
                event["ilmd"] = Value::Object(extensions(random, 0));
            }
        }
        _ => {}
    }
    circumstances(kind, random, &mut event);
    event
}

/// A valid event of a random type, under a context.
pub fn event(number: usize, context: &Value, random: &mut StdRng) -> Value {
    loop {
        let event = any_event(number, random);
        let mut alone = event.clone();
        alone["@context"] = context.clone();
        if Document::from_value(alone, &Limits::default()).is_ok() {
            return event;
        }
    }
}

fn circumstances(kind: &str, random: &mut StdRng, event: &mut Value) {
    if some(random, 0.7) {
        event["bizStep"] = json!(pick(random, &STEPS));
    }
    if some(random, 0.5) {
        event["disposition"] = json!(pick(random, &DISPOSITIONS));
    }
    if matches!(kind, "ObjectEvent" | "TransformationEvent") && some(random, 0.3) {
        event["persistentDisposition"] = json!({ "set": [pick(random, &DISPOSITIONS)], "unset": [pick(random, &DISPOSITIONS), "destroyed"] });
    }
    for name in ["readPoint", "bizLocation"] {
        if some(random, 0.6) {
            event[name] = json!({ "id": place(random) });
            extend(random, 0.7, &mut event[name]);
        }
    }
    let party = |random: &mut StdRng| pick(random, &["urn:epc:id:pgln:4012345.00225", "ex:bay1"]).to_owned();
    if kind == "TransactionEvent" || some(random, 0.3) {
        let transaction = json!({ "type": pick(random, &["po", "urn:epcglobal:cbv:btt:inv"]), "bizTransaction": uri(random) });
        event["bizTransactionList"] = json!([transaction, { "bizTransaction": uri(random) }]);
    }
    if some(random, 0.3) {
        event["sourceList"] = json!([{ "type": "owning_party", "source": party(random) }]);
        event["destinationList"] =
            json!([{ "type": pick(random, &["location", "ex:bay"]), "destination": party(random) }]);
    }
    if some(random, 0.2) {
        event["errorDeclaration"] =
            json!({ "declarationTime": moment(random), "correctiveEventIDs": [uri(random)] });
        if some(random, 0.5) {
            event["errorDeclaration"]["reason"] = json!(pick(random, &["did_not_occur", "incorrect_data"]));
        }
        extend(random, 0.8, &mut event["errorDeclaration"]);
    }
    if some(random, 0.4) {
        event["sensorElementList"] = (0..random.random_range(1..3)).map(|_| sensors(random)).collect();
    }
    extend(random, 0.7, event);
}

fn sensors(random: &mut StdRng) -> Value {
    let mut element = json!({ "sensorReport": [report(random), report(random)] });
    if some(random, 0.6) {
        element["sensorMetadata"] = json!({ "time": moment(random), "startTime": moment(random), "endTime": moment(random), "deviceID": uri(random), "bizRules": uri(random) });
        extend(random, 0.6, &mut element["sensorMetadata"]);
    }
    extend(random, 0.5, &mut element);
    element
}

fn report(random: &mut StdRng) -> Value {
    let sort = random.random_range(0..3);
    let units = UNITS[sort];
    let mut report = json!({ "type": (["gs1:Mass", "Temperature", "https://gs1.org/voc/Speed"][sort]) });
    let set = |report: &mut Value, name: &str, value: Value| report[name] = value;
    for name in ["value", "meanValue"] {
        if some(random, 0.6) {
            set(&mut report, name, json!(number(random)));
        }
    }
    if some(random, 0.6) {
        let (a, b) = (number(random), number(random));
        set(&mut report, "minValue", json!(a.min(b)));
        set(&mut report, "maxValue", json!(a.max(b)));
        set(&mut report, "sDev", json!(number(random).abs()));
    }
    if some(random, 0.6) {
        set(&mut report, "percRank", json!(number(random).abs()));
        set(&mut report, "percValue", json!(number(random)));
    }
    if some(random, 0.8) {
        set(&mut report, "uom", json!(pick(random, &units)));
    }
    for name in
        ["deviceID", "dataProcessingMethod", "bizRules", "microorganism", "chemicalSubstance", "uriValue"]
    {
        if some(random, 0.2) {
            set(&mut report, name, json!(uri(random)));
        }
    }
    if some(random, 0.3) {
        set(&mut report, "time", json!(moment(random)));
        set(&mut report, "stringValue", json!(pick(random, &["wet", "Wet", "1"])));
        set(&mut report, "booleanValue", json!(random.random_bool(0.5)));
        set(&mut report, "hexBinaryValue", json!(pick(random, &["f0", "F0F0"])));
    }
    extend(random, 0.5, &mut report);
    report
}

/// Master data of some places, some of them below others.
pub fn vocabularies(random: &mut StdRng) -> Value {
    let element = |random: &mut StdRng| {
        let mut attributes =
            vec![json!({ "id": "cbvmda:country", "attribute": pick(random, &["CN", "DE"]) })];
        if some(random, 0.5) {
            attributes.push(
                json!({ "id": "ex:grade", "attribute": pick(random, &["1.5", "A", "2026-02-01T00:00:00Z"]) }),
            );
        }
        json!({ "id": place(random).replace("ex:", "https://ns.example/"), "attributes": attributes,
            "children": [place(random).replace("ex:", "https://ns.example/")] })
    };
    let elements: Vec<Value> = (0..random.random_range(0..3)).map(|_| element(random)).collect();
    json!([{ "type": "urn:epcglobal:epcis:vtype:BusinessLocation", "vocabularyElementList": elements }])
}

/// The pairs of a random query.
pub fn ask(random: &mut StdRng) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for _ in 0..[0, 1, 1, 1, 1, 1, 2, 2, 3][random.random_range(0..9)] {
        let (name, value) = condition(random);
        if !pairs.iter().any(|(known, _)| *known == name) {
            pairs.push((name, value));
        }
    }
    let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
    let by = match random.random_range(0..6) {
        0 => Some("recordTime".to_owned()),
        1 => Some("eventTime".to_owned()),
        2 => Some(format!("{}{}", pick(random, &["", "ILMD_", "INNER_"]), name(random))),
        _ => None,
    };
    if let Some(by) = &by {
        add("orderBy", by.clone());
    }
    if some(random, 0.5) {
        add("orderDirection", pick(random, &["ASC", "DESC"]).to_owned());
    }
    if by.is_some() && some(random, 0.3) {
        add("eventCountLimit", random.random_range(1..12).to_string());
    } else if some(random, 0.3) {
        add("maxEventCount", random.random_range(1..30).to_string());
    }
    add("perPage", pick(random, &["1", "3", "7", "30"]).to_owned());
    pairs
}

fn list(random: &mut StdRng, one: impl Fn(&mut StdRng) -> String) -> String {
    (0..[1, 1, 2, 3][random.random_range(0..4)]).map(|_| one(random)).collect::<Vec<_>>().join("|")
}

fn name(random: &mut StdRng) -> String {
    let name = pick(random, &NAMES);
    match random.random_range(0..3) {
        0 => format!("https://ns.example/{name}"),
        1 => format!("https://ns.example#{name}"),
        _ => format!("q:{name}"),
    }
}

/// An operator that takes an order, and its name.
fn order(random: &mut StdRng) -> &'static str {
    ["GT_", "GE_", "LT_", "LE_"][random.random_range(0..4)]
}

fn condition(random: &mut StdRng) -> (String, String) {
    let to = |name: &str, value: String| (name.to_owned(), value);
    match random.random_range(0..15) {
        0 => to(
            "eventType",
            list(random, |r| {
                pick(r, &["ObjectEvent", "AggregationEvent", "TransformationEvent", "q:HarvestEvent"]).into()
            }),
        ),
        1 => {
            let name = ["GE_eventTime", "LT_eventTime"][random.random_range(0..2)];
            to(name, moment(random))
        }
        2 => {
            let name = ["GE_recordTime", "LT_recordTime"][random.random_range(0..2)];
            let minute = random.random_range(0..3);
            to(name, format!("2026-03-10T08:0{minute}:{:02}+08:00", random.random_range(0..60)))
        }
        3 => match random.random_range(0..3) {
            0 => to("EQ_action", list(random, |r| pick(r, &["ADD", "OBSERVE", "DELETE"]).into())),
            1 => to("EQ_bizStep", list(random, |r| pick(r, &ASKED_STEPS).into())),
            _ => {
                let name =
                    ["EQ_disposition", "EQ_persistentDisposition_set", "EQ_persistentDisposition_unset"]
                        [random.random_range(0..3)];
                to(name, list(random, |r| pick(r, &ASKED_DISPOSITIONS).into()))
            }
        },
        4 => {
            let name = ["EQ_readPoint", "EQ_bizLocation", "WD_readPoint", "WD_bizLocation"]
                [random.random_range(0..4)];
            to(name, list(random, asked_place))
        }
        5 | 6 => {
            let what = [
                "epc",
                "parentID",
                "inputEPC",
                "outputEPC",
                "anyEPC",
                "epcClass",
                "inputEPCClass",
                "outputEPCClass",
                "anyEPCClass",
            ];
            to(&format!("MATCH_{}", pick(random, &what)), list(random, pattern))
        }
        7 => match random.random_range(0..5) {
            0 => to("EQ_eventID", list(random, |r| format!("urn:uuid:{}", r.random_range(0..60)))),
            1 => to(
                "EQ_transformationID",
                list(random, |r| pick(r, &["urn:x:t1", "https://id.gs1.org/253/0614141123452400"]).into()),
            ),
            2 => to(
                &format!("EQ_bizTransaction_{}", pick(random, &["po", "inv", "rma"])),
                list(random, asked_uri),
            ),
            3 => to(
                "EQ_source_owning_party",
                list(random, |r| pick(r, &["https://id.gs1.org/417/4012345002256", "q:bay1"]).into()),
            ),
            _ => to(
                &format!("EQ_destination_{}", pick(random, &["location", "q:bay"])),
                list(random, |r| pick(r, &["urn:epc:id:pgln:4012345.00225", "q:bay1"]).into()),
            ),
        },
        8 => {
            let unit = ["", "_KGM", "_GRM", "_LBR", "_XYZ"][random.random_range(0..5)];
            match random.random_range(0..3) {
                0 => to(&format!("EQ_quantity{unit}"), list(random, |r| number(r).to_string())),
                _ => to(&format!("{}quantity{unit}", order(random)), number(random).to_string()),
            }
        }
        9 => {
            let name = pick(random, &["value", "minValue", "maxValue", "meanValue", "sDev", "percValue"]);
            let units = UNITS[random.random_range(0..3)];
            let unit = pick(random, &units);
            match random.random_range(0..4) {
                0 => to(&format!("EQ_{name}_{unit}"), list(random, |r| number(r).to_string())),
                1 => to(&format!("{}percRank", order(random)), number(random).to_string()),
                _ => to(&format!("{}{name}_{unit}", order(random)), number(random).to_string()),
            }
        }
        10 => sensor_condition(random),
        11 => match random.random_range(0..5) {
            0 => to("EXISTS_errorDeclaration", "true".into()),
            1 => to("EXISTS_sensorElementList", String::new()),
            2 => to(pick(random, &["GE_errorDeclarationTime", "LT_errorDeclaration_Time"]), moment(random)),
            3 => to(
                "EQ_errorReason",
                list(random, |r| {
                    pick(r, &["did_not_occur", "https://ref.gs1.org/cbv/ER-incorrect_data"]).into()
                }),
            ),
            _ => to("EQ_correctiveEventID", list(random, uri)),
        },
        12 => match random.random_range(0..2) {
            0 => to(
                &format!("HASATTR_{}", pick(random, &["readPoint", "bizLocation"])),
                list(random, |r| pick(r, &["cbvmda:country", "q:grade"]).into()),
            ),
            _ => to(
                &format!(
                    "EQATTR_{}_{}",
                    pick(random, &["readPoint", "bizLocation"]),
                    pick(random, &["urn:epcglobal:cbv:mda#country", "q:grade"])
                ),
                list(random, |r| pick(r, &["CN", "DE", "1.50", "A", "2026-02-01T08:00:00+08:00"]).into()),
            ),
        },
        _ => extension_condition(random),
    }
}

fn sensor_condition(random: &mut StdRng) -> (String, String) {
    let to = |name: &str, value: String| (name.to_owned(), value);
    match random.random_range(0..6) {
        0 => to("EQ_type", list(random, |r| pick(r, &["Temperature", "Mass", "gs1:Speed"]).into())),
        1 => to("EQ_stringValue", list(random, |r| pick(r, &["wet", "Wet", "1"]).into())),
        2 => to("EQ_booleanValue", pick(random, &["true", "false"]).into()),
        3 => to("EQ_hexBinaryValue", list(random, |r| pick(r, &["F0", "f0f0"]).into())),
        4 => {
            let name = pick(
                random,
                &["GE_time", "LT_time", "GE_startTime", "LT_startTime", "GE_endTime", "LT_endTime"],
            );
            to(name, moment(random))
        }
        _ => {
            let name = pick(
                random,
                &[
                    "deviceID",
                    "dataProcessingMethod",
                    "bizRules",
                    "microorganism",
                    "chemicalSubstance",
                    "uriValue",
                ],
            );
            to(&format!("EQ_{name}"), list(random, asked_uri))
        }
    }
}

fn extension_condition(random: &mut StdRng) -> (String, String) {
    let holder = pick(
        random,
        &[
            "",
            "",
            "",
            "ILMD_",
            "ILMD_",
            "ERROR_DECLARATION_",
            "readPoint_",
            "bizLocation_",
            "SENSORELEMENT_",
            "SENSORMETADATA_",
            "SENSORREPORT_",
        ],
    );
    let inner = if some(random, 0.4) { "INNER_" } else { "" };
    let field = format!("{inner}{holder}{}", name(random));
    match random.random_range(0..4) {
        0 => (format!("EXISTS_{field}"), pick(random, &["", "true", "1"]).to_owned()),
        1 => {
            let bound = if some(random, 0.6) { number(random).to_string() } else { moment(random) };
            (format!("{}{field}", order(random)), bound)
        }
        _ => {
            let value = |random: &mut StdRng| match random.random_range(0..4) {
                0 => number(random).to_string(),
                1 => moment(random),
                _ => pick(
                    random,
                    &["A", "B", "red", "字", "true", "https://id.gs1.org/01/10614141123459/21/1"],
                )
                .to_owned(),
            };
            (format!("EQ_{field}"), list(random, value))
        }
    }
}
