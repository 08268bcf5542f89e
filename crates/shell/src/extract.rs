//! What handlers take in: bodies, queries and paths whose refusals are problem documents that name the field.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::limits::REQUEST_BYTES_MAX;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::Viewer;

/// A query string.
#[derive(Debug, Clone, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

/// The parameters of a path. One that does not fit its type is a page that does not exist.
#[derive(Debug, Clone, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

/// Refuses addresses with U+0000, which no database takes in a text: no page is called so, and no parameter either.
pub fn check_address(uri: &axum::http::Uri) -> Result<(), Problem> {
    if uri.path().contains("%00") {
        return Err(Problem::not_found());
    }
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name.contains('\0') || value.contains('\0') {
            let field = name.replace('\0', "");
            let detail = Both::new("参数不得含有空字符（U+0000）。", "a parameter must not hold U+0000");
            return Err(Problem::bad_request(field, "format", detail));
        }
        if name == "lang" && value.parse::<crate::Lang>().is_err() {
            let detail = Both::new(
                format!("不支持语言“{value}”，可用 zh-CN 或 en。"),
                format!("the language {value:?} is not known; zh-CN and en are"),
            );
            return Err(Problem::bad_request("lang", "unknown-language", detail));
        }
    }
    Ok(())
}

impl From<QueryRejection> for Problem {
    fn from(error: QueryRejection) -> Self {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Self::bad_request("query", "schema", Both::new(format!("查询参数有误：{reason}。"), reason))
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::not_found()
    }
}

/// Bytes of a body that are read for nobody: what may be recorded without signing in is short.
pub const NOBODYS_BYTES_MAX: usize = 16 * 1024;

/// A JSON body: at most [`REQUEST_BYTES_MAX`] bytes of UTF-8 of type `application/json`, and [`NOBODYS_BYTES_MAX`] of
/// whoever has not signed in.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        need_json(&request)?;
        let is_known = request.extensions().get::<Viewer>().is_some_and(|viewer| viewer.actor().is_some());
        let bytes = if is_known {
            body(request, REQUEST_BYTES_MAX).await?
        } else {
            body(request, NOBODYS_BYTES_MAX).await.map_err(|_| Problem::unauthorized())?
        };
        read_json(&bytes).map(Self)
    }
}

/// Bytes of a body that is read before anything is decided.
const SMALL_BODY_BYTES: usize = 64 * 1024;
/// A small body that takes longer is given up.
const SMALL_BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// The layer that reads small bodies first. A request that is refused while its body is still on the way costs the
/// connection, and whoever sent it may never learn why.
pub async fn read_small_body(request: Request, next: Next) -> Response {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if !length.is_some_and(|length: usize| (1..=SMALL_BODY_BYTES).contains(&length)) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(SMALL_BODY_TIME_MAX, to_bytes(body, SMALL_BODY_BYTES)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        // Whoever broke off is not there to read an answer.
        Ok(Err(_)) | Err(_) => Problem::unavailable(1).into_response(),
    }
}

/// Refuses a body that does not say it is JSON.
pub fn need_json(request: &Request) -> Result<(), Problem> {
    let media =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json =
        essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json");
    if json { Ok(()) } else { Err(Problem::unsupported_media_type("application/json")) }
}

/// The whole body, if it is not longer than so many bytes. What is compressed is refused: nobody knows how long it is.
pub async fn body(request: Request, bytes_max: usize) -> Result<axum::body::Bytes, Problem> {
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let zh = "不接受压缩的请求体（请求头 Content-Encoding），请直接发送原文。";
        let en = "a body is taken as it is, without Content-Encoding";
        return Err(Problem { detail: Both::new(zh, en), ..Problem::unsupported_media_type("") });
    }
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > bytes_max as u64) {
        return Err(Problem::too_large(bytes_max as u64));
    }
    to_bytes(request.into_body(), bytes_max).await.map_err(|_| Problem::too_large(bytes_max as u64))
}

/// Reads JSON strictly; the problem names the path of what does not fit.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if std::str::from_utf8(bytes).is_err() {
        let detail = Both::new("请求体不是有效的 UTF-8 文本。", "the body is not valid UTF-8");
        return Err(Problem::bad_request("", "utf-8", detail));
    }
    // Keeping track of the path costs as much as reading; it is wanted only where something does not fit.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let rule = if error.inner().is_data() { "schema" } else { "json" };
        let field = if path == "." { String::new() } else { path };
        let reason = error.inner().to_string();
        let zh = if field.is_empty() {
            format!("请求体有误：{reason}。")
        } else {
            format!("字段 {field} 有误：{reason}。")
        };
        Problem::bad_request(field, rule, Both::new(zh, reason))
    })?;
    reader.end().map_err(|error| {
        let reason = error.to_string();
        Problem::bad_request("", "json", Both::new(format!("请求体有误：{reason}。"), reason))
    })?;
    Ok(value)
}
