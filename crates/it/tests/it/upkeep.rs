//! What whoever runs the machine does by hand: the drills of docs/install.md, with the program itself.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use base::{BookId, Seq};
use harness::{Client, Engine, Place, Town, User};
use serde_json::json;

use crate::crash::{SALES, Server, found, late};

/// Runs a command of the program over an installation.
pub fn run(place: &Place, arguments: &[&str]) -> Output {
    let file = place.folder.path().join("taizhang.toml");
    std::fs::write(&file, format!("name = {:?}\n", place.config().name)).unwrap();
    let mut command = Command::new(crate::binary::path());
    command.arg("--config").arg(&file).arg("--data").arg(place.folder.path()).args(arguments);
    match &place.database_url {
        Some(url) => command.env("DATABASE_URL", url),
        None => command.env_remove("DATABASE_URL"),
    };
    command.env("RUST_LOG", "error").output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command that has to succeed, and gives what it printed.
pub fn done(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

pub fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

/// The one-time password that a command printed.
fn one_time(printed: &str) -> String {
    let rest = printed.split_once(", one-time password: ").expect("a password").1;
    rest.lines().next().unwrap().to_owned()
}

#[test]
fn a_new_installation_is_founded_and_a_forgotten_password_replaced_by_hand() {
    let place = Engine::Sqlite.place().unwrap();
    let first = one_time(&done(&place, &["password", "admin"]));
    let second = one_time(&done(&place, &["password", "admin"]));
    let server = Server::start(&place);
    let sign_in = |password: &str| {
        let fields = [("account", "admin"), ("password", password)];
        Client::new(&server.base).post_form("/sign-in", &fields).status
    };
    assert_ne!(sign_in(&first), 303, "the first was replaced");
    assert_eq!(sign_in(&second), 303);
    // Beside a running server nothing is changed.
    assert!(!refused(&place, &["password", "admin"]).contains("one-time"));
    assert_eq!(sign_in(&second), 303);
    drop(server);
    assert!(refused(&place, &["password", "nobody"]).contains("nobody"));
}

#[test]
fn a_password_replaced_by_hand_takes_the_second_step_off() {
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let name = crate::second_step::owner(&town, User::Leader).name;
    let place = town.close();
    let said = done(&place, &["password", &name]);
    let server = Server::start(&place);
    let fields = [("account", name.as_str()), ("password", &one_time(&said))];
    let entered = Client::new(&server.base).post_form("/sign-in", &fields).expect(303);
    assert_eq!(entered.header("location"), "/");
}

/// The leaves of the market's book.
fn leaves(place: &Place) -> Vec<String> {
    let config = place.config();
    let around = taizhang::Surroundings::of_system(&config).unwrap();
    let kernel = taizhang::open_kernel(&config, place.store(), around).unwrap();
    let (book, mut from, mut all) = (BookId::new("beiyuan").unwrap(), Seq(0), Vec::new());
    loop {
        let page = kernel.read(|tx| kernel::entries::entries_from(tx, &book, from, 5_000)).unwrap();
        let Some(last) = page.last() else { break };
        from = last.entry.seq.next();
        all.extend(page.iter().map(|stored| format!("{stored:?}")));
    }
    kernel.stop();
    all
}

#[test]
fn a_copy_made_under_load_is_what_the_book_was_and_takes_its_place() {
    let (place, credential) = found(Engine::Sqlite.place().unwrap());
    let mut server = Server::start(&place);
    let copy = place.folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    let done_selling = AtomicBool::new(false);
    let sell = |client: &Client, counter: u32| {
        let batch = json!({ "sales": [late(counter, 500)] });
        client.post(SALES, &batch).expect(200)
    };
    let client = Client::new(&server.base).bearer(&credential);
    std::thread::scope(|scope| {
        let selling = scope.spawn(|| {
            let mut counter = 0;
            while !done_selling.load(Ordering::Relaxed) || counter < 100 {
                counter += 1;
                sell(&client, counter);
            }
            counter
        });
        done(&place, &["backup", copy]);
        assert!(refused(&place, &["backup", copy]).contains("exists"), "an older copy is not overwritten");
        // The server holds its database: nothing takes its place while it runs.
        refused(&place, &["restore", copy]);
        done_selling.store(true, Ordering::Relaxed);
        assert!(selling.join().unwrap() >= 100);
    });
    server.kill();

    let source = leaves(&place);
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(place.folder.path().join(format!("taizhang.db{end}"))).ok();
    }
    // What a restore that was killed left behind is none of the next one's.
    let left = place.folder.path().join("restoring");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("taizhang.db-wal"), b"of another copy").unwrap();
    std::fs::write(left.join("whole.db"), b"of another copy").unwrap();
    assert!(done(&place, &["restore", copy]).contains("everything fits"));
    assert!(!left.exists());
    assert!(done(&place, &["audit"]).contains("everything fits"));
    let restored = leaves(&place);
    assert!(restored.len() > 1 && restored.len() < source.len(), "{} of {}", restored.len(), source.len());
    assert_eq!(restored, source[..restored.len()], "the copy is the book as it stood at one moment");

    // What is not there is not copied, least of all over a copy that is.
    let none = Engine::Sqlite.place().unwrap();
    assert!(
        refused(&none, &["backup", none.folder.path().join("copy.db").to_str().unwrap()])
            .contains("there is no")
    );

    // It goes on as if nothing had been: scales send again what the copy does not have.
    let server = Server::start(&place);
    let client = Client::new(&server.base).bearer(&credential);
    sell(&client, 1);
    sell(&client, 1_000_000);
    drop(server);
    assert!(done(&place, &["audit"]).contains("everything fits"));

    // What goes on from the last copy takes its place, and what was made anew does not.
    let place_of = |name: &str| place.folder.path().join(name).display().to_string();
    let next = place_of("next.db");
    done(&place, &["backup", "--from", &place_of("no.db"), &next]);
    done(&place, &["backup", "--from", copy, &place_of("after.db")]);
    let anew = Engine::Sqlite.place().unwrap();
    drop(Server::start(&anew));
    let said = refused(&anew, &["backup", "--from", copy, &place_of("anew.db")]);
    assert!(said.contains("does not go on"), "{said}");
    assert!(!Path::new(&place_of("anew.db")).exists());

    // What was there before is kept each time, and nothing is founded under a key whose database is gone.
    let before = leaves(&place);
    assert!(done(&place, &["restore", copy]).contains("taizhang.db.before-restore kept"));
    assert!(
        done(&place, &["restore", &place_of("taizhang.db.before-restore")])
            .contains("taizhang.db.before-restore-2 kept")
    );
    assert_eq!(leaves(&place), before);
    std::fs::rename(place_of("taizhang.db"), place_of("away.db")).unwrap();
    for command in [&["audit"][..], &["password", "admin"], &["serve"]] {
        assert!(refused(&place, command).contains("signing.key is there"), "{command:?}");
    }
    assert!(!Path::new(&place_of("taizhang.db")).exists());
    std::fs::rename(place_of("away.db"), place_of("taizhang.db")).unwrap();

    // A copy that was changed takes nobody's place.
    let mut bytes = std::fs::read(copy).unwrap();
    let (said, forged) = (br#""product":"tomato""#, br#""product":"potato""#);
    let at = bytes.windows(said.len()).rposition(|it| it == said).expect("the body of a sale");
    bytes[at..at + said.len()].copy_from_slice(forged);
    let forged = place.folder.path().join("forged.db");
    std::fs::write(&forged, bytes).unwrap();
    let before = leaves(&place);
    refused(&place, &["restore", forged.to_str().unwrap()]);
    assert_eq!(leaves(&place), before);
}

/// The units are what systemd takes, where there is a systemd to ask.
#[test]
fn the_units_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
    let there = tempfile::tempdir().unwrap();
    for name in ["taizhang.service", "taizhang-backup.service", "taizhang-backup.timer"] {
        let unit = std::fs::read_to_string(folder.join(name)).unwrap();
        // The program lies elsewhere here, and the account is not on this machine.
        let here = unit.replace("/usr/local/bin/taizhang", crate::binary::path().to_str().unwrap());
        std::fs::write(there.path().join(name), here).unwrap();
    }
    let units = ["taizhang.service", "taizhang-backup.timer"].map(|name| there.path().join(name));
    let Ok(output) = Command::new("systemd-analyze").arg("verify").args(units).output() else {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    };
    assert!(output.status.success() && said(&output).trim().is_empty(), "{}", said(&output));
}

/// How far the units are locked in, as systemd rates it from 0 to 10.
#[test]
fn the_units_are_locked_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
    for name in ["taizhang.service", "taizhang-backup.service"] {
        let mut rate = Command::new("systemd-analyze");
        let rate =
            rate.args(["security", "--offline=true", "--threshold=15"]).arg(folder.join(name)).output();
        let Ok(output) = rate else {
            eprintln!("skipped: there is no systemd-analyze");
            return;
        };
        let said = said(&output);
        let rated = said.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_default();
        assert!(output.status.success(), "{name}: {rated}");
    }
}
