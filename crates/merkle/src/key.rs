//! Ed25519 keys in the text forms of C2SP signed-note.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::{Error, Result};

/// The type byte of plain Ed25519 signatures (C2SP signed-note, "Signature types").
const ED25519: u8 = 0x01;
/// The type byte of timestamped Ed25519 cosignatures (C2SP tlog-cosignature).
const COSIGNATURE: u8 = 0x04;
/// What the seed of a witness is derived under.
const OF_WITNESS: &[u8] = b"taizhang witness key\0";
const PRIVATE: &str = "PRIVATE+KEY+";
const NAME_BYTES_MAX: usize = 255;

/// A public Ed25519 key: `name+hash+base64`, where `hash` is the first four bytes of SHA-256 over name, type and
/// key in hexadecimal. The type byte says what it signs, so that no signature can pass for one of another type.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey<const TYPE: u8> {
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// The public key of a log, which signs checkpoints.
pub type VerifierKey = PublicKey<ED25519>;

/// The public key of a witness, which cosigns the checkpoints of logs (C2SP tlog-cosignature).
pub type WitnessKey = PublicKey<COSIGNATURE>;

/// The private key of a signer. Neither `Debug` nor `Display` shows it; [`SignerKey::to_secret_text`] does.
#[derive(Clone)]
pub struct SignerKey {
    key: SigningKey,
    verifier: VerifierKey,
}

/// The private key of a witness.
#[derive(Clone)]
pub struct CosignerKey {
    key: SigningKey,
    witness: WitnessKey,
}

impl CosignerKey {
    /// The key made from 32 secret random bytes; the rules of names are those of [`SignerKey::from_seed`].
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self> {
        let key = SigningKey::from_bytes(&seed);
        let witness = WitnessKey::new(name, key.verifying_key())?;
        Ok(Self { key, witness })
    }

    /// The public key.
    pub fn witness(&self) -> &WitnessKey {
        &self.witness
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

impl SignerKey {
    /// The key with which the installation witnesses the logs of others, called `name/witness`. It follows from this
    /// one, so there is nothing more to keep, and is another, as C2SP tlog-cosignature wants.
    pub fn cosigner(&self) -> Result<CosignerKey> {
        let seed = crate::sha256(&[OF_WITNESS, self.key.as_bytes()]);
        CosignerKey::from_seed(&format!("{}/witness", self.verifier.name), seed)
    }

    /// Another secret of the installation for a purpose of its own, from which this one does not follow.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        crate::sha256(&[b"taizhang ", purpose.as_bytes(), b"\0", self.key.as_bytes()])
    }

    /// The key made from 32 secret random bytes. The name should be a host and path, such as
    /// `ledger.example/county-1`; it must not be empty nor contain spaces, plus signs or control characters.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self> {
        let key = SigningKey::from_bytes(&seed);
        let verifier = VerifierKey::new(name, key.verifying_key())?;
        Ok(Self { key, verifier })
    }

    /// Reads what [`SignerKey::to_secret_text`] writes, and nothing else.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, id, bytes) =
            text.strip_prefix(PRIVATE).and_then(split).ok_or(Error::MalformedKey("form"))?;
        let signer = Self::from_seed(name, ed25519_bytes::<ED25519>(&bytes)?)?;
        signer.verifier.check_id(id)?;
        Ok(signer)
    }

    /// The private key as text: `PRIVATE+KEY+name+hash+base64`. Whoever has it can sign.
    pub fn to_secret_text(&self) -> String {
        format!("{PRIVATE}{}", join(&self.verifier, self.key.as_bytes()))
    }

    /// The public key.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

impl<const TYPE: u8> PublicKey<TYPE> {
    fn new(name: &str, key: VerifyingKey) -> Result<Self> {
        let sound = signed_note::is_key_name_valid(name) && !name.chars().any(char::is_control);
        if !sound || name.len() > NAME_BYTES_MAX {
            return Err(Error::MalformedKey("name"));
        }
        if key.is_weak() {
            return Err(Error::MalformedKey("weak public key"));
        }
        let id = signed_note::key_id(name, &typed::<TYPE>(key.as_bytes()));
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The name of the signer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short hash of name and key.
    pub fn id(&self) -> u32 {
        self.id
    }

    // Strict, unlike the crate's own verifier: two implementations must never disagree about a signature.
    pub(crate) fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(text, &signature).is_ok())
    }

    fn check_id(&self, id: &str) -> Result<()> {
        if id == format!("{:08x}", self.id) {
            Ok(())
        } else {
            Err(Error::MalformedKey("hash does not fit the key"))
        }
    }
}

impl<const TYPE: u8> FromStr for PublicKey<TYPE> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, id, bytes) = split(text).ok_or(Error::MalformedKey("form"))?;
        let key = VerifyingKey::from_bytes(&ed25519_bytes::<TYPE>(&bytes)?)
            .map_err(|_| Error::MalformedKey("not a point"))?;
        let verifier = Self::new(name, key)?;
        verifier.check_id(id)?;
        Ok(verifier)
    }
}

impl signed_note::Verifier for VerifierKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        self.signed(text, signature)
    }
}

fn split(text: &str) -> Option<(&str, &str, Vec<u8>)> {
    let (name, rest) = text.split_once('+')?;
    let (id, base64) = rest.split_once('+')?;
    Some((name, id, Base64::decode_vec(base64).ok()?))
}

fn join<const TYPE: u8>(public: &PublicKey<TYPE>, key: &[u8; 32]) -> String {
    format!("{}+{:08x}+{}", public.name, public.id, Base64::encode_string(&typed::<TYPE>(key)))
}

fn typed<const TYPE: u8>(key: &[u8; 32]) -> [u8; 33] {
    let mut bytes = [TYPE; 33];
    bytes[1..].copy_from_slice(key);
    bytes
}

fn ed25519_bytes<const TYPE: u8>(typed: &[u8]) -> Result<[u8; 32]> {
    match typed.split_first() {
        Some((&found, key)) if found == TYPE => key.try_into().map_err(|_| Error::MalformedKey("length")),
        Some((&other, _)) => Err(Error::UnknownSignatureType(other)),
        None => Err(Error::MalformedKey("length")),
    }
}

impl<const TYPE: u8> fmt::Display for PublicKey<TYPE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(self, self.key.as_bytes()))
    }
}

impl<const TYPE: u8> fmt::Debug for PublicKey<TYPE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosignerKey({}, secret)", self.witness)
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({}, secret)", self.verifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SignerKey {
        SignerKey::from_seed("ledger.example/县-1", [7; 32]).unwrap()
    }

    #[test]
    fn both_text_forms_are_read_back() {
        let signer = key();
        let secret = signer.to_secret_text();
        assert_eq!(SignerKey::parse(&secret).unwrap().to_secret_text(), secret);
        assert_eq!(signer.verifier().to_string().parse::<VerifierKey>().unwrap(), *signer.verifier());
    }

    #[test]
    fn any_changed_byte_of_a_key_is_refused() {
        let (secret, public) = (key().to_secret_text(), key().verifier().to_string());
        for at in 0..secret.len() {
            assert!(
                changed(&secret, at).is_none_or(|text| SignerKey::parse(&text).is_err()),
                "private byte {at}"
            );
        }
        for at in 0..public.len() {
            assert!(
                changed(&public, at).is_none_or(|text| text.parse::<VerifierKey>().is_err()),
                "public byte {at}"
            );
        }
    }

    fn changed(text: &str, at: usize) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        String::from_utf8(bytes).ok()
    }

    #[test]
    fn names_that_break_a_note_are_refused() {
        for name in ["", "a b", "a+b", "a\nb", "a\u{1}b", "a\u{3000}b", &"a".repeat(256)] {
            assert!(matches!(SignerKey::from_seed(name, [7; 32]), Err(Error::MalformedKey(_))), "{name:?}");
        }
    }

    #[test]
    fn a_key_of_another_type_is_named() {
        let typed = [&[0x04][..], &[1; 32]].concat();
        let text = format!("a+00000000+{}", Base64::encode_string(&typed));
        assert!(matches!(text.parse::<VerifierKey>(), Err(Error::UnknownSignatureType(0x04))));
    }

    #[test]
    fn a_witness_has_a_key_of_its_own_that_follows_from_the_signers() {
        let witness = key().cosigner().unwrap();
        assert_eq!(witness.witness().name(), "ledger.example/县-1/witness");
        assert_ne!(witness.key.as_bytes(), key().key.as_bytes());
        assert_eq!(witness.witness(), key().cosigner().unwrap().witness());
        let text = witness.witness().to_string();
        assert_eq!(text.parse::<WitnessKey>().unwrap(), *witness.witness());
        assert!(matches!(text.parse::<VerifierKey>(), Err(Error::UnknownSignatureType(0x04))));
        let log = key().verifier().to_string();
        assert!(matches!(log.parse::<WitnessKey>(), Err(Error::UnknownSignatureType(0x01))));
    }

    #[test]
    fn debug_output_does_not_show_the_private_key() {
        let shown = format!("{:?}", key());
        let secret = key().to_secret_text();
        assert!(!shown.contains(secret.rsplit('+').next().unwrap()));
    }
}
