//! Events.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Printer;
use super::text::{attribute, decimal, text};
use crate::context::{Context, EPCIS};
use crate::vocabulary::Vocabulary;
use crate::xml::CbvFormat;
use crate::xml::shape::{Holder, Shape, order, shape};

const EVENT_TYPES: &[&str] =
    &["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"];

/// The contexts that stand deeper within an event.
fn contexts_within(value: &Value, found: &mut Vec<Context>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| contexts_within(item, found)),
        Value::Object(members) => {
            found.extend(members.get("@context").map(Context::read));
            members.values().for_each(|member| contexts_within(member, found));
        }
        _ => {}
    }
}

impl Printer {
    pub(super) fn events<'a>(
        &mut self,
        context: &Context,
        events: impl Iterator<Item = &'a Map<String, Value>>,
    ) {
        self.out.push_str("<EventList>");
        for event in events {
            self.event(event, &context.with(event.get("@context")));
        }
        self.out.push_str("</EventList>");
    }

    pub(super) fn event(&mut self, event: &Map<String, Value>, context: &Context) {
        let event_type = event.get("type").and_then(Value::as_str).unwrap_or_default();
        let own = event.get("@context").map(Context::read).unwrap_or_default();
        let mut within = Vec::new();
        event.values().for_each(|member| contexts_within(member, &mut within));
        let within = within.iter().flat_map(Context::terms);
        let within = within.filter(|(term, _)| context.prefix(term).is_none());
        self.bindings.begin_event(own.terms().chain(within));
        let is_own = EVENT_TYPES.contains(&event_type);
        let name = if is_own { event_type.to_owned() } else { self.name(event_type, context) };
        if !is_own {
            self.out.push_str("<extension>");
        }
        self.out.push('<');
        self.out.push_str(&name);
        let start = self.out.len();
        self.out.push('>');
        self.members(event, Holder::Event, event_type, context, &["type", "@context"]);
        self.end(&name);
        let mut declared = String::new();
        for (prefix, iri) in self.bindings.end_event() {
            attribute(&mut declared, &format!("xmlns:{prefix}"), &iri);
        }
        self.out.insert_str(start, &declared);
        if !is_own {
            self.out.push_str("</extension>");
        }
    }

    pub(super) fn members(
        &mut self,
        members: &Map<String, Value>,
        holder: Holder,
        event_type: &str,
        context: &Context,
        skipped: &[&str],
    ) {
        let known = order(holder, event_type);
        for name in known {
            if let Some(value) = members.get(*name) {
                self.member(name, value, holder, context);
            }
        }
        // The schema takes one certificate; others keep the name in the namespace of the ontology.
        for item in members.get("certificationInfo").and_then(Value::as_array).into_iter().flatten().skip(1) {
            let prefix = self.bindings.prefix("ontology", EPCIS).to_owned();
            self.value(&format!("{prefix}:certificationInfo"), holder, item, context);
        }
        for (name, value) in members {
            if !known.contains(&name.as_str()) && !skipped.contains(&name.as_str()) {
                self.extension(name, value, context);
            }
        }
    }

    fn member(&mut self, name: &str, value: &Value, holder: Holder, context: &Context) {
        let layout = shape(holder, name).filter(|layout| fits(*layout, value));
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        match layout {
            None => self.extension(name, value, context),
            // The schema wants items in these, and no element says as much as an empty one.
            Some(Shape::Pairs(_) | Shape::Objects("sensorElement", _)) if items.is_empty() => {}
            Some(Shape::Text) => self.value(name, holder, value, context),
            Some(Shape::Number) => self.leaf(name, &decimal(value)),
            Some(Shape::Repeated) if name == "certificationInfo" => {
                items.iter().take(1).for_each(|item| self.value(name, holder, item, context));
            }
            Some(Shape::Repeated) => items.iter().for_each(|item| self.value(name, holder, item, context)),
            Some(Shape::Texts(item_name)) => self.wrapped(name, items, |printer, item| {
                printer.value(item_name, holder, item, context);
            }),
            Some(Shape::Pairs(item_name)) => {
                self.wrapped(name, items, |printer, item| printer.pair(item_name, item, context));
            }
            Some(Shape::Objects(item_name, inner)) => self.wrapped(name, items, |printer, item| {
                printer.object(item_name, item, inner, context);
            }),
            Some(Shape::Object(inner)) => self.object(name, value, inner, context),
            Some(Shape::Attributes | Shape::RepeatedAttributes) => {
                for members in items.iter().filter_map(Value::as_object) {
                    self.out.push('<');
                    self.out.push_str(name);
                    self.attributes(members.iter(), context, true);
                    self.out.push_str("/>");
                }
            }
        }
    }

    fn wrapped(&mut self, name: &str, items: &[Value], each: impl Fn(&mut Self, &Value)) {
        self.start(name);
        items.iter().for_each(|item| each(self, item));
        self.end(name);
    }

    pub(super) fn object(&mut self, name: &str, value: &Value, holder: Holder, context: &Context) {
        let Some(members) = value.as_object() else { return };
        self.start(name);
        self.members(members, holder, "", context, &[]);
        self.end(name);
    }

    fn pair(&mut self, name: &str, pair: &Value, context: &Context) {
        let words = match name {
            "bizTransaction" => Vocabulary::BizTransactionType,
            _ => Vocabulary::SourceDestinationType,
        };
        self.out.push('<');
        self.out.push_str(name);
        if let Some(of_type) = pair.get("type").and_then(Value::as_str) {
            self.bind_value(of_type, context);
            attribute(&mut self.out, "type", &self.cbv.word(words, of_type));
        }
        let value = pair.get(name).and_then(Value::as_str).unwrap_or_default();
        self.bind_value(value, context);
        self.out.push('>');
        text(&mut self.out, value);
        self.end(name);
    }

    /// An element of the standard with a text.
    pub(super) fn value(&mut self, name: &str, holder: Holder, value: &Value, context: &Context) {
        let Some(written) = value.as_str() else { return };
        self.bind_value(written, context);
        let words = match (holder, name) {
            (Holder::Event, "bizStep") => Some(Vocabulary::BizStep),
            (Holder::Event, "disposition") | (Holder::PersistentDisposition, _) => {
                Some(Vocabulary::Disposition)
            }
            (Holder::ErrorDeclaration, "reason") => Some(Vocabulary::ErrorReason),
            _ => None,
        };
        let cbv = self.cbv;
        self.leaf(name, &words.map_or(Cow::Borrowed(written), |words| cbv.word(words, written)));
    }

    pub(super) fn leaf(&mut self, name: &str, content: &str) {
        self.start(name);
        text(&mut self.out, content);
        self.end(name);
    }

    fn start(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
    }

    pub(super) fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

/// Whether a value can be laid out so; an event type of others may use the names of the standard as it likes.
fn fits(layout: Shape, value: &Value) -> bool {
    let all = |fits: fn(&Value) -> bool| value.as_array().is_some_and(|items| items.iter().all(fits));
    match layout {
        Shape::Text => value.is_string(),
        Shape::Number => value.is_number(),
        Shape::Texts(_) => all(Value::is_string),
        Shape::Repeated => value.is_string() || all(Value::is_string),
        Shape::Objects(..) | Shape::RepeatedAttributes | Shape::Pairs(_) => all(Value::is_object),
        Shape::Object(_) | Shape::Attributes => value.is_object(),
    }
}

impl CbvFormat {
    /// A word of the standard in this spelling; a URI of another vocabulary as it is.
    pub(super) fn word(self, words: Vocabulary, written: &str) -> Cow<'_, str> {
        match self {
            Self::WebUri => words.expand(written),
            Self::Urn => words.urn(written),
            Self::AsWritten if written.contains(':') => Cow::Borrowed(written),
            Self::AsWritten => words.expand(written),
        }
    }
}
