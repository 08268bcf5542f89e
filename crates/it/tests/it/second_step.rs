//! The second step of signing in: a code of an authenticator, or a recovery code once.

use base::AccountId;
use harness::{Answer, Client, Town, User, authenticator, on_every_store};
use kernel::{AdminError, AppendError};
use serde_json::{Value, json};

const MINUTE_MS: i64 = 60_000;

fn page(client: &Client) -> Client {
    client.with("accept", "text/html").with("accept-language", "en")
}

/// A cookie that an answer sets, as it is sent back.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.filter_map(|cookie| cookie.split(';').next());
    pairs.find(|pair| pair.starts_with(&format!("{name}="))).map(str::to_owned)
}

pub fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1.split_once(after).unwrap().0
}

/// An account with the second step on: its name and password, a browser of its, its secret and recovery codes.
pub struct Owner {
    pub name: String,
    pub password: &'static str,
    pub browser: Client,
    secret: String,
    pub codes: Vec<String>,
}

pub fn owner(town: &Town, user: User) -> Owner {
    let (name, password) = town.account(user);
    let browser = page(&town.holder_again(&name));
    browser.post_form("/account/totp/begin", &[("password", password)]).expect(303);
    let shown = browser.get("/account").expect(200).text();
    assert!(shown.contains("<svg class=\"qr\""));
    let secret = between(&shown, "<code>", "</code>").to_owned();
    let code = authenticator(&secret, town.site.kernel.now());
    let codes = browser.post_form("/account/totp/confirm", &[("code", &code)]).expect(200).text();
    let codes: Vec<String> =
        codes.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    town.clock.advance_ms(MINUTE_MS);
    Owner { name, password, browser, secret, codes }
}

impl Owner {
    /// Gives the password; what is left to do is the second step.
    fn half(&self, town: &Town) -> Client {
        page(&town.site.client()).with("cookie", self.half_cookie(town))
    }

    fn half_cookie(&self, town: &Town) -> String {
        let anyone = page(&town.site.client());
        let fields = [("account", self.name.as_str()), ("password", self.password), ("next", "/matters?x=1")];
        let answer = anyone.post_form("/sign-in", &fields).expect(303);
        assert_eq!(answer.header("location"), "/sign-in/code?next=%2Fmatters%3Fx%3D1");
        assert_eq!(cookie(&answer, "taizhang_session"), None, "no session before the second step");
        let set = answer.header("set-cookie");
        for flag in ["HttpOnly", "SameSite=Strict", "Path=/sign-in", "Max-Age=300"] {
            assert!(set.contains(flag), "{flag}: {set}");
        }
        cookie(&answer, "taizhang_half").unwrap()
    }

    pub fn code(&self, town: &Town) -> String {
        authenticator(&self.secret, town.site.kernel.now())
    }
}

fn give(half: &Client, code: &str) -> Answer {
    half.post_form("/sign-in/code", &[("code", code), ("next", "/matters?x=1")])
}

/// A browser with the session that a second step gave.
fn entered(town: &Town, answer: &Answer) -> Client {
    page(&town.site.client()).with("cookie", cookie(answer, "taizhang_session").unwrap())
}

fn kinds(town: &Town) -> Vec<String> {
    let books = town.fingerprint();
    let size = books.iter().find(|(book, ..)| book == "registry").unwrap().1;
    let admin = town.site.kernel.clone();
    let book = base::BookId::new("registry").unwrap();
    let heads = (0..size).map(|seq| admin.entry(&book, base::Seq(seq)).unwrap().unwrap());
    heads.map(|entry| entry.kind.to_string()).filter(|kind| kind.contains(".totp.")).collect()
}

on_every_store! {
    fn whoever_turned_the_second_step_on_enters_with_a_code_that_counts_once(town) {
        let owner = owner(&town, User::Leader);
        let value = owner.half_cookie(&town);
        let half = page(&town.site.client()).with("cookie", &value);
        half.get("/sign-in/code").expect(200);
        // Half a session opens nothing, under whatever name it is sent.
        half.get("/account").expect(303);
        town.site.client().with("cookie", value.replace("half", "session")).get("/api/figures/market.sales?unit=371402").expect(401);

        let code = owner.code(&town);
        let wrong = give(&half, "000000").expect(422).text();
        assert!(wrong.contains("not right or no longer valid") && !wrong.contains("000000"));
        let answer = give(&half, &code).expect(303);
        assert_eq!(answer.header("location"), "/matters?x=1");
        assert_eq!(cookie(&answer, "taizhang_half").as_deref(), Some("taizhang_half="), "the half session is done with");
        entered(&town, &answer).get("/account").expect(200);
        // Neither the half session nor the code works again.
        assert_eq!(give(&half, &code).expect(303).header("location"), "/sign-in?ended=1");
        let half = owner.half(&town);
        give(&half, &code).expect(422);
        town.clock.advance_ms(MINUTE_MS);
        give(&half, &code).expect(422);
        give(&half, &owner.code(&town)).expect(303);
        town.check();
    }

    fn half_a_session_ends_after_five_minutes_and_with_the_password(town) {
        let owner = owner(&town, User::Leader);
        let ended = |half: &Client| assert_eq!(give(half, &owner.code(&town)).expect(303).header("location"), "/sign-in?ended=1");
        let half = owner.half(&town);
        town.clock.advance_ms(5 * MINUTE_MS - 1);
        half.get("/sign-in/code").expect(200);
        town.clock.advance_ms(1);
        assert_eq!(half.get("/sign-in/code").expect(303).header("location"), "/sign-in?ended=1");
        ended(&half);
        page(&town.site.client()).get("/sign-in?ended=1").expect(200);

        let half = owner.half(&town);
        town.program(User::Admin).post(&format!("/api/accounts/{}/reset-password", owner.name), &Value::Null).expect(200);
        ended(&half);
    }

    fn a_recovery_code_stands_for_a_code_once_however_it_is_typed(town) {
        let owner = owner(&town, User::Leader);
        let spent = owner.codes[3].to_uppercase().replace('-', " ");
        let answer = give(&owner.half(&town), &spent).expect(303);
        assert!(entered(&town, &answer).get("/account").expect(200).text().contains("9 recovery codes left"));
        give(&owner.half(&town), &spent).expect(422);
        give(&owner.half(&town), &owner.codes[4]).expect(303);
        assert_eq!(kinds(&town), ["kernel.account.totp.set", "kernel.account.totp.recovered", "kernel.account.totp.recovered"]);

        let fields = [("password", owner.password), ("code", owner.codes[5].as_str())];
        let renewed = owner.browser.post_form("/account/totp/codes", &fields).expect(200).text();
        assert_eq!(renewed.matches("<li><code>").count(), 10);
        give(&owner.half(&town), &owner.codes[6]).expect(422);
        give(&owner.half(&town), between(&renewed, "<li><code>", "<")).expect(303);
        // Each is an entry for good, so they are not made without end: the second step was turned on, and they were made once.
        let (kernel, account) = (&town.site.kernel, AccountId::new(&owner.name).unwrap());
        let mut codes: Vec<String> = renewed.split("<li><code>").skip(2).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
        for _ in 0..8 {
            codes = kernel.renew_recovery_codes(&account, owner.password, &codes[0]).unwrap().codes;
        }
        let refused = kernel.renew_recovery_codes(&account, owner.password, &codes[0]).map(drop);
        assert!(matches!(refused, Err(AppendError::Refused(AdminError::CodesOften(10)))), "{refused:?}");
        town.clock.advance_ms(60 * MINUTE_MS);
        kernel.renew_recovery_codes(&account, owner.password, &codes[0]).unwrap();
        town.check();
    }

    fn codes_cannot_be_tried_without_end(town) {
        let owner = owner(&town, User::Leader);
        let half = owner.half(&town);
        for _ in 0..5 {
            give(&half, "000000").expect(422);
        }
        // Even the right one has to wait now, in another half session as well; a recovery code cannot be guessed.
        let refused = give(&half, &owner.code(&town)).expect(429);
        assert_eq!(refused.header("retry-after"), "900");
        assert_eq!(give(&owner.half(&town), &owner.code(&town)).expect(429).header("retry-after"), "900");
        give(&half, &owner.codes[0]).expect(303);
        town.clock.advance_ms(15 * MINUTE_MS);
        give(&owner.half(&town), &owner.code(&town)).expect(303);
    }

    fn the_limit_on_passwords_is_one_on_codes_too(town) {
        let owner = owner(&town, User::Leader);
        let half = owner.half(&town);
        let limited = (0..12).map(|_| give(&half, "not a code at all")).find(|answer| answer.status == 429);
        assert!(limited.expect("a limit").header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    }

    fn turning_it_on_and_off_needs_the_password_and_a_code_and_ends_other_sessions(town) {
        let (name, password) = town.account(User::Leader);
        let (browser, other) = (page(&town.holder_again(&name)), town.holder_again(&name));
        let begin = |password: &str| browser.post_form("/account/totp/begin", &[("password", password)]);
        assert!(begin("not the password").expect(422).text().contains("The password is not right."));
        assert!(!browser.get("/account").expect(200).text().contains("class=\"qr\""));
        browser.post_form("/account/totp/confirm", &[("code", "123456")]).expect(422);
        begin(password).expect(303);
        let shown = browser.get("/account").expect(200).text();
        let secret = between(&shown, "<code>", "</code>").to_owned();
        // It waits to be confirmed no longer than a quarter of an hour.
        browser.post_form("/account/totp/confirm", &[("code", "000000")]).expect(422);
        town.clock.advance_ms(15 * MINUTE_MS);
        let code = || authenticator(&secret, town.site.kernel.now());
        browser.post_form("/account/totp/confirm", &[("code", &code())]).expect(422);
        begin(password).expect(303);
        let shown = browser.get("/account").expect(200).text();
        let key = between(&shown, "name=\"key\" value=\"", "\"").to_owned();
        let secret = between(&shown, "<code>", "</code>").to_owned();
        let code = || authenticator(&secret, town.site.kernel.now());
        other.get("/api/matters").expect(200);
        let fields = [("code", code()), ("key", key)];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let once = browser.post_form("/account/totp/confirm", &fields).expect(200).text();
        let again = browser.post_form("/account/totp/confirm", &fields).expect(200).text();
        let codes = |text: &str| between(text, "<ul class=\"codes\">", "</ul>").to_owned();
        assert_eq!(codes(&once), codes(&again), "whoever clicks twice sees the codes");
        other.get("/api/matters").expect(401);
        // The secret is shown no more, and what is on is not turned on again.
        assert!(!browser.get("/account").expect(200).text().contains("class=\"qr\""));
        begin(password).expect(422);

        town.clock.advance_ms(MINUTE_MS);
        let end = |password: &str, code: &str| browser.post_form("/account/totp/end", &[("password", password), ("code", code)]);
        end("not the password", &code()).expect(422);
        end(password, "000000").expect(422);
        end(password, &code()).expect(303);
        assert!(browser.get("/account").expect(200).text().contains("Turn on the second step"));
        assert_eq!(kinds(&town), ["kernel.account.totp.set", "kernel.account.totp.removed"]);
        town.check();
    }

    fn an_administrator_takes_it_off_and_no_secret_stands_in_the_book(town) {
        let owner = owner(&town, User::Leader);
        let admin = town.program(User::Admin);
        let listed = |totp: bool| {
            let all = admin.get("/api/accounts").expect(200).json();
            let found = all.as_array().unwrap().iter().find(|it| it["account"] == owner.name.as_str()).unwrap().clone();
            assert_eq!(found["totp"], totp);
        };
        listed(true);
        let path = format!("/api/accounts/{}/totp", owner.name);
        let delete = |client: &Client| client.send("DELETE", &path, None, &[]).unwrap();
        // Whoever takes it off an account could take the account over, so each grant counts.
        for user in [User::Operator, User::Auditor, User::Leader] {
            delete(&town.program(user)).expect(403);
        }
        let half = owner.half(&town);
        delete(&admin).expect(200);
        listed(false);
        delete(&admin).expect(409);
        assert_eq!(give(&half, &owner.code(&town)).expect(303).header("location"), "/sign-in?ended=1");
        owner.browser.get("/account").expect(303);
        town.holder_again(&owner.name);

        let book = base::BookId::new("registry").unwrap();
        let size = town.fingerprint().into_iter().find(|(book, ..)| book == "registry").unwrap().1;
        let secret = owner.secret.replace(' ', "");
        for seq in 0..size {
            let stored = town.site.kernel.entry(&book, base::Seq(seq)).unwrap().unwrap();
            let text = format!("{stored:?}");
            assert!(!text.contains(&secret) && !owner.codes.iter().any(|code| text.contains(code)), "{text}");
        }
        assert_eq!(kinds(&town), ["kernel.account.totp.set", "kernel.account.totp.removed"]);
        let page = page(&town.browser(User::Admin));
        assert!(!page.get(&format!("/admin/accounts/{}", owner.name)).expect(200).text().contains("remove-totp"));
        assert_eq!(json!(page.post_form(&format!("/admin/accounts/{}/remove-totp", owner.name), &[]).status), json!(422));
        town.check();
    }
}
