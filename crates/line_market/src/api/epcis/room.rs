//! Documents in hand: their bytes, and room for what these come to until they are recorded or refused.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header;
use base::limits::REQUEST_BYTES_MAX;
use shell::extract::body;
use shell::{Both, Problem};
use tokio::sync::{Semaphore, SemaphorePermit};

/// What all documents in hand may come to in memory.
const KIBIBYTES_MAX: u32 = 256 * 1024;
/// What an object or list of JSON, or an element of XML, may come to.
const BYTES_PER_NODE: usize = 1_024;

static ROOM: Semaphore = Semaphore::const_new(KIBIBYTES_MAX as usize);

/// Kept until the document is done with.
pub type Room = SemaphorePermit<'static>;

/// The bytes of a document, once there is room for it; whoever comes first is served first.
pub async fn document(request: Request) -> Result<(Bytes, Room), Problem> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if let Some(charset) = media.and_then(charset).filter(|charset| !charset.eq_ignore_ascii_case("utf-8")) {
        let zh = format!("只接受 UTF-8 编码的文档，不接受 {charset}。");
        let en = format!("documents are read in UTF-8, not in {charset}");
        return Err(Problem { detail: Both::new(zh, en), ..Problem::unsupported_media_type("") });
    }
    let bytes = body(request, REQUEST_BYTES_MAX).await?;
    let nodes = bytes.iter().filter(|byte| matches!(byte, b'{' | b'[' | b'<')).count();
    let kibibytes = u32::try_from((bytes.len() * 4 + nodes * BYTES_PER_NODE) / 1_024).unwrap_or(u32::MAX);
    let room = ROOM.acquire_many(kibibytes.clamp(1, KIBIBYTES_MAX)).await;
    Ok((bytes, room.expect("nobody closes it")))
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

#[cfg(test)]
mod tests {
    use super::charset;

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
