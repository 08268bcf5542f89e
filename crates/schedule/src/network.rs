//! A plan made ready for the passes: links by activity, activities reduced to what a pass reads.

use crate::links::{Arc, Links};
use crate::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, LagCalendar, Link, LinkId, Moment, OutOfSequence,
    Plan, Progress, ScheduleError,
};

pub(crate) const NONE: u32 = u32::MAX;
/// No bound from below, and none from above. Far from the ends of the type, so that lags can be added.
pub(crate) const NEVER: i64 = i64::MIN / 4;
pub(crate) const EVER: i64 = i64::MAX / 4;

/// An activity as a pass reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Working minutes left; 0 for a milestone.
    pub(crate) rest: i32,
    pub(crate) calendar: u16,
    pub(crate) has_started: bool,
    pub(crate) has_finished: bool,
    /// Links into it hold nothing, because it has started and progress overrides them.
    pub(crate) is_released: bool,
    /// The place of its bounds, or `NONE`.
    pub(crate) bounds: u32,
}

impl Node {
    /// Its start is a moment without a break before it: a milestone's, or one that has been recorded.
    #[inline]
    pub(crate) fn starts_at_a_point(&self) -> bool {
        self.rest == 0 || self.has_started
    }
}

/// What constraints, a deadline and progress say about the dates of one activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start_min: i64,
    pub(crate) finish_min: i64,
    pub(crate) start_max: i64,
    pub(crate) finish_max: i64,
    pub(crate) deadline: i64,
    /// Where the activity must lie.
    pub(crate) pin: Option<(i64, i64)>,
    pub(crate) actual_start: i64,
    pub(crate) actual_finish: i64,
}

impl Bounds {
    pub(crate) const OPEN: Self = Self {
        start_min: NEVER,
        finish_min: NEVER,
        start_max: EVER,
        finish_max: EVER,
        deadline: EVER,
        pin: None,
        actual_start: NEVER,
        actual_finish: NEVER,
    };
}

/// Everything that the passes read.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) bounds: Vec<Bounds>,
    pub(crate) links: Links,
    project_calendar: CalendarId,
    out_of_sequence: OutOfSequence,
}

impl Network {
    pub(crate) fn new(plan: &Plan, out_of_sequence: OutOfSequence) -> Result<Self, ScheduleError> {
        let limits = [
            ("activities", plan.activities.len(), Plan::ACTIVITIES_MAX),
            ("links", plan.links.len(), Plan::LINKS_MAX),
            ("calendars", plan.calendars.len(), Plan::CALENDARS_MAX),
        ];
        if let Some(&(what, _, max)) = limits.iter().find(|(_, count, max)| count > max) {
            return Err(ScheduleError::TooMany { what, max });
        }
        if plan.calendar.at() >= plan.calendars.len() {
            return Err(ScheduleError::MissingCalendar { calendar: plan.calendar });
        }
        let mut network = Self::empty(plan, out_of_sequence);
        for (id, activity) in (0..).map(ActivityId).zip(&plan.activities) {
            network.add(id, activity)?;
        }
        let mut arcs = Vec::with_capacity(plan.links.len());
        for (id, link) in (0..).map(LinkId).zip(&plan.links) {
            if let Some(link) = link {
                arcs.push((link.predecessor, network.arc(id, link)?));
            }
        }
        network.links = Links::new(plan.activities.len(), &arcs);
        Ok(network)
    }

    /// The calendars of a plan, without its activities.
    fn empty(plan: &Plan, out_of_sequence: OutOfSequence) -> Self {
        let mut calendars = plan.calendars.clone();
        calendars.push(Calendar::elapsed());
        Self {
            calendars,
            nodes: Vec::with_capacity(plan.activities.len()),
            bounds: Vec::new(),
            links: Links::default(),
            project_calendar: plan.calendar,
            out_of_sequence,
        }
    }

    /// The activities whose constraints contradict each other.
    pub(crate) fn contradictions(plan: &Plan) -> Vec<ActivityId> {
        let network = Self::empty(plan, OutOfSequence::default());
        let all = (0..).map(ActivityId).zip(&plan.activities);
        let contradicts = |id: ActivityId, activity: &Activity| {
            matches!(network.reduced(id, activity), Err(ScheduleError::ContradictoryConstraints { .. }))
        };
        all.filter(|(id, activity)| contradicts(*id, activity)).map(|(id, _)| id).collect()
    }

    pub(crate) fn push(&mut self, id: ActivityId, activity: &Activity) -> Result<(), ScheduleError> {
        self.add(id, activity)?;
        self.links.push_activity();
        Ok(())
    }

    fn add(&mut self, id: ActivityId, activity: &Activity) -> Result<(), ScheduleError> {
        let (mut node, bounds) = self.reduced(id, activity)?;
        if bounds != Bounds::OPEN {
            node.bounds = u32::try_from(self.bounds.len()).unwrap_or(NONE);
            self.bounds.push(bounds);
        }
        self.nodes.push(node);
        Ok(())
    }

    /// Takes what changed of an activity.
    pub(crate) fn replace(&mut self, id: ActivityId, activity: &Activity) -> Result<(), ScheduleError> {
        let (mut node, bounds) = self.reduced(id, activity)?;
        node.bounds = self.nodes[id.at()].bounds;
        if node.bounds != NONE {
            self.bounds[node.bounds as usize] = bounds;
        } else if bounds != Bounds::OPEN {
            node.bounds = u32::try_from(self.bounds.len()).unwrap_or(NONE);
            self.bounds.push(bounds);
        }
        self.nodes[id.at()] = node;
        Ok(())
    }

    /// A link as its predecessor sees it, if the plan has its activities.
    pub(crate) fn arc(&self, id: LinkId, link: &Link) -> Result<Arc, ScheduleError> {
        for activity in [link.predecessor, link.successor] {
            if activity.at() >= self.nodes.len() {
                return Err(ScheduleError::MissingActivity { link: id, activity });
            }
        }
        if !link.lag.is_in_range() {
            return Err(ScheduleError::OutOfRange);
        }
        Ok(Arc {
            other: link.successor.0,
            link: id,
            lag: i32::try_from(link.lag.0).map_err(|_| ScheduleError::OutOfRange)?,
            calendar: self.lag_calendar(link),
            kind: link.kind,
        })
    }

    fn lag_calendar(&self, link: &Link) -> u16 {
        let place = |calendar: usize| u16::try_from(calendar).unwrap_or(u16::MAX);
        match link.lag_calendar {
            LagCalendar::Predecessor => self.nodes[link.predecessor.at()].calendar,
            LagCalendar::Successor => self.nodes[link.successor.at()].calendar,
            LagCalendar::Project => place(self.project_calendar.at()),
            LagCalendar::Elapsed => place(self.calendars.len() - 1),
        }
    }

    #[inline]
    pub(crate) fn calendar(&self, node: &Node) -> &Calendar {
        &self.calendars[usize::from(node.calendar)]
    }

    #[inline]
    pub(crate) fn bounds(&self, node: &Node) -> Option<&Bounds> {
        self.bounds.get(node.bounds as usize)
    }

    pub(crate) fn is_pinned(&self, node: &Node) -> bool {
        self.bounds(node).is_some_and(|bounds| bounds.pin.is_some())
    }

    fn reduced(&self, id: ActivityId, activity: &Activity) -> Result<(Node, Bounds), ScheduleError> {
        // The last calendar is the elapsed one, which no activity names.
        activity.check(id, self.calendars.len() - 1)?;
        let has_started = activity.progress != Progress::NotStarted;
        let node = Node {
            rest: i32::try_from(activity.remaining().0).map_err(|_| ScheduleError::OutOfRange)?,
            calendar: u16::try_from(activity.calendar.0).map_err(|_| ScheduleError::OutOfRange)?,
            has_started,
            has_finished: matches!(activity.progress, Progress::Finished { .. }),
            is_released: has_started && self.out_of_sequence == OutOfSequence::ProgressOverride,
            bounds: NONE,
        };
        let calendar = self.calendar(&node);
        let bounds = bounds_of(activity, &node, calendar);
        bounds.map(|bounds| (node, bounds)).ok_or(ScheduleError::ContradictoryConstraints { activity: id })
    }
}

/// The bounds of an activity, unless its constraints contradict each other.
fn bounds_of(activity: &Activity, node: &Node, calendar: &Calendar) -> Option<Bounds> {
    let mut bounds = Bounds::OPEN;
    bounds.deadline = activity.deadline.map_or(EVER, |deadline| deadline.0);
    match activity.progress {
        Progress::NotStarted => {}
        Progress::Started { at, .. } => bounds.actual_start = at.0,
        Progress::Finished { start, finish } => {
            // What is over is bound by nothing.
            (bounds.actual_start, bounds.actual_finish) = (start.0, finish.0);
            return Some(bounds);
        }
    }
    for &constraint in &activity.constraints {
        match constraint {
            Constraint::FinishNoEarlier(at) => bounds.finish_min = bounds.finish_min.max(at.0),
            Constraint::FinishNoLater(at) => bounds.finish_max = bounds.finish_max.min(at.0),
            Constraint::MustFinish(at) => pin(&mut bounds, lying_to(at, node, calendar))?,
            // A start that has been recorded is what it is.
            _ if node.has_started => {}
            Constraint::StartNoEarlier(at) => bounds.start_min = bounds.start_min.max(at.0),
            Constraint::StartNoLater(at) => bounds.start_max = bounds.start_max.min(at.0),
            Constraint::MustStart(at) => pin(&mut bounds, lying_from(at, node, calendar))?,
        }
    }
    let earliest = least(node, calendar, bounds.start_min, NEVER, bounds.finish_min);
    let latest = greatest(node, calendar, EVER, bounds.finish_max, bounds.start_max);
    let (low, high) = bounds.pin.map_or((latest.0, earliest.0), |(start, _)| (start, start));
    let is_open_below = bounds.start_min == NEVER && bounds.finish_min == NEVER;
    let is_open_above = bounds.start_max == EVER && bounds.finish_max == EVER;
    let fits = (is_open_below || earliest.0 <= low) && (is_open_above || high <= latest.0);
    fits.then_some(bounds)
}

fn pin(bounds: &mut Bounds, place: (i64, i64)) -> Option<()> {
    let is_free = bounds.pin.is_none_or(|other| other == place);
    bounds.pin = Some(place);
    is_free.then_some(())
}

fn lying_from(start: Moment, node: &Node, calendar: &Calendar) -> (i64, i64) {
    least(node, calendar, start.0, NEVER, NEVER)
}

fn lying_to(finish: Moment, node: &Node, calendar: &Calendar) -> (i64, i64) {
    greatest(node, calendar, EVER, finish.0, EVER)
}

/// The first place of an activity that starts no earlier than `start` and finishes no earlier than `finish`, nor in the
/// break that `break_end` ends or any before it; at `NEVER` they do not bind.
///
/// With work left, a place is a working minute to start in. Without, it is a moment in working time or at an edge of it:
/// a milestone stands on Friday evening or on Monday morning, as its links have it, but not on Sunday.
#[inline]
pub(crate) fn least(node: &Node, calendar: &Calendar, start: i64, finish: i64, break_end: i64) -> (i64, i64) {
    if node.rest == 0 {
        let at = calendar.edge_up(start.max(finish).max(break_end));
        return (at, at);
    }
    if finish == NEVER && break_end == NEVER {
        return calendar.forth(start, node.rest.unsigned_abs());
    }
    let rest = i64::from(node.rest);
    let mut work = calendar.work(start);
    if finish > NEVER {
        work = work.max(calendar.work_up(finish) - rest);
    }
    if break_end > NEVER {
        work = work.max(calendar.work(break_end) - rest);
    }
    (calendar.begin(work), calendar.end(work + rest))
}

/// The last place of an activity that starts no later than `start` and finishes no later than `finish`, nor starts after
/// the break that `break_start` begins; at `EVER` they do not bind.
#[inline]
pub(crate) fn greatest(
    node: &Node,
    calendar: &Calendar,
    start: i64,
    finish: i64,
    break_start: i64,
) -> (i64, i64) {
    if node.rest == 0 {
        let at = calendar.edge_down(start.min(finish).min(break_start));
        return (at, at);
    }
    if start == EVER && break_start == EVER {
        return calendar.back(finish, node.rest.unsigned_abs());
    }
    let rest = i64::from(node.rest);
    let mut work = calendar.work(finish) - rest;
    if start < EVER {
        work = work.min(calendar.work_down(start));
    }
    if break_start < EVER {
        work = work.min(calendar.work(break_start));
    }
    (calendar.begin(work), calendar.end(work + rest))
}
