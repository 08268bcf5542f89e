//! What the tests need of the machine, installed from Debian's packages where it is missing.

use std::path::Path;
use std::process::Command;

/// What must be there, and the package that brings it.
const NEEDED: [(&str, &str); 10] = [
    ("/usr/lib/postgresql/15/bin/initdb", "postgresql-15"),
    ("/usr/sbin/mosquitto", "mosquitto"),
    ("/usr/bin/mosquitto_passwd", "mosquitto"),
    ("/usr/bin/chromium", "chromium"),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "fonts-noto-cjk"),
    ("/usr/bin/xmllint", "libxml2-utils"),
    ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "libfaketime"),
    ("openssl", "openssl"),
    ("npm", "npm"),
    ("python3", "python3-venv"),
];

/// Installs what is missing. Needs root or `sudo` only then.
pub fn prepare() -> Result<(), String> {
    let mut missing: Vec<&str> =
        NEEDED.iter().filter(|(what, _)| !present(what)).map(|(_, package)| *package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("installing {}", missing.join(" "));
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(missing);
    apt(&install)
}

fn present(what: &str) -> bool {
    if what.starts_with('/') {
        return Path::new(what).exists();
    }
    std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|folder| folder.join(what).exists()))
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.arg("apt-get");
    }
    let status = command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {}: {status}", arguments.join(" "))),
        Err(error) => Err(format!("apt-get: {error}; install the packages by hand")),
    }
}
