//! The server as a process of its own: this same program, asked to serve.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use taizhang::Config;
use tokio::net::TcpListener;

use crate::ground::{Ground, NAME};

const ASKED: &str = "serve-for-bench";

/// A running server, killed when dropped.
pub struct Server {
    child: Child,
    pub host: String,
}

impl Server {
    pub fn start(ground: &Ground) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(ASKED).arg(&ground.config.data).stdout(Stdio::piped());
        if let Some(url) = &ground.config.database_url {
            command.env("DATABASE_URL", url);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let host = line.trim().trim_start_matches("http://").to_owned();
        assert!(!host.is_empty(), "the server did not start");
        Self { child, host }
    }

    /// The most that was resident since the start, as the system counts it (`VmHWM`).
    pub fn memory_peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

/// Processor time that a process has used.
pub struct Used {
    pub writer: Duration,
    pub others: Duration,
}

impl Server {
    /// Processor time of the server's writer thread and of its other threads.
    pub fn used(&self) -> Used {
        let mut used = Used { writer: Duration::ZERO, others: Duration::ZERO };
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten() {
            // A thread may end between the listing and the look.
            let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
            let (name, rest) = stat.rsplit_once(") ").unwrap();
            let fields: Vec<u64> = rest.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
            let time = Duration::from_millis((fields[11] + fields[12]) * 10);
            if name.ends_with("(writer") { used.writer += time } else { used.others += time }
        }
        used
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Serves, as `taizhang serve` does, if this process was started for that.
pub fn serve_if_asked() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(ASKED) {
        return None;
    }
    let data = words.next().unwrap().into();
    let database_url = std::env::var("DATABASE_URL").ok();
    let config = Config { data, database_url, name: NAME.into(), ..Config::default() };
    let kernel = taizhang::open(&config).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config { listen: listener.local_addr().unwrap(), ..config };
        let app = taizhang::app(&config, kernel).unwrap();
        println!("{}", config.base_url());
        taizhang::serve(app, listener, std::future::pending()).await.unwrap();
    });
    Some(ExitCode::SUCCESS)
}
