//! Headers and cookies on every sort of answer, and how long what was given out holds.

use access::Grant;
use base::{ActorId, UnitCode};
use harness::{Answer, Client, Site, StateStream, Town, User, on_every_store};
use kernel::NewToken;
use serde_json::json;
use taizhang::Config;

/// The same town, reached over TLS.
fn over_tls(town: Town) -> Town {
    let clock = town.clock.clone();
    let place = town.close();
    let config = Config { public_url: Some("https://ledger.example".into()), ..place.config() };
    let site = Site::serve(&config, place.store(), clock.clone());
    Town { site, clock, place }
}

fn system() -> ActorId {
    ActorId::new("system:test").unwrap()
}

/// The head of an answer that stays open.
fn head(client: &Client, path: &str) -> String {
    use std::io::{BufRead, BufReader};
    let stream = client.open("GET", path, &[("accept", "text/event-stream")]);
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase() + "\n").collect()
}

/// The attributes of each cookie that an answer sets.
fn cookies(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// What every answer says: the parts that never change, and what may be kept.
const ALWAYS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("strict-transport-security", "max-age=63072000"),
];

on_every_store! {
    fn every_sort_of_answer_keeps_browsers_in_bounds(town) {
        let town = over_tls(town);
        let page = |client: &Client| client.with("accept", "text/html");
        let (anyone, leader) = (page(&town.site.client()), page(&town.browser(User::Leader)));
        let sheet = anyone.get("/sign-in").text();
        let style = sheet.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let program = town.program(User::Leader);
        let scale = town.scale(1);
        let answers = [
            ("a page", leader.get("/account").expect(200)),
            ("a public page", anyone.get("/sign-in").expect(200)),
            ("an answer of the API", program.get("/api/market/beiyuan/lots").expect(200)),
            ("a problem", program.get("/api/accounts").expect(403)),
            ("a problem as a page", leader.get("/admin/accounts").expect(403)),
            ("a problem as a notice", leader.with("hx-request", "true").get("/admin/accounts").expect(403)),
            ("nothing there", anyone.get("/nowhere").expect(404)),
            ("a method that is not taken", anyone.send("PUT", "/sign-in", None, &[]).unwrap().expect(405)),
            ("a refused form", anyone.post_form("/sign-in", &[("account", "x"), ("password", "wrong wrong")]).expect(422)),
            ("a form of another site", anyone.with("origin", "https://evil.example").post_form("/sign-in", &[]).expect(403)),
            ("an asset", anyone.get(&style).expect(200)),
            ("an asset of before", anyone.get("/assets/0/style.css")),
            ("a redirect", anyone.get("/").expect(303)),
            ("a redirect to the sign-in", anyone.get("/ledger/beiyuan/0").expect(303)),
            ("a download", leader.get("/market/beiyuan/lots?export=csv").expect(200)),
            ("the document", anyone.get("/api/openapi.json").expect(200)),
            ("health", anyone.get("/healthz").expect(200)),
            ("the log", anyone.get("/log/beiyuan/checkpoint").expect(200)),
            ("too large a body", scale.answer_to_promise("/scale/v1/sales", "application/json", 1 << 40)),
        ];
        for (what, answer) in &answers {
            for (name, value) in ALWAYS {
                assert_eq!(answer.header(name), value, "{what}: {name}");
            }
            let csp = answer.header("content-security-policy");
            assert!(csp.starts_with("default-src 'none'; ") && !csp.contains("unsafe") && !csp.contains('*'), "{what}: {csp}");
            assert!(csp.contains("frame-ancestors 'none'"), "{what}: {csp}");
            // What is no page runs, loads and follows nothing at all.
            let media = answer.header("content-type");
            if media.is_empty() || media.starts_with("text/html") {
                for rule in ["form-action 'self'", "base-uri 'none'", "script-src 'self';"] {
                    assert!(csp.contains(rule), "{what}: {rule}");
                }
            } else {
                assert!(csp.contains("sandbox") && !csp.contains("-src 'self'"), "{what}: {csp}");
            }
            assert_eq!(answer.header("server"), "", "{what}");
            // Only what is public and the same for everybody is kept on the way.
            let kept = matches!(*what, "an asset" | "the log");
            assert!(kept || answer.header("cache-control") == "no-store", "{what}: {}", answer.header("cache-control"));
        }
        for (what, head) in [
            ("the stream of a scale", head(&scale, "/scale/v1/stream")),
            ("the stream of matters", head(&town.program(User::Leader), "/matters/live")),
        ] {
            for (name, value) in ALWAYS {
                assert!(head.contains(&format!("{name}: {}", value.to_lowercase())), "{what}: {name}: {head}");
            }
            assert!(head.contains("content-security-policy: default-src 'none'"), "{what}: {head}");
        }
    }

    fn every_cookie_that_lets_somebody_in_is_out_of_reach_of_scripts_and_of_other_sites(town) {
        let town = over_tls(town);
        let (name, password) = town.account(User::Leader);
        let anyone = town.site.client();
        let signed_in = anyone.post_form("/sign-in", &[("account", &name), ("password", password)]).expect(303);
        let set = cookies(&signed_in);
        assert_eq!(set.len(), 1);
        assert!(set[0].starts_with("taizhang_session=") && set[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{set:?}");
        let token = NewToken {
            title: "wall".into(),
            unit: UnitCode::new("371402").unwrap(),
            grants: vec![Grant { role: "wall".into(), unit: UnitCode::new("371402").unwrap(), line: None, subject: None }],
            expires: None,
        };
        let credential = town.site.kernel.issue_token(&system(), token).unwrap().credential.unwrap();
        let set = cookies(&anyone.post("/kiosk", &json!({ "token": credential })).expect(200));
        assert!(set[0].starts_with("taizhang_kiosk=") && set[0].contains("; Path=/wall; "), "{set:?}");
        assert!(set[0].ends_with("; HttpOnly; SameSite=Strict; Secure"), "{set:?}");
        // Whoever signs out takes the cookie away under the same name and path.
        let cookie = cookies(&signed_in)[0].split(';').next().unwrap().to_owned();
        let csrf = town.site.kernel.session(cookie.split_once('=').unwrap().1).unwrap().unwrap().csrf;
        let out = anyone.with("cookie", cookie).post_form("/sign-out", &[("csrf", &csrf)]).expect(303);
        assert!(cookies(&out)[0].starts_with("taizhang_session=; Path=/; Max-Age=0"), "{:?}", cookies(&out));
    }

    fn a_session_has_a_new_name_after_signing_in_and_after_the_password_changes(town) {
        let (name, password) = town.account(User::Leader);
        let anyone = town.site.client();
        let enter = |client: &Client, password: &str| {
            let answer = client.post_form("/sign-in", &[("account", &name), ("password", password)]).expect(303);
            cookies(&answer)[0].split(';').next().unwrap().to_owned()
        };
        let with = |cookie: &str| anyone.with("cookie", cookie);
        let csrf = |cookie: &str| town.site.kernel.session(cookie.split_once('=').unwrap().1).unwrap().map(|session| session.csrf);
        let first = enter(&anyone, password);
        // Signing in again in the same browser, as somebody who planted the first name would have it.
        let own = csrf(&first).unwrap();
        let second = enter(&with(&first).with("x-csrf-token", &own), password);
        assert_ne!(first, second);
        assert_ne!(csrf(&first), csrf(&second));
        let own = csrf(&second).unwrap();
        let new = "another long password";
        let fields = [("csrf", own.as_str()), ("old_password", password), ("new_password", new), ("again", new)];
        let third = with(&second).post_form("/account/password", &fields).expect(303);
        let third = cookies(&third)[0].split(';').next().unwrap().to_owned();
        for dead in [&first, &second] {
            with(dead).get("/api/matters").expect(401);
            assert_ne!(dead, &third);
        }
        assert_ne!(csrf(&third).unwrap(), own);
        with(&third).get("/api/matters").expect(200);
        // The token of before is good for nothing.
        with(&third).post_form("/account/totp/begin", &[("csrf", &own), ("password", new)]).expect(403);
    }

    fn a_token_holds_until_it_expires_or_is_revoked_and_a_stream_ends_with_it(town) {
        let grant = Grant { role: "leader".into(), unit: UnitCode::new("371402").unwrap(), line: None, subject: None };
        let new = NewToken {
            title: "short".into(),
            unit: UnitCode::new("371402").unwrap(),
            grants: vec![grant],
            expires: Some(town.site.kernel.now().plus_ms(60_000)),
        };
        let credential = town.site.kernel.issue_token(&system(), new).unwrap().credential.unwrap();
        let program = town.site.client().bearer(&credential);
        program.get("/api/matters").expect(200);
        town.clock.advance_ms(59_999);
        program.get("/api/matters").expect(200);
        town.clock.advance_ms(1);
        program.get("/api/matters").expect(401);

        let scale = town.scale(1);
        let stream = StateStream::open(&scale);
        let issued = town.issue(User::Leader);
        let program = town.site.client().bearer(&issued.credential.unwrap());
        let matters = program.open("GET", "/matters/live", &[("accept", "text/event-stream"), ("connection", "close")]);
        // It listens once it has answered.
        matters.peek(&mut [0]).unwrap();
        let token = issued.actor.as_str().trim_start_matches("token:");
        town.program(User::Admin).send("DELETE", &format!("/api/tokens/{token}"), None, &[]).unwrap().expect(200);
        program.get("/api/matters").expect(401);
        ended(matters);
        // Nobody else's does, until what it was opened with is taken away.
        town.revoke_scale(1);
        stream.ended();
        assert_eq!(scale.get("/scale/v1/stream").expect(401).json()["status"], json!(401));
    }
}

/// Waits until the server has ended a stream.
fn ended(mut stream: std::net::TcpStream) {
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut rest).expect("the stream ends within half a minute");
    let text = String::from_utf8_lossy(&rest);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}
