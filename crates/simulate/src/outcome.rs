use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Serialize;

/// What a run has come to, until now or in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Scales that still take part.
    pub scales: u64,
    /// Sales made at the scales.
    pub sold: u64,
    /// Lines sent, repetitions included.
    pub sent: u64,
    /// Lines recorded when they were first answered.
    pub recorded: u64,
    /// Lines answered as recorded before: doubles, and repetitions after a lost answer.
    pub known: u64,
    /// Lines refused, by rule.
    pub refused: BTreeMap<String, u64>,
    /// Lines sent with a backlog after a simulated outage.
    pub backlog: u64,
    /// Lines that waited for an answer when the run ended. The server may have recorded them.
    pub unanswered: u64,
    /// Blocks that scales acknowledged.
    pub blocks_acknowledged: u64,
    /// Lots that the operator received.
    pub lots_received: u64,
    /// Other entries that the operator made: prices, visitors, cleaning.
    pub operator_entries: u64,
    /// Entries of the operator that were refused, by rule.
    pub operator_refused: BTreeMap<String, u64>,
    /// Requests that met no answer.
    pub unreachable: u64,
    /// Requests answered with 429 or 503.
    pub busy: u64,
    /// Answers that contradict the contract: a sale recorded twice, or under another number, or not answered.
    pub contradictions: u64,
    /// Scales that the server does not let in.
    pub shut_out: u64,
    /// What [`Counters::From`](crate::Counters) of the next run may start from.
    pub counter_next: u32,
}

impl Outcome {
    /// Lines refused by any rule.
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// The outcome as it grows; everyone adds to it.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Outcome>);

impl Tally {
    pub fn add(&self, change: impl FnOnce(&mut Outcome)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn read(&self) -> Outcome {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
