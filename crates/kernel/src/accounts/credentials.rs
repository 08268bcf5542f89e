//! Credentials of programs (API tokens) and devices: shown once, kept as a digest, dead the moment they are revoked.

use access::{Actor, Grant};
use base::{ActorId, BookId, SubjectId, Time, UnitCode};
use ledger::{BodyError, Rule};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Param, StoreError, Tx};
use subtle::ConstantTimeEq;

use super::{DEVICES_EVER_OF_BRANCH_MAX, TOKENS_EVER_OF_BRANCH_MAX, TOKENS_OF_BRANCH_MAX};
use super::{DeviceEnrolled, DeviceRevoked, TokenIssued, TokenRevoked, device_actor, find_actor, text};
use crate::admin::{AdminError, AdminResult, By, about};
use crate::registry::root_size;
use crate::{Kernel, Receipt};

const TOKEN: &str = "tz1";
const DEVICE: &str = "tzd1";
/// Longer texts are no credentials of ours.
const CREDENTIAL_BYTES_MAX: usize = 200;
/// Credentials kept in memory; beyond, the memory starts anew.
const BEARERS_MAX: usize = 20_000;

/// A token to issue.
#[derive(Debug, Clone)]
pub struct NewToken {
    pub title: String,
    /// The unit whose administrators look after it.
    pub unit: UnitCode,
    pub grants: Vec<Grant>,
    pub expires: Option<Time>,
}

/// A device to enrol.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Its name within the book: lower-case letters, digits and `-`.
    pub device: String,
    pub book: BookId,
    pub title: String,
    /// What it is, as other entries name it.
    pub subject: SubjectId,
    /// The role that it gets on the book's unit, for the book's line and on behalf of its subject.
    pub role: String,
}

/// A credential that was issued.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Issued {
    pub actor: ActorId,
    /// Shown once; only its digest is stored. Absent where the request was answered before.
    #[serde(skip)]
    pub credential: Option<String>,
    pub receipt: Receipt,
}

/// A credential that was found good.
#[derive(Clone)]
pub(crate) struct Bearer {
    actor: Actor,
    expires: Option<Time>,
}

/// Devices that a book has had, those that were revoked among them.
pub const DEVICES_OF_BOOK_MAX: usize = 5_000;

impl Kernel {
    /// Issues a token with some rights, each of which the issuer must be able to grant.
    pub fn issue_token(&self, by: impl Into<By>, new: NewToken) -> AdminResult<Issued> {
        self.administer(by, move |admin| {
            admin.tree.need_unit(&new.unit)?;
            admin.permit("kernel.token.issue", &new.unit, None)?;
            admin.need_room_of(("api_token", Some("revoked = 0")), &new.unit, TOKENS_OF_BRANCH_MAX)?;
            admin.need_room("api_token", &new.unit, TOKENS_EVER_OF_BRANCH_MAX)?;
            if new.grants.is_empty() {
                return Err(AdminError::NoGrants.into());
            }
            if (1..new.grants.len()).any(|at| new.grants[..at].contains(&new.grants[at])) {
                return Err(AdminError::AlreadyGranted.into());
            }
            if new.expires.is_some_and(|expires| expires <= admin.desk.now()) {
                return Err(AdminError::ExpiresInPast.into());
            }
            let token = hex::encode(&admin.desk.secret()[..8]);
            let credential = format!("{TOKEN}_{token}_{}", hex::encode(admin.desk.secret()));
            let actor = ActorId::new(format!("token:{token}")).expect("hex is printable ASCII");
            let subjects = vec![about("token", &token)?, about("unit", new.unit.as_str())?];
            let (unit, title) = (new.unit.clone(), new.title.clone());
            let receipt =
                admin.record(&TokenIssued { token, unit, title, expires: new.expires }, subjects)?;
            for grant in &new.grants {
                admin.give(&actor, grant)?;
            }
            admin.keep_secret(&actor, &hex::encode(digest(&credential)), false);
            Ok(Issued { actor, credential: Some(credential), receipt })
        })
    }

    /// Revokes a token; from the answer on it is refused.
    pub fn revoke_token(&self, by: impl Into<By>, token: &str) -> AdminResult<Receipt> {
        const FIND: &str = "select unit from api_token where token = $1 and revoked = 0";
        let token = token.to_owned();
        self.administer(by, move |admin| {
            let row = admin.desk.read()?.query_one(FIND, &[Param::Text(&token)])?;
            let row = row.ok_or_else(|| AdminError::UnknownToken(token.clone()))?;
            admin.permit("kernel.token.revoke", &crate::registry::id(UnitCode::new(row.text(0)?))?, None)?;
            let actor = format!("token:{token}");
            admin.desk.aside("delete from secret where actor = $1", vec![text(&actor)]);
            admin.desk.aside("delete from session where actor = $1", vec![text(&actor)]);
            admin.record(&TokenRevoked { token: token.clone() }, vec![about("token", &token)?])
        })
    }

    /// Enrols a device and gives it a credential and its role.
    pub fn issue_device(&self, by: impl Into<By>, new: NewDevice) -> AdminResult<Issued> {
        const FIND: &str = "select revoked from device where book = $1 and device = $2";
        const HAD: &str = "select count(*) from device where book = $1";
        self.administer(by, move |admin| {
            let book = admin.tree.book(&new.book).ok_or_else(|| AdminError::UnknownBook(new.book.clone()))?;
            let (unit, line) = (book.unit.clone(), book.line.clone());
            admin.permit("kernel.device.enrol", &unit, Some(&line))?;
            let at = [Param::Text(new.book.as_str()), Param::Text(&new.device)];
            match admin.desk.read()?.query_one(FIND, &at)?.map(|row| row.int(0)).transpose()? {
                Some(0) => return Err(AdminError::DeviceExists(new.device.clone()).into()),
                // It comes back under its own name.
                Some(_) => {}
                None => {
                    let had = admin.desk.read()?.query_one(HAD, &[at[0]])?;
                    let had = had.map_or(Ok(0), |row| row.int(0))?;
                    if usize::try_from(had).unwrap_or(usize::MAX) >= DEVICES_OF_BOOK_MAX {
                        return Err(AdminError::DevicesMany(DEVICES_OF_BOOK_MAX).into());
                    }
                    const OF_UNITS: &str = "device join org_book on org_book.book = device.book";
                    admin.need_room(OF_UNITS, &unit, DEVICES_EVER_OF_BRANCH_MAX)?;
                }
            }
            let actor = device_actor(&new.book, &new.device)
                .ok_or_else(|| BodyError::new("device", Rule::Format, "is not a name"))?;
            let credential =
                format!("{DEVICE}_{}.{}_{}", new.book, new.device, hex::encode(admin.desk.secret()));
            let body = DeviceEnrolled {
                device: new.device.clone(),
                book: new.book.clone(),
                title: new.title.clone(),
                subject: new.subject.clone(),
            };
            let receipt = admin.record(&body, vec![device_subject(&actor)?, new.subject.clone()])?;
            let (role, subject) = (new.role.clone(), Some(new.subject.clone()));
            admin.give(&actor, &Grant { role, unit, line: Some(line), subject })?;
            admin.keep_secret(&actor, &hex::encode(digest(&credential)), false);
            Ok(Issued { actor, credential: Some(credential), receipt })
        })
    }

    /// Revokes a device's credential; from the answer on it is refused. The device may be enrolled again.
    pub fn revoke_device(&self, by: impl Into<By>, book: &BookId, device: &str) -> AdminResult<Receipt> {
        const FIND: &str = "select subject from device where book = $1 and device = $2 and revoked = 0";
        let (book, device) = (book.clone(), device.to_owned());
        self.administer(by, move |admin| {
            let kept = admin.tree.book(&book).ok_or_else(|| AdminError::UnknownBook(book.clone()))?;
            let (unit, line) = (kept.unit.clone(), kept.line.clone());
            admin.permit("kernel.device.revoke", &unit, Some(&line))?;
            let found =
                admin.desk.read()?.query_one(FIND, &[Param::Text(book.as_str()), Param::Text(&device)])?;
            let unknown = || AdminError::UnknownDevice(device.clone());
            let subject = crate::registry::id(SubjectId::new(found.ok_or_else(unknown)?.text(0)?))?;
            let actor = device_actor(&book, &device).ok_or_else(unknown)?;
            admin.desk.aside("delete from secret where actor = $1", vec![text(actor.as_str())]);
            let body = DeviceRevoked { device: device.clone(), book: book.clone() };
            admin.record(&body, vec![device_subject(&actor)?, subject])
        })
    }

    /// Who a credential belongs to; `None` if it is no good, revoked or expired.
    pub fn authenticate_bearer(&self, credential: &str) -> Result<Option<Actor>, StoreError> {
        let Some(actor) = claimed(credential) else { return Ok(None) };
        let (now, digest) = (self.now(), digest(credential));
        if let Some(bearer) = self.memory.fresh(self)?.bearers.get(&digest) {
            let live = bearer.expires.is_none_or(|expires| now < expires);
            return Ok(live.then(|| bearer.actor.clone()));
        }
        let (size, found) = self.read(|tx| Ok((root_size(tx)?, recognise(tx, &actor, &digest, now)?)))?;
        let Some(bearer) = found else { return Ok(None) };
        let mut kept = self.memory.fresh(self)?;
        // What was read before a revocation must not be kept after it.
        if kept.size == size {
            if kept.bearers.len() >= BEARERS_MAX {
                kept.bearers.clear();
            }
            kept.bearers.insert(digest, bearer.clone());
        }
        Ok(Some(bearer.actor))
    }
}

fn device_subject(actor: &ActorId) -> Result<SubjectId, BodyError> {
    SubjectId::new(actor.as_str()).map_err(|error| BodyError::new("device", Rule::Format, error.to_string()))
}

fn digest(credential: &str) -> [u8; 32] {
    Sha256::digest(credential.as_bytes()).into()
}

/// Whom a credential of the right form names: `tz1_<token>_<secret>` or `tzd1_<book>.<device>_<secret>`.
fn claimed(credential: &str) -> Option<ActorId> {
    if credential.len() > CREDENTIAL_BYTES_MAX {
        return None;
    }
    let mut parts = credential.splitn(3, '_');
    let (form, name, _secret) = (parts.next()?, parts.next()?, parts.next()?);
    match form {
        TOKEN => ActorId::new(format!("token:{name}")).ok(),
        DEVICE => {
            let (book, device) = name.split_once('.')?;
            device_actor(&BookId::new(book).ok()?, device)
        }
        _ => None,
    }
}

fn recognise(
    tx: &mut dyn Tx,
    actor: &ActorId,
    digest: &[u8; 32],
    now: Time,
) -> Result<Option<Bearer>, StoreError> {
    const FIND: &str = "select hash from secret where actor = $1";
    let Some(row) = tx.query_one(FIND, &[Param::Text(actor.as_str())])? else { return Ok(None) };
    let hash = row.text(0)?;
    if !bool::from(hash.as_bytes().ct_eq(hex::encode(digest).as_bytes())) {
        return Ok(None);
    }
    let found = find_actor(tx, actor, now)?;
    Ok(found.map(|found| Bearer { actor: found.actor, expires: found.expires }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_names_its_token_or_device_and_nothing_else_is_one() {
        let named = |text: &str| claimed(text).map(|actor| actor.to_string());
        assert_eq!(named("tz1_0a1b_c0ffee").as_deref(), Some("token:0a1b"));
        assert_eq!(named("tzd1_beiyuan.a12_c0ffee").as_deref(), Some("device:beiyuan/a12"));
        for text in
            ["", "tz1", "tz1_0a1b", "tz2_0a1b_c0ffee", "tzd1_beiyuan_c0ffee", "tzd1_B.a_c", "account:wei"]
        {
            assert_eq!(named(text), None, "{text:?}");
        }
        assert_eq!(named(&format!("tz1_a_{}", "f".repeat(300))), None);
    }
}
