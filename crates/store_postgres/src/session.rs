use std::{collections::HashMap, time::Duration};

use store::{KEPT_STATEMENT_BYTES_MAX, StoreError};
use tokio_postgres::{
    Config, Error, Statement,
    error::{Severity, SqlState},
    types::Type,
};

use crate::{
    ENGINE,
    client::{Client, Fault},
};

/// The most statements that one connection keeps prepared; then it starts anew.
const STATEMENTS_KEPT: usize = 512;
const VERSION_LOWEST: i64 = 150_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Reader,
    Writer,
}

impl Role {
    /// A commit waits for the disk whatever the server's default is. A page that reads for longer than 30 seconds is given
    /// up, and so is a node that stands still in the middle of a transaction, with what others wait for.
    const fn settings(self) -> &'static str {
        match self {
            Self::Reader => "set application_name = 'taizhang reader'; set statement_timeout = '30s'",
            Self::Writer => {
                "set application_name = 'taizhang writer'; set synchronous_commit = on;
                set idle_in_transaction_session_timeout = '10s'"
            }
        }
    }

    /// The longest that a call may take: what the server gives up by itself, and a little more. A writer may wait for others,
    /// or make an index of all that there is.
    const fn longest(self) -> Option<Duration> {
        match self {
            Self::Reader => Some(Duration::from_secs(35)),
            Self::Writer => None,
        }
    }

    const fn begin(self) -> &'static str {
        match self {
            Self::Reader => "begin isolation level repeatable read read only",
            Self::Writer => "begin isolation level read committed read write",
        }
    }
}

/// A statement is prepared again after so many uses, and that many times as many: the server keeps the plan that it
/// settles on after five, and on a table that was empty until then the plan may be one that reads all of it.
const USES_BETWEEN: u32 = 8;

struct Prepared {
    statement: Statement,
    uses: u32,
    again_at: u32,
}

/// One connection and the statements prepared on it.
pub struct Session {
    client: Client,
    prepared: HashMap<String, Prepared>,
    in_transaction: bool,
    broken: bool,
    silent: bool,
}

impl Session {
    pub fn open(config: &Config, role: Role) -> Result<Self, StoreError> {
        let client = Client::connect(config, role.longest()).map_err(|fault| gone(&explain(&fault)))?;
        let mut session =
            Self { client, prepared: HashMap::new(), in_transaction: false, broken: false, silent: false };
        session.run(role.settings())?;
        Ok(session)
    }

    /// Refuses a server or a database on which the schema would not mean what it says.
    pub fn check(&mut self) -> Result<(), StoreError> {
        let sql = "select current_setting('server_version_num')::bigint, current_setting('server_version'),
            current_setting('server_encoding')";
        let row = self.client.query_one(sql).map_err(|fault| refused(sql, &fault))?;
        let (number, version, encoding): (i64, String, String) = (row.get(0), row.get(1), row.get(2));
        if number < VERSION_LOWEST {
            return Err(StoreError::Schema(format!(
                "the server is postgresql {version}, 15 or later is needed"
            )));
        }
        if encoding != "UTF8" {
            let reason = format!("the database is in {encoding}, create it with encoding 'UTF8'");
            return Err(StoreError::Schema(reason));
        }
        Ok(())
    }

    pub const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs statements that take no parameters.
    pub fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        let result = self.client.batch_execute(sql);
        result.map_err(|fault| self.failed(sql, &fault))
    }

    pub fn begin(&mut self, role: Role) -> Result<(), StoreError> {
        if self.broken {
            return Err(gone("the connection was lost; reconnect first"));
        }
        self.run(role.begin())?;
        self.in_transaction = true;
        Ok(())
    }

    /// Ends the transaction by `commit` or `rollback`; afterwards there is none, whatever the answer.
    pub fn end(&mut self, how: &str) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.in_transaction) {
            return Ok(());
        }
        if self.broken {
            // It ended with the connection, and nobody should wait for that once more.
            return Err(gone("the connection was lost"));
        }
        self.run(how).inspect_err(|_| self.broken = true)
    }

    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether it broke because nothing was heard of the server.
    pub const fn is_silent(&self) -> bool {
        self.silent
    }

    /// The statement prepared for parameters of these types. [`Type::UNKNOWN`] leaves the type to the server.
    pub fn prepare(&mut self, sql: &str, types: &[Type]) -> Result<Statement, StoreError> {
        let mut key = String::with_capacity(sql.len() + 1 + types.len());
        key.push_str(sql);
        key.push('\0');
        key.extend(types.iter().map(|kind| match *kind {
            Type::INT8 => 'i',
            Type::TEXT => 't',
            Type::BYTEA => 'b',
            _ => '?',
        }));
        let mut again_at = USES_BETWEEN;
        if let Some(known) = self.prepared.get_mut(&key) {
            known.uses = known.uses.saturating_add(1);
            if known.uses < known.again_at {
                return Ok(known.statement.clone());
            }
            again_at = known.again_at.saturating_mul(USES_BETWEEN);
        }
        if !types.is_empty() && !mentions(sql, types.len()) {
            // The server takes a parameter that stands nowhere; more likely a statement and its call grew apart.
            let reason = format!("{} parameters were given, the last of them is not used", types.len());
            return Err(StoreError::Statement { engine: ENGINE, statement: sql.to_owned(), reason });
        }
        let result = self.client.prepare_typed(sql, types);
        let statement = result.map_err(|fault| self.failed(sql, &fault))?;
        if sql.len() > KEPT_STATEMENT_BYTES_MAX {
            return Ok(statement);
        }
        if self.prepared.len() >= STATEMENTS_KEPT {
            self.prepared.clear();
        }
        self.prepared.insert(key, Prepared { statement: statement.clone(), uses: 0, again_at });
        Ok(statement)
    }

    /// Turns the engine's error into the store's, and draws the consequences for this connection.
    pub fn failed(&mut self, sql: &str, fault: &Fault) -> StoreError {
        self.silent |= matches!(fault, Fault::Silent);
        let error = refused(sql, fault);
        match error {
            StoreError::Connection { .. } => self.broken = true,
            // A changed table makes prepared statements stale, and nothing in the error says which.
            _ => self.prepared.clear(),
        }
        error
    }
}

/// Whether `$number` stands in the statement.
fn mentions(sql: &str, number: usize) -> bool {
    let placeholder = format!("${number}");
    sql.match_indices(&placeholder)
        .any(|(at, _)| !sql[at + placeholder.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

fn gone(reason: &str) -> StoreError {
    StoreError::Connection { engine: ENGINE, reason: reason.to_owned() }
}

fn refused(sql: &str, fault: &Fault) -> StoreError {
    let code = match fault {
        Fault::Driver(error) => error.code(),
        Fault::Silent | Fault::Machine(_) => None,
    };
    let gave_way = [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
    let reason = format!("{}, at {sql:?}", explain(fault));
    if code == Some(&SqlState::DISK_FULL) {
        StoreError::Full { engine: ENGINE, reason }
    } else if is_lost(fault) {
        gone(&reason)
    } else if code.is_some_and(|code| gave_way.contains(code)) {
        StoreError::Contended { engine: ENGINE, reason }
    } else if code == Some(&SqlState::QUERY_CANCELED) {
        StoreError::Late(reason)
    } else {
        StoreError::Statement { engine: ENGINE, statement: sql.to_owned(), reason: explain(fault) }
    }
}

/// Whether nothing can follow on the connection.
fn is_lost(fault: &Fault) -> bool {
    let Fault::Driver(error) = fault else { return true };
    let Some(server) = error.as_db_error() else { return error.is_closed() || is_io(error) };
    server.code().code().starts_with("08")
        || [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW]
            .contains(server.code())
        || matches!(server.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

fn is_io(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// The server's message and code. Not its detail: that repeats values of the row.
fn explain(fault: &Fault) -> String {
    let error = match fault {
        Fault::Driver(error) => error,
        Fault::Silent => return "nothing is heard of it".to_owned(),
        Fault::Machine(error) => return error.to_string(),
    };
    if let Some(server) = error.as_db_error() {
        return format!("{} ({})", server.message(), server.code().code());
    }
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
