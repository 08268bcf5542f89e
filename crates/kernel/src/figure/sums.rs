//! Sums as they are kept, and how they are read: whatever the period, of few rows a book.

use std::collections::{BTreeMap, HashMap};

use base::limits::{FIGURE_AMOUNT_LARGE, FIGURE_SUM_MAX};
use base::{BookId, Day, Month};
use figures::{CellKey, Cells, Contributions, Figure, Parts, Period, Sums};
use store::{Param, StoreError, Tx, placeholders};

use crate::line::Lines;
use crate::schema::{ADD_TO_CELL, ADD_TO_MONTH, ADD_TO_STANDING};

/// Adds what a group of entries changed.
pub(crate) fn add(tx: &mut dyn Tx, sums: &Sums) -> Result<(), StoreError> {
    let mut params = Vec::with_capacity(sums.days.len() * ADD_TO_CELL.columns.len());
    for (CellKey { book, figure, day, dimension }, amount) in &sums.days {
        params.extend([
            Param::Text(book.as_str()),
            Param::Text(figure),
            Param::Int(i64::from(day.0)),
            Param::Text(dimension),
            Param::Int(*amount),
        ]);
    }
    tx.insert_many(&ADD_TO_CELL, &params)?;
    let mut params = Vec::with_capacity(sums.months.len() * ADD_TO_MONTH.columns.len());
    for ((book, figure, dimension, month), amount) in &sums.months {
        params.extend([
            Param::Text(book.as_str()),
            Param::Text(figure),
            Param::Text(dimension),
            Param::Int(i64::from(month.0)),
            Param::Int(*amount),
        ]);
    }
    tx.insert_many(&ADD_TO_MONTH, &params)?;
    let mut params = Vec::with_capacity(sums.standing.len() * ADD_TO_STANDING.columns.len());
    for ((book, figure, dimension), amount) in &sums.standing {
        params.extend([
            Param::Text(book.as_str()),
            Param::Text(figure),
            Param::Text(dimension),
            Param::Int(*amount),
        ]);
    }
    tx.insert_many(&ADD_TO_STANDING, &params)
}

/// Whether an entry adds so much that its sums are asked whether they have room for it.
pub(crate) fn is_large(contributions: &Contributions) -> bool {
    large(contributions).next().is_some()
}

fn large(contributions: &Contributions) -> impl Iterator<Item = (&'static str, i64)> {
    contributions.totals().into_iter().filter(|(_, amount)| amount.abs() >= FIGURE_AMOUNT_LARGE)
}

/// A figure of which an entry adds more than the sums of its book have room for, if there is one. What is not in the sums yet
/// is pending.
pub(crate) fn beyond(
    tx: &mut dyn Tx,
    (book, day): (&BookId, Day),
    contributions: &Contributions,
    pending: [&Cells; 2],
    is_state: impl Fn(&str) -> bool,
) -> Result<Option<&'static str>, StoreError> {
    const DAY: &str =
        "select amount from cell where book = $1 and figure = $2 and day = $3 and dimension = ''";
    const MONTH: &str =
        "select amount from cell_month where book = $1 and figure = $2 and dimension = '' and month = $3";
    const STANDING: &str =
        "select amount from cell_standing where book = $1 and figure = $2 and dimension = ''";
    for (figure, amount) in large(contributions) {
        let pending = |is_in: &dyn Fn(Day) -> bool| {
            pending.iter().fold(0, |sum: i64, cells| sum.saturating_add(cells.total(book, figure, is_in)))
        };
        let month = day.month();
        let mut sums: Vec<(i64, i64, &str, Option<i32>)> = vec![
            (FIGURE_SUM_MAX, pending(&|of| of == day), DAY, Some(day.0)),
            (FIGURE_SUM_MAX, pending(&|of| of.month() == month), MONTH, Some(month.0)),
        ];
        if is_state(figure) {
            sums.push((10 * FIGURE_SUM_MAX, pending(&|_| true), STANDING, None));
        }
        for (most, pending, sql, at) in sums {
            let mut params = vec![Param::Text(book.as_str()), Param::Text(figure)];
            params.extend(at.map(|at| Param::Int(i64::from(at))));
            let kept = tx.query_one(sql, &params)?.map_or(Ok(0), |row| row.int(0))?;
            let before = kept.saturating_add(pending);
            if before.saturating_add(amount).abs() > most && amount.signum() == before.signum() {
                return Ok(Some(figure));
            }
        }
    }
    Ok(None)
}

/// Fills the sums of months and of what stands from the cells of a database that was made before they were kept.
pub(crate) fn fill(tx: &mut dyn Tx, lines: &Lines) -> Result<(), StoreError> {
    if tx.query_one("select month from cell_month limit 1", &[])?.is_some() {
        return Ok(());
    }
    for figure in lines.iter().flat_map(|line| line.figures()) {
        let total = if figure.state { "" } else { "and dimension = ''" };
        let sql = format!("select book, day, dimension, amount from cell where figure = $1 {total}");
        let mut sums = Sums::default();
        for row in tx.query(&sql, &[Param::Text(figure.name)])? {
            let book = crate::registry::id(BookId::new(row.text(0)?))?;
            let (month, dimension, amount) =
                (day(row.int(1)?)?.month(), row.text(2)?.to_owned(), row.int(3)?);
            let key = (book.clone(), figure.name, dimension.clone(), month);
            *sums.months.entry(key).or_default() += amount;
            if figure.state {
                *sums.standing.entry((book, figure.name, dimension)).or_default() += amount;
            }
        }
        add(tx, &sums)?;
    }
    Ok(())
}

pub(super) fn day(value: i64) -> Result<Day, StoreError> {
    i32::try_from(value).map(Day).map_err(|_| StoreError::Schema("a day is out of range".into()))
}

/// Books, and days, that one statement names.
pub(super) const BOOKS: usize = 200;
const DAYS: usize = 400;

/// What is asked: a figure, of some books, in one dimension.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub figure: &'static Figure,
    pub books: &'a [BookId],
    /// Empty for the total, or `name=value`.
    pub dimension: &'a str,
}

/// The sum of each book, in the order of the books.
pub(crate) fn by_book(tx: &mut dyn Tx, asked: Asked<'_>, period: Period) -> Result<Vec<i64>, StoreError> {
    let mut sums: HashMap<String, i64> = HashMap::new();
    let mut add = |rows: Vec<store::Row>, sign: i64| {
        for row in rows {
            let sum = sums.entry(row.text(0)?.to_owned()).or_default();
            *sum = sum.saturating_add(sign.saturating_mul(row.int(1)?));
        }
        Ok::<_, StoreError>(())
    };
    for books in asked.books.chunks(BOOKS) {
        let asked = Asked { books, ..asked };
        if asked.figure.state {
            // What stands now, less the changes after the day.
            let month = period.to.month();
            let later = (period.to.0 + 1..=month.last_day().0).map(Day).collect::<Vec<_>>();
            add(standing(tx, asked)?, 1)?;
            add(months(tx, asked, "book", month.plus(1), Month(i32::MAX))?, -1)?;
            add(days(tx, asked, "book", &later)?, -1)?;
            continue;
        }
        let parts = flow_parts(asked, period);
        if let Some((first, last)) = parts.months {
            add(months(tx, asked, "book", first, last)?, 1)?;
        }
        for some in parts.days.chunks(DAYS) {
            add(days(tx, asked, "book", some)?, 1)?;
        }
    }
    Ok(asked.books.iter().map(|book| sums.get(book.as_str()).copied().unwrap_or_default()).collect())
}

/// Of flows, months are kept of the total alone.
fn flow_parts(asked: Asked<'_>, period: Period) -> Parts {
    match asked.dimension.is_empty() {
        true => period.parts(),
        false => Parts { months: None, days: (period.from.0..=period.to.0).map(Day).collect() },
    }
}

/// The changes of each day of a period that has any.
pub(crate) fn by_day(
    tx: &mut dyn Tx,
    asked: Asked<'_>,
    period: Period,
) -> Result<BTreeMap<Day, i64>, StoreError> {
    let all: Vec<Day> = (period.from.0..=period.to.0).map(Day).collect();
    let mut sums: BTreeMap<Day, i64> = BTreeMap::new();
    for books in asked.books.chunks(BOOKS) {
        for some in all.chunks(DAYS) {
            for row in days(tx, Asked { books, ..asked }, "day", some)? {
                let sum = sums.entry(day(row.int(0)?)?).or_default();
                *sum = sum.saturating_add(row.int(1)?);
            }
        }
    }
    Ok(sums)
}

/// The changes of each month of a period that has any; the first and the last month may be partly outside.
pub(crate) fn by_month(
    tx: &mut dyn Tx,
    asked: Asked<'_>,
    period: Period,
) -> Result<BTreeMap<Month, i64>, StoreError> {
    let parts = if asked.figure.state { period.parts() } else { flow_parts(asked, period) };
    let mut sums: BTreeMap<Month, i64> = BTreeMap::new();
    for books in asked.books.chunks(BOOKS) {
        let asked = Asked { books, ..asked };
        if let Some((first, last)) = parts.months {
            for row in months(tx, asked, "month", first, last)? {
                let sum = sums.entry(month(row.int(0)?)?).or_default();
                *sum = sum.saturating_add(row.int(1)?);
            }
        }
        for some in parts.days.chunks(DAYS) {
            for row in days(tx, asked, "day", some)? {
                let sum = sums.entry(day(row.int(0)?)?.month()).or_default();
                *sum = sum.saturating_add(row.int(1)?);
            }
        }
    }
    Ok(sums)
}

/// The month in which the total of a figure first changed.
pub(super) fn first_month(
    tx: &mut dyn Tx,
    figure: &'static Figure,
    books: &[BookId],
) -> Result<Option<Month>, StoreError> {
    let mut first: Option<i64> = None;
    for books in books.chunks(BOOKS) {
        let sql = format!(
            "select min(month) from cell_month where figure = $1 and dimension = $2 and book in ({})",
            placeholders(3, books.len())
        );
        let row = tx.query_one(&sql, &params(Asked { figure, books, dimension: "" }, &[]))?;
        let month = row.map_or(Ok(None), |row| row.int_or_null(0))?;
        first = [first, month].into_iter().flatten().min();
    }
    first.map(month).transpose()
}

fn month(value: i64) -> Result<Month, StoreError> {
    i32::try_from(value).map(Month).map_err(|_| StoreError::Schema("a month is out of range".into()))
}

fn standing(tx: &mut dyn Tx, asked: Asked<'_>) -> Result<Vec<store::Row>, StoreError> {
    let sql = format!(
        "select book, amount from cell_standing where figure = $1 and dimension = $2 and book in ({})",
        placeholders(3, asked.books.len())
    );
    tx.query(&sql, &params(asked, &[]))
}

fn months(
    tx: &mut dyn Tx,
    asked: Asked<'_>,
    key: &str,
    first: Month,
    last: Month,
) -> Result<Vec<store::Row>, StoreError> {
    let sql = format!(
        "select {key}, cast(sum(amount) as bigint) from cell_month
         where figure = $1 and dimension = $2 and month >= $3 and month <= $4 and book in ({}) group by {key}",
        placeholders(5, asked.books.len())
    );
    tx.query(&sql, &params(asked, &[i64::from(first.0), i64::from(last.0)]))
}

/// Each day is looked up by itself, so that the other dimensions of the days between are not read.
fn days(tx: &mut dyn Tx, asked: Asked<'_>, key: &str, days: &[Day]) -> Result<Vec<store::Row>, StoreError> {
    if days.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {key}, cast(sum(amount) as bigint) from cell
         where figure = $1 and dimension = $2 and day in ({}) and book in ({}) group by {key}",
        placeholders(3, days.len()),
        placeholders(3 + days.len(), asked.books.len())
    );
    let days: Vec<i64> = days.iter().map(|day| i64::from(day.0)).collect();
    tx.query(&sql, &params(asked, &days))
}

fn params<'a>(asked: Asked<'a>, numbers: &[i64]) -> Vec<Param<'a>> {
    let mut params = vec![Param::Text(asked.figure.name), Param::Text(asked.dimension)];
    params.extend(numbers.iter().copied().map(Param::Int));
    params.extend(asked.books.iter().map(|book| Param::Text(book.as_str())));
    params
}

/// Amounts by the value of a dimension and by book.
pub(crate) type ByValue = BTreeMap<(String, String), i64>;

/// Values of a dimension, book by book, that a sum is broken down into.
pub const VALUES_MAX: usize = 200_000;

/// The parts of a sum by the values of a dimension, and by book; nothing if they are more than are told apart, of which no more are
/// read.
pub(crate) fn by_value(
    tx: &mut dyn Tx,
    asked: Asked<'_>,
    period: Period,
    dimension: &str,
) -> Result<Option<ByValue>, StoreError> {
    const STANDING: &str = "select book, dimension, amount from cell_standing where figure = $1
        and dimension >= $2 and dimension < $3";
    const LATER_MONTHS: &str =
        "select book, dimension, cast(sum(amount) as bigint) from cell_month where figure = $1
        and dimension >= $2 and dimension < $3 and month > $4";
    const DAYS: &str = "select book, dimension, cast(sum(amount) as bigint) from cell where figure = $1
        and dimension >= $2 and dimension < $3 and day >= $4 and day <= $5";
    let (from, below) = (format!("{dimension}="), format!("{dimension}>"));
    let mut sums = ByValue::new();
    let mut add = |sql: &str, sign: i64, numbers: &[i64], group: &str, tx: &mut dyn Tx, books: &[BookId]| {
        let books_of = placeholders(4 + numbers.len(), books.len());
        let sql = format!("{sql} and book in ({books_of}) {group} limit {}", VALUES_MAX + 1);
        let mut params = vec![Param::Text(asked.figure.name), Param::Text(&from), Param::Text(&below)];
        params.extend(numbers.iter().copied().map(Param::Int));
        params.extend(books.iter().map(|book| Param::Text(book.as_str())));
        let rows = tx.query(&sql, &params)?;
        for row in &rows {
            let value = row.text(1)?.get(from.len()..).unwrap_or_default().to_owned();
            let sum = sums.entry((value, row.text(0)?.to_owned())).or_default();
            *sum = sum.saturating_add(sign * row.int(2)?);
        }
        Ok::<_, StoreError>(rows.len().max(sums.len()) <= VALUES_MAX)
    };
    let group = "group by book, dimension";
    for books in asked.books.chunks(BOOKS) {
        let is_all = if asked.figure.state {
            let month = period.to.month();
            let (after, last) = (i64::from(period.to.0) + 1, i64::from(month.last_day().0));
            add(STANDING, 1, &[], "", tx, books)?
                && add(LATER_MONTHS, -1, &[i64::from(month.0)], group, tx, books)?
                && add(DAYS, -1, &[after, last], group, tx, books)?
        } else {
            add(DAYS, 1, &[i64::from(period.from.0), i64::from(period.to.0)], group, tx, books)?
        };
        if !is_all {
            return Ok(None);
        }
    }
    sums.retain(|_, amount| *amount != 0);
    Ok(Some(sums))
}
