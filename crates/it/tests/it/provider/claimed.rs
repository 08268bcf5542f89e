//! Identities that somebody other than their owner lays a claim to.

use harness::{Client, User, on_every_store};
use kernel::NewAccount;
use serde_json::json;

use super::*;
use crate::second_step::between;

/// An administrator of the first market alone.
fn local_admin(town: &Town) -> Client {
    town.holder("qian", &[]);
    let unit = base::UnitCode::new("beiyuan-market").unwrap();
    let grant = Grant { role: "admin".into(), unit, line: None, subject: None };
    town.site.kernel.give_grant(&system(), &ActorId::new("account:qian").unwrap(), grant).unwrap();
    town.holder_again("qian")
}

/// An account of the first market, with a password of its own.
fn market_account(town: &Town, name: &str) {
    let unit = base::UnitCode::new("beiyuan-market").unwrap();
    let new = NewAccount { account: account(name), unit, title: name.to_owned() };
    town.site.kernel.add_account(&system(), new, Some("correct horse battery")).unwrap();
}

on_every_store! {
    fn an_identity_that_a_unit_claims_opens_nothing_until_its_owner_confirms_and_stays_free_for_others(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        market_account(&town, "trap");
        market_account(&town, "wei");
        let admin = local_admin(&town);
        let put = |client: &Client, name: &str, identifier: &str| {
            let body = json!({ "issuer": hostile.issuer, "identifier": identifier }).to_string();
            client.send("PUT", &format!("/api/accounts/{name}/identity"), Some(harness::JSON), body.as_bytes()).unwrap()
        };
        let come = |browser: Option<&Client>| {
            let sent = match browser {
                Some(browser) => Sent::off_from(browser, &town),
                None => Sent::off(&town),
            };
            hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-wei")));
            match browser {
                // Its own cookie and that of the way go together.
                Some(cookie) => cookie.with("cookie", &sent.cookie).get(&sent.back_path()),
                None => sent.back(),
            }
        };
        let signed_in = |name: &str| {
            let fields = [("account", name), ("password", "correct horse battery")];
            let answer = anyone(&town).post_form("/sign-in", &fields).expect(303);
            anyone(&town).with("cookie", cookie(&answer, "taizhang_session").unwrap())
        };
        // Somebody else's identity: its owner does not become the account, and is told who claims it.
        put(&admin, "trap", "u-wei").expect(200);
        let before = sessions(&town);
        let shown = come(None).expect(403).text();
        assert!(shown.contains("“trap”") && shown.contains("/sign-in?next=%2Fsign-in%2Fprovider%3Fnext%3D%252Fmatters%253Fx%253D1"), "{shown}");
        assert_eq!(sessions(&town), before);
        // Who has the account and not the identity confirms nothing either: nobody comes back for them.
        let page = page(&town.holder_again("qian")).get("/admin/accounts/trap").expect(200).text();
        assert!(page.contains("u-wei (not confirmed by its owner yet)"), "{page}");

        // Its own unit links it none the less, whoever lays a claim to it later, and the owner confirms with the account's password.
        put(&admin, "wei", "u-wei").expect(200);
        put(&admin, "trap", "u-wei").expect(200);
        assert!(come(None).expect(403).text().contains("“wei / trap”"));
        come(Some(&signed_in("qian"))).expect(403);
        // Nor does who resets the password: a one-time password is not the owner's.
        let reset = admin.post("/api/accounts/trap/reset-password", &json!({})).expect(200).json();
        let fields = [("account", "trap"), ("password", reset["one_time_password"].as_str().unwrap())];
        let once = cookie(&anyone(&town).post_form("/sign-in", &fields).expect(303), "taizhang_session").unwrap().to_owned();
        come(Some(&anyone(&town).with("cookie", &once))).expect(403);
        // Nor does who was sent there by somebody else's browser.
        let planted = Sent::off(&town);
        hostile.give(&key.sign(&planted.claims(&town, &hostile.issuer, "u-wei")));
        signed_in("wei").with("cookie", &planted.cookie).get(&planted.back_path()).expect(403);
        // Nor does a session whose owner gave the password long ago: it may be stolen.
        let old = signed_in("wei");
        town.clock.advance_ms(15 * 60_000);
        come(Some(&old)).expect(403);
        let admin = town.holder_again("qian");
        // Nor does who only comes back: whoever has a link that leads there may have signed the browser in at the provider. The owner
        // sees which identity it is, and says so from that page.
        let owner = signed_in("wei");
        let before = sessions(&town);
        let shown = come(Some(&owner)).expect(200).text();
        assert!(shown.contains("<code>u-wei</code>") && shown.contains("<dd>wei</dd>"), "{shown}");
        assert_eq!(sessions(&town), before);
        come(None).expect(403);
        let offer = between(&shown, "name=\"offer\" value=\"", "\"");
        let confirm = |browser: &Client, offer: &str| {
            let page = browser.get("/account/password").expect(200).text();
            let token = between(&page, "name=\"csrf\" value=\"", "\"");
            browser.post_form("/sign-in/provider/link", &[("csrf", token), ("offer", offer)])
        };
        owner.post_form("/sign-in/provider/link", &[("offer", offer)]).expect(403);
        confirm(&signed_in("wei"), offer).expect(400);
        confirm(&owner, &offer.replace('A', "B")).expect(400);
        let browser = entered(&town, &confirm(&owner, offer).expect(303));
        confirm(&owner, offer).expect(400);
        assert!(browser.get("/account").expect(200).text().contains("wei"));
        // From then on it opens the account, and is nobody else's.
        come(None).expect(303);
        let still = entered(&town, &come(Some(&anyone(&town).with("cookie", &once))).expect(303));
        assert!(still.get("/account").expect(200).text().contains("wei"), "who waits longer has nothing");
        put(&admin, "trap", "u-wei").expect(409);
        // The root's administrator is believed.
        put(&town.program(User::Admin), "trap", "u-2").expect(200);
        let second = || {
            let sent = Sent::off(&town);
            hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-2")));
            sent.back()
        };
        second().expect(303);
        // Whoever knew a password may have confirmed the link: with another one it is asked for again, unless the root set it.
        for name in ["wei", "trap"] {
            admin.post(&format!("/api/accounts/{name}/reset-password"), &json!({})).expect(200);
        }
        come(None).expect(403);
        second().expect(303);
        town.check();
    }

    fn a_closed_account_that_had_an_identity_hides_none_that_waits_for_it(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        market_account(&town, "former");
        market_account(&town, "wei");
        let admin = local_admin(&town);
        link(&town, "former", &hostile.issuer, "u-wei");
        town.site.kernel.disable_account(&system(), &account("former")).unwrap();
        let come = || {
            let sent = Sent::off(&town);
            hostile.give(&key.sign(&sent.claims(&town, &hostile.issuer, "u-wei")));
            sent.back().expect(403).text()
        };
        let closed = come();
        let body = json!({ "issuer": hostile.issuer, "identifier": "u-wei" }).to_string();
        admin.send("PUT", "/api/accounts/wei/identity", Some(harness::JSON), body.as_bytes()).unwrap().expect(200);
        let shown = come();
        assert!(shown.contains("“wei”") && !shown.contains("“former”"), "{shown}");
        town.site.kernel.disable_account(&system(), &account("wei")).unwrap();
        assert_eq!(come(), closed);
        town.check();
    }

    fn a_link_on_another_site_signs_nobody_in(town) {
        let key = Key::new("k1");
        let hostile = Hostile::start(&key);
        let town = with(town, agreed(&hostile.issuer));
        for site in ["cross-site", "same-site"] {
            let answer = anyone(&town).with("sec-fetch-site", site).get("/sign-in/provider?next=/matters").expect(303);
            assert_eq!((answer.header("location"), cookie(&answer, "taizhang_away")), ("/sign-in?next=%2Fmatters", None));
        }
        for site in ["same-origin", "none"] {
            let answer = anyone(&town).with("sec-fetch-site", site).get("/sign-in/provider").expect(303);
            assert!(answer.header("location").contains("/authorize?"));
        }
    }
}
