//! How the kernel's own tables follow from entries: links for traces and cells for figures. The writer and `replay`
//! share this, which is why replay equals live.

use std::collections::BTreeSet;

use base::{BookId, CityZone, Day, KindName, Seq, SubjectId};
use figures::{Cells, Contributions};
use ledger::{Entry, Role, Subject};
use store::{Param, StoreError, Tx};

use crate::line::Lines;
use crate::schema::{BLOCK_ENTRIES, EXTEND_RUN, INSERT_LINK, INSERT_NAMED, INSERT_SEEN, INSERT_SOUGHT};

/// Subjects of one entry up to which each link carries its mates along; beyond, they are read from the entry.
const MATES_MAX: usize = 32;
/// Bytes of the mates in all links of one entry, which each repeat those of the others; beyond, they are read from the entry
/// as well.
const MATES_BYTES_MAX: usize = 16 * 1024;

/// Writes links, lets the lines apply their entries, and adds up figures.
pub fn apply(
    tx: &mut dyn Tx,
    lines: &Lines,
    zone: &CityZone,
    entries: &[Entry],
    cells: &mut Cells,
) -> Result<(), StoreError> {
    write_runs(tx, zone, entries)?;
    write_links(tx, entries)?;
    write_sought(tx, lines, entries)?;
    write_named(tx, lines, entries)?;
    for line in lines.iter() {
        let own: Vec<&Entry> = entries.iter().filter(|entry| belongs(line.name(), entry)).collect();
        if own.len() == entries.len() {
            line.apply(tx, entries)?;
        } else if !own.is_empty() {
            let own: Vec<Entry> = own.into_iter().cloned().collect();
            line.apply(tx, &own)?;
        }
    }
    let mut contributions = Contributions::default();
    for entry in entries {
        contributions.clear();
        let day = lines.contribute(entry, zone, &mut contributions);
        cells.add(&entry.book, day, &contributions);
    }
    Ok(())
}

fn belongs(line: &str, entry: &Entry) -> bool {
    entry.kind.as_str().strip_prefix(line).is_some_and(|rest| rest.starts_with('.'))
}

/// Where entries of a kind and day lie, block by block.
fn write_runs(tx: &mut dyn Tx, zone: &CityZone, entries: &[Entry]) -> Result<(), StoreError> {
    type Key<'e> = (&'e BookId, &'e KindName, Day, u64);
    let mut runs: Vec<(Key<'_>, Seq, Seq)> = Vec::new();
    // The runs of the block at hand are the last ones; there are as many as it has kinds and days.
    for entry in entries {
        let key = (&entry.book, &entry.kind, zone.day_of(entry.occurred), entry.seq.0 / BLOCK_ENTRIES);
        let recent = runs.iter_mut().rev().take_while(|(of, ..)| of.0 == key.0 && of.3 == key.3);
        match recent.into_iter().find(|(of, ..)| *of == key) {
            Some((_, _, last)) => *last = entry.seq,
            None => runs.push((key, entry.seq, entry.seq)),
        }
    }
    // Books may be mixed in one group, and a row must not be touched twice by one statement.
    runs.sort_unstable();
    runs.dedup_by(|(later, _, until), (earlier, _, last)| {
        let same = later == earlier;
        if same {
            *last = *until;
        }
        same
    });
    let mut params = Vec::with_capacity(runs.len() * EXTEND_RUN.columns.len());
    for ((book, kind, day, block), first, last) in &runs {
        let block = i64::try_from(*block).expect("a block is numbered below its entries");
        params.extend([
            Param::Text(book.as_str()),
            Param::Text(kind.as_str()),
            Param::Int(i64::from(day.0)),
            Param::Int(block),
            Param::Int(first.to_i64()),
            Param::Int(last.to_i64()),
        ]);
    }
    tx.insert_many(&EXTEND_RUN, &params)
}

fn write_links(tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
    let mates: Vec<Vec<Option<String>>> =
        entries.iter().map(|entry| mates_of_each(&entry.subjects)).collect();
    let (mut links, mut seen) = (Vec::new(), Vec::new());
    for (entry, mates) in entries.iter().zip(&mates) {
        for (at, subject) in each_once(&entry.subjects) {
            links.extend([
                Param::Text(entry.book.as_str()),
                Param::Text(subject.id.as_str()),
                Param::Text(subject.role.as_str()),
                Param::Int(entry.seq.to_i64()),
                Param::from(mates[at].as_ref()),
            ]);
            if subject.id.home() != Some(entry.book.as_str()) {
                seen.extend([Param::Text(subject.id.as_str()), Param::Text(entry.book.as_str())]);
            }
        }
    }
    tx.insert_many(&INSERT_LINK, &links)?;
    tx.insert_many(&INSERT_SEEN, &seen)
}

/// Keeps entries to be found by what they are about, of the kinds that are sought by it.
pub(crate) fn write_sought(tx: &mut dyn Tx, lines: &Lines, entries: &[Entry]) -> Result<(), StoreError> {
    let mut cells = Vec::new();
    for entry in entries.iter().filter(|entry| lines.is_sought(entry.kind.as_str())) {
        for (_, subject) in each_once(&entry.subjects).filter(|(_, subject)| subject.role == Role::About) {
            cells.extend([
                Param::Text(entry.book.as_str()),
                Param::Text(subject.id.as_str()),
                Param::Text(entry.kind.as_str()),
                Param::Int(entry.seq.to_i64()),
            ]);
        }
    }
    tx.insert_many(&INSERT_SOUGHT, &cells)
}

/// Keeps which files are named by entries that have their body.
pub(crate) fn write_named(tx: &mut dyn Tx, lines: &Lines, entries: &[Entry]) -> Result<(), StoreError> {
    let mut cells = Vec::new();
    let naming = |entry: &&Entry| entry.body.is_some() && lines.bears_files(entry.kind.as_str());
    for entry in entries.iter().filter(naming) {
        let digests: BTreeSet<&String> = entry.evidence.iter().collect();
        for digest in digests {
            cells.extend([
                Param::Text(entry.book.as_str()),
                Param::Text(digest),
                Param::Int(entry.seq.to_i64()),
            ]);
        }
    }
    tx.insert_many(&INSERT_NAMED, &cells)
}

/// The subjects of an entry and where they stand, each where it stands first.
fn each_once(subjects: &[Subject]) -> impl Iterator<Item = (usize, &Subject)> {
    subjects.iter().enumerate().filter(|(at, subject)| !subjects[..*at].contains(subject))
}

/// The subjects that take part in an entry, which its traces go along.
fn taking_part(subjects: &[Subject]) -> impl Iterator<Item = &Subject> {
    subjects.iter().filter(|subject| subject.role != Role::About)
}

/// Bytes that the mates of all subjects of an entry come to; `None` where links do not carry them.
fn mates_bytes(subjects: &[Subject]) -> Option<usize> {
    let count = taking_part(subjects).count();
    let bytes = taking_part(subjects).map(|subject| subject.id.as_str().len() + 2).sum::<usize>();
    let all = count.saturating_sub(1) * bytes;
    (count <= MATES_MAX && all <= MATES_BYTES_MAX).then_some(all)
}

/// Bytes that the subjects of an entry take in its head and in what follows from it: the links, and where they lie.
pub fn bytes_of_subjects(subjects: &[Subject]) -> usize {
    /// The head, the link, and the book that it lies in.
    const COPIES: usize = 3;
    /// Book, role and number of each.
    const BESIDE: usize = 64;
    let own: usize = subjects.iter().map(|subject| COPIES * (subject.id.as_str().len() + BESIDE)).sum();
    own + mates_bytes(subjects).unwrap_or_default()
}

/// For each subject of an entry, the others that take part in it, a line each: the role's letter, then the id.
fn mates_of_each(subjects: &[Subject]) -> Vec<Option<String>> {
    let many = mates_bytes(subjects).is_none();
    let mates = |me: &Subject| {
        if many {
            return None;
        }
        let mut text = String::new();
        for mate in taking_part(subjects).filter(|mate| mate.id != me.id) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push(mate.role.letter());
            text.push_str(mate.id.as_str());
        }
        Some(text)
    };
    let each = |subject: &Subject| match subject.role {
        Role::About => Some(String::new()),
        _ => mates(subject),
    };
    subjects.iter().map(each).collect()
}

/// Reads the mates of a link back; `None` where they must be read from the entry.
pub fn read_mates(text: Option<&str>) -> Result<Option<Vec<Subject>>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    let read = |line: &str| {
        let mut letters = line.chars();
        let role = letters.next().and_then(Role::from_letter)?;
        Some(Subject::new(role, SubjectId::new(letters.as_str()).ok()?))
    };
    let mates: Option<Vec<Subject>> = text.lines().map(read).collect();
    mates.map(Some).ok_or_else(|| StoreError::Schema(format!("{text:?} is not a list of subjects")))
}

/// The books that may hold links of a subject besides its home are in `seen`.
pub fn home_book(subject: &SubjectId) -> Option<BookId> {
    subject.home().and_then(|home| BookId::new(home).ok())
}
