//! The S-curve: planned, earned and spent over time, told apart by how their lines are drawn.

use askama::Template;
use base::{Day, Fen};
use shell::format::money_short;
use shell::{Lang, T};

use crate::plan::CurvePoint;

const HEIGHT: i64 = 220;
/// Units of width; the picture is stretched to its box.
const WIDTH: i64 = 1_000;

#[derive(Debug, Clone, Template)]
#[template(path = "plan/curve.html")]
pub struct SCurve {
    t: T,
    height: i64,
    width: i64,
    planned: String,
    earned: String,
    actual: String,
    ticks: Vec<(i64, String)>,
    /// Percent of the width, and the month.
    months: Vec<(String, String)>,
    today: Option<i64>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    day: String,
    planned: String,
    earned: String,
    actual: String,
}

/// Rows of the table below the picture, at most: enough to read the curve from.
const ROWS_MAX: usize = 60;

pub fn draw(t: &T, lang: Lang, points: &[CurvePoint], today: Day) -> SCurve {
    let (first, last) = match (points.first(), points.last()) {
        (Some(first), Some(last)) => (first.day, last.day),
        _ => (today, today),
    };
    let days = i64::from(last.0 - first.0).max(1);
    let each = |point: &CurvePoint| [Some(point.planned_fen), point.earned_fen, point.actual_fen];
    let most = points.iter().flat_map(each).flatten().map(|fen| fen.0).max().unwrap_or(0).max(1);
    let top = round_up(most);
    let x = |day: Day| i64::from(day.0 - first.0) * WIDTH / days;
    let y = |fen: Fen| {
        HEIGHT - i64::try_from(i128::from(fen.0) * i128::from(HEIGHT) / i128::from(top)).unwrap_or(0)
    };
    let line = |value: &dyn Fn(&CurvePoint) -> Option<Fen>| {
        let drawn = points.iter().filter_map(|point| Some((point.day, value(point)?)));
        drawn.map(|(day, fen)| format!("{},{}", x(day), y(fen))).collect::<Vec<_>>().join(" ")
    };
    let step = points.len().div_ceil(ROWS_MAX).max(1);
    let money = |fen: Option<Fen>| fen.map(|fen| money_short(lang, fen.0)).unwrap_or_default();
    let row = |point: &CurvePoint| Row {
        day: point.day.to_string(),
        planned: money(Some(point.planned_fen)),
        earned: money(point.earned_fen),
        actual: money(point.actual_fen),
    };
    let mut months: Vec<(String, String)> = Vec::new();
    let mut month = first.plus(27).first_of_month();
    let apart = (days / 6).max(28);
    let mut drawn = None;
    while month <= last {
        if drawn.is_none_or(|drawn: Day| i64::from(month.0 - drawn.0) >= apart) && month >= first {
            let (year, number, _) = month.civil();
            let percent = 100 * i64::from(month.0 - first.0) / days;
            if percent < 96 {
                months.push((format!("{percent}%"), format!("{year}-{number:02}")));
                drawn = Some(month);
            }
        }
        month = month.plus(31).first_of_month();
    }
    SCurve {
        t: t.clone(),
        height: HEIGHT,
        width: WIDTH,
        planned: line(&|point| Some(point.planned_fen)),
        earned: line(&|point| point.earned_fen),
        actual: line(&|point| point.actual_fen),
        ticks: (0..=4).map(|part| (HEIGHT - HEIGHT * part / 4, money_short(lang, top / 4 * part))).collect(),
        months,
        today: (first..=last).contains(&today).then(|| x(today)),
        rows: points.iter().step_by(step).map(row).collect(),
    }
}

/// The next of 1, 2, 4 or 8 times a power of ten, so that quarters are round too.
fn round_up(most: i64) -> i64 {
    let mut step = 4;
    while step < most {
        for factor in [1, 2, 4, 8] {
            if step / 4 * 4 * factor >= most && step * factor >= most {
                return step * factor;
            }
        }
        step = step.saturating_mul(10);
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_number_above_the_most() {
        for (most, top) in [(1, 4), (5, 8), (900, 1_600), (40, 40), (41, 80), (100_001, 160_000)] {
            assert_eq!(round_up(most), top, "{most}");
        }
    }
}
