//! Acts of administration: decided at the desk, on the rights that the acting one has at that moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use access::{Actor, Decision, Denial, Grant, Policy, Resource, decide};
use base::{AccountId, ActorId, BookId, SubjectId, UnitCode};
use ledger::{Body, BodyError, Draft, Role, Rule};
use registry::{RegistryError, Tree};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Param, StoreError, placeholders};

use crate::accounts::{Session, SessionState, find_actor, session_state};
use crate::registry::{ROOT_BOOK, id, root_book};
use crate::{AppendError, Desk, Kernel, Receipt};

/// Why an act of administration was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    #[error("{action} is denied: {reason}")]
    Denied { action: &'static str, reason: Denial },
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the installation was founded with the root {0}")]
    OtherRoot(UnitCode),
    #[error("the account {0} is there already")]
    AccountExists(AccountId),
    #[error("there is no account {0}")]
    UnknownAccount(AccountId),
    #[error("the account {0} is disabled")]
    AccountDisabled(AccountId),
    #[error("what opens an account to somebody else is not done to one's own")]
    OwnAccount,
    #[error("a role of a line is not granted on behalf of an account, a token, a device or the installation")]
    ReservedSubject,
    #[error("the role of an administrator is granted to accounts, not to programs or devices")]
    ProgramAdmin,
    #[error("the role {0} is granted to programs and devices, not to accounts")]
    RoleOfPrograms(String),
    #[error("it is the last administrator of the root")]
    LastAdmin,
    #[error("the password is shorter than {0} characters")]
    PasswordShort(usize),
    #[error("the password is longer than {0} characters")]
    PasswordLong(usize),
    #[error("the password is the account's name")]
    PasswordIsAccount,
    #[error("the new password is the old one")]
    PasswordSame,
    #[error("the password is wrong")]
    PasswordWrong,
    #[error("a password is changed {0} times an hour at most")]
    PasswordOften(usize),
    #[error("the second step is changed {0} times an hour at most")]
    CodesOften(usize),
    #[error("the second step is on already")]
    TotpOn,
    #[error("there is no second step to confirm or to take off")]
    TotpOff,
    #[error("the code is wrong")]
    CodeWrong,
    #[error("too many codes were wrong; none is taken for {0} s")]
    CodesWrong(u64),
    #[error("this outlasts your session: give your password again, and a code if you have a second step")]
    Unconfirmed,
    #[error("your session has ended")]
    SessionEnded,
    #[error("the post does not lie within the unit")]
    ForeignPost,
    #[error(
        "the account opens with a one-time password of somebody who may not open it with this right: its owner signs in first, or somebody who may gives another"
    )]
    OneTimePassword,
    #[error("an account is linked with this identity already")]
    IdentityTaken,
    #[error("the account is linked with no identity")]
    IdentityMissing,
    #[error("too many passwords are being checked")]
    Busy,
    #[error("{0} cannot be granted anything: it is unknown, disabled or revoked")]
    UnknownGrantee(ActorId),
    #[error("there is no role {0:?}")]
    UnknownRole(String),
    #[error("the role {role} belongs to the line {line}")]
    RoleOfLine { role: String, line: &'static str },
    #[error("this was granted already")]
    AlreadyGranted,
    #[error("there is no grant {0}")]
    UnknownGrant(u64),
    #[error("a token without a grant can do nothing")]
    NoGrants,
    #[error("an account, token or device is granted {0} things at most")]
    GrantsMany(usize),
    #[error("a book has had {0} devices, as many as may")]
    DevicesMany(usize),
    #[error("a figure has {0} targets for a unit at most")]
    TargetsMany(usize),
    #[error("it would expire before it is issued")]
    ExpiresInPast,
    #[error("there is no book {0}")]
    UnknownBook(BookId),
    #[error("there is no token {0}, or it is revoked")]
    UnknownToken(String),
    #[error("the device {0} is enrolled already")]
    DeviceExists(String),
    #[error("there is no device {0}, or it is revoked")]
    UnknownDevice(String),
    #[error("the post has this contact already")]
    ContactExists,
    #[error("a post has at most {0} contacts")]
    ContactsMany(usize),
    #[error("there is no contact {0}, or it was removed")]
    UnknownContact(u64),
    #[error("the contact is being tried already")]
    AlreadyTried,
    #[error("there is no figure {0:?}")]
    UnknownFigure(String),
    #[error("no target stands for this figure, unit and period")]
    UnknownTarget,
    #[error("the log is trusted with this key already")]
    LogExists,
    #[error("at most {0} logs are trusted")]
    LogsMany(usize),
    #[error("there is no log {0}, or it is trusted no more")]
    UnknownLog(u64),
    #[error("there is no fork {0}")]
    UnknownFork(u64),
    #[error("the fork {0} was acknowledged already")]
    ForkAcknowledged(u64),
}

impl AdminError {
    /// The field of the form or request that the refusal is about; empty where it is about the whole.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Registry(error) => error.field(),
            Self::OtherRoot(_) => "code",
            Self::AccountExists(_)
            | Self::UnknownAccount(_)
            | Self::AccountDisabled(_)
            | Self::OwnAccount
            | Self::OneTimePassword => "account",
            Self::PasswordShort(_)
            | Self::PasswordLong(_)
            | Self::PasswordIsAccount
            | Self::PasswordSame
            | Self::PasswordOften(_) => "new_password",
            Self::PasswordWrong | Self::Unconfirmed => "password",
            Self::CodeWrong | Self::CodesWrong(_) | Self::CodesOften(_) => "code",
            Self::IdentityTaken => "identifier",
            Self::UnknownGrantee(_) => "grantee",
            Self::UnknownRole(_) | Self::ProgramAdmin | Self::RoleOfPrograms(_) => "role",
            Self::RoleOfLine { .. } => "line",
            Self::UnknownGrant(_) => "grant",
            Self::NoGrants | Self::GrantsMany(_) => "grants",
            Self::ReservedSubject | Self::ForeignPost => "subject",
            Self::ExpiresInPast => "expires",
            Self::UnknownBook(_) | Self::DevicesMany(_) => "book",
            Self::UnknownToken(_) => "token",
            Self::DeviceExists(_) | Self::UnknownDevice(_) => "device",
            Self::ContactExists => "address",
            Self::ContactsMany(_) => "post",
            Self::UnknownContact(_) | Self::AlreadyTried => "contact",
            Self::UnknownFigure(_) => "figure",
            Self::UnknownTarget | Self::TargetsMany(_) => "amount",
            Self::LogExists | Self::LogsMany(_) => "origin",
            Self::UnknownLog(_) => "log",
            Self::UnknownFork(_) | Self::ForkAcknowledged(_) => "fork",
            Self::Denied { .. }
            | Self::LastAdmin
            | Self::AlreadyGranted
            | Self::TotpOn
            | Self::TotpOff
            | Self::IdentityMissing
            | Self::SessionEnded
            | Self::Busy => "",
        }
    }
}

impl From<AdminError> for AppendError<AdminError> {
    fn from(error: AdminError) -> Self {
        Self::Refused(error)
    }
}

impl From<RegistryError> for AppendError<AdminError> {
    fn from(error: RegistryError) -> Self {
        Self::Refused(error.into())
    }
}

pub type AdminResult<T> = Result<T, AppendError<AdminError>>;

/// What outlasts the session that it is done from: it opens an account or a credential to somebody, or is gone for good.
const LASTING: [&str; 12] = [
    "kernel.account.add",
    "kernel.password.reset",
    "kernel.totp.remove",
    "kernel.identity.set",
    "kernel.grant.give",
    "kernel.post.hold",
    "kernel.token.issue",
    "kernel.device.enrol",
    "kernel.contact.set",
    "kernel.witness.trust",
    "kernel.witness.acknowledge",
    "kernel.body.erase",
];

/// Who acts, from which session, and under which key if the same request may come again.
#[derive(Debug, Clone)]
pub struct By {
    actor: ActorId,
    /// The digest of the session's cookie; `None` for programs.
    session: Option<String>,
    /// The key, and a digest of what is asked.
    once: Option<(String, String)>,
}

impl By {
    /// An act that is done once: under the same key the same request gets the first answer again, without its secrets.
    pub fn once(actor: ActorId, key: String, digest: String) -> Self {
        Self { once: Some((key, digest)), ..Self::from(&actor) }
    }

    /// An act from a session, which must go on when it is done, and have been confirmed by its owner a short while ago where
    /// what is done outlasts it.
    #[must_use]
    pub fn from_session(self, session: &Session) -> Self {
        Self { session: Some(session.hash.clone()), ..self }
    }
}

impl By {
    pub(crate) fn actor(&self) -> &ActorId {
        &self.actor
    }
}

impl From<&ActorId> for By {
    fn from(actor: &ActorId) -> Self {
        Self { actor: actor.clone(), session: None, once: None }
    }
}

impl From<&By> for By {
    fn from(by: &By) -> Self {
        by.clone()
    }
}

/// A table whose rows have a unit each, and which of them are meant.
type Rows = (&'static str, Option<&'static str>);

/// The desk, the org tree as it stands there, and who acts.
pub(crate) struct Admin<'a, 'd> {
    pub desk: &'a mut Desk<'d>,
    pub tree: Arc<Tree>,
    pub policy: &'a Policy,
    /// `None` for the installation itself (`system:`), which may do everything.
    rights: Option<Actor>,
    by: &'a ActorId,
    /// Whether what outlasts the session may be done; programs have none.
    is_confirmed: bool,
    /// How many rows of what was asked about the units of a branch had before this act.
    counted: BTreeMap<(Rows, UnitCode), Vec<(UnitCode, usize)>>,
    /// What was granted in this act.
    pub given: Vec<(ActorId, Grant)>,
}

impl Kernel {
    /// Runs an act of administration in the writer. Actors of the scheme `system:` are the installation itself:
    /// nothing that comes from outside is ever given one.
    pub(crate) fn administer<T, F>(&self, by: impl Into<By>, mut act: F) -> AdminResult<T>
    where
        F: FnMut(&mut Admin<'_, '_>) -> AdminResult<T> + Send + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let (policy, by) = (self.policy.clone(), by.into());
        self.append_blocking(move |desk| {
            let book = root_book();
            desk.take(&book)?;
            if let Some((key, digest)) = &by.once
                && let Some(first) = desk.answered(&book, by.actor.as_str(), key, digest)?
            {
                return Ok(first);
            }
            let answer = act(&mut Admin::of(desk, &policy, &by)?)?;
            if let Some((key, digest)) = &by.once {
                desk.remember(&book, by.actor.as_str(), key, digest, &answer);
            }
            Ok(answer)
        })
    }
}

impl<'a, 'd> Admin<'a, 'd> {
    /// Whoever acts at the desk, with the rights of this moment, if the session that they act from goes on.
    pub fn of(desk: &'a mut Desk<'d>, policy: &'a Policy, by: &'a By) -> AdminResult<Self> {
        let now = desk.now();
        let is_confirmed = match &by.session {
            None => true,
            Some(hash) => match session_state(desk.read()?, hash, now)? {
                SessionState::Ended => return Err(AdminError::SessionEnded.into()),
                state => state == SessionState::Confirmed,
            },
        };
        let (tree, by) = (desk.tree()?, &by.actor);
        let rights = if by.is_system() {
            None
        } else {
            let found = find_actor(desk.read()?, by, now)?;
            let nobody = || Actor { id: by.clone(), grants: Vec::new() };
            Some(found.map_or_else(nobody, |found| found.actor))
        };
        let (counted, given) = (BTreeMap::new(), Vec::new());
        Ok(Self { desk, tree, policy, rights, by, is_confirmed, counted, given })
    }

    /// The installation itself at the desk.
    pub fn of_system(desk: &'a mut Desk<'d>, tree: Arc<Tree>, policy: &'a Policy, by: &'a ActorId) -> Self {
        let (counted, given) = (BTreeMap::new(), Vec::new());
        Self { desk, tree, policy, rights: None, by, is_confirmed: true, counted, given }
    }

    /// Refuses what the acting one may not do to a unit's resources of a line, or of none.
    pub fn permit(&self, action: &'static str, unit: &UnitCode, line: Option<&str>) -> AdminResult<()> {
        let Some(actor) = &self.rights else { return Ok(()) };
        match self.decided(actor, action, unit, line) {
            Decision::Allow { .. } if !self.is_confirmed && LASTING.contains(&action) => {
                Err(AdminError::Unconfirmed.into())
            }
            Decision::Allow { .. } => Ok(()),
            Decision::Deny { reason } => Err(AdminError::Denied { action, reason }.into()),
        }
    }

    /// The same before it is told whether something is there: of a unit that is not, whoever may do it everywhere is told so.
    pub fn permit_within(
        &self,
        action: &'static str,
        unit: &UnitCode,
        line: Option<&str>,
    ) -> AdminResult<()> {
        match (self.tree.unit(unit), self.tree.root()) {
            (None, Some(root)) => self.permit(action, &root.clone(), line),
            _ => self.permit(action, unit, line),
        }
    }

    /// The same for what takes away, or leaves nothing behind, under an action that otherwise does: the password is not asked for
    /// again.
    pub fn permit_to_end(&self, action: &'static str, unit: &UnitCode) -> AdminResult<()> {
        match self.permit(action, unit, None) {
            Err(AppendError::Refused(AdminError::Unconfirmed)) => Ok(()),
            permitted => permitted,
        }
    }

    /// Refuses to enter more in a branch of the org tree than so many rows of a table, which have a unit each. They are
    /// counted once an act.
    pub fn need_room(&mut self, table: &'static str, unit: &UnitCode, most: usize) -> AdminResult<()> {
        self.need_room_of((table, None), unit, most)
    }

    /// The same of the rows under a condition.
    pub fn need_room_of(&mut self, rows: Rows, unit: &UnitCode, most: usize) -> AdminResult<()> {
        const UNITS: usize = 500;
        let Some(branch) = self.tree.branch(unit) else { return Ok(()) };
        let key = (rows, branch);
        if !self.counted.contains_key(&key) {
            let mut counted = Vec::new();
            let (table, condition) = rows;
            let condition = condition.map_or_else(String::new, |that| format!("{that} and "));
            for units in self.tree.subtree(&key.1).chunks(UNITS) {
                let among = placeholders(1, units.len());
                let sql = format!(
                    "select unit, count(*) from {table} where {condition}unit in ({among}) group by unit"
                );
                let params: Vec<Param<'_>> = units.iter().map(|unit| Param::Text(unit.as_str())).collect();
                for row in self.desk.read()?.query(&sql, &params)? {
                    let count = usize::try_from(row.int(1)?).unwrap_or(usize::MAX);
                    counted.push((id(UnitCode::new(row.text(0)?))?, count));
                }
            }
            self.counted.insert(key.clone(), counted);
        }
        let counted = &self.counted[&key];
        let count = |branch: &UnitCode| {
            let below = counted.iter().filter(|(unit, _)| self.tree.contains(branch, unit));
            below.map(|(_, count)| count).sum()
        };
        Ok(self.tree.need_room(unit, "unit", most, count)?)
    }

    /// Whether somebody else may do an action now: the installation may all, and who is gone nothing.
    pub fn may_now(
        &mut self,
        who: &ActorId,
        action: &str,
        unit: &UnitCode,
        line: Option<&str>,
    ) -> Result<bool, StoreError> {
        if who.is_system() {
            return Ok(true);
        }
        let now = self.desk.now();
        let found = find_actor(self.desk.read()?, who, now)?;
        Ok(found.is_some_and(|found| self.decided(&found.actor, action, unit, line).is_allowed()))
    }

    /// What somebody may do to a unit's resources of a line, or of none.
    fn decided(&self, actor: &Actor, action: &str, unit: &UnitCode, line: Option<&str>) -> Decision {
        let resource = Resource { unit: unit.clone(), line: line.map(str::to_owned), owner: None };
        decide(self.policy, &self.tree, actor, action, &resource)
    }

    pub fn is_installation(&self) -> bool {
        self.rights.is_none()
    }

    /// Whether it is somebody's own doing.
    pub fn is_by(&self, actor: &ActorId) -> bool {
        self.by == actor
    }

    /// Appends to the root book.
    pub fn record<B: Body>(&mut self, body: &B, subjects: Vec<SubjectId>) -> AdminResult<Receipt> {
        let mut draft = Draft::new(&root_book(), self.desk.now(), self.by, body)?;
        for subject in subjects {
            draft = draft.subject(Role::About, subject);
        }
        self.desk.append(draft)
    }
}

/// A noun of the root book as a subject, such as `unit:registry/371400`.
pub(crate) fn about(scheme: &'static str, local: &str) -> Result<SubjectId, BodyError> {
    SubjectId::new(format!("{scheme}:{ROOT_BOOK}/{local}"))
        .map_err(|error| BodyError::new(scheme, Rule::Format, error.to_string()))
}
