//! What outlasts that by which it was come to: what the nineteenth review found, and what those before had left open.
//! docs/security.md lists it.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

use access::Grant;
use base::{AccountId, ActorId, BookId, SubjectId, UnitCode};
use harness::{Client, OFFICES, User, enter, on_every_store};
use kernel::notices::{Channel, ContactSet, Notice, What, enqueue};
use kernel::{
    AdminError, AppendError, BodyErased, By, DEVICES_OF_BOOK_MAX, DocketError, EraseRefusal, Identity, LetIn,
    NewToken, TOKENS_OF_BRANCH_MAX,
};
use ledger::{Draft, Role};
use line_market::kinds::{CleaningDone, MerchantRegistered};
use line_projects::record::{Ahead, Input, Recorded, record_ahead};
use line_projects::refusal::Code;
use matters::{Evidence, MatterId, PostId, Submitted, Taken, Version};
use registry::PostAdded;
use serde_json::{Value, json};
use trace::Direction;

use crate::proxies::behind;

const CLERK: &str = "post:beiyuan-market/clerk";
const PROJECTS: &str = "/api/projects/decheng-projects";

fn system() -> ActorId {
    ActorId::new("system:test").unwrap()
}

/// Whether a connection is closed within so long.
fn ends_within(stream: &mut TcpStream, wait_max: Duration) -> bool {
    let until = Instant::now() + wait_max;
    let mut bytes = [0; 4096];
    loop {
        let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
            return false;
        };
        stream.set_read_timeout(Some(left)).unwrap();
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                return !matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
            }
        }
    }
}

on_every_store! {
    fn what_outlasts_a_session_is_opened_from_it_only_shortly_after_the_password_was_given(town) {
        let (name, password) = town.account(User::Admin);
        let session = town.holder_again(&name);
        town.holder("colleague", &[CLERK]);
        let grant = |role: &str| json!({ "grantee": "account:colleague", "role": role, "unit": "371402", "line": null, "subject": null });
        let lent = session.post("/api/grants", &grant("auditor")).expect(201).json()["seq"].clone();
        town.clock.advance_ms(15 * 60_000);
        let complaint = json!({ "slip": null, "text": "short weight", "contact": "a shopper", "fair_scale_g": null });
        let erasable = enter(&town.site.kernel, &town.book(), "market.complaint.filed", complaint).entry.seq;
        town.settle();
        let before = town.fingerprint();
        let scale = json!({ "device": "S-9", "book": "beiyuan", "title": "S-9", "subject": "stall:beiyuan/A01", "role": "scale" });
        let reads = json!([{ "role": "auditor", "unit": "371400" }]);
        let asked = [
            ("/api/accounts", json!({ "account": "thief", "unit": "371400", "title": "thief" })),
            ("/api/accounts/colleague/reset-password", json!({})),
            ("/api/grants", grant("leader")),
            ("/api/tokens", json!({ "title": "backup job", "unit": "371400", "grants": reads })),
            ("/api/devices", scale),
            ("/api/registry/holdings", json!({ "post": CLERK, "account": "colleague", "from": "2027-03-01" })),
            ("/api/contacts", json!({ "post": CLERK, "channel": "email", "address": "thief@example.cn" })),
        ];
        for (path, body) in &asked {
            let refused = session.post(path, body).expect(400).json();
            assert_eq!([&refused["field"], &refused["rule"]], [&json!("password"), &json!("required")], "{path}: {refused}");
        }
        let erasure = json!({ "reason": "asked", "legal_basis": "个人信息保护法第四十七条" });
        let refused = session.post(&format!("/api/ledger/beiyuan/{erasable}/erase"), &erasure).expect(400).json();
        assert_eq!(refused["field"], "password");
        assert_eq!(town.fingerprint(), before);
        // What takes away is done at once.
        session.send("DELETE", &format!("/api/grants/{lent}"), None, b"").unwrap().expect(200);
        // A page asks, keeps what was typed, and does not ask again for a while.
        let page = session.with("accept", "text/html");
        let typed = [("account", "newcomer"), ("unit", "371400"), ("title", "内勤")];
        let asks = page.post_form("/admin/accounts/new", &typed).expect(422).text();
        assert!(asks.contains("name=\"password\"") && asks.contains("内勤"), "{asks}");
        let given = |password: &'static str| [&typed[..], &[("password", password), ("code", "")]].concat();
        page.post_form("/admin/accounts/new", &given("a guess at it")).expect(422);
        page.post_form("/admin/accounts/new", &given(password)).expect(200);
        session.post("/api/grants", &grant("leader")).expect(201);
        // What waits for the writer is done only if the session still goes on then.
        let kernel = &town.site.kernel;
        let opened = kernel.sign_in(&name, password).unwrap().session().unwrap();
        let by = By::from(&opened.session.actor.id).from_session(&opened.session);
        kernel.sign_out(&opened.cookie_value).unwrap();
        let refused = kernel.disable_account(&by, &AccountId::new("newcomer").unwrap());
        assert!(matches!(refused, Err(AppendError::Refused(AdminError::SessionEnded))), "{refused:?}");
    }

    fn a_stream_that_is_opened_while_its_right_goes_hears_of_that_however_it_is_asked_for(town) {
        let kernel = &town.site.kernel;
        for round in 0..6 {
            let unit = UnitCode::new("371400").unwrap();
            let grants = serde_json::from_value(json!([{ "role": "auditor", "unit": "371400" }])).unwrap();
            let token = NewToken { title: format!("round {round}"), unit, grants, expires: None };
            let issued = kernel.issue_token(&system(), token).unwrap();
            let id = issued.actor.as_str().trim_start_matches("token:").to_owned();
            let client = town.site.client().bearer(&issued.credential.unwrap());
            let streams: Vec<TcpStream> = std::thread::scope(|scope| {
                let open = || {
                    let mut opened = Vec::new();
                    for at in 0..8 {
                        opened.push(client.open("GET", "/matters/live", &[("connection", "close")]));
                        std::thread::sleep(Duration::from_millis(at % 3));
                    }
                    opened
                };
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
                std::thread::sleep(Duration::from_millis(2 + round));
                kernel.revoke_token(&system(), &id).unwrap();
                threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
            });
            for mut stream in streams {
                assert!(ends_within(&mut stream, Duration::from_secs(10)), "round {round}");
            }
        }
    }

    fn whoever_has_another_session_uses_up_no_tries_of_the_owner(town) {
        let (name, password) = town.account(User::Leader);
        let (stolen, own) = (town.holder_again(&name), town.holder_again(&name));
        let stolen = stolen.with("accept", "text/html");
        let guess = || stolen.post_form("/account/totp/begin", &[("password", "a guess at it")]).status;
        assert!((0..30).any(|_| guess() == 429), "a session has so many tries");
        let form = [("old_password", password), ("new_password", "quite another password"), ("again", "quite another password")];
        own.post_form("/account/password", &form).expect(303);
        stolen.get("/account").expect(303);
    }

    fn the_writer_reckons_with_no_plan_for_a_move_that_somebody_makes(town) {
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        let plan: String = (0..30).map(|at| format!("A{at},工序 {at},20d,,\n")).collect();
        let plan = format!("编号,名称,工期,紧前工作,分部\n{plan}");
        planner.post_bytes(&format!("{PROJECTS}/projects/park/plan?file=park.csv"), "application/octet-stream", plan.as_bytes()).expect(201);
        let record = |kind: &str, body: Value| team.post(&format!("{PROJECTS}/entries"), &json!({ "kind": kind, "body": body })).expect(201);
        town.holder("li", &["post:371402/bureau"]);
        record("projects.blocker.raised", json!({ "project": "park", "blocker": "B-1", "title": "征地", "note": "待批",
            "owner": "post:371402/bureau", "due": "2026-04-20" }));
        let kernel = &town.site.kernel;
        let book = BookId::new(OFFICES[0].book).unwrap();
        let of = |name: &str| MatterId::local(&book, name).unwrap();
        let (project, blocker) = (of("project.park"), of("blocker.B-1"));
        let needs = |id: &MatterId| {
            let id = id.clone();
            let asked = kernel.append_blocking::<_, (), DocketError>(move |desk| desk.need_reckoned(&id, desk.now()));
            match asked {
                Err(AppendError::Refused(DocketError::NotReckoned(of))) => Some(of),
                asked => asked.map(|()| None).unwrap(),
            }
        };
        // The clock may have looked at it between the two, but not each time.
        let found = (0..20).any(|at| {
            record("projects.progress.reported", json!({ "project": "park", "activity": format!("A{at}"), "percent_bp": 100 }));
            let asked = [needs(&project), needs(&blocker)];
            kernel.prepare_move(&blocker).unwrap();
            assert_eq!([needs(&project), needs(&blocker)], [None, None]);
            asked == [Some(project.clone()), Some(project.clone())]
        });
        assert!(found, "what was reported is not reckoned with in the writer");
        // Whoever moves one has it reckoned with ahead.
        let bureau = town.holder_again("li");
        record("projects.progress.reported", json!({ "project": "park", "activity": "A29", "percent_bp": 100 }));
        let taken = json!({ "expected": 0, "move": { "verb": "taken", "by": "post:371402/bureau" } });
        bureau.post("/api/matters/decheng-projects/blocker.B-1/moves", &taken).expect(201);
        town.check();
    }

    fn notices_of_a_branch_however_many_leave_room_for_those_of_others(town) {
        let kernel = &town.site.kernel;
        let reach = |post: &str, contacts: usize| {
            let post = SubjectId::new(post).unwrap();
            let unit = UnitCode::new(post.home().unwrap()).unwrap();
            let added = PostAdded { post: post.clone(), unit, title_zh: "岗位".into(), title_en: "Post".into() };
            kernel.add_post(&system(), added).unwrap();
            for at in 0..contacts {
                let address = format!("https://hooks.example/{at}");
                kernel.set_contact(&system(), ContactSet { post: post.clone(), channel: Channel::Webhook, address }).unwrap();
            }
            let about = SubjectId::new("matter:beiyuan/task-1").unwrap();
            let notice = Notice { book: town.book(), about, what: What::Opened, to: post, text_zh: "立项".into(), text_en: "Opened".into() };
            kernel.append_blocking::<_, _, ()>(move |desk| Ok(enqueue(desk, &notice)?)).unwrap();
        };
        // More posts than were once looked at, in the units of one county.
        for at in 0..150 {
            reach(&format!("post:beiyuan-market/p{at}"), 8);
        }
        for unit in ["decheng-office", "371402"] {
            (0..3).for_each(|at| reach(&format!("post:{unit}/p{at}"), 8));
        }
        town.clock.advance_ms(1_000);
        reach("post:371481/p", 1);
        let claimed = kernel.claim_notices(&[], 16, 60_000).unwrap();
        let of = |unit: &str| claimed.iter().filter(|claim| claim.contact.post.home() == Some(unit)).count();
        assert_eq!(of("371481"), 1, "another county's");
        let ours = [of("beiyuan-market"), of("decheng-office"), of("371402")];
        assert!(ours.iter().sum::<usize>() == 8 && ours.iter().all(|count| (2..=4).contains(count)), "{ours:?}");
        let seen = kernel.waiting_notices(200, |unit| unit.as_str() == "371481").unwrap();
        assert_eq!(seen.len(), 1, "whoever administers it sees it");
    }

    fn what_was_revoked_takes_no_room_and_a_device_comes_back_to_a_full_book_under_its_own_name(town) {
        let admin = town.program(User::Admin);
        // Nobody issues thousands here: the tables that are counted have them for a while.
        let run = |sql: String| {
            town.site.kernel.append_blocking(move |desk| { desk.aside(sql.clone(), Vec::new()); Ok::<_, AppendError<()>>(()) }).unwrap();
        };
        let fill = |table: &str, row: &str, count: usize| run(format!(
            "insert into {table} with recursive n (i) as (select 1 union all select i + 1 from n where i < {count}) select {row} from n"
        ));
        let token = || admin.post("/api/tokens", &json!({
            "unit": "beiyuan-market", "title": "till", "grants": [{ "role": "auditor", "unit": "beiyuan-market" }],
        }));
        fill("api_token (token, unit, title, expires, revoked)", "'filler-' || i, 'beiyuan-market', '', null, 0", TOKENS_OF_BRANCH_MAX);
        assert_eq!(token().expect(409).json()["field"], "unit");
        run("update api_token set revoked = 1 where token like 'filler-%'".into());
        token().expect(201);

        let enrol = |device: &str| admin.post("/api/devices", &json!({
            "device": device, "book": "beiyuan", "title": "秤", "subject": "stall:beiyuan/A01", "role": "scale",
        }));
        enrol("back").expect(201);
        admin.send("DELETE", "/api/devices/beiyuan/back", None, b"").unwrap().expect(200);
        fill("device (book, device, title, subject, revoked)", "'beiyuan', 'filler-' || i, '', 'scale:beiyuan/s', 1", DEVICES_OF_BOOK_MAX);
        assert_eq!(enrol("new").expect(400).json()["field"], "book");
        enrol("back").expect(201);
        run("delete from device where device like 'filler-%'".into());
        run("delete from api_token where token like 'filler-%'".into());
        town.check();
    }

    fn what_nobody_in_particular_sends_slowly_takes_turns_by_address(town) {
        let town = behind(town, vec![IpAddr::from([127, 0, 0, 1])]);
        let begin = |from: &str| {
            let mut stream = TcpStream::connect(town.site.base.trim_start_matches("http://")).unwrap();
            let head = format!(
                "POST / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {from}\r\ntransfer-encoding: chunked\r\n\
                 content-type: application/x-www-form-urlencoded\r\n\r\n1\r\na\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        };
        let _slow: Vec<TcpStream> = (0..64).map(|_| begin("203.0.113.7")).collect();
        std::thread::sleep(Duration::from_millis(500));
        let ask = |from: &str| {
            let browser = town.site.client().with("x-forwarded-for", from).with("sec-fetch-site", "same-origin");
            browser.post_form("/sign-in", &[("account", "nobody"), ("password", "x")]).status
        };
        assert_eq!(ask("203.0.113.7"), 429);
        assert_eq!(ask("203.0.113.8"), 422);
    }

    fn whether_a_body_may_be_erased_is_decided_by_the_writer(town) {
        let complaint = json!({ "slip": null, "text": "short weight", "contact": "a shopper", "fair_scale_g": null });
        let seq = enter(&town.site.kernel, &town.book(), "market.complaint.filed", complaint).entry.seq;
        let (name, _) = town.account(User::Inspector);
        let by = ActorId::new(format!("account:{name}")).unwrap();
        let erasure = BodyErased { seq: seq.0, reason: "asked".into(), legal_basis: "个人信息保护法第四十七条".into() };
        let refused = town.site.kernel.erase(&town.book(), &by, erasure);
        assert!(
            matches!(refused, Err(AppendError::Refused(EraseRefusal::Admin(AdminError::Denied { .. })))),
            "{refused:?}"
        );
    }

    fn a_subscription_is_opened_from_a_session_only_shortly_after_the_password_was_given(town) {
        let (name, _) = town.account(User::Inspector);
        let client = town.holder_again(&name);
        client.post("/epcis/queries", &json!({ "name": "all", "query": {} })).expect(201);
        let subscribe = |client: &Client| client.post("/epcis/queries/all/subscriptions", &json!({ "dest": "https://client.example/hooks", "stream": true }));
        let opened = subscribe(&client).expect(201).header("location").to_owned();
        let resume = |client: &Client| client.send("POST", &format!("{opened}/resume"), None, b"").unwrap();
        resume(&client).expect(204);
        town.clock.advance_ms(15 * 60_000);
        assert_eq!(subscribe(&client).expect(400).json()["field"], "password");
        assert_eq!(resume(&client).expect(400).json()["field"], "password");
        subscribe(&town.holder_again(&name)).expect(201);
    }

    fn a_form_with_a_photo_brings_no_text_that_no_database_takes(town) {
        let operator = town.browser(User::Operator).with("accept", "text/html");
        let form = "--b\r\ncontent-disposition: form-data; name=\"lot\"\r\n\r\nL\u{0}1\r\n--b--\r\n";
        let sent = operator.post_bytes("/market/beiyuan/lots/new", "multipart/form-data; boundary=b", form.as_bytes());
        sent.expect(400);
    }

    fn a_copy_is_read_by_nobody_but_its_owner(town) {
        use std::os::unix::fs::PermissionsExt;

        let copy = town.place.folder.path().join("copy");
        town.place.store().backup(&copy).unwrap();
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }

    fn an_account_has_so_many_sessions_and_does_little_at_a_time_with_itself(town) {
        let (name, password) = town.account(User::Leader);
        let kernel = &town.site.kernel;
        let open = || {
            town.clock.advance_ms(1);
            kernel.sign_in(&name, password).unwrap().session().unwrap().cookie_value
        };
        let first = open();
        let last: Vec<String> = (0..20).map(|_| open()).collect();
        assert!(kernel.session(&first).unwrap().is_none(), "the oldest has ended");
        assert!(last.iter().all(|it| kernel.session(it).unwrap().is_some()));
        let browser = town.holder_again(&name);
        browser.post_bytes("/account/anything", "multipart/form-data; boundary=b", &[b'x'; 40 * 1024]).expect(413);
    }

    fn nothing_is_granted_on_behalf_of_who_signs_in_nor_without_end(town) {
        let admin = town.browser(User::Admin);
        town.holder("victim", &[]);
        let subject = "account:registry/victim";
        let device = json!({ "device": "x1", "book": "beiyuan", "title": "x", "subject": subject, "role": "wall" });
        assert_eq!(admin.post("/api/devices", &device).expect(400).json()["field"], "subject");
        let wall = |line: &str, subject: Option<&str>| json!({ "role": "wall", "unit": "371402", "line": line, "subject": subject });
        let token = |grants: Vec<Value>| admin.post("/api/tokens", &json!({ "title": "t", "unit": "371402", "grants": grants }));
        assert_eq!(token(vec![wall("market", Some(subject))]).expect(400).json()["field"], "subject");
        assert_eq!(token((0..101).map(|at| wall(&format!("l{at}"), None)).collect()).expect(400).json()["field"], "grants");
        token((0..100).map(|at| wall(&format!("l{at}"), None)).collect()).expect(201);
    }

    fn what_waited_for_the_writer_is_decided_by_the_rights_of_then(town) {
        let (name, password) = town.account(User::Inspector);
        let kernel = &town.site.kernel;
        let actor = ActorId::new(format!("account:{name}")).unwrap();
        let let_in = || {
            let opened = kernel.sign_in(&name, password).unwrap().session().unwrap();
            (LetIn { actor: opened.session.actor, session: Some(opened.session.hash), credential: None, root: kernel.root_known().unwrap(), day: kernel.zone().day_of(kernel.now()) }, opened.cookie_value)
        };
        let holds = |by: &LetIn| {
            let by = by.clone();
            kernel.append_blocking::<_, _, ()>(move |desk| Ok(desk.still_lets_in(&by)?)).unwrap()
        };
        let ((by, _), (ended, cookie)) = (let_in(), let_in());
        assert!(holds(&by) && holds(&ended));
        kernel.sign_out(&cookie).unwrap();
        assert!(holds(&by) && !holds(&ended));
        // What is done about others changes nothing; a post more or a grant less does.
        town.holder("somebody", &[CLERK]);
        assert!(holds(&by));
        let unit = UnitCode::new("371402").unwrap();
        let grant = Grant { role: "auditor".into(), unit, line: None, subject: None };
        let given = kernel.give_grant(&system(), &actor, grant).unwrap();
        assert!(!holds(&by));
        let (more, _) = let_in();
        kernel.withdraw_grant(&system(), given.seq.0).unwrap();
        assert!(!holds(&more) && holds(&by));
        kernel.disable_account(&system(), &AccountId::new(&name).unwrap()).unwrap();
        assert!(!holds(&by));
    }

    fn who_stands_in_for_a_team_by_its_role_accepts_nothing_of_it(town) {
        const TEAM: &str = "post:decheng-office/team-1";
        const OFFICE: &str = "post:decheng-office/office";
        let (team, both) = (town.holder("zhao", &[TEAM]), town.holder("li", &[OFFICE]));
        let unit = UnitCode::new("decheng-office").unwrap();
        let grant = Grant { role: "team".into(), unit, line: Some("projects".into()), subject: SubjectId::new(TEAM).ok() };
        town.site.kernel.give_grant(&system(), &ActorId::new("account:li").unwrap(), grant).unwrap();
        let body = json!({ "project": "park", "to": "finished", "reason": "竣工" });
        team.post(&format!("{PROJECTS}/entries"), &json!({ "kind": "projects.phase.changed", "body": body })).expect(403);
        both.post(&format!("{PROJECTS}/entries"), &json!({ "kind": "projects.phase.changed", "body": body })).expect(201);
        let path = "/api/matters/decheng-projects/project.park";
        let step = |client: &Client, step: Value| {
            let version = client.get(path).expect(200).json()["matter"]["version"].clone();
            client.post(&format!("{path}/moves"), &json!({ "expected": version, "move": step }))
        };
        step(&team, json!({ "verb": "taken", "by": TEAM })).expect(201);
        let file = team.post_bytes(&format!("{path}/evidence"), "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
        let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": town.now()[..10] }]);
        step(&team, json!({ "verb": "submitted", "by": TEAM, "evidence": evidence })).expect(201);
        step(&both, json!({ "verb": "accepted" })).expect(403);
        town.check();
    }

    fn what_is_reckoned_of_a_plan_ahead_is_what_the_writer_would_and_of_another_plan_nothing(town) {
        let planner = town.program(User::Planner);
        let plan = "编号,名称,工期,紧前工作,分部\nA,路基,20d,,土建\nB,桥涵,30d,A,土建\n";
        planner.post_bytes(&format!("{PROJECTS}/projects/park/plan?file=park.csv"), "application/octet-stream", plan.as_bytes()).expect(201);
        let kernel = town.site.kernel.clone();
        let book = BookId::new(OFFICES[0].book).unwrap();
        let input = |days: i64| Input {
            kind: "projects.plan.edited".into(),
            occurred: None,
            body: json!({ "project": "park", "changes": [{ "what": "duration", "activity": "A", "minutes": days * 480 }] }),
            evidence: Vec::new(),
        };
        let ahead = |input: &Input| kernel.read(|tx| Ahead::of(tx, kernel.zone(), &book, input)).unwrap().expect("it takes long");
        let record = |input: Input, ahead: Option<Ahead>| {
            let book = book.clone();
            kernel.append_blocking(move |desk| record_ahead(desk, &book, &system(), &input, ahead.as_ref()))
        };
        let body = |recorded: Recorded| {
            let found = kernel.read(|tx| kernel::entries::entry(tx, &book, recorded.entry.seq)).unwrap().unwrap();
            let body: Value = serde_json::from_str(found.body.as_deref().unwrap()).unwrap();
            [body["before"].clone(), body["after"].clone()]
        };
        let (there, back) = (input(25), input(20));
        let told = ahead(&there);
        let first = body(record(there.clone(), Some(told.clone())).unwrap());
        assert_ne!(first[0], first[1]);
        // The plan is another one now, of which nothing was reckoned.
        let refused = record(there.clone(), Some(told)).unwrap_err();
        assert!(matches!(&refused, AppendError::Refused(refusal) if refusal.code == Code::NotReckoned), "{refused:?}");
        let returned = body(record(back, None).unwrap());
        assert_eq!(returned, [first[1].clone(), first[0].clone()]);
        assert_eq!(body(record(there, None).unwrap()), first, "ahead or not");
        town.check();
    }

    fn a_password_is_changed_so_often_an_hour(town) {
        let (name, password) = town.account(User::Leader);
        let kernel = &town.site.kernel;
        let account = AccountId::new(&name).unwrap();
        let words = [password.to_owned(), "quite another password".to_owned()];
        let change = |at: usize| kernel.change_password(&account, (&words[at % 2], ""), &words[(at + 1) % 2]);
        for at in 0..10 {
            change(at).unwrap();
        }
        let refused = change(10).map(drop);
        assert!(matches!(refused, Err(AppendError::Refused(AdminError::PasswordOften(_)))), "{refused:?}");
        // Whatever else is recorded of the account meanwhile.
        let actor = ActorId::new(format!("account:{name}")).unwrap();
        for _ in 0..60 {
            let grant = Grant { role: "auditor".into(), unit: UnitCode::new("371402").unwrap(), line: None, subject: None };
            let given = kernel.give_grant(&system(), &actor, grant).unwrap();
            kernel.withdraw_grant(&system(), given.seq.0).unwrap();
        }
        let refused = change(10).map(drop);
        assert!(matches!(refused, Err(AppendError::Refused(AdminError::PasswordOften(_)))), "{refused:?}");
        town.clock.advance_ms(3_600_000);
        change(10).unwrap();
        // What others reset is not the owner's doing.
        for _ in 0..9 {
            kernel.reset_password(&system(), &account).unwrap();
        }
        let given = kernel.reset_password(&system(), &account).unwrap().one_time_password.unwrap();
        kernel.change_password(&account, (&given, ""), "a third password altogether").unwrap();
    }

    fn what_was_begun_by_way_of_a_link_ends_when_its_entry_is_erased(town) {
        let kernel = &town.site.kernel;
        let (name, _) = town.account(User::Inspector);
        let actor = ActorId::new(format!("account:{name}")).unwrap();
        let identity = Identity { issuer: "https://id.example.cn".into(), identifier: "somebody".into() };
        let set = kernel.set_identity(&system(), &AccountId::new(&name).unwrap(), identity).unwrap();
        let linked = kernel.credential_since(&actor).unwrap();
        town.clock.advance_ms(60_000);
        let erasure = BodyErased { seq: set.seq.0, reason: "误绑定".into(), legal_basis: "个人信息保护法第四十七条".into() };
        kernel.erase(&BookId::new(kernel::ROOT_BOOK).unwrap(), &system(), erasure).unwrap();
        assert!(kernel.credential_since(&actor).unwrap() > linked);
        town.check();
    }

    fn so_much_is_granted_to_one_over_time_and_so_many_act_for_a_post(town) {
        let kernel = &town.site.kernel;
        let unit = UnitCode::new("beiyuan-market").unwrap();
        town.holder("victim", &[CLERK]);
        let stands_in = |to: &str| {
            let grant = Grant { role: access::HOLDER.into(), unit: unit.clone(), line: None, subject: SubjectId::new(CLERK).ok() };
            kernel.give_grant(&system(), &ActorId::new(format!("account:{to}")).unwrap(), grant)
        };
        // The market lies a unit below its branch, and has a half of its places.
        for number in 0..25 {
            let account = AccountId::new(format!("aide{number}")).unwrap();
            let new = kernel::NewAccount { account, unit: unit.clone(), title: "aide".into() };
            kernel.add_account(&system(), new, Some("a password of some length")).unwrap();
            stands_in(&format!("aide{number}")).unwrap();
        }
        assert!(matches!(stands_in("victim"), Err(AppendError::Refused(AdminError::GrantsMany(25)))));
        let victim = ActorId::new("account:victim").unwrap();
        let grant = || Grant { role: "auditor".into(), unit: unit.clone(), line: None, subject: None };
        for _ in 0..1_000 {
            let given = kernel.give_grant(&system(), &victim, grant()).unwrap();
            kernel.withdraw_grant(&system(), given.seq.0).unwrap();
        }
        assert!(matches!(kernel.give_grant(&system(), &victim, grant()), Err(AppendError::Refused(AdminError::GrantsMany(1_000)))));
    }

    fn nobody_below_a_city_takes_the_code_of_a_county(town) {
        let admin = town.browser(User::Admin);
        let add = |code: &str, parent: &str| {
            let unit = json!({ "code": code, "parent": parent, "level": "other", "title_zh": "某单位", "title_en": "Some unit" });
            admin.post("/api/registry/units", &unit)
        };
        assert_eq!(add("371499", "beiyuan-market").expect(400).json()["rule"], "consistency");
        add("371499", "371402").expect(400);
        add("371499-a", "371402").expect(201);
        add("371499", "371400").expect(201);
    }

    fn a_walk_leads_through_what_many_share(town) {
        // Each entry makes the same forty things out of two hundred others.
        let kernel = &town.site.kernel;
        let of = |name: String| SubjectId::new(format!("x:{name}")).unwrap();
        let shared: Vec<SubjectId> = (0..40).map(|at| of(format!("a{at}"))).collect();
        let others: Vec<SubjectId> = (0..200).map(|at| of(format!("b{at}"))).collect();
        let entries: Vec<(Vec<SubjectId>, Vec<SubjectId>)> =
            std::iter::once((vec![of("s".into())], shared.clone())).chain((0..100).map(|_| (shared.clone(), others.clone()))).collect();
        let book = town.book();
        let told = book.clone();
        kernel
            .append_blocking::<_, _, ()>(move |desk| {
                for (outputs, inputs) in &entries {
                    let cleaned = CleaningDone { area: "hall".into(), note: None };
                    let mut draft = Draft::new(&told, desk.now(), &system(), &cleaned)?;
                    for (role, subjects) in [(Role::Output, outputs), (Role::Input, inputs)] {
                        draft = subjects.iter().fold(draft, |draft, subject| draft.subject(role, subject.clone()));
                    }
                    desk.append::<()>(draft)?;
                }
                Ok(())
            })
            .unwrap();
        let walk = kernel.walk(&of("s".into()), Direction::Backward).unwrap();
        assert_eq!((walk.steps.len(), walk.cut), (1 + 40 + 200, None));
    }

    fn a_query_is_subscribed_to_by_the_right_in_its_book(town) {
        let kernel = &town.site.kernel;
        town.holder("zhao", &[]);
        let actor = ActorId::new("account:zhao").unwrap();
        let given = ["beiyuan-market", "xihai-market"].map(|unit| {
            let grant = Grant { role: "inspector".into(), unit: UnitCode::new(unit).unwrap(), line: Some("market".into()), subject: None };
            kernel.give_grant(&system(), &actor, grant).unwrap().seq.0
        });
        let client = town.holder_again("zhao");
        client.post("/epcis/queries?book=beiyuan", &json!({ "name": "q", "query": {} })).expect(201);
        let subscribe = || client.post("/epcis/queries/q/subscriptions", &json!({ "dest": "https://client.example/hooks", "stream": true }));
        let opened = subscribe().expect(201).header("location").to_owned();
        kernel.withdraw_grant(&system(), given[0]).unwrap();
        town.settle();
        let before = town.fingerprint();
        subscribe().expect(403);
        for (method, path) in [("DELETE", opened.clone()), ("POST", format!("{opened}/resume")), ("DELETE", "/epcis/queries/q".into())] {
            client.send(method, &path, None, b"").unwrap().expect(403);
        }
        assert_eq!(town.fingerprint(), before);
    }

    fn a_merchant_makes_so_many_parts_a_day(town) {
        let operator = town.program(User::Operator);
        let record = |kind: &str, body: Value| operator.post("/api/market/beiyuan/entries", &json!({ "kind": kind, "body": body }));
        for lot in ["BIG-0", "BIG-1"] {
            record("market.lot.received", town.lot(lot, 1_000_000)).expect(201);
        }
        let split = |lot: usize, from: usize, count: usize| {
            let parts: Vec<Value> = (from..from + count).map(|at| json!({ "lot": format!("P{at}"), "quantity_g": 1 })).collect();
            record("market.lot.split", json!({ "lot": format!("BIG-{lot}"), "parts": parts }))
        };
        for at in 0..12 {
            split(at % 2, at * 50, 50).expect(201);
        }
        assert_eq!(split(0, 600, 1).expect(409).json()["rule"], "too-many-arrivals");
    }

    fn a_file_that_somebody_above_judged_is_not_taken_by_who_handed_it_in(town) {
        const BUREAU: &str = "post:371402/bureau";
        let kernel = &town.site.kernel;
        let (bureau, _) = (town.holder("li", &[BUREAU]), town.holder("wei", &[CLERK]));
        let task = json!({ "name": "task-drain", "title": "疏通排水沟", "owner": CLERK, "reviewer": BUREAU, "due": { "by": "on", "day": "2026-06-20" } });
        bureau.post("/api/matters/beiyuan", &task).expect(201);
        let matter = MatterId::local(&town.book(), "task-drain").unwrap();
        let wei = ActorId::new("account:wei").unwrap();
        // An administrator of the market alone, who records for it too.
        let unit = UnitCode::new("beiyuan-market").unwrap();
        for role in ["admin", "operator"] {
            let line = (role == "operator").then(|| "market".to_owned());
            kernel.give_grant(&system(), &wei, Grant { role: role.into(), unit: unit.clone(), line, subject: None }).unwrap();
        }
        let (book, by) = (town.book(), wei.clone());
        let file = kernel.keep_file(&wei, &book, b"%PDF-1.4\n%%EOF\n".to_vec()).unwrap();
        let handed = file.clone();
        // In one group of the writer, as several requests may come to be.
        let seq = kernel
            .append_blocking::<_, _, DocketError>(move |desk| {
                let merchant = MerchantRegistered { merchant: "m9".into(), title: "某某".into(), licence: None };
                let about = SubjectId::local("merchant", &book, "m9").unwrap();
                let draft = Draft::new(&book, desk.now(), &by, &merchant)?.subject(Role::About, about);
                let draft = draft.with_evidence(vec![handed.clone()]);
                let seq = desk.append::<DocketError>(draft)?.seq;
                let now = desk.now();
                let clerk = || PostId::try_from(SubjectId::new(CLERK).unwrap()).unwrap();
                let taken = Taken { matter: matter.clone(), by: clerk() };
                let moved = desk.move_matter(Version(0), &by, now, taken.into())?;
                let today = desk.zone().day_of(now);
                let paper = Evidence { digest: handed.clone(), title: "照片".into(), effective: today, uploaded: today };
                let submitted = Submitted { matter: matter.clone(), by: clerk(), evidence: vec![paper], note: None };
                desk.move_matter(moved.matter.version, &by, now, submitted.into())?;
                Ok(seq)
            })
            .unwrap();
        let erase = |client: &Client, seq: u64| {
            let reason = json!({ "reason": "本人申请", "legal_basis": "个人信息保护法第四十七条" });
            client.post(&format!("/api/ledger/beiyuan/{seq}/erase"), &reason)
        };
        let kept = || kernel.evidence_type(&town.book(), &file).unwrap().is_some();
        let wei = town.holder_again("wei");
        erase(&wei, seq.0).expect(201);
        assert!(kept(), "it was handed in to be judged");
        assert_eq!(erase(&wei, seq.0).expect(409).json()["rule"], "erased");
        // Whoever may erase where it was judged takes it away afterwards.
        let grant = Grant { role: "admin".into(), unit: UnitCode::new("371402").unwrap(), line: None, subject: None };
        kernel.give_grant(&system(), &ActorId::new("account:li").unwrap(), grant).unwrap();
        let li = town.holder_again("li");
        erase(&li, seq.0).expect(201);
        assert!(!kept());
        erase(&li, seq.0).expect(409);
        town.check();
    }
}
