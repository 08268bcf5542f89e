//! Conditions on master data, turned into the values that fulfil them, as the master data of a book say.
//!
//! Where these are few they lead to their events. Where they are many, by whomever they were told, each event is asked for
//! its own instead; and of what one sender tells of places below others so much counts, so that nobody's master data bar the
//! queries of others.

use std::collections::{BTreeSet, HashMap};

use epcis::query::{Among, Condition, Field, Scalar};
use epcis::{Query, query};
use store::{Param, Row, StoreError, Tx};

use super::filter::Sql;
use super::lane::Sight;
use super::query::QueryRefusal;

/// Values that lead to their events: more are left to be asked of each event.
const VALUES_MAX: usize = 2_000;
/// And of all conditions of a query, those that it names itself among them. A statement names each twice, and databases take
/// 32,766.
const VALUES_OF_QUERY_MAX: usize = 12_000;
/// Places below those asked for, as one sender tells them, and all together. Whoever tells of more is passed over for others,
/// and told so itself.
pub const PLACES_OF_SENDER_MAX: usize = 2_000;
pub const PLACES_MAX: usize = 10_000;
/// Senders that are passed over for one question.
const PASSED_OVER_MAX: usize = 20;
/// Elements whose children are asked for in one statement.
const CHUNK: usize = 100;

/// The query as it is to be asked of one book; a sender's own master data count for a sender.
pub fn resolve(
    tx: &mut dyn Tx,
    sight: &Sight,
    asked: &Query,
) -> Result<Result<Query, QueryRefusal>, StoreError> {
    let mut conditions = Vec::with_capacity(asked.conditions.len());
    let named = |condition: &Condition| match condition {
        Condition::Among(among) => among.values.len(),
        Condition::Matches(_, patterns) => patterns.len(),
        _ => 0,
    };
    let mut left = VALUES_OF_QUERY_MAX.saturating_sub(asked.conditions.iter().map(named).sum());
    for condition in &asked.conditions {
        let found = match condition {
            Condition::Within(place, above) => match below(tx, sight, above)? {
                Some(values) if values.len() <= left => Some((place.field(), values)),
                _ => return Ok(Err(QueryRefusal::TooManyPlaces)),
            },
            Condition::HasAttribute(field, _) | Condition::AttributeIs(field, ..) => {
                described(tx, sight, condition, left)?.map(|values| (field.clone(), values))
            }
            _ => None,
        };
        left -= found.as_ref().map_or(0, |(_, values)| values.len());
        conditions.push(found.map_or_else(|| condition.clone(), |(field, values)| among(field, values)));
    }
    Ok(Ok(Query { conditions, ..asked.clone() }))
}

fn among(field: Field, values: BTreeSet<String>) -> Condition {
    Condition::Among(Among { field, values: values.into_iter().map(Scalar::Text).collect() })
}

/// These elements, and all that stand below them; `None` if these are too many.
fn below(tx: &mut dyn Tx, sight: &Sight, above: &[String]) -> Result<Option<BTreeSet<String>>, StoreError> {
    let mut passed_over = BTreeSet::new();
    while passed_over.len() <= PASSED_OVER_MAX {
        match told_below(tx, sight, above, &passed_over)? {
            Told::Places(places) => return Ok(Some(places)),
            // Their own master data are a sender's to mend.
            Told::TooMany(Some(sender)) if sight.senders.is_none() => {
                tracing::warn!(sender, book = %sight.book, "tells of too many places below others, and is passed over");
                passed_over.insert(sender);
            }
            Told::TooMany(_) => return Ok(None),
        }
    }
    tracing::warn!(book = %sight.book, "very many tell of too many places below others, and are all passed over");
    Ok(Some(above.iter().map(|id| query::stored(id).into_owned()).collect()))
}

enum Told {
    Places(BTreeSet<String>),
    /// Too many by this sender, or by all, of whom this one tells most.
    TooMany(Option<String>),
}

fn told_below(
    tx: &mut dyn Tx,
    sight: &Sight,
    above: &[String],
    passed_over: &BTreeSet<String>,
) -> Result<Told, StoreError> {
    let mut reached: BTreeSet<String> = above.iter().map(|id| query::stored(id).into_owned()).collect();
    let mut next: Vec<String> = reached.iter().cloned().collect();
    let mut told_by: HashMap<String, usize> = HashMap::new();
    while !next.is_empty() {
        let mut found = Vec::new();
        for chunk in next.chunks(CHUNK) {
            let mut sql = Sql::new(&sight.book);
            sql.push("select distinct child, sender from market_element_child where book = $1 and ");
            sql.among("id", chunk.iter().map(String::as_str)).told_by("sender", sight.senders.as_deref());
            if !passed_over.is_empty() {
                sql.push(" and not ").among("sender", passed_over.iter().map(String::as_str));
            }
            sql.push(&format!(" limit {}", PLACES_MAX + 1));
            for row in rows(tx, &sql)? {
                *told_by.entry(row.text(1)?.to_owned()).or_default() += 1;
                let child = row.text(0)?;
                if reached.insert(child.to_owned()) {
                    found.push(child.to_owned());
                }
            }
            if let Some((sender, _)) = told_by.iter().find(|(_, told)| **told > PLACES_OF_SENDER_MAX) {
                return Ok(Told::TooMany(Some(sender.clone())));
            }
            if reached.len() > PLACES_MAX {
                let most = told_by.into_iter().max_by_key(|(_, told)| *told);
                return Ok(Told::TooMany(most.map(|(sender, _)| sender)));
            }
        }
        next = found;
    }
    Ok(Told::Places(reached))
}

/// The elements that have an attribute, if they are few and there is room for them.
fn described(
    tx: &mut dyn Tx,
    sight: &Sight,
    condition: &Condition,
    left: usize,
) -> Result<Option<BTreeSet<String>>, StoreError> {
    let mut sql = Sql::new(&sight.book);
    sql.push("select distinct a.id from market_element_attribute as a where a.book = $1 and ");
    sql.attribute(condition).told_by("a.sender", sight.senders.as_deref());
    let max = VALUES_MAX.min(left);
    sql.push(&format!(" limit {}", max + 1));
    let ids = rows(tx, &sql)?.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>()?;
    Ok(Some(ids).filter(|ids: &BTreeSet<String>| ids.len() <= max))
}

fn rows(tx: &mut dyn Tx, sql: &Sql) -> Result<Vec<Row>, StoreError> {
    let params: Vec<Param<'_>> = sql.params.iter().map(Param::from).collect();
    tx.query(&sql.text, &params)
}
