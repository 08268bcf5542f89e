//! A table as a file: the same rows as on the page, numbers as numbers.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rust_xlsxwriter::{Format, FormatAlign, Workbook, Worksheet, XlsxError};

use crate::app::App;
use crate::format;
use crate::problem::Problem;
use crate::table::ExportFormat;
use crate::view::{Cell, TableView, Value};

/// The most rows a file may hold; the limit of a worksheet less its head.
pub const ROWS_MAX: usize = 1_048_575;

/// Why a table could not be written as a file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// More rows than a worksheet holds.
    #[error("{0} rows do not fit into a file of {ROWS_MAX}")]
    TooManyRows(usize),
    /// The workbook was refused by its writer.
    #[error("cannot write the workbook: {0}")]
    Workbook(#[from] XlsxError),
}

/// The table as a download named after `name` (without extension), written off the async threads.
pub async fn response(
    app: &App,
    format: ExportFormat,
    name: String,
    table: TableView,
) -> Result<Response, Problem> {
    app.blocking(move |_| {
        written(format, &name, &table).map_err(|error| {
            tracing::error!(%error, "a table cannot be written as a file");
            Problem::internal()
        })
    })
    .await
}

/// The table as a download, written here and now: a large one takes a thread for long.
pub fn written(format: ExportFormat, name: &str, table: &TableView) -> Result<Response, ExportError> {
    let (bytes, content_type, extension) = match format {
        ExportFormat::Csv => (csv(table), "text/csv; charset=utf-8; header=present", "csv"),
        ExportFormat::Xlsx => {
            (xlsx(table)?, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")
        }
    };
    let mut response = ([(header::CONTENT_TYPE, content_type)], bytes).into_response();
    response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(name, extension));
    Ok(response)
}

/// RFC 6266 with the name in UTF-8 (RFC 8187).
fn attachment(name: &str, extension: &str) -> HeaderValue {
    let encoded: String = name
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect();
    let value =
        format!("attachment; filename=\"export.{extension}\"; filename*=UTF-8''{encoded}.{extension}");
    HeaderValue::try_from(value).expect("percent-encoded names are visible ASCII")
}

/// RFC 4180, UTF-8 with a byte order mark (spreadsheets need it for Chinese). Text that a spreadsheet
/// would take for a formula gets an apostrophe in front.
pub fn csv(table: &TableView) -> Vec<u8> {
    let mut out = String::from("\u{feff}");
    line(&mut out, table.columns.iter().map(|column| quoted(&column.title)));
    for row in table.rows.iter().chain(&table.totals) {
        line(&mut out, row.iter().map(csv_cell));
    }
    out.into_bytes()
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&cell);
    }
    out.push_str("\r\n");
}

fn csv_cell(cell: &Cell) -> String {
    match cell.value {
        Value::Text => quoted(&cell.text),
        Value::Decimal { units, places } => format::decimal_plain(units, places),
        Value::Moment(moment) => format::rfc3339(moment),
    }
}

/// What begins a formula gets an apostrophe before it, also behind what some spreadsheets divide at whatever the quotes say.
fn quoted(text: &str) -> String {
    const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    const DIVIDES: [char; 4] = [';', '\t', '\r', '\n'];
    let mut cell = String::with_capacity(text.len());
    let mut begins = true;
    for letter in text.chars() {
        if begins && FORMULA.contains(&letter) {
            cell.push('\'');
        }
        cell.push(letter);
        begins = DIVIDES.contains(&letter) || begins && letter == '"';
    }
    if cell.len() > text.len() || text.contains(DIVIDES) || text.contains([',', '"']) {
        cell = format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell
}

/// A workbook of one sheet: the head in bold and fixed, numbers and moments as such, text never a formula.
pub fn xlsx(table: &TableView) -> Result<Vec<u8>, ExportError> {
    if table.rows.len() > ROWS_MAX - 1 {
        return Err(ExportError::TooManyRows(table.rows.len()));
    }
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let bold = Format::new().set_bold();
    for (column, at) in table.columns.iter().zip(0u16..) {
        sheet.write_string_with_format(0, at, &column.title, &bold)?;
        sheet.set_column_width(at, 16)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    for (row, at) in table.rows.iter().chain(&table.totals).zip(1u32..) {
        for (cell, column) in row.iter().zip(0u16..) {
            write(sheet, at, column, cell)?;
        }
    }
    Ok(book.save_to_buffer()?)
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell) -> Result<(), XlsxError> {
    let right = || Format::new().set_align(FormatAlign::Right);
    match cell.value {
        Value::Text if cell.text.is_empty() => {}
        Value::Text => {
            sheet.write_string(row, column, &cell.text)?;
        }
        Value::Decimal { units, places } => {
            let picture = match places {
                0 => "#,##0".to_owned(),
                n => format!("#,##0.{}", "0".repeat(n as usize)),
            };
            // A worksheet knows only doubles; fen and grams are exact in them up to 2^53.
            let number = units as f64 / 10f64.powi(places as i32);
            sheet.write_number_with_format(row, column, number, &right().set_num_format(picture))?;
        }
        Value::Moment(moment) => {
            // Day 25569 of a worksheet is 1970-01-01.
            let local_ms = moment.epoch_ms + i64::from(moment.offset_minutes) * 60_000;
            let serial = 25_569.0 + local_ms as f64 / 86_400_000.0;
            let format = right().set_num_format("yyyy-mm-dd hh:mm:ss");
            sheet.write_number_with_format(row, column, serial, &format)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Moment;
    use crate::view::{Column, Empty};

    fn table() -> TableView {
        let columns = vec![
            Column::text("name", "名称"),
            Column::number("amount", "金额（元）"),
            Column::text("at", "时间"),
        ];
        let empty = Empty { title: String::new(), hint: String::new(), action: None };
        let mut table = TableView::new("t", "表", columns, empty);
        let at = Moment { epoch_ms: 1_772_690_829_000, offset_minutes: 480 };
        table.rows = vec![
            vec![Cell::text("=HYPERLINK(\"x\")"), Cell::money(-123_450), Cell::date_time(at)],
            vec![Cell::text("白菜, 一级"), Cell::integer(1_234_567), Cell::none()],
            vec![Cell::text("-5 °C 冷库"), Cell::none(), Cell::none()],
        ];
        table
    }

    #[test]
    fn csv_keeps_numbers_plain_and_disarms_formulas() {
        expect_test::expect![[r#"
            名称,金额（元）,时间
            "'=HYPERLINK(""x"")",-1234.50,2026-03-05T14:07:09+08:00
            "白菜, 一级",1234567,
            "'-5 °C 冷库",,
        "#]]
        .assert_eq(
            &String::from_utf8(csv(&table())).unwrap().trim_start_matches('\u{feff}').replace("\r\n", "\n"),
        );
    }

    #[test]
    fn a_formula_is_disarmed_wherever_a_spreadsheet_may_begin_a_cell() {
        for (text, cell) in [
            ("=1+1", "\"'=1+1\""),
            ("A1;=1+1", "\"A1;'=1+1\""),
            ("A1;\"@x\"", "\"A1;\"\"'@x\"\"\""),
            ("A1\n-2", "\"A1\n'-2\""),
            ("1+1", "1+1"),
            ("A1; b=2", "\"A1; b=2\""),
        ] {
            assert_eq!(quoted(text), cell);
        }
    }

    #[test]
    fn csv_starts_with_a_byte_order_mark() {
        assert!(csv(&table()).starts_with(&[0xef, 0xbb, 0xbf]));
    }

    #[test]
    fn a_workbook_is_a_zip_archive_and_the_download_has_a_chinese_name() {
        let response = written(ExportFormat::Xlsx, "批次", &table()).unwrap();
        let disposition = response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert_eq!(
            disposition,
            "attachment; filename=\"export.xlsx\"; filename*=UTF-8''%E6%89%B9%E6%AC%A1.xlsx"
        );
        assert!(xlsx(&table()).unwrap().starts_with(b"PK"));
    }
}
