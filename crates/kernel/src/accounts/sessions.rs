//! Signing in, and the sessions that follow.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use access::{Actor, Grant, Policy};
use base::{AccountId, ActorId, Time};
use base64ct::{Base64UrlUnpadded, Encoding};
use ledger::{Entry, Sought};
use sha2::{Digest, Sha256};
use store::{Param, StoreError, Tx, Value};

use super::second::{OwnAccount, Seldom, open_half};
use super::{
    PasswordChanged, SignedIn, account_actor, find_actor, giver_of, grantee_subject, identity, of_holder,
    passwords, permit_account, text,
};
use crate::admin::{Admin, AdminError, AdminResult, By, about};
use crate::entries::{Kinds, about_of};
use crate::registry::{id, root_book};
use crate::{AppendError, Desk, Kernel};

/// A session ends after this, whatever happens.
const SESSION_MS_MAX: i64 = 12 * 3_600_000;
/// How long a one-time password opens an account.
pub(super) const ONE_TIME_MS_MAX: i64 = 14 * 24 * 3_600_000;
/// A session ends after this without a request.
const IDLE_MS_MAX: i64 = 2 * 3_600_000;
/// For so long after its owner gave the password, a session may open accounts and credentials that outlast it.
const CONFIRMED_MS_MAX: i64 = 15 * 60_000;
/// Changes of its password within an hour.
const CHANGES_AN_HOUR_MAX: usize = 10;
const HOUR_MS: i64 = 3_600_000;
/// Sessions of an account; whoever opens one more ends the oldest.
const SESSIONS_MAX: i64 = 20;
/// Of an actor's, all but the latest.
pub(super) const OLDEST: &str = "delete from session where actor = $1 and hash not in
    (select hash from session where actor = $1 order by created desc, hash limit $2)";
/// A request is noted at most this often.
const SEEN_MS: i64 = 60_000;

/// A session that was just opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The secret for the cookie; only its digest is stored.
    pub cookie_value: String,
    pub expires: Time,
    pub session: Session,
}

/// Who a request comes from.
#[derive(Debug, Clone)]
pub struct Session {
    /// Nothing is granted while the password must be changed.
    pub actor: Actor,
    pub account: AccountId,
    pub title: String,
    /// The digest of its cookie, by which it is kept.
    pub hash: String,
    /// What every form must send back.
    pub csrf: String,
    pub must_change: bool,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignInError {
    #[error("the account or the password is wrong")]
    Refused,
    /// Told only to those who know the password.
    #[error("the account is disabled")]
    Disabled,
    /// Told only to those who know it.
    #[error("the one-time password was not used in time")]
    RunOut,
    #[error("too many passwords are being checked")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    Ended,
    Open,
    /// The owner gave the password a short while ago.
    Confirmed,
}

/// What sign-in needs of an account.
pub(super) struct Known {
    pub hash: Option<String>,
    pub disabled: bool,
    /// When a one-time password was given that was not used yet.
    pub one_time: Option<Time>,
}

impl Kernel {
    /// Signs in with a password, or half in, where the account has a second step. Blocks for the time of one argon2id,
    /// known account or not.
    pub fn sign_in(&self, account: &str, password: &str) -> Result<SignedIn, SignInError> {
        let account = AccountId::new(account).ok();
        let known = match &account {
            Some(account) => self.read(|tx| known(tx, account))?,
            None => None,
        };
        let hash = known.as_ref().and_then(|known| known.hash.as_deref());
        if !self.passwords.verify(password, hash).ok_or(SignInError::Busy)? {
            return Err(SignInError::Refused);
        }
        let (Some(account), Some(known)) = (account, known) else { return Err(SignInError::Refused) };
        if known.disabled {
            return Err(SignInError::Disabled);
        }
        if known.one_time.is_some_and(|given| self.now().since_ms(given) >= ONE_TIME_MS_MAX) {
            return Err(SignInError::RunOut);
        }
        let policy = self.policy.clone();
        let opened = self.append_blocking(move |desk| {
            // No other node changes the password, or what else is asked for, meanwhile.
            desk.take(&root_book())?;
            let now = self::known(desk.read()?, &account)?;
            // The password was changed, or the account disabled, while this one was being checked.
            let Some(now) = now.filter(|now| !now.disabled && now.hash == known.hash) else {
                return Err(AppendError::Refused(SignInError::Refused));
            };
            if now.one_time.is_some() && !is_still_given(desk, &policy, &account)? {
                return Err(AppendError::Refused(SignInError::RunOut));
            }
            match open_half(desk, &account)? {
                Some(half) => Ok(SignedIn::Half(half)),
                None => open_session(desk, &account, None).map(SignedIn::Session),
            }
        });
        opened.map_err(|error| match error {
            AppendError::Refused(refused) => refused,
            AppendError::Store(error) => SignInError::Store(error),
            AppendError::Busy => SignInError::Busy,
            AppendError::Stopped | AppendError::Panicked => SignInError::Store(stopped()),
            _ => SignInError::Refused,
        })
    }

    /// Whose session a cookie names; `None` if it has ended. Reads the database: an ended session is over at once.
    pub fn session(&self, cookie_value: &str) -> Result<Option<Session>, StoreError> {
        let Some((session, seen)) = self.look_up(cookie_value)? else { return Ok(None) };
        let now = self.now();
        if now.since_ms(seen) >= SEEN_MS {
            self.note_seen(session.hash.clone(), now);
        }
        Ok(Some(session))
    }

    /// [`Kernel::session`] for what a page that is left open asks by itself: it keeps no session alive.
    pub fn unattended_session(&self, cookie_value: &str) -> Result<Option<Session>, StoreError> {
        Ok(self.look_up(cookie_value)?.map(|(session, _)| session))
    }

    /// A session, and when it was last seen.
    fn look_up(&self, cookie_value: &str) -> Result<Option<(Session, Time)>, StoreError> {
        if cookie_value.len() > 64 {
            return Ok(None);
        }
        let (now, hash) = (self.now(), digest(cookie_value));
        let found = self.read(|tx| find_session(tx, &hash, now))?;
        let Some((mut session, seen)) = found else { return Ok(None) };
        if !session.must_change {
            session.actor.grants.extend(self.grants_of_posts(&session.account, now)?);
        }
        Ok(Some((session, seen)))
    }

    /// Whether a session goes on, for a connection that stays open. Nothing is noted.
    pub fn session_goes_on(&self, cookie_value: &str) -> Result<bool, StoreError> {
        let (now, hash) = (self.now(), digest(cookie_value));
        self.read(|tx| session_goes_on(tx, &hash, now))
    }

    /// What follows from the posts that an account holds today.
    fn grants_of_posts(&self, account: &AccountId, now: Time) -> Result<Vec<Grant>, StoreError> {
        let (tree, today) = (self.tree()?, self.zone().day_of(now));
        let held = tree.posts_of(account, today);
        Ok(held.into_iter().map(|post| of_holder(&post.id, &post.unit)).collect())
    }

    /// Asks a session's owner again, for the password, and for a code where the second step is on. What outlasts the session
    /// is opened from it for a quarter of an hour.
    pub fn confirm_session(&self, session: &Session, password: &str, code: &str) -> AdminResult<()> {
        let hash = session.hash.clone();
        self.with_code_if_on(session, password, code, move |admin, _, _| {
            let now = Value::Int(admin.desk.now().0);
            admin.desk.aside("update session set confirmed = $2 where hash = $1", vec![text(&hash), now]);
            Ok(())
        })
    }

    /// Ends one session.
    pub fn sign_out(&self, cookie_value: &str) -> Result<(), AppendError<()>> {
        let hash = digest(cookie_value);
        self.append_blocking(move |desk| {
            desk.aside("delete from session where hash = $1", vec![text(&hash)]);
            Ok(())
        })
    }

    /// Ends every session of everybody, those of screens among them.
    pub fn end_all_sessions(&self) -> AdminResult<()> {
        self.append_blocking(|desk| {
            for table in ["session", "half_session", "provider_session"] {
                desk.aside(format!("delete from {table}"), Vec::new());
            }
            Ok(())
        })
    }

    /// Ends every session of an account.
    pub fn sign_out_everywhere(&self, account: &AccountId) -> Result<(), AppendError<()>> {
        let actor = account_actor(account);
        self.append_blocking(move |desk| {
            end_sessions_of(desk, &actor);
            Ok(())
        })
    }

    /// Changes the password of an account by its owner, who gives a code as well where the second step is on; every session
    /// ends, and a new one is opened.
    pub fn change_password(
        &self,
        own: impl Into<OwnAccount>,
        (old, code): (&str, &str),
        new: &str,
    ) -> AdminResult<NewSession> {
        let own = own.into();
        let account = own.account();
        passwords::check(account, new)?;
        if old == new {
            return Err(AdminError::PasswordSame.into());
        }
        let known = self.recognise_owner(account, old)?;
        let hash = self.hash_password(new)?;
        let often: Seldom = (&const { [Sought::of::<PasswordChanged>()] }, AdminError::PasswordOften);
        self.behind_code(&own, (known, code), (false, Some(often)), move |admin, account, actor| {
            let body = PasswordChanged { account: account.clone() };
            admin.record(&body, vec![about("account", account.as_str())?])?;
            admin.keep_secret(actor, &hash, false);
            identity::ask_again(admin, actor)?;
            end_sessions_of(admin.desk, actor);
            open_session(admin.desk, account, Some(false))
        })
    }

    /// Notes a request without waiting for it; if the writer is too busy, the next request does it.
    fn note_seen(&self, hash: String, now: Time) {
        // However many requests come meanwhile, one waits to be noted.
        let Some(noting) = Noting::begin(&self.noting, hash) else { return };
        let noted = self.send::<_, (), ()>(move |desk| {
            let sql = "update session set seen = $2 where hash = $1 and seen < $2";
            desk.aside(sql, vec![text(&noting.hash), Value::Int(now.0)]);
            Ok(())
        });
        if let Err(error) = noted {
            tracing::debug!(%error, "a session's last request was not noted");
        }
    }
}

/// A session whose last request is being noted, until the job is gone, done or not.
struct Noting {
    all: Arc<Mutex<HashSet<String>>>,
    hash: String,
}

impl Noting {
    fn begin(all: &Arc<Mutex<HashSet<String>>>, hash: String) -> Option<Self> {
        let is_first = all.lock().unwrap_or_else(PoisonError::into_inner).insert(hash.clone());
        is_first.then(|| Self { all: all.clone(), hash })
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.hash);
    }
}

/// Whether who gave an account its one-time password might still do so: it opens nothing for whoever lost that right meanwhile.
pub(super) fn is_still_given(
    desk: &mut Desk<'_>,
    policy: &Policy,
    account: &AccountId,
) -> Result<bool, StoreError> {
    let Some(giver) = giver_of(desk.read()?, &account_actor(account))? else { return Ok(true) };
    let by = By::from(&giver);
    let given = Admin::of(desk, policy, &by)
        .and_then(|mut admin| permit_account(&mut admin, "kernel.password.reset", account));
    match given {
        Ok(()) => Ok(true),
        Err(AppendError::Store(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Refuses to do one more of some things to what opens the own account than may be done in an hour: each is an entry for good,
/// and ends streams. Those that others did do not count: who is given a one-time password has to change it.
pub(super) fn need_seldom(
    admin: &mut Admin<'_, '_>,
    actor: &ActorId,
    kinds: &[Sought],
    refusal: fn(usize) -> AdminError,
) -> AdminResult<()> {
    const PAGE: usize = 2 * CHANGES_AN_HOUR_MAX;
    let (subject, now) = (grantee_subject(actor)?, admin.desk.now());
    let (mut own, mut below) = (0, None);
    loop {
        let (tx, kinds) = (admin.desk.read()?, Kinds::These(kinds));
        let page = about_of(tx, &root_book(), &subject, kinds, below, PAGE)?;
        let recent = |entry: &&Entry| now.since_ms(entry.recorded) < HOUR_MS;
        // What administrators did is not counted, and hides nothing.
        own += page.iter().filter(recent).filter(|entry| entry.actor == *actor).count();
        if own >= CHANGES_AN_HOUR_MAX {
            return Err(refusal(CHANGES_AN_HOUR_MAX).into());
        }
        match page.last() {
            Some(last) if page.len() == PAGE && recent(&last) => below = Some(last.seq),
            _ => return Ok(()),
        }
    }
}

pub(super) fn stopped() -> StoreError {
    StoreError::Connection { engine: "writer", reason: "it has stopped".into() }
}

pub(super) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Ends every session of an account, half ones included.
pub(crate) fn end_sessions_of(desk: &mut Desk<'_>, actor: &ActorId) {
    for sql in ["delete from session where actor = $1", "delete from half_session where actor = $1"] {
        desk.aside(sql, vec![text(actor.as_str())]);
    }
}

pub(super) fn known(tx: &mut dyn Tx, account: &AccountId) -> Result<Option<Known>, StoreError> {
    const FIND: &str = "select secret.hash, account.disabled, secret.must_change, secret.updated from account
        left join secret on secret.actor = account.actor where account.actor = $1";
    let row = tx.query_one(FIND, &[Param::Text(account_actor(account).as_str())])?;
    row.map(|row| {
        let is_one_time = row.int_or_null(2)?.is_some_and(|must_change| must_change != 0);
        Ok(Known {
            hash: row.text_or_null(0)?.map(str::to_owned),
            disabled: row.int(1)? != 0,
            one_time: row.int_or_null(3)?.filter(|_| is_one_time).map(Time),
        })
    })
    .transpose()
}

/// Opens a session for an account that was just recognised. `must_change` overrides what is stored, where the same
/// job changes it or no password was asked for.
pub(super) fn open_session<E>(
    desk: &mut Desk<'_>,
    account: &AccountId,
    must_change: Option<bool>,
) -> Result<NewSession, AppendError<E>> {
    const KEEP: &str = "insert into session (hash, actor, csrf, created, expires, seen, confirmed) values ($1, $2, $3, $4, $5, $4, $4)";
    let cookie_value = Base64UrlUnpadded::encode_string(&desk.secret());
    let csrf = hex::encode(&desk.secret()[..16]);
    let (now, expires) = (desk.now(), desk.now().plus_ms(SESSION_MS_MAX));
    let actor = account_actor(account);
    let hash = digest(&cookie_value);
    let session = read_session(desk.read()?, &actor, (hash, csrf), must_change, now)?;
    let session = session.ok_or_else(|| StoreError::Schema(format!("the account {account} has gone")))?;
    desk.aside("delete from session where expires <= $1", vec![Value::Int(now.0)]);
    desk.aside(OLDEST, vec![text(actor.as_str()), Value::Int(SESSIONS_MAX - 1)]);
    let values = vec![
        text(&session.hash),
        text(actor.as_str()),
        text(&session.csrf),
        Value::Int(now.0),
        Value::Int(expires.0),
    ];
    desk.aside(KEEP, values);
    Ok(NewSession { cookie_value, expires, session })
}

/// Whether the session of a cookie with a digest goes on, for what outlives the request that it came with.
fn session_goes_on(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<bool, StoreError> {
    let found = find_session(tx, hash, now)?;
    Ok(found.is_some_and(|(session, _)| !session.must_change))
}

/// How the session of a cookie with a digest stands, from which something is done that outlasts it.
pub fn session_state(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<SessionState, StoreError> {
    const FIND: &str = "select confirmed from session where hash = $1";
    if !session_goes_on(tx, hash, now)? {
        return Ok(SessionState::Ended);
    }
    let row = tx.query_one(FIND, &[Param::Text(hash)])?;
    let confirmed = row.map(|row| row.int(0).map(Time)).transpose()?;
    let is_fresh = confirmed.is_some_and(|at| now.since_ms(at) < CONFIRMED_MS_MAX);
    Ok(if is_fresh { SessionState::Confirmed } else { SessionState::Open })
}

pub(super) fn find_session(
    tx: &mut dyn Tx,
    hash: &str,
    now: Time,
) -> Result<Option<(Session, Time)>, StoreError> {
    const FIND: &str = "select session.actor, session.csrf, session.expires, session.seen, provider_session.hash
        from session left join provider_session on provider_session.hash = session.hash where session.hash = $1";
    let Some(row) = tx.query_one(FIND, &[Param::Text(hash)])? else { return Ok(None) };
    let (expires, seen) = (Time(row.int(2)?), Time(row.int(3)?));
    if expires <= now || now.since_ms(seen) >= IDLE_MS_MAX {
        return Ok(None);
    }
    let actor = id(ActorId::new(row.text(0)?))?;
    let kept = (hash.to_owned(), row.text(1)?.to_owned());
    // A one-time password holds up whoever gave it, and not whom the provider vouched for.
    let must_change = row.text_or_null(4)?.map(|_| false);
    let session = read_session(tx, &actor, kept, must_change, now)?;
    Ok(session.map(|session| (session, seen)))
}

fn read_session(
    tx: &mut dyn Tx,
    actor: &ActorId,
    (hash, csrf): (String, String),
    must_change: Option<bool>,
    now: Time,
) -> Result<Option<Session>, StoreError> {
    const FIND: &str = "select account.title, secret.must_change from account
        join secret on secret.actor = account.actor where account.actor = $1";
    let Some(found) = find_actor(tx, actor, now)? else { return Ok(None) };
    let Some(row) = tx.query_one(FIND, &[Param::Text(actor.as_str())])? else { return Ok(None) };
    let must_change = match must_change {
        Some(told) => told,
        None => row.int(1)? != 0,
    };
    let mut actor = found.actor;
    if must_change {
        actor.grants.clear();
    }
    let account = actor.id.as_str().trim_start_matches("account:").to_owned();
    Ok(Some(Session {
        actor,
        account: id(AccountId::new(account))?,
        title: row.text(0)?.to_owned(),
        hash,
        csrf,
        must_change,
    }))
}
