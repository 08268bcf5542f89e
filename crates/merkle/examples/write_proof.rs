//! Writes one entry, its proof, a key and a consistency proof, for another implementation to check:
//! `cargo run -p merkle --example write_proof -- DIR`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use merkle::{
    Appender, Checkpoint, ProofFile, SignerKey, TileId, TileSource, consistency_proof, inclusion_proof,
    leaf_hash, root_at, sign,
};

const ORIGIN: &str = "ledger.example/city/book-1";
const OLD_SIZE: u64 = 300;
const SIZE: u64 = 70_001;
const INDEX: u64 = 12_345;

#[derive(Default)]
struct Tiles(HashMap<TileId, Vec<u8>>);

impl TileSource for Tiles {
    type Error = Infallible;

    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(&id).cloned())
    }
}

fn entry(index: u64) -> String {
    format!("{{\"kind\":\"example\",\"seq\":{index}}}")
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: write_proof DIR")?);
    fs::create_dir_all(&folder)?;
    // A key for examples: the seed is public, so it proves nothing to anyone.
    let key = SignerKey::from_seed("ledger.example/city", *b"public seed of an example, 32 b.")?;

    let (mut appender, mut tiles) = (Appender::empty(), Tiles::default());
    for index in 0..SIZE {
        appender.push(leaf_hash(entry(index).as_bytes()));
    }
    tiles.0.extend(appender.take_changed());

    let new = sign(&Checkpoint::new(ORIGIN, SIZE, appender.root())?, &key);
    let old = sign(&Checkpoint::new(ORIGIN, OLD_SIZE, root_at(&mut tiles, OLD_SIZE)?)?, &key);
    let file =
        ProofFile::new(INDEX, inclusion_proof(&mut tiles, SIZE, INDEX)?, new.clone(), b"extra".to_vec())?;
    let consistency: String =
        consistency_proof(&mut tiles, OLD_SIZE, SIZE)?.iter().map(|hash| hash.to_base64() + "\n").collect();

    fs::write(folder.join("key.pub"), format!("{}\n", key.verifier()))?;
    fs::write(folder.join("entry"), entry(INDEX))?;
    fs::write(folder.join("entry.tlog-proof"), file.to_string())?;
    fs::write(folder.join("checkpoint-old"), old)?;
    fs::write(folder.join("checkpoint-new"), new)?;
    fs::write(folder.join("consistency"), consistency)?;
    Ok(())
}
