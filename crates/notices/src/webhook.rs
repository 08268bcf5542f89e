//! Notices as signed HTTP requests.

use std::sync::Arc;

use base::Time;
use kernel::notices::{Claim, Fault, FaultKind};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;

use crate::guard::{Forbidden, GuardedResolver};
use crate::mail::kind_of;
use crate::message::Message;
use crate::sign::signature;
use crate::{Error, Settings};

/// Sends requests. No connection outlives its request, so each is made to an address that was just checked.
pub(crate) struct Hooks(Agent);

impl Hooks {
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots(settings)?)))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(settings.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent("Taizhang")
            .tls_config(tls)
            .build();
        let resolver = GuardedResolver { networks: settings.webhook_networks.clone() };
        Ok(Self(Agent::with_parts(config, DefaultConnector::default(), resolver)))
    }

    pub fn send(&self, claim: &Claim, message: &Message, now: Time) -> Result<(), Fault> {
        let body = serde_json::to_string(message).expect("a message is JSON");
        let seconds = now.0.div_euclid(1000);
        // A secret is removed with its contact.
        let secret = claim.secret.as_ref().ok_or(FaultKind::ContactGone)?;
        let signed = signature(&secret.0, &message.id, seconds, &body).ok_or(FaultKind::ContactGone)?;
        let request = self
            .0
            .post(&claim.contact.address)
            .header("content-type", "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signed);
        let answer = request.send(body.as_str()).map_err(|error| fault(&error))?;
        let code = answer.status().as_u16();
        if (200..300).contains(&code) {
            return Ok(());
        }
        Err(Fault { kind: FaultKind::Refused, code: Some(code) })
    }
}

/// The system's authorities, and the installation's own.
fn roots(settings: &Settings) -> Result<Vec<Certificate<'static>>, Error> {
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a certificate of the system cannot be read");
    }
    let mut roots: Vec<_> =
        system.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if let Some(pem) = &settings.authority {
        for item in parse_pem(pem) {
            match item.map_err(|error| Error::Authority(error.to_string()))? {
                PemItem::Certificate(certificate) => roots.push(certificate),
                _ => return Err(Error::Authority("it holds more than certificates".into())),
            }
        }
    }
    Ok(roots)
}

fn fault(error: &ureq::Error) -> Fault {
    match error {
        ureq::Error::Other(why) if why.is::<Forbidden>() => FaultKind::AddressForbidden,
        ureq::Error::HostNotFound => FaultKind::NameUnknown,
        ureq::Error::Timeout(_) => FaultKind::TimedOut,
        ureq::Error::Tls(_) | ureq::Error::TlsRequired | ureq::Error::Rustls(_) => FaultKind::Tls,
        ureq::Error::Io(error) => kind_of(error),
        ureq::Error::ConnectionFailed => FaultKind::Unreachable,
        _ => FaultKind::Garbled,
    }
    .into()
}
