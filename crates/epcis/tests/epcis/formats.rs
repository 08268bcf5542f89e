//! XML and JSON: every published document in both formats, and back.

use std::path::{Path, PathBuf};
use std::process::Command;

use epcis::xml::{CbvFormat, Style};
use epcis::{Document, DocumentKind, Limits, equal_in_meaning, event_hash, xml_hashes};

use crate::corpora::{files, folder};

const STYLE: Style<'static> = Style { cbv: CbvFormat::WebUri, created: "2026-01-01T00:00:00Z" };

fn hashes(document: &Document) -> Vec<String> {
    let hash = |event: &epcis::Event| event_hash(&event.raw, document.context_value()).expect("a hash");
    document.events.iter().map(hash).collect()
}

/// Validates XML against the schema for its kind, by libxml2's own program.
fn validate(xsd: &Path, documents: &[(String, DocumentKind)]) {
    let folder = std::env::temp_dir().join(format!("epcis-xsd-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let schemas = [
        ("EPCglobal-epcis-2_0.xsd", vec![DocumentKind::Events, DocumentKind::Event]),
        ("EPCglobal-epcis-query-2_0.xsd", vec![DocumentKind::QueryResults]),
        ("EPCglobal-epcis-masterdata-2_0.xsd", vec![DocumentKind::MasterData]),
    ];
    for (schema, kinds) in schemas {
        let mut paths: Vec<PathBuf> = Vec::new();
        for (i, (xml, _)) in documents.iter().enumerate().filter(|(_, (_, kind))| kinds.contains(kind)) {
            let path = folder.join(format!("{i}.xml"));
            std::fs::write(&path, xml).expect("a written file");
            paths.push(path);
        }
        if paths.is_empty() {
            continue;
        }
        let mut command = Command::new("xmllint");
        command.args(["--noout", "--nonet", "--schema"]).arg(xsd.join(schema)).args(&paths);
        let output = command.output().expect("xmllint of libxml2-utils");
        assert!(output.status.success(), "{schema}: {}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::remove_dir_all(&folder).expect("the folder removed");
}

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
