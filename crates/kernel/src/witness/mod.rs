//! The witness (见证): cosigns the checkpoints of logs that an administrator trusts, as C2SP tlog-witness says, and holds on
//! to one that contradicts itself.
//!
//! Of each log the checkpoint that was cosigned last is kept, and is on disk before the cosignature is given out; it is
//! no entry. Which logs are trusted, each fork with its evidence, and who acknowledged it are entries of the root book.

mod cosign;
mod judge;
mod kinds;
mod logs;

use base::limits::NAME_CHARS_MAX;
use store::StoreError;

use crate::AppendError;

pub use cosign::Refusal;
pub use kinds::{ForkAcknowledged, ForkFound, LogDropped, LogTrusted};
pub use logs::{FoundFork, TrustedLog, WitnessedLog};

pub(crate) use logs::apply;

/// Logs that are trusted at most.
pub const TRUSTED_MAX: usize = 500;
/// Origins that are kept at most of one trusted log: whoever holds its key may name as many as they like.
pub const WITNESSED_MAX: usize = 20_000;
/// Forks of one trusted log that wait to be acknowledged; with as many no more are looked for. They prove what is to be proved.
pub const FORKS_OPEN_MAX: i64 = 20;
/// How long a log may go without a cosignature before it lags: a server of ours asks for one an hour, whether or not its
/// book has grown.
pub const LAG_MS: i64 = 3 * 60 * 60 * 1000;

/// The sort of the matters that forks become.
pub(crate) const SORT: &str = "kernel.fork";

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error(transparent)]
    Malformed(#[from] merkle::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Append(AppendError<()>),
}

/// A title that fits a matter.
fn clipped(title: &str) -> String {
    title.chars().take(NAME_CHARS_MAX).collect()
}
