//! The topics of the contract.

use base::BookId;
use base::limits::{ENTRY_REQUEST_BYTES_MAX, REQUEST_BYTES_MAX};

use crate::kinds::scale_number;

/// What the server subscribes to.
pub const FILTERS: [&str; 2] = ["taizhang/v1/+/+/sales", "taizhang/v1/+/+/acks"];

const ROOT: &str = "taizhang/v1";

/// What a scale publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matter {
    Sales,
    Acks,
}

impl Matter {
    /// Bytes of a message, as over HTTP.
    pub fn bytes_max(self) -> usize {
        match self {
            Self::Sales => REQUEST_BYTES_MAX,
            Self::Acks => ENTRY_REQUEST_BYTES_MAX,
        }
    }
}

/// A scale of a market.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    pub book: BookId,
    pub scale: u32,
}

impl At {
    /// Where its receipts and problems come down.
    pub fn receipt(&self) -> String {
        format!("{ROOT}/{}/{}/receipt", self.book, self.scale)
    }

    /// Where its state is retained.
    pub fn state(&self) -> String {
        format!("{ROOT}/{}/{}/state", self.book, self.scale)
    }
}

/// Reads `taizhang/v1/<book>/<scale>/sales` or `.../acks`. A number has one spelling only: the access list of the
/// broker compares texts.
pub fn parse(topic: &str) -> Option<(At, Matter)> {
    let rest = topic.strip_prefix(ROOT)?.strip_prefix('/')?;
    let (book, rest) = rest.split_once('/')?;
    let (number, leaf) = rest.split_once('/')?;
    let matter = match leaf {
        "sales" => Matter::Sales,
        "acks" => Matter::Acks,
        _ => return None,
    };
    Some((At { book: BookId::new(book).ok()?, scale: scale_number(number)? }, matter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_market_scale_and_matter_in_one_spelling() {
        let (at, matter) = parse("taizhang/v1/beiyuan/12/sales").expect("a topic of the contract");
        assert_eq!((at.book.as_str(), at.scale, matter), ("beiyuan", 12, Matter::Sales));
        assert_eq!(at.receipt(), "taizhang/v1/beiyuan/12/receipt");
        assert_eq!(at.state(), "taizhang/v1/beiyuan/12/state");
        assert_eq!(parse("taizhang/v1/beiyuan/12/acks").map(|(_, matter)| matter), Some(Matter::Acks));
        for topic in [
            "taizhang/v1/beiyuan/012/sales",
            "taizhang/v1/beiyuan/+12/sales",
            "taizhang/v1/beiyuan/-1/sales",
            "taizhang/v1/beiyuan/4294967296/sales",
            "taizhang/v1/beiyuan//sales",
            "taizhang/v1//12/sales",
            "taizhang/v1/Beiyuan/12/sales",
            "taizhang/v1/beiyuan/12/sales/more",
            "taizhang/v1/beiyuan/12/receipt",
            "taizhang/v2/beiyuan/12/sales",
            "taizhang/v1",
        ] {
            assert_eq!(parse(topic), None, "{topic}");
        }
    }
}
