//! Time and randomness of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use base::{Clock, Entropy, Time};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_millis()).unwrap_or(Time::MAX.0))
    }
}

/// A cryptographically secure generator (ChaCha), seeded once by the system.
pub struct SystemEntropy(StdRng);

impl SystemEntropy {
    pub fn new() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has randomness");
        Self(StdRng::from_seed(seed))
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
