//! The prefixes of a document that is made: in its root or context, and in events that give them another meaning.

use super::names;
use crate::context::Split;
use crate::xml::source::{XML, XSI, is_epcis};

/// A prefix with its namespace.
type Binding = (String, String);

/// Where a prefix is declared.
enum Place {
    Root(usize),
    Event(usize),
}

/// Prefixes that the root declares, and those that the event at hand declares itself because they mean something
/// else in it.
pub(super) struct Bindings {
    /// Whether a prefix means nothing else in the format.
    is_free: fn(&str, &str) -> bool,
    root: Vec<Binding>,
    event: Vec<Binding>,
    in_event: bool,
    /// Places in `root` that the event at hand speaks of.
    used: Vec<usize>,
}

impl Bindings {
    /// The prefixes of an XML document.
    pub fn of_xml() -> Self {
        Self::new(is_free)
    }

    pub fn new(is_free: fn(&str, &str) -> bool) -> Self {
        Self { is_free, root: Vec::new(), event: Vec::new(), in_event: false, used: Vec::new() }
    }

    /// The qualified name of a member. What no namespace of XML can hold is written whole, in no namespace.
    pub fn name(&mut self, split: &Split, whole: &str) -> String {
        let iri = split.namespace;
        if !may_be_bound(iri) {
            return names::encode(whole).into_owned();
        }
        let prefix = self.prefix(split.prefix.unwrap_or_default(), iri);
        format!("{prefix}:{}", names::encode(split.local))
    }

    /// A prefix for a namespace: the wanted one if it is free, or may be given another meaning in this event alone.
    pub fn prefix(&mut self, wanted: &str, iri: &str) -> &str {
        let place = match self.find(wanted, iri) {
            Some(place) => place,
            None => self.declare(wanted, iri),
        };
        match place {
            Place::Event(at) => &self.event[at].0,
            Place::Root(at) => {
                if self.in_event && !self.used.contains(&at) {
                    self.used.push(at);
                }
                &self.root[at].0
            }
        }
    }

    /// Where a namespace is declared, under the wanted prefix if it can be.
    fn find(&self, wanted: &str, iri: &str) -> Option<Place> {
        let find = |list: &[Binding], is_hidden: &dyn Fn(&str) -> bool| {
            let fits = |(prefix, bound): &Binding| bound == iri && !is_hidden(prefix);
            let exact = list.iter().position(|binding| binding.0 == wanted && fits(binding));
            exact.or_else(|| list.iter().position(fits))
        };
        let in_event = find(&self.event, &|_| false).map(Place::Event);
        in_event.or_else(|| find(&self.root, &|prefix| declares(&self.event, prefix)).map(Place::Root))
    }

    fn declare(&mut self, wanted: &str, iri: &str) -> Place {
        let binding = |prefix: &str| (prefix.to_owned(), iri.to_owned());
        let may_be_wanted = (self.is_free)(wanted, iri) && !declares(&self.event, wanted);
        let in_root = self.root.iter().position(|(prefix, _)| prefix == wanted);
        match in_root {
            None if may_be_wanted => self.root.push(binding(wanted)),
            Some(at) if may_be_wanted && self.in_event && !self.used.contains(&at) => {
                self.event.push(binding(wanted));
                return Place::Event(self.event.len() - 1);
            }
            _ => {
                let is_new =
                    |prefix: &String| !declares(&self.root, prefix) && !declares(&self.event, prefix);
                let fresh = (1..).map(|n| format!("ns{n}")).find(is_new).unwrap_or_default();
                self.root.push(binding(&fresh));
            }
        }
        Place::Root(self.root.len() - 1)
    }

    /// Begins an event with the prefixes that its own context gives it.
    pub fn begin_event<'a>(&mut self, own: impl Iterator<Item = (&'a str, &'a str)>) {
        self.in_event = true;
        self.used.clear();
        let is_free = self.is_free;
        let fits = |(prefix, iri): &(&str, &str)| is_free(prefix, iri) && may_be_bound(iri);
        self.event.extend(own.filter(fits).map(|(prefix, iri)| (prefix.to_owned(), iri.to_owned())));
    }

    /// What the event that was printed declares itself.
    pub fn end_event(&mut self) -> Vec<Binding> {
        self.in_event = false;
        std::mem::take(&mut self.event)
    }

    pub fn into_root(self) -> Vec<Binding> {
        self.root
    }
}

/// True for a namespace that a prefix of others may stand for.
pub(super) fn may_be_bound(iri: &str) -> bool {
    const RESERVED: &[&str] = &["", XML, XMLNS];
    !RESERVED.contains(&iri) && !is_epcis(iri)
}

/// True for a prefix that means nothing else in XML as it is printed here.
fn is_free(prefix: &str, _: &str) -> bool {
    const OWN: &[&str] = &["xml", "xmlns", "xsi", "xsd", "epcis", "epcisq", "epcismd", ""];
    !OWN.contains(&prefix) && names::encode(prefix) == prefix && !prefix.starts_with("xml")
}

fn declares(list: &[Binding], prefix: &str) -> bool {
    list.iter().any(|(known, _)| known == prefix)
}

const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Declared on every root.
pub(super) const SCHEMA: [(&str, &str); 2] = [("xsi", XSI), ("xsd", "http://www.w3.org/2001/XMLSchema")];
