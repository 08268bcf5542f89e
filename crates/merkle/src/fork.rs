//! The proof that a log contradicts itself: two checkpoints that it signed, and that cannot be of one growing tree.

use crate::checkpoint::open;
use crate::verify::PROOF_HASHES_MAX;
use crate::{Checkpoint, Error, Hash, Result, VerifierKey, node_hash};

/// Two signed checkpoints of one log, the smaller first, and where their sizes differ a consistency proof.
///
/// A consistency proof that fails says nothing by itself, for anybody could have made it up. One that leads to the root
/// of the larger tree, but from another root than the smaller checkpoint has, cannot be made up: by collision resistance
/// its hashes are those of the larger tree, and so is what that tree began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    pub first: String,
    pub second: String,
    pub proof: Vec<Hash>,
}

impl Fork {
    /// Checks that a known key signed both, and that they contradict each other. Returns both checkpoints.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<(Checkpoint, Checkpoint)> {
        let (first, second) = (open(&self.first, keys)?, open(&self.second, keys)?);
        let began = if first.size() == second.size() {
            Some(second.root())
        } else {
            prefix_root(first.size(), second.size(), &self.proof, second.root())
        };
        let contradicts = began.is_some_and(|root| root != first.root());
        if first.origin() == second.origin() && contradicts {
            Ok((first, second))
        } else {
            Err(Error::NoFork)
        }
    }
}

/// The root of the first `old` leaves of a tree with `new` leaves and root `new_root`, as a consistency proof says
/// (RFC 9162, section 2.1.4.2). `None` where the proof does not lead to `new_root`, or where it leaves the old root out
/// because that is a node of the new tree: where `old` is a power of two.
pub fn prefix_root(old: u64, new: u64, proof: &[Hash], new_root: Hash) -> Option<Hash> {
    if old == 0 || old >= new || old.is_power_of_two() || proof.len() > PROOF_HASHES_MAX {
        return None;
    }
    let (mut at_old, mut at_new) = (old - 1, new - 1);
    // The path begins where the old tree's right edge leaves the new one.
    let shift = at_old.trailing_ones();
    (at_old, at_new) = (at_old >> shift, at_new >> shift);
    let (first, rest) = proof.split_first()?;
    let (mut old_root, mut root) = (*first, *first);
    for hash in rest {
        if at_new == 0 {
            return None;
        }
        if at_old & 1 == 1 || at_old == at_new {
            (old_root, root) = (node_hash(hash, &old_root), node_hash(hash, &root));
            while at_old & 1 == 0 && at_old != 0 {
                (at_old, at_new) = (at_old >> 1, at_new >> 1);
            }
        } else {
            root = node_hash(&root, hash);
        }
        (at_old, at_new) = (at_old >> 1, at_new >> 1);
    }
    (at_new == 0 && root == new_root).then_some(old_root)
}
