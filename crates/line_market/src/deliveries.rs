//! The one who tells subscribers: takes what is due, posts it, records whether it was taken.
//!
//! At least once and in order: the next events of a subscription are sent when its receiver has taken those before. Each
//! subscription is told by itself, and of one owner a few at a time, so receivers that are slow or dead hold up nobody else.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::{BookId, Seq, Time, UnitCode};
use kernel::notices::{Fault, FaultKind};
use kernel::{AppendError, Kernel};
use notices::{Outward, Reach, body_signature};
use shell::problem::CONTENT_TYPE as PROBLEM_JSON;
use shell::viewer::Viewer;
use shell::{App, Lang, Problem};
use store::StoreError;
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::api::epcis::{
    Form, VERSION, as_of_now, books, concerns, has_been_able, implementation_problem, query_problem, sights,
};
use crate::epcis_events::standing::delivery::{self, Attempt, Batch, Key, Next, State};
use crate::epcis_events::standing::{Named, Subscription};
use crate::epcis_events::{Answered, Found, QueryRefusal, Sight, search};
use crate::kinds::EndReason;
use crate::policy::{QUERY, SUBSCRIBE};

/// Subscriptions that are told at a time.
const UNDER_WAY_MAX: usize = 16;
/// Those of one owner among them.
const UNDER_WAY_OF_OWNER_MAX: usize = 4;
/// Those of the books of a branch below the root, so that others have room whatever it has.
const UNDER_WAY_OF_BRANCH_MAX: usize = 8;
/// How long one is told before others who wait have their turn.
const TURN_MAX: Duration = Duration::from_secs(5);
/// How much longer a delivery is claimed for than its attempt may take.
const LEASE_MS: i64 = 5_000;
/// How long a stop waits for attempts under way; what is cut off goes out again later.
const STOP_WAIT: Duration = Duration::from_secs(3);
/// Events that are passed over before that is kept.
const PASSED_MAX: u64 = 10_000;

/// How subscribers are reached.
#[derive(Debug, Clone)]
pub struct Settings {
    pub reach: Reach,
    /// How often what is due is looked for where nothing is recorded here.
    pub poll: Duration,
}

/// Running deliveries. Close them before the kernel stops; dropped, they end as a crash would end them.
#[derive(Debug)]
pub struct Deliveries {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Starts to tell subscribers. Must be called within a tokio runtime with time.
pub fn start(app: App, settings: Settings) -> Result<Deliveries, notices::Error> {
    let outward = Outward::new(&settings.reach)?;
    let (stop, stopped) = watch::channel(false);
    let teller =
        Teller { app, outward, settings, passed: Mutex::default(), is_closing: AtomicBool::new(false) };
    Ok(Deliveries { stop, task: tokio::spawn(run(Arc::new(teller), stopped)) })
}

impl Deliveries {
    /// Takes nothing more, waits a moment for what is under way, and ends.
    pub async fn close(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the one who tells subscribers did not end well");
        }
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(teller: Arc<Teller>, mut stopped: watch::Receiver<bool>) {
    let mut live = teller.app.kernel.live();
    let (tell, mut done) = mpsc::unbounded_channel();
    let mut queue = Queue::default();
    queue.wait(teller.due().await);
    loop {
        while let Some(key) = queue.take() {
            teller.begin(key, &tell);
        }
        tokio::select! {
            _ = stopped.changed() => break,
            Some(key) = done.recv() => queue.done(&key),
            () = news(&mut live) => queue.wait(teller.due().await),
            () = sleep(teller.settings.poll) => queue.wait(teller.due().await),
        }
    }
    teller.is_closing.store(true, Ordering::Relaxed);
    let all_done = async {
        while !queue.busy.is_empty() {
            let Some(key) = done.recv().await else { return };
            queue.done(&key);
        }
    };
    // What is cut off is taken again when its lease is over.
    drop(timeout(STOP_WAIT, all_done).await);
}

/// Whose subscription it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whose {
    owner: String,
    /// Below the root, where its book lies; of what lies at the root, none.
    branch: Option<UnitCode>,
}

/// Subscriptions that are told, and those that wait for their turn: of several that wait comes first what is of the branch of
/// which the fewest are told, and in it of such an owner; whoever has been told stands behind the others.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Key, Whose)>,
    busy: HashMap<Key, Whose>,
}

impl Queue {
    fn wait(&mut self, due: Vec<(Key, Whose)>) {
        let waiting: HashSet<Key> = self.waiting.iter().map(|(key, _)| key.clone()).collect();
        self.waiting.extend(due.into_iter().filter(|(key, _)| !waiting.contains(key)));
    }

    /// The next one, if there is room. One that is being told waits until that is done.
    fn take(&mut self) -> Option<Key> {
        if self.busy.len() >= UNDER_WAY_MAX {
            return None;
        }
        let told = |is: &dyn Fn(&Whose) -> bool| self.busy.values().filter(|whose| is(whose)).count();
        let free = self.waiting.iter().enumerate().filter(|(_, (key, _))| !self.busy.contains_key(key));
        let turns = free.map(|(at, (_, whose))| {
            let of_branch = told(&|other| other.branch == whose.branch);
            (of_branch, told(&|other| other.owner == whose.owner), at)
        });
        let has_room = |&(of_branch, of_owner, _): &(usize, usize, usize)| {
            of_branch < UNDER_WAY_OF_BRANCH_MAX && of_owner < UNDER_WAY_OF_OWNER_MAX
        };
        let (.., at) = turns.filter(has_room).min()?;
        let (key, whose) = self.waiting.remove(at)?;
        self.busy.insert(key.clone(), whose);
        Some(key)
    }

    fn done(&mut self, key: &Key) {
        self.busy.remove(key);
    }
}

/// Waits for something that may be due to be told.
async fn news(live: &mut tokio::sync::broadcast::Receiver<Arc<Vec<ledger::Entry>>>) {
    loop {
        match live.recv().await {
            Ok(entries) if entries.iter().any(concerns) => return,
            Ok(_) => {}
            // Whatever was missed is in the database.
            Err(RecvError::Lagged(_)) => return,
            // The kernel has gone; the stop follows.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Why a step could not be made.
#[derive(Debug, thiserror::Error)]
enum Stuck {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Append(#[from] AppendError<()>),
}

struct Teller {
    app: App,
    outward: Outward,
    settings: Settings,
    /// How far books were looked through for subscriptions in vain, beyond what is kept.
    passed: Mutex<HashMap<Key, BTreeMap<BookId, Seq>>>,
    is_closing: AtomicBool,
}

/// That a subscription is being told, however that ends.
struct Turn {
    key: Key,
    tell: mpsc::UnboundedSender<Key>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Nobody listens once the deliveries have ended.
        self.tell.send(self.key.clone()).ok();
    }
}

/// A subscription whose time has come.
struct Due<'a> {
    key: &'a Key,
    subscription: Subscription,
    named: Named,
    state: State,
}

/// What is to be sent.
enum Chosen {
    Nothing(BTreeMap<BookId, Seq>),
    Send(Batch, Vec<Found>),
}

impl Teller {
    fn kernel(&self) -> &Kernel {
        &self.app.kernel
    }

    /// Those whose time has come.
    async fn due(self: &Arc<Self>) -> Vec<(Key, Whose)> {
        let reader = self.clone();
        let due = tokio::task::spawn_blocking(move || {
            let kernel = reader.kernel();
            let (now, tree) = (kernel.now(), kernel.tree()?);
            let due = kernel.read(|tx| delivery::due(tx, now))?;
            reader.forget_all_but(due.iter().map(|(key, _)| key).collect());
            let whose = |(key, owner): (Key, String)| {
                let branch = tree.book(&key.book).and_then(|book| tree.branch(&book.unit));
                (key, Whose { owner, branch })
            };
            Ok::<_, StoreError>(due.into_iter().map(whose).collect())
        });
        match due.await {
            Ok(Ok(due)) => return due,
            Ok(Err(error)) => tracing::error!(%error, "subscriptions cannot be read"),
            Err(error) => tracing::error!(%error, "subscriptions cannot be read"),
        }
        Vec::new()
    }

    /// Forgets how far it was looked for others than these: what has ended is not due any more, and what is due again looks anew.
    fn forget_all_but(&self, due: HashSet<&Key>) {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| due.contains(key));
    }

    fn begin(self: &Arc<Self>, key: Key, tell: &mpsc::UnboundedSender<Key>) {
        let (teller, turn) = (self.clone(), Turn { key, tell: tell.clone() });
        tokio::task::spawn_blocking(move || teller.tell(&turn.key));
    }

    /// Tells one subscriber what there is, for a while: then it is the turn of others who wait.
    fn tell(&self, key: &Key) {
        let began = Instant::now();
        while !self.is_closing.load(Ordering::Relaxed) && began.elapsed() < TURN_MAX {
            match self.step(key) {
                Ok(true) => {}
                Ok(false) | Err(Stuck::Append(AppendError::Stopped)) => return,
                Err(error) => {
                    return tracing::error!(%error, subscription = key.subscription, "a subscription cannot be told");
                }
            }
        }
    }

    /// Makes one delivery; false if there is nothing more to do now.
    fn step(&self, key: &Key) -> Result<bool, Stuck> {
        let Some((subscription, named, state)) = self.kernel().read(|tx| delivery::find(tx, key))? else {
            return Ok(false);
        };
        if state.next > self.kernel().now() || subscription.stopped.is_some() {
            return Ok(false);
        }
        let turns = &self.app.limits.turns;
        let search = Handle::current().block_on(turns.next_search(&subscription.owner));
        let due = Due { key, subscription, named, state };
        let Some(sights) = self.sights(&due)? else {
            return self.end(key, EndReason::RightLost);
        };
        let chosen = self.choose(&due, &sights);
        drop(search);
        match chosen {
            Ok(Ok(Chosen::Send(batch, found))) => self.send(&due, &sights, &batch, found),
            Ok(Ok(Chosen::Nothing(cursors))) => self.rest(&due, &sights, cursors),
            Ok(Err(refusal)) => {
                tracing::warn!(%refusal, subscription = key.subscription, "a subscription cannot be asked");
                self.report(&due, FaultKind::TooComplex, query_problem(&refusal))
            }
            Err(error) => {
                tracing::error!(%error, subscription = key.subscription, "a subscription cannot be asked");
                self.report(&due, FaultKind::Internal, implementation_problem())
            }
        }
    }

    /// What whoever subscribed may see, and be told of, now; `None` if nothing any more, if what they subscribed with opens
    /// nothing any more, or if either was so at some time since.
    fn sights(&self, due: &Due<'_>) -> Result<Option<Vec<Sight>>, StoreError> {
        let Due { subscription, named, state, .. } = due;
        let book = named.alone.then(|| named.book.as_str());
        let may = |viewer: &Viewer| {
            let told: HashSet<BookId> = books(&self.app, viewer, SUBSCRIBE, book).ok()?.into_iter().collect();
            let mut seen = sights(&self.app, viewer, QUERY, book).ok()?;
            seen.retain(|sight| told.contains(&sight.book));
            Some(seen).filter(|seen| !seen.is_empty())
        };
        let Some(viewer) = as_of_now(&self.app, &subscription.actor)? else { return Ok(None) };
        let was_able = match state.root {
            Some(root) => {
                has_been_able(&self.app, &subscription.actor, root, |viewer| may(viewer).is_some())?
            }
            None => {
                let since = self.kernel().credential_since(&subscription.actor)?;
                since.is_none_or(|(_, since)| since < subscription.created)
            }
        };
        Ok(may(&viewer).filter(|_| was_able))
    }

    fn choose(&self, due: &Due<'_>, sights: &[Sight]) -> Result<Result<Chosen, QueryRefusal>, StoreError> {
        let Due { key, subscription, named, state } = due;
        let query = named.query().map_err(|error| StoreError::Schema(error.to_string()))?;
        let query = delivery::since(query, subscription.initial);
        search(self.kernel(), |tx| {
            if let Some((_, batch)) = &state.under_way {
                let told = delivery::again(tx, sights, &query, batch, state.batch)?;
                return Ok(told.map(|(batch, found)| Chosen::Send(batch, found)));
            }
            let mut cursors = delivery::cursors(tx, key)?;
            if let Some(passed) = self.passed.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
                for (book, seq) in passed {
                    let cursor = cursors.entry(book.clone()).or_insert(*seq);
                    *cursor = (*cursor).max(*seq);
                }
            }
            let next = delivery::next_batch(tx, sights, &query, &mut cursors, state.batch)?;
            Ok(next.map(|next| match next {
                Next::Told((batch, found)) => Chosen::Send(batch, found),
                // How far was looked says whether there may be more.
                Next::Further | Next::Nothing => Chosen::Nothing(cursors),
            }))
        })
    }

    fn send(&self, due: &Due<'_>, sights: &[Sight], batch: &Batch, found: Vec<Found>) -> Result<bool, Stuck> {
        let Due { key, subscription, state, .. } = due;
        let lease = self.lease();
        let (claimed, seen, what) = ((*key).clone(), state.clone(), batch.clone());
        let claim = self
            .kernel()
            .append_blocking(move |desk| delivery::claim(desk, &claimed, &seen, &what, lease))?;
        // Somebody else was quicker, or the subscription has ended.
        let Some(claim) = claim else { return Ok(false) };
        // The search and the claim took their time. What may be seen otherwise now is looked for anew behind the claim.
        let of = |sights: &[Sight]| sights.iter().find(|sight| sight.book == batch.of).cloned();
        match self.sights(due)? {
            None => return self.end(key, EndReason::RightLost),
            Some(now) if of(&now) != of(sights) => return Ok(false),
            Some(_) => {}
        }
        let count = found.len();
        let answered = Answered {
            query: &subscription.query,
            subscription: Some(&subscription.id),
            delivery: Some(&claim.id),
        };
        let form = Form::of_webhook(subscription.epc_format);
        let body = form.print(found, answered, self.kernel().now());
        let fault = self.post(key, subscription, form.media().name(), &claim.id, &body)?.err();
        let attempt = match fault {
            None => Attempt::Taken,
            Some(Fault { kind: FaultKind::Refused, code: Some(410) }) => {
                return self.end(key, EndReason::ReceiverGone);
            }
            Some(Fault { kind: FaultKind::Refused, code: Some(413) }) if count > 1 => {
                Attempt::TooLarge(count / 2)
            }
            Some(fault) => Attempt::InVain(fault),
        };
        let (key, is_stream) = ((*key).clone(), subscription.schedule.is_none());
        self.kernel()
            .append_blocking(move |desk| delivery::settle(desk, &key, &claim, is_stream, attempt))?;
        Ok(!matches!(attempt, Attempt::InVain(_)))
    }

    /// Until when nobody else sends what is about to be sent.
    fn lease(&self) -> Time {
        let timeout_ms = i64::try_from(self.settings.reach.timeout.as_millis()).unwrap_or(i64::MAX / 4);
        self.kernel().now().plus_ms(timeout_ms + LEASE_MS)
    }

    /// Tells a receiver, once, that the query cannot be answered, in the format of answers with a status of 4xx or 5xx; it
    /// is tried again all the same.
    fn report(&self, due: &Due<'_>, kind: FaultKind, problem: Problem) -> Result<bool, Stuck> {
        let Due { key, subscription, state, .. } = due;
        let (lease, claimed, seen) = (self.lease(), (*key).clone(), state.clone());
        let claim = self
            .kernel()
            .append_blocking(move |desk| delivery::claim_report(desk, &claimed, &seen, lease))?;
        let Some(claim) = claim else { return Ok(false) };
        let is_told = state.fault.is_some_and(|fault| fault.kind == kind);
        let mut fault = Fault::from(kind);
        if !is_told {
            let problem = problem
                .member("subscriptionID", subscription.id.as_str())
                .member("queryName", subscription.query.as_str());
            let body = problem.json(Lang::En).to_string();
            match self.post(key, subscription, PROBLEM_JSON, &claim.id, &body)? {
                Ok(()) => {}
                Err(Fault { kind: FaultKind::Refused, code: Some(410) }) => {
                    return self.end(key, EndReason::ReceiverGone);
                }
                Err(other) => fault = other,
            }
        }
        let key = (*key).clone();
        self.kernel().append_blocking(move |desk| delivery::settle_report(desk, &key, &claim, fault))?;
        Ok(false)
    }

    fn post(
        &self,
        key: &Key,
        subscription: &Subscription,
        media: &str,
        id: &str,
        body: &str,
    ) -> Result<Result<(), Fault>, StoreError> {
        // With what it is signed by, an ended subscription has lost where it goes.
        let told = self.kernel().read(|tx| {
            let is_there = delivery::find(tx, key)?.is_some();
            Ok::<_, StoreError>(if is_there { Some(delivery::token(tx, key)?) } else { None })
        });
        let Some(token) = told? else { return Ok(Err(FaultKind::ContactGone.into())) };
        let signature = token.map(|token| body_signature(&token.0, body));
        let mut headers = vec![
            ("content-type", media),
            ("gs1-epcis-version", VERSION),
            ("gs1-cbv-version", VERSION),
            ("gs1-epc-format", subscription.epc_format.name()),
            ("webhook-id", id),
        ];
        headers.extend(signature.as_deref().map(|signature| ("gs1-signature", signature)));
        let posted = self.outward.post(&subscription.dest, &headers, body);
        if let Err(fault) = &posted {
            tracing::warn!(subscription = key.subscription, delivery = id, ?fault, "not taken");
        }
        // A subscriber outside is not told which names the house knows.
        Ok(posted.map_err(|fault| match fault.kind {
            FaultKind::NameUnknown => FaultKind::AddressForbidden.into(),
            _ => fault,
        }))
    }

    /// There is nothing to be told: a schedule says so where it is wanted, and waits for its next moment.
    fn rest(&self, due: &Due<'_>, sights: &[Sight], cursors: BTreeMap<BookId, Seq>) -> Result<bool, Stuck> {
        let Due { key, subscription, state, .. } = due;
        let kept = self.kernel().read(|tx| delivery::cursors(tx, key))?;
        let far = |(book, seq): &(&BookId, &Seq)| {
            seq.0.saturating_sub(kept.get(*book).map_or(0, |kept| kept.0)) > PASSED_MAX
        };
        let moved: Vec<(BookId, Seq)> =
            cursors.iter().filter(far).map(|(book, seq)| (book.clone(), *seq)).collect();
        let has_moved = !moved.is_empty();
        if has_moved {
            let key = (*key).clone();
            self.kernel().append_blocking(move |desk| delivery::keep_cursors(desk, &key, &moved))?;
        }
        if let Some(schedule) = &subscription.schedule {
            // One look goes so far at most; there may be something behind it.
            if has_moved {
                return Ok(true);
            }
            if subscription.report_if_empty
                && state.sent == 0
                && let Some(sight) = sights.first()
            {
                let at = cursors.get(&sight.book).copied().unwrap_or(Seq(0));
                let nothing = Batch { of: sight.book.clone(), from: at, until: at };
                return self.send(due, sights, &nothing, Vec::new());
            }
            let (key, schedule, seen) = ((*key).clone(), schedule.clone(), state.clone());
            self.kernel()
                .append_blocking(move |desk| delivery::wait_for_next(desk, &key, &schedule, &seen))?;
            return Ok(false);
        }
        if state.fault.is_some() {
            let (key, seen) = ((*key).clone(), state.clone());
            self.kernel().append_blocking(move |desk| delivery::recovered(desk, &key, &seen))?;
        }
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).insert((*key).clone(), cursors);
        Ok(false)
    }

    fn end(&self, key: &Key, reason: EndReason) -> Result<bool, Stuck> {
        tracing::info!(subscription = key.subscription, ?reason, "a subscription ended");
        let key = key.clone();
        self.kernel().append_blocking(move |desk| delivery::end(desk, &key, reason))?;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Key {
        Key { book: BookId::new("b").expect("a book"), subscription: n.to_string() }
    }

    fn whose(owner: &str, branch: &str) -> Whose {
        Whose { owner: owner.to_owned(), branch: Some(UnitCode::new(branch).expect("a unit")) }
    }

    fn take_all(queue: &mut Queue) -> Vec<Key> {
        std::iter::from_fn(|| queue.take()).collect()
    }

    #[test]
    fn nobody_waits_for_ever_behind_those_that_are_always_due() {
        let of = |n: usize| (key(n), whose(&(n % 10).to_string(), ["371424", "371425"][n % 2]));
        let all: Vec<(Key, Whose)> = (0..40).map(of).collect();
        let (mut queue, mut told) = (Queue::default(), HashSet::new());
        for _ in 0..3 {
            queue.wait(all.clone());
            let taken = take_all(&mut queue);
            assert_eq!(taken.len(), UNDER_WAY_MAX);
            assert!(taken.iter().all(|key| !told.contains(key)) || told.len() + UNDER_WAY_MAX > all.len());
            taken.iter().for_each(|key| queue.done(key));
            told.extend(taken);
        }
        assert_eq!(told.len(), 40);
        // One that is being told is told once more if something came meanwhile, and not at the same time.
        let mut queue = Queue::default();
        queue.wait(vec![of(1)]);
        assert_eq!(queue.take(), Some(key(1)));
        queue.wait(vec![of(1)]);
        assert_eq!(queue.take(), None);
        queue.done(&key(1));
        assert_eq!(queue.take(), Some(key(1)));
    }

    #[test]
    fn however_many_one_owner_has_others_come_next() {
        let mut queue = Queue::default();
        queue.wait((0..80).map(|n| (key(n), whose("slow", "371424"))).collect());
        let slow = take_all(&mut queue);
        assert_eq!(slow.len(), UNDER_WAY_OF_OWNER_MAX);
        queue.wait(vec![(key(100), whose("other", "371424"))]);
        assert_eq!((queue.take(), queue.take()), (Some(key(100)), None));
        queue.done(&slow[0]);
        assert_eq!(queue.take(), Some(key(UNDER_WAY_OF_OWNER_MAX)));
    }

    #[test]
    fn however_many_owners_a_branch_has_another_one_waits_behind_none_of_them() {
        let mut queue = Queue::default();
        queue.wait((0..80).map(|n| (key(n), whose(&n.to_string(), "371424"))).collect());
        let many = take_all(&mut queue);
        assert_eq!(many.len(), UNDER_WAY_OF_BRANCH_MAX);
        queue.wait(vec![(key(100), whose("other", "371425")), (key(101), whose("root", "371425"))]);
        assert_eq!(take_all(&mut queue), [key(100), key(101)]);
    }
}
