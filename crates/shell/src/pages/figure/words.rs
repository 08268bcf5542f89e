//! How figures read: titles, amounts in their unit, changes, and the way down the org tree.

use base::UnitCode;
use figures::Unit;
use kernel::Value;

use crate::app::App;
use crate::format;
use crate::texts::Lang;
use crate::view::{Cell, Crumb};

/// The text of an amount in its unit.
pub fn amount_text(lang: Lang, unit: Unit, amount: i64) -> String {
    match unit {
        Unit::Count => format::integer(amount),
        Unit::Fen => format::money(amount),
        Unit::Grams => format::weight(lang, amount),
        Unit::SquareMetres => format!("{} m²", format::integer(amount)),
        Unit::Metres => format!("{} m", format::integer(amount)),
        Unit::Milliseconds => format::duration(lang, amount),
    }
}

/// An amount for a tile that is read from afar.
pub fn amount_short(lang: Lang, unit: Unit, amount: i64) -> String {
    match unit {
        Unit::Count => format::count_short(lang, amount),
        Unit::Fen => format::money_short(lang, amount),
        Unit::Grams => format::weight_short(lang, amount),
        Unit::SquareMetres | Unit::Metres | Unit::Milliseconds => amount_text(lang, unit, amount),
    }
}

pub(super) fn amount_cell(lang: Lang, unit: Unit, amount: i64) -> Cell {
    match unit {
        Unit::Fen => Cell::money(amount),
        Unit::Count => Cell::integer(amount),
        _ => Cell { text: amount_text(lang, unit, amount), ..Cell::integer(amount) },
    }
}

/// The unit of a sum; a count where there is no such sum.
pub fn unit_of(app: &App, name: &str) -> Unit {
    app.kernel.lines().figure(name).map_or(Unit::Count, |figure| figure.unit)
}

/// What a ratio is: a share, or a mean in the unit of its numerator where its parts have different units.
fn mean(app: &App, name: &str) -> Option<Unit> {
    let ratio = app.kernel.lines().ratio(name)?;
    let (above, below) = (unit_of(app, ratio.numerator), unit_of(app, ratio.denominator));
    (above != below).then_some(above)
}

/// The text of a value: exact, or a share or mean of two sums.
pub fn value_text(app: &App, lang: Lang, name: &str, value: Value) -> String {
    match value {
        Value::Sum { amount } => amount_text(lang, unit_of(app, name), amount),
        Value::Ratio { numerator, denominator } => match mean(app, name) {
            Some(unit) => numerator
                .checked_div(denominator)
                .map_or_else(|| format::NONE.to_owned(), |mean| amount_text(lang, unit, mean)),
            None => format::percent(numerator, denominator),
        },
    }
}

/// The text of a target: an amount, a share in ten-thousandths, or a mean.
pub fn target_text(app: &App, lang: Lang, name: &str, target: i64) -> String {
    match (app.kernel.lines().ratio(name), mean(app, name)) {
        (None, _) => amount_text(lang, unit_of(app, name), target),
        (Some(_), Some(unit)) => amount_text(lang, unit, target),
        (Some(_), None) => format!("{}%", format::decimal(target, 2)),
    }
}

/// How much of a target a value has reached.
pub(super) fn reached_text(app: &App, name: &str, target: i64, value: Value) -> String {
    match value {
        Value::Sum { amount } => format::percent(amount, target),
        Value::Ratio { denominator: 0, .. } => format::NONE.to_owned(),
        Value::Ratio { numerator, denominator } => {
            let scale = if mean(app, name).is_some() { 1 } else { 10_000 };
            let share = i128::from(numerator) * scale / i128::from(denominator);
            format::percent(i64::try_from(share).unwrap_or(i64::MAX), target)
        }
    }
}

/// How a value differs from an earlier one: by how much, and by what share of it.
pub(super) fn change_text(app: &App, lang: Lang, name: &str, now: Value, before: Value) -> String {
    let signed = |text: String, change: i128| if change > 0 { format!("+{text}") } else { text };
    match (now, before) {
        (Value::Sum { amount }, Value::Sum { amount: before }) => {
            let change = amount.saturating_sub(before);
            let text = signed(amount_text(lang, unit_of(app, name), change), change.into());
            match before {
                0 => text,
                _ => match lang {
                    Lang::Zh => format!("{text}（{}）", format::change(amount, before)),
                    Lang::En => format!("{text} ({})", format::change(amount, before)),
                },
            }
        }
        (Value::Ratio { numerator: n, denominator: d }, Value::Ratio { numerator: m, denominator: e }) => {
            if d == 0 || e == 0 {
                return format::NONE.to_owned();
            }
            if let Some(unit) = mean(app, name) {
                let change = (n / d).saturating_sub(m / e);
                return signed(amount_text(lang, unit, change), change.into());
            }
            // Tenths of a percentage point.
            let tenths =
                |n: i64, d: i64| (i128::from(n) * 2_000 + i128::from(d)).div_euclid(i128::from(d) * 2);
            let change = tenths(n, d) - tenths(m, e);
            let points = signed(format::decimal(change, 1), change);
            match lang {
                Lang::Zh => format!("{points}个百分点"),
                Lang::En => format!("{points} points"),
            }
        }
        _ => format::NONE.to_owned(),
    }
}

/// The title of a figure or ratio.
pub fn title(app: &App, lang: Lang, name: &str) -> String {
    let lines = app.kernel.lines();
    let titles = lines
        .figure(name)
        .map(|figure| (figure.title_zh, figure.title_en))
        .or_else(|| lines.ratio(name).map(|ratio| (ratio.title_zh, ratio.title_en)));
    titles.map_or_else(|| name.to_owned(), |(zh, en)| in_lang(lang, zh, en))
}

/// The title of a kind.
pub fn kind_title(app: &App, lang: Lang, kind: &str) -> String {
    app.kernel
        .catalogue()
        .get(kind)
        .map_or_else(|_| kind.to_owned(), |kind| in_lang(lang, kind.title_zh, kind.title_en))
}

/// What a unit is called.
pub fn unit_title(app: &App, lang: Lang, unit: &UnitCode) -> String {
    let tree = app.tree();
    tree.unit(unit).map_or_else(|| unit.to_string(), |it| in_lang(lang, &it.title_zh, &it.title_en))
}

pub fn in_lang(lang: Lang, zh: &str, en: &str) -> String {
    match lang {
        Lang::Zh => zh.to_owned(),
        Lang::En => en.to_owned(),
    }
}

/// The way down the org tree to a unit, each step with where it leads, if anywhere.
pub fn steps(
    app: &App,
    lang: Lang,
    unit: &UnitCode,
    href: impl Fn(&UnitCode) -> Option<String>,
) -> Vec<Crumb> {
    let tree = app.tree();
    let mut path = tree.ancestors(unit);
    path.reverse();
    path.push(unit.clone());
    let last = path.len() - 1;
    let crumb = |(at, code): (usize, &UnitCode)| Crumb {
        title: unit_title(app, lang, code),
        href: if at == last { None } else { href(code) },
    };
    path.iter().enumerate().map(crumb).collect()
}

/// The way down the org tree to a unit.
pub fn crumbs(app: &App, lang: Lang, unit: &UnitCode) -> Vec<Crumb> {
    steps(app, lang, unit, |_| None)
}
