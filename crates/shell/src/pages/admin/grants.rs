//! Grants: who holds which role where; giving and withdrawing.

use access::{ADMIN, Grant};
use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::{ActorId, SubjectId, UnitCode};
use kernel::{By, GrantRow, Kernel};
use serde::Deserialize;

use super::choices::given;
use super::{AdminPage, Desk, Form, Nothing, Posted, page, refused};
use crate::api::accounts::{accounts, confirm, grants};
use crate::api::refusal::malformed;
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::table::{Direction, TableSpec};
use crate::view::{Cell, Choice, Column, Empty, Field, FieldKind, TableView};

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/grants", get(list))
        .route("/admin/grants/new", get(new).post(give))
        .route("/admin/grants/{seq}", get(one).post(withdraw))
}

const SPEC: TableSpec = TableSpec {
    sortable: &["grantee", "role", "unit", "line", "subject", "seq"],
    sort: ("grantee", Direction::Ascending),
    per_page: 50,
};

/// Grants as a table, with or without the column of who holds them.
pub fn grants_table(desk: &Desk, rows: &[GrantRow], of_many: bool) -> TableView {
    let mut columns = vec![
        Column::text("role", desk.get("admin-role")),
        Column::text("unit", desk.get("admin-unit")),
        Column::text("line", desk.get("admin-line")),
        Column::text("subject", desk.get("admin-grant-subject")),
        Column::number("seq", desk.get("admin-grant-entry")),
    ];
    if of_many {
        columns.insert(0, Column::text("grantee", desk.get("admin-grantee")));
    }
    let action = desk.action("kernel.grant.give", "admin-grant-new", "/admin/grants/new");
    let hint = desk.get("admin-grants-hint");
    let empty = Empty { title: desk.get("admin-grants-none"), hint, action: action.filter(|_| of_many) };
    let mut table = TableView::new("grants", desk.get("admin-grants"), columns, empty);
    for row in rows {
        let [role, unit, line, subject] = said(desk, &row.grant);
        let seq = i64::try_from(row.seq.0).unwrap_or(i64::MAX);
        let mut cells = vec![
            Cell::text(role),
            Cell::text(unit),
            Cell::text(line),
            Cell::text(subject),
            Cell::integer(seq).link(format!("/admin/grants/{seq}")),
        ];
        if of_many {
            let cell = Cell::text(desk.actor_title(row.grantee.as_str()));
            let href = Desk::actor_href(row.grantee.as_str());
            cells.insert(0, if let Some(href) = href { cell.link(href) } else { cell });
        }
        table.rows.push(cells);
    }
    table
}

/// Role, unit, line and subject, as words.
fn said(desk: &Desk, grant: &Grant) -> [String; 4] {
    let of_role = desk.app.kernel.policy().role(&grant.role).and_then(|role| role.line);
    let line = grant.line.as_deref().or(of_role);
    [
        desk.role_title(&grant.role),
        desk.unit_title(&grant.unit),
        line.map_or_else(|| desk.get("admin-line-all"), |line| desk.line_title(line)),
        grant.subject.as_ref().map(ToString::to_string).unwrap_or_default(),
    ]
}

async fn list(desk: Desk) -> Result<Response, Problem> {
    let all = grants(&desk.app, &desk.viewer).await?;
    let table = grants_table(&desk, &all, true);
    let mut shown = desk.page(desk.get("admin-grants"), "");
    shown.actions.extend(desk.action("kernel.grant.give", "admin-grant-new", "/admin/grants/new"));
    super::listing::list(&desk.t, &SPEC, &desk.here, table)?.on(&desk.app, shown).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    grantee: String,
    role: String,
    unit: String,
    line: String,
    subject: String,
}

async fn form(desk: &Desk, typed: &Typed) -> Result<AdminPage, Problem> {
    let choice = |name, key: &str, choices, value: &str| {
        Field::new(name, desk.get(key), FieldKind::Choice(choices)).value(value)
    };
    let grantee = match typed.grantee.split_once(':') {
        // A token or device is named by the page that led here.
        Some(("token" | "device", _)) => {
            Field::new("grantee", desk.get("admin-grantee"), FieldKind::Text { chars_max: 100 })
                .value(&typed.grantee)
        }
        _ => {
            let known = accounts(&desk.app, &desk.viewer).await?.into_iter().filter(|row| !row.disabled);
            let known = known.map(|row| Choice {
                value: format!("account:{}", row.account),
                title: format!("{} {}", row.title, row.account),
            });
            choice("grantee", "admin-grantee", known.collect(), &typed.grantee)
        }
    };
    let lines = desk.or_all(desk.line_choices());
    let subject = Field::new("subject", desk.get("admin-grant-subject"), FieldKind::Text { chars_max: 200 });
    let mut fields = vec![
        grantee.required(),
        choice("role", "admin-role", desk.role_choices(false), &typed.role).required(),
        choice("unit", "admin-unit", desk.unit_choices("kernel.grant.give")?, &typed.unit)
            .required()
            .hint(desk.get("admin-grant-unit-hint")),
        choice("line", "admin-line", lines, &typed.line),
        subject.value(&typed.subject).hint(desk.get("admin-grant-subject-hint")),
    ];
    fields.extend(desk.again());
    let form = Form {
        action: "/admin/grants/new".into(),
        button: desk.get("admin-grant-new"),
        warning: None,
        error: None,
        fields,
    };
    Ok(desk.form(desk.get("admin-grant-new"), "admin-grants", form))
}

async fn new(desk: Desk, Query(typed): Query<Typed>) -> Result<Response, Problem> {
    page(&form(&desk, &typed).await?)
}

async fn give(desk: Desk, Posted { typed, mut sent }: Posted<Typed>) -> Result<Response, Problem> {
    let again = form(&desk, &typed).await?;
    let read = || {
        let grantee = ActorId::new(&typed.grantee).map_err(|error| malformed("grantee", &error))?;
        let unit = UnitCode::new(&typed.unit).map_err(|error| malformed("unit", &error))?;
        let subject = given(&typed.subject).map(SubjectId::new).transpose();
        let subject = subject.map_err(|error| malformed("subject", &error))?;
        let line = given(&typed.line).map(str::to_owned);
        Ok((grantee, Grant { role: typed.role.clone(), unit, line, subject }))
    };
    let (grantee, grant) = match read() {
        Ok(read) => read,
        Err(problem) => return refused(&desk, problem, again),
    };
    if grant.role == ADMIN {
        let asked = std::mem::take(&mut sent.again);
        let confirmed = confirm(&desk.app, &desk.viewer, "kernel.grant.give", asked).await;
        if let Err(problem) = confirmed {
            return refused(&desk, problem, again);
        }
    }
    let to = Desk::actor_href(grantee.as_str()).unwrap_or_else(|| "/admin/grants".into());
    let work = move |kernel: &Kernel, by: &By| kernel.give_grant(by, &grantee, grant);
    match desk.act("kernel.grant.give", sent, work).await {
        Ok(_) => Ok(Redirect::to(&to).into_response()),
        Err(problem) => refused(&desk, problem, again),
    }
}

async fn grant_page(desk: &Desk, seq: u64) -> Result<AdminPage, Problem> {
    let all = grants(&desk.app, &desk.viewer).await?;
    let row = all.into_iter().find(|row| row.seq.0 == seq).ok_or_else(Problem::not_found)?;
    let [role, unit, line, subject] = said(desk, &row.grant);
    let grantee = desk.actor_title(row.grantee.as_str());
    let mut shown = desk.page(format!("{role} · {grantee}"), "admin-grants");
    shown.facts = vec![
        (desk.get("admin-grantee"), grantee),
        (desk.get("admin-role"), role),
        (desk.get("admin-unit"), unit),
        (desk.get("admin-line"), line),
    ];
    if !subject.is_empty() {
        shown.facts.push((desk.get("admin-grant-subject"), subject));
    }
    if desk.may("kernel.grant.withdraw") {
        shown.forms.push(Form {
            action: format!("/admin/grants/{seq}"),
            button: desk.get("admin-grant-withdraw"),
            warning: Some(desk.get("admin-grant-withdraw-warning")),
            error: None,
            fields: Vec::new(),
        });
    }
    Ok(shown)
}

async fn one(Path(seq): Path<u64>, desk: Desk) -> Result<Response, Problem> {
    page(&grant_page(&desk, seq).await?)
}

async fn withdraw(
    Path(seq): Path<u64>,
    desk: Desk,
    Posted { sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    let work = move |kernel: &Kernel, by: &By| kernel.withdraw_grant(by, seq);
    match desk.act("kernel.grant.withdraw", sent, work).await {
        Ok(_) => Ok(Redirect::to("/admin/grants").into_response()),
        Err(problem) => refused(&desk, problem, grant_page(&desk, seq).await?),
    }
}
