//! Conditions on master data, turned into the values that fulfil them, as the master data of a book say.

use std::collections::BTreeSet;

use epcis::query::{Among, Condition, Field, Held, Scalar};
use epcis::{Query, query};
use store::{Param, StoreError, Tx};

use super::filter::Sql;
use super::lane::Sight;
use super::query::QueryRefusal;

/// Values that a condition on master data may come to.
pub const VALUES_MAX: usize = 2_000;
/// Elements whose children are asked for in one statement.
const CHUNK: usize = 100;

/// The query as it is to be asked of one book; a sender's own master data count for a sender.
pub fn resolve(
    tx: &mut dyn Tx,
    sight: &Sight,
    asked: &Query,
) -> Result<Result<Query, QueryRefusal>, StoreError> {
    let mut conditions = Vec::with_capacity(asked.conditions.len());
    for condition in &asked.conditions {
        let (field, values) = match condition {
            Condition::Within(place, above) => (place.field(), below(tx, sight, above)?),
            Condition::HasAttribute(field, names) => (
                field.clone(),
                described(tx, sight, |sql| {
                    sql.among("name", names.iter().map(String::as_str));
                })?,
            ),
            Condition::AttributeIs(field, name, values) => {
                let ids = described(tx, sight, |sql| {
                    sql.among("name", [name.as_str()]).push(" and ");
                    sql.holds("", &values.iter().cloned().map(Held::from).collect::<Vec<_>>());
                })?;
                (field.clone(), ids)
            }
            other => {
                conditions.push(other.clone());
                continue;
            }
        };
        if values.len() > VALUES_MAX {
            return Ok(Err(QueryRefusal::TooManyPlaces(VALUES_MAX)));
        }
        conditions.push(among(field, values));
    }
    Ok(Ok(Query { conditions, ..asked.clone() }))
}

fn among(field: Field, values: BTreeSet<String>) -> Condition {
    Condition::Among(Among { field, values: values.into_iter().map(Scalar::Text).collect() })
}

/// These elements, and all that stand below them.
fn below(tx: &mut dyn Tx, sight: &Sight, above: &[String]) -> Result<BTreeSet<String>, StoreError> {
    let mut reached: BTreeSet<String> = above.iter().map(|id| query::stored(id).into_owned()).collect();
    let mut next: Vec<String> = reached.iter().cloned().collect();
    while !next.is_empty() && reached.len() <= VALUES_MAX {
        let mut found = Vec::new();
        for chunk in next.chunks(CHUNK) {
            if reached.len() > VALUES_MAX {
                break;
            }
            let mut sql = Sql::new(&sight.book);
            sql.push("select distinct child from market_element_child where book = $1 and ");
            sql.among("id", chunk.iter().map(String::as_str));
            told_by(&mut sql, sight);
            // As many are too many, however many of them were reached before.
            sql.push(&format!(" limit {}", VALUES_MAX + 1));
            found.extend(ids(tx, &sql)?.into_iter().filter(|child| reached.insert(child.clone())));
        }
        next = found;
    }
    Ok(reached)
}

/// The elements that have an attribute.
fn described(
    tx: &mut dyn Tx,
    sight: &Sight,
    attribute: impl FnOnce(&mut Sql),
) -> Result<BTreeSet<String>, StoreError> {
    let mut sql = Sql::new(&sight.book);
    sql.push("select distinct id from market_element_attribute where book = $1 and ");
    attribute(&mut sql);
    told_by(&mut sql, sight);
    sql.push(&format!(" limit {}", VALUES_MAX + 1));
    Ok(ids(tx, &sql)?.into_iter().collect())
}

fn told_by(sql: &mut Sql, sight: &Sight) {
    if let Some(senders) = &sight.senders {
        sql.push(" and ").among("sender", senders.iter().map(String::as_str));
    }
}

fn ids(tx: &mut dyn Tx, sql: &Sql) -> Result<Vec<String>, StoreError> {
    let params: Vec<Param<'_>> = sql.params.iter().map(Param::from).collect();
    let rows = tx.query(&sql.text, &params)?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}
