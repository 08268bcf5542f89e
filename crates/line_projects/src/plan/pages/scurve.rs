use shell::curves::{Course, Courses, Curves, Stroke, curves};
use shell::{T, format};

use crate::plan::CurvePoint;

/// The S-curve: planned, earned and spent over time.
pub fn draw(t: &T, points: &[CurvePoint]) -> Curves {
    let course = |key: &str, stroke, amounts| Course { title: t.get(key), stroke, amounts };
    let amounts = |of: &dyn Fn(&CurvePoint) -> Option<base::Fen>| {
        points.iter().map(|point| of(point).map(|fen| fen.0)).collect()
    };
    let of = Courses {
        id: "curve",
        title: t.get("plan-curve"),
        description: t.get("plan-curve-said"),
        label_head: t.get("plan-day"),
        table_title: t.get("chart-as-table"),
        labels: points.iter().map(|point| point.day.to_string()).collect(),
        courses: vec![
            course("plan-key-pv", Stroke::Dashed, amounts(&|point| Some(point.planned_fen))),
            course("plan-key-ev", Stroke::Solid, amounts(&|point| point.earned_fen)),
            course("plan-key-ac", Stroke::Dotted, amounts(&|point| point.actual_fen)),
        ],
    };
    let lang = t.lang();
    curves(of, |amount| format::money_short(lang, amount), format::money)
}
