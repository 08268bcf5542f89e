//! The demonstration year: plain files that the public API could load, and the days of trade that follow from a seed.
//!
//! What is a fact and what is made up stands in `demo/README.md`.

mod days;
mod dice;
mod goods;
mod incidents;
mod loader;
mod org;
mod projects;
mod rights;
mod setup;
mod today;
mod wholesale;

use std::sync::Arc;

use base::{ActorId, BookId, Time};
use kernel::{AdminError, AppendError, FigureError, Kernel};
use store::{StoreError, Tx};

pub use rights::{accounts, operator_token, scale_credentials};

use crate::loader::Loader;

const REGISTRY: &str = include_str!("../../../demo/registry.json");
const BEIYUAN: &str = include_str!("../../../demo/market/beiyuan.jsonl");
const XIAOSHEN: &str = include_str!("../../../demo/market/xiaoshen.jsonl");
const WHOLESALE: &str = include_str!("../../../demo/market/epcis-wholesale.jsonld");

/// Why the demonstration cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{file}, line {line}: {reason}")]
    File { file: &'static str, line: usize, reason: String },
    #[error("{0}")]
    Append(String),
    #[error("the installation's root is {0}, and the demonstration is of 371400")]
    OtherRoot(String),
    #[error(transparent)]
    Figure(#[from] FigureError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AppendError<AdminError>> for Error {
    fn from(error: AppendError<AdminError>) -> Self {
        match error {
            AppendError::Refused(refusal) => Self::Append(refusal.to_string()),
            other => Self::Append(other.to_string()),
        }
    }
}

/// What a load did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Entries recorded now, in all books; 0 if the demonstration was there.
    pub entries: u64,
}

/// Loads the demonstration: the org tree, both markets, their days of trade, and fresh lots for the day of `now`.
///
/// Every step is recorded once, whatever became of an earlier load: one that was cut off goes on where it stopped, and
/// one that was finished does nothing. Blocks for seconds.
pub fn load(kernel: &Arc<Kernel>, now: Time) -> Result<Loaded, Error> {
    let before = entries(kernel)?;
    let loader = Loader { kernel, actor: actor() };
    if !loader.is_done()? {
        org::load(kernel, &loader.actor, "registry.json", REGISTRY)?;
        loader.file(&book("beiyuan"), "beiyuan.jsonl", BEIYUAN)?;
        loader.file(&book("xiaoshen"), "xiaoshen.jsonl", XIAOSHEN)?;
        loader.wholesale(&book("beiyuan"), WHOLESALE)?;
        days::load(&loader)?;
        projects::load(&loader, now)?;
        for name in MARKETS {
            today::load(&loader, &book(name), now)?;
        }
        loader.finish()?;
    }
    Ok(Loaded { entries: entries(kernel)? - before })
}

/// The files as the seed gives them: name below `demo`, and text.
pub fn generated() -> [(&'static str, String); 4] {
    [
        ("market/beiyuan.jsonl", setup::BEIYUAN.print()),
        ("market/xiaoshen.jsonl", setup::XIAOSHEN.print()),
        ("market/epcis-wholesale.jsonld", wholesale::print()),
        ("projects/registry.json", projects::registry()),
    ]
}

/// The books of the demonstration's markets.
pub const MARKETS: [&str; 2] = ["beiyuan", "xiaoshen"];

fn book(name: &str) -> BookId {
    BookId::new(name).expect("the demonstration's books have valid names")
}

fn actor() -> ActorId {
    ActorId::new("system:demonstration").expect("the name has a scheme")
}

fn entries(kernel: &Kernel) -> Result<u64, StoreError> {
    let count = |tx: &mut dyn Tx| {
        let row = tx.query_one("select cast(coalesce(sum(size), 0) as bigint) from book", &[])?;
        row.map_or(Ok(0), |row| row.int(0))
    };
    Ok(kernel.read(count)?.cast_unsigned())
}
