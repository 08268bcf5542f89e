//! What the machine says: the disk, this process, the latest backup.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use base::Time;

/// A disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    pub bytes: u64,
    /// What may still be written by us.
    pub free_bytes: u64,
}

impl Disk {
    /// The disk that a folder lies on, where the system tells.
    pub fn of(folder: &Path) -> Option<Self> {
        let stat = rustix::fs::statvfs(folder).ok()?;
        Some(Self { bytes: stat.f_blocks * stat.f_frsize, free_bytes: stat.f_bavail * stat.f_frsize })
    }
}

/// This process, as far as the system tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Process {
    pub resident_bytes: Option<u64>,
    pub open_files: Option<u64>,
    pub open_files_max: Option<u64>,
}

impl Process {
    pub fn read() -> Self {
        let files = fs::read_dir("/proc/self/fd").ok();
        Self {
            resident_bytes: field("/proc/self/status", "VmRSS:").map(|kib| kib * 1024),
            open_files: files.map(|files| files.count() as u64),
            open_files_max: field("/proc/self/limits", "Max open files"),
        }
    }
}

/// The first number behind a name that begins a line.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The latest backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// When it was written; `None` where there is none, or it cannot be seen.
    pub made: Option<Time>,
    pub bytes: u64,
}

impl Backup {
    pub fn of(file: &Path) -> Self {
        let Ok(found) = fs::metadata(file) else { return Self { made: None, bytes: 0 } };
        let made = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let made = made.and_then(|since| i64::try_from(since.as_millis()).ok()).map(Time);
        Self { made, bytes: found.len() }
    }
}
