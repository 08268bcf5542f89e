//! What was never meant to be a document, over real HTTP: refused for what it is, and nothing of it is kept.

use super::*;
use crate::crash::Server;

const XML: &str = "application/xml";
const VALIDATION: (u16, &str) = (400, "ValidationException");
const TOO_LARGE: (u16, &str) = (413, "CaptureLimitExceededException");
const MEDIA: (u16, &str) = (415, "UnsupportedMediaTypeException");
/// `{}`, compressed.
const GZIP: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";

/// A sound document with more members in its only event.
fn json_with(members: &str) -> Vec<u8> {
    let sound = document("2026-03-10T08:00:00+08:00", json!([observed(1, json!({ "ex:z": 0 }))])).to_string();
    assert!(sound.contains("\"ex:z\":0"));
    sound.replace("\"ex:z\":0", members).into_bytes()
}

fn xml_with(inside: &str) -> Vec<u8> {
    format!(
        "<epcis:EPCISDocument xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\" xmlns:ex=\"https://ns.example/\" schemaVersion=\"2.0\" \
         creationDate=\"2026-03-10T08:00:00+08:00\"><EPCISBody><EventList><ObjectEvent><eventTime>2026-03-01T08:00:00+08:00\
         </eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset><epcList><epc>urn:epc:id:sgtin:0614141.112345.1</epc>\
         </epcList><action>OBSERVE</action>{inside}</ObjectEvent></EventList></EPCISBody></epcis:EPCISDocument>"
    )
    .into_bytes()
}

fn utf8(text: Vec<u8>) -> String {
    String::from_utf8(text).unwrap()
}

/// A text with some bytes in the place of its question mark.
fn put(bytes: &[u8], text: &[u8]) -> Vec<u8> {
    let at = text.iter().position(|byte| *byte == b'?').unwrap();
    [&text[..at], bytes, &text[at + 1..]].concat()
}

fn utf16(text: Vec<u8>) -> Vec<u8> {
    let text = utf8(text);
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// What breaks a rule within the limits of a request: the name of the case, and the text.
fn hostile_json() -> Vec<(&'static str, Vec<u8>)> {
    let number = |text: &str| json_with(&format!("\"ex:z\":{text}"));
    let terms: Vec<String> = (0..300).map(|n| format!("\"t{n}\":\"https://t{n}.example/\"")).collect();
    let many_terms =
        utf8(json_with("\"ex:z\":1")).replace("\"ex\":", &format!("{},\"ex\":", terms.join(",")));
    let row = format!("[{}0],", "0,".repeat(19_000));
    let around = |bytes: &[u8]| put(bytes, &json_with("\"ex:z\":\"?\""));
    vec![
        ("lists in lists", number(&"[".repeat(3_000_000))),
        ("lists in lists, closed", number(&format!("{}{}", "[".repeat(40), "]".repeat(40)))),
        ("objects in objects", number(&"{\"a\":".repeat(700_000))),
        ("a long text", number(&format!("\"{}\"", "x".repeat(3_000_000)))),
        ("a long name", json_with(&format!("\"ex:{}\":1", "x".repeat(3_000_000)))),
        ("a long list", number(&format!("[{}0]", "0,".repeat(1_500_000)))),
        ("many lists", number(&format!("[{}0]", row.repeat(80)))),
        (
            "many objects",
            number(&format!("[{}0]", format!("[{}0],", "{\"a\":1},".repeat(15_000)).repeat(25))),
        ),
        (
            "as many objects as are read",
            number(&format!("[{}0]", format!("[{}0],", "{\"a\":1},".repeat(15_000)).repeat(10))),
        ),
        ("a number beyond floats", number("1e999")),
        ("a number of a million digits", number(&"9".repeat(1_000_000))),
        ("a whole number that no float holds", number("9007199254740993")),
        ("a number that is none", number("0x10")),
        ("half a pair", number("\"\\ud800\"")),
        ("a text with U+0000", number("\"\\u0000\"")),
        ("a name with U+0000", json_with("\"ex:\\u0000\":1")),
        ("no UTF-8", around(b"\xff\xfe")),
        ("overlong UTF-8", around(b"\xc0\xaf")),
        ("UTF-16", utf16(json_with("\"ex:z\":1"))),
        ("a compressed text that does not say so", GZIP.to_vec()),
        ("half a document", json_with("\"ex:z\":1")[..300].to_vec()),
        ("two documents", [json_with("\"ex:z\":1"), json_with("\"ex:z\":1")].concat()),
        ("a context of many terms", many_terms.into_bytes()),
        ("a context of its own with many terms", json_with(&format!("\"@context\":{{{}}}", terms.join(",")))),
        ("a context within that lies elsewhere", number("[{\"@context\":[\"00\",\"01\"],\"ex:y\":1}]")),
        ("XML", xml_with("")),
    ]
}

fn hostile_xml() -> Vec<(&'static str, Vec<u8>)> {
    let doctype = |declarations: &str| {
        [format!("<!DOCTYPE epcis:EPCISDocument {declarations}>").into_bytes(), xml_with("<ex:a>&a;</ex:a>")]
            .concat()
    };
    let bomb: String =
        (0..9).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n + 1).repeat(10))).collect();
    let attributes: String = (0..50_000).map(|n| format!(" a{n}=''")).collect();
    let namespaces: String = (0..1_000).map(|n| format!("<ex:a xmlns:n{n}='urn:n{n}'/>")).collect();
    let declared = |charset: &str, text: &[u8]| {
        let declaration = format!("<?xml version=\"1.0\" encoding=\"{charset}\"?>");
        [declaration.as_bytes(), &put(text, &xml_with("<ex:a>?</ex:a>"))].concat()
    };
    vec![
        ("a bomb of entities", doctype(&format!("[{bomb}<!ENTITY a9 \"ha\"><!ENTITY a \"&a0;\">]"))),
        ("a quadratic bomb", doctype(&format!("[<!ENTITY a \"{}\">]", "a".repeat(1_000_000)))),
        ("an external entity", doctype("[<!ENTITY a SYSTEM \"file:///etc/passwd\">]")),
        ("an external entity on a host", doctype("[<!ENTITY a SYSTEM \"http://127.0.0.1:1/\">]")),
        ("an external parameter", doctype("[<!ENTITY % p SYSTEM \"http://127.0.0.1:1/x.dtd\"> %p;]")),
        ("an external document type", doctype("SYSTEM \"http://127.0.0.1:1/x.dtd\"")),
        ("an entity that nobody declared", xml_with("<ex:a>&a;</ex:a>")),
        ("elements in elements", xml_with(&"<ex:a>".repeat(500_000))),
        (
            "elements in elements, closed",
            xml_with(&format!("{}{}", "<ex:a>".repeat(40), "</ex:a>".repeat(40))),
        ),
        ("a long text", xml_with(&format!("<ex:a>{}</ex:a>", "x".repeat(3_000_000)))),
        ("a long text of references", xml_with(&format!("<ex:a>{}</ex:a>", "&amp;".repeat(600_000)))),
        ("a long attribute", xml_with(&format!("<ex:a b='{}'/>", "x".repeat(3_000_000)))),
        ("a long name", xml_with(&format!("<ex:{}/>", "x".repeat(3_000_000)))),
        ("many elements", xml_with(&"<ex:a/>".repeat(500_000))),
        ("many attributes", xml_with(&format!("<ex:a{attributes}/>"))),
        ("many namespaces", xml_with(&namespaces)),
        ("a namespace that nobody declared", xml_with("<other:a/>")),
        ("attributes of one name", xml_with("<ex:a b='1' b='2'/>")),
        ("a control character", xml_with("<ex:a>&#1;</ex:a>")),
        ("U+0000", xml_with("<ex:a>&#0;</ex:a>")),
        ("a character beyond Unicode", xml_with("<ex:a>&#xFFFFFFFFFF;</ex:a>")),
        ("no UTF-8", declared("UTF-8", b"\xff\xc0\xaf")),
        ("Latin-1", declared("ISO-8859-1", b"caf\xe9")),
        ("GB 18030", declared("GB18030", b"\xca\xd0\xb3\xa1")),
        ("UTF-16", utf16(xml_with(""))),
        ("half a document", xml_with("")[..400].to_vec()),
        ("two documents", [xml_with(""), xml_with("")].concat()),
        ("JSON", json_with("\"ex:z\":1")),
    ]
}

on_every_store! {
    fn hostile_documents_are_refused_for_what_they_are_and_leave_no_entry(town) {
        let supplier = town.program(User::Supplier);
        let refused = |client: &Client, media: &str, what: &str, text: &[u8], (status, name): (u16, &str)| {
            let before = town.fingerprint();
            let answer = client.post_bytes(CAPTURE, media, text);
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
            let problem = problem(&answer, status, name);
            assert!(answer.bytes.len() < 4_096, "{what}: an answer of {} bytes", answer.bytes.len());
            assert_eq!(town.fingerprint(), before, "{what}");
            problem
        };
        for (what, text) in hostile_json() {
            assert!(text.len() <= REQUEST_BYTES_MAX, "{what}: {}", text.len());
            refused(&supplier, LD, what, &text, VALIDATION);
        }
        for (what, text) in hostile_xml() {
            refused(&supplier, XML, what, &text, if what == "UTF-16" { MEDIA } else { VALIDATION });
        }
        let many: Vec<Value> = (0..=EVENTS_PER_CAPTURE_MAX).map(|n| observed(n, json!({}))).collect();
        refused(&supplier, LD, "too many events", document(&town.now(), many.into()).to_string().as_bytes(), TOO_LARGE);
        assert_eq!(supplier.status_of_promise(CAPTURE, LD, 10_000_000), 413, "before any of it is read");

        let sound = json_with("\"ex:z\":1");
        for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x-unheard-of"] {
            let encoded = supplier.with("content-encoding", encoding);
            for (what, text) in [("a compressed text", GZIP), ("half of one", &GZIP[..12]), ("one that is not", &sound)] {
                let problem = refused(&encoded, LD, what, text, MEDIA);
                assert!(problem["detail_en"].as_str().unwrap().contains("Content-Encoding"), "{problem}");
            }
        }
        for charset in ["gb18030", "iso-8859-1", "\"UTF-16\"", "utf-7"] {
            let problem = refused(&supplier, &format!("{LD}; charset={charset}"), "another charset", &sound, MEDIA);
            assert!(problem["detail_en"].as_str().unwrap().contains("UTF-8"), "{problem}");
        }
        for media in ["application/ld+json; charset=utf-8", "application/json;profile=\"a;charset=x\";Charset=\"UTF-8\""] {
            supplier.with("content-encoding", "identity").post_bytes(CAPTURE, media, &sound).expect(202);
        }
        town.check();
    }

    fn of_members_of_one_name_the_last_is_captured_and_hashed(town) {
        let supplier = town.program(User::Supplier);
        let twice = json_with("\"ex:z\":1,\"ex:z\":2,\"bizStep\":\"receiving\"");
        supplier.post_bytes(CAPTURE, LD, &twice).expect(202);
        let once = document(&town.now(), json!([observed(1, json!({ "ex:z": 2, "bizStep": "receiving" }))]));
        let before = town.fingerprint();
        send(&supplier, &once).expect(202);
        assert_eq!(town.fingerprint(), before, "the same event, read by whoever takes the last");
        let found = events(&supplier.get(EVENTS));
        assert_eq!((found.len(), &found[0]["ex:z"], &found[0]["bizStep"]), (1, &json!(2), &json!("receiving")));
    }
}

/// Senders of hostile documents at the same time, and what the program may grow by under all of them.
const SENDERS: usize = 4;
const GROWTH_MIB_MAX: u64 = 512;

#[test]
fn the_program_stays_within_its_memory_under_hostile_documents_from_many_senders() {
    let town = Town::on(harness::Engine::Sqlite.place().unwrap());
    let (supplier, inspector) = (town.program(User::Supplier), town.program(User::Inspector));
    let place = town.close();
    let server = Server::start(&place);
    let (supplier, inspector) = (supplier.at(&server.base), inspector.at(&server.base));
    supplier.post_bytes(CAPTURE, LD, &json_with("\"ex:z\":1")).expect(202);
    let before = server.memory_mib("VmRSS");
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let json = hostile_json().into_iter().map(|(what, text)| (LD, what, text));
                let xml = hostile_xml().into_iter().map(|(what, text)| (XML, what, text));
                for (media, what, text) in json.chain(xml) {
                    let answer = supplier.post_bytes(CAPTURE, media, &text);
                    // Whoever waits too long is told so.
                    let is_refused = matches!(answer.status, 400..500 | 503);
                    assert!(is_refused, "{what}: {} {}", answer.status, answer.text());
                }
            });
        }
    });
    let (peak, after) = (server.memory_mib("VmHWM"), server.memory_mib("VmRSS"));
    eprintln!("the program's memory: {before} MiB before, {peak} MiB at most, {after} MiB after");
    assert!(peak <= before + GROWTH_MIB_MAX, "{peak} MiB, {before} MiB before");
    assert_eq!(events(&inspector.get(EVENTS)).len(), 1, "nothing of it was kept");
}
