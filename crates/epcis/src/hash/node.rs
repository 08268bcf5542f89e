use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::document::Limits;
use crate::error::EpcisError;

/// What an event says as a tree, whichever format it came in.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Empty for the event itself and for a pair in a list; `{namespace}name` outside the standard.
    pub name: String,
    pub value: Option<String>,
    pub children: Vec<Node>,
}

impl Node {
    pub fn leaf(name: String, value: String) -> Self {
        Self { name, value: Some(value), children: Vec::new() }
    }
}

/// The prefixes of a document, and the members that it asks to leave out.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub prefixes: BTreeMap<String, String>,
    pub ignored: BTreeSet<String>,
}

/// Members that are no part of what happened.
const IGNORED: &[&str] = &[
    "recordTime",
    "eventID",
    "errorDeclaration",
    "declarationTime",
    "reason",
    "correctiveEventIDs",
    "@context",
    "rdfs:comment",
    "{http://www.w3.org/2000/01/rdf-schema#}comment",
    "comment",
    "#text",
];

impl Names {
    pub fn of_context(context: Option<&Value>) -> Self {
        let mut names = Self::default();
        for (prefix, iri) in [
            ("gs1", "https://gs1.org/voc/"),
            ("cbv", "https://ref.gs1.org/cbv/"),
            ("cbvmda", "urn:epcglobal:cbv:mda"),
        ] {
            names.prefixes.insert(prefix.to_owned(), iri.to_owned());
        }
        if let Some(context) = context {
            names.read(context);
        }
        names
    }

    /// Takes the prefixes of a context, however its lists are nested.
    pub fn read(&mut self, context: &Value) {
        match context {
            Value::Object(map) => {
                for (prefix, iri) in map {
                    if let Some(iri) = iri.as_str() {
                        self.prefixes.insert(prefix.clone(), iri.to_owned());
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.read(item)),
            _ => {}
        }
    }

    /// `prefix:name` and a whole IRI as `{namespace}name`; a bare name as it is.
    pub fn resolve(&self, name: &str) -> String {
        if name.starts_with("http://") || name.starts_with("https://") {
            return match name.rfind('#').or_else(|| name.rfind('/')) {
                Some(at) => format!("{{{}}}{}", &name[..=at], &name[at + 1..]),
                None => name.to_owned(),
            };
        }
        match name.split_once(':').and_then(|(prefix, local)| Some((self.prefixes.get(prefix)?, local))) {
            Some((iri, local)) => format!("{{{iri}}}{local}"),
            None => name.to_owned(),
        }
    }

    pub fn ignores(&self, name: &str) -> bool {
        IGNORED.contains(&name) || self.ignored.contains(name)
    }

    /// The tree of an event in JSON.
    pub fn event(&self, event: &Map<String, Value>) -> Result<Node, EpcisError> {
        Limits::depth_only().check_members(event)?;
        Ok(Node { children: self.members(event), ..Node::default() })
    }

    fn members(&self, map: &Map<String, Value>) -> Vec<Node> {
        let mut nodes = Vec::new();
        for (written, value) in map {
            let name = self.resolve(written);
            if self.ignores(&name) || self.ignores(written) {
                continue;
            }
            match (item_name(&name), value) {
                (Some(item), Value::Array(items)) => {
                    let mut children = Vec::new();
                    items.iter().for_each(|value| self.add(item, value, &mut children));
                    nodes.push(Node { name, value: None, children });
                }
                _ => self.add(&name, value, &mut nodes),
            }
        }
        nodes
    }

    /// A list that is none of the standard's wrappers repeats its member.
    fn add(&self, name: &str, value: &Value, nodes: &mut Vec<Node>) {
        let leaf = |text: String| Node::leaf(name.to_owned(), text);
        match value {
            Value::Null => {}
            Value::Bool(value) => nodes.push(leaf(value.to_string())),
            Value::Number(value) => nodes.push(leaf(value.to_string())),
            Value::String(value) => nodes.push(leaf(value.clone())),
            Value::Array(items) => items.iter().for_each(|item| self.add(name, item, nodes)),
            Value::Object(map) => {
                nodes.push(Node { name: name.to_owned(), value: None, children: self.members(map) });
            }
        }
    }
}

/// The element that a standard list wraps around its items in XML; none around pairs.
fn item_name(list: &str) -> Option<&'static str> {
    Some(match list {
        "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList" => "epc",
        "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
            "quantityElement"
        }
        "sensorElementList" => "sensorElement",
        "bizTransactionList" | "sourceList" | "destinationList" => "",
        _ => return None,
    })
}
