//! Capture: each event of a document becomes one entry.
//!
//! An event without an ID is given its event hash (CBV 2.0). The hash follows from the content, so
//! whoever sends a document again because the answer got lost makes nothing new.

pub mod amount;
mod house;
pub mod repeats;
pub mod told;

use std::collections::{BTreeSet, HashMap, HashSet};

use base::limits::{BODY_BYTES_MAX, EVENT_BYTES_MAX, HEAD_BYTES_MAX, INDEX_BYTES_MAX, SUBJECTS_MAX};
use base::{ActorId, BookId, KindName, Seq, SubjectId, Time};
use epcis::{Context, Document, Event, EventType, Sifted, extent, urn};
use kernel::{AppendError, Desk, bytes_of_subjects};
use ledger::canonical::{push_members, push_text, push_value};
use ledger::{Body, Draft, Role, Subject, check_text};
use serde::Serialize;
use serde_json::Value;
use store::{Param, StoreError, Tx, placeholders};

use self::told::Told;
use super::index::{FACTS_MAX, Indexed};
use super::key;
use super::vocabulary::{self, Element};
use crate::kinds::EpcisCaptured;
use crate::record::Failure;
use crate::refusal::{Code, Refusal};
use crate::state::slip_gtins;

/// Event IDs asked for in one query, and events read in one.
const CHUNK: usize = 100;
/// What a head holds besides its subjects, at most.
const HEAD_REST_BYTES: usize = 4 * 1024;
/// Bytes of an event's ID: databases find it by an index, whose rows are bounded.
const EVENT_ID_BYTES_MAX: usize = 512;
/// The largest whole number that the canonical form of JSON (RFC 8785) keeps.
const EXACT_MAX: u64 = 1 << 53;

/// What becomes of a document with a refused event (`GS1-Capture-Error-Behaviour`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing of the document is recorded.
    #[default]
    Rollback,
    /// The other events are recorded, and the refused ones are named.
    Proceed,
}

/// What became of one event; `index` is its place in the document, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventOutcome {
    /// Recorded now.
    Recorded { index: usize, event_id: String, seq: Seq },
    /// Recorded before, with the same content.
    Known { index: usize, event_id: String, seq: Seq },
    /// Not recorded; the refusal names the event's index.
    Refused(Refusal),
}

/// What became of a document, event by event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureOutcome {
    pub events: Vec<EventOutcome>,
    /// Entries that were made, of events and of master data.
    pub recorded: u64,
}

/// A document ready to be recorded: all that needs neither the book's state nor the clock is done.
#[derive(Debug, Clone)]
pub struct Prepared {
    book: BookId,
    sender: Sender,
    events: Vec<Result<Ready, Refusal>>,
    elements: Vec<Result<Element, Refusal>>,
}

/// Who sends a document, and on whose behalf, where the credential's grant says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub actor: ActorId,
    pub behalf: Option<SubjectId>,
}

impl Sender {
    /// What is sent on one's own behalf.
    pub fn of(actor: &ActorId) -> Self {
        Self { actor: actor.clone(), behalf: None }
    }

    /// The name under which what was sent is found again.
    pub fn name(&self) -> &str {
        self.behalf.as_ref().map_or(self.actor.as_str(), SubjectId::as_str)
    }
}

/// What the context of a document may come to, which stands in the entry of each of its events and elements.
const CONTEXTS_BYTES_MAX: usize = 4 * 1024 * 1024;
const CONTEXT_TOO_LONG: &str =
    "is too long to stand with each of so many events and elements: send fewer at a time";
/// What the events of a document may come to together where each item has its whole name.
const WRITTEN_OUT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Lots of the house that the events of a document may name: of each that is new, it is asked in the writer's turn what was told of it.
const LOTS_OF_DOCUMENT_MAX: usize = 10_000;

#[derive(Debug, Clone)]
struct Ready {
    event_id: String,
    key: String,
    draft: Draft,
    /// Bytes that it comes to where each item has its whole name.
    extent: usize,
    /// Bytes that are kept of it, with what queries and traces find it by.
    bytes: usize,
    /// What may be slips: their GTINs, and where they stand in the event.
    slips: Vec<(String, String)>,
    /// The lots of the house that it names, and where.
    lots: Vec<(String, String)>,
}

/// Captures a document; [`prepare`] and [`Prepared::record`] in one.
pub fn capture(
    desk: &mut Desk<'_>,
    book: &BookId,
    actor: &ActorId,
    document: &Document,
    mode: Mode,
) -> Result<CaptureOutcome, Failure> {
    prepare(book, &Sender::of(actor), document).record(desk, mode)
}

/// Drafts the entries. Done before the writer's turn, it keeps that short.
pub fn prepare(book: &BookId, sender: &Sender, document: &Document) -> Prepared {
    let mut context = String::new();
    let printed = push_value(&mut context, document.context_value()).map_err(Refusal::from);
    let told = Around { context: document.context_value(), terms: &document.context, printed: &context };
    let elements = vocabulary::count_elements(document);
    let copies = context.len() * (document.events.len() + elements);
    let printed = printed.and_then(|()| match copies > CONTEXTS_BYTES_MAX {
        true => Err(Refusal::new(Code::Body, "@context", CONTEXT_TOO_LONG)),
        false => Ok(()),
    });
    let mut left =
        Left { indexed: INDEX_BYTES_MAX, written_out: WRITTEN_OUT_BYTES_MAX, lots: LOTS_OF_DOCUMENT_MAX };
    let mut each = |event| printed.clone().and_then(|()| ready(book, sender, event, &told, &mut left));
    let events = document.events.iter().map(&mut each).collect();
    Prepared {
        book: book.clone(),
        sender: sender.clone(),
        events,
        elements: vocabulary::prepare(book, sender, document, &printed, &mut left.indexed),
    }
}

/// [`prepare`] for a document as outside systems send it. Events that break a rule of EPCIS count as refused, and so do
/// those that claim what only our own entries tell: `is_kept` tells whether a book or unit of a name is kept here.
pub fn prepare_sifted(
    book: &BookId,
    sender: &Sender,
    sifted: &Sifted,
    is_kept: &dyn Fn(&BookId) -> bool,
) -> Prepared {
    let mut prepared = prepare(book, sender, &sifted.document);
    let terms = &sifted.document.context;
    for (event, told) in prepared.events.iter_mut().zip(&sifted.document.events) {
        if event.is_ok()
            && let Some(refusal) = house::claimed(told, terms, is_kept)
        {
            *event = Err(refusal);
        }
    }
    for element in &mut prepared.elements {
        let Ok(described) = element else { continue };
        described.slips = house::slips_of_element(described, terms);
        if let Some(refusal) = house::described(described, terms, is_kept) {
            *element = Err(refusal);
        }
    }
    for (index, error) in &sifted.refused {
        let refusal = Refusal::new(Code::Body, &error.path, error.rule.to_string());
        prepared.events.insert(*index, Err(refusal));
    }
    prepared
}

impl Prepared {
    pub fn book(&self) -> &BookId {
        &self.book
    }

    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Records what is not in the book yet, as far as its sender may send on a day. An event that is, with the same meaning, is
    /// left as it is; one with the ID of another of the same sender is refused. What others sent under an ID is nothing to a
    /// sender.
    pub fn record(&self, desk: &mut Desk<'_>, mode: Mode) -> Result<CaptureOutcome, Failure> {
        desk.take(&self.book)?;
        let now = desk.now();
        let known = self.known(desk)?;
        if mode == Mode::Rollback
            && let Some(refusal) = self.unsound(&known, now)
        {
            return Err(AppendError::Refused(refusal));
        }
        let asked = self.asked(&known, now);
        let slips = self.slip_gtins(desk, &asked)?;
        let mut told = self.told(desk, &asked)?;
        let (mut left, mut made) = (repeats::COMPARED_BYTES_MAX, amount::Amount::default());
        let mut in_document: HashMap<&str, (Seq, &Ready)> = HashMap::with_capacity(self.events.len());
        let mut events = Vec::with_capacity(self.events.len());
        for (index, event) in self.events.iter().enumerate() {
            let outcome = match event {
                Err(refusal) => Err(refusal.clone()),
                Ok(ready) => match (in_document.get(ready.key.as_str()), known.get(&ready.key)) {
                    (Some((seq, first)), _) => ready.repeats(Some(&first.draft.body), *seq, &mut left)?,
                    (None, Some(known)) => ready.repeats(known.body.as_deref(), known.seq, &mut left)?,
                    (None, None) => match ready.check_new(now, &slips, &mut told) {
                        Ok(()) => {
                            made.add(ready.bytes);
                            Ok((desk.append(ready.draft.clone())?.seq, true))
                        }
                        Err(refusal) => Err(refusal),
                    },
                },
            };
            match (outcome, event, mode) {
                (Ok((seq, is_new)), Ok(ready), _) => {
                    in_document.entry(&ready.key).or_insert((seq, ready));
                    let event_id = ready.event_id.clone();
                    events.push(match is_new {
                        true => EventOutcome::Recorded { index, event_id, seq },
                        false => EventOutcome::Known { index, event_id, seq },
                    });
                }
                (Ok(_), Err(refusal), _) => return Err(AppendError::Refused(refusal.clone().at(index))),
                (Err(refusal), _, Mode::Rollback) => return Err(AppendError::Refused(refusal.at(index))),
                (Err(refusal), _, Mode::Proceed) => events.push(EventOutcome::Refused(refusal.at(index))),
            }
        }
        let (mut sound, mut refused) = (Vec::new(), Vec::new());
        for element in &self.elements {
            let check = |element: &'_ Element| {
                element.check(now)?;
                check_slips(&element.slips, &slips)
            };
            match element.as_ref().map_err(Refusal::clone).and_then(|it| check(it).map(|()| it)) {
                Ok(element) => sound.push(element),
                Err(refusal) => refused.push(refusal),
            }
        }
        match (mode, refused.is_empty()) {
            (Mode::Rollback, false) => return Err(AppendError::Refused(refused.remove(0))),
            _ => events.extend(refused.into_iter().map(EventOutcome::Refused)),
        }
        vocabulary::record(desk, &self.book, &sound, &mut left, &mut made)?;
        made.beside(super::jobs::bytes_of_refusals(&events));
        amount::take(desk, &self.book, &self.sender, made)?;
        Ok(CaptureOutcome { events, recorded: made.events })
    }

    /// The first refusal of something in itself or by the clock, events before elements; of events that are in the book
    /// already there is none.
    fn unsound(&self, known: &HashMap<String, Known>, now: Time) -> Option<Refusal> {
        let of_event = |(index, event): (usize, &Result<Ready, Refusal>)| match event {
            Ok(ready) if known.contains_key(&ready.key) => None,
            Ok(ready) => ready.check(now).err().map(|refusal| refusal.at(index)),
            Err(refusal) => Some(refusal.clone().at(index)),
        };
        let of_element = |element: &Result<Element, Refusal>| match element {
            Ok(element) => element.check(now).err(),
            Err(refusal) => Some(refusal.clone()),
        };
        let mut of_events = self.events.iter().enumerate().filter_map(of_event);
        of_events.next().or_else(|| self.elements.iter().find_map(of_element))
    }

    /// The events of which it is asked what they name: the new ones that nothing stands against in themselves or by the clock.
    fn asked(&self, known: &HashMap<String, Known>, now: Time) -> Vec<&Ready> {
        let is_new = |ready: &&Ready| !known.contains_key(&ready.key);
        self.events.iter().flatten().filter(is_new).filter(|ready| ready.check(now).is_ok()).collect()
    }

    /// Of the GTINs that may be those of slips, those that a market's slips carry.
    fn slip_gtins(&self, desk: &mut Desk<'_>, asked: &[&Ready]) -> Result<HashSet<String>, StoreError> {
        let of_elements = self.elements.iter().flatten().flat_map(|element| &element.slips);
        let named = asked.iter().flat_map(|ready| &ready.slips).chain(of_elements);
        let named: BTreeSet<&str> = named.map(|(gtin, _)| gtin.as_str()).collect();
        // Hardly any document names one, and then there is nothing to ask.
        let named: Vec<&str> = named.into_iter().collect();
        slip_gtins(desk.written(), &named)
    }

    /// How much is told of the lots of the house that these events name.
    fn told(&self, desk: &mut Desk<'_>, asked: &[&Ready]) -> Result<Told, StoreError> {
        let named = asked.iter().flat_map(|ready| &ready.lots);
        let named: BTreeSet<&str> = named.map(|(lot, _)| lot.as_str()).collect();
        // Hardly any document names one, and then there is nothing to ask.
        if named.is_empty() {
            Ok(Told::default())
        } else {
            Told::of(desk.read()?, &self.book, &named, self.sender.name())
        }
    }

    /// The entries of this book that have the keys of these events, by the same sender, with their bodies as far as so much is
    /// read for one document.
    fn known(&self, desk: &mut Desk<'_>) -> Result<HashMap<String, Known>, StoreError> {
        let keys: HashSet<&str> = self.events.iter().flatten().map(|ready| ready.key.as_str()).collect();
        let mut known = HashMap::new();
        for entry in desk.unwritten() {
            if entry.book != self.book || entry.kind.as_str() != EpcisCaptured::KIND {
                continue;
            }
            let indexed = Indexed::read(entry)?;
            if indexed.sender == self.sender.name() && keys.contains(indexed.key.as_str()) {
                known.insert(indexed.key.clone(), Known { seq: entry.seq, body: entry.body.clone() });
            }
        }
        let keys: Vec<&str> = keys.into_iter().collect();
        let (tx, mut left) = (desk.written(), repeats::KNOWN_BYTES_MAX);
        for chunk in keys.chunks(CHUNK) {
            // One row by its whole key, as often as there are keys: with a list of keys PostgreSQL would choose another
            // index while it has no statistics, and read the whole book for every document.
            let asked: Vec<String> = (0..chunk.len()).map(|at| format!("(${})", at + 3)).collect();
            let sql = format!(
                "with asked(id) as (values {}) select f.id, f.seq from (select a.id, (select e.seq from market_event as e
                where e.book = $1 and e.sender = $2 and e.event_id = a.id) as seq from asked as a) as f where f.seq is not null",
                asked.join(", ")
            );
            let mut params = vec![Param::Text(self.book.as_str()), Param::Text(self.sender.name())];
            params.extend(chunk.iter().map(|key| Param::Text(key)));
            let rows = tx.query(&sql, &params)?;
            if rows.is_empty() {
                continue;
            }
            let seqs = rows.iter().map(|row| row.int(1).map(Seq::from_i64)).collect::<Result<Vec<_>, _>>()?;
            let mut read = Vec::with_capacity(seqs.len());
            for (seq, bytes) in lengths(tx, &self.book, &seqs)? {
                if taken(&mut left, bytes) {
                    read.push(seq);
                }
            }
            let entries = kernel::entries::entries(tx, &self.book, &read)?;
            let mut bodies: HashMap<Seq, Option<String>> =
                entries.into_iter().map(|entry| (entry.seq, entry.body)).collect();
            for (row, seq) in rows.iter().zip(seqs) {
                known.insert(row.text(0)?.to_owned(), Known { seq, body: bodies.remove(&seq).flatten() });
            }
        }
        Ok(known)
    }
}

impl Ready {
    fn check(&self, now: Time) -> Result<(), Refusal> {
        self.draft.check(now).map_err(|error| {
            let mut refusal = Refusal::from(error);
            if refusal.field == "occurred" {
                refusal.field = "eventTime".into();
                refusal.code = if self.draft.occurred > now { Code::FutureTime } else { Code::Body };
            }
            refusal
        })
    }

    /// What stands against an event that is not in the book yet.
    fn check_new(&self, now: Time, slips: &HashSet<String>, told: &mut Told) -> Result<(), Refusal> {
        self.check(now)?;
        check_slips(&self.slips, slips)?;
        told.take(&self.lots)
    }
}

/// What was sold is told by the slip's own entry alone: refuses to name one, where markets have these GTINs.
fn check_slips(named: &[(String, String)], gtins: &HashSet<String>) -> Result<(), Refusal> {
    match named.iter().find(|(gtin, _)| gtins.contains(gtin)) {
        Some((gtin, member)) => {
            let detail = format!("names a slip under {gtin}, the GTIN of a market that is kept here");
            Err(Refusal::new(Code::OwnSubject, member.as_str(), detail))
        }
        None => Ok(()),
    }
}

/// An entry that has the key of an event.
struct Known {
    seq: Seq,
    /// None, where more would have to be read than is read for one document.
    body: Option<String>,
}

/// Characters of what is kept of some entries.
fn lengths(tx: &mut dyn Tx, book: &BookId, seqs: &[Seq]) -> Result<Vec<(Seq, usize)>, StoreError> {
    let sql = format!(
        "select seq, cast(coalesce(length(body), 0) + length(head) as bigint) from entry where book = $1 and seq in ({})",
        placeholders(2, seqs.len())
    );
    let mut params = vec![Param::Text(book.as_str())];
    params.extend(seqs.iter().map(|seq| Param::Int(seq.to_i64())));
    let length = |row: &store::Row| {
        Ok((Seq::from_i64(row.int(0)?), usize::try_from(row.int(1)?).unwrap_or(usize::MAX)))
    };
    tx.query(&sql, &params)?.iter().map(length).collect()
}

/// What is left for the events of a document, in bytes.
struct Left {
    indexed: usize,
    written_out: usize,
    /// Not in bytes, but one each time that one is named.
    lots: usize,
}

/// Takes so many bytes of what is left, if they are.
pub(super) fn taken(left: &mut usize, bytes: usize) -> bool {
    let rest = left.checked_sub(bytes);
    *left = rest.unwrap_or_default();
    rest.is_some()
}

/// What a document says for all its events.
struct Around<'d> {
    context: &'d Value,
    terms: &'d Context,
    /// The context in canonical form.
    printed: &'d str,
}

/// The body of [`EpcisCaptured`] up to the event, without a copy of that; refused where it is too long for an entry.
fn begun(told: &Around<'_>, event: &Event) -> Result<String, Refusal> {
    let check = |bytes: usize| match bytes > BODY_BYTES_MAX {
        true => Err(Refusal::new(Code::Body, "", format!("the body is longer than {BODY_BYTES_MAX} bytes"))),
        false => Ok(()),
    };
    check(told.printed.len())?;
    let mut body = String::with_capacity(1024);
    body.push_str("{\"context\":");
    body.push_str(told.printed);
    body.push_str(",\"event\":");
    push_members(&mut body, &event.raw).map_err(Refusal::from)?;
    check(body.len())?;
    Ok(body)
}

/// The whole body.
fn ended(mut body: String, key: &str, sender: &Sender) -> String {
    body.push_str(",\"event_id\":");
    push_text(&mut body, key);
    if let Some(behalf) = &sender.behalf {
        body.push_str(",\"sender\":");
        push_text(&mut body, behalf.as_str());
    }
    body.push('}');
    body
}

/// Drafts the entry of an event, with what is left for those of its document.
fn ready(
    book: &BookId,
    sender: &Sender,
    event: &Event,
    told: &Around<'_>,
    left: &mut Left,
) -> Result<Ready, Refusal> {
    let refuse = |field: &str, detail: String| Refusal::new(Code::Body, field, detail);
    if let Some(name) = event.raw.iter().find(|(_, value)| !keeps(value)).map(|(name, _)| name) {
        return Err(refuse(name, format!("holds a whole number beyond {EXACT_MAX}; write it as a text")));
    }
    // Before anything is made of it that repeats its names.
    let body = begun(told, event)?;
    let extent = extent(&event.raw, told.terms, EVENT_BYTES_MAX);
    if extent > EVENT_BYTES_MAX {
        let detail = format!("an event may take {EVENT_BYTES_MAX} bytes where each item has its whole name");
        return Err(refuse("", detail));
    }
    if !taken(&mut left.written_out, extent) {
        let detail =
            format!("those of a document may take {WRITTEN_OUT_BYTES_MAX}; send fewer events at once");
        return Err(refuse("", detail));
    }
    let event_id = match &event.event_id {
        Some(id) => id.clone(),
        None => epcis::event_hash(&event.raw, told.context)
            .map_err(|error| refuse("eventID", error.to_string()))?,
    };
    if event_id.len() > EVENT_ID_BYTES_MAX {
        return Err(refuse("eventID", format!("must not be longer than {EVENT_ID_BYTES_MAX} bytes")));
    }
    let key = key(&event_id, event.raw.contains_key("errorDeclaration")).into_owned();
    check_text("eventID", &key, usize::MAX).map_err(Refusal::from)?;
    let subjects = subjects(event)?;
    let indexed = Indexed::of(key.clone(), sender.name().to_owned(), &event.raw, told.terms);
    if indexed.count() > FACTS_MAX {
        return Err(refuse("", format!("an event may have {FACTS_MAX} different values at most")));
    }
    if !taken(&mut left.indexed, indexed.bytes()) {
        let detail = "its document has too many values that queries find; send fewer events at once";
        return Err(refuse("", detail.into()));
    }
    let place = event.biz_location.as_deref().or(event.read_point.as_deref());
    let body = ended(body, &key, sender);
    let bytes = body.len() + indexed.bytes() + bytes_of_subjects(&subjects);
    let draft = Draft {
        book: book.clone(),
        kind: KindName::new(EpcisCaptured::KIND).expect("a declared kind has a valid name"),
        occurred: Time(event.event_time.ms_utc),
        actor: sender.actor.clone(),
        answers: None,
        // A place is told for reading along; the event has it in full.
        place: place.and_then(|id| SubjectId::new(urn::canonical(id)).ok()),
        subjects,
        evidence: Vec::new(),
        bears_files: EpcisCaptured::BEARS_FILES,
        body,
        typed: indexed.into_typed(),
    };
    let slips = house::slips(event, told.terms);
    let lots = told::lots(event);
    if !taken(&mut left.lots, lots.len()) {
        let detail = format!(
            "those of a document may name {LOTS_OF_DOCUMENT_MAX} lots that are kept here; send fewer events at once"
        );
        return Err(refuse("", detail));
    }
    Ok(Ready { event_id, key, draft, extent, bytes, slips, lots })
}

/// Whether the canonical form keeps every number as it is.
fn keeps(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_f64() || number.as_i64().is_some_and(|whole| whole.unsigned_abs() <= EXACT_MAX)
        }
        Value::Array(items) => items.iter().all(keeps),
        Value::Object(members) => members.values().all(keeps),
        _ => true,
    }
}

fn transformation_id(event: &Event) -> Option<&str> {
    event.raw.get("transformationID").and_then(Value::as_str)
}

fn subjects(event: &Event) -> Result<Vec<Subject>, Refusal> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut bytes = 0;
    let mut add = |role: Role, member: &str, id: &str| {
        let refuse = |detail: String| Refusal::new(Code::Body, member, detail);
        let id = SubjectId::new(urn::canonical(id)).map_err(|error| refuse(error.to_string()))?;
        if !seen.insert((role, id.clone())) {
            return Ok(());
        }
        // Role, brackets, quotes and commas; a backslash before each character that needs one.
        bytes += id.as_str().len() + id.as_str().matches(['"', '\\']).count() + 16;
        if seen.len() > SUBJECTS_MAX {
            return Err(refuse(format!("an event may name {SUBJECTS_MAX} different things at most")));
        }
        if bytes > HEAD_BYTES_MAX - HEAD_REST_BYTES {
            return Err(refuse(format!(
                "the things of an event may take {} bytes at most",
                HEAD_BYTES_MAX - HEAD_REST_BYTES
            )));
        }
        found.push(Subject::new(role, id));
        Ok(())
    };
    for what in &event.what {
        add(role_of(what.role), what.member, &what.id)?;
    }
    // Events with one transformationID are parts of one transformation (EPCIS 2.0, section 7.4.6): what goes in
    // goes into it, and what comes out comes out of it.
    let transformation = transformation_id(event);
    if let (EventType::Transformation, Some(id)) = (&event.event_type, transformation) {
        for (side, through) in [(epcis::Role::Input, Role::Output), (epcis::Role::Output, Role::Input)] {
            if event.what.iter().any(|what| what.role == side) {
                add(through, "transformationID", id)?;
            }
        }
    }
    Ok(found)
}

fn role_of(role: epcis::Role) -> Role {
    match role {
        epcis::Role::Input => Role::Input,
        epcis::Role::Output => Role::Output,
        epcis::Role::Parent => Role::Parent,
        epcis::Role::Child => Role::Child,
        epcis::Role::About => Role::About,
    }
}
