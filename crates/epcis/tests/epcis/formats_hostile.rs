//! Texts that were never meant to be documents: refused with a reason, within bounded memory.

use std::process::Command;

use epcis::xml::{CbvFormat, Style, query_document};
use epcis::{Document, Limits, equal_in_meaning, json_hashes, xml_hashes};
use serde_json::json;

const EVENT: &str = "\"type\":\"ObjectEvent\",\"action\":\"ADD\",\"eventTime\":\"2021-12-10T08:31:22Z\",\
    \"eventTimeZoneOffset\":\"+08:00\",\"epcList\":[]";
const MEBIBYTES_10: usize = 10 * 1024 * 1024;

fn json(members: &str) -> Vec<u8> {
    format!("{{\"@context\":[{{\"ex\":\"https://ex.example/\"}}],{EVENT}{members}}}").into_bytes()
}

fn xml(inside: &str) -> Vec<u8> {
    format!(
        "<ObjectEvent xmlns:ex=\"https://ex.example/\"><eventTime>2021-12-10T08:31:22Z</eventTime>\
         <eventTimeZoneOffset>+08:00</eventTimeZoneOffset><epcList/><action>ADD</action>{inside}</ObjectEvent>"
    )
    .into_bytes()
}

fn utf16(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).expect("UTF-8");
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn check_json(text: &[u8], expected: &str) {
    let error = Document::parse(text, &Limits::default()).expect_err(expected).to_string();
    assert!(error.contains(expected), "{error:.300} is not {expected}");
}

fn check_xml(text: &[u8], expected: &str) {
    let error = Document::parse_xml(text, &Limits::default()).expect_err(expected).to_string();
    assert!(error.contains(expected), "{error:.300} is not {expected}");
}

#[test]
fn the_good_texts_behind_the_hostile_ones_are_taken() {
    Document::parse(&json(",\"ex:a\":1"), &Limits::default()).expect("a document");
    Document::parse_xml(&xml("<ex:a>1</ex:a>"), &Limits::default()).expect("a document");
    let bom = [b"\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?>".to_vec(), xml("")].concat();
    Document::parse_xml(&bom, &Limits::default()).expect("a document");
    let comment = format!("<!--{}--><?note {}?>", "x".repeat(MEBIBYTES_10), "y".repeat(MEBIBYTES_10));
    Document::parse_xml(&xml(&comment), &Limits::default()).expect("a document");
}

/// The checks below run in a process of their own, which may have no more than 192 MiB of memory.
#[test]
fn hostile_texts_are_refused_within_bounded_memory() {
    let tests = std::env::current_exe().expect("this program");
    let limited =
        "ulimit -v 196608 && exec \"$0\" --exact formats_hostile::hostile_texts --ignored --test-threads 1";
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(tests).env("MALLOC_ARENA_MAX", "1").env_remove("RUST_BACKTRACE");
    let output = command.output().expect("a shell");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "run by the test above, with little memory"]
fn hostile_texts() {
    hostile_json();
    hostile_xml();
    hostile_json_in_xml();
}

fn hostile_json() {
    check_json(b"", "is not JSON");
    check_json(
        &json(&format!(",\"ex:a\":\"{}\"", "x".repeat(MEBIBYTES_10))),
        "ex:a: exceeds 8192 bytes in a text",
    );
    check_json(&json(&format!(",\"{}\":1", "x".repeat(MEBIBYTES_10))), "exceeds 256 bytes in a member name");
    check_json(
        &json(&format!(",\"ex:a\":[{}0]", "0,".repeat(MEBIBYTES_10 / 2))),
        "exceeds 20000 items in a list",
    );
    check_json(&json(&format!(",\"ex:a\":{}", "[".repeat(MEBIBYTES_10))), "exceeds 32 levels of nesting");
    check_json(
        &json(&format!(",\"ex:a\":{}", "{\"a\":".repeat(MEBIBYTES_10 / 5))),
        "exceeds 32 levels of nesting",
    );
    let row = format!("[{}0],", "0,".repeat(19_000));
    check_json(&json(&format!(",\"ex:a\":[{}[]]", row.repeat(100))), "exceeds 320000 values");
    for number in
        ["1e999", "-1e999", &format!("1{}", "0".repeat(MEBIBYTES_10)), "0x10", "+1", "NaN", "1.", "--1"]
    {
        check_json(&json(&format!(",\"ex:a\":{number}")), "is not JSON");
    }
    for bytes in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"] {
        check_json(
            &[&json("")[..json("").len() - 1], b",\"ex:a\":\"", bytes, b"\"}"].concat(),
            "is not JSON",
        );
    }
    check_json(&json(",\"ex:a\":\"\\ud800\""), "is not JSON");
    check_json(&json(",\"ex:a\":\"\\u0000\""), "ex:a: holds a control character");
    check_json(&utf16(&json("")), "is not JSON");
    check_json(&json("")[..40], "is not JSON");
    check_json(b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "is not JSON");
    let terms: Vec<String> = (0..300).map(|n| format!("\"t{n}\":\"https://t{n}.example/\"")).collect();
    let many = format!("{{\"@context\":{{{}}},{EVENT}}}", terms.join(","));
    check_json(many.as_bytes(), "@context: exceeds 256 terms in a context");
    assert!(json_hashes(&json(&format!(",\"ex:a\":{}", "[".repeat(100_000))), &Limits::default()).is_err());
}

fn hostile_xml() {
    let laughs = "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;\">]><l>&c;</l>";
    for doctype in [
        laughs,
        "<!DOCTYPE a SYSTEM 'http://evil.example/x.dtd'><a/>",
        "<!DOCTYPE a PUBLIC 'b' 'c'><a/>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><a/>",
        "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
    ] {
        check_xml(doctype.as_bytes(), "a document type that declares or fetches anything is refused");
        assert!(xml_hashes(doctype.as_bytes(), &Limits::default()).is_err());
    }
    check_xml(&xml("<ex:a>&b;</ex:a>"), "entity \"b\" is not defined");
    check_xml(&xml("<ex:a b='&c;'/>"), "is not XML");
    check_xml("<a>".repeat(MEBIBYTES_10 / 3).as_bytes(), "is not one of EPCISDocument");
    check_xml(&xml(&"<ex:a>".repeat(MEBIBYTES_10 / 6)), "exceeds 32 levels of nesting");
    let long = "x".repeat(MEBIBYTES_10);
    check_xml(&xml(&format!("<ex:a>{long}</ex:a>")), "exceeds 8192 bytes in a text");
    check_xml(&xml(&format!("<ex:a><![CDATA[{long}]]></ex:a>")), "exceeds 8192 bytes in a text");
    check_xml(
        &xml(&format!("<ex:a>{}</ex:a>", "xxxx&amp;".repeat(MEBIBYTES_10 / 9))),
        "exceeds 8192 bytes in a text",
    );
    check_xml(&xml(&format!("<ex:a b=\"{long}\"/>")), "exceeds 8192 bytes in a text");
    check_xml(&xml(&format!("<{long}/>")), "exceeds 8192 bytes in a text");
    check_xml(&xml(&"<ex:a/>".repeat(MEBIBYTES_10 / 7)), "exceeds 320000 elements");
    let attributes: Vec<String> = (0..100_000).map(|n| format!("a{n}=''")).collect();
    check_xml(&xml(&format!("<ex:a {}/>", attributes.join(" "))), "exceeds 64 attributes");
    let namespaces: Vec<String> = (0..1_000).map(|n| format!("<ex:a xmlns:n{n}='urn:n{n}'/>")).collect();
    check_xml(&xml(&namespaces.concat()), "exceeds 256 namespaces");
    for (inside, expected) in [
        ("<ex:a><ex:b></ex:a>", "is not XML"),
        ("<ex:a b='1' b='2'/>", "is not XML"),
        ("<ex:a xmlns:f='https://ex.example/' ex:b='1' f:b='2'/>", "attribute \"b\" stands twice"),
        ("<other:a/>", "prefix \"other\" is not declared"),
        ("<ex:a xmlns:xml='urn:a'/>", "cannot be bound"),
        ("<ex:a xmlns:b=''/>", "cannot be bound"),
        ("<ex:a>&#0;</ex:a>", "is not XML"),
        ("<ex:a>&#x1;</ex:a>", "control character"),
        ("<ex:a b='&#x1;'/>", "control character"),
        ("<ex:a>&#xFFFFFFFFFF;</ex:a>", "is not XML"),
        ("<ex:a>\u{1}</ex:a>", "control character"),
        ("junk", "text between elements"),
        ("<ex:a", "is not XML"),
        ("<!-- a -- b -->", "is not XML"),
        (
            "<quantityList><quantityElement><epcClass>urn:a:b</epcClass><quantity>1e999999</quantity></quantityElement>\
          </quantityList>",
            "quantityList[0].quantity: must be a number",
        ),
        (
            "<quantityList><quantityElement><epcClass>urn:a:b</epcClass><quantity>INF</quantity></quantityElement>\
          </quantityList>",
            "quantityList[0].quantity: must be a number",
        ),
    ] {
        check_xml(&xml(inside), expected);
    }
    check_xml(&[xml(""), xml("")].concat(), "more than one root");
    check_xml(b"", "there is no element");
    check_xml(b"{}", "text outside the root");
    check_xml(&xml("")[..60], "is not XML");
    check_xml(b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "is not XML");
    for (charset, text) in
        [("ISO-8859-1", &b"caf\xe9"[..]), ("GB18030", b"\xca\xd0\xb3\xa1"), ("UTF-8", b"\xff")]
    {
        let declaration = format!("<?xml version=\"1.0\" encoding=\"{charset}\"?><a>");
        check_xml(&[declaration.as_bytes(), text, b"</a>"].concat(), "is not UTF-8");
        let clean = [declaration.as_bytes(), b"</a>"].concat();
        let expected = if charset == "UTF-8" { "is not one of" } else { "UTF-8 is read" };
        check_xml(&clean, expected);
    }
    check_xml(&utf16(&xml("")), "is written in UTF-16; UTF-8 is read");
}

/// An element whose attribute `b` is noted as JSON.
fn structured(value: &str) -> String {
    format!("<ex:a xmlns:json='urn:taizhang:json' b='{value}' json:structured='b'/>")
}

fn hostile_json_in_xml() {
    let objects = structured(&format!("[{}0]", "{\"\":0},".repeat(1_000)));
    let many = xml(&objects.repeat(MEBIBYTES_10 / objects.len()));
    check_xml(&many, "exceeds 320000 values");
    assert!(xml_hashes(&many, &Limits::default()).is_err());
    check_xml(&xml(&structured(&"[".repeat(8_000))), "b[0]");
    check_xml(&xml(&structured(&"[".repeat(8_000))), "exceeds 32 levels of nesting");
    let name = "n".repeat(300);
    check_xml(&xml(&structured(&format!("{{\"{name}\":1}}"))), "b: exceeds 256 bytes in a member name");
    check_xml(&xml(&structured("[\"\\u0001\"]")), "b[0]: holds a control character");
}

#[test]
fn an_attribute_is_json_where_that_is_noted_and_elements_and_its_values_are_counted_together() {
    let read = |inside: &str, limits: &Limits| Document::parse_xml(&xml(inside), limits);
    let nested = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let document = read(&format!("<ex:a b='{nested}' c='[1]'/>"), &Limits::default()).expect("a document");
    assert_eq!(document.to_value()["ex:a"], json!({ "b": nested, "c": "[1]", "#text": "" }));
    let document = read(&structured("[{\"d\":1}]"), &Limits::default()).expect("a document");
    assert_eq!(document.to_value()["ex:a"], json!({ "b": [{ "d": 1 }], "#text": "" }));
    let document = read(&structured("[1,"), &Limits::default()).expect("a document");
    assert_eq!(document.to_value()["ex:a"], json!({ "b": "[1,", "#text": "" }), "what is no JSON is a text");

    // Sixteen times as many as items, of which the event itself takes five.
    let limits = Limits { items_max: 10, ..Limits::default() };
    let row = format!("[{}0]", "0,".repeat(8));
    let fifty_one = structured(&format!("[{}{row}]", format!("{row},").repeat(4)));
    read(&format!("{}<ex:c/><ex:c/>", fifty_one.repeat(3)), &limits).expect("a document");
    let told = |inside: &str| read(inside, &limits).expect_err("too many").to_string();
    assert_eq!(
        told(&format!("{}<ex:c/><ex:c/><ex:c/>", fifty_one.repeat(3))),
        ": exceeds 160 elements and values"
    );
    assert_eq!(told(&fifty_one.repeat(4)), ": exceeds 160 values");
    assert!(
        Document::sift_xml(&xml(&fifty_one.repeat(4)), &limits).is_err(),
        "the whole document is refused"
    );
}

/// What was captured before prefixes were bounded, and what just keeps the bounds.
#[test]
fn a_long_prefix_or_namespace_is_written_once_however_many_items_stand_under_it() {
    let (longest, long) = ("n".repeat(7_000), "n".repeat(200));
    for (prefix, namespace) in [
        (longest.as_str(), "https://ns.example/#".to_owned()),
        ("p", format!("https://ns.example/{longest}#")),
        (long.as_str(), format!("https://ns.example/{long}#")),
    ] {
        let mut event = json!({
            "type": "ObjectEvent", "action": "OBSERVE", "eventTime": "2026-03-01T08:00:00+08:00",
            "eventTimeZoneOffset": "+08:00", "eventID": "urn:uuid:8f0d3b46-5d0a-4c0e-9b1e-0d6a1f5b8a01",
            "epcList": ["urn:epc:id:sgtin:0614141.112345.1"], "https://other.example/d": format!("{prefix}:e"),
        });
        event[format!("{prefix}:a")] = vec![1; 8_000].into();
        event[format!("{prefix}:b")] = json!({ "@context": {}, (format!("{prefix}:c")): "x" });
        let mut with_its_own = event.clone();
        with_its_own["@context"] = json!({ (prefix): format!("{namespace}other/") });
        let found = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", { (prefix): namespace }],
            "type": "EPCISQueryDocument", "schemaVersion": "2.0", "creationDate": "2026-03-10T08:00:00Z",
            "epcisBody": { "queryResults": {
                "queryName": "SimpleEventQuery", "resultsBody": { "eventList": [event, with_its_own] }
            } },
        });
        let xml = query_document(&found, &Style { cbv: CbvFormat::WebUri, created: "2026-01-01T00:00:00Z" });
        let most = if prefix == long { &long } else { &longest };
        assert!(xml.matches(most.as_str()).count() < 16 && xml.len() < 1_000_000, "{} bytes", xml.len());
        match Document::parse_xml(xml.as_bytes(), &Limits::default()) {
            Ok(back) => equal_in_meaning(&found, &back.to_value()).unwrap_or_else(|error| panic!("{error}")),
            // Sent anew, it is refused.
            Err(error) => assert!(
                prefix != long && error.to_string().contains("256 bytes in a term or namespace"),
                "{error}"
            ),
        }
    }
}

/// A list in a list in a list, as deep as there are elements, would end the process by its stack when it is dropped.
#[test]
fn lists_that_stand_again_and_again_nest_no_deeper_and_are_refused() {
    let event = |inside: &str| format!("<ObjectEvent>{inside}</ObjectEvent>");
    let document = |inside: &str| {
        format!(
            "<e:EPCISDocument xmlns:e=\"urn:epcglobal:epcis:xsd:2\" schemaVersion=\"2.0\" \
             creationDate=\"2021-12-10T08:31:22Z\">{inside}</e:EPCISDocument>"
        )
    };
    let master = |inside: &str| {
        document(&format!(
            "<EPCISHeader><extension><EPCISMasterData>{inside}</EPCISMasterData></extension></EPCISHeader>"
        ))
    };
    let vocabulary = |inside: &str| {
        master(&format!(
            "<VocabularyList><Vocabulary type=\"urn:a:b\">{inside}</Vocabulary></VocabularyList>"
        ))
    };
    let of_event = [
        "epcList",
        "childEPCs",
        "inputEPCList",
        "outputEPCList",
        "quantityList",
        "bizTransactionList",
        "sourceList",
        "destinationList",
        "sensorElementList",
        "persistentDisposition",
        "readPoint",
        "errorDeclaration",
        "ilmd",
        "strange",
        "action",
        "quantity",
    ];
    let mut texts: Vec<String> =
        of_event.iter().map(|name| event(&format!("<{name}/>").repeat(10_000))).collect();
    texts.push(document(&format!("<EPCISBody>{}</EPCISBody>", "<EventList/>".repeat(10_000))));
    texts.push(document(&"<EPCISBody/>".repeat(10_000)));
    texts.push(document(&"<EPCISHeader/>".repeat(10_000)));
    texts.push(master(&"<VocabularyList/>".repeat(10_000)));
    texts.push(vocabulary(&"<VocabularyElementList/>".repeat(10_000)));
    texts.push(vocabulary(&format!(
        "<VocabularyElementList><VocabularyElement id=\"urn:a:c\">{}</VocabularyElement></VocabularyElementList>",
        "<children/>".repeat(10_000)
    )));
    for text in texts {
        // Little stack, so that a few thousand levels are too many.
        let read = std::thread::Builder::new().stack_size(512 * 1024).spawn(move || {
            let refused = Document::parse_xml(text.as_bytes(), &Limits::default()).is_err();
            (refused, text)
        });
        let (refused, text) = read.expect("a thread").join().expect("no panic");
        assert!(refused, "{}", &text[..200]);
    }
}
