//! CSV (RFC 4180), both ways: one activity a row, its predecessors in one cell, such as `A; B SS+4h; C FF-1d`.
//!
//! Spans are written `5d`, `4h` or `30m`; a day has eight hours. A lag is counted in the predecessor's calendar. A file
//! carries no calendars: activities get the one that the reader is given.

use std::collections::HashMap;

use schedule::{
    Activity, ActivityId, Calendar, Constraint, Link, LinkKind, Minutes, Moment, Plan, Progress, Remaining,
    Schedule, Wish,
};

use crate::clock_face::{iso, moment};
use crate::{Document, FormatError, Label, Limits};

/// Columns by their English and Chinese names; the order in a file is free, and others are ignored.
const COLUMNS: [(&str, &str); 10] = [
    ("code", "编号"),
    ("name", "名称"),
    ("duration", "工期"),
    ("predecessors", "紧前工作"),
    ("constraint", "限制"),
    ("constraint_date", "限制日期"),
    ("deadline", "期限"),
    ("percent", "完成百分比"),
    ("actual_start", "实际开始"),
    ("actual_finish", "实际完成"),
];
const DAY_MINUTES: i64 = 480;

/// Reads a plan whose activities all work by one calendar.
pub fn read(text: &str, calendar: Calendar, limits: &Limits) -> Result<Document, FormatError> {
    Limits::check("bytes", text.len(), limits.bytes_max)?;
    let rows = rows(text.trim_start_matches('\u{feff}'), limits)?;
    let (head, rows) = rows.split_first().ok_or(FormatError::Missing("the row of column names"))?;
    let column = |(english, chinese): (&str, &str)| {
        head.iter().position(|name| name.trim().eq_ignore_ascii_case(english) || name.trim() == chinese)
    };
    let places = COLUMNS.map(column);
    if places[0].is_none() || places[2].is_none() {
        return Err(FormatError::Missing("the column code or duration"));
    }
    let mut document = Document::new("", Plan::new(calendar));
    document.calendar_names = vec![String::new()];
    let mut by_code = HashMap::new();
    let mut waiting = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let cell =
            |column: usize| places[column].and_then(|at| row.get(at)).map_or("", |cell| plain(cell.trim()));
        let place = format!("row {}", at + 2);
        let activity = activity(&document.plan, cell, &place)?;
        let id = document.plan.push(activity);
        let code = cell(0).to_owned();
        if code.is_empty() || by_code.insert(code.clone(), id).is_some() {
            return Err(FormatError::Twice { place: format!("{place}: code {code:?}") });
        }
        document.labels.push(Label { code, name: cell(1).to_owned() });
        waiting.push((id, place, cell(3).to_owned()));
    }
    for (id, place, cell) in waiting {
        for text in cell.split([';', '；']).map(str::trim).filter(|text| !text.is_empty()) {
            let link = link(text, id, &by_code, &place)?;
            document.plan.link(link);
            Limits::check("links", document.plan.links.len(), limits.links_max)?;
        }
    }
    Ok(document)
}

fn activity<'a>(plan: &Plan, cell: impl Fn(usize) -> &'a str, place: &str) -> Result<Activity, FormatError> {
    let refuse = |found, expected| FormatError::value(place, found, expected);
    let date = |column: usize| match cell(column) {
        "" => Ok(None),
        text => moment(text).map(Some).ok_or_else(|| refuse(text, "a date such as 2026-02-09T08:00:00")),
    };
    let duration = span(cell(2)).ok_or_else(|| refuse(cell(2), "a span such as 5d, 4h or 30m"))?;
    let mut activity = Activity::new(plan.calendar, duration);
    activity.deadline = date(6)?;
    let at = || date(5)?.ok_or_else(|| refuse("", "the date of the constraint"));
    let constraint = match cell(4).to_ascii_uppercase().as_str() {
        "" => None,
        "ASAP" | "ALAP" => {
            let is_soon = cell(4).eq_ignore_ascii_case("asap");
            activity.wish = Some(if is_soon { Wish::AsSoonAsPossible } else { Wish::AsLateAsPossible });
            None
        }
        "SNET" => Some(Constraint::StartNoEarlier(at()?)),
        "SNLT" => Some(Constraint::StartNoLater(at()?)),
        "FNET" => Some(Constraint::FinishNoEarlier(at()?)),
        "FNLT" => Some(Constraint::FinishNoLater(at()?)),
        "MSO" => Some(Constraint::MustStart(at()?)),
        "MFO" => Some(Constraint::MustFinish(at()?)),
        _ => return Err(refuse(cell(4), "ASAP, ALAP, SNET, SNLT, FNET, FNLT, MSO or MFO")),
    };
    activity.constraints.extend(constraint);
    let percent = cell(7).trim_end_matches('%').trim();
    let percent: u8 = if percent.is_empty() {
        0
    } else {
        percent.parse().map_err(|_| refuse(cell(7), "a percentage from 0 to 100"))?
    };
    activity.progress = match (date(8)?, date(9)?) {
        (None, None) => Progress::NotStarted,
        (Some(start), Some(finish)) => Progress::Finished { start, finish },
        (Some(at), None) => Progress::Started { at, remaining: Remaining::Percent(percent) },
        (None, Some(_)) => return Err(refuse("", "the actual start of what has finished")),
    };
    Ok(activity)
}

fn link(
    text: &str,
    successor: ActivityId,
    by_code: &HashMap<String, ActivityId>,
    place: &str,
) -> Result<Link, FormatError> {
    let (code, rest) = match by_code.get_key_value(text) {
        Some(whole) => (whole.0.as_str(), ""),
        None => text.rsplit_once(' ').unwrap_or((text, "")),
    };
    let predecessor = by_code.get(code.trim());
    let reference = || FormatError::Reference { place: place.to_owned(), found: code.trim().to_owned() };
    let predecessor = *predecessor.ok_or_else(reference)?;
    let refuse = || FormatError::value(place, rest, "FS, SS, FF or SF and a lag, such as SS+4h");
    let (kind, lag) = rest.split_at_checked(2).unwrap_or(("FS", ""));
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

/// `5d`, `-4h`, `+30m` or `90`, which is minutes.
fn span(text: &str) -> Option<Minutes> {
    let text = text.trim();
    let (number, unit) = match text.chars().last()? {
        'd' | 'D' | '天' => (text.trim_end_matches(['d', 'D', '天']), DAY_MINUTES),
        'h' | 'H' => (text.trim_end_matches(['h', 'H']), 60),
        'm' | 'M' => (text.trim_end_matches(['m', 'M']), 1),
        _ => (text, 1),
    };
    let number: i64 = number.trim().parse().ok()?;
    number.checked_mul(unit).map(Minutes)
}

/// Writes a schedule with its dates and floats, for a spreadsheet or for [`read`].
pub fn write(document: &Document, schedule: &Schedule) -> String {
    let dates = ["start", "finish", "late_start", "late_finish", "total_float", "free_float"];
    let names = COLUMNS.iter().map(|(english, _)| (*english).to_owned());
    // The mark makes spreadsheets read UTF-8.
    let mut out = String::from("\u{feff}");
    push_row(&mut out, names.chain(dates.map(str::to_owned)));
    let plan = schedule.plan();
    let mut predecessors: Vec<Vec<String>> = vec![Vec::new(); plan.activities.len()];
    for link in plan.links.iter().flatten() {
        let (code, _) = document.label(link.predecessor);
        predecessors[link.successor.0 as usize].push(format!("{code} {}", link_text(link)));
    }
    let planned = schedule.planned();
    for (at, activity) in plan.activities.iter().enumerate() {
        let id = ActivityId(u32::try_from(at).unwrap_or(u32::MAX));
        let (code, name) = document.label(id);
        let (constraint, constraint_date) = constraint_text(activity);
        let (percent, started, finished) = progress_text(activity);
        let row = [
            code,
            name.to_owned(),
            span_text(activity.duration),
            predecessors[at].join("; "),
            constraint.to_owned(),
            constraint_date,
            activity.deadline.map(iso).unwrap_or_default(),
            percent,
            started,
            finished,
            iso(planned[at].start),
            iso(planned[at].finish),
            iso(schedule.dates(id).late.start),
            iso(schedule.dates(id).late.finish),
            span_text(schedule.total_float(id)),
            span_text(schedule.free_float(id)),
        ];
        push_row(&mut out, row.into_iter());
    }
    out
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

fn constraint_text(activity: &Activity) -> (&'static str, String) {
    let Some(constraint) = activity.constraints.first() else {
        return match activity.wish {
            Some(Wish::AsLateAsPossible) => ("ALAP", String::new()),
            Some(Wish::AsSoonAsPossible) => ("ASAP", String::new()),
            None => ("", String::new()),
        };
    };
    let name = match constraint {
        Constraint::StartNoEarlier(_) => "SNET",
        Constraint::StartNoLater(_) => "SNLT",
        Constraint::FinishNoEarlier(_) => "FNET",
        Constraint::FinishNoLater(_) => "FNLT",
        Constraint::MustStart(_) => "MSO",
        Constraint::MustFinish(_) => "MFO",
    };
    (name, iso(constraint.moment()))
}

fn progress_text(activity: &Activity) -> (String, String, String) {
    let date = |at: Moment| iso(at);
    match activity.progress {
        Progress::NotStarted => Default::default(),
        Progress::Started { at, .. } => {
            let (whole, rest) = (activity.duration.0, activity.remaining().0);
            // Rounded down: what is nearly done is not done.
            let percent = ((whole - rest).max(0) * 100).checked_div(whole).unwrap_or(0);
            (percent.to_string(), date(at), String::new())
        }
        Progress::Finished { start, finish } => ("100".to_owned(), date(start), date(finish)),
    }
}

fn span_text(span: Minutes) -> String {
    match span.0 {
        minutes if minutes % DAY_MINUTES == 0 => format!("{}d", minutes / DAY_MINUTES),
        minutes if minutes % 60 == 0 => format!("{}h", minutes / 60),
        minutes => format!("{minutes}m"),
    }
}

fn push_row(out: &mut String, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        // A spreadsheet would take such a cell for a formula; numbers with a sign are none.
        let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && span(&cell).is_none();
        let cell = if is_formula { format!("'{cell}") } else { cell };
        if cell.contains(['"', ',', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

/// A cell without the mark that kept it from being taken for a formula.
fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(cell)
}

/// Records of RFC 4180; empty lines are none.
fn rows(text: &str, limits: &Limits) -> Result<Vec<Vec<String>>, FormatError> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut cell = String::new();
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    let mut end_row = |row: &mut Vec<String>, cell: &mut String| {
        row.push(std::mem::take(cell));
        let row = std::mem::take(row);
        if row.iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
        Limits::check("activities", rows.len().saturating_sub(1), limits.activities_max)
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            '"' if is_quoted => is_quoted = false,
            '"' if cell.is_empty() => is_quoted = true,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => end_row(&mut row, &mut cell)?,
            c => cell.push(c),
        }
    }
    if is_quoted {
        return Err(FormatError::value("the last row", "\"", "closed by a second quote"));
    }
    end_row(&mut row, &mut cell)?;
    Ok(rows)
}
