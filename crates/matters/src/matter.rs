use std::collections::BTreeSet;
use std::fmt;

use base::{ActorId, CityZone, Day, KindName, Time};
use serde::{Deserialize, Serialize};

use crate::MatterError;
use crate::calendar::{Answer, Calendar};
use crate::colour::Colour;
use crate::event::{Event, Move};
use crate::id::{MatterId, PostId};
use crate::input::Input;
use crate::kinds::{
    Escalated, Evidence, Excused, Extension, HELPERS_MAX, HandedOver, Opened, REVIEW_OVERDUE, Reopened,
};
use crate::state::{State, Verb};
use crate::term::{Due, Stop};

/// Pauses, and excuses, of one round at most.
const PAUSES_MAX: usize = 200;
/// Moves of a matter after which only those above its posts hand it on: whoever approves is asked about all who ever took part,
/// and what its owner does alone leaves everybody else their moves.
pub const MOVES_OF_PARTS_MAX: u32 = 500;
/// Moves after which only its end is decided.
const MOVES_MAX: u32 = 2_000;

/// How often people moved a matter. Who moves it says at which version they looked at it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Version(pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A matter (事项): what somebody still owes. A post owns it and another one says whether it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Matter {
    pub id: MatterId,
    #[schema(value_type = String)]
    pub sort: KindName,
    pub title: String,
    pub state: State,
    pub version: Version,
    pub owner: PostId,
    pub helpers: Vec<PostId>,
    pub reviewer: PostId,
    /// The name of its colour rule.
    pub rule: String,
    /// When this round began: the opening, or the last reopening.
    pub begun: Time,
    /// When people last moved it.
    pub moved: Time,
    pub due: Due,
    /// When the deadline was set: a fixed day is moved by later pauses only.
    pub due_set: Time,
    /// This round's, in order.
    pub pauses: Vec<Pause>,
    pub excuses: Vec<Excuse>,
    pub submission: Option<Submission>,
    /// When it was accepted or cancelled; none while it is owed.
    pub closed: Option<Time>,
    /// Whether it was done in time, once it is accepted.
    pub in_time: Option<bool>,
    pub colour: Option<Colour>,
    /// Since when it has been yellow or worse.
    pub yellow_since: Option<Time>,
    pub red_since: Option<Time>,
    /// The levels of the ladder that fired in this round, and 0 if its reviewer, as it is now, kept what was last handed in.
    pub fired: BTreeSet<u8>,
}

/// A time for which the clock of a matter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pause {
    pub from: Time,
    /// None while it lasts.
    pub until: Option<Time>,
}

/// Inputs that an approved reason keeps from colouring the matter, on these days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Excuse {
    pub inputs: Vec<Input>,
    #[schema(value_type = String, format = Date)]
    pub from: Day,
    #[schema(value_type = String, format = Date)]
    pub until: Day,
}

/// What was last submitted, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Submission {
    pub at: Time,
    #[schema(value_type = String)]
    pub actor: ActorId,
    pub evidence: Vec<Evidence>,
    /// When it was first laid before another reviewer than it was handed in to; none if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_on: Option<Time>,
}

impl Submission {
    /// Since when the reviewer has it: each has as long as another.
    pub fn waits_since(&self) -> Time {
        self.passed_on.unwrap_or(self.at)
    }
}

impl Matter {
    pub fn open(opened: &Opened, at: Time) -> Result<Self, MatterError> {
        if opened.reviewer == opened.owner || opened.helpers.contains(&opened.reviewer) {
            return Err(MatterError::ReviewerTakesPart);
        }
        Ok(Self {
            id: opened.matter.clone(),
            sort: opened.sort.clone(),
            title: opened.title.clone(),
            state: State::Open,
            version: Version(0),
            owner: opened.owner.clone(),
            helpers: opened.helpers.clone(),
            reviewer: opened.reviewer.clone(),
            rule: opened.rule.clone(),
            begun: at,
            moved: at,
            due: opened.due,
            due_set: at,
            pauses: Vec::new(),
            excuses: Vec::new(),
            submission: None,
            closed: None,
            in_time: None,
            colour: None,
            yellow_since: None,
            red_since: None,
            fired: BTreeSet::new(),
        })
    }

    /// The matter after somebody who looked at `expected` moved it: a conflict if somebody else was faster.
    pub fn propose(&self, expected: Version, step: &Move) -> Result<Self, MatterError> {
        self.need_version(expected)?;
        let moves_max = match step.event {
            Event::HelperAdded(_) => MOVES_OF_PARTS_MAX,
            Event::HandedOver(_)
            | Event::Returned(_)
            | Event::Reopened(_)
            | Event::Paused(_)
            | Event::Extended(_)
            | Event::Excused(_) => MOVES_MAX,
            _ => u32::MAX,
        };
        if self.version.0 >= moves_max && !step.actor.is_system() {
            return Err(MatterError::TooMany("moves"));
        }
        self.after(step)
    }

    /// Refuses what rests on another version than the one that stands.
    pub fn need_version(&self, expected: Version) -> Result<(), MatterError> {
        match expected == self.version {
            true => Ok(()),
            false => Err(MatterError::Conflict { expected, found: self.version }),
        }
    }

    /// The matter after something happened to it, or why that cannot be. Replaying what was accepted gives the matter.
    pub fn after(&self, step: &Move) -> Result<Self, MatterError> {
        let verb = step.event.verb();
        if *step.event.matter() != self.id {
            return Err(MatterError::OtherMatter);
        }
        let mut next = self.clone();
        next.state = self.state.after(verb)?;
        if self.is_paused() && !verb.passes_a_pause() {
            return Err(MatterError::Paused);
        }
        next.take_in(step)?;
        if !verb.is_of_the_clock() {
            next.version = Version(self.version.0 + 1);
            next.moved = step.at;
        }
        Ok(next)
    }

    /// Whether something can happen to it as it stands, as far as its state and pause say.
    pub fn may_be(&self, verb: Verb) -> bool {
        let fits_pause =
            if verb == Verb::Resumed { self.is_paused() } else { !self.is_paused() || verb.passes_a_pause() };
        fits_pause && self.state.after(verb).is_ok()
    }

    fn take_in(&mut self, step: &Move) -> Result<(), MatterError> {
        match &step.event {
            Event::Taken(taken) if taken.by != self.owner => return Err(MatterError::NotOwner),
            Event::Taken(_) => {}
            Event::Submitted(done) => {
                if done.by != self.owner && !self.helpers.contains(&done.by) {
                    return Err(MatterError::NotOwner);
                }
                if done.evidence.is_empty() {
                    return Err(MatterError::NoEvidence);
                }
                let (actor, evidence) = (step.actor.clone(), done.evidence.clone());
                self.submission = Some(Submission { at: step.at, actor, evidence, passed_on: None });
                self.fired.remove(&REVIEW_OVERDUE);
            }
            Event::Returned(returned) => self.review(&returned.by, &step.actor)?,
            Event::Accepted(accepted) => {
                self.review(&accepted.by, &step.actor)?;
                if self.submission.as_ref().is_none_or(|submission| submission.evidence.is_empty()) {
                    return Err(MatterError::NoEvidence);
                }
                (self.closed, self.in_time) = (Some(step.at), accepted.in_time);
            }
            Event::Cancelled(cancelled) => {
                self.approve(&cancelled.approver)?;
                self.end_pause(step.at);
                self.closed = Some(step.at);
            }
            Event::Reopened(reopened) => self.reopen(reopened, step.at)?,
            Event::HandedOver(handover) => self.hand_over(handover, step.at)?,
            Event::HelperAdded(added) => self.add_helper(&added.helper)?,
            Event::Paused(paused) => {
                self.approve(&paused.approver)?;
                if self.pauses.len() >= PAUSES_MAX {
                    return Err(MatterError::TooMany("pauses"));
                }
                // Pauses stay in order even if the machine's clock was set back.
                let from =
                    self.pauses.last().and_then(|pause| pause.until).map_or(step.at, |end| end.max(step.at));
                self.pauses.push(Pause { from, until: None });
            }
            Event::Resumed(_) if !self.is_paused() => return Err(MatterError::NotPaused),
            Event::Resumed(_) => self.end_pause(step.at),
            Event::Extended(extended) => {
                self.approve(&extended.approver)?;
                self.extend(extended.extension, step.at)?;
            }
            Event::Coloured(coloured) => self.colour_from(coloured.from, coloured.to, coloured.since)?,
            Event::Escalated(Escalated { level, .. }) if !self.fired.insert(*level) => {
                return Err(MatterError::FiredBefore(*level));
            }
            Event::Escalated(_) => {}
            Event::Excused(excused) => self.excuse(excused)?,
        }
        Ok(())
    }

    fn review(&self, by: &PostId, actor: &ActorId) -> Result<(), MatterError> {
        if *by != self.reviewer {
            return Err(MatterError::NotReviewer);
        }
        // One person may hold both posts.
        if self.submission.as_ref().is_some_and(|submission| submission.actor == *actor) {
            return Err(MatterError::OwnWork);
        }
        Ok(())
    }

    fn approve(&self, approver: &PostId) -> Result<(), MatterError> {
        if *approver == self.owner {
            Err(MatterError::OwnerApproves)
        } else if self.helpers.contains(approver) {
            Err(MatterError::TakesPart)
        } else {
            Ok(())
        }
    }

    fn reopen(&mut self, reopened: &Reopened, at: Time) -> Result<(), MatterError> {
        self.approve(&reopened.approver)?;
        self.begun = at;
        (self.due, self.due_set) = (reopened.due, at);
        self.pauses.clear();
        self.excuses.clear();
        self.submission = None;
        (self.closed, self.in_time) = (None, None);
        self.fired.clear();
        Ok(())
    }

    fn hand_over(&mut self, handover: &HandedOver, at: Time) -> Result<(), MatterError> {
        if handover.to == self.owner {
            return Err(MatterError::TakesPart);
        }
        let reviewer = handover.reviewer.as_ref().unwrap_or(&self.reviewer).clone();
        let helpers: Vec<PostId> =
            self.helpers.iter().filter(|helper| **helper != handover.to).cloned().collect();
        // Who owned it until now would review their own part of the work.
        let takes_part = reviewer == handover.to || reviewer == self.owner || helpers.contains(&reviewer);
        if takes_part {
            return Err(MatterError::ReviewerTakesPart);
        }
        if self.state == State::Submitted
            && reviewer != self.reviewer
            && let Some(submission) = &mut self.submission
        {
            // Once: what is handed to and fro is waited for no longer.
            submission.passed_on.get_or_insert(at);
            self.fired.remove(&REVIEW_OVERDUE);
        }
        (self.owner, self.helpers, self.reviewer) = (handover.to.clone(), helpers, reviewer);
        Ok(())
    }

    fn add_helper(&mut self, helper: &PostId) -> Result<(), MatterError> {
        if *helper == self.reviewer {
            return Err(MatterError::ReviewerTakesPart);
        }
        if *helper == self.owner || self.helpers.contains(helper) {
            return Err(MatterError::TakesPart);
        }
        if self.helpers.len() >= HELPERS_MAX {
            return Err(MatterError::TooMany("helpers"));
        }
        self.helpers.push(helper.clone());
        Ok(())
    }

    fn extend(&mut self, extension: Extension, at: Time) -> Result<(), MatterError> {
        self.due = match (self.due, extension) {
            (Due::On { day }, Extension::To { day: later }) if later > day => {
                self.due_set = at;
                Due::On { day: later }
            }
            (Due::On { day }, Extension::Days { days }) => {
                let later = i32::try_from(days).ok().and_then(|days| day.0.checked_add(days)).map(Day);
                // A later day could be written nowhere, nor read back.
                Due::On { day: later.filter(|later| *later <= Day::LAST).ok_or(MatterError::NoExtension)? }
            }
            (Due::Within { mut term, from }, Extension::Days { days }) => {
                term.days = term.days.saturating_add(days);
                term.check("due.term").map_err(|_| MatterError::NoExtension)?;
                Due::Within { term, from }
            }
            _ => return Err(MatterError::NoExtension),
        };
        Ok(())
    }

    fn colour_from(
        &mut self,
        from: Option<Colour>,
        to: Option<Colour>,
        since: Time,
    ) -> Result<(), MatterError> {
        let is_due = to.is_none() == self.state.is_closed();
        if from != self.colour || to == from || !is_due {
            return Err(MatterError::NoChange);
        }
        let keep = |old: Option<Time>, least: Colour| {
            to.filter(|colour| *colour >= least).map(|_| old.unwrap_or(since))
        };
        (self.yellow_since, self.red_since) =
            (keep(self.yellow_since, Colour::Yellow), keep(self.red_since, Colour::Red));
        self.colour = to;
        Ok(())
    }

    fn excuse(&mut self, excused: &Excused) -> Result<(), MatterError> {
        self.approve(&excused.approver)?;
        if excused.until < excused.from {
            return Err(MatterError::ExcuseOver);
        }
        if self.excuses.len() >= PAUSES_MAX {
            return Err(MatterError::TooMany("excuses"));
        }
        let Excused { inputs, from, until, .. } = excused;
        self.excuses.push(Excuse { inputs: inputs.clone(), from: *from, until: *until });
        Ok(())
    }

    fn end_pause(&mut self, at: Time) {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.until.is_none()) {
            pause.until = Some(at.max(pause.from));
        }
    }

    pub fn is_paused(&self) -> bool {
        self.pauses.last().is_some_and(|pause| pause.until.is_none())
    }

    /// The pauses that ended, as days.
    pub fn stops(&self, zone: &CityZone) -> Vec<Stop> {
        self.stops_since(self.begun, zone)
    }

    fn stops_since(&self, since: Time, zone: &CityZone) -> Vec<Stop> {
        let pauses = self.pauses.iter().filter(|pause| pause.from >= since);
        let days =
            |pause: &Pause| Some(Stop { from: zone.day_of(pause.from), until: zone.day_of(pause.until?) });
        pauses.filter_map(days).collect()
    }

    /// The last day on which it is in time; none while its clock stands, since nobody knows for how long.
    pub fn deadline(&self, calendar: &Calendar, zone: &CityZone) -> Option<Answer<Day>> {
        let since = match self.due {
            Due::On { .. } => self.due_set,
            Due::Within { .. } => self.begun,
        };
        (!self.is_paused()).then(|| self.due.deadline(calendar, &self.stops_since(since, zone)))
    }

    /// The day on which what was submitted took effect: the latest of the evidence's.
    pub fn effective(&self) -> Option<Day> {
        self.submission.as_ref()?.evidence.iter().map(|evidence| evidence.effective).max()
    }

    /// Whether what was submitted took effect by the deadline; none if nothing was submitted.
    pub fn is_in_time(&self, calendar: &Calendar, zone: &CityZone) -> Option<bool> {
        Some(self.effective()? <= self.deadline(calendar, zone)?.value)
    }
}
