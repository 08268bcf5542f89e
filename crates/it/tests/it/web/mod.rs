//! What browsers are held to, on every address that there is.

mod bounds;
mod forms;
mod strangers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The addresses that pages post to, read from the sources: a new form is in every test that walks them.
pub fn posted() -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeSet::new();
    for krate in std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap()) {
        let name = krate.file_name().into_string().unwrap();
        if name == "shell" || name.starts_with("line_") {
            for file in sources(&krate.path().join("src")) {
                found.extend(posted_in(&std::fs::read_to_string(file).unwrap()));
            }
        }
    }
    assert!(found.len() > 50, "the sources are read: {found:?}");
    found.into_iter().collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.flat_map(of).filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// The addresses of the routes of a file whose handlers take a POST.
fn posted_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in text.split(".route(").skip(1) {
        let mut depth = 1;
        let end = rest.find(|c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        let (address, handlers) = rest[..end.unwrap()].split_once(',').expect("an address and its handlers");
        let takes_post =
            handlers.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "post");
        if takes_post {
            found.push(address_of(text, address.trim()));
        }
    }
    found
}

/// `"/a/{b}"`, or `&format!("{A}/b")` with a constant of the file.
fn address_of(text: &str, written: &str) -> String {
    let quoted = |text: &str| text.split('"').nth(1).map(str::to_owned);
    let mut address = quoted(written).unwrap_or_else(|| panic!("an address: {written}"));
    if written.starts_with("&format!") {
        let name = address[1..].split('}').next().unwrap().to_owned();
        let value = text.split_once(&format!("const {name}: &str =")).expect("a constant of the file").1;
        address = address.replace(&format!("{{{name}}}"), &quoted(value).unwrap());
    }
    address
}

/// An address of the first market, office or county, with nothing there that a form could change.
pub fn filled(address: &str) -> String {
    let book = if address.starts_with("/projects") { "decheng-projects" } else { "beiyuan" };
    let name = if address.starts_with("/figures") { "market.sales" } else { "none" };
    let values = [
        ("{book}", book),
        ("{name}", name),
        ("{project}", "park"),
        ("{lot}", "L1"),
        ("{seq}", "999999"),
        ("{account}", "nobody"),
        ("{token}", "none"),
        ("{device}", "none"),
        ("{contact}", "999999"),
        ("{fork}", "999999"),
        ("{log}", "999999"),
        ("{unit}", "371402"),
        ("{verb}", "taken"),
        ("{form}", if book == "beiyuan" { "price" } else { "visit" }),
        ("{gtin}", "06901234567892"),
        ("{serial}", "00100000100000000047"),
    ];
    let filled =
        values.iter().fold(address.to_owned(), |address, (name, value)| address.replace(name, value));
    assert!(!filled.contains('{'), "a value for each part of {address}");
    filled
}

#[test]
fn routes_that_take_a_post_are_found_in_the_sources() {
    let text = r#"
        const PLAN: &str = "/p/{book}";
        Router::new().route("/a", get(show).post(send)).route("/b", get(posted)).route(&format!("{PLAN}/c"), post(x::y))
            .route(
                "/d",
                post(drop),
            )"#;
    assert_eq!(posted_in(text), ["/a", "/p/{book}/c", "/d"]);
}
