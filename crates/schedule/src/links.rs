use crate::{ActivityId, LinkId, LinkKind};

/// A link as a pass reads it from one of its ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc {
    /// The activity at the other end.
    pub(crate) other: u32,
    pub(crate) link: LinkId,
    pub(crate) lag: i32,
    /// Whose working time the lag is counted in.
    pub(crate) calendar: u16,
    pub(crate) kind: LinkKind,
}

/// The links of every activity, from both ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    incoming: Runs,
    outgoing: Runs,
}

impl Links {
    /// Takes the links of a new plan, each with its predecessor and as seen from it.
    pub(crate) fn new(activities: usize, links: &[(ActivityId, Arc)]) -> Self {
        let incoming = links.iter().map(|(from, arc)| (arc.other, Arc { other: from.0, ..*arc }));
        let outgoing = links.iter().map(|(from, arc)| (from.0, *arc));
        Self { incoming: Runs::new(activities, incoming), outgoing: Runs::new(activities, outgoing) }
    }

    pub(crate) fn activities(&self) -> usize {
        self.incoming.runs.len()
    }

    /// The links to the predecessors of an activity.
    #[inline]
    pub(crate) fn incoming(&self, node: usize) -> &[Arc] {
        self.incoming.of(node)
    }

    /// The links to the successors of an activity.
    #[inline]
    pub(crate) fn outgoing(&self, node: usize) -> &[Arc] {
        self.outgoing.of(node)
    }

    pub(crate) fn push_activity(&mut self) {
        self.incoming.runs.push(Run::default());
        self.outgoing.runs.push(Run::default());
    }

    pub(crate) fn insert(&mut self, from: ActivityId, arc: Arc) {
        self.incoming.insert(arc.other as usize, Arc { other: from.0, ..arc });
        self.outgoing.insert(from.at(), arc);
    }

    pub(crate) fn remove(&mut self, from: ActivityId, to: ActivityId, link: LinkId) {
        self.incoming.remove(to.at(), link);
        self.outgoing.remove(from.at(), link);
    }

    /// Takes what changed of a link between the same two activities.
    pub(crate) fn change(&mut self, from: ActivityId, arc: Arc) {
        self.incoming.change(arc.other as usize, Arc { other: from.0, ..arc });
        self.outgoing.change(from.at(), arc);
    }
}

/// Links of one end: those of one activity lie side by side, in the order of activities, so that a pass reads memory
/// mostly forwards. A run that grows moves to the end.
#[derive(Debug, Clone, Default)]
struct Runs {
    arcs: Vec<Arc>,
    runs: Vec<Run>,
    /// Arcs that no run holds any more.
    left_behind: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Run {
    first: u32,
    count: u32,
}

impl Run {
    #[inline]
    fn range(self) -> std::ops::Range<usize> {
        let first = self.first as usize;
        first..first + self.count as usize
    }
}

impl Runs {
    fn new(activities: usize, arcs: impl Iterator<Item = (u32, Arc)> + Clone) -> Self {
        let mut runs = vec![Run::default(); activities];
        for (node, _) in arcs.clone() {
            runs[node as usize].count += 1;
        }
        let mut first = 0;
        for run in &mut runs {
            run.first = first;
            first += std::mem::take(&mut run.count);
        }
        let mut sorted: Vec<Arc> = arcs.clone().map(|(_, arc)| arc).collect();
        for (node, arc) in arcs {
            let run = &mut runs[node as usize];
            sorted[run.range().end] = arc;
            run.count += 1;
        }
        Self { arcs: sorted, runs, left_behind: 0 }
    }

    #[inline]
    fn of(&self, node: usize) -> &[Arc] {
        &self.arcs[self.runs[node].range()]
    }

    fn insert(&mut self, node: usize, arc: Arc) {
        let run = self.runs[node];
        if run.range().end != self.arcs.len() {
            self.runs[node].first = end(&self.arcs);
            self.arcs.extend_from_within(run.range());
            self.left_behind += run.count as usize;
        }
        self.arcs.push(arc);
        self.runs[node].count += 1;
        self.tidy();
    }

    fn remove(&mut self, node: usize, link: LinkId) {
        let run = self.runs[node].range();
        let Some(at) = self.of(node).iter().position(|arc| arc.link == link) else { return };
        self.arcs.copy_within(run.start + at + 1..run.end, run.start + at);
        self.runs[node].count -= 1;
        self.left_behind += 1;
        self.tidy();
    }

    fn change(&mut self, node: usize, new: Arc) {
        let run = &mut self.arcs[self.runs[node].range()];
        if let Some(arc) = run.iter_mut().find(|arc| arc.link == new.link) {
            *arc = new;
        }
    }

    /// Once more is left behind than held, what is held moves together again.
    fn tidy(&mut self) {
        if self.left_behind <= self.arcs.len() / 2 + 1_000 {
            return;
        }
        let mut arcs = Vec::with_capacity(self.arcs.len() - self.left_behind);
        for run in &mut self.runs {
            let first = end(&arcs);
            arcs.extend_from_slice(&self.arcs[run.range()]);
            run.first = first;
        }
        self.arcs = arcs;
        self.left_behind = 0;
    }
}

/// A plan has at most sixteen million links, and at most as many left behind.
fn end(arcs: &[Arc]) -> u32 {
    u32::try_from(arcs.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_come_and_go_leave_no_more_behind_than_is_held() {
        let mut links = Links::default();
        for _ in 0..10 {
            links.push_activity();
        }
        let arc = |number: u32| Arc {
            other: (number + 1) % 10,
            link: LinkId(number),
            lag: 0,
            calendar: 0,
            kind: LinkKind::FinishToStart,
        };
        for number in 0..10_000 {
            links.insert(ActivityId(number % 10), arc(number));
            if let Some(old) = number.checked_sub(30) {
                links.remove(ActivityId(old % 10), ActivityId((old + 1) % 10), LinkId(old));
            }
        }
        let held: Vec<u32> = links.outgoing(3).iter().map(|arc| arc.link.0).collect();
        assert_eq!(held, [9_973, 9_983, 9_993]);
        let held: Vec<u32> = links.incoming(4).iter().map(|arc| arc.link.0).collect();
        assert_eq!(held, [9_973, 9_983, 9_993]);
        assert!(links.outgoing.arcs.len() < 2_100);
    }
}
