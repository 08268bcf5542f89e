use std::collections::HashMap;

use postgres::{Client, Config, NoTls, Statement, error::SqlState, types::Type};
use store::StoreError;

use crate::ENGINE;

/// The most statements that one connection keeps prepared; then it starts anew.
const STATEMENTS_KEPT: usize = 512;
const VERSION_LOWEST: i64 = 150_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Reader,
    Writer,
}

impl Role {
    /// A commit waits for the disk whatever the server's default is; a page that reads for longer than
    /// 30 seconds is given up.
    const fn settings(self) -> &'static str {
        match self {
            Self::Reader => "set application_name = 'taizhang reader'; set statement_timeout = '30s'",
            Self::Writer => "set application_name = 'taizhang writer'; set synchronous_commit = on",
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
    /// Present until dropped.
    client: Option<Client>,
    prepared: HashMap<String, Prepared>,
    in_transaction: bool,
    broken: bool,
}

impl Session {
    pub fn open(config: &Config, role: Role) -> Result<Self, StoreError> {
        let client = config.connect(NoTls).map_err(|error| unreachable(&error))?;
        let mut session =
            Self { client: Some(client), prepared: HashMap::new(), in_transaction: false, broken: false };
        session.run(role.settings())?;
        Ok(session)
    }

    /// Refuses a server or a database on which the schema would not mean what it says.
    pub fn check(&mut self) -> Result<(), StoreError> {
        let sql = "select current_setting('server_version_num')::bigint, current_setting('server_version'),
            current_setting('server_encoding')";
        let row = self.client()?.query_one(sql, &[]).map_err(|error| refused(sql, &error))?;
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

    pub fn client(&mut self) -> Result<&mut Client, StoreError> {
        self.client.as_mut().ok_or_else(|| gone("the connection is closed"))
    }

    /// Runs statements that take no parameters.
    pub fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        let result = self.client()?.batch_execute(sql);
        result.map_err(|error| self.failed(sql, &error))
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
        self.run(how).inspect_err(|_| self.broken = true)
    }

    pub const fn is_broken(&self) -> bool {
        self.broken
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
        let result = self.client()?.prepare_typed(sql, types);
        let statement = result.map_err(|error| self.failed(sql, &error))?;
        if self.prepared.len() >= STATEMENTS_KEPT {
            self.prepared.clear();
        }
        self.prepared.insert(key, Prepared { statement: statement.clone(), uses: 0, again_at });
        Ok(statement)
    }

    /// Turns the engine's error into the store's, and draws the consequences for this connection.
    pub fn failed(&mut self, sql: &str, error: &postgres::Error) -> StoreError {
        let error = refused(sql, error);
        match error {
            StoreError::Connection { .. } => self.broken = true,
            // A changed table makes prepared statements stale, and nothing in the error says which.
            _ => self.prepared.clear(),
        }
        error
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The client owns a runtime, which must not be dropped on a thread of another one.
        if let Some(client) = self.client.take() {
            std::thread::spawn(move || drop(client));
        }
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

fn unreachable(error: &postgres::Error) -> StoreError {
    gone(&explain(error))
}

fn refused(sql: &str, error: &postgres::Error) -> StoreError {
    let lost = match error.code() {
        None => error.is_closed() || is_io(error),
        Some(code) => {
            code.code().starts_with("08")
                || [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW]
                    .contains(code)
        }
    };
    let gave_way = [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
    if error.code() == Some(&SqlState::DISK_FULL) {
        StoreError::Full { engine: ENGINE, reason: format!("{}, at {sql:?}", explain(error)) }
    } else if lost {
        gone(&format!("{}, at {sql:?}", explain(error)))
    } else if error.code().is_some_and(|code| gave_way.contains(code)) {
        StoreError::Contended { engine: ENGINE, reason: format!("{}, at {sql:?}", explain(error)) }
    } else {
        StoreError::Statement { engine: ENGINE, statement: sql.to_owned(), reason: explain(error) }
    }
}

fn is_io(error: &postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// The server's message and code. Not its detail: that repeats values of the row.
fn explain(error: &postgres::Error) -> String {
    if let Some(server) = error.as_db_error() {
        return format!("{} ({})", server.message(), server.code().code());
    }
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
