//! What the market's tables share beyond the shell's.

use shell::view::Cell;
use shell::{App, T};

pub use shell::rows::{ListPage, answer, asked, day_cell, fill};

/// A last day, marked when it is over or near.
pub fn until_cell(app: &App, t: &T, day: Option<base::Day>) -> Cell {
    let Some(day) = day else { return Cell::none() };
    let left = day.0 - app.today().0;
    let mark = match left {
        ..0 => Some((shell::view::Mark::Red, "office-expired")),
        0..=30 => Some((shell::view::Mark::Yellow, "office-expiring")),
        _ => None,
    };
    match mark {
        Some((mark, key)) => Cell { mark: Some(mark), ..Cell::text(format!("{day} {}", t.get(key))) },
        None => Cell::text(day.to_string()),
    }
}
