//! A Mosquitto of one's own.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const PROGRAMS: [&str; 2] = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];

pub struct Broker {
    port: u16,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Broker {
    /// Starts a broker that lets everybody in, or says that there is none on this machine.
    pub fn start() -> Option<Self> {
        let Some(program) = PROGRAMS.into_iter().find(|program| Path::new(program).exists()) else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "mosquitto is not installed");
            eprintln!("skipped: mosquitto is not installed");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("mosquitto.conf");
        std::fs::write(&settings, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
        let process = Command::new(program).arg("-c").arg(&settings).stderr(Stdio::null()).spawn().unwrap();
        let broker = Self { port, process, _folder: folder };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(broker);
            }
            sleep(Duration::from_millis(50));
        }
        panic!("mosquitto does not listen");
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}
