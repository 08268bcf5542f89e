//! The passes, in full and over what an edit reaches.

use crate::network::{EVER, NEVER, NONE, Node};
use crate::pass::{Frame, Place};
use crate::{Anchor, Schedule};

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
            self.early[node] = self.network.early(node, &self.frame, |at| self.early[at]);
        }
        self.find_finish();
    }

    fn pass_late(&mut self) {
        for &node in self.order.sequence.iter().rev() {
            let node = node as usize;
            self.late[node] = self.network.late(node, &self.frame, |at| self.late[at]);
        }
        self.find_latest_start();
    }

    fn find_finish(&mut self) {
        let empty = match self.terms.anchor {
            Anchor::Start { start, .. } => start.0,
            Anchor::Deadline { deadline, .. } => deadline.0,
        };
        let last = self.early.iter().fold(NEVER, |last, place| last.max(place.1));
        self.finish = if self.early.is_empty() { empty } else { last };
    }

    fn find_latest_start(&mut self) {
        let all = self.late.iter().zip(&self.network.nodes);
        let first =
            all.fold(EVER, |first, (place, node)| if node.has_finished { first } else { first.min(place.0) });
        // With nothing left to do, nothing needs to start before the end.
        self.latest_start = if first == EVER { self.frame.ceiling } else { first };
    }

    /// Both passes over what follows from the activities whose bounds or links changed.
    pub(crate) fn rerun(&mut self, changed: &[u32]) -> Reach {
        let status = self.terms.status.map_or(NEVER, |status| status.0);
        let mut reach = Reach::default();
        if matches!(self.terms.anchor, Anchor::Start { .. }) {
            reach.early = self.sweep_early(changed);
            let ceiling = self.finish.min(self.frame.pin_ceiling);
            let held = self.held_by_ceiling(ceiling);
            self.frame.ceiling = ceiling;
            reach.late = self.sweep_late(changed, &held);
        } else {
            reach.late = self.sweep_late(changed, &[]);
            let floor = self.latest_start.max(self.frame.pin_floor).max(status);
            let held = self.held_by_floor(floor);
            self.frame.floor = floor;
            reach.early = self.sweep_early(&[changed, &held].concat());
        }
        reach
    }

    /// What may lie elsewhere once the frame has another ceiling: a last place that finishes before both is the last
    /// under both.
    fn held_by_ceiling(&self, new: i64) -> Vec<u32> {
        let old = self.frame.ceiling;
        if new == old {
            return Vec::new();
        }
        // Before a ceiling that rises, what finishes as late as its calendar allows may wait for it.
        let ends = self
            .network
            .calendars
            .iter()
            .map(|calendar| if new < old { new + 1 } else { calendar.end(calendar.work(old)) });
        let ends: Vec<i64> = ends.collect();
        self.those(&self.late, |node, late| late.1 >= ends[usize::from(node.calendar)])
    }

    /// What may lie elsewhere once the frame has another floor. What has started shows the start that was recorded,
    /// which says nothing of the rest.
    fn held_by_floor(&self, new: i64) -> Vec<u32> {
        let old = self.frame.floor;
        if new == old {
            return Vec::new();
        }
        let begins = self
            .network
            .calendars
            .iter()
            .map(|calendar| if new > old { new - 1 } else { calendar.begin(calendar.work(old)) });
        let begins: Vec<i64> = begins.collect();
        self.those(&self.early, |node, early| {
            node.has_started || early.0 <= begins[usize::from(node.calendar)]
        })
    }

    fn those(&self, places: &[Place], is_one: impl Fn(&Node, &Place) -> bool) -> Vec<u32> {
        let all = (0..).zip(self.network.nodes.iter().zip(places));
        all.filter(|(_, (node, place))| is_one(node, place)).map(|(at, _)| at).collect()
    }

    fn sweep_early(&mut self, changed: &[u32]) -> usize {
        let mut waiting = Waiting::new(self.network.nodes.len());
        changed.iter().for_each(|&node| waiting.add(self.order.place[node as usize]));
        let (mut reached, mut is_extreme) = (0, false);
        let mut next = waiting.first_from(0);
        while let Some(at) = next {
            let node = self.order.sequence[at as usize] as usize;
            let old = self.early[node];
            let new = self.network.early(node, &self.frame, |at| self.early[at]);
            if new != old {
                reached += 1;
                is_extreme |= old.1 >= self.finish || new.1 > self.finish;
                self.early[node] = new;
                for arc in self.network.links.outgoing(node) {
                    let next = arc.other as usize;
                    if self.network.may_push(arc, old, new, self.early[next]) {
                        waiting.add(self.order.place[next]);
                    }
                }
            }
            next = waiting.first_from(at + 1);
        }
        if is_extreme {
            self.find_finish();
        }
        reached
    }

    fn sweep_late(&mut self, changed: &[u32], held: &[u32]) -> usize {
        let mut waiting = Waiting::new(self.network.nodes.len());
        // The set is read from its start, so the last in order has the least number.
        let last = u32::try_from(self.network.nodes.len()).unwrap_or(NONE).saturating_sub(1);
        changed.iter().chain(held).for_each(|&node| waiting.add(last - self.order.place[node as usize]));
        let mut reached = 0;
        let mut next = waiting.first_from(0);
        // Whether an activity counts as left to do may have changed with it.
        let mut is_extreme = changed.len() > 1;
        while let Some(at) = next {
            let node = self.order.sequence[(last - at) as usize] as usize;
            let old = self.late[node];
            let new = self.network.late(node, &self.frame, |at| self.late[at]);
            if new != old {
                reached += 1;
                is_extreme |= old.0 <= self.latest_start || new.0 < self.latest_start;
                self.late[node] = new;
                for arc in self.network.links.incoming(node) {
                    let before = arc.other as usize;
                    if self.network.may_pull(arc, old, new, self.late[before]) {
                        waiting.add(last - self.order.place[before]);
                    }
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
