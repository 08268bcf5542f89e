//! XML documents as JSON values: EPCIS 2.0, and EPCIS 1.0 to 1.2 as what they are in 2.0.
//!
//! Nothing is judged here but the XML itself: what breaks a rule of EPCIS gets a shape that the rules then refuse.

mod event;
mod extension;
mod value;

use serde_json::{Map, Value, json};

use super::prefixes::Prefixes;
use super::source::{Source, Step, Tag};
use crate::document::{DocumentKind, Limits};
use crate::error::{EpcisError, Rule};
use value::{push, put};

/// Reads an XML document.
pub(crate) fn document(xml: &[u8], limits: &Limits) -> Result<(Value, DocumentKind), EpcisError> {
    let mut reader = Reader { source: Source::new(xml, limits)?, prefixes: Prefixes::new() };
    let read = loop {
        match reader.source.next()? {
            Step::Open(root) => break reader.root(&root)?,
            Step::End => return Err(reader.source.bad("there is no element")),
            Step::Text(_) | Step::Close => {}
        }
    };
    while !matches!(reader.source.next()?, Step::End) {}
    let (mut document, kind) = read;
    document.insert("@context".to_owned(), reader.prefixes.into_context());
    Ok((Value::Object(document), kind))
}

struct Reader<'x> {
    source: Source<'x>,
    prefixes: Prefixes,
}

/// Elements that EPCIS 1 wrapped around what later versions added; EPCIS 2.0 keeps them for extensions.
fn is_wrapper(name: &str) -> bool {
    matches!(name, "extension" | "baseExtension")
}

impl<'x> Reader<'x> {
    fn root(&mut self, root: &Tag<'x>) -> Result<(Map<String, Value>, DocumentKind), EpcisError> {
        let kind = match root.standard() {
            Some("EPCISDocument") => DocumentKind::Events,
            Some("EPCISMasterDataDocument") => DocumentKind::MasterData,
            Some("EPCISQueryDocument") => DocumentKind::QueryResults,
            Some(name) if name.ends_with("Event") => {
                let name = name.to_owned();
                return Ok((self.event(root, name)?, DocumentKind::Event));
            }
            _ => {
                let allowed = "EPCISDocument, EPCISQueryDocument, EPCISMasterDataDocument";
                let found = root.name().local.to_owned();
                return Err(EpcisError::at("", Rule::NotOneOf { found, allowed: allowed.to_owned() }));
            }
        };
        let mut document = self.attributes(root)?;
        self.bind_member(&document, "id");
        if document
            .get("schemaVersion")
            .and_then(Value::as_str)
            .is_some_and(|v| v.split('.').next() == Some("1"))
        {
            document.insert("schemaVersion".to_owned(), "2.0".into());
        }
        let name = if kind == DocumentKind::QueryResults { "EPCISQueryDocument" } else { "EPCISDocument" };
        document.insert("type".to_owned(), name.into());
        while let Some(child) = self.child()? {
            match child.standard() {
                Some("EPCISHeader") => {
                    let header = self.header(&child)?;
                    put(&mut document, "epcisHeader", Value::Object(header));
                }
                Some("EPCISBody") => {
                    let body = self.body(&child, kind)?;
                    put(&mut document, "epcisBody", body);
                }
                Some(name) if is_wrapper(name) => self.extensions(&child, &mut document)?,
                _ => self.extension_into(&child, &mut document)?,
            }
        }
        if kind == DocumentKind::MasterData {
            move_master_data(&mut document);
        }
        Ok((document, kind))
    }

    fn header(&mut self, tag: &Tag<'x>) -> Result<Map<String, Value>, EpcisError> {
        let mut header = self.attributes(tag)?;
        while let Some(child) = self.child()? {
            match child.standard() {
                Some("EPCISMasterData") => {
                    let data = self.header(&child)?;
                    put(&mut header, "epcisMasterData", Value::Object(data));
                }
                Some("VocabularyList") => {
                    let list = self.vocabularies(&child)?;
                    put(&mut header, "vocabularyList", list);
                }
                Some(name) if is_wrapper(name) => {
                    for (name, value) in self.header(&child)? {
                        put(&mut header, &name, value);
                    }
                }
                _ => self.extension_into(&child, &mut header)?,
            }
        }
        Ok(header)
    }

    fn body(&mut self, tag: &Tag<'x>, kind: DocumentKind) -> Result<Value, EpcisError> {
        let mut body = self.attributes(tag)?;
        while let Some(child) = self.child()? {
            match child.standard() {
                Some("EventList") => {
                    let list = self.events(&child)?;
                    put(&mut body, "eventList", Value::Array(list));
                }
                Some("VocabularyList") => {
                    let list = self.vocabularies(&child)?;
                    put(&mut body, "vocabularyList", list);
                }
                Some(name @ ("QueryResults" | "resultsBody")) => {
                    let name = if name == "resultsBody" { name } else { "queryResults" };
                    let results = self.body(&child, DocumentKind::QueryResults)?;
                    put(&mut body, name, results);
                }
                Some(name @ ("queryName" | "subscriptionID")) => {
                    let name = name.to_owned();
                    let text = self.text(&child)?;
                    put(&mut body, &name, text);
                }
                Some(name) if is_wrapper(name) => self.extensions(&child, &mut body)?,
                _ => self.extension_into(&child, &mut body)?,
            }
        }
        let is_list = kind != DocumentKind::QueryResults || body.contains_key("vocabularyList");
        if is_list && !body.contains_key("eventList") {
            body.insert("eventList".to_owned(), json!([]));
        }
        Ok(Value::Object(body))
    }

    pub(super) fn events(&mut self, tag: &Tag<'x>) -> Result<Vec<Value>, EpcisError> {
        let mut events = Vec::new();
        for (name, value) in self.attributes(tag)? {
            events.push(json!({ name: value }));
        }
        while let Some(child) = self.child()? {
            match child.standard() {
                Some(name) if is_wrapper(name) => events.append(&mut self.events(&child)?),
                name => {
                    let name = name.map(str::to_owned);
                    self.prefixes.begin_event();
                    let name = name.unwrap_or_else(|| self.key(child.name()));
                    let mut event = self.event(&child, name)?;
                    let context = self.prefixes.end_event();
                    event.extend(context.map(|context| ("@context".to_owned(), context)));
                    events.push(Value::Object(event));
                }
            }
        }
        Ok(events)
    }

    fn vocabularies(&mut self, tag: &Tag<'x>) -> Result<Value, EpcisError> {
        self.list(tag, "Vocabulary", |reader, tag| {
            let mut vocabulary = reader.attributes(tag)?;
            reader.bind_member(&vocabulary, "type");
            while let Some(child) = reader.child()? {
                match child.standard() {
                    Some("VocabularyElementList") => {
                        let read = |reader: &mut Self, tag: &Tag<'x>| reader.vocabulary_element(tag);
                        let list = reader.list(&child, "VocabularyElement", read)?;
                        put(&mut vocabulary, "vocabularyElementList", list);
                    }
                    Some(name) if is_wrapper(name) => reader.extensions(&child, &mut vocabulary)?,
                    _ => reader.extension_into(&child, &mut vocabulary)?,
                }
            }
            Ok(Value::Object(vocabulary))
        })
    }

    fn vocabulary_element(&mut self, tag: &Tag<'x>) -> Result<Value, EpcisError> {
        let mut element = self.attributes(tag)?;
        self.bind_member(&element, "id");
        while let Some(child) = self.child()? {
            match child.standard() {
                Some("attribute") => {
                    let mut attribute = self.attributes(&child)?;
                    attribute.retain(|name, _| name == "id");
                    self.bind_member(&attribute, "id");
                    let mut value = self.extension(&child)?;
                    if let Some(members) = value.as_object_mut() {
                        members.remove("id");
                        if let [("#text", _)] =
                            members.iter().map(|(k, v)| (k.as_str(), v)).collect::<Vec<_>>()[..]
                        {
                            value = members.remove("#text").unwrap_or_default();
                        }
                    }
                    attribute.insert("attribute".to_owned(), value);
                    push(&mut element, "attributes", Value::Object(attribute));
                }
                Some("children") => {
                    let list = self.list(&child, "id", |reader, tag| reader.text(tag))?;
                    put(&mut element, "children", list);
                }
                Some(name) if is_wrapper(name) => self.extensions(&child, &mut element)?,
                _ => self.extension_into(&child, &mut element)?,
            }
        }
        Ok(Value::Object(element))
    }

    fn bind_member(&mut self, of: &Map<String, Value>, name: &str) {
        if let Some(Value::String(value)) = of.get(name) {
            self.bind(value);
        }
    }

    /// The next child of the element that is open; `None` at its end. Text between children says nothing.
    fn child(&mut self) -> Result<Option<Tag<'x>>, EpcisError> {
        loop {
            match self.source.next()? {
                Step::Open(tag) => return Ok(Some(tag)),
                Step::Close | Step::End => return Ok(None),
                Step::Text(text) if text.trim().is_empty() => {}
                Step::Text(_) => return Err(self.source.bad("text between elements")),
            }
        }
    }
}

/// JSON has no document of master data alone: its vocabularies stand in the header.
fn move_master_data(document: &mut Map<String, Value>) {
    let body = document.get_mut("epcisBody").and_then(Value::as_object_mut);
    let Some(list) = body.and_then(|body| body.remove("vocabularyList")) else { return };
    let header = document.entry("epcisHeader").or_insert_with(|| json!({}));
    if let Some(header) = header.as_object_mut() {
        header.insert("epcisMasterData".to_owned(), json!({ "vocabularyList": list }));
    }
}
