//! Values in the base unit of what they measure, so that queries in any unit find them.

use crate::units;

/// What a unit measures, and a value in its base unit, so that 26 degrees Celsius are 78.8 degrees Fahrenheit.
///
/// A unit that is not in the list measures itself. Twelve digits are kept, more than a conversion blurs.
pub fn in_base(code: &str, value: f64) -> (&str, f64) {
    match units::to_base(value, code) {
        Some((base, measures)) => (measures, rounded(base)),
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
}
