//! Figures as the market's pages show them: short on tiles, exact in tables, always a link to the entries.

use access::Resource;
use figures::Unit;
use kernel::Value;
use shell::view::{Cell, FigureTile};
use shell::viewer::Viewer;
use shell::{App, Lang, format};

use super::place::in_lang;

/// What a figure or ratio is called.
pub fn title(app: &App, lang: Lang, name: &str) -> String {
    let lines = app.kernel.lines();
    let figure = lines.figure(name).map(|it| in_lang(lang, it.title_zh, it.title_en));
    figure
        .or_else(|| lines.ratio(name).map(|it| in_lang(lang, it.title_zh, it.title_en)))
        .unwrap_or_else(|| name.to_owned())
}

/// Those of some figures that the viewer may read: some need a right beside the one to read records.
pub fn readable(
    app: &App,
    viewer: &Viewer,
    resource: &Resource,
    names: &[&'static str],
) -> Vec<&'static str> {
    let may = |name: &&'static str| {
        app.kernel.lines().figure_needs(name).is_none_or(|needs| viewer.allows(app, needs, resource))
    };
    names.iter().copied().filter(may).collect()
}

pub fn unit(app: &App, name: &str) -> Unit {
    app.kernel.lines().figure(name).map_or(Unit::Count, |figure| figure.unit)
}

/// An amount for a tile or an axis.
pub fn short(lang: Lang, unit: Unit, amount: i64) -> String {
    match unit {
        Unit::Count => format::count_short(lang, amount),
        Unit::Fen => format::money_short(lang, amount),
        Unit::Grams => format::weight_short(lang, amount),
        Unit::SquareMetres => format!("{} m²", format::integer(amount)),
        Unit::Metres => format!("{} m", format::integer(amount)),
        Unit::Milliseconds => format::duration(lang, amount),
    }
}

/// The page of a figure for a unit and days.
pub fn href(name: &str, unit: &str, days: (&str, &str)) -> String {
    format!("/figures/{name}?unit={unit}&from={}&to={}", days.0, days.1)
}

pub fn tile(app: &App, lang: Lang, name: &str, value: Value) -> FigureTile {
    match value {
        Value::Sum { amount } => {
            FigureTile::new(title(app, lang, name), &short(lang, unit(app, name), amount))
        }
        Value::Ratio { numerator, denominator } => {
            let mut tile = FigureTile::new(title(app, lang, name), &format::percent(numerator, denominator));
            tile.note = Some(format!("{} / {}", format::integer(numerator), format::integer(denominator)));
            tile
        }
    }
}

/// A figure in a table; weights and money are in the units that the column's head names.
pub fn cell(app: &App, name: &str, value: Value) -> Cell {
    match value {
        Value::Ratio { numerator, denominator } => Cell::percent(numerator, denominator),
        Value::Sum { amount } => match unit(app, name) {
            Unit::Fen => Cell::money(amount),
            Unit::Grams => Cell::kilograms(amount),
            _ => Cell::integer(amount),
        },
    }
}

/// The head of a column of a figure.
pub fn column_title(app: &App, lang: Lang, name: &str) -> String {
    let title = title(app, lang, name);
    match (unit(app, name), lang) {
        (Unit::Grams, Lang::Zh) => format!("{title}（千克）"),
        (Unit::Grams, Lang::En) => format!("{title} (kg)"),
        (Unit::SquareMetres, Lang::Zh) => format!("{title}（m²）"),
        (Unit::SquareMetres, Lang::En) => format!("{title} (m²)"),
        _ => title,
    }
}
