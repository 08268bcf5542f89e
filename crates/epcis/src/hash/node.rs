use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::context::Context;
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
    pub fn leaf(name: String, value: &str) -> Self {
        // Space around a value says nothing.
        Self { name, value: Some(value.trim().to_owned()), children: Vec::new() }
    }
}

/// The context of a document, and the members that it asks to leave out.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    context: Context,
    /// Shared with what stands inside.
    ignored: Arc<BTreeSet<String>>,
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
    "{http://www.w3.org/2000/01/rdf-schema#}comment",
    "comment",
    "#text",
];

impl Names {
    pub fn of(context: Context) -> Self {
        Self { context, ignored: Arc::default() }
    }

    /// The names of something inside that declares more.
    pub fn with(&self, context: Option<&Value>) -> Cow<'_, Self> {
        match self.context.with(context) {
            Cow::Borrowed(_) => Cow::Borrowed(self),
            Cow::Owned(context) => Cow::Owned(Self { context, ignored: self.ignored.clone() }),
        }
    }

    /// The name of a member of others as `{namespace}name`; another name as it is.
    pub fn resolve<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.context.split(name) {
            Some(split) => Cow::Owned(braced(split.namespace, split.local)),
            None => Cow::Borrowed(name),
        }
    }

    /// Has more members left out.
    pub fn ignore(&mut self, names: impl IntoIterator<Item = String>) {
        Arc::make_mut(&mut self.ignored).extend(names);
    }

    pub fn ignores(&self, name: &str) -> bool {
        IGNORED.contains(&name) || self.ignored.contains(name)
    }

    /// The tree of an event in JSON.
    pub fn event(&self, event: &Map<String, Value>) -> Result<Node, EpcisError> {
        Limits::depth_only().check_members(event)?;
        Ok(Node { children: self.members(event, false), ..Node::default() })
    }

    /// The members of an object; what an extension holds is never one of the standard's wrappers.
    fn members(&self, map: &Map<String, Value>, in_extension: bool) -> Vec<Node> {
        let mut nodes = Vec::new();
        for (written, value) in map {
            let name = self.resolve(written).into_owned();
            if self.ignores(&name) {
                continue;
            }
            let in_extension = in_extension || is_of_others(&name);
            match (item_name(&name), value) {
                (Some(item), Value::Array(items)) if !in_extension => {
                    let mut children = Vec::new();
                    items.iter().for_each(|value| self.add(item, value, false, &mut children));
                    nodes.push(Node { name, value: None, children });
                }
                _ => self.add(&name, value, in_extension, &mut nodes),
            }
        }
        nodes
    }

    /// A list that is none of the standard's wrappers repeats its member.
    pub fn add(&self, name: &str, value: &Value, in_extension: bool, nodes: &mut Vec<Node>) {
        let leaf = |text: &str| Node::leaf(name.to_owned(), text);
        match value {
            Value::Null => {}
            Value::Bool(value) => nodes.push(leaf(&value.to_string())),
            Value::Number(value) => nodes.push(leaf(&value.to_string())),
            Value::String(value) => nodes.push(leaf(value)),
            Value::Array(items) => items.iter().for_each(|item| self.add(name, item, in_extension, nodes)),
            Value::Object(map) => {
                let children = self.with(map.get("@context")).members(map, in_extension);
                // A text counts where there is nothing beside it.
                let text = map.get("#text").and_then(one_text).filter(|_| children.is_empty());
                nodes.push(Node {
                    name: name.to_owned(),
                    value: text.map(|t| t.trim().to_owned()),
                    children,
                });
            }
        }
    }
}

/// A text, or the only one in a list.
pub(crate) fn one_text(value: &Value) -> Option<&str> {
    let Value::Array(items) = value else { return value.as_str() };
    let says_something =
        |item: &&Value| !item.is_null() && item.as_array().is_none_or(|inner| !inner.is_empty());
    let mut said = items.iter().filter(says_something);
    let one = said.next().and_then(one_text);
    one.filter(|_| said.next().is_none())
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

/// True for names that are not of the standard.
pub(super) fn is_of_others(name: &str) -> bool {
    name.contains(['{', ':'])
}

/// `{namespace}name`
pub(super) fn braced(namespace: &str, local: &str) -> String {
    format!("{{{namespace}}}{local}")
}
