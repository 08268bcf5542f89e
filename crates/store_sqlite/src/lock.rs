use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use store::StoreError;

/// A server that is just ending is waited for so long, and so is a child process that has not yet let go of its files.
const PATIENCE: Duration = Duration::from_secs(2);

/// The right to write to a database file, held as a lock on a file beside it until dropped.
///
/// SQLite would let two processes write in turn, but each keeps the right edge of its books' trees in memory,
/// and the other's entries would be missing there. The operating system lets go of the lock when the process ends.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the database at `path`, or says after a moment that another writer has it.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let mut name = path.as_os_str().to_owned();
        name.push("-writer");
        let name = PathBuf::from(name);
        let failed = |reason| StoreError::File { doing: format!("locking {}", name.display()), reason };
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        // Whoever may open it may hold it.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&name).map_err(|error| failed(error.to_string()))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(Duration::from_millis(20)),
                Err(TryLockError::WouldBlock) => {
                    return Err(failed("another server writes to this database; stop it first".into()));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error.to_string())),
            }
        }
    }
}
