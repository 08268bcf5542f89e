//! A Mosquitto of one's own, and the two ends of a channel over it.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use mqtt::{Config, Incoming, Link, QoS, State};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

const PROGRAMS: [&str; 2] = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
/// Longer than anything here takes, even on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);
/// Long enough to believe that nothing comes.
pub const A_WHILE: Duration = Duration::from_millis(500);

pub struct Broker {
    program: &'static str,
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Broker {
    /// Starts a broker that lets everybody in, or says that there is none on this machine.
    pub fn start() -> Option<Self> {
        Self::start_with(|_| "allow_anonymous true\n".to_owned())
    }

    /// Starts a broker with further settings, which may name files in the given folder.
    pub fn start_with(settings: impl FnOnce(&Path) -> String) -> Option<Self> {
        let Some(program) = PROGRAMS.into_iter().find(|program| Path::new(program).exists()) else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "mosquitto is not installed");
            eprintln!("skipped: mosquitto is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = format!(
            "listener {port} 127.0.0.1\nuser root\npersistence true\npersistence_location {}/\n\
             max_queued_messages 100000\n{}",
            folder.path().display(),
            settings(folder.path())
        );
        fs::write(folder.path().join("mosquitto.conf"), text).unwrap();
        let process = spawn(program, folder.path(), port);
        Some(Self { program, folder, port, process })
    }

    /// Ends the broker, which saves its sessions, and starts it again after a while.
    pub fn restart(&mut self, pause: Duration) {
        self.restart_by("TERM", pause);
    }

    /// Ends the broker by a signal; by `KILL` it forgets its sessions, and what it had taken and not yet passed on.
    pub fn restart_by(&mut self, signal: &str, pause: Duration) {
        let id = self.process.id();
        let ended = Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status().unwrap();
        assert!(ended.success());
        self.process.wait().unwrap();
        sleep(pause);
        self.process = spawn(self.program, self.folder.path(), self.port);
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub fn config(&self, client_id: &str) -> Config {
        Config::new(self.url(), client_id)
    }

    /// A link that takes every message under `taizhang/v1/`.
    pub fn server(&self) -> (Link, mpsc::Receiver<Incoming>) {
        Link::connect(&self.config("server"), everything()).unwrap()
    }

    /// A link that publishes only.
    pub fn device(&self, client_id: &str) -> Link {
        Link::connect(&self.config(client_id), Vec::new()).unwrap().0
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("the broker did not end: {error}");
        }
    }
}

pub fn config(port: u16, client_id: &str) -> Config {
    Config::new(format!("mqtt://127.0.0.1:{port}"), client_id)
}

pub fn everything() -> Vec<(String, QoS)> {
    vec![("taizhang/v1/#".to_owned(), QoS::AtLeastOnce)]
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(program: &str, folder: &Path, port: u16) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    let process = Command::new(program)
        .arg("-c")
        .arg(folder.join("mosquitto.conf"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = fs::read_to_string(folder.join("log")).unwrap();
        assert!(begun.elapsed() < SOON, "the broker did not come up: {log}");
        sleep(Duration::from_millis(10));
    }
    process
}

/// The next message.
pub async fn next(incoming: &mut mpsc::Receiver<Incoming>) -> Incoming {
    timeout(SOON, incoming.recv()).await.expect("a message comes").expect("the link is open")
}

/// The next message's body as text, with the message.
pub async fn next_text(incoming: &mut mpsc::Receiver<Incoming>) -> (String, Incoming) {
    let message = next(incoming).await;
    let text = String::from_utf8(message.payload.clone().unwrap()).unwrap();
    (text, message)
}

pub async fn assert_nothing_comes(incoming: &mut mpsc::Receiver<Incoming>) {
    if let Ok(message) = timeout(A_WHILE, incoming.recv()).await {
        panic!("nothing was to come: {message:?}");
    }
}

/// Waits until the link is connected.
pub async fn connected(link: &Link) {
    reached(&mut link.state(), |state| *state == State::Connected).await;
}

/// Waits for a state, and returns it.
pub async fn reached(state: &mut watch::Receiver<State>, wanted: impl FnMut(&State) -> bool) -> State {
    timeout(SOON, state.wait_for(wanted)).await.expect("the state comes").expect("the link is open").clone()
}
