//! The prefixes of a document that is made: in its root or context, and in events that give them another meaning.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::names;
use crate::context::Split;
use crate::xml::source::{XML, XSI, is_epcis};

/// Bytes of a prefix that names are written with; in the place of a longer one, which every name would repeat, stands one
/// that is made up.
pub(crate) const SHORT_PREFIX_BYTES_MAX: usize = 64;

/// A prefix with its namespace.
type Binding = (String, String);

/// Prefixes that the root declares, and those that the event at hand declares itself because they mean something
/// else in it.
pub(super) struct Bindings {
    /// Whether a prefix means nothing else in the format.
    is_free: fn(&str, &str) -> bool,
    root: Table,
    event: Table,
    /// The event at hand, from 1; 0 outside events.
    in_event: usize,
    events: usize,
    /// The event that spoke last of each prefix of the root.
    used: Vec<usize>,
    /// How many prefixes were made up.
    fresh: usize,
    /// Prefixes that values are written with as if they were made up: another meaning would be read into those.
    spoken: HashSet<String>,
}

impl Bindings {
    /// The prefixes of an XML document.
    pub fn of_xml() -> Self {
        Self::new(is_free)
    }

    pub fn new(is_free: fn(&str, &str) -> bool) -> Self {
        let (root, event) = (Table::default(), Table::default());
        Self {
            is_free,
            root,
            event,
            in_event: 0,
            events: 0,
            used: Vec::new(),
            fresh: 0,
            spoken: HashSet::new(),
        }
    }

    /// Keeps what is made up from the prefixes that texts begin with.
    pub fn heed(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                let prefix = text.split_once(':').map(|(prefix, _)| prefix);
                let is_like = |prefix: &&str| {
                    prefix.strip_prefix("ns").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
                };
                self.spoken.extend(prefix.filter(is_like).map(str::to_owned));
            }
            Value::Array(items) => items.iter().for_each(|item| self.heed(item)),
            Value::Object(members) => members.values().for_each(|member| self.heed(member)),
            _ => {}
        }
    }

    /// The qualified name of a member. What no namespace of XML can hold is written whole, in no namespace.
    pub fn name(&mut self, split: &Split) -> String {
        let iri = split.namespace;
        if !may_be_bound(iri) {
            return names::encode(&split.whole()).into_owned();
        }
        let prefix = self.prefix(split.prefix.unwrap_or_default(), iri);
        format!("{prefix}:{}", names::encode(split.local))
    }

    /// A prefix for a namespace: the wanted one if it is free, or may be given another meaning in this event alone.
    pub fn prefix(&mut self, wanted: &str, iri: &str) -> &str {
        let wanted = if wanted.len() > SHORT_PREFIX_BYTES_MAX { "" } else { wanted };
        if let Some(at) = self.event.find(wanted, iri) {
            return self.event.prefix(at);
        }
        let shown = |at: &usize| self.event.place(self.root.prefix(*at)).is_none();
        if let Some(at) = self.root.find(wanted, iri).filter(shown) {
            return self.of_root(at);
        }
        let may_be_wanted = (self.is_free)(wanted, iri) && self.event.place(wanted).is_none();
        match self.root.place(wanted) {
            None if may_be_wanted => {
                let at = self.root.add(wanted, iri);
                self.of_root(at)
            }
            // What this event did not speak of yet may mean something else in it.
            Some(at) if may_be_wanted && self.in_event > 0 && self.used.get(at) != Some(&self.in_event) => {
                let at = self.event.add(wanted, iri);
                self.event.prefix(at)
            }
            _ => {
                let fresh = loop {
                    self.fresh += 1;
                    let prefix = format!("ns{}", self.fresh);
                    let is_new = self.root.place(&prefix).is_none() && self.event.place(&prefix).is_none();
                    if is_new && !self.spoken.contains(&prefix) && (self.is_free)(&prefix, iri) {
                        break prefix;
                    }
                };
                let at = self.root.add(&fresh, iri);
                self.of_root(at)
            }
        }
    }

    /// Declares a prefix for a namespace, unless it means something else here.
    pub fn declare(&mut self, wanted: &str, iri: &str) {
        let in_event = self.event.place(wanted).map(|at| &self.event.list[at].1);
        let here = in_event.or_else(|| self.root.place(wanted).map(|at| &self.root.list[at].1));
        let is_used = |at| self.in_event == 0 || self.used.get(at) == Some(&self.in_event);
        match here {
            Some(bound) if bound == iri => {
                if let (None, Some(at)) = (in_event, self.root.place(wanted)) {
                    self.of_root(at);
                }
            }
            _ if !(self.is_free)(wanted, iri) || !may_be_bound(iri) || in_event.is_some() => {}
            _ => match self.root.place(wanted) {
                None => {
                    let at = self.root.add(wanted, iri);
                    self.of_root(at);
                }
                Some(at) if !is_used(at) => drop(self.event.add(wanted, iri)),
                Some(_) => {}
            },
        }
    }

    fn of_root(&mut self, at: usize) -> &str {
        self.used.resize(self.root.list.len(), 0);
        self.used[at] = self.in_event;
        self.root.prefix(at)
    }

    /// Begins an event with the terms that its own context gives it: what one sender declares is never put around the events
    /// of another.
    pub fn begin_event<'a>(&mut self, own: impl Iterator<Item = (&'a str, &'a str)>) {
        self.events += 1;
        self.in_event = self.events;
        for (prefix, iri) in own {
            let is_new = self.event.place(prefix).is_none();
            if is_new && (self.is_free)(prefix, iri) && may_be_bound(iri) {
                self.event.add(prefix, iri);
            }
        }
    }

    /// What the event declares itself.
    pub fn end_event(&mut self) -> Vec<Binding> {
        self.in_event = 0;
        std::mem::take(&mut self.event).list
    }

    pub fn into_root(self) -> Vec<Binding> {
        self.root.list
    }
}

/// Prefixes in the order in which they were declared, found either way.
#[derive(Default)]
struct Table {
    list: Vec<Binding>,
    by_prefix: HashMap<String, usize>,
    by_iri: HashMap<String, usize>,
}

impl Table {
    fn add(&mut self, prefix: &str, iri: &str) -> usize {
        let at = self.list.len();
        self.list.push((prefix.to_owned(), iri.to_owned()));
        self.by_prefix.insert(prefix.to_owned(), at);
        if prefix.len() <= SHORT_PREFIX_BYTES_MAX {
            self.by_iri.insert(iri.to_owned(), at);
        }
        at
    }

    /// Where a namespace is declared, under the wanted prefix if it can be.
    fn find(&self, wanted: &str, iri: &str) -> Option<usize> {
        let exact = self.place(wanted).filter(|at| self.list[*at].1 == iri);
        exact.or_else(|| self.by_iri.get(iri).copied())
    }

    fn place(&self, prefix: &str) -> Option<usize> {
        self.by_prefix.get(prefix).copied()
    }

    fn prefix(&self, at: usize) -> &str {
        &self.list[at].0
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

const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Declared on every root.
pub(super) const SCHEMA: [(&str, &str); 2] = [("xsi", XSI), ("xsd", "http://www.w3.org/2001/XMLSchema")];
