//! Waiting for what is recorded next, as long as a stream may stay open.

use std::sync::Arc;
use std::time::Duration;

use base::limits::STREAM_SECONDS_MAX;
use ledger::Entry;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::app::App;

/// What is recorded while a stream is open.
pub struct Changes {
    live: broadcast::Receiver<Arc<Vec<Entry>>>,
    until: Instant,
}

impl Changes {
    /// From now on. Made before the first read, so that nothing falls between the two.
    pub fn from_now(app: &App) -> Self {
        let until = Instant::now() + Duration::from_secs(STREAM_SECONDS_MAX);
        Self { live: app.kernel.live(), until }
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
                received = self.live.recv() => received,
                () = listener.closed() => return false,
                () = sleep_until(self.until) => return false,
            };
            match received {
                Ok(entries) if entries.iter().any(&concerns) => return true,
                Ok(_) => {}
                // Whatever was missed is in the database.
                Err(broadcast::error::RecvError::Lagged(_)) => return true,
                Err(broadcast::error::RecvError::Closed) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_ends_in_time_even_where_there_is_always_something_to_tell() {
        let (recorded, live) = broadcast::channel(1);
        let (listener, _stays) = mpsc::channel::<()>(1);
        let mut changes = Changes { live, until: Instant::now() + Duration::from_secs(60) };
        let busy = || (0..2).for_each(|_| drop(recorded.send(Arc::default())));
        busy();
        assert!(changes.next(|_| false, &listener).await, "what was missed is told");
        busy();
        changes.until = Instant::now();
        assert!(!changes.next(|_| true, &listener).await);
    }
}
