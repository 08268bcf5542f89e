//! The second step of signing in: a code of an authenticator (RFC 6238) or, once each, a recovery code.
//!
//! Whoever knows the password gets no session but a half one, which opens nothing and ends after five minutes. The
//! secret lies beside the entries, as it is, since codes are computed from it; recovery codes lie there as digests.

use base::{AccountId, ActorId, Time};
use base64ct::{Base64UrlUnpadded, Encoding};
use ledger::Sought;
use serde::{Deserialize, Serialize};
use store::{Param, StoreError, Tx, Value};

use super::sessions::{
    Known, ONE_TIME_MS_MAX, digest, end_sessions_of, find_session, is_still_given, known, need_seldom,
    open_session, stopped,
};
use super::totp::TotpSecret;
use super::{
    NewSession, Session, TotpRecovered, TotpRemoved, TotpRenewed, TotpSet, account_actor, passwords,
    permit_entering, text,
};
use crate::admin::{Admin, AdminError, AdminResult, By, about};
use crate::registry::{id, root_book};
use crate::{AppendError, Desk, Kernel, Receipt};

/// A half session ends after this.
const HALF_MS_MAX: i64 = 5 * 60_000;
/// A secret that was shown and not confirmed is forgotten after this.
const PENDING_MS_MAX: i64 = 15 * 60_000;
/// Recovery codes that are given out at a time.
const RECOVERY_CODES: usize = 10;
/// Wrong codes of an authenticator in a row, after which none is taken for a while: a million codes are soon tried by
/// whoever has the password. Recovery codes are too many to be tried.
const WRONG_MAX: i64 = 5;
const WAIT_MS: i64 = 15 * 60_000;
/// Longer texts are no codes.
const CODE_BYTES_MAX: usize = 64;
/// What an owner does to the second step.
const CHANGES: [Sought; 3] =
    [Sought::of::<TotpSet>(), Sought::of::<TotpRenewed>(), Sought::of::<TotpRemoved>()];

/// What may not be done often, and the refusal of more.
pub(super) type Seldom = (&'static [Sought], fn(usize) -> AdminError);

/// An account whose owner acts, and the session that it is done from, if any: one that ended meanwhile does nothing more.
pub struct OwnAccount {
    account: AccountId,
    session: Option<String>,
}

impl OwnAccount {
    pub(super) fn account(&self) -> &AccountId {
        &self.account
    }
}

impl From<&AccountId> for OwnAccount {
    fn from(account: &AccountId) -> Self {
        Self { account: account.clone(), session: None }
    }
}

impl From<&Session> for OwnAccount {
    fn from(session: &Session) -> Self {
        Self { account: session.account.clone(), session: Some(session.hash.clone()) }
    }
}

/// What the right password leads to.
#[derive(Debug, Clone)]
pub enum SignedIn {
    Session(NewSession),
    /// A code is asked for.
    Half(HalfSession),
}

impl SignedIn {
    /// The session, where no code is asked for.
    pub fn session(self) -> Option<NewSession> {
        match self {
            Self::Session(session) => Some(session),
            Self::Half(_) => None,
        }
    }
}

/// Somebody who gave the right password and must still give a code.
#[derive(Debug, Clone)]
pub struct HalfSession {
    /// The secret for the cookie; only its digest is stored.
    pub cookie_value: String,
    pub expires: Time,
}

/// Why a second step was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecondStepError {
    #[error("the half session has ended")]
    Ended,
    #[error("the code is wrong")]
    Wrong,
    #[error("too many codes were wrong; none is taken for {0} s")]
    Wait(u64),
    #[error("the writer is busy")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How an account stands with its second step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondStep {
    Off,
    /// Shown in this session, to be confirmed there by a code.
    Pending(TotpSecret),
    On {
        since: Time,
        recovery_codes_left: usize,
    },
}

/// Recovery codes that were just made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecoveryCodes {
    pub receipt: Receipt,
    /// Shown once.
    #[serde(skip)]
    pub codes: Vec<String>,
}

/// The row of an account in `totp`.
struct Kept {
    secret: TotpSecret,
    confirmed: bool,
    last_step: i64,
    wrong: i64,
    wait_until: Time,
    updated: Time,
    /// The session that the secret was drawn in, and is shown in until it is confirmed: who took over another learns
    /// nothing there.
    begun_in: Option<String>,
}

impl Kept {
    fn is_on(&self) -> bool {
        self.confirmed
    }

    fn is_pending(&self, hash: &str, now: Time) -> bool {
        !self.confirmed
            && self.begun_in.as_deref() == Some(hash)
            && now.since_ms(self.updated) < PENDING_MS_MAX
    }
}

/// What a code turned out to be.
enum Tried {
    Good(Good),
    Wrong,
    Wait(u64),
}

enum Good {
    Code,
    Recovery { left: usize },
}

impl Kernel {
    /// How the account of a session stands with its second step.
    pub fn second_step_of(&self, session: &Session) -> Result<SecondStep, StoreError> {
        let (actor, now) = (account_actor(&session.account), self.now());
        self.read(|tx| {
            Ok(match kept(tx, &actor)? {
                Some(kept) if kept.is_on() => SecondStep::On {
                    since: kept.updated,
                    recovery_codes_left: recovery_codes_left(tx, &actor)?,
                },
                Some(kept) if kept.is_pending(&session.hash, now) => SecondStep::Pending(kept.secret),
                _ => SecondStep::Off,
            })
        })
    }

    /// Draws a secret for an account whose owner gives the password; nothing is asked for until a code confirms it.
    pub fn begin_totp(&self, session: &Session, password: &str) -> AdminResult<TotpSecret> {
        const KEEP: &str =
            "insert into totp (actor, secret, confirmed, last_step, wrong, wait_until, updated, begun_in)
            values ($1, $2, 0, 0, 0, 0, $3, $4)
            on conflict (actor) do update set secret = excluded.secret, updated = excluded.updated, wrong = 0,
                begun_in = excluded.begun_in";
        let hash = session.hash.clone();
        self.as_owner(session, password, move |admin, actor| {
            if kept(admin.desk.read()?, actor)?.is_some_and(|kept| kept.is_on()) {
                return Err(AdminError::TotpOn.into());
            }
            let secret = TotpSecret::from_drawn(admin.desk.secret());
            let at = Value::Int(admin.desk.now().0);
            admin.desk.aside(KEEP, vec![text(actor.as_str()), text(&secret.to_hex()), at, text(&hash)]);
            Ok(secret)
        })
    }

    /// Turns the second step on by a code of the secret that was drawn, ends the account's other sessions, and gives out
    /// recovery codes.
    pub fn confirm_totp(&self, session: &Session, code: &str) -> AdminResult<RecoveryCodes> {
        const CONFIRM: &str =
            "update totp set confirmed = 1, last_step = $2, updated = $3, begun_in = null where actor = $1";
        const OTHERS: &str = "delete from session where actor = $1 and hash <> $2";
        let (code, mine) = (plain(code), session.hash.clone());
        self.at_desk(&session.into(), None, move |admin, account, actor| {
            let now = admin.desk.now();
            let pending = kept(admin.desk.read()?, actor)?
                .filter(|kept| kept.is_pending(&mine, now))
                .ok_or(AdminError::TotpOff)?;
            let step = pending.secret.step_of(&code, now, 0).ok_or(AdminError::CodeWrong)?;
            need_seldom(admin, actor, &CHANGES, AdminError::CodesOften)?;
            let receipt = admin
                .record(&TotpSet { account: account.clone() }, vec![about("account", account.as_str())?])?;
            let of = text(actor.as_str());
            admin.desk.aside(CONFIRM, vec![of.clone(), Value::Int(step), Value::Int(now.0)]);
            admin.desk.aside(OTHERS, vec![of.clone(), text(&mine)]);
            admin.desk.aside("delete from half_session where actor = $1", vec![of]);
            let codes = renew_codes(admin.desk, actor);
            Ok(RecoveryCodes { receipt, codes })
        })
    }

    /// New recovery codes in place of the old ones, for an owner who gives password and code.
    pub fn renew_recovery_codes(
        &self,
        own: impl Into<OwnAccount>,
        password: &str,
        code: &str,
    ) -> AdminResult<RecoveryCodes> {
        self.with_code(own, password, code, |admin, account, actor| {
            let receipt = admin.record(
                &TotpRenewed { account: account.clone() },
                vec![about("account", account.as_str())?],
            )?;
            Ok(RecoveryCodes { receipt, codes: renew_codes(admin.desk, actor) })
        })
    }

    /// Turns the second step off, for an owner who gives password and code.
    pub fn end_totp(&self, own: impl Into<OwnAccount>, password: &str, code: &str) -> AdminResult<Receipt> {
        self.with_code(own, password, code, |admin, account, actor| {
            forget(admin.desk, actor);
            admin.record(&TotpRemoved { account: account.clone() }, vec![about("account", account.as_str())?])
        })
    }

    /// Takes the second step off an account whose owner lost the authenticator and the recovery codes. What holds for a
    /// password reset holds here: whoever does it must administer every unit that anything was granted on.
    pub fn remove_totp(&self, by: impl Into<By>, who: &AccountId) -> AdminResult<Receipt> {
        let who = who.clone();
        self.administer(by, move |admin| {
            permit_entering(admin, "kernel.totp.remove", &who)?;
            let actor = account_actor(&who);
            if !kept(admin.desk.read()?, &actor)?.is_some_and(|kept| kept.is_on()) {
                return Err(AdminError::TotpOff.into());
            }
            forget(admin.desk, &actor);
            end_sessions_of(admin.desk, &actor);
            admin.record(&TotpRemoved { account: who.clone() }, vec![about("account", who.as_str())?])
        })
    }

    /// Whose half session a cookie names; `None` if it has ended.
    pub fn half_session(&self, cookie_value: &str) -> Result<Option<AccountId>, StoreError> {
        let (now, hash) = (self.now(), digest(cookie_value));
        let actor = self.read(|tx| half(tx, &hash, now))?;
        actor.map(|actor| account_of(&actor)).transpose()
    }

    /// Takes the second step: a half session and a code make a session, and the half one ends.
    pub fn take_second_step(&self, cookie_value: &str, code: &str) -> Result<NewSession, SecondStepError> {
        let (hash, code, policy) = (digest(cookie_value), plain(code), self.policy.clone());
        let taken = self.append_blocking::<_, _, AdminError>(move |desk| {
            // No other node may take the same code meanwhile.
            desk.take(&root_book())?;
            let now = desk.now();
            let Some(actor) = half(desk.read()?, &hash, now)? else { return Ok(Err(SecondStepError::Ended)) };
            let account = account_of(&actor)?;
            let Some(kept) = kept(desk.read()?, &actor)?.filter(Kept::is_on) else {
                return Ok(Err(SecondStepError::Ended));
            };
            let good = match try_code(desk, &actor, &kept, &code)? {
                Tried::Good(good) => good,
                Tried::Wrong => return Ok(Err(SecondStepError::Wrong)),
                Tried::Wait(seconds) => return Ok(Err(SecondStepError::Wait(seconds))),
            };
            let tree = desk.tree()?;
            note_recovery(&mut Admin::of_system(desk, tree, &policy, &actor), &account, good)?;
            desk.aside("delete from half_session where hash = $1", vec![text(&hash)]);
            open_session(desk, &account, None).map(Ok)
        });
        taken.unwrap_or_else(|error| {
            Err(match error {
                AppendError::Store(error) => error.into(),
                AppendError::Busy => SecondStepError::Busy,
                AppendError::Stopped | AppendError::Panicked => stopped().into(),
                _ => SecondStepError::Ended,
            })
        })
    }

    /// Runs an act of an account's owner, who gives the password, in the writer.
    fn as_owner<T: Send + 'static>(
        &self,
        own: impl Into<OwnAccount>,
        password: &str,
        mut act: impl FnMut(&mut Admin<'_, '_>, &ActorId) -> AdminResult<T> + Send + 'static,
    ) -> AdminResult<T> {
        let own = own.into();
        let known = self.recognise_owner(&own.account, password)?;
        self.at_desk(&own, Some(known), move |admin, _, actor| act(admin, actor))
    }

    /// The same for one that needs a code as well.
    fn with_code<T: Send + 'static>(
        &self,
        own: impl Into<OwnAccount>,
        password: &str,
        code: &str,
        act: impl FnMut(&mut Admin<'_, '_>, &AccountId, &ActorId) -> AdminResult<T> + Send + 'static,
    ) -> AdminResult<T> {
        let often = Some((&CHANGES[..], AdminError::CodesOften as fn(usize) -> AdminError));
        let own = own.into();
        self.behind_code(&own, (self.recognise_owner(&own.account, password)?, code), (true, often), act)
    }

    /// The same for one that needs a code where the second step is on.
    pub(super) fn with_code_if_on<T: Send + 'static>(
        &self,
        own: impl Into<OwnAccount>,
        password: &str,
        code: &str,
        act: impl FnMut(&mut Admin<'_, '_>, &AccountId, &ActorId) -> AdminResult<T> + Send + 'static,
    ) -> AdminResult<T> {
        let own = own.into();
        self.behind_code(&own, (self.recognise_owner(&own.account, password)?, code), (false, None), act)
    }

    /// A wrong code is counted, so the job is accepted and refuses afterwards. What is done too often is refused before, or the
    /// code that was used for it would be good once more.
    pub(super) fn behind_code<T: Send + 'static>(
        &self,
        own: &OwnAccount,
        (known, code): (Known, &str),
        (needs_step, seldom): (bool, Option<Seldom>),
        mut act: impl FnMut(&mut Admin<'_, '_>, &AccountId, &ActorId) -> AdminResult<T> + Send + 'static,
    ) -> AdminResult<T> {
        let code = plain(code);
        let done = self.at_desk(own, Some(known), move |admin, account, actor| {
            if let Some((kinds, refusal)) = seldom {
                need_seldom(admin, actor, kinds, refusal)?;
            }
            let asked = match ask_code(admin, account, actor, &code) {
                Err(AppendError::Refused(AdminError::TotpOff)) if !needs_step => Ok(()),
                asked => asked?,
            };
            match asked {
                Ok(()) => act(admin, account, actor).map(Ok),
                Err(wrong) => Ok(Err(wrong)),
            }
        })?;
        done.map_err(Into::into)
    }

    /// What is known of an account, if this is its password.
    pub(super) fn recognise_owner(&self, account: &AccountId, password: &str) -> AdminResult<Known> {
        let before = self.read(|tx| known(tx, account))?;
        let hash = before.as_ref().and_then(|known| known.hash.as_deref());
        if !self.passwords.verify_own(account, password, hash).ok_or(AdminError::Busy)? {
            return Err(AdminError::PasswordWrong.into());
        }
        before.ok_or_else(|| AdminError::UnknownAccount(account.clone()).into())
    }

    /// Runs an act of an account's owner in the writer; what was known of the account must still be so, and the session stand.
    fn at_desk<T: Send + 'static>(
        &self,
        own: &OwnAccount,
        before: Option<Known>,
        mut act: impl FnMut(&mut Admin<'_, '_>, &AccountId, &ActorId) -> AdminResult<T> + Send + 'static,
    ) -> AdminResult<T> {
        let (account, session, policy) = (own.account.clone(), own.session.clone(), self.policy.clone());
        self.append_blocking(move |desk| {
            let unknown = || AdminError::UnknownAccount(account.clone());
            desk.take(&root_book())?;
            let at = desk.now();
            if let Some(hash) = &session
                && find_session(desk.read()?, hash, at)?.is_none()
            {
                return Err(AdminError::SessionEnded.into());
            }
            let now = known(desk.read()?, &account)?.ok_or_else(unknown)?;
            if now.disabled {
                return Err(AdminError::AccountDisabled(account.clone()).into());
            }
            // A session that was opened with a one-time password makes it last no longer.
            let has_run_out = match now.one_time {
                Some(given) => {
                    desk.now().since_ms(given) >= ONE_TIME_MS_MAX || !is_still_given(desk, &policy, &account)?
                }
                None => false,
            };
            if has_run_out || before.as_ref().is_some_and(|before| before.hash != now.hash) {
                return Err(AdminError::PasswordWrong.into());
            }
            let actor = account_actor(&account);
            let tree = desk.tree()?;
            act(&mut Admin::of_system(desk, tree, &policy, &actor), &account, &actor)
        })
    }
}

/// Opens a half session for an account with a second step; `None` if it has none.
pub(super) fn open_half<E>(
    desk: &mut Desk<'_>,
    account: &AccountId,
) -> Result<Option<HalfSession>, AppendError<E>> {
    const KEEP: &str = "insert into half_session (hash, actor, expires) values ($1, $2, $3)";
    let actor = account_actor(account);
    if !kept(desk.read()?, &actor)?.is_some_and(|kept| kept.is_on()) {
        return Ok(None);
    }
    let cookie_value = Base64UrlUnpadded::encode_string(&desk.secret());
    let (now, expires) = (desk.now(), desk.now().plus_ms(HALF_MS_MAX));
    desk.aside("delete from half_session where expires <= $1", vec![Value::Int(now.0)]);
    desk.aside(KEEP, vec![text(&digest(&cookie_value)), text(actor.as_str()), Value::Int(expires.0)]);
    Ok(Some(HalfSession { cookie_value, expires }))
}

/// Forgets the second step of an account, half sessions included.
pub(super) fn forget(desk: &mut Desk<'_>, actor: &ActorId) {
    for sql in [
        "delete from totp where actor = $1",
        "delete from recovery_code where actor = $1",
        "delete from half_session where actor = $1",
    ] {
        desk.aside(sql, vec![text(actor.as_str())]);
    }
}

/// Whether a code is good, and what follows from it: a good one is used up, a wrong one is counted.
fn try_code<E>(
    desk: &mut Desk<'_>,
    actor: &ActorId,
    kept: &Kept,
    code: &str,
) -> Result<Tried, AppendError<E>> {
    const USED: &str = "update totp set last_step = $2, wrong = 0 where actor = $1";
    const COUNT: &str = "update totp set wrong = $2, wait_until = $3 where actor = $1";
    const SPEND: &str = "delete from recovery_code where actor = $1 and hash = $2";
    const FIND: &str = "select hash from recovery_code where actor = $1 and hash = $2";
    let (now, of, hash) = (desk.now(), text(actor.as_str()), digest(code));
    if desk.read()?.query_one(FIND, &[Param::Text(actor.as_str()), Param::Text(&hash)])?.is_some() {
        let left = recovery_codes_left(desk.read()?, actor)?.saturating_sub(1);
        desk.aside(SPEND, vec![of, text(&hash)]);
        return Ok(Tried::Good(Good::Recovery { left }));
    }
    let wait_ms = kept.wait_until.since_ms(now);
    if wait_ms > 0 {
        return Ok(Tried::Wait(wait_ms.unsigned_abs().div_ceil(1_000)));
    }
    match kept.secret.step_of(code, now, kept.last_step) {
        Some(step) => {
            desk.aside(USED, vec![of, Value::Int(step)]);
            Ok(Tried::Good(Good::Code))
        }
        None => {
            let wrong = kept.wrong + 1;
            let (wrong, wait_until) =
                if wrong >= WRONG_MAX { (0, now.plus_ms(WAIT_MS)) } else { (wrong, kept.wait_until) };
            desk.aside(COUNT, vec![of, Value::Int(wrong), Value::Int(wait_until.0)]);
            Ok(Tried::Wrong)
        }
    }
}

/// A recovery code that was spent is an entry: whoever has none left must be helped in time, and whoever did not spend it
/// should know.
fn note_recovery(admin: &mut Admin<'_, '_>, account: &AccountId, good: Good) -> AdminResult<()> {
    let Good::Recovery { left } = good else { return Ok(()) };
    let left = u32::try_from(left).unwrap_or(u32::MAX);
    let body = TotpRecovered { account: account.clone(), left };
    admin.record(&body, vec![about("account", account.as_str())?]).map(drop)
}

/// Tries the code of an account's owner. The inner error is told once the try was counted.
fn ask_code(
    admin: &mut Admin<'_, '_>,
    account: &AccountId,
    actor: &ActorId,
    code: &str,
) -> AdminResult<Result<(), AdminError>> {
    let kept = kept(admin.desk.read()?, actor)?.filter(Kept::is_on).ok_or(AdminError::TotpOff)?;
    match try_code(admin.desk, actor, &kept, code)? {
        Tried::Good(good) => note_recovery(admin, account, good).map(Ok),
        Tried::Wrong => Ok(Err(AdminError::CodeWrong)),
        Tried::Wait(seconds) => Ok(Err(AdminError::CodesWrong(seconds))),
    }
}

/// Puts new recovery codes in the place of those that are left.
fn renew_codes(desk: &mut Desk<'_>, actor: &ActorId) -> Vec<String> {
    const KEEP: &str = "insert into recovery_code (actor, hash) values ($1, $2)";
    desk.aside("delete from recovery_code where actor = $1", vec![text(actor.as_str())]);
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| passwords::one_time(desk.secret())).collect();
    for code in &codes {
        desk.aside(KEEP, vec![text(actor.as_str()), text(&digest(&plain(code)))]);
    }
    codes
}

/// A code as it is compared, however it was typed.
fn plain(code: &str) -> String {
    let code = if code.len() > CODE_BYTES_MAX { "" } else { code };
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect()
}

fn kept(tx: &mut dyn Tx, actor: &ActorId) -> Result<Option<Kept>, StoreError> {
    const FIND: &str = "select secret, confirmed, last_step, wrong, wait_until, updated, begun_in from totp where actor = $1";
    let Some(row) = tx.query_one(FIND, &[Param::Text(actor.as_str())])? else { return Ok(None) };
    let broken = || StoreError::Schema(format!("the second step of {actor} is not readable"));
    Ok(Some(Kept {
        secret: TotpSecret::from_hex(row.text(0)?).ok_or_else(broken)?,
        confirmed: row.int(1)? != 0,
        last_step: row.int(2)?,
        wrong: row.int(3)?,
        wait_until: Time(row.int(4)?),
        updated: Time(row.int(5)?),
        begun_in: row.text_or_null(6)?.map(str::to_owned),
    }))
}

fn recovery_codes_left(tx: &mut dyn Tx, actor: &ActorId) -> Result<usize, StoreError> {
    const COUNT: &str = "select cast(count(*) as bigint) from recovery_code where actor = $1";
    let row = tx.query_one(COUNT, &[Param::Text(actor.as_str())])?;
    let count = row.map_or(Ok(0), |row| row.int(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The account of a half session that has not ended.
fn half(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<Option<ActorId>, StoreError> {
    const FIND: &str = "select actor from half_session where hash = $1 and expires > $2";
    let row = tx.query_one(FIND, &[Param::Text(hash), Param::Int(now.0)])?;
    row.map(|row| id(ActorId::new(row.text(0)?))).transpose()
}

pub(super) fn account_of(actor: &ActorId) -> Result<AccountId, StoreError> {
    id(AccountId::new(actor.as_str().trim_start_matches("account:")))
}
