//! Subscriptions: who is told of the events of a named query, where and when.

use base::{ActorId, BookId, Time};
use epcis::format::EpcFormat;
use kernel::{AppendError, Desk, Page};
use ledger::Draft;
use store::{Param, Row, StoreError, Tx};

use super::delivery;
use super::{Named, SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_OWNER_MAX, Schedule, named, too_many};
use crate::kinds::{
    EndReason, SubscriptionEnded, SubscriptionOpened, SubscriptionResumed, SubscriptionStopped,
};
use crate::record::Failure;
use crate::record::of_day::{OPENED_OF_DAY_MAX, OfDay, Sort};
use crate::refusal::{Code, Refusal};

/// What a subscriber asks for.
#[derive(Debug, Clone)]
pub struct NewSubscription {
    pub dest: String,
    /// What its requests are signed with.
    pub token: Option<String>,
    pub schedule: Option<Schedule>,
    pub report_if_empty: bool,
    /// Events that were recorded from then on; from now on, if left out.
    pub initial: Option<Time>,
    pub epc_format: EpcFormat,
}

/// A subscription as it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub book: BookId,
    pub id: String,
    pub owner: String,
    /// The name of its query.
    pub query: String,
    /// Who opened it, and with whose rights it goes on.
    pub actor: ActorId,
    pub dest: String,
    pub schedule: Option<Schedule>,
    pub report_if_empty: bool,
    pub initial: Time,
    /// Whether events count that were recorded before it.
    pub past: bool,
    pub created: Time,
    /// How identifiers are spelled in what is sent.
    pub epc_format: EpcFormat,
    /// When it was stopped, because nothing of it was taken for a long time.
    pub stopped: Option<Time>,
}

/// Opens a subscription to a query; `None` if the query is gone.
pub fn open(
    desk: &mut Desk<'_>,
    actor: &ActorId,
    query: &Named,
    books: &[BookId],
    new: &NewSubscription,
) -> Result<Option<Subscription>, Failure> {
    const OF_OWNER: &str = "select count(*) from market_subscription where owner = $1";
    desk.take(&query.book)?;
    let still = named(desk.read()?, &query.owner, &query.name)?;
    if still.is_none_or(|still| still.seq != query.seq) {
        return Ok(None);
    }
    if page(desk.read()?, query, None, SUBSCRIPTIONS_MAX)?.items.len() >= SUBSCRIPTIONS_MAX {
        return Err(too_many("dest", "subscriptions to this query", SUBSCRIPTIONS_MAX));
    }
    let count = desk.read()?.query_one(OF_OWNER, &[Param::Text(&query.owner)])?;
    if count.map_or(Ok(0), |row| row.int(0))? >= SUBSCRIPTIONS_OF_OWNER_MAX as i64 {
        return Err(too_many("dest", "subscriptions of one owner", SUBSCRIPTIONS_OF_OWNER_MAX));
    }
    let moments = new.schedule.as_ref().map(Schedule::read).transpose().map_err(refused)?;
    let now = desk.now();
    let subscription = Subscription {
        book: query.book.clone(),
        id: uuid(&desk.secret()),
        owner: query.owner.clone(),
        query: query.name.clone(),
        actor: actor.clone(),
        dest: new.dest.clone(),
        schedule: new.schedule.clone(),
        report_if_empty: new.report_if_empty,
        initial: new.initial.unwrap_or(now),
        past: new.initial.is_some(),
        created: now,
        epc_format: new.epc_format,
        stopped: None,
    };
    let body = SubscriptionOpened {
        subscription: subscription.id.clone(),
        query: subscription.query.clone(),
        owner: subscription.owner.clone(),
        dest: subscription.dest.clone(),
        schedule: subscription.schedule.clone(),
        report_if_empty: subscription.report_if_empty,
        initial_record_time: subscription.initial,
        past: subscription.past,
        epc_format: subscription.epc_format,
    };
    let first = match moments {
        None => now,
        Some(moments) => moments.next(desk.zone(), now).ok_or_else(|| {
            let detail = "names a moment that is years away";
            AppendError::Refused(Refusal::new(Code::Body, "schedule", detail))
        })?,
    };
    OfDay::one(desk, &query.book, (Sort::Opened("dest"), query.owner.clone()), OPENED_OF_DAY_MAX)?;
    desk.append(Draft::new(&query.book, now, actor, &body).map_err(refused)?)?;
    delivery::begin(desk, &subscription, first, books, new.token.as_deref())?;
    Ok(Some(subscription))
}

/// Stops a subscription whose deliveries have been in vain since a moment; it keeps its place.
pub(super) fn stop<E>(
    desk: &mut Desk<'_>,
    actor: &ActorId,
    subscription: &Subscription,
    since: Time,
) -> Result<(), AppendError<E>> {
    let body = SubscriptionStopped {
        subscription: subscription.id.clone(),
        query: subscription.query.clone(),
        owner: subscription.owner.clone(),
        since,
    };
    desk.append::<E>(Draft::new(&subscription.book, desk.now(), actor, &body)?)?;
    delivery::rest(desk, subscription);
    Ok(())
}

/// Goes on with a subscription that was stopped, where it was; false if it is gone. One that was not stopped stays as it is.
pub fn resume(desk: &mut Desk<'_>, actor: &ActorId, subscription: &Subscription) -> Result<bool, Failure> {
    desk.take(&subscription.book)?;
    let Some(found) = find(desk.read()?, &subscription.book, &subscription.id)? else { return Ok(false) };
    if found.stopped.is_none() {
        return Ok(true);
    }
    let body = SubscriptionResumed {
        subscription: found.id.clone(),
        query: found.query.clone(),
        owner: found.owner.clone(),
    };
    desk.append(Draft::new(&found.book, desk.now(), actor, &body).map_err(refused)?)?;
    delivery::wake(desk, &found);
    Ok(true)
}

fn refused(error: ledger::BodyError) -> Failure {
    AppendError::Refused(Refusal::from(error))
}

/// Ends a subscription, if it is there.
pub fn end<E>(
    desk: &mut Desk<'_>,
    actor: &ActorId,
    subscription: &Subscription,
    reason: EndReason,
) -> Result<bool, AppendError<E>> {
    desk.take(&subscription.book)?;
    if find(desk.read()?, &subscription.book, &subscription.id)?.is_none() {
        return Ok(false);
    }
    let body = SubscriptionEnded {
        subscription: subscription.id.clone(),
        query: subscription.query.clone(),
        owner: subscription.owner.clone(),
        reason,
    };
    desk.append::<E>(Draft::new(&subscription.book, desk.now(), actor, &body)?)?;
    delivery::forget(desk, subscription);
    Ok(true)
}

const COLUMNS: &str =
    "book, subscription, owner, query, actor, dest, schedule, report_if_empty, initial, past,
    created, epc_format, stopped";

/// The subscriptions to a query, behind one of them.
pub fn page(
    tx: &mut dyn Tx,
    query: &Named,
    behind: Option<&str>,
    count: usize,
) -> Result<Page<Subscription>, StoreError> {
    // One more tells whether there is a next page.
    let sql = format!(
        "select {COLUMNS} from market_subscription where book = $1 and owner = $2 and query = $3 and subscription > $4
        order by subscription limit {}",
        count + 1
    );
    let params = [
        Param::Text(query.book.as_str()),
        Param::Text(&query.owner),
        Param::Text(&query.name),
        Param::Text(behind.unwrap_or_default()),
    ];
    let mut items = tx.query(&sql, &params)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let more = items.len() > count;
    items.truncate(count);
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Page { items, next })
}

/// A subscription to a query.
pub fn found(tx: &mut dyn Tx, query: &Named, id: &str) -> Result<Option<Subscription>, StoreError> {
    let found = find(tx, &query.book, id)?;
    Ok(found.filter(|found| found.owner == query.owner && found.query == query.name))
}

pub(super) fn find(tx: &mut dyn Tx, book: &BookId, id: &str) -> Result<Option<Subscription>, StoreError> {
    let sql = format!("select {COLUMNS} from market_subscription where book = $1 and subscription = $2");
    tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Text(id)])?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Subscription, StoreError> {
    let shape = |error: String| StoreError::Schema(format!("a subscription: {error}"));
    let schedule = row.text_or_null(6)?.map(serde_json::from_str).transpose();
    Ok(Subscription {
        book: BookId::new(row.text(0)?).map_err(|error| shape(error.to_string()))?,
        id: row.text(1)?.to_owned(),
        owner: row.text(2)?.to_owned(),
        query: row.text(3)?.to_owned(),
        actor: ActorId::new(row.text(4)?).map_err(|error| shape(error.to_string()))?,
        dest: row.text(5)?.to_owned(),
        schedule: schedule.map_err(|error| shape(error.to_string()))?,
        report_if_empty: row.int(7)? != 0,
        initial: Time(row.int(8)?),
        past: row.int(9)? != 0,
        created: Time(row.int(10)?),
        epc_format: EpcFormat::parse(row.text(11)?).ok_or_else(|| shape("its format".into()))?,
        stopped: row.int_or_null(12)?.map(Time),
    })
}

/// A UUID of random bits (RFC 9562, version 4).
pub(super) fn uuid(random: &[u8; 32]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&random[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
