//! Accounts and what is granted: who may sign in, and who may do what where.

use access::{ADMIN, Resource};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{AccountId, UnitCode};
use kernel::{AccountRow, AdminResult, By, GrantGiven, GrantRow, Identity, Kernel, NewAccount, Receipt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::refusal::admin_problem;
use crate::app::App;
use crate::extract::{Json, Path};
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::Viewer;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(disable))
        .routes(routes!(reset_password))
        .routes(routes!(remove_totp))
        .routes(routes!(set_identity, remove_identity))
        .routes(routes!(list_grants, give))
        .routes(routes!(withdraw))
}

/// Runs an act of administration in the name of the viewer, who must be allowed it somewhere; whether here, the writer
/// decides.
pub async fn act<T: Send + 'static>(
    app: &App,
    viewer: &Viewer,
    action: &str,
    work: impl FnOnce(&Kernel, &By) -> AdminResult<T> + Send + 'static,
) -> Result<T, Problem> {
    viewer.need_somewhere(app, action)?;
    app.limits.act(&viewer.id())?;
    let by = viewer.by(None);
    let done = app.blocking(move |kernel| Ok::<_, Problem>(work(kernel, &by))).await?;
    done.map_err(|error| admin_problem(app, error))
}

/// What a person gives once more.
#[derive(Debug, Clone, Default)]
pub struct Again {
    pub password: String,
    /// Of whoever has a second step.
    pub code: String,
}

impl Again {
    /// As programs of browsers send it.
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let text = |name| text(name).unwrap_or_default().to_owned();
        Self { password: text("x-password"), code: text("x-code") }
    }
}

/// Whoever makes an administrator gives the password again, and so does whoever opens the account of one to somebody else: a
/// session may be stolen, and would be made to last. A program has no password, and gets such rights on the machine alone.
pub async fn confirm(app: &App, viewer: &Viewer, action: &str, again: Again) -> Result<(), Problem> {
    viewer.need_somewhere(app, action)?;
    let Some(session) = viewer.session() else { return Ok(()) };
    if again.password.is_empty() {
        let detail = Both::new(
            "涉及管理员权限，请再次输入本人密码（已启用二次验证的，还须输入验证码）。",
            "this concerns the rights of an administrator: give your password again, and a code if you have a second step",
        );
        return Err(Problem::bad_request("password", "required", detail));
    }
    app.limits.again(session)?;
    let session = session.clone();
    let work = move |kernel: &Kernel| kernel.confirm_session(&session, &again.password, &again.code);
    let confirmed = app.blocking(move |kernel| Ok::<_, Problem>(work(kernel))).await?;
    confirmed.map_err(|error| admin_problem(app, error))
}

/// The same where the account that is opened is another administrator's; one's own is refused anyway, and who may not open
/// it is not told whose it is.
pub async fn confirm_entering(
    app: &App,
    viewer: &Viewer,
    action: &str,
    who: &AccountId,
    again: &mut Again,
) -> Result<(), Problem> {
    let scope = viewer.need_somewhere(app, action)?;
    if viewer.session().is_some_and(|session| session.account == *who) {
        return Ok(());
    }
    let who = who.clone();
    match app.blocking(move |kernel| kernel.administers_from(&who)).await? {
        Some(unit) if scope.allows(&app.tree(), &Resource::of(&unit)) => {
            confirm(app, viewer, action, std::mem::take(again)).await
        }
        _ => Ok(()),
    }
}

/// The same for programs of browsers. A password that was given is looked at in any case: what outlasts a session asks for it
/// again after a while.
async fn confirm_for(
    app: &App,
    viewer: &Viewer,
    action: &str,
    who: &AccountId,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let mut again = Again::of(headers);
    confirm_entering(app, viewer, action, who, &mut again).await?;
    if again.password.is_empty() { Ok(()) } else { confirm(app, viewer, action, again).await }
}

/// An answer that holds a secret: nobody on the way keeps it.
pub(super) fn once<T: Serialize>(status: StatusCode, body: T) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

/// The accounts that the viewer may see; the read is noted.
pub async fn accounts(app: &App, viewer: &Viewer) -> Result<Vec<AccountRow>, Problem> {
    let scope = viewer.need_somewhere(app, "kernel.account.list")?;
    viewer.note_read(app, &scope, "accounts").await?;
    let tree = app.tree();
    let all = app
        .blocking(move |kernel| kernel.accounts_where(|row| scope.allows(&tree, &Resource::of(&row.unit))));
    all.await
}

/// The grants that the viewer may see.
pub async fn grants(app: &App, viewer: &Viewer) -> Result<Vec<GrantRow>, Problem> {
    let scope = viewer.need_somewhere(app, "kernel.grant.list")?;
    let tree = app.tree();
    let all = app.blocking(move |kernel| {
        kernel.grants_where(|row| {
            let of_role = kernel.policy().role(&row.grant.role).and_then(|role| role.line);
            let line = row.grant.line.clone().or(of_role.map(str::to_owned));
            scope.allows(&tree, &Resource { unit: row.grant.unit.clone(), line, owner: None })
        })
    });
    all.await
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    pub account: String,
    pub unit: String,
    /// Blank once it was erased.
    pub title: String,
    pub disabled: bool,
    /// Whether signing in takes a second step.
    pub totp: bool,
    /// Whom a provider knows the account's owner as; null if the account is linked with nobody.
    pub identity: Option<IdentityView>,
}

/// Whom a provider of OpenID Connect knows somebody as.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityView {
    /// The provider, as it names itself.
    pub issuer: String,
    /// What it calls the person, and never anybody else.
    pub identifier: String,
}

/// The accounts of the units that the viewer administers or audits. The read is logged.
#[utoipa::path(get, path = "/api/accounts", tag = "accounts",
    responses((status = 200, body = Vec<AccountView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.account.list"))))]
async fn list(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<Vec<AccountView>>, Problem> {
    let view = |row: AccountRow| AccountView {
        account: row.account.to_string(),
        unit: row.unit.to_string(),
        title: row.title,
        disabled: row.disabled,
        totp: row.totp,
        identity: row.identity.map(|Identity { issuer, identifier }| IdentityView { issuer, identifier }),
    };
    Ok(axum::Json(accounts(&app, &viewer).await?.into_iter().map(view).collect()))
}

/// An account to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountInput {
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The unit whose administrators look after it.
    #[schema(value_type = String)]
    pub unit: UnitCode,
    pub title: String,
}

/// A password that is shown this once and must be changed at the first sign-in.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneTimePassword {
    pub account: String,
    pub one_time_password: String,
}

/// Adds an account with a one-time password.
#[utoipa::path(post, path = "/api/accounts", tag = "accounts", request_body = AccountInput,
    responses((status = 201, body = OneTimePassword), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.account.add"))))]
async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Json(input): Json<AccountInput>,
) -> Result<Response, Problem> {
    app.limits.one_time(&viewer.id())?;
    let account = input.account.to_string();
    let new = NewAccount { account: input.account, unit: input.unit, title: input.title };
    let work = move |kernel: &Kernel, by: &By| kernel.add_account(by, new, None);
    let added = act(&app, &viewer, "kernel.account.add", work).await?;
    let one_time_password = added.one_time_password.unwrap_or_default();
    Ok(once(StatusCode::CREATED, OneTimePassword { account, one_time_password }))
}

/// The account that a path names.
fn named(account: &str) -> Result<AccountId, Problem> {
    AccountId::new(account).map_err(|_| Problem::not_found())
}

/// Disables an account for good and ends its sessions; what was granted to it ends.
#[utoipa::path(post, path = "/api/accounts/{account}/disable", tag = "accounts",
    params(("account" = String, Path)),
    responses((status = 200, body = Receipt), (status = 401), (status = 403), (status = 404), (status = 409)),
    extensions(("x-action" = json!("kernel.account.disable"))))]
async fn disable(
    State(app): State<App>,
    viewer: Viewer,
    Path(account): Path<String>,
) -> Result<axum::Json<Receipt>, Problem> {
    let account = named(&account)?;
    let work = move |kernel: &Kernel, by: &By| kernel.disable_account(by, &account);
    act(&app, &viewer, "kernel.account.disable", work).await.map(axum::Json)
}

/// Replaces a forgotten password by a one-time password and ends the account's sessions. An administrator's is replaced from a
/// browser by whoever gives their own password again.
#[utoipa::path(post, path = "/api/accounts/{account}/reset-password", tag = "accounts",
    params(("account" = String, Path), ("x-password" = Option<String>, Header), ("x-code" = Option<String>, Header)),
    responses((status = 200, body = OneTimePassword), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409), (status = 429)),
    extensions(("x-action" = json!("kernel.password.reset"))))]
async fn reset_password(
    State(app): State<App>,
    viewer: Viewer,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let who = named(&account)?;
    app.limits.one_time(&viewer.id())?;
    confirm_for(&app, &viewer, "kernel.password.reset", &who, &headers).await?;
    let work = move |kernel: &Kernel, by: &By| kernel.reset_password(by, &who);
    let reset = act(&app, &viewer, "kernel.password.reset", work).await?;
    let one_time_password = reset.one_time_password.unwrap_or_default();
    Ok(once(StatusCode::OK, OneTimePassword { account, one_time_password }))
}

/// Takes the second step of signing in off an account whose owner lost the authenticator, and ends the account's sessions.
#[utoipa::path(delete, path = "/api/accounts/{account}/totp", tag = "accounts",
    params(("account" = String, Path), ("x-password" = Option<String>, Header), ("x-code" = Option<String>, Header)),
    responses((status = 200, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 429)),
    extensions(("x-action" = json!("kernel.totp.remove"))))]
async fn remove_totp(
    State(app): State<App>,
    viewer: Viewer,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<axum::Json<Receipt>, Problem> {
    let account = named(&account)?;
    confirm_for(&app, &viewer, "kernel.totp.remove", &account, &headers).await?;
    let work = move |kernel: &Kernel, by: &By| kernel.remove_totp(by, &account);
    act(&app, &viewer, "kernel.totp.remove", work).await.map(axum::Json)
}

/// Links an account with an identity of a provider of OpenID Connect, in place of the one that it had. Whoever has the
/// identity signs in as the account.
#[utoipa::path(put, path = "/api/accounts/{account}/identity", tag = "accounts", request_body = IdentityView,
    params(("account" = String, Path), ("x-password" = Option<String>, Header), ("x-code" = Option<String>, Header)),
    responses((status = 200, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 429)),
    extensions(("x-action" = json!("kernel.identity.set"))))]
async fn set_identity(
    State(app): State<App>,
    viewer: Viewer,
    Path(account): Path<String>,
    headers: HeaderMap,
    Json(IdentityView { issuer, identifier }): Json<IdentityView>,
) -> Result<axum::Json<Receipt>, Problem> {
    let account = named(&account)?;
    confirm_for(&app, &viewer, "kernel.identity.set", &account, &headers).await?;
    let identity = Identity { issuer, identifier };
    let work = move |kernel: &Kernel, by: &By| kernel.set_identity(by, &account, identity);
    act(&app, &viewer, "kernel.identity.set", work).await.map(axum::Json)
}

/// Ends the link of an account with an identity, and the account's sessions.
#[utoipa::path(delete, path = "/api/accounts/{account}/identity", tag = "accounts",
    params(("account" = String, Path)),
    responses((status = 200, body = Receipt), (status = 401), (status = 403), (status = 404), (status = 409)),
    extensions(("x-action" = json!("kernel.identity.remove"))))]
async fn remove_identity(
    State(app): State<App>,
    viewer: Viewer,
    Path(account): Path<String>,
) -> Result<axum::Json<Receipt>, Problem> {
    let account = named(&account)?;
    let work = move |kernel: &Kernel, by: &By| kernel.remove_identity(by, &account);
    act(&app, &viewer, "kernel.identity.remove", work).await.map(axum::Json)
}

/// A grant that holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView {
    /// The number of the entry that gave it names the grant.
    pub seq: u64,
    pub grantee: String,
    pub role: String,
    pub unit: String,
    /// The one line that it holds for; all lines if it is null.
    pub line: Option<String>,
    /// On whose behalf.
    pub subject: Option<String>,
}

/// The grants on the units that the viewer administers or audits.
#[utoipa::path(get, path = "/api/grants", tag = "accounts",
    responses((status = 200, body = Vec<GrantView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.grant.list"))))]
async fn list_grants(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<Vec<GrantView>>, Problem> {
    let view = |row: GrantRow| GrantView {
        seq: row.seq.0,
        grantee: row.grantee.to_string(),
        role: row.grant.role,
        unit: row.grant.unit.to_string(),
        line: row.grant.line,
        subject: row.grant.subject.map(|subject| subject.to_string()),
    };
    Ok(axum::Json(grants(&app, &viewer).await?.into_iter().map(view).collect()))
}

/// Grants a role. That of an administrator is granted from a browser by whoever gives their own password again.
#[utoipa::path(post, path = "/api/grants", tag = "accounts", request_body = GrantGiven,
    params(("x-password" = Option<String>, Header), ("x-code" = Option<String>, Header)),
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 409), (status = 429)),
    extensions(("x-action" = json!("kernel.grant.give"))))]
async fn give(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Json(given): Json<GrantGiven>,
) -> Result<(StatusCode, axum::Json<Receipt>), Problem> {
    let GrantGiven { grantee, role, unit, line, subject } = given;
    let again = Again::of(&headers);
    if role == ADMIN || !again.password.is_empty() {
        confirm(&app, &viewer, "kernel.grant.give", again).await?;
    }
    let grant = access::Grant { role, unit, line, subject };
    let work = move |kernel: &Kernel, by: &By| kernel.give_grant(by, &grantee, grant);
    let receipt = act(&app, &viewer, "kernel.grant.give", work).await?;
    Ok((StatusCode::CREATED, axum::Json(receipt)))
}

/// Withdraws a grant.
#[utoipa::path(delete, path = "/api/grants/{seq}", tag = "accounts", params(("seq" = u64, Path)),
    responses((status = 200, body = Receipt), (status = 401), (status = 403), (status = 404), (status = 409)),
    extensions(("x-action" = json!("kernel.grant.withdraw"))))]
async fn withdraw(
    State(app): State<App>,
    viewer: Viewer,
    Path(seq): Path<u64>,
) -> Result<axum::Json<Receipt>, Problem> {
    let work = move |kernel: &Kernel, by: &By| kernel.withdraw_grant(by, seq);
    act(&app, &viewer, "kernel.grant.withdraw", work).await.map(axum::Json)
}
