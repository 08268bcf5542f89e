//! What an index must know of an event so that every query can be answered from it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::field::{Extension, Field, Holder, Measured, Sensor, What, extension_name};
use super::scalar::{Scalar, number_key, stored_text};
use super::units;
use crate::context::Context;
use crate::moment::Moment;
use crate::urn;
use crate::vocabulary::Vocabulary;

/// That a field has a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// As [`Field::codes`] names it.
    pub code: Cow<'static, str>,
    pub held: Held,
}

/// A value in the form in which it is compared; in the order in which results are ordered by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// As [`number_key`] gives it.
    Number(i64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Moment(i64),
    /// As [`stored`] gives it.
    Text(String),
    /// The field is there, and has no single value.
    Nothing,
}

impl From<Scalar> for Held {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => Self::Text(stored_text(text)),
            Scalar::Number(number) => Self::Number(number_key(number)),
            Scalar::Moment(ms) => Self::Moment(ms),
        }
    }
}

/// Every fact of an event that a query may ask for, but its times: each once, in order.
///
/// The event was checked when it was captured, maybe under other rules: what has not the shape that is wanted has no facts.
pub fn facts(event: &Map<String, Value>, context: &Context) -> Vec<Fact> {
    let context = context.with(event.get("@context"));
    let mut all = Facts { context: &context, found: Vec::new() };
    all.event(event);
    all.found.sort_unstable();
    all.found.dedup();
    all.found
}

struct Facts<'a> {
    context: &'a Context,
    found: Vec<Fact>,
}

impl Facts<'_> {
    fn add(&mut self, field: &Field, held: impl Into<Held>) {
        self.found.push(Fact { code: field.code(), held: held.into() });
    }

    fn text(&mut self, field: &Field, text: impl Into<String>) {
        self.add(field, Scalar::Text(text.into()));
    }

    fn word(&mut self, field: &Field, value: Option<&Value>, vocabulary: Vocabulary) {
        if let Some(word) = value.and_then(Value::as_str) {
            self.text(field, word_of(self.context, word, vocabulary));
        }
    }

    fn id(&mut self, field: &Field, value: Option<&Value>) {
        if let Some(id) = value.and_then(Value::as_str) {
            self.text(field, id_of(self.context, id));
        }
    }

    fn event(&mut self, raw: &Map<String, Value>) {
        if let Some(kind) = raw.get("type").and_then(Value::as_str) {
            self.text(&Field::EventType, iri(self.context, kind));
        }
        if let Some(action) = raw.get("action").and_then(Value::as_str) {
            self.text(&Field::Action, action);
        }
        self.word(&Field::BizStep, raw.get("bizStep"), Vocabulary::BizStep);
        self.word(&Field::Disposition, raw.get("disposition"), Vocabulary::Disposition);
        if let Some(id) = raw.get("eventID").and_then(Value::as_str) {
            self.text(&Field::EventId, id);
        }
        self.id(&Field::TransformationId, raw.get("transformationID"));
        for (field, holder, name) in [
            (Field::ReadPoint, Holder::ReadPoint, "readPoint"),
            (Field::BizLocation, Holder::BizLocation, "bizLocation"),
        ] {
            let Some(Value::Object(place)) = raw.get(name) else { continue };
            self.id(&field, place.get("id"));
            self.extensions(holder, place);
        }
        if let Some(persistent) = raw.get("persistentDisposition") {
            for (field, name) in [(Field::PersistentSet, "set"), (Field::PersistentUnset, "unset")] {
                for value in items(persistent.get(name)) {
                    self.word(&field, Some(value), Vocabulary::Disposition);
                }
            }
        }
        self.pairs(raw);
        self.what(raw);
        self.error(raw);
        for element in items(raw.get("sensorElementList")) {
            self.sensors(element);
        }
        if let Some(Value::Object(ilmd)) = raw.get("ilmd") {
            self.extensions(Holder::Ilmd, ilmd);
        }
        self.extensions(Holder::Event, raw);
    }

    fn pairs(&mut self, raw: &Map<String, Value>) {
        for (list, what, vocabulary, make) in [
            (
                "bizTransactionList",
                "bizTransaction",
                Vocabulary::BizTransactionType,
                Field::BizTransaction as fn(String) -> Field,
            ),
            ("sourceList", "source", Vocabulary::SourceDestinationType, Field::Source),
            ("destinationList", "destination", Vocabulary::SourceDestinationType, Field::Destination),
        ] {
            for item in items(raw.get(list)) {
                if let Some(kind) = item.get("type").and_then(Value::as_str) {
                    self.id(&make(word_of(self.context, kind, vocabulary)), item.get(what));
                }
            }
        }
    }

    fn what(&mut self, raw: &Map<String, Value>) {
        for member in What::AnyEpc.members().iter().chain(What::AnyClass.members()) {
            for id in items(raw.get(*member)).iter().filter_map(thing) {
                // Spelled as in the links of the event, where no prefix is expanded.
                let id = stored_text(urn::canonical(id).into_owned());
                self.found.push(Fact { code: Cow::Borrowed(member), held: Held::Text(id) });
            }
        }
        for list in What::AnyClass.members() {
            for element in items(raw.get(*list)) {
                let Some(amount) = element.get("quantity").and_then(Value::as_f64) else { continue };
                self.add(&Field::Quantity(None), Scalar::Number(amount));
                if let Some(unit) = element.get("uom").and_then(Value::as_str) {
                    let (measures, base) = units::in_base(unit, amount);
                    self.add(&Field::Quantity(Some(measures.to_owned())), Scalar::Number(base));
                }
            }
        }
    }

    fn error(&mut self, raw: &Map<String, Value>) {
        let Some(Value::Object(declaration)) = raw.get("errorDeclaration") else { return };
        self.add(&Field::ErrorDeclaration, Held::Nothing);
        self.moment(&Field::ErrorTime, declaration.get("declarationTime"));
        self.word(&Field::ErrorReason, declaration.get("reason"), Vocabulary::ErrorReason);
        for id in items(declaration.get("correctiveEventIDs")) {
            if let Some(id) = id.as_str() {
                self.text(&Field::CorrectiveEventId, id);
            }
        }
        self.extensions(Holder::ErrorDeclaration, declaration);
    }

    fn moment(&mut self, field: &Field, value: Option<&Value>) {
        if let Some(moment) = value.and_then(Value::as_str).and_then(Moment::parse) {
            self.add(field, Scalar::Moment(moment.ms_utc));
        }
    }

    fn sensors(&mut self, element: &Value) {
        let Value::Object(element) = element else { return };
        self.add(&Field::SensorElements, Held::Nothing);
        self.extensions(Holder::SensorElement, element);
        if let Some(Value::Object(metadata)) = element.get("sensorMetadata") {
            let told = [
                Sensor::Time,
                Sensor::StartTime,
                Sensor::EndTime,
                Sensor::DeviceId,
                Sensor::DataProcessingMethod,
                Sensor::BizRules,
            ];
            told.into_iter().for_each(|sensor| self.sensor(sensor, metadata));
            self.extensions(Holder::SensorMetadata, metadata);
        }
        for report in items(element.get("sensorReport")) {
            let Value::Object(report) = report else { continue };
            let told =
                Sensor::ALL.into_iter().filter(|it| !matches!(it, Sensor::StartTime | Sensor::EndTime));
            told.for_each(|sensor| self.sensor(sensor, report));
            for measured in Measured::ALL {
                let value = report.get(measured.member()).and_then(Value::as_f64);
                let unit = report.get("uom").and_then(Value::as_str);
                let Some((value, unit)) = value.zip(unit) else { continue };
                let (measures, base) = units::in_base(unit, value);
                self.add(&Field::Measured(measured, measures.to_owned()), Scalar::Number(base));
            }
            self.extensions(Holder::SensorReport, report);
        }
    }

    fn sensor(&mut self, sensor: Sensor, of: &Map<String, Value>) {
        let (field, value) = (Field::Sensor(sensor), of.get(sensor.member()));
        match sensor {
            Sensor::Time | Sensor::StartTime | Sensor::EndTime => self.moment(&field, value),
            Sensor::Type => self.word(&field, value, Vocabulary::Measurement),
            Sensor::PercRank => {
                if let Some(number) = value.and_then(Value::as_f64) {
                    self.add(&field, Scalar::Number(number));
                }
            }
            Sensor::BooleanValue => {
                if let Some(flag) = value.and_then(Value::as_bool) {
                    self.text(&field, flag.to_string());
                }
            }
            Sensor::StringValue => {
                if let Some(text) = value.and_then(Value::as_str) {
                    self.text(&field, text);
                }
            }
            Sensor::HexBinaryValue => {
                if let Some(text) = value.and_then(Value::as_str) {
                    self.text(&field, text.to_ascii_uppercase());
                }
            }
            _ => self.id(&field, value),
        }
    }

    fn extensions(&mut self, holder: Holder, of: &Map<String, Value>) {
        for (name, value) in extensions(holder, of, self.context) {
            self.extension(holder, false, name, value);
        }
    }

    fn extension(&mut self, holder: Holder, is_inner: bool, name: &str, value: &Value) {
        let name = extension_name(name, self.context);
        let field = Field::Extension(Extension { holder, is_inner, name });
        let values: Vec<Scalar> = items(Some(value)).iter().filter_map(Scalar::of).collect();
        if values.is_empty() {
            self.add(&field, Held::Nothing);
        }
        values.into_iter().for_each(|value| self.add(&field, value));
        self.inner(holder, value);
    }

    fn inner(&mut self, holder: Holder, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.inner(holder, item)),
            Value::Object(members) => {
                for (name, value) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
                    self.extension(holder, true, name, value);
                }
            }
            _ => {}
        }
    }
}

/// The members of a holder that are extensions.
pub(super) fn extensions<'m>(
    holder: Holder,
    of: &'m Map<String, Value>,
    context: &Context,
) -> impl Iterator<Item = (&'m str, &'m Value)> {
    of.iter().map(|(name, value)| (name.as_str(), value)).filter(move |(name, _)| {
        let is_own = holder.own_members().contains(name) && !context.defines(name);
        !is_own && !name.starts_with('@')
    })
}

/// What an item of the What dimension names.
pub(super) fn thing(item: &Value) -> Option<&str> {
    item.as_str().or_else(|| item.get("epcClass")?.as_str())
}

/// The items of a list; what is no list is one item.
pub(super) fn items(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// A whole IRI for a compact one.
pub(super) fn iri(context: &Context, text: &str) -> String {
    if text.contains(':') { context.expand(text).into_owned() } else { text.to_owned() }
}

/// A bare word of CBV 2.0 in whatever spelling it came, or the URI of another vocabulary.
pub(super) fn word_of(context: &Context, text: &str, vocabulary: Vocabulary) -> String {
    if text.contains(':') { vocabulary.bare(&context.expand(text)).to_owned() } else { text.to_owned() }
}

/// An identifier in canonical form.
pub(super) fn id_of(context: &Context, text: &str) -> String {
    if !text.contains(':') {
        return text.to_owned();
    }
    urn::canonical(&context.expand(text)).into_owned()
}
