//! A second implementation, by other means: every minute of every calendar is counted one by one, a link is a yes or
//! no question about two places, and places are moved minute by minute until no question is answered with no
//! (Bellman-Ford without any order). It shares nothing with the crate but the plan.

use schedule::{
    Activity, Anchor, Calendar, Constraint, LagCalendar, Link, LinkKind, OutOfSequence, Plan, Progress, Terms,
};

use crate::networks::DAYS;

/// Where an activity may lie: start and finish of what is left of it.
type Place = (i64, i64);

/// One calendar, minute by minute from 1970-01-01.
pub struct Minutely {
    works: Vec<bool>,
    /// Working minutes before each minute.
    before: Vec<i64>,
    /// Working minutes, and all moments in working time or at an edge of it.
    working: Vec<i64>,
    edges: Vec<i64>,
}

impl Minutely {
    pub fn new(calendar: &Calendar) -> Self {
        let mut works = Vec::new();
        for day in 0..DAYS {
            let mut minutes = [false; 1440];
            for shift in calendar.working_time().shifts(base::Day(day)) {
                (shift.from..shift.to).for_each(|minute| minutes[usize::from(minute)] = true);
            }
            works.extend(minutes);
        }
        Self::of(works)
    }

    pub fn elapsed() -> Self {
        Self::of(vec![true; DAYS as usize * 1440])
    }

    fn of(works: Vec<bool>) -> Self {
        let mut before = vec![0];
        let (mut working, mut edges) = (Vec::new(), Vec::new());
        for (minute, &work) in (0_i64..).zip(&works) {
            before.push(before[before.len() - 1] + i64::from(work));
            if work {
                working.push(minute);
            }
            if work || minute > 0 && works[minute as usize - 1] {
                edges.push(minute);
            }
        }
        Self { works, before, working, edges }
    }

    fn count(&self, from: i64, to: i64) -> i64 {
        self.before[to as usize] - self.before[from as usize]
    }

    /// All places of so much work, first to last.
    fn places(&self, rest: i64) -> Vec<Place> {
        if rest == 0 {
            return self.edges.iter().map(|&minute| (minute, minute)).collect();
        }
        let last = self.working.iter().skip(rest as usize - 1);
        self.working.iter().zip(last).map(|(&start, &finish)| (start, finish + 1)).collect()
    }

    /// The break that a moment is in or at an edge of, as its two ends.
    fn break_around(&self, moment: i64) -> (i64, i64) {
        let (mut from, mut to) = (moment as usize, moment as usize);
        while from > 0 && !self.works[from - 1] {
            from -= 1;
        }
        while to < self.works.len() && !self.works[to] {
            to += 1;
        }
        (from as i64, to as i64)
    }
}

/// Early and late start and finish of every activity.
pub struct Naive<'a> {
    plan: &'a Plan,
    terms: Terms,
    calendars: &'a [Minutely],
    elapsed: &'a Minutely,
    allowed: Vec<Vec<Place>>,
    pins: Vec<Option<Place>>,
}

impl<'a> Naive<'a> {
    pub fn new(plan: &'a Plan, terms: Terms, calendars: &'a [Minutely], elapsed: &'a Minutely) -> Self {
        let allowed = plan
            .activities
            .iter()
            .map(|activity| match activity.progress {
                Progress::Finished { start, finish } => vec![(start.0, finish.0)],
                _ => calendars[activity.calendar.0 as usize].places(activity.remaining().0),
            })
            .collect();
        let pins = plan.activities.iter().map(|activity| pin(activity, calendars)).collect();
        Self { plan, terms, calendars, elapsed, allowed, pins }
    }

    pub fn schedule(&self) -> Option<Vec<(Place, Place)>> {
        let status = self.terms.status.map_or(0, |status| status.0);
        let (early, late) = match self.terms.anchor {
            Anchor::Start { start, deadline } => {
                let early = self.early(start.0.max(status), 0)?;
                let finish = early.iter().map(|place| place.1).max()?;
                let deadline = deadline.map_or(i64::MAX, |deadline| deadline.0);
                let late = self.late(finish.min(deadline), deadline)?;
                (early, late)
            }
            Anchor::Deadline { deadline, start } => {
                let late = self.late(deadline.0, i64::MAX)?;
                let left = late.iter().zip(&self.plan.activities);
                let left = left.filter(|(_, a)| !matches!(a.progress, Progress::Finished { .. }));
                let latest = left.map(|(place, _)| place.0).min().unwrap_or(deadline.0);
                let start = start.map_or(0, |start| start.0);
                let early = self.early(latest.max(start).max(status), start)?;
                (early, late)
            }
        };
        let shown = early.into_iter().zip(late).zip(&self.plan.activities);
        Some(shown.map(|((early, late), activity)| ((self.start(activity, early), early.1), late)).collect())
    }

    /// The first places that satisfy everything, or nothing if the days do not suffice.
    fn early(&self, floor: i64, pin_floor: i64) -> Option<Vec<Place>> {
        let holds_alone = |activity: &Activity, pin: Option<Place>, place: &Place| {
            if let Some(pin) = pin {
                return place.0 >= pin.0 && place.1 >= pin.1 && place.0 >= pin_floor;
            }
            place.0 >= floor
                && activity.constraints.iter().all(|constraint| match *constraint {
                    Constraint::StartNoEarlier(at) => has_started(activity) || place.0 >= at.0,
                    Constraint::FinishNoEarlier(at) => {
                        place.1 >= at.0 || self.is_idle(activity, place.1, at.0)
                    }
                    _ => true,
                })
        };
        let mut at = Vec::new();
        for ((activity, allowed), &pin) in self.plan.activities.iter().zip(&self.allowed).zip(&self.pins) {
            let is_over = matches!(activity.progress, Progress::Finished { .. });
            at.push(allowed.iter().position(|place| is_over || holds_alone(activity, pin, place))?);
        }
        loop {
            let mut is_quiet = true;
            for link in self.plan.links.iter().flatten() {
                let (from, to) = (link.predecessor.0 as usize, link.successor.0 as usize);
                if !self.holds(&self.plan.activities[to]) || self.pins[to].is_some() {
                    continue;
                }
                while !self.is_kept(link, self.allowed[from][at[from]], *self.allowed[to].get(at[to])?) {
                    at[to] += 1;
                    is_quiet = false;
                }
            }
            if is_quiet {
                return Some(at.iter().zip(&self.allowed).map(|(&at, allowed)| allowed[at]).collect());
            }
        }
    }

    /// The last places that satisfy everything.
    fn late(&self, ceiling: i64, pin_ceiling: i64) -> Option<Vec<Place>> {
        let holds_alone = |activity: &Activity, pin: Option<Place>, place: &Place| {
            let is_in_time = activity.deadline.is_none_or(|deadline| place.1 <= deadline.0);
            if let Some(pin) = pin {
                return is_in_time && place.0 <= pin.0 && place.1 <= pin.1 && place.1 <= pin_ceiling;
            }
            is_in_time
                && place.1 <= ceiling
                && activity.constraints.iter().all(|constraint| match *constraint {
                    Constraint::StartNoLater(at) => {
                        has_started(activity) || place.0 <= at.0 || self.is_idle(activity, at.0, place.0)
                    }
                    Constraint::FinishNoLater(at) => place.1 <= at.0,
                    _ => true,
                })
        };
        let mut at = Vec::new();
        for ((activity, allowed), &pin) in self.plan.activities.iter().zip(&self.allowed).zip(&self.pins) {
            let is_over = matches!(activity.progress, Progress::Finished { .. });
            at.push(allowed.iter().rposition(|place| is_over || holds_alone(activity, pin, place))?);
        }
        loop {
            let mut is_quiet = true;
            for link in self.plan.links.iter().flatten() {
                let (from, to) = (link.predecessor.0 as usize, link.successor.0 as usize);
                let before = &self.plan.activities[from];
                let is_over = matches!(before.progress, Progress::Finished { .. });
                let is_of_start = matches!(link.kind, LinkKind::StartToStart | LinkKind::StartToFinish);
                if !self.holds(&self.plan.activities[to])
                    || is_over
                    || self.pins[from].is_some()
                    || has_started(before) && is_of_start
                {
                    continue;
                }
                while !self.is_kept(link, self.allowed[from][at[from]], self.allowed[to][at[to]]) {
                    at[from] = at[from].checked_sub(1)?;
                    is_quiet = false;
                }
            }
            if is_quiet {
                return Some(at.iter().zip(&self.allowed).map(|(&at, allowed)| allowed[at]).collect());
            }
        }
    }

    /// Whether no work of an activity that takes time lies between two moments.
    fn is_idle(&self, activity: &Activity, from: i64, to: i64) -> bool {
        let calendar = &self.calendars[activity.calendar.0 as usize];
        activity.remaining().0 > 0 && calendar.count(from, to) == 0
    }

    /// Whether links into an activity hold it.
    fn holds(&self, activity: &Activity) -> bool {
        match activity.progress {
            Progress::NotStarted => true,
            Progress::Started { .. } => self.terms.out_of_sequence == OutOfSequence::RetainedLogic,
            Progress::Finished { .. } => false,
        }
    }

    fn start(&self, activity: &Activity, place: Place) -> i64 {
        match activity.progress {
            Progress::NotStarted => place.0,
            Progress::Started { at, .. } => at.0,
            Progress::Finished { start, .. } => start.0,
        }
    }

    fn is_kept(&self, link: &Link, from: Place, to: Place) -> bool {
        let before = &self.plan.activities[link.predecessor.0 as usize];
        let after = &self.plan.activities[link.successor.0 as usize];
        let start = self.start(before, from);
        let calendar = |activity: &Activity| &self.calendars[activity.calendar.0 as usize];
        let (a, b) = match link.kind {
            LinkKind::FinishToStart => (from.1, to.0),
            LinkKind::StartToStart => (start, to.0),
            LinkKind::FinishToFinish => (from.1, to.1),
            LinkKind::StartToFinish => {
                let is_point = before.remaining().0 == 0 || has_started(before);
                let a = if is_point { start } else { calendar(before).break_around(start).0 };
                let b = if after.remaining().0 == 0 { to.1 } else { calendar(after).break_around(to.1).1 };
                (a, b)
            }
        };
        if link.lag.0 == 0 {
            return a <= b;
        }
        let calendar = match link.lag_calendar {
            LagCalendar::Predecessor => calendar(before),
            LagCalendar::Successor => calendar(after),
            LagCalendar::Project => &self.calendars[self.plan.calendar.0 as usize],
            LagCalendar::Elapsed => self.elapsed,
        };
        calendar.count(a, b) >= link.lag.0
    }
}

fn has_started(activity: &Activity) -> bool {
    activity.progress != Progress::NotStarted
}

/// Where an activity must lie.
fn pin(activity: &Activity, calendars: &[Minutely]) -> Option<Place> {
    if matches!(activity.progress, Progress::Finished { .. }) {
        return None;
    }
    let places = || calendars[activity.calendar.0 as usize].places(activity.remaining().0);
    activity.constraints.iter().find_map(|constraint| match *constraint {
        Constraint::MustStart(at) if !has_started(activity) => {
            places().into_iter().find(|place| place.0 >= at.0)
        }
        Constraint::MustFinish(at) => places().into_iter().rfind(|place| place.1 <= at.0),
        _ => None,
    })
}
