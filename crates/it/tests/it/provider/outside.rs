//! A provider of OpenID Connect that is not ours, as a process of its own, and a browser that signs in there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use harness::{Answer, Client};
use serde_json::Value;

/// Runs until it is dropped. Its client is `taizhang`.
pub struct Outside {
    child: Child,
    // It ends when its input does.
    input: Option<ChildStdin>,
    pub issuer: String,
}

impl Outside {
    /// `None`, after a note, where there is no npm.
    pub fn start(secret: &str) -> Option<Self> {
        if Command::new("npm").arg("--version").output().is_err() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "npm is not there");
            eprintln!("skipped: npm is not there");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/outside/run.sh");
        let mut command = Command::new(script);
        command.args(["provider", secret]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).expect("the provider starts");
        Some(Self { child, input, issuer: said["issuer"].as_str().unwrap().to_owned() })
    }

    /// Signs in under a name on the provider's page, and returns where that sends the browser back to.
    pub fn sign_in(&self, address: &str, name: &str) -> String {
        let mut visitor = self.visitor();
        let asked = visitor.follow(address);
        visitor.post(&asked, &[("prompt", "login"), ("login", name), ("password", "any")])
    }

    /// Breaks off on the provider's page.
    pub fn break_off(&self, address: &str) -> String {
        let mut visitor = self.visitor();
        let asked = visitor.follow(address);
        visitor.follow(&format!("{asked}/abort"))
    }

    fn visitor(&self) -> Visitor<'_> {
        Visitor { issuer: &self.issuer, cookies: BTreeMap::new() }
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

/// A browser at the provider.
struct Visitor<'o> {
    issuer: &'o str,
    cookies: BTreeMap<String, String>,
}

impl Visitor<'_> {
    /// Goes where it is sent, until a page asks for something or it is sent away.
    fn follow(&mut self, address: &str) -> String {
        let mut address = address.to_owned();
        loop {
            let answer = self.client().get(&self.path(&address));
            match self.next(&answer) {
                Some(next) if self.is_here(&next) => address = next,
                Some(away) => return away,
                None => {
                    answer.expect(200);
                    return address;
                }
            }
        }
    }

    fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.client().post_form(&self.path(address), fields);
        let next = self.next(&answer).unwrap_or_else(|| panic!("{}", answer.text()));
        self.follow(&next)
    }

    fn client(&self) -> Client {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Client::new(self.issuer).with("accept", "text/html").with("cookie", pairs.join("; "))
    }

    fn next(&mut self, answer: &Answer) -> Option<String> {
        for set in answer.headers.get_all("set-cookie") {
            let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Some(answer.header("location").to_owned()).filter(|next| !next.is_empty())
    }

    fn is_here(&self, address: &str) -> bool {
        address.starts_with('/') || address.starts_with(self.issuer)
    }

    fn path(&self, address: &str) -> String {
        address.strip_prefix(self.issuer).unwrap_or(address).to_owned()
    }
}
