//! The program itself, built beside these tests.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The path of `taizhang`, built once a run if it is not up to date.
///
/// # Panics
/// If it does not build.
pub fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // .../<profile>/deps/it-<hash>
        let profile = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build
            .args(["build", "--quiet", "--package", "taizhang", "--target-dir"])
            .arg(profile.parent().unwrap());
        if profile.file_name().is_some_and(|name| name == "release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "taizhang does not build");
        profile.join("taizhang")
    })
}
