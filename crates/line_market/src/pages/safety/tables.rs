//! Tables that several pages of food safety show.

use shell::view::{Badge, Cell, Column, Empty, Mark, TableView};
use shell::{App, T};

use super::ground::Ground;
use super::words;
use crate::state::{BreachRow, Inspection};

/// What an empty table says where nothing need be done.
pub fn nothing(t: &T) -> Empty {
    Empty { title: t.get("empty"), hint: t.get("empty-entries-hint"), action: None }
}

pub fn tests(app: &App, ground: &Ground, t: &T, tests: &[Inspection]) -> TableView {
    let columns = vec![
        Column::text("at", t.get("safety-tested-at")),
        Column::text("item", t.get("safety-item")),
        Column::text("method", t.get("safety-method")),
        Column::text("reading", t.get("safety-reading")),
        Column::text("verdict", t.get("safety-verdict")),
        Column::text("retest", t.get("safety-retest-of")),
    ];
    let empty =
        Empty { title: t.get("safety-untested"), hint: t.get("safety-slip-tests-none"), action: None };
    let mut table = TableView::new("tests", t.get("safety-tests"), columns, empty);
    table.rows = tests
        .iter()
        .map(|test| {
            let retest =
                test.retest_of.map(|first| Cell::text(first.to_string()).link(ground.entry_href(first)));
            vec![
                Cell::date_time(app.moment(test.at)).link(ground.entry_href(test.seq)),
                Cell::text(words::word(t, "item", &test.item)),
                Cell::text(words::word(t, "method", &test.method)),
                Cell::text(&test.reading),
                Cell::badge(words::verdict(t, &test.verdict)),
                retest.unwrap_or_else(Cell::none),
            ]
        })
        .collect();
    table
}

pub fn breach_columns(t: &T) -> Vec<Column> {
    vec![
        Column::text("at", t.get("time-occurred")),
        Column::text("breach", t.get("safety-breach")),
        Column::text("lot", t.get("safety-lot")),
        Column::number("scale", t.get("safety-scale")),
        Column::number("counter", t.get("safety-counter")),
        Column::number("kg", t.get("safety-kg")),
        Column::text("hold", t.get("safety-broken-hold")),
    ]
}

pub fn breach_cells(app: &App, ground: &Ground, t: &T, row: &BreachRow) -> Vec<Cell> {
    let hold = row.hold.map(|hold| Cell::text(hold.to_string()).link(ground.entry_href(hold)));
    vec![
        Cell::date_time(app.moment(row.at)).link(ground.entry_href(row.seq)),
        Cell::badge(Badge { mark: Mark::Red, text: words::word(t, "breach", &row.breach) }),
        Cell::text(&row.lot).link(ground.lot_href(&row.lot)),
        Cell::integer(i64::from(row.scale)),
        Cell::integer(i64::from(row.counter)),
        Cell::kilograms(row.grams.0).link(ground.entry_href(row.seq)),
        hold.unwrap_or_else(Cell::none),
    ]
}

pub fn breaches(app: &App, ground: &Ground, t: &T, rows: &[BreachRow]) -> TableView {
    let mut table = TableView::new("breaches", t.get("safety-breaches"), breach_columns(t), nothing(t));
    table.rows = rows.iter().map(|row| breach_cells(app, ground, t, row)).collect();
    table
}
