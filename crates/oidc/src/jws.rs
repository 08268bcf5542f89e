//! Signed texts (RFC 7515, compact form) and public keys (RFC 7517). A text says which algorithm it was signed by, and is
//! believed only where a key of the provider is of that very sort: `none` and what is keyed with a shared secret are not.

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// Keys of a provider that are looked at.
const KEYS_MAX: usize = 64;

/// Why a signed text is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    #[error("the token is not of the form of one")]
    Form,
    #[error("the token is signed by an algorithm that is not taken")]
    Algorithm,
    #[error("the token asks for extensions that are not known")]
    Critical,
    #[error("the provider has no such key")]
    UnknownKey,
    #[error("the token is not signed by the provider's key")]
    Signature,
}

/// The algorithms that are taken (RFC 7518, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Ps256,
    Es256,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            _ => return None,
        })
    }
}

/// A public key for signatures.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    kid: Option<String>,
    /// The one algorithm that it is for, if it says so.
    only: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point of P-256.
    P256(Vec<u8>),
}

impl Key {
    /// A key of a set; `None` if it is for something else, or of another sort.
    fn read(key: &Value) -> Option<Self> {
        let text = |name: &str| key[name].as_str();
        let bytes = |name: &str| Base64UrlUnpadded::decode_vec(text(name)?).ok();
        if text("use").is_some_and(|of| of != "sig") {
            return None;
        }
        let only = match text("alg") {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        let material = match text("kty")? {
            "RSA" => Material::Rsa { n: plain(bytes("n")?), e: plain(bytes("e")?) },
            "EC" if text("crv")? == "P-256" => Material::P256([vec![4], bytes("x")?, bytes("y")?].concat()),
            _ => return None,
        };
        Some(Self { kid: text("kid").map(str::to_owned), only, material })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_of_sort = match self.material {
            Material::Rsa { .. } => algorithm != Algorithm::Es256,
            Material::P256(_) => algorithm == Algorithm::Es256,
        };
        is_of_sort && self.only.is_none_or(|only| only == algorithm)
    }

    fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let rsa = |parameters: &'static RsaParameters, n: &[u8], e: &[u8]| {
            RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature).is_ok()
        };
        match (&self.material, algorithm) {
            (Material::Rsa { n, e }, Algorithm::Rs256) => rsa(&RSA_PKCS1_2048_8192_SHA256, n, e),
            (Material::Rsa { n, e }, Algorithm::Ps256) => rsa(&RSA_PSS_2048_8192_SHA256, n, e),
            (Material::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// Some providers write numbers with zeros before them.
fn plain(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// The keys of a set that signatures can be checked by; `None` if it is no set.
pub(crate) fn keys(set: &Value) -> Option<Vec<Key>> {
    let keys = set["keys"].as_array()?;
    Some(keys.iter().take(KEYS_MAX).filter_map(Key::read).collect())
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A text that says it is signed.
pub(crate) struct Signed<'t> {
    algorithm: Algorithm,
    kid: Option<String>,
    signed: &'t str,
    payload: &'t str,
    signature: Vec<u8>,
}

impl<'t> Signed<'t> {
    pub(crate) fn read(text: &'t str) -> Result<Self, JwsError> {
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Form)?;
        let Header { alg, kid, crit } = json(header)?;
        let algorithm = Algorithm::named(&alg).ok_or(JwsError::Algorithm)?;
        if crit.is_some() {
            return Err(JwsError::Critical);
        }
        let signature = Base64UrlUnpadded::decode_vec(signature).map_err(|_| JwsError::Form)?;
        Ok(Self { algorithm, kid, signed, payload, signature })
    }

    /// The key that it names, or the only one that it could mean.
    pub(crate) fn key<'k>(&self, keys: &'k [Key]) -> Option<&'k Key> {
        let mut fitting = keys.iter().filter(|key| key.fits(self.algorithm));
        match &self.kid {
            Some(kid) => fitting.find(|key| key.kid.as_ref() == Some(kid)),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }

    /// What was signed, if it was by this key.
    pub(crate) fn open(&self, key: &Key) -> Result<Value, JwsError> {
        if !key.verify(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(JwsError::Signature);
        }
        json(self.payload)
    }
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, JwsError> {
    let bytes = Base64UrlUnpadded::decode_vec(part).map_err(|_| JwsError::Form)?;
    serde_json::from_slice(&bytes).map_err(|_| JwsError::Form)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAYLOAD: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RS256: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5\
        jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9\
        383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtV\
        rBp0igcN_IoypGlUPQGe77Rw";
    const ES256: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn rsa() -> Value {
        json!({ "kty": "RSA", "kid": "r", "e": "AQAB",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd\
                2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2\
                R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9\
                gb54h4FRWyuXpoQ" })
    }

    fn p256() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" })
    }

    fn text(header: Value, signature: &str) -> String {
        let header = Base64UrlUnpadded::encode_string(header.to_string().as_bytes());
        format!("{header}.{PAYLOAD}.{signature}")
    }

    fn open(text: &str, all: &[Value]) -> Result<Value, JwsError> {
        let keys = keys(&json!({ "keys": all })).unwrap();
        let signed = Signed::read(text)?;
        signed.open(signed.key(&keys).ok_or(JwsError::UnknownKey)?)
    }

    #[test]
    fn the_examples_of_rfc_7515_are_believed_and_none_with_a_byte_changed() {
        for (header, signature) in [("eyJhbGciOiJSUzI1NiJ9", RS256), ("eyJhbGciOiJFUzI1NiJ9", ES256)] {
            let text = format!("{header}.{PAYLOAD}.{signature}");
            assert_eq!(open(&text, &[rsa(), p256()]).unwrap()["iss"], "joe");
            for at in (0..PAYLOAD.len()).step_by(7).map(|at| header.len() + 1 + at) {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                assert!(open(&String::from_utf8(changed).unwrap(), &[rsa(), p256()]).is_err(), "{at}");
            }
        }
    }

    #[test]
    fn what_is_not_signed_by_a_key_pair_is_not_believed() {
        for alg in ["none", "None", "", "HS256", "HS512", "RS1", "ES256K", "rs256"] {
            let found = open(&text(json!({ "alg": alg }), ""), &[rsa(), p256()]);
            assert_eq!(found.unwrap_err(), JwsError::Algorithm, "{alg}");
        }
        let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
        let shared = json!({ "kty": "oct", "kid": "r", "k": key });
        assert_eq!(open(&text(json!({ "alg": "HS256" }), ""), &[shared]).unwrap_err(), JwsError::Algorithm);
    }

    #[test]
    fn a_key_is_taken_for_what_it_is_and_no_other() {
        let named = |kid: &str| open(&text(json!({ "alg": "RS256", "kid": kid }), RS256), &[rsa()]);
        assert_eq!(named("other").unwrap_err(), JwsError::UnknownKey);
        // The header is not the one that was signed.
        assert_eq!(named("r").unwrap_err(), JwsError::Signature);
        let bare = format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{RS256}");
        let with = |name: &str, value: &str| {
            let mut key = rsa();
            key[name] = json!(value);
            open(&bare, &[key])
        };
        assert!(with("alg", "RS256").is_ok() && with("use", "sig").is_ok());
        assert!(with("n", &format!("AAAA{}", rsa()["n"].as_str().unwrap())).is_ok());
        for (name, value) in [("alg", "PS256"), ("alg", "HS256"), ("use", "enc"), ("kty", "oct"), ("n", "!")]
        {
            assert_eq!(with(name, value).unwrap_err(), JwsError::UnknownKey, "{name} {value}");
        }
        assert_eq!(with("n", "AQAB").unwrap_err(), JwsError::Signature);
        // Two keys that it could mean are none.
        assert_eq!(open(&bare, &[rsa(), rsa()]).unwrap_err(), JwsError::UnknownKey);
    }

    #[test]
    fn what_is_no_token_is_none() {
        let critical = json!({ "alg": "RS256", "crit": ["exp"] });
        assert_eq!(open(&text(critical, RS256), &[rsa()]).unwrap_err(), JwsError::Critical);
        for odd in ["", ".", "..", "a.b", "e30..", "e30.e30.", "a.b.c.d.e", "e30=.e30.e30", "ｅ.e.e"] {
            assert_eq!(open(odd, &[rsa()]).unwrap_err(), JwsError::Form, "{odd:?}");
        }
        assert!(keys(&json!([])).is_none() && keys(&json!({ "keys": {} })).is_none());
        assert!(keys(&json!({ "keys": [1, null, {}, { "kty": 1 }] })).unwrap().is_empty());
    }
}
