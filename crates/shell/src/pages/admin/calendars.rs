//! The calendar of workdays: the years whose holidays are known, and loading one.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base::Day;
use kernel::{By, Kernel};
use matters::{Calendar, DayKind, MatterError, YearNotice};
use serde::Deserialize;

use super::{AdminPage, Desk, Form, page, refused};
use crate::app::App;
use crate::extract::Query;
use crate::once;
use crate::problem::Problem;
use crate::texts::Both;
use crate::typed::Sent;
use crate::view::{Badge, Cell, Column, Empty, Field, FieldKind, Link, Mark, TableView};

const READ: &str = "kernel.policy.read";
const LOAD: &str = "kernel.calendar.load";
/// Bytes of a form with a year file, which has some three thousand.
const FILE_BYTES_MAX: usize = 64 * 1024;

pub fn router() -> Router<App> {
    let limit = DefaultBodyLimit::max(FILE_BYTES_MAX);
    Router::new()
        .route("/admin/calendar", get(year))
        .route("/admin/calendar/new", get(new).post(load))
        .layer(limit)
}

#[derive(Debug, Deserialize)]
struct Wanted {
    year: Option<i32>,
}

async fn year(desk: Desk, Query(Wanted { year }): Query<Wanted>) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, READ)?;
    let rulebook = desk.app.blocking(|kernel| kernel.rulebook()).await?;
    let calendar = rulebook.calendar();
    let (this_year, ..) = desk.app.today().civil();
    let year = year.unwrap_or_else(|| i32::try_from(this_year).unwrap_or_default());
    let mut shown = desk.page(desk.t.with("calendar-of", &[("year", year.to_string())]), "admin-calendar");
    let known: Vec<i32> = calendar.years().collect();
    shown.lead = Some(match known.contains(&year) {
        true => desk.get("admin-calendar-hint"),
        false => desk.t.with("calendar-unknown", &[("year", year.to_string())]),
    });
    shown.frame.sections = known
        .iter()
        .rev()
        .map(|year| Link { title: year.to_string(), href: format!("/admin/calendar?year={year}") })
        .collect();
    shown.actions.extend(desk.action(LOAD, "calendar-load", "/admin/calendar/new"));
    shown.tables.push(days(&desk, calendar, year)?);
    page(&shown)
}

/// The days of a year that are not as the week has them.
fn days(desk: &Desk, calendar: &Calendar, year: i32) -> Result<TableView, Problem> {
    let columns = vec![
        Column::text("date", desk.get("calendar-day")),
        Column::text("weekday", desk.get("calendar-weekday")),
        Column::text("kind", desk.get("calendar-kind")),
        Column::text("name", desk.get("calendar-festival")),
    ];
    let empty =
        Empty { title: desk.get("calendar-none"), hint: desk.get("calendar-none-hint"), action: None };
    let mut table = TableView::new("days", desk.get("calendar-days"), columns, empty);
    let at = |text: &str| Day::parse(&format!("{year:04}-{text}")).map_err(|_| Problem::not_found());
    for day in (at("01-01")?.0..=at("12-31")?.0).map(Day) {
        let (name, mark, key) = match calendar.kind_of(day).value {
            DayKind::Holiday { name } => (name, Mark::Plain, "calendar-off"),
            DayKind::MakeUp { name } => (name, Mark::Done, "calendar-made-up"),
            _ => continue,
        };
        table.rows.push(vec![
            Cell::text(day.to_string()),
            Cell::text(desk.get(&format!("weekday-{}", (day.0 + 3).rem_euclid(7) + 1))),
            Cell::badge(Badge { mark, text: desk.get(key) }),
            Cell::text(name),
        ]);
    }
    Ok(table)
}

fn form(desk: &Desk) -> AdminPage {
    let file = FieldKind::File { accept: "application/json,.json" };
    let field =
        Field::new("file", desk.get("calendar-file"), file).required().hint(desk.get("calendar-file-hint"));
    let form = Form {
        action: "/admin/calendar/new".into(),
        button: desk.get("calendar-load"),
        warning: Some(desk.get("calendar-load-warning")),
        error: None,
        fields: vec![field],
    };
    desk.form(desk.get("calendar-load"), "admin-calendar", form)
}

async fn new(desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, LOAD)?;
    page(&form(&desk))
}

async fn load(desk: Desk, Sent { mut typed, files }: Sent) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, LOAD)?;
    let again = form(&desk);
    let text = files.into_iter().find(|file| file.field == "file").map(|file| file.bytes);
    let Some(text) = text.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        let detail = Both::new("请选择 JSON 格式的年份文件。", "choose a year file in JSON");
        return refused(&desk, Problem::bad_request("file", "format", detail), again);
    };
    let notice = match YearNotice::parse(text.trim_start_matches('\u{feff}')) {
        Ok(notice) => notice,
        Err(error) => return refused(&desk, misread(&error), again),
    };
    let year = notice.year;
    typed.set("file", text);
    let sent = once::Sent::of("/admin/calendar/new", typed.values());
    match desk.act(LOAD, sent, move |kernel: &Kernel, by: &By| kernel.load_calendar(by, notice)).await {
        Ok(_) => Ok(Redirect::to(&format!("/admin/calendar?year={year}")).into_response()),
        Err(problem) => refused(&desk, Problem { field: Some("file".into()), ..problem }, again),
    }
}

/// What is wrong with a year file: where, and what.
fn misread(error: &MatterError) -> Problem {
    let (place, reason) = match error {
        MatterError::Notice { field, detail } => (field.as_str(), detail.clone()),
        other => ("", other.to_string()),
    };
    let detail = match place {
        "" | "." => Both::new(format!("年份文件有误：{reason}。"), reason),
        place => Both::new(format!("年份文件的 {place} 有误：{reason}。"), format!("{place}: {reason}")),
    };
    Problem::bad_request("file", "schema", detail)
}
