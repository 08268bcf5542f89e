//! Ed25519 keys in the text forms of C2SP signed-note.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::{Error, Result};

/// The type byte of plain Ed25519 signatures (C2SP signed-note, "Signature types").
const ED25519: u8 = 0x01;
const PRIVATE: &str = "PRIVATE+KEY+";
const NAME_BYTES_MAX: usize = 255;

/// The public key of a signer: `name+hash+base64`, where `hash` is the first four bytes of SHA-256 over name,
/// type and key in hexadecimal.
///
/// Only plain Ed25519 is known. Cosignatures of witnesses (C2SP tlog-cosignature) have a type byte of their
/// own; today such keys are refused and such signatures skipped like those of any unknown key.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// The private key of a signer. Neither `Debug` nor `Display` shows it; [`SignerKey::to_secret_text`] does.
#[derive(Clone)]
pub struct SignerKey {
    key: SigningKey,
    verifier: VerifierKey,
}

impl SignerKey {
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
        let signer = Self::from_seed(name, ed25519_bytes(&bytes)?)?;
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

impl VerifierKey {
    fn new(name: &str, key: VerifyingKey) -> Result<Self> {
        let sound = signed_note::is_key_name_valid(name) && !name.chars().any(char::is_control);
        if !sound || name.len() > NAME_BYTES_MAX {
            return Err(Error::MalformedKey("name"));
        }
        if key.is_weak() {
            return Err(Error::MalformedKey("weak public key"));
        }
        let id = signed_note::key_id(name, &typed(key.as_bytes()));
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

    fn check_id(&self, id: &str) -> Result<()> {
        if id == format!("{:08x}", self.id) {
            Ok(())
        } else {
            Err(Error::MalformedKey("hash does not fit the key"))
        }
    }
}

impl FromStr for VerifierKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, id, bytes) = split(text).ok_or(Error::MalformedKey("form"))?;
        let key = VerifyingKey::from_bytes(&ed25519_bytes(&bytes)?)
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

    // Strict, unlike the crate's own verifier: two implementations must never disagree about a signature.
    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(text, &signature).is_ok())
    }
}

fn split(text: &str) -> Option<(&str, &str, Vec<u8>)> {
    let (name, rest) = text.split_once('+')?;
    let (id, base64) = rest.split_once('+')?;
    Some((name, id, Base64::decode_vec(base64).ok()?))
}

fn join(verifier: &VerifierKey, key: &[u8; 32]) -> String {
    format!("{}+{:08x}+{}", verifier.name, verifier.id, Base64::encode_string(&typed(key)))
}

fn typed(key: &[u8; 32]) -> [u8; 33] {
    let mut bytes = [ED25519; 33];
    bytes[1..].copy_from_slice(key);
    bytes
}

fn ed25519_bytes(typed: &[u8]) -> Result<[u8; 32]> {
    match typed.split_first() {
        Some((&ED25519, key)) => key.try_into().map_err(|_| Error::MalformedKey("length")),
        Some((&other, _)) => Err(Error::UnknownSignatureType(other)),
        None => Err(Error::MalformedKey("length")),
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(self, self.key.as_bytes()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
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
    fn debug_output_does_not_show_the_private_key() {
        let shown = format!("{:?}", key());
        let secret = key().to_secret_text();
        assert!(!shown.contains(secret.rsplit('+').next().unwrap()));
    }
}
