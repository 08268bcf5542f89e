//! Laws of the tree, for trees that cross the borders of tiles.

use merkle::{
    Appender, Error, TileId, TileSource, TileWidth, consistency_proof, inclusion_proof, root_at,
    verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

use crate::tree::{Tiles, grown, leaves, naive_root};

/// Sizes around the borders of tiles, and any other up to three levels.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..600u64,
        65_000..66_500u64,
        Just(255u64),
        Just(256),
        Just(257),
        Just(65_535),
        Just(65_536),
        Just(65_537)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn appending_in_batches_gives_the_root_of_the_definition(batches in prop::collection::vec(0..700u64, 0..8)) {
        let (mut live, mut tiles) = (Appender::empty(), Tiles::default());
        for batch in batches {
            leaves(live.size(), live.size() + batch).for_each(|leaf| live.push(leaf));
            tiles.store(live.take_changed());
            let all: Vec<_> = leaves(0, live.size()).collect();
            prop_assert_eq!(live.root(), naive_root(&all));
            prop_assert_eq!(root_at(&mut tiles, live.size()).unwrap(), live.root());
        }
    }

    #[test]
    fn the_stored_tiles_are_those_of_the_layout_and_no_more(size in size()) {
        let (_, tiles) = grown(size);
        let mut wanted = Vec::new();
        for level in 0..8 {
            let widths = (0..).map_while(|index| {
                let id = TileId { level, index };
                TileWidth::in_tree(id, size).map(|width| (id, width.bytes()))
            });
            wanted.extend(widths);
        }
        let stored: Vec<_> = tiles.stored.iter().map(|(id, bytes)| (*id, bytes.len())).collect();
        prop_assert_eq!(stored, wanted);
    }

    #[test]
    fn a_loaded_appender_goes_on_like_the_live_one(size in size(), more in 0..600u64) {
        let (mut live, mut tiles) = grown(size);
        let mut loaded = Appender::load(size, &mut tiles).unwrap();
        prop_assert_eq!(loaded.root(), live.root());
        prop_assert!(loaded.take_changed().is_empty());
        for leaf in leaves(size, size + more) {
            live.push(leaf);
            loaded.push(leaf);
        }
        prop_assert_eq!((loaded.size(), loaded.root()), (live.size(), live.root()));
        prop_assert_eq!(loaded.take_changed(), live.take_changed());
    }

    #[test]
    fn an_inclusion_proof_at_any_earlier_size_verifies((stored, at, index) in positions()) {
        let (_, mut tiles) = grown(stored);
        let root = root_at(&mut tiles, at).unwrap();
        prop_assert_eq!(root, naive_root(&leaves(0, at).collect::<Vec<_>>()));
        let proof = inclusion_proof(&mut tiles, at, index).unwrap();
        let leaf = leaves(index, index + 1).next().unwrap();
        prop_assert!(verify_inclusion(leaf, index, at, &proof, root).is_ok());
    }

    #[test]
    fn a_consistency_proof_between_any_two_sizes_verifies((stored, new, old) in positions()) {
        let (_, mut tiles) = grown(stored);
        let old = old + 1;
        let (old_root, new_root) = (root_at(&mut tiles, old).unwrap(), root_at(&mut tiles, new).unwrap());
        let proof = consistency_proof(&mut tiles, old, new).unwrap();
        prop_assert!(verify_consistency(old, new, &proof, old_root, new_root).is_ok());
        if old != new {
            prop_assert!(verify_consistency(old, new, &proof, new_root, old_root).is_err());
            prop_assert!(verify_consistency(old, new, &proof, new_root, new_root).is_err());
        }
    }
}

/// A stored size, a size not above it, and an index below that.
fn positions() -> impl Strategy<Value = (u64, u64, u64)> {
    let stored = prop_oneof![1..600u64, 65_500..65_600u64];
    stored
        .prop_flat_map(|stored| (Just(stored), 1..=stored))
        .prop_flat_map(|(stored, at)| (Just(stored), Just(at), 0..at))
}

#[test]
fn every_proof_in_all_small_trees_verifies() {
    let (_, mut tiles) = grown(40);
    for size in 1..=40u64 {
        let root = root_at(&mut tiles, size).unwrap();
        for (index, leaf) in (0..size).zip(leaves(0, size)) {
            let proof = inclusion_proof(&mut tiles, size, index).unwrap();
            verify_inclusion(leaf, index, size, &proof, root).unwrap();
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(
                    verify_inclusion(leaf, other, size, &proof, root).is_err(),
                    "{index} as {other} of {size}"
                );
            }
        }
        for old in 1..=size {
            let proof = consistency_proof(&mut tiles, old, size).unwrap();
            let old_root = root_at(&mut tiles, old).unwrap();
            verify_consistency(old, size, &proof, old_root, root).unwrap();
            for other in (0..size + 2).filter(|other| *other != old) {
                assert!(
                    verify_consistency(other, size, &proof, old_root, root).is_err(),
                    "{old} as {other} of {size}"
                );
            }
        }
    }
}

#[test]
fn a_proof_reads_each_tile_once_and_few_of_them() {
    let (_, mut tiles) = grown(70_000);
    tiles.reads = 0;
    inclusion_proof(&mut tiles, 70_000, 12_345).unwrap();
    assert!(tiles.reads <= 6, "{} reads", tiles.reads);
}

#[test]
fn missing_short_and_broken_tiles_are_named() {
    let (_, mut tiles) = grown(300);
    let id = TileId { level: 0, index: 1 };
    let whole = tiles.stored.remove(&id).unwrap();
    assert!(matches!(root_at(&mut tiles, 300), Err(Error::MissingTile(missing)) if missing == id));
    assert!(matches!(Appender::load(300, &mut tiles), Err(Error::MissingTile(missing)) if missing == id));
    for bytes in [&whole[..whole.len() - 32], &whole[..whole.len() - 1], &[0; 257 * 32]] {
        tiles.stored.insert(id, bytes.to_vec());
        assert!(matches!(root_at(&mut tiles, 300), Err(Error::BadTile { tile, .. }) if tile == id));
        assert!(matches!(Appender::load(300, &mut tiles), Err(Error::BadTile { tile, .. }) if tile == id));
    }
}

#[test]
fn an_error_of_the_source_comes_through_with_its_type() {
    struct Broken;
    impl TileSource for Broken {
        type Error = std::io::Error;
        fn tile(&mut self, _: TileId) -> Result<Option<Vec<u8>>, std::io::Error> {
            Err(std::io::Error::other("disk on fire"))
        }
    }
    for error in [
        root_at(&mut Broken, 3).unwrap_err(),
        inclusion_proof(&mut Broken, 3, 1).unwrap_err(),
        Appender::load(3, &mut Broken).unwrap_err(),
    ] {
        let Error::Source(cause) = error else { panic!("{error}") };
        assert_eq!(cause.downcast::<std::io::Error>().unwrap().to_string(), "disk on fire");
    }
}

#[test]
fn what_no_tree_has_is_refused() {
    let (_, mut tiles) = grown(3);
    assert!(matches!(inclusion_proof(&mut tiles, 3, 3), Err(Error::LeafNotInTree { index: 3, size: 3 })));
    assert!(matches!(inclusion_proof(&mut tiles, 0, 0), Err(Error::LeafNotInTree { .. })));
    assert!(matches!(consistency_proof(&mut tiles, 0, 3), Err(Error::SizesOutOfOrder { .. })));
    assert!(matches!(consistency_proof(&mut tiles, 3, 2), Err(Error::SizesOutOfOrder { .. })));
    for size in [1 << 63, u64::MAX] {
        assert!(matches!(root_at(&mut tiles, size), Err(Error::TreeTooLarge(_))));
        assert!(matches!(inclusion_proof(&mut tiles, size, 0), Err(Error::TreeTooLarge(_))));
        assert!(matches!(consistency_proof(&mut tiles, 1, size), Err(Error::TreeTooLarge(_))));
        assert!(matches!(Appender::load(size, &mut tiles), Err(Error::TreeTooLarge(_))));
    }
    // The largest size is only a tree that is not there.
    for outcome in [
        root_at(&mut tiles, merkle::TREE_SIZE_MAX).err(),
        inclusion_proof(&mut tiles, merkle::TREE_SIZE_MAX, merkle::TREE_SIZE_MAX - 1).err(),
        consistency_proof(&mut tiles, 1 << 62, merkle::TREE_SIZE_MAX).err(),
        Appender::load(merkle::TREE_SIZE_MAX, &mut tiles).err(),
    ] {
        assert!(matches!(outcome, Some(Error::MissingTile(_) | Error::BadTile { .. })), "{outcome:?}");
    }
}
