//! Requests that a page of another site makes a browser send.

use harness::{Answer, Client, Town, User, on_every_store};
use serde_json::Value;

use super::{filled, posted};

const EVIL: &str = "https://evil.example";

/// The session's cookie and its token.
fn session(town: &Town, name: &str, password: &str) -> (Client, String) {
    let anyone = town.site.client();
    let answer = anyone.post_form("/sign-in", &[("account", name), ("password", password)]).expect(303);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let csrf = town.site.kernel.session(cookie.split_once('=').unwrap().1).unwrap().unwrap().csrf;
    (anyone.with("cookie", cookie), csrf)
}

/// Whether a request was refused for where it came from, whatever else would be wrong with it.
fn is_strange(answer: &Answer) -> bool {
    let text = answer.text();
    answer.status == 403 && (text.contains("came from another site"))
}

/// Everything of the API that changes something: method and address.
fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&taizhang::document().to_json().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, methods)| {
        methods
            .as_object()
            .unwrap()
            .keys()
            .map(move |method| (method.to_uppercase(), path.replace(['{', '}'], "")))
    });
    all.filter(|(method, _)| !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS")).collect()
}

on_every_store! {
    fn no_form_and_no_operation_is_taken_from_another_site_or_without_the_sessions_token(town) {
        let (name, password) = town.account(User::Admin);
        let (browser, csrf) = session(&town, &name, password);
        let (other_name, password) = town.account(User::Leader);
        let (_, foreign) = session(&town, &other_name, password);
        let before = town.fingerprint();
        let mut taken = Vec::new();
        let mut note = |what: &str, address: &str, answer: &Answer| {
            if !is_strange(answer) {
                taken.push(format!("{what}: {address}: {} {}", answer.status, answer.text()));
            }
        };
        for address in posted().iter().map(|address| filled(address)) {
            let own = browser.with("x-csrf-token", &csrf);
            // A form that opens a session is not one of the session that is open: where it comes from counts.
            if !matches!(&*address, "/sign-in" | "/sign-in/code") {
                note("without a token", &address, &browser.post_form(&address, &[("x", "y")]));
                note("with an empty token", &address, &browser.post_form(&address, &[("csrf", "")]));
                note("with the token of another session", &address, &browser.post_form(&address, &[("csrf", &foreign)]));
                note("with the token in the address", &address, &browser.post_form(&format!("{address}?csrf={csrf}"), &[]));
                let parts = format!("--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n{csrf}\r\n--b--\r\n");
                note("in parts without a token", &address, &browser.post_bytes(&address, "multipart/form-data; boundary=b", parts.as_bytes()));
                note("as plain text", &address, &browser.post_bytes(&address, "text/plain", format!("csrf={csrf}").as_bytes()));
            }
            note("from another origin", &address, &own.with("origin", EVIL).post_form(&address, &[]));
            note("from no origin", &address, &own.with("origin", "null").post_form(&address, &[]));
            note("from another site", &address, &own.with("sec-fetch-site", "cross-site").post_form(&address, &[]));
            // Whoever is not signed in has no token; where it comes from still counts.
            note("by nobody from another origin", &address, &town.site.client().with("origin", EVIL).post_form(&address, &[]));
        }
        for (method, address) in operations() {
            let send = |client: &Client| client.send(&method, &address, Some("application/json"), b"{}").unwrap();
            note(&format!("{method} without a token"), &address, &send(&browser));
            note(&format!("{method} with the token of another session"), &address, &send(&browser.with("x-csrf-token", &foreign)));
            note(&format!("{method} from another origin"), &address, &send(&browser.with("x-csrf-token", &csrf).with("origin", EVIL)));
        }
        assert!(taken.is_empty(), "{taken:#?}");
        assert_eq!(town.fingerprint(), before);

        // From our own page none of them is refused for where it comes from.
        let own = browser.with("x-csrf-token", &csrf).with("origin", &town.site.base);
        for address in posted().iter().filter(|address| *address != "/sign-out").map(|address| filled(address)) {
            assert!(!is_strange(&own.post_form(&address, &[])), "{address}");
        }
        own.post_form("/sign-out", &[]).expect(303);
        browser.with("accept", "text/html").get("/account").expect(303);
    }

    fn each_page_carries_the_token_under_a_pad_of_its_own(town) {
        let (name, password) = town.account(User::Leader);
        let (browser, csrf) = session(&town, &name, password);
        let carried = || {
            let page = browser.with("accept", "text/html").get("/account").expect(200).text();
            assert!(!page.contains(&csrf), "{page}");
            page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        let (one, two) = (carried(), carried());
        assert_ne!(one, two);
        let changed = format!("{}{}", &two[..32], &one[32..]);
        browser.post_form("/sign-out", &[("csrf", &changed)]).expect(403);
        browser.post_form("/sign-out", &[("csrf", &one)]).expect(303);
    }

    fn a_program_with_a_credential_is_no_browser(town) {
        let operator = town.program(User::Operator).with("origin", EVIL);
        let price = serde_json::json!({ "stall": "A1", "product": "tomato", "fen_per_kg": 720 });
        let input = serde_json::json!({ "kind": "market.price.posted", "body": price });
        operator.post("/api/market/beiyuan/entries", &input).expect(201);
    }

    fn a_name_that_a_request_gives_the_site_is_nowhere_in_the_answer(town) {
        let leader = town.browser(User::Leader).with("accept", "text/html");
        let anyone = town.site.client().with("accept", "text/html");
        let named = |client: &Client| client.with("host", "evil.example").with("x-forwarded-host", "evil.example").with("forwarded", "host=evil.example");
        for (client, path) in [
            (&leader, "/"), (&leader, "/account"), (&leader, "/matters"), (&leader, "/ledger/beiyuan/0"),
            (&leader, "/wall"), (&leader, "/market/beiyuan"), (&leader, "/nowhere"), (&leader, "/api/market/beiyuan/lots?limit=1"),
            (&leader, "/epcis/queries?book=beiyuan"), (&leader, "/market/beiyuan/lots/L1"), (&leader, "/projects"),
            (&anyone, "/"), (&anyone, "/sign-in"), (&anyone, "/ledger/beiyuan/0"), (&anyone, "/assets/x/style.css"),
            (&anyone, "/log/beiyuan/checkpoint"), (&anyone, "/api/openapi.json"),
        ] {
            let answer = named(client).get(path);
            assert!(answer.status < 500, "{path}: {}", answer.text());
            assert!(!answer.text().contains("evil.example"), "{path}: {}", answer.text());
            let told = answer.headers.iter().find(|(_, value)| value.to_str().is_ok_and(|value| value.contains("evil")));
            assert_eq!(told, None, "{path}");
        }
        let wrong = named(&anyone).post_form("/sign-in", &[("account", "nobody"), ("password", "wrong wrong wrong")]).expect(422);
        assert!(!wrong.text().contains("evil.example"));
    }

    fn no_parameter_leads_to_another_site(town) {
        let (name, password) = town.account(User::Leader);
        let anyone = town.site.client().with("accept", "text/html");
        let odd = [
            "https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
            "/\r\nlocation: //evil.example", "javascript:alert(1)", "evil.example", "http:evil.example",
        ];
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        for next in odd {
            let page = anyone.get(&format!("/sign-in?next={}", escaped(next))).expect(200).text();
            assert!(page.contains("name=\"next\" value=\"/\""), "{next:?}: {page}");
        }
        // Signing in is limited, so a few of them go all the way.
        for next in &odd[..4] {
            let fields = [("account", name.as_str()), ("password", password), ("next", next)];
            assert_eq!(anyone.post_form("/sign-in", &fields).expect(303).header("location"), "/", "{next:?}");
        }
        let leader = town.holder_again(&name).with("accept", "text/html");
        for address in odd {
            let kept = leader.post_form("/my/projects/views", &[("name", "x"), ("address", address)]);
            assert_eq!(kept.status, 400, "{address:?}: {}", kept.header("location"));
            let gone = leader.post_form("/my/projects/views/remove", &[("name", "x"), ("address", address)]).expect(303);
            assert_eq!(gone.header("location"), "/projects", "{address:?}");
        }
        for path in ["//evil.example/", "//evil.example/%2e%2e", "/%5cevil.example"] {
            let answer = anyone.get(path);
            let location = answer.header("location");
            assert!(location.is_empty() || (location.starts_with('/') && !location.starts_with("//")), "{path}: {location}");
            assert!(!answer.text().contains("href=\"//evil"), "{path}");
        }
    }
}
