use store::{Engine, Insert, Param, Row, StoreError, Tx, Type, WriteTx};
use tokio_postgres::types::{ToSql, Type as PgType};

use crate::{
    ENGINE,
    params::{Found, Given, type_of},
    script,
    session::Session,
};

/// Rows that go in one statement of a bulk insert: enough to pay for the round trip, few enough to keep memory small.
const ROWS_AT_ONCE: usize = 1_000;
/// Any number that no other user of the database takes for its own locks.
const SCHEMA_LOCK: &str = "select pg_advisory_xact_lock(7294711350)";

/// The transaction that is open on a session. A refused statement ends it: nothing can follow but a rollback.
pub struct PostgresTx<'s> {
    session: &'s mut Session,
    failed: bool,
}

impl<'s> PostgresTx<'s> {
    pub const fn new(session: &'s mut Session) -> Self {
        Self { session, failed: false }
    }

    /// Runs `work`, and remembers that it failed. The server would answer a commit after a failure by rolling
    /// back without an error, so it must not be asked.
    fn guard<T>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&mut Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.failed {
            return Err(refusal(sql, "an earlier statement of the transaction failed"));
        }
        let result = work(self.session);
        self.failed = result.is_err();
        result
    }
}

impl Tx for PostgresTx<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.guard(sql, |session| {
            let given: Vec<Given<'_>> = params.iter().copied().map(Given).collect();
            let statement = prepare(session, sql, params)?;
            let rows = session.client().query(&statement, &references(&given));
            rows.map_err(|fault| session.failed(sql, &fault))?.iter().map(read).collect()
        })
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.guard(sql, |session| {
            let given: Vec<Given<'_>> = params.iter().copied().map(Given).collect();
            let statement = prepare(session, sql, params)?;
            let touched = session.client().execute(&statement, &references(&given));
            touched.map_err(|fault| session.failed(sql, &fault))
        })
    }

    fn insert_many(&mut self, insert: &Insert, cells: &[Param<'_>]) -> Result<(), StoreError> {
        let sql = unnest(insert);
        self.guard(&sql, |session| {
            let width = insert.columns.len().max(1);
            if !cells.len().is_multiple_of(width) {
                return Err(refusal(&sql, "the last row is not complete"));
            }
            for rows in cells.chunks(width * ROWS_AT_ONCE) {
                let columns = transpose(insert, rows, &sql)?;
                let arrays: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|column| &**column as _).collect();
                let statement = session.prepare(&sql, &[])?;
                let done = session.client().execute(&statement, &arrays);
                done.map_err(|fault| session.failed(&sql, &fault))?;
            }
            Ok(())
        })
    }

    fn run_script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.guard(sql, |session| session.run(&script::translate(sql)))
    }

    fn lock_schema(&mut self) -> Result<(), StoreError> {
        self.guard(SCHEMA_LOCK, |session| session.run(SCHEMA_LOCK))
    }

    fn engine(&self) -> Engine {
        Engine::Postgres
    }
}

impl WriteTx for PostgresTx<'_> {
    fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.guard("commit", |session| session.end("commit"))
    }

    fn as_tx(&mut self) -> &mut dyn Tx {
        self
    }
}

impl Drop for PostgresTx<'_> {
    fn drop(&mut self) {
        // If it fails, the session knows that it is broken, and the next begin says so.
        self.session.end("rollback").ok();
    }
}

fn prepare(
    session: &mut Session,
    sql: &str,
    params: &[Param<'_>],
) -> Result<tokio_postgres::Statement, StoreError> {
    let types: Vec<PgType> = params.iter().copied().map(type_of).collect();
    let statement = session.prepare(sql, &types)?;
    let wanted = statement.params().len();
    if wanted != params.len() {
        return Err(refusal(sql, &format!("{} parameters were given for {wanted}", params.len())));
    }
    Ok(statement)
}

fn references<'a>(given: &'a [Given<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    given.iter().map(|param| param as _).collect()
}

fn read(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let cell = |column| match row.try_get::<_, Found>(column) {
        Ok(Found::Value(value)) => Ok(value),
        Ok(Found::Foreign(found)) => {
            Err(StoreError::Shape { column, found, expected: "bigint, text or bytea" })
        }
        Err(_) => {
            Err(StoreError::Shape { column, found: "malformed bytes", expected: "bigint, text or bytea" })
        }
    };
    (0..row.len()).map(cell).collect::<Result<_, _>>().map(Row)
}

/// One array a column. Unlike COPY it allows `on conflict`, and it is as fast.
fn unnest(insert: &Insert) -> String {
    let names: Vec<&str> = insert.columns.iter().map(|(name, _)| *name).collect();
    let array = |(index, (_, kind)): (usize, &(&str, Type))| {
        let kind = match kind {
            Type::Int => "bigint",
            Type::Text => "text",
            Type::Blob => "bytea",
        };
        format!("${}::{kind}[]", index + 1)
    };
    let arrays: Vec<String> = insert.columns.iter().enumerate().map(array).collect();
    let (table, names, arrays, then) = (insert.table, names.join(", "), arrays.join(", "), insert.then);
    format!("insert into {table} ({names}) select * from unnest({arrays}) {then}")
}

type Column<'a> = Box<dyn ToSql + Sync + 'a>;

fn transpose<'a>(insert: &Insert, cells: &[Param<'a>], sql: &str) -> Result<Vec<Column<'a>>, StoreError> {
    let width = insert.columns.len();
    let column = |(index, (name, kind)): (usize, &(&str, Type))| -> Result<Column<'a>, StoreError> {
        let cells = cells.iter().skip(index).step_by(width);
        let misfit = || refusal(sql, &format!("the value for {name} is not of its type"));
        Ok(match kind {
            Type::Int => Box::new(collect(cells, misfit, |cell| match cell {
                Param::Int(number) => Some(number),
                _ => None,
            })?),
            Type::Text => Box::new(collect(cells, misfit, |cell| match cell {
                Param::Text(text) => Some(text),
                _ => None,
            })?),
            Type::Blob => Box::new(collect(cells, misfit, |cell| match cell {
                Param::Blob(bytes) => Some(bytes),
                _ => None,
            })?),
        })
    };
    insert.columns.iter().enumerate().map(column).collect()
}

fn collect<'c, 'a: 'c, T>(
    cells: impl Iterator<Item = &'c Param<'a>>,
    misfit: impl Fn() -> StoreError,
    take: impl Fn(Param<'a>) -> Option<T>,
) -> Result<Vec<Option<T>>, StoreError> {
    let value = |cell: &Param<'a>| match *cell {
        Param::Null => Ok(None),
        cell => take(cell).map(Some).ok_or_else(&misfit),
    };
    cells.map(value).collect()
}

fn refusal(sql: &str, reason: &str) -> StoreError {
    StoreError::Statement { engine: ENGINE, statement: sql.to_owned(), reason: reason.to_owned() }
}
