//! Many figures at once, in as few statements as one takes: what a page full of numbers reads.

use std::collections::{BTreeMap, HashMap};

use base::{BookId, Day};
use figures::{Figure, Period};
use store::{Param, StoreError, Tx, placeholders};

use super::sums::BOOKS;
use super::{FigureError, Value};
use crate::Kernel;

/// A part of a figure of state: a book, a value of the dimension, and what it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    pub figure: &'static str,
    pub book: BookId,
    pub value: String,
    pub amount: i64,
}

impl Kernel {
    /// The values of some figures and ratios over the same books and days, in their order.
    pub fn figures(
        &self,
        names: &[&str],
        books: &[BookId],
        period: Period,
    ) -> Result<Vec<Value>, FigureError> {
        let mut sums: Vec<&'static Figure> = Vec::new();
        for name in names {
            match self.lines().ratio(name) {
                Some(ratio) => {
                    sums.extend([
                        self.definition(ratio.numerator, "")?,
                        self.definition(ratio.denominator, "")?,
                    ]);
                }
                None => sums.push(self.definition(name, "")?),
            }
        }
        let totals = self.read(|tx| totals(tx, &sums, books, period))?;
        let total = |name: &str| totals.get(name).copied().unwrap_or_default();
        let value = |name: &&str| match self.lines().ratio(name) {
            Some(ratio) => {
                Value::Ratio { numerator: total(ratio.numerator), denominator: total(ratio.denominator) }
            }
            None => Value::Sum { amount: total(name) },
        };
        Ok(names.iter().map(value).collect())
    }

    /// What some figures of state stood at on a day, by book and by the values of a dimension; nothing that is zero.
    pub fn stands(
        &self,
        names: &[&str],
        books: &[BookId],
        day: Day,
        dimension: &str,
    ) -> Result<Vec<Stands>, FigureError> {
        let at = format!("{dimension}=");
        let figures = names.iter().map(|name| self.definition(name, &at)).collect::<Result<Vec<_>, _>>()?;
        debug_assert!(figures.iter().all(|figure| figure.state), "{names:?}");
        let parts = self.read(|tx| stands(tx, &figures, books, day, dimension))?;
        let named = |figure: &str| figures.iter().find(|it| it.name == figure).map(|it| it.name);
        let part = |((figure, book, value), amount): ((String, String, String), i64)| {
            let book = crate::registry::id(BookId::new(book))?;
            Ok::<_, StoreError>(named(&figure).map(|figure| Stands { figure, book, value, amount }))
        };
        let parts: Vec<Option<Stands>> = parts.into_iter().map(part).collect::<Result<_, _>>()?;
        Ok(parts.into_iter().flatten().collect())
    }
}

/// The totals of some figures, by name.
fn totals(
    tx: &mut dyn Tx,
    figures: &[&'static Figure],
    books: &[BookId],
    period: Period,
) -> Result<HashMap<String, i64>, StoreError> {
    let mut sums: HashMap<String, i64> = HashMap::new();
    let (states, flows): (Vec<&Figure>, Vec<&Figure>) = figures.iter().partition(|figure| figure.state);
    let month = period.to.month();
    let later = Period::new(period.to.plus(1), month.last_day());
    let parts = period.parts();
    for books in books.chunks(BOOKS) {
        let mut add = |sign: i64, figures: &[&Figure], from: &str, numbers: Vec<i64>| {
            if figures.is_empty() {
                return Ok(());
            }
            let sql = format!(
                "select figure, cast(sum(amount) as bigint) from {from} and dimension = ''
                 and figure in ({}) and book in ({}) group by figure",
                placeholders(1 + numbers.len(), figures.len()),
                placeholders(1 + numbers.len() + figures.len(), books.len())
            );
            let mut params: Vec<Param<'_>> = numbers.into_iter().map(Param::Int).collect();
            params.extend(figures.iter().map(|figure| Param::Text(figure.name)));
            params.extend(books.iter().map(|book| Param::Text(book.as_str())));
            for row in tx.query(&sql, &params)? {
                let sum = sums.entry(row.text(0)?.to_owned()).or_default();
                *sum = sum.saturating_add(sign * row.int(1)?);
            }
            Ok::<_, StoreError>(())
        };
        add(1, &states, "cell_standing where amount <> 0", Vec::new())?;
        add(-1, &states, "cell_month where month > $1", vec![i64::from(month.0)])?;
        let days = |days: &mut dyn Iterator<Item = i32>| days.map(i64::from).collect::<Vec<_>>();
        let within = |count: usize| format!("cell where day in ({})", placeholders(1, count));
        if later.days() > 0 {
            let later = days(&mut (later.from.0..=later.to.0));
            add(-1, &states, &within(later.len()), later)?;
        }
        if let Some((first, last)) = parts.months {
            let months = vec![i64::from(first.0), i64::from(last.0)];
            add(1, &flows, "cell_month where month >= $1 and month <= $2", months)?;
        }
        if !parts.days.is_empty() {
            let days = days(&mut parts.days.iter().map(|day| day.0));
            add(1, &flows, &within(days.len()), days)?;
        }
    }
    Ok(sums)
}

type Part = (String, String, String);

fn stands(
    tx: &mut dyn Tx,
    figures: &[&'static Figure],
    books: &[BookId],
    day: Day,
    dimension: &str,
) -> Result<BTreeMap<Part, i64>, StoreError> {
    const COLUMNS: &str = "select figure, book, dimension, cast(sum(amount) as bigint) from";
    const BETWEEN: &str = "where dimension >= $1 and dimension < $2";
    let (from, below) = (format!("{dimension}="), format!("{dimension}>"));
    let month = day.month();
    let mut sums: BTreeMap<Part, i64> = BTreeMap::new();
    for books in books.chunks(BOOKS) {
        let mut add = |sign: i64, table: &str, later: &str, numbers: &[i64]| {
            let sql = format!(
                "{COLUMNS} {table} {BETWEEN} {later} and figure in ({}) and book in ({})
                 group by figure, book, dimension",
                placeholders(3 + numbers.len(), figures.len()),
                placeholders(3 + numbers.len() + figures.len(), books.len())
            );
            let mut params = vec![Param::Text(&from), Param::Text(&below)];
            params.extend(numbers.iter().copied().map(Param::Int));
            params.extend(figures.iter().map(|figure| Param::Text(figure.name)));
            params.extend(books.iter().map(|book| Param::Text(book.as_str())));
            for row in tx.query(&sql, &params)? {
                let value = row.text(2)?.get(from.len()..).unwrap_or_default().to_owned();
                let part = (row.text(0)?.to_owned(), row.text(1)?.to_owned(), value);
                let sum = sums.entry(part).or_default();
                *sum = sum.saturating_add(sign * row.int(3)?);
            }
            Ok::<_, StoreError>(())
        };
        add(1, "cell_standing", "", &[])?;
        add(-1, "cell_month", "and month > $3", &[i64::from(month.0)])?;
        // Each day is looked up by itself, so that the other dimensions of the days between are not read.
        let later: Vec<i64> = (day.0 + 1..=month.last_day().0).map(i64::from).collect();
        if !later.is_empty() {
            add(-1, "cell", &format!("and day in ({})", placeholders(3, later.len())), &later)?;
        }
    }
    sums.retain(|_, amount| *amount != 0);
    Ok(sums)
}
