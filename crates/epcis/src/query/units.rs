//! Units of measure that queries convert into each other (UN/ECE Recommendation 20, common codes).

/// A code, what it measures, and how a value in it becomes one in the base unit: `value * factor + offset`.
type Unit = (&'static str, &'static str, f64, f64);

const CELSIUS: f64 = 273.15;
const FAHRENHEIT: f64 = 459.67 * 5.0 / 9.0;

const UNITS: &[Unit] = &[
    ("KEL", "temperature", 1.0, 0.0),
    ("CEL", "temperature", 1.0, CELSIUS),
    ("FAH", "temperature", 5.0 / 9.0, FAHRENHEIT),
    ("A48", "temperature", 5.0 / 9.0, 0.0),
    ("KGM", "mass", 1.0, 0.0),
    ("HGM", "mass", 0.1, 0.0),
    ("DJ", "mass", 0.01, 0.0),
    ("GRM", "mass", 1e-3, 0.0),
    ("CGM", "mass", 1e-5, 0.0),
    ("MGM", "mass", 1e-6, 0.0),
    ("MC", "mass", 1e-9, 0.0),
    ("DTN", "mass", 100.0, 0.0),
    ("TNE", "mass", 1_000.0, 0.0),
    ("LBR", "mass", 0.453_592_37, 0.0),
    ("ONZ", "mass", 0.028_349_523_125, 0.0),
    ("STN", "mass", 907.184_74, 0.0),
    ("LTN", "mass", 1_016.046_908_8, 0.0),
    ("MTR", "length", 1.0, 0.0),
    ("DMT", "length", 0.1, 0.0),
    ("CMT", "length", 0.01, 0.0),
    ("MMT", "length", 1e-3, 0.0),
    ("4H", "length", 1e-6, 0.0),
    ("C45", "length", 1e-9, 0.0),
    ("HMT", "length", 100.0, 0.0),
    ("KMT", "length", 1_000.0, 0.0),
    ("INH", "length", 0.0254, 0.0),
    ("FOT", "length", 0.3048, 0.0),
    ("YRD", "length", 0.9144, 0.0),
    ("SMI", "length", 1_609.344, 0.0),
    ("NMI", "length", 1_852.0, 0.0),
    ("MTK", "area", 1.0, 0.0),
    ("DMK", "area", 0.01, 0.0),
    ("CMK", "area", 1e-4, 0.0),
    ("MMK", "area", 1e-6, 0.0),
    ("ARE", "area", 100.0, 0.0),
    ("HAR", "area", 10_000.0, 0.0),
    ("KMK", "area", 1e6, 0.0),
    ("INK", "area", 0.000_645_16, 0.0),
    ("FTK", "area", 0.092_903_04, 0.0),
    ("YDK", "area", 0.836_127_36, 0.0),
    ("MTQ", "volume", 1.0, 0.0),
    ("HLT", "volume", 0.1, 0.0),
    ("LTR", "volume", 1e-3, 0.0),
    ("DMQ", "volume", 1e-3, 0.0),
    ("DLT", "volume", 1e-4, 0.0),
    ("CLT", "volume", 1e-5, 0.0),
    ("MLT", "volume", 1e-6, 0.0),
    ("CMQ", "volume", 1e-6, 0.0),
    ("MMQ", "volume", 1e-9, 0.0),
    ("4G", "volume", 1e-9, 0.0),
    ("INQ", "volume", 0.000_016_387_064, 0.0),
    ("FTQ", "volume", 0.028_316_846_592, 0.0),
    ("GLL", "volume", 0.003_785_411_784, 0.0),
    ("GLI", "volume", 0.004_546_09, 0.0),
    ("SEC", "time", 1.0, 0.0),
    ("C26", "time", 1e-3, 0.0),
    ("B98", "time", 1e-6, 0.0),
    ("C47", "time", 1e-9, 0.0),
    ("MIN", "time", 60.0, 0.0),
    ("HUR", "time", 3_600.0, 0.0),
    ("DAY", "time", 86_400.0, 0.0),
    ("WEE", "time", 604_800.0, 0.0),
    ("PAL", "pressure", 1.0, 0.0),
    ("A97", "pressure", 100.0, 0.0),
    ("MBR", "pressure", 100.0, 0.0),
    ("KPA", "pressure", 1_000.0, 0.0),
    ("BAR", "pressure", 1e5, 0.0),
    ("MPA", "pressure", 1e6, 0.0),
    ("ATM", "pressure", 101_325.0, 0.0),
    ("MTS", "speed", 1.0, 0.0),
    ("KMH", "speed", 1.0 / 3.6, 0.0),
    ("HM", "speed", 0.447_04, 0.0),
    ("KNT", "speed", 1_852.0 / 3_600.0, 0.0),
    ("FS", "speed", 0.3048, 0.0),
    ("JOU", "energy", 1.0, 0.0),
    ("KJO", "energy", 1_000.0, 0.0),
    ("3B", "energy", 1e6, 0.0),
    ("WHR", "energy", 3_600.0, 0.0),
    ("KWH", "energy", 3.6e6, 0.0),
    ("MWH", "energy", 3.6e9, 0.0),
    ("WTT", "power", 1.0, 0.0),
    ("C31", "power", 1e-3, 0.0),
    ("KWT", "power", 1_000.0, 0.0),
    ("MAW", "power", 1e6, 0.0),
    ("VLT", "voltage", 1.0, 0.0),
    ("2Z", "voltage", 1e-3, 0.0),
    ("KVT", "voltage", 1_000.0, 0.0),
    ("AMP", "current", 1.0, 0.0),
    ("4K", "current", 1e-3, 0.0),
    ("B84", "current", 1e-6, 0.0),
    ("HTZ", "frequency", 1.0, 0.0),
    ("KHZ", "frequency", 1e3, 0.0),
    ("MHZ", "frequency", 1e6, 0.0),
    ("A86", "frequency", 1e9, 0.0),
    ("C81", "angle", 1.0, 0.0),
    ("DD", "angle", std::f64::consts::PI / 180.0, 0.0),
    ("D61", "angle", std::f64::consts::PI / 10_800.0, 0.0),
    ("D62", "angle", std::f64::consts::PI / 648_000.0, 0.0),
    ("C62", "ratio", 1.0, 0.0),
    ("P1", "ratio", 0.01, 0.0),
    ("59", "ratio", 1e-6, 0.0),
    ("KMQ", "density", 1.0, 0.0),
    ("GL", "density", 1.0, 0.0),
    ("23", "density", 1_000.0, 0.0),
];

/// What a unit measures, and a value in its base unit, so that 26 degrees Celsius are 78.8 degrees Fahrenheit.
///
/// A unit that is not in the list measures itself. Twelve digits are kept, more than a conversion blurs.
pub fn in_base(code: &str, value: f64) -> (&str, f64) {
    match UNITS.iter().find(|unit| unit.0 == code) {
        Some((_, measures, factor, offset)) => (measures, rounded(value * factor + offset)),
        None => (code, rounded(value)),
    }
}

/// What a unit measures.
pub fn measures(code: &str) -> &str {
    in_base(code, 0.0).0
}

fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_quantity_is_the_same_in_every_unit() {
        for (left, right) in [
            ((26.0, "CEL"), (78.8, "FAH")),
            ((0.0, "CEL"), (273.15, "KEL")),
            ((-40.0, "CEL"), (-40.0, "FAH")),
            ((1.0, "TNE"), (1e6, "GRM")),
            ((1.0, "LBR"), (16.0, "ONZ")),
            ((100.0, "DTN"), (10.0, "TNE")),
            ((1.0, "SMI"), (5280.0, "FOT")),
            ((1.0, "HAR"), (10_000.0, "MTK")),
            ((1.0, "MTQ"), (1000.0, "LTR")),
            ((1.0, "WEE"), (168.0, "HUR")),
            ((1013.25, "A97"), (1.0, "ATM")),
            ((36.0, "KMH"), (10.0, "MTS")),
            ((1.0, "KWH"), (3.6, "3B")),
            ((180.0, "DD"), (std::f64::consts::PI, "C81")),
            ((50.0, "P1"), (0.5, "C62")),
        ] {
            assert_eq!(in_base(left.1, left.0), in_base(right.1, right.0), "{left:?} {right:?}");
        }
        assert_eq!(in_base("XYZ", 7.0), ("XYZ", 7.0));
    }

    #[test]
    fn no_code_stands_twice() {
        for (at, unit) in UNITS.iter().enumerate() {
            assert!(!UNITS[..at].iter().any(|other| other.0 == unit.0), "{}", unit.0);
        }
    }
}
