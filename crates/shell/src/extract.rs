//! What handlers take in: bodies, queries and paths whose refusals are problem documents that name the field.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::limits::{
    BODIES_OF_ONE_BYTES_MAX, BODY_OF_NOBODY_BYTES_MAX, ENTRY_REQUEST_BYTES_MAX, ENTRY_REQUEST_VALUES_MAX,
    REQUEST_BYTES_MAX,
};
use http_body_util::Limited;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::StreamExt;

use crate::app::App;
use crate::problem::Problem;
use crate::site::REQUEST_TIME_MAX;
use crate::texts::Both;
use crate::viewer::{FORM_BYTES_MAX, Viewer, still_let_in};

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
            let value = clipped(value.into_owned());
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
        let reason = clipped(reason);
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

/// A JSON body: at most so many bytes of UTF-8 of type `application/json`, and [`NOBODYS_BYTES_MAX`] of whoever has not
/// signed in.
#[derive(Debug, Clone)]
pub struct Json<T, const BYTES_MAX: usize = ENTRY_REQUEST_BYTES_MAX>(pub T);

impl<S: Send + Sync, T: DeserializeOwned, const BYTES_MAX: usize> FromRequest<S> for Json<T, BYTES_MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = json(request, BYTES_MAX).await?;
        // Lines of a batch are refused one by one.
        if BYTES_MAX <= ENTRY_REQUEST_BYTES_MAX {
            need_few_values(&bytes)?;
            check_texts(&bytes)?;
        }
        read_json(&bytes).map(Self)
    }
}

/// The same of a body whose members follow from what it says it is: until that is known each is kept as it came, which takes
/// many times its bytes. A body that would take more than a small one waits for its sender's turn, and has it while the
/// handler is at work.
#[derive(Debug)]
pub struct Entry<T>(pub T, pub Option<OwnedSemaphorePermit>);

/// What a value may take in memory: an object with one member takes as much.
const BYTES_PER_VALUE: usize = 640;

impl<T: DeserializeOwned> FromRequest<App> for Entry<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let viewer = request.extensions().get::<Viewer>().cloned();
        let bytes = json(request, ENTRY_REQUEST_BYTES_MAX).await?;
        let values = need_few_values(&bytes)?;
        let takes = bytes.len() + values * BYTES_PER_VALUE;
        let turn = match viewer.as_ref().and_then(Viewer::actor) {
            Some(actor) if takes > SMALL_BODY_BYTES => {
                Some(app.limits.turns.to_send(&actor.id, takes).await?)
            }
            _ => None,
        };
        still_let_in().await?;
        check_texts(&bytes)?;
        Ok(Self(read_json(&bytes)?, turn))
    }
}

/// How many values a body may have, if that is not too many.
fn need_few_values(bytes: &[u8]) -> Result<usize, Problem> {
    let values = bytes.iter().filter(|byte| matches!(byte, b'{' | b'[' | b',')).count();
    if values > ENTRY_REQUEST_VALUES_MAX {
        let detail = Both::new(
            format!("请求体内的值过多，不得超过 {ENTRY_REQUEST_VALUES_MAX} 个。"),
            format!("a body may have {ENTRY_REQUEST_VALUES_MAX} values at most"),
        );
        return Err(Problem::bad_request("body", "length", detail));
    }
    Ok(values)
}

/// The bytes of a JSON body.
async fn json(request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    need_json(&request)?;
    let is_known = request.extensions().get::<Viewer>().is_some_and(|viewer| viewer.actor().is_some());
    match is_known {
        true => body(request, bytes_max).await,
        false => body(request, NOBODYS_BYTES_MAX).await.map_err(|_| Problem::unauthorized()),
    }
}

/// The request of whoever has not signed in, with its body, which is short for whatever they may do. A form with files that is
/// too long is read to its end and not kept: whose session has ended while they filled it in is to be told so.
pub async fn of_nobody(request: Request) -> Result<Request, Problem> {
    if is_fields(request.headers()) {
        let (parts, body) = request.into_parts();
        let body = Body::new(Limited::new(body, BODY_OF_NOBODY_BYTES_MAX));
        let read = tokio::time::timeout(REQUEST_TIME_MAX, to_bytes(body, BODY_OF_NOBODY_BYTES_MAX)).await;
        // Whoever broke off is not there to read an answer.
        let bytes = read.map_err(|_| Problem::unavailable(1))?;
        let bytes = bytes.map_err(|_| Problem::too_large(BODY_OF_NOBODY_BYTES_MAX as u64))?;
        return Ok(Request::from_parts(parts, Body::from(crate::typed::fields(bytes)?)));
    }
    if !is_multipart(request.headers()) {
        return Ok(request.map(|body| Body::new(Limited::new(body, BODY_OF_NOBODY_BYTES_MAX))));
    }
    let (parts, body) = request.into_parts();
    let (mut body, mut kept, mut length) = (body.into_data_stream(), Vec::new(), 0);
    let read = async {
        while let Some(chunk) = body.next().await {
            // Whoever broke off is not there to read an answer.
            let chunk = chunk.map_err(|_| Problem::unavailable(1))?;
            length += chunk.len();
            if length > FORM_BYTES_MAX {
                return Err(Problem::unauthorized());
            }
            match length <= BODY_OF_NOBODY_BYTES_MAX {
                true => kept.extend_from_slice(&chunk),
                false => kept = Vec::new(),
            }
        }
        if length > BODY_OF_NOBODY_BYTES_MAX { Err(Problem::unauthorized()) } else { Ok(()) }
    };
    tokio::time::timeout(REQUEST_TIME_MAX, read).await.map_err(|_| Problem::unavailable(1))??;
    Ok(Request::from_parts(parts, Body::from(kept)))
}

/// How long the body of a request may be as far as that is known before it is read.
pub fn length(request: &Request) -> usize {
    match request.body().is_end_stream() {
        true => 0,
        false => declared(request.headers()).unwrap_or(match need_json(request) {
            Ok(()) => REQUEST_BYTES_MAX,
            Err(_) => BODIES_OF_ONE_BYTES_MAX,
        }),
    }
}

/// Whether a body says that it is a form with files.
pub fn is_multipart(headers: &HeaderMap) -> bool {
    media(headers).starts_with("multipart/form-data")
}

/// Whether a body says that it is a form without files.
pub fn is_fields(headers: &HeaderMap) -> bool {
    media(headers).starts_with("application/x-www-form-urlencoded")
}

/// What a body says that it is.
fn media(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// How long a body is said to be.
pub fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Bytes of a body that is read before anything is decided, which anybody may send.
const SMALL_BODY_BYTES: usize = BODY_OF_NOBODY_BYTES_MAX;
/// Bytes of one that is read before it is somebody's turn, who is known.
const BODY_OF_SOMEBODY_BYTES: usize = 64 * 1024;
/// A small body that takes longer is given up.
const SMALL_BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// The layer that reads small bodies first. A request that is refused while its body is still on the way costs the
/// connection, and whoever sent it may never learn why.
pub async fn read_small_body(request: Request, next: Next) -> Response {
    match read_up_to(request, SMALL_BODY_BYTES).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The request of whoever is known, with its body if that is not much longer: nobody holds a turn to write while it comes.
pub async fn of_somebody(request: Request) -> Result<Request, Problem> {
    match request.body().size_hint().exact() {
        // It is there already.
        Some(length) if length <= SMALL_BODY_BYTES as u64 => Ok(request),
        _ => read_up_to(request, BODY_OF_SOMEBODY_BYTES).await,
    }
}

/// Reads a body that says that it is no longer than so many bytes.
async fn read_up_to(request: Request, bytes_max: usize) -> Result<Request, Problem> {
    if !declared(request.headers()).is_some_and(|length| (1..=bytes_max).contains(&length)) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(SMALL_BODY_TIME_MAX, to_bytes(body, bytes_max)).await;
    // Whoever broke off is not there to read an answer.
    let mut bytes = read.ok().and_then(Result::ok).ok_or_else(|| Problem::unavailable(1))?;
    if is_fields(&parts.headers) {
        bytes = crate::typed::fields(bytes)?;
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Refuses a body that does not say it is JSON.
pub fn need_json(request: &Request) -> Result<(), Problem> {
    let essence = media(request.headers()).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json =
        essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json");
    if json { Ok(()) } else { Err(Problem::unsupported_media_type("application/json")) }
}

/// The whole body, if it is not longer than so many bytes. What is compressed is refused: nobody knows how long it is.
pub async fn body(request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let zh = "不接受压缩的请求体（请求头 Content-Encoding），请直接发送原文。";
        let en = "a body is taken as it is, without Content-Encoding";
        return Err(Problem { detail: Both::new(zh, en), ..Problem::unsupported_media_type("") });
    }
    if declared(request.headers()).is_some_and(|length| length > bytes_max) {
        return Err(Problem::too_large(bytes_max as u64));
    }
    let bytes = to_bytes(request.into_body(), bytes_max).await;
    let bytes = bytes.map_err(|_| Problem::too_large(bytes_max as u64))?;
    still_let_in().await?;
    Ok(bytes)
}

/// Refuses JSON with U+0000 in a text, which no database takes: rights are looked up by such texts.
fn check_texts(bytes: &[u8]) -> Result<(), Problem> {
    if !holds_nul(bytes) {
        return Ok(());
    }
    let field = serde_json::from_slice(bytes).ok().and_then(|value| path_to_nul(&value)).unwrap_or_default();
    let detail = Both::new("文本不得含有空字符（U+0000）。", "a text must not hold U+0000");
    Err(Problem::bad_request(field, "body", detail))
}

/// Where a text with U+0000 stands: `body.parts[2].lot`.
fn path_to_nul(value: &Value) -> Option<String> {
    let below = |name: String, value: &Value| {
        let path = path_to_nul(value)?;
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        Some(format!("{name}{dot}{path}"))
    };
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => (0..).zip(items).find_map(|(at, item)| below(format!("[{at}]"), item)),
        Value::Object(members) => members.iter().find_map(|(name, member)| below(name.clone(), member)),
        _ => None,
    }
}

/// Whether a text of JSON holds U+0000.
fn holds_nul(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.windows(6).position(|window| window == b"\\u0000") {
        // Behind another backslash it is a backslash and a word.
        let slashes = rest[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes.is_multiple_of(2) {
            return true;
        }
        rest = &rest[at + 6..];
    }
    false
}

/// Characters of a body that a problem repeats: a name or a text in it may be as long as the body.
const REPEATED_CHARS_MAX: usize = 300;

fn clipped(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(REPEATED_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
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
        let path = clipped(error.path().to_string());
        let rule = if error.inner().is_data() { "schema" } else { "json" };
        let field = if path == "." { String::new() } else { path };
        let reason = clipped(error.inner().to_string());
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
