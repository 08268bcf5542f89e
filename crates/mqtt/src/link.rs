use std::{fmt, sync::Arc};

use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    Config, MqttError, QoS,
    session::{Command, Outgoing, Session},
};

/// Whether the broker can be heard now. Read it from [`Link::state`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Connecting,
    /// The broker has accepted the connection and every subscription.
    Connected,
    /// Another attempt follows by itself, unless the reason is [`MqttError::Closed`].
    Disconnected {
        reason: MqttError,
    },
}

/// A connection that is made anew for ever, until [`Link::close`].
///
/// Dropping it breaks the connection without a farewell, as a crash would.
#[derive(Debug)]
pub struct Link {
    publisher: Publisher,
    state: watch::Receiver<State>,
    task: JoinHandle<()>,
}

impl Link {
    /// Starts a task that connects and subscribes to the filters, and returns at once; errors of the network show
    /// in [`Link::state`], errors of the settings here.
    ///
    /// The receiver holds up to `incoming_max` messages; while it is full the link does not read, and the
    /// broker keeps what follows. Acknowledgements of our own publishes wait in the same stream: whoever drains
    /// the receiver must not await [`Publisher::publish`] in between.
    ///
    /// Every new connection subscribes again, so retained messages arrive again.
    /// Must be called within a tokio runtime with I/O and time.
    pub fn connect(
        config: &Config,
        subscriptions: Vec<(String, QoS)>,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), MqttError> {
        let (commands, commands_in) = mpsc::channel(usize::from(config.inflight_max));
        let (incoming, incoming_out) = mpsc::channel(config.incoming_max.max(1));
        let (state_in, state) = watch::channel(State::Connecting);
        let session = Session::new(config, subscriptions, commands_in, incoming, state_in)?;
        let places = Arc::new(Semaphore::new(usize::from(config.inflight_max)));
        let publisher = Publisher { config: Arc::new(config.clone()), commands, places };
        let task = tokio::spawn(session.run());
        Ok((Self { publisher, state, task }, incoming_out))
    }

    /// A handle to publish with; clones share the places in flight.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Breaks the connection and makes another, so that the broker delivers every unacknowledged message again.
    /// For when entries could not be written. Repeated calls are slowed down like any other failure.
    pub async fn redeliver(&self) -> Result<(), MqttError> {
        self.publisher.commands.send(Command::Redeliver).await.map_err(|_| MqttError::Closed)
    }

    /// Sends the acknowledgements that were given, takes leave of the broker and waits for the task to end.
    /// Publishes still in flight fail with [`MqttError::Closed`].
    pub async fn close(mut self) {
        if self.publisher.commands.send(Command::Close).await.is_ok()
            && let Err(error) = (&mut self.task).await
        {
            tracing::error!(%error, "the mqtt task did not end well");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends messages over a [`Link`].
#[derive(Debug, Clone)]
pub struct Publisher {
    config: Arc<Config>,
    commands: mpsc::Sender<Command>,
    places: Arc<Semaphore>,
}

impl Publisher {
    /// Publishes one message.
    ///
    /// In QoS 1 this returns when the broker has acknowledged, however many connections that takes, or with
    /// [`MqttError::Unacknowledged`] after `publish_timeout_s`. The broker may have it even then, and when this
    /// future is dropped. In QoS 0 it returns when the message is on its way, and fails without a connection.
    ///
    /// A broker of MQTT 3.1.1 cannot say that its access list forbids a topic: it acknowledges, or closes.
    pub async fn publish(
        &self,
        topic: &str,
        payload: impl Into<Vec<u8>>,
        qos: QoS,
        retain: bool,
    ) -> Result<(), MqttError> {
        let payload = payload.into();
        self.check(topic, &payload)?;
        let message = Message { topic: topic.to_owned(), payload, retain };
        match self.config.publish_timeout() {
            None => self.deliver(message, qos).await,
            Some(limit) => timeout(limit, self.deliver(message, qos)).await.unwrap_or_else(|_| {
                Err(MqttError::Unacknowledged { topic: topic.to_owned(), waited_s: limit.as_secs() })
            }),
        }
    }

    async fn deliver(&self, message: Message, qos: QoS) -> Result<(), MqttError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| MqttError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let outgoing = Outgoing { message, qos, reply, place };
        self.commands.send(Command::Publish(outgoing)).await.map_err(|_| MqttError::Closed)?;
        answer.await.unwrap_or(Err(MqttError::Closed))
    }

    fn check(&self, topic: &str, payload: &[u8]) -> Result<(), MqttError> {
        if topic.is_empty() || topic.contains(['+', '#', '\0']) {
            return Err(MqttError::Topic { topic: topic.to_owned() });
        }
        for (what, bytes, bytes_max) in [
            ("a topic", topic.len(), self.config.topic_bytes_max),
            ("a payload", payload.len(), self.config.payload_bytes_max),
        ] {
            if bytes > bytes_max {
                return Err(MqttError::TooLong { what, bytes, bytes_max });
            }
        }
        Ok(())
    }
}

/// What is published.
#[derive(Debug)]
pub(crate) struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    pub retain: bool,
}

/// A message from the broker.
#[derive(Debug)]
pub struct Incoming {
    /// Cut to `topic_bytes_max` if the payload is an error that says so.
    pub topic: String,
    /// The body, or why it is not here. What is too long must be acknowledged too, or it comes again.
    pub payload: Result<Vec<u8>, TooLong>,
    /// It was stored at the broker before we subscribed.
    pub retain: bool,
    /// The broker has sent it before. (Absent on a double that the sender caused.)
    pub duplicate: bool,
    pub ack: Ack,
}

/// A received message exceeded a limit of this link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLong {
    #[error("a payload of {bytes} bytes exceeds the limit of {bytes_max}")]
    Payload { bytes: usize, bytes_max: usize },
    #[error("a topic of {bytes} bytes exceeds the limit of {bytes_max}")]
    Topic { bytes: usize, bytes_max: usize },
}

/// The right to acknowledge one message. Dropping it leaves the message with the broker, which delivers it again
/// on the next connection, and until then counts it among those that it may have under way to us.
///
/// MQTT wants acknowledgements in the order of arrival (MQTT-4.6.0-2).
#[must_use = "a message that is not acknowledged comes again"]
pub struct Ack(pub(crate) Option<(Receipt, mpsc::UnboundedSender<Receipt>)>);

/// A packet id, which has a meaning only on the connection that it came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub connection: u64,
    pub id: u16,
}

impl Ack {
    /// Sends the PUBACK, if the message came by QoS 1 and by the connection that still stands; otherwise does
    /// nothing, as the broker will deliver it again.
    pub fn done(self) {
        if let Some((receipt, receipts)) = self.0
            && receipts.send(receipt).is_err()
        {
            tracing::debug!(id = receipt.id, "acknowledged after the link was closed");
        }
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ack").field(&self.0.as_ref().map(|(receipt, _)| receipt)).finish()
    }
}
