//! Lists for the pages of administrators.

use access::Grant;
use base::{AccountId, ActorId, BookId, Seq, SubjectId, Time, UnitCode};
use store::{Row, StoreError};

use super::Identity;
use crate::Kernel;
use crate::registry::{id, rows};

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
        const ALL: &str = "select account, unit, title, disabled,
            cast(case when totp.confirmed = 1 then 1 else 0 end as bigint), issuer, identifier,
            account_identity.seq, identity_confirmed.seq
            from account left join totp on totp.actor = account.actor
            left join account_identity on account_identity.actor = account.actor
            left join identity_confirmed on identity_confirmed.actor = account.actor order by account";
        self.read(|tx| {
            rows(tx, ALL, |row| {
                Ok(AccountRow {
                    account: id(AccountId::new(row.text(0)?))?,
                    unit: id(UnitCode::new(row.text(1)?))?,
                    title: row.text(2)?.to_owned(),
                    disabled: row.int(3)? != 0,
                    totp: row.int(4)? != 0,
                    identity: identity(row, 5)?,
                    identity_waits: row.int_or_null(7)?.is_some()
                        && row.int_or_null(7)? != row.int_or_null(8)?,
                })
            })
        })
    }

    /// Every grant that holds, in the order in which they were given.
    pub fn grants(&self) -> Result<Vec<GrantRow>, StoreError> {
        const ALL: &str = "select seq, grantee, role, unit, line, subject from access_grant order by seq";
        self.read(|tx| {
            rows(tx, ALL, |row| {
                let (seq, grantee) = (Seq::from_i64(row.int(0)?), id(ActorId::new(row.text(1)?))?);
                Ok(GrantRow { seq, grantee, grant: grant(row, 2)? })
            })
        })
    }

    /// Every token, in the order of titles.
    pub fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        const ALL: &str = "select token, unit, title, expires, revoked from api_token order by title, token";
        self.read(|tx| {
            rows(tx, ALL, |row| {
                Ok(TokenRow {
                    token: row.text(0)?.to_owned(),
                    unit: id(UnitCode::new(row.text(1)?))?,
                    title: row.text(2)?.to_owned(),
                    expires: row.int_or_null(3)?.map(Time),
                    revoked: row.int(4)? != 0,
                })
            })
        })
    }

    /// Every device, book by book, in the order of names.
    pub fn devices(&self) -> Result<Vec<DeviceRow>, StoreError> {
        const ALL: &str = "select book, device, title, subject, revoked from device order by book, device";
        self.read(|tx| {
            rows(tx, ALL, |row| {
                Ok(DeviceRow {
                    book: id(BookId::new(row.text(0)?))?,
                    device: row.text(1)?.to_owned(),
                    title: row.text(2)?.to_owned(),
                    subject: id(SubjectId::new(row.text(3)?))?,
                    revoked: row.int(4)? != 0,
                })
            })
        })
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
