//! What overseers look at and do: the table of rights, the log of restricted reads, and the erasure of a body.

use access::Permission;
use axum::extract::State;
use axum::http::StatusCode;
use base::{BookId, Time, limits::PAGE_ROWS_MAX};
use kernel::{BodyErased, NoReadPlace, ReadRow, ReadsBefore, Receipt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::refusal::{erase_problem, malformed};
use crate::app::App;
use crate::extract::{Json, Path, Query};
use crate::problem::Problem;
use crate::viewer::{Viewer, resource_of};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(policy)).routes(routes!(list_reads)).routes(routes!(erase))
}

/// Roles and actions, and which role may do what.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyView {
    pub roles: Vec<RoleView>,
    pub actions: Vec<ActionView>,
}

/// A role that can be granted on a unit and all below it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleView {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    /// The one line that it belongs to.
    pub line: Option<&'static str>,
}

/// An action, and who may do it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionView {
    pub name: &'static str,
    pub title_zh: &'static str,
    pub title_en: &'static str,
    pub line: Option<&'static str>,
    /// Whether anybody may.
    pub public: bool,
    /// Roles that may do it with everything in their units.
    pub roles: Vec<&'static str>,
    /// Roles that may do it with their own only.
    pub own_only: Vec<&'static str>,
}

/// The table of rights: every role and every action.
#[utoipa::path(get, path = "/api/policy", tag = "oversight",
    responses((status = 200, body = PolicyView), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.policy.read"))))]
async fn policy(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<PolicyView>, Problem> {
    viewer.need_somewhere(&app, "kernel.policy.read")?;
    let policy = app.kernel.policy();
    let roles = policy.roles();
    let holding = |permissions: &[Permission], wanted: Permission| {
        roles.iter().zip(permissions).filter(|(_, it)| **it == wanted).map(|(role, _)| role.name).collect()
    };
    let role = |role: &access::RoleDef| RoleView {
        name: role.name,
        title_zh: role.title_zh,
        title_en: role.title_en,
        line: role.line,
    };
    let actions = policy.table().into_iter().map(|row| ActionView {
        name: row.action.name,
        title_zh: row.action.title_zh,
        title_en: row.action.title_en,
        line: row.action.line,
        public: row.action.public,
        roles: holding(&row.permissions, Permission::All),
        own_only: holding(&row.permissions, Permission::Own),
    });
    Ok(axum::Json(PolicyView { actions: actions.collect(), roles: roles.iter().map(role).collect() }))
}

/// Which reads.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadsQuery {
    /// Only reads before this moment, or after this `place` in the list: that of the last read of the page before.
    pub before: Option<String>,
    /// Reads of a page, 1 to 200.
    pub count: Option<usize>,
    /// The language of texts, `zh-CN` or `en`.
    pub lang: Option<String>,
}

/// A read of restricted data.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadView {
    /// Where it stands in the log, for `before`.
    pub place: String,
    pub unit: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    pub actor: String,
    pub what: String,
}

/// The reads of restricted data that the viewer may know of, latest first; this read is noted too.
pub async fn reads(
    app: &App,
    viewer: &Viewer,
    before: ReadsBefore,
    count: usize,
) -> Result<Vec<ReadRow>, Problem> {
    let scope = viewer.need_somewhere(app, "kernel.read_log.read")?;
    viewer.note_read(app, &scope, "read-log").await?;
    let units = scope.units(&app.tree(), None);
    app.blocking(move |kernel| kernel.reads(&units, &before, count)).await
}

/// Before what reads are asked for.
pub fn before(text: &str) -> Result<ReadsBefore, Problem> {
    if let Ok(moment) = Time::parse(text) {
        return Ok(ReadsBefore::Moment(moment));
    }
    let place = text.parse().map_err(|error: NoReadPlace| malformed("before", &error))?;
    Ok(ReadsBefore::Place(place))
}

/// Who read restricted data of the units that the viewer audits, latest first. The read is logged.
#[utoipa::path(get, path = "/api/reads", tag = "oversight", params(ReadsQuery),
    responses((status = 200, body = Vec<ReadView>), (status = 400), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.read_log.read"))))]
async fn list_reads(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<ReadsQuery>,
) -> Result<axum::Json<Vec<ReadView>>, Problem> {
    let before = query.before.as_deref().map(before).transpose()?.unwrap_or_default();
    let count = query.count.unwrap_or(50).clamp(1, PAGE_ROWS_MAX);
    let view = |row: ReadRow| ReadView {
        place: row.place.to_string(),
        unit: row.place.unit.to_string(),
        at: row.place.at,
        actor: row.actor.to_string(),
        what: row.what,
    };
    Ok(axum::Json(reads(&app, &viewer, before, count).await?.into_iter().map(view).collect()))
}

/// Why a body is erased.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    pub reason: String,
    /// On what legal basis: a law's article, or a court's file number.
    pub legal_basis: String,
}

/// Erases the body of an entry that holds personal data, by another entry. Every proof still verifies.
#[utoipa::path(post, path = "/api/ledger/{book}/{seq}/erase", tag = "oversight", request_body = Erasure,
    params(("book" = String, Path), ("seq" = u64, Path)),
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409)),
    extensions(("x-action" = json!("kernel.body.erase"))))]
async fn erase(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, seq)): Path<(String, u64)>,
    Json(erasure): Json<Erasure>,
) -> Result<(StatusCode, axum::Json<Receipt>), Problem> {
    viewer.need_somewhere(&app, "kernel.body.erase")?;
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    viewer.need(&app, "kernel.body.erase", &resource_of(&app, &book)?)?;
    app.limits.act(&viewer.id())?;
    // Each is looked for among all that may name its files, and ends everybody's streams.
    app.limits.sign_in(format!("erase {}", viewer.id()))?;
    let by = viewer.by(None);
    let body = BodyErased { seq, reason: erasure.reason, legal_basis: erasure.legal_basis };
    let done = app.blocking(move |kernel| Ok::<_, Problem>(kernel.erase(&book, &by, body))).await?;
    Ok((StatusCode::CREATED, axum::Json(done.map_err(|error| erase_problem(&app, error))?)))
}
