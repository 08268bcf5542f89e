//! Fuzzing on the stable toolchain: coverage is the compiler's own, and no sanitizer is asked for, since no crate of
//! this workspace has unsafe code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

/// Each target, and how the names of the documents end from which it starts.
const TARGETS: [(&str, &[&str]); 2] = [("json", &["json", "jsonld"]), ("xml", &["xml"])];
/// How many texts each tries unless it is said for how long: continuous integration must find the same on a fast machine
/// and a slow one, and not something else each time.
const RUNS: u32 = 400_000;
/// Where the draws of such a run begin.
const SEED: u32 = 20_211_210;
/// Bytes of a text that the fuzzer makes up; one published document is larger.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// What the process may need, its collection of texts included.
const MEMORY_MIB_MAX: usize = 1_024;

/// Runs every target from the published documents: for so many seconds, and from what earlier runs found as well, or for
/// [`RUNS`] texts from those documents alone.
pub fn run_all(root: &Path, seconds: Option<&str>) -> Result<(), String> {
    let seconds: Option<u64> =
        seconds.map(str::parse).transpose().map_err(|error| format!("seconds: {error}"))?;
    let tool = tool(root)?;
    let folder = root.join("target/fuzz");
    let published = published(root)?;
    for (target, endings) in TARGETS {
        let kept = if seconds.is_some() { "corpus" } else { "corpus-of-runs" };
        let (seeds, corpus) = (folder.join("seeds").join(target), folder.join(kept).join(target));
        if seconds.is_none() && corpus.exists() {
            fs::remove_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
        }
        let artifacts = folder.join("artifacts").join(target);
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        seed(published.as_deref(), endings, &seeds)?;
        let mut command = vec!["run".into(), "--sanitizer".into(), "none".into(), "--target-dir".into()];
        command.extend([text(&folder)?, target.into(), text(&corpus)?, text(&seeds)?, "--".into()]);
        command.push(format!("-dict={}", text(&root.join("fuzz").join(target).with_extension("dict"))?));
        command.push(format!("-artifact_prefix={}/", text(&artifacts)?));
        match seconds {
            Some(seconds) => command.push(format!("-max_total_time={seconds}")),
            None => command.extend([format!("-runs={RUNS}"), format!("-seed={SEED}"), "-reload=0".into()]),
        }
        command.push(format!("-max_len={TEXT_BYTES_MAX}"));
        command.push(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
        command.extend(["-timeout=10".into(), "-print_final_stats=1".into(), "-print_funcs=0".into()]);
        let arguments: Vec<&str> = ["fuzz"].into_iter().chain(command.iter().map(String::as_str)).collect();
        run(&tool, &arguments, root)?;
    }
    Ok(())
}

/// The program `cargo-fuzz`, installed below `target/` where the machine has none.
fn tool(root: &Path) -> Result<String, String> {
    let here = root.join("target/tools");
    for name in ["cargo-fuzz".to_owned(), text(&here.join("bin/cargo-fuzz"))?] {
        if Command::new(&name).arg("--version").output().is_ok() {
            return Ok(name);
        }
    }
    let install = ["install", "cargo-fuzz", "--locked", "--version", "^0.13", "--root", &text(&here)?];
    run("cargo", &install, root)?;
    text(&here.join("bin/cargo-fuzz"))
}

/// The folder of published documents; where it is absent, continuous integration does not go on.
fn published(root: &Path) -> Result<Option<PathBuf>, String> {
    let named = std::env::var_os("TAIZHANG_CORPORA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| root.join("../shared/corpora")).join("epcis");
    match (folder.exists(), std::env::var("CI").as_deref()) {
        (true, _) => Ok(Some(folder)),
        (false, Ok("true")) => Err(format!("{} is not there", folder.display())),
        (false, _) => {
            eprintln!("{} is not there: fuzzing starts from nothing", folder.display());
            Ok(None)
        }
    }
}

/// Lays out the published documents of one format, each under a number.
fn seed(published: Option<&Path>, endings: &[&str], seeds: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: &std::io::Error| format!("{}: {error}", path.display());
    if seeds.exists() {
        fs::remove_dir_all(seeds).map_err(|error| failed(seeds, &error))?;
    }
    fs::create_dir_all(seeds).map_err(|error| failed(seeds, &error))?;
    let (mut folders, mut found) = (Vec::from_iter(published.map(Path::to_owned)), Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, &error))?.flatten() {
            let path = entry.path();
            match path.extension().and_then(|ending| ending.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some(ending) if endings.contains(&ending) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    for (at, path) in found.iter().enumerate() {
        fs::copy(path, seeds.join(at.to_string())).map_err(|error| failed(path, &error))?;
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("{}: is no text", path.display()))
}
