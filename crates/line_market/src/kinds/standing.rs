//! Standing queries over EPCIS events: those that have a name, and who is told of their events.

use base::Time;
use base::limits::NAME_CHARS_MAX;
use epcis::format::EpcFormat;
use kernel::notices::check_webhook;
use ledger::{BodyError, Rule, check_text};
use serde::{Deserialize, Serialize};

use super::body;
use crate::epcis_events::standing::Schedule;

/// A query was given a name, under which its owner asks it again (EPCIS 2.0, named query).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryNamed {
    pub name: String,
    /// Whose it is: the unit and the subject on whose behalf it was named, or the actor.
    pub owner: String,
    /// As the published query schema says.
    #[schema(value_type = Object)]
    pub definition: serde_json::Value,
    /// The prefixes that the request defined, `ex=https://ns.example/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<String>,
    /// Whether it asks this book alone, instead of all that its owner may query.
    pub alone: bool,
}

impl ledger::Body for QueryNamed {
    const KIND: &'static str = "market.query.named";

    fn check(&self) -> Result<(), BodyError> {
        check_text("name", &self.name, NAME_CHARS_MAX)?;
        if self.definition.is_object() {
            Ok(())
        } else {
            Err(BodyError::new("query", Rule::Schema, "must be an object"))
        }
    }
}

body! {
    /// A named query was removed, and with it its subscriptions.
    QueryDropped = "market.query.dropped" {
        pub name: String,
        pub owner: String,
    }
}

body! {
    /// Somebody is told by webhook of the events of a named query. What its requests are signed with is kept beside the
    /// entries.
    SubscriptionOpened = "market.subscription.opened", erasable {
        /// Names the subscription to its receiver too.
        pub subscription: String,
        /// The name of the query.
        pub query: String,
        pub owner: String,
        /// The address of a webhook without query: what opens a door does not stand in an entry.
        pub dest: String,
        /// When it is told; at once, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule: Option<Schedule>,
        /// Whether it is told as well when there is nothing to tell.
        pub report_if_empty: bool,
        /// Events that were recorded from then on.
        #[schema(value_type = String)]
        pub initial_record_time: Time,
        /// Whether events count that were recorded before the subscription.
        pub past: bool,
        /// How identifiers are spelled in what is sent: as they came, if left out.
        #[serde(default = "as_written")]
        #[schema(value_type = String)]
        pub epc_format: EpcFormat,
    }
    check(this) {
        check_webhook("dest", &this.dest)
    }
}

fn as_written() -> EpcFormat {
    EpcFormat::AsWritten
}

body! {
    /// A subscription was stopped, because nothing of it was taken for a long time. It keeps its place and can be resumed.
    SubscriptionStopped = "market.subscription.stopped" {
        pub subscription: String,
        pub query: String,
        pub owner: String,
        /// The first attempt in vain since something was taken.
        #[schema(value_type = String)]
        pub since: Time,
    }
}

body! {
    /// A subscription that was stopped goes on where it was.
    SubscriptionResumed = "market.subscription.resumed" {
        pub subscription: String,
        pub query: String,
        pub owner: String,
    }
}

/// Why a subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its owner wanted it.
    Unsubscribed,
    /// Its query was removed.
    QueryDropped,
    /// Who opened it may not query any more: the credential is revoked or expired, or the right withdrawn.
    RightLost,
    /// The receiver answered 410 Gone.
    ReceiverGone,
}

body! {
    /// A subscription ended; nothing more is sent.
    SubscriptionEnded = "market.subscription.ended" {
        pub subscription: String,
        pub query: String,
        pub owner: String,
        pub reason: EndReason,
    }
}
