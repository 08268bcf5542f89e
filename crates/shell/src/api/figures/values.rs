//! Values of a figure: in a period, day by day, by parts, compared, and the entries behind them.

use axum::Json;
use axum::extract::State;
use base::{Day, Month};
use kernel::{Against, Branch, FigureError, Period, Value};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Question};
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::Viewer;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(value))
        .routes(routes!(series))
        .routes(routes!(breakdown))
        .routes(routes!(comparison))
        .routes(routes!(behind))
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
    let (amount, numerator, denominator) = in_parts(value);
    Ok(Json(FigureValue { name, unit, from: period.from, to: period.to, amount, numerator, denominator }))
}

/// One day or month of a series.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesPoint {
    /// The day, or the first one of a month.
    pub day: Day,
    pub amount: i64,
}

/// A figure day by day, or month by month.
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
    let monthly = match asked.step.as_deref() {
        None | Some("day") => false,
        Some("month") => true,
        Some(step) => {
            let detail = Both::new(
                format!("步长“{step}”无效，可用 day 或 month。"),
                format!("the step {step:?} is neither day nor month"),
            );
            return Err(Problem::bad_request("step", "format", detail));
        }
    };
    let points = app.blocking(move |kernel| {
        let (books, period) = (&question.books, question.period);
        if monthly {
            let months = kernel.series_by_month(&name, books, period, &question.dimension)?;
            let point = |(month, amount): (Month, i64)| SeriesPoint {
                day: month.first_day().max(period.from),
                amount,
            };
            return Ok::<_, FigureError>(months.into_iter().map(point).collect());
        }
        let days = kernel.series(&name, books, period, &question.dimension)?;
        Ok(days.into_iter().map(|point| SeriesPoint { day: point.day, amount: point.amount }).collect())
    });
    Ok(Json(points.await?))
}

/// A part of a figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct Part {
    /// The org unit, the book that the unit keeps itself, or the value of the dimension.
    pub key: String,
    /// `unit`, `book`, or the name of the dimension.
    pub of: String,
    /// Of a sum.
    pub amount: Option<i64>,
    /// Of a ratio.
    pub numerator: Option<i64>,
    pub denominator: Option<i64>,
}

/// The parts of a figure, which add up to it: by child unit and own book, or by one of its dimensions.
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
    let part = |of: &str, key: String, value: Value| {
        let (amount, numerator, denominator) = in_parts(value);
        Part { key, of: of.to_owned(), amount, numerator, denominator }
    };
    let parts = app.blocking(move |kernel| {
        let (books, period) = (&question.books, question.period);
        if let Some(by) = &asked.by {
            let values = kernel.by_dimension(&name, books, period, by)?;
            let values = values.into_iter().map(|(value, amount)| part(by, value, Value::Sum { amount }));
            return Ok::<_, FigureError>(values.collect());
        }
        let parts = kernel.by_branch(&name, &question.unit, books, period, &question.dimension)?;
        let parts = parts.into_iter().map(|(branch, value)| match branch {
            Branch::Unit(unit) => part("unit", unit.to_string(), value),
            Branch::Book(book) => part("book", book.to_string(), value),
        });
        Ok(parts.collect())
    });
    Ok(Json(parts.await?))
}

/// A figure in another period.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparedValue {
    /// `before` for as many months right before, `year_ago` for the same days a year earlier.
    #[schema(value_type = String)]
    pub against: Against,
    pub from: Day,
    pub to: Day,
    /// Of a sum.
    pub amount: Option<i64>,
    /// Of a ratio.
    pub numerator: Option<i64>,
    pub denominator: Option<i64>,
}

/// The figure in the periods that the one asked for is compared with. Whole months are compared with whole months, other
/// days with the days of the same number.
#[utoipa::path(get, path = "/api/figures/{name}/comparison", tag = "figures", params(("name" = String, Path), Asked),
    responses((status = 200, body = Vec<ComparedValue>), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.figure.read"))))]
async fn comparison(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<ComparedValue>>, Problem> {
    let question = Question::new(&app, &viewer, &name, &asked)?;
    let compared = app.blocking(move |kernel| {
        kernel.compared(&name, &question.books, question.period, &question.dimension)
    });
    let view = |it: kernel::Compared| {
        let (amount, numerator, denominator) = in_parts(it.value);
        let Period { from, to } = it.period;
        ComparedValue { against: it.against, from, to, amount, numerator, denominator }
    };
    Ok(Json(compared.await?.into_iter().map(view).collect()))
}

/// The sum, or the two sums of a ratio.
pub(super) fn in_parts(value: Value) -> (Option<i64>, Option<i64>, Option<i64>) {
    match value {
        Value::Sum { amount } => (Some(amount), None, None),
        Value::Ratio { numerator, denominator } => (None, Some(numerator), Some(denominator)),
    }
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
