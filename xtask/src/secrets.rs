//! What must never be checked in: keys, tokens, passwords in addresses.

use std::path::Path;
use std::process::Command;

/// What looks like a secret and is none: the specification's own example, and what tests see refused.
const KNOWN: [(&str, &str); 3] = [
    ("crates/notices/src/sign.rs", "MfKQ9r8GKYqrTwjUPD8"),
    ("crates/kernel/src/notices/kinds.rs", "u:p@x.cn"),
    ("crates/it/tests/it/notices.rs", "u:p@example.cn"),
];

/// Prints what looks like a secret in a file that git tracks.
pub fn report(root: &Path) -> Result<(), String> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    let listed = listed.map_err(|error| format!("git ls-files: {error}"))?;
    if !listed.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr)));
    }
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut found = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        // A file that was deleted and not yet committed is listed too.
        let Ok(bytes) = std::fs::read(root.join(name)) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let known = |line: usize| {
            let line = text.lines().nth(line - 1).unwrap_or_default();
            KNOWN.iter().any(|(file, part)| *file == name && line.contains(part))
        };
        let secrets = scan(&text).into_iter().filter(|(line, _)| !known(*line));
        found.extend(secrets.map(|(line, what)| format!("{name}:{line}: {what}")));
    }
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

/// The lines that look like a secret, from 1, and as what.
fn scan(text: &str) -> Vec<(usize, &'static str)> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(at, line)| secret(line).map(|what| (at + 1, what))).collect()
}

fn secret(line: &str) -> Option<&'static str> {
    let is_private = |rest: &str| rest.split("-----").next().is_some_and(|of| of.ends_with("PRIVATE KEY"));
    let private = after(line, "-----BEGIN ").any(is_private);
    let ours = [("tz1_", "token of ours"), ("tzd1_", "credential of a device of ours")];
    let named = |(start, what): &(&str, &'static str)| {
        // Name, then 256 bits in hexadecimal digits.
        let ends =
            after(line, start).any(|rest| rest.split(|c: char| !is_name(c)).next().is_some_and(has_digest));
        ends.then_some(*what)
    };
    let webhook = || after(line, "whsec_").any(|rest| run(rest, is_base64) >= 24 && is_mixed(rest));
    let amazon =
        || after(line, "AKIA").any(|rest| run(rest, |c| c.is_ascii_uppercase() || c.is_ascii_digit()) == 16);
    let forge = || {
        ["ghp_", "github_pat_", "glpat-"].iter().any(|start| {
            after(line, start)
                .any(|rest| run(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) >= 20)
        })
    };
    // Name, hash of the key, and the key in base64.
    let is_key = |rest: &str| rest.splitn(3, '+').nth(2).is_some_and(|key| run(key, is_base64) >= 24);
    let signing = || after(line, "PRIVATE+KEY+").any(is_key);
    match () {
        () if private => Some("private key"),
        () if signing() => Some("signing key of ours"),
        () if webhook() => Some("secret of a webhook"),
        () if amazon() => Some("access key of AWS"),
        () if forge() => Some("token of a forge"),
        () if has_password(line) => Some("password in an address"),
        () => ours.iter().find_map(named),
    }
}

/// What follows each place of a text.
fn after<'l>(line: &'l str, start: &'l str) -> impl Iterator<Item = &'l str> {
    line.match_indices(start).map(move |(at, _)| &line[at + start.len()..])
}

fn run(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.chars().take_while(|c| fits(*c)).count()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

/// Not one letter over and over, as an example has it.
fn is_mixed(text: &str) -> bool {
    let mut letters: Vec<char> = text.chars().take_while(|c| is_base64(*c)).collect();
    letters.sort_unstable();
    letters.dedup();
    letters.len() > 8
}

/// Whether a part of a name is a digest; a full stop or a dash may come after it.
fn has_digest(name: &str) -> bool {
    name.split('_').any(|part| {
        let digits = run(part, |c| c.is_ascii_hexdigit());
        digits == 64
            && !part[digits..].starts_with(|c: char| c.is_ascii_alphanumeric())
            && is_mixed(&part[..64])
    })
}

/// `scheme://user:password@host`, but for addresses that only say where a password would stand, or lead to this machine.
fn has_password(line: &str) -> bool {
    const PLACEHOLDERS: [&str; 6] = ["password", "secret", "...", "taizhang", "postgres", "pass"];
    after(line, "://").any(|rest| {
        let authority =
            rest.split(|c: char| c.is_whitespace() || "/?#\"'`<>)".contains(c)).next().unwrap_or_default();
        let Some((user, host)) = authority.rsplit_once('@') else { return false };
        let Some((_, password)) = user.split_once(':') else { return false };
        let said = password.is_empty() || PLACEHOLDERS.contains(&password) || is_variable(password);
        !is_nowhere(host) && !said
    })
}

/// What a shell, a template or a format puts a password in the place of: `$PASSWORD`, `${password}`, `{password}`, `{{ password }}`.
fn is_variable(password: &str) -> bool {
    let name = password.trim_start_matches(['$', '{']);
    name.len() < password.len()
        && (password.contains('{') == name.ends_with('}'))
        && name.trim_end_matches('}').chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '.'))
}

/// This machine, or a name that is kept for examples (RFC 2606).
fn is_nowhere(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let is_below =
        |end: &&str| name == *end || name.strip_suffix(*end).is_some_and(|rest| rest.ends_with('.'));
    name == "127.0.0.1"
        || ["localhost", "example", "example.com", "example.net", "example.org"].iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together here, so that this file holds none.
    fn planted() -> Vec<(&'static str, String)> {
        let digest = "0123456789abcdef".repeat(4);
        vec![
            ("private key", ["-----BEGIN ", "EC PRIVATE KEY", "-----"].concat()),
            ("token of ours", format!("Authorization: Bearer {}_0a1b2c3d_{digest}", "tz1")),
            ("credential of a device of ours", format!("\"{}_beiyuan.scale-1_{digest}\"", "tzd1")),
            ("signing key of ours", format!("{}+KEY+ledger.example+1a2b3c4d+{}", "PRIVATE", &digest[..44])),
            ("secret of a webhook", format!("secret = \"{}_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"", "whsec")),
            ("access key of AWS", format!("aws_access_key_id={}IOSFODNN7EXAMPLE", "AKIA")),
            ("token of a forge", format!("{}_{}", "ghp", &digest[..36])),
            ("password in an address", ["postgres://city:", "hunter22", "@db.city.gov.cn/taizhang"].concat()),
            ("token of ours", format!("the token was {}_0a1b2c3d_{digest}.", "tz1")),
            ("token of ours", format!("{}_0a1b2c3d_{digest}-", "tz1")),
            (
                "password in an address",
                ["postgres://city:", "hunt$er{22", "@db.city.gov.cn/taizhang"].concat(),
            ),
            (
                "password in an address",
                ["postgres://city:", "$hunter22", "@db.city.gov.cn/taizhang"].concat(),
            ),
            (
                "password in an address",
                ["postgres://city:", "hunter22", "@counterexample.gov.cn/taizhang"].concat(),
            ),
            (
                "password in an address",
                ["postgres://city:", "hunter22", "@localhost.city.gov.cn/taizhang"].concat(),
            ),
        ]
    }

    #[test]
    fn every_planted_secret_is_found_with_its_line() {
        for (what, line) in planted() {
            assert_eq!(scan(&format!("harmless\n{line}\n")), [(2, what)], "{line}");
        }
    }

    #[test]
    fn what_only_says_where_a_secret_would_stand_is_none() {
        for line in [
            "tz1_<token>_<secret>",
            "tzd1_beiyuan.a12_c0ffee",
            "postgres://taizhang:password@db/taizhang",
            "postgres://taizhang:...@10.0.0.5/taizhang",
            "postgres://taizhang:hunter22@localhost/taizhang",
            "https://user:pw@receiver.example/hook",
            "https://user:pw@example.com:8443/hook",
            "postgres://city:$PASSWORD@db.city.gov.cn/taizhang",
            "postgres://city:${DB_PASSWORD}@db.city.gov.cn/taizhang",
            "postgres://{user}:{password}@{host}/taizhang",
            "https://example.org:8080/a@b:c",
            "the AKIA prefix",
        ] {
            assert_eq!(scan(line), [], "{line}");
        }
    }

    #[test]
    fn nothing_that_is_tracked_holds_a_secret() {
        let root = crate::root();
        // A copy of the sources without their history has nothing that is tracked.
        if root.join(".git").exists() {
            report(&root).unwrap_or_else(|found| panic!("{found}"));
        }
    }

    #[test]
    fn a_secret_in_a_tracked_file_is_reported_by_its_name() {
        let folder = std::env::temp_dir().join(format!("taizhang-secrets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let git = |arguments: &[&str]| {
            assert!(
                Command::new("git").args(arguments).current_dir(&folder).output().unwrap().status.success()
            );
        };
        git(&["init", "-q"]);
        std::fs::write(folder.join("notes.txt"), format!("one\n{}\n", planted()[1].1)).unwrap();
        report(&folder).unwrap();
        git(&["add", "notes.txt"]);
        let found = report(&folder).unwrap_err();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, "notes.txt:2: token of ours");
    }
}
