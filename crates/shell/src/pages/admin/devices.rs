//! Devices, such as scales: enrolling one, and revoking its credential.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::{BookId, SubjectId};
use kernel::{By, Kernel, NewDevice};
use serde::Deserialize;

use super::accounts::state;
use super::tokens::secret;
use super::{AdminPage, Desk, Form, Nothing, Posted, page, refused};
use crate::api::credentials::devices;
use crate::api::refusal::malformed;
use crate::app::App;
use crate::extract::Path;
use crate::problem::Problem;
use crate::table::{Direction, TableSpec};
use crate::view::{Cell, Column, Empty, Field, FieldKind, TableView};

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/devices", get(list))
        .route("/admin/devices/new", get(new).post(enrol))
        .route("/admin/devices/{book}/{device}", get(one).post(revoke))
}

const SPEC: TableSpec = TableSpec {
    sortable: &["device", "title", "book", "subject", "state"],
    sort: ("book", Direction::Ascending),
    per_page: 50,
};

async fn list(desk: Desk) -> Result<Response, Problem> {
    let all = devices(&desk.app, &desk.viewer).await?;
    let columns = vec![
        Column::text("title", desk.get("admin-name")),
        Column::text("book", desk.get("admin-book")),
        Column::text("device", desk.get("admin-device")),
        Column::text("subject", desk.get("admin-device-subject")),
        Column::text("state", desk.get("admin-state")),
    ];
    let action = desk.action("kernel.device.enrol", "admin-device-new", "/admin/devices/new");
    let empty = Empty {
        title: desk.get("admin-devices-none"),
        hint: desk.get("admin-devices-hint"),
        action: action.clone(),
    };
    let mut table = TableView::new("devices", desk.get("admin-devices"), columns, empty);
    for row in all {
        table.rows.push(vec![
            Cell::text(row.title).link(format!("/admin/devices/{}/{}", row.book, row.device)),
            Cell::text(row.book.as_str()),
            Cell::text(row.device),
            Cell::text(row.subject.as_str()),
            Cell::badge(state(&desk, row.revoked, "admin-device-revoked")),
        ]);
    }
    let mut shown = desk.page(desk.get("admin-devices"), "");
    shown.actions.extend(action);
    super::listing::list(&desk.t, &SPEC, &desk.here, table)?.on(&desk.app, shown).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    book: String,
    device: String,
    title: String,
    subject: String,
    role: String,
}

fn form(desk: &Desk, typed: &Typed) -> Result<AdminPage, Problem> {
    let text = |name, key: &str, chars_max, value: &str| {
        Field::new(name, desk.get(key), FieldKind::Text { chars_max })
            .value(value)
            .required()
            .hint(desk.get(&format!("{key}-hint")))
    };
    let books = FieldKind::Choice(desk.book_choices("kernel.device.enrol")?);
    let fields = vec![
        Field::new("book", desk.get("admin-book"), books).value(&typed.book).required(),
        text("device", "admin-device", 40, &typed.device),
        text("title", "admin-device-title", base::limits::NAME_CHARS_MAX, &typed.title),
        text("subject", "admin-device-subject", 200, &typed.subject),
        Field::new("role", desk.get("admin-role"), FieldKind::Choice(desk.role_choices(true)))
            .value(&typed.role)
            .required(),
    ];
    let form = Form {
        action: "/admin/devices/new".into(),
        button: desk.get("admin-device-new"),
        warning: None,
        error: None,
        fields,
    };
    Ok(desk.form(desk.get("admin-device-new"), "admin-devices", form))
}

async fn new(desk: Desk) -> Result<Response, Problem> {
    page(&form(&desk, &Typed::default())?)
}

async fn enrol(desk: Desk, Posted { typed, sent }: Posted<Typed>) -> Result<Response, Problem> {
    let again = form(&desk, &typed)?;
    let read = || {
        let book = BookId::new(&typed.book).map_err(|error| malformed("book", &error))?;
        let subject = SubjectId::new(typed.subject.trim()).map_err(|error| malformed("subject", &error))?;
        Ok((book, subject))
    };
    let (book, subject) = match read() {
        Ok(read) => read,
        Err(problem) => return refused(&desk, problem, again),
    };
    let device = typed.device.trim().to_owned();
    let new = NewDevice {
        device: device.clone(),
        book: book.clone(),
        title: typed.title,
        subject,
        role: typed.role,
    };
    let work = move |kernel: &Kernel, by: &By| kernel.issue_device(by, new);
    match desk.act_secretly("kernel.device.enrol", sent, |issued| &mut issued.credential, work).await {
        Ok(issued) => {
            let mut shown = device_page(&desk, &book, &device).await?;
            secret(&desk, issued, &mut shown);
            page(&shown)
        }
        Err(problem) => refused(&desk, problem, again),
    }
}

async fn device_page(desk: &Desk, book: &BookId, device: &str) -> Result<AdminPage, Problem> {
    let all = devices(&desk.app, &desk.viewer).await?;
    let row = all
        .into_iter()
        .find(|row| row.book == *book && row.device == device)
        .ok_or_else(Problem::not_found)?;
    let mut shown = desk.page(row.title, "admin-devices");
    shown.facts = vec![
        (desk.get("admin-device"), device.to_owned()),
        (desk.get("admin-book"), book.to_string()),
        (desk.get("admin-device-subject"), row.subject.to_string()),
        (desk.get("admin-state"), state(desk, row.revoked, "admin-device-revoked").text),
    ];
    if !row.revoked && desk.may("kernel.device.revoke") {
        shown.forms.push(Form {
            action: format!("/admin/devices/{book}/{device}"),
            button: desk.get("admin-device-revoke"),
            warning: Some(desk.get("admin-device-revoke-warning")),
            error: None,
            fields: Vec::new(),
        });
    }
    Ok(shown)
}

fn named(book: &str) -> Result<BookId, Problem> {
    BookId::new(book).map_err(|_| Problem::not_found())
}

async fn one(Path((book, device)): Path<(String, String)>, desk: Desk) -> Result<Response, Problem> {
    page(&device_page(&desk, &named(&book)?, &device).await?)
}

async fn revoke(
    Path((book, device)): Path<(String, String)>,
    desk: Desk,
    Posted { sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    let book = named(&book)?;
    let (kept, who) = (book.clone(), device.clone());
    let work = move |kernel: &Kernel, by: &By| kernel.revoke_device(by, &kept, &who);
    match desk.act("kernel.device.revoke", sent, work).await {
        Ok(_) => Ok(Redirect::to(&format!("/admin/devices/{book}/{device}")).into_response()),
        Err(problem) => refused(&desk, problem, device_page(&desk, &book, &device).await?),
    }
}
