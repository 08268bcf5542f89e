//! What is well, what to mind and what to do, judged by fixed bounds. `packaging/alerts.yml` has the same ones.

use std::sync::atomic::Ordering::Relaxed;

use base::limits::WRITER_QUEUE_MAX;
use kernel::{Backlog, Pulse};

use super::Vitals;
use crate::view::Mark;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const GIB: u64 = 1 << 30;

/// Something that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Database {
        bytes: u64,
    },
    Writer {
        queued: i64,
        max: i64,
        refused: u64,
    },
    /// The time in which 99 of 100 commits were done, in microseconds; none where there was none, or it took longer than
    /// can be told.
    Commits {
        count: u64,
        us: Option<u64>,
    },
    Queue {
        queue: &'static str,
        waiting: u64,
        failing: u64,
        ms: i64,
    },
    Calendar {
        days: i64,
    },
    Cosigning {
        witness: String,
        ms: Option<i64>,
        failing: u64,
    },
    Forks {
        count: u64,
    },
    Backup {
        ms: Option<i64>,
        bytes: u64,
    },
    NoBackup,
    Disk {
        free: u64,
        bytes: u64,
    },
    Files {
        open: u64,
        max: u64,
    },
}

/// A row and how it stands: [`Mark::Done`], [`Mark::Yellow`] or [`Mark::Red`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub row: Row,
    pub mark: Mark,
}

/// Everything that is looked at, in the order in which it is read.
pub fn judge(vitals: &Vitals, pulse: &Pulse) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut say = |row: Row, mark: Mark| all.push(Finding { row, mark });
    say(Row::Database { bytes: vitals.database_bytes }, Mark::Done);

    let (queued, max) =
        (pulse.queued.load(Relaxed).max(0), i64::try_from(WRITER_QUEUE_MAX).unwrap_or(i64::MAX));
    let row = Row::Writer { queued, max, refused: pulse.refused.get() };
    say(row, level(queued, max / 2, max / 10 * 9));
    let count = pulse.commits.cumulative().last().copied().unwrap_or_default();
    let us = pulse.commits.percentile_us(99);
    let slow = if count == 0 { 0 } else { us.map_or(i64::MAX, u64::cast_signed) };
    // The bound itself is still well.
    say(Row::Commits { count, us }, level(slow, 250_001, 1_000_001));

    for it in &vitals.standings.backlogs {
        let (mind, act) = bounds(it);
        let ms = it.since.map_or(0, |since| vitals.now.since_ms(since).max(0));
        let row = Row::Queue { queue: it.queue, waiting: it.waiting, failing: it.failing, ms };
        say(row, level(ms, mind, act));
    }
    if let Some(days) = vitals.days_behind {
        say(Row::Calendar { days }, level(days, 1, 2));
    }
    for it in &vitals.standings.cosigned {
        let ms = it.oldest.map(|oldest| vitals.now.since_ms(oldest).max(0));
        let row = Row::Cosigning { witness: it.witness.clone(), ms, failing: it.failing };
        say(row, level(ms.unwrap_or(i64::MAX), 3 * HOUR_MS, 24 * HOUR_MS));
    }
    let forks = vitals.standings.forks;
    say(Row::Forks { count: forks }, if forks > 0 { Mark::Red } else { Mark::Done });

    match vitals.backup {
        Some(backup) => {
            let ms = backup.made.map(|made| vitals.now.since_ms(made).max(0));
            let mark = level(ms.unwrap_or(i64::MAX), 26 * HOUR_MS, 50 * HOUR_MS);
            say(Row::Backup { ms, bytes: backup.bytes }, mark);
        }
        None => say(Row::NoBackup, Mark::Yellow),
    }
    if let Some(disk) = vitals.disk {
        let left = disk.free_bytes * 100 / disk.bytes.max(1);
        let mark = match (left, disk.free_bytes) {
            (..5, _) | (_, ..GIB) => Mark::Red,
            (..15, _) => Mark::Yellow,
            _ => Mark::Done,
        };
        say(Row::Disk { free: disk.free_bytes, bytes: disk.bytes }, mark);
    }
    if let (Some(open), Some(max)) = (vitals.process.open_files, vitals.process.open_files_max) {
        let used = i64::try_from(open * 100 / max.max(1)).unwrap_or(i64::MAX);
        say(Row::Files { open, max }, level(used, 80, 95));
    }
    all
}

/// How long a queue may wait before it is to be minded, and before something is to be done.
fn bounds(backlog: &Backlog) -> (i64, i64) {
    match backlog.queue {
        // What falls due by itself is looked at every second.
        "matters" => (MINUTE_MS, 10 * MINUTE_MS),
        // A receiver outside that is dead for an hour is not our fault.
        _ => (15 * MINUTE_MS, 4 * HOUR_MS),
    }
}

fn level(value: i64, mind: i64, act: i64) -> Mark {
    if value >= act {
        Mark::Red
    } else if value >= mind {
        Mark::Yellow
    } else {
        Mark::Done
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::Time;
    use kernel::{Cosigned, Standings};

    use super::*;
    use crate::health::{Backup, Disk, Process};

    const NOW: Time = Time(1_800_000_000_000);

    fn well() -> Vitals {
        let queue = |queue| Backlog { queue, waiting: 0, failing: 0, since: None };
        let cosigned = Cosigned { witness: "w".into(), oldest: Some(NOW.plus_ms(-HOUR_MS)), failing: 0 };
        Vitals {
            now: NOW,
            standings: Standings {
                backlogs: vec![queue("notices"), queue("matters")],
                day: None,
                cosigned: vec![cosigned],
                forks: 0,
            },
            days_behind: Some(0),
            database_bytes: 1,
            disk: Some(Disk { bytes: 100 * GIB, free_bytes: 50 * GIB }),
            process: Process { resident_bytes: None, open_files: Some(10), open_files_max: Some(100) },
            backup: Some(Backup { made: Some(NOW.plus_ms(-HOUR_MS)), bytes: 1 }),
        }
    }

    /// How many are to be minded, and how many to be acted on.
    fn found(vitals: &Vitals, pulse: &Pulse) -> (usize, usize) {
        let of = |mark: Mark| judge(vitals, pulse).iter().filter(|it| it.mark == mark).count();
        (of(Mark::Yellow), of(Mark::Red))
    }

    #[test]
    fn each_bound_is_minded_and_then_acted_on() {
        let idle = Pulse::default();
        assert_eq!(found(&well(), &idle), (0, 0));
        /// What is changed, to what it is minded, and to what it is acted on.
        type Change = (&'static str, fn(&mut Vitals, i64), i64, i64);
        let changes: [Change; 8] = [
            (
                "notices",
                |it, ms| it.standings.backlogs[0].since = Some(NOW.plus_ms(-ms)),
                15 * MINUTE_MS,
                4 * HOUR_MS,
            ),
            (
                "matters",
                |it, ms| it.standings.backlogs[1].since = Some(NOW.plus_ms(-ms)),
                MINUTE_MS,
                10 * MINUTE_MS,
            ),
            ("calendar", |it, days| it.days_behind = Some(days), 1, 2),
            (
                "cosigning",
                |it, ms| it.standings.cosigned[0].oldest = Some(NOW.plus_ms(-ms)),
                3 * HOUR_MS,
                24 * HOUR_MS,
            ),
            (
                "backup",
                |it, ms| it.backup = Some(Backup { made: Some(NOW.plus_ms(-ms)), bytes: 1 }),
                26 * HOUR_MS,
                50 * HOUR_MS,
            ),
            ("files", |it, used| it.process.open_files = Some(used.unsigned_abs()), 80, 95),
            (
                "disk",
                |it, used| {
                    it.disk = Some(Disk { bytes: 100 * GIB, free_bytes: (100 - used.unsigned_abs()) * GIB });
                },
                86,
                96,
            ),
            ("forks", |it, count| it.standings.forks = count.unsigned_abs(), i64::MAX, 1),
        ];
        for (what, change, mind, act) in changes {
            let at = |value: i64| {
                let mut vitals = well();
                change(&mut vitals, value);
                found(&vitals, &idle)
            };
            if mind != i64::MAX {
                assert_eq!((at(mind - 1), at(mind)), ((0, 0), (1, 0)), "{what}");
                assert_eq!(at(act - 1), (1, 0), "{what}");
            }
            assert_eq!(at(act), (0, 1), "{what}");
        }
        let never = Vitals { backup: Some(Backup { made: None, bytes: 0 }), ..well() };
        assert_eq!(found(&never, &idle), (0, 1), "there is no copy");
        assert_eq!(found(&Vitals { backup: None, ..well() }, &idle), (1, 0), "none is made");
        let mut fresh = well();
        fresh.standings.cosigned[0].oldest = None;
        assert_eq!(found(&fresh, &idle), (0, 1), "never cosigned");
    }

    #[test]
    fn a_slow_disk_and_a_full_queue_are_found() {
        let pulse = Pulse::default();
        (0..99).for_each(|_| pulse.commits.note(Duration::from_millis(2)));
        pulse.commits.note(Duration::from_secs(60));
        assert_eq!(found(&well(), &pulse), (0, 0), "one of a hundred");
        (0..3).for_each(|_| pulse.commits.note(Duration::from_millis(400)));
        assert_eq!(found(&well(), &pulse), (1, 0));
        (0..3).for_each(|_| pulse.commits.note(Duration::from_secs(60)));
        assert_eq!(found(&well(), &pulse), (0, 1));
        let full = Pulse::default();
        full.queued.store(i64::try_from(WRITER_QUEUE_MAX).unwrap(), Relaxed);
        assert_eq!(found(&well(), &full), (0, 1));
    }
}
