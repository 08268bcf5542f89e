//! The server as a process of its own: this same program, asked to serve.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use store_postgres::testing::Cluster;
use taizhang::Config;
use tokio::net::TcpListener;

use crate::ground::NAME;

const ASKED: &str = "serve-for-bench";
/// Linux counts processor time in hundredths of a second (`USER_HZ`).
const MS_PER_TICK: u64 = 10;

/// A running server, killed when dropped.
pub struct Server {
    child: Child,
    pub host: String,
}

impl Server {
    pub fn start(config: &Config) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(ASKED).arg(&config.data).stdout(Stdio::piped());
        if let Some(url) = &config.database_url {
            command.env("DATABASE_URL", url);
        }
        if let Some(url) = &config.replica_url {
            command.env("DATABASE_REPLICA_URL", url);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let host = line.trim().trim_start_matches("http://").to_owned();
        assert!(!host.is_empty(), "the server did not start");
        Self { child, host }
    }

    /// The most that was resident since the start, as the system counts it.
    pub fn memory_peak_mib(&self) -> u64 {
        self.memory_mib("VmHWM:")
    }

    /// Memory that is resident now, in MiB, and files that are open.
    pub fn resident(&self) -> (u64, usize) {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count();
        (self.memory_mib("VmRSS:"), files)
    }

    fn memory_mib(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

impl Server {
    /// Processor time of the server's writer thread, and of the whole server.
    pub fn used(&self) -> (Duration, Duration) {
        let process = format!("/proc/{}", self.child.id());
        let tasks = std::fs::read_dir(format!("{process}/task")).unwrap().flatten();
        let writer = tasks.map(|task| stat(&task.path())).find(|(name, _)| name == "writer");
        (writer.map_or(Duration::ZERO, |(_, time)| time), stat(Path::new(&process)).1)
    }
}

/// Processor time of this process: the clients.
pub fn used_here() -> Duration {
    stat(Path::new("/proc/self")).1
}

/// Processor time of a database server: of its processes, and of those that have ended.
pub fn used_by(database: &Cluster) -> Duration {
    let processes = database.processes().unwrap();
    processes.iter().map(|process| stat(&Path::new("/proc").join(process)).1).sum()
}

/// The name of a process or thread, and the processor time that it and the processes that it began and saw end have used.
fn stat(folder: &Path) -> (String, Duration) {
    // A thread may end between the listing and the look.
    let stat = std::fs::read_to_string(folder.join("stat")).unwrap_or_default();
    let Some((name, rest)) = stat.rsplit_once(") ") else { return (String::new(), Duration::ZERO) };
    let fields: Vec<u64> = rest.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    let name = name.split_once('(').map_or(name, |(_, name)| name);
    (name.to_owned(), Duration::from_millis(fields[11..=14].iter().sum::<u64>() * MS_PER_TICK))
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
    let replica_url = std::env::var("DATABASE_REPLICA_URL").ok();
    // A few scales sell here what those of a city sell in weeks.
    let device_entries_of_day_max = u64::MAX;
    let name = NAME.into();
    let config =
        Config { data, database_url, replica_url, name, device_entries_of_day_max, ..Config::default() };
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
