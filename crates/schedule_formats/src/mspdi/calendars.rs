use std::collections::HashMap;

use base::Day;
use schedule::{Calendar, Shift, WorkingTime};

use super::SUNDAY;
use super::tree::Element;
use crate::clock_face::{moment, time};
use crate::error::{EXCEPTIONS, words};
use crate::{FormatError, Limits, Place};

/// The calendars of a project in the order of the file, with their unique ids and names.
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
    Limits::check(words("calendars", "日历"), elements.len(), schedule::Plan::CALENDARS_MAX)?;
    let by_uid: HashMap<String, u32> =
        (0..).zip(&elements).map(|(at, c)| (c.get("UID").unwrap_or("").to_owned(), at)).collect();
    let mut calendars = Vec::new();
    let mut exceptions = 0;
    for element in &elements {
        let mut chain = vec![*element];
        while let Some(base) = chain[chain.len() - 1].get("BaseCalendarUID").filter(|uid| *uid != "-1") {
            Limits::check(words("derived calendars", "派生日历"), chain.len(), DERIVED_MAX)?;
            match by_uid.get(base) {
                Some(&at) if base != "0" || by_uid.contains_key("0") => chain.push(elements[at as usize]),
                _ => break,
            }
        }
        let mut time = WorkingTime::default();
        for element in chain.iter().rev() {
            apply(element, &mut time, limits)?;
        }
        exceptions += time.exceptions.len();
        Limits::check(EXCEPTIONS, exceptions, limits.exceptions_max)?;
        let place = || Place::Calendar(element.get("UID").unwrap_or("?").to_owned());
        let calendar = Calendar::new(time).map_err(|error| FormatError::Calendar { place: place(), error });
        calendars.push(calendar?);
    }
    let names = elements.iter().map(|c| c.get("Name").unwrap_or("").to_owned()).collect();
    Ok(Calendars { calendars, names, by_uid })
}

fn apply(element: &Element, time: &mut WorkingTime, limits: &Limits) -> Result<(), FormatError> {
    let place = Place::Calendar(element.get("UID").unwrap_or("?").to_owned());
    for day in element.child("WeekDays").iter().flat_map(|days| days.all("WeekDay")) {
        let number: usize = day.get("DayType").and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
        match number {
            0 => except(day, &place, time, limits)?,
            SUNDAY..=7 => time.week[(number + 5) % 7] = shifts(day, &place)?,
            _ => {
                return Err({
                    let found = day.get("DayType").unwrap_or("");
                    FormatError::value(&place, found, words("a day type", "日类型"))
                });
            }
        }
    }
    for exception in element.child("Exceptions").iter().flat_map(|all| all.all("Exception")) {
        except(exception, &place, time, limits)?;
    }
    Ok(())
}

fn except(
    element: &Element,
    place: &Place,
    time: &mut WorkingTime,
    limits: &Limits,
) -> Result<(), FormatError> {
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
    let days = usize::try_from(i64::from(last.0) - i64::from(first.0) + 1).unwrap_or(0);
    Limits::check(EXCEPTIONS, days, limits.exceptions_max)?;
    let shifts = shifts(element, place)?;
    time.exceptions.extend((first.0..=last.0).map(|day| (Day(day), shifts.clone())));
    Ok(())
}

fn shifts(day: &Element, place: &Place) -> Result<Vec<Shift>, FormatError> {
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
    }
    shifts.sort_by_key(|shift| shift.from);
    Ok(shifts)
}
