use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use store::StoreError;
use tokio_postgres::{Config, config::Host};

/// Runs `pg_dump` in its custom format. The file appears under its name only when it is whole and on disk.
pub fn dump(config: &Config, to: &Path) -> Result<(), StoreError> {
    let failed = |reason: String| StoreError::File { doing: format!("backup to {}", to.display()), reason };
    if to.exists() {
        return Err(failed("the file exists already".into()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    reserve(&partial).map_err(|error| failed(error.to_string()))?;
    run(config, &partial).map_err(failed).inspect_err(|_| {
        // What is reported is why the backup failed; a leftover is overwritten by the next one.
        std::fs::remove_file(&partial).ok();
    })?;
    let finish = || -> io::Result<()> {
        File::open(&partial)?.sync_all()?;
        std::fs::rename(&partial, to)?;
        File::open(to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
            .sync_all()
    };
    finish().map_err(|error| failed(error.to_string()))
}

/// Tables of the kernel that no copy brings the rows of.
const SESSIONS: [&str; 4] = ["session", "half_session", "provider_session", "came_back"];

/// A file that nobody but its owner reads: secrets lie in the copy as they do in the database.
fn reserve(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn run(config: &Config, to: &Path) -> Result<(), String> {
    let mut command = Command::new("pg_dump");
    command.args(["--format=custom", "--no-password"]);
    // Who is signed in now need not be when the copy takes a place.
    command.args(SESSIONS.map(|table| format!("--exclude-table-data={table}")));
    command.arg("--file").arg(to).stdin(Stdio::null());
    command.envs(environment(config));
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "pg_dump is not installed; install the postgresql client programs".into(),
        _ => format!("pg_dump cannot be started: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("pg_dump ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}

/// Where to connect, by environment: arguments can be read by every user of the machine.
fn environment(config: &Config) -> Vec<(&'static str, OsString)> {
    let mut variables = Vec::new();
    if let Some(host) = config.get_hosts().first() {
        let host = match host {
            Host::Tcp(name) => OsString::from(name),
            #[cfg(unix)]
            Host::Unix(folder) => folder.clone().into_os_string(),
        };
        variables.push(("PGHOST", host));
    }
    if let Some(port) = config.get_ports().first() {
        variables.push(("PGPORT", port.to_string().into()));
    }
    if let Some(user) = config.get_user() {
        variables.push(("PGUSER", user.into()));
    }
    if let Some(password) = config.get_password() {
        variables.push(("PGPASSWORD", String::from_utf8_lossy(password).into_owned().into()));
    }
    if let Some(name) = config.get_dbname().or(config.get_user()) {
        variables.push(("PGDATABASE", name.into()));
    }
    variables
}
