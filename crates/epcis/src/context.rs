use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a JSON-LD `@context` says, as far as it can be known without fetching anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Terms and prefixes that stand in the document, with their IRIs.
    terms: BTreeMap<String, String>,
    /// Contexts that the document only points to.
    pub remote: BTreeSet<String>,
}

/// Prefixes that the published EPCIS context defines.
const DEFAULT: &[(&str, &str)] = &[
    ("cbv", "https://ref.gs1.org/cbv/"),
    ("cbvmda", "urn:epcglobal:cbv:mda:"),
    ("epcis", "https://ref.gs1.org/epcis/"),
    ("gs1", "https://gs1.org/voc/"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

impl Context {
    /// Reads the value of an `@context` member: a URI, an object of terms, or a list of both.
    pub fn read(value: &Value) -> Self {
        let mut context = Self::default();
        context.add(value);
        context
    }

    /// The context of something inside that declares more.
    pub fn with(&self, value: Option<&Value>) -> Cow<'_, Self> {
        let Some(value) = value else { return Cow::Borrowed(self) };
        let mut inner = self.clone();
        inner.add(value);
        Cow::Owned(inner)
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(uri) => {
                self.remote.insert(uri.clone());
            }
            // A list in a list has no meaning in JSON-LD, so one level is enough.
            Value::Array(items) => {
                items.iter().filter(|item| !item.is_array()).for_each(|item| self.add(item))
            }
            Value::Object(map) => {
                for (term, target) in map {
                    let iri = target.as_str().or_else(|| target.get("@id").and_then(Value::as_str));
                    if let Some(iri) = iri.filter(|_| !term.starts_with('@')) {
                        self.terms.insert(term.clone(), iri.to_owned());
                    }
                }
            }
            _ => {}
        }
    }

    /// True where the document itself gives the bare term a meaning.
    pub fn defines(&self, term: &str) -> bool {
        self.terms.contains_key(term)
    }

    /// The IRI of a term or compact IRI; what cannot be expanded stays as it is.
    pub fn expand<'a>(&self, term: &'a str) -> Cow<'a, str> {
        if let Some(iri) = self.terms.get(term) {
            return Cow::Owned(self.resolve_prefix(iri).unwrap_or_else(|| iri.clone()));
        }
        self.resolve_prefix(term).map_or(Cow::Borrowed(term), Cow::Owned)
    }

    fn resolve_prefix(&self, compact: &str) -> Option<String> {
        let (prefix, local) = compact.split_once(':')?;
        if local.starts_with("//") {
            return None;
        }
        let own = self.terms.get(prefix).map(String::as_str);
        let iri = own.or_else(|| DEFAULT.iter().find(|(p, _)| *p == prefix).map(|(_, iri)| *iri))?;
        Some(format!("{iri}{local}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prefixes_and_terms_expand_to_their_iris() {
        let context = Context::read(&json!([
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            { "ex": "https://ns.example/", "grade": { "@id": "ex:grade", "@type": "xsd:string" } }
        ]));
        assert_eq!(context.expand("ex:farm"), "https://ns.example/farm");
        assert_eq!(context.expand("grade"), "https://ns.example/grade");
        assert_eq!(context.expand("cbv:BizStep-shipping"), "https://ref.gs1.org/cbv/BizStep-shipping");
        assert_eq!(context.expand("https://a/b"), "https://a/b");
        assert_eq!(context.expand("bizStep"), "bizStep");
        assert!(context.defines("grade") && !context.defines("bizStep"));
    }

    #[test]
    fn a_context_of_any_shape_is_read_without_harm() {
        for value in [json!(null), json!(7), json!([[["x"]]]), json!({ "@vocab": "x", "a": 3 })] {
            assert_eq!(Context::read(&value), Context::default());
        }
    }
}
