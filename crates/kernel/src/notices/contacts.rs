//! Contacts of a post: set and removed by its unit's administrators.

use base::{SubjectId, Time};
use base64ct::{Base64, Encoding};
use ledger::{Body, Entry, EntryError};
use serde::{Deserialize, Serialize};
use store::{Param, Row, StoreError, Tx, Value};

use super::{CONTACTS_MAX, Channel, ContactRemoved, ContactSet, Notice, What, put_out};
use crate::admin::{AdminError, AdminResult, By};
use crate::registry::{id, root_book, rows};
use crate::{Kernel, Receipt};

/// What begins a webhook's secret, by the Standard Webhooks specification.
const SECRET: &str = "whsec_";

/// Where a post is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The number of the entry that set it.
    pub contact: u64,
    pub post: SubjectId,
    pub channel: Channel,
    pub address: String,
    pub since: Time,
}

/// A contact that was set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetContact {
    pub receipt: Receipt,
    /// What a webhook's requests are signed with; shown once. Absent for others, and where the request was answered
    /// before.
    #[serde(skip)]
    pub secret: Option<String>,
}

impl Kernel {
    /// Adds a contact to a post.
    pub fn set_contact(&self, by: impl Into<By>, set: ContactSet) -> AdminResult<SetContact> {
        const KEEP: &str = "insert into contact_secret (contact, secret) values ($1, $2)";
        self.administer(by, move |admin| {
            let unit = admin.tree.need_post(&set.post)?.unit.clone();
            admin.permit("kernel.contact.set", &unit, None)?;
            let held = of_post(admin.desk.read()?, &set.post)?;
            if held.iter().any(|other| other.channel == set.channel && other.address == set.address) {
                return Err(AdminError::ContactExists.into());
            }
            if held.len() >= CONTACTS_MAX {
                return Err(AdminError::ContactsMany(CONTACTS_MAX).into());
            }
            let receipt = admin.record(&set, vec![set.post.clone()])?;
            let secret = (set.channel == Channel::Webhook)
                .then(|| format!("{SECRET}{}", Base64::encode_string(&admin.desk.secret())));
            if let Some(secret) = &secret {
                let values = vec![Value::Int(receipt.seq.to_i64()), Value::Text(secret.clone())];
                admin.desk.aside(KEEP, values);
            }
            Ok(SetContact { receipt, secret })
        })
    }

    /// Removes a contact by the number of the entry that set it. What still waits for it ends as failed.
    pub fn remove_contact(&self, by: impl Into<By>, contact: u64) -> AdminResult<Receipt> {
        const FORGET: &str = "delete from contact_secret where contact = $1";
        self.administer(by, move |admin| {
            let found = admin.contact("kernel.contact.remove", contact)?;
            admin.desk.aside(FORGET, vec![Value::Int(seq(contact))]);
            let body = ContactRemoved { post: found.post.clone(), contact };
            admin.record(&body, vec![found.post])
        })
    }

    /// Sends a contact a notice that says nothing but that it works.
    pub fn try_contact(&self, by: impl Into<By>, contact: u64) -> AdminResult<()> {
        const WAITING: &str = "select notice from outbox where contact = $1 and what = $2 limit 1";
        self.administer(by, move |admin| {
            let found = admin.contact("kernel.contact.set", contact)?;
            let params = [Param::Int(seq(contact)), Param::Text(What::Tried.as_str())];
            if admin.desk.read()?.query_one(WAITING, &params)?.is_some() {
                return Err(AdminError::AlreadyTried.into());
            }
            let notice = Notice {
                book: root_book(),
                about: found.post.clone(),
                what: What::Tried,
                to: found.post,
                text_zh: "收到本条即表示该联系方式可以使用，无须办理。".into(),
                text_en: "This contact works. There is nothing to do.".into(),
            };
            put_out(admin.desk, &notice, seq(contact));
            Ok(())
        })
    }

    /// Every contact, post by post.
    pub fn contacts(&self) -> Result<Vec<Contact>, StoreError> {
        const ALL: &str =
            "select contact, post, channel, address, since from org_contact order by post, contact";
        self.read(|tx| rows(tx, ALL, contact))
    }
}

impl crate::admin::Admin<'_, '_> {
    /// A contact that is there, if the acting one may do this with it.
    fn contact(&mut self, action: &'static str, number: u64) -> AdminResult<Contact> {
        let found = find(self.desk.read()?, seq(number))?;
        let found = found.ok_or(AdminError::UnknownContact(number))?;
        let unit = self.tree.need_post(&found.post)?.unit.clone();
        self.permit_to_end(action, &unit)?;
        Ok(found)
    }
}

/// No entry has a number beyond 2^63, so nothing is found for one.
fn seq(contact: u64) -> i64 {
    i64::try_from(contact).unwrap_or(-1)
}

fn of_post(tx: &mut dyn Tx, post: &SubjectId) -> Result<Vec<Contact>, StoreError> {
    const OF: &str = "select contact, post, channel, address, since from org_contact where post = $1";
    tx.query(OF, &[Param::Text(post.as_str())])?.iter().map(contact).collect()
}

pub(super) fn find(tx: &mut dyn Tx, number: i64) -> Result<Option<Contact>, StoreError> {
    const FIND: &str = "select contact, post, channel, address, since from org_contact where contact = $1";
    tx.query_one(FIND, &[Param::Int(number)])?.as_ref().map(contact).transpose()
}

/// What a webhook's requests are signed with.
pub(super) fn secret(tx: &mut dyn Tx, number: i64) -> Result<Option<String>, StoreError> {
    const FIND: &str = "select secret from contact_secret where contact = $1";
    let row = tx.query_one(FIND, &[Param::Int(number)])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

fn contact(row: &Row) -> Result<Contact, StoreError> {
    let channel = Channel::parse(row.text(2)?);
    Ok(Contact {
        contact: row.int(0)?.unsigned_abs(),
        post: id(SubjectId::new(row.text(1)?))?,
        channel: channel.ok_or_else(|| StoreError::Schema("a contact has an unknown channel".into()))?,
        address: row.text(3)?.to_owned(),
        since: Time(row.int(4)?),
    })
}

/// Applies one entry of the root book.
pub(crate) fn apply(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const SET: &str =
        "insert into org_contact (post, contact, channel, address, since) values ($1, $2, $3, $4, $5)";
    const REMOVE: &str = "delete from org_contact where post = $1 and contact = $2";
    match entry.kind.as_str() {
        // An erased contact is none.
        ContactSet::KIND if entry.body.is_some() => {
            let set: ContactSet = body(entry)?;
            let params = [
                Param::Text(set.post.as_str()),
                Param::Int(entry.seq.to_i64()),
                Param::Text(set.channel.as_str()),
                Param::Text(&set.address),
                Param::Int(entry.occurred.0),
            ];
            tx.execute(SET, &params).map(drop)
        }
        ContactRemoved::KIND => {
            let removed: ContactRemoved = body(entry)?;
            let params = [Param::Text(removed.post.as_str()), Param::Int(seq(removed.contact))];
            tx.execute(REMOVE, &params).map(drop)
        }
        _ => Ok(()),
    }
}

/// An erased contact is none, and its secret opens nothing any more.
pub(crate) fn erase(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    if entry.kind.as_str() != ContactSet::KIND {
        return Ok(());
    }
    let seq = [Param::Int(entry.seq.to_i64())];
    tx.execute("delete from org_contact where contact = $1", &seq)?;
    tx.execute("delete from contact_secret where contact = $1", &seq).map(drop)
}

fn body<B: Body>(entry: &Entry) -> Result<B, StoreError> {
    entry.body().map_err(|error: EntryError| StoreError::Schema(format!("entry {}: {error}", entry.seq)))
}
