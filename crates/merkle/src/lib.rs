//! The proof of a book: hashes, tiles, proofs and signed checkpoints of one RFC 6962 tree.
//!
//! The tree of a book is kept as tiles in the layout of C2SP tlog-tiles ([`TileId`], [`Appender`]), its head
//! is signed as a C2SP tlog-checkpoint ([`Checkpoint`], [`sign`], [`open`]), and one entry leaves the house
//! with a C2SP tlog-proof file ([`ProofFile`]) that anyone checks offline with nothing but the public key. Witnesses
//! cosign checkpoints (C2SP tlog-cosignature, [`cosign`]) when they are asked to ([`AddCheckpoint`], C2SP tlog-witness),
//! and hold on to a log that contradicts itself ([`Fork`]).
//!
//! This crate is the only one that knows how a tree is hashed or a checkpoint is written. It does no I/O:
//! tiles come through [`TileSource`] and go out of [`Appender::take_changed`]; seeds of keys are given by the
//! caller; there is no clock. No function panics on what it is given from outside.
//!
//! The arithmetic of trees is `tlog_tiles`, the framing of notes is `signed_note`; both are hidden behind the
//! types here, so that neither shows in the code of others.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod appender;
mod checkpoint;
mod cosignature;
mod error;
mod fork;
mod hash;
mod key;
mod proof_file;
mod prove;
mod request;
mod tile;
mod verify;

pub use appender::Appender;
pub use checkpoint::{Checkpoint, is_origin, open, sign, signed_by, unverified};
pub use cosignature::{Cosignature, cosign, cosignatures};
pub use error::Error;
pub use fork::{Fork, prefix_root};
pub use hash::{Hash, empty_root, leaf_hash, node_hash, sha256};
pub use key::{CosignerKey, PublicKey, SignerKey, VerifierKey, WitnessKey};
pub use proof_file::ProofFile;
pub use prove::{consistency_proof, inclusion_proof, root_at};
pub use request::{AddCheckpoint, PROOF_LINES_MAX};
pub use tile::{TileId, TileSource, TileWidth};
pub use verify::{verify_consistency, verify_inclusion};

/// Most leaves a tree may have: 2^63 - 1, so that every verifier that counts in signed 64-bit integers can
/// follow.
pub const TREE_SIZE_MAX: u64 = i64::MAX as u64;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

fn check_size(size: u64) -> Result<()> {
    if size > TREE_SIZE_MAX { Err(Error::TreeTooLarge(size)) } else { Ok(()) }
}
