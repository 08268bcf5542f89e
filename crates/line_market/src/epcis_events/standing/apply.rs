//! How the tables of standing queries follow from entries.

use ledger::{Body, Entry};
use store::{Param, StoreError, Tx};

use crate::kinds::{
    QueryDropped, QueryNamed, SubscriptionEnded, SubscriptionOpened, SubscriptionResumed, SubscriptionStopped,
};

/// The kinds of entries that are applied here.
pub const KINDS: [&str; 6] = [
    QueryNamed::KIND,
    QueryDropped::KIND,
    SubscriptionOpened::KIND,
    SubscriptionStopped::KIND,
    SubscriptionResumed::KIND,
    SubscriptionEnded::KIND,
];

/// Applies one entry.
pub fn apply(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const NAME: &str = "insert into market_query (book, owner, name, seq, definition, prefixes, alone)
        values ($1, $2, $3, $4, $5, $6, $7)";
    const DROP: &str = "delete from market_query where book = $1 and owner = $2 and name = $3";
    const STOP: &str = "update market_subscription set stopped = $3 where book = $1 and subscription = $2";
    const END: &str = "delete from market_subscription where book = $1 and subscription = $2";
    let book = Param::Text(entry.book.as_str());
    match entry.kind.as_str() {
        QueryNamed::KIND => {
            let named: QueryNamed = body(entry)?;
            let definition = named.definition.to_string();
            let params = [
                book,
                (&named.owner).into(),
                (&named.name).into(),
                entry.seq.to_i64().into(),
                (&definition).into(),
                Param::from(named.prefixes.as_ref()),
                i64::from(named.alone).into(),
            ];
            tx.execute(NAME, &params)?;
        }
        QueryDropped::KIND => {
            let dropped: QueryDropped = body(entry)?;
            tx.execute(DROP, &[book, (&dropped.owner).into(), (&dropped.name).into()])?;
        }
        // An erased subscription is none.
        SubscriptionOpened::KIND if entry.body.is_some() => opened(tx, entry)?,
        SubscriptionStopped::KIND => {
            let stopped: SubscriptionStopped = body(entry)?;
            tx.execute(STOP, &[book, (&stopped.subscription).into(), entry.occurred.0.into()])?;
        }
        SubscriptionResumed::KIND => {
            let resumed: SubscriptionResumed = body(entry)?;
            tx.execute(STOP, &[book, (&resumed.subscription).into(), Param::Null])?;
        }
        SubscriptionEnded::KIND => {
            let ended: SubscriptionEnded = body(entry)?;
            tx.execute(END, &[book, (&ended.subscription).into()])?;
        }
        _ => {}
    }
    Ok(())
}

fn opened(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const OPEN: &str =
        "insert into market_subscription (book, subscription, owner, query, seq, actor, dest, schedule,
        report_if_empty, initial, past, created, epc_format)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let opened: SubscriptionOpened = body(entry)?;
    let schedule =
        opened.schedule.as_ref().map(|schedule| serde_json::to_string(schedule).expect("a schedule is JSON"));
    let params = [
        Param::Text(entry.book.as_str()),
        (&opened.subscription).into(),
        (&opened.owner).into(),
        (&opened.query).into(),
        entry.seq.to_i64().into(),
        Param::Text(entry.actor.as_str()),
        (&opened.dest).into(),
        Param::from(schedule.as_ref()),
        i64::from(opened.report_if_empty).into(),
        opened.initial_record_time.0.into(),
        i64::from(opened.past).into(),
        entry.occurred.0.into(),
        Param::Text(opened.epc_format.name()),
    ];
    tx.execute(OPEN, &params).map(drop)
}

/// An erased subscription is none, and what signed for it signs nothing any more.
pub fn erase(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const FIND: &str = "select subscription from market_subscription where book = $1 and seq = $2";
    const FORGET: [&str; 4] = [
        "delete from market_subscription where book = $1 and subscription = $2",
        "delete from market_delivery where book = $1 and subscription = $2",
        "delete from market_delivery_cursor where book = $1 and subscription = $2",
        "delete from market_signature where book = $1 and subscription = $2",
    ];
    let book = Param::Text(entry.book.as_str());
    let Some(row) = tx.query_one(FIND, &[book, entry.seq.to_i64().into()])? else { return Ok(()) };
    let subscription = row.text(0)?.to_owned();
    FORGET.iter().try_for_each(|sql| tx.execute(sql, &[book, (&subscription).into()]).map(drop))
}

fn body<B: Body>(entry: &Entry) -> Result<B, StoreError> {
    entry
        .body()
        .map_err(|error| StoreError::Schema(format!("entry {} of {}: {error}", entry.seq, entry.book)))
}
