//! iCalendar (RFC 5545), out: an event for every activity, in local time without a zone, as schedules are.

use schedule::{ActivityId, Schedule};

use base::{Day, Time};

use crate::Document;

/// Octets of a line before it is folded (RFC 5545, section 3.1).
const LINE_MAX: usize = 75;

/// The planned dates of a schedule as a calendar. `host` makes the identifiers of events unique in the world, `stamp`
/// says when the calendar was written.
pub fn write(document: &Document, schedule: &Schedule, host: &str, stamp: Time) -> String {
    let mut out = String::new();
    line(&mut out, "BEGIN:VCALENDAR");
    line(&mut out, "VERSION:2.0");
    line(&mut out, "PRODID:-//Taizhang//Schedule//EN");
    line(&mut out, &format!("X-WR-CALNAME:{}", escaped(&document.name)));
    let stamp = basic_time(stamp);
    for (id, span) in (0..).map(ActivityId).zip(schedule.planned()) {
        let (code, name) = document.label(id);
        line(&mut out, "BEGIN:VEVENT");
        line(&mut out, &format!("UID:{}@{}", escaped(&code), escaped(host)));
        line(&mut out, &format!("DTSTAMP:{stamp}"));
        line(&mut out, &format!("DTSTART:{}", basic(span.start)));
        if span.finish > span.start {
            line(&mut out, &format!("DTEND:{}", basic(span.finish)));
        }
        line(&mut out, &format!("SUMMARY:{}", escaped(if name.is_empty() { &code } else { name })));
        line(&mut out, "END:VEVENT");
    }
    line(&mut out, "END:VCALENDAR");
    out
}

fn basic(moment: schedule::Moment) -> String {
    let (year, month, day) = moment.day().civil();
    let minute = moment.minute_of_day();
    format!("{year:04}{month:02}{day:02}T{:02}{:02}00", minute / 60, minute % 60)
}

fn basic_time(time: Time) -> String {
    let day = Day(i32::try_from(time.0.div_euclid(86_400_000)).unwrap_or(i32::MAX));
    let (year, month, date) = day.civil();
    let second = time.0.rem_euclid(86_400_000) / 1000;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}{month:02}{date:02}T{hour:02}{minute:02}{:02}Z", second % 60)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Appends a content line, folded between characters.
fn line(out: &mut String, text: &str) {
    let mut octets = 0;
    for c in text.chars() {
        if octets + c.len_utf8() > LINE_MAX {
            out.push_str("\r\n ");
            octets = 1;
        }
        out.push(c);
        octets += c.len_utf8();
    }
    out.push_str("\r\n");
}
