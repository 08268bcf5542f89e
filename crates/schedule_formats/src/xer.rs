//! Primavera P6 XER, in: tables of tab-separated rows. The first project of the file is read; level-of-effort and WBS
//! summary tasks, which follow others, are left out and noted.

mod calendar;
mod table;

use std::collections::HashMap;

use schedule::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, Link, LinkKind, Minutes, Moment, Plan, Progress,
    Remaining, Wish, WorkingTime,
};

use crate::clock_face::moment;
use crate::{Document, FormatError, Label, Limits};
use table::{Row, Tables};

/// Reads the first project of a file. A lag is counted in the predecessor's calendar, which is P6's default.
pub fn read(text: &str, limits: &Limits) -> Result<Document, FormatError> {
    Limits::check("bytes", text.len(), limits.bytes_max)?;
    if !text.trim_start_matches('\u{feff}').starts_with("ERMHDR") {
        return Err(FormatError::Missing("the header ERMHDR"));
    }
    let tables = Tables::read(text, limits)?;
    let project = tables.rows("PROJECT").next().ok_or(FormatError::Missing("the table PROJECT"))?;
    let mut plan = Plan::new(Calendar::elapsed());
    plan.calendars.clear();
    let mut names = Vec::new();
    let mut by_id = HashMap::new();
    let mut exceptions = 0;
    for row in tables.rows("CALENDAR") {
        let id = row.get("clndr_id");
        let time = calendar::read(row.get("clndr_data"), &format!("calendar {id}"), limits)?;
        exceptions += time.exceptions.len();
        Limits::check("days that differ from the week", exceptions, limits.exceptions_max)?;
        by_id.insert(id, plan.calendar(Calendar::new(time)?));
        names.push(row.get("clndr_name").to_owned());
    }
    if plan.calendars.is_empty() {
        plan.calendar(Calendar::new(WorkingTime::office())?);
        names.push(String::new());
    }
    plan.calendar = by_id.get(project.get("clndr_id")).copied().unwrap_or(CalendarId(0));
    let mut document = Document::new(project.get("proj_short_name"), plan);
    document.calendar_names = names;
    document.start = date(&project, "plan_start_date")?;
    document.status = date(&project, "last_recalc_date")?;
    let activities = tasks(&tables, project.get("proj_id"), &by_id, &mut document)?;
    Limits::check("activities", activities.len(), limits.activities_max)?;
    links(&tables, &activities, &mut document, limits)?;
    Ok(document)
}

fn tasks<'a>(
    tables: &'a Tables<'a>,
    project: &str,
    calendars: &HashMap<&str, CalendarId>,
    document: &mut Document,
) -> Result<HashMap<&'a str, ActivityId>, FormatError> {
    let mut activities = HashMap::new();
    let mut left_out = 0;
    for row in tables.rows("TASK").filter(|row| row.get("proj_id") == project) {
        if matches!(row.get("task_type"), "TT_LOE" | "TT_WBS") {
            left_out += 1;
            continue;
        }
        let id = row.get("task_id");
        let own = calendars.get(row.get("clndr_id")).copied();
        let activity = activity(&row, own.unwrap_or(document.plan.calendar))?;
        if activities.insert(id, document.plan.push(activity)).is_some() {
            return Err(FormatError::Twice { place: format!("task {id}") });
        }
        let (code, name) = (row.get("task_code").to_owned(), row.get("task_name").to_owned());
        document.labels.push(Label { code, name });
    }
    if left_out > 0 {
        document.notes.push(format!("{left_out} level of effort and WBS summary tasks are left out"));
    }
    Ok(activities)
}

fn activity(row: &Row<'_>, calendar: CalendarId) -> Result<Activity, FormatError> {
    let mut activity = Activity::new(calendar, hours(row, "target_drtn_hr_cnt")?);
    if matches!(row.get("task_type"), "TT_Mile" | "TT_FinMile") {
        activity.duration = Minutes(0);
    }
    for (kind, at) in [("cstr_type", "cstr_date"), ("cstr_type2", "cstr_date2")] {
        constrain(&mut activity, row, row.get(kind), at)?;
    }
    activity.progress = match (date(row, "act_start_date")?, date(row, "act_end_date")?) {
        (Some(start), Some(finish)) => Progress::Finished { start, finish },
        (Some(at), None) => {
            Progress::Started { at, remaining: Remaining::Time(hours(row, "remain_drtn_hr_cnt")?) }
        }
        (None, Some(finish)) => Progress::Finished { start: finish, finish },
        (None, None) => Progress::NotStarted,
    };
    Ok(activity)
}

fn constrain(activity: &mut Activity, row: &Row<'_>, kind: &str, at: &str) -> Result<(), FormatError> {
    let place = || format!("task {}", row.get("task_code"));
    let at = || date(row, at)?.ok_or_else(|| FormatError::value(place(), "", "the date of its constraint"));
    let constraints = &mut activity.constraints;
    match kind {
        "" => {}
        "CS_ALAP" => activity.wish = Some(Wish::AsLateAsPossible),
        "CS_MSOA" => constraints.push(Constraint::StartNoEarlier(at()?)),
        "CS_MSOB" => constraints.push(Constraint::StartNoLater(at()?)),
        "CS_MEOA" => constraints.push(Constraint::FinishNoEarlier(at()?)),
        "CS_MEOB" => constraints.push(Constraint::FinishNoLater(at()?)),
        // "Start on" and "finish on" yield to links, unlike the mandatory ones.
        "CS_MSO" => {
            constraints.extend([Constraint::StartNoEarlier(at()?), Constraint::StartNoLater(at()?)]);
        }
        "CS_MEO" => {
            constraints.extend([Constraint::FinishNoEarlier(at()?), Constraint::FinishNoLater(at()?)]);
        }
        "CS_MANDSTART" => constraints.push(Constraint::MustStart(at()?)),
        "CS_MANDFIN" => constraints.push(Constraint::MustFinish(at()?)),
        other => return Err(FormatError::value(place(), other, "a constraint of P6")),
    }
    Ok(())
}

fn links(
    tables: &Tables<'_>,
    activities: &HashMap<&str, ActivityId>,
    document: &mut Document,
    limits: &Limits,
) -> Result<(), FormatError> {
    let mut left_out = 0;
    for row in tables.rows("TASKPRED") {
        let ends = (activities.get(row.get("pred_task_id")), activities.get(row.get("task_id")));
        let (Some(&predecessor), Some(&successor)) = ends else {
            left_out += 1;
            continue;
        };
        let kind = match row.get("pred_type") {
            "PR_FS" => LinkKind::FinishToStart,
            "PR_SS" => LinkKind::StartToStart,
            "PR_FF" => LinkKind::FinishToFinish,
            "PR_SF" => LinkKind::StartToFinish,
            other => return Err(FormatError::value("TASKPRED", other, "PR_FS, PR_SS, PR_FF or PR_SF")),
        };
        document.plan.link(Link::new(predecessor, successor, kind, hours(&row, "lag_hr_cnt")?));
        Limits::check("links", document.plan.links.len(), limits.links_max)?;
    }
    if left_out > 0 {
        document.notes.push(format!("{left_out} links to tasks outside the project are left out"));
    }
    Ok(())
}

fn date(row: &Row<'_>, field: &str) -> Result<Option<Moment>, FormatError> {
    let text = row.get(field);
    if text.is_empty() {
        return Ok(None);
    }
    moment(text).map(Some).ok_or_else(|| FormatError::value(field, text, "a date such as 2026-02-09 08:00"))
}

/// Hours with a decimal fraction, to the minute: `7.5` is 450. Half a minute is rounded away from zero.
fn hours(row: &Row<'_>, field: &str) -> Result<Minutes, FormatError> {
    let text = row.get(field).trim();
    let refuse = || FormatError::value(field, text, "a number of hours");
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| refuse())? };
    let fraction: String = fraction.chars().chain("0000".chars()).take(4).collect();
    let fraction: i64 = fraction.parse().map_err(|_| refuse())?;
    let minutes = whole.checked_mul(60).ok_or_else(refuse)? + (fraction * 60 + 5_000) / 10_000;
    Ok(Minutes(sign * minutes))
}
