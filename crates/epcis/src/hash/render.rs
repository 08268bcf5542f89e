//! The text that is hashed: every member as `name=value`, in the order that CBV 2.0 lays down, siblings sorted
//! by their text, user extensions last.

use super::node::Node;
use super::value::{extension_value, standard_value};

/// The text of an event of a type.
pub(super) fn pre_hash(event_type: &str, event: &Node) -> String {
    let mut bubbled = Vec::new();
    let parts = children("", event, "", &mut bubbled);
    let mut extensions = parts.extensions;
    extensions.append(&mut bubbled);
    extensions.sort();
    let text = format!("eventType={event_type}\n{}{}", parts.standard, extensions.concat());
    text.replace(['\n', '\r'], "")
}

struct Parts {
    standard: String,
    extensions: Vec<String>,
}

/// The members of the standard in their order, and the rest. A bare name that the standard does not know comes
/// up to the event, behind the names of what held it.
fn children(parent: &str, node: &Node, path: &str, bubbled: &mut Vec<String>) -> Parts {
    let mut standard = Vec::new();
    let mut extensions = Vec::new();
    let at_event = parent.is_empty() && node.name.is_empty();
    for child in &node.children {
        if at_event && child.name == "type" {
            continue;
        }
        if let Some(order) = order(parent, &child.name) {
            standard.push((order, standard_text(parent, child, path, bubbled)));
        } else if path.is_empty() || child.name.starts_with('{') || child.name.contains(':') {
            extensions.push(extension(&child.name, child));
        } else {
            bubbled.push(extension(&format!("{path}{}", child.name), child));
        }
    }
    standard.sort();
    Parts { standard: standard.into_iter().map(|(_, text)| text).collect(), extensions }
}

fn standard_text(parent: &str, node: &Node, path: &str, bubbled: &mut Vec<String>) -> String {
    if let (Some(value), true) = (&node.value, node.children.is_empty()) {
        return match value.as_str() {
            "" => String::new(),
            value => format!("{}={}\n", node.name, standard_value(parent, &node.name, value)),
        };
    }
    let holder = if node.name.is_empty() { parent } else { node.name.as_str() };
    let mut parts = children(holder, node, &format!("{path}{}", node.name), bubbled);
    parts.extensions.sort();
    let shown = if node.children.is_empty() { "" } else { node.name.as_str() };
    format!("{shown}{}{}", parts.standard, parts.extensions.concat())
}

fn extension(name: &str, node: &Node) -> String {
    if let (Some(value), true) = (&node.value, node.children.is_empty()) {
        return match extension_value(value) {
            value if value.is_empty() => format!("{name}\n"),
            value => format!("{name}={value}\n"),
        };
    }
    let mut inner: Vec<String> = node.children.iter().map(|child| extension(&child.name, child)).collect();
    inner.sort();
    format!("{name}\n{}", inner.concat())
}

/// The members of the standard by what holds them, in the order of the pre-hash.
fn order(parent: &str, name: &str) -> Option<usize> {
    let names: &[&str] = match parent {
        "" => &[
            "eventTime",
            "eventTimeZoneOffset",
            "certificationInfo",
            "parentID",
            "epcList",
            "inputEPCList",
            "childEPCs",
            "quantityList",
            "childQuantityList",
            "inputQuantityList",
            "outputEPCList",
            "outputQuantityList",
            "action",
            "transformationID",
            "bizStep",
            "disposition",
            "persistentDisposition",
            "readPoint",
            "bizLocation",
            "sensorElementList",
            // The three lists of pairs come last, sorted with each other.
            "bizTransactionList",
            "destinationList",
            "sourceList",
        ],
        "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList" => &["epc"],
        "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
            &["quantityElement"]
        }
        "quantityElement" => &["epcClass", "quantity", "uom"],
        "persistentDisposition" => &["set", "unset"],
        "readPoint" | "bizLocation" => &["id"],
        "sensorElementList" => &["sensorElement"],
        "sensorElement" => &["sensorMetadata", "sensorReport"],
        "sensorMetadata" => &[
            "time",
            "startTime",
            "endTime",
            "deviceID",
            "deviceMetadata",
            "rawData",
            "dataProcessingMethod",
            "bizRules",
        ],
        "sensorReport" => &[
            "type",
            "exception",
            "deviceID",
            "deviceMetadata",
            "rawData",
            "dataProcessingMethod",
            "time",
            "microorganism",
            "chemicalSubstance",
            "value",
            "component",
            "stringValue",
            "booleanValue",
            "hexBinaryValue",
            "uriValue",
            "minValue",
            "maxValue",
            "meanValue",
            "sDev",
            "percRank",
            "percValue",
            "uom",
            "coordinateReferenceSystem",
        ],
        "bizTransactionList" => &["", "type", "bizTransaction"],
        "sourceList" => &["", "type", "source"],
        "destinationList" => &["", "type", "destination"],
        _ => return None,
    };
    names.iter().position(|known| *known == name)
}
