use std::collections::HashMap;
use std::sync::Arc;

use base::limits::FIGURE_SUM_MAX;
use base::{ActorId, BookId, Seq, Time};
use figures::{Cells, Contributions};
use ledger::{BodyError, Draft, Entry, KindError, Rule};
use matters::Rulebook;
use merkle::{Appender, SignerKey};
use registry::Tree;
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Param, StoreError, Tx, Value};

use crate::docket::{Asked, Seats};
use crate::registry::{load, root_book, since};
use crate::schema::{INSERT_ENTRY, MOVE_HEAD, OPEN_BOOK, PUT_TILE, TAKE_HEAD};
use crate::tiles::{StoredTiles, store_error};
use crate::writer::Bench;
use crate::{evidence, figure};

/// Why an append was not recorded. `E` is the refusal of whoever decided.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError<E> {
    #[error("refused: {0:?}")]
    Refused(E),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Kind(#[from] KindError),
    #[error("there is no book {0}")]
    UnknownBook(BookId),
    #[error("the idempotency key was used before with another request")]
    KeyReused,
    #[error("whoever asked is let in no more")]
    LetOut,
    #[error("the writer has too much to do")]
    Busy,
    #[error("the writer has stopped")]
    Stopped,
    #[error("the decision panicked")]
    Panicked,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<E> AppendError<E> {
    /// The same error with the refusal as somebody else names it.
    pub fn map<F>(self, refused: impl FnOnce(E) -> F) -> AppendError<F> {
        match self {
            Self::Refused(refusal) => AppendError::Refused(refused(refusal)),
            Self::Body(error) => AppendError::Body(error),
            Self::Kind(error) => AppendError::Kind(error),
            Self::UnknownBook(book) => AppendError::UnknownBook(book),
            Self::KeyReused => AppendError::KeyReused,
            Self::LetOut => AppendError::LetOut,
            Self::Busy => AppendError::Busy,
            Self::Stopped => AppendError::Stopped,
            Self::Panicked => AppendError::Panicked,
            Self::Store(error) => AppendError::Store(error),
        }
    }
}

/// Where an entry was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Receipt {
    #[schema(value_type = String)]
    pub book: BookId,
    #[schema(value_type = u64)]
    pub seq: Seq,
}

/// The right edge of a book's tree and its time of last recording.
#[derive(Clone)]
pub(crate) struct Edge {
    pub appender: Appender,
    pub recorded: Time,
}

/// A book's head within a transaction.
struct Head {
    edge: Edge,
    /// Entries sealed in this transaction, accepted or not yet.
    next: u64,
    accepted: u64,
}

/// What a job may do within the writer's transaction: read the state that all jobs before it left, and append.
pub struct Desk<'a> {
    tx: &'a mut dyn Tx,
    pub(crate) bench: &'a mut Bench,
    known: &'a HashMap<BookId, Edge>,
    heads: HashMap<BookId, Head>,
    now: Time,
    /// Of the job at the desk.
    drafted: Vec<Entry>,
    asides: Vec<(String, Vec<Value>)>,
    pub(crate) seats: Seats,
    pub(crate) asked: Asked,
    /// Of accepted jobs, not yet written.
    accepted: Vec<Entry>,
    accepted_asides: Vec<(String, Vec<Value>)>,
    written: Vec<Entry>,
    cells: Cells,
}

pub(crate) struct Finished {
    pub edges: Vec<(BookId, Edge)>,
    pub entries: Vec<Entry>,
}

/// What a request is known again by.
struct Sealed {
    key: String,
    digest: String,
}

/// The key to what is known again of requests. It is the same on every node.
pub(crate) fn asked_key(signer: &SignerKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &signer.derived("requests that were answered"))
}

impl<'a> Desk<'a> {
    pub(crate) fn new(tx: &'a mut dyn Tx, bench: &'a mut Bench, known: &'a HashMap<BookId, Edge>) -> Self {
        let now = bench.clock.now();
        Self {
            tx,
            bench,
            known,
            heads: HashMap::new(),
            now,
            drafted: Vec::new(),
            asides: Vec::new(),
            seats: Seats::new(),
            asked: Asked::default(),
            accepted: Vec::new(),
            accepted_asides: Vec::new(),
            written: Vec::new(),
            cells: Cells::default(),
        }
    }

    /// The moment of recording of this group.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The city's time zone.
    pub fn zone(&self) -> &base::CityZone {
        &self.bench.zone
    }

    /// Random bytes for identifiers and secrets.
    pub fn secret(&mut self) -> [u8; 32] {
        self.bench.entropy.secret()
    }

    /// The state that all jobs before this one left. Drafts of this job are not in it yet.
    pub fn read(&mut self) -> Result<&mut dyn Tx, StoreError> {
        self.write_accepted()?;
        Ok(self.tx)
    }

    /// The state without what accepted jobs of this group drafted, which [`Desk::unwritten`] has. Whoever looks at both lets the
    /// group be written at once.
    pub fn written(&mut self) -> &mut dyn Tx {
        self.tx
    }

    /// The entries of accepted jobs that [`Desk::written`] does not know yet, in the order of their books.
    pub fn unwritten(&self) -> &[Entry] {
        &self.accepted
    }

    /// What matters are judged by.
    pub fn rulebook(&mut self) -> Result<Arc<Rulebook>, StoreError> {
        let rulebooks = self.bench.rulebooks.clone();
        rulebooks.of(self.read()?)
    }

    /// Entries of a book that were accepted, those of this transaction among them, if it has taken the book.
    pub(crate) fn accepted_of(&self, book: &BookId) -> Option<u64> {
        self.heads.get(book).map(|head| head.accepted)
    }

    /// The org tree as it stands here. Where this transaction has taken the root book, it is kept for the size of that book, and
    /// changed by what was accepted since.
    pub(crate) fn tree(&mut self) -> Result<Arc<Tree>, StoreError> {
        let Some(size) = self.accepted_of(&root_book()) else {
            return Ok(Arc::new(load(self.read()?)?));
        };
        let kept = self.bench.tree.take();
        let tree = match kept {
            Some((of, tree)) if of == size => tree,
            Some((of, tree)) if of < size => since(self.read()?, &tree, of)?,
            _ => Arc::new(load(self.read()?)?),
        };
        self.bench.tree = Some((size, tree.clone()));
        Ok(tree)
    }

    /// Makes sure that no other node appends to the book until this transaction ends.
    pub fn take<E>(&mut self, book: &BookId) -> Result<(), AppendError<E>> {
        if self.heads.contains_key(book) {
            return Ok(());
        }
        let row = self.tx.query_one(TAKE_HEAD, &[Param::Text(book.as_str())])?;
        let row = row.ok_or_else(|| AppendError::UnknownBook(book.clone()))?;
        let (size, recorded) = (Seq::from_i64(row.int(0)?).0, Time(row.int(1)?));
        let appender = match self.known.get(book) {
            Some(edge) if edge.appender.size() == size => edge.appender.clone(),
            _ => Appender::load(size, &mut StoredTiles { tx: self.tx, book }).map_err(store_error)?,
        };
        let edge = Edge { appender, recorded: recorded.max(self.now) };
        self.heads.insert(book.clone(), Head { edge, next: size, accepted: size });
        Ok(())
    }

    /// Opens a book; a book that is there already stays as it is.
    pub fn open_book(&mut self, book: &BookId) -> Result<(), StoreError> {
        self.tx.execute(OPEN_BOOK, &[Param::Text(book.as_str())]).map(drop)
    }

    /// Appends an entry, if the job is accepted in the end. The files that it names must be there, sent by whoever it is of.
    pub fn append<E>(&mut self, draft: Draft) -> Result<Receipt, AppendError<E>> {
        let bears_files = self.bench.catalogue.get(draft.kind.as_str())?.bears_files;
        draft.check(self.now)?;
        self.take(&draft.book)?;
        for (at, digest) in draft.evidence.iter().enumerate() {
            if !self.may_name(&draft.actor, &draft.book, digest)? {
                let detail = format!("{digest} is no file that you sent to the book; send it again");
                return Err(BodyError::new(format!("evidence[{at}]"), Rule::Reference, detail).into());
            }
        }
        let head = self.heads.get_mut(&draft.book).expect("the head was just taken");
        let seq = Seq(head.next);
        head.next += 1;
        let salt = self.bench.entropy.salt();
        let entry = Entry::seal(draft, seq, head.edge.recorded, salt);
        // What programs send by the million is small, and what falls due was looked at when it was planned.
        let is_sent = entry.actor.as_str().starts_with("device:") && !bears_files;
        if !entry.actor.is_system() && !is_sent {
            self.need_room(&entry)?;
        }
        let receipt = Receipt { book: entry.book.clone(), seq };
        self.drafted.push(entry);
        Ok(receipt)
    }

    /// Refuses what the sums of a figure have no room for.
    fn need_room<E>(&mut self, entry: &Entry) -> Result<(), AppendError<E>> {
        let mut contributions = Contributions::default();
        let day = self.bench.lines.contribute(entry, &self.bench.zone, &mut contributions);
        if !figure::is_large(&contributions) {
            return Ok(());
        }
        // What the group has accepted, and what the job has drafted, is not in the sums yet.
        self.write_accepted()?;
        let (lines, book) = (&self.bench.lines, &entry.book);
        let mut drafted = Cells::default();
        for other in &self.drafted {
            let mut contributions = Contributions::default();
            let day = lines.contribute(other, &self.bench.zone, &mut contributions);
            drafted.add(&other.book, day, &contributions);
        }
        let pending = [&self.cells, &drafted];
        let full =
            figure::beyond(self.tx, (book, day), &contributions, pending, |name| lines.is_state(name))?;
        match full {
            Some(figure) => {
                let detail = format!("{figure} would come to more than {FIGURE_SUM_MAX} either way");
                Err(BodyError::new("body", Rule::Range, detail).into())
            }
            None => Ok(()),
        }
    }

    /// Whether an entry of somebody may name a file: they sent it to the book.
    pub(crate) fn may_name(
        &mut self,
        actor: &ActorId,
        book: &BookId,
        digest: &str,
    ) -> Result<bool, StoreError> {
        evidence::is_sender(self.read()?, actor, book, digest)
    }

    /// Runs a statement on a table that does not follow from entries (secrets, sessions), if the job is accepted.
    pub fn aside(&mut self, sql: impl Into<String>, values: Vec<Value>) {
        self.asides.push((sql.into(), values));
    }

    /// The first answer to a request, if it was answered before: (actor, key) names it, `digest` is of its content.
    pub fn answered<T: DeserializeOwned, E>(
        &mut self,
        book: &BookId,
        actor: &str,
        key: &str,
        digest: &str,
    ) -> Result<Option<T>, AppendError<E>> {
        // Those that were answered before this was so are kept as they were asked.
        const FIND: &str =
            "select digest, answer from answered where book = $1 and actor = $2 and key in ($3, $4)";
        let sealed = self.sealed(book, actor, key, digest);
        let params = [book.as_str(), actor, &sealed.key, key].map(Param::Text);
        let Some(row) = self.read()?.query_one(FIND, &params)? else { return Ok(None) };
        if row.text(0)? != sealed.digest && row.text(0)? != digest {
            return Err(AppendError::KeyReused);
        }
        let answer =
            serde_json::from_str(row.text(1)?).map_err(|error| StoreError::Schema(error.to_string()))?;
        Ok(Some(answer))
    }

    /// Keeps the answer to a request with the entries that it made.
    pub fn remember<T: Serialize>(
        &mut self,
        book: &BookId,
        actor: &str,
        key: &str,
        digest: &str,
        answer: &T,
    ) {
        const KEEP: &str =
            "insert into answered (book, actor, key, digest, answer, at) values ($1, $2, $3, $4, $5, $6)";
        let answer = serde_json::to_string(answer).expect("an answer is JSON");
        let sealed = self.sealed(book, actor, key, digest);
        let texts = [book.to_string(), actor.to_owned(), sealed.key, sealed.digest, answer];
        let values = texts.map(Value::Text).into_iter().chain([Value::Int(self.now.0)]).collect();
        self.aside(KEEP, values);
    }

    /// What is kept of a request. Its content may be erased later, and is not to be found by trying then.
    fn sealed(&self, book: &BookId, actor: &str, key: &str, digest: &str) -> Sealed {
        let sign = |what: &str, digest: &str| {
            let said = [what, book.as_str(), actor, key, digest].join("\n");
            hex::encode(hmac::sign(&self.bench.asked, said.as_bytes()))
        };
        Sealed { key: sign("key", ""), digest: sign("content", digest) }
    }

    /// Whether the job at the desk has drafted an entry of a kind, which [`Desk::read`] does not know yet.
    pub fn drafted(&self, kind: &str) -> bool {
        self.drafted.iter().any(|entry| entry.kind.as_str() == kind)
    }

    /// Entries that the job at the desk has drafted.
    pub(crate) fn drafts(&self) -> usize {
        self.drafted.len()
    }

    pub(crate) fn entries(&self) -> usize {
        self.accepted.len() + self.written.len()
    }

    pub(crate) fn accept(&mut self) {
        for entry in &self.drafted {
            let head = self.heads.get_mut(&entry.book).expect("a drafted entry has its head");
            head.accepted += 1;
        }
        self.accepted.append(&mut self.drafted);
        self.accepted_asides.append(&mut self.asides);
        self.seats.clear();
        self.asked = Asked::default();
    }

    pub(crate) fn discard(&mut self) {
        self.drafted.clear();
        self.asides.clear();
        self.seats.clear();
        self.asked = Asked::default();
        for head in self.heads.values_mut() {
            head.next = head.accepted;
        }
    }

    /// Writes what is still in memory; the transaction is then ready to be committed.
    pub(crate) fn finish(mut self) -> Result<Finished, StoreError> {
        self.write_accepted()?;
        let sums = std::mem::take(&mut self.cells).into_sums(|name| self.bench.lines.is_state(name));
        figure::add(self.tx, &sums)?;
        let mut edges = Vec::new();
        for (book, mut head) in self.heads {
            let changed = head.edge.appender.take_changed();
            if changed.is_empty() {
                continue;
            }
            let mut cells = Vec::with_capacity(changed.len() * 4);
            for (id, hashes) in &changed {
                let index = i64::try_from(id.index).expect("a tile's index is below the size of its book");
                cells.extend([
                    Param::Text(book.as_str()),
                    Param::Int(i64::from(id.level)),
                    Param::Int(index),
                    Param::Blob(hashes),
                ]);
            }
            self.tx.insert_many(&PUT_TILE, &cells)?;
            let size = Seq(head.edge.appender.size()).to_i64();
            self.tx.execute(
                MOVE_HEAD,
                &[Param::Text(book.as_str()), Param::Int(size), Param::Int(head.edge.recorded.0)],
            )?;
            edges.push((book, head.edge));
        }
        Ok(Finished { edges, entries: self.written })
    }

    fn write_accepted(&mut self) -> Result<(), StoreError> {
        for (sql, values) in std::mem::take(&mut self.accepted_asides) {
            let params: Vec<Param<'_>> = values.iter().map(Param::from).collect();
            self.tx.execute(&sql, &params)?;
        }
        if self.accepted.is_empty() {
            return Ok(());
        }
        let mut entries = std::mem::take(&mut self.accepted);
        let heads: Vec<String> = entries.iter().map(Entry::head).collect();
        let mut cells = Vec::with_capacity(entries.len() * INSERT_ENTRY.columns.len());
        for (entry, head) in entries.iter().zip(&heads) {
            let tree = self.heads.get_mut(&entry.book).expect("an accepted entry has its head");
            debug_assert_eq!(tree.edge.appender.size(), entry.seq.0, "a book is dense");
            tree.edge.appender.push(merkle::leaf_hash(head.as_bytes()));
            cells.extend([
                Param::Text(entry.book.as_str()),
                Param::Int(entry.seq.to_i64()),
                Param::Text(entry.kind.as_str()),
                Param::Int(i64::from(self.bench.zone.day_of(entry.occurred).0)),
                Param::Text(head),
                Param::from(entry.body.as_ref()),
                Param::from(entry.salt.as_ref().map(|salt| salt.as_slice())),
            ]);
        }
        self.tx.insert_many(&INSERT_ENTRY, &cells)?;
        for entry in entries.iter().filter(|entry| !entry.evidence.is_empty()) {
            evidence::named(self.tx, &entry.book, &entry.evidence)?;
        }
        crate::apply::apply(self.tx, &self.bench.lines, &self.bench.zone, &entries, &mut self.cells)?;
        self.written.append(&mut entries);
        Ok(())
    }
}
