//! A form that is sent twice is recorded once: each time that it is shown it carries a key of its own, under which the
//! kernel gives the first answer again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use base::{ActorId, Time};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::problem::Problem;
use crate::texts::Both;

/// The hidden field that holds the key.
pub const FIELD: &str = "key";

/// The longest key that is taken; ours have some thirty characters.
const KEY_CHARS_MAX: usize = 64;

/// A key for a form that is shown now: the moment, from which codes may follow, and 64 random bits, so that no two
/// forms share one.
pub fn key(now: Time) -> String {
    format!("{}-{:016x}", now.0, rand::random::<u64>())
}

/// The moment that a form was shown, from its key; now, if the key was tampered with or is older than a day.
pub fn made(key: &str, now: Time) -> Time {
    let moment = key.split('-').next().and_then(|moment| moment.parse().ok()).map(Time);
    moment.filter(|made: &Time| (0..=86_400_000).contains(&now.since_ms(*made))).unwrap_or(now)
}

/// A form that was sent, as the kernel knows it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The form and the key that it was shown with.
    pub key: String,
    /// SHA-256 of what was typed, in hex.
    pub digest: String,
}

impl Sent {
    /// A request to the API with the header `Idempotency-Key`; `None` if it came without one.
    pub fn asked(headers: &HeaderMap, content: &impl Serialize) -> Result<Option<Self>, Problem> {
        let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
        let key = key.to_str().unwrap_or_default().to_owned();
        if key.is_empty() || key.len() > 128 {
            let detail = Both::new("幂等键应为 1 至 128 个可见字符。", "must be 1 to 128 visible characters");
            return Err(Problem::bad_request("Idempotency-Key", "format", detail));
        }
        let digest = hex::encode(Sha256::digest(serde_json::to_vec(content).unwrap_or_default()));
        Ok(Some(Self { key, digest }))
    }

    /// A request of nobody in particular: among all of those a key tells nothing, so what was asked is a part of it.
    #[must_use]
    pub fn of_nobody(self) -> Self {
        Self { key: format!("{} {}", self.key, self.digest), ..self }
    }

    /// What was typed into a form, without the fields that nobody types; `None` if it came without a key.
    pub fn of(form: &str, typed: &BTreeMap<String, String>) -> Option<Self> {
        let key = typed.get(FIELD).map(String::as_str).unwrap_or_default();
        let good = |key: &str| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if key.is_empty() || key.len() > KEY_CHARS_MAX || !good(key) {
            return None;
        }
        let mut hash = Sha256::new();
        for (name, value) in typed.iter().filter(|(name, _)| !matches!(name.as_str(), FIELD | "csrf")) {
            for text in [name, value] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
        Some(Self { key: format!("form {form} {key}"), digest: hex::encode(hash.finalize()) })
    }
}

/// A form that was sent before with other content says so to whoever typed it; it is shown with a new key.
pub fn told(problem: Problem) -> Problem {
    if problem.rule.as_deref() != Some("idempotency-key") {
        return problem;
    }
    let detail = Both::new(
        "本页表单此前已提交并登记。如需另行登记，请核对内容后再次提交。",
        "this form was sent and recorded before; to record another, check it and send it again",
    );
    Problem { detail, ..problem }
}

/// How long a secret that was just shown is kept for the second answer to the same form.
const SHOWN: Duration = Duration::from_secs(60);

type Slot = Arc<Mutex<Option<String>>>;
type Slots = HashMap<(ActorId, String), (Instant, Slot)>;

/// Secrets that were just shown, in memory alone: whoever clicks twice would see the second answer only, and the
/// kernel keeps no secret to give again.
#[derive(Default)]
pub struct Shown(Mutex<Slots>);

impl Shown {
    /// The place of a form's secret. Whoever holds its lock does what the form asks; the second waits for the first.
    pub fn slot(&self, actor: &ActorId, sent: &Sent) -> Slot {
        let place = (actor.clone(), sent.key.clone());
        self.fresh().entry(place).or_insert_with(|| (Instant::now(), Slot::default())).1.clone()
    }

    /// Lets go of what was shown long enough ago; called every so often, since nobody may ask for a slot again.
    pub fn forget(&self) {
        drop(self.fresh());
    }

    fn fresh(&self) -> MutexGuard<'_, Slots> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, (since, _)| since.elapsed() < SHOWN);
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_form_is_known_again_by_its_key_and_what_was_typed() {
        let sent = Sent::of("price", &typed(&[("key", "1-a"), ("csrf", "x"), ("price", "7")])).unwrap();
        assert_eq!(sent.key, "form price 1-a");
        assert_eq!(Some(&sent), Sent::of("price", &typed(&[("key", "1-a"), ("price", "7")])).as_ref());
        let other = Sent::of("price", &typed(&[("key", "1-a"), ("price", "8")])).unwrap();
        assert!(other.key == sent.key && other.digest != sent.digest);
        for key in ["", "a b", "钥匙", &"a".repeat(65)] {
            assert_eq!(Sent::of("price", &typed(&[("key", key)])), None, "{key:?}");
        }
    }

    #[test]
    fn a_form_from_the_future_or_of_another_day_is_made_now() {
        assert_eq!(made("5000-0a", Time(9_000)), Time(5_000));
        assert_eq!(made("9001-0a", Time(9_000)), Time(9_000));
        assert_eq!(made("x", Time(9_000)), Time(9_000));
        assert_ne!(key(Time(1)), key(Time(1)));
        assert_eq!(made(&key(Time(8)), Time(9)), Time(8));
    }
}
