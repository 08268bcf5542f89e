use base::BookId;
use epcis::query::MasterData;
use epcis::{Context, Moment, Query};
use line_market::epcis_events::{Mode, QueryRefusal};
use serde_json::{Value, json};

use crate::bench::{Bench, document, observed};

const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

fn ask(pairs: &[(&str, &str)]) -> Query {
    Query::parse(pairs.iter().copied(), &Context::default()).unwrap()
}

/// 60 events in three books, recorded a minute apart, many of them of one moment.
fn shelf() -> (Bench, Vec<BookId>, Vec<(Value, i64)>) {
    let bench = Bench::new();
    let books: Vec<BookId> = ["a", "b", "c"].map(|name| bench.open(name)).to_vec();
    let mut sent = Vec::new();
    for n in 0..60_usize {
        let epc = format!("urn:epc:id:sgtin:0614141.{}.{n}", ["112345", "112346"][n % 2]);
        let action = ["ADD", "OBSERVE", "DELETE"][n % 3];
        let step = ["shipping", "urn:epcglobal:cbv:bizstep:receiving"][n / 2 % 2];
        let gate =
            ["urn:epc:id:sgln:0614141.12345.400", "https://x.example/414/0614141123452/254/401"][n % 2];
        let mut event = observed(
            &epc,
            json!({
                "eventID": format!("urn:uuid:{n}"),
                "eventTime": format!("2026-02-{:02}T08:00:00+08:00", 1 + n * 7 % 10),
                "action": action,
                "bizStep": step,
                "readPoint": { "id": gate },
                "quantityList": [{ "epcClass": format!("urn:epc:class:lgtin:4012345.012345.L{}", n % 4) }],
            }),
        );
        if n % 5 == 0 {
            event["disposition"] = "in_transit".into();
            event["bizLocation"] = json!({ "id": "urn:epc:id:sgln:0614141.12345.0" });
        }
        bench.clock.advance_ms(60_000);
        assert_eq!(bench.capture_new(&books[n * 7 % 3], &document(vec![event.clone()])), 1);
        sent.push((event, bench.kernel.now().0));
    }
    (bench, books, sent)
}

#[test]
fn sql_finds_what_a_scan_finds_in_order_and_page_by_page() {
    let (bench, books, sent) = shelf();
    let asked: &[&[(&str, &str)]] = &[
        &[],
        &[("eventType", "ObjectEvent")],
        &[("eventType", "AggregationEvent")],
        &[("EQ_action", "ADD|DELETE")],
        &[("EQ_bizStep", "receiving")],
        &[("EQ_bizStep", "https://ref.gs1.org/cbv/BizStep-shipping"), ("EQ_disposition", "in_transit")],
        &[("EQ_readPoint", "https://id.gs1.org/414/0614141123452/254/400")],
        &[("EQ_bizLocation", "urn:epc:id:sgln:0614141.12345.0")],
        &[("GE_eventTime", "2026-02-03T00:00:00Z"), ("LT_eventTime", "2026-02-05T00:00:00Z")],
        &[("GE_recordTime", "2026-03-01T00:10:00Z"), ("LT_recordTime", "2026-03-01T00:50:00Z")],
        &[("GE_recordTime", "2027-01-01T00:00:00Z")],
        &[("EQ_eventID", "urn:uuid:7|urn:uuid:8|urn:uuid:99")],
        &[("MATCH_epc", "https://shop.example/01/10614141123459/21/4")],
        &[("MATCH_anyEPC", "urn:epc:idpat:sgtin:0614141.112345.*"), ("EQ_action", "OBSERVE")],
        &[("MATCH_inputEPC", "urn:epc:id:sgtin:0614141.112345.4")],
        &[
            ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.L2"),
            ("MATCH_anyEPC", "urn:epc:idpat:sgtin:0614141.112345.*"),
        ],
        &[("MATCH_anyEPCClass", "urn:epc:idpat:sgtin:4012345.012345.*")],
    ];
    for pairs in asked {
        for order in ["eventTime", "recordTime"] {
            for direction in ["ASC", "DESC"] {
                for page in ["1", "7", "1000"] {
                    let mut all = pairs.to_vec();
                    all.extend([("orderBy", order), ("orderDirection", direction), ("perPage", page)]);
                    let mut expected = scan(&sent, &ask(pairs), order);
                    if direction == "DESC" {
                        expected.reverse();
                    }
                    assert_eq!(bench.ids(&books, &all), expected, "{all:?}");
                }
            }
        }
    }
}

/// What a query should find, told without the database.
fn scan(sent: &[(Value, i64)], query: &Query, order: &str) -> Vec<String> {
    let mut found = Vec::new();
    let context = Context::read(&json!(STANDARD));
    for (n, (event, recorded)) in sent.iter().enumerate() {
        if query.matches(event.as_object().unwrap(), &context, *recorded, &MasterData::default()) {
            let event_time = Moment::parse(event["eventTime"].as_str().unwrap()).unwrap().ms_utc;
            let time = if order == "eventTime" { event_time } else { *recorded };
            found.push(((time, n * 7 % 3, n), event["eventID"].as_str().unwrap().to_owned()));
        }
    }
    found.sort();
    found.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn counts_are_limited_as_the_query_asks() {
    let (bench, books, _) = shelf();
    let limited = [("eventCountLimit", "17"), ("perPage", "5"), ("orderBy", "eventTime")];
    let all = bench.ids(&books, &[("perPage", "1000")]);
    assert_eq!(bench.ids(&books, &limited), all[..17]);
    assert_eq!(bench.query(&books, &[]).items.len(), 30);
    let most = |max: &str| ask(&[("maxEventCount", max), ("EQ_action", "ADD"), ("perPage", "6")]);
    assert_eq!(bench.try_query(&books, &most("19")).unwrap_err(), QueryRefusal::TooMany(19));
    assert_eq!(bench.try_query(&books, &most("20")).unwrap().items.len(), 6);
    assert_eq!(
        bench.ids(&books, &[("maxEventCount", "20"), ("EQ_action", "ADD"), ("perPage", "6")]).len(),
        20
    );
}

#[test]
fn a_token_of_another_order_or_another_hand_is_refused() {
    let (bench, books, _) = shelf();
    let token = bench.query(&books, &[]).next.unwrap();
    for (order, token) in [
        ("recordTime", token.as_str()),
        ("eventTime", ""),
        ("eventTime", "ed.1.2.3"),
        ("eventTime", "ed.1.18446744073709551615.3.a"),
    ] {
        let query = ask(&[("orderBy", order), ("nextPageToken", token)]);
        assert_eq!(bench.try_query(&books, &query).unwrap_err(), QueryRefusal::Token, "{token:?}");
    }
}

#[test]
fn pages_go_on_where_they_stopped_while_more_is_captured() {
    let (bench, books, sent) = shelf();
    let first =
        bench.query(&books, &[("orderBy", "recordTime"), ("orderDirection", "ASC"), ("perPage", "50")]);
    let late = observed(
        "urn:epc:id:gid:1.1.1",
        json!({ "eventID": "urn:uuid:late", "eventTime": "2026-01-01T00:00:00Z" }),
    );
    bench.clock.advance_ms(1);
    bench.capture(&books[0], &document(vec![late]), Mode::Rollback).unwrap();
    let rest = [
        ("orderBy", "recordTime"),
        ("orderDirection", "ASC"),
        ("nextPageToken", first.next.as_deref().unwrap()),
    ];
    let rest = bench.query(&books, &rest);
    assert_eq!(first.items.len() + rest.items.len(), sent.len() + 1);
    assert_eq!(rest.items.last().unwrap().event["eventID"], "urn:uuid:late");
}
