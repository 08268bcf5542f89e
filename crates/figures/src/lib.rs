//! Figures: every number shown anywhere is a sum of contributions that single entries make, or a ratio of such sums.
//!
//! A definition says what a figure is called and counts; the line's pure function says what one entry adds to it. Sums
//! are kept per (book, figure, day, dimension), so they add up over days and over books, and open into their entries.

mod cells;
mod period;

use std::collections::BTreeMap;

use serde::Serialize;

pub use cells::{CellKey, Cells, MonthKey, StandingKey, Sums};
pub use period::{Against, Parts, Period};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Count,
    Fen,
    Grams,
    SquareMetres,
    Metres,
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

    /// The figures that are added to, and what in all.
    pub fn totals(&self) -> BTreeMap<&'static str, i64> {
        let mut totals = BTreeMap::new();
        for item in &self.items {
            *totals.entry(item.figure).or_default() += item.amount;
        }
        totals
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
