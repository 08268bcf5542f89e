/// Why a link cannot be made, is down, or did not deliver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MqttError {
    /// A setting that no broker could be reached with.
    #[error("mqtt {setting}: {reason}")]
    Setting { setting: &'static str, reason: String },

    /// No TCP connection, or it broke.
    #[error("{address} is not reachable: {reason}")]
    Unreachable { address: String, reason: String },
    /// The broker closed the connection without a word; in 3.1.1 that is how it refuses a breach of its rules,
    /// or makes way for another client with the same client id.
    #[error("the broker closed the connection (is the client id {client_id:?} in use elsewhere?)")]
    ClosedByBroker { client_id: String },
    /// CONNACK code 4 or 5; brokers do not tell a wrong password from an account that may not connect.
    #[error("the broker refused the user name or password ({code})")]
    Unauthorized { code: &'static str },
    /// CONNACK with any other code (MQTT 3.1.1, table 3.1).
    #[error("the broker refused the connection: {code}")]
    Refused { code: &'static str },
    /// The broker does not let this client subscribe at the level of delivery that it needs.
    #[error("the broker refused the subscription to {filter:?}")]
    SubscriptionRefused { filter: String },
    /// No CONNACK, PINGRESP or PUBACK came in time.
    #[error("the broker fell silent: no {expected} for {waited_s} s")]
    Silent { expected: &'static str, waited_s: u64 },
    /// The broker sent what MQTT 3.1.1 does not allow, or what was not asked for.
    #[error("the broker broke the protocol: {0}")]
    Protocol(String),
    /// The connection was given up by [`Link::redeliver`](crate::Link::redeliver).
    #[error("the connection was renewed to have messages delivered again")]
    Renewed,
    /// The link was closed.
    #[error("the link is closed")]
    Closed,

    /// A message that is too long to be sent.
    #[error("{what} of {bytes} bytes exceeds the limit of {bytes_max}")]
    TooLong { what: &'static str, bytes: usize, bytes_max: usize },
    /// A topic that cannot be published to.
    #[error("topic {topic:?} is empty or holds a wildcard or a null character")]
    Topic { topic: String },
    /// A QoS 0 message met a broken connection.
    #[error("not connected: the message to {topic:?} was not sent")]
    NotConnected { topic: String },
    /// A QoS 1 message was not acknowledged in time; it may have arrived all the same.
    #[error("the message to {topic:?} was not acknowledged within {waited_s} s")]
    Unacknowledged { topic: String, waited_s: u64 },
}
