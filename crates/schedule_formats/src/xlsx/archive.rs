use std::io::{BufReader, Cursor, Read};

use zip::ZipArchive;

use crate::error::words;
use crate::{FormatError, Limits};

/// Parts of a workbook; a real one has a few dozen.
const PARTS_MAX: usize = 2_000;
/// The end of a ZIP file (APPNOTE.TXT, section 4.3.16): its signature, and where it counts the parts.
const END: [u8; 4] = *b"PK\x05\x06";
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
        let part = self.zip.by_index(at).map_err(FormatError::workbook)?;
        // One byte more than is left tells what ends here from what goes on.
        let mut counted = Counted { part, left: self.left + 1 };
        let result = read(&mut quick_xml::Reader::from_reader(BufReader::new(&mut counted)));
        if counted.left == 0 {
            return Err(FormatError::Limit {
                what: words("bytes once unpacked", "字节（解压后）"),
                max: self.unpacked_max,
            });
        }
        self.left = counted.left - 1;
        result.map(Some)
    }
}

pub(super) type Xml<'a> = quick_xml::Reader<BufReader<&'a mut dyn Read>>;

struct Counted<R> {
    part: R,
    left: usize,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.left);
        let count = self.part.read(&mut buffer[..most])?;
        self.left -= count;
        Ok(count)
    }
}
