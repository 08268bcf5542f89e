//! Turns: how much of the database's time one caller takes, how much of one sender is in hand, and how much all long walks
//! and searches take together.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::limits::{
    ANSWERS_OF_ONE_BYTES_MAX, BODIES_OF_ONE_BYTES_MAX, PUBLIC_TRACE_MS_MAX, PUBLIC_TRACE_SUBJECTS_MAX,
    PUBLIC_TRACES_MAX, READS_OF_ONE_MAX, REQUEST_BYTES_MAX, SEARCHES_MAX, SEARCHES_OF_ONE_MAX,
    TRACE_DEPTH_MAX, TRACES_MAX, WRITES_OF_ONE_MAX,
};
use base::{ActorId, BookId, SubjectId};
use kernel::{Along, Kernel};
use matters::MatterId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use trace::{Bounds, Direction, Fan, Walk};

use crate::app::App;
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::{Viewer, caller, still_let_in};

/// What is done with the own account at a time in one session: an account has a few.
const OWN_OF_ONE_MAX: usize = 2;

/// How long a request waits for a turn.
const WAIT_MAX: Duration = Duration::from_secs(5);
const WALK_WAIT_MAX: Duration = Duration::from_secs(2);

/// A walk for a page that shows a few dozen steps: anybody who sends events may put much behind a lot.
const PAGE_WALK: Bounds =
    Bounds { depth: TRACE_DEPTH_MAX, subjects: PUBLIC_TRACE_SUBJECTS_MAX, fan: Fan::WHOLE };
const PAGE_WALK_TIME_MAX: Duration = Duration::from_millis(PUBLIC_TRACE_MS_MAX);

/// What documents of one sender in hand are counted in, and a small one as; together they may be as long as a single one.
const SENT_UNIT_BYTES: usize = 256 * 1024;
const SENT_UNITS_MAX: usize = REQUEST_BYTES_MAX / SENT_UNIT_BYTES;
const BODY_UNITS_MAX: usize = BODIES_OF_ONE_BYTES_MAX / SENT_UNIT_BYTES;
const ANSWER_UNITS_MAX: usize = ANSWERS_OF_ONE_BYTES_MAX / SENT_UNIT_BYTES;
/// An answer that is no longer is not counted: as many as there are connections come to little.
const ANSWER_SMALL_BYTES: usize = 16 * 1024;

/// The turns of callers who read, of those who send documents, of walks and of searches.
pub struct Turns {
    readers: OfEach,
    writers: OfEach,
    own: OfEach,
    senders: OfEach,
    bodies: OfEach,
    answers: OfEach,
    searchers: OfEach,
    searches: Arc<Semaphore>,
    reckoners: OfEach,
    places: OfEach,
    walkers: OfEach,
    walks: Arc<Semaphore>,
    page_walks: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            readers: OfEach::new(READS_OF_ONE_MAX),
            writers: OfEach::new(WRITES_OF_ONE_MAX),
            own: OfEach::new(OWN_OF_ONE_MAX),
            senders: OfEach::new(SENT_UNITS_MAX),
            bodies: OfEach::new(BODY_UNITS_MAX),
            answers: OfEach::new(ANSWER_UNITS_MAX),
            searchers: OfEach::new(SEARCHES_OF_ONE_MAX),
            searches: Arc::new(Semaphore::new(SEARCHES_MAX)),
            reckoners: OfEach::new(1),
            places: OfEach::new(1),
            walkers: OfEach::new(1),
            walks: Arc::new(Semaphore::new(TRACES_MAX)),
            page_walks: Arc::new(Semaphore::new(PUBLIC_TRACES_MAX)),
        }
    }
}

/// A turn, given back when its last holder is done with it.
pub type Turn = Arc<OwnedSemaphorePermit>;

/// A turn of an owner whose query is answered, and a place among all that are.
pub struct Search {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

/// A turn to change what a matter is judged by, and the place of who has it among those that wait.
pub struct Reckoning {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

tokio::task_local! {
    static TURN: Turn;
}

/// The turn of the request that is being answered. What it has to do off the async threads keeps it, whether or not anybody
/// still waits for the answer.
pub(crate) fn held() -> Option<Turn> {
    TURN.try_with(Turn::clone).ok()
}

/// Reads in a turn, if there is one.
pub async fn within<F: Future>(turn: Option<Turn>, read: F) -> F::Output {
    match turn {
        Some(turn) => TURN.scope(turn, read).await,
        None => read.await,
    }
}

impl Turns {
    /// A turn of a caller who reads, as soon as one is free.
    async fn next_of(&self, caller: &str) -> Turn {
        Arc::new(self.readers.of(caller).acquire_owned().await.expect("nobody closes it"))
    }

    async fn to_read(&self, caller: &str, wait_max: Duration) -> Result<Turn, Problem> {
        timeout(wait_max, self.next_of(caller)).await.map_err(|_| too_many(READS_OF_ONE_MAX))
    }

    /// A turn of a caller who has something decided and recorded: all wait for the one writer.
    async fn to_write(&self, caller: &str, wait_max: Duration) -> Result<Turn, Problem> {
        let turn = timeout(wait_max, self.writers.of(caller).acquire_owned()).await;
        Ok(Arc::new(turn.map_err(|_| too_many(WRITES_OF_ONE_MAX))?.expect("nobody closes it")))
    }

    /// A turn of a session in which something is done with the own account.
    async fn to_do_own(&self, session: &str, wait_max: Duration) -> Result<Turn, Problem> {
        let turn = timeout(wait_max, self.own.of(session).acquire_owned()).await;
        Ok(Arc::new(turn.map_err(|_| too_many(OWN_OF_ONE_MAX))?.expect("nobody closes it")))
    }

    /// A turn of a sender whose document has so many bytes, or takes as many when it is read.
    pub async fn to_send(&self, actor: &ActorId, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        self.senders.with(actor.as_str(), bytes, WAIT_MAX).await
    }

    /// The same where others would have to wait as well: a turn that is free now.
    pub fn to_send_now(&self, actor: &ActorId, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        self.senders.now(actor.as_str(), bytes)
    }

    /// A turn of somebody whose body of so many bytes is to be read. Whoever has it may wait for a turn to send.
    pub async fn to_bring(&self, caller: &str, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        self.bodies.with(caller, bytes, WAIT_MAX).await
    }

    /// A turn of whoever listens to a stream, who may be nobody in particular.
    pub async fn next_for(&self, listener: Option<&ActorId>) -> Option<Turn> {
        match listener {
            Some(listener) => Some(self.next_of(listener.as_str()).await),
            None => None,
        }
    }

    /// A turn of a screen, within the time that others wait.
    pub async fn of_screen(&self, screen: &ActorId) -> Result<Turn, Problem> {
        self.to_read(screen.as_str(), WAIT_MAX).await
    }

    /// A turn of an owner to have a query answered, as soon as there is one.
    pub async fn next_search(&self, owner: &str) -> Search {
        let turn = self.searchers.of(owner).acquire_owned().await.expect("nobody closes it");
        let place = self.searches.clone().acquire_owned().await.expect("nobody closes it");
        Search { _turn: turn, _place: place }
    }

    async fn to_search(&self, owner: &str, wait_max: Duration) -> Result<Search, Problem> {
        let turn = timeout(wait_max, self.searchers.of(owner).acquire_owned()).await;
        let turn = turn.map_err(|_| too_many(SEARCHES_OF_ONE_MAX))?.expect("nobody closes it");
        let place = timeout(wait_max, self.searches.clone().acquire_owned()).await;
        let place = place.map_err(|_| Problem::unavailable(5))?.expect("nobody closes it");
        Ok(Search { _turn: turn, _place: place })
    }

    /// The turn to change what a matter is judged by, where that takes long to reckon. As long as it is held nobody else here
    /// does, and the writer finds it as it was reckoned with. Each party has one place among those that wait for it, a team as well:
    /// whoever has much to record holds others up by one turn.
    pub async fn to_reckon(&self, matter: &MatterId, party: &str) -> Result<Reckoning, Problem> {
        self.to_reckon_within(matter, party, WAIT_MAX).await
    }

    async fn to_reckon_within(
        &self,
        matter: &MatterId,
        party: &str,
        wait_max: Duration,
    ) -> Result<Reckoning, Problem> {
        let matter = matter.subject().as_str();
        let turn = timeout(wait_max, async {
            let place = self.places.of(&format!("{matter} {party}")).acquire_owned().await;
            let turn = self.reckoners.of(matter).acquire_owned().await;
            Reckoning { _place: place.expect("nobody closes it"), _turn: turn.expect("nobody closes it") }
        });
        turn.await.map_err(|_| Problem::unavailable(WAIT_MAX.as_secs()))
    }

    /// Forgets whoever reads and sends nothing.
    pub fn forget(&self) {
        self.readers.forget();
        self.writers.forget();
        self.own.forget();
        self.senders.forget();
        self.bodies.forget();
        self.answers.forget();
        self.searchers.forget();
        self.reckoners.forget();
        self.places.forget();
        self.walkers.forget();
    }
}

/// So many turns of each caller.
struct OfEach {
    callers: Mutex<HashMap<String, Weak<Semaphore>>>,
    turns: usize,
}

impl OfEach {
    fn new(turns: usize) -> Self {
        Self { callers: Mutex::default(), turns }
    }

    fn of(&self, caller: &str) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = callers.get(caller).and_then(Weak::upgrade) {
            return turns;
        }
        let turns = Arc::new(Semaphore::new(self.turns));
        callers.insert(caller.to_owned(), Arc::downgrade(&turns));
        turns
    }

    /// So many turns as some bytes have units.
    async fn with(
        &self,
        caller: &str,
        bytes: usize,
        wait_max: Duration,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = timeout(wait_max, self.of(caller).acquire_many_owned(self.units(bytes))).await;
        Ok(turn.map_err(|_| too_much(self.turns * SENT_UNIT_BYTES))?.expect("nobody closes it"))
    }

    fn now(&self, caller: &str, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = self.of(caller).try_acquire_many_owned(self.units(bytes));
        turn.map_err(|_| too_much(self.turns * SENT_UNIT_BYTES))
    }

    fn units(&self, bytes: usize) -> u32 {
        let units = bytes.div_ceil(SENT_UNIT_BYTES).clamp(1, self.turns);
        u32::try_from(units).expect("a caller has few units")
    }

    fn forget(&self) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.retain(|_, turns| turns.strong_count() > 0);
    }
}

fn too_many(at_a_time: usize) -> Problem {
    let seconds = WAIT_MAX.as_secs();
    let detail = Both::new(
        format!(
            "同一账户或凭据同时提交的请求过多（同时办理 {at_a_time} 个，其余排队），请在 {seconds} 秒后重试。"
        ),
        format!(
            "{at_a_time} such requests of one account or credential are answered at a time, and too many wait; \
             try again in {seconds} s"
        ),
    );
    Problem { detail, ..Problem::too_many_requests(seconds) }
}

fn too_much(bytes_max: usize) -> Problem {
    let seconds = WAIT_MAX.as_secs();
    let detail = Both::new(
        format!(
            "同一账户或凭据同时提交的内容过多（合计不超过 {bytes_max} 字节，其余排队），请在 {seconds} 秒后重试。"
        ),
        format!(
            "what one account or credential sends is taken while it comes to {bytes_max} bytes together, and too much waits; \
             try again in {seconds} s"
        ),
    );
    Problem { detail, ..Problem::too_many_requests(seconds) }
}

/// The session in whose turns something is done, and not in those of its account: what somebody does with the own account, so that
/// nobody who has another session of it keeps them from ending that.
pub(crate) fn own_session<'v>(viewer: &'v Viewer, path: &str) -> Option<&'v str> {
    let is_own = matches!(path, "/sign-out" | "/account") || path.starts_with("/account/");
    viewer.session().filter(|_| is_own).map(|session| session.hash.as_str())
}

/// The layer in which whoever reads or writes waits for a turn. What a stream reads once it is open waits for turns of its own.
pub async fn wait(State(app): State<App>, viewer: Viewer, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let turns = &app.limits.turns;
    let Some(actor) = viewer.actor() else {
        // What nobody takes lies in memory, whoever asked for it.
        let address = format!("address {}", caller(&app, &request));
        let response = next.run(request).await;
        return kept(turns, &address, response, WAIT_MAX).await;
    };
    let (whose, turn) = match own_session(&viewer, request.uri().path()) {
        Some(session) => (session, turns.to_do_own(session, WAIT_MAX).await),
        None if reads => (actor.id.as_str(), turns.to_read(actor.id.as_str(), WAIT_MAX).await),
        None => (actor.id.as_str(), turns.to_write(actor.id.as_str(), WAIT_MAX).await),
    };
    let turn = match turn {
        Ok(turn) => still_let_in().await.map(|()| turn),
        refused => refused,
    };
    match turn {
        Ok(turn) => {
            let response = TURN.scope(turn.clone(), next.run(request)).await;
            let kept = kept(turns, whose, response, WAIT_MAX).await;
            drop(turn);
            kept
        }
        Err(problem) => problem.into_response(),
    }
}

/// An answer that is kept until it is taken, which counts as its caller's.
struct Kept {
    bytes: Bytes,
    _turn: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The answer, once there is room among its caller's for it. What a stream brings comes piece by piece as it is taken.
async fn kept(turns: &Turns, caller: &str, response: Response, wait_max: Duration) -> Response {
    let (parts, body) = response.into_parts();
    let length = body.size_hint().exact().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if length <= ANSWER_SMALL_BYTES {
        return Response::from_parts(parts, body);
    }
    let turn = match turns.answers.with(caller, length, wait_max).await {
        Ok(turn) => turn,
        Err(_) => return untaken().into_response(),
    };
    match to_bytes(body, length).await {
        Ok(bytes) => Response::from_parts(parts, Body::from(Bytes::from_owner(Kept { bytes, _turn: turn }))),
        Err(_) => Problem::internal().into_response(),
    }
}

fn untaken() -> Problem {
    let (seconds, bytes) = (WAIT_MAX.as_secs(), ANSWERS_OF_ONE_BYTES_MAX);
    let detail = Both::new(
        format!(
            "同一账户或凭据尚未取走的答复过多（合计不超过 {bytes} 字节，其余排队），请取走后再试，或在 {seconds} 秒后重试。"
        ),
        format!(
            "answers to one account or credential are kept until they are taken while they come to {bytes} bytes together; \
             take them, or try again in {seconds} s"
        ),
    );
    Problem { detail, ..Problem::too_many_requests(seconds) }
}

impl App {
    /// Walks from a subject along some books within the product's bounds, one walk of a caller at a time.
    pub async fn walk(
        &self,
        walker: &ActorId,
        start: SubjectId,
        direction: Direction,
        books: BTreeSet<BookId>,
    ) -> Result<Walk, Problem> {
        let own = turn_of(&self.limits.turns.walkers.of(walker.as_str())).await?;
        let turn = (own, turn_of(&self.limits.turns.walks).await?);
        still_let_in().await?;
        self.blocking(move |kernel| {
            let walk = kernel.walk_along(&start, direction, Along::Only(&books));
            drop(turn);
            walk
        })
        .await
    }

    /// Answers a query whose cost its owner shapes, in a turn of theirs. What it reads it reads by [`Kernel::read_within`].
    pub async fn search<T, E>(
        &self,
        owner: &str,
        work: impl FnOnce(&Arc<Kernel>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let search = self.limits.turns.to_search(owner, WAIT_MAX).await?;
        still_let_in().await?;
        self.blocking(move |kernel| {
            let answer = work(kernel);
            drop(search);
            answer
        })
        .await
    }

    /// Walks from a subject along some books as far as a page shows.
    pub async fn walk_a_little(
        &self,
        start: SubjectId,
        direction: Direction,
        books: BTreeSet<BookId>,
    ) -> Result<Walk, Problem> {
        let turn = turn_of(&self.limits.turns.page_walks).await?;
        still_let_in().await?;
        self.blocking(move |kernel| {
            let along = Along::Only(&books);
            let walk = kernel.walk_within(&start, direction, PAGE_WALK, PAGE_WALK_TIME_MAX, along);
            drop(turn);
            walk
        })
        .await
    }
}

/// The turn lasts as long as the walk, whether or not anybody still waits for it.
async fn turn_of(walks: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    let turn = timeout(WALK_WAIT_MAX, walks.clone().acquire_owned()).await;
    Ok(turn.map_err(|_| Problem::unavailable(2))?.expect("nobody closes it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_reads_so_much_at_a_time_and_keeps_nobody_else_from_reading() {
        let turns = Turns::default();
        let [one, other] = ["token:a", "token:b"];
        let mut held = Vec::new();
        for _ in 0..READS_OF_ONE_MAX {
            held.push(turns.to_read(one, Duration::ZERO).await.unwrap());
        }
        assert_eq!(turns.to_read(one, Duration::ZERO).await.unwrap_err().status.as_u16(), 429);
        drop(turns.to_read(other, Duration::ZERO).await.unwrap());
        turns.forget();
        assert_eq!(turns.readers.callers.lock().unwrap().len(), 1);
        held.pop();
        drop(turns.to_read(one, Duration::ZERO).await.unwrap());
    }

    #[tokio::test]
    async fn one_has_so_much_decided_at_a_time_and_keeps_nobody_else_from_the_writer() {
        let turns = Turns::default();
        let [one, other] = ["account:a", "account:b"];
        let mut held = Vec::new();
        for _ in 0..WRITES_OF_ONE_MAX {
            held.push(turns.to_write(one, Duration::ZERO).await.unwrap());
        }
        assert_eq!(turns.to_write(one, Duration::ZERO).await.unwrap_err().status.as_u16(), 429);
        drop(turns.to_write(other, Duration::ZERO).await.unwrap());
        drop(turns.to_read(one, Duration::ZERO).await.unwrap());
        held.pop();
        drop(turns.to_write(one, Duration::ZERO).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_waits_for_what_a_matter_is_judged_by_longer_than_a_request_may() {
        let turns = Turns::default();
        let [one, other] = ["project.a", "project.b"]
            .map(|name| MatterId::local(&BookId::new("decheng-projects").unwrap(), name).unwrap());
        let team = "post:decheng-office/team-1";
        let held = turns.to_reckon(&one, team).await.unwrap();
        let refused = turns.to_reckon_within(&one, "token:office", Duration::ZERO).await.err().unwrap();
        assert_eq!((refused.status.as_u16(), refused.retry_after_s), (503, Some(5)));
        drop(turns.to_reckon_within(&other, team, Duration::ZERO).await.unwrap());
        drop(held);
        drop(turns.to_reckon_within(&one, team, Duration::ZERO).await.unwrap());
    }

    #[tokio::test]
    async fn a_team_that_has_much_to_record_of_a_project_holds_the_office_up_by_one_turn() {
        let (turns, order) = (Turns::default(), Mutex::new(Vec::new()));
        let project = MatterId::local(&BookId::new("decheng-projects").unwrap(), "project.a").unwrap();
        let (team, office) = ("post:decheng-office/team-1", "token:office");
        let record = async |party| {
            let turn = turns.to_reckon(&project, party).await.unwrap();
            order.lock().unwrap().push(party);
            tokio::task::yield_now().await;
            drop(turn);
        };
        let held = turns.to_reckon(&project, team).await.unwrap();
        let many = async { tokio::join!(record(team), record(team), record(team), record(team)) };
        let later = async {
            tokio::task::yield_now().await;
            tokio::join!(record(office), async { drop(held) })
        };
        tokio::join!(many, later);
        let order = order.into_inner().unwrap();
        assert!(order.iter().position(|party| *party == office).unwrap() <= 1, "{order:?}");
        turns.forget();
        assert!(turns.places.callers.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn one_has_a_long_document_in_hand_or_many_short_ones_and_keeps_nobody_else_from_sending() {
        let turns = Turns::default();
        let [one, other] = ["a", "b"].map(|name| ActorId::new(format!("token:{name}")).unwrap());
        let send = |caller, bytes| turns.senders.with(caller, bytes, Duration::ZERO);
        let long = send(one.as_str(), usize::MAX).await.unwrap();
        assert_eq!(send(one.as_str(), 1).await.unwrap_err().status.as_u16(), 429);
        assert_eq!(turns.to_send_now(&one, 1).unwrap_err().status.as_u16(), 429);
        drop(turns.to_send_now(&other, usize::MAX).unwrap());
        drop(send(other.as_str(), REQUEST_BYTES_MAX).await.unwrap());
        drop(long);
        let mut short = Vec::new();
        for _ in 0..SENT_UNITS_MAX {
            short.push(send(one.as_str(), 1_000).await.unwrap());
        }
        assert_eq!(send(one.as_str(), 1_000).await.unwrap_err().status.as_u16(), 429);
        drop(short);
        turns.forget();
        assert!(turns.senders.callers.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn whoever_has_queries_answered_leaves_places_to_others_and_all_of_them_leave_readers() {
        let turns = Turns::default();
        let search = |owner| turns.to_search(owner, Duration::ZERO);
        let mut held = Vec::new();
        for _ in 0..SEARCHES_OF_ONE_MAX {
            held.push(search("one").await.unwrap());
        }
        assert_eq!(search("one").await.err().unwrap().status.as_u16(), 429);
        // What is told to subscribers waits for the same turns.
        let mut told = std::pin::pin!(turns.next_search("one"));
        timeout(Duration::from_millis(20), &mut told).await.map(drop).unwrap_err();
        let others: Vec<String> = (0..SEARCHES_MAX).map(|n| format!("other {n}")).collect();
        for other in &others[..SEARCHES_MAX - SEARCHES_OF_ONE_MAX] {
            held.push(search(other).await.unwrap());
        }
        assert_eq!(search(&others[SEARCHES_MAX - 1]).await.err().unwrap().status.as_u16(), 503);
        held.remove(0);
        drop(told.await);
        drop(search(&others[SEARCHES_MAX - 1]).await.unwrap());
    }

    #[tokio::test]
    async fn answers_that_nobody_takes_are_kept_up_to_a_bound_and_each_counts_until_it_is_gone() {
        let (turns, long) = (Turns::default(), ANSWERS_OF_ONE_BYTES_MAX / 2);
        let short = Duration::from_millis(20);
        let ask = async |whose, bytes: usize| {
            kept(&turns, whose, Response::new(Body::from(vec![b'x'; bytes])), short).await
        };
        let mut held = vec![ask("one", long).await, ask("one", long).await];
        let refused = ask("one", long).await;
        assert_eq!(refused.status().as_u16(), 429);
        assert_eq!(ask("one", ANSWER_SMALL_BYTES).await.status().as_u16(), 200);
        assert_eq!(ask("other", long).await.status().as_u16(), 200);
        // What was handed on to be written counts as long as it is there.
        let bytes = to_bytes(held.remove(0).into_body(), long).await.unwrap();
        assert_eq!(bytes.len(), long);
        assert_eq!(ask("one", long).await.status().as_u16(), 429);
        drop(bytes);
        assert_eq!(ask("one", long).await.status().as_u16(), 200);
    }

    #[tokio::test]
    async fn a_stream_reads_when_its_listener_has_a_turn() {
        let turns = Turns::default();
        let one = ActorId::new("account:one").unwrap();
        let mut held = Vec::new();
        for _ in 0..READS_OF_ONE_MAX {
            held.push(turns.next_of(one.as_str()).await);
        }
        let has_turn = async { TURN.try_with(Turn::clone).is_ok() };
        let mut turn = std::pin::pin!(turns.next_for(Some(&one)));
        assert!(timeout(Duration::from_millis(20), &mut turn).await.is_err(), "no turn is free");
        held.pop();
        assert!(within(turn.await, has_turn).await, "what is read has the turn");
        assert!(turns.next_for(None).await.is_none());
    }
}
