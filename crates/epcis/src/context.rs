//! What a JSON-LD `@context` says, as far as it can be known without fetching anything.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::error::Rule;

/// The published context of EPCIS 2.0, which is built in.
pub const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// The namespace of the members of the standard.
pub(crate) const EPCIS: &str = "https://ref.gs1.org/epcis/";

/// What a JSON-LD `@context` says. It is shared with what stands inside, until something there declares more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Terms and prefixes that stand in the document, with their IRIs.
    terms: Arc<BTreeMap<String, String>>,
    /// `@vocab`: the namespace of bare names that nothing else defines.
    vocabulary: Option<Arc<str>>,
}

/// Prefixes of the standard. All but that of master data stand in the published EPCIS context, which is `@protected`:
/// by JSON-LD 1.1, section 4.1.11, a document that gives one of them another meaning is in error.
const DEFAULT: &[(&str, &str)] = &[
    ("cbv", "https://ref.gs1.org/cbv/"),
    ("cbvmda", CBV_MDA),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("epcis", EPCIS),
    ("gs1", "https://gs1.org/voc/"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// The namespace of the attributes of master data as XML documents and event hashes have it. Names in it are joined
/// by a colon, with which JSON documents that declare it end it.
const CBV_MDA: &str = "urn:epcglobal:cbv:mda";

/// Members of the standard, which no context may redefine.
const MEMBERS: &[&str] = &[
    "action",
    "attribute",
    "attributes",
    "bizLocation",
    "bizRules",
    "bizStep",
    "bizTransaction",
    "bizTransactionList",
    "booleanValue",
    "certificationInfo",
    "chemicalSubstance",
    "childEPCs",
    "childQuantityList",
    "children",
    "component",
    "coordinateReferenceSystem",
    "correctiveEventIDs",
    "creationDate",
    "dataProcessingMethod",
    "declarationTime",
    "destination",
    "destinationList",
    "deviceID",
    "deviceMetadata",
    "disposition",
    "endTime",
    "epcClass",
    "epcList",
    "epcisBody",
    "epcisHeader",
    "epcisMasterData",
    "errorDeclaration",
    "eventID",
    "eventList",
    "eventTime",
    "eventTimeZoneOffset",
    "exception",
    "hexBinaryValue",
    "id",
    "ilmd",
    "inputEPCList",
    "inputQuantityList",
    "instanceIdentifier",
    "maxValue",
    "meanValue",
    "microorganism",
    "minValue",
    "outputEPCList",
    "outputQuantityList",
    "parentID",
    "percRank",
    "percValue",
    "persistentDisposition",
    "quantity",
    "quantityList",
    "queryName",
    "queryResults",
    "rawData",
    "readPoint",
    "reason",
    "receiver",
    "recordTime",
    "resultsBody",
    "sDev",
    "schemaVersion",
    "sender",
    "sensorElementList",
    "sensorMetadata",
    "sensorReport",
    "set",
    "source",
    "sourceList",
    "startTime",
    "stringValue",
    "subscriptionID",
    "time",
    "transformationID",
    "type",
    "unset",
    "uom",
    "uriValue",
    "value",
    "vocabularyElementList",
    "vocabularyList",
];

/// Contexts that are built in: the published one, and where its drafts lay.
const KNOWN: &[&str] = &[
    STANDARD,
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld",
    "https://gs1.github.io/EPCIS/epcis-context.jsonld",
];

/// Terms of one context at most.
const TERMS_MAX: usize = 256;
/// Bytes of a term, and of the IRI that it stands for: both may be written once for each value under them.
const TERM_BYTES_MAX: usize = 256;

/// What a term may stand for, one thing behind the other; a few are usual.
pub const MEANINGS_MAX: usize = 8;

/// True for the name of a member of the standard.
pub fn is_member(name: &str) -> bool {
    MEMBERS.binary_search(&name).is_ok()
}

/// Types of events and documents of the standard, which no context may redefine either.
const TYPES: &[&str] = &[
    "AggregationEvent",
    "AssociationEvent",
    "EPCISDocument",
    "EPCISQueryDocument",
    "ObjectEvent",
    "TransactionEvent",
    "TransformationEvent",
];

/// How identifiers begin that are no compact IRIs: a prefix of that name would make others of them.
const SCHEMES: &[&str] = &["http", "https", "urn", "ni"];

/// Whether a context may be declared by a document that is captured.
pub fn is_taken(value: &Value) -> bool {
    check(value).is_ok()
}

/// Refuses a context that has to be fetched, or that gives a term of the standard another meaning.
pub(crate) fn check(value: &Value) -> Result<(), Rule> {
    let fits = |value: &Value| match value {
        Value::String(uri) if KNOWN.contains(&uri.as_str()) => Ok(()),
        Value::String(uri) => Err(Rule::RemoteContext(uri.clone())),
        Value::Object(terms) if terms.len() > TERMS_MAX => {
            Err(Rule::Limit { what: "terms in a context", max: TERMS_MAX })
        }
        Value::Object(terms) if terms.iter().any(|(term, target)| is_long(term, target)) => {
            Err(Rule::Limit { what: "bytes in a term or namespace", max: TERM_BYTES_MAX })
        }
        Value::Object(terms) => match terms.iter().find(|(term, iri)| is_protected(term, iri)) {
            Some((term, _)) => Err(Rule::ProtectedTerm(term.clone())),
            None => match terms.iter().find(|(term, target)| !is_read(term, target)) {
                Some((term, _)) => Err(Rule::UnreadTerm(term.clone())),
                None => Ok(()),
            },
        },
        _ => Err(Rule::Kind("a URI, an object of terms, or a list of both")),
    };
    let terms = |value: &Value| value.as_object().map_or(0, serde_json::Map::len);
    match value {
        Value::Array(items) if items.iter().map(terms).sum::<usize>() > TERMS_MAX => {
            Err(Rule::Limit { what: "terms in a context", max: TERMS_MAX })
        }
        Value::Array(items) => items.iter().try_for_each(fits),
        other => fits(other),
    }
}

/// True for a term that is not a document's to define, unless it only says again what a prefix of the standard means.
fn is_protected(term: &str, target: &Value) -> bool {
    let iri = iri_of(target);
    let is_other =
        |(prefix, known): &(&str, &str)| *prefix == term && *known != CBV_MDA && iri != Some(known);
    is_member(term) || TYPES.contains(&term) || SCHEMES.contains(&term) || DEFAULT.iter().any(is_other)
}

/// True for what is read of a context: a namespace, or a term that stands for an IRI. What else JSON-LD would make of it
/// (`@import`, contexts within terms, other names of keywords) would be read by others and not here.
fn is_read(term: &str, target: &Value) -> bool {
    const OF_TERMS: &[&str] = &["@id", "@type", "@container"];
    let is_known = match target {
        Value::String(_) => true,
        Value::Object(members) => {
            !term.starts_with('@')
                && members.iter().all(|(name, value)| OF_TERMS.contains(&name.as_str()) && is_said(value))
        }
        _ => false,
    };
    let is_name = !term.starts_with('@') || term == "@vocab";
    is_known && is_name && !iri_of(target).is_some_and(has_form_of_keyword)
}

/// What a term has under a keyword: a text, or some, such as the containers of one.
fn is_said(value: &Value) -> bool {
    const TEXTS_MAX: usize = 4;
    match value {
        Value::Array(items) => items.len() <= TEXTS_MAX && items.iter().all(Value::is_string),
        value => value.is_string(),
    }
}

/// JSON-LD 1.1 reads what looks like a keyword as one, known or not: an at sign before letters alone (section 5.2.2,
/// IRI expansion, step 2).
fn has_form_of_keyword(iri: &str) -> bool {
    iri.strip_prefix('@').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

fn is_long(term: &str, target: &Value) -> bool {
    term.len().max(iri_of(target).map_or(0, str::len)) > TERM_BYTES_MAX
}

/// The IRI that a context gives to a term.
fn iri_of(target: &Value) -> Option<&str> {
    target.as_str().or_else(|| target.get("@id").and_then(Value::as_str))
}

/// The prefix that the published context gives to a namespace.
pub(crate) fn default_prefix(iri: &str) -> Option<&'static str> {
    DEFAULT.iter().find(|(_, known)| *known == iri).map(|(prefix, _)| *prefix)
}

/// True for a prefix that a document may declare: it is neither defined by the standard otherwise nor begins other URIs.
pub(crate) fn may_be_declared(prefix: &str, iri: &str) -> bool {
    const OF_XML: &[&str] = &["xml", "xmlns", "_", ""];
    let is_same = |known: &str| iri.strip_suffix(':').unwrap_or(iri) == known;
    !SCHEMES.contains(&prefix)
        && !OF_XML.contains(&prefix)
        && !TYPES.contains(&prefix)
        && !DEFAULT.iter().any(|(name, known)| *name == prefix && !is_same(known))
        && !is_member(prefix)
}

fn join(namespace: &str, local: &str) -> String {
    let colon = if namespace == CBV_MDA { ":" } else { "" };
    format!("{namespace}{colon}{local}")
}

/// A member's name apart: the namespace, what follows it, and the prefix that it was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split<'a> {
    pub namespace: &'a str,
    pub local: &'a str,
    pub prefix: Option<&'a str>,
}

impl Split<'_> {
    /// The whole IRI.
    pub fn whole(&self) -> String {
        join(self.namespace, self.local)
    }
}

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
            // A list in a list has no meaning in JSON-LD, so one level is enough.
            Value::Array(items) => {
                items.iter().filter(|item| !item.is_array()).for_each(|item| self.add(item))
            }
            Value::Object(map) => {
                for (term, target) in map {
                    match iri_of(target) {
                        Some(iri) if term == "@vocab" => self.vocabulary = Some(iri.into()),
                        Some(iri) if !term.starts_with('@') => {
                            Arc::make_mut(&mut self.terms).insert(term.clone(), iri.to_owned());
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// How many terms the document itself defines.
    pub(crate) fn terms_count(&self) -> usize {
        self.terms.len()
    }

    /// Refuses what [`check`] refuses of terms, for each may be written out as often as a name or value stands under it.
    pub(crate) fn check_lengths(&self) -> Result<(), Rule> {
        let terms = self.terms.iter().flat_map(|(term, iri)| [term.as_str(), iri]);
        match terms.chain(self.vocabulary.as_deref()).all(|text| text.len() <= TERM_BYTES_MAX) {
            true => Ok(()),
            false => Err(Rule::Limit { what: "bytes in a term or namespace", max: TERM_BYTES_MAX }),
        }
    }

    /// True where the document itself gives the bare term a meaning.
    pub fn defines(&self, term: &str) -> bool {
        self.terms.contains_key(term) || self.vocabulary.is_some() && !term.contains(':') && !is_keyword(term)
    }

    /// True for a name that belongs to a namespace of others.
    pub(crate) fn is_extension(&self, name: &str) -> bool {
        if !name.contains(':') && self.terms.is_empty() && self.vocabulary.is_none() {
            return false;
        }
        let is_standard = |iri: &str| iri.starts_with(EPCIS);
        self.split(name).is_some_and(|split| !is_standard(&split.whole()))
            && !self.meanings(name).any(|iri| is_standard(&iri))
    }

    /// What a term or compact IRI may stand for, as a term and by its prefix, one thing behind the other, itself first:
    /// whoever expands it stops somewhere among them. Whoever asks what is named looks at each; what has more than
    /// [`MEANINGS_MAX`] has no end.
    pub fn meanings<'a>(&'a self, term: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        let mut found = vec![Cow::Borrowed(term)];
        let mut at = 0;
        while at < found.len() && found.len() <= MEANINGS_MAX {
            let known = &*found[at];
            let (term, prefix) = (self.terms.get(known).cloned(), self.resolve_prefix(known));
            let prefix = prefix.filter(|iri| term.as_ref() != Some(iri));
            found.extend(term.into_iter().chain(prefix).map(Cow::Owned));
            at += 1;
        }
        found.into_iter()
    }

    /// The IRI of a term or compact IRI; what cannot be expanded stays as it is.
    pub fn expand<'a>(&self, term: &'a str) -> Cow<'a, str> {
        if let Some(iri) = self.terms.get(term) {
            return Cow::Owned(self.resolve_prefix(iri).unwrap_or_else(|| iri.clone()));
        }
        self.resolve_prefix(term).map_or(Cow::Borrowed(term), Cow::Owned)
    }

    /// The same for the name of a member, which `@vocab` may expand as well.
    pub(crate) fn expand_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.split(name) {
            Some(split) => Cow::Owned(split.whole()),
            None => Cow::Borrowed(name),
        }
    }

    /// Terms of the document, each of which may stand before others.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (&str, &str)> {
        self.terms.iter().map(|(term, iri)| (term.as_str(), iri.as_str()))
    }

    /// The IRI behind a prefix: the document's own, or one that the published context defines.
    pub(crate) fn prefix(&self, prefix: &str) -> Option<&str> {
        let own = self.terms.get(prefix).map(String::as_str);
        own.or_else(|| DEFAULT.iter().find(|(p, _)| *p == prefix).map(|(_, iri)| *iri))
    }

    /// The namespace and the rest of a member's name; `None` for members of the standard, keywords, and bare names
    /// that nothing defines.
    pub(crate) fn split<'a>(&'a self, name: &'a str) -> Option<Split<'a>> {
        // The prefix of XML itself needs no declaration, and means nothing else.
        if name.contains(':') {
            return Some(self.split_iri(name)).filter(|_| !name.starts_with("xml:"));
        }
        if is_member(name) || is_keyword(name) {
            return None;
        }
        if let Some(iri) = self.terms.get(name) {
            return Some(self.split_iri(iri));
        }
        let namespace = self.vocabulary.as_deref()?;
        Some(Split { namespace, local: name, prefix: None })
    }

    /// A compact IRI apart behind its prefix, a whole one behind its last fragment sign, slash or colon that leaves a
    /// name which a prefix can stand before: one that is not empty, and that `//` does not begin.
    fn split_iri<'a>(&'a self, iri: &'a str) -> Split<'a> {
        if let Some((prefix, local)) = iri.split_once(':').filter(|(_, local)| !local.starts_with("//"))
            && let Some(namespace) = self.prefix(prefix)
        {
            return Split { namespace, local, prefix: Some(prefix) };
        }
        const SIGNS: [char; 3] = ['#', '/', ':'];
        let leaves_name = |at: &usize| *at < iri.len() && !iri[*at..].starts_with("//");
        let behind_last = |sign| iri.rmatch_indices(sign).map(|(at, _)| at + 1).find(leaves_name);
        let nowhere = if iri.ends_with(SIGNS) { iri.len() } else { 0 };
        let at = SIGNS.into_iter().find_map(behind_last).unwrap_or(nowhere);
        Split { namespace: &iri[..at], local: &iri[at..], prefix: None }
    }

    fn resolve_prefix(&self, compact: &str) -> Option<String> {
        let (prefix, local) = compact.split_once(':')?;
        if local.starts_with("//") {
            return None;
        }
        Some(join(self.prefix(prefix)?, local))
    }
}

fn is_keyword(name: &str) -> bool {
    name.starts_with(['@', '#'])
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
    fn a_context_says_nothing_that_is_not_read() {
        for read in [
            json!({ "@vocab": "https://v.example/", "ex": "https://ns.example/" }),
            json!({ "odd": "@ns1:" }),
            json!({ "ex:day": { "@type": "xsd:date" }, "a": { "@id": "ex:a", "@type": "@id", "@container": "@list" } }),
        ] {
            assert_eq!(check(&json!([STANDARD, read])), Ok(()), "{read}");
        }
        for (unread, term) in [
            (json!({ "@import": "https://ns.example/" }), "@import"),
            (json!({ "@base": "https://ns.example/" }), "@base"),
            (json!({ "@propagate": false }), "@propagate"),
            (json!({ "kind": "@type" }), "kind"),
            (json!({ "k": "@" }), "k"),
            (json!({ "kind": { "@id": "@type" } }), "kind"),
            (json!({ "a": { "@id": "ex:a", "@context": { "b": "ex:c" } } }), "a"),
            (json!({ "a": { "@reverse": "ex:a" } }), "a"),
            (json!({ "a": { "@id": "ex:a", "@type": [["@id"]] } }), "a"),
            (json!({ "a": { "@id": "ex:a", "@container": ["@list", {}] } }), "a"),
            (json!({ "a": { "@id": "ex:a", "@type": vec!["ex:b"; 5] } }), "a"),
            (json!({ "a": null }), "a"),
        ] {
            assert_eq!(check(&json!([unread, STANDARD])), Err(Rule::UnreadTerm(term.into())), "{unread}");
        }
    }

    #[test]
    fn what_declares_nothing_shares_the_terms_around_it() {
        let outer = Context::read(&json!({ "@vocab": "https://v.example/", "p": "https://ns.example/" }));
        for nothing in [json!({}), json!([STANDARD, {}]), json!({ "@vocab": "https://other.example/" })] {
            assert!(Arc::ptr_eq(&outer.with(Some(&nothing)).terms, &outer.terms), "{nothing}");
        }
        let inner = json!({ "q": "https://q.example/" });
        assert_eq!(outer.with(Some(&inner)).expand("q:a"), "https://q.example/a");
        assert_eq!(outer.expand("q:a"), "q:a");
    }

    #[test]
    fn a_context_of_any_shape_is_read_without_harm() {
        for value in [json!(null), json!(7), json!([[["x"]]]), json!({ "@base": "x", "a": 3 })] {
            assert_eq!(Context::read(&value), Context::default());
        }
    }
}
