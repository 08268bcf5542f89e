//! Notices as signed HTTP requests.

use base::Time;
use kernel::notices::{Claim, Fault, FaultKind};

use crate::http::{Outward, Reach};
use crate::message::Message;
use crate::sign::signature;
use crate::{Error, Settings};

pub(crate) struct Hooks(Outward);

impl Hooks {
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        Outward::new(&Reach::of(settings)).map(Self)
    }

    pub fn send(&self, claim: &Claim, message: &Message, now: Time) -> Result<(), Fault> {
        let body = serde_json::to_string(message).expect("a message is JSON");
        let seconds = now.0.div_euclid(1000);
        // A secret is removed with its contact.
        let secret = claim.secret.as_ref().ok_or(FaultKind::ContactGone)?;
        let signed = signature(&secret.0, &message.id, seconds, &body).ok_or(FaultKind::ContactGone)?;
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", &message.id),
            ("webhook-timestamp", &seconds.to_string()),
            ("webhook-signature", &signed),
        ];
        self.0.post(&claim.contact.address, &headers, &body)
    }
}
