//! Places: where things happen. A place belongs to a unit, and may be known to others by its GLN and its coordinates.

use base::{SubjectId, UnitCode, limits::NAME_CHARS_MAX};
use ledger::{Body, BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

/// What a place is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PlaceKind {
    Market,
    Gate,
    Warehouse,
    Field,
    Plant,
    Other,
}

impl PlaceKind {
    pub const ALL: [Self; 6] =
        [Self::Market, Self::Gate, Self::Warehouse, Self::Field, Self::Plant, Self::Other];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Gate => "gate",
            Self::Warehouse => "warehouse",
            Self::Field => "field",
            Self::Plant => "plant",
            Self::Other => "other",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A point on the earth in WGS 84, in units of 10⁻⁷ degrees: about a centimetre, and no float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// North is positive.
    pub lat_e7: i64,
    /// East is positive.
    pub lon_e7: i64,
}

const DEGREE_E7: i64 = 10_000_000;

impl Position {
    fn check(self) -> Result<(), BodyError> {
        for (field, value, degrees) in
            [("position.lat_e7", self.lat_e7, 90), ("position.lon_e7", self.lon_e7, 180)]
        {
            if !(-degrees * DEGREE_E7..=degrees * DEGREE_E7).contains(&value) {
                return Err(BodyError::new(field, Rule::Range, format!("lies beyond {degrees} degrees")));
            }
        }
        Ok(())
    }

    /// Reads decimal degrees with at most seven digits after the point, such as `37.4513`.
    pub fn parse_degrees(text: &str) -> Option<i64> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(part) || whole.len() > 3 || part.len() > 7 {
            return None;
        }
        let value = whole.parse::<i64>().ok()? * DEGREE_E7 + format!("{part:0<7}").parse::<i64>().ok()?;
        Some(if negative { -value } else { value })
    }

    /// Decimal degrees, with seven digits after the point.
    pub fn print_degrees(value: i64) -> String {
        let sign = if value < 0 { "-" } else { "" };
        let size = value.unsigned_abs();
        format!("{sign}{}.{:07}", size / DEGREE_E7.unsigned_abs(), size % DEGREE_E7.unsigned_abs())
    }
}

/// A place was entered in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceAdded {
    /// `place:<unit>/<name>`.
    #[schema(value_type = String)]
    pub place: SubjectId,
    /// The unit that it belongs to.
    #[schema(value_type = String)]
    pub unit: UnitCode,
    pub kind: PlaceKind,
    pub title_zh: String,
    pub title_en: String,
    /// Left out where nobody measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Its Global Location Number (GS1), thirteen digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gln: Option<String>,
}

impl Body for PlaceAdded {
    const KIND: &'static str = "kernel.place.added";

    fn check(&self) -> Result<(), BodyError> {
        check_titles(&self.title_zh, &self.title_en)?;
        check_place(&self.place)?;
        if self.place.home() != Some(self.unit.as_str()) {
            return Err(BodyError::new("place", Rule::Consistency, "names another unit"));
        }
        self.position.map_or(Ok(()), Position::check)?;
        match self.gln.as_deref() {
            Some(gln) if !is_gln(gln) => {
                Err(BodyError::new("gln", Rule::Format, "is not thirteen digits with their check digit"))
            }
            _ => Ok(()),
        }
    }
}

/// A place was given other titles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceRenamed {
    #[schema(value_type = String)]
    pub place: SubjectId,
    pub title_zh: String,
    pub title_en: String,
}

impl Body for PlaceRenamed {
    const KIND: &'static str = "kernel.place.renamed";

    fn check(&self) -> Result<(), BodyError> {
        check_place(&self.place)?;
        check_titles(&self.title_zh, &self.title_en)
    }
}

fn check_titles(zh: &str, en: &str) -> Result<(), BodyError> {
    check_text("title_zh", zh, NAME_CHARS_MAX)?;
    check_text("title_en", en, NAME_CHARS_MAX)
}

fn check_place(place: &SubjectId) -> Result<(), BodyError> {
    let is_slug = |text: &str| UnitCode::new(text).is_ok();
    if place.scheme() == "place" && place.home().is_some_and(is_slug) && is_slug(place.local_part()) {
        return Ok(());
    }
    Err(BodyError::new("place", Rule::Format, "is not of the form place:<unit>/<name>"))
}

/// Thirteen digits whose last is the check digit of GS1 General Specifications, section 7.9.
fn is_gln(text: &str) -> bool {
    let digits = || text.bytes().map(|b| u32::from(b.wrapping_sub(b'0')));
    text.len() == 13
        && digits().all(|digit| digit < 10)
        && digits().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum::<u32>() % 10
            == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn added(place: &str, unit: &str) -> PlaceAdded {
        PlaceAdded {
            place: SubjectId::new(place).unwrap(),
            unit: UnitCode::new(unit).unwrap(),
            kind: PlaceKind::Market,
            title_zh: "北园农贸市场".into(),
            title_en: "Beiyuan market".into(),
            position: None,
            gln: None,
        }
    }

    #[test]
    fn a_place_stands_in_its_unit() {
        assert_eq!(added("place:beiyuan/market", "beiyuan").check(), Ok(()));
        assert_eq!(added("place:beiyuan/market", "371402").check().unwrap_err().rule, Rule::Consistency);
        for place in ["post:beiyuan/market", "place:beiyuan/a/b", "place:market"] {
            assert_eq!(added(place, "beiyuan").check().unwrap_err().rule, Rule::Format, "{place}");
        }
    }

    #[test]
    fn a_gln_carries_its_check_digit() {
        let of = |gln: &str| PlaceAdded { gln: Some(gln.into()), ..added("place:b/m", "b") }.check();
        // From the General Specifications, section 7.9, and of EPCIS examples.
        for gln in ["6291041500213", "4012345000009", "0614141000005"] {
            assert_eq!(of(gln), Ok(()), "{gln}");
        }
        for gln in ["6291041500214", "629104150021", "62910415002130", "629104150021x", ""] {
            assert_eq!(of(gln).unwrap_err().field, "gln", "{gln}");
        }
    }

    #[test]
    fn a_position_lies_on_the_earth() {
        let of = |lat_e7, lon_e7| {
            PlaceAdded { position: Some(Position { lat_e7, lon_e7 }), ..added("place:b/m", "b") }.check()
        };
        assert_eq!(of(374_512_345, -1_800_000_000), Ok(()));
        assert_eq!(of(900_000_001, 0).unwrap_err().field, "position.lat_e7");
        assert_eq!(of(0, 1_800_000_001).unwrap_err().field, "position.lon_e7");
        for text in ["", "-", "37.", ".5", "37.12345678", "1e2", "+37", "3 7", "3700.1"] {
            assert_eq!(Position::parse_degrees(text), None, "{text:?}");
        }
        assert_eq!(Position::parse_degrees("-0.5"), Some(-5_000_000));
        assert_eq!(Position::parse_degrees("116"), Some(1_160_000_000));
    }

    proptest! {
        #[test]
        fn degrees_that_are_printed_are_read_back(value in -1_800_000_000_i64..=1_800_000_000) {
            prop_assert_eq!(Position::parse_degrees(&Position::print_degrees(value)), Some(value));
        }
    }
}
