//! What a recall of a lot reaches: the lots that came out of it, the slips that were printed, and the share of its grams
//! that is accounted for.

use base::{BookId, Grams, SubjectId};
use kernel::Kernel;
use serde::Serialize;
use store::StoreError;
use trace::Direction;

use crate::state::{self, Block, Blocks, Lot};

/// The account of a recall.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Recall {
    pub lot: Lot,
    /// Slips of the lot and of every lot that came out of it, at most [`Recall::SLIPS_SHOWN`] of them.
    pub slips: Vec<String>,
    pub slips_total: usize,
    /// Lots that came out of this one, in this market.
    pub descendants: Vec<Lot>,
    /// Other lots of the same supplier and product that are still open.
    pub siblings: Vec<Lot>,
    pub blocks: Vec<Block>,
    /// Grams sold on slips, of the lot and its descendants.
    pub sold_g: Grams,
    /// Grams lost or destroyed.
    pub lost_g: Grams,
    /// Grams that should still be at a stall, under the block.
    pub left_g: Grams,
    /// Sold, lost or left: what is accounted for of what was received.
    pub accounted_g: Grams,
    /// Why the walk was cut, if it was.
    pub cut: Option<String>,
}

impl Recall {
    pub const SLIPS_SHOWN: usize = 1_000;
}

/// Walks forward from a lot; `None` if there is no such lot.
pub fn recall(kernel: &Kernel, book: &BookId, code: &str) -> Result<Option<Recall>, StoreError> {
    let Some(lot) = kernel.read(|tx| state::lot(tx, book, code))? else { return Ok(None) };
    let subject =
        SubjectId::local("lot", book, code).map_err(|error| StoreError::Schema(error.to_string()))?;
    let walk = kernel.walk(&subject, Direction::Forward)?;
    let home = |subject: &SubjectId, scheme: &str| {
        subject.scheme() == scheme && subject.home() == Some(book.as_str())
    };
    let reached = walk.steps.iter().skip(1).map(|step| &step.subject);
    let codes: Vec<&str> = reached.clone().filter(|s| home(s, "lot")).map(SubjectId::local_part).collect();
    let slips_total = reached.clone().filter(|s| home(s, "slip")).count();
    let slips = reached
        .filter(|s| home(s, "slip"))
        .take(Recall::SLIPS_SHOWN)
        .map(|s| s.local_part().to_owned())
        .collect();
    let (descendants, siblings, blocks) = kernel.read(|tx| {
        let descendants = state::lots(tx, book, &codes)?;
        let filter = state::LotFilter {
            supplier: Some(&lot.supplier),
            product: Some(&lot.product),
            ..Default::default()
        };
        let siblings = state::list_lots(tx, book, &filter, 200, 0)?;
        Ok((descendants, siblings, state::blocks(tx, book, Blocks::OfLot(code))?))
    })?;
    let siblings = siblings
        .into_iter()
        .filter(|other| {
            other.lot != lot.lot && other.left_g().0 > 0 && !descendants.iter().any(|d| d.lot == other.lot)
        })
        .collect();
    let all = || std::iter::once(&lot).chain(&descendants);
    let sold_g = all().map(|lot| lot.sold_g).sum();
    let lost_g = all().map(|lot| lot.lost_g).sum();
    let left_g: Grams = all().map(|lot| Grams(lot.left_g().0.max(0))).sum();
    let cut =
        walk.cut.and_then(|cut| serde_json::to_value(cut).ok()).and_then(|v| v.as_str().map(str::to_owned));
    Ok(Some(Recall {
        accounted_g: sold_g + lost_g + left_g,
        slips,
        slips_total,
        siblings,
        blocks,
        sold_g,
        lost_g,
        left_g,
        cut,
        descendants,
        lot,
    }))
}
