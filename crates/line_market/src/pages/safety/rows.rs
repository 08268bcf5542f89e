//! Tables whose rows are all in memory: filtered, sorted and cut to a page by what their cells hold.

use std::cmp::Ordering;

use axum::response::Response;
use shell::table::{Direction, TableQuery, with_parameter};
use shell::view::{Cell, TableView, Value};
use shell::{Problem, T, TableSpec};

/// What is asked of a table; what the last form recorded is no part of it.
pub fn asked(spec: &TableSpec, here: &str) -> Result<TableQuery, Problem> {
    Ok(TableQuery::parse(spec, &with_parameter(here, "done", None))?)
}

/// Fills a table with what is asked of some rows.
pub fn fill(table: &mut TableView, asked: &TableQuery, t: &T, mut rows: Vec<Vec<Cell>>) {
    if let Some(text) = asked.filter.as_ref().map(|text| text.to_lowercase()) {
        rows.retain(|row| row.iter().any(|cell| cell.text.to_lowercase().contains(&text)));
    }
    if let Some(at) = table.columns.iter().position(|column| column.key == asked.sort.0) {
        rows.sort_by(|one, other| {
            let order = compare(&one[at], &other[at]);
            if asked.sort.1 == Direction::Descending { order.reverse() } else { order }
        });
    }
    if asked.export.is_none() {
        let total = rows.len();
        let start = usize::try_from(asked.offset()).unwrap_or(usize::MAX);
        rows = rows.into_iter().skip(start).take(asked.per_page as usize).collect();
        table.pager = (total > rows.len()).then(|| asked.pager(t, rows.len(), Some(total as u64), false));
        table.filter = Some(asked.filter_form());
        table.exports = asked.export_links(t);
    }
    table.rows = rows;
}

/// The table as the file that was asked for, if one was.
pub fn file(table: &TableView, asked: &TableQuery) -> Result<Option<Response>, Problem> {
    let Some(format) = asked.export else { return Ok(None) };
    shell::export::response(format, &table.caption, table).map(Some).map_err(|error| {
        tracing::error!(%error, "cannot write a table as a file");
        Problem::internal()
    })
}

/// By value where both have one; what has none comes first.
fn compare(one: &Cell, other: &Cell) -> Ordering {
    match (one.value, other.value) {
        (Value::Decimal { units: a, .. }, Value::Decimal { units: b, .. }) => a.cmp(&b),
        (Value::Moment(a), Value::Moment(b)) => a.epoch_ms.cmp(&b.epoch_ms),
        (Value::Text, Value::Text) => one.text.cmp(&other.text),
        (Value::Text, _) => Ordering::Less,
        (_, Value::Text) => Ordering::Greater,
        _ => one.text.cmp(&other.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_sort_by_their_value_and_not_by_their_text() {
        assert_eq!(compare(&Cell::integer(9), &Cell::integer(10)), Ordering::Less);
        assert_eq!(compare(&Cell::none(), &Cell::integer(-5)), Ordering::Less);
        assert_eq!(compare(&Cell::text("A2"), &Cell::text("A10")), Ordering::Greater);
    }
}
