//! OPTIONS: what each address does, and within which limits.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answers::{
    CAPTURE_ERROR_BEHAVIOUR, CBV_MAX, CBV_MIN, EPC_FORMAT, EPCIS_MAX, EPCIS_MIN, VENDOR_VERSION, VERSION,
    capture_limits,
};

/// What the capture interface takes.
#[utoipa::path(options, path = "/epcis/capture", tag = "epcis", responses((status = 204)),
    extensions(("x-action" = json!("public"))))]
pub async fn describe_capture() -> Response {
    let mut headers = described("GET, POST, OPTIONS");
    capture_limits(&mut headers);
    headers.insert(CAPTURE_ERROR_BEHAVIOUR, HeaderValue::from_static("all"));
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// What a capture job's address does.
#[utoipa::path(options, path = "/epcis/capture/{captureID}", tag = "epcis", params(("captureID" = String, Path)),
    responses((status = 204)), extensions(("x-action" = json!("public"))))]
pub async fn describe_job() -> Response {
    (StatusCode::NO_CONTENT, described("GET, OPTIONS")).into_response()
}

/// What the collection of events takes.
#[utoipa::path(options, path = "/epcis/events", tag = "epcis", responses((status = 204)),
    extensions(("x-action" = json!("public"))))]
pub async fn describe_events() -> Response {
    (StatusCode::NO_CONTENT, described("GET, POST, OPTIONS")).into_response()
}

/// What an event's address does.
#[utoipa::path(options, path = "/epcis/events/{eventID}", tag = "epcis", params(("eventID" = String, Path)),
    responses((status = 204)), extensions(("x-action" = json!("public"))))]
pub async fn describe_event() -> Response {
    (StatusCode::NO_CONTENT, described("GET, OPTIONS")).into_response()
}

fn described(allow: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in [EPCIS_MIN, EPCIS_MAX, CBV_MIN, CBV_MAX] {
        headers.insert(name, HeaderValue::from_static(VERSION));
    }
    headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    headers.insert(EPC_FORMAT, HeaderValue::from_static("Never_Translates"));
    headers.insert(VENDOR_VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers
}
