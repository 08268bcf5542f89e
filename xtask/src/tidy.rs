//! The rules of the house, checked over the sources. A rule is stated as what must be absent.

use std::fs;
use std::path::{Path, PathBuf};

/// Prints what breaks a rule.
pub fn report(root: &Path) -> Result<(), String> {
    let found = check(root);
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

/// Crates whose rules are pure: they see no I/O, no runtime, no system clock.
const PURE: [&str; 11] = [
    "base",
    "merkle",
    "ledger",
    "registry",
    "access",
    "figures",
    "matters",
    "trace",
    "epcis",
    "schedule",
    "schedule_formats",
];
/// Drivers, and the crates that alone may name them.
const DRIVERS: [(&str, &[&str]); 3] = [
    ("rusqlite", &["store_sqlite"]),
    // The benchmark writes its naive baseline itself.
    ("postgres", &["store_postgres", "bench"]),
    ("tokio-postgres", &["store_postgres"]),
];
/// Crates that may know axum, besides lines.
const WEB: [&str; 6] = ["shell", "taizhang", "harness", "it", "simulate", "bench"];
/// Crates that may name a line: the binary, and what tests, shows or measures the whole.
const WHOLE: [&str; 6] = ["taizhang", "harness", "it", "bench", "demo", "simulate"];
/// Tables of lines that do not follow from entries, and the file that alone writes each.
const ASIDE: [(&str, &str); 9] = [
    ("market_capture", "epcis_events/jobs.rs"),
    ("market_captured", "capture/amount.rs"),
    ("market_delivery", "standing/delivery.rs"),
    ("market_delivery_cursor", "standing/delivery.rs"),
    ("market_of_day", "record/of_day.rs"),
    ("market_signature", "standing/delivery.rs"),
    ("market_page_token", "epcis_events/tokens.rs"),
    ("projects_of_day", "record/of_day.rs"),
    ("projects_view", "portfolio/views.rs"),
];
/// What takes a thread for as long as it lasts, and the files that alone call it for nobody who asked: what a request has to
/// do goes through `App::blocking`, which keeps the caller's turn until it is done.
const APART: [(&str, &[&str]); 2] = [
    ("spawn_blocking(", &["shell/src/app.rs", "line_market/src/deliveries.rs", "mqtt_bridge/uplink.rs"]),
    ("export::written(", &[]),
];
/// Lines of a file before it needs a reason; a few have one.
const LINES_MAX: usize = 600;

/// Everything that breaks a rule, a line each.
pub fn check(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for krate in crates(root) {
        dependencies(&krate, &mut found);
        for file in sources(&krate.path) {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            source(&krate, &name, &text, &mut found);
        }
    }
    texts(root, &mut found);
    threats(root, &mut found);
    found
}

struct Crate {
    name: String,
    path: PathBuf,
    /// Names of normal dependencies.
    dependencies: Vec<String>,
}

fn crates(root: &Path) -> Vec<Crate> {
    let Ok(folders) = fs::read_dir(root.join("crates")) else { return Vec::new() };
    let mut all: Vec<Crate> = folders
        .flatten()
        .filter_map(|folder| {
            let path = folder.path();
            let manifest: toml::Table = fs::read_to_string(path.join("Cargo.toml")).ok()?.parse().ok()?;
            let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
            let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
            let dependencies = dependencies.map(|table| table.keys().cloned().collect()).unwrap_or_default();
            Some(Crate { name, path, dependencies })
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn dependencies(krate: &Crate, found: &mut Vec<String>) {
    let name = krate.name.as_str();
    let is_line = name.starts_with("line_");
    for dependency in &krate.dependencies {
        let mut refuse = |rule: &str| found.push(format!("crates/{name}: depends on {dependency}: {rule}"));
        if dependency.starts_with("line_") && is_line {
            refuse("a line never imports another line");
        } else if dependency.starts_with("line_") && !WHOLE.contains(&name) {
            refuse("only the binary knows the lines");
        }
        if let Some((_, allowed)) = DRIVERS.iter().find(|(driver, _)| driver == dependency)
            && !allowed.contains(&name)
        {
            refuse("only store_* names a driver");
        }
        if dependency == "axum" && !is_line && !WEB.contains(&name) {
            refuse("only shell, lines and the binary know axum");
        }
        if PURE.contains(&name)
            && matches!(dependency.as_str(), "tokio" | "axum" | "store" | "kernel" | "tracing")
        {
            refuse("rule crates see no I/O and no runtime");
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn source(krate: &Crate, file: &str, text: &str, found: &mut Vec<String>) {
    // Tests stand at the end of a file and may do as they need.
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let mut refuse = |rule: String| found.push(format!("{file}: {rule}"));
    if code.lines().count() > LINES_MAX {
        refuse(format!("longer than {LINES_MAX} lines"));
    }
    if PURE.contains(&krate.name.as_str()) {
        for banned in
            ["std::fs", "std::net", "std::process", "SystemTime::now", "Instant::now", "thread::sleep"]
        {
            if code.contains(banned) {
                refuse(format!("{banned}: rule crates do no I/O and take the clock as an argument"));
            }
        }
    }
    for banned in ["TODO", "FIXME", "unimplemented!", "todo!"] {
        if code.contains(banned) {
            refuse(format!("{banned}: what is not built is absent"));
        }
    }
    if krate.name == "shell" || krate.name.starts_with("line_") {
        for (call, allowed) in APART {
            if code.contains(call) && !allowed.iter().any(|allowed| file.ends_with(allowed)) {
                refuse(format!("{call}: what a request has to do goes through App::blocking"));
            }
        }
    }
    if let Some(line) = krate.name.strip_prefix("line_") {
        for table in written_tables(code) {
            if !table.starts_with(&format!("{line}_")) {
                refuse(format!("writes the table {table}: a line writes only tables with its own prefix"));
            }
            let beside = ASIDE.iter().any(|(aside, writer)| table == *aside && file.ends_with(writer));
            if !file.ends_with("apply.rs") && !file.contains("/apply/") && !beside {
                refuse(format!("writes the table {table}: nothing but apply writes a line's tables"));
            }
        }
    }
}

/// Tables that statements in string literals write.
fn written_tables(code: &str) -> Vec<String> {
    let mut tables = Vec::new();
    for verb in ["insert into ", "update ", "delete from "] {
        for (at, _) in code.match_indices(verb) {
            let opened =
                code[..at].chars().last().is_none_or(|before| before == '"' || before.is_whitespace());
            let table: String = code[at + verb.len()..]
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || matches!(c, '_' | '0'..='9'))
                .collect();
            if opened && table.contains('_') {
                tables.push(table);
            }
        }
    }
    tables
}

/// Both languages have the same keys.
fn texts(root: &Path, found: &mut Vec<String>) {
    for krate in crates(root) {
        let folder = krate.path.join("texts");
        let (zh, en) = (keys(&folder, "zh-CN"), keys(&folder, "en"));
        for key in zh.iter().filter(|key| !en.contains(key)) {
            found.push(format!("crates/{}/texts: {key} has no English text", krate.name));
        }
        for key in en.iter().filter(|key| !zh.contains(key)) {
            found.push(format!("crates/{}/texts: {key} has no Chinese text", krate.name));
        }
    }
}

/// What the page of threats names is there.
fn threats(root: &Path, found: &mut Vec<String>) {
    const PAGE: &str = "docs/security.md";
    let Ok(page) = fs::read_to_string(root.join(PAGE)) else { return };
    for (file, name) in page.split('`').filter_map(|text| text.split_once('#')) {
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        if file.contains('/') && !text.contains(name) {
            found.push(format!("{PAGE}: {file} has no {name}"));
        }
    }
}

fn keys(folder: &Path, lang: &str) -> Vec<String> {
    let mut files = vec![folder.join(format!("{lang}.ftl"))];
    files.extend(fs::read_dir(folder.join(lang)).into_iter().flatten().flatten().map(|entry| entry.path()));
    let mut keys = Vec::new();
    for text in files.iter().filter_map(|file| fs::read_to_string(file).ok()) {
        let named = text.lines().filter_map(|line| line.split_once(" =")).map(|(key, _)| key);
        keys.extend(named.filter(|key| key.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_house_hold() {
        let found = check(&crate::root());
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    #[test]
    fn a_statement_that_writes_a_table_is_found_and_a_sentence_is_not() {
        let code = "\"insert into market_lot (book)\"; \"update market_lot set x = 1\"; // update the list";
        assert_eq!(written_tables(code), ["market_lot", "market_lot"]);
    }
}
