//! Lists of what the line holds, and the account of a project.

use axum::Json;
use axum::extract::State;
use base::BookId;
use base::limits::PAGE_ROWS_MAX;
use serde::{Deserialize, Serialize};
use shell::extract::{Path, Query};
use shell::viewer::Viewer;
use shell::{App, Problem};
use store::{StoreError, Tx};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{readable, sight};
use crate::kinds::Phase;
use crate::policy::READ;
use crate::state::{
    self, Assistance, Chain, Contract, Filter, MonthRow, Owed, Payment, Permit, Programme, Project, Proxy,
    Reached, Report, Visit,
};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(projects))
        .routes(routes!(project))
        .routes(routes!(chains))
        .routes(routes!(programmes))
        .routes(routes!(visits))
        .routes(routes!(assistance))
        .routes(routes!(permits))
        .routes(routes!(proxies))
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProjectQuery {
    phase: Option<Phase>,
    chain: Option<String>,
    programme: Option<String>,
    /// Those that left the list as well.
    withdrawn: Option<bool>,
    /// The last id of the page before.
    after: Option<String>,
    /// 1 to 200; 50 if left out.
    count: Option<usize>,
}

/// Projects in the order of their ids. A team sees its own.
#[utoipa::path(get, path = "/api/projects/{book}/projects", tag = "projects",
    params(("book" = String, Path), ProjectQuery),
    responses((status = 200, body = Vec<Project>), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("projects.records.read"))))]
async fn projects(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
    Query(query): Query<ProjectQuery>,
) -> Result<Json<Vec<Project>>, Problem> {
    let (book, _, sight) = sight(&app, &viewer, &book, READ)?;
    let found = app.blocking(move |kernel| {
        kernel.read(|tx| {
            let filter = Filter {
                phase: query.phase.map(Phase::as_str),
                chain: query.chain.as_deref(),
                programme: query.programme.as_deref(),
                teams: sight.teams(),
                withdrawn: query.withdrawn.unwrap_or(false),
            };
            let count = query.count.unwrap_or(50).clamp(1, PAGE_ROWS_MAX);
            state::projects(tx, &book, &filter, query.after.as_deref().unwrap_or(""), count)
        })
    });
    found.await.map(Json)
}

/// A project with its phases, its money, its reports and what is owed for it.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectAccount {
    project: Project,
    phases: Vec<Reached>,
    months: Vec<MonthRow>,
    contracts: Vec<Contract>,
    payments: Vec<Payment>,
    /// The latest first, at most 200.
    reports: Vec<Report>,
    /// Its own matter and all that is owed for it, what is open first.
    owed: Vec<Owed>,
}

/// One project.
#[utoipa::path(get, path = "/api/projects/{book}/projects/{project}", tag = "projects",
    params(("book" = String, Path), ("project" = String, Path)),
    responses((status = 200, body = ProjectAccount), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("projects.records.read"))))]
async fn project(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, project)): Path<(String, String)>,
) -> Result<Json<ProjectAccount>, Problem> {
    let (book, _, sight) = sight(&app, &viewer, &book, READ)?;
    let account = app.blocking(move |kernel| {
        kernel.read(|tx| {
            let found = state::project(tx, &book, &project)?.filter(|found| sight.shows(found));
            let Some(found) = found else { return Ok(None) };
            Ok(Some(ProjectAccount {
                project: found,
                phases: state::phases(tx, &book, &project)?,
                months: state::months(tx, &book, &project)?,
                contracts: state::contracts(tx, &book, &project)?,
                payments: state::payments(tx, &book, &project)?,
                reports: state::reports(tx, &book, &project, PAGE_ROWS_MAX)?,
                owed: state::owed(tx, &book, &project, None)?,
            }))
        })
    });
    account.await?.map(Json).ok_or_else(Problem::not_found)
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfProject {
    /// Only what belongs to this project.
    project: Option<String>,
}

async fn list<T: Send + 'static>(
    app: &App,
    viewer: &Viewer,
    book: &str,
    read: impl FnOnce(&mut dyn Tx, &BookId) -> Result<Vec<T>, StoreError> + Send + 'static,
) -> Result<Json<Vec<T>>, Problem> {
    let book = readable(app, viewer, book)?;
    app.blocking(move |kernel| kernel.read(|tx| read(tx, &book))).await.map(Json)
}

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident, $path:literal, $row:ty, $read:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(get, path = $path, tag = "projects", params(("book" = String, Path), OfProject),
            responses((status = 200, body = Vec<$row>), (status = 400), (status = 401), (status = 403), (status = 404)),
            extensions(("x-action" = json!("projects.records.read"))))]
        async fn $name(
            State(app): State<App>,
            viewer: Viewer,
            Path(book): Path<String>,
            Query(of): Query<OfProject>,
        ) -> Result<Json<Vec<$row>>, Problem> {
            list(&app, &viewer, &book, move |tx, book| $read(tx, book, of.project.as_deref(), PAGE_ROWS_MAX)).await
        }
    )*};
}

lists! {
    /// Visits, the latest first.
    visits, "/api/projects/{book}/visits", Visit, state::visits;
    /// Plans of assistance, the latest first.
    assistance, "/api/projects/{book}/assistance", Assistance, state::assistance;
    /// Permits: those still owed first, by deadline.
    permits, "/api/projects/{book}/permits", Permit, state::permits;
    /// Errands done by proxy, the latest first.
    proxies, "/api/projects/{book}/proxies", Proxy, state::proxies;
}

/// Industry chains and the posts that answer for them.
#[utoipa::path(get, path = "/api/projects/{book}/chains", tag = "projects", params(("book" = String, Path)),
    responses((status = 200, body = Vec<Chain>), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("projects.records.read"))))]
async fn chains(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
) -> Result<Json<Vec<Chain>>, Problem> {
    list(&app, &viewer, &book, state::chains).await
}

/// Programmes.
#[utoipa::path(get, path = "/api/projects/{book}/programmes", tag = "projects", params(("book" = String, Path)),
    responses((status = 200, body = Vec<Programme>), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("projects.records.read"))))]
async fn programmes(
    State(app): State<App>,
    viewer: Viewer,
    Path(book): Path<String>,
) -> Result<Json<Vec<Programme>>, Problem> {
    list(&app, &viewer, &book, state::programmes).await
}
