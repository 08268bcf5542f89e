use std::fmt;

use base::BookId;
use base::limits::SALES_PER_BATCH_MAX;

use crate::SimulateError;

/// What is played, by whom, against which server.
///
/// The seed decides what happens (weights, lots, faults); the machines decide when. With one seed, one run number and
/// [`Counters::From`], each scale makes the same choices from the same goods.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    /// Tells runs of one seed apart: it goes into slip codes, lot codes and idempotency keys. Unpredictable, it keeps
    /// the slip codes unguessable; fixed, it makes them the same again.
    pub run: u64,
    /// The scales that exist; each stands at the stall that the server says.
    pub credentials: Vec<ScaleCredential>,
    /// How many of the scales, in the order given, take part; all, if left out.
    pub stalls: Option<usize>,
    /// After how many sales a stall closes; it sells until stopped, if left out.
    pub sales_per_stall: Option<u64>,
    pub speed: Speed,
    pub batches: Batches,
    pub faults: Faults,
    pub counters: Counters,
    pub transport: Transport,
    /// Who receives goods, posts prices, counts visitors and records cleaning; nobody, if left out.
    pub operator: Option<Operator>,
}

impl Plan {
    /// An ordinary day at these scales: no faults, counters from the clock, no operator, until stopped.
    pub fn new(seed: u64, run: u64, transport: Transport, credentials: Vec<ScaleCredential>) -> Self {
        Self {
            seed,
            run,
            credentials,
            stalls: None,
            sales_per_stall: None,
            speed: Speed::ORDINARY,
            batches: Batches::default(),
            faults: Faults::default(),
            counters: Counters::FromClock,
            transport,
            operator: None,
        }
    }

    /// The scales that take part.
    pub(crate) fn scales(&self) -> &[ScaleCredential] {
        let count = self.stalls.unwrap_or(usize::MAX).min(self.credentials.len());
        &self.credentials[..count]
    }

    pub(crate) fn check(&self) -> Result<(), SimulateError> {
        let refuse = |setting, reason: &str| Err(SimulateError::Plan { setting, reason: reason.to_owned() });
        if self.scales().is_empty() {
            return refuse("credentials", "name no scale");
        }
        if !(1..=SALES_PER_BATCH_MAX).contains(&self.batches.lines_max) {
            return refuse("batches.lines_max", &format!("must be from 1 to {SALES_PER_BATCH_MAX}"));
        }
        let Faults { late, doubled, shuffled, .. } = self.faults;
        if [late, doubled, shuffled].iter().any(|&chance| chance > 1000) {
            return refuse("faults", "a chance is at most 1000 per mille");
        }
        if self.speed == (Speed::Every { mean_ms: 0 }) {
            return refuse("speed", "must leave some time between two sales");
        }
        let mut names: Vec<_> = self.scales().iter().map(|it| (&it.book, it.scale)).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => refuse("credentials", &format!("name scale {} of {} twice", pair[0].1, pair[0].0)),
            None => Ok(()),
        }
    }
}

/// How densely customers come. The clock is always the real one: a sale that has not happened cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// One at each stall after so many milliseconds, on average.
    Every { mean_ms: u32 },
    /// Each scale sends its next batch as soon as the last one is answered: a load generator.
    Fastest,
}

impl Speed {
    /// A sale every 20 s at each stall: forty stalls sell two a second.
    pub const ORDINARY: Self = Self::Every { mean_ms: 20_000 };

    /// So many times as many customers as on an ordinary day; at most one a millisecond.
    pub fn times(factor: u32) -> Self {
        Self::Every { mean_ms: (20_000 / factor.max(1)).max(1) }
    }
}

/// When a scale sends what it has sold: whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    pub lines_max: usize,
    pub every_ms: u32,
}

impl Default for Batches {
    fn default() -> Self {
        Self { lines_max: 50, every_ms: 3_000 }
    }
}

/// What goes wrong, and how often. All zero: nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Per mille of batches with which an outage of one to five batches begins. While it lasts the scale hears
    /// nothing, not even blocks, and what it sells is sent afterwards as a backlog of offline sales.
    pub late: u16,
    /// Per mille of batches that are sent twice.
    pub doubled: u16,
    /// Per mille of backlogs that are sent in random order.
    pub shuffled: u16,
    /// How far a scale's clock may be off in milliseconds, when it is switched on and an hour after it was set.
    pub drift_ms_max: u32,
}

/// Where a scale's counter starts. (scale, counter) must never repeat, not even between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counters {
    /// Four numbers for each second since 2020-01-01, until 2054: a run can only use those of the seconds it lasted.
    /// A scale waits rather than sell faster than that.
    FromClock,
    /// From this number on, without a limit of speed; the caller keeps [`Outcome::counter_next`](crate::Outcome)
    /// for the next run.
    From(u32),
}

/// How the scales reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// `http://host:port`, without TLS.
    Http { base_url: String },
    /// `mqtt://host:port`. Each scale signs in as `{username_prefix}{book}.{scale}` with its credential as password.
    Mqtt { url: String, username_prefix: String },
}

/// A scale and the secret that it signs in with.
#[derive(Clone, PartialEq, Eq)]
pub struct ScaleCredential {
    pub book: BookId,
    pub scale: u32,
    /// Never printed.
    pub credential: String,
}

impl fmt::Debug for ScaleCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScaleCredential({}.{})", self.book, self.scale)
    }
}

/// The operator of all markets that the scales stand in, over HTTP whatever the scales use.
#[derive(Clone, PartialEq, Eq)]
pub struct Operator {
    /// `http://host:port`, without TLS.
    pub base_url: String,
    /// An API token that may record in those markets. Never printed.
    pub token: String,
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operator({})", self.base_url)
    }
}
