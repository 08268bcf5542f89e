//! Plans as tables: one activity a row, its predecessors in one cell, such as `A; B SS+4h; C FF-1d`.
//!
//! Spans are written `5d`, `4h` or `30m`; a day has eight hours, and a number alone counts days. A lag is counted in the
//! predecessor's calendar. A table carries no calendars: activities get the one that the reader is given.

use std::collections::HashMap;
use std::rc::Rc;

use base::Fen;
use schedule::{
    Activity, ActivityId, Calendar, Constraint, Link, LinkKind, Minutes, Moment, Plan, Progress, Remaining,
    Schedule, Wish,
};

use crate::clock_face::moment;
use crate::error::{ACTIVITIES, LINKS, cut, short, words};
use crate::{Document, FormatError, Label, Limits, Place, Words};

/// What the columns hold, by the names that they have in files; their order is free, and others are passed over.
pub(crate) const COLUMNS: [Words; 12] = [
    words("code", "编号"),
    words("name", "名称"),
    words("duration", "工期"),
    words("predecessors", "紧前工作"),
    words("constraint", "限制"),
    words("constraint_date", "限制日期"),
    words("deadline", "期限"),
    words("percent", "完成百分比"),
    words("actual_start", "实际开始"),
    words("actual_finish", "实际完成"),
    words("group", "分部"),
    words("budget_yuan", "预算（元）"),
];
const CODE: usize = 0;
const PREDECESSORS: usize = 3;
/// What is written beside them and not read back.
const DATES: [Words; 6] = [
    words("start", "计划开始"),
    words("finish", "计划完成"),
    words("late_start", "最迟开始"),
    words("late_finish", "最迟完成"),
    words("total_float", "总时差"),
    words("free_float", "自由时差"),
];
const DAY_MINUTES: i64 = 480;
/// So many cells that are wrong are told before the reader gives up.
const ERRORS_MAX: usize = 50;

/// Characters of a cell, as spreadsheets have it.
const CELL_CHARS_MAX: usize = 32_767;
/// Bytes of predecessors for each link, at most: a code and a lag.
const BYTES_PER_LINK: usize = 300;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Many cells may show one text of the file.
    Text(Rc<str>),
    Number(f64),
    /// A number that is shown in hundredths.
    Percent(f64),
    Date(Moment),
    /// True or false.
    Flag(bool),
}

/// A row of a table, with its number in the file and its cells by their columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) number: usize,
    pub(crate) cells: Vec<(usize, Cell)>,
}

/// A table as it is read: of its rows only the cells of columns that a plan is read from, none longer than it is used.
pub(crate) struct Table<'a> {
    places: Places<'a>,
    limits: &'a Limits,
    columns: Option<[Option<usize>; COLUMNS.len()]>,
    rows: Vec<Kept>,
    predecessors_bytes: usize,
    errors: Vec<FormatError>,
}

/// What is kept of a row, in the order of [`COLUMNS`].
struct Kept {
    number: usize,
    cells: [Option<Cell>; COLUMNS.len()],
}

impl<'a> Table<'a> {
    pub(crate) fn new(places: Places<'a>, limits: &'a Limits) -> Self {
        Self { places, limits, columns: None, rows: Vec::new(), predecessors_bytes: 0, errors: Vec::new() }
    }

    /// Takes a row. The first that holds anything names the columns.
    pub(crate) fn push(&mut self, row: &Row) -> Result<(), FormatError> {
        if row.cells.is_empty() {
            return Ok(());
        }
        let Some(columns) = &self.columns else {
            self.columns = Some(columns_of(row)?);
            return Ok(());
        };
        Limits::check(ACTIVITIES, self.rows.len() + 1, self.limits.activities_max)?;
        let cell = |at: usize| row.cells.iter().find(|(place, _)| *place == at).map(|(_, cell)| cell.clone());
        let cells = columns.map(|at| at.and_then(cell));
        let known = self.errors.len();
        for (column, cell) in cells.iter().enumerate() {
            let Some(Cell::Text(text)) = cell else { continue };
            let max = match column {
                CODE => self.limits.code_chars_max,
                PREDECESSORS => CELL_CHARS_MAX,
                _ => self.limits.name_chars_max,
            };
            let place = || (self.places)(row.number, columns[column].unwrap_or(0), COLUMNS[column]);
            self.errors.extend(short(place, text, max).err());
        }
        if self.errors.len() >= ERRORS_MAX {
            return refuse(std::mem::take(&mut self.errors));
        }
        if self.errors.len() > known {
            return Ok(());
        }
        if let Some(Cell::Text(text)) = &cells[PREDECESSORS] {
            self.predecessors_bytes += text.len();
            let most = self.limits.links_max.saturating_mul(BYTES_PER_LINK);
            Limits::check(words("bytes of predecessors", "字节（紧前工作）"), self.predecessors_bytes, most)?;
        }
        self.rows.push(Kept { number: row.number, cells });
        Ok(())
    }

    /// Reads a plan whose activities all work by one calendar. All cells that are wrong are told together.
    pub(crate) fn read(self, calendar: Calendar) -> Result<Document, FormatError> {
        let columns =
            self.columns.ok_or(FormatError::Missing(words("the row of column names", "列名所在行")))?;
        let mut document = Document::new("", Plan::new(calendar));
        document.calendar_names = vec![String::new()];
        let reading = |row| Reading { row, columns: &columns, places: self.places };
        let mut errors = self.errors;
        let mut by_code = HashMap::new();
        for row in &self.rows {
            let row = reading(row);
            let (activity, label) = (row.activity(&document.plan), row.label(&by_code));
            if let (Ok(activity), Ok(label)) = (&activity, &label) {
                let id = document.plan.push(activity.clone());
                by_code.insert(label.code.clone(), id);
                document.labels.push(label.clone());
            }
            errors.extend(activity.err().into_iter().chain(label.err()));
            if errors.len() >= ERRORS_MAX {
                break;
            }
        }
        refuse(errors)?;
        let mut errors = Vec::new();
        for (id, row) in (0..).map(ActivityId).zip(&self.rows) {
            match reading(row).links(id, &by_code) {
                Ok(links) => document.plan.links.extend(links.into_iter().map(Some)),
                Err(error) => errors.push(error),
            }
            Limits::check(LINKS, document.plan.links.len(), self.limits.links_max)?;
            if errors.len() >= ERRORS_MAX {
                break;
            }
        }
        refuse(errors)?;
        Ok(document)
    }
}

fn columns_of(head: &Row) -> Result<[Option<usize>; COLUMNS.len()], FormatError> {
    let columns = COLUMNS.map(|words| {
        let is_named = |cell: &Cell| match cell {
            Cell::Text(name) => {
                let name = name.trim();
                name.eq_ignore_ascii_case(words.en) || name == words.zh
            }
            _ => false,
        };
        head.cells.iter().find(|(_, cell)| is_named(cell)).map(|(at, _)| *at)
    });
    if columns[CODE].is_none() || columns[2].is_none() {
        return Err(FormatError::Missing(words("the column code or duration", "“编号”或“工期”列")));
    }
    Ok(columns)
}

/// Where a row's cell is, by the column of the file and what it holds.
pub(crate) type Places<'a> = &'a dyn Fn(usize, usize, Words) -> Place;

fn refuse(mut errors: Vec<FormatError>) -> Result<(), FormatError> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => Err(FormatError::Several(errors)),
    }
}

struct Reading<'a> {
    row: &'a Kept,
    columns: &'a [Option<usize>; COLUMNS.len()],
    places: Places<'a>,
}

impl Reading<'_> {
    fn cell(&self, column: usize) -> Option<&Cell> {
        self.row.cells[column].as_ref()
    }

    fn place(&self, column: usize) -> Place {
        (self.places)(self.row.number, self.columns[column].unwrap_or(0), COLUMNS[column])
    }

    fn wrong<T>(&self, column: usize, expected: Words) -> Result<T, FormatError> {
        let found = match self.cell(column) {
            None => String::new(),
            Some(Cell::Text(text)) => cut(text),
            Some(Cell::Number(number)) => number.to_string(),
            Some(Cell::Percent(number)) => format!("{}%", number * 100.0),
            Some(Cell::Date(at)) => at.to_string(),
            Some(Cell::Flag(flag)) => flag.to_string().to_uppercase(),
        };
        Err(FormatError::value(&self.place(column), &found, expected))
    }

    fn text(&self, column: usize) -> Result<&str, FormatError> {
        match self.cell(column) {
            None => Ok(""),
            Some(Cell::Text(text)) => Ok(text.trim()),
            Some(_) => self.wrong(column, words("text", "文本")),
        }
    }

    /// A code that was typed as a number is one as long as it is whole: of 1.10 the file would keep 1.1.
    fn code(&self) -> Result<String, FormatError> {
        match self.cell(0) {
            Some(Cell::Number(number)) if number.fract() == 0.0 && number.abs() < 1e15 => {
                Ok(format!("{number:.0}"))
            }
            Some(Cell::Text(text)) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            _ => self.wrong(0, words("a code, as text", "编号（文本）")),
        }
    }

    fn label(&self, by_code: &HashMap<String, ActivityId>) -> Result<Label, FormatError> {
        let code = self.code()?;
        if by_code.contains_key(&code) {
            return Err(FormatError::Twice { place: self.place(0), found: code });
        }
        let (name, group) = (self.text(1)?.to_owned(), self.text(10)?.to_owned());
        Ok(Label { code, name, group, budget: self.budget()? })
    }

    fn budget(&self) -> Result<Option<Fen>, FormatError> {
        let expected = words("an amount in yuan with at most two decimals", "金额（元，至多两位小数）");
        let fen = match self.cell(11) {
            None => return Ok(None),
            Some(Cell::Text(text)) if text.trim().is_empty() => return Ok(None),
            Some(Cell::Text(text)) => fen(text.trim()),
            // Sixteen digits hold every amount there is to the fen.
            Some(Cell::Number(number)) if (0.0..1e13).contains(number) => fen(&number.to_string()),
            Some(_) => None,
        };
        fen.map_or_else(|| self.wrong(11, expected), |fen| Ok(Some(fen)))
    }

    fn duration(&self) -> Result<Minutes, FormatError> {
        let expected = words("a span such as 5d, 4h or 30m", "时长，如 5d、4h 或 30m");
        let found = match self.cell(2) {
            Some(Cell::Text(text)) => span(text),
            Some(Cell::Number(days)) if days.abs() < 1e6 && (days * 480.0).fract() == 0.0 => {
                #[allow(
                    clippy::cast_possible_truncation,
                    reason = "it is whole and below a thousand million"
                )]
                let minutes = (days * 480.0) as i64;
                Some(Minutes(minutes))
            }
            _ => None,
        };
        match found {
            Some(span) if span.0 < 0 => self.wrong(2, words("a duration of zero or more", "非负工期")),
            Some(span) => Ok(span),
            None => self.wrong(2, expected),
        }
    }

    fn date(&self, column: usize) -> Result<Option<Moment>, FormatError> {
        match self.cell(column) {
            None => Ok(None),
            Some(Cell::Text(text)) if text.trim().is_empty() => Ok(None),
            Some(Cell::Date(at)) => Ok(Some(*at)),
            Some(Cell::Text(text)) if moment(text).is_some() => Ok(moment(text)),
            Some(_) => {
                self.wrong(column, words("a date such as 2026-02-09 08:00", "日期，如 2026-02-09 08:00"))
            }
        }
    }

    fn percent(&self) -> Result<u8, FormatError> {
        let number = match self.cell(7) {
            None => return Ok(0),
            Some(Cell::Text(text)) if text.trim().is_empty() => return Ok(0),
            Some(Cell::Text(text)) => text.trim().trim_end_matches('%').trim().parse().ok(),
            Some(Cell::Number(number)) => Some(*number),
            Some(Cell::Percent(number)) => Some((number * 100.0).round()),
            Some(_) => None,
        };
        let whole = number.filter(|number| (0.0..=100.0).contains(number) && number.fract() == 0.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 100")]
        whole.map_or_else(
            || self.wrong(7, words("a whole percentage from 0 to 100", "0 至 100 的整数百分比")),
            |number| Ok(number as u8),
        )
    }

    fn activity(&self, plan: &Plan) -> Result<Activity, FormatError> {
        let mut activity = Activity::new(plan.calendar, self.duration()?);
        activity.deadline = self.date(6)?;
        self.constrain(&mut activity)?;
        let percent = self.percent()?;
        activity.progress = match (self.date(8)?, self.date(9)?) {
            (None, None) => Progress::NotStarted,
            (Some(start), Some(finish)) => Progress::Finished { start, finish },
            (Some(at), None) => Progress::Started { at, remaining: Remaining::Percent(percent) },
            (None, Some(_)) => {
                return self
                    .wrong(8, words("the actual start of what has finished", "已完成活动的实际开始日期"));
            }
        };
        Ok(activity)
    }

    fn constrain(&self, activity: &mut Activity) -> Result<(), FormatError> {
        let at = || match self.date(5)? {
            Some(at) => Ok(at),
            None => self.wrong(5, words("the date of the constraint", "限制日期")),
        };
        let kind = self.text(4)?.to_ascii_uppercase();
        activity.wish = match kind.as_str() {
            "ASAP" => Some(Wish::AsSoonAsPossible),
            "ALAP" => Some(Wish::AsLateAsPossible),
            _ => None,
        };
        let constraint = match kind.as_str() {
            "" | "ASAP" | "ALAP" => return Ok(()),
            "SNET" => Constraint::StartNoEarlier(at()?),
            "SNLT" => Constraint::StartNoLater(at()?),
            "FNET" => Constraint::FinishNoEarlier(at()?),
            "FNLT" => Constraint::FinishNoLater(at()?),
            "MSO" => Constraint::MustStart(at()?),
            "MFO" => Constraint::MustFinish(at()?),
            _ => {
                let kinds = "ASAP, ALAP, SNET, SNLT, FNET, FNLT, MSO or MFO";
                return self.wrong(4, words(kinds, "ASAP、ALAP、SNET、SNLT、FNET、FNLT、MSO 或 MFO"));
            }
        };
        activity.constraints.push(constraint);
        Ok(())
    }

    fn links(
        &self,
        successor: ActivityId,
        by_code: &HashMap<String, ActivityId>,
    ) -> Result<Vec<Link>, FormatError> {
        let cell = match self.cell(3) {
            // One predecessor whose code is a number.
            Some(Cell::Number(number)) if number.fract() == 0.0 => format!("{number:.0}"),
            _ => self.text(3)?.to_owned(),
        };
        let parts = cell.split([';', '；']).map(str::trim).filter(|text| !text.is_empty());
        parts.map(|text| self.link(text, successor, by_code)).collect()
    }

    fn link(
        &self,
        text: &str,
        successor: ActivityId,
        by_code: &HashMap<String, ActivityId>,
    ) -> Result<Link, FormatError> {
        let (code, rest) = match by_code.get_key_value(text) {
            Some(whole) => (whole.0.as_str(), ""),
            None => text.rsplit_once(' ').unwrap_or((text, "")),
        };
        let (place, code) = (|| self.place(PREDECESSORS), code.trim());
        let Some(&predecessor) = by_code.get(code) else {
            return Err(FormatError::Reference { place: place(), found: cut(code) });
        };
        let expected =
            words("FS, SS, FF or SF and a lag, such as SS+4h", "FS、SS、FF 或 SF 及时距，如 SS+4h");
        let refuse = || FormatError::value(&place(), rest, expected);
        let (kind, lag) =
            if rest.is_empty() { ("FS", "") } else { rest.split_at_checked(2).ok_or_else(refuse)? };
        let kind = match kind.to_ascii_uppercase().as_str() {
            "FS" => LinkKind::FinishToStart,
            "SS" => LinkKind::StartToStart,
            "FF" => LinkKind::FinishToFinish,
            "SF" => LinkKind::StartToFinish,
            _ => return Err(refuse()),
        };
        let lag = if lag.is_empty() { Minutes(0) } else { span(lag).ok_or_else(refuse)? };
        Ok(Link::new(predecessor, successor, kind, lag))
    }
}

/// `5d`, `-4h`, `+30m`, or `5`, which is days.
pub(crate) fn span(text: &str) -> Option<Minutes> {
    let text = text.trim();
    let (number, unit) = match text.chars().last()? {
        'd' | 'D' | '天' => (text.trim_end_matches(['d', 'D', '天']), DAY_MINUTES),
        'h' | 'H' => (text.trim_end_matches(['h', 'H']), 60),
        'm' | 'M' => (text.trim_end_matches(['m', 'M']), 1),
        _ => (text, DAY_MINUTES),
    };
    let number: i64 = number.trim().parse().ok()?;
    number.checked_mul(unit).map(Minutes)
}

/// `1234.5` yuan as fen.
fn fen(text: &str) -> Option<Fen> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole) || !is_plain(fraction) || fraction.len() > 2 {
        return None;
    }
    let yuan: i64 = whole.parse().ok()?;
    let fen: i64 = format!("{fraction:0<2}").parse().ok()?;
    yuan.checked_mul(100)?.checked_add(fen).map(Fen)
}

/// The language of the column names that are written; both are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    English,
    Chinese,
}

/// A cell as it is written.
pub(crate) enum Written {
    Empty,
    Text(String),
    Number(f64),
    Date(Moment),
}

/// The head and the rows of a schedule, with its dates and floats.
pub(crate) fn rows(document: &Document, schedule: &Schedule, columns: Columns) -> Vec<Vec<Written>> {
    let name = |words: &Words| match columns {
        Columns::English => Written::Text(words.en.to_owned()),
        Columns::Chinese => Written::Text(words.zh.to_owned()),
    };
    let plan = schedule.plan();
    let mut predecessors: Vec<Vec<String>> = vec![Vec::new(); plan.activities.len()];
    for link in plan.links.iter().flatten() {
        let (code, _) = document.label(link.predecessor);
        predecessors[link.successor.0 as usize].push(format!("{code} {}", link_text(link)));
    }
    let planned = schedule.planned();
    let mut rows = vec![COLUMNS.iter().chain(&DATES).map(name).collect()];
    for (at, activity) in plan.activities.iter().enumerate() {
        let id = ActivityId(u32::try_from(at).unwrap_or(u32::MAX));
        let (code, name) = document.label(id);
        let label = document.labels.get(at);
        let (constraint, constraint_date) = constraint_of(activity);
        let (percent, started, finished) = progress_of(activity);
        let date = |at: Option<Moment>| at.map_or(Written::Empty, Written::Date);
        let text = |text: &str| Written::Text(text.to_owned());
        rows.push(vec![
            Written::Text(code),
            text(name),
            Written::Text(span_text(activity.duration)),
            Written::Text(predecessors[at].join("; ")),
            text(constraint),
            date(constraint_date),
            date(activity.deadline),
            percent.map_or(Written::Empty, |percent| Written::Number(f64::from(percent))),
            date(started),
            date(finished),
            text(label.map_or("", |label| label.group.as_str())),
            label.and_then(|label| label.budget).map_or(Written::Empty, |fen| Written::Number(yuan(fen))),
            Written::Date(planned[at].start),
            Written::Date(planned[at].finish),
            Written::Date(schedule.dates(id).late.start),
            Written::Date(schedule.dates(id).late.finish),
            Written::Text(span_text(schedule.total_float(id))),
            Written::Text(span_text(schedule.free_float(id))),
        ]);
    }
    rows
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a file's number is exact to the fen up to ninety thousand thousand million"
)]
fn yuan(fen: Fen) -> f64 {
    fen.0 as f64 / 100.0
}

fn link_text(link: &Link) -> String {
    let kind = match link.kind {
        LinkKind::FinishToStart => "FS",
        LinkKind::StartToStart => "SS",
        LinkKind::FinishToFinish => "FF",
        LinkKind::StartToFinish => "SF",
    };
    match link.lag.0 {
        0 => kind.to_owned(),
        lag if lag > 0 => format!("{kind}+{}", span_text(link.lag)),
        _ => format!("{kind}{}", span_text(link.lag)),
    }
}

fn constraint_of(activity: &Activity) -> (&'static str, Option<Moment>) {
    let Some(constraint) = activity.constraints.first() else {
        let wish = match activity.wish {
            Some(Wish::AsLateAsPossible) => "ALAP",
            Some(Wish::AsSoonAsPossible) => "ASAP",
            None => "",
        };
        return (wish, None);
    };
    let name = match constraint {
        Constraint::StartNoEarlier(_) => "SNET",
        Constraint::StartNoLater(_) => "SNLT",
        Constraint::FinishNoEarlier(_) => "FNET",
        Constraint::FinishNoLater(_) => "FNLT",
        Constraint::MustStart(_) => "MSO",
        Constraint::MustFinish(_) => "MFO",
    };
    (name, Some(constraint.moment()))
}

fn progress_of(activity: &Activity) -> (Option<u8>, Option<Moment>, Option<Moment>) {
    match activity.progress {
        Progress::NotStarted => (None, None, None),
        Progress::Started { at, .. } => {
            let (whole, rest) = (activity.duration.0, activity.remaining().0);
            // Rounded down: what is nearly done is not done.
            let percent = ((whole - rest).max(0) * 100).checked_div(whole).unwrap_or(0);
            (u8::try_from(percent).ok(), Some(at), None)
        }
        Progress::Finished { start, finish } => (Some(100), Some(start), Some(finish)),
    }
}

pub(crate) fn span_text(span: Minutes) -> String {
    match span.0 {
        minutes if minutes % DAY_MINUTES == 0 => format!("{}d", minutes / DAY_MINUTES),
        minutes if minutes % 60 == 0 => format!("{}h", minutes / 60),
        minutes => format!("{minutes}m"),
    }
}
