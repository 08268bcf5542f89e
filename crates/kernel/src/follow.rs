//! What other nodes append, where several share a database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{BookId, Seq};
use ledger::Entry;
use store::{Row, StoreError};

use crate::Kernel;
use crate::entries;
use crate::registry::{ROOT_BOOK, id};

/// Entries that are told at a time.
const BATCH: usize = 500;

/// How far listeners of this node were told of each book.
#[derive(Default)]
pub(crate) struct Told {
    sizes: Mutex<HashMap<BookId, u64>>,
    begun: AtomicBool,
    root: Arc<AtomicU64>,
}

impl Told {
    /// They are told of a book up to a size.
    pub fn advance(&self, book: &BookId, size: u64) {
        self.announce(book, size);
        let mut all = self.all();
        match all.get_mut(book) {
            Some(told) => *told = size.max(*told),
            None => drop(all.insert(book.clone(), size)),
        }
    }

    /// They are about to be told.
    fn announce(&self, book: &BookId, size: u64) {
        if book.as_str() == ROOT_BOOK {
            self.root.fetch_max(size, Ordering::SeqCst);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<BookId, u64>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kernel {
    /// How far listeners of this node were told of the root book, in which accounts and rights stand. It is ahead of what
    /// they hear, so that whoever missed something can tell whether it was there.
    pub fn root_told(&self) -> Arc<AtomicU64> {
        self.told.root.clone()
    }

    /// Tells listeners what other nodes have appended since the last call. The first call only looks how far each book is.
    /// An entry may be told twice, never left out. Blocks.
    pub fn follow(&self) -> Result<(), StoreError> {
        let size = |row: &Row| Ok((id(BookId::new(row.text(0)?))?, Seq::from_i64(row.int(1)?).0));
        let sizes: Vec<(BookId, u64)> = self.read(|tx| {
            tx.query("select book, size from book order by book", &[])?.iter().map(size).collect()
        })?;
        let is_first = !self.told.begun.swap(true, Ordering::Relaxed);
        for (book, size) in sizes {
            let known = self.told.all().get(&book).copied();
            if !is_first {
                self.told.announce(&book, size);
                self.tell(&book, known.unwrap_or(0), size)?;
            }
            self.told.advance(&book, size);
        }
        Ok(())
    }

    fn tell(&self, book: &BookId, mut from: u64, to: u64) -> Result<(), StoreError> {
        while from < to {
            let found = self.read(|tx| entries::entries_from(tx, book, Seq(from), BATCH))?;
            let entries: Vec<Entry> = found.into_iter().map(|stored| stored.entry).collect();
            let Some(last) = entries.last() else { break };
            from = last.seq.0 + 1;
            // Nobody may be listening.
            drop(self.live.send(Arc::new(entries)));
        }
        Ok(())
    }
}
