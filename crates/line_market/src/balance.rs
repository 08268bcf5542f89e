//! What is told of the balance of lots. By the posted prices, what was sold of every lot is what every stall took, so that lists
//! leave it out for whoever may not read takings.

use std::ops::Deref;

use base::Grams;
use serde::Serialize;

use crate::policy::READ_TAKINGS;
use crate::state::Lot;

/// A lot, with what was sold of it where the reader is told.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ToldLot {
    #[serde(flatten)]
    row: Lot,
    /// Grams sold; null where they are withheld.
    pub sold_g: Option<Grams>,
    /// Grams transferred or split off; null where those sold are withheld, which follow from them.
    pub moved_g: Option<Grams>,
    /// Grams lost; null like `moved_g`.
    pub lost_g: Option<Grams>,
    /// The action that the reader would need to be told what was sold, where that is left out.
    pub withheld: Option<&'static str>,
}

impl ToldLot {
    /// A lot as a list tells of it to somebody who may read takings, or may not.
    pub fn of(lot: Lot, takings: bool) -> Self {
        let whole = Self {
            sold_g: Some(lot.sold_g),
            moved_g: Some(lot.moved_g),
            lost_g: Some(lot.lost_g),
            withheld: None,
            row: lot,
        };
        if takings { whole } else { whole.without_takings() }
    }

    /// The same for somebody who may not read takings: with the balance of a lot that is held, which a recall goes by, and
    /// with no other.
    #[must_use]
    pub fn without_takings(self) -> Self {
        match self.row.hold {
            Some(_) => self,
            None => Self { sold_g: None, moved_g: None, lost_g: None, withheld: Some(READ_TAKINGS), ..self },
        }
    }

    /// Whether anything of it may still be at the stall, by what the reader is told: not of every lot whether it is sold out.
    pub fn may_be_left(&self) -> bool {
        let left = Grams(self.row.received_g.0 - self.row.moved_g.0 - self.row.lost_g.0);
        left > self.sold_g.unwrap_or(Grams(0))
    }

    /// What should still be at the stall, which tells what was sold.
    pub fn left_g(&self) -> Option<Grams> {
        self.sold_g.map(|_| self.row.left_g())
    }
}

impl Deref for ToldLot {
    type Target = Lot;

    fn deref(&self) -> &Lot {
        &self.row
    }
}
