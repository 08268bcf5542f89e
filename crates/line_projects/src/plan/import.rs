use schedule::{Calendar, Moment, Plan, WorkingTime};
use schedule_formats::{Document, FormatError, Limits, Place, csv, mspdi, xer, xlsx};

use super::kinds::{
    ACTIVITIES_MAX, CALENDARS_MAX, CODE_CHARS_MAX, EXCEPTED_DAYS_MAX, Format, LINKS_MAX, NAME_CHARS_MAX,
    SHIFTS_MAX, SPAN_DAYS_MAX,
};

/// A file that a plan is to be taken over from.
#[derive(Debug, Clone)]
pub struct Import {
    pub format: Format,
    /// What it is called.
    pub file: Option<String>,
    pub document: Document,
}

/// Why a file is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    File(#[from] FormatError),
    #[error("the file holds no activities")]
    Empty,
    #[error("the file is neither Project XML nor a workbook, a table or a Primavera file")]
    UnknownFormat,
}

impl ImportError {
    pub fn chinese(&self) -> String {
        match self {
            Self::File(error) => error.chinese(),
            Self::Empty => "文件中没有活动".to_owned(),
            Self::UnknownFormat => "文件不是 Project XML、工作簿、CSV 表格或 Primavera 文件".to_owned(),
        }
    }
}

/// Elements that a plan is read from: twenty of each task, five of each link, and those of calendars.
const ELEMENTS_MAX: usize = 20 * ACTIVITIES_MAX + 5 * LINKS_MAX + 100_000;

/// What a file may hold, so that neither a request nor the plan's entries grow out of hand.
pub(super) const LIMITS: Limits = Limits {
    bytes_max: base::limits::PLAN_BYTES_MAX,
    unpacked_max: 4 * base::limits::PLAN_BYTES_MAX,
    activities_max: ACTIVITIES_MAX,
    links_max: LINKS_MAX,
    code_chars_max: CODE_CHARS_MAX,
    name_chars_max: NAME_CHARS_MAX,
    calendars_max: CALENDARS_MAX,
    exceptions_max: EXCEPTED_DAYS_MAX,
    span_days_max: SPAN_DAYS_MAX,
    shifts_max: SHIFTS_MAX,
    elements_max: ELEMENTS_MAX,
    depth_max: 32,
};

/// By its first bytes, as far as they tell: a file is what it is, not what it is called.
pub fn format_of(bytes: &[u8]) -> Option<Format> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    match text {
        _ if bytes.starts_with(b"PK\x03\x04") => Some(Format::Xlsx),
        [b'<', ..] => Some(Format::Mspdi),
        _ if text.starts_with(b"ERMHDR") => Some(Format::Xer),
        _ if std::str::from_utf8(bytes).is_ok_and(|text| text.contains(',')) => Some(Format::Csv),
        _ => None,
    }
}

/// Reads a file. A table brings no calendar and no start: its activities work by the city's office calendar from the
/// moment given.
pub fn read(
    bytes: &[u8],
    file: Option<&str>,
    calendar: WorkingTime,
    start: Moment,
) -> Result<Import, ImportError> {
    let format = format_of(bytes).ok_or(ImportError::UnknownFormat)?;
    let office = Calendar::new(calendar);
    let office = office.map_err(|error| FormatError::Calendar { place: Place::Project, error })?;
    let text = || String::from_utf8_lossy(bytes);
    let mut document = match format {
        Format::Mspdi => mspdi::read(&text(), &LIMITS)?,
        Format::Xer => xer::read(&text(), &LIMITS)?,
        Format::Csv => csv::read(&text(), office, &LIMITS)?,
        Format::Xlsx => xlsx::read(bytes, office, &LIMITS)?,
    };
    if document.plan.activities.is_empty() {
        return Err(ImportError::Empty);
    }
    document.start.get_or_insert(start);
    if document.name.trim().is_empty() {
        document.name = file.unwrap_or("plan").to_owned();
    }
    Ok(Import { format, file: file.map(str::to_owned), document })
}

impl Import {
    /// The plan that it holds.
    pub fn plan(&self) -> &Plan {
        &self.document.plan
    }
}
