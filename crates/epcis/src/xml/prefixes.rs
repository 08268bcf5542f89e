use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::context::{self, STANDARD};

/// The prefixes under which the namespaces of an XML document stand in its JSON form.
#[derive(Default)]
pub(super) struct Prefixes(BTreeMap<String, String>);

impl Prefixes {
    /// The prefix for a namespace: the standard's own, the one that was written, or a fresh one where that means
    /// something else.
    pub fn of(&mut self, written: &str, iri: &str) -> String {
        if let Some(prefix) = context::default_prefix(iri) {
            return prefix.to_owned();
        }
        if self.0.get(written).is_some_and(|bound| bound == iri) {
            return written.to_owned();
        }
        if let Some((prefix, _)) = self.0.iter().find(|(_, bound)| *bound == iri) {
            return prefix.clone();
        }
        let is_free = |prefix: &str| context::may_be_declared(prefix) && !self.0.contains_key(prefix);
        let fresh = || (1..).map(|n| format!("ns{n}")).find(|prefix| is_free(prefix)).unwrap_or_default();
        let prefix = if is_free(written) { written.to_owned() } else { fresh() };
        self.0.insert(prefix.clone(), iri.to_owned());
        prefix
    }

    /// The `@context` of the document.
    pub fn into_context(self) -> Value {
        if self.0.is_empty() {
            return json!([STANDARD]);
        }
        let terms: Map<String, Value> = self.0.into_iter().map(|(p, iri)| (p, Value::String(iri))).collect();
        json!([STANDARD, terms])
    }
}
