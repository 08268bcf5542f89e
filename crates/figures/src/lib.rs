//! Figures: every number shown anywhere is a sum of contributions that single entries make, or a ratio of such sums.
//!
//! A definition says what a figure is called and counts; the line's pure function says what one entry adds to it. Sums
//! are kept per (book, figure, day, dimension), so they add up over days and over books, and open into their entries.

use std::collections::HashMap;

use base::{BookId, Day};
use serde::Serialize;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Count,
    Fen,
    Grams,
    SquareMetres,
    Milliseconds,
}

/// A figure that is a sum.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figure {
    /// `line.noun.measure`.
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    pub unit: Unit,
    /// The kinds of entries that contribute; others cannot.
    pub kinds: &'static [&'static str],
    /// The dimensions that contributions carry, such as `stall`.
    pub dimensions: &'static [&'static str],
    /// A figure of state (how many are open now) is the sum of all changes up to a day; a figure of flow (sold today)
    /// is the sum over the days asked for.
    pub state: bool,
    /// The action that it needs to be read, besides the right to read the line's figures.
    pub needs: Option<&'static str>,
}

/// A figure that is a ratio of two sums.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ratio {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    pub numerator: &'static str,
    pub denominator: &'static str,
}

/// What one entry adds to one figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contribution {
    pub figure: &'static str,
    pub amount: i64,
    /// `stall=A12`, one for each dimension; the total is kept in any case.
    pub dimensions: Vec<String>,
}

/// Collects the contributions of one entry.
#[derive(Debug, Default)]
pub struct Contributions(Vec<Contribution>);

impl Contributions {
    pub fn add(&mut self, figure: &'static str, amount: i64, dimensions: &[(&str, &str)]) {
        let dimensions = dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.0.push(Contribution { figure, amount, dimensions });
    }

    pub fn drain(&mut self) -> impl Iterator<Item = Contribution> + '_ {
        self.0.drain(..)
    }

    pub fn as_slice(&self) -> &[Contribution] {
        &self.0
    }
}

/// Where a sum is kept. The empty dimension is the total.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellKey {
    pub book: BookId,
    pub figure: &'static str,
    pub day: Day,
    pub dimension: String,
}

/// The sums that a group of entries changes.
#[derive(Debug, Default)]
pub struct Cells(HashMap<CellKey, i64>);

impl Cells {
    /// Adds what one entry contributes.
    pub fn add(&mut self, book: &BookId, day: Day, contributions: &mut Contributions) {
        for Contribution { figure, amount, dimensions } in contributions.drain() {
            let mut bump = |dimension: String| {
                *self.0.entry(CellKey { book: book.clone(), figure, day, dimension }).or_default() += amount;
            };
            bump(String::new());
            dimensions.into_iter().for_each(&mut bump);
        }
    }

    /// The changes in the order of their keys, which keeps concurrent writers from locking crosswise.
    pub fn into_sorted(self) -> Vec<(CellKey, i64)> {
        let mut cells: Vec<_> = self.0.into_iter().filter(|(_, amount)| *amount != 0).collect();
        cells.sort_unstable();
        cells
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_and_each_dimension_add_up_and_reversals_cancel() {
        let book = BookId::new("beiyuan").unwrap();
        let mut cells = Cells::default();
        let mut one = |amount, stall| {
            let mut contributions = Contributions::default();
            contributions.add("market.sales.amount", amount, &[("stall", stall)]);
            cells.add(&book, Day(18_971), &mut contributions);
        };
        one(100, "A1");
        one(250, "A2");
        one(-100, "A1");
        let sums: Vec<_> = cells.into_sorted().into_iter().map(|(key, sum)| (key.dimension, sum)).collect();
        assert_eq!(sums, [(String::new(), 250), ("stall=A2".to_owned(), 250)]);
    }
}
