//! Cosignatures (C2SP tlog-cosignature, `cosignature/v1`): a witness says that at some time this was the largest tree of
//! the log that it had seen, and that it extends every one before.

use base64ct::{Base64, Encoding};

use crate::checkpoint::{signature_of, unverified};
use crate::{Checkpoint, CosignerKey, Error, Result, WitnessKey};

/// Times are non-negative in signed 64-bit integers.
const SECONDS_MAX: u64 = i64::MAX as u64;

/// A cosignature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    pub witness: WitnessKey,
    /// When it was given, in seconds since 1970.
    pub seconds: u64,
    /// The signature line with its newline, to be appended to the note.
    pub line: String,
}

/// Cosigns a checkpoint at a time, in seconds since 1970. Returns the signature line with its newline.
pub fn cosign(checkpoint: &Checkpoint, key: &CosignerKey, seconds: u64) -> String {
    let seconds = seconds.min(SECONDS_MAX);
    let mut bytes = key.witness().id().to_be_bytes().to_vec();
    bytes.extend(seconds.to_be_bytes());
    bytes.extend(key.sign(message(&checkpoint.to_string(), seconds).as_bytes()));
    format!("— {} {}\n", key.witness().name(), Base64::encode_string(&bytes))
}

/// The cosignatures of known witnesses on a note, each witness once. Signatures of others are skipped; a wrong one of a
/// known witness is an error.
pub fn cosignatures(note: &str, keys: &[WitnessKey]) -> Result<Vec<Cosignature>> {
    let text = unverified(note)?.to_string();
    let (_, lines) = note.rsplit_once("\n\n").ok_or(Error::MalformedNote)?;
    let mut found: Vec<Cosignature> = Vec::new();
    for line in lines.lines() {
        let (name, id, bytes) = signature_of(line).ok_or(Error::MalformedNote)?;
        let known = |key: &&WitnessKey| key.name() == name && key.id().to_be_bytes() == id;
        let Some(witness) = keys.iter().find(known) else { continue };
        let wrong = || Error::WrongSignature { key: format!("{name}+{:08x}", witness.id()) };
        let (seconds, signature) = bytes.split_first_chunk().ok_or_else(wrong)?;
        let seconds = u64::from_be_bytes(*seconds);
        if seconds > SECONDS_MAX || !witness.signed(message(&text, seconds).as_bytes(), signature) {
            return Err(wrong());
        }
        if found.iter().all(|other| other.witness != *witness) {
            found.push(Cosignature { witness: witness.clone(), seconds, line: format!("{line}\n") });
        }
    }
    Ok(found)
}

fn message(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SignerKey, leaf_hash, open, sign};

    fn log() -> SignerKey {
        SignerKey::from_seed("county.example", [1; 32]).unwrap()
    }

    fn witness(seed: u8) -> CosignerKey {
        CosignerKey::from_seed("city.example/witness", [seed; 32]).unwrap()
    }

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint::new("county.example/market", size, leaf_hash(b"a")).unwrap()
    }

    #[test]
    fn a_cosigned_checkpoint_says_who_and_when_and_is_still_the_logs() {
        let note = sign(&checkpoint(7), &log()) + &cosign(&checkpoint(7), &witness(2), 1_679_315_147);
        let found = cosignatures(&note, &[witness(2).witness().clone()]).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].seconds, &found[0].witness), (1_679_315_147, witness(2).witness()));
        assert!(note.ends_with(&found[0].line));
        assert_eq!(open(&note, &[log().verifier().clone()]).unwrap(), checkpoint(7));
    }

    #[test]
    fn a_cosignature_is_of_one_checkpoint_one_time_and_one_key() {
        let note = sign(&checkpoint(7), &log());
        let line = cosign(&checkpoint(7), &witness(2), 5);
        let keys = [witness(2).witness().clone()];
        assert!(cosignatures(&format!("{note}{}", cosign(&checkpoint(8), &witness(2), 5)), &keys).is_err());
        let base64 = line.trim_end().rsplit_once(' ').unwrap().1;
        let mut bytes = Base64::decode_vec(base64).unwrap();
        for at in 4..bytes.len() {
            bytes[at] ^= 1;
            let other = line.replace(base64, &Base64::encode_string(&bytes));
            bytes[at] ^= 1;
            let error = cosignatures(&format!("{note}{other}"), &keys).unwrap_err();
            assert!(matches!(error, Error::WrongSignature { .. }), "byte {at}");
        }
        let short = line.replace(base64, &Base64::encode_string(&bytes[..70]));
        assert!(cosignatures(&format!("{note}{short}"), &keys).is_err());
        let other = [witness(3).witness().clone()];
        assert_eq!(cosignatures(&format!("{note}{line}"), &other).unwrap(), []);
        assert_eq!(cosignatures(&note, &keys).unwrap(), []);
    }

    #[test]
    fn a_logs_own_signature_is_no_cosignature_even_of_the_same_bytes() {
        let seed = [9; 32];
        let log = SignerKey::from_seed("a", seed).unwrap();
        let witness = CosignerKey::from_seed("a", seed).unwrap();
        assert_ne!(log.verifier().id(), witness.witness().id());
        let note = sign(&checkpoint(1), &log);
        assert_eq!(cosignatures(&note, &[witness.witness().clone()]).unwrap(), []);
        let cosigned = note.split("— ").next().unwrap().to_owned() + &cosign(&checkpoint(1), &witness, 1);
        assert!(matches!(open(&cosigned, &[log.verifier().clone()]), Err(Error::NoKnownSignature)));
    }
}
