//! How the tables of the root book follow from its entries.

use base::{AccountId, ActorId, Day, SubjectId};
use ledger::{Body, Entry, EntryError};
use registry::{BookOpened, PlaceAdded, PlaceRenamed, PostAdded, PostHeld, PostLeft, UnitAdded, UnitRenamed};
use store::{Param, StoreError, Tx};

use super::kinds::{
    AccountAdded, AccountDisabled, DeviceEnrolled, DeviceRevoked, GrantGiven, GrantWithdrawn,
    IdentityRemoved, IdentitySet, TokenIssued, TokenRevoked,
};
use super::{account_actor, device_actor};
use crate::registry::id;

/// Applies one entry of the root book.
pub(crate) fn apply(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    match entry.kind.as_str() {
        UnitAdded::KIND => unit_added(tx, &body(entry)?),
        UnitRenamed::KIND => unit_renamed(tx, &body(entry)?),
        BookOpened::KIND => book_opened(tx, &body(entry)?),
        PlaceAdded::KIND => place_added(tx, &body(entry)?),
        PlaceRenamed::KIND => place_renamed(tx, &body(entry)?),
        PostAdded::KIND => post_added(tx, &body(entry)?),
        PostHeld::KIND => post_held(tx, &body(entry)?),
        PostLeft::KIND => post_left(tx, &body(entry)?),
        AccountAdded::KIND => account_added(tx, entry),
        AccountDisabled::KIND => account_disabled(tx, &body(entry)?),
        IdentitySet::KIND => identity_set(tx, entry),
        IdentityRemoved::KIND => identity_removed(tx, entry),
        GrantGiven::KIND => grant_given(tx, entry, &body(entry)?),
        GrantWithdrawn::KIND => grant_withdrawn(tx, &body(entry)?),
        TokenIssued::KIND => token_issued(tx, &body(entry)?),
        TokenRevoked::KIND => token_revoked(tx, &body(entry)?),
        DeviceEnrolled::KIND => device_enrolled(tx, &body(entry)?),
        DeviceRevoked::KIND => device_revoked(tx, &body(entry)?),
        // A changed password, a second step and an erased body leave no trace in these tables.
        _ => Ok(()),
    }
}

/// The account whose link with an identity an entry set, if that link still stands.
pub(crate) fn linked_by(tx: &mut dyn Tx, entry: &Entry) -> Result<Option<AccountId>, StoreError> {
    const STANDS: &str = "select seq from account_identity where actor = $1 and seq = $2";
    if entry.kind.as_str() != IdentitySet::KIND {
        return Ok(None);
    }
    let actor = actor_of(entry)?;
    let stands = tx.query_one(STANDS, &[Param::Text(&actor), Param::Int(entry.seq.to_i64())])?.is_some();
    if stands { id(AccountId::new(named(entry, "account")?)).map(Some) } else { Ok(None) }
}

/// Blanks the title of an account whose body is erased.
pub(crate) fn erase(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    if entry.kind.as_str() != AccountAdded::KIND {
        return Ok(());
    }
    let actor = actor_of(entry)?;
    tx.execute("update account set title = '' where actor = $1", &[Param::Text(&actor)]).map(drop)
}

/// The account among an entry's subjects, which stays when the body is erased.
fn actor_of(entry: &Entry) -> Result<String, StoreError> {
    Ok(format!("account:{}", named(entry, "account")?))
}

fn body<B: Body>(entry: &Entry) -> Result<B, StoreError> {
    entry.body().map_err(|error: EntryError| StoreError::Schema(format!("entry {}: {error}", entry.seq)))
}

/// The local part of an entry's subject of a scheme.
fn named<'e>(entry: &'e Entry, scheme: &str) -> Result<&'e str, StoreError> {
    let subject = entry.subjects.iter().find(|subject| subject.id.scheme() == scheme);
    let missing = || StoreError::Schema(format!("entry {} names no {scheme}", entry.seq));
    subject.map(|subject| subject.id.local_part()).ok_or_else(missing)
}

fn day(day: Day) -> Param<'static> {
    Param::Int(i64::from(day.0))
}

fn unit_added(tx: &mut dyn Tx, added: &UnitAdded) -> Result<(), StoreError> {
    const ADD: &str =
        "insert into org_unit (unit, parent, level, title_zh, title_en) values ($1, $2, $3, $4, $5)";
    let parent = added.parent.as_ref().map_or(Param::Null, |parent| Param::Text(parent.as_str()));
    let params = [
        Param::Text(added.code.as_str()),
        parent,
        Param::Text(added.level.as_str()),
        Param::Text(&added.title_zh),
        Param::Text(&added.title_en),
    ];
    tx.execute(ADD, &params).map(drop)
}

fn unit_renamed(tx: &mut dyn Tx, renamed: &UnitRenamed) -> Result<(), StoreError> {
    const RENAME: &str = "update org_unit set title_zh = $2, title_en = $3 where unit = $1";
    let params =
        [Param::Text(renamed.unit.as_str()), Param::Text(&renamed.title_zh), Param::Text(&renamed.title_en)];
    tx.execute(RENAME, &params).map(drop)
}

fn book_opened(tx: &mut dyn Tx, opened: &BookOpened) -> Result<(), StoreError> {
    const OPEN: &str =
        "insert into org_book (book, unit, line, title_zh, title_en) values ($1, $2, $3, $4, $5)";
    let params = [
        Param::Text(opened.book.as_str()),
        Param::Text(opened.unit.as_str()),
        Param::Text(&opened.line),
        Param::Text(&opened.title_zh),
        Param::Text(&opened.title_en),
    ];
    tx.execute(OPEN, &params).map(drop)
}

fn place_added(tx: &mut dyn Tx, added: &PlaceAdded) -> Result<(), StoreError> {
    const ADD: &str = "insert into org_place (place, unit, kind, title_zh, title_en, lat_e7, lon_e7, gln)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let params = [
        Param::Text(added.place.as_str()),
        Param::Text(added.unit.as_str()),
        Param::Text(added.kind.as_str()),
        Param::Text(&added.title_zh),
        Param::Text(&added.title_en),
        Param::from(added.position.map(|position| position.lat_e7)),
        Param::from(added.position.map(|position| position.lon_e7)),
        Param::from(added.gln.as_ref()),
    ];
    tx.execute(ADD, &params).map(drop)
}

fn place_renamed(tx: &mut dyn Tx, renamed: &PlaceRenamed) -> Result<(), StoreError> {
    const RENAME: &str = "update org_place set title_zh = $2, title_en = $3 where place = $1";
    let params =
        [Param::Text(renamed.place.as_str()), Param::Text(&renamed.title_zh), Param::Text(&renamed.title_en)];
    tx.execute(RENAME, &params).map(drop)
}

fn post_added(tx: &mut dyn Tx, added: &PostAdded) -> Result<(), StoreError> {
    const ADD: &str = "insert into org_post (post, unit, title_zh, title_en) values ($1, $2, $3, $4)";
    let params = [
        Param::Text(added.post.as_str()),
        Param::Text(added.unit.as_str()),
        Param::Text(&added.title_zh),
        Param::Text(&added.title_en),
    ];
    tx.execute(ADD, &params).map(drop)
}

fn post_held(tx: &mut dyn Tx, held: &PostHeld) -> Result<(), StoreError> {
    const HOLD: &str = "insert into org_holder (post, from_day, account, until_day) values ($1, $2, $3, $4)";
    let until = held.until.map_or(Param::Null, day);
    let params = [Param::Text(held.post.as_str()), day(held.from), Param::Text(held.account.as_str()), until];
    tx.execute(HOLD, &params).map(drop)
}

fn post_left(tx: &mut dyn Tx, left: &PostLeft) -> Result<(), StoreError> {
    const LEAVE: &str =
        "update org_holder set until_day = $3 where post = $1 and account = $2 and from_day <= $3
        and (until_day is null or until_day >= $3)";
    const TAKE_BACK: &str = "delete from org_holder where post = $1 and account = $2 and from_day = $3";
    let (post, account) = (Param::Text(left.post.as_str()), Param::Text(left.account.as_str()));
    if tx.execute(TAKE_BACK, &[post, account, day(left.until.plus(1))])? > 0 {
        return Ok(());
    }
    tx.execute(LEAVE, &[post, account, day(left.until)]).map(drop)
}

/// Account and unit stand among the subjects too, so that they remain when the body is erased.
fn account_added(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const ADD: &str =
        "insert into account (actor, account, unit, title, disabled) values ($1, $2, $3, $4, 0)";
    let title = match entry.body {
        Some(_) => body::<AccountAdded>(entry)?.title,
        None => String::new(),
    };
    let account = named(entry, "account")?;
    let actor = format!("account:{account}");
    let params =
        [Param::Text(&actor), Param::Text(account), Param::Text(named(entry, "unit")?), Param::Text(&title)];
    tx.execute(ADD, &params).map(drop)
}

fn account_disabled(tx: &mut dyn Tx, disabled: &AccountDisabled) -> Result<(), StoreError> {
    let actor = account_actor(&disabled.account);
    tx.execute("update account set disabled = 1 where actor = $1", &[Param::Text(actor.as_str())])?;
    end_grants(tx, &actor)
}

/// An erased identity is none, and still took the place of the one before.
fn identity_set(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    const SET: &str = "insert into account_identity (actor, issuer, identifier, seq) values ($1, $2, $3, $4)";
    identity_removed(tx, entry)?;
    if entry.body.is_none() {
        return Ok(());
    }
    let (actor, set) = (actor_of(entry)?, body::<IdentitySet>(entry)?);
    let params = [
        Param::Text(&actor),
        Param::Text(&set.issuer),
        Param::Text(&set.identifier),
        Param::Int(entry.seq.to_i64()),
    ];
    tx.execute(SET, &params).map(drop)
}

fn identity_removed(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    let actor = actor_of(entry)?;
    tx.execute("delete from account_identity where actor = $1", &[Param::Text(&actor)]).map(drop)
}

fn grant_given(tx: &mut dyn Tx, entry: &Entry, given: &GrantGiven) -> Result<(), StoreError> {
    const GIVE: &str =
        "insert into access_grant (grantee, seq, role, unit, line, subject) values ($1, $2, $3, $4, $5, $6)";
    let params = [
        Param::Text(given.grantee.as_str()),
        Param::Int(entry.seq.to_i64()),
        Param::Text(&given.role),
        Param::Text(given.unit.as_str()),
        Param::from(given.line.as_ref()),
        Param::from(given.subject.as_ref().map(SubjectId::as_str)),
    ];
    tx.execute(GIVE, &params).map(drop)
}

fn grant_withdrawn(tx: &mut dyn Tx, withdrawn: &GrantWithdrawn) -> Result<(), StoreError> {
    let seq = i64::try_from(withdrawn.grant).unwrap_or(-1);
    let params = [Param::Text(withdrawn.grantee.as_str()), Param::Int(seq)];
    tx.execute("delete from access_grant where grantee = $1 and seq = $2", &params).map(drop)
}

fn end_grants(tx: &mut dyn Tx, actor: &ActorId) -> Result<(), StoreError> {
    tx.execute("delete from access_grant where grantee = $1", &[Param::Text(actor.as_str())]).map(drop)
}

fn token_issued(tx: &mut dyn Tx, issued: &TokenIssued) -> Result<(), StoreError> {
    const ISSUE: &str =
        "insert into api_token (token, unit, title, expires, revoked) values ($1, $2, $3, $4, 0)";
    let params = [
        Param::Text(&issued.token),
        Param::Text(issued.unit.as_str()),
        Param::Text(&issued.title),
        issued.expires.map_or(Param::Null, |expires| Param::Int(expires.0)),
    ];
    tx.execute(ISSUE, &params).map(drop)
}

fn token_revoked(tx: &mut dyn Tx, revoked: &TokenRevoked) -> Result<(), StoreError> {
    tx.execute("update api_token set revoked = 1 where token = $1", &[Param::Text(&revoked.token)])?;
    match ActorId::new(format!("token:{}", revoked.token)) {
        Ok(actor) => end_grants(tx, &actor),
        Err(error) => Err(StoreError::Schema(error.to_string())),
    }
}

fn device_enrolled(tx: &mut dyn Tx, enrolled: &DeviceEnrolled) -> Result<(), StoreError> {
    const ENROL: &str = "insert into device (book, device, title, subject, revoked) values ($1, $2, $3, $4, 0)
        on conflict (book, device) do update set title = excluded.title, subject = excluded.subject, revoked = 0";
    let params = [
        Param::Text(enrolled.book.as_str()),
        Param::Text(&enrolled.device),
        Param::Text(&enrolled.title),
        Param::Text(enrolled.subject.as_str()),
    ];
    tx.execute(ENROL, &params).map(drop)
}

fn device_revoked(tx: &mut dyn Tx, revoked: &DeviceRevoked) -> Result<(), StoreError> {
    const REVOKE: &str = "update device set revoked = 1 where book = $1 and device = $2";
    tx.execute(REVOKE, &[Param::Text(revoked.book.as_str()), Param::Text(&revoked.device)])?;
    let unknown = || StoreError::Schema(format!("{:?} is not the name of a device", revoked.device));
    let actor = device_actor(&revoked.book, &revoked.device).ok_or_else(unknown)?;
    end_grants(tx, &actor)
}
