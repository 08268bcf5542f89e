//! The public vectors of inclusion and consistency proofs: `merkle/` of the corpora.

use std::path::{Path, PathBuf};

use merkle::{Hash, verify_consistency, verify_inclusion};
use serde::Deserialize;

const VECTORS: usize = 196;

/// Vectors that are expected to pass but hold a root that is not 32 bytes long.
const NOT_EXPRESSIBLE: [&str; 1] = ["consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

struct Judged {
    want_error: bool,
    verdict: merkle::Result<()>,
    /// Whether every hash of the vector has 32 bytes.
    expressible: bool,
}

type Judge = fn(&str) -> Judged;

fn inclusion(json: &str) -> Judged {
    let vector: Inclusion = serde_json::from_str(json).unwrap();
    let read = || Ok((hash(&vector.leaf_hash)?, hashes(&vector.proof)?, hash(&vector.root)?));
    let read: merkle::Result<_> = read();
    let expressible = read.is_ok();
    let verdict = read.and_then(|(leaf, proof, root)| {
        verify_inclusion(leaf, vector.leaf_idx, vector.tree_size, &proof, root)
    });
    Judged { want_error: vector.want_err, verdict, expressible }
}

fn consistency(json: &str) -> Judged {
    let vector: Consistency = serde_json::from_str(json).unwrap();
    let read = || Ok((hashes(&vector.proof)?, hash(&vector.root1)?, hash(&vector.root2)?));
    let read: merkle::Result<_> = read();
    let expressible = read.is_ok();
    let verdict =
        read.and_then(|(proof, old, new)| verify_consistency(vector.size1, vector.size2, &proof, old, new));
    Judged { want_error: vector.want_err, verdict, expressible }
}

fn hash(base64: &str) -> merkle::Result<Hash> {
    Hash::from_base64(base64)
}

fn hashes(proof: &Option<Vec<String>>) -> merkle::Result<Vec<Hash>> {
    proof.iter().flatten().map(|text| hash(text)).collect()
}

#[test]
fn all_public_vectors_get_their_verdict() {
    let Some(folder) = corpora("merkle") else { return };
    let (mut checked, mut refused_as_hash, mut not_expressible) = (0, 0, Vec::new());
    let judges: [(&str, Judge); 2] = [("inclusion", inclusion), ("consistency", consistency)];
    for (kind, judge) in judges {
        for path in json_files(&folder.join(kind)) {
            let name = path.strip_prefix(&folder).unwrap().to_string_lossy().replace('\\', "/");
            let Judged { want_error, verdict, expressible } = judge(&std::fs::read_to_string(&path).unwrap());
            match (expressible, want_error) {
                (true, _) => {
                    assert_eq!(verdict.is_err(), want_error, "{name}: {verdict:?}");
                    checked += 1;
                }
                // What is not a hash is refused where text becomes a `Hash`.
                (false, true) => refused_as_hash += 1,
                (false, false) => not_expressible.push(name),
            }
        }
    }
    assert_eq!(not_expressible, NOT_EXPRESSIBLE);
    assert_eq!((checked, refused_as_hash), (143, 52));
    assert_eq!(checked + refused_as_hash + not_expressible.len(), VECTORS);
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(json_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found
}

/// A folder of the corpora; none, with a note, where they are not installed, which is a failure in CI only.
#[allow(clippy::print_stdout, reason = "a skipped test must say so")]
fn corpora(name: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let given = std::env::var_os("TAIZHANG_CORPORA").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| workspace.join("../shared/corpora")).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no corpora in {}", folder.display());
    println!("skipped: no corpora in {}", folder.display());
    None
}
