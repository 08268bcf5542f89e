//! Units of sensor readings: their codes, and their conversion to one unit for each kind of quantity.
//!
//! Codes are those of UNECE Recommendation 20, revision 17. Factors are exact where the SI Brochure (9th edition) or
//! the international yard and pound make them so; the others are from NIST Special Publication 811 (2008), appendix B.

use std::f64::consts::PI;

/// Units of one kind of quantity: the code of the base unit, then codes with what one of them is in base units.
struct Kind {
    /// Measurement types of GS1's web vocabulary that measure it.
    measurements: &'static [&'static str],
    base: &'static str,
    units: &'static [(&'static str, f64)],
}

const fn kind(
    measurements: &'static [&'static str],
    base: &'static str,
    units: &'static [(&'static str, f64)],
) -> Kind {
    Kind { measurements, base, units }
}

/// What is to be added after multiplication, for the scales whose zero is elsewhere.
const OFFSETS: &[(&str, f64)] = &[("CEL", 273.15), ("FAH", 459.67 * 5.0 / 9.0)];

/// A code that is used for several kinds of quantity converts as in the first.
const KINDS: &[Kind] = &[
    kind(&["Temperature"], "KEL", &[("KEL", 1.0), ("CEL", 1.0), ("FAH", 5.0 / 9.0), ("A48", 5.0 / 9.0)]),
    kind(&["RelativeHumidity"], "P1", &[("P1", 1.0), ("C62", 100.0)]),
    kind(
        &["AbsoluteHumidity", "Density", "MassConcentration"],
        "KMQ",
        &[
            ("KMQ", 1.0),
            ("23", 1e3),
            ("87", 16.018_463_373_960_14),
            ("A93", 1e-3),
            ("B34", 1e3),
            ("B35", 1e3),
            ("B72", 1e3),
            ("D41", 1e3),
            ("F23", 1.0),
            ("GJ", 1e3),
            ("GL", 1.0),
            ("GP", 1e-6),
            ("GQ", 1e-9),
            ("H29", 1e-6),
            ("M1", 1e-3),
        ],
    ),
    kind(
        &["Mass"],
        "KGM",
        &[
            ("KGM", 1.0),
            ("2U", 1e3),
            ("CGM", 1e-5),
            ("CWA", 45.359_237),
            ("CWI", 50.802_345_44),
            ("DG", 1e-4),
            ("DJ", 1e-2),
            ("DTN", 1e2),
            ("GRM", 1e-3),
            ("GRN", 6.479_891e-5),
            ("HGM", 0.1),
            ("KTN", 1e6),
            ("LBR", 0.453_592_37),
            ("LTN", 1_016.046_908_8),
            ("MC", 1e-9),
            ("MGM", 1e-6),
            ("ONZ", 0.028_349_523_125),
            ("STI", 6.350_293_18),
            ("STN", 907.184_74),
            ("TNE", 1e3),
        ],
    ),
    kind(
        &["Length", "Altitude"],
        "MTR",
        &[
            ("MTR", 1.0),
            ("4H", 1e-6),
            ("A45", 10.0),
            ("C45", 1e-9),
            ("C52", 1e-12),
            ("CMT", 1e-2),
            ("DMT", 0.1),
            ("FOT", 0.3048),
            ("HMT", 1e2),
            ("INH", 0.0254),
            ("KMT", 1e3),
            ("MMT", 1e-3),
            ("NMI", 1852.0),
            ("SMI", 1_609.344),
            ("YRD", 0.9144),
        ],
    ),
    kind(
        &["Area"],
        "MTK",
        &[
            ("MTK", 1.0),
            ("ARE", 1e2),
            ("CMK", 1e-4),
            ("DMK", 1e-2),
            ("FTK", 0.092_903_04),
            ("HAR", 1e4),
            ("INK", 6.4516e-4),
            ("KMK", 1e6),
            ("MIK", 2_589_988.110_336),
            ("MMK", 1e-6),
            ("YDK", 0.836_127_36),
        ],
    ),
    kind(
        &["Volume"],
        "MTQ",
        &[
            ("MTQ", 1.0),
            ("4G", 1e-9),
            ("A44", 1e-2),
            ("CLT", 1e-5),
            ("CMQ", 1e-6),
            ("DLT", 1e-4),
            ("DMQ", 1e-3),
            ("FTQ", 0.028_316_846_592),
            ("GLI", 4.546_09e-3),
            ("GLL", 3.785_411_784e-3),
            ("HLT", 0.1),
            ("INQ", 1.638_706_4e-5),
            ("LTR", 1e-3),
            ("MLT", 1e-6),
            ("MMQ", 1e-9),
            ("OZA", 2.957_352_956_25e-5),
            ("OZI", 2.841_306_25e-5),
            ("PTI", 5.682_612_5e-4),
            ("PTL", 4.731_764_73e-4),
            ("QTL", 9.463_529_46e-4),
            ("YDQ", 0.764_554_857_984),
        ],
    ),
    kind(
        &["Time"],
        "SEC",
        &[
            ("SEC", 1.0),
            ("B98", 1e-6),
            ("C26", 1e-3),
            ("C47", 1e-9),
            ("DAY", 86_400.0),
            ("HUR", 3_600.0),
            ("MIN", 60.0),
            ("WEE", 604_800.0),
        ],
    ),
    kind(
        &["Speed"],
        "MTS",
        &[
            ("MTS", 1.0),
            ("2M", 1e-2),
            ("2X", 1.0 / 60.0),
            ("C16", 1e-3),
            ("FS", 0.3048),
            ("HM", 0.447_04),
            ("IU", 0.0254),
            ("KMH", 1.0 / 3.6),
            ("KNT", 1_852.0 / 3_600.0),
            ("M62", 1e3),
        ],
    ),
    kind(
        &["Acceleration"],
        "MSK",
        &[
            ("MSK", 1.0),
            ("A73", 0.3048),
            ("A76", 1e-2),
            ("C11", 1e-5),
            ("IV", 0.0254),
            ("K40", 9.806_65),
            ("M38", 1e3),
            ("M39", 1e-2),
            ("M41", 1e-3),
        ],
    ),
    kind(
        &["Pressure"],
        "PAL",
        &[
            ("PAL", 1.0),
            ("74", 1e-3),
            ("A89", 1e9),
            ("A97", 1e2),
            ("ATM", 101_325.0),
            ("ATT", 98_066.5),
            ("B40", 9.806_65),
            ("B96", 1e-6),
            ("BAR", 1e5),
            ("C55", 1.0),
            ("C56", 1e6),
            ("E42", 98_066.5),
            ("F79", 3_386.389),
            ("H75", 10.0),
            ("H78", 98.0665),
            ("HN", 133.3224),
            ("HP", 9.806_65),
            ("KPA", 1e3),
            ("MBR", 1e2),
            ("MPA", 1e6),
            ("PS", 6_894.757),
            ("UA", 101_325.0 / 760.0),
        ],
    ),
    kind(
        &["Force"],
        "NEW",
        &[
            ("NEW", 1.0),
            ("B37", 9.806_65),
            ("B47", 1e3),
            ("B51", 9.806_65),
            ("B73", 1e6),
            ("B92", 1e-6),
            ("C20", 1e-3),
            ("C78", 4.448_221_615_260_5),
            ("DU", 1e-5),
        ],
    ),
    kind(&["Torque"], "NU", &[("NU", 1.0), ("B48", 1e3), ("B74", 1e6), ("D83", 1e-3)]),
    kind(
        &["Energy"],
        "JOU",
        &[
            ("JOU", 1.0),
            ("3B", 1e6),
            ("A53", 1.602_176_634e-19),
            ("A57", 1e-7),
            ("BTU", 1_055.055_852_62),
            ("C15", 1e-3),
            ("D70", 4.1868),
            ("E14", 4_186.8),
            ("GV", 1e9),
            ("GWH", 3.6e12),
            ("K53", 4_184.0),
            ("KJO", 1e3),
            ("KWH", 3.6e6),
            ("MWH", 3.6e9),
            ("WHR", 3_600.0),
        ],
    ),
    kind(
        &["Power", "RadiantFlux"],
        "WTT",
        &[("WTT", 1.0), ("A90", 1e9), ("C31", 1e-3), ("D80", 1e-6), ("KWT", 1e3), ("MAW", 1e6)],
    ),
    kind(
        &["Angle"],
        "C81",
        &[
            ("C81", 1.0),
            ("A91", PI / 200.0),
            ("B97", 1e-6),
            ("C25", 1e-3),
            ("D61", PI / 10_800.0),
            ("D62", PI / 648_000.0),
            ("DD", PI / 180.0),
            ("M44", 2.0 * PI),
        ],
    ),
    kind(&["SolidAngle"], "D27", &[("D27", 1.0)]),
    kind(
        &["AngularVelocity"],
        "2A",
        &[("2A", 1.0), ("E96", PI / 180.0), ("RPM", PI / 30.0), ("RPS", 2.0 * PI)],
    ),
    kind(&["AngularAcceleration"], "2B", &[("2B", 1.0), ("M45", PI / 180.0)]),
    kind(
        &["Frequency"],
        "HTZ",
        &[
            ("HTZ", 1.0),
            ("A86", 1e9),
            ("C97", 1.0),
            ("D29", 1e12),
            ("KHZ", 1e3),
            ("MHZ", 1e6),
            ("RPM", 1.0 / 60.0),
            ("RPS", 1.0),
        ],
    ),
    kind(&["LinearMomentum"], "B31", &[("B31", 1.0), ("C57", 1.0)]),
    kind(&["AngularMomentum"], "B33", &[("B33", 1.0), ("C53", 1.0)]),
    kind(
        &["ElectricCurrent"],
        "AMP",
        &[("AMP", 1.0), ("4K", 1e-3), ("B22", 1e3), ("B84", 1e-6), ("C39", 1e-9)],
    ),
    kind(&["Voltage"], "VLT", &[("VLT", 1.0), ("2Z", 1e-3), ("B78", 1e6), ("D82", 1e-6), ("KVT", 1e3)]),
    kind(
        &["Resistance"],
        "OHM",
        &[("OHM", 1.0), ("A87", 1e9), ("B49", 1e3), ("B75", 1e6), ("B94", 1e-6), ("E45", 1e-3)],
    ),
    kind(&["Resistivity"], "C61", &[("C61", 1.0), ("C60", 1e-2)]),
    kind(&["Capacitance"], "FAR", &[("FAR", 1.0), ("4O", 1e-6), ("4T", 1e-12), ("C10", 1e-3), ("C41", 1e-9)]),
    kind(&["Inductance"], "81", &[("81", 1.0), ("B90", 1e-6), ("C14", 1e-3), ("C43", 1e-9)]),
    kind(
        &["ElectricCharge"],
        "COU",
        &[("COU", 1.0), ("AMH", 3_600.0), ("B26", 1e3), ("B86", 1e-6), ("D86", 1e-3), ("E09", 3.6)],
    ),
    kind(&["Conductance"], "SIE", &[("SIE", 1.0), ("B53", 1e3), ("B99", 1e-6), ("C27", 1e-3)]),
    kind(
        &["Conductivity"],
        "D10",
        &[("D10", 1.0), ("B54", 1e3), ("B77", 1e6), ("G42", 1e-4), ("G43", 1e-6), ("H61", 0.1)],
    ),
    kind(&["ElectricCurrentDensity"], "A41", &[("A41", 1.0), ("A4", 1e4), ("A7", 1e6)]),
    kind(&["ElectricFieldStrength"], "D50", &[("D50", 1.0), ("B79", 1e6), ("D47", 1e2), ("D51", 1e3)]),
    kind(&["MagneticFlux"], "WEB", &[("WEB", 1.0), ("C33", 1e-3)]),
    kind(&["MagneticFluxDensity"], "D33", &[("D33", 1.0), ("C29", 1e-3), ("C48", 1e-9), ("D81", 1e-6)]),
    kind(&["MagneticVectorPotential"], "D59", &[("D59", 1.0), ("B56", 1e3), ("D60", 1e3)]),
    kind(&["Illuminance"], "LUX", &[("LUX", 1.0), ("KLX", 1e3)]),
    kind(&["Luminance"], "A24", &[("A24", 1.0)]),
    kind(&["LuminousFlux"], "LUM", &[("LUM", 1.0)]),
    kind(&["LuminousIntensity"], "CDL", &[("CDL", 1.0), ("P33", 1e3), ("P34", 1e-3)]),
    kind(&["Irradiance"], "D54", &[("D54", 1.0)]),
    kind(&["RadiantIntensity"], "D57", &[("D57", 1.0)]),
    kind(
        &["Dimensionless", "VolumeFraction"],
        "C62",
        &[("C62", 1.0), ("59", 1e-6), ("61", 1e-9), ("NX", 1e-3), ("P1", 1e-2)],
    ),
    kind(&["Count"], "H87", &[("H87", 1.0), ("C62", 1.0), ("EA", 1.0)]),
    kind(&["AmountOfSubstance"], "C34", &[("C34", 1.0), ("B45", 1e3), ("C18", 1e-3), ("FH", 1e-6)]),
    kind(
        &["AmountOfSubstancePerUnitVolume"],
        "C36",
        &[("C36", 1.0), ("B46", 1e3), ("C35", 1e3), ("C38", 1e3), ("M33", 1.0)],
    ),
    kind(&["MolalityOfSolute"], "C19", &[("C19", 1.0), ("D87", 1e-3)]),
    kind(&["MolarMass"], "D74", &[("D74", 1.0), ("A94", 1e-3)]),
    kind(&["MolarVolume"], "A40", &[("A40", 1.0), ("A36", 1e-6), ("A37", 1e-3), ("B58", 1e-3)]),
    kind(&["MolarEnergy"], "B15", &[("B15", 1.0), ("B44", 1e3)]),
    kind(
        &["MassFlowRate"],
        "KGS",
        &[
            ("KGS", 1.0),
            ("E18", 1e3 / 3_600.0),
            ("E93", 1.0 / 3_600.0),
            ("F28", 1e-3 / 60.0),
            ("F29", 1e-3),
            ("F31", 1.0 / 60.0),
        ],
    ),
    kind(
        &["VolumeFlowRate"],
        "MQS",
        &[
            ("MQS", 1.0),
            ("40", 1e-6),
            ("41", 1e-6 / 60.0),
            ("E32", 1e-3 / 3_600.0),
            ("G51", 1e-3),
            ("L2", 1e-3 / 60.0),
            ("MQH", 1.0 / 3_600.0),
        ],
    ),
    kind(&["MassPerAreaTime"], "H56", &[("H56", 1.0)]),
    kind(&["SurfaceDensity"], "28", &[("28", 1.0), ("GM", 1e-3), ("GO", 1e-6)]),
    kind(&["SpecificVolume"], "A39", &[("A39", 1.0), ("22", 0.1), ("H83", 1e-3), ("KX", 1e-6)]),
    kind(&["SurfaceTension"], "4P", &[("4P", 1.0), ("C22", 1e-3), ("DX", 1e-3)]),
    kind(&["DynamicViscosity"], "C65", &[("C65", 1.0), ("89", 0.1), ("C24", 1e-3), ("C7", 1e-3)]),
    kind(&["KinematicViscosity"], "S4", &[("S4", 1.0), ("4C", 1e-6), ("91", 1e-4), ("C17", 1e-6)]),
    kind(
        &["Radioactivity"],
        "BQL",
        &[("BQL", 1.0), ("2Q", 1e3), ("4N", 1e6), ("CUR", 3.7e10), ("GBQ", 1e9), ("MCU", 3.7e7)],
    ),
    kind(&["AbsorbedDose"], "A95", &[("A95", 1.0), ("C13", 1e-3), ("C80", 1e-2)]),
    kind(
        &["AbsorbedDoseRate"],
        "A96",
        &[("A96", 1.0), ("P54", 1e-3), ("P55", 1e-6), ("P61", 1.0 / 3_600.0), ("P62", 1e-3 / 3_600.0)],
    ),
    kind(&["DoseEquivalent"], "D13", &[("D13", 1.0), ("C28", 1e-3), ("D91", 1e-2)]),
    kind(
        &["DoseEquivalentRate", "EffectiveDoseRate"],
        "P65",
        &[
            ("P65", 1.0),
            ("P66", 1e-3),
            ("P67", 1e-6),
            ("P68", 1e-9),
            ("P70", 1.0 / 3_600.0),
            ("P71", 1e-3 / 3_600.0),
            ("P72", 1e-6 / 3_600.0),
            ("P73", 1e-9 / 3_600.0),
        ],
    ),
    kind(&["Exposure"], "CKG", &[("CKG", 1.0)]),
    kind(
        &["MemoryCapacity"],
        "A99",
        &[("A99", 1.0), ("2P", 8e3), ("4L", 8e6), ("AD", 8.0), ("E34", 8e9), ("E35", 8e12)],
    ),
    kind(&["Wavenumber"], "C92", &[("C92", 1.0), ("E90", 1e2)]),
];

/// A value in the base unit of its kind of quantity, and that unit's code; `None` for a unit without a factor here.
pub fn to_base(value: f64, uom: &str) -> Option<(f64, &'static str)> {
    let (kind, factor) = KINDS.iter().find_map(|kind| Some((kind, kind.factor(uom)?)))?;
    let offset = OFFSETS.iter().find(|(code, _)| *code == uom).map_or(0.0, |(_, offset)| *offset);
    Some((value * factor + offset, kind.base))
}

/// True for two or three letters and digits, the form of a code of Recommendation 20.
pub fn is_code(uom: &str) -> bool {
    let fits = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit();
    (2..=3).contains(&uom.len()) && uom.bytes().all(fits)
}

/// False where a unit is known to measure something else than the measurement type, a bare word.
pub(crate) fn may_measure(measurement: &str, uom: &str) -> bool {
    let is_known = KINDS.iter().any(|kind| kind.measurements.contains(&measurement));
    let mut kinds = KINDS.iter().filter(|kind| kind.factor(uom).is_some()).peekable();
    !is_known || kinds.peek().is_none() || kinds.any(|kind| kind.measurements.contains(&measurement))
}

impl Kind {
    fn factor(&self, uom: &str) -> Option<f64> {
        self.units.iter().find(|(code, _)| *code == uom).map(|(_, factor)| *factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn units_convert_as_physics_has_it() {
        for (value, uom, base, code) in [
            (100.0, "CEL", 373.15, "KEL"),
            (-40.0, "FAH", 233.15, "KEL"),
            (212.0, "FAH", 373.15, "KEL"),
            (491.67, "A48", 273.15, "KEL"),
            (36.0, "KMH", 10.0, "MTS"),
            (760.0, "UA", 101_325.0, "PAL"),
            (180.0, "DD", PI, "C81"),
            (1.0, "LBR", 0.453_592_37, "KGM"),
            (2.0, "KWH", 7.2e6, "JOU"),
            (12.5, "A93", 0.0125, "KMQ"),
            (50.0, "P1", 50.0, "P1"),
            (60.0, "RPM", 2.0 * PI, "2A"),
            (8.0, "NMI", 14_816.0, "MTR"),
        ] {
            let (found, unit) = to_base(value, uom).expect("a unit");
            assert!((found - base).abs() <= base.abs() * 1e-12, "{value} {uom}: {found}");
            assert_eq!(unit, code);
        }
        assert_eq!(to_base(1.0, "ZZZ"), None);
    }

    #[test]
    fn every_kind_holds_its_base_and_no_code_twice() {
        for kind in KINDS {
            assert_eq!(kind.factor(kind.base), Some(1.0), "{}", kind.base);
            let mut codes: Vec<&str> = kind.units.iter().map(|(code, _)| *code).collect();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), kind.units.len(), "{}", kind.base);
            assert!(codes.iter().all(|code| is_code(code)));
            let drafts = ["EffectiveDoseRate"];
            let known = |name: &&str| Vocabulary::Measurement.words().contains(name) || drafts.contains(name);
            assert!(kind.measurements.iter().all(known), "{:?}", kind.measurements);
        }
    }

    #[test]
    fn a_unit_of_something_else_is_known_as_such() {
        assert!(may_measure("Temperature", "CEL") && !may_measure("Temperature", "KGM"));
        assert!(may_measure("Dimensionless", "P1") && may_measure("RelativeHumidity", "P1"));
        assert!(may_measure("Frequency", "RPM") && !may_measure("Frequency", "LUX"));
        // What is not in the table may measure anything, and what is no measurement type anything at all.
        assert!(
            may_measure("Temperature", "ZZZ")
                && may_measure("VolumetricFlux", "KGM")
                && may_measure("", "KGM")
        );
    }

    #[test]
    fn nearly_every_measurement_type_has_its_units() {
        let has = |name: &&&str| KINDS.iter().any(|kind| kind.measurements.contains(*name));
        let without: Vec<_> = Vocabulary::Measurement.words().iter().filter(|name| !has(name)).collect();
        assert_eq!(without, [&"VolumetricFlux"]);
    }
}
