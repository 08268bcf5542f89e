//! OPTIONS: what each address does, and within which limits.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use shell::extract::Path;
use shell::viewer::Viewer;
use shell::{App, Problem};

use super::answers::{
    CAPTURE_ERROR_BEHAVIOUR, CBV_MAX, CBV_MIN, CBV_XML_FORMAT, EPC_FORMAT, EPCIS_MAX, EPCIS_MIN,
    VENDOR_VERSION, VERSION, capture_limits,
};
use super::capture::find_job;
use super::events::find_event;
use super::requests::any_type;
use crate::policy::{CAPTURE, QUERY};

/// What the top of the interface does.
#[utoipa::path(options, path = "/epcis", tag = "epcis",
    responses((status = 204), (status = 401), (status = 403), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn describe_top(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    describe_collection(&app, &viewer, QUERY, &headers, "GET, OPTIONS")
}

/// What the capture interface takes.
#[utoipa::path(options, path = "/epcis/capture", tag = "epcis",
    responses((status = 204), (status = 401), (status = 403), (status = 406)),
    extensions(("x-action" = json!("market.epcis.capture"))))]
pub async fn describe_capture(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    viewer.need_somewhere(&app, CAPTURE)?;
    any_type(&headers)?;
    let mut headers = described("GET, POST, OPTIONS");
    capture_limits(&mut headers);
    headers.insert(CAPTURE_ERROR_BEHAVIOUR, HeaderValue::from_static("all"));
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// What a capture job's address does.
#[utoipa::path(options, path = "/epcis/capture/{captureID}", tag = "epcis", params(("captureID" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.capture"))))]
pub async fn describe_job(
    State(app): State<App>,
    viewer: Viewer,
    Path(capture): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    find_job(&app, &viewer, capture, &uri, &headers).await?;
    Ok((StatusCode::NO_CONTENT, described("GET, OPTIONS")).into_response())
}

/// What the collection of events takes.
#[utoipa::path(options, path = "/epcis/events", tag = "epcis",
    responses((status = 204), (status = 401), (status = 403), (status = 406), (status = 414)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn describe_events(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    describe_collection(&app, &viewer, QUERY, &headers, "GET, POST, OPTIONS")
}

/// What an event's address does.
#[utoipa::path(options, path = "/epcis/events/{eventID}", tag = "epcis",
    params(("eventID" = String, Path), ("book" = Option<String>, Query)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 406)),
    extensions(("x-action" = json!("market.epcis.query"))))]
pub async fn describe_event(
    State(app): State<App>,
    viewer: Viewer,
    Path(event_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    find_event(&app, &viewer, event_id, &uri, &headers).await?;
    Ok((StatusCode::NO_CONTENT, described("GET, OPTIONS")).into_response())
}

/// Tells what the address of a collection does, to whoever may do it somewhere.
pub fn describe_collection(
    app: &App,
    viewer: &Viewer,
    action: &str,
    headers: &HeaderMap,
    allow: &'static str,
) -> Result<Response, Problem> {
    viewer.need_somewhere(app, action)?;
    any_type(headers)?;
    Ok((StatusCode::NO_CONTENT, described(allow)).into_response())
}

/// The headers with which an address says what it does.
pub fn described(allow: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in [EPCIS_MIN, EPCIS_MAX, CBV_MIN, CBV_MAX] {
        headers.insert(name, HeaderValue::from_static(VERSION));
    }
    headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    // Every format is served.
    for name in [EPC_FORMAT, CBV_XML_FORMAT] {
        headers.insert(name, HeaderValue::from_static("No_Preference"));
    }
    headers.insert(VENDOR_VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers
}
