//! Reading figures: a value, a series, a breakdown, a comparison, and the entries behind it.

mod behind;
mod many;
mod recompute;
mod sums;

use std::collections::BTreeMap;

use base::{BookId, Day, Month, UnitCode};
use figures::{Against, Figure, Period, Ratio};
use registry::Tree;
use serde::Serialize;
use store::{StoreError, Tx};

pub use behind::Behind;
pub use many::Stands;
pub use recompute::{BookSize, RECOMPUTED_ENTRIES_MAX, Recomputed};
use sums::Asked;
pub use sums::VALUES_MAX;
pub(crate) use sums::{add, beyond, fill, is_large};

use crate::Kernel;

/// Why a figure cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    #[error("there is no figure {0:?}")]
    Unknown(String),
    #[error("the figure {figure} has no dimension {dimension:?}")]
    Dimension { figure: &'static str, dimension: String },
    #[error("{0:?} is not the cursor of a page")]
    Cursor(String),
    #[error("the figure {figure} has more than {VALUES_MAX} values of {dimension:?} book by book")]
    Many { figure: &'static str, dimension: String },
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

impl Value {
    /// The value of two parts together. Parts of one figure are of one sort.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Sum { amount }, Self::Sum { amount: more }) => {
                Self::Sum { amount: amount.saturating_add(more) }
            }
            (Self::Ratio { numerator, denominator }, Self::Ratio { numerator: n, denominator: d }) => {
                Self::Ratio {
                    numerator: numerator.saturating_add(n),
                    denominator: denominator.saturating_add(d),
                }
            }
            (part, _) => part,
        }
    }
}

/// One day of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Point {
    pub day: Day,
    pub amount: i64,
}

/// A figure in another period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compared {
    pub against: Against,
    pub period: Period,
    pub value: Value,
}

/// A part of an org unit: a unit right below it, or a book that it keeps itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Branch {
    Unit(UnitCode),
    Book(BookId),
}

impl Branch {
    /// The part of a unit that a book belongs to; `None` if it is kept elsewhere.
    pub fn of(tree: &Tree, unit: &UnitCode, book: &BookId) -> Option<Self> {
        let keeper = tree.unit_of_book(book)?;
        if keeper == unit {
            return Some(Self::Book(book.clone()));
        }
        tree.child_towards(unit, keeper).map(|child| Self::Unit(child.clone()))
    }
}

impl Kernel {
    /// The value over some books. `dimension` is empty for the total, or `name=value`.
    pub fn figure(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Value, FigureError> {
        let nothing = match self.lines().ratio(name) {
            Some(_) => Value::Ratio { numerator: 0, denominator: 0 },
            None => Value::Sum { amount: 0 },
        };
        Ok(self.values(name, books, period, dimension)?.into_iter().fold(nothing, Value::and))
    }

    /// The sum over some books.
    pub fn sum(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<i64, FigureError> {
        Ok(total(self.sums(name, books, period, dimension)?))
    }

    /// The value of each book, in the order of the books.
    pub fn values(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<Value>, FigureError> {
        if let Some(Ratio { numerator, denominator, .. }) = self.lines().ratio(name) {
            let numerators = self.sums(numerator, books, period, dimension)?;
            let denominators = self.sums(denominator, books, period, dimension)?;
            let pairs = numerators.into_iter().zip(denominators);
            return Ok(pairs
                .map(|(numerator, denominator)| Value::Ratio { numerator, denominator })
                .collect());
        }
        let sums = self.sums(name, books, period, dimension)?;
        Ok(sums.into_iter().map(|amount| Value::Sum { amount }).collect())
    }

    fn sums(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<i64>, FigureError> {
        let figure = self.definition(name, dimension)?;
        Ok(self.read(|tx| sums::by_book(tx, Asked { figure, books, dimension }, period))?)
    }

    /// The value in the periods that a period is compared with.
    pub fn compared(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<Compared>, FigureError> {
        let of = |against: Against| {
            let period = period.compared(against);
            Ok(Compared { against, period, value: self.figure(name, books, period, dimension)? })
        };
        Against::ALL.into_iter().map(of).collect()
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
        let asked = Asked { figure, books, dimension };
        let (before, changes) =
            self.read(|tx| Ok((before(tx, asked, period)?, sums::by_day(tx, asked, period)?)))?;
        let days = (period.from.0..=period.to.0).map(Day);
        Ok(course(before, days, &changes).map(|(day, amount)| Point { day, amount }).collect())
    }

    /// A value a month, of a figure of state what it stood at when the month or the period ended.
    pub fn series_by_month(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<(Month, i64)>, FigureError> {
        let figure = self.definition(name, dimension)?;
        let asked = Asked { figure, books, dimension };
        let (before, changes) =
            self.read(|tx| Ok((before(tx, asked, period)?, sums::by_month(tx, asked, period)?)))?;
        let months = (period.from.month().0..=period.to.month().0).map(Month);
        Ok(course(before, months, &changes).collect())
    }

    /// The parts of a figure by book; books without any are left out.
    pub fn by_book(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<(BookId, i64)>, FigureError> {
        let sums = self.sums(name, books, period, dimension)?;
        Ok(books.iter().cloned().zip(sums).filter(|(_, amount)| *amount != 0).collect())
    }

    /// The parts of a figure down the org tree, in the order of codes. `books` are the unit's and those below it.
    pub fn by_branch(
        &self,
        name: &str,
        unit: &UnitCode,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<(Branch, Value)>, FigureError> {
        let tree = self.known_tree();
        let values = self.values(name, books, period, dimension)?;
        let mut parts: BTreeMap<Branch, Value> = BTreeMap::new();
        for (book, value) in books.iter().zip(values) {
            if let Some(branch) = Branch::of(&tree, unit, book) {
                parts.entry(branch).and_modify(|part| *part = part.and(value)).or_insert(value);
            }
        }
        Ok(parts.into_iter().collect())
    }

    /// The parts of a sum by the values of a dimension, the largest first.
    pub fn by_dimension(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<(String, i64)>, FigureError> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for (_, value, amount) in self.by_dimension_and_book(name, books, period, dimension)? {
            let sum = sums.entry(value).or_default();
            *sum = sum.saturating_add(amount);
        }
        let mut parts: Vec<(String, i64)> = sums.into_iter().filter(|(_, amount)| *amount != 0).collect();
        parts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(parts)
    }

    /// The parts of a sum by book and by the values of a dimension.
    pub fn by_dimension_and_book(
        &self,
        name: &str,
        books: &[BookId],
        period: Period,
        dimension: &str,
    ) -> Result<Vec<(BookId, String, i64)>, FigureError> {
        let figure = self.definition(name, &format!("{dimension}="))?;
        let asked = Asked { figure, books, dimension: "" };
        let parts = self.read(|tx| sums::by_value(tx, asked, period, dimension))?;
        let parts = parts
            .ok_or_else(|| FigureError::Many { figure: figure.name, dimension: dimension.to_owned() })?;
        let part = |((value, book), amount)| Ok((crate::registry::id(BookId::new(book))?, value, amount));
        parts.into_iter().map(part).collect()
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

/// What a figure of state stood at before a period; nothing for a flow.
fn before(tx: &mut dyn Tx, asked: Asked<'_>, period: Period) -> Result<Option<i64>, StoreError> {
    let before = Period::on(period.from.plus(-1));
    asked.figure.state.then(|| Ok(total(sums::by_book(tx, asked, before)?))).transpose()
}

/// What the sums of books come to; those of very many that each are as large as may be stand for the largest number.
fn total(sums: Vec<i64>) -> i64 {
    sums.into_iter().fold(0, i64::saturating_add)
}

/// The changes of a flow, or what a state that began somewhere stood at after each.
fn course<'c, At: Copy + Ord>(
    before: Option<i64>,
    all: impl Iterator<Item = At> + 'c,
    changes: &'c BTreeMap<At, i64>,
) -> impl Iterator<Item = (At, i64)> + 'c {
    let mut standing = before;
    all.map(move |at| {
        let change = changes.get(&at).copied().unwrap_or_default();
        standing = standing.map(|amount| amount.saturating_add(change));
        (at, standing.unwrap_or(change))
    })
}

fn first_day(figure: &Figure, period: Period) -> i64 {
    if figure.state { 0 } else { i64::from(period.from.0) }
}
