use std::collections::{BTreeMap, HashMap};

use base::{BookId, Day, Month};

use crate::Contributions;

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
pub struct Cells(HashMap<(BookId, Day), HashMap<&'static str, OfFigure>>);

/// Sums of one figure, by dimension.
type OfFigure = HashMap<String, i64>;

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

    /// The changes, and what follows from them for months and for what stands. `state` tells figures of state.
    pub fn into_sums(self, state: impl Fn(&str) -> bool) -> Sums {
        let mut sums = Sums::default();
        for ((book, day), figures) in self.0 {
            for (figure, changed) in figures {
                let state = state(figure);
                for (dimension, amount) in changed.into_iter().filter(|(_, amount)| *amount != 0) {
                    if state || dimension.is_empty() {
                        let key = (book.clone(), figure, dimension.clone(), day.month());
                        *sums.months.entry(key).or_default() += amount;
                    }
                    if state {
                        *sums.standing.entry((book.clone(), figure, dimension.clone())).or_default() +=
                            amount;
                    }
                    sums.days.push((CellKey { book: book.clone(), figure, day, dimension }, amount));
                }
            }
        }
        sums.days.sort_unstable();
        sums
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a book's total of a figure changes by over some days.
    pub fn total(&self, book: &BookId, figure: &str, is_in: impl Fn(Day) -> bool) -> i64 {
        let of_book = self.0.iter().filter(|((of, day), _)| of == book && is_in(*day));
        let totals = of_book.filter_map(|(_, figures)| figures.get(figure)?.get(""));
        totals.fold(0, |sum: i64, amount| sum.saturating_add(*amount))
    }
}

/// Book, figure, dimension and month.
pub type MonthKey = (BookId, &'static str, String, Month);

/// Book, figure and dimension.
pub type StandingKey = (BookId, &'static str, String);

/// What a group of entries adds to the sums that are kept, each in the order of its keys, which keeps concurrent
/// writers from locking crosswise.
///
/// Whatever the period, few rows add up to a figure: of flows, the totals are kept by month; of states, every dimension
/// by month, and what stands after all changes, from which those after a day are taken back.
#[derive(Debug, Default)]
pub struct Sums {
    pub days: Vec<(CellKey, i64)>,
    pub months: BTreeMap<MonthKey, i64>,
    pub standing: BTreeMap<StandingKey, i64>,
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
        let sums = cells.into_sums(|_| false);
        let days: Vec<_> = sums.days.into_iter().map(|(key, sum)| (key.dimension, sum)).collect();
        assert_eq!(days, [(String::new(), 250), ("stall=A2".to_owned(), 250)]);
        let months: Vec<_> =
            sums.months.into_iter().map(|((_, _, dimension, _), sum)| (dimension, sum)).collect();
        assert_eq!(months, [(String::new(), 250)], "of a flow, months are kept of the total alone");
        assert!(sums.standing.is_empty());
    }

    #[test]
    fn what_stands_is_the_sum_of_all_days_and_months() {
        let book = BookId::new("beiyuan").unwrap();
        let mut cells = Cells::default();
        for (day, amount) in [("2021-11-30", 3), ("2021-12-01", 2), ("2021-12-31", -4)] {
            let mut contributions = Contributions::default();
            contributions.add("market.lots.held", amount, &[("stall", "A1")]);
            cells.add(&book, Day::parse(day).unwrap(), &contributions);
        }
        let sums = cells.into_sums(|_| true);
        let months: Vec<_> = sums
            .months
            .into_iter()
            .map(|((_, _, dimension, month), sum)| (dimension, month.to_string(), sum))
            .collect();
        let of = |dimension: &str, month: &str, sum| (dimension.to_owned(), month.to_owned(), sum);
        assert_eq!(
            months,
            [
                of("", "2021-11", 3),
                of("", "2021-12", -2),
                of("stall=A1", "2021-11", 3),
                of("stall=A1", "2021-12", -2)
            ]
        );
        assert!(sums.standing.into_values().all(|sum| sum == 1));
    }
}
