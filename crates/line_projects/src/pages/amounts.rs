//! Figures and sums as the pages of projects show them: short on tiles, in ten thousand yuan in tables, always a link.

use ::figures::Unit;
use base::Fen;
use kernel::Value;
use shell::view::{Cell, Column, FigureTile};
use shell::{App, Lang, T, format};

use super::place::in_lang;

/// What a figure or ratio is called.
pub fn title(app: &App, lang: Lang, name: &str) -> String {
    let lines = app.kernel.lines();
    let figure = lines.figure(name).map(|it| in_lang(lang, it.title_zh, it.title_en));
    figure
        .or_else(|| lines.ratio(name).map(|it| in_lang(lang, it.title_zh, it.title_en)))
        .unwrap_or_else(|| name.to_owned())
}

fn short(app: &App, lang: Lang, name: &str, amount: i64) -> String {
    match app.kernel.lines().figure(name).map(|figure| figure.unit) {
        Some(Unit::Fen) => format::money_short(lang, amount),
        _ => format::count_short(lang, amount),
    }
}

/// A figure of a unit up to a day, leading to its page.
pub fn tile(app: &App, lang: Lang, name: &str, value: Value, href: String) -> FigureTile {
    let tile = match value {
        Value::Sum { amount } => FigureTile::new(title(app, lang, name), &short(app, lang, name, amount)),
        Value::Ratio { numerator, denominator } => {
            let mut tile = FigureTile::new(title(app, lang, name), &format::percent(numerator, denominator));
            let part = app.kernel.lines().ratio(name).map_or(name, |ratio| ratio.numerator);
            let parts = [numerator, denominator].map(|amount| short(app, lang, part, amount));
            tile.note = Some(parts.join(" / "));
            tile
        }
    };
    tile.link(href)
}

/// The page of a figure for a unit and days; `dimension` is empty, or `name=value`.
pub fn href(name: &str, unit: &str, (from, to): (&str, &str), dimension: &str) -> String {
    let page = format!("/figures/{name}?unit={unit}&from={from}&to={to}");
    match dimension.is_empty() {
        true => page,
        false => shell::table::with_parameter(&page, "dimension", Some(dimension)),
    }
}

/// A sum in ten thousand yuan, or in million yuan where English is read; the head of the column names the unit.
pub fn sum(lang: Lang, fen: Fen) -> Cell {
    let size = match lang {
        Lang::Zh => 10_000,
        Lang::En => 1_000_000,
    };
    let rounded = (fen.0.abs() + size / 2) / size * fen.0.signum();
    decimal(format::decimal(rounded, 2), rounded)
}

/// The same for lists, where Chinese readers want no fractions; the file has them.
pub fn round_sum(lang: Lang, fen: Fen) -> Cell {
    let cell = sum(lang, fen);
    match lang {
        Lang::Zh => {
            Cell { text: format::integer((fen.0.abs() + 500_000) / 1_000_000 * fen.0.signum()), ..cell }
        }
        Lang::En => cell,
    }
}

/// A column of such sums.
pub fn sum_column(t: &T, key: &'static str, title: &str) -> Column {
    Column::number(key, t.with("projects-sums", &[("title", t.get(title))]))
}

/// Hundredths of a per cent as people write them: `62.5%`.
pub fn percent(bp: i64) -> String {
    let text = format::decimal_plain(bp, 2);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A share of the whole, sorted and exported by its number.
pub fn percent_cell(bp: i64) -> Cell {
    decimal(percent(bp), bp)
}

/// How much of what was due is done; nothing where nothing was due.
pub fn share(done: Fen, due: Fen) -> Cell {
    if due.0 <= 0 {
        return Cell::none();
    }
    let bp = i128::from(done.0) * 10_000 / i128::from(due.0);
    decimal(format::percent(done.0, due.0), i64::try_from(bp).unwrap_or(i64::MAX))
}

fn decimal(text: String, hundredths: i64) -> Cell {
    Cell { value: shell::view::Value::Decimal { units: hundredths, places: 2 }, ..Cell::text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_rounded_to_hundredths_of_their_unit() {
        assert_eq!(sum(Lang::Zh, Fen(5_234_567_890)).text, "5,234.57");
        assert_eq!(sum(Lang::En, Fen(5_234_567_890)).text, "52.35");
        assert_eq!(sum(Lang::Zh, Fen(-15_000)).text, "-0.02");
        assert_eq!(sum(Lang::Zh, Fen(0)).text, "0.00");
        let cell = round_sum(Lang::Zh, Fen(5_234_567_890));
        assert_eq!(cell.text, "5,235");
        assert_eq!(cell.value, sum(Lang::Zh, Fen(5_234_567_890)).value);
    }

    #[test]
    fn a_share_has_no_more_places_than_it_needs() {
        assert_eq!([0, 50, 6_250, 10_000].map(percent), ["0%", "0.5%", "62.5%", "100%"]);
    }
}
