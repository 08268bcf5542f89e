//! A disk that fails to flush, and power that goes: what was acknowledged was on the disk by then. The disk is played by a
//! library that stands between the server and its system (`flush.c`), and knows what would be there.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use harness::{Client, Engine, Place};
use tempfile::TempDir;

use super::wait;
use crate::crash::{Known, SALES, Server, Stops, batch, found, inspect, resend, sell};

/// The log is copied into the database when it is longer than this.
const LOG_BYTES: u64 = 16_000 * (4_096 + 24);

/// What a flush that fails does to what it should have brought to the disk, and to which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is lost, and taken for written from then on.
    LogLost,
    /// It is there all the same.
    LogKept,
    /// What the database itself was to have of the log is lost.
    DatabaseLost,
}

/// A disk that keeps only what was flushed.
struct Disk {
    /// The library, and the file that tells it how to fail.
    folder: TempDir,
    place: Place,
}

impl Disk {
    fn below(place: Place) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("flush.c");
        std::fs::write(&source, include_str!("flush.c")).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("flush.so"))
            .arg(source)
            .arg("-ldl");
        assert!(cc.status().unwrap().success(), "the library is built");
        Self { folder, place }
    }

    fn server(&self) -> Server {
        let (library, fault) = (self.folder.path().join("flush.so"), self.folder.path().join("fault"));
        Server::within(&self.place, "", &[("LD_PRELOAD", &library), ("FLUSH_FAULT", &fault)])
    }

    fn fail(&self, fault: Option<Fault>) {
        let words = match fault {
            None => "",
            Some(Fault::LogLost) => "lost db-wal",
            Some(Fault::LogKept) => "kept db-wal",
            Some(Fault::DatabaseLost) => "lost db",
        };
        let (new, place) = (self.folder.path().join("new"), self.folder.path().join("fault"));
        std::fs::write(&new, words).and_then(|()| std::fs::rename(&new, place)).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.folder.path().join(name)
    }

    fn bytes(&self, name: &str) -> u64 {
        self.file(name).metadata().map_or(0, |metadata| metadata.len())
    }

    /// The machine is off: what is on its disk is all that there is.
    fn power_goes(&self, mut server: Server) {
        server.kill();
        for name in ["taizhang.db", "taizhang.db-wal"] {
            assert!(self.file(name).exists(), "{name}");
            let disk = self.file(&format!("{name}.disk"));
            if disk.exists() {
                std::fs::rename(disk, self.file(name)).unwrap();
            }
        }
        std::fs::remove_file(self.file("taizhang.db-shm")).unwrap();
    }
}

/// Sells from two clients while something happens that ends the server.
fn load(base: &str, credential: &str, next: &AtomicU32, known: &Mutex<Known>, happens: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        for _ in 0..2 {
            let client = Client::new(base).bearer(credential);
            scope.spawn(move || sell(&client, next, known, stop));
        }
        let _stops = Stops(stop);
        happens();
    });
}

#[test]
fn a_flush_that_fails_is_told_and_what_was_acknowledged_outlives_the_power() {
    let (place, credential) = found(Engine::Sqlite.place().unwrap());
    let disk = Disk::below(place);
    let (next, known) = (AtomicU32::new(1), Mutex::new(Known::default()));
    let acknowledged = || known.lock().unwrap().acknowledged.len();
    let unanswered = || known.lock().unwrap().unanswered.len();
    let goes_on = |sales: usize| {
        let before = acknowledged();
        wait("selling does not go on", || acknowledged() > before + sales);
    };
    let refuses = |fault: Fault| {
        disk.fail(Some(fault));
        let before = unanswered();
        wait("no flush fails", || unanswered() > before + 3);
    };
    for (fault, at_the_end) in [
        (Fault::LogLost, None),
        (Fault::LogLost, Some(Fault::LogLost)),
        (Fault::LogKept, None),
        (Fault::LogKept, Some(Fault::LogKept)),
        (Fault::LogLost, Some(Fault::LogKept)),
    ] {
        disk.fail(None);
        let server = disk.server();
        let client = Client::new(&server.base).bearer(&credential);
        resend(&client, &known);
        load(&server.base.clone(), &credential, &next, &known, || {
            goes_on(300);
            refuses(fault);
            let sent = batch(next.fetch_add(20, Ordering::Relaxed));
            let refused = client.post(SALES, &sent);
            assert_eq!(refused.status, 503, "{}", refused.text());
            let problem = refused.json();
            assert!(problem["type"].as_str().unwrap().ends_with("/problems/outcome-unknown"), "{problem}");
            known.lock().unwrap().unanswered.push(sent);
            assert_eq!(client.get("/scale/v1/state").status, 200, "reading goes on");
            disk.fail(None);
            goes_on(300);
            if let Some(fault) = at_the_end {
                refuses(fault);
            }
            disk.power_goes(server);
        });
    }
    disk.fail(None);
    let server = disk.server();
    resend(&Client::new(&server.base).bearer(&credential), &known);
    disk.power_goes(server);
    inspect(&disk.place, &known.lock().unwrap());
}

#[test]
fn a_log_that_cannot_be_copied_into_the_database_loses_nothing() {
    let (place, credential) = found(Engine::Sqlite.place().unwrap());
    let disk = Disk::below(place);
    let (next, known) = (AtomicU32::new(1), Mutex::new(Known::default()));
    let acknowledged = || known.lock().unwrap().acknowledged.len();
    disk.fail(Some(Fault::DatabaseLost));
    let mut server = disk.server();
    // A file stands on the disk under its own name until it is first written to.
    let before = disk.bytes("taizhang.db");
    for heals in [false, true] {
        resend(&Client::new(&server.base).bearer(&credential), &known);
        load(&server.base.clone(), &credential, &next, &known, || {
            wait("the log never grows", || disk.bytes("taizhang.db-wal") > LOG_BYTES);
            let sold = acknowledged();
            wait("selling does not go on", || acknowledged() > sold + 500);
            assert_eq!(disk.bytes("taizhang.db.disk"), before, "nothing of the log is in the database");
            if heals {
                disk.fail(None);
                wait("nothing is copied", || disk.bytes("taizhang.db.disk") > before);
                let sold = acknowledged();
                wait("selling does not go on", || acknowledged() > sold + 500);
            }
            disk.power_goes(server);
        });
        server = disk.server();
    }
    resend(&Client::new(&server.base).bearer(&credential), &known);
    disk.power_goes(server);
    inspect(&disk.place, &known.lock().unwrap());
}
