//! The money of a project month by month: planned, invested and paid, added up.

use base::{CityZone, Day, Fen};
use shell::curves::{Course, Courses, Curves, Stroke, curves};
use shell::{T, format};

use crate::kinds::Month;
use crate::state::{MonthRow, Payment};

/// Months of a picture at most: beyond ten years the lines are no longer read.
const MONTHS_MAX: usize = 120;

/// The curves of a project; none where nothing was planned, invested or paid.
pub fn money(
    t: &T,
    zone: &CityZone,
    today: Day,
    months: &[MonthRow],
    payments: &[Payment],
) -> Option<Curves> {
    let paid = |payment: &Payment| (Month::of(zone.day_of(payment.at)), payment.amount_fen);
    let paid: Vec<(Month, Fen)> = payments.iter().map(paid).collect();
    let touched = || months.iter().map(|row| row.month).chain(paid.iter().map(|(month, _)| *month));
    let (first, last) = (touched().min()?, touched().max()?);
    let span: Vec<Month> = std::iter::successors(Some(first), |month| (*month < last).then(|| month.next()))
        .take(MONTHS_MAX)
        .collect();
    let now = Month::of(today);
    let planned =
        |month: Month| sum(months.iter().filter(|row| row.month <= month).map(|row| row.planned_fen));
    let invested =
        |month: Month| sum(months.iter().filter(|row| row.month <= month).map(|row| row.invested_fen));
    let paid = |month: Month| sum(paid.iter().filter(|(at, _)| *at <= month).map(|(_, fen)| *fen));
    // What is done is not known of months to come.
    let known =
        |of: &dyn Fn(Month) -> i64| span.iter().map(|month| (*month <= now).then(|| of(*month))).collect();
    let course = |key: &str, stroke, amounts| Course { title: t.get(key), stroke, amounts };
    let courses = vec![
        course(
            "projects-curve-planned",
            Stroke::Dashed,
            span.iter().map(|month| Some(planned(*month))).collect(),
        ),
        course("projects-curve-invested", Stroke::Solid, known(&invested)),
        course("projects-curve-paid", Stroke::Dotted, known(&paid)),
    ];
    let of = Courses {
        id: "curve",
        title: t.get("projects-curve"),
        description: t.get("projects-curve-description"),
        label_head: t.get("projects-field-month"),
        table_title: t.get("chart-as-table"),
        labels: span.iter().map(ToString::to_string).collect(),
        courses,
    };
    let lang = t.lang();
    Some(curves(of, |amount| format::money_short(lang, amount), format::money))
}

fn sum(amounts: impl Iterator<Item = Fen>) -> i64 {
    amounts.sum::<Fen>().0
}
