//! How much of a sort is recorded in a book on a day: what scales and merchants send is kept for good, and walks and files read
//! all of it.

use base::BookId;
use kernel::{AppendError, Desk};
use store::{Param, StoreError, Value};

use super::{Failure, Recorder};
use crate::refusal::{Code, Refusal};

/// Prices that are posted of one stall, and losses of one merchant's lots, on a day of the city.
pub const PRICES_OF_DAY_MAX: u64 = 500;
pub const LOSSES_OF_DAY_MAX: u64 = 500;
/// Complaints about slips that nobody of the market takes down, on a day of the city, and how many of them lay a duty.
pub const COMPLAINTS_OF_SHOPPERS_MAX: u64 = 1_000;
pub const DUTIES_OF_SHOPPERS_MAX: u64 = 50;

/// Queries that one owner names in a book on a day of the city, with the subscriptions that are opened to them: what ends at once is
/// recorded for good all the same.
pub const OPENED_OF_DAY_MAX: u64 = 200;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Of a scale.
    Sales,
    /// Of a stall.
    Prices,
    /// Of a merchant.
    Losses,
    /// Of the market.
    Complaints,
    ComplaintDuties,
    /// Of an owner of queries, who is told by which field.
    Opened(&'static str),
}

/// What was recorded of a sort on the day that it is now, and is being recorded.
#[derive(Debug)]
pub struct OfDay<'a> {
    book: &'a BookId,
    sort: Sort,
    whose: String,
    day: i64,
    left: u64,
    max: u64,
    made: u64,
}

impl<'a> OfDay<'a> {
    pub fn begin(
        desk: &mut Desk<'_>,
        book: &'a BookId,
        (sort, whose): (Sort, String),
        max: u64,
    ) -> Result<Self, StoreError> {
        const TAKEN: &str =
            "select entries from market_of_day where book = $1 and sort = $2 and whose = $3 and day = $4";
        let day = i64::from(desk.zone().day_of(desk.now()).0);
        let asked =
            [Param::Text(book.as_str()), Param::Text(sort.name()), Param::Text(&whose), Param::Int(day)];
        let taken = desk.read()?.query_one(TAKEN, &asked)?;
        let taken = taken.as_ref().map_or(Ok(0), |row| row.int(0))?;
        Ok(Self { book, sort, whose, day, left: max.saturating_sub(taken.unsigned_abs()), max, made: 0 })
    }

    /// Takes one and remembers it, or refuses it.
    pub fn one(desk: &mut Desk<'_>, book: &'a BookId, what: (Sort, String), max: u64) -> Result<(), Failure> {
        let mut of_day = Self::begin(desk, book, what, max)?;
        of_day.take()?;
        of_day.note(desk);
        Ok(())
    }

    /// Takes one more, or refuses it.
    pub fn take(&mut self) -> Result<(), Failure> {
        if self.made == self.left {
            return Err(AppendError::Refused(self.sort.refusal(&self.whose, self.max)));
        }
        self.made += 1;
        Ok(())
    }

    /// Gives back what was taken and not recorded.
    pub fn give_back(&mut self) {
        self.made -= 1;
    }

    /// Remembers it, if the job is accepted.
    pub fn note(self, desk: &mut Desk<'_>) {
        const NOTE: &str =
            "insert into market_of_day (book, sort, whose, day, entries) values ($1, $2, $3, $4, $5)
            on conflict (book, sort, whose) do update set day = excluded.day, entries = excluded.entries
                + case when market_of_day.day = excluded.day then market_of_day.entries else 0 end";
        if self.made == 0 {
            return;
        }
        let made = Value::Int(i64::try_from(self.made).unwrap_or(i64::MAX));
        let key = [self.book.to_string(), self.sort.name().to_owned(), self.whose].map(Value::Text);
        desk.aside(NOTE, [&key[..], &[Value::Int(self.day), made]].concat());
    }
}

impl Recorder<'_, '_> {
    pub(super) fn need_few_prices(&mut self, stall: &str) -> Result<(), Failure> {
        self.count(Sort::Prices, stall, PRICES_OF_DAY_MAX)
    }

    pub(super) fn need_few_losses(&mut self, merchant: &str) -> Result<(), Failure> {
        self.count(Sort::Losses, merchant, LOSSES_OF_DAY_MAX)
    }

    pub(super) fn need_few_of_shoppers(&mut self) -> Result<(), Failure> {
        self.count(Sort::Complaints, "", COMPLAINTS_OF_SHOPPERS_MAX)
    }

    /// Whether one more complaint of a shopper is owed by somebody on this day.
    pub(super) fn may_lay_duty(&mut self) -> Result<bool, Failure> {
        match self.count(Sort::ComplaintDuties, "", DUTIES_OF_SHOPPERS_MAX) {
            Ok(()) => Ok(true),
            Err(AppendError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One more, but for the installation.
    fn count(&mut self, sort: Sort, whose: &str, max: u64) -> Result<(), Failure> {
        if self.actor.is_system() {
            return Ok(());
        }
        OfDay::one(self.desk, self.book, (sort, whose.to_owned()), max)
    }
}

impl Sort {
    fn name(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Prices => "prices",
            Self::Losses => "losses",
            Self::Complaints => "complaints",
            Self::ComplaintDuties => "complaint-duties",
            Self::Opened(_) => "opened",
        }
    }

    fn refusal(self, whose: &str, max: u64) -> Refusal {
        match self {
            Self::Sales => {
                let detail = format!(
                    "scale {whose} has {max} sales recorded on a day at most; keep them, and send the same again tomorrow"
                );
                Refusal::new(Code::SalesOfDay, "sales", detail)
            }
            Self::Prices => {
                let detail = format!("{max} prices of stall {whose} were posted today, as many as may");
                Refusal::new(Code::TooManyPrices, "body.stall", detail)
            }
            Self::Losses => {
                let detail = format!("{max} losses of {whose} were recorded today, as many as may");
                Refusal::new(Code::TooManyLosses, "body.lot", detail)
            }
            Self::Opened(field) => {
                let detail =
                    format!("an owner opens {max} queries and subscriptions in a book on a day at most");
                Refusal::new(Code::OpenedOfDay, field, detail)
            }
            Self::Complaints | Self::ComplaintDuties => {
                let detail =
                    format!("{max} complaints about slips were filed at the market today, as many as may");
                Refusal::new(Code::TooManyComplaints, "body.slip", detail)
            }
        }
    }
}
