//! Tokens of programs.

use access::{ADMIN, Grant};
use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::{Day, Time, UnitCode};
use kernel::{By, Issued, Kernel, NewToken};
use serde::Deserialize;

use super::accounts::state;
use super::choices::given;
use super::grants::grants_table;
use super::{AdminPage, Desk, Form, Nothing, Posted, Secret, page, refused};
use crate::api::accounts::grants;
use crate::api::credentials::tokens;
use crate::api::refusal::malformed;
use crate::app::App;
use crate::extract::Path;
use crate::problem::Problem;
use crate::table::{Direction, TableSpec};
use crate::view::{Cell, Column, Empty, Field, FieldKind, TableView};

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/tokens", get(list))
        .route("/admin/tokens/new", get(new).post(issue))
        .route("/admin/tokens/{token}", get(one).post(revoke))
}

const SPEC: TableSpec = TableSpec {
    sortable: &["title", "unit", "token", "expires", "state"],
    sort: ("title", Direction::Ascending),
    per_page: 50,
};

/// Puts a credential onto the page that shows it once, or says that it was shown.
pub fn secret(desk: &Desk, issued: Issued, shown: &mut AdminPage) {
    match issued.credential {
        Some(value) => {
            let (title, hint) = (desk.get("admin-credential-once"), desk.get("admin-credential-once-hint"));
            shown.secret = Some(Secret { title, value, hint });
        }
        None => shown.lead = Some(desk.get("admin-credential-shown")),
    }
}

async fn list(desk: Desk) -> Result<Response, Problem> {
    let all = tokens(&desk.app, &desk.viewer).await?;
    let columns = vec![
        Column::text("title", desk.get("admin-name")),
        Column::text("token", desk.get("admin-token")),
        Column::text("unit", desk.get("admin-unit")),
        Column::text("expires", desk.get("admin-token-expires")),
        Column::text("state", desk.get("admin-state")),
    ];
    let action = desk.action("kernel.token.issue", "admin-token-new", "/admin/tokens/new");
    let empty = Empty {
        title: desk.get("admin-tokens-none"),
        hint: desk.get("admin-tokens-hint"),
        action: action.clone(),
    };
    let mut table = TableView::new("tokens", desk.get("admin-tokens"), columns, empty);
    for row in all {
        let never = || Cell::text(desk.get("admin-token-unlimited"));
        table.rows.push(vec![
            Cell::text(row.title).link(format!("/admin/tokens/{}", row.token)),
            Cell::text(row.token),
            Cell::text(desk.unit_title(&row.unit)),
            row.expires.map_or_else(never, |time| Cell::date_time(desk.app.moment(time))),
            Cell::badge(state(&desk, row.revoked, "admin-token-revoked")),
        ]);
    }
    let mut shown = desk.page(desk.get("admin-tokens"), "");
    shown.actions.extend(action);
    shown.actions.extend(desk.action("kernel.token.issue", "admin-kiosk-new", "/admin/kiosks/new"));
    super::listing::list(&desk.t, &SPEC, &desk.here, table)?.on(&desk.app, shown).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    title: String,
    role: String,
    unit: String,
    line: String,
    expires: String,
}

fn form(desk: &Desk, typed: &Typed) -> Result<AdminPage, Problem> {
    let choice = |name, key: &str, choices, value: &str| {
        Field::new(name, desk.get(key), FieldKind::Choice(choices)).value(value)
    };
    let chars_max = base::limits::NAME_CHARS_MAX;
    let mut roles = desk.role_choices(false);
    roles.retain(|role| role.value != ADMIN);
    let fields = vec![
        Field::new("title", desk.get("admin-name"), FieldKind::Text { chars_max })
            .value(&typed.title)
            .required()
            .hint(desk.get("admin-token-title-hint")),
        choice("unit", "admin-unit", desk.unit_choices("kernel.token.issue")?, &typed.unit)
            .required()
            .hint(desk.get("admin-grant-unit-hint")),
        choice("role", "admin-role", roles, &typed.role).required(),
        choice("line", "admin-line", desk.or_all(desk.line_choices()), &typed.line),
        Field::new("expires", desk.get("admin-token-expires"), FieldKind::Date)
            .value(&typed.expires)
            .hint(desk.get("admin-token-expires-hint")),
    ];
    let form = Form {
        action: "/admin/tokens/new".into(),
        button: desk.get("admin-token-new"),
        warning: None,
        error: None,
        fields,
    };
    Ok(desk.form(desk.get("admin-token-new"), "admin-tokens", form))
}

async fn new(desk: Desk) -> Result<Response, Problem> {
    page(&form(&desk, &Typed::default())?)
}

/// A token is good to the end of its last day in the city.
pub fn end_of(desk: &Desk, text: &str) -> Result<Time, Problem> {
    let day = Day::parse(text).map_err(|error| malformed("expires", &error))?;
    Ok(desk.app.kernel.zone().start_of(day.plus(1)))
}

async fn issue(desk: Desk, Posted { typed, sent }: Posted<Typed>) -> Result<Response, Problem> {
    let again = form(&desk, &typed)?;
    let read = || {
        let unit = UnitCode::new(&typed.unit).map_err(|error| malformed("unit", &error))?;
        let expires = given(&typed.expires).map(|text| end_of(&desk, text)).transpose()?;
        let line = given(&typed.line).map(str::to_owned);
        let grant = Grant { role: typed.role.clone(), unit: unit.clone(), line, subject: None };
        Ok(NewToken { title: typed.title.clone(), unit, grants: vec![grant], expires })
    };
    let new = match read() {
        Ok(new) => new,
        Err(problem) => return refused(&desk, problem, again),
    };
    let work = move |kernel: &Kernel, by: &By| kernel.issue_token(by, new);
    match desk.act_secretly("kernel.token.issue", sent, |issued| &mut issued.credential, work).await {
        Ok(issued) => {
            let token = issued.actor.as_str().trim_start_matches("token:").to_owned();
            let mut shown = token_page(&desk, &token).await?;
            secret(&desk, issued, &mut shown);
            page(&shown)
        }
        Err(problem) => refused(&desk, problem, again),
    }
}

pub async fn token_page(desk: &Desk, token: &str) -> Result<AdminPage, Problem> {
    let all = tokens(&desk.app, &desk.viewer).await?;
    let row = all.into_iter().find(|row| row.token == token).ok_or_else(Problem::not_found)?;
    let mut shown = desk.page(row.title, "admin-tokens");
    let expires = row.expires.map(|time| crate::format::date_time(desk.app.moment(time)));
    shown.facts = vec![
        (desk.get("admin-token"), token.to_owned()),
        (desk.get("admin-unit"), desk.unit_title(&row.unit)),
        (desk.get("admin-token-expires"), expires.unwrap_or_else(|| desk.get("admin-token-unlimited"))),
        (desk.get("admin-state"), state(desk, row.revoked, "admin-token-revoked").text),
    ];
    if row.revoked {
        return Ok(shown);
    }
    let grantee = format!("token:{token}");
    if desk.may("kernel.grant.list") {
        let mut held = grants(&desk.app, &desk.viewer).await?;
        held.retain(|row| row.grantee.as_str() == grantee);
        shown.tables.push(grants_table(desk, &held, false));
    }
    shown.actions.extend(desk.action(
        "kernel.grant.give",
        "admin-grant-new",
        format!("/admin/grants/new?grantee={grantee}"),
    ));
    if desk.may("kernel.token.revoke") {
        shown.forms.push(Form {
            action: format!("/admin/tokens/{token}"),
            button: desk.get("admin-token-revoke"),
            warning: Some(desk.get("admin-token-revoke-warning")),
            error: None,
            fields: Vec::new(),
        });
    }
    Ok(shown)
}

async fn one(Path(token): Path<String>, desk: Desk) -> Result<Response, Problem> {
    page(&token_page(&desk, &token).await?)
}

async fn revoke(
    Path(token): Path<String>,
    desk: Desk,
    Posted { sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    let who = token.clone();
    let work = move |kernel: &Kernel, by: &By| kernel.revoke_token(by, &who);
    match desk.act("kernel.token.revoke", sent, work).await {
        Ok(_) => Ok(Redirect::to(&format!("/admin/tokens/{token}")).into_response()),
        Err(problem) => refused(&desk, problem, token_page(&desk, &token).await?),
    }
}
