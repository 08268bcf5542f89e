//! How the installation fares, in words: what is well, what to mind, and what to do.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use store::Engine;

use super::{Desk, page};
use crate::app::App;
use crate::format;
use crate::health::{Finding, READ, Row, Vitals, judge};
use crate::problem::Problem;
use crate::view::{Badge, Cell, Column, Empty, Mark, TableView};

pub fn router() -> Router<App> {
    Router::new().route("/admin/health", get(overview))
}

async fn overview(desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_at_root(&desk.app, READ)?;
    let watch = desk.app.site.watch.clone();
    let vitals = desk.app.blocking(move |kernel| Vitals::read(kernel, &watch)).await?;
    let findings = judge(&vitals, desk.app.kernel.pulse());
    let columns = vec![
        Column::text("what", desk.get("health-what")),
        Column::text("state", desk.get("health-state")),
        Column::text("said", desk.get("health-said")),
        Column::text("do", desk.get("health-do")),
    ];
    let empty = Empty { title: desk.get("empty"), hint: String::new(), action: None };
    let mut table = TableView::new("health", desk.get("health-caption"), columns, empty);
    table.rows = findings.iter().map(|finding| row(&desk, finding)).collect();

    let mut shown = desk.page(desk.get("admin-health"), "");
    shown.lead = Some(desk.get("admin-health-hint"));
    let count = |mark: Mark| findings.iter().filter(|it| it.mark == mark).count();
    shown.alert = (count(Mark::Red) > 0).then(|| desk.t.with("health-act", &[("count", count(Mark::Red))]));
    shown.facts = facts(&desk, &vitals);
    shown.tables.push(table);
    page(&shown)
}

fn facts(desk: &Desk, vitals: &Vitals) -> Vec<(String, String)> {
    let engine = match desk.app.kernel.store().engine() {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
    };
    let mut facts = vec![
        (desk.get("health-at"), format::date_time_long(desk.lang, desk.app.moment(vitals.now))),
        (desk.get("health-version"), env!("CARGO_PKG_VERSION").to_owned()),
        (desk.get("health-engine"), engine.to_owned()),
    ];
    if let Some(bytes) = vitals.process.resident_bytes {
        facts.push((desk.get("health-memory"), format::bytes(bytes)));
    }
    let duties = desk.app.kernel.pulse().duties();
    let ours: Vec<String> = duties
        .iter()
        .filter(|(_, ours)| **ours)
        .map(|(name, _)| desk.get(&format!("health-duty-{name}")))
        .collect();
    let ours =
        if ours.is_empty() { desk.get("health-duties-none") } else { ours.join(&desk.get("health-and")) };
    facts.push((desk.get("health-duties"), ours));
    facts
}

/// A row in words. What is well needs nothing done.
fn row(desk: &Desk, finding: &Finding) -> Vec<Cell> {
    let said = said(desk, &finding.row);
    let key = key(&finding.row);
    let state = match finding.mark {
        Mark::Red => "health-state-act",
        Mark::Yellow => "health-state-mind",
        _ => "health-state-well",
    };
    let todo = match finding.mark {
        Mark::Red | Mark::Yellow => Cell::text(desk.get(&format!("{key}-do"))),
        _ => Cell::none(),
    };
    let title = match &finding.row {
        Row::Cosigning { witness, .. } => {
            let name = witness.split('+').next().unwrap_or_default();
            desk.t.with(key.as_str(), &[("witness", name)])
        }
        _ => desk.get(&key),
    };
    vec![
        Cell::text(title),
        Cell::badge(Badge { mark: finding.mark, text: desk.get(state) }),
        Cell::text(said),
        todo,
    ]
}

/// The key of a row's title; what is said of it and what to do stand beside it.
fn key(row: &Row) -> String {
    match row {
        Row::Queue { queue, .. } => format!("health-{queue}"),
        Row::Database { .. } => "health-database".into(),
        Row::Writer { .. } => "health-writer".into(),
        Row::Commits { .. } => "health-commits".into(),
        Row::Calendar { .. } => "health-calendar".into(),
        Row::Cosigning { .. } => "health-cosigning".into(),
        Row::Forks { .. } => "health-forks".into(),
        Row::Backup { .. } | Row::NoBackup => "health-backup".into(),
        Row::Disk { .. } => "health-disk".into(),
        Row::Files { .. } => "health-files".into(),
    }
}

fn said(desk: &Desk, row: &Row) -> String {
    let count = |count: u64| format::integer(count);
    let span = |ms: i64| format::duration(desk.lang, ms);
    let say = |key: &str, args: &[(&str, String)]| desk.t.with(key, args);
    match row {
        Row::Database { bytes } => say("health-database-said", &[("size", format::bytes(*bytes))]),
        Row::Writer { queued, max, refused } => say(
            "health-writer-said",
            &[
                ("queued", format::integer(*queued)),
                ("max", format::integer(*max)),
                ("refused", count(*refused)),
            ],
        ),
        Row::Commits { count: 0, .. } => desk.get("health-commits-none"),
        Row::Commits { us: None, .. } => desk.get("health-commits-slow"),
        Row::Commits { us: Some(us), .. } => {
            let ms = i64::try_from(us.div_ceil(1_000)).unwrap_or(i64::MAX);
            say("health-commits-said", &[("time", span(ms))])
        }
        Row::Queue { waiting: 0, .. } => desk.get("health-queue-none"),
        Row::Queue { waiting, failing, ms, .. } => say(
            "health-queue-said",
            &[("waiting", count(*waiting)), ("failing", count(*failing)), ("time", span(*ms))],
        ),
        Row::Calendar { days: 0 } => desk.get("health-calendar-none"),
        Row::Calendar { days } => say("health-calendar-said", &[("days", format::integer(*days))]),
        Row::Cosigning { ms: None, .. } => desk.get("health-cosigning-never"),
        Row::Cosigning { ms: Some(ms), failing, .. } => {
            say("health-cosigning-said", &[("time", span(*ms)), ("failing", count(*failing))])
        }
        Row::Forks { count: 0 } => desk.get("health-forks-none"),
        Row::Forks { count: forks } => say("health-forks-said", &[("count", count(*forks))]),
        Row::NoBackup => desk.get("health-backup-unknown"),
        Row::Backup { ms: None, .. } => desk.get("health-backup-none"),
        Row::Backup { ms: Some(ms), bytes } => {
            say("health-backup-said", &[("time", span(*ms)), ("size", format::bytes(*bytes))])
        }
        Row::Disk { free, bytes } => {
            say("health-disk-said", &[("free", format::bytes(*free)), ("size", format::bytes(*bytes))])
        }
        Row::Files { open, max } => say("health-files-said", &[("open", count(*open)), ("max", count(*max))]),
    }
}
