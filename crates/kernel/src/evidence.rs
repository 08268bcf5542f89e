//! Evidence files: kept by their digest, checked for what they are, never by the name that a sender gave. Who names one in an
//! entry has sent it: knowing a digest opens nothing. One that no entry names goes after a day.

use std::collections::BTreeSet;
use std::time::Duration;

use base::limits::{EVIDENCE_BYTES_MAX, PLAN_BYTES_MAX};
use base::{ActorId, BookId, SubjectId};
use ledger::Entry;
use sha2::{Digest, Sha256};
use store::{Param, StoreError, Tx, Value};

use crate::registry::id;
use crate::{AppendError, Desk, Kernel};

/// How long a file waits for the entry that names it.
pub const UNNAMED_MS_MAX: i64 = 24 * 3_600_000;

/// Files that wait of one sender in a book, and their bytes.
pub const UNNAMED_FILES_MAX: i64 = 200;
pub const UNNAMED_BYTES_MAX: i64 = 512 * 1024 * 1024;

/// What evidence may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    Jpeg,
    Png,
    Webp,
    Pdf,
}

impl MediaType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
        }
    }

    /// By its first bytes: a file is what it is, not what it is called.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let ends = |tail: &[u8]| {
            let trimmed = bytes.iter().rposition(|b| !b.is_ascii_whitespace()).map_or(0, |at| at + 1);
            bytes[..trimmed].ends_with(tail)
        };
        match bytes {
            [0xff, 0xd8, 0xff, ..] if ends(&[0xff, 0xd9]) => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', ..]
                if ends(b"IEND\xae\x42\x60\x82") =>
            {
                Some(Self::Png)
            }
            [b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P', ..]
                if u32::from_le_bytes([*a, *b, *c, *d]) as usize + 8 == bytes.len() =>
            {
                Some(Self::Webp)
            }
            [b'%', b'P', b'D', b'F', b'-', ..] if ends(b"%%EOF") => Some(Self::Pdf),
            _ => None,
        }
    }
}

/// A file that was kept.
#[derive(Debug, Clone)]
pub struct StoredEvidence {
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// Why a file is not taken as evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    #[error("the file is empty")]
    Empty,
    #[error("the file is larger than {EVIDENCE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("{UNNAMED_FILES_MAX} files, or {UNNAMED_BYTES_MAX} bytes, wait for entries that name them")]
    TooMany,
    #[error("the file is not a JPEG, PNG or WebP image or a PDF document")]
    NotEvidence,
}

/// A file that somebody hands in.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// SHA-256 in hex, by which entries of its sender name it.
    digest: String,
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl NewFile {
    /// Evidence, which is judged by its bytes.
    pub fn evidence(bytes: Vec<u8>) -> Result<Self, EvidenceError> {
        if bytes.is_empty() {
            return Err(EvidenceError::Empty);
        }
        if bytes.len() > EVIDENCE_BYTES_MAX {
            return Err(EvidenceError::TooLarge);
        }
        let media_type = MediaType::of(&bytes).ok_or(EvidenceError::NotEvidence)?;
        Ok(Self::of(bytes, media_type.as_str()))
    }

    /// What a line has read and found to be what it takes, such as a plan: bytes that no browser opens.
    pub fn plan(bytes: Vec<u8>) -> Result<Self, EvidenceError> {
        if bytes.len() > PLAN_BYTES_MAX {
            return Err(EvidenceError::TooLarge);
        }
        Ok(Self::of(bytes, "application/octet-stream"))
    }

    fn of(bytes: Vec<u8>, media_type: &'static str) -> Self {
        Self { digest: hex::encode(Sha256::digest(&bytes)), media_type, bytes }
    }
}

impl Desk<'_> {
    /// Keeps a file in a book's evidence and returns its digest.
    pub fn keep_file(
        &mut self,
        by: &ActorId,
        book: &BookId,
        file: &NewFile,
    ) -> Result<String, AppendError<EvidenceError>> {
        const KEEP: &str = "insert into evidence (book, digest, media_type, bytes, unnamed) values ($1, $2, $3, $4, $5)
            on conflict (book, digest) do update set unnamed = excluded.unnamed where evidence.unnamed is not null";
        const WAITING: &str = "select count(*), cast(coalesce(sum(length(bytes)), 0) as bigint) from evidence
            where book = $1 and unnamed is not null and exists (select 1 from evidence_sender as sent
            where sent.book = evidence.book and sent.digest = evidence.digest and sent.actor = $2)";
        const SENT: &str = "insert into evidence_sender (book, digest, actor) values ($1, $2, $3)
            on conflict (book, digest, actor) do nothing";
        self.take(book)?;
        let waiting = [Param::Text(book.as_str()), Param::Text(by.as_str())];
        let waiting = self.read()?.query_one(WAITING, &waiting)?;
        if let Some(row) = waiting
            && (row.int(0)? >= UNNAMED_FILES_MAX || row.int(1)? >= UNNAMED_BYTES_MAX)
        {
            return Err(AppendError::Refused(EvidenceError::TooMany));
        }
        let NewFile { digest, media_type, bytes } = file;
        let text = |text: &str| Value::Text(text.to_owned());
        let (content, now) = (Value::Blob(bytes.clone()), Value::Int(self.now().0));
        self.aside(KEEP, vec![text(book.as_str()), text(digest), text(media_type), content, now]);
        self.aside(SENT, vec![text(book.as_str()), text(digest), text(by.as_str())]);
        Ok(digest.clone())
    }
}

impl Kernel {
    /// Keeps a file in a book's evidence, as [`Desk::keep_file`], and returns its digest.
    pub fn keep_evidence(
        &self,
        by: &ActorId,
        book: &BookId,
        bytes: Vec<u8>,
    ) -> Result<String, AppendError<EvidenceError>> {
        self.keep(by, book, NewFile::evidence(bytes).map_err(AppendError::Refused)?)
    }

    /// Keeps a file that a line has read and found to be what it takes.
    pub fn keep_file(
        &self,
        by: &ActorId,
        book: &BookId,
        bytes: Vec<u8>,
    ) -> Result<String, AppendError<EvidenceError>> {
        self.keep(by, book, NewFile::plan(bytes).map_err(AppendError::Refused)?)
    }

    fn keep(&self, by: &ActorId, book: &BookId, file: NewFile) -> Result<String, AppendError<EvidenceError>> {
        let (by, book) = (by.clone(), book.clone());
        self.append_blocking(move |desk| desk.keep_file(&by, &book, &file))
    }

    /// Takes away the files that no entry named in time; returns how many. Blocks.
    pub fn sweep_files(&self) -> Result<u64, StoreError> {
        const BOOKS: &str = "select distinct book from evidence where unnamed is not null and unnamed <= $1";
        const SWEEP: &str = "delete from evidence where book = $1 and unnamed is not null and unnamed <= $2";
        const FORGET: &str = "delete from evidence_sender where book = $1 and digest in
            (select digest from evidence where book = $1 and unnamed is not null and unnamed <= $2)";
        let until = self.now().plus_ms(-UNNAMED_MS_MAX).0;
        let mut swept = 0;
        for row in self.read(|tx| tx.query(BOOKS, &[Param::Int(until)]))? {
            let book = id(BookId::new(row.text(0)?))?;
            let gone = self.append_blocking::<_, _, ()>(move |desk| {
                // Whoever names a file holds the book, and what those before have named is written first.
                desk.take(&book)?;
                let (tx, asked) = (desk.read()?, [Param::Text(book.as_str()), Param::Int(until)]);
                tx.execute(FORGET, &asked)?;
                Ok(tx.execute(SWEEP, &asked)?)
            });
            match gone {
                Ok(gone) => swept += gone,
                Err(AppendError::Store(error)) => return Err(error),
                // The next look does it.
                Err(_) => break,
            }
        }
        Ok(swept)
    }

    /// Whether an entry about one of some subjects, in their book, names a file. Looking for it is given up after a time.
    pub fn evidence_about(
        &self,
        book: &BookId,
        digest: &str,
        subjects: &[SubjectId],
        time_max: Duration,
    ) -> Result<bool, StoreError> {
        const NAMED: &str =
            "select entry.seq from link join entry on entry.book = link.book and entry.seq = link.seq
            where link.book = $1 and link.subject = $2 and entry.head like $3 limit 1";
        // What is no digest may be a pattern.
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(false);
        }
        let named = format!("%\"{digest}\"%");
        self.read_within(time_max, |tx| {
            for subject in subjects {
                let params = [Param::Text(book.as_str()), Param::Text(subject.as_str()), Param::Text(&named)];
                if tx.query_one(NAMED, &params)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// What a file is, by its digest.
    pub fn evidence_type(&self, book: &BookId, digest: &str) -> Result<Option<String>, StoreError> {
        self.read(|tx| media_type(tx, book, digest))
    }

    /// Those of some files that the book has no more.
    pub fn files_gone<'d>(
        &self,
        book: &BookId,
        digests: impl Iterator<Item = &'d String>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut gone = BTreeSet::new();
        for digest in digests {
            if self.evidence_type(book, digest)?.is_none() {
                gone.insert(digest.clone());
            }
        }
        Ok(gone)
    }

    /// A file by its digest, of somebody who sent it.
    pub fn sent_file(
        &self,
        by: &ActorId,
        book: &BookId,
        digest: &str,
    ) -> Result<Option<StoredEvidence>, StoreError> {
        if self.read(|tx| is_sender(tx, by, book, digest))? { self.evidence(book, digest) } else { Ok(None) }
    }

    /// A file by its digest.
    pub fn evidence(&self, book: &BookId, digest: &str) -> Result<Option<StoredEvidence>, StoreError> {
        const FIND: &str = "select media_type, bytes from evidence where book = $1 and digest = $2";
        let row = self.read(|tx| tx.query_one(FIND, &[Param::Text(book.as_str()), Param::Text(digest)]))?;
        row.map(|row| {
            Ok(StoredEvidence { media_type: row.text(0)?.to_owned(), bytes: row.blob(1)?.to_vec() })
        })
        .transpose()
    }
}

fn media_type(tx: &mut dyn Tx, book: &BookId, digest: &str) -> Result<Option<String>, StoreError> {
    const FIND: &str = "select media_type from evidence where book = $1 and digest = $2";
    let row = tx.query_one(FIND, &[Param::Text(book.as_str()), Param::Text(digest)])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Whether the book has a file.
pub(crate) fn is_kept(tx: &mut dyn Tx, book: &BookId, digest: &str) -> Result<bool, StoreError> {
    Ok(media_type(tx, book, digest)?.is_some())
}

/// Whether somebody sent a file that the book has.
pub(crate) fn is_sender(
    tx: &mut dyn Tx,
    actor: &ActorId,
    book: &BookId,
    digest: &str,
) -> Result<bool, StoreError> {
    const SENT: &str = "select actor from evidence_sender where book = $1 and digest = $2 and actor = $3";
    let params = [Param::Text(book.as_str()), Param::Text(digest), Param::Text(actor.as_str())];
    Ok(tx.query_one(SENT, &params)?.is_some())
}

/// Takes a file away, and who sent it.
pub(crate) fn drop_file(tx: &mut dyn Tx, book: &BookId, digest: &str) -> Result<(), StoreError> {
    const DROP: [&str; 2] = [
        "delete from evidence_sender where book = $1 and digest = $2",
        "delete from evidence where book = $1 and digest = $2",
    ];
    DROP.iter()
        .try_for_each(|sql| tx.execute(sql, &[Param::Text(book.as_str()), Param::Text(digest)]).map(drop))
}

/// Notes that an entry names some files, so that they stay.
pub(crate) fn named(tx: &mut dyn Tx, book: &BookId, digests: &[String]) -> Result<(), StoreError> {
    const NAME: &str =
        "update evidence set unnamed = null where book = $1 and digest = $2 and unnamed is not null";
    digests
        .iter()
        .try_for_each(|digest| tx.execute(NAME, &[Param::Text(book.as_str()), Param::Text(digest)]).map(drop))
}

/// Forgets that an entry names its files: its body is gone.
pub(crate) fn unname(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const UNNAME: &str = "delete from evidence_named where book = $1 and digest = $2 and seq = $3";
    let (book, seq) = (Param::Text(entry.book.as_str()), Param::Int(entry.seq.to_i64()));
    let unname = |digest: &String| tx.execute(UNNAME, &[book, Param::Text(digest), seq]).map(drop);
    entry.evidence.iter().try_for_each(unname)
}
