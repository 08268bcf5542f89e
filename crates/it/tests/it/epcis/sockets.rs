//! A named query's events over WebSockets.

use std::net::TcpStream;
use std::time::Duration;

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, WebSocket};

use super::standing::{QUERIES, query};
use super::subscriptions::capture;
use super::*;

/// That of the town's accounts.
const PASSWORD: &str = "correct horse battery";

/// An open socket, read as it speaks.
struct Socket(WebSocket<TcpStream>);

impl Socket {
    /// Shakes hands; the status and text of the answer where that is refused.
    fn open(
        town: &Town,
        credential: &str,
        path: &str,
        more: &[(&str, &str)],
    ) -> Result<(Self, Response), (u16, String)> {
        let credential = format!("Bearer {credential}");
        let headers: Vec<(&str, &str)> =
            more.iter().copied().chain([("authorization", credential.as_str())]).collect();
        Self::shake(town, path, &headers)
    }

    fn shake(town: &Town, path: &str, headers: &[(&str, &str)]) -> Result<(Self, Response), (u16, String)> {
        let authority = town.site.base.strip_prefix("http://").unwrap();
        let mut request = format!("ws://{authority}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            let name: tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(authority).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        match tungstenite::client(request, stream) {
            Ok((socket, response)) => Ok((Self(socket), response)),
            Err(tungstenite::HandshakeError::Failure(Error::Http(answer))) => {
                let body = answer.body().clone().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// The next document.
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text()).unwrap()
    }

    fn next_text(&mut self) -> String {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn next_ids(&mut self) -> Vec<String> {
        let document = self.next();
        let list = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap();
        list.iter().map(|event| event["eventID"].as_str().unwrap().to_owned()).collect()
    }

    /// Event after event, until so many came.
    fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        while ids.len() < count {
            ids.extend(self.next_ids());
        }
        ids
    }

    /// Why it was closed.
    fn closed(&mut self) -> (CloseCode, String) {
        loop {
            match self.0.read().unwrap() {
                Message::Close(Some(frame)) => return (frame.code, frame.reason.to_string()),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Somebody with a credential.
fn somebody(town: &Town, user: User) -> (Client, String, String) {
    let issued = town.issue(user);
    let token = issued.actor.as_str().strip_prefix("token:").unwrap().to_owned();
    let credential = issued.credential.unwrap();
    (town.site.client().bearer(&credential), credential, token)
}

on_every_store! {
    fn a_listener_hears_every_new_event_in_order_and_those_before_it_if_it_asks(town) {
        let (supplier, credential, _) = somebody(&town, User::Supplier);
        let other = town.program(User::Supplier);
        supplier.post(QUERIES, &query("all", json!({ "EQ_bizStep": ["shipping"] }))).expect(201);
        let path = format!("{QUERIES}/all/events?stream=true");
        let before = capture(&town, &supplier, 1..=130);
        town.clock.advance_ms(1_000);
        let (mut from_now, answer) = Socket::open(&town, &credential, &path, &[]).unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["gs1-query-min-record-time"].to_str().unwrap()), (101, town.now().as_str()));
        assert_eq!(answer.headers()["gs1-epcis-version"], "2.0.0");
        let from = format!("{path}&initialRecordTime=2026-03-10T00:00:00Z");
        let (mut from_then, _) = Socket::open(&town, &credential, &from, &[]).unwrap();
        capture(&town, &other, [200]);
        let event = observed(201, json!({ "bizStep": "receiving" }));
        send(&supplier, &document(&town.now(), json!([event]))).expect(202);
        let after = [capture(&town, &supplier, [300]), capture(&town, &supplier, 301..=303)].concat();
        assert_eq!(from_now.ids(4), after);
        assert_eq!(from_then.ids(134), [before, after].concat());
        let document = { capture(&town, &supplier, [400]); from_now.next() };
        assert_eq!(document["epcisBody"]["queryResults"]["queryName"], "all");
        epcis::Document::from_value(document, &epcis::Limits::default()).expect("a valid document");
    }

    fn a_listener_hears_in_the_form_that_it_asked_for(town) {
        let (supplier, credential, _) = somebody(&town, User::Supplier);
        supplier.post(QUERIES, &query("all", json!({}))).expect(201);
        let path = format!("{QUERIES}/all/events?stream=true");
        let open = |more: &[(&str, &str)]| Socket::open(&town, &credential, &path, more).unwrap().0;
        let (mut links, mut urns) = (open(&[]), open(&[("gs1-epc-format", "Always_EPC_URN")]));
        let mut xml = open(&[("accept", "application/xml"), ("gs1-epc-format", "Always_EPC_URN"), ("gs1-cbv-xml-format", "Always_URN")]);
        capture(&town, &supplier, [1]);
        let epcs = |document: Value| document["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0]["epcList"].clone();
        assert_eq!(epcs(links.next()), json!(["https://id.gs1.org/01/10614141123459/21/1"]));
        assert_eq!(epcs(urns.next()), json!(["urn:epc:id:sgtin:0614141.112345.1"]));
        let text = xml.next_text();
        for part in ["EPCISQueryDocument", "urn:epc:id:sgtin:0614141.112345.1", "urn:epcglobal:cbv:bizstep:shipping"] {
            assert!(text.contains(part), "{text}");
        }
        epcis::Document::parse_xml(text.as_bytes(), &epcis::Limits::default()).expect("a valid document");
        assert_eq!(Socket::open(&town, &credential, &path, &[("gs1-epc-format", "Sometimes")]).map(drop).unwrap_err().0, 406);
        assert_eq!(Socket::open(&town, &credential, &path, &[("gs1-cbv-max", "1.2")]).map(drop).unwrap_err().0, 406);
    }

    fn a_listener_hears_at_the_moments_of_its_schedule(town) {
        let (supplier, credential, _) = somebody(&town, User::Supplier);
        supplier.post(QUERIES, &query("all", json!({}))).expect(201);
        let path = format!("{QUERIES}/all/events?minute=5&hour=9&reportIfEmpty=true");
        let (mut socket, _) = Socket::open(&town, &credential, &path, &[]).unwrap();
        let sent = capture(&town, &supplier, 1..=2);
        town.clock.advance_ms(65 * 60_000);
        assert_eq!(socket.next_ids(), sent);
        town.clock.advance_ms(24 * 60 * 60_000);
        assert_eq!(socket.next_ids(), Vec::<String>::new());
    }

    fn a_handshake_is_refused_as_a_request_would_be(town) {
        let (supplier, credential, _) = somebody(&town, User::Supplier);
        let (_, other, _) = somebody(&town, User::Supplier);
        supplier.post(QUERIES, &query("all", json!({}))).expect(201);
        let refused = |credential: &str, path: &str| {
            let (status, text) = Socket::open(&town, credential, path, &[]).map(drop).unwrap_err();
            let problem: Value = serde_json::from_str(&text).unwrap();
            (status, problem["type"].as_str().unwrap().trim_start_matches("epcisException:").to_owned())
        };
        let stream = format!("{QUERIES}/all/events?stream=true");
        for (credential, path, status, name) in [
            ("wrong", stream.clone(), 401, "SecurityException"),
            (&other, stream.clone(), 404, "NoSuchNameException"),
            (&credential, format!("{stream}&book=xihai"), 403, "SecurityException"),
            (&credential, format!("{QUERIES}/none/events?stream=true"), 404, "NoSuchNameException"),
            (&credential, format!("{QUERIES}/all/events"), 400, "SubscriptionControlsException"),
            (&credential, format!("{stream}&minute=5"), 400, "SubscriptionControlsException"),
            (&credential, format!("{QUERIES}/all/events?minute=61"), 400, "SubscriptionControlsException"),
            (&credential, format!("{stream}&reportIfEmpty=true"), 400, "SubscriptionControlsException"),
            (&credential, format!("{stream}&EQ_bizStep=shipping"), 400, "QueryParameterException"),
            (&credential, format!("{stream}&initialRecordTime=yesterday"), 400, "QueryParameterException"),
        ] {
            assert_eq!(refused(credential, &path), (status, name.to_owned()), "{path}");
        }
        problem(&supplier.with("upgrade", "websocket").get(&stream), 400, "QueryParameterException");
        // So many at a time, and a place is free again when one has gone.
        let mut open: Vec<Socket> = (0..8).map(|_| Socket::open(&town, &credential, &stream, &[]).unwrap().0).collect();
        assert_eq!(Socket::open(&town, &credential, &stream, &[]).map(drop).unwrap_err().0, 429);
        drop(open.pop());
        crate::outside::wait_until("a free place", || Socket::open(&town, &credential, &stream, &[]).is_ok());
        // A page of another site does not listen with the cookie of ours.
        let operator = town.browser(User::Operator);
        operator.post(QUERIES, &query("mine", json!({}))).expect(201);
        let foreign = operator.with("origin", "https://evil.example").with("upgrade", "websocket");
        problem(&foreign.get(&format!("{QUERIES}/mine/events?stream=true")), 403, "SecurityException");
    }

    fn a_listener_who_signed_in_hears_nothing_behind_the_end_of_the_session(town) {
        let (supplier, _, _) = somebody(&town, User::Supplier);
        let admin = base::ActorId::new("system:test").unwrap();
        let kernel = &town.site.kernel;
        town.browser(User::Operator).post(QUERIES, &query("all", json!({}))).expect(201);
        let cookie = || {
            let again = town.site.client().post_form("/sign-in", &[("account", "operator"), ("password", PASSWORD)]).expect(303);
            again.header("set-cookie").split(';').next().unwrap().to_owned()
        };
        let open = |cookie: &str| Socket::shake(&town, &format!("{QUERIES}/all/events?stream=true"), &[("cookie", cookie)]).unwrap().0;
        let secret = |cookie: &str| cookie.split_once('=').unwrap().1.to_owned();
        let over = (CloseCode::Policy, "the session has ended".to_owned());

        let (left, stays) = (cookie(), cookie());
        let (mut gone, mut there) = (open(&left), open(&stays));
        let sent = capture(&town, &supplier, [1]);
        assert_eq!((gone.ids(1), there.ids(1)), (sent.clone(), sent));
        kernel.sign_out(&secret(&left)).unwrap();
        assert_eq!(gone.closed(), over);
        let sent = capture(&town, &supplier, [2]);
        assert_eq!(there.ids(1), sent, "another session of the same account goes on");
        // Listening keeps no session alive: two hours without a request end it.
        town.clock.advance_ms(2 * 3_600_000);
        assert_eq!(there.closed(), over);
        assert!(kernel.session(&secret(&stays)).unwrap().is_none(), "the kernel has it the same way");
        // The administrator resets the password: nothing is told before it was changed.
        let mut listening = open(&cookie());
        kernel.reset_password(&admin, &base::AccountId::new("operator").unwrap()).unwrap();
        capture(&town, &supplier, [3]);
        assert_eq!(listening.closed(), over);
    }

    fn a_listener_hears_nothing_once_its_right_or_its_query_is_gone(town) {
        let (supplier, credential, _) = somebody(&town, User::Supplier);
        let (tracer, tracing, token) = somebody(&town, User::Tracer);
        for client in [&supplier, &tracer] {
            client.post(QUERIES, &query("all", json!({}))).expect(201);
        }
        let path = format!("{QUERIES}/all/events?stream=true");
        let (mut ours, _) = Socket::open(&town, &credential, &path, &[]).unwrap();
        let (mut theirs, _) = Socket::open(&town, &tracing, &path, &[]).unwrap();
        let sent = capture(&town, &supplier, [1]);
        assert_eq!((ours.ids(1), theirs.ids(1)), (sent.clone(), sent));
        town.site.kernel.revoke_token(&base::ActorId::new("system:test").unwrap(), &token).unwrap();
        assert_eq!(theirs.closed().0, CloseCode::Policy);
        supplier.send("DELETE", &format!("{QUERIES}/all"), None, &[]).unwrap().expect(204);
        // Another query under the name is another query.
        supplier.post(QUERIES, &query("all", json!({}))).expect(201);
        capture(&town, &supplier, [2]);
        assert_eq!(ours.closed(), (CloseCode::Normal, "the query was removed".to_owned()));
    }
}
