use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

/// Why a number is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("the result does not fit 63 bits")]
    Overflow,
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $unit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(self.0.saturating_neg())
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self(0), Add::add)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.0, $unit)
            }
        }
    };
}

quantity!(
    /// Money in fen (分), a hundredth of a yuan (CNY).
    Fen,
    "fen"
);
quantity!(
    /// Weight in grams.
    Grams,
    "g"
);

impl Fen {
    /// The price of a weight at a price per kilogram, rounded half up to the fen.
    pub fn for_weight(weight: Grams, per_kg: Self) -> Result<Self, QuantityError> {
        let product = i128::from(weight.0) * i128::from(per_kg.0);
        let fen = (product + 500).div_euclid(1000);
        i64::try_from(fen).map(Self).map_err(|_| QuantityError::Overflow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_priced_half_up_to_the_fen() {
        let price = |g, fen| Fen::for_weight(Grams(g), Fen(fen)).unwrap();
        assert_eq!(price(500, 699), Fen(350));
        assert_eq!(price(1, 499), Fen(0));
        assert_eq!(price(1, 500), Fen(1));
        assert_eq!(price(1_250, 600), Fen(750));
        assert_eq!(Fen::for_weight(Grams(i64::MAX), Fen(i64::MAX)), Err(QuantityError::Overflow));
    }
}
