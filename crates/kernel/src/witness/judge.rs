//! What the witness makes of a request, given what it knows of the log (C2SP tlog-witness).

use merkle::{AddCheckpoint, Checkpoint, Fork, empty_root, prefix_root, verify_consistency};

/// The checkpoint of a log that was cosigned last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub checkpoint: Checkpoint,
    /// With the signature of the log.
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Cosign,
    /// The old size lies beyond the checkpoint.
    OldTooLarge,
    /// Another size was cosigned last.
    Conflict,
    /// The proof does not hold. It says nothing of the log: anybody can send a wrong one.
    Inconsistent,
    /// The log contradicts itself.
    Forked(Fork),
}

/// Judges a request whose note is signed by the log; `note` is that note with the log's signatures alone.
pub(super) fn judge(known: Option<&Known>, request: &AddCheckpoint, note: &str) -> Verdict {
    let (new, proof) = (request.claimed(), request.proof());
    if request.old() > new.size() {
        return Verdict::OldTooLarge;
    }
    let Some(known) = known else {
        return if request.old() == 0 { from_nothing(request) } else { Verdict::Conflict };
    };
    let old = &known.checkpoint;
    let fork = |proof: &[merkle::Hash]| {
        Verdict::Forked(Fork { first: known.note.clone(), second: note.to_owned(), proof: proof.to_vec() })
    };
    if old.size() == new.size() && old.root() != new.root() {
        return fork(&[]);
    }
    if request.old() != old.size() {
        return Verdict::Conflict;
    }
    if old.size() == 0 {
        return from_nothing(request);
    }
    match verify_consistency(old.size(), new.size(), proof, old.root(), new.root()) {
        Ok(()) => Verdict::Cosign,
        Err(_) => match prefix_root(old.size(), new.size(), proof, new.root()) {
            Some(began) if began != old.root() => fork(proof),
            _ => Verdict::Inconsistent,
        },
    }
}

/// Every tree extends the empty one, without a proof.
fn from_nothing(request: &AddCheckpoint) -> Verdict {
    let new = request.claimed();
    let sound = request.proof().is_empty() && (new.size() > 0 || new.root() == empty_root());
    if sound { Verdict::Cosign } else { Verdict::Inconsistent }
}

#[cfg(test)]
mod tests {
    use merkle::{Hash, SignerKey, leaf_hash, node_hash, sign};

    use super::*;

    fn note(size: u64, root: Hash) -> String {
        let key = SignerKey::from_seed("county.example", [1; 32]).unwrap();
        sign(&Checkpoint::new("county.example/market", size, root).unwrap(), &key)
    }

    fn known(size: u64, root: Hash) -> Known {
        let note = note(size, root);
        Known { checkpoint: merkle::unverified(&note).unwrap(), note }
    }

    fn verdict(known: Option<&Known>, old: u64, proof: &[Hash], size: u64, root: Hash) -> Verdict {
        let note = note(size, root);
        judge(known, &AddCheckpoint::new(old, proof.to_vec(), note.clone()).unwrap(), &note)
    }

    /// Leaves, and the roots of the trees of one to three of them.
    fn tree(names: [&[u8]; 3]) -> ([Hash; 3], [Hash; 3]) {
        let leaves = names.map(leaf_hash);
        let two = node_hash(&leaves[0], &leaves[1]);
        (leaves, [leaves[0], two, node_hash(&two, &leaves[2])])
    }

    #[test]
    fn a_log_that_is_not_known_begins_at_nothing() {
        let (_, roots) = tree([b"a", b"b", b"c"]);
        assert_eq!(verdict(None, 0, &[], 3, roots[2]), Verdict::Cosign);
        assert_eq!(verdict(None, 0, &[], 0, empty_root()), Verdict::Cosign);
        assert_eq!(verdict(None, 0, &[], 0, roots[0]), Verdict::Inconsistent);
        assert_eq!(verdict(None, 0, &[roots[0]], 3, roots[2]), Verdict::Inconsistent);
        assert_eq!(verdict(None, 2, &[], 3, roots[2]), Verdict::Conflict);
        assert_eq!(verdict(None, 4, &[], 3, roots[2]), Verdict::OldTooLarge);
    }

    #[test]
    fn a_log_goes_on_from_where_it_was_seen_last() {
        let (leaves, roots) = tree([b"a", b"b", b"c"]);
        let two = known(2, roots[1]);
        assert_eq!(verdict(Some(&two), 2, &[leaves[2]], 3, roots[2]), Verdict::Cosign);
        assert_eq!(verdict(Some(&two), 2, &[], 2, roots[1]), Verdict::Cosign);
        assert_eq!(verdict(Some(&two), 2, &[leaves[2]], 2, roots[1]), Verdict::Inconsistent);
        assert_eq!(verdict(Some(&two), 2, &[], 3, roots[2]), Verdict::Inconsistent);
        assert_eq!(verdict(Some(&two), 0, &[], 3, roots[2]), Verdict::Conflict);
        assert_eq!(verdict(Some(&two), 1, &[leaves[1], leaves[2]], 3, roots[2]), Verdict::Conflict);
        assert_eq!(verdict(Some(&two), 0, &[], 1, roots[0]), Verdict::Conflict);
        assert_eq!(verdict(Some(&two), 2, &[], 1, roots[0]), Verdict::OldTooLarge);
        let empty = known(0, empty_root());
        assert_eq!(verdict(Some(&empty), 0, &[], 3, roots[2]), Verdict::Cosign);
        assert_eq!(verdict(Some(&empty), 0, &[leaves[0]], 3, roots[2]), Verdict::Inconsistent);
    }

    #[test]
    fn a_fork_is_told_from_a_proof_that_somebody_made_up() {
        let (leaves, roots) = tree([b"a", b"b", b"c"]);
        let (_, others) = tree([b"a", b"x", b"c"]);
        let (three, two) = (known(3, roots[2]), known(2, roots[1]));
        for old in [0, 1, 3] {
            let found = verdict(Some(&three), old, &[], 3, others[2]);
            let Verdict::Forked(fork) = found else { panic!("old {old}: {found:?}") };
            assert_eq!((fork.first, fork.second), (three.note.clone(), note(3, others[2])));
        }
        // From three leaves to four: the path holds the third leaf, its new sibling, and the root of the first two.
        let (d, y) = (leaf_hash(b"d"), node_hash(&leaf_hash(b"a"), &leaf_hash(b"x")));
        let forked = node_hash(&y, &node_hash(&leaves[2], &d));
        let proof = [leaves[2], d, y];
        assert!(matches!(verdict(Some(&three), 3, &proof, 4, forked), Verdict::Forked(_)));
        assert_eq!(verdict(Some(&three), 3, &[leaves[2], d, d], 4, forked), Verdict::Inconsistent);
        // The path from a power of two leaves out the old root, so it cannot show what it was.
        assert_eq!(verdict(Some(&two), 2, &[leaves[2]], 3, others[2]), Verdict::Inconsistent);
    }
}
