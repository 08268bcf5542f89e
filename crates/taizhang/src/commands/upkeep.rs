//! `taizhang audit`, `replay`, `backup`, `restore` and `password`

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use base::{AccountId, ActorId};
use kernel::Kernel;
use store::file::with_ending;
use store_sqlite::SqliteStore;
use taizhang::{Config, Error, file_error};

use super::{say, serve};

pub fn audit(config: &Config) -> Result<ExitCode, Error> {
    report(&taizhang::open_founded(config)?)
}

fn report(kernel: &Arc<Kernel>) -> Result<ExitCode, Error> {
    let report = kernel.audit()?;
    say(format!(
        "{} books, {} entries, {} bodies erased, {} signed checkpoints",
        report.books, report.entries, report.erased, report.checkpoints
    ));
    for finding in &report.findings {
        match finding.seq {
            Some(seq) => say(format!("book {}, entry {seq}: {}", finding.book, finding.what)),
            None => say(format!("book {}: {}", finding.book, finding.what)),
        }
    }
    say(if report.is_clean() { "everything fits" } else { "something does not fit" });
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub fn replay(config: &Config) -> Result<ExitCode, Error> {
    let kernel = taizhang::open_own(config)?;
    let replayed = kernel.replay().map_err(|error| Error::Refused(error.to_string()))?;
    say(format!("{} entries replayed", replayed.entries));
    for table in &replayed.changed {
        say(format!("table {table} differed and was rebuilt"));
    }
    Ok(ExitCode::SUCCESS)
}

pub fn backup(config: &Config, to: &Path, from: Option<&Path>) -> Result<ExitCode, Error> {
    // Whoever opens a database that is not there makes one, and an empty copy would take the place of the last good one.
    if config.database_url.is_none() && !config.database_path().exists() {
        return Err(Error::Refused(format!("there is no {}", config.database_path().display())));
    }
    // A backup only reads, so it runs beside the server.
    let store = taizhang::open_store(config)?;
    let last = from.filter(|last| config.database_url.is_none() && last.exists());
    if let Some(last) = last {
        let missing = kernel::goes_not_on(&*store, &SqliteStore::of_copy(last))?;
        if let Some(book) = missing {
            return Err(Error::Refused(format!(
                "book {book} does not go on from {}: move that copy aside if this database takes its place",
                last.display()
            )));
        }
    }
    store.backup(to)?;
    say(format!("{} written", to.display()));
    Ok(ExitCode::SUCCESS)
}

/// What whoever puts a copy in place has to know.
const CAME_BACK: &str = "whatever was taken away since the copy was made is there again: before others reach the server, erase again \
    the bodies that were erased; revoke the tokens and devices, withdraw the grants, disable the accounts and end the posts that \
    were; and give new passwords to those who changed theirs, which open with the old ones, without a second step that was set since";

/// Only a copy that passes the audit takes the place of the database, which is kept beside it.
pub fn restore(config: &Config, from: &Path) -> Result<ExitCode, Error> {
    if config.database_url.is_some() {
        return Err(Error::Refused(format!(
            "restore a PostgreSQL copy with pg_restore, then run taizhang audit. {CAME_BACK}"
        )));
    }
    let log = with_ending(from, "-wal");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(Error::Refused(format!(
            "{} holds entries that are not in {} alone: copy that database by taizhang backup, and restore the copy",
            log.display(),
            from.display()
        )));
    }
    let place = config.database_path();
    store::file::make_folder(&config.data).map_err(|error| file_error(&config.data, &error))?;
    let _held = store_sqlite::WriterLock::take(&place)?;
    let folder = config.data.join("restoring");
    if folder.exists() {
        let real = |path: &Path| path.canonicalize().map_err(|error| file_error(path, &error));
        if real(from)?.starts_with(real(&folder)?) {
            return Err(Error::Refused(format!(
                "{} lies where a restore works: move it elsewhere before it is restored",
                from.display()
            )));
        }
        // What a restore left that was broken off would be taken for the log of this copy.
        std::fs::remove_dir_all(&folder).map_err(|error| file_error(&folder, &error))?;
    }
    store::file::make_folder(&folder).map_err(|error| file_error(&folder, &error))?;
    let trial = Config { data: folder.clone(), ..config.clone() };
    std::fs::copy(from, trial.database_path()).map_err(|error| file_error(from, &error))?;
    let kernel = taizhang::open_founded_in(config, &trial)?;
    if report(&kernel)? != ExitCode::SUCCESS {
        return Err(Error::Refused("the copy does not pass the audit; nothing was changed".into()));
    }
    // Who was signed in when the copy was made need not be any more.
    kernel.end_all_sessions()?;
    kernel.stop();
    drop(kernel);
    // One file without a log: a copy of this is what takes the place.
    let whole = folder.join("whole.db");
    taizhang::open_store(&trial)?.backup(&whole)?;
    if let Some(kept) = keep_old(&place)? {
        say(format!("{} kept", kept.display()));
    }
    store::file::publish(&whole, &place).map_err(|error| file_error(&whole, &error))?;
    std::fs::remove_dir_all(&folder).map_err(|error| file_error(&folder, &error))?;
    say(format!("{} restored", place.display()));
    say(CAME_BACK);
    Ok(ExitCode::SUCCESS)
}

/// Gives a database that is there another name beside its own, under which none is yet: at every moment one is whole in its
/// place.
fn keep_old(place: &Path) -> Result<Option<PathBuf>, Error> {
    const LOGS: [&str; 2] = ["-wal", "-shm"];
    let names =
        std::iter::once(".before-restore".to_owned()).chain((2..).map(|n| format!(".before-restore-{n}")));
    let is_free = |name: &PathBuf| !name.exists() && LOGS.iter().all(|log| !with_ending(name, log).exists());
    let kept =
        names.map(|end| with_ending(place, &end)).find(is_free).expect("there are numbers without end");
    // What its log has belongs to it, and to no other.
    let is_whole = place.exists() && SqliteStore::open(place).and_then(|store| store.empty_log()).is_ok();
    for end in LOGS {
        let log = with_ending(place, end);
        let put_away = match is_whole {
            true => std::fs::remove_file(&log),
            // One that cannot be read any more is kept as it is.
            false => std::fs::rename(&log, with_ending(&kept, end)),
        };
        match put_away {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error(&log, &error)),
            _ => {}
        }
    }
    if !place.exists() {
        return Ok(None);
    }
    std::fs::hard_link(place, &kept).map_err(|error| file_error(&kept, &error))?;
    Ok(Some(kept))
}

/// For whoever runs the machine, when no administrator can sign in. The server must not be running.
pub fn password(config: &Config, account: &str) -> Result<ExitCode, Error> {
    let kernel = taizhang::open(config)?;
    let account = AccountId::new(account).map_err(|error| Error::Refused(error.to_string()))?;
    let founded = serve::found(config, &kernel)?;
    if let Some(password) = &founded {
        serve::say_password(serve::ADMINISTRATOR, password);
    }
    if founded.is_none() || account.as_str() != serve::ADMINISTRATOR {
        let system = ActorId::new("system:installation").expect("a valid actor");
        if kernel.accounts()?.iter().any(|row| row.account == account && row.totp) {
            kernel.remove_totp(&system, &account)?;
            say(format!("account {account}, the second step was taken off"));
        }
        let reset = kernel.reset_password(&system, &account)?;
        if let Some(password) = reset.one_time_password {
            serve::say_password(account.as_str(), &password);
        }
    }
    kernel.stop();
    Ok(ExitCode::SUCCESS)
}
