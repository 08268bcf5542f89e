//! The provider: what it says of itself, its keys, and the exchange of a code for a token.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::Time;
use base64ct::{Base64, Encoding};
use kernel::notices::Fault;
use notices::{Answer, Outward, Reach};
use serde::Deserialize;
use serde_json::Value;

use crate::claims::{self, ClaimError, Expected};
use crate::jws::{self, JwsError, Key, Signed};
use crate::trip::Trip;

/// Longer answers are not read.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;
/// What the provider says of itself, and its keys, are asked for anew after this.
const KNOWN_MS_MAX: i64 = 3_600_000;
/// For a key that is not among those that are known, it is asked no sooner than after this.
const AGAIN_MS: i64 = 30_000;
/// Questions that are under way at a time; each holds a thread.
const UNDER_WAY_MAX: usize = 16;

/// What is agreed with a provider.
#[derive(Clone)]
pub struct Settings {
    /// The provider, as it names itself.
    pub issuer: String,
    /// What it calls us.
    pub client: String,
    /// What we show it with a code; without one the challenge alone protects codes.
    pub secret: Option<String>,
    /// What is asked for; `openid` is among it.
    pub scopes: Vec<String>,
    /// The claim that names a person.
    pub claim: String,
    /// How far questions go, which are not asked in public without TLS.
    pub reach: Reach,
}

/// Why somebody was not recognised.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("the provider does not answer: {}", .0.kind.as_str())]
    Unreachable(Fault),
    #[error("the provider cannot be used: {0}")]
    Unusable(&'static str),
    /// The word is the provider's (RFC 6749, section 5.2).
    #[error("the provider does not take the code: {status} {word}")]
    Refused { status: u16, word: String },
    #[error(transparent)]
    Jws(#[from] JwsError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error("too many are asking the provider")]
    Busy,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Unreachable(fault)
    }
}

/// What a provider says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, Deserialize)]
struct Profile {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether it names itself to browsers that it sends back (RFC 9207).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Something that was asked for, and when.
struct Dated<T> {
    at: Time,
    what: T,
}

#[derive(Default)]
struct Known {
    profile: Option<Dated<Profile>>,
    keys: Option<Dated<Vec<Key>>>,
    /// When keys were last asked for, whatever came of it.
    asked: Option<Time>,
}

/// A provider that people sign in with. Its methods block.
pub struct Provider {
    settings: Settings,
    outward: Outward,
    known: Mutex<Known>,
    under_way: AtomicUsize,
}

/// A question that is under way.
struct Turn<'p>(&'p AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Provider {
    pub fn new(settings: Settings) -> Result<Self, notices::Error> {
        let outward = Outward::new(&settings.reach)?;
        Ok(Self { settings, outward, known: Mutex::default(), under_way: AtomicUsize::new(0) })
    }

    /// The provider, as it names itself.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where a browser is sent; it comes back to `back`, an address of ours that the provider knows.
    pub fn address(&self, trip: &Trip, back: &str, language: &str, now: Time) -> Result<String, Error> {
        let _turn = self.turn()?;
        let endpoint = self.profile(now)?.authorization_endpoint;
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.settings.client),
            ("redirect_uri", back),
            ("scope", &self.settings.scopes.join(" ")),
            ("state", &trip.state),
            ("nonce", &trip.nonce),
            ("code_challenge", &trip.challenge()),
            ("code_challenge_method", "S256"),
            ("ui_locales", language),
        ]);
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{joint}{query}"))
    }

    /// Whom a code stands for. `sent_by` is who the browser says sent it back: another provider's code must not be shown to
    /// this one.
    pub fn recognise(
        &self,
        trip: &Trip,
        code: &str,
        sent_by: Option<&str>,
        back: &str,
        now: Time,
    ) -> Result<String, Error> {
        let _turn = self.turn()?;
        let profile = self.profile(now)?;
        let is_named = sent_by.is_some() || profile.authorization_response_iss_parameter_supported;
        if is_named && sent_by != Some(&self.settings.issuer) {
            return Err(ClaimError::Issuer.into());
        }
        let token = self.exchange(&profile, trip, code, back)?;
        let signed = Signed::read(&token)?;
        let payload = signed.open(&self.key(&profile, &signed, now)?)?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client: &self.settings.client,
            nonce: &trip.nonce,
            claim: &self.settings.claim,
        };
        Ok(claims::subject(&payload, &expected, now)?)
    }

    fn turn(&self) -> Result<Turn<'_>, Error> {
        let turn = Turn(&self.under_way);
        match self.under_way.fetch_add(1, Ordering::SeqCst) {
            taken if taken < UNDER_WAY_MAX => Ok(turn),
            _ => Err(Error::Busy),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn profile(&self, now: Time) -> Result<Profile, Error> {
        if let Some(known) = self.known().profile.as_ref().filter(|known| is_fresh(known.at, now)) {
            return Ok(known.what.clone());
        }
        let address =
            format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let told = serde_json::from_value(self.get(&address)?);
        let profile: Profile = told.map_err(|_| Error::Unusable("its description lacks addresses"))?;
        if profile.issuer != self.settings.issuer {
            return Err(Error::Unusable("its description names another issuer"));
        }
        // Whoever is reached over TLS does not lead to where there is none.
        let scheme = if self.settings.issuer.starts_with("https://") { "https://" } else { "http" };
        let addresses = [&profile.authorization_endpoint, &profile.token_endpoint, &profile.jwks_uri];
        let is_plain = |address: &str| address.bytes().all(|byte| byte.is_ascii_graphic());
        if !addresses.iter().all(|address| address.starts_with(scheme) && is_plain(address)) {
            return Err(Error::Unusable("an address of its description is not of the scheme of the issuer"));
        }
        self.known().profile = Some(Dated { at: now, what: profile.clone() });
        Ok(profile)
    }

    /// The key that a token was signed by. One that is not known may be new, so keys are asked for again, but not for
    /// every token that names a key which does not exist.
    fn key(&self, profile: &Profile, signed: &Signed<'_>, now: Time) -> Result<Key, Error> {
        {
            let known = self.known();
            if let Some(kept) = known.keys.as_ref().filter(|kept| is_fresh(kept.at, now)) {
                if let Some(key) = signed.key(&kept.what) {
                    return Ok(key.clone());
                }
                if known.asked.is_some_and(|asked| (0..AGAIN_MS).contains(&now.since_ms(asked))) {
                    return Err(JwsError::UnknownKey.into());
                }
            }
        }
        let told = self.get(&profile.jwks_uri);
        self.known().asked = Some(now);
        let keys = jws::keys(&told?).ok_or(Error::Unusable("its keys are no set of keys"))?;
        let found = signed.key(&keys).cloned();
        self.known().keys = Some(Dated { at: now, what: keys });
        found.ok_or_else(|| JwsError::UnknownKey.into())
    }

    fn get(&self, address: &str) -> Result<Value, Error> {
        let answer = self.outward.fetch(address, &[("accept", "application/json")], ANSWER_BYTES_MAX)?;
        if answer.status != 200 {
            return Err(Error::Unusable("it does not describe itself"));
        }
        serde_json::from_str(&answer.body)
            .map_err(|_| Error::Unusable("it answers with something else than JSON"))
    }

    /// Shows the code, with what proves that it was given to us, and gets the token.
    fn exchange(&self, profile: &Profile, trip: &Trip, code: &str, back: &str) -> Result<String, Error> {
        let client = self.settings.client.as_str();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", &trip.verifier),
        ];
        let methods = profile.token_endpoint_auth_methods_supported.as_deref();
        let takes = |method: &str| methods.is_none_or(|all| all.iter().any(|it| it == method));
        let mut basic = String::new();
        match &self.settings.secret {
            Some(secret) if takes("client_secret_basic") => {
                let pair = format!("{}:{}", escaped(client), escaped(secret));
                basic = format!("Basic {}", Base64::encode_string(pair.as_bytes()));
            }
            Some(secret) => fields.extend([("client_id", client), ("client_secret", secret)]),
            None => fields.push(("client_id", client)),
        }
        let mut headers =
            vec![("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        if !basic.is_empty() {
            headers.push(("authorization", &basic));
        }
        let Answer { status, body, .. } =
            self.outward.exchange(&profile.token_endpoint, &headers, &form(&fields), ANSWER_BYTES_MAX)?;
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        if status != 200 {
            return Err(Error::Refused { status, word: word(answer["error"].as_str()) });
        }
        answer["id_token"].as_str().map(str::to_owned).ok_or(Error::Unusable("it gives no token for a code"))
    }
}

/// A word of the provider that may stand in a log: of the form of its error codes, or none.
fn word(said: Option<&str>) -> String {
    let is_word =
        |word: &&str| word.len() <= 40 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    said.filter(is_word).unwrap_or_default().to_owned()
}

fn is_fresh(at: Time, now: Time) -> bool {
    (0..KNOWN_MS_MAX).contains(&now.since_ms(at))
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_provider_but_a_word_of_its_own_gets_into_a_log() {
        assert_eq!(word(Some("invalid_grant")), "invalid_grant");
        for said in [None, Some(""), Some("a code: 1234"), Some("Ab"), Some(&*"a".repeat(41))] {
            assert_eq!(word(said), "", "{said:?}");
        }
    }
}
