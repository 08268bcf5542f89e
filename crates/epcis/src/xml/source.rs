//! XML as it comes: in UTF-8, bounded, with its namespaces resolved, and without a document type that declares
//! anything, so that there are no entities to expand.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event as Xml};
use serde_json::Value;

use crate::document::Limits;
use crate::error::{EpcisError, Rule};
use crate::json;
use crate::path::Path;

/// Namespaces of EPCIS itself; what stands in them, or in none, is a name of the standard.
const EPCIS: &[&str] = &[
    "urn:epcglobal:epcis:xsd:2",
    "urn:epcglobal:epcis:xsd:1",
    "urn:epcglobal:epcis-query:xsd:2",
    "urn:epcglobal:epcis-query:xsd:1",
    "urn:epcglobal:epcis-masterdata:xsd:2",
    "urn:epcglobal:epcis-masterdata:xsd:1",
    crate::context::EPCIS,
];
pub(super) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Attributes of one element at most, declarations of namespaces included.
const ATTRIBUTES_MAX: usize = 64;
/// Namespaces of a document, and prefixes that are bound at one place, at most.
const NAMESPACES_MAX: usize = 256;

/// A namespace by its place in the table of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Namespace(usize);

impl Namespace {
    const NONE: Self = Self(0);
    const STANDARD: Self = Self(1);
    pub const XSI: Self = Self(2);
    pub const XML: Self = Self(3);

    /// True for names of the standard, in whichever of its namespaces, and for bare names.
    pub fn is_standard(self) -> bool {
        self <= Self::STANDARD
    }
}

/// What comes next.
pub(crate) enum Step<'x> {
    Open(Tag<'x>),
    Text(Cow<'x, str>),
    /// The end of the element that was opened last.
    Close,
    /// The end of the document.
    End,
}

/// An element that was opened.
pub(crate) struct Tag<'x> {
    start: BytesStart<'x>,
    namespace: Namespace,
}

/// A name with its namespace, and the prefix that it was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub namespace: Namespace,
    pub prefix: &'a str,
    pub local: &'a str,
}

/// The names of a list, by their prefixes and what follows those.
pub(crate) fn listed(names: &str) -> HashSet<(&str, &str)> {
    names.split_ascii_whitespace().map(apart).collect()
}

impl Tag<'_> {
    pub fn name(&self) -> Name<'_> {
        let (prefix, local) = apart(text(self.start.name().into_inner()));
        Name { namespace: self.namespace, prefix, local }
    }

    /// The name, if it is one of the standard or bare.
    pub fn standard(&self) -> Option<&str> {
        self.namespace.is_standard().then(|| self.name().local)
    }

    pub fn has_attributes(&self) -> bool {
        !self.start.attributes_raw().is_empty()
    }
}

pub(crate) struct Source<'x> {
    reader: quick_xml::Reader<&'x [u8]>,
    input: &'x str,
    pub limits: &'x Limits,
    namespaces: Vec<String>,
    /// Where each namespace stands in the table.
    places: HashMap<String, Namespace>,
    /// Prefixes that are bound at this place, the innermost last; the empty one is the default namespace.
    scope: Vec<(String, Namespace)>,
    /// The same by prefix: what each is bound to, the innermost last.
    by_prefix: HashMap<String, Vec<Namespace>>,
    /// The length of `scope` outside each open element.
    marks: Vec<usize>,
    /// Elements that were opened, and values of JSON in attributes.
    values: Cell<usize>,
    has_root: bool,
}

impl<'x> Source<'x> {
    pub fn new(input: &'x [u8], limits: &'x Limits) -> Result<Self, EpcisError> {
        let input = checked_text(input)?;
        let mut reader = quick_xml::Reader::from_str(input);
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_comments = true;
        let namespaces = ["", EPCIS[0], XSI, XML].map(str::to_owned).to_vec();
        let places = namespaces.iter().cloned().zip((0..).map(Namespace)).collect();
        let mut source = Self {
            reader,
            input,
            limits,
            namespaces,
            places,
            scope: Vec::new(),
            by_prefix: HashMap::new(),
            marks: Vec::new(),
            values: Cell::new(0),
            has_root: false,
        };
        source.bind("xml", Namespace::XML);
        Ok(source)
    }

    pub fn next(&mut self) -> Result<Step<'x>, EpcisError> {
        loop {
            let event = self.reader.read_event().map_err(|error| self.bad(error))?;
            match event {
                Xml::Start(start) => return self.open(start).map(Step::Open),
                Xml::Empty(_) => return Err(self.bad("an empty element")),
                Xml::End(_) => {
                    let outside = self.marks.pop().unwrap_or(1);
                    self.unbind_to(outside);
                    return Ok(Step::Close);
                }
                Xml::Text(text) => {
                    let text = text.xml10_content().map_err(|error| self.bad(error))?;
                    return self.text(text);
                }
                Xml::CData(text) => {
                    let text = text.xml10_content().map_err(|error| self.bad(error))?;
                    return self.text(text);
                }
                Xml::GeneralRef(name) => {
                    let text = match name.resolve_char_ref().map_err(|error| self.bad(error))? {
                        Some(c) if is_xml_char(c) => c.to_string().into(),
                        Some(_) => return Err(self.bad("a reference to a control character")),
                        None => predefined(&name).map_err(|why| self.bad(why))?.into(),
                    };
                    return self.text(text);
                }
                Xml::Decl(decl) => {
                    if let Some(encoding) = decl.encoding() {
                        need_utf8(&encoding.map_err(|error| self.bad(error))?)?;
                    }
                }
                // Published examples carry a bare `<!DOCTYPE project>`; what could declare anything is refused.
                Xml::DocType(text) if !text.iter().all(u8::is_ascii_alphanumeric) => {
                    return Err(EpcisError::at("", Rule::Doctype));
                }
                Xml::DocType(_) | Xml::Comment(_) | Xml::PI(_) => {}
                Xml::Eof if self.marks.is_empty() && self.has_root => return Ok(Step::End),
                Xml::Eof if self.marks.is_empty() => return Err(self.bad("there is no element")),
                Xml::Eof => return Err(self.bad("an element is not closed")),
            }
        }
    }

    /// The attributes of an element, declarations of namespaces left out.
    pub fn attributes<'t>(&self, tag: &'t Tag<'x>) -> Result<Vec<(Name<'t>, String)>, EpcisError> {
        let mut found = Vec::new();
        for attribute in tag.start.attributes() {
            let attribute = attribute.map_err(|error| self.bad(error))?;
            let name = text(attribute.key.into_inner());
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            let (prefix, local) = apart(name);
            // Attributes have no default namespace.
            let namespace = if prefix.is_empty() { Namespace::NONE } else { self.bound(prefix)? };
            found.push((Name { namespace, prefix, local }, self.value(&attribute)?));
        }
        for (i, (name, _)) in found.iter().enumerate() {
            let same = |other: &Name| (other.namespace, other.local) == (name.namespace, name.local);
            if found[..i].iter().any(|(other, _)| same(other)) {
                return Err(self.bad(format!("attribute {:?} stands twice", name.local)));
            }
        }
        Ok(found)
    }

    /// The JSON that an attribute of some name holds; `None` where it is none. What exceeds the limits is refused.
    pub fn json(&self, name: &str, value: &str) -> Result<Option<Value>, EpcisError> {
        match json::parse_part(value.as_bytes(), &Path::Text(name), &self.values, self.limits) {
            Err(EpcisError { rule: Rule::Json(_), .. }) => Ok(None),
            read => read.map(Some),
        }
    }

    pub fn iri(&self, namespace: Namespace) -> &str {
        &self.namespaces[namespace.0]
    }

    /// The prefixes of this place, the innermost last.
    pub fn scope(&self) -> impl Iterator<Item = (&str, &str)> {
        self.scope.iter().map(|(prefix, namespace)| (prefix.as_str(), self.iri(*namespace)))
    }

    /// The namespace of a prefix at this place; `None` where it is not declared.
    pub fn lookup(&self, prefix: &str) -> Option<Namespace> {
        self.by_prefix.get(prefix)?.last().copied()
    }

    /// What is wrong, and at which line and column.
    pub fn bad(&self, why: impl ToString) -> EpcisError {
        let offset = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        let before = &self.input.as_bytes()[..offset.min(self.input.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        EpcisError::at("", Rule::Xml(format!("line {line}, column {column}: {}", why.to_string())))
    }

    fn open(&mut self, start: BytesStart<'x>) -> Result<Tag<'x>, EpcisError> {
        let over = |what, max| Err(EpcisError::at("", Rule::Limit { what, max }));
        if self.marks.is_empty() && std::mem::replace(&mut self.has_root, true) {
            return Err(self.bad("there is more than one root"));
        }
        let (values, values_max) = (self.values.get() + 1, self.limits.values_max());
        if values > values_max {
            return over("elements and values", values_max);
        }
        self.values.set(values);
        if self.marks.len() >= self.limits.depth_max {
            return over("levels of nesting", self.limits.depth_max);
        }
        self.check_length(start.name().into_inner().len())?;
        self.check_name(text(start.name().into_inner()))?;
        self.marks.push(self.scope.len());
        if !start.attributes_raw().is_empty() {
            for (i, attribute) in start.attributes().enumerate() {
                if i >= ATTRIBUTES_MAX {
                    return over("attributes", ATTRIBUTES_MAX);
                }
                let attribute = attribute.map_err(|error| self.bad(error))?;
                self.check_name(text(attribute.key.into_inner()))?;
                self.declare(&attribute)?;
            }
        }
        let (prefix, _) = apart(text(start.name().into_inner()));
        let namespace = match self.lookup(prefix) {
            Some(namespace) => namespace,
            None if prefix.is_empty() => Namespace::NONE,
            None => self.bound(prefix)?,
        };
        Ok(Tag { start, namespace })
    }

    /// Refuses a name that is no qualified one (Namespaces in XML, section 4).
    fn check_name(&self, name: &str) -> Result<(), EpcisError> {
        match name.split_once(':') {
            Some((prefix, local)) if prefix.is_empty() || local.is_empty() || local.contains(':') => {
                Err(self.bad(format!("{name:?} is no qualified name")))
            }
            _ => Ok(()),
        }
    }

    /// Takes a declaration of a namespace in.
    fn declare(&mut self, attribute: &Attribute) -> Result<(), EpcisError> {
        let prefix = match text(attribute.key.into_inner()).strip_prefix("xmlns") {
            Some("") => "",
            Some(prefix) if prefix.starts_with(':') => &prefix[1..],
            _ => return Ok(()),
        };
        let iri = self.value(attribute)?;
        if iri.is_empty() && !prefix.is_empty() || matches!(prefix, "xml" | "xmlns") != (iri == XML) {
            return Err(self.bad(format!("prefix {prefix:?} cannot be bound to {iri:?}")));
        }
        let namespace = match self.places.get(&iri) {
            Some(known) => *known,
            None if EPCIS.contains(&iri.as_str()) => Namespace::STANDARD,
            None => {
                let new = Namespace(self.namespaces.len());
                self.namespaces.push(iri.clone());
                self.places.insert(iri, new);
                new
            }
        };
        if self.namespaces.len() > NAMESPACES_MAX || self.scope.len() > NAMESPACES_MAX {
            let rule = Rule::Limit { what: "namespaces", max: NAMESPACES_MAX };
            return Err(EpcisError::at("", rule));
        }
        self.bind(prefix, namespace);
        Ok(())
    }

    fn bind(&mut self, prefix: &str, namespace: Namespace) {
        self.scope.push((prefix.to_owned(), namespace));
        self.by_prefix.entry(prefix.to_owned()).or_default().push(namespace);
    }

    /// Takes back what was bound behind a length of the scope.
    fn unbind_to(&mut self, length: usize) {
        for (prefix, _) in self.scope.drain(length..) {
            if let Entry::Occupied(mut bound) = self.by_prefix.entry(prefix) {
                bound.get_mut().pop();
                if bound.get().is_empty() {
                    bound.remove();
                }
            }
        }
    }

    fn bound(&self, prefix: &str) -> Result<Namespace, EpcisError> {
        self.lookup(prefix).ok_or_else(|| self.bad(format!("prefix {prefix:?} is not declared")))
    }

    fn value(&self, attribute: &Attribute) -> Result<String, EpcisError> {
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| self.bad(error))?;
        self.check_length(value.len())?;
        if !value.chars().all(is_xml_char) {
            return Err(self.bad("a reference to a control character"));
        }
        Ok(value.into_owned())
    }

    fn text(&self, text: Cow<'x, str>) -> Result<Step<'x>, EpcisError> {
        self.check_length(text.len())?;
        if self.marks.is_empty() && !text.trim().is_empty() {
            return Err(self.bad("text outside the root"));
        }
        Ok(Step::Text(text))
    }

    pub fn check_length(&self, bytes: usize) -> Result<(), EpcisError> {
        let max = self.limits.text_bytes_max;
        let rule = Rule::Limit { what: "bytes in a text", max };
        if bytes > max { Err(EpcisError::at("", rule)) } else { Ok(()) }
    }
}

/// True for the namespaces of EPCIS itself.
pub(super) fn is_epcis(iri: &str) -> bool {
    EPCIS.contains(&iri)
}

/// The characters of XML 1.0, section 2.2.
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

fn checked_text(input: &[u8]) -> Result<&str, EpcisError> {
    if input.starts_with(&[0xFE, 0xFF]) || input.starts_with(&[0xFF, 0xFE]) {
        return Err(EpcisError::at("", Rule::Charset("UTF-16".to_owned())));
    }
    let bad = |why: String| EpcisError::at("", Rule::Xml(why));
    let input = std::str::from_utf8(input)
        .map_err(|error| bad(format!("byte {} is not UTF-8", error.valid_up_to())))?;
    match input.char_indices().find(|(_, c)| !is_xml_char(*c)) {
        Some((at, c)) => Err(bad(format!("byte {at} is the control character {:?}", c))),
        None => Ok(input),
    }
}

fn need_utf8(encoding: &[u8]) -> Result<(), EpcisError> {
    if [&b"utf-8"[..], b"us-ascii", b"ascii"].iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(EpcisError::at("", Rule::Charset(String::from_utf8_lossy(encoding).into_owned())))
}

fn predefined(name: &[u8]) -> Result<&'static str, String> {
    Ok(match name {
        b"amp" => "&",
        b"lt" => "<",
        b"gt" => ">",
        b"quot" => "\"",
        b"apos" => "'",
        other => return Err(format!("entity {:?} is not defined", String::from_utf8_lossy(other))),
    })
}

fn apart(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// A part of the input, which is UTF-8 as a whole.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
