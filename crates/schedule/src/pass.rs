//! What one activity's dates follow from: the bounds of its own, and its links.
//!
//! Both directions ask the same question of each link, so they cannot disagree: without lag, whether one moment is not
//! after another; with lag, whether the lag's calendar counts at least so many minutes between them. The first place
//! that every link from before allows is early, the last that every link to after allows is late.

use crate::LinkKind;
use crate::links::Arc;
use crate::network::{EVER, NEVER, Network, Node, greatest, least};

/// The bounds that hold for all activities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) floor: i64,
    pub(crate) ceiling: i64,
    /// Bounds for activities that must lie where they lie: only what is imposed, not what follows from the passes.
    pub(crate) pin_floor: i64,
    pub(crate) pin_ceiling: i64,
}

impl Frame {
    pub(crate) const OPEN: Self = Self { floor: NEVER, ceiling: EVER, pin_floor: NEVER, pin_ceiling: EVER };
}

/// Start and finish; the start of work that has begun is the one recorded in early places, that of the rest in late ones.
pub(crate) type Place = (i64, i64);

impl Network {
    /// The first place that the frame, the bounds and the predecessors at their places allow.
    #[inline]
    pub(crate) fn early(&self, at: usize, frame: &Frame, place: impl Fn(usize) -> Place) -> Place {
        let node = &self.nodes[at];
        let calendar = self.calendar(node);
        let mut start = frame.floor;
        let mut pull = Pull { finish: NEVER, break_end: NEVER };
        let bounds = self.bounds(node);
        if let Some(bounds) = bounds {
            if node.has_finished {
                return (bounds.actual_start, bounds.actual_finish);
            }
            if let Some(mut pin) = bounds.pin {
                if frame.pin_floor > NEVER {
                    pin = pin.max(least(node, calendar, frame.pin_floor, NEVER, NEVER));
                }
                return if node.has_started { (bounds.actual_start, pin.1) } else { pin };
            }
            start = start.max(bounds.start_min);
            pull.break_end = bounds.finish_min;
        }
        if !node.is_released {
            for arc in self.links.incoming(at) {
                start = start.max(self.pull(arc, place(arc.other as usize), &mut pull));
            }
        }
        let found = least(node, calendar, start, pull.finish, pull.break_end);
        match bounds {
            Some(bounds) if node.has_started => (bounds.actual_start, found.1),
            _ => found,
        }
    }

    /// The last place that the frame, the bounds and the successors at their places allow.
    #[inline]
    pub(crate) fn late(&self, at: usize, frame: &Frame, place: impl Fn(usize) -> Place) -> Place {
        let node = &self.nodes[at];
        let calendar = self.calendar(node);
        let (mut start_break, mut finish) = (EVER, frame.ceiling);
        if let Some(bounds) = self.bounds(node) {
            if node.has_finished {
                return (bounds.actual_start, bounds.actual_finish);
            }
            if let Some(pin) = bounds.pin {
                let finish = bounds.deadline.min(frame.pin_ceiling);
                return if finish < EVER {
                    pin.min(greatest(node, calendar, EVER, finish, EVER))
                } else {
                    pin
                };
            }
            start_break = bounds.start_max;
            finish = finish.min(bounds.finish_max).min(bounds.deadline);
        }
        self.latest(at, finish, start_break, place)
    }

    /// The last place that the successors at their places allow, and that finishes no later than told, nor starts after
    /// the break that `break_start` begins.
    #[inline]
    pub(crate) fn latest(
        &self,
        at: usize,
        mut finish: i64,
        mut break_start: i64,
        place: impl Fn(usize) -> Place,
    ) -> Place {
        let node = &self.nodes[at];
        let mut start = EVER;
        for arc in self.links.outgoing(at) {
            let next = &self.nodes[arc.other as usize];
            if next.has_finished || next.is_released {
                continue;
            }
            let (next_start, next_finish) = place(arc.other as usize);
            match arc.kind {
                LinkKind::FinishToStart => finish = finish.min(self.before(arc, next_start)),
                LinkKind::FinishToFinish => finish = finish.min(self.before(arc, next_finish)),
                // What has started cannot start later.
                _ if node.has_started => {}
                LinkKind::StartToStart => start = start.min(self.before(arc, next_start)),
                LinkKind::StartToFinish => {
                    let moment = self.after_break(next, next_finish);
                    break_start = break_start.min(self.before(arc, moment));
                }
            }
        }
        greatest(node, self.calendar(node), start, finish, break_start)
    }

    /// Whether a successor may have to move early places because its predecessor did: the link no longer holds, or it
    /// may have been what held the successor back.
    #[inline]
    pub(crate) fn may_push(&self, arc: &Arc, old: Place, new: Place, successor: Place) -> bool {
        let node = &self.nodes[arc.other as usize];
        if arc.lag != 0 || node.has_started {
            return true;
        }
        let (was, is, held) = match arc.kind {
            LinkKind::FinishToStart => (old.1, new.1, successor.0),
            LinkKind::StartToStart => (old.0, new.0, successor.0),
            LinkKind::FinishToFinish => (old.1, new.1, successor.1),
            LinkKind::StartToFinish => return true,
        };
        // One place earlier lies at most a break and a minute before.
        is > held || is < was && was >= held - self.calendar(node).longest_break()
    }

    /// Whether a predecessor may have to move late places because its successor did.
    #[inline]
    pub(crate) fn may_pull(&self, arc: &Arc, old: Place, new: Place, predecessor: Place) -> bool {
        let node = &self.nodes[arc.other as usize];
        if arc.lag != 0 || node.has_started {
            return true;
        }
        let (was, is, held) = match arc.kind {
            LinkKind::FinishToStart => (old.0, new.0, predecessor.1),
            LinkKind::StartToStart => (old.0, new.0, predecessor.0),
            LinkKind::FinishToFinish => (old.1, new.1, predecessor.1),
            LinkKind::StartToFinish => return true,
        };
        is < held || is > was && was <= held + self.calendar(node).longest_break()
    }

    /// Whether a link into an activity alone puts it where it lies.
    pub(crate) fn is_driving(&self, at: usize, arc: &Arc, place: impl Fn(usize) -> Place) -> bool {
        let node = &self.nodes[at];
        if node.has_finished || node.is_released || self.is_pinned(node) {
            return false;
        }
        let mut pull = Pull { finish: NEVER, break_end: NEVER };
        let start = self.pull(arc, place(arc.other as usize), &mut pull);
        let alone = least(node, self.calendar(node), start, pull.finish, pull.break_end);
        alone.1 == place(at).1
    }

    /// Where what is left of an activity begins, if it ends at `finish`.
    pub(crate) fn rest_start(&self, at: usize, finish: i64) -> i64 {
        let node = &self.nodes[at];
        let calendar = self.calendar(node);
        if node.rest == 0 { finish } else { calendar.begin(calendar.work(finish) - i64::from(node.rest)) }
    }

    /// What a link demands of its successor: a start is returned, the rest is added to `pull`.
    #[inline]
    fn pull(&self, arc: &Arc, (start, finish): Place, pull: &mut Pull) -> i64 {
        match arc.kind {
            LinkKind::FinishToStart => return self.after(arc, finish),
            LinkKind::StartToStart => return self.after(arc, start),
            LinkKind::FinishToFinish => pull.finish = pull.finish.max(self.after(arc, finish)),
            LinkKind::StartToFinish => {
                let moment = self.before_break(&self.nodes[arc.other as usize], start);
                pull.break_end = pull.break_end.max(self.after(arc, moment));
            }
        }
        NEVER
    }

    /// The first moment that is the lag after `t`.
    #[inline]
    fn after(&self, arc: &Arc, t: i64) -> i64 {
        if arc.lag == 0 {
            return t;
        }
        self.calendars[usize::from(arc.calendar)].later(t, i64::from(arc.lag))
    }

    /// The last moment that is the lag before `t`.
    #[inline]
    fn before(&self, arc: &Arc, t: i64) -> i64 {
        if arc.lag == 0 {
            return t;
        }
        self.calendars[usize::from(arc.calendar)].sooner(t, i64::from(arc.lag))
    }

    /// A start to finish link joins two moments without work, Monday morning and Friday evening: it holds if the breaks
    /// that they bound meet.
    fn before_break(&self, node: &Node, start: i64) -> i64 {
        let calendar = self.calendar(node);
        if node.starts_at_a_point() { start } else { calendar.end(calendar.work(start)) }
    }

    fn after_break(&self, node: &Node, finish: i64) -> i64 {
        let calendar = self.calendar(node);
        if node.rest == 0 { finish } else { calendar.begin(calendar.work(finish)) }
    }
}

/// What links demand of a finish.
struct Pull {
    finish: i64,
    /// The end of the break that the finish may stand before, for start to finish links and constraints.
    break_end: i64,
}
