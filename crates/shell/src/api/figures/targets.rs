//! Targets of figures: what stands, how far it is reached, and setting one.

use axum::extract::State;
use axum::http::StatusCode;
use base::Day;
use kernel::{FigureError, Kernel, Period, Receipt, Target, TargetSet, Value};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Question};
use crate::api::accounts::act;
use crate::app::App;
use crate::extract::{Json, Path, Query};
use crate::problem::Problem;
use crate::viewer::Viewer;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set))
}

/// A target, and what the figure has come to by the last day asked for.
#[derive(Debug, Clone)]
pub struct Reached {
    pub target: Target,
    /// From the first day of the target to the last day asked for, or to its own last day.
    pub until: Day,
    pub value: Value,
}

/// The targets of a question's unit whose period has begun by its last day and was not over before its first.
pub fn reached(kernel: &Kernel, name: &str, question: &Question) -> Result<Vec<Reached>, FigureError> {
    // A target is one of the whole unit.
    if question.book.is_some() || !question.dimension.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for target in kernel.targets(name, &question.unit)? {
        if target.period.from > question.period.to || target.period.to < question.period.from {
            continue;
        }
        let until = question.period.to.min(target.period.to);
        let value = kernel.figure(name, &question.books, Period::new(target.period.from, until), "")?;
        found.push(Reached { target, until, value });
    }
    Ok(found)
}

/// A target of a figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetView {
    pub from: Day,
    pub to: Day,
    /// In the figure's unit; a share in ten-thousandths.
    pub target: i64,
    /// The number of the entry in the book `registry` that set it.
    pub seq: u64,
    /// The last day that counts for what was reached.
    pub until: Day,
    /// Of a sum.
    pub amount: Option<i64>,
    /// Of a ratio.
    pub numerator: Option<i64>,
    pub denominator: Option<i64>,
}

/// The targets of a figure for a unit that concern the days asked for, and what was reached by the last of them.
#[utoipa::path(get, path = "/api/figures/{name}/targets", tag = "figures", params(("name" = String, Path), Asked),
    responses((status = 200, body = Vec<TargetView>), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.figure.read"))))]
async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<axum::Json<Vec<TargetView>>, Problem> {
    let question = Question::new(&app, &viewer, &name, &asked)?;
    let found = app.blocking(move |kernel| reached(kernel, &name, &question)).await?;
    let view = |it: Reached| {
        let (amount, numerator, denominator) = super::values::in_parts(it.value);
        let (Period { from, to }, target, seq) = (it.target.period, it.target.amount, it.target.seq);
        TargetView { from, to, target, seq, until: it.until, amount, numerator, denominator }
    };
    Ok(axum::Json(found.into_iter().map(view).collect()))
}

/// Sets the target of a figure for a unit and a period, in place of the one that stands for just these; or lifts it.
#[utoipa::path(post, path = "/api/targets", tag = "figures", request_body = TargetSet,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.target.set"))))]
async fn set(
    State(app): State<App>,
    viewer: Viewer,
    Json(set): Json<TargetSet>,
) -> Result<(StatusCode, axum::Json<Receipt>), Problem> {
    let receipt =
        act(&app, &viewer, "kernel.target.set", move |kernel, by| kernel.set_target(by, set)).await?;
    Ok((StatusCode::CREATED, axum::Json(receipt)))
}
