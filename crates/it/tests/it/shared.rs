//! What one of many takes leaves the others theirs: posts, grants, sums, forms, and what is noted of reading.

use access::Grant;
use base::{AccountId, ActorId, BookId, Day, SubjectId, UnitCode};
use harness::{Client, Engine, OFFICES, Town, User, on_every_store};
use kernel::{NewDevice, NewToken};
use ledger::Body;
use registry::{PostAdded, PostHeld};
use serde_json::json;

fn installation() -> ActorId {
    ActorId::new("system:test").unwrap()
}

fn code(text: &str) -> UnitCode {
    UnitCode::new(text).unwrap()
}

fn post(town: &Town, name: &str) -> SubjectId {
    let post = SubjectId::new(format!("post:beiyuan-market/{name}")).unwrap();
    let unit = code("beiyuan-market");
    let added = PostAdded { post: post.clone(), unit, title_zh: "岗".into(), title_en: "Post".into() };
    town.site.kernel.add_post(&installation(), added).unwrap();
    post
}

/// How many notes of reading there are.
fn noted(town: &Town) -> i64 {
    let count = |tx: &mut dyn store::Tx| tx.query_one("select count(*) from read_log", &[])?.unwrap().int(0);
    town.site.kernel.read(count).unwrap()
}

on_every_store! {
    fn an_account_holds_a_hundred_posts_now_or_later(town) {
        let kernel = &town.site.kernel;
        let (name, _) = town.account(User::Operator);
        let account = AccountId::new(name).unwrap();
        let today = kernel.zone().day_of(kernel.now());
        let held = |post: SubjectId, from: Day, until: Option<Day>| PostHeld { post, account: account.clone(), from, until };
        let before = kernel.tree().unwrap().posts_of(&account, today).len();
        for number in before..100 {
            let post = post(&town, &format!("p{number}"));
            kernel.hold_post(&installation(), held(post, today.plus(i32::try_from(number).unwrap()), None)).unwrap();
        }
        let more = post(&town, "more");
        let refused = kernel.hold_post(&installation(), held(more.clone(), today, None)).unwrap_err();
        assert!(format!("{refused:?}").contains("HoldsMany"), "{refused:?}");
        kernel.hold_post(&installation(), held(more, today.plus(-9), Some(today.plus(-2)))).unwrap();
        town.check();
    }

    fn what_one_act_grants_counts_with_what_was_granted_before(town) {
        let kernel = &town.site.kernel;
        let of_post = post(&town, "counted");
        let grant = |line: Option<&str>, role: &str| Grant {
            role: role.into(),
            unit: code("beiyuan-market"),
            line: line.map(str::to_owned),
            subject: Some(of_post.clone()),
        };
        let token = |grants: Vec<Grant>| {
            let new = NewToken { title: "many".into(), unit: code("beiyuan-market"), grants, expires: None };
            kernel.issue_token(&installation(), new)
        };
        let twice = token(vec![grant(Some("market"), "operator"), grant(Some("market"), "operator")]);
        assert!(format!("{:?}", twice.unwrap_err()).contains("AlreadyGranted"));
        // Beiyuan lies a unit below its branch, so it has a half of the fifty places.
        for _ in 0..12 {
            token(vec![grant(Some("market"), "operator"), grant(Some("market"), "inspector")]).unwrap();
        }
        let over = token(vec![grant(Some("market"), "operator"), grant(Some("market"), "inspector")]);
        assert!(format!("{:?}", over.unwrap_err()).contains("GrantsMany(25)"));
        token(vec![grant(Some("market"), "operator")]).unwrap();
        assert!(token(vec![grant(Some("market"), "operator")]).is_err());
        town.check();
    }

    fn a_device_adds_no_more_to_a_sum_than_there_is_room_for(town) {
        let office = OFFICES[0];
        let book = BookId::new(office.book).unwrap();
        let device = NewDevice {
            device: "gate".into(),
            subject: SubjectId::local("supplier", &book, "gate").unwrap(),
            book,
            title: "门".into(),
            role: "planner".into(),
        };
        let credential = town.site.kernel.issue_device(&installation(), device).unwrap().credential.unwrap();
        let client = town.site.client().bearer(&credential);
        let kind = line_projects::kinds::ProgrammeFounded::KIND;
        let founded = |number: usize| {
            let body = json!({ "programme": format!("g{number}"), "title_zh": "甲", "title_en": "A", "planned_fen": 100_000_000_000_000_i64 });
            client.post(&format!("/api/projects/{}/entries", office.book), &json!({ "kind": kind, "body": body }))
        };
        let answers: Vec<u16> = (0..13).map(|number| founded(number).status).collect();
        let taken = answers.iter().filter(|status| **status == 201).count();
        assert!((8..=10).contains(&taken), "{answers:?} {}", founded(99).text());
        assert!(answers[taken..].iter().all(|status| *status == 400), "{answers:?}");
        town.check();
    }

    fn a_form_with_files_has_so_many_fields_as_any_other(town) {
        let operator = town.browser(User::Operator).with("accept", "text/html");
        let form = |count: usize| {
            let part = |number: usize| format!("--b\r\ncontent-disposition: form-data; name=\"a{number}\"\r\n\r\n\r\n");
            let body = format!("{}--b--\r\n", (0..count).map(part).collect::<String>());
            operator.post_bytes("/market/beiyuan/lots/new", "multipart/form-data; boundary=b", body.as_bytes())
        };
        assert_eq!(form(10).status, 422);
        assert!(form(5_001).expect(400).text().contains("5000"));
    }

    fn what_is_restricted_is_shown_once_the_note_of_it_is_there(town) {
        let inspector = town.program(User::Inspector);
        for number in 1..=20 {
            inspector.get("/api/market/beiyuan/lots/L1").expect(200);
            assert_eq!(noted(&town), number, "the note was on the disk before the answer");
        }
        let limited = |client: &Client| (0..700).map(|_| client.get("/api/market/beiyuan/lots/L1").status).find(|status| *status == 429);
        if matches!(town.place.engine, Engine::Sqlite) {
            assert_eq!(limited(&inspector), Some(429));
            town.program(User::Inspector).get("/api/market/beiyuan/lots/L1").expect(200);
        }
    }
}
