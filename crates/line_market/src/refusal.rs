use kernel::DocketError;
use ledger::{BodyError, Rule};
use serde::{Deserialize, Serialize};

/// Why the market refuses to record something: the rule, the field that breaks it, and where in a batch it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct Refusal {
    pub code: Code,
    pub field: String,
    pub detail: String,
    /// The line of a batch, from 0.
    pub index: Option<usize>,
}

/// The market's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    UnknownKind,
    Body,
    UnknownStall,
    UnknownMerchant,
    UnknownProduct,
    UnknownLot,
    UnknownScale,
    UnknownSlip,
    UnknownEntry,
    /// An event of others tells what only our own entries may.
    OwnSubject,
    Exists,
    NotLeased,
    AlreadyLeased,
    ForeignLot,
    HeldLot,
    NotHeld,
    AlreadyHeld,
    AncestorHeld,
    /// Slips carry the market's GTIN.
    SlipsPrinted,
    NoBlock,
    MassBalance,
    /// Fewer jobs than none.
    TooFewJobs,
    ProductMismatch,
    CounterReused,
    VerificationExpired,
    RetestMissing,
    AlreadySettled,
    RecallOpen,
    RecallEnded,
    /// A matter that follows from the record cannot be opened or closed.
    Duty,
    FutureTime,
    /// Before it can have happened, or longer ago than it may be told.
    PastTime,
    TooMany,
    /// A paper or a verification that would run longer than any does.
    RunsTooLong,
    /// As many lots came out of one as may.
    TooManyLots,
    /// As many lots came to a merchant on a day as are written down.
    TooManyArrivals,
    /// As many scales stand at a stall, or in the market, as may.
    TooManyScales,
    TooManyStalls,
    TooManyMerchants,
    TooManyProducts,
    /// As many complaints about slips were filed at a market on a day as may.
    TooManyComplaints,
    /// As many complaints without a slip were taken down on a day as may.
    TooManyComplaintsOfDay,
    /// A paper or verification is said to end before the day that is recorded.
    EndsEarlier,
    /// As many offers were made from one stall to another within a day as may.
    TooManyOffers,
    /// What is recorded of has gone to somebody else since the request came.
    OtherOwner,
    /// An outside system recorded as much on a day as one may.
    CapturedOfDay,
    /// As many events of outside systems tell of a lot as may.
    ToldOfLot,
    /// As many queries were named, and subscriptions opened to them, by one owner on a day as may.
    OpenedOfDay,
    /// As many sales of a scale, prices of a stall or losses of a merchant were recorded on a day as may.
    SalesOfDay,
    TooManyPrices,
    TooManyLosses,
    /// As many tests of a lot, releases of it, moves or verifications of a scale, leases of a stall or changes of products were
    /// recorded on a day as may.
    TooManyTests,
    TooManyReleases,
    TooManyRecalls,
    TooManyPapers,
    TooManyAssignments,
    TooManyOfScale,
    TooManyLeases,
    TooManyProductsOfDay,
    /// As many complaints about one slip were filed on a day as may.
    TooManyComplaintsOfSlip,
}

impl Code {
    /// The rule's name in problem documents, such as `held-lot`.
    pub fn name(self) -> String {
        crate::apply::word(&self)
    }

    /// Whether the request contradicts what is recorded, rather than being wrong in itself.
    pub fn is_conflict(self) -> bool {
        matches!(
            self,
            Self::Exists
                | Self::AlreadyLeased
                | Self::HeldLot
                | Self::AlreadyHeld
                | Self::AncestorHeld
                | Self::SlipsPrinted
                | Self::NotHeld
                | Self::CounterReused
                | Self::MassBalance
                | Self::TooFewJobs
                | Self::AlreadySettled
                | Self::RecallOpen
                | Self::RecallEnded
                | Self::TooManyLots
                | Self::TooManyArrivals
                | Self::TooManyScales
                | Self::TooManyStalls
                | Self::TooManyMerchants
                | Self::TooManyProducts
                | Self::TooManyComplaints
                | Self::TooManyComplaintsOfDay
                | Self::TooManyOffers
                | Self::TooManyPrices
                | Self::TooManyLosses
                | Self::TooManyTests
                | Self::TooManyReleases
                | Self::TooManyRecalls
                | Self::TooManyPapers
                | Self::TooManyAssignments
                | Self::TooManyOfScale
                | Self::TooManyLeases
                | Self::TooManyProductsOfDay
                | Self::TooManyComplaintsOfSlip
        )
    }
}

/// Characters of what is told of a document of others, and of where in it: both repeat what stands there.
pub const TOLD_CHARS_MAX: usize = 300;

/// A text as far as it is told.
pub fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TOLD_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Refusal {
    pub fn new(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, field: field.into(), detail: detail.into(), index: None }
    }

    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }
}

impl From<DocketError> for Refusal {
    fn from(error: DocketError) -> Self {
        let field = match &error {
            DocketError::UnknownPost(_) | DocketError::FarPost { .. } => "body.answering",
            DocketError::UnknownEvidence(_) => "evidence",
            _ => "",
        };
        Self::new(Code::Duty, field, error.to_string())
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let code = if error.field == "occurred" && error.rule == Rule::Range {
            Code::FutureTime
        } else {
            Code::Body
        };
        Self::new(code, error.field, error.detail)
    }
}
