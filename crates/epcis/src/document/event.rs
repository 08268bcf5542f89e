use serde_json::{Map, Value};

use super::members;
use super::shape::Shape;
use crate::context::{Context, EPCIS};
use crate::error::{EpcisError, Rule};
use crate::moment::Moment;
use crate::path::Path;
use crate::vocabulary::Vocabulary;

/// The five types of EPCIS 2.0, section 7.4, or a type of another vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventType {
    Object,
    Aggregation,
    Transaction,
    Transformation,
    Association,
    /// An extension type, named by a URI.
    Other(String),
}

impl EventType {
    pub(crate) fn read(name: &str) -> Result<Self, Rule> {
        Ok(match name {
            "ObjectEvent" => Self::Object,
            "AggregationEvent" => Self::Aggregation,
            "TransactionEvent" => Self::Transaction,
            "TransformationEvent" => Self::Transformation,
            "AssociationEvent" => Self::Association,
            _ if crate::uri::is_absolute(name) => Self::Other(name.to_owned()),
            _ => {
                let allowed = "ObjectEvent, AggregationEvent, TransactionEvent, TransformationEvent, \
                               AssociationEvent, or the URI of an extension type";
                return Err(Rule::NotOneOf { found: name.to_owned(), allowed: allowed.to_owned() });
            }
        })
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Object => "ObjectEvent",
            Self::Aggregation => "AggregationEvent",
            Self::Transaction => "TransactionEvent",
            Self::Transformation => "TransformationEvent",
            Self::Association => "AssociationEvent",
            Self::Other(uri) => uri,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Add,
    Observe,
    Delete,
}

impl Action {
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "ADD" => Some(Self::Add),
            "OBSERVE" => Some(Self::Observe),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Observe => "OBSERVE",
            Self::Delete => "DELETE",
        }
    }
}

/// What an event makes of a thing that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Input,
    Output,
    Parent,
    Child,
    About,
}

/// How much of a class of things.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    pub amount: f64,
    /// Unit of UN/ECE Recommendation 20; none where instances are counted.
    pub uom: Option<String>,
}

/// A thing in the What dimension of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct What {
    pub role: Role,
    /// The member of the event that names it, such as `childEPCs`.
    pub member: &'static str,
    /// The EPC or the class, as it was written.
    pub id: String,
    /// True for a class, such as a lot.
    pub is_class: bool,
    pub quantity: Option<Quantity>,
}

/// A checked event, kept as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Every member with its value as it came.
    pub raw: Map<String, Value>,
    pub event_type: EventType,
    /// Moment of the event with the offset that stands in its text.
    pub event_time: Moment,
    /// `eventTimeZoneOffset`: the local time at the place of the event.
    pub zone_offset_minutes: i32,
    pub event_id: Option<String>,
    pub action: Option<Action>,
    /// Bare word of CBV 2.0 in whatever spelling it came, or a URI of another vocabulary.
    pub biz_step: Option<String>,
    /// As `biz_step`.
    pub disposition: Option<String>,
    pub read_point: Option<String>,
    pub biz_location: Option<String>,
    pub what: Vec<What>,
}

impl Event {
    /// Checks an event that stands alone, under the context of its document.
    pub fn from_value(value: Value, context: &Context, limits: &super::Limits) -> Result<Self, EpcisError> {
        limits.check(&value)?;
        match value {
            Value::Object(raw) => Self::read(raw, context, &Path::Root, limits),
            _ => Err(EpcisError::at("", Rule::Kind("an object"))),
        }
    }

    pub(super) fn read(
        raw: Map<String, Value>,
        context: &Context,
        path: &Path,
        limits: &super::Limits,
    ) -> Result<Self, EpcisError> {
        limits.check_event(&raw, path)?;
        let shape = Shape { map: &raw, path };
        let name = super::shape::text(shape.need("type")?).map_err(|rule| shape.refuse("type", rule))?;
        let event_type = EventType::read(name).map_err(|rule| shape.refuse("type", rule))?;
        let context = context.with(raw.get("@context"));
        // Or an event would be one thing to whoever reads its type as an IRI, and another here.
        if context.meanings(name).any(|iri| iri.starts_with(EPCIS)) {
            return Err(shape.refuse("type", Rule::Kind("a bare word for a type of the standard")));
        }
        members::check_event(&shape, &event_type, &context)?;
        let text = |name: &str| raw.get(name).and_then(Value::as_str);
        let id = |name: &str| raw.get(name).and_then(|at| at.get("id")).and_then(Value::as_str);
        let word = |name: &str, words: Vocabulary| text(name).map(|value| words.bare(value).to_owned());
        let time = text("eventTime").and_then(Moment::parse);
        let zone = text("eventTimeZoneOffset").and_then(crate::moment::parse_offset);
        let action = text("action").and_then(Action::read);
        Ok(Self {
            event_time: time.ok_or_else(|| shape.refuse("eventTime", Rule::Missing))?,
            zone_offset_minutes: zone.ok_or_else(|| shape.refuse("eventTimeZoneOffset", Rule::Missing))?,
            event_id: text("eventID").map(str::to_owned),
            action,
            biz_step: word("bizStep", Vocabulary::BizStep),
            disposition: word("disposition", Vocabulary::Disposition),
            read_point: id("readPoint").map(str::to_owned),
            biz_location: id("bizLocation").map(str::to_owned),
            what: what(&raw, &event_type, action),
            event_type,
            raw,
        })
    }
}

/// Members of the What dimension, and the role of what they name in the events that they are made for.
const DIMENSION: &[(&str, Role)] = &[
    ("parentID", Role::Parent),
    ("childEPCs", Role::Child),
    ("childQuantityList", Role::Child),
    ("inputEPCList", Role::Input),
    ("inputQuantityList", Role::Input),
    ("outputEPCList", Role::Output),
    ("outputQuantityList", Role::Output),
    ("epcList", Role::About),
    ("quantityList", Role::About),
];

fn what(raw: &Map<String, Value>, event_type: &EventType, action: Option<Action>) -> Vec<What> {
    let mut all = Vec::new();
    for (member, usual) in DIMENSION {
        let role = match (event_type, action) {
            // ADD says that the things come into being (EPCIS 2.0, section 7.4.2).
            (EventType::Object, Some(Action::Add)) => Role::Output,
            (EventType::Transaction, _) => Role::About,
            _ => *usual,
        };
        let whole = |id: &str| What { role, member, id: id.to_owned(), is_class: false, quantity: None };
        match raw.get(*member) {
            Some(Value::String(id)) => all.push(whole(id)),
            Some(Value::Array(items)) => all.extend(items.iter().filter_map(|item| match item {
                Value::String(id) => Some(whole(id)),
                _ => {
                    let id = item.get("epcClass")?.as_str()?;
                    let uom = item.get("uom").and_then(Value::as_str).map(str::to_owned);
                    let amount = item.get("quantity").and_then(Value::as_f64);
                    let quantity = amount.map(|amount| Quantity { amount, uom });
                    Some(What { is_class: true, quantity, ..whole(id) })
                }
            })),
            _ => {}
        }
    }
    all
}
