//! The entries that add up to a figure, page by page.

use base::{BookId, Day};
use figures::{Contributions, Figure, Period};
use ledger::Entry;
use store::{StoreError, Tx};

use super::{FigureError, first_day};
use crate::Kernel;
use crate::entries::{self, Page};

/// An entry behind a figure, and what it contributes.
#[derive(Debug, Clone)]
pub struct Behind {
    pub entry: Entry,
    pub day: Day,
    pub amount: i64,
}

/// Entries looked at for one page, and for each time that some are asked for as many as that costs: bounds the time of a page whose
/// filter matches little.
const SCAN_MAX: usize = 5_000;
const ASKED_AS: usize = 10;

impl Kernel {
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
                scanned += ASKED_AS;
                if rows.is_empty() {
                    at = Place { book: at.book, kind: at.kind + 1, day: i64::MIN, seq: -1 };
                    continue;
                }
                for entries::Stored { entry, day } in rows {
                    (at.day, at.seq) = (i64::from(day.0), entry.seq.to_i64());
                    scanned += 1;
                    let amount = self.contributed(&entry, figure, dimension);
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

    /// What an entry adds to a figure in a dimension.
    pub(super) fn contributed(&self, entry: &Entry, figure: &Figure, dimension: &str) -> i64 {
        let mut contributions = Contributions::default();
        self.lines().contribute(entry, self.zone(), &mut contributions);
        contributions.amount(figure.name, dimension)
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
