//! The right edge of a growing tree.

use crate::tile::{self, HEIGHT, TileId, TileSource, TileWidth};
use crate::{Error, Hash, Result, check_size, empty_root, node_hash};

/// The right edge of a tree, held in memory by the one who appends.
///
/// It costs one inner hash a leaf and a few tiles of memory, whatever the size of the tree. A clone is a
/// saved point: a writer whose transaction failed drops the changed one and goes on with the clone.
// Own code: `tlog_tiles` appends by reading stored hashes back, which a writer that holds the edge need not
// do.
#[derive(Clone, Debug, Default)]
pub struct Appender {
    size: u64,
    /// Roots of the full subtrees that make up the tree, the largest first: one for each one bit of `size`.
    peaks: Vec<Hash>,
    /// The unfinished tile of each level, fewer than 256 hashes.
    edge: Vec<Edge>,
    /// Tiles finished since the last [`Appender::take_changed`].
    finished: Vec<(TileId, Vec<u8>)>,
}

#[derive(Clone, Debug, Default)]
struct Edge {
    index: u64,
    bytes: Vec<u8>,
    changed: bool,
}

impl Appender {
    /// A tree without leaves.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The edge of a stored tree of `size` leaves: reads one tile a level. The tiles are taken as they are;
    /// whoever needs to know that they fit compares [`Appender::root`] with a checkpoint.
    pub fn load(size: u64, source: &mut impl TileSource) -> Result<Self> {
        check_size(size)?;
        let mut appender = Self { size, ..Self::default() };
        let mut level = 0;
        let mut hashes_of_level = size;
        while hashes_of_level > 0 {
            let id = TileId { level, index: hashes_of_level >> HEIGHT };
            let bytes = match TileWidth::in_tree(id, size) {
                Some(width) => {
                    let stored = source.tile(id).map_err(|error| Error::Source(error.into()))?;
                    tile::prefix(id, width, stored)?
                }
                None => Vec::new(),
            };
            appender.edge.push(Edge { index: id.index, bytes, changed: false });
            hashes_of_level >>= HEIGHT;
            level += 1;
        }
        for edge in appender.edge.iter().rev() {
            appender.peaks.extend(peaks_of_tile(&edge.bytes));
        }
        Ok(appender)
    }

    /// Appends a leaf, given by its hash ([`crate::leaf_hash`]). Its index is the size before.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut level_of_tree = 0;
        let mut full_subtrees = self.size;
        self.put(0, hash);
        // Like a carry in binary addition: each trailing one bit of the size is a subtree that this leaf
        // completes.
        while full_subtrees & 1 == 1 {
            let left = self.peaks.pop().expect("there is one peak for each one bit of the size");
            hash = node_hash(&left, &hash);
            level_of_tree += 1;
            full_subtrees >>= 1;
            if level_of_tree % HEIGHT == 0 {
                self.put(level_of_tree / HEIGHT, hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree as it is now.
    pub fn root(&self) -> Hash {
        let right_to_left = self.peaks.iter().rev().copied();
        right_to_left.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// The tiles changed since the last call, each with all its bytes as of now, to be stored in place of
    /// what was there. The work is proportional to the leaves pushed, not to the tree.
    pub fn take_changed(&mut self) -> Vec<(TileId, Vec<u8>)> {
        let mut changed = std::mem::take(&mut self.finished);
        for (level, edge) in (0..).zip(&mut self.edge) {
            if std::mem::take(&mut edge.changed) {
                changed.push((TileId { level, index: edge.index }, edge.bytes.clone()));
            }
        }
        changed
    }

    fn put(&mut self, level: u8, hash: Hash) {
        if self.edge.len() == usize::from(level) {
            self.edge.push(Edge::default());
        }
        let edge = &mut self.edge[usize::from(level)];
        edge.bytes.extend_from_slice(&hash.0);
        edge.changed = true;
        if edge.bytes.len() == TileWidth::FULL.bytes() {
            let id = TileId { level, index: edge.index };
            self.finished.push((id, std::mem::take(&mut edge.bytes)));
            *edge = Edge { index: id.index + 1, ..Edge::default() };
        }
    }
}

/// Roots of the full subtrees in an unfinished tile, the largest first.
fn peaks_of_tile(bytes: &[u8]) -> Vec<Hash> {
    let mut peaks = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let hashes = rest.len() / Hash::BYTES;
        let (subtree, after) = rest.split_at((1 << hashes.ilog2()) * Hash::BYTES);
        peaks.push(tlog_tiles::Tile::subtree_hash(subtree).into());
        rest = after;
    }
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    #[test]
    fn the_first_leaf_is_the_root() {
        let mut appender = Appender::empty();
        assert_eq!(appender.root(), empty_root());
        appender.push(leaf_hash(b"a"));
        assert_eq!(appender.root(), leaf_hash(b"a"));
        assert_eq!(appender.size(), 1);
    }

    #[test]
    fn changed_tiles_are_given_once_and_a_finished_one_with_its_parent() {
        let mut appender = Appender::empty();
        for _ in 0..255 {
            appender.push(leaf_hash(b"a"));
        }
        let widths = |changed: Vec<(TileId, Vec<u8>)>| -> Vec<_> {
            changed.into_iter().map(|(id, bytes)| (id.level, id.index, bytes.len() / 32)).collect()
        };
        assert_eq!(widths(appender.take_changed()), [(0, 0, 255)]);
        assert_eq!(widths(appender.take_changed()), []);
        appender.push(leaf_hash(b"a"));
        assert_eq!(widths(appender.take_changed()), [(0, 0, 256), (1, 0, 1)]);
        appender.push(leaf_hash(b"a"));
        assert_eq!(widths(appender.take_changed()), [(0, 1, 1)]);
    }

    #[test]
    fn a_clone_keeps_the_point_before_a_failed_transaction() {
        let mut appender = Appender::empty();
        appender.push(leaf_hash(b"a"));
        let saved = appender.clone();
        appender.push(leaf_hash(b"lost"));
        appender.take_changed();
        appender = saved;
        assert_eq!((appender.size(), appender.root()), (1, leaf_hash(b"a")));
        assert_eq!(appender.take_changed().len(), 1);
    }
}
