//! Which logs are trusted and what is known of them.

use std::collections::BTreeSet;

use base::{Seq, SubjectId, Time};
use ledger::{Body, Entry, EntryError};
use merkle::{Fork, VerifierKey};
use store::{Param, Row, StoreError, Tx, Value};

use super::kinds::{ForkAcknowledged, ForkFound, LogDropped, LogTrusted};
use super::{FORKS_OPEN_MAX, LAG_MS, TRUSTED_MAX};
use crate::admin::{AdminError, AdminResult, By, about};
use crate::registry::{id, root_book, rows};
use crate::{Desk, Kernel, Receipt, entries};

/// A log that is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedLog {
    /// The number of the entry that trusts it.
    pub log: u64,
    pub origin: String,
    pub vkey: String,
    pub title: String,
    pub owner: Option<SubjectId>,
    pub reviewer: Option<SubjectId>,
    pub since: Time,
}

impl TrustedLog {
    /// Whether it is trusted for checkpoints of an origin: its own, or those of its books.
    pub fn covers(&self, origin: &str) -> bool {
        origin.strip_prefix(&self.origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The last that was cosigned of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedLog {
    pub origin: String,
    pub size: u64,
    pub note: String,
    pub cosigned: Time,
    /// When a checkpoint was refused since, because the proof did not hold, and that checkpoint.
    pub refused: Option<Time>,
    pub refused_note: Option<String>,
    /// The trusted log that signed it, which is this one or one above it.
    pub signed_for: Option<String>,
}

impl WitnessedLog {
    /// Whether no cosignature was asked for in a while.
    pub fn lags(&self, now: Time) -> bool {
        now.since_ms(self.cosigned) > LAG_MS
    }
}

/// A fork that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFork {
    /// The number of the entry that says so.
    pub fork: u64,
    pub origin: String,
    pub first_size: u64,
    pub second_size: u64,
    pub since: Time,
    /// The entry that acknowledged it; the log is not cosigned before.
    pub acknowledged: Option<u64>,
}

impl Kernel {
    /// Trusts a log.
    pub fn trust_log(&self, by: impl Into<By>, trusted: LogTrusted) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            admin.permit_root("kernel.witness.trust")?;
            trusted.check()?;
            let all = trusted_logs(admin.desk.read()?)?;
            if all.iter().any(|log| log.origin == trusted.origin && log.vkey == trusted.vkey) {
                return Err(AdminError::LogExists.into());
            }
            if all.len() >= TRUSTED_MAX {
                return Err(AdminError::LogsMany(TRUSTED_MAX).into());
            }
            for post in trusted.owner.iter().chain(&trusted.reviewer) {
                admin.tree.need_post(post)?;
            }
            admin.record(&trusted, Vec::new())
        })
    }

    /// Trusts a log no more, by the number of the entry that trusted it.
    pub fn drop_log(&self, by: impl Into<By>, log: u64) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            let root = admin.tree.root().cloned().ok_or_else(|| AdminError::UnknownBook(root_book()))?;
            admin.permit_to_end("kernel.witness.trust", &root)?;
            let all = trusted_logs(admin.desk.read()?)?;
            let Some(dropped) = all.iter().find(|trusted| trusted.log == log) else {
                return Err(AdminError::UnknownLog(log).into());
            };
            if all.iter().all(|trusted| trusted.log == log || trusted.origin != dropped.origin) {
                admin.permit("kernel.witness.trust", &root, None)?;
                pass_signed_for(admin.desk, dropped, &all)?;
            }
            admin.record(&LogDropped { log }, vec![about("witness", &log.to_string())?])
        })
    }

    /// Says that a fork was seen to, so that its log may be cosigned again.
    pub fn acknowledge_fork(
        &self,
        by: impl Into<By>,
        acknowledged: ForkAcknowledged,
    ) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            admin.permit_root("kernel.witness.acknowledge")?;
            acknowledged.check()?;
            let number = acknowledged.fork;
            let found = forks(admin.desk.read()?)?.into_iter().find(|fork| fork.fork == number);
            let found = found.ok_or(AdminError::UnknownFork(number))?;
            if found.acknowledged.is_some() {
                return Err(AdminError::ForkAcknowledged(number).into());
            }
            admin.record(&acknowledged, vec![about("entry", &number.to_string())?])
        })
    }

    /// The logs that are trusted, by origin.
    pub fn trusted_logs(&self) -> Result<Vec<TrustedLog>, StoreError> {
        self.read(trusted_logs)
    }

    /// What was cosigned last for logs that are trusted, by origin.
    pub fn witnessed_logs(&self) -> Result<Vec<WitnessedLog>, StoreError> {
        const ALL: &str =
            "select origin, size, note, cosigned, refused, refused_note, signed_for from witness_log
            where signed_for is not null order by origin";
        self.read(|tx| rows(tx, ALL, witnessed_log))
    }

    /// The names that are held for a fork, as far as those show that wait.
    pub fn held_logs(&self) -> Result<BTreeSet<String>, StoreError> {
        self.read(|tx| {
            let waiting = forks(tx)?.into_iter().filter(|fork| fork.acknowledged.is_none());
            let (origins, mut held) =
                (waiting.map(|fork| fork.origin).collect::<BTreeSet<_>>(), BTreeSet::new());
            for origin in origins {
                let trusted = covering(tx, &origin)?;
                let Some(log) = trusted.first() else { continue };
                if is_held(tx, &origin, log, &keys_of(&trusted))? {
                    held.insert(origin);
                }
            }
            Ok(held)
        })
    }

    /// The forks that were found, the latest first.
    pub fn forks(&self) -> Result<Vec<FoundFork>, StoreError> {
        self.read(forks)
    }
}

fn trusted_logs(tx: &mut dyn Tx) -> Result<Vec<TrustedLog>, StoreError> {
    const ALL: &str =
        "select log, origin, vkey, title, owner, reviewer, since from witness_trust order by origin, log";
    rows(tx, ALL, |row| {
        let post = |at| row.text_or_null(at)?.map(SubjectId::new).map(id).transpose();
        Ok(TrustedLog {
            log: row.int(0)?.unsigned_abs(),
            origin: row.text(1)?.to_owned(),
            vkey: row.text(2)?.to_owned(),
            title: row.text(3)?.to_owned(),
            owner: post(4)?,
            reviewer: post(5)?,
            since: Time(row.int(6)?),
        })
    })
}

/// What was signed for the names of a log that is trusted no more is kept for whoever signs by the same key again: a log above now,
/// or one that is trusted later. Under another key it begins anew.
fn pass_signed_for(desk: &mut Desk<'_>, dropped: &TrustedLog, all: &[TrustedLog]) -> Result<(), StoreError> {
    const SIGNED: &str = "select origin, note from witness_log where signed_for = $1";
    const KEEP: &str = "update witness_log set signed_for = null where origin = $1";
    const PASS: &str = "update witness_log set signed_for = $2 where origin = $1";
    let text = |text: &str| Value::Text(text.to_owned());
    for row in desk.read()?.query(SIGNED, &[Param::Text(&dropped.origin)])? {
        let (origin, note) = (row.text(0)?, row.text(1)?);
        let others = all.iter().filter(|log| log.origin != dropped.origin);
        let next = closest(others.cloned().collect(), origin);
        let goes_on = next.first().filter(|_| merkle::open(note, &keys_of(&next)).is_ok());
        match goes_on {
            Some(log) => desk.aside(PASS, vec![text(origin), text(&log.origin)]),
            None => desk.aside(KEEP, vec![text(origin)]),
        }
    }
    Ok(())
}

/// The keys of some logs.
pub(super) fn keys_of(logs: &[TrustedLog]) -> Vec<VerifierKey> {
    logs.iter().filter_map(|log| log.vkey.parse().ok()).collect()
}

/// The logs that are trusted for an origin: those of the closest name alone, so that nobody above signs for what is
/// trusted for itself. There are several while a log changes its key.
pub(super) fn covering(tx: &mut dyn Tx, origin: &str) -> Result<Vec<TrustedLog>, StoreError> {
    Ok(closest(trusted_logs(tx)?, origin))
}

fn closest(mut all: Vec<TrustedLog>, origin: &str) -> Vec<TrustedLog> {
    all.retain(|log| log.covers(origin));
    let closest = all.iter().map(|log| log.origin.len()).max();
    all.retain(|log| Some(log.origin.len()) == closest);
    all
}

pub(super) fn witnessed(tx: &mut dyn Tx, origin: &str) -> Result<Option<WitnessedLog>, StoreError> {
    const ONE: &str = "select origin, size, note, cosigned, refused, refused_note, signed_for from witness_log where origin = $1";
    tx.query_one(ONE, &[Param::Text(origin)])?.as_ref().map(witnessed_log).transpose()
}

fn witnessed_log(row: &Row) -> Result<WitnessedLog, StoreError> {
    Ok(WitnessedLog {
        origin: row.text(0)?.to_owned(),
        size: Seq::from_i64(row.int(1)?).0,
        note: row.text(2)?.to_owned(),
        cosigned: Time(row.int(3)?),
        refused: row.int_or_null(4)?.map(Time),
        refused_note: row.text_or_null(5)?.map(str::to_owned),
        signed_for: row.text_or_null(6)?.map(str::to_owned),
    })
}

/// How many origins are witnessed that a trusted log signed for: its own, and those of its books.
pub(super) fn count(tx: &mut dyn Tx, log: &TrustedLog) -> Result<usize, StoreError> {
    const COUNT: &str = "select count(*) from witness_log where signed_for = $1";
    let row = tx.query_one(COUNT, &[Param::Text(&log.origin)])?;
    let count = row.map_or(Ok(0), |row| row.int(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn forks(tx: &mut dyn Tx) -> Result<Vec<FoundFork>, StoreError> {
    const ALL: &str = "select fork, origin, first_size, second_size, since, acknowledged from witness_fork
        order by fork desc";
    rows(tx, ALL, |row| {
        Ok(FoundFork {
            fork: row.int(0)?.unsigned_abs(),
            origin: row.text(1)?.to_owned(),
            first_size: Seq::from_i64(row.int(2)?).0,
            second_size: Seq::from_i64(row.int(3)?).0,
            since: Time(row.int(4)?),
            acknowledged: row.int_or_null(5)?.map(i64::unsigned_abs),
        })
    })
}

/// Whether a fork of the log waits to be acknowledged that was signed for the one that is trusted, or by its keys, or very many are.
pub(super) fn is_held(
    tx: &mut dyn Tx,
    origin: &str,
    log: &TrustedLog,
    keys: &[VerifierKey],
) -> Result<bool, StoreError> {
    const OPEN: &str = "select fork from witness_fork where origin = $1 and acknowledged is null
        and (signed_for is null or signed_for = $2) limit 1";
    const OF_OTHERS: &str = "select fork from witness_fork where origin = $1 and acknowledged is null
        and signed_for <> $2 order by fork";
    const ALL: &str = "select count(*) from witness_fork where signed_for = $1 and acknowledged is null";
    if tx.query_one(OPEN, &[Param::Text(origin), Param::Text(&log.origin)])?.is_some() {
        return Ok(true);
    }
    for row in tx.query(OF_OTHERS, &[Param::Text(origin), Param::Text(&log.origin)])? {
        let found = entries::entry(tx, &root_book(), Seq::from_i64(row.int(0)?))?;
        let fork = found.and_then(|entry| entry.body::<ForkFound>().ok());
        // While a key takes another's place, each signs a side.
        let is_signed = |note: &String| merkle::open(note, keys).is_ok();
        if fork.is_some_and(|fork| [fork.first, fork.second].iter().any(is_signed)) {
            return Ok(true);
        }
    }
    let open = tx.query_one(ALL, &[Param::Text(&log.origin)])?.map_or(Ok(0), |row| row.int(0))?;
    Ok(open >= FORKS_OPEN_MAX)
}

/// Whether the same two trees were found before.
pub(super) fn is_found(tx: &mut dyn Tx, fork: &Fork) -> Result<bool, StoreError> {
    const FIND: &str =
        "select fork from witness_fork where origin = $1 and first_size = $2 and first_root = $3
        and second_size = $4 and second_root = $5 limit 1";
    let (origin, sides) = sides(&fork.first, &fork.second)?;
    let params = [
        Param::Text(&origin),
        Param::Int(sides[0].0),
        Param::Text(&sides[0].1),
        Param::Int(sides[1].0),
        Param::Text(&sides[1].1),
    ];
    Ok(tx.query_one(FIND, &params)?.is_some())
}

type Sides = [(i64, String); 2];

/// The origin of two checkpoints, and size and root of each.
fn sides(first: &str, second: &str) -> Result<(String, Sides), StoreError> {
    let read = |note: &str| {
        merkle::unverified(note).map_err(|error| StoreError::Schema(format!("evidence of a fork: {error}")))
    };
    let (first, second) = (read(first)?, read(second)?);
    let side = |it: &merkle::Checkpoint| (Seq(it.size()).to_i64(), it.root().to_string());
    Ok((first.origin().to_owned(), [side(&first), side(&second)]))
}

/// Applies one entry of the root book.
pub(crate) fn apply(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const TRUST: &str = "insert into witness_trust (log, origin, vkey, title, owner, reviewer, since)
        values ($1, $2, $3, $4, $5, $6, $7)";
    const ACKNOWLEDGE: &str = "update witness_fork set acknowledged = $2 where fork = $1";
    let number = |number: u64| Param::Int(i64::try_from(number).unwrap_or(-1));
    let seq = Param::Int(entry.seq.to_i64());
    match entry.kind.as_str() {
        LogTrusted::KIND => {
            let trusted: LogTrusted = body(entry)?;
            let post = |post: &Option<SubjectId>| post.as_ref().map(ToString::to_string);
            let (owner, reviewer) = (post(&trusted.owner), post(&trusted.reviewer));
            let params = [
                seq,
                Param::Text(&trusted.origin),
                Param::Text(&trusted.vkey),
                Param::Text(&trusted.title),
                Param::from(owner.as_ref()),
                Param::from(reviewer.as_ref()),
                Param::Int(entry.occurred.0),
            ];
            tx.execute(TRUST, &params).map(drop)
        }
        LogDropped::KIND => dropped(tx, body::<LogDropped>(entry)?.log),
        ForkFound::KIND => found(tx, entry, &body(entry)?),
        ForkAcknowledged::KIND => {
            tx.execute(ACKNOWLEDGE, &[number(body::<ForkAcknowledged>(entry)?.fork), seq]).map(drop)
        }
        _ => Ok(()),
    }
}

/// With the last key of a log nobody is held for its forks by the name alone, or whoever is trusted by it next would be; whoever signs
/// by a key that signed them is.
fn dropped(tx: &mut dyn Tx, log: u64) -> Result<(), StoreError> {
    const ORIGIN: &str = "select origin from witness_trust where log = $1";
    const DROP: &str = "delete from witness_trust where log = $1";
    const KEEP: &str =
        "update witness_fork set signed_for = '' where signed_for = $1 and acknowledged is null
        and not exists (select 1 from witness_trust where origin = $1)";
    let log = Param::Int(i64::try_from(log).unwrap_or(-1));
    let Some(row) = tx.query_one(ORIGIN, &[log])? else { return Ok(()) };
    tx.execute(DROP, &[log])?;
    tx.execute(KEEP, &[Param::Text(row.text(0)?)]).map(drop)
}

fn found(tx: &mut dyn Tx, entry: &Entry, fork: &ForkFound) -> Result<(), StoreError> {
    const FOUND: &str =
        "insert into witness_fork (fork, origin, first_size, first_root, second_size, second_root, since, signed_for)
        values ($1, $2, $3, $4, $5, $6, $7, (select origin from witness_trust where log = $8))";
    let about = entry.subjects.iter().map(|subject| &subject.id).find(|id| id.scheme() == "witness");
    let log = about.and_then(|id| id.local_part().parse::<i64>().ok());
    let (_, sides) = sides(&fork.first, &fork.second)?;
    let params = [
        Param::Int(entry.seq.to_i64()),
        Param::Text(&fork.origin),
        Param::Int(sides[0].0),
        Param::Text(&sides[0].1),
        Param::Int(sides[1].0),
        Param::Text(&sides[1].1),
        Param::Int(entry.occurred.0),
        Param::from(log),
    ];
    tx.execute(FOUND, &params).map(drop)
}

fn body<B: Body>(entry: &Entry) -> Result<B, StoreError> {
    entry.body().map_err(|error: EntryError| StoreError::Schema(format!("entry {}: {error}", entry.seq)))
}
