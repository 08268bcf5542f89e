//! What a database is to the rest of the house: transactions, rows, values, migrations. No driver is named here.
//!
//! SQL stands in the subset that SQLite and PostgreSQL 15 share (`$1` parameters, `on conflict`, `returning`);
//! only [`Tx::insert_many`] is done differently by each.

pub mod fault;
pub mod file;
mod migrate;
mod pool;
#[cfg(feature = "suite")]
pub mod suite;
mod value;

use std::time::{Duration, Instant};

pub use migrate::{Migration, migrate};
pub use pool::{Lease, Pool};
pub use value::{Param, Row, Value};

/// Statements that are longer are prepared each time: they were made for one question, and keeping hundreds of them takes
/// hundreds of times their length.
pub const KEPT_STATEMENT_BYTES_MAX: usize = 16 * 1024;

/// Why the store could not do what was asked. Everything here is the machine's fault, never the user's.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The engine refused a statement.
    #[error("{engine} refused {statement:?}: {reason}")]
    Statement { engine: &'static str, statement: String, reason: String },
    /// The engine could not be reached, or went away; the transaction's fate is unknown if it was committing.
    #[error("{engine} is not reachable: {reason}")]
    Connection { engine: &'static str, reason: String },
    /// The engine went away while it was committing, and nobody knows whether the transaction stands.
    #[error("{engine} went away at a commit that may stand: {reason}")]
    Unsettled { engine: &'static str, reason: String },
    /// There is no room left for what was to be written, of which nothing stands.
    #[error("{engine} has no room left: {reason}")]
    Full { engine: &'static str, reason: String },
    /// Another node was in the way of the transaction, of which nothing stands; it may be tried again.
    #[error("{engine} gave way to another node: {reason}")]
    Contended { engine: &'static str, reason: String },
    /// A read took longer than it may, and was given up.
    #[error("given up after its time: {0}")]
    Late(String),
    /// The database holds something this version does not understand.
    #[error("the database does not fit this version: {0}")]
    Schema(String),
    /// A row did not have the shape the code reads.
    #[error("column {column} holds {found}, expected {expected}")]
    Shape { column: usize, found: &'static str, expected: &'static str },
    /// A backup, restore or file operation failed.
    #[error("{doing}: {reason}")]
    File { doing: String, reason: String },
    /// Broken on purpose by the fault-injecting store.
    #[error("injected fault at step {0}")]
    Injected(u64),
}

/// The engines that a store may run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// The type of a column in a bulk insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Int,
    Text,
    Blob,
}

/// A bulk insert: the table, its columns, and what follows (`on conflict ...`), or nothing.
#[derive(Debug)]
pub struct Insert {
    pub table: &'static str,
    pub columns: &'static [(&'static str, Type)],
    pub then: &'static str,
}

/// One transaction. Dropping it without [`Tx::commit`] rolls it back.
pub trait Tx {
    /// Runs a query and returns every row.
    fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement and returns the number of rows it touched.
    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError>;

    /// Inserts many rows; `cells` holds them one after another, `insert.columns.len()` each.
    fn insert_many(&mut self, insert: &Insert, cells: &[Param<'_>]) -> Result<(), StoreError>;

    /// Runs statements without parameters, separated by semicolons. For migrations.
    fn run_script(&mut self, sql: &str) -> Result<(), StoreError>;

    /// Waits until no other node changes the schema, and keeps others out until the transaction ends.
    /// A backend whose write transactions exclude each other need not do anything.
    fn lock_schema(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn engine(&self) -> Engine;

    /// The first row, if any.
    fn query_one(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params)?.into_iter().next())
    }
}

/// A transaction that can be made durable.
pub trait WriteTx: Tx {
    /// Returns only when the transaction is on disk (fsync).
    fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// The statements' face of this transaction.
    fn as_tx(&mut self) -> &mut dyn Tx;
}

/// The connection that writes. Each process has one writer thread, which owns it.
pub trait Writer: Send {
    /// Begins a transaction that holds the right to write from its first statement on.
    fn begin(&mut self) -> Result<Box<dyn WriteTx + '_>, StoreError>;

    /// Gives up a broken connection and opens another.
    fn reconnect(&mut self) -> Result<(), StoreError>;

    /// Takes what was overwritten out of what the engine keeps beside the database; false if a reader is in the way, and it
    /// has to be asked again. A server that keeps its log for replicas and recovery does so for as long as its operator says.
    fn scrub(&mut self) -> Result<bool, StoreError> {
        Ok(true)
    }
}

/// A database: one writer, pooled readers.
pub trait Store: Send + Sync {
    fn engine(&self) -> Engine;

    /// Opens a connection for writing.
    fn writer(&self) -> Result<Box<dyn Writer>, StoreError>;

    /// Runs `read` on one consistent snapshot. Blocks: call it off the async threads.
    fn read(&self, read: &mut dyn FnMut(&mut dyn Tx) -> Result<(), StoreError>) -> Result<(), StoreError>;

    /// Writes a consistent copy of the database to a file while the store is in use.
    fn backup(&self, to: &std::path::Path) -> Result<(), StoreError>;

    /// Bytes that the database takes on disk.
    fn size_bytes(&self) -> Result<u64, StoreError>;

    /// A duty that one node at a time has. A backend that one process uses alone gives it to whoever asks.
    fn duty(&self, name: &str) -> Box<dyn Duty> {
        let _ = name;
        Box::new(Alone)
    }
}

/// How long a duty stays ours from the moment at which it was asked for. Nobody else can have it before that is over.
pub const DUTY_HOLDS: Duration = Duration::from_secs(4);

/// Work that one node does for all that share a database. Dropping it gives it up.
pub trait Duty: Send {
    /// Whether the duty is ours, for [`DUTY_HOLDS`] from now; taken if nobody has it. To be asked every second or so: whoever
    /// does not come back, or cannot reach the database, loses it. Blocks.
    fn is_ours(&mut self) -> bool;
}

/// The duty of the only process.
struct Alone;

impl Duty for Alone {
    fn is_ours(&mut self) -> bool {
        true
    }
}

/// [`Store::read`] with a result.
pub fn read<T>(
    store: &dyn Store,
    read: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut read = Some(read);
    let mut result = None;
    store.read(&mut |tx| {
        let read = read.take().expect("a snapshot is read once");
        result = Some(read(tx)?);
        Ok(())
    })?;
    Ok(result.expect("a successful read leaves its result"))
}

/// [`read`] that is given up after a time. A statement that is under way then has the time that the store gives to each.
pub fn read_within<T>(
    store: &dyn Store,
    time_max: Duration,
    read: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let until = Instant::now() + time_max;
    self::read(store, |tx| read(&mut Timed { tx, until }))
}

/// A transaction that takes no statement after a moment.
struct Timed<'t> {
    tx: &'t mut dyn Tx,
    until: Instant,
}

impl Timed<'_> {
    fn in_time(&mut self, sql: &str) -> Result<&mut dyn Tx, StoreError> {
        match Instant::now() > self.until {
            true => Err(StoreError::Late(format!("before {sql:?}"))),
            false => Ok(self.tx),
        }
    }
}

impl Tx for Timed<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.in_time(sql)?.query(sql, params)
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.in_time(sql)?.execute(sql, params)
    }

    fn insert_many(&mut self, insert: &Insert, cells: &[Param<'_>]) -> Result<(), StoreError> {
        self.in_time(insert.table)?.insert_many(insert, cells)
    }

    fn run_script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.in_time(sql)?.run_script(sql)
    }

    fn lock_schema(&mut self) -> Result<(), StoreError> {
        self.tx.lock_schema()
    }

    fn engine(&self) -> Engine {
        self.tx.engine()
    }
}

/// `$first, $first+1, ...`: the placeholders of a list of `count` parameters.
pub fn placeholders(first: usize, count: usize) -> String {
    let mut text = String::with_capacity(count * 5);
    for number in first..first + count {
        if number > first {
            text.push(',');
        }
        text.push('$');
        text.push_str(&number.to_string());
    }
    text
}
