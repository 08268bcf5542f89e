//! Where a figure comes from: its definition, who may read it, the books in it, and its sum added up anew.

use access::Permission;
use axum::Json;
use axum::extract::State;
use base::Day;
use kernel::{FigureError, Kernel, Recomputed};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Definition, Question, definition};
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::viewer::Viewer;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(provenance))
}

/// The sums that a figure is made of: itself, or the two of a ratio.
pub fn sums_of(kernel: &Kernel, name: &str) -> Vec<&'static str> {
    let lines = kernel.lines();
    match lines.ratio(name) {
        Some(ratio) => vec![ratio.numerator, ratio.denominator],
        None => lines.figure(name).map(|figure| figure.name).into_iter().collect(),
    }
}

/// The actions any of which opens the figures of a line, and the one that a figure needs beside them.
pub fn actions_of(app: &App, line: &str, name: &str) -> (Vec<String>, Option<&'static str>) {
    let any = [format!("{line}.records.read"), "kernel.figure.read".to_owned()];
    let known = any.into_iter().filter(|action| app.kernel.policy().action(action).is_some()).collect();
    (known, app.kernel.lines().figure_needs(name))
}

/// The roles that may do an action with everything in their units.
pub fn roles_of(app: &App, action: &str) -> Vec<access::RoleDef> {
    let policy = app.kernel.policy();
    let may = |role: &&access::RoleDef| policy.permission(role.name, action) == Permission::All;
    policy.roles().iter().filter(may).copied().collect()
}

/// A sum added up anew from its entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecomputedView {
    pub name: &'static str,
    /// Whether the entries were few enough to be read; ask for fewer days or a smaller unit if not.
    pub read: bool,
    /// The days whose entries were read: as many of those asked for, from the first on, as are not too many.
    pub from: Option<Day>,
    pub to: Option<Day>,
    pub entries: Option<usize>,
    /// Of a state, what it stood at before these days.
    pub opening: Option<i64>,
    /// The opening and the contributions of the entries.
    pub sum: Option<i64>,
    /// The sum that is kept and shown.
    pub kept: Option<i64>,
    pub agrees: bool,
}

impl RecomputedView {
    fn new(name: &'static str, found: Option<Recomputed>) -> Self {
        Self {
            name,
            read: found.is_some(),
            from: found.map(|it| it.period.from),
            to: found.map(|it| it.period.to),
            entries: found.map(|it| it.entries),
            opening: found.map(|it| it.opening),
            sum: found.map(|it| it.sum),
            kept: found.map(|it| it.kept),
            agrees: found.is_some_and(|it| it.sum == it.kept),
        }
    }
}

/// A book whose entries contribute.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookInFigure {
    pub book: String,
    pub entries: u64,
    /// Entries under the latest checkpoint that was signed.
    pub signed: Option<u64>,
    /// Where the checkpoint of now is.
    pub checkpoint: String,
}

/// Where a figure comes from.
#[derive(Debug, Serialize, ToSchema)]
pub struct Provenance {
    pub definition: Definition,
    /// Any of these actions opens it.
    pub any_of: Vec<String>,
    pub recomputed: Vec<RecomputedView>,
    pub books: Vec<BookInFigure>,
}

/// Where a figure comes from: its definition, the right it needs, its sums added up anew, and the books in it.
#[utoipa::path(get, path = "/api/figures/{name}/provenance", tag = "figures", params(("name" = String, Path), Asked),
    responses((status = 200, body = Provenance), (status = 400), (status = 401), (status = 403), (status = 404)),
    extensions(("x-action" = json!("kernel.figure.read"))))]
async fn provenance(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Provenance>, Problem> {
    let question = Question::new(&app, &viewer, &name, &asked)?;
    let definition = definition(&app.kernel, &name).ok_or_else(Problem::not_found)?;
    let (any_of, _) = actions_of(&app, question.line, &name);
    let (recomputed, sizes) = app
        .blocking(move |kernel| {
            let (books, period) = (&question.books, question.period);
            let anew = |name: &'static str| {
                let found = kernel.recomputed(name, books, period, &question.dimension)?;
                Ok(RecomputedView::new(name, found))
            };
            let recomputed =
                sums_of(kernel, &name).into_iter().map(anew).collect::<Result<Vec<_>, FigureError>>()?;
            Ok::<_, FigureError>((recomputed, kernel.book_sizes(books)?))
        })
        .await?;
    let view = |it: kernel::BookSize| BookInFigure {
        checkpoint: format!("/log/{}/checkpoint", it.book),
        book: it.book.to_string(),
        entries: it.entries,
        signed: it.signed,
    };
    Ok(Json(Provenance { definition, any_of, recomputed, books: sizes.into_iter().map(view).collect() }))
}
