//! Traces over the stored links, a few queries a hop.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::limits::{TRACE_DEPTH_MAX, TRACE_SUBJECTS_MAX};
use base::{BookId, Seq, SubjectId};
use ledger::{Entry, Role, Subject};
use store::{Param, StoreError, Tx, placeholders};
use trace::{Bounds, Cut, Direction, Fan, Link, Links, Walk};

use crate::apply::{home_book, read_mates};
use crate::{Kernel, Lines};

/// A trace that takes longer is cut, and says so.
const WALK_TIME_MAX: Duration = Duration::from_secs(10);
const CHUNK: usize = 256;
/// Entries that name more than their links repeat, and are read for one step of a walk at most; so many at a time.
const WIDE_MAX: usize = 4_000;
const WIDE_AT_ONCE: usize = 64;
/// Bytes of what links repeat of their entries, and of the heads of those of which they do not, as they are read for one step; what
/// is read of them takes some times as much.
const STEP_BYTES_MAX: usize = 32 * 1024 * 1024;
/// So many links are read without asking for their bytes.
const FEW: usize = 1_000;

impl Kernel {
    /// Walks from a subject, across books, within the product's bounds.
    pub fn walk(&self, start: &SubjectId, direction: Direction) -> Result<Walk, StoreError> {
        self.walk_along(start, direction, Along::Every)
    }

    /// The same along some books.
    pub fn walk_along(
        &self,
        start: &SubjectId,
        direction: Direction,
        along: Along<'_>,
    ) -> Result<Walk, StoreError> {
        let bounds = Bounds { depth: TRACE_DEPTH_MAX, subjects: TRACE_SUBJECTS_MAX, fan: Fan::WHOLE };
        self.walk_within(start, direction, bounds, WALK_TIME_MAX, along)
    }

    /// Walks from a subject within narrower bounds. A reader of the database is held all the while.
    pub fn walk_within(
        &self,
        start: &SubjectId,
        direction: Direction,
        bounds: Bounds,
        time_max: Duration,
        along: Along<'_>,
    ) -> Result<Walk, StoreError> {
        let deadline = Instant::now() + time_max;
        self.read(|tx| {
            let of_each = Some(bounds.fan.entries).filter(|entries| *entries < usize::MAX);
            let lines = self.lines();
            let (wide, bytes) = (0, 0);
            let mut links = StoredLinks {
                tx,
                lines,
                along,
                of_each,
                deadline,
                wide,
                bytes,
                is_cut: false,
                is_late: false,
            };
            let mut walk = trace::walk(&mut links, start, direction, bounds, &|| Instant::now() > deadline)?;
            if links.is_late {
                walk.cut = Some(Cut::Time);
            } else if links.is_cut {
                walk.cut = walk.cut.or(Some(Cut::Subjects));
            }
            Ok(walk)
        })
    }
}

/// The books along which a walk goes.
#[derive(Debug, Clone, Copy)]
pub enum Along<'a> {
    Every,
    /// Each subject's home, and what this book tells.
    Homes(&'a BookId),
    /// These alone: nothing follows from what stands in another, not even that it stands there.
    Only(&'a BTreeSet<BookId>),
}

impl Along<'_> {
    fn leads(self, book: &BookId, is_home: bool) -> bool {
        match self {
            Self::Every => true,
            Self::Homes(told_in) => is_home || told_in == book,
            Self::Only(books) => books.contains(book),
        }
    }
}

/// The links of the database.
pub struct StoredLinks<'a> {
    pub tx: &'a mut dyn Tx,
    pub lines: &'a Lines,
    pub along: Along<'a>,
    /// How many links of each subject are read in one role, and one more; all, if none is named, but no more than a walk has room for.
    pub of_each: Option<usize>,
    /// After this nothing more is read.
    pub deadline: Instant,
    /// Wide entries read for the step that is under way.
    pub wide: usize,
    /// Bytes of links and of wide entries read for it.
    pub bytes: usize,
    /// Whether more of them were left out.
    pub is_cut: bool,
    /// Whether something was left out because it was late.
    pub is_late: bool,
}

impl Links for StoredLinks<'_> {
    type Error = StoreError;

    fn links(
        &mut self,
        subjects: &[SubjectId],
        direction: Direction,
        max: usize,
    ) -> Result<Vec<Link>, StoreError> {
        let mut by_book: BTreeMap<BookId, Vec<&SubjectId>> = BTreeMap::new();
        for subject in subjects {
            if let Some(home) = home_book(subject).filter(|home| self.along.leads(home, true)) {
                by_book.entry(home).or_default().push(subject);
            }
        }
        for (subject, book) in self.seen(subjects)? {
            if self.along.leads(&book, false) {
                by_book.entry(book).or_default().push(subject);
            }
        }
        let mut found = Vec::new();
        (self.wide, self.bytes) = (0, 0);
        for (book, subjects) in by_book {
            for chunk in subjects.chunks(CHUNK) {
                if self.is_over() {
                    return Ok(found);
                }
                if let Some(entries) = self.of_each {
                    // What is told of one leaves the others theirs.
                    for subject in chunk {
                        for role in trace::roles(direction) {
                            // A step may read many long entries.
                            if self.is_over() {
                                return Ok(found);
                            }
                            self.of_book(&book, &[subject], &[role], entries + 1, &mut found)?;
                        }
                    }
                    continue;
                }
                let room = (max + 1).saturating_sub(found.len());
                if room == 0 {
                    return Ok(found);
                }
                self.of_book(&book, chunk, &trace::roles(direction), room, &mut found)?;
            }
        }
        Ok(found)
    }

    fn ends(&self, subject: &SubjectId) -> bool {
        self.lines.ends(subject)
    }
}

impl StoredLinks<'_> {
    fn is_over(&mut self) -> bool {
        self.is_late |= Instant::now() > self.deadline;
        self.is_late
    }

    /// The books away from home that name a subject. Where a walk ends, only home names it.
    fn seen<'s>(&mut self, subjects: &'s [SubjectId]) -> Result<Vec<(&'s SubjectId, BookId)>, StoreError> {
        let known: BTreeMap<&str, &SubjectId> =
            subjects.iter().filter(|s| !self.lines.ends(s)).map(|s| (s.as_str(), s)).collect();
        let names: Vec<&str> = known.keys().copied().collect();
        let mut found = Vec::new();
        for chunk in names.chunks(CHUNK) {
            let sql =
                format!("select subject, book from seen where subject in ({})", placeholders(1, chunk.len()));
            let params: Vec<Param<'_>> = chunk.iter().map(|name| Param::Text(name)).collect();
            for row in self.tx.query(&sql, &params)? {
                let book =
                    BookId::new(row.text(1)?).map_err(|error| StoreError::Schema(error.to_string()))?;
                if let Some(subject) = known.get(row.text(0)?) {
                    found.push((*subject, book));
                }
            }
        }
        Ok(found)
    }

    fn of_book(
        &mut self,
        book: &BookId,
        subjects: &[&SubjectId],
        roles: &[Role],
        room: usize,
        found: &mut Vec<Link>,
    ) -> Result<(), StoreError> {
        // Of one subject in one role, the first come first.
        let order = if self.of_each.is_some() { "order by seq" } else { "" };
        let links = format!(
            "from link where book = $1 and role in ({}) and subject in ({}) {order} limit",
            placeholders(2, roles.len()),
            placeholders(2 + roles.len(), subjects.len())
        );
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(roles.iter().map(|role| Param::Text(role.as_str())));
        params.extend(subjects.iter().map(|subject| Param::Text(subject.as_str())));
        let known: HashMap<&str, &SubjectId> =
            subjects.iter().map(|known| (known.as_str(), *known)).collect();
        let mut unread: BTreeSet<Seq> = BTreeSet::new();
        let first = found.len();
        let room = if room <= FEW { room } else { self.room_for(&links, &params, room)? };
        for row in self.tx.query(&format!("select subject, seq, role, mates {links} {room}"), &params)? {
            let seq = Seq::from_i64(row.int(1)?);
            let told = row.text_or_null(3)?;
            self.bytes += told.map_or(0, str::len);
            let mates = read_mates(told)?;
            if mates.is_none() {
                unread.insert(seq);
            }
            let subject = known.get(row.text(0)?).copied().cloned();
            let role = row.text(2)?;
            let role = Role::ALL.into_iter().find(|known| known.as_str() == role);
            let (Some(subject), Some(role)) = (subject, role) else {
                return Err(StoreError::Schema("a link names an unknown subject or role".into()));
            };
            found.push(Link {
                subject,
                role,
                book: book.clone(),
                seq,
                mates: mates.unwrap_or_default().into(),
            });
        }
        if unread.is_empty() {
            return Ok(());
        }
        let seqs: Vec<Seq> = unread.iter().copied().take(WIDE_MAX - self.wide).collect();
        self.wide += seqs.len();
        self.is_cut |= seqs.len() < unread.len();
        let mut wide: BTreeMap<Seq, Arc<[Subject]>> = BTreeMap::new();
        for seqs in seqs.chunks(WIDE_AT_ONCE) {
            if self.bytes >= STEP_BYTES_MAX {
                self.is_cut = true;
                break;
            }
            if self.is_over() {
                break;
            }
            self.read_wide(book, seqs, &mut wide)?;
        }
        // Shared by all that lead on by the entry.
        for link in found[first..].iter_mut().filter(|link| unread.contains(&link.seq)) {
            link.mates = wide.get(&link.seq).cloned().unwrap_or_default();
        }
        Ok(())
    }

    /// What entries name, by their heads; their bodies tell nothing of it.
    fn read_wide(
        &mut self,
        book: &BookId,
        seqs: &[Seq],
        wide: &mut BTreeMap<Seq, Arc<[Subject]>>,
    ) -> Result<(), StoreError> {
        let sql =
            format!("select head from entry where book = $1 and seq in ({})", placeholders(2, seqs.len()));
        let mut params = vec![Param::Text(book.as_str())];
        params.extend(seqs.iter().map(|seq| Param::Int(seq.to_i64())));
        for row in self.tx.query(&sql, &params)? {
            let head = row.text(0)?;
            self.bytes += head.len();
            let entry =
                Entry::read(head, None, None).map_err(|error| StoreError::Schema(error.to_string()))?;
            let mates = entry.subjects.into_iter().filter(|subject| subject.role != Role::About);
            wide.insert(entry.seq, mates.collect());
        }
        Ok(())
    }

    /// How many of some links are read, of so many at most, so that a step keeps within its bytes.
    fn room_for(&mut self, links: &str, params: &[Param<'_>], room: usize) -> Result<usize, StoreError> {
        let sql = format!(
            "select coalesce(sum(length(mates)), 0), count(*) from (select mates {links} {room}) as told"
        );
        let Some(row) = self.tx.query_one(&sql, params)? else { return Ok(room) };
        let number = |at| row.int(at).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let (bytes, count) = (number(0)?, number(1)?);
        let left = STEP_BYTES_MAX.saturating_sub(self.bytes);
        if bytes <= left {
            return Ok(room);
        }
        self.is_cut = true;
        // As if all were as long.
        Ok(count.saturating_mul(left) / bytes)
    }
}
