//! Signing in with a provider of OpenID Connect: whom an account is linked with, and the way to the provider and back.
//!
//! An administrator links an account; nobody gets one by signing in. A link that an administrator of the root did not set opens
//! nothing until its owner, signed in to the account, comes back from the provider once. Several accounts may wait for the same
//! identity, and whose owner comes first has it. What a browser takes along to the provider follows from a secret in its cookie, of
//! which the digest alone lies here, and once.

use base::{AccountId, ActorId, Seq, Time};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use store::{Param, Row, StoreError, Tx, Value};

use super::second::account_of;
use super::sessions::{
    SessionState, digest, end_sessions_of, find_session, open_session, session_state, stopped,
};
use super::{IdentityRemoved, IdentitySet, NewSession, account_actor, permit_account, permit_entering, text};
use crate::admin::{Admin, AdminError, AdminResult, By, about};
use crate::registry::{id, root_book};
use crate::{AppendError, Desk, Kernel, Receipt, entries};

/// Whoever went to the provider is waited for so long.
const AWAY_MS_MAX: i64 = 10 * 60_000;
/// A longer way back is forgotten.
const NEXT_BYTES_MAX: usize = 1_000;

/// Whom a provider knows somebody as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The provider, as it names itself.
    pub issuer: String,
    /// What it calls the person, and never anybody else.
    pub identifier: String,
}

/// Somebody who is sent to the provider.
#[derive(Debug, Clone)]
pub struct SentAway {
    /// The secret for the cookie; only its digest is stored.
    pub cookie_value: String,
    pub expires: Time,
}

/// Why nobody was signed in whom the provider vouched for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentityError {
    #[error("no account is linked with the identity")]
    Unknown,
    #[error("the account is disabled")]
    Disabled,
    /// The accounts that wait for the identity.
    #[error("no owner has confirmed the link: {0:?}")]
    Unconfirmed(Vec<AccountId>),
    #[error("the writer is busy")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Kernel {
    /// Links an account with an identity, in place of the one that it had. Whoever has the identity can enter as the
    /// account, so what holds for a password reset holds here. An identity may be somebody else's: only whoever administers
    /// the root is believed; another link waits for the account's owner, beside those of other accounts that wait.
    pub fn set_identity(
        &self,
        by: impl Into<By>,
        who: &AccountId,
        identity: Identity,
    ) -> AdminResult<Receipt> {
        let who = who.clone();
        self.administer(by, move |admin| {
            permit_entering(admin, "kernel.identity.set", &who)?;
            let actor = account_actor(&who);
            // An account that was closed keeps its link, which opens nothing.
            let owners = owners_of(admin.desk.read()?, &identity)?;
            if owners.iter().any(|owner| owner.confirmed && !owner.disabled) {
                return Err(AdminError::IdentityTaken.into());
            }
            if identity_of(admin.desk.read()?, &actor)?.is_some() {
                end_sessions_of(admin.desk, &actor);
            }
            let Identity { issuer, identifier } = identity.clone();
            let body = IdentitySet { account: who.clone(), issuer, identifier };
            let receipt = admin.record(&body, vec![about("account", who.as_str())?])?;
            let root = admin.tree.root().cloned();
            if root.is_some_and(|root| admin.permit("kernel.identity.set", &root, None).is_ok()) {
                confirm(admin.desk, &actor, receipt.seq);
            }
            Ok(receipt)
        })
    }

    /// Ends the link of an account with an identity, and the account's sessions.
    pub fn remove_identity(&self, by: impl Into<By>, who: &AccountId) -> AdminResult<Receipt> {
        let who = who.clone();
        self.administer(by, move |admin| {
            permit_account(admin, "kernel.identity.remove", &who)?;
            let actor = account_actor(&who);
            if identity_of(admin.desk.read()?, &actor)?.is_none() {
                return Err(AdminError::IdentityMissing.into());
            }
            end_sessions_of(admin.desk, &actor);
            admin.record(&IdentityRemoved { account: who.clone() }, vec![about("account", who.as_str())?])
        })
    }

    /// Remembers a browser that is sent to the provider, where it wanted to go, and by which session it was signed in, if it was.
    pub fn send_away(&self, next: &str, session: Option<&str>) -> Result<SentAway, AppendError<()>> {
        const KEEP: &str = "insert into sent_away (hash, next, expires, session) values ($1, $2, $3, $4)";
        let session = session.map_or(Value::Null, text);
        let next = if next.len() > NEXT_BYTES_MAX { "/".to_owned() } else { next.to_owned() };
        self.append_blocking(move |desk| {
            let cookie_value = Base64UrlUnpadded::encode_string(&desk.secret());
            let (now, expires) = (desk.now(), desk.now().plus_ms(AWAY_MS_MAX));
            desk.aside("delete from sent_away where expires <= $1", vec![Value::Int(now.0)]);
            desk.aside(
                KEEP,
                vec![text(&digest(&cookie_value)), text(&next), Value::Int(expires.0), session.clone()],
            );
            Ok(SentAway { cookie_value, expires })
        })
    }

    /// Where a browser wanted to go that comes back, and the session that it left with; each is taken back once, and in time.
    pub fn take_back(&self, cookie_value: &str) -> Result<Option<(String, Option<String>)>, AppendError<()>> {
        const FIND: &str = "select next, session from sent_away where hash = $1 and expires > $2";
        let hash = digest(cookie_value);
        self.append_blocking(move |desk| {
            // No other node may take the same one back meanwhile.
            desk.take(&root_book())?;
            let params = [Param::Text(&hash), Param::Int(desk.now().0)];
            let found = desk.read()?.query_one(FIND, &params)?;
            let found = found.map(|row| {
                let session = row.text_or_null(1)?.map(str::to_owned);
                Ok::<_, StoreError>((row.text(0)?.to_owned(), session))
            });
            desk.aside("delete from sent_away where hash = $1", vec![text(&hash)]);
            Ok(found.transpose()?)
        })
    }

    /// Signs in whom the provider vouched for. Neither a code nor a change of the one-time password is asked for: the
    /// provider answers for how it recognised the person. Whoever is signed in to the account, by a session of this hash that
    /// stands still, confirms its link by this.
    pub fn sign_in_as(
        &self,
        identity: &Identity,
        session: Option<&str>,
    ) -> Result<NewSession, IdentityError> {
        const KEEP: &str = "insert into provider_session (hash, expires) values ($1, $2)";
        let (identity, session) = (identity.clone(), session.map(str::to_owned));
        let opened = self.append_blocking(move |desk| {
            // The link must not end on another node meanwhile.
            desk.take(&root_book())?;
            let owners = owners_of(desk.read()?, &identity)?;
            let now = desk.now();
            // Whoever has a one-time password may be who set it, and who has but the session may have stolen it.
            let signed_in = match &session {
                Some(hash) if may_confirm(desk.read()?, hash, now)? => find_session(desk.read()?, hash, now)?,
                _ => None,
            };
            let signed_in = signed_in.map(|(session, _)| session.actor.id);
            let is_meant = |owner: &&Owner| signed_in.as_ref() == Some(&owner.actor);
            let has_it = owners.iter().find(|owner| owner.confirmed && !owner.disabled);
            let had_it = || owners.iter().find(|owner| owner.confirmed);
            let Some(owner) = has_it.or_else(|| owners.iter().find(is_meant)).or_else(had_it) else {
                let waiting = owners.iter().map(|owner| account_of(&owner.actor));
                let waiting = waiting.collect::<Result<Vec<_>, StoreError>>()?;
                return Ok(Err(match waiting.is_empty() {
                    true => IdentityError::Unknown,
                    false => IdentityError::Unconfirmed(waiting),
                }));
            };
            let account = account_of(&owner.actor)?;
            if owner.disabled {
                return Ok(Err(IdentityError::Disabled));
            }
            if !owner.confirmed {
                confirm(desk, &owner.actor, owner.seq);
            }
            let session = open_session::<()>(desk, &account, Some(false))?;
            let now = desk.now();
            desk.aside("delete from provider_session where expires <= $1", vec![Value::Int(now.0)]);
            desk.aside(KEEP, vec![text(&digest(&session.cookie_value)), Value::Int(session.expires.0)]);
            Ok(Ok(session))
        });
        opened.unwrap_or_else(|error| {
            Err(match error {
                AppendError::Store(error) => error.into(),
                AppendError::Busy => IdentityError::Busy,
                _ => stopped().into(),
            })
        })
    }
}

/// Whether a session was opened by its owner's own password, which was given a short while ago.
fn may_confirm(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<bool, StoreError> {
    const OF_PROVIDER: &str = "select hash from provider_session where hash = $1";
    let is_fresh = session_state(tx, hash, now)? == SessionState::Confirmed;
    Ok(is_fresh && tx.query_one(OF_PROVIDER, &[Param::Text(hash)])?.is_none())
}

/// Whose identity it is.
struct Owner {
    actor: ActorId,
    disabled: bool,
    /// The entry that linked them.
    seq: Seq,
    confirmed: bool,
}

/// Whose identity it is, or who waits for it, in the order of their links. Of the accounts that are open one has it at most.
fn owners_of(tx: &mut dyn Tx, identity: &Identity) -> Result<Vec<Owner>, StoreError> {
    const FIND: &str = "select account.actor, account.disabled, account_identity.seq, identity_confirmed.seq
        from account_identity join account on account.actor = account_identity.actor
        left join identity_confirmed on identity_confirmed.actor = account_identity.actor
            and identity_confirmed.seq = account_identity.seq
        where account_identity.issuer = $1 and account_identity.identifier = $2
        order by account_identity.seq";
    let rows = tx.query(FIND, &[Param::Text(&identity.issuer), Param::Text(&identity.identifier)])?;
    let owner = |row: &Row| {
        Ok(Owner {
            actor: id(ActorId::new(row.text(0)?))?,
            disabled: row.int(1)? != 0,
            seq: Seq::from_i64(row.int(2)?),
            confirmed: row.int_or_null(3)?.is_some(),
        })
    };
    rows.iter().map(owner).collect()
}

/// Whoever knew the former password may have confirmed a link of their own: it waits anew for the owner, with the password of now, unless
/// an administrator of the root set it.
pub(super) fn ask_again(admin: &mut Admin<'_, '_>, actor: &ActorId) -> AdminResult<()> {
    const LINK: &str = "select seq from account_identity where actor = $1";
    let Some(row) = admin.desk.read()?.query_one(LINK, &[Param::Text(actor.as_str())])? else {
        return Ok(());
    };
    let set = entries::entry(admin.desk.read()?, &root_book(), Seq::from_i64(row.int(0)?))?;
    let is_of_root = match set.map(|entry| entry.actor).zip(admin.tree.root().cloned()) {
        Some((by, root)) => admin.may_now(&by, "kernel.identity.set", &root, None)?,
        None => false,
    };
    if !is_of_root {
        admin.desk.aside("delete from identity_confirmed where actor = $1", vec![text(actor.as_str())]);
    }
    Ok(())
}

/// The link of an account that an entry set opens it from now on.
fn confirm(desk: &mut Desk<'_>, actor: &ActorId, seq: Seq) {
    const CONFIRM: &str = "insert into identity_confirmed (actor, seq) values ($1, $2)
        on conflict (actor) do update set seq = excluded.seq";
    desk.aside(CONFIRM, vec![text(actor.as_str()), Value::Int(seq.to_i64())]);
}

fn identity_of(tx: &mut dyn Tx, actor: &ActorId) -> Result<Option<Identity>, StoreError> {
    const FIND: &str = "select issuer, identifier from account_identity where actor = $1";
    let row = tx.query_one(FIND, &[Param::Text(actor.as_str())])?;
    let read = |row: Row| Ok(Identity { issuer: row.text(0)?.into(), identifier: row.text(1)?.into() });
    row.map(read).transpose()
}
