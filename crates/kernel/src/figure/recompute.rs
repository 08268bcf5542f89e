//! Whether a figure is what it claims to be: the sum of its entries, added up anew beside the sum that is kept.

use std::collections::BTreeMap;

use base::{BookId, Day, Month};
use figures::{Figure, Period};
use store::{Param, StoreError, Tx, placeholders};

use super::FigureError;
use super::sums::{self, Asked};
use crate::{Kernel, entries};

/// Entries that are read to recompute one figure; more are left to narrower questions.
pub const RECOMPUTED_ENTRIES_MAX: usize = 10_000;

/// A figure added up anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recomputed {
    /// The days whose entries were read: as many of those asked for, from the first on, as are not too many.
    pub period: Period,
    pub entries: usize,
    /// Of a state, what it stood at before these days, as it is kept.
    pub opening: i64,
    /// The opening, and what the entries of these days contribute.
    pub sum: i64,
    /// The sum that is kept.
    pub kept: i64,
}

/// How far a book has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookSize {
    pub book: BookId,
    pub entries: u64,
    /// Entries under the latest checkpoint that was signed and kept.
    pub signed: Option<u64>,
}

impl Kernel {
    /// Adds up a sum anew from its entries. `None` where those of the first day are too many already.
    ///
    /// A state is recomputed from the start if its entries are not too many, else from the first of the days on.
    pub fn recomputed(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Option<Recomputed>, FigureError> {
        let figure = self.definition(name, dimension)?;
        let asked = Asked { figure, books, dimension };
        Ok(self.read(|tx| {
            let Some(period) = within_reach(tx, figure, books, period)? else { return Ok(None) };
            let before = Period::on(period.from.plus(-1));
            let opening = if figure.state { total(tx, asked, before)? } else { 0 };
            let (mut entries, mut sum) = (0, opening);
            for book in books {
                for kind in figure.kinds {
                    self.add_up(tx, asked, (book, kind), period, &mut |amount| {
                        entries += 1;
                        sum += amount;
                    })?;
                }
            }
            Ok(Some(Recomputed { period, entries, opening, sum, kept: total(tx, asked, period)? }))
        })?)
    }

    fn add_up(
        &self,
        tx: &mut dyn Tx,
        asked: Asked<'_>,
        (book, kind): (&BookId, &str),
        period: Period,
        add: &mut dyn FnMut(i64),
    ) -> Result<(), StoreError> {
        const ROWS: usize = 500;
        let days = (i64::from(period.from.0), i64::from(period.to.0));
        let mut after = (i64::MIN, -1);
        loop {
            let rows = entries::of_kind(tx, book, kind, days, after, ROWS)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = (i64::from(last.day.0), last.entry.seq.to_i64());
            for stored in &rows {
                let amount = self.contributed(&stored.entry, asked.figure, asked.dimension);
                if amount != 0 {
                    add(amount);
                }
            }
        }
    }

    /// How far each of some books has come, in their order; books that hold nothing yet are left out.
    pub fn book_sizes(&self, books: &[BookId]) -> Result<Vec<BookSize>, StoreError> {
        const SIZE: &str = "select book.size, max(checkpoint.size) from book
            left join checkpoint on checkpoint.book = book.book where book.book = $1 group by book.size";
        self.read(|tx| {
            let mut sizes = Vec::new();
            for book in books {
                if let Some(row) = tx.query_one(SIZE, &[Param::Text(book.as_str())])? {
                    let (entries, signed) = (row.int(0)?.cast_unsigned(), row.int_or_null(1)?);
                    sizes.push(BookSize {
                        book: book.clone(),
                        entries,
                        signed: signed.map(i64::cast_unsigned),
                    });
                }
            }
            Ok(sizes)
        })
    }
}

fn total(tx: &mut dyn Tx, asked: Asked<'_>, period: Period) -> Result<i64, StoreError> {
    Ok(super::total(sums::by_book(tx, asked, period)?))
}

/// The days whose entries can be read.
fn within_reach(
    tx: &mut dyn Tx,
    figure: &'static Figure,
    books: &[BookId],
    period: Period,
) -> Result<Option<Period>, StoreError> {
    if figure.state
        && let Some(first) = sums::first_month(tx, figure, books)?
    {
        let whole = Period { from: first.first_day().min(period.from), ..period };
        if last_within(tx, figure, books, whole)? == Some(whole.to) {
            return Ok(Some(whole));
        }
    }
    Ok(last_within(tx, figure, books, period)?.map(|to| Period { to, ..period }))
}

/// The last day up to which the entries of the figure's kinds are not too many. Runs may hold others between, so that
/// some may be left out that could have been read.
fn last_within(
    tx: &mut dyn Tx,
    figure: &Figure,
    books: &[BookId],
    period: Period,
) -> Result<Option<Day>, StoreError> {
    let most = i64::try_from(RECOMPUTED_ENTRIES_MAX).unwrap_or(i64::MAX);
    let mut sum = 0;
    // Month by month: what lies behind the last day is not looked at.
    for month in (period.from.month().0..=period.to.month().0).map(Month) {
        let part = Period::new(month.first_day().max(period.from), month.last_day().min(period.to));
        for (day, count) in counts(tx, figure, books, part)? {
            sum += count;
            if sum > most {
                let before = day.plus(-1);
                return Ok((before >= period.from).then_some(before));
            }
        }
    }
    Ok(Some(period.to))
}

/// Entries of the figure's kinds on each day, at most.
fn counts(
    tx: &mut dyn Tx,
    figure: &Figure,
    books: &[BookId],
    period: Period,
) -> Result<BTreeMap<Day, i64>, StoreError> {
    let mut by_day = BTreeMap::new();
    for books in books.chunks(sums::BOOKS) {
        let sql = format!(
            "select day, cast(sum(last_seq - first_seq + 1) as bigint) from run
             where day >= $1 and day <= $2 and kind in ({}) and book in ({}) group by day",
            placeholders(3, figure.kinds.len()),
            placeholders(3 + figure.kinds.len(), books.len())
        );
        let mut params = vec![Param::Int(i64::from(period.from.0)), Param::Int(i64::from(period.to.0))];
        params.extend(figure.kinds.iter().map(|kind| Param::Text(kind)));
        params.extend(books.iter().map(|book| Param::Text(book.as_str())));
        for row in tx.query(&sql, &params)? {
            *by_day.entry(sums::day(row.int(0)?)?).or_default() += row.int(1)?;
        }
    }
    Ok(by_day)
}
