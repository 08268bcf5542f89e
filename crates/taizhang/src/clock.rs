//! The clock of matters: looks every second whether something falls due by itself, or a file was named by no entry in time,
//! on the node whose duty it is.

use std::sync::Arc;
use std::time::Duration;

use kernel::Kernel;
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
    loop {
        if !duty.is_ours().await {
            break;
        }
        let kernel = kernel.clone();
        let wait = match tokio::task::spawn_blocking(move || look(&kernel)).await {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => TICK,
            Ok(Err(error)) => {
                tracing::error!(%error, "the clock of matters could not look");
                REST
            }
            Err(error) => {
                tracing::error!(%error, "the clock of matters panicked");
                REST
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// One look; whether there may be more to do at once.
fn look(kernel: &Kernel) -> Result<bool, StoreError> {
    kernel.tend_days()?;
    let tended = kernel.tend_matters(MATTERS)?;
    if tended.changed > 0 {
        tracing::info!(looked_at = tended.looked_at, changed = tended.changed, "matters fell due");
    }
    let swept = kernel.sweep_files()?;
    if swept > 0 {
        tracing::info!(swept, "files that no entry named were taken away");
    }
    Ok(tended.looked_at == MATTERS)
}
