//! Contacts of posts: where they are told what they owe.

use access::Resource;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base::{SubjectId, Time};
use kernel::notices::{Channel, Contact, ContactSet, Fault, Waiting, What};
use kernel::{By, Kernel, Receipt};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::{act, once};
use crate::app::App;
use crate::extract::{Json, Path};
use crate::problem::Problem;
use crate::viewer::Viewer;

/// Notices shown as waiting at most, the oldest first.
pub const WAITING_MAX: usize = 200;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, set))
        .routes(routes!(remove))
        .routes(routes!(try_out))
        .routes(routes!(waiting_list))
}

/// The contacts that the viewer may see; the read is noted.
pub async fn contacts(app: &App, viewer: &Viewer) -> Result<Vec<Contact>, Problem> {
    let scope = viewer.need_somewhere(app, "kernel.contact.list")?;
    viewer.note_read(app, &scope, "contacts").await?;
    let tree = app.tree();
    let mut all = app.blocking(|kernel| kernel.contacts()).await?;
    all.retain(|row| sees(&scope, &tree, &row.post));
    Ok(all)
}

/// The notices that wait for those contacts; nothing of them is personal.
pub async fn waiting(app: &App, viewer: &Viewer) -> Result<Vec<Waiting>, Problem> {
    let scope = viewer.need_somewhere(app, "kernel.contact.list")?;
    let tree = app.tree();
    let all = app.blocking(move |kernel| {
        kernel.waiting_notices(WAITING_MAX, |unit| scope.allows(&tree, &Resource::of(unit)))
    });
    all.await
}

fn sees(scope: &access::Scope, tree: &::registry::Tree, post: &SubjectId) -> bool {
    tree.need_post(post).is_ok_and(|post| scope.allows(tree, &Resource::of(&post.unit)))
}

/// A contact of a post.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactView {
    /// The number of the entry that set it names the contact.
    pub contact: u64,
    pub post: String,
    pub channel: Channel,
    pub address: String,
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
}

/// The contacts of the posts that the viewer administers or audits. The read is logged.
#[utoipa::path(get, path = "/api/contacts", tag = "contacts",
    responses((status = 200, body = Vec<ContactView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.contact.list"))))]
async fn list(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<Vec<ContactView>>, Problem> {
    let view = |row: Contact| ContactView {
        contact: row.contact,
        post: row.post.to_string(),
        channel: row.channel,
        address: row.address,
        since: row.since,
    };
    Ok(axum::Json(contacts(&app, &viewer).await?.into_iter().map(view).collect()))
}

/// A contact that was set.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactSetView {
    pub contact: u64,
    /// What a webhook's requests are signed with, by the Standard Webhooks specification; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    pub entry: Receipt,
}

/// Adds a contact to a post.
#[utoipa::path(post, path = "/api/contacts", tag = "contacts", request_body = ContactSet,
    responses((status = 201, body = ContactSetView), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.contact.set"))))]
async fn set(
    State(app): State<App>,
    viewer: Viewer,
    Json(set): Json<ContactSet>,
) -> Result<Response, Problem> {
    let work = move |kernel: &Kernel, by: &By| kernel.set_contact(by, set);
    let set = act(&app, &viewer, "kernel.contact.set", work).await?;
    let view = ContactSetView { contact: set.receipt.seq.0, secret: set.secret, entry: set.receipt };
    Ok(once(StatusCode::CREATED, view))
}

/// Removes a contact; nothing more is sent there.
#[utoipa::path(delete, path = "/api/contacts/{contact}", tag = "contacts", params(("contact" = u64, Path)),
    responses((status = 200, body = Receipt), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.contact.remove"))))]
async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Path(contact): Path<u64>,
) -> Result<axum::Json<Receipt>, Problem> {
    let work = move |kernel: &Kernel, by: &By| kernel.remove_contact(by, contact);
    act(&app, &viewer, "kernel.contact.remove", work).await.map(axum::Json)
}

/// Sends a contact a notice that says nothing but that it works; its outcome becomes an entry of the registry.
#[utoipa::path(post, path = "/api/contacts/{contact}/try", tag = "contacts", params(("contact" = u64, Path)),
    responses((status = 202), (status = 401), (status = 403), (status = 404), (status = 409)),
    extensions(("x-action" = json!("kernel.contact.set"))))]
async fn try_out(
    State(app): State<App>,
    viewer: Viewer,
    Path(contact): Path<u64>,
) -> Result<StatusCode, Problem> {
    app.limits.trial(&viewer.id())?;
    let work = move |kernel: &Kernel, by: &By| kernel.try_contact(by, contact);
    act(&app, &viewer, "kernel.contact.set", work).await?;
    Ok(StatusCode::ACCEPTED)
}

/// A notice that waits for its delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingView {
    /// The matter, or whatever else it is about.
    pub about: String,
    pub what: What,
    pub post: String,
    pub contact: u64,
    #[schema(value_type = String, format = DateTime)]
    pub enqueued: Time,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again, unless it is under way.
    #[schema(value_type = String, format = DateTime)]
    pub next: Time,
    /// What stood in the way last.
    pub fault: Option<Fault>,
}

/// The notices that wait for contacts which the viewer administers or audits, the oldest 200 at most.
#[utoipa::path(get, path = "/api/notices/waiting", tag = "contacts",
    responses((status = 200, body = Vec<WaitingView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.contact.list"))))]
async fn waiting_list(
    State(app): State<App>,
    viewer: Viewer,
) -> Result<axum::Json<Vec<WaitingView>>, Problem> {
    let view = |row: Waiting| WaitingView {
        about: row.about.to_string(),
        what: row.what,
        post: row.post.to_string(),
        contact: row.contact,
        enqueued: row.enqueued,
        attempts: row.attempts,
        next: row.next,
        fault: row.fault,
    };
    Ok(axum::Json(waiting(&app, &viewer).await?.into_iter().map(view).collect()))
}
