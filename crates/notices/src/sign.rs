//! How a receiver knows that a request is ours: the Standard Webhooks specification, v1
//! (<https://github.com/standard-webhooks/standard-webhooks>), for which receivers find libraries in every language.

use base64ct::{Base64, Encoding};
use ring::hmac;

/// `webhook-signature` of a request: HMAC-SHA256 over identity, seconds and body. None if the secret is not one of ours.
pub fn signature(secret: &str, id: &str, seconds: i64, body: &str) -> Option<String> {
    let key = Base64::decode_vec(secret.strip_prefix("whsec_")?).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", Base64::encode_string(tag.as_ref())))
}

/// HMAC-SHA256 over a body alone, in hexadecimal digits, for receivers that chose the secret themselves.
pub fn body_signature(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn a_body_is_signed_as_the_rfc_s_example_is() {
        let signed = body_signature("Jefe", "what do ya want for nothing?");
        assert_eq!(signed, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    /// The example of the specification's own test suite.
    #[test]
    fn the_specification_s_example_is_signed_as_it_says() {
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(signature("secret", "a", 0, ""), None);
    }
}
