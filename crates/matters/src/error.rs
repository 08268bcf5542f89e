use base::SubjectId;

use crate::matter::Version;
use crate::state::{State, Verb};

/// Why a calendar, a rule or a move of a matter is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatterError {
    #[error("the year of holidays is not accepted: {field}: {detail}")]
    Notice { field: String, detail: String },
    #[error("the colour rule is not accepted: {field}: {detail}")]
    Rule { field: String, detail: String },
    #[error("there is no colour rule {0:?}")]
    UnknownRule(String),
    #[error("version {version} of the rule does not follow version {found}, which is in force")]
    OldVersion { version: u32, found: u32 },
    #[error("{0} is not of the form {1}")]
    Id(SubjectId, &'static str),
    #[error("a matter that is {} cannot be {}", state.title_en(), verb.as_str())]
    Forbidden { state: State, verb: Verb },
    #[error("the matter is paused: resume it first")]
    Paused,
    #[error("the matter is not paused")]
    NotPaused,
    #[error(
        "somebody moved the matter meanwhile: it is at version {found}, not {expected}; look at it again"
    )]
    Conflict { expected: Version, found: Version },
    #[error("the event is of another matter")]
    OtherMatter,
    #[error("only the post that owns the matter may do this")]
    NotOwner,
    #[error("only the post that reviews the matter may do this")]
    NotReviewer,
    #[error("the reviewer may be neither the owner nor a helper")]
    ReviewerTakesPart,
    #[error("the approver may not be the owner")]
    OwnerApproves,
    #[error("nobody accepts what they submitted themselves")]
    OwnWork,
    #[error("the post takes part already")]
    TakesPart,
    #[error("nothing proves that the matter is done")]
    NoEvidence,
    #[error("a fixed day moves to a later day, and a term grows by days")]
    NoExtension,
    #[error("there are too many {0}")]
    TooMany(&'static str),
    #[error("the excuse ends before it begins")]
    ExcuseOver,
    #[error("the change of colour does not start from the matter's colour or changes nothing")]
    NoChange,
    #[error("level {0} was fired before")]
    FiredBefore(u8),
}
