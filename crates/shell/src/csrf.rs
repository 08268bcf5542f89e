//! The token by which a session's forms are known to come from our own pages.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use base::limits::PLAN_BYTES_MAX;
use subtle::ConstantTimeEq;
use tokio_stream::StreamExt;

use crate::extract::{is_fields, is_multipart};
use crate::problem::Problem;
use crate::texts::Both;
use crate::viewer::FORM_BYTES_MAX;

/// A form that takes longer to arrive is given up.
const FORM_TIME_MAX: Duration = Duration::from_secs(60);
/// The token stands at the beginning of a form, within so many bytes.
const HEAD_BYTES: usize = 1024;
/// Bytes of a form without files: handlers take no more.
const FIELDS_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The token of a session as one page carries it: under a pad of its own, so that what pages come to when they are
/// compressed tells nothing of it.
pub fn masked(token: &str) -> String {
    let Ok(token) = hex::decode(token) else { return String::new() };
    let pad: Vec<u8> = token.iter().map(|_| rand::random()).collect();
    let under: Vec<u8> = token.iter().zip(&pad).map(|(byte, pad)| byte ^ pad).collect();
    hex::encode(pad) + &hex::encode(under)
}

/// Whether a page gave back a session's token, masked or as it is.
fn is_token(given: &[u8], token: &str) -> bool {
    let bare = hex::decode(given).ok().filter(|bytes| bytes.len() == token.len()).map(|bytes| {
        let (pad, under) = bytes.split_at(bytes.len() / 2);
        hex::encode(under.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect::<Vec<u8>>())
    });
    let given = bare.as_deref().map_or(given, str::as_bytes);
    !token.is_empty() && bool::from(given.ct_eq(token.as_bytes()))
}

/// Lets a request that changes something pass only with the token of the session, where there is one: in a header, or in the
/// field `csrf` of a form, which is its first. No more of a form is read before, and then all of it.
pub async fn checked(request: Request, token: Option<&str>) -> Result<Request, Problem> {
    let given = request.headers().get("x-csrf-token");
    let told = match token {
        Some(token) => given.map(|given| is_token(given.as_bytes(), token)),
        // No browser sends a program's credential by itself.
        None => Some(true),
    };
    match told {
        Some(false) => return Err(refusal()),
        Some(true) if !is_fields(request.headers()) && !is_multipart(request.headers()) => {
            return Ok(request);
        }
        _ => {}
    }
    let is_multipart = is_multipart(request.headers());
    let bytes_max = match is_fields(request.headers()) {
        true => FIELDS_BYTES_MAX,
        false if is_multipart => FORM_BYTES_MAX.max(PLAN_BYTES_MAX + 64 * 1024),
        false => return Err(refusal()),
    };
    let (parts, body) = request.into_parts();
    let (mut body, mut bytes) = (body.into_data_stream(), Vec::new());
    let read = async {
        read_until(&mut body, &mut bytes, HEAD_BYTES, bytes_max).await?;
        let given = if is_multipart { first_part(&bytes) } else { first_field(&bytes) };
        if told.is_none() && !given.zip(token).is_some_and(|(given, token)| is_token(given, token)) {
            return Err(refusal());
        }
        read_until(&mut body, &mut bytes, usize::MAX, bytes_max).await?;
        let bytes = Bytes::from(bytes);
        if is_multipart { Ok(bytes) } else { crate::typed::fields(bytes) }
    };
    let bytes = tokio::time::timeout(FORM_TIME_MAX, read).await.map_err(|_| Problem::unavailable(1))??;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn refusal() -> Problem {
    Problem::forbidden(Both::new(
        "页面已失效，请刷新后重新提交。",
        "the form is out of date or came from another site; reload the page and send it again",
    ))
}

/// Reads on until so many bytes are there or no more come.
async fn read_until(
    body: &mut BodyDataStream,
    bytes: &mut Vec<u8>,
    enough: usize,
    bytes_max: usize,
) -> Result<(), Problem> {
    while bytes.len() < enough {
        let Some(chunk) = body.next().await else { break };
        // Whoever broke off is not there to read an answer.
        bytes.extend_from_slice(&chunk.map_err(|_| Problem::unavailable(1))?);
        if bytes.len() > bytes_max {
            return Err(Problem::too_large(bytes_max as u64));
        }
    }
    Ok(())
}

/// The value of the first field of a form, if its name is `csrf`; tokens need no escaping.
fn first_field(bytes: &[u8]) -> Option<&[u8]> {
    bytes.split(|&byte| byte == b'&').next()?.strip_prefix(b"csrf=")
}

/// The value of the first part of a multipart form, if its name is `csrf`.
fn first_part(bytes: &[u8]) -> Option<&[u8]> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let text = head.iter().position(|&byte| byte == b'\n')?;
    let rest = &head[text + 1..];
    let end = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
    let named = std::str::from_utf8(&rest[..end]).ok()?.to_ascii_lowercase().contains("name=\"csrf\"");
    let value = &rest[end + 4..];
    let stop = value.windows(2).position(|window| window == b"\r\n")?;
    named.then_some(&value[..stop])
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[test]
    fn a_token_looks_different_on_each_page_and_is_known_again() {
        let (token, other) = ("00112233445566778899aabbccddeeff", "ff112233445566778899aabbccddeeff");
        let (one, two) = (masked(token), masked(token));
        assert_ne!(one, two);
        assert!(!one.contains(&token[..8]));
        for given in [&one, &two, token] {
            assert!(is_token(given.as_bytes(), token) && !is_token(given.as_bytes(), other), "{given}");
        }
        for wrong in ["", "00", &one[1..], &one[..32], &"0".repeat(64)] {
            assert!(!is_token(wrong.as_bytes(), token), "{wrong}");
        }
        assert!(!is_token(b"", ""), "a screen's session has none");
    }

    #[tokio::test]
    async fn nothing_is_read_of_a_form_behind_a_wrong_token() {
        let token = "00112233445566778899aabbccddeeff";
        let send = |media: &str, head: String| {
            let (sender, chunks) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
            sender.try_send(Ok(head.into_bytes())).expect("there is room");
            let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(chunks));
            let request =
                Request::post("/").header(header::CONTENT_TYPE, media).body(body).expect("a request");
            (sender, request)
        };
        let filler = "x".repeat(HEAD_BYTES);
        for (media, head) in [
            ("application/x-www-form-urlencoded", format!("csrf=0&text={filler}")),
            ("application/x-www-form-urlencoded", format!("text={filler}&csrf={token}")),
            (
                "multipart/form-data; boundary=b",
                format!("--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n{filler}"),
            ),
        ] {
            // The rest never comes, and is not waited for.
            let (_open, request) = send(media, head);
            assert_eq!(
                checked(request, Some(token)).await.expect_err("refused").status.as_u16(),
                403,
                "{media}"
            );
        }
        let (open, request) =
            send("application/x-www-form-urlencoded", format!("csrf={}&text=1", masked(token)));
        drop(open);
        checked(request, Some(token)).await.expect("our own form");
    }
}
