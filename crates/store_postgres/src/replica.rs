//! Reading from a standby, without ever reading what is older than the moment of the question: the standby answers only
//! when it has played all that the server had written when it was asked, and the server itself does otherwise.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use store::{Lease, Pool, StoreError};
use tokio_postgres::Config;

use crate::session::{Role, Session};

/// How far the server has written, and on which timeline: a server that took over writes on one of its own, and a standby that follows
/// it no more may have played as much of another.
const WRITTEN: &str = "select (pg_current_wal_lsn() - '0/0')::bigint,
    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint";
/// How far a standby has played, and on which timeline as of its last restartpoint; null on a server that is none, or no more.
const PLAYED: &str =
    "select case when pg_is_in_recovery() then (pg_last_wal_replay_lsn() - '0/0')::bigint end,
    (select timeline_id::bigint from pg_control_checkpoint())";
/// What a standby has in common with its server, and nobody else: one history, and the database in it.
const IDENTITY: &str = "select system_identifier::text || '/' || current_database() from pg_control_system()";
/// How long a read waits for a standby that is behind.
const PATIENCE: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(1);
/// How long a standby is let alone that was behind, and one that could not be reached.
const REST: Duration = Duration::from_secs(1);
const ABSENCE: Duration = Duration::from_secs(5);
/// A standby must not keep anybody waiting that it cannot answer.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// A standby, and the sessions on it.
pub struct Replica {
    config: Config,
    readers: Pool<Session>,
    rests_until: Mutex<Instant>,
    answered: AtomicU64,
}

impl Replica {
    pub fn new(mut config: Config, readers: usize) -> Self {
        config.connect_timeout(CONNECT_PATIENCE).tcp_user_timeout(SILENCE_MAX);
        let (rests_until, answered) = (Mutex::new(Instant::now()), AtomicU64::new(0));
        Self { config, readers: Pool::new(readers), rests_until, answered }
    }

    /// Refuses a server that is no standby of the one that a session is on; says whether it can be reached.
    pub fn check(&self, primary: &mut Session) -> Result<bool, StoreError> {
        let Ok(mut session) = Session::open(&self.config, Role::Reader) else { return Ok(false) };
        let same = identity(&mut session)? == identity(primary)?;
        match same && played(&mut session)?.is_some() {
            true => Ok(true),
            false => {
                Err(StoreError::Schema("the replica is no standby of the database that it stands for".into()))
            }
        }
    }

    /// How many reads it answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// A transaction on the standby, begun when it had played all that was written when this was asked.
    pub fn begin(&self, primary: &mut Session) -> Option<Lease<'_, Session>> {
        if Instant::now() < *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) {
            return None;
        }
        let written = position(primary, WRITTEN).ok()??;
        let mut lease = self.readers.lend(Duration::ZERO)?;
        match self.follow(&mut lease, primary, written) {
            Ok(true) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                Some(lease)
            }
            Ok(false) => {
                self.rest(REST);
                None
            }
            Err(_) => {
                lease.connection = None;
                self.rest(ABSENCE);
                None
            }
        }
    }

    /// Waits until the standby is so far; false where it takes too long.
    fn follow(
        &self,
        lease: &mut Lease<'_, Session>,
        primary: &mut Session,
        written: Position,
    ) -> Result<bool, StoreError> {
        if lease.connection.is_none() {
            let mut session = Session::open(&self.config, Role::Reader)?;
            // Another one may stand at the address by now.
            if identity(&mut session)? != identity(primary)? {
                return Err(StoreError::Schema("the replica is another database".into()));
            }
            lease.connection = Some(session);
        }
        let Some(session) = &mut lease.connection else { return Ok(false) };
        let until = Instant::now() + PATIENCE;
        while !played(session)?.is_some_and(|played| played.has_reached(&written)) {
            if Instant::now() > until {
                return Ok(false);
            }
            std::thread::sleep(PAUSE);
        }
        session.begin(Role::Reader)?;
        Ok(true)
    }

    fn rest(&self, time: Duration) {
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + time;
    }
}

/// A place in what a server writes.
struct Position {
    lsn: i64,
    timeline: i64,
}

impl Position {
    fn has_reached(&self, written: &Self) -> bool {
        self.timeline == written.timeline && self.lsn >= written.lsn
    }
}

fn played(session: &mut Session) -> Result<Option<Position>, StoreError> {
    position(session, PLAYED)
}

fn position(session: &mut Session, sql: &str) -> Result<Option<Position>, StoreError> {
    let statement = session.prepare(sql, &[])?;
    let rows = session.client().query(&statement, &[]);
    let rows = rows.map_err(|fault| session.failed(sql, &fault))?;
    let lsn = |row: &tokio_postgres::Row| row.get::<_, Option<i64>>(0);
    Ok(rows.first().and_then(|row| lsn(row).map(|lsn| Position { lsn, timeline: row.get(1) })))
}

fn identity(session: &mut Session) -> Result<String, StoreError> {
    let row = session.client().query_one(IDENTITY);
    row.map(|row| row.get(0)).map_err(|fault| session.failed(IDENTITY, &fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_played_of_another_timeline_is_not_what_the_server_wrote() {
        let at = |lsn, timeline| Position { lsn, timeline };
        assert!(at(7, 1).has_reached(&at(7, 1)) && at(9, 1).has_reached(&at(7, 1)));
        assert!(!at(6, 1).has_reached(&at(7, 1)) && !at(9, 1).has_reached(&at(7, 2)));
    }
}
