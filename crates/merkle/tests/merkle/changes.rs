//! A single changed byte anywhere is noticed.

use merkle::{
    Checkpoint, Hash, ProofFile, SignerKey, VerifierKey, consistency_proof, inclusion_proof, open, root_at,
    sign, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

use crate::tree::{grown, leaves};

fn key() -> SignerKey {
    SignerKey::from_seed("ledger.example/city", [3; 32]).unwrap()
}

fn keys() -> Vec<VerifierKey> {
    vec![key().verifier().clone()]
}

/// A proof file for one leaf of a tree, and that leaf.
fn file(size: u64, index: u64) -> (ProofFile, Hash) {
    let (appender, mut tiles) = grown(size);
    let checkpoint = Checkpoint::new("ledger.example/city/账-1", size, appender.root()).unwrap();
    let proof = inclusion_proof(&mut tiles, size, index).unwrap();
    let file = ProofFile::new(index, proof, sign(&checkpoint, &key()), Vec::new()).unwrap();
    (file, leaves(index, index + 1).next().unwrap())
}

fn flipped(hash: Hash, at: usize, mask: u8) -> Hash {
    let mut bytes = hash.0;
    bytes[at] ^= mask;
    Hash(bytes)
}

fn changed(text: &str, at: usize, byte: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = byte;
    String::from_utf8(bytes).ok().filter(|changed| changed != text)
}

#[test]
fn every_single_byte_change_of_a_proof_file_is_refused() {
    let (file, leaf) = file(300, 77);
    let text = file.to_string();
    file.verify(leaf, &keys()).unwrap();
    for at in 0..text.len() {
        let original = text.as_bytes()[at];
        for byte in [original ^ 1, original ^ 0x20, original ^ 0x80, b' ', b'\n', b'A', b'0', b'='] {
            let Some(changed) = changed(&text, at, byte) else { continue };
            let accepted = changed.parse::<ProofFile>().is_ok_and(|file| file.verify(leaf, &keys()).is_ok());
            assert!(!accepted, "byte {at} as {byte:#04x}");
        }
    }
}

#[test]
fn every_single_byte_change_of_a_note_is_refused() {
    let checkpoint = Checkpoint::new("ledger.example/city/账-1", 12, Hash([9; 32])).unwrap();
    let note = sign(&checkpoint, &key());
    for at in 0..note.len() {
        for byte in 0..=255 {
            if let Some(changed) = changed(&note, at, byte) {
                assert!(open(&changed, &keys()).is_err(), "byte {at} as {byte:#04x}");
            }
        }
    }
}

#[test]
fn a_file_cut_or_lengthened_anywhere_is_refused() {
    let (file, leaf) = file(300, 77);
    let text = file.to_string();
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
        let cut = &text[..at];
        assert!(at == text.len() || cut.parse::<ProofFile>().is_err(), "cut at {at}");
        for piece in ["\n", " ", "A", "="] {
            let longer = format!("{cut}{piece}{}", &text[at..]);
            let accepted = longer.parse::<ProofFile>().is_ok_and(|file| file.verify(leaf, &keys()).is_ok());
            assert!(!accepted, "{piece:?} at {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parse_reads_what_print_writes(size in 1..700u64, at: prop::sample::Index, extra: Vec<u8>) {
        let (file, leaf) = file(size, at.index(size as usize) as u64);
        let file = ProofFile::new(file.index(), file.proof().to_vec(), file.note().to_owned(), extra).unwrap();
        let read: ProofFile = file.to_string().parse().unwrap();
        prop_assert_eq!(&read, &file);
        prop_assert_eq!(read.to_string(), file.to_string());
        prop_assert_eq!(read.verify(leaf, &keys()).unwrap().size(), size);
    }

    #[test]
    fn a_changed_byte_of_a_random_file_is_refused(
        size in 1..700u64, at: prop::sample::Index, place: prop::sample::Index, byte: u8,
    ) {
        let (file, leaf) = file(size, at.index(size as usize) as u64);
        let text = file.to_string();
        if let Some(changed) = changed(&text, place.index(text.len()), byte) {
            prop_assert!(!changed.parse::<ProofFile>().is_ok_and(|file| file.verify(leaf, &keys()).is_ok()));
        }
    }

    #[test]
    fn a_changed_leaf_hash_root_or_index_is_refused(
        size in 1..700u64, at: prop::sample::Index, place in 0..32usize, mask in 1..=255u8, other: u64,
    ) {
        let index = at.index(size as usize) as u64;
        let (_, mut tiles) = grown(size);
        let (leaf, root) = (leaves(index, index + 1).next().unwrap(), root_at(&mut tiles, size).unwrap());
        let mut proof = inclusion_proof(&mut tiles, size, index).unwrap();
        prop_assert!(verify_inclusion(flipped(leaf, place, mask), index, size, &proof, root).is_err());
        prop_assert!(verify_inclusion(leaf, index, size, &proof, flipped(root, place, mask)).is_err());
        prop_assert!(other == index || verify_inclusion(leaf, other, size, &proof, root).is_err());
        prop_assert!(other % size == index || verify_inclusion(leaf, other % size, size, &proof, root).is_err());
        for step in 0..proof.len() {
            let right = proof[step];
            proof[step] = flipped(right, place, mask);
            prop_assert!(verify_inclusion(leaf, index, size, &proof, root).is_err());
            proof[step] = right;
        }
        proof.push(root);
        prop_assert!(verify_inclusion(leaf, index, size, &proof, root).is_err());
        proof.truncate(proof.len().saturating_sub(2));
        prop_assert!(size == 1 || verify_inclusion(leaf, index, size, &proof, root).is_err());
    }

    #[test]
    fn a_changed_hash_or_root_of_a_consistency_proof_is_refused(
        new in 1..700u64, at: prop::sample::Index, place in 0..32usize, mask in 1..=255u8,
    ) {
        let old = at.index(new as usize) as u64 + 1;
        let (_, mut tiles) = grown(new);
        let (old_root, new_root) = (root_at(&mut tiles, old).unwrap(), root_at(&mut tiles, new).unwrap());
        let mut proof = consistency_proof(&mut tiles, old, new).unwrap();
        prop_assert!(verify_consistency(old, new, &proof, flipped(old_root, place, mask), new_root).is_err());
        prop_assert!(verify_consistency(old, new, &proof, old_root, flipped(new_root, place, mask)).is_err());
        for step in 0..proof.len() {
            let right = proof[step];
            proof[step] = flipped(right, place, mask);
            prop_assert!(verify_consistency(old, new, &proof, old_root, new_root).is_err());
            proof[step] = right;
        }
        proof.push(new_root);
        prop_assert!(verify_consistency(old, new, &proof, old_root, new_root).is_err());
    }
}
