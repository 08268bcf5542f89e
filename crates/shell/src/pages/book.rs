//! The entries of a book, or those about one subject: what every number of a register opens into.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::{BookId, Seq, SubjectId};
use kernel::entries::Kinds;
use ledger::Entry;
use serde::Deserialize;
use store::StoreError;

use super::figure::{crumbs, kind_title};
use super::page;
use crate::api::ledger::may_read;
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::said;
use crate::view::{Cell, Column, Empty, Frame, Pager, TableView};
use crate::viewer::{Asked, Here, Viewer};

pub fn router() -> Router<App> {
    Router::new().route("/ledger/{book}", get(book))
}

/// Entries on a page.
const ENTRIES: usize = 50;
/// Entries about a subject, the latest.
const ABOUT_MAX: usize = 500;

#[derive(Debug, Deserialize)]
struct Wanted {
    /// The subject that the entries name.
    about: Option<String>,
    /// The entry that the page ends before; absent for the latest.
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "book.html")]
struct BookPage {
    frame: Frame,
    table: TableView,
}

async fn book(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let book = BookId::new(&name).map_err(|_| Problem::not_found())?;
    may_read(&app, &viewer, &book)?;
    let about = wanted.about.as_deref().map(SubjectId::new).transpose().map_err(|_| Problem::not_found())?;
    let (home, subject, before) = (book.clone(), about.clone(), wanted.before);
    let (entries, from) = app
        .blocking(move |kernel| {
            kernel.read(|tx| latest(tx, &kernel.lines().hearsay(), &home, subject.as_ref(), before))
        })
        .await?;
    let t = app.texts.t(lang);
    let title = match &about {
        Some(subject) => t.with("book-about", &[("subject", subject.local_part())]),
        None => said::book_title(&app, lang, &book),
    };
    let mut frame = viewer.frame(&app, lang, title, &here);
    if let Some(unit) = app.tree().unit_of_book(&book) {
        frame.crumbs = crumbs(&app, lang, unit);
    }
    let columns = vec![
        Column::number("seq", t.get("entry-seq")),
        Column::text("kind", t.get("entry-kind")),
        Column::text("occurred", t.get("entry-occurred")),
        Column::text("recorded", t.get("entry-recorded")),
        Column::text("actor", t.get("entry-actor")),
    ];
    let empty = Empty { title: t.get("empty-entries"), hint: t.get("empty-entries-hint"), action: None };
    let mut table = TableView::new("entries", t.get("nav-entries"), columns, empty);
    let cells = |entry: &Entry| {
        vec![
            Cell::integer(entry.seq.to_i64()).link(format!("/ledger/{}/{}", entry.book, entry.seq)),
            Cell::text(kind_title(&app, lang, entry.kind.as_str())),
            Cell::date_time(app.moment(entry.occurred)),
            Cell::date_time(app.moment(entry.recorded)),
            Cell::text(said::actor(&t, &entry.actor)),
        ]
    };
    table.rows = entries.iter().map(cells).collect();
    let earlier = about.is_none() && from > 0;
    if earlier || wanted.before.is_some() {
        let at = |before: Option<u64>| {
            let before = before.map(|before| before.to_string());
            crate::table::with_parameter(&here, "before", before.as_deref())
        };
        table.pager = Some(Pager {
            text: t.with("figure-entries-shown", &[("count", table.rows.len())]),
            previous: wanted.before.map(|_| at(None)),
            next: earlier.then(|| at(Some(from))),
        });
    }
    page(&BookPage { frame, table })
}

/// The entries to show, the latest first, and where a page of the whole book begins.
fn latest(
    tx: &mut dyn store::Tx,
    hearsay: &[&str],
    book: &BookId,
    about: Option<&SubjectId>,
    before: Option<u64>,
) -> Result<(Vec<Entry>, u64), StoreError> {
    if let Some(subject) = about {
        // What others report, however much, hides nothing of what the house recorded.
        let own = Kinds::AllBut(hearsay);
        let mut found = kernel::entries::about_of(tx, book, subject, own, None, ABOUT_MAX)?;
        let known: BTreeSet<Seq> = found.iter().map(|entry| entry.seq).collect();
        let others = kernel::entries::about(tx, book, subject, ABOUT_MAX)?;
        found.extend(others.into_iter().filter(|entry| !known.contains(&entry.seq)));
        found.truncate(ABOUT_MAX);
        found.sort_unstable_by_key(|entry| Reverse(entry.seq));
        return Ok((found, 0));
    }
    let row = tx.query_one("select size from book where book = $1", &[store::Param::Text(book.as_str())])?;
    let size = row.map_or(Ok(0), |row| row.int(0))?;
    let end = u64::try_from(size).unwrap_or(0).min(before.unwrap_or(u64::MAX));
    let from = end.saturating_sub(ENTRIES as u64);
    let count = usize::try_from(end - from).unwrap_or(ENTRIES);
    let found = kernel::entries::entries_from(tx, book, Seq(from), count)?;
    let entries = found.into_iter().rev().map(|stored| stored.entry).collect();
    Ok((entries, from))
}
