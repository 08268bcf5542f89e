use std::fmt;

use schedule::ScheduleError;

/// Why a file is not read: in English by `Display`, in Chinese by [`FormatError::chinese`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("the file exceeds {max} {what}")]
    Limit { what: Words, max: usize },
    #[error("the file is not XML: {0}")]
    Xml(String),
    #[error("the file is not a workbook: {0}")]
    Workbook(String),
    #[error("a document type is refused")]
    Doctype,
    #[error("the file is no plan: {0} is missing")]
    Missing(Words),
    #[error("{place}: {found:?} is not {expected}")]
    Value { place: Place, found: String, expected: Words },
    #[error("{place}: the text that begins with {found:?} has more than {max} characters")]
    Long { place: Place, found: String, max: usize },
    #[error("{place}: a formula is refused; put its value there")]
    Formula { place: Place },
    #[error("{place} names {found:?}, which is not in the file")]
    Reference { place: Place, found: String },
    #[error("{place}: {what} is not supported")]
    Unsupported { place: Place, what: Words },
    #[error("{place}: {found:?} stands twice")]
    Twice { place: Place, found: String },
    /// What is wrong with a table, a cell each.
    #[error("{}", joined(.0.iter().map(ToString::to_string), "; "))]
    Several(Vec<FormatError>),
    /// A calendar that nobody can work by.
    #[error("{place}: {error}")]
    Calendar { place: Place, error: ScheduleError },
}

impl FormatError {
    pub(crate) fn value(place: &Place, found: &str, expected: Words) -> Self {
        Self::Value { place: place.clone(), found: cut(found), expected }
    }

    pub(crate) fn workbook(error: impl fmt::Display) -> Self {
        Self::Workbook(error.to_string())
    }

    /// What is wrong, one by one.
    pub fn each(&self) -> &[FormatError] {
        match self {
            Self::Several(all) => all,
            one => std::slice::from_ref(one),
        }
    }

    pub fn chinese(&self) -> String {
        match self {
            Self::Limit { what, max } => format!("文件超出上限：{}最多 {max}", what.zh),
            Self::Xml(_) => "文件不是有效的 XML".to_owned(),
            Self::Workbook(_) => "文件不是有效的工作簿".to_owned(),
            Self::Doctype => "不接受带有文档类型声明的文件".to_owned(),
            Self::Missing(what) => format!("文件不是计划：缺少{}", what.zh),
            Self::Value { place, found, expected } => {
                format!("{}：“{found}”不是{}", place.chinese(), expected.zh)
            }
            Self::Long { place, found, max } => {
                format!("{}：以“{found}”开头的文本超过 {max} 个字符", place.chinese())
            }
            Self::Formula { place } => format!("{}：不接受公式，请改填数值", place.chinese()),
            Self::Reference { place, found } => {
                format!("{}引用的“{found}”不在文件中", place.chinese())
            }
            Self::Unsupported { place, what } => format!("{}：不支持{}", place.chinese(), what.zh),
            Self::Twice { place, found } => format!("{}：“{found}”重复", place.chinese()),
            Self::Several(all) => joined(all.iter().map(Self::chinese), "；"),
            Self::Calendar { place, error } => {
                let why = match error {
                    ScheduleError::CalendarWithoutWorkingTime => "一周内没有工作时间",
                    ScheduleError::Shift { .. } => "班次重叠或越过午夜",
                    _ => "例外日跨度过大",
                };
                format!("{}：{why}", place.chinese())
            }
        }
    }
}

/// What is quoted back is cut, so that a hostile file cannot fill a page with itself.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A text, unless it is longer than a plan keeps: many things of a plan may carry what stands in the file once.
pub(crate) fn short(place: impl FnOnce() -> Place, text: &str, max: usize) -> Result<&str, FormatError> {
    if text.len() > max && text.chars().nth(max).is_some() {
        return Err(FormatError::Long { place: place(), found: text.chars().take(20).collect(), max });
    }
    Ok(text)
}

fn joined(texts: impl Iterator<Item = String>, between: &str) -> String {
    texts.collect::<Vec<_>>().join(between)
}

/// A phrase in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    pub en: &'static str,
    pub zh: &'static str,
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.en)
    }
}

pub(crate) const fn words(en: &'static str, zh: &'static str) -> Words {
    Words { en, zh }
}

/// Where in a file something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Project,
    /// By its number or code in the file.
    Task(String),
    Calendar(String),
    LinkFrom(String),
    /// A field of a row, by its name in the file.
    Field(String),
    /// A cell of a table without sheets: the row, from 1, and what its column holds.
    Row(usize, Words),
    /// A cell of a sheet, such as `C7`, and what its column holds.
    Cell(String, String, Words),
}

impl Place {
    fn chinese(&self) -> String {
        match self {
            Self::Project => "项目".to_owned(),
            Self::Task(task) => format!("任务 {task}"),
            Self::Calendar(calendar) => format!("日历 {calendar}"),
            Self::LinkFrom(task) => format!("自任务 {task} 的逻辑关系"),
            Self::Field(field) => format!("字段 {field}"),
            Self::Row(row, column) => format!("第 {row} 行“{}”", column.zh),
            Self::Cell(sheet, cell, column) if column.zh.is_empty() => format!("工作表“{sheet}”{cell}"),
            Self::Cell(sheet, cell, column) => format!("工作表“{sheet}”{cell}“{}”", column.zh),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project => f.write_str("project"),
            Self::Task(task) => write!(f, "task {task}"),
            Self::Calendar(calendar) => write!(f, "calendar {calendar}"),
            Self::LinkFrom(task) => write!(f, "link from task {task}"),
            Self::Field(field) => write!(f, "field {field}"),
            Self::Row(row, column) => write!(f, "row {row}, {column}"),
            Self::Cell(sheet, cell, column) if column.en.is_empty() => {
                write!(f, "sheet {sheet}, cell {cell}")
            }
            Self::Cell(sheet, cell, column) => write!(f, "sheet {sheet}, cell {cell} ({column})"),
        }
    }
}

/// How much of a file is read before it is refused.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub bytes_max: usize,
    /// Bytes that the parts of a workbook have once they are unpacked.
    pub unpacked_max: usize,
    pub activities_max: usize,
    pub links_max: usize,
    /// Characters of a code, and of a name or a group.
    pub code_chars_max: usize,
    pub name_chars_max: usize,
    /// Calendars that something works by.
    pub calendars_max: usize,
    /// Days that differ from the week, over all calendars.
    pub exceptions_max: usize,
    /// Days between the first and the last of them, over all calendars: so long are their tables.
    pub span_days_max: usize,
    /// Shifts of a day.
    pub shifts_max: usize,
    /// Elements of XML that are kept.
    pub elements_max: usize,
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 256 * 1024 * 1024,
            unpacked_max: 256 * 1024 * 1024,
            activities_max: 100_000,
            links_max: 400_000,
            code_chars_max: 60,
            name_chars_max: 255,
            calendars_max: schedule::Plan::CALENDARS_MAX,
            exceptions_max: 100_000,
            span_days_max: 500_000,
            shifts_max: 48,
            elements_max: 4_000_000,
            depth_max: 32,
        }
    }
}

pub(crate) const BYTES: Words = words("bytes", "字节");
pub(crate) const ACTIVITIES: Words = words("activities", "活动");
pub(crate) const LINKS: Words = words("links", "逻辑关系");
pub(crate) const CALENDARS: Words = words("calendars", "日历");
pub(crate) const EXCEPTIONS: Words = words("days that differ from the week", "例外日");
pub(crate) const SPANS: Words =
    words("days from first to last that differ from the week", "天（各日历首末例外日之间合计）");
pub(crate) const SHIFTS: Words = words("shifts of a day", "个班次（每天）");

impl Limits {
    pub(crate) fn check(what: Words, count: usize, max: usize) -> Result<(), FormatError> {
        if count > max { Err(FormatError::Limit { what, max }) } else { Ok(()) }
    }
}
