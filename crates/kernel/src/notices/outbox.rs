//! The outbox: notices that are not settled. It does not follow from entries, and replay leaves it alone.

use std::collections::VecDeque;

use base::{ActorId, BookId, SubjectId, Time, UnitCode};
use ledger::{Draft, Role};
use registry::Tree;
use store::{Param, Row, StoreError, Tx, Value, placeholders};

use super::{Channel, Contact, Fault, FaultKind, NoticeSent, Outcome, What, contacts};
use crate::entries::limit;
use crate::registry::id;
use crate::{AppendError, Desk, Kernel};

/// Notices under way at a time to the posts of one unit: whose webhooks are slow holds up its own.
pub const OF_UNIT_MAX: usize = 4;
/// And in a branch below the root, so that others have room meanwhile.
pub const OF_BRANCH_MAX: usize = 8;

/// A notice that was taken from the outbox for a while, to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The same at every attempt.
    pub notice: String,
    pub book: BookId,
    pub about: SubjectId,
    pub what: What,
    pub text_zh: String,
    pub text_en: String,
    pub enqueued: Time,
    /// From 1 on.
    pub attempt: u32,
    pub contact: Contact,
    /// What a webhook's request is signed with.
    pub secret: Option<Secret>,
}

/// A text that is not shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    Delivered,
    /// Refused for good.
    Failed(Fault),
    /// Not taken, and no attempt is left.
    GivenUp(Fault),
    /// Not taken; to be tried again from a moment on.
    Again(Fault, Time),
}

/// A notice that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub about: SubjectId,
    pub what: What,
    pub post: SubjectId,
    pub contact: u64,
    pub enqueued: Time,
    pub attempts: u32,
    pub next: Time,
    pub fault: Option<Fault>,
}

impl Kernel {
    /// Takes what is due, the oldest notice of each contact, but of none in `busy`, which has its post beside it. The branches
    /// below the root take turns, and in them the units of the posts: at most [`OF_BRANCH_MAX`] and [`OF_UNIT_MAX`] at a
    /// time. Until `lease_ms` have passed nobody else takes it; then somebody does, and delivers it once more, unless it was
    /// settled.
    ///
    /// Blocks, as everything here that appends.
    pub fn claim_notices(
        &self,
        busy: &[(u64, SubjectId)],
        count: usize,
        lease_ms: i64,
    ) -> Result<Vec<Claim>, AppendError<()>> {
        let (now, tree) = (self.now(), self.tree()?);
        let due = self.read(|tx| due(tx, now, &tree, busy, count))?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        self.append_blocking(move |desk| {
            let mut claims = Vec::with_capacity(due.len());
            for Due { book, notice } in &due {
                claims.extend(claim(desk, book, notice, lease_ms)?);
            }
            Ok(claims)
        })
    }

    /// Records what an attempt came to. Nothing happens if the notice was settled meanwhile, or if another attempt has
    /// taken it over and this one was in vain.
    pub fn settle_notice(&self, claim: &Claim, settlement: Settlement) -> Result<(), AppendError<()>> {
        const AGAIN: &str =
            "update outbox set next_at = $3, fault = $4, code = $5 where book = $1 and notice = $2";
        let claim = claim.clone();
        self.append_blocking(move |desk| {
            desk.take(&claim.book)?;
            let Some(row) = row(desk.read()?, &claim.book, &claim.notice)? else { return Ok(()) };
            let ended = |outcome, fault| Ended { channel: Some(claim.contact.channel), outcome, fault };
            if settlement != Settlement::Delivered && row.attempts != claim.attempt {
                return Ok(());
            }
            match settlement {
                Settlement::Delivered => end(desk, &row, ended(Outcome::Delivered, None)),
                Settlement::Failed(fault) => end(desk, &row, ended(Outcome::Failed, Some(fault))),
                Settlement::GivenUp(fault) => end(desk, &row, ended(Outcome::GivenUp, Some(fault))),
                Settlement::Again(fault, at) => {
                    let code = fault.code.map_or(Value::Null, |code| Value::Int(code.into()));
                    let fault = Value::Text(fault.kind.as_str().into());
                    let (book, notice) = (row.book.to_string(), row.notice);
                    let values = vec![Value::Text(book), Value::Text(notice), Value::Int(at.0), fault, code];
                    desk.aside(AGAIN, values);
                    Ok(())
                }
            }
        })
    }

    /// Notices that wait for posts of units that somebody sees, the oldest first.
    pub fn waiting_notices(
        &self,
        count: usize,
        sees: impl Fn(&UnitCode) -> bool,
    ) -> Result<Vec<Waiting>, StoreError> {
        const UNITS: &str = "select distinct unit from outbox";
        const OF_UNIT: &str =
            "select about, what, post, contact, enqueued, attempts, next_at, fault, code from outbox
            where unit = $1 order by enqueued, notice limit $2";
        self.read(|tx| {
            let mut all = Vec::new();
            for row in tx.query(UNITS, &[])? {
                let unit = row.text(0)?;
                if UnitCode::new(unit).is_ok_and(|unit| sees(&unit)) {
                    for row in tx.query(OF_UNIT, &[Param::Text(unit), limit(count)])? {
                        all.push(waiting(&row)?);
                    }
                }
            }
            all.sort_by_key(|it| it.enqueued);
            all.truncate(count);
            Ok(all)
        })
    }
}

/// A notice whose time has come.
struct Due {
    book: BookId,
    notice: String,
}

/// A unit to whose posts notices are due.
struct UnitDue {
    unit: String,
    branch: Option<UnitCode>,
    /// From when on the first of them is.
    since: i64,
    /// Contacts that are free, whose notice has waited longest first; `None` until they are asked for.
    contacts: Option<VecDeque<i64>>,
}

/// The oldest notice of each contact, so that a receiver that is slow or dead holds up its own notices only, in turn by
/// branches and units: no unit's hide those of others, however many there are.
fn due(
    tx: &mut dyn Tx,
    now: Time,
    tree: &Tree,
    busy: &[(u64, SubjectId)],
    count: usize,
) -> Result<Vec<Due>, StoreError> {
    const UNITS: &str = "select unit, min(next_at) from outbox where next_at <= $1 group by unit";
    const OLDEST: &str = "select book, notice from outbox where contact = $1 and next_at <= $2 order by enqueued, notice limit 1";
    let branch = |unit: &str| UnitCode::new(unit).ok().and_then(|unit| tree.branch(&unit));
    let mut units = Vec::new();
    for row in tx.query(UNITS, &[Param::Int(now.0)])? {
        let (unit, since) = (row.text(0)?.to_owned(), row.int(1)?);
        units.push(UnitDue { branch: branch(&unit), unit, since, contacts: None });
    }
    let unit_of = |post: &SubjectId| post.home().unwrap_or_default().to_owned();
    let mut under_way: Vec<(Option<UnitCode>, String)> =
        busy.iter().map(|(_, post)| unit_of(post)).map(|unit| (branch(&unit), unit)).collect();
    let mut due = Vec::new();
    while due.len() < count {
        let held = |it: &UnitDue| {
            let of_branch = under_way.iter().filter(|(branch, _)| *branch == it.branch).count();
            (of_branch, under_way.iter().filter(|(_, unit)| *unit == it.unit).count())
        };
        let counted = units.iter().enumerate().map(|(at, it)| (held(it), it.since, at));
        let open = counted.filter(|((branch, unit), ..)| *branch < OF_BRANCH_MAX && *unit < OF_UNIT_MAX);
        let Some((.., at)) = open.min() else { break };
        let next = &mut units[at];
        if next.contacts.is_none() {
            next.contacts = Some(free_contacts(tx, now, &next.unit, busy)?);
        }
        let Some(contact) = next.contacts.as_mut().and_then(VecDeque::pop_front) else {
            units.swap_remove(at);
            continue;
        };
        under_way.push((next.branch.clone(), next.unit.clone()));
        if let Some(row) = tx.query_one(OLDEST, &[Param::Int(contact), Param::Int(now.0)])? {
            due.push(Due { book: id(BookId::new(row.text(0)?))?, notice: row.text(1)?.to_owned() });
        }
    }
    Ok(due)
}

/// Contacts of a unit's posts to whom nothing is under way, as many as may have something.
fn free_contacts(
    tx: &mut dyn Tx,
    now: Time,
    unit: &str,
    busy: &[(u64, SubjectId)],
) -> Result<VecDeque<i64>, StoreError> {
    let but = match busy.len() {
        0 => String::new(),
        count => format!("and contact not in ({})", placeholders(4, count)),
    };
    let sql = format!(
        "select contact, min(enqueued) from outbox where unit = $1 and next_at <= $2 {but}
        group by contact order by min(enqueued), contact limit $3"
    );
    let mut params = vec![Param::Text(unit), Param::Int(now.0), limit(OF_UNIT_MAX)];
    params.extend(busy.iter().map(|(contact, _)| Param::Int(i64::try_from(*contact).unwrap_or(i64::MAX))));
    tx.query(&sql, &params)?.iter().map(|row| row.int(0)).collect()
}

fn waiting(row: &Row) -> Result<Waiting, StoreError> {
    let kind = row.text_or_null(7)?.map(FaultKind::parse).transpose()?;
    let code = row.int_or_null(8)?.and_then(|code| u16::try_from(code).ok());
    Ok(Waiting {
        about: id(SubjectId::new(row.text(0)?))?,
        what: What::parse(row.text(1)?)?,
        post: id(SubjectId::new(row.text(2)?))?,
        contact: row.int(3)?.unsigned_abs(),
        enqueued: Time(row.int(4)?),
        attempts: attempts(row.int(5)?),
        next: Time(row.int(6)?),
        fault: kind.map(|kind| Fault { kind, code }),
    })
}

fn attempts(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A row of the outbox, as far as its delivery needs it.
struct Posted {
    book: BookId,
    notice: String,
    contact: i64,
    about: SubjectId,
    what: What,
    post: SubjectId,
    text_zh: String,
    text_en: String,
    enqueued: Time,
    attempts: u32,
    next: Time,
}

fn row(tx: &mut dyn Tx, book: &BookId, notice: &str) -> Result<Option<Posted>, StoreError> {
    const FIND: &str =
        "select contact, about, what, post, text_zh, text_en, enqueued, attempts, next_at from outbox
        where book = $1 and notice = $2";
    let row = tx.query_one(FIND, &[Param::Text(book.as_str()), Param::Text(notice)])?;
    let read = |row: Row| {
        Ok(Posted {
            book: book.clone(),
            notice: notice.to_owned(),
            contact: row.int(0)?,
            about: id(SubjectId::new(row.text(1)?))?,
            what: What::parse(row.text(2)?)?,
            post: id(SubjectId::new(row.text(3)?))?,
            text_zh: row.text(4)?.to_owned(),
            text_en: row.text(5)?.to_owned(),
            enqueued: Time(row.int(6)?),
            attempts: attempts(row.int(7)?),
            next: Time(row.int(8)?),
        })
    };
    row.map(read).transpose()
}

/// Claims one notice at the desk, if it is still due.
fn claim(
    desk: &mut Desk<'_>,
    book: &BookId,
    notice: &str,
    lease_ms: i64,
) -> Result<Option<Claim>, AppendError<()>> {
    const LEASE: &str =
        "update outbox set attempts = attempts + 1, next_at = $3 where book = $1 and notice = $2";
    desk.take(book)?;
    let now = desk.now();
    let Some(row) = row(desk.read()?, book, notice)?.filter(|row| row.next <= now) else { return Ok(None) };
    let Some(contact) = contacts::find(desk.read()?, row.contact)? else {
        let fault = Some(FaultKind::ContactGone.into());
        end(desk, &row, Ended { channel: None, outcome: Outcome::Failed, fault })?;
        return Ok(None);
    };
    let secret = contacts::secret(desk.read()?, row.contact)?.map(Secret);
    let values = vec![
        Value::Text(book.to_string()),
        Value::Text(notice.to_owned()),
        Value::Int(now.plus_ms(lease_ms).0),
    ];
    desk.aside(LEASE, values);
    Ok(Some(Claim {
        notice: row.notice,
        book: row.book,
        about: row.about,
        what: row.what,
        text_zh: row.text_zh,
        text_en: row.text_en,
        enqueued: row.enqueued,
        attempt: row.attempts.saturating_add(1),
        contact,
        secret,
    }))
}

struct Ended {
    channel: Option<Channel>,
    outcome: Outcome,
    fault: Option<Fault>,
}

/// Takes a notice out of the outbox and records how it ended.
fn end(desk: &mut Desk<'_>, row: &Posted, ended: Ended) -> Result<(), AppendError<()>> {
    const REMOVE: &str = "delete from outbox where book = $1 and notice = $2";
    let sent = NoticeSent {
        notice: row.notice.clone(),
        about: row.about.clone(),
        what: row.what,
        post: row.post.clone(),
        contact: row.contact.unsigned_abs(),
        channel: ended.channel,
        outcome: ended.outcome,
        attempts: row.attempts,
        fault: ended.fault,
    };
    let by = ActorId::new("system:notices").expect("a valid actor");
    let draft = Draft::new(&row.book, desk.now(), &by, &sent)?.subject(Role::About, row.about.clone());
    let draft = if row.about == row.post { draft } else { draft.subject(Role::About, row.post.clone()) };
    desk.append::<()>(draft)?;
    desk.aside(REMOVE, vec![Value::Text(row.book.to_string()), Value::Text(row.notice.clone())]);
    Ok(())
}
