//! A provider of ours that says whatever it is told to, true or not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone)]
pub struct Asked {
    pub path: String,
    pub authorization: String,
    pub body: String,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<BTreeMap<String, (u16, String)>>,
    asked: Mutex<Vec<Asked>>,
    is_over: AtomicBool,
}

/// Answers until it is dropped.
pub struct Hostile {
    port: u16,
    pub issuer: String,
    shared: Arc<Shared>,
}

impl Hostile {
    /// One that describes itself as it should, and has one key.
    pub fn start(key: &Key) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let kept = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if kept.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, kept) = (stream.unwrap(), kept.clone());
                std::thread::spawn(move || take(stream, &kept));
            }
        });
        let hostile = Self { port, issuer: format!("http://127.0.0.1:{port}/realm"), shared };
        hostile.describe(&hostile.description());
        hostile.publish(&[key]);
        hostile
    }

    pub fn description(&self) -> Value {
        let at = |path: &str| format!("http://127.0.0.1:{}{path}", self.port);
        json!({ "issuer": self.issuer, "authorization_endpoint": at("/authorize?tenant=1"),
            "token_endpoint": at("/token"), "jwks_uri": at("/keys") })
    }

    pub fn describe(&self, description: &Value) {
        self.answer("/realm/.well-known/openid-configuration", 200, &description.to_string());
    }

    pub fn publish(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        self.answer("/keys", 200, &json!({ "keys": keys }).to_string());
    }

    /// What a code is exchanged for.
    pub fn give(&self, token: &str) {
        self.answer("/token", 200, &json!({ "id_token": token, "token_type": "Bearer" }).to_string());
    }

    pub fn answer(&self, path: &str, status: u16, body: &str) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), (status, body.to_owned()));
    }

    /// What was asked at a path, in order.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().iter().filter(|asked| asked.path == path).cloned().collect()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

fn take(mut stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let named = lines.iter().filter_map(|line| line.split_once(": "));
        named.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let authorization = header("authorization").unwrap_or_default();
    let asked = Asked { path: path.clone(), authorization, body: String::from_utf8(body).unwrap() };
    shared.asked.lock().unwrap().push(asked);
    let (status, body) = shared.answers.lock().unwrap().get(&path).cloned().unwrap_or((404, String::new()));
    let more = if status == 302 { "location: /elsewhere\r\n" } else { "" };
    let answer = format!(
        "HTTP/1.1 {status} Said\r\n{more}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).ok();
}

/// A key pair of P-256 under a name.
pub struct Key {
    pub kid: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    pub fn new(kid: &'static str) -> Self {
        let (rng, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap();
        Self { kid, pair: EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &rng).unwrap() }
    }

    fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn public(&self) -> Value {
        let (x, y) = self.point()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "alg": "ES256",
            "x": encoded(x), "y": encoded(y) })
    }

    /// A token as it should be signed.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(self.kid, claims)
    }

    /// A token that names another key than it is signed by.
    pub fn sign_as(&self, kid: &str, claims: &Value) -> String {
        let text = unsigned(&json!({ "alg": "ES256", "kid": kid, "typ": "JWT" }), claims);
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", encoded(signature.as_ref()))
    }

    /// A token that is keyed with what everybody knows: the public key, as bytes or as it is published.
    pub fn keyed_with_public(&self, claims: &Value) -> [String; 2] {
        let text = unsigned(&json!({ "alg": "HS256", "kid": self.kid }), claims);
        let tag = |secret: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        let published = self.public().to_string();
        [self.point(), published.as_bytes()].map(|secret| format!("{text}.{}", encoded(tag(secret).as_ref())))
    }
}

/// Header and claims of a token, to which the signature is missing.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encoded(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

pub fn encoded(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
