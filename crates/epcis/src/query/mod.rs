//! The simple event query (EPCIS 2.0, section 8.2.7.1): its parameters, what they ask, which events fit, and what an
//! index must know of an event to find it.

mod facts;
mod field;
mod matching;
mod parse;
mod pattern;
mod scalar;
mod units;

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{EpcisError, Rule};
use crate::moment::Moment;
use crate::vocabulary::Vocabulary;

pub use facts::{Fact, Held, facts};
pub use field::{Extension, Field, Holder, Measured, Sensor, What, extension_name};
pub use matching::{Element, MasterData};
pub use pattern::Pattern;
pub use scalar::{Comparison, Scalar, number_key, stored};

/// Values of one list parameter at most.
pub const VALUES_MAX: usize = 200;
/// Conditions of one query at most.
pub const CONDITIONS_MAX: usize = 50;
/// Bytes of one value at most.
const VALUE_BYTES_MAX: usize = 2_048;
/// Events of one page at most.
pub const PER_PAGE_MAX: usize = 1_000;

/// What a result is ordered by; events that have no such field come last.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum OrderBy {
    #[default]
    EventTime,
    RecordTime,
    /// An extension with a number, a moment or a text; of several values the least counts.
    Extension(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderDirection {
    Asc,
    /// The default of the standard.
    #[default]
    Desc,
}

/// From a moment on, and before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub from: Option<Moment>,
    /// Exclusive.
    pub before: Option<Moment>,
}

/// What is asked of an event. A field with several values fits if one of them does.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `EQ_`: the field has one of these values.
    Among(Among),
    /// `MATCH_`: a thing in one of these members fits one of the patterns.
    Matches(What, Vec<Pattern>),
    /// `GT_`, `GE_`, `LT_`, `LE_`.
    Compares(Field, Comparison, Scalar),
    /// `EXISTS_`.
    Exists(Field),
    /// `WD_`: the place is one of these, or stands below one of them in the master data.
    Within(Place, Vec<String>),
    /// `HASATTR_`: the master data of the value have one of these attributes.
    HasAttribute(Field, Vec<String>),
    /// `EQATTR_`: the master data of the value have the attribute with one of these values.
    AttributeIs(Field, String, Vec<Scalar>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Among {
    pub field: Field,
    pub values: Vec<Scalar>,
}

/// The fields whose values have places below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    ReadPoint,
    BizLocation,
}

impl Place {
    pub fn field(self) -> Field {
        match self {
            Self::ReadPoint => Field::ReadPoint,
            Self::BizLocation => Field::BizLocation,
        }
    }
}

/// A query; all that is asked must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    pub event_time: Span,
    pub record_time: Span,
    pub conditions: Vec<Condition>,
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
    /// Reads decoded pairs of a query string. Lists are written `a|b`; names of extensions may use the prefixes of the
    /// context. What is unknown, or stands twice, is refused.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        context: &Context,
    ) -> Result<Self, EpcisError> {
        context.check_lengths().map_err(|rule| EpcisError::at("GS1-Extensions", rule))?;
        let split = |(name, value): (&'a str, &'a str)| (name, value.split('|').map(str::to_owned).collect());
        Self::read(pairs.into_iter().map(split), context)
    }

    /// Reads the `query` of a named query (the published query schema). Its `@context` defines prefixes.
    pub fn from_json(query: &Map<String, Value>, context: &Context) -> Result<Self, EpcisError> {
        context.check_lengths().map_err(|rule| EpcisError::at("GS1-Extensions", rule))?;
        let context = context.with(query.get("@context"));
        context.check_lengths().map_err(|rule| EpcisError::at("@context", rule))?;
        let mut pairs = Vec::new();
        for (name, value) in query.iter().filter(|(name, _)| *name != "@context") {
            // Pages are asked for with each answer.
            if ["perPage", "nextPageToken"].contains(&name.as_str()) {
                return Err(EpcisError::at(name.as_str(), Rule::UnknownParameter));
            }
            pairs.push((name.as_str(), texts(value).map_err(|rule| EpcisError::at(name.as_str(), rule))?));
        }
        Self::read(pairs.into_iter(), &context)
    }

    fn read<'a>(
        parameters: impl Iterator<Item = (&'a str, Vec<String>)>,
        context: &Context,
    ) -> Result<Self, EpcisError> {
        let mut query = Self::default();
        let (mut seen, mut is_ordered): (HashSet<&str>, bool) = (HashSet::new(), false);
        for (name, values) in parameters {
            let refuse = |rule| EpcisError::at(name, rule);
            if !seen.insert(name) {
                return Err(refuse(Rule::Twice));
            }
            query.set(name, &values, context).map_err(refuse)?;
            is_ordered |= name == "orderBy";
        }
        if query.event_count_limit.is_some() && query.max_event_count.is_some() {
            return Err(EpcisError::at("eventCountLimit", Rule::Excludes("maxEventCount")));
        }
        if query.event_count_limit.is_some() && !is_ordered {
            return Err(EpcisError::at("eventCountLimit", Rule::NeedsOneOf("orderBy")));
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, values: &[String], context: &Context) -> Result<(), Rule> {
        if values.len() > VALUES_MAX {
            return Err(Rule::Limit { what: "values", max: VALUES_MAX });
        }
        if values.iter().any(|value| value.len() > VALUE_BYTES_MAX) || name.len() > VALUE_BYTES_MAX {
            return Err(Rule::Limit { what: "bytes in a value or name", max: VALUE_BYTES_MAX });
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let given = parse::Given { values: &values, context };
        let one = || given.one();
        let moment = || one().and_then(parse::moment).map(Some);
        match name {
            "GE_eventTime" => self.event_time.from = moment()?,
            "LT_eventTime" => self.event_time.before = moment()?,
            "GE_recordTime" => self.record_time.from = moment()?,
            "LT_recordTime" => self.record_time.before = moment()?,
            "orderBy" => {
                self.order_by = match one()? {
                    "eventTime" => OrderBy::EventTime,
                    "recordTime" => OrderBy::RecordTime,
                    name => OrderBy::Extension(
                        given
                            .extension(name)
                            .map_err(|_| not_one_of(name, "eventTime, recordTime, an extension"))?,
                    ),
                }
            }
            "orderDirection" => {
                self.order_direction = match one()? {
                    "ASC" => OrderDirection::Asc,
                    "DESC" => OrderDirection::Desc,
                    other => return Err(not_one_of(other, "ASC, DESC")),
                }
            }
            "eventCountLimit" => self.event_count_limit = Some(count(one()?, usize::MAX)?),
            "maxEventCount" => self.max_event_count = Some(count(one()?, usize::MAX)?),
            "perPage" => self.per_page = Some(count(one()?, PER_PAGE_MAX)?),
            "nextPageToken" => self.next_page_token = Some(one()?.to_owned()),
            _ => {
                self.conditions.extend(parse::condition(name, &given)?);
                if self.conditions.len() > CONDITIONS_MAX {
                    return Err(Rule::Limit { what: "conditions", max: CONDITIONS_MAX });
                }
            }
        }
        Ok(())
    }

    /// The query with one condition more.
    #[must_use]
    pub fn and(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }
}

/// The values of a member of a named query, as the query string would write them.
fn texts(value: &Value) -> Result<Vec<String>, Rule> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(Rule::Kind("a text, a number, true or false, or a list of these")),
    };
    match value {
        Value::Array(items) if items.is_empty() => Err(Rule::NeedsOneOf("the values")),
        Value::Array(items) => items.iter().map(one).collect(),
        Value::Null => Ok(Vec::new()),
        value => one(value).map(|one| vec![one]),
    }
}

/// A word as an address writes it, in the form in which events are found by it: bare, or the URI of another vocabulary.
/// Without a vocabulary it is a type of events. `None` for what is neither.
pub fn canonical_word(written: &str, context: &Context, vocabulary: Option<Vocabulary>) -> Option<String> {
    let given = parse::Given { values: &[], context };
    let word = match vocabulary {
        Some(vocabulary) => given.word(written, vocabulary),
        None => given.event_type(written),
    };
    match word {
        Ok(Scalar::Text(text)) => Some(text),
        _ => None,
    }
}

fn not_one_of(found: &str, allowed: &str) -> Rule {
    Rule::NotOneOf { found: found.to_owned(), allowed: allowed.to_owned() }
}

fn count(value: &str, max: usize) -> Result<usize, Rule> {
    match value.parse::<usize>() {
        Ok(0) | Err(_) => Err(Rule::Kind("a whole number above zero")),
        Ok(n) if n > max => Err(Rule::Limit { what: "events", max }),
        Ok(n) => Ok(n),
    }
}
