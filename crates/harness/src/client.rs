//! A small HTTP client that hides nothing: redirects are not followed, errors are answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderName, Request};

pub const JSON: &str = "application/json";

/// Somebody who sends requests to one server.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    headers: Vec<(String, String)>,
}

/// What came back, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Client {
    /// `base` is such as `http://127.0.0.1:8080`.
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self { agent: config.new_agent(), base: base.to_owned(), headers: Vec::new() }
    }

    /// The same client with a header on every request.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.into()));
        client
    }

    /// The same client with a program's or device's credential.
    #[must_use]
    pub fn bearer(&self, credential: &str) -> Self {
        self.with("authorization", format!("Bearer {credential}"))
    }

    /// The same client of another server.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).expect("the server answers")
    }

    /// Posts a JSON document.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_bytes(path, JSON, body.to_string().as_bytes())
    }

    /// Posts bytes that claim to be of some media type.
    pub fn post_bytes(&self, path: &str, media: &str, bytes: &[u8]) -> Answer {
        self.send("POST", path, Some(media), bytes).expect("the server answers")
    }

    /// Posts a form as a browser does.
    pub fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        self.post_bytes(path, "application/x-www-form-urlencoded", pairs.join("&").as_bytes())
    }

    /// Any request; an error is one of the connection.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        media: Option<&str>,
        bytes: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        let response = match method {
            "GET" | "HEAD" | "OPTIONS" => self.agent.run(request.body(()).unwrap()),
            _ => self.agent.run(request.body(bytes).unwrap()),
        }?;
        let (parts, body) = response.into_parts();
        let bytes = body.into_with_config().limit(64 * 1024 * 1024).read_to_vec()?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, bytes })
    }

    /// A connection on which the head of a request was sent, and not yet its body.
    pub fn open(&self, method: &str, path: &str, more: &[(&str, &str)]) -> TcpStream {
        let authority = self.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(authority).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\n");
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(more.iter().copied()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// The status that the server gives a request whose body it is only promised.
    pub fn status_of_promise(&self, path: &str, media: &str, length: u64) -> u16 {
        self.answer_to_promise(path, media, length).status
    }

    /// The answer that the server gives a request whose body it is only promised.
    pub fn answer_to_promise(&self, path: &str, media: &str, length: u64) -> Answer {
        let length = length.to_string();
        let more = [("content-type", media), ("content-length", &length), ("connection", "close")];
        let mut stream = BufReader::new(self.open("POST", path, &more));
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status = line[9..12].parse().unwrap();
        let mut headers = HeaderMap::new();
        loop {
            line.clear();
            stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.trim().parse().unwrap());
        }
        let answer = Answer { status, headers, bytes: Vec::new() };
        let mut bytes = vec![0; answer.header("content-length").parse().unwrap()];
        stream.read_exact(&mut bytes).unwrap();
        Answer { bytes, ..answer }
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none, showing what it is.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.bytes) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {} {}", self.status, self.text()),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The answer itself, if its status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// A header's text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
