//! What can go wrong with a tree, a proof, a key or a signed checkpoint.

use crate::tile::TileId;

/// An error of this crate. Everything but [`Error::Source`], [`Error::MissingTile`] and [`Error::BadTile`]
/// says that what was given is wrong, and will be wrong again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The place where tiles are stored failed; the cause is its own error, which can be downcast.
    #[error("reading a tile failed: {0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A tile that a tree of the asked size must have is not stored.
    #[error("tile {0} is missing")]
    MissingTile(TileId),
    /// A stored tile is shorter than the tree needs, longer than a full tile, or not a whole number of
    /// hashes.
    #[error("tile {tile} has {bytes} bytes where {wanted} are needed")]
    BadTile { tile: TileId, bytes: usize, wanted: usize },

    /// More leaves than [`crate::TREE_SIZE_MAX`].
    #[error("a tree of {0} leaves is too large")]
    TreeTooLarge(u64),
    /// The leaf is not in a tree of this size.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    LeafNotInTree { index: u64, size: u64 },
    /// Consistency is defined for `0 < old <= new` only (RFC 6962, section 2.1.2): everything extends the
    /// empty tree.
    #[error("no consistency between trees of {old} and {new} leaves")]
    SizesOutOfOrder { old: u64, new: u64 },
    /// The inclusion proof has the wrong length or does not lead from the leaf to the root.
    #[error("inclusion proof does not lead to the root")]
    WrongInclusionProof,
    /// The consistency proof has the wrong length or does not lead to both roots.
    #[error("consistency proof does not lead to both roots")]
    WrongConsistencyProof,

    /// Not the text or the bytes of a 32-byte hash.
    #[error("malformed hash")]
    MalformedHash,
    /// Not the path of a tile in the layout of C2SP tlog-tiles.
    #[error("malformed tile path")]
    MalformedTilePath,
    /// Not a key in the form of C2SP signed-note, or its name or short hash does not fit.
    #[error("malformed key: {0}")]
    MalformedKey(&'static str),
    /// A key of a signature type that this crate does not check.
    #[error("unknown signature type {0:#04x}")]
    UnknownSignatureType(u8),

    /// Not a checkpoint (C2SP tlog-checkpoint) as this house writes it.
    #[error("malformed checkpoint: {0}")]
    MalformedCheckpoint(&'static str),
    /// Not a note in the form of C2SP signed-note, or one not written canonically.
    #[error("malformed note")]
    MalformedNote,
    /// A note carries two signatures of one key.
    #[error("note is signed twice by one key")]
    RepeatedSignature,
    /// A signature that claims to be of a known key is not.
    #[error("signature of {key} is wrong")]
    WrongSignature { key: String },
    /// No known key signed the note.
    #[error("note is not signed by a known key")]
    NoKnownSignature,
    /// Two different known keys share a name and a short hash.
    #[error("two known keys are both called {key}")]
    AmbiguousKey { key: String },

    /// Not the body of an `add-checkpoint` request (C2SP tlog-witness).
    #[error("malformed request for a cosignature: {0}")]
    MalformedRequest(&'static str),
    /// Two checkpoints that may well be of one log.
    #[error("the two checkpoints are no proof of a fork")]
    NoFork,

    /// Not a proof file (C2SP tlog-proof), or one not written canonically.
    #[error("malformed proof file: {0}")]
    MalformedProofFile(&'static str),
}
