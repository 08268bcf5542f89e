//! Pages that follow the ledger over server-sent events, as long as a stream may stay open.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use axum::response::{IntoResponse, Response};
use base::limits::STREAM_SECONDS_MAX;
use base::{ActorId, SubjectId};
use kernel::{
    AccountDisabled, BodyErased, DeviceRevoked, GrantWithdrawn, IdentityRemoved, IdentitySet, Kernel,
    PasswordChanged, TokenRevoked, TotpRemoved, TotpSet, actor_subject,
};
use ledger::{Body, Entry};
use registry::PostLeft;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use crate::app::App;
use crate::health::held;
use crate::seats::Seat;
use crate::turns;
use crate::view::{LiveItem, LiveItems};
use crate::viewer::{Viewer, caller, cookie, let_in_now};
use crate::wall;

/// What a page is sent.
pub type Events = Sse<KeepAliveStream<ReceiverStream<Result<Event, Infallible>>>>;

/// Between two events to a page that many entries concern.
pub const PAUSE: Duration = Duration::from_secs(1);

/// What `read` finds, if it is not what the page shows already, and again after every entry that concerns it, if it changed.
/// The stream ends where there is nothing to be read any more. Each reading waits for a turn of the viewer.
pub fn follow<R, F>(
    (app, viewer): (&App, &Viewer),
    (event, shown): (&'static str, Option<String>),
    pause: Duration,
    concerns: impl Fn(&Entry) -> bool + Send + Sync + 'static,
    read: R,
) -> Events
where
    R: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Option<String>> + Send,
{
    let (sender, receiver) = mpsc::channel(2);
    let (app, listener) = (app.clone(), viewer.actor().map(|actor| actor.id.clone()));
    let mut changes = Changes::from_now(&app, listener.as_ref());
    tokio::spawn(async move {
        let mut last = shown;
        loop {
            let found = changes.read(&app, listener.as_ref(), &sender, read()).await;
            let Some(found) = found.flatten() else { break };
            if last.as_ref() != Some(&found) {
                if sender.send(Ok(Event::default().event(event).data(&found))).await.is_err() {
                    break;
                }
                last = Some(found);
            }
            if !changes.next(&concerns, &sender).await {
                break;
            }
            sleep(pause).await;
        }
    });
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

/// The items of a live list as its events carry them.
pub fn markup(items: &[LiveItem], empty: &str) -> Option<String> {
    LiveItems { items, empty }.render().ok()
}

/// What is recorded while a stream is open.
pub struct Changes {
    heard: Heard,
    until: Instant,
    /// Who listens, as entries name them; `None` if it may be anybody.
    listens: Option<SubjectId>,
    /// The place of the stream, until nothing is read for it any more.
    _seat: Option<Arc<Seat>>,
}

impl Changes {
    /// From before the request was judged on, or else from now on. Made before the first read, so that nothing falls between
    /// the two.
    pub fn from_now(app: &App, listens: Option<&ActorId>) -> Self {
        let (heard, seat) = match OPENED.try_with(Cell::take).ok().flatten() {
            Some((heard, seat)) => (heard, Some(seat)),
            None => (Heard::from_now(&app.kernel), None),
        };
        Self { listens: listens.and_then(actor_subject), ..Self::since(heard, seat) }
    }

    fn since(heard: Heard, seat: Option<Arc<Seat>>) -> Self {
        let until = Instant::now() + Duration::from_secs(STREAM_SECONDS_MAX);
        Self { heard, until, listens: None, _seat: seat }
    }

    /// Whether whoever listens may do less after some entries.
    fn lose(&self, entries: &[Entry]) -> bool {
        entries.iter().any(|entry| takes_away(entry, self.listens.as_ref()))
    }

    /// Reads in a turn of whoever listens; `None` if they are gone, or if something was taken away while they waited for it.
    pub async fn read<T, F: Future>(
        &mut self,
        app: &App,
        listens: Option<&ActorId>,
        listener: &mpsc::Sender<T>,
        read: F,
    ) -> Option<F::Output> {
        let turn = tokio::select! {
            turn = app.limits.turns.next_for(listens) => turn,
            () = listener.closed() => return None,
        };
        if !self.goes_on() {
            return None;
        }
        tokio::select! {
            found = turns::within(turn, read) => Some(found),
            () = listener.closed() => None,
        }
    }

    /// Hears what was recorded before it is read; false if something was taken away by it.
    fn goes_on(&mut self) -> bool {
        loop {
            match self.heard.live.try_recv() {
                Ok(entries) if self.lose(&entries) => return false,
                Err(TryRecvError::Lagged(_)) if self.heard.may_have_missed_a_loss() => return false,
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return true,
            }
        }
    }

    /// Whether the time of the stream is over.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Waits for an entry that concerns the stream; false when its time is over, or the listener or the kernel is gone.
    pub async fn next<T>(
        &mut self,
        concerns: impl Fn(&Entry) -> bool + Send,
        listener: &mpsc::Sender<T>,
    ) -> bool {
        loop {
            // In a busy market there is always something to tell, and a timer that is over need not be the first to say so.
            if self.is_over() {
                return false;
            }
            let received = tokio::select! {
                received = self.heard.live.recv() => received,
                () = listener.closed() => return false,
                () = sleep_until(self.until) => return false,
            };
            match received {
                // Whoever listens asks anew, and is judged anew.
                Ok(entries) if self.lose(&entries) => return false,
                Ok(entries) if entries.iter().any(&concerns) => return true,
                Ok(_) => {}
                // Whatever was missed is in the database; if something may have been taken away by it, whoever listens is judged
                // anew.
                Err(broadcast::error::RecvError::Lagged(_)) => return !self.heard.may_have_missed_a_loss(),
                Err(broadcast::error::RecvError::Closed) => return false,
            }
        }
    }
}

tokio::task_local! {
    /// Of the stream that is opened: what is recorded since before it was last asked who opens it, and its place.
    static OPENED: Cell<Option<(Heard, Arc<Seat>)>>;
}

type Live = broadcast::Receiver<Arc<Vec<Entry>>>;

/// What is recorded from a moment on, and what was counted then of the entries that [`takes_away`] is about.
struct Heard {
    live: Live,
    counts: [Count; 2],
}

/// A number that grows before listeners hear why.
struct Count {
    now: Arc<AtomicU64>,
    then: u64,
}

impl Heard {
    fn from_now(kernel: &Kernel) -> Self {
        // Accounts and rights stand in the root book, and what is erased may stand in any.
        Self::of([kernel.root_told(), kernel.erasures_told()], || kernel.live())
    }

    fn of(counts: [Arc<AtomicU64>; 2], listen: impl FnOnce() -> Live) -> Self {
        let counts = counts.map(|now| Count { then: now.load(Ordering::SeqCst), now });
        Self { counts, live: listen() }
    }

    fn may_have_missed_a_loss(&self) -> bool {
        self.counts.iter().any(|count| count.now.load(Ordering::SeqCst) != count.then)
    }
}

/// The layer of routes that stay open: so many streams of one account, screen, program or device, and no more. Whoever has no
/// place has nothing read. Who asks is looked up once more when the stream hears already what is recorded, so that no right
/// is taken away between the two; screens are looked up after this.
pub async fn seated(State(app): State<App>, request: Request, next: Next) -> Response {
    let seat = match owner_of(&app, &request) {
        Owner::Caller(owner) => app.limits.streams.take(&owner),
        Owner::Screen(owner) => app.limits.screens.take(&owner),
    };
    let seat = match seat {
        Ok(seat) => Arc::new(seat),
        Err(problem) => return problem.into_response(),
    };
    let opened = Cell::new(Some((Heard::from_now(&app.kernel), seat.clone())));
    if let Err(problem) = let_in_now().await {
        return problem.into_response();
    }
    let response = OPENED.scope(opened, next.run(request)).await;
    let media = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |media| media.as_bytes());
    if !media.starts_with(b"text/event-stream") {
        return response;
    }
    response.map(|body| held(body, seat))
}

/// By what whoever opens a stream is let in.
enum Owner {
    Caller(String),
    Screen(String),
}

fn owner_of(app: &App, request: &Request) -> Owner {
    match request.extensions().get::<Viewer>() {
        Some(Viewer::Person(session)) => Owner::Caller(session.actor.id.to_string()),
        Some(Viewer::Program(actor)) => Owner::Caller(actor.id.to_string()),
        _ => match cookie(request.headers(), wall::COOKIE) {
            Some(screen) => Owner::Screen(screen.to_owned()),
            None => Owner::Caller(format!("address {}", caller(app, request))),
        },
    }
}

/// Whether somebody may do less after an entry: one about them, or an erasure, which happens seldom enough for every stream to
/// end.
fn takes_away(entry: &Entry, whose: Option<&SubjectId>) -> bool {
    const KINDS: [&str; 10] = [
        AccountDisabled::KIND,
        PasswordChanged::KIND,
        TotpSet::KIND,
        TotpRemoved::KIND,
        IdentitySet::KIND,
        IdentityRemoved::KIND,
        GrantWithdrawn::KIND,
        TokenRevoked::KIND,
        DeviceRevoked::KIND,
        PostLeft::KIND,
    ];
    let is_about = |whose: &SubjectId| entry.subjects.iter().any(|subject| subject.id == *whose);
    match entry.kind.as_str() {
        BodyErased::KIND => true,
        kind => KINDS.contains(&kind) && whose.is_none_or(is_about),
    }
}

#[cfg(test)]
mod tests {
    use base::{BookId, Seq, Time};
    use ledger::Draft;

    use super::*;

    #[tokio::test]
    async fn what_was_taken_away_while_a_stream_waited_to_read_ends_it() {
        let (recorded, live) = broadcast::channel(4);
        let (listener, _stays) = mpsc::channel::<()>(1);
        let mut changes = Changes::since(Heard::of(<[_; 2]>::default(), || live), None);
        recorded.send(Arc::default()).expect("somebody listens");
        assert!(changes.goes_on());
        changes.until = Instant::now() + Duration::from_millis(10);
        assert!(!changes.next(|_| true, &listener).await, "what came before the read is read once");
        let (book, one) = (BookId::new("registry").unwrap(), ActorId::new("token:one").unwrap());
        let revoked = Draft::new(&book, Time(0), &one, &TokenRevoked { token: "one".into() }).unwrap();
        let revoked = revoked.subject(ledger::Role::About, actor_subject(&one).unwrap());
        let revoked = Arc::new(vec![Entry::seal(revoked, Seq(0), Time(0), [0; 16])]);
        // What is taken from others is no reason to come again.
        changes.listens = actor_subject(&ActorId::new("token:other").unwrap());
        recorded.send(revoked.clone()).expect("somebody listens");
        assert!(changes.goes_on());
        for listens in [actor_subject(&one), None] {
            changes.listens = listens;
            recorded.send(revoked.clone()).expect("somebody listens");
            assert!(!changes.goes_on());
        }
    }

    #[tokio::test]
    async fn a_stream_ends_in_time_even_where_there_is_always_something_to_tell() {
        let (recorded, live) = broadcast::channel(1);
        let (listener, _stays) = mpsc::channel::<()>(1);
        let mut changes = Changes::since(Heard::of(<[_; 2]>::default(), || live), None);
        let busy = || (0..2).for_each(|_| drop(recorded.send(Arc::default())));
        busy();
        assert!(changes.next(|_| false, &listener).await, "what was missed is told");
        busy();
        changes.until = Instant::now();
        assert!(!changes.next(|_| true, &listener).await);
    }

    #[tokio::test]
    async fn whoever_missed_what_may_be_a_right_is_judged_anew() {
        let (recorded, live) = broadcast::channel(1);
        let (listener, _stays) = mpsc::channel::<()>(1);
        let counts = [7, 0].map(|count| Arc::new(AtomicU64::new(count)));
        let mut changes = Changes::since(Heard::of(counts.clone(), || live), None);
        let lag = || (0..2).for_each(|_| drop(recorded.send(Arc::default())));
        lag();
        assert!(
            changes.next(|_| false, &listener).await,
            "nothing was recorded in the root book, nor erased"
        );
        for count in counts {
            count.fetch_add(1, Ordering::SeqCst);
            lag();
            assert!(!changes.goes_on());
            lag();
            assert!(!changes.next(|_| false, &listener).await);
            count.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
