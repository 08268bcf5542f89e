//! Whether whoever asks is still let in while a request takes its time.

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base::Day;
use kernel::LetIn;

use crate::app::App;
use crate::problem::Problem;
use crate::viewer::{Viewer, bearer, find};

/// How long what lets somebody in counts while more of a request is waited for.
const STALE_AFTER: Duration = Duration::from_millis(250);

/// What lets a caller in. Where a request takes its time it is looked up again: meanwhile it may have been taken away.
#[derive(Clone)]
pub struct Still {
    app: App,
    credentials: HeaderMap,
    viewer: Viewer,
    /// Entries of the root book from which that followed, and the day.
    root: i64,
    day: Day,
    since: Instant,
}

impl Still {
    pub fn of(app: &App, headers: &HeaderMap, (viewer, root): (&Viewer, i64), since: Instant) -> Self {
        let mut credentials = HeaderMap::new();
        for name in [header::AUTHORIZATION, header::COOKIE] {
            for value in headers.get_all(&name) {
                credentials.append(&name, value.clone());
            }
        }
        Self { app: app.clone(), credentials, viewer: viewer.clone(), root, day: app.today(), since }
    }

    /// Refuses a caller who is let in no more, or not with the same rights, where it is long since that was looked up.
    pub async fn check(&self) -> Result<(), Problem> {
        if self.since.elapsed() < STALE_AFTER { Ok(()) } else { self.look().await }
    }

    async fn look(&self) -> Result<(), Problem> {
        // To be looked up again is no use of a session.
        match find(&self.app, &self.credentials, true).await?.0.is(&self.viewer) {
            true => Ok(()),
            false => Err(Problem::unauthorized()),
        }
    }
}

tokio::task_local! {
    pub static STILL: Still;
}

/// Refuses to go on with a request whose caller is let in no more, where it is long since that was looked up: whatever it
/// waited for, it asks here before anything is read or decided.
pub async fn still_let_in() -> Result<(), Problem> {
    match STILL.try_with(Still::clone) {
        Ok(still) => still.check().await,
        Err(_) => Ok(()),
    }
}

/// By what the caller of this request was let in, for the writer to look at again.
pub fn let_in() -> Option<LetIn> {
    let still = STILL.try_with(Still::clone).ok()?;
    let session = still.viewer.session().map(|session| session.hash.clone());
    let shown = bearer(&still.credentials).ok().flatten().filter(|_| session.is_none());
    let (actor, root, day) = (still.viewer.actor()?.clone(), still.root, still.day);
    let let_in = LetIn { actor, session, credential: None, root, day };
    Some(match shown {
        Some(credential) => let_in.with_credential(&credential),
        None => let_in,
    })
}

/// Refuses to go on with a request whose caller is let in no more, however short it is since that was looked up.
pub async fn let_in_now() -> Result<(), Problem> {
    match STILL.try_with(Still::clone) {
        Ok(still) => still.look().await,
        Err(_) => Ok(()),
    }
}
