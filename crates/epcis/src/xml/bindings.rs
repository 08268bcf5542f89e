//! The prefixes of a document that is printed.

use super::names;
use crate::context::Split;
use crate::xml::source::{XML, XSI, is_epcis};

/// A prefix with its namespace.
type Binding = (String, String);

/// Prefixes that the root declares, and those that the event at hand declares itself because its context gives them
/// another meaning.
#[derive(Default)]
pub(super) struct Bindings {
    root: Vec<Binding>,
    event: Vec<Binding>,
}

impl Bindings {
    /// The qualified name of a member. What no namespace of XML can hold is written whole, in no namespace.
    pub fn name(&mut self, split: &Split, whole: &str, is_nested: bool) -> String {
        let iri = split.xml_namespace();
        match iri {
            "" => names::encode(split.local).into_owned(),
            XML => format!("xml:{}", names::encode(split.local)),
            "http://www.w3.org/2000/xmlns/" => names::encode(whole).into_owned(),
            _ if is_epcis(iri) => names::encode(whole).into_owned(),
            _ => {
                let prefix = self.prefix(split.prefix.unwrap_or_default(), iri, is_nested);
                format!("{prefix}:{}", names::encode(split.local))
            }
        }
    }

    /// A prefix for a namespace: the wanted one if it is free, or may be given another meaning in this event alone.
    pub fn prefix(&mut self, wanted: &str, iri: &str, is_nested: bool) -> &str {
        // Borrowed again by place, since the borrow checker takes a reference that is returned for a long one.
        let here = |list: &[Binding]| {
            let fits = |(prefix, bound): &Binding| bound == iri && prefix == wanted;
            list.iter().position(fits).or_else(|| list.iter().position(|(_, bound)| bound == iri))
        };
        if let Some(at) = here(&self.event) {
            return &self.event[at].0;
        }
        if let Some(at) = here(&self.root)
            && !self.event.iter().any(|(prefix, _)| *prefix == self.root[at].0)
        {
            return &self.root[at].0;
        }
        let taken = |list: &[Binding], prefix: &str| list.iter().any(|(known, _)| known == prefix);
        let fits = is_free(wanted);
        if fits && !taken(&self.root, wanted) && !taken(&self.event, wanted) {
            self.root.push((wanted.to_owned(), iri.to_owned()));
        } else if fits && !is_nested && !taken(&self.event, wanted) {
            self.event.push((wanted.to_owned(), iri.to_owned()));
            return &self.event[self.event.len() - 1].0;
        } else {
            let mut fresh = (1..).map(|n| format!("ns{n}"));
            let free = |prefix: &String| !taken(&self.root, prefix) && !taken(&self.event, prefix);
            let prefix = fresh.find(free).unwrap_or_default();
            self.root.push((prefix, iri.to_owned()));
        }
        &self.root[self.root.len() - 1].0
    }

    /// What the event that was printed declares itself.
    pub fn end_event(&mut self) -> Vec<Binding> {
        std::mem::take(&mut self.event)
    }

    pub fn into_root(self) -> Vec<Binding> {
        self.root
    }
}

/// True for a prefix that means nothing else in what is printed here.
fn is_free(prefix: &str) -> bool {
    const OWN: &[&str] = &["xml", "xmlns", "xsi", "xsd", "epcis", "epcisq", "epcismd", ""];
    !OWN.contains(&prefix) && names::encode(prefix) == prefix && !prefix.starts_with("xml")
}

/// Declared on every root.
pub(super) const SCHEMA: [(&str, &str); 2] = [("xsi", XSI), ("xsd", "http://www.w3.org/2001/XMLSchema")];
