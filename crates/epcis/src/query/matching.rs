//! What a query means, said over the event itself: the definition that answers from an index are held to.

use serde_json::{Map, Value};

use super::facts::{extensions, id_of, iri, items, thing, word_of};
use super::field::{Extension, Field, Holder, Sensor, What, extension_name};
use super::scalar::{Scalar, stored};
use super::{Condition, Place, Query, Span, units};
use crate::context::Context;
use crate::moment::Moment;
use crate::urn;
use crate::vocabulary::Vocabulary;

/// An element of a vocabulary, such as a place: what its master data say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Element {
    /// In canonical form.
    pub id: String,
    /// Names as [`extension_name`] gives them.
    pub attributes: Vec<(String, Scalar)>,
    /// What stands right below it, in canonical form.
    pub children: Vec<String>,
}

/// Master data as a query sees them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MasterData(pub Vec<Element>);

impl MasterData {
    fn has(&self, id: &str, fits: impl Fn(&str, &Scalar) -> bool) -> bool {
        let of_it = self.0.iter().filter(|element| element.id == id);
        of_it.flat_map(|element| &element.attributes).any(|(name, value)| fits(name, value))
    }

    /// Whether a place is another one, or stands below it.
    fn is_within(&self, id: &str, above: &str) -> bool {
        let (mut reached, mut at) = (vec![above.to_owned()], 0);
        while at < reached.len() {
            let elements = self.0.iter().filter(|element| element.id == reached[at]);
            let below: Vec<&String> = elements.flat_map(|element| &element.children).collect();
            for child in below {
                if !reached.contains(child) {
                    reached.push(child.clone());
                }
            }
            at += 1;
        }
        reached.iter().any(|place| place == id)
    }
}

impl Query {
    /// True if the event is one that the query asks for; `recorded_ms` is when it was captured.
    pub fn matches(
        &self,
        event: &Map<String, Value>,
        context: &Context,
        recorded_ms: i64,
        master: &MasterData,
    ) -> bool {
        let context = context.with(event.get("@context"));
        let one = One { event, context: &context, master };
        let time = one.get("eventTime").and_then(Value::as_str).and_then(Moment::parse);
        time.is_some_and(|time| within(self.event_time, time.ms_utc))
            && within(self.record_time, recorded_ms)
            && self.conditions.iter().all(|condition| one.fits(condition))
    }

    /// The values of an extension that the result may be ordered by.
    pub fn values(event: &Map<String, Value>, context: &Context, of: &Extension) -> Vec<Scalar> {
        let context = context.with(event.get("@context"));
        let one = One { event, context: &context, master: &MasterData::default() };
        one.extension(of).into_iter().flat_map(|value| items(Some(value))).filter_map(Scalar::of).collect()
    }
}

fn within(span: Span, ms: i64) -> bool {
    span.from.is_none_or(|from| ms >= from.ms_utc) && span.before.is_none_or(|before| ms < before.ms_utc)
}

struct One<'a> {
    event: &'a Map<String, Value>,
    context: &'a Context,
    master: &'a MasterData,
}

impl<'a> One<'a> {
    fn fits(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Among(among) => {
                self.of(&among.field).iter().any(|found| among.values.iter().any(|value| value.is(found)))
            }
            Condition::Matches(what, patterns) => {
                let holds = |id: &str| {
                    patterns.iter().any(|pattern| match what.is_class() {
                        true => pattern.holds_class(id),
                        false => pattern.holds(id),
                    })
                };
                self.things(*what).iter().any(|id| holds(id))
            }
            Condition::Compares(field, comparison, bound) => {
                self.of(field).iter().any(|found| found.stands(*comparison, bound))
            }
            Condition::Exists(field) => match field {
                Field::ErrorDeclaration => self.object("errorDeclaration").is_some(),
                Field::SensorElements => self.list("sensorElementList").iter().any(Value::is_object),
                Field::Extension(extension) => !self.extension(extension).is_empty(),
                other => !self.of(other).is_empty(),
            },
            Condition::Within(place, above) => {
                let id = match place {
                    Place::ReadPoint => self.place("readPoint"),
                    Place::BizLocation => self.place("bizLocation"),
                };
                id.is_some_and(|id| above.iter().any(|above| self.master.is_within(&id, above)))
            }
            Condition::HasAttribute(field, names) => self.of(field).iter().any(|value| {
                is_text(value, |id| self.master.has(id, |name, _| names.iter().any(|n| n == name)))
            }),
            Condition::AttributeIs(field, name, values) => self.of(field).iter().any(|value| {
                is_text(value, |id| {
                    self.master
                        .has(id, |known, found| known == name && values.iter().any(|value| value.is(found)))
                })
            }),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.event.get(name)
    }

    fn object(&self, name: &str) -> Option<&'a Map<String, Value>> {
        self.get(name).and_then(Value::as_object)
    }

    fn list(&self, name: &str) -> &'a [Value] {
        items(self.get(name))
    }

    fn place(&self, name: &str) -> Option<String> {
        Some(id_of(self.context, self.object(name)?.get("id")?.as_str()?))
    }

    fn things(&self, what: What) -> Vec<String> {
        let named = what.members().iter().flat_map(|member| self.list(member)).filter_map(thing);
        named.map(|id| urn::canonical(id).into_owned()).collect()
    }

    /// The values of a field.
    fn of(&self, field: &Field) -> Vec<Scalar> {
        let words = |values: Vec<&str>, vocabulary| -> Vec<String> {
            values.into_iter().map(|value| word_of(self.context, value, vocabulary)).collect()
        };
        let one = |name: &str| -> Vec<&str> { self.get(name).and_then(Value::as_str).into_iter().collect() };
        let texts = match field {
            Field::EventType => one("type").into_iter().map(|kind| iri(self.context, kind)).collect(),
            Field::Action => one("action").into_iter().map(str::to_owned).collect(),
            Field::BizStep => words(one("bizStep"), Vocabulary::BizStep),
            Field::Disposition => words(one("disposition"), Vocabulary::Disposition),
            Field::ReadPoint => self.place("readPoint").into_iter().collect(),
            Field::BizLocation => self.place("bizLocation").into_iter().collect(),
            Field::EventId => one("eventID").into_iter().map(str::to_owned).collect(),
            Field::TransformationId => {
                one("transformationID").into_iter().map(|id| id_of(self.context, id)).collect()
            }
            Field::PersistentSet => words(self.persistent("set"), Vocabulary::Disposition),
            Field::PersistentUnset => words(self.persistent("unset"), Vocabulary::Disposition),
            Field::BizTransaction(kind) => {
                self.typed("bizTransactionList", "bizTransaction", kind, Vocabulary::BizTransactionType)
            }
            Field::Source(kind) => {
                self.typed("sourceList", "source", kind, Vocabulary::SourceDestinationType)
            }
            Field::Destination(kind) => {
                self.typed("destinationList", "destination", kind, Vocabulary::SourceDestinationType)
            }
            Field::What(what) => self.things(*what),
            Field::ErrorReason => words(self.error("reason"), Vocabulary::ErrorReason),
            Field::CorrectiveEventId => {
                self.error("correctiveEventIDs").into_iter().map(str::to_owned).collect()
            }
            Field::ErrorTime => {
                return self.error("declarationTime").into_iter().filter_map(moment).collect();
            }
            Field::Quantity(measures) => return self.quantities(measures.as_deref()),
            Field::Sensor(sensor) => return self.sensor(*sensor),
            Field::Measured(measured, measures) => {
                let value = |report: &&Map<String, Value>| {
                    let unit = report.get("uom")?.as_str()?;
                    let (of, base) = units::in_base(unit, report.get(measured.member())?.as_f64()?);
                    (of == measures).then_some(Scalar::Number(base))
                };
                return self.reports().iter().filter_map(value).collect();
            }
            Field::Extension(extension) => {
                let values = self.extension(extension);
                return values.into_iter().flat_map(|it| items(Some(it))).filter_map(Scalar::of).collect();
            }
            Field::ErrorDeclaration | Field::SensorElements => Vec::new(),
        };
        texts.into_iter().map(Scalar::Text).collect()
    }

    fn persistent(&self, name: &str) -> Vec<&'a str> {
        let values = self.object("persistentDisposition").and_then(|it| it.get(name));
        items(values).iter().filter_map(Value::as_str).collect()
    }

    fn error(&self, name: &str) -> Vec<&'a str> {
        let values = self.object("errorDeclaration").and_then(|it| it.get(name));
        items(values).iter().filter_map(Value::as_str).collect()
    }

    fn typed(&self, list: &str, what: &str, kind: &str, vocabulary: Vocabulary) -> Vec<String> {
        let id = |item: &Value| {
            let is_it = word_of(self.context, item.get("type")?.as_str()?, vocabulary) == kind;
            is_it.then(|| Some(id_of(self.context, item.get(what)?.as_str()?)))?
        };
        self.list(list).iter().filter_map(id).collect()
    }

    fn quantities(&self, measures: Option<&str>) -> Vec<Scalar> {
        let amount = |element: &Value| {
            let amount = element.get("quantity")?.as_f64()?;
            let Some(measures) = measures else { return Some(Scalar::Number(amount)) };
            let (of, base) = units::in_base(element.get("uom")?.as_str()?, amount);
            (of == measures).then_some(Scalar::Number(base))
        };
        let lists = What::AnyClass.members().iter();
        lists.flat_map(|list| self.list(list)).filter_map(amount).collect()
    }

    fn elements(&self) -> impl Iterator<Item = &'a Map<String, Value>> {
        self.list("sensorElementList").iter().filter_map(Value::as_object)
    }

    fn metadata(&self) -> Vec<&'a Map<String, Value>> {
        self.elements().filter_map(|it| it.get("sensorMetadata")?.as_object()).collect()
    }

    fn reports(&self) -> Vec<&'a Map<String, Value>> {
        self.elements().flat_map(|it| items(it.get("sensorReport"))).filter_map(Value::as_object).collect()
    }

    fn sensor(&self, sensor: Sensor) -> Vec<Scalar> {
        let (metadata, reports) = (self.metadata(), self.reports());
        let holders = match sensor {
            Sensor::StartTime | Sensor::EndTime => metadata,
            Sensor::Time | Sensor::DeviceId | Sensor::DataProcessingMethod | Sensor::BizRules => {
                [metadata, reports].concat()
            }
            _ => reports,
        };
        let values = holders.into_iter().filter_map(|holder| holder.get(sensor.member()));
        let scalar = |value: &Value| match sensor {
            Sensor::Time | Sensor::StartTime | Sensor::EndTime => moment(value.as_str()?),
            Sensor::PercRank => value.as_f64().map(Scalar::Number),
            Sensor::BooleanValue => value.as_bool().map(|flag| Scalar::Text(flag.to_string())),
            Sensor::StringValue => Some(Scalar::Text(value.as_str()?.to_owned())),
            Sensor::HexBinaryValue => Some(Scalar::Text(value.as_str()?.to_ascii_uppercase())),
            Sensor::Type => {
                Some(Scalar::Text(word_of(self.context, value.as_str()?, Vocabulary::Measurement)))
            }
            _ => Some(Scalar::Text(id_of(self.context, value.as_str()?))),
        };
        values.filter_map(scalar).collect()
    }

    /// The values of an extension, as they stand in the event.
    fn extension(&self, asked: &Extension) -> Vec<&'a Value> {
        let holders: Vec<&Map<String, Value>> = match asked.holder {
            Holder::Event => vec![self.event],
            Holder::Ilmd => self.object("ilmd").into_iter().collect(),
            Holder::ErrorDeclaration => self.object("errorDeclaration").into_iter().collect(),
            Holder::ReadPoint => self.object("readPoint").into_iter().collect(),
            Holder::BizLocation => self.object("bizLocation").into_iter().collect(),
            Holder::SensorElement => self.elements().collect(),
            Holder::SensorMetadata => self.metadata(),
            Holder::SensorReport => self.reports(),
        };
        let mut found = Vec::new();
        for holder in holders {
            for (name, value) in extensions(asked.holder, holder, self.context) {
                if asked.is_inner {
                    self.within(value, &asked.name, &mut found);
                } else if extension_name(name, self.context) == asked.name {
                    found.push(value);
                }
            }
        }
        found
    }

    fn within(&self, value: &'a Value, asked: &str, found: &mut Vec<&'a Value>) {
        let members = value.as_object().into_iter().flatten().filter(|(name, _)| !name.starts_with('@'));
        for (name, inner) in members {
            if extension_name(name, self.context) == asked {
                found.push(inner);
            }
            self.within(inner, asked, found);
        }
        value.as_array().into_iter().flatten().for_each(|item| self.within(item, asked, found));
    }
}

fn moment(text: &str) -> Option<Scalar> {
    Moment::parse(text).map(|moment| Scalar::Moment(moment.ms_utc))
}

/// Master data are known by what is stored of an identifier.
fn is_text(value: &Scalar, holds: impl Fn(&str) -> bool) -> bool {
    matches!(value, Scalar::Text(text) if holds(&stored(text)))
}
