//! What is done beside a server and without its key, who grants on behalf of whom, and what of papers, grants, past days, documents
//! and queries is bounded.

use std::time::{Duration, Instant};

use access::Grant;
use base::{AccountId, ActorId, BookId, Day, UnitCode};
use harness::{Answer, Client, Engine, OFFICES, Town, User, on_every_store, project, seeded, signer};
use kernel::{GrantGiven, GrantWithdrawn, NewAccount, ROOT_BOOK};
use ledger::{Draft, Role};
use matters::Colour;
use serde_json::{Value, json};
use store::Tx;
use taizhang::Surroundings;

use crate::breach::give;
use crate::epcis::{document, events, observed, send};

const ENTRIES: &str = "/api/market/beiyuan/entries";
const CLERK: &str = "post:beiyuan-market/clerk";
const DAY_MS: i64 = 24 * 3_600_000;

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(ENTRIES, &json!({ "kind": kind, "body": body }))
}

fn installation() -> ActorId {
    ActorId::new("system:test").unwrap()
}

fn code(unit: &str) -> UnitCode {
    UnitCode::new(unit).unwrap()
}

/// Somebody whose account lies in a unit.
fn resident(town: &Town, name: &str, unit: &str) {
    let new = NewAccount { account: AccountId::new(name).unwrap(), unit: code(unit), title: name.to_owned() };
    town.site.kernel.add_account(&installation(), new, Some(harness::PASSWORD)).unwrap();
}

/// Waits until so many others wait for a lock of the database, and says whether they do.
fn is_waited_for(tx: &mut dyn Tx, others: i64) -> bool {
    const WAITING: &str = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let until = Instant::now() + Duration::from_secs(30);
    while tx.query_one(WAITING, &[]).unwrap().unwrap().int(0).unwrap() < others {
        if Instant::now() > until {
            return false;
        }
        // What a transaction is shown of the others stands still.
        tx.run_script("select pg_stat_clear_snapshot()").unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn a_replay_beside_a_server_holds_every_book_and_undoes_nothing_that_is_withdrawn_meanwhile() {
    let Some(place) = Engine::Postgres.place() else { return };
    let town = Town::on(place);
    let (admin, inspector) = (town.program(User::Admin), town.account(User::Inspector).0);
    let grants = || {
        let all = admin.get("/api/grants").expect(200).json();
        let of = |grant: &&Value| grant["grantee"] == format!("account:{inspector}");
        all.as_array().unwrap().iter().find(of).map(|grant| grant["seq"].clone())
    };
    let given = grants().unwrap();
    let config = town.place.config();
    let around = Surroundings { clock: town.clock.clone(), entropy: seeded(5), signer: signer(&config.name) };
    let beside = taizhang::open_kernel(&config, town.place.store(), around).unwrap();
    let store = town.place.store();
    let mut writer = store.writer().unwrap();
    let mut held = writer.begin().unwrap();
    // Where the replay is in the midst of it.
    held.run_script("lock table market_lot in share mode").unwrap();
    std::thread::scope(|scope| {
        let replay = scope.spawn(|| beside.replay());
        let has_begun = is_waited_for(held.as_tx(), 1);
        let withdrawal =
            scope.spawn(|| admin.send("DELETE", &format!("/api/grants/{given}"), None, &[]).unwrap());
        let waits = is_waited_for(held.as_tx(), 2);
        let free = held.query("select cast(book as text) from book for update skip locked", &[]);
        drop(held);
        assert_eq!((has_begun, waits), (true, true));
        let free: Vec<_> = free.unwrap().iter().map(|row| row.text(0).unwrap().to_owned()).collect();
        assert_eq!(free, Vec::<String>::new());
        assert_eq!(replay.join().unwrap().unwrap().changed, Vec::<String>::new());
        withdrawal.join().unwrap().expect(200);
    });
    beside.stop();
    assert_eq!(grants(), None);
    town.check();
}

#[test]
fn an_installation_is_not_served_without_its_key_and_no_other_is_made() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = engine.place() else { continue };
        let config = place.config();
        taizhang::open(&config).unwrap().stop();
        let (key, away) = (place.folder.path().join("signing.key"), place.folder.path().join("away.key"));
        std::fs::rename(&key, &away).unwrap();
        let refused = taizhang::open(&config).err().map(|error| error.to_string());
        assert!(!key.exists());
        assert!(refused.as_ref().is_some_and(|error| error.contains("put its key in place")), "{refused:?}");
        std::fs::rename(&away, &key).unwrap();
        let kernel = taizhang::open(&config).unwrap();
        assert!(kernel.audit().unwrap().is_clean());
        kernel.stop();
    }
}

on_every_store! {
    fn who_acts_for_a_post_is_said_by_those_who_administer_it(town) {
        town.holder("zhao", &[CLERK, "post:xihai-market/clerk"]);
        for name in ["wei", "qian"] {
            resident(&town, name, "371481");
        }
        give(&town, "wei", "admin", "371481", None);
        let (wei, admin) = (town.holder_again("wei"), town.program(User::Admin));
        let grant = |by: &Client, post: &str| {
            let grant = json!({ "grantee": "account:qian", "role": "operator", "unit": "xihai-market", "line": "market", "subject": post });
            by.post("/api/grants", &grant)
        };
        let before = town.fingerprint();
        grant(&wei, CLERK).expect(403);
        assert_eq!(grant(&wei, "post:xihai-market/nobody").expect(400).json()["rule"], "reference");
        assert_eq!(town.fingerprint(), before);
        grant(&wei, "post:xihai-market/clerk").expect(201);
        grant(&admin, CLERK).expect(201);
        town.check();
    }

    fn what_others_gave_and_withdrew_leaves_an_account_the_grants_of_the_roots_administrators(town) {
        const EVER: usize = 1_000;
        resident(&town, "wei", "371402");
        resident(&town, "qian", "371402");
        give(&town, "wei", "admin", "371402", None);
        let (wei, admin) = (town.holder_again("wei"), town.program(User::Admin));
        let grant = |by: &Client, line: Option<&str>| {
            by.post("/api/grants", &json!({ "grantee": "account:qian", "role": "leader", "unit": "371402", "line": line }))
        };
        let withdraw = |by: &Client, given: Answer| {
            let seq = given.expect(201).json()["seq"].clone();
            by.send("DELETE", &format!("/api/grants/{seq}"), None, &[]).unwrap().expect(200);
        };
        withdraw(&wei, grant(&wei, None));
        // What they go on with stands there at once.
        let many = |count: usize| {
            let (book, by) = (BookId::new(ROOT_BOOK).unwrap(), installation());
            let grantee = ActorId::new("account:qian").unwrap();
            let subject = kernel::actor_subject(&grantee).unwrap();
            let given = town.site.kernel.append_blocking::<_, _, ()>(move |desk| {
                for _ in 0..count {
                    let Grant { role, unit, line, subject: of } = Grant { role: "leader".into(), unit: code("371402"), line: None, subject: None };
                    let body = GrantGiven { grantee: grantee.clone(), role, unit, line, subject: of };
                    let draft = Draft::new(&book, desk.now(), &by, &body).unwrap();
                    let seq = desk.append::<()>(draft.subject(Role::About, subject.clone()))?.seq;
                    let body = GrantWithdrawn { grantee: grantee.clone(), grant: seq.0 };
                    let draft = Draft::new(&book, desk.now(), &by, &body).unwrap();
                    desk.append::<()>(draft.subject(Role::About, subject.clone()))?;
                }
                Ok(())
            });
            given.unwrap();
        };
        let closed = |answer: Answer, most: usize| {
            let said = answer.expect(400).json();
            assert!(said["rule"] == "range" && said["detail_en"].as_str().unwrap().contains(&most.to_string()), "{said}");
        };
        many(EVER - 2);
        withdraw(&wei, grant(&wei, None));
        closed(grant(&wei, None), EVER);
        withdraw(&admin, grant(&admin, None));
        closed(grant(&wei, None), EVER);
        many(EVER - 2);
        grant(&admin, None).expect(201);
        closed(grant(&admin, Some("market")), 2 * EVER);
        town.check();
    }

    fn papers_of_a_merchant_and_assignments_of_a_market_are_so_many_a_day(town) {
        const ANSWERING: &str = "post:beiyuan-market/operator";
        const SUPERVISING: &str = "post:371402/bureau";
        const OF_DAY_MAX: usize = 20;
        town.holder("wei", &[ANSWERING]);
        town.holder("li", &[SUPERVISING]);
        let (operator, inspector) = (town.program(User::Operator), town.program(User::Inspector));
        let paper = |merchant: &str| {
            let body = json!({ "merchant": merchant, "certificate": "health", "number": "JK1", "until": "2027-03-01" });
            record(&operator, "market.certificate.recorded", body)
        };
        let assign = || {
            let body = json!({ "answering": ANSWERING, "supervising": SUPERVISING, "failed_test_workdays": 3, "breach_workdays": 2, "basis": "约定" });
            record(&inspector, "market.duties.assigned", body)
        };
        let refused = |answer: Answer, rule: &str, field: &str| {
            let said = answer.expect(409).json();
            assert_eq!((&said["rule"], &said["field"]), (&json!(rule), &json!(field)), "{said}");
        };
        for _ in 0..OF_DAY_MAX {
            paper("m1").expect(201);
            assign().expect(201);
        }
        refused(paper("m1"), "too-many-papers", "body.merchant");
        refused(assign(), "too-many-assignments", "body.answering");
        paper("m2").expect(201);
        town.clock.advance_ms(DAY_MS);
        paper("m1").expect(201);
        assign().expect(201);
        town.check();
    }

    fn the_wall_of_a_past_day_shows_what_does_not_fit_it_as_it_stands(town) {
        const TEAM: &str = "post:decheng-office/team-1";
        const OFFICE: &str = "post:decheng-office/office";
        const MATTER: &str = "/api/matters/decheng-projects/project.road";
        let planner = town.program(User::Planner);
        let report = |kind: &str, occurred: Value, body: Value| {
            planner.post("/api/projects/decheng-projects/entries", &json!({ "kind": kind, "occurred": occurred, "body": body })).expect(201)
        };
        let go_to = |moment: &str| {
            town.clock.set(base::Time::parse(&format!("{moment}+08:00")).unwrap());
            town.settle();
        };
        let step = |client: &Client, step: Value| {
            let version = client.get(MATTER).expect(200).json()["matter"]["version"].clone();
            client.post(&format!("{MATTER}/moves"), &json!({ "expected": version, "move": step })).expect(201)
        };
        let mut body = project(OFFICES[0], "road");
        (body["planned_start"], body["planned_finish"]) = ("2026-03-11".into(), "2026-03-20".into());
        report("projects.project.registered", Value::Null, body);
        town.holder("zhao", &[TEAM]);
        town.holder("li", &[OFFICE]);
        go_to("2026-03-24T08:00:00");
        report("projects.phase.changed", Value::Null, json!({ "project": "road", "to": "finished" }));
        let team = town.holder_again("zhao");
        step(&team, json!({ "verb": "taken", "by": TEAM }));
        let file = team.post_bytes(&format!("{MATTER}/evidence"), "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
        let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": "2026-03-24" }]);
        step(&team, json!({ "verb": "submitted", "by": TEAM, "evidence": evidence }));
        // The last minutes of the day.
        go_to("2026-03-24T23:57:00");
        let all = json!({ "project": "road", "percent_bp": 10_000 });
        report("projects.progress.reported", "2026-03-25T00:01:00+08:00".into(), all);
        let office = town.holder_again("li");
        step(&office, json!({ "verb": "accepted" }));
        let again = json!({ "verb": "reopened", "reason": "照片不实", "approver": OFFICE, "due": { "by": "on", "day": "2026-04-30" } });
        step(&office, again);
        go_to("2026-03-25T08:00:00");
        let book = BookId::new(OFFICES[0].book).unwrap();
        let red = town.site.kernel.coloured_on(&[book], &["projects"], Day::parse("2026-03-24").unwrap(), Colour::Red, 10).unwrap();
        let red: Vec<_> = red.iter().map(|it| (it.matter.id.to_string(), it.matter.colour, it.due.unwrap().to_string())).collect();
        assert_eq!(red, [("matter:decheng-projects/project.road".to_owned(), Some(Colour::Red), "2026-04-30".to_owned())]);
        let leader = town.program(User::Leader).with("accept", "text/html");
        for unit in ["371402", OFFICES[0].unit] {
            let wall = leader.get(&format!("/wall/{unit}?on=2026-03-24")).expect(200).text();
            assert!(wall.contains("project.road"), "{unit}");
        }
        town.check();
    }

    fn a_query_leads_to_its_events_by_so_many_values(town) {
        const VALUES_MAX: usize = 12_000;
        const OF_SENDER: usize = 1_000;
        let tell = |serials: std::ops::Range<usize>| {
            let children: Vec<String> = serials.map(|n| format!("urn:x:{n}")).collect();
            let mut sent = document(&town.now(), json!([]));
            let site = json!([{ "id": "urn:x:site", "children": children }]);
            sent["epcisHeader"] = json!({ "epcisMasterData": { "vocabularyList": [{ "type": "urn:x:place", "vocabularyElementList": site }] } });
            send(&town.program(User::Supplier), &sent).expect(202);
        };
        let place = json!({ "id": "urn:x:7" });
        let seen = observed(1, json!({ "readPoint": place, "bizLocation": place }));
        send(&town.program(User::Supplier), &document(&town.now(), json!([seen]))).expect(202);
        // The site itself is one, and each is asked for twice.
        let most = VALUES_MAX / 2 - 1;
        (0..most).step_by(OF_SENDER).for_each(|from| tell(from..most.min(from + OF_SENDER)));
        let tracer = town.program(User::Tracer);
        let ask = |more: &str| tracer.get(&format!("/epcis/events?WD_readPoint=urn:x:site&WD_bizLocation=urn:x:site{more}"));
        assert_eq!(events(&ask("")).len(), 1);
        assert_eq!(ask("&EQ_bizStep=shipping").expect(413).json()["type"], "epcisException:QueryTooComplexException");
        tell(most..most + 1);
        ask("").expect(413);
        assert_eq!(events(&tracer.get("/epcis/events?WD_readPoint=urn:x:site")).len(), 1);
        town.check();
    }
}
