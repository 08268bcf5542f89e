//! Tiles: a tree cut into pieces of eight levels (C2SP tlog-tiles).
//!
//! A tile holds 256 hashes that stand side by side: at level 0 those of leaves, at each further level those of
//! the full tiles below. The last tile of a level may be partial.

use std::fmt;

use crate::{Error, Hash, Result};

/// Levels of the tree in a tile.
pub(crate) const HEIGHT: u8 = 8;
/// Hashes in a full tile.
const FULL: u16 = 1 << HEIGHT;
/// Greatest level that the layout names (C2SP tlog-tiles, "Merkle Tree").
const LEVEL_MAX: u8 = 63;

/// Where a tile lies in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 holds hashes of leaves, each further level covers 256 times as many.
    pub level: u8,
    /// Place within the level, from 0.
    pub index: u64,
}

/// How many hashes of a tile are there: 1 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TileWidth(u16);

/// Where stored tiles are read.
pub trait TileSource {
    /// What reading fails with.
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// The bytes of a tile as stored, full or partial, or none. More hashes than asked for are fine: the tree
    /// of a smaller size has a prefix of each tile.
    fn tile(&mut self, id: TileId) -> std::result::Result<Option<Vec<u8>>, Self::Error>;
}

impl TileWidth {
    /// A whole tile.
    pub const FULL: Self = Self(FULL);

    /// A width of so many hashes; none if no tile has it.
    pub fn new(hashes: u16) -> Option<Self> {
        (1..=FULL).contains(&hashes).then_some(Self(hashes))
    }

    /// The width of a tile in a tree of `size` leaves; none if that tree does not have the tile.
    pub fn in_tree(id: TileId, size: u64) -> Option<Self> {
        let shift = u32::from(id.level) * u32::from(HEIGHT);
        let hashes_of_level = size.checked_shr(shift)?;
        let left = hashes_of_level.checked_sub(id.index.checked_mul(u64::from(FULL))?)?;
        u16::try_from(left.min(u64::from(FULL))).ok().and_then(Self::new)
    }

    /// Number of hashes.
    pub fn hashes(self) -> u16 {
        self.0
    }

    /// Number of bytes.
    pub fn bytes(self) -> usize {
        usize::from(self.0) * Hash::BYTES
    }
}

// Own code: the paths of `tlog_tiles` carry the height of a tile, which this layout fixes and leaves out, and
// its parser panics on a width of 0 and on a level above 63.
impl TileId {
    /// The path of the tile below the prefix of the book: `tile/0/x001/234.p/17`.
    pub fn path(self, width: TileWidth) -> String {
        let mut index = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            index = format!("x{:03}/{index}", rest % 1000);
            rest /= 1000;
        }
        let partial = if width == TileWidth::FULL { String::new() } else { format!(".p/{}", width.0) };
        format!("tile/{}/{index}{partial}", self.level)
    }

    /// Reads what [`TileId::path`] writes, and nothing else.
    pub fn parse(path: &str) -> Result<(Self, TileWidth)> {
        let parsed = parse_leniently(path).ok_or(Error::MalformedTilePath)?;
        // One tile has one path: leading zeroes, signs and missing groups do not survive this.
        if parsed.0.path(parsed.1) == path { Ok(parsed) } else { Err(Error::MalformedTilePath) }
    }
}

fn parse_leniently(path: &str) -> Option<(TileId, TileWidth)> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let level = level.parse().ok().filter(|level| *level <= LEVEL_MAX)?;
    let (groups, width) = match rest.split_once(".p/") {
        Some((groups, width)) => (groups, TileWidth::new(width.parse().ok()?)?),
        None => (rest, TileWidth::FULL),
    };
    let mut index = 0u64;
    for group in groups.split('/') {
        let number: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index = index.checked_mul(1000)?.checked_add(number)?;
    }
    Some((TileId { level, index }, width))
}

/// The first `width` hashes of a stored tile, or why there are not that many.
pub(crate) fn prefix(id: TileId, width: TileWidth, stored: Option<Vec<u8>>) -> Result<Vec<u8>> {
    let mut bytes = stored.ok_or(Error::MissingTile(id))?;
    let sound = bytes.len().is_multiple_of(Hash::BYTES) && bytes.len() <= TileWidth::FULL.bytes();
    if !sound || bytes.len() < width.bytes() {
        return Err(Error::BadTile { tile: id, bytes: bytes.len(), wanted: width.bytes() });
    }
    bytes.truncate(width.bytes());
    Ok(bytes)
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path(TileWidth::FULL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(level: u8, index: u64, width: u16) -> String {
        TileId { level, index }.path(TileWidth::new(width).unwrap())
    }

    #[test]
    fn paths_are_those_of_the_layout() {
        assert_eq!(path(0, 0, 256), "tile/0/000");
        assert_eq!(path(0, 1234, 17), "tile/0/x001/234.p/17");
        assert_eq!(path(1, 1_234_067, 256), "tile/1/x001/x234/067");
        assert_eq!(path(3, 999, 1), "tile/3/999.p/1");
    }

    #[test]
    fn a_path_that_is_not_canonical_is_refused() {
        for wrong in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/00/000",
            "tile/+0/000",
            "tile/64/000",
            "tile/8/0/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/017",
            "tile/0/000.p/",
            "tile/0/000.p/1/",
            "/tile/0/000",
            "tile/0/x000/001",
            "tile/0/001/234",
            "tile/0/x1/234",
            "tile/0/xx001/234",
            "tile/0/1234",
            "tile/0/-01",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/data/000",
            "tile/0/000.p/1.p/2",
            "tile/0/０００",
        ] {
            assert!(TileId::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_width_in_a_tree_counts_only_finished_subtrees() {
        let width =
            |level, index, size| TileWidth::in_tree(TileId { level, index }, size).map(TileWidth::hashes);
        assert_eq!(width(0, 0, 0), None);
        assert_eq!(width(0, 0, 1), Some(1));
        assert_eq!(width(0, 0, 256), Some(256));
        assert_eq!(width(0, 1, 256), None);
        assert_eq!(width(1, 0, 255), None);
        assert_eq!(width(1, 0, 70_000), Some(256));
        assert_eq!(width(1, 1, 70_000), Some(17));
        assert_eq!(width(63, 0, u64::MAX), None);
        assert_eq!(width(0, u64::MAX, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn parse_reads_what_path_writes(level in 0u8..=63, index: u64, width in 1u16..=256) {
            let (id, width) = (TileId { level, index }, TileWidth::new(width).unwrap());
            prop_assert_eq!(TileId::parse(&id.path(width)).unwrap(), (id, width));
        }

        #[test]
        fn parse_never_panics(path in "(tile/)?[0-9x./p]{0,40}") {
            if let Ok((id, width)) = TileId::parse(&path) {
                prop_assert_eq!(id.path(width), path);
            }
        }
    }
}
