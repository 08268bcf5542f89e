//! XML and JSON: every published document in both formats, and back.

use epcis::xml::{CbvFormat, Style};
use epcis::{Document, Limits, equal_in_meaning, xml_hashes};

use crate::corpora::{files, folder};
use crate::generated::{STYLE, documents, hashes};
use crate::xsd::validate;

#[test]
fn every_published_xml_document_comes_back_equal_in_both_formats() {
    let (Some(folder), Some(xsd)) = (folder("epcis/gs1/XML"), folder("epcis/gs1/XSD")) else { return };
    let mut printed = Vec::new();
    for path in files(&folder, &["xml"]) {
        let text = std::fs::read(&path).expect("a readable file");
        if path.components().any(|part| part.as_os_str() == "CaptureJob") {
            continue;
        }
        let fail = |error: &dyn std::fmt::Display| -> ! { panic!("{}: {error}", path.display()) };
        let limits = Limits::default();
        let sent = Document::parse_xml(&text, &limits).unwrap_or_else(|error| fail(&error));
        let own = xml_hashes(&text, &limits).expect("hashes");
        assert_eq!(hashes(&sent), own, "{}", path.display());
        let json = sent.to_value();
        let through_json = Document::from_value(json.clone(), &limits).unwrap_or_else(|error| fail(&error));
        for (cbv, document) in
            [(CbvFormat::WebUri, &sent), (CbvFormat::Urn, &through_json), (CbvFormat::AsWritten, &sent)]
        {
            let xml = document.to_xml(&Style { cbv, ..STYLE });
            let back = Document::parse_xml(xml.as_bytes(), &limits).unwrap_or_else(|error| fail(&error));
            equal_in_meaning(&json, &back.to_value()).unwrap_or_else(|error| fail(&error));
            assert_eq!(xml_hashes(xml.as_bytes(), &limits).expect("hashes"), own, "{}", path.display());
            printed.push((xml, document.kind));
        }
    }
    assert_eq!(printed.len(), 33 * 3);
    validate(&xsd, &printed);
}

#[test]
fn every_published_json_document_comes_back_equal_through_xml() {
    let (Some(folder), Some(xsd)) = (folder("epcis/gs1/JSON"), folder("epcis/gs1/XSD")) else { return };
    let mut printed = Vec::new();
    for path in files(&folder, &["jsonld", "json"]) {
        let text = std::fs::read(&path).expect("a readable file");
        let fail = |error: &dyn std::fmt::Display| -> ! { panic!("{}: {error}", path.display()) };
        let limits = Limits::default();
        let sent = Document::parse(&text, &limits).unwrap_or_else(|error| fail(&error));
        for cbv in [CbvFormat::WebUri, CbvFormat::Urn] {
            let xml = sent.to_xml(&Style { cbv, ..STYLE });
            let back = Document::parse_xml(xml.as_bytes(), &limits).unwrap_or_else(|error| fail(&error));
            equal_in_meaning(&sent.to_value(), &back.to_value()).unwrap_or_else(|error| fail(&error));
            assert_eq!(hashes(&back), hashes(&sent), "{}", path.display());
            assert_eq!(
                xml_hashes(xml.as_bytes(), &limits).expect("hashes"),
                hashes(&sent),
                "{}",
                path.display()
            );
            printed.push((xml, sent.kind));
        }
    }
    assert_eq!(printed.len(), 47 * 2);
    validate(&xsd, &printed);
}

#[test]
fn made_up_documents_print_as_the_schema_wants_them() {
    let Some(xsd) = folder("epcis/gs1/XSD") else { return };
    let print = |value| {
        let document = Document::from_value(value, &Limits::default()).expect("a document");
        (document.to_xml(&STYLE), document.kind)
    };
    let printed: Vec<_> = documents(150).into_iter().map(print).collect();
    validate(&xsd, &printed);
}
