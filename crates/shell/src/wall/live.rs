//! The wall kept up to date over server-sent events: the board anew after every change, and a beat by which a screen
//! knows that it is still connected.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use ledger::Entry;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

use super::board::board;
use super::ground::Ground;
use super::kiosk::Onlooker;
use super::version;
use crate::app::App;
use crate::extract::Path;
use crate::live::Changes;
use crate::problem::Problem;
use crate::viewer::Asked;

/// Routes that stay open.
pub fn streams() -> Router<App> {
    Router::new().route("/wall/{unit}/live", get(live))
}

/// Between two boards to the same screen.
const PAUSE: Duration = Duration::from_secs(2);
/// Between two beats; a screen that misses three says so.
const BEAT: Duration = Duration::from_secs(5);
/// A board that nothing changed is set anew after this, so that its time and its days move on.
const BEATS_A_BOARD: u32 = 6;
/// How soon a browser comes back after a stream has ended.
const RETRY: Duration = Duration::from_millis(1_000);

async fn live(
    State(app): State<App>,
    mut onlooker: Onlooker,
    Asked(lang): Asked,
    Path(unit): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let ground = Ground::of(&app, &onlooker, lang, &unit, None)?;
    // Each board has a turn of its own.
    onlooker.turn = None;
    Ok(Sse::new(events(app, onlooker, ground)))
}

fn events(app: App, onlooker: Onlooker, mut ground: Ground) -> ReceiverStream<Result<Event, Infallible>> {
    let (sender, receiver) = mpsc::channel(2);
    let listener = onlooker.viewer.actor().map(|actor| actor.id.clone());
    let mut changes = Changes::from_now(&app, listener.as_ref());
    tokio::spawn(async move {
        let hello = Event::default().event("hello").retry(RETRY).data(version());
        if sender.send(Ok(hello)).await.is_err() {
            return;
        }
        let mut shown: Option<Arc<str>> = None;
        loop {
            let board = changes.read(&app, listener.as_ref(), &sender, board(&app, &ground)).await;
            let Some(Ok(board)) = board else { break };
            if shown.as_ref() != Some(&board) {
                let event = Event::default().event("board").data(&*board);
                if sender.send(Ok(event)).await.is_err() {
                    break;
                }
                shown = Some(board);
            }
            if !wait(&app, &mut changes, &ground, &sender).await {
                break;
            }
            // Midnight may have passed.
            match Ground::of(&app, &onlooker, ground.lang, ground.unit.as_str(), None) {
                Ok(today) => ground = today,
                Err(_) => break,
            }
        }
    });
    ReceiverStream::new(receiver)
}

/// Waits for something that may change the board, beating meanwhile; false when the stream is over.
async fn wait(
    app: &App,
    changes: &mut Changes,
    ground: &Ground,
    sender: &mpsc::Sender<Result<Event, Infallible>>,
) -> bool {
    tokio::time::sleep(PAUSE).await;
    let tree = app.tree();
    let concerns = |entry: &Entry| {
        let keeper = tree.unit_of_book(&entry.book);
        keeper.is_some_and(|unit| tree.contains(&ground.unit, unit))
    };
    for _ in 0..BEATS_A_BOARD {
        let beat = Event::default().event("beat").data(app.kernel.now().0.to_string());
        if sender.send(Ok(beat)).await.is_err() {
            return false;
        }
        match tokio::time::timeout(BEAT, changes.next(concerns, sender)).await {
            Ok(goes_on) => return goes_on,
            Err(_) => continue,
        }
    }
    !changes.is_over()
}
