use std::io::{BufReader, Cursor, Read};

use zip::ZipArchive;

use crate::error::words;
use crate::{FormatError, Limits};

/// Parts of a workbook; a real one has a few dozen.
const PARTS_MAX: usize = 2_000;
/// Bytes of one piece of XML, a tag or the text between two; the longest text of a cell takes an eighth of them.
const PIECE_BYTES_MAX: usize = 1024 * 1024;
/// The end of a ZIP file (APPNOTE.TXT, section 4.3.16): its signature, and where it counts the parts.
const END: [u8; 4] = *b"PK\x05\x06";
/// Ends that a file may seem to have: a workbook in it has one of its own.
const ENDS_MAX: usize = 16;
/// The beginning of a part in the directory.
const PART: [u8; 4] = *b"PK\x01\x02";
const COUNT_AT: usize = 10;

/// The parts of a workbook, and how many bytes they may still unpack to.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    left: usize,
    unpacked_max: usize,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, FormatError> {
        // The directory of a hostile file would be read whole before anything could be counted.
        let end = bytes.windows(END.len()).rposition(|window| window == END);
        // Whoever looks for another end, or for parts anywhere, goes through all that may be one.
        let count_of = |sign: [u8; 4]| bytes.windows(sign.len()).filter(|window| *window == sign).count();
        Limits::check(words("ends of its directory", "个目录结尾"), count_of(END), ENDS_MAX)?;
        Limits::check(words("parts", "个部件"), count_of(PART), PARTS_MAX)?;
        let count = end.and_then(|end| bytes.get(end + COUNT_AT..end + COUNT_AT + 2));
        let count = count.map(|count| usize::from(u16::from_le_bytes([count[0], count[1]])));
        let count = count.ok_or_else(|| FormatError::workbook("it has no directory"))?;
        Limits::check(words("parts", "个部件"), count, PARTS_MAX)?;
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(FormatError::workbook)?;
        Limits::check(words("parts", "个部件"), zip.len(), PARTS_MAX)?;
        Ok(Self { zip, left: limits.unpacked_max, unpacked_max: limits.unpacked_max })
    }

    /// Reads one part as XML; nothing if there is none. What it unpacks to counts against the limit.
    pub(super) fn part<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Xml<'_>) -> Result<T, FormatError>,
    ) -> Result<Option<T>, FormatError> {
        let Some(at) = self.zip.index_for_name(name) else { return Ok(None) };
        let mut part = self.zip.by_index(at).map_err(FormatError::workbook)?;
        // One byte more than is left tells what ends here from what goes on.
        let counted = Counted { part: &mut part, left: self.left + 1, piece: PIECE_BYTES_MAX };
        let mut xml = quick_xml::Reader::from_reader(BufReader::new(counted));
        let result = read(&mut xml);
        let counted = xml.into_inner().into_inner();
        if counted.left == 0 {
            return Err(FormatError::Limit {
                what: words("bytes once unpacked", "字节（解压后）"),
                max: self.unpacked_max,
            });
        }
        if counted.piece == 0 && result.is_err() {
            return Err(FormatError::Limit {
                what: words("bytes of XML in one piece", "字节（单个 XML 片段）"),
                max: PIECE_BYTES_MAX,
            });
        }
        self.left = counted.left - 1;
        result.map(Some)
    }
}

pub(super) type Xml<'a> = quick_xml::Reader<BufReader<Counted<'a>>>;

/// A part, how many bytes more may be read of it, and how many for the piece that is being read.
pub(super) struct Counted<'a> {
    part: &'a mut dyn Read,
    left: usize,
    piece: usize,
}

impl Counted<'_> {
    /// Begins another piece.
    pub(super) fn next_piece(&mut self) {
        self.piece = PIECE_BYTES_MAX;
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.piece == 0 {
            return Err(std::io::Error::other("a piece of XML is too long"));
        }
        let most = buffer.len().min(self.left).min(self.piece);
        let count = self.part.read(&mut buffer[..most])?;
        self.left -= count;
        self.piece -= count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_nothing_but_signs_is_refused_at_once() {
        let end =
            |count: u16| [&END[..], &[0; 4], &count.to_le_bytes(), &count.to_le_bytes(), &[0; 10]].concat();
        let open = |bytes: &[u8]| Archive::open(bytes, &Limits::default()).map(drop).unwrap_err();
        let parts = [b"PK\x03\x04", PART.repeat(100_000).as_slice(), &end(1), &end(2)].concat();
        let ends = [b"PK\x03\x04", end(1).repeat(1_000).as_slice()].concat();
        for bytes in [parts, ends] {
            assert!(matches!(open(&bytes), FormatError::Limit { .. }));
        }
    }
}
