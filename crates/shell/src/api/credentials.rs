//! Credentials of programs and devices: issued once, revoked at once.

use access::{Grant, Resource};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base::{BookId, SubjectId, Time, UnitCode};
use kernel::{By, DeviceRow, Issued, Kernel, NewDevice, NewToken, Receipt, TokenRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::{act, once};
use crate::app::App;
use crate::extract::{Json, Path};
use crate::problem::Problem;
use crate::viewer::Viewer;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tokens, issue_token))
        .routes(routes!(revoke_token))
        .routes(routes!(list_devices, enrol))
        .routes(routes!(revoke_device))
}

/// The tokens that the viewer may see.
pub async fn tokens(app: &App, viewer: &Viewer) -> Result<Vec<TokenRow>, Problem> {
    let scope = viewer.need_somewhere(app, "kernel.token.list")?;
    let tree = app.tree();
    let all =
        app.blocking(move |kernel| kernel.tokens_where(|row| scope.allows(&tree, &Resource::of(&row.unit))));
    all.await
}

/// The devices that the viewer may see.
pub async fn devices(app: &App, viewer: &Viewer) -> Result<Vec<DeviceRow>, Problem> {
    let scope = viewer.need_somewhere(app, "kernel.device.list")?;
    let books = scope.books(&app.tree(), None);
    app.blocking(move |kernel| kernel.devices(&books)).await
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    pub token: String,
    pub unit: String,
    pub title: String,
    /// From this moment on it is refused; never, if it is null.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Time>,
    pub revoked: bool,
}

/// The tokens of the units that the viewer administers or audits.
#[utoipa::path(get, path = "/api/tokens", tag = "credentials",
    responses((status = 200, body = Vec<TokenView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.token.list"))))]
async fn list_tokens(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<Vec<TokenView>>, Problem> {
    let view = |row: TokenRow| TokenView {
        token: row.token,
        unit: row.unit.to_string(),
        title: row.title,
        expires: row.expires,
        revoked: row.revoked,
    };
    Ok(axum::Json(tokens(&app, &viewer).await?.into_iter().map(view).collect()))
}

/// A token to issue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenInput {
    pub title: String,
    /// The unit whose administrators look after it.
    #[schema(value_type = String)]
    pub unit: UnitCode,
    /// What it may do; the issuer must be able to grant each.
    pub grants: Vec<Grant>,
    /// From this moment on it is refused; never, if it is left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Time>,
}

/// A credential that is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuedView {
    /// Whom entries will name.
    pub actor: String,
    /// For `Authorization: Bearer`.
    pub credential: String,
    pub entry: Receipt,
}

fn issued(issued: Issued) -> Response {
    let credential = issued.credential.unwrap_or_default();
    let view = IssuedView { actor: issued.actor.to_string(), credential, entry: issued.receipt };
    once(StatusCode::CREATED, view)
}

/// Issues a token for a program.
#[utoipa::path(post, path = "/api/tokens", tag = "credentials", request_body = TokenInput,
    responses((status = 201, body = IssuedView), (status = 400), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.token.issue"))))]
async fn issue_token(
    State(app): State<App>,
    viewer: Viewer,
    Json(input): Json<TokenInput>,
) -> Result<Response, Problem> {
    let TokenInput { title, unit, grants, expires } = input;
    let new = NewToken { title, unit, grants, expires };
    let work = move |kernel: &Kernel, by: &By| kernel.issue_token(by, new);
    act(&app, &viewer, "kernel.token.issue", work).await.map(issued)
}

/// Revokes a token; from the answer on it is refused.
#[utoipa::path(delete, path = "/api/tokens/{id}", tag = "credentials", params(("id" = String, Path)),
    responses((status = 200, body = Receipt), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.token.revoke"))))]
async fn revoke_token(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<axum::Json<Receipt>, Problem> {
    let work = move |kernel: &Kernel, by: &By| kernel.revoke_token(by, &id);
    act(&app, &viewer, "kernel.token.revoke", work).await.map(axum::Json)
}

/// A device, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceView {
    pub book: String,
    pub device: String,
    pub title: String,
    /// What it is, as other entries name it.
    pub subject: String,
    pub revoked: bool,
}

/// The devices of the books that the viewer administers or audits.
#[utoipa::path(get, path = "/api/devices", tag = "credentials",
    responses((status = 200, body = Vec<DeviceView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.device.list"))))]
async fn list_devices(
    State(app): State<App>,
    viewer: Viewer,
) -> Result<axum::Json<Vec<DeviceView>>, Problem> {
    let view = |row: DeviceRow| DeviceView {
        book: row.book.to_string(),
        device: row.device,
        title: row.title,
        subject: row.subject.to_string(),
        revoked: row.revoked,
    };
    Ok(axum::Json(devices(&app, &viewer).await?.into_iter().map(view).collect()))
}

/// A device to enrol.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceInput {
    /// Its name within the book: lower-case letters, digits and `-`.
    pub device: String,
    #[schema(value_type = String)]
    pub book: BookId,
    pub title: String,
    /// What it is, as other entries name it, such as `scale:beiyuan/1`.
    #[schema(value_type = String)]
    pub subject: SubjectId,
    /// The role that it gets on the book's unit, for the book's line and on behalf of its subject.
    pub role: String,
}

/// Enrols a device and gives it a credential.
#[utoipa::path(post, path = "/api/devices", tag = "credentials", request_body = DeviceInput,
    responses((status = 201, body = IssuedView), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.device.enrol"))))]
async fn enrol(
    State(app): State<App>,
    viewer: Viewer,
    Json(input): Json<DeviceInput>,
) -> Result<Response, Problem> {
    let DeviceInput { device, book, title, subject, role } = input;
    let new = NewDevice { device, book, title, subject, role };
    let work = move |kernel: &Kernel, by: &By| kernel.issue_device(by, new);
    act(&app, &viewer, "kernel.device.enrol", work).await.map(issued)
}

/// Revokes a device's credential; from the answer on it is refused. The device may be enrolled again.
#[utoipa::path(delete, path = "/api/devices/{book}/{device}", tag = "credentials",
    params(("book" = String, Path), ("device" = String, Path)),
    responses((status = 200, body = Receipt), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.device.revoke"))))]
async fn revoke_device(
    State(app): State<App>,
    viewer: Viewer,
    Path((book, device)): Path<(String, String)>,
) -> Result<axum::Json<Receipt>, Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    let work = move |kernel: &Kernel, by: &By| kernel.revoke_device(by, &book, &device);
    act(&app, &viewer, "kernel.device.revoke", work).await.map(axum::Json)
}
