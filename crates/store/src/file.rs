//! Files of the machine that must survive a loss of power.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Makes a copy of a database by what fills the file that it is given: one that nobody but its owner reads, since secrets lie
/// in the copy as they do in the database. It appears under its name only when it is whole and on disk.
pub fn back_up(to: &Path, fill: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), StoreError> {
    let failed = |reason: String| StoreError::File { doing: format!("backup to {}", to.display()), reason };
    if to.exists() {
        return Err(failed("the file exists already".into()));
    }
    let partial = with_ending(to, ".partial");
    let made = || {
        make_private(&partial).map_err(|error| error.to_string())?;
        fill(&partial)?;
        publish(&partial, to).map_err(|error| error.to_string())
    };
    made().map_err(failed).inspect_err(|_| {
        // What is reported is why the backup failed; a leftover is removed by the next one.
        std::fs::remove_file(&partial).ok();
    })
}

/// Writes a text that nobody but its owner reads, in the place of what had the name.
pub fn write_private(name: &Path, text: &str) -> io::Result<()> {
    let partial = with_ending(name, ".partial");
    make_private(&partial)?;
    std::fs::write(&partial, text)?;
    publish(&partial, name)
}

/// Gives a file its name: on disk before it, and the name after it.
pub fn publish(file: &Path, name: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()?;
    std::fs::rename(file, name)?;
    sync_folder_of(name)
}

/// Puts on disk that a file has its name.
pub fn sync_folder_of(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The file beside another whose name goes on with this.
pub fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Makes a folder that nobody but its owner looks into, with those above it; one that is there stays as it is.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

fn make_private(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
