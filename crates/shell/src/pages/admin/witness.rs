//! The witness: the logs of others that we cosign, forks that were found, and how our own books are cosigned.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base::{SubjectId, limits};
use kernel::witness::{ForkAcknowledged, FoundFork, LogTrusted, TrustedLog, WitnessedLog};
use kernel::{By, CosigningFault, CosigningStand, Kernel, ROOT_BOOK};
use ledger::{Body, BodyError};
use serde::Deserialize;

use super::choices::given;
use super::listing::{Listing, list};
use super::{AdminPage, Desk, Form, Nothing, Posted, page, refused};
use crate::api::refusal::malformed;
pub use crate::api::witness::READ;
use crate::api::witness::{Seen, fork, seen};
use crate::app::App;
use crate::extract::Path;
use crate::format;
use crate::problem::Problem;
use crate::table::{Direction, TableSpec};
use crate::texts::{Both, Lang};
use crate::view::{Badge, Cell, Choice, Column, Empty, Field, FieldKind, Link, Mark, TableView};

const TRUST: &str = "kernel.witness.trust";
const ACKNOWLEDGE: &str = "kernel.witness.acknowledge";
const PART: &str = "admin-witness";
/// Characters of an origin or a key as they are typed.
const LINE_CHARS_MAX: usize = 400;

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/witness", get(overview))
        .route("/admin/witness/new", get(new).post(trust))
        .route("/admin/witness/logs/{log}", get(one))
        .route("/admin/witness/logs/{log}/drop", post(drop_log))
        .route("/admin/witness/forks/{fork}", get(one_fork).post(acknowledge))
}

const LOGS: TableSpec = TableSpec {
    sortable: &["title", "origin", "size", "cosigned", "state"],
    sort: ("origin", Direction::Ascending),
    per_page: 50,
};
/// Rows of our own books, those that are not cosigned first.
const STANDS_MAX: usize = limits::PAGE_ROWS_MAX;
/// Checkpoints that the page of a log shows.
const NOTES_MAX: usize = 20;

async fn overview(desk: Desk) -> Result<Response, Problem> {
    let seen = seen(&desk.app, &desk.viewer).await?;
    let mut shown = desk.page(desk.get(PART), "");
    shown.lead = Some(desk.get("admin-witness-hint"));
    let open = seen.forks.iter().filter(|fork| fork.acknowledged.is_none()).count();
    shown.alert = (open > 0).then(|| desk.t.with("witness-forks-open", &[("count", open)]));
    shown.facts = vec![(desk.get("witness-key"), desk.app.kernel.witness_key().to_string())];
    shown.actions.extend(desk.action(TRUST, "witness-new", "/admin/witness/new"));
    if !seen.forks.is_empty() {
        shown.tables.push(forks_table(&desk, &seen));
    }
    match list(&desk.t, &LOGS, &desk.here, logs_table(&desk, &seen))? {
        Listing::File(wanted) => return wanted.response(&desk.app).await,
        Listing::Table(mut logs) => {
            logs.caption = desk.get("witness-logs");
            shown.tables.push(*logs);
        }
    }
    shown.tables.push(stands_table(&desk, &seen.stands));
    page(&shown)
}

fn badge(desk: &Desk, mark: Mark, key: &str) -> Cell {
    Cell::badge(Badge { mark, text: desk.get(key) })
}

fn entry(seq: u64) -> String {
    format!("/ledger/{ROOT_BOOK}/{seq}")
}

/// A row for each book that was witnessed, and for each log that never asked.
fn logs_table(desk: &Desk, seen: &Seen) -> TableView {
    let columns = vec![
        Column::text("title", desk.get("witness-title")),
        Column::text("origin", desk.get("kernel-field-origin")),
        Column::number("size", desk.get("witness-size")),
        Column::text("cosigned", desk.get("witness-cosigned")),
        Column::text("state", desk.get("witness-state")),
    ];
    let empty = Empty {
        title: desk.get("witness-none"),
        hint: desk.get("witness-none-hint"),
        action: desk.action(TRUST, "witness-new", "/admin/witness/new"),
    };
    let mut table = TableView::new("logs", desk.get("witness-logs"), columns, empty);
    for log in &seen.trusted {
        let title = || Cell::text(&log.title).link(format!("/admin/witness/logs/{}", log.log));
        let mut own = seen.witnessed.iter().filter(|it| log.covers(&it.origin)).peekable();
        if own.peek().is_none() {
            let never = badge(desk, Mark::Plain, "witness-state-never");
            table.rows.push(vec![title(), Cell::text(&log.origin), Cell::none(), Cell::none(), never]);
        }
        table.rows.extend(own.map(|it| {
            vec![
                title(),
                Cell::text(&it.origin),
                Cell::integer(i64::try_from(it.size).unwrap_or(i64::MAX)),
                Cell::date_time(desk.app.moment(it.cosigned)),
                state(desk, seen, it),
            ]
        }));
    }
    table
}

fn state(desk: &Desk, seen: &Seen, log: &WitnessedLog) -> Cell {
    let (mark, key) = if seen.is_held(&log.origin) {
        (Mark::Red, "witness-state-held")
    } else if log.refused.is_some() {
        (Mark::Yellow, "witness-state-refused")
    } else if log.lags(desk.app.kernel.now()) {
        (Mark::Yellow, "witness-state-lags")
    } else {
        (Mark::Done, "witness-state-good")
    };
    badge(desk, mark, key)
}

fn forks_table(desk: &Desk, seen: &Seen) -> TableView {
    let columns = vec![
        Column::text("since", desk.get("witness-fork-since")),
        Column::text("origin", desk.get("kernel-field-origin")),
        Column::number("first", desk.get("witness-fork-first-size")),
        Column::number("second", desk.get("witness-fork-second-size")),
        Column::text("state", desk.get("witness-state")),
    ];
    let empty = Empty { title: desk.get("empty"), hint: String::new(), action: None };
    let mut table = TableView::new("forks", desk.get("witness-forks"), columns, empty);
    let size = |size: u64| Cell::integer(i64::try_from(size).unwrap_or(i64::MAX));
    table.rows.extend(seen.forks.iter().map(|fork| {
        vec![
            Cell::date_time(desk.app.moment(fork.since)).link(format!("/admin/witness/forks/{}", fork.fork)),
            Cell::text(&fork.origin),
            size(fork.first_size),
            size(fork.second_size),
            fork_state(desk, fork),
        ]
    }));
    table
}

fn fork_state(desk: &Desk, fork: &FoundFork) -> Cell {
    match fork.acknowledged {
        None => badge(desk, Mark::Red, "witness-fork-open"),
        Some(seq) => badge(desk, Mark::Done, "witness-fork-acknowledged").link(entry(seq)),
    }
}

/// How our own books are cosigned.
fn stands_table(desk: &Desk, stands: &[CosigningStand]) -> TableView {
    let columns = vec![
        Column::text("book", desk.get("kernel-field-book")),
        Column::text("witness", desk.get("witness-witness")),
        Column::number("size", desk.get("witness-size")),
        Column::text("cosigned", desk.get("witness-cosigned")),
        Column::text("state", desk.get("witness-state")),
    ];
    let hint = desk.get("witness-own-none-hint");
    let empty = Empty { title: desk.get("witness-own-none"), hint, action: None };
    let mut table = TableView::new("witnesses", desk.get("witness-own"), columns, empty);
    let mut stands: Vec<&CosigningStand> = stands.iter().collect();
    stands.sort_by_key(|stand| stand.fault.is_none());
    table.rows.extend(stands.into_iter().take(STANDS_MAX).map(|stand| {
        vec![
            Cell::text(crate::said::book_title(&desk.app, desk.lang, &stand.book)),
            Cell::text(stand.witness.name()),
            Cell::integer(i64::try_from(stand.size).unwrap_or(i64::MAX)),
            stand.cosigned.map_or_else(Cell::none, |at| Cell::date_time(desk.app.moment(at))),
            stand_state(desk, stand),
        ]
    }));
    table
}

fn stand_state(desk: &Desk, stand: &CosigningStand) -> Cell {
    let Some(fault) = stand.fault else { return badge(desk, Mark::Done, "witness-state-good") };
    let text = desk.get(&format!("kernel-value-fault-kind-{}", fault.as_str()));
    let text = match (fault, stand.code) {
        (CosigningFault::Notice(_), Some(code)) => {
            desk.t.with("contact-fault", &[("text", text), ("code", code.to_string())])
        }
        _ => text,
    };
    let is_grave = matches!(fault, CosigningFault::Forked | CosigningFault::Behind | CosigningFault::Refused);
    Cell::badge(Badge { mark: if is_grave { Mark::Red } else { Mark::Yellow }, text })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    title: String,
    origin: String,
    vkey: String,
    owner: String,
    reviewer: String,
}

fn form(desk: &Desk, typed: &Typed) -> Result<AdminPage, Problem> {
    desk.viewer.need_at_root(&desk.app, TRUST)?;
    let tree = desk.app.tree();
    let mut posts: Vec<Choice> = tree
        .posts()
        .map(|post| Choice {
            title: format!("{} · {}", desk.unit_title(&post.unit), desk.post_title(&post.id)),
            value: post.id.to_string(),
        })
        .collect();
    posts.sort_by(|a, b| a.title.cmp(&b.title));
    posts.insert(0, Choice { value: String::new(), title: desk.get("witness-no-post") });
    let text = |name, key: &str, chars_max, value: &str| {
        Field::new(name, desk.get(key), FieldKind::Text { chars_max }).value(value).required()
    };
    let post = |name, key: &str, value: &str| {
        Field::new(name, desk.get(key), FieldKind::Choice(posts.clone())).value(value)
    };
    let fields = vec![
        text("title", "witness-title", limits::NAME_CHARS_MAX, &typed.title),
        text("origin", "kernel-field-origin", LINE_CHARS_MAX, &typed.origin)
            .hint(desk.get("witness-origin-hint")),
        text("vkey", "kernel-field-vkey", LINE_CHARS_MAX, &typed.vkey).hint(desk.get("witness-vkey-hint")),
        post("owner", "witness-owner", &typed.owner).hint(desk.get("witness-owner-hint")),
        post("reviewer", "witness-reviewer", &typed.reviewer),
    ];
    let form = Form {
        action: "/admin/witness/new".into(),
        button: desk.get("witness-new"),
        warning: None,
        error: None,
        fields,
    };
    Ok(desk.form(desk.get("witness-new"), PART, form))
}

async fn new(desk: Desk) -> Result<Response, Problem> {
    page(&form(&desk, &Typed::default())?)
}

async fn trust(desk: Desk, Posted { typed, sent }: Posted<Typed>) -> Result<Response, Problem> {
    let again = form(&desk, &typed)?;
    let read = || {
        let post = |field, text: &str| {
            let post = given(text).map(SubjectId::new).transpose();
            post.map_err(|error| malformed(field, &error))
        };
        let trimmed = |text: &str| text.trim().to_owned();
        let trusted = LogTrusted {
            origin: trimmed(&typed.origin),
            vkey: trimmed(&typed.vkey),
            title: trimmed(&typed.title),
            owner: post("owner", &typed.owner)?,
            reviewer: post("reviewer", &typed.reviewer)?,
        };
        trusted.check().map(|()| trusted).map_err(|error| wrong(&desk, error))
    };
    let trusted = match read() {
        Ok(trusted) => trusted,
        Err(problem) => return refused(&desk, problem, again),
    };
    match desk.act(TRUST, sent, move |kernel: &Kernel, by: &By| kernel.trust_log(by, trusted)).await {
        Ok(_) => Ok(Redirect::to("/admin/witness").into_response()),
        Err(problem) => refused(&desk, problem, again),
    }
}

/// What is wrong, in the words of the form.
fn wrong(desk: &Desk, error: BodyError) -> Problem {
    let key = match error.field.as_str() {
        "origin" => "witness-origin-wrong",
        "vkey" => "witness-vkey-wrong",
        "owner" | "reviewer" => "witness-posts-wrong",
        _ => return error.into(),
    };
    let said = |lang| desk.app.texts.t(lang).get(key);
    Problem::bad_request(error.field, "format", Both::new(said(Lang::Zh), said(Lang::En)))
}

async fn log_page(desk: &Desk, number: u64) -> Result<AdminPage, Problem> {
    let seen = seen(&desk.app, &desk.viewer).await?;
    let found = seen.trusted.iter().find(|log| log.log == number);
    let log: &TrustedLog = found.ok_or_else(Problem::not_found)?;
    let mut shown = desk.page(log.title.clone(), PART);
    shown.facts = vec![
        (desk.get("kernel-field-origin"), log.origin.clone()),
        (desk.get("kernel-field-vkey"), log.vkey.clone()),
        (desk.get("witness-since"), format::date_time(desk.app.moment(log.since))),
    ];
    let posts = [("witness-owner", &log.owner), ("witness-reviewer", &log.reviewer)];
    for (key, post) in posts {
        shown.facts.extend(post.as_ref().map(|post| (desk.get(key), desk.post_title(post))));
    }
    for it in seen.witnessed.iter().filter(|it| log.covers(&it.origin)).take(NOTES_MAX) {
        shown.quotes.push((desk.t.with("witness-last", &[("origin", it.origin.clone())]), it.note.clone()));
        if let (Some(at), Some(note)) = (it.refused, &it.refused_note) {
            let at = format::date_time(desk.app.moment(at));
            shown.quotes.push((desk.t.with("witness-refused", &[("at", at)]), note.clone()));
        }
    }
    shown.actions.push(Link { title: desk.get("witness-entry"), href: entry(number) });
    shown.forms.extend(desk.may(TRUST).then(|| Form {
        action: format!("/admin/witness/logs/{number}/drop"),
        button: desk.get("witness-drop"),
        warning: Some(desk.get("witness-drop-hint")),
        error: None,
        fields: Vec::new(),
    }));
    Ok(shown)
}

async fn one(Path(log): Path<u64>, desk: Desk) -> Result<Response, Problem> {
    page(&log_page(&desk, log).await?)
}

async fn drop_log(
    Path(log): Path<u64>,
    desk: Desk,
    Posted { sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    match desk.act(TRUST, sent, move |kernel: &Kernel, by: &By| kernel.drop_log(by, log)).await {
        Ok(_) => Ok(Redirect::to("/admin/witness").into_response()),
        Err(problem) => refused(&desk, problem, log_page(&desk, log).await?),
    }
}

async fn fork_page(desk: &Desk, number: u64, reason: &str) -> Result<AdminPage, Problem> {
    let evidence = fork(&desk.app, &desk.viewer, number).await?;
    let seen = seen(&desk.app, &desk.viewer).await?;
    let found = seen.forks.iter().find(|fork| fork.fork == number).ok_or_else(Problem::not_found)?;
    let mut shown = desk.page(desk.t.with("witness-fork", &[("origin", found.origin.clone())]), PART);
    let meaning = if evidence.proof.is_empty() { "witness-fork-one-size" } else { "witness-fork-two-sizes" };
    shown.lead = Some(desk.get(meaning));
    shown.alert = found.acknowledged.is_none().then(|| desk.get("witness-fork-held"));
    shown.facts = vec![
        (desk.get("kernel-field-origin"), found.origin.clone()),
        (desk.get("witness-fork-since"), format::date_time(desk.app.moment(found.since))),
        (desk.get("witness-fork-first-size"), format::integer(i128::from(found.first_size))),
        (desk.get("witness-fork-second-size"), format::integer(i128::from(found.second_size))),
    ];
    let file = |key: &str, part: &str| Link {
        title: desk.get(key),
        href: format!("/api/witness/forks/{number}/{part}"),
    };
    shown.actions = vec![file("witness-fork-get-first", "first"), file("witness-fork-get-second", "second")];
    if !evidence.proof.is_empty() {
        shown.actions.push(file("witness-fork-get-proof", "proof"));
    }
    shown.actions.push(Link { title: desk.get("witness-entry"), href: entry(number) });
    shown.quotes = vec![
        (desk.get("witness-fork-first"), evidence.first),
        (desk.get("witness-fork-second"), evidence.second),
    ];
    if found.acknowledged.is_none() && desk.may(ACKNOWLEDGE) {
        let area = FieldKind::Area { chars_max: limits::TEXT_CHARS_MAX };
        let field = Field::new("reason", desk.get("witness-fork-reason"), area).value(reason).required();
        shown.forms.push(Form {
            action: format!("/admin/witness/forks/{number}"),
            button: desk.get("witness-fork-acknowledge"),
            warning: Some(desk.get("witness-fork-acknowledge-hint")),
            error: None,
            fields: vec![field],
        });
    }
    Ok(shown)
}

async fn one_fork(Path(number): Path<u64>, desk: Desk) -> Result<Response, Problem> {
    page(&fork_page(&desk, number, "").await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    reason: String,
}

async fn acknowledge(
    Path(number): Path<u64>,
    desk: Desk,
    Posted { typed: Reason { reason }, sent }: Posted<Reason>,
) -> Result<Response, Problem> {
    let body = ForkAcknowledged { fork: number, reason: reason.trim().to_owned() };
    let work = move |kernel: &Kernel, by: &By| kernel.acknowledge_fork(by, body);
    match desk.act(ACKNOWLEDGE, sent, work).await {
        Ok(_) => Ok(Redirect::to("/admin/witness").into_response()),
        Err(problem) => refused(&desk, problem, fork_page(&desk, number, &reason).await?),
    }
}
