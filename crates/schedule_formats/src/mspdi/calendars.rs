use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use base::Day;
use schedule::{Calendar, Shift, WorkingTime};

use super::SUNDAY;
use super::tree::Element;
use crate::clock_face::{moment, time};
use crate::error::{CALENDARS, EXCEPTIONS, SHIFTS, SPANS, cut, short, words};
use crate::{FormatError, Limits, Place};

/// The calendars that a project works by, in the order of the file, with their unique ids and names.
#[derive(Default)]
pub(super) struct Calendars {
    pub(super) calendars: Vec<Calendar>,
    pub(super) names: Vec<String>,
    pub(super) by_uid: HashMap<String, u32>,
}

/// A calendar may be derived from another, whose days it has where it says nothing itself.
const DERIVED_MAX: usize = 16;

pub(super) fn read(project: &Element, limits: &Limits) -> Result<Calendars, FormatError> {
    let elements: Vec<&Element> =
        project.child("Calendars").map(|all| all.all("Calendar").collect()).unwrap_or_default();
    Limits::check(CALENDARS, elements.len(), schedule::Plan::CALENDARS_MAX)?;
    let by_uid: HashMap<&str, usize> =
        elements.iter().enumerate().map(|(at, c)| (c.get("UID").unwrap_or(""), at)).collect();
    let tasks = project.child("Tasks").into_iter().flat_map(|tasks| tasks.all("Task"));
    let named = tasks.filter_map(|task| by_uid.get(task.get("CalendarUID")?).copied());
    // The first is the project's if it names none.
    let own = project.get("CalendarUID").and_then(|uid| by_uid.get(uid)).copied().unwrap_or(0);
    let used: BTreeSet<usize> = named.chain([own]).filter(|at| *at < elements.len()).collect();
    Limits::check(CALENDARS, used.len(), limits.calendars_max)?;
    let mut chains = Chains { elements, by_uid, limits, read: HashMap::new(), exceptions: 0 };
    let mut read = Calendars::default();
    let (mut exceptions, mut spans) = (0, 0);
    for (number, at) in (0..).zip(used) {
        let time = chains.time(at)?;
        exceptions += time.exceptions.len();
        Limits::check(EXCEPTIONS, exceptions, limits.exceptions_max)?;
        spans += time.span_days();
        Limits::check(SPANS, spans, limits.span_days_max)?;
        let element = chains.elements[at];
        let place = || place_of(element);
        let name = short(place, element.get("Name").unwrap_or(""), limits.name_chars_max)?;
        let calendar =
            Calendar::new(time).map_err(|error| FormatError::Calendar { place: place(), error })?;
        read.calendars.push(calendar);
        read.names.push(name.to_owned());
        read.by_uid.insert(element.get("UID").unwrap_or("").to_owned(), number);
    }
    Ok(read)
}

fn place_of(calendar: &Element) -> Place {
    Place::Calendar(cut(calendar.get("UID").unwrap_or("?")))
}

/// What a calendar itself says.
#[derive(Default)]
struct Own {
    week: [Option<Vec<Shift>>; 7],
    exceptions: BTreeMap<Day, Vec<Shift>>,
}

/// Calendars on those that they are derived from, each read once however many are derived from it.
struct Chains<'a> {
    elements: Vec<&'a Element>,
    by_uid: HashMap<&'a str, usize>,
    limits: &'a Limits,
    read: HashMap<usize, Own>,
    /// Days that were read of them.
    exceptions: usize,
}

impl Chains<'_> {
    fn time(&mut self, at: usize) -> Result<WorkingTime, FormatError> {
        let mut chain = vec![at];
        while let Some(&base) = self.base(chain[chain.len() - 1]) {
            Limits::check(words("derived calendars", "派生日历"), chain.len(), DERIVED_MAX)?;
            chain.push(base);
        }
        let mut time = WorkingTime::default();
        for at in chain.into_iter().rev() {
            let own = match self.read.entry(at) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    free.insert(Own::read(self.elements[at], &mut self.exceptions, self.limits)?)
                }
            };
            for (day, own) in time.week.iter_mut().zip(&own.week) {
                own.iter().for_each(|shifts| day.clone_from(shifts));
            }
            time.exceptions.extend(own.exceptions.iter().map(|(day, shifts)| (*day, shifts.clone())));
        }
        Ok(time)
    }

    fn base(&self, at: usize) -> Option<&usize> {
        let uid = self.elements[at].get("BaseCalendarUID").filter(|uid| *uid != "-1")?;
        self.by_uid.get(uid)
    }
}

impl Own {
    fn read(element: &Element, exceptions: &mut usize, limits: &Limits) -> Result<Self, FormatError> {
        let place = place_of(element);
        let mut own = Self::default();
        for day in element.child("WeekDays").iter().flat_map(|days| days.all("WeekDay")) {
            let number: usize = day.get("DayType").and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
            match number {
                0 => own.exceptions.extend(except(day, &place, exceptions, limits)?),
                SUNDAY..=7 => own.week[(number + 5) % 7] = Some(shifts(day, &place, limits)?),
                _ => {
                    let found = day.get("DayType").unwrap_or("");
                    return Err(FormatError::value(&place, found, words("a day type", "日类型")));
                }
            }
        }
        for exception in element.child("Exceptions").iter().flat_map(|all| all.all("Exception")) {
            own.exceptions.extend(except(exception, &place, exceptions, limits)?);
        }
        Ok(own)
    }
}

/// The days of an exception, which count even where another names them again.
fn except(
    element: &Element,
    place: &Place,
    exceptions: &mut usize,
    limits: &Limits,
) -> Result<impl Iterator<Item = (Day, Vec<Shift>)> + use<>, FormatError> {
    // Type 1 is every day of the period; the others recur within it.
    if !matches!(element.get("Type"), None | Some("1")) || !matches!(element.get("Period"), None | Some("1"))
    {
        return Err(FormatError::Unsupported {
            place: place.clone(),
            what: words("a recurring exception", "周期性例外"),
        });
    }
    let period = element
        .child("TimePeriod")
        .ok_or(FormatError::Missing(words("the period of an exception", "例外的起止日期")))?;
    let day = |name: &str| -> Result<Day, FormatError> {
        let text = period.get(name).unwrap_or("");
        moment(text)
            .map(schedule::Moment::day)
            .ok_or_else(|| FormatError::value(place, text, words("a date", "日期")))
    };
    let (first, last) = (day("FromDate")?, day("ToDate")?);
    *exceptions += usize::try_from(i64::from(last.0) - i64::from(first.0) + 1).unwrap_or(0);
    Limits::check(EXCEPTIONS, *exceptions, limits.exceptions_max)?;
    let shifts = shifts(element, place, limits)?;
    Ok((first.0..=last.0).map(move |day| (Day(day), shifts.clone())))
}

fn shifts(day: &Element, place: &Place, limits: &Limits) -> Result<Vec<Shift>, FormatError> {
    let mut shifts = Vec::new();
    if !day.is_set("DayWorking") {
        return Ok(shifts);
    }
    for part in day.child("WorkingTimes").iter().flat_map(|times| times.all("WorkingTime")) {
        let minute = |name: &str| {
            let text = part.get(name).unwrap_or("");
            let minute = time(text).and_then(|minute| u16::try_from(minute).ok());
            minute.ok_or_else(|| FormatError::value(place, text, words("a time of day", "时刻")))
        };
        let (from, to) = (minute("FromTime")?, minute("ToTime")?);
        // Midnight at the end of a day is written as at its beginning.
        let to = if to == 0 { 1440 } else { to };
        shifts.push(Shift { from, to });
        Limits::check(SHIFTS, shifts.len(), limits.shifts_max)?;
    }
    shifts.sort_by_key(|shift| shift.from);
    Ok(shifts)
}
