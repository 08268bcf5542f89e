//! The embedded store: one SQLite file in WAL mode with `synchronous=full`.
//!
//! A commit returns when its pages are in the write-ahead log on disk. One process at a time may write
//! (see [`WriterLock`]); any number of processes may read.

mod connection;
mod lock;
mod script;
mod tx;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

pub use lock::WriterLock;
use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
    ffi,
};
use store::{Engine, Pool, Store, StoreError, Tx, WriteTx, Writer};
use tx::SqliteTx;

const ENGINE: &str = "sqlite";
/// More than a few callers can take at a time.
const READERS: usize = 8;
/// A reader that waits longer than this is refused: the server is overloaded and should say so.
const READER_PATIENCE: Duration = Duration::from_secs(10);
/// A reader's query that takes longer is ended, as on PostgreSQL: whoever asked has given up.
const QUERY_TIME_MAX: Duration = Duration::from_secs(30);

/// A database file, its pooled readers, and the right to open its one writer.
pub struct SqliteStore {
    path: PathBuf,
    readers: Pool<Connection>,
    query_time_max: Duration,
}

impl SqliteStore {
    /// Opens the database at `path`, and creates it if there is none; its folder must exist.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with_readers(path, READERS)
    }

    /// [`SqliteStore::open`] with another number of snapshots that can be read at the same time.
    pub fn open_with_readers(path: &Path, readers: usize) -> Result<Self, StoreError> {
        connection::create(path)?;
        let readers = Pool::new(readers);
        Ok(Self { path: path.to_owned(), readers, query_time_max: QUERY_TIME_MAX })
    }

    /// A copy that [`Store::backup`] wrote, to be read as it is; nothing of it is changed.
    pub fn of_copy(path: &Path) -> Self {
        Self { path: path.to_owned(), readers: Pool::new(1), query_time_max: QUERY_TIME_MAX }
    }

    /// Copies all of the log into the database, so that its file alone is whole. Nobody else has it open; whoever calls this holds
    /// the [`WriterLock`].
    pub fn empty_log(&self) -> Result<(), StoreError> {
        let writer = connection::open_writer(&self.path).map_err(|error| unreachable(&error))?;
        match connection::empty_log(&writer).map_err(|error| unreachable(&error))? {
            true => Ok(()),
            false => {
                Err(StoreError::Connection { engine: ENGINE, reason: "somebody reads the database".into() })
            }
        }
    }

    /// With another time after which a reader's query is ended.
    pub fn with_query_time(self, query_time_max: Duration) -> Self {
        Self { query_time_max, ..self }
    }

    fn copy_to(&self, to: &Path) -> rusqlite::Result<()> {
        let from = connection::open_reader(&self.path)?;
        let mut copy = Connection::open(to)?;
        // All pages in one step: the snapshot is held from the first to the last, so a writer can
        // neither tear the copy nor make it start again.
        let step = Backup::new(&from, &mut copy)?.step(-1)?;
        if step != StepResult::Done {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None));
        }
        // The copy is one file that needs no log beside it.
        copy.pragma_update(None, "journal_mode", "delete")?;
        copy.close().map_err(|(_, error)| error)
    }
}

impl Store for SqliteStore {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn writer(&self) -> Result<Box<dyn Writer>, StoreError> {
        let lock = WriterLock::take(&self.path)?;
        let connection = connection::open_writer(&self.path).map_err(|error| unreachable(&error))?;
        Ok(Box::new(SqliteWriter { path: self.path.clone(), connection, _lock: lock }))
    }

    fn read(&self, read: &mut dyn FnMut(&mut dyn Tx) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut lease = self.readers.lend(READER_PATIENCE).ok_or_else(|| StoreError::Connection {
            engine: ENGINE,
            reason: format!("no reader was free for {} s", READER_PATIENCE.as_secs()),
        })?;
        let reader = match lease.connection.take() {
            Some(reader) => reader,
            None => connection::open_reader(&self.path).map_err(|error| unreachable(&error))?,
        };
        let reader = lease.connection.insert(reader);
        let result = SqliteTx::for_reading(reader, self.query_time_max).and_then(|mut tx| read(&mut tx));
        if matches!(result, Err(StoreError::Connection { .. })) {
            lease.connection = None;
        }
        result
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        store::file::back_up(to, |partial| self.copy_to(partial).map_err(|error| error.to_string()))
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for file in [&self.path, &store::file::with_ending(&self.path, "-wal")] {
            match std::fs::metadata(file) {
                Ok(metadata) => bytes += metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let doing = format!("size of {}", file.display());
                    return Err(StoreError::File { doing, reason: error.to_string() });
                }
            }
        }
        Ok(bytes)
    }
}

struct SqliteWriter {
    path: PathBuf,
    connection: Connection,
    /// Declared after the connection: it is let go of only when that is closed.
    _lock: WriterLock,
}

impl Writer for SqliteWriter {
    fn begin(&mut self) -> Result<Box<dyn WriteTx + '_>, StoreError> {
        // A deferred transaction that turns to writing is refused at once when another wrote meanwhile.
        Ok(Box::new(SqliteTx::begin(&self.connection, "begin immediate")?))
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        self.connection = connection::open_writer(&self.path).map_err(|error| unreachable(&error))?;
        Ok(())
    }

    fn scrub(&mut self) -> Result<bool, StoreError> {
        connection::empty_log(&self.connection).map_err(|error| unreachable(&error))
    }
}

fn unreachable(error: &rusqlite::Error) -> StoreError {
    StoreError::Connection { engine: ENGINE, reason: error.to_string() }
}
