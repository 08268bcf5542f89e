//! The published contract: every path, operation and documented status of the OpenAPI document of EPCIS 2.0, provoked
//! on the running server, with the headers, media types and bodies that it gives them.

use std::collections::BTreeSet;

use super::formats::{XML, validate};
use super::*;

/// How a documented status is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// The request as it should be, by whoever may.
    Sound,
    /// Without a credential.
    Nobody,
    /// With a credential that may not.
    Stranger,
    /// In a version that does not exist.
    OtherVersion,
    /// Where nothing is.
    Missing,
    /// With more address than is read.
    LongAddress,
    /// With a parameter that does not exist.
    OtherParameter,
    /// With a body that breaks a rule.
    BadBody,
    /// With a body of a media type that is not read.
    OtherMedia,
    /// With more body than is taken.
    LargeBody,
    /// With the name of something else.
    Taken,
    /// With a query that finds more than it allows itself.
    TooMany,
    /// Not here, and why.
    Never(&'static str),
}

use How::*;

type Answers = &'static [(u16, How)];

const FAULT: How =
    Never("a fault of the server; the tests with a store that breaks on purpose bring it about");
const SERVED: How = Never("it says that tokens are not ended, which they are");
const NO_SOCKET: How = Never("a subscription over a WebSocket, which has tests of its own");

const TOP: Answers = &[(200, Sound), (401, Nobody), (403, Stranger), (406, OtherVersion), (500, FAULT)];
const ITEM: Answers =
    &[(200, Sound), (401, Nobody), (403, Stranger), (404, Missing), (406, OtherVersion), (500, FAULT)];
const VALUE: Answers = &[
    (200, Sound),
    (400, OtherParameter),
    (401, Nobody),
    (403, Stranger),
    (404, Missing),
    (406, OtherVersion),
    (500, FAULT),
];
const EVENTS_OF: Answers = &[
    (200, Sound),
    (400, OtherParameter),
    (401, Nobody),
    (403, Stranger),
    (404, Missing),
    (406, OtherVersion),
    (414, LongAddress),
    (500, FAULT),
];
const DESCRIBED: Answers = &[(204, Sound), (401, Nobody), (403, Stranger), (406, OtherVersion), (500, FAULT)];
const DESCRIBED_ITEM: Answers =
    &[(204, Sound), (401, Nobody), (403, Stranger), (404, Missing), (406, OtherVersion), (500, FAULT)];
const DESCRIBED_EVENTS: Answers = &[
    (204, Sound),
    (401, Nobody),
    (403, Stranger),
    (404, Missing),
    (406, OtherVersion),
    (414, LongAddress),
    (500, FAULT),
];

/// An operation of the published document.
struct Row {
    method: &'static str,
    /// As it is published.
    template: &'static str,
    /// What is there; lists of more than a page, so that the next one is named. `{job}` and `{token}` are filled in.
    path: &'static str,
    /// What is not there.
    missing: &'static str,
    answers: Answers,
}

const fn row(
    method: &'static str,
    template: &'static str,
    path: &'static str,
    missing: &'static str,
    answers: Answers,
) -> Row {
    Row { method, template, path, missing, answers }
}

/// Three operations of each of these.
macro_rules! dimension {
    ($list:literal, $value:literal, $known:literal) => {
        [
            row("GET", $list, concat!($list, "?perPage=1"), "", TOP),
            row("OPTIONS", $list, $list, "", DESCRIBED),
            row(
                "GET",
                concat!($list, "/{", $value, "}"),
                concat!($list, "/", $known),
                concat!($list, "/urn:x:none"),
                VALUE,
            ),
            row(
                "OPTIONS",
                concat!($list, "/{", $value, "}"),
                concat!($list, "/", $known),
                concat!($list, "/urn:x:none"),
                DESCRIBED_ITEM,
            ),
            row(
                "GET",
                concat!($list, "/{", $value, "}/events"),
                concat!($list, "/", $known, "/events?perPage=1"),
                concat!($list, "/urn:x:none/events"),
                EVENTS_OF,
            ),
            row(
                "OPTIONS",
                concat!($list, "/{", $value, "}/events"),
                concat!($list, "/", $known, "/events"),
                concat!($list, "/urn:x:none/events"),
                DESCRIBED_EVENTS,
            ),
        ]
    };
}

const ROWS: &[&[Row]] = &[
    &[
        row("GET", "/", "/", "", TOP),
        row("OPTIONS", "/", "/", "", DESCRIBED),
        row("OPTIONS", "/capture", "/capture", "", DESCRIBED),
        row("GET", "/capture", "/capture?perPage=1", "", TOP),
        row(
            "POST",
            "/capture",
            "/capture",
            "",
            &[
                (202, Sound),
                (400, BadBody),
                (401, Nobody),
                (403, Stranger),
                (406, OtherVersion),
                (413, LargeBody),
                (415, OtherMedia),
                (500, FAULT),
            ],
        ),
        row("OPTIONS", "/capture/{captureID}", "/capture/{job}", "/capture/0", DESCRIBED_ITEM),
        row("GET", "/capture/{captureID}", "/capture/{job}", "/capture/0", ITEM),
        row(
            "OPTIONS",
            "/events",
            "/events",
            "",
            &[
                (204, Sound),
                (401, Nobody),
                (403, Stranger),
                (406, OtherVersion),
                (414, LongAddress),
                (500, FAULT),
            ],
        ),
        row(
            "GET",
            "/events",
            "/events?perPage=1",
            "",
            &[
                (200, Sound),
                (401, Nobody),
                (403, Stranger),
                (406, OtherVersion),
                (414, LongAddress),
                (500, FAULT),
            ],
        ),
        row(
            "POST",
            "/events",
            "/events",
            "",
            &[
                (201, Sound),
                (400, BadBody),
                (401, Nobody),
                (403, Stranger),
                (406, OtherVersion),
                (409, Taken),
                (413, LargeBody),
                (415, OtherMedia),
                (500, FAULT),
            ],
        ),
        row("OPTIONS", "/events/{eventID}", "/events/urn:uuid:1", "/events/urn:uuid:none", DESCRIBED_ITEM),
        row("GET", "/events/{eventID}", "/events/urn:uuid:1", "/events/urn:uuid:none", ITEM),
        row("DELETE", "/nextPageToken/{token}", "/nextPageToken/{token}", "", &[(204, Sound), (501, SERVED)]),
    ],
    &dimension!("/eventTypes", "eventType", "ObjectEvent"),
    &dimension!("/epcs", "epc", "urn:epc:id:sgtin:0614141.112345.1"),
    &dimension!("/bizSteps", "bizStep", "shipping"),
    &dimension!("/bizLocations", "bizLocation", "urn:epc:id:sgln:0614141.00001.0"),
    &dimension!("/readPoints", "readPoint", "urn:epc:id:sgln:0614141.00003.0"),
    &dimension!("/dispositions", "disposition", "in_transit"),
];

/// Named queries and subscriptions. The query `shipped` finds the three events of the scene, and has a subscription.
const QUERIES: &[Row] = &[
    row("OPTIONS", "/queries", "/queries", "", DESCRIBED),
    row("GET", "/queries", "/queries?perPage=1", "", TOP),
    row(
        "POST",
        "/queries",
        "/queries",
        "",
        &[
            (201, Sound),
            (401, Nobody),
            (403, Stranger),
            (406, OtherVersion),
            (409, Taken),
            (415, OtherMedia),
            (500, FAULT),
        ],
    ),
    row(
        "GET",
        "/queries/{queryName}",
        "/queries/shipped",
        "/queries/none",
        &[
            (200, Sound),
            (401, Nobody),
            (403, Stranger),
            (404, Missing),
            (406, OtherVersion),
            (413, Never("the definition of a query, which is bounded when it is kept")),
            (500, FAULT),
        ],
    ),
    row("OPTIONS", "/queries/{queryName}", "/queries/shipped", "/queries/none", DESCRIBED_ITEM),
    row("DELETE", "/queries/{queryName}", "/queries/{fresh}", "/queries/none", DESCRIBED_ITEM),
    row(
        "OPTIONS",
        "/queries/{queryName}/subscriptions",
        "/queries/shipped/subscriptions",
        "/queries/none/subscriptions",
        DESCRIBED_ITEM,
    ),
    row(
        "GET",
        "/queries/{queryName}/subscriptions",
        "/queries/shipped/subscriptions?perPage=1",
        "/queries/none/subscriptions",
        VALUE,
    ),
    row(
        "POST",
        "/queries/{queryName}/subscriptions",
        "/queries/shipped/subscriptions",
        "/queries/none/subscriptions",
        &[
            (201, Sound),
            (401, Nobody),
            (403, Stranger),
            (404, Missing),
            (406, OtherVersion),
            (415, OtherMedia),
            (500, FAULT),
        ],
    ),
    row(
        "OPTIONS",
        "/queries/{queryName}/subscriptions/{subscriptionID}",
        "/queries/shipped/subscriptions/{subscription}",
        "/queries/shipped/subscriptions/none",
        DESCRIBED_ITEM,
    ),
    row(
        "GET",
        "/queries/{queryName}/subscriptions/{subscriptionID}",
        "/queries/shipped/subscriptions/{subscription}",
        "/queries/shipped/subscriptions/none",
        ITEM,
    ),
    row(
        "DELETE",
        "/queries/{queryName}/subscriptions/{subscriptionID}",
        "/queries/{fresh}/subscriptions/{opened}",
        "/queries/shipped/subscriptions/none",
        DESCRIBED_ITEM,
    ),
    row(
        "OPTIONS",
        "/queries/{queryName}/events",
        "/queries/shipped/events",
        "/queries/none/events",
        DESCRIBED_EVENTS,
    ),
    row(
        "GET",
        "/queries/{queryName}/events",
        "/queries/shipped/events?perPage=1",
        "/queries/none/events",
        &[
            (101, NO_SOCKET),
            (200, Sound),
            (400, OtherParameter),
            (401, Nobody),
            (403, Stranger),
            (404, Missing),
            (406, OtherVersion),
            (413, TooMany),
            (414, LongAddress),
            (500, FAULT),
        ],
    ),
];

/// Where the published document contradicts itself or the standard: what it says, and what is held instead. Each fails
/// when it is mended there.
fn correct(contract: &mut Value) {
    let responses = &mut contract["components"]["responses"];
    let mut mend = |response: &str, media: &str, member: &str, published: Value, instead: Value| {
        let schema =
            &mut responses[response]["content"][media]["schema"]["allOf"][0]["properties"][member]["enum"];
        assert_eq!(*schema, published, "{response}, {media}");
        *schema = instead;
    };
    for media in ["application/problem+json", "application/problem+xml"] {
        // The example has the standard's name for any resource, the list the one for queries alone.
        let names = json!([
            "epcisException:NoSuchResourceException",
            "epcisException:NoSuchNameException",
            "epcisException:NoSuchSubscriptionException"
        ]);
        let published = json!(["epcisException:NoSuchNameException"]);
        mend("404ResourceNotFound", media, "type", published, names);
        mend("409ResourceAlreadyExistsException", media, "status", json!([406]), json!([409]));
    }
    let (name, misspelt) =
        ("epcisException:UnsupportedMediaTypeException", "epcisException:IUnsupportedMediaTypeException");
    mend("415UnsupportedMediaType", "application/problem+xml", "type", json!([misspelt]), json!([name]));
    // A list of errors leaves room for a file of them, so that every job fits both.
    let job = contract["components"]["schemas"]["CaptureJob"]["allOf"][1].as_object_mut().unwrap();
    let either = job.remove("oneOf").unwrap();
    assert!(either.as_array().unwrap().iter().all(|one| one["required"].is_null()));
    job.insert("anyOf".into(), either);
    // Patterns with named groups are no regular expressions of JSON Schema (ECMA-262).
    for field in ["Second", "Minute", "Hour", "DayOfMonth", "Month", "DayOfWeek"] {
        let field = contract["components"]["schemas"][format!("GS1-Query-{field}")].as_object_mut().unwrap();
        let pattern = field.remove("pattern").unwrap();
        assert!(pattern.as_str().unwrap().contains("\\g<"), "{pattern}");
    }
    // One query is an object in the text and in the example, and a list in the schema.
    let one = contract
        .pointer_mut("/paths/~1queries~1{queryName}/get/responses/200/content/application~1json")
        .unwrap();
    assert!(one["example"].is_object() && one["schema"]["type"] == "array");
    one["schema"] = one["schema"]["items"].take();
    let responses = &mut contract["components"]["responses"];
    // Problems have media types of their own everywhere else (RFC 9457), and what is asked amiss has its name.
    let content = &mut responses["400SubscriptionIssues"]["content"];
    for (published, instead) in
        [("application/json", "application/problem+json"), ("application/xml", "application/problem+xml")]
    {
        let mut schema = content.as_object_mut().unwrap().remove(published).unwrap();
        let names = schema["schema"]["allOf"][0]["properties"]["type"]["enum"].as_array_mut().unwrap();
        names.push(json!("epcisException:QueryParameterException"));
        content[instead] = schema;
    }
}

/// The document, and what it points to.
struct Contract(Value);

impl Contract {
    fn read() -> Option<Self> {
        let mut contract =
            serde_json::from_slice(&std::fs::read(published("rest/openapi.json")?).unwrap()).unwrap();
        correct(&mut contract);
        Some(Self(contract))
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(pointer) => self.resolve(self.0.pointer(pointer.trim_start_matches('#')).unwrap()),
            None => value,
        }
    }

    /// Every operation with its documented answers.
    fn operations(&self) -> Vec<(String, String, &Value)> {
        let paths = self.0["paths"].as_object().unwrap();
        let of_path = |(path, operations): (&String, &'_ Value)| -> Vec<(String, String)> {
            let methods = operations.as_object().unwrap().keys().filter(|name| *name != "parameters");
            methods.map(|method| (method.clone(), path.clone())).collect()
        };
        let all = paths.iter().flat_map(of_path);
        all.map(|(method, path)| {
            let responses = &self.0["paths"][&path][&method]["responses"];
            (method.to_uppercase(), path, responses)
        })
        .collect()
    }

    /// The first place where a value does not fit a schema of the document.
    fn check(&self, schema: &Value, value: &Value, with_formats: bool) -> Result<(), String> {
        let whole = json!({ "components": self.0["components"], "allOf": [schema] });
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft7);
        let validator = options.should_validate_formats(with_formats).build(&whole).unwrap();
        validator.validate(value).map_err(|error| format!("{error} at {}", error.instance_path()))
    }
}

/// What the requests are made of.
struct Scene<'a> {
    town: &'a Town,
    supplier: Client,
    job: String,
    token: String,
    subscription: String,
    fresh: std::cell::Cell<usize>,
}

impl<'a> Scene<'a> {
    fn set(town: &'a Town) -> Self {
        let supplier = town.program(User::Supplier);
        let seen = |serial: usize, place: usize| {
            observed(
                serial,
                json!({
                    "eventID": format!("urn:uuid:{serial}{place}"), "disposition": "in_transit", "epcList": [format!("urn:epc:id:sgtin:0614141.112345.{serial}")],
                    "readPoint": { "id": format!("urn:epc:id:sgln:0614141.0000{}.0", place + 2) }, "bizLocation": { "id": format!("urn:epc:id:sgln:0614141.0000{place}.0") },
                }),
            )
        };
        let mut first = seen(1, 1);
        first["eventID"] = "urn:uuid:1".into();
        let mut other = seen(1, 1);
        other["eventTime"] = "2026-03-02T08:00:00+08:00".into();
        let sent = document(&town.now(), json!([first, other, seen(2, 2)]));
        let job =
            send(&supplier, &sent).expect(202).header("location").rsplit('/').next().unwrap().to_owned();
        send(&supplier, &sent).expect(202);
        let page = supplier.get(&format!("{EVENTS}?perPage=1"));
        let token = page
            .header("link")
            .split("nextPageToken=")
            .nth(1)
            .unwrap()
            .split(['&', '>'])
            .next()
            .unwrap()
            .to_owned();
        let scene =
            Self { town, supplier, job, token, subscription: String::new(), fresh: std::cell::Cell::new(0) };
        for name in ["shipped", "shipped-as-well"] {
            scene.supplier.post("/epcis/queries", &scene.query(name, "shipping")).expect(201);
        }
        let subscribe =
            || scene.supplier.post("/epcis/queries/shipped/subscriptions", &scene.subscribed()).expect(201);
        subscribe();
        let subscription = subscribe().header("location").rsplit('/').next().unwrap().to_owned();
        Self { subscription, ..scene }
    }

    fn query(&self, name: &str, step: &str) -> Value {
        json!({ "name": name, "query": { "eventType": ["ObjectEvent"], "EQ_bizStep": [step] } })
    }

    fn subscribed(&self) -> Value {
        json!({ "dest": "https://client.example.com/events", "signatureToken": "known to the client alone", "stream": true })
    }

    /// A number that no request had before.
    fn next(&self) -> usize {
        self.fresh.set(self.fresh.get() + 1);
        1_000 + self.fresh.get()
    }

    fn path(&self, row: &Row, how: How) -> String {
        let path = if how == Missing { row.missing } else { row.path };
        let mut path = format!("/epcis{path}").replace("{job}", &self.job).replace("{token}", &self.token);
        path = path.replace("{subscription}", &self.subscription);
        if path.contains("{fresh}") {
            let name = format!("query-{}", self.next());
            self.supplier.post("/epcis/queries", &self.query(&name, "shipping")).expect(201);
            path = path.replace("{fresh}", &name);
            if path.contains("{opened}") {
                let opened = format!("/epcis/queries/{name}/subscriptions");
                let opened = self.supplier.post(&opened, &self.subscribed()).expect(201);
                opened.header("location").clone_into(&mut path);
            }
        }
        let and = if path.contains('?') { '&' } else { '?' };
        match how {
            LongAddress => format!("{path}{and}EQ_stringValue={}", "x".repeat(9_000)),
            OtherParameter => format!("{path}{and}EQ_colour=red"),
            TooMany => {
                let name = format!("query-{}", self.next());
                let mut query = self.query(&name, "shipping");
                query["query"]["maxEventCount"] = 1.into();
                self.supplier.post("/epcis/queries", &query).expect(201);
                format!("/epcis/queries/{name}/events")
            }
            _ => path,
        }
    }

    /// The body of a request to write something.
    fn body(&self, template: &str, how: How) -> Value {
        let serial = self.next();
        match (template, how) {
            (_, BadBody) => json!({ "type": "EPCISDocument" }),
            ("/capture", _) => document(&self.town.now(), json!([observed(serial, json!({}))])),
            ("/events", Taken) => bare(observed(serial, json!({ "eventID": "urn:uuid:1" }))),
            ("/events", _) => bare(observed(serial, json!({}))),
            ("/queries", Taken) => self.query("shipped", "receiving"),
            ("/queries", _) => self.query(&format!("query-{serial}"), "shipping"),
            _ => self.subscribed(),
        }
    }

    /// The answer to a request that brings a status about, told in a media type.
    fn provoke(&self, row: &Row, how: How, media: &str) -> Answer {
        let client = match how {
            Nobody => self.town.program(User::Anonymous),
            Stranger => self.town.program(User::Merchant),
            OtherVersion => self.supplier.with("gs1-epcis-version", "9.0").with("gs1-epcis-min", "9.0"),
            _ => self.supplier.clone(),
        };
        let accept = match media {
            "" => "application/json".to_owned(),
            "application/json" | XML => media.to_owned(),
            problem => format!("{problem}, application/json;q=0.9"),
        };
        let client = client.with("accept", accept).with("accept-language", "en");
        let path = self.path(row, how);
        match (row.method, how) {
            ("POST", LargeBody) => client.answer_to_promise(&path, JSON, REQUEST_BYTES_MAX as u64 + 1),
            ("POST", OtherMedia) => client.post_bytes(&path, "text/plain", b"text"),
            ("POST", _) => client.post(&path, &self.body(row.template, how)),
            (method, _) => client.send(method, &path, None, &[]).unwrap(),
        }
    }
}

/// Holds an answer against what is documented of it.
fn hold(contract: &Contract, what: &str, documented: &Value, media: &str, answer: &Answer) {
    let status = answer.status;
    for (name, header) in documented["headers"].as_object().into_iter().flatten() {
        let name = name.to_lowercase();
        assert!(answer.headers.contains_key(name.as_str()), "{what}: {status} without {name}");
        let value = answer.header(&name);
        let schema = contract.resolve(&contract.resolve(header)["schema"]);
        let value = match schema["type"].as_str() {
            Some("integer") => json!(value.parse::<u64>().unwrap()),
            // An object in a header is a list of pairs.
            Some("object") => json!({}),
            _ => json!(value),
        };
        contract
            .check(schema, &value, false)
            .unwrap_or_else(|error| panic!("{what}: {status}, {name}: {error}"));
    }
    if media.is_empty() {
        return assert_eq!(answer.text(), "", "{what}: {status}");
    }
    assert_eq!(answer.header("content-type"), media, "{what}: {status}");
    let schema = &documented["content"][media]["schema"];
    let value = match media {
        "application/problem+xml" => {
            let text = answer.text();
            let member = |name: &str| {
                let inner = text
                    .split_once(&format!("<{name}>"))
                    .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
                inner.unwrap_or_else(|| panic!("{what}: {text}")).0.to_owned()
            };
            let status: u16 = member("status").parse().unwrap();
            json!({ "type": member("type"), "title": member("title"), "detail": member("detail"), "status": status })
        }
        // The XML schema says what is in it.
        XML => return,
        _ => answer.json(),
    };
    if let Err(error) = contract.check(schema, &value, true) {
        panic!("{what}: {status} as {media}: {error}: {value}");
    }
}

on_every_store! {
    fn every_documented_answer_of_every_published_operation_is_given(town) {
        let Some(contract) = Contract::read() else { return };
        let scene = Scene::set(&town);
        let rows: Vec<&Row> = ROWS.iter().copied().chain([QUERIES]).flatten().collect();
        let mut seen = BTreeSet::new();
        let (mut count, mut in_xml) = (0, Vec::new());
        for (method, path, responses) in contract.operations() {
            let what = format!("{method} {path}");
            let row = rows.iter().find(|row| (row.method, row.template) == (&method, &path));
            let row = row.unwrap_or_else(|| panic!("{what} has no row"));
            seen.insert((row.method, row.template));
            let documented: BTreeSet<u16> = responses.as_object().unwrap().keys().map(|status| status.parse().unwrap()).collect();
            assert_eq!(documented, row.answers.iter().map(|(status, _)| *status).collect(), "{what}");
            for (status, how) in row.answers {
                if let Never(why) = how {
                    assert!(!why.is_empty());
                    continue;
                }
                let response = contract.resolve(&responses[status.to_string()]);
                let told: Vec<&str> = response["content"].as_object().map(|content| content.keys().map(String::as_str).collect()).unwrap_or(vec![""]);
                for media in told {
                    let answer = scene.provoke(row, *how, media);
                    assert_eq!(answer.status, *status, "{what}, {how:?}, {media}: {}", answer.text());
                    hold(&contract, &what, response, media, &answer);
                    count += 1;
                    if answer.text().starts_with("<?xml") && row.template != "/" {
                        in_xml.push((format!("{what} {status}"), answer));
                    }
                }
            }
        }
        assert_eq!(seen.len(), rows.len(), "a row is not published");
        validate(&in_xml);
        eprintln!("{} operations, {count} answers, {} of them in XML", seen.len(), in_xml.len());
        town.check();
    }
}
