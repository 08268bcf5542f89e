//! The API against its own OpenAPI document: made-up requests, good and bad, by schemathesis.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::run;

const VERSION: &str = "schemathesis==4.32.5";

/// What no answer may be: a fault of the server, or a status or a media type that is not declared; and no body that does
/// not fit its schema.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// How much is tried, and that it is the same every time.
const MANNER: &[&str] = &[
    "--phases",
    "examples,coverage,fuzzing",
    "--max-examples",
    "10",
    "--seed",
    "1",
    "--generation-database",
    "none",
    "--request-timeout",
    "10",
    "--continue-on-failure",
    "--no-color",
];

/// Runs it against the demonstration: all of EPCIS and whatever can be read with a market's token, then whatever the
/// leader of the city can read.
pub fn run_all(root: &Path) -> Result<(), String> {
    let folder = root.join("target/schemathesis");
    let tool = installed(&folder)?;
    run("cargo", &["build", "--package", "taizhang"], root)?;
    let server = Demonstration::start(root, &folder)?;
    let document = root.join("docs/openapi.json").display().to_string();
    let known = root.join("xtask/src/schemathesis.toml").display().to_string();
    let bearer = format!("Authorization: Bearer {}", server.token);
    let cookie = format!("Cookie: {}", server.session()?);
    // A stream stays open until the reader goes.
    let whole = ["--include-path-regex", "^/epcis"];
    let rest = ["--include-method", "GET", "--exclude-path-regex", "^/epcis|/stream$|/state$"];
    let read = ["--include-method", "GET", "--exclude-path-regex", "/stream$|/state$"];
    for (before, who, part) in [
        (&[][..], &bearer, &whole[..]),
        (&[][..], &bearer, &rest[..]),
        (&["--config-file", &known][..], &cookie, &read[..]),
    ] {
        let common = ["run", &document, "--url", &server.address, "--header", who, "--checks", CHECKS];
        let arguments: Vec<&str> = before.iter().chain(&common).chain(MANNER).chain(part).copied().collect();
        // Where it keeps notes of its own.
        told(&tool, &arguments, &folder)?;
    }
    Ok(())
}

/// The program in an environment of its own, which is made where it is missing.
fn installed(folder: &Path) -> Result<PathBuf, String> {
    let environment = folder.join("venv");
    let tool = environment.join("bin/schemathesis");
    if !tool.exists() {
        let path = environment.display().to_string();
        run("python3", &["-m", "venv", &path], folder.parent().unwrap_or(folder))?;
        let pip = environment.join("bin/pip").display().to_string();
        run(&pip, &["install", "--quiet", "--disable-pip-version-check", VERSION], &environment)?;
    }
    Ok(tool)
}

/// Like [`run`], without the credential in what is shown.
fn told(tool: &Path, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let is_credential = |it: &str| it.starts_with("Authorization: ") || it.starts_with("Cookie: ");
    let shown: Vec<&str> = arguments.iter().map(|it| if is_credential(it) { "…" } else { *it }).collect();
    eprintln!("+ schemathesis {}", shown.join(" "));
    match Command::new(tool).args(arguments).current_dir(folder).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("schemathesis: {status}")),
        Err(error) => Err(format!("schemathesis: {error}")),
    }
}

/// A server with the demonstration year, which ends with this.
struct Demonstration {
    server: Child,
    /// Held open, so that it can go on printing.
    printed: Lines<BufReader<ChildStdout>>,
    data: PathBuf,
    address: String,
    token: String,
}

impl Demonstration {
    fn start(root: &Path, folder: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("the demonstration: {error}");
        let data = folder.join(format!("data-{}", std::process::id()));
        let mut server = Command::new(root.join("target/debug/taizhang"))
            .arg("--data")
            .arg(&data)
            .args(["demo", "--quiet", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .env("RUST_LOG", "error")
            .spawn()
            .map_err(|error| failed(&error))?;
        let printed = server.stdout.take().ok_or_else(|| failed(&"prints nothing"))?;
        let printed = BufReader::new(printed).lines();
        let mut started = Self { server, printed, data, address: String::new(), token: String::new() };
        for line in started.printed.by_ref() {
            let line = line.map_err(|error| failed(&error))?;
            if let Some((_, address)) = line.split_once("listening on ") {
                address.trim().clone_into(&mut started.address);
                break;
            }
        }
        let path = started.data.join("demo-credentials.json");
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        // `{"scales":[...],"operator":"..."}`
        let token = text.split_once("\"operator\":\"").and_then(|(_, rest)| rest.split_once('"'));
        started.token = token.ok_or_else(|| failed(&"has no credential"))?.0.to_owned();
        Ok(started)
    }

    /// Signs the leader of the city in, as a browser does; the cookie.
    fn session(&self) -> Result<String, String> {
        const LEADER: &str = "dezhou.leader";
        let failed = |error: &dyn std::fmt::Display| format!("signing in: {error}");
        let accounts =
            std::fs::read_to_string(self.data.join("demo-accounts.txt")).map_err(|error| failed(&error))?;
        let password = accounts.lines().find_map(|line| line.strip_prefix(LEADER)?.split_whitespace().next());
        let form =
            format!("account={LEADER}&password={}", password.ok_or_else(|| failed(&"no such account"))?);
        let authority = self.address.trim_start_matches("http://");
        let mut stream = TcpStream::connect(authority).map_err(|error| failed(&error))?;
        let request = format!(
            "POST /sign-in HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        stream.write_all(request.as_bytes()).map_err(|error| failed(&error))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(|error| failed(&error))?;
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        cookie.map(str::to_owned).ok_or_else(|| failed(&answer))
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.server.kill().ok();
        self.server.wait().ok();
        std::fs::remove_dir_all(&self.data).ok();
    }
}
