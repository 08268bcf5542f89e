use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Statement, types::ToSqlOutput, types::ValueRef};
use store::{
    Engine, Insert, KEPT_STATEMENT_BYTES_MAX, Param, Row, StoreError, Tx, Type, Value, WriteTx, placeholders,
};

use crate::{ENGINE, script};

/// How many steps of its machine SQLite takes from one look at the clock to the next.
const STEPS_A_LOOK: i32 = 100_000;

/// A transaction on one connection. As on PostgreSQL, a refused statement ends it: nothing can follow but a rollback.
pub struct SqliteTx<'c> {
    connection: &'c Connection,
    failed: bool,
    /// How long a query may take.
    query_time_max: Option<Duration>,
}

impl<'c> SqliteTx<'c> {
    pub fn begin(connection: &'c Connection, sql: &str) -> Result<Self, StoreError> {
        connection.execute_batch(sql).map_err(|error| refused(sql, &error))?;
        Ok(Self { connection, failed: false, query_time_max: None })
    }

    /// A transaction whose queries are ended after a time.
    pub fn for_reading(connection: &'c Connection, query_time_max: Duration) -> Result<Self, StoreError> {
        let mut tx = Self::begin(connection, "begin deferred")?;
        tx.query_time_max = Some(query_time_max);
        Ok(tx)
    }

    /// Runs `work`, and remembers that it failed.
    fn guard<T>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.failed {
            return Err(refusal(sql, "an earlier statement of the transaction failed"));
        }
        let result = work(self.connection);
        self.failed = result.is_err();
        result
    }
}

/// Runs a statement that is prepared, and keeps it for the next time unless it is long.
fn prepared<T>(
    connection: &Connection,
    sql: &str,
    run: impl FnOnce(&mut Statement<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    if sql.len() > KEPT_STATEMENT_BYTES_MAX {
        let mut statement = connection.prepare(sql).map_err(|error| refused(sql, &error))?;
        return run(&mut statement);
    }
    run(&mut *connection.prepare_cached(sql).map_err(|error| refused(sql, &error))?)
}

impl Tx for SqliteTx<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let time_max = self.query_time_max;
        self.guard(sql, |connection| {
            if let Some(time_max) = time_max {
                let begun = Instant::now();
                let is_over = move || begun.elapsed() > time_max;
                connection
                    .progress_handler(STEPS_A_LOOK, Some(is_over))
                    .map_err(|error| refused(sql, &error))?;
            }
            prepared(connection, sql, |statement| {
                bind(statement, sql, params)?;
                let columns = statement.column_count();
                let mut cursor = statement.raw_query();
                let mut rows = Vec::new();
                while let Some(row) = cursor.next().map_err(|error| refused(sql, &error))? {
                    let cell =
                        |column| read(column, row.get_ref(column).map_err(|error| refused(sql, &error))?);
                    rows.push(Row((0..columns).map(cell).collect::<Result<_, _>>()?));
                }
                Ok(rows)
            })
        })
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.guard(sql, |connection| {
            prepared(connection, sql, |statement| {
                bind(statement, sql, params)?;
                let touched = statement.raw_execute().map_err(|error| refused(sql, &error))?;
                Ok(touched as u64)
            })
        })
    }

    fn insert_many(&mut self, insert: &Insert, cells: &[Param<'_>]) -> Result<(), StoreError> {
        let width = insert.columns.len();
        let names: Vec<&str> = insert.columns.iter().map(|(name, _)| *name).collect();
        let (table, names, values, then) =
            (insert.table, names.join(", "), placeholders(1, width), insert.then);
        let sql = format!("insert into {table} ({names}) values ({values}) {then}");
        self.guard(&sql, |connection| {
            let rows = cells.chunks_exact(width.max(1));
            if !rows.remainder().is_empty() {
                return Err(refusal(&sql, "the last row is not complete"));
            }
            let mut statement = connection.prepare_cached(&sql).map_err(|error| refused(&sql, &error))?;
            for row in rows {
                for (index, (cell, (name, kind))) in row.iter().zip(insert.columns).enumerate() {
                    if !fits(*cell, *kind) {
                        return Err(refusal(&sql, &format!("the value for {name} is not of its type")));
                    }
                    bind_one(&mut statement, &sql, index + 1, *cell)?;
                }
                statement.raw_execute().map_err(|error| refused(&sql, &error))?;
            }
            Ok(())
        })
    }

    fn run_script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.guard(sql, |connection| {
            connection.execute_batch(&script::translate(sql)).map_err(|error| refused(sql, &error))
        })
    }

    fn engine(&self) -> Engine {
        Engine::Sqlite
    }
}

impl WriteTx for SqliteTx<'_> {
    fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.guard("commit", |connection| {
            connection.execute_batch("commit").map_err(|error| refused("commit", &error))
        })
    }

    fn as_tx(&mut self) -> &mut dyn Tx {
        self
    }
}

impl Drop for SqliteTx<'_> {
    fn drop(&mut self) {
        // Some errors (a full disk) roll back by themselves; then, and after a commit, there is nothing to undo.
        // If the rollback fails, the next `begin` on this connection fails and says so.
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("rollback").ok();
        }
    }
}

/// Binds `$n` to the n-th parameter. SQLite itself numbers `$n` by where it first stands.
fn bind(statement: &mut Statement<'_>, sql: &str, params: &[Param<'_>]) -> Result<(), StoreError> {
    let mut highest = 0;
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).unwrap_or("?");
        let number = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let param = number.and_then(|number| params.get(number.checked_sub(1)?).copied());
        let Some((number, param)) = number.zip(param) else {
            return Err(refusal(sql, &format!("there is no parameter for {name}")));
        };
        highest = highest.max(number);
        bind_one(statement, sql, index, param)?;
    }
    if highest < params.len() {
        return Err(refusal(sql, &format!("{} parameters were given for {highest}", params.len())));
    }
    Ok(())
}

fn bind_one(
    statement: &mut Statement<'_>,
    sql: &str,
    index: usize,
    param: Param<'_>,
) -> Result<(), StoreError> {
    let value = match param {
        Param::Null => ValueRef::Null,
        Param::Int(number) => ValueRef::Integer(number),
        // PostgreSQL cannot keep it, and SQLite's own functions would cut the text there.
        Param::Text(text) if text.as_bytes().contains(&0) => {
            return Err(refusal(sql, "a text holds a zero character"));
        }
        Param::Text(text) => ValueRef::Text(text.as_bytes()),
        Param::Blob(bytes) => ValueRef::Blob(bytes),
    };
    statement.raw_bind_parameter(index, ToSqlOutput::Borrowed(value)).map_err(|error| refused(sql, &error))
}

fn fits(cell: Param<'_>, kind: Type) -> bool {
    match cell {
        Param::Null => true,
        Param::Int(_) => kind == Type::Int,
        Param::Text(_) => kind == Type::Text,
        Param::Blob(_) => kind == Type::Blob,
    }
}

fn read(column: usize, value: ValueRef<'_>) -> Result<Value, StoreError> {
    let shape = |found| StoreError::Shape { column, found, expected: "an integer, text or bytes" };
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Ok(Value::Text(text.to_owned())),
            Err(_) => Err(shape("text that is not UTF-8")),
        },
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
        ValueRef::Real(_) => Err(shape("a floating point number")),
    }
}

fn refusal(sql: &str, reason: &str) -> StoreError {
    StoreError::Statement { engine: ENGINE, statement: sql.to_owned(), reason: reason.to_owned() }
}

/// A file that cannot be read or written any more is a lost connection: what a commit did is then unknown.
fn refused(sql: &str, error: &rusqlite::Error) -> StoreError {
    use ErrorCode::{
        CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, OperationInterrupted, SystemIoFailure,
    };
    match error.sqlite_error_code() {
        Some(SystemIoFailure | CannotOpen | DatabaseCorrupt | NotADatabase) => {
            StoreError::Connection { engine: ENGINE, reason: format!("{error}, at {sql:?}") }
        }
        Some(DiskFull) => StoreError::Full { engine: ENGINE, reason: format!("{error}, at {sql:?}") },
        Some(OperationInterrupted) => StoreError::Late(format!("{error}, at {sql:?}")),
        _ => refusal(sql, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn long_statements_are_not_kept() {
        let connection = Connection::open_in_memory().expect("a database");
        let mut tx = SqliteTx::begin(&connection, "begin immediate").expect("a transaction");
        tx.execute("create table thing (id integer)", &[]).expect("a table");
        for (bytes, is_kept) in [(KEPT_STATEMENT_BYTES_MAX, true), (KEPT_STATEMENT_BYTES_MAX + 1, false)] {
            for what in ["select id from thing -- ", "insert into thing (id) values (1) -- "] {
                let asked = format!("{what}{}", "x".repeat(bytes - what.len()));
                match what.starts_with("select") {
                    true => assert_eq!(tx.query(&asked, &[]).expect("rows").len(), usize::from(!is_kept)),
                    false => assert_eq!(tx.execute(&asked, &[]).expect("a row"), 1),
                }
                // One that was not kept is prepared anew here, and was never run.
                let again = connection.prepare_cached(&asked).expect("a statement");
                assert_eq!(again.get_status(StatementStatus::Run) > 0, is_kept, "{what}, {bytes} bytes");
                again.discard();
            }
        }
    }
}
