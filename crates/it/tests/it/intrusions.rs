//! Ways in that a review found, each tried again as it was found.

use base::{AccountId, ActorId, UnitCode};
use harness::{Client, Town, User, on_every_store};
use kernel::{AdminError, AppendError};
use serde_json::{Value, json};

const MANAGER: &str = "post:beiyuan-market/manager";
const BUREAU: &str = "post:371402/bureau";
const ELSEWHERE: &str = "post:xihai-market/manager";
const PDF: &[u8] = b"%PDF-1.4\n% the paper of a person\n%%EOF\n";

fn task(name: &str, owner: &str, reviewer: &str) -> Value {
    json!({ "name": name, "title": "疏通排水沟", "owner": owner, "reviewer": reviewer, "due": { "by": "on", "day": "2026-03-20" } })
}

fn names(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/api/matters{query}")).expect(200).json();
    page["items"].as_array().unwrap().iter().map(|it| it["matter"].as_str().unwrap().to_owned()).collect()
}

fn grant(role: &str, unit: &str, line: Option<&str>, subject: Option<&str>) -> access::Grant {
    access::Grant {
        role: role.to_owned(),
        unit: UnitCode::new(unit).unwrap(),
        line: line.map(str::to_owned),
        subject: subject.map(|subject| base::SubjectId::new(subject).unwrap()),
    }
}

fn installation() -> ActorId {
    ActorId::new("system:installation").unwrap()
}

/// A browser of somebody new to whom something is granted.
fn granted(town: &Town, name: &str, grant: access::Grant) -> Client {
    town.holder(name, &[]);
    let grantee = ActorId::new(format!("account:{name}")).unwrap();
    town.site.kernel.give_grant(&installation(), &grantee, grant).unwrap();
    town.holder_again(name)
}

on_every_store! {
    fn the_matters_of_a_post_are_listed_to_whoever_holds_it_and_to_nobody_else(town) {
        let manager = town.holder("wei", &[MANAGER]);
        let bureau = town.holder("li", &[BUREAU]);
        let stranger = town.holder("zhao", &[ELSEWHERE]);
        bureau.post("/api/matters/beiyuan", &task("task-drain", MANAGER, BUREAU)).expect(201);
        let asked = format!("?mine=true&post={MANAGER}");
        assert_eq!(names(&manager, &asked), ["matter:beiyuan/task-drain"]);
        town.program(User::Anonymous).get(&format!("/api/matters{asked}")).expect(401);
        assert_eq!(names(&stranger, &asked), Vec::<String>::new());
        assert_eq!(names(&stranger, &format!("?post={MANAGER}")), Vec::<String>::new());
        // A grant that names the post of another unit reaches nothing there.
        let own = grant("holder", "xihai-market", None, Some(MANAGER));
        let granted = granted(&town, "qian", own);
        assert_eq!(names(&granted, "?mine=true"), Vec::<String>::new());
        let inbox = granted.with("accept", "text/html").get("/matters").text();
        assert!(!inbox.contains("疏通排水沟"));
    }

    fn a_task_is_given_within_ones_own_branch_and_takes_no_name_that_follows_from_something_else(town) {
        let bureau = town.holder("li", &[BUREAU]);
        let stranger = town.holder("zhao", &[ELSEWHERE]);
        town.holder("wei", &[MANAGER]);
        for book in ["beiyuan", "registry"] {
            let address = format!("/api/matters/{book}");
            stranger.post(&address, &task("task-squat", MANAGER, ELSEWHERE)).expect(403);
        }
        for name in ["complaint-1", "fork-1", "drain"] {
            let refused = bureau.post("/api/matters/beiyuan", &task(name, MANAGER, BUREAU)).expect(400).json();
            assert_eq!((&refused["field"], &refused["rule"]), (&json!("name"), &json!("format")));
        }
        bureau.post("/api/matters/beiyuan", &task("task-drain", MANAGER, BUREAU)).expect(201);
    }

    fn a_colleague_neither_sees_nor_extends_what_another_owes(town) {
        let clerk_post = "post:beiyuan-market/clerk";
        town.holder("wei", &[MANAGER]);
        let clerk = town.holder("zhang", &[clerk_post]);
        let bureau = town.holder("li", &[BUREAU]);
        for (name, helpers) in [("task-drain", json!([])), ("task-roof", json!([clerk_post]))] {
            let mut input = task(name, MANAGER, BUREAU);
            input["helpers"] = helpers;
            bureau.post("/api/matters/beiyuan", &input).expect(201);
        }
        let later = json!({ "verb": "extended", "extension": { "by": "to", "day": "2030-12-31" }, "reason": "延期" });
        let extend = |client: &Client, name: &str, approver: &str| {
            let mut step = later.clone();
            step["approver"] = json!(approver);
            client.post(&format!("/api/matters/beiyuan/{name}/moves"), &json!({ "expected": 0, "move": step }))
        };
        clerk.get("/api/matters/beiyuan/task-drain").expect(403);
        extend(&clerk, "task-drain", clerk_post).expect(403);
        assert_eq!(extend(&clerk, "task-roof", clerk_post).expect(400).json()["field"], "approver");
        extend(&bureau, "task-drain", BUREAU).expect(201);
        // Who administers one line alone reaches no post's inbox by granting it to themselves.
        let line = granted(&town, "qian", grant("holder", "beiyuan-market", Some("market"), Some(MANAGER)));
        assert_eq!(names(&line, "?mine=true"), Vec::<String>::new());
    }

    fn nobody_opens_the_own_account_to_others(town) {
        let admin = town.browser(User::Admin);
        let refused = admin.post("/api/accounts/admin/reset-password", &json!({})).expect(409).json();
        assert_eq!(refused["field"], "account");
        let identity = json!({ "issuer": "https://id.example.cn", "identifier": "thief" });
        let answer = admin.send("PUT", "/api/accounts/admin/identity", Some(harness::JSON), identity.to_string().as_bytes()).unwrap();
        answer.expect(409);
    }

    fn an_account_is_taken_over_only_by_who_may_have_the_posts_that_it_holds(town) {
        let unit = UnitCode::new("371402").unwrap();
        granted(&town, "qian", grant("admin", "371402", None, None));
        let victim = AccountId::new("wu").unwrap();
        let new = kernel::NewAccount { account: victim.clone(), unit, title: "wu".into() };
        let kernel = &town.site.kernel;
        kernel.add_account(&installation(), new, Some("correct horse battery")).unwrap();
        let by = ActorId::new("account:qian").unwrap();
        let once = kernel.reset_password(&by, &victim).unwrap().one_time_password.unwrap();
        kernel.change_password(&victim, (&once, ""), "correct horse battery").unwrap();
        town.holder("li", &[ELSEWHERE]);
        let held = registry::PostHeld {
            post: base::SubjectId::new(ELSEWHERE).unwrap(),
            account: victim.clone(),
            from: base::Day::parse("2026-06-01").unwrap(),
            until: None,
        };
        let left = registry::PostLeft { post: held.post.clone(), account: AccountId::new("li").unwrap(), until: base::Day::parse("2026-05-31").unwrap() };
        kernel.leave_post(&installation(), left).unwrap();
        kernel.hold_post(&installation(), held).unwrap();
        // It will hold the post from June on, and that counts today.
        let refused = kernel.reset_password(&by, &victim).map(drop);
        assert!(matches!(refused, Err(AppendError::Refused(AdminError::Denied { .. }))), "{refused:?}");
        let refused = kernel.disable_account(&by, &victim).map(drop);
        assert!(matches!(refused, Err(AppendError::Refused(AdminError::Denied { .. }))), "{refused:?}");
    }

    fn who_reads_one_line_reads_what_the_kernel_counts_of_that_line_alone(town) {
        let leader = granted(&town, "sun", grant("leader", "371400", Some("market"), None));
        let bureau = town.holder("li", &[BUREAU]);
        town.holder("wei", &[MANAGER]);
        bureau.post("/api/matters/beiyuan", &task("task-drain", MANAGER, BUREAU)).expect(201);
        town.settle();
        let days = "from=2026-03-01&to=2026-03-31";
        let figure = "/api/figures/kernel.matters.opened";
        leader.get(&format!("{figure}/breakdown?{days}&by=owner")).expect(403);
        let parts = leader.get(&format!("{figure}/breakdown?{days}&by=line&dimension=line=market")).expect(200).json();
        let lines: Vec<&str> = parts.as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap()).collect();
        assert!(!lines.contains(&"projects"), "{lines:?}");
        let books = leader.get(&format!("{figure}/provenance?{days}&dimension=line=market")).expect(200).text();
        assert!(books.contains("beiyuan") && !books.contains("registry"), "{books}");
    }

    fn a_secret_that_waits_for_its_code_is_shown_and_confirmed_in_its_own_session_alone(town) {
        let (name, password) = town.account(User::Operator);
        let page = |client: &Client| client.with("accept", "text/html").with("accept-language", "en");
        let (owner, thief) = (page(&town.holder_again(&name)), page(&town.holder_again(&name)));
        owner.post_form("/account/totp/begin", &[("password", password)]).expect(303);
        let shown = owner.get("/account").expect(200).text();
        let secret = shown.split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        assert!(!thief.get("/account").expect(200).text().contains("<code>"));
        let code = harness::authenticator(&secret, town.site.kernel.now());
        thief.post_form("/account/totp/confirm", &[("code", &code)]).expect(422);
        owner.post_form("/account/totp/confirm", &[("code", &code)]).expect(200);
        assert_ne!(thief.get("/account").status, 200, "its session has ended");
    }

    fn nobodys_long_body_is_refused_unread(town) {
        let long = format!("[{}]", vec!["{}"; 10_000].join(","));
        let nobody = town.program(User::Anonymous).with("content-type", harness::JSON);
        let refused = nobody.post_bytes("/api/market/beiyuan/entries", harness::JSON, long.as_bytes()).expect(401);
        assert_eq!(refused.json()["status"], 401);
    }

    fn what_is_erased_takes_its_files_with_it_unless_something_else_names_them(town) {
        let operator = town.program(User::Operator);
        let admin = town.program(User::Admin);
        let entries = "/api/market/beiyuan/entries";
        let upload = |bytes: &[u8]| {
            let kept = operator.post_bytes("/api/market/beiyuan/evidence", "application/pdf", bytes).expect(201);
            kept.json()["digest"].as_str().unwrap().to_owned()
        };
        let own = upload(PDF);
        let shared = upload(&[PDF, b"% of two\n%%EOF\n"].concat());
        let record = |until: &str, files: &[&String]| {
            let body = json!({ "kind": "market.certificate.recorded", "evidence": files,
                "body": { "merchant": "m1", "certificate": "health", "number": "J-1", "until": until } });
            operator.post(entries, &body).expect(201).json()["entry"]["seq"].as_u64().unwrap()
        };
        let erased = record("2026-12-31", &[&own, &shared]);
        let kept = record("2027-12-31", &[&shared]);
        let reason = json!({ "reason": "本人申请", "legal_basis": "个人信息保护法第四十七条" });
        admin.post(&format!("/api/ledger/beiyuan/{erased}/erase"), &reason).expect(201);
        let file = |digest: &str| operator.get(&format!("/api/market/beiyuan/evidence/{digest}"));
        file(&own).expect(404);
        file(&shared).expect(200);
        admin.post(&format!("/api/ledger/beiyuan/{kept}/erase"), &reason).expect(201);
        file(&shared).expect(404);
        assert!(town.site.kernel.audit().unwrap().is_clean());
    }

    fn a_file_that_no_entry_names_goes_after_a_day_and_no_other(town) {
        const DAY_MS: i64 = 24 * 3_600_000;
        let operator = town.program(User::Operator);
        let upload = |what: &str| {
            let bytes = [PDF, what.as_bytes(), b"\n%%EOF\n"].concat();
            let kept = operator.post_bytes("/api/market/beiyuan/evidence", "application/pdf", &bytes).expect(201);
            kept.json()["digest"].as_str().unwrap().to_owned()
        };
        let record = |number: &str, file: &str| {
            let body = json!({ "kind": "market.certificate.recorded", "evidence": [file],
                "body": { "merchant": "m1", "certificate": "health", "number": number, "until": "2027-12-31" } });
            operator.post("/api/market/beiyuan/entries", &body)
        };
        let status = |file: &str| operator.get(&format!("/api/market/beiyuan/evidence/{file}")).status;
        let sweep = || town.site.kernel.sweep_files().unwrap();
        let (idle, named, again) = (upload("idle"), upload("named"), upload("again"));
        record("J-1", &named).expect(201);
        town.clock.advance_ms(DAY_MS - 1);
        assert_eq!((sweep(), status(&idle)), (0, 200));
        assert_eq!(upload("again"), again, "whoever sends it again has a day again");
        town.clock.advance_ms(1);
        assert_eq!((sweep(), status(&idle), status(&named), status(&again)), (1, 404, 200, 200));
        // No entry names what is not there.
        let before = town.fingerprint();
        let refused = record("J-2", &idle).expect(400).json();
        assert_eq!((&refused["field"], town.fingerprint()), (&json!("evidence[0]"), before));
        // Whoever names it at the last moment has it, or is told to send it again.
        for round in 0..8 {
            let late = upload(&format!("late {round}"));
            town.clock.advance_ms(DAY_MS);
            let recorded = std::thread::scope(|scope| {
                let gate = harness::Gate::shut(&town.site.kernel);
                let entry = scope.spawn(|| record(&format!("K-{round}"), &late).status);
                scope.spawn(sweep);
                std::thread::sleep(std::time::Duration::from_millis(20));
                gate.open();
                entry.join().unwrap()
            });
            assert_eq!(status(&late), if recorded == 201 { 200 } else { 404 }, "{recorded}");
        }
        assert!(town.site.kernel.audit().unwrap().is_clean());
    }

    fn a_team_opens_files_of_its_own_projects_alone(town) {
        const BOOK: &str = "/api/projects/decheng-projects";
        let (planner, team) = (town.program(User::Planner), town.program(User::Team));
        for (name, number) in [("own", 1), ("other", 2)] {
            let mut body = harness::project(harness::OFFICES[0], name);
            body["team"] = format!("post:decheng-office/team-{number}").into();
            planner.post(&format!("{BOOK}/entries"), &json!({ "kind": "projects.project.registered", "body": body })).expect(201);
        }
        let kept = planner.post_bytes(&format!("{BOOK}/evidence"), "application/pdf", PDF).expect(201).json();
        let file = format!("{BOOK}/evidence/{}", kept["digest"].as_str().unwrap());
        let report = |project: &str| {
            let body = json!({ "project": project, "note": "合同", "percent_bp": 100 });
            planner.post(&format!("{BOOK}/entries"), &json!({ "kind": "projects.progress.reported", "body": body, "evidence": [kept["digest"]] })).expect(201)
        };
        team.get(&file).expect(404);
        report("other");
        team.get(&file).expect(404);
        planner.get(&file).expect(200);
        // Whoever knows its digest does not make it a file of their own project by naming it.
        let named = json!({ "kind": "projects.progress.reported", "evidence": [kept["digest"]],
            "body": { "project": "own", "note": "合同", "percent_bp": 100 } });
        let refused = team.post(&format!("{BOOK}/entries"), &named).expect(400).json();
        assert_eq!((&refused["field"], &refused["rule"]), (&json!("evidence[0]"), &json!("reference")), "{refused}");
        team.get(&file).expect(404);
        report("own");
        team.get(&file).expect(200);
        // Who has the file sends it, and names it.
        team.post_bytes(&format!("{BOOK}/evidence"), "application/pdf", PDF).expect(201);
        team.post(&format!("{BOOK}/entries"), &named).expect(201);
    }

    fn so_many_streams_of_one_account_are_open_at_a_time(town) {
        let (name, _) = town.account(User::Leader);
        let (one, other) = (town.holder_again(&name), town.holder_again(&name));
        let open = |client: &Client| {
            let mut stream = client.open("GET", "/matters/live", &[("accept", "text/event-stream"), ("accept-language", "en")]);
            let mut status = [0; 12];
            std::io::Read::read_exact(&mut stream, &mut status).unwrap();
            (String::from_utf8_lossy(&status[9..]).into_owned(), stream)
        };
        let mut streams: Vec<_> = (0..32).map(|_| open(&one)).collect();
        assert!(streams.iter().all(|(status, _)| status == "200"));
        let refused = one.with("accept-language", "en").get("/matters/live").expect(429);
        assert!(refused.header("retry-after").parse::<u64>().is_ok() && refused.text().contains("live connections are open"), "{}", refused.text());
        assert_eq!(open(&other).0, "429", "another session of the same person");
        assert_eq!(open(&town.browser(User::Inspector)).0, "200", "somebody else");
        // A place is free once a page is closed.
        streams.clear();
        let waited = (0..300).find(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            open(&one).0 == "200"
        });
        assert!(waited.is_some(), "the places are given back");
    }

    fn whoever_reads_a_list_of_merchants_is_noted_with_what_was_asked(town) {
        let inspector = town.browser(User::Inspector).with("accept", "text/html");
        inspector.get("/market/beiyuan/merchants?q=%E7%8E%8B").expect(200);
        town.program(User::Operator).get("/api/market/beiyuan/merchants").expect(200);
        // Who is refused reads nothing.
        town.program(User::Merchant).get("/api/market/beiyuan/merchants").expect(403);
        let units = [UnitCode::new("beiyuan-market").unwrap()];
        let read = || town.site.kernel.reads(&units, &kernel::ReadsBefore::Now, 10).unwrap().into_iter().map(|read| read.what).collect::<Vec<_>>();
        let mut noted = read();
        noted.sort();
        assert_eq!(noted, ["merchants beiyuan", "merchants beiyuan (王)"]);
    }

    fn what_is_witnessed_is_seen_by_administrators_of_the_root_alone(town) {
        let local = granted(&town, "qian", grant("admin", "371402", None, None));
        for path in ["/api/witness/logs", "/api/witness/forks", "/api/witness/witnesses", "/admin/witness", "/admin/witness/new"] {
            local.get(path).expect(403);
        }
        let page = local.with("accept", "text/html").get("/admin").expect(200).text();
        assert!(page.contains("/admin/accounts") && !page.contains("/admin/witness"), "{page}");
        town.program(User::Admin).get("/api/witness/logs").expect(200);
    }
}
