//! Accounts and rights: who may sign in, and what was granted to whom.

mod apply;
mod credentials;
mod identity;
mod kinds;
mod kiosks;
mod let_in;
mod lists;
mod passwords;
mod read_log;
mod second;
mod sessions;
mod totp;

use access::{ADMIN, Actor, Grant, HOLDER};
use base::{AccountId, ActorId, BookId, Seq, SubjectId, Time, UnitCode};
use ledger::{EntryError, Sought};
use registry::RegistryError;
use serde::{Deserialize, Serialize};
use store::{Param, StoreError, Tx, Value};

pub(crate) use apply::{apply, erase, linked_by};
pub(crate) use credentials::Bearer;
pub use credentials::{DEVICES_OF_BOOK_MAX, Issued, NewDevice, NewToken};
pub(crate) use identity::away_key;
pub use identity::{Away, Identity, IdentityError, SentAway};
pub use kinds::{
    AccountAdded, AccountDisabled, DeviceEnrolled, DeviceRevoked, GrantGiven, GrantWithdrawn,
    IdentityRemoved, IdentitySet, PasswordChanged, TokenIssued, TokenRevoked, TotpRecovered, TotpRemoved,
    TotpRenewed, TotpSet,
};
pub use kiosks::NewKiosk;
pub use let_in::LetIn;
pub use lists::{AccountRow, DeviceRow, GrantRow, TokenRow};
pub(crate) use passwords::Passwords;
pub use passwords::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
pub use read_log::{NoReadPlace, ReadPlace, ReadRow, ReadsBefore};
pub use second::{HalfSession, OwnAccount, RecoveryCodes, SecondStep, SecondStepError, SignedIn};
pub(crate) use sessions::end_sessions_of;
pub use sessions::{NewSession, Session, SessionState, SignInError, session_state};
pub use totp::TotpSecret;

use crate::admin::{Admin, AdminError, AdminResult, By, about};
use crate::entries::{self, Kinds, about_of, count_about};
use crate::registry::{id, root_book};
use crate::{AppendError, Kernel, Receipt};

/// An account to add.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub account: AccountId,
    /// The unit whose administrators look after it.
    pub unit: UnitCode,
    pub title: String,
}

/// An account that was added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddedAccount {
    pub receipt: Receipt,
    /// Shown once, if no password was given; it must be changed at the first sign-in.
    #[serde(skip)]
    pub one_time_password: Option<String>,
}

/// What one account, token or device is granted.
pub const GRANTS_OF_ACTOR_MAX: usize = 100;
/// And was ever, that withdrawn among it.
pub const GRANTS_EVER_MAX: usize = 1_000;
/// What is granted on behalf of a post on the units of a branch, in whatever role.
pub const ACTING_FOR_POST_MAX: usize = 50;
/// What is granted on the units of a branch below the root, and accounts and tokens of it: everybody's administrators look at all.
pub const GRANTS_OF_BRANCH_MAX: usize = 50_000;
pub const ACCOUNTS_OF_BRANCH_MAX: usize = 20_000;
pub const TOKENS_OF_BRANCH_MAX: usize = 10_000;
/// What a branch had of them ever: those that are closed and revoked stay on record. Devices are counted so alone.
pub const ACCOUNTS_EVER_OF_BRANCH_MAX: usize = 100_000;
pub const TOKENS_EVER_OF_BRANCH_MAX: usize = 50_000;
pub const DEVICES_EVER_OF_BRANCH_MAX: usize = 100_000;

/// A password that was reset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResetPassword {
    pub receipt: Receipt,
    /// Shown once. Absent where the request was answered before.
    #[serde(skip)]
    pub one_time_password: Option<String>,
}

impl Kernel {
    /// Adds an account, with a password or with a generated one-time password.
    ///
    /// Blocks: hashing takes tens of milliseconds, and the append waits for the disk.
    pub fn add_account(
        &self,
        by: impl Into<By>,
        new: NewAccount,
        password: Option<&str>,
    ) -> AdminResult<AddedAccount> {
        let (password, must_change) = match password {
            Some(password) => (password.to_owned(), false),
            None => (passwords::one_time(self.draw()?), true),
        };
        passwords::check(&new.account, &password).map_err(AppendError::Refused)?;
        let hash = self.hash_password(&password)?;
        self.administer(by, move |admin| {
            admin.tree.need_unit(&new.unit)?;
            admin.permit("kernel.account.add", &new.unit, None)?;
            admin.need_room_of(("account", Some("disabled = 0")), &new.unit, ACCOUNTS_OF_BRANCH_MAX)?;
            admin.need_room("account", &new.unit, ACCOUNTS_EVER_OF_BRANCH_MAX)?;
            if account(admin.desk.read()?, &new.account)?.is_some() {
                return Err(AdminError::AccountExists(new.account.clone()).into());
            }
            let body = AccountAdded {
                account: new.account.clone(),
                unit: new.unit.clone(),
                title: new.title.clone(),
            };
            let subjects = vec![about("account", new.account.as_str())?, about("unit", new.unit.as_str())?];
            let receipt = admin.record(&body, subjects)?;
            admin.keep_secret(&account_actor(&new.account), &hash, must_change);
            Ok(AddedAccount { receipt, one_time_password: must_change.then(|| password.clone()) })
        })
    }

    /// Disables an account for good and ends its sessions. Whoever does it must administer every unit that anything
    /// was granted on, and the last administrator of the root stays.
    pub fn disable_account(&self, by: impl Into<By>, who: &AccountId) -> AdminResult<Receipt> {
        let who = who.clone();
        self.administer(by, move |admin| {
            permit_account(admin, "kernel.account.disable", &who)?;
            let actor = account_actor(&who);
            let held = grants(admin.desk.read()?, &actor)?;
            if held.iter().any(|(_, grant)| is_root_admin(admin, grant)) {
                need_another_admin(admin, &actor)?;
            }
            end_sessions_of(admin.desk, &actor);
            second::forget(admin.desk, &actor);
            admin.record(&AccountDisabled { account: who.clone() }, vec![about("account", who.as_str())?])
        })
    }

    /// Replaces a forgotten password by a one-time password and ends the account's sessions.
    pub fn reset_password(&self, by: impl Into<By>, who: &AccountId) -> AdminResult<ResetPassword> {
        let password = passwords::one_time(self.draw()?);
        let hash = self.hash_password(&password)?;
        let who = who.clone();
        self.administer(by, move |admin| {
            permit_entering(admin, "kernel.password.reset", &who)?;
            let actor = account_actor(&who);
            end_sessions_of(admin.desk, &actor);
            admin.keep_secret(&actor, &hash, true);
            identity::ask_again(admin, &actor)?;
            let body = PasswordChanged { account: who.clone() };
            let receipt = admin.record(&body, vec![about("account", who.as_str())?])?;
            Ok(ResetPassword { receipt, one_time_password: Some(password.clone()) })
        })
    }

    /// Grants a role. Nobody can grant what they do not administer: the unit, and the line or all lines.
    /// The number of the entry names the grant.
    pub fn give_grant(&self, by: impl Into<By>, grantee: &ActorId, grant: Grant) -> AdminResult<Receipt> {
        let grantee = grantee.clone();
        self.administer(by, move |admin| {
            let now = admin.desk.now();
            if find_actor(admin.desk.read()?, &grantee, now)?.is_none() {
                // Nobody learns whom others have.
                admin.permit_root("kernel.grant.give")?;
                return Err(AdminError::UnknownGrantee(grantee.clone()).into());
            }
            // Only whoever may give it learns that it was given.
            admin.need_grant(&grantee, &grant)?;
            if grants(admin.desk.read()?, &grantee)?.iter().any(|(_, other)| *other == grant) {
                return Err(AdminError::AlreadyGranted.into());
            }
            admin.record_grant(&grantee, &grant)
        })
    }

    /// Withdraws a grant by the number of the entry that gave it.
    pub fn withdraw_grant(&self, by: impl Into<By>, grant: u64) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            let seq = i64::try_from(grant).map_err(|_| AdminError::UnknownGrant(grant))?;
            let found = grant_at(admin.desk.read()?, seq)?.ok_or(AdminError::UnknownGrant(grant))?;
            let (grantee, given) = found;
            admin.permit_grant("kernel.grant.withdraw", &given)?;
            if is_root_admin(admin, &given) {
                need_another_admin(admin, &grantee)?;
            }
            let subject = grantee_subject(&grantee)?;
            admin.record(&GrantWithdrawn { grantee, grant }, vec![subject])
        })
    }

    /// What an account, token or device may do now; `None` if it is unknown, disabled, revoked or expired.
    pub fn actor(&self, actor: &ActorId) -> Result<Option<Actor>, StoreError> {
        let now = self.now();
        Ok(self.read(|tx| find_actor(tx, actor, now))?.map(|found| found.actor))
    }

    /// Since when nobody but who may now has opened an account or device: when its device was enrolled last, or what opens an
    /// account was changed last, by the number of that entry of the root book and its time. What somebody left running before
    /// ends with it.
    pub fn credential_since(&self, who: &ActorId) -> Result<Option<(Seq, Time)>, StoreError> {
        const KINDS: Kinds<'_> = Kinds::These(&[
            Sought::of::<DeviceEnrolled>(),
            Sought::of::<PasswordChanged>(),
            Sought::of::<TotpSet>(),
            Sought::of::<TotpRenewed>(),
            Sought::of::<TotpRemoved>(),
            Sought::of::<IdentitySet>(),
            Sought::of::<IdentityRemoved>(),
        ]);
        let Ok(subject) = grantee_subject(who) else { return Ok(None) };
        let changed = self.read(|tx| about_of(tx, &root_book(), &subject, KINDS, None, 1))?;
        Ok(changed.first().map(|entry| (entry.seq, entry.recorded)))
    }

    /// What somebody was left with whenever a grant of theirs was withdrawn since a number of the root book, newest first. What
    /// was withdrawn and given again in between shows here alone.
    pub fn grants_left_since(&self, who: &ActorId, from: Seq) -> Result<Vec<Vec<Grant>>, StoreError> {
        const KINDS: Kinds<'_> = Kinds::These(&[Sought::of::<GrantWithdrawn>()]);
        let Ok(subject) = grantee_subject(who) else { return Ok(Vec::new()) };
        let shape = |error: EntryError| StoreError::Schema(error.to_string());
        self.read(|tx| {
            let withdrawn = about_of(tx, &root_book(), &subject, KINDS, None, 2 * GRANTS_EVER_MAX)?;
            // Back from what there is now: before a withdrawal there was what it withdrew, and not what came later.
            let mut there = grants(tx, who)?;
            let mut left = Vec::new();
            for entry in withdrawn.iter().take_while(|entry| entry.seq >= from) {
                let before = |(seq, _): &&(i64, Grant)| *seq < entry.seq.to_i64();
                left.push(there.iter().filter(before).map(|(_, grant)| grant.clone()).collect());
                let seq = Seq(entry.body::<GrantWithdrawn>().map_err(shape)?.grant);
                let Some(given) = entries::entry(tx, &root_book(), seq)? else { continue };
                let GrantGiven { role, unit, line, subject, .. } = given.body().map_err(shape)?;
                there.push((seq.to_i64(), Grant { role, unit, line, subject }));
            }
            Ok(left)
        })
    }

    /// The unit of an account that administers something, as whoever enters it does then.
    pub fn administers_from(&self, who: &AccountId) -> Result<Option<UnitCode>, StoreError> {
        self.read(|tx| {
            let administers = grants(tx, &account_actor(who))?.iter().any(|(_, grant)| grant.role == ADMIN);
            Ok(account(tx, who)?.filter(|_| administers).map(|(unit, _)| unit))
        })
    }

    /// 256 unpredictable bits, from the writer.
    fn draw<E: Send + 'static>(&self) -> Result<[u8; 32], AppendError<E>> {
        self.append_blocking(|desk| Ok(desk.secret()))
    }
}

impl Admin<'_, '_> {
    /// Refuses a grant that the acting one may not give.
    fn need_grant(&mut self, grantee: &ActorId, grant: &Grant) -> AdminResult<()> {
        let role =
            self.policy.role(&grant.role).ok_or_else(|| AdminError::UnknownRole(grant.role.clone()))?;
        if let Some(line) = role.line
            && grant.line.as_ref().is_some_and(|other| other != line)
        {
            return Err(AdminError::RoleOfLine { role: grant.role.clone(), line }.into());
        }
        self.tree.need_unit(&grant.unit)?;
        self.permit_grant("kernel.grant.give", grant)?;
        if let Some(post) = grant.subject.as_ref().filter(|_| grant.role == HOLDER)
            && !self.is_installation()
            && !self.tree.post(post).is_some_and(|post| self.tree.contains(&grant.unit, &post.unit))
        {
            return Err(AdminError::ForeignPost.into());
        }
        // Who acts for a post takes part in what it owes, under whatever role.
        if let Some(post) = grant.subject.as_ref().filter(|subject| subject.scheme() == "post")
            && !self.is_installation()
        {
            let Some(unit) = self.tree.post(post).map(|post| post.unit.clone()) else {
                return Err(AdminError::ForeignPost.into());
            };
            self.permit_grant("kernel.grant.give", &Grant { unit, ..grant.clone() })?;
        }
        let is_reserved = |subject| !self.policy.may_act_for(&grant.role, subject);
        if !self.is_installation() && grant.subject.as_ref().is_some_and(is_reserved) {
            return Err(AdminError::ReservedSubject.into());
        }
        if role.of_programs && !self.is_installation() && grantee.as_str().starts_with("account:") {
            return Err(AdminError::RoleOfPrograms(grant.role.clone()).into());
        }
        // Its credential would outlast the session that it was made from.
        if grant.role == ADMIN && !self.is_installation() && !grantee.as_str().starts_with("account:") {
            return Err(AdminError::ProgramAdmin.into());
        }
        // What somebody may do, and on whose behalf, is said by none but those who administer them.
        if let Some(unit) = unit_of(self.desk.read()?, grantee)? {
            self.permit_grant("kernel.grant.give", &Grant { unit, ..grant.clone() })?;
        }
        self.need_few_grants(grantee, grant)?;
        self.need_room("access_grant", &grant.unit, GRANTS_OF_BRANCH_MAX)?;
        for unit in self.units_of(grant) {
            self.need_own_password(grantee, &unit, grant.line.as_deref().or(role.line))?;
        }
        Ok(())
    }

    /// The units in which somebody does something by a grant: its own, and that of the post on whose behalf it is.
    fn units_of(&self, grant: &Grant) -> Vec<UnitCode> {
        let post = grant.subject.as_ref().and_then(|subject| self.tree.post(subject));
        [grant.unit.clone()].into_iter().chain(post.map(|post| post.unit.clone())).collect()
    }

    /// Refuses to grant one more than may be, now or ever, or to have a post acted for by more than may: whoever reviews is asked
    /// about all that they were ever granted, and whoever is asked for help about all who act for the post.
    fn need_few_grants(&mut self, grantee: &ActorId, grant: &Grant) -> AdminResult<()> {
        const ACTING: &str = "select unit from access_grant where subject = $1";
        let refuse = |most: usize| Err(AdminError::GrantsMany(most).into());
        let given = self.given.iter().filter(|(other, _)| other == grantee).count();
        if grants(self.desk.read()?, grantee)?.len() + given >= GRANTS_OF_ACTOR_MAX {
            return refuse(GRANTS_OF_ACTOR_MAX);
        }
        const GIVEN: Sought = Sought::of::<GrantGiven>();
        let subject = grantee_subject(grantee)?;
        // What others gave and withdrew leaves the root's administrators as much.
        let of_root = !self.is_installation() && self.permit_root("kernel.grant.give").is_ok();
        let most = if of_root { 2 * GRANTS_EVER_MAX } else { GRANTS_EVER_MAX };
        if count_about(self.desk.read()?, &root_book(), &subject, GIVEN, most)? >= most {
            return refuse(most);
        }
        let Some(post) = grant.subject.as_ref().filter(|of| of.scheme() == "post") else { return Ok(()) };
        let rows = self.desk.read()?.query(ACTING, &[Param::Text(post.as_str())])?;
        let acting = rows.iter().map(|row| id(UnitCode::new(row.text(0)?)));
        let mut acting = acting.collect::<Result<Vec<_>, _>>()?;
        let given = self.given.iter().map(|(_, grant)| grant);
        acting.extend(given.filter(|it| it.subject == grant.subject).map(|it| it.unit.clone()));
        // What is granted elsewhere on behalf of a post takes no place of those who administer it.
        let count = |part: &UnitCode| acting.iter().filter(|unit| self.tree.contains(part, unit)).count();
        let at_root = self.tree.root() == Some(&grant.unit);
        if at_root && acting.iter().filter(|unit| **unit == grant.unit).count() >= ACTING_FOR_POST_MAX {
            return refuse(ACTING_FOR_POST_MAX);
        }
        match self.tree.need_room(&grant.unit, "unit", ACTING_FOR_POST_MAX, count) {
            Err(RegistryError::Full { most, .. }) => refuse(most),
            checked => Ok(checked?),
        }
    }

    /// Refuses to add to what an account may do while it opens with the one-time password of somebody who could not open it
    /// then.
    pub(crate) fn need_own_password(
        &mut self,
        who: &ActorId,
        unit: &UnitCode,
        line: Option<&str>,
    ) -> AdminResult<()> {
        const ONE_TIME: &str =
            "select actor from secret where actor = $1 and must_change = 1 and updated > $2";
        let since = self.desk.now().plus_ms(-sessions::ONE_TIME_MS_MAX);
        let asked = [Param::Text(who.as_str()), Param::Int(since.0)];
        if self.desk.read()?.query_one(ONE_TIME, &asked)?.is_none() {
            return Ok(());
        }
        let Some(giver) = giver_of(self.desk.read()?, who)? else { return Ok(()) };
        match self.is_by(&giver) || self.may_now(&giver, "kernel.password.reset", unit, line)? {
            true => Ok(()),
            false => Err(AdminError::OneTimePassword.into()),
        }
    }

    /// Appends a grant, if the acting one may give it.
    pub(crate) fn give(&mut self, grantee: &ActorId, grant: &Grant) -> AdminResult<Receipt> {
        self.need_grant(grantee, grant)?;
        self.record_grant(grantee, grant)
    }

    fn record_grant(&mut self, grantee: &ActorId, grant: &Grant) -> AdminResult<Receipt> {
        self.given.push((grantee.clone(), grant.clone()));
        let body = GrantGiven {
            grantee: grantee.clone(),
            role: grant.role.clone(),
            unit: grant.unit.clone(),
            line: grant.line.clone(),
            subject: grant.subject.clone(),
        };
        let mut subjects = vec![grantee_subject(grantee)?];
        subjects.extend(grant.subject.clone());
        self.record(&body, subjects)
    }

    /// A grant of a line's role concerns that line, and one without a line concerns all of them.
    pub(crate) fn permit_grant(&self, action: &'static str, grant: &Grant) -> AdminResult<()> {
        let of_role = self.policy.role(&grant.role).and_then(|role| role.line);
        self.permit(action, &grant.unit, grant.line.as_deref().or(of_role))
    }

    pub(crate) fn keep_secret(&mut self, actor: &ActorId, hash: &str, must_change: bool) {
        const KEEP: &str = "insert into secret (actor, hash, must_change, updated) values ($1, $2, $3, $4)
            on conflict (actor) do update set hash = excluded.hash, must_change = excluded.must_change,
            updated = excluded.updated";
        let at = Value::Int(self.desk.now().0);
        self.desk.aside(KEEP, vec![text(actor.as_str()), text(hash), Value::Int(must_change.into()), at]);
    }
}

/// Who gave an account the password that it has.
fn giver_of(tx: &mut dyn Tx, who: &ActorId) -> Result<Option<ActorId>, StoreError> {
    const GIVEN: Kinds<'_> = Kinds::These(&[Sought::of::<AccountAdded>(), Sought::of::<PasswordChanged>()]);
    let Ok(subject) = grantee_subject(who) else { return Ok(None) };
    let given = about_of(tx, &root_book(), &subject, GIVEN, None, 1)?;
    Ok(given.into_iter().next().map(|entry| entry.actor))
}

/// The account as an actor.
pub(crate) fn account_actor(account: &AccountId) -> ActorId {
    ActorId::new(format!("account:{account}")).expect("an account's name is short printable ASCII")
}

/// What entries about somebody who signs in, or a program or device, name: `None` for others.
pub fn actor_subject(actor: &ActorId) -> Option<SubjectId> {
    grantee_subject(actor).ok()
}

/// Who is granted something, as a subject: `account:registry/wei`, or a device's own `device:beiyuan/a12`.
pub(crate) fn grantee_subject(actor: &ActorId) -> Result<SubjectId, AdminError> {
    let unknown = || AdminError::UnknownGrantee(actor.clone());
    let subject = match actor.as_str().split_once(':') {
        Some(("account", local)) => about("account", local).ok(),
        Some(("token", local)) => about("token", local).ok(),
        Some(("device", local)) => SubjectId::new(format!("device:{local}")).ok(),
        _ => None,
    };
    subject.ok_or_else(unknown)
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Refuses an account that is not there or disabled.
pub(crate) fn need_active(admin: &mut Admin<'_, '_>, who: &AccountId) -> AdminResult<UnitCode> {
    match account(admin.desk.read()?, who)? {
        None => Err(AdminError::UnknownAccount(who.clone()).into()),
        Some((_, true)) => Err(AdminError::AccountDisabled(who.clone()).into()),
        Some((unit, false)) => Ok(unit),
    }
}

/// What opens an account to somebody else is no act on one's own: a session that was stolen would be made to last by it.
fn permit_entering(admin: &mut Admin<'_, '_>, action: &'static str, who: &AccountId) -> AdminResult<()> {
    if admin.is_by(&account_actor(who)) {
        return Err(AdminError::OwnAccount.into());
    }
    permit_account(admin, action, who)
}

/// Whoever takes over an account gets what was granted to it, and the posts that it holds or will hold, so each counts
/// beside the account's own unit.
fn permit_account(admin: &mut Admin<'_, '_>, action: &'static str, who: &AccountId) -> AdminResult<()> {
    let Some((unit, is_disabled)) = account(admin.desk.read()?, who)? else {
        // Nobody learns whom others have.
        admin.permit_root(action)?;
        return Err(AdminError::UnknownAccount(who.clone()).into());
    };
    admin.permit(action, &unit, None)?;
    if is_disabled {
        return Err(AdminError::AccountDisabled(who.clone()).into());
    }
    let today = admin.desk.zone().day_of(admin.desk.now());
    let units: Vec<UnitCode> = admin.tree.units_served(who, today).cloned().collect();
    for unit in units {
        admin.permit(action, &unit, None)?;
    }
    for (_, grant) in grants(admin.desk.read()?, &account_actor(who))? {
        for unit in admin.units_of(&grant) {
            admin.permit_grant(action, &Grant { unit, ..grant.clone() })?;
        }
    }
    Ok(())
}

fn is_root_admin(admin: &Admin<'_, '_>, grant: &Grant) -> bool {
    grant.role == ADMIN && grant.line.is_none() && admin.tree.root() == Some(&grant.unit)
}

fn need_another_admin(admin: &mut Admin<'_, '_>, but: &ActorId) -> AdminResult<()> {
    const OTHERS: &str = "select cast(count(*) as bigint) from access_grant join account
        on access_grant.grantee = account.actor
        where role = 'admin' and access_grant.unit = $1 and line is null and grantee <> $2 and disabled = 0";
    let root = admin.tree.root().map_or("", UnitCode::as_str).to_owned();
    let row = admin.desk.read()?.query_one(OTHERS, &[Param::Text(&root), Param::Text(but.as_str())])?;
    match row.map_or(Ok(0), |row| row.int(0))? {
        0 => Err(AdminError::LastAdmin.into()),
        _ => Ok(()),
    }
}

/// The unit of an account, and whether it is disabled.
fn account(tx: &mut dyn Tx, account: &AccountId) -> Result<Option<(UnitCode, bool)>, StoreError> {
    const FIND: &str = "select unit, disabled from account where actor = $1";
    let row = tx.query_one(FIND, &[Param::Text(account_actor(account).as_str())])?;
    row.map(|row| Ok((id(UnitCode::new(row.text(0)?))?, row.int(1)? != 0))).transpose()
}

/// An actor who may act now, and until when.
pub(crate) struct FoundActor {
    pub actor: Actor,
    pub expires: Option<Time>,
}

/// An account, token or device, unless it is unknown, disabled, revoked or expired.
pub(crate) fn find_actor(
    tx: &mut dyn Tx,
    actor: &ActorId,
    now: Time,
) -> Result<Option<FoundActor>, StoreError> {
    let expires = match actor.as_str().split_once(':') {
        Some(("account", _)) => {
            let find = "select disabled from account where actor = $1";
            let row = tx.query_one(find, &[Param::Text(actor.as_str())])?;
            row.map(|row| Ok::<_, StoreError>((row.int(0)? == 0).then_some(None))).transpose()?.flatten()
        }
        Some(("token", token)) => {
            let find = "select expires from api_token where token = $1 and revoked = 0";
            let row = tx.query_one(find, &[Param::Text(token)])?;
            row.map(|row| row.int_or_null(0)).transpose()?.map(|expires| expires.map(Time))
        }
        Some(("device", local)) => {
            let find = "select device from device where book = $1 and device = $2 and revoked = 0";
            let (book, device) = local.split_once('/').unwrap_or((local, ""));
            tx.query_one(find, &[Param::Text(book), Param::Text(device)])?.map(|_| None)
        }
        _ => None,
    };
    let Some(expires) = expires else { return Ok(None) };
    if expires.is_some_and(|expires| expires <= now) {
        return Ok(None);
    }
    let grants = grants(tx, actor)?.into_iter().map(|(_, grant)| grant).collect();
    Ok(Some(FoundActor { actor: Actor { id: actor.clone(), grants }, expires }))
}

/// The unit of an account, token or device.
fn unit_of(tx: &mut dyn Tx, actor: &ActorId) -> Result<Option<UnitCode>, StoreError> {
    let (find, name) = match actor.as_str().split_once(':') {
        Some(("account", _)) => ("select unit from account where actor = $1", actor.as_str()),
        Some(("token", token)) => ("select unit from api_token where token = $1", token),
        Some(("device", local)) => {
            let book = local.split_once('/').map_or(local, |(book, _)| book);
            ("select unit from org_book where book = $1", book)
        }
        _ => return Ok(None),
    };
    let row = tx.query_one(find, &[Param::Text(name)])?;
    row.map(|row| id(UnitCode::new(row.text(0)?))).transpose()
}

/// What whoever holds a post is granted by holding it.
pub(crate) fn of_holder(post: &SubjectId, unit: &UnitCode) -> Grant {
    Grant { role: HOLDER.into(), unit: unit.clone(), line: None, subject: Some(post.clone()) }
}

/// What is granted to an actor, by the numbers of the entries.
fn grants(tx: &mut dyn Tx, actor: &ActorId) -> Result<Vec<(i64, Grant)>, StoreError> {
    const FIND: &str =
        "select seq, role, unit, line, subject from access_grant where grantee = $1 order by seq";
    let rows = tx.query(FIND, &[Param::Text(actor.as_str())])?;
    rows.iter().map(|row| Ok((row.int(0)?, lists::grant(row, 1)?))).collect()
}

fn grant_at(tx: &mut dyn Tx, seq: i64) -> Result<Option<(ActorId, Grant)>, StoreError> {
    const FIND: &str = "select grantee, role, unit, line, subject from access_grant where seq = $1";
    let row = tx.query_one(FIND, &[Param::Int(seq)])?;
    row.map(|row| Ok((id(ActorId::new(row.text(0)?))?, lists::grant(&row, 1)?))).transpose()
}

/// A device as an actor.
pub(crate) fn device_actor(book: &BookId, device: &str) -> Option<ActorId> {
    ActorId::new(format!("device:{book}/{device}")).ok()
}
