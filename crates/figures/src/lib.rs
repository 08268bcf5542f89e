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

/// What one entry adds to the figures. Texts lie one behind another, since this is made for every entry.
#[derive(Debug, Default)]
pub struct Contributions {
    items: Vec<Contribution>,
    /// The dimensions of all items, each as `stall=A12`.
    dimensions: Vec<usize>,
    text: String,
}

#[derive(Debug)]
struct Contribution {
    figure: &'static str,
    amount: i64,
    /// Where its dimensions end in the list of all.
    dimensions_end: usize,
}

impl Contributions {
    /// Adds to a figure's total, and to each dimension: name and value.
    pub fn add(&mut self, figure: &'static str, amount: i64, dimensions: &[(&str, &str)]) {
        for (name, value) in dimensions {
            self.text.push_str(name);
            self.text.push('=');
            self.text.push_str(value);
            self.dimensions.push(self.text.len());
        }
        self.items.push(Contribution { figure, amount, dimensions_end: self.dimensions.len() });
    }

    /// Forgets all, and keeps the room.
    pub fn clear(&mut self) {
        self.items.clear();
        self.dimensions.clear();
        self.text.clear();
    }

    /// Calls `each` with the figure, the amount, and the empty dimension (the total), then with each other dimension.
    pub fn for_each(&self, mut each: impl FnMut(&'static str, i64, &str)) {
        let (mut at, mut from) = (0, 0);
        for item in &self.items {
            each(item.figure, item.amount, "");
            for &until in &self.dimensions[at..item.dimensions_end] {
                each(item.figure, item.amount, &self.text[from..until]);
                from = until;
            }
            at = item.dimensions_end;
        }
    }

    /// What is added to a figure in a dimension; the empty one is the total.
    pub fn amount(&self, figure: &str, dimension: &str) -> i64 {
        let mut sum = 0;
        self.for_each(|of, amount, at| {
            if of == figure && at == dimension {
                sum += amount;
            }
        });
        sum
    }
}

/// Where a sum is kept. The empty dimension is the total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellKey {
    pub book: BookId,
    pub figure: &'static str,
    pub day: Day,
    pub dimension: String,
}

/// The sums that a group of entries changes: by book and day, then figure, then dimension. A sum that is there
/// already is found without making a key.
#[derive(Debug, Default)]
pub struct Cells(HashMap<(BookId, Day), HashMap<&'static str, Sums>>);

/// Sums of one figure, by dimension.
type Sums = HashMap<String, i64>;

impl Cells {
    /// Adds what one entry contributes.
    pub fn add(&mut self, book: &BookId, day: Day, contributions: &Contributions) {
        let figures = self.0.entry((book.clone(), day)).or_default();
        contributions.for_each(|figure, amount, dimension| {
            let sums = figures.entry(figure).or_default();
            match sums.get_mut(dimension) {
                Some(sum) => *sum += amount,
                None => {
                    sums.insert(dimension.to_owned(), amount);
                }
            }
        });
    }

    /// The changes in the order of their keys, which keeps concurrent writers from locking crosswise.
    pub fn into_sorted(self) -> Vec<(CellKey, i64)> {
        let mut cells = Vec::new();
        for ((book, day), figures) in self.0 {
            for (figure, sums) in figures {
                let changed = sums.into_iter().filter(|(_, amount)| *amount != 0);
                cells.extend(
                    changed.map(|(dimension, sum)| {
                        (CellKey { book: book.clone(), figure, day, dimension }, sum)
                    }),
                );
            }
        }
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
            cells.add(&book, Day(18_971), &contributions);
        };
        one(100, "A1");
        one(250, "A2");
        one(-100, "A1");
        let sums: Vec<_> = cells.into_sorted().into_iter().map(|(key, sum)| (key.dimension, sum)).collect();
        assert_eq!(sums, [(String::new(), 250), ("stall=A2".to_owned(), 250)]);
    }
}
