use crate::network::{EVER, NEVER, Network};
use crate::order::Order;
use crate::pass::{Frame, Place};
use crate::{ActivityId, Anchor, Link, LinkId, Minutes, Moment, Plan, ScheduleError, Span, Terms, Wish};

/// A plan with its dates, kept current as it is edited.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub(crate) plan: Plan,
    pub(crate) terms: Terms,
    pub(crate) network: Network,
    pub(crate) order: Order,
    pub(crate) early: Vec<Place>,
    pub(crate) late: Vec<Place>,
    pub(crate) frame: Frame,
    /// The latest early finish.
    pub(crate) finish: i64,
    /// The earliest late start of what is left to do.
    pub(crate) latest_start: i64,
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
        let (early, late) =
            (vec![(NEVER, NEVER); network.nodes.len()], vec![(EVER, EVER); network.nodes.len()]);
        let (frame, finish, latest_start) = (Frame::OPEN, NEVER, EVER);
        let mut schedule = Self { plan, terms, network, order, early, late, frame, finish, latest_start };
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
        Dates { early: span(self.early[activity.at()]), late: span(self.late[activity.at()]) }
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
        let node = &self.network.nodes[activity.at()];
        if node.has_finished {
            return Minutes(0);
        }
        let calendar = self.network.calendar(node);
        Minutes(calendar.work(self.late[activity.at()].1) - calendar.work(self.early[activity.at()].1))
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
        Minutes(calendar.work(last.1) - calendar.work(self.early[at].1))
    }

    /// Whether a link alone puts its successor's early dates where they are.
    pub fn is_driving(&self, link: LinkId) -> bool {
        let Some(Some(Link { successor, .. })) = self.plan.links.get(link.at()) else { return false };
        let mut incoming = self.network.links.incoming(successor.at()).iter();
        let arc = incoming.find(|arc| arc.link == link);
        arc.is_some_and(|arc| self.network.is_driving(successor.at(), arc, |at| self.early[at]))
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
        let mut is_on_path: Vec<bool> = self.early.iter().map(|place| place.1 == self.finish).collect();
        for &node in self.order.sequence.iter().rev() {
            if !is_on_path[node as usize] {
                continue;
            }
            for arc in self.network.links.incoming(node as usize) {
                if self.network.is_driving(node as usize, arc, |at| self.early[at]) {
                    is_on_path[arc.other as usize] = true;
                }
            }
        }
        is_on_path
    }

    /// The dates to work by: the early ones when scheduling from the start, the late ones from the deadline, but for
    /// activities whose wish is the other, which lie as far from them as their neighbours' planned dates allow.
    pub fn planned(&self) -> Vec<Span> {
        let is_forward = matches!(self.terms.anchor, Anchor::Start { .. });
        let mut places = if is_forward { self.early.clone() } else { self.late.clone() };
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
        self.rest_of(at, self.early[at])
    }
}

fn span((start, finish): Place) -> Span {
    Span { start: Moment(start), finish: Moment(finish) }
}
