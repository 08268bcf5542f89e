//! A PostgreSQL server for tests: the one that `TAIZHANG_TEST_POSTGRES` names, or a throw-away cluster of our own.

use std::{
    ffi::OsString,
    io::{self, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use postgres::{Client, NoTls};
use tempfile::TempDir;

const BINARIES: &str = "/usr/lib/postgresql/15/bin";
const START_PATIENCE: Duration = Duration::from_secs(60);

/// Runs the server and waits on standard input. When that ends, however the test ended, the server is stopped
/// and its files go, unless a line came before.
const KEEPER: &str = r#"
bin=$1 dir=$2 port=$3 fsync=$4
"$bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -c listen_addresses=127.0.0.1 -c fsync="$fsync" \
    -c max_connections=200 >>"$dir/log" 2>&1 &
server=$!
read -r keep; kept=$?
kill -INT $server 2>/dev/null
wait $server
[ $kept -eq 0 ] || rm -rf "$dir"
"#;

/// A server on which databases can be created. Dropping it stops and removes a cluster of our own,
/// and drops the databases that were created on another's.
pub struct Cluster {
    /// Without the database's name: `postgres://user@host:port/`.
    maintenance: String,
    own: Option<Own>,
    created: std::sync::Mutex<Vec<String>>,
}

struct Own {
    folder: TempDir,
    port: u16,
    fsync: bool,
    keeper: Option<Child>,
}

/// One cluster for all tests of a process, without fsync; `None` (after a note) where there is no PostgreSQL.
///
/// # Panics
/// Where there is no PostgreSQL and the environment says `CI=true`, or when it does not start.
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| or_skip(Cluster::start_without_fsync())).as_ref()
}

/// Turns a missing PostgreSQL into a note, or into a panic where `CI=true`.
///
/// # Panics
/// See above, and on any other error.
pub fn or_skip(cluster: io::Result<Cluster>) -> Option<Cluster> {
    match cluster {
        Ok(cluster) => Some(cluster),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && std::env::var("CI").as_deref() != Ok("true") =>
        {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("no postgresql for the tests: {error}"),
    }
}

impl Cluster {
    /// A server that survives `kill -9` with what it acknowledged (fsync is on).
    pub fn start() -> io::Result<Self> {
        Self::find(true)
    }

    /// A faster server, for tests that do not pull the plug.
    pub fn start_without_fsync() -> io::Result<Self> {
        Self::find(false)
    }

    fn find(fsync: bool) -> io::Result<Self> {
        let created = std::sync::Mutex::default();
        if let Ok(maintenance) = std::env::var("TAIZHANG_TEST_POSTGRES") {
            return Ok(Self { maintenance, own: None, created });
        }
        let mut own = Own::create(fsync)?;
        own.run()?;
        Ok(Self { maintenance: own.url("postgres"), own: Some(own), created })
    }

    /// Creates an empty database and returns its URL.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn fresh_database(&self) -> String {
        self.database_like("template0")
    }

    /// Creates a database that holds what another one does, which nobody may use meanwhile.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn copy_of(&self, url: &str) -> String {
        self.database_like(name_of(url))
    }

    fn database_like(&self, template: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("taizhang_test_{}_{number}", std::process::id());
        let create = format!("create database {name} template {template} encoding 'UTF8'");
        self.maintain(&create).expect("a fresh database");
        let url = with_database(&self.maintenance, &name);
        self.created.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(name);
        url
    }

    /// Runs statements that take no parameters on the maintenance database.
    fn maintain(&self, sql: &str) -> io::Result<()> {
        let mut client = Client::connect(&self.maintenance, NoTls).map_err(io::Error::other)?;
        client.batch_execute(sql).map_err(io::Error::other)
    }

    /// Ends every connection to a database, as an administrator would.
    pub fn end_connections(&self, url: &str) -> io::Result<()> {
        let name = name_of(url);
        self.maintain(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        ))
    }

    /// Whether this cluster was started here, and may be killed.
    pub const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Kills the server without warning (SIGKILL), and starts it again on the same files and port.
    pub fn crash_and_restart(&mut self) -> io::Result<()> {
        self.down(End::Killed)?;
        self.up()
    }

    /// Ends the server, and keeps its files.
    pub fn down(&mut self, end: End) -> io::Result<()> {
        self.ours()?.end(end)
    }

    /// Stops every process of the server where it stands (SIGSTOP), or lets them go on. Who is connected stays so, and hears
    /// nothing.
    pub fn freeze(&self, is_frozen: bool) -> io::Result<()> {
        let own = self.own.as_ref().ok_or_else(|| io::Error::other("the server is not ours to stop"))?;
        own.signal(if is_frozen { "STOP" } else { "CONT" })
    }

    /// The processes of the server, by their numbers.
    pub fn processes(&self) -> io::Result<Vec<OsString>> {
        let own = self.own.as_ref().ok_or_else(|| io::Error::other("the server is not ours to look at"))?;
        own.processes()
    }

    /// Starts the server again on the same files and port.
    pub fn up(&mut self) -> io::Result<()> {
        self.ours()?.run()
    }

    fn ours(&mut self) -> io::Result<&mut Own> {
        self.own.as_mut().ok_or_else(|| io::Error::other("the server is not ours to end"))
    }

    /// A second server that follows this one; where it is synchronous, this one says that something is committed only when
    /// the other has it.
    pub fn standby(&mut self, synchronous: bool) -> io::Result<Self> {
        let mut standby = self.ours()?.standby()?;
        standby.run()?;
        if synchronous {
            self.maintain("alter system set synchronous_standby_names = '*'")?;
            self.maintain("select pg_reload_conf()")?;
        }
        let wanted = if synchronous { "sync_state = 'sync'" } else { "state = 'streaming'" };
        until_found(&self.maintenance, &format!("select 1 from pg_stat_replication where {wanted}"))?;
        let created = std::sync::Mutex::default();
        Ok(Self { maintenance: standby.url("postgres"), own: Some(standby), created })
    }

    /// Keeps a standby from playing what it gets, or lets it go on.
    pub fn hold_back(&self, is_held: bool) -> io::Result<()> {
        if !is_held {
            return self.maintain("select pg_wal_replay_resume()");
        }
        self.maintain("select pg_wal_replay_pause()")?;
        until_found(&self.maintenance, "select 1 where pg_get_wal_replay_pause_state() = 'paused'")
    }

    /// The URL of the database on this server that has the name of another's.
    pub fn url_of(&self, url: &str) -> String {
        with_database(&self.maintenance, name_of(url))
    }

    /// Makes a standby the server that is written to.
    pub fn promote(&self) -> io::Result<()> {
        self.maintain("select pg_promote(true)")
    }

    /// The URL of a database on this server or, when this one is no longer it, on the standby that took its place.
    pub fn url_with(&self, standby: &Self, url: &str) -> String {
        let host =
            |maintenance: &str| maintenance.replace("postgres://postgres@", "").replace("/postgres", "");
        let (own, other) = (host(&self.maintenance), host(&standby.maintenance));
        format!("{}?target_session_attrs=read-write", url.replace(&own, &format!("{own},{other}")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.own.is_some() {
            return;
        }
        let Ok(mut client) = Client::connect(&self.maintenance, NoTls) else {
            return;
        };
        for name in self.created.lock().unwrap_or_else(std::sync::PoisonError::into_inner).drain(..) {
            // A database that cannot be dropped is left to the server's owner.
            client.batch_execute(&format!("drop database if exists {name} with (force)")).ok();
        }
    }
}

/// Waits until a query finds something.
fn until_found(url: &str, sql: &str) -> io::Result<()> {
    let until = Instant::now() + START_PATIENCE;
    let mut client = Client::connect(url, NoTls).map_err(io::Error::other)?;
    while client.query(sql, &[]).map_err(io::Error::other)?.is_empty() {
        if Instant::now() > until {
            return Err(io::Error::other(format!("nothing is found by {sql}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// SIGKILL.
    Killed,
    /// As by `pg_ctl stop -m fast`: whoever is connected is cut off, what was not committed is rolled back.
    Stopped,
}

/// The name of a URL's database.
fn name_of(url: &str) -> &str {
    let name = url.rsplit('/').next().unwrap_or_default();
    name.split('?').next().unwrap_or_default()
}

/// The same server's URL with another database's name.
fn with_database(url: &str, name: &str) -> String {
    let (address, options) =
        url.split_once('?').map_or((url, None), |(address, options)| (address, Some(options)));
    let scheme = address.find("://").map_or(0, |at| at + 3);
    let server = address[scheme..].find('/').map_or(address, |at| &address[..scheme + at]);
    options.map_or_else(|| format!("{server}/{name}"), |options| format!("{server}/{name}?{options}"))
}

impl Own {
    fn create(fsync: bool) -> io::Result<Self> {
        let own = Self::without_data(fsync)?;
        let mut command = as_server_user(&binary("initdb"))?;
        command.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
        ]);
        run(command.arg(own.folder.path().join("data")))?;
        Ok(own)
    }

    /// A standby's files, which follow this server once they run.
    fn standby(&self) -> io::Result<Self> {
        let standby = Self::without_data(self.fsync)?;
        let mut command = as_server_user(&binary("pg_basebackup"))?;
        let from = self.url("postgres");
        command.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-d", &from, "-D"]);
        run(command.arg(standby.folder.path().join("data")))?;
        Ok(standby)
    }

    fn without_data(fsync: bool) -> io::Result<Self> {
        let initdb = binary("initdb");
        if !Path::new(&initdb).exists() {
            let reason = format!("there is no {initdb}, and TAIZHANG_TEST_POSTGRES is not set");
            return Err(io::Error::new(io::ErrorKind::NotFound, reason));
        }
        let folder = tempfile::Builder::new().prefix("taizhang-pg").tempdir()?;
        if is_root()? {
            run(Command::new("chown").arg("postgres:").arg(folder.path()))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { folder, port, fsync, keeper: None })
    }

    fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    fn run(&mut self) -> io::Result<()> {
        let mut command = as_server_user("sh")?;
        command.args(["-c", KEEPER, "keeper", BINARIES]).arg(self.folder.path()).arg(self.port.to_string());
        command.arg(if self.fsync { "on" } else { "off" }).stdin(Stdio::piped()).stdout(Stdio::null());
        self.keeper = Some(command.spawn()?);
        let until = Instant::now() + START_PATIENCE;
        while let Err(error) = Client::connect(&self.url("postgres"), NoTls) {
            if Instant::now() > until {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(io::Error::other(format!("the server did not start: {error}\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn end(&mut self, end: End) -> io::Result<()> {
        if end == End::Killed {
            let lock = self.folder.path().join("data/postmaster.pid");
            let lines = std::fs::read_to_string(&lock)?;
            let server =
                lines.lines().next().ok_or_else(|| io::Error::other("the server's pid file is empty"))?;
            run(Command::new("kill").args(["-9", server]))?;
        }
        let Some(mut keeper) = self.keeper.take() else {
            return Ok(());
        };
        if let Some(mut input) = keeper.stdin.take() {
            input.write_all(b"keep\n")?;
        }
        keeper.wait()?;
        self.wait_for_orphans()
    }

    /// Sends a signal to every process of the server.
    fn signal(&self, name: &str) -> io::Result<()> {
        run(Command::new("kill").arg(format!("-{name}")).args(self.processes()?))
    }

    fn processes(&self) -> io::Result<Vec<OsString>> {
        processes_in(&self.folder.path().join("data"))
    }

    /// The backends notice within a moment that the server is gone; it cannot start again before they left.
    fn wait_for_orphans(&self) -> io::Result<()> {
        let until = Instant::now() + START_PATIENCE;
        while !self.processes()?.is_empty() {
            if Instant::now() > until {
                return Err(io::Error::other("backends of the killed server are still running"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            // One that stands still would not hear that it is to end.
            self.signal("CONT").ok();
            drop(keeper.stdin.take());
            // The folder is removed next whether or not the server could be waited for.
            keeper.wait().ok();
        }
    }
}

fn binary(name: &str) -> String {
    format!("{BINARIES}/{name}")
}

/// The processes that work in this folder, as every process of a server does in its data folder.
fn processes_in(folder: &Path) -> io::Result<Vec<OsString>> {
    // A process that ended meanwhile, or is not ours to see, is none of the server's.
    let works_there = |process: &std::fs::DirEntry| {
        std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == folder)
    };
    let all = std::fs::read_dir("/proc")?.flatten().filter(works_there);
    Ok(all.map(|process| process.file_name()).collect())
}

/// The server refuses to run as root; then it runs as the user that its package made.
fn as_server_user(program: &str) -> io::Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", program]);
    Ok(command)
}

fn is_root() -> io::Result<bool> {
    Ok(Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0")
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let (program, words) = (command.get_program().display(), String::from_utf8_lossy(&output.stderr));
    Err(io::Error::other(format!("{program} ended with {}: {}", output.status, words.trim())))
}
