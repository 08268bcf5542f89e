//! Plans (进度计划) of projects: taken over from the files that planners work in, reckoned through by the schedule engine,
//! and kept as entries like everything else.
//!
//! A plan is what its entries say: taken over in parts that each fit into an entry, then changed. Its dates are in no
//! entry and in no table: they follow, and are reckoned whenever somebody asks.

mod ahead;
pub mod api;
mod apply;
mod change;
mod clock;
mod curve;
mod explain;
pub mod export;
mod import;
pub mod kinds;
mod model;
mod office;
mod outlook;
pub mod pages;
mod read;
mod room;
pub mod state;
pub mod taken;
pub(crate) mod years;

pub(crate) use ahead::{Turn, prepare, reckoned_with, turn};
pub use apply::apply;
pub use change::{Change, ChangeError};
pub use clock::Clock;
pub use curve::{CurvePoint, Earned, curve};
pub use explain::{PlanError, explain};
pub use import::{Import, ImportError, read as read_file};
pub use model::Model;
pub use office::office_hours;
pub use outlook::{ActivityReport, Frozen, Held, Known, Outlook, WHOLE_BP};
pub use read::{Reckoned, outlook};
