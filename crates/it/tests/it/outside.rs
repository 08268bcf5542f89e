//! A mail server and an HTTP receiver that are not ours, as processes of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for what should come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Receivers that run until they are dropped.
pub struct Outside {
    folder: TempDir,
    child: Child,
    // They end when their input does.
    input: Option<ChildStdin>,
    pub mail_port: u16,
    pub hooks_port: u16,
}

/// A certificate for `localhost`, by an authority of its own.
pub struct Certificate {
    folder: TempDir,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/outside/run.sh")
}

impl Outside {
    /// `None`, after a note, where there is no Python.
    pub fn start() -> Option<Self> {
        Self::run(&[])
    }

    /// With TLS and an account for mail: `taizhang`, `right`.
    pub fn secured(certificate: &Certificate) -> Option<Self> {
        Self::run(&[certificate.path("server.pem"), certificate.path("server.key")])
    }

    fn run(certificate: &[PathBuf]) -> Option<Self> {
        let python = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
        if !python.is_ok_and(|output| output.status.success()) {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "python3 with venv is not there");
            eprintln!("skipped: python3 with venv is not there");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(script());
        command.arg("receive").arg(folder.path()).args(certificate);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line).expect("the receivers start");
        let port = |name: &str| u16::try_from(ports[name].as_u64().unwrap()).unwrap();
        Some(Self { folder, child, input, mail_port: port("mail"), hooks_port: port("hooks") })
    }

    /// The address of a webhook.
    pub fn hook(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.hooks_port)
    }

    /// The files of what was received, in order: `mail` or `hook`.
    pub fn files(&self, kind: &str) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let is_kind = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(kind) && name.ends_with(".json")
        };
        let mut files: Vec<PathBuf> = all.filter(is_kind).collect();
        files.sort();
        files
    }

    pub fn received(&self, kind: &str) -> Vec<Value> {
        let read = |path: &PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        self.files(kind).iter().map(read).collect()
    }

    /// Waits until so many were received.
    #[track_caller]
    pub fn wait_for(&self, kind: &str, count: usize) -> Vec<Value> {
        wait_until(&format!("{count} of {kind}"), || self.files(kind).len() >= count);
        self.received(kind)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Whether the library of the Standard Webhooks specification takes a received request for ours.
pub fn is_signed(secret: &str, file: &Path) -> bool {
    let said = Command::new(script()).args(["verify", secret]).arg(file).stderr(Stdio::null()).status();
    said.unwrap().success()
}

#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "waited for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Certificate {
    pub fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let openssl = |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            let said = command.current_dir(made.folder.path()).args(arguments).output().unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let authority =
            ["-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"];
        openssl(&[&["req"][..], &key, &authority].concat());
        openssl(
            &[&["req"][..], &key, &["-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"]]
                .concat(),
        );
        std::fs::write(made.path("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
            .unwrap();
        openssl(&[
            "x509",
            "-req",
            "-days",
            "2",
            "-in",
            "server.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-extfile",
            "names",
            "-out",
            "server.pem",
        ]);
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn authority(&self) -> Vec<u8> {
        std::fs::read(self.path("ca.pem")).unwrap()
    }
}
