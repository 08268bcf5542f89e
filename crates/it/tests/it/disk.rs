//! A disk that is full, and writes that are cut short in their middle: whoever sells is told, reading goes on, and so does
//! selling when there is room again.

mod flush;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harness::{Client, Engine};

use crate::crash::{Known, SALES, Server, Stops, batch, found, inspect, resend, sell};

/// What is left on the disk.
const ROOM_KIB: u64 = 2_048;
/// How often a write is cut short.
const TEARS: usize = 5;
/// How long it may take until the disk is full, or until selling goes on.
const PATIENCE: Duration = Duration::from_secs(60);

/// A disk in memory, of a size.
struct Disk(PathBuf);

impl Disk {
    /// None, after a note, where nobody may mount.
    fn mount(at: &Path) -> Option<Self> {
        let disk = Self(at.to_owned());
        if disk.command("mount", &["-t", "tmpfs", "-o", "size=256m", "tmpfs"]) {
            return Some(disk);
        }
        eprintln!("skipped: only root may mount a small disk");
        std::mem::forget(disk);
        None
    }

    fn resize(&self, kib: u64) {
        assert!(self.command("mount", &["-o", &format!("remount,size={kib}k")]), "the disk has another size");
    }

    fn used_kib(&self) -> u64 {
        let out = Command::new("df").args(["--output=used", "-k"]).arg(&self.0).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        text.split_whitespace().last().unwrap().parse().unwrap()
    }

    fn command(&self, name: &str, args: &[&str]) -> bool {
        Command::new(name).args(args).arg(&self.0).status().is_ok_and(|status| status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.command("umount", &["-l"]);
    }
}

fn wait(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_full_disk_is_told_and_takes_nothing_with_it() {
    let place = Engine::Sqlite.place().unwrap();
    let Some(disk) = Disk::mount(place.folder.path()) else { return };
    let (place, credential) = found(place);
    let mut server = Server::start(&place);
    let (next, known, stop) = (AtomicU32::new(1), Mutex::new(Known::default()), AtomicBool::new(false));
    disk.resize(disk.used_kib() + ROOM_KIB);
    let clients = [0, 1, 2].map(|_| Client::new(&server.base).bearer(&credential));
    let unanswered = || known.lock().unwrap().unanswered.len();
    std::thread::scope(|scope| {
        let (next, known, stop) = (&next, &known, &stop);
        for client in &clients[1..] {
            scope.spawn(move || sell(client, next, known, stop));
        }
        let _stops = Stops(stop);
        wait("the disk is never full", || unanswered() > 3);
        let refused = clients[0].post(SALES, &batch(next.fetch_add(20, Ordering::Relaxed)));
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(
            refused.json()["type"].as_str().unwrap().ends_with("/problems/storage-full"),
            "{}",
            refused.text()
        );
        assert_eq!(clients[0].get("/scale/v1/state").status, 200, "reading goes on");

        disk.resize(256 * 1_024);
        let before = known.lock().unwrap().acknowledged.len();
        wait("selling does not go on", || known.lock().unwrap().acknowledged.len() > before + 1_000);
    });
    resend(&clients[0], &known);
    server.kill();
    inspect(&place, &known.lock().unwrap());
    drop(place);
    drop(disk);
}

#[test]
fn a_write_that_is_cut_short_is_told_and_takes_nothing_with_it() {
    let (place, credential) = found(Engine::Sqlite.place().unwrap());
    // The log is cut short as well.
    let mut server = Server::unheard(&place);
    let (next, known, stop) = (AtomicU32::new(1), Mutex::new(Known::default()), AtomicBool::new(false));
    let clients = [0, 1, 2].map(|_| Client::new(&server.base).bearer(&credential));
    let largest = || {
        let files = std::fs::read_dir(place.folder.path()).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap()
    };
    std::thread::scope(|scope| {
        let (next, known, stop) = (&next, &known, &stop);
        for client in &clients[1..] {
            scope.spawn(move || sell(client, next, known, stop));
        }
        let _stops = Stops(stop);
        for _ in 0..TEARS {
            let before = known.lock().unwrap().unanswered.len();
            // No multiple of a page, so that the write that meets it is done in part.
            server.limit_files(Some(largest() + 100_003));
            wait("no write is cut short", || known.lock().unwrap().unanswered.len() > before + 3);
            assert_eq!(clients[0].get("/scale/v1/state").status, 200, "reading goes on");
            server.limit_files(None);
            let before = known.lock().unwrap().acknowledged.len();
            wait("selling does not go on", || known.lock().unwrap().acknowledged.len() > before + 500);
        }
    });
    resend(&clients[0], &known);
    server.kill();
    inspect(&place, &known.lock().unwrap());
}
