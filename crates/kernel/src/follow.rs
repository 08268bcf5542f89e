//! What other nodes append, where several share a database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{BookId, Seq};
use ledger::{Body, Entry};
use store::{Row, StoreError, Tx};

use crate::Kernel;
use crate::entries;
use crate::own::BodyErased;
use crate::registry::{ROOT_BOOK, id};

/// Entries that are told at a time.
const BATCH: usize = 500;

/// How far listeners of this node were told of each book.
#[derive(Default)]
pub(crate) struct Told {
    sizes: Mutex<HashMap<BookId, u64>>,
    root: Arc<AtomicU64>,
    erasures: Arc<AtomicU64>,
}

impl Told {
    /// Nobody listens before the kernel is open: what is there then is told to none.
    pub fn at_open(tx: &mut dyn Tx) -> Result<Self, StoreError> {
        Ok(Self { sizes: Mutex::new(sizes(tx)?.into_iter().collect()), ..Self::default() })
    }

    /// Listeners are told of a book from one number up to another. Where another node's entries lie before these, they are told
    /// of those yet, and of these again: what this node writes hides none of them.
    pub fn advance(&self, book: &BookId, from: u64, to: u64) {
        self.announce(book, to);
        let mut all = self.all();
        let told = all.entry(book.clone()).or_default();
        if from <= *told {
            *told = to.max(*told);
        }
    }

    /// They are about to be told.
    fn announce(&self, book: &BookId, size: u64) {
        if book.as_str() == ROOT_BOOK {
            self.root.fetch_max(size, Ordering::SeqCst);
        }
    }

    /// Counts the erasures among entries that are about to be told.
    pub fn count_erasures(&self, entries: &[Entry]) {
        let erasures = entries.iter().filter(|entry| entry.kind.as_str() == BodyErased::KIND).count();
        self.erasures.fetch_add(erasures as u64, Ordering::SeqCst);
    }

    fn of(&self, book: &BookId) -> u64 {
        self.all().get(book).copied().unwrap_or(0)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<BookId, u64>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sizes(tx: &mut dyn Tx) -> Result<Vec<(BookId, u64)>, StoreError> {
    let size = |row: &Row| Ok((id(BookId::new(row.text(0)?))?, Seq::from_i64(row.int(1)?).0));
    tx.query("select book, size from book order by book", &[])?.iter().map(size).collect()
}

impl Kernel {
    /// How far listeners of this node were told of the root book, in which accounts and rights stand. It is ahead of what
    /// they hear, so that whoever missed something can tell whether it was there.
    pub fn root_told(&self) -> Arc<AtomicU64> {
        self.told.root.clone()
    }

    /// How many erasures listeners of this node were told of, in whatever book; ahead of what they hear, as that is. One that is told
    /// twice counts twice.
    pub fn erasures_told(&self) -> Arc<AtomicU64> {
        self.told.erasures.clone()
    }

    /// Tells listeners what other nodes have appended since the last call, or since the kernel was opened. An entry may be told
    /// twice, never left out. Blocks.
    pub fn follow(&self) -> Result<(), StoreError> {
        for (book, size) in self.read(sizes)? {
            let known = self.told.of(&book);
            self.told.announce(&book, size);
            self.tell(&book, known, size)?;
            self.told.advance(&book, known, size);
        }
        Ok(())
    }

    fn tell(&self, book: &BookId, mut from: u64, to: u64) -> Result<(), StoreError> {
        while from < to {
            let found = self.read(|tx| entries::entries_from(tx, book, Seq(from), BATCH))?;
            let entries: Vec<Entry> = found.into_iter().map(|stored| stored.entry).collect();
            let Some(last) = entries.last() else { break };
            from = last.seq.0 + 1;
            self.told.count_erasures(&entries);
            // Nobody may be listening.
            drop(self.live.send(Arc::new(entries)));
        }
        Ok(())
    }
}
