//! JSON and XML, EPC URNs and Digital Links: what is sent in one comes back in each.

use std::collections::BTreeMap;
use std::process::Command;

use epcis::{Document, DocumentKind, Limits, json_hashes, xml_hashes};
use line_market::kinds::EpcisDescribed;

use super::*;

pub const XML: &str = "application/xml";

/// Holds XML against the published schemas, by libxml2's own program.
pub fn validate(documents: &[(String, Answer)]) {
    let Some(schemas) = published("XSD") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut by_schema: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for (at, (what, answer)) in documents.iter().enumerate() {
        let text = answer.text();
        let is_query = text.contains("<epcisq:EPCISQueryDocument");
        let schema = if is_query { "EPCglobal-epcis-query-2_0.xsd" } else { "EPCglobal-epcis-2_0.xsd" };
        let name: String = what.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = folder.path().join(format!("{at}-{name}.xml"));
        std::fs::write(&path, text).unwrap();
        by_schema.entry(schema).or_default().push(path);
    }
    for (schema, paths) in by_schema {
        let mut command = Command::new("xmllint");
        command.args(["--noout", "--nonet", "--schema"]).arg(schemas.join(schema)).args(paths);
        let output = command.output().expect("xmllint of libxml2-utils");
        assert!(output.status.success(), "{schema}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// An answer in XML, as JSON has it.
#[track_caller]
fn read_xml(answer: &Answer) -> Document {
    assert_eq!((answer.status, answer.header("content-type")), (200, XML), "{}", answer.text());
    Document::parse_xml(&answer.bytes, &Limits::default())
        .unwrap_or_else(|error| panic!("{error}: {}", answer.text()))
}

fn sorted(mut hashes: Vec<String>) -> Vec<String> {
    hashes.sort();
    hashes
}

/// A published document: where it lies, how it is sent, and what it says.
struct Sent {
    path: String,
    media: &'static str,
    bytes: Vec<u8>,
    document: Document,
    hashes: Vec<String>,
}

/// All 47 JSON and 37 XML examples but for four capture jobs, which are no documents to capture.
fn all_published() -> Vec<Sent> {
    let limits = Limits::default();
    let read = |(path, bytes): (PathBuf, Vec<u8>)| {
        let (path, is_xml) = (path.display().to_string(), path.extension().is_some_and(|end| end == "xml"));
        let document =
            if is_xml { Document::parse_xml(&bytes, &limits) } else { Document::parse(&bytes, &limits) };
        let hashes = if is_xml { xml_hashes(&bytes, &limits) } else { json_hashes(&bytes, &limits) };
        let document = document.unwrap_or_else(|error| panic!("{path}: {error}"));
        Sent { path, media: if is_xml { XML } else { LD }, bytes, document, hashes: sorted(hashes.unwrap()) }
    };
    let in_json = examples("JSON", &["jsonld", "json"]);
    let (jobs, in_xml): (Vec<_>, Vec<_>) = examples("XML", &["xml"])
        .into_iter()
        .partition(|(path, _)| path.to_string_lossy().contains("CaptureJob"));
    if published("JSON").is_some() {
        assert_eq!((in_json.len(), in_xml.len(), jobs.len()), (47, 33, 4));
    }
    in_json.into_iter().chain(in_xml).map(read).collect()
}

on_every_store! {
    fn the_published_documents_come_back_with_the_same_meaning_in_both_formats_and_are_captured_once(town) {
        let all = all_published();
        // Some examples give one ID to different events, so each has a book of its own.
        for at in 0..all.len() {
            open_book(&town, &format!("b{at}"));
        }
        let supplier = town.program(User::Supplier);
        let in_xml = supplier.with("accept", XML);
        let mut printed = Vec::new();
        for (at, Sent { path, media, bytes, document, hashes }) in all.iter().enumerate() {
            let fail = |what: &str, difference: epcis::Difference| -> ! { panic!("{path}, {what}: {difference}") };
            let job = supplier.post_bytes(&format!("{CAPTURE}?book=b{at}"), media, bytes);
            assert_eq!(job.status, 202, "{path}: {}", job.text());
            let told = supplier.get(job.header("location")).expect(200).json();
            assert_eq!((&told["running"], &told["success"], &told["errors"]), (&json!(false), &json!(true), &json!([])), "{path}");
            printed.push((path.clone(), in_xml.get(job.header("location")).expect(200)));

            let alone = events_alone(&document.to_value());
            let asked = format!("{EVENTS}?book=b{at}&perPage=1000");
            for format in ["Always_GS1_Digital_Link", "Always_EPC_URN", "Never_Translates"] {
                let as_json = supplier.with("gs1-epc-format", format).get(&asked).expect(200);
                equal_in_meaning(&alone, &as_json.json()).unwrap_or_else(|difference| fail(format, difference));
                assert_eq!(&sorted(json_hashes(&as_json.bytes, &Limits::default()).unwrap()), hashes, "{path}, {format}");
                let as_xml = in_xml.with("gs1-epc-format", format).get(&asked);
                let back = read_xml(&as_xml);
                assert_eq!(back.kind, DocumentKind::QueryResults);
                equal_in_meaning(&alone, &back.to_value()).unwrap_or_else(|difference| fail(format, difference));
                assert_eq!(&sorted(xml_hashes(&as_xml.bytes, &Limits::default()).unwrap()), hashes, "{path}, {format}");
                printed.push((path.clone(), as_xml));
            }
            let (mut single_json, mut single_xml) = (Vec::new(), Vec::new());
            for event in events(&supplier.get(&asked)) {
                let event = format!("{EVENTS}/{}?book=b{at}", encoded(event["eventID"].as_str().unwrap()));
                single_json.extend(json_hashes(&supplier.get(&event).expect(200).bytes, &Limits::default()).unwrap());
                single_xml.extend(xml_hashes(&in_xml.get(&event).expect(200).bytes, &Limits::default()).unwrap());
            }
            assert_eq!(sorted(single_json.clone()), sorted(single_xml), "{path}");
            // An ID stands for an event and the declarations of its error, so these come once for each.
            if single_json.len() == hashes.len() {
                assert_eq!(&sorted(single_json), hashes, "{path}");
            }
        }
        validate(&printed);
        let before = (!all.is_empty()).then(|| town.fingerprint());
        for (at, sent) in all.iter().enumerate() {
            let book = format!("{CAPTURE}?book=b{at}");
            supplier.post_bytes(&book, sent.media, &sent.bytes).expect(202);
            // What was answered in the other format is what was captured.
            let asked = format!("{EVENTS}?book=b{at}&perPage=1000");
            for (client, media) in [(&supplier, LD), (&in_xml, XML)] {
                supplier.post_bytes(&book, media, &client.get(&asked).expect(200).bytes).expect(202);
            }
        }
        assert_eq!(before, (!all.is_empty()).then(|| town.fingerprint()), "captured again, nothing is new");
        for (path, bytes) in examples("XML/CaptureJob", &["xml"]) {
            let refused = supplier.post_bytes(&format!("{CAPTURE}?book=b0"), XML, &bytes);
            assert_eq!(refused.status, 400, "{}: {}", path.display(), refused.text());
        }
        town.check();
    }

    fn master_data_that_come_as_xml_are_kept_element_by_element(town) {
        let supplier = town.program(User::Supplier);
        for sent in all_published().into_iter().filter(|sent| sent.document.kind == DocumentKind::MasterData) {
            let size = || town.fingerprint().into_iter().find(|(book, ..)| *book == town.book().to_string()).unwrap().1;
            let before = size();
            supplier.post_bytes(CAPTURE, sent.media, &sent.bytes).expect(202);
            let entry = |seq| town.site.kernel.entry(&town.book(), base::Seq(seq)).unwrap().unwrap();
            let key = |vocabulary: &str, element: Value| (vocabulary.to_owned(), element["id"].to_string(), element);
            let mut said: Vec<_> = (before..size())
                .map(|seq| entry(seq).body::<EpcisDescribed>().unwrap())
                .map(|body| key(&body.vocabulary, body.element))
                .collect();
            let of_vocabulary = |vocabulary: &Value| -> Vec<(String, String, Value)> {
                let elements = vocabulary["vocabularyElementList"].as_array().cloned().unwrap_or_default();
                elements.into_iter().map(|element| key(vocabulary["type"].as_str().unwrap(), element)).collect()
            };
            let mut expected: Vec<_> = sent.document.master_data.iter().flat_map(of_vocabulary).collect();
            for list in [&mut said, &mut expected] {
                list.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
            }
            assert!(!expected.is_empty());
            assert_eq!(said, expected, "{}", sent.path);
        }
        town.check();
    }

    fn identifiers_and_words_come_in_the_spelling_that_is_asked_for(town) {
        let supplier = town.program(User::Supplier);
        let (urn, link) = ("urn:epc:id:sgtin:6901234.012345.7", "https://id.gs1.org/01/06901234123456/21/7");
        let far = "https://shop.example/01/09506000134352/21/1";
        let event = observed(1, json!({ "epcList": [urn, far, "urn:uuid:thing"], "ex:grade": urn, "readPoint": { "id": "urn:epc:id:sgln:6901234.00001.0" } }));
        send(&supplier, &document(&town.now(), json!([event]))).expect(202);
        let place = "https://id.gs1.org/414/6901234000016";
        for (format, id, read_point) in [
            (None, link, place),
            (Some("Always_GS1_Digital_Link"), link, place),
            (Some("Always_EPC_URN"), urn, "urn:epc:id:sgln:6901234.00001.0"),
            (Some("Never_Translates"), urn, "urn:epc:id:sgln:6901234.00001.0"),
            (Some("No_Preference"), urn, "urn:epc:id:sgln:6901234.00001.0"),
        ] {
            let client = format.map_or_else(|| supplier.clone(), |format| supplier.with("gs1-epc-format", format));
            let answer = client.get(EVENTS);
            let event = &events(&answer)[0];
            assert_eq!(event["epcList"], json!([id, far, "urn:uuid:thing"]), "{format:?}");
            assert_eq!((&event["readPoint"]["id"], &event["ex:grade"]), (&json!(read_point), &json!(urn)), "{format:?}");
            assert_eq!(answer.json()["@context"], json!([STANDARD, { "ex": "https://ns.example/" }]));
            let as_xml = client.with("accept", XML).get(EVENTS);
            assert!(as_xml.text().contains(&format!("<epc>{id}</epc>")), "{}", as_xml.text());
            assert!(as_xml.text().contains("xmlns:ex=\"https://ns.example/\"") && as_xml.text().contains(&format!("<ex:grade>{urn}</ex:grade>")));
            let known = client.get("/epcis/epcs").expect(200).json();
            if format.is_some_and(|format| format == "Always_EPC_URN") {
                assert!(known["member"].as_array().unwrap().contains(&json!(urn)), "{known}");
            }
        }
        for (format, word) in [
            (None, "https://ref.gs1.org/cbv/BizStep-shipping"), (Some("No_Preference"), "https://ref.gs1.org/cbv/BizStep-shipping"),
            (Some("Always_Web_URI"), "https://ref.gs1.org/cbv/BizStep-shipping"), (Some("Always_URN"), "urn:epcglobal:cbv:bizstep:shipping"),
        ] {
            let client = supplier.with("accept", XML);
            let client = format.map_or_else(|| client.clone(), |format| client.with("gs1-cbv-xml-format", format));
            assert!(client.get(EVENTS).text().contains(&format!("<bizStep>{word}</bizStep>")), "{format:?}");
        }
        assert_eq!(events(&supplier.with("gs1-cbv-xml-format", "Always_URN").get(EVENTS))[0]["bizStep"], "shipping");
        for name in ["gs1-epc-format", "gs1-cbv-xml-format"] {
            assert_eq!(problem(&supplier.with(name, "Always").get(EVENTS), 406, "NotAcceptableException")["field"], name);
        }
    }

    fn a_prefix_that_means_different_things_stays_with_its_events(town) {
        let supplier = town.program(User::Supplier);
        for (serial, iri) in [(1, "https://one.example/"), (2, "https://two.example/")] {
            let mut sent = document(&town.now(), json!([observed(serial, json!({ "ex:grade": "A" }))]));
            sent["@context"] = json!([STANDARD, { "ex": iri }]);
            send(&supplier, &sent).expect(202);
            assert_eq!(events(&supplier.get(&format!("{EVENTS}?EQ_{iri}grade=A"))).len(), 1);
        }
        let (in_json, in_xml) = (supplier.get(EVENTS).expect(200), supplier.with("accept", XML).get(EVENTS));
        equal_in_meaning(&in_json.json(), &read_xml(&in_xml).to_value()).unwrap();
        let hashes = json_hashes(&in_json.bytes, &Limits::default()).unwrap();
        assert_eq!(xml_hashes(&in_xml.bytes, &Limits::default()).unwrap(), hashes);
        for iri in ["https://one.example/", "https://two.example/"] {
            assert!(in_xml.text().contains(&format!("xmlns:ex=\"{iri}\"")), "{}", in_xml.text());
        }
        validate(&[("answer".into(), in_xml)]);
    }

    fn a_document_of_epcis_1_2_is_taken_and_told_as_2_0(town) {
        let supplier = town.program(User::Supplier);
        let sent = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" xmlns:farm="https://farm.example/" schemaVersion="1.2" creationDate="{now}">
            <EPCISBody><EventList><ObjectEvent><eventTime>2026-03-01T08:00:00+08:00</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset>
            <epcList><epc>urn:epc:id:sgtin:6901234.012345.7</epc></epcList><action>OBSERVE</action>
            <bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep><farm:grade>甲</farm:grade></ObjectEvent></EventList></EPCISBody></epcis:EPCISDocument>"#,
            now = town.now()
        );
        for client in [supplier.with("gs1-epcis-version", "1.2"), supplier.with("gs1-cbv-version", "1.2.0"), supplier.clone()] {
            client.post_bytes(CAPTURE, "text/xml; charset=\"UTF-8\"", sent.as_bytes()).expect(202);
        }
        let found = events(&supplier.get(EVENTS));
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0]["bizStep"], &found[0]["farm:grade"]), (&json!("shipping"), &json!("甲")));
        let answer = supplier.with("accept", XML).with("gs1-cbv-xml-format", "Never_Translates").get(EVENTS);
        assert!(answer.text().contains("<bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep>"), "{}", answer.text());
        assert!(answer.text().contains("schemaVersion=\"2.0\"") && answer.text().contains("<farm:grade>甲</farm:grade>"));
        validate(&[("answer".into(), answer)]);
        let in_json = document(&town.now(), json!([observed(1, json!({}))]));
        problem(&send(&supplier.with("gs1-epcis-version", "1.2"), &in_json), 406, "NotAcceptableException");
        problem(&supplier.with("gs1-epcis-max", "1.2").get(EVENTS), 406, "NotAcceptableException");
        town.check();
    }

    fn what_is_no_xml_or_not_in_utf_8_is_refused_and_the_problem_told_in_xml_to_whoever_asks(town) {
        let (supplier, merchant) = (town.program(User::Supplier), town.program(User::Merchant));
        let before = town.fingerprint();
        let head = "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\" schemaVersion=\"2.0\" creationDate=\"2026-03-01T08:00:00Z\">";
        let sound = format!("{head}<EPCISBody><EventList/></EPCISBody></epcis:EPCISDocument>");
        let utf_16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(sound.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let declared = format!("<?xml version=\"1.0\" encoding=\"GB18030\"?>{sound}");
        let entity = format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{}", sound.replace("<EventList/>", "<EventList>&e;</EventList>"));
        let mut told = Vec::new();
        for (media, bytes, status, name) in [
            (XML, &b""[..], 400, "ValidationException"),
            (XML, b"{}", 400, "ValidationException"),
            (XML, head.as_bytes(), 400, "ValidationException"),
            (XML, entity.as_bytes(), 400, "ValidationException"),
            (XML, &utf_16, 415, "UnsupportedMediaTypeException"),
            (XML, declared.as_bytes(), 415, "UnsupportedMediaTypeException"),
            ("application/xml; charset=gb18030", sound.as_bytes(), 415, "UnsupportedMediaTypeException"),
            ("application/json; charset=gbk", b"{}", 415, "UnsupportedMediaTypeException"),
        ] {
            problem(&supplier.post_bytes(CAPTURE, media, bytes), status, name);
            let answer = supplier.with("accept", XML).with("accept-language", "en").post_bytes(CAPTURE, media, bytes);
            assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+xml"));
            assert!(answer.text().contains(&format!("<type>epcisException:{name}</type>")), "{}", answer.text());
            told.push((name.to_owned(), answer));
        }
        for refused in [
            supplier.post_bytes(EVENTS, XML, sound.as_bytes()),
            supplier.post_bytes(EVENTS, "text/xml", sound.as_bytes()),
        ] {
            problem(&refused, 415, "UnsupportedMediaTypeException");
        }
        for path in ["/epcis/epcs", "/epcis/bizSteps/shipping", CAPTURE] {
            let answer = supplier.with("accept", XML).get(path);
            assert_eq!((answer.status, answer.header("content-type")), (406, "application/problem+xml"), "{path}");
            told.push((path.to_owned(), answer));
        }
        let in_xml = town.program(User::Anonymous).with("accept", XML);
        for (client, path, status, name) in [
            (in_xml.clone(), EVENTS, 401, "SecurityException"),
            (in_xml.bearer("tz1_00_00"), EVENTS, 401, "SecurityException"),
            (merchant.with("accept", XML), EVENTS, 403, "SecurityException"),
            (supplier.with("accept", XML), "/epcis/events/urn:uuid:none", 404, "NoSuchResourceException"),
            (supplier.with("accept", XML), "/epcis/nowhere", 404, "NoSuchResourceException"),
            (supplier.with("accept", XML), "/epcis/events?EQ_colour=red", 400, "QueryParameterException"),
        ] {
            let answer = client.get(path);
            assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+xml"), "{path}");
            assert!(answer.text().contains(&format!("<type>epcisException:{name}</type>")), "{}", answer.text());
            told.push((path.to_owned(), answer));
        }
        validate(&told);
        assert_eq!(town.fingerprint(), before);
        // An empty document is one, also behind a byte order mark.
        for bytes in [sound.clone(), format!("\u{FEFF}{sound}")] {
            supplier.post_bytes(CAPTURE, XML, bytes.as_bytes()).expect(202);
        }
    }

    fn a_capture_job_tells_in_xml_which_events_were_refused(town) {
        let supplier = town.program(User::Supplier);
        let bad = without(observed(2, json!({})), "eventTime");
        let sent = document(&town.now(), json!([observed(1, json!({})), bad]));
        let job = send(&supplier.with("gs1-capture-error-behaviour", "proceed"), &sent).expect(202);
        let answer = supplier.with("accept", XML).get(job.header("location"));
        assert_eq!((answer.status, answer.header("content-type")), (200, XML));
        let text = answer.text();
        for part in ["success=\"false\"", "<captureErrorBehaviour>proceed</captureErrorBehaviour>", "<type>epcisException:ValidationException</type>"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        validate(&[("job".into(), answer)]);
        let top = supplier.with("accept", XML).get("/epcis").expect(200);
        assert_eq!(top.text().matches("<member>").count(), 9, "{}", top.text());
    }
}
