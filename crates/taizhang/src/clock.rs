//! The clock of matters: looks every second whether something falls due by itself, or a file was named by no entry in time,
//! on the node whose duty it is.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Kernel, Tended};
use store::StoreError;

use crate::duties::Held;

/// Between two looks.
const TICK: Duration = Duration::from_secs(1);
/// After a look that failed.
const REST: Duration = Duration::from_secs(10);
/// Matters of one look; whatever is left waits for the next, which follows at once.
const MATTERS: usize = 2_000;

/// Runs until it is aborted. What fails is tried again: what fell due meanwhile is written with the moment at which it did.
pub async fn run(kernel: Arc<Kernel>, mut duty: Held) {
    while duty.is_ours().await {
        match look(&kernel).await {
            Some(true) => {}
            Some(false) => tokio::time::sleep(TICK).await,
            None => tokio::time::sleep(REST).await,
        }
    }
}

/// One look; whether there may be more to do at once, or nothing if a part of it failed.
async fn look(kernel: &Arc<Kernel>) -> Option<bool> {
    let begun = part(kernel, "days", Kernel::tend_days).await;
    let tended = part(kernel, "matters", |kernel| kernel.tend_matters(MATTERS)).await;
    let swept = part(kernel, "files", Kernel::sweep_files).await;
    if let Some(Tended { looked_at, changed: changed @ 1.., .. }) = tended {
        tracing::info!(looked_at, changed, "matters fell due");
    }
    if let Some(swept @ 1..) = swept {
        tracing::info!(swept, "files that no entry named were taken away");
    }
    begun.and(swept).and(tended).map(|tended| tended.looked_at == MATTERS)
}

/// Does a part of a look. Whether it fails or panics, the others are done as well.
async fn part<T: Send + 'static>(
    kernel: &Arc<Kernel>,
    what: &'static str,
    work: impl FnOnce(&Kernel) -> Result<T, StoreError> + Send + 'static,
) -> Option<T> {
    let kernel = kernel.clone();
    match tokio::task::spawn_blocking(move || work(&kernel)).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::error!(%error, what, "the clock of matters could not look");
            None
        }
        Err(error) => {
            tracing::error!(%error, what, "the clock of matters panicked");
            None
        }
    }
}
