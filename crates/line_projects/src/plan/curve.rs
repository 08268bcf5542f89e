use std::collections::HashMap;

use base::{CityZone, Day, Fen, Time};

use super::outlook::{ActivityReport, Outlook};

/// How much is planned, earned and spent by the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct CurvePoint {
    #[schema(value_type = String, format = Date)]
    pub day: Day,
    /// PV.
    #[schema(value_type = i64)]
    pub planned_fen: Fen,
    /// EV; none for days to come.
    #[schema(value_type = Option<i64>)]
    pub earned_fen: Option<Fen>,
    /// AC; none for days to come.
    #[schema(value_type = Option<i64>)]
    pub actual_fen: Option<Fen>,
}

/// The S-curve: at the end of every week, or of longer stretches where the plan is long, and of today.
pub fn curve(
    outlook: &Outlook,
    reports: &[ActivityReport],
    payments: &[(Time, Fen)],
    zone: &CityZone,
    today: Day,
) -> Vec<CurvePoint> {
    let earned = earned_by_day(outlook, reports, zone);
    let mut spent: Vec<(Day, Fen)> = payments.iter().map(|(at, fen)| (zone.day_of(*at), *fen)).collect();
    spent.sort_by_key(|(day, _)| *day);
    let mut days: Vec<(Day, Fen)> = outlook.planned_value();
    let (first, last) = outlook.days();
    if (first..=last).contains(&today) && days.iter().all(|(day, _)| *day != today) {
        days.push((today, outlook.earned(today, Fen(0)).planned));
        days.sort_by_key(|(day, _)| *day);
    }
    let by = |all: &[(Day, Fen)], day: Day| {
        all.iter().take_while(|(at, _)| *at <= day).map(|(_, fen)| *fen).last()
    };
    let point = |(day, planned_fen): (Day, Fen)| {
        let is_past = day <= today;
        let paid: Fen = spent.iter().take_while(|(at, _)| *at <= day).map(|(_, fen)| *fen).sum();
        CurvePoint {
            day,
            planned_fen,
            earned_fen: is_past.then(|| by(&earned, day).unwrap_or_default()),
            actual_fen: is_past.then_some(paid),
        }
    };
    days.into_iter().map(point).collect()
}

/// What was earned by the end of each day on which it changed. What the file knew is counted from the plan's first day.
fn earned_by_day(outlook: &Outlook, reports: &[ActivityReport], zone: &CityZone) -> Vec<(Day, Fen)> {
    let places: HashMap<&str, usize> =
        outlook.document.labels.iter().enumerate().map(|(at, label)| (label.code.as_str(), at)).collect();
    let reported: HashMap<&str, ()> = reports.iter().map(|report| (report.activity.as_str(), ())).collect();
    // Of what nobody reported on, the plan itself says how much is done.
    let mut done: Vec<i64> = outlook
        .document
        .labels
        .iter()
        .zip(&outlook.done)
        .map(|(label, done)| if reported.contains_key(label.code.as_str()) { 0 } else { i64::from(*done) })
        .collect();
    let value = |done: &[i64]| {
        let parts = outlook.budgets.iter().zip(done);
        parts
            .map(|(budget, done)| {
                Fen((i128::from(budget.0) * i128::from(*done) / 10_000).try_into().unwrap_or(0))
            })
            .sum()
    };
    let mut days: Vec<(Day, Fen)> = vec![(outlook.days().0, value(&done))];
    for report in reports {
        let Some(&at) = places.get(report.activity.as_str()) else { continue };
        let Some(percent) = report.percent_bp else { continue };
        done[at] = percent;
        let (day, now) = (zone.day_of(report.at), value(&done));
        match days.last_mut() {
            Some(last) if last.0 == day => last.1 = now,
            _ => days.push((day, now)),
        }
    }
    days
}
