//! The value of a figure with what it is compared with, and its targets.

use kernel::{Against, Compared, Period, Value};

use super::words::{change_text, reached_text, target_text, title, value_text};
use crate::api::figures::Reached;
use crate::app::App;
use crate::table::with_parameter;
use crate::texts::T;
use crate::view::FigureTile;

/// The days of a tile: of a state, the last one.
fn days_text(t: &T, state: bool, period: Period) -> String {
    let (from, to) = (period.from.to_string(), period.to.to_string());
    match (state, from == to) {
        (true, _) => t.with("figure-as-of", &[("day", &to)]),
        (false, true) => to,
        (false, false) => t.with("figure-days", &[("from", &from), ("to", &to)]),
    }
}

/// The value itself.
pub fn value(app: &App, t: &T, name: &str, state: bool, period: Period, value: Value) -> FigureTile {
    let mut tile = FigureTile::new(title(app, t.lang(), name), &value_text(app, t.lang(), name, value));
    tile.note = Some(days_text(t, state, period));
    tile
}

/// What a period is compared with, in words.
fn against(t: &T, against: Against, period: Period) -> String {
    let whole = period.is_whole_months();
    match (against, period.months(), whole) {
        (Against::Before, 1, true) => t.get("figure-before-month"),
        (Against::Before, 1, false) => t.get("figure-before-days"),
        (Against::Before, months, true) => t.with("figure-before-months", &[("count", months)]),
        (Against::Before, months, false) => t.with("figure-before-months-days", &[("count", months)]),
        (Against::YearAgo, ..) => t.get("figure-year-ago"),
    }
}

/// The same figure in another period, with how much it has changed since.
pub fn compared(
    app: &App,
    t: &T,
    name: &str,
    here: &str,
    (state, period, now): (bool, Period, Value),
    other: Compared,
) -> FigureTile {
    let text = value_text(app, t.lang(), name, other.value);
    let mut tile = FigureTile::new(against(t, other.against, period), &text).link(at(here, other.period));
    let mut note = days_text(t, state, other.period);
    if !state && other.period.days() != period.days() {
        let lengths = [("then", other.period.days()), ("now", period.days())];
        note = format!("{note}{}", t.with("figure-lengths", &lengths));
    }
    let change = change_text(app, t.lang(), name, now, other.value);
    tile.note = Some(format!("{} · {note}", t.with("figure-change", &[("change", change)])));
    tile
}

/// A target, with what has been reached of it.
pub fn target(app: &App, t: &T, name: &str, reached: &Reached) -> FigureTile {
    let target = reached.target.amount;
    let mut tile = FigureTile::new(t.get("figure-target"), &target_text(app, t.lang(), name, target))
        .link(format!("/ledger/{}/{}", kernel::ROOT_BOOK, reached.target.seq));
    let words = [
        ("days", days_text(t, false, reached.target.period)),
        ("until", reached.until.to_string()),
        ("value", value_text(app, t.lang(), name, reached.value)),
        ("share", reached_text(app, name, target, reached.value)),
    ];
    tile.note = Some(t.with("figure-target-reached", &words));
    tile
}

/// The same page for other days.
pub fn at(here: &str, period: Period) -> String {
    let href = with_parameter(here, "from", Some(&period.from.to_string()));
    let href = with_parameter(&href, "to", Some(&period.to.to_string()));
    with_parameter(&href, "cursor", None)
}
