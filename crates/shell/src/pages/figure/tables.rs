//! The tables of a figure: its course, its parts, and the entries behind it.

use figures::Unit;
use kernel::{Behind, Branch, Value};

use super::words::{amount_cell, kind_title, unit_of, unit_title, value_text};
use crate::app::App;
use crate::said;
use crate::table::with_parameter;
use crate::texts::T;
use crate::view::{Cell, Column, Empty, Link, Pager, TableView};

/// A row of a table of parts: what it is called, where it leads, and its value.
pub struct Part {
    pub title: String,
    pub href: String,
    pub value: Value,
}

/// A table of parts, with their sum.
pub fn parts(
    app: &App,
    t: &T,
    name: &str,
    (id, caption): (&'static str, String),
    parts: &[Part],
    exports: Vec<Link>,
) -> TableView {
    let whole = parts.iter().map(|part| part.value).reduce(Value::and);
    let sum = |value: Value| match value {
        Value::Sum { amount } => Some(amount),
        Value::Ratio { .. } => None,
    };
    let total = whole.and_then(sum);
    let mut columns =
        vec![Column::text("part", t.get("figure-part")), Column::number("amount", t.get("figure-amount"))];
    columns.extend(total.map(|_| Column::number("share", t.get("figure-share"))));
    let mut table = TableView::new(id, caption, columns, nothing(t));
    let cells = |title: Cell, value: Value, href: Option<&str>| {
        let amount = match value {
            Value::Sum { amount } => amount_cell(t.lang(), unit_of(app, name), amount),
            Value::Ratio { .. } => Cell::text(value_text(app, t.lang(), name, value)),
        };
        let share = sum(value).zip(total).map(|(amount, total)| Cell::percent(amount, total));
        let linked = |cell: Cell| if let Some(href) = href { cell.link(href) } else { cell };
        [linked(title), linked(amount)].into_iter().chain(share).collect::<Vec<_>>()
    };
    table.rows = parts
        .iter()
        .map(|part| cells(Cell::text(part.title.as_str()), part.value, Some(&part.href)))
        .collect();
    table.totals =
        whole.filter(|_| parts.len() > 1).map(|whole| cells(Cell::text(t.get("table-total")), whole, None));
    table.exports = exports;
    table
}

/// What a branch of the org tree is called, and where its part of the figure is.
pub fn branch(app: &App, t: &T, here: &str, (branch, value): (Branch, Value)) -> Part {
    let here = with_parameter(here, "cursor", None);
    match branch {
        Branch::Unit(unit) => Part {
            title: unit_title(app, t.lang(), &unit),
            href: with_parameter(&here, "unit", Some(unit.as_str())),
            value,
        },
        Branch::Book(book) => Part {
            title: said::book_title(app, t.lang(), &book),
            href: with_parameter(&here, "book", Some(book.as_str())),
            value,
        },
    }
}

/// The values a day or month as a file has them.
pub fn course(t: &T, unit: Unit, caption: String, points: &[(String, i64)]) -> TableView {
    let columns =
        vec![Column::text("day", t.get("figure-day")), Column::number("amount", t.get("figure-amount"))];
    let mut table = TableView::new("course", caption, columns, nothing(t));
    table.rows = points
        .iter()
        .map(|(at, amount)| vec![Cell::text(at.as_str()), amount_cell(t.lang(), unit, *amount)])
        .collect();
    table
}

fn nothing(t: &T) -> Empty {
    Empty { title: t.get("figure-none"), hint: t.get("figure-none-hint"), action: None }
}

/// The entries that add up to the figure, each with its proof.
pub fn entries(app: &App, t: &T, unit: Unit, items: &[Behind]) -> TableView {
    let lang = t.lang();
    let columns = vec![
        Column::text("entry", t.get("entry")),
        Column::text("kind", t.get("entry-kind")),
        Column::text("occurred", t.get("entry-occurred")),
        Column::text("actor", t.get("entry-actor")),
        Column::number("amount", t.get("figure-contributes")),
        Column::text("proof", t.get("entry-proof")),
    ];
    let mut table = TableView::new("entries", t.get("figure-entries"), columns, nothing(t));
    let cells = |behind: &Behind| {
        let entry = &behind.entry;
        let href = format!("/ledger/{}/{}", entry.book, entry.seq);
        vec![
            Cell::text(format!("{} · {}", said::book_title(app, lang, &entry.book), entry.seq)).link(&href),
            Cell::text(kind_title(app, lang, entry.kind.as_str())),
            Cell::date_time(app.moment(entry.occurred)),
            Cell::text(said::actor(t, &entry.actor)),
            amount_cell(lang, unit, behind.amount).link(&href),
            Cell::text(t.get("figure-proof")).link(format!("{href}#proof")),
        ]
    };
    table.rows = items.iter().map(cells).collect();
    table
}

/// The way through the entries.
pub fn pager(t: &T, here: &str, shown: usize, later: bool, next: Option<String>) -> Option<Pager> {
    (next.is_some() || later).then(|| Pager {
        text: t.with("figure-entries-shown", &[("count", shown)]),
        previous: later.then(|| with_parameter(here, "cursor", None)),
        next: next.map(|cursor| with_parameter(here, "cursor", Some(&cursor))),
    })
}

/// Where a table of this page can be had as a file.
pub fn exports(t: &T, here: &str, table: &str) -> Vec<Link> {
    let here = with_parameter(&with_parameter(here, "cursor", None), "table", Some(table));
    let link = |key, format| Link { title: t.get(key), href: with_parameter(&here, "export", Some(format)) };
    vec![link("table-export-csv", "csv"), link("table-export-xlsx", "xlsx")]
}
