//! A receiver of webhooks that is not ours, and the one who tells it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::Town;
use kernel::Kernel;
use line_market::deliveries::{self, Deliveries, Settings};
use notices::{Network, Reach};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::outside::wait_until;

/// A request as it came, and when.
#[derive(Clone)]
pub struct Hook {
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
    /// What it was answered with.
    pub status: u16,
}

impl Hook {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn events(&self) -> Vec<Value> {
        self.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone()
    }

    /// How many events it holds; a problem holds none.
    pub fn count(&self) -> usize {
        if self.is_problem() { 0 } else { self.events().len() }
    }

    pub fn is_problem(&self) -> bool {
        self.header("content-type") == "application/problem+json"
    }

    pub fn ids(&self) -> Vec<String> {
        self.events().iter().map(|event| event["eventID"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether OpenSSL makes the same of the body and the secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let mut command = Command::new("openssl");
        command.args(["dgst", "-sha256", "-hmac", secret, "-r"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(self.body.as_bytes()).unwrap();
        let said = child.wait_with_output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        !self.header("gs1-signature").is_empty()
            && said.split(' ').next() == Some(self.header("gs1-signature"))
    }
}

struct Shared {
    hooks: Mutex<Vec<Hook>>,
    /// What is answered; nothing at all, if zero.
    status: AtomicU16,
    /// Documents with more events are answered with 413.
    events_max: AtomicUsize,
    /// Milliseconds before an answer.
    pause_ms: AtomicU64,
    /// Requests that wait for an answer, and how many did at most.
    waiting: AtomicUsize,
    waiting_max: AtomicUsize,
    is_over: AtomicBool,
}

/// Takes what is posted, and answers as it is told, until it is dropped.
pub struct Receiver {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            hooks: Mutex::default(),
            status: AtomicU16::new(204),
            events_max: AtomicUsize::new(usize::MAX),
            pause_ms: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            waiting_max: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let kept = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if kept.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, kept) = (stream.unwrap(), kept.clone());
                std::thread::spawn(move || take(stream, &kept));
            }
        });
        Self { port, shared }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }

    /// Answers with a status from now on; 0 hangs up without an answer.
    pub fn answer(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
    }

    pub fn take_at_most(&self, events: usize) {
        self.shared.events_max.store(events, Ordering::SeqCst);
    }

    /// Lets whoever posts wait so long for an answer from now on.
    pub fn pause(&self, time: Duration) {
        self.shared.pause_ms.store(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// How many requests waited for an answer at one time.
    pub fn waiting_max(&self) -> usize {
        self.shared.waiting_max.load(Ordering::SeqCst)
    }

    /// All that came.
    pub fn hooks(&self) -> Vec<Hook> {
        self.shared.hooks.lock().unwrap().clone()
    }

    /// What was taken, in order.
    pub fn taken(&self) -> Vec<Hook> {
        self.hooks().into_iter().filter(|hook| (200..300).contains(&hook.status)).collect()
    }

    /// The events of what was taken, in order, each as often as it came.
    pub fn ids(&self) -> Vec<String> {
        self.taken().iter().filter(|hook| !hook.is_problem()).flat_map(Hook::ids).collect()
    }

    /// Waits until so many events were taken.
    #[track_caller]
    pub fn wait_for_events(&self, count: usize) -> Vec<String> {
        wait_until(&format!("{count} events"), || self.ids().len() >= count);
        self.ids()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

fn take(mut stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            headers.push((name.to_lowercase(), value.to_owned()));
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut hook = Hook { headers, body: String::from_utf8(body).unwrap(), at: Instant::now(), status: 0 };
    hook.status = match shared.status.load(Ordering::SeqCst) {
        200..300 if hook.count() > shared.events_max.load(Ordering::SeqCst) => 413,
        status => status,
    };
    let status = hook.status;
    let waiting = shared.waiting.fetch_add(1, Ordering::SeqCst) + 1;
    shared.waiting_max.fetch_max(waiting, Ordering::SeqCst);
    shared.hooks.lock().unwrap().push(hook);
    std::thread::sleep(Duration::from_millis(shared.pause_ms.load(Ordering::SeqCst)));
    shared.waiting.fetch_sub(1, Ordering::SeqCst);
    if status != 0 {
        // Whoever hung up has no answer.
        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).ok();
    }
}

/// Tells subscribers until it is dropped.
pub struct Teller {
    runtime: Option<Runtime>,
    deliveries: Option<Deliveries>,
}

impl Teller {
    pub fn start(town: &Town) -> Self {
        Self::of(town, &town.site.kernel)
    }

    /// The one of another server on the town's database.
    pub fn of(town: &Town, kernel: &Arc<Kernel>) -> Self {
        Self::at(town, kernel, vec![Network::try_from("127.0.0.1".to_owned()).unwrap()])
    }

    pub fn reaching(town: &Town, networks: Vec<Network>) -> Self {
        Self::at(town, &town.site.kernel, networks)
    }

    /// As the program starts it.
    pub fn configured(town: &Town, config: &taizhang::Config) -> Self {
        let app = taizhang::app(config, town.site.kernel.clone()).unwrap();
        let runtime = Self::runtime();
        let deliveries = runtime.block_on(async { taizhang::deliveries(config, &app).unwrap() });
        Self { runtime: Some(runtime), deliveries: Some(deliveries) }
    }

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    fn at(town: &Town, kernel: &Arc<Kernel>, networks: Vec<Network>) -> Self {
        let app = taizhang::app(&town.place.config(), kernel.clone()).unwrap();
        let runtime = Self::runtime();
        let reach = Reach { networks, authority: None, timeout: Duration::from_secs(5) };
        let settings = Settings { reach, poll: Duration::from_millis(20) };
        let deliveries = runtime.block_on(async { deliveries::start(app, settings).unwrap() });
        Self { runtime: Some(runtime), deliveries: Some(deliveries) }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let (Some(runtime), Some(deliveries)) = (self.runtime.take(), self.deliveries.take()) {
            runtime.block_on(deliveries.close());
        }
    }
}
