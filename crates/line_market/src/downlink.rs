//! What goes down to scales: their state, whenever an entry changes it. HTTP streams and MQTT both take it from here.

use std::time::Duration;

use base::BookId;
use base::limits::STREAM_SECONDS_MAX;
use ledger::{Body, Entry};
use shell::App;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::ReceiverStream;

use crate::intake::{ScaleState, scale_state};
use crate::kinds::{
    BlockAcknowledged, LotHeld, LotLost, LotReceived, LotReleased, LotSplit, LotTransferred, PricePosted,
    ProductRegistered, ScaleEnrolled, ScaleMoved,
};

/// Whether an entry may change what a scale of its book is told. Sales do not: a scale counts its own.
pub fn concerns(entry: &Entry) -> bool {
    matches!(
        entry.kind.as_str(),
        LotHeld::KIND
            | LotReleased::KIND
            | LotReceived::KIND
            | LotTransferred::KIND
            | LotSplit::KIND
            | LotLost::KIND
            | PricePosted::KIND
            | ProductRegistered::KIND
            | ScaleEnrolled::KIND
            | ScaleMoved::KIND
            | BlockAcknowledged::KIND
    )
}

/// The states of one scale, from now on, each different from the one before.
pub fn states(app: &App, book: BookId, scale: u32) -> ReceiverStream<ScaleState> {
    let (sender, receiver) = mpsc::channel(4);
    let app = app.clone();
    // Before the first read, so that nothing falls between the two.
    let mut live = app.kernel.live();
    let until = Instant::now() + Duration::from_secs(STREAM_SECONDS_MAX);
    tokio::spawn(async move {
        let mut last: Option<ScaleState> = None;
        loop {
            let Some(state) = read(&app, &book, scale).await else { break };
            let changed = last
                .as_ref()
                .is_none_or(|last| ScaleState { server_time: last.server_time, ..state.clone() } != *last);
            if changed {
                if sender.send(state.clone()).await.is_err() {
                    break;
                }
                last = Some(state);
            }
            if !timeout_at(until, next_change(&mut live, &book, &sender)).await.unwrap_or(false) {
                break;
            }
        }
    });
    ReceiverStream::new(receiver)
}

async fn read(app: &App, book: &BookId, scale: u32) -> Option<ScaleState> {
    let book = book.clone();
    let read = app
        .blocking(move |kernel| {
            let now = kernel.now();
            kernel.read(|tx| scale_state(tx, &book, scale, now))
        })
        .await;
    read.ok().flatten()
}

/// Waits until something changes; false when the listener or the kernel is gone.
async fn next_change(
    live: &mut broadcast::Receiver<std::sync::Arc<Vec<Entry>>>,
    book: &BookId,
    sender: &mpsc::Sender<ScaleState>,
) -> bool {
    loop {
        let received = tokio::select! {
            received = live.recv() => received,
            () = sender.closed() => return false,
        };
        match received {
            Ok(entries) if entries.iter().any(|entry| entry.book == *book && concerns(entry)) => return true,
            Ok(_) => {}
            // Whatever was missed is in the database.
            Err(broadcast::error::RecvError::Lagged(_)) => return true,
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}
