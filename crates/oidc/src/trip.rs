//! What a browser takes along to the provider and brings back.

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

/// One way to the provider and back. All of it follows from the secret in the browser's cookie, so nothing of it has to be
/// kept, and nobody without that cookie can end what was begun with it.
pub struct Trip {
    /// Comes back with the browser.
    pub(crate) state: String,
    /// Comes back in the token.
    pub(crate) nonce: String,
    /// Is shown with the code (RFC 7636).
    pub(crate) verifier: String,
}

impl Trip {
    /// `secret` has at least 256 random bits.
    pub fn of(secret: &str) -> Self {
        let part = |what: &str| encoded_digest(&format!("taizhang {what} {secret}"));
        Self { state: part("state"), nonce: part("nonce"), verifier: part("verifier") }
    }

    /// Whether a browser came back from this way.
    pub fn is_of(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// The challenge of the method S256.
    pub(crate) fn challenge(&self) -> String {
        encoded_digest(&self.verifier)
    }
}

fn encoded_digest(text: &str) -> String {
    Base64UrlUnpadded::encode_string(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_has_a_way_of_its_own_whose_parts_differ() {
        let (one, other) = (Trip::of("one"), Trip::of("other"));
        assert!(one.is_of(&Trip::of("one").state) && !one.is_of(&other.state) && !one.is_of(""));
        let parts = [&one.state, &one.nonce, &one.verifier, &other.state, &other.nonce, &other.verifier];
        assert!(parts.iter().all(|part| part.len() == 43));
        assert_eq!(parts.iter().collect::<std::collections::BTreeSet<_>>().len(), 6);
    }

    #[test]
    fn the_challenge_is_that_of_the_example_of_rfc_7636() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let trip = Trip { verifier, ..Trip::of("") };
        assert_eq!(trip.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
