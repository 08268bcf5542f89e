//! What comes back under its old name, or goes on when what it rests on has gone: what the twenty-seventh review found of access.
//! docs/security.md lists it.

use std::io::{Read, Write};
use std::net::TcpStream;

use access::{ADMIN, Grant};
use base::{AccountId, ActorId, SubjectId, UnitCode};
use harness::{User, on_every_store};
use kernel::{LetIn, NewAccount, NewDevice, SignInError};
use serde_json::json;

const CHIEF: &str = "post:371400/chief";
const OFFICE: &str = "post:decheng-office/office";

fn system() -> ActorId {
    ActorId::new("system:test").unwrap()
}

on_every_store! {
    fn a_task_is_opened_in_the_book_of_a_line_and_not_in_the_registry(town) {
        let chief = town.holder("li", &[CHIEF]);
        town.holder("wu", &[OFFICE]);
        let task = json!({
            "name": "task-month", "title": "月度台账", "owner": OFFICE, "reviewer": CHIEF,
            "due": { "by": "on", "day": "2026-06-20" },
        });
        let before = town.fingerprint();
        let refused = chief.post("/api/matters/registry", &task).expect(400).json();
        assert_eq!(refused["field"], "book", "{refused}");
        assert_eq!(town.fingerprint(), before);
        chief.post("/api/matters/decheng-projects", &task).expect(201);
    }

    fn what_the_former_credential_of_a_device_let_in_is_not_let_in_by_the_next(town) {
        let (kernel, book) = (&town.site.kernel, town.book());
        let enrol = || {
            let device = NewDevice {
                device: "spare".into(), book: book.clone(), title: "秤".into(),
                subject: SubjectId::local("scale", &book, "7").unwrap(), role: "scale".into(),
            };
            kernel.issue_device(&system(), device).unwrap().credential.unwrap()
        };
        let let_in = |credential: &str| {
            let actor = kernel.authenticate_bearer(credential).unwrap().unwrap();
            LetIn { actor, session: None, credential: None, root: kernel.root_known().unwrap(), day: kernel.zone().day_of(kernel.now()) }.with_credential(credential)
        };
        let holds = |by: &LetIn| {
            let by = by.clone();
            kernel.append_blocking::<_, _, ()>(move |desk| Ok(desk.still_lets_in(&by)?)).unwrap()
        };
        let former = let_in(&enrol());
        assert!(holds(&former));
        kernel.revoke_device(&system(), &book, "spare").unwrap();
        assert!(!holds(&former));
        let next = let_in(&enrol());
        assert!(holds(&next));
        assert!(!holds(&former), "it has the name and the rights, not the credential");
        kernel.revoke_device(&system(), &book, "spare").unwrap();
        assert!(!holds(&next));
    }

    fn a_one_time_password_opens_nothing_once_who_gave_it_could_not_give_it_any_more(town) {
        let kernel = &town.site.kernel;
        let (name, _) = town.account(User::Admin);
        let giver = ActorId::new(format!("account:{name}")).unwrap();
        let add = |account: &str| {
            let (account, unit) = (AccountId::new(account).unwrap(), UnitCode::new("371402").unwrap());
            kernel.add_account(&giver, NewAccount { account, unit, title: "内勤".into() }, None).unwrap().one_time_password.unwrap()
        };
        let (first, second) = (add("zhao"), add("qian"));
        let half_way = kernel.sign_in("qian", &second).unwrap().session().unwrap();
        // Somebody else administers the root from now on.
        let (next, root) = (AccountId::new("sun").unwrap(), UnitCode::new("371400").unwrap());
        kernel.add_account(&system(), NewAccount { account: next, unit: root.clone(), title: "管理员".into() }, Some("correct horse battery")).unwrap();
        let grant = Grant { role: ADMIN.into(), unit: root, line: None, subject: None };
        kernel.give_grant(&system(), &ActorId::new("account:sun").unwrap(), grant).unwrap();
        kernel.disable_account(&system(), &AccountId::new(&name).unwrap()).unwrap();
        let refused = kernel.sign_in("zhao", &first).map(drop);
        assert!(matches!(refused, Err(SignInError::RunOut)), "{refused:?}");
        // Nor does a session that was opened with one make it last.
        let changed = kernel.change_password(&half_way.session.account, (&second, ""), "quite another password");
        assert!(changed.is_err());
        let again = kernel.reset_password(&system(), &AccountId::new("zhao").unwrap()).unwrap().one_time_password.unwrap();
        kernel.sign_in("zhao", &again).unwrap();
    }

    fn a_one_time_password_opens_nothing_that_who_gave_it_could_no_longer_open(town) {
        let kernel = &town.site.kernel;
        let add = |by: &ActorId, account: &str, unit: &str, password: Option<&str>| {
            let (account, unit) = (AccountId::new(account).unwrap(), UnitCode::new(unit).unwrap());
            kernel.add_account(by, NewAccount { account, unit, title: "内勤".into() }, password).unwrap().one_time_password
        };
        let grant = |grantee: &str, role: &str, unit: &str| {
            let grant = Grant { role: role.into(), unit: UnitCode::new(unit).unwrap(), line: None, subject: None };
            kernel.give_grant(&system(), &ActorId::new(format!("account:{grantee}")).unwrap(), grant).unwrap().seq
        };
        add(&system(), "wang", "371402", Some("correct horse battery"));
        grant("wang", ADMIN, "371402");
        let elsewhere = grant("wang", ADMIN, "371481");
        let given = add(&ActorId::new("account:wang").unwrap(), "zhou", "371402", None).unwrap();
        grant("zhou", "auditor", "371481");
        kernel.sign_in("zhou", &given).unwrap();
        // It still administers the account's own unit.
        kernel.withdraw_grant(&system(), elsewhere.0).unwrap();
        let refused = kernel.sign_in("zhou", &given).map(drop);
        assert!(matches!(refused, Err(SignInError::RunOut)), "{refused:?}");
    }

    fn what_is_granted_elsewhere_on_behalf_of_a_post_takes_no_place_of_its_own(town) {
        let kernel = &town.site.kernel;
        town.holder("wu", &[OFFICE]);
        let grant = |grantee: &str, role: &str, unit: &str| {
            let grant = Grant {
                role: role.into(), unit: UnitCode::new(unit).unwrap(), line: Some("projects".into()), subject: SubjectId::new(OFFICE).ok(),
            };
            kernel.give_grant(&system(), &ActorId::new(format!("account:{grantee}")).unwrap(), grant)
        };
        for number in 0..51 {
            let (name, unit) = (format!("other-{number}"), UnitCode::new("371481").unwrap());
            let new = NewAccount { account: AccountId::new(&name).unwrap(), unit, title: name.clone() };
            kernel.add_account(&system(), new, Some("correct horse battery")).unwrap();
            let given = grant(&name, "team", "371481");
            assert_eq!(given.is_ok(), number < 50, "{number}");
        }
        grant("wu", "team", "decheng-office").unwrap();
    }

    fn whoever_has_not_signed_in_is_answered_shortly(town) {
        let nobody = town.site.client().with("accept", "application/json");
        let refused = nobody.get(&format!("/?lang={}", "\\".repeat(3_000)));
        assert!(refused.expect(400).text().len() < 4_000);
        assert_eq!(nobody.get(&format!("/?page={}", "x".repeat(5_000))).expect(414).json()["status"], 414);
        let fields: String = (0..6_000).map(|number| format!("a{number}&")).collect();
        let form = town.site.client().with("sec-fetch-site", "same-origin").with("content-type", "application/x-www-form-urlencoded");
        let refused = form.send("POST", "/sign-in", None, &fields.as_bytes()[..32_000]).unwrap();
        assert!(matches!(refused.status, 400 | 413 | 422), "{}", refused.status);
    }

    fn whoever_is_signed_in_may_sign_in_again(town) {
        let (name, password) = town.account(User::Leader);
        let fields = [("account", name.as_str()), ("password", password), ("next", "/account")];
        let own = |client: harness::Client| client.with("accept", "text/html").with("sec-fetch-site", "same-origin");
        let signed_in = own(town.site.client()).post_form("/sign-in", &fields).expect(303);
        let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
        town.clock.advance_ms(20 * 60_000);
        // The page of signing in carries no token of the session that is open.
        let bare = own(town.site.client()).with("cookie", &cookie);
        assert_eq!(bare.post_form("/sign-in", &fields).expect(303).header("location"), "/account");
        bare.post_form("/account/password", &[("old_password", password)]).expect(403);
        let foreign = town.site.client().with("cookie", &cookie).with("sec-fetch-site", "cross-site");
        foreign.post_form("/sign-in", &fields).expect(403);
    }

    fn no_more_of_a_body_is_read_than_was_reckoned_with(town) {
        let credential = town.issue(User::Planner).credential.unwrap();
        let mut stream = TcpStream::connect(town.site.base.trim_start_matches("http://")).unwrap();
        let head = format!(
            "POST /api/projects/decheng-projects/projects/park/plan HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 65_536], b"\r\n"].concat();
        // Six million bytes, of the sixteen that a plan may have, where four are reckoned with for JSON.
        for _ in 0..96 {
            if stream.write_all(&chunk).is_err() {
                break;
            }
        }
        stream.write_all(b"0\r\n\r\n").ok();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 413", "{}", String::from_utf8_lossy(&answer));
    }
}
