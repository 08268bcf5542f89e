//! The transparency log of each book, read-only and public: C2SP tlog-tiles over HTTP. Tiles hold hashes only; entries,
//! which name slips and stalls, are not served here.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base::BookId;
use merkle::TileId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::Path;
use crate::problem::Problem;
use crate::viewer::Public;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(key))
        .routes(routes!(checkpoint))
        .routes(routes!(cosigned))
        .routes(routes!(tile))
        .routes(routes!(consistency))
}

/// The public key that checks every checkpoint of this installation (C2SP signed-note).
#[utoipa::path(get, path = "/log/key", tag = "log",
    responses((status = 200, content_type = "text/plain", body = String), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn key(State(app): State<App>, _: Public) -> String {
    format!("{}\n", app.kernel.verifier())
}

/// The signed checkpoint of a book (C2SP tlog-checkpoint), of the last few seconds, with the cosignatures that it has by now.
#[utoipa::path(get, path = "/log/{book}/checkpoint", tag = "log", params(("book" = String, Path)),
    responses((status = 200, content_type = "text/plain", body = String), (status = 404), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn checkpoint(
    State(app): State<App>,
    _: Public,
    Path(book): Path<String>,
) -> Result<Response, Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    app.blocking(move |kernel| kernel.shown_checkpoint(&book)).await.map(signed)
}

/// A signed note.
fn signed(note: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response()
}

/// The newest checkpoint of a book that a witness has cosigned, with the cosignatures (C2SP tlog-cosignature).
#[utoipa::path(get, path = "/log/{book}/cosigned", tag = "log", params(("book" = String, Path)),
    responses((status = 200, content_type = "text/plain", body = String), (status = 404), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn cosigned(State(app): State<App>, _: Public, Path(book): Path<String>) -> Result<Response, Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    let note = app.blocking(move |kernel| kernel.cosigned_checkpoint(&book)).await?;
    note.map(signed).ok_or_else(Problem::not_found)
}

/// A tile of hashes (C2SP tlog-tiles); `path` is such as `0/x001/234` or `0/000.p/17`.
#[utoipa::path(get, path = "/log/{book}/tile/{*path}", tag = "log", params(("book" = String, Path), ("path" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 404), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn tile(
    State(app): State<App>,
    _: Public,
    Path((book, path)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    let (id, width) = TileId::parse(&format!("tile/{path}")).map_err(|_| Problem::not_found())?;
    let bytes = app.blocking(move |kernel| kernel.tile(&book, id)).await?.ok_or_else(Problem::not_found)?;
    let bytes = bytes.get(..width.bytes()).ok_or_else(Problem::not_found)?.to_vec();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "public, max-age=604800, immutable"),
    ];
    Ok((headers, bytes).into_response())
}

/// The proof that the tree of `new` entries extends that of `old`: hashes in base64, a line each.
#[utoipa::path(get, path = "/log/{book}/consistency/{old}/{new}", tag = "log",
    params(("book" = String, Path), ("old" = u64, Path), ("new" = u64, Path)),
    responses((status = 200, content_type = "text/plain", body = String), (status = 400), (status = 404), (status = 429)),
    extensions(("x-action" = json!("public"))))]
async fn consistency(
    State(app): State<App>,
    _: Public,
    Path((book, old, new)): Path<(String, u64, u64)>,
) -> Result<Response, Problem> {
    let book = BookId::new(book).map_err(|_| Problem::not_found())?;
    let proof = app.blocking(move |kernel| kernel.consistency(&book, old, new)).await?;
    let lines: String = proof.iter().map(|hash| format!("{}\n", hash.to_base64())).collect();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], lines).into_response())
}
