//! The key that signs checkpoints: made once, kept beside the data, readable by its owner only.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use base::{BookId, Entropy};
use kernel::{Kernel, ROOT_BOOK};
use merkle::{SignerKey, VerifierKey};
use store::{Param, Store, StoreError, Tx};

use crate::{Config, Error, SystemEntropy, file_error, named};

pub fn path(config: &Config) -> PathBuf {
    config.data.join("signing.key")
}

/// Reads the key of the installation, and makes it the first time.
pub fn signer(config: &Config) -> Result<SignerKey, Error> {
    store::file::make_folder(&config.data).map_err(|error| file_error(&config.data, &error))?;
    let path = path(config);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let key = SignerKey::parse(text.trim())?;
            if key.verifier().name() != config.name {
                let name = key.verifier().name();
                return Err(Error::Config(format!(
                    "{} belongs to {name}, not to {}",
                    path.display(),
                    config.name
                )));
            }
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = SignerKey::from_seed(&config.name, SystemEntropy::new().secret())?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(|error| file_error(&path, &error))?;
            let written = writeln!(file, "{}", key.to_secret_text()).and_then(|()| file.sync_all());
            let kept = written.and_then(|()| store::file::sync_folder_of(&path));
            kept.map_err(|error| file_error(&path, &error))?;
            Ok(key)
        }
        Err(error) => Err(file_error(&path, &error)),
    }
}

/// Refuses a ledger that another key has signed. The demonstration wants more on a server, where any database may be named: its own
/// signature.
pub fn need_own_ledger(config: &Config, store: &dyn Store) -> Result<(), Error> {
    let (signer, database) = (signer(config)?, named(config));
    match store::read(store, |tx| is_signed(tx, signer.verifier()))? {
        Some(true) => Ok(()),
        None if !config.demonstration || config.database_url.is_none() => Ok(()),
        None => Err(Error::Refused(format!(
            "{database} holds an installation that nothing shows to be the demonstration: give the demonstration an empty one"
        ))),
        Some(false) => Err(foreign(config)),
    }
}

/// Keeps a checkpoint of a ledger that has none yet, so that it shows from then on whose it is; and refuses one that another
/// process founded meanwhile under a key of its own.
pub fn own_ledger(config: &Config, kernel: &Kernel) -> Result<(), Error> {
    match kernel.read(|tx| is_signed(tx, kernel.verifier()))? {
        Some(true) => Ok(()),
        Some(false) => Err(foreign(config)),
        None => {
            kernel.checkpoint(&BookId::new(ROOT_BOOK).expect("a valid book"))?;
            Ok(())
        }
    }
}

fn foreign(config: &Config) -> Error {
    Error::Refused(format!(
        "{} holds an installation that another key than {} has signed: name the database of this one, or put the key in place that \
         belongs to it",
        named(config),
        path(config).display()
    ))
}

/// Whether a key signed the last checkpoint that is kept of the root book, or else of another; `None` if none is kept.
fn is_signed(tx: &mut dyn Tx, key: &VerifierKey) -> Result<Option<bool>, StoreError> {
    const BOOKS: &str = "select book from book order by book";
    const LAST: &str = "select note from checkpoint where book = $1 and size > 0 order by size desc limit 1";
    let rows = tx.query(BOOKS, &[])?;
    let books = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
    for book in std::iter::once(ROOT_BOOK).chain(books) {
        if let Some(last) = tx.query_one(LAST, &[Param::Text(book)])? {
            return Ok(Some(merkle::open(last.text(0)?, std::slice::from_ref(key)).is_ok()));
        }
    }
    Ok(None)
}
