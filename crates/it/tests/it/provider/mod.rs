//! Signing in with a provider of OpenID Connect: one that is not ours, and one that lies.

mod claimed;
mod hostile;
mod outside;

use std::time::{SystemTime, UNIX_EPOCH};

use access::Grant;
use base::{AccountId, ActorId, BookId};
use harness::{Answer, Client, Site, Town, User, on_every_store};
use kernel::{BodyErased, Identity, NewAccount, NewToken};
use notices::Network;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use taizhang::config::{Config, Oidc};

use crate::second_step;
use hostile::{Hostile, Key, encoded, unsigned};
use outside::Outside;

const MINUTE_MS: i64 = 60_000;
const SECRET: &str = "a secret between us: 1+1=2";
const CODE: &str = "the-code-of-the-provider";
const STATUS: &str = "select cast(count(*) as bigint) from session";

fn agreed(issuer: &str) -> Oidc {
    Oidc {
        issuer: issuer.to_owned(),
        client_id: "taizhang".into(),
        secret: Some(SECRET.into()),
        title_zh: "全市统一身份".into(),
        title_en: "the city's identity".into(),
        scopes: vec!["openid".into(), "profile".into()],
        claim: "sub".into(),
        networks: vec![Network::try_from("127.0.0.1".to_owned()).unwrap()],
    }
}

/// The town again, with a provider to sign in with.
fn with(town: Town, oidc: Oidc) -> Town {
    configured(town, |config| config.oidc = Some(oidc))
}

fn configured(town: Town, edit: impl FnOnce(&mut Config)) -> Town {
    let clock = town.clock.clone();
    let place = town.close();
    let mut config = place.config();
    edit(&mut config);
    let site = Site::serve(&config, place.store(), clock.clone());
    Town { site, clock, place }
}

fn page(client: &Client) -> Client {
    client.with("accept", "text/html").with("accept-language", "en")
}

fn anyone(town: &Town) -> Client {
    page(&town.site.client())
}

fn system() -> ActorId {
    ActorId::new("system:test").unwrap()
}

fn account(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn link(town: &Town, name: &str, issuer: &str, identifier: &str) {
    let identity = Identity { issuer: issuer.into(), identifier: identifier.into() };
    town.site.kernel.set_identity(&system(), &account(name), identity).unwrap();
}

/// An account whose one-time password nobody has used.
fn fresh_account(town: &Town, name: &str) -> String {
    let unit = base::UnitCode::new("371400").unwrap();
    let new = NewAccount { account: account(name), unit, title: name.to_owned() };
    town.site.kernel.add_account(&system(), new, None).unwrap().one_time_password.unwrap()
}

/// A cookie that an answer sets, as it is sent back.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.filter_map(|cookie| cookie.split(';').next());
    pairs.find(|pair| pair.starts_with(&format!("{name}="))).map(str::to_owned)
}

fn entered(town: &Town, answer: &Answer) -> Client {
    anyone(town).with("cookie", cookie(answer, "taizhang_session").expect("a session"))
}

fn sessions(town: &Town) -> i64 {
    town.site.kernel.read(|tx| tx.query_one(STATUS, &[])?.unwrap().int(0)).unwrap()
}

/// A browser that was sent to the provider.
struct Sent {
    browser: Client,
    /// Where it was sent.
    address: String,
    cookie: String,
}

impl Sent {
    fn off(town: &Town) -> Self {
        Self::off_from(&anyone(town), town)
    }

    fn off_from(browser: &Client, town: &Town) -> Self {
        let answer = browser.get("/sign-in/provider?next=/matters%3Fx%3D1").expect(303);
        let cookie = cookie(&answer, "taizhang_away").unwrap();
        let address = answer.header("location").to_owned();
        Self { browser: anyone(town).with("cookie", &cookie), address, cookie }
    }

    fn said(&self, name: &str) -> String {
        let query = self.address.split_once('?').unwrap().1;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name}")).1.into_owned()
    }

    /// What the provider would say of somebody, now.
    fn claims(&self, town: &Town, issuer: &str, name: &str) -> Value {
        let now = town.site.kernel.now().0 / 1_000;
        json!({ "iss": issuer, "aud": "taizhang", "sub": name, "nonce": self.said("nonce"), "iat": now, "exp": now + 300 })
    }

    fn back_path(&self) -> String {
        format!("/sign-in/provider/back?code={CODE}&state={}", self.said("state"))
    }

    fn back(&self) -> Answer {
        self.browser.get(&self.back_path())
    }
}

on_every_store! {
    fn whoever_the_provider_vouches_for_enters_as_the_linked_account(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        let with_code = second_step::owner(&town, User::Leader).name;
        let one_time = fresh_account(&town, "fresh");
        for (name, identifier) in [(with_code.as_str(), "u-1"), ("fresh", "u-2")] {
            link(&town, name, &hostile.issuer, identifier);
        }
        let form = anyone(&town).get("/sign-in?next=/matters%3Fx%3D1").expect(200).text();
        assert!(form.contains("href=\"/sign-in/provider?next=%2Fmatters%3Fx%3D1\">Sign in with the city&#39;s identity</a>"), "{form}");

        let sent = Sent::off(&town);
        assert!(sent.address.starts_with(&format!("{}&response_type=code&", hostile.description()["authorization_endpoint"].as_str().unwrap())));
        let back = format!("{}/sign-in/provider/back", town.site.base);
        for (name, value) in [("client_id", "taizhang"), ("redirect_uri", &back), ("scope", "openid profile"), ("code_challenge_method", "S256"), ("ui_locales", "en")] {
            assert_eq!(sent.said(name), value);
        }
        hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-1")));
        let answer = sent.back().expect(303);
        assert_eq!(answer.header("location"), "/matters?x=1");
        assert_eq!(cookie(&answer, "taizhang_away").as_deref(), Some("taizhang_away="), "the way is done with");
        // The provider answers for how it recognised somebody: no code is asked for.
        assert!(entered(&town, &answer).get("/account").expect(200).text().contains(&with_code));

        let asked = &hostile.asked("/token")[0];
        // The secret as RFC 6749 has it, each part of the pair in the form of a form.
        let pair = "taizhang:a+secret+between+us%3A+1%2B1%3D2";
        assert_eq!(asked.authorization, format!("Basic {}", <base64ct::Base64 as base64ct::Encoding>::encode_string(pair.as_bytes())));
        let fields: Vec<(String, String)> = form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["grant_type", "code", "redirect_uri", "code_verifier"]);
        assert_eq!((fields[1].1.as_str(), &fields[2].1), (CODE, &back));
        assert_eq!(encoded(digest(&SHA256, fields[3].1.as_bytes()).as_ref()), sent.said("code_challenge"));

        // Nor does a one-time password hold anybody up who did not give it.
        let sent = Sent::off(&town);
        hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-2")));
        let browser = entered(&town, &sent.back().expect(303));
        assert!(browser.get("/account").expect(200).text().contains("fresh"));
        assert_eq!(hostile.asked("/keys").len(), 1, "what is known is not asked for again");
        // Whoever did give it changes it first, or goes to the provider.
        let given = anyone(&town).post_form("/sign-in", &[("account", "fresh"), ("password", &one_time)]).expect(303);
        let held = entered(&town, &given);
        assert_eq!(held.get("/account").expect(303).header("location"), "/account/password");
        assert!(held.get("/sign-in/provider").expect(303).header("location").contains("/authorize?"));
        town.check();
    }

    fn a_way_back_counts_once_in_time_and_in_the_browser_that_was_sent(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        fresh_account(&town, "fresh");
        link(&town, "fresh", &hostile.issuer, "u-1");
        let before = sessions(&town);
        let ended = |answer: Answer| {
            let text = answer.expect(400).text();
            assert!(text.contains("The sign-in was not finished") && !text.contains(CODE), "{text}");
        };
        let sent = Sent::off(&town);
        hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-1")));
        let other = Sent::off(&town);
        // Somebody who is led here with the code of another, with or without a way of their own.
        ended(anyone(&town).get(&sent.back_path()));
        ended(other.browser.get(&sent.back_path()));
        ended(sent.browser.get(&format!("/sign-in/provider/back?code={CODE}")));
        ended(sent.browser.get(&format!("/sign-in/provider/back?state={}", sent.said("state"))));
        assert_eq!((hostile.asked("/token").len(), sessions(&town)), (0, before));

        // Another one is good once.
        let sent = Sent::off(&town);
        hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-1")));
        sent.back().expect(303);
        ended(sent.back());
        assert_eq!((hostile.asked("/token").len(), sessions(&town)), (1, before + 1));

        let sent = Sent::off(&town);
        town.clock.advance_ms(10 * MINUTE_MS);
        hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-1")));
        ended(sent.back());
        let limited = (0..130).map(|_| anyone(&town).get(&sent.back_path())).find(|answer| answer.status == 429);
        assert!(limited.expect("a limit").header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    }

    fn what_leads_to_the_provider_is_kept_in_the_browser_alone(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = configured(town, |config| {
            config.oidc = Some(agreed(&hostile.issuer));
            config.public_url = Some("https://ledger.example".into());
        });
        fresh_account(&town, "fresh");
        link(&town, "fresh", &hostile.issuer, "u-1");
        let answer = anyone(&town).get("/sign-in/provider?next=//evil.example").expect(303);
        let set = answer.header("set-cookie").to_owned();
        assert!(set.ends_with("; Path=/sign-in/provider; Max-Age=600; HttpOnly; SameSite=Lax; Secure"), "{set}");
        let cookie_pair = cookie(&answer, "taizhang_away").unwrap();
        let sent = Sent { browser: anyone(&town).with("cookie", &cookie_pair), address: answer.header("location").into(), cookie: cookie_pair };
        assert_eq!(sent.said("redirect_uri"), "https://ledger.example/sign-in/provider/back");

        let token = key.sign(&sent.claims(&town, &hostile.issuer, "u-1"));
        hostile.give(&token);
        const CAME: &str = "select hash from came_back";
        let came = || town.site.kernel.read(|tx| tx.query(CAME, &[])).unwrap();
        assert!(came().is_empty(), "whoever is sent there leaves nothing behind");
        let value = sent.cookie.split_once('=').unwrap().1;
        // Another way, another session or a later end were not vouched for.
        for forged in [value.replacen('.', ".9", 1), format!("x{value}"), value[..value.len() - 1].to_owned()] {
            assert!(town.site.kernel.take_back(&forged).unwrap().is_none(), "{forged}");
        }
        assert!(town.site.kernel.take_back(value).unwrap().is_some());
        let answer = sent.back().expect(303);
        assert_eq!(answer.header("location"), "/", "nobody is led to another site");
        assert_eq!(came().len(), 1);
        for secret in [value, &sent.said("state"), &sent.said("nonce")] {
            assert_ne!(came()[0].text(0).unwrap(), secret);
        }

        let verifier = hostile.asked("/token")[0].body.split_once("code_verifier=").unwrap().1.to_owned();
        let book = BookId::new(kernel::ROOT_BOOK).unwrap();
        let size = town.fingerprint().into_iter().find(|(book, ..)| book == kernel::ROOT_BOOK).unwrap().1;
        for seq in 0..size {
            let text = format!("{:?}", town.site.kernel.entry(&book, base::Seq(seq)).unwrap().unwrap());
            for secret in [SECRET, CODE, value, &verifier, &token, &sent.said("nonce")] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }

    fn no_token_that_does_not_fit_opens_a_session(town) {
        let (key, foreign) = (Key::new("k1"), Key::new("k2"));
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        fresh_account(&town, "fresh");
        link(&town, "fresh", &hostile.issuer, "u-1");
        let before = sessions(&town);
        let changed = |claims: &Value, name: &str, value: Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            claims
        };
        let now = town.site.kernel.now().0 / 1_000;
        let mut tried = 0;
        let mut refuse = |what: &str, token: &dyn Fn(&Value) -> String| {
            let sent = Sent::off(&town);
            let token = token(&sent.claims(&town, &hostile.issuer, "u-1"));
            hostile.give(&token);
            let answer = sent.back();
            assert_eq!((answer.status, cookie(&answer, "taizhang_session")), (502, None), "{what}");
            let text = answer.text();
            assert!(text.contains("Your identity could not be confirmed") && !text.contains(&token), "{what}: {text}");
            tried += 1;
            let again = sent.back();
            assert_eq!((again.status, cookie(&again, "taizhang_session")), (502, None), "{what}: again");
        };
        for (name, value) in [
            ("iss", json!("http://127.0.0.1:1/realm")),
            ("aud", json!("another")),
            ("aud", json!(["taizhang", "another"])),
            ("azp", json!("another")),
            ("nonce", json!("another")),
            ("nonce", Value::Null),
            ("exp", json!(now - 60)),
            ("exp", Value::Null),
            ("iat", json!(now - 3_600)),
            ("iat", json!(now + 3_600)),
            ("sub", json!("")),
            ("sub", json!(["u-1"])),
        ] {
            refuse(&format!("{name} {value}"), &|claims| key.sign(&changed(claims, name, value.clone())));
        }
        refuse("alg none", &|claims| format!("{}.", unsigned(&json!({ "alg": "none" }), claims)));
        refuse("alg none, named", &|claims| format!("{}.", unsigned(&json!({ "alg": "none", "kid": "k1" }), claims)));
        for which in 0..2 {
            refuse("keyed with the public key", &|claims| key.keyed_with_public(claims)[which].clone());
        }
        refuse("signed by another key under the name", &|claims| foreign.sign_as("k1", claims));
        refuse("a key that is not published", &|claims| foreign.sign(claims));
        refuse("its own key under another name", &|claims| key.sign_as("k2", claims));
        refuse("no signature", &|claims| key.sign(claims).rsplit_once('.').unwrap().0.to_owned() + ".");
        refuse("claims changed after signing", &|claims| {
            let (mine, theirs) = (key.sign(claims), key.sign(&changed(claims, "sub", json!("u-2"))));
            let payload = |token: &str| token.split('.').nth(1).unwrap().to_owned();
            mine.replace(&payload(&mine), &payload(&theirs))
        });
        refuse("no token", &|_| "nothing".into());
        assert_eq!(sessions(&town), before);
        assert_eq!(hostile.asked("/token").len(), 2 * tried, "each of them twice");

        // A browser that says it comes from another provider is believed as little.
        let sent = Sent::off(&town);
        hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-1")));
        sent.browser.get(&format!("{}&iss=https%3A%2F%2Fevil.example", sent.back_path())).expect(502);
        assert_eq!(hostile.asked("/token").len(), 2 * tried, "the code is not shown");
        // With everything as it should be somebody enters: it was none of the other checks.
        let sent = Sent::off(&town);
        hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-1")));
        sent.back().expect(303);
    }

    fn a_key_that_is_new_is_looked_for_once_and_not_for_every_token(town) {
        let (old, new, never) = (Key::new("old"), Key::new("new"), Key::new("never"));
        let hostile = Hostile::start(&old);
        let town = with(town, agreed(&hostile.issuer));
        fresh_account(&town, "fresh");
        link(&town, "fresh", &hostile.issuer, "u-1");
        let come = |key: &Key| {
            let sent = Sent::off(&town);
            hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-1")));
            (sent.back().status, hostile.asked("/keys").len())
        };
        assert_eq!(come(&old), (303, 1));
        hostile.publish(&[&old, &new]);
        // It was asked only just now.
        assert_eq!(come(&new), (502, 1));
        town.clock.advance_ms(MINUTE_MS);
        assert_eq!(come(&new), (303, 2));
        assert_eq!(come(&old), (303, 2));
        town.clock.advance_ms(MINUTE_MS);
        assert_eq!([come(&never), come(&never), come(&never)], [(502, 3); 3]);
        // A key that was taken out of the set counts an hour longer at most.
        hostile.publish(&[&new]);
        assert_eq!(come(&old), (303, 3));
        town.clock.advance_ms(60 * MINUTE_MS);
        assert_eq!(come(&old), (502, 4));
        assert_eq!(come(&new), (303, 4));
        assert_eq!(hostile.asked("/realm/.well-known/openid-configuration").len(), 2);
    }

    fn whoever_is_linked_with_no_account_gets_none_and_is_told_what_to_say(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        let (accounts, before) = (town.site.kernel.accounts().unwrap(), town.fingerprint());
        let come = |language: &str| {
            let sent = Sent::off(&town);
            hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "<b>wei</b>")));
            let answer = sent.browser.with("accept-language", language).get(&format!("{}&lang={language}", sent.back_path()));
            assert_eq!(cookie(&answer, "taizhang_session"), None);
            let text = answer.expect(403).text();
            assert!(text.contains("&#60;b&#62;wei&#60;/b&#62;") && !text.contains("<b>wei") && !text.contains(CODE), "{text}");
            text
        };
        assert!(come("en").contains("the city&#39;s identity knows you, but no account here is linked"));
        assert!(come("zh-CN").contains("请联系本单位管理员，并提供以下身份标识"));
        assert_eq!((town.site.kernel.accounts().unwrap(), town.fingerprint(), sessions(&town)), (accounts, before, 0));
    }

    fn an_administrator_links_an_account_and_ends_the_link_with_its_sessions(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        for name in ["fresh", "second"] {
            fresh_account(&town, name);
        }
        let admin = town.program(User::Admin);
        let path = |name: &str| format!("/api/accounts/{name}/identity");
        let put = |client: &Client, name: &str, identifier: &str| {
            let body = json!({ "issuer": hostile.issuer, "identifier": identifier }).to_string();
            client.send("PUT", &path(name), Some(harness::JSON), body.as_bytes()).unwrap()
        };
        let delete = |client: &Client, name: &str| client.send("DELETE", &path(name), None, &[]).unwrap();
        let come = |identifier: &str| {
            let sent = Sent::off(&town);
            hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, identifier)));
            sent.back()
        };
        let listed = |name: &str| {
            let all = admin.get("/api/accounts").expect(200).json();
            all.as_array().unwrap().iter().find(|it| it["account"] == name).unwrap()["identity"].clone()
        };
        for user in [User::Operator, User::Auditor, User::Leader] {
            put(&town.program(user), "fresh", "u-1").expect(403);
            delete(&town.program(user), "fresh").expect(403);
        }
        delete(&admin, "fresh").expect(409);
        put(&admin, "nobody", "u-1").expect(404);
        for odd in ["", " ", " u-1", "u\n1", &"u".repeat(256)] {
            put(&admin, "fresh", odd).expect(400);
        }
        put(&admin, "fresh", "u-1").expect(200);
        assert_eq!(listed("fresh"), json!({ "issuer": hostile.issuer, "identifier": "u-1" }));
        assert_eq!(listed("second"), Value::Null);
        // Nobody is two accounts.
        put(&admin, "second", "u-1").expect(409);
        put(&admin, "fresh", "u-1").expect(409);
        let browser = entered(&town, &come("u-1").expect(303));
        browser.get("/account").expect(200);
        put(&admin, "fresh", "u-2").expect(200);
        browser.get("/account").expect(303);
        come("u-1").expect(403);
        let browser = entered(&town, &come("u-2").expect(303));
        delete(&admin, "fresh").expect(200);
        browser.get("/account").expect(303);
        come("u-2").expect(403);

        // Whoever was disabled does not enter, and may be given another account.
        put(&admin, "fresh", "u-1").expect(200);
        admin.post("/api/accounts/fresh/disable", &Value::Null).expect(200);
        assert!(come("u-1").expect(403).text().contains("is disabled"));
        put(&admin, "fresh", "u-3").expect(409);
        put(&admin, "second", "u-1").expect(200);
        assert_ne!(listed("fresh"), Value::Null, "what is closed is left alone");
        come("u-1").expect(303);
        town.check();
    }

    fn what_the_provider_calls_somebody_can_be_erased_and_the_link_ends_with_it(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        fresh_account(&town, "fresh");
        let identity = |identifier: &str| Identity { issuer: hostile.issuer.clone(), identifier: identifier.into() };
        let set = |identifier: &str| town.site.kernel.set_identity(&system(), &account("fresh"), identity(identifier)).unwrap();
        let (first, second) = (set("u-1"), set("u-2"));
        let book = BookId::new(kernel::ROOT_BOOK).unwrap();
        // It may be a number of staff, so only those read it who see accounts.
        let read = |role: &str| {
            let unit = base::UnitCode::new("371400").unwrap();
            let grants = vec![Grant { role: role.into(), unit: unit.clone(), line: None, subject: None }];
            let token = NewToken { title: role.into(), unit, grants, expires: None };
            let credential = town.site.kernel.issue_token(&system(), token).unwrap().credential.unwrap();
            town.site.client().bearer(&credential).get(&format!("/api/ledger/registry/{}", second.seq.0)).expect(200).json()
        };
        assert_eq!(read("auditor")["body"]["identifier"], "u-2");
        let withheld = read("leader");
        assert_eq!((&withheld["body"], &withheld["withheld"]), (&Value::Null, &json!("kernel.account.list")));
        let erase = |seq: base::Seq| {
            let erasure = BodyErased { seq: seq.0, reason: "本人申请".into(), legal_basis: "个人信息保护法第四十七条".into() };
            town.site.kernel.erase(&book, &system(), erasure).unwrap();
            town.check();
        };
        let linked = || town.site.kernel.accounts().unwrap().into_iter().find_map(|row| row.identity);
        erase(first.seq);
        assert_eq!(linked(), Some(identity("u-2")), "the one before is gone anyway");
        erase(second.seq);
        assert_eq!(linked(), None);
        let sent = Sent::off(&town);
        hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-2")));
        sent.back().expect(403);
    }

    fn a_provider_that_fails_is_told_as_such_in_both_languages(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        anyone(&town).get("/sign-in/provider").expect(404);
        assert!(!anyone(&town).get("/sign-in").expect(200).text().contains("/sign-in/provider"));
        let town = with(town, agreed(&hostile.issuer));
        let unavailable = |what: &str| {
            let answer = anyone(&town).get("/sign-in/provider").expect(502);
            assert!(answer.text().contains("The identity provider is not available"), "{what}");
            assert_eq!(cookie(&answer, "taizhang_away"), None, "{what}");
        };
        let described = |name: &str, value: &str| {
            let mut description = hostile.description();
            description[name] = json!(value);
            hostile.describe(&description);
            unavailable(name);
        };
        described("issuer", "https://id.example");
        described("authorization_endpoint", "javascript:alert(1)");
        described("authorization_endpoint", "http://127.0.0.1:1/\r\nset-cookie: a=b");
        described("jwks_uri", "file:///etc/passwd");
        for (status, body) in [(500, "{}"), (302, "{}"), (200, "not JSON"), (200, "{}"), (200, "[]")] {
            hostile.answer("/realm/.well-known/openid-configuration", status, body);
            unavailable(body);
        }
        assert_eq!(hostile.asked("/elsewhere").len(), 0, "no redirect is followed");

        hostile.describe(&hostile.description());
        let come = |path: &str, status: u16, body: &str| {
            let sent = Sent::off(&town);
            hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-1")));
            hostile.answer(path, status, body);
            let browser = sent.browser.with("accept-language", "zh-CN");
            browser.get(&format!("{}&lang=zh-CN", sent.back_path())).expect(502).text()
        };
        assert!(come("/token", 200, "{}").contains("统一身份认证暂时不可用"));
        assert!(come("/token", 400, r#"{"error":"invalid_grant","error_description":"<b>odd</b>"}"#).contains("身份未能确认"));
        assert!(come("/keys", 503, "").contains("统一身份认证暂时不可用"));
        assert!(come("/keys", 200, &"x".repeat(300_000)).contains("统一身份认证暂时不可用"));
        // A program is told as programs are.
        let problem = town.site.client().get("/sign-in/provider/back?code=a&state=b").expect(400).json();
        assert_eq!(problem["type"], "/problems/sign-in-ended");

        let turned_away = |error: &str| {
            let sent = Sent::off(&town);
            let text = sent.browser.get(&format!("/sign-in/provider/back?error={error}&state={}", sent.said("state"))).expect(403).text();
            assert!(text.contains("Not signed in") && !text.contains(error));
        };
        turned_away("access_denied");
        turned_away("a_made_up_text");
    }

    fn a_provider_inside_is_reached_only_where_the_configuration_says(town) {
        let hostile = Hostile::start(&Key::new("k1"));
        let networks = vec![Network::try_from("10.20.0.0/16".to_owned()).unwrap()];
        let town = with(town, Oidc { networks, ..agreed(&hostile.issuer) });
        anyone(&town).get("/sign-in/provider").expect(502);
        assert_eq!(hostile.asked("/realm/.well-known/openid-configuration").len(), 0);
    }

    fn somebody_signs_in_with_a_provider_that_is_not_ours(town) {
        let Some(outside) = Outside::start(SECRET) else { return };
        let town = with(town, agreed(&outside.issuer));
        // Its clock is the machine's.
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        town.clock.advance_ms(now - town.site.kernel.now().0);
        fresh_account(&town, "fresh");
        let sent = Sent::off(&town);
        let back = outside.sign_in(&sent.address, "wei-0041");
        let path = |address: &str| address.strip_prefix(&town.site.base).expect("back to us").to_owned();
        let text = sent.browser.get(&path(&back)).expect(403).text();
        assert!(text.contains("<code>wei-0041</code>"), "{text}");

        link(&town, "fresh", &outside.issuer, "wei-0041");
        let sent = Sent::off(&town);
        let back = path(&outside.sign_in(&sent.address, "wei-0041"));
        let answer = sent.browser.get(&back).expect(303);
        assert_eq!(answer.header("location"), "/matters?x=1");
        assert!(entered(&town, &answer).get("/account").expect(200).text().contains("fresh"));
        // The same code once more, as if the way back had not been used up here.
        let again = Sent::off(&town);
        let code = back.split_once("code=").unwrap().1.split('&').next().unwrap();
        again.browser.get(&format!("/sign-in/provider/back?code={code}&state={}&iss={}", again.said("state"), outside.issuer)).expect(502);

        let sent = Sent::off(&town);
        let back = path(&outside.break_off(&sent.address));
        assert!(back.contains("error=access_denied"), "{back}");
        assert!(sent.browser.get(&back).expect(403).text().contains("You broke off"));
        town.check();
    }
}
