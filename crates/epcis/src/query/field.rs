//! What a query may ask of, and the name under which the index keeps it.

use std::borrow::Cow;

use super::scalar::stored;
use crate::context::Context;

/// A field of an event; extensions are fields too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    EventType,
    Action,
    BizStep,
    Disposition,
    ReadPoint,
    BizLocation,
    EventId,
    TransformationId,
    PersistentSet,
    PersistentUnset,
    /// Transactions of a type: a bare word of CBV 2.0, or a URI.
    BizTransaction(String),
    Source(String),
    Destination(String),
    What(What),
    /// Amounts in a unit that measures this, in its base unit; `None` for bare numbers whatever their unit.
    Quantity(Option<String>),
    /// Whether the event is declared to be in error.
    ErrorDeclaration,
    ErrorTime,
    ErrorReason,
    CorrectiveEventId,
    /// Whether the event has sensor data.
    SensorElements,
    Sensor(Sensor),
    /// A measured value in a unit that measures this, in its base unit.
    Measured(Measured, String),
    Extension(Extension),
}

/// Members of the What dimension that are asked for together (EPCIS 2.0, section 8.2.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    AnyEpc,
    Epc,
    Parent,
    Input,
    Output,
    AnyClass,
    Class,
    InputClass,
    OutputClass,
}

impl What {
    /// The members of an event that it stands for.
    pub fn members(self) -> &'static [&'static str] {
        match self {
            Self::AnyEpc => &["epcList", "childEPCs", "parentID", "inputEPCList", "outputEPCList"],
            Self::Epc => &["epcList", "childEPCs"],
            Self::Parent => &["parentID"],
            Self::Input => &["inputEPCList"],
            Self::Output => &["outputEPCList"],
            Self::AnyClass => {
                &["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"]
            }
            Self::Class => &["quantityList", "childQuantityList"],
            Self::InputClass => &["inputQuantityList"],
            Self::OutputClass => &["outputQuantityList"],
        }
    }

    /// Whether its members name classes.
    pub fn is_class(self) -> bool {
        matches!(self, Self::AnyClass | Self::Class | Self::InputClass | Self::OutputClass)
    }
}

/// What sensors say besides measured values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensor {
    Time,
    StartTime,
    EndTime,
    Type,
    DeviceId,
    DataProcessingMethod,
    BizRules,
    Microorganism,
    ChemicalSubstance,
    StringValue,
    BooleanValue,
    HexBinaryValue,
    UriValue,
    PercRank,
}

impl Sensor {
    pub const ALL: [Self; 14] = [
        Self::Time,
        Self::StartTime,
        Self::EndTime,
        Self::Type,
        Self::DeviceId,
        Self::DataProcessingMethod,
        Self::BizRules,
        Self::Microorganism,
        Self::ChemicalSubstance,
        Self::StringValue,
        Self::BooleanValue,
        Self::HexBinaryValue,
        Self::UriValue,
        Self::PercRank,
    ];

    /// The member of a sensor report, or of the metadata of a sensor element, and of the parameter.
    pub fn member(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::StartTime => "startTime",
            Self::EndTime => "endTime",
            Self::Type => "type",
            Self::DeviceId => "deviceID",
            Self::DataProcessingMethod => "dataProcessingMethod",
            Self::BizRules => "bizRules",
            Self::Microorganism => "microorganism",
            Self::ChemicalSubstance => "chemicalSubstance",
            Self::StringValue => "stringValue",
            Self::BooleanValue => "booleanValue",
            Self::HexBinaryValue => "hexBinaryValue",
            Self::UriValue => "uriValue",
            Self::PercRank => "percRank",
        }
    }
}

/// The numbers of a sensor report that have a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measured {
    Value,
    MinValue,
    MaxValue,
    MeanValue,
    SDev,
    PercValue,
}

impl Measured {
    pub const ALL: [Self; 6] =
        [Self::Value, Self::MinValue, Self::MaxValue, Self::MeanValue, Self::SDev, Self::PercValue];

    /// The member of a sensor report, and the beginning of the parameter's name.
    pub fn member(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::MinValue => "minValue",
            Self::MaxValue => "maxValue",
            Self::MeanValue => "meanValue",
            Self::SDev => "sDev",
            Self::PercValue => "percValue",
        }
    }
}

/// A field under a namespace of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extension {
    pub holder: Holder,
    /// Whether it stands within another extension, at any depth, rather than right in its holder (`INNER_`).
    pub is_inner: bool,
    /// As [`extension_name`] gives it.
    pub name: String,
}

/// Where extensions may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Event,
    Ilmd,
    ErrorDeclaration,
    ReadPoint,
    BizLocation,
    SensorElement,
    SensorMetadata,
    SensorReport,
}

impl Holder {
    pub const ALL: [Self; 8] = [
        Self::Event,
        Self::Ilmd,
        Self::ErrorDeclaration,
        Self::ReadPoint,
        Self::BizLocation,
        Self::SensorElement,
        Self::SensorMetadata,
        Self::SensorReport,
    ];

    /// What stands before the field's name in a parameter.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Event => "",
            Self::Ilmd => "ILMD_",
            Self::ErrorDeclaration => "ERROR_DECLARATION_",
            Self::ReadPoint => "readPoint_",
            Self::BizLocation => "bizLocation_",
            Self::SensorElement => "SENSORELEMENT_",
            Self::SensorMetadata => "SENSORMETADATA_",
            Self::SensorReport => "SENSORREPORT_",
        }
    }

    /// Members of the holder that are no extensions.
    pub(super) fn own_members(self) -> &'static [&'static str] {
        match self {
            Self::Event => EVENT_MEMBERS,
            Self::Ilmd => &[],
            Self::ErrorDeclaration => &["declarationTime", "reason", "correctiveEventIDs"],
            Self::ReadPoint | Self::BizLocation => &["id"],
            Self::SensorElement => &["type", "sensorMetadata", "sensorReport"],
            Self::SensorMetadata => METADATA_MEMBERS,
            Self::SensorReport => REPORT_MEMBERS,
        }
    }
}

const EVENT_MEMBERS: &[&str] = &[
    "type",
    "eventTime",
    "recordTime",
    "eventTimeZoneOffset",
    "eventID",
    "certificationInfo",
    "errorDeclaration",
    "action",
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "bizTransactionList",
    "sourceList",
    "destinationList",
    "sensorElementList",
    "ilmd",
    "epcList",
    "quantityList",
    "parentID",
    "childEPCs",
    "childQuantityList",
    "inputEPCList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "transformationID",
];
const METADATA_MEMBERS: &[&str] = &[
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
];
const REPORT_MEMBERS: &[&str] = &[
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "time",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
];

impl Field {
    /// The names under which the index keeps the field: one, or one a member.
    pub fn codes(&self) -> Vec<Cow<'static, str>> {
        if let Self::What(what) = self {
            return what.members().iter().map(|member| Cow::Borrowed(*member)).collect();
        }
        vec![self.code()]
    }

    /// The one name of a field that is no group of members.
    pub(super) fn code(&self) -> Cow<'static, str> {
        let of = |name: &str, of: &str| Cow::Owned(stored(&format!("{name}:{of}")).into_owned());
        Cow::Borrowed(match self {
            Self::EventType => "type",
            Self::Action => "action",
            Self::BizStep => "bizStep",
            Self::Disposition => "disposition",
            Self::ReadPoint => "readPoint",
            Self::BizLocation => "bizLocation",
            Self::EventId => "eventID",
            Self::TransformationId => "transformationID",
            Self::PersistentSet => "persistentDisposition:set",
            Self::PersistentUnset => "persistentDisposition:unset",
            Self::What(what) => what.members()[0],
            Self::Quantity(None) => "quantity",
            Self::ErrorDeclaration => "errorDeclaration",
            Self::ErrorTime => "declarationTime",
            Self::ErrorReason => "reason",
            Self::CorrectiveEventId => "correctiveEventIDs",
            Self::SensorElements => "sensorElementList",
            Self::BizTransaction(kind) => return of("bizTransaction", kind),
            Self::Source(kind) => return of("source", kind),
            Self::Destination(kind) => return of("destination", kind),
            Self::Quantity(Some(measures)) => return of("quantity", measures),
            Self::Sensor(sensor) => return of("sensor", sensor.member()),
            Self::Measured(measured, measures) => return of(measured.member(), measures),
            Self::Extension(it) => {
                let depth = if it.is_inner { "INNER_" } else { "" };
                return of(&format!("{depth}{}", it.holder.prefix()), &it.name);
            }
        })
    }
}

/// The one name of an extension however it was written: namespace, `#`, local name. `https://ns.example/grade`, `ex:grade`
/// under a prefix and the `namespace#name` of the XML form are one.
pub fn extension_name(written: &str, context: &Context) -> String {
    let iri = context.expand(written);
    match iri.rfind(['#', '/', ':']) {
        Some(at) => format!("{}#{}", iri[..at].trim_end_matches(['#', '/', ':']), &iri[at + 1..]),
        None => iri.into_owned(),
    }
}
