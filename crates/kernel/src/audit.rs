//! `taizhang audit`: recomputes everything from the database, and names the first entry that does not fit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base::{BookId, Seq};
use ledger::{Catalogue, Entry};
use matters::Submitted;
use merkle::{Appender, Hash, VerifierKey};
use registry::BookOpened;
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{Param, Row, Store, StoreError, Tx};

use crate::Kernel;
use crate::own::BodyErased;
use crate::registry::{ROOT_BOOK, root_book};
use crate::tiles::{StoredTiles, store_error};

/// Hashes of a tile of the log.
const LEAVES_A_TILE: u64 = 256;

/// What does not fit, and where first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub book: String,
    /// The entry; `None` where the book as a whole does not fit.
    pub seq: Option<u64>,
    pub what: String,
}

/// The outcome of an audit.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub books: usize,
    pub entries: u64,
    pub erased: u64,
    pub checkpoints: usize,
    /// At most one a book: the first.
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Kernel {
    /// Audits every book.
    pub fn audit(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let (books, mut opened) = (self.books()?, BTreeSet::from([root_book()]));
        for book in &books {
            let book = book.clone();
            let (zone, origin) = (self.zone(), self.origin(&book));
            let check = Check {
                book: &book,
                origin,
                keys: std::slice::from_ref(self.verifier()),
                catalogue: self.catalogue(),
            };
            let day_of = |entry: &Entry| i64::from(zone.day_of(entry.occurred).0);
            let finding = self.read(|tx| check.run(tx, &day_of, &mut report, &mut opened))?;
            report.books += 1;
            report.findings.extend(finding);
        }
        for book in opened.iter().filter(|book| !books.contains(book)) {
            let what = "the registry has it, and nothing of it is stored".to_owned();
            report.findings.push(Finding { book: book.to_string(), seq: None, what });
        }
        Ok(report)
    }
}

/// The first book of a copy that a database does not have as it stood there: of another installation, or of one that was made
/// anew.
pub fn goes_not_on(store: &dyn Store, from: &dyn Store) -> Result<Option<BookId>, StoreError> {
    const BOOKS: &str = "select book, size from book order by book";
    const LAST: &str = "select head from entry where book = $1 and seq = $2";
    let mut lasts: Vec<(String, i64, Option<String>)> = Vec::new();
    from.read(&mut |tx| {
        lasts.clear();
        for row in tx.query(BOOKS, &[])? {
            let (book, size) = (row.text(0)?.to_owned(), row.int(1)?);
            let last = tx.query_one(LAST, &[Param::Text(&book), Param::Int(size - 1)])?;
            lasts.push((book, size, last.map(|row| row.text(0).map(str::to_owned)).transpose()?));
        }
        Ok(())
    })?;
    let mut missing = None;
    store.read(&mut |tx| {
        missing = None;
        for (book, size, head) in &lasts {
            let found = tx.query_one(LAST, &[Param::Text(book), Param::Int(size - 1)])?;
            if found.as_ref().map(|row| row.text(0)).transpose()? != head.as_deref() {
                missing = Some(book.clone());
                break;
            }
        }
        Ok(())
    })?;
    missing.map(BookId::new).transpose().map_err(|error| StoreError::Schema(error.to_string()))
}

/// The files that entries of a book name.
#[derive(Default)]
struct Files {
    named: BTreeMap<String, Named>,
}

struct Named {
    first: u64,
    /// The first that has its body, and that does not merely hand the file in for a matter.
    first_to_keep: Option<u64>,
    was_erased: bool,
}

impl Files {
    fn note(&mut self, entry: &Entry) {
        let keeps = entry.body.is_some() && entry.kind.as_str() != <Submitted as ledger::Body>::KIND;
        for digest in &entry.evidence {
            let new = Named { first: entry.seq.0, first_to_keep: None, was_erased: false };
            let named = self.named.entry(digest.clone()).or_insert(new);
            named.was_erased |= entry.body.is_none();
            if keeps {
                named.first_to_keep.get_or_insert(entry.seq.0);
            }
        }
    }
}

struct Check<'a> {
    book: &'a BookId,
    origin: String,
    keys: &'a [VerifierKey],
    catalogue: &'a Catalogue,
}

impl Check<'_> {
    fn run(
        &self,
        tx: &mut dyn Tx,
        day_of: &dyn Fn(&Entry) -> i64,
        report: &mut Report,
        opened: &mut BTreeSet<BookId>,
    ) -> Result<Option<Finding>, StoreError> {
        let head =
            tx.query_one("select size from book where book = $1", &[Param::Text(self.book.as_str())])?;
        let size = head.map(|row| row.int(0)).transpose()?.unwrap_or(0);
        let signed = self.checkpoints(tx)?;
        report.checkpoints += signed.len();
        let mut signed = signed.into_iter().peekable();
        let mut tree = Appender::empty();
        let mut last_recorded = 0;
        let mut erased = Vec::new();
        let mut erasures = BTreeSet::new();
        let mut files = Files::default();
        loop {
            let rows = self.chunk(tx, tree.size())?;
            if rows.is_empty() {
                break;
            }
            let leaves = self.leaves(tx, tree.size(), rows.len())?;
            for row in &rows {
                let seq = tree.size();
                let entry = match self.entry(row, seq, last_recorded, day_of) {
                    Ok(entry) => entry,
                    Err(what) => return Ok(Some(self.finding(Some(seq), what))),
                };
                last_recorded = entry.recorded.0;
                if entry.body.is_none() {
                    erased.push(seq);
                }
                if entry.kind.as_str() == <BodyErased as ledger::Body>::KIND
                    && let Ok(BodyErased { seq, .. }) = entry.body()
                {
                    erasures.insert(seq);
                }
                if self.book.as_str() == ROOT_BOOK
                    && entry.kind.as_str() == <BookOpened as ledger::Body>::KIND
                    && let Ok(BookOpened { book, .. }) = entry.body()
                {
                    opened.insert(book);
                }
                files.note(&entry);
                let leaf = entry.leaf();
                if leaves.get(&seq).is_some_and(|stored| *stored != leaf) {
                    let what = "it is not the entry that the stored tree was built from";
                    return Ok(Some(self.finding(Some(seq), what.into())));
                }
                tree.push(leaf);
                report.entries += 1;
                if let Some((_, note)) = signed.next_if(|(at, _)| *at == tree.size())
                    && let Err(what) = self.checkpoint(&note, &tree)
                {
                    return Ok(Some(self.finding(Some(seq), what)));
                }
            }
        }
        report.erased += erased.len() as u64;
        if let Some(&seq) = erased.iter().find(|seq| !erasures.contains(seq)) {
            return Ok(Some(
                self.finding(Some(seq), "its body is gone, and no entry says who erased it and why".into()),
            ));
        }
        if Seq(tree.size()).to_i64() != size {
            return Ok(Some(
                self.finding(None, format!("the head says {size} entries, {} are stored", tree.size())),
            ));
        }
        if let Some((at, _)) = signed.next() {
            return Ok(Some(
                self.finding(None, format!("a checkpoint of {at} entries was signed, {size} are stored")),
            ));
        }
        let tiles = merkle::root_at(&mut StoredTiles { tx, book: self.book }, tree.size());
        match tiles.map_err(store_error) {
            Ok(root) if root == tree.root() => self.files(tx, &files),
            Ok(_) => Ok(Some(self.finding(None, "the stored tree differs from the entries".into()))),
            Err(error) => Ok(Some(self.finding(None, format!("the stored tree cannot be read: {error}")))),
        }
    }

    /// The first entry that names a file which is gone, or is another than it was.
    fn files(&self, tx: &mut dyn Tx, files: &Files) -> Result<Option<Finding>, StoreError> {
        const FIND: &str = "select bytes from evidence where book = $1 and digest = $2";
        let mut first: Option<(u64, String)> = None;
        for (digest, named) in &files.named {
            let row = tx.query_one(FIND, &[Param::Text(self.book.as_str()), Param::Text(digest)])?;
            let (seq, what) = match row {
                Some(row) if hex::encode(Sha256::digest(row.blob(0)?)) == *digest => continue,
                Some(_) => (named.first, "is not what was named"),
                // What was handed in along with an entry goes with its body.
                None => match named.first_to_keep.or((!named.was_erased).then_some(named.first)) {
                    Some(seq) => (seq, "is gone"),
                    None => continue,
                },
            };
            if first.as_ref().is_none_or(|(at, _)| seq < *at) {
                first = Some((seq, format!("its file {digest} {what}")));
            }
        }
        Ok(first.map(|(seq, what)| self.finding(Some(seq), what)))
    }

    fn chunk(&self, tx: &mut dyn Tx, from: u64) -> Result<Vec<Row>, StoreError> {
        const CHUNK: &str = "select head, body, salt, seq, kind, day from entry where book = $1 and seq >= $2 order by seq limit 2000";
        tx.query(CHUNK, &[Param::Text(self.book.as_str()), Param::Int(Seq(from).to_i64())])
    }

    /// The hashes of some entries as the stored tree has them.
    fn leaves(&self, tx: &mut dyn Tx, from: u64, count: usize) -> Result<HashMap<u64, Hash>, StoreError> {
        const TILES: &str = "select idx, hashes from tile where book = $1 and level = 0 and idx >= $2 and idx <= $3 order by idx";
        let params = [
            Param::Text(self.book.as_str()),
            Param::Int(Seq(from / LEAVES_A_TILE).to_i64()),
            Param::Int(Seq((from + count as u64) / LEAVES_A_TILE).to_i64()),
        ];
        let mut leaves = HashMap::new();
        for row in tx.query(TILES, &params)? {
            let first = Seq::from_i64(row.int(0)?).0 * LEAVES_A_TILE;
            let hashes = row.blob(1)?.chunks(Hash::BYTES).filter_map(|bytes| Hash::try_from(bytes).ok());
            leaves.extend((first..).zip(hashes));
        }
        Ok(leaves)
    }

    fn checkpoints(&self, tx: &mut dyn Tx) -> Result<Vec<(u64, String)>, StoreError> {
        const ALL: &str = "select size, note from checkpoint where book = $1 and size > 0 order by size";
        let rows = tx.query(ALL, &[Param::Text(self.book.as_str())])?;
        rows.iter().map(|row| Ok((Seq::from_i64(row.int(0)?).0, row.text(1)?.to_owned()))).collect()
    }

    fn entry(
        &self,
        row: &Row,
        seq: u64,
        after: i64,
        day_of: &dyn Fn(&Entry) -> i64,
    ) -> Result<Entry, String> {
        let shape = |error: StoreError| error.to_string();
        let salt = row.blob_or_null(2).map_err(shape)?;
        let salt = salt.map(|bytes| bytes.try_into().map_err(|_| "its salt is not 128 bits")).transpose()?;
        let body = row.text_or_null(1).map_err(shape)?.map(str::to_owned);
        let entry =
            Entry::open(row.text(0).map_err(shape)?, body, salt).map_err(|error| error.to_string())?;
        let stored = (row.int(3).map_err(shape)?, row.text(4).map_err(shape)?, row.int(5).map_err(shape)?);
        if entry.seq.0 != seq || stored.0 != Seq(seq).to_i64() {
            return Err(format!("an entry is missing before it: expected {seq}, found {}", entry.seq));
        }
        if entry.book != *self.book {
            return Err(format!("its head names the book {}", entry.book));
        }
        if stored.1 != entry.kind.as_str() || stored.2 != day_of(&entry) {
            return Err("its kind or day differs between head and columns".into());
        }
        if entry.recorded.0 < after {
            return Err("it was recorded before the entry that precedes it".into());
        }
        let kind = self.catalogue.get(entry.kind.as_str()).map_err(|error| error.to_string())?;
        match &entry.body {
            Some(body) => {
                let canonical = kind.canonical_body(body).map_err(|error| error.to_string())?;
                (canonical == *body)
                    .then_some(entry)
                    .ok_or_else(|| "its body is not in canonical form".into())
            }
            None if kind.erasable => Ok(entry),
            None => Err("its body is gone, and its kind cannot be erased".into()),
        }
    }

    fn checkpoint(&self, note: &str, tree: &Appender) -> Result<(), String> {
        let checkpoint =
            merkle::open(note, self.keys).map_err(|error| format!("a stored checkpoint: {error}"))?;
        if checkpoint.origin() != self.origin
            || checkpoint.size() != tree.size()
            || checkpoint.root() != tree.root()
        {
            return Err("the entries up to here differ from what was signed".into());
        }
        Ok(())
    }

    fn finding(&self, seq: Option<u64>, what: String) -> Finding {
        Finding { book: self.book.to_string(), seq, what }
    }
}
