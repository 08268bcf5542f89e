//! Standing queries: those that have a name, the subscriptions to them, and what of their events was told to whom.
//!
//! Names and subscriptions follow from entries. How far a subscription was told is kept beside them, in the way of the
//! kernel's outbox, and moves only when its receiver has taken what was sent. So is how much was opened on a day.

pub mod apply;
pub mod delivery;
mod schedule;
mod subscriptions;

use base::{BookId, Seq};
use epcis::{Context, EpcisError, Query};
use kernel::{AppendError, Desk, Page};
use ledger::Draft;
use serde_json::{Map, Value};
use store::{Param, Row, StoreError, Tx};

use super::Sender;
use crate::kinds::{EndReason, QueryDropped, QueryNamed};
use crate::record::Failure;
use crate::record::of_day::{OfDay, Sort};
use crate::refusal::{Code, Refusal};

pub use crate::record::of_day::OPENED_OF_DAY_MAX;
pub use schedule::{Moments, Schedule};
pub use subscriptions::{
    NewSubscription, Subscription, end, found as found_subscription, open, page as subscriptions, resume,
};

/// Named queries of one owner at most.
pub const QUERIES_MAX: usize = 100;
/// Subscriptions to one query at most.
pub const SUBSCRIPTIONS_MAX: usize = 20;
/// Subscriptions of one owner at most.
pub const SUBSCRIPTIONS_OF_OWNER_MAX: usize = 50;
/// The query that every repository answers, whose name is taken.
const SIMPLE: &str = "SimpleEventQuery";

/// A query under its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// The book of the entry that named it.
    pub book: BookId,
    pub owner: String,
    pub name: String,
    /// The number of that entry: another query under the same name has another.
    pub seq: Seq,
    pub definition: Map<String, Value>,
    pub prefixes: Option<String>,
    /// Whether it asks its book alone.
    pub alone: bool,
}

impl Named {
    /// What it asks.
    pub fn query(&self) -> Result<Query, EpcisError> {
        parse(&self.definition, self.prefixes.as_deref())
    }
}

/// What a definition asks.
pub fn parse(definition: &Map<String, Value>, prefixes: Option<&str>) -> Result<Query, EpcisError> {
    Query::from_json(definition, &context(prefixes.into_iter()))
}

/// The prefixes that texts such as `ex=https://ns.example/, other=...` define.
pub fn context<'t>(texts: impl Iterator<Item = &'t str>) -> Context {
    let pairs = texts.flat_map(|text| text.split(',')).filter_map(|pair| pair.trim().split_once('='));
    let terms: Map<String, Value> =
        pairs.map(|(prefix, iri)| (prefix.trim().to_owned(), Value::String(iri.trim().to_owned()))).collect();
    Context::read(&Value::Object(terms))
}

const COLUMNS: &str = "book, owner, name, seq, definition, prefixes, alone";

/// The query of an owner that has a name.
pub fn named(tx: &mut dyn Tx, owner: &str, name: &str) -> Result<Option<Named>, StoreError> {
    let sql =
        format!("select {COLUMNS} from market_query where owner = $1 and name = $2 order by book limit 1");
    tx.query_one(&sql, &[Param::Text(owner), Param::Text(name)])?.as_ref().map(read).transpose()
}

/// The queries of an owner in the order of their names, behind one of them; those of one book, or of all.
pub fn page(
    tx: &mut dyn Tx,
    owner: &str,
    book: Option<&BookId>,
    behind: Option<&str>,
    count: usize,
) -> Result<Page<Named>, StoreError> {
    let mut sql = format!("select {COLUMNS} from market_query where owner = $1 and name > $2");
    let mut params = vec![Param::Text(owner), Param::Text(behind.unwrap_or_default())];
    if let Some(book) = book {
        sql.push_str(" and book = $3");
        params.push(Param::Text(book.as_str()));
    }
    // One more tells whether there is a next page.
    sql.push_str(&format!(" order by name limit {}", count + 1));
    let mut items = tx.query(&sql, &params)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let more = items.len() > count;
    items.truncate(count);
    let next = items.last().filter(|_| more).map(|last| last.name.clone());
    Ok(Page { items, next })
}

fn read(row: &Row) -> Result<Named, StoreError> {
    let shape = |error: String| StoreError::Schema(format!("a named query: {error}"));
    Ok(Named {
        book: BookId::new(row.text(0)?).map_err(|error| shape(error.to_string()))?,
        owner: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        seq: Seq::from_i64(row.int(3)?),
        definition: serde_json::from_str(row.text(4)?).map_err(|error| shape(error.to_string()))?,
        prefixes: row.text_or_null(5)?.map(str::to_owned),
        alone: row.int(6)? != 0,
    })
}

/// Gives a query its name.
pub fn name(desk: &mut Desk<'_>, book: &BookId, sender: &Sender, body: &QueryNamed) -> Result<(), Failure> {
    const COUNT: &str = "select count(*) from market_query where owner = $1";
    desk.take(book)?;
    // Refused for its name before that is asked for: a statement that fails undoes what others record beside it.
    let draft = draft(desk.now(), book, sender, body)?;
    let is_known = body.name == SIMPLE || named(desk.read()?, &body.owner, &body.name)?.is_some();
    if is_known {
        let detail = format!("{:?} names a query already", body.name);
        return Err(AppendError::Refused(Refusal::new(Code::Exists, "name", detail)));
    }
    let count = desk.read()?.query_one(COUNT, &[Param::Text(&body.owner)])?;
    if count.map_or(Ok(0), |row| row.int(0))? >= QUERIES_MAX as i64 {
        return Err(too_many("name", "named queries", QUERIES_MAX));
    }
    OfDay::one(desk, book, (Sort::Opened("name"), body.owner.clone()), OPENED_OF_DAY_MAX)?;
    desk.append(draft)?;
    Ok(())
}

/// Removes a query and ends its subscriptions; false if there is none.
pub fn drop_named(
    desk: &mut Desk<'_>,
    sender: &Sender,
    owner: &str,
    book: Option<&BookId>,
    name: &str,
) -> Result<bool, Failure> {
    let found = named(desk.read()?, owner, name)?;
    let Some(found) = found.filter(|found| book.is_none_or(|book| *book == found.book)) else {
        return Ok(false);
    };
    desk.take(&found.book)?;
    let all = subscriptions::page(desk.read()?, &found, None, SUBSCRIPTIONS_MAX)?;
    for subscription in &all.items {
        end(desk, &sender.actor, subscription, EndReason::QueryDropped)?;
    }
    let body = QueryDropped { name: found.name.clone(), owner: found.owner.clone() };
    desk.append(draft(desk.now(), &found.book, sender, &body)?)?;
    Ok(true)
}

fn draft<B: ledger::Body>(
    now: base::Time,
    book: &BookId,
    sender: &Sender,
    body: &B,
) -> Result<Draft, Failure> {
    let draft = Draft::new(book, now, &sender.actor, body).map_err(Refusal::from);
    draft.map_err(AppendError::Refused)
}

fn too_many(field: &str, what: &str, max: usize) -> Failure {
    AppendError::Refused(Refusal::new(Code::TooMany, field, format!("there are {max} {what} already")))
}
