//! `cargo xtask promises`: breaks each promise on purpose, in a copy of the sources, and wants the test that holds it to
//! fail. By hand, for it builds the program anew for each; what it found stands in `docs/promises.md`.

use std::path::Path;
use std::process::Command;

use crate::run;

/// A line of the program, the one that breaks a promise in its place, and the test that must notice.
struct Breach {
    promise: &'static str,
    file: &'static str,
    line: &'static str,
    instead: &'static str,
    /// A filter of tests of the `it` binary.
    test: &'static str,
}

const BREACHES: [Breach; 18] = [
    Breach {
        promise: "durable",
        file: "crates/kernel/src/writer.rs",
        line: "group.drain(..).for_each(|job| job.settle(Err(error.clone())));",
        instead: "group.drain(..).for_each(|job| job.settle(Ok(())));",
        test: "simulation::whatever",
    },
    Breach {
        promise: "once",
        file: "crates/kernel/src/desk.rs",
        line: "let Some(row) = self.read()?.query_one(FIND, &params)? else { return Ok(None) };",
        instead: "let Some(row) = self.read()?.query_one(FIND, &params)?.filter(|_| false) else { return Ok(None) };",
        test: "simulation::whatever",
    },
    Breach {
        promise: "ordered",
        file: "crates/kernel/src/schema.rs",
        line: "\"update book set size = size where book = $1 returning size, recorded\"",
        instead: "\"select size, recorded from book where book = $1\"",
        test: "nodes::decisions",
    },
    Breach {
        promise: "recovered",
        file: "crates/store_postgres/src/lib.rs",
        line: "self.session = Session::open(&self.config, Role::Writer)?;",
        instead: "drop(Session::open(&self.config, Role::Writer)?);",
        test: "crash::no_acknowledged_sale_is_lost_or_doubled_when_connections",
    },
    Breach {
        promise: "relieved",
        file: "crates/store_postgres/src/duty.rs",
        line: "row.get::<_, bool>(0).then_some(session)",
        instead: "(row.get::<_, bool>(0) || true).then_some(session)",
        test: "nodes::the_clock",
    },
    Breach {
        promise: "heard",
        file: "crates/kernel/src/follow.rs",
        line: "self.tell(&book, known, size)?;",
        instead: "self.tell(&book, known.max(size), size)?;",
        test: "nodes::a_node_hears",
    },
    Breach {
        promise: "proved",
        file: "crates/kernel/src/audit.rs",
        line: "if leaves.get(&seq).is_some_and(|stored| *stored != leaf) {",
        instead: "if leaves.get(&seq).is_some_and(|stored| *stored != leaf) && seq > 99 {",
        test: "audit::",
    },
    Breach {
        promise: "erased",
        file: "crates/kernel/src/own.rs",
        line: "\"update entry set body = null, salt = null where book = $1 and seq = $2\"",
        instead: "\"update entry set body = body where book = $1 and seq = $2\"",
        test: "notices::a_contact_that_was_removed_or_erased",
    },
    Breach {
        promise: "apart",
        file: "crates/access/src/decide.rs",
        line: "if !tree.contains(&grant.unit, &resource.unit) {",
        instead: "if !tree.contains(&grant.unit, &resource.unit) && action.name.is_empty() {",
        test: "access::each_user",
    },
    Breach {
        promise: "shed",
        file: "crates/kernel/src/writer.rs",
        line: "sync_channel(WRITER_QUEUE_MAX)",
        instead: "sync_channel(WRITER_QUEUE_MAX + 1)",
        test: "overload::",
    },
    Breach {
        promise: "unhurried",
        file: "crates/taizhang/src/connections.rs",
        line: ".header_read_timeout(bounds.head)",
        instead: ".header_read_timeout(bounds.head * 120)",
        test: "overload::whoever",
    },
    Breach {
        promise: "flushed",
        file: "crates/store_sqlite/src/connection.rs",
        line: "connection.pragma_update(None, \"synchronous\", \"full\")?;",
        instead: "connection.pragma_update(None, \"synchronous\", \"off\")?;",
        test: "disk::flush::a_flush_that_fails",
    },
    Breach {
        promise: "full",
        file: "crates/store_sqlite/src/tx.rs",
        line: "Some(DiskFull) => StoreError::Full",
        instead: "Some(ErrorCode::OperationInterrupted) => StoreError::Full",
        test: "disk::",
    },
    Breach {
        promise: "restored",
        file: "crates/taizhang/src/commands/upkeep.rs",
        line: "if report(&kernel)? != ExitCode::SUCCESS {",
        instead: "if report(&kernel)? != ExitCode::SUCCESS && from.as_os_str().is_empty() {",
        test: "upkeep::a_copy",
    },
    Breach {
        promise: "summed",
        file: "crates/kernel/src/figure/sums.rs",
        line: "add(months(tx, asked, \"book\", month.plus(1), Month(i32::MAX))?, -1)?;",
        instead: "add(months(tx, asked, \"book\", month.plus(2), Month(i32::MAX))?, -1)?;",
        test: "figure_laws::",
    },
    Breach {
        promise: "near",
        file: "crates/kernel/src/schema.rs",
        line: "\"select hashes from tile where book = $1 and level = $2 and idx = $3\"",
        instead: "\"select hashes from tile where book || '' = $1 and level = $2 and idx = $3\"",
        test: "spread::what_is_asked",
    },
    Breach {
        promise: "fresh",
        file: "crates/store_postgres/src/replica.rs",
        line: "while !played(session)?.is_some_and(|played| played.has_reached(&written)) {",
        instead: "while played(session)?.is_none() {",
        test: "replica::what_is_read",
    },
    Breach {
        promise: "caught up",
        file: "crates/kernel/src/docket/desk.rs",
        line: "seat.next = caught_up.next.unwrap_or(NEVER);",
        instead: "seat.next = NEVER;",
        test: "matters::history_that_is_loaded",
    },
];

/// Breaks each promise whose name holds `only`, and says which tests did not notice.
pub fn break_all(root: &Path, only: Option<&str>) -> Result<(), String> {
    let copy = root.join("target/broken");
    let folder = copy.to_str().ok_or("the path is not text")?;
    if copy.exists() {
        run("git", &["worktree", "remove", "--force", folder], root)?;
    }
    run("git", &["worktree", "add", "--detach", folder, "HEAD"], root)?;
    let asked = BREACHES.iter().filter(|it| only.is_none_or(|only| it.promise.contains(only)));
    let mut unnoticed = Vec::new();
    for breach in asked {
        let kept = swap(&copy, breach)?;
        let noticed = is_noticed(root, &copy, breach)?;
        std::fs::write(copy.join(breach.file), kept).map_err(|error| format!("{}: {error}", breach.file))?;
        eprintln!("{}: {}", breach.promise, if noticed { "noticed" } else { "NOT noticed" });
        if !noticed {
            unnoticed.push(breach.promise);
        }
    }
    run("git", &["worktree", "remove", "--force", folder], root)?;
    match unnoticed.is_empty() {
        true => Ok(()),
        false => Err(format!("no test noticed that these were broken: {}", unnoticed.join(", "))),
    }
}

/// Puts the breach in its place; returns the file as it was.
fn swap(copy: &Path, breach: &Breach) -> Result<String, String> {
    let path = copy.join(breach.file);
    let source = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", breach.file))?;
    std::fs::write(&path, source.replacen(breach.line, breach.instead, 1))
        .map_err(|error| format!("{}: {error}", breach.file))?;
    Ok(source)
}

/// Whether the test that holds the promise fails. A breach that does not compile tells nothing.
fn is_noticed(root: &Path, copy: &Path, breach: &Breach) -> Result<bool, String> {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(copy);
        command.env("CARGO_TARGET_DIR", root.join("target/broken-build")).env("CI", "true");
        if std::env::var_os("TAIZHANG_CORPORA").is_none() {
            command.env("TAIZHANG_CORPORA", root.join("../shared/corpora"));
        }
        command.status().map(|status| status.success()).map_err(|error| format!("cargo: {error}"))
    };
    if !cargo(&["test", "--quiet", "-p", "it", "--test", "it", "--no-run"])? {
        return Err(format!("{}: the breach does not compile", breach.promise));
    }
    Ok(!cargo(&["test", "--quiet", "-p", "it", "--test", "it", breach.test])?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_breach_has_its_line_and_every_promise_its_breach() {
        let root = crate::root();
        let page = std::fs::read_to_string(root.join("docs/promises.md")).unwrap();
        for breach in &BREACHES {
            let source = std::fs::read_to_string(root.join(breach.file)).unwrap();
            assert_eq!(source.matches(breach.line).count(), 1, "{}: {}", breach.file, breach.line);
            let (module, name) = breach.test.rsplit_once("::").unwrap();
            let module = module.replace("::", "/");
            let tests = root.join("crates/it/tests/it").join(module).with_extension("rs");
            let tests = std::fs::read_to_string(&tests).unwrap_or_else(|error| panic!("{tests:?}: {error}"));
            assert!(tests.contains(&format!("fn {name}")), "{} is no test", breach.test);
        }
        let promised: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| **")?.split_once("**"))
            .map(|it| it.0)
            .collect();
        let broken: BTreeSet<&str> = BREACHES.iter().map(|breach| breach.promise).collect();
        assert_eq!(promised, broken, "docs/promises.md and the breaches name the same promises");
    }
}
