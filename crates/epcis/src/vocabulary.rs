//! The standard vocabularies of CBV 2.0 in their three spellings: bare word, `https://ref.gs1.org/...` and URN.

use std::borrow::Cow;

/// A vocabulary whose words stand bare in the JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    BizStep,
    Disposition,
    BizTransactionType,
    SourceDestinationType,
    ErrorReason,
    SensorComponent,
    SensorAlert,
    Measurement,
}

impl Vocabulary {
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::BizStep => BIZ_STEPS,
            Self::Disposition => DISPOSITIONS,
            Self::BizTransactionType => TRANSACTION_TYPES,
            Self::SourceDestinationType => SOURCE_TYPES,
            Self::ErrorReason => ERROR_REASONS,
            Self::SensorComponent => COMPONENTS,
            Self::SensorAlert => ALERTS,
            Self::Measurement => MEASUREMENTS,
        }
    }

    /// What stands before a word in the web vocabulary.
    pub fn web(self) -> &'static str {
        match self {
            Self::BizStep => "https://ref.gs1.org/cbv/BizStep-",
            Self::Disposition => "https://ref.gs1.org/cbv/Disp-",
            Self::BizTransactionType => "https://ref.gs1.org/cbv/BTT-",
            Self::SourceDestinationType => "https://ref.gs1.org/cbv/SDT-",
            Self::ErrorReason => "https://ref.gs1.org/cbv/ER-",
            Self::SensorComponent => "https://ref.gs1.org/cbv/Comp-",
            Self::SensorAlert | Self::Measurement => "https://gs1.org/voc/",
        }
    }

    /// What stands before a word in the URN vocabulary of CBV 1; the vocabularies that came later have none.
    fn urn_prefix(self) -> Option<&'static str> {
        Some(match self {
            Self::BizStep => "urn:epcglobal:cbv:bizstep:",
            Self::Disposition => "urn:epcglobal:cbv:disp:",
            Self::BizTransactionType => "urn:epcglobal:cbv:btt:",
            Self::SourceDestinationType => "urn:epcglobal:cbv:sdt:",
            Self::ErrorReason => "urn:epcglobal:cbv:er:",
            Self::SensorComponent | Self::SensorAlert | Self::Measurement => return None,
        })
    }

    /// Every prefix under which a word of the vocabulary is met, the compact ones of the default context included.
    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::BizStep => {
                &["https://ref.gs1.org/cbv/BizStep-", "urn:epcglobal:cbv:bizstep:", "cbv:BizStep-"]
            }
            Self::Disposition => &["https://ref.gs1.org/cbv/Disp-", "urn:epcglobal:cbv:disp:", "cbv:Disp-"],
            Self::BizTransactionType => {
                &["https://ref.gs1.org/cbv/BTT-", "urn:epcglobal:cbv:btt:", "cbv:BTT-"]
            }
            Self::SourceDestinationType => {
                &["https://ref.gs1.org/cbv/SDT-", "urn:epcglobal:cbv:sdt:", "cbv:SDT-"]
            }
            Self::ErrorReason => &["https://ref.gs1.org/cbv/ER-", "urn:epcglobal:cbv:er:", "cbv:ER-"],
            Self::SensorComponent => &["https://ref.gs1.org/cbv/Comp-", "cbv:Comp-"],
            Self::SensorAlert | Self::Measurement => {
                &["https://gs1.org/voc/", "https://www.gs1.org/voc/", "gs1:"]
            }
        }
    }

    /// The name of the list in an error.
    pub fn name(self) -> &'static str {
        match self {
            Self::BizStep => "business steps",
            Self::Disposition => "dispositions",
            Self::BizTransactionType => "business transaction types",
            Self::SourceDestinationType => "source and destination types",
            Self::ErrorReason => "error reasons",
            Self::SensorComponent => "sensor components",
            Self::SensorAlert => "sensor alert types",
            Self::Measurement => "measurement types",
        }
    }

    /// The bare word behind a spelling, known or not; `None` for a URI of another vocabulary.
    fn word(self, value: &str) -> Option<&str> {
        if !value.contains(':') {
            return Some(value);
        }
        self.prefixes().iter().find_map(|prefix| value.strip_prefix(prefix))
    }

    /// True for a word of the standard in any spelling, and for a URI of another vocabulary.
    pub fn accepts(self, value: &str) -> bool {
        match self.word(value) {
            // The published schema bars other names of GS1's vocabulary only where they are written in full, and
            // published examples have some from drafts (`gs1:EffectiveDoseRate`).
            Some(word) => {
                let is_compact = value.starts_with("gs1:") && !word.is_empty();
                self.words().contains(&word) || self == Self::Measurement && is_compact
            }
            None => !value.starts_with("urn:epcglobal:cbv:") && crate::uri::is_absolute(value),
        }
    }

    /// The bare word for a standard word in any spelling; everything else as it stands.
    pub fn bare(self, value: &str) -> &str {
        self.word(value).filter(|word| self.words().contains(word)).unwrap_or(value)
    }

    /// The URN for a standard word in any spelling, its web URI where it has none; everything else as it stands.
    pub fn urn(self, value: &str) -> Cow<'_, str> {
        let word = self.bare(value);
        match self.urn_prefix().filter(|_| self.words().contains(&word)) {
            Some(prefix) => Cow::Owned(format!("{prefix}{word}")),
            None => self.expand(value),
        }
    }

    /// The web URI for a standard word in any spelling; everything else as it stands.
    pub fn expand(self, value: &str) -> Cow<'_, str> {
        let word = self.bare(value);
        if self.words().contains(&word) {
            Cow::Owned(format!("{}{word}", self.web()))
        } else {
            Cow::Borrowed(value)
        }
    }
}

/// `bizStep` of the published EPCIS 2.0 JSON schema.
const BIZ_STEPS: &[&str] = &[
    "accepting",
    "arriving",
    "assembling",
    "collecting",
    "commissioning",
    "consigning",
    "creating_class_instance",
    "cycle_counting",
    "decommissioning",
    "departing",
    "destroying",
    "disassembling",
    "dispensing",
    "encoding",
    "entering_exiting",
    "holding",
    "inspecting",
    "installing",
    "killing",
    "loading",
    "other",
    "packing",
    "picking",
    "receiving",
    "removing",
    "repackaging",
    "repairing",
    "replacing",
    "reserving",
    "retail_selling",
    "shipping",
    "staging_outbound",
    "stock_taking",
    "stocking",
    "storing",
    "transporting",
    "unloading",
    "unpacking",
    "void_shipping",
    "sensor_reporting",
    "sampling",
];

/// `disposition` of the published EPCIS 2.0 JSON schema.
const DISPOSITIONS: &[&str] = &[
    "active",
    "container_closed",
    "damaged",
    "destroyed",
    "dispensed",
    "disposed",
    "encoded",
    "expired",
    "in_progress",
    "in_transit",
    "inactive",
    "no_pedigree_match",
    "non_sellable_other",
    "partially_dispensed",
    "recalled",
    "reserved",
    "retail_sold",
    "returned",
    "sellable_accessible",
    "sellable_not_accessible",
    "stolen",
    "unknown",
    "available",
    "completeness_verified",
    "completeness_inferred",
    "conformant",
    "container_open",
    "mismatch_instance",
    "mismatch_class",
    "mismatch_quantity",
    "needs_replacement",
    "non_conformant",
    "unavailable",
];

/// `bizTransaction-type` of the published EPCIS 2.0 JSON schema.
const TRANSACTION_TYPES: &[&str] = &[
    "bol",
    "cert",
    "desadv",
    "inv",
    "pedigree",
    "po",
    "poc",
    "prodorder",
    "recadv",
    "rma",
    "testprd",
    "testres",
    "upevt",
];

/// `source-dest-type` of the published EPCIS 2.0 JSON schema.
const SOURCE_TYPES: &[&str] = &["owning_party", "possessing_party", "location"];

/// `error-reason` of the published EPCIS 2.0 JSON schema.
const ERROR_REASONS: &[&str] = &["did_not_occur", "incorrect_data"];

/// `component` of the published EPCIS 2.0 JSON schema.
const COMPONENTS: &[&str] = &[
    "x",
    "y",
    "z",
    "axial_distance",
    "azimuth",
    "height",
    "spherical_radius",
    "polar_angle",
    "elevation_angle",
    "easting",
    "northing",
    "latitude",
    "longitude",
    "altitude",
];

/// `sensorAlertType` of the published EPCIS 2.0 JSON schema.
const ALERTS: &[&str] = &["ALARM_CONDITION", "ERROR_CONDITION"];

/// `measurementType` of the published EPCIS 2.0 JSON schema.
const MEASUREMENTS: &[&str] = &[
    "AbsoluteHumidity",
    "AbsorbedDose",
    "AbsorbedDoseRate",
    "Acceleration",
    "Radioactivity",
    "Altitude",
    "AmountOfSubstance",
    "AmountOfSubstancePerUnitVolume",
    "Angle",
    "AngularAcceleration",
    "AngularMomentum",
    "AngularVelocity",
    "Area",
    "Capacitance",
    "Conductance",
    "Conductivity",
    "Count",
    "Density",
    "Dimensionless",
    "DoseEquivalent",
    "DoseEquivalentRate",
    "DynamicViscosity",
    "ElectricCharge",
    "ElectricCurrent",
    "ElectricCurrentDensity",
    "ElectricFieldStrength",
    "Energy",
    "Exposure",
    "Force",
    "Frequency",
    "Illuminance",
    "Inductance",
    "Irradiance",
    "KinematicViscosity",
    "Length",
    "LinearMomentum",
    "Luminance",
    "LuminousFlux",
    "LuminousIntensity",
    "MagneticFlux",
    "MagneticFluxDensity",
    "MagneticVectorPotential",
    "Mass",
    "MassConcentration",
    "MassFlowRate",
    "MassPerAreaTime",
    "MemoryCapacity",
    "MolalityOfSolute",
    "MolarEnergy",
    "MolarMass",
    "MolarVolume",
    "Power",
    "Pressure",
    "RadiantFlux",
    "RadiantIntensity",
    "RelativeHumidity",
    "Resistance",
    "Resistivity",
    "SolidAngle",
    "SpecificVolume",
    "Speed",
    "SurfaceDensity",
    "SurfaceTension",
    "Temperature",
    "Time",
    "Torque",
    "Voltage",
    "Volume",
    "VolumeFlowRate",
    "VolumeFraction",
    "VolumetricFlux",
    "Wavenumber",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_are_one_word() {
        for value in
            ["https://ref.gs1.org/cbv/BizStep-shipping", "urn:epcglobal:cbv:bizstep:shipping", "shipping"]
        {
            assert_eq!(Vocabulary::BizStep.bare(value), "shipping");
            assert_eq!(Vocabulary::BizStep.expand(value), "https://ref.gs1.org/cbv/BizStep-shipping");
        }
    }

    #[test]
    fn other_measurement_types_of_gs1_are_taken_as_compact_iris() {
        let types = Vocabulary::Measurement;
        assert!(types.accepts("gs1:EffectiveDoseRate") && types.accepts("https://gs1.org/voc/Mass"));
        assert!(
            !types.accepts("EffectiveDoseRate") && !types.accepts("https://gs1.org/voc/EffectiveDoseRate")
        );
        assert_eq!(types.expand("gs1:EffectiveDoseRate"), "gs1:EffectiveDoseRate");
    }

    #[test]
    fn words_outside_the_list_need_a_uri_of_another_vocabulary() {
        let steps = Vocabulary::BizStep;
        assert!(steps.accepts("https://example.com/voc/weighing"));
        assert!(steps.accepts("urn:example:weighing"));
        for value in [
            "weighing",
            "Shipping",
            "urn:epcglobal:cbv:bizstep:weighing",
            "https://ref.gs1.org/cbv/BizStep-weighing",
            "",
            ":",
            "a b:c",
        ] {
            assert!(!steps.accepts(value), "{value}");
        }
    }
}
