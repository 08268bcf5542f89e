//! The org tree: units, the books that they keep, their posts, and who holds those.

use ::registry::{
    BookOpened, Level, PlaceAdded, PlaceKind, Position, PostAdded, PostHeld, PostLeft, UnitAdded,
};
use axum::extract::State;
use axum::http::StatusCode;
use base::Day;
use kernel::{AdminResult, By, Kernel, Receipt};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::act;
use crate::app::App;
use crate::extract::Json;
use crate::problem::Problem;
use crate::viewer::Viewer;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tree))
        .routes(routes!(add_unit))
        .routes(routes!(open_book))
        .routes(routes!(add_place))
        .routes(routes!(add_post))
        .routes(routes!(hold_post))
        .routes(routes!(leave_post))
}

/// A unit of the org tree, with what hangs on it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnitView {
    pub code: String,
    pub parent: Option<String>,
    pub level: Level,
    pub title_zh: String,
    pub title_en: String,
    pub books: Vec<BookView>,
    pub posts: Vec<PostView>,
    pub places: Vec<PlaceView>,
}

/// A place of a unit.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlaceView {
    pub place: String,
    pub kind: PlaceKind,
    pub title_zh: String,
    pub title_en: String,
    /// Missing where nobody measured it.
    pub position: Option<Position>,
    pub gln: Option<String>,
}

/// A book that a unit keeps.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookView {
    pub book: String,
    pub line: String,
    pub title_zh: String,
    pub title_en: String,
}

/// A post of a unit.
#[derive(Debug, Serialize, ToSchema)]
pub struct PostView {
    pub post: String,
    pub title_zh: String,
    pub title_en: String,
    /// Who holds it today.
    pub holder: Option<String>,
    pub holdings: Vec<HoldingView>,
}

/// The time for which an account holds a post.
#[derive(Debug, Serialize, ToSchema)]
pub struct HoldingView {
    pub account: String,
    #[schema(value_type = String, format = Date)]
    pub from: Day,
    /// The last day; open if it is missing.
    #[schema(value_type = Option<String>, format = Date)]
    pub until: Option<Day>,
}

/// The units that the viewer may see, each after its parent.
#[utoipa::path(get, path = "/api/registry/tree", tag = "registry",
    responses((status = 200, body = Vec<UnitView>), (status = 401), (status = 403)),
    extensions(("x-action" = json!("kernel.registry.read"))))]
async fn tree(State(app): State<App>, viewer: Viewer) -> Result<axum::Json<Vec<UnitView>>, Problem> {
    let scope = viewer.need_somewhere(&app, "kernel.registry.read")?;
    let (tree, today) = (app.tree(), app.today());
    app.blocking(move |_| Ok::<_, Problem>(axum::Json(views(&scope, &tree, today)))).await
}

fn views(scope: &access::Scope, tree: &::registry::Tree, today: Day) -> Vec<UnitView> {
    let seen = scope.units(tree, None);
    let all = tree.root().map(|root| tree.subtree(root)).unwrap_or_default();
    let units = all.iter().filter(|code| seen.binary_search(code).is_ok()).filter_map(|code| tree.unit(code));
    let view = units.map(|unit| UnitView {
        code: unit.code.to_string(),
        parent: unit.parent.as_ref().map(ToString::to_string),
        level: unit.level,
        title_zh: unit.title_zh.clone(),
        title_en: unit.title_en.clone(),
        books: tree.books_of(&unit.code).map(book_view).collect(),
        posts: tree
            .posts_of_unit(&unit.code)
            .map(|post| PostView {
                post: post.id.to_string(),
                title_zh: post.title_zh.clone(),
                title_en: post.title_en.clone(),
                holder: tree.holder(&post.id, today).map(ToString::to_string),
                holdings: tree.holdings(&post.id).iter().map(holding_view).collect(),
            })
            .collect(),
        places: tree.places_of(&unit.code).map(place_view).collect(),
    });
    view.collect()
}

fn book_view(book: &::registry::Book) -> BookView {
    BookView {
        book: book.book.to_string(),
        line: book.line.clone(),
        title_zh: book.title_zh.clone(),
        title_en: book.title_en.clone(),
    }
}

fn place_view(place: &::registry::Place) -> PlaceView {
    PlaceView {
        place: place.id.to_string(),
        kind: place.kind,
        title_zh: place.title_zh.clone(),
        title_en: place.title_en.clone(),
        position: place.position,
        gln: place.gln.clone(),
    }
}

fn holding_view(holding: &::registry::Holding) -> HoldingView {
    HoldingView { account: holding.account.to_string(), from: holding.from, until: holding.until }
}

/// What every change answers: 201 and where the entry stands.
type Recorded = Result<(StatusCode, axum::Json<Receipt>), Problem>;

async fn change(
    app: &App,
    viewer: &Viewer,
    action: &str,
    work: impl FnOnce(&Kernel, &By) -> AdminResult<Receipt> + Send + 'static,
) -> Recorded {
    act(app, viewer, action, work).await.map(|receipt| (StatusCode::CREATED, axum::Json(receipt)))
}

/// Adds a unit below another.
#[utoipa::path(post, path = "/api/registry/units", tag = "registry", request_body = UnitAdded,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.registry.change"))))]
async fn add_unit(State(app): State<App>, viewer: Viewer, Json(unit): Json<UnitAdded>) -> Recorded {
    change(&app, &viewer, "kernel.registry.change", move |kernel, by| kernel.add_unit(by, unit)).await
}

/// Opens a book that a unit keeps.
#[utoipa::path(post, path = "/api/registry/books", tag = "registry", request_body = BookOpened,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.registry.change"))))]
async fn open_book(State(app): State<App>, viewer: Viewer, Json(book): Json<BookOpened>) -> Recorded {
    change(&app, &viewer, "kernel.registry.change", move |kernel, by| kernel.open_book(by, book)).await
}

/// Enters a place of a unit.
#[utoipa::path(post, path = "/api/registry/places", tag = "registry", request_body = PlaceAdded,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.registry.change"))))]
async fn add_place(State(app): State<App>, viewer: Viewer, Json(place): Json<PlaceAdded>) -> Recorded {
    change(&app, &viewer, "kernel.registry.change", move |kernel, by| kernel.add_place(by, place)).await
}

/// Sets up a post.
#[utoipa::path(post, path = "/api/registry/posts", tag = "registry", request_body = PostAdded,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.registry.change"))))]
async fn add_post(State(app): State<App>, viewer: Viewer, Json(post): Json<PostAdded>) -> Recorded {
    change(&app, &viewer, "kernel.registry.change", move |kernel, by| kernel.add_post(by, post)).await
}

/// Lets an account hold a post for a time.
#[utoipa::path(post, path = "/api/registry/holdings", tag = "registry", request_body = PostHeld,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 409)),
    extensions(("x-action" = json!("kernel.post.hold"))))]
async fn hold_post(State(app): State<App>, viewer: Viewer, Json(held): Json<PostHeld>) -> Recorded {
    change(&app, &viewer, "kernel.post.hold", move |kernel, by| kernel.hold_post(by, held)).await
}

/// Ends the time for which an account holds a post.
#[utoipa::path(post, path = "/api/registry/leavings", tag = "registry", request_body = PostLeft,
    responses((status = 201, body = Receipt), (status = 400), (status = 401), (status = 403), (status = 409)),
    extensions(("x-action" = json!("kernel.post.hold"))))]
async fn leave_post(State(app): State<App>, viewer: Viewer, Json(left): Json<PostLeft>) -> Recorded {
    change(&app, &viewer, "kernel.post.hold", move |kernel, by| kernel.leave_post(by, left)).await
}
