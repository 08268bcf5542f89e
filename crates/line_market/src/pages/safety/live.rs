//! Lists that follow the ledger: each event carries all items anew.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::response::sse::{Event, KeepAlive, Sse};
use base::limits::STREAM_SECONDS_MAX;
use ledger::Entry;
use shell::App;
use shell::view::{LiveItem, LiveItems};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::ReceiverStream;

pub type Events = Sse<axum::response::sse::KeepAliveStream<ReceiverStream<Result<Event, Infallible>>>>;

/// The list at once, and again after every entry that concerns it, if it changed.
pub fn follow<R, F>(
    app: &App,
    empty: String,
    concerns: impl Fn(&Entry) -> bool + Send + Sync + 'static,
    read: R,
) -> Events
where
    R: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Option<Vec<LiveItem>>> + Send,
{
    let (sender, receiver) = mpsc::channel(2);
    // Before the first read, so that nothing falls between the two.
    let mut live = app.kernel.live();
    let until = Instant::now() + Duration::from_secs(STREAM_SECONDS_MAX);
    tokio::spawn(async move {
        let mut last = None;
        while let Some(items) = read().await {
            if last.as_ref() != Some(&items) {
                let Ok(markup) = (LiveItems { items: &items, empty: &empty }).render() else { break };
                if sender.send(Ok(Event::default().event("list").data(markup))).await.is_err() {
                    break;
                }
                last = Some(items);
            }
            if !timeout_at(until, changed(&mut live, &concerns, &sender)).await.unwrap_or(false) {
                break;
            }
        }
    });
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

/// Waits for an entry that concerns the list; false when the page or the kernel is gone.
async fn changed<T>(
    live: &mut broadcast::Receiver<Arc<Vec<Entry>>>,
    concerns: &impl Fn(&Entry) -> bool,
    sender: &mpsc::Sender<T>,
) -> bool {
    loop {
        let received = tokio::select! {
            received = live.recv() => received,
            () = sender.closed() => return false,
        };
        match received {
            Ok(entries) if entries.iter().any(concerns) => return true,
            Ok(_) => {}
            // Whatever was missed is in the database.
            Err(broadcast::error::RecvError::Lagged(_)) => return true,
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}
