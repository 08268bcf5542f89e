//! The kernel: the one writer with group commit, and everything read from entries: proofs, figures, traces, audit and
//! replay. It knows no line; lines are handed in as a list.

mod accounts;
mod admin;
mod apply;
mod audit;
mod cosigning;
mod desk;
mod docket;
pub mod entries;
mod evidence;
mod figure;
mod follow;
mod line;
pub mod notices;
mod own;
mod prove;
mod pulse;
mod registry;
mod replay;
mod schema;
mod target;
mod tiles;
mod walk;
pub mod witness;
mod writer;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use access::{Policy, PolicyError};
use base::{BookId, CityZone, Clock, Entropy, Time};
use ledger::{Catalogue, Entry, KindError};
use merkle::{CosignerKey, SignerKey};
use store::{Migration, Store, StoreError, Tx};
use tokio::sync::broadcast;

pub use accounts::{
    AccountAdded, AccountDisabled, AccountRow, AddedAccount, Away, DEVICES_OF_BOOK_MAX, DeviceEnrolled,
    DeviceRevoked, DeviceRow, GrantGiven, GrantRow, GrantWithdrawn, HalfSession, Identity, IdentityError,
    IdentityRemoved, IdentitySet, Issued, LetIn, NewAccount, NewDevice, NewKiosk, NewSession, NewToken,
    NoReadPlace, OwnAccount, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordChanged, ReadPlace, ReadRow,
    ReadsBefore, RecoveryCodes, ResetPassword, SecondStep, SecondStepError, SentAway, Session, SessionState,
    SignInError, SignedIn, TOKENS_OF_BRANCH_MAX, TokenIssued, TokenRevoked, TokenRow, TotpRecovered,
    TotpRemoved, TotpRenewed, TotpSecret, TotpSet, actor_subject, session_state,
};
pub use admin::{AdminError, AdminResult, By};
pub use apply::bytes_of_subjects;
pub use audit::{Finding, Report, goes_not_on};
pub use cosigning::{CosigningDue, CosigningFault, CosigningStand};
pub use desk::{AppendError, Desk, Receipt};
pub use docket::{
    ACTING_ASKED_MAX, DocketError, Listed, MatterFilter, Moved, Named, Part, Standing, TASK_SORT,
    TASKS_OWED_MAX, Tended, Verdict, clock_actor, matter,
};
pub use entries::{Page, Stored};
pub use evidence::{EvidenceError, MediaType, NewFile, StoredEvidence, UNNAMED_FILES_MAX, UNNAMED_MS_MAX};
pub use figure::{
    Behind, BookSize, Branch, Compared, FigureError, Point, RECOMPUTED_ENTRIES_MAX, Recomputed, Stands,
    VALUES_MAX, Value,
};
pub use figures::{Against, Period};
pub use line::{Derived, Line, Lines, MatterSort, Rebuilt};
pub use own::{BodyErased, EraseRefusal};
pub use prove::{ProofError, Proved};
pub use pulse::{Backlog, Cosigned, Counter, Histogram, Pulse, Standings};
pub use registry::{ROOT_BOOK, is_founded};
pub use replay::Replayed;
pub use target::{Target, TargetSet};
pub use walk::Along;

/// Batches of entries that a slow listener may lag behind before it is told that it missed some. They are kept in
/// memory until then, and each may be as large as a group.
const LIVE_BATCHES: usize = 16;

/// The parts that an installation brings.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub lines: Vec<Box<dyn Line>>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Box<dyn Entropy>,
    pub zone: CityZone,
    /// Signs checkpoints; its name is the installation's origin.
    pub signer: SignerKey,
}

/// A running kernel. Methods that read block on the database: call them off the async threads.
pub struct Kernel {
    store: Arc<dyn Store>,
    lines: Arc<Lines>,
    catalogue: Arc<Catalogue>,
    policy: Arc<Policy>,
    memory: registry::Memory,
    rulebooks: Arc<docket::Rulebooks>,
    passwords: accounts::Passwords,
    clock: Arc<dyn Clock>,
    zone: CityZone,
    signer: SignerKey,
    cosigner: CosignerKey,
    /// Vouches for what browsers take along to the identity provider.
    away: ring::hmac::Key,
    published: prove::Published,
    told: Arc<follow::Told>,
    pulse: Arc<Pulse>,
    /// Sessions whose last request waits to be noted.
    noting: Arc<Mutex<HashSet<String>>>,
    queue: Mutex<Option<writer::Queue>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    live: broadcast::Sender<Arc<Vec<Entry>>>,
}

/// Why a kernel cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Kind(#[from] KindError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Key(#[from] merkle::Error),
}

impl Kernel {
    /// Brings the schema forward and starts the writer.
    pub fn open(parts: Parts) -> Result<Arc<Self>, OpenError> {
        let applied = Arc::default();
        let rulebooks = Arc::<docket::Rulebooks>::default();
        let own = own::Own {
            applied: Arc::clone(&applied),
            zone: parts.zone.clone(),
            rulebooks: rulebooks.clone(),
        };
        let mut lines = vec![Box::new(own) as Box<dyn Line>];
        lines.extend(parts.lines);
        let lines = Lines::new(lines);
        let mut catalogue = Catalogue::default();
        for kind in lines.iter().flat_map(Line::kinds) {
            catalogue.add(kind)?;
        }
        let roles = lines.iter().flat_map(Line::roles).copied();
        let cosigner = parts.signer.cosigner()?;
        let policy = Arc::new(Policy::new(roles, lines.iter().flat_map(Line::actions).copied())?);
        let mut writer = parts.store.writer()?;
        let told = {
            let mut tx = writer.begin()?;
            let taken = store::migrate(tx.as_tx(), &migrations(&lines))?;
            replay::fill(tx.as_tx(), &lines, &taken)?;
            replay::rebuild(tx.as_tx(), &lines, &taken)?;
            figure::fill(tx.as_tx(), &lines)?;
            docket::fill(tx.as_tx(), &parts.zone)?;
            let told = follow::Told::at_open(tx.as_tx())?;
            tx.commit()?;
            Arc::new(told)
        };
        let (lines, catalogue) = (Arc::new(lines), Arc::new(catalogue));
        let (live, _) = broadcast::channel(LIVE_BATCHES);
        let pulse = Arc::<Pulse>::default();
        let bench = writer::Bench {
            lines: lines.clone(),
            catalogue: catalogue.clone(),
            policy: policy.clone(),
            rulebooks: rulebooks.clone(),
            zone: parts.zone.clone(),
            clock: parts.clock.clone(),
            entropy: parts.entropy,
            asked: desk::asked_key(&parts.signer),
            live: live.clone(),
            told: told.clone(),
            pulse: pulse.clone(),
            tree: None,
        };
        let (queue, thread) = writer::Queue::start(writer, bench);
        Ok(Arc::new(Self {
            store: parts.store,
            lines,
            catalogue,
            policy,
            memory: registry::Memory::new(applied),
            rulebooks,
            passwords: accounts::Passwords::default(),
            clock: parts.clock,
            zone: parts.zone,
            away: accounts::away_key(&parts.signer),
            signer: parts.signer,
            cosigner,
            published: prove::Published::default(),
            told,
            pulse,
            noting: Arc::default(),
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            live,
        }))
    }

    /// Decides inside the writer's transaction, and answers when the entries are on disk.
    ///
    /// The closure may run twice if its group fails before the commit; it must not keep state of its own.
    pub async fn append<F, T, E>(&self, decide: F) -> Result<T, AppendError<E>>
    where
        F: FnMut(&mut Desk<'_>) -> Result<T, AppendError<E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        self.send(decide)?.await.unwrap_or(Err(AppendError::Stopped))
    }

    /// [`Kernel::append`] for a thread that may block.
    pub fn append_blocking<F, T, E>(&self, decide: F) -> Result<T, AppendError<E>>
    where
        F: FnMut(&mut Desk<'_>) -> Result<T, AppendError<E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        self.send(decide)?.blocking_recv().unwrap_or(Err(AppendError::Stopped))
    }

    fn send<F, T, E>(
        &self,
        decide: F,
    ) -> Result<tokio::sync::oneshot::Receiver<Result<T, AppendError<E>>>, AppendError<E>>
    where
        F: FnMut(&mut Desk<'_>) -> Result<T, AppendError<E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let queue = self.queue.lock().expect("no holder of the queue panics").clone();
        queue.ok_or(AppendError::Stopped)?.send(decide)
    }

    /// Reads one consistent snapshot.
    pub fn read<T>(&self, read: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        store::read(&*self.store, read)
    }

    /// [`Kernel::read`] that is given up after a time.
    pub fn read_within<T>(
        &self,
        time_max: Duration,
        read: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        store::read_within(&*self.store, time_max, read)
    }

    /// Entries as they are committed, a batch a commit.
    pub fn live(&self) -> broadcast::Receiver<Arc<Vec<Entry>>> {
        self.live.subscribe()
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }

    pub fn zone(&self) -> &CityZone {
        &self.zone
    }

    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The roles and actions of the kernel and its lines.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Every book, in the order of names.
    pub fn books(&self) -> Result<Vec<BookId>, StoreError> {
        self.read(entries::books)
    }

    /// Answers what is queued, then stops the writer.
    pub fn stop(&self) {
        drop(self.queue.lock().expect("no holder of the queue panics").take());
        // The last kernel may be dropped by a decision, on the writer thread itself, which cannot wait for its own end.
        if let Some(thread) = self.thread.lock().expect("no holder of the thread panics").take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.stop();
    }
}

/// All schema steps: the kernel's, then each line's.
fn migrations(lines: &Lines) -> Vec<Migration> {
    let mut steps = schema::MIGRATIONS.to_vec();
    steps.push(schema::SUMS);
    steps.push(schema::SOUGHT);
    steps.push(schema::NAMED);
    steps.extend(lines.iter().flat_map(|line| line.migrations().iter().copied()));
    steps
}
