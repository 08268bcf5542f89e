//! The doors of the machine: which ledger a key opens, what a command prints and writes, what streams hear, how often anybody asks.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base::{AccountId, ActorId};
use harness::{Client, Ear, Engine, Place, Recorder, Town, User, on_every_store};
use kernel::{BodyErased, NewAccount};
use serde_json::json;

use crate::crash::Server;
use crate::upkeep::{done, refused};

const DEMO: [&str; 4] = ["demo", "--quiet", "--listen", "127.0.0.1:0"];

/// The one-time passwords that a command printed.
fn passwords(printed: &str) -> Vec<&str> {
    printed.lines().filter_map(|line| line.strip_prefix("account admin, one-time password: ")).collect()
}

fn copy(from: &Place, name: &str, to: &Place) {
    std::fs::copy(from.folder.path().join(name), to.folder.path().join(name)).unwrap();
}

/// An installation of a city, and the folder of a demonstration that has a key of its own.
fn city_and_demonstration(engine: Engine) -> Option<(Place, Place)> {
    let (city, mut demonstration) = (engine.place()?, Engine::Sqlite.place()?);
    for place in [&city, &demonstration] {
        done(place, &["password", "admin"]);
    }
    std::fs::write(demonstration.folder.path().join("demonstration"), "").unwrap();
    match engine {
        Engine::Sqlite => copy(&city, "taizhang.db", &demonstration),
        Engine::Postgres => demonstration.database_url.clone_from(&city.database_url),
    }
    Some((city, demonstration))
}

#[test]
fn a_ledger_is_opened_by_the_key_that_signed_it_and_by_no_other() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some((city, demonstration)) = city_and_demonstration(engine) else { continue };
        let size = || {
            let count = |tx: &mut dyn store::Tx| {
                tx.query("select cast(sum(size) as bigint) from book", &[])?[0].int(0)
            };
            store::read(&*city.store(), count).unwrap()
        };
        let before = size();
        for command in [&DEMO[..], &["serve", "--listen", "127.0.0.1:0"], &["password", "admin"]] {
            let said = refused(&demonstration, command);
            assert!(said.contains("another key"), "{engine:?} {command:?}: {said}");
        }
        assert_eq!(size(), before);
        // It goes on under its own.
        drop(Server::start(&city));
        assert!(done(&city, &["audit"]).contains("everything fits"));
    }
}

#[test]
fn a_ledger_without_a_signature_is_no_demonstration_because_it_is_named() {
    let Some((city, demonstration)) = city_and_demonstration(Engine::Postgres) else { return };
    let store = city.store();
    let mut writer = store.writer().unwrap();
    let mut tx = writer.begin().unwrap();
    tx.run_script("delete from checkpoint").unwrap();
    tx.commit().unwrap();
    let said = refused(&demonstration, &DEMO);
    assert!(said.contains("to be the demonstration"), "{said}");
    // Whose it is shows again once it was opened by its own key.
    done(&city, &["password", "admin"]);
    assert!(refused(&demonstration, &["password", "admin"]).contains("another key"));
}

#[test]
fn a_folder_is_marked_as_the_demonstration_when_nothing_refuses_it_any_more() {
    let (city, place) = (Engine::Sqlite.place().unwrap(), Engine::Sqlite.place().unwrap());
    done(&city, &["password", "admin"]);
    copy(&city, "taizhang.db", &place);
    let said = refused(&place, &DEMO);
    assert!(said.contains("put its key in place"), "{said}");
    assert!(!place.folder.path().join("demonstration").exists());
}

#[test]
fn whoever_restores_is_told_what_came_back() {
    let place = Engine::Sqlite.place().unwrap();
    done(&place, &["password", "admin"]);
    let copy = place.folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    done(&place, &["backup", copy]);
    let said = done(&place, &["restore", copy]);
    for what in ["erase again", "revoke the tokens", "withdraw the grants", "new passwords"] {
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn a_server_writes_no_password_into_what_is_no_terminal() {
    let place = Engine::Sqlite.place().unwrap();
    let mut server = Command::new(crate::binary::path())
        .args(["--config", "/dev/null", "--data"])
        .arg(place.folder.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env_remove("DATABASE_URL")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<String> = lines.take_while(|line| !line.starts_with("listening")).collect();
    server.kill().unwrap();
    server.wait().unwrap();
    let said = said.join("\n");
    assert!(said.contains("taizhang password admin") && passwords(&said).is_empty(), "{said}");
}

#[test]
fn a_founding_that_was_broken_off_is_brought_to_its_end() {
    let place = Engine::Sqlite.place().unwrap();
    let config = place.config();
    let kernel = taizhang::open(&config).unwrap();
    let new = NewAccount {
        account: AccountId::new("admin").unwrap(),
        unit: config.root.code.clone(),
        title: "系统管理员".into(),
    };
    // The account was added, and the process ended.
    kernel.add_account(&ActorId::new("system:installation").unwrap(), new, None).unwrap();
    kernel.stop();
    drop(kernel);
    let said = done(&place, &["password", "admin"]);
    let [password] = passwords(&said)[..] else { panic!("one password: {said}") };
    let server = Server::start(&place);
    let fields = [("account", "admin"), ("password", password)];
    Client::new(&server.base).post_form("/sign-in", &fields).expect(303);
    drop(server);
    let kernel = taizhang::open(&config).unwrap();
    let admin = kernel.actor(&ActorId::new("account:admin").unwrap()).unwrap().unwrap();
    kernel.stop();
    assert_eq!(admin.grants.iter().map(|grant| grant.role.as_str()).collect::<Vec<_>>(), ["admin"]);
}

#[test]
fn what_a_proof_is_of_is_read_by_whoever_asked_alone() {
    let place = Engine::Sqlite.place().unwrap();
    done(&place, &["password", "admin"]);
    let out = tempfile::tempdir().unwrap();
    let old = out.path().join("registry-0.body.json");
    std::fs::write(&old, "of another").unwrap();
    std::fs::set_permissions(&old, PermissionsExt::from_mode(0o644)).unwrap();
    done(&place, &["proof", "registry", "0", "--out", out.path().to_str().unwrap()]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut written: Vec<_> = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().path()).collect();
    written.sort();
    let names: Vec<_> = written.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let ends = ["body.json", "leaf.json", "salt", "tlog-proof"];
    assert_eq!(names, ends.map(|end| format!("registry-0.{end}")));
    assert!(written.iter().all(|path| mode(path) == 0o600));
    assert_ne!(std::fs::read_to_string(&old).unwrap(), "of another");
}

#[test]
fn whoever_asks_for_readiness_in_a_loop_costs_one_reading_a_second() {
    const READ: &str = "select book from book order by book";
    let place = Engine::Sqlite.place().unwrap();
    let (ear, store) = (Ear::default(), place.store());
    let town = Town::on_store(place, std::sync::Arc::new(Recorder::new(store, ear.clone())));
    let anybody = town.site.client();
    let asks = || {
        ear.take();
        anybody.get("/readyz").expect(200);
        ear.take().0.contains_key(READ)
    };
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        std::thread::sleep(Duration::from_millis(1_100));
        let began = Instant::now();
        assert!(asks());
        let again = (0..5).any(|_| asks());
        // A machine that was held up meanwhile shows nothing.
        if began.elapsed() < Duration::from_secs(1) {
            assert!(!again);
            break;
        }
        assert!(Instant::now() < until, "five requests take longer than a second");
    }
}

on_every_store! {
    fn a_stream_that_missed_an_erasure_ends(town) {
        let enter = |kind, body| harness::enter(&town.site.kernel, &town.book(), kind, body).entry.seq.0;
        let complaint = json!({ "slip": null, "text": "秤不准", "contact": null, "fair_scale_g": null });
        let (seq, told) = (enter("market.complaint.filed", complaint), town.site.kernel.erasures_told());
        let operator = town.program(User::Operator).with("accept", "text/event-stream");
        let mut stream = BufReader::new(operator.open("GET", "/market/beiyuan/live", &[("connection", "close")]));
        let mut line = String::new();
        while !line.starts_with("data:") {
            line.clear();
            assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the stream begins");
        }
        let before = told.load(std::sync::atomic::Ordering::SeqCst);
        // It pauses after this for a second, and hears nothing meanwhile.
        enter("market.lot.received", town.lot("N0", 1_000));
        std::thread::sleep(Duration::from_millis(50));
        let (reason, legal_basis) = ("本人申请".into(), "个人信息保护法第四十七条".into());
        let erasure = BodyErased { seq, reason, legal_basis };
        town.site.kernel.erase(&town.book(), &ActorId::new("system:test").unwrap(), erasure).unwrap();
        assert_eq!(told.load(std::sync::atomic::Ordering::SeqCst), before + 1);
        // More than it may lag behind.
        for number in 1..=20 {
            enter("market.lot.received", town.lot(&format!("N{number}"), 1_000));
        }
        stream.read_to_end(&mut Vec::new()).expect("the stream ends within half a minute");
    }
}
