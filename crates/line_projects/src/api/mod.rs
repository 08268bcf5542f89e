//! The line's operations over HTTP.

mod lists;
pub(crate) mod records;

use access::Resource;
use base::{BookId, SubjectId};
use shell::viewer::{Viewer, resource_of};
use shell::{App, Both, Problem};
use utoipa_axum::router::OpenApiRouter;

use crate::policy::READ;
use crate::record::Failure;
use crate::refusal::Refusal;
use crate::state::Project;

/// Operations with a document.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(records::router()).merge(lists::router()).merge(crate::plan::api::router())
}

/// A book of the line, as a resource.
pub(crate) fn ledger(app: &App, book: &str) -> Result<(BookId, Resource), Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    let resource = resource_of(app, &book)?;
    match resource.line.as_deref() {
        Some("projects") => Ok((book, resource)),
        _ => Err(Problem::not_found()),
    }
}

/// A book whose records the viewer may read in full.
pub(crate) fn readable(app: &App, viewer: &Viewer, book: &str) -> Result<BookId, Problem> {
    let (book, resource) = ledger(app, book)?;
    viewer.need(app, READ, &resource)?;
    Ok(book)
}

/// Whose projects somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sight {
    All,
    /// Those of these teams' posts.
    Teams(Vec<SubjectId>),
}

impl Sight {
    /// The posts whose projects it is narrowed to.
    pub(crate) fn teams(&self) -> Option<&[SubjectId]> {
        match self {
            Self::All => None,
            Self::Teams(teams) => Some(teams),
        }
    }

    pub(crate) fn shows(&self, project: &Project) -> bool {
        self.teams().is_none_or(|teams| teams.contains(&project.team))
    }
}

/// A book of which the viewer may do an action with all projects, or with those of its teams.
pub(crate) fn sight(
    app: &App,
    viewer: &Viewer,
    book: &str,
    action: &str,
) -> Result<(BookId, Resource, Sight), Problem> {
    let (book, resource) = ledger(app, book)?;
    if viewer.allows(app, action, &resource) {
        return Ok((book, resource, Sight::All));
    }
    let tree = app.tree();
    let teams = viewer.actor().map_or_else(Vec::new, |actor| {
        let scope = access::scope(app.kernel.policy(), &tree, actor, action);
        scope.owners(&tree, &resource.unit, resource.line.as_deref())
    });
    if teams.is_empty() {
        viewer.need(app, action, &resource)?;
    }
    Ok((book, resource, Sight::Teams(teams)))
}

/// What a refusal is called and says, in both languages.
pub(crate) fn refusal_problem(refusal: Refusal) -> Problem {
    let detail = Both::new(refusal.chinese(), refusal.to_string());
    if refusal.code.is_conflict() {
        Problem { field: Some(refusal.field), ..Problem::conflict(refusal.code.name(), detail) }
    } else {
        Problem::bad_request(refusal.field, refusal.code.name(), detail)
    }
}

pub(crate) fn failure_problem(failure: Failure) -> Problem {
    shell::app::append_problem(failure, refusal_problem)
}
