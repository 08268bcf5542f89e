//! How far a subscription was told, and what is under way to its receiver.
//!
//! What is sent is claimed first: which events, under which identity. So whatever happens between sending and recording, the
//! same events go out again under the same identity, and what comes behind them waits.

use std::collections::BTreeMap;

use base::{ActorId, BookId, Seq, Time};
use kernel::notices::{Fault, FaultKind, Secret};
use kernel::{AppendError, Backlog, Desk};
use store::{Param, Row, StoreError, Tx, Value};

use super::subscriptions::{self, Subscription, uuid};
use super::{Moments, Named, Schedule};
use crate::epcis_events::query::{Bounds, Recorded, recorded};
use crate::epcis_events::{Found, QueryRefusal, Sight};
use crate::kinds::EndReason;

/// Events of one document at most.
pub const EVENTS_MAX: usize = 100;
/// Bytes of the events of one document at most; one event is sent whatever it weighs.
pub const BYTES_MAX: usize = 1024 * 1024;
/// The longest wait between two attempts.
pub const WAIT_MS_MAX: i64 = 15 * 60 * 1_000;
const WAIT_MS: i64 = 1_000;
/// How long deliveries may be in vain before their subscription is stopped.
pub const IN_VAIN_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1_000;

/// A subscription, by its book and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub book: BookId,
    pub subscription: String,
}

impl Key {
    pub fn of(subscription: &Subscription) -> Self {
        Self { book: subscription.book.clone(), subscription: subscription.id.clone() }
    }

    fn params(&self) -> [Param<'_>; 2] {
        [Param::Text(self.book.as_str()), Param::Text(&self.subscription)]
    }

    fn values(&self) -> Vec<Value> {
        vec![Value::Text(self.book.to_string()), Value::Text(self.subscription.clone())]
    }
}

/// Events of one book that are sent together: those from a number on and before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub of: BookId,
    pub from: Seq,
    pub until: Seq,
}

/// A batch, and its events.
pub type Told = (Batch, Vec<Found>);

/// Where the deliveries of a subscription stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Nothing is sent before; of a schedule, its next moment.
    pub next: Time,
    /// Attempts in vain since the last one that was taken, and the one under way.
    pub attempts: u32,
    /// Events of a document: less than [`EVENTS_MAX`] for a receiver that asked for less.
    pub batch: usize,
    /// Documents that a schedule's moment has led to so far.
    pub sent: i64,
    /// Up to when it was told; from when on, while it was not.
    pub executed: Time,
    /// When the receiver took something last.
    pub notified: Option<Time>,
    pub fault: Option<Fault>,
    /// The first attempt in vain since the last one that was taken.
    pub failing: Option<Time>,
    /// What is under way, and its identity.
    pub under_way: Option<(String, Batch)>,
    /// Entries of the root book when it was opened; unknown of those from before that was kept.
    pub root: Option<Seq>,
}

/// Keeps what belongs to a new subscription beside its entry.
pub(super) fn begin(
    desk: &mut Desk<'_>,
    subscription: &Subscription,
    first: Time,
    books: &[BookId],
    token: Option<&str>,
) -> Result<(), StoreError> {
    const BEGIN: &str =
        "insert into market_delivery (book, subscription, next_at, attempts, batch, sent, executed, root)
        values ($1, $2, $3, 0, $4, 0, $5, $6)";
    const SIGN: &str = "insert into market_signature (book, subscription, token) values ($1, $2, $3)";
    let key = Key::of(subscription);
    let mut values = key.values();
    values.extend([
        Value::Int(first.0),
        Value::Int(i64::try_from(EVENTS_MAX).unwrap_or(i64::MAX)),
        Value::Int(subscription.initial.0),
        Value::Int(desk.root_size()?.to_i64()),
    ]);
    desk.aside(BEGIN, values);
    if let Some(token) = token {
        desk.aside(SIGN, [key.values(), vec![Value::Text(token.to_owned())]].concat());
    }
    if !subscription.past {
        for book in books {
            let next = end_of(desk.read()?, book)?;
            move_cursor(desk, &key, book, next);
        }
    }
    Ok(())
}

/// Forgets all that was kept of a subscription.
pub(super) fn forget(desk: &mut Desk<'_>, subscription: &Subscription) {
    const FORGET: [&str; 3] = [
        "delete from market_delivery where book = $1 and subscription = $2",
        "delete from market_delivery_cursor where book = $1 and subscription = $2",
        "delete from market_signature where book = $1 and subscription = $2",
    ];
    let key = Key::of(subscription);
    FORGET.iter().for_each(|sql| desk.aside(*sql, key.values()));
}

fn move_cursor(desk: &mut Desk<'_>, key: &Key, of: &BookId, next: Seq) {
    const MOVE: &str =
        "insert into market_delivery_cursor (book, subscription, of_book, next) values ($1, $2, $3, $4)
        on conflict (book, subscription, of_book) do update set next = excluded.next";
    let place = vec![Value::Text(of.to_string()), Value::Int(next.to_i64())];
    desk.aside(MOVE, [key.values(), place].concat());
}

/// Behind the last event of a book.
pub fn end_of(tx: &mut dyn Tx, book: &BookId) -> Result<Seq, StoreError> {
    const LAST: &str = "select max(seq) from market_event where book = $1";
    let last = tx.query_one(LAST, &[Param::Text(book.as_str())])?;
    let last = last.map(|row| row.int_or_null(0)).transpose()?.flatten();
    Ok(last.map_or(Seq(0), |seq| Seq::from_i64(seq).next()))
}

/// Subscriptions whose time has come, each with its owner, those that waited longest first.
pub fn due(tx: &mut dyn Tx, now: Time) -> Result<Vec<(Key, String)>, StoreError> {
    const DUE: &str =
        "select d.book, d.subscription, s.owner from market_delivery as d join market_subscription as s
        on s.book = d.book and s.subscription = d.subscription where d.next_at <= $1
        order by d.next_at, d.book, d.subscription";
    let rows = tx.query(DUE, &[Param::Int(now.0)])?;
    let key = |row: &Row| {
        let book = BookId::new(row.text(0)?).map_err(|error| StoreError::Schema(error.to_string()))?;
        Ok((Key { book, subscription: row.text(1)?.to_owned() }, row.text(2)?.to_owned()))
    };
    rows.iter().map(key).collect()
}

/// Subscriptions that are to be told or were told in vain; one that was stopped waits no more.
pub fn backlog(tx: &mut dyn Tx, now: Time) -> Result<Backlog, StoreError> {
    const WAITING: &str =
        "select count(*), count(failing), min(coalesce(failing, next_at)) from market_delivery
        where next_at <= $1 or (failing is not null and next_at < $2)";
    Backlog::read(tx, "epcis-subscriptions", WAITING, &[Param::Int(now.0), Param::Int(Time::MAX.0)])
}

/// What is to be done for a subscription, as far as its tables tell.
pub fn find(tx: &mut dyn Tx, key: &Key) -> Result<Option<(Subscription, Named, State)>, StoreError> {
    let Some(subscription) = subscriptions::find(tx, &key.book, &key.subscription)? else { return Ok(None) };
    let named = super::named(tx, &subscription.owner, &subscription.query)?;
    let (Some(named), Some(state)) = (named, state(tx, key)?) else { return Ok(None) };
    Ok(Some((subscription, named, state)))
}

pub fn state(tx: &mut dyn Tx, key: &Key) -> Result<Option<State>, StoreError> {
    const FIND: &str =
        "select next_at, attempts, batch, sent, executed, notified, fault, code, delivery, of_book, since, until, failing,
        root from market_delivery where book = $1 and subscription = $2";
    tx.query_one(FIND, &key.params())?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<State, StoreError> {
    let kind = row.text_or_null(6)?.map(FaultKind::parse).transpose()?;
    let code = row.int_or_null(7)?.and_then(|code| u16::try_from(code).ok());
    let under_way = match (row.text_or_null(8)?, row.text_or_null(9)?) {
        (Some(delivery), Some(of)) => {
            let of = BookId::new(of).map_err(|error| StoreError::Schema(error.to_string()))?;
            let (from, until) = (Seq::from_i64(row.int(10)?), Seq::from_i64(row.int(11)?));
            Some((delivery.to_owned(), Batch { of, from, until }))
        }
        _ => None,
    };
    Ok(State {
        next: Time(row.int(0)?),
        attempts: u32::try_from(row.int(1)?).unwrap_or(u32::MAX),
        batch: usize::try_from(row.int(2)?).unwrap_or(1).clamp(1, EVENTS_MAX),
        sent: row.int(3)?,
        executed: Time(row.int(4)?),
        notified: row.int_or_null(5)?.map(Time),
        fault: kind.map(|kind| Fault { kind, code }),
        failing: row.int_or_null(12)?.map(Time),
        under_way,
        root: row.int_or_null(13)?.map(Seq::from_i64),
    })
}

/// How far a subscription was told in each book; in books that are not in it, from its first moment on.
pub fn cursors(tx: &mut dyn Tx, key: &Key) -> Result<BTreeMap<BookId, Seq>, StoreError> {
    const FIND: &str =
        "select of_book, next from market_delivery_cursor where book = $1 and subscription = $2";
    let each = |row: &Row| {
        let of = BookId::new(row.text(0)?).map_err(|error| StoreError::Schema(error.to_string()))?;
        Ok((of, Seq::from_i64(row.int(1)?)))
    };
    tx.query(FIND, &key.params())?.iter().map(each).collect()
}

/// What the requests of a subscription are signed with.
pub fn token(tx: &mut dyn Tx, key: &Key) -> Result<Option<Secret>, StoreError> {
    const FIND: &str = "select token from market_signature where book = $1 and subscription = $2";
    let row = tx.query_one(FIND, &key.params())?;
    row.map(|row| row.text(0).map(|token| Secret(token.to_owned()))).transpose()
}

/// As much as one document takes, of so many events at most.
fn one_document(count: usize) -> Bounds<'static> {
    Bounds { count, bytes: BYTES_MAX, weigh: &weight }
}

/// What is to be told next.
pub enum Next {
    Told(Told),
    /// As far as one look goes there is nothing, and there may be behind it.
    Further,
    Nothing,
}

/// The next events of some books behind where each was told: a batch of the book whose event waits longest. Cursors move
/// over what does not fit.
pub fn next_batch(
    tx: &mut dyn Tx,
    sights: &[Sight],
    query: &epcis::Query,
    cursors: &mut BTreeMap<BookId, Seq>,
    count: usize,
) -> Result<Result<Next, QueryRefusal>, StoreError> {
    let (mut first, mut is_whole): (Option<Told>, bool) = (None, true);
    for sight in sights {
        let from = cursors.get(&sight.book).copied().unwrap_or(Seq(0));
        let looked = match recorded(tx, sight, query, from, None, one_document(count))? {
            Ok(looked) => looked,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Recorded { found, next, .. } = looked;
        let Some(from) = found.first().map(|found| found.seq) else {
            cursors.insert(sight.book.clone(), next);
            is_whole &= looked.is_whole;
            continue;
        };
        let waits_longer = first.as_ref().is_none_or(|(_, other)| recorded_at(&found) < recorded_at(other));
        if waits_longer {
            first = Some((Batch { of: sight.book.clone(), from, until: next }, found));
        }
    }
    Ok(Ok(first.map_or(if is_whole { Next::Nothing } else { Next::Further }, Next::Told)))
}

/// When the first of some events was recorded, in a text that sorts.
fn recorded_at(found: &[Found]) -> Option<&str> {
    found.first()?.event.get("recordTime")?.as_str()
}

/// A query of what was recorded from a moment on.
pub fn since(mut query: epcis::Query, initial: Time) -> epcis::Query {
    let later = query.record_time.from.filter(|from| from.ms_utc >= initial.0);
    query.record_time.from = later.or(Some(epcis::Moment { ms_utc: initial.0, offset_minutes: 0 }));
    query
}

/// The events of a batch as they are now. Where more of them fit than did, it ends before what one document does not take.
pub fn again(
    tx: &mut dyn Tx,
    sights: &[Sight],
    query: &epcis::Query,
    batch: &Batch,
    count: usize,
) -> Result<Result<Told, QueryRefusal>, StoreError> {
    let Some(sight) = sights.iter().find(|sight| sight.book == batch.of) else {
        return Ok(Ok((batch.clone(), Vec::new())));
    };
    let found = recorded(tx, sight, query, batch.from, Some(batch.until), one_document(count))?;
    Ok(found.map(|looked| (Batch { until: looked.next, ..batch.clone() }, looked.found)))
}

fn weight(found: &Found) -> usize {
    let bytes = |value: &dyn std::fmt::Display| value.to_string().len();
    let event: usize = found.event.iter().map(|(name, value)| name.len() + bytes(value) + 4).sum();
    // A WebSocket may ask for XML.
    let in_xml = epcis::extent(&found.event, &epcis::Context::read(&found.context), BYTES_MAX);
    event.max(in_xml) + bytes(&found.context)
}

/// A turn at a receiver, which nobody else has until its lease is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What is sent, under whichever claim.
    pub id: String,
    /// Of several claims for the same the last one counts.
    attempt: u32,
}

/// Takes a batch to be sent, unless the state is no longer the one that it was chosen in.
pub fn claim(
    desk: &mut Desk<'_>,
    key: &Key,
    seen: &State,
    batch: &Batch,
    lease: Time,
) -> Result<Option<Claim>, AppendError<()>> {
    const CLAIM: &str =
        "update market_delivery set next_at = $3, attempts = attempts + 1, delivery = $4, of_book = $5, since = $6,
        until = $7 where book = $1 and subscription = $2";
    desk.take(&key.book)?;
    if state(desk.read()?, key)?.as_ref() != Some(seen) {
        return Ok(None);
    }
    let id = match &seen.under_way {
        Some((id, _)) => id.clone(),
        None => uuid(&desk.secret()),
    };
    let mut values = key.values();
    values.extend([
        Value::Int(lease.0),
        Value::Text(id.clone()),
        Value::Text(batch.of.to_string()),
        Value::Int(batch.from.to_i64()),
        Value::Int(batch.until.to_i64()),
    ]);
    desk.aside(CLAIM, values);
    Ok(Some(Claim { id, attempt: seen.attempts.saturating_add(1) }))
}

/// Takes the turn to say that the query cannot be answered, unless the state is no longer the one that this was seen in.
pub fn claim_report(
    desk: &mut Desk<'_>,
    key: &Key,
    seen: &State,
    lease: Time,
) -> Result<Option<Claim>, AppendError<()>> {
    const CLAIM: &str = "update market_delivery set next_at = $3, attempts = attempts + 1
        where book = $1 and subscription = $2";
    desk.take(&key.book)?;
    if state(desk.read()?, key)?.as_ref() != Some(seen) {
        return Ok(None);
    }
    desk.aside(CLAIM, [key.values(), vec![Value::Int(lease.0)]].concat());
    Ok(Some(Claim { id: uuid(&desk.secret()), attempt: seen.attempts.saturating_add(1) }))
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    Taken,
    InVain(Fault),
    /// The receiver asks for less at a time (413).
    TooLarge(usize),
}

/// Records what the attempt of a claim came to: the cursor moves when the receiver has taken the batch. Nothing happens if
/// the subscription is gone, or if somebody else has claimed or settled it meanwhile.
pub fn settle(
    desk: &mut Desk<'_>,
    key: &Key,
    claim: &Claim,
    is_stream: bool,
    attempt: Attempt,
) -> Result<(), AppendError<()>> {
    const TAKEN: &str =
        "update market_delivery set next_at = $3, attempts = 0, sent = sent + 1, notified = $3,
        fault = null, code = null, failing = null, delivery = null, of_book = null, since = null, until = null
        where book = $1 and subscription = $2";
    const TOLD: &str = "update market_delivery set executed = $3 where book = $1 and subscription = $2";
    const LESS: &str = "update market_delivery set next_at = $3, attempts = 0, batch = $4, delivery = null,
        of_book = null, since = null, until = null where book = $1 and subscription = $2";
    desk.take(&key.book)?;
    let now = desk.now();
    let Some(state) = state(desk.read()?, key)?.filter(|state| state.attempts == claim.attempt) else {
        return Ok(());
    };
    let Some((_, batch)) = state.under_way.as_ref().filter(|(id, _)| *id == claim.id) else { return Ok(()) };
    let mut values = key.values();
    match attempt {
        Attempt::Taken => {
            values.push(Value::Int(now.0));
            desk.aside(TAKEN, values.clone());
            if is_stream {
                desk.aside(TOLD, values);
            }
            move_cursor(desk, key, &batch.of, batch.until);
        }
        Attempt::InVain(fault) => in_vain(desk, key, &state, fault)?,
        Attempt::TooLarge(less) => {
            values.extend([Value::Int(now.0), Value::Int(i64::try_from(less).unwrap_or(1))]);
            desk.aside(LESS, values);
        }
    }
    Ok(())
}

/// Records that it was said, or could not be, that the query cannot be answered. Nothing happens if the subscription is
/// gone, or if somebody else has claimed it meanwhile.
pub fn settle_report(
    desk: &mut Desk<'_>,
    key: &Key,
    claim: &Claim,
    fault: Fault,
) -> Result<(), AppendError<()>> {
    desk.take(&key.book)?;
    match state(desk.read()?, key)?.filter(|state| state.attempts == claim.attempt) {
        Some(state) => in_vain(desk, key, &state, fault),
        None => Ok(()),
    }
}

/// Waits for the next attempt; after a long time there is none.
fn in_vain(desk: &mut Desk<'_>, key: &Key, state: &State, fault: Fault) -> Result<(), AppendError<()>> {
    const AGAIN: &str = "update market_delivery set next_at = $3, fault = $4, code = $5, failing = $6
        where book = $1 and subscription = $2";
    let now = desk.now();
    let since = state.failing.unwrap_or(now);
    let values = vec![
        Value::Int(now.plus_ms(wait_ms(state.attempts)).0),
        Value::Text(fault.kind.as_str().into()),
        fault.code.map_or(Value::Null, |code| Value::Int(code.into())),
        Value::Int(since.0),
    ];
    desk.aside(AGAIN, [key.values(), values].concat());
    if now.since_ms(since) >= IN_VAIN_MS_MAX
        && let Some(subscription) = subscriptions::find(desk.read()?, &key.book, &key.subscription)?
    {
        subscriptions::stop(desk, &installation(), &subscription, since)?;
    }
    Ok(())
}

/// Nothing more is tried.
pub(super) fn rest(desk: &mut Desk<'_>, subscription: &Subscription) {
    const REST: &str = "update market_delivery set next_at = $3 where book = $1 and subscription = $2";
    desk.aside(REST, [Key::of(subscription).values(), vec![Value::Int(Time::MAX.0)]].concat());
}

/// What stood in the way before counts no more, and it is tried at once.
pub(super) fn wake(desk: &mut Desk<'_>, subscription: &Subscription) {
    const WAKE: &str = "update market_delivery set next_at = $3, attempts = 0, failing = null
        where book = $1 and subscription = $2";
    desk.aside(WAKE, [Key::of(subscription).values(), vec![Value::Int(desk.now().0)]].concat());
}

/// Records that a query which could not be answered can be again, though there is nothing to be told.
pub fn recovered(desk: &mut Desk<'_>, key: &Key, seen: &State) -> Result<(), AppendError<()>> {
    const RECOVERED: &str =
        "update market_delivery set attempts = 0, fault = null, code = null, failing = null
        where book = $1 and subscription = $2";
    desk.take(&key.book)?;
    if state(desk.read()?, key)?.as_ref() == Some(seen) {
        desk.aside(RECOVERED, key.values());
    }
    Ok(())
}

/// How long to wait after so many attempts in vain: a second, and twice as long each time, up to a quarter of an hour.
pub fn wait_ms(attempts: u32) -> i64 {
    let doublings = attempts.saturating_sub(1).min(16);
    (WAIT_MS << doublings).min(WAIT_MS_MAX)
}

/// A schedule's moment has been told in full; it waits for the next one.
pub fn wait_for_next(
    desk: &mut Desk<'_>,
    key: &Key,
    schedule: &Schedule,
    seen: &State,
) -> Result<(), AppendError<()>> {
    const WAIT: &str =
        "update market_delivery set next_at = $3, sent = 0, executed = $4, attempts = 0, fault = null,
        code = null, failing = null where book = $1 and subscription = $2";
    desk.take(&key.book)?;
    if state(desk.read()?, key)?.as_ref() != Some(seen) {
        return Ok(());
    }
    let now = desk.now();
    // A moment far away is looked at again when it is nearer.
    let moments: Option<Moments> = schedule.read().ok();
    let next = moments.and_then(|moments| moments.next(desk.zone(), now)).unwrap_or(Time::MAX);
    desk.aside(WAIT, [key.values(), vec![Value::Int(next.0), Value::Int(now.0)]].concat());
    Ok(())
}

/// Cursors that came far over what does not fit are kept, so that nobody goes that way again.
pub fn keep_cursors(desk: &mut Desk<'_>, key: &Key, moved: &[(BookId, Seq)]) -> Result<(), AppendError<()>> {
    desk.take(&key.book)?;
    if state(desk.read()?, key)?.is_none_or(|state| state.under_way.is_some()) {
        return Ok(());
    }
    let kept = cursors(desk.read()?, key)?;
    for (of, next) in moved {
        if kept.get(of).is_none_or(|kept| kept < next) {
            move_cursor(desk, key, of, *next);
        }
    }
    Ok(())
}

/// Ends a subscription by the installation itself.
pub fn end(desk: &mut Desk<'_>, key: &Key, reason: EndReason) -> Result<bool, AppendError<()>> {
    let Some(subscription) = subscriptions::find(desk.read()?, &key.book, &key.subscription)? else {
        return Ok(false);
    };
    subscriptions::end(desk, &installation(), &subscription, reason)
}

fn installation() -> ActorId {
    ActorId::new("system:subscriptions").expect("a valid actor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<i64> = (1..=12).map(|attempts| wait_ms(attempts) / 1_000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(wait_ms(u32::MAX), WAIT_MS_MAX);
    }
}
