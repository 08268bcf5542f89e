//! The one writer. Concurrent appends are collected and committed together (group commit); an append is answered only
//! when its transaction is on disk.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use access::Policy;
use base::limits::{GROUP_ENTRIES_MAX, GROUP_JOBS_MAX, WRITER_QUEUE_MAX};
use base::{BookId, CityZone, Clock, Entropy};
use ledger::{Body, Catalogue, Entry};
use registry::Tree;
use ring::hmac;
use store::{StoreError, Writer};
use tokio::sync::{broadcast, oneshot};

use crate::desk::{AppendError, Desk, Edge};
use crate::docket::Rulebooks;
use crate::follow::Told;
use crate::line::Lines;
use crate::own::BodyErased;
use crate::pulse::Pulse;

/// What the writer works with.
pub(crate) struct Bench {
    pub lines: Arc<Lines>,
    pub catalogue: Arc<Catalogue>,
    pub policy: Arc<Policy>,
    pub rulebooks: Arc<Rulebooks>,
    pub zone: CityZone,
    pub clock: Arc<dyn Clock>,
    pub entropy: Box<dyn Entropy>,
    /// The key to what is known again of requests: their content cannot be tried at what the database keeps of them.
    pub asked: hmac::Key,
    pub live: broadcast::Sender<Arc<Vec<Entry>>>,
    pub told: Arc<Told>,
    pub pulse: Arc<Pulse>,
    /// The org tree, and the size of the root book that it follows from.
    pub tree: Option<(u64, Arc<Tree>)>,
}

/// One append, decided and answered.
pub(crate) trait Job: Send {
    /// Decides and drafts; an error means that nothing of this job is recorded. May be called again if the group fails.
    fn decide(&mut self, desk: &mut Desk<'_>) -> Result<(), Stop>;

    /// The transaction is durable, or failed.
    fn settle(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// Why a job drafted nothing.
pub(crate) enum Stop {
    /// It was refused, or had nothing to write; it knows its answer.
    Refused,
    /// The store failed under it: the group cannot go on.
    Store(StoreError),
}

/// A job made of a closure, answered over a channel.
pub(crate) struct Closure<F, T, E> {
    decide: F,
    decided: Option<Result<T, AppendError<E>>>,
    reply: oneshot::Sender<Result<T, AppendError<E>>>,
}

impl<F, T, E> Job for Closure<F, T, E>
where
    F: FnMut(&mut Desk<'_>) -> Result<T, AppendError<E>> + Send,
    T: Send,
    E: Send,
{
    fn decide(&mut self, desk: &mut Desk<'_>) -> Result<(), Stop> {
        // What an earlier try came to is no answer to this one.
        self.decided = None;
        match (self.decide)(desk) {
            Ok(answer) => {
                self.decided = Some(Ok(answer));
                Ok(())
            }
            Err(AppendError::Store(error)) => Err(Stop::Store(error)),
            Err(refused) => {
                self.decided = Some(Err(refused));
                Err(Stop::Refused)
            }
        }
    }

    fn settle(self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = match (outcome, self.decided) {
            // A refusal stands whether or not the others could be committed.
            (_, Some(Err(refused))) => Err(refused),
            (Ok(()), Some(Ok(answer))) => Ok(answer),
            (Ok(()), None) => Err(AppendError::Panicked),
            (Err(error), _) => Err(AppendError::Store(error)),
        };
        // Whoever asked may have gone away; the entries stand all the same.
        drop(self.reply.send(answer));
    }
}

/// The way to the writer thread. Cloning is cheap; the thread ends when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Queue {
    jobs: SyncSender<Box<dyn Job>>,
    pulse: Arc<Pulse>,
}

impl Queue {
    /// Starts the writer thread.
    pub fn start(writer: Box<dyn Writer>, bench: Bench) -> (Self, std::thread::JoinHandle<()>) {
        let (sender, jobs) = sync_channel(WRITER_QUEUE_MAX);
        let pulse = bench.pulse.clone();
        let work = move || {
            Worker { writer, bench, edges: HashMap::new(), to_scrub: Some(Instant::now()) }.run(&jobs)
        };
        let thread =
            std::thread::Builder::new().name("writer".into()).spawn(work).expect("a thread can be started");
        (Self { jobs: sender, pulse }, thread)
    }

    /// Queues a decision; refused at once when the queue is full.
    pub fn send<F, T, E>(
        &self,
        decide: F,
    ) -> Result<oneshot::Receiver<Result<T, AppendError<E>>>, AppendError<E>>
    where
        F: FnMut(&mut Desk<'_>) -> Result<T, AppendError<E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // Counted before it is sent, since it may be done before this thread goes on.
        self.pulse.queued.fetch_add(1, Relaxed);
        let sent = self.jobs.try_send(Box::new(Closure { decide, decided: None, reply }));
        let error = match sent {
            Ok(()) => return Ok(answer),
            Err(TrySendError::Full(_)) => {
                self.pulse.refused.add(1);
                AppendError::Busy
            }
            Err(TrySendError::Disconnected(_)) => AppendError::Stopped,
        };
        self.pulse.queued.fetch_sub(1, Relaxed);
        Err(error)
    }
}

/// How often a job is tried that gives way to other nodes.
const GIVES_WAY_MAX: u32 = 8;

/// How long after a reader was in the way scrubbing is tried again.
const SCRUB_AGAIN: Duration = Duration::from_secs(1);

struct Worker {
    writer: Box<dyn Writer>,
    bench: Bench,
    /// The right edge of each book's tree, as of the last commit.
    edges: HashMap<BookId, Edge>,
    /// When what was erased is next to be taken out of what the engine keeps beside the database; at the start too, since nobody
    /// knows whether that was done.
    to_scrub: Option<Instant>,
}

impl Worker {
    fn run(mut self, jobs: &Receiver<Box<dyn Job>>) {
        while let Some(first) = self.next(jobs) {
            let mut group = vec![first];
            while group.len() < GROUP_JOBS_MAX
                && let Ok(job) = jobs.try_recv()
            {
                group.push(job);
            }
            let jobs = i64::try_from(group.len()).unwrap_or(i64::MAX);
            self.work(group);
            self.bench.pulse.queued.fetch_sub(jobs, Relaxed);
        }
    }

    /// The next job; what was erased is scrubbed when its time has come, whether or not jobs wait.
    fn next(&mut self, jobs: &Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        loop {
            let Some(at) = self.to_scrub else { return jobs.recv().ok() };
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.scrub();
                continue;
            }
            match jobs.recv_timeout(left) {
                Err(RecvTimeoutError::Timeout) => {}
                next => return next.ok(),
            }
        }
    }

    fn scrub(&mut self) {
        let done = self.writer.scrub().unwrap_or_else(|error| {
            tracing::error!(%error, "what was erased could not be scrubbed");
            false
        });
        self.to_scrub = (!done).then(|| Instant::now() + SCRUB_AGAIN);
    }

    /// Commits a group; where it fails before the commit, each half of it gets a transaction of its own, and so on, so that one
    /// bad job takes no other down, and not long. One that gives way to another node is tried again.
    fn work(&mut self, mut group: Vec<Box<dyn Job>>) {
        let mut gave_way = 0;
        while !group.is_empty() {
            let tried = self.try_group(&mut group);
            if tried.is_err() {
                // They may follow from what was rolled back.
                self.bench.rulebooks.forget();
                self.bench.tree = None;
            }
            match tried {
                Ok(done) => {
                    // Before who erased is answered, if no reader is in the way.
                    if self.to_scrub.is_some_and(|at| at <= Instant::now()) {
                        self.scrub();
                    }
                    let rest = group.split_off(done);
                    group.drain(..).for_each(|job| job.settle(Ok(())));
                    group = rest;
                }
                Err(Failed::BeforeCommit(error)) if group.len() > 1 && !is_connection(&error) => {
                    tracing::warn!(%error, jobs = group.len(), "a group failed, its halves are tried");
                    self.work_halves(std::mem::take(&mut group));
                }
                Err(Failed::Panicked) if group.len() > 1 => self.work_halves(std::mem::take(&mut group)),
                // It has no answer, which says what became of it.
                Err(Failed::Panicked) => group.drain(..).for_each(|job| job.settle(Ok(()))),
                Err(Failed::BeforeCommit(StoreError::Contended { .. })) if gave_way < GIVES_WAY_MAX => {
                    gave_way += 1;
                    self.bench.pulse.gave_way.add(1);
                }
                Err(Failed::BeforeCommit(error) | Failed::AtCommit(error)) => {
                    tracing::error!(%error, "a transaction failed");
                    self.bench.pulse.failed.add(1);
                    // What is in memory may no longer be what is on disk.
                    self.edges.clear();
                    // Before the database is looked for, which may take long.
                    group.drain(..).for_each(|job| job.settle(Err(error.clone())));
                    if let Err(error) = self.writer.reconnect() {
                        tracing::error!(%error, "the writer cannot reconnect");
                    }
                }
            }
        }
    }

    fn work_halves(&mut self, mut group: Vec<Box<dyn Job>>) {
        let later = group.split_off(group.len() / 2);
        self.work(group);
        self.work(later);
    }

    /// Decides as many jobs as fit one transaction and commits them; returns how many.
    fn try_group(&mut self, group: &mut [Box<dyn Job>]) -> Result<usize, Failed> {
        let begun = Instant::now();
        let mut tx = self.writer.begin().map_err(Failed::BeforeCommit)?;
        let mut desk = Desk::new(tx.as_tx(), &mut self.bench, &self.edges);
        let mut done = 0;
        for job in group.iter_mut() {
            if desk.entries() >= GROUP_ENTRIES_MAX {
                break;
            }
            match catch_unwind(AssertUnwindSafe(|| job.decide(&mut desk))) {
                Ok(Ok(())) => desk.accept(),
                Ok(Err(Stop::Refused)) => desk.discard(),
                Ok(Err(Stop::Store(error))) => return Err(Failed::BeforeCommit(error)),
                // Nobody knows how far it came, also with what others had decided before it.
                Err(panic) => {
                    tracing::error!(panic = panic_text(&*panic), "a decision panicked");
                    return Err(Failed::Panicked);
                }
            }
            done += 1;
        }
        let finished = catch_unwind(AssertUnwindSafe(|| desk.finish()));
        let finished = match finished {
            Ok(result) => result.map_err(Failed::BeforeCommit)?,
            Err(panic) => {
                let reason = format!("applying entries panicked: {}", panic_text(&*panic));
                return Err(Failed::BeforeCommit(StoreError::Schema(reason)));
            }
        };
        let written = Instant::now();
        tx.commit().map_err(Failed::at_commit)?;
        let pulse = &self.bench.pulse;
        pulse.commits.note(written.elapsed());
        pulse.groups.note(begun.elapsed());
        pulse.appended.add(finished.entries.len() as u64);
        for (book, edge) in finished.edges {
            let size = edge.appender.size();
            let first = finished.entries.iter().find(|entry| entry.book == book);
            self.bench.told.advance(&book, first.map_or(size, |entry| entry.seq.0), size);
            self.edges.insert(book, edge);
        }
        if finished.entries.iter().any(|entry| entry.kind.as_str() == BodyErased::KIND) {
            self.to_scrub.get_or_insert_with(Instant::now);
        }
        self.bench.told.count_erasures(&finished.entries);
        if !finished.entries.is_empty() {
            // Nobody may be listening.
            drop(self.bench.live.send(Arc::new(finished.entries)));
        }
        Ok(done)
    }
}

/// Where a group failed: after a failed commit nobody knows whether it is on disk, so nothing is tried again.
enum Failed {
    BeforeCommit(StoreError),
    AtCommit(StoreError),
    /// A decision did, before the commit.
    Panicked,
}

impl Failed {
    fn at_commit(error: StoreError) -> Self {
        Self::AtCommit(match error {
            StoreError::Connection { engine, reason } => StoreError::Unsettled { engine, reason },
            error => error,
        })
    }
}

fn is_connection(error: &StoreError) -> bool {
    matches!(error, StoreError::Connection { .. })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("?")
}
