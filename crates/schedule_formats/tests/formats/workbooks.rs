//! Workbooks: written and read back, typed by hand, and made to harm.

use std::io::{Cursor, Write};

use base::{Fen, Time};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
use schedule::{LagCalendar, Minutes, Progress, Remaining, Schedule};
use schedule_formats::{Columns, FormatError, Limits, xlsx};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::{at, same_dates, sample, spring_festival, terms};

fn read(bytes: &[u8]) -> Result<schedule_formats::Document, FormatError> {
    xlsx::read(bytes, spring_festival(), &Limits::default())
}

/// A workbook whose first sheet is filled by hand, under a head of four columns.
fn typed(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(["编号", "工期", "期限", "完成百分比", "实际开始"]) {
        sheet.write_string(0, column, name).unwrap();
    }
    fill(sheet);
    workbook.save_to_buffer().unwrap()
}

#[test]
fn a_workbook_is_read_back_with_the_same_dates() {
    let mut document = sample();
    // A table knows one calendar, counts lags in the predecessor's, and what is done in whole percent.
    document.plan.activities[4].calendar = document.plan.calendar;
    for link in document.plan.links.iter_mut().flatten() {
        link.lag_calendar = LagCalendar::Predecessor;
    }
    document.plan.activities[0].progress =
        Progress::Started { at: at("2026-02-09", 8), remaining: Remaining::Percent(20) };
    let schedule = Schedule::new(document.plan.clone(), terms()).unwrap();
    for columns in [Columns::English, Columns::Chinese] {
        let stamp = Time::parse("2026-02-09T00:00:00Z").unwrap();
        let bytes = xlsx::write(&document, &schedule, columns, stamp).unwrap();
        let read = read(&bytes).unwrap();
        assert_eq!(read.labels, document.labels);
        assert_eq!(read.plan.links, document.plan.links);
        assert_eq!(read.plan.activities, document.plan.activities);
        same_dates(&Schedule::new(read.plan, terms()).unwrap(), &schedule);
    }
}

#[test]
fn cells_mean_what_they_show() {
    let bytes = typed(|sheet| {
        sheet.write_number(1, 0, 1010.0).unwrap();
        sheet.write_number(1, 1, 2.5).unwrap();
        let day = Format::new().set_num_format("yyyy\"年\"m\"月\"d\"日\"");
        let date = ExcelDateTime::from_ymd(2026, 2, 9).unwrap();
        sheet.write_datetime_with_format(1, 2, &date, &day).unwrap();
        sheet.write_number_with_format(1, 3, 0.4, &Format::new().set_num_format("0%")).unwrap();
        sheet.write_string(1, 4, "2026-02-09 08:00").unwrap();
        sheet.write_string(2, 0, "B").unwrap();
        sheet.write_string(2, 1, "3天").unwrap();
        sheet.write_number(2, 3, 40.0).unwrap();
    });
    let document = read(&bytes).unwrap();
    assert_eq!(document.labels[0].code, "1010");
    let first = &document.plan.activities[0];
    assert_eq!(first.duration, Minutes(1_200));
    assert_eq!(first.deadline, Some(at("2026-02-09", 0)));
    let remaining = Remaining::Percent(40);
    assert_eq!(first.progress, Progress::Started { at: at("2026-02-09", 8), remaining });
    assert_eq!(document.plan.activities[1].duration, Minutes::workdays(3));
}

#[test]
fn every_cell_of_another_type_is_named_with_its_sheet_row_and_column() {
    let bytes = typed(|sheet| {
        sheet.write_string(1, 0, "A").unwrap();
        sheet.write_boolean(1, 1, true).unwrap();
        sheet.write_number(2, 0, 1.5).unwrap();
        sheet.write_string(2, 1, "1d").unwrap();
        sheet.write_string(3, 0, "C").unwrap();
        sheet.write_string(3, 1, "1d").unwrap();
        sheet.write_number(3, 2, 46_062.0).unwrap();
        sheet.write_string(4, 0, "D").unwrap();
        sheet.write_string(4, 1, "1d").unwrap();
        sheet.write_number(4, 3, 0.4).unwrap();
    });
    let error = read(&bytes).unwrap_err();
    let told: Vec<String> = error.each().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "sheet Sheet1, cell B2 (duration): \"TRUE\" is not a span such as 5d, 4h or 30m",
            "sheet Sheet1, cell A3 (code): \"1.5\" is not a code, as text",
            "sheet Sheet1, cell C4 (deadline): \"46062\" is not a date such as 2026-02-09 08:00",
            "sheet Sheet1, cell D5 (percent): \"0.4\" is not a whole percentage from 0 to 100",
        ]
    );
    assert!(error.each()[0].chinese().starts_with("工作表“Sheet1”B2“工期”："));
}

#[test]
fn a_formula_is_refused_where_it_stands() {
    let bytes = typed(|sheet| {
        sheet.write_string(1, 0, "A").unwrap();
        sheet.write_formula(1, 1, Formula::new("=1+1")).unwrap();
    });
    let error = read(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "sheet Sheet1, cell B2: a formula is refused; put its value there");
}

#[test]
fn money_is_read_to_the_fen() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(["code", "duration", "budget_yuan"]) {
        sheet.write_string(0, column, name).unwrap();
    }
    for (row, amount) in (1..).zip([0.1 + 0.2, 73_510_000.0, 1_234.56]) {
        sheet.write_number(row, 0, f64::from(row)).unwrap();
        sheet.write_string(row, 1, "1d").unwrap();
        sheet.write_number(row, 2, amount).unwrap();
    }
    // 0.30000000000000004 has more than two decimals, and so it was not typed.
    let error = read(&workbook.save_to_buffer().unwrap()).unwrap_err();
    assert!(error.to_string().contains("cell C2 (budget_yuan)"), "{error}");
    sheet_of(&[73_510_000.0, 1_234.56], &[Fen(7_351_000_000), Fen(123_456)]);
}

fn sheet_of(amounts: &[f64], expected: &[Fen]) {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(["code", "duration", "budget_yuan"]) {
        sheet.write_string(0, column, name).unwrap();
    }
    for (row, amount) in (1..).zip(amounts) {
        sheet.write_number(row, 0, f64::from(row)).unwrap();
        sheet.write_string(row, 1, "1d").unwrap();
        sheet.write_number(row, 2, *amount).unwrap();
    }
    let document = read(&workbook.save_to_buffer().unwrap()).unwrap();
    let found: Vec<Fen> = document.labels.iter().filter_map(|label| label.budget).collect();
    assert_eq!(found, expected);
}

fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const BOOK: &[u8] =
    b"<workbook><sheets><sheet name='S' sheetId='1' r:id='r1' xmlns:r='r'/></sheets></workbook>";
const RELATIONS: &[u8] = b"<Relationships><Relationship Id='r1' Target='worksheets/s.xml'/></Relationships>";

fn with_sheet(sheet: &[u8]) -> Vec<u8> {
    zipped(&[
        ("xl/workbook.xml", BOOK),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/worksheets/s.xml", sheet),
    ])
}

#[test]
fn a_small_file_that_unpacks_to_a_large_one_is_refused() {
    let limits = Limits { unpacked_max: 1_000_000, ..Limits::default() };
    let sheet = [b"<worksheet><sheetData>".as_slice(), &vec![b' '; 50_000_000]].concat();
    let bytes = with_sheet(&sheet);
    assert!(bytes.len() < 100_000, "{} bytes", bytes.len());
    let error = xlsx::read(&bytes, spring_festival(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "the file exceeds 1000000 bytes once unpacked");
    let strings = [b"<sst>".as_slice(), &b"<si/>".repeat(1_000_000)].concat();
    let bytes = zipped(&[
        ("xl/workbook.xml", BOOK),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/sharedStrings.xml", &strings),
    ]);
    let error = xlsx::read(&bytes, spring_festival(), &limits_of(1_000_000)).unwrap_err();
    assert_eq!(error.to_string(), "the file exceeds 1000000 bytes of texts");
}

fn limits_of(bytes_max: usize) -> Limits {
    Limits { bytes_max, ..Limits::default() }
}

#[test]
fn no_text_is_gathered_that_no_cell_can_hold() {
    let told = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    let sheet = |cell: &str| {
        with_sheet(
            format!("<worksheet><sheetData><row><c{cell}</c></row></sheetData></worksheet>").as_bytes(),
        )
    };
    let share =
        |text: &str| sharing("S", &["code", "duration", "notes", "A", "1d", text], &[&[0, 1, 2], &[3, 4, 5]]);
    assert_eq!(read(&share(&"文".repeat(32_767))).unwrap().labels[0].code, "A");
    let one_more = "文".repeat(32_768);
    let escaped = "&#x6587;".repeat(32_768);
    for text in [one_more.as_str(), escaped.as_str()] {
        let inline = format!(" t='inlineStr'><is><t>{text}</t></is>");
        for bytes in [share(text), sheet(&inline)] {
            assert_eq!(told(&bytes), "the file exceeds 32767 characters in a cell");
        }
    }
    assert_eq!(told(&sheet(&format!("><v>{one_more}</v>"))), "the file exceeds 32767 characters in a cell");
    // What is no text of a cell, and what begins one that does not end.
    let long = "a".repeat(3_000_000);
    for bytes in [share(&long), sheet(&format!("><!--{long}--><v>1</v>")), sheet(&format!(" s='{long}'>"))] {
        assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
        assert_eq!(told(&bytes), "the file exceeds 1048576 bytes of XML in one piece");
    }
    let each = "a".repeat(30_000);
    let error = xlsx::read(&share(&each), spring_festival(), &limits_of(20_000)).unwrap_err();
    assert_eq!(error.to_string(), "the file exceeds 20000 bytes of texts");
}

#[test]
fn what_is_no_workbook_or_a_broken_one_is_refused() {
    for bytes in [b"".as_slice(), b"PK\x03\x04", b"code,duration\n", &[0; 1_000]] {
        assert!(matches!(read(bytes), Err(FormatError::Workbook(_))));
    }
    assert!(matches!(read(&zipped(&[("a", b"")])), Err(FormatError::Missing(_))));
    let bomb = b"<!DOCTYPE w [<!ENTITY a 'a'>]><worksheet/>";
    assert_eq!(read(&with_sheet(bomb)).unwrap_err(), FormatError::Doctype);
    let cells =
        b"<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>7</v></c></row></sheetData></worksheet>";
    let error = read(&with_sheet(cells)).unwrap_err();
    assert_eq!(error.to_string(), "sheet S, cell A1: \"7\" is not a text of the workbook");
    let far = b"<worksheet><sheetData><row r='1'><c r='XFE1'><v>7</v></c></row></sheetData></worksheet>";
    assert!(matches!(read(&with_sheet(far)), Err(FormatError::Limit { .. })));
    // A whole file cut anywhere is refused, or read; it never panics.
    let whole = with_sheet(cells);
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err());
    }
}

/// A workbook whose cells all show the texts of one list, by their numbers.
fn sharing(sheet: &str, texts: &[&str], rows: &[&[usize]]) -> Vec<u8> {
    let texts = texts.iter().map(|text| format!("<si><t>{text}</t></si>")).collect::<String>();
    let row = |cells: &&[usize]| {
        let cells = cells.iter().map(|at| format!("<c t='s'><v>{at}</v></c>")).collect::<String>();
        format!("<row>{cells}</row>")
    };
    let rows = rows.iter().map(row).collect::<String>();
    let book = String::from_utf8(BOOK.to_vec()).unwrap().replace("name='S'", &format!("name='{sheet}'"));
    zipped(&[
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/sharedStrings.xml", format!("<sst>{texts}</sst>").as_bytes()),
        ("xl/worksheets/s.xml", format!("<worksheet><sheetData>{rows}</sheetData></worksheet>").as_bytes()),
    ])
}

#[test]
fn a_text_that_many_cells_show_is_kept_once_and_refused_where_it_is_too_long() {
    let long = "a".repeat(32_767);
    let texts = ["code", "duration", "name", "notes", "1d", "A", long.as_str()];
    // As notes, which are no part of a plan, it is passed over in every cell.
    let noted = [[5, 4, 5].as_slice(), &[6; 150]].concat();
    let head = [[0, 1, 2].as_slice(), &[3; 150]].concat();
    let bytes = sharing("S", &texts, &[&head, &noted]);
    assert_eq!(read(&bytes).unwrap().labels[0].name, "A");
    let rows: Vec<&[usize]> =
        std::iter::once([0, 1, 2].as_slice()).chain([[6, 4, 6].as_slice(); 600]).collect();
    let bytes = sharing(&long, &texts, &rows);
    assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
    let error = read(&bytes).unwrap_err();
    // Both cells of the first twenty-five rows; the sheet's name, which each tells, is cut as well.
    assert_eq!(error.each().len(), 50);
    let (sheet, begins) = ("a".repeat(31), "a".repeat(20));
    assert_eq!(
        error.each()[1].to_string(),
        format!(
            "sheet {sheet}, cell C2 (name): the text that begins with \"{begins}\" has more than 255 characters"
        )
    );
    assert_eq!(
        error.each()[0].chinese(),
        format!("工作表“{sheet}”A2“编号”：以“{begins}”开头的文本超过 60 个字符")
    );
}
