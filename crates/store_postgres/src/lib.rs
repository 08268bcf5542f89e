//! The store on a PostgreSQL server, version 15 or later, in a database whose encoding is UTF8.
//!
//! Connections are not encrypted: use a unix socket, or TLS through a local proxy (stunnel, or pgbouncer in
//! session mode, for statements stay prepared on their connection). Text sorts as in the embedded store when
//! the database has the locale C.UTF-8.

mod backup;
mod client;
mod duty;
mod params;
mod replica;
mod script;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use replica::Replica;
use session::{Role, Session};
use store::{Engine, Pool, Store, StoreError, Tx, WriteTx, Writer};
use tokio_postgres::Config;
use tx::PostgresTx;

const ENGINE: &str = "postgresql";
/// A reader that waits longer than this is refused: the server is overloaded and should say so.
const READER_PATIENCE: Duration = Duration::from_secs(10);
/// A server whose machine is gone without a word is given up after this, instead of after a quarter of an hour.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long nobody else waits for a server that somebody just waited for in vain.
const REST: Duration = Duration::from_secs(1);

/// A database on a server, and its pooled readers. Call it off the async threads: it blocks.
pub struct PostgresStore {
    config: Config,
    readers: Pool<Session>,
    rests_until: Mutex<Instant>,
    replica: Option<Replica>,
}

impl PostgresStore {
    /// Connects to `postgres://user:password@host:port/name`, to be read by `readers` threads at a time.
    ///
    /// Refuses a server before version 15 and a database that is not in UTF8. No error repeats the URL,
    /// because the password stands in it.
    pub fn connect(url: &str, readers: usize) -> Result<Self, StoreError> {
        let mut config = configuration(url)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(client::PATIENCE);
        }
        if config.get_tcp_user_timeout().is_none() {
            let (idle, interval) = (SILENCE_MAX / 2, SILENCE_MAX / 5);
            config.tcp_user_timeout(SILENCE_MAX).keepalives_idle(idle).keepalives_interval(interval);
        }
        let (readers, rests_until) = (Pool::new(readers), Mutex::new(Instant::now()));
        let store = Self { readers, config, rests_until, replica: None };
        let mut first = store.lease()?;
        first.connection.insert(Session::open(&store.config, Role::Reader)?).check()?;
        drop(first);
        Ok(store)
    }

    /// Reads from a standby as well, where it is not behind; says whether it can be reached now.
    ///
    /// Refuses a server that is no standby of this one.
    pub fn with_replica(mut self, url: &str, readers: usize) -> Result<(Self, bool), StoreError> {
        let replica = Replica::new(configuration(url)?, readers);
        let mut lease = self.lease()?;
        let primary = match &mut lease.connection {
            Some(session) => session,
            closed => closed.insert(Session::open(&self.config, Role::Reader)?),
        };
        let is_there = replica.check(primary)?;
        drop(lease);
        self.replica = Some(replica);
        Ok((self, is_there))
    }

    /// How many reads the standby answered.
    pub fn answered_by_replica(&self) -> u64 {
        self.replica.as_ref().map_or(0, Replica::answered)
    }

    /// Who waits for a reader does not wait once more for a server that answers nobody.
    fn reachable(&self) -> Result<(), StoreError> {
        match Instant::now() < *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) {
            true => Err(StoreError::Connection {
                engine: ENGINE,
                reason: "it did not answer a moment ago".into(),
            }),
            false => Ok(()),
        }
    }

    fn rest(&self) {
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + REST;
    }

    fn open_reader(&self) -> Result<Session, StoreError> {
        Session::open(&self.config, Role::Reader).inspect_err(|_| self.rest())
    }

    fn lease(&self) -> Result<store::Lease<'_, Session>, StoreError> {
        self.readers.lend(READER_PATIENCE).ok_or_else(|| StoreError::Connection {
            engine: ENGINE,
            reason: format!("no reader was free for {} s", READER_PATIENCE.as_secs()),
        })
    }
}

impl Store for PostgresStore {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn writer(&self) -> Result<Box<dyn Writer>, StoreError> {
        let session = Session::open(&self.config, Role::Writer)?;
        Ok(Box::new(PostgresWriter { config: self.config.clone(), session }))
    }

    fn read(&self, read: &mut dyn FnMut(&mut dyn Tx) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut lease = self.lease()?;
        self.reachable()?;
        if let (Some(replica), Some(primary)) = (&self.replica, &mut lease.connection)
            && let Some(begun) = replica.begin(primary)
        {
            drop(lease);
            return read_on(begun, read).0;
        }
        // A connection that the server closed while it was idle shows only when it is used: begin twice then.
        let begun =
            lease.connection.as_mut().map(|session| (session.begin(Role::Reader), session.is_silent()));
        if let Some((Err(silence), true)) = begun {
            lease.connection = None;
            self.rest();
            return Err(silence);
        }
        if !matches!(begun, Some((Ok(()), _))) {
            lease.connection = None;
            let session = lease.connection.insert(self.open_reader()?);
            session.begin(Role::Reader)?;
        }
        let (result, is_silent) = read_on(lease, read);
        if is_silent {
            self.rest();
        }
        result
    }

    /// Runs the server's own `pg_dump` in its custom format; `pg_restore` reads it.
    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        backup::dump(&self.config, to)
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        let size =
            store::read(self, |tx| tx.query("select pg_database_size(current_database())", &[])?[0].int(0))?;
        Ok(size.unsigned_abs())
    }

    fn duty(&self, name: &str) -> Box<dyn store::Duty> {
        Box::new(duty::Lease::new(self.config.clone(), name))
    }
}

/// What a URL says. No error repeats it.
fn configuration(url: &str) -> Result<Config, StoreError> {
    url.parse().map_err(|_| StoreError::Connection {
        engine: ENGINE,
        reason: "the database url cannot be read, expected postgres://user:password@host:port/name".into(),
    })
}

/// Reads in the transaction that was begun on a connection; says as well whether its server has fallen silent.
fn read_on(
    mut lease: store::Lease<'_, Session>,
    read: &mut dyn FnMut(&mut dyn Tx) -> Result<(), StoreError>,
) -> (Result<(), StoreError>, bool) {
    let Some(session) = &mut lease.connection else {
        let none = StoreError::Connection { engine: ENGINE, reason: "there is no connection".into() };
        return (Err(none), false);
    };
    let result = read(&mut PostgresTx::new(session));
    let is_silent = session.is_silent();
    if session.is_broken() {
        lease.connection = None;
    }
    (result, is_silent)
}

struct PostgresWriter {
    config: Config,
    session: Session,
}

impl Writer for PostgresWriter {
    fn begin(&mut self) -> Result<Box<dyn WriteTx + '_>, StoreError> {
        self.session.begin(Role::Writer)?;
        Ok(Box::new(PostgresTx::new(&mut self.session)))
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        self.session = Session::open(&self.config, Role::Writer)?;
        Ok(())
    }
}
