use std::collections::{HashMap, HashSet};

use base::Fen;
use schedule::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, LagCalendar, Link, LinkKind, Minutes, Moment,
    Plan, Progress, Remaining, Wish, WorkingTime,
};

use super::tree::Element;
use super::{TENTHS, calendars, tree};
use crate::clock_face::moment;
use crate::error::{ACTIVITIES, BYTES, LINKS, cut, short, words};
use crate::{Document, FormatError, Label, Limits, Note, Place};

/// Duration and lag formats that count elapsed time: minutes, hours, days, weeks and months, plain and estimated.
const ELAPSED: [&str; 10] = ["4", "6", "8", "10", "12", "36", "38", "40", "42", "44"];
/// Lag formats in percent of the predecessor's duration.
const PERCENT: [&str; 4] = ["19", "20", "51", "52"];

/// Reads a project. A lag is counted in the successor's calendar, as Project does, unless it is elapsed. Of the calendars
/// only those are read that the project or a task works by: those of people and machines may be hundreds.
pub fn read(xml: &str, limits: &Limits) -> Result<Document, FormatError> {
    Limits::check(BYTES, xml.len(), limits.bytes_max)?;
    let project = tree::read(xml.trim_start_matches('\u{feff}'), limits)?;
    if project.name != "Project" {
        return Err(FormatError::Missing(words("the element Project", "Project 元素")));
    }
    let calendars = calendars::read(&project, limits)?;
    let mut plan = Plan::new(Calendar::elapsed());
    let mut names = calendars.names;
    plan.calendars = calendars.calendars;
    if plan.calendars.is_empty() {
        let office = Calendar::new(WorkingTime::office());
        plan.calendars.push(office.map_err(|error| FormatError::Calendar { place: Place::Project, error })?);
        names.push("Standard".to_owned());
    }
    let own = project.get("CalendarUID").and_then(|uid| calendars.by_uid.get(uid));
    plan.calendar = CalendarId(own.copied().unwrap_or(0));
    let title = project.get("Title").or(project.get("Name")).unwrap_or("");
    let mut document = Document::new(short(|| Place::Project, title, limits.name_chars_max)?, plan);
    document.calendar_names = names;
    document.start = date(&project, "StartDate", &Place::Project)?;
    document.status = date(&project, "StatusDate", &Place::Project)?;
    let reader = Reader {
        by_uid: calendars.by_uid,
        activities: HashMap::new(),
        elapsed: None,
        summaries: Vec::new(),
        summaries_met: 0,
        left_out: HashSet::new(),
        document,
    };
    reader.tasks(&project, limits)
}

struct Reader {
    /// Calendars by their unique ids.
    by_uid: HashMap<String, u32>,
    /// Activities by the unique ids of their tasks.
    activities: HashMap<String, ActivityId>,
    /// The calendar of tasks with elapsed durations, once there is one.
    elapsed: Option<CalendarId>,
    /// Names of the summary tasks that the present one lies below, with their levels, each lower than the one before.
    summaries: Vec<(usize, String)>,
    summaries_met: usize,
    /// The unique ids of tasks that are left out.
    left_out: HashSet<String>,
    document: Document,
}

impl Reader {
    fn tasks(mut self, project: &Element, limits: &Limits) -> Result<Document, FormatError> {
        let tasks = || project.child("Tasks").into_iter().flat_map(|tasks| tasks.all("Task"));
        let (mut kept, mut left_out) = (Vec::new(), 0);
        for task in tasks() {
            let uid = task.get("UID").unwrap_or("");
            let place = || Place::Task(cut(uid));
            short(place, uid, limits.code_chars_max)?;
            let name = short(place, task.get("Name").unwrap_or(""), limits.name_chars_max)?;
            self.enter(task, name, limits)?;
            let is_real = !task.is_set("Summary") && !task.is_set("IsNull") && uid != "0";
            if !is_real || matches!(task.get("Active"), Some("0" | "false")) {
                left_out += usize::from(!task.is_set("Summary") && uid != "0");
                self.left_out.insert(uid.to_owned());
                continue;
            }
            let activity = self.activity(task, &place())?;
            let id = self.document.plan.push(activity);
            Limits::check(ACTIVITIES, kept.len() + 1, limits.activities_max)?;
            if self.activities.insert(uid.to_owned(), id).is_some() {
                return Err(FormatError::Twice { place: place(), found: uid.to_owned() });
            }
            let group = self.summaries.last().map(|(_, name)| name.clone()).unwrap_or_default();
            let budget = cost(task, "Cost", &place())?;
            self.document.labels.push(Label { code: uid.to_owned(), name: name.to_owned(), group, budget });
            kept.push((id, task));
        }
        if left_out > 0 {
            self.document.notes.push(Note::Tasks(left_out));
        }
        let mut unlinked = 0;
        for (successor, task) in kept {
            for element in task.all("PredecessorLink") {
                match self.link(element, successor)? {
                    Some(link) => drop(self.document.plan.link(link)),
                    None => unlinked += 1,
                }
                Limits::check(LINKS, self.document.plan.links.len(), limits.links_max)?;
            }
        }
        if unlinked > 0 {
            self.document.notes.push(Note::Links(unlinked));
        }
        Ok(self.document)
    }

    fn activity(&mut self, task: &Element, place: &Place) -> Result<Activity, FormatError> {
        let calendar = self.calendar(task, place)?;
        let mut activity = Activity::new(calendar, span(task, "Duration", place)?.unwrap_or(Minutes(0)));
        activity.deadline = date(task, "Deadline", place)?;
        let at = date(task, "ConstraintDate", place)?;
        let at = || {
            at.ok_or_else(|| FormatError::value(place, "", words("the date of its constraint", "限制日期")))
        };
        let constraint = match task.get("ConstraintType") {
            None | Some("0") => None,
            Some("1") => {
                activity.wish = Some(Wish::AsLateAsPossible);
                None
            }
            Some("2") => Some(Constraint::MustStart(at()?)),
            Some("3") => Some(Constraint::MustFinish(at()?)),
            Some("4") => Some(Constraint::StartNoEarlier(at()?)),
            Some("5") => Some(Constraint::StartNoLater(at()?)),
            Some("6") => Some(Constraint::FinishNoEarlier(at()?)),
            Some("7") => Some(Constraint::FinishNoLater(at()?)),
            Some(other) => {
                return Err(FormatError::value(
                    place,
                    other,
                    words("a constraint type from 0 to 7", "0 至 7 的限制类型"),
                ));
            }
        };
        activity.constraints.extend(constraint);
        activity.progress = progress(task, place)?;
        Ok(activity)
    }

    fn calendar(&mut self, task: &Element, place: &Place) -> Result<CalendarId, FormatError> {
        if task.get("DurationFormat").is_some_and(|format| ELAPSED.contains(&format)) {
            let plan = &mut self.document.plan;
            let names = &mut self.document.calendar_names;
            return Ok(*self.elapsed.get_or_insert_with(|| {
                names.push("elapsed".to_owned());
                plan.calendar(Calendar::elapsed())
            }));
        }
        let Some(uid) = task.get("CalendarUID").filter(|uid| *uid != "-1") else {
            return Ok(self.document.plan.calendar);
        };
        let reference =
            || FormatError::Reference { place: place.clone(), found: format!("calendar {}", cut(uid)) };
        self.by_uid.get(uid).map(|&at| CalendarId(at)).ok_or_else(reference)
    }

    /// Keeps the summaries that the next task lies below.
    fn enter(&mut self, task: &Element, name: &str, limits: &Limits) -> Result<(), FormatError> {
        let level: usize = task.get("OutlineLevel").and_then(|level| level.parse().ok()).unwrap_or(1);
        while self.summaries.pop_if(|(above, _)| *above >= level).is_some() {}
        if task.is_set("Summary") {
            self.summaries_met += 1;
            let what = words("summary tasks", "个摘要任务");
            Limits::check(what, self.summaries_met, limits.activities_max)?;
            if level > 0 {
                self.summaries.push((level, name.to_owned()));
            }
        }
        Ok(())
    }

    fn place_of(&self, activity: ActivityId) -> Place {
        Place::Task(self.document.label(activity).0)
    }

    /// A link, unless its predecessor was left out.
    fn link(&self, element: &Element, successor: ActivityId) -> Result<Option<Link>, FormatError> {
        let uid = element.get("PredecessorUID").unwrap_or("");
        let place = Place::LinkFrom(cut(uid));
        let Some(&predecessor) = self.activities.get(uid) else {
            if self.left_out.contains(uid) {
                return Ok(None);
            }
            let (place, found) = (self.place_of(successor), cut(uid));
            return Err(FormatError::Reference { place, found });
        };
        let kind = match element.get("Type") {
            Some("0") => LinkKind::FinishToFinish,
            None | Some("1") => LinkKind::FinishToStart,
            Some("2") => LinkKind::StartToFinish,
            Some("3") => LinkKind::StartToStart,
            Some(other) => {
                return Err(FormatError::value(&place, other, words("a type from 0 to 3", "0 至 3 的类型")));
            }
        };
        let format = element.get("LagFormat").unwrap_or("7");
        let text = element.get("LinkLag").unwrap_or("0");
        let lag: i64 =
            text.parse().map_err(|_| FormatError::value(&place, text, words("a whole number", "整数")))?;
        let lag = if PERCENT.contains(&format) {
            let duration = self.document.plan.activities[predecessor.0 as usize].duration.0;
            duration.saturating_mul(lag) / 100
        } else {
            lag / TENTHS
        };
        let is_elapsed = ELAPSED.contains(&format) || matches!(format, "20" | "52");
        let successor_calendar = self.document.plan.activities[successor.0 as usize].calendar;
        let lag_calendar = if is_elapsed {
            LagCalendar::Elapsed
        } else if Some(successor_calendar) == self.elapsed {
            // Its duration is elapsed, its calendar is not.
            LagCalendar::Project
        } else {
            LagCalendar::Successor
        };
        Ok(Some(Link { predecessor, successor, kind, lag: Minutes(lag), lag_calendar }))
    }
}

fn progress(task: &Element, place: &Place) -> Result<Progress, FormatError> {
    let remaining = match span(task, "RemainingDuration", place)? {
        Some(time) => Remaining::Time(time),
        None => {
            let text = task.get("PercentComplete").unwrap_or("0");
            let percent =
                text.parse().map_err(|_| FormatError::value(place, text, words("a percentage", "百分比")))?;
            Remaining::Percent(percent)
        }
    };
    Ok(match (date(task, "ActualStart", place)?, date(task, "ActualFinish", place)?) {
        (Some(start), Some(finish)) => Progress::Finished { start, finish },
        (Some(at), None) => Progress::Started { at, remaining },
        (None, Some(finish)) => Progress::Finished { start: finish, finish },
        (None, None) => Progress::NotStarted,
    })
}

fn date(element: &Element, name: &str, place: &Place) -> Result<Option<Moment>, FormatError> {
    let Some(text) = element.get(name).filter(|text| *text != "NA") else { return Ok(None) };
    moment(text)
        .map(Some)
        .ok_or_else(|| FormatError::value(place, text, words("a local date and time", "本地日期时间")))
}

/// Money, which Project writes in hundredths.
fn cost(element: &Element, name: &str, place: &Place) -> Result<Option<Fen>, FormatError> {
    let Some(text) = element.get(name) else { return Ok(None) };
    let whole = text.split('.').next().unwrap_or(text);
    let fen = whole.parse().map_err(|_| FormatError::value(place, text, words("a cost", "费用")))?;
    Ok(Some(Fen(fen)).filter(|fen| fen.0 != 0))
}

fn span(element: &Element, name: &str, place: &Place) -> Result<Option<Minutes>, FormatError> {
    let Some(text) = element.get(name) else { return Ok(None) };
    minutes(text).map(Some).ok_or_else(|| {
        FormatError::value(place, text, words("a duration such as PT8H0M0S", "形如 PT8H0M0S 的时长"))
    })
}

/// `PT8H30M0S`; seconds are cut.
fn minutes(text: &str) -> Option<Minutes> {
    let mut total = 0_i64;
    let mut number = String::new();
    for c in text.strip_prefix("PT")?.chars() {
        let factor = match c {
            '0'..='9' | '.' => {
                number.push(c);
                continue;
            }
            'H' => 60,
            'M' => 1,
            'S' => 0,
            _ => return None,
        };
        let whole = number.split('.').next().unwrap_or("");
        total = total.checked_add(whole.parse::<i64>().ok()?.checked_mul(factor)?)?;
        number.clear();
    }
    number.is_empty().then_some(Minutes(total))
}
