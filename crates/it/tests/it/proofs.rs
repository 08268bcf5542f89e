//! What leaves the house is verified outside it, and nothing else is.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::{Client, Engine, Town, User, on_every_store, sale};
use merkle::{Appender, Checkpoint, Hash, VerifierKey};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

const HASHES_PER_TILE: u64 = 256;

fn sell(town: &Town, scale: &Client, from: u32, count: u32) {
    let lines: Vec<Value> =
        (from..from + count).map(|counter| sale(counter, "L1", 10, &town.now())).collect();
    scale.post("/scale/v1/sales", &json!({ "sales": lines })).expect(200);
    // By now the log signs for what was sold.
    town.clock.advance_ms(5_000);
}

fn checkpoint(town: &Town, client: &Client) -> (Checkpoint, String) {
    let note = client.get("/log/beiyuan/checkpoint").expect(200).text();
    assert_eq!(client.get("/log/beiyuan/checkpoint").expect(200).text(), note, "a size is signed for once");
    let key: VerifierKey = client.get("/log/key").expect(200).text().trim().parse().unwrap();
    assert_eq!(&key, town.site.kernel.verifier());
    (merkle::open(&note, &[key]).unwrap(), note)
}

/// A folder with what somebody took home: key, leaf and proof.
struct Taken {
    folder: tempfile::TempDir,
    key: PathBuf,
}

impl Taken {
    fn new(client: &Client) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pub");
        std::fs::write(&key, client.get("/log/key").expect(200).bytes).unwrap();
        Self { folder, key }
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn verify(&self, leaf: &Path, proof: &Path) -> Output {
        let mut command = Command::new(crate::binary::path());
        command.arg("verify").arg("--key").arg(&self.key).arg("--leaf").arg(leaf).arg(proof).output().unwrap()
    }
}

on_every_store! {
    fn the_served_tiles_and_checkpoints_are_one_growing_tree(town) {
        let (scale, anyone) = (town.program(User::Scale), town.program(User::Anonymous));
        let mut before: Option<(Checkpoint, String)> = None;
        for (from, count) in [(0, 1), (1, 200), (201, 300), (501, 2)] {
            sell(&town, &scale, from, count);
            let (now, note) = checkpoint(&town, &anyone);
            let mut tree = Appender::empty();
            for tile in 0..now.size().div_ceil(HASHES_PER_TILE) {
                let width = (now.size() - tile * HASHES_PER_TILE).min(HASHES_PER_TILE);
                let partial = if width < HASHES_PER_TILE { format!(".p/{width}") } else { String::new() };
                let bytes = anyone.get(&format!("/log/beiyuan/tile/0/{tile:03}{partial}")).expect(200).bytes;
                assert_eq!(bytes.len() as u64, width * 32);
                for hash in bytes.chunks(32) {
                    tree.push(Hash(hash.try_into().unwrap()));
                }
            }
            assert_eq!((tree.size(), tree.root()), (now.size(), now.root()));
            if let Some((old, _)) = &before {
                let path = format!("/log/beiyuan/consistency/{}/{}", old.size(), now.size());
                let proof = anyone.get(&path).expect(200).text();
                let proof: Vec<Hash> = proof.lines().map(|line| Hash::from_base64(line).unwrap()).collect();
                merkle::verify_consistency(old.size(), now.size(), &proof, old.root(), now.root()).unwrap();
                assert!(merkle::verify_consistency(old.size(), now.size(), &proof, now.root(), old.root()).is_err());
            }
            before = Some((now, note));
        }
        anyone.get("/log/beiyuan/tile/0/000.p/0").expect(404);
        anyone.get("/log/beiyuan/tile/9/000").expect(404);
        anyone.get("/log/beiyuan/consistency/0/5").expect(400);
        anyone.get("/log/beiyuan/consistency/5/100000").expect(400);
        town.check();
    }

    fn the_log_signs_for_a_growing_book_every_few_seconds_and_proofs_bring_their_own_checkpoint(town) {
        let (scale, anyone, leader) = (town.program(User::Scale), town.program(User::Anonymous), town.program(User::Leader));
        sell(&town, &scale, 0, 1);
        let (first, note) = checkpoint(&town, &anyone);
        let sold = json!({ "sales": [sale(1, "L1", 10, &town.now())] });
        let seq = scale.post("/scale/v1/sales", &sold).expect(200).json()["lines"][0]["seq"].as_u64().unwrap();
        assert!(seq >= first.size());
        assert_eq!(checkpoint(&town, &anyone).1, note);
        let leaf = leader.get(&format!("/api/ledger/beiyuan/{seq}/leaf")).expect(200).bytes;
        let proof = leader.get(&format!("/api/ledger/beiyuan/{seq}/proof")).expect(200).text();
        let proof: merkle::ProofFile = proof.parse().unwrap();
        proof.verify(merkle::leaf_hash(&leaf), &[town.site.kernel.verifier().clone()]).unwrap();
        town.clock.advance_ms(5_000);
        assert!(checkpoint(&town, &anyone).0.size() > seq);
        town.check();
    }

    fn the_log_is_limited_like_every_public_page(town) {
        let anyone = town.program(User::Anonymous);
        assert!((0..1_000).any(|_| anyone.get("/log/beiyuan/tile/0/000.p/2").status == 429));
        for path in ["/log/key", "/log/beiyuan/checkpoint", "/log/beiyuan/consistency/1/2"] {
            // Some of what may be asked for comes back while the test runs.
            assert!((0..20).any(|_| anyone.get(path).status == 429), "{path}");
        }
    }
}

#[test]
fn every_proof_is_verified_and_none_with_any_byte_of_leaf_proof_or_checkpoint_changed() {
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let (scale, leader) = (town.program(User::Scale), town.program(User::Leader));
    sell(&town, &scale, 0, 300);
    let size = checkpoint(&town, &leader).0.size();
    let taken = Taken::new(&leader);
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let spoils = (0..size, any::<bool>(), any::<proptest::sample::Index>(), 1_u8..=255);
    let result = runner.run(&spoils, |(seq, of_leaf, place, flip)| {
        let base = format!("/api/ledger/beiyuan/{seq}");
        let mut leaf = leader.get(&format!("{base}/leaf")).expect(200).bytes;
        let mut proof = leader.get(&format!("{base}/proof")).expect(200).bytes;
        let right = taken.verify(&taken.keep("leaf", &leaf), &taken.keep("proof", &proof));
        prop_assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stderr));
        let spoiled = if of_leaf { &mut leaf } else { &mut proof };
        let at = place.index(spoiled.len());
        spoiled[at] ^= flip;
        let wrong = taken.verify(&taken.keep("leaf", &leaf), &taken.keep("proof", &proof));
        prop_assert!(
            !wrong.status.success(),
            "byte {} of the {}",
            at,
            if of_leaf { "leaf" } else { "proof" }
        );
        Ok(())
    });
    result.unwrap();
}

#[test]
fn every_single_byte_of_one_proof_matters() {
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let leader = town.program(User::Leader);
    sell(&town, &town.program(User::Scale), 0, 9);
    let keys = [town.site.kernel.verifier().clone()];
    let leaf = leader.get("/api/ledger/beiyuan/20/leaf").expect(200).bytes;
    let proof = leader.get("/api/ledger/beiyuan/20/proof").expect(200).bytes;
    let holds = |leaf: &[u8], proof: &[u8]| {
        let file = std::str::from_utf8(proof).ok().and_then(|text| text.parse::<merkle::ProofFile>().ok());
        file.is_some_and(|file| file.index() == 20 && file.verify(merkle::leaf_hash(leaf), &keys).is_ok())
    };
    assert!(holds(&leaf, &proof));
    for bit in 0..8 {
        for at in 0..proof.len() {
            let mut spoiled = proof.clone();
            spoiled[at] ^= 1 << bit;
            assert!(!holds(&leaf, &spoiled), "bit {bit} of byte {at} of the proof");
        }
        for at in 0..leaf.len() {
            let mut spoiled = leaf.clone();
            spoiled[at] ^= 1 << bit;
            assert!(!holds(&spoiled, &proof), "bit {bit} of byte {at} of the leaf");
        }
    }
}

#[test]
fn a_verifier_that_is_not_ours_agrees() {
    let python = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !python.is_ok_and(|output| output.status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "python3 with venv is not there");
        eprintln!("skipped: python3 with venv is not there");
        return;
    }
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let (scale, leader) = (town.program(User::Scale), town.program(User::Leader));
    let taken = Taken::new(&leader);
    sell(&town, &scale, 0, 300);
    let (old, old_note) = checkpoint(&town, &leader);
    sell(&town, &scale, 300, 400);
    let (new, new_note) = checkpoint(&town, &leader);
    let consistency =
        leader.get(&format!("/log/beiyuan/consistency/{}/{}", old.size(), new.size())).expect(200).bytes;
    let (old, new) = (taken.keep("old", old_note.as_bytes()), taken.keep("new", new_note.as_bytes()));
    let consistency = taken.keep("consistency", &consistency);
    let leaf = leader.get("/api/ledger/beiyuan/42/leaf").expect(200).bytes;
    let proof = taken.keep("proof", &leader.get("/api/ledger/beiyuan/42/proof").expect(200).bytes);
    let (right, wrong) = (taken.keep("leaf", &leaf), taken.keep("wrong", &[&leaf[..], b" "].concat()));
    let other = |words: &[&str], paths: &[&Path]| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/other-verifier/verify.sh");
        Command::new(script).args(words).args(paths).output().unwrap()
    };
    let said = other(&["inclusion"], &[&taken.key, &proof, &right]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(!other(&["inclusion"], &[&taken.key, &proof, &wrong]).status.success());
    let said = other(&["consistency"], &[&taken.key, &old, &new, &consistency]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(!other(&["consistency"], &[&taken.key, &new, &old, &consistency]).status.success());
}
