//! The words every other crate uses: identifiers, quantities, time and limits. No I/O.

mod id;
pub mod limits;
mod month;
mod quantity;
mod time;

pub use id::{AccountId, ActorId, BookId, IdError, KindName, Seq, SubjectId, UnitCode};
pub use month::Month;
pub use quantity::{Fen, Grams, QuantityError};
pub use time::{CityZone, Clock, Day, ManualClock, Time, TimeError};

/// A source of unpredictable bytes. Handed in, so that tests and simulations can be reproduced from a seed.
pub trait Entropy: Send {
    /// Fills `bytes`. An implementation for production must be cryptographically secure.
    fn fill(&mut self, bytes: &mut [u8]);

    /// 128 random bits, the size of a salt.
    fn salt(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }

    /// 256 random bits, the size of a secret.
    fn secret(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        bytes
    }
}
