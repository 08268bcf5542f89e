//! What holds for any text that is taken as a document: shared with the fuzz targets.

#![allow(dead_code, reason = "each fuzz target uses one half")]

use epcis::xml::{CbvFormat, Style};
use epcis::{Document, DocumentKind, Limits, equal_in_meaning, event_hash, json_hashes, xml_hashes};

/// A text of JSON is refused, or comes back through JSON as it is, and through XML with its meaning and hashes.
pub fn json(text: &[u8]) {
    let limits = Limits::default();
    let Ok(document) = Document::parse(text, &limits) else { return };
    let again = Document::parse(document.to_value().to_string().as_bytes(), &limits).expect("its own JSON");
    assert_eq!(again, document);
    if document.kind != DocumentKind::Event && !asks_to_ignore(text) {
        assert_eq!(json_hashes(text, &limits).expect("hashes"), hashes(&document));
    }
    through_xml(&document);
}

/// A text of XML is refused, or comes back with its meaning and hashes.
pub fn xml(text: &[u8]) {
    let limits = Limits::default();
    let Ok(document) = Document::parse_xml(text, &limits) else { return };
    if asks_to_ignore(text) {
        return;
    }
    assert_eq!(
        xml_hashes(text, &limits).expect("hashes"),
        hashes(&document),
        "{}\n{}",
        String::from_utf8_lossy(text),
        document.to_value()
    );
    let json = Document::from_value(document.to_value(), &limits).expect("its own JSON");
    assert_eq!(hashes(&json), hashes(&document), "{}", document.to_value());
    through_xml(&document);
}

/// An envelope may ask that members are left out of the hashes of its events.
fn asks_to_ignore(text: &[u8]) -> bool {
    text.windows(12).any(|window| window == b"ignoreFields")
}

fn through_xml(document: &Document) {
    let style = Style { cbv: CbvFormat::WebUri, created: "2026-01-01T00:00:00Z" };
    let xml = document.to_xml(&style);
    // What was just within the limits may need more room in XML.
    let back =
        match Document::parse_xml(xml.as_bytes(), &Limits { text_bytes_max: 1 << 20, ..Limits::default() }) {
            Err(error) if error.to_string().contains("exceeds") => return,
            back => back.unwrap_or_else(|error| panic!("{error}\n{xml}")),
        };
    let mut sent = document.to_value();
    // XML needs a date: one that says none is of the moment at which it is written.
    if let Some(members) = sent.as_object_mut().filter(|_| document.kind != DocumentKind::Event) {
        members.entry("creationDate").or_insert_with(|| style.created.into());
    }
    equal_in_meaning(&sent, &back.to_value()).unwrap_or_else(|error| panic!("{error}\n{sent}\n{xml}"));
    assert_eq!(hashes(&back), hashes(document), "{sent}\n{xml}");
    assert_eq!(
        xml_hashes(xml.as_bytes(), &Limits { text_bytes_max: 1 << 20, ..Limits::default() }).expect("hashes"),
        hashes(document),
        "{sent}\n{xml}"
    );
}

fn hashes(document: &Document) -> Vec<String> {
    let hash = |event: &epcis::Event| event_hash(&event.raw, document.context_value()).expect("a hash");
    document.events.iter().map(hash).collect()
}
