//! What falls due by the calendar alone: planned starts, planned finishes, and the investment planned for a month.
//!
//! Each is an entry, written by the clock with the planned day as its time. So "due to start by a day" and "planned to be
//! invested by a day" are sums of entries like every other figure, and open into the projects that they are made of;
//! nothing has to count for another day than its own. A decision about a project first catches it up to its own time,
//! so history that is loaded in order falls due in order too.

use base::{BookId, Day, SubjectId};
use kernel::{AppendError, Desk, Receipt};
use ledger::{Draft, Role};

use crate::kinds::{Change, DueRestated, FellDue, MonthFellDue};
use crate::rules::{self, Restated};
use crate::state::{self, Project};

/// Projects of one turn of the writer.
const PROJECTS_A_TURN: usize = 200;

/// Writes what fell due in a book by a day and is not yet written, of the projects after one, as far as one turn of the
/// writer goes; returns where it stopped, if anything may be left.
pub fn fall_due<E>(
    desk: &mut Desk<'_>,
    book: &BookId,
    day: Day,
    behind: Option<&str>,
) -> Result<(Vec<Receipt>, Option<String>), AppendError<E>> {
    desk.take(book)?;
    let (tx, after) = (desk.read()?, behind.unwrap_or_default());
    let mut due = state::projects_due(tx, book, day, after, PROJECTS_A_TURN)?;
    due.extend(state::projects_with_months_due(tx, book, day, after, PROJECTS_A_TURN)?);
    let stopped = due.iter().nth(PROJECTS_A_TURN - 1).cloned();
    let mut receipts = Vec::new();
    for name in due.iter().take(PROJECTS_A_TURN) {
        let Some(mut project) = state::project(desk.read()?, book, name)? else { continue };
        receipts.extend(catch_up(desk, book, &mut project, day)?);
    }
    Ok((receipts, stopped))
}

/// Writes what fell due of one project by a day, and brings the project as it is in memory up to it.
pub(crate) fn catch_up<E>(
    desk: &mut Desk<'_>,
    book: &BookId,
    project: &mut Project,
    day: Day,
) -> Result<Vec<Receipt>, AppendError<E>> {
    let mut receipts = Vec::new();
    let planned = (project.planned_start, project.planned_finish);
    for at in [planned.0, planned.1].into_iter().filter(|at| *at <= day) {
        let before = project.standing();
        let Some(after) = rules::on_day(&before, planned, at) else { continue };
        (project.start_due, project.finish_due) = (after.start_due, after.finish_due);
        let change = Change { before: Some(before), after: Some(after) };
        let body = FellDue { project: project.project.clone(), day: at, change };
        receipts.push(desk.append(draft(desk, book, project, at, &body)?)?);
    }
    for row in state::months(desk.read()?, book, &project.project)? {
        let due = row.planned_fen.0 > 0 && !row.fell_due && row.month.last_day() <= day;
        if due {
            let body = MonthFellDue {
                project: project.project.clone(),
                month: row.month,
                amount_fen: row.planned_fen,
                heading: project.heading(),
            };
            receipts.push(desk.append(draft(desk, book, project, row.month.last_day(), &body)?)?);
        }
    }
    Ok(receipts)
}

/// Writes how what fell due counts since something was told that had happened before.
pub(crate) fn restate<E>(
    desk: &mut Desk<'_>,
    book: &BookId,
    project: &Project,
    restated: Vec<Restated>,
) -> Result<Vec<Receipt>, AppendError<E>> {
    let append = |Restated { day, was, change }| {
        let body = DueRestated { project: project.project.clone(), day, was, change };
        desk.append(draft(desk, book, project, day, &body)?)
    };
    restated.into_iter().map(append).collect()
}

/// An entry of the clock at the start of a day, or when the project came to be what it is, if that was later.
fn draft<B: ledger::Body, E>(
    desk: &Desk<'_>,
    book: &BookId,
    project: &Project,
    day: Day,
    body: &B,
) -> Result<Draft, AppendError<E>> {
    let clock = kernel::clock_actor();
    let at = desk.zone().start_of(day).max(project.changed_at);
    let subject = SubjectId::local("project", book, &project.project)
        .map_err(|error| ledger::BodyError::new("project", ledger::Rule::Format, error.to_string()))?;
    let draft = Draft::new(book, at, &clock, body)?;
    Ok(draft.subject(Role::About, subject).answered_by(project.team.clone()))
}
