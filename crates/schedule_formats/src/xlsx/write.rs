use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};
use schedule::Schedule;

use base::Time;

use crate::table::{self, Columns, Written};
use crate::{Document, FormatError};

/// Days from 1899-12-30, from which spreadsheets count, to 1970-01-01.
const DAYS_TO_1970: f64 = 25_569.0;
const DATE_WIDTH: f64 = 16.0;

/// Writes a schedule with its dates and floats, for a spreadsheet or for [`read`](super::read). `stamp` says when.
pub fn write(
    document: &Document,
    schedule: &Schedule,
    columns: Columns,
    stamp: Time,
) -> Result<Vec<u8>, FormatError> {
    workbook(document, schedule, columns, stamp).map_err(FormatError::workbook)
}

fn workbook(
    document: &Document,
    schedule: &Schedule,
    columns: Columns,
    stamp: Time,
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let seconds = stamp.0.div_euclid(1000);
    let created = ExcelDateTime::from_timestamp(seconds)?;
    workbook.set_properties(&DocProperties::new().set_title(&document.name).set_creation_datetime(&created));
    let sheet = workbook.add_worksheet();
    sheet.set_name(match columns {
        Columns::English => "Plan",
        Columns::Chinese => "计划",
    })?;
    let (bold, date) = (Format::new().set_bold(), Format::new().set_num_format("yyyy-mm-dd hh:mm"));
    for (row, cells) in (0..).zip(table::rows(document, schedule, columns)) {
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Written::Empty => continue,
                Written::Text(text) if text.is_empty() => continue,
                Written::Text(text) if row == 0 => {
                    sheet.write_string_with_format(row, column, text, &bold)?
                }
                Written::Text(text) => sheet.write_string(row, column, text)?,
                Written::Number(number) => sheet.write_number(row, column, number)?,
                Written::Date(at) => {
                    #[allow(clippy::cast_precision_loss, reason = "minutes of some thousand years are exact")]
                    let serial = at.0 as f64 / 1440.0 + DAYS_TO_1970;
                    sheet.write_number_with_format(row, column, serial, &date)?
                }
            };
        }
    }
    sheet.set_freeze_panes(1, 2)?;
    sheet.set_column_width(1, 2.0 * DATE_WIDTH)?;
    for column in [5, 6, 8, 9, 12, 13, 14, 15] {
        sheet.set_column_width(column, DATE_WIDTH)?;
    }
    workbook.save_to_buffer()
}
