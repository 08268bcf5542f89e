//! Elements and attributes of others.

use serde_json::{Map, Value};

use super::Reader;
use super::value::{put, typed};
use crate::error::EpcisError;
use crate::xml::source::{Name, Namespace, Step, Tag, listed};
use crate::xml::{STRUCTURED, names};

impl<'x> Reader<'x> {
    /// The children of a wrapper as members of what it stands in.
    pub(super) fn extensions(
        &mut self,
        tag: &Tag<'x>,
        members: &mut Map<String, Value>,
    ) -> Result<(), EpcisError> {
        for (name, value) in self.attributes(tag)? {
            put(members, &name, value);
        }
        while let Some(child) = self.child()? {
            self.extension_into(&child, members)?;
        }
        Ok(())
    }

    pub(super) fn extension_into(
        &mut self,
        tag: &Tag<'x>,
        members: &mut Map<String, Value>,
    ) -> Result<(), EpcisError> {
        let name = self.key(tag.name());
        let value = self.extension(tag)?;
        put(members, &name, value);
        Ok(())
    }

    /// An element of others: its text, or an object of its attributes, children and text.
    pub(super) fn extension(&mut self, tag: &Tag<'x>) -> Result<Value, EpcisError> {
        let mut members = self.attributes(tag)?;
        let has_attributes = !members.is_empty();
        let written_type = if tag.has_attributes() { self.written_type(tag)? } else { None };
        let mut content = String::new();
        let mut has_children = false;
        loop {
            match self.source.next()? {
                Step::Text(text) => {
                    self.source.check_length(content.len() + text.len())?;
                    content.push_str(&text);
                }
                Step::Open(child) => {
                    has_children = true;
                    self.extension_into(&child, &mut members)?;
                }
                Step::Close | Step::End => break,
            }
        }
        if members.is_empty() {
            return Ok(typed(content, written_type.as_deref()));
        }
        // What has a text besides members shows those that are texts as attributes.
        let mixed = has_children && !content.trim().is_empty();
        if mixed || has_attributes && !has_children {
            let text = if has_children { content.trim().to_owned() } else { content };
            put(&mut members, "#text", text.into());
        }
        Ok(Value::Object(members))
    }

    /// `xsi:type`, where it names a type of XML Schema.
    fn written_type(&self, tag: &Tag<'x>) -> Result<Option<String>, EpcisError> {
        const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
        let is_type = |(name, _): &(Name, String)| name.namespace == Namespace::XSI && name.local == "type";
        let written = self.source.attributes(tag)?.into_iter().find(is_type).map(|(_, value)| value);
        let Some((prefix, local)) = written.as_deref().and_then(|written| written.trim().split_once(':'))
        else {
            return Ok(None);
        };
        let is_schema =
            self.source.lookup(prefix).is_some_and(|namespace| self.source.iri(namespace) == SCHEMA);
        Ok(is_schema.then(|| local.to_owned()))
    }

    /// The attributes of an element as members; what belongs to the schema itself is left out.
    pub(super) fn attributes(&mut self, tag: &Tag<'x>) -> Result<Map<String, Value>, EpcisError> {
        let mut members = Map::new();
        if !tag.has_attributes() {
            return Ok(members);
        }
        let attributes = self.source.attributes(tag)?;
        let note = attributes.iter().find(|(name, _)| self.source.iri(name.namespace) == STRUCTURED);
        let structured = listed(note.map_or("", |(_, names)| names));
        for (name, value) in &attributes {
            if name.namespace == Namespace::XSI || note.is_some_and(|(note, _)| note == name) {
                continue;
            }
            let key = self.key(*name);
            let is_structured = structured.contains(&(name.prefix, name.local));
            let json = if is_structured { self.source.json(&key, value)? } else { None };
            let value = json.map_or_else(|| Value::String(value.clone()), |json| self.renamed(json));
            members.insert(key, value);
        }
        Ok(members)
    }

    /// A value that stood as JSON in an attribute, with its member names under the prefixes of the JSON form.
    fn renamed(&mut self, value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let renamed = |(name, value): (String, Value)| (self.renamed_key(name), self.renamed(value));
                Value::Object(members.into_iter().map(renamed).collect())
            }
            Value::Array(items) => items.into_iter().map(|item| self.renamed(item)).collect(),
            other => other,
        }
    }

    fn renamed_key(&mut self, name: String) -> String {
        match name
            .split_once(':')
            .and_then(|(prefix, local)| Some((prefix, self.source.lookup(prefix)?, local)))
        {
            Some((prefix, namespace, local)) if !namespace.is_standard() && namespace != Namespace::XML => {
                format!("{}:{local}", self.prefixes.of(prefix, self.source.iri(namespace)))
            }
            _ => name,
        }
    }

    /// The name of a member in the JSON form.
    pub(super) fn key(&mut self, name: Name) -> String {
        let local = names::decode(name.local);
        match name.namespace {
            namespace if namespace.is_standard() => local.into_owned(),
            Namespace::XML => format!("xml:{local}"),
            namespace => {
                let iri = self.source.iri(namespace);
                format!("{}:{local}", self.prefixes.of(name.prefix, iri))
            }
        }
    }
}
