//! Contracts, months and payments.

use base::{BookId, Day, Fen, Seq, Time};
use serde::Serialize;
use store::{Param, Row, StoreError, Tx};

use super::{count, day, owned};
use crate::kinds::Month;

/// A contract and what was paid under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Contract {
    pub contract: String,
    pub project: String,
    pub title: String,
    pub party: String,
    pub amount_fen: Fen,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    #[schema(value_type = u64)]
    pub seq: Seq,
}

fn contract_of(row: &Row) -> Result<Contract, StoreError> {
    Ok(Contract {
        contract: row.text(0)?.to_owned(),
        project: row.text(1)?.to_owned(),
        title: row.text(2)?.to_owned(),
        party: row.text(3)?.to_owned(),
        amount_fen: Fen(row.int(4)?),
        at: Time(row.int(5)?),
        seq: Seq::from_i64(row.int(6)?),
    })
}

pub fn contract(tx: &mut dyn Tx, book: &BookId, contract: &str) -> Result<Option<Contract>, StoreError> {
    const ONE: &str = "select contract, project, title, party, amount_fen, at, seq from projects_contract
        where book = $1 and contract = $2";
    let row = tx.query_one(ONE, &[Param::Text(book.as_str()), Param::Text(contract)])?;
    row.as_ref().map(contract_of).transpose()
}

/// The contracts of a project, the latest first.
pub fn contracts(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Vec<Contract>, StoreError> {
    const OF: &str = "select contract, project, title, party, amount_fen, at, seq from projects_contract
        where book = $1 and project = $2 order by at desc, seq desc";
    tx.query(OF, &[Param::Text(book.as_str()), Param::Text(project)])?.iter().map(contract_of).collect()
}

pub(crate) fn contracts_count(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<usize, StoreError> {
    const OF: &str = "select count(*) from projects_contract where book = $1 and project = $2";
    count(tx.query_one(OF, &[Param::Text(book.as_str()), Param::Text(project)])?)
}

/// What the contracts of a project come to.
pub fn contracts_sum(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Fen, StoreError> {
    const OF: &str = "select cast(coalesce(sum(amount_fen), 0) as bigint) from projects_contract
        where book = $1 and project = $2";
    let row = tx.query_one(OF, &[Param::Text(book.as_str()), Param::Text(project)])?;
    Ok(Fen(row.map(|row| row.int(0)).transpose()?.unwrap_or(0)))
}

/// A sum that has to be paid by a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub day: Day,
    pub amount_fen: Fen,
}

/// What has to be paid for a project, in the order of days.
pub fn instalments(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Vec<Due>, StoreError> {
    const OF: &str = "select day, amount_fen from projects_required
        where book = $1 and project = $2 order by day";
    let rows = tx.query(OF, &[Param::Text(book.as_str()), Param::Text(project)])?;
    rows.iter().map(|row| Ok(Due { day: day(row, 0)?, amount_fen: Fen(row.int(1)?) })).collect()
}

/// What was planned and invested in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MonthRow {
    pub month: Month,
    pub planned_fen: Fen,
    /// Whether the plan of the month was recorded as due.
    pub fell_due: bool,
    pub invested_fen: Fen,
}

fn month_of(row: &Row) -> Result<MonthRow, StoreError> {
    Ok(MonthRow {
        month: Month::of(day(row, 0)?),
        planned_fen: Fen(row.int(1)?),
        fell_due: row.int(2)? != 0,
        invested_fen: Fen(row.int(3)?),
    })
}

/// The months of a project for which anything was planned or invested, in order.
pub fn months(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Vec<MonthRow>, StoreError> {
    const OF: &str = "select month, planned_fen, fell_due, invested_fen from projects_month
        where book = $1 and project = $2 order by month";
    tx.query(OF, &[Param::Text(book.as_str()), Param::Text(project)])?.iter().map(month_of).collect()
}

/// Projects with a planned month that ended by a day and was not yet recorded as due.
pub(crate) fn projects_with_months_due(
    tx: &mut dyn Tx,
    book: &BookId,
    until: Day,
    after: &str,
    count: usize,
) -> Result<Vec<String>, StoreError> {
    let due = format!(
        "select distinct m.project from projects_month m
        join projects_project p on p.book = m.book and p.project = m.project
        where m.book = $1 and m.project > $3 and m.fell_due = 0 and m.planned_fen > 0 and m.month <= $2
        and p.withdrawn_at is null order by m.project limit {count}"
    );
    let last = Month::of(until.plus(1)).first_day().plus(-1);
    let params = [Param::Text(book.as_str()), Param::Int(i64::from(last.0)), Param::Text(after)];
    let rows = tx.query(&due, &params)?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// What was paid for a project.
pub(crate) fn paid(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Fen, StoreError> {
    const OF: &str = "select paid_fen from projects_tally where book = $1 and project = $2";
    let row = tx.query_one(OF, &[Param::Text(book.as_str()), Param::Text(project)])?;
    Ok(Fen(row.map(|row| row.int(0)).transpose()?.unwrap_or(0)))
}

pub(crate) fn payments_count(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<usize, StoreError> {
    const OF: &str = "select count(*) from projects_payment where book = $1 and project = $2";
    count(tx.query_one(OF, &[Param::Text(book.as_str()), Param::Text(project)])?)
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Payment {
    #[schema(value_type = u64)]
    pub seq: Seq,
    pub contract: Option<String>,
    pub amount_fen: Fen,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
}

/// The payments of a project, the latest first.
pub fn payments(tx: &mut dyn Tx, book: &BookId, project: &str) -> Result<Vec<Payment>, StoreError> {
    const OF: &str = "select seq, contract, amount_fen, at from projects_payment
        where book = $1 and project = $2 order by at desc, seq desc";
    let payment = |row: &Row| {
        Ok(Payment {
            seq: Seq::from_i64(row.int(0)?),
            contract: owned(row, 1)?,
            amount_fen: Fen(row.int(2)?),
            at: Time(row.int(3)?),
        })
    };
    tx.query(OF, &[Param::Text(book.as_str()), Param::Text(project)])?.iter().map(payment).collect()
}
