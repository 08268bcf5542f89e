//! Members of others.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Printer;
use super::text::{attribute, decimal, scalar, text};
use crate::context::Context;
use crate::hash::one_text;
use crate::vocabulary::Vocabulary;
use crate::xml::bindings::may_be_bound;
use crate::xml::source::XSI;
use crate::xml::{STRUCTURED, names};

/// The attribute that names those which are JSON.
const NOTE: &str = "structured";

/// The namespace and name that an attribute has for a reader: of one namespace there may be several prefixes (Namespaces in
/// XML, section 6.3).
fn meant(key: &str, name: &str, context: &Context) -> (String, String) {
    match context.split(key).filter(|split| may_be_bound(split.namespace)) {
        Some(split) => (split.namespace.to_owned(), split.local.to_owned()),
        None => (String::new(), name.to_owned()),
    }
}

impl Printer {
    /// Members as attributes. A value that no attribute can hold is written as JSON, under a note that says so.
    pub(super) fn attributes<'a>(
        &mut self,
        members: impl Iterator<Item = (&'a String, &'a Value)>,
        context: &Context,
        is_sensor: bool,
    ) {
        let mut structured = String::new();
        // The note itself stands once as well.
        let mut written = BTreeSet::from([(STRUCTURED.to_owned(), NOTE.to_owned())]);
        for (key, value) in members {
            let words = match key.as_str() {
                "type" if is_sensor => Some(Vocabulary::Measurement),
                "exception" if is_sensor => Some(Vocabulary::SensorAlert),
                "component" if is_sensor => Some(Vocabulary::SensorComponent),
                _ => None,
            };
            let name = self.name(key, context);
            // Of two spellings of one name the first stands.
            if !value.is_null() && !written.insert(meant(key, &name, context)) {
                continue;
            }
            match value {
                Value::Null => {}
                Value::String(told) => {
                    if !key.contains(':') {
                        self.bind_value(told, context);
                    }
                    let cbv = self.cbv;
                    let value = words.map_or(Cow::Borrowed(told.as_str()), |words| cbv.word(words, told));
                    attribute(&mut self.out, &name, &value);
                }
                Value::Number(_) | Value::Bool(_) => attribute(&mut self.out, &name, &decimal(value)),
                Value::Array(_) | Value::Object(_) => {
                    let value = self.renamed(value, context);
                    attribute(&mut self.out, &name, &value.to_string());
                    structured.push_str(if structured.is_empty() { "" } else { " " });
                    structured.push_str(&name);
                }
            }
        }
        if !structured.is_empty() {
            let prefix = self.bindings.prefix("json", STRUCTURED);
            let name = format!("{prefix}:{NOTE}");
            attribute(&mut self.out, &name, &structured);
        }
    }

    /// A member of others, at any depth.
    pub(super) fn extension(&mut self, key: &str, value: &Value, context: &Context) {
        match value {
            Value::Null => return,
            // A set within a set is one set (JSON-LD 1.1, section 4.3.2).
            Value::Array(items) => {
                return items.iter().for_each(|item| self.extension(key, item, context));
            }
            _ => {}
        }
        let name = self.name(key, context);
        self.out.push('<');
        self.out.push_str(&name);
        let written_type = match value {
            Value::Object(members) => return self.content(members, &name, context),
            Value::Bool(_) => "xsd:boolean",
            Value::Number(number) if number.is_f64() => "xsd:double",
            Value::Number(_) => "xsd:integer",
            _ => "",
        };
        if !written_type.is_empty() {
            attribute(&mut self.out, "xsi:type", written_type);
        }
        self.out.push('>');
        text(&mut self.out, &scalar(value));
        self.end(&name);
    }

    /// What an element of others holds, from behind its name.
    pub(super) fn content(&mut self, members: &Map<String, Value>, name: &str, outer: &Context) {
        let context = outer.with(members.get("@context"));
        let own_text = members.get("#text").and_then(one_text);
        // Where there is a text, members that are texts were attributes.
        let is_attribute = |key: &str, value: &Value| {
            let namespace = context.split(key).map(|split| split.namespace.to_owned());
            value.is_string()
                && (own_text.is_some() || key.starts_with("xml:"))
                && key != "xmlns"
                && namespace.as_deref() != Some(XSI)
        };
        let shown = |key: &str| key != "@context" && (key != "#text" || own_text.is_none());
        let (attributes, mut children): (Vec<_>, Vec<_>) =
            members.iter().filter(|(key, _)| shown(key)).partition(|(key, value)| is_attribute(key, value));
        let mut written = BTreeSet::new();
        for (key, value) in attributes {
            let name = self.name(key, &context);
            // Two spellings of one name: an element has an attribute once.
            if !written.insert(meant(key, &name, &context)) {
                children.push((key, value));
                continue;
            }
            attribute(&mut self.out, &name, value.as_str().unwrap_or_default());
        }
        self.out.push('>');
        for (key, value) in children {
            self.extension(key, value, &context);
        }
        text(&mut self.out, own_text.unwrap_or_default());
        self.end(name);
    }

    /// The qualified name of a member.
    pub(super) fn name(&mut self, key: &str, context: &Context) -> String {
        match context.split(key) {
            Some(split) => self.bindings.name(&split),
            None => match key.strip_prefix("xml:") {
                Some(local) => format!("xml:{}", names::encode(local)),
                None => names::encode(key).into_owned(),
            },
        }
    }

    /// Declares the prefix of a value that is a compact IRI.
    pub(super) fn bind_value(&mut self, value: &str, context: &Context) {
        if let Some((prefix, local)) = value.split_once(':')
            && !local.starts_with("//")
            && let Some(iri) = context.prefix(prefix)
        {
            self.bindings.declare(prefix, iri);
        }
    }

    /// A value that is printed as JSON, its member names under the prefixes that are declared here.
    fn renamed(&mut self, value: &Value, outer: &Context) -> Value {
        match value {
            Value::Object(members) => {
                let context = outer.with(members.get("@context"));
                let mut renamed = Map::new();
                for (key, value) in members.iter().filter(|(key, _)| *key != "@context") {
                    let name = match context.split(key).filter(|split| may_be_bound(split.namespace)) {
                        Some(split) => {
                            let wanted = split.prefix.unwrap_or_default();
                            let prefix = self.bindings.prefix(wanted, split.namespace);
                            format!("{prefix}:{}", split.local)
                        }
                        None => context.expand_name(key).into_owned(),
                    };
                    renamed.insert(name, self.renamed(value, &context));
                }
                Value::Object(renamed)
            }
            Value::Array(items) => items.iter().map(|item| self.renamed(item, outer)).collect(),
            other => other.clone(),
        }
    }
}
