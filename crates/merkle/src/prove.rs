//! Proofs and roots read from stored tiles.

use std::cell::RefCell;
use std::collections::HashMap;

use tlog_tiles::{HashReader, Tile};

use crate::tile::{self, HEIGHT, TileId, TileSource, TileWidth};
use crate::{Error, Hash, Result, check_size};

/// The proof that leaf `index` is in the tree of `size` leaves (RFC 6962, section 2.1.1), the leaf's sibling
/// first. `source` may hold a larger tree. The tiles are not checked; a wrong one gives a proof that fails.
pub fn inclusion_proof(source: &mut impl TileSource, size: u64, index: u64) -> Result<Vec<Hash>> {
    if index >= size {
        return Err(Error::LeafNotInTree { index, size });
    }
    read(source, size, |reader| tlog_tiles::prove_record(size, index, reader)).map(own)
}

/// The proof that the tree of `new` leaves extends the tree of `old` leaves (RFC 6962, section 2.1.2), for
/// `0 < old <= new`.
pub fn consistency_proof(source: &mut impl TileSource, old: u64, new: u64) -> Result<Vec<Hash>> {
    if old == 0 || old > new {
        return Err(Error::SizesOutOfOrder { old, new });
    }
    read(source, new, |reader| tlog_tiles::prove_tree(new, old, reader)).map(own)
}

/// The root of the tree when it had `size` leaves.
pub fn root_at(source: &mut impl TileSource, size: u64) -> Result<Hash> {
    read(source, size, |reader| tlog_tiles::tree_hash(size, reader)).map(Hash::from)
}

fn own(proof: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
    proof.into_iter().map(Hash::from).collect()
}

fn read<S: TileSource, T>(
    source: &mut S,
    size: u64,
    work: impl FnOnce(&Reader<'_, S>) -> std::result::Result<T, tlog_tiles::Error>,
) -> Result<T> {
    check_size(size)?;
    let reader = Reader { size, state: RefCell::new(State { source, tiles: HashMap::new(), failure: None }) };
    let outcome = work(&reader);
    // The arithmetic fails only where reading failed, and `failure` holds the true cause.
    outcome.map_err(|error| reader.state.into_inner().failure.unwrap_or_else(|| Error::Source(error.into())))
}

/// Gives the hashes of a tree to the arithmetic of `tlog_tiles`, reading each tile once.
struct Reader<'a, S> {
    size: u64,
    state: RefCell<State<'a, S>>,
}

struct State<'a, S> {
    source: &'a mut S,
    tiles: HashMap<TileId, Vec<u8>>,
    failure: Option<Error>,
}

impl<S: TileSource> HashReader for Reader<'_, S> {
    fn read_hashes(&self, indexes: &[u64]) -> std::result::Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let mut state = self.state.borrow_mut();
        let hashes = indexes.iter().map(|&index| state.hash(self.size, index)).collect::<Result<_>>();
        hashes.map_err(|error| {
            state.failure = Some(error);
            tlog_tiles::Error::InvalidTile
        })
    }
}

impl<S: TileSource> State<'_, S> {
    fn hash(&mut self, size: u64, stored_index: u64) -> Result<tlog_tiles::Hash> {
        let place = Tile::from_index(HEIGHT, stored_index);
        let id = TileId { level: place.level(), index: place.level_index() };
        if !self.tiles.contains_key(&id) {
            let width = TileWidth::in_tree(id, size).ok_or(Error::MissingTile(id))?;
            let stored = self.source.tile(id).map_err(|error| Error::Source(error.into()))?;
            self.tiles.insert(id, tile::prefix(id, width, stored)?);
        }
        place.hash_at_index(&self.tiles[&id], stored_index).map_err(|_| Error::MissingTile(id))
    }
}
