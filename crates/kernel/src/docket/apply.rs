//! How the tables of matters follow from entries.

use std::collections::BTreeMap;

use base::{CityZone, Day};
use ledger::{Body, Entry};
use matters::{Calendar, CalendarLoaded, Matter, MatterId, Move, RuleAdopted};
use store::{Param, Row, StoreError, Tx};

use super::hues;
use super::law::{self, Rulebooks};
use super::schema::{DELETE_POST, INSERT_POST, NO_DAY, PUT_MATTER};
use crate::entries::limit;

/// A matter as its row has it.
struct Filed {
    matter: Matter,
    due: i64,
}

/// Applies the entries about matters, and those of the root book that matters are judged by.
///
/// A deadline follows from the matter and the newest calendar alone, whichever was applied first.
pub(crate) fn apply(
    tx: &mut dyn Tx,
    zone: &CityZone,
    rulebooks: &Rulebooks,
    entries: &[Entry],
) -> Result<(), StoreError> {
    for entry in entries.iter().filter(|entry| is_regulation(entry)) {
        let before = rulebooks.of(tx)?;
        if law::apply(tx, entry)? {
            let after = rulebooks.of(tx)?;
            if let Some(first) = before.calendar().first_difference(after.calendar()) {
                date_anew(tx, zone, after.calendar(), first)?;
            }
        }
    }
    if entries.iter().any(is_about_matter) {
        let calendar = rulebooks.of(tx)?;
        file(tx, zone, calendar.calendar(), entries)?;
        hues::apply(tx, zone, entries)?;
    }
    Ok(())
}

fn is_regulation(entry: &Entry) -> bool {
    matches!(entry.kind.as_str(), RuleAdopted::KIND | CalendarLoaded::KIND)
}

fn is_about_matter(entry: &Entry) -> bool {
    entry.kind.as_str().starts_with("kernel.matter.")
}

fn file(tx: &mut dyn Tx, zone: &CityZone, calendar: &Calendar, entries: &[Entry]) -> Result<(), StoreError> {
    // What the table has, and what becomes of it.
    let mut files: BTreeMap<MatterId, (Option<Filed>, Matter)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| is_about_matter(entry)) {
        let broken = |error: String| {
            StoreError::Schema(format!(
                "entry {} of {} does not fit its matter: {error}",
                entry.seq, entry.book
            ))
        };
        if let Some(opened) = Matter::read(entry).map_err(|error| broken(error.to_string()))? {
            let matter = opened.map_err(|error| broken(error.to_string()))?;
            files.insert(matter.id.clone(), (None, matter));
            continue;
        }
        let step = Move::read(entry).map_err(|error| broken(error.to_string()))?;
        let step = step.ok_or_else(|| broken("its kind is not known".into()))?;
        let id = step.event.matter();
        if !files.contains_key(id) {
            let filed = find(tx, id)?.ok_or_else(|| broken("it was never opened".into()))?;
            let matter = filed.matter.clone();
            files.insert(id.clone(), (Some(filed), matter));
        }
        let (_, matter) = files.get_mut(id).expect("it was just put there");
        *matter = matter.after(&step).map_err(|error| broken(error.to_string()))?;
    }
    let files = files.into_values().map(|(before, matter)| {
        let due = due_day(&matter, zone, calendar);
        (before, Filed { matter, due })
    });
    write(tx, &files.collect::<Vec<_>>())
}

/// The day by which a matter is ordered.
pub(super) fn due_day(matter: &Matter, zone: &CityZone, calendar: &Calendar) -> i64 {
    matter.deadline(calendar, zone).map_or(NO_DAY, |deadline| i64::from(deadline.value.0))
}

/// The posts that an open matter waits for, and the part of each.
fn posts(filed: &Filed) -> Vec<(&str, &'static str)> {
    let matter = &filed.matter;
    if matter.state.is_closed() {
        return Vec::new();
    }
    let mut posts = vec![(matter.owner.subject().as_str(), "owner")];
    posts.extend(matter.helpers.iter().map(|helper| (helper.subject().as_str(), "helper")));
    posts.push((matter.reviewer.subject().as_str(), "reviewer"));
    posts
}

fn write(tx: &mut dyn Tx, files: &[(Option<Filed>, Filed)]) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(files.len());
    for (before, after) in files {
        let matter = &after.matter;
        let body = serde_json::to_string(matter).map_err(|error| StoreError::Schema(error.to_string()))?;
        rows.push((matter.id.book(), body, matter, after.due));
        let moved = before.as_ref().filter(|before| before.due != after.due || posts(before) != posts(after));
        let Some(before) = moved else { continue };
        for (post, _) in posts(before) {
            let params = [
                Param::Text(post),
                Param::Int(before.due),
                Param::Text(matter.id.subject().home().unwrap_or_default()),
                Param::Text(matter.id.subject().as_str()),
            ];
            tx.execute(DELETE_POST, &params)?;
        }
    }
    let mut cells = Vec::with_capacity(rows.len() * PUT_MATTER.columns.len());
    for (book, body, matter, due) in &rows {
        cells.extend([
            Param::Text(book.as_str()),
            Param::Text(matter.id.subject().as_str()),
            Param::Text(matter.sort.as_str()),
            Param::Text(matter.state.as_str()),
            matter.colour.map_or(Param::Null, |colour| Param::Text(colour.as_str())),
            Param::Text(matter.owner.subject().as_str()),
            Param::Text(matter.reviewer.subject().as_str()),
            Param::Text(&matter.rule),
            Param::Int(*due),
            Param::from(matter.closed.map(|closed| closed.0)),
            Param::Text(body),
        ]);
    }
    tx.insert_many(&PUT_MATTER, &cells)?;
    let mut cells = Vec::new();
    for ((before, after), (book, ..)) in files.iter().zip(&rows) {
        let same = before.as_ref().is_some_and(|it| it.due == after.due && posts(it) == posts(after));
        for (post, part) in posts(after).into_iter().filter(|_| !same) {
            cells.extend([
                Param::Text(post),
                Param::Int(after.due),
                Param::Text(book.as_str()),
                Param::Text(after.matter.id.subject().as_str()),
                Param::Text(part),
            ]);
        }
    }
    tx.insert_many(&INSERT_POST, &cells)
}

/// Recomputes the deadlines of open matters that a calendar may have moved: those not before the first day that differs.
fn date_anew(tx: &mut dyn Tx, zone: &CityZone, calendar: &Calendar, first: Day) -> Result<(), StoreError> {
    const PAGE: usize = 1_000;
    const OPEN: &str = "select body, due, book, matter from matter
        where closed is null and due >= $1 and due < $2 and (book > $3 or book = $3 and matter > $4)
        order by book, matter limit $5";
    let (mut book, mut matter) = (String::new(), String::new());
    loop {
        let params = [
            Param::Int(i64::from(first.0)),
            Param::Int(NO_DAY),
            Param::Text(&book),
            Param::Text(&matter),
            limit(PAGE),
        ];
        let rows = tx.query(OPEN, &params)?;
        let Some(last) = rows.last() else { return Ok(()) };
        let next = (last.text(2)?.to_owned(), last.text(3)?.to_owned());
        let mut moved = Vec::new();
        for row in &rows {
            let before = filed(row)?;
            let due = due_day(&before.matter, zone, calendar);
            if due != before.due {
                let after = Filed { matter: before.matter.clone(), due };
                moved.push((Some(before), after));
            }
        }
        write(tx, &moved)?;
        (book, matter) = next;
    }
}

fn find(tx: &mut dyn Tx, id: &MatterId) -> Result<Option<Filed>, StoreError> {
    const FIND: &str = "select body, due from matter where book = $1 and matter = $2";
    let book = id.book();
    let row = tx.query_one(FIND, &[Param::Text(book.as_str()), Param::Text(id.subject().as_str())])?;
    row.as_ref().map(filed).transpose()
}

fn filed(row: &Row) -> Result<Filed, StoreError> {
    Ok(Filed { matter: read_matter(row.text(0)?)?, due: row.int(1)? })
}

/// A matter that our own table returned.
pub(super) fn read_matter(body: &str) -> Result<Matter, StoreError> {
    serde_json::from_str(body)
        .map_err(|error| StoreError::Schema(format!("a matter is not readable: {error}")))
}
