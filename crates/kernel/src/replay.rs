//! `taizhang replay`: every derived table follows from the entries, so it can be emptied and rebuilt.

use ::registry::PostLeft;
use base::{BookId, Seq};
use figures::Cells;
use ledger::{Body, Entry};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{Migration, StoreError, Tx, Value};

use crate::line::{Derived, Line, Lines, Rebuilt};
use crate::schema::{DERIVED, LEAVINGS, NAMED, SOUGHT};
use crate::{AppendError, Kernel, apply, entries, registry};

/// Entries applied at a time: bounds the memory of a replay.
const CHUNK: usize = 5_000;

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    pub entries: u64,
    /// Tables whose content differs from what it was before.
    pub changed: Vec<String>,
}

impl Kernel {
    /// Empties and rebuilds every derived table in one transaction.
    pub fn replay(self: &std::sync::Arc<Self>) -> Result<Replayed, AppendError<()>> {
        let kernel = self.clone();
        self.append_blocking(move |desk| {
            // Other nodes wait: what they changed meanwhile would be changed in rows that are gone.
            for book in entries::books(desk.read()?)? {
                desk.take(&book)?;
            }
            Ok(kernel.replay_in(desk.read()?)?)
        })
    }

    /// The digest of every derived table, for comparing two states.
    pub fn derived_digests(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|tx| self.digests(tx))
    }

    fn derived(&self) -> Vec<Derived> {
        let mut tables = DERIVED.to_vec();
        tables.extend(self.lines().iter().flat_map(Line::derived).copied());
        tables
    }

    fn replay_in(&self, tx: &mut dyn Tx) -> Result<Replayed, StoreError> {
        let before = self.digests(tx)?;
        for table in self.derived() {
            tx.execute(&format!("delete from {}", table.table), &[])?;
        }
        let mut count = 0;
        for book in entries::books(tx)? {
            each_chunk(tx, &book, |tx, chunk| {
                count += chunk.len() as u64;
                let mut cells = Cells::default();
                apply::apply(tx, self.lines(), self.zone(), &chunk, &mut cells)?;
                crate::figure::add(tx, &cells.into_sums(|name| self.lines().is_state(name)))
            })?;
        }
        // Sums that are zero are not written anew, but live sums may have come back to zero.
        let after = self.digests(tx)?;
        let mut changed: Vec<String> =
            before.into_iter().zip(after).filter(|(b, a)| b != a).map(|(b, _)| b.0).collect();
        // Kept by what changes, and not read whole again.
        if let Some((size, kept)) = self.memory.kept_tree()
            && *registry::since(tx, &kept, size)? != registry::load(tx)?
        {
            changed.push("the org tree in memory".into());
        }
        Ok(Replayed { entries: count, changed })
    }

    fn digests(&self, tx: &mut dyn Tx) -> Result<Vec<(String, String)>, StoreError> {
        let tables = self.derived();
        tables.iter().map(|table| Ok((table.table.to_owned(), digest(tx, table)?))).collect()
    }
}

/// Makes anew what the steps that were just taken could not fill. Reads every entry once for a line that has such a step,
/// and none where no line has.
pub(crate) fn rebuild(tx: &mut dyn Tx, lines: &Lines, taken: &[Migration]) -> Result<(), StoreError> {
    for line in lines.iter() {
        let is_taken =
            |it: &&Rebuilt| taken.iter().any(|step| step.owner == line.name() && step.number == it.step);
        let rebuilt: Vec<&Rebuilt> = line.rebuilt().iter().filter(is_taken).collect();
        if rebuilt.is_empty() {
            continue;
        }
        for table in rebuilt.iter().flat_map(|it| it.tables) {
            tx.execute(&format!("delete from {table}"), &[])?;
        }
        let tells = |entry: &Entry| rebuilt.iter().any(|it| it.kinds.contains(&entry.kind.as_str()));
        for book in entries::books(tx)? {
            each_chunk(tx, &book, |tx, mut chunk| {
                chunk.retain(tells);
                if chunk.is_empty() { Ok(()) } else { line.apply(tx, &chunk) }
            })?;
        }
    }
    Ok(())
}

/// Fills the tables of entries that are sought by subject, or name files, in a database that was made before they were kept.
pub(crate) fn fill(tx: &mut dyn Tx, lines: &Lines, taken: &[Migration]) -> Result<(), StoreError> {
    let is_taken =
        |it: &Migration| taken.iter().any(|step| step.owner == it.owner && step.number == it.number);
    if is_taken(&SOUGHT) {
        each_of_kinds(tx, lines.sought(), |tx, found| apply::write_sought(tx, lines, found))?;
    } else if is_taken(&LEAVINGS) {
        let kinds = std::iter::once(PostLeft::KIND);
        each_of_kinds(tx, kinds, |tx, found| apply::write_sought(tx, lines, found))?;
    }
    if is_taken(&NAMED) {
        each_of_kinds(tx, lines.bearing(), |tx, found| apply::write_named(tx, lines, found))?;
    }
    Ok(())
}

/// Hands over the entries of some kinds, whatever their book, so many at a time.
fn each_of_kinds(
    tx: &mut dyn Tx,
    kinds: impl Iterator<Item = &'static str> + Clone,
    mut work: impl FnMut(&mut dyn Tx, &[Entry]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    const PAGE: usize = 2_000;
    for book in entries::books(tx)? {
        for kind in kinds.clone() {
            let (days, mut last) = ((i64::from(i32::MIN), i64::from(i32::MAX)), (i64::from(i32::MIN), -1));
            loop {
                let found = entries::of_kind(tx, &book, kind, days, last, PAGE)?;
                let Some(stored) = found.last() else { break };
                last = (i64::from(stored.day.0), stored.entry.seq.to_i64());
                let found: Vec<Entry> = found.into_iter().map(|stored| stored.entry).collect();
                work(tx, &found)?;
            }
        }
    }
    Ok(())
}

/// Hands over the entries of a book in order, so many at a time.
fn each_chunk(
    tx: &mut dyn Tx,
    book: &BookId,
    mut work: impl FnMut(&mut dyn Tx, Vec<Entry>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut next = Seq(0);
    loop {
        let stored = entries::entries_from(tx, book, next, CHUNK)?;
        let Some(last) = stored.last() else { return Ok(()) };
        next = last.entry.seq.next();
        work(tx, stored.into_iter().map(|stored| stored.entry).collect())?;
    }
}

fn digest(tx: &mut dyn Tx, table: &Derived) -> Result<String, StoreError> {
    const ROWS: usize = 20_000;
    let keep = if table.table.starts_with("cell") { " where amount <> 0" } else { "" };
    // An order that both engines agree on does not exist for text, so rows are summed without order.
    let mut sum = [0_u8; 32];
    let mut count = 0_u64;
    let mut offset = 0;
    loop {
        let sql = format!(
            "select {0} from {1}{keep} order by {0} limit {ROWS} offset {offset}",
            table.columns, table.table
        );
        let rows = tx.query(&sql, &[])?;
        for row in &rows {
            let mut hash = Sha256::new();
            for value in &row.0 {
                match value {
                    Value::Null => hash.update([0]),
                    Value::Int(number) => hash.update([&[1], number.to_be_bytes().as_slice()].concat()),
                    Value::Text(text) => hash.update(
                        [&[2], (text.len() as u64).to_be_bytes().as_slice(), text.as_bytes()].concat(),
                    ),
                    Value::Blob(bytes) => {
                        hash.update([&[3], (bytes.len() as u64).to_be_bytes().as_slice(), bytes].concat())
                    }
                }
            }
            add(&mut sum, &hash.finalize().into());
        }
        count += rows.len() as u64;
        if rows.len() < ROWS {
            break;
        }
        offset += ROWS;
    }
    Ok(format!("{count}:{}", hex::encode(sum)))
}

/// Adds two numbers of 256 bits modulo 2^256.
fn add(sum: &mut [u8; 32], more: &[u8; 32]) {
    let mut carry = 0_u16;
    for (a, b) in sum.iter_mut().zip(more) {
        let total = u16::from(*a) + u16::from(*b) + carry;
        *a = total.to_le_bytes()[0];
        carry = total >> 8;
    }
}
