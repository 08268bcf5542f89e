//! SHA-256 as RFC 6962, section 2.1 uses it: leaves and inner nodes are hashed apart.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use ring::digest::{Context, SHA256};

use crate::{Error, Result};

/// A SHA-256 hash: of a leaf, of an inner node or of a whole tree. Shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// The form used in checkpoints and proof files: RFC 4648, section 4, with padding.
    pub fn to_base64(self) -> String {
        Base64::encode_string(&self.0)
    }

    /// Reads what [`Hash::to_base64`] writes, and nothing else.
    pub fn from_base64(text: &str) -> Result<Self> {
        let mut bytes = [0; Self::BYTES];
        match Base64::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == Self::BYTES => Ok(Self(bytes)),
            _ => Err(Error::MalformedHash),
        }
    }
}

/// SHA-256 of some bytes, one part behind another.
// The writer spends a fifth of its time here where the processor has no SHA instructions; on such a one this code is
// nearly twice as fast as `sha2`.
pub fn sha256(parts: &[&[u8]]) -> [u8; Hash::BYTES] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// The hash of a leaf: SHA-256 over a zero byte and the bytes of the entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(sha256(&[&[0], entry]))
}

/// The hash of an inner node: SHA-256 over a one byte and the hashes of its children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(sha256(&[&[1], &left.0, &right.0]))
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    tlog_tiles::EMPTY_HASH.into()
}

impl From<tlog_tiles::Hash> for Hash {
    fn from(hash: tlog_tiles::Hash) -> Self {
        Self(hash.0)
    }
}

impl From<Hash> for tlog_tiles::Hash {
    fn from(hash: Hash) -> Self {
        Self(hash.0)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self> {
        bytes.try_into().map(Self).map_err(|_| Error::MalformedHash)
    }
}

impl FromStr for Hash {
    type Err = Error;

    fn from_str(hexadecimal: &str) -> Result<Self> {
        let mut bytes = [0; Self::BYTES];
        hex::decode_to_slice(hexadecimal, &mut bytes).map_err(|_| Error::MalformedHash)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_root_is_the_hash_of_nothing() {
        // FIPS 180-4: SHA-256 of the empty string.
        let known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty_root().to_string(), known);
    }

    #[test]
    fn a_leaf_and_a_node_over_the_same_bytes_differ() {
        let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
        assert_ne!(node_hash(&a, &b), leaf_hash(&[a.0, b.0].concat()));
        assert_ne!(node_hash(&a, &b), node_hash(&b, &a));
    }

    #[test]
    fn the_hash_of_an_empty_leaf_is_the_published_one() {
        // First leaf of the reference tree of the Certificate Transparency tests.
        let known = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(leaf_hash(b"").to_string(), known);
    }

    #[test]
    fn text_forms_are_read_back_and_only_canonical_ones() {
        let hash = leaf_hash(b"a");
        assert_eq!(Hash::from_base64(&hash.to_base64()).unwrap(), hash);
        assert_eq!(hash.to_string().parse::<Hash>().unwrap(), hash);
        let text = hash.to_base64();
        for wrong in ["", "AAAA", text.trim_end_matches('='), &format!("{text}\n"), &format!(" {text}")] {
            assert!(Hash::from_base64(wrong).is_err(), "{wrong:?}");
        }
        // The last digit carries two bits that are not part of the hash: they must be zero.
        let spare = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=";
        assert!(Hash::from_base64(spare).is_err());
    }
}
