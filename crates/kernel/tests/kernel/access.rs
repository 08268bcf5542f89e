use std::sync::Arc;

use base::{ActorId, BookId, Seq};
use kernel::{
    AdminError, AppendError, By, Issued, NewAccount, NewDevice, NewToken, ReadsBefore, SignInError,
};

use crate::house::{House, PASSWORD, actor, code, grant, id, refusal, subject, system};

const HOUR_MS: i64 = 3_600_000;

#[test]
fn only_the_right_password_of_a_live_account_signs_in() {
    let house = House::dezhou();
    let kernel = &house.kernel;
    let opened = kernel.sign_in("admin", PASSWORD).unwrap().session().unwrap();
    let session = kernel.session(&opened.cookie_value).unwrap().unwrap();
    assert_eq!(session.actor.id, actor("admin"));
    assert_eq!(session.actor.grants, [grant("admin", "371400", None)]);
    assert!(!session.must_change && session.csrf.len() == 32);
    for (account, password) in
        [("admin", "correct horse batterz"), ("ghost", PASSWORD), ("Ä/..", PASSWORD), ("", "")]
    {
        assert!(matches!(kernel.sign_in(account, password), Err(SignInError::Refused)), "{account:?}");
    }
    assert!(kernel.session("").unwrap().is_none());
    assert!(kernel.session(&"A".repeat(43)).unwrap().is_none());

    house.add("wei", "beiyuan", Some("another password")).unwrap();
    let wei = kernel.sign_in("wei", "another password").unwrap().session().unwrap();
    kernel.disable_account(&actor("admin"), &id("wei")).unwrap();
    assert!(kernel.session(&wei.cookie_value).unwrap().is_none(), "disabling ends sessions at once");
    assert!(matches!(kernel.sign_in("wei", "another password"), Err(SignInError::Disabled)));
    assert!(matches!(kernel.sign_in("wei", "a wrong password"), Err(SignInError::Refused)));
    assert_eq!(
        refusal(kernel.disable_account(&system(), &id("wei"))),
        AdminError::AccountDisabled(id("wei"))
    );

    kernel.sign_out(&opened.cookie_value).unwrap();
    assert!(kernel.session(&opened.cookie_value).unwrap().is_none());
    let secrets = [PASSWORD, "another password", &opened.cookie_value, "argon2id"];
    house.close(&secrets);
}

#[test]
fn a_session_ends_after_two_idle_hours_and_after_twelve_in_any_case() {
    let house = House::dezhou();
    let kernel = &house.kernel;
    let idle = kernel.sign_in("admin", PASSWORD).unwrap().session().unwrap();
    house.clock.advance_ms(2 * HOUR_MS - 1);
    let busy = kernel.sign_in("admin", PASSWORD).unwrap().session().unwrap();
    assert!(kernel.session(&busy.cookie_value).unwrap().is_some());
    house.clock.advance_ms(1);
    assert!(kernel.session(&idle.cookie_value).unwrap().is_none());
    for _ in 0..11 {
        house.clock.advance_ms(HOUR_MS);
        assert!(kernel.session(&busy.cookie_value).unwrap().is_some());
        // The request is noted by the writer; an answered append comes after it.
        kernel.sign_out("none").unwrap();
    }
    house.clock.advance_ms(HOUR_MS);
    assert!(kernel.session(&busy.cookie_value).unwrap().is_none());
    house.close(&[]);
}

#[test]
fn a_one_time_password_grants_nothing_until_it_is_changed_and_a_change_ends_other_sessions() {
    let house = House::dezhou();
    let kernel = &house.kernel;
    let once = house.add("wei", "beiyuan", None).unwrap().one_time_password.unwrap();
    kernel.give_grant(&system(), &actor("wei"), grant("leader", "beiyuan", None)).unwrap();
    let first = kernel.sign_in("wei", &once).unwrap().session().unwrap();
    let session = kernel.session(&first.cookie_value).unwrap().unwrap();
    assert!(session.must_change && session.actor.grants.is_empty());

    let change = |old: &str, new: &str| kernel.change_password(&id("wei"), (old, ""), new);
    assert_eq!(refusal(change("not the password", "a longer password")), AdminError::PasswordWrong);
    assert_eq!(refusal(change(&once, "short")).field(), "new_password");
    assert_eq!(refusal(change(&once, &once)), AdminError::PasswordSame);
    assert_eq!(
        refusal(kernel.change_password(&id("ghost"), (&once, ""), "a longer password")),
        AdminError::PasswordWrong
    );
    let second = change(&once, "a longer password").unwrap();
    assert!(kernel.session(&first.cookie_value).unwrap().is_none());
    let session = kernel.session(&second.cookie_value).unwrap().unwrap();
    assert!(!session.must_change);
    assert_eq!(session.actor.grants, [grant("leader", "beiyuan", None)]);
    assert!(matches!(kernel.sign_in("wei", &once), Err(SignInError::Refused)));

    let reset = kernel.reset_password(&actor("admin"), &id("wei")).unwrap().one_time_password.unwrap();
    assert!(kernel.session(&second.cookie_value).unwrap().is_none());
    assert!(kernel.sign_in("wei", &reset).unwrap().session().unwrap().session.must_change);
    kernel.sign_out_everywhere(&id("wei")).unwrap();
    house.close(&[&once, &reset, "a longer password"]);
}

#[test]
fn nobody_grants_or_takes_over_what_they_do_not_administer() {
    let house = House::dezhou();
    let kernel = &house.kernel;
    for (account, unit) in
        [("county", "371402"), ("market", "371402"), ("wei", "beiyuan"), ("boss", "beiyuan")]
    {
        house.add(account, unit, Some("a long password")).unwrap();
    }
    kernel.give_grant(&system(), &actor("county"), grant("admin", "371402", None)).unwrap();
    kernel.give_grant(&system(), &actor("market"), grant("admin", "371402", Some("market"))).unwrap();
    kernel.give_grant(&system(), &actor("boss"), grant("leader", "371400", None)).unwrap();
    let give = |by: &str, to: &str, role, unit, line| {
        kernel.give_grant(&actor(by), &actor(to), grant(role, unit, line))
    };
    let denied = |error| matches!(error, AdminError::Denied { .. });

    let given = give("county", "wei", "leader", "beiyuan", None).unwrap();
    assert_eq!(refusal(give("county", "wei", "leader", "beiyuan", None)), AdminError::AlreadyGranted);
    assert!(denied(refusal(give("county", "wei", "leader", "371400", None))));
    assert!(denied(refusal(give("county", "county", "admin", "371400", None))));
    assert!(denied(refusal(give("wei", "wei", "admin", "beiyuan", None))));
    assert!(denied(refusal(give("market", "wei", "admin", "beiyuan", None))), "all lines are more than one");
    give("market", "wei", "leader", "beiyuan", Some("market")).unwrap();
    give("market", "wei", "scale", "beiyuan", None).unwrap();
    assert_eq!(
        refusal(give("admin", "wei", "king", "beiyuan", None)),
        AdminError::UnknownRole("king".into())
    );
    assert_eq!(refusal(give("admin", "ghost", "leader", "beiyuan", None)).field(), "grantee");
    assert_eq!(refusal(give("admin", "wei", "leader", "nowhere", None)).field(), "unit");
    assert_eq!(refusal(give("admin", "wei", "scale", "beiyuan", Some("projects"))).field(), "line");

    assert!(
        denied(refusal(kernel.reset_password(&actor("county"), &id("boss")))),
        "boss reads the whole city"
    );
    assert!(denied(refusal(kernel.disable_account(&actor("county"), &id("boss")))));
    assert!(denied(refusal(kernel.disable_account(&actor("county"), &id("admin")))));
    let new = NewAccount { account: id("zhao"), unit: code("371481"), title: "x".into() };
    assert!(denied(refusal(kernel.add_account(&actor("county"), new, Some("a long password")))));

    assert!(denied(refusal(kernel.withdraw_grant(&actor("market"), given.seq.0))));
    kernel.withdraw_grant(&actor("county"), given.seq.0).unwrap();
    assert_eq!(
        refusal(kernel.withdraw_grant(&actor("county"), given.seq.0)),
        AdminError::UnknownGrant(given.seq.0)
    );
    let left = kernel.actor(&actor("wei")).unwrap().unwrap().grants;
    assert_eq!(left, [grant("leader", "beiyuan", Some("market")), grant("scale", "beiyuan", None)]);
    house.close(&["a long password"]);
}

#[test]
fn the_last_administrator_of_the_root_stays() {
    let house = House::dezhou();
    let kernel = &house.kernel;
    let grants = kernel.grants().unwrap();
    assert_eq!(refusal(kernel.disable_account(&actor("admin"), &id("admin"))), AdminError::LastAdmin);
    assert_eq!(refusal(kernel.withdraw_grant(&actor("admin"), grants[0].seq.0)), AdminError::LastAdmin);
    house.add("second", "371400", None).unwrap();
    kernel.give_grant(&actor("admin"), &actor("second"), grant("admin", "371400", Some("market"))).unwrap();
    assert_eq!(refusal(kernel.disable_account(&actor("admin"), &id("admin"))), AdminError::LastAdmin);
    kernel.give_grant(&actor("admin"), &actor("second"), grant("admin", "371400", None)).unwrap();
    kernel.disable_account(&actor("admin"), &id("admin")).unwrap();
    assert_eq!(refusal(kernel.disable_account(&actor("second"), &id("second"))), AdminError::LastAdmin);
    house.close(&[]);
}

fn issued_text(issued: &Issued) -> &str {
    issued.credential.as_deref().unwrap()
}

#[test]
fn an_act_that_is_asked_for_twice_under_one_key_is_done_once_and_its_secret_is_not_kept() {
    let house = House::dezhou();
    let (kernel, admin) = (&house.kernel, actor("admin"));
    let by = |digest: &str| By::once(admin.clone(), "k-1".into(), digest.into());
    let token = || NewToken {
        title: "大屏".into(),
        unit: code("371400"),
        grants: vec![grant("leader", "371400", None)],
        expires: None,
    };
    let first = kernel.issue_token(by("a"), token()).unwrap();
    let again = kernel.issue_token(by("a"), token()).unwrap();
    assert_eq!((&again.actor, &again.receipt), (&first.actor, &first.receipt));
    assert_eq!(again.credential, None, "what is shown once is in no table");
    assert!(matches!(kernel.issue_token(by("b"), token()), Err(AppendError::KeyReused)));
    assert_eq!(kernel.tokens_where(|_| true).unwrap().len(), 1);
    let secret = issued_text(&first).rsplit('_').next().unwrap().to_owned();
    let answers = kernel.read(|tx| tx.query("select answer from answered", &[])).unwrap();
    assert!(!answers.is_empty() && answers.iter().all(|row| !row.text(0).unwrap().contains(&secret)));
    house.close(&[&secret]);
}

#[test]
fn a_token_works_until_it_is_revoked_or_expires_and_not_a_moment_longer() {
    let house = House::dezhou();
    let (kernel, admin) = (&house.kernel, actor("admin"));
    let now = kernel.now();
    let token = |expires, grants| NewToken { title: "大屏".into(), unit: code("371400"), grants, expires };
    let leader = || vec![grant("leader", "371400", None)];
    assert_eq!(refusal(kernel.issue_token(&admin, token(None, Vec::new()))), AdminError::NoGrants);
    assert_eq!(refusal(kernel.issue_token(&admin, token(Some(now), leader()))), AdminError::ExpiresInPast);
    let ghost = vec![grant("leader", "nowhere", None)];
    assert_eq!(refusal(kernel.issue_token(&admin, token(None, ghost))).field(), "unit");
    assert!(kernel.tokens_where(|_| true).unwrap().is_empty(), "a refused token leaves nothing behind");

    let lasting = kernel.issue_token(&admin, token(None, leader())).unwrap();
    let brief = kernel.issue_token(&admin, token(Some(now.plus_ms(1000)), leader())).unwrap();
    let bearer = |text: &str| kernel.authenticate_bearer(text).unwrap();
    for _ in 0..2 {
        assert_eq!(bearer(issued_text(&lasting)).unwrap().grants, leader());
        assert_eq!(bearer(issued_text(&brief)).unwrap().id, brief.actor);
    }
    let mut wrong = issued_text(&lasting).to_owned();
    let last = if wrong.ends_with('0') { '1' } else { '0' };
    wrong.pop();
    wrong.push(last);
    let swapped = issued_text(&brief).replace(&brief.actor.as_str()[6..], &lasting.actor.as_str()[6..]);
    for text in [wrong.as_str(), &swapped, "", "tz1__", lasting.actor.as_str()] {
        assert!(bearer(text).is_none(), "{text:?}");
    }
    house.clock.advance_ms(1000);
    assert!(bearer(issued_text(&brief)).is_none());
    let grant_seq = kernel.grants().unwrap().iter().find(|row| row.grantee == lasting.actor).unwrap().seq;
    kernel.give_grant(&admin, &lasting.actor, grant("auditor", "371400", None)).unwrap();
    kernel.withdraw_grant(&admin, grant_seq.0).unwrap();
    assert_eq!(
        bearer(issued_text(&lasting)).unwrap().grants,
        [grant("auditor", "371400", None)],
        "rights follow at once"
    );
    let name = &lasting.actor.as_str()["token:".len()..];
    kernel.revoke_token(&admin, name).unwrap();
    assert!(bearer(issued_text(&lasting)).is_none());
    assert_eq!(refusal(kernel.revoke_token(&admin, name)), AdminError::UnknownToken(name.into()));
    let secrets = [&lasting, &brief].map(|issued| issued_text(issued).rsplit('_').next().unwrap());
    let hashes = kernel.read(|tx| tx.query("select hash from secret", &[])).unwrap();
    assert!(hashes.iter().all(|row| secrets.iter().all(|secret| !row.text(0).unwrap().contains(secret))));
    house.close(&secrets);
}

#[test]
fn a_revoked_device_is_refused_at_once_while_others_hammer() {
    let house = House::dezhou();
    let (kernel, admin) = (&house.kernel, actor("admin"));
    let beiyuan = BookId::new("beiyuan").unwrap();
    let new = || NewDevice {
        device: "a12".into(),
        book: BookId::new("beiyuan").unwrap(),
        title: "A12 秤".into(),
        subject: subject("scale:beiyuan/a12"),
        role: "scale".into(),
    };
    let mut last = String::new();
    for _ in 0..20 {
        let issued = kernel.issue_device(&admin, new()).unwrap();
        assert_eq!(refusal(kernel.issue_device(&admin, new())), AdminError::DeviceExists("a12".into()));
        assert_eq!(issued.actor, ActorId::new("device:beiyuan/a12").unwrap());
        let found = kernel.authenticate_bearer(issued_text(&issued)).unwrap().unwrap();
        let mut expected = grant("scale", "beiyuan", Some("market"));
        expected.subject = Some(subject("scale:beiyuan/a12"));
        assert_eq!(found.grants, [expected]);
        assert!(kernel.authenticate_bearer(&last).unwrap().is_none(), "the credential before is dead");
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        kernel.authenticate_bearer(issued_text(&issued)).unwrap();
                    }
                });
            }
            kernel.revoke_device(&admin, &beiyuan, "a12").unwrap();
            let after: Vec<bool> = (0..50)
                .map(|_| kernel.authenticate_bearer(issued_text(&issued)).unwrap().is_some())
                .collect();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(after.iter().all(|good| !good), "a revoked credential was taken");
        });
        last = issued_text(&issued).to_owned();
    }
    assert_eq!(refusal(kernel.revoke_device(&admin, &beiyuan, "a12")).field(), "device");
    let other = NewDevice { book: BookId::new("elsewhere").unwrap(), ..new() };
    assert_eq!(refusal(kernel.issue_device(&admin, other)).field(), "book");
    assert!(kernel.devices([&new().book]).unwrap()[0].revoked);
    house.close(&[last.rsplit('_').next().unwrap()]);
}

#[test]
fn a_credential_read_just_before_its_revocation_is_not_remembered_after_it() {
    let house = House::dezhou();
    let (kernel, admin) = (&house.kernel, actor("admin"));
    let grants = vec![grant("leader", "371400", None)];
    let new = NewToken { title: "大屏".into(), unit: code("371400"), grants, expires: None };
    let issued = kernel.issue_token(&admin, new).unwrap();
    let token = issued.actor.as_str()["token:".len()..].to_owned();
    // The tree is fresh, so the next snapshot that is read is the credential's.
    kernel.tree().unwrap();
    let (other, by) = (Arc::downgrade(kernel), admin.clone());
    house.after_next_read(move || {
        let kernel = other.upgrade().unwrap();
        kernel.revoke_token(&by, &token).unwrap();
        kernel.tree().unwrap();
    });
    assert!(
        kernel.authenticate_bearer(issued_text(&issued)).unwrap().is_some(),
        "it was good when it was read"
    );
    assert!(kernel.authenticate_bearer(issued_text(&issued)).unwrap().is_none());
    house.close(&[]);
}

#[test]
fn reads_of_restricted_data_are_logged_by_unit() {
    let house = House::dezhou();
    let kernel = &house.kernel;
    for (unit, what) in [("beiyuan", "complaint 1"), ("371481", "complaint 2"), ("beiyuan", "complaint 3")] {
        kernel.log_read(&actor("admin"), &[code(unit)], what).unwrap();
        kernel.log_read(&actor("admin"), &[code(unit)], what).unwrap();
        house.clock.advance_ms(5);
    }
    kernel.sign_out("none").unwrap();
    let reads = kernel.reads(&[code("beiyuan")], &ReadsBefore::Now, 10).unwrap();
    let what: Vec<&str> = reads.iter().map(|read| read.what.as_str()).collect();
    assert_eq!(what, ["complaint 3", "complaint 3", "complaint 1", "complaint 1"]);
    for (last, left) in [(0, 3), (1, 2), (3, 0)] {
        let before = ReadsBefore::Place(reads[last].place.clone());
        assert_eq!(kernel.reads(&[code("beiyuan")], &before, 10).unwrap(), reads[reads.len() - left..]);
    }
    let both = [code("beiyuan"), code("371481")];
    assert_eq!(kernel.reads(&both, &ReadsBefore::Now, 3).unwrap().len(), 3);
    assert_eq!(kernel.entry(&BookId::new("beiyuan").unwrap(), Seq(0)).unwrap(), None, "reading is no entry");
    house.close(&[]);
}
