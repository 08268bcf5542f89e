//! The outbox: notices that are not settled. It does not follow from entries, and replay leaves it alone.

use base::{ActorId, BookId, SubjectId, Time};
use ledger::{Draft, Role};
use store::{Param, Row, StoreError, Tx, Value, placeholders};

use super::{Channel, Contact, Fault, FaultKind, NoticeSent, Outcome, What, contacts};
use crate::entries::limit;
use crate::registry::id;
use crate::turns::in_turn;
use crate::{AppendError, Desk, Kernel};

/// Notices under way at a time to the posts of one unit: whose webhooks are slow holds up its own.
pub const OF_UNIT_MAX: usize = 4;
/// Notices that are looked at for whose turn it is.
const LOOKED_AT: usize = 1_000;

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
    /// Takes what is due, the oldest notice of each contact, but of none in `busy`, which has its post beside it; in turn by the
    /// units of the posts, of each at most [`OF_UNIT_MAX`] at a time. Until `lease_ms` have passed nobody else takes it; then
    /// somebody does, and delivers it once more, unless it was settled.
    ///
    /// Blocks, as everything here that appends.
    pub fn claim_notices(
        &self,
        busy: &[(u64, SubjectId)],
        count: usize,
        lease_ms: i64,
    ) -> Result<Vec<Claim>, AppendError<()>> {
        let now = self.now();
        let mut waiting = self.read(|tx| due(tx, now, busy))?;
        let mut under_way: Vec<String> = busy.iter().map(|(_, post)| unit(post)).collect();
        let mut due = Vec::new();
        while due.len() < count {
            let held = |owner: &str| under_way.iter().filter(|unit| *unit == owner).count();
            let turn = in_turn(waiting.iter().map(|it| it.unit.as_str()), held, OF_UNIT_MAX);
            let Some(next) = turn.map(|at| waiting.remove(at)) else { break };
            under_way.push(next.unit.clone());
            due.push(next);
        }
        if due.is_empty() {
            return Ok(Vec::new());
        }
        self.append_blocking(move |desk| {
            let mut claims = Vec::with_capacity(due.len());
            for Due { book, notice, .. } in &due {
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

    /// Notices that wait, the oldest first.
    pub fn waiting_notices(&self, count: usize) -> Result<Vec<Waiting>, StoreError> {
        const ALL: &str =
            "select about, what, post, contact, enqueued, attempts, next_at, fault, code from outbox
            order by enqueued, notice limit $1";
        let limit = [Param::Int(i64::try_from(count).unwrap_or(i64::MAX))];
        self.read(|tx| tx.query(ALL, &limit)?.iter().map(waiting).collect())
    }
}

/// A notice whose time has come.
struct Due {
    book: BookId,
    notice: String,
    /// The unit of the post that it goes to.
    unit: String,
}

fn unit(post: &SubjectId) -> String {
    post.home().unwrap_or_default().to_owned()
}

/// The oldest notice of each contact, so that a receiver that is slow or dead holds up its own notices only; of each post as
/// many as may be under way, so that nobody's contacts hide those of others.
fn due(tx: &mut dyn Tx, now: Time, busy: &[(u64, SubjectId)]) -> Result<Vec<Due>, StoreError> {
    let free = match busy.len() {
        0 => String::new(),
        count => format!("and contact not in ({})", placeholders(4, count)),
    };
    let sql = format!(
        "select book, notice, post from (select book, notice, post, enqueued, row_number() over
        (partition by post order by enqueued, notice) as turn from outbox as it where next_at <= $1 {free} and not exists
        (select 1 from outbox as other where other.contact = it.contact and other.next_at <= $1
        and (other.enqueued, other.notice) < (it.enqueued, it.notice))) as due where turn <= $2
        order by enqueued, notice limit $3"
    );
    let mut params = vec![Param::Int(now.0), limit(OF_UNIT_MAX), limit(LOOKED_AT)];
    params.extend(busy.iter().map(|(contact, _)| Param::Int(i64::try_from(*contact).unwrap_or(i64::MAX))));
    let each = |row: &Row| {
        let post = id(SubjectId::new(row.text(2)?))?;
        Ok(Due { book: id(BookId::new(row.text(0)?))?, notice: row.text(1)?.to_owned(), unit: unit(&post) })
    };
    tx.query(&sql, &params)?.iter().map(each).collect()
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
