//! Requests that leave the house, to addresses that somebody outside chose.

use std::sync::Arc;
use std::time::Duration;

use kernel::notices::{Fault, FaultKind};
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

use crate::guard::{Forbidden, GuardedResolver, Network};
use crate::mail::kind_of;
use crate::{Error, Settings};

/// How far requests reach.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Networks inside that may be reached, and where no TLS is needed.
    pub networks: Vec<Network>,
    /// Certificates of an authority of one's own, in PEM, trusted besides the system's.
    pub authority: Option<Vec<u8>>,
    /// How long an attempt may take.
    pub timeout: Duration,
}

impl Reach {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            networks: settings.webhook_networks.clone(),
            authority: settings.authority.clone(),
            timeout: settings.timeout,
        }
    }
}

/// What came back of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The header `Content-Type`; empty if there is none.
    pub media: String,
    pub body: String,
}

/// Sends requests. No connection outlives its request, so each is made to an address that was just checked.
pub struct Outward(Agent);

impl Outward {
    pub fn new(reach: &Reach) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots(reach)?)))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(reach.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .proxy(None)
            .user_agent("Taizhang")
            .tls_config(tls)
            .build();
        let resolver = GuardedResolver { networks: reach.networks.clone() };
        Ok(Self(Agent::with_parts(config, DefaultConnector::default(), resolver)))
    }

    /// Posts a body, and reads an answer of at most so many bytes of UTF-8, whatever its status.
    pub fn exchange(
        &self,
        address: &str,
        headers: &[(&str, &str)],
        body: &str,
        bytes_max: u64,
    ) -> Result<Answer, Fault> {
        let mut request = self.0.post(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send(body).map_err(|error| fault(&error))?, bytes_max)
    }

    /// Gets what is there: an answer of at most so many bytes of UTF-8, whatever its status.
    pub fn fetch(&self, address: &str, headers: &[(&str, &str)], bytes_max: u64) -> Result<Answer, Fault> {
        let mut request = self.0.get(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.call().map_err(|error| fault(&error))?, bytes_max)
    }

    /// Posts a body; good is any 2xx, and what else the answer says is not read.
    pub fn post(&self, address: &str, headers: &[(&str, &str)], body: &str) -> Result<(), Fault> {
        let mut request = self.0.post(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send(body).map_err(|error| fault(&error))?;
        let code = answer.status().as_u16();
        if (200..300).contains(&code) {
            return Ok(());
        }
        Err(Fault { kind: FaultKind::Refused, code: Some(code) })
    }
}

/// An answer of at most so many bytes of UTF-8.
fn read(answer: Response<Body>, bytes_max: u64) -> Result<Answer, Fault> {
    let media = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
    let (status, media) = (answer.status().as_u16(), media.unwrap_or_default().to_owned());
    let read = answer.into_body().into_with_config().limit(bytes_max).read_to_vec();
    let bytes = read.map_err(|error| fault(&error))?;
    let body = String::from_utf8(bytes).map_err(|_| Fault::from(FaultKind::Garbled))?;
    Ok(Answer { status, media, body })
}

/// The system's authorities, and the installation's own.
fn roots(reach: &Reach) -> Result<Vec<Certificate<'static>>, Error> {
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a certificate of the system cannot be read");
    }
    let mut roots: Vec<_> =
        system.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if let Some(pem) = &reach.authority {
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
