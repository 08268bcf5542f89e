//! The elements of a document with their texts: bounded, and without a document type, so that there are no entities to
//! expand.

use quick_xml::events::Event;

use crate::{FormatError, Limits};

#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true"))
    }
}

pub(super) fn read(xml: &str, limits: &Limits) -> Result<Element, FormatError> {
    let bad = |error: &dyn std::fmt::Display| FormatError::Xml(error.to_string());
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| bad(&error))?;
        match event {
            Event::DocType(_) => return Err(FormatError::Doctype),
            Event::Start(ref start) | Event::Empty(ref start) => {
                Limits::check("levels of nesting", open.len(), limits.depth_max)?;
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                open.push(Element { name, ..Element::default() });
                if matches!(event, Event::Empty(_)) {
                    close(&mut open);
                }
            }
            Event::End(_) if open.len() > 1 => close(&mut open),
            Event::Text(text) => add(&mut open, &text.decode().map_err(|error| bad(&error))?),
            Event::CData(text) => add(&mut open, &text.decode().map_err(|error| bad(&error))?),
            Event::GeneralRef(name) => {
                let c = match name.resolve_char_ref().map_err(|error| bad(&error))? {
                    Some(c) => c,
                    None => predefined(&name)?,
                };
                add(&mut open, c.encode_utf8(&mut [0; 4]));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(document), true) => {
            document.children.into_iter().next().ok_or(FormatError::Missing("the root element"))
        }
        _ => Err(FormatError::Xml("an element is not closed".to_owned())),
    }
}

fn predefined(name: &[u8]) -> Result<char, FormatError> {
    Ok(match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => return Err(FormatError::Xml("an entity is not defined".to_owned())),
    })
}

fn close(open: &mut Vec<Element>) {
    let Some(mut element) = open.pop() else { return };
    if !element.children.is_empty() {
        // Between elements there is only layout.
        element.text = String::new();
    }
    if let Some(parent) = open.last_mut() {
        parent.children.push(element);
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
