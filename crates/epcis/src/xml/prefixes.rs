use serde_json::{Map, Value, json};

use super::bindings::Bindings;
use crate::context::{STANDARD, default_prefix, may_be_declared};

/// The prefixes under which the namespaces of an XML document stand in its JSON form.
pub(super) struct Prefixes(Bindings);

impl Prefixes {
    pub fn new() -> Self {
        Self(Bindings::new(may_be_declared))
    }

    /// The prefix for a namespace: the standard's own, the one that was written, or another where that means
    /// something else.
    pub fn of<'a>(&'a mut self, written: &str, iri: &str) -> &'a str {
        match default_prefix(iri) {
            Some(prefix) => prefix,
            None => self.0.prefix(written, iri),
        }
    }

    /// Declares a prefix as it was written, if it can be: values may be written with it, also where the standard has a
    /// prefix of its own for the namespace.
    pub fn declare(&mut self, written: &str, iri: &str) {
        if default_prefix(iri) != Some(written) {
            self.0.declare(written, iri);
        }
    }

    pub fn begin_event(&mut self) {
        self.0.begin_event(std::iter::empty());
    }

    /// The `@context` that the event needs beside that of its document.
    pub fn end_event(&mut self) -> Option<Value> {
        let own = self.0.end_event();
        if own.is_empty() { None } else { Some(Value::Object(terms(own))) }
    }

    /// The `@context` of the document.
    pub fn into_context(self) -> Value {
        let terms = terms(self.0.into_root());
        if terms.is_empty() { json!([STANDARD]) } else { json!([STANDARD, terms]) }
    }
}

fn terms(bindings: Vec<(String, String)>) -> Map<String, Value> {
    bindings.into_iter().map(|(prefix, iri)| (prefix, Value::String(iri))).collect()
}
