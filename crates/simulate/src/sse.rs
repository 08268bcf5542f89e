/// Reads server-sent events (WHATWG HTML, section 9.2) out of a body that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    event: String,
    data: String,
    after_return: bool,
}

const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An event grew beyond what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {EVENT_BYTES_MAX} bytes")]
pub(crate) struct TooLong;

impl Events {
    /// Takes a piece, and hands each event that it completes to `take` as name and data.
    pub fn feed(&mut self, piece: &[u8], mut take: impl FnMut(&str, &str)) -> Result<(), TooLong> {
        for &byte in piece {
            let ends_pair = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                _ if ends_pair => {}
                b'\r' | b'\n' => self.end_line(&mut take),
                _ if self.line.len() + self.data.len() >= EVENT_BYTES_MAX => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, take: &mut impl FnMut(&str, &str)) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            if !self.data.is_empty() {
                let name = if self.event.is_empty() { "message" } else { &self.event };
                take(name, self.data.strip_suffix('\n').unwrap_or(&self.data));
            }
            self.event.clear();
            self.data.clear();
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_body_is_cut() {
        let body = ": hello\r\nevent: state\r\ndata: {\"a\":\r\ndata: 1}\r\nid: 7\r\n\r\ndata: plain\n\nevent: empty\n\n".as_bytes();
        for size in 1..body.len() {
            let (mut events, mut seen) = (Events::default(), Vec::new());
            for piece in body.chunks(size) {
                events.feed(piece, |name, data| seen.push((name.to_owned(), data.to_owned()))).unwrap();
            }
            let expected = [("state", "{\"a\":\n1}"), ("message", "plain")];
            assert!(
                seen.iter().map(|(name, data)| (name.as_str(), data.as_str())).eq(expected),
                "{size}: {seen:?}"
            );
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let piece = vec![b'x'; 1 << 20];
        let mut events = Events::default();
        assert!((0..5).any(|_| events.feed(&piece, |_, _| {}).is_err()));
    }
}
