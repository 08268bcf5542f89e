//! The docket: matters as tables that follow from their entries, what may be done with them at the desk, the clock that
//! looks at those that fall due, and the lists that people read.

mod apply;
mod clock;
mod desk;
mod figures;
mod hues;
mod law;
mod part;
mod posts;
mod read;
mod schema;
mod tell;

use base::{BookId, Day, KindName};
use matters::{MatterError, MatterId, PostId};

pub use clock::{Tended, clock_actor};
pub use desk::Moved;
pub use posts::Named;
pub use read::{Listed, MatterFilter, Part, Standing, Verdict, matter};

pub(crate) use apply::apply;
pub(crate) use desk::Seats;
pub(crate) use figures::{FIGURES, RATIOS, contribute, sort_of};
pub(crate) use hues::fill;
pub(crate) use law::Rulebooks;
pub(crate) use posts::Asked;
pub(crate) use schema::{CLOSED_INDEXES, COLOURED_INDEX, DERIVED, HUE_TABLE, TABLES, WAKE_ALL};

use crate::line::MatterSort;

/// The sort of tasks, which people open by hand.
pub const TASK_SORT: &str = "kernel.task";
/// Open tasks that one post reviews, those that one other owes or helps with, and all.
pub const TASKS_ON_POST_MAX: usize = 100;
pub const TASKS_OF_POST_MAX: usize = 1_000;
/// Open tasks of a book that one post owes or helps with, whoever reviews them.
pub const TASKS_OWED_MAX: usize = 300;
/// Holders of a post, and others who act for it, of whom each is asked about when it comes to help.
pub const ACTING_ASKED_MAX: usize = 200;

/// The sorts that belong to no line.
pub(crate) const SORTS: &[MatterSort] = &[
    MatterSort { name: TASK_SORT, title_zh: "交办事项", title_en: "Assigned task" },
    MatterSort { name: crate::witness::SORT, title_zh: "日志分叉", title_en: "Fork of a log" },
];

/// Why nothing was done with a matter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocketError {
    #[error(transparent)]
    Matter(#[from] MatterError),
    #[error("there is no matter {0}")]
    Unknown(MatterId),
    #[error("there is a matter {0} already")]
    Exists(MatterId),
    #[error("{matter} does not belong to the book {book}")]
    OtherBook { matter: MatterId, book: BookId },
    #[error("no line has matters of the sort {0}")]
    UnknownSort(KindName),
    #[error("there is no post {0}")]
    UnknownPost(PostId),
    #[error("{0} is neither the reviewer nor of a unit at or above both the owner's and the reviewer's")]
    NoApprover(PostId),
    #[error("whoever acts does not hold {0}, in whose name it is approved")]
    NotHeld(PostId),
    #[error("{count} tasks {of} are open, as many as may")]
    TooManyTasks { count: usize, of: String },
    #[error("nobody reviews or approves what they owe, help with or submitted themselves")]
    OwnApproval,
    #[error(
        "whoever holds {post} reviews the matter, or may approve from above: only the reviewer brings them in"
    )]
    Judges { post: PostId, field: &'static str },
    #[error(
        "more than {ACTING_ASKED_MAX} hold {post}, are to hold it or act for it: only the reviewer brings it in"
    )]
    HeldByMany { post: PostId, field: &'static str },
    #[error("{0} is past: a deadline lies ahead, and counts from today at the earliest")]
    PastDue(Day),
    #[error("{post} lies outside the county of the book {book}")]
    FarPost { post: PostId, book: BookId },
    #[error("{0} is not among the evidence of the matter's book")]
    UnknownEvidence(String),
    /// What follows from it is reckoned ahead of the writer, and tried again.
    #[error("what {0} is judged by has changed and is being reckoned; try again")]
    NotReckoned(MatterId),
    /// A rule of the line that the matter belongs to.
    #[error("{en}")]
    Line { zh: String, en: String },
}
