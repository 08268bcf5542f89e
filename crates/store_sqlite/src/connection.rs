use std::{io, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, Result};
use store::StoreError;

/// How long a statement waits for another process that holds the file.
const BUSY_PATIENCE: Duration = Duration::from_secs(10);
/// How long emptying the log waits for readers: nobody writes meanwhile.
const READERS_PATIENCE: Duration = Duration::from_millis(200);
const STATEMENTS_KEPT: usize = 256;
/// Fixed when the file is created. Larger pages make a commit write more bytes than it changed.
const PAGE_BYTES: i64 = 4096;
/// Page caches in KiB (SQLite writes them as negative numbers): the whole server stays below 512 MiB.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;
/// The log is copied into the database when it is this long. A hot page is copied once a checkpoint,
/// so rarer is cheaper; the log then takes about 64 MiB of disk.
const CHECKPOINT_PAGES: i64 = 16_000;
/// A log that grew under a long reader is cut back to this once it is reset.
const LOG_BYTES_KEPT: i64 = 128 * 1024 * 1024;

/// Makes sure that there is a file at `path` that nobody but its owner reads: secrets that must be computed with lie in
/// it. SQLite gives its log and index the same mode.
pub fn reserve(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Makes sure that there is a database in WAL mode at `path`.
pub fn create(path: &Path) -> std::result::Result<(), StoreError> {
    let opened = || -> Result<String> {
        let connection = open(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
    };
    let failed = |reason| StoreError::File { doing: format!("opening {}", path.display()), reason };
    reserve(path).map_err(|error| failed(error.to_string()))?;
    match opened().map_err(|error| failed(error.to_string()))?.as_str() {
        "wal" => Ok(()),
        mode => Err(failed(format!("the file system allows no write-ahead log, only {mode}"))),
    }
}

pub fn open_writer(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::empty())?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What was erased must not lie in a page that is free, nor in a copy of the database.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    Ok(connection)
}

/// Copies the log into the database and cuts it to nothing; false while a reader still needs it.
pub fn empty_log(writer: &Connection) -> Result<bool> {
    writer.busy_timeout(READERS_PATIENCE)?;
    let is_busy = writer.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, bool>(0));
    writer.busy_timeout(BUSY_PATIENCE)?;
    Ok(!is_busy?)
}

pub fn open_reader(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::empty())?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

fn open(path: &Path, more: OpenFlags) -> Result<Connection> {
    // A reader of a log writes to the log's index, so no connection is opened read-only.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}
