//! Figures: definitions, values, series, parts, and the entries behind them.

mod provenance;
mod targets;
mod values;

use access::Resource;
use axum::Json;
use axum::extract::State;
use base::limits::FIGURE_DAYS_MAX;
use base::{BookId, Day, UnitCode};
use kernel::{Kernel, Period};
use registry::Tree;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use provenance::{actions_of, roles_of, sums_of};
pub use targets::{Reached, reached};

use crate::app::App;
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::{Public, Viewer, resource_of_unit};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .merge(values::router())
        .merge(targets::router())
        .merge(provenance::router())
}

/// What is asked of a figure.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The org unit; its whole subtree counts. The root, if left out, or the keeper of the book.
    pub unit: Option<String>,
    /// One of the unit's books, if not all.
    pub book: Option<String>,
    /// First day, `2021-12-10`. The last day's month begins it, if left out.
    pub from: Option<String>,
    /// Last day. Today, if left out.
    pub to: Option<String>,
    /// `name=value` of one of the figure's dimensions.
    pub dimension: Option<String>,
    /// The dimension to break down by; by org unit, if left out.
    pub by: Option<String>,
    /// Of a series, `month` for a value a month; a value a day, if left out.
    pub step: Option<String>,
    /// Where a page of entries goes on.
    pub cursor: Option<String>,
    /// Entries of a page, 1 to 200.
    pub count: Option<usize>,
    /// The language of texts, `zh-CN` or `en`.
    pub lang: Option<String>,
}

/// A question that was checked: the viewer may ask it.
#[derive(Clone)]
pub struct Question {
    pub line: &'static str,
    pub unit: UnitCode,
    /// One of the unit's books, if not all.
    pub book: Option<BookId>,
    pub books: Vec<BookId>,
    pub period: Period,
    pub dimension: String,
}

impl Question {
    /// Checks unit, days and rights. The right to read a line's figures is that line's `records.read`, or the kernel's;
    /// a figure may need a right of its own beside it.
    pub fn new(app: &App, viewer: &Viewer, figure: &str, asked: &Asked) -> Result<Self, Problem> {
        let tree = app.tree();
        let line = line_of(&app.kernel, figure)?;
        let book = asked.book.as_deref().filter(|book| !book.is_empty());
        let book = book.map(BookId::new).transpose().map_err(|_| Problem::not_found())?;
        let unit = match (asked.unit.as_deref().filter(|unit| !unit.is_empty()), &book) {
            (Some(unit), _) => resource_of_unit(app, unit)?.unit,
            (None, Some(book)) => tree.unit_of_book(book).cloned().ok_or_else(Problem::not_found)?,
            (None, None) => tree.root().cloned().ok_or_else(Problem::not_found)?,
        };
        let dimension = asked.dimension.clone().unwrap_or_default();
        let read_as = reading_line(app, viewer, figure, &unit, &dimension)?;
        let mut books = books(&tree, &unit, read_as);
        if let Some(book) = &book {
            books.retain(|one| one == book);
            if books.is_empty() {
                return Err(Problem::not_found());
            }
        }
        let period = period(app, asked)?;
        Ok(Self { line, unit, book, books, period, dimension })
    }
}

/// Refuses who may not read a figure of a unit.
pub fn may_read(
    app: &App,
    viewer: &Viewer,
    figure: &str,
    unit: &UnitCode,
    dimension: &str,
) -> Result<(), Problem> {
    reading_line(app, viewer, figure, unit, dimension).map(drop)
}

/// As whose the viewer may read a figure of a unit: its line's, or, if it is the kernel's and is asked for one line alone,
/// that line's. What it is told of then comes from that line's books, however it is taken apart.
fn reading_line(
    app: &App,
    viewer: &Viewer,
    figure: &str,
    unit: &UnitCode,
    dimension: &str,
) -> Result<&'static str, Problem> {
    let line = line_of(&app.kernel, figure)?;
    let own = format!("{line}.records.read");
    let actions = [own.as_str(), "kernel.figure.read"];
    let reads = |line: &str| {
        let resource = Resource::of(unit).in_line(line);
        viewer.need_any(app, &actions, &resource)?;
        app.kernel.lines().figure_needs(figure).map_or(Ok(()), |needs| viewer.need(app, needs, &resource))
    };
    let of_line = Some(dimension).filter(|_| line == "kernel").and_then(|text| text.strip_prefix("line="));
    let known = |name: &str| app.kernel.lines().iter().map(kernel::Line::name).find(|line| *line == name);
    match (reads(line), of_line.and_then(known)) {
        (Err(_), Some(asked)) => reads(asked).map(|()| asked),
        (may, _) => may.map(|()| line),
    }
}

/// The books whose entries contribute to the figures of a line. What the kernel counts happens in those of every line.
pub fn books(tree: &Tree, unit: &UnitCode, line: &str) -> Vec<BookId> {
    tree.books_of_subtree(unit, Some(line).filter(|line| *line != "kernel"))
}

fn period(app: &App, asked: &Asked) -> Result<Period, Problem> {
    let day = |name: &str, text: &Option<String>, default: Day| match text {
        Some(text) => Day::parse(text).map_err(|_| bad_day(name, text)),
        None => Ok(default),
    };
    let to = day("to", &asked.to, app.today())?;
    let from = day("from", &asked.from, to.first_of_month())?;
    if from > to {
        let detail = Both::new("起始日期晚于截止日期。", "the first day lies after the last");
        return Err(Problem::bad_request("from", "consistency", detail));
    }
    if to.0 - from.0 > FIGURE_DAYS_MAX {
        let detail = Both::new("时间跨度不得超过十年。", "a period is limited to ten years");
        return Err(Problem::bad_request("from", "range", detail));
    }
    Ok(Period { from, to })
}

fn bad_day(name: &str, text: &str) -> Problem {
    let detail = Both::new(
        format!("“{text}”不是日期，应形如 2021-12-10。"),
        format!("{text:?} is not a date such as 2021-12-10"),
    );
    Problem::bad_request(name, "format", detail)
}

/// The line that a figure belongs to.
pub fn line_of(kernel: &Kernel, figure: &str) -> Result<&'static str, Problem> {
    let lines = kernel.lines();
    if lines.figure(figure).is_none() && lines.ratio(figure).is_none() {
        return Err(Problem::not_found());
    }
    lines.of(figure).map(kernel::Line::name).ok_or_else(Problem::not_found)
}

/// A figure that is a sum, or a ratio of two.
#[derive(Debug, Serialize, ToSchema)]
pub struct Definition {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    /// `count`, `fen`, `grams`, `square_metres`, `metres`, `milliseconds`, or `ratio`.
    pub unit: String,
    pub kinds: Vec<&'static str>,
    pub dimensions: Vec<&'static str>,
    /// Whether it is what something stands at, rather than what flowed in a period.
    pub state: bool,
    /// The action that it needs to be read, besides the right to read the line's figures.
    pub needs: Option<&'static str>,
    pub numerator: Option<&'static str>,
    pub denominator: Option<&'static str>,
}

/// The definitions of all figures.
#[utoipa::path(get, path = "/api/figures", tag = "figures",
    responses((status = 200, body = Vec<Definition>), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn list(State(app): State<App>, _: Public) -> Json<Vec<Definition>> {
    let lines = app.kernel.lines();
    let names = lines.iter().flat_map(|line| {
        let figures = line.figures().iter().map(|figure| figure.name);
        figures.chain(line.ratios().iter().map(|ratio| ratio.name))
    });
    Json(names.filter_map(|name| definition(&app.kernel, name)).collect())
}

/// The definition of a figure or ratio.
pub fn definition(kernel: &Kernel, name: &str) -> Option<Definition> {
    let lines = kernel.lines();
    if let Some(figure) = lines.figure(name) {
        return Some(Definition {
            name: figure.name,
            title_zh: figure.title_zh,
            title_en: figure.title_en,
            unit: unit_name(figure.unit),
            kinds: figure.kinds.to_vec(),
            dimensions: figure.dimensions.to_vec(),
            state: figure.state,
            needs: figure.needs,
            numerator: None,
            denominator: None,
        });
    }
    let ratio = lines.ratio(name)?;
    Some(Definition {
        name: ratio.name,
        title_zh: ratio.title_zh,
        title_en: ratio.title_en,
        unit: "ratio".into(),
        kinds: Vec::new(),
        dimensions: Vec::new(),
        state: false,
        needs: lines.figure_needs(ratio.name),
        numerator: Some(ratio.numerator),
        denominator: Some(ratio.denominator),
    })
}

fn unit_name(unit: ::figures::Unit) -> String {
    serde_json::to_value(unit).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
