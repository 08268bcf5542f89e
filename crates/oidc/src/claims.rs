//! What an ID token says (OpenID Connect Core, section 3.1.3.7), and for whom and when it says it.

use base::Time;
use serde_json::Value;

/// How far the clocks of two houses may lie apart.
const LEEWAY_S: i64 = 60;
/// A token is as old as the way back from the provider at most.
const AGE_S_MAX: i64 = 10 * 60;

/// Why a token of the provider is not for this sign-in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another client")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token was not issued just now")]
    Issued,
    #[error("the token belongs to another sign-in")]
    Nonce,
    #[error("the token has no claim {0:?} that names somebody in 255 characters")]
    Subject(String),
    #[error("the provider has not verified the mail address")]
    Unverified,
}

/// What a provider may call somebody: as long as a subject may be (OpenID Connect Core 1.0, section 2).
const NAME_CHARS_MAX: usize = 255;

/// What a token must say.
pub(crate) struct Expected<'e> {
    pub issuer: &'e str,
    pub client: &'e str,
    pub nonce: &'e str,
    /// The claim that names the person.
    pub claim: &'e str,
}

/// Whom the token names, if it is for this client and this sign-in, now.
pub(crate) fn subject(token: &Value, expected: &Expected<'_>, now: Time) -> Result<String, ClaimError> {
    if token["iss"].as_str() != Some(expected.issuer) {
        return Err(ClaimError::Issuer);
    }
    if !is_for(token, expected.client) {
        return Err(ClaimError::Audience);
    }
    let now_s = now.0.div_euclid(1_000);
    if seconds(&token["exp"]).is_none_or(|expires| expires.saturating_add(LEEWAY_S) <= now_s) {
        return Err(ClaimError::Expired);
    }
    let in_time = |issued: i64| {
        let age = now_s.saturating_sub(issued);
        (-LEEWAY_S..=AGE_S_MAX + LEEWAY_S).contains(&age)
    };
    if !seconds(&token["iat"]).is_some_and(in_time) {
        return Err(ClaimError::Issued);
    }
    if token["nbf"] != Value::Null
        && seconds(&token["nbf"]).is_none_or(|from| from > now_s.saturating_add(LEEWAY_S))
    {
        return Err(ClaimError::Issued);
    }
    if token["nonce"].as_str() != Some(expected.nonce) {
        return Err(ClaimError::Nonce);
    }
    // Where anybody can write any address, an address is nobody's name.
    if expected.claim == "email" && token["email_verified"] != Value::Bool(true) {
        return Err(ClaimError::Unverified);
    }
    let is_name = |name: &&str| !name.trim().is_empty() && name.chars().nth(NAME_CHARS_MAX).is_none();
    let named = token[expected.claim].as_str().filter(is_name);
    named.map(str::to_owned).ok_or_else(|| ClaimError::Subject(expected.claim.to_owned()))
}

/// Whether a token is for a client, and was given to it: where it is for several, or says to whom it was given, it must
/// say so.
fn is_for(token: &Value, client: &str) -> bool {
    let (is_named, is_alone) = match &token["aud"] {
        Value::String(one) => (one == client, true),
        Value::Array(all) => (all.iter().any(|one| one == client), all.len() == 1),
        _ => (false, false),
    };
    let given_to = &token["azp"];
    is_named && if *given_to == Value::Null { is_alone } else { given_to == client }
}

/// A moment (RFC 7519, NumericDate), which may have a fraction.
fn seconds(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "a fraction of a second is beyond the leeway")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Time = Time(1_773_100_800_000);
    const NOW_S: i64 = NOW.0 / 1_000;

    fn good() -> Value {
        json!({ "iss": "https://id.example", "aud": "taizhang", "exp": NOW_S + 60, "iat": NOW_S, "nonce": "n",
            "sub": "u-1", "email": "wei@example.cn", "email_verified": true })
    }

    fn named(token: &Value, claim: &str) -> Result<String, ClaimError> {
        let expected = Expected { issuer: "https://id.example", client: "taizhang", nonce: "n", claim };
        subject(token, &expected, NOW)
    }

    fn with(name: &str, value: Value) -> Result<String, ClaimError> {
        let mut token = good();
        token[name] = value;
        named(&token, "sub")
    }

    #[test]
    fn a_token_that_fits_names_somebody() {
        assert_eq!(named(&good(), "sub").unwrap(), "u-1");
        assert_eq!(named(&good(), "email").unwrap(), "wei@example.cn");
        for (name, value) in [
            ("aud", json!(["taizhang"])),
            ("azp", json!("taizhang")),
            ("exp", json!(NOW_S - 59)),
            ("exp", json!(NOW_S as f64 + 0.5)),
            ("iat", json!(NOW_S + 60)),
            ("iat", json!(NOW_S - 660)),
            ("nbf", json!(NOW_S + 60)),
        ] {
            assert!(with(name, value.clone()).is_ok(), "{name} {value}");
        }
        let mut several = good();
        several["aud"] = json!(["other", "taizhang"]);
        several["azp"] = json!("taizhang");
        assert!(named(&several, "sub").is_ok());
    }

    #[test]
    fn a_token_that_does_not_fit_names_nobody() {
        for (name, value, error) in [
            ("iss", json!("https://id.example/"), ClaimError::Issuer),
            ("iss", Value::Null, ClaimError::Issuer),
            ("aud", json!("other"), ClaimError::Audience),
            ("aud", json!(["other", "taizhang"]), ClaimError::Audience),
            ("aud", json!([]), ClaimError::Audience),
            ("aud", Value::Null, ClaimError::Audience),
            ("azp", json!("other"), ClaimError::Audience),
            ("azp", json!(["taizhang"]), ClaimError::Audience),
            ("exp", json!(NOW_S - 60), ClaimError::Expired),
            ("exp", json!((NOW_S + 60).to_string()), ClaimError::Expired),
            ("exp", Value::Null, ClaimError::Expired),
            ("iat", json!(NOW_S + 61), ClaimError::Issued),
            ("iat", json!(NOW_S - 661), ClaimError::Issued),
            ("iat", Value::Null, ClaimError::Issued),
            ("nbf", json!(NOW_S + 61), ClaimError::Issued),
            ("nbf", json!("now"), ClaimError::Issued),
            ("nonce", json!("m"), ClaimError::Nonce),
            ("nonce", Value::Null, ClaimError::Nonce),
            ("sub", json!(" "), ClaimError::Subject("sub".into())),
            ("sub", json!(7), ClaimError::Subject("sub".into())),
            ("sub", json!("u".repeat(256)), ClaimError::Subject("sub".into())),
        ] {
            assert_eq!(with(name, value.clone()).unwrap_err(), error, "{name} {value}");
        }
        for token in [json!([]), json!("x"), Value::Null] {
            assert!(named(&token, "sub").is_err());
        }
    }

    #[test]
    fn an_address_that_nobody_verified_names_nobody() {
        for said in [json!(false), json!("true"), Value::Null] {
            let mut token = good();
            token["email_verified"] = said;
            assert_eq!(named(&token, "email").unwrap_err(), ClaimError::Unverified);
            assert!(named(&token, "sub").is_ok());
        }
    }
}
