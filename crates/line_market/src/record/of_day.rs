//! How much of a sort is recorded in a book on a day: it is kept for good, and walks, files and the rules read all of it.

use base::BookId;
use kernel::{AppendError, Desk};
use ledger::Body;
use store::{Param, StoreError, Value};

use super::{Failure, Recorder};
use crate::kinds::{RecallOpened, Verdict};
use crate::refusal::{Code, Refusal};
use crate::state::Lot;

/// Prices that are posted of one stall, and losses of one merchant's lots, on a day of the city.
pub const PRICES_OF_DAY_MAX: u64 = 500;
pub const LOSSES_OF_DAY_MAX: u64 = 500;
/// Lots that are written down as having come to a merchant, whatever day they are dated: one merchant's leave room on the lists of
/// the market for those of others.
pub const ARRIVALS_OF_DAY_MAX: u64 = 300;
/// Products that are registered or amended in a market on a day: all that it may have, and as many again.
pub const PRODUCTS_OF_DAY_MAX: u64 = 2_000;
/// Tests of one lot that fail, and as many that pass, on a day: who finds it good leaves room for whoever finds it bad.
pub const TESTS_OF_DAY_MAX: u64 = 100;
/// Releases of one lot on a day. It is held once more at most; no hold is refused for having been held often.
pub const RELEASES_OF_DAY_MAX: u64 = 50;
/// How often a scale is moved or verified, and a stall let, on a day: sales that are told late are judged by all of it.
pub const MOVES_OF_DAY_MAX: u64 = 50;
pub const VERIFICATIONS_OF_DAY_MAX: u64 = 50;
pub const LEASES_OF_DAY_MAX: u64 = 50;
/// Offers of goods from one stall to another on a day, taken or not; of all stalls of one merchant, and of everybody: who receives
/// them sees all.
pub const OFFERS_TO_STALL_MAX: u64 = 50;
pub const OFFERS_OF_MERCHANT_MAX: u64 = 200;
pub const OFFERS_OF_DAY_MAX: u64 = 1_000;
/// Complaints about slips that nobody of the market takes down, on a day of the city, in all, of one slip and of one stall. Whoever
/// is complained of has slips of its own: however much is said of one, it counts once to its stall, and to all.
pub const COMPLAINTS_OF_SHOPPERS_MAX: u64 = 1_000;
pub const COMPLAINTS_OF_SLIP_AND_DAY_MAX: u64 = 3;
pub const COMPLAINTS_OF_STALL_MAX: u64 = 100;
/// Complaints that name no slip, of those that are taken down at a market on a day, whatever day they are dated.
pub const COMPLAINTS_WITHOUT_SLIP_MAX: u64 = 100;
/// Papers of one merchant that are recorded on a day of the city, and how often a market's duties are assigned: each opens matters.
pub const PAPERS_OF_DAY_MAX: u64 = 20;
pub const ASSIGNMENTS_OF_DAY_MAX: u64 = 20;
/// Recalls of one lot that are opened on a day of the city: by one actor, and by all whose right was granted on one unit. However
/// often a lot is recalled and the recall withdrawn, another may, and the unit above.
pub const RECALLS_OF_ONE_MAX: u64 = 20;
pub const RECALLS_OF_UNIT_MAX: u64 = 60;
/// How many of them lay a duty, in all and of one stall.
pub const DUTIES_OF_SHOPPERS_MAX: u64 = 50;
pub const DUTIES_OF_STALL_MAX: u64 = 5;

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
    Arrivals,
    /// Of a lot.
    Failed,
    Passed,
    Releases,
    /// Of a scale.
    Moves,
    Verifications,
    /// Of a stall.
    Leases,
    /// From one stall to another, from a merchant to a stall, and to a stall.
    Offers,
    OffersOfMerchant,
    OffersToStall,
    /// Of the market.
    Products,
    Complaints,
    ComplaintDuties,
    /// Of a slip.
    ComplaintsOfSlip,
    ComplaintsOfStall,
    /// Of the market, counted when they are taken down: what is erased of others later does not become one of these.
    ComplaintsWithoutSlip,
    /// Of a lot, by an actor, and by a unit.
    RecallsOfOne,
    RecallsOfUnit,
    /// Of a merchant.
    Papers,
    /// Of the market.
    Assignments,
    /// Of a stall.
    ComplaintDutiesOfStall,
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

    /// Takes one and remembers it, or refuses it; tells which of the day it is, from 1.
    pub fn one(
        desk: &mut Desk<'_>,
        book: &'a BookId,
        what: (Sort, String),
        max: u64,
    ) -> Result<u64, Failure> {
        let mut of_day = Self::begin(desk, book, what, max)?;
        of_day.take()?;
        let which = max - of_day.left + of_day.made;
        of_day.note(desk);
        Ok(which)
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

    pub(super) fn need_few_arrivals(&mut self, merchant: &str) -> Result<(), Failure> {
        self.count(Sort::Arrivals, merchant, ARRIVALS_OF_DAY_MAX)
    }

    pub(super) fn need_few_products(&mut self) -> Result<(), Failure> {
        self.count(Sort::Products, "", PRODUCTS_OF_DAY_MAX)
    }

    pub(super) fn need_few_tests(&mut self, lot: &str, verdict: Verdict) -> Result<(), Failure> {
        let sort = if verdict == Verdict::Pass { Sort::Passed } else { Sort::Failed };
        self.count(sort, lot, TESTS_OF_DAY_MAX)
    }

    pub(super) fn need_few_releases(&mut self, lot: &str) -> Result<(), Failure> {
        self.count(Sort::Releases, lot, RELEASES_OF_DAY_MAX)
    }

    pub(super) fn need_few_moves(&mut self, scale: u32) -> Result<(), Failure> {
        self.count(Sort::Moves, &scale.to_string(), MOVES_OF_DAY_MAX)
    }

    pub(super) fn need_few_verifications(&mut self, scale: u32) -> Result<(), Failure> {
        self.count(Sort::Verifications, &scale.to_string(), VERIFICATIONS_OF_DAY_MAX)
    }

    pub(super) fn need_few_leases(&mut self, stall: &str) -> Result<(), Failure> {
        self.count(Sort::Leases, stall, LEASES_OF_DAY_MAX)
    }

    /// Who offers goods does not crowd out what others offer the same stall.
    pub(super) fn need_few_offers(&mut self, from: &Lot, to: &str) -> Result<(), Failure> {
        self.count(Sort::Offers, &format!("{}>{to}", from.stall), OFFERS_TO_STALL_MAX)?;
        self.count(Sort::OffersOfMerchant, &format!("{}>{to}", from.merchant), OFFERS_OF_MERCHANT_MAX)?;
        self.count(Sort::OffersToStall, to, OFFERS_OF_DAY_MAX)
    }

    pub(super) fn need_few_papers(&mut self, merchant: &str) -> Result<(), Failure> {
        self.count(Sort::Papers, merchant, PAPERS_OF_DAY_MAX)
    }

    pub(super) fn need_few_assignments(&mut self) -> Result<(), Failure> {
        self.count(Sort::Assignments, "", ASSIGNMENTS_OF_DAY_MAX)
    }

    pub(super) fn need_few_recalls(&mut self, lot: &str) -> Result<(), Failure> {
        let unit = self.desk.granted_on(self.actor, RecallOpened::KIND, self.book)?;
        let unit = unit.map_or_else(String::new, |unit| unit.to_string());
        self.count(Sort::RecallsOfOne, &format!("{lot} by {}", self.actor), RECALLS_OF_ONE_MAX)?;
        self.count(Sort::RecallsOfUnit, &format!("{lot} by {unit}"), RECALLS_OF_UNIT_MAX)
    }

    /// One slip does not use up what shoppers say of its stall, nor those of one stall what they say of all. Tells whether no more
    /// is taken of other slips of the stall on this day.
    pub(super) fn need_few_of_shoppers(&mut self, slip: &str, stall: &str) -> Result<bool, Failure> {
        if self.count_one(Sort::ComplaintsOfSlip, slip, COMPLAINTS_OF_SLIP_AND_DAY_MAX)? > 1 {
            return Ok(false);
        }
        let of_stall = self.count_one(Sort::ComplaintsOfStall, stall, COMPLAINTS_OF_STALL_MAX)?;
        self.count(Sort::Complaints, "", COMPLAINTS_OF_SHOPPERS_MAX)?;
        Ok(of_stall == COMPLAINTS_OF_STALL_MAX)
    }

    pub(super) fn need_few_without_slip(&mut self) -> Result<(), Failure> {
        self.count(Sort::ComplaintsWithoutSlip, "", COMPLAINTS_WITHOUT_SLIP_MAX)
    }

    /// Whether one more complaint of a shopper about a stall is owed by somebody on this day.
    pub(super) fn may_lay_duty(&mut self, stall: &str) -> Result<bool, Failure> {
        Ok(self.has_room(Sort::ComplaintDutiesOfStall, stall, DUTIES_OF_STALL_MAX)?
            && self.has_room(Sort::ComplaintDuties, "", DUTIES_OF_SHOPPERS_MAX)?)
    }

    /// Takes one more, if there is room for it.
    fn has_room(&mut self, sort: Sort, whose: &str, max: u64) -> Result<bool, Failure> {
        match self.count(sort, whose, max) {
            Ok(()) => Ok(true),
            Err(AppendError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One more, but for the installation.
    fn count(&mut self, sort: Sort, whose: &str, max: u64) -> Result<(), Failure> {
        self.count_one(sort, whose, max).map(drop)
    }

    /// The same; tells which of the day it is, and 0 of the installation's.
    fn count_one(&mut self, sort: Sort, whose: &str, max: u64) -> Result<u64, Failure> {
        if self.actor.is_system() {
            return Ok(0);
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
            Self::Arrivals => "arrivals",
            Self::Failed => "failed",
            Self::Passed => "passed",
            Self::Releases => "releases",
            Self::Moves => "moves",
            Self::Verifications => "verifications",
            Self::Leases => "leases",
            Self::Offers => "offers",
            Self::OffersOfMerchant => "offers-of-merchant",
            Self::OffersToStall => "offers-to-stall",
            Self::Products => "products",
            Self::Complaints => "complaints",
            Self::ComplaintDuties => "complaint-duties",
            Self::ComplaintsOfSlip => "complaints-of-slip",
            Self::ComplaintsOfStall => "complaints-of-stall",
            Self::ComplaintsWithoutSlip => "complaints-without-slip",
            Self::RecallsOfOne => "recalls-of-one",
            Self::RecallsOfUnit => "recalls-of-unit",
            Self::Papers => "papers",
            Self::Assignments => "assignments",
            Self::ComplaintDutiesOfStall => "complaint-duties-of-stall",
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
            Self::Arrivals => {
                let detail =
                    format!("{max} lots of {whose} were written down as arrived today, as many as may");
                Refusal::new(Code::TooManyArrivals, "body.merchant", detail)
            }
            Self::Failed | Self::Passed => {
                let found = if self == Self::Passed { "passed" } else { "failed" };
                let detail = format!("lot {whose} {found} {max} tests today, as many as are recorded");
                Refusal::new(Code::TooManyTests, "body.lot", detail)
            }
            Self::Releases => {
                let detail = format!("lot {whose} was released {max} times today, as often as may be");
                Refusal::new(Code::TooManyReleases, "body.lot", detail)
            }
            Self::Moves => {
                let detail = format!("scale {whose} was moved {max} times today, as often as may be");
                Refusal::new(Code::TooManyOfScale, "body.scale", detail)
            }
            Self::Verifications => {
                let detail =
                    format!("{max} verifications of scale {whose} were recorded today, as many as may");
                Refusal::new(Code::TooManyOfScale, "body.scale", detail)
            }
            Self::Leases => {
                let detail = format!("stall {whose} was let {max} times today, as often as may be");
                Refusal::new(Code::TooManyLeases, "body.stall", detail)
            }
            Self::Offers | Self::OffersOfMerchant | Self::OffersToStall => {
                let of = whose.replace('>', " to ");
                let detail = format!("{max} offers were made today from or to {of}, and no more may be made");
                Refusal::new(Code::TooManyOffers, "body.to_stall", detail)
            }
            Self::Products => {
                let detail = format!("{max} products were registered or amended today, as many as may");
                Refusal::new(Code::TooManyProductsOfDay, "body.product", detail)
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
            Self::ComplaintsWithoutSlip => {
                let detail = format!("{max} that name no slip were taken down today, as many as may");
                Refusal::new(Code::TooManyComplaintsOfDay, "body.slip", detail)
            }
            Self::Papers => {
                let detail = format!("{max} papers of {whose} were recorded today, as many as may");
                Refusal::new(Code::TooManyPapers, "body.merchant", detail)
            }
            Self::Assignments => {
                let detail =
                    format!("the market's duties were assigned {max} times today, as often as may be");
                Refusal::new(Code::TooManyAssignments, "body.answering", detail)
            }
            Self::RecallsOfOne | Self::RecallsOfUnit => {
                let detail = format!("{max} recalls of lot {whose} were opened today, as many as may");
                Refusal::new(Code::TooManyRecalls, "body.lot", detail)
            }
            Self::ComplaintsOfSlip | Self::ComplaintsOfStall | Self::ComplaintDutiesOfStall => {
                let detail = format!("{max} complaints about {whose} were filed today, as many as may");
                Refusal::new(Code::TooManyComplaintsOfSlip, "body.slip", detail)
            }
        }
    }
}
