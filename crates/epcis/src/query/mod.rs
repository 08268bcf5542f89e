//! The simple event query (EPCIS 2.0, section 8.2.7.1): the parameters that are served, and which events they match.

mod matching;

use crate::document::{Action, EventType};
use crate::error::{EpcisError, Rule};
use crate::moment::Moment;
use crate::urn;
use crate::vocabulary::Vocabulary;

pub use matching::Pattern;

/// Values of one list parameter at most.
const VALUES_MAX: usize = 200;
/// Bytes of one value at most.
const VALUE_BYTES_MAX: usize = 2_048;
/// Events of one page at most.
const PER_PAGE_MAX: usize = 1_000;

/// What a result is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderBy {
    #[default]
    EventTime,
    RecordTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderDirection {
    Asc,
    /// The default of the standard.
    #[default]
    Desc,
}

/// A query; an empty list or `None` asks nothing. All that is asked must hold, each by any of its values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    pub event_types: Vec<String>,
    pub event_time_from: Option<Moment>,
    /// Exclusive.
    pub event_time_before: Option<Moment>,
    pub record_time_from: Option<Moment>,
    /// Exclusive.
    pub record_time_before: Option<Moment>,
    pub actions: Vec<Action>,
    /// Bare words of CBV 2.0, or URIs.
    pub biz_steps: Vec<String>,
    /// As `biz_steps`.
    pub dispositions: Vec<String>,
    /// Canonical identifiers, as [`urn::canonical`] gives them.
    pub read_points: Vec<String>,
    /// As `read_points`.
    pub biz_locations: Vec<String>,
    pub event_ids: Vec<String>,
    pub transformation_ids: Vec<String>,
    pub any_epc: Vec<Pattern>,
    pub epc: Vec<Pattern>,
    pub parent_id: Vec<Pattern>,
    pub input_epc: Vec<Pattern>,
    pub output_epc: Vec<Pattern>,
    pub any_epc_class: Vec<Pattern>,
    pub epc_class: Vec<Pattern>,
    pub input_epc_class: Vec<Pattern>,
    pub output_epc_class: Vec<Pattern>,
    pub order_by: OrderBy,
    pub order_direction: OrderDirection,
    /// Answer the first so many and no more.
    pub event_count_limit: Option<usize>,
    /// Refuse the query if there are more.
    pub max_event_count: Option<usize>,
    pub per_page: Option<usize>,
    pub next_page_token: Option<String>,
}

impl Query {
    /// Reads decoded pairs of a query string. Lists are written `a|b`; what is unknown, or stands twice, is refused.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, EpcisError> {
        let mut query = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in pairs {
            let refuse = |rule| EpcisError::at(name, rule);
            if seen.contains(&name) {
                return Err(refuse(Rule::Twice));
            }
            query.set(name, value).map_err(refuse)?;
            seen.push(name);
        }
        if query.event_count_limit.is_some() && query.max_event_count.is_some() {
            return Err(EpcisError::at("eventCountLimit", Rule::Excludes("maxEventCount")));
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Rule> {
        match name {
            "eventType" => self.event_types = list(value, event_type)?,
            "GE_eventTime" => self.event_time_from = Some(moment(value)?),
            "LT_eventTime" => self.event_time_before = Some(moment(value)?),
            "GE_recordTime" => self.record_time_from = Some(moment(value)?),
            "LT_recordTime" => self.record_time_before = Some(moment(value)?),
            "EQ_action" => self.actions = list(value, action)?,
            "EQ_bizStep" => self.biz_steps = list(value, |v| word(v, Vocabulary::BizStep))?,
            "EQ_disposition" => self.dispositions = list(value, |v| word(v, Vocabulary::Disposition))?,
            "EQ_readPoint" => self.read_points = list(value, canonical)?,
            "EQ_bizLocation" => self.biz_locations = list(value, canonical)?,
            "EQ_eventID" => self.event_ids = list(value, uri)?,
            "EQ_transformationID" => self.transformation_ids = list(value, canonical)?,
            "MATCH_anyEPC" => self.any_epc = list(value, Pattern::parse)?,
            "MATCH_epc" => self.epc = list(value, Pattern::parse)?,
            "MATCH_parentID" => self.parent_id = list(value, Pattern::parse)?,
            "MATCH_inputEPC" => self.input_epc = list(value, Pattern::parse)?,
            "MATCH_outputEPC" => self.output_epc = list(value, Pattern::parse)?,
            "MATCH_anyEPCClass" => self.any_epc_class = list(value, Pattern::parse)?,
            "MATCH_epcClass" => self.epc_class = list(value, Pattern::parse)?,
            "MATCH_inputEPCClass" => self.input_epc_class = list(value, Pattern::parse)?,
            "MATCH_outputEPCClass" => self.output_epc_class = list(value, Pattern::parse)?,
            "orderBy" => {
                self.order_by = match value {
                    "eventTime" => OrderBy::EventTime,
                    "recordTime" => OrderBy::RecordTime,
                    _ => return Err(not_one_of(value, "eventTime, recordTime")),
                }
            }
            "orderDirection" => {
                self.order_direction = match value {
                    "ASC" => OrderDirection::Asc,
                    "DESC" => OrderDirection::Desc,
                    _ => return Err(not_one_of(value, "ASC, DESC")),
                }
            }
            "eventCountLimit" => self.event_count_limit = Some(count(value, usize::MAX)?),
            "maxEventCount" => self.max_event_count = Some(count(value, usize::MAX)?),
            "perPage" => self.per_page = Some(count(value, PER_PAGE_MAX)?),
            "nextPageToken" => self.next_page_token = Some(value.to_owned()),
            _ => return Err(Rule::UnknownParameter),
        }
        Ok(())
    }
}

fn list<T>(value: &str, read: impl Fn(&str) -> Result<T, Rule>) -> Result<Vec<T>, Rule> {
    let one = |part: &str| {
        if part.len() > VALUE_BYTES_MAX {
            return Err(Rule::Limit { what: "bytes in a value", max: VALUE_BYTES_MAX });
        }
        read(part)
    };
    if value.split('|').count() > VALUES_MAX {
        return Err(Rule::Limit { what: "values", max: VALUES_MAX });
    }
    value.split('|').map(one).collect()
}

fn not_one_of(found: &str, allowed: &str) -> Rule {
    Rule::NotOneOf { found: found.to_owned(), allowed: allowed.to_owned() }
}

fn event_type(value: &str) -> Result<String, Rule> {
    EventType::read(value).map(|event_type| event_type.as_str().to_owned())
}

fn moment(value: &str) -> Result<Moment, Rule> {
    Moment::parse(value).ok_or_else(|| Rule::Time(value.to_owned()))
}

fn action(value: &str) -> Result<Action, Rule> {
    Action::read(value).ok_or_else(|| not_one_of(value, "ADD, OBSERVE, DELETE"))
}

fn word(value: &str, vocabulary: Vocabulary) -> Result<String, Rule> {
    if !vocabulary.accepts(value) {
        return Err(Rule::Vocabulary { found: value.to_owned(), list: vocabulary.name() });
    }
    Ok(vocabulary.bare(value).to_owned())
}

fn uri(value: &str) -> Result<String, Rule> {
    if crate::uri::is_absolute(value) { Ok(value.to_owned()) } else { Err(Rule::Uri(value.to_owned())) }
}

fn canonical(value: &str) -> Result<String, Rule> {
    uri(value).map(|uri| urn::canonical(&uri).into_owned())
}

fn count(value: &str, max: usize) -> Result<usize, Rule> {
    match value.parse::<usize>() {
        Ok(0) | Err(_) => Err(Rule::Kind("a whole number above zero")),
        Ok(n) if n > max => Err(Rule::Limit { what: "events", max }),
        Ok(n) => Ok(n),
    }
}
