//! Working time, and arithmetic in it.
//!
//! A calendar counts working minutes: `work(t)` is how many lie before `t`, from an origin of its own. Two inverses
//! turn a count back into a moment: `begin(w)` is where minute `w` begins, `end(w)` is where the first `w` minutes are
//! done. They differ across a break: after Friday's last minute `end` says Friday evening, `begin` Monday morning.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Day;
use serde::{Deserialize, Serialize};

use crate::moment::DAY_MINUTES;
use crate::{Minutes, Moment, ScheduleError};
use table::Table;

const WEEK_MINUTES: i64 = 7 * DAY_MINUTES;
/// A Monday, before which and after which whole weeks are counted.
const A_MONDAY: i64 = 4;
/// Exceptions of a calendar lie within two hundred years, which bounds its table.
const SPAN_DAYS_MAX: i64 = 73_050;

/// Work from one minute of the day to another; 1,440 is midnight. A shift over midnight is two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shift {
    pub from: u16,
    pub to: u16,
}

/// When work is done: a week, and the days that differ from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingTime {
    /// Monday first.
    pub week: [Vec<Shift>; 7],
    /// Holidays, which have no shifts, make-up workdays (调休), and days with other hours.
    pub exceptions: BTreeMap<Day, Vec<Shift>>,
}

impl WorkingTime {
    /// Monday to Friday, 8:00 to 12:00 and 13:00 to 17:00.
    pub fn office() -> Self {
        let day = office_shifts();
        let week = [day.clone(), day.clone(), day.clone(), day.clone(), day, Vec::new(), Vec::new()];
        Self { week, exceptions: BTreeMap::new() }
    }

    /// Every minute of every day.
    pub fn elapsed() -> Self {
        let week = std::array::from_fn(|_| vec![Shift { from: 0, to: 1440 }]);
        Self { week, exceptions: BTreeMap::new() }
    }

    /// Days without work, both ends included.
    #[must_use]
    pub fn with_holidays(mut self, first: Day, last: Day) -> Self {
        self.exceptions.extend((first.0..=last.0).map(|day| (Day(day), Vec::new())));
        self
    }

    /// A day that is worked like the first working day of the week, such as a Saturday made up for a holiday.
    #[must_use]
    pub fn with_workday(mut self, day: Day) -> Self {
        let shifts = self.week.iter().find(|shifts| !shifts.is_empty()).cloned();
        self.exceptions.insert(day, shifts.unwrap_or_else(office_shifts));
        self
    }

    /// The shifts of a day.
    pub fn shifts(&self, day: Day) -> &[Shift] {
        let weekday = usize::try_from((i64::from(day.0) - A_MONDAY).rem_euclid(7)).unwrap_or(0);
        self.exceptions.get(&day).unwrap_or(&self.week[weekday])
    }

    /// Days from the first that differs from the week to the last, both included.
    pub fn span_days(&self) -> usize {
        let ends = self.exceptions.first_key_value().zip(self.exceptions.last_key_value());
        let days = ends.map_or(0, |((first, _), (last, _))| i64::from(last.0) - i64::from(first.0) + 1);
        usize::try_from(days).unwrap_or(0)
    }

    /// The same time read backwards, about 1970-01-01T00:00: what lies `n` minutes after it then lay `n` before.
    pub fn mirrored(&self) -> Self {
        let turn = |shifts: &Vec<Shift>| {
            shifts.iter().rev().map(|s| Shift { from: 1440 - s.to, to: 1440 - s.from }).collect()
        };
        let mut mirror = Self::default();
        for (i, week) in mirror.week.iter_mut().enumerate() {
            // Thursday 1970-01-01 and the Wednesday before it change places, and so on outwards.
            *week = turn(&self.week[(12 - i) % 7]);
        }
        mirror.exceptions = self.exceptions.iter().map(|(day, s)| (Day(-1 - day.0), turn(s))).collect();
        mirror
    }
}

fn office_shifts() -> Vec<Shift> {
    vec![Shift { from: 480, to: 720 }, Shift { from: 780, to: 1020 }]
}

/// Working time made ready for arithmetic, and shared by whoever clones it: cumulative minutes over the weeks that hold exceptions, and one week that
/// repeats before and after them, so that every moment has an answer at the same small cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "WorkingTime", into = "WorkingTime")]
pub struct Calendar {
    working_time: Arc<WorkingTime>,
    /// Every minute is worked, so that counting is the identity.
    is_elapsed: bool,
    week: Arc<Table>,
    span: Arc<Table>,
    span_start: i64,
    span_end: i64,
    span_minutes: u32,
    longest_break: i64,
}

/// All else follows from the working time.
impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        self.working_time == other.working_time
    }
}

impl Eq for Calendar {}

impl TryFrom<WorkingTime> for Calendar {
    type Error = ScheduleError;
    fn try_from(working_time: WorkingTime) -> Result<Self, ScheduleError> {
        Self::new(working_time)
    }
}

impl From<Calendar> for WorkingTime {
    fn from(calendar: Calendar) -> Self {
        Arc::unwrap_or_clone(calendar.working_time)
    }
}

impl Calendar {
    /// Refuses a week without working time, since work could then run out of it, and shifts that overlap.
    pub fn new(working_time: WorkingTime) -> Result<Self, ScheduleError> {
        for shifts in working_time.week.iter().chain(working_time.exceptions.values()) {
            check(shifts)?;
        }
        if working_time.week.iter().all(Vec::is_empty) {
            return Err(ScheduleError::CalendarWithoutWorkingTime);
        }
        let monday = |day: i64| day - (day - A_MONDAY).rem_euclid(7);
        let bound = |day: Option<(&Day, _)>| day.map_or(A_MONDAY, |(day, _)| i64::from(day.0));
        let first = monday(bound(working_time.exceptions.first_key_value()));
        let last = monday(bound(working_time.exceptions.last_key_value())) + 7;
        let last = if working_time.exceptions.is_empty() { first } else { last };
        if last - first > SPAN_DAYS_MAX {
            return Err(ScheduleError::CalendarTooLong { days: last - first, max: SPAN_DAYS_MAX });
        }
        let day = |day: i64| i32::try_from(day).map(Day).map_err(|_| ScheduleError::OutOfRange);
        let mut spanned = Vec::new();
        for number in first..last {
            spanned.push(working_time.shifts(day(number)?));
        }
        let week = || working_time.week.iter().map(Vec::as_slice);
        let longest_break = longest_break(week().chain(spanned.iter().copied()).chain(week()));
        let week = Arc::new(Table::new(week()));
        let span = Arc::new(Table::new(spanned.into_iter()));
        let is_elapsed = week.total() == WEEK_MINUTES && working_time.exceptions.is_empty();
        let (span_start, span_end) = (first * DAY_MINUTES, last * DAY_MINUTES);
        let span_minutes = u32::try_from(span_end - span_start).map_err(|_| ScheduleError::OutOfRange)?;
        let working_time = Arc::new(working_time);
        Ok(Self { working_time, is_elapsed, week, span, span_start, span_end, span_minutes, longest_break })
    }

    /// Every minute of every day.
    pub fn elapsed() -> Self {
        let week = Arc::new(Table::new(WorkingTime::elapsed().week.iter().map(Vec::as_slice)));
        let span_start = A_MONDAY * DAY_MINUTES;
        Self {
            working_time: Arc::new(WorkingTime::elapsed()),
            is_elapsed: true,
            week,
            span: Arc::new(Table::new(std::iter::empty())),
            span_start,
            span_end: span_start,
            span_minutes: 0,
            longest_break: 0,
        }
    }

    pub fn working_time(&self) -> &WorkingTime {
        &self.working_time
    }

    /// Working minutes from one moment to another; negative if the second is earlier.
    pub fn between(&self, from: Moment, to: Moment) -> Minutes {
        Minutes(self.work(to.0) - self.work(from.0))
    }

    /// Where work that begins at `from` or at the next working moment is done; with a negative `time`, where it must
    /// begin to be done by `from`.
    pub fn add(&self, from: Moment, time: Minutes) -> Moment {
        let work = self.work(from.0) + time.0;
        Moment(if time.0 > 0 { self.end(work) } else { self.begin(work) })
    }

    /// The first moment from here on at which work can begin.
    pub fn next_working(&self, from: Moment) -> Moment {
        Moment(self.begin(self.work(from.0)))
    }

    /// Minutes of the longest time without work.
    #[inline]
    pub(crate) fn longest_break(&self) -> i64 {
        self.longest_break
    }

    /// Working minutes before `t`.
    #[inline]
    pub(crate) fn work(&self, t: i64) -> i64 {
        match self.offset(t) {
            Some(offset) => self.span.work(offset).into(),
            None => self.work_outside(t),
        }
    }

    /// Where working minute `w` begins: the last moment before which exactly `w` minutes lie.
    #[inline]
    pub(crate) fn begin(&self, w: i64) -> i64 {
        match u32::try_from(w).ok().and_then(|w| self.span.begin(w)) {
            Some(offset) => self.span_start + i64::from(offset),
            None => self.begin_outside(w),
        }
    }

    /// Where the first `w` minutes are done: the first moment before which exactly `w` minutes lie.
    #[inline]
    pub(crate) fn end(&self, w: i64) -> i64 {
        self.begin(w - 1) + 1
    }

    /// The first moment that lies `minutes` after `t`.
    #[inline]
    pub(crate) fn later(&self, t: i64, minutes: i64) -> i64 {
        if self.is_elapsed { t + minutes } else { self.end(self.work(t) + minutes) }
    }

    /// The last moment that lies `minutes` before `t`.
    #[inline]
    pub(crate) fn sooner(&self, t: i64, minutes: i64) -> i64 {
        if self.is_elapsed { t - minutes } else { self.begin(self.work(t) - minutes) }
    }

    /// Where `rest` minutes of work that begin at `t` or later begin and end.
    #[inline]
    pub(crate) fn forth(&self, t: i64, rest: u32) -> (i64, i64) {
        let work = self.work(t);
        (self.begin(work), self.end(work + i64::from(rest)))
    }

    /// Where `rest` minutes of work that end at `t` or before begin and end.
    #[inline]
    pub(crate) fn back(&self, t: i64, rest: u32) -> (i64, i64) {
        let work = self.work(t);
        (self.begin(work - i64::from(rest)), self.end(work))
    }

    /// The least count whose end is not before `t`.
    #[inline]
    pub(crate) fn work_up(&self, t: i64) -> i64 {
        self.work(t - 1) + 1
    }

    /// The greatest count whose beginning is not after `t`.
    #[inline]
    pub(crate) fn work_down(&self, t: i64) -> i64 {
        self.work(t + 1) - 1
    }

    /// The first moment from `t` on that is in working time or at an edge of it.
    #[inline]
    pub(crate) fn edge_up(&self, t: i64) -> i64 {
        let w = self.work(t);
        if self.end(w) == t { t } else { self.begin(w) }
    }

    /// The last moment up to `t` that is in working time or at an edge of it.
    #[inline]
    pub(crate) fn edge_down(&self, t: i64) -> i64 {
        let w = self.work(t);
        if self.begin(w) == t { t } else { self.end(w) }
    }

    /// How far `t` lies in the weeks that hold exceptions.
    #[inline]
    fn offset(&self, t: i64) -> Option<u32> {
        u32::try_from(t - self.span_start).ok().filter(|&offset| offset < self.span_minutes)
    }

    fn work_outside(&self, t: i64) -> i64 {
        if self.is_elapsed {
            return t;
        }
        let is_before = t < self.span_start;
        let (from, work) = if is_before { (self.span_start, 0) } else { (self.span_end, self.span.total()) };
        let (weeks, rest) = divided(t - from, WEEK_MINUTES);
        work + weeks * self.week.total() + i64::from(self.week.work(rest))
    }

    fn begin_outside(&self, w: i64) -> i64 {
        if self.is_elapsed {
            return w;
        }
        let (from, work) = if w < 0 { (self.span_start, 0) } else { (self.span_end, self.span.total()) };
        let (weeks, rest) = divided(w - work, self.week.total());
        from + weeks * WEEK_MINUTES + i64::from(self.week.begin(rest).unwrap_or(0))
    }
}

/// Whole weeks and the rest of one, which is not negative.
#[inline]
fn divided(minutes: i64, week: i64) -> (i64, u32) {
    (minutes.div_euclid(week), u32::try_from(minutes.rem_euclid(week)).unwrap_or(0))
}

/// The longest break between two shifts of consecutive days.
fn longest_break<'a>(days: impl Iterator<Item = &'a [Shift]>) -> i64 {
    let (mut longest, mut end) = (0, None);
    for (midnight, shifts) in (0..).step_by(1440).zip(days) {
        for shift in shifts {
            let from = midnight + i64::from(shift.from);
            longest = longest.max(from - end.unwrap_or(from));
            end = Some(midnight + i64::from(shift.to));
        }
    }
    longest
}

fn check(shifts: &[Shift]) -> Result<(), ScheduleError> {
    let mut done = 0;
    for &Shift { from, to } in shifts {
        if from < done || from >= to || to > 1440 {
            return Err(ScheduleError::Shift { from, to });
        }
        done = to;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn spring_festival() -> Calendar {
        let time = WorkingTime::office()
            .with_holidays(day("2026-02-15"), day("2026-02-23"))
            .with_workday(day("2026-02-14"))
            .with_workday(day("2026-02-28"));
        Calendar::new(time).unwrap()
    }

    #[test]
    fn ten_workdays_over_the_spring_festival_of_2026_end_on_27_february() {
        let finish = spring_festival().add(Moment::at(day("2026-02-09"), 0), Minutes::workdays(10));
        assert_eq!(finish, Moment::at(day("2026-02-27"), 1020));
    }

    #[test]
    fn a_week_without_work_and_shifts_that_overlap_are_refused() {
        let none = WorkingTime::default().with_workday(day("2026-02-14"));
        assert_eq!(Calendar::new(none).unwrap_err(), ScheduleError::CalendarWithoutWorkingTime);
        let mut overlap = WorkingTime::office();
        overlap.week[2].push(Shift { from: 1000, to: 1100 });
        let refused = Calendar::new(overlap).unwrap_err();
        assert_eq!(refused, ScheduleError::Shift { from: 1000, to: 1100 });
    }

    fn any_shifts() -> impl Strategy<Value = Vec<Shift>> {
        prop::collection::btree_set(0_u16..=1440, 0..7).prop_map(|edges| {
            let edges: Vec<u16> = edges.into_iter().collect();
            edges.chunks_exact(2).map(|pair| Shift { from: pair[0], to: pair[1] }).collect()
        })
    }

    pub(crate) fn any_calendar() -> impl Strategy<Value = Calendar> {
        let week = prop::array::uniform7(any_shifts());
        let exceptions = prop::collection::btree_map(0_i32..60, any_shifts(), 0..8);
        (week, exceptions).prop_filter_map("a week without work", |(week, days)| {
            let exceptions = days.into_iter().map(|(day, shifts)| (Day(day), shifts)).collect();
            Calendar::new(WorkingTime { week, exceptions }).ok()
        })
    }

    proptest! {
        #[test]
        fn counting_agrees_with_stepping_minute_by_minute(calendar in any_calendar(), from in -20_000_i64..90_000) {
            let mut work = calendar.work(from);
            for t in from..from + 3_000 {
                prop_assert_eq!(calendar.work(t), work);
                let shifts = calendar.working_time.shifts(day_of(t));
                let minute = t.rem_euclid(DAY_MINUTES);
                let works = shifts.iter().any(|s| i64::from(s.from) <= minute && minute < i64::from(s.to));
                if works {
                    prop_assert_eq!(calendar.begin(work), t);
                    work += 1;
                    prop_assert_eq!(calendar.end(work), t + 1);
                }
            }
        }

        #[test]
        fn a_mirrored_calendar_counts_backwards(calendar in any_calendar(), from in -20_000_i64..90_000, step in 0_i64..20_000) {
            let mirror = Calendar::new(calendar.working_time.mirrored()).unwrap();
            let forth = calendar.between(Moment(from), Moment(from + step));
            prop_assert_eq!(mirror.between(Moment(-from - step), Moment(-from)), forth);
        }
    }

    fn day_of(t: i64) -> Day {
        Moment(t).day()
    }
}
