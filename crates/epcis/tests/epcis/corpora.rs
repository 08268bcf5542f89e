use std::path::{Path, PathBuf};

/// The folder of published test material; `None` where it is absent, which continuous integration does not accept.
pub fn folder(below: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let root = std::env::var_os("TAIZHANG_CORPORA").map_or(beside, PathBuf::from);
    let folder = root.join(below);
    if folder.exists() {
        return Some(folder);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is not there", folder.display());
    eprintln!("skipped: {} is not there", folder.display());
    None
}

/// All files below a folder with one of the endings, sorted.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}
