//! Cosignatures of a public witness, the published example of a request, and the law of forks.

use merkle::{
    AddCheckpoint, Checkpoint, Error, Fork, SignerKey, WitnessKey, consistency_proof, cosignatures,
    leaf_hash, open, prefix_root, root_at, sign,
};
use proptest::prelude::*;

use crate::tree::{Tiles, grown, leaves};

/// A checkpoint of a certificate log of May 2026 that public witnesses cosigned.
const COSIGNED: &str = "arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
";
const LOG: &str =
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
const WITNESS: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

/// The example of C2SP tlog-witness.
const REQUEST: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

#[test]
fn a_cosignature_of_a_public_witness_verifies() {
    let key: WitnessKey = WITNESS.parse().unwrap();
    assert_eq!(key.to_string(), WITNESS);
    let found = cosignatures(COSIGNED, std::slice::from_ref(&key)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].witness.name(), found[0].seconds), ("remora.n621.de", 1_779_573_024));
    assert_eq!(open(COSIGNED, &[LOG.parse().unwrap()]).unwrap().size(), 1_432_088_532);
    let other = COSIGNED.replacen("1432088532", "1432088533", 1);
    assert!(matches!(cosignatures(&other, &[key]), Err(Error::WrongSignature { .. })));
}

#[test]
fn the_published_request_is_read_and_printed_as_it_stands() {
    let request: AddCheckpoint = REQUEST.parse().unwrap();
    assert_eq!((request.old(), request.proof().len()), (20_852_014, 4));
    assert_eq!(
        (request.claimed().origin(), request.claimed().size()),
        ("example.com/behind-the-sofa", 20_852_163)
    );
    assert_eq!(request.to_string(), REQUEST);
}

fn log() -> SignerKey {
    SignerKey::from_seed("county.example", [1; 32]).unwrap()
}

fn note(tiles: &mut Tiles, size: u64) -> String {
    let root = root_at(tiles, size).unwrap();
    sign(&Checkpoint::new("county.example/market", size, root).unwrap(), &log())
}

/// A tree whose leaves are others from number `from` on.
fn forked(size: u64, from: u64) -> Tiles {
    let (mut appender, mut tiles) = (merkle::Appender::empty(), Tiles::default());
    leaves(0, from).chain(leaves(1_000_000 + from, 1_000_000 + size)).for_each(|leaf| appender.push(leaf));
    tiles.store(appender.take_changed());
    tiles
}

#[test]
fn every_prefix_of_small_trees_is_found_but_where_the_proof_leaves_it_out() {
    let (_, mut tiles) = grown(70);
    for new in 1..=70u64 {
        let root = root_at(&mut tiles, new).unwrap();
        for old in 1..new {
            let proof = consistency_proof(&mut tiles, old, new).unwrap();
            let wanted = (!old.is_power_of_two()).then(|| root_at(&mut tiles, old).unwrap());
            assert_eq!(prefix_root(old, new, &proof, root), wanted, "{old} of {new}");
        }
    }
}

#[test]
fn two_trees_of_one_size_are_a_fork_and_one_tree_is_none() {
    let (_, mut tiles) = grown(9);
    let fork = |first: String, second: String| Fork { first, second, proof: Vec::new() };
    let keys = [log().verifier().clone()];
    let (ours, theirs) = (note(&mut tiles, 9), note(&mut forked(9, 8), 9));
    let (first, second) = fork(ours.clone(), theirs.clone()).verify(&keys).unwrap();
    assert_ne!(first.root(), second.root());
    assert!(matches!(fork(ours.clone(), ours.clone()).verify(&keys), Err(Error::NoFork)));
    let other = SignerKey::from_seed("county.example", [2; 32]).unwrap();
    let forged = sign(&Checkpoint::new("county.example/market", 9, leaf_hash(b"x")).unwrap(), &other);
    assert!(matches!(fork(ours.clone(), forged).verify(&keys), Err(Error::NoKnownSignature)));
    let elsewhere = sign(&Checkpoint::new("county.example/other", 9, leaf_hash(b"x")).unwrap(), &log());
    assert!(matches!(fork(ours, elsewhere).verify(&keys), Err(Error::NoFork)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_fork_is_proved_by_its_own_proof_and_by_no_made_up_one(
        (old, new, from) in (3..600u64).prop_flat_map(|new| (2..new, Just(new))).prop_flat_map(
            |(old, new)| (Just(old), Just(new), 0..old)
        ),
        byte: u8,
    ) {
        let keys = [log().verifier().clone()];
        let (_, mut tiles) = grown(new);
        let mut other = forked(new, from);
        let first = note(&mut tiles, old);
        let proof = consistency_proof(&mut other, old, new).unwrap();
        let length = proof.len();
        let fork = Fork { first: first.clone(), second: note(&mut other, new), proof };
        prop_assert_eq!(fork.verify(&keys).is_ok(), !old.is_power_of_two());
        // Whoever has two checkpoints of an honest log can make nothing of them.
        let second = note(&mut tiles, new);
        let honest = consistency_proof(&mut tiles, old, new).unwrap();
        let spoiled: Vec<_> = honest.iter().map(|hash| merkle::Hash(hash.0.map(|it| it ^ byte))).collect();
        for proof in [honest, spoiled, vec![leaf_hash(b"x"); length], Vec::new()] {
            let made_up = Fork { first: first.clone(), second: second.clone(), proof };
            prop_assert!(matches!(made_up.verify(&keys), Err(Error::NoFork)));
        }
    }
}
