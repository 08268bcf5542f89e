//! Tables whose rows are all in memory: filtered, sorted and cut to a page by what the cells hold.

use std::cmp::Ordering;

use axum::response::Response;

use crate::app::App;
use crate::pages::page;
use crate::problem::Problem;
use crate::table::{Direction, TableQuery, TableSpec};
use crate::texts::T;
use crate::view::{Cell, Frame, Link, TableView, Value};

/// A page that is one table.
#[derive(askama::Template)]
#[template(path = "list.html")]
pub struct ListPage {
    pub frame: Frame,
    pub actions: Vec<Link>,
    pub table: TableView,
}

/// Fills a table with what is asked of some rows.
pub fn fill(table: &mut TableView, asked: &TableQuery, t: &T, mut rows: Vec<Vec<Cell>>) {
    if let Some(text) = &asked.filter {
        let text = text.to_lowercase();
        rows.retain(|row| row.iter().any(|cell| cell.text.to_lowercase().contains(&text)));
    }
    if let Some(at) = table.columns.iter().position(|column| column.key == asked.sort.0) {
        rows.sort_by(|one, other| {
            let order = compare(one.get(at), other.get(at));
            if asked.sort.1 == Direction::Descending { order.reverse() } else { order }
        });
    }
    let total = rows.len();
    if asked.export.is_none() {
        let start = usize::try_from(asked.offset()).unwrap_or(usize::MAX).min(total);
        rows = rows.drain(start..total.min(start.saturating_add(asked.per_page as usize))).collect();
        if total > rows.len() {
            table.pager = Some(asked.pager(t, rows.len(), Some(total as u64), false));
        }
        table.filter = Some(asked.filter_form());
        table.exports = asked.export_links(t);
    }
    table.rows = rows;
}

fn compare(one: Option<&Cell>, other: Option<&Cell>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => match (one.value, other.value) {
            (Value::Decimal { units: a, .. }, Value::Decimal { units: b, .. }) => a.cmp(&b),
            (Value::Moment(a), Value::Moment(b)) => a.epoch_ms.cmp(&b.epoch_ms),
            // What has no value comes before what has one.
            (Value::Text, Value::Text) => one.text.cmp(&other.text),
            (Value::Text, _) => Ordering::Less,
            (_, Value::Text) => Ordering::Greater,
            _ => one.text.cmp(&other.text),
        },
        (one, other) => one.is_some().cmp(&other.is_some()),
    }
}

/// The table as the page or file that was asked for.
pub async fn answer(app: &App, asked: &TableQuery, mut list: ListPage) -> Result<Response, Problem> {
    match file(app, &mut list.table, asked).await? {
        Some(file) => Ok(file),
        None => page(&list),
    }
}

/// The table as the file that was asked for, if one was: its rows go into the file, and are shown on no page.
pub async fn file(app: &App, table: &mut TableView, asked: &TableQuery) -> Result<Option<Response>, Problem> {
    let Some(format) = asked.export else { return Ok(None) };
    let rows = std::mem::take(&mut table.rows);
    let whole = TableView { rows, ..table.clone() };
    crate::export::response(app, format, whole.caption.clone(), whole).await.map(Some)
}

/// Reads what is asked of a table; the note of the last form is no part of it.
pub fn asked(spec: &TableSpec, here: &str) -> Result<TableQuery, Problem> {
    Ok(TableQuery::parse(spec, &crate::table::with_parameter(here, "done", None))?)
}

/// A day, exported as it is shown.
pub fn day_cell(day: Option<base::Day>) -> Cell {
    day.map_or_else(Cell::none, |day| Cell::text(day.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_sort_by_their_value_and_not_by_their_text() {
        let less = |a: Cell, b: Cell| assert_eq!(compare(Some(&a), Some(&b)), Ordering::Less);
        less(Cell::money(900), Cell::money(10_000));
        less(Cell::none(), Cell::integer(-5));
        less(Cell::text("A2"), Cell::text("A3"));
    }
}
