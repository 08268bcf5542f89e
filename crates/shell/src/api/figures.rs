//! Figures: definitions, values, series, parts, and the entries behind them.

use access::Resource;
use axum::Json;
use axum::extract::State;
use base::{BookId, Day, UnitCode};
use kernel::{Kernel, Period};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::{Viewer, resource_of_unit};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(value))
        .routes(routes!(series))
        .routes(routes!(breakdown))
        .routes(routes!(behind))
}

/// What is asked of a figure.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The org unit; its whole subtree counts. The root, if left out.
    pub unit: Option<String>,
    /// First day, `2021-12-10`. The last day's month begins it, if left out.
    pub from: Option<String>,
    /// Last day. Today, if left out.
    pub to: Option<String>,
    /// `name=value` of one of the figure's dimensions.
    pub dimension: Option<String>,
    /// The dimension to break down by; by org unit, if left out.
    pub by: Option<String>,
    /// Where a page of entries goes on.
    pub cursor: Option<String>,
    /// Entries of a page, 1 to 200.
    pub count: Option<usize>,
    /// The language of texts, `zh-CN` or `en`.
    pub lang: Option<String>,
}

/// A question that was checked: the viewer may ask it.
pub struct Question {
    pub unit: UnitCode,
    pub books: Vec<BookId>,
    pub period: Period,
    pub dimension: String,
}

impl Question {
    /// Checks unit, days and rights. The right to read a line's figures is that line's `records.read`, or the kernel's;
    /// a figure may need a right of its own beside it.
    pub fn new(app: &App, viewer: &Viewer, figure: &str, asked: &Asked) -> Result<Self, Problem> {
        let tree = app.tree();
        let unit = match &asked.unit {
            Some(unit) => resource_of_unit(app, unit)?.unit,
            None => tree.root().cloned().ok_or_else(Problem::not_found)?,
        };
        let line = line_of(&app.kernel, figure)?;
        let own = format!("{line}.records.read");
        let resource = Resource::of(&unit).in_line(line);
        viewer.need_any(app, &[&own, "kernel.figure.read"], &resource)?;
        if let Some(needs) = app.kernel.lines().figure_needs(figure) {
            viewer.need(app, needs, &resource)?;
        }
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
        if to.0 - from.0 > 3_700 {
            let detail = Both::new("时间跨度不得超过十年。", "a period is limited to ten years");
            return Err(Problem::bad_request("from", "range", detail));
        }
        let books = tree.books_of_subtree(&unit, line_of_books(line));
        let dimension = asked.dimension.clone().unwrap_or_default();
        Ok(Self { unit, books, period: Period { from, to }, dimension })
    }
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

/// The line of the books that a line's figures are summed over: the kernel's over all.
fn line_of_books(line: &str) -> Option<&str> {
    (line != "kernel").then_some(line)
}

/// A figure that is a sum, or a ratio of two.
#[derive(Debug, Serialize, ToSchema)]
pub struct Definition {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    /// `count`, `fen`, `grams`, `square_metres`, `milliseconds`, or `ratio`.
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
#[utoipa::path(get, path = "/api/figures", tag = "figures", responses((status = 200, body = Vec<Definition>)),
    extensions(("x-action" = json!("public"))))]
async fn list(State(app): State<App>) -> Json<Vec<Definition>> {
    let mut all = Vec::new();
    for line in app.kernel.lines().iter() {
        all.extend(line.figures().iter().map(|figure| Definition {
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
        }));
        all.extend(line.ratios().iter().map(|ratio| Definition {
            name: ratio.name,
            title_zh: ratio.title_zh,
            title_en: ratio.title_en,
            unit: "ratio".into(),
            kinds: Vec::new(),
            dimensions: Vec::new(),
            state: false,
            needs: app.kernel.lines().figure_needs(ratio.name),
            numerator: Some(ratio.numerator),
            denominator: Some(ratio.denominator),
        }));
    }
    Json(all)
}

fn unit_name(unit: ::figures::Unit) -> String {
    serde_json::to_value(unit).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The value of a figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct FigureValue {
    pub name: String,
    pub unit: String,
    pub from: Day,
    pub to: Day,
    /// Of a sum.
    pub amount: Option<i64>,
    /// Of a ratio.
    pub numerator: Option<i64>,
    pub denominator: Option<i64>,
}

/// The value of a figure in a period, or at its end if it is a figure of state.
#[utoipa::path(get, path = "/api/figures/{name}", tag = "figures", params(("name" = String, Path), Asked),
    responses((status = 200, body = FigureValue), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.figure.read"))))]
async fn value(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<FigureValue>, Problem> {
    let question = Question::new(&app, &viewer, &name, &asked)?;
    let (unit, period) = (question.unit.to_string(), question.period);
    let figure = name.clone();
    let value = app
        .blocking(move |kernel| kernel.figure(&figure, &question.books, question.period, &question.dimension))
        .await?;
    let (amount, numerator, denominator) = match value {
        kernel::Value::Sum { amount } => (Some(amount), None, None),
        kernel::Value::Ratio { numerator, denominator } => (None, Some(numerator), Some(denominator)),
    };
    Ok(Json(FigureValue { name, unit, from: period.from, to: period.to, amount, numerator, denominator }))
}

/// One day of a series.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesPoint {
    pub day: Day,
    pub amount: i64,
}

/// A figure day by day.
#[utoipa::path(get, path = "/api/figures/{name}/series", tag = "figures", params(("name" = String, Path), Asked),
    responses((status = 200, body = Vec<SeriesPoint>), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.figure.read"))))]
async fn series(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<SeriesPoint>>, Problem> {
    let question = Question::new(&app, &viewer, &name, &asked)?;
    let points = app
        .blocking(move |kernel| kernel.series(&name, &question.books, question.period, &question.dimension))
        .await?;
    Ok(Json(points.into_iter().map(|point| SeriesPoint { day: point.day, amount: point.amount }).collect()))
}

/// A part of a figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct Part {
    /// The org unit, or the value of the dimension.
    pub key: String,
    pub amount: i64,
}

/// The parts of a figure: by child unit, or by one of its dimensions.
#[utoipa::path(get, path = "/api/figures/{name}/breakdown", tag = "figures", params(("name" = String, Path), Asked),
    responses((status = 200, body = Vec<Part>), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.figure.read"))))]
async fn breakdown(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<Part>>, Problem> {
    let question = Question::new(&app, &viewer, &name, &asked)?;
    let line = line_of(&app.kernel, &name)?;
    let tree = app.tree();
    let parts = app
        .blocking(move |kernel| match &asked.by {
            Some(by) => kernel.by_dimension(&name, &question.books, question.period, by),
            None => {
                let mut parts = Vec::new();
                for child in tree.children(&question.unit) {
                    let books = tree.books_of_subtree(child, line_of_books(line));
                    let amount = kernel.sum(&name, &books, question.period, &question.dimension)?;
                    if amount != 0 {
                        parts.push((child.to_string(), amount));
                    }
                }
                Ok(parts)
            }
        })
        .await?;
    Ok(Json(parts.into_iter().map(|(key, amount)| Part { key, amount }).collect()))
}

/// An entry behind a figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct BehindEntry {
    pub book: String,
    pub seq: u64,
    pub kind: String,
    pub day: Day,
    /// What the entry adds to the figure.
    pub amount: i64,
    /// Where the entry's proof is.
    pub proof: String,
}

/// A page of the entries behind a figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct BehindPage {
    pub entries: Vec<BehindEntry>,
    /// Hand back as `cursor` to go on.
    pub next: Option<String>,
}

/// The entries that add up to a figure.
#[utoipa::path(get, path = "/api/figures/{name}/entries", tag = "figures", params(("name" = String, Path), Asked),
    responses((status = 200, body = BehindPage), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.figure.read"))))]
async fn behind(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<BehindPage>, Problem> {
    let question = Question::new(&app, &viewer, &name, &asked)?;
    let count = asked.count.unwrap_or(50).clamp(1, base::limits::PAGE_ROWS_MAX);
    let page = app
        .blocking(move |kernel| {
            let cursor = asked.cursor.as_deref();
            kernel.behind(&name, &question.books, question.period, &question.dimension, cursor, count)
        })
        .await?;
    let entries = page
        .items
        .into_iter()
        .map(|behind| BehindEntry {
            proof: format!("/api/ledger/{}/{}/proof", behind.entry.book, behind.entry.seq),
            book: behind.entry.book.to_string(),
            seq: behind.entry.seq.0,
            kind: behind.entry.kind.to_string(),
            day: behind.day,
            amount: behind.amount,
        })
        .collect();
    Ok(Json(BehindPage { entries, next: page.next }))
}
