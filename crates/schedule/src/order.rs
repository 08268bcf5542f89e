//! Topological order, kept while links are added (Pearce and Kelly, "A dynamic topological sort algorithm for directed
//! acyclic graphs", 2006), and the cycles that prevent it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::ActivityId;
use crate::links::Links;
use crate::network::NONE;

/// Every predecessor stands before its successors.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) sequence: Vec<u32>,
    pub(crate) place: Vec<u32>,
}

impl Order {
    /// Sorts the activities, or gives the members of the cycles that prevent it.
    pub(crate) fn new(links: &Links) -> Result<Self, Vec<Vec<ActivityId>>> {
        let count = links.activities();
        let incoming = |node| u32::try_from(links.incoming(node).len()).unwrap_or(u32::MAX);
        let mut waiting: Vec<u32> = (0..count).map(incoming).collect();
        // Of those that wait for nothing the least goes first: neighbours in the plan stay neighbours in the sequence,
        // and so in the processor's cache.
        let numbers = 0..u32::try_from(count).unwrap_or(u32::MAX);
        let free = numbers.filter(|&node| waiting[node as usize] == 0).map(Reverse);
        let mut free: BinaryHeap<Reverse<u32>> = free.collect();
        let mut sequence = Vec::with_capacity(count);
        while let Some(Reverse(node)) = free.pop() {
            sequence.push(node);
            for link in links.outgoing(node as usize) {
                let next = link.other as usize;
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    free.push(Reverse(link.other));
                }
            }
        }
        if sequence.len() < count {
            return Err(cycles(links, &waiting));
        }
        let mut place = vec![0; count];
        for (at, &node) in (0..).zip(&sequence) {
            place[node as usize] = at;
        }
        Ok(Self { sequence, place })
    }

    /// A new activity without links stands last.
    pub(crate) fn push(&mut self) {
        let node = u32::try_from(self.place.len()).unwrap_or(u32::MAX);
        self.sequence.push(node);
        self.place.push(node);
    }

    /// Makes room for a link, or gives the members of the cycle that it would close. `links` does not hold it yet.
    pub(crate) fn admit(&mut self, from: usize, to: usize, links: &Links) -> Result<(), Vec<ActivityId>> {
        let (low, high) = (self.place[to], self.place[from]);
        if from == to {
            return Err(vec![id(from)]);
        }
        if high < low {
            return Ok(());
        }
        let mut after =
            self.reach(to, |node| links.outgoing(node).iter().map(|link| link.other), |p| p <= high);
        if let Some(end) = after.iter().position(|step| step.node as usize == from) {
            return Err(after_path(&after, end));
        }
        let mut before =
            self.reach(from, |node| links.incoming(node).iter().map(|link| link.other), |p| p >= low);
        let place = &self.place;
        let by_place = |step: &Step| place[step.node as usize];
        before.sort_unstable_by_key(by_place);
        after.sort_unstable_by_key(by_place);
        let moved: Vec<u32> = before.iter().chain(&after).map(|step| step.node).collect();
        let mut free: Vec<u32> = moved.iter().map(|&node| place[node as usize]).collect();
        free.sort_unstable();
        for (node, at) in moved.into_iter().zip(free) {
            self.place[node as usize] = at;
            self.sequence[at as usize] = node;
        }
        Ok(())
    }

    fn reach<I: Iterator<Item = u32>>(
        &self,
        start: usize,
        next: impl Fn(usize) -> I,
        within: impl Fn(u32) -> bool,
    ) -> Vec<Step> {
        let mut seen = HashSet::from([start]);
        let mut steps = vec![Step { node: id(start).0, from: NONE }];
        let mut at = 0;
        while at < steps.len() {
            let from = u32::try_from(at).unwrap_or(NONE);
            for node in next(steps[at].node as usize) {
                if within(self.place[node as usize]) && seen.insert(node as usize) {
                    steps.push(Step { node, from });
                }
            }
            at += 1;
        }
        steps
    }
}

/// A node that was reached, and the step it was reached from.
struct Step {
    node: u32,
    from: u32,
}

fn after_path(steps: &[Step], end: usize) -> Vec<ActivityId> {
    let mut path = Vec::new();
    let mut at = end;
    loop {
        path.push(ActivityId(steps[at].node));
        if steps[at].from == NONE {
            path.reverse();
            return path;
        }
        at = steps[at].from as usize;
    }
}

fn id(node: usize) -> ActivityId {
    ActivityId(u32::try_from(node).unwrap_or(NONE))
}

/// One cycle of each knot of activities that wait for each other: the strongly connected components of what Kahn's
/// algorithm left over (Tarjan, without recursion), each walked back from link to link until it closes.
fn cycles(links: &Links, waiting: &[u32]) -> Vec<Vec<ActivityId>> {
    let component = components(links, waiting);
    let mut done = HashSet::new();
    let mut found = Vec::new();
    for start in 0..waiting.len() {
        let knot = component[start];
        if waiting[start] == 0 || done.contains(&knot) {
            continue;
        }
        let back = |node: usize| {
            let mut within = links.incoming(node).iter().map(|link| link.other as usize);
            within.find(|&before| waiting[before] > 0 && component[before] == knot)
        };
        let mut path: Vec<usize> = vec![start];
        let mut place_of = HashMap::from([(start, 0)]);
        while let Some(before) = back(path[path.len() - 1]) {
            if let Some(&at) = place_of.get(&before) {
                done.insert(knot);
                found.push(path[at..].iter().rev().map(|&node| id(node)).collect());
                break;
            }
            place_of.insert(before, path.len());
            path.push(before);
        }
    }
    found
}

/// The component of every node that is left over; other nodes get none of interest.
fn components(links: &Links, waiting: &[u32]) -> Vec<u32> {
    let count = waiting.len();
    let mut index = vec![NONE; count];
    let mut low = vec![NONE; count];
    let mut component = vec![NONE; count];
    let (mut next_index, mut next_component) = (0, 0);
    let mut stack = Vec::new();
    let mut calls: Vec<(usize, usize)> = Vec::new();
    for root in (0..count).filter(|&node| waiting[node] > 0) {
        if index[root] != NONE {
            continue;
        }
        calls.push((root, 0));
        while let Some(call) = calls.last_mut() {
            let node = call.0;
            if index[node] == NONE {
                index[node] = next_index;
                low[node] = next_index;
                next_index += 1;
                stack.push(node);
            }
            if let Some(link) = links.outgoing(node).get(call.1) {
                call.1 += 1;
                let next = link.other as usize;
                if waiting[next] == 0 {
                    continue;
                }
                if index[next] == NONE {
                    calls.push((next, 0));
                } else if component[next] == NONE {
                    low[node] = low[node].min(index[next]);
                }
                continue;
            }
            calls.pop();
            if let Some(&(caller, _)) = calls.last() {
                low[caller] = low[caller].min(low[node]);
            }
            if low[node] == index[node] {
                while let Some(member) = stack.pop() {
                    component[member] = next_component;
                    if member == node {
                        break;
                    }
                }
                next_component += 1;
            }
        }
    }
    component
}
