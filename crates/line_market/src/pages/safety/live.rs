//! Lists that follow the ledger: each event carries all items anew.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::response::sse::{Event, KeepAlive, Sse};
use ledger::Entry;
use shell::App;
use shell::view::{LiveItem, LiveItems};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use shell::live::Changes;

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
    let mut changes = Changes::from_now(app);
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
            if !changes.next(&concerns, &sender).await {
                break;
            }
        }
    });
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
