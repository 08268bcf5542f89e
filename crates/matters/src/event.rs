use base::{ActorId, BookId, Time};
use ledger::{Body, BodyError, Draft, Entry, EntryError, Role};

use crate::MatterError;
use crate::id::MatterId;
use crate::kinds::{
    Acceptance, Accepted, Cancelled, Coloured, Escalated, Excused, Extended, HandedOver, HelperAdded, Opened,
    Paused, Reopened, Resumed, Returned, Submitted, Taken,
};
use crate::matter::Matter;
use crate::state::{State, Verb};

/// Something that happened to a matter, when, and who recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// When it counts: when it occurred, for the clock's moves the moment that the body names.
    pub at: Time,
    pub actor: ActorId,
    pub event: Event,
}

macro_rules! events {
    ($($name:ident),*) => {
        /// The body of an entry about a matter that is there.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event { $($name($name)),* }

        impl Event {
            pub fn verb(&self) -> Verb {
                match self { $(Self::$name(_) => Verb::$name),* }
            }

            pub fn matter(&self) -> &MatterId {
                match self { $(Self::$name(body) => &body.matter),* }
            }

            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $name::KIND),* }
            }

            /// The event of an entry; none if the entry is not of these kinds.
            pub fn read(entry: &Entry) -> Result<Option<Self>, EntryError> {
                Ok(match entry.kind.as_str() {
                    $($name::KIND => Some(Self::$name(entry.body()?)),)*
                    _ => None,
                })
            }

            fn draft_body(&self, book: &BookId, occurred: Time, actor: &ActorId) -> Result<Draft, BodyError> {
                match self { $(Self::$name(body) => Draft::new(book, occurred, actor, body)),* }
            }
        }

        $(impl From<$name> for Event {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*
    };
}

events!(
    Taken,
    Submitted,
    Returned,
    Accepted,
    Cancelled,
    Reopened,
    HandedOver,
    HelperAdded,
    Paused,
    Resumed,
    Extended,
    Coloured,
    Escalated,
    Excused
);

impl Event {
    /// The moment that an event of the clock names.
    pub fn since(&self) -> Option<Time> {
        match self {
            Self::Coloured(coloured) => Some(coloured.since),
            Self::Escalated(escalated) => Some(escalated.since),
            _ => None,
        }
    }

    /// The event with what the matter knows and figures need: its sort, the colour in which it changes hands, and the
    /// acceptance that it takes back.
    #[must_use]
    pub fn completed(mut self, matter: &Matter) -> Self {
        match &mut self {
            Self::Accepted(Accepted { sort, .. })
            | Self::Cancelled(Cancelled { sort, .. })
            | Self::Coloured(Coloured { sort, .. })
            | Self::Escalated(Escalated { sort, .. }) => sort.clone_from(&matter.sort),
            Self::Reopened(reopened) => {
                reopened.sort.clone_from(&matter.sort);
                let is_accepted = matter.state == State::Accepted;
                reopened.undone = is_accepted.then_some(Acceptance { in_time: matter.in_time });
            }
            Self::HandedOver(handover) => handover.colour = matter.colour,
            _ => {}
        }
        self
    }
}

impl Move {
    /// What an entry did to a matter; none if the entry is not of these kinds.
    pub fn read(entry: &Entry) -> Result<Option<Self>, EntryError> {
        let event = Event::read(entry)?;
        Ok(event.map(|event| Self {
            at: event.since().unwrap_or(entry.occurred),
            actor: entry.actor.clone(),
            event,
        }))
    }

    /// The draft of the entry, which the matter's owner answers for.
    pub fn draft(&self, book: &BookId, matter: &Matter) -> Result<Draft, BodyError> {
        let draft = self.event.draft_body(book, self.at, &self.actor)?;
        let draft = draft.subject(Role::About, matter.id.subject().clone());
        let draft = draft.answered_by(matter.owner.subject().clone());
        Ok(match &self.event {
            Event::Submitted(done) => {
                draft.with_evidence(done.evidence.iter().map(|evidence| evidence.digest.clone()).collect())
            }
            _ => draft,
        })
    }
}

impl Matter {
    /// The matter that an entry of opening began; none if the entry is of another kind.
    pub fn read(entry: &Entry) -> Result<Option<Result<Self, MatterError>>, EntryError> {
        if entry.kind.as_str() != Opened::KIND {
            return Ok(None);
        }
        Ok(Some(Self::open(&entry.body()?, entry.occurred)))
    }
}
