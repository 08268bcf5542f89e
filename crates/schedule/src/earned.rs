//! Earned value (挣值, GB/T 39888 and ANSI/EIA-748): money in whole fen, ratios as exact fractions.

use base::Fen;
use serde::{Deserialize, Serialize};

use crate::{Calendar, Moment, Span};

/// One activity's part in the earned value of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Budget at completion.
    pub budget: Fen,
    /// Dates of the baseline, over whose working time the budget is spread evenly.
    pub baseline: Span,
    /// Work physically done, in ten-thousandths of the whole; more counts as all.
    pub done: u16,
    /// What was spent.
    pub actual_cost: Fen,
}

const WHOLE: u16 = 10_000;

/// A fraction as it is, neither shortened nor rounded; the denominator is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    pub numerator: i128,
    pub denominator: i128,
}

impl Ratio {
    /// Nothing if the denominator is zero: an index of nothing planned or spent says nothing.
    pub fn new(numerator: i128, denominator: i128) -> Option<Self> {
        let sign = denominator.signum();
        (sign != 0).then_some(Self { numerator: numerator * sign, denominator: denominator * sign })
    }

    /// In ten-thousandths, rounded half up, for showing.
    pub fn ten_thousandths(self) -> i128 {
        (self.numerator * 20_000 + self.denominator).div_euclid(2 * self.denominator)
    }
}

/// The sums of earned value at a status date, which add up over activities, projects and units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarnedValue {
    /// BAC, budget at completion.
    pub budget: Fen,
    /// PV, what was planned to be done by the status date.
    pub planned: Fen,
    /// EV, the budget of what is done.
    pub earned: Fen,
    /// AC, what was spent.
    pub actual: Fen,
}

impl EarnedValue {
    /// The part of one activity, each rounded half up to the fen.
    pub fn of(work: &Work, calendar: &Calendar, status: Moment) -> Self {
        Self {
            budget: work.budget,
            planned: planned(work, calendar, status),
            earned: share(work.budget, i64::from(work.done.min(WHOLE)), i64::from(WHOLE)),
            actual: work.actual_cost,
        }
    }

    /// SV = EV - PV; negative is behind.
    pub fn schedule_variance(&self) -> Fen {
        self.earned - self.planned
    }

    /// CV = EV - AC; negative is dearer than planned.
    pub fn cost_variance(&self) -> Fen {
        self.earned - self.actual
    }

    /// SPI = EV / PV.
    pub fn schedule_index(&self) -> Option<Ratio> {
        Ratio::new(self.earned.0.into(), self.planned.0.into())
    }

    /// CPI = EV / AC.
    pub fn cost_index(&self) -> Option<Ratio> {
        Ratio::new(self.earned.0.into(), self.actual.0.into())
    }

    /// EAC = BAC / CPI = BAC x AC / EV, the cost at completion if the rest costs as what is done did.
    pub fn estimate_at_completion(&self) -> Option<Ratio> {
        Ratio::new(i128::from(self.budget.0) * i128::from(self.actual.0), self.earned.0.into())
    }

    /// EAC = AC + BAC - EV, the cost at completion if the rest costs as planned.
    pub fn estimate_by_budget(&self) -> Fen {
        self.actual + self.budget - self.earned
    }
}

impl std::iter::Sum for EarnedValue {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| Self {
            budget: sum.budget + part.budget,
            planned: sum.planned + part.planned,
            earned: sum.earned + part.earned,
            actual: sum.actual + part.actual,
        })
    }
}

fn planned(work: &Work, calendar: &Calendar, status: Moment) -> Fen {
    let Span { start, finish } = work.baseline;
    if status >= finish {
        return work.budget;
    }
    let whole = calendar.between(start, finish).0;
    let gone = calendar.between(start, status).0;
    if gone <= 0 || whole <= 0 { Fen(0) } else { share(work.budget, gone.min(whole), whole) }
}

/// A part of a budget, rounded half up to the fen.
fn share(budget: Fen, part: i64, whole: i64) -> Fen {
    let (part, whole) = (i128::from(part), i128::from(whole));
    let fen = (2 * i128::from(budget.0) * part + whole).div_euclid(2 * whole);
    // A part of a budget fits where the budget fits.
    Fen(i64::try_from(fen).unwrap_or(budget.0))
}

#[cfg(test)]
mod tests {
    use base::Day;

    use super::*;
    use crate::WorkingTime;

    #[test]
    fn a_third_of_the_time_and_a_quarter_of_the_work_at_half_the_budget() {
        let calendar = Calendar::new(WorkingTime::office()).unwrap();
        let at = |day: i32, hour: i64| Moment::at(Day(20_514 + day), hour * 60); // from Monday 2026-03-02
        let work = Work {
            budget: Fen(100_000),
            baseline: Span { start: at(0, 8), finish: at(2, 17) },
            done: 2_500,
            actual_cost: Fen(50_000),
        };
        let value = EarnedValue::of(&work, &calendar, at(1, 8));
        assert_eq!(value.planned, Fen(33_333));
        assert_eq!(value.earned, Fen(25_000));
        assert_eq!(value.schedule_variance(), Fen(-8_333));
        assert_eq!(value.schedule_index(), Ratio::new(25_000, 33_333));
        assert_eq!(value.cost_index().unwrap().ten_thousandths(), 5_000);
        let estimate = value.estimate_at_completion().unwrap();
        assert_eq!(estimate.numerator, 200_000 * estimate.denominator);
        assert_eq!(value.estimate_by_budget(), Fen(125_000));
        assert_eq!([value, value].into_iter().sum::<EarnedValue>().planned, Fen(66_666));
    }

    #[test]
    fn before_the_start_nothing_is_planned_and_no_index_speaks() {
        let calendar = Calendar::new(WorkingTime::office()).unwrap();
        let span = Span { start: Moment(0), finish: Moment(10_000) };
        let work = Work { budget: Fen(100), baseline: span, done: 0, actual_cost: Fen(0) };
        let value = EarnedValue::of(&work, &calendar, Moment(-5));
        assert_eq!(value, EarnedValue { budget: Fen(100), ..EarnedValue::default() });
        assert_eq!(value.schedule_index(), None);
        assert_eq!(value.estimate_at_completion(), None);
    }
}
