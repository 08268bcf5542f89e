//! Documents in hand: a turn of their sender, their bytes, and room for what these come to until they are recorded or refused.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Request;
use base::limits::REQUEST_BYTES_MAX;
use shell::extract::{body, declared};
use shell::viewer::Viewer;
use shell::{App, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::formats::Media;

/// What all documents in hand may come to in memory.
const KIBIBYTES_MAX: u32 = 256 * 1024;
/// What an object or list of JSON, or an element of XML, may come to.
const BYTES_PER_NODE: usize = 1_024;
/// What another value may, with what queries find it by.
const BYTES_PER_VALUE: usize = 256;
/// What may be as much is looked at closely.
const BYTES_UNSEEN_MAX: usize = 8 * 1024 * 1024;

/// How long a document waits for room.
const WAIT_MAX: Duration = Duration::from_secs(5);

static ROOM: Semaphore = Semaphore::const_new(KIBIBYTES_MAX as usize);

/// Kept until the document is done with.
pub struct Room {
    _turn: OwnedSemaphorePermit,
    _room: SemaphorePermit<'static>,
}

/// The bytes of a document, when it is its sender's turn and there is room for it; of several senders whoever comes first is
/// served first.
pub async fn document(
    app: &App,
    viewer: &Viewer,
    media: Media,
    request: Request,
) -> Result<(Bytes, Room), Problem> {
    let declared = declared(request.headers());
    // Before any of it is read: whoever waits holds nothing.
    let turn = app.limits.turns.to_send(&viewer.id(), declared.unwrap_or(REQUEST_BYTES_MAX)).await?;
    let bytes = body(request, REQUEST_BYTES_MAX).await?;
    let room = found(&ROOM, comes_to(&bytes, media.is_xml()), WAIT_MAX).await?;
    Ok((bytes, Room { _turn: turn, _room: room }))
}

/// Room for what a document comes to: what comes to more than there is takes all of it.
async fn found(room: &Semaphore, bytes: usize, wait_max: Duration) -> Result<SemaphorePermit<'_>, Problem> {
    let kibibytes = u32::try_from(bytes / 1_024).unwrap_or(u32::MAX).clamp(1, KIBIBYTES_MAX);
    let found = timeout(wait_max, room.acquire_many(kibibytes)).await;
    Ok(found.map_err(|_| Problem::unavailable(2))?.expect("nobody closes it"))
}

/// What a document may come to in memory.
fn comes_to(bytes: &[u8], is_xml: bool) -> usize {
    let nodes = bytes.iter().filter(|byte| matches!(byte, b'{' | b'[' | b'<')).count();
    let values = bytes.iter().filter(|byte| matches!(byte, b',' | b'=')).count();
    let whole = |(nodes, values)| bytes.len() * 4 + nodes * BYTES_PER_NODE + values * BYTES_PER_VALUE;
    match whole((nodes, values)) {
        most if most <= BYTES_UNSEEN_MAX => most,
        _ if is_xml => whole(in_xml(bytes)),
        _ => whole(in_json(bytes)),
    }
}

/// Objects and lists, and commas between values: what stands in texts makes none.
fn in_json(bytes: &[u8]) -> (usize, usize) {
    let (mut nodes, mut values, mut at) = (0, 0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_text(bytes, at),
            b'{' | b'[' => nodes += 1,
            b',' => values += 1,
            _ => {}
        }
        at += 1;
    }
    (nodes, values)
}

/// Where a text of JSON that begins somewhere ends.
fn end_of_text(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Elements, and attributes.
fn in_xml(bytes: &[u8]) -> (usize, usize) {
    let (mut nodes, mut values, mut at, mut in_tag) = (0, 0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'<' => {
                nodes += 1;
                // What is no element is read as if it were text, where nothing is passed over.
                in_tag = !matches!(bytes.get(at + 1), Some(b'/' | b'!' | b'?'));
            }
            b'>' => in_tag = false,
            b'=' if in_tag => values += 1,
            b'"' | b'\'' if in_tag => {
                let rest = &bytes[at + 1..];
                at += 1 + rest.iter().position(|end| end == byte).unwrap_or(rest.len());
            }
            _ => {}
        }
        at += 1;
    }
    (nodes, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_finds_no_room_in_time_is_told_to_come_again() {
        let room = Semaphore::new(KIBIBYTES_MAX as usize);
        let held = found(&room, usize::MAX, Duration::ZERO).await.unwrap();
        let refused = found(&room, 1, Duration::ZERO).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after_s), (503, Some(2)));
        let next = found(&room, usize::MAX, WAIT_MAX);
        let (next, ()) = tokio::join!(next, async { drop(held) });
        assert_eq!(room.available_permits(), 0);
        drop(next.unwrap());
        assert_eq!(room.available_permits(), KIBIBYTES_MAX as usize);
    }

    #[test]
    fn what_stands_in_texts_makes_no_values() {
        let text = format!("{{\"a\":\"{}\"}}", "[{<,\\\"\\\\".repeat(200_000));
        assert_eq!(comes_to(text.as_bytes(), false), text.len() * 4 + BYTES_PER_NODE);
        let lists = format!("[\"\\\"\"{}]", ",[]".repeat(20_000));
        let values = 20_000 * (BYTES_PER_NODE + BYTES_PER_VALUE) + BYTES_PER_NODE;
        assert_eq!(comes_to(lists.as_bytes(), false), lists.len() * 4 + values);
        assert_eq!(comes_to(b"[\"[", false), 3 * 4 + 2 * BYTES_PER_NODE, "little is not looked at");
        let open = format!("[{}\"", "[,".repeat(20_000));
        assert!(comes_to(open.as_bytes(), false) > BYTES_UNSEEN_MAX, "a text without an end");
        let text = format!("<a b='\"=' c=\"'=\">{}</a>", "=,[".repeat(200_000));
        assert_eq!(comes_to(text.as_bytes(), true), text.len() * 4 + 2 * (BYTES_PER_NODE + BYTES_PER_VALUE));
        let elements = format!("<a><![CDATA[\"]]>{}</a>", "<b c=''/>".repeat(20_000));
        let each = 20_000 * (BYTES_PER_NODE + BYTES_PER_VALUE) + 3 * BYTES_PER_NODE;
        assert_eq!(comes_to(elements.as_bytes(), true), elements.len() * 4 + each);
    }
}
