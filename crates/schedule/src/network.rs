//! A plan made ready for the passes: links in chains through one array, activities reduced to what a pass reads.

use crate::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, LagCalendar, Link, LinkId, LinkKind, Moment,
    OutOfSequence, Plan, Progress, ScheduleError,
};

pub(crate) const NONE: u32 = u32::MAX;
/// No bound from below, and none from above. Far from the ends of the type, so that lags can be added.
pub(crate) const NEVER: i64 = i64::MIN / 4;
pub(crate) const EVER: i64 = i64::MAX / 4;

/// A link as a pass reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc {
    pub(crate) predecessor: u32,
    pub(crate) successor: u32,
    pub(crate) next_incoming: u32,
    pub(crate) next_outgoing: u32,
    pub(crate) lag: i32,
    /// Whose working time the lag is counted in.
    pub(crate) calendar: u16,
    pub(crate) kind: LinkKind,
}

/// Links, chained by predecessor and by successor. Those into one activity lie side by side, in the order of
/// activities, so that a pass reads memory mostly forwards.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    arcs: Vec<Arc>,
    /// Where each link of the plan lies, or `NONE`.
    slots: Vec<u32>,
    first_incoming: Vec<u32>,
    first_outgoing: Vec<u32>,
}

impl Links {
    pub(crate) fn activities(&self) -> usize {
        self.first_incoming.len()
    }

    /// An arc of a chain.
    pub(crate) fn arc(&self, slot: u32) -> &Arc {
        &self.arcs[slot as usize]
    }

    /// The arc of a link that is there.
    pub(crate) fn of(&self, id: LinkId) -> &Arc {
        self.arc(self.slots[id.at()])
    }

    pub(crate) fn first_outgoing(&self, node: usize) -> u32 {
        self.first_outgoing[node]
    }

    #[inline]
    pub(crate) fn incoming(&self, node: usize) -> impl Iterator<Item = &Arc> {
        let first = self.arcs.get(self.first_incoming[node] as usize);
        std::iter::successors(first, |arc| self.arcs.get(arc.next_incoming as usize))
    }

    #[inline]
    pub(crate) fn outgoing(&self, node: usize) -> impl Iterator<Item = &Arc> {
        let first = self.arcs.get(self.first_outgoing[node] as usize);
        std::iter::successors(first, |arc| self.arcs.get(arc.next_outgoing as usize))
    }

    pub(crate) fn push_activity(&mut self) {
        self.first_incoming.push(NONE);
        self.first_outgoing.push(NONE);
    }

    /// Takes the links of a new plan.
    fn fill(&mut self, mut arcs: Vec<(LinkId, Arc)>, count: usize) {
        arcs.sort_by_key(|(_, arc)| arc.successor);
        self.arcs.reserve_exact(arcs.len());
        self.slots = vec![NONE; count];
        for (id, arc) in arcs {
            self.insert(id, arc);
        }
    }

    /// Adds a link, whose number is free or the next one.
    pub(crate) fn insert(&mut self, id: LinkId, mut arc: Arc) {
        let slot = u32::try_from(self.arcs.len()).unwrap_or(NONE);
        let (from, to) = (arc.predecessor as usize, arc.successor as usize);
        arc.next_incoming = std::mem::replace(&mut self.first_incoming[to], slot);
        arc.next_outgoing = std::mem::replace(&mut self.first_outgoing[from], slot);
        self.arcs.push(arc);
        if id.at() >= self.slots.len() {
            self.slots.resize(id.at() + 1, NONE);
        }
        self.slots[id.at()] = slot;
    }

    /// Takes a link out of its chains; its slot stays empty until the plan is scheduled anew.
    pub(crate) fn remove(&mut self, id: LinkId) {
        let slot = std::mem::replace(&mut self.slots[id.at()], NONE);
        let gone = self.arcs[slot as usize];
        unchain(
            &mut self.first_incoming[gone.successor as usize],
            slot,
            gone.next_incoming,
            &mut self.arcs,
            |arc| &mut arc.next_incoming,
        );
        unchain(
            &mut self.first_outgoing[gone.predecessor as usize],
            slot,
            gone.next_outgoing,
            &mut self.arcs,
            |arc| &mut arc.next_outgoing,
        );
    }

    pub(crate) fn change(&mut self, id: LinkId, new: &Arc) {
        let arc = &mut self.arcs[self.slots[id.at()] as usize];
        (arc.kind, arc.lag, arc.calendar) = (new.kind, new.lag, new.calendar);
    }
}

/// Takes a slot out of one chain.
fn unchain(first: &mut u32, slot: u32, after: u32, arcs: &mut [Arc], next: fn(&mut Arc) -> &mut u32) {
    if *first == slot {
        *first = after;
        return;
    }
    let mut at = *first as usize;
    while *next(&mut arcs[at]) != slot {
        at = *next(&mut arcs[at]) as usize;
    }
    *next(&mut arcs[at]) = after;
}

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
        let mut network = Self {
            calendars: plan.calendars.clone(),
            nodes: Vec::with_capacity(plan.activities.len()),
            bounds: Vec::new(),
            links: Links::default(),
            project_calendar: plan.calendar,
            out_of_sequence,
        };
        network.calendars.push(Calendar::elapsed());
        for (id, activity) in (0..).map(ActivityId).zip(&plan.activities) {
            network.push(id, activity)?;
        }
        let mut arcs = Vec::with_capacity(plan.links.len());
        for (id, link) in (0..).map(LinkId).zip(&plan.links) {
            if let Some(link) = link {
                arcs.push((id, network.arc(id, link)?));
            }
        }
        network.links.fill(arcs, plan.links.len());
        Ok(network)
    }

    pub(crate) fn push(&mut self, id: ActivityId, activity: &Activity) -> Result<(), ScheduleError> {
        let (mut node, bounds) = self.reduced(id, activity)?;
        if bounds != Bounds::OPEN {
            node.bounds = u32::try_from(self.bounds.len()).unwrap_or(NONE);
            self.bounds.push(bounds);
        }
        self.nodes.push(node);
        self.links.push_activity();
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

    /// A link made ready, if the plan has its activities.
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
            predecessor: link.predecessor.0,
            successor: link.successor.0,
            next_incoming: NONE,
            next_outgoing: NONE,
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

    /// Activities that only the frame's ceiling may bound: the others finish before a successor finishes.
    pub(crate) fn last(&self) -> impl Iterator<Item = u32> {
        let is_bounded = |arc: &Arc| {
            let next = &self.nodes[arc.successor as usize];
            let is_of_finish = matches!(arc.kind, LinkKind::FinishToStart | LinkKind::FinishToFinish);
            // What must lie where it lies may lie beyond the ceiling, and so may what has a lead.
            is_of_finish && arc.lag >= 0 && !next.is_released && !next.has_finished && !self.is_pinned(next)
        };
        let nodes = 0..u32::try_from(self.nodes.len()).unwrap_or(NONE);
        nodes.filter(move |&node| !self.links.outgoing(node as usize).any(is_bounded))
    }

    /// Activities that only the frame's floor may bound: the others start after a predecessor starts.
    pub(crate) fn first(&self) -> impl Iterator<Item = u32> {
        let is_bounded = |arc: &Arc| {
            let before = &self.nodes[arc.predecessor as usize];
            let is_of_start = matches!(arc.kind, LinkKind::FinishToStart | LinkKind::StartToStart);
            is_of_start && arc.lag >= 0 && !before.has_started && !self.is_pinned(before)
        };
        let nodes = 0..u32::try_from(self.nodes.len()).unwrap_or(NONE);
        nodes.filter(move |&node| {
            self.nodes[node as usize].is_released || !self.links.incoming(node as usize).any(is_bounded)
        })
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
