//! Rules for the members of an event (EPCIS 2.0, section 7.4, and the published JSON schema).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::event::EventType;
use super::shape::{self, Shape};
use crate::context::Context;
use crate::error::{EpcisError, Rule};
use crate::moment;
use crate::path::Path;
use crate::units;
use crate::vocabulary::Vocabulary;

const COMMON: &[&str] = &[
    "@context",
    "type",
    "eventTime",
    "recordTime",
    "eventTimeZoneOffset",
    "eventID",
    "certificationInfo",
    "errorDeclaration",
];
const CONTEXTUAL: &[&str] = &[
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "bizTransactionList",
    "sourceList",
    "destinationList",
    "sensorElementList",
];

fn own_members(event_type: &EventType) -> &'static [&'static str] {
    match event_type {
        EventType::Object => &["action", "epcList", "quantityList", "ilmd"],
        EventType::Aggregation | EventType::Association => {
            &["action", "parentID", "childEPCs", "childQuantityList"]
        }
        EventType::Transaction => &["action", "parentID", "epcList", "quantityList"],
        EventType::Transformation => &[
            "inputEPCList",
            "inputQuantityList",
            "outputEPCList",
            "outputQuantityList",
            "transformationID",
            "ilmd",
        ],
        // What others build on the standard may use any of its members, for what they are.
        EventType::Other(_) => &[
            "action",
            "childEPCs",
            "childQuantityList",
            "epcList",
            "ilmd",
            "inputEPCList",
            "inputQuantityList",
            "outputEPCList",
            "outputQuantityList",
            "parentID",
            "quantityList",
            "transformationID",
        ],
    }
}

pub(super) fn check_event(
    event: &Shape,
    event_type: &EventType,
    context: &Context,
) -> Result<(), EpcisError> {
    event.need("eventTime")?;
    event.need("eventTimeZoneOffset")?;
    check_contexts(event.map, event.path)?;
    event.check("eventTime", shape::time)?;
    event.check("eventTimeZoneOffset", shape::offset)?;
    event.check("recordTime", shape::time)?;
    event.check("eventID", shape::uri)?;
    check_certification(event)?;
    check_error_declaration(event, context)?;
    let names = [COMMON, CONTEXTUAL, own_members(event_type)].concat();
    event.known(&names, context)?;
    check_contextual(event, context)?;
    check_things(event)?;
    check_type_rules(event, event_type)
}

/// A context inside an event may say no more than that of a document.
fn check_contexts(members: &Map<String, Value>, path: &Path) -> Result<(), EpcisError> {
    members.iter().try_for_each(|(name, value)| {
        let path = path.member(name);
        match name.as_str() {
            "@context" => crate::context::check(value).map_err(|rule| EpcisError::at(path.to_string(), rule)),
            _ => check_contexts_in(value, &path),
        }
    })
}

fn check_contexts_in(value: &Value, path: &Path) -> Result<(), EpcisError> {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(i, item)| check_contexts_in(item, &path.item(i)))
        }
        Value::Object(members) => check_contexts(members, path),
        _ => Ok(()),
    }
}

fn check_certification(event: &Shape) -> Result<(), EpcisError> {
    match event.map.get("certificationInfo") {
        Some(Value::Array(_)) => event.each("certificationInfo", shape::uri),
        _ => event.check("certificationInfo", shape::uri),
    }
}

fn check_error_declaration(event: &Shape, context: &Context) -> Result<(), EpcisError> {
    let path = event.path.member("errorDeclaration");
    let Some(value) = event.map.get("errorDeclaration") else { return Ok(()) };
    let declaration = Shape::of(value, &path)?;
    declaration.known(&["declarationTime", "reason", "correctiveEventIDs"], context)?;
    declaration.need("declarationTime")?;
    declaration.check("declarationTime", shape::time)?;
    declaration.check("reason", |value| shape::word(value, Vocabulary::ErrorReason))?;
    declaration.each("correctiveEventIDs", shape::uri)
}

fn check_contextual(event: &Shape, context: &Context) -> Result<(), EpcisError> {
    event.check("action", |value| shape::one_of(value, &["ADD", "OBSERVE", "DELETE"]))?;
    event.check("bizStep", |value| shape::word(value, Vocabulary::BizStep))?;
    event.check("disposition", |value| shape::word(value, Vocabulary::Disposition))?;
    for name in ["readPoint", "bizLocation"] {
        let path = event.path.member(name);
        if let Some(value) = event.map.get(name) {
            let place = Shape::of(value, &path)?;
            place.known(&["id"], context)?;
            place.need("id")?;
            place.check("id", shape::epc)?;
        }
    }
    check_persistent_disposition(event)?;
    check_pairs(event, "bizTransactionList", "bizTransaction", Vocabulary::BizTransactionType)?;
    check_pairs(event, "sourceList", "source", Vocabulary::SourceDestinationType)?;
    check_pairs(event, "destinationList", "destination", Vocabulary::SourceDestinationType)?;
    check_sensors(event, context)?;
    let path = event.path.member("ilmd");
    match event.map.get("ilmd") {
        Some(value) => Shape::of(value, &path)?.known(&[], context),
        None => Ok(()),
    }
}

fn check_persistent_disposition(event: &Shape) -> Result<(), EpcisError> {
    let path = event.path.member("persistentDisposition");
    let Some(value) = event.map.get("persistentDisposition") else { return Ok(()) };
    let persistent = Shape::of(value, &path)?;
    persistent.only(&["set", "unset"])?;
    for name in ["set", "unset"] {
        if persistent.map.contains_key(name) && persistent.items(name)?.is_empty() {
            return Err(persistent.refuse(name, Rule::NeedsOneOf("the dispositions")));
        }
        persistent.each(name, |value| shape::word(value, Vocabulary::Disposition))?;
        persistent.distinct(name)?;
    }
    let bare = |value| Value::as_str(value).map(|word| Vocabulary::Disposition.bare(word));
    if let Some(at) = first_among(persistent.items("set")?, persistent.items("unset")?, bare) {
        return Err(EpcisError::at(path.member("set").item(at).to_string(), Rule::SetAndUnset));
    }
    if persistent.map.is_empty() {
        return Err(EpcisError::at(path.to_string(), Rule::NeedsOneOf("set, unset")));
    }
    Ok(())
}

/// The place of the first item whose word is one of others'; each is looked at once.
fn first_among<'a>(
    items: &'a [Value],
    others: &'a [Value],
    mut word: impl FnMut(&'a Value) -> Option<&'a str>,
) -> Option<usize> {
    let others: HashSet<&str> = others.iter().filter_map(&mut word).collect();
    items.iter().position(|item| word(item).is_some_and(|word| others.contains(word)))
}

/// Lists of a type and an identifier: business transactions, sources, destinations.
fn check_pairs(event: &Shape, list: &str, what: &str, types: Vocabulary) -> Result<(), EpcisError> {
    let list_path = event.path.member(list);
    for (i, item) in event.items(list)?.iter().enumerate() {
        let path = list_path.item(i);
        let pair = Shape::of(item, &path)?;
        pair.only(&["type", what])?;
        pair.need(what)?;
        if what != "bizTransaction" {
            pair.need("type")?;
        }
        pair.check(what, shape::epc)?;
        pair.check("type", |value| shape::word(value, types))?;
    }
    Ok(())
}

fn check_sensors(event: &Shape, context: &Context) -> Result<(), EpcisError> {
    const METADATA_URIS: &[&str] =
        &["deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"];
    const TIMES: &[&str] = &["time", "startTime", "endTime"];
    let list_path = event.path.member("sensorElementList");
    for (i, item) in event.items("sensorElementList")?.iter().enumerate() {
        let path = list_path.item(i);
        let element = Shape::of(item, &path)?;
        element.known(&["sensorMetadata", "sensorReport"], context)?;
        let metadata_path = path.member("sensorMetadata");
        if let Some(value) = element.map.get("sensorMetadata") {
            let metadata = Shape::of(value, &metadata_path)?;
            metadata.known(&[METADATA_URIS, TIMES].concat(), context)?;
            METADATA_URIS.iter().try_for_each(|name| metadata.check(name, shape::epc))?;
            TIMES.iter().try_for_each(|name| metadata.check(name, shape::time))?;
            let time = |name: &str| metadata.map.get(name).and_then(Value::as_str).and_then(moment::exact);
            if let (Some(start), Some(end)) = (time("startTime"), time("endTime"))
                && start.is_after(&end)
            {
                return Err(metadata.refuse("startTime", Rule::After("endTime")));
            }
        }
        element.need("sensorReport")?;
        let reports = element.items("sensorReport")?;
        if reports.is_empty() {
            return Err(element.refuse("sensorReport", Rule::NeedsOneOf("the reports")));
        }
        let reports_path = path.member("sensorReport");
        for (j, report) in reports.iter().enumerate() {
            check_report(&Shape::of(report, &reports_path.item(j))?, context)?;
        }
    }
    Ok(())
}

fn check_report(report: &Shape, context: &Context) -> Result<(), EpcisError> {
    const URIS: &[&str] = &[
        "deviceID",
        "deviceMetadata",
        "rawData",
        "dataProcessingMethod",
        "bizRules",
        "microorganism",
        "chemicalSubstance",
        "coordinateReferenceSystem",
        "uriValue",
    ];
    const NUMBERS: &[&str] = &["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];
    const OTHERS: &[&str] =
        &["type", "exception", "time", "component", "stringValue", "booleanValue", "hexBinaryValue", "uom"];
    report.known(&[URIS, NUMBERS, OTHERS].concat(), context)?;
    // XML takes a report of an exception without the type of what was measured, as published examples have it.
    if !report.map.contains_key("exception") {
        report.need("type")?;
    }
    report.check("type", |value| shape::word(value, Vocabulary::Measurement))?;
    report.check("exception", |value| shape::word(value, Vocabulary::SensorAlert))?;
    report.check("component", |value| shape::word(value, Vocabulary::SensorComponent))?;
    report.check("time", shape::time)?;
    report.check("booleanValue", shape::boolean)?;
    report.check("stringValue", |value| shape::text(value).map(|_| ()))?;
    report.check("uom", |value| shape::text(value).map(|_| ()))?;
    report.check("hexBinaryValue", |value| {
        let hex = shape::text(value)?;
        let fits = !hex.is_empty() && hex.len() % 2 == 0 && hex.bytes().all(|c| c.is_ascii_hexdigit());
        if fits { Ok(()) } else { Err(Rule::Kind("pairs of hexadecimal digits")) }
    })?;
    URIS.iter().try_for_each(|name| report.check(name, shape::epc))?;
    NUMBERS.iter().try_for_each(|name| report.check(name, shape::number))?;
    check_figures(report)
}

/// What the numbers of a report say together (EPCIS 2.0, section 7.3.7.3).
fn check_figures(report: &Shape) -> Result<(), EpcisError> {
    let number = |name: &str| report.map.get(name).and_then(Value::as_f64);
    let text = |name: &str| report.map.get(name).and_then(Value::as_str);
    match (number("percRank"), number("percValue")) {
        (Some(_), None) => return Err(report.refuse("percRank", Rule::Together("percValue"))),
        (None, Some(_)) => return Err(report.refuse("percValue", Rule::Together("percRank"))),
        (Some(rank), _) if !(0.0..=100.0).contains(&rank) => {
            return Err(report.refuse("percRank", Rule::Range(0, 100)));
        }
        _ => {}
    }
    if number("sDev").is_some_and(|deviation| deviation < 0.0) {
        return Err(report.refuse("sDev", Rule::Negative));
    }
    if let (Some(min), Some(max)) = (number("minValue"), number("maxValue"))
        && min > max
    {
        return Err(report.refuse("minValue", Rule::Above("maxValue")));
    }
    if let (Some(uom), Some(measurement)) = (text("uom"), text("type")) {
        let measurement = Vocabulary::Measurement.bare(measurement);
        if !units::may_measure(measurement, uom) {
            let rule = Rule::UnitOf { uom: uom.to_owned(), measurement: measurement.to_owned() };
            return Err(report.refuse("uom", rule));
        }
    }
    Ok(())
}

fn check_things(event: &Shape) -> Result<(), EpcisError> {
    for name in ["epcList", "childEPCs", "inputEPCList", "outputEPCList"] {
        event.each(name, shape::instance)?;
        event.distinct(name)?;
    }
    event.check("parentID", shape::instance)?;
    if let Some(parent) = event.map.get("parentID") {
        let list = event.path.member("childEPCs");
        if let Some(at) = event.items("childEPCs")?.iter().position(|child| child == parent) {
            return Err(EpcisError::at(list.item(at).to_string(), Rule::OwnParent));
        }
    }
    event.check("transformationID", shape::uri)?;
    for name in ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"] {
        let list_path = event.path.member(name);
        for (i, item) in event.items(name)?.iter().enumerate() {
            check_quantity(&Shape::of(item, &list_path.item(i))?)?;
        }
    }
    Ok(())
}

fn check_quantity(element: &Shape) -> Result<(), EpcisError> {
    element.only(&["epcClass", "quantity", "uom"])?;
    element.need("epcClass")?;
    element.check("epcClass", shape::class)?;
    element.check("uom", |value| {
        let uom = shape::text(value)?;
        if units::is_code(uom) { Ok(()) } else { Err(Rule::Uom(uom.to_owned())) }
    })?;
    let measured = element.map.contains_key("uom");
    if measured {
        element.need("quantity")?;
    }
    element.check("quantity", |value| {
        shape::number(value)?;
        let amount = value.as_f64().ok_or(Rule::Kind("a number"))?;
        if amount < 0.0 {
            Err(Rule::Negative)
        } else if !measured && amount.fract() != 0.0 {
            Err(Rule::Fraction)
        } else {
            Ok(())
        }
    })
}

fn check_type_rules(event: &Shape, event_type: &EventType) -> Result<(), EpcisError> {
    let has = |name: &str| event.map.contains_key(name);
    let filled = |name: &str| event.items(name).is_ok_and(|items| !items.is_empty());
    let action = event.map.get("action").and_then(Value::as_str);
    let needs = |what| Err(EpcisError::at(event.path.to_string(), Rule::NeedsOneOf(what)));
    if !matches!(event_type, EventType::Transformation | EventType::Other(_)) {
        event.need("action")?;
    }
    match event_type {
        EventType::Object => {
            if action != Some("ADD") && has("ilmd") {
                return Err(event.refuse("ilmd", Rule::Forbidden("ilmd without action ADD")));
            }
            let observed = filled("sensorElementList") && has("readPoint");
            if !has("epcList") && !filled("quantityList") && !observed {
                return needs("epcList, quantityList, sensorElementList with readPoint");
            }
        }
        EventType::Aggregation | EventType::Association => {
            // An observation may know the children and not the parent; an association always names it.
            if *event_type == EventType::Association || action != Some("OBSERVE") {
                event.need("parentID")?;
            }
            if action != Some("DELETE") && !filled("childEPCs") && !filled("childQuantityList") {
                return needs("childEPCs, childQuantityList");
            }
        }
        EventType::Transaction => {
            event.need("bizTransactionList")?;
            if !filled("bizTransactionList") {
                return Err(event.refuse("bizTransactionList", Rule::NeedsOneOf("the transactions")));
            }
            if action != Some("DELETE") && !has("epcList") && !filled("quantityList") {
                return needs("epcList, quantityList");
            }
        }
        EventType::Transformation => {
            let inputs = filled("inputEPCList") || filled("inputQuantityList");
            let outputs = filled("outputEPCList") || filled("outputQuantityList");
            // Parts of one transformation share its id and may have either side only.
            if !(inputs && outputs || has("transformationID") && (inputs || outputs)) {
                return needs("inputs and outputs, transformationID with either");
            }
        }
        EventType::Other(_) => {}
    }
    Ok(())
}

/// A vocabulary of the master data in the header.
pub(super) fn check_vocabulary(value: &Value, path: &Path) -> Result<(), EpcisError> {
    let vocabulary = Shape::of(value, path)?;
    vocabulary.need("type")?;
    vocabulary.check("type", shape::uri)?;
    let list_path = path.member("vocabularyElementList");
    for (i, item) in vocabulary.items("vocabularyElementList")?.iter().enumerate() {
        let element_path = list_path.item(i);
        let element = Shape::of(item, &element_path)?;
        element.need("id")?;
        element.check("id", shape::epc)?;
        element.each("children", shape::uri)?;
        let attributes_path = element_path.member("attributes");
        for (j, item) in element.items("attributes")?.iter().enumerate() {
            let path = attributes_path.item(j);
            let attribute = Shape::of(item, &path)?;
            attribute.need("id")?;
            attribute.check("id", shape::uri)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_two_lists_is_found_with_one_look_at_each_item() {
        let words = |of: &str| (0..2_000).map(|n| Value::from(format!("{of}:{n}"))).collect::<Vec<_>>();
        let (set, mut unset) = (words("a"), words("b"));
        unset.push("a:1999".into());
        let mut looks = 0;
        let found = first_among(&set, &unset, |value| {
            looks += 1;
            value.as_str()
        });
        assert_eq!((found, looks), (Some(1_999), set.len() + unset.len()));
    }
}
