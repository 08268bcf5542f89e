use serde_json::Value;

use super::Query;
use crate::document::{Event, What};
use crate::error::Rule;
use crate::moment::Moment;
use crate::urn;

/// What a MATCH parameter asks for: one thing, or all things of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// A canonical identifier; of a class it means exactly that class.
    Exactly(String),
    /// Everything whose canonical identifier begins so: `urn:epc:idpat:...` (EPCIS 2.0, section 8.2.7.1.1).
    Begins(String),
}

impl Pattern {
    /// Reads an EPC, a class, a Digital Link of any domain, any other URI, or a pattern that ends in `*`.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        if !text.starts_with("urn:epc:idpat:") {
            return super::canonical(text).map(Self::Exactly);
        }
        let class = urn::to_digital_link(text, crate::digital_link::CANONICAL_BASE)?.to_string();
        // The serial of a GRAI, GDTI or SGCN follows its class without a slash.
        let joined = ["/8003/", "/253/", "/255/"].iter().any(|key| class.contains(key));
        Ok(Self::Begins(if joined { class } else { class + "/" }))
    }

    /// Tests a canonical identifier.
    pub fn holds(&self, canonical: &str) -> bool {
        match self {
            Self::Exactly(id) => id == canonical,
            Self::Begins(start) => canonical.starts_with(start),
        }
    }

    /// The class of a GTIN as a pattern also stands for the class itself where classes are asked for.
    fn holds_class(&self, canonical: &str) -> bool {
        match self {
            Self::Begins(start) => self.holds(canonical) || start.strip_suffix('/') == Some(canonical),
            Self::Exactly(_) => self.holds(canonical),
        }
    }
}

impl Query {
    /// True if the event is one that the query asks for; `record_time` is when it was captured.
    pub fn matches(&self, event: &Event, record_time_ms: i64) -> bool {
        self.matches_when(event, record_time_ms)
            && self.matches_why(event)
            && self.matches_where(event)
            && self.matches_what(event)
    }

    fn matches_when(&self, event: &Event, record_time_ms: i64) -> bool {
        let within = |ms: i64, from: Option<Moment>, before: Option<Moment>| {
            from.is_none_or(|from| ms >= from.ms_utc) && before.is_none_or(|before| ms < before.ms_utc)
        };
        within(event.event_time.ms_utc, self.event_time_from, self.event_time_before)
            && within(record_time_ms, self.record_time_from, self.record_time_before)
    }

    fn matches_why(&self, event: &Event) -> bool {
        let transformation = event.raw.get("transformationID").and_then(Value::as_str);
        any_of(&self.event_types, Some(event.event_type.as_str()))
            && (self.actions.is_empty() || event.action.is_some_and(|action| self.actions.contains(&action)))
            && any_of(&self.biz_steps, event.biz_step.as_deref())
            && any_of(&self.dispositions, event.disposition.as_deref())
            && any_of(&self.event_ids, event.event_id.as_deref())
            && any_of(&self.transformation_ids, transformation.map(urn::canonical).as_deref())
    }

    fn matches_where(&self, event: &Event) -> bool {
        any_of(&self.read_points, event.read_point.as_deref().map(urn::canonical).as_deref())
            && any_of(&self.biz_locations, event.biz_location.as_deref().map(urn::canonical).as_deref())
    }

    fn matches_what(&self, event: &Event) -> bool {
        const THINGS: &[&str] = &["epcList", "childEPCs"];
        const CLASSES: &[&str] = &["quantityList", "childQuantityList"];
        const INPUT: &[&str] = &["inputEPCList"];
        const OUTPUT: &[&str] = &["outputEPCList"];
        const PARENT: &[&str] = &["parentID"];
        const ANY: &[&str] = &["epcList", "childEPCs", "inputEPCList", "outputEPCList", "parentID"];
        const INPUT_CLASSES: &[&str] = &["inputQuantityList"];
        const OUTPUT_CLASSES: &[&str] = &["outputQuantityList"];
        const ANY_CLASS: &[&str] =
            &["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];
        let asked = [
            (&self.any_epc, ANY),
            (&self.epc, THINGS),
            (&self.parent_id, PARENT),
            (&self.input_epc, INPUT),
            (&self.output_epc, OUTPUT),
            (&self.any_epc_class, ANY_CLASS),
            (&self.epc_class, CLASSES),
            (&self.input_epc_class, INPUT_CLASSES),
            (&self.output_epc_class, OUTPUT_CLASSES),
        ];
        asked.iter().all(|(patterns, members)| {
            patterns.is_empty()
                || event
                    .what
                    .iter()
                    .filter(|what| members.contains(&what.member))
                    .any(|what| fits(patterns, what))
        })
    }
}

fn fits(patterns: &[Pattern], what: &What) -> bool {
    let id = urn::canonical(&what.id);
    patterns.iter().any(|pattern| if what.is_class { pattern.holds_class(&id) } else { pattern.holds(&id) })
}

fn any_of(asked: &[String], value: Option<&str>) -> bool {
    asked.is_empty() || value.is_some_and(|value| asked.iter().any(|one| one == value))
}
