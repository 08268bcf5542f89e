//! The calendar of a P6 file: nested lists, `(0||name(attributes)(children))`, without a published grammar.

use base::Day;
use schedule::{Shift, WorkingTime};

use crate::clock_face::time;
use crate::error::{EXCEPTIONS, SHIFTS, words};
use crate::{FormatError, Limits, Place};

/// Days of exceptions are counted from 1899-12-30, as spreadsheets count them.
const SERIAL_OF_1970: i64 = 25_569;

struct Node<'a> {
    name: &'a str,
    attributes: &'a str,
    children: Vec<Node<'a>>,
}

pub(super) fn read(data: &str, place: &Place, limits: &Limits) -> Result<WorkingTime, FormatError> {
    // Line breaks within the field are written as delete characters.
    let data: String = data.chars().filter(|c| !c.is_whitespace() && *c != '\u{7f}').collect();
    if data.is_empty() {
        return Ok(WorkingTime::office());
    }
    let refuse = || FormatError::value(place, &data, words("calendar data of P6", "P6 的日历数据"));
    let mut rest = data.as_str();
    let root = node(&mut rest, limits.depth_max).ok_or_else(refuse)?;
    let mut working = WorkingTime::default();
    for part in &root.children {
        for day in &part.children {
            Limits::check(SHIFTS, day.children.len(), limits.shifts_max)?;
            let shifts = shifts(day).ok_or_else(refuse)?;
            if part.name == "DaysOfWeek" {
                let number: usize = day.name.parse().map_err(|_| refuse())?;
                *working.week.get_mut((number % 7 + 5) % 7).ok_or_else(refuse)? = shifts;
            } else if part.name == "Exceptions" {
                let serial = attribute(day.attributes, "d").and_then(|text| text.parse::<i64>().ok());
                let number =
                    serial.and_then(|serial| i32::try_from(serial.checked_sub(SERIAL_OF_1970)?).ok());
                let written = number.map(Day).filter(|day| (Day::FIRST..=Day::LAST).contains(day));
                working.exceptions.insert(written.ok_or_else(refuse)?, shifts);
                let count = working.exceptions.len();
                Limits::check(EXCEPTIONS, count, limits.exceptions_max)?;
            }
        }
    }
    Ok(working)
}

/// Reads `(0||name(attributes)(children))`.
fn node<'a>(rest: &mut &'a str, depth: usize) -> Option<Node<'a>> {
    let depth = depth.checked_sub(1)?;
    let inner = rest.strip_prefix('(')?;
    let (_, inner) = inner.split_once("||")?;
    let (name, inner) = inner.split_at(inner.find('(')?);
    let (attributes, inner) = inner.strip_prefix('(')?.split_once(')')?;
    let mut inner = inner.strip_prefix('(')?;
    let mut children = Vec::new();
    while inner.starts_with('(') {
        children.push(node(&mut inner, depth)?);
    }
    *rest = inner.strip_prefix(')')?.strip_prefix(')')?;
    Some(Node { name, attributes, children })
}

fn shifts(day: &Node<'_>) -> Option<Vec<Shift>> {
    let mut shifts = Vec::new();
    for part in &day.children {
        let minute = |name| u16::try_from(time(attribute(part.attributes, name)?)?).ok();
        let (Some(from), Some(to)) = (minute("s"), minute("f")) else { return None };
        // Midnight at the end of a day is written as at its beginning.
        shifts.push(Shift { from, to: if to == 0 { 1440 } else { to } });
    }
    shifts.sort_by_key(|shift| shift.from);
    Some(shifts)
}

/// The value of a name in `s|08:00|f|12:00`.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = attributes.split('|');
    while let Some(found) = parts.next() {
        let value = parts.next()?;
        if found == name {
            return Some(value);
        }
    }
    None
}
