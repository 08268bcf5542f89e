//! A scale's connection for blocks: server-sent events, read as they come.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;

use serde_json::Value;

use crate::Client;

/// An open `GET /scale/v1/stream`.
pub struct StateStream(BufReader<TcpStream>);

impl StateStream {
    /// Connects, and reads the head of the answer.
    pub fn open(scale: &Client) -> Self {
        let stream = scale.open("GET", "/scale/v1/stream", &[("accept", "text/event-stream")]);
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains(" 200 "), "{line}");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        Self(reader)
    }

    /// The next state; waits at most half a minute.
    pub fn next_state(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.0.read_line(&mut line).expect("an event within half a minute"),
                0,
                "the stream ended"
            );
            if let Some(data) = line.strip_prefix("data:") {
                return serde_json::from_str(data.trim()).expect("an event carries JSON");
            }
        }
    }

    /// Waits until the server has ended the stream.
    pub fn ended(mut self) {
        let mut line = String::new();
        // The last chunk is an empty one; the connection may stay.
        while line.trim() != "0" {
            line.clear();
            if self.0.read_line(&mut line).expect("the stream ends within half a minute") == 0 {
                break;
            }
        }
    }

    /// States until one fits.
    pub fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let state = self.next_state();
            if fits(&state) {
                return state;
            }
        }
    }
}
