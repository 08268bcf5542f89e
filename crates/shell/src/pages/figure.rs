//! A figure opened: its value, its course, its parts, and the entries behind it.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use figures::Unit;
use kernel::{Behind, Value};

use super::page;
use crate::api::figures::{Asked as FigureQuery, Question, line_of};
use crate::app::App;
use crate::chart::{self, Chart, Series};
use crate::extract::{Path, Query};
use crate::format;
use crate::problem::Problem;
use crate::said;
use crate::table::with_parameter;
use crate::texts::{Lang, T};
use crate::view::{Cell, Column, Crumb, Empty, FigureTile, Frame, Link, Pager, TableView};
use crate::viewer::{Asked, Here, Viewer};

pub fn router() -> Router<App> {
    Router::new().route("/figures/{name}", get(figure))
}

const ENTRIES: usize = 50;
/// Values of a dimension that are shown.
const PARTS: usize = 30;

#[derive(Template)]
#[template(path = "figure.html")]
struct FigurePage {
    frame: Frame,
    tile: FigureTile,
    /// The two sums of a ratio.
    parts_of_ratio: Vec<FigureTile>,
    from: String,
    to: String,
    unit: String,
    dimension: String,
    chart: Option<Chart>,
    parts: Vec<TableView>,
    entries: Option<TableView>,
}

/// The text of an amount in its unit.
pub fn amount_text(lang: Lang, unit: Unit, amount: i64) -> String {
    match unit {
        Unit::Count => format::integer(amount),
        Unit::Fen => format::money(amount),
        Unit::Grams => format::weight(lang, amount),
        Unit::SquareMetres => format!("{} m²", format::integer(amount)),
        Unit::Milliseconds => format::duration(lang, amount),
    }
}

fn amount_cell(lang: Lang, unit: Unit, amount: i64) -> Cell {
    match unit {
        Unit::Fen => Cell::money(amount),
        Unit::Count => Cell::integer(amount),
        _ => Cell { text: amount_text(lang, unit, amount), ..Cell::integer(amount) },
    }
}

/// What a ratio shows: a share, or a mean where its parts have different units.
pub fn ratio_text(app: &App, lang: Lang, name: &str, numerator: i64, denominator: i64) -> String {
    let lines = app.kernel.lines();
    let unit = |name: &str| lines.figure(name).map(|figure| figure.unit);
    let units = lines.ratio(name).map(|ratio| (unit(ratio.numerator), unit(ratio.denominator)));
    match units {
        Some((Some(above), Some(below))) if above != below => match numerator.checked_div(denominator) {
            Some(mean) => amount_text(lang, above, mean),
            None => "–".into(),
        },
        _ if denominator == 0 => "–".into(),
        _ => format::percent(numerator, denominator),
    }
}

/// The title of a figure or ratio.
pub fn title(app: &App, lang: Lang, name: &str) -> String {
    let lines = app.kernel.lines();
    let titles = lines
        .figure(name)
        .map(|figure| (figure.title_zh, figure.title_en))
        .or_else(|| lines.ratio(name).map(|ratio| (ratio.title_zh, ratio.title_en)));
    match (titles, lang) {
        (Some((zh, _)), Lang::Zh) => zh.to_owned(),
        (Some((_, en)), Lang::En) => en.to_owned(),
        (None, _) => name.to_owned(),
    }
}

/// A value of a dimension, what it is called, and its part of the figure.
type Part = (String, String, i64);

/// What a page reads for a figure that is a sum.
struct Read {
    value: i64,
    series: Vec<kernel::Point>,
    by_book: Vec<(base::BookId, i64)>,
    by_dimension: Vec<(&'static str, Vec<Part>)>,
    behind: kernel::Page<Behind>,
}

async fn figure(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(name): Path<String>,
    Query(asked): Query<FigureQuery>,
) -> Result<Response, Problem> {
    let question = Question::new(&app, &viewer, &name, &asked)?;
    let line = line_of(&app.kernel, &name)?;
    let t = app.texts.t(lang);
    let mut frame = viewer.frame(&app, lang, title(&app, lang, &name), &here);
    frame.crumbs = crumbs(&app, lang, &question.unit);
    let (from, to) = (question.period.from.to_string(), question.period.to.to_string());
    let unit = question.unit.to_string();
    let dimension = question.dimension.clone();
    let Some(definition) = app.kernel.lines().figure(&name) else {
        let figure = name.clone();
        let value = app
            .blocking(move |kernel| {
                kernel.figure(&figure, &question.books, question.period, &question.dimension)
            })
            .await?;
        return ratio_page(&app, lang, frame, &name, value, &here, [from, to, unit, dimension]);
    };
    let cursor = asked.cursor.clone();
    let (figure, chosen) = (name.clone(), dimension.clone());
    let naming = (app.clone(), t.clone());
    let read = app
        .blocking(move |kernel| {
            let (books, period) = (&question.books, question.period);
            let by_dimension = match chosen.is_empty() {
                true => definition.dimensions,
                false => &[],
            };
            Ok::<_, kernel::FigureError>(Read {
                value: kernel.sum(&figure, books, period, &chosen)?,
                series: kernel.series(&figure, books, period, &chosen)?,
                by_book: if books.len() > 1 {
                    kernel.by_book(&figure, books, period, &chosen)?
                } else {
                    Vec::new()
                },
                by_dimension: by_dimension
                    .iter()
                    .map(|name| {
                        let values = kernel.by_dimension(&figure, books, period, name)?;
                        Ok((*name, titled(kernel, &naming, books, (&figure, name), values)?))
                    })
                    .collect::<Result<_, kernel::FigureError>>()?,
                behind: kernel.behind(&figure, books, period, &chosen, cursor.as_deref(), ENTRIES)?,
            })
        })
        .await?;
    let unit_of = definition.unit;
    let tile = FigureTile::new(title(&app, lang, &name), &amount_text(lang, unit_of, read.value));
    let points = read.series.iter().map(|point| chart::Point {
        label: point.day.to_string(),
        value: point.amount,
        text: amount_text(lang, unit_of, point.amount),
        href: Some(day_href(&here, &point.day.to_string())),
    });
    let series = Series {
        id: "course",
        title: title(&app, lang, &name),
        description: t.get("figure-course"),
        label_head: t.get("figure-day"),
        value_head: t.get("figure-amount"),
        table_title: t.get("chart-as-table"),
        points: points.collect(),
    };
    let draw = if definition.state { chart::line } else { chart::bars };
    let chart = (series.points.len() > 1).then(|| draw(series, |amount| amount_text(lang, unit_of, amount)));
    let mut parts = Vec::new();
    if !read.by_book.is_empty() {
        let row = |(book, amount): (base::BookId, i64)| {
            let unit = app.tree().unit_of_book(&book).map(ToString::to_string);
            let href = unit.map(|unit| with_parameter(&here, "unit", Some(&unit)));
            (
                said::book_title(&app, lang, &book),
                href.map(|href| with_parameter(&href, "cursor", None)),
                amount,
            )
        };
        let rows = read.by_book.into_iter().map(row).collect();
        parts.push(part_table(&t, lang, unit_of, "by-book", t.get("figure-by-book"), rows));
    }
    for (dimension, values) in read.by_dimension {
        let rows = values
            .into_iter()
            .map(|(value, title, amount)| {
                let href = with_parameter(&here, "dimension", Some(&format!("{dimension}={value}")));
                (title, Some(with_parameter(&href, "cursor", None)), amount)
            })
            .collect();
        parts.push(part_table(
            &t,
            lang,
            unit_of,
            "by-value",
            t.get(&format!("{line}-dimension-{dimension}")),
            rows,
        ));
    }
    let entries = Some(entries_table(&app, &t, lang, unit_of, &here, asked.cursor.is_some(), read.behind));
    page(&FigurePage {
        frame,
        tile,
        parts_of_ratio: Vec::new(),
        from,
        to,
        unit,
        dimension,
        chart,
        parts,
        entries,
    })
}

/// Values of a dimension, the first thirty of them with what they are called in the first book that knows them.
fn titled(
    kernel: &kernel::Kernel,
    (app, t): &(App, T),
    books: &[base::BookId],
    (figure, dimension): (&str, &str),
    values: Vec<(String, i64)>,
) -> Result<Vec<Part>, store::StoreError> {
    let of = (said::line(figure), dimension);
    kernel.read(|tx| {
        let mut all = Vec::new();
        for (value, amount) in values.into_iter().take(PARTS) {
            let mut title = value.clone();
            for book in books {
                title = said::value_title(app, tx, t, book, of, &value)?;
                if title != value {
                    break;
                }
            }
            all.push((value, title, amount));
        }
        Ok(all)
    })
}

fn day_href(here: &str, day: &str) -> String {
    let href = with_parameter(here, "from", Some(day));
    let href = with_parameter(&href, "to", Some(day));
    with_parameter(&href, "cursor", None)
}

fn ratio_page(
    app: &App,
    lang: Lang,
    frame: Frame,
    name: &str,
    value: Value,
    here: &str,
    [from, to, unit, dimension]: [String; 4],
) -> Result<Response, Problem> {
    let (Value::Ratio { numerator, denominator }, Some(ratio)) = (value, app.kernel.lines().ratio(name))
    else {
        return Err(Problem::not_found());
    };
    let query = here.split_once('?').map_or("", |(_, query)| query);
    let part = |figure: &'static str, amount: i64| {
        let unit = app.kernel.lines().figure(figure).map_or(Unit::Count, |figure| figure.unit);
        FigureTile::new(title(app, lang, figure), &amount_text(lang, unit, amount))
            .link(format!("/figures/{figure}?{query}"))
    };
    let tile = FigureTile::new(title(app, lang, name), &ratio_text(app, lang, name, numerator, denominator));
    let parts_of_ratio = vec![part(ratio.numerator, numerator), part(ratio.denominator, denominator)];
    page(&FigurePage {
        frame,
        tile,
        parts_of_ratio,
        from,
        to,
        unit,
        dimension,
        chart: None,
        parts: Vec::new(),
        entries: None,
    })
}

fn part_table(
    t: &T,
    lang: Lang,
    unit: Unit,
    id: &'static str,
    caption: String,
    rows: Vec<(String, Option<String>, i64)>,
) -> TableView {
    let columns =
        vec![Column::text("part", t.get("figure-part")), Column::number("amount", t.get("figure-amount"))];
    let empty = Empty { title: t.get("figure-none"), hint: t.get("figure-none-hint"), action: None };
    let mut table = TableView::new(id, caption, columns, empty);
    table.rows = rows
        .into_iter()
        .map(|(name, href, amount)| {
            let cells = [Cell::text(name), amount_cell(lang, unit, amount)];
            cells.map(|cell| if let Some(href) = &href { cell.link(href) } else { cell }).to_vec()
        })
        .collect();
    table
}

fn entries_table(
    app: &App,
    t: &T,
    lang: Lang,
    unit: Unit,
    here: &str,
    later: bool,
    behind: kernel::Page<Behind>,
) -> TableView {
    let columns = vec![
        Column::text("entry", t.get("entry")),
        Column::text("kind", t.get("entry-kind")),
        Column::text("occurred", t.get("entry-occurred")),
        Column::text("actor", t.get("entry-actor")),
        Column::number("amount", t.get("figure-contributes")),
    ];
    let empty = Empty { title: t.get("figure-none"), hint: t.get("figure-none-hint"), action: None };
    let mut table = TableView::new("entries", t.get("figure-entries"), columns, empty);
    table.rows = behind
        .items
        .iter()
        .map(|behind| {
            let entry = &behind.entry;
            vec![
                Cell::text(format!("{} · {}", said::book_title(app, lang, &entry.book), entry.seq))
                    .link(format!("/ledger/{}/{}", entry.book, entry.seq)),
                Cell::text(kind_title(app, lang, entry.kind.as_str())),
                Cell::date_time(app.moment(entry.occurred)),
                Cell::text(said::actor(t, &entry.actor)),
                amount_cell(lang, unit, behind.amount).link(format!("/ledger/{}/{}", entry.book, entry.seq)),
            ]
        })
        .collect();
    if behind.next.is_some() || later {
        table.pager = Some(Pager {
            text: t.with("figure-entries-shown", &[("count", table.rows.len())]),
            previous: later.then(|| with_parameter(here, "cursor", None)),
            next: behind.next.map(|cursor| with_parameter(here, "cursor", Some(&cursor))),
        });
    }
    let base = here.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    let api = here.split('?').next().unwrap_or_default();
    table.exports = vec![Link { title: "JSON".into(), href: format!("/api{api}/entries{base}") }];
    table
}

/// The title of a kind.
pub fn kind_title(app: &App, lang: Lang, kind: &str) -> String {
    app.kernel.catalogue().get(kind).map_or_else(
        |_| kind.to_owned(),
        |kind| match lang {
            Lang::Zh => kind.title_zh.to_owned(),
            Lang::En => kind.title_en.to_owned(),
        },
    )
}

/// The way down the org tree to a unit.
pub fn crumbs(app: &App, lang: Lang, unit: &base::UnitCode) -> Vec<Crumb> {
    let tree = app.tree();
    let mut path = tree.ancestors(unit);
    path.reverse();
    if path.last() != Some(unit) {
        path.push(unit.clone());
    }
    let title = |code: &base::UnitCode| match tree.unit(code) {
        Some(unit) if lang == Lang::En => unit.title_en.clone(),
        Some(unit) => unit.title_zh.clone(),
        None => code.to_string(),
    };
    path.iter().map(|code| Crumb { title: title(code), href: None }).collect()
}
