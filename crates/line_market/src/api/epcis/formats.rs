//! In which form a body is sent and an answer given: its media type, and how identifiers and words are spelled in it.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base::Time;
use base::limits::EPCIS_PAGE_BYTES_MAX;
use epcis::Context;
use epcis::format::{CompanyPrefixes, EpcFormat, bare_words, identifier, translate};
use epcis::xml::{CbvFormat, Style};
use serde_json::Value;
use shell::problem::CONTENT_TYPE as PROBLEM_JSON;
use shell::{Both, Problem};

use super::answers::{CBV_XML_FORMAT, EPC_FORMAT, not_acceptable};
use super::requests::text;
use crate::epcis_events::{Answered, Found, document};

/// The media type of a problem in XML (`EPCISException` of the schema).
pub const PROBLEM_XML: &str = "application/problem+xml";

/// Where company prefixes end, as far as GS1 China's allocation says it.
static PREFIXES: LazyLock<CompanyPrefixes> = LazyLock::new(CompanyPrefixes::chinese);

/// A media type of documents and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    Json,
    JsonLd,
    Xml,
    /// The same as [`Media::Xml`] (RFC 7303, section 9.2).
    TextXml,
}

impl Media {
    /// What answers without an element in the schema of XML come in.
    pub const JSON_ALONE: &[Self] = &[Self::Json, Self::JsonLd];
    pub const ALL: &[Self] = &[Self::Json, Self::JsonLd, Self::Xml, Self::TextXml];

    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLd => "application/ld+json",
            Self::Xml => "application/xml",
            Self::TextXml => "text/xml",
        }
    }

    pub fn is_xml(self) -> bool {
        matches!(self, Self::Xml | Self::TextXml)
    }

    /// The media type of a body; refused unless it is one of those that are taken, in UTF-8.
    pub fn of_body(headers: &HeaderMap, taken: &[Self]) -> Result<Self, Problem> {
        let written = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
        let essence = written.split(';').next().unwrap_or_default().trim();
        if let Some(charset) = charset(written)
            && !["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
        {
            return Err(not_in_utf8(charset));
        }
        let media = taken.iter().find(|media| media.name().eq_ignore_ascii_case(essence));
        media.copied().ok_or_else(|| {
            let taken: Vec<&str> = taken.iter().map(|media| media.name()).collect();
            Problem::unsupported_media_type(&taken.join(", "))
        })
    }

    /// The media type to answer in, of those that are offered (RFC 9110, section 12.5.1).
    pub fn of_answer(headers: &HeaderMap, offered: &[Self]) -> Result<Self, Problem> {
        let names: Vec<&str> = offered.iter().map(|media| media.name()).collect();
        let chosen = preferred(headers, &names).map(|at| offered[at]);
        chosen.ok_or_else(|| {
            let names = names.join(", ");
            let zh = format!("此处只以下列格式答复：{names}。");
            not_acceptable(Both::new(zh, format!("answers are one of {names}")))
        })
    }
}

/// The parameter `charset` of a media type (RFC 9110, section 8.3.2).
fn charset(media: &str) -> Option<&str> {
    let (mut rest, mut found) = (media, None);
    while let Some(at) = rest.find(';') {
        rest = rest[at + 1..].trim_start();
        let (name, value) = rest.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find(';').unwrap_or(value.len())),
        };
        if name.trim().eq_ignore_ascii_case("charset") {
            found = Some(value.trim());
        }
        rest = after;
    }
    found
}

/// 415: what is written in another charset.
pub fn not_in_utf8(charset: &str) -> Problem {
    let zh = format!("内容以 {charset} 编码，请改用 UTF-8。");
    let en = format!("the body is written in {charset}; UTF-8 is read");
    Problem { detail: Both::new(zh, en), ..Problem::unsupported_media_type("UTF-8") }
}

/// Whether a problem is to be told in XML: where that is liked better than JSON and pages.
pub fn prefers_xml(headers: &HeaderMap) -> bool {
    const FORMS: [&str; 7] = [
        "application/json",
        "application/ld+json",
        PROBLEM_JSON,
        "text/html",
        "application/xml",
        "text/xml",
        PROBLEM_XML,
    ];
    preferred(headers, &FORMS).is_some_and(|at| at > 3)
}

/// The place of the name that is liked best: the one with the highest quality, of several the one that is asked for
/// first. Without a wish it is the first.
fn preferred(headers: &HeaderMap, names: &[&str]) -> Option<usize> {
    let all = headers.get_all(header::ACCEPT);
    let ranges: Vec<Range> =
        all.iter().filter_map(|value| value.to_str().ok()).flat_map(Range::all).collect();
    if ranges.is_empty() && all.iter().all(|value| value.as_bytes().trim_ascii().is_empty()) {
        return Some(0);
    }
    let liked = names.iter().enumerate().filter_map(|(place, name)| {
        // The most precise range says how much a type is liked.
        let (at, range) = ranges.iter().enumerate().rev().max_by_key(|(_, range)| range.precision(name))?;
        let is_liked = range.precision(name) > 0 && range.quality > 0;
        is_liked.then_some((range.quality, std::cmp::Reverse((at, place))))
    });
    liked.max().map(|(_, std::cmp::Reverse((_, place)))| place)
}

/// A range of media types with its quality in thousandths.
struct Range {
    media: String,
    quality: u16,
}

impl Range {
    fn all(accept: &str) -> impl Iterator<Item = Self> {
        accept.split(',').map(str::trim).filter(|range| !range.is_empty()).map(|range| {
            let mut parts = range.split(';');
            let media = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
                name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f64>().ok())?
            });
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1,000")]
            let quality = weight.map_or(1_000, |weight| (weight.clamp(0.0, 1.0) * 1_000.0).round() as u16);
            Self { media, quality }
        })
    }

    /// 3 for the type itself, 2 for its family, 1 for anything, 0 where it does not fit.
    fn precision(&self, name: &str) -> u8 {
        let family = |range: &str| name.split_once('/').is_some_and(|(family, _)| range == family);
        match self.media.as_str() {
            range if range == name => 3,
            range if range.strip_suffix("/*").is_some_and(family) => 2,
            "*/*" => 1,
            _ => 0,
        }
    }
}

/// How identifiers are to be spelled (header `GS1-EPC-Format`).
pub fn epc_format(headers: &HeaderMap) -> Result<EpcFormat, Problem> {
    // The default of the published OpenAPI document.
    let Some(asked) = text(headers, &EPC_FORMAT) else { return Ok(EpcFormat::DigitalLink) };
    EpcFormat::parse(asked).ok_or_else(|| unknown_format(&EPC_FORMAT, asked))
}

/// How words of the Core Business Vocabulary are to be spelled in XML (header `GS1-CBV-XML-Format`).
pub fn cbv_format(headers: &HeaderMap) -> Result<CbvFormat, Problem> {
    Ok(match text(headers, &CBV_XML_FORMAT) {
        None | Some("Always_Web_URI" | "No_Preference") => CbvFormat::WebUri,
        Some("Always_URN") => CbvFormat::Urn,
        Some("Never_Translates") => CbvFormat::AsWritten,
        Some(asked) => return Err(unknown_format(&CBV_XML_FORMAT, asked)),
    })
}

fn unknown_format(name: &HeaderName, asked: &str) -> Problem {
    let zh = format!("标准没有这种写法（请求头 {name}: {asked}）。");
    let en = format!("the standard has no format {asked:?}");
    Problem { field: Some(name.to_string()), ..not_acceptable(Both::new(zh, en)) }
}

/// Identifiers in the spelling that is asked for.
pub fn spelled(ids: Vec<String>, format: EpcFormat) -> Vec<String> {
    ids.into_iter().map(|id| identifier(&id, format, &PREFIXES).into_owned()).collect()
}

/// The form of a document with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    media: Media,
    epcs: EpcFormat,
    words: CbvFormat,
}

impl Form {
    /// The form that the headers ask for.
    pub fn asked(headers: &HeaderMap) -> Result<Self, Problem> {
        super::requests::need_version(headers)?;
        let media = Media::of_answer(headers, Media::ALL)?;
        Ok(Self { media, epcs: epc_format(headers)?, words: cbv_format(headers)? })
    }

    /// The form of what is sent to webhooks, which the standard has in JSON alone.
    pub fn of_webhook(epcs: EpcFormat) -> Self {
        Self { media: Media::Json, epcs, words: CbvFormat::AsWritten }
    }

    pub fn media(self) -> Media {
        self.media
    }

    /// Bytes that an event takes in XML, which repeats names; in JSON it takes what it takes as it is kept.
    pub fn weight(self, found: &Found) -> usize {
        match self.media.is_xml() {
            true => epcis::extent(&found.event, &Context::read(&found.context), EPCIS_PAGE_BYTES_MAX),
            false => 0,
        }
    }

    /// An EPCISQueryDocument with these events.
    pub fn print(self, mut found: Vec<Found>, answered: Answered<'_>, created: Time) -> String {
        for Found { event, context, .. } in &mut found {
            translate(event, self.epcs, &PREFIXES);
            if !self.media.is_xml() {
                // JSON has no other spelling of them.
                bare_words(event, &Context::read(context));
            }
        }
        let document = document(found, answered, created);
        match self.media.is_xml() {
            true => epcis::xml::query_document(
                &document,
                &Style { cbv: self.words, created: &created.to_string() },
            ),
            false => document.to_string(),
        }
    }

    /// The answer with what was printed.
    pub fn answer(self, printed: String) -> Response {
        answer(self.media, printed)
    }
}

/// An answer of some media type.
pub fn answer(media: Media, printed: String) -> Response {
    ([(header::CONTENT_TYPE, media.name())], printed).into_response()
}

/// An answer that JSON has and, where it is asked for, XML.
pub fn answer_value(media: Media, value: &Value, xml: fn(&Value) -> String) -> Response {
    answer(media, if media.is_xml() { xml(value) } else { value.to_string() })
}

/// Puts another body of another media type into an answer.
pub fn with_body(mut response: Response, media: &'static str, body: String) -> Response {
    let headers = response.headers_mut();
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    *response.body_mut() = Body::from(body);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().expect("a header"));
        Media::of_answer(&headers, Media::ALL).ok().map(Media::name)
    }

    #[test]
    fn the_answer_is_of_the_type_that_is_liked_best() {
        for (accept, expected) in [
            ("", Some("application/json")),
            ("*/*", Some("application/json")),
            ("application/*", Some("application/json")),
            ("text/*", Some("text/xml")),
            ("application/xml", Some("application/xml")),
            ("Application/XML; charset=utf-8", Some("application/xml")),
            ("application/ld+json, application/json", Some("application/ld+json")),
            ("application/json;q=0.5, application/xml", Some("application/xml")),
            ("application/json;q=0.5, application/xml;q=0.4", Some("application/json")),
            ("*/*;q=0.1, text/xml", Some("text/xml")),
            ("*/*, application/json;q=0", Some("application/ld+json")),
            ("application/*;q=0, */*", Some("text/xml")),
            ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", Some("application/xml")),
            ("text/plain", None),
            ("application/json;q=0", None),
            ("application/json;q=0.000, text/plain", None),
        ] {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
        assert_eq!(Media::of_answer(&HeaderMap::new(), Media::JSON_ALONE).ok(), Some(Media::Json));
    }

    #[test]
    fn a_problem_is_told_in_xml_to_whoever_likes_that_best() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("application/xml", true),
            ("text/xml", true),
            ("application/problem+xml", true),
            ("application/xml, application/json", true),
            ("application/json, application/xml", false),
            ("text/html, application/xml;q=0.9, */*;q=0.8", false),
            ("text/plain", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().expect("a header"));
            assert_eq!(prefers_xml(&headers), expected, "{accept}");
        }
    }

    #[test]
    fn a_body_is_taken_in_utf_8_alone() {
        for (written, expected) in [
            ("application/json", Ok(Media::Json)),
            ("application/ld+json; charset=UTF-8", Ok(Media::JsonLd)),
            ("text/xml;charset=\"utf-8\"", Ok(Media::TextXml)),
            ("APPLICATION/XML; version=2; Charset=us-ascii", Ok(Media::Xml)),
            ("application/xml; charset=gb18030", Err(415)),
            ("application/json; charset=utf-16", Err(415)),
            ("text/plain", Err(415)),
            ("", Err(415)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, written.parse().expect("a header"));
            let media = Media::of_body(&headers, Media::ALL).map_err(|problem| problem.status.as_u16());
            assert_eq!(media, expected, "{written}");
        }
    }

    #[test]
    fn the_charset_is_found_among_the_parameters_of_a_media_type() {
        for (media, expected) in [
            ("application/json", None),
            ("application/json; charset=utf-8", Some("utf-8")),
            ("application/ld+json;profile=\"a;charset=x\";Charset=\"UTF-8\"", Some("UTF-8")),
            ("application/json;charset", None),
            ("application/json;charset=\"utf-8", None),
            ("application/json; q=1; charset=gb18030 ;a=b", Some("gb18030")),
        ] {
            assert_eq!(charset(media), expected, "{media}");
        }
    }
}
