//! Style, script and pictures, embedded in the binary and served under an address that names their content.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// A file with its type; its hash is of name and content.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    hash: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    const CSS: &str = "text/css; charset=utf-8";
    const JS: &str = "text/javascript; charset=utf-8";
    let files: [(&str, &str, &[u8]); 8] = [
        ("style.css", CSS, include_bytes!("../assets/style.css")),
        ("app.js", JS, include_bytes!("../assets/app.js")),
        ("htmx.min.js", JS, include_bytes!("../assets/vendor/htmx.min.js")),
        ("htmx-ext-sse.min.js", JS, include_bytes!("../assets/vendor/htmx-ext-sse.min.js")),
        ("wall.css", CSS, include_bytes!("../assets/wall.css")),
        ("wall.js", JS, include_bytes!("../assets/wall.js")),
        ("kiosk.js", JS, include_bytes!("../assets/kiosk.js")),
        ("mark.svg", "image/svg+xml", include_bytes!("../assets/mark.svg")),
    ];
    let asset = |(name, content_type, bytes)| Asset {
        name,
        content_type,
        bytes,
        hash: hex::encode(&Sha256::digest(bytes)[..8]),
    };
    files.map(asset).into()
});

fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The address of an asset, `/assets/<hash>/style.css`. An unknown name gives an address that is not found,
/// and a log line.
pub fn url(name: &str) -> String {
    match find(name) {
        Some(asset) => format!("/assets/{}/{}", asset.hash, asset.name),
        None => {
            tracing::error!(name, "no such asset");
            format!("/assets/unknown/{name}")
        }
    }
}

/// `GET /assets/{hash}/{name}`.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{hash}/{name}", get(serve))
}

/// A page of an older version that is still open asks for an older hash: it is sent on to the present one.
async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = find(&name) else {
        return Problem::not_found().into_response();
    };
    if hash != asset.hash {
        return ([(header::CACHE_CONTROL, "no-store")], Redirect::temporary(&url(&name))).into_response();
    }
    let etag = format!("\"{}\"", asset.hash);
    let caching =
        [(header::CACHE_CONTROL, "public, max-age=31536000, immutable"), (header::ETAG, etag.as_str())];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response()
}
