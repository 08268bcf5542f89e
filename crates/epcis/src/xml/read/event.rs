//! Events.

use serde_json::{Map, Value, json};

use super::value::{number, push, put};
use super::{Reader, is_wrapper};
use crate::error::EpcisError;
use crate::xml::shape::{Holder, SENSOR_NUMBERS, Shape, shape};
use crate::xml::source::{Namespace, Step, Tag};

impl<'x> Reader<'x> {
    pub(super) fn event(
        &mut self,
        tag: &Tag<'x>,
        event_type: String,
    ) -> Result<Map<String, Value>, EpcisError> {
        let mut event = Map::new();
        event.insert("type".to_owned(), event_type.into());
        self.members(tag, Holder::Event, &mut event)?;
        if event.get("type").is_some_and(|name| name == "QuantityEvent") {
            observe_quantity(&mut event);
        }
        Ok(event)
    }

    /// Attributes and children of an element that the standard lays out.
    pub(super) fn members(
        &mut self,
        tag: &Tag<'x>,
        holder: Holder,
        members: &mut Map<String, Value>,
    ) -> Result<(), EpcisError> {
        for (name, value) in self.attributes(tag)? {
            put(members, &name, value);
        }
        while let Some(child) = self.child()? {
            let Some(name) = child.standard() else {
                self.extension_into(&child, members)?;
                continue;
            };
            if is_wrapper(name) {
                self.members(&child, holder, members)?;
                continue;
            }
            // The quantity of a QuantityEvent of EPCIS 1 stands in the event itself.
            let layout = shape(holder, name).or_else(|| match (holder, name) {
                (Holder::Event, "epcClass" | "quantity") => shape(Holder::QuantityElement, name),
                _ => None,
            });
            let Some(layout) = layout else {
                self.extension_into(&child, members)?;
                continue;
            };
            let name = name.to_owned();
            self.member(&child, &name, layout, members)?;
        }
        Ok(())
    }

    fn member(
        &mut self,
        tag: &Tag<'x>,
        name: &str,
        layout: Shape,
        members: &mut Map<String, Value>,
    ) -> Result<(), EpcisError> {
        match layout {
            Shape::Text | Shape::Repeated => {
                let text = self.text(tag)?;
                if name != "certificationInfo" && layout == Shape::Repeated {
                    push(members, name, text);
                } else {
                    put(members, name, text);
                }
            }
            Shape::Number => {
                if let Value::String(text) = self.text(tag)? {
                    // An empty element says that the quantity is not known (`xsi:nil`).
                    if !text.is_empty() {
                        put(members, name, number(&text));
                    }
                } else {
                    put(members, name, json!({}));
                }
            }
            Shape::Texts(item) => {
                let list = self.list(tag, item, |reader, tag| reader.text(tag))?;
                put(members, name, list);
            }
            Shape::Pairs(item) => {
                let list = self.list(tag, item, |reader, tag| reader.pair(tag, item))?;
                put(members, name, list);
            }
            Shape::Objects(item, inner) => {
                let list = self.list(tag, item, |reader, tag| reader.object(tag, inner))?;
                put(members, name, list);
            }
            Shape::Object(inner) => {
                let object = self.object(tag, inner)?;
                put(members, name, object);
            }
            Shape::Attributes => {
                let object = self.sensor_attributes(tag)?;
                put(members, name, object);
            }
            Shape::RepeatedAttributes => {
                let object = self.sensor_attributes(tag)?;
                push(members, name, object);
            }
        }
        Ok(())
    }

    pub(super) fn object(&mut self, tag: &Tag<'x>, holder: Holder) -> Result<Value, EpcisError> {
        let mut members = Map::new();
        self.members(tag, holder, &mut members)?;
        Ok(Value::Object(members))
    }

    pub(super) fn list(
        &mut self,
        tag: &Tag<'x>,
        item: &str,
        read: impl Fn(&mut Self, &Tag<'x>) -> Result<Value, EpcisError>,
    ) -> Result<Value, EpcisError> {
        let mut items = Vec::new();
        for (name, value) in self.attributes(tag)? {
            items.push(json!({ name: value }));
        }
        while let Some(child) = self.child()? {
            if child.standard() == Some(item) {
                items.push(read(self, &child)?);
            } else {
                let mut strange = Map::new();
                self.extension_into(&child, &mut strange)?;
                items.push(Value::Object(strange));
            }
        }
        Ok(Value::Array(items))
    }

    /// `<source type="...">...</source>`
    fn pair(&mut self, tag: &Tag<'x>, name: &str) -> Result<Value, EpcisError> {
        let mut pair = self.attributes(tag)?;
        if let Some(Value::String(written)) = pair.get_mut("type") {
            *written = written.trim().to_owned();
            self.bind(written);
        }
        let text = self.content()?;
        put(&mut pair, name, text);
        Ok(Value::Object(pair))
    }

    /// The text of an element of the standard; an object, which no rule takes, if it holds anything else.
    pub(super) fn text(&mut self, tag: &Tag<'x>) -> Result<Value, EpcisError> {
        let attributes = self.attributes(tag)?;
        let text = self.content()?;
        if attributes.is_empty() { Ok(text) } else { Ok(Value::Object(attributes)) }
    }

    pub(super) fn content(&mut self) -> Result<Value, EpcisError> {
        let mut content = String::new();
        let mut strange = Map::new();
        loop {
            match self.source.next()? {
                Step::Text(text) => {
                    self.source.check_length(content.len() + text.len())?;
                    content.push_str(&text);
                }
                Step::Open(child) => self.extension_into(&child, &mut strange)?,
                Step::Close | Step::End => break,
            }
        }
        if !strange.is_empty() {
            return Ok(strange.into());
        }
        let text = content.trim();
        self.bind(text);
        Ok(text.into())
    }

    /// Declares the prefix of a value of the standard that is a compact IRI; the value itself stays as it is.
    pub(super) fn bind(&mut self, value: &str) {
        if let Some((prefix, local)) = value.split_once(':')
            && !local.starts_with("//")
            && let Some(namespace) = self.source.lookup(prefix)
            && !namespace.is_standard()
            && namespace != Namespace::XML
        {
            self.prefixes.declare(prefix, self.source.iri(namespace));
        }
    }

    /// An element of the standard whose members are attributes.
    fn sensor_attributes(&mut self, tag: &Tag<'x>) -> Result<Value, EpcisError> {
        let mut members = self.attributes(tag)?;
        for (name, value) in &mut members {
            let Value::String(text) = value else { continue };
            *value = match name.as_str() {
                name if SENSOR_NUMBERS.contains(&name) => number(text.trim()),
                "booleanValue" => match text.trim() {
                    "true" | "1" => true.into(),
                    "false" | "0" => false.into(),
                    _ => continue,
                },
                // Any text, with the space about it.
                "stringValue" | "uom" => continue,
                name if name.contains(':') => continue,
                _ => {
                    let text = text.trim().to_owned();
                    self.bind(&text);
                    text.into()
                }
            };
        }
        match self.content()? {
            Value::String(text) if text.is_empty() => {}
            other => put(&mut members, "#text", other),
        }
        Ok(Value::Object(members))
    }
}

/// A QuantityEvent, which EPCIS 1.1 replaced, as the ObjectEvent that says the same.
fn observe_quantity(event: &mut Map<String, Value>) {
    let mut element = Map::new();
    for name in ["epcClass", "quantity"] {
        element.extend(event.remove(name).map(|value| (name.to_owned(), value)));
    }
    event.insert("type".to_owned(), "ObjectEvent".into());
    event.insert("action".to_owned(), "OBSERVE".into());
    event.insert("quantityList".to_owned(), json!([element]));
}
