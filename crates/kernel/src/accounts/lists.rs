//! Lists for the pages of administrators.

use access::Grant;
use base::{AccountId, ActorId, BookId, Seq, SubjectId, Time, UnitCode};
use store::{Param, Row, StoreError, Tx};

use super::Identity;
use crate::Kernel;
use crate::registry::id;

/// Rows that are read at a time: what others have of a list takes no memory of its reader.
const READ_AT_ONCE: usize = 1_000;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub account: AccountId,
    pub unit: UnitCode,
    /// Blank once it was erased.
    pub title: String,
    pub disabled: bool,
    /// Whether signing in takes a second step.
    pub totp: bool,
    /// Whom a provider knows the account's owner as.
    pub identity: Option<Identity>,
    /// Whether they have not confirmed it yet, so that it opens nothing.
    pub identity_waits: bool,
}

/// A grant that holds, and the number of the entry that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    pub seq: Seq,
    pub grantee: ActorId,
    pub grant: Grant,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    pub token: String,
    pub unit: UnitCode,
    pub title: String,
    pub expires: Option<Time>,
    pub revoked: bool,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    pub book: BookId,
    pub device: String,
    pub title: String,
    pub subject: SubjectId,
    pub revoked: bool,
}

impl Kernel {
    /// Every account, in the order of names.
    pub fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.accounts_where(|_| true)
    }

    /// The accounts that fit.
    pub fn accounts_where(&self, fits: impl Fn(&AccountRow) -> bool) -> Result<Vec<AccountRow>, StoreError> {
        let page = format!(
            "select account, unit, title, disabled,
            cast(case when totp.confirmed = 1 then 1 else 0 end as bigint), issuer, identifier,
            account_identity.seq, identity_confirmed.seq, account.actor
            from account left join totp on totp.actor = account.actor
            left join account_identity on account_identity.actor = account.actor
            left join identity_confirmed on identity_confirmed.actor = account.actor
            where account.actor > $1 order by account.actor limit {READ_AT_ONCE}"
        );
        let read = |row: &Row| {
            Ok(AccountRow {
                account: id(AccountId::new(row.text(0)?))?,
                unit: id(UnitCode::new(row.text(1)?))?,
                title: row.text(2)?.to_owned(),
                disabled: row.int(3)? != 0,
                totp: row.int(4)? != 0,
                identity: identity(row, 5)?,
                identity_waits: row.int_or_null(7)?.is_some() && row.int_or_null(7)? != row.int_or_null(8)?,
            })
        };
        self.read(|tx| fitting(tx, &page, 9, read, &fits))
    }

    /// Every grant that holds, in the order in which they were given.
    pub fn grants(&self) -> Result<Vec<GrantRow>, StoreError> {
        self.grants_where(|_| true)
    }

    /// The grants that fit.
    pub fn grants_where(&self, fits: impl Fn(&GrantRow) -> bool) -> Result<Vec<GrantRow>, StoreError> {
        let page = format!(
            "select seq, grantee, role, unit, line, subject from access_grant where seq > $1 order by seq limit {READ_AT_ONCE}"
        );
        self.read(|tx| {
            let (mut found, mut behind) = (Vec::new(), i64::MIN);
            loop {
                let rows = tx.query(&page, &[Param::Int(behind)])?;
                for row in &rows {
                    let grantee = id(ActorId::new(row.text(1)?))?;
                    let row = GrantRow { seq: Seq::from_i64(row.int(0)?), grantee, grant: grant(row, 2)? };
                    found.extend(Some(row).filter(&fits));
                }
                match rows.last() {
                    Some(last) if rows.len() == READ_AT_ONCE => behind = last.int(0)?,
                    _ => return Ok(found),
                }
            }
        })
    }

    /// The tokens that fit, in the order of titles.
    pub fn tokens_where(&self, fits: impl Fn(&TokenRow) -> bool) -> Result<Vec<TokenRow>, StoreError> {
        let page = format!(
            "select token, unit, title, expires, revoked from api_token where token > $1 order by token limit {READ_AT_ONCE}"
        );
        let read = |row: &Row| {
            Ok(TokenRow {
                token: row.text(0)?.to_owned(),
                unit: id(UnitCode::new(row.text(1)?))?,
                title: row.text(2)?.to_owned(),
                expires: row.int_or_null(3)?.map(Time),
                revoked: row.int(4)? != 0,
            })
        };
        let mut found = self.read(|tx| fitting(tx, &page, 0, read, &fits))?;
        found.sort_by(|a, b| (&a.title, &a.token).cmp(&(&b.title, &b.token)));
        Ok(found)
    }

    /// The devices of some books, book by book, in the order of names.
    pub fn devices<'b>(
        &self,
        books: impl IntoIterator<Item = &'b BookId>,
    ) -> Result<Vec<DeviceRow>, StoreError> {
        const OF_BOOK: &str =
            "select book, device, title, subject, revoked from device where book = $1 order by device";
        self.read(|tx| {
            let mut found = Vec::new();
            for book in books {
                for row in tx.query(OF_BOOK, &[Param::Text(book.as_str())])? {
                    found.push(DeviceRow {
                        book: id(BookId::new(row.text(0)?))?,
                        device: row.text(1)?.to_owned(),
                        title: row.text(2)?.to_owned(),
                        subject: id(SubjectId::new(row.text(3)?))?,
                        revoked: row.int(4)? != 0,
                    });
                }
            }
            Ok(found)
        })
    }
}

/// What fits of all rows, which a page brings in the order of a key behind one of them.
fn fitting<T>(
    tx: &mut dyn Tx,
    page: &str,
    key: usize,
    read: impl Fn(&Row) -> Result<T, StoreError>,
    fits: impl Fn(&T) -> bool,
) -> Result<Vec<T>, StoreError> {
    let (mut found, mut behind) = (Vec::new(), String::new());
    loop {
        let rows = tx.query(page, &[Param::Text(&behind)])?;
        for row in &rows {
            let item = read(row)?;
            if fits(&item) {
                found.push(item);
            }
        }
        match rows.last() {
            Some(last) if rows.len() == READ_AT_ONCE => behind = last.text(key)?.to_owned(),
            _ => return Ok(found),
        }
    }
}

/// A grant from four columns: role, unit, line, subject.
pub(super) fn grant(row: &Row, first: usize) -> Result<Grant, StoreError> {
    Ok(Grant {
        role: row.text(first)?.to_owned(),
        unit: id(UnitCode::new(row.text(first + 1)?))?,
        line: row.text_or_null(first + 2)?.map(str::to_owned),
        subject: row.text_or_null(first + 3)?.map(SubjectId::new).map(id).transpose()?,
    })
}

fn identity(row: &Row, at: usize) -> Result<Option<Identity>, StoreError> {
    let (issuer, identifier) = (row.text_or_null(at)?, row.text_or_null(at + 1)?);
    Ok(issuer
        .zip(identifier)
        .map(|(issuer, identifier)| Identity { issuer: issuer.into(), identifier: identifier.into() }))
}
