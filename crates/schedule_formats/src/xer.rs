//! Primavera P6 XER, in: tables of tab-separated rows. The first project of the file is read; level-of-effort and WBS
//! summary tasks, which follow others, are left out and noted.

mod calendar;
mod table;

use std::collections::{HashMap, HashSet};

use schedule::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, Link, LinkKind, Minutes, Moment, Plan, Progress,
    Remaining, Wish, WorkingTime,
};

use crate::clock_face::moment;
use crate::error::{ACTIVITIES, BYTES, CALENDARS, EXCEPTIONS, LINKS, SPANS, cut, short, words};
use crate::{Document, FormatError, Label, Limits, Note, Place, Words};
use table::{Row, Tables};

const CONSTRAINT_DATE: Words = words("the date of its constraint", "限制日期");
const DATE: Words = words("a date such as 2026-02-09 08:00", "形如 2026-02-09 08:00 的日期");

/// Reads the first project of a file. A lag is counted in the predecessor's calendar, which is P6's default. Of the calendars
/// only those are read that the project or a task works by.
pub fn read(text: &str, limits: &Limits) -> Result<Document, FormatError> {
    Limits::check(BYTES, text.len(), limits.bytes_max)?;
    if !text.trim_start_matches('\u{feff}').starts_with("ERMHDR") {
        return Err(FormatError::Missing(words("the header ERMHDR", "文件头 ERMHDR")));
    }
    let tables = Tables::read(text, limits)?;
    let project = tables
        .rows("PROJECT")
        .next()
        .ok_or(FormatError::Missing(words("the table PROJECT", "PROJECT 表")))?;
    let mut plan = Plan::new(Calendar::elapsed());
    plan.calendars.clear();
    let mut names = Vec::new();
    let mut by_id = HashMap::new();
    let (mut exceptions, mut spans) = (0, 0);
    let mut used: HashSet<&str> = tables.rows("TASK").map(|row| row.get("clndr_id")).collect();
    let is_known = tables.rows("CALENDAR").any(|row| row.get("clndr_id") == project.get("clndr_id"));
    let own = Some(project.get("clndr_id")).filter(|_| is_known);
    // The first is the project's if it names none.
    used.extend(own.or_else(|| Some(tables.rows("CALENDAR").next()?.get("clndr_id"))));
    for row in tables.rows("CALENDAR").filter(|row| used.contains(row.get("clndr_id"))) {
        Limits::check(CALENDARS, plan.calendars.len() + 1, limits.calendars_max)?;
        let id = row.get("clndr_id");
        let place = || Place::Calendar(cut(id));
        let name = short(place, row.get("clndr_name"), limits.name_chars_max)?;
        let time = calendar::read(row.get("clndr_data"), &place(), limits)?;
        exceptions += time.exceptions.len();
        Limits::check(EXCEPTIONS, exceptions, limits.exceptions_max)?;
        spans += time.span_days();
        Limits::check(SPANS, spans, limits.span_days_max)?;
        let calendar =
            Calendar::new(time).map_err(|error| FormatError::Calendar { place: place(), error })?;
        by_id.insert(id, plan.calendar(calendar));
        names.push(name.to_owned());
    }
    if plan.calendars.is_empty() {
        let office = Calendar::new(WorkingTime::office());
        plan.calendar(office.map_err(|error| FormatError::Calendar { place: Place::Project, error })?);
        names.push(String::new());
    }
    plan.calendar = by_id.get(project.get("clndr_id")).copied().unwrap_or(CalendarId(0));
    let name = short(|| Place::Project, project.get("proj_short_name"), limits.name_chars_max)?;
    let mut document = Document::new(name, plan);
    document.calendar_names = names;
    document.start = date(&project, "plan_start_date")?;
    document.status = date(&project, "last_recalc_date")?;
    let activities = tasks(&tables, project.get("proj_id"), &by_id, &mut document, limits)?;
    links(&tables, project.get("proj_id"), &activities, &mut document, limits)?;
    Ok(document)
}

fn tasks<'a>(
    tables: &'a Tables<'a>,
    project: &str,
    calendars: &HashMap<&str, CalendarId>,
    document: &mut Document,
    limits: &Limits,
) -> Result<HashMap<&'a str, ActivityId>, FormatError> {
    let groups: HashMap<&str, &str> =
        tables.rows("PROJWBS").map(|row| (row.get("wbs_id"), row.get("wbs_name"))).collect();
    let mut activities = HashMap::new();
    let mut left_out = 0;
    for row in tables.rows("TASK").filter(|row| row.get("proj_id") == project) {
        if matches!(row.get("task_type"), "TT_LOE" | "TT_WBS") {
            left_out += 1;
            continue;
        }
        let id = row.get("task_id");
        let place = || Place::Task(cut(row.get("task_code")));
        let code = short(place, row.get("task_code"), limits.code_chars_max)?;
        let name = short(place, row.get("task_name"), limits.name_chars_max)?;
        let group = groups.get(row.get("wbs_id")).copied().unwrap_or_default();
        let group = short(|| Place::Field("wbs_name".to_owned()), group, limits.name_chars_max)?;
        Limits::check(ACTIVITIES, activities.len() + 1, limits.activities_max)?;
        let own = calendars.get(row.get("clndr_id")).copied();
        let activity = activity(&row, own.unwrap_or(document.plan.calendar))?;
        if activities.insert(id, document.plan.push(activity)).is_some() {
            return Err(FormatError::Twice { place: place(), found: cut(id) });
        }
        let [code, name, group] = [code, name, group].map(str::to_owned);
        document.labels.push(Label { code, name, group, budget: None });
    }
    if left_out > 0 {
        document.notes.push(Note::Tasks(left_out));
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
    let place = Place::Task(row.get("task_code").to_owned());
    let at = || date(row, at)?.ok_or_else(|| FormatError::value(&place, "", CONSTRAINT_DATE));
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
        other => return Err(FormatError::value(&place, other, words("a constraint of P6", "P6 的限制类型"))),
    }
    Ok(())
}

fn links(
    tables: &Tables<'_>,
    project: &str,
    activities: &HashMap<&str, ActivityId>,
    document: &mut Document,
    limits: &Limits,
) -> Result<(), FormatError> {
    let all: HashSet<&str> = tables.rows("TASK").map(|row| row.get("task_id")).collect();
    let is_there = |task: &str| all.contains(task) || tables.tasks_of_others.contains(task);
    let mut left_out = tables.links_of_others;
    for row in tables.rows("TASKPRED") {
        let ends = (activities.get(row.get("pred_task_id")), activities.get(row.get("task_id")));
        let (Some(&predecessor), Some(&successor)) = ends else {
            // What follows others is there without being read; another project may not even be there.
            for (task, of) in [("pred_task_id", "pred_proj_id"), ("task_id", "proj_id")] {
                let (task, of) = (row.get(task), row.get(of));
                if !is_there(task) && (of.is_empty() || of == project) {
                    let place = Place::Field("pred_task_id".to_owned());
                    return Err(FormatError::Reference { place, found: cut(task) });
                }
            }
            left_out += 1;
            continue;
        };
        let kind = match row.get("pred_type") {
            "PR_FS" => LinkKind::FinishToStart,
            "PR_SS" => LinkKind::StartToStart,
            "PR_FF" => LinkKind::FinishToFinish,
            "PR_SF" => LinkKind::StartToFinish,
            other => {
                let kinds = words("PR_FS, PR_SS, PR_FF or PR_SF", "PR_FS、PR_SS、PR_FF 或 PR_SF");
                return Err(FormatError::value(&field("pred_type"), other, kinds));
            }
        };
        document.plan.link(Link::new(predecessor, successor, kind, hours(&row, "lag_hr_cnt")?));
        Limits::check(LINKS, document.plan.links.len(), limits.links_max)?;
    }
    if left_out > 0 {
        document.notes.push(Note::Links(left_out));
    }
    Ok(())
}

fn field(name: &str) -> Place {
    Place::Field(name.to_owned())
}

fn date(row: &Row<'_>, name: &str) -> Result<Option<Moment>, FormatError> {
    let text = row.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    moment(text).map(Some).ok_or_else(|| FormatError::value(&field(name), text, DATE))
}

/// Hours with a decimal fraction, to the minute: `7.5` is 450. Half a minute is rounded away from zero.
fn hours(row: &Row<'_>, name: &str) -> Result<Minutes, FormatError> {
    let text = row.get(name).trim();
    let refuse = || FormatError::value(&field(name), text, words("a number of hours", "小时数"));
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| refuse())? };
    let fraction: String = fraction.chars().chain("0000".chars()).take(4).collect();
    let fraction: i64 = fraction.parse().map_err(|_| refuse())?;
    let minutes = whole.checked_mul(60).and_then(|it| it.checked_add((fraction * 60 + 5_000) / 10_000));
    Ok(Minutes(sign * minutes.ok_or_else(refuse)?))
}
