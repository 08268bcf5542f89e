//! Who may do what over EPCIS: a row an operation, as in the table of all others.

use harness::Town;
use serde_json::{Value, json};

use crate::access::{Operation, RECORDS, Row, get, none};

const CAPTURE: Row = [401, 403, 200, 403, 403, 403, 403, 403];
/// What is not there, so whoever may look finds nothing.
const NO_JOB: Row = [401, 403, 404, 403, 403, 403, 403, 403];
const NOTHING: Row = [401, 403, 404, 403, 404, 404, 404, 403];
/// What whoever may read may also do, without an answer.
const DONE: Row = [401, 403, 204, 403, 204, 204, 204, 403];

const fn describe(template: &'static str, path: &'static str, row: Row) -> Operation {
    Operation { method: "OPTIONS", template, path, body: none, asks: None, row }
}

const fn post(
    template: &'static str,
    path: &'static str,
    body: fn(&Town) -> Option<Value>,
    row: Row,
) -> Operation {
    Operation { method: "POST", template, path, body, asks: None, row }
}

const fn delete(template: &'static str, path: &'static str, row: Row) -> Operation {
    Operation { method: "DELETE", template, path, body: none, asks: None, row }
}

/// Who keeps queries, of those that are there and of those that are not.
const KEEP: Row = [401, 403, 404, 403, 404, 403, 403, 403];

pub const OPERATIONS: &[Operation] = &[
    get("/epcis/queries", "/epcis/queries?book=beiyuan", RECORDS),
    // Each names one of their own.
    post(
        "/epcis/queries",
        "/epcis/queries?book=beiyuan",
        |_| Some(json!({ "name": "all", "query": {} })),
        [401, 403, 201, 403, 201, 403, 403, 403],
    ),
    describe("/epcis/queries", "/epcis/queries", DONE),
    get("/epcis/queries/{queryName}", "/epcis/queries/none?book=beiyuan", NOTHING),
    delete("/epcis/queries/{queryName}", "/epcis/queries/none?book=beiyuan", KEEP),
    describe("/epcis/queries/{queryName}", "/epcis/queries/none?book=beiyuan", NOTHING),
    get("/epcis/queries/{queryName}/events", "/epcis/queries/none/events?book=beiyuan", NOTHING),
    describe("/epcis/queries/{queryName}/events", "/epcis/queries/none/events?book=beiyuan", NOTHING),
    get(
        "/epcis/queries/{queryName}/subscriptions",
        "/epcis/queries/none/subscriptions?book=beiyuan",
        NOTHING,
    ),
    post(
        "/epcis/queries/{queryName}/subscriptions",
        "/epcis/queries/none/subscriptions?book=beiyuan",
        |_| Some(json!({ "dest": "https://client.example/", "stream": true })),
        KEEP,
    ),
    describe(
        "/epcis/queries/{queryName}/subscriptions",
        "/epcis/queries/none/subscriptions?book=beiyuan",
        NOTHING,
    ),
    get(
        "/epcis/queries/{queryName}/subscriptions/{subscriptionID}",
        "/epcis/queries/none/subscriptions/0?book=beiyuan",
        NOTHING,
    ),
    delete(
        "/epcis/queries/{queryName}/subscriptions/{subscriptionID}",
        "/epcis/queries/none/subscriptions/0?book=beiyuan",
        KEEP,
    ),
    post(
        "/epcis/queries/{queryName}/subscriptions/{subscriptionID}/resume",
        "/epcis/queries/none/subscriptions/0/resume?book=beiyuan",
        |_| None,
        KEEP,
    ),
    describe(
        "/epcis/queries/{queryName}/subscriptions/{subscriptionID}",
        "/epcis/queries/none/subscriptions/0?book=beiyuan",
        NOTHING,
    ),
    get("/epcis", "/epcis", RECORDS),
    describe("/epcis", "/epcis", DONE),
    get("/epcis/capture", "/epcis/capture?book=beiyuan", CAPTURE),
    get("/epcis/capture/{captureID}", "/epcis/capture/00?book=beiyuan", NO_JOB),
    post(
        "/epcis/capture",
        "/epcis/capture?book=beiyuan",
        |town| Some(super::document(&town.now(), json!([]))),
        [401, 403, 202, 403, 403, 403, 403, 403],
    ),
    describe("/epcis/capture", "/epcis/capture", [401, 403, 204, 403, 403, 403, 403, 403]),
    describe("/epcis/capture/{captureID}", "/epcis/capture/00?book=beiyuan", NO_JOB),
    get("/epcis/events", "/epcis/events?book=beiyuan", RECORDS),
    get("/epcis/events/{eventID}", "/epcis/events/urn:uuid:0?book=beiyuan", NOTHING),
    // Refused for what it is, once the right is there.
    post(
        "/epcis/events",
        "/epcis/events?book=beiyuan",
        |_| Some(json!({})),
        [401, 403, 400, 403, 403, 403, 403, 403],
    ),
    describe("/epcis/events", "/epcis/events", DONE),
    describe("/epcis/events/{eventID}", "/epcis/events/urn:uuid:0?book=beiyuan", NOTHING),
    delete("/epcis/nextPageToken/{token}", "/epcis/nextPageToken/x", DONE),
    get("/epcis/eventTypes", "/epcis/eventTypes?book=beiyuan", RECORDS),
    describe("/epcis/eventTypes", "/epcis/eventTypes", DONE),
    get("/epcis/eventTypes/{eventType}", "/epcis/eventTypes/ObjectEvent?book=beiyuan", RECORDS),
    describe("/epcis/eventTypes/{eventType}", "/epcis/eventTypes/ObjectEvent?book=beiyuan", DONE),
    get("/epcis/eventTypes/{eventType}/events", "/epcis/eventTypes/ObjectEvent/events?book=beiyuan", RECORDS),
    describe(
        "/epcis/eventTypes/{eventType}/events",
        "/epcis/eventTypes/ObjectEvent/events?book=beiyuan",
        DONE,
    ),
    get("/epcis/epcs", "/epcis/epcs?book=beiyuan", RECORDS),
    describe("/epcis/epcs", "/epcis/epcs", DONE),
    get("/epcis/epcs/{epc}", "/epcis/epcs/urn:x:none?book=beiyuan", NOTHING),
    describe("/epcis/epcs/{epc}", "/epcis/epcs/urn:x:none?book=beiyuan", NOTHING),
    get("/epcis/epcs/{epc}/events", "/epcis/epcs/urn:x:none/events?book=beiyuan", NOTHING),
    describe("/epcis/epcs/{epc}/events", "/epcis/epcs/urn:x:none/events?book=beiyuan", NOTHING),
    get("/epcis/bizSteps", "/epcis/bizSteps?book=beiyuan", RECORDS),
    describe("/epcis/bizSteps", "/epcis/bizSteps", DONE),
    get("/epcis/bizSteps/{bizStep}", "/epcis/bizSteps/shipping?book=beiyuan", RECORDS),
    describe("/epcis/bizSteps/{bizStep}", "/epcis/bizSteps/shipping?book=beiyuan", DONE),
    get("/epcis/bizSteps/{bizStep}/events", "/epcis/bizSteps/shipping/events?book=beiyuan", RECORDS),
    describe("/epcis/bizSteps/{bizStep}/events", "/epcis/bizSteps/shipping/events?book=beiyuan", DONE),
    get("/epcis/bizLocations", "/epcis/bizLocations?book=beiyuan", RECORDS),
    describe("/epcis/bizLocations", "/epcis/bizLocations", DONE),
    get("/epcis/bizLocations/{bizLocation}", "/epcis/bizLocations/urn:x:none?book=beiyuan", NOTHING),
    describe("/epcis/bizLocations/{bizLocation}", "/epcis/bizLocations/urn:x:none?book=beiyuan", NOTHING),
    get(
        "/epcis/bizLocations/{bizLocation}/events",
        "/epcis/bizLocations/urn:x:none/events?book=beiyuan",
        NOTHING,
    ),
    describe(
        "/epcis/bizLocations/{bizLocation}/events",
        "/epcis/bizLocations/urn:x:none/events?book=beiyuan",
        NOTHING,
    ),
    get("/epcis/readPoints", "/epcis/readPoints?book=beiyuan", RECORDS),
    describe("/epcis/readPoints", "/epcis/readPoints", DONE),
    get("/epcis/readPoints/{readPoint}", "/epcis/readPoints/urn:x:none?book=beiyuan", NOTHING),
    describe("/epcis/readPoints/{readPoint}", "/epcis/readPoints/urn:x:none?book=beiyuan", NOTHING),
    get("/epcis/readPoints/{readPoint}/events", "/epcis/readPoints/urn:x:none/events?book=beiyuan", NOTHING),
    describe(
        "/epcis/readPoints/{readPoint}/events",
        "/epcis/readPoints/urn:x:none/events?book=beiyuan",
        NOTHING,
    ),
    get("/epcis/dispositions", "/epcis/dispositions?book=beiyuan", RECORDS),
    describe("/epcis/dispositions", "/epcis/dispositions", DONE),
    get("/epcis/dispositions/{disposition}", "/epcis/dispositions/active?book=beiyuan", RECORDS),
    describe("/epcis/dispositions/{disposition}", "/epcis/dispositions/active?book=beiyuan", DONE),
    get(
        "/epcis/dispositions/{disposition}/events",
        "/epcis/dispositions/active/events?book=beiyuan",
        RECORDS,
    ),
    describe(
        "/epcis/dispositions/{disposition}/events",
        "/epcis/dispositions/active/events?book=beiyuan",
        DONE,
    ),
];
