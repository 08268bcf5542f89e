//! What a log sends a witness (C2SP tlog-witness, `add-checkpoint`).

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::unverified;
use crate::{Checkpoint, Error, Hash, Result};

/// Most lines of a consistency proof.
pub const PROOF_LINES_MAX: usize = 63;

/// A checkpoint to be cosigned, and the proof that it extends the one that the witness knows.
///
/// A value of this type always prints to a body that parses to the same value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Hash>,
    note: String,
    checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// `old` is the size that the witness knows, 0 if none.
    pub fn new(old: u64, proof: Vec<Hash>, note: String) -> Result<Self> {
        if proof.len() > PROOF_LINES_MAX {
            return Err(Error::MalformedRequest("too many lines of proof"));
        }
        let checkpoint = unverified(&note)?;
        Ok(Self { old, proof, note, checkpoint })
    }

    pub fn old(&self) -> u64 {
        self.old
    }

    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    pub fn note(&self) -> &str {
        &self.note
    }

    /// The checkpoint that the note claims; nobody has looked at its signatures.
    pub fn claimed(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", self.note)
    }
}

impl FromStr for AddCheckpoint {
    type Err = Error;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self> {
        let (head, note) = text.split_once("\n\n").ok_or(Error::MalformedRequest("no checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")?.parse().ok());
        let old = old.ok_or(Error::MalformedRequest("the old size"))?;
        // One more than may be, so that too many are told from none.
        let proof = lines.take(PROOF_LINES_MAX + 1).map(Hash::from_base64).collect::<Result<Vec<_>>>()?;
        let request = Self::new(old, proof, note.to_owned())?;
        if request.to_string() == text { Ok(request) } else { Err(Error::MalformedRequest("not canonical")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SignerKey, leaf_hash, sign};

    fn request(hashes: usize) -> AddCheckpoint {
        let key = SignerKey::from_seed("county.example", [1; 32]).unwrap();
        let checkpoint = Checkpoint::new("county.example/market", 9, leaf_hash(b"a")).unwrap();
        AddCheckpoint::new(5, vec![leaf_hash(b"b"); hashes], sign(&checkpoint, &key)).unwrap()
    }

    #[test]
    fn a_printed_request_is_read_back() {
        for hashes in [0, 1, PROOF_LINES_MAX] {
            let read: AddCheckpoint = request(hashes).to_string().parse().unwrap();
            assert_eq!(read, request(hashes));
            assert_eq!((read.old(), read.claimed().size()), (5, 9));
        }
    }

    #[test]
    fn whatever_is_not_canonical_is_refused() {
        let text = request(2).to_string();
        let hash = leaf_hash(b"b").to_base64();
        for (from, to) in [
            ("old 5", "old 05"),
            ("old 5", "old +5"),
            ("old 5", "old -5"),
            ("old 5", "old  5"),
            ("old 5", "Old 5"),
            ("old 5", "old "),
            ("old 5", "old 18446744073709551616"),
            ("old 5\n", ""),
            ("old 5\n", "old 5\r\n"),
            (&hash, "AAAA"),
            (&*format!("{hash}\n"), "\n"),
            ("\n\n", "\n"),
            ("\n\n", "\n\n\n"),
            ("county.example/market\n9", "county.example/market\n09"),
        ] {
            assert!(text.replacen(from, to, 1).parse::<AddCheckpoint>().is_err(), "{from:?} as {to:?}");
        }
        let many = format!("{hash}\n").repeat(PROOF_LINES_MAX + 1);
        assert!(text.replacen(&format!("{hash}\n{hash}\n"), &many, 1).parse::<AddCheckpoint>().is_err());
        for wrong in ["", "old 0", "old 0\n", "old 0\n\n", text.trim_end()] {
            assert!(wrong.parse::<AddCheckpoint>().is_err(), "{wrong:?}");
        }
    }
}
