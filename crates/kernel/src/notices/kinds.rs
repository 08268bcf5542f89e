//! What is recorded of contacts and notices. Never a secret; an address may be personal, so its entry can be erased.

use base::SubjectId;
use ledger::{Body, BodyError, Rule};
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::{ADDRESS_CHARS_MAX, What};

/// How a notice travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    /// A signed HTTP request to a system of the post's unit.
    Webhook,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Email, Self::Webhook];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }
}

/// Where a post wants to be told. The entry's number names the contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactSet {
    #[schema(value_type = String)]
    pub post: SubjectId,
    pub channel: Channel,
    /// An e-mail address, or the address of a webhook without query: what opens a door does not stand in an entry.
    pub address: String,
}

/// A contact was removed: nothing more is sent there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactRemoved {
    #[schema(value_type = String)]
    pub post: SubjectId,
    /// The number of the entry that set it.
    pub contact: u64,
}

/// What became of a notice to one contact, once it is known for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeSent {
    /// Names the notice to its receiver too: one that comes twice carries the same.
    pub notice: String,
    #[schema(value_type = String)]
    pub about: SubjectId,
    pub what: What,
    #[schema(value_type = String)]
    pub post: SubjectId,
    /// The number of the entry in the registry that set the contact.
    pub contact: u64,
    /// None if the contact was gone before anything was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    pub outcome: Outcome,
    /// How often it was tried.
    pub attempts: u32,
    /// What stood in the way last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// How a notice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver's server took it.
    Delivered,
    /// Refused for good.
    Failed,
    /// Tried until the attempts were used up.
    GivenUp,
}

/// What stood in the way. Words of our own only: what a server answers may hold an address or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: FaultKind,
    /// The reply code of SMTP or the status of HTTP, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
}

/// What stood in the way, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The contact was removed or erased meanwhile.
    ContactGone,
    /// The installation has no mail server.
    NoMailServer,
    /// The mail server does not take our account.
    SignInRefused,
    /// No address is known for the name.
    NameUnknown,
    /// The name leads to addresses that webhooks must not reach.
    AddressForbidden,
    /// Nobody answers there.
    Unreachable,
    TimedOut,
    /// No safe connection: the certificate or the protocol does not fit.
    Tls,
    /// The receiver answered, and did not take it.
    Refused,
    /// The answer cannot be understood.
    Garbled,
    /// What is to be told cannot be found out: it asks for too much.
    TooComplex,
    /// What is to be told cannot be found out: a fault of the server.
    Internal,
}

impl FaultKind {
    pub const ALL: [Self; 12] = [
        Self::ContactGone,
        Self::NoMailServer,
        Self::SignInRefused,
        Self::NameUnknown,
        Self::AddressForbidden,
        Self::Unreachable,
        Self::TimedOut,
        Self::Tls,
        Self::Refused,
        Self::Garbled,
        Self::TooComplex,
        Self::Internal,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContactGone => "contact_gone",
            Self::NoMailServer => "no_mail_server",
            Self::SignInRefused => "sign_in_refused",
            Self::NameUnknown => "name_unknown",
            Self::AddressForbidden => "address_forbidden",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Tls => "tls",
            Self::Refused => "refused",
            Self::Garbled => "garbled",
            Self::TooComplex => "too_complex",
            Self::Internal => "internal",
        }
    }

    pub fn parse(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| StoreError::Schema(format!("{word:?} is no fault of a notice")))
    }
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self { kind, code: None }
    }
}

impl Body for ContactSet {
    const KIND: &'static str = "kernel.contact.set";
    const ERASABLE: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        let found = match self.channel {
            Channel::Email => mail_fault(&self.address),
            Channel::Webhook => url_fault(&self.address),
        };
        found.map_or(Ok(()), |detail| Err(BodyError::new("address", Rule::Format, detail)))
    }
}

/// Whether a text is the address of a webhook that may stand in an entry: an absolute URL without anything secret.
pub fn check_webhook(field: &str, address: &str) -> Result<(), BodyError> {
    url_fault(address).map_or(Ok(()), |detail| Err(BodyError::new(field, Rule::Format, detail)))
}

impl Body for ContactRemoved {
    const KIND: &'static str = "kernel.contact.removed";
}

impl Body for NoticeSent {
    const KIND: &'static str = "kernel.notice.sent";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        let is_hex = self.notice.len() == 32 && self.notice.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex {
            return Err(BodyError::new("notice", Rule::Format, "must be 32 hexadecimal digits"));
        }
        if (self.outcome == Outcome::Delivered) == self.fault.is_some() {
            return Err(BodyError::new("fault", Rule::Consistency, "is there unless it was delivered"));
        }
        Ok(())
    }
}

/// What is wrong with an address of the plain form that every mail server takes (RFC 5321, a dot-string and a domain).
fn mail_fault(address: &str) -> Option<&'static str> {
    let Some((local, domain)) = address.split_once('@') else { return Some("lacks an \"@\"") };
    let is_atom = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    if local.len() > 64 || !local.split('.').all(is_atom) {
        return Some("has no plain name before the \"@\"");
    }
    let labels = domain.split('.');
    if domain.len() > 180 || labels.clone().count() < 2 || !labels.into_iter().all(is_label) {
        return Some("has no domain behind the \"@\"");
    }
    None
}

fn is_label(label: &str) -> bool {
    let edges = !label.starts_with('-') && !label.ends_with('-');
    (1..=63).contains(&label.len()) && edges && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn url_fault(address: &str) -> Option<&'static str> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let Some(rest) = rest else { return Some("must begin with https:// or http://") };
    if address.len() > ADDRESS_CHARS_MAX {
        return Some("is longer than 240 characters");
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') || address.contains(['?', '#']) {
        return Some("must hold no account, query or fragment: they may be secrets");
    }
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let is_host = |host: &str| host.len() <= 253 && host.split('.').all(is_label);
    let is_authority = if let Some(rest) = authority.strip_prefix('[') {
        let parts = rest.split_once(']');
        parts.is_some_and(|(address, rest)| {
            let is_port = rest.is_empty() || rest.strip_prefix(':').is_some_and(port);
            address.parse::<std::net::Ipv6Addr>().is_ok() && is_port
        })
    } else {
        match authority.split_once(':') {
            Some((host, digits)) => is_host(host) && port(digits),
            None => is_host(authority),
        }
    };
    if !is_authority {
        return Some("names no host");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte);
    (!path.bytes().all(plain)).then_some("holds characters that an address must escape")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(channel: Channel, address: &str) -> bool {
        let post = SubjectId::new("post:371402/chief").unwrap();
        ContactSet { post, channel, address: address.into() }.check().is_ok()
    }

    #[test]
    fn an_address_is_one_mailbox_and_nothing_that_a_header_or_a_server_could_take_for_more() {
        for address in ["chief@leling.gov.cn", "a.b+c@x-y.example", "0@a.b"] {
            assert!(fits(Channel::Email, address), "{address}");
        }
        for address in [
            "",
            "chief",
            "@x.cn",
            "a@",
            "a@b",
            "a b@x.cn",
            "a@x.cn,b@x.cn",
            "a@x.cn\r\nbcc: b@x.cn",
            "<a@x.cn>",
            "a@@x.cn",
            ".a@x.cn",
            "a..b@x.cn",
            "a@-x.cn",
            "张@x.cn",
            "\"a b\"@x.cn",
        ] {
            assert!(!fits(Channel::Email, address), "{address:?}");
        }
    }

    #[test]
    fn a_webhook_is_a_plain_address_without_anything_secret() {
        for address in
            ["https://oa.leling.gov.cn/hooks/1", "http://10.1.2.3:8080", "https://[2001:db8::1]:8443/a%20b"]
        {
            assert!(fits(Channel::Webhook, address), "{address}");
        }
        for address in [
            "",
            "ftp://x.cn",
            "https://",
            "https:///a",
            "https://u:p@x.cn/",
            "https://x.cn/a?token=1",
            "https://x.cn/#a",
            "https://x.cn:0/",
            "https://x.cn:99999/",
            "https://x.cn/a b",
            "https://x_y.cn/",
            "https://[::1/",
            "//x.cn",
            "https://x.cn\\@y.cn/",
            "https://x.cn/\u{0}",
            "javascript:alert(1)",
        ] {
            assert!(!fits(Channel::Webhook, address), "{address:?}");
        }
    }
}
