//! How the kernel fares: what it counts of itself, and what waits to be done, for whoever watches over the machine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::{Day, Time};
use store::{Param, StoreError, Tx};

use crate::Kernel;

/// Counts since the process began. Reading them takes no lock that the writer needs.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Entries that were committed.
    pub appended: Counter,
    /// Jobs that stand in the writer's queue or are under way.
    pub queued: AtomicI64,
    /// Jobs that found the queue full.
    pub refused: Counter,
    /// Transactions that failed for good.
    pub failed: Counter,
    /// Transactions that gave way to another node and were tried again.
    pub gave_way: Counter,
    /// From the beginning of a group to its being on disk.
    pub groups: Histogram,
    /// The commit alone: how long the disk takes.
    pub commits: Histogram,
    duties: Mutex<BTreeMap<&'static str, bool>>,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How long something took: how often not longer than each bound.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One for each bound, and one for what took longer than the last.
    counts: [AtomicU64; Histogram::BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Upper bounds in microseconds.
    pub const BOUNDS_US: [u64; 12] = [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        10_000_000,
    ];

    pub fn note(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = Self::BOUNDS_US.partition_point(|bound| *bound < us);
        self.counts[at].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }

    pub fn sum_us(&self) -> u64 {
        self.sum_us.load(Relaxed)
    }

    /// How many took no longer than each bound; the last is all.
    pub fn cumulative(&self) -> Vec<u64> {
        let counts = self.counts.iter().map(|count| count.load(Relaxed));
        counts
            .scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            })
            .collect()
    }

    /// The bound in microseconds that so many of a hundred did not pass; none where they passed the last, or nothing was noted.
    pub fn percentile_us(&self, percent: u64) -> Option<u64> {
        let cumulative = self.cumulative();
        let all = cumulative.last().copied().filter(|all| *all > 0)?;
        let at = cumulative.iter().position(|count| count * 100 >= all * percent)?;
        Self::BOUNDS_US.get(at).copied()
    }
}

impl Pulse {
    /// Says whether a duty of all nodes is this node's.
    pub fn set_duty(&self, name: &'static str, is_ours: bool) {
        self.duties.lock().unwrap_or_else(PoisonError::into_inner).insert(name, is_ours);
    }

    pub fn duties(&self) -> BTreeMap<&'static str, bool> {
        self.duties.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What waits to be sent or done in one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// A word of the kernel's or a line's, such as `notices`.
    pub queue: &'static str,
    pub waiting: u64,
    /// Those of which an attempt was in vain.
    pub failing: u64,
    /// Since when the longest has been waiting.
    pub since: Option<Time>,
}

impl Backlog {
    /// Reads a row of how many wait, how many of them fail, and since when.
    pub fn read(
        tx: &mut dyn Tx,
        queue: &'static str,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Self, StoreError> {
        let row =
            tx.query_one(sql, params)?.ok_or_else(|| StoreError::Schema(format!("no counts of {queue}")))?;
        let (waiting, failing) = (row.int(0)?.unsigned_abs(), row.int(1)?.unsigned_abs());
        Ok(Self { queue, waiting, failing, since: row.int_or_null(2)?.map(Time) })
    }
}

/// How far a witness has cosigned our books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness's key, as its `/witness/key` says.
    pub witness: String,
    /// When the book that was cosigned longest ago was cosigned; none if one never was.
    pub oldest: Option<Time>,
    /// Books of which the last attempt was in vain.
    pub failing: u64,
}

/// What the database says of the work that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standings {
    pub backlogs: Vec<Backlog>,
    /// The day up to which the calendar's work is done in every book; none where no line has any.
    pub day: Option<Day>,
    pub cosigned: Vec<Cosigned>,
    /// Forks of other logs that nobody has acknowledged.
    pub forks: u64,
}

impl Kernel {
    /// What this process counts of itself.
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// What waits to be sent or done, in one snapshot.
    pub fn standings(&self) -> Result<Standings, StoreError> {
        const NOTICES: &str = "select count(*), count(fault), min(enqueued) from outbox";
        // What could not be looked at rests, so nothing that waits here has failed.
        const CLOCK: &str = "select count(*), cast(0 as bigint), min(next) from matter_wake where next <= $1";
        const DAY: &str = "select min(day) from line_day";
        const FORKS: &str = "select count(*) from witness_fork where acknowledged is null";
        let now = self.now();
        self.read(|tx| {
            let mut backlogs = vec![
                Backlog::read(tx, "notices", NOTICES, &[])?,
                Backlog::read(tx, "matters", CLOCK, &[now.0.into()])?,
            ];
            for line in self.lines.iter() {
                backlogs.extend(line.backlogs(tx, now)?);
            }
            let day = tx.query_one(DAY, &[])?.map_or(Ok(None), |row| row.int_or_null(0))?;
            let forks = tx.query_one(FORKS, &[])?.map_or(Ok(0), |row| row.int(0))?;
            Ok(Standings {
                backlogs,
                day: day.and_then(|day| i32::try_from(day).ok()).map(Day),
                cosigned: cosigned(tx)?,
                forks: forks.unsigned_abs(),
            })
        })
    }
}

fn cosigned(tx: &mut dyn Tx) -> Result<Vec<Cosigned>, StoreError> {
    const ALL: &str =
        "select witness, min(case when size > 0 then seconds else 0 end), count(fault) from cosigning
        group by witness order by witness";
    let rows = tx.query(ALL, &[])?;
    rows.iter()
        .map(|row| {
            let oldest = Some(row.int(1)?).filter(|seconds| *seconds > 0);
            Ok(Cosigned {
                witness: row.text(0)?.to_owned(),
                oldest: oldest.map(|seconds| Time(seconds.saturating_mul(1_000))),
                failing: row.int(2)?.unsigned_abs(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_what_took_no_longer_than_each_bound() {
        let took = Histogram::default();
        assert_eq!(took.percentile_us(99), None);
        for us in [1, 1_000, 1_001, 40_000, 60_000_000] {
            took.note(Duration::from_micros(us));
        }
        assert_eq!(took.cumulative(), [2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 5]);
        assert_eq!(took.sum_us(), 60_042_002);
        assert_eq!((took.percentile_us(50), took.percentile_us(80)), (Some(2_500), Some(50_000)));
        assert_eq!(took.percentile_us(99), None, "longer than the last bound");
    }
}
