//! A figure opened: its value, what it is compared with, its course, its parts, and the entries behind it.

mod file;
mod provenance;
mod read;
mod tables;
mod tiles;
mod words;

use access::Resource;
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::Month;
use figures::Figure;
use kernel::{Branch, Period, Value};
use serde::Deserialize;

pub use words::{
    amount_short, amount_text, crumbs, in_lang, kind_title, target_text, title, unit_of, unit_title,
    value_text,
};

use super::page;
use crate::api::figures::{Asked as FigureQuery, Question, may_read};
use crate::app::App;
use crate::chart::{self, Chart, Series};
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::said;
use crate::table::with_parameter;
use crate::texts::T;
use crate::view::{FigureTile, Frame, Link, TableView};
use crate::viewer::{Asked, Here, Viewer};
use read::{Course, OfValue};
use tables::Part;

pub fn router() -> Router<App> {
    Router::new().route("/figures/{name}", get(figure)).merge(provenance::router())
}

/// What a page of a figure is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    unit: Option<String>,
    book: Option<String>,
    from: Option<String>,
    to: Option<String>,
    dimension: Option<String>,
    cursor: Option<String>,
    /// Of a file: which table, and in which format.
    table: Option<String>,
    export: Option<String>,
}

impl Wanted {
    /// The question that the API would be asked.
    fn question(&self, app: &App, viewer: &Viewer, name: &str) -> Result<Question, Problem> {
        let Self { unit, book, from, to, dimension, .. } = self.clone();
        let (by, step, cursor, count, lang) = (None, None, None, None, None);
        let asked = FigureQuery { unit, book, from, to, dimension, by, step, cursor, count, lang };
        Question::new(app, viewer, name, &asked)
    }
}

#[derive(Template)]
#[template(path = "figure.html")]
struct FigurePage {
    frame: Frame,
    actions: Vec<Link>,
    /// Days that are asked for often; the present ones are marked.
    periods: Vec<(Link, bool)>,
    tiles: Vec<FigureTile>,
    from: String,
    to: String,
    unit: String,
    book: String,
    dimension: String,
    /// What the dimension asked for is called, and the address without it.
    narrowed: Option<(String, String)>,
    chart: Option<Chart>,
    /// Where the course can be had as a file.
    course: Vec<Link>,
    parts: Vec<TableView>,
    entries: Option<TableView>,
}

async fn figure(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let question = wanted.question(&app, &viewer, &name)?;
    let t = app.texts.t(lang);
    if let Some(format) = &wanted.export {
        return file::answer(&app, &t, &name, question, format, wanted.table.as_deref().unwrap_or_default())
            .await;
    }
    let definition = app.kernel.lines().figure(&name);
    let (asked, cursor, of) = (question.clone(), wanted.cursor.clone(), name.clone());
    let naming = (app.clone(), t.clone());
    let read = app
        .blocking(move |kernel| read::read(kernel, &naming, (&of, definition), &asked, cursor.as_deref()))
        .await?;

    let mut frame = viewer.frame(&app, lang, title(&app, lang, &name), &here);
    frame.crumbs = crumbs_of(&app, &viewer, &t, &name, &here, &question);
    frame.as_of = Some(crate::format::date_time(app.moment(app.kernel.now())));
    let state = definition.is_some_and(|figure| figure.state);
    let shown = (state, question.period, read.value);
    let mut tiles = vec![tiles::value(&app, &t, &name, state, question.period, read.value)];
    tiles.extend(parts_of_ratio(&app, &t, &name, &here, read.value));
    tiles
        .extend(read.compared.into_iter().map(|other| tiles::compared(&app, &t, &name, &here, shown, other)));
    tiles.extend(read.reached.iter().map(|reached| tiles::target(&app, &t, &name, reached)));

    let mut parts = Vec::new();
    if read
        .branches
        .iter()
        .any(|(branch, _)| !matches!(branch, Branch::Book(book) if question.books == [book.clone()]))
    {
        let rows: Vec<Part> =
            read.branches.into_iter().map(|it| tables::branch(&app, &t, &here, it)).collect();
        let exports = tables::exports(&t, &here, "branches");
        parts.push(tables::parts(&app, &t, &name, ("branches", t.get("figure-by-unit")), &rows, exports));
    }
    let (mut chart, mut entries) = (None, None);
    if let (Some(of_sum), Some(figure)) = (read.of_sum, definition) {
        chart = (of_sum.course.len() > 1).then(|| draw(&app, &t, figure, &here, &of_sum.course));
        for (dimension, values) in of_sum.by_dimension {
            parts.push(dimension_table(&app, &t, figure, &here, dimension, values));
        }
        let mut table = tables::entries(&app, &t, figure.unit, &of_sum.behind.items);
        table.pager = tables::pager(&t, &here, table.rows.len(), wanted.cursor.is_some(), of_sum.behind.next);
        table.exports = tables::exports(&t, &here, "entries");
        entries = Some(table);
    }
    let narrowed = narrowed(&t, &here, question.line, &question.dimension);
    let (from, to) = (question.period.from.to_string(), question.period.to.to_string());
    page(&FigurePage {
        frame,
        actions: actions(&app, &viewer, &t, &name, &here, &question),
        periods: periods(&app, &t, &here, question.period),
        tiles,
        from,
        to,
        unit: question.unit.to_string(),
        book: question.book.map_or_else(String::new, |book| book.to_string()),
        dimension: question.dimension,
        narrowed,
        course: if chart.is_some() { tables::exports(&t, &here, "course") } else { Vec::new() },
        chart,
        parts,
        entries,
    })
}

fn draw(app: &App, t: &T, figure: &'static Figure, here: &str, course: &Course) -> Chart {
    let lang = t.lang();
    let points = course.iter().map(|(label, period, amount)| chart::Point {
        label: label.clone(),
        value: *amount,
        text: amount_text(lang, figure.unit, *amount),
        href: Some(tiles::at(here, *period)),
    });
    let by_day = course.iter().all(|(_, period, _)| period.days() == 1);
    let series = Series {
        id: "course",
        title: title(app, lang, figure.name),
        description: t.get(if by_day { "figure-course" } else { "figure-course-months" }),
        label_head: t.get(if by_day { "figure-day" } else { "figure-month" }),
        value_head: t.get("figure-amount"),
        table_title: t.get("chart-as-table"),
        points: points.collect(),
    };
    let draw = if figure.state { chart::line } else { chart::bars };
    draw(series, |amount| amount_short(lang, figure.unit, amount))
}

fn dimension_table(
    app: &App,
    t: &T,
    figure: &'static Figure,
    here: &str,
    dimension: &str,
    values: Vec<OfValue>,
) -> TableView {
    let here = with_parameter(here, "cursor", None);
    let part = |of: OfValue| Part {
        title: of.title,
        href: with_parameter(&here, "dimension", Some(&format!("{dimension}={}", of.value))),
        value: Value::Sum { amount: of.amount },
    };
    let rows: Vec<Part> = values.into_iter().map(part).collect();
    let caption = dimension_title(t, said::line(figure.name), dimension);
    let exports = tables::exports(t, &here, dimension);
    let mut table = tables::parts(app, t, figure.name, ("by-value", caption), &rows, exports);
    // Only the largest are shown, and what is not of one value is of none.
    table.totals = None;
    table
}

fn dimension_title(t: &T, line: &str, dimension: &str) -> String {
    t.get(&format!("{line}-dimension-{dimension}"))
}

/// The two sums of a ratio.
fn parts_of_ratio(app: &App, t: &T, name: &str, here: &str, value: Value) -> Vec<FigureTile> {
    let (Value::Ratio { numerator, denominator }, Some(ratio)) = (value, app.kernel.lines().ratio(name))
    else {
        return Vec::new();
    };
    let query = here.split_once('?').map_or("", |(_, query)| query);
    let part = |(figure, amount): (&'static str, i64)| {
        FigureTile::new(title(app, t.lang(), figure), &amount_text(t.lang(), unit_of(app, figure), amount))
            .link(format!("/figures/{figure}?{query}"))
    };
    [(ratio.numerator, numerator), (ratio.denominator, denominator)].map(part).to_vec()
}

/// The way down to the unit, as far up as the figure may be read, and to the book.
fn crumbs_of(
    app: &App,
    viewer: &Viewer,
    t: &T,
    name: &str,
    here: &str,
    question: &Question,
) -> Vec<crate::view::Crumb> {
    let here = with_parameter(&with_parameter(here, "cursor", None), "book", None);
    let href = |unit: &base::UnitCode| {
        may_read(app, viewer, name, unit, &question.dimension)
            .ok()
            .map(|()| with_parameter(&here, "unit", Some(unit.as_str())))
    };
    let mut crumbs = words::steps(app, t.lang(), &question.unit, href);
    if let Some(book) = &question.book {
        if let Some(last) = crumbs.last_mut() {
            last.href = Some(here.clone());
        }
        crumbs.push(crate::view::Crumb { title: said::book_title(app, t.lang(), book), href: None });
    }
    crumbs
}

fn actions(app: &App, viewer: &Viewer, t: &T, name: &str, here: &str, question: &Question) -> Vec<Link> {
    let query = with_parameter(here, "cursor", None);
    let query = query.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    let mut actions =
        vec![Link { title: t.get("figure-provenance"), href: format!("/figures/{name}/provenance{query}") }];
    let resource = Resource::of(&question.unit).in_line(question.line);
    if viewer.allows(app, "kernel.target.set", &resource) {
        let href = format!("/figures/{name}/target?unit={}", question.unit);
        actions.push(Link { title: t.get("figure-target-set"), href });
    }
    actions
}

/// Days that are asked for often: months and years up to today.
fn periods(app: &App, t: &T, here: &str, now: Period) -> Vec<(Link, bool)> {
    let today = app.today();
    let month = today.month();
    let year = Month(month.0 - month.0.rem_euclid(12));
    let whole = |first: Month, last: Month| Period::new(first.first_day(), last.last_day());
    [
        ("figure-this-month", Period::new(month.first_day(), today)),
        ("figure-last-month", whole(month.plus(-1), month.plus(-1))),
        ("figure-this-year", Period::new(year.first_day(), today)),
        ("figure-last-year", whole(year.plus(-12), year.plus(-1))),
    ]
    .map(|(key, period)| (Link { title: t.get(key), href: tiles::at(here, period) }, period == now))
    .to_vec()
}

fn narrowed(t: &T, here: &str, line: &str, dimension: &str) -> Option<(String, String)> {
    let (name, value) = dimension.split_once('=')?;
    let text = format!("{} {value}", dimension_title(t, line, name));
    Some((text, with_parameter(&with_parameter(here, "dimension", None), "cursor", None)))
}
