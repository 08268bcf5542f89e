//! Reckoning with a plan ahead of the writer.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use base::BookId;
use shell::{App, Problem};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::state;
use crate::sorts::Name;

type Turns = HashMap<(BookId, String), Arc<Turn<()>>>;

/// Whose turn it is to record of a project with a plan.
static TURNS: LazyLock<Mutex<Turns>> = LazyLock::new(Mutex::default);

/// Reckons with the plan of a project, if it has one, so that the writer need not while everybody waits. As long as the
/// guard is held nobody else records of the project here, and the writer finds the plan as it was reckoned with.
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
    let turn = turn.lock_owned().await;
    app.blocking(move |kernel| kernel.prepare_matters(&[Name::Project(&name).matter(&book)?])).await?;
    Ok(Some(turn))
}
