//! Codes that change with the time (RFC 6238) and the secret that they come from.

use base::Time;
use ring::hmac;
use subtle::ConstantTimeEq;

/// A code holds for so long; what every authenticator assumes (RFC 6238 section 5.2).
const STEP_MS: i64 = 30_000;
/// Steps before and after now that are taken too: clocks differ, and typing takes a while.
const STEPS_BESIDE: i64 = 1;
pub const DIGITS: usize = 6;

/// 160 bits, as RFC 4226 section 4 recommends, and as many as SHA-1 gives.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret([u8; 20]);

impl TotpSecret {
    pub fn from_drawn(drawn: [u8; 32]) -> Self {
        Self(*drawn.first_chunk().expect("32 bytes begin with 20"))
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }

    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// As it is typed into an authenticator (RFC 4648 section 6); 160 bits need no padding.
    pub fn to_base32(&self) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let five = |bits: u64, at: u32| char::from(LETTERS[((bits >> (35 - 5 * at)) & 31) as usize]);
        let group = |bytes: &[u8]| bytes.iter().fold(0, |bits, byte| (bits << 8) | u64::from(*byte));
        self.0.chunks(5).map(group).flat_map(|bits| (0..8).map(move |at| five(bits, at))).collect()
    }

    /// The step of a code that holds now and is later than the last one that was used.
    pub fn step_of(&self, code: &str, now: Time, last: i64) -> Option<i64> {
        let current = now.0.div_euclid(STEP_MS);
        let steps = (current - STEPS_BESIDE).max(last + 1)..=current + STEPS_BESIDE;
        // All are compared, so that the time tells nothing.
        steps.filter(|step| bool::from(self.code(*step).as_bytes().ct_eq(code.as_bytes()))).min()
    }

    fn code(&self, step: i64) -> String {
        hotp(&self.0, step.unsigned_abs(), DIGITS)
    }
}

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

/// The code of a counter (RFC 4226 section 5.3).
fn hotp(secret: &[u8], counter: u64, digits: usize) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 15);
    let word: [u8; 4] = tag[at..at + 4].try_into().expect("twenty bytes hold four from the fifteenth on");
    let number = u64::from(u32::from_be_bytes(word) & 0x7fff_ffff) % 10_u64.pow(digits as u32);
    format!("{number:0digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8; 20] = b"12345678901234567890";

    #[test]
    fn codes_of_counters_are_those_of_rfc_4226_appendix_d() {
        let codes: Vec<String> = (0..10).map(|counter| hotp(SECRET, counter, 6)).collect();
        assert_eq!(
            codes,
            [
                "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
                "520489"
            ]
        );
    }

    #[test]
    fn codes_of_moments_are_those_of_rfc_6238_appendix_b() {
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(hotp(SECRET, seconds / 30, 8), code, "{seconds}");
            let secret = TotpSecret(*SECRET);
            let now = Time(i64::try_from(seconds).unwrap() * 1_000);
            assert_eq!(secret.step_of(&code[2..], now, 0), Some(now.0 / STEP_MS), "{seconds}");
        }
    }

    #[test]
    fn a_code_holds_one_step_early_and_late_and_once() {
        let secret = TotpSecret(*SECRET);
        let (step, now) = (40_000_000, |step: i64| Time(step * STEP_MS + 17));
        let code = secret.code(step);
        for (at, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            assert_eq!(secret.step_of(&code, now(step + at), 0).is_some(), taken, "{at}");
        }
        assert_eq!(secret.step_of(&code, now(step), step), None);
        assert_eq!(
            secret.step_of(&secret.code(step - 1), now(step), step),
            None,
            "older than one that was used"
        );
        assert_eq!(secret.step_of(&secret.code(step + 1), now(step), step), Some(step + 1));
        for other in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(secret.step_of(other, now(step), 0), None, "{other:?}");
        }
    }

    #[test]
    fn a_secret_is_written_in_base32_and_never_shown_by_debug() {
        let secret = TotpSecret(*SECRET);
        assert_eq!(secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(TotpSecret::from_hex(&secret.to_hex()), Some(secret.clone()));
        assert_eq!(format!("{secret:?}"), "TotpSecret(..)");
    }
}
