//! Checkpoints (C2SP tlog-checkpoint): the head of a tree, signed as a note (C2SP signed-note).

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use signed_note::{Note, NoteError, VerificationError, Verifier, Verifiers};

use crate::{Error, Hash, Result, SignerKey, VerifierKey, check_size};

/// Longest origin, in bytes: the limit of C2SP tlog-cosignature, so that every checkpoint can be cosigned.
const ORIGIN_BYTES_MAX: usize = 255;

/// The head of a tree: whose it is, how many leaves it has, and its root.
///
/// Without extension lines: they are not written here, and a checkpoint that has some is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

impl Checkpoint {
    /// A checkpoint of the tree called `origin`, such as `ledger.example/county-1/book-7`. The origin is one
    /// line of at most 255 bytes without control characters, and no space begins or ends it.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self> {
        if !is_origin(origin) {
            return Err(Error::MalformedCheckpoint("origin"));
        }
        check_size(size)?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// The name of the tree. One key may sign many trees, so whoever opens a checkpoint compares the origin
    /// as well.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        self.root
    }
}

/// Whether a text may name a tree: what is cosigned and what is recorded of a log have the same rule.
pub fn is_origin(text: &str) -> bool {
    let is_short = !text.is_empty() && text.len() <= ORIGIN_BYTES_MAX;
    is_short && text.trim() == text && !text.chars().any(char::is_control)
}

/// The text that is signed: three lines.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self> {
        let parsed = tlog_tiles::Checkpoint::from_bytes(text.as_bytes())
            .map_err(|_| Error::MalformedCheckpoint("not an origin, a size and a root"))?;
        if !parsed.extension().is_empty() {
            return Err(Error::MalformedCheckpoint("extension lines"));
        }
        let checkpoint = Self::new(parsed.origin(), parsed.size(), (*parsed.hash()).into())?;
        if checkpoint.to_string() != text {
            return Err(Error::MalformedCheckpoint("not canonical"));
        }
        Ok(checkpoint)
    }
}

/// Signs a checkpoint: the note that is published.
pub fn sign(checkpoint: &Checkpoint, key: &SignerKey) -> String {
    let text = checkpoint.to_string();
    let mut bytes = key.verifier().id().to_be_bytes().to_vec();
    bytes.extend(key.sign(text.as_bytes()));
    format!("{text}\n— {} {}\n", key.verifier().name(), Base64::encode_string(&bytes))
}

/// Opens a signed checkpoint: at least one of the known `keys` signed it, and none of their signatures is
/// wrong. Signatures of unknown keys are skipped, as the standard asks; the origin is for the caller to
/// compare.
pub fn open(note: &str, keys: &[VerifierKey]) -> Result<Checkpoint> {
    let parsed = parse_note(note)?;
    let (verified, unknown) = parsed.verify(&Known(keys)).map_err(explain)?;
    // The crate leaves out repeated signatures without checking them; here every byte that is read counts.
    if verified.len() + unknown.len() != signature_lines(note) {
        return Err(Error::RepeatedSignature);
    }
    text_of(&parsed)
}

/// The same note with the signatures of the known `keys` alone: what can be kept of a note that anybody may have added
/// lines to.
pub fn signed_by(note: &str, keys: &[VerifierKey]) -> Result<String> {
    open(note, keys)?;
    let (text, lines) = note.rsplit_once("\n\n").ok_or(Error::MalformedNote)?;
    let known = |line: &&str| {
        signature_of(line).is_some_and(|(name, id, _)| {
            keys.iter().any(|key| key.name() == name && key.id().to_be_bytes() == id)
        })
    };
    let kept: String = lines.lines().filter(known).map(|line| format!("{line}\n")).collect();
    Ok(format!("{text}\n\n{kept}"))
}

/// Name, key id and signature of a signature line.
pub(crate) fn signature_of(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = Base64::decode_vec(base64).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    Some((name, *id, signature.to_vec()))
}

/// The checkpoint that a note claims, without a look at the signatures.
pub fn unverified(note: &str) -> Result<Checkpoint> {
    text_of(&parse_note(note)?)
}

fn parse_note(note: &str) -> Result<Note> {
    let parsed = Note::from_bytes(note.as_bytes()).map_err(|_| Error::MalformedNote)?;
    if parsed.to_bytes() == note.as_bytes() { Ok(parsed) } else { Err(Error::MalformedNote) }
}

fn text_of(note: &Note) -> Result<Checkpoint> {
    std::str::from_utf8(note.text()).map_err(|_| Error::MalformedNote)?.parse()
}

fn signature_lines(note: &str) -> usize {
    note.rsplit_once("\n\n").map_or(0, |(_, signatures)| signatures.lines().count())
}

fn explain(error: NoteError) -> Error {
    match error {
        NoteError::InvalidSignature { name, id } => Error::WrongSignature { key: format!("{name}+{id:08x}") },
        NoteError::VerificationError(VerificationError::AmbiguousKey { name, id }) => {
            Error::AmbiguousKey { key: format!("{name}+{id:08x}") }
        }
        NoteError::UnverifiedNote => Error::NoKnownSignature,
        _ => Error::MalformedNote,
    }
}

/// The known keys, looked up as `signed_note` wants. The same key given twice is one key.
struct Known<'a>(&'a [VerifierKey]);

impl Verifiers for Known<'_> {
    fn verifier(&self, name: &str, id: u32) -> std::result::Result<&dyn Verifier, VerificationError> {
        let mut found = self.0.iter().filter(|key| key.name() == name && key.id() == id);
        let unknown = || VerificationError::UnknownKey { name: name.to_owned(), id };
        let key = found.next().ok_or_else(unknown)?;
        if found.any(|other| other != key) {
            return Err(VerificationError::AmbiguousKey { name: name.to_owned(), id });
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    const ORIGIN: &str = "ledger.example/县-1/book-7";

    fn key(name: &str, seed: u8) -> SignerKey {
        SignerKey::from_seed(name, [seed; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint::new(ORIGIN, 20_852_163, leaf_hash(b"a")).unwrap()
    }

    #[test]
    fn a_signed_checkpoint_is_opened_with_the_public_key() {
        let key = key("ledger.example/city", 1);
        let note = sign(&checkpoint(), &key);
        assert_eq!(open(&note, &[key.verifier().clone()]).unwrap(), checkpoint());
        // A list that names a key twice knows it once.
        assert_eq!(open(&note, &[key.verifier().clone(), key.verifier().clone()]).unwrap(), checkpoint());
    }

    #[test]
    fn a_note_without_a_known_signature_is_refused() {
        let note = sign(&checkpoint(), &key("ledger.example/city", 1));
        let same_name = key("ledger.example/city", 2).verifier().clone();
        assert!(matches!(open(&note, &[same_name]), Err(Error::NoKnownSignature)));
        assert!(matches!(open(&note, &[]), Err(Error::NoKnownSignature)));
    }

    #[test]
    fn signatures_of_unknown_keys_are_skipped_but_a_wrong_one_of_a_known_key_is_not() {
        let (log, witness) = (key("ledger.example/city", 1), key("witness.example", 2));
        let lines = |note: &str| note.rsplit_once("\n\n").unwrap().1.to_owned();
        let both = sign(&checkpoint(), &log) + &lines(&sign(&checkpoint(), &witness));
        let keys = [log.verifier().clone(), witness.verifier().clone()];
        assert_eq!(open(&both, &keys).unwrap(), checkpoint());
        assert_eq!(open(&both, &keys[..1]).unwrap(), checkpoint());

        let other = Checkpoint::new(ORIGIN, 1, leaf_hash(b"a")).unwrap();
        let wrong = sign(&checkpoint(), &log) + &lines(&sign(&other, &witness));
        assert_eq!(open(&wrong, &keys[..1]).unwrap(), checkpoint());
        let error = open(&wrong, &keys).unwrap_err();
        assert!(matches!(error, Error::WrongSignature { key } if key.starts_with("witness.example+")));
    }

    #[test]
    fn a_second_signature_of_one_key_is_refused() {
        let log = key("ledger.example/city", 1);
        let note = sign(&checkpoint(), &log);
        let twice = format!("{note}{}", note.rsplit_once("\n\n").unwrap().1);
        assert!(matches!(open(&twice, &[log.verifier().clone()]), Err(Error::RepeatedSignature)));
    }

    #[test]
    fn a_checkpoint_is_three_lines_and_nothing_else() {
        let text = checkpoint().to_string();
        assert_eq!(text.parse::<Checkpoint>().unwrap(), checkpoint());
        let root = leaf_hash(b"a").to_base64();
        for wrong in [
            String::new(),
            format!("{text}extension\n"),
            format!("{text}\n"),
            text.trim_end().to_owned(),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("a\n9223372036854775808\n{root}\n"),
            format!("a\n1\r\n{root}\n"),
            format!("a\n1\n{}\n", &root[..40]),
            format!("a\u{7f}\n1\n{root}\n"),
            format!("{}\n1\n{root}\n", "a".repeat(256)),
            format!("a \n1\n{root}\n"),
            format!("\u{a0}a\n1\n{root}\n"),
            format!("a\u{3000}\n1\n{root}\n"),
        ] {
            assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_signed_text_that_is_no_checkpoint_is_refused() {
        let log = key("ledger.example/city", 1);
        let mut signature = log.verifier().id().to_be_bytes().to_vec();
        signature.extend(log.sign(b"hello\n"));
        let note = format!("hello\n\n— {} {}\n", log.verifier().name(), Base64::encode_string(&signature));
        assert!(matches!(open(&note, &[log.verifier().clone()]), Err(Error::MalformedCheckpoint(_))));
    }
}
