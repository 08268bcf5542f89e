//! Workbooks (Office Open XML, ISO/IEC 29500), both ways: the plan is the first sheet.
//!
//! A workbook is read as a stream, part by part, and unpacked only up to a limit, so that a small file cannot grow into a
//! large one. Formulas are refused: what they come to is not in the file, but in what last opened it.

mod archive;
mod book;
mod sheet;
mod write;

use schedule::Calendar;

use crate::error::{BYTES, words};
use crate::table::Table;
use crate::{Document, FormatError, Limits, Place};

pub use write::write;

/// Reads a plan whose activities all work by one calendar.
pub fn read(bytes: &[u8], calendar: Calendar, limits: &Limits) -> Result<Document, FormatError> {
    Limits::check(BYTES, bytes.len(), limits.bytes_max)?;
    let mut archive = archive::Archive::open(bytes, limits)?;
    let book = book::Book::read(&mut archive, limits)?;
    let places = |row, column, title| Place::Cell(book.sheet.clone(), sheet::name(row, column), title);
    let mut table = Table::new(&places, limits);
    sheet::read(&mut archive, &book, &mut table)?;
    table.read(calendar)
}

const NO_TITLE: crate::Words = words("", "");
