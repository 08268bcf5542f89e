//! What outside systems say of others, of the house, and how much: no sender has the events, queries or memory of another.

use access::Grant;
use base::{AccountId, ActorId, UnitCode};
use harness::{Answer, Client, User, on_every_store};
use kernel::{AppendError, Desk};
use line_market::epcis_events::{BYTES_OF_DAY_MAX, EVENTS_OF_DAY_MAX};
use serde_json::{Value, json};

use crate::epcis::receiver::{Receiver, Teller};
use crate::epcis::{document, observed, send};

const CAPTURE: &str = "/epcis/capture";
const EVENTS: &str = "/epcis/events";
const LD: &str = "application/ld+json";
const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// Characters of what a refusal repeats, with the sign that something was left out.
const TOLD_CHARS: usize = 301;

fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone()
}

/// A document whose context has more terms.
fn under(terms: Value, events: Value) -> Value {
    let mut document = document("2026-03-10T08:00:00+08:00", events);
    document["@context"] = json!([STANDARD, terms]);
    document
}

/// The pages of a list.
fn pages(client: &Client, path: &str) -> Vec<Answer> {
    let (mut path, mut pages) = (path.to_owned(), Vec::new());
    loop {
        pages.push(client.get(&path).expect(200));
        let link = pages.last().unwrap().header("link").to_owned();
        let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else {
            return pages;
        };
        path = next[next.find("/epcis/").unwrap()..].to_owned();
    }
}

on_every_store! {
    fn refusals_repeat_little_of_a_document_and_jobs_come_in_pages_of_so_many_bytes(town) {
        const DOCUMENTS: usize = 12;
        const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
        let supplier = town.program(User::Supplier);
        let name = format!("ex:{}", "n".repeat(253));
        let nested = (0..27).fold(json!({ "@context": 7 }), |inner, _| json!({ (name.as_str()): inner }));
        let event = |n: usize| observed(n, json!({ (name.as_str()): nested }));
        let sent = document(&town.now(), (0..100).map(event).collect::<Vec<_>>().into());
        let is_short = |problem: &Value| {
            ["field", "detail_zh", "detail_en"].iter().all(|name| {
                let text = problem[name].as_str().unwrap();
                text.chars().count() <= 2 * TOLD_CHARS && !text.is_empty()
            })
        };
        let refused = send(&supplier, &sent).expect(400);
        assert!(refused.bytes.len() < 6_000 && is_short(&refused.json()), "{} bytes", refused.bytes.len());
        assert!(refused.json()["field"].as_str().unwrap().starts_with("epcisBody.eventList[0].ex:nnn"));
        let proceed = supplier.with("gs1-capture-error-behaviour", "proceed");
        let jobs: Vec<String> =
            (0..DOCUMENTS).map(|_| send(&proceed, &sent).expect(202).header("location").to_owned()).collect();
        let job = supplier.get(&jobs[0]).expect(200).json();
        let errors = job["errors"].as_array().unwrap();
        assert!(errors.len() == 100 && errors.iter().all(is_short), "{}", errors[0]);
        let mut listed = Vec::new();
        for page in pages(&supplier, &format!("{CAPTURE}?perPage=1000")) {
            assert!(page.bytes.len() <= PAGE_BYTES_MAX, "a page of {} bytes", page.bytes.len());
            let names = page.json().as_array().unwrap().iter().map(|job| job["captureID"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
            listed.extend(names);
        }
        let mut sent: Vec<String> = jobs.iter().map(|job| job.rsplit('/').next().unwrap().to_owned()).collect();
        sent.sort();
        sent.reverse();
        assert_eq!(listed, sent);
        // What has a few refusals is listed at once.
        town.clock.advance_ms(1_000);
        let few = document(&town.now(), json!([observed(1, json!({})), event(2)]));
        (0..20).for_each(|_| { send(&proceed, &few).expect(202); });
        assert_eq!(supplier.get(&format!("{CAPTURE}?perPage=20")).expect(200).json().as_array().unwrap().len(), 20);
    }

    fn what_one_sender_declares_says_nothing_of_the_events_of_others(town) {
        let (ours, theirs, tracer) = (town.program(User::Supplier), town.program(User::Supplier), town.program(User::Tracer));
        let id = "urn:uuid:6b8c0a3e-3f0f-4f0c-8a5a-4a1d5b7c9e11";
        let victim = observed(1, json!({ "eventID": id, "epcList": ["tag:acme,2026:crate-7"], "tag:acme,2026:weight": 12, "ex:grade": "A" }));
        send(&ours, &document(&town.now(), json!([victim]))).expect(202);
        let evil = "https://evil.example/";
        let hostile = under(json!({ "tag": evil, "ex": evil }), json!([observed(2, json!({ "eventID": "urn:uuid:2", "tag:x": 1 }))]));
        send(&theirs, &hostile).expect(202);
        let page = tracer.get(EVENTS);
        let found = events(&page);
        assert!(!page.json()["@context"].to_string().contains("evil"), "{}", page.json()["@context"]);
        let of = |id: &str| found.iter().find(|event| event["eventID"] == id).unwrap();
        assert!(of("urn:uuid:2").to_string().contains("evil") && !of(id).to_string().contains("evil"), "{found:?}");
        assert!(of(id)["@context"].to_string().contains("https://ns.example/"), "{}", of(id));
        let in_xml = tracer.with("accept", "application/xml").get(EVENTS).expect(200).text();
        let of_victim = in_xml.split("<ObjectEvent").find(|event| event.contains(id)).unwrap();
        assert!(!of_victim.contains("evil"), "{of_victim}");
        let head = in_xml.split("<ObjectEvent").next().unwrap();
        assert!(!head.contains("evil"), "{head}");
        // Of one context for all it says so once.
        let alone = ours.get(EVENTS);
        assert_eq!(alone.json()["@context"], json!([STANDARD, { "ex": "https://ns.example/" }]));
        assert_eq!(events(&alone)[0]["@context"], Value::Null);
        // How identifiers begin, and what events are called, is for nobody to say.
        let before = town.fingerprint();
        for term in ["urn", "http", "https", "ni", "ObjectEvent", "EPCISDocument"] {
            let event = observed(3, json!({}));
            let refused = send(&theirs, &under(json!({ (term): evil }), json!([event]))).expect(400).json();
            assert_eq!(refused["type"], "epcisException:ValidationException", "{term}: {refused}");
            let within = observed(3, json!({ "@context": { (term): { "@id": evil } } }));
            send(&theirs, &under(json!({}), json!([within]))).expect(400);
        }
        assert_eq!(town.fingerprint(), before);
        town.check();
    }

    fn nobodys_master_data_bar_the_queries_of_others(town) {
        const NAME: &str = "https://ns.example/organic";
        let (honest, hostile) = (town.program(User::Supplier), town.program(User::Supplier));
        let described = |vocabulary: &str, elements: Vec<Value>, events: Value| {
            let mut sent = document(&town.now(), events);
            sent["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [
                { "type": format!("urn:x:{vocabulary}"), "vocabularyElementList": elements }
            ] } });
            sent
        };
        let attribute = |value: &str| json!([{ "id": NAME, "attribute": value }]);
        let place = json!({ "id": "urn:x:gate", "attributes": attribute("yes") });
        let site = json!({ "id": "urn:x:site", "children": ["urn:x:gate"] });
        let seen = observed(1, json!({ "eventID": "urn:uuid:honest", "readPoint": { "id": "urn:x:gate" }, "ex:at": "urn:x:gate" }));
        send(&honest, &described("place", vec![place, site], json!([seen]))).expect(202);
        let queries = [
            "WD_readPoint=urn:x:site".to_owned(),
            format!("HASATTR_readPoint={NAME}"),
            format!("EQATTR_readPoint_{NAME}=yes"),
            format!("HASATTR_https://ns.example/at={NAME}"),
            format!("EQATTR_https://ns.example/at_{NAME}=yes&orderBy=recordTime"),
        ];
        let ids = |client: &Client, query: &str| -> Vec<Value> {
            events(&client.get(&format!("{EVENTS}?{query}"))).iter().map(|event| event["eventID"].clone()).collect()
        };
        for n in 0..3 {
            let element = |m: usize| json!({ "id": format!("urn:x:{n}.{m}"), "attributes": attribute("yes") });
            send(&hostile, &described("place", (0..1_000).map(element).collect(), json!([]))).expect(202);
            let children: Vec<String> = (0..700).map(|m| format!("urn:x:below:{n}.{m}")).collect();
            let site = json!({ "id": "urn:x:site", "children": children });
            send(&hostile, &described(&format!("v{n}"), vec![site], json!([]))).expect(202);
        }
        // Whoever oversees all, alone and with other books, and in either order.
        for reader in [town.program(User::Inspector), town.program(User::Tracer)] {
            for query in &queries {
                assert_eq!(ids(&reader, query), ["urn:uuid:honest"], "{query}");
                assert_eq!(ids(&reader, &format!("{query}&orderDirection=ASC&EQ_action=OBSERVE")), ["urn:uuid:honest"], "{query}");
            }
            assert_eq!(ids(&reader, &format!("HASATTR_readPoint={NAME}.none")), Vec::<Value>::new());
        }
        for query in &queries {
            assert_eq!(ids(&honest, query), ["urn:uuid:honest"], "{query}");
        }
        // Its own are its own to mend, and what it described by the thousand it finds.
        let refused = hostile.get(&format!("{EVENTS}?WD_readPoint=urn:x:site")).expect(413).json();
        assert_eq!(refused["type"], "epcisException:QueryTooComplexException", "{refused}");
        let seen = observed(2, json!({ "eventID": "urn:uuid:theirs", "readPoint": { "id": "urn:x:2.999" } }));
        send(&hostile, &document(&town.now(), json!([seen]))).expect(202);
        assert_eq!(ids(&hostile, &queries[1]), ["urn:uuid:theirs"]);
        assert_eq!(ids(&town.program(User::Tracer), &queries[2]), ["urn:uuid:theirs", "urn:uuid:honest"]);
        town.check();
    }

    fn no_spelling_of_a_thing_of_the_house_lets_others_tell_of_it(town) {
        let supplier = town.program(User::Supplier);
        let slip = line_market::kinds::SlipSerial { scale: 1, counter: 1, nonce: 7_919 }.subject(&town.book()).to_string();
        let code = slip.rsplit('/').next().unwrap();
        let link = format!("https://id.gs1.org/01/06901234567892/21/{code}");
        let class = |id: &str| json!([{ "epcClass": id }]);
        let made = |members: Value| {
            let mut event = json!({ "type": "TransformationEvent", "eventTime": "2026-03-09T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
                "inputQuantityList": class("urn:epc:class:lgtin:4012345.012345.field7") });
            event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            event
        };
        let seen = |members: Value| observed(1, members);
        let pair = |kind: &str, what: &str, id: &str| json!([{ "type": kind, (what): id }]);
        let before = town.fingerprint();
        let refuse = |terms: Value, event: Value, rule: &str, field: &str| {
            let refused = send(&supplier, &under(terms.clone(), json!([event]))).expect(400).json();
            assert_eq!((&refused["rule"], &refused["index"]), (&json!(rule), &json!(0)), "{event}: {refused}");
            assert!(refused["field"].as_str().unwrap().trim_start_matches("epcisBody.eventList[0].").starts_with(field), "{field}: {refused}");
            let mut alone = event;
            let within = alone["@context"].take();
            alone["@context"] = json!([STANDARD, terms]);
            alone["@context"].as_array_mut().unwrap().extend((!within.is_null()).then_some(within));
            supplier.post_bytes(EVENTS, LD, alone.to_string().as_bytes()).expect(400);
        };
        // By a prefix of the document's or the event's own, and by one that stands for another.
        let lot = json!({ "h": "lot:beiyuan/", "l": "lot:", "k": "l:bei", "b": { "@id": "k:yuan/" } });
        for id in ["h:L1", "l:beiyuan/L1", "k:yuan/L1", "b:L1", "LOT:beiyuan/L1", "Lot:xinshi/L1"] {
            refuse(lot.clone(), made(json!({ "outputEPCList": [id] })), "own-subject", "outputEPCList");
            refuse(lot.clone(), seen(json!({ "action": "ADD", "epcList": [id] })), "own-subject", "epcList");
        }
        refuse(json!({}), made(json!({ "outputEPCList": ["h:L1"], "@context": lot })), "own-subject", "outputEPCList");
        refuse(json!({ "a": "b:", "b": "a:" }), seen(json!({ "epcList": ["a:L1"] })), "body", "epcList");
        let to_slip = json!({ "s": "https://id.gs1.org/01/06901234567892/21/", "g": "https://evil.example/" });
        for id in [format!("s:{code}"), format!("g:01/06901234567892/21/{code}"), link.replace("https", "HTTPS"), link.replace("https", "Http"),
            format!("URN:EPC:id:sgtin:6901234.056789.{code}")] {
            refuse(to_slip.clone(), made(json!({ "outputEPCList": [id] })), "own-subject", "outputEPCList");
        }
        // By a type that is one of the standard under another name.
        for kind in ["epcis:ObjectEvent", "https://ref.gs1.org/epcis/TransformationEvent", "e:ObjectEvent", "t:Made"] {
            let terms = json!({ "e": "https://ref.gs1.org/epcis/", "t:Made": "e:ObjectEvent" });
            let mut event = seen(json!({ "type": kind, "action": "ADD" }));
            event["epcList"] = json!(["lot:beiyuan/L1"]);
            refuse(terms, event, "epcis", "type");
        }
        // By a member that is one of the standard under another name.
        for (terms, name) in [
            (json!({ "e": "https://ref.gs1.org/" }), "e:epcis/outputEPCList"),
            (json!({ "x:made": "https://ref.gs1.org/epcis/outputEPCList" }), "x:made"),
            (json!({ "e": "https://ref.gs1.org/epcis" }), "e:/outputEPCList"),
        ] {
            refuse(terms, seen(json!({ (name): ["lot:beiyuan/L1"] })), "epcis", name);
        }
        // In whichever member.
        for (event, field) in [
            (seen(json!({ "readPoint": { "id": "stall:beiyuan/A1" } })), "readPoint"),
            (seen(json!({ "bizLocation": { "id": slip } })), "bizLocation"),
            (seen(json!({ "bizLocation": { "id": link } })), "bizLocation"),
            (seen(json!({ "bizTransactionList": pair("po", "bizTransaction", "matter:beiyuan/task-1") })), "bizTransactionList"),
            (seen(json!({ "sourceList": pair("location", "source", "stall:beiyuan/A1") })), "sourceList"),
            (seen(json!({ "destinationList": pair("location", "destination", "h:x") })), "destinationList"),
            (seen(json!({ "sensorElementList": [{ "sensorMetadata": { "deviceID": "scale:beiyuan/1" }, "sensorReport": [{ "type": "Temperature", "value": 4 }] }] })), "sensorElementList"),
            (seen(json!({ "errorDeclaration": { "declarationTime": "2026-03-09T08:00:00+08:00", "correctiveEventIDs": ["entry:beiyuan/3"] } })), "errorDeclaration"),
            (seen(json!({ "eventID": "entry:xinshi/17" })), "eventID"),
            (seen(json!({ "eventID": "Entry:xinshi/17" })), "eventID"),
            (seen(json!({ "eventID": "n:xinshi/17" })), "eventID"),
        ] {
            refuse(json!({ "h": "stall:beiyuan/", "n": "entry:" }), event, "own-subject", field);
        }
        for (element, terms) in [
            (json!({ "id": "h:A1" }), json!({ "h": "stall:beiyuan/" })),
            (json!({ "id": "STALL:beiyuan/A1" }), json!({})),
            (json!({ "id": "urn:x:hall", "children": ["stall:beiyuan/A1"] }), json!({})),
        ] {
            let mut sent = under(terms, json!([]));
            sent["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [{ "type": "urn:x:place", "vocabularyElementList": [element] }] } });
            let refused = send(&supplier, &sent).expect(400).json();
            assert_eq!(refused["rule"], "own-subject", "{refused}");
        }
        // That a lot was seen or went into something else is still for others to tell, under its own name.
        refuse(json!({ "h": "lot:beiyuan/" }), seen(json!({ "epcList": ["h:L1"] })), "own-subject", "epcList");
        assert_eq!(town.fingerprint(), before);
        let told = json!([seen(json!({ "epcList": ["lot:beiyuan/L1"], "ex:note": "stall:beiyuan/A1" }))]);
        send(&supplier, &under(json!({ "ex": "https://ns.example/" }), told)).expect(202);
        town.check();
    }

    fn a_sender_records_so_much_in_a_book_on_a_day(town) {
        let (supplier, other) = (town.program(User::Supplier), town.program(User::Supplier));
        let sent = |client: &Client, serials: std::ops::Range<usize>| {
            let event = |n: usize| observed(n, json!({ "eventID": format!("urn:uuid:{n}") }));
            send(client, &document(&town.now(), serials.map(event).collect::<Vec<_>>().into()))
        };
        let taken = |events: u64, bytes: u64| {
            let values = [events, bytes].map(|number| store::Value::Int(i64::try_from(number).unwrap())).to_vec();
            let set = move |desk: &mut Desk<'_>| {
                desk.aside("update market_captured set events = $1, bytes = $2", values.clone());
                Ok::<_, AppendError<()>>(())
            };
            town.site.kernel.append_blocking(set).unwrap();
        };
        let refused = |answer: Answer| {
            let answer = answer.expect(429);
            let problem = answer.json();
            assert_eq!((&problem["type"], &problem["rule"]), (&json!("/problems/too-many-requests"), &json!("captured-of-day")), "{problem}");
            assert_eq!(answer.header("retry-after"), (16 * 3_600 + 1).to_string(), "until midnight in the city");
            assert!(problem["detail_zh"].as_str().unwrap().contains("次日") && problem["detail_en"].as_str().unwrap().contains("500000"), "{problem}");
        };
        sent(&supplier, 0..3).expect(202);
        taken(EVENTS_OF_DAY_MAX - 2, 0);
        let before = town.fingerprint();
        refused(sent(&supplier, 3..6));
        refused(sent(&supplier.with("gs1-capture-error-behaviour", "proceed"), 3..6));
        let mut described = document(&town.now(), json!([]));
        let elements: Vec<Value> = (0..3).map(|n| json!({ "id": format!("urn:x:{n}") })).collect();
        described["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [{ "type": "urn:x:place", "vocabularyElementList": elements }] } });
        refused(send(&supplier, &described));
        assert_eq!(town.fingerprint(), before);
        // What is known takes nothing, what fits is taken, and others have their own.
        sent(&supplier, 0..3).expect(202);
        sent(&supplier, 3..5).expect(202);
        let one = observed(9, json!({ "@context": STANDARD }));
        refused(supplier.post_bytes(EVENTS, LD, one.to_string().as_bytes()));
        sent(&other, 0..3).expect(202);
        taken(0, BYTES_OF_DAY_MAX - 100);
        refused(sent(&supplier, 5..6));
        // Tomorrow is another day.
        town.clock.advance_ms(16 * 3_600_000);
        sent(&supplier, 5..8).expect(202);
        sent(&supplier, 8..9).expect(202);
        let count = |tx: &mut dyn store::Tx| {
            let row = tx.query_one("select events from market_captured where sender <> $1 order by events desc limit 1", &[store::Param::Text("")])?;
            row.unwrap().int(0)
        };
        assert_eq!(town.site.kernel.read(count).unwrap(), 4);
        town.check();
    }

    fn whoever_sends_in_vain_leaves_so_many_jobs(town) {
        let supplier = town.program(User::Supplier);
        let sent = document(&town.now(), json!([observed(1, json!({}))]));
        let first = send(&supplier, &sent).expect(202).header("location").to_owned();
        let idle = send(&supplier, &sent).expect(202).header("location").to_owned();
        let fill = |desk: &mut Desk<'_>| {
            for n in 0..1_500 {
                let copy = "insert into market_capture (book, capture, actor, created, finished, mode, refused, sender, recorded)
                    select book, $1, actor, created, finished, mode, refused, sender, 0 from market_capture where recorded = 1";
                desk.aside(copy, vec![store::Value::Text(format!("{n:032x}"))]);
            }
            Ok::<_, AppendError<()>>(())
        };
        town.site.kernel.append_blocking(fill).unwrap();
        let last = send(&supplier, &sent).expect(202).header("location").to_owned();
        let count = |tx: &mut dyn store::Tx| tx.query_one("select count(*) from market_capture where recorded = 0", &[])?.unwrap().int(0);
        assert_eq!(town.site.kernel.read(count).unwrap(), 1_000);
        supplier.get(&format!("{CAPTURE}/{:032x}", 501)).expect(404);
        for kept in [first, idle, last, format!("{CAPTURE}/{:032x}", 502)] {
            supplier.get(&kept).expect(200);
        }
        town.check();
    }

    fn a_right_that_was_gone_ends_what_ran_with_it_though_it_is_there_again(town) {
        let kernel = &town.site.kernel;
        let by = ActorId::new("system:test").unwrap();
        let of_xihai = Grant { role: "supplier".into(), unit: UnitCode::new("xihai-market").unwrap(), line: Some("market".into()), subject: None };
        // What it has besides is withdrawn, or what it subscribed with is.
        let (mut hooks, mut clients) = (Vec::new(), Vec::new());
        for is_broken in [true, false] {
            let (issued, receiver) = (town.issue(User::Supplier), Receiver::start());
            let client = town.site.client().bearer(&issued.credential.unwrap());
            let more = kernel.give_grant(&by, &issued.actor, of_xihai.clone()).unwrap();
            client.post("/epcis/queries?book=beiyuan", &json!({ "name": "all", "query": {} })).expect(201);
            let schedule = json!({ "dest": receiver.address(), "schedule": { "hour": "12" } });
            client.post("/epcis/queries/all/subscriptions", &schedule).expect(201);
            let event = observed(1, json!({ "eventID": format!("urn:uuid:{is_broken}") }));
            client.post("/epcis/capture?book=beiyuan", &document(&town.now(), json!([event]))).expect(202);
            let own = kernel.grants().unwrap().into_iter().find(|row| row.grantee == issued.actor && row.grant != of_xihai).unwrap();
            let gone = if is_broken { own.seq.0 } else { more.seq.0 };
            kernel.withdraw_grant(&by, gone).unwrap();
            kernel.give_grant(&by, &issued.actor, if is_broken { own.grant } else { of_xihai.clone() }).unwrap();
            client.get("/epcis/queries/all/events").expect(200);
            hooks.push(receiver);
            clients.push(client);
        }
        let _teller = Teller::start(&town);
        town.clock.advance_ms(4 * 3_600_000 + 60_000);
        assert_eq!(hooks[1].wait_for_events(1), ["urn:uuid:false"]);
        let subscriptions = |client: &Client| client.get("/epcis/queries/all/subscriptions").expect(200).json().as_array().unwrap().len();
        crate::outside::wait_until("the end of a subscription whose right was gone", || subscriptions(&clients[0]) == 0);
        assert_eq!((subscriptions(&clients[1]), hooks[0].hooks().len()), (1, 0));
        town.check();
    }

    fn new_recovery_codes_end_what_was_left_running(town) {
        let owner = crate::second_step::owner(&town, User::Inspector);
        let actor = ActorId::new(format!("account:{}", owner.name)).unwrap();
        let kernel = &town.site.kernel;
        let before = kernel.credential_since(&actor).unwrap();
        let renewed = kernel.renew_recovery_codes(&AccountId::new(&owner.name).unwrap(), owner.password, &owner.codes[0]).unwrap();
        let since = kernel.credential_since(&actor).unwrap();
        assert!(since > before && since.map(|(seq, _)| seq) == Some(renewed.receipt.seq), "{since:?}");
    }
}
