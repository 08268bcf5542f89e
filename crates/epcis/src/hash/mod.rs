//! The event hash of CBV 2.0: an identifier that follows from what an event says.
//!
//! The crate `epcis-hash` gives every published hash as well, but takes any URL with `/01/` in its path for a
//! GS1 key, so that different events share a hash; cuts EPC URNs inside characters, which panics; and needs
//! five times as long. So the canonical form is ours.

mod node;
mod render;
mod value;
mod xml;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::document::Limits;
use crate::error::{EpcisError, Rule};
use crate::json;
pub(crate) use node::one_text;
use node::{Names, Node};

/// The hash of one event as `ni:///sha-256;...?ver=CBV2.0`, under the `@context` of its document.
pub fn event_hash(event: &Map<String, Value>, context: &Value) -> Result<String, EpcisError> {
    hash_json(event, &Names::of(Context::read(context)))
}

/// The hashes of all events of a JSON document, in their order.
pub fn json_hashes(json: &[u8], limits: &Limits) -> Result<Vec<String>, EpcisError> {
    let document = json::parse(json, limits)?;
    let mut names = Names::of(document.get("@context").map(Context::read).unwrap_or_default());
    let body = document.get("epcisBody");
    let results = body.and_then(|body| body.get("queryResults"));
    for holder in [Some(&document), results].into_iter().flatten() {
        add_ignored(holder, &mut names);
    }
    let holder = results.and_then(|results| results.get("resultsBody")).or(body);
    let events = match holder {
        Some(holder) => holder.get("eventList").and_then(Value::as_array).map_or(&[][..], Vec::as_slice),
        None => std::slice::from_ref(&document),
    };
    let hash = |event: &Value| match event {
        Value::Object(event) => hash_json(event, &names),
        _ => Err(EpcisError::at("", Rule::Kind("an object"))),
    };
    events.iter().map(hash).collect()
}

/// The hashes of all events of an XML document, in their order.
pub fn xml_hashes(xml: &[u8], limits: &Limits) -> Result<Vec<String>, EpcisError> {
    let (root, names) = xml::read(xml, limits)?;
    let mut hashes = Vec::new();
    hash_events(root, &names, &mut hashes);
    Ok(hashes)
}

fn hash_json(event: &Map<String, Value>, names: &Names) -> Result<String, EpcisError> {
    let event_type = event.get("type").and_then(Value::as_str);
    let event_type = event_type.ok_or_else(|| EpcisError::at("type", Rule::Missing))?;
    let names = names.with(event.get("@context"));
    Ok(hash_text(&render::pre_hash(&names.resolve(event_type), &names.event(event)?)))
}

fn hash_events(node: Node, names: &Names, hashes: &mut Vec<String>) {
    const TYPES: &[&str] =
        &["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"];
    match node.name.as_str() {
        // Here stand events alone, those of other types too.
        "EventList" => hashes.extend(node.children.into_iter().map(|event| hash_node(event, names))),
        name if TYPES.contains(&name) => hashes.push(hash_node(node, names)),
        "" | "EPCISDocument" | "EPCISQueryDocument" | "EPCISBody" | "QueryResults" | "resultsBody" => {
            node.children.into_iter().for_each(|child| hash_events(child, names, hashes));
        }
        _ => {}
    }
}

fn hash_node(node: Node, names: &Names) -> String {
    let event = Node { name: String::new(), value: None, children: without_ignored(node.children, names) };
    hash_text(&render::pre_hash(&node.name, &event))
}

fn without_ignored(children: Vec<Node>, names: &Names) -> Vec<Node> {
    let kept = children.into_iter().filter(|child| !names.ignores(&child.name));
    kept.map(|child| Node { children: without_ignored(child.children, names), ..child }).collect()
}

/// A repository may ask that members it added are left out.
fn add_ignored(holder: &Value, names: &mut Names) {
    const IGNORE_FIELDS: &str = "{https://repository-x.example.com/}ignoreFields";
    let Some(map) = holder.as_object() else { return };
    let asks = |name: &str| name == "ignoreFields" || names.resolve(name) == IGNORE_FIELDS;
    let lists = map.iter().filter(|(name, _)| asks(name)).filter_map(|(_, value)| value.as_array());
    let fields: Vec<String> =
        lists.flatten().filter_map(Value::as_str).map(|field| names.resolve(field).into_owned()).collect();
    names.ignore(fields);
}

fn hash_text(text: &str) -> String {
    format!("ni:///sha-256;{}?ver=CBV2.0", hex::encode(Sha256::digest(text.as_bytes())))
}
