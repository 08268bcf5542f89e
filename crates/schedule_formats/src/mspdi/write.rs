use base::{Day, Fen};
use quick_xml::escape::escape;
use schedule::{
    Activity, ActivityId, CalendarId, Constraint, LagCalendar, Link, LinkKind, Minutes, Progress, Schedule,
    Shift, Wish, WorkingTime,
};

use super::TENTHS;
use crate::Document;
use crate::clock_face::iso;

/// Writes a schedule. Project counts a lag in the successor's calendar: one that is counted elsewhere is written as it
/// stands, and an elapsed one as elapsed. Of several constraints the first is written.
pub fn write(document: &Document, schedule: &Schedule) -> String {
    let plan = schedule.plan();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n");
    out.push_str("<Project xmlns=\"http://schemas.microsoft.com/project\">\n");
    put(&mut out, "Name", &document.name);
    put(&mut out, "Title", &document.name);
    let is_forward = matches!(schedule.terms().anchor, schedule::Anchor::Start { .. });
    put(&mut out, "ScheduleFromStart", if is_forward { "1" } else { "0" });
    let start = match schedule.terms().anchor {
        schedule::Anchor::Start { start, .. } => start,
        schedule::Anchor::Deadline { .. } => schedule.latest_start(),
    };
    put(&mut out, "StartDate", &iso(start));
    put(&mut out, "FinishDate", &iso(schedule.finish()));
    put(&mut out, "CalendarUID", &uid(plan.calendar));
    put(&mut out, "MinutesPerDay", "480");
    put(&mut out, "MinutesPerWeek", "2400");
    put(&mut out, "DaysPerMonth", "20");
    if let Some(status) = schedule.terms().status {
        put(&mut out, "StatusDate", &iso(status));
    }
    within(&mut out, "Calendars", |out| {
        for (id, calendar) in (0..).map(CalendarId).zip(&plan.calendars) {
            let name = document.calendar_names.get(id.0 as usize).map_or("", String::as_str);
            within(out, "Calendar", |out| calendar_of(out, id, name, calendar.working_time()));
        }
    });
    let mut incoming: Vec<Vec<&Link>> = vec![Vec::new(); plan.activities.len()];
    for link in plan.links.iter().flatten() {
        incoming[link.successor.0 as usize].push(link);
    }
    let mut group = "";
    let mut groups = plan.activities.len();
    within(&mut out, "Tasks", |out| {
        for (id, links) in (0..).map(ActivityId).zip(&incoming) {
            let own = document.labels.get(id.0 as usize).map_or("", |label| label.group.as_str());
            if own != std::mem::replace(&mut group, own) && !own.is_empty() {
                groups += 1;
                within(out, "Task", |out| summary(out, groups, own));
            }
            within(out, "Task", |out| task(out, id, document, schedule, links));
        }
    });
    out.push_str("</Project>\n");
    out
}

fn put(out: &mut String, name: &str, text: &str) {
    out.push_str(&format!("<{name}>{}</{name}>\n", escape(text)));
}

fn within(out: &mut String, name: &str, inner: impl FnOnce(&mut String)) {
    out.push_str(&format!("<{name}>\n"));
    inner(out);
    out.push_str(&format!("</{name}>\n"));
}

/// Unique ids begin at 1, since 0 is the summary task of the project.
fn uid(calendar: CalendarId) -> String {
    (calendar.0 + 1).to_string()
}

fn calendar_of(out: &mut String, id: CalendarId, name: &str, time: &WorkingTime) {
    put(out, "UID", &uid(id));
    put(out, "Name", if name.is_empty() { "Calendar" } else { name });
    put(out, "IsBaseCalendar", "1");
    put(out, "BaseCalendarUID", "-1");
    within(out, "WeekDays", |out| {
        for number in 1..=7 {
            within(out, "WeekDay", |out| {
                put(out, "DayType", &number.to_string());
                shifts(out, &time.week[(number + 5) % 7]);
            });
        }
    });
    within(out, "Exceptions", |out| {
        for (day, hours) in &time.exceptions {
            within(out, "Exception", |out| exception(out, *day, hours));
        }
    });
}

fn exception(out: &mut String, day: Day, hours: &[Shift]) {
    put(out, "EnteredByOccurrences", "0");
    within(out, "TimePeriod", |out| {
        put(out, "FromDate", &format!("{day}T00:00:00"));
        put(out, "ToDate", &format!("{day}T23:59:00"));
    });
    put(out, "Occurrences", "1");
    put(out, "Name", &day.to_string());
    put(out, "Type", "1");
    shifts(out, hours);
}

fn shifts(out: &mut String, shifts: &[Shift]) {
    put(out, "DayWorking", if shifts.is_empty() { "0" } else { "1" });
    if shifts.is_empty() {
        return;
    }
    within(out, "WorkingTimes", |out| {
        for shift in shifts {
            within(out, "WorkingTime", |out| {
                put(out, "FromTime", &time(shift.from));
                put(out, "ToTime", &time(shift.to % 1440));
            });
        }
    });
}

fn time(minute: u16) -> String {
    format!("{:02}:{:02}:00", minute / 60, minute % 60)
}

fn span(minutes: Minutes) -> String {
    format!("PT{}H{}M0S", minutes.0 / 60, minutes.0 % 60)
}

/// The head of a group; its tasks follow one level below.
fn summary(out: &mut String, uid: usize, name: &str) {
    put(out, "UID", &uid.to_string());
    put(out, "ID", &uid.to_string());
    put(out, "Name", name);
    put(out, "IsNull", "0");
    put(out, "OutlineLevel", "1");
    put(out, "Summary", "1");
}

fn task(out: &mut String, id: ActivityId, document: &Document, schedule: &Schedule, links: &[&Link]) {
    let activity = &schedule.plan().activities[id.0 as usize];
    let dates = schedule.dates(id);
    let (code, name) = document.label(id);
    put(out, "UID", &(id.0 + 1).to_string());
    put(out, "ID", &(id.0 + 1).to_string());
    put(out, "Name", if name.is_empty() { &code } else { name });
    put(out, "Type", "1");
    put(out, "IsNull", "0");
    put(out, "WBS", &code);
    let label = document.labels.get(id.0 as usize);
    let is_grouped = label.is_some_and(|label| !label.group.is_empty());
    put(out, "OutlineLevel", if is_grouped { "2" } else { "1" });
    put(out, "Start", &iso(dates.early.start));
    put(out, "Finish", &iso(dates.early.finish));
    put(out, "Duration", &span(activity.duration));
    put(out, "DurationFormat", "7");
    put(out, "Milestone", if activity.duration.0 == 0 { "1" } else { "0" });
    put(out, "Summary", "0");
    put(out, "EarlyStart", &iso(dates.early.start));
    put(out, "EarlyFinish", &iso(dates.early.finish));
    put(out, "LateStart", &iso(dates.late.start));
    put(out, "LateFinish", &iso(dates.late.finish));
    put(out, "FreeSlack", &(schedule.free_float(id).0 * TENTHS).to_string());
    put(out, "TotalSlack", &(schedule.total_float(id).0 * TENTHS).to_string());
    progress(out, activity, label.and_then(|label| label.budget));
    let (kind, at) = constraint(activity);
    put(out, "ConstraintType", kind);
    put(out, "CalendarUID", &uid(activity.calendar));
    if let Some(at) = at {
        put(out, "ConstraintDate", &iso(at));
    }
    if let Some(deadline) = activity.deadline {
        put(out, "Deadline", &iso(deadline));
    }
    for link in links {
        within(out, "PredecessorLink", |out| predecessor(out, link));
    }
}

fn progress(out: &mut String, activity: &Activity, budget: Option<Fen>) {
    let (whole, rest) = (activity.duration.0, activity.remaining().0);
    let percent = match activity.progress {
        Progress::NotStarted => 0,
        Progress::Finished { .. } => 100,
        Progress::Started { .. } => ((whole - rest).max(0) * 100).checked_div(whole).unwrap_or(0),
    };
    put(out, "PercentComplete", &percent.to_string());
    if let Some(budget) = budget {
        // In hundredths of the currency.
        put(out, "Cost", &budget.0.to_string());
    }
    match activity.progress {
        Progress::NotStarted => {}
        Progress::Started { at, .. } => put(out, "ActualStart", &iso(at)),
        Progress::Finished { start, finish } => {
            put(out, "ActualStart", &iso(start));
            put(out, "ActualFinish", &iso(finish));
        }
    }
    let done = Minutes((whole - rest).max(0));
    put(out, "ActualDuration", &span(done));
    put(out, "RemainingDuration", &span(activity.remaining()));
}

fn constraint(activity: &Activity) -> (&'static str, Option<schedule::Moment>) {
    let Some(constraint) = activity.constraints.first() else {
        let is_late = activity.wish == Some(Wish::AsLateAsPossible);
        return (if is_late { "1" } else { "0" }, None);
    };
    let kind = match constraint {
        Constraint::MustStart(_) => "2",
        Constraint::MustFinish(_) => "3",
        Constraint::StartNoEarlier(_) => "4",
        Constraint::StartNoLater(_) => "5",
        Constraint::FinishNoEarlier(_) => "6",
        Constraint::FinishNoLater(_) => "7",
    };
    (kind, Some(constraint.moment()))
}

fn predecessor(out: &mut String, link: &Link) {
    put(out, "PredecessorUID", &(link.predecessor.0 + 1).to_string());
    let kind = match link.kind {
        LinkKind::FinishToFinish => "0",
        LinkKind::FinishToStart => "1",
        LinkKind::StartToFinish => "2",
        LinkKind::StartToStart => "3",
    };
    put(out, "Type", kind);
    put(out, "CrossProject", "0");
    put(out, "LinkLag", &(link.lag.0 * TENTHS).to_string());
    put(out, "LagFormat", if link.lag_calendar == LagCalendar::Elapsed { "8" } else { "7" });
}
