//! Checkpoints and proofs of what is stored.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base::{BookId, Seq, Time};
use ledger::Entry;
use merkle::{Checkpoint, Hash, ProofFile, TileId, VerifierKey};
use store::{Param, StoreError, Tx};

use crate::cosigning;
use crate::entries;
use crate::tiles::{StoredTiles, store_error};
use crate::{AppendError, Kernel};

/// Why something cannot be proved.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("there is no book {0}")]
    UnknownBook(BookId),
    #[error("book {book} has no entry {seq}")]
    NoEntry { book: BookId, seq: Seq },
    #[error("there is no tree of {old} and {new} entries to compare")]
    Sizes { old: u64, new: u64 },
    #[error("a checkpoint cannot be kept: {0}")]
    Keep(AppendError<()>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Merkle(#[from] merkle::Error),
}

/// An entry with the proof that it stands in its book.
#[derive(Debug)]
pub struct Proved {
    pub entry: Entry,
    pub proof: ProofFile,
}

/// How long the log shows a checkpoint before it signs a newer one: who asks often makes us sign and write no more often.
const PUBLISHED_MS: i64 = 5_000;

/// The checkpoint of each book that the log shows, and since when.
#[derive(Default)]
pub(crate) struct Published(Mutex<HashMap<BookId, (Time, String)>>);

impl Published {
    /// The one that is still shown. Whoever is told that there is none signs the next, and until then the others are
    /// shown the last.
    fn current(&self, book: &BookId, now: Time) -> Option<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, note) = all.get_mut(book)?;
        if (0..PUBLISHED_MS).contains(&now.since_ms(*since)) {
            return Some(note.clone());
        }
        *since = now;
        None
    }

    fn show(&self, book: &BookId, now: Time, note: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(book.clone(), (now, note.to_owned()));
    }
}

pub(crate) fn size_of(tx: &mut dyn Tx, book: &BookId) -> Result<u64, ProofError> {
    let row = tx.query_one("select size from book where book = $1", &[Param::Text(book.as_str())])?;
    let row = row.ok_or_else(|| ProofError::UnknownBook(book.clone()))?;
    Ok(Seq::from_i64(row.int(0)?).0)
}

impl Kernel {
    /// The key that checks this installation's checkpoints.
    pub fn verifier(&self) -> &VerifierKey {
        self.signer.verifier()
    }

    /// The origin of a book's checkpoints: the installation's name, then the book.
    pub fn origin(&self, book: &BookId) -> String {
        format!("{}/{book}", self.verifier().name())
    }

    /// The signed checkpoint of a book as it is now.
    ///
    /// It is kept, so that `audit` can hold us to everything that the log showed.
    pub fn checkpoint(&self, book: &BookId) -> Result<String, ProofError> {
        let (note, size) = self.sign_now(book)?;
        if size > 0 {
            self.keep_checkpoint(book, size, &note)?;
        }
        Ok(note)
    }

    /// The checkpoint that the log shows, with the cosignatures that witnesses have given it since.
    pub fn shown_checkpoint(&self, book: &BookId) -> Result<String, ProofError> {
        let note = self.published_checkpoint(book)?;
        self.with_cosignatures(book, &note)
    }

    /// The signed checkpoint that the log shows: one of the last few seconds. The proof of an entry brings its own.
    pub fn published_checkpoint(&self, book: &BookId) -> Result<String, ProofError> {
        let now = self.now();
        if let Some(note) = self.published.current(book, now) {
            return Ok(note);
        }
        let note = self.checkpoint(book)?;
        self.published.show(book, now, &note);
        Ok(note)
    }

    /// A checkpoint of a tree that holds an entry: the one that the log shows, or, of an entry that was recorded since, the one of its
    /// proof.
    pub fn checkpoint_with(&self, book: &BookId, seq: Seq) -> Result<String, ProofError> {
        let shown = self.published_checkpoint(book)?;
        match merkle::open(&shown, std::slice::from_ref(self.verifier()))?.size() > seq.0 {
            true => Ok(shown),
            false => Ok(self.prove(book, seq)?.proof.note().to_owned()),
        }
    }

    fn sign_now(&self, book: &BookId) -> Result<(String, u64), ProofError> {
        let mut outcome = None;
        self.read(|tx| {
            outcome = Some(self.note_of(tx, book));
            Ok(())
        })?;
        outcome.expect("a successful read leaves its outcome")
    }

    fn note_of(&self, tx: &mut dyn Tx, book: &BookId) -> Result<(String, u64), ProofError> {
        let size = size_of(tx, book)?;
        Ok((self.note_at(tx, book, size)?, size))
    }

    /// The signed checkpoint of a book as it was when it had so many entries.
    pub(crate) fn note_at(&self, tx: &mut dyn Tx, book: &BookId, size: u64) -> Result<String, ProofError> {
        let root = merkle::root_at(&mut StoredTiles { tx, book }, size).map_err(store_error)?;
        Ok(merkle::sign(&Checkpoint::new(&self.origin(book), size, root)?, &self.signer))
    }

    /// The checkpoint that an entry is proved by: the newest cosigned one that holds it, or else the one of now.
    fn note_for(&self, tx: &mut dyn Tx, book: &BookId, seq: Seq) -> Result<(String, u64), ProofError> {
        let (note, size) = self.note_of(tx, book)?;
        if let Some((at, cosigned)) = cosigning::cosigned(tx, book, seq.0)?
            && at <= size
            // What was cosigned before a book was set back is of a tree that is no more.
            && cosigned.starts_with(&self.note_at(tx, book, at)?)
        {
            return Ok((cosigned, at));
        }
        Ok((note, size))
    }

    pub(crate) fn keep_checkpoint(&self, book: &BookId, size: u64, note: &str) -> Result<(), ProofError> {
        const KNOWN: &str = "select size from checkpoint where book = $1 and size = $2";
        const KEEP: &str = "insert into checkpoint (book, size, note) values ($1, $2, $3) on conflict (book, size) do nothing";
        let size = Seq(size).to_i64();
        let known = self.read(|tx| tx.query_one(KNOWN, &[Param::Text(book.as_str()), Param::Int(size)]))?;
        if known.is_some() {
            return Ok(());
        }
        let (book, note) = (book.as_str().to_owned(), note.to_owned());
        let kept = self.append_blocking(move |desk| {
            let values = vec![
                store::Value::Text(book.clone()),
                store::Value::Int(size),
                store::Value::Text(note.clone()),
            ];
            desk.aside(KEEP, values);
            Ok(())
        });
        kept.map_err(ProofError::Keep)
    }

    /// An entry with its proof against the newest cosigned checkpoint that holds it, or else the checkpoint of now.
    pub fn prove(&self, book: &BookId, seq: Seq) -> Result<Proved, ProofError> {
        let mut outcome = None;
        self.read(|tx| {
            outcome = Some(self.proved(tx, book, seq));
            Ok(())
        })?;
        outcome.expect("a successful read leaves its outcome")
    }

    fn proved(&self, tx: &mut dyn Tx, book: &BookId, seq: Seq) -> Result<Proved, ProofError> {
        let (note, size) = self.note_for(tx, book, seq)?;
        let entry = entries::entry(tx, book, seq)?;
        let entry = entry.ok_or_else(|| ProofError::NoEntry { book: book.clone(), seq })?;
        let path =
            merkle::inclusion_proof(&mut StoredTiles { tx, book }, size, seq.0).map_err(store_error)?;
        let proof = ProofFile::new(seq.0, path, note, Vec::new())?;
        Ok(Proved { entry, proof })
    }

    /// The proof that the tree of `new` entries extends the tree of `old`.
    pub fn consistency(&self, book: &BookId, old: u64, new: u64) -> Result<Vec<Hash>, ProofError> {
        let mut outcome = None;
        self.read(|tx| {
            outcome = Some(consistency(tx, book, old, new));
            Ok(())
        })?;
        outcome.expect("a successful read leaves its outcome")
    }

    /// A stored tile, for the read-only HTTP face of the log.
    pub fn tile(&self, book: &BookId, id: TileId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|tx| merkle::TileSource::tile(&mut StoredTiles { tx, book }, id))
    }
}

fn consistency(tx: &mut dyn Tx, book: &BookId, old: u64, new: u64) -> Result<Vec<Hash>, ProofError> {
    let size = size_of(tx, book)?;
    if old == 0 || old > new || new > size {
        return Err(ProofError::Sizes { old, new });
    }
    Ok(merkle::consistency_proof(&mut StoredTiles { tx, book }, old, new).map_err(store_error)?)
}
