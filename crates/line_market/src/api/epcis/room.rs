//! Documents in hand: a turn of their sender, their bytes, and room for what these come to until they are recorded or refused.

use axum::body::Bytes;
use axum::extract::Request;
use base::limits::REQUEST_BYTES_MAX;
use shell::extract::{body, declared};
use shell::room::{Place, Room};
use shell::viewer::Viewer;
use shell::{App, Problem};
use tokio::sync::OwnedSemaphorePermit;

use super::formats::Media;

/// What all documents in hand may come to in memory.
static ROOM: Room = Room::of_mebibytes(256);
/// What an object or list of JSON, or an element of XML, may come to.
const BYTES_PER_NODE: usize = 1_024;
/// What another value may, with what queries find it by.
const BYTES_PER_VALUE: usize = 256;
/// What may be as much is looked at closely.
const BYTES_UNSEEN_MAX: usize = 8 * 1024 * 1024;

/// Kept until the document is done with.
pub struct Held {
    _turn: OwnedSemaphorePermit,
    _place: Place,
}

/// The bytes of a document, when it is its sender's turn and there is room for it.
pub async fn document(
    app: &App,
    viewer: &Viewer,
    media: Media,
    request: Request,
) -> Result<(Bytes, Held), Problem> {
    let declared = declared(request.headers());
    // Before any of it is read: whoever waits holds nothing.
    let turn = app.limits.turns.to_send(&viewer.id(), declared.unwrap_or(REQUEST_BYTES_MAX)).await?;
    let bytes = body(request, REQUEST_BYTES_MAX).await?;
    let place = ROOM.found(comes_to(&bytes, media.is_xml())).await?;
    Ok((bytes, Held { _turn: turn, _place: place }))
}

/// What a document may come to in memory.
fn comes_to(bytes: &[u8], is_xml: bool) -> usize {
    // A character of XML may be written by its number.
    let nodes = bytes.iter().filter(|byte| matches!(byte, b'{' | b'[' | b'<' | b'#')).count();
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

/// Elements and attributes, and what attributes hold that may be JSON.
fn in_xml(bytes: &[u8]) -> (usize, usize) {
    let (mut nodes, mut values, mut at, mut in_tag) = (0, 0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'<' => {
                nodes += 1;
                at = end_of_no_element(&bytes[at..]).map_or(at, |length| at + length);
                in_tag = !matches!(bytes.get(at + 1), Some(b'/')) && bytes.get(at) == Some(&b'<');
            }
            b'>' => in_tag = false,
            b'=' if in_tag => values += 1,
            b'"' | b'\'' if in_tag => {
                let value = bytes[at + 1..].split(|end| end == byte).next().unwrap_or_default();
                let (inner_nodes, inner_values) = in_attribute(value);
                (nodes, values, at) = (nodes + inner_nodes, values + inner_values, at + 1 + value.len());
            }
            _ => {}
        }
        at += 1;
    }
    (nodes, values)
}

/// How far a comment, a section of characters or an instruction goes, in which nothing is an element; what has no end goes to
/// that of the document.
fn end_of_no_element(bytes: &[u8]) -> Option<usize> {
    const ENDS: [(&[u8], &[u8]); 4] =
        [(b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"), (b"<!", b">")];
    let (begin, end) = ENDS.into_iter().find(|(begin, _)| bytes.starts_with(begin))?;
    let rest = &bytes[begin.len()..];
    let length = rest.windows(end.len()).position(|it| it == end).map_or(rest.len(), |at| at + end.len());
    // The last byte is passed over by whoever asks.
    Some(begin.len() + length - 1)
}

/// Objects and lists, and commas, of JSON in an attribute; what is written by its number may be any of them. No element stands
/// in one.
fn in_attribute(value: &[u8]) -> (usize, usize) {
    let nodes = value.iter().filter(|byte| matches!(byte, b'{' | b'[' | b'<')).count();
    let by_number = value.windows(2).filter(|pair| pair == b"&#").count();
    (nodes + by_number, value.iter().filter(|byte| **byte == b',').count())
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_is_no_element_hides_none_that_follow() {
        let elements = "<b c=''/>".repeat(20_000);
        for hides in
            ["<!-- <a \" -->", "<![CDATA[ <a ' ]]>", "<?p <a \" ?>", "<!DOCTYPE a>", "<!-- > <a '-->"]
        {
            let text = format!("<a>{hides}{elements}</a>");
            let each = 20_000 * (BYTES_PER_NODE + BYTES_PER_VALUE) + 3 * BYTES_PER_NODE;
            assert_eq!(comes_to(text.as_bytes(), true), text.len() * 4 + each, "{hides}");
        }
        let broken = format!("<a b='{elements}</a>");
        assert!(comes_to(broken.as_bytes(), true) > 20_000 * BYTES_PER_NODE);
    }

    #[test]
    fn json_in_an_attribute_comes_to_what_it_comes_to_by_itself() {
        let list = format!("[{}{{}}]", "{},".repeat(20_000));
        let by_number = list.replace('{', "&#123;");
        for (list, quote) in [(&list, '"'), (&by_number, '\'')] {
            let xml = format!("<a b={quote}{list}{quote}/>");
            let around = 9 * 4 + BYTES_PER_NODE + BYTES_PER_VALUE;
            let values = 20_002 * BYTES_PER_NODE + 20_000 * BYTES_PER_VALUE;
            assert_eq!(comes_to(xml.as_bytes(), true), around + list.len() * 4 + values);
        }
    }
}
