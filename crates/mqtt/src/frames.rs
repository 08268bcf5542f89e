use crate::MqttError;

const PUBLISH: u8 = 3;
/// What precedes the body of a PUBLISH at most: topic length, topic, packet id.
const PUBLISH_HEAD_BYTES_MAX: usize = 2 + 65_535 + 2;
/// No packet but PUBLISH is longer when it comes from a broker: SUBACK holds a byte for each filter.
const OTHER_BYTES_MAX: usize = PUBLISH_HEAD_BYTES_MAX;

/// One control packet without its fixed header (MQTT 3.1.1, section 2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub kind: u8,
    pub flags: u8,
    /// The packet from its variable header on; of an oversize PUBLISH only the beginning.
    pub bytes: Vec<u8>,
    /// Bytes of an oversize PUBLISH that were not kept.
    pub skipped: usize,
}

/// Cuts the broker's byte stream into packets, in bounded memory: of a PUBLISH whose body cannot be within the
/// limit, enough is kept to say whose it was and to acknowledge it, and the rest is thrown away as it comes.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    start: usize,
    skip: usize,
    keep_bytes_max: usize,
}

impl Frames {
    pub fn new(payload_bytes_max: usize) -> Self {
        let keep_bytes_max = PUBLISH_HEAD_BYTES_MAX + payload_bytes_max;
        Self { buffer: Vec::with_capacity(16 * 1024), start: 0, skip: 0, keep_bytes_max }
    }

    /// Where the next bytes from the broker go.
    pub fn space(&mut self) -> &mut Vec<u8> {
        self.discard();
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.reserve(8 * 1024);
        &mut self.buffer
    }

    /// The next whole packet, if it is there.
    pub fn next(&mut self) -> Result<Option<Frame>, MqttError> {
        self.discard();
        let unread = &self.buffer[self.start..];
        let Some((first, length, header)) = fixed_header(unread)? else { return Ok(None) };
        let kind = first >> 4;
        let kept = if kind != PUBLISH && length > OTHER_BYTES_MAX {
            return Err(MqttError::Protocol(format!("a packet of kind {kind} with {length} bytes")));
        } else if length > self.keep_bytes_max {
            PUBLISH_HEAD_BYTES_MAX
        } else {
            length
        };
        let Some(bytes) = unread.get(header..header + kept) else { return Ok(None) };
        let frame = Frame { kind, flags: first & 0x0f, bytes: bytes.to_vec(), skipped: length - kept };
        self.start += header + kept;
        self.skip = frame.skipped;
        Ok(Some(frame))
    }

    fn discard(&mut self) {
        let here = self.skip.min(self.buffer.len() - self.start);
        self.start += here;
        self.skip -= here;
    }
}

/// First byte, remaining length, and the length of both, if they are there.
fn fixed_header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, MqttError> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let mut length = 0;
    for (place, &byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((first, length, 2 + place)));
        }
    }
    if rest.len() >= 4 {
        return Err(MqttError::Protocol("a remaining length of more than four bytes".to_owned()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![first];
        let mut rest = length;
        loop {
            let more = if rest > 127 { 0x80 } else { 0 };
            bytes.push((rest & 0x7f) as u8 | more);
            rest >>= 7;
            if rest == 0 {
                break;
            }
        }
        bytes.extend((0..length).map(|i| i as u8));
        bytes
    }

    fn read(frames: &mut Frames, bytes: &[u8], step: usize) -> Vec<Frame> {
        let mut found = Vec::new();
        for part in bytes.chunks(step) {
            frames.space().extend_from_slice(part);
            while let Some(frame) = frames.next().unwrap() {
                found.push(frame);
            }
        }
        found
    }

    #[test]
    fn packets_are_found_however_the_stream_is_cut() {
        let lengths = [0, 1, 127, 128, 16_383, 16_384, 40_000];
        let stream: Vec<u8> = lengths.iter().flat_map(|&length| packet(0x32, length)).collect();
        for step in [1, 2, 3, 7, 1_000, stream.len()] {
            let found = read(&mut Frames::new(100), &stream, step);
            assert_eq!(found.iter().map(|frame| frame.bytes.len()).collect::<Vec<_>>(), lengths);
            assert!(found.iter().all(|frame| frame.kind == 3 && frame.flags == 2 && frame.skipped == 0));
        }
    }

    #[test]
    fn an_oversize_publish_is_skipped_in_bounded_memory_and_the_next_packet_is_found() {
        let length = 3_000_000;
        let mut stream = packet(0x32, length);
        stream.extend(packet(0xd0, 0));
        let mut frames = Frames::new(1_000);
        let found = read(&mut frames, &stream, 1_500);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].bytes.len(), PUBLISH_HEAD_BYTES_MAX);
        assert_eq!(found[0].skipped, length - PUBLISH_HEAD_BYTES_MAX);
        assert_eq!(found[1], Frame { kind: 13, flags: 0, bytes: Vec::new(), skipped: 0 });
        assert!(frames.buffer.capacity() < 200_000, "{}", frames.buffer.capacity());
    }

    #[test]
    fn a_length_that_never_ends_and_an_endless_packet_are_refused() {
        for bytes in [&[0x30, 0xff, 0xff, 0xff, 0xff][..], &[0x90, 0xff, 0xff, 0xff, 0x7f]] {
            let mut frames = Frames::new(1_000);
            frames.space().extend_from_slice(bytes);
            assert!(matches!(frames.next(), Err(MqttError::Protocol(_))));
        }
    }
}
