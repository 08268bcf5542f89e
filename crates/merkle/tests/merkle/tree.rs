//! Stored tiles as a map, and the tree as RFC 6962 defines it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use merkle::{Appender, Hash, TileId, TileSource, empty_root, leaf_hash, node_hash};

#[derive(Default)]
pub struct Tiles {
    pub stored: BTreeMap<TileId, Vec<u8>>,
    pub reads: usize,
}

impl Tiles {
    pub fn store(&mut self, changed: Vec<(TileId, Vec<u8>)>) {
        self.stored.extend(changed);
    }
}

impl TileSource for Tiles {
    type Error = Infallible;

    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, Infallible> {
        self.reads += 1;
        Ok(self.stored.get(&id).cloned())
    }
}

/// Leaf hashes of entries `from..to`.
pub fn leaves(from: u64, to: u64) -> impl Iterator<Item = Hash> {
    (from..to).map(|number| leaf_hash(&number.to_be_bytes()))
}

/// A stored tree of `size` leaves.
pub fn grown(size: u64) -> (Appender, Tiles) {
    let (mut appender, mut tiles) = (Appender::empty(), Tiles::default());
    leaves(0, size).for_each(|leaf| appender.push(leaf));
    tiles.store(appender.take_changed());
    (appender, tiles)
}

/// MTH of RFC 6962, section 2.1, word by word.
pub fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}
