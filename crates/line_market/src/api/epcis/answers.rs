//! What answers have in common: the headers of the standard, and its names for problems.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::limits::{EPCIS_PAGE_BYTES_MAX, EVENTS_PER_CAPTURE_MAX, REQUEST_BYTES_MAX};
use epcis::{EpcisError, Rule};
use kernel::Kernel;
use serde_json::Value;
use shell::problem::{CONTENT_TYPE as PROBLEM_JSON, asked_lang};
use shell::{Both, Lang, Problem};

use super::formats::{PROBLEM_XML, not_in_utf8, prefers_xml, with_body};
use crate::api::{failure_problem, refusal_problem};
use crate::epcis_events::{
    ELEMENTS_MAX, LOOKED_MAX, PLACES_MAX, PLACES_OF_SENDER_MAX, QueryRefusal, SORTED_FACTS_MAX, SORTED_MAX,
};
use crate::record::Failure;
use crate::refusal::{Code, Refusal, shortened};

/// The version of EPCIS and of CBV that is spoken here, the only one.
pub const VERSION: &str = "2.0.0";

pub const EPCIS_VERSION: HeaderName = HeaderName::from_static("gs1-epcis-version");
pub const EPCIS_MIN: HeaderName = HeaderName::from_static("gs1-epcis-min");
pub const EPCIS_MAX: HeaderName = HeaderName::from_static("gs1-epcis-max");
pub const CBV_VERSION: HeaderName = HeaderName::from_static("gs1-cbv-version");
pub const CBV_MIN: HeaderName = HeaderName::from_static("gs1-cbv-min");
pub const CBV_MAX: HeaderName = HeaderName::from_static("gs1-cbv-max");
pub const EPC_FORMAT: HeaderName = HeaderName::from_static("gs1-epc-format");
pub const CBV_XML_FORMAT: HeaderName = HeaderName::from_static("gs1-cbv-xml-format");
pub const EXTENSIONS: HeaderName = HeaderName::from_static("gs1-extensions");
pub const MIN_RECORD_TIME: HeaderName = HeaderName::from_static("gs1-query-min-record-time");
pub const VENDOR_VERSION: HeaderName = HeaderName::from_static("gs1-vendor-version");
pub const NEXT_PAGE_TOKEN_EXPIRES: HeaderName = HeaderName::from_static("gs1-next-page-token-expires");
pub const CAPTURE_LIMIT: HeaderName = HeaderName::from_static("gs1-epcis-capture-limit");
pub const CAPTURE_FILE_SIZE_LIMIT: HeaderName = HeaderName::from_static("gs1-epcis-capture-file-size-limit");
pub const CAPTURE_ERROR_BEHAVIOUR: HeaderName = HeaderName::from_static("gs1-capture-error-behaviour");

/// Bytes of an address with its query.
pub const ADDRESS_BYTES_MAX: usize = 8 * 1024;

/// The layer round every operation that refuses an address of more bytes than are read.
pub async fn of_bounded_address(request: Request, next: Next) -> Response {
    let length = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    match length > ADDRESS_BYTES_MAX {
        true => too_long().into_response(),
        false => next.run(request).await,
    }
}

/// The layer round the whole site that has the answers below `/epcis` name the versions, and sets their problems under
/// the standard's names, in XML if that is asked for. It stands outside of what tells who is asking.
pub async fn in_the_standards_words(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/epcis" && !path.starts_with("/epcis/") {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let lang = asked_lang(request.uri(), request.headers());
    let in_xml = prefers_xml(request.headers());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() {
        let mut problem = Problem::clone(&problem);
        if let Some(name) = name_of(&method, problem.status)
            && !problem.type_.starts_with("epcisException:")
        {
            problem.type_ = name.into();
        }
        let told = problem.json(lang);
        response = match in_xml {
            true => with_body(response, PROBLEM_XML, epcis::xml::problem(&told)),
            false => with_body(response, PROBLEM_JSON, told.to_string()),
        };
    }
    let headers = response.headers_mut();
    if in_xml && headers.get(header::CONTENT_TYPE).is_some_and(|media| media == PROBLEM_XML) {
        // What is XML is saved, not shown, as everywhere.
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    headers.insert(EPCIS_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(CBV_VERSION, HeaderValue::from_static(VERSION));
    // Members under any namespace are kept as they came; no extension is served in a way of its own.
    headers.insert(EXTENSIONS, HeaderValue::from_static(""));
    headers.append(
        header::VARY,
        HeaderValue::from_static("accept, accept-language, gs1-epc-format, gs1-cbv-xml-format"),
    );
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE && method == Method::POST {
        capture_limits(response.headers_mut());
    }
    response
}

pub fn capture_limits(headers: &mut HeaderMap) {
    headers.insert(CAPTURE_LIMIT, HeaderValue::from(EVENTS_PER_CAPTURE_MAX));
    headers.insert(CAPTURE_FILE_SIZE_LIMIT, HeaderValue::from(REQUEST_BYTES_MAX));
}

/// The standard's name for a problem; `None` where it has none.
fn name_of(method: &Method, status: StatusCode) -> Option<&'static str> {
    Some(match status {
        StatusCode::BAD_REQUEST if method == Method::GET => "epcisException:QueryParameterException",
        StatusCode::BAD_REQUEST => "epcisException:ValidationException",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "epcisException:SecurityException",
        StatusCode::NOT_FOUND => "epcisException:NoSuchResourceException",
        StatusCode::NOT_ACCEPTABLE => "epcisException:NotAcceptableException",
        StatusCode::CONFLICT => "epcisException:ResourceAlreadyExistsException",
        StatusCode::PAYLOAD_TOO_LARGE => "epcisException:CaptureLimitExceededException",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "epcisException:UnsupportedMediaTypeException",
        StatusCode::INTERNAL_SERVER_ERROR => "epcisException:ImplementationException",
        _ => return None,
    })
}

/// 414: a query that is better kept under a name (`POST /epcis/queries`).
fn too_long() -> Problem {
    let detail = Both::new(
        format!("地址超过 {ADDRESS_BYTES_MAX} 字节，请改用命名查询（POST /epcis/queries）。"),
        format!(
            "the address exceeds {ADDRESS_BYTES_MAX} bytes; keep the query under a name (POST /epcis/queries)"
        ),
    );
    let title = Both::new("地址过长", "Address too long");
    Problem::new("epcisException:URITooLongException", StatusCode::URI_TOO_LONG, title, detail)
}

/// 406: what was asked for is not spoken here.
pub fn not_acceptable(detail: Both) -> Problem {
    let title = Both::new("无法按所请求的格式答复", "Not acceptable");
    Problem::new("epcisException:NotAcceptableException", StatusCode::NOT_ACCEPTABLE, title, detail)
}

/// 413: more events than one document may bring.
pub fn too_many_events(count: usize) -> Problem {
    let detail = Both::new(
        format!("文档含 {count} 个事件，一次最多提交 {EVENTS_PER_CAPTURE_MAX} 个，请分批提交。"),
        format!("the document holds {count} events; at most {EVENTS_PER_CAPTURE_MAX} are taken at once"),
    );
    capture_limit(detail)
}

/// 413: more elements of master data than one document may bring.
pub fn too_many_elements(count: usize) -> Problem {
    capture_limit(Both::new(
        format!("文档含 {count} 个主数据元素，一次最多提交 {ELEMENTS_MAX} 个，请分批提交。"),
        format!(
            "the document holds {count} elements of master data; at most {ELEMENTS_MAX} are taken at once"
        ),
    ))
}

fn capture_limit(detail: Both) -> Problem {
    let title = Both::new("内容过大", "Too large");
    let name = "epcisException:CaptureLimitExceededException";
    Problem::new(name, StatusCode::PAYLOAD_TOO_LARGE, title, detail)
}

/// 400: a document, event or parameter that breaks a rule of EPCIS, which the error names with its place; 415 for a
/// document in another charset.
pub fn rule_problem(error: EpcisError) -> Problem {
    let (rule, zh) = match &error.rule {
        Rule::Charset(charset) => return not_in_utf8(charset),
        Rule::Json(_) => ("json", "请求体不是有效的 JSON"),
        Rule::Xml(_) => ("xml", "请求体不是有效的 XML"),
        Rule::Limit { .. } => ("limit", "内容超出单个文档的限制"),
        Rule::UnknownParameter => ("unknown-parameter", "此处不提供该查询参数"),
        Rule::Twice => ("twice", "查询参数重复"),
        _ => ("epcis", "内容不符合 EPCIS 2.0 规则"),
    };
    let en = shortened(error.rule.to_string());
    let path = shortened(error.path);
    let zh = if path.is_empty() { format!("{zh}。") } else { format!("{zh}（{path}）。") };
    Problem::bad_request(path, rule, Both::new(zh, en))
}

/// The problem of a document or event that was not recorded; 429 until tomorrow where its sender recorded so much today.
pub fn capture_problem(kernel: &Kernel, failure: Failure) -> Problem {
    let problem = failure_problem(failure);
    if problem.rule.as_deref() != Some(Code::CapturedOfDay.name().as_str()) {
        return problem;
    }
    let (zone, now) = (kernel.zone(), kernel.now());
    let rest_ms = zone.start_of(zone.day_of(now).plus(1)).since_ms(now);
    let title = Both::new("当日上传量已达上限", "As much was captured today as may be");
    let retry_after_s = u64::try_from(rest_ms / 1_000 + 1).unwrap_or_default();
    Problem { title, rule: problem.rule, detail: problem.detail, ..Problem::too_many_requests(retry_after_s) }
}

/// An event that was refused beside others that were recorded, as the capture job tells it.
pub fn job_error(lang: Lang, refusal: Refusal) -> Value {
    let is_known = refusal.code == Code::Exists;
    let status = if is_known { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
    let name = name_of(&Method::POST, status).unwrap_or_default();
    Problem { type_: name.into(), ..refusal_problem(refusal) }.json(lang)
}

/// 500: a query that cannot be answered for a fault of the server.
pub fn implementation_problem() -> Problem {
    Problem { type_: "epcisException:ImplementationException".into(), ..Problem::internal() }
}

/// The problem of a query that has no answer.
pub fn query_problem(refusal: &QueryRefusal) -> Problem {
    let english = refusal.to_string();
    match refusal {
        QueryRefusal::Token => {
            let zh = "翻页标记不是由此查询给出的，或已失效。";
            Problem::bad_request("nextPageToken", "format", Both::new(zh, english))
        }
        QueryRefusal::TooMany(max) => {
            let zh = format!("符合条件的事件超过 maxEventCount 所允许的 {max} 个。");
            too_large("epcisException:QueryTooLargeException", Both::new(zh, english))
        }
        QueryRefusal::TooLong(event) => {
            let zh = format!("事件 {event} 以 XML 表示超过 {EPCIS_PAGE_BYTES_MAX} 字节，请改用 JSON。");
            too_large("epcisException:QueryTooLargeException", Both::new(zh, english))
        }
        QueryRefusal::TooManyToCount => {
            let zh =
                format!("统计符合条件的事件须逐一查看 {LOOKED_MAX} 个以上事件，请限定时间或给出完整标识。");
            too_complex(Both::new(zh, english))
        }
        QueryRefusal::TooManyToSort => {
            let zh = format!(
                "须排序的事件超过 {SORTED_MAX} 个或其取值超过 {SORTED_FACTS_MAX} 个，请限定时间或给出完整标识。"
            );
            too_complex(Both::new(zh, english))
        }
        QueryRefusal::TooSlow => too_complex(Both::new("查询耗时过长，请限定时间或给出完整标识。", english)),
        QueryRefusal::TooManyPlaces => {
            let zh = format!(
                "主数据中所查地点之下的地点过多（同一上传方至多 {PLACES_OF_SENDER_MAX} 个，合计至多 {PLACES_MAX} 个），请缩小范围。"
            );
            too_complex(Both::new(zh, english))
        }
    }
}

/// The problem of a parameter that is not served, is wrong, or asks for too much.
pub fn parameter_problem(error: EpcisError) -> Problem {
    match &error.rule {
        Rule::Limit { what: "values" | "conditions", max } => {
            let zh = format!("查询条件过多（{}），上限为 {max}。", error.path);
            let problem = too_complex(Both::new(zh, error.to_string()));
            Problem { field: Some(error.path), ..problem }
        }
        _ => rule_problem(error),
    }
}

fn too_complex(detail: Both) -> Problem {
    too_large("epcisException:QueryTooComplexException", detail)
}

fn too_large(name: &'static str, detail: Both) -> Problem {
    Problem::new(
        name,
        StatusCode::PAYLOAD_TOO_LARGE,
        Both::new("查询范围过大", "The query asks for too much"),
        detail,
    )
}
