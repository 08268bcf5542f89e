use std::collections::HashMap;
use std::rc::Rc;

use quick_xml::events::{BytesStart, Event};

use super::archive::{Archive, Xml};
use crate::error::words;
use crate::{FormatError, Limits};

/// What a sheet needs of the rest of its workbook.
pub(super) struct Book {
    /// The first sheet's name, and the part that it is in.
    pub(super) sheet: String,
    pub(super) part: String,
    /// Days are counted from 1904.
    pub(super) is_1904: bool,
    /// The texts that cells refer to: many may refer to one, which is kept once.
    pub(super) strings: Vec<Rc<str>>,
    /// How numbers are shown, by the styles of cells.
    pub(super) shown: Vec<Shown>,
}

/// How a number is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Number,
    Percent,
    Date,
}

/// Bytes that a text takes beside its own.
const TEXT_BYTES: usize = 32;
/// Characters of a sheet's name, as Excel has it; every place that is told repeats it.
const SHEET_CHARS_MAX: usize = 31;

impl Book {
    pub(super) fn read(archive: &mut Archive<'_>, limits: &Limits) -> Result<Self, FormatError> {
        let missing = || FormatError::Missing(words("a sheet", "工作表"));
        let (sheet, id, is_1904) =
            archive.part("xl/workbook.xml", first_sheet)?.flatten().ok_or_else(missing)?;
        let target = archive.part("xl/_rels/workbook.xml.rels", |xml| relation(xml, &id))?.flatten();
        let target = target.ok_or_else(missing)?;
        let part = match target.strip_prefix('/') {
            Some(absolute) => absolute.to_owned(),
            None => format!("xl/{target}"),
        };
        let strings = archive.part("xl/sharedStrings.xml", |xml| strings(xml, limits.bytes_max))?;
        let strings = strings.unwrap_or_default();
        let shown = archive.part("xl/styles.xml", styles)?.unwrap_or_default();
        Ok(Self { sheet, part, is_1904, strings, shown })
    }
}

/// The next event, without a document type.
pub(super) fn next<'b>(xml: &mut Xml<'_>, buffer: &'b mut Vec<u8>) -> Result<Event<'b>, FormatError> {
    buffer.clear();
    xml.get_mut().get_mut().next_piece();
    match xml.read_event_into(buffer) {
        Ok(Event::DocType(_)) => Err(FormatError::Doctype),
        Ok(event) => Ok(event),
        Err(error) => Err(FormatError::Xml(error.to_string())),
    }
}

/// An attribute by its local name.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let mut attributes = attributes.with_checks(false).flatten();
    let found = attributes.find(|attribute| attribute.key.local_name().as_ref() == name.as_bytes())?;
    let text = std::str::from_utf8(&found.value).ok()?;
    quick_xml::escape::unescape(text).ok().map(std::borrow::Cow::into_owned)
}

fn first_sheet(xml: &mut Xml<'_>) -> Result<Option<(String, String, bool)>, FormatError> {
    let (mut buffer, mut is_1904, mut found) = (Vec::new(), false, None);
    loop {
        match next(xml, &mut buffer)? {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                b"workbookPr" => {
                    is_1904 = matches!(attribute(&element, "date1904").as_deref(), Some("1" | "true"));
                }
                b"sheet" if found.is_none() => {
                    let name = attribute(&element, "name");
                    let name = name.map(|name| name.chars().take(SHEET_CHARS_MAX).collect());
                    found = name.zip(attribute(&element, "id"));
                }
                _ => {}
            },
            Event::Eof => return Ok(found.map(|(name, id)| (name, id, is_1904))),
            _ => {}
        }
    }
}

fn relation(xml: &mut Xml<'_>, id: &str) -> Result<Option<String>, FormatError> {
    let mut buffer = Vec::new();
    loop {
        match next(xml, &mut buffer)? {
            Event::Start(element) | Event::Empty(element)
                if element.local_name().as_ref() == b"Relationship"
                    && attribute(&element, "Id").as_deref() == Some(id) =>
            {
                return Ok(attribute(&element, "Target"));
            }
            Event::Eof => return Ok(None),
            _ => {}
        }
    }
}

/// The texts that cells refer to. Runs of one text with other type are one text; how it is pronounced is none of it.
fn strings(xml: &mut Xml<'_>, bytes_max: usize) -> Result<Vec<Rc<str>>, FormatError> {
    let (mut buffer, mut all, mut text) = (Vec::new(), Vec::<Rc<str>>::new(), Text::default());
    let mut bytes = 0_usize;
    loop {
        let event = next(xml, &mut buffer)?;
        let whole = match &event {
            Event::Start(element) if element.local_name().as_ref() == b"si" => {
                text = Text::default();
                continue;
            }
            Event::Empty(element) if element.local_name().as_ref() == b"si" => String::new(),
            Event::End(element) if element.local_name().as_ref() == b"si" => {
                std::mem::take(&mut text).gathered.text
            }
            Event::Eof => return Ok(all),
            event => {
                text.take(event)?;
                continue;
            }
        };
        bytes += whole.trim().len() + TEXT_BYTES;
        Limits::check(words("bytes of texts", "字节（全部文本）"), bytes, bytes_max)?;
        all.push(whole.trim().into());
    }
}

/// Characters of a cell's text or value, as Excel has it.
const CELL_CHARS_MAX: usize = 32_767;

/// What stands in a cell, as long as a cell may hold it.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) text: String,
    chars: usize,
}

impl Gathered {
    pub(super) fn push(&mut self, part: &str) -> Result<(), FormatError> {
        self.chars += part.chars().count();
        Limits::check(words("characters in a cell", "个字符（每个单元格）"), self.chars, CELL_CHARS_MAX)?;
        self.text.push_str(part);
        Ok(())
    }
}

/// A text that is gathered from the elements `t`.
#[derive(Default)]
pub(super) struct Text {
    pub(super) gathered: Gathered,
    is_open: bool,
    is_phonetic: bool,
}

impl Text {
    pub(super) fn take(&mut self, event: &Event<'_>) -> Result<(), FormatError> {
        let bad = |error: &dyn std::fmt::Display| FormatError::Xml(error.to_string());
        match event {
            Event::Start(element) if element.local_name().as_ref() == b"t" => self.is_open = true,
            Event::End(element) if element.local_name().as_ref() == b"t" => self.is_open = false,
            Event::Start(element) if element.local_name().as_ref() == b"rPh" => self.is_phonetic = true,
            Event::End(element) if element.local_name().as_ref() == b"rPh" => self.is_phonetic = false,
            _ if !self.is_open || self.is_phonetic => {}
            Event::Text(text) => self.gathered.push(&text.decode().map_err(|error| bad(&error))?)?,
            Event::CData(text) => self.gathered.push(&text.decode().map_err(|error| bad(&error))?)?,
            Event::GeneralRef(name) => {
                let c = match name.resolve_char_ref().map_err(|error| bad(&error))? {
                    Some(c) => c,
                    None => crate::xml::predefined(name)?,
                };
                self.gathered.push(c.encode_utf8(&mut [0; 4]))?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Built-in formats of dates and times (ISO/IEC 29500-1, 18.8.30), and of percentages.
const DATES: [std::ops::RangeInclusive<u32>; 4] = [14..=22, 27..=36, 45..=47, 50..=58];
const PERCENTAGES: [u32; 2] = [9, 10];
/// Cell styles of a workbook, at most, as Excel has it.
const STYLES_MAX: usize = 65_490;

fn styles(xml: &mut Xml<'_>) -> Result<Vec<Shown>, FormatError> {
    let (mut buffer, mut own, mut shown, mut is_in_cells) = (Vec::new(), HashMap::new(), Vec::new(), false);
    loop {
        match next(xml, &mut buffer)? {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                b"numFmt" => {
                    let id = attribute(&element, "numFmtId").and_then(|id| id.parse::<u32>().ok());
                    if let (Some(id), Some(code)) = (id, attribute(&element, "formatCode")) {
                        own.insert(id, shown_by(&code));
                    }
                }
                b"cellXfs" => is_in_cells = true,
                b"xf" if is_in_cells => {
                    let id = attribute(&element, "numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
                    shown.push(match own.get(&id) {
                        Some(shown) => *shown,
                        None if DATES.iter().any(|dates| dates.contains(&id)) => Shown::Date,
                        None if PERCENTAGES.contains(&id) => Shown::Percent,
                        None => Shown::Number,
                    });
                }
                _ => {}
            },
            Event::End(element) if element.local_name().as_ref() == b"cellXfs" => is_in_cells = false,
            Event::Eof => return Ok(shown),
            _ => {}
        }
        Limits::check(words("styles", "种样式"), shown.len().max(own.len()), STYLES_MAX)?;
    }
}

/// What a format of the workbook's own shows: its letters outside quotes, brackets and escapes tell.
fn shown_by(code: &str) -> Shown {
    let mut plain = String::new();
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => drop(chars.by_ref().take_while(|c| *c != '"').count()),
            // Elapsed hours, minutes and seconds stand in brackets; so do colours and places.
            '[' => {
                let inner: String = chars.by_ref().take_while(|c| *c != ']').collect();
                if matches!(inner.to_ascii_lowercase().as_str(), "h" | "hh" | "m" | "mm" | "s" | "ss") {
                    return Shown::Date;
                }
            }
            '\\' | '_' | '*' => drop(chars.next()),
            c => plain.push(c.to_ascii_lowercase()),
        }
    }
    if plain.contains("general") {
        Shown::Number
    } else if plain.contains(['y', 'd', 'h', 's']) || plain.contains('m') {
        Shown::Date
    } else if plain.contains('%') {
        Shown::Percent
    } else {
        Shown::Number
    }
}
