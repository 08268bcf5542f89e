//! XML and JSON: every published document in both formats, and back.

use epcis::format::bare_words;
use epcis::xml::{CbvFormat, Style, capture_job, problem};
use epcis::{Document, DocumentKind, Limits, equal_in_meaning, xml_hashes};

use serde_json::{Value, json};

use crate::corpora::{files, folder};
use crate::generated::{STYLE, documents, hashes};
use crate::xsd::{canonical_xml, validate};

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

#[test]
fn capture_jobs_print_as_the_published_examples() {
    let (Some(jobs), Some(xsd)) = (folder("epcis/gs1/XML/CaptureJob"), folder("epcis/gs1/XSD")) else {
        return;
    };
    let job = |capture: &str, behaviour: &str, more: Value| {
        let mut job = json!({
            "captureID": capture, "captureErrorBehaviour": behaviour, "running": false, "success": false,
            "createdAt": "2022-03-03T10:33:31.116+01:00", "finishedAt": "2022-03-03T10:33:45.001+01:00"
        });
        job.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        job
    };
    let one = "f70c90d0-69a7-439b-bdcf-e51b19763d5f";
    let file = "928c8567-3469-4ccd-930c-6aa31ef1ba66";
    let many = "f3755dab-1d90-46a5-b837-01032b232cf0";
    let error = json!({
        "type": "https://example.com/probs/validation-failed", "title": "EPCIS Event Validation Failure", "status": -1,
        "detail": "One or more EPCIS Events failed validation",
        "instance": format!("https://example.com/instance-detail/{many}")
    });
    let error_file = format!("https://example.com/error/{file}");
    for (name, job) in [
        ("Running", job(one, "proceed", json!({ "running": true, "finishedAt": null }))),
        ("Success", job(one, "proceed", json!({ "success": true }))),
        ("WithErrorFile", job(file, "rollback", json!({ "errorFile": error_file }))),
        ("WithErrors", job(many, "rollback", json!({ "errors": [error] }))),
    ] {
        let published =
            std::fs::read_to_string(jobs.join(format!("Example-CaptureJob{name}.xml"))).expect("a file");
        let printed = capture_job(&job);
        assert_eq!(canonical_xml(&printed), canonical_xml(&published), "{name}");
        validate(&xsd, &[(printed, DocumentKind::Events)]);
    }
    let told = json!({ "type": "about:blank", "title": "a < b", "status": 400, "field": "epcList[0]", "rule": null });
    validate(&xsd, &[(problem(&told), DocumentKind::Events)]);
}

#[test]
fn documents_that_came_as_xml_are_json_as_the_published_schema_wants_it() {
    let Some(folder) = folder("epcis/gs1") else { return };
    let schema = std::fs::read(folder.join("EPCIS-JSON-Schema.json")).expect("a readable file");
    let schema: Value = serde_json::from_slice(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let (mut count, mut contradictions) = (0, Vec::new());
    for path in files(&folder.join("XML"), &["xml"]) {
        let text = std::fs::read(&path).expect("a readable file");
        let Ok(mut document) = Document::parse_xml(&text, &Limits::default()) else { continue };
        for event in &mut document.events {
            bare_words(&mut event.raw, &document.context);
        }
        assert_eq!(
            hashes(&document),
            xml_hashes(&text, &Limits::default()).expect("hashes"),
            "{}",
            path.display()
        );
        let printed = document.into_value();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if let Err(error) = validator.validate(&printed) {
            contradictions.push(format!("{name}: {error}"));
        }
        count += 1;
    }
    // Two published documents say what the schema of XML has and the one of JSON has not.
    let [disposition, report] = &contradictions[..] else { panic!("{contradictions:?}") };
    assert!(
        disposition.starts_with("Example-PersistentDisposition.xml: \"persistentDisposition\""),
        "{disposition}"
    );
    assert_eq!(report, "SensorDataExamples.xml: \"type\" is a required property");
    assert_eq!(count, 33);
}

#[test]
fn an_element_has_an_attribute_once_however_many_spellings_of_its_name_an_event_has() {
    const CONTEXT: &str =
        r#"{"ex":"https://ns.example/","other":"https://ns.example/","term":"ex:a","j":"urn:taizhang:json"}"#;
    let holders = [
        ("sensorElementList", r#"[{"sensorReport":[{"type":"Temperature","value":1,MEMBERS}]}]"#),
        (
            "sensorElementList",
            r#"[{"sensorMetadata":{"time":"2021-12-10T08:31:22Z",MEMBERS},"sensorReport":[{"type":"Temperature","value":1}]}]"#,
        ),
        ("ex:holder", r##"{"#text":"t",MEMBERS}"##),
        ("ex:outer", r##"[{"ex:inner":{"#text":"t",MEMBERS}}]"##),
    ];
    let spelt = [
        r#""ex:a":"1","https://ns.example/a":"2""#,
        r#""ex:a":"1","other:a":"2""#,
        r#""term":"1","ex:a":"2","other:a":"3","https://ns.example/a":"4""#,
        r#""ex:a":"1","other:a":["2"]"#,
        r#""ex:a":"other:x","other:a":"ex:y""#,
        r#""ex:a":null,"other:a":"2""#,
        r#""ex:a":["1"],"j:structured":"ex:b""#,
    ];
    for (name, holder) in holders {
        for members in spelt {
            for (around, own) in [(CONTEXT, None), ("{}", Some(CONTEXT)), (CONTEXT, Some(CONTEXT))] {
                let own = own.map_or_else(String::new, |own| format!(",\"@context\":{own}"));
                let text = format!(
                    "{{\"@context\":{around},\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\
                     \"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisBody\":{{\"eventList\":[{{\"type\":\"ObjectEvent\",\
                     \"action\":\"ADD\",\"eventTime\":\"2021-12-10T08:31:22Z\",\"eventTimeZoneOffset\":\"+08:00\",\
                     \"epcList\":[\"urn:epc:id:sgtin:0614141.112345.1\"]{own},\"{name}\":{}}}]}}}}",
                    holder.replace("MEMBERS", members)
                );
                let limits = Limits::default();
                let sent = Document::parse(text.as_bytes(), &limits)
                    .unwrap_or_else(|error| panic!("{error}\n{text}"));
                let xml = sent.to_xml(&STYLE);
                Document::parse_xml(xml.as_bytes(), &limits)
                    .unwrap_or_else(|error| panic!("{error}\n{text}\n{xml}"));
            }
        }
    }
}
