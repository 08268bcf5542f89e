//! Plans over HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::limits::PLAN_BYTES_MAX;
use base::{BookId, Day, Fen};
use schedule::{ActivityId, OverlapTerms};
use serde::{Deserialize, Serialize};
use shell::extract::{Path, Query, body};
use shell::viewer::Viewer;
use shell::{App, Both, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::kinds::Imported;
use super::state::{Baseline, Source};
use super::taken::{self, Preview, Taken};
use super::{Clock, CurvePoint, Held, Outlook, PlanError, export, read};
use crate::api::{Sight, ledger, sight};
use crate::policy::READ;
use crate::record::Recorded;
use crate::refusal::Code;
use crate::state::{self, Project};
use ledger::Body;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(take))
        .routes(routes!(overlaps))
        .routes(routes!(curve))
        .routes(routes!(file))
}

/// An activity with its dates.
#[derive(Debug, Serialize, ToSchema)]
struct Dated {
    code: String,
    name: String,
    group: String,
    /// Dates to work by.
    #[schema(value_type = String)]
    start: Clock,
    #[schema(value_type = String)]
    finish: Clock,
    #[schema(value_type = String)]
    late_start: Clock,
    #[schema(value_type = String)]
    late_finish: Clock,
    /// By the baseline.
    #[schema(value_type = Option<String>)]
    baseline_start: Option<Clock>,
    #[schema(value_type = Option<String>)]
    baseline_finish: Option<Clock>,
    /// Working time; negative where a deadline is missed.
    total_float_minutes: i64,
    free_float_minutes: i64,
    critical: bool,
    /// Work done, in hundredths of a per cent.
    done_bp: u16,
    #[schema(value_type = i64)]
    budget_fen: Fen,
}

/// What a blocker costs.
#[derive(Debug, Serialize, ToSchema)]
struct Blocked {
    /// The name of the blocker.
    blocker: String,
    activity: String,
    /// The day by which it is to be gone.
    #[schema(value_type = Option<String>, format = Date)]
    due: Option<Day>,
    /// The float of the activity without it, in working minutes.
    float_minutes: i64,
    /// How much later the activity is done, in working minutes.
    consumed_minutes: i64,
    /// How much later the project is finished, in working minutes of its calendar.
    finish_moves_minutes: i64,
}

/// A plan as things stand.
#[derive(Debug, Serialize, ToSchema)]
struct PlanAccount {
    source: Source,
    #[schema(value_type = Option<String>)]
    deadline: Option<Clock>,
    /// Worked back from the deadline.
    backward: bool,
    /// When it is finished as things stand.
    #[schema(value_type = String)]
    finish: Clock,
    /// When what is left has to start at the latest.
    #[schema(value_type = String)]
    latest_start: Clock,
    /// Working time from the finish to the deadline; negative if it is missed.
    margin_minutes: Option<i64>,
    /// The part of the margin of the baseline that is used up, in hundredths of a per cent.
    float_consumed_bp: Option<i64>,
    progress_bp: i64,
    activities: Vec<Dated>,
    /// Codes of activities whose constraints contradict each other by what was reported, and bind nothing.
    unbound: Vec<String>,
    blocked: Vec<Blocked>,
    /// Whether time was enough to reckon with every open blocker: else `blocked` is what was found so far.
    blocked_complete: bool,
    baselines: Vec<Baseline>,
}

/// The plan of a project, as things stand: dates, floats, what is done, and what holds it up.
#[utoipa::path(get, path = "/api/projects/{book}/projects/{project}/plan", tag = "projects",
    params(("book" = String, Path), ("project" = String, Path)),
    responses((status = 200, body = PlanAccount), (status = 401), (status = 403), (status = 404), (status = 409)),
    extensions(("x-action" = json!("projects.records.read"))))]
async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, project)): Path<(String, String)>,
) -> Result<axum::Json<PlanAccount>, Problem> {
    let (book, project, source, outlook) = planned(&app, &viewer, &book, &project).await?;
    let baselines = {
        let (book, name) = (book.clone(), project.project.clone());
        app.blocking(move |kernel| kernel.read(|tx| super::state::baselines(tx, &book, &name))).await?
    };
    let blocked = blocked(&app, &book, &project, &outlook).await?;
    let account =
        app.blocking(move |_| Ok::<_, Problem>(account(source, &outlook, blocked, baselines))).await?;
    Ok(axum::Json(account))
}

fn account(
    source: Source,
    outlook: &Outlook,
    (blocked, blocked_complete): (Vec<Blocked>, bool),
    baselines: Vec<Baseline>,
) -> PlanAccount {
    let schedule = &outlook.schedule;
    let activities = outlook.document.labels.iter().enumerate().map(|(at, label)| {
        let id = ActivityId(u32::try_from(at).unwrap_or(u32::MAX));
        let (late, frozen) = (schedule.dates(id).late, &outlook.frozen);
        let then = frozen.as_ref().and_then(|frozen| frozen.spans.get(&label.code));
        Dated {
            code: label.code.clone(),
            name: label.name.clone(),
            group: label.group.clone(),
            start: Clock(outlook.planned[at].start),
            finish: Clock(outlook.planned[at].finish),
            late_start: Clock(late.start),
            late_finish: Clock(late.finish),
            baseline_start: then.map(|span| Clock(span.start)),
            baseline_finish: then.map(|span| Clock(span.finish)),
            total_float_minutes: schedule.total_float(id).0,
            free_float_minutes: schedule.free_float(id).0,
            critical: outlook.critical[at],
            done_bp: outlook.done[at],
            budget_fen: outlook.budgets[at],
        }
    });
    PlanAccount {
        source,
        deadline: outlook.deadline().map(Clock),
        backward: matches!(schedule.terms().anchor, schedule::Anchor::Deadline { .. }),
        finish: Clock(outlook.finish()),
        latest_start: Clock(schedule.latest_start()),
        margin_minutes: schedule.margin().map(|margin| margin.0),
        float_consumed_bp: outlook.float_consumed_bp(),
        progress_bp: outlook.progress_bp(),
        activities: activities.collect(),
        unbound: outlook
            .unbound
            .iter()
            .map(|id| outlook.document.labels[id.0 as usize].code.clone())
            .collect(),
        blocked,
        blocked_complete,
        baselines,
    }
}

/// A project that the viewer may look at, and its plan as things stand.
pub(super) async fn planned(
    app: &App,
    viewer: &Viewer,
    book: &str,
    project: &str,
) -> Result<(BookId, Project, Source, Arc<Outlook>), Problem> {
    let (book, project) = seen(app, viewer, book, project).await?;
    let found = {
        let (book, project) = (book.clone(), project.clone());
        app.blocking(move |kernel| kernel.read(|tx| read::outlook(tx, kernel.zone(), &book, &project)))
            .await?
    };
    let (source, outlook) = found.ok_or_else(Problem::not_found)?;
    let outlook = outlook.map_err(|error| unreckoned(&error))?;
    Ok((book, project, source, Arc::new(outlook)))
}

/// Answered 409: what was recorded of the plan and what was reported of it do not go together.
fn unreckoned(error: &PlanError) -> Problem {
    let (zh, en) = error.told(None);
    Problem::conflict(Code::Plan.name(), Both::new(format!("{}：{zh}。", Code::Plan.chinese()), en))
}

/// A project that the viewer may look at.
pub(super) async fn seen(
    app: &App,
    viewer: &Viewer,
    book: &str,
    project: &str,
) -> Result<(BookId, Project), Problem> {
    let (book, _, sight) = sight(app, viewer, book, READ)?;
    let found = find(app, &book, project, &sight).await?;
    Ok((book, found))
}

async fn find(app: &App, book: &BookId, project: &str, sight: &Sight) -> Result<Project, Problem> {
    let (book, name) = (book.clone(), project.to_owned());
    let found = app.blocking(move |kernel| kernel.read(|tx| state::project(tx, &book, &name))).await?;
    found.filter(|found| sight.shows(found)).ok_or_else(Problem::not_found)
}

/// How long the blockers of a plan, or overlaps in it, are reckoned with for one answer: a large plan and its blockers could take
/// minutes, and whoever asks chooses the deadline that overlaps are to meet.
const RECKONED_FOR: Duration = Duration::from_secs(2);

/// What blockers cost: the name of each, the activity that it holds, until when, and what that costs.
#[derive(Debug, Default)]
pub(super) struct Holds {
    pub each: Vec<(String, String, Option<Day>, Held)>,
    /// Whether time was enough for all.
    pub complete: bool,
}

impl Holds {
    fn reckoned(
        outlook: &Outlook,
        today: Day,
        blockers: impl Iterator<Item = (String, String, Option<Day>)>,
        until: Instant,
    ) -> Self {
        let mut holds = Self { each: Vec::new(), complete: true };
        for (title, activity, due) in blockers {
            let Some(id) = outlook.find(&activity) else { continue };
            if Instant::now() >= until {
                return Self { complete: false, ..holds };
            }
            // One that should be gone already holds at least until tomorrow.
            let gone = Clock::end_of(due.unwrap_or(today).max(today));
            holds.each.push((title, activity, due, outlook.held(id, gone).unwrap_or_default()));
        }
        holds
    }
}

/// What the open blockers of a project cost, as far as they say which activity they hold.
pub(super) async fn holds(
    app: &App,
    book: &BookId,
    project: &Project,
    outlook: &Arc<Outlook>,
) -> Result<Holds, Problem> {
    let (book, name) = (book.clone(), project.project.clone());
    let (outlook, today) = (outlook.clone(), app.today());
    app.blocking(move |kernel| {
        let owed = kernel.read(|tx| state::owed(tx, &book, &name, Some(crate::sorts::BLOCKER)))?;
        let open = owed.into_iter().filter(|owed| !owed.matter.state.is_closed());
        let blockers = open.filter_map(|owed| Some((owed.matter.title, owed.activity?, owed.due)));
        Ok::<_, store::StoreError>(Holds::reckoned(&outlook, today, blockers, Instant::now() + RECKONED_FOR))
    })
    .await
}

async fn blocked(
    app: &App,
    book: &BookId,
    project: &Project,
    outlook: &Arc<Outlook>,
) -> Result<(Vec<Blocked>, bool), Problem> {
    let holds = holds(app, book, project, outlook).await?;
    let each = holds.each.into_iter();
    let each = each
        .map(|(blocker, activity, due, held)| Blocked {
            blocker,
            activity,
            due,
            float_minutes: held.float.0,
            consumed_minutes: held.consumed.0,
            finish_moves_minutes: held.finish_moves.0,
        })
        .collect();
    Ok((each, holds.complete))
}

/// How a plan is taken over.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TakeQuery {
    /// What the file is called.
    file: Option<String>,
    /// Only says what would be taken over.
    #[serde(default)]
    preview: bool,
}

/// Takes over a plan from a file: Microsoft Project XML, a workbook, CSV, or Primavera XER, by what its bytes say. It
/// replaces the plan that the project had.
#[utoipa::path(post, path = "/api/projects/{book}/projects/{project}/plan", tag = "projects",
    params(("book" = String, Path), ("project" = String, Path), TakeQuery),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 200, body = Preview), (status = 201, body = Recorded), (status = 400), (status = 401),
        (status = 403), (status = 404), (status = 409), (status = 413), (status = 429), (status = 503)),
    extensions(("x-action" = json!("projects.plan.imported"))))]
async fn take(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, project)): Path<(String, String)>,
    Query(query): Query<TakeQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let (book, project) = may_take(&app, &viewer, &book, &project).await?;
    app.limits.evidence(&viewer.id())?;
    let bytes = body(request, PLAN_BYTES_MAX).await?.to_vec();
    let taken = taken::read(&app, &viewer, &book, &project, query.file.as_deref(), bytes).await?;
    let Taken { bytes, import, preview, place } = taken.map_err(|error| refused(&error))?;
    if query.preview {
        return Ok(axum::Json(preview).into_response());
    }
    let digest = shell::evidence::keep_plan(&app, &viewer, &book, bytes).await?;
    let recorded = taken::record(&app, &viewer, &book, &project, digest, (import, place), None).await?;
    Ok((StatusCode::CREATED, axum::Json(recorded)).into_response())
}

/// A project whose plan the viewer may replace.
pub(super) async fn may_take(
    app: &App,
    viewer: &Viewer,
    book: &str,
    project: &str,
) -> Result<(BookId, Project), Problem> {
    let (book, resource) = ledger(app, book)?;
    if viewer.allows(app, Imported::KIND, &resource) {
        let project = find(app, &book, project, &Sight::All).await?;
        return Ok((book, project));
    }
    // Whoever may do it for no team learns nothing of projects.
    let (book, resource, sight) = sight(app, viewer, book.as_str(), Imported::KIND)?;
    let project = find(app, &book, project, &sight).await?;
    viewer.need(app, Imported::KIND, &resource.owned_by(project.team.clone()))?;
    Ok((book, project))
}

/// What is wrong with a file, cell by cell where it is a table.
pub(super) fn refused(error: &taken::Unfit) -> Problem {
    Problem::bad_request("file", "plan-file", Both::new(error.chinese.join("；"), error.english.join("; ")))
}

/// Which deadline is to be met.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OverlapQuery {
    /// The deadline of the plan, if left out.
    #[param(value_type = Option<String>, format = Date)]
    deadline: Option<Day>,
}

/// A link that may become an overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Suggestion {
    pub from: String,
    pub to: String,
    pub from_name: String,
    pub to_name: String,
    /// What the accepting entry carries: the successor starts so long after the predecessor's start, in its working time.
    pub lag_minutes: i64,
    /// How long before the predecessor's end that is.
    pub overlap_minutes: i64,
    /// When the project is finished with it, and with those before it.
    #[schema(value_type = String)]
    pub finish: Clock,
}

/// What to overlap so that a deadline is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Suggestions {
    #[schema(value_type = String)]
    pub deadline: Clock,
    pub meets_deadline: bool,
    /// Each meets it by itself, the least overlap first.
    pub alone: Vec<Suggestion>,
    /// Where none does: to be made together, in this order.
    pub together: Vec<Suggestion>,
    /// Whether time was enough to try every link that may be overlapped: else this is what was found so far.
    pub complete: bool,
}

/// Suggests which finish to start links may become overlaps (压茬推进), so that a deadline is met.
#[utoipa::path(get, path = "/api/projects/{book}/projects/{project}/plan/overlaps", tag = "projects",
    params(("book" = String, Path), ("project" = String, Path), OverlapQuery),
    responses((status = 200, body = Suggestions), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409)),
    extensions(("x-action" = json!("projects.records.read"))))]
async fn overlaps(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, project)): Path<(String, String)>,
    Query(query): Query<OverlapQuery>,
) -> Result<axum::Json<Suggestions>, Problem> {
    let (_, project, _, outlook) = planned(&app, &viewer, &book, &project).await?;
    let deadline = query.deadline.map(Clock::end_of).or(outlook.deadline());
    let deadline = deadline.unwrap_or(Clock::end_of(project.planned_finish));
    Ok(axum::Json(suggestions(&app, &outlook, deadline).await?))
}

/// In the turn of whoever asks, which lasts as long as the search, whether or not anybody still waits for it.
pub(super) async fn suggestions(
    app: &App,
    outlook: &Arc<Outlook>,
    deadline: schedule::Moment,
) -> Result<Suggestions, Problem> {
    let within = outlook.clone();
    let found = app.blocking(move |_| {
        let until = Instant::now() + RECKONED_FOR;
        let terms = OverlapTerms::to_meet(deadline);
        let found = within.schedule.overlaps(&terms, || Instant::now() >= until);
        found.map_err(|_| Problem::internal())
    });
    let found = found.await?;
    let suggestion = |overlap: &schedule::Overlap| {
        let label = |id: ActivityId| &outlook.document.labels[id.0 as usize];
        let (from, to) = (label(overlap.becomes.predecessor), label(overlap.becomes.successor));
        Suggestion {
            from: from.code.clone(),
            to: to.code.clone(),
            from_name: from.name.clone(),
            to_name: to.name.clone(),
            lag_minutes: overlap.becomes.lag.0,
            overlap_minutes: overlap.overlap.0,
            finish: Clock(overlap.finish),
        }
    };
    Ok(Suggestions {
        deadline: Clock(deadline),
        meets_deadline: found.meets_deadline,
        alone: found.alone.iter().map(suggestion).collect(),
        together: found.together.iter().map(suggestion).collect(),
        complete: found.complete,
    })
}

/// Planned, earned and spent at a moment.
#[derive(Debug, Serialize, ToSchema)]
struct Curve {
    /// BAC.
    #[schema(value_type = i64)]
    budget_fen: Fen,
    points: Vec<CurvePoint>,
    /// SPI and CPI in ten-thousandths; none where nothing was planned or spent.
    schedule_index: Option<i64>,
    cost_index: Option<i64>,
    /// EAC, if the rest costs as what is done did.
    #[schema(value_type = Option<i64>)]
    estimate_fen: Option<Fen>,
}

/// The S-curve of a project, and its earned value today.
#[utoipa::path(get, path = "/api/projects/{book}/projects/{project}/plan/curve", tag = "projects",
    params(("book" = String, Path), ("project" = String, Path)),
    responses((status = 200, body = Curve), (status = 401), (status = 403), (status = 404), (status = 409)),
    extensions(("x-action" = json!("projects.records.read"))))]
async fn curve(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, project)): Path<(String, String)>,
) -> Result<axum::Json<Curve>, Problem> {
    let (book, project, _, outlook) = planned(&app, &viewer, &book, &project).await?;
    let (points, value) = taken::value(&app, &book, &project, &outlook).await?;
    let index =
        |ratio: Option<schedule::Ratio>| ratio.and_then(|it| i64::try_from(it.ten_thousandths()).ok());
    Ok(axum::Json(Curve {
        budget_fen: value.budget,
        points,
        schedule_index: index(value.schedule_index()),
        cost_index: index(value.cost_index()),
        estimate_fen: taken::estimate(&value),
    }))
}

/// The file that is wanted.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FileQuery {
    #[param(inline)]
    format: export::FileFormat,
}

/// The plan as a file: Microsoft Project XML, a workbook, CSV, a calendar, or OC4IDS.
#[utoipa::path(get, path = "/api/projects/{book}/projects/{project}/plan/file", tag = "projects",
    params(("book" = String, Path), ("project" = String, Path), FileQuery),
    responses((status = 200, content((String = "application/xml"), (String = "text/csv"), (String = "text/calendar"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (Object = "application/json"))),
        (status = 400), (status = 401), (status = 403),
        (status = 404), (status = 409)),
    extensions(("x-action" = json!("projects.records.read"))))]
async fn file(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, project)): Path<(String, String)>,
    Query(query): Query<FileQuery>,
) -> Result<Response, Problem> {
    let (book, project, _, outlook) = planned(&app, &viewer, &book, &project).await?;
    export::response(&app, book, project, outlook, query.format).await
}

/// A download by a name in visible ASCII.
pub(super) fn download(name: &str, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes)
        .into_response()
}

#[cfg(test)]
mod tests {
    use base::CityZone;
    use schedule::{Moment, WorkingTime};

    use super::*;
    use crate::plan::{Known, Model, read_file};

    #[test]
    fn blockers_are_reckoned_with_as_long_as_there_is_time() {
        let day = |text| Day::parse(text).unwrap();
        let start = Moment::at(day("2026-03-16"), 480);
        let import = read_file(b"code,name,duration\nA,a,10d\n", None, WorkingTime::office(), start).unwrap();
        let model = Model::of(&import.document, start);
        let zone = CityZone::named("Asia/Shanghai").unwrap();
        let (finish, total) = (day("2026-12-31"), Fen(0));
        let known = Known { model: &model, reports: &[], frozen: None, finish, total, zone: &zone };
        let outlook = Outlook::of(known).unwrap();
        let held = |until| {
            let blockers = ["A", "B"].map(|activity| (String::new(), activity.to_owned(), None));
            let holds = Holds::reckoned(&outlook, day("2026-04-01"), blockers.into_iter(), until);
            (holds.each.len(), holds.complete)
        };
        assert_eq!(held(Instant::now() + RECKONED_FOR), (1, true));
        assert_eq!(held(Instant::now()), (0, false));
    }
}
