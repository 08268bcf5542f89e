use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    process::{Command, Stdio},
};

use store::StoreError;
use tokio_postgres::{
    Config,
    config::{Host, TargetSessionAttrs},
};

/// Runs `pg_dump` in its custom format.
pub fn dump(config: &Config, to: &Path) -> Result<(), StoreError> {
    store::file::back_up(to, |partial| run(config, partial))
}

/// Tables of the kernel that no copy brings the rows of.
const SESSIONS: [&str; 4] = ["session", "half_session", "provider_session", "came_back"];

fn run(config: &Config, to: &Path) -> Result<(), String> {
    let mut command = Command::new("pg_dump");
    command.args(["--format=custom", "--no-password"]);
    // Who is signed in now need not be when the copy takes a place. All schemas of the database are in it, and theirs are left out.
    command.args(SESSIONS.map(|table| format!("--exclude-table-data=*.{table}")));
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

fn host(host: &Host) -> OsString {
    match host {
        Host::Tcp(name) => name.into(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.into(),
    }
}

/// Where to connect, by environment: arguments can be read by every user of the machine.
fn environment(config: &Config) -> Vec<(&'static str, OsString)> {
    let mut variables = Vec::new();
    let mut list = |name, all: Vec<OsString>| {
        if !all.is_empty() {
            variables.push((name, all.join(OsStr::new(","))));
        }
    };
    list("PGHOST", config.get_hosts().iter().map(host).collect());
    list("PGHOSTADDR", config.get_hostaddrs().iter().map(|address| address.to_string().into()).collect());
    list("PGPORT", config.get_ports().iter().map(|port| port.to_string().into()).collect());
    let session = match config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => Some("read-write"),
        TargetSessionAttrs::ReadOnly => Some("read-only"),
        _ => None,
    };
    variables.extend(session.map(|session| ("PGTARGETSESSIONATTRS", session.into())));
    if let Some(user) = config.get_user() {
        variables.push(("PGUSER", user.into()));
    }
    if let Some(password) = config.get_password() {
        variables.push(("PGPASSWORD", String::from_utf8_lossy(password).into_owned().into()));
    }
    if let Some(options) = config.get_options() {
        variables.push(("PGOPTIONS", options.into()));
    }
    if let Some(name) = config.get_dbname().or(config.get_user()) {
        variables.push(("PGDATABASE", name.into()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_of_the_server_that_the_url_means_among_several() {
        let told = |url: &str| {
            let told = environment(&url.parse().unwrap());
            told.into_iter().map(|(name, value)| format!("{name}={}", value.display())).collect::<Vec<_>>()
        };
        assert_eq!(
            told("postgresql://t@db1:5432,db2:5433/ledger?target_session_attrs=read-write"),
            [
                "PGHOST=db1,db2",
                "PGPORT=5432,5433",
                "PGTARGETSESSIONATTRS=read-write",
                "PGUSER=t",
                "PGDATABASE=ledger"
            ]
        );
        assert_eq!(
            told("postgresql://t@db1/ledger?options=-csearch_path%3Dledger"),
            ["PGHOST=db1", "PGPORT=5432", "PGUSER=t", "PGOPTIONS=-csearch_path=ledger", "PGDATABASE=ledger"]
        );
        assert_eq!(
            told("user=t hostaddr=192.0.2.1,2001:db8::1"),
            ["PGHOSTADDR=192.0.2.1,2001:db8::1", "PGUSER=t", "PGDATABASE=t"]
        );
    }
}
