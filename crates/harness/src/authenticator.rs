//! An authenticator in somebody's telephone: knows the secret as it was typed, and the time.

use base::Time;
use ring::hmac;

/// The code of a secret in base32 at a moment (RFC 6238).
pub fn authenticator(base32: &str, now: Time) -> String {
    let mut bits = 0_u64;
    let mut held = 0;
    let mut secret = Vec::new();
    for letter in base32.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let five = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => panic!("{base32} is not base32"),
        };
        bits = (bits << 5) | u64::from(five);
        held += 5;
        if held >= 8 {
            held -= 8;
            secret.push(u8::try_from((bits >> held) & 255).unwrap());
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &now.0.div_euclid(30_000).to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word: [u8; 4] = tag.as_ref()[at..at + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}
