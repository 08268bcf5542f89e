//! What goes down to scales: their state, whenever an entry changes it. HTTP streams and MQTT both take it from here.

use std::time::Duration;

use base::{ActorId, BookId};
use ledger::{Body, Entry};
use shell::App;
use shell::live::Changes;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;

use crate::intake::{ScaleState, scale_state};
use crate::kinds::{
    BlockAcknowledged, LeaseEnded, LotHeld, LotLost, LotReceived, LotReleased, LotSplit, LotTransferred,
    PricePosted, ProductRegistered, ScaleEnrolled, ScaleMoved, StallLeased,
};

/// Between two states of a scale, as changes come in groups.
const PAUSE: Duration = Duration::from_millis(100);

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
            | StallLeased::KIND
            | LeaseEnded::KIND
            | BlockAcknowledged::KIND
    )
}

/// The states of one scale, from now on, each different from the one before. Each reading waits for a turn of whoever listens.
pub fn states(app: &App, listener: ActorId, book: BookId, scale: u32) -> ReceiverStream<ScaleState> {
    let (sender, receiver) = mpsc::channel(4);
    let app = app.clone();
    let mut changes = Changes::from_now(&app, Some(&listener));
    tokio::spawn(async move {
        let mut last: Option<ScaleState> = None;
        loop {
            let state = changes.read(&app, Some(&listener), &sender, read(&app, &book, scale)).await;
            let Some(state) = state.flatten() else { break };
            let changed = last
                .as_ref()
                .is_none_or(|last| ScaleState { server_time: last.server_time, ..state.clone() } != *last);
            if changed {
                if sender.send(state.clone()).await.is_err() {
                    break;
                }
                last = Some(state);
            }
            if !changes.next(|entry| entry.book == book && concerns(entry), &sender).await {
                break;
            }
            sleep(PAUSE).await;
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
