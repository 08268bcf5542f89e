use quick_xml::events::{BytesStart, Event};
use schedule::Moment;

use super::NO_TITLE;
use super::archive::{Archive, Xml};
use super::book::{Book, Gathered, Shown, Text, attribute, next};
use crate::clock_face::moment;
use crate::error::words;
use crate::table::{Cell, Row, Table};
use crate::{FormatError, Limits, Place, Words};

/// Columns that a sheet can have, and cells of a row that are read.
const COLUMNS_MAX: usize = 16_384;
const CELLS_MAX: usize = 200;

/// Reads the rows of the first sheet.
pub(super) fn read(archive: &mut Archive<'_>, book: &Book, table: &mut Table<'_>) -> Result<(), FormatError> {
    let mut reading = Reading { book, table, row: Row::default(), column: 0 };
    let read = archive.part(&book.part, |xml| reading.sheet(xml))?;
    read.ok_or(FormatError::Missing(words("a sheet", "工作表")))
}

struct Reading<'a, 't> {
    book: &'a Book,
    table: &'a mut Table<'t>,
    row: Row,
    column: usize,
}

impl Reading<'_, '_> {
    fn sheet(&mut self, xml: &mut Xml<'_>) -> Result<(), FormatError> {
        let mut buffer = Vec::new();
        loop {
            match next(xml, &mut buffer)? {
                Event::Start(element) if element.local_name().as_ref() == b"row" => self.begin_row(&element),
                Event::End(element) if element.local_name().as_ref() == b"row" => self.end_row()?,
                Event::Start(element) if element.local_name().as_ref() == b"c" => {
                    self.begin_cell(&element)?;
                    let (kind, style) = (attribute(&element, "t"), attribute(&element, "s"));
                    self.cell(xml, kind.as_deref().unwrap_or("n"), style.as_deref())?;
                }
                Event::Empty(element) if element.local_name().as_ref() == b"c" => {
                    self.begin_cell(&element)?
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn begin_row(&mut self, element: &BytesStart<'_>) {
        let told = attribute(element, "r").and_then(|number| number.parse().ok());
        self.row = Row { number: told.unwrap_or(self.row.number + 1), cells: Vec::new() };
        self.column = 0;
    }

    fn end_row(&mut self) -> Result<(), FormatError> {
        let number = self.row.number;
        let row = std::mem::replace(&mut self.row, Row { number, cells: Vec::new() });
        self.table.push(&row)
    }

    /// Goes to the cell that is named, or to the next one.
    fn begin_cell(&mut self, element: &BytesStart<'_>) -> Result<(), FormatError> {
        let told = attribute(element, "r").and_then(|name| column_of(&name));
        self.column = told.map_or(self.column + 1, |column| column + 1);
        Limits::check(words("columns", "列"), self.column, COLUMNS_MAX)
    }

    fn place(&self) -> Place {
        Place::Cell(self.book.sheet.clone(), name(self.row.number, self.column - 1), NO_TITLE)
    }

    fn cell(&mut self, xml: &mut Xml<'_>, kind: &str, style: Option<&str>) -> Result<(), FormatError> {
        let (mut buffer, mut value, mut inline) = (Vec::new(), Gathered::default(), Text::default());
        let mut is_value = false;
        loop {
            match next(xml, &mut buffer)? {
                Event::Start(element) | Event::Empty(element) if element.local_name().as_ref() == b"f" => {
                    return Err(FormatError::Formula { place: self.place() });
                }
                Event::Start(element) if element.local_name().as_ref() == b"v" => is_value = true,
                Event::End(element) if element.local_name().as_ref() == b"v" => is_value = false,
                Event::End(element) if element.local_name().as_ref() == b"c" => break,
                Event::Eof => return Err(FormatError::Xml("a cell is not closed".to_owned())),
                Event::Text(text) if is_value => {
                    value.push(&text.decode().map_err(|error| FormatError::Xml(error.to_string()))?)?;
                }
                event => inline.take(&event)?,
            }
        }
        let found = self.meant(kind, value.text.trim(), inline.gathered.text, style)?;
        if let Some(found) = found {
            self.row.cells.push((self.column - 1, found));
            Limits::check(words("cells of a row", "个单元格（每行）"), self.row.cells.len(), CELLS_MAX)?;
        }
        Ok(())
    }

    fn meant(
        &self,
        kind: &str,
        value: &str,
        inline: String,
        style: Option<&str>,
    ) -> Result<Option<Cell>, FormatError> {
        let refuse = |expected: Words| FormatError::value(&self.place(), value, expected);
        let text = match kind {
            "inlineStr" => inline.trim().into(),
            "s" => {
                let number = value.parse().ok().and_then(|at: usize| self.book.strings.get(at));
                number.cloned().ok_or_else(|| refuse(words("a text of the workbook", "工作簿中的文本")))?
            }
            "str" => value.into(),
            "e" => return Err(refuse(words("a value", "有效值"))),
            "b" => return Ok(Some(Cell::Flag(value == "1"))),
            "d" => {
                let date = moment(value.trim_end_matches('Z'));
                return date.map(|at| Some(Cell::Date(at))).ok_or_else(|| refuse(words("a date", "日期")));
            }
            _ if value.is_empty() => return Ok(None),
            _ => {
                let number: f64 = value.parse().map_err(|_| refuse(words("a number", "数字")))?;
                return self.number(number, style).map(Some);
            }
        };
        Ok((!text.is_empty()).then_some(Cell::Text(text)))
    }

    fn number(&self, number: f64, style: Option<&str>) -> Result<Cell, FormatError> {
        let style = style.and_then(|style| style.parse::<usize>().ok()).unwrap_or(0);
        match self.book.shown.get(style).copied().unwrap_or(Shown::Number) {
            Shown::Number => Ok(Cell::Number(number)),
            Shown::Percent => Ok(Cell::Percent(number)),
            Shown::Date => match date(number, self.book.is_1904) {
                Some(at) => Ok(Cell::Date(at)),
                None => {
                    let place = self.place();
                    Err(FormatError::value(&place, &number.to_string(), words("a date", "日期")))
                }
            },
        }
    }
}

/// 1970-01-01 in days from 1899-12-30, which gives every date from March 1900 on its number; and in those from 1904.
const DAYS_TO_1970: i64 = 25_569;
const DAYS_TO_1970_FROM_1904: i64 = 24_107;
/// The day after 9999-12-31, where Excel's dates end.
const SERIALS_MAX: f64 = 2_958_466.0;

/// The moment of a date as spreadsheets count it, to the minute.
fn date(serial: f64, is_1904: bool) -> Option<Moment> {
    if !(0.0..SERIALS_MAX).contains(&serial) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "it is below five thousand million")]
    let minutes = (serial * 1440.0).round() as i64;
    let days = if is_1904 { DAYS_TO_1970_FROM_1904 } else { DAYS_TO_1970 };
    Some(Moment(minutes - days * 1440))
}

/// The column, from 0, of a cell's name such as `C7`.
fn column_of(name: &str) -> Option<usize> {
    let letters = name.bytes().take_while(u8::is_ascii_uppercase);
    let mut column = 0_usize;
    for letter in letters.take(4) {
        column = column * 26 + usize::from(letter - b'A') + 1;
    }
    column.checked_sub(1)
}

/// The name of a cell, whose row is counted from 1 and its column from 0.
pub(super) fn name(row: usize, column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    letters.reverse();
    format!("{}{row}", letters.into_iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use base::Day;

    use super::*;

    #[test]
    fn cells_have_names_and_dates_have_numbers() {
        for (column, letters) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")]
        {
            assert_eq!(name(7, column), format!("{letters}7"));
            assert_eq!(column_of(&format!("{letters}7")), Some(column));
        }
        let noon = Moment::at(Day::parse("2026-02-09").unwrap(), 720);
        assert_eq!(date(46_062.5, false), Some(noon));
        assert_eq!(date(46_062.5 - 1_462.0, true), Some(noon));
        assert_eq!(date(-1.0, false), None);
    }
}
