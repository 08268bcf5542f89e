use std::fmt;

use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::{Calendar, Minutes, Moment, ScheduleError};

macro_rules! place {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            pub(crate) fn at(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

place!(
    /// The place of an activity in its plan, from 0.
    ActivityId
);
place!(
    /// The place of a link in its plan, from 0.
    LinkId
);
place!(
    /// The place of a calendar in its plan, from 0.
    CalendarId
);

/// Activities, links and calendars: all that a schedule follows from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub calendars: Vec<Calendar>,
    /// The project's calendar.
    pub calendar: CalendarId,
    pub activities: Vec<Activity>,
    /// A place is empty where a link was removed, so that the others keep theirs.
    pub links: Vec<Option<Link>>,
}

impl Plan {
    /// Sums over the longest chain stay within 63 bits.
    pub const ACTIVITIES_MAX: usize = 4_000_000;
    pub const LINKS_MAX: usize = 16_000_000;
    pub const CALENDARS_MAX: usize = 1_000;

    /// A plan without activities, on one calendar.
    pub fn new(calendar: Calendar) -> Self {
        Self { calendars: vec![calendar], calendar: CalendarId(0), activities: Vec::new(), links: Vec::new() }
    }

    /// Adds an activity on the project's calendar.
    pub fn activity(&mut self, duration: Minutes) -> ActivityId {
        self.push(Activity::new(self.calendar, duration))
    }

    pub fn push(&mut self, activity: Activity) -> ActivityId {
        self.activities.push(activity);
        ActivityId(place(self.activities.len() - 1))
    }

    pub fn calendar(&mut self, calendar: Calendar) -> CalendarId {
        self.calendars.push(calendar);
        CalendarId(place(self.calendars.len() - 1))
    }

    pub fn link(&mut self, link: Link) -> LinkId {
        self.links.push(Some(link));
        LinkId(place(self.links.len() - 1))
    }

    /// The activities whose constraints contradict each other, as far as they have progressed.
    pub fn contradictions(&self) -> Vec<ActivityId> {
        Network::contradictions(self)
    }
}

/// Numbers beyond what a plan may hold become one that no plan holds, and are refused with it.
fn place(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Work that takes time; a milestone is one without duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub calendar: CalendarId,
    /// Working time of its calendar.
    pub duration: Minutes,
    #[serde(default)]
    pub progress: Progress,
    /// All of them hold; mostly there is none.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Moves no date: a finish that is later shows as negative float.
    #[serde(default)]
    pub deadline: Option<Moment>,
    /// Where within its float it is planned; by default early when scheduling from the start, late from the deadline.
    #[serde(default)]
    pub wish: Option<Wish>,
}

impl Activity {
    pub fn new(calendar: CalendarId, duration: Minutes) -> Self {
        let progress = Progress::NotStarted;
        Self { calendar, duration, progress, constraints: Vec::new(), deadline: None, wish: None }
    }

    /// Working time left to do.
    pub fn remaining(&self) -> Minutes {
        match self.progress {
            Progress::NotStarted => self.duration,
            Progress::Started { remaining: Remaining::Time(time), .. } => time,
            Progress::Started { remaining: Remaining::Percent(done), .. } => {
                let left = 100 - i64::from(done.min(100));
                Minutes((self.duration.0 * left + 99) / 100)
            }
            Progress::Finished { .. } => Minutes(0),
        }
    }

    pub(crate) fn check(&self, id: ActivityId, calendars: usize) -> Result<(), ScheduleError> {
        if self.calendar.at() >= calendars {
            return Err(ScheduleError::MissingCalendar { calendar: self.calendar });
        }
        let moments = match self.progress {
            Progress::NotStarted => [None; 2],
            Progress::Started { at, remaining } => {
                if let Remaining::Percent(percent @ 101..) = remaining {
                    return Err(ScheduleError::Percent { activity: id, percent });
                }
                [Some(at), None]
            }
            Progress::Finished { start, finish } if finish < start => {
                return Err(ScheduleError::FinishedBeforeStart { activity: id });
            }
            Progress::Finished { start, finish } => [Some(start), Some(finish)],
        };
        let spans = [self.duration, self.remaining()];
        if spans.iter().any(|span| span.0 < 0) {
            return Err(ScheduleError::NegativeDuration { activity: id });
        }
        let constrained = self.constraints.iter().map(|constraint| constraint.moment());
        let mut moments = moments.into_iter().flatten().chain(self.deadline).chain(constrained);
        if spans.iter().all(|span| span.is_in_range()) && moments.all(Moment::is_in_range) {
            Ok(())
        } else {
            Err(ScheduleError::OutOfRange)
        }
    }
}

/// What has happened of an activity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    #[default]
    NotStarted,
    Started {
        at: Moment,
        remaining: Remaining,
    },
    Finished {
        start: Moment,
        finish: Moment,
    },
}

/// What is left of an activity that has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Remaining {
    Time(Minutes),
    /// Of the duration, this part is done; the rest is rounded up to the minute.
    Percent(u8),
}

/// Where within its float an activity is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// ASAP; planning from the deadline, as soon as what comes before it is planned to allow.
    AsSoonAsPossible,
    /// ALAP; planning from the start, as late as what comes after it is planned to allow.
    AsLateAsPossible,
}

/// A bound on the dates of an activity. At a moment without work it means the break around it: what must finish no
/// earlier than a Sunday may finish on the Friday before, since no work lies between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Constraint {
    /// SNET: bounds the early dates.
    StartNoEarlier(Moment),
    /// SNLT: bounds the late dates.
    StartNoLater(Moment),
    /// FNET: bounds the early dates.
    FinishNoEarlier(Moment),
    /// FNLT: bounds the late dates.
    FinishNoLater(Moment),
    /// MSO: fixes early and late dates, whatever the links say; at a moment without work, at the next with it.
    MustStart(Moment),
    /// MFO: fixes early and late dates, whatever the links say; at a moment without work, at the last with it.
    MustFinish(Moment),
}

impl Constraint {
    pub fn moment(self) -> Moment {
        match self {
            Self::StartNoEarlier(at)
            | Self::StartNoLater(at)
            | Self::FinishNoEarlier(at)
            | Self::FinishNoLater(at)
            | Self::MustStart(at)
            | Self::MustFinish(at) => at,
        }
    }
}

/// What must lie before what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkKind {
    /// FS: the successor starts after the predecessor has finished.
    FinishToStart,
    /// SS: the successor starts after the predecessor has started.
    StartToStart,
    /// FF: the successor finishes after the predecessor has finished.
    FinishToFinish,
    /// SF: the successor finishes after the predecessor has started.
    StartToFinish,
}

/// Whose working time a lag is counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LagCalendar {
    #[default]
    Predecessor,
    Successor,
    Project,
    /// Every minute of every day, as concrete cures.
    Elapsed,
}

/// A dependency of one activity on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub predecessor: ActivityId,
    pub successor: ActivityId,
    pub kind: LinkKind,
    /// At least so much time lies between the two; negative for a lead.
    pub lag: Minutes,
    pub lag_calendar: LagCalendar,
}

impl Link {
    /// FS without lag.
    pub fn finish_to_start(predecessor: ActivityId, successor: ActivityId) -> Self {
        Self::new(predecessor, successor, LinkKind::FinishToStart, Minutes(0))
    }

    /// With its lag in the predecessor's calendar.
    pub fn new(predecessor: ActivityId, successor: ActivityId, kind: LinkKind, lag: Minutes) -> Self {
        Self { predecessor, successor, kind, lag, lag_calendar: LagCalendar::Predecessor }
    }
}

/// What a schedule is reckoned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anchor {
    /// Forward: nothing starts before `start`, and the finish follows. The late dates are reckoned from that finish, or
    /// from the deadline if it is earlier.
    Start { start: Moment, deadline: Option<Moment> },
    /// Backward (倒排工期): everything is finished by `deadline`, and the latest possible start follows. The early dates
    /// are reckoned from that start, or from `start` if it is later.
    Deadline { deadline: Moment, start: Option<Moment> },
}

/// How to schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub anchor: Anchor,
    /// The data date: what is left to do is not scheduled before it.
    pub status: Option<Moment>,
    pub out_of_sequence: OutOfSequence,
}

impl Terms {
    pub fn from_start(start: Moment) -> Self {
        Self::new(Anchor::Start { start, deadline: None })
    }

    pub fn from_deadline(deadline: Moment) -> Self {
        Self::new(Anchor::Deadline { deadline, start: None })
    }

    pub fn new(anchor: Anchor) -> Self {
        Self { anchor, status: None, out_of_sequence: OutOfSequence::RetainedLogic }
    }

    pub(crate) fn check(&self) -> Result<(), ScheduleError> {
        let (start, deadline) = match self.anchor {
            Anchor::Start { start, deadline } => (Some(start), deadline),
            Anchor::Deadline { deadline, start } => (start, Some(deadline)),
        };
        if let (Some(start), Some(deadline)) = (start, deadline)
            && deadline < start
        {
            return Err(ScheduleError::DeadlineBeforeStart { start, deadline });
        }
        let mut moments = [start, deadline, self.status].into_iter().flatten();
        if moments.all(Moment::is_in_range) { Ok(()) } else { Err(ScheduleError::OutOfRange) }
    }
}

/// What links mean to an activity that has started before they allowed it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutOfSequence {
    /// The rest of its work waits for them.
    #[default]
    RetainedLogic,
    /// They no longer hold it.
    ProgressOverride,
}
