//! Signing in with a provider of OpenID Connect: whom an account is linked with, and the way to the provider and back.
//!
//! An administrator links an account; nobody gets one by signing in. A link that an administrator of the root did not set opens
//! nothing until its owner, signed in to the account, comes back from the provider once. Several accounts may wait for the same
//! identity, and whose owner comes first has it. What a browser takes along to the provider lies in its cookie, which
//! nobody else can make; by its digest it is known once somebody came back with it.

use base::{AccountId, ActorId, Seq, Time};
use base64ct::{Base64UrlUnpadded, Encoding};
use merkle::SignerKey;
use ring::hmac;
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
    /// The secret for the cookie.
    pub cookie_value: String,
    pub expires: Time,
}

/// Somebody who came back from the provider.
#[derive(Debug, Clone)]
pub struct Away {
    pub next: String,
    /// The session that the browser left with.
    pub session: Option<String>,
    expires: Time,
    hash: String,
}

/// The key to what browsers take along. It is the same on every node.
pub(crate) fn away_key(signer: &SignerKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &signer.derived("way to the identity provider"))
}

/// Why nobody was signed in whom the provider vouched for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentityError {
    #[error("no account is linked with the identity")]
    Unknown,
    #[error("the account is disabled")]
    Disabled,
    #[error("somebody came back by the same way before")]
    Ended,
    /// The accounts that wait for the identity.
    #[error("no owner has confirmed the link: {0:?}")]
    Unconfirmed(Vec<AccountId>),
    /// The owner of this account is signed in and may confirm, once they have seen which identity it is.
    #[error("the owner of {0} has not seen the link")]
    Unseen(AccountId),
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

    /// A browser that is sent to the provider takes along where it wanted to go, and by which session it was signed in, if it was.
    /// Nothing is kept here: anybody may ask for this.
    pub fn send_away(&self, next: &str, session: Option<&str>) -> SentAway {
        let next = if next.len() > NEXT_BYTES_MAX { "/" } else { next };
        let expires = self.now().plus_ms(AWAY_MS_MAX);
        let secret = Base64UrlUnpadded::encode_string(&rand::random::<[u8; 32]>());
        let next = Base64UrlUnpadded::encode_string(next.as_bytes());
        let said = format!("{secret}.{}.{next}.{}", expires.0, session.unwrap_or_default());
        let vouched = Base64UrlUnpadded::encode_string(hmac::sign(&self.away, said.as_bytes()).as_ref());
        SentAway { cookie_value: format!("{said}.{vouched}"), expires }
    }

    /// What a browser took along that comes back in time, unless somebody came in by it ([`Kernel::sign_in_as`]).
    pub fn take_back(&self, cookie_value: &str) -> Result<Option<Away>, StoreError> {
        let Some(away) = self.vouched_for(cookie_value) else { return Ok(None) };
        let has_come = self.read(|tx| has_come(tx, &away))?;
        Ok(Some(away).filter(|_| !has_come))
    }

    fn vouched_for(&self, cookie_value: &str) -> Option<Away> {
        let (said, vouched) = cookie_value.rsplit_once('.')?;
        let vouched = Base64UrlUnpadded::decode_vec(vouched).ok()?;
        hmac::verify(&self.away, said.as_bytes(), &vouched).ok()?;
        let mut parts = said.split('.').skip(1);
        let expires = Time(parts.next()?.parse().ok()?);
        let next = String::from_utf8(Base64UrlUnpadded::decode_vec(parts.next()?).ok()?).ok()?;
        let session = parts.next().filter(|session| !session.is_empty()).map(str::to_owned);
        (expires > self.now()).then(|| Away { next, session, expires, hash: digest(cookie_value) })
    }

    /// Signs in whom the provider vouched for, once for each way there. Neither a code nor a change of the one-time password is asked
    /// for: the provider answers for how it recognised the person. Whoever is signed in to the account, by a session of this hash
    /// that stands still and that the browser left with, may confirm its link then ([`Kernel::confirm_link`]).
    pub fn sign_in_as(
        &self,
        identity: &Identity,
        away: &Away,
        session: Option<&str>,
    ) -> Result<NewSession, IdentityError> {
        // Whoever planted the way there confirms no link of who is signed in.
        let session = session.filter(|hash| away.session.as_deref() == Some(hash)).map(str::to_owned);
        let (identity, away) = (identity.clone(), away.clone());
        self.come_in(move |desk| {
            if has_come(desk.read()?, &away)? {
                return Ok(Err(IdentityError::Ended));
            }
            let owners = owners_of(desk.read()?, &identity)?;
            let signed_in = match &session {
                Some(hash) => who_may_confirm(desk, hash)?,
                None => None,
            };
            let is_meant = |owner: &&Owner| signed_in.as_ref() == Some(&owner.actor);
            let has_it = owners.iter().find(|owner| owner.confirmed && !owner.disabled);
            // Whoever had it before, an account that waits to be confirmed is the one that is meant.
            let nobody_waits = owners.iter().all(|owner| owner.disabled);
            let had_it = || owners.iter().find(|owner| owner.confirmed && nobody_waits);
            let Some(owner) = has_it.or_else(|| owners.iter().find(is_meant)).or_else(had_it) else {
                let open = owners.iter().filter(|owner| !owner.disabled);
                let waiting = open.map(|owner| account_of(&owner.actor));
                let waiting = waiting.collect::<Result<Vec<_>, StoreError>>()?;
                return Ok(Err(match waiting.is_empty() {
                    true => IdentityError::Unknown,
                    false => IdentityError::Unconfirmed(waiting),
                }));
            };
            if owner.disabled {
                return Ok(Err(IdentityError::Disabled));
            }
            if !owner.confirmed {
                return Ok(Err(IdentityError::Unseen(account_of(&owner.actor)?)));
            }
            enter(desk, owner, &away).map(Ok)
        })
    }

    /// What the owner of an account who came back with an identity, signed in by a session, gives back to confirm the link that
    /// they were shown: for as long as the way back is waited for.
    pub fn offer_link(&self, identity: &Identity, away: &Away, session: &str) -> String {
        let encoded = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let Identity { issuer, identifier } = identity;
        let (issuer, identifier, next) = (encoded(issuer), encoded(identifier), encoded(&away.next));
        let said = format!("{issuer}.{identifier}.{next}.{}.{}.{session}", away.expires.0, away.hash);
        format!(
            "{said}.{}",
            Base64UrlUnpadded::encode_string(hmac::sign(&self.away, &of_offer(&said)).as_ref())
        )
    }

    /// Confirms a link by what was offered to whoever is signed in by a session of this hash, and signs them in by it. Returns where
    /// they wanted to go as well.
    pub fn confirm_link(&self, offer: &str, session: &str) -> Result<(NewSession, String), IdentityError> {
        let (identity, away) = self.offered(offer).ok_or(IdentityError::Ended)?;
        if away.session.as_deref() != Some(session) {
            return Err(IdentityError::Ended);
        }
        let (next, session) = (away.next.clone(), session.to_owned());
        let opened = self.come_in(move |desk| {
            if has_come(desk.read()?, &away)? {
                return Ok(Err(IdentityError::Ended));
            }
            let Some(signed_in) = who_may_confirm(desk, &session)? else {
                return Ok(Err(IdentityError::Ended));
            };
            let owners = owners_of(desk.read()?, &identity)?;
            let is_taken = owners.iter().any(|owner| owner.confirmed && !owner.disabled);
            let Some(owner) = owners.iter().find(|owner| owner.actor == signed_in).filter(|_| !is_taken)
            else {
                return Ok(Err(IdentityError::Ended));
            };
            confirm(desk, &owner.actor, owner.seq);
            enter(desk, owner, &away).map(Ok)
        });
        opened.map(|session| (session, next))
    }

    fn offered(&self, offer: &str) -> Option<(Identity, Away)> {
        let (said, vouched) = offer.rsplit_once('.')?;
        let vouched = Base64UrlUnpadded::decode_vec(vouched).ok()?;
        hmac::verify(&self.away, &of_offer(said), &vouched).ok()?;
        let decoded = |part: &str| String::from_utf8(Base64UrlUnpadded::decode_vec(part).ok()?).ok();
        let mut parts = said.split('.');
        let (issuer, identifier) = (decoded(parts.next()?)?, decoded(parts.next()?)?);
        let (next, expires) = (decoded(parts.next()?)?, Time(parts.next()?.parse().ok()?));
        let (hash, session) = (parts.next()?.to_owned(), Some(parts.next()?.to_owned()));
        let away = Away { next, session, expires, hash };
        (expires > self.now()).then_some((Identity { issuer, identifier }, away))
    }

    fn come_in(
        &self,
        mut job: impl FnMut(&mut Desk<'_>) -> Result<Result<NewSession, IdentityError>, AppendError<()>>
        + Send
        + 'static,
    ) -> Result<NewSession, IdentityError> {
        let opened = self.append_blocking(move |desk| {
            // The link must not end on another node meanwhile.
            desk.take(&root_book())?;
            job(desk)
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

/// What is signed of an offer, which no cookie of a way to the provider is.
fn of_offer(said: &str) -> Vec<u8> {
    [b"link\n", said.as_bytes()].concat()
}

/// The account whose owner may confirm its link in a session. Whoever has a one-time password may be who set it, and who has but the
/// session may have stolen it.
fn who_may_confirm(desk: &mut Desk<'_>, hash: &str) -> Result<Option<ActorId>, StoreError> {
    let now = desk.now();
    if !may_confirm(desk.read()?, hash, now)? {
        return Ok(None);
    }
    Ok(find_session(desk.read()?, hash, now)?.map(|(session, _)| session.actor.id))
}

/// Opens a session of who came back, and keeps that they did.
fn enter(desk: &mut Desk<'_>, owner: &Owner, away: &Away) -> Result<NewSession, AppendError<()>> {
    const NOTE: &str = "insert into came_back (hash, expires) values ($1, $2)";
    const KEEP: &str = "insert into provider_session (hash, expires) values ($1, $2)";
    let session = open_session::<()>(desk, &account_of(&owner.actor)?, Some(false))?;
    let now = desk.now();
    desk.aside("delete from came_back where expires <= $1", vec![Value::Int(now.0)]);
    desk.aside(NOTE, vec![text(&away.hash), Value::Int(away.expires.0)]);
    desk.aside("delete from provider_session where expires <= $1", vec![Value::Int(now.0)]);
    desk.aside(KEEP, vec![text(&digest(&session.cookie_value)), Value::Int(session.expires.0)]);
    Ok(session)
}

/// Whether somebody came in by a way from the provider.
fn has_come(tx: &mut dyn Tx, away: &Away) -> Result<bool, StoreError> {
    const CAME: &str = "select hash from came_back where hash = $1";
    Ok(tx.query_one(CAME, &[Param::Text(&away.hash)])?.is_some())
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
