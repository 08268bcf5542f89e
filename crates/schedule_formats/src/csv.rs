//! CSV (RFC 4180), both ways.

use schedule::{Calendar, Schedule};

use crate::clock_face::iso;
use crate::error::{BYTES, words};
use crate::table::{self, Cell, Columns, Row, Table, Written, span};
use crate::{Document, FormatError, Limits, Place};

/// Cells of a row that are read.
const CELLS_MAX: usize = 200;

/// What a spreadsheet takes a cell for a formula by.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Reads a plan whose activities all work by one calendar.
pub fn read(text: &str, calendar: Calendar, limits: &Limits) -> Result<Document, FormatError> {
    Limits::check(BYTES, text.len(), limits.bytes_max)?;
    let places = |row, _, column| Place::Row(row, column);
    let mut table = Table::new(&places, limits);
    rows(text.trim_start_matches('\u{feff}'), &mut table)?;
    table.read(calendar)
}

/// Writes a schedule with its dates and floats, for a spreadsheet or for [`read`].
pub fn write(document: &Document, schedule: &Schedule, columns: Columns) -> String {
    // The mark makes spreadsheets read UTF-8.
    let mut out = String::from("\u{feff}");
    for row in table::rows(document, schedule, columns) {
        for (at, cell) in row.into_iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            push(&mut out, cell);
        }
        out.push_str("\r\n");
    }
    out
}

fn push(out: &mut String, cell: Written) {
    let text = match cell {
        Written::Empty => return,
        Written::Number(number) => return out.push_str(&number.to_string()),
        Written::Date(at) => return out.push_str(&iso(at)),
        Written::Text(text) => text,
    };
    // A spreadsheet would take such a cell for a formula; numbers with a sign are none.
    let is_formula = text.starts_with(FORMULA) && span(&text).is_none();
    let text = if is_formula { format!("'{text}") } else { text };
    if text.contains(['"', ',', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(&text);
    }
}

/// A cell without the mark that kept it from being taken for a formula.
fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).map(str::trim).unwrap_or(cell)
}

/// Records of RFC 4180; empty ones are none.
fn rows(text: &str, table: &mut Table<'_>) -> Result<(), FormatError> {
    let mut row = Row { number: 1, cells: Vec::new() };
    let (mut cell, mut column) = (String::new(), 0);
    let end_cell = |row: &mut Row, cell: &mut String, column: &mut usize| {
        let text = std::mem::take(cell);
        if !text.trim().is_empty() {
            row.cells.push((*column, Cell::Text(plain(text.trim()).into())));
        }
        *column += 1;
    };
    let mut end_row = |row: &mut Row, column: &mut usize| {
        *column = 0;
        let next = Row { number: row.number + 1, cells: Vec::new() };
        table.push(&std::mem::replace(row, next))
    };
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        Limits::check(words("cells of a row", "个单元格（每行）"), row.cells.len(), CELLS_MAX)?;
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            '"' if is_quoted => is_quoted = false,
            '"' if cell.is_empty() => is_quoted = true,
            ',' if !is_quoted => end_cell(&mut row, &mut cell, &mut column),
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                end_cell(&mut row, &mut cell, &mut column);
                end_row(&mut row, &mut column)?;
            }
            c => cell.push(c),
        }
    }
    if is_quoted {
        let place = Place::Row(row.number, words("the last cell", "最后一格"));
        return Err(FormatError::value(&place, "\"", words("closed by a second quote", "成对的引号")));
    }
    end_cell(&mut row, &mut cell, &mut column);
    end_row(&mut row, &mut column)
}
