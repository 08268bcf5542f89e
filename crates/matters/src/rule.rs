use std::collections::BTreeSet;

use base::limits::NAME_CHARS_MAX;
use ledger::{BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

use crate::MatterError;
use crate::colour::Colour;
use crate::input::Input;
use crate::ladder::Ladder;

/// Bands of one dimension at most.
const BANDS_MAX: usize = 8;

/// How a city colours its matters: data, in versions, each of which an entry brings into force. The colour is the worst
/// of what the dimensions say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ColourRule {
    pub name: String,
    pub version: u32,
    pub title_zh: String,
    pub title_en: String,
    /// Where the city's rule stands.
    pub source: String,
    /// What the city calls the best colour, where that is not blue (蓝).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_zh: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_en: Option<String>,
    pub dimensions: Vec<Dimension>,
    /// The colour of a matter of which no input is known.
    pub without_inputs: Colour,
    pub ladder: Ladder,
}

/// One input and what its values mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    pub input: Input,
    /// The first band whose condition is met gives the colour; blue if none is.
    pub bands: Vec<Band>,
    /// The colour while the input is not known; none if that says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Colour>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Band {
    pub when: When,
    pub colour: Colour,
}

/// A condition on an input, in the input's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Below(i64),
    AtMost(i64),
    AtLeast(i64),
    Above(i64),
}

impl When {
    pub fn holds(self, value: i64) -> bool {
        match self {
            Self::Below(bound) => value < bound,
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
            Self::Above(bound) => value > bound,
        }
    }
}

impl Dimension {
    /// The colour of a value, and the condition that gave it.
    pub fn colour(&self, value: Option<i64>) -> (Option<Colour>, Option<When>) {
        let Some(value) = value else { return (self.unknown, None) };
        let band = self.bands.iter().find(|band| band.when.holds(value));
        band.map_or((Some(Colour::Blue), None), |band| (Some(band.colour), Some(band.when)))
    }
}

impl ColourRule {
    /// Reads a rule. One that names an unknown input is refused by the input's name.
    pub fn parse(json: &str) -> Result<Self, MatterError> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let rule: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            MatterError::Rule { field: error.path().to_string(), detail: error.inner().to_string() }
        })?;
        rule.check().map_err(|error| MatterError::Rule { field: error.field, detail: error.detail })?;
        Ok(rule)
    }

    pub fn check(&self) -> Result<(), BodyError> {
        for (field, text) in
            [("name", &self.name), ("title_zh", &self.title_zh), ("title_en", &self.title_en)]
        {
            check_text(field, text, NAME_CHARS_MAX)?;
        }
        check_text("source", &self.source, NAME_CHARS_MAX)?;
        if self.version == 0 {
            return Err(BodyError::new("version", Rule::Range, "begins with 1"));
        }
        for (field, text) in [("best_zh", &self.best_zh), ("best_en", &self.best_en)] {
            text.as_ref().map_or(Ok(()), |text| check_text(field, text, NAME_CHARS_MAX))?;
        }
        if self.dimensions.is_empty() {
            return Err(BodyError::new("dimensions", Rule::Range, "must not be empty"));
        }
        let mut seen = BTreeSet::new();
        for (at, dimension) in self.dimensions.iter().enumerate() {
            if !seen.insert(dimension.input) {
                let detail = format!("{} has a dimension already", dimension.input.as_str());
                return Err(BodyError::new(format!("dimensions[{at}].input"), Rule::Consistency, detail));
            }
            if !(1..=BANDS_MAX).contains(&dimension.bands.len()) {
                let detail = format!("must be 1 to {BANDS_MAX}");
                return Err(BodyError::new(format!("dimensions[{at}].bands"), Rule::Range, detail));
            }
        }
        self.ladder.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;

    #[test]
    fn a_rule_that_names_an_unknown_input_is_refused_by_its_name() {
        let json = Preset::Default.json().replace("\"overdue_permits\"", "\"phase_of_the_moon\"");
        let Err(MatterError::Rule { field, detail }) = ColourRule::parse(&json) else {
            panic!("not refused")
        };
        assert!(field.starts_with("dimensions[") && field.ends_with("].input"), "{field}");
        assert!(detail.contains("phase_of_the_moon"), "{detail}");
    }

    #[test]
    fn a_rule_looks_at_an_input_once_and_has_steps_in_order() {
        let refused = |change: fn(&mut ColourRule)| {
            let mut rule = ColourRule::parse(Preset::Default.json()).unwrap();
            change(&mut rule);
            rule.check().unwrap_err().field
        };
        assert_eq!(refused(|rule| rule.dimensions[1] = rule.dimensions[0].clone()), "dimensions[1].input");
        assert_eq!(refused(|rule| rule.dimensions[0].bands.clear()), "dimensions[0].bands");
        assert_eq!(refused(|rule| rule.dimensions.clear()), "dimensions");
        assert_eq!(refused(|rule| rule.version = 0), "version");
        assert_eq!(refused(|rule| rule.ladder.steps.swap(0, 1)), "ladder.steps[0].level");
    }
}
