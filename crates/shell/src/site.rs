//! The site put together: the kernel's pages and API, the lines' routes, and the layers round them.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::limits::REQUEST_SECONDS_MAX;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa::openapi::{OpenApi as Document, Response as HttpResponse};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::problem::Problem;
use crate::viewer::{Public, ask_to_sign_in, identify};
use crate::{api, assets, extract, headers, health, live, pages, problem, turns, wall};

/// A request that takes longer is answered with 503.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(REQUEST_SECONDS_MAX);

#[derive(OpenApi)]
#[openapi(info(
    title = "Taizhang",
    description = "The working ledger of a city: entries, figures, matters and traces. Errors are RFC 9457 problem \
                   documents in both languages. `x-action` names the right that an operation needs."
))]
struct Base;

/// Pages and API of the kernel and of the lines, with their OpenAPI document.
pub fn routes(lines: Vec<OpenApiRouter<App>>) -> (OpenApiRouter<App>, Document) {
    let mut all = OpenApiRouter::with_openapi(Base::openapi()).merge(api::router());
    for line in lines {
        all = all.merge(line);
    }
    let mut document = all.get_openapi().clone();
    for item in document.paths.paths.values_mut() {
        for read in [&mut item.get, &mut item.head].into_iter().flatten() {
            read.responses.responses.entry("429".into()).or_insert_with(|| HttpResponse::default().into());
        }
    }
    // The router's way to say that a parameter may hold slashes.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    (all, document)
}

/// The whole site. `streams` are routes that stay open, and so have no time limit.
pub fn site(
    app: App,
    lines: Vec<OpenApiRouter<App>>,
    pages: Vec<Router<App>>,
    streams: Vec<Router<App>>,
) -> Router {
    let (operations, document) = routes(lines);
    let (operations, _) = operations.split_for_parts();
    // Written once: it is large, and anybody may ask for it.
    let text = Bytes::from(serde_json::to_vec(&document).expect("a document is JSON"));
    let mut quick = operations
        .merge(pages::router())
        .merge(wall::router())
        .merge(pages::help(&document))
        .route(
            "/api/openapi.json",
            get(move |_: Public| async move { ([(header::CONTENT_TYPE, "application/json")], text) }),
        )
        .route("/readyz", get(ready))
        .merge(health::router());
    for page in pages {
        quick = quick.merge(page);
    }
    let mut all = quick
        .layer(from_fn_with_state(app.clone(), turns::wait))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME_MAX))
        .layer(CompressionLayer::new());
    for stream in streams.into_iter().chain([wall::streams(), pages::streams()]) {
        let stream = stream.layer(from_fn_with_state(app.clone(), turns::wait));
        all = all.merge(stream.layer(from_fn_with_state(app.clone(), live::seated)));
    }
    all.merge(assets::router())
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(not_allowed)
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(from_fn_with_state(app.clone(), pages::note_address))
        .layer(from_fn(ask_to_sign_in))
        .layer(from_fn_with_state(app.clone(), identify))
        .merge(alive())
        .layer(from_fn(extract::read_small_body))
        .layer(from_fn_with_state(app.texts.clone(), problem::negotiated))
        .layer(from_fn(headers::security))
        .layer(from_fn_with_state(app.site.secure, headers::transport))
        .layer(from_fn_with_state(app.requests.clone(), health::count))
        .with_state(app)
}

/// The process lives, whatever its database does: nobody is identified for that.
fn alive() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).method_not_allowed_fallback(not_allowed)
}

async fn not_allowed() -> Response {
    let detail = crate::texts::Both::new("该地址不支持此操作。", "this address does not take that method");
    let title = crate::texts::Both::new("方法不允许", "Method not allowed");
    Problem::new("/problems/method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, title, detail)
        .into_response()
}

/// How long an answer to [`ready`] holds: whoever asks in a loop costs one reading in this time.
const READY_KEPT: Duration = Duration::from_secs(1);

/// Ready when the database answers. It is asked once for all who ask meanwhile, since anybody may.
async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    let came = Instant::now();
    // Whoever goes away meanwhile does not let the next one ask beside it.
    let answered = tokio::spawn(async move {
        let mut answers = app.answers.lock().await;
        match *answers {
            Some((asked, answered)) if came.saturating_duration_since(asked) < READY_KEPT => answered,
            _ => {
                let asked = Instant::now();
                // Each book, so that every machine of a database that is spread over some is reached.
                let answered = app.blocking(|kernel| kernel.books()).await.is_ok();
                *answers = Some((asked, answered));
                answered
            }
        }
    });
    if !answered.await.unwrap_or(false) {
        return Err(Problem::unavailable(1));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain")], "ready\n").into_response())
}
