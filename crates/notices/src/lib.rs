//! How notices leave the house: by e-mail through the installation's mail server, and as signed HTTP requests to systems
//! outside. What is due is in the kernel's outbox; what became of it is recorded there. Knows no line.
//!
//! Delivery is at least once: a notice that was taken but not recorded goes out again, with the same identity. By the same
//! way witnesses are asked to cosign our checkpoints ([`cosigners`]).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cosigners;
mod guard;
mod http;
mod mail;
mod message;
mod retry;
mod sign;
mod webhook;
mod worker;

use std::time::Duration;

pub use guard::{Network, NotANetwork};
pub use http::{Answer, Outward, Reach};
pub use mail::{MailSettings, MailTls};
pub use retry::ATTEMPTS_MAX;
pub use sign::{body_signature, signature};
pub use worker::{Worker, start};

/// How long a stop waits for what is under way; what is cut off goes out again later.
const STOP_WAIT: Duration = Duration::from_secs(3);

/// What delivery needs to know of the installation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where browsers reach the site, without a slash at the end; notices lead there.
    pub base_url: String,
    /// The installation's name, which ends the identity of its messages.
    pub name: String,
    /// The mail server; without one no e-mail is sent.
    pub mail: Option<MailSettings>,
    /// Networks inside that webhooks may reach, and where they need no TLS.
    pub webhook_networks: Vec<Network>,
    /// Certificates of an authority of one's own, in PEM, trusted besides the system's.
    pub authority: Option<Vec<u8>>,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// How often the outbox is looked at.
    pub poll: Duration,
}

/// Why notices cannot be delivered at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0:?} cannot send mail: {1}")]
    Sender(String, String),
    #[error("the certificates of the authority cannot be read: {0}")]
    Authority(String),
    #[error("no thread can be started: {0}")]
    Thread(String),
}
