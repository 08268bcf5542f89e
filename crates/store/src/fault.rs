//! A store that breaks on purpose, step by counted step, so that a test can break every step of a story in turn.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Engine, Insert, Param, Row, Store, StoreError, Tx, WriteTx, Writer};

/// What a writer is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Begin,
    Query,
    Execute,
    InsertMany,
    RunScript,
    Commit,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Ok,
    /// The caller gets [`StoreError::Injected`] and the transaction is dead until a new begin.
    /// With `persist` the step is done all the same: a commit that "failed" is then on disk.
    Break {
        persist: bool,
    },
}

/// The script that answers the steps of every writer of a [`FaultStore`]. Clones share one script and one count.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<Script>>);

type Plan = Box<dyn FnMut(u64, Step) -> Answer + Send>;

struct Script {
    plan: Plan,
    steps: u64,
    breaks: u64,
}

impl Faults {
    /// Asks `plan` for the answer to each step; steps are numbered from 0.
    pub fn new(plan: impl FnMut(u64, Step) -> Answer + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Script { plan: Box::new(plan), steps: 0, breaks: 0 })))
    }

    /// Breaks nothing, and counts the steps.
    pub fn none() -> Self {
        Self::new(|_, _| Answer::Ok)
    }

    /// Breaks the step of this number, and no other.
    pub fn at(number: u64, persist: bool) -> Self {
        let faults = Self::none();
        faults.break_at(number, persist);
        faults
    }

    /// Breaks one step in `one_in` on average, half of them persisting; the same seed breaks the same steps.
    pub fn seeded(seed: u64, one_in: u64) -> Self {
        Self::new(move |number, _| {
            let draw = mix(seed ^ mix(number));
            match (draw >> 1) % one_in.max(1) {
                0 => Answer::Break { persist: draw & 1 == 1 },
                _ => Answer::Ok,
            }
        })
    }

    /// Takes another plan from the next step on; the count goes on.
    pub fn replan(&self, plan: impl FnMut(u64, Step) -> Answer + Send + 'static) {
        self.script().plan = Box::new(plan);
    }

    /// Breaks the step of this number (see [`Faults::steps`] for the next one), and no other.
    pub fn break_at(&self, number: u64, persist: bool) {
        self.replan(move |step, _| if step == number { Answer::Break { persist } } else { Answer::Ok });
    }

    /// Breaks nothing from now on.
    pub fn heal(&self) {
        self.replan(|_, _| Answer::Ok);
    }

    /// How many steps were asked for so far: the number of the next one.
    pub fn steps(&self) -> u64 {
        self.script().steps
    }

    /// How many steps were broken so far.
    pub fn breaks(&self) -> u64 {
        self.script().breaks
    }

    fn answer(&self, step: Step) -> (u64, Answer) {
        let mut script = self.script();
        let number = script.steps;
        script.steps += 1;
        let answer = (script.plan)(number, step);
        script.breaks += u64::from(answer != Answer::Ok);
        (number, answer)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let script = self.script();
        f.debug_struct("Faults").field("steps", &script.steps).field("breaks", &script.breaks).finish()
    }
}

/// The finalizer of splitmix64: spreads neighbouring numbers over all 64 bits.
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A store whose writers follow [`Faults`]; reads, backups and sizes pass through.
pub struct FaultStore {
    inner: Arc<dyn Store>,
    faults: Faults,
}

impl FaultStore {
    pub fn new(inner: Arc<dyn Store>, faults: Faults) -> Self {
        Self { inner, faults }
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Store for FaultStore {
    fn engine(&self) -> Engine {
        self.inner.engine()
    }

    fn writer(&self) -> Result<Box<dyn Writer>, StoreError> {
        Ok(Box::new(FaultWriter { inner: self.inner.writer()?, faults: self.faults.clone() }))
    }

    fn read(&self, read: &mut dyn FnMut(&mut dyn Tx) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.inner.read(read)
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.inner.backup(to)
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        self.inner.size_bytes()
    }
}

struct FaultWriter {
    inner: Box<dyn Writer>,
    faults: Faults,
}

impl Writer for FaultWriter {
    fn begin(&mut self) -> Result<Box<dyn WriteTx + '_>, StoreError> {
        match self.faults.answer(Step::Begin) {
            (number, Answer::Break { .. }) => Err(StoreError::Injected(number)),
            (_, Answer::Ok) => {
                let inner = self.inner.begin()?;
                Ok(Box::new(FaultTx {
                    engine: inner.engine(),
                    inner: Some(inner),
                    faults: &self.faults,
                    broken_at: 0,
                }))
            }
        }
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        self.inner.reconnect()
    }

    fn scrub(&mut self) -> Result<bool, StoreError> {
        self.inner.scrub()
    }
}

struct FaultTx<'w> {
    engine: Engine,
    /// `None` once broken: dropping the inner transaction rolled it back.
    inner: Option<Box<dyn WriteTx + 'w>>,
    faults: &'w Faults,
    broken_at: u64,
}

impl FaultTx<'_> {
    fn step<T>(
        &mut self,
        step: Step,
        run: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some(inner) = &mut self.inner else {
            return Err(StoreError::Injected(self.broken_at));
        };
        let (number, answer) = self.faults.answer(step);
        let persist = match answer {
            Answer::Ok => return run(inner.as_tx()),
            Answer::Break { persist } => persist,
        };
        let ran = if persist { run(inner.as_tx()).map(drop) } else { Ok(()) };
        self.inner = None;
        self.broken_at = number;
        ran.and(Err(StoreError::Injected(number)))
    }
}

impl Tx for FaultTx<'_> {
    fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.step(Step::Query, |tx| tx.query(sql, params))
    }

    fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.step(Step::Execute, |tx| tx.execute(sql, params))
    }

    fn insert_many(&mut self, insert: &Insert, cells: &[Param<'_>]) -> Result<(), StoreError> {
        self.step(Step::InsertMany, |tx| tx.insert_many(insert, cells))
    }

    fn run_script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.step(Step::RunScript, |tx| tx.run_script(sql))
    }

    fn lock_schema(&mut self) -> Result<(), StoreError> {
        match &mut self.inner {
            Some(inner) => inner.lock_schema(),
            None => Err(StoreError::Injected(self.broken_at)),
        }
    }

    fn engine(&self) -> Engine {
        self.engine
    }
}

impl WriteTx for FaultTx<'_> {
    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Some(inner) = self.inner else {
            return Err(StoreError::Injected(self.broken_at));
        };
        match self.faults.answer(Step::Commit) {
            (_, Answer::Ok) => inner.commit(),
            (number, Answer::Break { persist: false }) => Err(StoreError::Injected(number)),
            (number, Answer::Break { persist: true }) => {
                inner.commit().and(Err(StoreError::Injected(number)))
            }
        }
    }

    fn as_tx(&mut self) -> &mut dyn Tx {
        self
    }
}
