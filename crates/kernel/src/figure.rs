//! Reading figures: a value, a series, a breakdown, and the entries behind it.

use base::{BookId, Day};
use figures::{Contributions, Figure, Ratio};
use ledger::Entry;
use serde::Serialize;
use store::{Param, StoreError, Tx, placeholders};

use crate::Kernel;
use crate::entries::{self, Page};

/// The days that a figure is asked for, both ends included. A figure of state counts everything up to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    pub from: Day,
    pub to: Day,
}

/// Why a figure cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    #[error("there is no figure {0:?}")]
    Unknown(String),
    #[error("the figure {figure} has no dimension {dimension:?}")]
    Dimension { figure: &'static str, dimension: String },
    #[error("{0:?} is not the cursor of a page")]
    Cursor(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The value of a figure: a sum, or a ratio of two sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    Sum { amount: i64 },
    Ratio { numerator: i64, denominator: i64 },
}

/// One day of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Point {
    pub day: Day,
    pub amount: i64,
}

/// An entry behind a figure, and what it contributes.
#[derive(Debug, Clone)]
pub struct Behind {
    pub entry: Entry,
    pub day: Day,
    pub amount: i64,
}

/// Entries looked at for one page: bounds the time of a page whose filter matches little.
const SCAN_MAX: usize = 5_000;

impl Kernel {
    /// The value over some books. `dimension` is empty for the total, or `name=value`.
    pub fn figure(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Value, FigureError> {
        if let Some(Ratio { numerator, denominator, .. }) = self.lines().ratio(name) {
            let numerator = self.sum(numerator, books, period, dimension)?;
            let denominator = self.sum(denominator, books, period, dimension)?;
            return Ok(Value::Ratio { numerator, denominator });
        }
        self.sum(name, books, period, dimension).map(|amount| Value::Sum { amount })
    }

    /// The sum over some books.
    pub fn sum(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<i64, FigureError> {
        let figure = self.definition(name, dimension)?;
        Ok(self.read(|tx| sum(tx, figure, books, period, dimension))?)
    }

    /// A value a day. Of a figure of state, what it stood at; days without change repeat the day before.
    pub fn series(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<Point>, FigureError> {
        let figure = self.definition(name, dimension)?;
        let changes = self.read(|tx| by_day(tx, figure, books, period, dimension))?;
        let before = Period { from: Day(0), to: period.from.plus(-1) };
        let mut standing = if figure.state { self.sum(name, books, before, dimension)? } else { 0 };
        let mut changes = changes.into_iter().peekable();
        let mut points = Vec::new();
        for day in (period.from.0..=period.to.0).map(Day) {
            let change = changes.next_if(|point| point.day == day).map_or(0, |point| point.amount);
            standing = if figure.state { standing + change } else { change };
            points.push(Point { day, amount: standing });
        }
        Ok(points)
    }

    /// The parts of a sum by book; books without any are left out.
    pub fn by_book(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<(BookId, i64)>, FigureError> {
        let figure = self.definition(name, dimension)?;
        let each = |tx: &mut dyn Tx| {
            books
                .iter()
                .map(|book| {
                    Ok((book.clone(), sum(tx, figure, std::slice::from_ref(book), period, dimension)?))
                })
                .collect::<Result<Vec<_>, StoreError>>()
        };
        let mut parts = self.read(each)?;
        parts.retain(|(_, amount)| *amount != 0);
        Ok(parts)
    }

    /// The parts of a sum by the values of a dimension, the largest first.
    pub fn by_dimension(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<(String, i64)>, FigureError> {
        let figure = self.definition(name, &format!("{dimension}="))?;
        let parts = self.read(|tx| by_value(tx, figure, books, period, dimension))?;
        Ok(parts)
    }

    /// The entries that add up to a sum, oldest first, book by book.
    pub fn behind(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
        cursor: Option<&str>,
        count: usize,
    ) -> Result<Page<Behind>, FigureError> {
        let figure = self.definition(name, dimension)?;
        let mut at = match cursor {
            None => Place { book: 0, kind: 0, day: i64::MIN, seq: -1 },
            Some(text) => Place::parse(text).ok_or_else(|| FigureError::Cursor(text.to_owned()))?,
        };
        let page = self.read(|tx| {
            let (mut items, mut scanned) = (Vec::new(), 0);
            while at.book < books.len() && items.len() < count && scanned < SCAN_MAX {
                let Some(kind) = figure.kinds.get(at.kind) else {
                    at = Place { book: at.book + 1, kind: 0, day: i64::MIN, seq: -1 };
                    continue;
                };
                let rows = scan(tx, figure, &books[at.book], kind, period, at)?;
                if rows.is_empty() {
                    at = Place { book: at.book, kind: at.kind + 1, day: i64::MIN, seq: -1 };
                    continue;
                }
                for entries::Stored { entry, day } in rows {
                    (at.day, at.seq) = (i64::from(day.0), entry.seq.to_i64());
                    scanned += 1;
                    let mut contributions = Contributions::default();
                    self.lines().contribute(&entry, self.zone(), &mut contributions);
                    let amount = contributions.amount(figure.name, dimension);
                    if amount != 0 {
                        items.push(Behind { entry, day, amount });
                    }
                    if items.len() == count {
                        break;
                    }
                }
            }
            let next = (at.book < books.len()).then(|| at.print());
            Ok(Page { items, next })
        })?;
        Ok(page)
    }

    fn definition(&self, name: &str, dimension: &str) -> Result<&'static Figure, FigureError> {
        let figure = self.lines().figure(name).ok_or_else(|| FigureError::Unknown(name.to_owned()))?;
        let known = dimension.is_empty()
            || dimension.split_once('=').is_some_and(|(name, _)| figure.dimensions.contains(&name));
        if known {
            Ok(figure)
        } else {
            Err(FigureError::Dimension { figure: figure.name, dimension: dimension.to_owned() })
        }
    }
}

/// Where a page of entries ended.
#[derive(Clone, Copy)]
struct Place {
    book: usize,
    kind: usize,
    day: i64,
    seq: i64,
}

impl Place {
    fn print(self) -> String {
        format!("{}.{}.{}.{}", self.book, self.kind, self.day, self.seq)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let place = Self {
            book: parts.next()?.parse().ok()?,
            kind: parts.next()?.parse().ok()?,
            day: parts.next()?.parse().ok()?,
            seq: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(place)
    }
}

fn first_day(figure: &Figure, period: Period) -> i64 {
    if figure.state { 0 } else { i64::from(period.from.0) }
}

fn scan(
    tx: &mut dyn Tx,
    figure: &Figure,
    book: &BookId,
    kind: &str,
    period: Period,
    after: Place,
) -> Result<Vec<entries::Stored>, StoreError> {
    const ROWS: usize = 500;
    let days = (first_day(figure, period), i64::from(period.to.0));
    entries::of_kind(tx, book, kind, days, (after.day, after.seq), ROWS)
}

/// Sums are asked for a few hundred books at a time.
const BOOKS: usize = 200;

fn sum(
    tx: &mut dyn Tx,
    figure: &Figure,
    books: &[BookId],
    period: Period,
    dimension: &str,
) -> Result<i64, StoreError> {
    let mut total = 0;
    for books in books.chunks(BOOKS) {
        let sql = format!(
            "select cast(coalesce(sum(amount), 0) as bigint) from cell
             where figure = $1 and day >= $2 and day <= $3 and dimension = $4 and book in ({})",
            placeholders(5, books.len())
        );
        let row = tx.query_one(&sql, &cell_params(figure, books, period, dimension))?;
        total += row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
    }
    Ok(total)
}

fn cell_params<'a>(
    figure: &'a Figure,
    books: &'a [BookId],
    period: Period,
    dimension: &'a str,
) -> Vec<Param<'a>> {
    let mut params = vec![
        Param::Text(figure.name),
        Param::Int(first_day(figure, period)),
        Param::Int(i64::from(period.to.0)),
        Param::Text(dimension),
    ];
    params.extend(books.iter().map(|book| Param::Text(book.as_str())));
    params
}

fn by_day(
    tx: &mut dyn Tx,
    figure: &Figure,
    books: &[BookId],
    period: Period,
    dimension: &str,
) -> Result<Vec<Point>, StoreError> {
    let mut sums = std::collections::BTreeMap::new();
    for books in books.chunks(BOOKS) {
        let sql = format!(
            "select day, cast(sum(amount) as bigint) from cell
             where figure = $1 and day >= $2 and day <= $3 and dimension = $4 and book in ({}) group by day",
            placeholders(5, books.len())
        );
        let mut params = cell_params(figure, books, period, dimension);
        params[1] = Param::Int(i64::from(period.from.0));
        for row in tx.query(&sql, &params)? {
            *sums.entry(row.int(0)?).or_insert(0) += row.int(1)?;
        }
    }
    let point = |(day, amount)| {
        let day = i32::try_from(day).map_err(|_| StoreError::Schema("a day is out of range".into()))?;
        Ok(Point { day: Day(day), amount })
    };
    sums.into_iter().map(point).collect()
}

fn by_value(
    tx: &mut dyn Tx,
    figure: &Figure,
    books: &[BookId],
    period: Period,
    dimension: &str,
) -> Result<Vec<(String, i64)>, StoreError> {
    let prefix = format!("{dimension}=");
    let mut sums = std::collections::HashMap::new();
    for books in books.chunks(BOOKS) {
        let sql = format!(
            "select dimension, cast(sum(amount) as bigint) from cell
             where figure = $1 and day >= $2 and day <= $3 and substr(dimension, 1, {}) = $4 and book in ({})
             group by dimension",
            prefix.chars().count(),
            placeholders(5, books.len())
        );
        for row in tx.query(&sql, &cell_params(figure, books, period, &prefix))? {
            let value = row.text(0)?[prefix.len()..].to_owned();
            *sums.entry(value).or_insert(0) += row.int(1)?;
        }
    }
    let mut parts: Vec<(String, i64)> = sums.into_iter().filter(|(_, amount)| *amount != 0).collect();
    parts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(parts)
}
