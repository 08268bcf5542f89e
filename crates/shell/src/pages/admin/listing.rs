//! Lists that fit into memory: sorted, filtered, paged and exported as the address asks.

use std::cmp::Ordering;

use axum::response::Response;

use super::{AdminPage, page};
use crate::app::App;
use crate::export;
use crate::problem::Problem;
use crate::table::{Direction, ExportFormat, TableQuery, TableSpec};
use crate::texts::T;
use crate::view::{Cell, TableView, Value};

/// The table as the address asks for it, or for the file that it asks for.
pub enum Listing {
    Table(Box<TableView>),
    File(Box<Wanted>),
}

/// A table that is wanted as a file.
pub struct Wanted {
    format: ExportFormat,
    table: TableView,
}

impl Wanted {
    pub async fn response(self, app: &App) -> Result<Response, Problem> {
        export::response(app, self.format, self.table.caption.clone(), self.table).await
    }
}

/// Sorts, filters and pages the rows of a table, whose columns get their links.
pub fn list(t: &T, spec: &TableSpec, here: &str, mut table: TableView) -> Result<Listing, Problem> {
    let query = TableQuery::parse(spec, here)?;
    if let Some(text) = &query.filter {
        let wanted = text.to_lowercase();
        table.rows.retain(|row| row.iter().any(|cell| cell.text.to_lowercase().contains(&wanted)));
    }
    if let Some(at) = table.columns.iter().position(|column| column.key == query.sort.0) {
        table.rows.sort_by(|a, b| {
            let order = compare(&a[at], &b[at]);
            if query.sort.1 == Direction::Descending { order.reverse() } else { order }
        });
    }
    if let Some(format) = query.export {
        return Ok(Listing::File(Box::new(Wanted { format, table })));
    }
    let total = table.rows.len();
    // The page's own title says what is listed.
    table.caption = t.with("table-count", &[("count", total)]);
    let from = usize::try_from(query.offset()).unwrap_or(usize::MAX).min(total);
    let to = from.saturating_add(query.per_page as usize).min(total);
    table.rows = table.rows.drain(from..to).collect();
    table.columns = table.columns.into_iter().map(|column| column.sorted(&query)).collect();
    table.filter = Some(query.filter_form());
    table.exports = query.export_links(t);
    if total > table.rows.len() {
        table.pager = Some(query.pager(t, table.rows.len(), Some(total as u64), false));
    }
    Ok(Listing::Table(Box::new(table)))
}

impl Listing {
    /// The page with the table before others, or the file instead of the page.
    pub(super) async fn on(self, app: &App, mut shown: AdminPage) -> Result<Response, Problem> {
        match self {
            Self::File(wanted) => wanted.response(app).await,
            Self::Table(table) => {
                shown.tables.insert(0, *table);
                page(&shown)
            }
        }
    }
}

fn compare(a: &Cell, b: &Cell) -> Ordering {
    if let (Some(a), Some(b)) = (a.order, b.order) {
        return a.cmp(&b);
    }
    match (a.value, b.value) {
        (Value::Decimal { units: a, .. }, Value::Decimal { units: b, .. }) => a.cmp(&b),
        (Value::Moment(a), Value::Moment(b)) => a.epoch_ms.cmp(&b.epoch_ms),
        _ => a.text.cmp(&b.text),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::texts::{Lang, Texts};
    use crate::view::{Column, Empty};

    const SPEC: TableSpec =
        TableSpec { sortable: &["seq", "who"], sort: ("seq", Direction::Ascending), per_page: 2 };

    fn asked(query: &str) -> Vec<String> {
        let t = Arc::new(Texts::new(Texts::SHELL).unwrap()).t(Lang::En);
        let empty = Empty { title: String::new(), hint: String::new(), action: None };
        let columns = vec![Column::number("seq", "No."), Column::text("who", "Who")];
        let mut table = TableView::new("t", "T", columns, empty);
        for (seq, who) in [(10, "wei"), (9, "Li"), (100, "lin")] {
            table.rows.push(vec![Cell::integer(seq), Cell::text(who)]);
        }
        match list(&t, &SPEC, &format!("/x{query}"), table).unwrap() {
            Listing::Table(table) => table.rows.into_iter().map(|row| row[1].text.clone()).collect(),
            Listing::File(_) => vec!["file".into()],
        }
    }

    #[test]
    fn numbers_sort_as_numbers_and_pages_hold_what_they_should() {
        assert_eq!(asked(""), ["Li", "wei"]);
        assert_eq!(asked("?page=2"), ["lin"]);
        assert_eq!(asked("?sort=-seq"), ["lin", "wei"]);
        assert_eq!(asked("?page=9"), Vec::<String>::new());
    }

    #[test]
    fn a_filter_finds_in_every_column_whatever_the_case() {
        assert_eq!(asked("?q=LI"), ["Li", "lin"]);
        assert_eq!(asked("?q=100"), ["lin"]);
        assert_eq!(asked("?export=csv"), ["file"]);
    }
}
