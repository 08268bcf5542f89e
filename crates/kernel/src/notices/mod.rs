//! Notices (通知): what a post is told of a matter, where it wants to be told, and what became of it.
//!
//! A notice is put out in the transaction of the entry that causes it, so nothing acknowledged is lost. Whoever delivers
//! it claims it for a while, tries, and settles it: the end of every notice is an entry.

mod contacts;
mod kinds;
mod outbox;

use base::limits::{NAME_CHARS_MAX, TEXT_CHARS_MAX};
use base::{BookId, SubjectId};
use serde::{Deserialize, Serialize};
use store::{Param, StoreError, Value};

use crate::Desk;

pub use contacts::{Contact, SetContact};
pub(crate) use contacts::{apply, erase};
pub use kinds::{Channel, ContactRemoved, ContactSet, Fault, FaultKind, NoticeSent, Outcome, check_webhook};
pub use outbox::{Claim, Secret, Settlement, Waiting};

/// Something that a post is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The book of the entry that causes it; its outcome will stand there too.
    pub book: BookId,
    /// The matter.
    pub about: SubjectId,
    pub what: What,
    /// The post that is told.
    pub to: SubjectId,
    /// A sentence or two in each language. It leaves the house: no personal data, nothing that needs a right to be read.
    pub text_zh: String,
    pub text_en: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// To the owner: a matter was opened.
    Opened,
    /// To the new owner.
    HandedOver,
    /// To the owner: a matter is owed again.
    Reopened,
    /// To the owner: the reviewer found it not done.
    Returned,
    /// To the reviewer: the owner says that it is done.
    Submitted,
    /// To the owner and the reviewer: a level of the ladder was reached.
    Escalated,
    /// To a contact that an administrator tries out.
    Tried,
}

impl What {
    pub const ALL: [Self; 7] = [
        Self::Opened,
        Self::HandedOver,
        Self::Reopened,
        Self::Returned,
        Self::Submitted,
        Self::Escalated,
        Self::Tried,
    ];

    /// The word in entries and texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::HandedOver => "handed_over",
            Self::Reopened => "reopened",
            Self::Returned => "returned",
            Self::Submitted => "submitted",
            Self::Escalated => "escalated",
            Self::Tried => "tried",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|what| what.as_str() == word);
        found.ok_or_else(|| StoreError::Schema(format!("{word:?} is no reason for a notice")))
    }
}

/// Puts a notice out, one for each contact of the post, if the job at the desk is accepted. Returns how many; a post
/// without contacts is told by its inbox alone.
pub fn enqueue(desk: &mut Desk<'_>, notice: &Notice) -> Result<usize, StoreError> {
    const CONTACTS: &str = "select contact from org_contact where post = $1 order by contact";
    let rows = desk.read()?.query(CONTACTS, &[Param::Text(notice.to.as_str())])?;
    for row in &rows {
        let contact = row.int(0)?;
        put_out(desk, notice, contact);
    }
    Ok(rows.len())
}

fn put_out(desk: &mut Desk<'_>, notice: &Notice, contact: i64) {
    const PUT: &str =
        "insert into outbox (book, notice, contact, about, what, post, text_zh, text_en, enqueued, attempts,
        next_at, unit) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $9, $10)";
    let id = hex::encode(&desk.secret()[..16]);
    let text = |text: &str| Value::Text(text.to_owned());
    let bounded = |text: &str| Value::Text(text.chars().take(TEXT_CHARS_MAX).collect());
    let values = vec![
        text(notice.book.as_str()),
        text(&id),
        Value::Int(contact),
        text(notice.about.as_str()),
        text(notice.what.as_str()),
        text(notice.to.as_str()),
        bounded(&notice.text_zh),
        bounded(&notice.text_en),
        Value::Int(desk.now().0),
        text(notice.to.home().unwrap_or_default()),
    ];
    desk.aside(PUT, values);
}

/// Contacts of one post at most.
pub const CONTACTS_MAX: usize = 8;
/// Characters of an address at most.
pub const ADDRESS_CHARS_MAX: usize = 2 * NAME_CHARS_MAX;
