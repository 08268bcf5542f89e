use crate::network::{EVER, NEVER, NONE, Network};
use crate::order::Order;
use crate::pass::{Frame, Place};
use crate::{ActivityId, Anchor, LinkId, Minutes, Moment, Plan, ScheduleError, Span, Terms, Wish};

/// A plan with its dates, kept current as it is edited.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub(crate) plan: Plan,
    pub(crate) terms: Terms,
    pub(crate) network: Network,
    pub(crate) order: Order,
    pub(crate) places: Vec<Places>,
    pub(crate) frame: Frame,
    /// The latest early finish.
    pub(crate) finish: i64,
    /// The earliest late start of what is left to do.
    pub(crate) latest_start: i64,
}

/// Early and late place of one activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) early: Place,
    pub(crate) late: Place,
}

/// The dates of one activity. Of an activity that has started, the early start is the recorded one, the late start that
/// of the work that is left; of one that has finished, all are as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    pub early: Span,
    pub late: Span,
}

/// What makes an activity critical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Critical {
    /// Total float up to so much.
    Float(Minutes),
    /// It lies on a chain of driving links to the project's finish.
    LongestPath,
}

impl Schedule {
    /// Schedules a plan.
    pub fn new(plan: Plan, terms: Terms) -> Result<Self, ScheduleError> {
        terms.check()?;
        let network = Network::new(&plan, terms.out_of_sequence)?;
        let order = Order::new(&network.links).map_err(|cycles| ScheduleError::Cycle { cycles })?;
        let nowhere = Places { early: (NEVER, NEVER), late: (EVER, EVER) };
        let places = vec![nowhere; plan.activities.len()];
        let frame = Frame::OPEN;
        let mut schedule =
            Self { plan, terms, network, order, places, frame, finish: NEVER, latest_start: EVER };
        schedule.run();
        Ok(schedule)
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    pub fn into_plan(self) -> Plan {
        self.plan
    }

    /// Early and late dates of an activity of the plan.
    ///
    /// # Panics
    /// If the plan has no such activity, as indexing does.
    pub fn dates(&self, activity: ActivityId) -> Dates {
        let Places { early, late } = self.places[activity.at()];
        Dates { early: span(early), late: span(late) }
    }

    /// The finish of the project by the early dates.
    pub fn finish(&self) -> Moment {
        Moment(self.finish)
    }

    /// When what is left must start at the latest: the answer of backward scheduling.
    pub fn latest_start(&self) -> Moment {
        Moment(self.latest_start)
    }

    /// Working time of the project's calendar from the finish to the deadline, negative if it is missed; nothing without
    /// a deadline.
    pub fn margin(&self) -> Option<Minutes> {
        let (Anchor::Start { deadline: Some(deadline), .. } | Anchor::Deadline { deadline, .. }) =
            self.terms.anchor
        else {
            return None;
        };
        Some(self.plan.calendars[self.plan.calendar.at()].between(self.finish(), deadline))
    }

    /// How far an activity can slip, in its working time, before the project's finish or a deadline is missed; negative
    /// if it is missed already. What has finished has none.
    pub fn total_float(&self, activity: ActivityId) -> Minutes {
        let (node, places) = (&self.network.nodes[activity.at()], &self.places[activity.at()]);
        if node.has_finished {
            return Minutes(0);
        }
        let calendar = self.network.calendar(node);
        Minutes(calendar.work(places.late.1) - calendar.work(places.early.1))
    }

    /// How far an activity can slip, in its working time, before a successor's early dates or the project's finish move;
    /// negative where a successor that must lie where it lies breaks their link already.
    pub fn free_float(&self, activity: ActivityId) -> Minutes {
        let at = activity.at();
        let node = &self.network.nodes[at];
        if node.has_finished {
            return Minutes(0);
        }
        let last = self.network.latest(at, self.finish, EVER, |next| self.early_rest(next));
        let calendar = self.network.calendar(node);
        Minutes(calendar.work(last.1) - calendar.work(self.places[at].early.1))
    }

    /// Whether a link alone puts its successor's early dates where they are.
    pub fn is_driving(&self, link: LinkId) -> bool {
        let is_there = self.plan.links.get(link.at()).is_some_and(Option::is_some);
        is_there && self.network.is_driving(self.network.links.of(link), |at| self.places[at].early)
    }

    /// The critical activities that are left to do, in topological order.
    pub fn critical(&self, critical: Critical) -> Vec<ActivityId> {
        let sequence = self.order.sequence.iter().map(|&node| ActivityId(node));
        let left = sequence.filter(|id| !self.network.nodes[id.at()].has_finished);
        match critical {
            Critical::Float(threshold) => left.filter(|&id| self.total_float(id) <= threshold).collect(),
            Critical::LongestPath => {
                let is_on_path = self.longest_path();
                left.filter(|id| is_on_path[id.at()]).collect()
            }
        }
    }

    /// Which activities a chain of driving links joins to the project's finish.
    pub(crate) fn longest_path(&self) -> Vec<bool> {
        let mut is_on_path: Vec<bool> = self.places.iter().map(|p| p.early.1 == self.finish).collect();
        for &node in self.order.sequence.iter().rev() {
            if !is_on_path[node as usize] {
                continue;
            }
            for arc in self.network.links.incoming(node as usize) {
                if self.network.is_driving(arc, |at| self.places[at].early) {
                    is_on_path[arc.predecessor as usize] = true;
                }
            }
        }
        is_on_path
    }

    /// The dates to work by: the early ones when scheduling from the start, the late ones from the deadline, but for
    /// activities whose wish is the other, which lie as far from them as their neighbours' planned dates allow.
    pub fn planned(&self) -> Vec<Span> {
        let is_forward = matches!(self.terms.anchor, Anchor::Start { .. });
        let mut places: Vec<Place> =
            self.places.iter().map(|p| if is_forward { p.early } else { p.late }).collect();
        let moved = |node: usize, wish| {
            self.plan.activities[node].wish == Some(wish) && !self.network.nodes[node].has_finished
        };
        if is_forward {
            let frame = Frame { ceiling: self.finish, ..self.frame };
            for node in self.order.sequence.iter().rev().map(|&node| node as usize) {
                if moved(node, Wish::AsLateAsPossible) {
                    let place = self.network.late(node, &frame, |next| self.rest_of(next, places[next]));
                    if place.1 > places[node].1 {
                        places[node] = self.begun(node, place);
                    }
                }
            }
        } else {
            for node in self.order.sequence.iter().map(|&node| node as usize) {
                if moved(node, Wish::AsSoonAsPossible) {
                    let place =
                        self.network.early(node, &self.frame, |before| self.begun(before, places[before]));
                    if place.1 < places[node].1 {
                        places[node] = place;
                    }
                }
            }
        }
        (0..places.len()).map(|node| span(self.begun(node, places[node]))).collect()
    }

    /// A place whose start is the recorded one, if the activity has started.
    fn begun(&self, at: usize, place: Place) -> Place {
        let node = &self.network.nodes[at];
        match self.network.bounds(node) {
            Some(bounds) if node.has_started => (bounds.actual_start, place.1),
            _ => place,
        }
    }

    /// A place whose start is that of the work left, if the activity has started.
    fn rest_of(&self, at: usize, place: Place) -> Place {
        let has_started = self.network.nodes[at].has_started;
        if has_started { (self.network.rest_start(at, place.1), place.1) } else { place }
    }

    fn early_rest(&self, at: usize) -> Place {
        self.rest_of(at, self.places[at].early)
    }
}

fn span((start, finish): Place) -> Span {
    Span { start: Moment(start), finish: Moment(finish) }
}

/// The passes, in full and over what an edit reaches.
impl Schedule {
    /// Both passes over everything.
    pub(crate) fn run(&mut self) {
        let status = self.terms.status.map_or(NEVER, |status| status.0);
        match self.terms.anchor {
            Anchor::Start { start, deadline } => {
                let pin_ceiling = deadline.map_or(EVER, |deadline| deadline.0);
                self.frame = Frame { floor: start.0.max(status), pin_ceiling, ..Frame::OPEN };
                self.pass_early();
                self.frame.ceiling = self.finish.min(pin_ceiling);
                self.pass_late();
            }
            Anchor::Deadline { deadline, start } => {
                let pin_floor = start.map_or(NEVER, |start| start.0);
                self.frame = Frame { ceiling: deadline.0, pin_floor, ..Frame::OPEN };
                self.pass_late();
                self.frame.floor = self.latest_start.max(pin_floor).max(status);
                self.pass_early();
            }
        }
    }

    fn pass_early(&mut self) {
        for &node in &self.order.sequence {
            let node = node as usize;
            self.places[node].early = self.network.early(node, &self.frame, |at| self.places[at].early);
        }
        self.find_finish();
    }

    fn pass_late(&mut self) {
        for &node in self.order.sequence.iter().rev() {
            let node = node as usize;
            self.places[node].late = self.network.late(node, &self.frame, |at| self.places[at].late);
        }
        self.find_latest_start();
    }

    fn find_finish(&mut self) {
        let empty = match self.terms.anchor {
            Anchor::Start { start, .. } => start.0,
            Anchor::Deadline { deadline, .. } => deadline.0,
        };
        self.finish = self.places.iter().map(|places| places.early.1).max().unwrap_or(empty);
    }

    fn find_latest_start(&mut self) {
        let left = self.places.iter().zip(&self.network.nodes).filter(|(_, node)| !node.has_finished);
        // With nothing left to do, nothing needs to start before the end.
        let ceiling = self.frame.ceiling;
        self.latest_start = left.map(|(places, _)| places.late.0).min().unwrap_or(ceiling);
    }

    /// Both passes over what follows from the activities whose bounds or links changed.
    pub(crate) fn rerun(&mut self, changed: &[u32]) -> Reach {
        let status = self.terms.status.map_or(NEVER, |status| status.0);
        let mut reach = Reach::default();
        if matches!(self.terms.anchor, Anchor::Start { .. }) {
            reach.early = self.sweep_early(changed);
            let ceiling = self.finish.min(self.frame.pin_ceiling);
            if ceiling == self.frame.ceiling {
                reach.late = self.sweep_late(changed);
            } else {
                self.frame.ceiling = ceiling;
                let changed: Vec<u32> = self.network.last().chain(changed.iter().copied()).collect();
                reach.late = self.sweep_late(&changed);
            }
        } else {
            reach.late = self.sweep_late(changed);
            let floor = self.latest_start.max(self.frame.pin_floor).max(status);
            if floor == self.frame.floor {
                reach.early = self.sweep_early(changed);
            } else {
                self.frame.floor = floor;
                let changed: Vec<u32> = self.network.first().chain(changed.iter().copied()).collect();
                reach.early = self.sweep_early(&changed);
            }
        }
        reach
    }

    fn sweep_early(&mut self, changed: &[u32]) -> usize {
        let mut waiting = Waiting::new(self.places.len());
        changed.iter().for_each(|&node| waiting.add(self.order.place[node as usize]));
        let (mut reached, mut is_extreme) = (0, false);
        let mut next = waiting.first_from(0);
        while let Some(at) = next {
            let node = self.order.sequence[at as usize] as usize;
            let old = self.places[node].early;
            let new = self.network.early(node, &self.frame, |at| self.places[at].early);
            if new != old {
                reached += 1;
                is_extreme |= old.1 >= self.finish || new.1 > self.finish;
                self.places[node].early = new;
                for arc in self.network.links.outgoing(node) {
                    waiting.add(self.order.place[arc.successor as usize]);
                }
            }
            next = waiting.first_from(at + 1);
        }
        if is_extreme {
            self.find_finish();
        }
        reached
    }

    fn sweep_late(&mut self, changed: &[u32]) -> usize {
        let mut waiting = Waiting::new(self.places.len());
        // The set is read from its start, so the last in order has the least number.
        let last = u32::try_from(self.places.len()).unwrap_or(NONE).saturating_sub(1);
        changed.iter().for_each(|&node| waiting.add(last - self.order.place[node as usize]));
        let mut reached = 0;
        let mut next = waiting.first_from(0);
        // Whether an activity counts as left to do may have changed with it.
        let mut is_extreme = changed.len() > 1;
        while let Some(at) = next {
            let node = self.order.sequence[(last - at) as usize] as usize;
            let old = self.places[node].late;
            let new = self.network.late(node, &self.frame, |at| self.places[at].late);
            if new != old {
                reached += 1;
                is_extreme |= old.0 <= self.latest_start || new.0 < self.latest_start;
                self.places[node].late = new;
                for arc in self.network.links.incoming(node) {
                    waiting.add(last - self.order.place[arc.predecessor as usize]);
                }
            }
            next = waiting.first_from(at + 1);
        }
        if is_extreme {
            self.find_latest_start();
        }
        reached
    }
}

/// How many activities got other dates by an edit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    pub early: usize,
    pub late: usize,
}

/// A set of places in an order, read upwards while it grows ahead of the reader.
struct Waiting {
    words: Vec<u64>,
}

impl Waiting {
    fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)] }
    }

    fn add(&mut self, at: u32) {
        self.words[at as usize / 64] |= 1 << (at % 64);
    }

    fn first_from(&self, at: u32) -> Option<u32> {
        let mut word = at as usize / 64;
        let mut bits = self.words.get(word)? & (u64::MAX << (at % 64));
        while bits == 0 {
            word += 1;
            bits = *self.words.get(word)?;
        }
        u32::try_from(word * 64).ok().map(|base| base + bits.trailing_zeros())
    }
}
