//! JSON documents as XML of EPCIS 2.0, in the order that its schema lays down.

mod event;
mod extension;
mod text;

use serde_json::{Map, Value};

use super::bindings::{Bindings, SCHEMA};
use super::shape::Holder;
use super::{CbvFormat, Style};
use crate::context::Context;
use crate::document::{DocumentKind, carried_version};
pub(super) use text::{attribute, scalar, text};

const SBDH: &str = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader";
/// Prints a document whose events stand apart from it.
pub(crate) fn document<'a>(
    kind: DocumentKind,
    envelope: &Map<String, Value>,
    context: &Context,
    events: impl Iterator<Item = &'a Map<String, Value>> + Clone,
    style: &Style,
) -> String {
    let mut printer = Printer { out: String::new(), bindings: Bindings::of_xml(), cbv: style.cbv };
    envelope.values().for_each(|value| printer.bindings.heed(value));
    events.clone().flat_map(Map::values).for_each(|value| printer.bindings.heed(value));
    if let Some(id) = envelope.get("id").and_then(Value::as_str) {
        printer.bind_value(id, context);
    }
    printer.header(kind, envelope, context);
    printer.out.push_str("<EPCISBody>");
    match kind {
        DocumentKind::QueryResults => printer.results(envelope, context, events),
        DocumentKind::MasterData => {
            if let Some(list) = master_data(envelope) {
                printer.vocabularies(list, context);
            }
        }
        DocumentKind::Events | DocumentKind::Event => {
            printer.events(context, events);
            printer.rest(envelope.get("epcisBody"), context, &["eventList"]);
        }
    }
    printer.out.push_str("</EPCISBody>");
    let rest = envelope.iter().filter(|(name, _)| !is_envelope(name));
    rest.for_each(|(name, value)| printer.extension(name, value, context));
    printer.finish(kind, envelope, style)
}

fn is_envelope(name: &str) -> bool {
    const NAMES: &[&str] = &["@context", "type", "schemaVersion", "creationDate", "epcisHeader", "epcisBody"];
    NAMES.contains(&name) || ROOT_ATTRIBUTES.contains(&name)
}

/// Members of a JSON document for which the schema has no element, but takes any attribute.
const ROOT_ATTRIBUTES: &[&str] = &["id", "instanceIdentifier", "sender", "receiver"];

fn master_data(envelope: &Map<String, Value>) -> Option<&Vec<Value>> {
    envelope.get("epcisHeader")?.get("epcisMasterData")?.get("vocabularyList")?.as_array()
}

struct Printer {
    out: String,
    bindings: Bindings,
    cbv: CbvFormat,
}

impl Printer {
    /// Puts the root around what was printed, now that its namespaces are known.
    fn finish(self, kind: DocumentKind, envelope: &Map<String, Value>, style: &Style) -> String {
        let (prefix, namespace, name) = match kind {
            DocumentKind::QueryResults => ("epcisq", "urn:epcglobal:epcis-query:xsd:2", "EPCISQueryDocument"),
            DocumentKind::MasterData => {
                ("epcismd", "urn:epcglobal:epcis-masterdata:xsd:2", "EPCISMasterDataDocument")
            }
            DocumentKind::Events | DocumentKind::Event => {
                ("epcis", "urn:epcglobal:epcis:xsd:2", "EPCISDocument")
            }
        };
        let text = |name: &str| envelope.get(name).and_then(Value::as_str);
        let mut root = String::with_capacity(self.out.len() + 512);
        root.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
        root.push_str(&format!("{prefix}:{name}"));
        let own = std::iter::once((prefix, namespace)).chain(SCHEMA);
        own.for_each(|(prefix, iri)| attribute(&mut root, &format!("xmlns:{prefix}"), iri));
        for (prefix, iri) in self.bindings.into_root() {
            attribute(&mut root, &format!("xmlns:{prefix}"), &iri);
        }
        attribute(&mut root, "schemaVersion", &carried_version(text("schemaVersion").unwrap_or("2.0")));
        attribute(&mut root, "creationDate", text("creationDate").unwrap_or(style.created));
        for name in ROOT_ATTRIBUTES {
            if let Some(value) = text(name) {
                attribute(&mut root, name, value);
            }
        }
        root.push('>');
        root.push_str(&self.out);
        root.push_str(&format!("</{prefix}:{name}>\n"));
        root
    }

    fn header(&mut self, kind: DocumentKind, envelope: &Map<String, Value>, context: &Context) {
        let Some(header) = envelope.get("epcisHeader").and_then(Value::as_object) else { return };
        let vocabularies = if kind == DocumentKind::MasterData { None } else { master_data(envelope) };
        let is_sbdh = |name: &str| context.split(name).is_some_and(|split| split.namespace == SBDH);
        let (elements, others): (Vec<_>, Vec<_>) =
            header.iter().filter(|(name, _)| *name != "epcisMasterData").partition(|(name, _)| is_sbdh(name));
        if vocabularies.is_none() && elements.is_empty() && others.is_empty() {
            return;
        }
        self.out.push_str("<EPCISHeader");
        // The schema takes no element of others here, but any attribute.
        self.attributes(others.into_iter(), context, false);
        self.out.push('>');
        for (name, value) in elements {
            self.extension(name, value, context);
        }
        if let Some(list) = vocabularies {
            self.out.push_str("<extension><EPCISMasterData>");
            self.vocabularies(list, context);
            self.out.push_str("</EPCISMasterData></extension>");
        }
        self.out.push_str("</EPCISHeader>");
    }

    fn results<'a>(
        &mut self,
        envelope: &Map<String, Value>,
        context: &Context,
        events: impl Iterator<Item = &'a Map<String, Value>>,
    ) {
        let results = envelope.get("epcisBody").and_then(|body| body.get("queryResults"));
        let body = results.and_then(|results| results.get("resultsBody"));
        self.out.push_str("<epcisq:QueryResults>");
        for name in ["queryName", "subscriptionID"] {
            if let Some(text) = results.and_then(|results| results.get(name)).and_then(Value::as_str) {
                self.leaf(name, text);
            }
        }
        self.out.push_str("<resultsBody>");
        match body.and_then(|body| body.get("vocabularyList")).and_then(Value::as_array) {
            Some(list) => self.vocabularies(list, context),
            None => self.events(context, events),
        }
        self.rest(body, context, &["eventList", "vocabularyList"]);
        self.out.push_str("</resultsBody>");
        self.rest(results, context, &["queryName", "subscriptionID", "resultsBody"]);
        self.out.push_str("</epcisq:QueryResults>");
        self.rest(envelope.get("epcisBody"), context, &["queryResults"]);
    }

    /// Members of others beside those of the standard.
    fn rest(&mut self, holder: Option<&Value>, context: &Context, known: &[&str]) {
        for (name, value) in holder.and_then(Value::as_object).into_iter().flatten() {
            if !known.contains(&name.as_str()) {
                self.extension(name, value, context);
            }
        }
    }

    fn vocabularies(&mut self, list: &[Value], context: &Context) {
        self.out.push_str("<VocabularyList>");
        for vocabulary in list.iter().filter_map(Value::as_object) {
            self.out.push_str("<Vocabulary");
            let of_type = vocabulary.get("type").and_then(Value::as_str).unwrap_or_default();
            attribute(&mut self.out, "type", of_type);
            self.bind_value(of_type, context);
            self.out.push('>');
            if let Some(elements) = vocabulary.get("vocabularyElementList").and_then(Value::as_array)
                && !elements.is_empty()
            {
                self.out.push_str("<VocabularyElementList>");
                for element in elements.iter().filter_map(Value::as_object) {
                    self.vocabulary_element(element, context);
                }
                self.out.push_str("</VocabularyElementList>");
            }
            let known = ["type", "vocabularyElementList"];
            for (name, value) in vocabulary.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
                self.extension(name, value, context);
            }
            self.out.push_str("</Vocabulary>");
        }
        self.out.push_str("</VocabularyList>");
    }

    fn vocabulary_element(&mut self, element: &Map<String, Value>, context: &Context) {
        self.out.push_str("<VocabularyElement");
        let id = element.get("id").and_then(Value::as_str).unwrap_or_default();
        attribute(&mut self.out, "id", id);
        self.bind_value(id, context);
        self.out.push('>');
        let attributes = element.get("attributes").and_then(Value::as_array);
        for entry in attributes.into_iter().flatten() {
            self.out.push_str("<attribute");
            let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
            attribute(&mut self.out, "id", id);
            self.bind_value(id, context);
            match entry.get("attribute") {
                Some(Value::Object(members)) => self.content(members, "attribute", context),
                Some(value) => {
                    self.out.push('>');
                    text(&mut self.out, &scalar(value));
                    self.out.push_str("</attribute>");
                }
                None => self.out.push_str("/>"),
            }
        }
        self.members(element, Holder::VocabularyElement, "", context, &["id", "attributes"]);
        self.out.push_str("</VocabularyElement>");
    }
}
