//! Accounts: who may sign in.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base::{AccountId, UnitCode};
use kernel::{AccountRow, By, Identity, Kernel, NewAccount};
use serde::Deserialize;

use super::grants::grants_table;
use super::{AdminPage, Desk, Form, Nothing, Posted, Secret, page, refused};
use crate::api::accounts::{accounts, confirm_entering, grants};
use crate::api::refusal::malformed;
use crate::app::App;
use crate::extract::Path;
use crate::problem::Problem;
use crate::table::{Direction, TableSpec};
use crate::view::{Badge, Cell, Column, Empty, Field, FieldKind, Mark, TableView};

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/accounts", get(list))
        .route("/admin/accounts/new", get(new).post(add))
        .route("/admin/accounts/{account}", get(one))
        .route("/admin/accounts/{account}/disable", post(disable))
        .route("/admin/accounts/{account}/reset-password", post(reset))
        .route("/admin/accounts/{account}/remove-totp", post(remove_totp))
        .route("/admin/accounts/{account}/set-identity", post(set_identity))
        .route("/admin/accounts/{account}/remove-identity", post(remove_identity))
}

const SPEC: TableSpec = TableSpec {
    sortable: &["account", "title", "unit", "state"],
    sort: ("account", Direction::Ascending),
    per_page: 50,
};

/// Whether a noun still counts.
pub fn state(desk: &Desk, ended: bool, key: &str) -> Badge {
    match ended {
        true => Badge { mark: Mark::Plain, text: desk.get(key) },
        false => Badge { mark: Mark::Done, text: desk.get("admin-active") },
    }
}

async fn list(desk: Desk) -> Result<Response, Problem> {
    let all = accounts(&desk.app, &desk.viewer).await?;
    let columns = vec![
        Column::text("account", desk.get("admin-account")),
        Column::text("title", desk.get("admin-account-person")),
        Column::text("unit", desk.get("admin-unit")),
        Column::text("state", desk.get("admin-state")),
    ];
    let action = desk.action("kernel.account.add", "admin-account-new", "/admin/accounts/new");
    let empty =
        Empty { title: desk.get("empty"), hint: desk.get("admin-accounts-hint"), action: action.clone() };
    let mut table = TableView::new("accounts", desk.get("admin-accounts"), columns, empty);
    let row = |row: &AccountRow| {
        vec![
            Cell::text(row.account.as_str()).link(format!("/admin/accounts/{}", row.account)),
            Cell::text(&row.title),
            Cell::text(desk.unit_title(&row.unit)),
            Cell::badge(state(&desk, row.disabled, "admin-account-disabled")),
        ]
    };
    table.rows = all.iter().map(row).collect();
    let mut shown = desk.page(desk.get("admin-accounts"), "");
    shown.actions.extend(action);
    super::listing::list(&desk.t, &SPEC, &desk.here, table)?.on(&desk.app, shown).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    account: String,
    title: String,
    unit: String,
}

fn form(desk: &Desk, typed: &Typed) -> Result<AdminPage, Problem> {
    let text = |name, key: &str, chars_max, value: &str| {
        Field::new(name, desk.get(key), FieldKind::Text { chars_max }).value(value).required()
    };
    let units = FieldKind::Choice(desk.unit_choices("kernel.account.add")?);
    let fields = vec![
        text("account", "admin-account", 40, &typed.account).hint(desk.get("admin-account-hint")),
        text("title", "admin-account-person", base::limits::NAME_CHARS_MAX, &typed.title),
        Field::new("unit", desk.get("admin-unit"), units)
            .value(&typed.unit)
            .required()
            .hint(desk.get("admin-account-unit-hint")),
    ];
    let form = Form {
        action: "/admin/accounts/new".into(),
        button: desk.get("admin-account-new"),
        warning: None,
        error: None,
        fields,
    };
    Ok(desk.form(desk.get("admin-account-new"), "admin-accounts", form))
}

async fn new(desk: Desk) -> Result<Response, Problem> {
    page(&form(&desk, &Typed::default())?)
}

async fn add(desk: Desk, Posted { typed, sent }: Posted<Typed>) -> Result<Response, Problem> {
    let again = form(&desk, &typed)?;
    let read = || {
        desk.app.limits.one_time(&desk.viewer.id())?;
        let account = AccountId::new(typed.account.trim()).map_err(|error| malformed("account", &error))?;
        let unit = UnitCode::new(&typed.unit).map_err(|error| malformed("unit", &error))?;
        Ok((account, unit))
    };
    let (account, unit) = match read() {
        Ok(read) => read,
        Err(problem) => return refused(&desk, problem, again),
    };
    let new = NewAccount { account: account.clone(), unit, title: typed.title };
    let work = move |kernel: &Kernel, by: &By| kernel.add_account(by, new, None);
    match desk.act_secretly("kernel.account.add", sent, |added| &mut added.one_time_password, work).await {
        Ok(added) => {
            let mut shown = account_page(&desk, &account).await?;
            one_time(&desk, added.one_time_password, &mut shown);
            page(&shown)
        }
        Err(problem) => refused(&desk, problem, again),
    }
}

/// Puts a one-time password onto the page that shows it once, or says that it was shown.
fn one_time(desk: &Desk, password: Option<String>, shown: &mut AdminPage) {
    match password {
        Some(value) => {
            let (title, hint) = (desk.get("admin-password-once"), desk.get("admin-password-once-hint"));
            shown.secret = Some(Secret { title, value, hint });
        }
        None => shown.lead = Some(desk.get("admin-password-shown")),
    }
}

/// The forms that open an account to somebody else.
const OPENING: [&str; 3] = ["/reset-password", "/remove-totp", "/set-identity"];

async fn account_page(desk: &Desk, account: &AccountId) -> Result<AdminPage, Problem> {
    let all = accounts(&desk.app, &desk.viewer).await?;
    let row = all.into_iter().find(|row| row.account == *account).ok_or_else(Problem::not_found)?;
    let title = if row.title.is_empty() { account.to_string() } else { row.title.clone() };
    let mut shown = desk.page(title, "admin-accounts");
    shown.facts = vec![
        (desk.get("admin-account"), account.to_string()),
        (desk.get("admin-unit"), desk.unit_title(&row.unit)),
        (desk.get("admin-state"), state(desk, row.disabled, "admin-account-disabled").text),
        (desk.get("totp"), desk.get(if row.totp { "admin-totp-on" } else { "admin-totp-off" })),
    ];
    if row.identity.is_some() || desk.app.sign_on.is_some() {
        shown.facts.push((desk.get("identity"), identity_fact(desk, &row)));
    }
    let tree = desk.app.tree();
    for post in tree.posts_of(account, desk.app.today()) {
        shown.facts.push((desk.get("admin-post"), desk.title(&post.title_zh, &post.title_en).to_owned()));
    }
    if row.disabled {
        return Ok(shown);
    }
    let grantee = format!("account:{account}");
    shown.actions.extend(desk.action(
        "kernel.grant.give",
        "admin-grant-new",
        format!("/admin/grants/new?grantee={grantee}"),
    ));
    let who = account.clone();
    let is_admin = desk.app.blocking(move |kernel| kernel.administers_from(&who)).await?.is_some();
    if desk.may("kernel.grant.list") {
        let mut held = grants(&desk.app, &desk.viewer).await?;
        held.retain(|row| row.grantee.as_str() == grantee);
        shown.tables.push(grants_table(desk, &held, false));
    }
    let button = |action: &str, key: &str, path: &str| {
        desk.may(action).then(|| Form {
            action: format!("/admin/accounts/{account}/{path}"),
            button: desk.get(key),
            warning: Some(desk.get(&format!("{key}-warning"))),
            error: None,
            fields: Vec::new(),
        })
    };
    shown.forms.extend(button("kernel.password.reset", "admin-password-reset", "reset-password"));
    if row.totp {
        shown.forms.extend(button("kernel.totp.remove", "admin-totp-remove", "remove-totp"));
    }
    if row.identity.is_some() {
        shown.forms.extend(button("kernel.identity.remove", "admin-identity-remove", "remove-identity"));
    }
    shown.forms.extend(identity_form(desk, account, row.identity.is_some()));
    if is_admin {
        let opens = |form: &&mut Form| OPENING.iter().any(|path| form.action.ends_with(path));
        shown.forms.iter_mut().filter(opens).for_each(|form| form.fields.extend(desk.again()));
    }
    shown.forms.extend(button("kernel.account.disable", "admin-account-disable", "disable"));
    Ok(shown)
}

/// Whom the account is linked with; of another provider than the configured one that is said too.
fn identity_fact(desk: &Desk, row: &AccountRow) -> String {
    let is_known = |issuer: &str| desk.app.sign_on.as_ref().is_some_and(|on| on.provider.issuer() == issuer);
    let known = match &row.identity {
        Some(Identity { issuer, identifier }) if is_known(issuer) => identifier.clone(),
        Some(Identity { issuer, identifier }) => format!("{identifier} ({issuer})"),
        None => return desk.get("identity-none"),
    };
    match row.identity_waits {
        true => desk.t.with("identity-waits", &[("identity", &known)]),
        false => known,
    }
}

fn identity_form(desk: &Desk, account: &AccountId, is_linked: bool) -> Option<Form> {
    let sign_on = desk.app.sign_on.as_ref().filter(|_| desk.may("kernel.identity.set"))?;
    let field = FieldKind::Text { chars_max: 255 };
    let hint = desk.t.with("admin-identity-hint", &[("provider", sign_on.title.get(desk.lang))]);
    Some(Form {
        action: format!("/admin/accounts/{account}/set-identity"),
        button: desk.get(if is_linked { "admin-identity-replace" } else { "admin-identity-set" }),
        warning: None,
        error: None,
        fields: vec![
            Field::new("identifier", desk.get("kernel-field-identifier"), field).required().hint(hint),
        ],
    })
}

fn named(account: &str) -> Result<AccountId, Problem> {
    AccountId::new(account).map_err(|_| Problem::not_found())
}

async fn one(Path(account): Path<String>, desk: Desk) -> Result<Response, Problem> {
    page(&account_page(&desk, &named(&account)?).await?)
}

fn back_to(account: &AccountId) -> Response {
    Redirect::to(&format!("/admin/accounts/{account}")).into_response()
}

/// The page with one of its forms first, which is where a refusal is told.
async fn page_at(desk: &Desk, account: &AccountId, form: &str) -> Result<AdminPage, Problem> {
    let mut shown = account_page(desk, account).await?;
    let path = format!("/admin/accounts/{account}/{form}");
    shown.forms.sort_by_key(|form| form.action != path);
    Ok(shown)
}

async fn disable(
    Path(account): Path<String>,
    desk: Desk,
    Posted { sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    let account = named(&account)?;
    let who = account.clone();
    let work = move |kernel: &Kernel, by: &By| kernel.disable_account(by, &who);
    match desk.act("kernel.account.disable", sent, work).await {
        Ok(_) => Ok(back_to(&account)),
        Err(problem) => refused(&desk, problem, page_at(&desk, &account, "disable").await?),
    }
}

async fn reset(
    Path(account): Path<String>,
    desk: Desk,
    Posted { mut sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    let account = named(&account)?;
    desk.app.limits.one_time(&desk.viewer.id())?;
    let asked = confirm_entering(&desk.app, &desk.viewer, "kernel.password.reset", &account, &mut sent.again);
    if let Err(problem) = asked.await {
        return refused(&desk, problem, account_page(&desk, &account).await?);
    }
    let who = account.clone();
    let work = move |kernel: &Kernel, by: &By| kernel.reset_password(by, &who);
    match desk.act_secretly("kernel.password.reset", sent, |reset| &mut reset.one_time_password, work).await {
        Ok(reset) => {
            let mut shown = account_page(&desk, &account).await?;
            one_time(&desk, reset.one_time_password, &mut shown);
            page(&shown)
        }
        Err(problem) => refused(&desk, problem, account_page(&desk, &account).await?),
    }
}

async fn remove_totp(
    Path(account): Path<String>,
    desk: Desk,
    Posted { mut sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    let account = named(&account)?;
    let asked = confirm_entering(&desk.app, &desk.viewer, "kernel.totp.remove", &account, &mut sent.again);
    if let Err(problem) = asked.await {
        return refused(&desk, problem, page_at(&desk, &account, "remove-totp").await?);
    }
    let who = account.clone();
    let work = move |kernel: &Kernel, by: &By| kernel.remove_totp(by, &who);
    match desk.act("kernel.totp.remove", sent, work).await {
        Ok(_) => Ok(back_to(&account)),
        Err(problem) => refused(&desk, problem, page_at(&desk, &account, "remove-totp").await?),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    identifier: String,
}

async fn set_identity(
    Path(account): Path<String>,
    desk: Desk,
    Posted { typed, mut sent }: Posted<Named>,
) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, "kernel.identity.set")?;
    let account = named(&account)?;
    let issuer = desk.app.sign_on.as_ref().map(|on| on.provider.issuer().to_owned());
    let issuer = issuer.ok_or_else(Problem::not_found)?;
    let (who, identifier) = (account.clone(), typed.identifier.trim().to_owned());
    let work = move |kernel: &Kernel, by: &By| kernel.set_identity(by, &who, Identity { issuer, identifier });
    let asked =
        confirm_entering(&desk.app, &desk.viewer, "kernel.identity.set", &account, &mut sent.again).await;
    let set = match asked {
        Ok(()) => desk.act("kernel.identity.set", sent, work).await,
        Err(problem) => Err(problem),
    };
    match set {
        Ok(_) => Ok(back_to(&account)),
        Err(problem) => {
            let mut again = page_at(&desk, &account, "set-identity").await?;
            if let Some(field) = again.forms.first_mut().and_then(|form| form.fields.first_mut()) {
                field.value = typed.identifier;
            }
            refused(&desk, problem, again)
        }
    }
}

async fn remove_identity(
    Path(account): Path<String>,
    desk: Desk,
    Posted { sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    let account = named(&account)?;
    let who = account.clone();
    let work = move |kernel: &Kernel, by: &By| kernel.remove_identity(by, &who);
    match desk.act("kernel.identity.remove", sent, work).await {
        Ok(_) => Ok(back_to(&account)),
        Err(problem) => refused(&desk, problem, page_at(&desk, &account, "remove-identity").await?),
    }
}
