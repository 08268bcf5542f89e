//! How the members of the standard are laid out in XML (EPCglobal-epcis-2_0.xsd), read and printed alike.

/// What holds a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Event,
    QuantityElement,
    Place,
    PersistentDisposition,
    ErrorDeclaration,
    SensorElement,
    Ilmd,
    VocabularyElement,
}

/// How a member stands in XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One element with a text.
    Text,
    /// One element with a number.
    Number,
    /// A wrapper around elements of this name, each with a text.
    Texts(&'static str),
    /// A wrapper around elements of this name, each an object.
    Objects(&'static str, Holder),
    /// A wrapper around elements of this name, each a text with the attribute `type`.
    Pairs(&'static str),
    /// An element that holds members.
    Object(Holder),
    /// The element repeats, each with a text.
    Repeated,
    /// An element whose members are attributes.
    Attributes,
    /// The element repeats, its members are attributes.
    RepeatedAttributes,
}

/// The layout of a member of the standard; `None` for a name that it does not have there.
pub(super) fn shape(holder: Holder, name: &str) -> Option<Shape> {
    use Shape::{Attributes, Number, Object, Objects, Pairs, Repeated, RepeatedAttributes, Text, Texts};
    Some(match (holder, name) {
        (Holder::Event, "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList") => Texts("epc"),
        (
            Holder::Event,
            "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList",
        ) => Objects("quantityElement", Holder::QuantityElement),
        (Holder::Event, "bizTransactionList") => Pairs("bizTransaction"),
        (Holder::Event, "sourceList") => Pairs("source"),
        (Holder::Event, "destinationList") => Pairs("destination"),
        (Holder::Event, "readPoint" | "bizLocation") => Object(Holder::Place),
        (Holder::Event, "persistentDisposition") => Object(Holder::PersistentDisposition),
        (Holder::Event, "errorDeclaration") => Object(Holder::ErrorDeclaration),
        (Holder::Event, "ilmd") => Object(Holder::Ilmd),
        (Holder::Event, "sensorElementList") => Objects("sensorElement", Holder::SensorElement),
        (Holder::Event, "certificationInfo") => Repeated,
        (
            Holder::Event,
            "eventTime"
            | "recordTime"
            | "eventTimeZoneOffset"
            | "eventID"
            | "action"
            | "bizStep"
            | "disposition"
            | "parentID"
            | "transformationID",
        ) => Text,
        (Holder::QuantityElement, "epcClass" | "uom") => Text,
        (Holder::QuantityElement, "quantity") => Number,
        (Holder::Place, "id") => Text,
        (Holder::PersistentDisposition, "set" | "unset") => Repeated,
        (Holder::ErrorDeclaration, "declarationTime" | "reason") => Text,
        (Holder::ErrorDeclaration, "correctiveEventIDs") => Texts("correctiveEventID"),
        (Holder::SensorElement, "sensorMetadata") => Attributes,
        (Holder::SensorElement, "sensorReport") => RepeatedAttributes,
        (Holder::VocabularyElement, "children") => Texts("id"),
        _ => return None,
    })
}

/// Attributes of a sensor report that are numbers.
pub(super) const SENSOR_NUMBERS: &[&str] =
    &["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];

/// The members of the standard in the order that the schema lays down.
pub(super) fn order(holder: Holder, event_type: &str) -> &'static [&'static str] {
    match holder {
        Holder::Event => event_order(event_type),
        Holder::QuantityElement => &["epcClass", "quantity", "uom"],
        Holder::Place => &["id"],
        Holder::PersistentDisposition => &["unset", "set"],
        Holder::ErrorDeclaration => &["declarationTime", "reason", "correctiveEventIDs"],
        Holder::SensorElement => &["sensorMetadata", "sensorReport"],
        Holder::Ilmd => &[],
        Holder::VocabularyElement => &["children"],
    }
}

macro_rules! event_members {
    ($($own:literal),*) => {
        &["eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "errorDeclaration", "certificationInfo", $($own),*]
    };
}

fn event_order(event_type: &str) -> &'static [&'static str] {
    match event_type {
        "ObjectEvent" => event_members![
            "epcList",
            "action",
            "bizStep",
            "disposition",
            "readPoint",
            "bizLocation",
            "bizTransactionList",
            "quantityList",
            "sourceList",
            "destinationList",
            "sensorElementList",
            "persistentDisposition",
            "ilmd"
        ],
        "AggregationEvent" => event_members![
            "parentID",
            "childEPCs",
            "action",
            "bizStep",
            "disposition",
            "readPoint",
            "bizLocation",
            "bizTransactionList",
            "childQuantityList",
            "sourceList",
            "destinationList",
            "sensorElementList",
            "persistentDisposition"
        ],
        "TransactionEvent" => event_members![
            "bizTransactionList",
            "parentID",
            "epcList",
            "action",
            "bizStep",
            "disposition",
            "readPoint",
            "bizLocation",
            "quantityList",
            "sourceList",
            "destinationList",
            "sensorElementList",
            "persistentDisposition"
        ],
        "AssociationEvent" => event_members![
            "parentID",
            "childEPCs",
            "childQuantityList",
            "action",
            "bizStep",
            "disposition",
            "readPoint",
            "bizLocation",
            "bizTransactionList",
            "sourceList",
            "destinationList",
            "sensorElementList",
            "persistentDisposition"
        ],
        // The order of a TransformationEvent, and after it what other events have.
        _ => event_members![
            "inputEPCList",
            "inputQuantityList",
            "outputEPCList",
            "outputQuantityList",
            "transformationID",
            "bizStep",
            "disposition",
            "readPoint",
            "bizLocation",
            "bizTransactionList",
            "sourceList",
            "destinationList",
            "sensorElementList",
            "persistentDisposition",
            "ilmd",
            "action",
            "parentID",
            "epcList",
            "childEPCs",
            "quantityList",
            "childQuantityList"
        ],
    }
}
