//! Overlap (压茬推进): which finish to start links on the driving path may let the successor begin before the
//! predecessor has ended, so that a deadline is met.

use serde::{Deserialize, Serialize};

use crate::{Edit, Link, LinkId, LinkKind, Minutes, Moment, Progress, Schedule, ScheduleError};

/// What may be overlapped, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapTerms {
    pub deadline: Moment,
    /// The part of the shorter of two activities that may overlap the other, in percent.
    pub percent_max: u8,
    /// Links that are changed together at most.
    pub links_max: usize,
}

impl OverlapTerms {
    /// Up to half of the shorter activity, at most ten links.
    pub fn to_meet(deadline: Moment) -> Self {
        Self { deadline, percent_max: 50, links_max: 10 }
    }
}

/// One link that becomes a start to start link with a lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    pub link: LinkId,
    /// What it becomes: the successor starts so long after the predecessor has started.
    pub becomes: Link,
    /// How much earlier than the predecessor's end the successor may start, in the predecessor's working time.
    pub overlap: Minutes,
    /// The project's finish once it is made, along with those before it.
    pub finish: Moment,
}

/// What to overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlaps {
    /// Links that meet the deadline each by itself, the least overlap first.
    pub alone: Vec<Overlap>,
    /// Where none does: the links to change together, in this order, the one that gains most first.
    pub together: Vec<Overlap>,
    pub meets_deadline: bool,
    /// Whether the search came to its end: else it is over before, and this is what was found until then.
    pub complete: bool,
}

/// What the links of a driving path come to.
struct Round {
    /// Those that meet the deadline, least overlap first.
    least: Vec<Overlap>,
    /// The one that gains most.
    best: Option<Overlap>,
    /// Whether all were tried.
    complete: bool,
}

/// Links tried in one round, those that can overlap most: each costs a few edits of the schedule.
const TRIED_MAX: usize = 100;

impl Schedule {
    /// Suggests overlaps; the schedule itself stays as it is. Nothing is suggested if the deadline is met already. A search takes
    /// long in a large plan with a deadline far from its finish: it ends as soon as `is_over` says so.
    pub fn overlaps(
        &self,
        terms: &OverlapTerms,
        is_over: impl Fn() -> bool,
    ) -> Result<Overlaps, ScheduleError> {
        let meets_deadline = self.finish() <= terms.deadline;
        let mut found = Overlaps { meets_deadline, complete: true, ..Overlaps::default() };
        let mut trial = self.clone();
        while !found.meets_deadline && found.complete && found.together.len() < terms.links_max {
            let Round { least, best, complete } = trial.round(terms, &is_over)?;
            found.complete = complete;
            if !least.is_empty() {
                if found.together.is_empty() {
                    found.alone = least;
                } else {
                    found.together.push(least[0]);
                }
                found.meets_deadline = true;
                break;
            }
            let Some(best) = best else { break };
            trial.edit(Edit::ChangeLink(best.link, best.becomes))?;
            found.together.push(best);
        }
        Ok(found)
    }

    /// Tries every link of the driving path.
    fn round(&mut self, terms: &OverlapTerms, is_over: &dyn Fn() -> bool) -> Result<Round, ScheduleError> {
        let finish = self.finish();
        let (mut least, mut best, mut complete) = (Vec::new(), None::<Overlap>, true);
        for (id, most) in self.candidates(terms) {
            if is_over() {
                complete = false;
                break;
            }
            let tried = self.tried(id, most)?;
            if tried.finish >= finish {
                continue;
            }
            if tried.finish <= terms.deadline {
                least.push(self.lessened(tried, terms.deadline, is_over)?);
            }
            if best.is_none_or(|best| (tried.finish, tried.overlap) < (best.finish, best.overlap)) {
                best = Some(tried);
            }
        }
        least.sort_by_key(|overlap| (overlap.overlap, overlap.link));
        Ok(Round { least, best, complete })
    }

    /// Finish to start links that drive the finish, and how far each may overlap.
    fn candidates(&self, terms: &OverlapTerms) -> Vec<(LinkId, Minutes)> {
        let is_on_path = self.longest_path();
        let mut found = Vec::new();
        for (id, link) in (0..).map(LinkId).zip(&self.plan.links) {
            let Some(link) = link else { continue };
            let (before, after) = (link.predecessor.at(), link.successor.at());
            let ends = [before, after].map(|at| &self.plan.activities[at]);
            let is_open = ends.iter().all(|activity| activity.progress == Progress::NotStarted);
            if link.kind != LinkKind::FinishToStart || !is_open || !is_on_path[before] || !is_on_path[after] {
                continue;
            }
            let shorter = ends[0].duration.min(ends[1].duration).0;
            let most = Minutes(shorter * i64::from(terms.percent_max.min(100)) / 100);
            if most.0 > 0 && self.is_driving(id) {
                found.push((id, most));
            }
        }
        found.sort_by_key(|&(id, most)| (std::cmp::Reverse(most), id));
        found.truncate(TRIED_MAX);
        found
    }

    fn tried(&mut self, id: LinkId, overlap: Minutes) -> Result<Overlap, ScheduleError> {
        let link = self.link(id)?;
        let duration = self.plan.activities[link.predecessor.at()].duration;
        let lag = Minutes(duration.0 + link.lag.0 - overlap.0);
        // The lag is counted in the work that the predecessor has done by then.
        let becomes = Link::new(link.predecessor, link.successor, LinkKind::StartToStart, lag);
        self.edit(Edit::ChangeLink(id, becomes))?;
        let finish = self.finish();
        self.edit(Edit::ChangeLink(id, link))?;
        Ok(Overlap { link: id, becomes, overlap, finish })
    }

    /// The least overlap of a link that still meets the deadline: the finish only falls as the overlap grows. A search that is
    /// over leaves it greater than it need be.
    fn lessened(
        &mut self,
        most: Overlap,
        deadline: Moment,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Overlap, ScheduleError> {
        let (mut low, mut high) = (0, most);
        while low + 1 < high.overlap.0 && !is_over() {
            let middle = self.tried(most.link, Minutes(low + (high.overlap.0 - low) / 2))?;
            if middle.finish <= deadline {
                high = middle;
            } else {
                low = middle.overlap.0;
            }
        }
        Ok(high)
    }
}
