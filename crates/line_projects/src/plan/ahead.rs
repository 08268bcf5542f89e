//! Reckoning with a plan ahead of the writer.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use base::BookId;
use shell::{App, Problem};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::time::timeout;

use super::state;
use crate::refusal::Code;
use crate::sorts::Name;

type Turns = HashMap<(BookId, String), Arc<Turn<()>>>;

/// Whose turn it is to record of a project with a plan.
static TURNS: LazyLock<Mutex<Turns>> = LazyLock::new(Mutex::default);

/// How long a request waits for the turn of its project.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How often a plan is reckoned with anew for one request.
const RECKONED_TIMES_MAX: usize = 3;

/// Does what reckons with a plan and then records, again if the plan changed in between. Answered 503 if it keeps changing.
pub async fn reckoned_with<T, F: Future<Output = Result<T, Problem>>>(
    done: impl Fn() -> F,
) -> Result<T, Problem> {
    for _ in 0..RECKONED_TIMES_MAX {
        match done().await {
            Err(problem) if problem.rule.as_deref() == Some(&Code::NotReckoned.name()) => {}
            done => return done,
        }
    }
    Err(Problem::unavailable(1))
}

/// Reckons with the plan of a project, if it has one, so that the writer need not while everybody waits. As long as the
/// guard is held nobody else records of the project here, and the writer finds the plan as it was reckoned with. Answered 503 if
/// too many record of the project.
pub async fn ahead(app: &App, book: &BookId, name: &str) -> Result<Option<OwnedMutexGuard<()>>, Problem> {
    let (book, name) = (book.clone(), name.to_owned());
    let of = (book.clone(), name.clone());
    let planned = app.blocking(move |kernel| kernel.read(|tx| state::has_plan(tx, &of.0, &of.1)));
    if !planned.await? {
        return Ok(None);
    }
    let turn = {
        let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        turns.entry((book.clone(), name.clone())).or_default().clone()
    };
    let turn = in_time(turn, WAIT_MAX).await?;
    app.blocking(move |kernel| kernel.prepare_matters(&[Name::Project(&name).matter(&book)?])).await?;
    Ok(Some(turn))
}

async fn in_time(turn: Arc<Turn<()>>, wait_max: Duration) -> Result<OwnedMutexGuard<()>, Problem> {
    timeout(wait_max, turn.lock_owned()).await.map_err(|_| Problem::unavailable(WAIT_MAX.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_a_project_longer_than_a_request_may() {
        let (turn, short) = (Arc::new(Turn::new(())), Duration::from_millis(20));
        let held = in_time(turn.clone(), short).await.unwrap();
        let waited =
            timeout(Duration::from_secs(5), in_time(turn.clone(), short)).await.expect("it gives up");
        let refused = waited.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after_s), (503, Some(5)));
        drop(held);
        in_time(turn, short).await.unwrap();
    }
}
