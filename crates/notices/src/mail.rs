//! E-mail through the installation's mail server.

use std::error::Error as _;
use std::io;
use std::time::{Duration, SystemTime};

use base::Time;
use kernel::notices::{Claim, Fault, FaultKind};
use lettre::address::{Address, Envelope};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{SmtpTransport, Transport};
use serde::Deserialize;

use crate::message::Message;
use crate::{Error, Settings};

/// The mail server, and as whom mail is sent.
#[derive(Clone)]
pub struct MailSettings {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    /// The sender's address.
    pub from: String,
    pub username: Option<String>,
    pub password: Option<String>,
}

/// How the connection to the mail server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Not at all: for a relay on the same machine or network.
    None,
    /// By STARTTLS, and not without (port 587).
    Starttls,
    /// From the first byte (port 465).
    Implicit,
}

impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// Sends mail, one connection a message.
pub(crate) struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
    /// Behind the `@` of a message's identity.
    domain: String,
}

impl Mailer {
    pub fn new(mail: &MailSettings, settings: &Settings) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Sender(mail.from.clone(), reason);
        let from: Address = mail.from.parse().map_err(|error| refuse(format!("{error}")))?;
        let tls = || parameters(&mail.host, settings.authority.as_deref());
        let tls = match mail.tls {
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::Required(tls()?),
            MailTls::Implicit => Tls::Wrapper(tls()?),
        };
        let mut builder = SmtpTransport::builder_dangerous(&mail.host)
            .port(mail.port)
            .tls(tls)
            .hello_name(ClientId::Domain(settings.name.clone()))
            .timeout(Some(settings.timeout));
        if let (Some(username), Some(password)) = (&mail.username, &mail.password) {
            builder = builder.credentials(Credentials::new(username.clone(), password.clone()));
        }
        let from = Mailbox::new(Some("台账 Taizhang".into()), from);
        Ok(Self { transport: builder.build(), from, domain: settings.name.clone() })
    }

    pub fn send(&self, claim: &Claim, message: &Message) -> Result<(), Fault> {
        // The kernel took the address as one of the plain form that this accepts.
        let to: Address = claim.contact.address.parse().map_err(|_| FaultKind::Garbled)?;
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.clone()]);
        let envelope = envelope.map_err(|_| FaultKind::Garbled)?;
        let mail = self.mail(Mailbox::new(None, to), claim.enqueued, message).ok_or(FaultKind::Garbled)?;
        self.transport.send_raw(&envelope, &mail.formatted()).map(drop).map_err(|error| fault(&error))
    }

    fn mail(&self, to: Mailbox, at: Time, message: &Message) -> Option<Mail> {
        // Nobody answers to a machine, nor does another machine (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let at = Duration::from_millis(u64::try_from(at.0).ok()?);
        Mail::builder()
            .message_id(Some(format!("<{}@{}>", message.id, self.domain)))
            .date(SystemTime::UNIX_EPOCH + at)
            .from(self.from.clone())
            .to(to)
            .subject(message.subject())
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .header(ContentType::TEXT_PLAIN)
            .header(ContentTransferEncoding::Base64)
            .body(message.text())
            .ok()
    }
}

fn parameters(host: &str, authority: Option<&[u8]>) -> Result<TlsParameters, Error> {
    let refuse = |error: SmtpError| Error::Authority(error.to_string());
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authority {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(refuse)?);
    }
    builder.build().map_err(refuse)
}

/// What stood in the way, without the server's words: they often hold the address.
fn fault(error: &SmtpError) -> Fault {
    /// Replies that are about our account, not about the receiver (RFC 4954, 6).
    const SIGN_IN: [u16; 5] = [432, 530, 534, 535, 538];
    if let Some(code) = error.status().map(u16::from) {
        let kind = if SIGN_IN.contains(&code) { FaultKind::SignInRefused } else { FaultKind::Refused };
        return Fault { kind, code: Some(code) };
    }
    if error.is_response() {
        return FaultKind::Garbled.into();
    }
    if error.is_client() {
        // The server offers no sign-in or no STARTTLS that we could use.
        let is_sign_in = error.source().is_some_and(|why| why.to_string().contains("authentication"));
        return if is_sign_in { FaultKind::SignInRefused } else { FaultKind::Tls }.into();
    }
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return kind_of(error).into();
        }
        source = error.source();
    }
    if error.is_tls() { FaultKind::Tls } else { FaultKind::Unreachable }.into()
}

/// A fault of a connection.
pub(crate) fn kind_of(error: &io::Error) -> FaultKind {
    let is_tls = |inner: &(dyn std::error::Error + Send + Sync + 'static)| inner.is::<rustls::Error>();
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => FaultKind::TimedOut,
        _ if error.get_ref().is_some_and(is_tls) => FaultKind::Tls,
        _ => FaultKind::Unreachable,
    }
}
