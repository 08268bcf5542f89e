//! What a recall of a lot reaches: the lots that came out of it, the slips that were printed, and the share of its grams
//! that is accounted for.

use std::collections::HashSet;

use base::{BookId, Grams};
use kernel::Kernel;
use serde::Serialize;
use store::StoreError;

use crate::balance::ToldLot;
use crate::policy::READ_TAKINGS;
use crate::state::{self, Block, Blocks};

/// Lots of the same supplier and product that are told, and lots that are looked at for them, the latest first.
const SIBLINGS_MAX: usize = 200;
const SIBLINGS_READ: usize = 10_000;
/// Lots that are looked at at a time.
const PAGE: usize = 500;

/// The account of a recall.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Recall {
    pub lot: ToldLot,
    /// Slips of the lot and of every lot that came out of it, at most [`Recall::SLIPS_SHOWN`] of them.
    pub slips: Vec<String>,
    /// Null where it is withheld, like `sold_g`, `left_g` and `accounted_g`.
    pub slips_total: Option<usize>,
    /// The action that the reader would need to be told the slips and the balance, where they are left out: those of a lot
    /// that was never held are takings and nothing else.
    pub withheld: Option<&'static str>,
    /// Whether the lot was ever held.
    #[serde(skip)]
    pub was_held: bool,
    /// Lots that came out of this one, in this market.
    pub descendants: Vec<ToldLot>,
    /// Other lots of the same supplier and product that are still open, the latest first; those that are sold out as well, where
    /// what was sold is withheld.
    pub siblings: Vec<ToldLot>,
    /// Whether there may be more of them.
    pub siblings_cut: bool,
    pub blocks: Vec<Block>,
    /// Grams sold on slips, of the lot and its descendants.
    pub sold_g: Option<Grams>,
    /// Grams lost or destroyed.
    pub lost_g: Grams,
    /// Grams that should still be at a stall, under the block.
    pub left_g: Option<Grams>,
    /// Sold, lost or left: what is accounted for of what was received.
    pub accounted_g: Option<Grams>,
}

impl Recall {
    pub const SLIPS_SHOWN: usize = 1_000;

    /// The same for somebody who may not read takings: with the slips and the balance of a lot that was held, which are what a
    /// recall is after, and with no others.
    fn without_takings(self) -> Self {
        if self.was_held {
            return self;
        }
        Self {
            lot: self.lot.without_takings(),
            descendants: self.descendants.into_iter().map(ToldLot::without_takings).collect(),
            slips: Vec::new(),
            slips_total: None,
            sold_g: None,
            left_g: None,
            accounted_g: None,
            withheld: Some(READ_TAKINGS),
            ..self
        }
    }
}

/// What came out of a lot, as it is told to somebody who may read takings, or may not; `None` if there is no such lot.
///
/// The lots are found step by step. No more slips are read than are shown.
pub fn recall(
    kernel: &Kernel,
    book: &BookId,
    code: &str,
    takings: bool,
) -> Result<Option<Recall>, StoreError> {
    kernel.read(|tx| {
        let Some(lot) = state::lot(tx, book, code)? else { return Ok(None) };
        let codes: Vec<String> = state::descendants(tx, book, code)?.into_iter().map(|it| it.lot).collect();
        let descendants = state::lots(tx, book, &codes)?;
        let filter = state::LotFilter {
            supplier: Some(&lot.supplier),
            product: Some(&lot.product),
            ..Default::default()
        };
        let mut family = vec![lot.lot.clone()];
        family.extend(codes);
        let own: HashSet<&str> = family.iter().map(String::as_str).collect();
        let (mut siblings, mut read, mut is_last) = (Vec::new(), 0, false);
        while !is_last && siblings.len() <= SIBLINGS_MAX && read < SIBLINGS_READ {
            let page = state::list_lots(tx, book, &filter, PAGE, read)?;
            (read, is_last) = (read + page.len(), page.len() < PAGE);
            let others = page.into_iter().filter(|it| !own.contains(it.lot.as_str()));
            siblings.extend(others.map(|it| ToldLot::of(it, takings)).filter(ToldLot::may_be_left));
        }
        let siblings_cut = !is_last || siblings.len() > SIBLINGS_MAX;
        siblings.truncate(SIBLINGS_MAX);
        let slips = state::slips(tx, book, &family, Recall::SLIPS_SHOWN)?;
        let all = || std::iter::once(&lot).chain(&descendants);
        let slips_total = all().map(|lot| usize::try_from(lot.slips).unwrap_or_default()).sum();
        let sold_g: Grams = all().map(|lot| lot.sold_g).sum();
        let lost_g = all().map(|lot| lot.lost_g).sum();
        let left_g: Grams = all().map(|lot| Grams(lot.left_g().0.max(0))).sum();
        let whole = Recall {
            accounted_g: Some(sold_g + lost_g + left_g),
            slips,
            slips_total: Some(slips_total),
            withheld: None,
            was_held: !state::holds(tx, book, &[code], 1)?.is_empty(),
            siblings,
            siblings_cut,
            blocks: state::blocks(tx, book, Blocks::OfLot(code))?,
            sold_g: Some(sold_g),
            lost_g,
            left_g: Some(left_g),
            descendants: descendants.into_iter().map(|lot| ToldLot::of(lot, true)).collect(),
            lot: ToldLot::of(lot, true),
        };
        Ok(Some(if takings { whole } else { whole.without_takings() }))
    })
}
