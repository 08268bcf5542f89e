//! Errors as people and programs read them: RFC 9457 problem documents in both languages, or a page.
//!
//! A handler returns a [`Problem`]; as it stands it answers in Chinese JSON. The layer [`negotiated`] then sets
//! it in the language and form the request asked for, so that no handler needs to know either.

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::texts::{Both, Lang, Texts};
use crate::view::{Frame, Sheet};

/// The media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong (RFC 9457, section 3.1), with members of our own for forms and batches.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    pub type_: Cow<'static, str>,
    /// The kind, in words.
    pub title: Both,
    /// The HTTP status.
    pub status: StatusCode,
    /// This occurrence, in words, with what to do next.
    pub detail: Both,
    /// A URI reference that names this occurrence.
    pub instance: Option<String>,
    /// The field or parameter at fault.
    pub field: Option<String>,
    /// The rule it breaks, as a stable name.
    pub rule: Option<String>,
    /// The place in a batch of what is at fault, from 0.
    pub index: Option<usize>,
    /// Seconds to wait before the next try, for `Retry-After`.
    pub retry_after_s: Option<u64>,
    /// Further members.
    pub members: Map<String, Value>,
}

impl Problem {
    /// A problem of a kind of one's own.
    pub fn new(
        type_: impl Into<Cow<'static, str>>,
        status: StatusCode,
        title: Both,
        detail: Both,
    ) -> Problem {
        Problem {
            type_: type_.into(),
            title,
            status,
            detail,
            instance: None,
            field: None,
            rule: None,
            index: None,
            retry_after_s: None,
            members: Map::new(),
        }
    }

    fn ours(
        type_: &'static str,
        status: StatusCode,
        title: (&'static str, &'static str),
        detail: Both,
    ) -> Problem {
        Problem::new(type_, status, Both::new(title.0, title.1), detail)
    }

    /// 400: a field or parameter breaks a rule.
    pub fn bad_request(field: impl Into<String>, rule: impl Into<String>, detail: Both) -> Problem {
        let title = ("请求有误", "The request is not valid");
        let problem = Problem::ours("/problems/bad-request", StatusCode::BAD_REQUEST, title, detail);
        Problem { field: Some(field.into()), rule: Some(rule.into()), ..problem }
    }

    /// 401: nobody is signed in, or the credential is not good.
    pub fn unauthorized() -> Problem {
        let detail = Both::new("登录后才能查看，请先登录。", "Sign in to go on.");
        Problem::ours(
            "/problems/unauthorized",
            StatusCode::UNAUTHORIZED,
            ("尚未登录", "Not signed in"),
            detail,
        )
    }

    /// 403: signed in, but not allowed.
    pub fn forbidden(detail: Both) -> Problem {
        Problem::ours("/problems/forbidden", StatusCode::FORBIDDEN, ("没有权限", "Not permitted"), detail)
    }

    /// 404: not there, or not for this viewer to know of.
    pub fn not_found() -> Problem {
        let detail = Both::new(
            "地址有误，或内容不在您的权限范围内。",
            "The address is wrong, or what it names is not open to you.",
        );
        Problem::ours("/problems/not-found", StatusCode::NOT_FOUND, ("没有找到", "Not found"), detail)
    }

    /// 410: was here, and was erased.
    pub fn erased(detail: Both) -> Problem {
        Problem::ours("/problems/erased", StatusCode::GONE, ("已删除", "Erased"), detail)
    }

    /// 409: does not fit what is already recorded.
    pub fn conflict(rule: impl Into<String>, detail: Both) -> Problem {
        let title = ("与现有记录冲突", "In conflict with the record");
        let problem = Problem::ours("/problems/conflict", StatusCode::CONFLICT, title, detail);
        Problem { rule: Some(rule.into()), ..problem }
    }

    /// 413: more bytes than are taken at once.
    pub fn too_large(bytes_max: u64) -> Problem {
        let max = crate::format::integer(bytes_max);
        let detail = Both::new(
            format!("一次最多提交 {max} 字节，请分批提交。"),
            format!("At most {max} bytes are taken at once. Send them in parts."),
        );
        let title = ("内容过大", "Too large");
        Problem::ours("/problems/too-large", StatusCode::PAYLOAD_TOO_LARGE, title, detail)
    }

    /// 414: a longer address than is read.
    pub fn uri_too_long(bytes_max: usize) -> Problem {
        let detail = Both::new(
            format!("未登录时网址不得超过 {bytes_max} 字节。"),
            format!("An address may have {bytes_max} bytes for whoever has not signed in."),
        );
        let title = ("网址过长", "Address too long");
        Problem::ours("/problems/uri-too-long", StatusCode::URI_TOO_LONG, title, detail)
    }

    /// 415: not one of the media types taken here.
    pub fn unsupported_media_type(taken: &str) -> Problem {
        let detail = Both::new(format!("此接口只接受 {taken}。"), format!("Only {taken} is taken here."));
        let title = ("格式不受支持", "Unsupported media type");
        Problem::ours("/problems/unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, title, detail)
    }

    /// 429: too often.
    pub fn too_many_requests(retry_after_s: u64) -> Problem {
        let detail = Both::new(
            format!("操作过于频繁，请在 {retry_after_s} 秒后重试。"),
            format!("Too many requests. Try again in {retry_after_s} s."),
        );
        let title = ("操作过于频繁", "Too many requests");
        let problem =
            Problem::ours("/problems/too-many-requests", StatusCode::TOO_MANY_REQUESTS, title, detail);
        Problem { retry_after_s: Some(retry_after_s), ..problem }
    }

    /// 503: not now. Nothing was recorded.
    pub fn unavailable(retry_after_s: u64) -> Problem {
        let detail = Both::new(
            format!("系统繁忙，本次内容未被记录，请在 {retry_after_s} 秒后重试。"),
            format!("The server is busy and nothing was recorded. Try again in {retry_after_s} s."),
        );
        let title = ("暂时无法服务", "Not available now");
        let problem = Problem::ours("/problems/unavailable", StatusCode::SERVICE_UNAVAILABLE, title, detail);
        Problem { retry_after_s: Some(retry_after_s), ..problem }
    }

    /// 503: the disk of the database is full. Nothing was recorded.
    pub fn storage_full() -> Problem {
        const RETRY_AFTER_S: u64 = 60;
        let detail = Both::new(
            "服务器磁盘空间已满，本次内容未被记录。请联系管理员扩容后重试。",
            "The server's disk is full and nothing was recorded. Tell your administrator, and try again when there is room.",
        );
        let title = ("存储空间已满", "Storage is full");
        let problem = Problem::ours("/problems/storage-full", StatusCode::SERVICE_UNAVAILABLE, title, detail);
        Problem { retry_after_s: Some(RETRY_AFTER_S), ..problem }
    }

    /// 503: the database went away at the commit, so what was sent may be recorded or not.
    pub fn outcome_unknown() -> Problem {
        const RETRY_AFTER_S: u64 = 5;
        let detail = Both::new(
            "保存时数据库中断，本次内容可能已经记录，也可能没有。请在 5 秒后原样重新提交：同一表单或带同一幂等键的请求只记录一次。",
            "The database went away while this was saved: it may be recorded or not. Send the same again in 5 s: what is the same form, or has the same idempotency key, is recorded once.",
        );
        let title = ("是否已记录尚不确定", "It is not known whether this was recorded");
        let problem =
            Problem::ours("/problems/outcome-unknown", StatusCode::SERVICE_UNAVAILABLE, title, detail);
        Problem { retry_after_s: Some(RETRY_AFTER_S), ..problem }
    }

    /// 500: a fault of ours. What it was goes to the log, never to the reader.
    pub fn internal() -> Problem {
        let detail = Both::new(
            "系统出现故障，已记入日志。请稍后重试；如仍不成功，请联系管理员。",
            "A fault of the server; it has been logged. Try again later, or tell your administrator.",
        );
        let title = ("系统故障", "Internal error");
        Problem::ours("/problems/internal", StatusCode::INTERNAL_SERVER_ERROR, title, detail)
    }

    /// The same problem at a place in a batch, from 0.
    pub fn at(self, index: usize) -> Problem {
        Problem { index: Some(index), ..self }
    }

    /// The same problem, this occurrence of it.
    pub fn instance(self, instance: impl Into<String>) -> Problem {
        Problem { instance: Some(instance.into()), ..self }
    }

    /// The same problem with a further member.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The problem document: `title` and `detail` in one language, and in both under names of their own.
    pub fn json(&self, lang: Lang) -> Value {
        let mut members = self.members.clone();
        let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
        set("type", json!(self.type_));
        set("status", json!(self.status.as_u16()));
        for (name, text) in [("title", &self.title), ("detail", &self.detail)] {
            set(name, json!(text.get(lang)));
            set(&format!("{name}_zh"), json!(text.zh));
            set(&format!("{name}_en"), json!(text.en));
        }
        let texts = [("instance", &self.instance), ("field", &self.field), ("rule", &self.rule)];
        for (name, value) in texts {
            if let Some(value) = value {
                set(name, json!(value));
            }
        }
        if let Some(index) = self.index {
            set("index", json!(index));
        }
        Value::Object(members)
    }

    /// The answer to a program.
    pub fn to_json_response(&self, lang: Lang) -> Response {
        let body = self.json(lang).to_string();
        self.answer(lang, CONTENT_TYPE, body.into_response())
    }

    /// The answer to a browser: a page in the given frame, whose title it replaces.
    pub fn to_page(&self, frame: Frame) -> Response {
        let lang = frame.lang;
        let frame = Frame { title: self.title.get(lang).to_owned(), ..frame };
        let page = ProblemPage { frame, problem: self, detail: self.detail.get(lang) }.render();
        self.html(lang, page)
    }

    /// The answer to a partial update: a notice for the head of the page.
    pub fn to_notice(&self, lang: Lang) -> Response {
        let notice = ProblemNotice { title: self.title.get(lang), detail: self.detail.get(lang) };
        self.html(lang, notice.render())
    }

    fn html(&self, lang: Lang, markup: askama::Result<String>) -> Response {
        match markup {
            Ok(markup) => self.answer(lang, "text/html; charset=utf-8", Html(markup).into_response()),
            Err(error) => {
                tracing::error!(%error, "cannot set the error page");
                self.to_json_response(lang)
            }
        }
    }

    fn answer(&self, lang: Lang, content_type: &'static str, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
        headers.insert(header::VARY, HeaderValue::from_static("accept, accept-language, cookie, hx-request"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.to_json_response(Lang::default());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    problem: &'a Problem,
    detail: &'a str,
}

#[derive(Template)]
#[template(path = "problem_notice.html")]
struct ProblemNotice<'a> {
    title: &'a str,
    detail: &'a str,
}

/// The form a problem is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A problem document.
    Json,
    /// A page.
    Page,
    /// A notice swapped into the open page.
    Notice,
}

impl Form {
    /// A partial update gets a notice, who prefers HTML a page, everybody else JSON.
    pub fn negotiate(headers: &HeaderMap) -> Form {
        if headers.contains_key("hx-request") && !headers.contains_key("hx-boosted") {
            return Form::Notice;
        }
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let place = |wanted: &[&str]| {
            accept.split(',').position(|range| {
                let media = range.split(';').next().unwrap_or_default().trim();
                wanted.contains(&media)
            })
        };
        match (place(&["text/html", "application/xhtml+xml"]), place(&["application/json", CONTENT_TYPE])) {
            (Some(html), Some(json)) if json < html => Form::Json,
            (Some(_), _) => Form::Page,
            (None, _) => Form::Json,
        }
    }
}

/// The language a request asks for: parameter `lang`, cookie `lang`, then `Accept-Language`.
pub fn asked_lang(uri: &axum::http::Uri, headers: &HeaderMap) -> Lang {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let parameter = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .find_map(|(name, value)| (name == "lang").then_some(value));
    let cookie = text(header::COOKIE).and_then(|all| {
        all.split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(n, v)| (n == "lang").then_some(v))
    });
    Lang::choose(parameter.as_deref(), cookie, text(header::ACCEPT_LANGUAGE))
}

/// The layer that sets every [`Problem`] in the language and form the request asked for:
/// `router.layer(axum::middleware::from_fn_with_state(texts, problem::negotiated))`.
pub async fn negotiated(State(texts): State<Arc<Texts>>, request: Request, next: Next) -> Response {
    let lang = asked_lang(request.uri(), request.headers());
    let form = Form::negotiate(request.headers());
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    // Two slashes would make the links of the page lead to another site.
    let address = format!("/{}", address.trim_start_matches('/'));
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Arc<Problem>>().cloned() else {
        return response;
    };
    let mut set = match form {
        Form::Json => {
            let mut set = problem.to_json_response(lang);
            // A part of the site may have a form of its own for it.
            set.extensions_mut().insert(problem);
            set
        }
        Form::Notice => problem.to_notice(lang),
        Form::Page => {
            let frame = Frame::new(texts.t(lang), "", address);
            problem.to_page(Frame { sheet: Sheet::Public, ..frame })
        }
    };
    // What else the handler said (cookies, WWW-Authenticate) stands.
    for (name, value) in response.headers() {
        if !set.headers().contains_key(name)
            && *name != header::CONTENT_LENGTH
            && *name != header::CONTENT_ENCODING
        {
            set.headers_mut().append(name, value.clone());
        }
    }
    set
}
