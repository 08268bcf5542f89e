//! Matters (事项): what somebody still owes. Workdays and deadlines, the state of a matter, its colour under a city's rule,
//! the ladder of escalation, and what of it falls due when. Pure: the time is an argument, and everything that happens
//! is an entry.

mod calendar;
mod colour;
mod error;
mod event;
mod id;
mod input;
mod kinds;
mod ladder;
mod matter;
mod notice;
mod phased;
mod presets;
mod rule;
mod rulebook;
mod state;
mod term;
mod watch;

pub use calendar::{Answer, Calendar, DayKind, WorkDays};
pub use colour::{Assessment, Colour, Reason};
pub use error::MatterError;
pub use event::{Event, Move};
pub use id::{MatterId, PostId};
pub use input::{Facts, Input, Unit};
pub use kinds::*;
pub use ladder::{Ladder, NotTimeOfDay, Step, TimeOfDay};
pub use matter::{Excuse, MOVES_OF_PARTS_MAX, Matter, Pause, Submission, Version};
pub use notice::{NoticeDay, YearNotice};
pub use phased::{Between, NotPhased, POINTS_MAX, Phased, Point, Points};
pub use presets::Preset;
pub use rule::{Band, ColourRule, Dimension, When};
pub use rulebook::{CaughtUp, Rulebook};
pub use state::{State, Verb};
pub use term::{DayUnit, Due, FirstDay, LastDay, Stop, TERM_DAYS_MAX, Term};
pub use watch::Watch;
