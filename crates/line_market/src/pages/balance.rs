//! What is left of lots, as tables show it.

use shell::T;
use shell::view::{Cell, Column};

use crate::balance::ToldLot;

/// The column, whose head says where not every lot's balance is shown.
pub fn left_column(t: &T, key: &'static str, lots: &[ToldLot]) -> Column {
    let told = lots.iter().all(|lot| lot.withheld.is_none());
    Column::number(key, t.get(if told { "office-left-kg" } else { "office-left-kg-held" }))
}

/// What is left of a lot, with the way to its recall; or that it is not shown here, with the way to the page of the lot.
pub fn left_cell(t: &T, lot: &ToldLot, page: &str) -> Cell {
    match lot.left_g() {
        Some(left) => Cell::kilograms(left.0).link(format!("{page}/recall")),
        None => Cell::text(t.get("office-left-withheld")).link(page),
    }
}
