//! How a scale learns its state over HTTP: a stream, or questions now and then.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::time::{sleep, timeout};

use crate::http::{Client, Trouble};
use crate::outcome::Tally;
use crate::sse::Events;
use crate::view::View;
use crate::wire::{Backoff, Views, shuts_out};

/// A stream that says nothing for so long is opened anew: it may be dead without our knowing.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// Follows `GET /scale/v1/stream`; returns only what shuts the scale out.
pub(crate) async fn stream(client: &Client, views: &Views, tally: &Tally) -> Trouble {
    let mut backoff = Backoff::default();
    loop {
        let trouble = match client.stream("/scale/v1/stream").await {
            Ok(mut body) => {
                let mut events = Events::default();
                while let Ok(Some(Ok(frame))) = timeout(SILENCE_MAX, body.frame()).await {
                    let Some(piece) = frame.data_ref() else { continue };
                    backoff.reset();
                    if let Err(error) = events.feed(piece, |name, data| take(views, name, data)) {
                        tracing::warn!(%error, "the stream of a scale is broken");
                        break;
                    }
                }
                sleep(backoff.next()).await;
                continue;
            }
            Err(trouble) => trouble,
        };
        if shuts_out(&trouble) {
            return trouble;
        }
        wait_out(&trouble, &mut backoff, tally).await;
    }
}

fn take(views: &Views, name: &str, data: &str) {
    if name != "state" {
        return;
    }
    match serde_json::from_str::<View>(data) {
        Ok(view) => {
            views.send_replace(Some(Arc::new(view)));
        }
        Err(error) => tracing::warn!(%error, "the state of a scale cannot be read"),
    }
}

/// Asks `GET /scale/v1/state` again and again; returns only what shuts the scale out.
pub(crate) async fn poll(client: &Client, every: Duration, views: &Views, tally: &Tally) -> Trouble {
    let mut backoff = Backoff::default();
    loop {
        match client.get::<View>("/scale/v1/state").await {
            Ok(view) => {
                backoff.reset();
                views.send_replace(Some(Arc::new(view)));
                sleep(every).await;
            }
            Err(trouble) if shuts_out(&trouble) => return trouble,
            Err(trouble) => wait_out(&trouble, &mut backoff, tally).await,
        }
    }
}

/// Waits as an answer asks, or as long as it seems wise, and counts the trouble.
pub(crate) async fn wait_out(trouble: &Trouble, backoff: &mut Backoff, tally: &Tally) {
    match trouble {
        Trouble::Busy { after } => {
            tally.add(|it| it.busy += 1);
            sleep(*after).await;
        }
        Trouble::Unreachable(reason) => {
            tally.add(|it| it.unreachable += 1);
            tracing::debug!(reason, "no answer");
            sleep(backoff.next()).await;
        }
        Trouble::Refused { status, problem } => {
            tracing::warn!(status, ?problem, "refused");
            sleep(backoff.next()).await;
        }
    }
}
