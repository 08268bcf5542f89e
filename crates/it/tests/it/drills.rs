//! The drills of docs/install.md, run from the page itself: its steps, with paths below a folder of our own and stand-ins for
//! the programs that change the machine.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Stands in for what needs root, an account or systemd. `systemctl` runs the commands that the installed units name.
const STAND_INS: [(&str, &str); 4] = [
    ("adduser", "exit 0"),
    ("runuser", "shift 3; exec \"$@\""),
    (
        "install",
        r#"for word; do shift
            case $skip$word in
            -[og]) skip=skip- ;;
            skip-*) skip= ;;
            *) set -- "$@" "$word" ;;
            esac
        done
        exec /usr/bin/install "$@""#,
    ),
    (
        "systemctl",
        r#"verb=$1; for unit; do :; done
        [ "$verb" != enable ] || { verb=start unit=taizhang; }
        units=ROOT/etc/systemd/system pid=ROOT/pid
        commands() { sed -n 's/^ExecStart\(Pre\)\?=//p' "$units/${1%.service}.service"; }
        stop() { kill "$(cat $pid)"; while kill -0 "$(cat $pid)" 2>/dev/null; do sleep 0.1; done; rm $pid; }
        case $verb:${unit%.service} in
        daemon-reload:*) ;;
        start:taizhang) commands taizhang | { read -r line; $line >>ROOT/log 2>&1 & echo $! >$pid; } ;;
        stop:taizhang) stop ;;
        restart:taizhang) stop; "$0" start taizhang ;;
        start:taizhang-backup) commands taizhang-backup | while read -r line; do $line >>ROOT/log 2>&1 || exit 1; done ;;
        *) echo "no stand-in for systemctl $*" >&2; exit 1 ;;
        esac"#,
    ),
];

/// What lies elsewhere here.
const MOVED: [&str; 5] =
    ["/etc/taizhang", "/etc/systemd", "/var/lib/taizhang", "/var/backups/taizhang", "/usr/local/bin"];

/// A machine below a folder.
struct Machine {
    root: TempDir,
    port: u16,
}

impl Machine {
    /// With everything in its place that a checkout has after a release build.
    fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let machine = Self { root: tempfile::tempdir().unwrap(), port };
        let root = machine.root.path();
        for folder in ["bin", "packaging", "target/release", "usr/local/bin"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
        for file in ["taizhang.service", "taizhang-backup.service", "taizhang-backup.timer", "taizhang.toml"]
        {
            let text = std::fs::read_to_string(packaging.join(file)).unwrap();
            std::fs::write(root.join("packaging").join(file), machine.moved(&text)).unwrap();
        }
        std::os::unix::fs::symlink(crate::binary::path(), root.join("target/release/taizhang")).unwrap();
        for (name, script) in STAND_INS {
            let path = root.join("bin").join(name);
            let script = script.replace("ROOT", root.to_str().unwrap());
            std::fs::write(&path, format!("#!/bin/sh\nset -eu\nskip=\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        machine
    }

    fn moved(&self, text: &str) -> String {
        let root = self.root.path().to_str().unwrap();
        let port = text.replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.port));
        let text = port.replace("/bin/rm", "rm").replace("/bin/mv", "mv");
        MOVED.iter().fold(text, |text, path| text.replace(path, &format!("{root}{path}")))
    }

    /// Runs the blocks of the page with a label, as one script that stops at the first step that fails; what they printed.
    fn drill(&self, label: &str) -> String {
        let page =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/install.md")).unwrap();
        let mut steps = String::new();
        for block in page.split(&format!("```sh drill={label}\n")).skip(1) {
            steps.push_str(block.split("```").next().unwrap());
        }
        assert!(steps.lines().count() > 2, "the page has no drill {label}");
        self.run(&self.moved(&steps))
    }

    fn run(&self, steps: &str) -> String {
        let root = self.root.path();
        let path = format!("{0}/bin:{0}/usr/local/bin:/usr/bin:/bin", root.display());
        let mut shell = Command::new("timeout");
        shell.args(["120", "sh", "-eux", "-c", steps]).current_dir(root);
        let output = shell.env_clear().env("PATH", path).env("RUST_LOG", "warn").output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let log = std::fs::read_to_string(root.join("log")).unwrap_or_default();
        assert!(output.status.success(), "{said}\n--- the log of the services\n{log}");
        said
    }

    /// Puts the database that an earlier version left in the place of the one that was founded.
    fn become_of(&self, release: &str) {
        let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/upgrade").join(release);
        let data = self.root.path().join("var/lib/taizhang");
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(data.join(format!("taizhang.db{end}"))).ok();
        }
        let unpacked = Command::new("gzip").arg("-dc").arg(packed.join("taizhang.db.gz")).output().unwrap();
        std::fs::write(data.join("taizhang.db"), unpacked.stdout).unwrap();
        let key = harness::signer("ledger.example").to_secret_text();
        std::fs::write(data.join("signing.key"), format!("{key}\n")).unwrap();
        let file = self.root.path().join("etc/taizhang/taizhang.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, config.replace("ledger.example.gov.cn", "ledger.example")).unwrap();
    }

    fn book(&self) -> String {
        let server = harness::Client::new(&format!("http://127.0.0.1:{}", self.port));
        let checkpoint = server.get("/log/registry/checkpoint").expect(200).text();
        checkpoint.lines().take(3).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.root.path().join("pid")) {
            drop(Command::new("kill").args(["-9", pid.trim()]).status());
        }
    }
}

#[test]
fn an_installation_by_the_page_is_restored_by_the_page() {
    let machine = Machine::new();
    let said = machine.drill("install");
    assert!(said.contains("account admin, one-time password: ") && said.contains("ready\n"), "{said}");
    let mode =
        |path: &str| std::fs::metadata(machine.root.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("var/lib/taizhang"), mode("var/lib/taizhang/signing.key")), (0o700, 0o600));
    assert_eq!((mode("etc/taizhang/secrets.env"), mode("etc/taizhang/taizhang.toml")), (0o600, 0o644));
    let before = machine.book();
    let said = machine.drill("restore");
    assert_eq!(said.matches("everything fits").count(), 2, "{said}");
    assert_eq!(machine.book(), before);
}

#[test]
fn an_upgrade_by_the_page_can_be_taken_back_by_the_page() {
    let machine = Machine::new();
    machine.drill("install");
    machine.run("systemctl stop taizhang");
    machine.become_of("foundation");
    // The old program serves the old database; what stands for it here leaves it alone.
    machine.run("sleep 1000 >/dev/null 2>&1 & echo $! >pid");
    machine.drill("upgrade");
    let upgraded = machine.book();
    let copies = machine.root.path().join("var/backups/taizhang");
    let taken = |file: &str| {
        let store = store_sqlite::SqliteStore::open(&copies.join(file)).unwrap();
        store::read(&store, |tx| tx.query_one("select count(*) from schema_step", &[]))
            .unwrap()
            .unwrap()
            .int(0)
            .unwrap()
    };
    let old = taken("before-upgrade.db");
    machine.run("systemctl start taizhang-backup.service");
    assert!(taken("taizhang.db") > old, "the copy is of before the upgrade");
    let said = machine.drill("downgrade");
    assert!(said.contains("everything fits"), "{said}");
    assert_eq!(machine.book(), upgraded);
}

/// The package has what the page says, and the program in it runs.
#[test]
fn the_package_holds_what_an_installation_needs() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging");
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        eprintln!("skipped: there is no dpkg-deb");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut make = Command::new(packaging.join("build-deb.sh"));
    let made =
        make.arg(crate::binary::path()).arg(folder.path()).env("COMPRESSION", "none").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let package = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let ask = |arguments: &[&str]| {
        let output = Command::new("dpkg-deb").args(arguments).arg(&package).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(ask(&["--field"]).contains(&format!("Version: {}\n", env!("CARGO_PKG_VERSION"))));
    let listed = ask(&["--contents"]);
    for line in [
        "-rwxr-xr-x root/root ./usr/bin/taizhang",
        "-rw-r--r-- root/root ./etc/taizhang/taizhang.toml",
        "-rw-r--r-- root/root ./etc/logrotate.d/taizhang",
        "-rw-r--r-- root/root ./usr/lib/systemd/system/taizhang.service",
        "-rw-r--r-- root/root ./usr/lib/systemd/system/taizhang-backup.service",
        "-rw-r--r-- root/root ./usr/lib/systemd/system/taizhang-backup.timer",
        "-rw-r--r-- root/root ./usr/share/taizhang/alerts.yml",
        "-rw-r--r-- root/root ./usr/share/doc/taizhang/copyright",
    ] {
        let (mode, path) = line.split_once(" ./").unwrap();
        let is_there = |it: &str| it.starts_with(mode) && it.ends_with(&format!(" ./{path}"));
        assert!(listed.lines().any(is_there), "{line}: {listed}");
    }
    let root = folder.path().join("root");
    let unpacked = Command::new("dpkg-deb").arg("--raw-extract").arg(&package).arg(&root).status().unwrap();
    assert!(unpacked.success());
    let unit = std::fs::read_to_string(root.join("usr/lib/systemd/system/taizhang.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/bin/taizhang ") && !unit.contains("/usr/local"), "{unit}");
    for script in ["postinst", "prerm", "postrm"] {
        let checked = Command::new("sh").arg("-n").arg(root.join("DEBIAN").join(script)).status().unwrap();
        assert!(checked.success(), "{script}");
    }
    let config = root.join("etc/taizhang/taizhang.toml");
    let run = |words: &[&str]| {
        let mut program = Command::new(root.join("usr/bin/taizhang"));
        program.arg("--config").arg(&config).arg("--data").arg(folder.path().join("data"));
        program.args(words).output().unwrap()
    };
    assert!(run(&["password", "admin"]).status.success());
    let output = run(&["audit"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("everything fits"), "{output:?}");
}

/// What the container file copies and calls is there.
#[test]
fn the_container_file_names_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = std::fs::read_to_string(root.join("packaging/Containerfile")).unwrap();
    for line in file.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from")) {
        let source = line.split(' ').nth(1).unwrap();
        assert!(root.join(source).exists(), "{line}");
    }
    assert!(file.contains("\nUSER taizhang\n") && file.contains("\nHEALTHCHECK "));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let least = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap();
    let least: u32 = least.trim_end_matches('"').split('.').nth(1).unwrap().parse().unwrap();
    let image = file.lines().find_map(|line| line.strip_prefix("FROM docker.io/library/rust:1.")).unwrap();
    assert!(image.split('-').next().unwrap().parse::<u32>().unwrap() >= least);
    let help = Command::new(crate::binary::path()).arg("--help").output().unwrap();
    for command in ["ready", "serve"] {
        assert!(String::from_utf8_lossy(&help.stdout).contains(&format!("  {command} ")), "{command}");
    }
}
