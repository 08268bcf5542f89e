//! Proof files (C2SP tlog-proof): one entry's place in a signed tree, to be checked offline.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};

use crate::checkpoint::{open, unverified};
use crate::verify::{PROOF_HASHES_MAX, verify_inclusion};
use crate::{Checkpoint, Error, Hash, Result, VerifierKey};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
const EXTRA_BYTES_MAX: usize = 64 * 1024;
const NOTE_BYTES_MAX: usize = 64 * 1024;
const FILE_BYTES_MAX: usize = 256 * 1024;

/// The proof that an entry is in a tree: index, path and signed checkpoint. Stored as `*.tlog-proof`. It does
/// not hold the entry itself.
///
/// A value of this type always prints to a file that parses to the same value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    extra: Vec<u8>,
    index: u64,
    proof: Vec<Hash>,
    note: String,
}

impl ProofFile {
    /// Puts together what [`crate::inclusion_proof`] and [`crate::sign`] gave. `extra` may be empty; it is
    /// carried along but **not proven**, so nobody should believe it on the strength of this file. At most 64
    /// KiB each for `extra` and `note`. Whether the proof holds is for [`ProofFile::verify`] to say.
    pub fn new(index: u64, proof: Vec<Hash>, note: String, extra: Vec<u8>) -> Result<Self> {
        if extra.len() > EXTRA_BYTES_MAX || note.len() > NOTE_BYTES_MAX {
            return Err(Error::MalformedProofFile("extra or note too long"));
        }
        if proof.len() > PROOF_HASHES_MAX {
            return Err(Error::MalformedProofFile("too many hashes"));
        }
        unverified(&note)?;
        Ok(Self { extra, index, proof, note })
    }

    /// Checks that the entry with this leaf hash is in the tree, and that a known key signed the tree.
    /// Returns the checkpoint; the caller compares its origin with the book that the entry should be in.
    pub fn verify(&self, leaf: Hash, keys: &[VerifierKey]) -> Result<Checkpoint> {
        let checkpoint = open(&self.note, keys)?;
        verify_inclusion(leaf, self.index, checkpoint.size(), &self.proof, checkpoint.root())?;
        Ok(checkpoint)
    }

    /// Index of the entry in its book, as the file claims.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The path from the leaf's sibling to the child of the root.
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The signed checkpoint.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Data that came along unproven; empty if none.
    pub fn extra(&self) -> &[u8] {
        &self.extra
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", Base64::encode_string(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.proof {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", self.note)
    }
}

impl FromStr for ProofFile {
    type Err = Error;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > FILE_BYTES_MAX {
            return Err(Error::MalformedProofFile("too long"));
        }
        let (head, note) = text.split_once("\n\n").ok_or(Error::MalformedProofFile("no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(Error::MalformedProofFile("first line"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => {
                Base64::decode_vec(&line["extra ".len()..]).map_err(|_| Error::MalformedProofFile("extra"))?
            }
            None => Vec::new(),
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index ")?.parse().ok());
        let index = index.ok_or(Error::MalformedProofFile("index"))?;
        let proof = lines.map(Hash::from_base64).collect::<Result<Vec<_>>>()?;
        let file = Self::new(index, proof, note.to_owned(), extra)?;
        if file.to_string() == text { Ok(file) } else { Err(Error::MalformedProofFile("not canonical")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SignerKey, leaf_hash, node_hash, sign};

    fn key() -> SignerKey {
        SignerKey::from_seed("ledger.example/city", [1; 32]).unwrap()
    }

    /// The second of two leaves, `a` and `b`.
    fn file(extra: &[u8]) -> ProofFile {
        let root = node_hash(&leaf_hash(b"a"), &leaf_hash(b"b"));
        let checkpoint = Checkpoint::new("ledger.example/city/book", 2, root).unwrap();
        ProofFile::new(1, vec![leaf_hash(b"a")], sign(&checkpoint, &key()), extra.to_vec()).unwrap()
    }

    #[test]
    fn the_file_is_laid_out_as_the_standard_says() {
        let text = file(b"salt").to_string();
        let expected = format!(
            "c2sp.org/tlog-proof@v1\nextra c2FsdA==\nindex 1\n{}\n\n\
             ledger.example/city/book\n2\n{}\n\n— ledger.example/city ",
            leaf_hash(b"a").to_base64(),
            node_hash(&leaf_hash(b"a"), &leaf_hash(b"b")).to_base64(),
        );
        assert!(text.starts_with(&expected), "{text}");
    }

    #[test]
    fn a_printed_file_is_read_back_and_verifies() {
        for extra in [&b""[..], b"salt", &[0xff; 300]] {
            let read: ProofFile = file(extra).to_string().parse().unwrap();
            assert_eq!(read, file(extra));
            let checkpoint = read.verify(leaf_hash(b"b"), &[key().verifier().clone()]).unwrap();
            assert_eq!(checkpoint.origin(), "ledger.example/city/book");
        }
    }

    #[test]
    fn extra_is_carried_along_but_not_proven() {
        let text = file(b"salt").to_string().replace("extra c2FsdA==", "extra c2FsdB==");
        assert!(text.parse::<ProofFile>().is_err());
        let other: ProofFile = text.replace("c2FsdB==", "c2FseA==").parse().unwrap();
        assert_eq!(other.extra(), b"salx");
        other.verify(leaf_hash(b"b"), &[key().verifier().clone()]).unwrap();
    }

    #[test]
    fn another_entry_or_another_key_does_not_verify() {
        let other = SignerKey::from_seed("ledger.example/city", [2; 32]).unwrap();
        let keys = [key().verifier().clone()];
        assert!(matches!(file(b"").verify(leaf_hash(b"a"), &keys), Err(Error::WrongInclusionProof)));
        let unknown = file(b"").verify(leaf_hash(b"b"), &[other.verifier().clone()]);
        assert!(matches!(unknown, Err(Error::NoKnownSignature)));
    }

    #[test]
    fn forms_that_are_not_canonical_are_refused() {
        let text = file(b"").to_string();
        for (from, to) in [
            ("index 1", "index 01"),
            ("index 1", "index +1"),
            ("index 1", "index  1"),
            ("index 1", "index -1"),
            ("index 1", "index 18446744073709551616"),
            ("index 1\n", ""),
            ("index 1", "extra \nindex 1"),
            ("index 1", "extra AAA\nindex 1"),
            ("index 1", "extra AA==\nextra AA==\nindex 1"),
            ("index 1\n", "index 1\n\n"),
            ("index 1\n", "index 1\r\n"),
            ("@v1", "@v2"),
            ("c2sp", "\nc2sp"),
            ("\n\n", "\n"),
        ] {
            assert!(text.replacen(from, to, 1).parse::<ProofFile>().is_err(), "{from:?} as {to:?}");
        }
        assert!(format!("{text}\n").parse::<ProofFile>().is_err());
        assert!(text.trim_end().parse::<ProofFile>().is_err());
        assert!("".parse::<ProofFile>().is_err());
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let note = file(b"").note().to_owned();
        let refused = |proof: usize, extra: usize| {
            ProofFile::new(0, vec![leaf_hash(b""); proof], note.clone(), vec![0; extra]).is_err()
        };
        assert!(!refused(PROOF_HASHES_MAX, EXTRA_BYTES_MAX));
        assert!(refused(PROOF_HASHES_MAX + 1, 0));
        assert!(refused(0, EXTRA_BYTES_MAX + 1));
        let longest =
            ProofFile::new(0, vec![leaf_hash(b""); 128], note.clone(), vec![0; EXTRA_BYTES_MAX]).unwrap();
        assert_eq!(longest.to_string().parse::<ProofFile>().unwrap(), longest);
        assert!("x".repeat(FILE_BYTES_MAX + 1).parse::<ProofFile>().is_err());
    }
}
