//! From the names and values of parameters to what they ask.

use super::field::{Extension, Field, Holder, Measured, Sensor, What, extension_name};
use super::scalar::{Comparison, Scalar};
use super::units;
use super::{Among, Condition, Pattern, Place};
use crate::context::Context;
use crate::document::{Action, EventType};
use crate::error::Rule;
use crate::moment::Moment;
use crate::urn;
use crate::vocabulary::Vocabulary;

/// The values of a parameter; what takes one value takes no more.
pub(super) struct Given<'a> {
    pub values: &'a [&'a str],
    pub context: &'a Context,
}

/// Reads a parameter that asks something of the events. `None` for a parameter that says nothing, such as an `EXISTS_`
/// that is false.
pub(super) fn condition(name: &str, given: &Given<'_>) -> Result<Option<Condition>, Rule> {
    if let Some(condition) = fixed(name, given)? {
        return Ok(Some(condition));
    }
    for (prefix, comparison) in [
        ("GT_", Comparison::Above),
        ("GE_", Comparison::AtLeast),
        ("LT_", Comparison::Below),
        ("LE_", Comparison::AtMost),
    ] {
        if let Some(rest) = name.strip_prefix(prefix) {
            return given.compares(rest, comparison).map(Some);
        }
    }
    if let Some(rest) = name.strip_prefix("EXISTS_") {
        return given.exists(rest);
    }
    if let Some(rest) = name.strip_prefix("HASATTR_") {
        return given.has_attribute(rest).map(Some);
    }
    if let Some(rest) = name.strip_prefix("EQATTR_").or_else(|| name.strip_prefix("EQ_ATTR_")) {
        return given.attribute_is(rest).map(Some);
    }
    match name.strip_prefix("EQ_") {
        Some(rest) => given.equals(rest).map(Some),
        None => Err(Rule::UnknownParameter),
    }
}

/// Parameters whose whole name the standard gives.
fn fixed(name: &str, given: &Given<'_>) -> Result<Option<Condition>, Rule> {
    use Vocabulary::{BizStep, Disposition, ErrorReason, Measurement};
    let matches = |what| given.patterns().map(|patterns| Condition::Matches(what, patterns));
    let words = |field, vocabulary| given.among(field, |value| given.word(value, vocabulary));
    let ids = |field| given.among(field, |value| given.id(value));
    let uris = |field| given.among(field, |value| uri(value).map(text));
    let within = |place| {
        let ids = given.values.iter().map(|value| given.id(value)).collect::<Result<Vec<_>, _>>()?;
        Ok(Condition::Within(place, ids.into_iter().filter_map(into_text).collect()))
    };
    Ok(Some(match name {
        "eventType" => given.among(Field::EventType, |value| given.event_type(value))?,
        "EQ_action" => given.among(Field::Action, action)?,
        "EQ_bizStep" => words(Field::BizStep, BizStep)?,
        "EQ_disposition" => words(Field::Disposition, Disposition)?,
        "EQ_persistentDisposition_set" => words(Field::PersistentSet, Disposition)?,
        "EQ_persistentDisposition_unset" => words(Field::PersistentUnset, Disposition)?,
        "EQ_readPoint" => ids(Field::ReadPoint)?,
        "EQ_bizLocation" => ids(Field::BizLocation)?,
        "WD_readPoint" => within(Place::ReadPoint)?,
        "WD_bizLocation" => within(Place::BizLocation)?,
        "EQ_eventID" => uris(Field::EventId)?,
        "EQ_transformationID" => ids(Field::TransformationId)?,
        "EQ_errorReason" => words(Field::ErrorReason, ErrorReason)?,
        "EQ_correctiveEventID" => uris(Field::CorrectiveEventId)?,
        "EQ_type" => words(Field::Sensor(Sensor::Type), Measurement)?,
        "EQ_deviceID" => ids(Field::Sensor(Sensor::DeviceId))?,
        "EQ_dataProcessingMethod" => ids(Field::Sensor(Sensor::DataProcessingMethod))?,
        "EQ_bizRules" => ids(Field::Sensor(Sensor::BizRules))?,
        "EQ_microorganism" => ids(Field::Sensor(Sensor::Microorganism))?,
        "EQ_chemicalSubstance" => ids(Field::Sensor(Sensor::ChemicalSubstance))?,
        "EQ_uriValue" => ids(Field::Sensor(Sensor::UriValue))?,
        "EQ_stringValue" => given.among(Field::Sensor(Sensor::StringValue), |value| Ok(text(value)))?,
        "EQ_hexBinaryValue" => given
            .among(Field::Sensor(Sensor::HexBinaryValue), |value| Ok(text(value.to_ascii_uppercase())))?,
        "EQ_booleanValue" => given.among(Field::Sensor(Sensor::BooleanValue), boolean)?,
        "MATCH_anyEPC" => matches(What::AnyEpc)?,
        "MATCH_epc" => matches(What::Epc)?,
        "MATCH_parentID" => matches(What::Parent)?,
        "MATCH_inputEPC" => matches(What::Input)?,
        "MATCH_outputEPC" => matches(What::Output)?,
        "MATCH_anyEPCClass" => matches(What::AnyClass)?,
        "MATCH_epcClass" => matches(What::Class)?,
        "MATCH_inputEPCClass" => matches(What::InputClass)?,
        "MATCH_outputEPCClass" => matches(What::OutputClass)?,
        _ => return Ok(None),
    }))
}

impl Given<'_> {
    /// The one value of a parameter that takes no list.
    pub fn one(&self) -> Result<&str, Rule> {
        match self.values {
            [one] => Ok(one),
            _ => Err(Rule::Kind("one value")),
        }
    }

    fn among(&self, field: Field, read: impl Fn(&str) -> Result<Scalar, Rule>) -> Result<Condition, Rule> {
        let values = self.values.iter().map(|value| read(value)).collect::<Result<Vec<_>, _>>()?;
        Ok(Condition::Among(Among { field, values }))
    }

    fn patterns(&self) -> Result<Vec<Pattern>, Rule> {
        let each = self.values.iter().map(|value| Pattern::parse(value)).collect::<Result<Vec<_>, _>>()?;
        Ok(each.into_iter().flatten().collect())
    }

    /// `EQ_` with a unit, a type or the name of an extension.
    fn equals(&self, rest: &str) -> Result<Condition, Rule> {
        if let Some((field, unit)) = amount(rest) {
            return self.among(field, |value| number(value, unit).map(Scalar::Number));
        }
        for (prefix, vocabulary, make) in [
            ("bizTransaction_", Vocabulary::BizTransactionType, Field::BizTransaction as fn(String) -> Field),
            ("source_", Vocabulary::SourceDestinationType, Field::Source),
            ("destination_", Vocabulary::SourceDestinationType, Field::Destination),
        ] {
            if let Some(kind) = rest.strip_prefix(prefix) {
                let kind = into_text(self.word(kind, vocabulary)?).unwrap_or_default();
                return self.among(make(kind), |value| self.id(value));
            }
        }
        self.among(self.extension(rest)?, |value| Ok(Scalar::read(value)))
    }

    fn compares(&self, rest: &str, comparison: Comparison) -> Result<Condition, Rule> {
        let value = self.one()?;
        if let Some((field, unit)) = amount(rest) {
            return Ok(Condition::Compares(field, comparison, Scalar::Number(number(value, unit)?)));
        }
        if let Some(field) = time_of(rest) {
            // The standard gives moments a lower bound that is met and an upper one that is not.
            if !matches!(comparison, Comparison::AtLeast | Comparison::Below) {
                return Err(Rule::UnknownParameter);
            }
            return Ok(Condition::Compares(field, comparison, Scalar::Moment(moment(value)?.ms_utc)));
        }
        let field = self.extension(rest)?;
        match Scalar::read(value) {
            Scalar::Text(_) => Err(Rule::Kind("a number, or a date and time with an offset")),
            bound => Ok(Condition::Compares(field, comparison, bound)),
        }
    }

    fn exists(&self, rest: &str) -> Result<Option<Condition>, Rule> {
        let field = match rest {
            "errorDeclaration" => Field::ErrorDeclaration,
            "sensorElementList" => Field::SensorElements,
            _ => self.extension(rest)?,
        };
        match self.values {
            [] | ["" | "true" | "1" | "null"] => Ok(Some(Condition::Exists(field))),
            ["false" | "0"] => Ok(None),
            _ => Err(Rule::Kind("true or false")),
        }
    }

    fn has_attribute(&self, rest: &str) -> Result<Condition, Rule> {
        let field = self.described(rest)?;
        let names = self.values.iter().map(|name| self.attribute(name)).collect::<Result<_, _>>()?;
        Ok(Condition::HasAttribute(field, names))
    }

    fn attribute_is(&self, rest: &str) -> Result<Condition, Rule> {
        // Both names may hold an underscore, but no scheme or prefix does.
        let splits = rest.match_indices('_').map(|(at, _)| (&rest[..at], &rest[at + 1..]));
        let is_name = |name: &str| {
            name.split_once(':').is_some_and(|(scheme, local)| !local.is_empty() && !scheme.contains('_'))
        };
        let (field, name) =
            splits.into_iter().find(|(_, name)| is_name(name)).ok_or(Rule::UnknownParameter)?;
        let values = self.values.iter().map(|value| Scalar::read(value)).collect();
        Ok(Condition::AttributeIs(self.described(field)?, self.attribute(name)?, values))
    }

    fn attribute(&self, name: &str) -> Result<String, Rule> {
        self.qualified(name).map(|()| extension_name(name, self.context))
    }

    /// A field whose values master data may describe.
    fn described(&self, name: &str) -> Result<Field, Rule> {
        Ok(match name {
            "readPoint" => Field::ReadPoint,
            "bizLocation" => Field::BizLocation,
            "bizStep" => Field::BizStep,
            "disposition" => Field::Disposition,
            "epcList" | "childEPCs" => Field::What(What::Epc),
            "parentID" => Field::What(What::Parent),
            "quantityList" | "childQuantityList" => Field::What(What::Class),
            _ => self.extension(name)?,
        })
    }

    /// The extension that a parameter names behind its operator.
    pub fn extension(&self, rest: &str) -> Result<Field, Rule> {
        let (is_inner, rest) = match rest.strip_prefix("INNER_") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let holder = Holder::ALL.into_iter().rev().find(|holder| rest.starts_with(holder.prefix()));
        let holder = holder.unwrap_or(Holder::Event);
        let name = &rest[holder.prefix().len()..];
        self.qualified(name)?;
        Ok(Field::Extension(Extension { holder, is_inner, name: extension_name(name, self.context) }))
    }

    /// Refuses a name without a namespace, or under a prefix that nobody defined.
    fn qualified(&self, name: &str) -> Result<(), Rule> {
        const IRIS: [&str; 4] = ["http:", "https:", "urn:", "tag:"];
        if self.context.defines(name) || IRIS.iter().any(|scheme| name.starts_with(scheme)) {
            return Ok(());
        }
        match name.split_once(':') {
            None => Err(Rule::UnknownParameter),
            Some(_) if *self.context.expand(name) != *name => Ok(()),
            Some(_) => {
                Err(Rule::Kind("under a prefix that GS1-Extensions or @context defines, or a whole IRI"))
            }
        }
    }

    fn word(&self, value: &str, vocabulary: Vocabulary) -> Result<Scalar, Rule> {
        let value = self.context.expand(value);
        if !vocabulary.accepts(&value) {
            return Err(Rule::Vocabulary { found: value.into_owned(), list: vocabulary.name() });
        }
        Ok(text(vocabulary.bare(&value)))
    }

    fn id(&self, value: &str) -> Result<Scalar, Rule> {
        canonical(&self.context.expand(value)).map(Scalar::Text)
    }

    fn event_type(&self, value: &str) -> Result<Scalar, Rule> {
        EventType::read(&self.context.expand(value)).map(|event_type| text(event_type.as_str()))
    }
}

/// The field of a number with or without a unit, such as `quantity_KGM`, `value_CEL` and `percRank`, and the unit.
fn amount(rest: &str) -> Option<(Field, Option<&str>)> {
    match rest {
        "quantity" => return Some((Field::Quantity(None), None)),
        "percRank" => return Some((Field::Sensor(Sensor::PercRank), None)),
        _ => {}
    }
    let (name, unit) = rest.split_once('_')?;
    let is_unit =
        (2..=4).contains(&unit.len()) && unit.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if !is_unit {
        return None;
    }
    let measures = units::measures(unit).to_owned();
    if name == "quantity" {
        return Some((Field::Quantity(Some(measures)), Some(unit)));
    }
    let measured = Measured::ALL.into_iter().find(|measured| measured.member() == name)?;
    Some((Field::Measured(measured, measures), Some(unit)))
}

fn time_of(rest: &str) -> Option<Field> {
    Some(match rest {
        "time" => Field::Sensor(Sensor::Time),
        "startTime" => Field::Sensor(Sensor::StartTime),
        "endTime" => Field::Sensor(Sensor::EndTime),
        // The published OpenAPI document has the one, the published query schema the other.
        "errorDeclarationTime" | "errorDeclaration_Time" => Field::ErrorTime,
        _ => return None,
    })
}

/// A number, in the base unit where it has one.
fn number(value: &str, unit: Option<&str>) -> Result<f64, Rule> {
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.ok_or(Rule::Kind("a number"))?;
    Ok(unit.map_or(number, |unit| units::in_base(unit, number).1))
}

pub(super) fn moment(value: &str) -> Result<Moment, Rule> {
    Moment::parse(value).ok_or_else(|| Rule::Time(value.to_owned()))
}

fn action(value: &str) -> Result<Scalar, Rule> {
    let action = Action::read(value);
    action.map(|action| text(action.as_str())).ok_or_else(|| super::not_one_of(value, "ADD, OBSERVE, DELETE"))
}

fn boolean(value: &str) -> Result<Scalar, Rule> {
    if matches!(value, "true" | "false") { Ok(text(value)) } else { Err(Rule::Kind("true or false")) }
}

fn uri(value: &str) -> Result<&str, Rule> {
    if crate::uri::is_absolute(value) { Ok(value) } else { Err(Rule::Uri(value.to_owned())) }
}

pub(super) fn canonical(value: &str) -> Result<String, Rule> {
    uri(value).map(|uri| urn::canonical(uri).into_owned())
}

fn text(value: impl Into<String>) -> Scalar {
    Scalar::Text(value.into())
}

fn into_text(scalar: Scalar) -> Option<String> {
    match scalar {
        Scalar::Text(text) => Some(text),
        Scalar::Number(_) | Scalar::Moment(_) => None,
    }
}
