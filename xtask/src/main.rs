//! What developers run: `cargo xtask test`, `cargo xtask tidy`.

mod fuzz;
mod machine;
mod promises;
mod schemathesis;
mod secrets;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str =
    "cargo xtask test            run every test, installing what they need where it is missing
cargo xtask tidy            check the rules of the house
cargo xtask secrets         look for keys, tokens and passwords in what is checked in
cargo xtask deny            check licences, bans and sources of dependencies
cargo xtask schemathesis    hold the API against its own OpenAPI document with made-up requests
cargo xtask promises [name] break each promise on purpose, and want its test to fail
cargo xtask fuzz [seconds]  feed the readers of documents with changed ones, so many or for so long
cargo xtask deb [program]   make the Debian package of a release build, or of a program that was built, in target/deb
cargo xtask fixture NAME    leave a small database as this version writes it, for upgrades to come";

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    let result = match task.as_str() {
        "test" => test(),
        "schemathesis" => machine::prepare().and_then(|()| schemathesis::run_all(&root())),
        "tidy" => tidy::report(&root()),
        "secrets" => secrets::report(&root()),
        "deny" => deny(),
        "promises" => {
            machine::prepare().and_then(|()| promises::break_all(&root(), std::env::args().nth(2).as_deref()))
        }
        "fuzz" => fuzz::run_all(&root(), std::env::args().nth(2).as_deref()),
        "deb" => deb(std::env::args().nth(2).as_deref()),
        "fixture" => std::env::args().nth(2).map_or_else(|| Err(USAGE.to_owned()), |name| fixture(&name)),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Everything: crates on both databases, then the pages in a real browser.
fn test() -> Result<(), String> {
    machine::prepare()?;
    run("cargo", &["build", "--workspace", "--bins"], &root())?;
    run("cargo", &["test", "--workspace"], &root())?;
    let e2e = root().join("e2e");
    run("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts"], &e2e)?;
    run("npm", &["test"], &e2e)
}

fn deny() -> Result<(), String> {
    if Command::new("cargo-deny").arg("--version").output().is_err() {
        run("cargo", &["install", "cargo-deny", "--locked", "--version", "^0.20"], &root())?;
    }
    run("cargo", &["deny", "--offline", "check", "licenses", "bans", "sources"], &root())?;
    // The advisory database lies outside; where it cannot be reached, nothing can be said.
    let advisories = Command::new("cargo").args(["deny", "check", "advisories"]).current_dir(root()).output();
    match advisories {
        Ok(output) if output.status.success() => println_to_stderr("advisories: ok"),
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("failed to fetch") => {
            println_to_stderr("advisories: the database cannot be reached, not checked");
        }
        Ok(output) => return Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => return Err(format!("cargo deny: {error}")),
    }
    Ok(())
}

fn deb(built: Option<&str>) -> Result<(), String> {
    if built.is_none() {
        run("cargo", &["build", "--release", "--locked", "--package", "taizhang"], &root())?;
    }
    run("packaging/build-deb.sh", &[built.unwrap_or("target/release/taizhang"), "target/deb"], &root())
}

/// Where fixtures of earlier versions lie; none is ever made again.
fn fixture(name: &str) -> Result<(), String> {
    let folder = root().join("crates/it/fixtures/upgrade").join(name);
    if folder.exists() {
        return Err(format!("{} is there already", folder.display()));
    }
    let folder = folder.display().to_string();
    run("cargo", &["run", "--package", "harness", "--example", "fixture", "--", &folder], &root())
}

fn println_to_stderr(text: &str) {
    eprintln!("{text}");
}

/// Runs a command and shows what it prints.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<(), String> {
    eprintln!("+ {program} {}", arguments.join(" "));
    let status = Command::new(program).args(arguments).current_dir(folder).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} {}: {status}", arguments.join(" "))),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
