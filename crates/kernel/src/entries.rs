//! Reading entries back.

use std::cmp::Reverse;

use base::{BookId, Day, Seq, SubjectId};
use ledger::{Entry, Role, Sought};
use store::{Param, Row, StoreError, Tx, placeholders};

use crate::Kernel;

/// An entry with the day that it counts for.
#[derive(Debug, Clone)]
pub struct Stored {
    pub entry: Entry,
    pub day: Day,
}

/// A page of entries and where the next one starts.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Hand this back to go on; `None` at the end.
    pub next: Option<String>,
}

const COLUMNS: &str = "head, body, salt, day";

pub(crate) fn books(tx: &mut dyn Tx) -> Result<Vec<BookId>, StoreError> {
    let rows = tx.query("select book from book order by book", &[])?;
    rows.iter().map(|row| BookId::new(row.text(0)?).map_err(|e| StoreError::Schema(e.to_string()))).collect()
}

pub(crate) fn stored(row: &Row) -> Result<Stored, StoreError> {
    let salt = row.blob_or_null(2)?.and_then(|bytes| bytes.try_into().ok());
    let body = row.text_or_null(1)?.map(str::to_owned);
    let entry =
        Entry::read(row.text(0)?, body, salt).map_err(|error| StoreError::Schema(error.to_string()))?;
    let day = i32::try_from(row.int(3)?).map_err(|_| StoreError::Schema("a day is out of range".into()))?;
    Ok(Stored { entry, day: Day(day) })
}

/// One entry.
pub fn entry(tx: &mut dyn Tx, book: &BookId, seq: Seq) -> Result<Option<Entry>, StoreError> {
    let sql = format!("select {COLUMNS} from entry where book = $1 and seq = $2");
    let row = tx.query_one(&sql, &[Param::Text(book.as_str()), Param::Int(seq.to_i64())])?;
    row.map(|row| stored(&row).map(|stored| stored.entry)).transpose()
}

/// Several entries of one book, in the order of their numbers.
pub fn entries(tx: &mut dyn Tx, book: &BookId, seqs: &[Seq]) -> Result<Vec<Entry>, StoreError> {
    const CHUNK: usize = 256;
    let mut found = Vec::with_capacity(seqs.len());
    for chunk in seqs.chunks(CHUNK) {
        let sql = format!(
            "select {COLUMNS} from entry where book = $1 and seq in ({}) order by seq",
            placeholders(2, chunk.len())
        );
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(chunk.iter().map(|seq| Param::Int(seq.to_i64())));
        for row in tx.query(&sql, &params)? {
            found.push(stored(&row)?.entry);
        }
    }
    Ok(found)
}

/// Entries of a book from a number on.
pub fn entries_from(
    tx: &mut dyn Tx,
    book: &BookId,
    from: Seq,
    count: usize,
) -> Result<Vec<Stored>, StoreError> {
    let sql = format!("select {COLUMNS} from entry where book = $1 and seq >= $2 order by seq limit $3");
    let params = [Param::Text(book.as_str()), Param::Int(from.to_i64()), limit(count)];
    tx.query(&sql, &params)?.iter().map(stored).collect()
}

/// The latest entries of some kinds, newest first, below a number.
pub fn latest(
    tx: &mut dyn Tx,
    book: &BookId,
    kinds: &[&str],
    below: Option<Seq>,
    count: usize,
) -> Result<Vec<Entry>, StoreError> {
    const RUNS: &str = "select day, first_seq, last_seq from run
        where book = $1 and kind = $2 and first_seq < $3 order by day desc, block desc limit $4";
    let mut found = Vec::new();
    let below = below.map_or(i64::MAX, Seq::to_i64);
    for kind in kinds {
        // Newest by day, then by number: the order of the runs.
        let params = [Param::Text(book.as_str()), Param::Text(kind), Param::Int(below), limit(count)];
        let mut left = count;
        for row in tx.query(RUNS, &params)? {
            let run = Run { day: row.int(0)?, first: row.int(1)?, last: row.int(2)?.min(below - 1) };
            let rows = run.read(tx, book, kind, "desc", left)?;
            left -= rows.len();
            found.extend(rows.into_iter().map(|stored| stored.entry));
            if left == 0 {
                break;
            }
        }
    }
    found.sort_by_key(|entry| Reverse(entry.seq));
    found.truncate(count);
    Ok(found)
}

/// The latest entries of some kinds in some books up to a day, the latest first. Looks back as far as it takes.
pub fn recent(
    tx: &mut dyn Tx,
    books: &[BookId],
    kinds: &[&str],
    until: Day,
    count: usize,
) -> Result<Vec<Entry>, StoreError> {
    /// Days that are looked back, a few at first: where much happens, older days are never read.
    const DAYS: [i32; 5] = [1, 7, 30, 365, i32::MAX];
    if kinds.is_empty() || books.is_empty() || count == 0 {
        return Ok(Vec::new());
    }
    let mut runs = Vec::new();
    for days in DAYS {
        let since = i64::from(until.0) - i64::from(days);
        runs = recent_runs(tx, books, kinds, (since, i64::from(until.0)), count)?;
        if runs.len() >= count {
            break;
        }
    }
    let mut found: Vec<Entry> = Vec::new();
    let mut last_day = i64::MAX;
    for (book, kind, run) in runs {
        // A day is read to its end, for its entries may have been recorded in any order.
        if found.len() >= count && run.day < last_day {
            break;
        }
        last_day = run.day;
        found.extend(run.read(tx, &book, &kind, "desc", count)?.into_iter().map(|stored| stored.entry));
    }
    found
        .sort_by_cached_key(|entry| Reverse((entry.occurred, entry.recorded, entry.seq, entry.book.clone())));
    found.truncate(count);
    Ok(found)
}

/// The last runs of some kinds in some books on some days, the latest first.
fn recent_runs(
    tx: &mut dyn Tx,
    books: &[BookId],
    kinds: &[&str],
    (since, until): (i64, i64),
    count: usize,
) -> Result<Vec<(BookId, String, Run)>, StoreError> {
    const BOOKS: usize = 400;
    let mut found = Vec::new();
    for books in books.chunks(BOOKS) {
        let sql = format!(
            "select day, first_seq, last_seq, kind, book from run
             where day >= $1 and day <= $2 and kind in ({}) and book in ({})
             order by day desc, last_seq desc, book, kind limit {count}",
            placeholders(3, kinds.len()),
            placeholders(3 + kinds.len(), books.len())
        );
        let mut params = vec![Param::Int(since), Param::Int(until)];
        params.extend(kinds.iter().map(|kind| Param::Text(kind)));
        params.extend(books.iter().map(|book| Param::Text(book.as_str())));
        for row in tx.query(&sql, &params)? {
            let book = BookId::new(row.text(4)?).map_err(|error| StoreError::Schema(error.to_string()))?;
            let run = Run { day: row.int(0)?, first: row.int(1)?, last: row.int(2)? };
            found.push((book, row.text(3)?.to_owned(), run));
        }
    }
    found.sort_by(|a, b| (b.2.day, b.2.last).cmp(&(a.2.day, a.2.last)).then_with(|| a.0.cmp(&b.0)));
    found.truncate(count);
    Ok(found)
}

/// Entries of a kind that count for days from the first to the last, behind a day and number, in that order.
pub(crate) fn of_kind(
    tx: &mut dyn Tx,
    book: &BookId,
    kind: &str,
    (from, to): (i64, i64),
    (day, seq): (i64, i64),
    count: usize,
) -> Result<Vec<Stored>, StoreError> {
    const RUNS: &str = "select day, first_seq, last_seq from run
        where book = $1 and kind = $2 and day >= $3 and day <= $4 and (day > $5 or day = $5 and last_seq > $6)
        order by day, block limit $7";
    let params = [
        Param::Text(book.as_str()),
        Param::Text(kind),
        Param::Int(from.max(day)),
        Param::Int(to),
        Param::Int(day),
        Param::Int(seq),
        limit(count),
    ];
    let mut found = Vec::new();
    for row in tx.query(RUNS, &params)? {
        let (of, first) = (row.int(0)?, row.int(1)?);
        let first = if of == day { first.max(seq + 1) } else { first };
        let run = Run { day: of, first, last: row.int(2)? };
        found.extend(run.read(tx, book, kind, "asc", count - found.len())?);
        if found.len() == count {
            break;
        }
    }
    Ok(found)
}

/// A stretch of a book that begins and ends with entries of one kind and day; others may lie between.
struct Run {
    day: i64,
    first: i64,
    last: i64,
}

impl Run {
    fn read(
        &self,
        tx: &mut dyn Tx,
        book: &BookId,
        kind: &str,
        order: &str,
        count: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from entry where book = $1 and seq >= $2 and seq <= $3 and kind = $4 and day = $5
            order by seq {order} limit $6"
        );
        let params = [
            Param::Text(book.as_str()),
            Param::Int(self.first),
            Param::Int(self.last),
            Param::Text(kind),
            Param::Int(self.day),
            limit(count),
        ];
        tx.query(&sql, &params)?.iter().map(stored).collect()
    }
}

/// The entries that name a subject in one role, newest first: of a subject that many entries are about, those that made
/// it are found without reading the others.
pub fn of_role(
    tx: &mut dyn Tx,
    book: &BookId,
    subject: &SubjectId,
    role: Role,
    count: usize,
) -> Result<Vec<Entry>, StoreError> {
    let seqs = seqs_of_role(tx, book, subject, role, count)?;
    let mut found = entries(tx, book, &seqs)?;
    found.reverse();
    Ok(found)
}

fn seqs_of_role(
    tx: &mut dyn Tx,
    book: &BookId,
    subject: &SubjectId,
    role: Role,
    count: usize,
) -> Result<Vec<Seq>, StoreError> {
    const OF_ROLE: &str =
        "select seq from link where book = $1 and subject = $2 and role = $3 order by seq desc limit $4";
    let (book, subject, role) = (book.as_str(), subject.as_str(), role.as_str());
    let params = [Param::Text(book), Param::Text(subject), Param::Text(role), limit(count)];
    tx.query(OF_ROLE, &params)?.iter().map(|row| row.int(0).map(Seq::from_i64)).collect()
}

/// The entries that name a subject in a book, newest first.
pub fn about(
    tx: &mut dyn Tx,
    book: &BookId,
    subject: &SubjectId,
    count: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut seqs = Vec::new();
    for role in Role::ALL {
        seqs.extend(seqs_of_role(tx, book, subject, role, count)?);
    }
    seqs.sort_unstable();
    seqs.dedup();
    seqs.drain(..seqs.len().saturating_sub(count));
    let mut found = entries(tx, book, &seqs)?;
    found.reverse();
    Ok(found)
}

/// Which kinds of entries are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Kinds<'k> {
    These(&'k [Sought]),
    AllBut(&'k [&'k str]),
}

/// The entries of some kinds that are about a subject, below a number, newest first. Others that name it, however many, hide
/// none of them; and those of given kinds cost the same however many others there are.
pub fn about_of(
    tx: &mut dyn Tx,
    book: &BookId,
    subject: &SubjectId,
    kinds: Kinds<'_>,
    below: Option<Seq>,
    count: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut params = vec![
        Param::Text(book.as_str()),
        Param::Text(subject.as_str()),
        Param::Int(below.map_or(i64::MAX, Seq::to_i64)),
        limit(count),
    ];
    let sql = match kinds {
        Kinds::These(kinds) => {
            params.extend(kinds.iter().map(|kind| Param::Text(kind.kind())));
            let of_kind = |number: usize| {
                format!(
                    "select seq from (select seq from sought where book = $1 and subject = $2 and kind = ${number} and seq < $3
                     order by seq desc limit $4) as k{number}"
                )
            };
            let of_each: Vec<String> = (5..5 + kinds.len()).map(of_kind).collect();
            format!(
                "select e.head, e.body, e.salt, e.day from ({}) as s cross join entry as e
                 where e.book = $1 and e.seq = s.seq order by s.seq desc limit $4",
                of_each.join(" union all ")
            )
        }
        Kinds::AllBut(kinds) => {
            params.push(Param::Text(Role::About.as_str()));
            params.extend(kinds.iter().map(|kind| Param::Text(kind)));
            let which = match kinds {
                [] => String::new(),
                some => format!("and e.kind not in ({})", placeholders(6, some.len())),
            };
            format!(
                "select e.head, e.body, e.salt, e.day from link as l cross join entry as e
                 where l.book = $1 and l.subject = $2 and l.role = $5 and l.seq < $3 and e.book = $1 and e.seq = l.seq {which}
                 order by l.seq desc limit $4"
            )
        }
    };
    tx.query(&sql, &params)?.iter().map(|row| stored(row).map(|stored| stored.entry)).collect()
}

/// How many entries of a kind are about a subject, up to so many.
pub(crate) fn count_about(
    tx: &mut dyn Tx,
    book: &BookId,
    subject: &SubjectId,
    kind: Sought,
    most: usize,
) -> Result<usize, StoreError> {
    const COUNT: &str = "select seq from sought where book = $1 and subject = $2 and kind = $3 limit $4";
    let (book, subject) = (Param::Text(book.as_str()), Param::Text(subject.as_str()));
    Ok(tx.query(COUNT, &[book, subject, Param::Text(kind.kind()), limit(most)])?.len())
}

pub(crate) fn limit(count: usize) -> Param<'static> {
    Param::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

impl Kernel {
    /// One entry, if it is there.
    pub fn entry(&self, book: &BookId, seq: Seq) -> Result<Option<Entry>, StoreError> {
        self.read(|tx| entry(tx, book, seq))
    }
}
