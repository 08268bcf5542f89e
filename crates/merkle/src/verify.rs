//! Checking proofs. Nothing here needs a tile, a book or trust in who sent the proof.

use crate::{Error, Hash, Result};

/// No proof in a tree of 64-bit size has more hashes than twice its height; longer ones are refused unread.
pub(crate) const PROOF_HASHES_MAX: usize = 128;

/// Checks that `leaf` is number `index` of the tree with `size` leaves and root `root` (RFC 9162, section
/// 2.1.3.2).
///
/// `size` and `root` belong together and must come from one checkpoint: the path of a leaf can be the same in
/// trees of different sizes, so a wrong size beside a right root is not always found here.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<()> {
    if index >= size {
        return Err(Error::LeafNotInTree { index, size });
    }
    let proof = bounded(proof).ok_or(Error::WrongInclusionProof)?;
    tlog_tiles::check_record(&proof, size, root.into(), index, leaf.into())
        .map_err(|_| Error::WrongInclusionProof)
}

/// Checks that the tree with `new` leaves and root `new_root` begins with the tree of `old` leaves and root
/// `old_root` (RFC 9162, section 2.1.4.2). Trees of one size are consistent if their roots are equal and the
/// proof is empty.
pub fn verify_consistency(old: u64, new: u64, proof: &[Hash], old_root: Hash, new_root: Hash) -> Result<()> {
    if old == 0 || old > new {
        return Err(Error::SizesOutOfOrder { old, new });
    }
    let proof = bounded(proof).ok_or(Error::WrongConsistencyProof)?;
    tlog_tiles::check_tree(&proof, new, new_root.into(), old, old_root.into())
        .map_err(|_| Error::WrongConsistencyProof)
}

fn bounded(proof: &[Hash]) -> Option<Vec<tlog_tiles::Hash>> {
    (proof.len() <= PROOF_HASHES_MAX).then(|| proof.iter().map(|hash| (*hash).into()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{leaf_hash, node_hash};
    use proptest::prelude::*;

    #[test]
    fn a_proof_of_the_wrong_length_is_refused() {
        let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let root = node_hash(&a, &b);
        verify_inclusion(a, 0, 2, &[b], root).unwrap();
        for proof in [&[][..], &[b, b], &[root, b], &vec![a; 100_000]] {
            assert!(matches!(verify_inclusion(a, 0, 2, proof, root), Err(Error::WrongInclusionProof)));
        }
    }

    #[test]
    fn nothing_is_consistent_with_the_empty_tree() {
        let root = leaf_hash(b"a");
        assert!(verify_consistency(0, 1, &[], crate::empty_root(), root).is_err());
        assert!(verify_consistency(0, 0, &[], crate::empty_root(), crate::empty_root()).is_err());
        verify_consistency(1, 1, &[], root, root).unwrap();
    }

    proptest! {
        #[test]
        fn made_up_proofs_are_refused_without_panic(index: u64, size: u64, length in 0usize..140, byte: u8) {
            let (proof, root) = (vec![Hash([byte; 32]); length], Hash([!byte; 32]));
            prop_assert!(verify_inclusion(Hash([byte; 32]), index, size, &proof, root).is_err());
            for (old, new) in [(index, size), (size, index)] {
                prop_assert!(verify_consistency(old, new, &proof, Hash([byte; 32]), root).is_err());
            }
        }
    }
}
