//! A city's or county's markets: figures of a unit, the course of its sales, and its markets side by side.

use std::collections::BTreeMap;

use ::figures::Unit;
use access::{Resource, scope};
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::{BookId, Day, UnitCode};
use kernel::{FigureError, Period, Value};
use shell::chart::{self, Chart, Series};
use shell::extract::Query;
use shell::pages::page;
use shell::table::{Direction, TableSpec};
use shell::view::{Cell, Column, Empty, FigureTile, Frame, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Both, Lang, Problem, T};

use super::amounts;
use super::place::{crumbs, in_lang};
use super::rows;
use crate::figures as of;
use crate::policy::READ;

pub fn router() -> Router<App> {
    Router::new().route("/market", get(overview))
}

/// The figures of a unit's markets, in the order in which they are read.
pub const TILES: [&str; 14] = [
    of::SALES_AMOUNT,
    of::SALES,
    of::SALES_GRAMS,
    of::LOTS,
    of::PASS_RATE,
    of::HELD,
    of::COMPLAINTS_OPEN,
    of::VISITORS,
    of::MERCHANTS,
    of::OCCUPANCY,
    of::SCALES,
    of::JOBS,
    of::AREA,
    of::BLOCK_MEAN,
];

/// The figures that markets are compared by.
const COLUMNS: [&str; 9] = [
    of::SALES_AMOUNT,
    of::SALES,
    of::SALES_GRAMS,
    of::LOTS,
    of::PASS_RATE,
    of::HELD,
    of::COMPLAINTS_OPEN,
    of::VISITORS,
    of::OCCUPANCY,
];

const SPEC: TableSpec =
    TableSpec { sortable: &COLUMN_KEYS, sort: (of::SALES_AMOUNT, Direction::Descending), per_page: 50 };
const COLUMN_KEYS: [&str; 10] = {
    let mut keys = ["market"; 10];
    let mut at = 0;
    while at < COLUMNS.len() {
        keys[at + 1] = COLUMNS[at];
        at += 1;
    }
    keys
};

/// What the chart shows: the first that the viewer may read.
const COURSE: [&str; 2] = [of::SALES_AMOUNT, of::SALES];
/// Days that the chart looks back.
const COURSE_DAYS: i32 = 30;

#[derive(Template)]
#[template(path = "office/overview.html")]
struct OverviewPage {
    frame: Frame,
    units: Vec<(String, String)>,
    unit: String,
    from: String,
    to: String,
    tiles: Vec<FigureTile>,
    chart: Chart,
    markets: TableView,
}

async fn overview(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let units = units(&app, &viewer)?;
    let Some(first) = units.first() else { return own_market(&app, &viewer) };
    let unit = match query.get("unit").filter(|unit| !unit.is_empty()) {
        Some(asked) => {
            units.iter().find(|unit| unit.as_str() == asked).ok_or_else(Problem::not_found)?.clone()
        }
        None => first.clone(),
    };
    let tree = app.tree();
    let books = tree.books_of_subtree(&unit, Some("market"));
    let period = period(&app, &query)?;
    let resource = Resource::of(&unit).in_line("market");
    let shown = Shown {
        tiles: amounts::readable(&app, &viewer, &resource, &TILES),
        columns: amounts::readable(&app, &viewer, &resource, &COLUMNS),
        course: amounts::readable(&app, &viewer, &resource, &COURSE).first().copied().unwrap_or(of::SALES),
    };
    let read = read(&app, books.clone(), period, shown.clone()).await?;

    let t = app.texts.t(lang);
    let mut frame = viewer.frame(&app, lang, t.get("office-overview"), &here);
    frame.crumbs = crumbs(&app, &viewer, lang, &unit);
    frame.as_of = Some(shell::format::date_time(app.moment(app.kernel.now())));
    let (from, to) = (period.from.to_string(), period.to.to_string());
    let days = (from.as_str(), to.as_str());
    let tiles = tiles(&app, lang, unit.as_str(), days, &shown.tiles, &read.tiles);
    let chart = course(&app, &t, unit.as_str(), shown.course, &read.course);
    let columns = std::iter::once(Column::text("market", t.get("office-market")))
        .chain(shown.columns.iter().map(|name| Column::number(name, amounts::column_title(&app, lang, name))))
        .collect::<Vec<_>>();
    let asked = rows::asked(&SPEC, &here)?;
    let columns = columns.into_iter().map(|column| column.sorted(&asked)).collect();
    let empty =
        Empty { title: t.get("office-no-markets"), hint: t.get("office-no-markets-hint"), action: None };
    let mut markets = TableView::new("markets", t.get("office-markets"), columns, empty);
    let row = |(book, values): &(BookId, Vec<Value>)| {
        let kept = tree.book(book);
        let keeper = kept.and_then(|it| tree.unit(&it.unit));
        let title = keeper.map_or_else(|| book.to_string(), |it| in_lang(lang, &it.title_zh, &it.title_en));
        let unit = kept.map_or_else(String::new, |it| it.unit.to_string());
        let mut cells = vec![Cell::text(title).link(format!("/market/{book}"))];
        cells.extend(
            shown.columns.iter().zip(values).map(|(name, value)| {
                amounts::cell(&app, name, *value).link(amounts::href(name, &unit, days))
            }),
        );
        cells
    };
    rows::fill(&mut markets, &asked, &t, read.markets.iter().map(row).collect());
    if asked.export.is_some() {
        return rows::answer(&app, &asked, rows::ListPage { frame, actions: Vec::new(), table: markets })
            .await;
    }
    let units = units
        .iter()
        .filter_map(|code| tree.unit(code))
        .map(|it| (it.code.to_string(), in_lang(lang, &it.title_zh, &it.title_en)))
        .collect();
    page(&OverviewPage { frame, units, unit: unit.to_string(), from, to, tiles, chart, markets })
}

/// The units with markets whose records the viewer may read, the highest first.
fn units(app: &App, viewer: &Viewer) -> Result<Vec<UnitCode>, Problem> {
    let Some(actor) = viewer.actor() else { return Err(Problem::unauthorized()) };
    let tree = app.tree();
    let mut units = scope(app.kernel.policy(), &tree, actor, READ).units(&tree, Some("market"));
    units.retain(|unit| {
        !tree.books_of_subtree(unit, Some("market")).is_empty()
            && viewer.allows(app, READ, &Resource::of(unit).in_line("market"))
    });
    units.sort_by_key(|unit| tree.ancestors(unit).len());
    Ok(units)
}

/// A merchant's only place is its own page.
fn own_market(app: &App, viewer: &Viewer) -> Result<Response, Problem> {
    let tree = app.tree();
    let sights = viewer
        .actor()
        .map(|actor| scope(app.kernel.policy(), &tree, actor, READ))
        .ok_or_else(Problem::unauthorized)?;
    let home = sights.sights().iter().find_map(|sight| sight.owner.as_ref()?.home().map(str::to_owned));
    match home {
        Some(book) => Ok(Redirect::to(&format!("/market/{book}/mine")).into_response()),
        None => viewer
            .need(app, READ, &Resource::of(tree.root().ok_or_else(Problem::not_found)?).in_line("market"))
            .and(Err(Problem::not_found())),
    }
}

/// The days asked for; today, if none are.
fn period(app: &App, query: &BTreeMap<String, String>) -> Result<Period, Problem> {
    let day = |name: &str, default: Day| match query.get(name).filter(|text| !text.is_empty()) {
        None => Ok(default),
        Some(text) => Day::parse(text).map_err(|error| {
            Problem::bad_request(
                name,
                "format",
                Both::new(format!("“{text}”不是日期，应形如 2021-12-10。"), error.to_string()),
            )
        }),
    };
    let to = day("to", app.today())?;
    let from = day("from", to)?;
    if from > to || to.0 - from.0 > 3_700 {
        let detail = Both::new(
            "起始日期应不晚于截止日期，跨度不超过十年。",
            "from lies after to, or more than ten years before it",
        );
        return Err(Problem::bad_request("from", "range", detail));
    }
    Ok(Period { from, to })
}

/// The figures that the viewer may read.
#[derive(Clone)]
struct Shown {
    tiles: Vec<&'static str>,
    columns: Vec<&'static str>,
    course: &'static str,
}

struct Read {
    tiles: Vec<Value>,
    course: Vec<kernel::Point>,
    markets: Vec<(BookId, Vec<Value>)>,
}

async fn read(app: &App, books: Vec<BookId>, period: Period, shown: Shown) -> Result<Read, Problem> {
    app.blocking(move |kernel| {
        let course = Period { from: period.to.plus(1 - COURSE_DAYS), to: period.to };
        let of_book = |book: &BookId| {
            let one = std::slice::from_ref(book);
            let values = shown.columns.iter().map(|name| kernel.figure(name, one, period, ""));
            let values = values.collect::<Result<_, _>>()?;
            Ok::<_, FigureError>((book.clone(), values))
        };
        Ok::<_, FigureError>(Read {
            tiles: shown
                .tiles
                .iter()
                .map(|name| kernel.figure(name, &books, period, ""))
                .collect::<Result<_, _>>()?,
            course: kernel.series(shown.course, &books, course, "")?,
            markets: books.iter().map(of_book).collect::<Result<_, _>>()?,
        })
    })
    .await
}

/// Tiles of some of [`TILES`], each a link to its entries.
pub fn tiles(
    app: &App,
    lang: Lang,
    unit: &str,
    days: (&str, &str),
    names: &[&'static str],
    values: &[Value],
) -> Vec<FigureTile> {
    names
        .iter()
        .zip(values)
        .map(|(name, value)| match (*name, *value) {
            // A mean, not a share.
            (of::BLOCK_MEAN, Value::Ratio { numerator, denominator }) => {
                let mean = numerator.checked_div(denominator);
                let text = mean.map_or_else(
                    || shell::format::NONE.to_owned(),
                    |ms| amounts::short(lang, Unit::Milliseconds, ms),
                );
                let mut tile = FigureTile::new(amounts::title(app, lang, name), "");
                tile.value = text;
                tile
            }
            _ => amounts::tile(app, lang, name, *value),
        })
        .zip(names)
        .map(|(tile, name)| tile.link(amounts::href(name, unit, days)))
        .collect()
}

/// Sales a day.
fn course(app: &App, t: &T, unit: &str, name: &'static str, points: &[kernel::Point]) -> Chart {
    let lang = t.lang();
    let of_unit = amounts::unit(app, name);
    let points = points.iter().map(|point| {
        let day = point.day.to_string();
        chart::Point {
            label: day.get(5..).unwrap_or_default().to_owned(),
            value: point.amount,
            text: match of_unit {
                Unit::Fen => shell::format::money(point.amount),
                _ => shell::format::integer(point.amount),
            },
            href: Some(amounts::href(name, unit, (&day, &day))),
        }
    });
    let series = Series {
        id: "course",
        title: t.get(if name == of::SALES { "office-course-count" } else { "office-course" }),
        description: t.get("office-course-description"),
        label_head: t.get("day"),
        value_head: amounts::title(app, lang, name),
        table_title: t.get("chart-as-table"),
        points: points.collect(),
    };
    chart::bars(series, |amount| amounts::short(lang, of_unit, amount))
}
