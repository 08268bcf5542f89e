//! An HTTP client that costs little, since it shares the machine with what it measures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// One connection that is kept alive, with one credential.
pub struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    credential: String,
    body: Vec<u8>,
}

impl Client {
    pub fn connect(host: &str, credential: &str) -> Self {
        let stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            host: host.to_owned(),
            credential: credential.to_owned(),
            body: Vec::new(),
        }
    }

    /// Goes on with another credential.
    pub fn speak_for(&mut self, credential: &str) {
        credential.clone_into(&mut self.credential);
    }

    pub fn post(&mut self, path: &str, media: &str, body: &[u8]) -> (u16, &[u8]) {
        let (host, credential, length) = (&self.host, &self.credential, body.len());
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {credential}\r\ncontent-type: {media}\r\n\
             content-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request).unwrap();
        self.answer()
    }

    pub fn get(&mut self, path: &str) -> (u16, &[u8]) {
        let (host, credential) = (&self.host, &self.credential);
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {credential}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> (u16, &[u8]) {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        let (mut length, mut chunked) = (0, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        self.body.clear();
        if !chunked {
            self.body.resize(length, 0);
            self.stream.read_exact(&mut self.body).unwrap();
            return (status, &self.body);
        }
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let start = self.body.len();
            self.body.resize(start + size, 0);
            self.stream.read_exact(&mut self.body[start..]).unwrap();
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if size == 0 {
                return (status, &self.body);
            }
        }
    }
}
