//! Reckoning with a plan ahead of the writer.

use base::{ActorId, BookId, SubjectId};
use matters::MatterId;
use shell::turns::Reckoning;
use shell::{App, Problem};

use super::state;
use crate::refusal::Code;
use crate::sorts::Name;

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

/// The matter of a project whose plan is reckoned with, so that the writer need not while everybody waits.
pub struct Turn {
    pub matter: MatterId,
    _held: Reckoning,
}

/// A turn to reckon with the plan of a project, if it has one. As long as it is held nobody else records of the project here
/// or moves what it is judged by, and the writer finds the plan as it was reckoned with. All who act for a team wait for it as one,
/// everybody else by themselves. Answered 503 if too many do.
pub async fn turn(
    app: &App,
    book: &BookId,
    name: &str,
    (actor, team): (&ActorId, Option<&SubjectId>),
) -> Result<Option<Turn>, Problem> {
    let (of, project) = (book.clone(), name.to_owned());
    if !app.blocking(move |kernel| kernel.read(|tx| state::has_plan(tx, &of, &project))).await? {
        return Ok(None);
    }
    let Ok(matter) = Name::Project(name).matter(book) else { return Ok(None) };
    let held = app.limits.turns.to_reckon(&matter, team.map_or(actor.as_str(), SubjectId::as_str)).await?;
    Ok(Some(Turn { matter, _held: held }))
}

/// Reckons with the plan of the project whose turn it is.
pub async fn prepare(app: &App, turn: Option<&Turn>) -> Result<(), Problem> {
    let Some(matter) = turn.map(|turn| turn.matter.clone()) else { return Ok(()) };
    app.blocking(move |kernel| kernel.prepare_matters(&[matter])).await
}
