//! What matters are judged by: colour rules and the calendar.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base::Day;
use kernel::Receipt;
use matters::{CalendarLoaded, ColourRule, DayKind, RuleAdopted};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::act;
use crate::app::App;
use crate::extract::{Json, Query};
use crate::once::Sent;
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::{Public, Viewer};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(rules, adopt)).routes(routes!(calendar, load))
}

/// The newest version of each colour rule, by name; the presets are there without adoption.
#[utoipa::path(get, path = "/api/rules", tag = "matters",
    responses((status = 200, body = Vec<ColourRule>), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn rules(State(app): State<App>, _: Public) -> Result<axum::Json<Vec<ColourRule>>, Problem> {
    let rulebook = app.blocking(|kernel| kernel.rulebook()).await?;
    Ok(axum::Json(rulebook.rules().cloned().collect()))
}

/// Brings a version of a colour rule into force for the whole installation.
///
/// A rule that does not fit is refused by the field at fault; so is one that looks at an input that is not known.
#[utoipa::path(post, path = "/api/rules", tag = "matters", request_body = RuleAdopted,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.rule.adopt"))))]
async fn adopt(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(adopted): Json<RuleAdopted>,
) -> Result<(StatusCode, axum::Json<Receipt>), Problem> {
    let by = viewer.by(Sent::asked(&headers, &adopted)?.as_ref());
    let work = move |kernel: &kernel::Kernel, _: &_| kernel.adopt_rule(by, adopted.rule);
    act(&app, &viewer, "kernel.rule.adopt", work)
        .await
        .map(|receipt| (StatusCode::CREATED, axum::Json(receipt)))
}

/// Which year's days to show.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct YearQuery {
    /// This year, if it is left out.
    pub year: Option<i32>,
}

/// The calendar of workdays.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarView {
    /// The years whose notices are known.
    pub years: Vec<i32>,
    pub year: i32,
    /// The days of that year which a notice takes out of the ordinary week.
    pub days: Vec<DayView>,
}

/// A day that is not as the week has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayView {
    #[schema(value_type = String, format = Date)]
    pub date: Day,
    pub kind: DayKind,
}

/// The holidays and make-up workdays of a year, and the years that are known.
#[utoipa::path(get, path = "/api/calendar", tag = "matters", params(YearQuery),
    responses((status = 200, body = CalendarView), (status = 400), (status = 429)), extensions(("x-action" = json!("public"))))]
async fn calendar(
    State(app): State<App>,
    _: Public,
    Query(query): Query<YearQuery>,
) -> Result<axum::Json<CalendarView>, Problem> {
    let rulebook = app.blocking(|kernel| kernel.rulebook()).await?;
    let calendar = rulebook.calendar();
    let (this_year, ..) = app.today().civil();
    let year = query.year.unwrap_or_else(|| i32::try_from(this_year).unwrap_or_default());
    let day = |month: u8, day: u8| Day::parse(&format!("{year:04}-{month:02}-{day:02}"));
    let (Ok(first), Ok(last)) = (day(1, 1), day(12, 31)) else {
        let detail = Both::new("年份有误。", "is not a year of four digits");
        return Err(Problem::bad_request("year", "range", detail));
    };
    let each = (first.0..=last.0).map(|day| (Day(day), calendar.kind_of(Day(day)).value));
    let named = each.filter(|(_, kind)| matches!(kind, DayKind::Holiday { .. } | DayKind::MakeUp { .. }));
    let days = named.map(|(date, kind)| DayView { date, kind }).collect();
    Ok(axum::Json(CalendarView { years: calendar.years().collect(), year, days }))
}

/// Loads the holidays of a year, or their amendment, for the whole installation: open deadlines follow.
#[utoipa::path(post, path = "/api/calendar", tag = "matters", request_body = CalendarLoaded,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.calendar.load"))))]
async fn load(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(loaded): Json<CalendarLoaded>,
) -> Result<(StatusCode, axum::Json<Receipt>), Problem> {
    let by = viewer.by(Sent::asked(&headers, &loaded)?.as_ref());
    let work = move |kernel: &kernel::Kernel, _: &_| kernel.load_calendar(by, loaded.notice);
    act(&app, &viewer, "kernel.calendar.load", work)
        .await
        .map(|receipt| (StatusCode::CREATED, axum::Json(receipt)))
}
