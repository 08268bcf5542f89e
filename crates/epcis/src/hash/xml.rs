//! The tree of an event in XML: bounded, and without a document type that declares anything, so that there are
//! no entities to expand.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event as Xml};

use super::node::{Names, Node};
use crate::document::Limits;
use crate::error::{EpcisError, Rule};

const EPCIS: &[&str] =
    &["urn:epcglobal:epcis:xsd:1", "urn:epcglobal:epcis:xsd:2", "https://ref.gs1.org/epcis/"];
/// Elements that EPCIS 1 wrapped around what later versions added.
const WRAPPERS: &[&str] = &["extension", "baseExtension"];
/// Namespaces of an element count for those inside it, so their number is bounded.
const ATTRIBUTES_MAX: usize = 64;
/// An event has some tens of elements, its lists one for each item.
const ELEMENTS_PER_ITEM: usize = 16;

/// Reads a whole document into one tree, with the members that its envelope asks to leave out.
pub(super) fn read(xml: &str, limits: &Limits) -> Result<(Node, Names), EpcisError> {
    let over = |what, max| EpcisError::at("", Rule::Limit { what, max });
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut open: Vec<(Node, Scope)> = vec![(Node::default(), Scope::new())];
    let elements_max = limits.items_max.saturating_mul(ELEMENTS_PER_ITEM);
    let mut elements = 0_usize;
    loop {
        let event = reader.read_event().map_err(|error| bad(error.to_string()))?;
        match event {
            // Published examples carry a bare `<!DOCTYPE project>`; what could declare anything is refused.
            Xml::DocType(text) if !text.iter().all(u8::is_ascii_alphanumeric) => {
                return Err(EpcisError::at("", Rule::Doctype));
            }
            Xml::Start(ref element) | Xml::Empty(ref element) => {
                elements += 1;
                if elements > elements_max {
                    return Err(over("elements", elements_max));
                }
                if open.len() > limits.depth_max {
                    return Err(over("levels of nesting", limits.depth_max));
                }
                let scope = &open.last().ok_or_else(|| bad("no root".to_owned()))?.1;
                let started = start(element, scope)?;
                open.push(started);
                if matches!(event, Xml::Empty(_)) {
                    close(&mut open);
                }
            }
            Xml::End(_) if open.len() > 1 => close(&mut open),
            Xml::Text(text) => add_text(&mut open, &text.decode().map_err(|e| bad(e.to_string()))?, limits)?,
            Xml::CData(text) => add_text(&mut open, &text.decode().map_err(|e| bad(e.to_string()))?, limits)?,
            Xml::GeneralRef(name) => {
                let text = match name.resolve_char_ref().map_err(|error| bad(error.to_string()))? {
                    Some(c) => c.to_string(),
                    None => predefined(&name)?.to_owned(),
                };
                add_text(&mut open, &text, limits)?;
            }
            Xml::Eof => break,
            _ => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some((mut root, _)), true) => {
            trim(&mut root);
            let mut names = Names::default();
            collect_ignored(&root, &mut names);
            Ok((root, names))
        }
        _ => Err(bad("an element is not closed".to_owned())),
    }
}

/// Prefixes and their namespaces; the empty prefix is the default namespace.
type Scope = BTreeMap<String, String>;

fn bad(why: String) -> EpcisError {
    EpcisError::at("", Rule::Xml(why))
}

fn predefined(name: &[u8]) -> Result<&'static str, EpcisError> {
    Ok(match name {
        b"amp" => "&",
        b"lt" => "<",
        b"gt" => ">",
        b"quot" => "\"",
        b"apos" => "'",
        other => return Err(bad(format!("entity {:?} is not defined", String::from_utf8_lossy(other)))),
    })
}

fn start(element: &BytesStart, outer: &Scope) -> Result<(Node, Scope), EpcisError> {
    let mut scope = outer.clone();
    let mut plain = Vec::new();
    for (i, attribute) in element.attributes().enumerate() {
        if i >= ATTRIBUTES_MAX {
            return Err(EpcisError::at("", Rule::Limit { what: "attributes", max: ATTRIBUTES_MAX }));
        }
        let attribute = attribute.map_err(|error| bad(error.to_string()))?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let written = String::from_utf8_lossy(&attribute.value);
        let value =
            quick_xml::escape::unescape(&written).map_err(|error| bad(error.to_string()))?.into_owned();
        match key.strip_prefix("xmlns") {
            Some("") => drop(scope.insert(String::new(), value)),
            Some(prefix) if prefix.starts_with(':') => drop(scope.insert(prefix[1..].to_owned(), value)),
            _ => plain.push((key, value)),
        }
    }
    let name = resolve(&String::from_utf8_lossy(element.name().as_ref()), &scope, true);
    let mut node = Node { name, ..Node::default() };
    for (key, value) in plain {
        if !key.starts_with("xsi:") && !key.starts_with("xsd:") {
            node.children.push(Node::leaf(resolve(&key, &scope, false), value));
        }
    }
    Ok((node, scope))
}

/// `{namespace}name`, or the bare name in the namespaces of EPCIS; attributes have no default namespace.
fn resolve(name: &str, scope: &Scope, is_element: bool) -> String {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    match scope.get(prefix).filter(|_| is_element || !prefix.is_empty()) {
        Some(namespace) if EPCIS.contains(&namespace.as_str()) || namespace.is_empty() => local.to_owned(),
        Some(namespace) => format!("{{{namespace}}}{local}"),
        None => name.to_owned(),
    }
}

fn close(open: &mut Vec<(Node, Scope)>) {
    let Some((mut node, _)) = open.pop() else { return };
    let Some((parent, _)) = open.last_mut() else { return };
    trim(&mut node);
    if WRAPPERS.contains(&node.name.as_str()) {
        parent.children.append(&mut node.children);
        return;
    }
    let is_pair = matches!(node.name.as_str(), "bizTransaction" | "source" | "destination");
    if is_pair && node.children.iter().any(|child| child.name == "type") {
        // A pair is an element with a type in XML, an object of two members in JSON.
        let value = Node { name: node.name, value: node.value, children: Vec::new() };
        node.children.push(value);
        parent.children.push(Node { children: node.children, ..Node::default() });
    } else {
        parent.children.push(node);
    }
}

fn trim(node: &mut Node) {
    let text = node.value.take().map(|text| text.trim().to_owned());
    node.value = text.filter(|text| !text.is_empty());
}

fn add_text(open: &mut [(Node, Scope)], text: &str, limits: &Limits) -> Result<(), EpcisError> {
    let Some((node, _)) = open.last_mut() else { return Ok(()) };
    let value = node.value.get_or_insert_default();
    if value.len() + text.len() > limits.text_bytes_max {
        let rule = Rule::Limit { what: "bytes in a text", max: limits.text_bytes_max };
        return Err(EpcisError::at("", rule));
    }
    value.push_str(text);
    Ok(())
}

fn collect_ignored(node: &Node, names: &mut Names) {
    for child in node.children.iter().filter(|child| child.name != "EventList") {
        if child.name.ends_with("ignoreFields") {
            names.ignored.extend(child.children.iter().map(|field| field.name.clone()));
        } else {
            collect_ignored(child, names);
        }
    }
}
