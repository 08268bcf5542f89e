//! The tree of an event in XML.

use serde_json::Value;

use super::node::{Names, Node, braced, is_of_others};
use crate::context::Context;
use crate::document::Limits;
use crate::error::EpcisError;
use crate::xml::STRUCTURED;
use crate::xml::names;
use crate::xml::source::{Name, Namespace, Source, Step, Tag, listed};

/// Reads a whole document into one tree, with the members that its envelope asks to leave out.
pub(super) fn read(xml: &[u8], limits: &Limits) -> Result<(Node, Names), EpcisError> {
    let mut source = Source::new(xml, limits)?;
    let mut open: Vec<Node> = vec![Node::default()];
    loop {
        match source.next()? {
            Step::Open(tag) => open.push(start(&source, &tag)?),
            Step::Close => close(&mut open),
            Step::Text(text) => {
                let Some(node) = open.last_mut() else { continue };
                let value = node.value.get_or_insert_default();
                source.check_length(value.len() + text.len())?;
                value.push_str(&text);
            }
            Step::End => break,
        }
    }
    let mut root = open.pop().unwrap_or_default();
    trim(&mut root);
    let mut names = Names::default();
    collect_ignored(&root, &mut names);
    Ok((root, names))
}

fn start(source: &Source, tag: &Tag) -> Result<Node, EpcisError> {
    let mut node = Node { name: resolve(source, tag.name()), ..Node::default() };
    if !tag.has_attributes() {
        return Ok(node);
    }
    let attributes = source.attributes(tag)?;
    let is_note = |name: &Name| source.iri(name.namespace) == STRUCTURED;
    let note = attributes.iter().find(|(name, _)| is_note(name)).map(|(_, value)| value.as_str());
    let structured = listed(note.unwrap_or_default());
    let names = note.map(|_| Names::of(scope(source))).unwrap_or_default();
    for (name, value) in &attributes {
        // What belongs to the schema says nothing of the event.
        if name.namespace == Namespace::XSI || is_note(name) {
            continue;
        }
        let resolved = resolve(source, *name);
        let is_structured = structured.contains(&(name.prefix, name.local));
        let json = if is_structured { source.json(&resolved, value)? } else { None };
        match json {
            Some(value) => names.add(&resolved, &value, true, &mut node.children),
            None => node.children.push(Node::leaf(resolved, value)),
        }
    }
    Ok(node)
}

/// The prefixes of this place, for what stands in an attribute as JSON.
fn scope(source: &Source) -> Context {
    let terms = source.scope().map(|(prefix, iri)| (prefix.to_owned(), Value::String(iri.to_owned())));
    Context::read(&Value::Object(terms.collect()))
}

/// `{namespace}name`, or the bare name in the namespaces of EPCIS; attributes have no default namespace.
fn resolve(source: &Source, name: Name) -> String {
    let local = names::decode(name.local);
    match name.namespace {
        namespace if namespace.is_standard() => local.into_owned(),
        Namespace::XML => format!("xml:{local}"),
        namespace => braced(source.iri(namespace), &local),
    }
}

fn close(open: &mut Vec<Node>) {
    if open.len() < 2 {
        return;
    }
    let Some(mut node) = open.pop() else { return };
    trim(&mut node);
    let is_wrapper = is_wrapper(&node.name);
    let list = match node.name.as_str() {
        "bizTransaction" => "bizTransactionList",
        "source" => "sourceList",
        "destination" => "destinationList",
        _ => "",
    };
    let in_extension = (is_wrapper || !list.is_empty()) && in_extension(open);
    let Some(parent) = open.last_mut() else { return };
    if is_wrapper && !in_extension {
        parent.children.append(&mut node.children);
    } else if !list.is_empty() && parent.name == list && !in_extension {
        // A pair is an element with a type in XML, an object of two members in JSON.
        let value = Node { name: node.name, value: node.value, children: Vec::new() };
        node.children.push(value);
        parent.children.push(Node { children: node.children, ..Node::default() });
    } else {
        parent.children.push(node);
    }
}

/// Elements that EPCIS 1 wrapped around what later versions added.
fn is_wrapper(name: &str) -> bool {
    matches!(name, "extension" | "baseExtension")
}

/// True inside a member of others; an event whose type is theirs is an event all the same.
fn in_extension(open: &[Node]) -> bool {
    let list = open.iter().position(|node| node.name == "EventList");
    let members = list.map_or(open, |at| {
        let inside = &open[at + 1..];
        let event = inside.iter().position(|node| !is_wrapper(&node.name));
        event.map_or(&[][..], |event| &inside[event + 1..])
    });
    members.iter().any(|node| is_of_others(&node.name))
}

fn trim(node: &mut Node) {
    let text = node.value.take().map(|text| text.trim().to_owned());
    node.value = text.filter(|text| !text.is_empty());
}

fn collect_ignored(node: &Node, names: &mut Names) {
    for child in node.children.iter().filter(|child| child.name != "EventList") {
        if child.name.ends_with("ignoreFields") {
            names.ignore(child.children.iter().map(|field| field.name.clone()));
        } else {
            collect_ignored(child, names);
        }
    }
}
