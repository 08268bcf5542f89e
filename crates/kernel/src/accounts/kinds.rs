//! What is recorded of accounts, rights, tokens and devices. Never a secret.

use base::{AccountId, ActorId, BookId, SubjectId, Time, UnitCode, limits::NAME_CHARS_MAX};
use ledger::{Body, BodyError, Rule, check_text};
use registry::check_name;
use serde::{Deserialize, Serialize};

/// An account was added. Its title may be a person's name, so the body can be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountAdded {
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The unit whose administrators look after the account.
    #[schema(value_type = String)]
    pub unit: UnitCode,
    pub title: String,
}

/// An account was disabled for good; what was granted to it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountDisabled {
    #[schema(value_type = String)]
    pub account: AccountId,
}

/// The password of an account was changed by its owner or reset by an administrator: see the entry's actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChanged {
    #[schema(value_type = String)]
    pub account: AccountId,
}

/// The owner of an account turned the second step of signing in on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpSet {
    #[schema(value_type = String)]
    pub account: AccountId,
}

/// The second step was turned off by the account's owner or taken off by an administrator: see the entry's actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpRemoved {
    #[schema(value_type = String)]
    pub account: AccountId,
}

/// New recovery codes took the place of the old ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpRenewed {
    #[schema(value_type = String)]
    pub account: AccountId,
}

/// Somebody signed in with a recovery code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpRecovered {
    #[schema(value_type = String)]
    pub account: AccountId,
    /// Codes that are left.
    pub left: u32,
}

/// An account was linked with what a provider of OpenID Connect calls its owner. That may be personal, so the body can be
/// erased, and the link ends with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentitySet {
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The provider, as it names itself.
    pub issuer: String,
    /// What it calls the person, and never anybody else.
    pub identifier: String,
}

/// The link of an account with an identity was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityRemoved {
    #[schema(value_type = String)]
    pub account: AccountId,
}

/// A role was granted. The entry's number names the grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantGiven {
    #[schema(value_type = String)]
    pub grantee: ActorId,
    pub role: String,
    #[schema(value_type = String)]
    pub unit: UnitCode,
    /// The one line that it holds for; all lines if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// On whose behalf, where the role may do things only with its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub subject: Option<SubjectId>,
}

/// A grant was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantWithdrawn {
    #[schema(value_type = String)]
    pub grantee: ActorId,
    /// The number of the entry that granted it.
    pub grant: u64,
}

/// A token for programs was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenIssued {
    pub token: String,
    /// The unit whose administrators look after the token.
    #[schema(value_type = String)]
    pub unit: UnitCode,
    pub title: String,
    /// From this moment on it is refused; never, if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Time>,
}

/// A token was revoked; what was granted to it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRevoked {
    pub token: String,
}

/// A device, such as a scale, was enrolled and given its credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceEnrolled {
    /// Its name within the book.
    pub device: String,
    /// The book that it writes to.
    #[schema(value_type = String)]
    pub book: BookId,
    pub title: String,
    /// What the device is, as other entries name it.
    #[schema(value_type = String)]
    pub subject: SubjectId,
}

/// A device's credential was revoked; what was granted to it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRevoked {
    pub device: String,
    #[schema(value_type = String)]
    pub book: BookId,
}

impl Body for AccountAdded {
    const KIND: &'static str = "kernel.account.added";
    const SOUGHT: bool = true;
    const ERASABLE: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        let name = self.account.as_str();
        // Its page would have the address of another.
        if name == "new" || name.chars().all(|c| c == '.') {
            return Err(BodyError::new("account", Rule::Format, "is no name for an account"));
        }
        check_text("title", &self.title, NAME_CHARS_MAX)
    }
}

impl Body for AccountDisabled {
    const KIND: &'static str = "kernel.account.disabled";
}

impl Body for PasswordChanged {
    const KIND: &'static str = "kernel.password.changed";
    const SOUGHT: bool = true;
}

impl Body for TotpSet {
    const KIND: &'static str = "kernel.account.totp.set";
    const SOUGHT: bool = true;
}

impl Body for TotpRemoved {
    const KIND: &'static str = "kernel.account.totp.removed";
    const SOUGHT: bool = true;
}

impl Body for TotpRenewed {
    const KIND: &'static str = "kernel.account.totp.renewed";
    const SOUGHT: bool = true;
}

impl Body for TotpRecovered {
    const KIND: &'static str = "kernel.account.totp.recovered";
}

/// Longer names of a provider are refused.
const ISSUER_CHARS_MAX: usize = 200;
/// OpenID Connect allows no longer `sub`.
const IDENTIFIER_CHARS_MAX: usize = 255;

impl Body for IdentitySet {
    const KIND: &'static str = "kernel.account.identity.set";
    const SOUGHT: bool = true;
    const ERASABLE: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        check_text("issuer", &self.issuer, ISSUER_CHARS_MAX)?;
        if !self.issuer.starts_with("https://") && !self.issuer.starts_with("http://") {
            return Err(BodyError::new("issuer", Rule::Format, "must be an https or http address"));
        }
        check_text("identifier", &self.identifier, IDENTIFIER_CHARS_MAX)?;
        for (field, text) in [("issuer", &self.issuer), ("identifier", &self.identifier)] {
            if text.trim() != text || text.contains('\n') {
                return Err(BodyError::new(field, Rule::Format, "must not begin, end or break with a space"));
            }
        }
        Ok(())
    }
}

impl Body for IdentityRemoved {
    const KIND: &'static str = "kernel.account.identity.removed";
    const SOUGHT: bool = true;
}

impl Body for GrantGiven {
    const KIND: &'static str = "kernel.grant.given";
    const SOUGHT: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        check_name("role", &self.role)?;
        self.line.as_ref().map_or(Ok(()), |line| check_name("line", line))
    }
}

impl Body for GrantWithdrawn {
    const KIND: &'static str = "kernel.grant.withdrawn";
    const SOUGHT: bool = true;
}

impl Body for TokenIssued {
    const KIND: &'static str = "kernel.token.issued";

    fn check(&self) -> Result<(), BodyError> {
        check_slug("token", &self.token)?;
        check_text("title", &self.title, NAME_CHARS_MAX)
    }
}

impl Body for TokenRevoked {
    const KIND: &'static str = "kernel.token.revoked";

    fn check(&self) -> Result<(), BodyError> {
        check_slug("token", &self.token)
    }
}

impl Body for DeviceEnrolled {
    const KIND: &'static str = "kernel.device.enrolled";
    const SOUGHT: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        check_slug("device", &self.device)?;
        check_text("title", &self.title, NAME_CHARS_MAX)
    }
}

impl Body for DeviceRevoked {
    const KIND: &'static str = "kernel.device.revoked";

    fn check(&self) -> Result<(), BodyError> {
        check_slug("device", &self.device)
    }
}

/// Names within credentials: no character that separates their parts.
fn check_slug(field: &str, text: &str) -> Result<(), BodyError> {
    UnitCode::new(text).map(drop).map_err(|error| BodyError::new(field, Rule::Format, error.to_string()))
}
